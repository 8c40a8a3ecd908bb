//! Answers to a sync, and changes that the server sends on its own: plan, then apply.

use super::adding::FieldMap;
use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::server::ServerRow;
use super::{Id, Store};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::json::{RecordOutcome, Rows, Section};
use crate::engine::table::{IdRef, RowId, RowIx};
use crate::engine::value::Value;

/// What becomes of records on the wire that an answer doesn't mention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmentioned {
    /// Confirmed, but for added ones, which need an id (short answers).
    #[default]
    Confirmed,
    /// Not confirmed: edits wait again, removed records come back (full answers).
    Missing,
    /// Nothing was decided: everything waits again (a failed answer with outcomes of single records).
    Undecided,
}

/// How an answer is applied.
#[derive(Clone, Copy, Debug)]
pub struct ApplyOptions {
    /// What becomes of what isn't mentioned.
    pub unmentioned: Unmentioned,
    /// Whether edits made since stay where the server has changed the same field.
    pub local_wins: bool,
    /// Whether changes that the server refused are taken back, or wait again.
    pub revert_refused: bool,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            unmentioned: Unmentioned::Confirmed,
            local_wins: true,
            revert_refused: false,
        }
    }
}

/// An answer's section, looked through: applying it can't fail.
#[derive(Debug)]
pub struct StorePlan {
    section: Section,
    warnings: Vec<Warning>,
}

/// A phantom got its id.
#[derive(Clone, Debug, PartialEq)]
pub struct NewId {
    /// Which record.
    pub row: RowId,
    /// Its client id.
    pub phantom: Id,
    /// The server's.
    pub id: Id,
}

/// The server refused a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Which one; the handle finds nothing when it was an added one that was taken back.
    pub row: RowId,
    /// The server's words.
    pub message: String,
    /// Whether its change was taken back.
    pub reverted: bool,
}

/// Something odd, in a sentence; nothing was lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// What is odd.
    pub message: String,
    /// The records that it is about.
    pub rows: Vec<RowId>,
}

/// What an applied answer has brought. What other stores have to follow stands in the aftermath.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Phantoms that got their ids.
    pub new_ids: Vec<NewId>,
    /// Records that the server refused.
    pub refused: Vec<Refused>,
    /// Oddities.
    pub warnings: Vec<Warning>,
}

impl StorePlan {
    fn warn(&mut self, message: String) {
        self.warnings.push(Warning {
            message,
            rows: Vec::new(),
        });
    }
}

impl Store {
    /// Looks through an answer's section. Rows that say nothing usable are passed over, with a warning.
    pub fn plan(&self, section: Section) -> StorePlan {
        let mut plan = StorePlan {
            section,
            warnings: Vec::new(),
        };
        let read = [
            &mut plan.section.rows,
            &mut plan.section.added,
            &mut plan.section.updated,
            &mut plan.section.removed,
        ];
        let warnings: Vec<String> = read
            .into_iter()
            .flatten()
            .flat_map(|rows| core::mem::take(&mut rows.warnings))
            .collect();
        for warning in warnings {
            plan.warn(warning);
        }
        plan
    }

    /// Applies the answer to what is on the wire.
    pub fn apply(&mut self, plan: StorePlan, options: &ApplyOptions, out: &mut Notices) -> Applied {
        let sent = self.sent_rows();
        let mut applying = Applying::new(plan.warnings, *options, true);
        applying.section(self, &plan.section, out);
        applying.rest(self, &sent, out);
        self.forget_order_if_clean();
        applying.applied
    }

    /// Applies changes that the server sent on its own. They write base: nothing becomes dirty, nothing that waits is lost.
    pub fn apply_changeset(&mut self, plan: StorePlan, out: &mut Notices) -> Applied {
        let mut applying = Applying::new(plan.warnings, ApplyOptions::default(), false);
        applying.section(self, &plan.section, out);
        applying.applied
    }
}

/// One application.
struct Applying {
    options: ApplyOptions,
    /// Whether it answers what is on the wire.
    answers: bool,
    applied: Applied,
    /// New records, shown at the end.
    fresh: Vec<RowIx>,
    unknown_removed: Vec<String>,
}

/// The records that a server's row may be about.
struct Found {
    by_id: Option<RowIx>,
    by_phantom: Option<RowIx>,
}

impl Applying {
    fn new(warnings: Vec<Warning>, options: ApplyOptions, answers: bool) -> Self {
        Self {
            options,
            answers,
            applied: Applied {
                warnings,
                ..Applied::default()
            },
            fresh: Vec::new(),
            unknown_removed: Vec::new(),
        }
    }

    fn warn(&mut self, message: impl Into<String>, rows: Vec<RowId>) {
        self.applied.warnings.push(Warning {
            message: message.into(),
            rows,
        });
    }

    fn section(&mut self, store: &mut Store, section: &Section, out: &mut Notices) {
        store.echoed.clear();
        for rows in [&section.rows, &section.added, &section.updated]
            .into_iter()
            .flatten()
        {
            self.rows(store, rows, out);
        }
        store.table.show(&self.fresh, None);
        for &row in &self.fresh {
            store.version += 1;
            store.tell(NoticeKind::Add, Origin::Remote, row, out);
        }
        if let Some(removed) = &section.removed {
            self.removed(store, removed, out);
        }
        if !self.unknown_removed.is_empty() {
            let ids = self.unknown_removed.join(", ");
            self.warn(
                format!(
                    "{}: the server removed records that aren't here: {ids}",
                    store.name()
                ),
                Vec::new(),
            );
        }
    }

    fn rows(&mut self, store: &mut Store, rows: &Rows, out: &mut Notices) {
        let map = match store.map_fields(&rows.table) {
            Ok(map) => map,
            Err(name) => {
                self.warn(
                    format!(
                        "{}: too many fields; {name} and others were left out",
                        store.name()
                    ),
                    Vec::new(),
                );
                known_fields(store, rows)
            }
        };
        let (mut outcomes, mut phantoms) = (rows.outcomes.iter(), rows.phantom_ids.iter());
        let outcomes: std::collections::BTreeMap<RowIx, &RecordOutcome> = outcomes
            .by_ref()
            .map(|(row, outcome)| (*row, outcome))
            .collect();
        let phantoms: std::collections::BTreeMap<RowIx, &str> = phantoms
            .by_ref()
            .map(|(row, id)| (*row, id.as_ref()))
            .collect();
        for &row in rows.table.order() {
            let from = ServerRow {
                table: &rows.table,
                row,
                map: &map,
                local_wins: self.options.local_wins,
                origin: Origin::Remote,
            };
            let phantom = phantoms.get(&row).copied();
            let outcome = outcomes.get(&row).copied();
            self.row(store, from, phantom, outcome, out);
        }
    }

    fn row(
        &mut self,
        store: &mut Store,
        from: ServerRow<'_>,
        phantom: Option<&str>,
        outcome: Option<&RecordOutcome>,
        out: &mut Notices,
    ) {
        let id = from
            .table
            .id_ref(from.table.cell(from.row, from.table.schema().id));
        let found = Found {
            by_id: id.and_then(|id| store.table.find_id(id)),
            by_phantom: phantom.and_then(|id| store.table.find_id(IdRef::Text(id))),
        };
        if let Some(outcome) = outcome.filter(|outcome| outcome.success == Some(false)) {
            self.refused(store, found.by_phantom.or(found.by_id), outcome, out);
            return;
        }
        let Some(id) = id else {
            // Nothing is confirmed without an id; records on the wire wait again at the end.
            if found.by_phantom.is_none() {
                self.warn(
                    format!("{}: a row without an id was passed over", store.name()),
                    Vec::new(),
                );
            }
            return;
        };
        match self.target(store, &found, id, out) {
            Some(row) => self.known(store, row, from, outcome, out),
            None if phantom.is_none() || from.has_values() => {
                let row = store.insert_row(from);
                self.fresh.push(row);
            }
            None => {
                let message = format!(
                    "{}: an id for a record that isn't here: {}",
                    store.name(),
                    Id::from(id)
                );
                self.warn(message, Vec::new());
            }
        }
    }

    /// The record that the row is about, under its id.
    fn target(
        &mut self,
        store: &mut Store,
        found: &Found,
        id: IdRef<'_>,
        out: &mut Notices,
    ) -> Option<RowIx> {
        let (Some(row), by_id) = (found.by_phantom, found.by_id) else {
            return found.by_id;
        };
        if by_id == Some(row) {
            return by_id;
        }
        if let Some(other) = by_id {
            if store.changes.get(row).is_none_or(|dirty| dirty.in_base)
                || self.applied.new_ids.iter().any(|new| new.row.row == other)
            {
                return by_id;
            }
            self.absorb(store, other, row, out);
        }
        let phantom = store.id_of(row);
        let cell = store.table.make_cell(Id::from(id).as_value());
        store.change_id(row, cell, Origin::Remote, out);
        if let Some(phantom) = phantom {
            self.applied.new_ids.push(NewId {
                row: store.table.handle(row),
                phantom,
                id: Id::from(id),
            });
        }
        Some(row)
    }

    /// The server's record came by another way before its phantom got the id: the phantom takes its place, and its edits.
    fn absorb(&mut self, store: &mut Store, other: RowIx, phantom: RowIx, out: &mut Notices) {
        let edits: Vec<_> = store
            .changes
            .get(other)
            .map(|dirty| {
                dirty
                    .fields
                    .iter()
                    .map(|it| (it.field, it.pending))
                    .collect()
            })
            .unwrap_or_default();
        for (field, cell) in edits {
            if !cell.is_absent() && !store.equal(field, cell, store.table.cell(phantom, field)) {
                let copy = store.copy_within(cell);
                store.write_user(phantom, field, copy, Origin::Rebase, out);
            }
        }
        self.fresh.retain(|&row| row != other);
        store.table.hide(&[other]);
        store.tell(NoticeKind::Remove, Origin::Remote, other, out);
        store.free(other);
    }

    fn known(
        &mut self,
        store: &mut Store,
        row: RowIx,
        from: ServerRow<'_>,
        outcome: Option<&RecordOutcome>,
        out: &mut Notices,
    ) {
        let handle = store.table.handle(row);
        let confirmed = outcome.is_some_and(|outcome| outcome.success == Some(true));
        let inflight = store
            .changes
            .get(row)
            .map_or(Stage::Idle, |dirty| dirty.inflight);
        match inflight {
            Stage::Remove(_) if self.answers && !confirmed => {
                let message = "the server still has the record";
                self.refuse(store, row, message, out);
            }
            Stage::Add => store.confirm_row(row, out),
            Stage::Idle if store.changes.get(row).is_some_and(Dirty::is_all_pending) => {
                store.confirm_unsent(row);
            }
            _ if self.answers => store.confirm_row(row, out),
            _ => {}
        }
        if store.table.resolve(handle).is_some()
            && store.changes.get(row).is_none_or(|dirty| dirty.in_base)
        {
            store.patch_row(row, from, out);
        }
    }

    fn refused(
        &mut self,
        store: &mut Store,
        row: Option<RowIx>,
        outcome: &RecordOutcome,
        out: &mut Notices,
    ) {
        let message = outcome
            .error
            .as_deref()
            .unwrap_or("the server refused the record");
        match row {
            Some(row) => self.refuse(store, row, message, out),
            None => self.warn(
                format!(
                    "{}: a record that isn't here was refused: {message}",
                    store.name()
                ),
                Vec::new(),
            ),
        }
    }

    fn refuse(&mut self, store: &mut Store, row: RowIx, message: &str, out: &mut Notices) {
        if !self.answers || !store.changes.get(row).is_some_and(Dirty::is_sent) {
            let rows = vec![store.table.handle(row)];
            self.warn(
                format!(
                    "{}: refused, but nothing of it was sent: {message}",
                    store.name()
                ),
                rows,
            );
            return;
        }
        let handle = store.table.handle(row);
        let reverted = store.refuse_row(row, message, self.options.revert_refused, out);
        self.applied.refused.push(Refused {
            row: handle,
            message: message.to_owned(),
            reverted,
        });
    }

    fn removed(&mut self, store: &mut Store, rows: &Rows, out: &mut Notices) {
        let outcomes: std::collections::BTreeMap<RowIx, &RecordOutcome> = rows
            .outcomes
            .iter()
            .map(|(row, outcome)| (*row, outcome))
            .collect();
        let id_field = rows.table.schema().id;
        let mut going = Vec::new();
        for &from in rows.table.order() {
            let Some(id) = rows.table.id_ref(rows.table.cell(from, id_field)) else {
                self.warn(
                    format!("{}: a removal without an id", store.name()),
                    Vec::new(),
                );
                continue;
            };
            let row = store.table.find_id(id);
            let outcome = outcomes.get(&from).filter(|it| it.success == Some(false));
            match (row, outcome) {
                (row, Some(outcome)) => self.refused(store, row, outcome, out),
                (None, None) => self.unknown_removed.push(Id::from(id).to_string()),
                (Some(row), None) => match store.changes.get(row).map(|dirty| dirty.inflight) {
                    Some(Stage::Remove(_)) => store.confirm_row(row, out),
                    _ => going.push(row),
                },
            }
        }
        store.forget_rows(&going, Origin::Remote, out);
    }

    /// What was on the wire and hasn't been settled by a row.
    fn rest(&mut self, store: &mut Store, sent: &[RowIx], out: &mut Notices) {
        let mut nameless = Vec::new();
        let mut missing = Vec::new();
        for &row in sent {
            let Some(dirty) = store.changes.get(row).filter(|dirty| dirty.is_sent()) else {
                continue;
            };
            let handle = store.table.handle(row);
            match (dirty.inflight, self.options.unmentioned) {
                (_, Unmentioned::Undecided) => store.thaw_row(row, out),
                (Stage::Add, _) => {
                    nameless.push(handle);
                    store.thaw_row(row, out);
                }
                (_, Unmentioned::Confirmed) | (Stage::Remove(Some(_)), _) => {
                    store.confirm_row(row, out);
                }
                (Stage::Remove(None), Unmentioned::Missing) => {
                    self.refuse(store, row, "the server did not confirm the removal", out);
                }
                (Stage::Idle, Unmentioned::Missing) => {
                    missing.push(handle);
                    store.thaw_row(row, out);
                }
            }
        }
        if !nameless.is_empty() {
            self.warn(
                format!(
                    "{}: added records got no id from the server and stay unsaved",
                    store.name()
                ),
                nameless,
            );
        }
        if !missing.is_empty() {
            self.warn(
                format!(
                    "{}: the server did not confirm updated records",
                    store.name()
                ),
                missing,
            );
        }
    }
}

/// The fields of rows that the store knows; used when there is no room for others.
fn known_fields(store: &Store, rows: &Rows) -> FieldMap {
    let fields = rows.table.schema().fields().iter();
    fields
        .map(|field| store.table.schema().find(&field.name))
        .collect()
}

impl Store {
    /// A copy of a cell of this store's table, for another owner.
    fn copy_within(&mut self, cell: crate::engine::value::Cell) -> crate::engine::value::Cell {
        let text = match self.table.value(cell) {
            Value::Text(text) => text.to_owned(),
            Value::Json(text) => {
                let text = text.to_owned();
                return self.table.make_cell(Value::Json(&text));
            }
            _ => return cell,
        };
        self.table.make_cell(Value::Text(&text))
    }
}
