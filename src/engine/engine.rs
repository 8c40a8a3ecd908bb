//! The mediator: routes inputs to stores and managers, and what they want to the host. It has no rules of its own.

mod live;

use crate::prelude::*;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

use super::channel::Channel;
use super::config::StoreConfig;
use super::conflict::Resolution;
use super::crud::answer;
use super::crud::calls::Calls;
use super::crud::context::{Context, Ids, Stores, gone};
use super::crud::fate::{self, Edits, NO_MANAGER};
use super::crud::flow::Answer;
use super::crud::manager::Manager;
use super::crud::relations;
use super::effect::Effect;
use super::error::{ErrorCode, SyncError};
use super::event::{Notice, Status};
use super::input::{CallId, Input, ManagerId, Place, Reply, RequestId, Scope, StoreId};
use super::json::{Rows, read_rows};
use super::rng::Rng;
use super::schema::{FieldIx, Zone};
use super::store::{Notices, Store};
use super::table::{IdRef, RowId, RowIx};
use super::time::Millis;

/// Most effects that can wait to be polled. Hosts poll after every input, so that the queue holds one input's effects; a host that
/// never polls gets [`ErrorCode::Limit`] from the inputs beyond, which do nothing.
pub const EFFECTS_MAX: usize = 100_000;

/// All stores and managers of one page.
///
/// After every [`handle`](Self::handle), [`poll_effect`](Self::poll_effect) until there is none, then arm one timer for
/// [`poll_timeout`](Self::poll_timeout); the loop stands in the [crate's documentation](crate).
#[derive(Debug)]
pub struct Engine {
    stores: Stores,
    managers: Vec<Option<Box<Manager>>>,
    channels: Vec<(ManagerId, Box<Channel>)>,
    /// Others have locked records.
    guarded: bool,
    effects: VecDeque<Effect>,
    notices: Notices,
    /// Whether the host was told that notices wait.
    announced: bool,
    calls: Calls,
    edits: Edits,
    rng: Rng,
    ids: Ids,
    zone: Arc<Zone>,
    online: bool,
    visible: bool,
    /// How many groups of edits are open.
    updates: u32,
    /// The latest moment seen: the host's clock may be set back, the engine's never is.
    now: Millis,
}

impl Engine {
    /// An engine without stores. The same seed and inputs give the same effects.
    pub fn new(seed: u64) -> Self {
        Self {
            stores: Stores::default(),
            managers: Vec::new(),
            channels: Vec::new(),
            guarded: false,
            effects: VecDeque::new(),
            notices: Notices::default(),
            announced: false,
            calls: Calls::default(),
            edits: Edits::default(),
            rng: Rng::new(seed),
            ids: Ids::default(),
            zone: Arc::new(Zone::default()),
            online: true,
            visible: true,
            updates: 0,
            now: Millis(0),
        }
    }

    // --- the loop -----------------------------------------------------------------------------------------------

    /// Takes one input.
    ///
    /// # Errors
    /// What the caller did wrong; then nothing has changed. Faults of servers and networks are no errors here: they become events.
    #[inline]
    pub fn handle(&mut self, input: Input<'_>, now: Millis) -> Result<Reply, SyncError> {
        self.now = self.now.max(now);
        if self.updates == 0 {
            self.notices.next_group();
        }
        let reply = match input {
            Input::Set {
                store,
                row,
                field,
                value,
            } => {
                if self.guarded {
                    self.check_locks(store, &[row])?;
                }
                let entry = self.stores.expect(store)?;
                entry.store.set_now(self.now.0 as f64);
                let changed = entry.store.set(row, field, value, &mut self.notices)?;
                if changed {
                    self.on_edit(store);
                }
                Ok(Reply::Changed(changed))
            }
            other => self.route(other),
        };
        while let Some(id) = self.stores.next_disturbed() {
            if let Ok((manager, mut cx)) = self.lend(id) {
                manager.on_disturbed(&mut cx);
            }
        }
        if !self.channels.is_empty() {
            self.tend_channels();
        }
        if !self.edits.is_idle() {
            self.tell_fates();
        }
        self.announce();
        reply
    }

    /// The next thing to do, in order; none when everything is done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether no effect waits and no notice: there is nothing for the host to do.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.effects.is_empty() && self.notices.is_empty()
    }

    /// When to send [`Input::Timeout`], if at all.
    pub fn poll_timeout(&self) -> Option<Millis> {
        let managers = self.managers.iter().flatten();
        let channels = self.channels.iter();
        managers
            .filter_map(|manager| manager.poll_timeout())
            .chain(channels.filter_map(|(_, channel)| channel.poll_timeout()))
            .min()
    }

    // --- getters ------------------------------------------------------------------------------------------------

    /// A store.
    pub fn store(&self, id: StoreId) -> Option<&Store> {
        self.stores.get(id)
    }

    /// A manager.
    pub fn manager(&self, id: ManagerId) -> Option<&Manager> {
        self.managers.get(id.0 as usize)?.as_deref()
    }

    /// A manager's channel.
    pub fn channel(&self, id: ManagerId) -> Option<&Channel> {
        let found = self.channels.iter().find(|(of, _)| *of == id);
        found.map(|(_, channel)| &**channel)
    }

    /// Whose a store is.
    pub fn manager_of(&self, id: StoreId) -> Option<ManagerId> {
        self.stores.entry(id)?.manager
    }

    /// Where a manager stands.
    pub fn status(&self, id: ManagerId) -> Option<Status> {
        Some(self.manager(id)?.status(&self.stores, self.online))
    }

    /// Whether a manager has anything that the server hasn't confirmed.
    pub fn has_changes(&self, id: ManagerId) -> bool {
        self.manager(id)
            .is_some_and(|manager| manager.has_changes(&self.stores))
    }

    /// How many of a manager's records have something that the server hasn't confirmed.
    pub fn pending_count(&self, id: ManagerId) -> u32 {
        self.manager(id)
            .map_or(0, |manager| manager.pending_count(&self.stores))
    }

    /// Everything of a manager that the server hasn't confirmed, as the sections of a package; none when there is nothing.
    pub fn changes_json(&self, id: ManagerId) -> Option<Vec<u8>> {
        self.manager(id)?.changes(&self.stores)
    }

    /// The same for one store: its section.
    pub fn store_changes_json(&self, id: StoreId) -> Option<Vec<u8>> {
        let entry = self.stores.entry(id)?;
        let manager = entry.manager.and_then(|id| self.manager(id));
        Manager::store_changes(manager, &entry.store, &self.stores)
    }

    /// Visible records whose time touches `start..end` (ms since the epoch), by ascending start. Empty for a store that is gone.
    pub fn range(&mut self, id: StoreId, start: f64, end: f64) -> &[RowIx] {
        self.stores
            .get_mut(id)
            .map_or(&[], |store| store.range(start, end))
    }

    /// Visible records whose field (one of a relation, or the parent's) holds that id, in their order.
    pub fn referrers(&mut self, id: StoreId, field: FieldIx, of: IdRef<'_>) -> Vec<RowId> {
        let store = self.stores.get_mut(id);
        store.map_or_else(Vec::new, |store| store.referrers(field, of))
    }

    /// Whether notices wait, or rows that changed without any.
    #[inline]
    pub fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// Notices that wait.
    pub fn notices(&self) -> &[Notice] {
        self.notices.list()
    }

    /// Forgets the notices that were read by [`notices`](Self::notices), keeping the room for more.
    pub fn clear_notices(&mut self) {
        self.announced = false;
        self.notices.clear();
    }

    /// Notices that wait; none waits afterwards.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.announced = false;
        self.notices.take()
    }

    /// Rows that changed without a notice, for hosts that asked for them by [`STALE`](super::store::STALE); taken with the notices.
    pub fn take_stale(&mut self) -> Vec<(StoreId, RowIx)> {
        self.notices.take_stale()
    }

    /// How many calls wait to be settled.
    pub fn waiting_calls(&self) -> usize {
        self.calls.waiting()
    }

    /// Gives memory of texts that nobody refers to back, where that is worth it. For idle moments: cells of notices that were taken
    /// before mean nothing afterwards.
    pub fn tidy(&mut self) {
        if self.notices.is_empty() {
            self.stores.iter_mut().for_each(|entry| entry.store.tidy());
        }
    }

    // --- routing ------------------------------------------------------------------------------------------------

    fn route(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        if self.effects.len() >= EFFECTS_MAX {
            return Err(SyncError::new(
                ErrorCode::Limit,
                "effects wait to be polled",
            ));
        }
        match input {
            Input::Set { .. }
            | Input::CreateStore(_)
            | Input::DestroyStore(_)
            | Input::EnsureField(..)
            | Input::Add { .. }
            | Input::Remove(..)
            | Input::RemoveAll(_)
            | Input::Move(..)
            | Input::LoadData(..)
            | Input::BeginBatch(_)
            | Input::EndBatch(_)
            | Input::BeginUpdate
            | Input::EndUpdate
            | Input::BeginEdit { .. }
            | Input::EndEdit(_)
            | Input::Settled { .. }
            | Input::Track(..)
            | Input::SetValid(..)
            | Input::ResolveConflict { .. }
            | Input::Accept(_)
            | Input::Reject(_)
            | Input::ListenStore(..) => self.route_to_store(input),
            Input::CreateManager(_)
            | Input::DestroyManager(_)
            | Input::AddStore(..)
            | Input::RemoveStore(..)
            | Input::Configure(..)
            | Input::SetRevision(..)
            | Input::Listen(..)
            | Input::Load { .. }
            | Input::LoadMissing { .. }
            | Input::Sync { .. }
            | Input::Cancel(..)
            | Input::ApplyResponse(..)
            | Input::ApplyPiece(..)
            | Input::ApplyChangeset(..)
            | Input::ApplyStoreChangeset(..)
            | Input::SuspendAutoSync(_)
            | Input::ResumeAutoSync { .. } => self.route_to_manager(input),
            Input::CreateChannel(..) | Input::DestroyChannel(_) | Input::Channel(..) => {
                self.route_to_channel(input)
            }
            Input::Timeout
            | Input::Answer { .. }
            | Input::HttpHead(..)
            | Input::HttpChunk(..)
            | Input::HttpEnd(_)
            | Input::HttpFailed(..)
            | Input::HttpUnsent(..)
            | Input::Online(_)
            | Input::Visible(_)
            | Input::SetZone(_) => self.route_from_host(input),
        }
    }

    fn route_to_store(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        match input {
            Input::CreateStore(config) => return self.create_store(*config),
            Input::DestroyStore(id) => self.destroy_store(id)?,
            Input::EnsureField(id, name) => {
                return Ok(Reply::Field(
                    self.stores.expect(id)?.store.ensure_field(name)?,
                ));
            }
            Input::Add { store, rows, place } => return self.add(store, rows, place),
            Input::Remove(id, rows) => {
                self.check_locks(id, rows)?;
                let removed = self
                    .stores
                    .expect(id)?
                    .store
                    .remove(rows, &mut self.notices)?;
                if !removed.is_empty() {
                    self.on_edit(id);
                }
                return Ok(Reply::Rows(removed));
            }
            Input::RemoveAll(id) => {
                self.check_all_locks(id)?;
                let removed = self.stores.expect(id)?.store.remove_all(&mut self.notices);
                if !removed.is_empty() {
                    self.on_edit(id);
                }
                return Ok(Reply::Rows(removed));
            }
            Input::Move(id, rows, to) => {
                let moved = self
                    .stores
                    .expect(id)?
                    .store
                    .move_rows(rows, to, &mut self.notices)?;
                return Ok(Reply::Changed(moved));
            }
            Input::LoadData(id, bytes) => self.load_data(id, bytes)?,
            Input::BeginBatch(id) => self.begin_batch(id)?,
            Input::EndBatch(id) => self.end_batch(id)?,
            Input::BeginUpdate => self.updates = self.updates.saturating_add(1),
            Input::EndUpdate => self.end_update(),
            Input::BeginEdit {
                scope,
                call,
                hidden,
            } => self.begin_edit(scope, call, hidden)?,
            Input::EndEdit(keep) => self.end_edit(keep),
            Input::Track(id, tracked) => self.stores.expect(id)?.store.track(tracked),
            Input::SetValid(id, row, valid) => {
                let changed = self.stores.expect(id)?.store.set_valid(row, valid)?;
                return Ok(Reply::Changed(changed));
            }
            Input::ResolveConflict { store, row, how } => {
                return self.resolve_conflict(store, row, how);
            }
            Input::Settled { store, row, call } => self.settled(store, row, call)?,
            Input::Accept(scope) => self.accept_or_reject(scope, true)?,
            Input::Reject(scope) => self.accept_or_reject(scope, false)?,
            Input::ListenStore(id, mask) => self.stores.expect(id)?.store.listen(mask),
            _ => {}
        }
        Ok(Reply::Done)
    }

    fn route_to_manager(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        match input {
            Input::CreateManager(config) => {
                let id = ManagerId(index(self.managers.len())?);
                let manager = Manager::new(id, *config, self.now)?;
                self.managers.push(Some(Box::new(manager)));
                return Ok(Reply::Manager(id));
            }
            Input::DestroyManager(id) => {
                self.lend(id)?;
                self.destroy_channel(id);
                let slot = self.managers.get_mut(id.0 as usize).and_then(Option::take);
                if let Some(mut manager) = slot {
                    manager.destroy(&mut self.context());
                }
            }
            Input::AddStore(id, store, at) => {
                let (manager, mut cx) = self.lend(id)?;
                manager.add_store(store, at, &mut cx)?;
            }
            Input::RemoveStore(id, store) => {
                let (manager, mut cx) = self.lend(id)?;
                manager.remove_store(store, &mut cx)?;
            }
            Input::Configure(id, config) => {
                let (manager, mut cx) = self.lend(id)?;
                manager.configure(*config, &mut cx)?;
            }
            Input::SetRevision(id, value) => self.lend(id)?.0.set_revision(value)?,
            Input::Listen(id, mask) => self.lend(id)?.0.listen(mask),
            Input::Load {
                manager,
                call,
                options,
            } => {
                let (manager, mut cx) = self.lend(manager)?;
                manager.load(call, options, &mut cx)?;
            }
            Input::LoadMissing {
                manager,
                call,
                wanted,
            } => {
                let (manager, mut cx) = self.lend(manager)?;
                manager.load_missing(call, wanted, &mut cx)?;
            }
            Input::Sync { manager, call } => {
                let (manager, mut cx) = self.lend(manager)?;
                manager.sync(call, &mut cx)?;
            }
            Input::Cancel(id, call) => {
                let (manager, mut cx) = self.lend(id)?;
                manager.on_cancel(call, &mut cx)?;
            }
            Input::ApplyResponse(id, bytes) => {
                let (manager, mut cx) = self.lend(id)?;
                manager.apply_response(bytes, &mut cx)?;
            }
            Input::ApplyPiece(id, bytes) => {
                let (manager, cx) = self.lend(id)?;
                manager.apply_piece(bytes, &cx)?;
            }
            Input::ApplyChangeset(id, bytes) => {
                let (manager, mut cx) = self.lend(id)?;
                manager.apply_changeset(bytes, &mut cx)?;
            }
            Input::ApplyStoreChangeset(id, bytes) => match self.stores.expect(id)?.manager {
                Some(manager) => {
                    let (manager, mut cx) = self.lend(manager)?;
                    manager.apply_changeset(bytes, &mut cx)?;
                }
                None => Manager::apply_lone_changeset(id, bytes, &mut self.context())?,
            },
            Input::SuspendAutoSync(id) => self.lend(id)?.0.suspend_auto_sync(),
            Input::ResumeAutoSync { manager, sync } => {
                let (manager, mut cx) = self.lend(manager)?;
                manager.resume_auto_sync(sync, &mut cx);
            }
            _ => {}
        }
        Ok(Reply::Done)
    }

    /// Late and foreign reports find nobody here, and are dropped.
    fn route_from_host(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        match input {
            Input::Timeout => {
                self.tidy();
                self.each_manager(|manager, cx| manager.on_timeout(cx));
                self.each_channel(|channel, cx, out| channel.on_timeout(cx.now, cx.rng, out));
            }
            Input::Answer {
                ask,
                proceed,
                content,
                request,
            } => {
                if let Some(id) = self.find_manager(|manager| manager.asks(ask)) {
                    let (manager, mut cx) = self.lend(id)?;
                    manager.on_answer(
                        ask,
                        Answer {
                            proceed,
                            content,
                            request,
                        },
                        &mut cx,
                    );
                }
            }
            Input::HttpHead(request, status) => {
                if let Some((manager, _)) = self.awaiting(request) {
                    manager.on_http_head(status);
                }
            }
            Input::HttpChunk(request, bytes) => {
                if let Some((manager, _)) = self.awaiting(request) {
                    manager.on_http_chunk(bytes);
                }
            }
            Input::HttpEnd(request) => {
                if let Some((manager, mut cx)) = self.awaiting(request) {
                    manager.on_http_end(&mut cx);
                }
            }
            Input::HttpFailed(request, why) => {
                if let Some((manager, mut cx)) = self.awaiting(request) {
                    manager.on_http_failed(why, &mut cx);
                }
            }
            Input::HttpUnsent(request, why) => {
                if let Some((manager, mut cx)) = self.awaiting(request) {
                    manager.on_http_unsent(why, &mut cx);
                }
            }
            Input::Online(online) => {
                let came_back = online && !self.online;
                self.online = online;
                self.each_channel(|channel, cx, out| {
                    channel.on_online(online, cx.now, cx.rng, out);
                });
                if online {
                    self.each_manager(|manager, cx| manager.on_reachable(came_back, cx));
                } else {
                    self.each_manager(|manager, cx| manager.on_offline(cx));
                }
            }
            Input::Visible(visible) => {
                self.visible = visible;
                if visible {
                    self.each_manager(|manager, cx| manager.on_reachable(false, cx));
                }
                self.each_channel(|channel, cx, out| {
                    channel.on_visible(visible, cx.now, cx.rng, out);
                });
            }
            Input::SetZone(zone) => {
                self.zone = Arc::new(zone);
                for entry in self.stores.iter_mut() {
                    entry.store.set_zone(Arc::clone(&self.zone));
                }
            }
            _ => {}
        }
        Ok(Reply::Done)
    }

    // --- stores -------------------------------------------------------------------------------------------------

    fn create_store(&mut self, config: StoreConfig) -> Result<Reply, SyncError> {
        let id = self.stores.next_id()?;
        let mut store = Store::new(id, config)?;
        store.set_zone(Arc::clone(&self.zone));
        self.stores.push(store);
        Ok(Reply::Store(id))
    }

    fn destroy_store(&mut self, id: StoreId) -> Result<(), SyncError> {
        if let Some(manager) = self.stores.expect(id)?.manager
            && let Ok((manager, mut cx)) = self.lend(manager)
        {
            manager.remove_store(id, &mut cx)?;
        }
        if let Some(store) = self.stores.get_mut(id) {
            store.abandon_stakes(&gone("store", id.0));
            fate::gather(&[id], &mut self.context());
        }
        self.stores.remove(id);
        Ok(())
    }

    fn add(&mut self, id: StoreId, bytes: &[u8], place: Place) -> Result<Reply, SyncError> {
        let rows = self.read_rows(id, bytes)?;
        if let Some(warning) = rows.warnings.first() {
            return Err(SyncError::new(ErrorCode::InvalidArgument, warning.clone()));
        }
        let store = &mut self.stores.expect(id)?.store;
        let added = store.add(&rows, place, &mut self.rng, &mut self.notices)?;
        if !added.is_empty() {
            self.on_edit(id);
        }
        Ok(Reply::Rows(added))
    }

    fn read_rows(&mut self, id: StoreId, bytes: &[u8]) -> Result<Rows, SyncError> {
        let zone = Arc::clone(&self.zone);
        let entry = self.stores.expect(id)?;
        let manager = entry.manager;
        let spec = match manager.and_then(|id| self.manager(id)) {
            Some(manager) => manager.spec(id, &self.stores),
            None => Manager::lone_spec(id, &self.stores),
        };
        read_rows(bytes, &spec, &zone)
            .map_err(|error| SyncError::new(ErrorCode::InvalidArgument, error.to_string()))
    }

    fn begin_batch(&mut self, id: StoreId) -> Result<(), SyncError> {
        let entry = self.stores.expect(id)?;
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

    fn end_batch(&mut self, id: StoreId) -> Result<(), SyncError> {
        let entry = self.stores.expect(id)?;
        if entry.batches == 0 {
            return Ok(());
        }
        entry.store.end_batch(&mut self.notices);
        entry.batches -= 1;
        if entry.batches == 0
            && let Some(manager) = entry.manager
            && let Ok((manager, mut cx)) = self.lend(manager)
        {
            manager.on_batch_end(&mut cx);
        }
        Ok(())
    }

    fn end_update(&mut self) {
        self.updates = self.updates.saturating_sub(1);
        if self.updates == 0 {
            self.each_manager(|manager, cx| manager.on_group_end(cx));
        }
    }

    /// The manager of a scope, and the stores that know each other there.
    fn of_scope(&mut self, scope: Scope) -> Result<(Option<ManagerId>, Vec<StoreId>), SyncError> {
        let manager = match scope {
            Scope::Record(id, _) | Scope::Store(id) => match self.stores.expect(id)?.manager {
                Some(manager) => manager,
                None => return Ok((None, vec![id])),
            },
            Scope::Manager(manager) => manager,
        };
        Ok((Some(manager), self.lend(manager)?.0.stores().to_vec()))
    }

    fn begin_edit(&mut self, scope: Scope, call: CallId, hidden: bool) -> Result<(), SyncError> {
        let (manager, stores) = self.of_scope(scope)?;
        self.edits.begin(call, stores.clone())?;
        if let Err(error) = self.calls.open(call, manager.unwrap_or(NO_MANAGER)) {
            self.edits.end();
            return Err(error);
        }
        for id in stores {
            if let Some(store) = self.stores.get_mut(id) {
                store.begin_edit(call, hidden);
            }
        }
        self.updates = self.updates.saturating_add(1);
        Ok(())
    }

    fn end_edit(&mut self, keep: bool) {
        let Some((call, stores)) = self.edits.end() else {
            return;
        };
        fate::end_edit(call, &stores, keep, &mut self.context());
        self.end_update();
    }

    fn settled(&mut self, id: StoreId, row: RowId, call: CallId) -> Result<(), SyncError> {
        let entry = self.stores.expect(id)?;
        entry.store.resolve(row)?;
        let manager = entry.manager.unwrap_or(NO_MANAGER);
        self.calls.open(call, manager)?;
        if let Some(store) = self.stores.get_mut(id) {
            let waits = store.watch(row, call)?;
            self.edits.enter(call, u32::from(waits));
        }
        Ok(())
    }

    fn resolve_conflict(
        &mut self,
        id: StoreId,
        row: RowId,
        how: Resolution<'_>,
    ) -> Result<Reply, SyncError> {
        let resolved = match self.stores.expect(id)?.manager {
            Some(manager) => {
                let (manager, mut cx) = self.lend(manager)?;
                manager.resolve_conflict(id, row, how, &mut cx)?
            }
            None => false,
        };
        Ok(Reply::Changed(resolved))
    }

    /// Takes in what was decided about edits, and settles their promises.
    fn tell_fates(&mut self) {
        self.each_manager(|manager, cx| manager.gather(cx));
        let mut cx = self.context();
        fate::gather_lone(&mut cx);
        fate::tell(&mut cx);
    }

    /// The user changed something: other stores follow, the manager is told.
    #[inline]
    fn on_edit(&mut self, id: StoreId) {
        let grouped = self.updates > 0;
        let Some(entry) = self.stores.entry_mut(id) else {
            return;
        };
        let follow = entry.store.has_aftermath();
        let manager = entry.manager;
        if follow {
            relations::follow(&mut self.context(), id);
        }
        if let Some(manager) = manager
            && let Ok((manager, mut cx)) = self.lend(manager)
        {
            manager.on_edit(grouped, &mut cx);
        }
    }

    fn accept_or_reject(&mut self, scope: Scope, accept: bool) -> Result<(), SyncError> {
        let (manager, stores) = match scope {
            Scope::Record(id, row) => {
                let entry = self.stores.expect(id)?;
                if accept {
                    entry.store.accept(row, &mut self.notices)?;
                } else {
                    entry.store.reject(row, &mut self.notices)?;
                }
                (entry.manager, vec![id])
            }
            Scope::Store(id) => (self.stores.expect(id)?.manager, vec![id]),
            Scope::Manager(id) => (Some(id), self.lend(id)?.0.stores().to_vec()),
        };
        if !matches!(scope, Scope::Record(..)) {
            for store in &stores {
                let Some(store) = self.stores.get_mut(*store) else {
                    continue;
                };
                if accept {
                    store.accept_all(&mut self.notices);
                } else {
                    store.reject_all(&mut self.notices);
                }
            }
        }
        self.after_store(manager, &stores);
        Ok(())
    }

    fn load_data(&mut self, id: StoreId, bytes: &[u8]) -> Result<(), SyncError> {
        let rows = self.read_rows(id, bytes)?;
        let manager = self.stores.expect(id)?.manager;
        let slot = manager.and_then(|id| self.managers.get(id.0 as usize));
        let differences = slot
            .and_then(Option::as_ref)
            .and_then(|manager| manager.options().sync_data_on_load.clone());
        let mut cx = self.context();
        let (_, applied) = answer::load_store(id, rows, differences.as_ref(), &mut cx);
        if let Some(store) = cx.stores.get_mut(id) {
            store.forget(&applied.removed, cx.notices);
        }
        self.after_store(manager, &[id]);
        Ok(())
    }

    /// After anything but an edit: other stores follow, the manager sees what is left.
    fn after_store(&mut self, manager: Option<ManagerId>, stores: &[StoreId]) {
        for &id in stores {
            relations::follow(&mut self.context(), id);
        }
        if let Some(manager) = manager
            && let Ok((manager, mut cx)) = self.lend(manager)
        {
            manager.on_changes_settled(&mut cx);
        }
    }

    // --- managers -----------------------------------------------------------------------------------------------

    /// A manager, and everything that it works with.
    #[inline]
    fn lend(&mut self, id: ManagerId) -> Result<(&mut Manager, Context<'_>), SyncError> {
        let Some(Some(manager)) = self.managers.get_mut(id.0 as usize) else {
            return Err(gone("manager", id.0));
        };
        let cx = Context {
            stores: &mut self.stores,
            effects: &mut self.effects,
            notices: &mut self.notices,
            announced: &mut self.announced,
            calls: &mut self.calls,
            edits: &mut self.edits,
            rng: &mut self.rng,
            ids: &mut self.ids,
            zone: &self.zone,
            online: self.online,
            visible: self.visible,
            now: self.now,
        };
        Ok((manager, cx))
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            stores: &mut self.stores,
            effects: &mut self.effects,
            notices: &mut self.notices,
            announced: &mut self.announced,
            calls: &mut self.calls,
            edits: &mut self.edits,
            rng: &mut self.rng,
            ids: &mut self.ids,
            zone: &self.zone,
            online: self.online,
            visible: self.visible,
            now: self.now,
        }
    }

    fn each_manager(&mut self, mut act: impl FnMut(&mut Manager, &mut Context<'_>)) {
        for at in 0..self.managers.len() {
            if let Ok((manager, mut cx)) = self.lend(ManagerId(at as u32)) {
                act(manager, &mut cx);
            }
        }
    }

    fn find_manager(&self, check: impl Fn(&Manager) -> bool) -> Option<ManagerId> {
        let at = self
            .managers
            .iter()
            .position(|slot| slot.as_deref().is_some_and(&check))?;
        Some(ManagerId(at as u32))
    }

    fn awaiting(&mut self, request: RequestId) -> Option<(&mut Manager, Context<'_>)> {
        let id = self.find_manager(|manager| manager.awaits(request))?;
        self.lend(id).ok()
    }

    /// Tells the host once that notices wait.
    #[inline]
    fn announce(&mut self) {
        if !self.announced && !self.notices.is_empty() {
            self.context().announce();
        }
    }
}

fn index(len: usize) -> Result<u32, SyncError> {
    u32::try_from(len).map_err(|_| SyncError::new(ErrorCode::Limit, "too many managers"))
}
