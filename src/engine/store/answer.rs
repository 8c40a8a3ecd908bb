//! Answers to a sync, and changes that the server sends on its own: plan, then apply.

use super::applying::Applying;
use super::notices::Notices;
use super::record_state::Dirty;
use super::{Id, Store};
use crate::engine::event::Origin;
use crate::engine::json::Section;
use crate::engine::rng::Rng;
use crate::engine::table::{RowId, RowIx};
use crate::prelude::*;

/// What becomes of records on the wire that an answer doesn't mention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmentioned {
    /// Confirmed, but for added ones, which need an id (short answers).
    #[default]
    Confirmed,
    /// Not confirmed: edits wait again, removed records come back (full answers).
    Missing,
    /// Nothing was decided: everything waits again (a failed answer with outcomes of single
    /// records).
    Undecided,
    /// Nothing was done: everything but what was refused waits again, also what the answer calls a
    /// success (a failed answer that says that the package was rolled back).
    RolledBack,
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
    /// It may repeat what is known, so that this is not odd.
    pub quiet: bool,
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
    /// Records that the server removed by itself. They are still here: some may have gone with a
    /// record that the user wants back. Call [`Store::forget`] when all stores of the answer are
    /// applied and have followed each other.
    pub removed: Vec<RowId>,
    /// Something became sendable that wasn't before.
    pub more_to_send: bool,
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
    /// Looks through an answer's section. Rows that say nothing usable are passed over, with a
    /// warning.
    pub fn plan(&self, section: Section) -> StorePlan {
        let mut plan = StorePlan {
            section,
            warnings: Vec::new(),
            quiet: false,
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
            .flat_map(|rows| {
                self.name_phantom_parents(rows);
                core::mem::take(&mut rows.warnings)
            })
            .collect();
        for warning in warnings {
            plan.warn(warning);
        }
        plan
    }

    /// Applies the answer to what is on the wire.
    pub fn apply(
        &mut self,
        plan: StorePlan,
        options: &ApplyOptions,
        rng: &mut Rng,
        out: &mut Notices,
    ) -> Applied {
        let sent = self.sent_rows();
        let mut applying = Applying::new(plan.warnings, *options, true);
        applying.section(self, &plan.section, out);
        applying.rest(self, &sent, out);
        self.name_reborn(rng, out);
        self.forget_order_if_clean();
        applying.applied
    }

    /// Applies changes that the server sent on its own. They write base: nothing becomes dirty,
    /// nothing that waits is lost.
    pub fn apply_changeset(
        &mut self,
        plan: StorePlan,
        rng: &mut Rng,
        out: &mut Notices,
    ) -> Applied {
        let mut applying = Applying::new(plan.warnings, ApplyOptions::default(), false);
        applying.quiet = plan.quiet;
        applying.section(self, &plan.section, out);
        self.name_reborn(rng, out);
        applying.applied
    }

    /// Ends records that the server removed, but for those that are new again.
    pub fn forget(&mut self, ids: &[RowId], out: &mut Notices) {
        let rows = ids.iter().filter_map(|&id| self.table.resolve(id));
        let rows: Vec<RowIx> = rows.filter(|&row| !self.is_unsent(row)).collect();
        self.forget_rows(&rows, Origin::Remote, out);
    }

    fn is_unsent(&self, row: RowIx) -> bool {
        self.changes.get(row).is_some_and(Dirty::is_all_pending)
    }
}
