//! The one timer.

use core::cell::RefCell;

use gloo_timers::callback::Timeout;

use super::clock::Clock;
use crate::engine::time::Millis;
use crate::wasm::driver;

/// The longest wait that a host's timer can count. A later deadline is reached in steps.
const WAIT_MS_MAX: u64 = i32::MAX as u64;

/// Rings at the earliest deadline, or before it: an early ring does no harm, so a deadline that moves away (autoSync after
/// every keystroke) leaves the timer alone.
#[derive(Debug, Default)]
pub(in crate::wasm) struct Timer {
    armed: RefCell<Option<(Millis, Timeout)>>,
}

impl Timer {
    /// Sees to it that the timer rings no later than at the deadline; without one, not at all.
    pub(in crate::wasm) fn arm(&self, deadline: Option<Millis>, clock: &Clock) {
        let Some(deadline) = deadline else {
            drop(self.armed.take());
            return;
        };
        let due = match &*self.armed.borrow() {
            Some((armed, _)) => *armed <= deadline,
            None => false,
        };
        if due {
            return;
        }
        let now = clock.now();
        let wait = (deadline - now).min(WAIT_MS_MAX);
        let timeout = Timeout::new(wait as u32, driver::ring);
        let old = self.armed.replace(Some((now + wait, timeout)));
        drop(old);
    }

    /// Forgets a timer that has rung.
    pub(in crate::wasm) fn rung(&self) {
        if let Some((_, timeout)) = self.armed.take() {
            let _spent = timeout.forget();
        }
    }
}
