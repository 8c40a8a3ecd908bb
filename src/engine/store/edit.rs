//! The user sets fields. Writes pending only.

use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::rows::pack;
use super::stakes::NOBODY;
use super::{IS_ID, IS_PARENT, IS_REFERENCE, PERSISTS, PLAIN_NUMBER, PLAIN_TEXT, Store, equal};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::journal::Edits;
use crate::engine::rng::is_uuid;
use crate::engine::schema::{FieldIx, FieldKind};
use crate::engine::table::{IdRef, RowId, RowIx};
use crate::engine::value::{Cell, Value};

/// A field of a row, for lists of such.
pub(super) const fn key_of(row: RowIx, field: FieldIx) -> u64 {
    pack(row.0, field.0 as u32)
}

/// The memory of so many edits is fetched at once.
const FETCHED: usize = 64;

impl Store {
    /// The user sets a field. The value is normalised as the field's kind says; `Absent` is `null`,
    /// which is the same as absent. Gives whether anything is different; a value that is back to
    /// what the server has leaves the record clean.
    ///
    /// The parent of a tree's record can be any id or null, but not the record itself or one of its
    /// descendants. The id can be set only while the record is a phantom that isn't on the wire:
    /// afterwards the server knows the record by it, and has no way to be told another.
    pub fn set(
        &mut self,
        id: RowId,
        field: FieldIx,
        value: Value<'_>,
        out: &mut Notices,
    ) -> Result<bool, SyncError> {
        let row = self.visible(id)?;
        let Some(&traits) = self.traits.get(field.ix()) else {
            return Err(SyncError::new(
                ErrorCode::UnknownField,
                format!("{} has no field number {}", self.name(), field.0),
            ));
        };
        let cell = match value {
            Value::Number(number) if traits & PLAIN_NUMBER != 0 => Cell::number(number),
            Value::Text(_) if traits & PLAIN_TEXT != 0 => self.table.make_cell(value),
            Value::Absent => Cell::NULL,
            _ => {
                let zone = self.zone.clone();
                let cell = self.table.make_field_cell(field, value, &zone);
                if self.is_no_date(field, cell) {
                    self.table.release(cell);
                    return Err(self.no_date(field));
                }
                cell
            }
        };
        let old = self.table.cell(row, field);
        if equal(&self.table, traits, old, cell) {
            if cell != old {
                self.table.release(cell);
            }
            return Ok(self.set_again(row, field, old, out));
        }
        if traits & IS_ID != 0 {
            return self.set_id(row, cell, out).map(|()| true);
        }
        if traits & IS_PARENT != 0 {
            self.check_parent(row, cell)?;
        }
        self.write_user(row, field, cell, Origin::Local, out);
        Ok(true)
    }

    /// Whether a value that the app gives for a date field is none. What servers say is kept as it
    /// is.
    pub(super) fn is_no_date(&self, field: FieldIx, cell: Cell) -> bool {
        let kind = self.table.schema().field(field).map(|field| &field.kind);
        let is_date = cell.is_nullish() || cell.as_number().is_some();
        matches!(kind, Some(FieldKind::Date(_))) && !is_date
    }

    #[cold]
    pub(super) fn no_date(&self, field: FieldIx) -> SyncError {
        let field = self.table.schema().field(field);
        let name = field.map_or("", |field| field.name.as_str());
        let words = [self.name(), ": the value for ", name, " is no date"];
        SyncError::new(ErrorCode::InvalidArgument, words.concat())
    }

    /// Makes edits as long as they are of this store and of the kind that is made most often. Gives
    /// whether anything is different. The memory of so many of those that come next was fetched.
    #[inline(never)]
    pub fn overwrite_all(&mut self, edits: &mut Edits<'_>, fetched: &mut usize) -> bool {
        let mut any = false;
        let mut rest = edits.clone();
        while self.can_overwrite() && rest.store() == Some(self.id) {
            if *fetched == 0 {
                self.fetch(&rest);
                *fetched = FETCHED;
            }
            *fetched -= 1;
            let Some(changed) = rest
                .take_next()
                .and_then(|edit| self.overwrite(edit.row, edit.field, edit.value))
            else {
                break;
            };
            any |= changed;
            *edits = rest.clone();
        }
        any
    }

    /// Rows lie far apart, and what an edit waits for is memory: that of several is fetched at
    /// once.
    #[inline(always)]
    fn fetch(&self, edits: &Edits<'_>) {
        let fetch =
            |mixed, (row, field)| mixed ^ self.changes.touch(row) ^ self.table.touch(row, field);
        core::hint::black_box(edits.places(self.id).take(FETCHED).fold(0, fetch));
    }

    /// Whether nobody hears of an edit, or waits for it.
    #[inline(always)]
    fn can_overwrite(&self) -> bool {
        let is_watched = self.untracked || self.owner.call != NOBODY;
        !is_watched && !self.hears(NoticeKind::Update, Origin::Local)
    }

    /// What is set most often: another value for a field that was edited before, of a record that
    /// is otherwise as the server has it. `None` where it takes more than that.
    #[inline(always)]
    fn overwrite(&mut self, id: RowId, field: FieldIx, value: Value<'_>) -> Option<bool> {
        let traits = *self.traits.get(field.ix())?;
        if traits & !(PLAIN_NUMBER | PLAIN_TEXT) != PERSISTS {
            return None;
        }
        let row = id.row;
        let dirty = self.changes.get_mut(row)?;
        if !dirty.is_being_edited() {
            return None;
        }
        // As long as there is an entry, no other record can move in: asking once will do.
        if dirty.known != id.generation {
            self.table.shown(id)?;
            dirty.known = id.generation;
        }
        let touched = dirty.fields.iter_mut().find(|it| it.field == field)?;
        let old = touched.pending;
        if old.is_absent() || !touched.inflight.is_absent() {
            return None;
        }
        let cell = match value {
            Value::Number(number) if traits & PLAIN_NUMBER != 0 => Cell::number(number),
            Value::Text(_) if traits & PLAIN_TEXT != 0 => self.table.make_cell(value),
            _ => return None,
        };
        if cell == old {
            return Some(false);
        }
        if cell == touched.base {
            return None;
        }
        let dead = match (cell.is_span(), old.is_span()) {
            (true, _) if self.table.same(touched.base, cell) => {
                self.table.release(cell);
                return None;
            }
            (true, true) if self.table.same(old, cell) => Some(cell),
            (_, true) => Some(old),
            _ => None,
        };
        if let Some(dead) = dead {
            self.table.release(dead);
        }
        if dead == Some(cell) {
            return Some(false);
        }
        touched.pending = cell;
        touched.cascaded = false;
        touched.written = self.version as u32;
        dirty.edited = self.now;
        self.table.put_cell(row, field, cell);
        self.version += 1;
        Some(true)
    }

    /// A value is set that is seen already. Where an edit that isn't shown would change it, that is
    /// called off; and who waits for what was set waits for what others have set.
    fn set_again(&mut self, row: RowIx, field: FieldIx, cell: Cell, out: &mut Notices) -> bool {
        let hides = |dirty: &Dirty| dirty.hidden_cell(field, false).is_some();
        if self.changes.get(row).is_some_and(hides) {
            self.stake_field(row, field, cell);
            self.settle(row);
            self.recount(row);
            self.tell(NoticeKind::State, Origin::Local, row, out);
            return true;
        }
        if self.owner.call != NOBODY && self.watch_row(row, self.owner.call) {
            self.staked.push(row);
        }
        false
    }

    /// Writes a value, known to differ from what is seen, into the user's layer.
    pub(super) fn write_user(
        &mut self,
        row: RowIx,
        field: FieldIx,
        cell: Cell,
        origin: Origin,
        out: &mut Notices,
    ) {
        let old = self.table.cell(row, field);
        let traits = self.traits(field);
        if traits & IS_REFERENCE != 0 && origin == Origin::Local {
            self.aftermath.given.push(key_of(row, field));
        }
        let known = |dirty: &Dirty| dirty.in_base;
        if self.untracked && self.changes.get(row).is_none_or(known) {
            self.server_write(row, field, cell, false, origin, out);
            self.settle(row);
            return;
        }
        let dirty = self.changes.ensure(row, true);
        let held = core::mem::take(&mut dirty.held);
        dirty.edited = self.now;
        let staked = !dirty.stakes.is_empty() || self.owner.call != NOBODY;
        if staked && self.stake_field(row, field, cell) {
            self.recount(row);
            self.tell(NoticeKind::State, origin, row, out);
            return;
        }
        let table = &self.table;
        let dirty = self.changes.ensure(row, true);
        if dirty.is_all_pending() {
            if held {
                self.recount(row);
            }
            self.put(row, field, cell);
            if !staked {
                self.table.release(old);
            }
            self.tell_field(NoticeKind::Update, origin, (row, field), (old, cell), out);
            return;
        }
        let touched = dirty.touch(field, old);
        let dead = touched.write(cell, &|a, b| equal(table, traits, a, b));
        touched.written = self.version as u32;
        let visible = touched.visible();
        let idle = touched.pending.is_absent();
        let plain = touched.inflight.is_absent() && traits & PERSISTS != 0;
        let counted = dirty.counted.ready && dirty.pending == Stage::Idle;
        self.put(row, field, visible);
        if !staked {
            if visible != cell {
                self.table.release(cell);
            }
            self.table.release(dead);
        }
        if idle {
            self.settle(row);
        } else if !(plain && counted) {
            self.recount(row);
        }
        self.tell_field(
            NoticeKind::Update,
            origin,
            (row, field),
            (old, visible),
            out,
        );
    }

    /// Takes the user's edit of one field back.
    pub(super) fn reject_field(&mut self, row: RowIx, field: FieldIx, out: &mut Notices) {
        let (table, traits) = (&self.table, self.traits(field));
        if let Some(touched) = self.changes.get_mut(row).and_then(|dirty| {
            dirty
                .fields
                .iter_mut()
                .find(|touched| touched.field == field)
        }) {
            touched.reject(&|a, b| equal(table, traits, a, b));
        }
        self.recompose(row, Origin::Rollback, out);
    }

    /// Makes what is seen follow the layers, then brings the entry in order.
    pub(super) fn recompose(&mut self, row: RowIx, origin: Origin, out: &mut Notices) {
        let visible = self.table.is_visible(row);
        let mut at = 0;
        while let Some(touched) = self.changes.get(row).and_then(|dirty| dirty.fields.get(at)) {
            let (field, cell) = (touched.field, touched.visible());
            let old = self.table.cell(row, field);
            if old != cell {
                let differs = !self.equal(field, old, cell);
                self.put(row, field, cell);
                if visible && differs {
                    self.tell_field(NoticeKind::Update, origin, (row, field), (old, cell), out);
                }
            }
            at += 1;
        }
        self.settle(row);
    }

    fn set_id(&mut self, row: RowIx, cell: Cell, out: &mut Notices) -> Result<(), SyncError> {
        let refuse = |why: &str| Err(SyncError::new(ErrorCode::InvalidArgument, why));
        match self.changes.get(row) {
            Some(dirty) if dirty.is_all_pending() => {}
            Some(dirty) if !dirty.in_base => {
                return refuse("the record is on its way to the server, which knows it by this id");
            }
            _ => return refuse("the server knows the record by this id; it can't be changed"),
        }
        self.check_new_id(cell)?;
        self.keep_alias(row, cell);
        self.change_id(row, cell, Origin::Local, out);
        self.follow_parents(self.aftermath.id_changes.len().saturating_sub(1), out);
        Ok(())
    }

    /// A phantom gets an id of the app's choice: the server goes on with the one that it had.
    fn keep_alias(&mut self, row: RowIx, new: Cell) {
        let old = self.id_of(row).map(|id| id.text()).unwrap_or_default();
        let chosen = self.table.text(new).is_none_or(|text| !is_uuid(text));
        if !chosen {
            // It can go by that itself.
            self.drop_alias(row);
        } else if is_uuid(&old) && self.changes.get(row).is_some_and(|it| it.alias.is_none()) {
            self.name_phantom(row, old);
        }
    }

    /// Whether a cell can be the id of a new record.
    pub(super) fn check_new_id(&self, cell: Cell) -> Result<(), SyncError> {
        let Some(id) = self.table.id_ref(cell) else {
            return Err(SyncError::new(
                ErrorCode::InvalidArgument,
                "an id is a number or text",
            ));
        };
        if let IdRef::Text("") = id {
            return Err(SyncError::new(
                ErrorCode::InvalidArgument,
                "an id can't be empty",
            ));
        }
        match self.table.find_id(id) {
            Some(_) => Err(self.duplicate(id)),
            None => Ok(()),
        }
    }

    #[cold]
    pub(super) fn duplicate(&self, id: IdRef<'_>) -> SyncError {
        SyncError::new(
            ErrorCode::DuplicateId,
            format!(
                "{} has a record of id {} already",
                self.name(),
                super::Id::from(id)
            ),
        )
    }

    /// Gives a record another id, known to be free; it keeps its key. What refers to it follows
    /// later, all ids at once.
    pub(super) fn change_id(&mut self, row: RowIx, cell: Cell, origin: Origin, out: &mut Notices) {
        let field = self.table.schema().id;
        let old = self.table.cell(row, field);
        let old_id = self.id_of(row);
        if let Some(old_id) = &old_id {
            self.keys.keep(row, old_id);
        }
        self.put(row, field, cell);
        self.tell_field(NoticeKind::IdChange, origin, (row, field), (old, cell), out);
        let (Some(old), Some(new)) = (old_id, self.id_of(row)) else {
            return;
        };
        let row = self.table.handle(row);
        self.aftermath.id_changes.push(super::IdChange {
            row,
            old,
            new,
            own: false,
        });
    }

    /// Children name their parents by the ids that those got, from the given id change of the
    /// aftermath on.
    pub(super) fn follow_parents(&mut self, from: usize, out: &mut Notices) {
        let Some(parent) = self.table.schema().parent else {
            return;
        };
        let changes = self
            .aftermath
            .id_changes
            .split_off(from.min(self.aftermath.id_changes.len()));
        self.rewrite_references(parent, &changes, out);
        self.aftermath.id_changes.extend(changes);
    }
}
