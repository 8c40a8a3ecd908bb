//! A manager: its options, its stores, and what it is doing.

use super::autosync::AutoSync;
use super::backlog::Backlog;
use super::context::{Context, Stores, gone};
use super::dirty::Dirty;
use super::exchange::{Detail, Exchange, Stage};
use super::fate;
use super::lazy::Lazy;
use super::live::Live;
use super::load::NextLoad;
use super::package;
use super::polling::Polling;
use super::retry::Retry;
use super::revision::Revision;
use super::status::{Facts, StatusReport};
use crate::engine::config::{ManagerConfig, ManagerOptions};
use crate::engine::effect::{Effect, RequestKind};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{Event, EventKind, Status};
use crate::engine::input::{AskId, CallId, ManagerId, RequestId, StoreId};
use crate::engine::json::ResponseReader;
use crate::engine::json::dom::Value;
use crate::engine::store::{Layer, Store};
use crate::engine::time::Millis;
use crate::prelude::*;

/// Names that the protocol uses at the top of a package: no store can be called so.
pub const RESERVED_NAMES: [&str; 8] = [
    "type",
    "requestId",
    "revision",
    "stores",
    "success",
    "message",
    "error",
    "code",
];

/// Most stores of one manager. An app has tens; every package and answer runs through all.
pub const STORES_MAX: usize = 1_000;

/// Loads and syncs a set of stores.
///
/// At most one of its exchanges is on the wire: what is asked for meanwhile waits, so that no
/// answer can describe a state from before another one. The only exception is a load that takes a
/// running load's place.
#[derive(Debug)]
pub struct Manager {
    pub(super) id: ManagerId,
    pub(super) options: ManagerOptions,
    /// In load order.
    pub(super) stores: Vec<StoreId>,
    listening: u64,
    /// The exchange that runs.
    pub(super) exchange: Option<Exchange>,
    /// A load that listeners are asked about, while another load may still run.
    pub(super) candidate: Option<Exchange>,
    pub(super) next_load: Option<NextLoad>,
    /// Calls that the next sync is for.
    pub(super) waiting: Vec<CallId>,
    /// Somebody called for a sync that has not started.
    pub(super) asked: bool,
    /// They called while none was running: no backoff holds it up.
    pub(super) hurry: bool,
    /// A package that somebody called for was refused because of single records: the others are to
    /// go out without them.
    pub(super) again: bool,
    /// The last sync that began was such a one.
    pub(super) again_runs: bool,
    /// The last package was a part of what waits: the rest follows at once.
    pub(super) rest_waits: bool,
    /// How many syncs in a row were refused because the server's data is newer.
    pub(super) conflicts: u32,
    pub(super) polling: Polling,
    pub(super) lazy: Lazy,
    pub(super) backlog: Backlog,
    /// The app is asked which records are invalid.
    pub(super) checking: Option<AskId>,
    /// It has just said so.
    pub(super) checked: bool,
    /// An answer that comes in pieces by another way, and the stores that it is read for.
    pub(super) given: Option<(Vec<StoreId>, ResponseReader)>,
    pub(super) auto: AutoSync,
    pub(super) retry: Retry,
    pub(super) revision: Revision,
    /// The server has said that it knows repeated requests again.
    pub(super) seen_idempotent: bool,
    pub(super) dirty: Dirty,
    pub(super) status: StatusReport,
    pub(super) auto_load: Option<Millis>,
    /// Open batches of its stores: nothing is sent by itself meanwhile.
    pub(super) batches: u32,
    /// Edits came that nobody was told of yet.
    pub(super) touched: bool,
    /// What it has to do with a channel.
    pub(super) live: Live,
    /// The sequences of the options were looked through for names of stores that aren't there.
    sequences_checked: bool,
}

impl Manager {
    /// A manager without stores.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`].
    pub fn new(id: ManagerId, config: ManagerConfig, now: Millis) -> Result<Self, SyncError> {
        let options = ManagerOptions::check(config)?;
        let mut polling = Polling::default();
        polling.begin(&options.polling, now);
        Ok(Self {
            id,
            stores: Vec::new(),
            listening: 0,
            exchange: None,
            given: None,
            candidate: None,
            next_load: None,
            waiting: Vec::new(),
            asked: false,
            hurry: false,
            again: false,
            again_runs: false,
            rest_waits: false,
            conflicts: 0,
            polling,
            lazy: Lazy::default(),
            backlog: Backlog::Clear,
            checking: None,
            checked: false,
            auto: AutoSync::new(options.auto_sync, options.auto_sync_timeout_ms),
            retry: Retry::default(),
            revision: Revision::default(),
            seen_idempotent: false,
            dirty: Dirty::default(),
            status: StatusReport::default(),
            // On the next turn: stores and listeners are put in place after the manager is made.
            auto_load: options.auto_load.then_some(now),
            batches: 0,
            touched: false,
            live: Live::default(),
            sequences_checked: false,
            options,
        })
    }

    // --- what it is ------------------------------------------------------------------------------

    /// Its options.
    pub const fn options(&self) -> &ManagerOptions {
        &self.options
    }

    /// Its stores, in load order.
    pub fn stores(&self) -> &[StoreId] {
        &self.stores
    }

    /// Whether a load has started and not ended.
    pub fn is_loading(&self) -> bool {
        self.runs(RequestKind::Load) || self.candidate.is_some()
    }

    /// Whether a sync has started and not ended.
    pub fn is_syncing(&self) -> bool {
        self.runs(RequestKind::Sync)
    }

    /// What the server last called its state.
    pub const fn revision(&self) -> Option<&Value> {
        self.revision.value()
    }

    /// Whether the last request's outcome is unknown, so that the same one waits to be sent again.
    pub const fn holds_request(&self) -> bool {
        matches!(self.backlog, Backlog::Held(_))
    }

    /// Where it stands, for a status pill.
    pub fn status(&self, stores: &Stores, online: bool) -> Status {
        self.status.judge(&self.facts(stores, online))
    }

    /// Why the last request failed, until one succeeds.
    pub const fn error(&self) -> Option<&SyncError> {
        self.status.error()
    }

    /// Whether anything is there that the server hasn't confirmed.
    pub fn has_changes(&self, stores: &Stores) -> bool {
        self.any(stores, |store| store.has_unconfirmed())
    }

    /// How many records have something that the server hasn't confirmed.
    pub fn pending_count(&self, stores: &Stores) -> u32 {
        let count = self
            .managed(stores)
            .map(|store| store.unconfirmed_count())
            .sum::<usize>();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Everything that the server hasn't confirmed, as the sections of a package; none when there
    /// is nothing.
    pub fn changes(&self, stores: &Stores) -> Option<Vec<u8>> {
        let sections = self.sections(stores, Layer::Unconfirmed);
        (!sections.is_empty()).then(|| package::changes(&sections))
    }

    /// When something is to be done without anybody's doing.
    pub fn poll_timeout(&self) -> Option<Millis> {
        [
            self.auto_load,
            self.auto.poll_timeout(),
            self.retry.poll_timeout(),
            self.polling.poll_timeout(),
            self.exchange.as_ref().and_then(Exchange::poll_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    // --- commands --------------------------------------------------------------------------------

    /// Which events somebody listens to.
    pub const fn listen(&mut self, mask: u64) {
        self.listening = mask;
    }

    /// Changes options, or nothing.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`].
    pub fn configure(&mut self, config: ManagerConfig, cx: &mut Context) -> Result<(), SyncError> {
        let before = core::mem::replace(&mut self.options, ManagerOptions::check(config)?);
        if self.options.polling != before.polling {
            self.polling.begin(&self.options.polling, cx.now);
        }
        self.sequences_checked = false;
        let dirty = self.has_changes(&cx.stores);
        let (enabled, delay_ms) = (self.options.auto_sync, self.options.auto_sync_timeout_ms);
        self.auto.configure(enabled, delay_ms, dirty, cx.now);
        for &store in &self.stores {
            self.teach(store, cx);
        }
        Ok(())
    }

    /// What the server calls its state, as JSON text; `null` makes it unknown.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] for what is neither a number nor a text.
    pub fn set_revision(&mut self, value: &[u8]) -> Result<(), SyncError> {
        let value = Value::parse(value).unwrap_or_default();
        if value.as_list().is_some() || value.as_object().is_some() {
            let message = "a revision is a number or a text";
            return Err(SyncError::new(ErrorCode::InvalidArgument, message));
        }
        self.revision.set(value);
        Ok(())
    }

    /// Puts a store under the manager.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when it has a manager already, [`ErrorCode::InvalidConfig`]
    /// when its name can't be used here, [`ErrorCode::Limit`] at [`STORES_MAX`].
    pub fn add_store(
        &mut self,
        store: StoreId,
        position: Option<u32>,
        cx: &mut Context,
    ) -> Result<(), SyncError> {
        let entry = cx.stores.expect(store)?;
        if entry.manager.is_some() {
            let message = format!("the store \"{}\" has a manager already", entry.store.name());
            return Err(SyncError::new(ErrorCode::InvalidArgument, message));
        }
        let name = entry.store.name().to_owned();
        if RESERVED_NAMES.contains(&name.as_str()) {
            let message = format!("a managed store can't be called \"{name}\"");
            return Err(SyncError::new(ErrorCode::InvalidConfig, message));
        }
        if self.managed(&cx.stores).any(|other| other.name() == name) {
            let message = format!("the manager has a store \"{name}\" already");
            return Err(SyncError::new(ErrorCode::InvalidConfig, message));
        }
        if self.stores.len() >= STORES_MAX {
            let message = format!("a manager can have {STORES_MAX} stores");
            return Err(SyncError::new(ErrorCode::Limit, message));
        }
        let at = position.map_or(self.stores.len(), |at| (at as usize).min(self.stores.len()));
        self.stores.insert(at, store);
        self.lazy.forget();
        if let Some(entry) = cx.stores.entry_mut(store) {
            entry.manager = Some(self.id);
            entry
                .store
                .set_sends_ids(!self.options.reset_ids_before_sync);
            self.batches += u32::from(entry.batches > 0);
        }
        self.teach(store, cx);
        self.after_other(cx);
        Ok(())
    }

    /// Takes a store out. What a request on the wire holds of it goes back to its edits: the answer
    /// doesn't reach it.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownStore`] when it isn't here.
    pub fn remove_store(&mut self, store: StoreId, cx: &mut Context) -> Result<(), SyncError> {
        let Some(at) = self.stores.iter().position(|&other| other == store) else {
            let message = format!("store {} isn't under this manager", store.0);
            return Err(SyncError::new(ErrorCode::UnknownStore, message));
        };
        self.stores.remove(at);
        if let Some(entry) = cx.stores.entry_mut(store) {
            entry.manager = None;
            entry.store.thaw(None, &mut cx.notices);
            let message = "the store was taken out of its manager";
            let error = SyncError::new(ErrorCode::Cancelled, message);
            entry.store.abandon_stakes(&error);
            entry.store.set_strategy(None);
            self.batches -= u32::from(entry.batches > 0).min(self.batches);
        }
        fate::gather(&[store], cx);
        self.after_other(cx);
        Ok(())
    }

    /// Ends the manager: everything that runs is stopped, every call settles.
    pub fn destroy(&mut self, cx: &mut Context) {
        for exchange in [self.exchange.take(), self.candidate.take()]
            .into_iter()
            .flatten()
        {
            if matches!(exchange.stage, Stage::Wire(_)) {
                cx.push(Effect::Abort(exchange.request));
            }
            self.release(&exchange, cx);
        }
        for &id in &self.stores {
            if let Some(entry) = cx.stores.entry_mut(id) {
                entry.manager = None;
                entry.store.thaw(None, &mut cx.notices);
                entry.store.abandon_stakes(&gone("manager", self.id.0));
            }
        }
        let error = gone("manager", self.id.0);
        fate::gather(&self.stores, cx);
        fate::tell(cx);
        cx.announce();
        cx.calls.settle_all(self.id, &error, &mut cx.effects);
    }

    /// No autoSync until as many resumes have come.
    pub const fn suspend_auto_sync(&mut self) {
        self.auto.suspend();
    }

    /// Takes one suspend back.
    pub fn resume_auto_sync(&mut self, sync: bool, cx: &mut Context) {
        let dirty = self.any(&cx.stores, |store| store.has_changes());
        self.auto.resume(sync, dirty, cx.now);
        self.pump(cx);
    }

    // --- what happens ----------------------------------------------------------------------------

    /// Whether somebody listens to an event.
    #[inline]
    pub(super) const fn hears(&self, event: EventKind) -> bool {
        self.listening & event.bit() != 0
    }

    /// Sends an event to those who listen.
    pub(super) fn tell(&self, event: Event, cx: &mut Context) {
        if self.hears(event.kind()) {
            cx.push(Effect::Event(self.id, event));
        }
    }

    /// Tells where the manager stands, if that changed.
    pub(super) fn report(&mut self, cx: &mut Context) {
        if self.hears(EventKind::Status) {
            let facts = self.facts(&cx.stores, cx.online);
            if let Some(event) = self.status.on_facts(&facts) {
                self.tell(event, cx);
            }
        }
    }

    fn facts(&self, stores: &Stores, online: bool) -> Facts {
        let running = [&self.candidate, &self.exchange];
        let mut loads = running.into_iter().flatten().map(|it| &it.detail);
        let dirty = self.has_changes(stores);
        Facts {
            loading: loads.any(|it| matches!(it, Detail::Load { quiet: false, .. })),
            // Who merely asks for news saves nothing.
            saving: self.is_syncing() && dirty,
            dirty,
            pending: self.pending_count(stores),
            offline: !self.reaches(online),
            retrying: self.retry.waiting() || self.retry.due(),
            refused: self.any(stores, Store::has_refused_changes),
        }
    }

    /// Tells the host that nobody can ask for the response any more.
    pub(super) fn release(&self, exchange: &Exchange, cx: &mut Context) {
        if exchange.keep_response && exchange.sent() {
            cx.push(Effect::Release(exchange.request));
        }
    }

    pub(super) fn settle(
        &self,
        calls: &[CallId],
        outcome: &Result<Option<RequestId>, SyncError>,
        request: Option<RequestId>,
        cx: &mut Context,
    ) {
        for &call in calls {
            cx.settle(call, outcome.clone(), request);
        }
    }

    fn managed<'a>(&self, stores: &'a Stores) -> impl Iterator<Item = &'a Store> {
        self.stores.iter().filter_map(|&id| stores.get(id))
    }

    pub(super) fn any(&self, stores: &Stores, check: impl Fn(&Store) -> bool) -> bool {
        self.managed(stores).any(check)
    }

    /// The exchange that waits for the answer to that question.
    pub fn asks(&self, ask: AskId) -> bool {
        self.checking == Some(ask)
            || [&self.exchange, &self.candidate]
                .into_iter()
                .flatten()
                .any(|it| it.ask() == Some(ask))
    }

    /// Whether that HTTP exchange is this manager's, and on the wire.
    pub fn awaits(&self, request: RequestId) -> bool {
        self.exchange
            .as_ref()
            .is_some_and(|it| it.request == request && matches!(it.stage, Stage::Wire(_)))
    }

    /// The manager's stores in a configured order: the named ones first, then the others in load
    /// order.
    pub(super) fn in_sequence(&self, names: Option<&[String]>, stores: &Stores) -> Vec<StoreId> {
        let Some(names) = names else {
            return self.stores.clone();
        };
        let mut order: Vec<StoreId> = Vec::with_capacity(self.stores.len());
        for name in names {
            let found = self.stores.iter().copied().find(|&id| {
                stores.get(id).is_some_and(|store| store.name() == name) && !order.contains(&id)
            });
            order.extend(found);
        }
        let rest = self.stores.iter().copied().filter(|id| !order.contains(id));
        let rest: Vec<StoreId> = rest.collect();
        order.extend(rest);
        order
    }

    /// Warns once of names in the sequences that no store has.
    pub(super) fn check_sequences(&mut self, cx: &mut Context) {
        if self.sequences_checked {
            return;
        }
        self.sequences_checked = true;
        let sequences = [
            ("syncApplySequence", &self.options.sync_apply_sequence),
            ("loadApplySequence", &self.options.load_apply_sequence),
        ];
        let mut warnings = Vec::new();
        for (option, names) in sequences {
            for name in names.iter().flatten() {
                if !self.managed(&cx.stores).any(|store| store.name() == name) {
                    warnings.push(format!("{option} names \"{name}\", which is no store here"));
                }
            }
        }
        for message in warnings {
            self.warn(message, Vec::new(), cx);
        }
    }
}
