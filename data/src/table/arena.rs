//! Text and raw JSON that cells refer to.
//!
//! Bytes live in segments of a fixed size, so that growing never copies, never leaves a hole of the
//! old size behind (WebAssembly memory doesn't shrink), and never needs room for two copies. A
//! cell's place is the segment's number and the offset in it; long text is kept apart, each with an
//! allocation of its own.

use crate::prelude::*;
use crate::value::{Cell, CellKind, SPAN_LONG};

const SEGMENT_BITS: u32 = 16;
const SEGMENT: usize = 1 << SEGMENT_BITS;
/// Longer text is kept apart: a segment's unused end stays below this.
const LONG: usize = 2048;
/// So much dead text is left behind where a piece of a response ends.
const LITTLE: usize = 512;
/// Room of the first segment, to begin with.
const FIRST: usize = 2 * LONG;
/// Text of up to this many bytes is kept once, as long as the cache remembers it.
pub(crate) const SHORT: usize = 16;
/// Remembered short texts while a response is read, and while single records are edited.
const CACHE_LOADING: usize = 4096;
const CACHE_EDITING: usize = 256;

/// Bytes that cells refer to.
#[derive(Clone, Default)]
pub struct Arena {
    segments: Vec<Vec<u8>>,
    /// How much of the last segment is in use; what lies behind is room.
    fill: usize,
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
        match self.get_bytes(cell)? {
            Ok(bytes) => str::from_utf8(bytes).ok(),
            Err(text) => Some(text),
        }
    }

    /// The same as bytes, which is cheaper for text that lies in a segment.
    #[inline]
    pub(crate) fn bytes_of(&self, cell: Cell) -> Option<&[u8]> {
        Some(self.get_bytes(cell)?.unwrap_or_else(str::as_bytes))
    }

    #[inline]
    fn get_bytes(&self, cell: Cell) -> Option<Result<&[u8], &str>> {
        if !cell.is_span() {
            return None;
        }
        let (place, len, _) = cell.span_parts();
        if len == 0 {
            return Some(Err(""));
        }
        if len == SPAN_LONG {
            return self.long.get(place as usize).map(|text| Err(&**text));
        }
        let from = place as usize & (SEGMENT - 1);
        self.segments
            .get((place >> SEGMENT_BITS) as usize)?
            .get(from..from + len as usize)
            .map(Ok)
    }

    /// Keeps text. Past 4 GiB there are no places left, and the answer is `None`.
    pub(crate) fn keep(&mut self, text: &str) -> Option<Cell> {
        if text.len() <= SHORT {
            return self.keep_short(text.as_bytes());
        }
        self.keep_new(text, false, text.is_ascii())
    }

    fn keep_short(&mut self, text: &[u8]) -> Option<Cell> {
        let (low, high) = words(text);
        if self.cache.is_empty() {
            self.cache.resize(CACHE_EDITING, UNKNOWN);
        }
        if let Some(cell) = self.known(low, high, text.len()) {
            return Some(cell);
        }
        if self.room().len() < SHORT && !self.make_room() {
            return None;
        }
        // Of a fixed size: copying as much as there is takes a call in WebAssembly.
        let both = u128::from(low) | u128::from(high) << 64;
        self.room()
            .get_mut(..SHORT)?
            .copy_from_slice(&both.to_le_bytes());
        let cell = self.keep_room(text.len(), false, text.is_ascii());
        self.know(low, high, cell);
        Some(cell)
    }

    /// Keeps what a cell of another arena refers to.
    pub(crate) fn keep_of(&mut self, other: &Self, cell: Cell) -> Option<Cell> {
        let json = cell.kind() == CellKind::Json;
        match other.get_bytes(cell)? {
            Ok(bytes) if bytes.len() <= SHORT && !json => self.keep_short(bytes),
            Ok(bytes) => self.keep_bytes(bytes, json, cell.span_parts().2),
            Err(text) => self.keep_new(text, json, cell.span_parts().2),
        }
    }

    /// The cell of a short text that is kept already. `low` and `high` are its bytes,
    /// little-endian, padded with zeros.
    #[inline(always)]
    pub(crate) fn known(&self, low: u64, high: u64, len: usize) -> Option<Cell> {
        let known = self.cache.get(self.cache_place(low, high))?;
        let is_same = known.low == low
            && known.high == high
            && known.cell.is_span()
            && known.cell.span_parts().1 as usize == len;
        is_same.then_some(known.cell)
    }

    /// Remembers a short text.
    #[inline(always)]
    pub(crate) fn know(&mut self, low: u64, high: u64, cell: Cell) {
        let at = self.cache_place(low, high);
        if let Some(known) = self.cache.get_mut(at) {
            *known = Known { low, high, cell };
        }
    }

    #[inline(always)]
    fn cache_place(&self, low: u64, high: u64) -> usize {
        let mixed = (low ^ high.rotate_left(23)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 40) as usize & self.cache.len().wrapping_sub(1)
    }

    /// Keeps text or JSON text without looking for an equal one.
    pub(crate) fn keep_new(&mut self, text: &str, json: bool, ascii: bool) -> Option<Cell> {
        if text.len() > LONG {
            let place = u32::try_from(self.long.len()).ok()?;
            self.long.push(text.into());
            self.used += text.len();
            return Some(Cell::span(json, place, SPAN_LONG, ascii));
        }
        self.keep_bytes(text.as_bytes(), json, ascii)
    }

    /// The same for what isn't longer than [`LONG`].
    fn keep_bytes(&mut self, text: &[u8], json: bool, ascii: bool) -> Option<Cell> {
        if self.room().len() < text.len() && !self.make_room() {
            return None;
        }
        self.room().get_mut(..text.len())?.copy_from_slice(text);
        Some(self.keep_room(text.len(), json, ascii))
    }

    /// Unused bytes at the end, to write text into before it is known whether it is to be kept.
    #[inline(always)]
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let fill = self.fill;
        let last = self.segments.last_mut();
        last.and_then(|last| last.get_mut(fill..))
            .unwrap_or_default()
    }

    /// Keeps the first bytes of [`Arena::room`], which have to be the text.
    #[inline(always)]
    pub(crate) fn keep_room(&mut self, len: usize, json: bool, ascii: bool) -> Cell {
        let place = (self.segments.len().saturating_sub(1) << SEGMENT_BITS) | self.fill;
        self.fill += len;
        self.used += len;
        Cell::span(json, place as u32, len as u32, ascii)
    }

    /// Makes room for at least [`LONG`] bytes, unless all places are taken.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) -> bool {
        // The first segment grows with its store: most stores are small.
        if let [only] = self.segments.as_mut_slice()
            && only.len() < SEGMENT
        {
            let len = (only.len() * 2).clamp(FIRST, SEGMENT);
            only.resize(len, 0);
            if only.len() - self.fill >= LONG {
                return true;
            }
            return self.make_room();
        }
        if self.segments.len() > usize::from(u16::MAX) {
            return false;
        }
        let first = self.segments.is_empty();
        self.segments
            .push(vec![0; if first { FIRST } else { SEGMENT }]);
        self.fill = 0;
        true
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
            only.truncate(self.fill);
            only.shrink_to_fit();
        }
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            segments: self.segments.len(),
            last: self.fill,
            long: self.long.len(),
            used: self.used,
        }
    }

    /// Forgets what was kept since the mark; no cell may refer to it any more. Little text stays
    /// where it is, as dead text: to forget it takes a look at all that the cache knows.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        if self.segments.len() == mark.segments && self.used - mark.used <= LITTLE {
            self.dead += self.used - mark.used;
            return;
        }
        self.segments.truncate(mark.segments);
        self.fill = mark.last;
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
        if let Some(text) = self.bytes_of(cell) {
            self.dead += text.len();
        }
    }

    /// Whether more than half is dead. What is released is over-estimated where text is shared, so
    /// that growth since the last compaction is asked for too.
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
        let segments: usize = self.segments.iter().map(Vec::capacity).sum();
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

/// Up to [`SHORT`] bytes as two little-endian words, padded with zeros: read in pieces that
/// overlap.
fn words(bytes: &[u8]) -> (u64, u64) {
    let bits = 8 * bytes.len() as u32;
    if let (Some(low), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let high = u64::from_le_bytes(*last).checked_shr(128 - bits);
        return (u64::from_le_bytes(*low), high.unwrap_or(0));
    }
    if let (Some(low), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let high = u64::from(u32::from_le_bytes(*last)) << (bits - 32);
        return (u64::from(u32::from_le_bytes(*low)) | high, 0);
    }
    let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or(0)) << (8 * at);
    (byte(0) | byte(1) | byte(2), 0)
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
    fn the_words_of_a_short_text_are_its_bytes_and_zeros() {
        let text = b"0123456789abcdef";
        for len in 0..=SHORT {
            let mut padded = [0; SHORT];
            padded[..len].copy_from_slice(&text[..len]);
            let both = u128::from_le_bytes(padded);
            assert_eq!(words(&text[..len]), (both as u64, (both >> 64) as u64));
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
