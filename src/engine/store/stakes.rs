//! What calls wait for: every edit that somebody holds a promise of leaves stakes in the records
//! that it touches, and each stake is decided once.
//!
//! A stake in a field also keeps what was set, in the order of the edits: a refused edit can be
//! taken back alone, and what was set before it, or since, stays. Values that aren't to be seen
//! before the server has confirmed them (`hidden`) are in their stake and nowhere else. Where
//! nobody waits for anything there are no stakes, and edits cost what they cost.

use super::Store;
use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use crate::engine::conflict::Side;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::CallId;
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Cell;
use crate::prelude::*;

/// The owner of edits that nobody waits for.
pub(super) const NOBODY: CallId = CallId(u32::MAX);

/// Whose edits are being made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) call: CallId,
    /// They aren't shown before the server has confirmed them.
    pub(super) hidden: bool,
}

impl Default for Owner {
    fn default() -> Self {
        Self {
            call: NOBODY,
            hidden: false,
        }
    }
}

/// What of a record is at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// All that is unconfirmed; nothing is taken back when it is refused.
    Record,
    /// What was set into a field.
    Field(FieldIx),
    /// That it was added.
    Addition,
    /// That it was removed.
    Removal,
}

/// What one call has at stake in one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stake {
    pub(super) call: CallId,
    pub(super) of: Of,
    /// The request on the wire carries it.
    pub(super) sent: bool,
    pub(super) hidden: bool,
    /// What was set, for fields.
    pub(super) cell: Cell,
    /// When, as in [`Touched`](super::layers::Touched).
    pub(super) written: u32,
    /// There is nothing of it to confirm: it is kept only to be taken back with its call.
    pub(super) told: bool,
}

impl Stake {
    /// Whether its call hears of this outcome.
    pub(super) fn counts(&self, outcome: &Result<(), SyncError>) -> bool {
        self.call != NOBODY && !(self.told && outcome.is_ok())
    }
}

/// What has been decided about one stake.
#[derive(Clone, Debug, PartialEq)]
pub struct Fate {
    /// Whose.
    pub call: CallId,
    /// In which record; it may be gone.
    pub row: RowId,
    /// Whether it is confirmed, or why not.
    pub outcome: Result<(), SyncError>,
}

/// Why stakes in a record end that the server removed.
pub(super) fn gone() -> SyncError {
    SyncError::new(ErrorCode::UnknownRecord, "the server removed the record")
}

/// Why stakes end whose edits the app took back.
pub(super) fn taken_back() -> SyncError {
    SyncError::new(ErrorCode::Cancelled, "the edit was taken back")
}

impl Store {
    /// The edits from here on are those of a call. `hidden`: they aren't shown before the server
    /// has confirmed them.
    pub fn begin_edit(&mut self, call: CallId, hidden: bool) {
        self.owner = Owner { call, hidden };
    }

    /// The call's edits are made. Gives how many stakes it has in this store.
    pub fn end_edit(&mut self) -> usize {
        self.owner = Owner::default();
        let rows = core::mem::take(&mut self.staked);
        for &row in &rows {
            if self.changes.get(row).is_some_and(Dirty::is_unsent_removal) {
                self.keep_unsent(row);
            } else {
                self.settle(row);
            }
        }
        rows.len()
    }

    /// A call removed a record that the server needn't hear of: it is kept, unseen, for the case
    /// that the rest of the call is refused. What the call made itself isn't.
    pub(super) fn keep_unsent(&mut self, row: RowIx) {
        let handle = self.table.handle(row);
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        let removal = |stake: &&Stake| stake.of == Of::Removal && stake.call != NOBODY;
        let Some(call) = dirty.stakes.iter().rfind(removal).map(|it| it.call) else {
            return self.end_unsent(row);
        };
        let made = |stake: &Stake| stake.of == Of::Addition && stake.call == call;
        if dirty.stakes.iter().any(made) {
            return self.end_unsent(row);
        }
        let own = dirty.stakes.iter_mut().filter(|stake| stake.call == call);
        let told = own.filter_map(|it| (!core::mem::replace(&mut it.told, true)).then_some(()));
        let fates = vec![
            Fate {
                call,
                row: handle,
                outcome: Ok(()),
            };
            told.count()
        ];
        self.changes.fates.extend(fates);
        self.keeps_unsent = true;
        self.close_conflict(row, Side::Theirs);
        // It doesn't hold back what else the call did.
        if let Some(dirty) = self.changes.get_mut(row) {
            dirty.blocked = 0;
        }
        self.recount(row);
    }

    /// Whether removed records may be kept for a call.
    pub const fn keeps_unsent(&self) -> bool {
        self.keeps_unsent
    }

    /// A call is confirmed: what it removed before the server heard of it ends.
    pub fn end_kept(&mut self, call: CallId) {
        self.keeps_unsent = false;
        for row in self.changes.rows(Dirty::is_unsent_removal) {
            let removes = |stake: &Stake| stake.told && stake.call == call;
            match self.changes.get(row) {
                Some(dirty) if dirty.stakes.iter().any(removes) => self.end_unsent(row),
                _ => self.keeps_unsent = true,
            }
        }
    }

    /// The call's edits are taken back before they count for anything. Other stores have to follow.
    pub fn give_up_edit(&mut self, call: CallId, out: &mut Notices) {
        self.owner = Owner::default();
        let rows = core::mem::take(&mut self.staked);
        self.roll_back(call, None, out);
        for row in rows {
            if !self.changes.get(row).is_some_and(Dirty::is_unsent_removal) {
                self.settle(row);
            }
        }
    }

    /// Whether a call's edits are being made.
    pub(super) fn is_owned(&self) -> bool {
        self.owner.call != NOBODY
    }

    /// A call waits for what is unconfirmed of a record. Gives whether there is anything.
    pub fn watch(&mut self, id: RowId, call: CallId) -> Result<bool, SyncError> {
        let row = self.resolve(id)?;
        Ok(self.watch_row(row, call))
    }

    pub(super) fn watch_row(&mut self, row: RowIx, call: CallId) -> bool {
        let Some(dirty) = self.changes.get_mut(row) else {
            return false;
        };
        if !dirty.counted.changed && !dirty.counted.sent {
            return false;
        }
        dirty.stakes.push(Stake {
            call,
            of: Of::Record,
            sent: !dirty.counted.changed,
            hidden: false,
            cell: Cell::ABSENT,
            written: 0,
            told: false,
        });
        true
    }

    /// Whether stakes have been decided.
    #[inline]
    pub const fn has_fates(&self) -> bool {
        !self.changes.fates.is_empty()
    }

    /// What has been decided since this was last asked.
    pub fn take_fates(&mut self) -> Vec<Fate> {
        core::mem::take(&mut self.changes.fates)
    }

    /// The store leaves its manager: nobody decides any more.
    pub fn abandon_stakes(&mut self, why: &SyncError) {
        for row in self.changes.rows(|dirty| !dirty.stakes.is_empty()) {
            self.decide(row, &Err(why.clone()));
            match self.changes.get(row) {
                Some(dirty) if dirty.is_unsent_removal() => self.end_unsent(row),
                _ => self.settle(row),
            }
        }
    }

    // --- making -------------------------------------------------------------------------------

    /// Puts a stake of the call that edits into a record.
    pub(super) fn stake(&mut self, row: RowIx, of: Of, cell: Cell) {
        let Owner { call, hidden } = self.owner;
        if call == NOBODY && !matches!(of, Of::Field(_)) {
            return;
        }
        let written = self.version as u32;
        let dirty = self.changes.ensure(row, true);
        let newest = dirty.stakes.iter_mut().rev().find(|stake| stake.of == of);
        if let Some(newest) = newest
            && (newest.call, newest.hidden, newest.sent) == (call, hidden, false)
        {
            newest.cell = cell;
            newest.written = written;
            return;
        }
        dirty.stakes.push(Stake {
            call,
            of,
            sent: false,
            hidden,
            cell,
            written,
            told: false,
        });
        if call != NOBODY {
            self.staked.push(row);
        }
    }

    /// Keeps a field's value in the order of its edits, where a call has something at stake in it.
    /// Gives whether that is all there is to do, because the value isn't shown.
    pub(super) fn stake_field(&mut self, row: RowIx, field: FieldIx, cell: Cell) -> bool {
        let column = self.table.cell(row, field);
        let of = Of::Field(field);
        let dirty = self.changes.ensure(row, true);
        let (mut waits, mut sent) = (false, false);
        for stake in dirty.stakes.iter().filter(|stake| stake.of == of) {
            sent |= stake.sent;
            waits |= !stake.sent;
        }
        if !waits && !sent && self.owner.call == NOBODY {
            return false;
        }
        let touched = dirty.touched(field);
        // What nobody waits for lies under it: on the wire, and on top of that.
        let wire = match touched {
            _ if sent => None,
            Some(touched) if dirty.in_base => Some(touched.inflight).filter(|it| !it.is_absent()),
            Some(touched) => Some(touched.inflight),
            None => (dirty.inflight == Stage::Add).then_some(column),
        };
        let typed = match touched {
            _ if waits => None,
            _ if dirty.is_all_pending() => Some((column, 0)),
            Some(touched) => Some((touched.pending, touched.written)),
            None => None,
        };
        let wire = wire.map(|cell| (cell, 0, true));
        let typed = typed.map(|(cell, written)| (cell, written, false));
        let all = dirty.is_all_pending();
        for (cell, written, sent) in wire.into_iter().chain(typed) {
            if all && sent || !all && !sent && cell.is_absent() {
                continue;
            }
            dirty.stakes.push(Stake {
                call: NOBODY,
                of,
                sent,
                hidden: false,
                cell,
                written,
                told: false,
            });
        }
        self.stake(row, of, cell);
        self.owner.hidden
    }

    // --- deciding -----------------------------------------------------------------------------

    /// Decides everything that is at stake in a record.
    pub(super) fn decide(&mut self, row: RowIx, outcome: &Result<(), SyncError>) {
        self.decide_those(row, &|_| true, outcome);
    }

    /// Decides what is at stake in what is on the wire of a record.
    pub(super) fn decide_sent(&mut self, row: RowIx, outcome: &Result<(), SyncError>) {
        self.decide_those(row, &|stake| stake.sent, outcome);
    }

    /// Removals of a record that never came to be are done.
    pub(super) fn decide_removal(&mut self, row: RowIx) {
        self.decide_those(row, &|stake| stake.of == Of::Removal, &Ok(()));
    }

    fn decide_those(
        &mut self,
        row: RowIx,
        which: &dyn Fn(&Stake) -> bool,
        outcome: &Result<(), SyncError>,
    ) {
        let handle = self.table.handle(row);
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        if dirty.stakes.is_empty() {
            return;
        }
        let (over, rest): (Vec<Stake>, Vec<Stake>) = dirty.stakes.iter().partition(|it| which(it));
        dirty.stakes = rest;
        for stake in over.iter().filter(|stake| stake.counts(outcome)) {
            self.changes.fates.push(Fate {
                call: stake.call,
                row: handle,
                outcome: outcome.clone(),
            });
        }
    }

    /// What was on the wire of a record waits again; with a reason, because it was refused. What
    /// is to be taken back for it is left to [`Store::roll_back`].
    pub(super) fn thaw_stakes(&mut self, row: RowIx, why: Option<&SyncError>) {
        let handle = self.table.handle(row);
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        let mut refused = Vec::new();
        for stake in &mut dirty.stakes {
            if (stake.sent || stake.of == Of::Record) && stake.call != NOBODY {
                refused.push(stake.call);
            }
            stake.sent = false;
        }
        if let Some(why) = why {
            self.changes
                .fates
                .extend(refused.into_iter().map(|call| Fate {
                    call,
                    row: handle,
                    outcome: Err(why.clone()),
                }));
        }
    }

    /// Brings the stakes in a record in line with its layers: what says nothing any more is
    /// confirmed, what only repeats what is on the wire waits for that.
    pub(super) fn review(&mut self, row: RowIx) {
        // More of the call is to come.
        if self.owner.call != NOBODY {
            return;
        }
        let handle = self.table.handle(row);
        let Some(dirty) = self.changes.get(row) else {
            return;
        };
        // What is kept for a call is decided with it.
        if dirty.is_unsent_removal() {
            return;
        }
        let (changed, sent) = (self.is_changed(dirty), dirty.is_sent());
        let mut stakes = dirty.stakes.clone();
        let mut fates = Vec::new();
        stakes.retain_mut(|stake| {
            let stands = if stake.sent {
                Stands::Waits
            } else if !changed && !sent {
                Stands::Done
            } else {
                stands(dirty, stake, changed)
            };
            stake.sent |= stands == Stands::Sent;
            if stands == Stands::Done && stake.counts(&Ok(())) {
                fates.push(Fate {
                    call: stake.call,
                    row: handle,
                    outcome: Ok(()),
                });
            }
            stands != Stands::Done
        });
        let owned: Vec<Of> = stakes
            .iter()
            .filter(|stake| stake.call != NOBODY)
            .map(|stake| stake.of)
            .collect();
        stakes.retain(|stake| stake.call != NOBODY || owned.contains(&stake.of));
        self.changes.fates.append(&mut fates);
        if let Some(dirty) = self.changes.get_mut(row) {
            dirty.stakes = stakes;
        }
    }

    /// The fields of a record that the wire carries.
    pub(super) fn sent_fields(&self, row: RowIx, fields: &mut Vec<FieldIx>) {
        fields.clear();
        let touched = self
            .changes
            .get(row)
            .into_iter()
            .flat_map(|it| it.fields.iter());
        let seen = touched.filter(|touched| !touched.inflight.is_absent());
        fields.extend(seen.map(|touched| touched.field));
        fields.extend(self.hidden_sent(row).into_iter().map(|(field, _)| field));
    }

    /// The fields of a record that the wire carries otherwise than they are seen.
    pub(super) fn hidden_sent(&self, row: RowIx) -> Vec<(FieldIx, Cell)> {
        let Some(dirty) = self.changes.get(row) else {
            return Vec::new();
        };
        let mut found: Vec<(FieldIx, Cell)> = Vec::new();
        for stake in &dirty.stakes {
            if let (Of::Field(field), true, true) = (stake.of, stake.sent, stake.hidden)
                && let Some(cell) = dirty.hidden_cell(field, true)
                && found.iter().all(|(other, _)| *other != field)
            {
                found.push((field, cell));
            }
        }
        found
    }

    /// The stakes of a record go onto the wire with what is frozen of it.
    pub(super) fn freeze_stakes(&mut self, row: RowIx, frozen: Stage) {
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        if dirty.stakes.is_empty() {
            return;
        }
        let removes = frozen == Stage::Idle && dirty.hides_removal(false);
        let removes = removes || matches!(frozen, Stage::Remove(_));
        for stake in dirty.stakes.iter_mut().filter(|stake| stake.hidden) {
            stake.sent |= (stake.of == Of::Removal) == removes;
        }
        self.review(row);
    }
}

/// Where what is at stake stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It waits to be sent.
    Waits,
    /// It is on the wire.
    Sent,
    /// There is nothing to confirm.
    Done,
}

fn stands(dirty: &Dirty, stake: &Stake, changed: bool) -> Stands {
    if stake.hidden && !matches!(stake.of, Of::Addition) {
        return Stands::Waits;
    }
    match stake.of {
        Of::Record if changed => Stands::Waits,
        Of::Record => Stands::Sent,
        Of::Addition => match (dirty.pending, dirty.inflight) {
            (_, Stage::Add) => Stands::Sent,
            (Stage::Add, _) => Stands::Waits,
            _ => Stands::Done,
        },
        Of::Removal => match (dirty.pending, dirty.inflight) {
            (Stage::Remove(_), _) => Stands::Waits,
            (Stage::Idle, Stage::Remove(_)) => Stands::Sent,
            _ => Stands::Done,
        },
        Of::Field(field) => match dirty.touched(field) {
            Some(touched) if !touched.pending.is_absent() => Stands::Waits,
            Some(touched) if !touched.inflight.is_absent() => Stands::Sent,
            _ if dirty.inflight == Stage::Add => Stands::Sent,
            _ if dirty.is_all_pending() => Stands::Waits,
            _ => Stands::Done,
        },
    }
}
