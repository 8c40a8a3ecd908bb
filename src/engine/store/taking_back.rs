//! Calls are taken back: their own edits go, what others set in the same fields, before or since,
//! is seen again.

use super::Store;
use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::stakes::{Of, Stake};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::input::CallId;
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Cell;
use crate::prelude::*;

impl Store {
    /// Takes back what a call did, and only that: in one record, or in all. What it has at stake is
    /// decided. Other stores have to follow.
    pub fn roll_back(&mut self, call: CallId, only: Option<RowId>, out: &mut Notices) {
        let owns = |dirty: &Dirty| dirty.stakes.iter().any(|stake| stake.call == call);
        let rows = match only {
            Some(id) => self.table.resolve(id).into_iter().collect(),
            None => self.changes.rows(owns),
        };
        let (mut going, mut back) = (Vec::new(), Vec::new());
        for &row in &rows {
            let Some(dirty) = self.changes.get_mut(row).filter(|dirty| owns(dirty)) else {
                continue;
            };
            let (over, rest): (Vec<Stake>, Vec<Stake>) =
                dirty.stakes.iter().partition(|stake| stake.call == call);
            dirty.stakes = rest;
            for stake in over {
                match stake.of {
                    Of::Record => {}
                    Of::Addition => going.push(row),
                    Of::Removal if stake.hidden && stake.sent => self.cover_removal(row),
                    Of::Removal if stake.hidden => {}
                    Of::Removal => back.push(row),
                    Of::Field(field) if stake.sent => self.cover(row, field, &stake),
                    Of::Field(field) => self.unwrite(row, field, out),
                }
            }
            self.recompose(row, Origin::Rollback, out);
            self.recount(row);
            self.tell(NoticeKind::State, Origin::Rollback, row, out);
        }
        self.drop_added(&going, Origin::Rollback, out);
        back.retain(|&row| self.changes.get(row).is_some_and(|dirty| !dirty.exists()));
        self.bring_back(&back, Origin::Rollback, out);
        let forgotten = |dirty: &Dirty| dirty.is_unsent_removal() && dirty.stakes.is_empty();
        for row in rows {
            // Nobody is left who could bring it back.
            if self.changes.get(row).is_some_and(forgotten) {
                self.end_unsent(row);
            }
        }
    }

    /// A field is as the edits say that are left.
    fn unwrite(&mut self, row: RowIx, field: FieldIx, out: &mut Notices) {
        let traits = self.traits(field);
        let table = &self.table;
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        let mut left = dirty.stakes.iter().rev();
        let seen = left
            .find(|stake| stake.of == Of::Field(field) && !stake.sent && !stake.hidden)
            .map(|stake| (stake.cell, stake.written));
        if dirty.is_all_pending() {
            let old = table.cell(row, field);
            if let Some((cell, _)) = seen.filter(|&(cell, _)| cell != old) {
                self.put(row, field, cell);
                let change = (old, cell);
                let origin = Origin::Rollback;
                self.tell_field(NoticeKind::Update, origin, (row, field), change, out);
            }
        } else if seen.is_some() || dirty.touched(field).is_some() {
            let touched = dirty.touch(field, table.cell(row, field));
            (touched.pending, touched.written) = seen.unwrap_or((Cell::ABSENT, 0));
            touched.settle(&|a, b| super::equal(table, traits, a, b));
        }
    }

    /// What is on the wire of a field can't be taken back: what was set before is laid over it, or
    /// what the server has.
    fn cover(&mut self, row: RowIx, field: FieldIx, stake: &Stake) {
        let traits = self.traits(field);
        let table = &self.table;
        let column = table.cell(row, field);
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        let mut left = dirty.stakes.iter_mut().rev();
        let left = left.find(|it| it.of == stake.of && it.sent && !it.hidden);
        if left.as_ref().is_some_and(|it| it.written > stake.written) {
            return;
        }
        let left = left.map(|it| {
            // The wire carries the later one.
            it.sent = false;
            (it.cell, it.written)
        });
        let in_base = dirty.in_base;
        let touched = dirty.touch(field, column);
        if stake.hidden {
            touched.inflight = stake.cell;
        }
        let same = |a: Cell, b: Cell| super::equal(table, traits, a, b);
        match left {
            _ if !touched.pending.is_absent() => {}
            Some((cell, written)) if !cell.is_absent() => {
                (touched.pending, touched.written) = (cell, written);
            }
            _ if in_base => touched.reject(&same),
            _ => touched.pending = Cell::NULL,
        }
        touched.settle(&same);
    }

    fn cover_removal(&mut self, row: RowIx) {
        // A removal that was seen as well has layers of its own.
        if let Some(dirty) = self.changes.get_mut(row)
            && dirty.inflight == Stage::Idle
        {
            dirty.inflight = Stage::Remove(None);
            dirty.pending = match dirty.pending {
                Stage::Remove(_) => Stage::Idle,
                Stage::Idle | Stage::Add => Stage::Add,
            };
        }
    }

    /// Turns what is on the wire unseen into layers, before the stakes that hold it are decided
    /// otherwise than by the server.
    pub(super) fn cover_hidden(&mut self, row: RowIx) {
        let Some(dirty) = self.changes.get(row) else {
            return;
        };
        if dirty.stakes.is_empty() {
            return;
        }
        if dirty.hides_removal(true) {
            self.cover_removal(row);
        }
        for (field, cell) in self.hidden_sent(row) {
            let column = self.table.cell(row, field);
            if let Some(dirty) = self.changes.get_mut(row).filter(|dirty| dirty.in_base) {
                dirty.touch(field, column).inflight = cell;
            }
        }
    }
}
