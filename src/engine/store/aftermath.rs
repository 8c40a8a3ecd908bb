//! What an operation on one store means for the stores that refer to it.

use crate::engine::table::{IdRef, RowId};
use crate::engine::value::{Value, write_number};
use crate::prelude::*;

/// An id on its own, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum Id {
    /// A number.
    Number(f64),
    /// Text.
    Text(Box<str>),
    /// A number that no `f64` holds, by its digits.
    Digits(Box<str>),
}

impl Id {
    /// Borrowed, for look-ups. A number and its text are one id.
    pub fn as_ref(&self) -> IdRef<'_> {
        match self {
            Self::Number(number) => IdRef::Number(*number),
            Self::Text(text) => IdRef::Text(text),
            Self::Digits(digits) => IdRef::Digits(digits),
        }
    }

    /// Written out; the same for a number and its text.
    pub fn text(&self) -> String {
        match self {
            Self::Number(number) => {
                let mut text = Vec::new();
                write_number(*number, &mut text);
                String::from_utf8(text).unwrap_or_default()
            }
            Self::Text(text) | Self::Digits(text) => text.as_ref().to_owned(),
        }
    }

    /// As a value, in the form that it has.
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(text),
            Self::Digits(digits) => Value::Json(digits),
        }
    }
}

impl From<IdRef<'_>> for Id {
    fn from(id: IdRef<'_>) -> Self {
        match id {
            IdRef::Number(number) => Self::Number(number),
            IdRef::Text(text) => Self::Text(text.into()),
            IdRef::Digits(digits) => Self::Digits(digits.into()),
        }
    }
}

impl core::fmt::Display for Id {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.text())
    }
}

/// A record has another id than before.
#[derive(Clone, Debug, PartialEq)]
pub struct IdChange {
    /// Which record.
    pub row: RowId,
    /// The id by which others refer to it.
    pub old: Id,
    /// The id by which they shall.
    pub new: Id,
    /// The old id was this client's alone: what the server has under it means another record.
    pub own: bool,
}

/// What the stores that refer to this one have to follow. Gathered by every operation, handed out
/// by [`Store::take_aftermath`](super::Store::take_aftermath); whoever routes between stores does
/// that after each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aftermath {
    /// Ids that changed: call `rewrite_references` for every field that refers to this store.
    pub id_changes: Vec<IdChange>,
    /// References that the user gave: rows (upper half) and fields. They may name records by client
    /// ids of long ago: call `outdated_references`.
    pub given: Vec<u64>,
    /// Ids of records that the user removed: call `cascade(.., by_server: false)`.
    pub removed: Vec<Id>,
    /// Ids of added records that never came to be: call `undo_references`.
    pub undone: Vec<Id>,
    /// Ids of records that the server took away: call `cascade(.., by_server: true)`.
    pub removed_by_server: Vec<Id>,
    /// Records that the server removed and that are new again, under client ids: call
    /// `follow_reborn`.
    pub reborn: Vec<IdChange>,
    /// Ids of removed records whose removal is confirmed: call `settle_cascade`.
    pub confirmed: Vec<Id>,
    /// Ids of removed records that came back: call `undo_cascade`.
    pub restored: Vec<Id>,
    /// Ids of records that the server took away while edits of them waited: those are lost,
    /// somebody should be told.
    pub lost: Vec<Id>,
}

impl Aftermath {
    /// Whether nobody has to do anything.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty() && self.is_settled()
    }

    /// Whether no record came, went or changed its id.
    pub fn is_settled(&self) -> bool {
        self.id_changes.is_empty()
            && self.removed.is_empty()
            && self.reborn.is_empty()
            && self.undone.is_empty()
            && self.confirmed.is_empty()
            && self.lost.is_empty()
            && self.removed_by_server.is_empty()
            && self.restored.is_empty()
    }
}
