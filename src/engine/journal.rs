//! Edits that a host wrote down instead of calling for each.

use super::input::StoreId;
use super::schema::FieldIx;
use super::table::{RowId, RowIx};
use super::value::Value;

/// What stands for the length of a text: the value is a number.
pub const NUMBER: usize = 0xffff;

/// Edits that were written down, in order: two words of 8 bytes for store and row, generation,
/// field (2 bytes) and length (2 bytes), then the number, or the text as UTF-8. Where that breaks
/// off, so do they.
#[derive(Clone, Debug)]
pub struct Edits<'a> {
    words: &'a [u64],
    bytes: &'a [u8],
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// Of which store.
    pub store: StoreId,
    /// Which record.
    pub row: RowId,
    /// Which field.
    pub field: FieldIx,
    /// Its new value.
    pub value: Value<'a>,
}

impl<'a> Edits<'a> {
    /// The edits in a piece of memory, given as words and as bytes.
    pub const fn new(words: &'a [u64], bytes: &'a [u8]) -> Self {
        Self { words, bytes }
    }

    /// Of which store the next one is.
    #[inline]
    pub fn store(&self) -> Option<StoreId> {
        self.words.first().map(|place| StoreId(*place as u32))
    }

    /// The next one, for the loop that makes most of them.
    #[inline(always)]
    pub fn take_next(&mut self) -> Option<Edit<'a>> {
        let [place, what, after @ ..] = self.words else {
            return None;
        };
        let length = (*what >> 48) as usize;
        let value = if length == NUMBER {
            Value::Number(f64::from_bits(*after.first()?))
        } else {
            let text = self.bytes.get(16..16 + length)?;
            Value::Text(core::str::from_utf8(text).unwrap_or_default())
        };
        self.words = after.get(size(length)..)?;
        self.bytes = self.bytes.get(8 * (2 + size(length))..)?;
        Some(Edit {
            store: StoreId(*place as u32),
            row: RowId {
                row: RowIx((*place >> 32) as u32),
                generation: *what as u32,
            },
            field: FieldIx((*what >> 32) as u16),
            value,
        })
    }

    /// Rows and fields of those that come next, as long as they are of that store.
    #[inline(always)]
    pub fn places(&self, store: StoreId) -> impl Iterator<Item = (RowIx, FieldIx)> {
        let mut words = self.words;
        core::iter::from_fn(move || {
            let [place, what, ..] = words else {
                return None;
            };
            words = words.get(2 + size((*what >> 48) as usize)..)?;
            let (row, field) = (RowIx((*place >> 32) as u32), FieldIx((*what >> 32) as u16));
            (*place as u32 == store.0).then_some((row, field))
        })
    }
}

/// How many words a value takes.
const fn size(length: usize) -> usize {
    match length {
        NUMBER => 1,
        _ => length.div_ceil(8),
    }
}

impl<'a> Iterator for Edits<'a> {
    type Item = Edit<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Edit<'a>> {
        self.take_next()
    }
}
