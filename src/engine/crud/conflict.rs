//! What follows when the server refuses a sync because its data is newer.

use super::backlog::Backlog;
use super::context::Context;
use super::exchange::Exchange;
use super::manager::Manager;
use super::relations;
use crate::engine::config::OnConflict;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::json::Response;
use crate::engine::json::dom::Value;
use crate::engine::json::write::Object;
use crate::engine::store::Store;
use crate::prelude::*;

impl Manager {
    /// Whether a refusal is answered by what the server has, on top of which the edits go out
    /// again: because that is wanted, or because conflicts are decided otherwise than by default.
    /// So many in a row are; the next one is told like any other, and the count starts anew.
    pub(super) fn reloads_after(
        &mut self,
        error: &SyncError,
        response: Option<&Response>,
        cx: &Context,
    ) -> bool {
        if error.code != ErrorCode::Conflict {
            self.conflicts = 0;
            return false;
        }
        let chosen = self.any(&cx.stores, Store::decides_conflicts);
        // What carried nothing clashes with nothing: the server can't say what is new since so long
        // ago.
        let asks = !self.any(&cx.stores, Store::has_inflight);
        let wanted = chosen || asks || self.options.on_conflict != OnConflict::Keep;
        let loads = self.options.load.url.is_some();
        let knows = loads || response.is_some_and(|response| !versions(response).is_empty());
        if !wanted || !knows {
            self.conflicts = 0;
            return false;
        }
        self.conflicts += 1;
        self.conflicts <= self.options.max_conflict_retries
    }

    /// The server refuses again and again because others are quicker: the next attempt comes after
    /// a wait, each longer than the last one, and begins with what the server has.
    pub(super) fn plan_after_conflicts(&mut self, cx: &mut Context) -> Option<u64> {
        let waits = self
            .conflicts
            .checked_sub(self.options.max_conflict_retries + 1)?;
        self.retry.resume(waits);
        let wait = self
            .retry
            .on_failure(&self.options.retry, cx.now, &mut cx.rng);
        if wait.is_none() {
            self.conflicts = 0;
        } else if self.options.load.url.is_some() {
            self.backlog = Backlog::Doubtful(Vec::new());
        }
        wait
    }

    /// A load comes before the next sync; where none can, what the refusal itself says of the
    /// server's records. Those who called wait for that sync, unless what they called for is taken
    /// back.
    pub(super) fn reload_after_conflict(
        &mut self,
        exchange: &mut Exchange,
        (error, response): (&SyncError, Option<&Response>),
        cx: &mut Context,
    ) {
        let reverts = self.options.on_conflict == OnConflict::Revert;
        for &id in &exchange.stores {
            let Some(store) = cx.stores.get_mut(id) else {
                continue;
            };
            if reverts {
                store.revert_inflight(error, &mut cx.notices);
            } else {
                store.thaw(None, &mut cx.notices);
            }
        }
        let loads = self.options.load.url.is_some();
        if let (false, Some(response)) = (loads, response) {
            self.take_versions(exchange, response, cx);
        }
        if reverts {
            for &id in &exchange.stores {
                relations::follow(cx, id);
            }
            if loads {
                self.next_load.get_or_insert_default();
            }
            return;
        }
        self.waiting.splice(0..0, exchange.calls.drain(..));
        if loads {
            self.backlog = Backlog::Doubtful(Vec::new());
        }
        self.asked = true;
        self.hurry = true;
    }

    /// Lays what the server has under the edits, as a refusal names it.
    fn take_versions(&mut self, exchange: &Exchange, response: &Response, cx: &mut Context) {
        let changes = versions(response);
        if let Ok(mut changes) = self.read(&exchange.stores, &changes, cx) {
            let outcome = self.apply_changes(&exchange.stores, &mut changes, None, cx);
            self.revision.on_success(&response.envelope);
            self.tell_outcome(Vec::new(), outcome, cx);
        }
    }
}

/// The records that a refusal names with what the server has,
/// `conflicts: [{ store, id, server?, removed? }]`, as a changeset; empty when it names none.
fn versions(response: &Response) -> Vec<u8> {
    let list = response.envelope.get("conflicts").and_then(Value::as_list);
    let list = list.unwrap_or_default();
    let mut names: Vec<&str> = Vec::new();
    for name in list.iter().filter_map(|it| it.get("store")?.as_text()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut out = Vec::new();
    if names.is_empty() {
        return out;
    }
    let mut stores = Object::begin(&mut out);
    for name in names {
        let of = |it: &&Value| it.get("store").and_then(Value::as_text) == Some(name);
        let mut section = Object::begin(stores.member(name));
        let rows = list.iter().filter(of).filter_map(|it| it.get("server"));
        write_rows(
            rows.filter(|row| row.as_object().is_some()),
            section.member("updated"),
        );
        let gone = list.iter().filter(of);
        let gone = gone.filter(|it| it.get("removed") == Some(&Value::Bool(true)));
        write_rows(gone, section.member("removed"));
        section.end();
    }
    stores.end();
    out
}

fn write_rows<'a>(rows: impl Iterator<Item = &'a Value>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, row) in rows.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        row.write(out);
    }
    out.push(b']');
}
