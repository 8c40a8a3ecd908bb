//! The name of a record that never changes, for hosts that draw lists: the text of the id that it
//! first had.

use crate::prelude::*;
use alloc::borrow::Cow;

use super::Store;
use super::aftermath::Id;
use super::rows::Groups;
use crate::engine::error::SyncError;
use crate::engine::table::{IdRef, RowId, RowIx};

/// Keys of records whose id is another than their first; all others are named by their id.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    /// By row: 0, or its place in `keys` plus one.
    slots: Vec<u32>,
    keys: Vec<(RowIx, Box<str>)>,
    by_text: Groups,
}

impl Keys {
    /// Keeps the record's first id as its key. Later calls change nothing.
    pub(super) fn keep(&mut self, row: RowIx, first: &Id) {
        if self.get(row).is_none() {
            self.set(row, first.text().into());
        }
    }

    fn set(&mut self, row: RowIx, key: Box<str>) {
        self.forget(row);
        if self.slots.len() <= row.ix() {
            self.slots.resize(row.ix() + 1, 0);
        }
        self.by_text.insert(IdRef::Text(&key).hash(), row);
        self.keys.push((row, key));
        self.slots[row.ix()] = self.keys.len() as u32;
    }

    /// Whose key the text is.
    pub(super) fn owner(&self, key: &str) -> Option<RowIx> {
        let rows = self.by_text.find(IdRef::Text(key).hash());
        rows.iter().copied().find(|&row| self.get(row) == Some(key))
    }

    /// A record comes. When another one goes by its id, it gets a name of its own.
    pub(super) fn welcome(&mut self, row: RowIx, id: Option<Id>) {
        let Some(id) = id.filter(|_| !self.keys.is_empty()) else {
            return;
        };
        let id = id.text();
        let mut number = 1u32;
        let mut key = id.clone();
        while self.owner(&key).is_some() {
            number = number.saturating_add(1);
            key = id.clone() + "#" + &number.to_string();
        }
        if number > 1 {
            self.set(row, key.into());
        }
    }

    pub(super) fn forget(&mut self, row: RowIx) {
        let Some(place) = self.slots.get_mut(row.ix()).filter(|place| **place > 0) else {
            return;
        };
        let at = core::mem::take(place) as usize - 1;
        let (_, key) = self.keys.swap_remove(at);
        self.by_text.remove(IdRef::Text(&key).hash(), row);
        if let Some((moved, _)) = self.keys.get(at) {
            self.slots[moved.ix()] = at as u32 + 1;
        }
    }

    pub(super) fn get(&self, row: RowIx) -> Option<&str> {
        let place = self.slots.get(row.ix())?.checked_sub(1)?;
        self.keys.get(place as usize).map(|(_, key)| key.as_ref())
    }

    /// All keys that aren't ids.
    pub(super) fn list(&self) -> &[(RowIx, Box<str>)] {
        &self.keys
    }

    /// Carries a key over to the row that the same record has in another table.
    pub(super) fn carry(&mut self, key: &str, to: RowIx) {
        self.set(to, key.into());
    }
}

impl Store {
    /// The record's key: the text of the id that it first had. It stays when a phantom gets its id,
    /// and across loads that bring the same id.
    pub fn key(&self, id: RowId) -> Result<Cow<'_, str>, SyncError> {
        let row = self.resolve(id)?;
        Ok(match self.keys.get(row) {
            Some(key) => Cow::Borrowed(key),
            None => Cow::Owned(self.id_of(row).map(|id| id.text()).unwrap_or_default()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_by_row_and_given_to_one_record_only() {
        let mut keys = Keys::default();
        let id = |text: &str| Id::Text(text.into());
        for row in 0..4 {
            keys.keep(RowIx(row), &id(&format!("k{row}")));
        }
        keys.keep(RowIx(2), &id("another"));
        assert_eq!(keys.get(RowIx(2)), Some("k2"));
        keys.forget(RowIx(0));
        keys.forget(RowIx(0));
        assert_eq!((keys.get(RowIx(0)), keys.get(RowIx(3))), (None, Some("k3")));
        assert_eq!(keys.owner("k3"), Some(RowIx(3)));
        keys.welcome(RowIx(7), Some(id("k3")));
        keys.welcome(RowIx(8), Some(id("k3")));
        keys.welcome(RowIx(9), Some(id("k0")));
        assert_eq!(
            (keys.get(RowIx(7)), keys.get(RowIx(8))),
            (Some("k3#2"), Some("k3#3"))
        );
        assert_eq!(
            keys.get(RowIx(9)),
            None,
            "nobody goes by that name any more"
        );
    }
}
