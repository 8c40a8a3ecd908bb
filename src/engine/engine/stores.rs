//! What is asked of stores, and who has to know of it.

use super::Engine;
use crate::engine::config::StoreConfig;
use crate::engine::conflict::Resolution;
use crate::engine::crud::answer;
use crate::engine::crud::context::gone;
use crate::engine::crud::fate::{self, NO_MANAGER};
use crate::engine::crud::manager::Manager;
use crate::engine::crud::relations;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::{CallId, ManagerId, Place, Reply, Scope, StoreId};
use crate::engine::journal::Edits;
use crate::engine::json::{Rows, read_rows};
use crate::engine::schema::FieldIx;
use crate::engine::store::Store;
use crate::engine::table::RowId;
use crate::engine::value::Value;
use crate::prelude::*;
use alloc::sync::Arc;

impl Engine {
    pub(super) fn create_store(&mut self, config: StoreConfig) -> Result<Reply, SyncError> {
        let id = self.cx.stores.next_id()?;
        let mut store = Store::new(id, config)?;
        store.set_zone(Arc::clone(&self.cx.zone));
        self.cx.stores.push(store);
        Ok(Reply::Store(id))
    }

    pub(super) fn destroy_store(&mut self, id: StoreId) -> Result<(), SyncError> {
        if let Some(manager) = self.cx.stores.expect(id)?.manager
            && let Ok((manager, cx)) = self.lend(manager)
        {
            manager.remove_store(id, cx)?;
        }
        if let Some(store) = self.cx.stores.get_mut(id) {
            store.abandon_stakes(&gone("store", id.0));
            fate::gather(&[id], &mut self.cx);
        }
        self.cx.stores.remove(id);
        Ok(())
    }

    /// The user sets a field; who has to know of it is told later.
    #[inline]
    pub(super) fn set(
        &mut self,
        store: StoreId,
        row: RowId,
        field: FieldIx,
        value: Value<'_>,
    ) -> Result<bool, SyncError> {
        if self.guarded {
            self.check_locks(store, &[row])?;
        }
        let entry = self.cx.stores.expect(store)?;
        entry.store.set_now(self.cx.now.0 as f64);
        entry.store.set(row, field, value, &mut self.cx.notices)
    }

    /// A function of its own: in the midst of others its loop is compiled badly.
    #[inline(never)]
    pub(super) fn set_all(&mut self, mut edits: Edits<'_>) -> Result<Reply, SyncError> {
        self.updates = self.updates.saturating_add(1);
        let mut made = Ok(false);
        let (mut edited, mut fetched) = (None, 0);
        while let Some(store) = edits.store() {
            let mut changed = match self.cx.stores.get_mut(store) {
                Some(store) if !self.guarded => {
                    store.set_now(self.cx.now.0 as f64);
                    store.overwrite_all(&mut edits, &mut fetched)
                }
                _ => false,
            };
            // The next one takes more than that.
            if edits.store() == Some(store) {
                let Some(edit) = edits.next() else { break };
                match self.set(store, edit.row, edit.field, edit.value) {
                    Ok(set) => changed |= set,
                    Err(error) => made = made.and(Err(error)),
                }
            }
            if changed {
                made = made.map(|_| true);
                // What follows from edits needs to be known of each, else of the last one.
                let follow = self.cx.stores.get(store).is_some_and(Store::has_aftermath);
                if follow || edited != Some(store) {
                    self.on_edit(store);
                }
                edited = Some(store);
            }
        }
        self.end_update();
        made.map(Reply::Changed)
    }

    pub(super) fn add(
        &mut self,
        id: StoreId,
        bytes: &[u8],
        place: Place,
    ) -> Result<Reply, SyncError> {
        let rows = self.read_rows(id, bytes)?;
        if let Some(warning) = rows.warnings.first() {
            return Err(SyncError::new(ErrorCode::InvalidArgument, warning.clone()));
        }
        let store = &mut self.cx.stores.expect(id)?.store;
        let added = store.add(&rows, place, &mut self.cx.rng, &mut self.cx.notices)?;
        if !added.is_empty() {
            self.on_edit(id);
        }
        Ok(Reply::Rows(added))
    }

    pub(super) fn read_rows(&mut self, id: StoreId, bytes: &[u8]) -> Result<Rows, SyncError> {
        let zone = Arc::clone(&self.cx.zone);
        let entry = self.cx.stores.expect(id)?;
        let manager = entry.manager;
        let spec = match manager.and_then(|id| self.manager(id)) {
            Some(manager) => manager.spec(id, &self.cx.stores),
            None => Manager::lone_spec(id, &self.cx.stores),
        };
        read_rows(bytes, &spec, &zone)
            .map_err(|error| SyncError::new(ErrorCode::InvalidArgument, error.to_string()))
    }

    pub(super) fn begin_batch(&mut self, id: StoreId) -> Result<(), SyncError> {
        let entry = self.cx.stores.expect(id)?;
        entry.store.begin_batch();
        entry.batches = entry.batches.saturating_add(1);
        if entry.batches == 1
            && let Some(manager) = entry.manager
            && let Ok((manager, _)) = self.lend(manager)
        {
            manager.on_batch_begin();
        }
        Ok(())
    }

    pub(super) fn end_batch(&mut self, id: StoreId) -> Result<(), SyncError> {
        let entry = self.cx.stores.expect(id)?;
        if entry.batches == 0 {
            return Ok(());
        }
        entry.store.end_batch(&mut self.cx.notices);
        entry.batches -= 1;
        if entry.batches == 0
            && let Some(manager) = entry.manager
            && let Ok((manager, cx)) = self.lend(manager)
        {
            manager.on_batch_end(cx);
        }
        Ok(())
    }

    pub(super) fn end_update(&mut self) {
        self.updates = self.updates.saturating_sub(1);
        if self.updates == 0 {
            self.each_manager(|manager, cx| manager.on_group_end(cx));
        }
    }

    /// The manager of a scope, and the stores that know each other there.
    pub(super) fn of_scope(
        &mut self,
        scope: Scope,
    ) -> Result<(Option<ManagerId>, Vec<StoreId>), SyncError> {
        let manager = match scope {
            Scope::Record(id, _) | Scope::Store(id) => match self.cx.stores.expect(id)?.manager {
                Some(manager) => manager,
                None => return Ok((None, vec![id])),
            },
            Scope::Manager(manager) => manager,
        };
        Ok((Some(manager), self.lend(manager)?.0.stores().to_vec()))
    }

    pub(super) fn begin_edit(
        &mut self,
        scope: Scope,
        call: CallId,
        hidden: bool,
    ) -> Result<(), SyncError> {
        let (manager, stores) = self.of_scope(scope)?;
        self.cx.edits.begin(call, stores.clone())?;
        if let Err(error) = self.cx.calls.open(call, manager.unwrap_or(NO_MANAGER)) {
            self.cx.edits.end();
            return Err(error);
        }
        for id in stores {
            if let Some(store) = self.cx.stores.get_mut(id) {
                store.begin_edit(call, hidden);
            }
        }
        self.updates = self.updates.saturating_add(1);
        Ok(())
    }

    pub(super) fn end_edit(&mut self, keep: bool) {
        let Some((call, stores)) = self.cx.edits.end() else {
            return;
        };
        fate::end_edit(call, &stores, keep, &mut self.cx);
        self.end_update();
    }

    pub(super) fn settled(
        &mut self,
        id: StoreId,
        row: RowId,
        call: CallId,
    ) -> Result<(), SyncError> {
        let entry = self.cx.stores.expect(id)?;
        entry.store.resolve(row)?;
        let manager = entry.manager.unwrap_or(NO_MANAGER);
        self.cx.calls.open(call, manager)?;
        if let Some(store) = self.cx.stores.get_mut(id) {
            let waits = store.watch(row, call)?;
            self.cx.edits.enter(call, u32::from(waits));
        }
        Ok(())
    }

    pub(super) fn resolve_conflict(
        &mut self,
        id: StoreId,
        row: RowId,
        how: Resolution<'_>,
    ) -> Result<Reply, SyncError> {
        let resolved = match self.cx.stores.expect(id)?.manager {
            Some(manager) => {
                let (manager, cx) = self.lend(manager)?;
                manager.resolve_conflict(id, row, how, cx)?
            }
            None => false,
        };
        Ok(Reply::Changed(resolved))
    }

    /// Takes in what was decided about edits, and settles their promises.
    pub(super) fn tell_fates(&mut self) {
        self.each_manager(|manager, cx| manager.gather(cx));
        fate::gather_lone(&mut self.cx);
        fate::tell(&mut self.cx);
    }

    /// The user changed something: other stores follow, the manager is told.
    #[inline]
    pub(super) fn on_edit(&mut self, id: StoreId) {
        let grouped = self.updates > 0;
        let Some(entry) = self.cx.stores.entry_mut(id) else {
            return;
        };
        let follow = entry.store.has_aftermath();
        let manager = entry.manager;
        if follow {
            relations::follow(&mut self.cx, id);
        }
        if let Some(manager) = manager
            && let Ok((manager, cx)) = self.lend(manager)
        {
            manager.on_edit(grouped, cx);
        }
    }

    pub(super) fn accept_or_reject(&mut self, scope: Scope, accept: bool) -> Result<(), SyncError> {
        let (manager, stores) = match scope {
            Scope::Record(id, row) => {
                let entry = self.cx.stores.expect(id)?;
                if accept {
                    entry.store.accept(row, &mut self.cx.notices)?;
                } else {
                    entry.store.reject(row, &mut self.cx.notices)?;
                }
                (entry.manager, vec![id])
            }
            Scope::Store(id) => (self.cx.stores.expect(id)?.manager, vec![id]),
            Scope::Manager(id) => (Some(id), self.lend(id)?.0.stores().to_vec()),
        };
        if !matches!(scope, Scope::Record(..)) {
            for store in &stores {
                let Some(store) = self.cx.stores.get_mut(*store) else {
                    continue;
                };
                if accept {
                    store.accept_all(&mut self.cx.notices);
                } else {
                    store.reject_all(&mut self.cx.notices);
                }
            }
        }
        self.after_store(manager, &stores);
        Ok(())
    }

    pub(super) fn load_data(&mut self, id: StoreId, bytes: &[u8]) -> Result<(), SyncError> {
        let rows = self.read_rows(id, bytes)?;
        let entry = self.cx.stores.expect(id)?;
        if let Some(error) = entry.store.refuses(&rows) {
            return Err(error);
        }
        let manager = entry.manager;
        let slot = manager.and_then(|id| self.managers.get(id.0 as usize));
        let differences = slot
            .and_then(Option::as_ref)
            .and_then(|manager| manager.options().sync_data_on_load.clone());
        let cx = &mut self.cx;
        let (_, applied) = answer::load_store(id, rows, differences.as_ref(), cx);
        if let Some(store) = cx.stores.get_mut(id) {
            store.forget(&applied.removed, &mut cx.notices);
        }
        self.after_store(manager, &[id]);
        Ok(())
    }

    /// After anything but an edit: other stores follow, the manager sees what is left.
    pub(super) fn after_store(&mut self, manager: Option<ManagerId>, stores: &[StoreId]) {
        for &id in stores {
            relations::follow(&mut self.cx, id);
        }
        if let Some(manager) = manager
            && let Ok((manager, cx)) = self.lend(manager)
        {
            manager.on_changes_settled(cx);
        }
    }
}
