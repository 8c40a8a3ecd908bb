//! The name of a record that never changes, for hosts that draw lists: the text of the id that it first had.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Store;
use super::aftermath::Id;
use crate::engine::error::SyncError;
use crate::engine::table::{RowId, RowIx};

/// Keys of records whose id is another than their first; all others are named by their id.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    by_row: BTreeMap<RowIx, Box<str>>,
    taken: BTreeMap<Box<str>, RowIx>,
}

impl Keys {
    /// Keeps the record's first id as its key. Later calls change nothing.
    pub(super) fn keep(&mut self, row: RowIx, first: &Id) {
        if !self.by_row.contains_key(&row) {
            self.set(row, first.to_string().into());
        }
    }

    fn set(&mut self, row: RowIx, key: Box<str>) {
        self.taken.insert(key.clone(), row);
        self.by_row.insert(row, key);
    }

    /// A record comes. When another one goes by its id, it gets a name of its own.
    pub(super) fn welcome(&mut self, row: RowIx, id: Option<Id>) {
        if self.taken.is_empty() {
            return;
        }
        let Some(id) = id.map(|id| id.to_string()) else {
            return;
        };
        if self.taken.contains_key(id.as_str()) {
            let free = (2u32..)
                .map(|n| format!("{id}#{n}"))
                .find(|key| !self.taken.contains_key(key.as_str()));
            if let Some(key) = free {
                self.set(row, key.into());
            }
        }
    }

    pub(super) fn forget(&mut self, row: RowIx) {
        if let Some(key) = self.by_row.remove(&row) {
            self.taken.remove(&key);
        }
    }

    pub(super) fn get(&self, row: RowIx) -> Option<&str> {
        self.by_row.get(&row).map(AsRef::as_ref)
    }

    /// Carries a key over to the row that the same record has in another table.
    pub(super) fn carry(&mut self, old: &Self, from: RowIx, to: RowIx) {
        if let Some(key) = old.by_row.get(&from) {
            self.set(to, key.clone());
        }
    }

    /// All keys that aren't ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RowIx, Box<str>)> {
        self.by_row.iter().map(|(row, key)| (*row, key.clone()))
    }

    /// The rows that have a key of their own.
    pub(super) fn rows(&self) -> impl Iterator<Item = RowIx> {
        self.by_row.keys().copied()
    }
}

impl Store {
    /// The record's key: the text of the id that it first had. It stays when a phantom gets its id, and across loads that
    /// bring the same id.
    pub fn key(&self, id: RowId) -> Result<Cow<'_, str>, SyncError> {
        let row = self.resolve(id)?;
        Ok(match self.keys.get(row) {
            Some(key) => Cow::Borrowed(key),
            None => Cow::Owned(self.id_of(row).map(|id| id.to_string()).unwrap_or_default()),
        })
    }
}
