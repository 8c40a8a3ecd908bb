//! A new data set is taken over by what is different in it: records stay, and each difference is
//! told.

use super::Store;
use super::answer::Applied;
use super::notices::Notices;
use super::record_state::Dirty;
use crate::engine::config::DifferencesConfig;
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::json::{Rows, Section};
use crate::engine::rng::Rng;
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowIx, Table};
use crate::engine::value::Cell;
use crate::prelude::*;

impl Store {
    /// Whether so much has changed that the whole data set should take the old one's place. So it
    /// is also when there was none.
    pub fn differs_much(&self, rows: &Rows, config: &DifferencesConfig) -> bool {
        let known = self.known_rows(&rows.table);
        let here = self.table.order().len();
        let new = known.iter().filter(|row| row.is_none()).count();
        let differences = (new + self.missing(&known).len()) as f64;
        let percent = config.percent.map(|percent| percent / 100.0 * here as f64);
        (here == 0 && (!config.keep_edited || self.changes.is_empty()))
            || [config.threshold, percent]
                .into_iter()
                .flatten()
                .any(|most| differences > most)
    }

    /// Takes a data set over by its differences. Edits lie on top as after any load. The records
    /// that aren't in it stand in [`Applied::removed`]; call [`Store::forget`] when other stores
    /// have followed.
    pub fn load_differences(
        &mut self,
        rows: Rows,
        config: &DifferencesConfig,
        rng: &mut Rng,
        out: &mut Notices,
    ) -> Applied {
        let known = self.known_rows(&rows.table);
        let mut missing = self.missing(&known);
        if config.keep_edited {
            missing.retain(|&row| self.changes.get(row).is_none());
        }
        if config.drop_missing_values {
            self.drop_missing(&rows.table, &known, out);
        }
        let ids = ids_in_order(&rows.table);
        let section = Section {
            present: true,
            rows: Some(rows),
            ..Section::default()
        };
        let plan = self.plan(section);
        let mut applied = self.apply_changeset(plan, rng, out);
        self.order_as(&ids, out);
        applied
            .removed
            .extend(missing.iter().map(|&row| self.table.handle(row)));
        applied
    }

    /// By row of the data set: the record that it is about.
    fn known_rows(&self, table: &Table) -> Vec<Option<RowIx>> {
        let id = table.schema().id;
        let found = table.order().iter().map(|&row| {
            let id = table.id_ref(table.cell(row, id))?;
            self.table.find_id(id)
        });
        found.collect()
    }

    /// What the server had, and isn't among these.
    fn missing(&self, known: &[Option<RowIx>]) -> Vec<RowIx> {
        let mut stays = vec![false; self.table.rows_len()];
        for row in known.iter().flatten() {
            stays[row.ix()] = true;
        }
        let in_base = |dirty: Option<&Dirty>| dirty.is_none_or(|dirty| dirty.in_base);
        let gone = |row: &RowIx| !stays[row.ix()] && in_base(self.changes.get(*row));
        self.table.live().filter(gone).collect()
    }

    /// Values that the rows don't have become `null`.
    fn drop_missing(&mut self, table: &Table, known: &[Option<RowIx>], out: &mut Notices) {
        let fields: Vec<(FieldIx, Option<FieldIx>)> = self
            .table
            .schema()
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| (FieldIx(at as u16), table.schema().find(&field.name)))
            .collect();
        for (&from, row) in table.order().iter().zip(known) {
            let Some(row) = *row else { continue };
            for &(field, theirs) in &fields {
                let said = theirs.is_some_and(|theirs| !table.cell(from, theirs).is_absent());
                let column = self.table.cell(row, field);
                if !said && !column.is_nullish() && field != self.table.schema().id {
                    self.server_write(row, field, Cell::NULL, true, Origin::Load, out);
                }
            }
            self.settle(row);
        }
    }

    /// Records stand as the data set has them, what it doesn't have behind them.
    fn order_as(&mut self, ids: &[super::Id], out: &mut Notices) {
        let rows = ids.iter().filter_map(|id| self.table.find_id(id.as_ref()));
        let mut order: Vec<RowIx> = rows.filter(|row| self.table.is_visible(*row)).collect();
        let mut named = vec![false; self.table.rows_len()];
        order.retain(|row| !core::mem::replace(&mut named[row.ix()], true));
        let old = self.table.order().to_vec();
        order.extend(old.iter().filter(|row| !named[row.ix()]));
        if order == old {
            return;
        }
        let moved = order.iter().zip(&old).filter(|(a, b)| a != b);
        let moved: Vec<RowIx> = moved.map(|(&row, _)| row).collect();
        self.table.set_order(order);
        self.version += 1;
        for row in moved {
            self.tell(NoticeKind::Move, Origin::Load, row, out);
        }
    }
}

fn ids_in_order(table: &Table) -> Vec<super::Id> {
    let id = table.schema().id;
    let ids = table
        .order()
        .iter()
        .filter_map(|&row| table.id_ref(table.cell(row, id)));
    ids.map(super::Id::from).collect()
}
