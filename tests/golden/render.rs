//! Effects as JSON.

use serde_json::{Map, Value, json};
use syncline::engine::Engine;
use syncline::engine::effect::{HttpRequest, RequestKind};
use syncline::engine::error::SyncError;
use syncline::engine::event::{Event, EventKind, Notice, NoticeKind, Origin, Status};
use syncline::engine::input::StoreId;
use syncline::engine::table::{RowId, Table};
use syncline::engine::value::{self, Cell};

/// Headers that every request has; others are shown.
const USUAL: [(&str, &str); 2] = [
    ("Accept", "application/json"),
    ("Content-Type", "application/json"),
];

pub fn http(http: &HttpRequest) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("method".into(), json!(http.method));
    let (url, query) = http.url.split_once('?').unwrap_or((&http.url, ""));
    shown.insert("url".into(), json!(url));
    let mut parameters = Map::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = decode(value);
        let value = serde_json::from_str(&value).unwrap_or_else(|_| value.into());
        parameters.insert(decode(name), value);
    }
    if !parameters.is_empty() {
        shown.insert("query".into(), parameters.into());
    }
    if let Some(body) = &http.body {
        shown.insert("body".into(), json_of(body));
    }
    assert!(http.headers.iter().any(|(name, _)| name == "Accept"));
    let headers: Map<_, _> = http
        .headers
        .iter()
        .filter(|(name, value)| !USUAL.contains(&(name, value)))
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    if !headers.is_empty() {
        shown.insert("headers".into(), headers.into());
    }
    if let Some(options) = &http.fetch_options {
        shown.insert("fetchOptions".into(), json_of(options.as_bytes()));
    }
    shown
}

pub fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("the engine writes JSON")
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: String = rest.by_ref().take(2).map(char::from).collect();
            bytes.push(u8::from_str_radix(&digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

pub fn error(error: &SyncError) -> Value {
    let mut shown = json!({"code": error.code.as_str(), "message": error.message});
    if let Some(status) = error.status {
        shown["status"] = status.into();
    }
    shown
}

pub fn event(engine: &Engine, event: &Event) -> Value {
    let mut shown = json!({"event": event_name(event.kind())});
    match event {
        Event::Fail {
            error: why,
            retry_in,
            ..
        } => {
            shown["error"] = error(why);
            if let Some(ms) = retry_in {
                shown["retryIn"] = (*ms).into();
            }
        }
        Event::Canceled(_, pack) => shown["pack"] = json_of(pack),
        Event::Status {
            status: now,
            pending,
            error: why,
        } => {
            shown["status"] = status(*now).into();
            shown["pending"] = (*pending).into();
            if let Some(why) = why {
                shown["error"] = json!(why.code.as_str());
            }
        }
        Event::RecordSyncFail {
            store,
            row,
            message,
            reverted,
        } => {
            shown["record"] = record(engine, *store, *row);
            shown["message"] = json!(message);
            shown["reverted"] = json!(reverted);
        }
        Event::Warning {
            message, records, ..
        } => {
            shown["message"] = json!(message);
            let records: Vec<_> = records
                .iter()
                .map(|(store, row)| record(engine, *store, *row))
                .collect();
            shown["records"] = records.into();
        }
        Event::Conflict { detail, .. } => {
            let detail = json_of(detail);
            for name in ["kind", "strategy", "record"] {
                shown[name] = detail[name].clone();
            }
            let id = StoreId(detail["store"].as_u64().unwrap() as u32);
            let schema = engine.store(id).unwrap().table().schema();
            let fields = detail["fields"].as_array().unwrap().iter().map(|clash| {
                let at = clash["field"].as_u64().unwrap() as usize;
                let mut clash = clash.clone();
                clash["field"] = json!(schema.fields()[at].name);
                clash
            });
            shown["fields"] = fields.collect();
        }
        Event::Start(..) | Event::Done(..) => {}
        Event::SyncDelayed | Event::HasChanges | Event::NoChanges => {}
    }
    shown
}

fn record(engine: &Engine, store: StoreId, row: RowId) -> Value {
    let Some(store) = engine.store(store) else {
        return Value::Null;
    };
    let table = store.table();
    let id = table.resolve(row).map_or(Value::Null, |row| {
        cell(table, table.cell(row, table.schema().id))
    });
    json!({"store": store.name(), "id": id})
}

/// A notice in a line: `events 1: name "a" -> "b" (local)`.
pub fn notice(engine: &Engine, notice: &Notice) -> Option<String> {
    let store = engine.store(notice.store)?;
    let table = store.table();
    let id = table.resolve(notice.row).map_or_else(String::new, |row| {
        format!(" {}", cell(table, table.cell(row, table.schema().id)))
    });
    let field = || {
        table
            .schema()
            .field(notice.field)
            .map_or("", |field| &field.name)
    };
    let change = || format!("{} -> {}", cell(table, notice.old), cell(table, notice.new));
    let what = match notice.kind {
        NoticeKind::Add => "appears".to_owned(),
        NoticeKind::Update => format!("{} {}", field(), change()),
        NoticeKind::Remove => "goes".to_owned(),
        NoticeKind::Move => "moves".to_owned(),
        NoticeKind::Refresh => {
            return Some(format!(
                "{}: all may be new ({})",
                store.name(),
                origin(notice)
            ));
        }
        NoticeKind::IdChange => format!("id {}", change()),
        // Dirty, in flight, refused: told for every record at every turn.
        NoticeKind::State => return None,
    };
    Some(format!("{}{id}: {what} ({})", store.name(), origin(notice)))
}

const fn origin(notice: &Notice) -> &'static str {
    match notice.origin {
        Origin::Local => "local",
        Origin::Remote => "remote",
        Origin::Rollback => "rollback",
        Origin::Rebase => "rebase",
        Origin::Load => "load",
    }
}

pub fn cell(table: &Table, cell: Cell) -> Value {
    match table.value(cell) {
        value::Value::Absent | value::Value::Null => Value::Null,
        value::Value::Bool(flag) => flag.into(),
        value::Value::Number(number) if number.fract() == 0.0 => (number as i64).into(),
        value::Value::Number(number) => number.into(),
        value::Value::Text(text) => text.into(),
        value::Value::Json(text) => json_of(text.as_bytes()),
    }
}

pub const fn status(status: Status) -> &'static str {
    match status {
        Status::Saved => "saved",
        Status::Loading => "loading",
        Status::Pending => "pending",
        Status::Saving => "saving",
        Status::Retrying => "retrying",
        Status::Offline => "offline",
        Status::Failed => "failed",
    }
}

pub const fn kind(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Load => "load",
        RequestKind::Sync => "sync",
    }
}

/// Events about which listeners are asked, by name.
pub const ASKED: [(&str, EventKind); 7] = [
    ("beforeLoad", EventKind::BeforeLoad),
    ("beforeSync", EventKind::BeforeSync),
    ("beforeSend", EventKind::BeforeSend),
    ("beforeResponseApply", EventKind::BeforeResponseApply),
    ("beforeLoadApply", EventKind::BeforeLoadApply),
    ("beforeSyncApply", EventKind::BeforeSyncApply),
    ("invalid", EventKind::Invalid),
];

pub fn event_name(event: EventKind) -> &'static str {
    match event {
        EventKind::LoadStart => "loadStart",
        EventKind::RequestDone => "requestDone",
        EventKind::Load => "load",
        EventKind::RequestFail => "requestFail",
        EventKind::LoadFail => "loadFail",
        EventKind::LoadCanceled => "loadCanceled",
        EventKind::SyncStart => "syncStart",
        EventKind::Sync => "sync",
        EventKind::SyncFail => "syncFail",
        EventKind::SyncCanceled => "syncCanceled",
        EventKind::SyncDelayed => "syncDelayed",
        EventKind::HasChanges => "hasChanges",
        EventKind::NoChanges => "noChanges",
        EventKind::Status => "status",
        EventKind::RecordSyncFail => "recordSyncFail",
        EventKind::SyncWarning => "syncWarning",
        EventKind::SyncUncertain => "syncUncertain",
        EventKind::Exception => "exception",
        EventKind::Conflict => "conflict",
        EventKind::ConflictResolved => "conflictResolved",
        EventKind::BeforeLoad
        | EventKind::BeforeSync
        | EventKind::BeforeSend
        | EventKind::BeforeResponseApply
        | EventKind::BeforeLoadApply
        | EventKind::BeforeSyncApply
        | EventKind::Invalid => {
            let mut asked = ASKED.iter();
            asked
                .find(|(_, kind)| *kind == event)
                .map_or("", |(name, _)| name)
        }
    }
}
