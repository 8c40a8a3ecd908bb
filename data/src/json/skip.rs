//! Values that are passed over, or kept as text.

use super::scan::{Step, Stop, bad, literal, number_elsewhere, string, token};
use super::{DEPTH_MAX, ReadErrorKind};
use crate::prelude::*;

/// Passes over a value of any size and checks it, without recursion: which brackets are open stands
/// in the bits of one word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Skipper {
    /// The innermost open bracket in the lowest bit: 1 for an object.
    objects: u128,
    depth: u32,
    expect: Expect,
    /// Whether there were blanks between tokens.
    pub(super) blanks: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expect {
    #[default]
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

impl Skipper {
    /// Goes on until the value's end. `at` is moved over whole tokens, also when there is no more
    /// text.
    pub(super) fn run(&mut self, bytes: &[u8], at: &mut usize) -> Step<()> {
        loop {
            let end = self.step(bytes, *at)?;
            *at = end;
            if self.depth == 0 && self.expect == Expect::CommaOrEnd {
                return Ok(());
            }
        }
    }

    fn step(&mut self, bytes: &[u8], from: usize) -> Step<usize> {
        let (first, at) = token(bytes, from)?;
        let blanks = at != from;
        let end = match (self.expect, first) {
            (Expect::KeyOrEnd, b'}') | (Expect::ValueOrEnd, b']') => self.close(at),
            (Expect::CommaOrEnd, b'}') if self.in_object() => self.close(at),
            (Expect::CommaOrEnd, b']') if !self.in_object() => self.close(at),
            (Expect::CommaOrEnd, b',') => {
                self.expect = match self.in_object() {
                    true => Expect::Key,
                    false => Expect::Value,
                };
                at + 1
            }
            (Expect::Key | Expect::KeyOrEnd, b'"') => {
                let key = string(bytes, at + 1)?;
                let (colon, place) = token(bytes, key.end + 1)?;
                if colon != b':' {
                    return bad(place);
                }
                self.blanks |= place != key.end + 1;
                self.expect = Expect::Value;
                place + 1
            }
            (Expect::Value | Expect::ValueOrEnd, b'{' | b'[') => {
                if self.depth >= DEPTH_MAX {
                    return Err(Stop::Bad(ReadErrorKind::TooDeep, at));
                }
                let object = first == b'{';
                self.objects = self.objects << 1 | u128::from(object);
                self.depth += 1;
                self.expect = match object {
                    true => Expect::KeyOrEnd,
                    false => Expect::ValueOrEnd,
                };
                at + 1
            }
            (Expect::Value | Expect::ValueOrEnd, _) => {
                let end = scalar(bytes, first, at)?;
                self.expect = Expect::CommaOrEnd;
                end
            }
            _ => return bad(at),
        };
        self.blanks |= blanks;
        Ok(end)
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn close(&mut self, at: usize) -> usize {
        self.objects >>= 1;
        self.depth -= 1;
        self.expect = Expect::CommaOrEnd;
        at + 1
    }
}

fn scalar(bytes: &[u8], first: u8, at: usize) -> Step<usize> {
    match first {
        b'"' => Ok(string(bytes, at + 1)?.end + 1),
        b'-' | b'0'..=b'9' => Ok(number_elsewhere(bytes, at)?.1),
        b't' => literal(bytes, at, b"true"),
        b'f' => literal(bytes, at, b"false"),
        b'n' => literal(bytes, at, b"null"),
        _ => bad(at),
    }
}

/// Appends JSON text without the blanks between its tokens.
pub(super) fn minify(json: &str, out: &mut String) {
    let mut rest = json;
    loop {
        rest = rest.trim_start_matches([' ', '\n', '\r', '\t']);
        let len = match rest.as_bytes().first() {
            None => return,
            Some(b'"') => string(rest.as_bytes(), 1).map_or(rest.len(), |text| text.end + 1),
            Some(_) => rest
                .find([' ', '\n', '\r', '\t', '"'])
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
        out.push_str(token);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_bounded_and_checked_without_recursion() {
        let deep = |depth: u32| {
            let depth = depth as usize;
            let text = "[".repeat(depth) + &"]".repeat(depth);
            Skipper::default().run(text.as_bytes(), &mut 0)
        };
        assert_eq!(deep(DEPTH_MAX), Ok(()));
        let too_deep = Stop::Bad(ReadErrorKind::TooDeep, DEPTH_MAX as usize);
        assert_eq!(deep(DEPTH_MAX + 1), Err(too_deep));
        assert_eq!(
            Skipper::default().run("[".repeat(10_000_000).as_bytes(), &mut 0),
            Err(too_deep)
        );
        for text in [
            "[}",
            "{]",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\"}",
            "[1 2]",
            "{1:2}",
            "[tru]",
            "]",
        ] {
            let skipped = Skipper::default().run(text.as_bytes(), &mut 0);
            assert!(matches!(skipped, Err(Stop::Bad(..))), "{text}");
        }
    }

    #[test]
    fn blanks_go_but_those_in_strings_stay() {
        let mut out = String::new();
        minify("{ \"a b\" : [ 1 ,\n\t\"c \\\" d\" , true ] }", &mut out);
        assert_eq!(out, r#"{"a b":[1,"c \" d",true]}"#);
    }
}
