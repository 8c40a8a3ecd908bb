//! The records that are not as the server has them, found by row without hashing.

use super::layers::Touched;
use super::record_state::{Counted, Dirty};
use super::rows::sorted;
use super::stakes::Fate;
use crate::engine::schema::FieldIx;
use crate::engine::table::RowIx;
use crate::engine::value::Cell;
use crate::prelude::*;

/// No entry.
const CLEAN: u32 = 0;

/// All dirty records of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// By row: 0 for a clean one, else its place in `records` plus one.
    slots: Vec<u32>,
    records: Vec<Option<Dirty>>,
    free: Vec<u32>,
    next_seq: u32,
    tally: Tally,
    /// What has been decided about the stakes of calls, to be told.
    pub(super) fates: Vec<Fate>,
}

/// How many records count for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Those that the next package can carry.
    pub(super) sendable: usize,
    /// Those of them that weren't refused, or were edited since.
    pub(super) ready: usize,
    /// Those that the package on the wire carries.
    pub(super) sent: usize,
    /// Either.
    pub(super) unconfirmed: usize,
}

impl Changes {
    #[inline]
    pub(super) fn get(&self, row: RowIx) -> Option<&Dirty> {
        match self.slots.get(row.ix()) {
            None | Some(&CLEAN) => None,
            Some(&slot) => self.records.get(slot as usize - 1)?.as_ref(),
        }
    }

    /// Reads what finding the entry will read.
    #[inline(always)]
    pub(super) fn touch(&self, row: RowIx) -> u64 {
        u64::from(self.slots.get(row.ix()).copied().unwrap_or(CLEAN))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, row: RowIx) -> Option<&mut Dirty> {
        match self.slots.get(row.ix()) {
            None | Some(&CLEAN) => None,
            Some(&slot) => self.records.get_mut(slot as usize - 1)?.as_mut(),
        }
    }

    /// The entry of a record; a new one says that the server has it (`in_base`) and nothing else.
    pub(super) fn ensure(&mut self, row: RowIx, in_base: bool) -> &mut Dirty {
        if self.slots.len() <= row.ix() {
            self.slots.resize(row.ix() + 1, CLEAN);
        }
        let mut slot = self.slots[row.ix()];
        if slot == CLEAN {
            let place = self.free.pop().unwrap_or_else(|| {
                self.records.push(None);
                (self.records.len() - 1) as u32
            });
            // Past the end, only the order among later ones is lost.
            self.next_seq = self.next_seq.saturating_add(1);
            self.records[place as usize] = Some(Dirty::new(row, self.next_seq, in_base));
            slot = place + 1;
            self.slots[row.ix()] = slot;
        }
        let seq = self.next_seq;
        self.records[slot as usize - 1].get_or_insert_with(|| Dirty::new(row, seq, in_base))
    }

    /// Puts an entry that was taken from somewhere else (a load) at a row; its order among the
    /// others stays.
    pub(super) fn adopt(&mut self, row: RowIx, mut dirty: Dirty) {
        dirty.row = row;
        dirty.known = 0;
        dirty.counted = Counted::default();
        let in_base = dirty.in_base;
        *self.ensure(row, in_base) = dirty;
    }

    /// Forgets a record's entry, and gives it.
    pub(super) fn take(&mut self, row: RowIx) -> Option<Dirty> {
        let dirty = self.entry(row)?.take();
        self.free(row);
        dirty
    }

    /// Forgets a record's entry.
    pub(super) fn forget(&mut self, row: RowIx) {
        if let Some(entry) = self.entry(row) {
            *entry = None;
            self.free(row);
        }
    }

    /// The entry of a record, about to be taken out.
    fn entry(&mut self, row: RowIx) -> Option<&mut Option<Dirty>> {
        let old = self.get(row)?.counted;
        self.count(old, Counted::default());
        let place = self.slots.get(row.ix())?.checked_sub(1)?;
        self.records.get_mut(place as usize)
    }

    fn free(&mut self, row: RowIx) {
        if let Some(slot) = self.slots.get_mut(row.ix()) {
            self.free.push(core::mem::take(slot).saturating_sub(1));
        }
    }

    /// Brings the tallies up to date with one record.
    pub(super) fn recount(&mut self, row: RowIx, new: Counted) {
        if let Some(dirty) = self.get_mut(row) {
            let old = dirty.counted;
            dirty.counted = new;
            self.count(old, new);
        }
    }

    fn count(&mut self, old: Counted, new: Counted) {
        let shift = |count: &mut usize, old: bool, new: bool| match (old, new) {
            (false, true) => *count += 1,
            (true, false) => *count = count.saturating_sub(1),
            _ => {}
        };
        shift(&mut self.tally.sendable, old.sendable, new.sendable);
        shift(&mut self.tally.ready, old.ready, new.ready);
        shift(&mut self.tally.sent, old.sent, new.sent);
        shift(
            &mut self.tally.unconfirmed,
            old.changed || old.sent,
            new.changed || new.sent,
        );
    }

    pub(super) const fn tally(&self) -> Tally {
        self.tally
    }

    /// All entries, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Dirty> {
        self.records.iter().flatten()
    }

    /// The rows of entries that `keep` picks, in the order of their first change.
    pub(super) fn rows(&self, keep: impl Fn(&Dirty) -> bool) -> Vec<RowIx> {
        let found = self.iter().filter(|dirty| keep(dirty));
        sorted(found.map(|dirty| (dirty.seq, dirty.row)))
    }

    /// All entries, mostly in the order of their first change; none is left.
    pub(super) fn end_all(&mut self) -> Vec<Option<Dirty>> {
        self.slots.clear();
        self.free.clear();
        self.tally = Tally::default();
        core::mem::take(&mut self.records)
    }

    /// All entries in the order of their first change, leaving none.
    pub(super) fn drain(&mut self) -> Vec<Dirty> {
        let rows = self.rows(|_| true);
        let all = rows.into_iter().filter_map(|row| self.take(row)).collect();
        self.slots.clear();
        all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.len() == self.free.len()
    }

    /// Visits every cell that is held outside of the table's columns.
    pub(super) fn cells(&mut self, visit: &mut dyn FnMut(&mut Cell)) {
        for touched in self
            .records
            .iter_mut()
            .flatten()
            .flat_map(|dirty| dirty.fields.iter_mut())
        {
            visit(&mut touched.base);
            visit(&mut touched.inflight);
            visit(&mut touched.pending);
        }
        for stake in self
            .records
            .iter_mut()
            .flatten()
            .flat_map(|dirty| &mut dirty.stakes)
        {
            visit(&mut stake.cell);
        }
        let records = self.records.iter_mut().flatten();
        for open in records.filter_map(|dirty| dirty.conflict.as_mut()) {
            open.fields.iter_mut().for_each(|(_, base)| visit(base));
        }
    }

    /// Entries of one field.
    pub(super) fn touching(&self, field: FieldIx) -> impl Iterator<Item = (RowIx, &Touched)> {
        self.iter()
            .filter_map(move |dirty| Some((dirty.row, dirty.touched(field)?)))
    }

    /// What is wrong with slots and tallies, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut tally = Tally::default();
        let mut used = 0;
        for (row, &slot) in self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| **slot != CLEAN)
        {
            used += 1;
            let dirty = self.records.get(slot as usize - 1).and_then(Option::as_ref);
            match dirty {
                Some(dirty) if dirty.row.ix() == row => {}
                _ => return Err(format!("slot of row {row} points elsewhere")),
            }
        }
        for dirty in self.iter() {
            tally.sendable += usize::from(dirty.counted.sendable);
            tally.ready += usize::from(dirty.counted.ready);
            tally.sent += usize::from(dirty.counted.sent);
            tally.unconfirmed += usize::from(dirty.counted.changed || dirty.counted.sent);
        }
        if used != self.iter().count() {
            return Err("an entry without a slot".into());
        }
        if tally != self.tally {
            return Err(format!("tally {:?} instead of {tally:?}", self.tally));
        }
        Ok(())
    }
}
