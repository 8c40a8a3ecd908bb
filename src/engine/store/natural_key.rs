//! Phantoms of which nobody knows whether they reached the server are looked for in what it has, by
//! the fields that tell records apart.

use super::Store;
use crate::engine::json::Rows;
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowIx, Table};
use crate::engine::value::Cell;
use crate::prelude::*;

impl Store {
    /// Marks rows of a load that are, by the store's natural key, records which were sent under
    /// these client ids. Gives the client ids that were found. Only rows that aren't here yet can
    /// be such, and each only once; a record whose key is empty is not looked for.
    pub fn recognize(&self, rows: &mut Rows, phantoms: &[&str]) -> Vec<String> {
        let Some((ours, theirs)) = self.natural_key(&rows.table) else {
            return Vec::new();
        };
        let mut strangers: Vec<RowIx> = rows.table.order().to_vec();
        strangers.retain(|&row| {
            let id = rows.table.cell(row, rows.table.schema().id);
            let id = rows.table.id_ref(id);
            let known = |id| self.table.find_id(id).filter(|&row| !self.is_own_id(row));
            id.is_some_and(|id| known(id).is_none())
        });
        let mut found = Vec::new();
        for &phantom in phantoms {
            let named = |(_, text): &(RowIx, Box<str>)| text.as_ref() == phantom;
            let key = self.sent_key(phantom, &ours);
            if key.is_empty() || rows.phantom_ids.iter().any(named) {
                continue;
            }
            let at = strangers.iter().position(|&row| {
                let mut cells = key.iter().zip(&theirs);
                cells.all(|(&cell, &field)| {
                    self.is_like(cell, &rows.table, rows.table.cell(row, field))
                })
            });
            if let Some(at) = at {
                let row = strangers.remove(at);
                rows.phantom_ids.push((row, phantom.into()));
                found.push(phantom.to_owned());
            }
        }
        found
    }

    /// The fields of the key, here and in another table. None without a key.
    fn natural_key(&self, other: &Table) -> Option<(Vec<FieldIx>, Vec<FieldIx>)> {
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for name in &self.config.natural_key {
            ours.push(self.table.schema().find(name)?);
            theirs.push(other.schema().find(name)?);
        }
        (!ours.is_empty()).then_some((ours, theirs))
    }

    /// The key of a phantom as it was sent; empty when it has none.
    fn sent_key(&self, phantom: &str, fields: &[FieldIx]) -> Vec<Cell> {
        let row = self.phantom_row(phantom);
        let entry = row.and_then(|row| Some((row, self.changes.get(row)?)));
        let Some((row, dirty)) = entry.filter(|(_, dirty)| !dirty.in_base) else {
            return Vec::new();
        };
        let mut key = Vec::with_capacity(fields.len());
        for &field in fields {
            let column = self.table.cell(row, field);
            key.push(dirty.touched(field).map_or(column, |it| it.under()));
        }
        if key.iter().all(|cell| cell.is_nullish()) {
            key.clear();
        }
        key
    }

    fn is_like(&self, cell: Cell, other: &Table, theirs: Cell) -> bool {
        let ids = (self.table.id_ref(cell), other.id_ref(theirs));
        self.table.same_in(cell, other, theirs)
            || cell.is_nullish() && theirs.is_nullish()
            || matches!(ids, (Some(a), Some(b)) if a == b)
    }
}
