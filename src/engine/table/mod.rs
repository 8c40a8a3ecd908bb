//! The data itself: columns of cells over an arena of bytes, found by row, id or time.

mod arena;
mod ids;

pub use arena::Arena;
pub use ids::IdIndex;

/// A row's place in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowIx(pub u32);

impl RowIx {
    /// As an index into columns.
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// A handle to a row: its place and the generation of what lives there. A handle to a row that was freed finds nothing, also
/// after another record has moved in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// Where.
    pub row: RowIx,
    /// Which of those who have lived there.
    pub generation: u32,
}
