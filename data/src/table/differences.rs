//! What the row of another table says otherwise.

use super::{FieldIx, RowIx, Table};
use crate::prelude::*;
use crate::value::Cell;

/// A field of which another table's row says otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Which field of this table.
    pub field: FieldIx,
    /// What it holds.
    pub old: Cell,
    /// What the other row says: a cell of the other table.
    pub new: Cell,
}

impl Table {
    /// Finds the fields of a row of which the row `from` of another table says otherwise. `map` has
    /// by field of the other table the one of this table. The id isn't looked at, absent cells say
    /// nothing, and null is absent. What was found before is gone.
    pub fn differences(
        &self,
        row: RowIx,
        (other, from): (&Self, RowIx),
        map: &[Option<FieldIx>],
        found: &mut Vec<Difference>,
    ) {
        found.clear();
        let id = other.schema.id.ix();
        for (at, (field, column)) in map.iter().zip(&other.columns).enumerate() {
            let new = column.get(from.ix());
            let Some(field) = *field else { continue };
            if new.is_absent() || at == id {
                continue;
            }
            let old = self.cell(row, field);
            let same = old.is_nullish() && new.is_nullish() || self.same_in(old, other, new);
            if !same {
                found.push(Difference { field, old, new });
            }
        }
    }
}
