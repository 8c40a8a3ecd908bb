//! Records as they were read, and what stood beside them.

use super::{SectionSpec, WARNINGS_MAX};
use crate::prelude::*;
use crate::table::{RowIx, Table};

/// Records that were read.
#[derive(Debug)]
pub struct Rows {
    /// Their fields. All rows are visible, in the order of reading, parents before their children.
    pub table: Table,
    /// Phantom ids that came with them.
    pub phantom_ids: Vec<(RowIx, Box<str>)>,
    /// Phantom ids of parents that came with them.
    pub phantom_parent_ids: Vec<(RowIx, Box<str>)>,
    /// What the server says of single records: a boolean `success`, and an `error` that is text or
    /// an object, unless the store has fields of these names.
    pub outcomes: Vec<(RowIx, RecordOutcome)>,
    /// Child and parent of every record that stood in another's `children`. The child's parent
    /// field holds the parent's id already, if the parent has one.
    pub nested: Vec<(RowIx, RowIx)>,
    /// What was odd and has been passed over, in sentences.
    pub warnings: Vec<String>,
}

/// What the server says of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordOutcome {
    /// Whether it was accepted, if the server says so.
    pub success: Option<bool>,
    /// Why not: text as it is, an object's `message`, else its JSON text.
    pub error: Option<String>,
}

impl Rows {
    #[inline]
    pub(crate) fn new(spec: &SectionSpec) -> Self {
        Self {
            table: Table::new(spec.schema.clone(), spec.first_generation),
            phantom_ids: Vec::new(),
            phantom_parent_ids: Vec::new(),
            outcomes: Vec::new(),
            nested: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn warn(&mut self, warning: impl FnOnce() -> String) {
        warn(&mut self.warnings, warning);
    }

    pub(crate) fn outcome_mut(&mut self, row: RowIx) -> Option<&mut RecordOutcome> {
        if self.outcomes.last().is_none_or(|(last, _)| *last != row) {
            self.outcomes.push((row, RecordOutcome::default()));
        }
        self.outcomes.last_mut().map(|(_, outcome)| outcome)
    }

    /// Everything has been read: rows get their order, ids and parents.
    #[inline]
    pub(crate) fn finish(&mut self) {
        let (id, parent) = (self.table.schema().id, self.table.schema().parent);
        if let Some(parent) = parent {
            for &(child, of) in &self.nested {
                let of_id = self.table.cell(of, id);
                if !of_id.is_nullish() {
                    self.table.put_read(child, parent, of_id);
                }
            }
        }
        let doubled = self.table.end_read();
        if doubled.is_empty() {
            return;
        }
        self.table.hide(&doubled);
        for row in &doubled {
            let mut text = Vec::new();
            super::write::value(self.table.value(self.table.cell(*row, id)), &mut text);
            let text = String::from_utf8(text).unwrap_or_default();
            warn(&mut self.warnings, || {
                format!("the id {text} came more than once: the last record with it counts")
            });
            self.table.free_row(*row);
        }
        let table = &self.table;
        self.phantom_ids.retain(|(row, _)| table.is_live(*row));
        self.phantom_parent_ids
            .retain(|(row, _)| table.is_live(*row));
        self.outcomes.retain(|(row, _)| table.is_live(*row));
        self.nested
            .retain(|(child, parent)| table.is_live(*child) && table.is_live(*parent));
    }
}

/// Adds a warning; past [`WARNINGS_MAX`] only says that there were more.
pub(crate) fn warn(warnings: &mut Vec<String>, warning: impl FnOnce() -> String) {
    match warnings.len() {
        len if len < WARNINGS_MAX => warnings.push(warning()),
        WARNINGS_MAX => warnings.push("further warnings were left out".into()),
        _ => {}
    }
}
