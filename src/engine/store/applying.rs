//! Applies the rows of an answer, or of changes that the server sent, one by one.

use super::adding::FieldMap;
use super::answer::{Applied, ApplyOptions, Refused, Unmentioned, Warning};
use super::naming::Named;
use super::notices::Notices;
use super::record_state::{Dirty, Stage};
use super::rows::{Groups, entry, places};
use super::server::ServerRow;
use super::{Id, Store};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{NoticeKind, Origin};
use crate::engine::json::{RecordOutcome, Rows, Section};
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::prelude::*;

/// One application.
pub(super) struct Applying {
    options: ApplyOptions,
    /// Whether it answers what is on the wire.
    answers: bool,
    pub(super) applied: Applied,
    /// New records, shown at the end.
    fresh: Vec<RowIx>,
    unknown_removed: Vec<String>,
    /// Removals of what isn't here are not odd.
    pub(super) quiet: bool,
    /// Records whose removal the server refused.
    kept: Groups,
    /// Room to work in.
    own: Vec<FieldIx>,
}

impl Applying {
    pub(super) fn new(named: Named, options: ApplyOptions, answers: bool) -> Self {
        Self {
            options,
            answers,
            applied: Applied {
                new_ids: named.new_ids,
                warnings: named.warnings,
                ..Applied::default()
            },
            fresh: Vec::new(),
            unknown_removed: Vec::new(),
            quiet: false,
            kept: Groups::default(),
            own: Vec::new(),
        }
    }

    fn warn(&mut self, message: impl Into<String>, rows: Vec<RowId>) {
        self.applied.warnings.push(Warning {
            message: message.into(),
            rows,
        });
    }

    pub(super) fn section(&mut self, store: &mut Store, section: &Section, out: &mut Notices) {
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
        if !self.unknown_removed.is_empty() && !self.quiet {
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
        let len = rows.table.rows_len();
        let outcomes = places(len, rows.outcomes.iter().map(|(row, _)| *row));
        let phantoms = places(len, rows.phantom_ids.iter().map(|(row, _)| *row));
        for &row in rows.table.order() {
            let from = ServerRow {
                table: &rows.table,
                row,
                map: &map,
                local_wins: self.options.local_wins,
                detects: true,
                own: &[],
                origin: Origin::Remote,
            };
            let phantom = entry(&rows.phantom_ids, &phantoms, row).map(AsRef::as_ref);
            let outcome = entry(&rows.outcomes, &outcomes, row);
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
        let known = phantom.and_then(|text| store.phantoms.find(text, false).cloned());
        let id = id.or_else(|| known.as_ref().map(Id::as_ref));
        let found = id
            .and_then(|id| store.table.find_id(id))
            .filter(|&row| !store.is_own_id(row));
        if let Some(outcome) = outcome.filter(|outcome| outcome.success == Some(false)) {
            let by_phantom = phantom.and_then(|text| store.phantom_row(text));
            self.refused(store, by_phantom.or(found), outcome, out);
            return;
        }
        if !self.options.unmentioned.decides(outcome) {
            return;
        }
        let Some(id) = id else {
            // Nothing is confirmed without an id; records on the wire wait again at the end.
            if phantom.and_then(|text| store.phantom_row(text)).is_none() {
                self.warn(
                    format!("{}: a row without an id was passed over", store.name()),
                    Vec::new(),
                );
            }
            return;
        };
        match found {
            Some(row) => self.known(store, row, from, outcome, out),
            // What had that client id has gone since: this is an echo of its addition.
            None if known.is_none() && (phantom.is_none() || from.has_values()) => {
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

    fn known(
        &mut self,
        store: &mut Store,
        row: RowIx,
        from: ServerRow<'_>,
        outcome: Option<&RecordOutcome>,
        out: &mut Notices,
    ) {
        if store.changes.get(row).is_none() {
            store.patch_row(row, from, out);
            return;
        }
        let handle = store.table.handle(row);
        let confirmed = outcome.is_some_and(|outcome| outcome.success == Some(true));
        let dirty = store.changes.get(row);
        let inflight = dirty.map_or(Stage::Idle, |dirty| dirty.inflight);
        let hides_removal = dirty.is_some_and(|dirty| dirty.hides_removal(true));
        let detects = inflight != Stage::Add && !dirty.is_some_and(Dirty::is_all_pending);
        let mut own = core::mem::take(&mut self.own);
        if self.answers {
            store.sent_fields(row, &mut own);
        }
        let from = ServerRow {
            detects,
            own: &own,
            ..from
        };
        match inflight {
            _ if self.answers && !confirmed && hides_removal => {
                let message = "the server still has the record";
                self.refuse(store, row, message, out);
            }
            Stage::Remove(_) if self.answers && !confirmed => {
                let message = "the server still has the record";
                self.refuse(store, row, message, out);
            }
            Stage::Add => self.confirm(store, row, out),
            Stage::Idle if store.changes.get(row).is_some_and(Dirty::is_all_pending) => {
                store.confirm_unsent(row);
            }
            _ if self.answers => self.confirm(store, row, out),
            _ => {}
        }
        if store.table.resolve(handle).is_some()
            && store.changes.get(row).is_none_or(|dirty| dirty.in_base)
        {
            store.patch_row(row, from, out);
        }
        self.own = own;
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
        let inflight = store.changes.get(row).map(|dirty| dirty.inflight);
        if let Some(Stage::Remove(_)) = inflight {
            self.kept.insert(row.0.into(), row);
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
        let outcomes = places(
            rows.table.rows_len(),
            rows.outcomes.iter().map(|(row, _)| *row),
        );
        let id_field = rows.table.schema().id;
        for &from in rows.table.order() {
            let Some(id) = rows.table.id_ref(rows.table.cell(from, id_field)) else {
                self.warn(
                    format!("{}: a removal without an id", store.name()),
                    Vec::new(),
                );
                continue;
            };
            let row = store.table.find_id(id);
            let row = row.filter(|&row| !store.is_own_id(row));
            let outcome = entry(&rows.outcomes, &outcomes, from);
            let refusal = outcome.filter(|it| it.success == Some(false));
            if refusal.is_none() && !self.options.unmentioned.decides(outcome) {
                continue;
            }
            match (row, refusal) {
                (row, Some(outcome)) => self.refused(store, row, outcome, out),
                (None, None) => self.unknown_removed.push(Id::from(id).to_string()),
                (Some(row), None) => match store.changes.get(row).map(|dirty| dirty.inflight) {
                    Some(Stage::Remove(_)) => self.confirm(store, row, out),
                    _ => self.applied.removed.push(store.table.handle(row)),
                },
            }
        }
    }

    fn confirm(&mut self, store: &mut Store, row: RowIx, out: &mut Notices) {
        let (veiled, removed) = store.changes.get(row).map_or((false, false), |dirty| {
            (dirty.veiled, dirty.hides_removal(true))
        });
        self.applied.more_to_send |= store.confirm_row(row, out);
        if removed {
            self.applied.removed.push(store.table.handle(row));
        } else if veiled && store.changes.get(row).is_none_or(Dirty::exists) {
            self.fresh.push(row);
        }
    }

    /// What was on the wire and hasn't been settled by a row.
    pub(super) fn rest(&mut self, store: &mut Store, sent: &[RowIx], out: &mut Notices) {
        let mut nameless = Vec::new();
        let mut missing = Vec::new();
        // Descendants follow their parents.
        let cascaded = |row: RowIx, store: &Store| {
            let stage = store.changes.get(row).map(|dirty| dirty.inflight);
            matches!(stage, Some(Stage::Remove(Some(_))))
        };
        let (last, first): (Vec<RowIx>, Vec<RowIx>) =
            sent.iter().partition(|&&row| cascaded(row, store));
        let last = store.parents_first(last, true, &|_| true);
        for row in first.into_iter().chain(last) {
            let Some(dirty) = store.changes.get(row).filter(|dirty| dirty.is_sent()) else {
                continue;
            };
            let handle = store.table.handle(row);
            match (dirty.inflight, self.options.unmentioned) {
                (_, Unmentioned::Undecided | Unmentioned::RolledBack) => {
                    store.thaw_row(row, None, out);
                }
                (Stage::Add, _) => {
                    nameless.push(handle);
                    let why = SyncError::new(ErrorCode::BadResponse, "no id from the server");
                    store.thaw_row(row, Some(&why), out);
                }
                (Stage::Remove(Some(field)), _)
                    if Some(field) == store.table.schema().parent
                        && self.keeps_parent(store, row) =>
                {
                    self.kept.insert(row.0.into(), row);
                    let why = SyncError::new(ErrorCode::Refused, "its parent stays");
                    store.drop_inflight(&[row], &why, out);
                }
                (_, Unmentioned::Confirmed) | (Stage::Remove(Some(_)), _) => {
                    self.confirm(store, row, out);
                }
                (Stage::Remove(None), Unmentioned::Missing) => {
                    self.refuse(store, row, "the server did not confirm the removal", out);
                }
                (Stage::Idle, Unmentioned::Missing) => {
                    missing.push(handle);
                    let why =
                        SyncError::new(ErrorCode::BadResponse, "the server did not confirm it");
                    store.thaw_row(row, Some(&why), out);
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

impl Applying {
    /// Whether the server refused to remove the parent, so that the child is still there too.
    fn keeps_parent(&self, store: &Store, row: RowIx) -> bool {
        let parent = store.server_parent(row);
        parent.is_some_and(|parent| !self.kept.find(parent.0.into()).is_empty())
    }
}

/// The fields of rows that the store knows; used when there is no room for others.
fn known_fields(store: &Store, rows: &Rows) -> FieldMap {
    let fields = rows.table.schema().fields().iter();
    fields
        .map(|field| store.table.schema().find(&field.name))
        .collect()
}
