//! The memory in which the facade writes edits down instead of calling for each, see
//! `pkg/src/journal.ts`. The driver hands them to the engine before it sees anything else, so that
//! nobody can tell.

use crate::engine::journal::Edits;
use crate::prelude::*;

/// Words of 8 bytes; the first one counts those in use after it.
const WORDS: usize = 4096;

/// It never moves.
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

    /// How many words are in use.
    pub(super) fn len(&self) -> u32 {
        self.0.first().copied().unwrap_or(0) as u32
    }

    /// The edits, in order.
    pub(super) fn edits(&self) -> Edits<'_> {
        let words = self.0.get(1..=self.len() as usize).unwrap_or_default();
        // SAFETY: the words are that much initialised memory, and bytes need no alignment.
        let bytes = unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), 8 * words.len()) };
        Edits::new(words, bytes)
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        if let Some(used) = self.0.first_mut() {
            *used = 0;
        }
    }
}
