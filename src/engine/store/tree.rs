//! Records that have parents.

use super::Store;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::table::{IdRef, RowIx};
use crate::engine::value::Cell;
use crate::prelude::*;

impl Store {
    /// The visible record that this one's parent field names. `None` at the root, and where the
    /// parent isn't there.
    pub fn parent(&self, row: RowIx) -> Option<RowIx> {
        let field = self.table.schema().parent?;
        let id = self.table.id_ref(self.table.cell(row, field))?;
        let parent = self.table.find_id(id)?;
        (parent != row && self.table.is_visible(parent)).then_some(parent)
    }

    /// The visible record that is the parent on the server too.
    pub(super) fn server_parent(&self, row: RowIx) -> Option<RowIx> {
        let field = self.table.schema().parent?;
        let id = self.table.id_ref(self.server_cell(row, field)?)?;
        let parent = self.table.find_id(id)?;
        let known = self.changes.get(parent).is_none_or(|dirty| dirty.in_base);
        (parent != row && known && self.table.is_visible(parent)).then_some(parent)
    }

    /// Rows in their order, but those that `sorts` picks behind the picked ones that are their
    /// parents: by what is seen, or (`on_server`) by what the server has, where it has them.
    pub(super) fn parents_first(
        &self,
        rows: Vec<RowIx>,
        on_server: bool,
        sorts: &dyn Fn(RowIx) -> bool,
    ) -> Vec<RowIx> {
        let Some(field) = self.table.schema().parent else {
            return rows;
        };
        let mut waits = vec![false; self.table.rows_len()];
        for &row in rows.iter().filter(|&&row| sorts(row)) {
            waits[row.ix()] = true;
        }
        let mut ordered = Vec::with_capacity(rows.len());
        let mut line = Vec::new();
        for row in rows {
            if !sorts(row) {
                ordered.push(row);
                continue;
            }
            let mut at = Some(row);
            while let Some(next) = at.filter(|next| core::mem::take(&mut waits[next.ix()])) {
                line.push(next);
                let by_server = on_server || !self.table.is_visible(next);
                let cell = self.server_cell(next, field).filter(|_| by_server);
                let id = cell.unwrap_or_else(|| self.table.cell(next, field));
                at = self.table.id_ref(id).and_then(|id| self.table.find_id(id));
            }
            ordered.extend(line.drain(..).rev());
        }
        ordered
    }

    /// The visible records whose parent is this one, in the store's order.
    pub fn children(&mut self, row: RowIx) -> Vec<RowIx> {
        let Some(field) = self.table.schema().parent else {
            return Vec::new();
        };
        let Some(id) = self.id_of(row) else {
            return Vec::new();
        };
        let mut rows = self.rows_referring(field, id.as_ref(), true);
        rows.retain(|&child| child != row);
        self.by_position(&rows)
    }

    /// The visible records that have no parent, in the store's order.
    pub fn roots(&self) -> Vec<RowIx> {
        let rows = self.table.order().iter().copied();
        rows.filter(|&row| self.parent(row).is_none()).collect()
    }

    /// The rows and all below them, each once, parents before their children; with whether the row
    /// was itself given.
    pub(super) fn with_descendants(&mut self, rows: Vec<RowIx>) -> Vec<(RowIx, bool)> {
        let mut known = vec![
            false;
            if rows.is_empty() {
                0
            } else {
                self.table.rows_len()
            }
        ];
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            if !core::mem::replace(&mut known[row.ix()], true) {
                all.push((row, true));
            }
        }
        if self.table.schema().parent.is_none() {
            return all;
        }
        let mut at = 0;
        while let Some(&(row, _)) = all.get(at) {
            for child in self.children(row) {
                if !core::mem::replace(&mut known[child.ix()], true) {
                    all.push((child, false));
                }
            }
            at += 1;
        }
        all
    }

    /// Whether a record can have that parent: it must not be the record itself or lie below it.
    pub(super) fn check_parent(&self, row: RowIx, parent: Cell) -> Result<(), SyncError> {
        let Some(id) = self.table.id_ref(parent) else {
            return if parent.is_nullish() {
                Ok(())
            } else {
                Err(SyncError::new(
                    ErrorCode::InvalidArgument,
                    "a parent is named by its id",
                ))
            };
        };
        let mut at = self.table.find_id(id);
        // A circle that the record isn't part of is none of its business.
        for _ in 0..self.table.rows_len() {
            let Some(ancestor) = at else { break };
            if ancestor == row {
                return Err(SyncError::new(
                    ErrorCode::InvalidArgument,
                    "the record would be its own ancestor",
                ));
            }
            let next = self
                .table
                .schema()
                .parent
                .map(|field| self.table.cell(ancestor, field));
            at = next
                .and_then(|cell| self.table.id_ref(cell))
                .and_then(|id| self.table.find_id(id));
        }
        Ok(())
    }

    /// Whether the id names a record that the server doesn't know yet.
    pub(super) fn is_phantom_id(&self, id: IdRef<'_>) -> bool {
        self.table
            .find_id(id)
            .and_then(|row| self.changes.get(row))
            .is_some_and(|dirty| !dirty.in_base)
    }
}
