//! Conflicts in a store: where the server's news meet what the user has changed; what is decided at
//! once, and what waits for the app.

use super::notices::Notices;
use super::record_state::{CONFLICT, Dirty, Stage};
use super::server::ServerRow;
use super::stakes::{Fate, NOBODY, Of};
use super::{Id, Store, equal};
use crate::engine::conflict::{self, Kind, Outcome, Side, Strategy};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Cell;
use crate::prelude::*;

/// Most conflicts of a store that are kept to be told. A load after a long time offline can bring
/// as many as there are edits; what is beyond is decided all the same.
pub const CONFLICTS_MAX: usize = 10_000;

/// How a store's conflicts are decided.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policy {
    pub(super) strategy: Strategy,
    /// The app chose it. Otherwise a record that the server removes goes, with its edits.
    pub(super) chosen: bool,
    /// The field with the moment (ms) of the server's last change.
    pub(super) modified: Option<FieldIx>,
}

/// One field of a conflict.
#[derive(Clone, Copy, Debug)]
pub struct Clash {
    /// Which field.
    pub field: FieldIx,
    /// What both sides had.
    pub base: Cell,
    /// What the user has.
    pub mine: Cell,
    /// What the server has.
    pub theirs: Cell,
    /// Whose value it is; of a conflict that waits, whose is the newer.
    pub from: Side,
}

/// A conflict, or what has become of it.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// Its number in the store; never used again.
    pub id: u32,
    /// In which record; it may be gone.
    pub row: RowId,
    /// The record's id.
    pub record: Option<Id>,
    /// What clashed.
    pub kind: Kind,
    /// How it is, or was, decided.
    pub strategy: Strategy,
    /// Whether it was not told before.
    pub found: bool,
    /// Whether it is decided.
    pub resolved: bool,
    /// Who has the record, where one side removed it.
    pub from: Side,
    /// The fields.
    pub fields: Vec<Clash>,
}

/// A conflict that waits for the app.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) id: u32,
    pub(super) kind: Kind,
    /// The fields, with what both sides had.
    pub(super) fields: Vec<(FieldIx, Cell)>,
}

impl Store {
    /// How conflicts are decided; none is the usual way: edits stay, records that the server
    /// removes go.
    pub fn set_strategy(&mut self, strategy: Option<Strategy>) {
        let strategy = self.config.conflict_resolution.or(strategy);
        let modified = self.config.modified_field.as_deref();
        self.policy = Policy {
            strategy: strategy.unwrap_or_default(),
            chosen: strategy.is_some(),
            modified: modified.and_then(|name| self.table.schema().find(name)),
        };
    }

    /// Whether the app has chosen how conflicts are decided.
    pub const fn decides_conflicts(&self) -> bool {
        self.policy.chosen
    }

    /// What has been found and decided since this was last asked.
    pub fn take_conflicts(&mut self) -> Vec<Conflict> {
        core::mem::take(&mut self.conflicts)
    }

    /// Whether [`Store::take_conflicts`] has anything to give.
    pub const fn has_conflicts(&self) -> bool {
        !self.conflicts.is_empty()
    }

    // --- finding ------------------------------------------------------------------------------

    /// The server has another value in a field, since the moment `at` (ms) where that is known.
    /// Gives whether the user's stays.
    pub(super) fn meet(
        &mut self,
        row: RowIx,
        field: FieldIx,
        (base, theirs): (Cell, Cell),
        at: Option<f64>,
    ) -> bool {
        let Some(dirty) = self.changes.get(row) else {
            return true;
        };
        let Some(mine) = mine(dirty, field) else {
            return true;
        };
        let traits = self.traits(field);
        let same = |a: Cell, b: Cell| equal(&self.table, traits, a, b);
        let newer = match at {
            Some(at) if dirty.edited > at => Side::Mine,
            _ => Side::Theirs,
        };
        let strategy = self.policy.strategy;
        let outcome = conflict::field((base, mine, theirs), &same, strategy, newer);
        let clash = Clash {
            field,
            base,
            mine,
            theirs,
            from: Side::Mine,
        };
        match outcome {
            Outcome::Joined => true,
            Outcome::Open => {
                let clash = Clash {
                    from: newer,
                    ..clash
                };
                self.open(row, Kind::Update, &[clash]);
                true
            }
            Outcome::Decided(side) => {
                let clash = Clash {
                    from: side,
                    ..clash
                };
                self.note(row, Kind::Update, side, clash);
                if side == Side::Theirs {
                    self.lose(row, Some(field));
                }
                side != Side::Theirs
            }
        }
    }

    /// When the server changed a record, as its row says.
    pub(super) fn moment_of(&self, from: ServerRow<'_>) -> Option<f64> {
        let field = self.policy.modified?;
        let at = from.map.iter().position(|it| *it == Some(field))?;
        let cell = from.table.cell(from.row, FieldIx(at as u16));
        cell.as_number()
    }

    /// The server has changed a record that the user has removed.
    pub(super) fn meet_removal(&mut self, row: RowIx, clashes: Vec<Clash>, out: &mut Notices) {
        let removed = |dirty: &Dirty| {
            dirty.in_base
                && match (dirty.pending, dirty.inflight) {
                    (Stage::Remove(cascade), _) | (Stage::Idle, Stage::Remove(cascade)) => {
                        cascade.is_none()
                    }
                    _ => false,
                }
        };
        if clashes.is_empty() || !self.changes.get(row).is_some_and(removed) {
            return;
        }
        match conflict::removal(Kind::LocalRemove, self.policy.strategy) {
            Outcome::Open => self.open(row, Kind::LocalRemove, &clashes),
            Outcome::Decided(side) => {
                for clash in clashes {
                    let clash = Clash {
                        from: side,
                        ..clash
                    };
                    self.note(row, Kind::LocalRemove, side, clash);
                }
                if side == Side::Theirs {
                    self.lose(row, None);
                    self.bring_back(&[row], Origin::Rebase, out);
                }
            }
            Outcome::Joined => {}
        }
    }

    /// The server has removed a record. Gives whether the user keeps it, as a new one.
    pub(super) fn survives(&mut self, row: RowIx) -> bool {
        if self.changes.get(row).is_some_and(Dirty::wants_back) {
            // It was the user's own removal, which was taken back too late.
            self.bear_again(row);
            return true;
        }
        let edited = |dirty: &Dirty| dirty.in_base && dirty.exists() && dirty.is_modified();
        if !self.changes.get(row).is_some_and(edited) {
            return false;
        }
        let fields = self.clashes_of(row, &[]);
        let outcome = conflict::removal(Kind::RemoteRemove, self.policy.strategy);
        let kept = self.policy.chosen && outcome != Outcome::Decided(Side::Theirs);
        let side = if kept { Side::Mine } else { Side::Theirs };
        if outcome == Outcome::Open {
            self.open(row, Kind::RemoteRemove, &fields);
        } else {
            let id = self.next_conflict();
            self.tell_conflict(row, id, Kind::RemoteRemove, (true, true, side), fields);
        }
        if kept {
            self.bear_again(row);
        }
        kept
    }

    /// The fields of a record that the user has changed; `bases` says what both sides had, where
    /// that isn't what the server has.
    fn clashes_of(&self, row: RowIx, bases: &[(FieldIx, Cell)]) -> Vec<Clash> {
        let Some(dirty) = self.changes.get(row) else {
            return Vec::new();
        };
        let clash = |field: FieldIx, mine: Cell| {
            let theirs = dirty.touched(field).map(|touched| touched.base);
            let theirs = theirs.unwrap_or_else(|| self.table.cell(row, field));
            let base = bases.iter().find(|(other, _)| *other == field);
            Clash {
                field,
                base: base.map_or(theirs, |(_, base)| *base),
                mine,
                theirs,
                from: Side::Mine,
            }
        };
        if bases.is_empty() {
            let fields = dirty.fields.iter();
            return fields.map(|it| clash(it.field, it.visible())).collect();
        }
        let fields = bases.iter().map(|(field, _)| *field);
        fields
            .map(|field| {
                clash(
                    field,
                    mine(dirty, field).unwrap_or(self.table.cell(row, field)),
                )
            })
            .collect()
    }

    // --- keeping ------------------------------------------------------------------------------

    fn next_conflict(&mut self) -> u32 {
        self.next_conflict = self.next_conflict.wrapping_add(1);
        self.next_conflict
    }

    /// Opens a conflict, or adds to the one that is open.
    fn open(&mut self, row: RowIx, kind: Kind, clashes: &[Clash]) {
        let next = self.next_conflict();
        let dirty = self.changes.ensure(row, true);
        let open = dirty.conflict.get_or_insert_with(|| {
            Box::new(Open {
                id: next,
                kind,
                fields: Vec::new(),
            })
        });
        open.kind = kind;
        for clash in clashes {
            if open.fields.iter().all(|(field, _)| *field != clash.field) {
                open.fields.push((clash.field, clash.base));
            }
        }
        let (id, bases) = (open.id, open.fields.clone());
        dirty.blocked |= CONFLICT;
        self.recount(row);
        let mut fields = self.clashes_of(row, &bases);
        // What the server has is being written.
        for clash in clashes {
            if let Some(field) = fields.iter_mut().find(|it| it.field == clash.field) {
                field.theirs = clash.theirs;
                field.from = clash.from;
            }
        }
        self.tell_conflict(row, id, kind, (true, false, Side::Mine), fields);
    }

    /// Notes a field that was decided at once, with the others of its record.
    fn note(&mut self, row: RowIx, kind: Kind, side: Side, clash: Clash) {
        let handle = self.table.handle(row);
        if let Some(last) = self.conflicts.last_mut()
            && last.row == handle
            && last.kind == kind
            && last.resolved
            && last.fields.iter().all(|other| other.field != clash.field)
        {
            last.fields.push(clash);
            return;
        }
        let id = self.next_conflict();
        self.tell_conflict(row, id, kind, (true, true, side), vec![clash]);
    }

    fn tell_conflict(
        &mut self,
        row: RowIx,
        id: u32,
        kind: Kind,
        (found, resolved, from): (bool, bool, Side),
        fields: Vec<Clash>,
    ) {
        let strategy = self.policy.strategy;
        let known = |it: &Conflict| it.id == id && it.resolved == resolved;
        let conflict = Conflict {
            id,
            row: self.table.handle(row),
            record: self.id_of(row),
            kind,
            strategy,
            found,
            resolved,
            from,
            fields,
        };
        if let Some(before) = self.conflicts.iter_mut().rev().take(4).find(|it| known(it)) {
            *before = conflict;
        } else if self.conflicts.len() < CONFLICTS_MAX {
            self.conflicts.push(conflict);
        }
    }

    // --- ending -------------------------------------------------------------------------------

    /// The app decides a conflict: `theirs` are the fields in which the server has it, `merged`
    /// those whose value it has just set; the rest is the user's. A record that one side removed is
    /// there or not as `record` says. Nothing happens where no conflict is open.
    pub fn resolve_conflict(
        &mut self,
        id: RowId,
        record: Side,
        theirs: &[FieldIx],
        merged: &[FieldIx],
        out: &mut Notices,
    ) -> Result<bool, SyncError> {
        let row = self.resolve(id)?;
        let Some(open) = self.take_open(row) else {
            return Ok(false);
        };
        let mut fields = self.clashes_of(row, &open.fields);
        for clash in &mut fields {
            clash.from = match clash.field {
                _ if open.kind != Kind::Update => record,
                field if theirs.contains(&field) => Side::Theirs,
                field if merged.contains(&field) => Side::Merged,
                _ => Side::Mine,
            };
        }
        self.tell_conflict(row, open.id, open.kind, (false, true, record), fields);
        match (open.kind, record) {
            (Kind::Update, _) => {
                for &field in theirs {
                    if open.fields.iter().any(|(other, _)| *other == field) {
                        self.lose(row, Some(field));
                        self.reject_field(row, field, out);
                    }
                }
                self.settle(row);
                self.tell(NoticeKind::State, Origin::Rebase, row, out);
            }
            (Kind::RemoteRemove, Side::Theirs) => {
                self.lose(row, None);
                self.drop_added(&[row], Origin::Remote, out);
            }
            (Kind::LocalRemove, Side::Theirs) => {
                self.lose(row, None);
                self.bring_back(&[row], Origin::Rebase, out);
            }
            (_, _) => {
                self.settle(row);
                self.tell(NoticeKind::State, Origin::Rebase, row, out);
            }
        }
        Ok(true)
    }

    fn take_open(&mut self, row: RowIx) -> Option<Box<Open>> {
        let dirty = self.changes.get_mut(row)?;
        let open = dirty.conflict.take()?;
        dirty.blocked &= !CONFLICT;
        self.recount(row);
        Some(open)
    }

    /// An open conflict ends without a word of the app: its edits are no more.
    pub(super) fn close_conflict(&mut self, row: RowIx, side: Side) {
        let Some(open) = self.take_open(row) else {
            return;
        };
        let mut fields = self.clashes_of(row, &open.fields);
        fields.iter_mut().for_each(|clash| clash.from = side);
        self.tell_conflict(row, open.id, open.kind, (false, true, side), fields);
    }

    /// Fields that the user has changed back, or to what the server has, are in conflict no more.
    pub(super) fn review_conflict(&mut self, row: RowIx) {
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        let over = match dirty.conflict.as_deref() {
            Some(open) if open.kind == Kind::Update => {
                let clashes = |(field, _): &(FieldIx, Cell)| mine(dirty, *field).is_some();
                !open.fields.iter().any(clashes)
            }
            Some(open) if open.kind == Kind::LocalRemove => dirty.exists(),
            _ => false,
        };
        if over {
            self.close_conflict(row, Side::Theirs);
        }
    }

    /// The server's value stands in place of what the user has set: who waits for that is told.
    fn lose(&mut self, row: RowIx, field: Option<FieldIx>) {
        let handle = self.table.handle(row);
        let Some(dirty) = self.changes.get(row) else {
            return;
        };
        let lost = dirty.stakes.iter().filter(|stake| {
            let concerned = match stake.of {
                Of::Field(of) => field.is_none_or(|field| of == field),
                Of::Removal => field.is_none(),
                Of::Record => true,
                Of::Addition => false,
            };
            stake.call != NOBODY && concerned
        });
        let why = "what the server has was taken instead of the edit";
        let fates: Vec<Fate> = lost
            .map(|stake| Fate {
                call: stake.call,
                row: handle,
                outcome: Err(SyncError::new(ErrorCode::Conflict, why)),
            })
            .collect();
        self.changes.fates.extend(fates);
    }
}

/// What the user has in a field, where that isn't what the server has.
fn mine(dirty: &Dirty, field: FieldIx) -> Option<Cell> {
    if let Some(cell) = dirty.hidden_cell(field, false) {
        return Some(cell);
    }
    let touched = dirty.touched(field);
    let seen = touched.filter(|touched| !touched.is_idle());
    seen.map(|touched| touched.visible())
        .or_else(|| dirty.hidden_cell(field, true))
}
