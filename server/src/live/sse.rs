//! Server-sent events: `/api/events`, and `/api/live` for the way back.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame as BodyFrame;
use serde_json::{Value, json};
use syncline::protocol::ErrorCode;
use tokio::sync::mpsc;

use super::User;
use super::auth::Claims;
use super::connection::{self, Broken, Opening, Received, Wire};
use super::frames::{Close, Frame};
use super::hub::{self, Outbox};
use super::pipe::Outgoing;
use super::requests::{self, Answer, Asker, Pending, bad};
use super::session::{Greeting, Session};
use crate::failure::Failure;
use crate::http::{App, json_response, parse, read_body};

/// How many pieces may wait between the connection and its socket.
const PIECES: usize = 4;

/// How long a page waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 1000;

/// Opens a stream of events.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Failure> {
    let mut greeting = Greeting::of_query(request.uri());
    let last = request.headers().get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok());
    let last = last
        .or_else(|| greeting.get("lastEventId"))
        .map(str::to_owned);
    if let Some((epoch, revision)) = last.as_deref().and_then(|id| id.split_once(':')) {
        greeting.set("epoch", epoch);
        greeting.set("since", revision);
    }
    if app.live.hub().is_full() {
        let body = hub::full();
        return Ok(json_response(503, &body.0));
    }
    let claims = request.extensions().get::<Claims>().cloned();
    let (sender, receiver) = mpsc::channel(PIECES);
    let (outbox, messages, closing) = Outbox::new();
    if greeting.get("project").is_none() {
        greeting.set("project", "calendar");
    }
    let mut session = Session::new(app.clone(), outbox, greeting);
    // Before the answer, so that what is wrong gets a status.
    let opening = session.open(claims.unwrap_or_default()).await?;
    let stream = Stream {
        sender,
        epoch: app.live.epoch.clone(),
    };
    let first = opening.into_iter().map(|frame| session.outgoing(frame));
    let opening = Opening::Open(first.collect());
    tokio::spawn(connection::run(
        app, session, opening, stream, messages, closing,
    ));
    let mut response = Response::new(Body::new(Events(receiver)));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// One message of a client that listens to a stream, or to nothing.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Failure> {
    let mut greeting = Greeting::of_query(request.uri());
    let claims = request.extensions().get::<Claims>().cloned();
    let Value::Object(mut message) = parse(&read_body(&app, request).await?)? else {
        return Err(bad("A message must be a JSON object"));
    };
    for name in ["clientId", "userId", "userName"] {
        if let Some(value) = message.get(name).filter(|_| greeting.get(name).is_none()) {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            greeting.set(name, value);
        }
    }
    if let Some(project) = greeting.get("project")
        && !message.contains_key("project")
    {
        message.insert("project".to_owned(), project.into());
    }
    let client = greeting.get("clientId").unwrap_or_default().to_owned();
    let verified = claims.and_then(|claims| claims.user);
    let is_verified = verified.is_some();
    if let Some(user) = &verified {
        app.live.hub().claim(&client, user, true)?;
    }
    let connected = app.live.hub().user_of(&client).cloned();
    let named = || User::new(client.clone(), None, None);
    let user = verified.or(connected).or_else(named);
    let request = requests::request_of(&message)?;
    if requests::kind_of(&message) == Some("ping") {
        let body = json!({ "type": "pong", "time": app.live.now() });
        return Ok(json_response(200, &body));
    }
    let nobody = "Say who you are: `clientId` in the query";
    let asker = Asker {
        user: user.ok_or_else(|| Failure::new(ErrorCode::NotSubscribed, nobody))?,
        client,
        verified: is_verified,
    };
    let frames = match requests::perform(&app, &asker, &request, message).await? {
        Answer::Now(frames) => frames,
        Answer::Later(pending) => vec![pending.frame().await],
    };
    let Some(frame) = frames.into_iter().next() else {
        return Ok(crate::serve::drop_connection());
    };
    let status = frame.body.get("status").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let mut body = frame.body;
    body.insert("type".to_owned(), frame.kind.into());
    Ok(json_response(status.unwrap_or(200), &body).into_response())
}

/// The body of a stream.
struct Events(mpsc::Receiver<io::Result<Bytes>>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<BodyFrame<Bytes>>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(BodyFrame::data)))
    }
}

struct Stream {
    sender: mpsc::Sender<io::Result<Bytes>>,
    epoch: String,
}

impl Stream {
    async fn write(&mut self, text: String) -> Result<(), Broken> {
        self.sender.send(Ok(text.into())).await.map_err(|_| Broken)
    }
}

impl Wire for Stream {
    type Ack = Infallible;
    const WATCHED: bool = false;

    async fn receive(&mut self) -> Received<Infallible> {
        self.sender.closed().await;
        Received::Gone { goodbye: false }
    }

    async fn send(&mut self, out: &Outgoing) -> Result<(), Broken> {
        let mut text = String::new();
        if out.frame.kind == "hello" {
            text.push_str(&format!("retry: {RETRY_MS}\n\n"));
        }
        let texts = out.frame.texts(out.dialect);
        for (index, data) in texts.iter().enumerate() {
            // Only after its last message is a revision held.
            if let Some(revision) = out.frame.revision.filter(|_| index + 1 == texts.len()) {
                text.push_str(&format!("id: {}:{revision}\n", self.epoch));
            }
            // JSON text has no line breaks.
            text.push_str(&format!("data: {}\n\n", data.as_str()));
        }
        self.write(text).await
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        Ok(())
    }

    fn answer(&mut self, ack: Infallible, _: Vec<Frame>) -> Vec<Frame> {
        match ack {}
    }

    fn answer_later(&mut self, ack: Infallible, _: Pending, _: &Session) {
        match ack {}
    }

    async fn beat(&mut self, session: &Session) -> Result<(), Broken> {
        let pong = session.pong(&Value::Null);
        let revisions = pong.body.get("revisions").and_then(Value::as_object);
        let revision = revisions.and_then(|all| all.values().next());
        let data = json!({ "revision": revision });
        self.write(format!(": heartbeat\nevent: heartbeat\ndata: {data}\n\n"))
            .await
    }

    async fn close(&mut self, close: &Close) {
        let mut body = Frame::closing(close).body;
        body.insert("type".to_owned(), "closing".into());
        _ = self
            .write(format!("data: {}\n\n", Value::Object(body)))
            .await;
    }

    fn cut(self) {
        // An error in the body makes the server break the connection off.
        let cut = io::Error::new(io::ErrorKind::ConnectionReset, "cut on purpose");
        tokio::spawn(async move { self.sender.send(Err(cut)).await });
    }
}
