//! Messages to clients. One that goes to many is put into text once per dialect, and shared.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use syncline::protocol::ErrorCode;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::db::changes::Change;
use crate::failure::Failure;
use crate::stores::{PROJECTS, Project, Store};

/// How a client wants to hear of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Dialect {
    /// `{type: 'sync', data: {…}}`.
    #[default]
    Calendar,
    /// `{type: 'taskUpdated', task: {…}}`, one message per record.
    Taskboard,
    /// `{command: 'sync', data: {…}}`.
    Command,
}

impl Dialect {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "calendar" => Some(Self::Calendar),
            "taskboard" => Some(Self::Taskboard),
            "command" => Some(Self::Command),
            _ => None,
        }
    }
}

/// One message to a client, or to many.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The word in `type`.
    pub(crate) kind: &'static str,
    pub(crate) project: Option<&'static Project>,
    /// Everything but the type.
    pub(crate) body: Map<String, Value>,
    /// The revision that the client holds after this message.
    pub(crate) revision: Option<i64>,
    texts: [OnceLock<Vec<Utf8Bytes>>; 3],
}

impl Frame {
    /// `body` must be an object.
    pub(crate) fn new(kind: &'static str, body: Value) -> Self {
        let body = match body {
            Value::Object(body) => body,
            _ => Map::new(),
        };
        Self {
            kind,
            project: None,
            body,
            revision: None,
            texts: Default::default(),
        }
    }

    /// A message about a room.
    pub(crate) fn of_room(kind: &'static str, project: &'static Project, body: Value) -> Self {
        let mut frame = Self::new(kind, body);
        let name = project.name.into();
        frame.body.insert("project".to_owned(), name);
        frame.project = Some(project);
        frame
    }

    /// A change as everybody in its room hears it; `None` when it names no room of this server.
    pub(crate) fn of_change(change: &Change) -> Option<Self> {
        let project = *PROJECTS.iter().find(|one| one.name == change.project)?;
        let body = match &change.data {
            None => json!({ "reason": "large", "revision": change.revision }),
            Some(data) => json!({
                "revision": change.revision,
                "previous": change.previous,
                "clientId": Some(&change.client).filter(|client| !client.is_empty()),
                "requestId": change.request,
                "userId": change.user.get("userId"),
                "userName": change.user.get("userName"),
                "timestamp": change.at,
                "data": serde_json::from_str::<Value>(data).ok()?,
            }),
        };
        let kind = if change.data.is_some() {
            "sync"
        } else {
            "reload"
        };
        let mut frame = Self::of_room(kind, project, body);
        frame.revision = Some(change.revision);
        Some(frame)
    }

    pub(crate) fn reload(project: &'static Project, reason: &str, revision: i64) -> Self {
        let body = json!({ "reason": reason, "revision": revision });
        Self::of_room("reload", project, body)
    }

    pub(crate) fn error(failure: &Failure, request: &Value) -> Self {
        let body = json!({
            "requestId": request,
            "data": { "code": failure.0.code, "message": failure.0.message },
        });
        Self::new("error", body)
    }

    /// The answer to a request that succeeded.
    pub(crate) fn ack(request: &Value, data: Value) -> Self {
        let mut body = json!({ "success": true, "status": 200, "data": data });
        set_request(&mut body, request);
        Self::new("ack", body)
    }

    /// The answer to a request that failed.
    pub(crate) fn refusal(request: &Value, failure: &Failure, data: Value) -> Self {
        let mut body = json!({
            "success": false,
            "status": failure.0.code.http_status(),
            "code": failure.0.code,
            "message": failure.0.message,
            "data": data,
        });
        set_request(&mut body, request);
        Self::new("ack", body)
    }

    pub(crate) fn closing(close: &Close) -> Self {
        let body = json!({ "code": close.code, "reason": close.reason });
        Self::new("closing", body)
    }

    /// Who sent the change.
    pub(crate) fn client(&self) -> Option<&str> {
        self.body.get("clientId")?.as_str()
    }

    /// The texts of the message, one but for changes in the dialect of the task board.
    pub(crate) fn texts(&self, dialect: Dialect) -> &[Utf8Bytes] {
        let place = match dialect {
            Dialect::Calendar => 0,
            Dialect::Taskboard => 1,
            Dialect::Command => 2,
        };
        match self.texts.get(place) {
            Some(texts) => texts.get_or_init(|| self.write(dialect)),
            None => &[],
        }
    }

    fn write(&self, dialect: Dialect) -> Vec<Utf8Bytes> {
        if dialect == Dialect::Taskboard && self.kind == "sync" {
            return self.write_records();
        }
        let word = match dialect {
            Dialect::Command => "command",
            Dialect::Calendar | Dialect::Taskboard => "type",
        };
        vec![text(word, self.kind, self.body.clone())]
    }

    /// One message for each record.
    fn write_records(&self) -> Vec<Utf8Bytes> {
        let mut records = Vec::new();
        let stores = self.project.map_or(&[][..], |project| project.stores);
        let Some(data) = self.body.get("data") else {
            return Vec::new();
        };
        for store in stores {
            let name = singular(store.name);
            let section = data.get(store.name);
            let rows = |list: &str| {
                let rows = section.and_then(|section| section.get(list));
                rows.and_then(Value::as_array).into_iter().flatten()
            };
            let mut push = |suffix: &str, member: String, value: &Value| {
                records.push((store, format!("{name}{suffix}"), member, value.clone()));
            };
            for row in rows("added") {
                push("Created", name.to_owned(), row);
            }
            for row in rows("updated") {
                push("Updated", name.to_owned(), row);
            }
            for row in rows("removed") {
                push("Deleted", format!("{name}Id"), row.get("id").unwrap_or(row));
            }
        }
        let last = records.len().saturating_sub(1);
        let messages = records.into_iter().enumerate();
        let messages = messages.map(|(index, (store, kind, member, value))| {
            let mut body = self.body.clone();
            body.remove("data");
            body.insert("store".to_owned(), store.name.into());
            body.insert(member, value);
            if index < last {
                body.insert("more".to_owned(), true.into());
            }
            text("type", &kind, body)
        });
        messages.collect()
    }
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Close {
    pub(crate) const GOODBYE: u16 = 1000;
    pub(crate) const BINARY: u16 = 1003;
    pub(crate) const BAD_MESSAGES: u16 = 1008;
    pub(crate) const TOO_LARGE: u16 = 1009;
    pub(crate) const RESTART: u16 = 1012;
    pub(crate) const UNAUTHORIZED: u16 = 4401;
    pub(crate) const SILENT: u16 = 4408;
    pub(crate) const CLIENT_ID_TAKEN: u16 = 4409;
    pub(crate) const SLOW: u16 = 4413;
    pub(crate) const TOO_MANY: u16 = 4429;

    pub(crate) fn new(code: u16, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// The code that goes with a failure to connect.
    pub(crate) fn of_failure(failure: &Failure) -> Self {
        let code = match failure.0.code {
            ErrorCode::ClientIdTaken => Self::CLIENT_ID_TAKEN,
            ErrorCode::TooMany => Self::TOO_MANY,
            ErrorCode::Unauthorized | ErrorCode::TokenExpired => Self::UNAUTHORIZED,
            _ => Self::BAD_MESSAGES,
        };
        Self::new(code, failure.0.message.clone())
    }
}

/// What one record of a store is called in the dialect of the task board.
pub(crate) fn singular(store: &str) -> &str {
    store.strip_suffix('s').unwrap_or(store)
}

/// The store of a project that a record's type means: `events` or `event`.
pub(crate) fn store_named(project: &Project, name: &str) -> Option<&'static Store> {
    let named = |store: &&&Store| store.name == name || singular(store.name) == name;
    project.stores.iter().find(named).copied()
}

fn set_request(body: &mut Value, request: &Value) {
    if let Some(body) = body.as_object_mut().filter(|_| !request.is_null()) {
        body.insert("requestId".to_owned(), request.clone());
    }
}

fn text(word: &str, kind: &str, mut body: Map<String, Value>) -> Utf8Bytes {
    body.insert(word.to_owned(), kind.into());
    Value::Object(body).to_string().into()
}
