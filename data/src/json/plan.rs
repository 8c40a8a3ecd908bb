//! Which key comes next.
//!
//! Records of one list nearly always have the same members in the same order. Every key remembers
//! which one followed it; that one is compared, quotes and colon included, as two words. Only where
//! this fails a key is read and looked up.

use crate::prelude::*;
use crate::schema::{DateFormat, FieldIx, FieldKind};

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Field(FieldIx, Way),
    /// Begins the paths of nested fields; which of the names that do.
    Group(u16),
    Children,
    PhantomId,
    PhantomParentId,
    Success,
    Error,
    Ignored,
}

/// How a field's values are read: what its kind boils down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As they come.
    Plain,
    Text,
    Number,
    Integer,
    Boolean,
    Iso,
    PlainDate,
    PatternDate,
}

impl Way {
    #[inline]
    pub(super) fn of(kind: &FieldKind) -> Self {
        match kind {
            FieldKind::Auto | FieldKind::Object | FieldKind::Array => Self::Plain,
            FieldKind::Text => Self::Text,
            FieldKind::Number => Self::Number,
            FieldKind::Integer => Self::Integer,
            FieldKind::Boolean => Self::Boolean,
            FieldKind::Date(DateFormat::IsoOffset | DateFormat::IsoUtc) => Self::Iso,
            FieldKind::Date(DateFormat::DateOnly) => Self::PlainDate,
            FieldKind::Date(DateFormat::Pattern(_)) => Self::PatternDate,
        }
    }
}

/// A key of the list, by number.
pub(super) type KeyIx = usize;

/// Stands for the opening brace: the first key follows it.
pub(super) const START: KeyIx = 0;

/// The keys of a list and their order.
#[derive(Debug)]
pub(super) struct Plan {
    keys: Vec<Key>,
}

/// A key as it stands in the text, from quote to colon.
#[derive(Debug)]
pub(super) struct Key {
    low: u64,
    low_mask: u64,
    high: u64,
    high_mask: u64,
    pub(super) len: usize,
    pub(super) target: Target,
    /// Which one followed it.
    pub(super) next: KeyIx,
    raw: Box<[u8]>,
    name: Box<str>,
}

impl Plan {
    pub(super) fn new() -> Self {
        Self {
            // What no text has, as half a pair becomes another character.
            keys: vec![Key::new("\0start", Target::Ignored)],
        }
    }

    /// Says what becomes of a key's members; the last word counts. Gives the key.
    pub(super) fn set(&mut self, name: &str, target: Target) -> KeyIx {
        if let Some(key) = self.find(name) {
            if let Some(known) = self.keys.get_mut(key) {
                known.target = target;
            }
            return key;
        }
        let key = self.keys.len();
        self.keys.push(Key::new(name, target));
        key
    }

    pub(super) fn find(&self, name: &str) -> Option<KeyIx> {
        let mut keys = self.keys.iter();
        keys.position(|key| *key.name == *name)
    }

    #[inline(always)]
    pub(super) fn get(&self, key: KeyIx) -> Option<&Key> {
        self.keys.get(key)
    }

    pub(super) fn follows(&mut self, key: KeyIx, before: KeyIx) {
        if let Some(before) = self.keys.get_mut(before) {
            before.next = key;
        }
    }
}

impl Key {
    fn new(name: &str, target: Target) -> Self {
        // What is written with escapes is never compared as text; a control character stands in no
        // text.
        let is_plain = !name
            .bytes()
            .any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\'));
        let raw: Box<[u8]> = match is_plain {
            true => [b"\"", name.as_bytes(), b"\":"].concat().into(),
            false => [0].into(),
        };
        let mut padded = [0u8; 16];
        for (to, from) in padded.iter_mut().zip(&raw) {
            *to = *from;
        }
        let (low, high) = halves(&padded);
        let (low_mask, high_mask) = masks(raw.len());
        Self {
            low,
            low_mask,
            high,
            high_mask,
            len: raw.len(),
            target,
            next: START,
            raw,
            name: name.into(),
        }
    }

    #[inline(always)]
    pub(super) fn stands_at(&self, bytes: &[u8], at: usize) -> bool {
        let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) else {
            return bytes.get(at..at + self.len) == Some(&self.raw);
        };
        let (low, high) = halves(chunk);
        if (low ^ self.low) & self.low_mask | (high ^ self.high) & self.high_mask != 0 {
            return false;
        }
        self.len <= 16 || bytes.get(at..at + self.len) == Some(&self.raw)
    }
}

#[inline(always)]
pub(super) fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*chunk);
    (both as u64, (both >> 64) as u64)
}

/// Masks for the first so many bytes of two words.
#[inline(always)]
pub(super) fn masks(len: usize) -> (u64, u64) {
    let mask = |len: usize| match len {
        0 => 0,
        1..8 => u64::MAX >> (64 - 8 * len),
        _ => u64::MAX,
    };
    (mask(len), mask(len.saturating_sub(8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_by_all_of_its_bytes_and_no_others() {
        let long = "a key of more than sixteen bytes";
        for name in [
            "a",
            "id",
            "startDate",
            "exactly-13-by",
            "fourteen-bytes",
            long,
            "é",
        ] {
            let key = Key::new(name, Target::Ignored);
            for behind in ["", "1,\"more text that follows behind\":2"] {
                let text = format!("{{\"{name}\":{behind}");
                assert!(key.stands_at(text.as_bytes(), 1), "{text}");
                for at in 1..text.len() - behind.len() {
                    let mut other = text.clone().into_bytes();
                    other[at] ^= 1;
                    assert!(!key.stands_at(&other, 1), "{text}, another byte {at}");
                    assert!(
                        !key.stands_at(&text.as_bytes()[..at], 1),
                        "{text}, cut at {at}"
                    );
                }
            }
        }
        let quoted = Key::new("a\"b", Target::Ignored);
        assert!(!quoted.stands_at(b"\"a\"b\":1, and so on and on", 0));
        assert!(!quoted.stands_at(b"\"a\"b\":1", 0));
    }
}
