//! The visible order: the user moves records, and a rollback brings the old order back. The order
//! itself is never sent.

use super::Store;
use super::notices::Notices;
use super::rows::{pack, sort};
use crate::engine::error::SyncError;
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::table::{RowId, RowIx};
use crate::prelude::*;

impl Store {
    /// The user moves records, in the given order, to a position among the others (counted without
    /// them; past the end is the end).
    pub fn move_rows(
        &mut self,
        ids: &[RowId],
        to: u32,
        out: &mut Notices,
    ) -> Result<bool, SyncError> {
        let mut moved = Vec::with_capacity(ids.len());
        let mut moving = vec![false; self.table.rows_len()];
        for &id in ids {
            let row = self.visible(id)?;
            if !core::mem::replace(&mut moving[row.ix()], true) {
                moved.push(row);
            }
        }
        let mut order = self.table.order().to_vec();
        order.retain(|row| !moving[row.ix()]);
        let to = (to as usize).min(order.len());
        order.splice(to..to, moved.iter().copied());
        if order == self.table.order() {
            return Ok(false);
        }
        self.remember_order();
        self.table.set_order(order);
        self.version += 1;
        for row in moved {
            self.tell(NoticeKind::Move, Origin::Local, row, out);
        }
        Ok(true)
    }

    /// Keeps the order as it is before the first change of it, for a rollback.
    pub(super) fn remember_order(&mut self) {
        if self.order_before.is_none() {
            let order = self.table.order().iter();
            self.order_before = Some(order.map(|&row| self.table.handle(row)).collect());
        }
    }

    /// The order is as it should be: nothing to go back to.
    pub(super) fn forget_order_if_clean(&mut self) {
        if self.changes.is_empty() {
            self.order_before = None;
        }
    }

    /// Shows hidden rows where they stood: each after the nearest one before it that is still
    /// visible.
    pub(super) fn place_back(&mut self, rows: &[RowIx]) {
        let Some(before) = &self.order_before else {
            self.table.show(rows, None);
            return;
        };
        let mut coming = vec![false; self.table.rows_len()];
        for row in rows {
            coming[row.ix()] = true;
        }
        // Of every row that comes: behind how many visible ones it stands, and the row, by its turn
        // among those.
        let mut keys = Vec::with_capacity(rows.len());
        let mut turn = Vec::with_capacity(rows.len());
        let mut behind = 0;
        for row in before.iter().filter_map(|&id| self.table.resolve(id)) {
            if coming[row.ix()] {
                coming[row.ix()] = false;
                keys.push(pack(behind, turn.len() as u32));
                turn.push(row);
            } else if let Some(at) = self.table.position(row) {
                behind = at as u32 + 1;
            }
        }
        sort(&mut keys);
        if let ([row], [key]) = (rows, keys.as_slice()) {
            self.table.show(&[*row], Some((key >> 32) as usize));
            return;
        }
        let visible = self.table.order();
        let mut order = Vec::with_capacity(visible.len() + rows.len());
        let mut done = 0;
        for key in keys {
            let behind = (key >> 32) as usize;
            order.extend_from_slice(&visible[done..behind]);
            done = behind;
            order.push(turn[key as u32 as usize]);
        }
        order.extend_from_slice(&visible[done..]);
        // Rows that never stood anywhere come last.
        order.extend(rows.iter().copied().filter(|row| coming[row.ix()]));
        self.table.set_order(order);
    }

    /// The order as it was before the user changed it; what has come since stays behind it.
    pub(super) fn restore_order(&mut self, out: &mut Notices) {
        let Some(before) = self.order_before.take() else {
            return;
        };
        let mut placed = vec![false; self.table.rows_len()];
        let mut order = Vec::with_capacity(self.table.order().len());
        for row in before.iter().filter_map(|&id| self.table.resolve(id)) {
            if self.table.is_visible(row) {
                placed[row.ix()] = true;
                order.push(row);
            }
        }
        let rest = self.table.order().iter().copied();
        order.extend(rest.filter(|row| !placed[row.ix()]));
        if order == self.table.order() {
            return;
        }
        let moved = self
            .hears(NoticeKind::Move, Origin::Rollback)
            .then(|| moved_rows(self.table.order(), &order));
        self.table.set_order(order);
        self.version += 1;
        for row in moved.unwrap_or_default() {
            self.tell(NoticeKind::Move, Origin::Rollback, row, out);
        }
    }
}

/// Rows that stand elsewhere, beyond those that only made room.
fn moved_rows(from: &[RowIx], to: &[RowIx]) -> Vec<RowIx> {
    from.iter()
        .zip(to)
        .filter(|(a, b)| a != b)
        .map(|(_, row)| *row)
        .collect()
}
