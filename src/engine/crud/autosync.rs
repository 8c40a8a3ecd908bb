//! When changes are sent by themselves: a wait after the last edit, held back while somebody asks
//! for it.
//!
//! `Quiet -> Waiting` by an edit; every further edit starts the wait anew; `Waiting -> Due` when it
//! is over. `Due` stays until a sync has started, whatever holds it back meanwhile. A suspend keeps
//! edits in mind without a wait.

use crate::engine::time::Millis;

/// Where the wait stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wait {
    /// Nothing to do.
    #[default]
    Quiet,
    /// Edits came while autoSync was suspended.
    Held,
    /// To be due at this moment.
    Waiting(Millis),
    /// The wait is over; the next sync can start.
    Due,
}

/// The debounce of autoSync.
#[derive(Clone, Debug)]
pub struct AutoSync {
    enabled: bool,
    delay_ms: u64,
    suspends: u32,
    wait: Wait,
}

impl AutoSync {
    /// A wait of `delay_ms` after the last edit, when `enabled`.
    pub const fn new(enabled: bool, delay_ms: u64) -> Self {
        Self {
            enabled,
            delay_ms,
            suspends: 0,
            wait: Wait::Quiet,
        }
    }

    /// The user changed something that is to be sent.
    #[inline]
    pub const fn on_edit(&mut self, now: Millis) {
        if self.enabled {
            self.wait = if self.suspends > 0 {
                Wait::Held
            } else {
                Wait::Waiting(Millis(now.0.saturating_add(self.delay_ms)))
            };
        }
    }

    /// Time has come.
    pub fn on_timeout(&mut self, now: Millis) {
        if matches!(self.wait, Wait::Waiting(deadline) if deadline <= now) {
            self.wait = Wait::Due;
        }
    }

    /// A package with everything that is to be sent was made, or nothing is left to be sent.
    pub const fn on_sent(&mut self) {
        self.wait = Wait::Quiet;
    }

    /// What held edits back is gone: they are sent without another wait.
    pub const fn on_way_open(&mut self) {
        if self.enabled {
            self.wait = if self.suspends > 0 {
                Wait::Held
            } else {
                Wait::Due
            };
        }
    }

    /// Options changed; `dirty` says whether there is something to send.
    pub fn configure(&mut self, enabled: bool, delay_ms: u64, dirty: bool, now: Millis) {
        let switched_on = enabled && !self.enabled;
        self.enabled = enabled;
        self.delay_ms = delay_ms;
        if !enabled {
            self.wait = Wait::Quiet;
        } else if switched_on && dirty {
            self.on_edit(now);
        }
    }

    /// Nothing is sent until as many resumes have come.
    pub const fn suspend(&mut self) {
        self.suspends = self.suspends.saturating_add(1);
        if matches!(self.wait, Wait::Waiting(_) | Wait::Due) {
            self.wait = Wait::Held;
        }
    }

    /// Takes one suspend back. The last one starts the wait when `sync` and `dirty` are true.
    /// Resumes without a suspend do nothing.
    pub fn resume(&mut self, sync: bool, dirty: bool, now: Millis) {
        if self.suspends == 0 {
            return;
        }
        self.suspends -= 1;
        if self.suspends == 0 {
            self.wait = Wait::Quiet;
            if sync && dirty {
                self.on_edit(now);
            }
        }
    }

    /// Whether the wait is over.
    pub const fn due(&self) -> bool {
        matches!(self.wait, Wait::Due)
    }

    /// Whether nothing is sent by itself at present.
    pub const fn suspended(&self) -> bool {
        self.suspends > 0
    }

    /// When the wait is over.
    pub const fn poll_timeout(&self) -> Option<Millis> {
        match self.wait {
            Wait::Waiting(deadline) => Some(deadline),
            Wait::Quiet | Wait::Held | Wait::Due => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_starts_the_wait_anew() {
        let mut auto = AutoSync::new(true, 100);
        auto.on_edit(Millis(0));
        auto.on_edit(Millis(60));
        auto.on_timeout(Millis(100));
        assert!(!auto.due());
        assert_eq!(auto.poll_timeout(), Some(Millis(160)));
        auto.on_timeout(Millis(160));
        assert!(auto.due() && auto.poll_timeout().is_none());
        auto.on_sent();
        assert!(!auto.due());
    }

    #[test]
    fn as_many_resumes_as_suspends_are_needed() {
        let mut auto = AutoSync::new(true, 100);
        auto.suspend();
        auto.suspend();
        auto.on_edit(Millis(0));
        auto.resume(true, true, Millis(10));
        auto.on_timeout(Millis(1_000));
        assert!(!auto.due() && auto.poll_timeout().is_none());
        auto.resume(true, true, Millis(20));
        assert_eq!(auto.poll_timeout(), Some(Millis(120)));
        auto.resume(true, true, Millis(500));
        assert_eq!(
            auto.poll_timeout(),
            Some(Millis(120)),
            "a resume too many does nothing"
        );
    }

    #[test]
    fn a_suspend_takes_back_a_wait_that_runs() {
        let mut auto = AutoSync::new(true, 100);
        auto.on_edit(Millis(0));
        auto.suspend();
        assert!(auto.poll_timeout().is_none());
        auto.resume(false, true, Millis(10));
        assert_eq!(auto.wait, Wait::Quiet);
    }

    #[test]
    fn switching_it_on_with_something_to_send_starts_the_wait() {
        let mut auto = AutoSync::new(false, 100);
        auto.on_edit(Millis(0));
        assert_eq!(auto.wait, Wait::Quiet);
        auto.configure(true, 50, true, Millis(10));
        assert_eq!(auto.poll_timeout(), Some(Millis(60)));
        auto.configure(false, 50, true, Millis(20));
        assert_eq!(auto.wait, Wait::Quiet);
    }
}
