//! Where records stand: what of them waits, what is on the wire, what the server has.

use super::Store;
use super::record_state::{Dirty, RecordState};
use crate::engine::error::SyncError;
use crate::engine::schema::FieldIx;
use crate::engine::table::RowId;
use crate::engine::value::Cell;
use crate::prelude::*;

impl Store {
    /// Whether the next package would carry anything. Edits that only undo what is on the wire
    /// don't count until that is confirmed; nor do those of fields that are never sent.
    pub const fn has_changes(&self) -> bool {
        self.changes.tally().sendable > 0
    }

    /// Whether the next package would carry anything also when nobody asks for it: records that the
    /// server refused wait until they are edited again.
    pub const fn has_ready_changes(&self) -> bool {
        self.changes.tally().ready > 0
    }

    /// Whether records wait that the server has refused, until they are edited or somebody asks.
    pub const fn has_refused_changes(&self) -> bool {
        let tally = self.changes.tally();
        tally.sendable > tally.ready
    }

    /// Whether a package is on the wire, or the next one would carry anything.
    pub const fn has_unconfirmed(&self) -> bool {
        self.changes.tally().unconfirmed > 0
    }

    /// Whether a package is on the wire.
    pub const fn has_inflight(&self) -> bool {
        self.changes.tally().sent > 0
    }

    /// How many records the next package would carry.
    pub const fn pending_count(&self) -> usize {
        self.changes.tally().sendable
    }

    /// How many records have changes that the server hasn't confirmed.
    pub const fn unconfirmed_count(&self) -> usize {
        self.changes.tally().unconfirmed
    }

    /// Where a record stands.
    pub fn state(&self, id: RowId) -> Result<RecordState, SyncError> {
        let row = self.resolve(id)?;
        Ok(self
            .changes
            .get(row)
            .map_or_else(RecordState::default, |dirty| RecordState {
                phantom: !dirty.in_base,
                removed: !dirty.exists(),
                modified: dirty.is_modified(),
                pending: dirty.counted.changed || dirty.counted.sent,
            }))
    }

    /// Why the server refused the record's last change.
    pub fn sync_error(&self, id: RowId) -> Option<&str> {
        self.changes.get(self.table.resolve(id)?)?.error.as_deref()
    }

    /// The fields that are seen differently from what the server has, in the order of their first
    /// change. None for a phantom: the server has nothing of it.
    pub fn modifications(&self, id: RowId) -> Vec<FieldIx> {
        let dirty = self.table.resolve(id).and_then(|row| self.changes.get(row));
        dirty
            .filter(|dirty| dirty.in_base)
            .map_or_else(Vec::new, |dirty| {
                dirty
                    .fields
                    .iter()
                    .filter(|touched| !self.equal(touched.field, touched.visible(), touched.base))
                    .map(|touched| touched.field)
                    .collect()
            })
    }

    /// What the server has in a field, as far as is known. Absent for phantoms.
    pub fn base_cell(&self, id: RowId, field: FieldIx) -> Cell {
        let Some(row) = self.table.resolve(id) else {
            return Cell::ABSENT;
        };
        match self.changes.get(row) {
            Some(dirty) if !dirty.in_base => Cell::ABSENT,
            Some(dirty) => dirty
                .touched(field)
                .map_or_else(|| self.table.cell(row, field), |touched| touched.base),
            None => self.table.cell(row, field),
        }
    }

    /// Records that the server doesn't know yet, in the order in which they were added.
    pub fn added(&self) -> Vec<RowId> {
        self.bag(|dirty| !dirty.in_base && dirty.exists())
    }

    /// Records that the server knows otherwise, in the order of their first change.
    pub fn modified(&self) -> Vec<RowId> {
        self.bag(|dirty| {
            let edited =
                !dirty.fields.is_empty() || dirty.hides_fields(false) || dirty.hides_fields(true);
            dirty.in_base && dirty.exists() && edited
        })
    }

    /// Records that were removed here and that the server still has, in the order of their first
    /// change.
    pub fn removed(&self) -> Vec<RowId> {
        self.bag(|dirty| dirty.in_base && !dirty.exists())
    }

    /// The record of an open conflict. A load gives records new places, their conflicts stay.
    pub fn record_of_conflict(&self, id: u32) -> Option<RowId> {
        let of = |dirty: &Dirty| dirty.conflict.as_ref().is_some_and(|open| open.id == id);
        self.bag(of).first().copied()
    }

    fn bag(&self, keep: impl Fn(&Dirty) -> bool) -> Vec<RowId> {
        let rows = self.changes.rows(keep);
        rows.into_iter().map(|row| self.table.handle(row)).collect()
    }
}
