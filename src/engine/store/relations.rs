//! Fields that refer to records: who refers to whom, and what becomes of references when ids change
//! or records go.

use super::aftermath::{Id, IdChange};
use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::rows::{Groups, distinct, sorted};
use super::stakes::Of;
use super::{IS_REFERENCE, Store, equal};
use crate::engine::config::{OnRemove, Relation};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::schema::FieldIx;
use crate::engine::table::{IdRef, RowId, RowIx, Table};
use crate::engine::value::{Cell, Value};
use crate::prelude::*;

/// A field that refers to records, of this store (the parent) or of another (a relation).
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) field: FieldIx,
    /// The relation; `None` for the parent field.
    pub(super) relation: Option<Relation>,
    /// Built when first asked for, then kept true by edits. Holds removed records too.
    index: Option<Referrers>,
}

/// Rows by the id that one of their fields holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Referrers {
    groups: Groups,
}

impl Referrers {
    fn build(table: &Table, field: FieldIx) -> Self {
        let mut index = Self::default();
        for row in table.live() {
            index.insert(table, row, table.cell(row, field));
        }
        index
    }

    fn insert(&mut self, table: &Table, row: RowIx, cell: Cell) {
        if let Some(id) = table.id_ref(cell) {
            self.groups.insert(id.hash(), row);
        }
    }

    fn remove(&mut self, table: &Table, row: RowIx, cell: Cell) {
        if let Some(id) = table.id_ref(cell) {
            self.groups.remove(id.hash(), row);
        }
    }

    pub(super) fn find(&self, id: IdRef<'_>) -> &[RowIx] {
        self.groups.find(id.hash())
    }
}

impl Reference {
    /// What is wrong with the index, if it is there.
    pub(super) fn check(&self, table: &Table) -> Option<String> {
        let index = self.index.as_ref()?;
        let named = table
            .live()
            .filter(|&row| table.id_ref(table.cell(row, self.field)).is_some());
        let mut count = 0;
        for row in named {
            count += 1;
            let id = table.id_ref(table.cell(row, self.field))?;
            if !index.find(id).contains(&row) {
                return Some(format!("row {} is missing", row.0));
            }
        }
        let held = index.groups.len();
        (held != count).then(|| format!("{held} rows instead of {count}"))
    }

    pub(super) const fn new(field: FieldIx, relation: Option<Relation>) -> Self {
        Self {
            field,
            relation,
            index: None,
        }
    }
}

/// Whether the user gave a field its value after the last package.
pub(super) fn is_unsent(dirty: &Dirty, field: FieldIx) -> bool {
    dirty
        .touched(field)
        .is_some_and(|touched| !touched.pending.is_absent())
}

impl Store {
    /// The fields that refer to records of other stores, with what they say.
    pub fn relations(&self) -> impl Iterator<Item = (FieldIx, &Relation)> {
        self.references
            .iter()
            .filter_map(|reference| Some((reference.field, reference.relation.as_ref()?)))
    }

    /// The visible records whose field holds that id, in the store's order. Builds an index for the
    /// field at its first call.
    pub fn referrers(&mut self, field: FieldIx, id: IdRef<'_>) -> Vec<RowId> {
        let rows = self.rows_referring(field, id, true);
        let rows = self.by_position(&rows);
        rows.into_iter().map(|row| self.table.handle(row)).collect()
    }

    /// Rows (visible ones, or removed ones) whose field holds that id, in no particular order.
    pub(super) fn rows_referring(
        &mut self,
        field: FieldIx,
        id: IdRef<'_>,
        visible: bool,
    ) -> Vec<RowIx> {
        let Self {
            references, table, ..
        } = self;
        let Some(reference) = references.iter_mut().find(|it| it.field == field) else {
            return Vec::new();
        };
        reference
            .index
            .get_or_insert_with(|| Referrers::build(table, field))
            .find(id)
            .iter()
            .copied()
            .filter(|&row| {
                table.is_visible(row) == visible
                    && table
                        .id_ref(table.cell(row, field))
                        .is_some_and(|other| other == id)
            })
            .collect()
    }

    /// Rows in the store's order.
    pub(super) fn by_position(&self, rows: &[RowIx]) -> Vec<RowIx> {
        let position = |row| self.table.position(row).map_or(u32::MAX, |at| at as u32);
        sorted(rows.iter().map(|&row| (position(row), row)))
    }

    /// Tells the index of a field, if it has one, that a row's value changes.
    pub(super) fn reindex(&mut self, row: RowIx, field: FieldIx, old: Cell, new: Cell) {
        let table = &self.table;
        for reference in &mut self.references {
            if let (true, Some(index)) = (reference.field == field, &mut reference.index) {
                index.remove(table, row, old);
                index.insert(table, row, new);
            }
        }
    }

    /// Tells the indexes that a row goes for good.
    pub(super) fn unindex(&mut self, row: RowIx) {
        let table = &self.table;
        for reference in &mut self.references {
            if let Some(index) = &mut reference.index {
                index.remove(table, row, table.cell(row, reference.field));
            }
        }
    }

    /// Forgets the indexes: the rows are others.
    pub(super) fn forget_indexes(&mut self) {
        for reference in &mut self.references {
            reference.index = None;
        }
    }

    /// Whether the removals and nulls that this field's cascade makes are sent.
    pub(super) fn sends_cascade(&self, field: FieldIx) -> bool {
        // Descendants in a tree: the package's options decide.
        !self.quiet_fields.contains(&field)
    }

    /// Whether a removal that this field's cascade made is sent: where the server doesn't know of
    /// the reference, it can't take the record along by itself.
    pub(super) fn sends_removal(&self, dirty: &Dirty, field: FieldIx) -> bool {
        self.sends_cascade(field) || is_unsent(dirty, field)
    }

    /// Records that `field` may refer to got other ids: references follow, in every layer.
    pub fn rewrite_references(&mut self, field: FieldIx, changes: &[IdChange], out: &mut Notices) {
        if changes.is_empty() {
            return;
        }
        let covered = self.covered_referrers(field);
        for change in changes {
            let old = change.old.as_ref();
            let mut rows = self.rows_referring(field, old, true);
            rows.extend(self.rows_referring(field, old, false));
            rows.extend_from_slice(covered.find(old));
            for row in distinct(&rows) {
                self.rewrite_row(row, field, change, out);
            }
        }
    }

    /// The same for a single id.
    pub fn rewrite_reference(
        &mut self,
        field: FieldIx,
        old: IdRef<'_>,
        new: Value<'_>,
        out: &mut Notices,
    ) {
        let new = match new {
            Value::Number(number) => Id::Number(number),
            Value::Text(text) => Id::Text(text.into()),
            _ => return,
        };
        let row = self.table.handle(RowIx(0));
        let change = IdChange {
            row,
            old: old.into(),
            new,
            own: false,
        };
        self.rewrite_references(field, &[change], out);
    }

    /// Rows by the ids that layers hold which another may cover.
    pub(super) fn covered_referrers(&self, field: FieldIx) -> Referrers {
        let mut covered = Referrers::default();
        for (row, touched) in self.changes.touching(field) {
            for cell in [touched.base, touched.inflight, touched.pending] {
                covered.insert(&self.table, row, cell);
            }
        }
        for dirty in self.changes.iter() {
            let staked = dirty.stakes.iter().filter(|it| it.of == Of::Field(field));
            for stake in staked {
                covered.insert(&self.table, dirty.row, stake.cell);
            }
        }
        covered
    }

    fn rewrite_row(&mut self, row: RowIx, field: FieldIx, change: &IdChange, out: &mut Notices) {
        let old = change.old.as_ref();
        let cell = self.table.make_cell(change.new.as_value());
        let column = self.table.cell(row, field);
        let holds = |table: &Table, cell: Cell| table.id_ref(cell).is_some_and(|id| id == old);
        let table = &self.table;
        let dirty = self.changes.get_mut(row);
        for stake in dirty.into_iter().flat_map(|dirty| &mut dirty.stakes) {
            if stake.of == Of::Field(field) && holds(table, stake.cell) {
                stake.cell = cell;
            }
        }
        let Some(touched) = self
            .changes
            .get_mut(row)
            .and_then(|dirty| dirty.fields.iter_mut().find(|it| it.field == field))
        else {
            if !holds(table, column) {
                return;
            }
            let added = self.changes.get(row).is_some_and(|dirty| !dirty.in_base);
            if change.own && !added {
                return;
            }
            self.put(row, field, cell);
            let change = (column, cell);
            let at = (row, field);
            self.tell_field(NoticeKind::Update, Origin::Remote, at, change, out);
            return;
        };
        if !change.own && holds(table, touched.base) {
            touched.base = cell;
        }
        for layer in [&mut touched.inflight, &mut touched.pending] {
            if holds(table, *layer) {
                *layer = cell;
            }
        }
        touched.settle(&|a, b| equal(table, IS_REFERENCE, a, b));
        self.recompose(row, Origin::Remote, out);
    }

    /// Records of another store went (`ids`): what refers to them by `field` goes too, or forgets
    /// them, as the relation says. `by_server`: the server removed them, so it is base that
    /// changes, and nothing will be sent.
    pub fn cascade(
        &mut self,
        field: FieldIx,
        ids: &[Id],
        by_server: bool,
        out: &mut Notices,
    ) -> Vec<RowId> {
        let on_remove = self
            .relations()
            .find(|(other, _)| *other == field)
            .map_or(OnRemove::None, |(_, relation)| relation.on_remove);
        if on_remove == OnRemove::None {
            return Vec::new();
        }
        if by_server {
            self.settle_cascade(field, ids, out);
        }
        let mut rows = Vec::new();
        for id in ids {
            rows.extend(self.rows_referring(field, id.as_ref(), true));
        }
        let handles = rows.iter().map(|&row| self.table.handle(row)).collect();
        match (on_remove, by_server) {
            (OnRemove::Cascade, true) => self.forget_rows(&rows, Origin::Remote, out),
            (OnRemove::Cascade, false) => {
                self.remove_rows(rows, Some(field), Origin::Local, out);
            }
            (_, by_server) => {
                for row in rows {
                    // What the server doesn't know has no base to be written.
                    let known = self.changes.get(row).is_none_or(|dirty| dirty.in_base);
                    if by_server && known {
                        self.server_write(row, field, Cell::NULL, true, Origin::Remote, out);
                        self.settle(row);
                    } else {
                        let unsent = |dirty: &Dirty| is_unsent(dirty, field);
                        let own = self.changes.get(row).is_some_and(unsent);
                        self.write_user(row, field, Cell::NULL, Origin::Local, out);
                        if !own {
                            self.mark_cascaded(row, field);
                        }
                    }
                }
            }
        }
        handles
    }

    fn mark_cascaded(&mut self, row: RowIx, field: FieldIx) {
        if let Some(touched) = self
            .changes
            .get_mut(row)
            .and_then(|dirty| dirty.fields.iter_mut().find(|it| it.field == field))
        {
            touched.cascaded = true;
        }
        self.settle(row);
    }

    /// The removal of records of another store is confirmed (`ids`): what it did here through
    /// `field`, and what isn't sent because the server does the same, is true.
    pub fn settle_cascade(&mut self, field: FieldIx, ids: &[Id], out: &mut Notices) {
        if self.sends_cascade(field) {
            return;
        }
        if self.quiet_rule(field) == Some(OnRemove::Cascade) {
            let covered = self.covered_referrers(field);
            for id in ids {
                self.settle_gone(field, id, &covered, out);
            }
        }
        for row in self.nulled_by_cascade(field, ids) {
            self.server_write(row, field, Cell::NULL, true, Origin::Remote, out);
            self.settle(row);
        }
    }

    /// What referred to a removed record (`id`) on the server went with it. A removal here is done;
    /// what has got another reference since is new; the rest, that came back for another reason,
    /// goes.
    fn settle_gone(&mut self, field: FieldIx, id: &Id, covered: &Referrers, out: &mut Notices) {
        let refers = |store: &Self, cell: Cell| store.table.id_ref(cell) == Some(id.as_ref());
        let mut rows = self.rows_referring(field, id.as_ref(), true);
        rows.extend(self.rows_referring(field, id.as_ref(), false));
        rows.extend_from_slice(covered.find(id.as_ref()));
        rows.retain(|&row| {
            self.changes.get(row).is_none_or(|dirty| !dirty.is_sent())
                && self
                    .server_cell(row, field)
                    .is_some_and(|cell| refers(self, cell))
        });
        let mut going = Vec::new();
        for row in distinct(&rows) {
            if !self.table.is_visible(row) {
                self.end_removed(row);
            } else if refers(self, self.table.cell(row, field)) {
                going.push(row);
            } else {
                self.bear_again(row);
            }
        }
        self.forget_rows(&going, Origin::Remote, out);
    }

    /// Records whose reference the removal of others (`ids`) has nulled.
    fn nulled_by_cascade(&self, field: FieldIx, ids: &[Id]) -> Vec<RowIx> {
        let named = |cell: Cell| {
            let id = self.table.id_ref(cell);
            id.is_some_and(|id| ids.iter().any(|other| other.as_ref() == id))
        };
        let nulled: Vec<RowIx> = self
            .changes
            .touching(field)
            .filter(|(_, touched)| touched.cascaded && named(touched.base))
            .map(|(row, _)| row)
            .collect();
        distinct(&nulled)
    }

    /// Records of another store came back (`ids`): what their removal did here through `field` is
    /// undone. Gives the rows.
    pub fn undo_cascade(&mut self, field: FieldIx, ids: &[Id], out: &mut Notices) -> Vec<RowId> {
        let mut back = Vec::new();
        for id in ids {
            let rows = self.rows_referring(field, id.as_ref(), false);
            back.extend(rows.into_iter().filter(|&row| {
                self.changes.get(row).is_some_and(|dirty| {
                    [dirty.pending, dirty.inflight].contains(&Stage::Remove(Some(field)))
                })
            }));
        }
        self.bring_back(&back, Origin::Rollback, out);
        let nulled = self.nulled_by_cascade(field, ids);
        for &row in &nulled {
            self.reject_field(row, field, out);
        }
        back.extend(nulled);
        back.into_iter().map(|row| self.table.handle(row)).collect()
    }
}
