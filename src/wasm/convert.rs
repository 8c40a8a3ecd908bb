//! Small things on their way out, as JSON text. Rows never come this way.

use serde_json::{Map, Value, json};

use crate::engine::effect::{HttpRequest, RequestKind};
use crate::engine::error::SyncError;
use crate::engine::event::{Event, EventKind};
use crate::engine::input::RequestId;

/// A manager's event as the facade gets it.
pub(super) struct PackedEvent {
    pub(super) event: EventKind,
    pub(super) kind: u8,
    pub(super) request: i32,
    pub(super) detail: String,
}

/// Bytes that the engine wrote as UTF-8.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Load is 0, sync 1.
pub(super) fn kind(kind: RequestKind) -> u8 {
    match kind {
        RequestKind::Load => 0,
        RequestKind::Sync => 1,
    }
}

/// A request's number, -1 for none.
pub(super) fn request(request: Option<RequestId>) -> i32 {
    request.map_or(-1, |request| request.0 as i32)
}

/// A request but for its body, which goes as bytes.
pub(super) fn http_to_json(http: &HttpRequest) -> String {
    let options = http
        .fetch_options
        .as_deref()
        .and_then(|text| serde_json::from_slice::<Value>(text.as_bytes()).ok());
    json!({
        "method": http.method,
        "url": http.url,
        "headers": http.headers,
        "fetchOptions": options,
    })
    .to_string()
}

/// A request that listeners changed: the inverse of [`http_to_json`].
pub(super) fn http_from_json(text: &str, body: Option<Vec<u8>>) -> Option<HttpRequest> {
    let mut parts: Map<String, Value> = serde_json::from_slice(text.as_bytes()).ok()?;
    let headers = match parts.remove("headers") {
        Some(headers) => serde_json::from_value(headers).ok()?,
        None => Vec::new(),
    };
    let options = parts.remove("fetchOptions").filter(Value::is_object);
    Some(HttpRequest {
        method: parts.get("method")?.as_str()?.to_owned(),
        url: parts.get("url")?.as_str()?.to_owned(),
        headers,
        body,
        fetch_options: options.map(|options| options.to_string()),
    })
}

/// An event with what its listeners are told.
pub(super) fn event(event: &Event) -> PackedEvent {
    let packed =
        |event, kind_of: Option<RequestKind>, of: Option<RequestId>, detail: Value| PackedEvent {
            event,
            kind: kind_of.map_or(0, kind),
            request: request(of),
            detail: match detail {
                Value::Null => String::new(),
                detail => detail.to_string(),
            },
        };
    match event {
        Event::Start(of, id) => {
            let event = match of {
                RequestKind::Load => EventKind::LoadStart,
                RequestKind::Sync => EventKind::SyncStart,
            };
            packed(event, Some(*of), Some(*id), Value::Null)
        }
        Event::Done(event, of, id) => packed(*event, Some(*of), Some(*id), Value::Null),
        Event::Fail {
            event,
            kind,
            request,
            error,
            retry_in,
        } => packed(
            *event,
            Some(*kind),
            *request,
            json!({ "error": error_to_json(error), "retryIn": retry_in }),
        ),
        Event::Canceled(of, pack) => {
            let event = match of {
                RequestKind::Load => EventKind::LoadCanceled,
                RequestKind::Sync => EventKind::SyncCanceled,
            };
            let pack = serde_json::from_slice::<Value>(pack).unwrap_or_default();
            packed(event, Some(*of), None, json!({ "pack": pack }))
        }
        Event::SyncDelayed => packed(EventKind::SyncDelayed, None, None, Value::Null),
        Event::HasChanges => packed(EventKind::HasChanges, None, None, Value::Null),
        Event::NoChanges => packed(EventKind::NoChanges, None, None, Value::Null),
        Event::Status {
            status,
            pending,
            error,
        } => packed(
            EventKind::Status,
            None,
            None,
            json!({
                "status": *status as u8,
                "pending": pending,
                "error": error.as_ref().map(error_to_json),
            }),
        ),
        Event::RecordSyncFail {
            store,
            row,
            message,
            reverted,
        } => packed(
            EventKind::RecordSyncFail,
            None,
            None,
            json!({
                "store": store.0,
                "row": row.row.0,
                "generation": row.generation,
                "message": message,
                "reverted": reverted,
            }),
        ),
        Event::Warning {
            event,
            message,
            records,
        } => {
            let records: Vec<_> = records
                .iter()
                .map(|(store, row)| [store.0, row.row.0, row.generation])
                .collect();
            packed(
                *event,
                None,
                None,
                json!({ "message": message, "records": records }),
            )
        }
    }
}

fn error_to_json(error: &SyncError) -> Value {
    json!({
        "code": error.code.as_str(),
        "message": error.message,
        "retryable": error.retryable,
        "status": error.status,
    })
}
