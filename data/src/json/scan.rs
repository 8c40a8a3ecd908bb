//! The tokens of JSON, read from text that may end anywhere.

use super::ReadErrorKind;
use super::plan::halves;
use crate::decimal;
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

#[inline(always)]
pub(super) fn byte(bytes: &[u8], at: usize) -> Step<u8> {
    match bytes.get(at) {
        Some(byte) => Ok(*byte),
        None => Err(Stop::More),
    }
}

/// The first byte from `at` on that is no blank, and its place.
#[inline(always)]
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
}

/// A string that was written out, its escapes resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// Where its closing quote stands.
    pub(super) end: usize,
    /// How many bytes were written.
    pub(super) len: usize,
    /// Whether they are plain ASCII.
    pub(super) ascii: bool,
}

/// How many of sixteen bytes stand before the first quote, backslash or control character, and
/// whether those are plain ASCII.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
fn run(block: &[u8; 16]) -> (usize, bool) {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_or};
    let (low, high) = halves(block);
    let bytes = u64x2(low, high);
    let quote = u8x16_eq(bytes, u8x16_splat(b'"'));
    let backslash = u8x16_eq(bytes, u8x16_splat(b'\\'));
    let control = u8x16_lt(bytes, u8x16_splat(0x20));
    let marks = u8x16_bitmask(v128_or(v128_or(quote, backslash), control));
    let len = (u32::from(marks) | 1 << 16).trailing_zeros();
    let tops = u32::from(u8x16_bitmask(bytes));
    (len as usize, tops & !(u32::MAX << len) == 0)
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline(always)]
fn run(block: &[u8; 16]) -> (usize, bool) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // The top bit of every byte that ends a run. Only the lowest mark is certain: a borrow may set
    // wrong ones above it.
    let marks = |word: u64| {
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let quote = quote.wrapping_sub(ONES) & !quote;
        let backslash = backslash.wrapping_sub(ONES) & !backslash;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        (quote | backslash | control) & TOPS
    };
    let before = |word: u64, len: u32| word & TOPS & !(u64::MAX << (len * 8));
    let (low, high) = halves(block);
    let (in_low, in_high) = (marks(low), marks(high));
    if in_low != 0 {
        let len = in_low.trailing_zeros() / 8;
        (len as usize, before(low, len) == 0)
    } else if in_high != 0 {
        let len = in_high.trailing_zeros() / 8;
        (len as usize + 8, low & TOPS | before(high, len) == 0)
    } else {
        (16, (low | high) & TOPS == 0)
    }
}

#[inline(always)]
fn block(bytes: &[u8], at: usize) -> Option<&[u8; 16]> {
    bytes.get(at..)?.first_chunk()
}

/// Copies the bytes of a text that a JSON string holds as they are, up to the first that it doesn't
/// (or the text's end), whose place it gives. Many small copies of a known size are quicker than
/// one of an unknown size.
pub(super) fn copy_run(bytes: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    while let Some(block) = block(bytes, at) {
        let (len, _) = run(block);
        out.extend_from_slice(block);
        at += len;
        if len < 16 {
            out.truncate(out.len() - (16 - len));
            return at;
        }
    }
    while let Some(byte) = bytes.get(at)
        && *byte >= 0x20
        && !matches!(byte, b'"' | b'\\')
    {
        out.push(*byte);
        at += 1;
    }
    at
}

/// The end of the string whose text begins at `at`. The text is checked to be UTF-8.
#[inline(never)]
pub(super) fn string(bytes: &[u8], from: usize) -> Step<Text> {
    let (mut at, mut ascii, mut escaped) = (from, true, false);
    loop {
        if let Some(block) = block(bytes, at) {
            let (len, plain) = run(block);
            ascii &= plain;
            at += len;
            if len == 16 {
                continue;
            }
        }
        match byte(bytes, at)? {
            b'"' => {
                check(bytes, from, at, ascii)?;
                return Ok(Text { end: at, escaped });
            }
            b'\\' => {
                escaped = true;
                at += escape(bytes, at)?.1;
            }
            0..0x20 => return bad(at),
            // Close to the end of the text.
            other => {
                ascii &= other < 0x80;
                at += 1;
            }
        }
    }
}

/// The first part of a string that is written out: all of it, as a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Where it ends: at the closing quote, if that was seen.
    pub(super) end: usize,
    /// Whether it is plain ASCII.
    pub(super) ascii: bool,
    /// Whether the string ends there.
    pub(super) whole: bool,
}

/// Writes the text that begins at `from` into the room, up to what needs a closer look. What stands
/// in the room behind the run means nothing. The text isn't checked to be UTF-8.
#[inline(always)]
pub(super) fn run_into(bytes: &[u8], from: usize, room: &mut [u8]) -> Run {
    let blocks = bytes.get(from..).unwrap_or_default().as_chunks::<16>().0;
    let (mut end, mut ascii) = (from, true);
    for (block, to) in blocks.iter().zip(room.as_chunks_mut::<16>().0) {
        *to = *block;
        let (len, plain) = run(block);
        ascii &= plain;
        end += len;
        if len < 16 {
            break;
        }
    }
    let whole = bytes.get(end) == Some(&b'"');
    Run { end, ascii, whole }
}

/// Like [`string`], and writes the text into the room. `None` when the room doesn't suffice.
#[cfg(test)]
fn string_into(bytes: &[u8], from: usize, room: &mut [u8]) -> Step<Option<Written>> {
    let run = run_into(bytes, from, room);
    string_after(bytes, from, run, room)
}

/// Goes on after a run: with strings that have escapes, and those that end close to the end of the
/// text or the room.
#[inline(never)]
pub(super) fn string_after(
    bytes: &[u8],
    from: usize,
    run: Run,
    room: &mut [u8],
) -> Step<Option<Written>> {
    let (mut at, mut plain) = (run.end, run.ascii);
    let mut len = at - from;
    let mut ascii = plain;
    loop {
        if bytes.get(at) != Some(&b'\\')
            && let Some(block) = block(bytes, at)
            && let Some(to) = room.get_mut(len..).and_then(|to| to.first_chunk_mut())
        {
            *to = *block;
            let (ahead, is_plain) = self::run(block);
            plain &= is_plain;
            at += ahead;
            len += ahead;
            if ahead == 16 {
                continue;
            }
        }
        match byte(bytes, at)? {
            b'"' => {
                check(bytes, from, at, plain)?;
                ascii &= plain;
                let end = at;
                return Ok(Some(Written { end, len, ascii }));
            }
            b'\\' => {
                let (decoded, escape) = escape(bytes, at)?;
                let Some(to) = room.get_mut(len..).and_then(|to| to.first_chunk_mut()) else {
                    return Ok(None);
                };
                ascii &= decoded.is_ascii();
                len += encode(decoded, to);
                at += escape;
            }
            0..0x20 => return bad(at),
            other => {
                let Some(to) = room.get_mut(len) else {
                    return Ok(None);
                };
                *to = other;
                plain &= other < 0x80;
                at += 1;
                len += 1;
            }
        }
    }
}

/// Writes a character as UTF-8, and gives how many bytes it takes.
#[inline]
fn encode(decoded: char, to: &mut [u8; 4]) -> usize {
    let code = decoded as u32;
    let tail = |shift: u32| (code >> shift & 0x3F) as u8 | 0x80;
    let (bytes, len) = match code {
        0..0x80 => ([code as u8, 0, 0, 0], 1),
        0x80..0x800 => ([(code >> 6) as u8 | 0xC0, tail(0), 0, 0], 2),
        0x800..0x1_0000 => ([(code >> 12) as u8 | 0xE0, tail(6), tail(0), 0], 3),
        _ => ([(code >> 18) as u8 | 0xF0, tail(12), tail(6), tail(0)], 4),
    };
    *to = bytes;
    len
}

/// Refuses text that isn't UTF-8. Outside of strings there is nothing but ASCII, or it is no JSON.
#[inline(always)]
pub(super) fn check(bytes: &[u8], from: usize, end: usize, ascii: bool) -> Step<()> {
    if ascii {
        return Ok(());
    }
    check_utf8(bytes.get(from..end).unwrap_or_default(), from)
}

#[inline(never)]
fn check_utf8(text: &[u8], from: usize) -> Step<()> {
    if super::utf8::is_usual(text) {
        return Ok(());
    }
    match str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Stop::Bad(
            ReadErrorKind::Encoding,
            from + error.valid_up_to(),
        )),
    }
}

/// Text that has been checked.
pub(super) fn text(bytes: &[u8], from: usize, end: usize) -> &str {
    let text = bytes.get(from..end).unwrap_or_default();
    str::from_utf8(text).unwrap_or_default()
}

/// Appends the text of a string whose escapes have been checked. Half a surrogate pair becomes
/// U+FFFD.
pub(super) fn unescape(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let Ok((decoded, len)) = escape(rest.as_bytes(), at) else {
            return;
        };
        out.push(decoded);
        rest = rest.get(at + len..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// The character that the escape at `at` stands for, and the escape's length.
#[inline]
fn escape(bytes: &[u8], at: usize) -> Step<(char, usize)> {
    let plain = match byte(bytes, at + 1)? {
        b'u' => return unicode(bytes, at + 2),
        same @ (b'"' | b'\\' | b'/') => char::from(same),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return bad(at + 1),
    };
    Ok((plain, 2))
}

/// The character of `\uXXXX` or `\uXXXX\uXXXX`, whose first digit stands at `at`, and the length of
/// the escape.
#[inline]
fn unicode(bytes: &[u8], at: usize) -> Step<(char, usize)> {
    let first = unit(bytes, at)?;
    if (0xD800..0xDC00).contains(&first)
        && bytes.get(at + 4..at + 6) == Some(b"\\u")
        && let Ok(second @ 0xDC00..0xE000) = unit(bytes, at + 6)
    {
        let both = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return Ok((char::from_u32(both).unwrap_or('\u{FFFD}'), 12));
    }
    Ok((char::from_u32(first).unwrap_or('\u{FFFD}'), 6))
}

/// Four hexadecimal digits.
#[inline]
fn unit(bytes: &[u8], at: usize) -> Step<u32> {
    const NONE: u32 = 16;
    let value = |digit: u8| {
        let (ten, letter) = (digit.wrapping_sub(b'0'), (digit | 0x20).wrapping_sub(b'a'));
        match (ten < 10, letter < 6) {
            (true, _) => u32::from(ten),
            (_, true) => u32::from(letter) + 10,
            _ => NONE,
        }
    };
    if let Some(digits) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let [a, b, c, d] = digits.map(value);
        if (a | b | c | d) < NONE {
            return Ok(a << 12 | b << 8 | c << 4 | d);
        }
    }
    for at in at..at + 4 {
        if value(byte(bytes, at)?) == NONE {
            return bad(at);
        }
    }
    Err(Stop::More)
}

/// Up to seven digits and what follows them, read as one word: how many digits there are is not to
/// be foreseen. `None` for all other numbers.
#[inline(always)]
fn few_digits(chunk: &[u8; 8]) -> Option<(u32, usize)> {
    let word = u64::from_le_bytes(*chunk) ^ 0x3030_3030_3030_3030;
    // Only the lowest mark is certain: a carry may set wrong ones above it.
    let marks = (word | word.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080;
    let count = marks.trailing_zeros() / 8;
    let next = (word >> (8 * count.min(7))) as u8 ^ b'0';
    if !(1..8).contains(&count)
        || (word as u8 == 0 && count > 1)
        || next == b'.'
        || next | 0x20 == b'e'
    {
        return None;
    }
    // As if zeros stood before them: pairs, fours, all eight.
    let digits = word << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & 0xFF_0000_00FF).wrapping_mul(100 + (1_000_000 << 32));
    let low = (pairs >> 16 & 0xFF_0000_00FF).wrapping_mul(1 + (10_000 << 32));
    Some(((high.wrapping_add(low) >> 32) as u32, count as usize))
}

/// Reads the number that begins at `at`, and gives the place after it. The nearest double, as
/// JavaScript reads it; too large ones are infinite.
#[inline(always)]
pub(super) fn number(bytes: &[u8], from: usize) -> Step<(f64, usize)> {
    if let Some(chunk) = bytes.get(from..).and_then(|rest| rest.first_chunk())
        && let Some((value, count)) = few_digits(chunk)
    {
        return Ok((f64::from(value), from + count));
    }
    number_elsewhere(bytes, from)
}

/// The same for those that are rarer, and where it doesn't matter.
#[inline(never)]
pub(super) fn number_elsewhere(bytes: &[u8], from: usize) -> Step<(f64, usize)> {
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
    number_slowly(bytes, from, at, mantissa, whole)
}

#[inline(never)]
fn number_slowly(
    bytes: &[u8],
    from: usize,
    mut at: usize,
    mut mantissa: u64,
    mut digits: usize,
) -> Step<(f64, usize)> {
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
    match decimal::parse(text(bytes, from, at)) {
        Some(value) => Ok((value, at)),
        None => bad(from),
    }
}

/// Checks that a literal stands at `at`, and gives the place after it.
#[inline(always)]
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
                assert!(!found.escaped);
                let mut room = [0u8; 160];
                let into = string_into(text.as_bytes(), 0, &mut room).unwrap().unwrap();
                assert_eq!((into.end, into.len), (found.end, found.end));
                assert_eq!(into.ascii, ascii || len == 0);
                assert_eq!(&room[..found.end], &text.as_bytes()[..found.end]);
                let little = string_into(text.as_bytes(), 0, &mut room[..8]).unwrap();
                assert_eq!(little.is_some(), found.end <= 8);
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
            for before in 0..40 {
                let text = format!("{0}{raw}é{raw}\"{0}", "x".repeat(before));
                let expected = format!("{}{expected}é{expected}", "x".repeat(before));
                let mut room = [0u8; 160];
                let into = string_into(text.as_bytes(), 0, &mut room).unwrap().unwrap();
                assert_eq!(&room[..into.len], expected.as_bytes(), "{text}");
                assert!(!into.ascii && text.as_bytes()[into.end] == b'"');
                let little = string_into(text.as_bytes(), 0, &mut room[..into.len - 1]);
                assert!(little.unwrap().is_none(), "{text}");
                let cut = &text.as_bytes()[..into.end];
                assert_eq!(string_into(cut, 0, &mut room).unwrap_err(), Stop::More);
                assert_eq!(string(cut, 0).unwrap_err(), Stop::More);
            }
        }
    }

    #[test]
    fn what_is_no_escape_and_no_utf8_is_refused_where_it_stands() {
        for (text, kind, at) in [
            (&b"ab\\x0123456789abcdef\""[..], ReadErrorKind::Syntax, 3),
            (b"\\u12g4            \"", ReadErrorKind::Syntax, 4),
            (b"\\u12x", ReadErrorKind::Syntax, 4),
            (b"a\xC3(\"", ReadErrorKind::Encoding, 1),
            (b"0123456789abcdef\xFF\"", ReadErrorKind::Encoding, 16),
            (
                b"\\n0123456789abcdef\xED\xA0\x80\"",
                ReadErrorKind::Encoding,
                18,
            ),
        ] {
            let stop = Stop::Bad(kind, at);
            assert_eq!(string(text, 0).unwrap_err(), stop);
            assert_eq!(string_into(text, 0, &mut [0; 64]).unwrap_err(), stop);
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
            let (value, end) = number(format!("{text},").as_bytes(), 0).unwrap();
            assert_eq!(value, text.parse::<f64>().unwrap(), "{text}");
            assert_eq!(end, text.len());
            assert_eq!(
                number(text.as_bytes(), 0),
                Err(Stop::More),
                "{text} may go on"
            );
        }
        for text in [
            "-,", "01,", "-01,", ".5,", "1.,", "1.e5,", "1e,", "1e+,", "--1,", "+1,",
        ] {
            assert!(
                matches!(number(text.as_bytes(), 0), Err(Stop::Bad(..))),
                "{text}"
            );
        }
    }
}
