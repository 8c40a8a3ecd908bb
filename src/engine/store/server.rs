//! Server data writes base, under whatever the user has typed.

use super::adding::FieldMap;
use super::clashes::Clash;
use super::layers::Touched;
use super::notices::Notices;
use super::record_state::Stage;
use super::rows::pack;
use super::{IS_REFERENCE, Store, equal};
use crate::engine::conflict::Side;
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowIx, Table};
use crate::engine::value::{Cell, CellKind};
use crate::prelude::*;

/// A row of the server's, and how to read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerRow<'a> {
    pub(super) table: &'a Table,
    pub(super) row: RowIx,
    pub(super) map: &'a FieldMap,
    /// Whether the user's edits stay where the server has changed the same field.
    pub(super) local_wins: bool,
    /// Whether others may have made the changes, so that they can clash with the user's.
    pub(super) detects: bool,
    /// Fields of which the request that is answered carried a value: what the server says of them
    /// is its answer.
    pub(super) own: &'a [FieldIx],
    pub(super) origin: Origin,
}

impl ServerRow<'_> {
    /// What the row says: this store's fields, and cells of the row's table. The id is not among
    /// them.
    fn values(self) -> impl Iterator<Item = (FieldIx, Cell)> {
        let id = self.table.schema().id;
        self.map.iter().enumerate().filter_map(move |(at, field)| {
            let from = FieldIx(at as u16);
            let cell = self.table.cell(self.row, from);
            (from != id && !cell.is_absent()).then_some(((*field)?, cell))
        })
    }

    /// Whether it says more than an id.
    pub(super) fn has_values(self) -> bool {
        self.values().next().is_some()
    }
}

impl Store {
    /// Lays a row of the server's under the user's edits. The record is in base.
    pub(super) fn patch_row(&mut self, row: RowIx, from: ServerRow<'_>, out: &mut Notices) {
        if !self.references.is_empty() {
            for (field, cell) in from.values() {
                self.note_reference(row, field, cell);
            }
        }
        if self.changes.get(row).is_none() {
            self.patch_clean(row, from, out);
            return;
        }
        let mut clashes = Vec::new();
        let at = self.moment_of(from);
        for (field, cell) in from.values() {
            let base = match self.changes.get(row).and_then(|dirty| dirty.touched(field)) {
                Some(touched) => touched.base,
                None => self.table.cell(row, field),
            };
            if self.table.same_in(base, from.table, cell) || base.is_nullish() && cell.is_nullish()
            {
                continue;
            }
            let cell = self.table.copy_cell(from.table, cell);
            let mut local_wins = from.local_wins;
            if from.detects && !from.own.contains(&field) && self.changes.get(row).is_some() {
                if !self.table.is_visible(row) {
                    clashes.push(Clash {
                        field,
                        base,
                        mine: base,
                        theirs: cell,
                        from: Side::Mine,
                    });
                } else if local_wins || self.policy.chosen {
                    local_wins = self.meet(row, field, (base, cell), at);
                }
            }
            self.server_write(row, field, cell, local_wins, from.origin, out);
        }
        self.settle(row);
        if !clashes.is_empty() {
            self.meet_removal(row, clashes, out);
        }
    }

    /// The same for a record without edits, which most are.
    fn patch_clean(&mut self, row: RowIx, from: ServerRow<'_>, out: &mut Notices) {
        let other = (from.table, from.row);
        self.table
            .differences(row, other, from.map, &mut self.differences);
        for at in 0..self.differences.len() {
            let it = self.differences[at];
            let cell = self.table.copy_cell(from.table, it.new);
            self.server_write(row, it.field, cell, true, from.origin, out);
        }
    }

    /// Keeps in mind that the server itself named another record by text: it may be a phantom's.
    fn note_reference(&mut self, row: RowIx, field: FieldIx, cell: Cell) {
        if self.traits(field) & IS_REFERENCE != 0 && cell.kind() == CellKind::Text {
            self.echoed.push(pack(row.0, field.0.into()));
        }
    }

    /// Writes base. The entry isn't brought in order: call `settle` afterwards.
    pub(super) fn server_write(
        &mut self,
        row: RowIx,
        field: FieldIx,
        cell: Cell,
        local_wins: bool,
        origin: Origin,
        out: &mut Notices,
    ) {
        let traits = self.traits(field);
        let table = &self.table;
        let same = |a: Cell, b: Cell| equal(table, traits, a, b);
        let column = table.cell(row, field);
        let (dead, visible) = match self.changes.get_mut(row).and_then(|dirty| {
            dirty
                .fields
                .iter_mut()
                .find(|touched| touched.field == field)
        }) {
            Some(touched) => {
                let old = touched.base;
                if !local_wins && !same(old, cell) {
                    // What is on the wire can only be covered.
                    touched.pending = match touched.inflight.is_absent() {
                        true => Cell::ABSENT,
                        false => cell,
                    };
                }
                touched.rebase(cell, &same);
                (old, touched.visible())
            }
            None => (column, cell),
        };
        if visible != column {
            let differs = !same(column, visible);
            self.put(row, field, visible);
            if differs && self.table.is_visible(row) {
                self.tell_field(
                    NoticeKind::Update,
                    origin,
                    (row, field),
                    (column, visible),
                    out,
                );
            }
        }
        self.table.release(dead);
    }

    /// A new record from the server, still hidden.
    pub(super) fn insert_row(&mut self, from: ServerRow<'_>) -> RowIx {
        let row = self.copy_row(from.table, from.row, from.map);
        for (field, cell) in from.values() {
            self.note_reference(row, field, cell);
        }
        self.keys.welcome(row, self.id_of(row));
        row
    }

    /// The server turns out to have a record that was never sent, or whose sending was given up: it
    /// is in base now, and every value of it is the user's until the server's own row, laid under
    /// it, says the same.
    pub(super) fn confirm_unsent(&mut self, row: RowIx) {
        let touched = all_values(&self.table, row);
        if let Some(dirty) = self.changes.get_mut(row) {
            dirty.in_base = true;
            if dirty.pending == Stage::Add {
                dirty.pending = Stage::Idle;
            }
            dirty.error = None;
            dirty.held = false;
            dirty.fields = touched.into();
        }
        self.settle(row);
    }
}

/// All values of a row as the user's.
pub(super) fn all_values(table: &Table, row: RowIx) -> Vec<Touched> {
    let id = table.schema().id;
    (0..table.schema().len())
        .map(|at| FieldIx(at as u16))
        .filter(|&field| field != id)
        .filter_map(|field| {
            let mut touched = Touched::new(field);
            touched.pending = table.cell(row, field);
            (!touched.pending.is_nullish()).then_some(touched)
        })
        .collect()
}
