//! Small things on their way out, as JSON text. Rows never come this way.

use crate::engine::effect::{HttpRequest, RequestKind};
use crate::engine::error::SyncError;
use crate::engine::event::{Event, EventKind};
use crate::engine::input::RequestId;
use crate::engine::json::dom::Value;
use crate::engine::json::write::{self, Object};
use crate::prelude::*;

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

/// A JSON object as text.
fn object(members: &mut dyn FnMut(&mut Object<'_>)) -> String {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    members(&mut object);
    object.end();
    text(out)
}

fn number(object: &mut Object<'_>, name: &str, number: f64) {
    write::number(number, object.member(name));
}

fn string(object: &mut Object<'_>, name: &str, text: &str) {
    write::string(text, object.member(name));
}

fn raw(object: &mut Object<'_>, name: &str, json: &str) {
    object.member(name).extend_from_slice(json.as_bytes());
}

fn flag(object: &mut Object<'_>, name: &str, flag: bool) {
    raw(object, name, if flag { "true" } else { "false" });
}

/// A list, whose items are written one by one.
fn list<T>(items: &[T], out: &mut Vec<u8>, write: &mut dyn FnMut(&T, &mut Vec<u8>)) {
    let mut before = b'[';
    for item in items {
        out.push(before);
        write(item, out);
        before = b',';
    }
    if before == b'[' {
        out.push(b'[');
    }
    out.push(b']');
}

/// Texts as a JSON array.
pub(super) fn texts(texts: &[&str]) -> String {
    let mut out = Vec::new();
    list(texts, &mut out, &mut |item, out| write::string(item, out));
    text(out)
}

/// A request but for its body, which goes as bytes.
pub(super) fn http_to_json(http: &HttpRequest) -> String {
    object(&mut |object| {
        string(object, "method", &http.method);
        string(object, "url", &http.url);
        let write = &mut |(name, value): &(String, String), out: &mut Vec<u8>| {
            list(&[name, value], out, &mut |item, out| {
                write::string(item, out)
            });
        };
        list(&http.headers, object.member("headers"), write);
        let options = http.fetch_options.as_deref().unwrap_or("null");
        raw(object, "fetchOptions", options);
    })
}

/// A request that listeners changed: the inverse of [`http_to_json`].
pub(super) fn http_from_json(text: &str, body: Option<Vec<u8>>) -> Option<HttpRequest> {
    let parts = Value::parse(text.as_bytes()).ok()?;
    let text = |name: &str| parts.get(name)?.as_text().map(str::to_owned);
    let mut headers = Vec::new();
    if let Some(given) = parts.get("headers") {
        for header in given.as_list()? {
            let [Value::Text(name), Value::Text(value)] = header.as_list()? else {
                return None;
            };
            headers.push((name.clone(), value.clone()));
        }
    }
    let options = parts.get("fetchOptions");
    Some(HttpRequest {
        method: text("method")?,
        url: text("url")?,
        headers,
        body,
        fetch_options: options
            .filter(|options| options.as_object().is_some())
            .map(Value::to_json),
    })
}

/// An event with what its listeners are told.
pub(super) fn event(event: &Event) -> PackedEvent {
    let mut packed = PackedEvent {
        event: EventKind::SyncDelayed,
        kind: 0,
        request: -1,
        detail: String::new(),
    };
    match event {
        Event::Start(of, id) => {
            packed.event = match of {
                RequestKind::Load => EventKind::LoadStart,
                RequestKind::Sync => EventKind::SyncStart,
            };
            packed.kind = kind(*of);
            packed.request = request(Some(*id));
        }
        Event::Done(event, of, id) => {
            packed.event = *event;
            packed.kind = kind(*of);
            packed.request = request(Some(*id));
        }
        Event::Fail {
            event,
            kind: of,
            request: id,
            error,
            retry_in,
        } => {
            packed.event = *event;
            packed.kind = kind(*of);
            packed.request = request(*id);
            packed.detail = object(&mut |object| {
                write_error(error, object.member("error"));
                let wait = retry_in.map_or(f64::NAN, |ms| ms as f64);
                number(object, "retryIn", wait);
            });
        }
        Event::Canceled(of, pack) => {
            packed.event = match of {
                RequestKind::Load => EventKind::LoadCanceled,
                RequestKind::Sync => EventKind::SyncCanceled,
            };
            packed.kind = kind(*of);
            packed.detail = object(&mut |object| {
                object.member("pack").extend_from_slice(pack);
            });
        }
        Event::SyncDelayed => {}
        Event::HasChanges => packed.event = EventKind::HasChanges,
        Event::NoChanges => packed.event = EventKind::NoChanges,
        Event::Status {
            status,
            pending,
            error,
        } => {
            packed.event = EventKind::Status;
            packed.detail = object(&mut |object| {
                number(object, "status", f64::from(*status as u8));
                number(object, "pending", f64::from(*pending));
                match error {
                    Some(error) => write_error(error, object.member("error")),
                    None => raw(object, "error", "null"),
                }
            });
        }
        Event::RecordSyncFail {
            store,
            row,
            message,
            reverted,
        } => {
            packed.event = EventKind::RecordSyncFail;
            packed.detail = object(&mut |object| {
                number(object, "store", f64::from(store.0));
                number(object, "row", f64::from(row.row.0));
                number(object, "generation", f64::from(row.generation));
                string(object, "message", message);
                flag(object, "reverted", *reverted);
            });
        }
        Event::Conflict { event, detail } => {
            packed.event = *event;
            packed.detail = text(detail.clone());
        }
        Event::Warning {
            event,
            message,
            records,
        } => {
            packed.event = *event;
            packed.detail = object(&mut |object| {
                string(object, "message", message);
                let out = object.member("records");
                list(records, out, &mut |(store, row), out| {
                    let words = [store.0, row.row.0, row.generation];
                    list(&words, out, &mut |word, out| {
                        write::number(f64::from(*word), out)
                    });
                });
            });
        }
    }
    packed
}

fn write_error(error: &SyncError, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    string(&mut object, "code", error.code.as_str());
    string(&mut object, "message", &error.message);
    flag(&mut object, "retryable", error.retryable);
    let status = error.status.map_or(f64::NAN, f64::from);
    number(&mut object, "status", status);
    object.end();
}
