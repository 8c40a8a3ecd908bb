//! Records that are kept from packages, whoever asks for them.

use super::record_state::{DEPENDS, Dirty, INVALID};
use super::stakes::NOBODY;
use super::{Id, Store};
use crate::engine::error::SyncError;
use crate::engine::input::CallId;
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::prelude::*;

impl Store {
    /// The app says whether a record may be sent. What isn't changed has nothing to be kept back.
    pub fn set_valid(&mut self, id: RowId, valid: bool) -> Result<bool, SyncError> {
        let row = self.resolve(id)?;
        let Some(dirty) = self.changes.get_mut(row) else {
            return Ok(false);
        };
        let before = dirty.blocked;
        dirty.blocked = if valid {
            before & !INVALID
        } else {
            before | INVALID
        };
        let changed = dirty.blocked != before;
        self.recount(row);
        Ok(changed)
    }

    /// Whether a record waits for something else than the next package.
    pub fn is_held_back(&self, id: RowId) -> bool {
        let dirty = self.table.resolve(id).and_then(|row| self.changes.get(row));
        dirty.is_some_and(|dirty| dirty.blocked != 0)
    }

    /// Forgets which records were kept back because of others. Gives whether any is for itself.
    pub fn release_dependents(&mut self) -> bool {
        let mut any = false;
        for row in self.changes.rows(|dirty| dirty.blocked != 0) {
            if let Some(dirty) = self.changes.get_mut(row) {
                dirty.blocked &= !DEPENDS;
                any |= dirty.blocked != 0;
            }
            self.recount(row);
        }
        any
    }

    /// The ids of additions that are kept back.
    pub fn held_additions(&self) -> Vec<Id> {
        let rows = self
            .changes
            .rows(|dirty| dirty.blocked != 0 && !dirty.in_base);
        rows.into_iter().filter_map(|row| self.id_of(row)).collect()
    }

    /// The calls that have something at stake in records that are kept back.
    pub fn held_calls(&self) -> Vec<CallId> {
        let held = self.changes.iter().filter(|dirty| dirty.blocked != 0);
        let stakes = held.flat_map(|dirty| &dirty.stakes);
        stakes
            .map(|stake| stake.call)
            .filter(|&call| call != NOBODY)
            .collect()
    }

    /// Keeps back what refers to these additions. Gives whether that is more than before.
    pub fn hold_referrers(&mut self, field: FieldIx, ids: &[Id]) -> bool {
        let mut any = false;
        for id in ids {
            for row in self.rows_referring(field, id.as_ref(), true) {
                any |= self.hold(row);
            }
        }
        any
    }

    /// Keeps back what these calls have at stake. Gives whether that is more than before.
    pub fn hold_calls(&mut self, calls: &[CallId]) -> bool {
        let owned = |dirty: &Dirty| {
            let mut stakes = dirty.stakes.iter();
            stakes.any(|stake| calls.contains(&stake.call) && !stake.sent)
        };
        let mut any = false;
        for row in self.changes.rows(owned) {
            any |= self.hold(row);
        }
        any
    }

    fn hold(&mut self, row: RowIx) -> bool {
        let Some(dirty) = self.changes.get_mut(row) else {
            return false;
        };
        let fresh = dirty.blocked == 0 && dirty.counted.changed;
        if fresh {
            dirty.blocked |= DEPENDS;
            self.recount(row);
        }
        fresh
    }
}
