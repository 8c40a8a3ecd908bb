//! Whose ids the server's rows say. That comes before anything that the rows say is applied, in all
//! stores: by then every reference of the user's names its record as the server does, and can be
//! compared with the server's.

use super::answer::{NewId, Unmentioned, Warning};
use super::layers::Touched;
use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::rows::{Groups, entry, places};
use super::{Id, Store};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::json::{RecordOutcome, Rows};
use crate::engine::schema::FieldIx;
use crate::engine::table::{IdRef, RowIx};
use crate::engine::value::{Cell, Value};
use crate::prelude::*;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Phantoms that got their ids.
    pub new_ids: Vec<NewId>,
    /// Oddities.
    pub warnings: Vec<Warning>,
    /// The same records.
    renamed: Groups,
}

impl Unmentioned {
    /// Whether the answer is to be believed in what it says of a record: a failed one has nothing
    /// but outcomes.
    pub(super) fn decides(self, outcome: Option<&RecordOutcome>) -> bool {
        match self {
            Self::Confirmed | Self::Missing => true,
            Self::Undecided => outcome.is_some_and(|outcome| outcome.success.is_some()),
            Self::RolledBack => false,
        }
    }
}

impl Store {
    /// Gives phantoms the ids that the rows say; those whose own ids the rows use for other records
    /// give way. Nothing else of the rows is applied. Other stores have to follow.
    pub fn name_rows(
        &mut self,
        rows: &mut Rows,
        unmentioned: Unmentioned,
        named: &mut Named,
        out: &mut Notices,
    ) {
        let first_change = self.aftermath.id_changes.len();
        if self.has_aliases() || self.keeps_unsent {
            self.give_way_to(rows, unmentioned, named, out);
        }
        let outcomes = places(
            rows.table.rows_len(),
            rows.outcomes.iter().map(|(row, _)| *row),
        );
        let id_field = rows.table.schema().id;
        for (row, text) in &rows.phantom_ids {
            let outcome = entry(&rows.outcomes, &outcomes, *row);
            let Some(phantom) = self
                .phantom_row(text)
                .filter(|_| takes(unmentioned, outcome))
            else {
                continue;
            };
            let id = rows.table.id_ref(rows.table.cell(*row, id_field));
            let id = id.map(Id::from);
            if let Some(id) = id.or_else(|| self.phantoms.find(text, false).cloned()) {
                self.give_id(phantom, &id, named, out);
            }
        }
        self.follow_parents(first_change, out);
        self.name_phantom_parents(rows);
    }

    /// Phantoms whose own ids these rows have, or whom they call their parents by other names.
    fn give_way_to(
        &mut self,
        rows: &Rows,
        unmentioned: Unmentioned,
        named: &mut Named,
        out: &mut Notices,
    ) {
        let len = rows.table.rows_len();
        let outcomes = places(len, rows.outcomes.iter().map(|(row, _)| *row));
        let phantoms = places(len, rows.phantom_ids.iter().map(|(row, _)| *row));
        let mut going = Vec::new();
        let own =
            |dirty: &Dirty| dirty.alias.is_some() && (!self.sends_ids || dirty.is_unsent_removal());
        for row in self.changes.rows(own) {
            let id = self
                .table
                .id_ref(self.table.cell(row, self.table.schema().id));
            let Some(at) = id.and_then(|id| rows.table.find_id(id)) else {
                continue;
            };
            let phantom = entry(&rows.phantom_ids, &phantoms, at);
            let same = phantom.is_some_and(|text| self.phantom_row(text) == Some(row));
            if !same && takes(unmentioned, entry(&rows.outcomes, &outcomes, at)) {
                going.push(row);
            }
        }
        for row in going {
            self.yield_id(row, named, out);
        }
        if let Some(parent) = self.table.schema().parent {
            self.yield_ids(&self.own_ids_in(rows, parent, self), named, out);
        }
        for (_, text) in &rows.phantom_parent_ids {
            if let Some(row) = self.phantom_row(text).filter(|&row| self.is_own_id(row)) {
                self.change_to_alias(row, out);
            }
        }
    }

    /// Ids that the app chose for records of `target`, and that these rows refer to by a field:
    /// the server means other records.
    pub fn own_ids_in(&self, rows: &Rows, field: FieldIx, target: &Self) -> Vec<Id> {
        let name = self.table.schema().field(field).map(|field| &field.name);
        let Some(from) = name.and_then(|name| rows.table.schema().find(name)) else {
            return Vec::new();
        };
        let ids = rows.table.order().iter();
        let ids = ids.filter_map(|&row| rows.table.id_ref(rows.table.cell(row, from)));
        let own = |id| {
            target
                .table
                .find_id(id)
                .is_some_and(|row| target.is_own_id(row))
        };
        ids.filter(|&id| own(id)).map(Id::from).collect()
    }

    /// The server refers to records by these ids: phantoms that go by them give way.
    pub fn yield_ids(&mut self, ids: &[Id], named: &mut Named, out: &mut Notices) {
        for id in ids {
            let row = self.table.find_id(id.as_ref());
            if let Some(row) = row.filter(|&row| self.is_own_id(row)) {
                self.yield_id(row, named, out);
            }
        }
    }

    fn yield_id(&mut self, row: RowIx, named: &mut Named, out: &mut Notices) {
        let id = self.id_of(row).map(|id| id.text()).unwrap_or_default();
        let message = [
            self.name(),
            ": the server has another record of id ",
            &id,
            "; the added one goes on under a new one",
        ];
        named.warnings.push(Warning {
            message: message.concat(),
            rows: vec![self.table.handle(row)],
        });
        self.change_to_alias(row, out);
    }

    /// The phantom takes the client id that the server gets anyway.
    fn change_to_alias(&mut self, row: RowIx, out: &mut Notices) {
        let Some(alias) = self.drop_alias(row) else {
            return;
        };
        let cell = self.table.make_cell(Value::Text(&alias));
        let first_change = self.aftermath.id_changes.len();
        self.change_id(row, cell, Origin::Rebase, out);
        if let Some(change) = self.aftermath.id_changes.last_mut() {
            change.own = true;
        }
        self.follow_parents(first_change, out);
    }

    /// A phantom gets the server's id.
    fn give_id(&mut self, row: RowIx, id: &Id, named: &mut Named, out: &mut Notices) {
        let Some(phantom) = self.id_of(row) else {
            return;
        };
        let other = self.table.find_id(id.as_ref());
        if other == Some(row) && phantom == *id {
            self.learn_id(row, &phantom, id);
            return;
        }
        // The same id in another form (`7` for `"7"`) is taken over as the server writes it.
        if let Some(other) = other.filter(|&other| other != row) {
            let saved = self.changes.get(row).is_none_or(|dirty| dirty.in_base);
            if saved || !named.renamed.find(other.0.into()).is_empty() {
                return;
            }
            self.absorb(other, row, out);
        }
        let cell = self.table.make_cell(id.as_value());
        self.change_id(row, cell, Origin::Remote, out);
        named.renamed.insert(row.0.into(), row);
        self.learn_id(row, &phantom, id);
        let row = self.table.handle(row);
        let id = id.clone();
        named.new_ids.push(NewId { row, phantom, id });
    }

    /// The server's record came by another way before its phantom got the id: the phantom takes its
    /// place, and its edits.
    fn absorb(&mut self, other: RowIx, phantom: RowIx, out: &mut Notices) {
        let along = self.went_along(phantom);
        let edits = self.changes.get(other).map(|dirty| dirty.fields.to_vec());
        for edit in edits.unwrap_or_default() {
            let (field, cell) = (edit.field, edit.pending);
            // The user may have edited both; the later edit stands.
            let later =
                |touched: &Touched| !touched.pending.is_absent() && touched.written > edit.written;
            let dirty = self.changes.get(phantom);
            let covered = dirty
                .and_then(|dirty| dirty.touched(field))
                .is_some_and(later);
            let same = self.equal(field, cell, self.table.cell(phantom, field));
            if !cell.is_absent() && !covered && !same {
                let copy = self.copy_within(cell);
                self.write_user(phantom, field, copy, Origin::Rebase, out);
            }
        }
        // One of the two only went along with what it referred to: where the record refers by its
        // latest edit decides.
        let elsewhere = |store: &Self, (field, id): (FieldIx, Option<Id>)| {
            let now = store.table.id_ref(store.table.cell(phantom, field));
            now != id.as_ref().map(Id::as_ref)
        };
        let exists = self.changes.get(other).is_none_or(Dirty::exists);
        let moved = self.went_along(other).is_some_and(|it| elsewhere(self, it));
        let removed = !exists && !moved;
        if exists && along.is_some_and(|it| elsewhere(self, it)) {
            self.stay(phantom, out);
        }
        let id = self.id_of(other);
        let stakes = self.changes.get_mut(other);
        let stakes = stakes.map(|dirty| core::mem::take(&mut dirty.stakes));
        if let (Some(stakes), Some(dirty)) = (stakes, self.changes.get_mut(phantom)) {
            dirty.stakes.extend(stakes);
        }
        self.table.hide(&[other]);
        if exists {
            self.tell(NoticeKind::Remove, Origin::Remote, other, out);
        }
        self.free(other);
        if let (true, false, Some(id)) = (exists, self.table.is_visible(phantom), id) {
            // The addition was taken back, and what it made goes with all that refers to it.
            if let Some(parent) = self.table.schema().parent {
                let children = self.rows_referring(parent, id.as_ref(), true);
                self.remove_rows(children, Some(parent), Origin::Rebase, out);
            }
            self.aftermath.removed.push(id);
        }
        if removed && self.table.is_visible(phantom) {
            self.remove_rows(vec![phantom], None, Origin::Rebase, out);
        }
    }

    /// The field through which another record's removal, unsent so far, took this one along, with
    /// what it says.
    fn went_along(&self, row: RowIx) -> Option<(FieldIx, Option<Id>)> {
        let dirty = self.changes.get(row)?;
        let Stage::Remove(Some(field)) = dirty.pending else {
            return None;
        };
        let id = self.table.id_ref(self.table.cell(row, field));
        Some((field, id.map(Id::from)))
    }

    /// A record that went along with another stays after all. What went along with it does not.
    fn stay(&mut self, row: RowIx, out: &mut Notices) {
        if let Some(dirty) = self.changes.get_mut(row) {
            dirty.pending = match dirty.inflight {
                Stage::Idle if !dirty.in_base => Stage::Add,
                _ => Stage::Idle,
            };
        }
        self.settle(row);
        self.place_back(&[row]);
        self.version += 1;
        self.tell(NoticeKind::Add, Origin::Rebase, row, out);
    }

    /// A copy of a cell of this store's table, for another owner.
    fn copy_within(&mut self, cell: Cell) -> Cell {
        let text = match self.table.value(cell) {
            Value::Text(text) => text.to_owned(),
            Value::Json(text) => {
                let text = text.to_owned();
                return self.table.make_cell(Value::Json(&text));
            }
            _ => return cell,
        };
        self.table.make_cell(Value::Text(&text))
    }

    /// Rows that name their parents by client ids alone get the ids that those have, or shall have:
    /// from the rows themselves, or from what is here.
    fn name_phantom_parents(&self, rows: &mut Rows) {
        let named = core::mem::take(&mut rows.phantom_parent_ids);
        let Some(field) = rows.table.schema().parent.filter(|_| !named.is_empty()) else {
            return;
        };
        let mut phantoms = Groups::default();
        for (at, (_, text)) in rows.phantom_ids.iter().enumerate() {
            phantoms.insert(IdRef::Text(text).hash(), RowIx(at as u32));
        }
        for (row, text) in named {
            if !rows.table.cell(row, field).is_nullish() {
                continue;
            }
            let found = phantoms.find(IdRef::Text(&text).hash()).iter();
            let mut found = found.filter_map(|at| rows.phantom_ids.get(at.ix()));
            let given = found
                .find(|(_, other)| *other == text)
                .and_then(|(parent, _)| {
                    let cell = rows.table.cell(*parent, rows.table.schema().id);
                    rows.table.id_ref(cell).map(Id::from)
                });
            let known = || self.phantoms.find(&text, false).cloned();
            let here = || self.id_of(self.phantom_row(&text)?);
            if let Some(id) = given.or_else(known).or_else(here) {
                let cell = rows.table.make_cell(id.as_value());
                rows.table.set_cell(row, field, cell);
            } else {
                let words = ["the parent ", &text, " of a record isn't known"];
                rows.warnings.push(words.concat());
            }
        }
    }
}

/// Whether the answer gives the record of a row its id.
fn takes(unmentioned: Unmentioned, outcome: Option<&RecordOutcome>) -> bool {
    unmentioned.decides(outcome) && outcome.is_none_or(|it| it.success != Some(false))
}
