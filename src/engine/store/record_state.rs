//! What a record is beyond its values: whether the server has it, what of it is on the wire, what
//! waits.

use super::clashes::Open;
use super::layers::{Same, Touched};
use super::stakes::{Of, Stake};
use super::touched::Fields;
use crate::engine::schema::FieldIx;
use crate::engine::table::RowIx;
use crate::engine::value::Cell;
use crate::prelude::*;

/// What one of the upper layers says about a record's existence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing.
    #[default]
    Idle,
    /// It shall be there.
    Add,
    /// It shall go; with the field through which another record's removal took it along.
    Remove(Option<FieldIx>),
}

/// Where a record stands, for hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordState {
    /// The server hasn't given it an id.
    pub phantom: bool,
    /// It was removed here; the server has not confirmed that.
    pub removed: bool,
    /// It has edits that aren't on the wire (fields that are never sent included).
    pub modified: bool,
    /// Something of it that is sent waits, or is on the wire.
    pub pending: bool,
}

/// A record that is not as the server has it. In this order, what every edit looks at stands
/// together: edits of many records wait for memory.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Dirty {
    pub(super) row: RowIx,
    /// Orders records by their first change.
    pub(super) seq: u32,
    /// When the user last changed a field, in ms; 0 when that isn't known.
    pub(super) edited: f64,
    /// What of it is counted in the tallies; kept by `Changes` alone.
    pub(super) counted: Counted,
    /// Whether the server has the record.
    pub(super) in_base: bool,
    /// It was refused and has not been edited since: sending it again by itself would only be
    /// refused again.
    pub(super) held: bool,
    /// Why it is kept from packages, whoever asks for them: bits of [`INVALID`] and the like.
    pub(super) blocked: u8,
    /// Its addition is not shown before the server has confirmed it.
    pub(super) veiled: bool,
    pub(super) inflight: Stage,
    pub(super) pending: Stage,
    /// What calls have at stake in it.
    pub(super) stakes: Vec<Stake>,
    /// The generation of a handle that was found to be the record's; 0 when none was.
    pub(super) known: u32,
    /// Fields with layers. A record that isn't in base needs them only for what was edited after it
    /// went onto the wire: its other values belong to the layer that adds it.
    pub(super) fields: Fields,
    /// Why the server refused it.
    pub(super) error: Option<Box<str>>,
    /// The client id that the server gets, where the record's own id is the app's choice.
    pub(super) alias: Option<Box<str>>,
    /// The conflict that waits for the app.
    pub(super) conflict: Option<Box<Open>>,
}

/// The app says that it isn't valid.
pub(super) const INVALID: u8 = 1;
/// A conflict waits to be resolved.
pub(super) const CONFLICT: u8 = 2;
/// It refers to an addition that is kept back, or belongs to a group of which a part is.
pub(super) const DEPENDS: u8 = 4;

/// How a record counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Something of it waits to be sent.
    pub(super) changed: bool,
    /// The next package can carry it: nothing keeps it back.
    pub(super) sendable: bool,
    /// It also would when nobody asks for it.
    pub(super) ready: bool,
    /// The package on the wire carries it.
    pub(super) sent: bool,
}

impl Dirty {
    pub(super) const fn new(row: RowIx, seq: u32, in_base: bool) -> Self {
        Self {
            row,
            seq,
            in_base,
            inflight: Stage::Idle,
            pending: Stage::Idle,
            fields: Fields::new(),
            error: None,
            held: false,
            blocked: 0,
            conflict: None,
            edited: 0.0,
            veiled: false,
            stakes: Vec::new(),
            known: 0,
            alias: None,
            counted: Counted {
                changed: false,
                sendable: false,
                ready: false,
                sent: false,
            },
        }
    }

    /// Whether the record exists for the app.
    pub(super) const fn exists(&self) -> bool {
        !self.veiled && self.will_exist()
    }

    /// Whether it would exist if everything was shown at once.
    pub(super) const fn will_exist(&self) -> bool {
        match (self.pending, self.inflight) {
            (Stage::Add, _) | (Stage::Idle, Stage::Add) => true,
            (Stage::Remove(_), _) | (Stage::Idle, Stage::Remove(_)) => false,
            (Stage::Idle, Stage::Idle) => self.in_base,
        }
    }

    /// Whether the record needs no entry: it is as the server has it.
    pub(super) fn is_clean(&self) -> bool {
        self.in_base
            && self.is_still()
            && self.fields.is_empty()
            && self.error.is_none()
            && self.stakes.is_empty()
            && self.blocked & CONFLICT == 0
    }

    /// Whether the user edits a record that is otherwise as the server has it, and that the next
    /// package carries.
    #[inline(always)]
    pub(super) fn is_being_edited(&self) -> bool {
        let is_ready = self.counted.ready && self.in_base && !self.held;
        is_ready && self.is_still() && self.stakes.is_empty()
    }

    /// Whether no layer says anything about the record's existence.
    pub(super) const fn is_still(&self) -> bool {
        matches!((self.inflight, self.pending), (Stage::Idle, Stage::Idle))
    }

    /// Whether nothing but fields was edited, of which none is on the wire.
    pub(super) fn is_plain_edit(&self) -> bool {
        self.in_base
            && self.is_still()
            && self.stakes.is_empty()
            && self.blocked == 0
            && self.fields.iter().all(|field| field.inflight.is_absent())
    }

    /// Whether some of it is on the wire.
    pub(super) fn is_sent(&self) -> bool {
        !matches!(self.inflight, Stage::Idle)
            || self.fields.iter().any(|field| !field.inflight.is_absent())
            || self.stakes.iter().any(|stake| stake.hidden && stake.sent)
    }

    /// Whether the user's layer says anything.
    pub(super) fn is_modified(&self) -> bool {
        !matches!(self.pending, Stage::Idle)
            || self.fields.iter().any(|field| !field.pending.is_absent())
            || self.stakes.iter().any(|stake| stake.hidden && !stake.sent)
    }

    /// Whether the user took a removal back when it was on the wire already.
    pub(super) const fn wants_back(&self) -> bool {
        matches!(
            (self.pending, self.inflight),
            (Stage::Add, Stage::Remove(_))
        )
    }

    /// Whether a removal that isn't shown waits (`sent`: is on the wire).
    pub(super) fn hides_removal(&self, sent: bool) -> bool {
        self.stakes
            .iter()
            .any(|stake| stake.hidden && stake.of == Of::Removal && stake.sent == sent)
    }

    /// What the newest stake in a field (`sent`: of what is on the wire) has set without showing
    /// it.
    pub(super) fn hidden_cell(&self, field: FieldIx, sent: bool) -> Option<Cell> {
        let mut stakes = self.stakes.iter().rev();
        let newest = stakes.find(|stake| stake.of == Of::Field(field) && stake.sent == sent)?;
        newest.hidden.then_some(newest.cell)
    }

    /// Whether any field has a value that isn't shown.
    pub(super) fn hides_fields(&self, sent: bool) -> bool {
        self.stakes.iter().any(|stake| match stake.of {
            Of::Field(field) => stake.hidden && self.hidden_cell(field, sent).is_some(),
            _ => false,
        })
    }

    /// Whether every value belongs to the user's layer: a phantom that has not been sent.
    pub(super) fn is_all_pending(&self) -> bool {
        !self.in_base && matches!(self.inflight, Stage::Idle)
    }

    /// Whether it was added and removed again before the server heard of it.
    pub(super) fn is_unsent_removal(&self) -> bool {
        self.is_all_pending() && matches!(self.pending, Stage::Remove(_))
    }

    pub(super) fn touched(&self, field: FieldIx) -> Option<&Touched> {
        self.fields.iter().find(|touched| touched.field == field)
    }

    /// The entry of a field; made with `column` (what is seen) in the layer that it belongs to.
    pub(super) fn touch(&mut self, field: FieldIx, column: Cell) -> &mut Touched {
        let at = match self
            .fields
            .iter()
            .position(|touched| touched.field == field)
        {
            Some(at) => at,
            None => {
                let mut touched = Touched::new(field);
                if self.in_base {
                    touched.base = column;
                } else {
                    touched.inflight = column;
                }
                self.fields.push(touched);
                self.fields.len() - 1
            }
        };
        &mut self.fields[at]
    }

    /// Forgets entries that say nothing.
    pub(super) fn prune(&mut self) {
        if self.in_base || matches!(self.inflight, Stage::Add) {
            let in_base = self.in_base;
            self.fields.retain(|touched| {
                !touched.pending.is_absent() || (in_base && !touched.inflight.is_absent())
            });
        } else {
            self.fields.clear();
        }
    }

    /// Whether the next package would carry it. `sends` says whether a field's change is sent,
    /// `removes` whether a removal is.
    pub(super) fn is_sendable(
        &self,
        same: Same<'_>,
        sends: &dyn Fn(&Touched) -> bool,
        removes: &dyn Fn(Option<FieldIx>) -> bool,
    ) -> bool {
        match (self.pending, self.inflight) {
            (Stage::Add, Stage::Idle) => return true,
            (Stage::Remove(cascade), Stage::Idle) => return self.in_base && removes(cascade),
            // It undoes what is on the wire: nothing to send unless that gets confirmed.
            (Stage::Remove(_), _) => return false,
            // Edits made before the removal wait for the case that it is refused.
            (Stage::Idle, Stage::Remove(_)) => return false,
            (Stage::Add | Stage::Idle, _) => {}
        }
        if self.hides_fields(false) || self.hides_removal(false) {
            return true;
        }
        self.fields.iter().any(|touched| {
            !touched.pending.is_absent()
                && sends(touched)
                && (!self.in_base || !touched.is_hollow(same))
        })
    }
}
