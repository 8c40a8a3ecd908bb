//! Dates as text: what is read, and the formats that are written.

/// How a date field is written on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DateFormat {
    /// ISO 8601 with the zone's offset, `2026-03-01T09:30:00+01:00` (the default).
    #[default]
    IsoOffset,
    /// ISO 8601 in UTC, `2026-03-01T08:30:00.000Z`.
    IsoUtc,
    /// A plain date, `2026-03-01`: never shifts by a day, whatever the zone.
    DateOnly,
    /// A pattern of `YYYY MM DD HH mm ss SSS Z` and literal text.
    Pattern(Box<str>),
}
