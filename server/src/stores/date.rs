//! Dates as texts. A value keeps the form it was written in: with an offset it is an instant, and
//! without one it is wall-clock time, which each client reads in its own zone. Only the spelling
//! is made uniform (`T` between date and time, seconds, a colon in the offset).

/// A date and time as parsed: enough to compare and to write it down again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime {
    day: i64,
    micros: i64,
    offset: Offset,
}

/// How a time relates to UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offset {
    None,
    Utc,
    Minutes(i32),
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// No place on earth is further from UTC; 18 hours is what ISO readers commonly accept.
const MAX_OFFSET_MINUTES: i32 = 18 * 60;

impl DateTime {
    /// Reads `YYYY-MM-DD`, then optionally `T` or a blank and `hh:mm[:ss[.f…]]`, then optionally
    /// `Z`, `+hh`, `+hhmm` or `+hh:mm`. `None` for everything else and for days that don't exist.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader(text.trim().as_bytes());
        let day = reader.date()?;
        if reader.0.is_empty() {
            return Some(Self {
                day,
                micros: 0,
                offset: Offset::None,
            });
        }
        if !matches!(reader.byte()?, b'T' | b't' | b' ') {
            return None;
        }
        let micros = reader.time()?;
        let offset = reader.offset()?;
        reader.0.is_empty().then_some(Self {
            day,
            micros,
            offset,
        })
    }

    /// The one spelling in which the server stores and answers.
    pub(crate) fn to_text(self) -> String {
        let seconds = self.micros / MICROS_PER_SECOND;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut text = format!("{}T{hour:02}:{minute:02}:{second:02}", day_text(self.day));
        let fraction = self.micros % MICROS_PER_SECOND;
        if fraction != 0 {
            let digits = format!("{fraction:06}");
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        match self.offset {
            Offset::None => {}
            Offset::Utc => text.push('Z'),
            Offset::Minutes(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.abs();
                text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
            }
        }
        text
    }

    /// The date that stands in the text, whatever its offset.
    pub(crate) fn date_text(self) -> String {
        day_text(self.day)
    }

    /// Whether this lies before `other`. A wall-clock time beside an instant is read with the
    /// instant's offset: that is the zone of the user who sees both.
    pub(crate) fn is_before(self, other: Self) -> bool {
        let fallback = |mine: Offset, others: Offset| {
            if mine == Offset::None {
                others.minutes()
            } else {
                mine.minutes()
            }
        };
        let mine = self.utc_micros(fallback(self.offset, other.offset));
        mine < other.utc_micros(fallback(other.offset, self.offset))
    }

    fn utc_micros(self, offset_minutes: i32) -> i64 {
        let offset = i64::from(offset_minutes) * 60 * MICROS_PER_SECOND;
        self.day * MICROS_PER_DAY + self.micros - offset
    }
}

impl Offset {
    const fn minutes(self) -> i32 {
        match self {
            Self::None | Self::Utc => 0,
            Self::Minutes(minutes) => minutes,
        }
    }
}

/// What of the text is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.byte()? == byte).then_some(())
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let mut value = 0;
        for _ in 0..count {
            let digit = self.byte()?;
            if !digit.is_ascii_digit() {
                return None;
            }
            value = value * 10 + i64::from(digit - b'0');
        }
        Some(value)
    }

    fn date(&mut self) -> Option<i64> {
        let year = self.digits(4)?;
        self.expect(b'-')?;
        let month = self.digits(2)?;
        self.expect(b'-')?;
        let day = self.digits(2)?;
        let valid = year >= 1 && (1..=12).contains(&month);
        (valid && (1..=days_in_month(year, month)).contains(&day))
            .then(|| day_number(year, month, day))
    }

    fn time(&mut self) -> Option<i64> {
        let hour = self.digits(2)?;
        self.expect(b':')?;
        let minute = self.digits(2)?;
        let mut second = 0;
        let mut fraction = 0;
        if self.0.first() == Some(&b':') {
            self.byte()?;
            second = self.digits(2)?;
            if self.0.first() == Some(&b'.') {
                self.byte()?;
                fraction = self.fraction()?;
            }
        }
        (hour <= 23 && minute <= 59 && second <= 59)
            .then_some((hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + fraction)
    }

    /// Digits after the point as microseconds; finer ones are dropped.
    fn fraction(&mut self) -> Option<i64> {
        let mut micros = 0;
        let mut scale = 100_000;
        let mut count = 0;
        while self.0.first().is_some_and(u8::is_ascii_digit) {
            micros += self.digits(1)? * scale;
            scale /= 10;
            count += 1;
        }
        (1..=9).contains(&count).then_some(micros)
    }

    fn offset(&mut self) -> Option<Offset> {
        let sign = match self.byte() {
            None => return Some(Offset::None),
            Some(b'Z' | b'z') => return Some(Offset::Utc),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        let hours = self.digits(2)?;
        if self.0.first() == Some(&b':') {
            self.byte()?;
        }
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.digits(2)?
        };
        let total = i32::try_from(hours * 60 + minutes).ok()?;
        (minutes <= 59 && total <= MAX_OFFSET_MINUTES).then_some(Offset::Minutes(sign * total))
    }
}

/// `YYYY-MM-DD` of a day counted from 1970-01-01.
pub(crate) fn day_text(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day, counted from 1970-01-01, of a text that begins with a date.
pub(crate) fn parse_day(text: &str) -> Option<i64> {
    DateTime::parse(text).map(|date| date.day)
}

/// The Monday of the week in which `day` lies.
pub(crate) fn monday_of(day: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    day - (day + 3).rem_euclid(7)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day
/// comes last.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month > 2 { year } else { year - 1 };
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let leaps =
        shifted_year.div_euclid(4) - shifted_year.div_euclid(100) + shifted_year.div_euclid(400);
    shifted_year * 365 + leaps + day_of_year - 719_468
}

fn civil(day: i64) -> (i64, i64, i64) {
    let days = day + 719_468;
    let mut year = days.div_euclid(146_097) * 400 + days.rem_euclid(146_097) / 366;
    // The estimate by the longest year is at most a few years low.
    while day_number(year + 1, 3, 1) <= day {
        year += 1;
    }
    let day_of_year = day - day_number(year, 3, 1);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let month_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    (if month > 2 { year } else { year + 1 }, month, month_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_is_written_as_it_was_read() {
        let first = day_number(1899, 12, 31);
        assert_eq!(day_text(0), "1970-01-01");
        for day in first..first + 146_100 {
            assert_eq!(parse_day(&day_text(day)), Some(day));
        }
    }

    #[test]
    fn spellings_are_made_uniform_and_the_offset_is_kept() {
        for (text, expected) in [
            ("2026-02-28", "2026-02-28T00:00:00"),
            ("2026-02-28 09:30", "2026-02-28T09:30:00"),
            ("2026-02-28T09:30:15.120000Z", "2026-02-28T09:30:15.12Z"),
            ("2026-02-28T09:30:15+0100", "2026-02-28T09:30:15+01:00"),
            ("2026-02-28T09:30:15-03:30", "2026-02-28T09:30:15-03:30"),
            (
                "2024-02-29T23:59:59.123456789+02",
                "2024-02-29T23:59:59.123456+02:00",
            ),
        ] {
            assert_eq!(
                DateTime::parse(text).map(DateTime::to_text).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in [
            "",
            "x",
            "2026",
            "2026-13-01",
            "2026-02-30",
            "2025-02-29",
            "0000-01-01",
            "2026-1-1",
            "2026-01-01T",
            "2026-01-01T24:00",
            "2026-01-01T10:60",
            "2026-01-01T10:00:00.",
            "2026-01-01T10:00+19:00",
            "2026-01-01T10:00Zx",
            "2026-01-01x10:00",
            "2026-01-01T1é:00",
        ] {
            assert_eq!(DateTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn instants_compare_as_instants_and_wall_clock_times_by_the_clock() {
        let before = |a: &str, b: &str| {
            DateTime::parse(a)
                .unwrap()
                .is_before(DateTime::parse(b).unwrap())
        };
        assert!(before("2026-01-01T10:00+02:00", "2026-01-01T09:00Z"));
        assert!(!before("2026-01-01T09:00Z", "2026-01-01T10:00+02:00"));
        assert!(before("2026-01-01T09:00", "2026-01-01T10:00"));
        assert!(before("2026-01-01T09:00", "2026-01-01T09:01+02:00"));
        assert!(!before("2026-01-01T09:00", "2026-01-01T09:00-08:00"));
    }

    #[test]
    fn a_week_begins_on_monday() {
        let sunday = parse_day("2026-11-22").unwrap();
        assert_eq!(day_text(monday_of(sunday)), "2026-11-16");
        assert_eq!(day_text(monday_of(sunday + 1)), "2026-11-23");
        assert_eq!(day_text(monday_of(-10)), "1969-12-22");
    }
}
