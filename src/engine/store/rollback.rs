//! Accept and reject: the user's changes become the truth, or go.

use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::stakes::{Of, taken_back};
use super::{Id, Store, equal};
use crate::engine::conflict::Side;
use crate::engine::error::SyncError;
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Cell;
use crate::prelude::*;

impl Store {
    /// Declares a record's changes to be confirmed, also what is on the wire. A phantom keeps its
    /// client id, and is a phantom no more; an answer that comes later still gives it the server's.
    pub fn accept(&mut self, id: RowId, out: &mut Notices) -> Result<(), SyncError> {
        let row = self.resolve(id)?;
        self.accept_row(row, out);
        Ok(())
    }

    /// Declares all changes to be confirmed.
    pub fn accept_all(&mut self, out: &mut Notices) {
        for row in self.changes.rows(|_| true) {
            self.accept_row(row, out);
        }
        self.order_before = None;
    }

    pub(super) fn accept_row(&mut self, row: RowIx, out: &mut Notices) {
        let Some(dirty) = self.changes.get(row) else {
            return;
        };
        if dirty.conflict.is_some() {
            self.close_conflict(row, Side::Mine);
        }
        let Some(dirty) = self.changes.get(row) else {
            return;
        };
        if dirty.veiled {
            self.changes.ensure(row, true).veiled = false;
            self.reappear(&[row], Origin::Local, out);
        } else if dirty.hides_removal(false) || dirty.hides_removal(true) {
            self.table.hide(&[row]);
            self.version += 1;
            self.tell(NoticeKind::Remove, Origin::Local, row, out);
            self.end_removed(row);
            return;
        } else if !dirty.exists() {
            self.end_removed(row);
            return;
        }
        self.show_hidden(row, out);
        self.decide(row, &Ok(()));
        self.changes.take(row);
        self.tell(NoticeKind::State, Origin::Local, row, out);
    }

    /// Values that wait unseen are seen.
    fn show_hidden(&mut self, row: RowIx, out: &mut Notices) {
        let stakes = match self.changes.get(row) {
            Some(dirty) if !dirty.stakes.is_empty() => dirty.stakes.clone(),
            _ => return,
        };
        for stake in stakes.iter().filter(|stake| stake.hidden) {
            if let Of::Field(field) = stake.of {
                let old = self.table.cell(row, field);
                self.put(row, field, stake.cell);
                let change = (old, stake.cell);
                let at = (row, field);
                self.tell_field(NoticeKind::Update, Origin::Local, at, change, out);
            }
        }
    }

    /// Takes a record's changes back, also what is on the wire: it is seen as the server has it.
    /// What the server then nevertheless confirms is undone by the next package.
    pub fn reject(&mut self, id: RowId, out: &mut Notices) -> Result<(), SyncError> {
        let row = self.resolve(id)?;
        self.reject_rows(&[row], out);
        Ok(())
    }

    /// Takes all changes back: values, parents, order, removed records.
    pub fn reject_all(&mut self, out: &mut Notices) {
        if self.changes.iter().all(Dirty::is_plain_edit) {
            self.reject_edits(out);
        } else {
            let rows = self.changes.rows(|_| true);
            self.reject_rows(&rows, out);
        }
        self.restore_order(out);
    }

    pub(super) fn reject_rows(&mut self, rows: &[RowIx], out: &mut Notices) {
        let mut going = Vec::new();
        let mut back = Vec::new();
        for &row in rows {
            if self.changes.get(row).is_some_and(Dirty::is_plain_edit) {
                self.reject_edit(row, out);
                continue;
            }
            self.close_conflict(row, Side::Theirs);
            self.cover_hidden(row);
            self.decide(row, &Err(taken_back()));
            let Some(dirty) = self.changes.get_mut(row) else {
                continue;
            };
            dirty.blocked = 0;
            let existed = dirty.exists();
            dirty.error = None;
            dirty.held = false;
            if !dirty.in_base {
                if existed || dirty.veiled {
                    going.push(row);
                } else if dirty.is_unsent_removal() {
                    self.end_unsent(row);
                } else {
                    // Its addition is taken back, whatever else had removed it.
                    dirty.pending = Stage::Remove(None);
                    self.drop_pending_values(row, out);
                }
                continue;
            }
            dirty.pending = match dirty.inflight {
                Stage::Remove(_) => Stage::Add,
                Stage::Idle | Stage::Add => Stage::Idle,
            };
            let (table, traits) = (&self.table, &self.traits);
            for touched in dirty.fields.iter_mut() {
                let traits = traits.get(touched.field.ix()).copied().unwrap_or(0);
                touched.reject(&|a, b| equal(table, traits, a, b));
            }
            self.recompose(row, Origin::Rollback, out);
            if existed {
                self.tell(NoticeKind::State, Origin::Rollback, row, out);
            } else {
                back.push(row);
            }
        }
        self.drop_added(&going, Origin::Rollback, out);
        self.reappear(&back, Origin::Rollback, out);
    }

    /// Where fields were edited and nothing else was done, all entries end at once.
    fn reject_edits(&mut self, out: &mut Notices) {
        let records = self.changes.end_all();
        out.expect_stale(records.len());
        for dirty in records.iter().flatten() {
            self.reject_dirty(dirty, out);
        }
    }

    /// A record whose edits are its only difference is base again.
    fn reject_edit(&mut self, row: RowIx, out: &mut Notices) {
        if let Some(dirty) = self.changes.take(row) {
            self.reject_dirty(&dirty, out);
        }
    }

    fn reject_dirty(&mut self, dirty: &Dirty, out: &mut Notices) {
        let row = dirty.row;
        for touched in dirty.fields.iter() {
            let (field, base) = (touched.field, touched.base);
            let old = self.table.cell(row, field);
            if old != base {
                let differs = !self.equal(field, old, base);
                self.put(row, field, base);
                self.table.release(old);
                if differs {
                    let at = (row, field);
                    self.tell_field(NoticeKind::Update, Origin::Rollback, at, (old, base), out);
                }
            }
        }
        self.tell(NoticeKind::State, Origin::Rollback, row, out);
    }

    /// Records that the server doesn't know go; what refers to them lets go of them. Those on the
    /// wire will be removed on the server, should it take them.
    pub(super) fn drop_added(&mut self, rows: &[RowIx], origin: Origin, out: &mut Notices) {
        if rows.is_empty() {
            return;
        }
        let ids: Vec<Id> = rows.iter().filter_map(|&row| self.id_of(row)).collect();
        let seen: Vec<bool> = rows.iter().map(|&row| self.table.is_visible(row)).collect();
        self.table.hide(rows);
        self.version += 1;
        for (&row, seen) in rows.iter().zip(seen) {
            if seen {
                self.tell(NoticeKind::Remove, origin, row, out);
            }
            self.drop_pending_values(row, out);
            // Whoever had removed it has nothing to bring back.
            self.decide_removal(row);
            self.mark_removed(row, None);
        }
        if let Some(parent) = self.table.schema().parent {
            self.undo_references(parent, &ids, out);
        }
        self.aftermath.undone.extend(ids);
    }

    /// What is on the wire stays as it was sent; what was typed since goes. The record is hidden.
    fn drop_pending_values(&mut self, row: RowIx, out: &mut Notices) {
        if let Some(dirty) = self.changes.get_mut(row) {
            for touched in dirty.fields.iter_mut() {
                touched.pending = Cell::ABSENT;
            }
        }
        self.recompose(row, Origin::Rollback, out);
    }

    /// Records (`ids`) that never came to be: phantoms that refer to them go too, other records get
    /// the reference back that the server knows. Gives the rows.
    pub fn undo_references(&mut self, field: FieldIx, ids: &[Id], out: &mut Notices) -> Vec<RowId> {
        let mut rows = Vec::new();
        for id in ids {
            rows.extend(self.rows_referring(field, id.as_ref(), true));
        }
        let handles = rows.iter().map(|&row| self.table.handle(row)).collect();
        let (known, added): (Vec<RowIx>, Vec<RowIx>) = rows
            .into_iter()
            .partition(|&row| self.changes.get(row).is_none_or(|dirty| dirty.in_base));
        for row in known {
            self.reject_field(row, field, out);
        }
        self.drop_added(&added, Origin::Rollback, out);
        handles
    }
}
