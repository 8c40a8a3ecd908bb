//! Which input goes to whom.

use super::Engine;
use super::{EFFECTS_MAX, index};
use crate::engine::crud::flow::Answer;
use crate::engine::crud::manager::Manager;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::{Input, ManagerId, Reply};
use crate::prelude::*;
use alloc::sync::Arc;

impl Engine {
    pub(super) fn route(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        if self.cx.effects.len() >= EFFECTS_MAX {
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
            | Input::Edits(_)
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

    pub(super) fn route_to_store(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        match input {
            Input::CreateStore(config) => return self.create_store(*config),
            Input::DestroyStore(id) => self.destroy_store(id)?,
            Input::EnsureField(id, name) => {
                return Ok(Reply::Field(
                    self.cx.stores.expect(id)?.store.ensure_field(name)?,
                ));
            }
            Input::Edits(edits) => return self.set_all(edits),
            Input::Add { store, rows, place } => return self.add(store, rows, place),
            Input::Remove(id, rows) => {
                self.check_locks(id, rows)?;
                let removed = self
                    .cx
                    .stores
                    .expect(id)?
                    .store
                    .remove(rows, &mut self.cx.notices)?;
                if !removed.is_empty() {
                    self.on_edit(id);
                }
                return Ok(Reply::Rows(removed));
            }
            Input::RemoveAll(id) => {
                self.check_all_locks(id)?;
                let removed = self
                    .cx
                    .stores
                    .expect(id)?
                    .store
                    .remove_all(&mut self.cx.notices);
                if !removed.is_empty() {
                    self.on_edit(id);
                }
                return Ok(Reply::Rows(removed));
            }
            Input::Move(id, rows, to) => {
                let moved =
                    self.cx
                        .stores
                        .expect(id)?
                        .store
                        .move_rows(rows, to, &mut self.cx.notices)?;
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
            Input::Track(id, tracked) => self.cx.stores.expect(id)?.store.track(tracked),
            Input::SetValid(id, row, valid) => {
                let entry = self.cx.stores.expect(id)?;
                let manager = entry.manager;
                let changed = entry.store.set_valid(row, valid)?;
                if let (true, Some(id)) = (changed, manager)
                    && let Ok((manager, cx)) = self.lend(id)
                {
                    manager.hold_dependents(cx);
                }
                return Ok(Reply::Changed(changed));
            }
            Input::ResolveConflict { store, row, how } => {
                return self.resolve_conflict(store, row, how);
            }
            Input::Settled { store, row, call } => self.settled(store, row, call)?,
            Input::Accept(scope) => self.accept_or_reject(scope, true)?,
            Input::Reject(scope) => self.accept_or_reject(scope, false)?,
            Input::ListenStore(id, mask) => self.cx.stores.expect(id)?.store.listen(mask),
            _ => {}
        }
        Ok(Reply::Done)
    }

    pub(super) fn route_to_manager(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        match input {
            Input::CreateManager(config) => {
                let id = ManagerId(index(self.managers.len())?);
                let manager = Manager::new(id, *config, self.cx.now)?;
                self.managers.push(Some(Box::new(manager)));
                return Ok(Reply::Manager(id));
            }
            Input::DestroyManager(id) => {
                self.lend(id)?;
                self.destroy_channel(id);
                let slot = self.managers.get_mut(id.0 as usize).and_then(Option::take);
                if let Some(mut manager) = slot {
                    manager.destroy(&mut self.cx);
                }
            }
            Input::AddStore(id, store, at) => {
                let (manager, cx) = self.lend(id)?;
                manager.add_store(store, at, cx)?;
            }
            Input::RemoveStore(id, store) => {
                let (manager, cx) = self.lend(id)?;
                manager.remove_store(store, cx)?;
            }
            Input::Configure(id, config) => {
                let (manager, cx) = self.lend(id)?;
                manager.configure(*config, cx)?;
            }
            Input::SetRevision(id, value) => self.lend(id)?.0.set_revision(value)?,
            Input::Listen(id, mask) => self.lend(id)?.0.listen(mask),
            Input::Load {
                manager,
                call,
                options,
            } => {
                let (manager, cx) = self.lend(manager)?;
                manager.load(call, options, cx)?;
            }
            Input::LoadMissing {
                manager,
                call,
                wanted,
            } => {
                let (manager, cx) = self.lend(manager)?;
                manager.load_missing(call, wanted, cx)?;
            }
            Input::Sync { manager, call } => {
                let (manager, cx) = self.lend(manager)?;
                manager.sync(call, cx)?;
            }
            Input::Cancel(id, call) => {
                let (manager, cx) = self.lend(id)?;
                manager.on_cancel(call, cx)?;
            }
            Input::ApplyResponse(id, bytes) => {
                let (manager, cx) = self.lend(id)?;
                manager.apply_response(bytes, cx)?;
            }
            Input::ApplyPiece(id, bytes) => {
                let (manager, cx) = self.lend(id)?;
                manager.apply_piece(bytes, cx)?;
            }
            Input::ApplyChangeset(id, bytes) => {
                let (manager, cx) = self.lend(id)?;
                manager.apply_changeset(bytes, cx)?;
            }
            Input::ApplyStoreChangeset(id, bytes) => match self.cx.stores.expect(id)?.manager {
                Some(manager) => {
                    let (manager, cx) = self.lend(manager)?;
                    manager.apply_changeset(bytes, cx)?;
                }
                None => Manager::apply_lone_changeset(id, bytes, &mut self.cx)?,
            },
            Input::SuspendAutoSync(id) => self.lend(id)?.0.suspend_auto_sync(),
            Input::ResumeAutoSync { manager, sync } => {
                let (manager, cx) = self.lend(manager)?;
                manager.resume_auto_sync(sync, cx);
            }
            _ => {}
        }
        Ok(Reply::Done)
    }

    /// Late and foreign reports find nobody here, and are dropped.
    pub(super) fn route_from_host(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        match input {
            Input::Timeout => {
                self.tidy();
                self.each_manager(|manager, cx| manager.on_timeout(cx));
                self.each_channel(|channel, cx, out| channel.on_timeout(cx.now, &mut cx.rng, out));
            }
            Input::Answer {
                ask,
                proceed,
                content,
                request,
            } => {
                if let Some(id) = self.find_manager(|manager| manager.asks(ask)) {
                    let (manager, cx) = self.lend(id)?;
                    manager.on_answer(
                        ask,
                        Answer {
                            proceed,
                            content,
                            request,
                        },
                        cx,
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
                if let Some((manager, cx)) = self.awaiting(request) {
                    manager.on_http_end(cx);
                }
            }
            Input::HttpFailed(request, why) => {
                if let Some((manager, cx)) = self.awaiting(request) {
                    manager.on_http_failed(why, cx);
                }
            }
            Input::HttpUnsent(request, why) => {
                if let Some((manager, cx)) = self.awaiting(request) {
                    manager.on_http_unsent(why, cx);
                }
            }
            Input::Online(online) => {
                let came_back = online && !self.cx.online;
                self.cx.online = online;
                self.each_channel(|channel, cx, out| {
                    channel.on_online(online, cx.now, &mut cx.rng, out);
                });
                if online {
                    self.each_manager(|manager, cx| manager.on_reachable(came_back, cx));
                } else {
                    self.each_manager(|manager, cx| manager.on_offline(cx));
                }
            }
            Input::Visible(visible) => {
                self.cx.visible = visible;
                if visible {
                    self.each_manager(|manager, cx| manager.on_reachable(false, cx));
                }
                self.each_channel(|channel, cx, out| {
                    channel.on_visible(visible, cx.now, &mut cx.rng, out);
                });
            }
            Input::SetZone(zone) => {
                self.cx.zone = Arc::new(zone);
                for entry in self.cx.stores.iter_mut() {
                    entry.store.set_zone(Arc::clone(&self.cx.zone));
                }
            }
            _ => {}
        }
        Ok(Reply::Done)
    }
}
