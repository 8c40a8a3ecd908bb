//! What an applied answer leaves to be told.

use super::context::Context;
use super::manager::Manager;
use super::relations;
use crate::engine::event::Event;
use crate::engine::input::StoreId;
use crate::engine::store::{Applied, Warning};
use crate::engine::table::RowId;
use crate::prelude::*;

/// Most warnings that one answer gives; the last one says how many more there would be. An answer
/// with a hundred thousand odd rows is one problem, not a hundred thousand.
const WARNINGS_MAX: usize = 20;

/// What an applied answer leaves to be told.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) refused: Vec<(StoreId, RowId, String, bool)>,
    pub(super) warnings: Vec<(String, Vec<(StoreId, RowId)>)>,
    /// What the server removed by itself, and is still here.
    pub(super) removed: Vec<(StoreId, Vec<RowId>)>,
    /// The answer itself made changes that have to be sent: foreign keys that the server wrote with
    /// a phantom's id, what was taken back too late.
    pub(super) more_to_send: bool,
}

impl Outcome {
    pub(super) fn take(&mut self, store: StoreId, applied: Applied) {
        self.more_to_send |= applied.more_to_send;
        if !applied.removed.is_empty() {
            self.removed.push((store, applied.removed));
        }
        self.warn(store, applied.warnings);
        for refused in applied.refused {
            self.refused
                .push((store, refused.row, refused.message, refused.reverted));
        }
    }

    pub(super) fn warn(&mut self, store: StoreId, warnings: Vec<Warning>) {
        for warning in warnings {
            let rows = warning.rows.into_iter().map(|row| (store, row)).collect();
            self.warnings.push((warning.message, rows));
        }
    }

    /// Whether the answer refused single records.
    pub(super) fn names_refusals(&self) -> bool {
        !self.refused.is_empty()
    }

    pub(super) fn follow(&mut self, followed: relations::Followed) {
        self.more_to_send |= followed.more_to_send;
        for (name, id) in followed.lost {
            let message = format!("{name}: the server removed {id}, and with it edits that waited");
            self.warnings.push((message, Vec::new()));
        }
    }
}

impl Manager {
    /// Tells of refused records and oddities.
    pub(super) fn tell_outcome(&self, oddities: Vec<String>, outcome: Outcome, cx: &mut Context) {
        for (store, row, message, reverted) in outcome.refused {
            self.tell(
                Event::RecordSyncFail {
                    store,
                    row,
                    message,
                    reverted,
                },
                cx,
            );
        }
        let oddities = oddities.into_iter().map(|message| (message, Vec::new()));
        let mut warnings = oddities.chain(outcome.warnings);
        for (message, records) in warnings.by_ref().take(WARNINGS_MAX) {
            self.warn(message, records, cx);
        }
        let more = warnings.count();
        if more > 0 {
            self.warn(format!("{more} more warnings"), Vec::new(), cx);
        }
    }
}
