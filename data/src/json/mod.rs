//! Bytes from the wire into tables, tables into bytes for the wire and for hosts.

pub mod dom;
mod list;
mod machine;
mod members;
pub mod pack;
mod plan;
mod reader;
mod rows;
mod scan;
mod skip;
mod utf8;
pub mod write;

use crate::prelude::*;
use core::fmt;

use super::schema::{Schema, Zone};
use dom::Members;

pub use members::members;
pub use pack::{PackBuffer, pack};
pub use reader::ResponseReader;
pub use rows::{RecordOutcome, Rows};

/// What is to be read from one store's section of a response.
#[derive(Clone, Debug)]
pub struct SectionSpec {
    /// The section's name in the response.
    pub name: String,
    /// The store's fields. Members that it doesn't know become fields of the table that is read.
    pub schema: Schema,
    /// Where the generations of the table that is read start; see
    /// [`Table::next_generation`](super::table::Table::next_generation).
    pub first_generation: u32,
    /// The member that holds a record's phantom id.
    pub phantom_id_field: String,
    /// The member that holds the phantom id of a record's parent.
    pub phantom_parent_id_field: String,
}

/// A response, read.
#[derive(Debug)]
pub struct Response {
    /// Top-level members that are no section of a store: `success`, `requestId`, `revision`,
    /// `message` and whatever else is there. Those larger than [`ENVELOPE_MEMBER_MAX`] are left
    /// out, with a warning.
    pub envelope: Members,
    /// One per [`SectionSpec`], in the same order.
    pub sections: Vec<Section>,
    /// What was odd and has been passed over, in sentences.
    pub warnings: Vec<String>,
    /// Whether it may repeat what is known, so that this is not odd.
    pub quiet: bool,
}

/// One store's part of a response.
#[derive(Debug, Default)]
pub struct Section {
    /// Whether the response has it (as an object or an array).
    pub present: bool,
    /// `rows`, `data`, or the section when it is an array.
    pub rows: Option<Rows>,
    /// `removed`: records with at least an id; plain ids are taken as such.
    pub removed: Option<Rows>,
    /// `added`, in changesets.
    pub added: Option<Rows>,
    /// `updated` (or `modified`), in changesets.
    pub updated: Option<Rows>,
    /// `total`.
    pub total: Option<f64>,
}

/// The largest top-level member that is kept in a response's envelope, in bytes of JSON text.
/// Messages and conflict lists are far smaller; what is larger is a data set that nobody here asked
/// for.
pub const ENVELOPE_MEMBER_MAX: usize = 1 << 18;

/// How deep values may nest: as deep as serde_json reads, which servers use.
pub const DEPTH_MAX: u32 = 127;

/// How deep nested `children` may go.
pub const TREE_DEPTH_MAX: usize = 256;

/// So many warnings of a response are worded; more are only counted.
pub const WARNINGS_MAX: usize = 20;

/// Why bytes aren't a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// What is wrong.
    pub kind: ReadErrorKind,
    /// Where, in bytes from the start.
    pub offset: u64,
}

/// What is wrong with bytes that aren't a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// There is nothing, or only blanks.
    Empty,
    /// It doesn't start as JSON of the expected shape does (an HTML page, a warning).
    NotJson,
    /// JSON begins, but breaks its rules here.
    Syntax,
    /// It ends in the middle.
    Incomplete,
    /// Something follows after its end.
    Trailing,
    /// The bytes aren't UTF-8.
    Encoding,
    /// It nests deeper than [`DEPTH_MAX`] or [`TREE_DEPTH_MAX`].
    TooDeep,
    /// There is more text than a table can hold (4 GiB).
    TooLarge,
}

impl ReadErrorKind {
    /// What is wrong, to follow upon what it is wrong with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "is empty",
            Self::NotJson => "is not JSON of the expected shape",
            Self::Syntax => "is broken JSON",
            Self::Incomplete => "ends in the middle",
            Self::Trailing => "is followed by something",
            Self::Encoding => "is not UTF-8",
            Self::TooDeep => "nests too deep",
            Self::TooLarge => "holds too much text",
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the answer {} (at byte {})",
            self.kind.as_str(),
            self.offset
        )
    }
}

impl core::error::Error for ReadError {}

/// Reads records from JSON text that is there as a whole: an array of objects, or a section
/// (`{rows}`, `{data}`).
#[inline]
pub fn read_rows(bytes: &[u8], spec: &SectionSpec, zone: &Zone) -> Result<Rows, ReadError> {
    reader::read_rows(bytes, spec, zone)
}
