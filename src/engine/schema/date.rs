//! Dates as text: what is read, and the formats that are written.
//!
//! Read is whatever servers write (ISO 8601 with `T` or a blank, seconds and a fraction of any length or none, `Z`, `+hh:mm`, `+hhmm`,
//! `+hh` or no offset, a plain date), for a pattern first the pattern itself. Text without an offset is wall time in the zone;
//! a plain date is midnight in the zone. A field that holds plain dates ([`DateFormat::is_plain`]) takes the day as it is written, whatever
//! time or offset follows, so that it never shifts.

use super::zone::Zone;

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

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 0001-01-01T00:00Z and the last millisecond of the year 9999: what four digits can say.
const FIRST: f64 = -62_135_596_800_000.0;
const LAST: f64 = 253_402_300_799_999.0;

/// Date and time as clocks show them, and the offset if one was given.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wall {
    /// Ms since the epoch, as if clocks showed UTC.
    ms: i64,
    offset: Option<i64>,
}

/// The parts of a wall time.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    ms: i64,
}

impl DateFormat {
    /// A format as apps configure it: nothing or `iso` (ISO 8601 with the zone's offset), `utc` (ISO 8601 in UTC), `date` (a plain date), or a
    /// pattern of `YYYY`, `MM`/`M`, `DD`/`D`, `HH`/`H`, `mm`/`m`, `ss`/`s`, `SSS`, `Z` (`+01:00`), `ZZ` (`+0100`) and literal text; letters, but
    /// for `T`, are literal in `[…]`. A pattern without `HH` holds plain dates.
    pub fn parse_config(format: Option<&str>) -> Result<Self, String> {
        match format {
            None | Some("iso" | "YYYY-MM-DDTHH:mm:ssZ") => Ok(Self::IsoOffset),
            Some("utc") => Ok(Self::IsoUtc),
            Some("date" | "YYYY-MM-DD") => Ok(Self::DateOnly),
            Some(pattern) => {
                let mut has = (false, false, false);
                for token in Tokens(pattern) {
                    match token? {
                        Token::Year => has.0 = true,
                        Token::Month(_) => has.1 = true,
                        Token::Day(_) => has.2 = true,
                        _ => {}
                    }
                }
                if has == (true, true, true) {
                    Ok(Self::Pattern(pattern.into()))
                } else {
                    Err(format!("the date format `{pattern}` needs YYYY, MM and DD"))
                }
            }
        }
    }

    /// Whether the format says a day and no time.
    pub fn is_plain(&self) -> bool {
        match self {
            Self::IsoOffset | Self::IsoUtc => false,
            Self::DateOnly => true,
            Self::Pattern(pattern) => {
                !Tokens(pattern).any(|token| matches!(token, Ok(Token::Hour(_))))
            }
        }
    }

    /// The instant that the text says, in ms since the epoch; `None` when it is no date.
    pub fn read(&self, text: &str, zone: &Zone) -> Option<f64> {
        let wall = self.read_wall(text)?;
        Some(match wall.offset {
            Some(offset) => (wall.ms - offset) as f64,
            None => zone.to_utc(wall.ms as f64),
        })
    }

    fn read_wall(&self, text: &str) -> Option<Wall> {
        let by_pattern = match self {
            Self::Pattern(pattern) => read_pattern(pattern, text),
            _ => None,
        };
        let mut wall = match by_pattern {
            Some(wall) => wall,
            None => {
                let (ms, offset) = read_iso_wall(text.trim().as_bytes())?;
                Wall { ms, offset }
            }
        };
        if self.is_plain() {
            wall.ms = midnight(wall.ms);
            wall.offset = None;
        }
        Some(wall)
    }

    /// Appends an instant in this format, and says whether it can: years 1 to 9999 have a form.
    pub fn write(&self, ms: f64, zone: &Zone, out: &mut Vec<u8>) -> bool {
        let offset = match self {
            Self::IsoUtc => 0,
            _ => zone.offset_at(ms) as i64,
        };
        if !(FIRST..=LAST).contains(&(ms + offset as f64)) {
            return false;
        }
        let parts = Parts::from_ms(ms.floor() as i64 + offset);
        match self {
            Self::DateOnly => parts.write_date(out),
            Self::IsoUtc => {
                parts.write_date(out);
                parts.write_time(out);
                out.push(b'.');
                digits(parts.ms, 3, out);
                out.push(b'Z');
            }
            Self::IsoOffset => {
                parts.write_date(out);
                parts.write_time(out);
                if parts.ms != 0 {
                    out.push(b'.');
                    digits(parts.ms, 3, out);
                }
                write_offset(offset, ":", out);
            }
            Self::Pattern(pattern) => parts.write_pattern(pattern, offset, out),
        }
        true
    }

    /// Whether a number can be an instant of this format.
    pub fn holds(&self, ms: f64) -> bool {
        (FIRST..=LAST).contains(&ms)
    }
}

impl Parts {
    fn from_ms(ms: i64) -> Self {
        let (year, month, day) = civil_from_days(ms.div_euclid(DAY));
        let rest = ms.rem_euclid(DAY);
        Self {
            year,
            month,
            day,
            hour: rest / HOUR,
            minute: rest / MINUTE % 60,
            second: rest / SECOND % 60,
            ms: rest % SECOND,
        }
    }

    /// Ms since the epoch, if there is such a time; 24:00 is the next midnight.
    fn to_ms(self) -> Option<i64> {
        let date = (1..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=i64::from(days_in_month(self.year as u32, self.month as u32)))
                .contains(&self.day);
        let time = (self.hour < 24 && self.minute < 60 && self.second < 60)
            || (self.hour == 24 && self.minute == 0 && self.second == 0 && self.ms == 0);
        (date && time).then(|| {
            days_from_civil(self.year, self.month, self.day) * DAY
                + self.hour * HOUR
                + self.minute * MINUTE
                + self.second * SECOND
                + self.ms
        })
    }

    fn write_date(&self, out: &mut Vec<u8>) {
        digits(self.year, 4, out);
        out.push(b'-');
        digits(self.month, 2, out);
        out.push(b'-');
        digits(self.day, 2, out);
    }

    fn write_time(&self, out: &mut Vec<u8>) {
        out.push(b'T');
        digits(self.hour, 2, out);
        out.push(b':');
        digits(self.minute, 2, out);
        out.push(b':');
        digits(self.second, 2, out);
    }

    fn write_pattern(&self, pattern: &str, offset: i64, out: &mut Vec<u8>) {
        for token in Tokens(pattern) {
            match token {
                Ok(Token::Year) => digits(self.year, 4, out),
                Ok(Token::Month(least)) => digits(self.month, least, out),
                Ok(Token::Day(least)) => digits(self.day, least, out),
                Ok(Token::Hour(least)) => digits(self.hour, least, out),
                Ok(Token::Minute(least)) => digits(self.minute, least, out),
                Ok(Token::Second(least)) => digits(self.second, least, out),
                Ok(Token::Ms) => digits(self.ms, 3, out),
                Ok(Token::Offset(separator)) => write_offset(offset, separator, out),
                Ok(Token::Literal(text)) => out.extend_from_slice(text.as_bytes()),
                Err(_) => {}
            }
        }
    }
}

/// One piece of a pattern; numbers are the least count of digits.
enum Token<'a> {
    Year,
    Month(usize),
    Day(usize),
    Hour(usize),
    Minute(usize),
    Second(usize),
    Ms,
    Offset(&'static str),
    Literal(&'a str),
}

struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<Token<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.0.chars().next()?;
        if first == '[' {
            let Some((literal, rest)) = self.0.get(1..)?.split_once(']') else {
                self.0 = "";
                return Some(Err("a `[` of the date format isn't closed".into()));
            };
            self.0 = rest;
            return Some(Ok(Token::Literal(literal)));
        }
        let len = match first.is_ascii_alphabetic() {
            true => self.0.len() - self.0.trim_start_matches(first).len(),
            false => first.len_utf8(),
        };
        let (token, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(match token {
            "YYYY" => Ok(Token::Year),
            "MM" | "M" => Ok(Token::Month(len)),
            "DD" | "D" => Ok(Token::Day(len)),
            "HH" | "H" => Ok(Token::Hour(len)),
            "mm" | "m" => Ok(Token::Minute(len)),
            "ss" | "s" => Ok(Token::Second(len)),
            "SSS" => Ok(Token::Ms),
            "Z" => Ok(Token::Offset(":")),
            "ZZ" => Ok(Token::Offset("")),
            "T" => Ok(Token::Literal(token)),
            _ if first.is_ascii_alphabetic() => Err(format!(
                "the date format has no `{token}`; literal letters stand in [ ]"
            )),
            _ => Ok(Token::Literal(token)),
        })
    }
}

fn read_pattern(pattern: &str, text: &str) -> Option<Wall> {
    let mut parts = Parts::default();
    let mut offset = None;
    let mut rest = text.trim().as_bytes();
    for token in Tokens(pattern) {
        match token.ok()? {
            Token::Year => parts.year = number(&mut rest, 4, 4)?,
            Token::Month(least) => parts.month = number(&mut rest, least, 2)?,
            Token::Day(least) => parts.day = number(&mut rest, least, 2)?,
            Token::Hour(least) => parts.hour = number(&mut rest, least, 2)?,
            Token::Minute(least) => parts.minute = number(&mut rest, least, 2)?,
            Token::Second(least) => parts.second = number(&mut rest, least, 2)?,
            Token::Ms => parts.ms = number(&mut rest, 3, 3)?,
            Token::Offset(_) => offset = Some(read_offset(&mut rest)?),
            Token::Literal(literal) => rest = rest.strip_prefix(literal.as_bytes())?,
        }
    }
    let ms = parts.to_ms()?;
    rest.is_empty().then_some(Wall { ms, offset })
}

/// Reads ISO 8601 as servers write it: ms of the wall time since the epoch, and the offset if there is one.
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

/// Reads the form that most servers write, `YYYY-MM-DDTHH:mm:ss` without a fraction, up to the quote that ends it. Gives ms of the wall time since the
/// epoch and the place after the quote, or nothing when it is anything else.
#[inline]
pub(crate) fn read_usual(bytes: &[u8], from: usize) -> Option<(i64, usize)> {
    let (head, rest) = bytes.get(from..)?.split_first_chunk::<16>()?;
    let [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9', b'"', ..] = rest else {
        return None;
    };
    let second = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    Some((read_head(head)? + second * SECOND, from + 20))
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

/// `YYYY-MM-DDTHH:mm` in two words, eight digits at a time. `None` for all that isn't exactly that, or no time of a day.
#[inline]
fn read_head(head: &[u8; 16]) -> Option<i64> {
    const DATE: u64 = u64::from_le_bytes(*b"0000-00-");
    const TIME: u64 = u64::from_le_bytes(*b"00T00:00");
    const BLANK: u64 = (b'T' ^ b' ') as u64;
    /// Added to what differs from the shape, this reaches the top bit for digits above 9 and for anything but the separator.
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
    let days = i64::from(days_before(year, month) + day) - DAYS_BEFORE_1970;
    Some(days * DAY + i64::from(hour * 60 + minute) * MINUTE)
}

/// From the day before 0001-01-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_163;

/// 0 when there is no such month.
#[inline]
fn days_in_month(year: u32, month: u32) -> u32 {
    const DAYS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = DAYS.get(month as usize).map_or(0, |days| u32::from(*days));
    days + u32::from(month == 2 && is_leap(year))
}

#[inline]
fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Days from 0001-01-01 to the first of the month.
#[inline]
fn days_before(year: u32, month: u32) -> u32 {
    const BEFORE: [u16; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let full = year - 1;
    let leap = u32::from(month > 2 && is_leap(year));
    let before = BEFORE
        .get(month as usize)
        .map_or(0, |days| u32::from(*days));
    full * 365 + full / 4 - full / 100 + full / 400 + before + leap
}

/// The midnight at which the day of a wall time begins.
pub(crate) fn midnight(wall_ms: i64) -> i64 {
    wall_ms - wall_ms.rem_euclid(DAY)
}

fn read_iso(text: &[u8]) -> Option<Wall> {
    let mut rest = text;
    let mut parts = Parts {
        year: number(&mut rest, 4, 4)?,
        ..Parts::default()
    };
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

fn read_offset(rest: &mut &[u8]) -> Option<i64> {
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
fn number(rest: &mut &[u8], least: usize, most: usize) -> Option<i64> {
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

/// Appends a number with at least so many digits.
fn digits(value: i64, least: usize, out: &mut Vec<u8>) {
    let mut scale = 10i64.pow(least as u32 - 1);
    while value / scale >= 10 {
        scale *= 10;
    }
    while scale > 0 {
        out.push(b'0' + (value / scale % 10) as u8);
        scale /= 10;
    }
}

fn write_offset(offset: i64, separator: &str, out: &mut Vec<u8>) {
    let minutes = offset.abs() / MINUTE;
    out.push(if offset < 0 { b'-' } else { b'+' });
    digits(minutes / 60, 2, out);
    out.extend_from_slice(separator.as_bytes());
    digits(minutes % 60, 2, out);
}

/// Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::super::zone::tests::{AUTUMN, HOUR as HOUR_MS, SPRING, berlin};
    use super::*;

    fn written(format: &str, ms: f64, zone: &Zone) -> String {
        let mut out = Vec::new();
        let format = DateFormat::parse_config(Some(format)).unwrap();
        assert!(format.write(ms, zone, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_form_that_servers_write_is_read() {
        let utc = Zone::default();
        let nine_thirty = 1_772_357_400_000.0;
        for text in [
            "2026-03-01T09:30:00Z",
            "2026-03-01T09:30:00",
            "2026-03-01T09:30",
            "2026-03-01 09:30:00",
            "2026-03-01 09:30",
            "2026-03-01T09:30:00.0Z",
            "2026-03-01T09:30:00.000000Z",
            "2026-03-01T10:30:00+01:00",
            "2026-03-01T10:30:00+0100",
            "2026-03-01T10:30:00+01",
            "2026-03-01 04:30:00 -05:00",
            "2026-03-01T04:30:00.000-0500",
            "  2026-03-01T09:30:00Z ",
        ] {
            let read = DateFormat::IsoOffset.read(text, &utc);
            assert_eq!(read, Some(nine_thirty), "{text}");
        }
        let read = |text: &str| DateFormat::IsoOffset.read(text, &utc);
        assert_eq!(read("2026-03-01T09:30:00.1239"), Some(nine_thirty + 123.0));
        assert_eq!(read("2026-03-01T09:30:00.5Z"), Some(nine_thirty + 500.0));
        assert_eq!(read("2026-02-28T24:00:00"), read("2026-03-01"));
        assert_eq!(read("0001-01-01T00:00:00Z"), Some(FIRST));
        assert_eq!(read("9999-12-31T23:59:59.999Z"), Some(LAST));
        assert!(read("2024-02-29").is_some());
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in [
            "",
            " ",
            "today",
            "2026",
            "2026-03",
            "2026-13-01",
            "2026-02-30",
            "2025-02-29",
            "2026-00-10",
            "2026-03-00",
            "0000-00-00",
            "0000-00-00 00:00:00",
            "2026-3-1",
            "2026-03-01T",
            "2026-03-01T9:30",
            "2026-03-01T24:01",
            "2026-03-01T09:60",
            "2026-03-01T09:30:60",
            "2026-03-01T09:30:00.",
            "2026-03-01T09:30:00+25:00",
            "2026-03-01T09:30:00 CET",
            "2026-03-01Z",
            "2026-03-01x",
            "20260301",
            "01/03/2026",
        ] {
            assert_eq!(
                DateFormat::IsoOffset.read(text, &Zone::default()),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn a_plain_date_never_shifts_in_any_zone() {
        let zones = [-12.0, -8.0, -5.0, 0.0, 1.0, 5.5, 9.0, 13.0, 14.0];
        for hours in zones {
            let zone = Zone {
                transitions: vec![(0.0, hours * HOUR_MS)],
            };
            for text in [
                "2026-03-01",
                "2026-03-01T00:00:00Z",
                "2026-03-01 23:30:00+05:00",
            ] {
                let ms = DateFormat::DateOnly.read(text, &zone).unwrap();
                assert_eq!(written("date", ms, &zone), "2026-03-01", "{hours} {text}");
                assert_eq!(zone.to_wall(ms) % 86_400_000.0, 0.0);
            }
        }
        // A zone in which a midnight is left out: the day still is that day.
        let zone = Zone {
            transitions: vec![(0.0, 0.0), (SPRING - HOUR_MS, HOUR_MS)],
        };
        let ms = DateFormat::DateOnly.read("2026-03-29", &zone).unwrap();
        assert_eq!(written("date", ms, &zone), "2026-03-29");
    }

    #[test]
    fn each_format_writes_its_form_and_reads_it_back() {
        let ms = 1_782_477_005_000.0; // 2026-06-26T12:30:05Z
        for (format, expected) in [
            ("iso", "2026-06-26T14:30:05+02:00"),
            ("utc", "2026-06-26T12:30:05.000Z"),
            ("YYYY-MM-DD HH:mm:ss", "2026-06-26 14:30:05"),
            ("YYYY-MM-DDTHH:mm:ss.SSSZ", "2026-06-26T14:30:05.000+02:00"),
            ("DD/MM/YYYY HH:mm:ss ZZ", "26/06/2026 14:30:05 +0200"),
            ("D.M.YYYY, H:mm:ss [Uhr]", "26.6.2026, 14:30:05 Uhr"),
        ] {
            assert_eq!(written(format, ms, &berlin()), expected);
            let format = DateFormat::parse_config(Some(format)).unwrap();
            assert_eq!(format.read(expected, &berlin()), Some(ms), "{expected}");
        }
        assert_eq!(written("DD/MM/YYYY", ms, &berlin()), "26/06/2026");
        let day_first = DateFormat::parse_config(Some("DD/MM/YYYY")).unwrap();
        assert!(day_first.is_plain());
        let midnight = day_first.read("26/06/2026", &berlin());
        assert_eq!(midnight, DateFormat::DateOnly.read("2026-06-26", &berlin()));
        assert_eq!(day_first.read("31/02/2026", &berlin()), None);
        assert_eq!(
            written("iso", ms + 120.0, &berlin()),
            "2026-06-26T14:30:05.120+02:00"
        );
    }

    #[test]
    fn formats_that_say_no_date_are_refused_with_a_reason() {
        for format in [
            "",
            "HH:mm",
            "YYYY-MM",
            "YY-MM-DD",
            "YYYY-MM-DD[at",
            "YYYY-MM-DDx",
            "MMM D, YYYY",
        ] {
            assert!(DateFormat::parse_config(Some(format)).is_err(), "{format}");
        }
    }

    #[test]
    fn every_day_of_the_calendar_is_itself_again() {
        let mut days = FIRST as i64 / DAY;
        while days <= LAST as i64 / DAY {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
            assert!((1..=days_in_month(year as u32, month as u32)).contains(&(day as u32)));
            let text = format!("{year:04}-{month:02}-{day:02}T00:00");
            let read = read_head(text.as_bytes().first_chunk().unwrap());
            assert_eq!(read, Some(days * DAY), "{text}");
            days += 13;
        }
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(-1), (1969, 12, 31));
    }

    #[test]
    fn the_offset_that_is_written_is_the_one_at_that_instant() {
        assert_eq!(
            written("iso", SPRING - 1000.0, &berlin()),
            "2026-03-29T01:59:59+01:00"
        );
        assert_eq!(
            written("iso", SPRING, &berlin()),
            "2026-03-29T03:00:00+02:00"
        );
        assert_eq!(
            written("iso", AUTUMN, &berlin()),
            "2026-10-25T02:00:00+01:00"
        );
        let mut out = Vec::new();
        assert!(!DateFormat::IsoUtc.write(LAST + 1.0, &berlin(), &mut out));
        assert!(out.is_empty());
    }
}
