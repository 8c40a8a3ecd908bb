//! ISO 8601, as servers write it.

use super::Wall;
use super::parts::{
    DAY, DAYS_BEFORE_1970, HOUR, MINUTE, Parts, SECOND, days_before, days_in_month,
};

/// Reads ISO 8601 as servers write it: ms of the wall time since the epoch, and the offset if there
/// is one.
#[inline]
pub(crate) fn read_iso_wall(text: &[u8]) -> Option<(i64, Option<i64>)> {
    let Some((head, rest)) = text.split_first_chunk::<16>() else {
        return read_iso(text).map(|wall| (wall.ms, wall.offset));
    };
    let Some(minutes) = read_head(head) else {
        return read_iso(text).map(|wall| (wall.ms, wall.offset));
    };
    match rest {
        [] => Some((minutes, None)),
        [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9', rest @ ..] => {
            let second = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let wall = minutes + second * SECOND;
            match rest {
                [] => Some((wall, None)),
                [b'Z'] => Some((wall, Some(0))),
                _ => read_tail(rest, wall),
            }
        }
        _ => read_iso(text).map(|wall| (wall.ms, wall.offset)),
    }
}

/// Reads the forms that most servers write, `YYYY-MM-DDTHH:mm:ss` and the same with a `Z`, up to
/// the quote that ends them. Gives ms of the wall time since the epoch, whether that is UTC, and
/// the place after the quote; nothing when it is anything else.
#[inline]
pub(crate) fn read_usual(bytes: &[u8], from: usize) -> Option<(i64, bool, usize)> {
    let (head, rest) = bytes.get(from..)?.split_first_chunk::<16>()?;
    let (end, tens, ones) = match rest {
        [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9', b'"', ..] => (20, tens, ones),
        [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9', b'Z', b'"', ..] => (21, tens, ones),
        _ => return None,
    };
    let second = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    Some((read_head(head)? + second * SECOND, end == 21, from + end))
}

/// What follows after the seconds.
fn read_tail(mut rest: &[u8], mut wall: i64) -> Option<(i64, Option<i64>)> {
    if let Some((b'.' | b',', fraction)) = rest.split_first() {
        rest = fraction;
        wall += read_fraction(&mut rest)?;
    }
    rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let offset = match rest {
        [] => None,
        _ => Some(read_offset(&mut rest)?),
    };
    rest.is_empty().then_some((wall, offset))
}

/// `YYYY-MM-DDTHH:mm` in two words, eight digits at a time. `None` for all that isn't exactly that,
/// or no time of a day.
#[inline]
pub(super) fn read_head(head: &[u8; 16]) -> Option<i64> {
    const DATE: u64 = u64::from_le_bytes(*b"0000-00-");
    const TIME: u64 = u64::from_le_bytes(*b"00T00:00");
    const BLANK: u64 = (b'T' ^ b' ') as u64;
    /// Added to what differs from the shape, this reaches the top bit for digits above 9 and for
    /// anything but the separator.
    const DATE_LIMITS: u64 = u64::from_le_bytes([118, 118, 118, 118, 127, 118, 118, 127]);
    const TIME_LIMITS: u64 = u64::from_le_bytes([118, 118, 127, 118, 118, 127, 118, 118]);
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let both = u128::from_le_bytes(*head);
    let date = both as u64 ^ DATE;
    let mut time = (both >> 64) as u64 ^ TIME;
    if time >> 16 & 0xFF == BLANK {
        time ^= BLANK << 16;
    }
    let wrong = date | date.wrapping_add(DATE_LIMITS) | time | time.wrapping_add(TIME_LIMITS);
    if wrong & TOPS != 0 {
        return None;
    }
    let digit = |word: u64, at: u32| (word >> (8 * at)) as u32 & 0xF;
    let pair = |word: u64, at: u32| digit(word, at) * 10 + digit(word, at + 1);
    let (year, month) = (pair(date, 0) * 100 + pair(date, 2), pair(date, 5));
    let (day, hour, minute) = (pair(time, 0), pair(time, 3), pair(time, 6));
    if year == 0 || hour > 23 || minute > 59 || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let days = days_before(year, month) + i64::from(day) - DAYS_BEFORE_1970;
    Some(days * DAY + i64::from(hour * 60 + minute) * MINUTE)
}

/// The midnight at which the day of a wall time begins.
pub(crate) fn midnight(wall_ms: i64) -> i64 {
    wall_ms - wall_ms.rem_euclid(DAY)
}

pub(super) fn read_iso(text: &[u8]) -> Option<Wall> {
    let mut rest = text;
    let mut parts = Parts::default();
    parts.read_year(&mut rest)?;
    rest = rest.strip_prefix(b"-")?;
    parts.month = number(&mut rest, 2, 2)?;
    rest = rest.strip_prefix(b"-")?;
    parts.day = number(&mut rest, 2, 2)?;
    let mut offset = None;
    if let Some((b'T' | b't' | b' ', time)) = rest.split_first() {
        rest = time;
        parts.hour = number(&mut rest, 2, 2)?;
        rest = rest.strip_prefix(b":")?;
        parts.minute = number(&mut rest, 2, 2)?;
        if let Some(seconds) = rest.strip_prefix(b":") {
            rest = seconds;
            parts.second = number(&mut rest, 2, 2)?;
            if let Some((b'.' | b',', fraction)) = rest.split_first() {
                rest = fraction;
                parts.ms = read_fraction(&mut rest)?;
            }
        }
        if let Some(zoned) = rest.strip_prefix(b" ") {
            rest = zoned;
        }
        if !rest.is_empty() {
            offset = Some(read_offset(&mut rest)?);
        }
    }
    let ms = parts.to_ms()?;
    rest.is_empty().then_some(Wall { ms, offset })
}

/// A fraction of a second as whole milliseconds; further digits are cut off.
fn read_fraction(rest: &mut &[u8]) -> Option<i64> {
    let mut weight = 100;
    let mut ms = 0;
    let mut any = false;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        ms += i64::from(digit - b'0') * weight;
        weight /= 10;
        any = true;
        *rest = after;
    }
    any.then_some(ms)
}

pub(super) fn read_offset(rest: &mut &[u8]) -> Option<i64> {
    let (sign, after) = rest.split_first()?;
    *rest = after;
    let sign = match sign {
        b'Z' | b'z' => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = number(rest, 2, 2)?;
    *rest = rest.strip_prefix(b":").unwrap_or(rest);
    let minutes = if rest.is_empty() {
        0
    } else {
        number(rest, 2, 2)?
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * HOUR + minutes * MINUTE))
}

/// Takes between `least` and `most` digits.
pub(super) fn number(rest: &mut &[u8], least: usize, most: usize) -> Option<i64> {
    let mut value = 0;
    let mut count = 0;
    while count < most
        && let Some((digit @ b'0'..=b'9', after)) = rest.split_first()
    {
        value = value * 10 + i64::from(digit - b'0');
        count += 1;
        *rest = after;
    }
    (count >= least).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn the_quick_ways_read_what_the_plain_way_reads() {
        let whole = "2024-02-29T23:59:59.123+01:00";
        let odd = b"0123456789-:T Z+.x\0\xFF";
        let mut rng = Rng::new(3);
        let mut dates = 0;
        for _ in 0..200_000 {
            let len = [10, 16, 17, 19, 20, 25, 29][rng.below(7) as usize];
            let mut text = whole.as_bytes()[..len].to_vec();
            for _ in 0..rng.below(3) {
                let at = rng.below(len as u64) as usize;
                text[at] = odd[rng.below(odd.len() as u64) as usize];
            }
            let plain = read_iso(&text).map(|wall| (wall.ms, wall.offset));
            assert_eq!(read_iso_wall(&text), plain, "{}", text.escape_ascii());
            dates += u32::from(plain.is_some());
            text.extend_from_slice(b"\" and more");
            if let Some((ms, is_utc, end)) = read_usual(&text, 0) {
                assert_eq!((end, plain), (len + 1, Some((ms, is_utc.then_some(0)))));
            }
        }
        assert!(dates > 50_000);
    }
}
