//! Finding a row by its id.

/// Rows by id.
#[derive(Clone, Debug, Default)]
pub struct IdIndex {}
