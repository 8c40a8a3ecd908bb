//! Channels, between their managers and the host.

use super::Engine;
use crate::engine::channel::feed::Landed;
use crate::engine::channel::{Channel, Out, frame};
use crate::engine::crud::context::{Context, gone};
use crate::engine::effect::{Act, Effect};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::{ChannelInput, Input, ManagerId, Reply, StoreId};
use crate::engine::json::dom::Value;
use crate::engine::json::write;
use crate::engine::store::Store;
use crate::engine::table::{IdRef, RowId};
use crate::prelude::*;

/// How often a manager and its channel can answer each other in one turn. They come to rest after
/// two or three rounds.
const ROUNDS_MAX: u32 = 100;

impl Engine {
    pub(super) fn route_to_channel(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        match input {
            Input::CreateChannel(id, config) => {
                self.lend(id)?;
                let channel = Channel::new(*config, &mut self.cx.rng)?;
                self.destroy_channel(id);
                let (manager, _) = self.lend(id)?;
                manager.live().client_id = Some(channel.client_id().to_owned());
                self.channels.push((id, Box::new(channel)));
                if !self.cx.online {
                    self.each_channel(|channel, cx, out| {
                        channel.on_online(false, cx.now, &mut cx.rng, out);
                    });
                }
            }
            Input::DestroyChannel(id) => {
                self.lend(id)?;
                self.destroy_channel(id);
            }
            Input::Channel(id, input) => self.feed_channel(id, input)?,
            _ => {}
        }
        Ok(Reply::Done)
    }

    pub(super) fn destroy_channel(&mut self, id: ManagerId) {
        let Some(at) = self.channels.iter().position(|(of, _)| *of == id) else {
            return;
        };
        let (_, channel) = self.channels.remove(at);
        let mut out = Vec::new();
        channel.destroy(self.cx.now, &mut self.cx.rng, &mut out);
        self.carry_out(id, out);
        if let Ok((manager, _)) = self.lend(id) {
            *manager.live() = Default::default();
        }
        self.look_at_locks();
    }

    fn feed_channel(&mut self, id: ManagerId, input: ChannelInput<'_>) -> Result<(), SyncError> {
        if let ChannelInput::Lock(call, _) = input {
            self.cx.calls.open(call, id)?;
        }
        let Some(at) = self.channels.iter().position(|(of, _)| *of == id) else {
            return Err(gone("channel", id.0));
        };
        let mut out = Vec::new();
        let Some((_, channel)) = self.channels.get_mut(at) else {
            return Ok(());
        };
        let result = channel.handle(input, self.cx.now, &mut self.cx.rng, &mut out);
        self.carry_out(id, out);
        match (result, input) {
            (Err(error), ChannelInput::Lock(call, _)) => {
                self.cx.settle(call, Err(error), None);
                Ok(())
            }
            (Err(error), ChannelInput::Change(changes)) if error.code == ErrorCode::Limit => {
                self.fold(id, changes).ok_or(error)
            }
            (result, _) => result,
        }
    }

    /// Changes that find no room in the outbox and are unconfirmed edits anyway go out with the
    /// next sync.
    fn fold(&mut self, id: ManagerId, changes: &[u8]) -> Option<()> {
        let changes = Value::parse(changes).ok()?;
        let (manager, cx) = self.lend(id).ok()?;
        let stores = manager.stores().iter().filter_map(|&id| cx.stores.get(id));
        let stores: Vec<&Store> = stores.collect();
        for (name, section) in changes.as_object()?.list() {
            let store = stores.iter().find(|store| store.name() == name)?;
            let kinds = section.as_object()?.list();
            for row in kinds
                .iter()
                .filter_map(|(_, rows)| rows.as_list())
                .flatten()
            {
                let id = row.get("id").unwrap_or(row).plain_text()?;
                let row = store.table().find_id(IdRef::Text(&id))?;
                let state = store.state(store.table().handle(row)).ok()?;
                (state.phantom || state.removed || state.modified || state.pending).then_some(())?;
            }
        }
        manager.want_sync(cx);
        Some(())
    }

    /// What channels and managers have for each other.
    pub(super) fn tend_channels(&mut self) {
        for at in 0..self.channels.len() {
            for _ in 0..ROUNDS_MAX {
                if !self.tend(at) {
                    break;
                }
            }
        }
        self.look_at_locks();
    }

    /// One round; whether there may be another.
    fn tend(&mut self, at: usize) -> bool {
        let Some((id, channel)) = self.channels.get_mut(at) else {
            return false;
        };
        let id = *id;
        let Some(Some(manager)) = self.managers.get_mut(id.0 as usize) else {
            return false;
        };
        let mut out = Vec::new();
        let (now, rng) = (self.cx.now, &mut self.cx.rng);
        let (request, loading) = (manager.open_request(), manager.will_load());
        let live = manager.live();
        if core::mem::take(&mut live.failed) {
            channel.on_polled(false, now, rng, &mut out);
        }
        for landing in core::mem::take(&mut live.landed) {
            channel.on_polled(true, now, rng, &mut out);
            let (landed, package) = match landing.sync {
                Some((wire_id, package)) => (Landed::Sync(wire_id), Some(package)),
                None => (Landed::Load, None),
            };
            channel.on_landed(landed, landing.revision, package, now, rng, &mut out);
        }
        for (wire_id, package) in core::mem::take(&mut live.packages) {
            channel.send_sync(wire_id, &package, now, rng, &mut out);
        }
        channel.on_request(request, loading, now);
        live.over_channel = channel.carries_syncs();
        if out.is_empty() {
            return false;
        }
        self.carry_out(id, out);
        true
    }

    pub(super) fn each_channel(
        &mut self,
        mut act: impl FnMut(&mut Channel, &mut Context, &mut Vec<Out>),
    ) {
        let mut channels = core::mem::take(&mut self.channels);
        let mut wanted = Vec::new();
        for (id, channel) in &mut channels {
            let mut out = Vec::new();
            act(channel, &mut self.cx, &mut out);
            wanted.push((*id, out));
        }
        self.channels = channels;
        for (id, out) in wanted {
            self.carry_out(id, out);
        }
    }

    fn carry_out(&mut self, id: ManagerId, wants: Vec<Out>) {
        let mut told: Vec<StoreId> = Vec::new();
        for want in wants {
            match want {
                Out::Host(act, epoch, text) => self.do_for_channel(id, act, epoch, text),
                Out::Told(mut text) => {
                    self.write_stores(&told, &mut text);
                    told.clear();
                    self.do_for_channel(id, Act::Tell, 0, text);
                }
                Out::Settle(call, outcome) => {
                    self.cx.settle(call, outcome.map(|()| None), None);
                }
                want => {
                    let Ok((manager, cx)) = self.lend(id) else {
                        continue;
                    };
                    let (mut failed, mut unasked) = (None, false);
                    match want {
                        Out::Apply(change) => {
                            let revision = change.revision.filter(|_| !change.more);
                            match manager.apply_remote(&change.data, revision, cx) {
                                Ok(stores) => told.extend(stores),
                                Err(error) => failed = Some(error),
                            }
                        }
                        Out::Load(data, revision) => {
                            failed = manager.apply_remote_load(&data, revision, cx).err();
                        }
                        Out::Reload if !manager.reload(cx) => {
                            let message =
                                "everything has to be loaded, but no loadUrl is configured";
                            failed = Some(SyncError::new(ErrorCode::NoUrl, message));
                        }
                        Out::Poll(by_sync) => unasked = !manager.poll(by_sync, cx),
                        Out::Sync => manager.on_reachable(true, cx),
                        Out::Answer(wire_id, status, body) => {
                            manager.on_channel_answer(wire_id, status, body, cx);
                        }
                        Out::Unanswered(wire_id, why) => {
                            manager.on_channel_silence(wire_id, why, cx);
                        }
                        _ => {}
                    }
                    if unasked {
                        // Edits wait that a poll could lose: the server is believed to be there.
                        manager.live().failed = false;
                        self.polled(id);
                    }
                    if let Some(error) = failed {
                        let text = frame::write(false, "error", &mut |object| {
                            write::string(error.code.as_str(), object.member("code"));
                            write::string(&error.message, object.member("message"));
                        });
                        self.do_for_channel(id, Act::Tell, 0, text);
                    }
                }
            }
        }
    }

    fn polled(&mut self, id: ManagerId) {
        let mut out = Vec::new();
        if let Some((_, channel)) = self.channels.iter_mut().find(|(of, _)| *of == id) {
            channel.on_polled(true, self.cx.now, &mut self.cx.rng, &mut out);
        }
        self.carry_out(id, out);
    }

    fn do_for_channel(&mut self, manager: ManagerId, act: Act, epoch: u32, text: Vec<u8>) {
        self.cx.push(Effect::Channel {
            manager,
            act,
            epoch,
            text,
        });
    }

    /// Ends the text of an event by the stores that it is about.
    fn write_stores(&self, told: &[StoreId], text: &mut Vec<u8>) {
        text.extend_from_slice(b",\"stores\":[");
        let mut named: Vec<StoreId> = Vec::new();
        for &id in told {
            if let Some(store) = self.cx.stores.get(id).filter(|_| !named.contains(&id)) {
                if !named.is_empty() {
                    text.push(b',');
                }
                write::string(store.name(), text);
                named.push(id);
            }
        }
        text.extend_from_slice(b"]}");
    }

    // --- locks -----------------------------------------------------------------------------------

    fn look_at_locks(&mut self) {
        let mut channels = self.channels.iter();
        self.guarded = channels.any(|(_, channel)| channel.presence().has_foreign_locks());
    }

    /// Whether the user may change these records.
    #[cold]
    pub(super) fn check_locks(&self, id: StoreId, rows: &[RowId]) -> Result<(), SyncError> {
        if !self.guarded {
            return Ok(());
        }
        let Some((entry, channel)) = self.cx.stores.entry(id).and_then(|entry| {
            let channel = self.channel(entry.manager?)?;
            Some((entry, channel))
        }) else {
            return Ok(());
        };
        for &row in rows {
            let Ok(ix) = entry.store.resolve(row) else {
                continue;
            };
            let record = entry.store.id_of(ix).map(|id| id.to_string());
            let (store, record) = (entry.store.name(), record.unwrap_or_default());
            if let Some(lock) = channel.presence().foreign_lock(store, &record) {
                let message = format!("{} is editing {record} of {store}", lock.name());
                return Err(SyncError::new(ErrorCode::Locked, message));
            }
        }
        Ok(())
    }

    /// The same for all records of a store.
    pub(super) fn check_all_locks(&self, id: StoreId) -> Result<(), SyncError> {
        if !self.guarded {
            return Ok(());
        }
        let Some(store) = self.cx.stores.get(id) else {
            return Ok(());
        };
        let rows = store.table().order().iter();
        let rows: Vec<RowId> = rows.map(|&row| store.table().handle(row)).collect();
        self.check_locks(id, &rows)
    }
}
