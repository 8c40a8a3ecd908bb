//! Faults on demand, for demos and tests: refused, failed, slow, hanging and lost answers. They
//! exist only in a server that was started with `--faults`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use syncline::protocol::{ErrorCode, PHANTOM_ID, RefusedRow};

use crate::failure::Failure;

/// Longer delays would only look like a hanging server, for which there is `hangNext`.
const MAX_LATENCY_MS: u64 = 60_000;

/// The faults to come.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Plan>);

/// What is planned, as `GET /api/_faults` shows it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    /// Every load and sync waits so long before it is worked on.
    latency_ms: u64,
    fail_next: FailNext,
    refuse_next: RefuseNext,
    /// So many syncs are saved, and their connection closed without an answer.
    drop_answer: u32,
    /// So many loads and syncs are neither worked on nor answered.
    hang_next: u32,
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
    reset: bool,
    latency_ms: Option<u64>,
    fail_next: Option<FailNext>,
    refuse_next: Option<CountOr<RefuseNext>>,
    drop_answer: Option<u32>,
    hang_next: Option<u32>,
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
    pub(crate) fn plan(&self) -> Plan {
        self.lock().clone()
    }

    pub(crate) fn set(&self, change: FaultChange) -> Plan {
        let mut plan = self.lock();
        if change.reset {
            *plan = Plan::default();
        }
        if let Some(latency_ms) = change.latency_ms {
            plan.latency_ms = latency_ms.min(MAX_LATENCY_MS);
        }
        plan.fail_next = change.fail_next.unwrap_or(plan.fail_next);
        match change.refuse_next {
            None => {}
            Some(CountOr::Count(count)) => {
                plan.refuse_next = RefuseNext {
                    count,
                    message: reason(),
                };
            }
            Some(CountOr::Full(refuse)) => plan.refuse_next = refuse,
        }
        plan.drop_answer = change.drop_answer.unwrap_or(plan.drop_answer);
        plan.hang_next = change.hang_next.unwrap_or(plan.hang_next);
        plan.clone()
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.lock().latency_ms)
    }

    /// The fault of the next load or sync.
    pub(crate) fn take(&self, sync: bool) -> Option<Fault> {
        let mut plan = self.lock();
        if take_one(&mut plan.hang_next) {
            return Some(Fault::Hang);
        }
        if take_one(&mut plan.fail_next.count) {
            return Some(Fault::Fail(plan.fail_next.status));
        }
        let refuse = sync && take_one(&mut plan.refuse_next.count);
        refuse.then(|| Fault::Refuse(plan.refuse_next.message.clone()))
    }

    /// Whether the answer to a saved sync gets lost.
    pub(crate) fn take_drop(&self) -> bool {
        take_one(&mut self.lock().drop_answer)
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
