//! Reads options by name from a JSON object.

use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::json::dom::{Members, Value};
use crate::prelude::*;

/// An object of options that is being read. What is absent leaves the default in its place; the
/// first member that has the wrong type is remembered for `end`.
#[derive(Debug)]
pub struct Reader {
    members: Members,
    /// Where the object stands among the options: empty, or a path that ends with a dot.
    path: String,
    error: Option<SyncError>,
}

impl Reader {
    pub(super) const fn new(members: Members, path: String) -> Self {
        Self {
            members,
            path,
            error: None,
        }
    }

    /// A member, taken out; `null` counts as absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    /// The same where `null` is a value.
    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    pub(super) fn bool(&mut self, name: &str, into: &mut bool) {
        match self.members.remove(name) {
            Some(Value::Bool(bool)) => *into = bool,
            Some(_) => self.refuse(name, "a boolean"),
            None => {}
        }
    }

    pub(super) fn maybe_bool(&mut self, name: &str, into: &mut Option<bool>) {
        match self.take(name) {
            Some(Value::Bool(bool)) => *into = Some(bool),
            Some(_) => self.refuse(name, "a boolean"),
            None => {}
        }
    }

    pub(super) fn number(&mut self, name: &str, into: &mut f64) {
        let given = self.members.remove(name);
        match given.as_ref().map(Value::as_number) {
            Some(Some(number)) => *into = number,
            Some(None) => self.refuse(name, "a number"),
            None => {}
        }
    }

    pub(super) fn maybe_number(&mut self, name: &str, into: &mut Option<f64>) {
        if let Some(value) = self.take(name) {
            *into = value.as_number();
            if into.is_none() {
                self.refuse(name, "a number");
            }
        }
    }

    pub(super) fn count(&mut self, name: &str, into: &mut u32) {
        let mut number = f64::from(*into);
        self.number(name, &mut number);
        *into = number as u32;
        if f64::from(*into) != number {
            self.refuse(name, "a whole number from 0");
        }
    }

    pub(super) fn text(&mut self, name: &str, into: &mut String) {
        match self.members.remove(name) {
            Some(Value::Text(text)) => *into = text,
            Some(_) => self.refuse(name, "a text"),
            None => {}
        }
    }

    /// The same for text that has no default.
    pub(super) fn required(&mut self, name: &str) -> String {
        let mut text = String::new();
        if !self.members.contains(name) {
            self.refuse(name, "given");
        }
        self.text(name, &mut text);
        text
    }

    pub(super) fn maybe_text(&mut self, name: &str, into: &mut Option<String>) {
        match self.take(name) {
            Some(Value::Text(text)) => *into = Some(text),
            Some(_) => self.refuse(name, "a text"),
            None => {}
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.take(name)?;
        let mut texts = Vec::new();
        for value in value.as_list().unwrap_or(&[Value::Null]) {
            match value {
                Value::Text(text) => texts.push(text.clone()),
                _ => self.refuse(name, "a list of texts"),
            }
        }
        Some(texts)
    }

    pub(super) fn object(&mut self, name: &str) -> Option<Members> {
        match self.take(name)? {
            Value::Object(members) => Some(members),
            _ => {
                self.refuse(name, "an object");
                None
            }
        }
    }

    /// Options within options; whether there are any.
    pub(super) fn nested(&mut self, name: &str, read: &mut dyn FnMut(&mut Reader)) -> bool {
        let value = self.take(name);
        let is_given = value.is_some();
        match value {
            None => {}
            Some(Value::Object(members)) => self.inner(members, name, read),
            Some(_) => self.refuse(name, "an object"),
        }
        is_given
    }

    /// A list of options.
    pub(super) fn list(&mut self, name: &str, read: &mut dyn FnMut(&mut Reader)) {
        let list = match self.members.remove(name) {
            None => return,
            Some(Value::List(list)) => list,
            Some(_) => return self.refuse(name, "a list"),
        };
        for value in list {
            match value {
                Value::Object(members) => self.inner(members, name, read),
                _ => self.refuse(name, "a list of objects"),
            }
        }
    }

    fn inner(&mut self, members: Members, name: &str, read: &mut dyn FnMut(&mut Reader)) {
        let mut inner = Reader {
            members,
            path: [&self.path, name, "."].concat(),
            error: None,
        };
        read(&mut inner);
        if self.error.is_none() {
            self.error = inner.error;
        }
    }

    pub(super) fn refuse(&mut self, name: &str, expected: &str) {
        if self.error.is_none() {
            let message = [&self.path, name, " must be ", expected].concat();
            self.error = Some(SyncError::new(ErrorCode::InvalidConfig, message));
        }
    }

    /// Whether everything was right.
    pub(super) fn end(self) -> Result<(), SyncError> {
        self.error.map_or(Ok(()), Err)
    }
}
