//! Small JSON values: options, envelopes, messages of servers. Rows never become these.

use super::scan::{Step, Stop, bad, literal, number, string, token, unescape};
use super::{DEPTH_MAX, ReadError, ReadErrorKind, write};
use crate::decimal;
use crate::number::SAFE_INTEGER;
use crate::order::order;
use crate::prelude::*;

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A whole number too large for every double to hold it: its digits. A server's counter goes
    /// back as it came.
    Digits(String),
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Object(Members),
}

/// An object's members, ordered by name, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members(Vec<(String, Value)>);

impl Value {
    /// Reads one value, with nothing but blanks around it.
    ///
    /// # Errors
    /// What is wrong and where: not UTF-8, broken, more than [`DEPTH_MAX`] deep, a number beyond
    /// all doubles.
    pub fn parse(json: &[u8]) -> Result<Self, ReadError> {
        let Ok(text) = core::str::from_utf8(json) else {
            return Err(ReadError {
                kind: ReadErrorKind::Encoding,
                offset: 0,
            });
        };
        // A number ends where something else begins.
        let padded;
        let text = if text.ends_with(|last: char| last.is_ascii_digit()) {
            padded = [text, " "].concat();
            padded.as_str()
        } else {
            text
        };
        let mut parser = Parser { text, at: 0 };
        let failed = match parser.value(0) {
            Ok(value) => match token(text.as_bytes(), parser.at) {
                Err(_) => return Ok(value),
                Ok((_, at)) => Stop::Bad(ReadErrorKind::Trailing, at),
            },
            Err(stop) => stop,
        };
        let (kind, offset) = match failed {
            Stop::Bad(kind, at) => (kind, at),
            Stop::More if text.trim_ascii().is_empty() => (ReadErrorKind::Empty, 0),
            Stop::More => (ReadErrorKind::Incomplete, text.len()),
        };
        Err(ReadError {
            kind,
            offset: offset as u64,
        })
    }

    /// Appends it as JSON text.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(number) => write::number(*number, out),
            Self::Digits(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::Text(text) => write::string(text, out),
            Self::List(list) => {
                out.push(b'[');
                for (at, value) in list.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => members.write(out),
        }
    }

    /// Its JSON text.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// The boolean, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Digits(digits) => decimal::parse(digits),
            _ => None,
        }
    }

    /// The text, if it is some.
    pub const fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub const fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list.as_slice()),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub const fn as_object(&self) -> Option<&Members> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// A member, if it is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// Whether it is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Text as it stands, numbers as they are written; none for the others.
    pub fn plain_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(_) | Self::Digits(_) => Some(self.to_json()),
            _ => None,
        }
    }
}

impl Members {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The members of a list; of those with the same name the last counts.
    pub fn from_list(list: Vec<(String, Value)>) -> Self {
        let name = |at: usize| list.get(at).map(|(name, _)| name.as_str());
        let order = order(list.len(), &mut |a, b| name(a) < name(b));
        let mut places: Vec<Option<(String, Value)>> = list.into_iter().map(Some).collect();
        let mut members: Vec<(String, Value)> = Vec::with_capacity(places.len());
        for at in order {
            let Some(member) = places.get_mut(at).and_then(Option::take) else {
                continue;
            };
            match members.last_mut() {
                Some(last) if last.0 == member.0 => *last = member,
                _ => members.push(member),
            }
        }
        Self(members)
    }

    /// A member's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.0.get(self.place(name).ok()?)?;
        Some(value)
    }

    /// Whether there is such a member.
    pub fn contains(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.place(name).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Puts a member in, in the place of one with the same name.
    pub fn insert(&mut self, name: &str, value: Value) {
        match self.place(name) {
            Ok(at) => {
                if let Some(member) = self.0.get_mut(at) {
                    member.1 = value;
                }
            }
            Err(at) => self.0.insert(at, (name.to_owned(), value)),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, ordered by name.
    pub const fn list(&self) -> &[(String, Value)] {
        self.0.as_slice()
    }

    /// Appends them as a JSON object.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write::string(name, out);
            out.push(b':');
            value.write(out);
        }
        out.push(b'}');
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    /// Goes as deep as [`DEPTH_MAX`] calls.
    fn value(&mut self, depth: u32) -> Step<Value> {
        let bytes = self.text.as_bytes();
        let (first, at) = token(bytes, self.at)?;
        let (value, end) = match first {
            b'{' | b'[' => {
                if depth >= DEPTH_MAX {
                    return Err(Stop::Bad(ReadErrorKind::TooDeep, at));
                }
                self.at = at + 1;
                return if first == b'{' {
                    self.object(depth + 1)
                } else {
                    self.list(depth + 1)
                };
            }
            b'"' => {
                self.at = at;
                return self.string().map(Value::Text);
            }
            b't' => (Value::Bool(true), literal(bytes, at, b"true")?),
            b'f' => (Value::Bool(false), literal(bytes, at, b"false")?),
            b'n' => (Value::Null, literal(bytes, at, b"null")?),
            b'-' | b'0'..=b'9' => self.number(at)?,
            _ => return bad(at),
        };
        self.at = end;
        Ok(value)
    }

    fn number(&self, at: usize) -> Step<(Value, usize)> {
        let (number, end) = number(self.text.as_bytes(), at)?;
        if !number.is_finite() {
            return bad(at);
        }
        let text = self.text.get(at..end).unwrap_or_default();
        let is_large = number.abs() >= SAFE_INTEGER && !text.contains(['.', 'e', 'E']);
        let value = match is_large {
            true => Value::Digits(text.to_owned()),
            false => Value::Number(number),
        };
        Ok((value, end))
    }

    fn string(&mut self) -> Step<String> {
        let raw = string(self.text.as_bytes(), self.at + 1)?;
        let mut text = String::new();
        let range = self.at + 1..raw.end;
        unescape(self.text.get(range).unwrap_or_default(), &mut text);
        self.at = raw.end + 1;
        Ok(text)
    }

    fn list(&mut self, depth: u32) -> Step<Value> {
        let mut list = Vec::new();
        if !self.ends(b']')? {
            loop {
                list.push(self.value(depth)?);
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        Ok(Value::List(list))
    }

    fn object(&mut self, depth: u32) -> Step<Value> {
        let mut list = Vec::new();
        if !self.ends(b'}')? {
            loop {
                let (quote, at) = token(self.text.as_bytes(), self.at)?;
                if quote != b'"' {
                    return bad(at);
                }
                self.at = at;
                let name = self.string()?;
                let (colon, at) = token(self.text.as_bytes(), self.at)?;
                if colon != b':' {
                    return bad(at);
                }
                self.at = at + 1;
                list.push((name, self.value(depth)?));
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        Ok(Value::Object(Members::from_list(list)))
    }

    /// Whether the bracket closes at once; it is passed then.
    fn ends(&mut self, close: u8) -> Step<bool> {
        let (first, at) = token(self.text.as_bytes(), self.at)?;
        if first == close {
            self.at = at + 1;
        }
        Ok(first == close)
    }

    /// Passes the comma or the bracket; whether it was a comma.
    fn goes_on(&mut self, close: u8) -> Step<bool> {
        let (next, at) = token(self.text.as_bytes(), self.at)?;
        if next != b',' && next != close {
            return bad(at);
        }
        self.at = at + 1;
        Ok(next == b',')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, ReadErrorKind> {
        Value::parse(text.as_bytes()).map_err(|error| error.kind)
    }

    #[test]
    fn values_are_written_as_they_were_read() {
        for text in [
            "null",
            "true",
            "-12.5",
            "7",
            "\"a\\\"b\u{e9}\"",
            "[]",
            "{}",
            r#"{"a":[1,{"b":null}],"c":"x"}"#,
            "18446744073709551615",
            "-9007199254740993",
        ] {
            assert_eq!(read(text).unwrap().to_json(), text);
        }
        let blanks = " { \"b\" : [ 1 , 2 ] ,\n \"a\" : 1e2 } ";
        assert_eq!(read(blanks).unwrap().to_json(), r#"{"a":100,"b":[1,2]}"#);
    }

    #[test]
    fn of_members_with_the_same_name_the_last_counts() {
        let value = read(r#"{"b":1,"a":2,"b":3,"__proto__":4}"#).unwrap();
        assert_eq!(value.to_json(), r#"{"__proto__":4,"a":2,"b":3}"#);
        assert_eq!(value.get("b").and_then(Value::as_number), Some(3.0));
        assert_eq!(value.get("c"), None);
        let mut members = value.as_object().unwrap().clone();
        members.insert("aa", Value::Null);
        members.insert("a", Value::Bool(true));
        assert_eq!(members.remove("b"), Some(Value::Number(3.0)));
        assert!(members.contains("aa") && !members.contains("b"));
        let text = Value::Object(members).to_json();
        assert_eq!(text, r#"{"__proto__":4,"a":true,"aa":null}"#);
    }

    #[test]
    fn what_is_no_json_is_refused_with_the_reason() {
        use ReadErrorKind::{Empty, Incomplete, Syntax, TooDeep, Trailing};
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&deep(DEPTH_MAX as usize)).is_ok());
        for (text, kind) in [
            ("", Empty),
            (" \n", Empty),
            ("{", Incomplete),
            ("\"a", Incomplete),
            ("[1,2", Incomplete),
            ("tru", Incomplete),
            ("-", Incomplete),
            ("[1,]", Syntax),
            ("{,}", Syntax),
            ("{\"a\":1,}", Syntax),
            ("{a:1}", Syntax),
            ("{\"a\" 1}", Syntax),
            ("[1 2]", Syntax),
            ("01", Syntax),
            ("1e999", Syntax),
            ("nul!", Syntax),
            ("<html>", Syntax),
            ("1 2", Trailing),
            ("{}}", Trailing),
            (deep(DEPTH_MAX as usize + 1).as_str(), TooDeep),
        ] {
            assert_eq!(read(text), Err(kind), "{text:?}");
        }
        let invalid = Value::parse(b"\"\xff\"").unwrap_err();
        assert_eq!(invalid.kind, ReadErrorKind::Encoding);
    }
}
