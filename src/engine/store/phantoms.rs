//! By which client ids servers know phantoms, and which ids those got: servers, and apps, name
//! records by their client ids long after that.

use super::rows::Groups;
use super::{Id, Store};
use crate::engine::event::Origin;
use crate::engine::schema::FieldIx;
use crate::engine::store::Notices;
use crate::engine::table::{IdRef, RowId, RowIx};
use crate::engine::value::CellKind;
use crate::prelude::*;

/// Most client ids that a store remembers; the oldest are forgotten first. A day's work of one user
/// is some hundreds.
pub const PHANTOMS_MAX: usize = 10_000;

/// The ids of records that were phantoms, by their client ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Phantoms {
    list: Vec<Named>,
    by_text: Groups,
    /// Where the next one goes, once the list is full.
    next: usize,
}

/// A client id, and the id that its record got.
#[derive(Clone, Debug)]
struct Named {
    text: Box<str>,
    id: Id,
    /// The app chose it: no server has ever heard of it.
    own: bool,
}

impl Phantoms {
    pub(super) fn learn(&mut self, phantom: &Id, id: &Id, own: bool) {
        let text = phantom.text();
        if self.find(&text, own).is_some() {
            return;
        }
        let hash = IdRef::Text(&text).hash();
        let (text, id) = (text.into(), id.clone());
        let named = Named { text, id, own };
        let at = if self.list.len() < PHANTOMS_MAX {
            self.list.push(named);
            self.list.len() - 1
        } else {
            let at = self.next;
            self.next = (at + 1) % PHANTOMS_MAX;
            let old = core::mem::replace(&mut self.list[at], named);
            let hash = IdRef::Text(&old.text).hash();
            self.by_text.remove(hash, RowIx(at as u32));
            at
        };
        self.by_text.insert(hash, RowIx(at as u32));
    }

    /// The id of the record that was called so: by the server, or also (`own`) by the app, of
    /// whose records the latest counts.
    pub(super) fn find(&self, phantom: &str, own: bool) -> Option<&Id> {
        let places = self.by_text.find(IdRef::Text(phantom).hash()).iter();
        let mut entries = places.rev().filter_map(|at| self.list.get(at.ix()));
        let named = entries.find(|it| it.text.as_ref() == phantom && (own || !it.own))?;
        Some(&named.id)
    }

    const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// Which references are looked through for outdated ones.
#[derive(Clone, Debug)]
pub enum Which {
    /// All of the server's.
    All,
    /// Those that the last answer wrote.
    Echoed,
    /// Those that the user gave: rows (upper half) and fields.
    Given(Vec<u64>),
}

impl Store {
    /// The phantom that the server knows by that client id.
    pub(super) fn phantom_row(&self, phantom: &str) -> Option<RowIx> {
        let id = IdRef::Text(phantom);
        let aliases = self.aliases.find(id.hash()).iter().copied();
        let mut aliased = aliases.filter(|&row| self.alias(row) == Some(phantom));
        aliased
            .next()
            .or_else(|| self.table.find_id(id).filter(|&row| !self.is_own_id(row)))
    }

    /// The record that servers knew by that client id before it got its own.
    pub(super) fn row_once_called(&self, phantom: &str) -> Option<RowIx> {
        let id = self.phantoms.find(phantom, false)?;
        self.table.find_id(id.as_ref())
    }

    /// The visible record of that client id.
    pub fn find_phantom(&self, phantom: &str) -> Option<RowId> {
        let row = self.phantom_row(phantom)?;
        self.table.is_visible(row).then(|| self.table.handle(row))
    }

    /// What the server is told in place of a phantom's own id.
    fn alias(&self, row: RowIx) -> Option<&str> {
        let dirty = self.changes.get(row).filter(|dirty| !dirty.in_base)?;
        dirty.alias.as_deref()
    }

    /// Whether a record's id means nothing to the server, so that one of the same id that comes
    /// from there is another.
    pub(super) fn is_own_id(&self, row: RowIx) -> bool {
        !self.sends_ids && self.alias(row).is_some()
    }

    /// Whether packages carry the ids of added records (`resetIdsBeforeSync` is off).
    pub const fn set_sends_ids(&mut self, sends: bool) {
        self.sends_ids = sends;
    }

    /// The client id by which packages name a phantom, where that isn't its id.
    pub(super) fn wire_id(&self, id: IdRef<'_>) -> Option<&str> {
        if self.aliases.len() == 0 {
            return None;
        }
        self.alias(self.table.find_id(id)?)
    }

    /// Whether packages name any phantom by another id than its own.
    pub fn has_aliases(&self) -> bool {
        !self.sends_ids && self.aliases.len() > 0
    }

    /// Gives a phantom a client id for the server. Ids must be unique among all clients; what an
    /// app chooses (a number, a counter) isn't, unless it is a UUID.
    pub(super) fn name_phantom(&mut self, row: RowIx, alias: String) {
        let hash = IdRef::Text(&alias).hash();
        if let Some(dirty) = self.changes.get_mut(row) {
            dirty.alias = Some(alias.into());
            self.aliases.insert(hash, row);
        }
    }

    /// The record's id is the server's, or its own client id, from here on.
    pub(super) fn drop_alias(&mut self, row: RowIx) -> Option<Box<str>> {
        let alias = self.changes.get_mut(row)?.alias.take()?;
        self.aliases.remove(IdRef::Text(&alias).hash(), row);
        Some(alias)
    }

    /// A phantom got its id: whatever it was called before, it is found by.
    pub(super) fn learn_id(&mut self, row: RowIx, phantom: &Id, id: &Id) {
        let alias = self.drop_alias(row);
        let own = alias.is_some();
        if let Some(alias) = alias {
            self.phantoms.learn(&Id::Text(alias), id, false);
        }
        if phantom.as_ref() != id.as_ref() {
            self.phantoms.learn(phantom, id, own);
        }
    }

    /// Whether any phantom has got an id.
    pub const fn has_known_phantoms(&self) -> bool {
        !self.phantoms.is_empty()
    }

    /// References through `field` to records of `target` (this store when none) by a client id that
    /// those once had.
    pub fn outdated_references(
        &self,
        field: FieldIx,
        target: Option<&Self>,
        which: &Which,
    ) -> Vec<(RowIx, Id)> {
        let target = target.unwrap_or(self);
        let mut found = Vec::new();
        if !target.has_known_phantoms() {
            return found;
        }
        let own = matches!(which, Which::Given(_));
        let mut look = |row: RowIx| {
            let cell = self.table.cell(row, field);
            if let Some(old) = self.table.id_ref(cell)
                && (own || cell.kind() == CellKind::Text)
                && target.table.find_id(old).is_none()
                && let Some(id) = target.phantoms.find(&Id::from(old).text(), own)
            {
                found.push((row, id.clone()));
            }
        };
        let keys = match which {
            Which::All => {
                self.table.order().iter().for_each(|&row| look(row));
                return found;
            }
            Which::Echoed => &self.echoed,
            Which::Given(keys) => keys,
        };
        for &key in keys {
            let row = RowIx((key >> 32) as u32);
            if key as u32 == u32::from(field.0) && self.table.is_visible(row) {
                look(row);
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
            phantoms.learn(&phantom, &Id::Number(at as f64), false);
            phantoms.learn(&phantom, &Id::Number(-1.0), false);
        }
        assert_eq!(phantoms.find("0", false), None);
        assert_eq!(phantoms.find("1", false), Some(&Id::Number(1.0)));
        let last = PHANTOMS_MAX.to_string();
        assert_eq!(
            phantoms.find(&last, false),
            Some(&Id::Number(PHANTOMS_MAX as f64))
        );
    }
}
