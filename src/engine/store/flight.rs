//! What a sync does to the layers: pending goes onto the wire, and comes back or becomes base.

use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::{Store, equal};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::table::RowIx;
use crate::prelude::*;

impl Store {
    /// Puts what waits onto the wire: every record that the next package carries. Gives whether
    /// there was anything; nothing happens while a package is on the wire. What a cascade did that
    /// the server does by itself keeps waiting until the removal that caused it is decided.
    pub fn freeze(&mut self, out: &mut Notices) -> bool {
        self.freeze_those(|dirty| dirty.counted.sendable, out)
    }

    /// The same without records that the server refused and that haven't been edited since: they
    /// would hold up the others.
    pub fn freeze_ready(&mut self, out: &mut Notices) -> bool {
        self.freeze_those(|dirty| dirty.counted.ready, out)
    }

    fn freeze_those(&mut self, sends: impl Fn(&Dirty) -> bool, out: &mut Notices) -> bool {
        if self.has_inflight() {
            return false;
        }
        let rows = self.changes.rows(sends);
        self.freeze_all(&rows, out);
        !rows.is_empty()
    }

    pub(super) fn freeze_all(&mut self, rows: &[RowIx], out: &mut Notices) {
        for &row in rows {
            let Some(dirty) = self.changes.get_mut(row) else {
                continue;
            };
            let frozen = core::mem::take(&mut dirty.pending);
            match frozen {
                Stage::Idle if dirty.hides_removal(false) => {}
                Stage::Idle => {
                    let quiet = &self.quiet_fields;
                    let sent = dirty
                        .fields
                        .iter_mut()
                        .filter(|touched| !touched.cascaded || !quiet.contains(&touched.field));
                    sent.for_each(|touched| touched.freeze());
                }
                stage => dirty.inflight = stage,
            }
            self.freeze_stakes(row, frozen);
            self.recount(row);
            self.tell(NoticeKind::State, Origin::Local, row, out);
        }
    }

    /// What is on the wire goes back under the user's layer: it was not sent, or (`why`) definitely
    /// refused as a whole.
    pub fn thaw(&mut self, why: Option<&SyncError>, out: &mut Notices) {
        for row in self.sent_rows() {
            self.thaw_row(row, why, out);
        }
    }

    /// What is on the wire is dropped: it was refused, and shall not be tried again. Edits made
    /// since stay.
    pub fn revert_inflight(&mut self, why: &SyncError, out: &mut Notices) {
        let rows = self.sent_rows();
        self.drop_inflight(&rows, why, out);
    }

    /// The records on the wire, in the order of their first change.
    pub(super) fn sent_rows(&self) -> Vec<RowIx> {
        self.changes.rows(Dirty::is_sent)
    }

    pub(super) fn thaw_row(&mut self, row: RowIx, why: Option<&SyncError>, out: &mut Notices) {
        self.thaw_stakes(row, why);
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        match (core::mem::take(&mut dirty.inflight), dirty.pending) {
            (Stage::Add, Stage::Remove(_)) => {
                dirty.fields.clear();
                self.keep_unsent(row);
                return;
            }
            (Stage::Add, _) => {
                dirty.pending = Stage::Add;
                dirty.fields.clear();
            }
            (Stage::Remove(_), Stage::Add) => dirty.pending = Stage::Idle,
            (Stage::Remove(cascade), Stage::Idle) => dirty.pending = Stage::Remove(cascade),
            (Stage::Remove(_) | Stage::Idle, _) => {}
        }
        let (table, traits) = (&self.table, &self.traits);
        for touched in dirty.fields.iter_mut() {
            let traits = traits.get(touched.field.ix()).copied().unwrap_or(0);
            touched.thaw(&|a, b| equal(table, traits, a, b));
        }
        self.recompose(row, Origin::Rebase, out);
        self.tell(NoticeKind::State, Origin::Remote, row, out);
    }

    /// What the wire carries of a record is confirmed. Gives whether that leaves something to send
    /// which could not be sent before: what takes back what was on the wire.
    pub(super) fn confirm_row(&mut self, row: RowIx, out: &mut Notices) -> bool {
        let Some(dirty) = self.changes.get_mut(row) else {
            return false;
        };
        let was_ready = dirty.counted.ready;
        let hidden = if dirty.stakes.is_empty() {
            Vec::new()
        } else {
            let hidden = self.hidden_sent(row);
            self.decide_sent(row, &Ok(()));
            hidden
        };
        let Some(dirty) = self.changes.get_mut(row) else {
            return false;
        };
        dirty.error = None;
        dirty.held = false;
        match (core::mem::take(&mut dirty.inflight), dirty.pending) {
            (Stage::Remove(_), Stage::Add) => {
                // The server's record is gone: what the user has is a new one.
                dirty.in_base = false;
                dirty.fields.clear();
                self.reborn.push(row);
            }
            (Stage::Remove(_), _) => {
                self.end_removed(row);
                return false;
            }
            (Stage::Add, _) => {
                dirty.in_base = true;
                dirty.veiled = false;
            }
            (Stage::Idle, _) => {}
        }
        let (table, traits) = (&self.table, &self.traits);
        for (field, cell) in hidden {
            dirty.touch(field, table.cell(row, field)).inflight = cell;
        }
        for touched in dirty.fields.iter_mut() {
            let traits = traits.get(touched.field.ix()).copied().unwrap_or(0);
            touched.confirm(&|a, b| equal(table, traits, a, b));
        }
        self.recompose(row, Origin::Remote, out);
        self.tell(NoticeKind::State, Origin::Remote, row, out);
        let is_ready = |dirty: &Dirty| dirty.counted.ready;
        !was_ready && self.changes.get(row).is_some_and(is_ready)
    }

    /// A removal is confirmed: the record ends, and what its removal did elsewhere is true.
    pub(super) fn end_removed(&mut self, row: RowIx) {
        self.decide(row, &Ok(()));
        self.aftermath.confirmed.extend(self.id_of(row));
        self.free(row);
    }

    /// What the wire carries of records is dropped; edits made since stay.
    pub(super) fn drop_inflight(&mut self, rows: &[RowIx], why: &SyncError, out: &mut Notices) {
        let mut going = Vec::new();
        let mut back = Vec::new();
        for &row in rows {
            self.decide_sent(row, &Err(why.clone()));
            let Some(dirty) = self.changes.get_mut(row) else {
                continue;
            };
            let existed = dirty.exists();
            match (core::mem::take(&mut dirty.inflight), dirty.pending) {
                (Stage::Add, Stage::Remove(_)) => {
                    self.end_unsent(row);
                    continue;
                }
                (Stage::Add, _) => {
                    dirty.pending = Stage::Add;
                    dirty.fields.clear();
                    going.push(row);
                }
                (Stage::Remove(_), Stage::Add) => dirty.pending = Stage::Idle,
                (Stage::Remove(_) | Stage::Idle, _) => {}
            }
            if !existed && dirty.exists() {
                back.push(row);
            }
            let (table, traits) = (&self.table, &self.traits);
            for touched in dirty.fields.iter_mut() {
                let traits = traits.get(touched.field.ix()).copied().unwrap_or(0);
                touched.drop_inflight(&|a, b| equal(table, traits, a, b));
            }
            self.recompose(row, Origin::Rollback, out);
            self.tell(NoticeKind::State, Origin::Rollback, row, out);
        }
        self.drop_added(&going, Origin::Rollback, out);
        self.reappear(&back, Origin::Rollback, out);
    }

    /// The server refused what the wire carries of a record. A removal is taken back in any case;
    /// `revert` says whether other changes are too, or wait again. Gives whether they were taken
    /// back.
    pub(super) fn refuse_row(
        &mut self,
        row: RowIx,
        message: &str,
        revert: bool,
        out: &mut Notices,
    ) -> bool {
        let handle = self.table.handle(row);
        let Some(dirty) = self.changes.get(row) else {
            return false;
        };
        let reverted = revert || matches!(dirty.inflight, Stage::Remove(_));
        let why = SyncError::new(ErrorCode::Refused, message);
        let edited_since = dirty.is_modified();
        if reverted {
            self.drop_inflight(&[row], &why, out);
        } else {
            self.thaw_row(row, Some(&why), out);
        }
        if self.table.resolve(handle).is_some() {
            let dirty = self.changes.ensure(row, true);
            dirty.error = Some(message.into());
            dirty.held = !edited_since;
            self.recount(row);
        }
        reverted
    }
}
