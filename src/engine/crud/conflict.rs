//! What follows when the server refuses a sync because its data is newer.

use super::backlog::Backlog;
use super::context::Context;
use super::exchange::Exchange;
use super::manager::Manager;
use super::relations;
use crate::engine::config::OnConflict;
use crate::engine::error::{ErrorCode, SyncError};
use crate::prelude::*;

impl Manager {
    /// Whether a refusal is answered by a load, on top of which the edits go out again. So many in a row are; the next one is told
    /// like any other, and the count starts anew.
    pub(super) fn reloads_after(&mut self, error: &SyncError) -> bool {
        let reloads = error.code == ErrorCode::Conflict
            && self.options.on_conflict != OnConflict::Keep
            && self.options.load.url.is_some();
        if !reloads || self.conflicts >= self.options.max_conflict_retries {
            self.conflicts = 0;
            return false;
        }
        self.conflicts += 1;
        true
    }

    /// A load comes before the next sync. Those who called wait for that one, unless what they called for is taken back.
    pub(super) fn reload_after_conflict(&mut self, exchange: &mut Exchange, cx: &mut Context<'_>) {
        let reverts = self.options.on_conflict == OnConflict::Revert;
        for &id in &exchange.stores {
            let Some(store) = cx.stores.get_mut(id) else {
                continue;
            };
            if reverts {
                store.revert_inflight(cx.notices);
            } else {
                store.thaw(cx.notices);
            }
        }
        if reverts {
            for &id in &exchange.stores {
                relations::follow(cx, id);
            }
            self.next_load.get_or_insert_default();
            return;
        }
        self.waiting.splice(0..0, exchange.calls.drain(..));
        self.backlog = Backlog::Doubtful(Vec::new());
        self.asked = true;
        self.hurry = true;
    }
}
