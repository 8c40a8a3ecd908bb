//! The three layers of one field, and how they move. Pure: knows cells, not tables.

use crate::engine::schema::FieldIx;
use crate::engine::value::Cell;

/// One field of a record that is not as the server has it.
///
/// An absent `inflight` or `pending` cell means: that layer says nothing. Users therefore never
/// write "absent", only `null`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched {
    pub(super) field: FieldIx,
    /// Written because the record that it referred to went, not by the user's own hand.
    pub(super) cascaded: bool,
    /// When the user last wrote it, in the order of all that happened to the store.
    pub(super) written: u32,
    /// What the server confirmed; absent while the record isn't in base.
    pub(super) base: Cell,
    /// What the request on the wire says.
    pub(super) inflight: Cell,
    /// What the user said since.
    pub(super) pending: Cell,
}

/// Whether two cells of one table mean the same; given by the table.
pub(super) type Same<'a> = &'a dyn Fn(Cell, Cell) -> bool;

impl Touched {
    pub(super) const fn new(field: FieldIx) -> Self {
        Self {
            field,
            cascaded: false,
            written: 0,
            base: Cell::ABSENT,
            inflight: Cell::ABSENT,
            pending: Cell::ABSENT,
        }
    }

    /// What lies under the user's layer.
    pub(super) const fn under(&self) -> Cell {
        if self.inflight.is_absent() {
            self.base
        } else {
            self.inflight
        }
    }

    /// What the app sees.
    pub(super) const fn visible(&self) -> Cell {
        if self.pending.is_absent() {
            self.under()
        } else {
            self.pending
        }
    }

    /// Whether both upper layers are silent: the entry says nothing that the column doesn't.
    pub(super) const fn is_idle(&self) -> bool {
        self.pending.is_absent() && self.inflight.is_absent()
    }

    /// Whether the user's layer only undoes what is on the wire: there is something to send only
    /// once that is confirmed.
    pub(super) fn is_hollow(&self, same: Same<'_>) -> bool {
        !self.pending.is_absent() && !self.inflight.is_absent() && same(self.pending, self.base)
    }

    /// The user writes. Says the cell that is dead now.
    pub(super) fn write(&mut self, cell: Cell, same: Same<'_>) -> Cell {
        let dead = self.pending;
        self.pending = if same(cell, self.under()) {
            Cell::ABSENT
        } else {
            cell
        };
        self.cascaded = false;
        dead
    }

    /// The user's layer goes onto the wire.
    pub(super) fn freeze(&mut self) {
        if !self.pending.is_absent() {
            self.inflight = self.pending;
            self.pending = Cell::ABSENT;
        }
    }

    /// What was on the wire goes back under the user's layer.
    pub(super) fn thaw(&mut self, same: Same<'_>) {
        if self.pending.is_absent() {
            self.pending = self.inflight;
        }
        self.inflight = Cell::ABSENT;
        self.settle(same);
    }

    /// What was on the wire is confirmed.
    pub(super) fn confirm(&mut self, same: Same<'_>) {
        if !self.inflight.is_absent() {
            self.base = self.inflight;
            self.inflight = Cell::ABSENT;
        }
        self.settle(same);
    }

    /// The server says what it has.
    pub(super) fn rebase(&mut self, cell: Cell, same: Same<'_>) {
        self.base = cell;
        self.settle(same);
    }

    /// What was on the wire is dropped.
    pub(super) fn drop_inflight(&mut self, same: Same<'_>) {
        self.inflight = Cell::ABSENT;
        self.settle(same);
    }

    /// The user takes everything back: what is seen is base again. While something is on the wire,
    /// that needs a layer that covers it.
    pub(super) fn reject(&mut self, same: Same<'_>) {
        self.cascaded = false;
        self.pending = if self.inflight.is_absent() {
            Cell::ABSENT
        } else if self.base.is_absent() {
            Cell::NULL
        } else {
            self.base
        };
        self.settle(same);
    }

    /// A user's layer that says the same as what lies under it says nothing.
    pub(super) fn settle(&mut self, same: Same<'_>) {
        if !self.pending.is_absent() && same(self.pending, self.under()) {
            self.pending = Cell::ABSENT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> Cell {
        Cell::number(value)
    }

    fn same(a: Cell, b: Cell) -> bool {
        a == b || (a.is_nullish() && b.is_nullish())
    }

    fn edited(base: f64, inflight: Option<f64>, pending: Option<f64>) -> Touched {
        let mut touched = Touched::new(FieldIx(1));
        touched.base = number(base);
        touched.inflight = inflight.map_or(Cell::ABSENT, number);
        touched.pending = pending.map_or(Cell::ABSENT, number);
        touched
    }

    #[test]
    fn the_uppermost_layer_that_speaks_is_seen() {
        assert_eq!(edited(1.0, None, None).visible(), number(1.0));
        assert_eq!(edited(1.0, Some(2.0), None).visible(), number(2.0));
        assert_eq!(edited(1.0, Some(2.0), Some(3.0)).visible(), number(3.0));
        assert_eq!(edited(1.0, Some(2.0), Some(3.0)).under(), number(2.0));
    }

    #[test]
    fn an_edit_back_to_what_lies_under_it_says_nothing() {
        let mut touched = edited(1.0, None, Some(2.0));
        touched.write(number(1.0), &same);
        assert!(touched.is_idle());
        let mut touched = edited(1.0, Some(2.0), None);
        touched.write(number(1.0), &same);
        assert!(touched.is_hollow(&same), "it undoes what is on the wire");
        touched.confirm(&same);
        assert!(!touched.is_hollow(&same));
        assert_eq!(touched.visible(), number(1.0));
        assert_eq!(touched.base, number(2.0));
    }

    #[test]
    fn a_thaw_puts_the_sent_value_under_the_newer_one() {
        let mut touched = edited(1.0, Some(2.0), Some(3.0));
        touched.thaw(&same);
        assert_eq!((touched.base, touched.pending), (number(1.0), number(3.0)));
        let mut touched = edited(1.0, Some(2.0), None);
        touched.thaw(&same);
        assert_eq!(touched.pending, number(2.0));
        let mut touched = edited(1.0, Some(2.0), Some(1.0));
        touched.thaw(&same);
        assert!(touched.is_idle());
    }

    #[test]
    fn a_rejected_edit_shows_base_also_while_it_is_on_the_wire() {
        let mut touched = edited(1.0, Some(2.0), Some(3.0));
        touched.reject(&same);
        assert_eq!(touched.visible(), number(1.0));
        touched.drop_inflight(&same);
        assert!(touched.is_idle());
    }

    #[test]
    fn a_server_value_lies_under_the_users() {
        let mut touched = edited(1.0, None, Some(3.0));
        touched.rebase(number(2.0), &same);
        assert_eq!(touched.visible(), number(3.0));
        touched.rebase(number(3.0), &same);
        assert!(touched.is_idle());
    }
}
