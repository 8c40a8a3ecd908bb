//! Finding a row by its id.

use crate::prelude::*;
use hashbrown::HashTable;

use super::RowIx;
use crate::number::{SAFE_INTEGER, write_number};

/// An id on its own. A number and the text that it is written as are the same id.
#[derive(Clone, Copy, Debug)]
pub enum IdRef<'a> {
    /// A number.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// A number that no `f64` holds, by its digits.
    Digits(&'a str),
}

impl From<f64> for IdRef<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for IdRef<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl PartialEq for IdRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Text(a) | Self::Digits(a), Self::Text(b) | Self::Digits(b)) => a == b,
            (Self::Number(number), Self::Text(text) | Self::Digits(text))
            | (Self::Text(text) | Self::Digits(text), Self::Number(number)) => {
                match (whole(number), canonical_integer(text)) {
                    (Some(a), Some(b)) => a == b,
                    (None, None) => number_text(number) == text.as_bytes(),
                    _ => false,
                }
            }
        }
    }
}

impl IdRef<'_> {
    /// Alike for ids of equal text.
    #[inline]
    pub fn hash(self) -> u64 {
        match self {
            Self::Number(number) => match whole(number) {
                Some(integer) => mix(integer as u64),
                None => hash_bytes(&number_text(number)),
            },
            Self::Text(text) | Self::Digits(text) => match canonical_integer(text) {
                Some(integer) => mix(integer as u64),
                None => hash_bytes(text.as_bytes()),
            },
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    (number as i64 as f64 == number && number.abs() < SAFE_INTEGER).then_some(number as i64)
}

/// The integer that the text is the usual form of: no sign but `-`, no leading zeros, below 2^53.
fn canonical_integer(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let negative = digits.len() != bytes.len();
    if digits.is_empty() || digits.len() > 16 || (digits.first() == Some(&b'0') && bytes.len() > 1)
    {
        return None;
    }
    let mut value = 0i64;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    ((value as f64) < SAFE_INTEGER).then_some(if negative { -value } else { value })
}

fn number_text(number: f64) -> Vec<u8> {
    let mut text = Vec::new();
    write_number(number, &mut text);
    text
}

fn mix(word: u64) -> u64 {
    let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 32)
}

fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = mix(hash.rotate_left(5) ^ u64::from_le_bytes(*word));
    }
    for byte in rest {
        hash = (hash.rotate_left(8) ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    }
    mix(hash)
}

/// Rows by id. Several rows may have one id (a removed record and its successor); all of them are
/// found.
#[derive(Clone, Debug, Default)]
pub struct IdIndex {
    rows: HashTable<u32>,
}

impl IdIndex {
    pub(crate) fn reserve<'a>(&mut self, rows: usize, id_of: impl Fn(RowIx) -> Option<IdRef<'a>>) {
        self.rows.reserve(rows, |&row| hash_of(id_of(RowIx(row))));
    }

    pub(crate) fn insert<'a>(
        &mut self,
        id: IdRef<'_>,
        row: RowIx,
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>>,
    ) {
        self.rows
            .insert_unique(id.hash(), row.0, |&row| hash_of(id_of(RowIx(row))));
    }

    /// Puts the row under its id; gives the row that had it, which then has it no more.
    pub(crate) fn replace<'a>(
        &mut self,
        id: IdRef<'_>,
        row: RowIx,
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>>,
    ) -> Option<RowIx> {
        let hash = id.hash();
        let is_same = |&other: &u32| id_of(RowIx(other)).is_some_and(|other| other == id);
        if let Some(place) = self.rows.find_mut(hash, is_same) {
            return Some(RowIx(core::mem::replace(place, row.0)));
        }
        self.rows
            .insert_unique(hash, row.0, |&row| hash_of(id_of(RowIx(row))));
        None
    }

    pub(crate) fn remove(&mut self, id: IdRef<'_>, row: RowIx) {
        if let Ok(entry) = self.rows.find_entry(id.hash(), |&other| other == row.0) {
            entry.remove();
        }
    }

    pub(crate) fn find_first<'a>(
        &self,
        id: IdRef<'_>,
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>>,
    ) -> Option<RowIx> {
        let is_same = |&row: &u32| id_of(RowIx(row)).is_some_and(|other| other == id);
        self.rows.find(id.hash(), is_same).map(|&row| RowIx(row))
    }

    pub(crate) fn find<'a>(
        &'a self,
        id: IdRef<'a>,
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>> + 'a,
    ) -> impl Iterator<Item = RowIx> + 'a {
        self.rows
            .iter_hash(id.hash())
            .map(|&row| RowIx(row))
            .filter(move |&row| id_of(row).is_some_and(|other| other == id))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.allocation_size()
    }
}

fn hash_of(id: Option<IdRef<'_>>) -> u64 {
    id.map_or(0, IdRef::hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_text_are_one_id_and_hash_alike() {
        for (number, text) in [
            (4037.0, "4037"),
            (0.0, "0"),
            (-12.0, "-12"),
            (1.5, "1.5"),
            (1e21, "1e+21"),
            (9007199254740991.0, "9007199254740991"),
            (9007199254740992.0, "9007199254740992"),
        ] {
            assert_eq!(IdRef::Number(number), IdRef::Text(text));
            assert_eq!(IdRef::Number(number).hash(), IdRef::Text(text).hash());
        }
        for text in ["04037", "+4037", " 4037", "4037.0", "4.037e3", "-0", ""] {
            assert_ne!(IdRef::Number(4037.0), IdRef::Text(text));
            assert_ne!(IdRef::Number(0.0), IdRef::Text(text));
        }
    }
}
