//! Small tools for rows: sorted lists, groups by hash. One of each for all parts, so that the
//! module stays small.

use crate::prelude::*;
use hashbrown::HashTable;

use crate::engine::order::sort_words;
use crate::engine::table::RowIx;

/// Rows in the order of their keys; rows of one key by their places.
pub(super) fn sorted(rows: impl Iterator<Item = (u32, RowIx)>) -> Vec<RowIx> {
    let mut keys: Vec<u64> = rows.map(|(key, row)| pack(key, row.0)).collect();
    sort(&mut keys);
    keys.into_iter().map(|key| RowIx(key as u32)).collect()
}

/// Each row once, by place.
pub(super) fn distinct(rows: &[RowIx]) -> Vec<RowIx> {
    let mut rows = sorted(rows.iter().map(|&row| (0, row)));
    rows.dedup();
    rows
}

pub(super) const fn pack(high: u32, low: u32) -> u64 {
    ((high as u64) << 32) | low as u64
}

pub(super) fn sort(keys: &mut Vec<u64>) {
    // Mostly, records are asked for in the order in which they were edited.
    if !keys.is_sorted() {
        sort_words(keys, &mut Vec::new(), 0);
    }
}

/// For every row of a table: which entry of a list is about it. Nothing when the list is empty.
pub(super) fn places(len: usize, rows: impl Iterator<Item = RowIx>) -> Vec<u32> {
    let mut places = Vec::new();
    for (at, row) in rows.enumerate() {
        if places.is_empty() {
            places.resize(len, u32::MAX);
        }
        if let Some(place) = places.get_mut(row.ix()) {
            *place = at as u32;
        }
    }
    places
}

/// The entry of a list that is about a row.
pub(super) fn entry<'a, T>(list: &'a [(RowIx, T)], places: &[u32], row: RowIx) -> Option<&'a T> {
    let place = *places.get(row.ix())?;
    list.get(place as usize).map(|(_, entry)| entry)
}

/// Rows by the hash of something that they hold. Whoever finds them compares the thing itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    groups: HashTable<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    hash: u64,
    rows: Vec<RowIx>,
}

impl Groups {
    pub(super) fn insert(&mut self, hash: u64, row: RowIx) {
        if let Some(group) = self.groups.find_mut(hash, |group| group.hash == hash) {
            group.rows.push(row);
            return;
        }
        let rows = vec![row];
        self.groups
            .insert_unique(hash, Group { hash, rows }, |group| group.hash);
    }

    pub(super) fn remove(&mut self, hash: u64, row: RowIx) {
        if let Ok(mut entry) = self.groups.find_entry(hash, |group| group.hash == hash) {
            let rows = &mut entry.get_mut().rows;
            if let Some(at) = rows.iter().position(|&other| other == row) {
                rows.swap_remove(at);
            }
            if rows.is_empty() {
                entry.remove();
            }
        }
    }

    pub(super) fn find(&self, hash: u64) -> &[RowIx] {
        self.groups
            .find(hash, |group| group.hash == hash)
            .map_or(&[], |group| group.rows.as_slice())
    }

    /// How many rows there are in all.
    pub(super) fn len(&self) -> usize {
        self.groups.iter().map(|group| group.rows.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_key_and_then_by_place() {
        let rows = [(2, RowIx(1)), (1, RowIx(9)), (2, RowIx(0)), (0, RowIx(5))];
        assert_eq!(
            sorted(rows.into_iter()),
            [RowIx(5), RowIx(9), RowIx(0), RowIx(1)]
        );
        assert_eq!(
            distinct(&[RowIx(3), RowIx(1), RowIx(3)]),
            [RowIx(1), RowIx(3)]
        );
    }

    #[test]
    fn groups_forget_what_is_removed() {
        let mut groups = Groups::default();
        groups.insert(7, RowIx(1));
        groups.insert(7, RowIx(2));
        groups.insert(8, RowIx(3));
        groups.remove(7, RowIx(1));
        groups.remove(7, RowIx(9));
        groups.remove(9, RowIx(9));
        assert_eq!(groups.find(7), [RowIx(2)]);
        assert_eq!(groups.len(), 2);
        groups.remove(7, RowIx(2));
        assert!(groups.find(7).is_empty());
        assert_eq!(groups.len(), 1);
    }

    #[test]
    fn entries_are_found_by_row() {
        let list = [(RowIx(2), "two"), (RowIx(0), "none")];
        let found = places(3, list.iter().map(|(row, _)| *row));
        assert_eq!(entry(&list, &found, RowIx(2)), Some(&"two"));
        assert_eq!(entry(&list, &found, RowIx(1)), None);
        assert_eq!(entry(&list, &[], RowIx(2)), None);
    }
}
