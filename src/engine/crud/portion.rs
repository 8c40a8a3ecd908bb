//! Which part of what waits goes into the next package: all of it, unless servers can't resolve
//! references to new records (`phasedSync`), or bear large bodies (`maxSyncBytes`). What is left
//! follows at once in packages of its own.

use super::context::Context;
use super::manager::Manager;
use super::{package, relations};
use crate::engine::input::StoreId;
use crate::engine::store::Waiting;
use crate::prelude::*;

/// What a section weighs beside its records: quotes, brackets, the names of its lists.
const SECTION_BYTES: usize = 48;

impl Manager {
    /// Puts what waits onto the wire. What was refused goes along only when somebody `called`.
    pub(super) fn freeze(&mut self, called: bool, cx: &mut Context) {
        self.rest_waits = false;
        if self.options.phased_sync || self.options.max_sync_bytes > 0 {
            let mut waiting = self.in_order_of_reference(called, cx);
            if self.options.phased_sync {
                waiting = self.first_phase(waiting);
            }
            self.freeze_portion(&waiting, cx);
            return;
        }
        for &id in &self.stores {
            if let Some(store) = cx.stores.get_mut(id) {
                if called {
                    store.freeze(&mut cx.notices);
                } else {
                    store.freeze_ready(&mut cx.notices);
                }
            }
        }
    }

    /// What waits: additions and edits behind what they refer to, then removals before what they
    /// refer to.
    fn in_order_of_reference(&self, called: bool, cx: &Context) -> Vec<(StoreId, Waiting)> {
        let options = self.package_options();
        let order = relations::referenced_first(self.stores.clone(), &cx.stores);
        let mut waiting = Vec::new();
        let mut removals = Vec::new();
        for id in order {
            let Some(store) = cx.stores.get(id) else {
                continue;
            };
            let targets = relations::targets(store, &cx.stores, |_| true);
            let mut of_store = Vec::new();
            for record in store.waiting(called, &options, &targets) {
                if record.removal {
                    of_store.push((id, record));
                } else {
                    waiting.push((id, record));
                }
            }
            removals.splice(0..0, of_store);
        }
        waiting.extend(removals);
        waiting
    }

    /// What refers to no new record; everything where that is nothing, as in a circle of
    /// references.
    fn first_phase(&mut self, waiting: Vec<(StoreId, Waiting)>) -> Vec<(StoreId, Waiting)> {
        if waiting.iter().all(|(_, record)| record.refers_to_new) {
            return waiting;
        }
        let all = waiting.len();
        let first: Vec<_> = waiting
            .into_iter()
            .filter(|(_, record)| !record.refers_to_new)
            .collect();
        self.rest_waits = first.len() < all;
        first
    }

    /// As many as one package may carry, at least one.
    fn freeze_portion(&mut self, waiting: &[(StoreId, Waiting)], cx: &mut Context) {
        let mut end = waiting.len();
        if self.options.max_sync_bytes > 0 {
            let head = package::sync_pack(u64::MAX, self.revision.value(), &[], &self.sync_data());
            let mut bytes = head.len();
            let mut begun: Vec<StoreId> = Vec::new();
            for (at, (id, record)) in waiting.iter().enumerate() {
                if !begun.contains(id) {
                    begun.push(*id);
                    bytes +=
                        SECTION_BYTES + cx.stores.get(*id).map_or(0, |store| store.name().len());
                }
                bytes += record.bytes;
                if bytes > self.options.max_sync_bytes && at > 0 {
                    end = at;
                    break;
                }
            }
        }
        self.rest_waits |= end < waiting.len();
        for &id in &self.stores {
            let of_store = waiting.iter().take(end).filter(|(store, _)| *store == id);
            let rows: Vec<_> = of_store.map(|(_, record)| record.row).collect();
            if let Some(store) = cx.stores.get_mut(id) {
                store.freeze_rows(&rows, &mut cx.notices);
            }
        }
    }
}
