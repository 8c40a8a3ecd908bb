//! Time as the engine knows it: what the host says.

use core::ops::{Add, Sub};

/// A moment, in milliseconds since the Unix epoch, on a clock that never goes back.
///
/// The engine has no clock of its own: every input carries the host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Add<u64> for Millis {
    type Output = Self;

    fn add(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl Sub for Millis {
    type Output = u64;

    /// Milliseconds from `earlier` to `self`; 0 when `earlier` is later.
    fn sub(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
