//! A WebSocket client of the tests.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

use crate::host::Host;

/// How long a test waits for a message.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a test waits to be sure that nothing comes.
const QUIET: Duration = Duration::from_millis(250);

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Connects with a query such as `project=calendar&clientId=a`.
    pub(crate) async fn connect(host: &Host, query: &str) -> Self {
        Self::try_connect(host, query, &[]).await.unwrap()
    }

    pub(crate) async fn try_connect(
        host: &Host,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Error> {
        let url = format!("{}/ws?{query}", host.url.replace("http://", "ws://"));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Self { socket })
    }

    /// Connects with room for next to nothing: what isn't read soon stays with the server.
    pub(crate) async fn narrow(host: &Host, query: &str) -> Self {
        let url = format!("{}/ws?{query}", host.url.replace("http://", "ws://"));
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let address = host.url.replace("http://", "").parse().unwrap();
        let stream = MaybeTlsStream::Plain(socket.connect(address).await.unwrap());
        let (socket, _) = client_async(url, stream).await.unwrap();
        Self { socket }
    }

    /// Connects and waits until everything that was missed has come.
    pub(crate) async fn live(host: &Host, query: &str) -> Self {
        let mut client = Self::connect(host, query).await;
        client.until("live").await;
        client
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_text(message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message, whatever it is.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await;
            match message.expect("a message").expect("a connection") {
                Ok(Message::Text(text)) => return serde_json::from_str(text.as_str()).unwrap(),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message of a type; skips others.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Sends a request and gives its `ack`.
    pub(crate) async fn ask(&mut self, mut message: Value) -> Value {
        let id = format!("ask-{}", next_number());
        if message.get("requestId").is_none() {
            message["requestId"] = json!(id);
        }
        let id = message["requestId"].clone();
        self.send(message).await;
        loop {
            let answer = self.until("ack").await;
            if answer["requestId"] == id {
                return answer;
            }
        }
    }

    /// Makes sure that no message of the type comes; gives those that did.
    pub(crate) async fn hears_no(&mut self, kind: &str) {
        while let Ok(message) = timeout(QUIET, self.socket.next()).await {
            if let Some(Ok(Message::Text(text))) = message {
                let message: Value = serde_json::from_str(text.as_str()).unwrap();
                assert_ne!(message["type"], kind, "{message}");
            }
        }
    }

    /// Waits for the end of the connection; gives code and reason of the close.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await;
            match message.expect("a close") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.as_str().to_owned());
                }
                Some(Ok(_)) => {}
                other => return (1006, format!("{other:?}")),
            }
        }
    }

    /// Says goodbye.
    pub(crate) async fn leave(mut self) {
        self.socket.close(None).await.unwrap();
    }
}

fn next_number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A package that renames an event.
pub(crate) fn rename(id: i64, name: &str) -> Value {
    json!({ "events": { "updated": [{ "id": id, "name": name }] } })
}
