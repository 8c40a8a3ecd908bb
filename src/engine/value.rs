//! Cells and values: what a field of a record can hold.

/// A field's value in eight bytes.
///
/// Numbers are plain `f64`; everything else lives in the space of negative quiet NaNs, told apart by the upper 16 bits.
/// Text and raw JSON are spans of an [`Arena`](super::table::Arena): 32 bits of place, 15 bits of length and one bit that says
/// whether the bytes are plain ASCII. A cell therefore means nothing without the table that it came from.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Cell(u64);

const TAG_SHIFT: u32 = 48;
/// Lowest tag that isn't a number. `0xFFF8` stays unused, so that a negative NaN made by arithmetic can't be taken for a tag.
const TAG_NULL: u64 = 0xFFF9;
const TAG_ABSENT: u64 = 0xFFFA;
const TAG_BOOL: u64 = 0xFFFB;
const TAG_TEXT: u64 = 0xFFFC;
const TAG_JSON: u64 = 0xFFFD;

/// A span's stored length that means: the text is kept apart, and the place is its number among those.
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
    /// An object or array, kept as its JSON text in the arena.
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
    /// The JSON text of an object or array.
    Json(&'a str),
}

/// Appends a finite number as JavaScript's `JSON.stringify` prints it: the shortest digits that read back as the same number,
/// exponents from `1e21` up and below `1e-6`; NaN and the infinities become `null`.
pub fn write_number(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    if value.fract() == 0.0 && value.abs() < SAFE_INTEGER {
        write_integer(value as i64, out);
        return;
    }
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    // How many digits stand before the decimal point.
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    if value < 0.0 {
        out.push(b'-');
    }
    let count = digits.len() as i32;
    if (1..=21).contains(&point) {
        for at in 0..point.max(count) {
            if at == point {
                out.push(b'.');
            }
            out.push(digits.get(at as usize).copied().unwrap_or(b'0'));
        }
    } else if (-5..=0).contains(&point) {
        out.extend_from_slice(b"0.");
        out.extend(core::iter::repeat_n(b'0', point.unsigned_abs() as usize));
        out.extend_from_slice(&digits);
    } else {
        let (first, rest) = digits.split_first().unwrap_or((&b'0', &[]));
        out.push(*first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(if point > 0 { b"e+" } else { b"e-" });
        write_integer(i64::from((point - 1).abs()), out);
    }
}

/// Below this, every whole number is a double of its own (2^53).
pub(crate) const SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;

fn write_integer(value: i64, out: &mut Vec<u8>) {
    let mut buffer = [0u8; 20];
    let mut at = buffer.len();
    let mut rest = value.unsigned_abs();
    for place in buffer.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        at -= 1;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(buffer.get(at..).unwrap_or_default());
}

/// Reads text that holds one decimal number, blanks around it allowed; anything else, empty text, and what is too large for a
/// double is `None`.
pub fn read_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let first = text.bytes().next()?;
    // `f64::from_str` also takes `inf` and `nan`.
    if !matches!(first, b'0'..=b'9' | b'-' | b'+' | b'.') {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
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
    fn numbers_are_written_as_javascript_writes_them() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (42.0, "42"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (123.456, "123.456"),
            (1e20, "100000000000000000000"),
            (123456789012345680000.0, "123456789012345680000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1.25e-6, "0.00000125"),
            (1e-7, "1e-7"),
            (-1.25e-7, "-1.25e-7"),
            (9007199254740991.0, "9007199254740991"),
            (9007199254740992.0, "9007199254740992"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "null"),
        ] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn only_text_that_is_a_number_is_read_as_one() {
        assert_eq!(read_number(" 12.50 "), Some(12.5));
        assert_eq!(read_number("-3"), Some(-3.0));
        for odd in ["", " ", "abc", "inf", "NaN", "1e999", "1,5", "-", "12px"] {
            assert_eq!(read_number(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_span_gives_back_its_parts() {
        let cell = Cell::span(true, u32::MAX, SPAN_LONG, true);
        assert_eq!(cell.kind(), CellKind::Json);
        assert_eq!(cell.span_parts(), (u32::MAX, SPAN_LONG, true));
        assert_eq!(Cell::span(false, 7, 3, false).span_parts(), (7, 3, false));
    }
}
