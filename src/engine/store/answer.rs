//! Answers to a sync, and changes that the server sends on its own: plan, then apply.

use super::applying::Applying;
use super::naming::Named;
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
    named: Named,
    /// Whether the rows' ids are known already.
    is_named: bool,
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
    /// The section.
    pub const fn section(&self) -> &Section {
        &self.section
    }

    fn warn(&mut self, message: String) {
        self.named.warnings.push(Warning {
            message,
            rows: Vec::new(),
        });
    }
}

impl Store {
    /// Looks through an answer's section. Rows that say nothing usable are passed over, with a
    /// warning.
    pub fn plan(&self, section: Section) -> StorePlan {
        StorePlan {
            section,
            named: Named::default(),
            is_named: false,
            quiet: false,
        }
    }

    /// The first half of applying a plan: whose ids its rows say. Other stores have to follow
    /// before the second half.
    pub fn apply_ids(&mut self, plan: &mut StorePlan, unmentioned: Unmentioned, out: &mut Notices) {
        plan.is_named = true;
        let section = &mut plan.section;
        let mut warnings = Vec::new();
        let lists = [&mut section.rows, &mut section.added, &mut section.updated];
        for rows in lists.into_iter().flatten() {
            self.name_rows(rows, unmentioned, &mut plan.named, out);
            warnings.append(&mut rows.warnings);
        }
        if let Some(removed) = &mut section.removed {
            warnings.append(&mut removed.warnings);
        }
        for warning in warnings {
            plan.warn(warning);
        }
    }

    /// Applies the answer to what is on the wire.
    pub fn apply(
        &mut self,
        mut plan: StorePlan,
        options: &ApplyOptions,
        rng: &mut Rng,
        out: &mut Notices,
    ) -> Applied {
        if !plan.is_named {
            self.apply_ids(&mut plan, options.unmentioned, out);
        }
        let sent = self.sent_rows();
        let mut applying = Applying::new(plan.named, *options, true);
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
        mut plan: StorePlan,
        rng: &mut Rng,
        out: &mut Notices,
    ) -> Applied {
        if !plan.is_named {
            self.apply_ids(&mut plan, Unmentioned::Confirmed, out);
        }
        let mut applying = Applying::new(plan.named, ApplyOptions::default(), false);
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
