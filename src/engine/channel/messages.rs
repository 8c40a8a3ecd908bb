//! What each message of the server brings about.

use super::feed::{Change, Landed, Taken};
use super::frame::{Frame, section, whole};
use super::state::State;
use super::{Core, FRAME_BYTES_MAX, Out, Pending, Tally, Turn, What};
use crate::engine::effect::Act;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::json::dom::{Members, Value};
use crate::engine::json::write;
use crate::engine::presence::{Held, News, is_store};
use crate::prelude::*;

/// What stands between messages that come together; no JSON text holds it.
pub const SEPARATOR: u8 = 0x1E;

/// So long before a token expires a fresh one is asked for, in ms.
const TOKEN_MARGIN_MS: u64 = 30_000;

impl Core {
    /// Messages have come.
    pub(super) fn on_frames(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        self.link.on_heard(turn.now);
        for text in bytes.split(|byte| *byte == SEPARATOR) {
            // A message may have ended the connection.
            if !self.link.is_open() {
                break;
            }
            if text.len() > FRAME_BYTES_MAX {
                self.on_too_large(turn);
                continue;
            }
            match Frame::read(text) {
                Ok(frame) => self.on_frame(&frame, turn),
                Err(error) => {
                    let message = ["a message ", error.kind.as_str()].concat();
                    turn.say_error("BAD_RESPONSE", &message);
                }
            }
        }
        self.tell_changes(turn);
    }

    fn on_too_large(&mut self, turn: &mut Turn<'_>) {
        turn.say_error(
            "LIMIT",
            "a message was too large; everything is loaded anew",
        );
        self.reload(turn);
    }

    fn on_frame(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        match frame.kind() {
            "hello" | "welcome" => self.on_hello(frame, turn),
            "authRequired" => self.on_auth_required(turn),
            "subscribed" => self.on_subscribed(frame, turn),
            "live" => self.on_live(frame, turn),
            "reload" => self.on_reload(frame, turn),
            "load" => self.on_load(frame, turn),
            "ack" | "response" => self.on_ack(frame, turn),
            "ping" => {
                let text = super::frame::write(turn.options.command, "pong", &mut |_| {});
                self.send(text, turn);
            }
            "pong" | "heartbeat" => self.on_pong(frame, turn),
            "presence" => {
                let data = frame.value("data");
                let news = data.and_then(|data| self.presence.on_peers(&data, turn.now));
                // Told once, however many come and go at the same time.
                self.tally.peers |= news.is_some();
            }
            "lock" | "unlock" => self.on_lock(frame, turn),
            "locks" => {
                if let Some(data) = frame.value("data") {
                    self.on_locks(&data, turn);
                }
            }
            "lockRequested" | "lockDenied" => self.pass_on(frame.kind(), frame, turn),
            "conflict" => self.on_conflict(frame, turn),
            "error" => self.on_error(frame, turn),
            "closing" => {
                let code = frame.number("code").unwrap_or(1012) as u32;
                let reason = frame.text("reason").unwrap_or_default();
                turn.out
                    .push(Out::Host(Act::Close, self.link.epoch(), Vec::new()));
                turn.out.push(Out::Cut);
                self.link.on_down(code, &reason, turn);
            }
            "tooLarge" => self.on_too_large(turn),
            _ => match frame.change() {
                Some(change) => self.on_change(change, frame, turn),
                // What the app and its server have agreed upon.
                None => self.pass_on("message", frame, turn),
            },
        }
    }

    // --- the connection --------------------------------------------------------------------------

    fn on_hello(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        self.greeted = true;
        self.link.answers = true;
        self.feed.answers_bring_all = true;
        self.learn_epoch(frame);
        if let Some(client) = frame.value("clientId").and_then(|id| id.plain_text()) {
            self.presence.me = client;
        }
        if let Some(expires) = frame.number("expiresAt") {
            let at = expires.saturating_sub(TOKEN_MARGIN_MS);
            self.renew_token = Some(crate::engine::time::Millis(at.max(turn.now.0 + 1_000)));
        }
        if matches!(self.link.state(), State::Authenticating(_)) {
            self.link.catch_up(turn);
        }
        self.pass_on("hello", frame, turn);
    }

    /// A token that was offered is asked for by servers that didn't see it; one that wasn't is got.
    fn on_auth_required(&mut self, turn: &mut Turn<'_>) {
        if self.token.is_empty() {
            let ask = Out::Host(Act::Token, self.link.epoch(), Vec::new());
            turn.out.push(ask);
        } else {
            self.send_token(turn);
        }
    }

    fn learn_epoch(&mut self, frame: &Frame<'_>) {
        if let Some(epoch) = frame.text("epoch") {
            if self
                .data_epoch
                .as_ref()
                .is_some_and(|known| *known != epoch)
            {
                self.feed.forget();
            }
            self.data_epoch = Some(epoch);
        }
    }

    fn on_subscribed(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        self.greeted = true;
        self.feed.answers_bring_all = true;
        self.learn_epoch(frame);
        self.on_revision(frame.number("revision"));
        if matches!(self.link.state(), State::Authenticating(_)) {
            self.link.catch_up(turn);
        }
        if let Some(locks) = frame.value("locks") {
            self.on_locks(&locks, turn);
        }
    }

    fn on_revision(&mut self, revision: Option<u64>) {
        if let Some(revision) = revision {
            self.feed.on_newest(revision);
        }
    }

    /// Everything that was missed has come, or is being loaded.
    fn on_live(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        self.on_revision(frame.number("revision"));
        self.feed.drop_held();
        self.go_live(turn);
        if self.feed.is_behind() && !self.reloading {
            self.ask_missing(turn);
        }
    }

    fn on_reload(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        self.feed.drop_held();
        self.on_revision(frame.number("revision"));
        self.reload(turn);
        if !self.shakes_hands(turn.options) {
            self.go_live(turn);
        }
        self.pass_on("reload", frame, turn);
    }

    pub(super) fn reload(&mut self, turn: &mut Turn<'_>) {
        self.reloading = true;
        self.reload_at = None;
        turn.out.push(Out::Reload);
    }

    fn on_pong(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        self.link.answers |= frame.kind() == "pong";
        let of_room = |revisions: Value| {
            let project = turn.options.project.as_ref().and_then(Value::plain_text);
            let members = revisions.as_object()?;
            match project {
                Some(project) => whole(members.get(&project)?),
                None => members.list().iter().filter_map(|(_, it)| whole(it)).min(),
            }
        };
        let revision = frame
            .number("revision")
            .or_else(|| of_room(frame.value("revisions")?));
        self.on_revision(revision);
        if self.link.is_live() && self.feed.is_behind() && !self.reloading {
            self.ask_missing(turn);
        }
    }

    // --- data ------------------------------------------------------------------------------------

    fn on_change(&mut self, change: Change, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let (request, revision) = (change.request, change.revision);
        let mut ready = Vec::new();
        let taken = self.feed.take(change, &mut ready);
        if taken == Taken::Gap && self.link.is_live() && !self.reloading {
            self.ask_missing(turn);
        }
        if taken == Taken::Apply && !self.is_own(request, frame) {
            self.tally.changes += 1;
            self.tally.revision = revision;
            self.tally.who.clear();
            for name in ["clientId", "userId", "userName"] {
                if let Some(value) = frame.value(name)
                    && value.plain_text().is_some()
                {
                    self.tally.who.push((name, value));
                }
            }
        }
        turn.out.extend(ready.into_iter().map(Out::Apply));
    }

    fn is_own(&self, request: Option<u64>, frame: &Frame<'_>) -> bool {
        let client = frame.value("clientId").and_then(|id| id.plain_text());
        client.as_deref() == Some(self.presence.me.as_str())
            || self.pending.iter().any(|it| Some(it.id) == request)
    }

    fn tell_changes(&mut self, turn: &mut Turn<'_>) {
        let tally = core::mem::take(&mut self.tally);
        self.tell_news(tally.peers.then_some(News::Peers), turn);
        if tally.changes == 0 {
            return;
        }
        let mut text = super::frame::write(false, "remoteChange", &mut |object| {
            write::number(f64::from(tally.changes), object.member("count"));
            if let Some(revision) = tally.revision {
                write::number(revision as f64, object.member("revision"));
            }
            for (name, value) in &tally.who {
                value.write(object.member(name));
            }
        });
        // The stores are known when it is applied.
        text.pop();
        turn.out.push(Out::Told(text));
        self.tally = Tally::default();
    }

    fn on_load(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let data = frame.data();
        let revision = frame.number("revision").or_else(|| {
            let inner = Frame::read(data).ok()?;
            inner.number("revision")
        });
        self.feed.drop_held();
        turn.out.push(Out::Load(data.to_vec(), revision));
        if matches!(self.link.state(), State::CatchingUp(_)) && !self.shakes_hands(turn.options) {
            self.go_live(turn);
        }
    }

    /// An answer was applied: what it overtook is applied again, what it shows to be missing is
    /// asked for.
    pub(super) fn on_landed(
        &mut self,
        landed: Landed,
        revision: Option<u64>,
        package: Option<Vec<u8>>,
        turn: &mut Turn<'_>,
    ) {
        if landed == Landed::Load {
            self.reloading = false;
            self.reload_at = None;
        }
        let mut again = Vec::new();
        let behind = self.feed.on_landed(landed, revision, package, &mut again);
        turn.out.extend(again.into_iter().map(Out::Apply));
        if behind && self.link.is_live() && !self.reloading {
            self.ask_missing(turn);
        }
    }

    fn on_conflict(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        if let Ok(data) = Frame::read(frame.data()) {
            let store = data.text("recordType").or_else(|| data.text("store"));
            let row = data
                .get("serverVersion")
                .filter(|row| row.starts_with(b"{"));
            if let (Some(mut store), Some(row)) = (store, row) {
                if !store.ends_with('s') {
                    store.push('s');
                }
                turn.out.push(Out::Apply(Change {
                    data: section(&store, "updated", row),
                    ..Change::default()
                }));
            }
        }
        self.pass_on("conflict", frame, turn);
    }

    fn on_error(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        if let Some(id) = frame.number("requestId")
            && self.pending.iter().any(|it| it.id == id)
        {
            self.on_ack(frame, turn);
            return;
        }
        let data = frame.value("data").unwrap_or_default();
        let text = |name: &str| data.get(name).or(None).and_then(Value::plain_text);
        let message = text("message")
            .or_else(|| data.as_text().map(str::to_owned))
            .or_else(|| frame.text("message"));
        let code = text("code").or_else(|| frame.text("code"));
        turn.say_error(
            code.as_deref().unwrap_or("REFUSED"),
            message.as_deref().unwrap_or("the server told of an error"),
        );
    }

    // --- answers ---------------------------------------------------------------------------------

    fn on_ack(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let Some(id) = frame.number("requestId") else {
            return;
        };
        let Some(at) = self.pending.iter().position(|it| it.id == id) else {
            return;
        };
        let Pending { what, .. } = self.pending.remove(at);
        self.link.answers = true;
        let success = match (frame.value("success"), frame.kind()) {
            (Some(Value::Bool(said)), _) => said,
            (_, "error") => false,
            _ => match frame
                .value("data")
                .and_then(|data| data.get("success").cloned())
            {
                Some(Value::Bool(said)) => said,
                _ => true,
            },
        };
        match what {
            What::Sync => {
                let status = frame.number("status").unwrap_or(200);
                let status = u16::try_from(status).unwrap_or(200);
                let answer = Out::Answer(id, status, frame.data().to_vec());
                turn.out.push(answer);
            }
            What::Change(changes, _) => self.on_change_ack(changes, success, frame, turn),
            What::Lock(call, held) => self.on_lock_ack(call, held, success, frame, turn),
            What::Other => {}
        }
    }

    /// What the app had sent as a message is confirmed: it is the server's, and what its answer
    /// adds.
    fn on_change_ack(
        &mut self,
        changes: Members,
        success: bool,
        frame: &Frame<'_>,
        turn: &mut Turn<'_>,
    ) {
        if !success {
            turn.say_error(&code(frame, "REFUSED"), &message(frame));
            return;
        }
        for data in [
            Value::Object(changes).to_json().into_bytes(),
            frame.data().to_vec(),
        ] {
            turn.out.push(Out::Apply(Change {
                data,
                ..Change::default()
            }));
        }
    }

    fn on_lock_ack(
        &mut self,
        call: Option<crate::engine::input::CallId>,
        held: Held,
        success: bool,
        frame: &Frame<'_>,
        turn: &mut Turn<'_>,
    ) {
        let outcome = if success {
            self.presence
                .hold(&held.store, &held.id, held.ttl_ms, turn.now);
            let mut lock = turn.options.user.clone().unwrap_or_default();
            lock.insert("recordType", Value::Text(held.store));
            lock.insert("recordId", held.id);
            lock.insert("clientId", Value::Text(self.presence.me.clone()));
            let news = self.presence.on_lock(&Value::Object(lock), turn.now);
            self.tell_news(news, turn);
            Ok(())
        } else {
            self.presence
                .release(&held.store, &held.id.plain_text().unwrap_or_default());
            let code = match code(frame, "LOCKED").as_str() {
                "LOCK_TIMEOUT" => ErrorCode::Timeout,
                "TOO_MANY" => ErrorCode::Limit,
                "LOCKED" | "LOCK_DENIED" => ErrorCode::Locked,
                _ => ErrorCode::Refused,
            };
            Err(SyncError::new(code, message(frame)))
        };
        if let Some(call) = call {
            turn.out.push(Out::Settle(call, outcome));
        }
    }

    // --- locks -----------------------------------------------------------------------------------

    fn on_lock(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        let Some(data) = frame.value("data") else {
            return;
        };
        let news = if frame.kind() == "lock" {
            self.presence.on_lock(&data, turn.now)
        } else {
            self.presence.on_unlock(&data, turn.now)
        };
        self.tell_news(news, turn);
    }

    /// All locks: what this client held and the server has forgotten is asked for anew, what it
    /// gave up meanwhile is given up.
    fn on_locks(&mut self, data: &Value, turn: &mut Turn<'_>) {
        let mut news = Vec::new();
        let forgotten = self.presence.on_locks(data, turn.now, &mut news);
        self.tell_news(news, turn);
        for held in forgotten {
            self.send_lock(None, held, 0, turn);
        }
        for lock in data.as_list().unwrap_or_default() {
            let text = |name: &str| lock.get(name).and_then(Value::plain_text);
            let (Some(store), Some(id)) = (text("recordType"), text("recordId")) else {
                continue;
            };
            let held = self.presence.mine().iter().any(|held| {
                held.id.plain_text().as_ref() == Some(&id) && is_store(&held.store, &store)
            });
            if text("clientId").as_ref() == Some(&self.presence.me) && !held {
                let mut wish = Members::new();
                wish.insert("type", Value::Text(store));
                wish.insert("id", lock.get("recordId").cloned().unwrap_or_default());
                let mut data = Vec::new();
                wish.write(&mut data);
                self.send_data("unlock", &data, None, turn);
            }
        }
    }

    /// Tells the listeners of a message as it came.
    fn pass_on(&self, event: &str, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        turn.say(event, &mut |object| {
            object.member("data").extend_from_slice(frame.data());
            object.member("message").extend_from_slice(frame.whole());
        });
    }
}

/// What is wished to be locked: `{ type, id, ttlMs? }`.
pub(super) fn wished(wish: &Members) -> Option<Held> {
    let id = wish.get("id").filter(|id| id.plain_text().is_some())?;
    let store = wish.get("type")?.as_text()?;
    let ttl_ms = wish.get("ttlMs").and_then(whole);
    Some(Held::new(store, id, ttl_ms))
}

fn code(frame: &Frame<'_>, default: &str) -> String {
    let inner = || frame.value("data")?.get("code")?.plain_text();
    frame
        .text("code")
        .or_else(inner)
        .unwrap_or_else(|| default.to_owned())
}

fn message(frame: &Frame<'_>) -> String {
    let data = frame.value("data").unwrap_or_default();
    let inner = |name: &str| data.get(name).and_then(Value::plain_text);
    frame
        .text("message")
        .or_else(|| inner("message"))
        .or_else(|| inner("error"))
        .unwrap_or_else(|| "the server said no".to_owned())
}
