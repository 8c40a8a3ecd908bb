//! Finding a row by its id.

use crate::prelude::*;
use hashbrown::HashTable;

use super::RowIx;
use crate::number::{SAFE_INTEGER, write_number};

/// An id on its own. A number and the text that it is written as are the same id.
#[derive(Clone, Copy, Debug)]
pub enum IdRef<'a> {
    /// A number.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// A number that no `f64` holds, by its digits.
    Digits(&'a str),
}

impl From<f64> for IdRef<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for IdRef<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl PartialEq for IdRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Text(a) | Self::Digits(a), Self::Text(b) | Self::Digits(b)) => a == b,
            (Self::Number(number), Self::Text(text) | Self::Digits(text))
            | (Self::Text(text) | Self::Digits(text), Self::Number(number)) => {
                match (whole(number), canonical_integer(text)) {
                    (Some(a), Some(b)) => a == b,
                    (None, None) => number_text(number) == text.as_bytes(),
                    _ => false,
                }
            }
        }
    }
}

impl IdRef<'_> {
    /// Alike for ids of equal text.
    #[inline]
    pub fn hash(self) -> u64 {
        if let Some(integer) = self.integer() {
            return mix(integer as u64);
        }
        match self {
            Self::Number(number) => hash_bytes(&number_text(number)),
            Self::Text(text) | Self::Digits(text) => hash_bytes(text.as_bytes()),
        }
    }

    /// The integer that it is, or that it is the usual text of.
    #[inline]
    fn integer(self) -> Option<i64> {
        match self {
            Self::Number(number) => whole(number),
            Self::Text(text) | Self::Digits(text) => canonical_integer(text),
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    (number as i64 as f64 == number && number.abs() < SAFE_INTEGER).then_some(number as i64)
}

/// The integer that the text is the usual form of: no sign but `-`, no leading zeros, below 2^53.
fn canonical_integer(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let negative = digits.len() != bytes.len();
    if digits.is_empty() || digits.len() > 16 || (digits.first() == Some(&b'0') && bytes.len() > 1)
    {
        return None;
    }
    let mut value = 0i64;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    ((value as f64) < SAFE_INTEGER).then_some(if negative { -value } else { value })
}

fn number_text(number: f64) -> Vec<u8> {
    let mut text = Vec::new();
    write_number(number, &mut text);
    text
}

fn mix(word: u64) -> u64 {
    let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 32)
}

fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = mix(hash.rotate_left(5) ^ u64::from_le_bytes(*word));
    }
    for byte in rest {
        hash = (hash.rotate_left(8) ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    }
    mix(hash)
}

/// Rows by id. Several rows may have one id (a removed record and its successor); all of them are
/// found.
///
/// Ids of records that were read are mostly numbers in a row, with gaps: those stand in a list by
/// number, which takes no hashing to write or to read, and less memory.
#[derive(Clone, Debug, Default)]
pub struct IdIndex {
    /// Rows by their id, from `first` on; [`NONE`] where there is none.
    direct: Vec<u32>,
    first: i64,
    /// The others, also further rows of an id that has one there.
    rows: HashTable<u32>,
}

/// No row has that id.
const NONE: u32 = u32::MAX;

/// Where ids are rarer than one in two, they are not in a row; but for the first few.
const GAPS: usize = 64;

impl IdIndex {
    /// Takes the ids of rows that come one after the other, into an index that has none yet. Of
    /// rows with the same id, the last is found; gives the others.
    pub(crate) fn fill<'a>(
        &mut self,
        rows: &[RowIx],
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>> + Copy,
    ) -> Vec<RowIx> {
        let mut doubled = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let Some(id) = id_of(*row) else { continue };
            if let IdRef::Number(number) = id
                && let Some(number) = whole(number)
            {
                if self.direct.is_empty() {
                    self.first = number;
                    self.direct.reserve_exact(rows.len() - at);
                }
                let place = number.wrapping_sub(self.first) as usize;
                if (self.direct.len()..2 * at + GAPS).contains(&place) {
                    self.direct.resize(place, NONE);
                    self.direct.push(row.0);
                    continue;
                }
            }
            if self.rows.is_empty() {
                self.rows
                    .reserve(rows.len() - at, |&row| hash_of(id_of(RowIx(row))));
            }
            doubled.extend(self.replace(id, *row, id_of));
        }
        self.direct.shrink_to_fit();
        doubled
    }

    /// Where in the list an id stands.
    fn direct(&mut self, id: IdRef<'_>) -> Option<&mut u32> {
        let place = self.place(id)?;
        self.direct.get_mut(place)
    }

    #[inline(never)]
    fn place(&self, id: IdRef<'_>) -> Option<usize> {
        if self.direct.is_empty() {
            return None;
        }
        usize::try_from(id.integer()?.wrapping_sub(self.first)).ok()
    }

    /// The row that the list has for an id.
    #[inline]
    fn listed(&self, id: IdRef<'_>) -> Option<RowIx> {
        let row = *self.direct.get(self.place(id)?)?;
        (row != NONE).then_some(RowIx(row))
    }

    pub(crate) fn insert<'a>(
        &mut self,
        id: IdRef<'_>,
        row: RowIx,
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>>,
    ) {
        match self.direct(id) {
            Some(place) if *place == NONE => *place = row.0,
            _ => {
                self.rows
                    .insert_unique(id.hash(), row.0, |&row| hash_of(id_of(RowIx(row))));
            }
        }
    }

    /// Puts the row under its id; gives the row that had it, which then has it no more.
    #[inline(never)]
    fn replace<'a>(
        &mut self,
        id: IdRef<'_>,
        row: RowIx,
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>>,
    ) -> Option<RowIx> {
        if let Some(place) = self.direct(id)
            && *place != NONE
        {
            return Some(RowIx(core::mem::replace(place, row.0)));
        }
        let is_same = |&other: &u32| id_of(RowIx(other)).is_some_and(|other| other == id);
        if let Some(place) = self.rows.find_mut(id.hash(), is_same) {
            return Some(RowIx(core::mem::replace(place, row.0)));
        }
        self.insert(id, row, id_of);
        None
    }

    pub(crate) fn remove(&mut self, id: IdRef<'_>, row: RowIx) {
        if let Some(place) = self.direct(id)
            && *place == row.0
        {
            *place = NONE;
        } else if let Ok(entry) = self.rows.find_entry(id.hash(), |&other| other == row.0) {
            entry.remove();
        }
    }

    pub(crate) fn find_first<'a>(
        &self,
        id: IdRef<'_>,
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>>,
    ) -> Option<RowIx> {
        let is_same = |&row: &u32| id_of(RowIx(row)).is_some_and(|other| other == id);
        self.listed(id)
            .or_else(|| self.rows.find(id.hash(), is_same).map(|&row| RowIx(row)))
    }

    pub(crate) fn find<'a>(
        &'a self,
        id: IdRef<'a>,
        id_of: impl Fn(RowIx) -> Option<IdRef<'a>> + 'a,
    ) -> impl Iterator<Item = RowIx> + 'a {
        let hashed = self.rows.iter_hash(id.hash()).map(|&row| RowIx(row));
        let hashed = hashed.filter(move |&row| id_of(row).is_some_and(|other| other == id));
        self.listed(id).into_iter().chain(hashed)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.direct.capacity() * size_of::<u32>() + self.rows.allocation_size()
    }
}

fn hash_of(id: Option<IdRef<'_>>) -> u64 {
    id.map_or(0, IdRef::hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Ids in a row, with gaps, descending, far apart, as text, doubled.
    #[test]
    fn rows_are_found_by_every_kind_of_id_as_in_a_plain_list() {
        let mut rng = Rng::new(21);
        for round in 0..400 {
            let count = rng.below(200) as usize;
            let (gap, start) = (rng.below(5), rng.below(1000) as f64 - 500.0);
            let mut next = start;
            let mut new_id = |rng: &mut Rng| -> Result<f64, String> {
                next += if round % 7 == 0 {
                    -1.0
                } else {
                    1.0 + rng.below(gap + 1) as f64
                };
                match rng.below(20) {
                    0 => Err(format!("text {next}")),
                    1 => Err(format!("{next}")),
                    2 => Ok(next + 1e9),
                    3 => Ok(next - 7.0),
                    4 => Ok(next + 0.5),
                    _ => Ok(next),
                }
            };
            let mut ids: Vec<Option<Result<f64, String>>> = (0..count)
                .map(|_| (rng.below(30) > 0).then(|| new_id(&mut rng)))
                .collect();
            let mut index = IdIndex::default();
            let rows: Vec<RowIx> = (0..count as u32).map(RowIx).collect();
            let doubled = index.fill(&rows, |row| id_in(&ids, row));
            for row in &doubled {
                let id = id_in(&ids, *row).unwrap();
                assert!(
                    rows[row.ix() + 1..]
                        .iter()
                        .any(|&later| id_in(&ids, later) == Some(id))
                );
                ids[row.ix()] = None;
            }
            for step in 0..200 {
                for row in (0..ids.len() as u32).map(RowIx) {
                    let Some(id) = id_in(&ids, row) else { continue };
                    let mut found: Vec<RowIx> = index.find(id, |row| id_in(&ids, row)).collect();
                    found.sort();
                    let all = (0..ids.len() as u32).map(RowIx);
                    let plain: Vec<RowIx> =
                        all.filter(|&row| id_in(&ids, row) == Some(id)).collect();
                    assert_eq!(found, plain, "round {round}, step {step}, {id:?}");
                    let first = index.find_first(id, |row| id_in(&ids, row));
                    assert!(plain.contains(&first.unwrap()));
                }
                if ids.is_empty() || step > 3 {
                    break;
                }
                for _ in 0..20 {
                    let row = RowIx(rng.below(ids.len() as u64) as u32);
                    if let Some(id) = id_in(&ids, row) {
                        index.remove(id, row);
                    }
                    ids[row.ix()] = None;
                    let as_another = rng.below(ids.len() as u64) as usize;
                    let id = match rng.below(3) {
                        0 => None,
                        1 => ids[as_another].clone(),
                        _ => Some(new_id(&mut rng)),
                    };
                    ids[row.ix()] = id;
                    if let Some(id) = id_in(&ids, row) {
                        index.insert(id, row, |row| id_in(&ids, row));
                    }
                }
            }
        }
    }

    fn id_in(ids: &[Option<Result<f64, String>>], row: RowIx) -> Option<IdRef<'_>> {
        Some(match ids.get(row.ix())?.as_ref()? {
            Ok(number) => IdRef::Number(*number),
            Err(text) => IdRef::Text(text),
        })
    }

    #[test]
    fn ids_in_a_row_take_no_hashing() {
        let ids: Vec<Option<Result<f64, String>>> = (0..1000)
            .map(|at| Some(Ok(5000.0 + f64::from(at + at / 10))))
            .collect();
        let rows: Vec<RowIx> = (0..1000).map(RowIx).collect();
        let mut index = IdIndex::default();
        assert!(index.fill(&rows, |row| id_in(&ids, row)).is_empty());
        assert!(index.rows.is_empty());
        assert!(index.bytes() < 1200 * 4);
    }

    #[test]
    fn a_number_and_its_text_are_one_id_and_hash_alike() {
        for (number, text) in [
            (4037.0, "4037"),
            (0.0, "0"),
            (-12.0, "-12"),
            (1.5, "1.5"),
            (1e21, "1e+21"),
            (9007199254740991.0, "9007199254740991"),
            (9007199254740992.0, "9007199254740992"),
        ] {
            assert_eq!(IdRef::Number(number), IdRef::Text(text));
            assert_eq!(IdRef::Number(number).hash(), IdRef::Text(text).hash());
        }
        for text in ["04037", "+4037", " 4037", "4037.0", "4.037e3", "-0", ""] {
            assert_ne!(IdRef::Number(4037.0), IdRef::Text(text));
            assert_ne!(IdRef::Number(0.0), IdRef::Text(text));
        }
    }
}
