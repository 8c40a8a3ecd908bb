//! Zone offsets, from a table that the host supplies.

use crate::prelude::*;

/// The offsets of one time zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zone {
    /// From when (ms since the epoch) which offset from UTC (ms, east positive) holds; ascending.
    /// Before the first, its offset. Empty: UTC.
    pub transitions: Vec<(f64, f64)>,
}

/// No zone is further from UTC than this, nor do two transitions that both matter for one wall time
/// lie further apart.
const DAY_MS: f64 = 86_400_000.0;

impl Zone {
    /// The offset from UTC at an instant, in ms, east positive.
    pub fn offset_at(&self, utc_ms: f64) -> f64 {
        self.offset(self.index_at(utc_ms))
    }

    /// The instant at which clocks show a wall time (ms since the epoch, as if it were UTC). A wall
    /// time that happens twice is the earlier of the two; one that is left out is read with the
    /// offset before the gap, as ECMAScript does.
    pub fn to_utc(&self, wall_ms: f64) -> f64 {
        let first = self.index_at(wall_ms - DAY_MS);
        let last = self.index_at(wall_ms + DAY_MS);
        for at in first..=last {
            let utc = wall_ms - self.offset(at);
            if self.index_at(utc) == at {
                return utc;
            }
        }
        for at in first..last {
            let before = wall_ms - self.offset(at);
            let after = wall_ms - self.offset(at + 1);
            let transition = self.transitions.get(at + 1).map_or(f64::INFINITY, |t| t.0);
            if before >= transition && after < transition {
                return before;
            }
        }
        wall_ms - self.offset(first)
    }

    /// The wall time at an instant (ms since the epoch, as if it were UTC).
    pub fn to_wall(&self, utc_ms: f64) -> f64 {
        utc_ms + self.offset_at(utc_ms)
    }

    /// Wall times around this one for which `to_utc` subtracts the same offset.
    fn steady_around(&self, wall_ms: f64) -> Option<Steady> {
        let at = self.index_at(wall_ms);
        let from = match at {
            0 => f64::NEG_INFINITY,
            _ => self.transitions.get(at)?.0 + DAY_MS,
        };
        let to = self
            .transitions
            .get(at + 1)
            .map_or(f64::INFINITY, |next| next.0 - DAY_MS);
        let offset = self.offset(at);
        let steady = Steady { from, to, offset };
        steady.holds(wall_ms).then_some(steady)
    }

    /// Which transition holds at an instant; the first also before it.
    fn index_at(&self, utc_ms: f64) -> usize {
        self.transitions
            .partition_point(|(from, _)| *from <= utc_ms)
            .saturating_sub(1)
    }

    fn offset(&self, at: usize) -> f64 {
        self.transitions.get(at).map_or(0.0, |(_, offset)| *offset)
    }
}

/// Turns wall times of one zone into instants, and remembers the last two spans of one offset:
/// dates of one response mostly lie in one winter and one summer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ZoneCursor {
    now: Steady,
    before: Steady,
}

/// Wall times from which one offset is subtracted.
#[derive(Clone, Copy, Debug)]
struct Steady {
    from: f64,
    to: f64,
    offset: f64,
}

impl Default for Steady {
    fn default() -> Self {
        Self {
            from: f64::INFINITY,
            to: f64::NEG_INFINITY,
            offset: 0.0,
        }
    }
}

impl Steady {
    #[inline]
    fn holds(&self, wall_ms: f64) -> bool {
        self.from <= wall_ms && wall_ms < self.to
    }
}

impl ZoneCursor {
    /// As [`Zone::to_utc`], always for the same zone.
    #[inline]
    pub(crate) fn instant(&mut self, zone: &Zone, wall_ms: f64) -> f64 {
        if self.now.holds(wall_ms) {
            return wall_ms - self.now.offset;
        }
        self.instant_elsewhere(zone, wall_ms)
    }

    fn instant_elsewhere(&mut self, zone: &Zone, wall_ms: f64) -> f64 {
        if self.before.holds(wall_ms) {
            core::mem::swap(&mut self.now, &mut self.before);
            return wall_ms - self.now.offset;
        }
        match zone.steady_around(wall_ms) {
            Some(steady) => {
                self.before = core::mem::replace(&mut self.now, steady);
                wall_ms - steady.offset
            }
            None => zone.to_utc(wall_ms),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const HOUR: f64 = 3_600_000.0;
    /// 2026-03-29T01:00Z and 2026-10-25T01:00Z: when clocks change in Berlin.
    pub(crate) const SPRING: f64 = 1_774_746_000_000.0;
    pub(crate) const AUTUMN: f64 = 1_792_890_000_000.0;

    pub(crate) fn berlin() -> Zone {
        Zone {
            transitions: vec![
                (SPRING - 157.0 * 24.0 * HOUR, HOUR),
                (SPRING, 2.0 * HOUR),
                (AUTUMN, HOUR),
            ],
        }
    }

    #[test]
    fn a_zone_without_transitions_is_utc() {
        assert_eq!(Zone::default().offset_at(1e12), 0.0);
        assert_eq!(Zone::default().to_utc(1e12), 1e12);
    }

    #[test]
    fn a_wall_time_in_the_gap_is_read_with_the_offset_before_it() {
        // 02:30 doesn't exist on that morning: read as 02:30+01:00, which clocks show as 03:30.
        let wall = SPRING + HOUR + HOUR / 2.0;
        assert_eq!(berlin().to_utc(wall), SPRING + HOUR / 2.0);
        assert_eq!(berlin().to_wall(SPRING + HOUR / 2.0), wall + HOUR);
    }

    #[test]
    fn a_wall_time_that_happens_twice_is_the_earlier_one() {
        // 02:30 happens at 00:30Z and again at 01:30Z.
        let wall = AUTUMN + 1.5 * HOUR;
        assert_eq!(berlin().to_utc(wall), AUTUMN - HOUR / 2.0);
    }

    #[test]
    fn every_instant_but_the_second_of_an_overlap_survives_the_way_to_the_wall_and_back() {
        let zone = berlin();
        let mut cursor = ZoneCursor::default();
        for step in -2000..14_000 {
            let utc = SPRING + f64::from(step) * HOUR / 2.0;
            if (AUTUMN..AUTUMN + HOUR).contains(&utc) {
                continue;
            }
            assert_eq!(zone.to_utc(zone.to_wall(utc)), utc, "step {step}");
            let wall = zone.to_wall(utc);
            assert_eq!(cursor.instant(&zone, wall), utc, "step {step}");
        }
    }
}
