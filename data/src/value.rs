//! Cells and values: what a field of a record can hold.

pub use super::number::{read_number, write_number};

/// A field's value in eight bytes.
///
/// Numbers are plain `f64`; everything else lives in the space of negative quiet NaNs, told apart
/// by the upper 16 bits. Text and raw JSON are spans of an [`Arena`](super::table::Arena): 32 bits
/// of place, 15 bits of length and one bit that says whether the bytes are plain ASCII. A cell
/// therefore means nothing without the table that it came from.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Cell(u64);

const TAG_SHIFT: u32 = 48;
/// Lowest tag that isn't a number. `0xFFF8` stays unused, so that a negative NaN made by arithmetic
/// can't be taken for a tag.
const TAG_NULL: u64 = 0xFFF9;
const TAG_ABSENT: u64 = 0xFFFA;
const TAG_BOOL: u64 = 0xFFFB;
const TAG_TEXT: u64 = 0xFFFC;
const TAG_JSON: u64 = 0xFFFD;

/// A span's stored length that means: the text is kept apart, and the place is its number among
/// those.
pub(crate) const SPAN_LONG: u32 = 0x7FFF;

/// What kind of thing a [`Cell`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// The record has no such field (JavaScript's `undefined`).
    Absent,
    /// JSON `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A finite number; dates are numbers too (ms since the epoch).
    Number,
    /// Text, a span of the arena.
    Text,
    /// An object or array, kept as its JSON text in the arena; or a whole number that no `f64`
    /// holds, by its digits.
    Json,
}

impl Cell {
    /// The field isn't there.
    pub const ABSENT: Self = Self(TAG_ABSENT << TAG_SHIFT);
    /// JSON `null`.
    pub const NULL: Self = Self(TAG_NULL << TAG_SHIFT);
    /// `false`.
    pub const FALSE: Self = Self(TAG_BOOL << TAG_SHIFT);
    /// `true`.
    pub const TRUE: Self = Self((TAG_BOOL << TAG_SHIFT) | 1);

    /// A number. NaN and the infinities have no JSON form and become `null`; `-0` becomes `0`.
    #[inline]
    pub fn number(value: f64) -> Self {
        if value.is_finite() {
            Self((value + 0.0).to_bits())
        } else {
            Self::NULL
        }
    }

    /// A boolean.
    #[inline]
    pub const fn bool(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    pub(crate) const fn span(json: bool, offset: u32, stored_len: u32, ascii: bool) -> Self {
        let tag = if json { TAG_JSON } else { TAG_TEXT };
        Self(
            (tag << TAG_SHIFT)
                | ((offset as u64) << 16)
                | ((stored_len as u64) << 1)
                | ascii as u64,
        )
    }

    /// What the cell holds.
    #[inline]
    pub const fn kind(self) -> CellKind {
        match self.0 >> TAG_SHIFT {
            TAG_NULL => CellKind::Null,
            TAG_ABSENT => CellKind::Absent,
            TAG_BOOL => CellKind::Bool,
            TAG_TEXT => CellKind::Text,
            TAG_JSON => CellKind::Json,
            _ => CellKind::Number,
        }
    }

    /// The number, if it is one.
    #[inline]
    pub const fn as_number(self) -> Option<f64> {
        if (self.0 >> TAG_SHIFT) < TAG_NULL {
            Some(f64::from_bits(self.0))
        } else {
            None
        }
    }

    /// The boolean, if it is one.
    pub const fn as_bool(self) -> Option<bool> {
        match self {
            Self::TRUE => Some(true),
            Self::FALSE => Some(false),
            _ => None,
        }
    }

    /// Whether the field isn't there.
    pub const fn is_absent(self) -> bool {
        self.0 == Self::ABSENT.0
    }

    /// Whether the cell is `null` or absent.
    pub const fn is_nullish(self) -> bool {
        self.0 == Self::ABSENT.0 || self.0 == Self::NULL.0
    }

    /// Whether the cell is a span of an arena (text or JSON).
    pub const fn is_span(self) -> bool {
        matches!(self.0 >> TAG_SHIFT, TAG_TEXT | TAG_JSON)
    }

    /// Offset, stored length and the ASCII mark of a span; meaningless for other kinds.
    pub(crate) const fn span_parts(self) -> (u32, u32, bool) {
        (
            (self.0 >> 16) as u32,
            ((self.0 >> 1) & SPAN_LONG as u64) as u32,
            self.0 & 1 == 1,
        )
    }

    /// The eight bytes, as hosts see them.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The cell of which [`Cell::bits`] gave these.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl core::fmt::Debug for Cell {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.kind() {
            CellKind::Number => write!(f, "{}", f64::from_bits(self.0)),
            CellKind::Bool => write!(f, "{}", self.0 & 1 == 1),
            CellKind::Null => f.write_str("null"),
            CellKind::Absent => f.write_str("absent"),
            CellKind::Text | CellKind::Json => {
                let (offset, len, _) = self.span_parts();
                write!(f, "{:?}@{offset}+{len}", self.kind())
            }
        }
    }
}

/// A value on its way into or out of a table, borrowed from whoever holds the bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// The field isn't there.
    Absent,
    /// JSON `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number; dates are numbers too (ms since the epoch).
    Number(f64),
    /// Text.
    Text(&'a str),
    /// The JSON text of an object or array, or the digits of a whole number that no `f64` holds.
    Json(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_tags_never_meet() {
        for number in [
            0.0,
            -0.0,
            1.5,
            -1e308,
            f64::MIN_POSITIVE,
            9007199254740991.0,
        ] {
            let cell = Cell::number(number);
            assert_eq!(cell.kind(), CellKind::Number);
            assert_eq!(cell.as_number(), Some(number));
        }
        for odd in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Cell::number(odd), Cell::NULL);
        }
        assert_eq!(Cell::number(-0.0), Cell::number(0.0));
    }

    #[test]
    fn a_span_gives_back_its_parts() {
        let cell = Cell::span(true, u32::MAX, SPAN_LONG, true);
        assert_eq!(cell.kind(), CellKind::Json);
        assert_eq!(cell.span_parts(), (u32::MAX, SPAN_LONG, true));
        assert_eq!(Cell::span(false, 7, 3, false).span_parts(), (7, 3, false));
    }
}
