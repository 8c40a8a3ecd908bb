//! Socket.IO: `/socket.io`. Events carry the content of a message, acknowledgements its answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use socketioxide::SocketIo;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::{ConnectHandler as _, FromMessageParts};
use socketioxide::layer::SocketIoLayer;
use socketioxide::socket::{DisconnectReason, Socket};
use socketioxide::{SendError, SocketError};
use tokio::sync::mpsc;

use super::auth;
use super::connection::{self, Broken, Received, Wire};
use super::frames::{Close, Frame};
use super::hub::{self, Outbox};
use super::pipe::Outgoing;
use super::requests::Pending;
use super::session::{Greeting, HEARTBEAT_MS, Session};
use crate::failure::Failure;
use crate::http::App;
use crate::stores::PROJECTS;

/// How many events of one client may wait to be worked on.
const INBOX: usize = 64;

/// What to wait when the socket's own buffer is full.
const FULL_PAUSE: Duration = Duration::from_millis(5);

/// How many packets the socket's own buffer holds.
const BUFFER_PACKETS: usize = 128;

/// The layer that answers `/socket.io`.
pub(crate) fn layer(app: &Arc<App>) -> SocketIoLayer {
    let beat = Duration::from_millis(app.options.heartbeat_ms.clamp(1, HEARTBEAT_MS));
    let limit = u64::try_from(app.options.body_limit).unwrap_or(u64::MAX);
    let (layer, io) = SocketIo::builder()
        .max_buffer_size(BUFFER_PACKETS)
        .max_payload(limit)
        .ping_interval(beat)
        .build_layer();
    let (checking, connecting) = (app.clone(), app.clone());
    let check = move |socket: SocketRef, TryData(auth): TryData<Value>| {
        let checked = admit(&checking, &socket, auth.ok().as_ref());
        async move { checked.map(|_| ()).map_err(Refusal) }
    };
    let connect = move |socket: SocketRef, TryData(auth): TryData<Value>| {
        connect(&connecting, socket, auth.ok().as_ref());
        std::future::ready(())
    };
    io.ns("/", connect.with(check));
    layer
}

/// Why a socket isn't let in, as `connect_error` shows it: the code, then the words.
#[derive(Debug)]
struct Refusal(Failure);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = serde_json::to_value(self.0.0.code).unwrap_or_default();
        let code = code.as_str().unwrap_or_default();
        write!(f, "{code}: {}", self.0.0.message)
    }
}

/// Whether a socket may connect, and what it says about itself.
fn admit(
    app: &App,
    socket: &SocketRef,
    auth: Option<&Value>,
) -> Result<(Greeting, auth::Claims), Failure> {
    if app.live.hub().is_full() {
        return Err(hub::full());
    }
    let parts = socket.req_parts();
    let mut greeting = Greeting::of_query(&parts.uri);
    if let Some(members) = auth.and_then(Value::as_object) {
        greeting.extend(members);
    }
    // The room is subscribed to by an event.
    greeting.set("project", "");
    let claims = auth::check(&app.options, greeting.token(&parts.headers))?;
    Ok((greeting, claims))
}

fn connect(app: &Arc<App>, socket: SocketRef, auth: Option<&Value>) {
    let (inbox, events) = mpsc::channel(INBOX);
    let leaving = inbox.clone();
    socket.on_disconnect(move |reason: DisconnectReason| {
        let goodbye = reason == DisconnectReason::ClientNSDisconnect;
        async move { _ = leaving.send(Arrival::Gone { goodbye }).await }
    });
    let (outbox, messages, closing) = Outbox::new();
    let full = outbox.clone();
    // Not async: events are put into the inbox in the order in which they came.
    socket.on_fallback(
        move |Event(name): Event,
              TryData(data): TryData<Value>,
              wants: WantsAck,
              ack: AckSender| {
            let reply = wants.0.then_some(ack);
            if let Some(message) = message_of(&name, data.unwrap_or_default()) {
                let kind = message.0;
                let arrival = Arrival::Message(
                    message.1,
                    Reply {
                        kind,
                        sender: reply,
                    },
                );
                if inbox.try_send(arrival).is_err() {
                    let reason = format!("More than {INBOX} events at once");
                    let close = Close::new(Close::BAD_MESSAGES, reason);
                    full.end(hub::End::Close(close));
                }
            }
            std::future::ready(())
        },
    );
    // Checked a second time: the claims can't be handed over from the middleware.
    let (greeting, claims) = match admit(app, &socket, auth) {
        Ok((greeting, claims)) => (greeting, Ok(Some(claims))),
        Err(failure) => (Greeting::default(), Err(failure)),
    };
    let session = Session::new(app.clone(), outbox, greeting);
    let wire = Events { socket, events };
    tokio::spawn(connection::run(
        app.clone(),
        session,
        claims.into(),
        wire,
        messages,
        closing,
    ));
}

/// Whether the client waits for an acknowledgement.
struct WantsAck(bool);

impl<A: Adapter> FromMessageParts<A> for WantsAck {
    type Error = Infallible;

    fn from_message_parts(
        _: &Arc<Socket<A>>,
        _: &mut socketioxide::handler::Value,
        ack_id: &Option<i64>,
    ) -> Result<Self, Infallible> {
        Ok(Self(ack_id.is_some()))
    }
}

#[derive(Debug)]
enum Arrival {
    Message(Map<String, Value>, Reply),
    Gone { goodbye: bool },
}

/// How an event is answered.
struct Reply {
    kind: &'static str,
    sender: Option<AckSender>,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reply").field(&self.kind).finish()
    }
}

/// The message that an event stands for; `None` for events of others.
fn message_of(event: &str, data: Value) -> Option<(&'static str, Map<String, Value>)> {
    let (prefix, name) = event.split_once(':')?;
    let project = PROJECTS.iter().find(|project| project.name == prefix)?;
    let kinds = [
        ("subscribe", "subscribe"),
        ("unsubscribe", "unsubscribe"),
        ("change", "sync"),
        ("sync", "sync"),
        ("load", "load"),
        ("presence", "presence"),
        ("lock", "lock"),
        ("unlock", "unlock"),
        ("denyLock", "denyLock"),
        ("auth", "auth"),
        ("ping", "ping"),
    ];
    let found = kinds.iter().find(|(known, _)| *known == name);
    let kind = found.map_or("event", |(_, kind)| kind);
    let mut message = match data {
        Value::Object(members) if kind == "sync" || is_about_a_record(kind) => {
            let mut message = Map::new();
            for name in ["requestId", "project"] {
                if let Some(value) = members.get(name) {
                    message.insert(name.to_owned(), value.clone());
                }
            }
            message.insert("data".to_owned(), Value::Object(members));
            message
        }
        Value::Object(members) => members,
        _ => Map::new(),
    };
    // One that isn't known is answered as such by the session.
    let word = if found.is_some() { kind } else { name };
    message.insert("type".to_owned(), word.into());
    message
        .entry("project")
        .or_insert_with(|| project.name.into());
    Some((kind, message))
}

fn is_about_a_record(kind: &str) -> bool {
    matches!(kind, "presence" | "lock" | "unlock" | "denyLock")
}

struct Events {
    socket: SocketRef,
    events: mpsc::Receiver<Arrival>,
}

impl Events {
    /// Emits an event; the outbox takes up what waits meanwhile, and is bounded.
    async fn emit(&self, event: &str, arguments: &[Value]) -> Result<(), Broken> {
        loop {
            // Only tuples become several arguments.
            let emitted = match arguments {
                [first, second] => self.socket.emit(event, &(first, second)),
                _ => self.socket.emit(event, &(arguments.first(),)),
            };
            match emitted {
                Ok(()) => return Ok(()),
                Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                    tokio::time::sleep(FULL_PAUSE).await;
                }
                Err(error) => {
                    tracing::debug!(%error, event, "socket.io");
                    return Err(Broken);
                }
            }
        }
    }
}

impl Wire for Events {
    type Ack = Reply;
    const WATCHED: bool = false;

    async fn receive(&mut self) -> Received<Reply> {
        match self.events.recv().await {
            Some(Arrival::Message(message, reply)) => Received::Message(message, reply),
            Some(Arrival::Gone { goodbye }) => Received::Gone { goodbye },
            None => Received::Gone { goodbye: false },
        }
    }

    async fn send(&mut self, out: &Outgoing) -> Result<(), Broken> {
        let project = out.frame.project.map_or("calendar", |project| project.name);
        let (name, arguments) = event_of(&out.frame);
        self.emit(&format!("{project}:{name}"), &arguments).await
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        Ok(())
    }

    fn answer(&mut self, reply: Reply, mut replies: Vec<Frame>) -> Vec<Frame> {
        let is_answer =
            |frame: &Frame| matches!(frame.kind, "ack" | "subscribed" | "pong" | "load" | "error");
        let Some(place) = replies.iter().position(is_answer) else {
            return replies;
        };
        if let Some(sender) = reply.sender {
            let answer = replies.remove(place);
            acknowledge(sender, &answer);
        } else if replies
            .iter()
            .any(|frame| frame.kind == "ack" && !succeeded(frame))
        {
            // Nobody waits for the answer: a failure is told all the same.
            let refused = replies.remove(place);
            let body = json!({
                "requestId": refused.body.get("requestId"),
                "data": { "code": refused.body.get("code"), "message": refused.body.get("message") },
            });
            if replies.is_empty() {
                replies.push(Frame::new("error", body));
            }
        } else {
            replies.retain(|frame| !matches!(frame.kind, "ack" | "subscribed"));
        }
        replies
    }

    fn answer_later(&mut self, reply: Reply, pending: Pending, _: &Session) {
        tokio::spawn(async move {
            let answer = pending.frame().await;
            if let Some(sender) = reply.sender {
                acknowledge(sender, &answer);
            }
        });
    }

    async fn beat(&mut self, _: &Session) -> Result<(), Broken> {
        // Socket.IO has a heartbeat of its own, which tells of a dead client by `disconnect`.
        Ok(())
    }

    async fn close(&mut self, close: &Close) {
        let closing = Frame::closing(close);
        let body = [Value::Object(closing.body)];
        _ = self.emit("calendar:closing", &body).await;
        _ = self.socket.clone().disconnect();
    }

    fn cut(self) {
        _ = self.socket.disconnect();
    }
}

fn succeeded(frame: &Frame) -> bool {
    frame.body.get("success") == Some(&Value::Bool(true))
}

fn acknowledge(sender: AckSender, answer: &Frame) {
    let body = match answer.kind {
        "load" => answer.body.get("data").cloned().unwrap_or_default(),
        "error" => {
            let data = answer.body.get("data");
            let member = |name: &str| data.and_then(|data| data.get(name)).cloned();
            json!({ "success": false, "code": member("code"), "message": member("message") })
        }
        kind => {
            let mut body = answer.body.clone();
            body.insert("type".to_owned(), kind.into());
            Value::Object(body)
        }
    };
    if let Err(error) = sender.send(&[body]) {
        tracing::debug!(%error, "socket.io: acknowledgement");
    }
}

/// The name and the arguments of the event that a message becomes.
fn event_of(frame: &Frame) -> (&'static str, Vec<Value>) {
    let name = match frame.kind {
        "sync" => "update",
        "lock" => "locked",
        "unlock" => "unlocked",
        kind => kind,
    };
    let mut rest = frame.body.clone();
    match frame.kind {
        "sync" | "lock" | "unlock" | "lockRequested" | "presence" | "conflict" | "error" => {
            let data = rest.remove("data").unwrap_or_default();
            (name, vec![data, Value::Object(rest)])
        }
        _ => (name, vec![Value::Object(rest)]),
    }
}
