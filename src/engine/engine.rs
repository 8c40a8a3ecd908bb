//! The mediator: routes inputs to stores and managers, and what they want to the host. It has no
//! rules of its own.

mod live;
mod routes;
mod stores;

use crate::prelude::*;

use super::channel::Channel;
use super::crud::context::{Context, gone};
use super::crud::manager::Manager;
use super::effect::Effect;
use super::error::{ErrorCode, SyncError};
use super::event::{Notice, Stale, Status};
use super::input::{Input, ManagerId, Reply, RequestId, StoreId};
use super::schema::FieldIx;
use super::store::Store;
use super::table::{IdRef, RowId, RowIx};
use super::time::Millis;

/// Most effects that can wait to be polled. Hosts poll after every input, so that the queue holds
/// one input's effects; a host that never polls gets [`ErrorCode::Limit`] from the inputs beyond,
/// which do nothing.
pub const EFFECTS_MAX: usize = 100_000;

/// All stores and managers of one page.
///
/// After every [`handle`](Self::handle), [`poll_effect`](Self::poll_effect) until there is none,
/// then arm one timer for [`poll_timeout`](Self::poll_timeout); the loop stands in the [crate's
/// documentation](crate).
#[derive(Debug)]
pub struct Engine {
    managers: Vec<Option<Box<Manager>>>,
    channels: Vec<(ManagerId, Box<Channel>)>,
    /// Others have locked records.
    guarded: bool,
    /// How many groups of edits are open.
    updates: u32,
    /// What all of them work with.
    cx: Context,
}

impl Engine {
    /// An engine without stores. The same seed and inputs give the same effects.
    pub fn new(seed: u64) -> Self {
        Self {
            managers: Vec::new(),
            channels: Vec::new(),
            guarded: false,
            updates: 0,
            cx: Context::new(seed),
        }
    }

    // --- the loop --------------------------------------------------------------------------------

    /// Takes one input.
    ///
    /// # Errors
    /// What the caller did wrong; then nothing has changed. Faults of servers and networks are no
    /// errors here: they become events.
    #[inline]
    pub fn handle(&mut self, input: Input<'_>, now: Millis) -> Result<Reply, SyncError> {
        self.cx.now = self.cx.now.max(now);
        if self.updates == 0 {
            self.cx.notices.next_group();
        }
        let reply = match input {
            Input::Set {
                store,
                row,
                field,
                value,
            } => {
                let changed = self.set(store, row, field, value)?;
                if changed {
                    self.on_edit(store);
                }
                Ok(Reply::Changed(changed))
            }
            other => self.route(other),
        };
        while let Some(id) = self.cx.stores.next_disturbed() {
            if let Ok((manager, cx)) = self.lend(id) {
                manager.on_disturbed(cx);
            }
        }
        if !self.channels.is_empty() {
            self.tend_channels();
        }
        if !self.cx.edits.is_idle() {
            self.tell_fates();
        }
        self.announce();
        reply
    }

    /// The next thing to do, in order; none when everything is done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.cx.effects.pop_front()
    }

    /// Whether no effect waits and no notice: there is nothing for the host to do.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.cx.effects.is_empty() && self.cx.notices.is_empty()
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

    // --- getters ---------------------------------------------------------------------------------

    /// A store.
    pub fn store(&self, id: StoreId) -> Option<&Store> {
        self.cx.stores.get(id)
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

    /// Where a manager stands.
    pub fn status(&self, id: ManagerId) -> Option<Status> {
        Some(self.manager(id)?.status(&self.cx.stores, self.cx.online))
    }

    /// Whether a manager has anything that the server hasn't confirmed.
    pub fn has_changes(&self, id: ManagerId) -> bool {
        self.manager(id)
            .is_some_and(|manager| manager.has_changes(&self.cx.stores))
    }

    /// How many of a manager's records have something that the server hasn't confirmed.
    pub fn pending_count(&self, id: ManagerId) -> u32 {
        self.manager(id)
            .map_or(0, |manager| manager.pending_count(&self.cx.stores))
    }

    /// Everything of a manager that the server hasn't confirmed, as the sections of a package; none
    /// when there is nothing.
    pub fn changes_json(&self, id: ManagerId) -> Option<Vec<u8>> {
        self.manager(id)?.changes(&self.cx.stores)
    }

    /// The same for one store: its section.
    pub fn store_changes_json(&self, id: StoreId) -> Option<Vec<u8>> {
        let entry = self.cx.stores.entry(id)?;
        let manager = entry.manager.and_then(|id| self.manager(id));
        Manager::store_changes(manager, &entry.store, &self.cx.stores)
    }

    /// Visible records whose time touches `start..end` (ms since the epoch), by ascending start.
    /// Empty for a store that is gone.
    pub fn range(&mut self, id: StoreId, start: f64, end: f64) -> &[RowIx] {
        self.cx
            .stores
            .get_mut(id)
            .map_or(&[], |store| store.range(start, end))
    }

    /// Visible records whose field (one of a relation, or the parent's) holds that id, in their
    /// order.
    pub fn referrers(&mut self, id: StoreId, field: FieldIx, of: IdRef<'_>) -> Vec<RowId> {
        let store = self.cx.stores.get_mut(id);
        store.map_or_else(Vec::new, |store| store.referrers(field, of))
    }

    /// Whether notices wait, or rows that changed without any.
    #[inline]
    pub fn has_notices(&self) -> bool {
        !self.cx.notices.is_empty()
    }

    /// Notices that wait.
    pub fn notices(&self) -> &[Notice] {
        self.cx.notices.list()
    }

    /// Forgets the notices that were read by [`notices`](Self::notices), keeping the room for more.
    pub fn clear_notices(&mut self) {
        self.cx.announced = false;
        self.cx.notices.clear();
    }

    /// Notices that wait; none waits afterwards.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.cx.announced = false;
        self.cx.notices.take()
    }

    /// Fields that changed without a notice, for hosts that asked for them by
    /// [`STALE`](super::store::STALE); taken with the notices.
    pub fn take_stale(&mut self) -> Vec<Stale> {
        self.cx.notices.take_stale()
    }

    /// How many calls wait to be settled.
    pub fn waiting_calls(&self) -> usize {
        self.cx.calls.waiting()
    }

    /// Gives memory of texts that nobody refers to back, where that is worth it. For idle moments:
    /// cells of notices that were taken before mean nothing afterwards.
    pub fn tidy(&mut self) {
        if self.cx.notices.is_empty() {
            self.cx
                .stores
                .iter_mut()
                .for_each(|entry| entry.store.tidy());
        }
    }

    // --- managers --------------------------------------------------------------------------------

    /// A manager, and everything that it works with.
    #[inline]
    fn lend(&mut self, id: ManagerId) -> Result<(&mut Manager, &mut Context), SyncError> {
        match self.managers.get_mut(id.0 as usize) {
            Some(Some(manager)) => Ok((manager, &mut self.cx)),
            _ => Err(gone("manager", id.0)),
        }
    }

    fn each_manager(&mut self, mut act: impl FnMut(&mut Manager, &mut Context)) {
        for at in 0..self.managers.len() {
            if let Ok((manager, cx)) = self.lend(ManagerId(at as u32)) {
                act(manager, cx);
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

    fn awaiting(&mut self, request: RequestId) -> Option<(&mut Manager, &mut Context)> {
        let id = self.find_manager(|manager| manager.awaits(request))?;
        self.lend(id).ok()
    }

    /// Tells the host once that notices wait.
    #[inline]
    fn announce(&mut self) {
        if !self.cx.announced && !self.cx.notices.is_empty() {
            self.cx.announce();
        }
    }
}

fn index(len: usize) -> Result<u32, SyncError> {
    u32::try_from(len).map_err(|_| SyncError::new(ErrorCode::Limit, "too many managers"))
}
