//! The live channel: a connection to the server over which changes come as they happen, and others
//! are seen and kept from clashing.
//!
//! It knows nothing of what changes say: it finds out which are new, and hands them on. Small
//! machines, each with its own tests:
//!
//! | file | what |
//! |---|---|
//! | `state`, `link` | the connection's states, attempts, heartbeat |
//! | `feed` | the order of changes, gaps, what an answer by HTTP overtakes |
//! | `frame` | messages and their dialects |
//! | `outbox` | changes that the app wants sent as messages |
//! | `core` | what it does when something happens |
//! | `messages` | what each message of the server brings about |
//!
//! What always holds:
//! 1. Reports about a connection that isn't the present one are dropped.
//! 2. Everything that waits for an answer ends: by it, by its time, or with the connection.
//! 3. A change is applied once, in the server's order, and never before one that it builds upon.

mod core;
pub mod feed;
pub mod frame;
pub mod link;
mod messages;
pub mod outbox;
pub mod state;

use crate::engine::config::{ChannelConfig, ChannelOptions};
use crate::engine::effect::Act;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::{CallId, ChannelInput};
use crate::engine::json::dom::{Members, Value};
use crate::engine::json::write::{self, Object};
use crate::engine::presence::{Held, Presence};
use crate::engine::rng::Rng;
use crate::engine::time::Millis;
use crate::prelude::*;

use feed::{Change, Feed, Landed};
use link::Link;
use outbox::Outbox;
use state::Pause;

pub use messages::SEPARATOR;

/// Most messages that can wait for an answer; a server that answers none is given up long before.
pub const PENDING_MAX: usize = 1_000;

/// Largest message that is read, in bytes. What is larger is no change of a room but a data set: it
/// is loaded instead.
pub const FRAME_BYTES_MAX: usize = 32 << 20;

/// What a channel wants done.
#[derive(Debug)]
pub enum Out {
    /// By the host.
    Host(Act, u32, Vec<u8>),
    /// Open a connection.
    Open,
    /// Ask for a sign of life.
    Ping,
    /// The connection is gone.
    Cut,
    /// What was missed did not come.
    Missed,
    /// Apply a change of the server.
    Apply(Change),
    /// Apply a data set of the server.
    Load(Vec<u8>, Option<u64>),
    /// Load everything.
    Reload,
    /// Ask the server by HTTP for what is new: by a sync, or by a load.
    Poll(bool),
    /// Send what waits.
    Sync,
    /// A sync was answered, with that status.
    Answer(u64, u16, Vec<u8>),
    /// A sync will not be answered.
    Unanswered(u64, &'static str),
    /// Settle a call.
    Settle(CallId, Result<(), SyncError>),
    /// Changes were applied: tell the listeners, with these members.
    Told(Vec<u8>),
}

/// One input's surroundings.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The channel's options.
    pub options: &'a ChannelOptions,
    /// When it happened.
    pub now: Millis,
    /// Randomness.
    pub rng: &'a mut Rng,
    /// What is to be done.
    pub out: &'a mut Vec<Out>,
}

impl Turn<'_> {
    /// Tells listeners.
    pub(super) fn say(&mut self, event: &str, fill: &mut dyn FnMut(&mut Object<'_>)) {
        let text = frame::write(false, event, fill);
        self.out.push(Out::Host(Act::Tell, 0, text));
    }

    /// Tells of an error.
    pub(super) fn say_error(&mut self, code: &str, message: &str) {
        self.say("error", &mut |object| {
            write::string(code, object.member("code"));
            write::string(message, object.member("message"));
        });
    }
}

/// Something that was sent and waits for its answer.
#[derive(Debug)]
struct Pending {
    id: u64,
    what: What,
    deadline: Millis,
}

#[derive(Debug)]
enum What {
    /// A sync of the manager.
    Sync,
    /// Changes that the app wanted sent, and the message.
    Change(Members, Vec<u8>),
    /// A lock; whose call it is, unless it is renewed.
    Lock(Option<CallId>, Held),
    /// Something whose answer says nothing.
    Other,
}

/// A channel.
#[derive(Debug)]
pub struct Channel {
    options: ChannelOptions,
    core: Core,
}

/// A channel but for its options.
#[derive(Debug)]
struct Core {
    link: Link,
    feed: Feed,
    presence: Presence,
    outbox: Outbox,
    pending: Vec<Pending>,
    /// Messages with changes that may not have arrived.
    resend: Vec<(u64, Members, Vec<u8>)>,
    /// What the user does, to be said again after a reconnect.
    doing: Option<Vec<u8>>,
    /// The name of the server's data.
    data_epoch: Option<String>,
    /// The server has greeted.
    greeted: bool,
    /// The token that the host gave for the present connection.
    token: Vec<u8>,
    /// When the token has to be renewed.
    renew_token: Option<Millis>,
    /// Everything is being loaded: what is missing comes with it.
    reloading: bool,
    /// The load failed: it is to be tried again then.
    reload_at: Option<Millis>,
    /// What the messages of the present input brought.
    tally: Tally,
}

/// What the messages of one input brought.
#[derive(Debug, Default)]
struct Tally {
    changes: u32,
    /// Others have come, gone or begun something else.
    peers: bool,
    who: Vec<(&'static str, Value)>,
    revision: Option<u64>,
}

impl Channel {
    /// A channel that connects on the next turn, unless it is told not to.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`].
    pub fn new(config: ChannelConfig, rng: &mut Rng) -> Result<Self, SyncError> {
        let wanted = config.auto_connect;
        let me = config.client_id.clone().unwrap_or_else(|| rng.uuid());
        let options = ChannelOptions::check(config)?;
        Ok(Self {
            options,
            core: Core {
                link: Link::new(wanted),
                feed: Feed::default(),
                presence: Presence::of(me),
                outbox: Outbox::default(),
                pending: Vec::new(),
                resend: Vec::new(),
                doing: None,
                data_epoch: None,
                greeted: false,
                token: Vec::new(),
                renew_token: None,
                reloading: false,
                reload_at: None,
                tally: Tally::default(),
            },
        })
    }

    /// The connection.
    pub const fn link(&self) -> &Link {
        &self.core.link
    }

    /// Who is here, and who holds what.
    pub const fn presence(&self) -> &Presence {
        &self.core.presence
    }

    /// The options.
    pub const fn options(&self) -> &ChannelOptions {
        &self.options
    }

    /// What the server knows this client by.
    pub fn client_id(&self) -> &str {
        &self.core.presence.me
    }

    /// The revision up to which everything is here.
    pub const fn since(&self) -> Option<u64> {
        self.core.feed.since()
    }

    /// Whether syncs go over it at this moment.
    pub const fn carries_syncs(&self) -> bool {
        self.options.send_over_channel && self.core.link.is_live() && !self.options.polls
    }

    /// When something is to be done.
    pub fn poll_timeout(&self) -> Option<Millis> {
        let core = &self.core;
        let live = core.link.is_live();
        [
            core.link.poll_timeout(&self.options),
            core.presence.poll_timeout(live),
            core.pending.iter().map(|it| it.deadline).min(),
            core.renew_token.filter(|_| live),
            core.reload_at.filter(|_| live),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Something happened.
    ///
    /// # Errors
    /// What the caller did wrong; then nothing has changed.
    pub fn handle(
        &mut self,
        input: ChannelInput<'_>,
        now: Millis,
        rng: &mut Rng,
        out: &mut Vec<Out>,
    ) -> Result<(), SyncError> {
        let mut wants = Vec::new();
        let mut turn = Turn {
            options: &self.options,
            now,
            rng,
            out: &mut wants,
        };
        let result = self.core.handle(input, &mut turn);
        self.finish(wants, now, rng, out);
        result
    }

    /// Time has come.
    pub fn on_timeout(&mut self, now: Millis, rng: &mut Rng, out: &mut Vec<Out>) {
        self.with(now, rng, out, |core, turn| core.on_timeout(turn));
    }

    /// The browser is online, or not.
    pub fn on_online(&mut self, online: bool, now: Millis, rng: &mut Rng, out: &mut Vec<Out>) {
        self.with(now, rng, out, |core, turn| {
            core.link.on_online(online, turn)
        });
    }

    /// The page is shown, or hidden.
    pub fn on_visible(&mut self, visible: bool, now: Millis, rng: &mut Rng, out: &mut Vec<Out>) {
        self.with(now, rng, out, |core, turn| {
            core.link.on_visible(visible, turn)
        });
    }

    /// The manager has a request open, or none; `loading`: it loads, or is about to.
    pub fn on_request(&mut self, request: Option<u64>, loading: bool, now: Millis) {
        self.core.feed.on_open(request);
        if self.core.reloading && !loading {
            self.core.reloading = false;
            self.core.reload_at = Some(now + self.options.timeout_ms);
        }
    }

    /// An answer was applied.
    pub fn on_landed(
        &mut self,
        landed: Landed,
        revision: Option<u64>,
        package: Option<Vec<u8>>,
        now: Millis,
        rng: &mut Rng,
        out: &mut Vec<Out>,
    ) {
        self.with(now, rng, out, |core, turn| {
            core.on_landed(landed, revision, package, turn);
        });
    }

    /// Sends a package of the manager.
    pub fn send_sync(
        &mut self,
        request: u64,
        pack: &[u8],
        now: Millis,
        rng: &mut Rng,
        out: &mut Vec<Out>,
    ) {
        self.with(now, rng, out, |core, turn| {
            core.send_sync(request, pack, turn)
        });
    }

    /// A poll was answered, or wasn't.
    pub fn on_polled(&mut self, answered: bool, now: Millis, rng: &mut Rng, out: &mut Vec<Out>) {
        self.with(now, rng, out, |core, turn| {
            if !turn.options.polls || !core.link.is_current(core.link.epoch()) {
                return;
            }
            core.link.on_heard(turn.now);
            if answered {
                core.go_live(turn);
            } else {
                core.link.give_up("the server can't be reached", turn);
            }
        });
    }

    /// Ends it: what waits settles, locks are given back, the connection is closed.
    pub fn destroy(mut self, now: Millis, rng: &mut Rng, out: &mut Vec<Out>) {
        self.with(now, rng, out, |core, turn| {
            if core.link.is_live() {
                for held in core.presence.mine() {
                    let data = object_text(&mut |object| {
                        write::string(&held.store, object.member("type"));
                        held.id.write(object.member("id"));
                    });
                    core.send_data("unlock", &data, None, turn);
                }
            }
            core.link.pause(Pause::User, turn);
        });
    }

    fn with(
        &mut self,
        now: Millis,
        rng: &mut Rng,
        out: &mut Vec<Out>,
        act: impl FnOnce(&mut Core, &mut Turn<'_>),
    ) {
        let mut wants = Vec::new();
        let mut turn = Turn {
            options: &self.options,
            now,
            rng,
            out: &mut wants,
        };
        act(&mut self.core, &mut turn);
        self.finish(wants, now, rng, out);
    }

    /// Carries out what concerns the channel itself; the rest goes on.
    fn finish(&mut self, wants: Vec<Out>, now: Millis, rng: &mut Rng, out: &mut Vec<Out>) {
        for want in wants {
            let mut turn = Turn {
                options: &self.options,
                now,
                rng,
                out: &mut *out,
            };
            match want {
                Out::Open => self.core.open(&mut turn),
                Out::Ping => self.core.ping(&mut turn),
                Out::Cut => self.core.cut(&mut turn),
                Out::Missed => {
                    self.core.reload(&mut turn);
                    self.core.go_live(&mut turn);
                }
                other => turn.out.push(other),
            }
        }
    }
}

/// A member that is true or false.
fn flag(name: &str, flag: bool, object: &mut Object<'_>) {
    let text: &[u8] = if flag { b"true" } else { b"false" };
    object.member(name).extend_from_slice(text);
}

fn object_text(fill: &mut dyn FnMut(&mut Object<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    fill(&mut object);
    object.end();
    out
}

fn object(bytes: &[u8]) -> Result<Members, SyncError> {
    match Value::parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(SyncError::new(
            ErrorCode::InvalidArgument,
            "a message must be an object",
        )),
    }
}

fn not_connected() -> SyncError {
    SyncError::new(ErrorCode::Network, "the channel is not connected")
}
