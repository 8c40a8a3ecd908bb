//! What a channel does when something happens.

use super::messages;
use super::state::Pause;
use super::{
    Core, Out, PENDING_MAX, Pending, Turn, What, frame, not_connected, object, object_text,
};
use crate::engine::config::ChannelOptions;
use crate::engine::effect::Act;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::{CallId, ChannelInput};
use crate::engine::json::dom::Members;
use crate::engine::json::write::{self, Object};
use crate::engine::presence::{Held, News};
use crate::prelude::*;

impl Core {
    pub(super) fn handle(
        &mut self,
        input: ChannelInput<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), SyncError> {
        match input {
            ChannelInput::Connect => self.link.want(turn),
            ChannelInput::Suspend => self.link.pause(Pause::User, turn),
            ChannelInput::Freeze => self.link.pause(Pause::Hidden, turn),
            ChannelInput::Ready => self.link.on_sign_of_life(turn),
            ChannelInput::Open(epoch, token) => {
                if self.link.is_current(epoch) && !self.link.is_open() {
                    self.token = token.to_vec();
                    self.on_open(turn);
                }
            }
            ChannelInput::Frames(epoch, bytes) => {
                if self.link.is_current(epoch) {
                    self.on_frames(bytes, turn);
                }
            }
            ChannelInput::Down(epoch, code, reason) => {
                if self.link.is_current(epoch) {
                    turn.out.push(Out::Cut);
                    self.link.on_down(code, reason, turn);
                }
            }
            ChannelInput::Token(token) => {
                self.token = token.to_vec();
                self.send_token(turn);
            }
            ChannelInput::Change(bytes) => return self.send_change(object(bytes)?, turn),
            ChannelInput::Message(bytes) => {
                object(bytes)?;
                if !self.link.is_open() {
                    return Err(not_connected());
                }
                self.send(bytes.to_vec(), turn);
            }
            ChannelInput::Presence(bytes) => {
                object(bytes)?;
                self.doing = Some(bytes.to_vec());
                self.say_doing(turn);
            }
            ChannelInput::Lock(call, bytes) => return self.lock(call, &object(bytes)?, turn),
            ChannelInput::Unlock(bytes) => self.unlock("unlock", object(bytes)?, turn),
            ChannelInput::Deny(bytes) => self.unlock("denyLock", object(bytes)?, turn),
        }
        Ok(())
    }

    // --- the connection --------------------------------------------------------------------------

    /// Whether the server's greeting is to be waited for.
    pub(super) const fn shakes_hands(&self, options: &ChannelOptions) -> bool {
        options.handshake || self.greeted
    }

    pub(super) fn open(&mut self, turn: &mut Turn<'_>) {
        let text = object_text(&mut |object| {
            self.introduce(turn.options, object);
            if let Some(user) = &turn.options.user {
                user.write(object.member("user"));
            }
        });
        let act = Out::Host(Act::Open, self.link.epoch(), text);
        turn.out.push(act);
    }

    pub(super) fn introduce(&self, options: &ChannelOptions, object: &mut Object<'_>) {
        write::string(&self.presence.me, object.member("clientId"));
        if let Some(project) = &options.project {
            project.write(object.member("project"));
        }
        if let Some(since) = self.feed.since() {
            write::number(since as f64, object.member("since"));
        }
        if let Some(epoch) = &self.data_epoch {
            write::string(epoch, object.member("epoch"));
        }
    }

    pub(super) fn on_open(&mut self, turn: &mut Turn<'_>) {
        if turn.options.polls {
            // The first poll tells whether the server is there.
            turn.out.push(Out::Poll(turn.options.poll_by_sync));
            return;
        }
        let handshake = self.shakes_hands(turn.options);
        self.link.on_open(handshake, turn);
        if handshake {
            return;
        }
        if turn.options.request_initial_data {
            self.link.catch_up(turn);
            // What the server is asked for has to hold what it is told.
            self.flush(turn);
            let text = frame::write(turn.options.command, "requestInitialData", &mut |_| {});
            self.send(text, turn);
            return;
        }
        if self.link.was_live {
            // Nobody can say what was missed.
            self.reload(turn);
        }
        self.go_live(turn);
    }

    pub(super) fn go_live(&mut self, turn: &mut Turn<'_>) {
        if self.link.is_live() {
            return;
        }
        self.link.go_live(turn);
        self.feed.on_caught_up();
        self.presence.on_up();
        self.say_doing(turn);
        self.flush(turn);
        turn.out.push(Out::Sync);
    }

    /// Sends what waits for a connection.
    pub(super) fn flush(&mut self, turn: &mut Turn<'_>) {
        for (id, changes, text) in core::mem::take(&mut self.resend) {
            self.await_answer(id, What::Change(changes, text.clone()), 0, turn);
            self.send(text, turn);
        }
        if !self.outbox.is_empty() {
            let changes = self.outbox.take();
            self.send_now(changes, turn);
        }
    }

    pub(super) fn ping(&mut self, turn: &mut Turn<'_>) {
        let text = frame::write(turn.options.command, "ping", &mut |_| {});
        self.send(text, turn);
    }

    /// Asks for what is missing; for everything when that was of no use.
    pub(super) fn ask_missing(&mut self, turn: &mut Turn<'_>) {
        if !self.greeted || self.feed.gives_up() {
            self.feed.drop_held();
            self.reload(turn);
            return;
        }
        self.link.catch_up(turn);
        let id = turn.rng.request_id();
        let text = frame::write(turn.options.command, "subscribe", &mut |object| {
            write::number(id as f64, object.member("requestId"));
            self.introduce(turn.options, object);
        });
        self.send(text, turn);
    }

    /// The connection is gone: nothing that waits for an answer will get one.
    pub(super) fn cut(&mut self, turn: &mut Turn<'_>) {
        self.presence.on_down(turn.now + turn.options.grace_ms);
        self.feed.drop_held();
        self.renew_token = None;
        for pending in core::mem::take(&mut self.pending) {
            self.end(pending, "the connection was lost", ErrorCode::Network, turn);
        }
    }

    pub(super) fn end(
        &mut self,
        pending: Pending,
        why: &'static str,
        code: ErrorCode,
        turn: &mut Turn<'_>,
    ) {
        match pending.what {
            What::Sync => turn.out.push(Out::Unanswered(pending.id, why)),
            What::Change(changes, text) if self.greeted => {
                self.resend.push((pending.id, changes, text));
            }
            What::Lock(Some(call), _) => {
                let error = SyncError::new(code, why);
                turn.out.push(Out::Settle(call, Err(error)));
            }
            What::Change(..) | What::Lock(None, _) | What::Other => {}
        }
    }

    pub(super) fn send_token(&mut self, turn: &mut Turn<'_>) {
        if self.token.is_empty() || !self.link.is_open() {
            return;
        }
        let token = core::mem::take(&mut self.token);
        let text = frame::write(turn.options.command, "auth", &mut |object| {
            write::string(&String::from_utf8_lossy(&token), object.member("token"));
        });
        self.send(text, turn);
    }

    // --- sending ---------------------------------------------------------------------------------

    pub(super) fn send(&self, text: Vec<u8>, turn: &mut Turn<'_>) {
        let act = Out::Host(Act::Send, self.link.epoch(), text);
        turn.out.push(act);
    }

    pub(super) fn await_answer(&mut self, id: u64, what: What, more_ms: u64, turn: &mut Turn<'_>) {
        let deadline = turn.now + turn.options.ack_timeout_ms + more_ms;
        let pending = Pending { id, what, deadline };
        if self.pending.len() < PENDING_MAX {
            self.pending.push(pending);
        } else {
            self.end(
                pending,
                "too much waits to be answered",
                ErrorCode::Limit,
                turn,
            );
        }
    }

    pub(super) fn send_sync(&mut self, request: u64, pack: &[u8], turn: &mut Turn<'_>) {
        if !self.link.is_live() {
            turn.out
                .push(Out::Unanswered(request, "the connection was lost"));
            return;
        }
        let text = if self.greeted && !turn.options.command {
            // The server takes a package as it goes over HTTP.
            pack.to_vec()
        } else {
            frame::write(turn.options.command, "sync", &mut |object| {
                write::number(request as f64, object.member("requestId"));
                write::number(turn.now.0 as f64, object.member("timestamp"));
                object.member("data").extend_from_slice(pack);
            })
        };
        self.await_answer(request, What::Sync, 0, turn);
        self.send(text, turn);
    }

    pub(super) fn send_change(
        &mut self,
        changes: Members,
        turn: &mut Turn<'_>,
    ) -> Result<(), SyncError> {
        if self.link.is_live() {
            self.send_now(changes, turn);
            return Ok(());
        }
        if self.outbox.add(&changes) {
            return Ok(());
        }
        Err(SyncError::new(
            ErrorCode::Limit,
            "the outbox is full: the changes stay where they are",
        ))
    }

    pub(super) fn send_now(&mut self, changes: Members, turn: &mut Turn<'_>) {
        let id = turn.rng.request_id();
        let text = frame::write(turn.options.command, "sync", &mut |object| {
            write::number(id as f64, object.member("requestId"));
            write::number(turn.now.0 as f64, object.member("timestamp"));
            changes.write(object.member("data"));
        });
        self.await_answer(id, What::Change(changes, text.clone()), 0, turn);
        self.send(text, turn);
    }

    pub(super) fn say_doing(&self, turn: &mut Turn<'_>) {
        if let Some(doing) = &self.doing
            && self.link.is_live()
        {
            self.send_data("presence", doing, None, turn);
        }
    }

    pub(super) fn send_data(&self, kind: &str, data: &[u8], id: Option<u64>, turn: &mut Turn<'_>) {
        let text = frame::write(turn.options.command, kind, &mut |object| {
            if let Some(id) = id {
                write::number(id as f64, object.member("requestId"));
            }
            object.member("data").extend_from_slice(data);
        });
        self.send(text, turn);
    }

    // --- locks -----------------------------------------------------------------------------------

    pub(super) fn lock(
        &mut self,
        call: CallId,
        wish: &Members,
        turn: &mut Turn<'_>,
    ) -> Result<(), SyncError> {
        if !self.link.is_live() || turn.options.polls {
            return Err(not_connected());
        }
        let held = messages::wished(wish).ok_or_else(|| {
            SyncError::new(ErrorCode::InvalidArgument, "a lock needs type and id")
        })?;
        let wait = wish.get("timeoutMs").and_then(frame::whole).unwrap_or(0);
        self.send_lock(Some(call), held, wait, turn);
        Ok(())
    }

    pub(super) fn send_lock(
        &mut self,
        call: Option<CallId>,
        held: Held,
        wait_ms: u64,
        turn: &mut Turn<'_>,
    ) {
        let id = turn.rng.request_id();
        let data = object_text(&mut |object| {
            write::string(&held.store, object.member("type"));
            held.id.write(object.member("id"));
            if wait_ms > 0 {
                write::number(wait_ms as f64, object.member("timeoutMs"));
            }
            if let Some(ttl_ms) = held.ttl_ms {
                write::number(ttl_ms as f64, object.member("ttlMs"));
            }
        });
        self.send_data("lock", &data, Some(id), turn);
        self.await_answer(id, What::Lock(call, held), wait_ms, turn);
    }

    pub(super) fn unlock(&mut self, kind: &str, wish: Members, turn: &mut Turn<'_>) {
        if kind == "unlock"
            && let Some(held) = messages::wished(&wish)
        {
            self.presence
                .release(&held.store, &held.id.plain_text().unwrap_or_default());
        }
        if self.link.is_live() {
            let id = turn.rng.request_id();
            let mut data = Vec::new();
            wish.write(&mut data);
            self.send_data(kind, &data, Some(id), turn);
            self.await_answer(id, What::Other, 0, turn);
        }
    }

    // --- time ------------------------------------------------------------------------------------

    pub(super) fn on_timeout(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        self.link.on_timeout(turn);
        while let Some(at) = self.pending.iter().position(|it| it.deadline <= now) {
            let pending = self.pending.remove(at);
            self.end(
                pending,
                "no answer within the configured time",
                ErrorCode::Timeout,
                turn,
            );
        }
        let live = self.link.is_live();
        if live && self.reload_at.is_some_and(|at| at <= now) {
            self.reload(turn);
        }
        if live && self.renew_token.is_some_and(|at| at <= now) {
            self.renew_token = None;
            turn.out
                .push(Out::Host(Act::Token, self.link.epoch(), Vec::new()));
        }
        let mut news = Vec::new();
        let renew = self.presence.on_timeout(live, now, &mut news);
        for held in renew {
            self.send_lock(None, held, 0, turn);
        }
        self.tell_news(news, turn);
    }

    pub(super) fn tell_news(&self, news: impl IntoIterator<Item = News>, turn: &mut Turn<'_>) {
        for one in news {
            match one {
                News::Peers => turn.say("presence", &mut |object| {
                    self.presence.write_peers(object.member("peers"));
                }),
                News::Lock(taken, lock) => {
                    let event = if taken { "lock" } else { "unlock" };
                    turn.say(event, &mut |object| {
                        object.member("lock").extend_from_slice(&lock);
                    });
                }
            }
        }
    }
}
