//! WebSocket: `/ws`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use syncline::protocol::ErrorCode;
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::auth;
use super::connection::{self, Broken, Received, Wire};
use super::frames::{Close, Frame};
use super::hub::{self, Outbox};
use super::pipe::Outgoing;
use super::requests::{Pending, bad};
use super::session::{Greeting, Session};
use crate::failure::Failure;
use crate::http::App;

/// Most messages are small, and there may be thousands of connections.
const BUFFER_BYTES: usize = 4 * 1024;

/// How much of a message that was too large is read to its end: a client that is still sending
/// hears of it only then.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Answers the request for a WebSocket, at `/ws` or `/ws/<project>`.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    project: Option<Path<String>>,
    mut request: Request,
) -> Result<Response, Failure> {
    let headers = request.headers();
    if !auth::is_allowed_origin(headers, &app.options.allow_origin, true) {
        let message = "Pages of this origin may not connect here";
        return Err(Failure::new(ErrorCode::ForbiddenOrigin, message));
    }
    let Some(key) = websocket_key(request.method(), headers) else {
        let upgrade = [(header::UPGRADE, "websocket")];
        let text = "This address speaks WebSocket.\n";
        return Ok((StatusCode::UPGRADE_REQUIRED, upgrade, text).into_response());
    };
    let accept = derive_accept_key(key.as_bytes());
    let mut greeting = Greeting::of_query(request.uri());
    if let Some(Path(project)) = project {
        greeting.set("project", project);
    }
    // A wrong token is told by a close code: a page can't see the status of an upgrade.
    let token = greeting.token(headers).map(str::to_owned);
    let claims = match token {
        None if auth::is_asked_for(&app.options) => Ok(None),
        token => auth::check(&app.options, token.as_deref()).map(Some),
    };
    let Some(on_upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Err(bad("This connection can't be upgraded"));
    };
    let full = app.live.hub().is_full();
    tokio::spawn(async move {
        let upgraded = match on_upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => {
                tracing::debug!(%error, "upgrade");
                return;
            }
        };
        let mut socket = Socket::new(upgraded, app.options.body_limit).await;
        if full {
            socket.close(&Close::of_failure(&hub::full())).await;
            return;
        }
        let (outbox, messages, closing) = Outbox::new();
        let session = Session::new(app.clone(), outbox, greeting);
        connection::run(app, session, claims.into(), socket, messages, closing).await;
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    let accept = accept.parse().map_err(|_| bad("A broken key"))?;
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(
        header::CONNECTION,
        header::HeaderValue::from_static("upgrade"),
    );
    headers.insert(
        header::UPGRADE,
        header::HeaderValue::from_static("websocket"),
    );
    Ok(response)
}

/// The key of a proper request for a WebSocket.
fn websocket_key<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    let has = |name: header::HeaderName, word: &str| {
        let values = headers.get_all(name).into_iter();
        let mut words = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        words.any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    let proper = *method == Method::GET
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?.to_str().ok()?;
    proper.then_some(key)
}

struct Socket(WebSocketStream<TokioIo<Upgraded>>);

impl Socket {
    async fn new(upgraded: Upgraded, max_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_message_size(Some(max_bytes))
            .max_frame_size(Some(max_bytes));
        let io = TokioIo::new(upgraded);
        Self(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await)
    }

    /// Reads and forgets what the client still sends, so that it gets to read why this is over.
    async fn drain(&mut self) {
        let io = self.0.get_mut();
        let mut buffer = vec![0; BUFFER_BYTES * 16];
        let mut left = DRAIN_BYTES;
        while let Ok(count @ 1..) = io.read(&mut buffer).await {
            let Some(rest) = left.checked_sub(count) else {
                return;
            };
            left = rest;
        }
    }
}

impl Wire for Socket {
    type Ack = ();
    const WATCHED: bool = true;

    async fn receive(&mut self) -> Received<()> {
        match self.0.next().await {
            None => Received::Gone { goodbye: false },
            Some(Ok(Message::Text(text))) => Received::Text(Bytes::from(text).to_vec(), ()),
            Some(Ok(Message::Binary(_))) => {
                Received::Bad(Close::new(Close::BINARY, "Messages are JSON texts"))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Received::Alive,
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map(|frame| u16::from(frame.code));
                // A page that goes away closes with 1001, a client that is done with 1000 or
                // nothing.
                let goodbye = matches!(code, None | Some(1000 | 1001));
                Received::Gone { goodbye }
            }
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { max_size, .. }))) => {
                let reason = format!("A message has at most {max_size} bytes");
                Received::Bad(Close::new(Close::TOO_LARGE, reason))
            }
            Some(Err(Error::Utf8(_))) => Received::Bad(Close::new(1007, "This is no UTF-8")),
            Some(Err(Error::Protocol(error))) => {
                tracing::debug!(%error, "websocket");
                Received::Bad(Close::new(1002, "This is no WebSocket"))
            }
            Some(Err(_)) => Received::Gone { goodbye: false },
        }
    }

    async fn send(&mut self, out: &Outgoing) -> Result<(), Broken> {
        for text in out.frame.texts(out.dialect) {
            let message = Message::Text(text.clone());
            self.0.feed(message).await.map_err(|_| Broken)?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        self.0.flush().await.map_err(|_| Broken)
    }

    fn answer(&mut self, (): (), replies: Vec<Frame>) -> Vec<Frame> {
        replies
    }

    fn answer_later(&mut self, (): (), pending: Pending, session: &Session) {
        connection::send_later(pending, session);
    }

    async fn beat(&mut self, _: &Session) -> Result<(), Broken> {
        let ping = Message::Ping(Bytes::new());
        self.0.send(ping).await.map_err(|_| Broken)
    }

    async fn close(&mut self, close: &Close) {
        // A reason has room for 123 bytes.
        let reason: String = close
            .reason
            .chars()
            .take(120)
            .filter(char::is_ascii)
            .collect();
        let frame = CloseFrame {
            code: close.code.into(),
            reason: reason.into(),
        };
        if self.0.close(Some(frame)).await.is_ok() {
            _ = tokio::time::timeout(DRAIN_TIME, self.drain()).await;
        }
    }

    fn cut(self) {}
}
