//! The user removes records, and removed records come back.

use super::notices::Notices;
use super::record_state::Stage;
use super::stakes::Of;
use super::{Id, Store};
use crate::engine::error::SyncError;
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Cell;
use crate::prelude::*;

impl Store {
    /// The user removes records, in trees with their descendants; all or none. Gives all that went:
    /// handles to phantoms that the server never heard of find nothing any more.
    pub fn remove(&mut self, ids: &[RowId], out: &mut Notices) -> Result<Vec<RowId>, SyncError> {
        let mut rows = Vec::with_capacity(ids.len());
        for &id in ids {
            rows.push(self.visible(id)?);
        }
        if self.owner.hidden {
            return Ok(self.remove_unseen(&rows, out));
        }
        Ok(self.remove_rows(rows, None, Origin::Local, out))
    }

    /// Removals that are not seen before the server has confirmed them. Nothing goes yet: phantoms
    /// that it has never heard of stay too, until they have their ids.
    fn remove_unseen(&mut self, rows: &[RowIx], out: &mut Notices) -> Vec<RowId> {
        for &row in rows {
            self.stake(row, Of::Removal, Cell::ABSENT);
            self.recount(row);
            self.tell(NoticeKind::State, Origin::Local, row, out);
        }
        rows.iter().map(|&row| self.table.handle(row)).collect()
    }

    /// The user removes every record.
    pub fn remove_all(&mut self, out: &mut Notices) -> Vec<RowId> {
        let rows = self.table.order().to_vec();
        if self.owner.hidden {
            return self.remove_unseen(&rows, out);
        }
        self.remove_rows(rows, None, Origin::Local, out)
    }

    /// Removes visible rows and their descendants. `cascade`: the field through which another
    /// record's removal takes them along.
    pub(super) fn remove_rows(
        &mut self,
        rows: Vec<RowIx>,
        cascade: Option<FieldIx>,
        origin: Origin,
        out: &mut Notices,
    ) -> Vec<RowId> {
        if rows.is_empty() {
            return Vec::new();
        }
        self.remember_order();
        let all = self.with_descendants(rows);
        let handles: Vec<RowId> = all.iter().map(|&(row, _)| self.table.handle(row)).collect();
        let parent = self.table.schema().parent;
        let hidden: Vec<RowIx> = all.iter().map(|&(row, _)| row).collect();
        self.table.hide(&hidden);
        self.version += 1;
        for &(row, named) in &all {
            self.aftermath.removed.extend(self.id_of(row));
            self.tell(NoticeKind::Remove, origin, row, out);
            self.mark_removed(row, if named { cascade } else { parent });
        }
        handles
    }

    /// The user's layer says that a record, already hidden, shall go.
    pub(super) fn mark_removed(&mut self, row: RowIx, cascade: Option<FieldIx>) {
        let owned = self.is_owned();
        let dirty = self.changes.ensure(row, true);
        dirty.held = false;
        match (dirty.inflight, dirty.in_base) {
            // It comes back if the call's edits are taken back.
            (Stage::Idle, false) if owned => {
                dirty.pending = Stage::Remove(cascade);
                self.stake(row, Of::Removal, Cell::ABSENT);
                self.settle(row);
            }
            (Stage::Idle, false) => self.end_unsent(row),
            _ if self.untracked => self.end_removed(row),
            // Added again after its removal went out: back to that, for the latest reason.
            (Stage::Remove(_), _) => {
                dirty.inflight = Stage::Remove(cascade);
                dirty.pending = Stage::Idle;
                self.settle(row);
            }
            _ => {
                dirty.pending = Stage::Remove(cascade);
                self.stake(row, Of::Removal, Cell::ABSENT);
                self.settle(row);
            }
        }
    }

    /// The server never hears of a removed record: nothing is left to be confirmed.
    pub(super) fn end_unsent(&mut self, row: RowIx) {
        self.decide(row, &Ok(()));
        self.free(row);
    }

    /// Removed records are there again: those whose removal waits as they were, those whose removal
    /// is on the wire by the user's layer. They stand where they stood.
    pub(super) fn bring_back(&mut self, rows: &[RowIx], origin: Origin, out: &mut Notices) {
        if rows.is_empty() {
            return;
        }
        for &row in rows {
            if let Some(dirty) = self.changes.get_mut(row) {
                dirty.held = false;
                dirty.pending = match dirty.inflight {
                    Stage::Remove(_) => Stage::Add,
                    Stage::Idle if !dirty.in_base => Stage::Add,
                    Stage::Idle | Stage::Add => Stage::Idle,
                };
            }
            self.settle(row);
        }
        self.reappear(rows, origin, out);
    }

    /// Shows rows that exist again, and says so.
    pub(super) fn reappear(&mut self, rows: &[RowIx], origin: Origin, out: &mut Notices) {
        if rows.is_empty() {
            return;
        }
        self.place_back(rows);
        self.version += 1;
        for &row in rows {
            self.aftermath.restored.extend(self.id_of(row));
            self.tell(NoticeKind::Add, origin, row, out);
        }
        // What went along comes along.
        if let Some(parent) = self.table.schema().parent {
            let ids: Vec<Id> = rows.iter().filter_map(|&row| self.id_of(row)).collect();
            self.undo_cascade(parent, &ids, out);
        }
    }

    /// The server ends records, with their descendants. Nothing of it will be sent.
    pub(super) fn forget_rows(&mut self, rows: &[RowIx], origin: Origin, out: &mut Notices) {
        let rows: Vec<RowIx> = rows
            .iter()
            .copied()
            .filter(|&row| !self.survives(row))
            .collect();
        let all: Vec<RowIx> = self
            .with_descendants(rows)
            .into_iter()
            .map(|(row, _)| row)
            .collect();
        self.table.hide(&all);
        for row in all {
            if let Some(id) = self.id_of(row) {
                if self
                    .changes
                    .get(row)
                    .is_some_and(|it| it.exists() && it.is_modified())
                {
                    self.aftermath.lost.push(id.clone());
                }
                self.aftermath.removed_by_server.push(id);
            }
            self.tell(NoticeKind::Remove, origin, row, out);
            self.free(row);
        }
    }
}
