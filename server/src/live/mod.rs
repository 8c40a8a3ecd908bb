//! The live channel: who is connected hears what is saved, who is there and who edits what.
//!
//! Data flows one way. A sync writes the change log in its own transaction and pokes the
//! [`teller`]; the teller reads the log in order and hands each change to the [`hub`]; the hub puts
//! messages into the outboxes of connections; a [`connection`] writes its outbox to its wire. What
//! clients say goes through a [`session`], which answers, and tells the hub. The hub is plain state
//! behind a mutex that is never held across an await; a full outbox ends its connection, so nobody
//! waits for a slow reader. `docs/live.md` describes the wire.

pub(crate) mod auth;
mod connection;
mod frames;
mod hub;
mod locks;
mod pipe;
mod presence;
mod requests;
mod session;
mod socketio;
mod sse;
mod teller;
mod ws;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub(crate) use hub::Hub;
pub(crate) use pipe::Mishap;
pub(crate) use session::Greeting;
pub(crate) use socketio::layer as socketio_layer;
pub(crate) use sse::{events, post};
pub(crate) use teller::run as tell;
pub(crate) use ws::upgrade;

/// The longest name, colour or record id that goes to others, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 128;

/// How often the hub looks at expired locks, due lists and silent connections.
const TICK: Duration = Duration::from_millis(50);

/// How long goodbyes may take when the server stops.
const GOODBYE_TIME: Duration = Duration::from_secs(3);

/// Who somebody is to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) color: String,
}

impl User {
    /// `None` when a text is too long or holds what doesn't belong into a name or a colour.
    pub(crate) fn new(id: String, name: Option<String>, color: Option<String>) -> Option<Self> {
        let name = name.unwrap_or_else(|| id.clone());
        let color = color.unwrap_or_else(|| color_of(&id));
        let fits = is_name(&id) && is_name(&name) && is_color(&color);
        fits.then_some(Self { id, name, color })
    }
}

/// The same colour for the same user everywhere.
fn color_of(id: &str) -> String {
    let hash = id.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    format!("hsl({}, 70%, 60%)", hash.rem_euclid(360))
}

pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control)
}

/// Colours are put into style sheets by those who receive them.
fn is_color(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"#(),.% -".contains(&byte);
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(plain)
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Live {
    hub: Mutex<Hub>,
    /// Wakes the teller.
    saved: Notify,
    /// The name of the database.
    pub(crate) epoch: String,
    start: Instant,
    start_ms: i64,
    /// Cloned by each connection that runs.
    running: Arc<()>,
}

impl Live {
    pub(crate) fn new(epoch: String, revision: i64, max_clients: usize) -> Arc<Self> {
        Arc::new(Self {
            hub: Mutex::new(Hub::new(revision, max_clients)),
            saved: Notify::new(),
            epoch,
            start: Instant::now(),
            start_ms: auth::now_ms(),
            running: Arc::new(()),
        })
    }

    /// Waits until all connections have said goodbye, but not for long.
    pub(crate) async fn ended(&self) {
        let end = Instant::now() + GOODBYE_TIME;
        while Arc::strong_count(&self.running) > 1 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Milliseconds since 1970 that never jump: the clock of the wall when the server started, and
    /// what has gone by since.
    pub(crate) fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.start_ms.saturating_add(elapsed)
    }

    /// Never to be held across an await.
    pub(crate) fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sync was confirmed.
    pub(crate) fn saved(&self) {
        self.saved.notify_one();
    }
}
