//! Zone offsets, from a table that the host supplies.

/// The offsets of one time zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zone {
    /// From when (ms since the epoch) which offset from UTC (ms, east positive) holds; ascending. Before the first, its offset.
    pub transitions: Vec<(f64, f64)>,
}
