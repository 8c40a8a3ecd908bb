//! A new data set takes the place of the old one; what the user has typed is laid on top.

use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::rows::Groups;
use super::server::all_values;
use super::stakes::{Fate, Stake, gone};
use super::{Id, Named, Store, Unmentioned, equal};
use crate::engine::conflict::{self, Kind, Outcome, Side};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::json::Rows;
use crate::engine::rng::Rng;
use crate::engine::schema::FieldIx;
use crate::engine::table::{IdRef, RowId, RowIx, Table};
use crate::engine::value::{Cell, Value};
use crate::prelude::*;

/// How ids begin that other CrudManagers' clients make up.
const GENERATED: &str = "_generated";

/// What a load has brought. What other stores have to follow stands in the aftermath.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// Ids of records that had unconfirmed changes and that aren't in the new data: those changes
    /// are lost.
    pub gone: Vec<Id>,
    /// How many records came without an id; they got one that only this client knows.
    pub without_id: usize,
    /// How many came with an id that another client made up, and that the server should not have
    /// kept.
    pub generated: usize,
    /// What was odd and has been passed over.
    pub warnings: Vec<String>,
}

impl Store {
    /// Why a data set can't be taken: the store wants every row to have an id.
    pub fn refuses(&self, rows: &Rows) -> Option<SyncError> {
        let table = &rows.table;
        let has_id = |&row: &RowIx| table.id_ref(table.cell(row, table.schema().id)).is_some();
        if self.config.allow_no_id || table.order().iter().all(has_id) {
            return None;
        }
        let words = [self.name(), ": rows came without an id"];
        Some(SyncError::new(ErrorCode::BadResponse, words.concat()))
    }

    /// Replaces all data. Handles to the old records find nothing any more, keys stay.
    ///
    /// With `keep_pending`, changes that wait or are on the wire are laid over the records of the
    /// same id, and phantoms are carried over, behind the loaded records. Without it they go with
    /// the old data.
    pub fn load(
        &mut self,
        mut rows: Rows,
        keep_pending: bool,
        rng: &mut Rng,
        out: &mut Notices,
    ) -> Loaded {
        if keep_pending {
            self.name_rows(
                &mut rows,
                Unmentioned::Confirmed,
                &mut Named::default(),
                out,
            );
        }
        let renamed = self.outdate(out);
        let mut loaded = Loaded {
            warnings: core::mem::take(&mut rows.warnings),
            ..Loaded::default()
        };
        if !self.has_room_for(&rows.table) {
            rows = self.restage(&rows);
        }
        rows.table.restart_generations(self.table.next_generation());
        for field in self.table.schema().fields() {
            rows.table.ensure_field(field.clone());
        }
        let old = core::mem::replace(&mut self.table, rows.table);
        let changes = self.changes.drain();
        let keys = core::mem::take(&mut self.keys);
        self.aliases = Groups::default();
        self.learn_traits();
        self.forget_indexes();
        self.echoed.clear();
        self.order_before = None;
        self.complete_rows(rng, &mut loaded);
        if keep_pending {
            self.tell_refresh(Origin::Load, out);
            self.lay_over_all(&old, changes, &mut loaded);
            self.tell_renamed(&renamed, out);
        } else {
            self.tell_refresh(Origin::Load, out);
            let gone = changes.iter().filter(|dirty| is_unconfirmed(dirty));
            loaded
                .gone
                .extend(gone.filter_map(|dirty| id_in(&old, dirty.row)));
            for dirty in &changes {
                self.lose_stakes(dirty, old.handle(dirty.row));
            }
        }
        for (row, key) in keys.list() {
            if self.keys.owner(key).is_some() {
                continue;
            }
            let new = id_in(&old, *row).and_then(|id| self.table.find_id(id.as_ref()));
            if let Some(new) = new {
                self.keys.carry(key, new);
            }
        }
        self.welcome_namesakes();
        self.name_reborn(rng, &mut Notices::default());
        self.version += 1;
        self.shape = self.shape.wrapping_add(1);
        loaded
    }

    /// Drops notices of rows and cells that are about to be no more. Gives the ids that records had
    /// before, and have.
    fn outdate(&self, out: &mut Notices) -> Vec<(Id, Id)> {
        let mut renamed: Vec<(RowId, Id, Id)> = Vec::new();
        let id = |cell| self.table.id_ref(cell).map(Id::from);
        for notice in out.outdate(self.id) {
            if notice.kind != NoticeKind::IdChange {
                continue;
            }
            if let (Some(old), Some(new)) = (id(notice.old), id(notice.new)) {
                match renamed.iter_mut().find(|it| it.0 == notice.row) {
                    Some(known) => known.2 = new,
                    None => renamed.push((notice.row, old, new)),
                }
            }
        }
        renamed
            .into_iter()
            .map(|(_, old, new)| (old, new))
            .collect()
    }

    /// Hosts find records again by the ids that they had before the load.
    fn tell_renamed(&mut self, renamed: &[(Id, Id)], out: &mut Notices) {
        for (old, new) in renamed {
            if let Some(row) = self.table.find_id(new.as_ref()) {
                let (old, new) = (old.as_value(), new.as_value());
                let cells = (self.table.make_cell(old), self.table.make_cell(new));
                let at = (row, self.table.schema().id);
                self.tell_field(NoticeKind::IdChange, Origin::Rebase, at, cells, out);
            }
        }
    }

    /// Whether a table's fields stand where this store's do, so that fields which hosts know keep
    /// their places.
    fn has_room_for(&self, table: &Table) -> bool {
        let ours = self.table.schema().fields().iter();
        let theirs = table.schema().fields();
        ours.zip(theirs).all(|(a, b)| a.name == b.name)
    }

    /// The same rows in a table whose fields stand where this store's do: some were met while the
    /// answer was read.
    fn restage(&mut self, rows: &Rows) -> Rows {
        let map = self.map_fields(&rows.table).unwrap_or_else(|_| {
            let fields = rows.table.schema().fields().iter();
            fields
                .map(|field| self.table.schema().find(&field.name))
                .collect()
        });
        let mut table = Table::new(self.table.schema().clone(), 0);
        let mut places = vec![None; rows.table.rows_len()];
        let mut order = Vec::with_capacity(rows.table.order().len());
        for &from in rows.table.order() {
            let row = table.push_row();
            for (at, field) in map.iter().enumerate() {
                let cell = rows.table.cell(from, FieldIx(at as u16));
                if let (Some(field), false) = (*field, cell.is_absent()) {
                    let cell = table.copy_cell(&rows.table, cell);
                    table.set_cell(row, field, cell);
                }
            }
            places[from.ix()] = Some(row);
            order.push(row);
        }
        table.show(&order, None);
        let moved = |(row, text): &(RowIx, Box<str>)| Some((places[row.ix()]?, text.clone()));
        Rows {
            table,
            phantom_ids: rows.phantom_ids.iter().filter_map(moved).collect(),
            phantom_parent_ids: Vec::new(),
            outcomes: Vec::new(),
            nested: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Gives loaded rows what they lack: ids, defaults.
    fn complete_rows(&mut self, rng: &mut Rng, loaded: &mut Loaded) {
        let id = self.table.schema().id;
        let mut nameless: Vec<RowIx> = Vec::new();
        for row in self.table.live() {
            match self.table.id_ref(self.table.cell(row, id)) {
                None => nameless.push(row),
                Some(IdRef::Text(text)) if text.starts_with(GENERATED) => loaded.generated += 1,
                Some(_) => {}
            }
        }
        for &row in &nameless {
            let cell = self.table.make_cell(Value::Text(&rng.uuid()));
            self.table.set_cell(row, id, cell);
        }
        loaded.without_id = nameless.len();
        for (field, default) in self.defaults() {
            for row in 0..self.table.rows_len() {
                let row = RowIx(row as u32);
                if self.table.cell(row, field).is_absent() {
                    self.table.set_cell(row, field, default);
                }
            }
        }
    }

    fn lay_over_all(&mut self, old: &Table, changes: Vec<Dirty>, loaded: &mut Loaded) {
        let mut show = Vec::new();
        let mut hide = Vec::new();
        for dirty in changes {
            let Some(id) = id_in(old, dirty.row) else {
                continue;
            };
            let row = self.table.find_id(id.as_ref());
            let (row, exists) = match row {
                Some(row) => (row, self.lay_over(row, old, dirty)),
                None if !dirty.in_base => {
                    let exists = dirty.exists();
                    let row = self.carry_over(old, dirty);
                    if exists {
                        show.push(row);
                    }
                    continue;
                }
                None if self.keeps_lost(&dirty) => {
                    show.push(self.carry_over_reborn(old, dirty));
                    continue;
                }
                None => {
                    self.lose_stakes(&dirty, old.handle(dirty.row));
                    if is_unconfirmed(&dirty) {
                        loaded.gone.push(id);
                    }
                    continue;
                }
            };
            if !exists {
                hide.push(row);
            }
        }
        self.table.show(&show, None);
        if !hide.is_empty() {
            self.remember_order();
            self.table.hide(&hide);
        }
    }

    /// Lays an entry over the loaded row of its record; says whether the record is still there for
    /// the user.
    fn lay_over(&mut self, row: RowIx, old: &Table, mut dirty: Dirty) -> bool {
        let was_added = !dirty.in_base;
        if was_added {
            // The server has it: what it doesn't say like the user is the user's.
            if dirty.is_all_pending() {
                dirty.fields = all_values(old, dirty.row).into();
            }
            dirty.in_base = true;
            dirty.veiled = false;
            // The server has what was on the wire.
            let (sent, rest) = dirty.stakes.iter().partition(|stake| stake.sent);
            dirty.stakes = rest;
            self.confirm_stakes(sent, old.handle(dirty.row));
            dirty.inflight = Stage::Idle;
            if dirty.pending == Stage::Add {
                dirty.pending = Stage::Idle;
            }
            dirty
                .fields
                .iter_mut()
                .for_each(|touched| touched.inflight = Cell::ABSENT);
            if let (Some(alias), Some(id)) = (dirty.alias.take(), self.id_of(row)) {
                self.phantoms.learn(&Id::Text(alias), &id, false);
            }
        }
        let mut met = Vec::new();
        for touched in dirty.fields.iter_mut() {
            let field = touched.field;
            let cell = self.table.cell(row, field);
            let nullish = touched.base.is_nullish() && cell.is_nullish();
            if !was_added && !nullish && !self.table.same_in(cell, old, touched.base) {
                met.push((field, self.table.copy_cell(old, touched.base), cell));
            }
            touched.base = cell;
            touched.inflight = self.table.copy_cell(old, touched.inflight);
            touched.pending = self.table.copy_cell(old, touched.pending);
            let (table, traits) = (&self.table, self.traits(field));
            touched.settle(&|a, b| equal(table, traits, a, b));
            let visible = touched.visible();
            self.table.set_cell(row, field, visible);
        }
        for stake in &mut dirty.stakes {
            stake.cell = self.table.copy_cell(old, stake.cell);
        }
        if let Some(open) = &mut dirty.conflict {
            for (_, base) in &mut open.fields {
                *base = self.table.copy_cell(old, *base);
            }
        }
        self.changes.adopt(row, dirty);
        // The load's own notice stands for all of it.
        let mut out = Notices::default();
        self.meet_all(row, met, &mut out);
        self.settle(row);
        self.changes.get(row).is_none_or(Dirty::exists)
    }

    /// The new data set has other values than the old one in fields that the user has changed.
    fn meet_all(&mut self, row: RowIx, met: Vec<(FieldIx, Cell, Cell)>, out: &mut Notices) {
        let modified = self.policy.modified;
        let at = modified.and_then(|field| self.table.cell(row, field).as_number());
        for (field, base, theirs) in met {
            let removed = self.changes.get(row).is_some_and(|it| !it.exists());
            if !removed && !self.meet(row, field, (base, theirs), at) {
                self.reject_field(row, field, out);
            }
        }
    }

    /// A phantom that the server doesn't know moves into the new table, hidden.
    fn carry_over(&mut self, old: &Table, mut dirty: Dirty) -> RowIx {
        let row = self.table.push_row();
        for at in 0..old.schema().len() {
            let cell = old.cell(dirty.row, FieldIx(at as u16));
            if !cell.is_absent() {
                let cell = self.table.copy_cell(old, cell);
                self.table.set_cell(row, FieldIx(at as u16), cell);
            }
        }
        for touched in dirty.fields.iter_mut() {
            touched.base = self.table.copy_cell(old, touched.base);
            touched.inflight = self.table.copy_cell(old, touched.inflight);
            touched.pending = self.table.copy_cell(old, touched.pending);
            let visible = touched.visible();
            self.table.set_cell(row, touched.field, visible);
        }
        for stake in &mut dirty.stakes {
            stake.cell = self.table.copy_cell(old, stake.cell);
        }
        if let Some(alias) = &dirty.alias {
            self.aliases.insert(IdRef::Text(alias).hash(), row);
        }
        self.changes.adopt(row, dirty);
        self.settle(row);
        row
    }

    /// Whether a record that isn't in the new data stays, for what the user has changed in it.
    fn keeps_lost(&self, dirty: &Dirty) -> bool {
        let strategy = self.policy.strategy;
        dirty.wants_back()
            || self.policy.chosen
                && is_unconfirmed(dirty)
                && !dirty.is_sent()
                && conflict::removal(Kind::RemoteRemove, strategy) != Outcome::Decided(Side::Theirs)
    }

    /// A record that the server has no more moves into the new table, hidden, to be sent as new.
    fn carry_over_reborn(&mut self, old: &Table, dirty: Dirty) -> RowIx {
        let row = self.carry_over(old, dirty);
        self.survives(row);
        row
    }

    fn confirm_stakes(&mut self, stakes: Vec<Stake>, row: RowId) {
        let outcome = Ok(());
        let counting = stakes.iter().filter(|stake| stake.counts(&outcome));
        let fates = counting.map(|stake| Fate {
            call: stake.call,
            row,
            outcome: outcome.clone(),
        });
        self.changes.fates.extend(fates);
    }

    /// What was at stake in a record that isn't in the new data is lost.
    fn lose_stakes(&mut self, dirty: &Dirty, row: RowId) {
        let outcome = match dirty.exists() {
            true => Err(gone()),
            // What was to go has gone.
            false => Ok(()),
        };
        let stakes = dirty.stakes.iter();
        let fates = stakes.filter(|it| it.counts(&outcome)).map(|it| Fate {
            call: it.call,
            row,
            outcome: outcome.clone(),
        });
        self.changes.fates.extend(fates);
    }

    /// Records whose id is another record's key get keys of their own.
    fn welcome_namesakes(&mut self) {
        let keys = self.keys.list().to_vec();
        for (owner, key) in keys {
            if let Some(row) = self.table.find_id(IdRef::Text(&key))
                && row != owner
                && self.keys.get(row).is_none()
            {
                let id = self.id_of(row);
                self.keys.welcome(row, id);
            }
        }
    }
}

/// Whether something of the user's is lost with the record.
fn is_unconfirmed(dirty: &Dirty) -> bool {
    dirty.exists() && (dirty.is_modified() || dirty.is_sent())
}

fn id_in(table: &Table, row: RowIx) -> Option<Id> {
    table
        .id_ref(table.cell(row, table.schema().id))
        .map(Id::from)
}
