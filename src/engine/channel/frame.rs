//! Messages: `{ type, data, … }`, `{ command, data, … }`, and one per record (`taskCreated`,
//! `taskUpdated`, `taskDeleted`).

use super::feed::Change;
use crate::engine::json::dom::Value;
use crate::engine::json::write::{self, Object};
use crate::engine::json::{ReadError, members};
use crate::prelude::*;

/// A message of the server.
#[derive(Debug)]
pub struct Frame<'a> {
    text: &'a [u8],
    members: Vec<(String, &'a [u8])>,
    kind: String,
}

impl<'a> Frame<'a> {
    /// Reads the outermost members.
    ///
    /// # Errors
    /// The text is no JSON object.
    pub fn read(text: &'a [u8]) -> Result<Self, ReadError> {
        let mut frame = Self {
            text,
            members: members(text)?,
            kind: String::new(),
        };
        let kind = frame.text("type").or_else(|| frame.text("command"));
        frame.kind = kind.unwrap_or_default();
        Ok(frame)
    }

    /// What it is about; empty when it doesn't say.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The message itself.
    pub const fn whole(&self) -> &'a [u8] {
        self.text
    }

    /// A member as it stands; of several with one name, the last.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.members.iter().rev().find(|(its, _)| its == name);
        found
            .map(|(_, value)| *value)
            .filter(|value| *value != b"null")
    }

    /// The content: `data`, or the message where it has none.
    pub fn data(&self) -> &'a [u8] {
        self.get("data").unwrap_or(self.text)
    }

    /// A small member's value.
    pub fn value(&self, name: &str) -> Option<Value> {
        Value::parse(self.get(name)?).ok()
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name)?.as_text().map(str::to_owned)
    }

    /// A member that is a whole number from 0, as a number or as text.
    pub fn number(&self, name: &str) -> Option<u64> {
        whole(&self.value(name)?)
    }

    /// A member that is `true`.
    pub fn is(&self, name: &str) -> bool {
        self.get(name) == Some(b"true")
    }

    /// The change that it tells, if it tells one.
    pub fn change(&self) -> Option<Change> {
        let data = match self.kind() {
            "sync" | "change" | "update" => self.data().to_vec(),
            kind => self.single(kind)?,
        };
        Some(Change {
            revision: self.number("revision"),
            previous: self.number("previous"),
            request: self.number("requestId"),
            more: self.is("more"),
            data,
        })
    }

    /// `taskCreated` with `task`, `taskUpdated` with `task`, `taskDeleted` with `taskId`.
    fn single(&self, kind: &str) -> Option<Vec<u8>> {
        let (name, action) = [
            ("Created", "added"),
            ("Updated", "updated"),
            ("Deleted", "removed"),
        ]
        .into_iter()
        .find_map(|(end, action)| Some((kind.strip_suffix(end)?, action)))?;
        let row = self
            .get(&[name, "Id"].concat())
            .filter(|_| action == "removed")
            .or_else(|| self.get(name))
            .or_else(|| self.get("record"))
            .or_else(|| self.get("data"))
            .or_else(|| self.get("id"))?;
        let store = self.text("store").unwrap_or_else(|| [name, "s"].concat());
        Some(section(&store, action, row))
    }
}

/// A whole number from 0, as a number or as text.
pub fn whole(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Text(text) => return text.parse().ok(),
        value => value.as_number()?,
    };
    let whole = number as u64;
    (number >= 0.0 && whole as f64 == number).then_some(whole)
}

/// A changeset of one row.
pub fn section(store: &str, action: &str, row: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut stores = Object::begin(&mut out);
    let actions = stores.member(store);
    let mut actions = Object::begin(actions);
    let rows = actions.member(action);
    rows.push(b'[');
    rows.extend_from_slice(row);
    rows.push(b']');
    actions.end();
    stores.end();
    out
}

/// What a changeset adds, as a changeset; none when it adds nothing.
pub fn additions(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut stores = Object::begin(&mut out);
    for (store, value) in members(data).ok()? {
        let added = members(value).unwrap_or_default();
        let added = added.iter().find(|(name, _)| name == "added");
        if let Some((_, rows)) = added {
            let mut section = Object::begin(stores.member(&store));
            section.member("added").extend_from_slice(rows);
            section.end();
        }
    }
    let found = !stores.is_empty();
    stores.end();
    found.then_some(out)
}

/// Writes a message.
pub fn write(command: bool, kind: &str, fill: &mut dyn FnMut(&mut Object<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    let name = if command { "command" } else { "type" };
    write::string(kind, object.member(name));
    fill(&mut object);
    object.end();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &str) -> String {
        let change = Frame::read(text.as_bytes()).unwrap().change().unwrap();
        String::from_utf8(change.data).unwrap()
    }

    #[test]
    fn all_dialects_tell_the_same_change() {
        assert_eq!(
            data(r#"{"type":"sync","data":{"tasks":{"updated":[{"id":1}]}}}"#),
            r#"{"tasks":{"updated":[{"id":1}]}}"#
        );
        assert_eq!(data(r#"{"command":"sync","data":{"a":1}}"#), r#"{"a":1}"#);
        let flat = r#"{"type":"sync","tasks":{"updated":[{"id":1}]}}"#;
        assert_eq!(data(flat), flat);
        assert_eq!(
            data(r#"{"type":"taskCreated","task":{"id":1},"userId":2}"#),
            r#"{"tasks":{"added":[{"id":1}]}}"#
        );
        assert_eq!(
            data(r#"{"type":"taskUpdated","store":"todo","task":{"id":1}}"#),
            r#"{"todo":{"updated":[{"id":1}]}}"#
        );
        assert_eq!(
            data(r#"{"type":"taskDeleted","taskId":"x"}"#),
            r#"{"tasks":{"removed":["x"]}}"#
        );
        let other = Frame::read(br#"{"type":"Created","x":1}"#).unwrap();
        assert_eq!(other.change(), None);
    }

    #[test]
    fn numbers_that_are_none_are_passed_over() {
        let frame =
            br#"{"type":"sync","revision":"12","previous":-1,"requestId":1.5,"more":1,"data":{}}"#;
        let change = Frame::read(frame).unwrap().change().unwrap();
        assert_eq!(
            (
                change.revision,
                change.previous,
                change.request,
                change.more
            ),
            (Some(12), None, None, false)
        );
    }
}
