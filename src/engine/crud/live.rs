//! What a manager has to do with a channel: packages that go over it, changes that come by it,
//! answers that it has to know of.

use super::backlog::Backlog;
use super::context::Context;
use super::exchange::{Exchange, Stage};
use super::load::NextLoad;
use super::manager::Manager;
use super::revision::whole;
use crate::engine::effect::{Effect, RequestKind};
use crate::engine::error::SyncError;
use crate::engine::input::StoreId;
use crate::engine::json::Response;
use crate::engine::json::dom::{Members, Value};
use crate::prelude::*;

/// A manager's side of its channel.
#[derive(Debug, Default)]
pub struct Live {
    /// What the server knows this client by; goes into every package. None without a channel.
    pub client_id: Option<String>,
    /// Syncs go over the channel.
    pub over_channel: bool,
    /// Packages to be sent over it: their numbers on the wire and their text.
    pub packages: Vec<(u64, Vec<u8>)>,
    /// Answers that were applied.
    pub landed: Vec<Landing>,
    /// A request has failed of which nobody knows what became.
    pub failed: bool,
}

/// An answer that was applied.
#[derive(Debug)]
pub struct Landing {
    /// The request's number and package, of a sync.
    pub sync: Option<(u64, Vec<u8>)>,
    /// The server's revision with it.
    pub revision: Option<u64>,
}

impl Manager {
    /// Its side of its channel.
    pub const fn live(&mut self) -> &mut Live {
        &mut self.live
    }

    /// The number of the request whose outcome is open; 0 for a load.
    pub fn open_request(&self) -> Option<u64> {
        match (&self.exchange, &self.backlog) {
            (Some(exchange), _) if exchange.kind == RequestKind::Sync => Some(exchange.wire_id),
            (_, Backlog::Held(held)) => Some(held.wire_id),
            (Some(_), _) => Some(0),
            (None, _) => self.candidate.as_ref().map(|_| 0),
        }
    }

    /// Whether a load runs, or is about to.
    pub fn will_load(&self) -> bool {
        self.is_loading() || self.next_load.is_some()
    }

    /// What goes into a sync's package beside the changes.
    pub(super) fn sync_data(&self) -> Members {
        let mut data = self.options.request_data.clone();
        if let Some(client) = &self.live.client_id {
            data.insert("clientId", Value::Text(client.clone()));
        }
        data
    }

    /// An answer was applied.
    pub(super) fn land(&mut self, exchange: Option<&Exchange>, response: &Response, is_part: bool) {
        if self.live.client_id.is_none() {
            return;
        }
        // Of the other parts, it would say too much.
        let revision = response.envelope.get("revision").filter(|_| !is_part);
        let revision = revision.and_then(whole);
        let sync = exchange.map(|exchange| (exchange.wire_id, exchange.pack.clone()));
        self.live.landed.push(Landing { sync, revision });
    }

    // --- packages --------------------------------------------------------------------------------

    pub(super) fn goes_over_channel(&self, exchange: &Exchange) -> bool {
        self.live.over_channel && exchange.kind == RequestKind::Sync
    }

    pub(super) fn hand_to_channel(&mut self, exchange: &Exchange) {
        self.live
            .packages
            .push((exchange.wire_id, exchange.pack.clone()));
    }

    fn awaits_package(&self, wire_id: u64) -> Option<&Exchange> {
        self.exchange.as_ref().filter(|exchange| {
            exchange.wire_id == wire_id && matches!(exchange.stage, Stage::Wire(_))
        })
    }

    /// A package was answered over the channel.
    pub fn on_channel_answer(
        &mut self,
        wire_id: u64,
        status: u16,
        body: Vec<u8>,
        cx: &mut Context,
    ) {
        let Some(exchange) = self.awaits_package(wire_id) else {
            return;
        };
        let (request, kind, keeps) = (exchange.request, exchange.kind, exchange.keep_response);
        self.on_http_head(status);
        self.on_http_chunk(&body);
        if keeps {
            cx.push(Effect::Answered {
                request,
                manager: self.id,
                kind,
                body,
            });
        }
        self.on_http_end(cx);
    }

    /// A package won't be answered over the channel.
    pub fn on_channel_silence(&mut self, wire_id: u64, why: &str, cx: &mut Context) {
        if self.awaits_package(wire_id).is_some() {
            self.on_http_failed(why, cx);
        }
    }

    // --- changes ---------------------------------------------------------------------------------

    /// Applies what the server says that it has changed. Gives the stores that it speaks of.
    ///
    /// # Errors
    /// [`ErrorCode::BadResponse`](crate::engine::error::ErrorCode::BadResponse) when it can't be
    /// read. Then nothing has changed.
    pub fn apply_remote(
        &mut self,
        bytes: &[u8],
        revision: Option<u64>,
        cx: &mut Context,
    ) -> Result<Vec<StoreId>, SyncError> {
        let stores = self.stores.clone();
        let mut response = self.read(&stores, bytes, cx)?;
        let mut oddities = core::mem::take(&mut response.warnings);
        let sections = stores.iter().zip(&response.sections);
        let named = sections.filter(|(_, section)| section.present);
        let named: Vec<StoreId> = named.map(|(store, _)| *store).collect();
        for (name, value) in response.envelope.list() {
            let changes = |kind| value.get(kind).is_some();
            if changes("added") || changes("updated") || changes("removed") {
                oddities.push(format!("a change of \"{name}\", which is no store here"));
            }
        }
        response.quiet = true;
        let outcome = self.apply_changes(&stores, &mut response, None, cx);
        if outcome.more_to_send {
            self.auto.on_edit(cx.now);
        }
        if let Some(revision) = revision {
            self.revision.set(Value::Number(revision as f64));
        }
        self.tell_outcome(oddities, outcome, cx);
        self.after_other(cx);
        Ok(named)
    }

    /// Applies a data set that the server sent on its own.
    ///
    /// # Errors
    /// As [`apply_response`](Self::apply_response).
    pub fn apply_remote_load(
        &mut self,
        bytes: &[u8],
        revision: Option<u64>,
        cx: &mut Context,
    ) -> Result<(), SyncError> {
        self.apply_response(bytes, cx)?;
        if let (Some(landing), Some(revision)) = (self.live.landed.last_mut(), revision) {
            landing.revision = Some(revision);
            self.revision.set(Value::Number(revision as f64));
        }
        Ok(())
    }

    // --- requests --------------------------------------------------------------------------------

    /// Everything has to be loaded, unless it is about to be. Says whether it can be.
    pub fn reload(&mut self, cx: &mut Context) -> bool {
        if self.options.load.url.is_none() {
            return false;
        }
        self.next_load.get_or_insert_with(NextLoad::quiet);
        self.pump(cx);
        true
    }

    /// Asks the server for news: by an empty sync, when it is one that tells them, or by a load.
    /// Nothing is asked while something runs, nothing sent before its time, and nothing loaded over
    /// edits that a load would lose. Says whether an answer is to be expected.
    pub fn poll(&mut self, by_sync: bool, cx: &mut Context) -> bool {
        if self.exchange.is_some() || self.candidate.is_some() || self.next_load.is_some() {
            return true;
        }
        let changed = self.has_changes(&cx.stores);
        // An empty sync would take along what nobody has asked to send yet.
        if by_sync && self.options.sync.url.is_some() && (!changed || self.options.auto_sync) {
            self.begin_sync(true, cx);
            return true;
        }
        let loses = self.any(&cx.stores, |store| !store.config().keep_uncommitted_changes);
        (!loses || !changed) && self.reload(cx)
    }

    /// Sends what has changed when the way is open: somebody relies on it.
    pub fn want_sync(&mut self, cx: &mut Context) {
        self.asked = true;
        self.pump(cx);
    }
}
