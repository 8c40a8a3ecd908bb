//! An object's members as text, for messages whose contents are read elsewhere.

use super::scan::{Step, Stop, bad, string, token, unescape};
use super::skip::Skipper;
use super::{ReadError, ReadErrorKind};
use crate::prelude::*;

/// The members of the JSON object that the text is, in their order: names, and values as they
/// stand. The text is checked to be JSON, but for what stands in its strings.
///
/// # Errors
/// What is wrong and where.
pub fn members(bytes: &[u8]) -> Result<Vec<(String, &[u8])>, ReadError> {
    let mut found = Vec::new();
    read(bytes, &mut |name, value| found.push((name, value))).map_err(|stop| {
        let (kind, offset) = match stop {
            Stop::Bad(kind, at) => (kind, at),
            Stop::More if bytes.trim_ascii().is_empty() => (ReadErrorKind::Empty, 0),
            Stop::More => (ReadErrorKind::Incomplete, bytes.len()),
        };
        ReadError {
            kind,
            offset: offset as u64,
        }
    })?;
    Ok(found)
}

fn read<'a>(bytes: &'a [u8], found: &mut dyn FnMut(String, &'a [u8])) -> Step<()> {
    let (open, at) = token(bytes, 0)?;
    if open != b'{' {
        return Err(Stop::Bad(ReadErrorKind::NotJson, at));
    }
    let (mut next, mut at) = token(bytes, at + 1)?;
    while next != b'}' {
        if next != b'"' {
            return bad(at);
        }
        let key = string(bytes, at + 1)?;
        let raw = bytes.get(at + 1..key.end).unwrap_or_default();
        let Ok(raw) = core::str::from_utf8(raw) else {
            return Err(Stop::Bad(ReadErrorKind::Encoding, at));
        };
        let mut name = String::new();
        unescape(raw, &mut name);
        let (colon, place) = token(bytes, key.end + 1)?;
        if colon != b':' {
            return bad(place);
        }
        let (_, from) = token(bytes, place + 1)?;
        let mut end = from;
        Skipper::default().run(bytes, &mut end)?;
        found(name, bytes.get(from..end).unwrap_or_default());
        (next, at) = token(bytes, end)?;
        if next == b',' {
            (next, at) = token(bytes, at + 1)?;
            if next == b'}' {
                return bad(at);
            }
        } else if next != b'}' {
            return bad(at);
        }
    }
    match token(bytes, at + 1) {
        Ok((_, at)) => Err(Stop::Bad(ReadErrorKind::Trailing, at)),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_as_they_stand() {
        let text =
            br#" { "type" : "sync", "data": { "a": [1, 2] } ,"n\u0065xt":-1.5e3, "z":null } "#;
        let found = members(text).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| (name.as_str(), core::str::from_utf8(value).unwrap()))
            .collect();
        assert_eq!(
            found,
            [
                ("type", "\"sync\""),
                ("data", "{ \"a\": [1, 2] }"),
                ("next", "-1.5e3"),
                ("z", "null")
            ]
        );
        assert_eq!(members(b"{}").unwrap(), []);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in [
            "",
            " ",
            "[]",
            "7",
            "<html>",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":1}}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":}",
            "{\"a\" 1}",
            "{,}",
        ] {
            assert!(members(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(members(b"{\"\xff\":1}").is_err());
    }
}
