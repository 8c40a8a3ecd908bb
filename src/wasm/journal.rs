//! Edits that the facade wrote down instead of calling for each, see `pkg/src/journal.ts`. The driver hands them to the engine
//! before it sees anything else, so that nobody can tell.

use crate::engine::input::StoreId;
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Value;
use crate::prelude::*;

/// Words of 8 bytes; the first one counts those in use after it.
const WORDS: usize = 4096;

/// What stands for the length of a text: the value is a number.
const NUMBER: usize = 0xffff;

/// The memory that edits are written down in: two words of store and row, generation, field (2 bytes) and length (2 bytes), then
/// the number, or the text as UTF-8. It never moves.
pub(super) struct Journal(Box<[u64]>);

impl Default for Journal {
    fn default() -> Self {
        Self(vec![0; WORDS].into_boxed_slice())
    }
}

impl Journal {
    /// Where it is.
    pub(super) fn address(&self) -> u32 {
        self.0.as_ptr() as u32
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.first() == Some(&0)
    }

    /// The edits, in order.
    pub(super) fn edits(&self) -> Edits<'_> {
        let used = self.0.first().copied().unwrap_or(0) as usize;
        Edits(self.0.get(1..=used).unwrap_or_default())
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        if let Some(used) = self.0.first_mut() {
            *used = 0;
        }
    }
}

/// Edits that were written down.
pub(super) struct Edits<'a>(&'a [u64]);

/// One of them.
pub(super) struct Edit<'a> {
    pub(super) store: StoreId,
    pub(super) row: RowId,
    pub(super) field: FieldIx,
    pub(super) value: Value<'a>,
}

impl<'a> Iterator for Edits<'a> {
    type Item = Edit<'a>;

    #[inline]
    fn next(&mut self) -> Option<Edit<'a>> {
        let [place, what, value @ ..] = self.0 else {
            return None;
        };
        let length = (*what >> 48) as usize;
        let number = length == NUMBER;
        let size = if number { 1 } else { length.div_ceil(8) };
        let (words, after) = value.split_at_checked(size)?;
        self.0 = after;
        let value = if number {
            Value::Number(f64::from_bits(*words.first()?))
        } else {
            // SAFETY: the words are that much initialised memory, and bytes need no alignment.
            let text = unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), length) };
            Value::Text(core::str::from_utf8(text).unwrap_or_default())
        };
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
}
