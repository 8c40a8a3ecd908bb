//! The loop of one connection, the same for every wire: what comes in goes to the session, what the
//! session and the hub say goes out, in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::auth::{self, Claims};
use super::frames::{Close, Frame};
use super::hub::{Closing, End, OUTBOX_FRAMES, Outbox};
use super::pipe::{Mishap, Outgoing, Pipe};
use super::requests::Pending;
use super::session::{AUTH_TIME_MS, Session};
use crate::failure::Failure;
use crate::faults::Faults;
use crate::http::App;

/// How long a write may make no progress.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// How long a goodbye may take.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// So many heartbeats without a word, in fifths: 60 seconds at the usual 25.
const SILENT_FIFTHS: u32 = 12;

/// What a wire brings.
#[derive(Debug)]
pub(crate) enum Received<A> {
    /// A message as text, and how to answer it.
    Text(Vec<u8>, A),
    /// A message that was parsed by the wire.
    Message(Map<String, Value>, A),
    /// A sign of life.
    Alive,
    /// Something that ends the connection.
    Bad(Close),
    /// The other side has gone, or the connection broke.
    Gone { goodbye: bool },
}

/// Nothing can be written any more.
#[derive(Debug)]
pub(crate) struct Broken;

/// One way to reach a client.
pub(crate) trait Wire: Send {
    /// How to answer one message.
    type Ack: Send + 'static;

    /// Whether the other side gives signs of life that [`receive`](Self::receive) tells of.
    const WATCHED: bool;

    /// Waits for what comes next; may be given up and called again.
    fn receive(&mut self) -> impl Future<Output = Received<Self::Ack>> + Send;

    /// Writes a message, perhaps into a buffer.
    fn send(&mut self, out: &Outgoing) -> impl Future<Output = Result<(), Broken>> + Send;

    /// Writes out what is buffered.
    fn flush(&mut self) -> impl Future<Output = Result<(), Broken>> + Send;

    /// Answers a message, where the wire has a way of its own for answers; gives what is left.
    fn answer(&mut self, ack: Self::Ack, replies: Vec<Frame>) -> Vec<Frame>;

    /// Answers a message once a lock is had or not.
    fn answer_later(&mut self, ack: Self::Ack, pending: Pending, session: &Session);

    /// Asks the other side for a sign of life.
    fn beat(&mut self, session: &Session) -> impl Future<Output = Result<(), Broken>> + Send;

    /// Says goodbye.
    fn close(&mut self, close: &Close) -> impl Future<Output = ()> + Send;

    /// Cuts the connection, as a broken network would.
    fn cut(self);
}

/// The answer to a lock over a wire that has no way of its own for answers.
pub(crate) fn send_later(pending: Pending, session: &Session) {
    let (outbox, dialect): (Outbox, _) = (session.outbox().clone(), session.dialect);
    tokio::spawn(async move {
        outbox.send(Arc::new(pending.frame().await), dialect);
    });
}

/// A connection while it runs.
struct Connection<'a, W> {
    app: &'a App,
    session: &'a mut Session,
    wire: &'a mut W,
    pipe: Pipe,
    heard_at: Instant,
}

/// How a connection begins.
#[derive(Debug)]
pub(crate) enum Opening {
    /// With its token, or without one that is asked for.
    Claims(Option<Claims>),
    /// With a token that is none.
    Refused(Failure),
    /// It is open, and these messages are to be written.
    Open(Vec<Outgoing>),
}

impl From<Result<Option<Claims>, Failure>> for Opening {
    fn from(claims: Result<Option<Claims>, Failure>) -> Self {
        claims.map_or_else(Self::Refused, Self::Claims)
    }
}

/// Runs a connection until it ends.
pub(crate) async fn run<W: Wire>(
    app: Arc<App>,
    mut session: Session,
    opening: Opening,
    mut wire: W,
    mut outbox: mpsc::Receiver<Outgoing>,
    closing: Arc<Closing>,
) {
    let _running = app.live.running.clone();
    let connection = Connection {
        app: &app,
        session: &mut session,
        wire: &mut wire,
        pipe: Pipe::default(),
        heard_at: Instant::now(),
    };
    let ending = tokio::select! {
        end = closing.ended() => Ending::Told(end),
        ending = connection.talk(opening, &mut outbox) => ending,
    };
    let goodbye = matches!(ending, Ending::Gone { goodbye: true });
    session.end(goodbye);
    match ending {
        Ending::Told(End::Close(close)) => {
            tracing::debug!(close.code, close.reason, "a connection was closed");
            _ = timeout(CLOSE_TIME, wire.close(&close)).await;
        }
        Ending::Told(End::Cut) => wire.cut(),
        Ending::Gone { .. } => {
            _ = timeout(CLOSE_TIME, wire.close(&Close::new(Close::GOODBYE, ""))).await;
        }
    }
}

#[derive(Debug)]
enum Ending {
    Told(End),
    Gone { goodbye: bool },
}

impl Ending {
    fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::Told(End::Close(Close::new(code, reason)))
    }
}

impl<W: Wire> Connection<'_, W> {
    async fn talk(mut self, opening: Opening, outbox: &mut mpsc::Receiver<Outgoing>) -> Ending {
        match self.greet(opening).await {
            Ok(()) => {}
            Err(failure) => {
                let error = Frame::error(&failure, &Value::Null);
                self.push_own(error);
                _ = self.write().await;
                return Ending::Told(End::Close(Close::of_failure(&failure)));
            }
        }
        let beat = Duration::from_millis(self.app.options.heartbeat_ms.max(1));
        let mut next_beat = Instant::now() + beat;
        let auth_end = Instant::now() + Duration::from_millis(AUTH_TIME_MS);
        let app = self.app;
        loop {
            let replanned = app.faults.as_ref().map(Faults::replanned);
            if let Err(ending) = self.write().await {
                return ending;
            }
            let wake = self.wake_at(next_beat, auth_end);
            tokio::select! {
                received = self.wire.receive() => {
                    self.heard_at = Instant::now();
                    if let Some(ending) = self.take(received).await {
                        return ending;
                    }
                }
                Some(out) = outbox.recv(), if self.pipe.len() < OUTBOX_FRAMES => {
                    self.push_told(out);
                    // What has gathered goes out in one write.
                    while self.pipe.len() < OUTBOX_FRAMES
                        && let Ok(out) = outbox.try_recv()
                    {
                        self.push_told(out);
                    }
                }
                () = sleep_until(wake) => {}
                Some(()) = OptionFuture::from(replanned) => {}
            }
            let now = Instant::now();
            if let Some(ending) = self.overdue(now, auth_end, beat) {
                _ = self.write().await;
                return ending;
            }
            if now >= next_beat {
                next_beat = now + beat;
                if !self.is_muted() && self.wire.beat(self.session).await.is_err() {
                    return Ending::Gone { goodbye: false };
                }
            }
        }
    }

    /// The first messages: who one is, or the question for a token.
    async fn greet(&mut self, opening: Opening) -> Result<(), Failure> {
        match opening {
            Opening::Refused(failure) => return Err(failure),
            Opening::Claims(None) => {
                let body = json!({ "timeoutMs": AUTH_TIME_MS });
                self.push_own(Frame::new("authRequired", body));
            }
            Opening::Claims(Some(claims)) => {
                for frame in self.session.open(claims).await? {
                    self.push_own(frame);
                }
            }
            Opening::Open(frames) => {
                for out in frames {
                    self.push(out, Mishap::None);
                }
            }
        }
        Ok(())
    }

    /// Carries out what came in.
    async fn take(&mut self, received: Received<W::Ack>) -> Option<Ending> {
        let (turn, ack) = match received {
            Received::Alive => return None,
            Received::Gone { goodbye } => return Some(Ending::Gone { goodbye }),
            Received::Bad(close) => return Some(Ending::Told(End::Close(close))),
            Received::Text(text, ack) => (self.session.on_text(&text).await, ack),
            Received::Message(message, ack) => (self.session.on_message(message).await, ack),
        };
        if self.is_muted() {
            return None;
        }
        if let Some(pending) = turn.pending {
            self.wire.answer_later(ack, pending, self.session);
        } else {
            for frame in self.wire.answer(ack, turn.replies) {
                self.push_own(frame);
            }
        }
        let close = turn.close?;
        _ = self.write().await;
        Some(Ending::Told(End::Close(close)))
    }

    /// Why the connection has to end by now.
    fn overdue(&mut self, now: Instant, auth_end: Instant, beat: Duration) -> Option<Ending> {
        if !self.session.is_open() && now >= auth_end {
            let reason = "No token was shown in time";
            return Some(Ending::close(Close::UNAUTHORIZED, reason));
        }
        let silent = now.duration_since(self.heard_at) >= beat * SILENT_FIFTHS / 5;
        if W::WATCHED && silent {
            return Some(Ending::close(Close::SILENT, "Silent for too long"));
        }
        let expires_at = self.session.expires_at()?;
        if expires_at > auth::now_ms() {
            return None;
        }
        let reason = "The token has expired";
        let code = syncline::protocol::ErrorCode::TokenExpired;
        let failure = Failure::new(code, reason);
        self.push_own(Frame::error(&failure, &Value::Null));
        Some(Ending::close(Close::UNAUTHORIZED, reason))
    }

    fn wake_at(&self, next_beat: Instant, auth_end: Instant) -> Instant {
        let after = |ms: i64| Instant::now() + Duration::from_millis(ms.max(0).unsigned_abs());
        let mut wake = next_beat;
        if !self.session.is_open() {
            wake = wake.min(auth_end);
        }
        if let Some(due) = self.pipe.next_at(self.latency_ms()) {
            wake = wake.min(after(due - self.app.live.now()));
        }
        if let Some(expires_at) = self.session.expires_at() {
            wake = wake.min(after(expires_at - auth::now_ms()));
        }
        wake
    }

    /// Puts a message of this connection's own under way.
    fn push_own(&mut self, frame: Frame) {
        let out = self.session.outgoing(frame);
        self.push(out, Mishap::None);
    }

    /// Puts a message under way that the hub told everybody.
    fn push_told(&mut self, out: Outgoing) {
        let mishap = match &self.app.faults {
            Some(faults) if matches!(out.frame.kind, "sync" | "reload") => {
                faults.take_mishap(&self.session.names())
            }
            _ => Mishap::None,
        };
        self.push(out, mishap);
    }

    fn push(&mut self, out: Outgoing, mishap: Mishap) {
        self.pipe.push(out, mishap, self.app.live.now());
    }

    fn latency_ms(&self) -> i64 {
        let faults = self.app.faults.as_ref();
        let latency = faults.map(|faults| faults.latency(&self.session.names()));
        latency.map_or(0, |latency| {
            i64::try_from(latency.as_millis()).unwrap_or(i64::MAX)
        })
    }

    fn is_muted(&self) -> bool {
        let faults = self.app.faults.as_ref();
        faults.is_some_and(|faults| faults.is_muted(&self.session.names()))
    }

    /// Writes everything that is due.
    async fn write(&mut self) -> Result<(), Ending> {
        let (latency_ms, now) = (self.latency_ms(), self.app.live.now());
        if self.pipe.next_at(latency_ms).is_none_or(|due| due > now) {
            return Ok(());
        }
        let muted = self.is_muted();
        let writing = async {
            while let Some(out) = self.pipe.pop(latency_ms, now) {
                if !muted {
                    self.wire.send(&out).await?;
                }
            }
            self.wire.flush().await
        };
        match timeout(WRITE_TIME, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Broken)) => Err(Ending::Gone { goodbye: false }),
            Err(_) => Err(Ending::close(
                Close::SLOW,
                "Too slow: a write took too long",
            )),
        }
    }
}
