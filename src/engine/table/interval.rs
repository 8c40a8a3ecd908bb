//! Which rows lie in a span of time.
//!
//! Rows are sorted by their start; of every 64 ends the latest is known, so that a question looks at few blocks even when one
//! record lasts for years. Edits go to a small unsorted list first, which is merged when the next question comes.

use super::RowIx;

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

/// Rows by time.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntervalIndex {
    built: bool,
    rows: Vec<RowIx>,
    starts: Vec<f64>,
    ends: Vec<f64>,
    latest: Vec<f64>,
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

    /// Rows with `row.start < end` and `row.end > start`, by start; one without length where `start <= t < end`. `span_of` says
    /// where a row lies, if it is visible and lies anywhere; `rows` is how many places of rows there are.
    pub(crate) fn range(
        &mut self,
        start: f64,
        end: f64,
        rows: usize,
        span_of: impl Fn(RowIx) -> Option<Span>,
    ) -> &[RowIx] {
        if !self.built {
            self.build(rows, &span_of);
        } else if self.loose.len() > LOOSE_MAX {
            self.merge(&span_of);
        }
        self.found.clear();
        let until = self.starts.partition_point(|&at| at < end);
        let inside = self.starts.partition_point(|&at| at < start).min(until);
        for (block, _) in self
            .latest
            .iter()
            .take(inside.div_ceil(BLOCK))
            .enumerate()
            .filter(|(_, latest)| **latest > start)
        {
            let from = block * BLOCK;
            let to = (from + BLOCK).min(inside);
            let ends = self.ends.get(from..to).unwrap_or_default();
            let rows = self.rows.get(from..to).unwrap_or_default();
            for (row, _) in rows.iter().zip(ends).filter(|(_, ends)| **ends > start) {
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

    fn add_loose(&mut self, start: f64, end: f64, span_of: &impl Fn(RowIx) -> Option<Span>) {
        let is_loose = &self.is_loose;
        self.found.retain(|row| !bit(is_loose, *row));
        let sorted = self.found.len();
        for row in &self.loose {
            if let Some(span) = span_of(*row)
                && span.start < end
                && (span.end > start || span.start >= start)
            {
                self.found.push(*row);
            }
        }
        if self.found.len() > sorted {
            let start_of = |row: &RowIx| span_of(*row).map_or(f64::INFINITY, |span| span.start);
            self.found
                .sort_by(|a, b| start_of(a).total_cmp(&start_of(b)).then(a.cmp(b)));
        }
    }

    fn build(&mut self, rows: usize, span_of: &impl Fn(RowIx) -> Option<Span>) {
        self.loose.clear();
        self.is_loose.clear();
        self.rows.clear();
        self.starts.clear();
        self.ends.clear();
        let mut keyed: Vec<(u64, RowIx)> = Vec::with_capacity(rows);
        for row in (0..rows as u32).map(RowIx) {
            if let Some(span) = span_of(row) {
                keyed.push((sort_key(span.start), row));
            }
        }
        if !keyed.is_sorted() {
            sort_by_key(&mut keyed);
        }
        self.rows.reserve_exact(keyed.len());
        self.starts.reserve_exact(keyed.len());
        self.ends.reserve_exact(keyed.len());
        for (_, row) in keyed {
            if let Some(span) = span_of(row) {
                self.rows.push(row);
                self.starts.push(span.start);
                self.ends.push(span.end);
            }
        }
        self.find_latest();
        self.built = true;
    }

    /// Sorts the loose rows in, in place: out-of-date entries first go, then both parts are merged from the back.
    fn merge(&mut self, span_of: &impl Fn(RowIx) -> Option<Span>) {
        let mut kept = 0;
        for at in 0..self.rows.len() {
            let (Some(&row), Some(&start), Some(&end)) =
                (self.rows.get(at), self.starts.get(at), self.ends.get(at))
            else {
                break;
            };
            if !bit(&self.is_loose, row) {
                self.put(kept, row, Span { start, end });
                kept += 1;
            }
        }
        let mut fresh: Vec<(RowIx, Span)> = self
            .loose
            .iter()
            .filter_map(|&row| Some((row, span_of(row)?)))
            .collect();
        fresh.sort_by(|a, b| a.1.start.total_cmp(&b.1.start).then(a.0.cmp(&b.0)));
        let len = kept + fresh.len();
        self.rows.resize(len, RowIx(0));
        self.starts.resize(len, 0.0);
        self.ends.resize(len, 0.0);
        let mut to = len;
        while let Some(&(row, span)) = fresh.last() {
            to -= 1;
            let old = kept.checked_sub(1).and_then(|at| {
                let (row, start) = (*self.rows.get(at)?, *self.starts.get(at)?);
                let end = *self.ends.get(at)?;
                Some((row, Span { start, end }))
            });
            match old {
                Some((old_row, old)) if (old.start, old_row) > (span.start, row) => {
                    self.put(to, old_row, old);
                    kept -= 1;
                }
                _ => {
                    self.put(to, row, span);
                    fresh.pop();
                }
            }
        }
        self.loose.clear();
        self.is_loose.fill(0);
        self.find_latest();
    }

    fn put(&mut self, at: usize, row: RowIx, span: Span) {
        if let (Some(to_row), Some(to_start), Some(to_end)) = (
            self.rows.get_mut(at),
            self.starts.get_mut(at),
            self.ends.get_mut(at),
        ) {
            *to_row = row;
            *to_start = span.start;
            *to_end = span.end;
        }
    }

    fn find_latest(&mut self) {
        self.latest.clear();
        self.latest.extend(
            self.ends
                .chunks(BLOCK)
                .map(|ends| ends.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
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
fn sort_key(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Sorts by key; rows of one key stay in their order. A radix sort over the bits in which the keys differ: instants of one
/// calendar share most of them, so that three passes do.
fn sort_by_key(keyed: &mut Vec<(u64, RowIx)>) {
    let (every, any) = keyed.iter().fold((u64::MAX, 0), |(every, any), (key, _)| {
        (every & key, any | key)
    });
    let differ = every ^ any;
    let mut other = keyed.clone();
    let mut shift = differ.trailing_zeros();
    while shift < u64::BITS && differ >> shift != 0 {
        let mut counts = [0u32; DIGITS];
        let digit = |key: u64| (key >> shift) as usize & (DIGITS - 1);
        for (key, _) in keyed.iter() {
            if let Some(count) = counts.get_mut(digit(*key)) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for count in &mut counts {
            sum += core::mem::replace(count, sum);
        }
        for entry in keyed.iter() {
            if let Some(at) = counts.get_mut(digit(entry.0)) {
                if let Some(place) = other.get_mut(*at as usize) {
                    *place = *entry;
                }
                *at += 1;
            }
        }
        core::mem::swap(keyed, &mut other);
        shift += DIGIT_BITS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::Rng;

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
        let mut random = |rng: &mut Rng| {
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
            let found = index.range(from, to, 2000, |row| spans[row.ix()]);
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
    fn negative_and_positive_instants_sort_as_numbers() {
        let mut keys = vec![-1e15, -5.0, -0.5, 0.0, 0.5, 5.0, 1e15];
        keys.reverse();
        let mut keyed: Vec<(u64, RowIx)> = keys
            .iter()
            .enumerate()
            .map(|(row, key)| (sort_key(*key), RowIx(row as u32)))
            .collect();
        sort_by_key(&mut keyed);
        let rows: Vec<u32> = keyed.iter().map(|(_, row)| row.0).collect();
        assert_eq!(rows, [6, 5, 4, 3, 2, 1, 0]);
    }
}
