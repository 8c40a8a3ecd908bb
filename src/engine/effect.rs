//! Everything that the host must do: the one door out.

use super::error::SyncError;
use super::event::{Event, EventKind};
use super::input::{AskId, CallId, ManagerId, RequestId};
use crate::prelude::*;

/// Load or sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// Fetch all data.
    Load,
    /// Send changes, get the server's.
    Sync,
}

/// An HTTP request, ready to send.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT`, `PATCH`.
    pub method: String,
    /// With the query string.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, for methods that have one.
    pub body: Option<Vec<u8>>,
    /// Options of `fetch` as JSON text (`credentials`, `mode`, `cache`, `redirect`, …), passed on
    /// as they are.
    pub fetch_options: Option<String>,
}

/// What the host is to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Act {
    /// Open it; the text says what for: `{ clientId, project, since, epoch, … }`.
    Open,
    /// Send the text.
    Send,
    /// Close it; nothing needs to be reported. The text says what was wrong with a connection that
    /// seems open and isn't; it is empty when nothing was.
    Close,
    /// Get a fresh token.
    Token,
    /// Tell the listeners: `{ "type": <event>, … }`.
    Tell,
}

/// One thing to do. Effects are polled until there are none.
#[derive(Debug)]
pub enum Effect {
    /// Ask the listeners of a before… event; send [`Input::Answer`](super::input::Input::Answer),
    /// at once or later.
    Ask {
        /// To answer with.
        ask: AskId,
        /// Of which manager.
        manager: ManagerId,
        /// Which event.
        event: EventKind,
        /// About which request.
        request: RequestId,
        /// Load or sync.
        kind: RequestKind,
        /// The pack that is going out (`beforeLoad`, `beforeSync`, `beforeSend`), as JSON text. For
        /// `before…Apply` the host has the response itself: it received the bytes.
        pack: Option<Vec<u8>>,
        /// The request as it would go out (`beforeSend`).
        http: Option<Box<HttpRequest>>,
    },
    /// Send a request; report by `HttpHead`, `HttpChunk`, `HttpEnd`, `HttpFailed`.
    Http {
        /// To report with.
        request: RequestId,
        /// Of which manager.
        manager: ManagerId,
        /// Load or sync.
        kind: RequestKind,
        /// What to send.
        http: Box<HttpRequest>,
        /// Whether somebody can still ask for the response: the host keeps its bytes until
        /// [`Effect::Release`].
        keep_response: bool,
    },
    /// Something of a channel.
    Channel {
        /// Whose channel.
        manager: ManagerId,
        /// What to do.
        act: Act,
        /// Of which connection.
        epoch: u32,
        /// JSON text.
        text: Vec<u8>,
    },
    /// A request was answered over a channel: its response can be asked for until
    /// [`Effect::Release`].
    Answered {
        /// Which request.
        request: RequestId,
        /// Of which manager.
        manager: ManagerId,
        /// Load or sync.
        kind: RequestKind,
        /// The answer.
        body: Vec<u8>,
    },
    /// Stop a request; nothing needs to be reported.
    Abort(RequestId),
    /// Nobody can ask for this response any more than those who hold it.
    Release(RequestId),
    /// Tell the listeners of a manager.
    Event(ManagerId, Event),
    /// Notices of stores are waiting: read and clear them with `Engine::take_notices`.
    Notices,
    /// Settle a promise.
    Settle {
        /// Which one.
        call: CallId,
        /// The request whose response it resolves with (`None`: resolves with `null`, nothing was
        /// sent), or why it rejects.
        outcome: Result<Option<RequestId>, SyncError>,
        /// The request that the rejection is about, if one was sent.
        request: Option<RequestId>,
    },
}
