//! Text and raw JSON that cells refer to.
//!
//! Bytes live in segments of a fixed size, so that growing never copies, never leaves a hole of the old size behind
//! (WebAssembly memory doesn't shrink), and never needs room for two copies. A cell's place is the segment's number and the
//! offset in it; long text is kept apart, each with an allocation of its own.

use crate::engine::value::{Cell, SPAN_LONG};

const SEGMENT_BITS: u32 = 16;
const SEGMENT: usize = 1 << SEGMENT_BITS;
/// Longer text is kept apart: a segment's unused end stays below this.
const LONG: usize = 2048;
/// Text of up to this many bytes is kept once, as long as the cache remembers it.
pub(crate) const SHORT: usize = 16;
/// Remembered short texts while a response is read, and while single records are edited.
const CACHE_LOADING: usize = 4096;
const CACHE_EDITING: usize = 256;

/// Bytes that cells refer to.
#[derive(Clone, Default)]
pub struct Arena {
    segments: Vec<String>,
    long: Vec<Box<str>>,
    cache: Vec<Known>,
    /// Bytes of text in segments and apart.
    used: usize,
    /// Bytes that were released; an upper bound, as short text is shared.
    dead: usize,
    /// What was in use after the last compaction.
    settled: usize,
}

/// A short text that is in the arena already.
#[derive(Clone, Copy)]
struct Known {
    low: u64,
    high: u64,
    cell: Cell,
}

const UNKNOWN: Known = Known {
    low: 0,
    high: 0,
    cell: Cell::ABSENT,
};

/// How far an arena was filled, to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    segments: usize,
    last: usize,
    long: usize,
    used: usize,
}

impl Arena {
    /// The text of a span; `None` for other cells and for spans of another arena that don't fit.
    pub fn get(&self, cell: Cell) -> Option<&str> {
        if !cell.is_span() {
            return None;
        }
        let (place, len, _) = cell.span_parts();
        if len == 0 {
            return Some("");
        }
        if len == SPAN_LONG {
            return self.long.get(place as usize).map(|text| &**text);
        }
        let from = place as usize & (SEGMENT - 1);
        self.segments
            .get((place >> SEGMENT_BITS) as usize)?
            .get(from..from + len as usize)
    }

    /// Keeps text. Past 4 GiB there are no places left, and the answer is `None`.
    pub(crate) fn keep(&mut self, text: &str) -> Option<Cell> {
        if text.len() <= SHORT {
            let (low, high) = words(text.as_bytes());
            if self.cache.is_empty() {
                self.cache.resize(CACHE_EDITING, UNKNOWN);
            }
            return self.keep_short(low, high, text, text.is_ascii());
        }
        self.keep_new(text, false, text.is_ascii())
    }

    /// Keeps text of up to [`SHORT`] bytes once. `low` and `high` are its bytes, little-endian, padded with zeros.
    #[inline]
    pub(crate) fn keep_short(
        &mut self,
        low: u64,
        high: u64,
        text: &str,
        ascii: bool,
    ) -> Option<Cell> {
        let mixed =
            (low ^ high.rotate_left(23) ^ text.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let at = (mixed >> 40) as usize & self.cache.len().wrapping_sub(1);
        if let Some(known) = self.cache.get(at)
            && known.low == low
            && known.high == high
            && known.cell.span_parts().1 as usize == text.len()
            && !known.cell.is_absent()
        {
            return Some(known.cell);
        }
        let cell = self.keep_new(text, false, ascii)?;
        if let Some(known) = self.cache.get_mut(at) {
            *known = Known { low, high, cell };
        }
        Some(cell)
    }

    /// Keeps text or JSON text without looking for an equal one.
    #[inline]
    pub(crate) fn keep_new(&mut self, text: &str, json: bool, ascii: bool) -> Option<Cell> {
        let len = text.len();
        if len == 0 {
            return Some(Cell::span(json, 0, 0, true));
        }
        if len <= LONG
            && let Some(last) = self.segments.last_mut()
            && last.len() + len <= SEGMENT
        {
            let from = last.len();
            last.push_str(text);
            self.used += len;
            let place = ((self.segments.len() - 1) << SEGMENT_BITS) | from;
            return Some(Cell::span(json, place as u32, len as u32, ascii));
        }
        self.keep_elsewhere(text, json, ascii)
    }

    #[cold]
    #[inline(never)]
    fn keep_elsewhere(&mut self, text: &str, json: bool, ascii: bool) -> Option<Cell> {
        if text.len() > LONG {
            let place = u32::try_from(self.long.len()).ok()?;
            self.long.push(text.into());
            self.used += text.len();
            return Some(Cell::span(json, place, SPAN_LONG, ascii));
        }
        if self.segments.len() > usize::from(u16::MAX) {
            return None;
        }
        // The first one grows with its store: most stores are small.
        self.segments.push(if self.segments.is_empty() {
            String::new()
        } else {
            String::with_capacity(SEGMENT)
        });
        self.keep_new(text, json, ascii)
    }

    /// Room to remember many short texts, for the time of a load.
    pub(crate) fn begin_load(&mut self) {
        self.cache.clear();
        self.cache.resize(CACHE_LOADING, UNKNOWN);
    }

    /// Gives that room back.
    pub(crate) fn end_load(&mut self) {
        self.cache = Vec::new();
        if let [only] = self.segments.as_mut_slice() {
            only.shrink_to_fit();
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            segments: self.segments.len(),
            last: self.segments.last().map_or(0, String::len),
            long: self.long.len(),
            used: self.used,
        }
    }

    /// Forgets what was kept since the mark; no cell may refer to it any more.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.segments.truncate(mark.segments);
        if let Some(last) = self.segments.last_mut() {
            last.truncate(mark.last);
        }
        self.long.truncate(mark.long);
        self.used = mark.used;
        let end = (mark.segments.saturating_sub(1) << SEGMENT_BITS) | mark.last;
        for known in &mut self.cache {
            if known.cell.span_parts().0 as usize >= end {
                *known = UNKNOWN;
            }
        }
    }

    /// A cell's bytes are needed no more.
    pub(crate) fn release(&mut self, cell: Cell) {
        if let Some(text) = self.get(cell) {
            self.dead += text.len();
        }
    }

    /// Whether more than half is dead. What is released is over-estimated where text is shared, so that growth since the last
    /// compaction is asked for too.
    pub(crate) fn worth_compacting(&self) -> bool {
        self.used > SEGMENT
            && self.dead * 2 > self.used
            && self.used > self.settled + self.settled / 4
    }

    /// Declares everything in here alive, and of the size that it should be compared with later.
    pub(crate) fn settle(&mut self) {
        self.dead = 0;
        self.settled = self.used;
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> usize {
        let segments: usize = self.segments.iter().map(String::capacity).sum();
        let long: usize = self.long.iter().map(|text| text.len()).sum();
        segments + long + self.cache.capacity() * size_of::<Known>()
    }
}

impl core::fmt::Debug for Arena {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Arena")
            .field("used", &self.used)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

/// Up to [`SHORT`] bytes as two little-endian words, padded with zeros.
fn words(bytes: &[u8]) -> (u64, u64) {
    let mut padded = [0u8; SHORT];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    let both = u128::from_le_bytes(padded);
    (both as u64, (both >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_every_length_comes_back() {
        let mut arena = Arena::default();
        let kept: Vec<(Cell, String)> = (0..5000)
            .step_by(7)
            .chain([65_535, 65_536, 70_000])
            .map(|len| "xé"[..if len % 2 == 0 { 1 } else { 3 }].repeat(len))
            .map(|text| (arena.keep(&text).unwrap(), text))
            .collect();
        for (cell, text) in &kept {
            assert_eq!(arena.get(*cell), Some(text.as_str()));
        }
    }

    #[test]
    fn short_text_is_kept_once_and_told_apart_from_its_padding() {
        let mut arena = Arena::default();
        let red = arena.keep("red").unwrap();
        assert_eq!(arena.keep("red").unwrap(), red);
        let padded = arena.keep("red\0").unwrap();
        assert_ne!(padded, red);
        assert_eq!(arena.get(padded), Some("red\0"));
        assert_eq!(arena.get(red), Some("red"));
    }

    #[test]
    fn going_back_forgets_text_and_what_the_cache_knew_of_it() {
        let mut arena = Arena::default();
        arena.keep("before").unwrap();
        let mark = arena.mark();
        arena.keep("after").unwrap();
        arena.keep(&"long".repeat(1000)).unwrap();
        arena.back_to(mark);
        let other = arena.keep("other").unwrap();
        let after = arena.keep("after").unwrap();
        assert_eq!(arena.get(other), Some("other"));
        assert_eq!(arena.get(after), Some("after"));
    }
}
