//! Edits that the facade wrote down instead of calling for each, see `pkg/src/journal.ts`. The driver hands them to the engine
//! before it sees anything else, so that nobody can tell.

use crate::engine::input::{Input, StoreId};
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Value;
use crate::prelude::*;

/// Words of 8 bytes; the first one counts those in use after it.
const WORDS: usize = 1024;

/// What stands for the length of a text: the value is a number.
const NUMBER: u64 = 0xffff;

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

    /// Takes all edits out, in order; gives how many.
    pub(super) fn take(&mut self, mut edit: impl FnMut(Input<'_>)) -> u32 {
        let Some((used, words)) = self.0.split_first_mut() else {
            return 0;
        };
        let mut rest = words.get(..*used as usize).unwrap_or_default();
        *used = 0;
        let mut count = 0;
        while let [place, what, value @ ..] = rest {
            let (Some(first), length) = (value.first(), *what >> 48) else {
                break;
            };
            let size = if length == NUMBER { 1 } else { length.div_ceil(8) };
            let Some((bytes, after)) = value.split_at_checked(size as usize) else {
                break;
            };
            // SAFETY: the words are that much initialised memory, and bytes need no alignment.
            let text = unsafe {
                core::slice::from_raw_parts(bytes.as_ptr().cast(), (length as usize).min(8 * bytes.len()))
            };
            let value = if length == NUMBER {
                Value::Number(f64::from_bits(*first))
            } else {
                Value::Text(core::str::from_utf8(text).unwrap_or_default())
            };
            edit(Input::Set {
                store: StoreId(*place as u32),
                row: RowId {
                    row: RowIx((*place >> 32) as u32),
                    generation: *what as u32,
                },
                field: FieldIx((*what >> 32) as u16),
                value,
            });
            count += 1;
            rest = after;
        }
        count
    }
}
