//! Which ids phantoms got: servers name records by their client ids long after that.

use super::rows::Groups;
use super::{Id, Store};
use crate::engine::event::Origin;
use crate::engine::schema::FieldIx;
use crate::engine::store::Notices;
use crate::engine::table::{IdRef, RowIx};
use crate::engine::value::CellKind;
use crate::prelude::*;

/// Most client ids that a store remembers; the oldest are forgotten first. A day's work of one user
/// is some hundreds.
pub const PHANTOMS_MAX: usize = 10_000;

/// The ids of records that were phantoms, by their client ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Phantoms {
    list: Vec<(Box<str>, Id)>,
    by_text: Groups,
    /// Where the next one goes, once the list is full.
    next: usize,
}

impl Phantoms {
    pub(super) fn learn(&mut self, phantom: &Id, id: &Id) {
        let Id::Text(text) = phantom else { return };
        if self.find(text).is_some() {
            return;
        }
        let at = if self.list.len() < PHANTOMS_MAX {
            self.list.push((text.clone(), id.clone()));
            self.list.len() - 1
        } else {
            let at = self.next;
            self.next = (at + 1) % PHANTOMS_MAX;
            let old = core::mem::replace(&mut self.list[at], (text.clone(), id.clone()));
            let hash = IdRef::Text(&old.0).hash();
            self.by_text.remove(hash, RowIx(at as u32));
            at
        };
        let hash = IdRef::Text(text).hash();
        self.by_text.insert(hash, RowIx(at as u32));
    }

    pub(super) fn find(&self, phantom: &str) -> Option<&Id> {
        let places = self.by_text.find(IdRef::Text(phantom).hash()).iter();
        let mut entries = places.filter_map(|at| self.list.get(at.ix()));
        let (_, id) = entries.find(|(text, _)| text.as_ref() == phantom)?;
        Some(id)
    }

    const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Store {
    /// The id that a phantom of this session got.
    pub fn id_of_phantom(&self, phantom: &str) -> Option<&Id> {
        self.phantoms.find(phantom)
    }

    /// Whether any phantom has got an id.
    pub const fn has_known_phantoms(&self) -> bool {
        !self.phantoms.is_empty()
    }

    /// References through `field` in which the server names a record of `target` (this store when
    /// none) by the client id that it once had. `all`: of the whole store, otherwise of what the
    /// last answer wrote.
    pub fn outdated_references(
        &self,
        field: FieldIx,
        target: Option<&Self>,
        all: bool,
    ) -> Vec<(RowIx, Id)> {
        let target = target.unwrap_or(self);
        let mut found = Vec::new();
        if !target.has_known_phantoms() {
            return found;
        }
        let mut look = |row: RowIx| {
            let cell = self.table.cell(row, field);
            if cell.kind() == CellKind::Text
                && let Some(text) = self.table.text(cell)
                && target.table.find_id(IdRef::Text(text)).is_none()
                && let Some(id) = target.phantoms.find(text)
            {
                found.push((row, id.clone()));
            }
        };
        if all {
            self.table.order().iter().for_each(|&row| look(row));
        } else {
            for &key in &self.echoed {
                let row = RowIx((key >> 32) as u32);
                if key as u32 == u32::from(field.0) && self.table.is_visible(row) {
                    look(row);
                }
            }
        }
        found
    }

    /// Corrects references, as changes that the server has yet to learn.
    pub fn correct_references(
        &mut self,
        field: FieldIx,
        corrections: &[(RowIx, Id)],
        out: &mut Notices,
    ) {
        for (row, id) in corrections {
            let cell = self.table.make_cell(id.as_value());
            self.write_user(*row, field, cell, Origin::Rebase, out);
        }
    }

    /// The tree's own field for [`Store::outdated_references`].
    pub fn parent_field(&self) -> Option<FieldIx> {
        self.table.schema().parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_client_ids_are_forgotten_first() {
        let mut phantoms = Phantoms::default();
        for at in 0..=PHANTOMS_MAX {
            let phantom = Id::Text(at.to_string().into());
            phantoms.learn(&phantom, &Id::Number(at as f64));
            phantoms.learn(&phantom, &Id::Number(-1.0));
        }
        assert_eq!(phantoms.find("0"), None);
        assert_eq!(phantoms.find("1"), Some(&Id::Number(1.0)));
        let last = PHANTOMS_MAX.to_string();
        assert_eq!(phantoms.find(&last), Some(&Id::Number(PHANTOMS_MAX as f64)));
    }
}
