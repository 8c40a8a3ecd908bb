//! Which rows lie in a span of time.
//!
//! Rows are sorted by their start; of every 64 ends the latest is known, so that a question looks
//! at few blocks even when one record lasts for years. Edits go to a small unsorted list first,
//! which is merged when the next question comes.

use super::RowIx;
use crate::order::sort_words;
use crate::prelude::*;

const BLOCK: usize = 64;
/// So many changed rows are looked at one by one before they are merged.
const LOOSE_MAX: usize = 128;

/// Where a row lies in time, in ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: f64,
    /// Never before the start.
    pub(crate) end: f64,
}

/// Key of the start, row, key of the end: sorts by start, then row.
type Entry = (u64, RowIx, u64);

/// Rows by time.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntervalIndex {
    built: bool,
    rows: Vec<RowIx>,
    /// Starts and ends as [`sort_key`]s.
    starts: Vec<u64>,
    ends: Vec<u64>,
    latest: Vec<u64>,
    /// Rows that have changed since they were sorted, each once.
    loose: Vec<RowIx>,
    /// One bit per row: it is in `loose`, and what the sorted part says of it is out of date.
    is_loose: Vec<u64>,
    found: Vec<RowIx>,
}

impl IntervalIndex {
    /// Everything may be different.
    pub(crate) fn reset(&mut self) {
        self.built = false;
    }

    /// A row has moved in time, come or gone.
    #[inline]
    pub(crate) fn touch(&mut self, row: RowIx) {
        if !self.built {
            return;
        }
        let (word, bit) = (row.ix() / 64, 1u64 << (row.ix() % 64));
        if self.is_loose.len() <= word {
            self.is_loose.resize(word + 1, 0);
        }
        let Some(bits) = self.is_loose.get_mut(word) else {
            return;
        };
        if *bits & bit != 0 {
            return;
        }
        *bits |= bit;
        self.loose.push(row);
        // Sorting anew is cheaper than merging this many.
        if self.loose.len() > LOOSE_MAX + self.rows.len() / 4 {
            self.built = false;
        }
    }

    /// Rows with `row.start < end` and `row.end > start`, by start; one without length where `start
    /// <= t < end`. `span_of` says where a row lies, if it is visible and lies anywhere; `rows` is
    /// how many places of rows there are. `end_of` says of one that does where it ends, at the
    /// least: in the order of time rows lie far apart, and each look at one counts.
    pub(crate) fn range(
        &mut self,
        (start, end): (f64, f64),
        rows: usize,
        span_of: impl Fn(RowIx) -> Option<Span>,
        end_of: impl Fn(RowIx) -> f64,
    ) -> &[RowIx] {
        if !self.built {
            self.build(rows, &span_of, &end_of);
        } else if self.loose.len() > LOOSE_MAX {
            self.merge(&span_of);
        }
        self.found.clear();
        let (start_key, end_key) = (sort_key(start), sort_key(end));
        let until = self.starts.partition_point(|&at| at < end_key);
        let inside = self.starts.partition_point(|&at| at < start_key).min(until);
        for (block, _) in self
            .latest
            .iter()
            .take(inside.div_ceil(BLOCK))
            .enumerate()
            .filter(|(_, latest)| **latest > start_key)
        {
            let from = block * BLOCK;
            let to = (from + BLOCK).min(inside);
            let ends = self.ends.get(from..to).unwrap_or_default();
            let rows = self.rows.get(from..to).unwrap_or_default();
            for (row, _) in rows.iter().zip(ends).filter(|(_, ends)| **ends > start_key) {
                self.found.push(*row);
            }
        }
        self.found
            .extend_from_slice(self.rows.get(inside..until).unwrap_or_default());
        if !self.loose.is_empty() {
            self.add_loose(start, end, &span_of);
        }
        &self.found
    }

    /// Puts the loose rows that lie in the range among those found, where their starts belong.
    #[inline(never)]
    fn add_loose(&mut self, start: f64, end: f64, span_of: &dyn Fn(RowIx) -> Option<Span>) {
        let is_loose = &self.is_loose;
        self.found.retain(|row| !bit(is_loose, *row));
        let mut fresh: Vec<(u64, RowIx)> = Vec::new();
        for row in &self.loose {
            if let Some(span) = span_of(*row)
                && span.start < end
                && (span.end > start || span.start >= start)
            {
                fresh.push((sort_key(span.start), *row));
            }
        }
        sort(&mut fresh);
        let mut from = self.found.len();
        let mut to = from + fresh.len();
        self.found.resize(to, RowIx(0));
        while let Some(&entry) = fresh.last() {
            to -= 1;
            let old = from
                .checked_sub(1)
                .and_then(|at| self.found.get(at))
                .copied();
            let old_start = old.and_then(span_of).map_or(0, |span| sort_key(span.start));
            let row = match old {
                Some(old) if (old_start, old) > entry => {
                    from -= 1;
                    old
                }
                _ => {
                    fresh.pop();
                    entry.1
                }
            };
            if let Some(place) = self.found.get_mut(to) {
                *place = row;
            }
        }
    }

    #[inline(never)]
    fn build(
        &mut self,
        rows: usize,
        span_of: &impl Fn(RowIx) -> Option<Span>,
        end_of: &impl Fn(RowIx) -> f64,
    ) {
        self.loose.clear();
        self.is_loose.clear();
        self.rows.clear();
        self.starts.clear();
        self.ends.clear();
        self.rows.reserve_exact(rows);
        self.starts.reserve_exact(rows);
        self.ends.reserve_exact(rows);
        let (mut every, mut any) = (u64::MAX, 0);
        for row in (0..rows as u32).map(RowIx) {
            if let Some(span) = span_of(row) {
                let key = sort_key(span.start);
                every &= key;
                any |= key;
                self.starts.push(key);
                self.rows.push(row);
            }
        }
        // Instants of one calendar differ in few of their bits: those and the row make one word,
        // and words sort fast. The room that they need is that of the result.
        let differ = if self.rows.is_empty() { 0 } else { every ^ any };
        let low = differ.trailing_zeros().min(63);
        let width = differ.checked_ilog2().map_or(0, |top| top + 1 - low);
        let row_bits = usize::BITS - rows.leading_zeros();
        let end_of = |start: u64, row| sort_key(end_of(row)).max(start);
        if width + row_bits < u64::BITS {
            let mask = ((1u64 << width) - 1) << low;
            let row_mask = (1u64 << row_bits) - 1;
            for (word, row) in self.starts.iter_mut().zip(&self.rows) {
                *word = (*word & mask) >> low << row_bits | u64::from(row.0);
            }
            if !self.starts.is_sorted() {
                sort_words(&mut self.starts, &mut self.ends, row_bits);
            }
            self.ends.clear();
            let same = every & !mask;
            for (word, place) in self.starts.iter_mut().zip(&mut self.rows) {
                let row = RowIx((*word & row_mask) as u32);
                *place = row;
                *word = *word >> row_bits << low | same;
                self.ends.push(end_of(*word, row));
            }
        } else {
            let keys = self.starts.iter().copied();
            let mut sorted: Vec<(u64, RowIx)> = keys.zip(self.rows.iter().copied()).collect();
            sort(&mut sorted);
            self.rows.clear();
            self.starts.clear();
            for (start, row) in sorted {
                self.starts.push(start);
                self.rows.push(row);
                self.ends.push(end_of(start, row));
            }
        }
        self.rows.shrink_to_fit();
        self.starts.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.find_latest();
        self.built = true;
    }

    /// Sorts the loose rows in, in place: out-of-date entries first go, then both parts are merged
    /// from the back.
    #[inline(never)]
    fn merge(&mut self, span_of: &dyn Fn(RowIx) -> Option<Span>) {
        let mut kept = 0;
        for at in 0..self.rows.len() {
            if let Some(entry) = self.entry(at)
                && !bit(&self.is_loose, entry.1)
            {
                self.put(kept, entry);
                kept += 1;
            }
        }
        let mut fresh: Vec<(u64, RowIx)> = Vec::new();
        for row in &self.loose {
            if let Some(span) = span_of(*row) {
                fresh.push((sort_key(span.start), *row));
            }
        }
        sort(&mut fresh);
        let mut to = kept + fresh.len();
        self.rows.resize(to, RowIx(0));
        self.starts.resize(to, 0);
        self.ends.resize(to, 0);
        while let Some(&(start, row)) = fresh.last() {
            to -= 1;
            let end = span_of(row).map_or(start, |span| sort_key(span.end));
            let entry = (start, row, end);
            match kept.checked_sub(1).and_then(|at| self.entry(at)) {
                Some(old) if old > entry => {
                    self.put(to, old);
                    kept -= 1;
                }
                _ => {
                    self.put(to, entry);
                    fresh.pop();
                }
            }
        }
        self.loose.clear();
        self.is_loose.fill(0);
        self.find_latest();
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        Some((
            *self.starts.get(at)?,
            *self.rows.get(at)?,
            *self.ends.get(at)?,
        ))
    }

    fn put(&mut self, at: usize, entry: Entry) {
        if let (Some(start), Some(row), Some(end)) = (
            self.starts.get_mut(at),
            self.rows.get_mut(at),
            self.ends.get_mut(at),
        ) {
            (*start, *row, *end) = entry;
        }
    }

    #[inline(never)]
    fn find_latest(&mut self) {
        self.latest.clear();
        self.latest.extend(
            self.ends
                .chunks(BLOCK)
                .map(|ends| ends.iter().copied().fold(0, u64::max)),
        );
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.rows.capacity() + self.loose.capacity() + self.found.capacity()) * size_of::<RowIx>()
            + (self.starts.capacity() + self.ends.capacity() + self.latest.capacity()) * 8
            + self.is_loose.capacity() * 8
    }
}

fn bit(bits: &[u64], row: RowIx) -> bool {
    bits.get(row.ix() / 64)
        .is_some_and(|word| word & (1 << (row.ix() % 64)) != 0)
}

/// Bits that sort as the numbers do.
#[inline]
fn sort_key(number: f64) -> u64 {
    // Both zeros are one instant.
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

/// Sorts few entries, or such as have no better way. A heap sort of our own: the library's sorts
/// weigh a hundred times as much.
#[inline(never)]
fn sort(entries: &mut [(u64, RowIx)]) {
    let sink = |entries: &mut [(u64, RowIx)], mut at: usize| {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let larger = if entries.get(right) > entries.get(left) {
                right
            } else {
                left
            };
            if entries.get(larger) <= entries.get(at) {
                return;
            }
            entries.swap(at, larger);
            at = larger;
        }
    };
    for at in (0..entries.len() / 2).rev() {
        sink(entries, at);
    }
    for len in (1..entries.len()).rev() {
        entries.swap(0, len);
        if let Some(rest) = entries.get_mut(..len) {
            sink(rest, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn plain(spans: &[Option<Span>], start: f64, end: f64) -> Vec<RowIx> {
        let mut found: Vec<(f64, RowIx)> = spans
            .iter()
            .enumerate()
            .filter_map(|(row, span)| Some(((*span)?, RowIx(row as u32))))
            .filter(|(span, _)| {
                span.start < end
                    && (span.end > start || (span.end == span.start && span.start >= start))
            })
            .map(|(span, row)| (span.start, row))
            .collect();
        found.sort_by(|a, b| a.partial_cmp(b).unwrap());
        found.into_iter().map(|(_, row)| row).collect()
    }

    #[test]
    fn a_range_finds_what_a_plain_filter_finds_also_after_edits() {
        let mut rng = Rng::new(5);
        let random = |rng: &mut Rng| {
            let start = rng.below(10_000) as f64 - 2_000.0;
            let length = match rng.below(20) {
                0 => 5_000.0,
                1..4 => 0.0,
                _ => rng.below(60) as f64,
            };
            (rng.below(10) > 0).then_some(Span {
                start,
                end: start + length,
            })
        };
        let mut spans: Vec<Option<Span>> = (0..2000).map(|_| random(&mut rng)).collect();
        let mut index = IntervalIndex::default();
        for round in 0..300 {
            let from = rng.below(10_000) as f64 - 2_000.0;
            let to = from + rng.below(200) as f64;
            let found = index.range(
                (from, to),
                2000,
                |row| spans[row.ix()],
                |row| spans[row.ix()].unwrap().end,
            );
            assert_eq!(found, plain(&spans, from, to), "round {round}");
            let edits = match round % 50 {
                49 => 1500,
                _ => rng.below(40),
            };
            for _ in 0..edits {
                let row = rng.below(2000) as usize;
                spans[row] = random(&mut rng);
                index.touch(RowIx(row as u32));
            }
        }
    }

    #[test]
    fn instants_of_any_size_sort_as_numbers() {
        let few = [-1e15, -5.0, -0.5, -0.0, 0.0, 0.5, 5.0, 1e15];
        let minutes: Vec<f64> = (0..5000)
            .map(|at| 1.7e12 + f64::from(at) * 60_000.0)
            .collect();
        for numbers in [few.to_vec(), minutes, vec![7.0], Vec::new(), vec![7.0; 9]] {
            let count = numbers.len();
            let mut index = IntervalIndex::default();
            let start_of = |row: RowIx| numbers[(row.ix() * 7 + 3) % count];
            let span_of = |row| {
                let start = start_of(row);
                Some(Span { start, end: start })
            };
            let found = index.range((-1e300, 1e300), count, span_of, start_of);
            let found: Vec<f64> = found
                .iter()
                .map(|row| numbers[(row.ix() * 7 + 3) % count])
                .collect();
            assert_eq!(found, numbers);
        }
    }
}
