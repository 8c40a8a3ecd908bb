//! Fields that refer to records: who refers to whom, and what becomes of references when ids change or records go.

use hashbrown::HashTable;

use super::Store;
use super::aftermath::Id;
use super::notices::Notices;
use super::record_state::Stage;
use crate::engine::config::{OnRemove, Relation};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::schema::FieldIx;
use crate::engine::table::{IdRef, RowId, RowIx, Table};
use crate::engine::value::{Cell, Value};

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
    groups: HashTable<Group>,
}

/// Rows whose field holds ids of one hash (all but always: one id).
#[derive(Clone, Debug)]
struct Group {
    hash: u64,
    rows: Vec<RowIx>,
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
        let Some(hash) = table.id_ref(cell).map(IdRef::hash) else {
            return;
        };
        self.groups
            .entry(hash, |group| group.hash == hash, |group| group.hash)
            .or_insert_with(|| Group {
                hash,
                rows: Vec::new(),
            })
            .get_mut()
            .rows
            .push(row);
    }

    fn remove(&mut self, table: &Table, row: RowIx, cell: Cell) {
        let Some(hash) = table.id_ref(cell).map(IdRef::hash) else {
            return;
        };
        if let Ok(mut entry) = self.groups.find_entry(hash, |group| group.hash == hash) {
            let rows = &mut entry.get_mut().rows;
            if let Some(at) = rows.iter().position(|&other| other == row) {
                rows.swap_remove(at);
            }
            if rows.is_empty() {
                entry.remove();
            }
        }
    }

    fn find(&self, id: IdRef<'_>) -> &[RowIx] {
        let hash = id.hash();
        self.groups
            .find(hash, |group| group.hash == hash)
            .map_or(&[], |group| group.rows.as_slice())
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
        let held: usize = index.groups.iter().map(|group| group.rows.len()).sum();
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

impl Store {
    /// The fields that refer to records of other stores, with what they say.
    pub fn relations(&self) -> impl Iterator<Item = (FieldIx, &Relation)> {
        self.references
            .iter()
            .filter_map(|reference| Some((reference.field, reference.relation.as_ref()?)))
    }

    /// The visible records whose field holds that id, in the store's order. Builds an index for the field at its first call.
    pub fn referrers(&mut self, field: FieldIx, id: IdRef<'_>) -> Vec<RowId> {
        let mut rows = self.rows_referring(field, id, true);
        self.sort_by_position(&mut rows);
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

    pub(super) fn sort_by_position(&self, rows: &mut [RowIx]) {
        if rows.len() > 1 {
            rows.sort_by_cached_key(|&row| self.table.position(row));
        }
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
        self.references
            .iter()
            .find(|reference| reference.field == field)
            .and_then(|reference| reference.relation.as_ref())
            // Descendants in a tree: the package's options decide.
            .is_none_or(|relation| relation.send_cascade)
    }

    /// A record that `field` may refer to got another id: the reference follows, in every layer. Where the server itself wrote
    /// the old id with the last answer, base keeps it and the new one is a change to send.
    pub fn rewrite_reference(
        &mut self,
        field: FieldIx,
        old: IdRef<'_>,
        new: Value<'_>,
        out: &mut Notices,
    ) {
        let mut rows = self.rows_referring(field, old, true);
        rows.extend(self.rows_referring(field, old, false));
        rows.extend(self.layered_referrers(field, old));
        rows.sort_unstable();
        rows.dedup();
        for row in rows {
            self.rewrite_row(row, field, old, new, out);
        }
    }

    /// Rows that hold the id in a layer that is covered by another.
    fn layered_referrers(&self, field: FieldIx, id: IdRef<'_>) -> Vec<RowIx> {
        let holds = |cell: Cell| self.table.id_ref(cell).is_some_and(|other| other == id);
        self.changes
            .touching(field)
            .filter(|(_, it)| holds(it.base) || holds(it.inflight) || holds(it.pending))
            .map(|(row, _)| row)
            .collect()
    }

    fn rewrite_row(
        &mut self,
        row: RowIx,
        field: FieldIx,
        old: IdRef<'_>,
        new: Value<'_>,
        out: &mut Notices,
    ) {
        let echoed = self.echoed.contains(&(row, field));
        let cell = self.table.make_cell(new);
        let column = self.table.cell(row, field);
        let holds = |table: &Table, cell: Cell| table.id_ref(cell).is_some_and(|id| id == old);
        let table = &self.table;
        let Some(touched) = self
            .changes
            .get_mut(row)
            .and_then(|dirty| dirty.fields.iter_mut().find(|it| it.field == field))
        else {
            let all_pending = self.changes.get(row).is_some_and(|dirty| !dirty.in_base);
            if echoed && !all_pending {
                self.write_user(row, field, cell, Origin::Remote, out);
            } else {
                self.put(row, field, cell);
                self.tell_field(
                    NoticeKind::Update,
                    Origin::Remote,
                    (row, field),
                    (column, cell),
                    out,
                );
            }
            return;
        };
        if holds(table, touched.base) {
            if !echoed {
                touched.base = cell;
            } else if touched.is_idle() {
                touched.pending = cell;
            }
        }
        for layer in [&mut touched.inflight, &mut touched.pending] {
            if holds(table, *layer) {
                *layer = cell;
            }
        }
        self.recompose(row, Origin::Remote, out);
    }

    /// Records of another store went (`ids`): what refers to them by `field` goes too, or forgets them, as the relation says.
    /// `by_server`: the server removed them, so it is base that changes, and nothing will be sent.
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
            (_, true) => {
                for row in rows {
                    self.server_write(row, field, Cell::NULL, true, Origin::Remote, out);
                    self.settle(row);
                }
            }
            (_, false) => {
                for row in rows {
                    self.write_user(row, field, Cell::NULL, Origin::Local, out);
                    self.mark_cascaded(row, field);
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

    /// Records of another store came back (`ids`): what their removal did here through `field` is undone. Gives the rows.
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
        let mut nulled: Vec<RowIx> = self
            .changes
            .touching(field)
            .filter(|(_, it)| {
                it.cascaded
                    && self
                        .table
                        .id_ref(it.base)
                        .is_some_and(|base| ids.iter().any(|id| id.as_ref() == base))
            })
            .map(|(row, _)| row)
            .collect();
        nulled.sort_unstable();
        for &row in &nulled {
            self.reject_field(row, field, out);
        }
        back.extend(nulled);
        back.into_iter().map(|row| self.table.handle(row)).collect()
    }
}
