//! What waits to be sent, record by record: for packages that carry only a part of it.

use super::Store;
use super::notices::Notices;
use super::package::{Layer, PackageOptions, Targets};
use super::record_state::{Dirty, Stage};
use crate::engine::schema::FieldIx;
use crate::engine::table::{IdRef, RowIx};
use crate::prelude::*;

/// A record that waits to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Where it is.
    pub row: RowIx,
    /// How many bytes of a package it takes.
    pub bytes: usize,
    /// It is to be removed.
    pub removal: bool,
    /// It refers to a record that has no id of the server's yet.
    pub refers_to_new: bool,
}

impl Store {
    /// The records that the next package would carry, parents before their children; those that
    /// were refused only when somebody `called`. `targets`: the stores that it refers to, by field.
    pub fn waiting(
        &self,
        called: bool,
        options: &PackageOptions,
        targets: &Targets<'_>,
    ) -> Vec<Waiting> {
        if self.has_inflight() {
            return Vec::new();
        }
        let goes = |dirty: &Dirty| {
            if called {
                dirty.counted.sendable
            } else {
                dirty.counted.ready
            }
        };
        let rows = self.parents_first(self.changes.rows(goes), false, &|_| true);
        let writer = self.writer(Layer::Unconfirmed, options, targets);
        let found = rows.into_iter().filter_map(|row| {
            let dirty = self.changes.get(row)?;
            let mut lists = [Vec::new(), Vec::new(), Vec::new()];
            writer.record(dirty, &mut lists);
            let removal = matches!(dirty.pending, Stage::Remove(_));
            Some(Waiting {
                row,
                bytes: lists.iter().map(Vec::len).sum::<usize>() + 1,
                removal,
                refers_to_new: !removal && self.refers_to_new(row, targets),
            })
        });
        found.collect()
    }

    fn refers_to_new(&self, row: RowIx, targets: &Targets<'_>) -> bool {
        let refers = |field: FieldIx, target: &Self| {
            let id = self.table.id_ref(self.table.cell(row, field));
            id.is_some_and(|id| target.is_new(id))
        };
        let parent = self.table.schema().parent;
        parent.is_some_and(|field| refers(field, self))
            || targets.iter().any(|(field, target)| refers(*field, target))
    }

    /// Whether a record of that id is here and waits for an id of the server's.
    fn is_new(&self, id: IdRef<'_>) -> bool {
        let row = self
            .table
            .find_id(id)
            .filter(|&row| self.table.is_visible(row));
        let dirty = row.and_then(|row| self.changes.get(row));
        dirty.is_some_and(|dirty| !dirty.in_base)
    }

    /// Puts these records onto the wire; nothing happens while a package is there.
    pub fn freeze_rows(&mut self, rows: &[RowIx], out: &mut Notices) {
        if !self.has_inflight() {
            self.freeze_all(rows, out);
        }
    }
}
