//! The user adds records.

use super::Store;
use super::edit::key_of;
use super::fields::with_json;
use super::notices::Notices;
use super::record_state::Stage;
use super::stakes::Of;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::input::Place;
use crate::engine::json::Rows;
use crate::engine::rng::{Rng, is_uuid};
use crate::engine::schema::FieldIx;
use crate::engine::table::{IdRef, RowId, RowIx, Table};
use crate::engine::value::{Cell, Value};
use crate::prelude::*;

/// By place in a staging table's schema: the store's field of the same name.
pub(super) type FieldMap = Vec<Option<FieldIx>>;

impl Store {
    /// The user adds records; all or none.
    ///
    /// A record without an id is a phantom: it gets a UUID as its client id. An id that the app
    /// gives is kept until the server has given one; the server gets a UUID in its place, unless it
    /// is one. Adding a record that was
    /// removed here brings it back, with the given values on top of what it had. Fields that aren't
    /// given get their defaults. A place past the end is the end.
    pub fn add(
        &mut self,
        rows: &Rows,
        place: Place,
        rng: &mut Rng,
        out: &mut Notices,
    ) -> Result<Vec<RowId>, SyncError> {
        let map = self.map_fields(&rows.table).map_err(|name| {
            SyncError::new(
                ErrorCode::Limit,
                format!("no room for another field: {name}"),
            )
        })?;
        self.check_added(&rows.table)?;
        self.check_dates(&rows.table, &map)?;
        let at = match place {
            Place::End => None,
            Place::Position(at) => Some(at as usize),
        };
        let mut added = Vec::with_capacity(rows.table.order().len());
        for &from in rows.table.order() {
            added.push(self.add_row(&rows.table, from, &map, rng));
        }
        self.name_parents(rows, &added);
        let fresh: Vec<RowIx> = added
            .iter()
            .copied()
            .filter(|&row| self.is_fresh(row))
            .collect();
        let back: Vec<RowIx> = added
            .iter()
            .copied()
            .filter(|&row| !self.is_fresh(row))
            .collect();
        let hidden = self.owner.hidden;
        for &row in &fresh {
            self.stake(row, Of::Addition, Cell::ABSENT);
            self.changes.ensure(row, true).veiled = hidden;
            self.recount(row);
        }
        if !hidden {
            self.table.show(&fresh, at);
            self.version += 1;
            for &row in &fresh {
                self.tell(NoticeKind::Add, Origin::Local, row, out);
            }
        }
        self.bring_back(&back, Origin::Local, out);
        self.lay_given_over(&rows.table, &back, &map, out);
        if self.untracked {
            for &row in &added {
                self.accept_row(row, out);
            }
        }
        Ok(added
            .into_iter()
            .map(|row| self.table.handle(row))
            .collect())
    }

    /// Children that stood in a record without an id name it by the one that it got.
    fn name_parents(&mut self, rows: &Rows, added: &[RowIx]) {
        let Some(field) = self
            .table
            .schema()
            .parent
            .filter(|_| !rows.nested.is_empty())
        else {
            return;
        };
        let mut places = vec![None; rows.table.rows_len()];
        for (from, &to) in rows.table.order().iter().zip(added) {
            places[from.ix()] = Some(to);
        }
        let id = self.table.schema().id;
        for (child, parent) in &rows.nested {
            if let (Some(child), Some(parent)) = (places[child.ix()], places[parent.ix()])
                && self.is_fresh(child)
            {
                let cell = self.table.cell(parent, id);
                self.put(child, field, cell);
            }
        }
    }

    fn is_fresh(&self, row: RowIx) -> bool {
        self.changes.get(row).is_some_and(|dirty| {
            dirty.is_all_pending() && dirty.pending == Stage::Add && !self.table.is_visible(row)
        })
    }

    /// The fields of another table, made here where they are missing; or the name of one that has
    /// no room.
    pub(super) fn map_fields(&mut self, from: &Table) -> Result<FieldMap, String> {
        let mut map = Vec::with_capacity(from.schema().len());
        for field in from.schema().fields() {
            map.push(Some(match self.table.schema().find(&field.name) {
                Some(ix) => ix,
                None => self
                    .adopt_field(field.clone())
                    .ok_or_else(|| field.name.clone())?,
            }));
        }
        Ok(map)
    }

    /// Whether rows can be added as they are: ids that are ids, and that no visible record has; no
    /// circles of parents.
    fn check_added(&self, from: &Table) -> Result<(), SyncError> {
        let id_field = from.schema().id;
        for &row in from.order() {
            let cell = from.cell(row, id_field);
            if cell.is_nullish() {
                continue;
            }
            let Some(id) = from.id_ref(cell) else {
                return Err(SyncError::new(
                    ErrorCode::InvalidArgument,
                    "an id is a number or text",
                ));
            };
            if from.text(cell) == Some("") {
                return Err(SyncError::new(
                    ErrorCode::InvalidArgument,
                    "an id can't be empty",
                ));
            }
            if from.find_id(id) != Some(row)
                || self
                    .table
                    .find_id(id)
                    .or_else(|| self.row_once_called(from.text(cell)?))
                    .is_some_and(|row| self.table.is_visible(row))
            {
                return Err(self.duplicate(id));
            }
        }
        self.check_added_parents(from)
    }

    fn check_dates(&self, from: &Table, map: &FieldMap) -> Result<(), SyncError> {
        for (at, field) in map.iter().enumerate() {
            let Some(field) = *field else { continue };
            let cells = from.order().iter();
            let mut cells = cells.map(|&row| from.cell(row, FieldIx(at as u16)));
            if cells.any(|cell| self.is_no_date(field, cell)) {
                return Err(self.no_date(field));
            }
        }
        Ok(())
    }

    /// Follows each row's parents through both tables.
    fn check_added_parents(&self, from: &Table) -> Result<(), SyncError> {
        let (Some(ours), Some(theirs)) = (self.table.schema().parent, from.schema().parent) else {
            return Ok(());
        };
        let steps_max = from.rows_len() + self.table.rows_len();
        for &start in from.order() {
            let mut at = (from, start);
            // A circle that the record isn't part of is none of its business.
            for _ in 0..steps_max {
                let (table, row) = at;
                let field = if core::ptr::eq(table, from) {
                    theirs
                } else {
                    ours
                };
                let Some(id) = table.id_ref(table.cell(row, field)) else {
                    break;
                };
                at = match (from.find_id(id), self.table.find_id(id)) {
                    (Some(row), _) => (from, row),
                    (None, Some(row)) => (&self.table, row),
                    (None, None) => break,
                };
                if core::ptr::eq(at.0, from) && at.1 == start {
                    return Err(SyncError::new(
                        ErrorCode::InvalidArgument,
                        "these records would be their own ancestors",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Takes one row over: a new phantom, still hidden; or the removed record of that id, left as
    /// it is.
    fn add_row(&mut self, from: &Table, row: RowIx, map: &FieldMap, rng: &mut Rng) -> RowIx {
        let id = from.cell(row, from.schema().id);
        if let Some(known) = from.id_ref(id).and_then(|id| self.table.find_id(id)) {
            return known;
        }
        let renamed = from
            .text(id)
            .is_some_and(|text| self.phantoms.find(text, false).is_some());
        if let Some(known) = from.text(id).and_then(|text| self.row_once_called(text)) {
            return known;
        }
        let new = self.copy_row(from, row, map);
        if id.is_nullish() {
            let id = self.table.make_cell(Value::Text(&rng.uuid()));
            self.put(new, self.table.schema().id, id);
        }
        self.keys.welcome(new, self.id_of(new));
        let dirty = self.changes.ensure(new, false);
        dirty.in_base = false;
        dirty.pending = Stage::Add;
        if !id.is_nullish() && (renamed || from.text(id).is_none_or(|text| !is_uuid(text))) {
            self.name_phantom(new, rng.uuid());
        }
        for reference in &self.references {
            if !self.table.cell(new, reference.field).is_nullish() {
                self.aftermath.given.push(key_of(new, reference.field));
            }
        }
        new
    }

    /// A new hidden row with the values of another table's row, and defaults where those say
    /// nothing.
    pub(super) fn copy_row(&mut self, from: &Table, row: RowIx, map: &FieldMap) -> RowIx {
        let new = self.table.push_row();
        for (at, field) in map.iter().enumerate() {
            let cell = from.cell(row, FieldIx(at as u16));
            if let (Some(field), false) = (*field, cell.is_absent()) {
                let cell = self.table.copy_cell(from, cell);
                self.put(new, field, cell);
            }
        }
        for (field, default) in self.defaults() {
            if self.table.cell(new, field).is_absent() {
                self.put(new, field, default);
            }
        }
        new
    }

    /// Fields that have a default, with it.
    pub(super) fn defaults(&mut self) -> Vec<(FieldIx, Cell)> {
        let zone = self.zone.clone();
        let fields = self.table.schema().fields().iter().enumerate();
        let texts: Vec<(FieldIx, Box<str>)> = fields
            .filter_map(|(at, field)| Some((FieldIx(at as u16), field.default.clone()?)))
            .collect();
        texts
            .into_iter()
            .map(|(field, text)| {
                let table = &mut self.table;
                (
                    field,
                    with_json(&text, |value| table.make_field_cell(field, value, &zone)),
                )
            })
            .collect()
    }

    /// Sets what the app gave for records that came back.
    fn lay_given_over(&mut self, from: &Table, back: &[RowIx], map: &FieldMap, out: &mut Notices) {
        for &row in back {
            let by_key = || from.find_id(IdRef::Text(self.keys.get(row)?));
            let given = self.id_of(row).and_then(|id| from.find_id(id.as_ref()));
            let given = given.or_else(by_key);
            let Some(given) = given else { continue };
            for (at, field) in map.iter().enumerate() {
                let cell = from.cell(given, FieldIx(at as u16));
                let Some(field) = *field else { continue };
                if cell.is_absent() || field == self.table.schema().id {
                    continue;
                }
                let cell = self.table.copy_cell(from, cell);
                if self.equal(field, self.table.cell(row, field), cell) {
                    self.table.release(cell);
                } else {
                    self.write_user(row, field, cell, Origin::Local, out);
                }
            }
        }
    }
}
