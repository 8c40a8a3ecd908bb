//! Removals that were taken back too late: the server has removed the record, what it did along
//! with that is done, and the user has all of it. It is sent again, as new.

use super::aftermath::IdChange;
use super::notices::Notices;
use super::record_state::Stage;
use super::rows::distinct;
use super::{Id, Store};
use crate::engine::config::OnRemove;
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::rng::Rng;
use crate::engine::schema::FieldIx;
use crate::engine::table::{IdRef, RowIx};
use crate::engine::value::{Cell, Value};

impl Store {
    /// The server has removed a record that the user has: it is a new one.
    pub(super) fn bear_again(&mut self, row: RowIx) {
        let dirty = self.changes.ensure(row, true);
        dirty.in_base = false;
        dirty.inflight = Stage::Idle;
        dirty.pending = Stage::Add;
        dirty.fields.clear();
        dirty.error = None;
        dirty.held = false;
        self.reborn.push(row);
        self.settle(row);
    }

    /// Records that are new again get client ids: the server must not take the old one, which may
    /// be another record's by then, for a phantom's. Children follow.
    pub fn name_reborn(&mut self, rng: &mut Rng, out: &mut Notices) {
        let rows = core::mem::take(&mut self.reborn);
        let first = self.aftermath.id_changes.len();
        for &row in &rows {
            if self.changes.get(row).is_some_and(|dirty| !dirty.in_base) {
                self.drop_alias(row);
                let cell = self.table.make_cell(Value::Text(&rng.uuid()));
                self.change_id(row, cell, Origin::Rebase, out);
                self.tell(NoticeKind::State, Origin::Rebase, row, out);
            }
        }
        let changes = self.aftermath.id_changes.split_off(first);
        if changes.is_empty() {
            return;
        }
        if let Some(parent) = self.table.schema().parent {
            self.follow_reborn(parent, &changes, out);
        }
        self.aftermath.reborn.extend(changes);
    }

    /// Records that `field` refers to are new again, under other ids: what the server did here when
    /// it removed them is undone with them, and references follow as the user's edits. Records that
    /// are new again for it get their ids by [`Store::name_reborn`].
    pub fn follow_reborn(&mut self, field: FieldIx, changes: &[IdChange], out: &mut Notices) {
        if changes.is_empty() {
            return;
        }
        let covered = self.covered_referrers(field);
        for IdChange { old, new, .. } in changes {
            let id = old.as_ref();
            let mut rows = self.rows_referring(field, id, true);
            rows.extend(self.rows_referring(field, id, false));
            rows.extend_from_slice(covered.find(id));
            for row in distinct(&rows) {
                self.follow_one(row, field, id, new, out);
            }
        }
    }

    fn follow_one(
        &mut self,
        row: RowIx,
        field: FieldIx,
        old: IdRef<'_>,
        new: &Id,
        out: &mut Notices,
    ) {
        let refers = |store: &Self, cell: Cell| store.table.id_ref(cell) == Some(old);
        let seen = self.table.is_visible(row) && refers(self, self.table.cell(row, field));
        if self
            .server_cell(row, field)
            .is_some_and(|cell| refers(self, cell))
        {
            match self.quiet_rule(field) {
                Some(OnRemove::Cascade) => {
                    if !self.table.is_visible(row) {
                        self.end_unsent_removal(row);
                        return;
                    }
                    if self.changes.get(row).is_none_or(|dirty| !dirty.is_sent()) {
                        self.bear_again(row);
                    }
                }
                Some(OnRemove::SetNull) => {
                    self.server_write(row, field, Cell::NULL, true, Origin::Remote, out);
                }
                Some(OnRemove::None) | None => {}
            }
        }
        if seen {
            let cell = self.table.make_cell(new.as_value());
            self.write_user(row, field, cell, Origin::Rebase, out);
        }
        self.settle(row);
    }

    /// A removal that hasn't gone out, of a record that the server has removed meanwhile.
    fn end_unsent_removal(&mut self, row: RowIx) {
        let unsent = |stage| stage == Stage::Idle;
        if self
            .changes
            .get(row)
            .is_some_and(|dirty| unsent(dirty.inflight))
        {
            self.end_removed(row);
        }
    }

    /// What the server has in a field, should it do what is on the wire. None where it doesn't have
    /// the record.
    pub(super) fn server_cell(&self, row: RowIx, field: FieldIx) -> Option<Cell> {
        match self.changes.get(row) {
            Some(dirty) if !dirty.in_base => None,
            Some(dirty) => Some(
                dirty
                    .touched(field)
                    .map_or_else(|| self.table.cell(row, field), |touched| touched.under()),
            ),
            None => Some(self.table.cell(row, field)),
        }
    }

    /// What the server does by itself with records whose reference goes.
    pub(super) fn quiet_rule(&self, field: FieldIx) -> Option<OnRemove> {
        let mut relations = self.relations();
        let (_, relation) = relations.find(|(other, _)| *other == field)?;
        (!relation.send_cascade).then_some(relation.on_remove)
    }
}
