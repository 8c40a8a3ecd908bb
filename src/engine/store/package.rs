//! What a sync sends of a store, and what `changes` shows.

use super::layers::Touched;
use super::record_state::{Dirty, Stage};
use super::relations::is_unsent;
use super::{Store, equal};
use crate::engine::json::write::{self, Object};
use crate::engine::schema::{Field, FieldIx};
use crate::engine::table::RowIx;
use crate::engine::value::{Cell, Value};
use crate::prelude::*;

/// Which changes a package is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// What was frozen for the request on the wire.
    Inflight,
    /// All that the server hasn't confirmed: on the wire or waiting, as one net change.
    Unconfirmed,
}

/// How packages are written.
#[derive(Clone, Debug)]
pub struct PackageOptions {
    /// The member for a phantom's client id, unless the store has its own.
    pub phantom_id_field: String,
    /// The member for the client id of a parent that is a phantom.
    pub phantom_parent_id_field: String,
    /// Added records carry no id.
    pub reset_ids_before_sync: bool,
    /// Updates carry all persistable fields, unless the store says otherwise.
    pub write_all_fields: bool,
    /// Removing a parent lists its descendants too.
    pub include_children_in_remove_request: bool,
}

/// Stores that others' fields refer to, where packages call phantoms by other ids than they have.
pub type Targets<'a> = [(FieldIx, &'a Store)];

impl Default for PackageOptions {
    fn default() -> Self {
        Self {
            phantom_id_field: "$PhantomId".into(),
            phantom_parent_id_field: "$PhantomParentId".into(),
            reset_ids_before_sync: true,
            write_all_fields: false,
            include_children_in_remove_request: true,
        }
    }
}

/// What a package says of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Added,
    Updated,
    Removed,
}

impl Store {
    /// Appends the store's section, `{"added":[…],"updated":[…],"removed":[…]}`, and says whether
    /// there was anything; nothing is written otherwise. Records stand in the order of their first
    /// change, empty lists are left out.
    ///
    /// Added records have all persistable fields that have a value; updated ones their id, what
    /// changed and what goes along with every update; removed ones their id. A record whose parent
    /// is a phantom names it by the phantom parent field alone. `targets` are the stores that its
    /// fields refer to.
    pub fn write_package(
        &self,
        layer: Layer,
        options: &PackageOptions,
        targets: &Targets<'_>,
        out: &mut Vec<u8>,
    ) -> bool {
        let rows = self.changes.rows(|_| true);
        if rows.is_empty() {
            return false;
        }
        let writer = self.writer(layer, options, targets);
        let mut lists = [Vec::new(), Vec::new(), Vec::new()];
        lists[1].reserve(rows.len() * ITEM);
        // Servers give ids in the order of the package.
        let is_new = |row: RowIx| self.changes.get(row).is_some_and(|dirty| !dirty.in_base);
        for row in self.parents_first(rows, false, &is_new) {
            let Some(dirty) = self.changes.get(row) else {
                continue;
            };
            writer.record(dirty, &mut lists);
        }
        let mut any = false;
        for (name, list) in ["added", "updated", "removed"].iter().zip(&lists) {
            if list.is_empty() {
                continue;
            }
            out.push(if any { b',' } else { b'{' });
            any = true;
            write::string(name, out);
            out.extend_from_slice(b":[");
            out.extend_from_slice(list);
            out.push(b']');
        }
        if any {
            out.push(b'}');
        }
        any
    }

    pub(super) fn writer<'a>(
        &'a self,
        layer: Layer,
        options: &'a PackageOptions,
        targets: &'a Targets<'a>,
    ) -> Writer<'a> {
        let schema = self.table.schema();
        let fields = schema.fields();
        let heads: Vec<Vec<u8>> = fields.iter().map(head).collect();
        let mut plain: Vec<bool> = heads.iter().map(|head| !head.is_empty()).collect();
        let all = self.config.write_all_fields;
        let all = all.unwrap_or(options.write_all_fields);
        let always = fields.iter().any(|field| field.always_write);
        let brief = !all && !always && plain.get(schema.id.ix()) == Some(&true);
        let special = targets.iter().map(|(field, _)| *field);
        for field in special.chain(schema.parent).chain([schema.id]) {
            if let Some(plain) = plain.get_mut(field.ix()) {
                *plain = false;
            }
        }
        Writer {
            store: self,
            layer,
            options,
            targets,
            heads,
            plain,
            all,
            brief,
        }
    }
}

/// Bytes of an item, more or less.
const ITEM: usize = 64;

fn begin_item(list: &mut Vec<u8>) -> &mut Vec<u8> {
    if !list.is_empty() {
        list.push(b',');
    }
    list
}

/// Writes records as one layer has them.
pub(super) struct Writer<'a> {
    store: &'a Store,
    layer: Layer,
    options: &'a PackageOptions,
    targets: &'a Targets<'a>,
    /// By field: the quoted name and the colon, empty for fields with dotted paths.
    heads: Vec<Vec<u8>>,
    /// By field: its value is written as it is, under its name.
    plain: Vec<bool>,
    /// Updates carry all fields.
    all: bool,
    /// Updates carry what was edited and nothing else.
    brief: bool,
}

/// So many edited fields of a record are put into the order of the fields one by one.
const FEW: usize = 8;

/// Empty for a field with a dotted path.
fn head(field: &Field) -> Vec<u8> {
    let mut head = Vec::new();
    if let [name] = field.sent_path() {
        write::string(name, &mut head);
        head.push(b':');
    }
    head
}

impl Writer<'_> {
    /// Appends what a package says of a record to its list: added, updated, removed.
    pub(super) fn record(&self, dirty: &Dirty, lists: &mut [Vec<u8>; 3]) {
        if self.is_plain_edit(dirty) {
            self.edit(dirty, &mut lists[1]);
            return;
        }
        match self.change(dirty) {
            Some(Change::Added) => self.added(dirty, begin_item(&mut lists[0])),
            Some(Change::Updated) => self.updated(dirty, begin_item(&mut lists[1])),
            Some(Change::Removed) => self.removed(dirty.row, begin_item(&mut lists[2])),
            None => {}
        }
    }

    /// Whether all there may be to say is what was edited in a few plain fields.
    fn is_plain_edit(&self, dirty: &Dirty) -> bool {
        let is_plain = |touched: &Touched| self.plain.get(touched.field.ix()) == Some(&true);
        self.brief
            && dirty.in_base
            && dirty.is_still()
            && dirty.stakes.is_empty()
            && dirty.fields.len() <= FEW
            && dirty.fields.iter().all(is_plain)
    }

    /// What was edited, in the order of the fields.
    fn edit(&self, dirty: &Dirty, list: &mut Vec<u8>) {
        let mut fields = [(FieldIx(0), Cell::ABSENT); FEW];
        let mut count = 0;
        for touched in dirty.fields.iter().filter(|it| self.is_changed(it)) {
            let mut at = count;
            while at > 0 && fields[at - 1].0 > touched.field {
                fields[at] = fields[at - 1];
                at -= 1;
            }
            fields[at] = (touched.field, self.layer_of(touched));
            count += 1;
        }
        if count > 0 {
            let (table, zone) = (&self.store.table, &self.store.zone);
            let out = begin_item(list);
            write::record(table, dirty.row, &fields[..count], &self.heads, zone, out);
        }
    }

    fn change(&self, dirty: &Dirty) -> Option<Change> {
        let removed = |cascade: Option<FieldIx>| {
            let sends = self.sends_removal(dirty, cascade);
            sends.then_some(Change::Removed)
        };
        match self.layer {
            Layer::Inflight => match dirty.inflight {
                Stage::Add => Some(Change::Added),
                Stage::Remove(cascade) => removed(cascade),
                Stage::Idle if dirty.hides_removal(true) => Some(Change::Removed),
                Stage::Idle => self.any_change(dirty),
            },
            Layer::Unconfirmed => match (dirty.in_base, dirty.will_exist()) {
                (false, true) => Some(Change::Added),
                (false, false) => None,
                (true, false) => match (dirty.pending, dirty.inflight) {
                    (Stage::Remove(cascade), _) | (_, Stage::Remove(cascade)) => removed(cascade),
                    _ => None,
                },
                (true, true) if dirty.hides_removal(false) || dirty.hides_removal(true) => {
                    Some(Change::Removed)
                }
                (true, true) => self.any_change(dirty),
            },
        }
    }

    fn any_change(&self, dirty: &Dirty) -> Option<Change> {
        let changed = dirty.fields.iter().any(|touched| self.is_changed(touched))
            || dirty.hides_fields(true)
            || (self.layer == Layer::Unconfirmed && dirty.hides_fields(false));
        changed.then_some(Change::Updated)
    }

    fn sends_removal(&self, dirty: &Dirty, cascade: Option<FieldIx>) -> bool {
        let schema = self.store.table.schema();
        match cascade {
            None => true,
            Some(field) if Some(field) == schema.parent => {
                self.options.include_children_in_remove_request || is_unsent(dirty, field)
            }
            Some(field) => self.store.sends_removal(dirty, field),
        }
    }

    fn is_changed(&self, touched: &Touched) -> bool {
        if !self.store.sends(touched) {
            return false;
        }
        match self.layer {
            Layer::Inflight => !touched.inflight.is_absent(),
            // What waits differs from what lies under it.
            Layer::Unconfirmed if touched.inflight.is_absent() => !touched.pending.is_absent(),
            Layer::Unconfirmed => {
                let traits = self.store.traits(touched.field);
                !equal(&self.store.table, traits, touched.visible(), touched.base)
            }
        }
    }

    /// A field as the layer has it.
    fn cell(&self, dirty: &Dirty, field: FieldIx) -> Cell {
        if let Some(cell) = self.hidden(dirty, field) {
            return cell;
        }
        match dirty.touched(field) {
            Some(touched) => self.layer_of(touched),
            None => self.store.table.cell(dirty.row, field),
        }
    }

    /// What is sent of a field without being seen.
    fn hidden(&self, dirty: &Dirty, field: FieldIx) -> Option<Cell> {
        if dirty.stakes.is_empty() {
            return None;
        }
        let sent = || dirty.hidden_cell(field, true);
        match self.layer {
            Layer::Inflight => sent(),
            Layer::Unconfirmed => match dirty.hidden_cell(field, false) {
                None if !is_unsent(dirty, field) => sent(),
                waits => waits,
            },
        }
    }

    fn layer_of(&self, touched: &Touched) -> Cell {
        match self.layer {
            Layer::Inflight => touched.under(),
            Layer::Unconfirmed => touched.visible(),
        }
    }

    fn fields(&self) -> impl Iterator<Item = (FieldIx, &Field)> {
        let schema = self.store.table.schema();
        let fields = schema.fields().iter().enumerate();
        fields
            .map(|(at, field)| (FieldIx(at as u16), field))
            .filter(move |(ix, field)| field.persist && *ix != schema.id)
    }

    fn added(&self, dirty: &Dirty, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        let id = self.store.table.schema().id;
        let cell = self.store.table.cell(dirty.row, id);
        let name = self.store.config.phantom_id_field.as_ref();
        let name = name.unwrap_or(&self.options.phantom_id_field);
        let table = &self.store.table;
        let alias = table.id_ref(cell).and_then(|id| self.store.wire_id(id));
        write::value(
            alias.map_or_else(|| table.value(cell), Value::Text),
            object.member(name),
        );
        if !self.options.reset_ids_before_sync {
            self.id(dirty.row, &mut object);
        }
        for (ix, field) in self.fields() {
            let cell = self.cell(dirty, ix);
            if !cell.is_absent() || field.always_write || self.store.config.write_unset_fields {
                self.field(ix, field, cell, &mut object);
            }
        }
        object.end();
    }

    fn updated(&self, dirty: &Dirty, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        self.id(dirty.row, &mut object);
        for (ix, field) in self.fields() {
            let changed = dirty
                .touched(ix)
                .is_some_and(|touched| self.is_changed(touched))
                || (field.persist && self.hidden(dirty, ix).is_some());
            let cell = self.cell(dirty, ix);
            if changed || field.always_write || (self.all && !cell.is_absent()) {
                self.field(ix, field, cell, &mut object);
            }
        }
        object.end();
    }

    fn removed(&self, row: RowIx, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        self.id(row, &mut object);
        object.end();
    }

    fn id(&self, row: RowIx, object: &mut Object<'_>) {
        let schema = self.store.table.schema();
        let cell = self.store.table.cell(row, schema.id);
        if let Some(field) = schema.field(schema.id) {
            self.plain_field(schema.id, field, cell, object);
        }
    }

    /// Where the value of a field is to be written.
    fn member<'o>(
        &self,
        ix: FieldIx,
        field: &Field,
        object: &'o mut Object<'_>,
    ) -> &'o mut Vec<u8> {
        match self.heads.get(ix.ix()) {
            Some(head) if !head.is_empty() => object.headed(head),
            _ => object.path(field.sent_path()),
        }
    }

    fn field(&self, ix: FieldIx, of: &Field, cell: Cell, object: &mut Object<'_>) {
        let table = &self.store.table;
        if table.schema().parent == Some(ix)
            && let Some(id) = table.id_ref(cell)
            && self.store.is_phantom_id(id)
        {
            let name = &self.options.phantom_parent_id_field;
            let alias = self.store.wire_id(id);
            write::value(
                alias.map_or_else(|| table.value(cell), Value::Text),
                object.member(name),
            );
            return;
        }
        for (field, target) in self.targets {
            if *field == ix
                && let Some(alias) = table.id_ref(cell).and_then(|id| target.wire_id(id))
            {
                write::value(Value::Text(alias), self.member(ix, of, object));
                return;
            }
        }
        self.plain_field(ix, of, cell, object);
    }

    fn plain_field(&self, ix: FieldIx, field: &Field, cell: Cell, object: &mut Object<'_>) {
        let (table, zone) = (&self.store.table, &self.store.zone);
        write::field(table, cell, field, zone, self.member(ix, field, object));
    }
}
