//! The connection: when it is made, believed in, given up and made anew.
//!
//! ```text
//!            open          hello            live
//! Idle ──► Connecting ──► Authenticating ──► CatchingUp ◄──► Live
//!             ▲  │              │               │             │
//!             │  └──────────────┴───────┬───────┴─────────────┘ down, silence
//!             └──────────────────── Waiting        (no attempts left: waits for a sign of life)
//!  from anywhere: Suspended (the app, offline, hidden), Closed (the server doesn't want us)
//! ```
//! Without a handshake, Authenticating and CatchingUp are passed where nothing is to be waited for.
//! [`Phase::may_become`] is the table of what is legal.

use super::state::{Pause, Phase, State};
use super::{Out, Turn, flag};
use crate::engine::config::ChannelOptions;
use crate::engine::effect::Act;
use crate::engine::json::write;
use crate::engine::time::Millis;
use crate::prelude::*;

/// A timer that comes later than this, in ms, tells of a clock that was set or a page that was
/// asleep: what should have been heard meanwhile was perhaps not delivered yet, so that the server
/// is asked again before it is given up.
pub const LATE_MS: u64 = 2_000;

/// Why a connection ended, as far as that matters for what is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A fault that may pass.
    Fault,
    /// The token is missing, wrong or expired.
    Unauthorized,
    /// The client's name belongs to somebody else.
    NameTaken,
    /// The server says that it won't be otherwise.
    Final,
}

/// Close codes of the wire (docs/live.md, 9) that ask for something else than another attempt.
const fn end(code: u32) -> End {
    match code {
        4401 | 401 => End::Unauthorized,
        4409 => End::NameTaken,
        4403 | 403 | 204 => End::Final,
        _ => End::Fault,
    }
}

/// The connection.
#[derive(Debug)]
pub struct Link {
    state: State,
    /// Names the present connection; reports about others are dropped.
    epoch: u32,
    pauses: u8,
    wanted: bool,
    attempts: u32,
    /// The listeners were told that the connection is lost.
    lost: bool,
    /// The server refused the token, and no connection was live since.
    refused: bool,
    /// A connection was live before.
    pub(super) was_live: bool,
    /// Since when the present connection is live; the listeners know of it then.
    live: Option<Millis>,
    /// The server answers what it is asked, so that its silence means something.
    pub(super) answers: bool,
    heard: Millis,
    /// Since when the page is hidden.
    hidden: Option<Millis>,
    next_poll: Option<Millis>,
}

impl Link {
    pub(super) const fn new(wanted: bool) -> Self {
        Self {
            state: State::Idle,
            epoch: 0,
            pauses: 0,
            wanted,
            attempts: 0,
            lost: false,
            refused: false,
            was_live: false,
            live: None,
            answers: false,
            heard: Millis(0),
            hidden: None,
            next_poll: None,
        }
    }

    /// Where it stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The state's name.
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Idle => Phase::Idle,
            State::Connecting(_) => Phase::Connecting,
            State::Authenticating(_) => Phase::Authenticating,
            State::CatchingUp(_) => Phase::CatchingUp,
            State::Live(_) => Phase::Live,
            State::Waiting(_) => Phase::Waiting,
            State::Suspended => Phase::Suspended,
            State::Closed => Phase::Closed,
        }
    }

    /// The name of the present connection.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether changes come as they happen.
    pub const fn is_live(&self) -> bool {
        matches!(self.state, State::Live(_))
    }

    /// Whether something can be sent.
    pub const fn is_open(&self) -> bool {
        matches!(
            self.state,
            State::Authenticating(_) | State::CatchingUp(_) | State::Live(_)
        )
    }

    /// Whether a report about a connection is about the present one.
    pub const fn is_current(&self, epoch: u32) -> bool {
        self.epoch == epoch && (self.is_open() || matches!(self.state, State::Connecting(_)))
    }

    // --- commands --------------------------------------------------------------------------------

    /// The app wants a connection.
    pub(super) fn want(&mut self, turn: &mut Turn<'_>) {
        self.wanted = true;
        self.attempts = 0;
        self.refused = false;
        self.resume(Pause::User, turn);
        if matches!(self.state, State::Idle | State::Waiting(_) | State::Closed) {
            self.connect(turn);
        }
    }

    /// Something holds the connection back.
    pub(super) fn pause(&mut self, why: Pause, turn: &mut Turn<'_>) {
        self.pauses |= why as u8;
        if matches!(self.state, State::Suspended | State::Closed) {
            return;
        }
        let was_open = self.close(turn);
        self.enter(State::Suspended, turn);
        if was_open {
            self.tell_disconnected(1000, why.as_str(), true, turn);
        }
    }

    /// What held it back is gone.
    pub(super) fn resume(&mut self, why: Pause, turn: &mut Turn<'_>) {
        self.pauses &= !(why as u8);
        if self.pauses == 0 && matches!(self.state, State::Suspended) {
            if self.wanted {
                self.attempts = 0;
                self.connect(turn);
            } else {
                self.enter(State::Idle, turn);
            }
        }
    }

    /// The browser is online, or not.
    pub(super) fn on_online(&mut self, online: bool, turn: &mut Turn<'_>) {
        if online {
            self.resume(Pause::Offline, turn);
            self.on_sign_of_life(turn);
        } else {
            self.pause(Pause::Offline, turn);
        }
    }

    /// The page is shown, or hidden.
    pub(super) fn on_visible(&mut self, visible: bool, turn: &mut Turn<'_>) {
        if !visible {
            self.hidden.get_or_insert(turn.now);
            return;
        }
        self.hidden = None;
        self.resume(Pause::Hidden, turn);
        if self.is_live() {
            self.probe(turn);
        }
        self.on_sign_of_life(turn);
    }

    /// The way may be open again: what waits is tried at once.
    pub(super) fn on_sign_of_life(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.state, State::Waiting(_)) {
            self.connect(turn);
        }
    }

    // --- the connection --------------------------------------------------------------------------

    fn connect(&mut self, turn: &mut Turn<'_>) {
        if self.pauses != 0 {
            self.enter(State::Suspended, turn);
            return;
        }
        self.epoch = self.epoch.wrapping_add(1);
        self.enter(State::Connecting(turn.now + turn.options.timeout_ms), turn);
        turn.out.push(Out::Open);
    }

    /// It is open: with a handshake, the greeting is awaited.
    pub(super) fn on_open(&mut self, handshake: bool, turn: &mut Turn<'_>) {
        self.heard = turn.now;
        if handshake {
            let deadline = turn.now + turn.options.timeout_ms;
            self.enter(State::Authenticating(deadline), turn);
        }
    }

    /// What was missed is awaited.
    pub(super) fn catch_up(&mut self, turn: &mut Turn<'_>) {
        let deadline = turn.now + turn.options.timeout_ms;
        if !matches!(self.state, State::CatchingUp(_)) {
            self.enter(State::CatchingUp(deadline), turn);
        }
    }

    /// Nothing is missed.
    pub(super) fn go_live(&mut self, turn: &mut Turn<'_>) {
        if self.is_live() {
            return;
        }
        self.enter(State::Live(None), turn);
        self.lost = false;
        self.refused = false;
        let interval = turn.options.poll_ms.unwrap_or(turn.options.heartbeat_ms);
        self.next_poll = turn.options.polls.then(|| turn.now + interval);
        if self.live.is_none() {
            self.live = Some(turn.now);
            let again = core::mem::replace(&mut self.was_live, true);
            turn.say("connected", &mut |object| {
                flag("reconnected", again, object)
            });
        }
    }

    /// Anything came: the server lives.
    pub(super) const fn on_heard(&mut self, now: Millis) {
        self.heard = now;
        if let State::Live(probe) = &mut self.state {
            *probe = None;
        }
    }

    /// The connection is gone, with the code and reason of its close.
    pub(super) fn on_down(&mut self, code: u32, reason: &str, turn: &mut Turn<'_>) {
        let live = self.live.take();
        if live.is_some_and(|since| turn.now - since >= turn.options.stable_ms) {
            self.attempts = 0;
        }
        let again = match end(code) {
            End::Final => false,
            // A fresh token is worth one try.
            End::Unauthorized => !core::mem::replace(&mut self.refused, true),
            End::NameTaken | End::Fault => true,
        };
        if live.is_some() {
            self.tell_disconnected(code, reason, again, turn);
        }
        if !again {
            self.enter(State::Closed, turn);
            let code = match end(code) {
                End::Unauthorized => "UNAUTHORIZED",
                _ => "FORBIDDEN",
            };
            turn.say_error(code, reason);
            return;
        }
        if end(code) != End::Fault {
            self.enter(State::Waiting(Some(turn.now)), turn);
            return;
        }
        self.plan(turn);
    }

    /// Plans the next attempt, or says that there is none.
    fn plan(&mut self, turn: &mut Turn<'_>) {
        let options = &turn.options.reconnect;
        if self.attempts >= options.max {
            let polls = turn.options.poll_ms;
            let told = core::mem::replace(&mut self.lost, true);
            self.enter(State::Waiting(polls.map(|ms| turn.now + ms)), turn);
            if !told {
                let attempts = self.attempts;
                turn.say("connectionLost", &mut |object| {
                    write::number(f64::from(attempts), object.member("attempts"));
                });
            }
            if polls.is_some() {
                turn.out.push(Out::Poll(turn.options.poll_by_sync));
            }
            return;
        }
        let mut whole = options.base_ms;
        for _ in 0..self.attempts.min(64) {
            whole = (whole * options.factor).min(options.cap_ms);
        }
        let whole = whole.min(options.cap_ms);
        let delay = (whole * (1.0 - options.jitter * turn.rng.fraction())).max(1.0) as u64;
        self.attempts = self.attempts.saturating_add(1);
        self.enter(State::Waiting(Some(turn.now + delay)), turn);
        let attempt = self.attempts;
        turn.say("reconnecting", &mut |object| {
            write::number(f64::from(attempt), object.member("attempt"));
            write::number(delay as f64, object.member("delay"));
        });
    }

    /// Asks the server for a sign of life.
    fn probe(&mut self, turn: &mut Turn<'_>) {
        let deadline = turn.now + turn.options.timeout_ms;
        if matches!(self.state, State::Live(None)) {
            self.state = State::Live(Some(deadline));
            turn.out.push(Out::Ping);
        }
    }

    /// Gives the present connection up; whether the listeners knew of it.
    fn close(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.is_open() || matches!(self.state, State::Connecting(_)) {
            turn.out.push(Out::Host(Act::Close, self.epoch, Vec::new()));
            turn.out.push(Out::Cut);
        }
        self.live.take().is_some()
    }

    /// Ends a connection that is no good.
    pub(super) fn give_up(&mut self, reason: &str, turn: &mut Turn<'_>) {
        let why = Vec::from(reason);
        turn.out.push(Out::Host(Act::Close, self.epoch, why));
        turn.out.push(Out::Cut);
        self.on_down(4408, reason, turn);
    }

    // --- time ------------------------------------------------------------------------------------

    /// When something is to be done.
    pub(super) fn poll_timeout(&self, options: &ChannelOptions) -> Option<Millis> {
        let own = match self.state {
            State::Connecting(at) | State::Authenticating(at) | State::CatchingUp(at) => Some(at),
            State::Live(probe) => {
                let beat = probe.unwrap_or(self.heard + options.heartbeat_ms);
                Some(self.next_poll.map_or(beat, |at| at.min(beat)))
            }
            State::Waiting(at) => at,
            State::Idle if self.wanted => Some(Millis(0)),
            State::Idle | State::Suspended | State::Closed => None,
        };
        let hide = match self.state {
            State::Suspended | State::Closed | State::Idle => None,
            _ => self
                .hidden
                .zip(options.hidden_timeout_ms)
                .map(|(since, ms)| since + ms),
        };
        own.into_iter().chain(hide).min()
    }

    /// Time has come.
    pub(super) fn on_timeout(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        if let (Some(since), Some(ms)) = (self.hidden, turn.options.hidden_timeout_ms)
            && now >= since + ms
        {
            self.pause(Pause::Hidden, turn);
        }
        match self.state {
            State::Idle if self.wanted => self.connect(turn),
            State::Connecting(at) if at <= now => {
                self.give_up("no connection within the configured time", turn);
            }
            State::Authenticating(at) if at <= now => {
                self.give_up("the server said nothing", turn);
            }
            State::CatchingUp(at) if at <= now => {
                if self.answers {
                    self.give_up("what was missed did not come", turn);
                } else {
                    turn.out.push(Out::Missed);
                }
            }
            State::Waiting(Some(at)) if at <= now => self.connect(turn),
            State::Live(probe) => self.on_beat(probe, turn),
            _ => {}
        }
    }

    fn on_beat(&mut self, probe: Option<Millis>, turn: &mut Turn<'_>) {
        let now = turn.now;
        if turn.options.polls {
            // There is no connection that could fall silent: polls say whether the server is there.
            if self.next_poll.is_some_and(|at| at <= now) {
                let interval = turn.options.poll_ms.unwrap_or(turn.options.heartbeat_ms);
                self.next_poll = Some(now + interval);
                turn.out.push(Out::Poll(turn.options.poll_by_sync));
            }
            self.heard = now;
            return;
        }
        match probe {
            Some(at) if at <= now => {
                self.state = State::Live(None);
                if now - at > LATE_MS || !self.answers {
                    self.heard = now;
                    if self.answers {
                        self.probe(turn);
                    }
                } else {
                    self.give_up("the server has fallen silent", turn);
                }
            }
            None if self.heard + turn.options.heartbeat_ms <= now => self.probe(turn),
            _ => {}
        }
    }

    fn enter(&mut self, state: State, turn: &mut Turn<'_>) {
        let before = self.phase();
        self.state = state;
        let after = self.phase();
        debug_assert!(
            before == after || before.may_become(after),
            "a connection went from {before:?} to {after:?}"
        );
        if before != after {
            let (pauses, lost) = (self.pauses, self.lost);
            let until = match state {
                State::Waiting(Some(at)) => (at - turn.now) as f64,
                _ => f64::NAN,
            };
            let attempts = self.attempts;
            turn.say("state", &mut |object| {
                write::string(after.as_str(), object.member("state"));
                write::string(before.as_str(), object.member("oldState"));
                write::number(f64::from(attempts), object.member("attempts"));
                write::number(until, object.member("retryIn"));
                write::number(f64::from(pauses), object.member("pauses"));
                flag("lost", lost, object);
            });
        }
    }

    fn tell_disconnected(&self, code: u32, reason: &str, again: bool, turn: &mut Turn<'_>) {
        turn.say("disconnected", &mut |object| {
            write::number(f64::from(code), object.member("code"));
            write::string(reason, object.member("reason"));
            flag("willReconnect", again, object);
        });
    }
}
