//! Dates as text: what is read, and the formats that are written.
//!
//! Read is whatever servers write (ISO 8601 with `T` or a blank, seconds and a fraction of any
//! length or none, `Z`, `+hh:mm`, `+hhmm`, `+hh` or no offset, a plain date), for a pattern first
//! the pattern itself. Years before 1 and after 9999 have a sign and six digits (`+012026-03-01`),
//! as JavaScript writes them. Text without an offset is wall time in the zone; a plain date is
//! midnight in the zone. A field that holds plain dates ([`DateFormat::is_plain`]) takes the day as
//! it is written, whatever time or offset follows, so that it never shifts.

mod iso;
mod parts;
mod pattern;

use super::zone::Zone;
use crate::number::floor;
use crate::prelude::*;
pub(crate) use iso::{midnight, read_iso_wall, read_usual};
use parts::{Parts, digits, write_offset};
use pattern::{Token, Tokens, read_pattern};

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

/// The furthest instants that JavaScript's dates know, in ms before and after the epoch.
const FURTHEST: f64 = 8.64e15;

/// Date and time as clocks show them, and the offset if one was given.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wall {
    /// Ms since the epoch, as if clocks showed UTC.
    ms: i64,
    offset: Option<i64>,
}

impl DateFormat {
    /// A format as apps configure it: nothing or `iso` (ISO 8601 with the zone's offset), `utc`
    /// (ISO 8601 in UTC), `date` (a plain date), or a pattern of `YYYY`, `MM`/`M`, `DD`/`D`,
    /// `HH`/`H`, `mm`/`m`, `ss`/`s`, `SSS`, `Z` (`+01:00`), `ZZ` (`+0100`) and literal text;
    /// letters, but for `T`, are literal in `[…]`. A pattern without `HH` holds plain dates.
    #[inline]
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

    /// What a plain date makes of an instant: the midnight, in the zone, at which its day begins.
    pub(crate) fn day_of(&self, ms: f64, zone: &Zone) -> f64 {
        if !self.is_plain() || !(-FURTHEST..=FURTHEST).contains(&ms) {
            return ms;
        }
        let wall = floor(ms) as i64 + zone.offset_at(ms) as i64;
        zone.to_utc(midnight(wall) as f64)
    }

    /// Appends an instant in this format, and says whether it is one that JavaScript's dates know.
    pub fn write(&self, ms: f64, zone: &Zone, out: &mut Vec<u8>) -> bool {
        let offset = match self {
            Self::IsoUtc => 0,
            _ => zone.offset_at(ms) as i64,
        };
        if !(-FURTHEST..=FURTHEST).contains(&ms) {
            return false;
        }
        let parts = Parts::from_ms(floor(ms) as i64 + offset);
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
}

#[cfg(test)]
mod tests {
    use super::iso::read_head;
    use super::parts::{DAY, DAYS_BEFORE_1970, civil_from_days, days_before, days_in_month};
    use super::*;
    use crate::schema::zone::tests::{AUTUMN, HOUR as HOUR_MS, SPRING, berlin};

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
        assert_eq!(read("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000.0));
        assert_eq!(
            read("9999-12-31T23:59:59.999Z"),
            Some(253_402_300_799_999.0)
        );
        assert_eq!(read("+275760-09-13T00:00:00Z"), Some(FURTHEST));
        assert_eq!(read("-271821-04-20T00:00:00Z"), Some(-FURTHEST));
        assert!(read("2024-02-29").is_some());
    }

    #[test]
    fn years_of_more_than_four_digits_are_written_as_javascript_does_and_read_back() {
        let utc = Zone::default();
        for (ms, utc_text, day) in [
            (
                253_402_300_800_000.0,
                "+010000-01-01T00:00:00.000Z",
                "+010000-01-01",
            ),
            (FURTHEST, "+275760-09-13T00:00:00.000Z", "+275760-09-13"),
            (-FURTHEST, "-271821-04-20T00:00:00.000Z", "-271821-04-20"),
            (
                -62_135_596_800_001.0,
                "+000000-12-31T23:59:59.999Z",
                "+000000-12-31",
            ),
            (
                -62_198_755_200_000.0,
                "-000001-01-01T00:00:00.000Z",
                "-000001-01-01",
            ),
            (
                -62_135_596_800_000.0,
                "0001-01-01T00:00:00.000Z",
                "0001-01-01",
            ),
        ] {
            assert_eq!(written("utc", ms, &utc), utc_text);
            assert_eq!(DateFormat::IsoUtc.read(utc_text, &utc), Some(ms));
            assert_eq!(written("date", ms, &utc), day);
            let midnight = floor(ms / 86_400_000.0) * 86_400_000.0;
            assert_eq!(DateFormat::DateOnly.read(day, &utc), Some(midnight));
            let read = DateFormat::parse_config(Some("DD.MM.YYYY")).unwrap();
            let text = written("DD.MM.YYYY", ms, &utc);
            assert_eq!(read.read(&text, &utc), Some(midnight), "{text}");
        }
        let mut out = Vec::new();
        assert!(!DateFormat::IsoUtc.write(FURTHEST + 1.0, &utc, &mut out));
        assert!(out.is_empty());
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
        let mut days = -DAYS_BEFORE_1970 + 1;
        while days < 253_402_300_800_000 / DAY {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(
                days_before(year as u32, month as u32) + day - DAYS_BEFORE_1970,
                days
            );
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
    }
}
