//! JSON for readers: members in the order in which one wants to read them, on one line what fits on
//! one.

use serde_json::{Map, Value};

const WIDTH: usize = 110;

/// Members that come first, in this order; the rest follows by name.
const FIRST: [&str; 52] = [
    "title",
    "about",
    "client",
    "steps",
    "at",
    "input",
    "answer",
    "look",
    "event",
    "send",
    "ask",
    "settle",
    "abort",
    "to",
    "proceed",
    "success",
    "status",
    "pending",
    "code",
    "error",
    "message",
    "effects",
    "timer",
    "seen",
    "manager",
    "listen",
    "zone",
    "method",
    "url",
    "headers",
    "query",
    "type",
    "requestId",
    "revision",
    "stores",
    "store",
    "id",
    "$PhantomId",
    "$PhantomParentId",
    "parentId",
    "name",
    "dataSource",
    "field",
    "fields",
    "added",
    "updated",
    "rows",
    "removed",
    "total",
    "retryIn",
    "pack",
    "body",
];

pub fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &Value, indent: usize, column: usize, out: &mut String) {
    let line = one_line(value);
    // A list of steps or effects is read item by item.
    let is_long = match value {
        Value::Array(items) => {
            items.len() > 1 && items.iter().any(|item| one_line(item).len() > 60)
        }
        _ => false,
    };
    if !is_long && column + line.len() <= WIDTH {
        out.push_str(&line);
        return;
    }
    let inner = indent + 2;
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (at, (name, value)) in ordered(members).into_iter().enumerate() {
                separate(at, inner, out);
                let key = format!("{}: ", Value::from(name.as_str()));
                out.push_str(&key);
                write(value, inner, inner + key.len() + 1, out);
            }
            separate_end(indent, out);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(at, inner, out);
                write(item, inner, inner + 1, out);
            }
            separate_end(indent, out);
            out.push(']');
        }
        _ => out.push_str(&line),
    }
}

fn separate(at: usize, indent: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
    separate_end(indent, out);
}

fn separate_end(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(core::iter::repeat_n(' ', indent));
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let parts: Vec<_> = ordered(members)
                .into_iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), one_line(value)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(items) => {
            let parts: Vec<_> = items.iter().map(one_line).collect();
            format!("[{}]", parts.join(", "))
        }
        value => value.to_string(),
    }
}

fn ordered(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(name, _)| {
        FIRST
            .iter()
            .position(|first| first == name)
            .unwrap_or(FIRST.len())
    });
    members
}
