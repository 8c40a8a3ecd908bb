//! The calendar: wall times taken apart and put together.

use super::iso::number;
use crate::prelude::*;

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// The parts of a wall time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) ms: i64,
}

impl Parts {
    pub(super) fn from_ms(ms: i64) -> Self {
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

    /// Four digits, of years 1 to 9999; or a sign and six.
    pub(super) fn read_year(&mut self, rest: &mut &[u8]) -> Option<()> {
        let Some((sign @ (b'+' | b'-'), after)) = rest.split_first() else {
            self.year = number(rest, 4, 4)?;
            return (self.year > 0).then_some(());
        };
        *rest = after;
        let year = number(rest, 6, 6)?;
        self.year = if *sign == b'-' { -year } else { year };
        Some(())
    }

    pub(super) fn write_year(&self, out: &mut Vec<u8>) {
        if (1..=9999).contains(&self.year) {
            return digits(self.year, 4, out);
        }
        out.push(if self.year < 0 { b'-' } else { b'+' });
        digits(self.year.abs(), 6, out);
    }

    /// Ms since the epoch, if there is such a time; 24:00 is the next midnight.
    pub(super) fn to_ms(self) -> Option<i64> {
        // The calendar repeats itself every 400 years.
        let era = (self.year - 1).div_euclid(400);
        let year = (self.year - era * 400) as u32;
        let date = (1..=12).contains(&self.month)
            && (1..=i64::from(days_in_month(year, self.month as u32))).contains(&self.day);
        let time = (self.hour < 24 && self.minute < 60 && self.second < 60)
            || (self.hour == 24 && self.minute == 0 && self.second == 0 && self.ms == 0);
        (date && time).then(|| {
            let days = era * 146_097 + days_before(year, self.month as u32);
            (days + self.day - DAYS_BEFORE_1970) * DAY
                + self.hour * HOUR
                + self.minute * MINUTE
                + self.second * SECOND
                + self.ms
        })
    }

    pub(super) fn write_date(&self, out: &mut Vec<u8>) {
        self.write_year(out);
        out.push(b'-');
        digits(self.month, 2, out);
        out.push(b'-');
        digits(self.day, 2, out);
    }

    pub(super) fn write_time(&self, out: &mut Vec<u8>) {
        out.push(b'T');
        digits(self.hour, 2, out);
        out.push(b':');
        digits(self.minute, 2, out);
        out.push(b':');
        digits(self.second, 2, out);
    }
}

/// From the day before 0001-01-01 to 1970-01-01.
pub(super) const DAYS_BEFORE_1970: i64 = 719_163;

/// 0 when there is no such month.
#[inline]
pub(super) fn days_in_month(year: u32, month: u32) -> u32 {
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
pub(super) fn days_before(year: u32, month: u32) -> i64 {
    const BEFORE: [u16; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let full = year - 1;
    let leap = u32::from(month > 2 && is_leap(year));
    let before = BEFORE
        .get(month as usize)
        .map_or(0, |days| u32::from(*days));
    i64::from(full * 365 + full / 4 - full / 100 + full / 400 + before + leap)
}

/// The inverse: year, month, day.
pub(super) fn civil_from_days(days: i64) -> (i64, i64, i64) {
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

/// Appends a number with at least so many digits.
pub(super) fn digits(value: i64, least: usize, out: &mut Vec<u8>) {
    let mut scale = 10i64.pow(least as u32 - 1);
    while value / scale >= 10 {
        scale *= 10;
    }
    while scale > 0 {
        out.push(b'0' + (value / scale % 10) as u8);
        scale /= 10;
    }
}

pub(super) fn write_offset(offset: i64, separator: &str, out: &mut Vec<u8>) {
    let minutes = offset.abs() / MINUTE;
    out.push(if offset < 0 { b'-' } else { b'+' });
    digits(minutes / 60, 2, out);
    out.extend_from_slice(separator.as_bytes());
    digits(minutes % 60, 2, out);
}
