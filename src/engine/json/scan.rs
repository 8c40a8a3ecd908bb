//! The tokens of JSON, read from text that may end anywhere.

use super::ReadErrorKind;
use crate::engine::decimal;
use crate::prelude::*;

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends before the token does.
    More,
    /// It can't become JSON any more; where.
    Bad(ReadErrorKind, usize),
}

pub(super) type Step<T> = Result<T, Stop>;

pub(super) fn bad<T>(at: usize) -> Step<T> {
    Err(Stop::Bad(ReadErrorKind::Syntax, at))
}

#[inline]
pub(super) fn byte(bytes: &[u8], at: usize) -> Step<u8> {
    match bytes.get(at) {
        Some(byte) => Ok(*byte),
        None => Err(Stop::More),
    }
}

/// The first byte from `at` on that is no blank, and its place.
#[inline]
pub(super) fn token(bytes: &[u8], mut at: usize) -> Step<(u8, usize)> {
    loop {
        let byte = byte(bytes, at)?;
        // Of the control characters, all but these three are refused by whoever gets the byte.
        if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            return Ok((byte, at));
        }
        at += 1;
    }
}

/// A string's end and nature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// Where its closing quote stands.
    pub(super) end: usize,
    /// Whether it has escapes.
    pub(super) escaped: bool,
    /// Whether its bytes are plain ASCII.
    pub(super) ascii: bool,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// Marks in the top bit of its byte every quote, backslash and control character. Only the lowest
/// mark is certain: a borrow may set wrong ones above it.
#[inline]
fn marks(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & TOPS
}

/// The end of the string whose text begins at `at`.
#[inline]
pub(super) fn string(bytes: &[u8], from: usize) -> Step<Text> {
    let mut at = from;
    let mut tops = 0;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*word);
        let marks = marks(word);
        if marks == 0 {
            tops |= word & TOPS;
            at += 8;
            continue;
        }
        let before = marks.trailing_zeros() / 8;
        tops |= word & TOPS & !(u64::MAX << (before * 8));
        at += before as usize;
        if bytes.get(at) == Some(&b'"') {
            return Ok(Text {
                end: at,
                escaped: false,
                ascii: tops == 0,
            });
        }
        break;
    }
    string_slowly(bytes, at, tops == 0)
}

/// The same, and copies the text on the way, as long as there is room; what stands in the room
/// behind the text means nothing. Gives also whether all of it was copied, which text with escapes
/// never is.
#[inline]
pub(super) fn string_into(bytes: &[u8], from: usize, room: &mut [u8]) -> Step<(Text, bool)> {
    let words = bytes.get(from..).unwrap_or_default().as_chunks::<8>().0;
    let mut tops = 0;
    let mut at = from;
    for (word, to) in words.iter().zip(room.as_chunks_mut::<8>().0) {
        *to = *word;
        let word = u64::from_le_bytes(*word);
        let marks = marks(word);
        if marks == 0 {
            tops |= word & TOPS;
            at += 8;
            continue;
        }
        let before = marks.trailing_zeros() / 8;
        tops |= word & TOPS & !(u64::MAX << (before * 8));
        at += before as usize;
        if bytes.get(at) == Some(&b'"') {
            let text = Text {
                end: at,
                escaped: false,
                ascii: tops == 0,
            };
            return Ok((text, true));
        }
        break;
    }
    Ok((string_slowly(bytes, at, tops == 0)?, false))
}

/// Strings with escapes, and those that end close to the text's end.
#[inline(never)]
fn string_slowly(bytes: &[u8], mut at: usize, mut ascii: bool) -> Step<Text> {
    let mut escaped = false;
    loop {
        match byte(bytes, at)? {
            b'"' => {
                return Ok(Text {
                    end: at,
                    escaped,
                    ascii,
                });
            }
            b'\\' => {
                escaped = true;
                at += match byte(bytes, at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' => {
                        for hex in at + 2..at + 6 {
                            if !byte(bytes, hex)?.is_ascii_hexdigit() {
                                return bad(hex);
                            }
                        }
                        6
                    }
                    _ => return bad(at + 1),
                };
            }
            0..0x20 => return bad(at),
            other => {
                ascii &= other < 0x80;
                at += 1;
                // Long runs without escapes, eight at a time.
                while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
                    let word = u64::from_le_bytes(*word);
                    if marks(word) != 0 {
                        break;
                    }
                    ascii &= word & TOPS == 0;
                    at += 8;
                }
            }
        }
    }
}

/// Appends the text of a string whose escapes have been checked. Half a surrogate pair becomes
/// U+FFFD.
pub(super) fn unescape(raw: &str, out: &mut String) {
    let bytes = raw.as_bytes();
    let (mut from, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        if *byte != b'\\' {
            at += 1;
            continue;
        }
        out.push_str(raw.get(from..at).unwrap_or_default());
        let (decoded, len) = match bytes.get(at + 1) {
            Some(b'u') => unicode(bytes, at + 2),
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(same) => (char::from(*same), 2),
            None => return,
        };
        out.push(decoded);
        at += len;
        from = at;
    }
    out.push_str(raw.get(from..).unwrap_or_default());
}

/// The character of `\uXXXX` or `\uXXXX\uXXXX`, whose first digit stands at `at`, and the length of
/// the escape.
fn unicode(bytes: &[u8], at: usize) -> (char, usize) {
    let unit = |at: usize| {
        let digits = bytes.get(at..)?.first_chunk::<4>()?;
        let digit = |byte: u8| u32::from(byte & 0xF) + if byte > b'9' { 9 } else { 0 };
        Some(digits.iter().fold(0, |unit, byte| unit << 4 | digit(*byte)))
    };
    let first = unit(at).unwrap_or(0xFFFD);
    if (0xD800..0xDC00).contains(&first)
        && bytes.get(at + 4..at + 6) == Some(b"\\u")
        && let Some(second @ 0xDC00..0xE000) = unit(at + 6)
    {
        let both = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (char::from_u32(both).unwrap_or('\u{FFFD}'), 12);
    }
    (char::from_u32(first).unwrap_or('\u{FFFD}'), 6)
}

/// Reads the number that begins at `at`, and gives the place after it. The nearest double, as
/// JavaScript reads it; too large ones are infinite.
#[inline]
pub(super) fn number(text: &str, from: usize) -> Step<(f64, usize)> {
    let bytes = text.as_bytes();
    let mut at = from;
    let negative = byte(bytes, at)? == b'-';
    at += usize::from(negative);
    let first = at;
    let mut mantissa = 0u64;
    loop {
        let digit = byte(bytes, at)?.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    let whole = at - first;
    if whole == 0 || (whole > 1 && bytes.get(first) == Some(&b'0')) {
        return bad(first);
    }
    let next = byte(bytes, at)?;
    if next != b'.' && next | 0x20 != b'e' && whole <= 15 {
        let value = mantissa as i64 as f64;
        return Ok((if negative { -value } else { value }, at));
    }
    number_slowly(text, from, at, mantissa, whole)
}

#[inline(never)]
fn number_slowly(
    text: &str,
    from: usize,
    mut at: usize,
    mut mantissa: u64,
    mut digits: usize,
) -> Step<(f64, usize)> {
    let bytes = text.as_bytes();
    let mut decimals = 0;
    if byte(bytes, at)? == b'.' {
        at += 1;
        let first = at;
        while let digit @ 0..=9 = byte(bytes, at)?.wrapping_sub(b'0') {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        decimals = at - first;
        digits += decimals;
        if decimals == 0 {
            return bad(at);
        }
    }
    let mut exponent = false;
    if byte(bytes, at)? | 0x20 == b'e' {
        exponent = true;
        at += 1;
        at += usize::from(matches!(byte(bytes, at)?, b'+' | b'-'));
        let first = at;
        while byte(bytes, at)?.is_ascii_digit() {
            at += 1;
        }
        if at == first {
            return bad(at);
        }
    }
    if !exponent && let Some(value) = decimal::exact(mantissa, digits as u32, -(decimals as i32)) {
        let negative = bytes.get(from) == Some(&b'-');
        return Ok((if negative { -value } else { value }, at));
    }
    match text.get(from..at).and_then(decimal::parse) {
        Some(value) => Ok((value, at)),
        None => bad(from),
    }
}

/// Checks that a literal stands at `at`, and gives the place after it.
#[inline]
pub(super) fn literal(bytes: &[u8], at: usize, literal: &[u8]) -> Step<usize> {
    let end = at + literal.len();
    if bytes.get(at..end) == Some(literal) {
        return Ok(end);
    }
    for (offset, expected) in literal.iter().enumerate() {
        if byte(bytes, at + offset)? != *expected {
            return bad(at + offset);
        }
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_string_is_found_at_every_distance() {
        for len in 0..40 {
            for (filler, ascii) in [("a", true), ("é", false), ("€", false), ("\u{7f}", true)] {
                let text = format!("{}\",   \"more text behind it\"", filler.repeat(len));
                let found = string(text.as_bytes(), 0).unwrap();
                assert_eq!(found.end, len * filler.len());
                assert_eq!(found.ascii, ascii || len == 0);
                assert!(!found.escaped);
                let mut room = [0u8; 160];
                let (into, copied) = string_into(text.as_bytes(), 0, &mut room).unwrap();
                assert!(copied && into.end == found.end && into.ascii == found.ascii);
                assert_eq!(&room[..found.end], &text.as_bytes()[..found.end]);
                let little = &mut room[..8];
                let (into, copied) = string_into(text.as_bytes(), 0, little).unwrap();
                assert_eq!(
                    (into.end, into.ascii, copied),
                    (found.end, found.ascii, found.end < 8)
                );
                let cut = &text.as_bytes()[..len * filler.len()];
                assert_eq!(string(cut, 0).unwrap_err(), Stop::More);
            }
            for control in 0..0x20u8 {
                let mut bytes = "b".repeat(len).into_bytes();
                bytes.push(control);
                bytes.extend_from_slice(b"\"            ");
                assert!(matches!(string(&bytes, 0), Err(Stop::Bad(_, at)) if at == len));
            }
        }
    }

    #[test]
    fn escapes_become_characters_and_half_pairs_the_replacement() {
        for (raw, expected) in [
            (r#"a\"b\\c\/d\b\f\n\r\t"#, "a\"b\\c/d\u{8}\u{c}\n\r\t"),
            (r"\u00e9\u20AC", "é€"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d", "\u{FFFD}"),
            (r"\ud83dx", "\u{FFFD}x"),
            (r"\ude00\ud83d\u0041", "\u{FFFD}\u{FFFD}A"),
            (r"\ud83d\ud83d\ude00", "\u{FFFD}😀"),
            (r"\u0000", "\0"),
        ] {
            let mut out = String::new();
            unescape(raw, &mut out);
            assert_eq!(out, expected, "{raw}");
        }
    }

    #[test]
    fn numbers_are_the_nearest_double_and_broken_ones_are_refused() {
        for text in [
            "0",
            "-0",
            "7",
            "-12",
            "123456789012345",
            "1234567890123456789",
            "0.1",
            "0.30000000000000004",
            "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072011e-308",
            "9007199254740993",
            "123.456",
            "-1E+2",
            "1e5",
            "0.000001",
            "18446744073709551616",
            "8.5E-10",
            "1e-400",
        ] {
            let (value, end) = number(&format!("{text},"), 0).unwrap();
            assert_eq!(value, text.parse::<f64>().unwrap(), "{text}");
            assert_eq!(end, text.len());
            assert_eq!(number(text, 0), Err(Stop::More), "{text} may go on");
        }
        for text in [
            "-,", "01,", "-01,", ".5,", "1.,", "1.e5,", "1e,", "1e+,", "--1,", "+1,",
        ] {
            assert!(matches!(number(text, 0), Err(Stop::Bad(..))), "{text}");
        }
    }
}
