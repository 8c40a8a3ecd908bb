//! Faults on demand, for demos and tests: refused, failed, slow, hanging and lost answers, and
//! messages of the live channel that come twice, late or never; for all clients or for one. They
//! exist only in a server that was started with `--faults`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, sleep};

use syncline::protocol::{ErrorCode, PHANTOM_ID, RefusedRow};

use crate::failure::Failure;
use crate::live::Mishap;

/// Longer delays would only look like a hanging server, for which there is `hangNext`.
const MAX_LATENCY_MS: u64 = 60_000;

/// For how many clients there may be faults of their own.
const MAX_PLANS: usize = 1000;

/// The faults to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    plans: Mutex<Plans>,
    changed: Notify,
}

/// What is planned, as `GET /api/_faults` shows it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Plans {
    /// For everybody.
    #[serde(flatten)]
    all: Plan,
    /// By client id or user id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    clients: BTreeMap<String, Plan>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    /// Every load and sync waits so long before it is worked on, every message before it is sent.
    latency_ms: u64,
    fail_next: FailNext,
    refuse_next: RefuseNext,
    /// So many syncs are saved, and their connection closed without an answer.
    drop_answer: u32,
    /// So many loads and syncs are neither worked on nor answered.
    hang_next: u32,
    /// Before so many syncs somebody else changes the same fields.
    conflict_next: u32,
    /// So many changes are told twice, after the next one, or not at all.
    repeat_next: u32,
    reorder_next: u32,
    lose_next: u32,
    /// Nothing is told any more, and nothing answered.
    mute: bool,
}

/// The next loads and syncs fail with a status, without being worked on.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailNext {
    status: u16,
    #[serde(default = "one")]
    count: u32,
}

/// The next syncs are refused with a reason on each of their records.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefuseNext {
    #[serde(default = "one")]
    count: u32,
    #[serde(default = "reason")]
    message: String,
}

/// What `POST /api/_faults` may set; what it doesn't name stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct FaultChange {
    /// The client id or user id that the rest is about; everybody, unless named.
    pub(crate) client: Option<String>,
    /// Cuts the connections of the live channel.
    pub(crate) drop_sockets: bool,
    reset: bool,
    latency_ms: Option<u64>,
    fail_next: Option<FailNext>,
    refuse_next: Option<CountOr<RefuseNext>>,
    drop_answer: Option<u32>,
    hang_next: Option<u32>,
    conflict_next: Option<u32>,
    repeat_next: Option<u32>,
    reorder_next: Option<u32>,
    lose_next: Option<u32>,
    mute: Option<bool>,
}

/// A plain number of times, or all that can be said.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum CountOr<T> {
    Count(u32),
    Full(T),
}

/// The fault of one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Hang,
    Fail(u16),
    Refuse(String),
}

impl Faults {
    pub(crate) fn plans(&self) -> Plans {
        self.lock().clone()
    }

    pub(crate) fn set(&self, change: FaultChange) -> Plans {
        let mut plans = self.lock();
        if change.reset && change.client.is_none() {
            *plans = Plans::default();
        }
        match &change.client {
            None => plans.all.set(change),
            Some(client) => {
                let known = plans.clients.contains_key(client);
                if known || plans.clients.len() < MAX_PLANS {
                    let plan = plans.clients.entry(client.clone()).or_default();
                    plan.set(change);
                }
            }
        }
        self.changed.notify_waiters();
        plans.clone()
    }

    /// Comes when the plans have changed since it was asked for.
    pub(crate) fn replanned(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Waits as long as is planned, or until that is planned no more.
    pub(crate) async fn wait(&self, names: &[String]) {
        let start = Instant::now();
        loop {
            let changed = self.replanned();
            let left = self.latency(names).saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = sleep(left) => {}
                () = changed => {}
            }
        }
    }

    pub(crate) fn latency(&self, names: &[String]) -> Duration {
        let plans = self.lock();
        let longest = plans.of(names).map(|plan| plan.latency_ms).max();
        Duration::from_millis(longest.unwrap_or(0))
    }

    /// The fault of the next load or sync.
    pub(crate) fn take(&self, names: &[String], sync: bool) -> Option<Fault> {
        self.lock().find(names, |plan| {
            if take_one(&mut plan.hang_next) {
                return Some(Fault::Hang);
            }
            if take_one(&mut plan.fail_next.count) {
                return Some(Fault::Fail(plan.fail_next.status));
            }
            let refuse = sync && take_one(&mut plan.refuse_next.count);
            refuse.then(|| Fault::Refuse(plan.refuse_next.message.clone()))
        })
    }

    /// Whether the answer to a saved sync gets lost.
    pub(crate) fn take_drop(&self, names: &[String]) -> bool {
        self.take_count(names, |plan| &mut plan.drop_answer)
    }

    /// Whether the next sync meets a change of somebody else.
    pub(crate) fn take_conflict(&self, names: &[String]) -> bool {
        self.take_count(names, |plan| &mut plan.conflict_next)
    }

    /// What happens to the next change that is told.
    pub(crate) fn take_mishap(&self, names: &[String]) -> Mishap {
        let found = self.lock().find(names, |plan| {
            if take_one(&mut plan.lose_next) {
                return Some(Mishap::Lose);
            }
            if take_one(&mut plan.repeat_next) {
                return Some(Mishap::Repeat);
            }
            take_one(&mut plan.reorder_next).then_some(Mishap::Reorder)
        });
        found.unwrap_or_default()
    }

    pub(crate) fn is_muted(&self, names: &[String]) -> bool {
        self.lock().of(names).any(|plan| plan.mute)
    }

    fn take_count(&self, names: &[String], count: impl Fn(&mut Plan) -> &mut u32) -> bool {
        let mut plans = self.lock();
        let found = plans.find(names, |plan| take_one(count(plan)).then_some(()));
        found.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Plans> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plans {
    /// The plans that concern a client: its own and everybody's.
    fn of(&self, names: &[String]) -> impl Iterator<Item = &Plan> {
        let own = names.iter().filter_map(|name| self.clients.get(name));
        own.chain([&self.all])
    }

    /// The first fault that one of these plans has.
    fn find<T>(
        &mut self,
        names: &[String],
        mut fault: impl FnMut(&mut Plan) -> Option<T>,
    ) -> Option<T> {
        for name in names {
            let found = self.clients.get_mut(name).and_then(&mut fault);
            if found.is_some() {
                return found;
            }
        }
        fault(&mut self.all)
    }
}

impl Plan {
    fn set(&mut self, change: FaultChange) {
        if change.reset {
            *self = Self::default();
        }
        if let Some(latency_ms) = change.latency_ms {
            self.latency_ms = latency_ms.min(MAX_LATENCY_MS);
        }
        self.fail_next = change.fail_next.unwrap_or(self.fail_next);
        match change.refuse_next {
            None => {}
            Some(CountOr::Count(count)) => {
                self.refuse_next = RefuseNext {
                    count,
                    message: reason(),
                };
            }
            Some(CountOr::Full(refuse)) => self.refuse_next = refuse,
        }
        self.drop_answer = change.drop_answer.unwrap_or(self.drop_answer);
        self.hang_next = change.hang_next.unwrap_or(self.hang_next);
        self.conflict_next = change.conflict_next.unwrap_or(self.conflict_next);
        self.repeat_next = change.repeat_next.unwrap_or(self.repeat_next);
        self.reorder_next = change.reorder_next.unwrap_or(self.reorder_next);
        self.lose_next = change.lose_next.unwrap_or(self.lose_next);
        self.mute = change.mute.unwrap_or(self.mute);
    }
}

/// The refusal of every record in a package.
pub(crate) fn refuse_all(package: &Value, message: &str) -> Failure {
    let mut failure = Failure::new(ErrorCode::Validation, message);
    failure.0.rolled_back = true;
    for (store, section) in package.as_object().into_iter().flatten() {
        for list in ["added", "updated", "modified", "removed"] {
            for record in section
                .get(list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let row = RefusedRow {
                    id: record.get("id").cloned(),
                    phantom_id: record
                        .get(PHANTOM_ID)
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                    success: false,
                    error: message.to_owned(),
                    code: ErrorCode::Validation,
                    fields: Vec::new(),
                    removed: false,
                };
                if let Ok(Value::Object(row)) = serde_json::to_value(row) {
                    failure
                        .0
                        .stores
                        .entry(store.clone())
                        .or_default()
                        .rows
                        .push(row);
                }
            }
        }
    }
    failure
}

fn take_one(count: &mut u32) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

fn one() -> u32 {
    1
}

fn reason() -> String {
    "The server refused this change".to_owned()
}
