//! Syncs: how packages are made, how they end, and what is done when nobody knows how they ended.

use super::answer;
use super::backlog::{Addition, Backlog, Held, additions};
use super::context::{Context, Stores};
use super::exchange::{Detail, Exchange, Phase, Stage};
use super::manager::Manager;
use super::outcome::Outcome;
use super::package::{self, LoadOptions};
use super::relations;
use super::verdict::{self, Verdict};
use crate::engine::effect::RequestKind;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{Event, EventKind};
use crate::engine::input::{CallId, StoreId};
use crate::engine::json::Response;
use crate::engine::json::dom::Value;
use crate::engine::store::{Layer, PackageOptions, Store};
use crate::prelude::*;

impl Manager {
    /// Somebody wants all changes sent. While a sync runs, this and all further calls wait for one
    /// more, whose package is made when it starts. While the browser is offline or a load runs,
    /// they wait for that to end.
    ///
    /// # Errors
    /// [`Calls::open`](super::calls::Calls::open)'s.
    pub fn sync(&mut self, call: Option<CallId>, cx: &mut Context) -> Result<(), SyncError> {
        if let Some(call) = call {
            cx.calls.open(call, self.id)?;
        }
        if self.is_syncing() {
            self.tell(Event::SyncDelayed, cx);
        } else if !self.has_changes(&cx.stores) && !self.options.force_sync && !self.holds_request()
        {
            self.settle(call.as_slice(), &Ok(None), None, cx);
            return Ok(());
        } else {
            self.hurry = true;
        }
        self.waiting.extend(call);
        self.asked = true;
        self.pump(cx);
        Ok(())
    }

    /// A sync begins: the request that is held, or a new package; also one without changes when it
    /// is `forced`.
    pub(super) fn begin_sync(&mut self, forced: bool, cx: &mut Context) {
        let called = core::mem::take(&mut self.asked);
        self.hurry = false;
        self.again_runs = core::mem::take(&mut self.again);
        self.retry.on_sent();
        let calls = core::mem::take(&mut self.waiting);
        let (wire_id, pack, stores, repeated) = match core::mem::take(&mut self.backlog) {
            Backlog::Held(held) => {
                // Edits wait for what is held: they must not have it sent again and again.
                self.auto.on_sent();
                (held.wire_id, held.pack, held.stores, true)
            }
            Backlog::Clear | Backlog::Doubtful(_) | Backlog::Reported(_) => {
                self.auto.on_sent();
                self.hold_dependents(cx);
                self.freeze(called, cx);
                let sections = self.sections(&cx.stores, Layer::Inflight);
                if sections.is_empty() && !(forced || called && self.options.force_sync) {
                    // What a cascade did may be frozen though nothing of it is sent.
                    let stores = self.stores.clone();
                    self.thaw(&stores, None, cx);
                    self.settle(&calls, &Ok(None), None, cx);
                    return;
                }
                let wire_id = cx.rng.request_id();
                let data = self.sync_data();
                let pack = package::sync_pack(wire_id, self.revision.value(), &sections, &data);
                (wire_id, pack, self.stores.clone(), false)
            }
        };
        let exchange = Exchange {
            request: cx.ids.request(),
            kind: RequestKind::Sync,
            wire_id,
            calls,
            pack,
            stores,
            keep_response: false,
            stage: Stage::Passing(Phase::Vetting),
            detail: Detail::Sync { repeated },
        };
        self.vet(exchange, cx);
    }

    /// The stores' parts of a package, in load order.
    pub(super) fn sections<'a>(&self, stores: &'a Stores, layer: Layer) -> Vec<(&'a str, Vec<u8>)> {
        let options = self.package_options();
        let mut sections = Vec::new();
        for store in self.stores.iter().filter_map(|&id| stores.get(id)) {
            let mut bytes = Vec::new();
            let targets = relations::targets(store, stores, Store::has_aliases);
            if store.write_package(layer, &options, &targets, &mut bytes) {
                sections.push((store.name(), bytes));
            }
        }
        sections
    }

    pub(super) fn package_options(&self) -> PackageOptions {
        PackageOptions {
            phantom_id_field: self.options.phantom_id_field.clone(),
            phantom_parent_id_field: self.options.phantom_parent_id_field.clone(),
            reset_ids_before_sync: self.options.reset_ids_before_sync,
            write_all_fields: self.options.write_all_fields,
            include_children_in_remove_request: self.options.include_children_in_remove_request,
        }
    }

    /// A sync was taken back. One that never went out leaves its edits as they were; one that did
    /// may have been carried out: it is held, and goes out again with the next sync.
    pub(super) fn on_sync_taken_back(
        &mut self,
        exchange: &Exchange,
        error: &SyncError,
        cx: &mut Context,
    ) {
        let repeated = matches!(exchange.detail, Detail::Sync { repeated: true });
        if exchange.sent() || repeated {
            self.keep(exchange, cx);
        } else {
            self.thaw(&exchange.stores, Some(error), cx);
        }
    }

    /// A sync was answered, and nobody objected.
    pub(super) fn finish_sync(
        &mut self,
        exchange: Exchange,
        mut response: Response,
        cx: &mut Context,
    ) {
        let oddities = answer::oddities(&mut response, &exchange);
        let as_load = self.options.track_response_type && answer::is_of_type(&response, "load");
        let outcome = if as_load {
            // The whole data set says what the server made of the package: what it doesn't show is
            // still to be sent.
            self.thaw(&exchange.stores, None, cx);
            self.apply_rows(&exchange.stores, &mut response, &LoadOptions::default(), cx)
        } else {
            let unmentioned = Some(self.unmentioned());
            self.apply_changes(&exchange.stores, &mut response, unmentioned, cx)
        };
        self.note_success(&response);
        self.land(Some(&exchange), &response, false);
        self.note_news(RequestKind::Sync, cx.now);
        self.conflicts = 0;
        self.retry.on_answered();
        self.status.on_success();
        if outcome.more_to_send {
            self.auto.on_edit(cx.now);
        }
        for event in [EventKind::RequestDone, EventKind::Sync] {
            self.tell(Event::Done(event, RequestKind::Sync, exchange.request), cx);
        }
        self.tell_outcome(oddities, outcome, cx);
        self.after_other(cx);
        let repeated = matches!(exchange.detail, Detail::Sync { repeated: true });
        if repeated && exchange.calls.is_empty() && self.any(&cx.stores, Store::has_ready_changes) {
            self.auto.on_way_open();
        }
        self.rest_waits &= self.any(&cx.stores, Store::has_ready_changes);
        let more = self.rest_waits || repeated && self.any(&cx.stores, Store::has_changes);
        if more && !exchange.calls.is_empty() {
            // Whoever called wanted the rest, or the newer edits, sent too.
            self.asked = true;
            self.waiting.splice(0..0, exchange.calls.iter().copied());
        } else {
            let outcome = Ok(Some(exchange.request));
            self.settle(&exchange.calls, &outcome, Some(exchange.request), cx);
        }
        self.release(&exchange, cx);
    }

    /// A sync failed: for certain, for a part, or perhaps.
    pub(super) fn fail_sync(
        &mut self,
        mut exchange: Exchange,
        verdict: Verdict,
        response: Option<Response>,
        cx: &mut Context,
    ) {
        let mut outcome = Outcome::default();
        let mut oddities = Vec::new();
        let mut taken_back = false;
        let (error, retry_in) = match verdict {
            Verdict::Success => return,
            Verdict::Refused(error) | Verdict::Partial(error)
                if self.reloads_after(&error, response.as_ref(), cx) =>
            {
                let why = (&error, response.as_ref());
                self.reload_after_conflict(&mut exchange, why, cx);
                (error, Some(0))
            }
            Verdict::Refused(error) => {
                self.rest_waits = false;
                match self.doubt(&exchange, &error, response.as_ref()) {
                    Doubt::None => self.thaw(&exchange.stores, Some(&error), cx),
                    Doubt::Hold => self.hold(&exchange),
                    Doubt::Reload => {
                        let added = self.additions(&exchange, cx);
                        self.backlog = Backlog::Doubtful(added);
                    }
                }
                let retry_in = match self.backlog {
                    Backlog::Doubtful(_) => {
                        self.retry
                            .on_failure(&self.options.retry, cx.now, &mut cx.rng)
                    }
                    _ => self.plan_after_refusal(&error, cx),
                };
                (error, retry_in)
            }
            Verdict::Partial(error) => {
                if let Some(mut response) = response {
                    oddities = answer::oddities(&mut response, &exchange);
                    let rest = Some(answer::after_failure(&response));
                    outcome = self.apply_changes(&exchange.stores, &mut response, rest, cx);
                }
                self.thaw(&exchange.stores, None, cx);
                // Refused records are held back from here on, so that each round has fewer to send.
                if outcome.names_refusals() && self.any(&cx.stores, Store::has_ready_changes) {
                    if exchange.calls.is_empty() && !self.again_runs {
                        self.auto.on_edit(cx.now);
                    } else {
                        // Whoever called wanted all saved that can be.
                        self.again = true;
                    }
                }
                let retry_in = self.plan_after_refusal(&error, cx);
                // What was refused went back: nobody has to act.
                taken_back = !self.has_changes(&cx.stores);
                (error, retry_in)
            }
            Verdict::Unknown(error) => {
                let retry_in = self.plan_after_unknown(&exchange, &error, cx);
                (error, retry_in)
            }
        };
        self.status.on_failure(error.clone());
        self.tell_failure(&exchange, &error, retry_in, cx);
        self.tell_outcome(oddities, outcome, cx);
        if taken_back {
            self.forget_failure();
        }
        if matches!(self.backlog, Backlog::Doubtful(_)) && self.options.load.url.is_none() {
            self.resolve_doubts(Some(&error), cx);
        }
        self.after_other(cx);
        let request = exchange.sent().then_some(exchange.request);
        self.settle(&exchange.calls, &Err(error), request, cx);
        self.release(&exchange, cx);
    }

    /// The server refused. Nothing is sent again by itself before the next edit, but where it only
    /// asked for a pause, or others were quicker.
    fn plan_after_refusal(&mut self, error: &SyncError, cx: &mut Context) -> Option<u64> {
        if error.status == Some(TOO_MANY_REQUESTS) {
            return self
                .retry
                .on_failure(&self.options.retry, cx.now, &mut cx.rng);
        }
        self.retry.on_answered();
        if error.code == ErrorCode::Conflict {
            return self.plan_after_conflicts(cx);
        }
        None
    }

    /// What a refusal leaves open. It settles a request that went out once. Of a repeated one it
    /// says nothing about the time before, unless it is the word of a server that knows repeated
    /// requests again.
    fn doubt(&self, exchange: &Exchange, error: &SyncError, response: Option<&Response>) -> Doubt {
        if !matches!(exchange.detail, Detail::Sync { repeated: true }) {
            return Doubt::None;
        }
        let named = response.is_some_and(|response| {
            response
                .envelope
                .get("requestId")
                .is_some_and(|id| !id.is_null())
                && verdict::foreign_request_id(&response.envelope, exchange.wire_id).is_none()
        });
        // Only what speaks of the content comes from the app behind the gateways; a login that has
        // expired doesn't.
        let of_content = matches!(error.status, Some(200..=299 | 400 | 409 | 422));
        match (
            named && self.is_idempotent(),
            response.is_some() && of_content,
        ) {
            (true, _) => Doubt::None,
            (false, true) => Doubt::Reload,
            (false, false) => Doubt::Hold,
        }
    }

    /// Whether the server is known to answer a repeated request with its first answer.
    const fn is_idempotent(&self) -> bool {
        self.options.idempotent_sync || self.seen_idempotent
    }

    /// Nobody knows what the server did: it is to be found out, after a wait.
    fn plan_after_unknown(
        &mut self,
        exchange: &Exchange,
        error: &SyncError,
        cx: &mut Context,
    ) -> Option<u64> {
        self.keep(exchange, cx);
        let retry_in = self
            .retry
            .on_failure(&self.options.retry, cx.now, &mut cx.rng);
        // Answered by a failure again: the server may break down over the package itself. What it
        // has is looked at before the next one, which is made anew, without what was taken back
        // meanwhile.
        let repeated = matches!(exchange.detail, Detail::Sync { repeated: true });
        let broke = repeated && error.status.is_some() && retry_in.is_none();
        if broke {
            let added = self.additions(exchange, cx);
            // What adds records is repeated once more first: the server would know it again.
            if added.is_empty() || self.retry.in_vain() {
                self.backlog = Backlog::Doubtful(added);
            }
        }
        retry_in
    }

    /// Keeps a request of unknown outcome. The same one goes out again, where that can't do
    /// anything twice; else a load has to tell what became of the additions.
    fn keep(&mut self, exchange: &Exchange, cx: &mut Context) {
        let added = self.additions(exchange, cx);
        if added.is_empty() || self.is_idempotent() {
            self.hold(exchange);
        } else {
            self.backlog = Backlog::Doubtful(added);
        }
    }

    /// Keeps in mind which additions in doubt the user has removed. To be asked before a load is
    /// applied: that may turn phantoms into the server's records.
    pub(super) fn note_removed(&mut self, stores: &Stores) {
        if let Backlog::Doubtful(additions) = &mut self.backlog {
            for addition in additions {
                let store = stores.get(addition.store);
                let found = store.and_then(|store| store.find_phantom(&addition.phantom));
                addition.removed |= found.is_none();
            }
        }
    }

    fn hold(&mut self, exchange: &Exchange) {
        self.backlog = Backlog::Held(Held {
            wire_id: exchange.wire_id,
            pack: exchange.pack.clone(),
            stores: exchange.stores.clone(),
        });
    }

    fn additions(&self, exchange: &Exchange, cx: &Context) -> Vec<Addition> {
        let name = |&id: &StoreId| {
            let store = cx.stores.get(id)?;
            Some((
                id,
                store.name().to_owned(),
                self.phantom_id_field(store).to_owned(),
            ))
        };
        let names: Vec<_> = exchange.stores.iter().filter_map(name).collect();
        additions(&exchange.pack, &names)
    }

    /// What was on the wire goes back under the edits; with a reason, because it was refused.
    fn thaw(&self, stores: &[StoreId], why: Option<&SyncError>, cx: &mut Context) {
        for &id in stores {
            if let Some(store) = cx.stores.get_mut(id) {
                store.thaw(why, &mut cx.notices);
            }
        }
        self.gather(cx);
    }

    /// A load has been applied under what was on the wire (or can't be had, because of `error`):
    /// what is in doubt goes back to the edits. Additions that are still phantoms may be on the
    /// server under ids that nobody here can tell: the app is told of them, and they go out when it
    /// calls `sync`.
    pub(super) fn resolve_doubts(&mut self, error: Option<&SyncError>, cx: &mut Context) {
        let additions = match core::mem::take(&mut self.backlog) {
            Backlog::Doubtful(additions) => additions,
            other => {
                self.backlog = other;
                return;
            }
        };
        let stores = self.stores.clone();
        self.thaw(&stores, None, cx);
        self.retry.on_answered();
        let removed = additions.iter().filter(|addition| addition.removed).count();
        let mut remaining = Vec::new();
        let mut records = Vec::new();
        for addition in additions {
            let Some(store) = cx.stores.get(addition.store) else {
                continue;
            };
            let Some(row) = store.find_phantom(&addition.phantom) else {
                continue;
            };
            if store.state(row).is_ok_and(|state| state.phantom) {
                records.push((addition.store, row));
                remaining.push(addition);
            }
        }
        if remaining.is_empty() {
            // The sync that nobody knows the outcome of is made up for.
            self.asked |= error.is_none() && self.any(&cx.stores, Store::has_changes);
        }
        if remaining.is_empty() && removed == 0 {
            return;
        }
        let mut message = format!(
            "{} added record(s) may or may not have reached the server; sync() sends them again",
            remaining.len()
        );
        if removed > 0 {
            message += &format!("; {removed} that were removed since may turn up again");
        }
        let event = EventKind::SyncUncertain;
        self.tell(
            Event::Warning {
                event,
                message: message.clone(),
                records,
            },
            cx,
        );
        if !remaining.is_empty() {
            self.backlog = Backlog::Reported(remaining);
            let error = error.cloned();
            let error = error.unwrap_or_else(|| SyncError::new(ErrorCode::Network, message));
            self.status.on_failure(error.clone());
            // Those who called before this was known did not ask for a second addition.
            self.reject_waiting(&error, cx);
        }
    }

    /// Those who wait for the next sync don't get one.
    pub(super) fn reject_waiting(&mut self, error: &SyncError, cx: &mut Context) {
        self.asked = false;
        let calls = core::mem::take(&mut self.waiting);
        self.settle(&calls, &Err(error.clone()), None, cx);
    }

    /// The wire name of a store's client ids.
    pub(super) fn phantom_id_field<'a>(&'a self, store: &'a Store) -> &'a str {
        store
            .config()
            .phantom_id_field
            .as_deref()
            .unwrap_or(&self.options.phantom_id_field)
    }

    /// What every success may say beside its data.
    pub(super) fn note_success(&mut self, response: &Response) {
        self.revision.on_success(&response.envelope);
        if let Some(Value::Bool(said)) = response.envelope.get("idempotent") {
            self.seen_idempotent = *said;
        }
    }
}

/// What a refusal leaves open.
enum Doubt {
    /// Nothing.
    None,
    /// Whether the request was carried out before: the same one has to go out again.
    Hold,
    /// What the server has: a load has to tell.
    Reload,
}

/// HTTP's "too many requests": nothing was done, and later it may be.
const TOO_MANY_REQUESTS: u16 = 429;
