//! What managers share and are lent for the time of one input.

use crate::prelude::*;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

use super::calls::Calls;
use super::fate::Edits;
use crate::engine::effect::Effect;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::{AskId, CallId, ManagerId, RequestId, StoreId};
use crate::engine::rng::Rng;
use crate::engine::schema::Zone;
use crate::engine::store::{Notices, Store};
use crate::engine::time::Millis;

/// All stores of an engine, by id.
#[derive(Debug, Default)]
pub struct Stores {
    slots: Vec<Option<Entry>>,
    /// Managers in whose stores something changed because of another manager's.
    disturbed: Vec<ManagerId>,
}

/// A store and who manages it.
#[derive(Debug)]
pub struct Entry {
    /// The store.
    pub store: Store,
    /// Whose it is.
    pub manager: Option<ManagerId>,
    /// How many batches are open.
    pub batches: u32,
}

impl Stores {
    /// The id of the store that is made next.
    ///
    /// # Errors
    /// [`ErrorCode::Limit`] when there were 2^32 of them.
    pub fn next_id(&self) -> Result<StoreId, SyncError> {
        u32::try_from(self.slots.len())
            .map(StoreId)
            .map_err(|_| SyncError::new(ErrorCode::Limit, "no more stores can be made"))
    }

    /// Puts a store that was made with [`next_id`](Self::next_id) into its place.
    pub fn push(&mut self, store: Store) {
        self.slots.push(Some(Entry {
            store,
            manager: None,
            batches: 0,
        }));
    }

    /// Forgets a store. Its id isn't used again.
    pub fn remove(&mut self, id: StoreId) -> Option<Entry> {
        self.slots.get_mut(id.0 as usize)?.take()
    }

    /// A store with its surroundings.
    #[inline]
    pub fn entry(&self, id: StoreId) -> Option<&Entry> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    /// The same, to be changed.
    #[inline]
    pub fn entry_mut(&mut self, id: StoreId) -> Option<&mut Entry> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    /// The same for inputs.
    ///
    /// # Errors
    /// [`ErrorCode::Destroyed`] when the store is gone or never was.
    #[inline]
    pub fn expect(&mut self, id: StoreId) -> Result<&mut Entry, SyncError> {
        match self.slots.get_mut(id.0 as usize) {
            Some(Some(entry)) => Ok(entry),
            Some(None) | None => Err(gone("store", id.0)),
        }
    }

    /// The store that is called so for a field of `from`: of the same manager, else the only one of
    /// that name.
    pub fn referred(&self, from: StoreId, name: &str) -> Option<StoreId> {
        let home = self.entry(from)?;
        if home.store.name() == name {
            return Some(from);
        }
        let named = |entry: &&Entry| entry.store.name() == name;
        let near = |entry: &&Entry| entry.manager == home.manager;
        let mut all = self.slots.iter().flatten().filter(named);
        if let Some(entry) = all.clone().find(near) {
            return Some(entry.store.id());
        }
        let only = all.next()?.store.id();
        all.next().is_none().then_some(only)
    }

    /// All that there are.
    pub fn ids(&self) -> Vec<StoreId> {
        let entries = self.slots.iter().flatten();
        entries.map(|entry| entry.store.id()).collect()
    }

    /// Something changed in a store because of another one; their managers may be two.
    pub fn disturb(&mut self, id: StoreId, by: StoreId) {
        let [whose, by] = [id, by].map(|id| self.entry(id).and_then(|entry| entry.manager));
        if whose != by
            && let Some(manager) = whose
            && !self.disturbed.contains(&manager)
        {
            self.disturbed.push(manager);
        }
    }

    /// A manager that has to look at its stores anew.
    #[inline]
    pub fn next_disturbed(&mut self) -> Option<ManagerId> {
        self.disturbed.pop()
    }

    /// All that are there, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.slots.iter_mut().flatten()
    }

    /// A store.
    #[inline]
    pub fn get(&self, id: StoreId) -> Option<&Store> {
        self.entry(id).map(|entry| &entry.store)
    }

    /// A store, to be changed.
    #[inline]
    pub fn get_mut(&mut self, id: StoreId) -> Option<&mut Store> {
        self.entry_mut(id).map(|entry| &mut entry.store)
    }
}

/// The error for something that was destroyed, or never was.
pub fn gone(what: &str, id: u32) -> SyncError {
    SyncError::new(
        ErrorCode::Destroyed,
        format!("{what} {id} is destroyed or was never made"),
    )
}

/// Numbers that are given out once.
#[derive(Debug, Default)]
pub struct Ids {
    request: u32,
    ask: u32,
}

impl Ids {
    /// For a new HTTP exchange.
    pub fn request(&mut self) -> RequestId {
        self.request = self.request.wrapping_add(1);
        RequestId(self.request)
    }

    /// For a new question.
    pub fn ask(&mut self) -> AskId {
        self.ask = self.ask.wrapping_add(1);
        AskId(self.ask)
    }
}

/// What all managers of an engine work with, one at a time.
#[derive(Debug)]
pub struct Context {
    /// All stores.
    pub stores: Stores,
    /// What the host must do.
    pub effects: VecDeque<Effect>,
    /// Notices of stores.
    pub notices: Notices,
    /// Whether the host was told that notices wait.
    pub announced: bool,
    /// Calls that wait.
    pub calls: Calls,
    /// Edits that calls wait for.
    pub edits: Edits,
    /// Randomness.
    pub rng: Rng,
    /// Numbers.
    pub ids: Ids,
    /// The zone in which dates without an offset are read and written.
    pub zone: Arc<Zone>,
    /// Whether the browser is online.
    pub online: bool,
    /// Whether the page can be seen.
    pub visible: bool,
    /// The latest moment seen: the host's clock may be set back, the engine's never is.
    pub now: Millis,
}

impl Context {
    /// No stores yet. The same seed gives the same random numbers.
    pub fn new(seed: u64) -> Self {
        Self {
            stores: Stores::default(),
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
            now: Millis(0),
        }
    }

    /// Queues an effect, after the word that notices wait: what happened to records comes before
    /// what is said about it.
    pub fn push(&mut self, effect: Effect) {
        self.announce();
        self.effects.push_back(effect);
    }

    /// Tells the host once that notices wait.
    pub fn announce(&mut self) {
        if !self.announced && !self.notices.is_empty() {
            self.announced = true;
            self.effects.push_back(Effect::Notices);
        }
    }

    /// Settles a call.
    pub fn settle(
        &mut self,
        call: CallId,
        outcome: Result<Option<RequestId>, SyncError>,
        request: Option<RequestId>,
    ) {
        self.announce();
        self.calls.settle(call, outcome, request, &mut self.effects);
    }
}
