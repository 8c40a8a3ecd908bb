//! When a request whose outcome is unknown is tried again: growing waits with a random part, a
//! bounded number of them.

use crate::engine::config::RetryOptions;
use crate::engine::rng::Rng;
use crate::engine::time::Millis;

/// Where the next attempt stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// None is planned.
    #[default]
    None,
    /// Planned for this moment.
    At(Millis),
    /// To be made as soon as nothing else holds it back.
    Due,
}

/// Counts attempts and waits between them.
#[derive(Clone, Debug, Default)]
pub struct Retry {
    attempts: u32,
    /// How many failed after those that were planned, made because somebody wanted contact.
    overtime: u32,
    next: Next,
}

impl Retry {
    /// An attempt failed in a way that may pass. Plans the next one, unless they are used up, and
    /// says in how many ms it will be.
    pub fn on_failure(
        &mut self,
        options: &RetryOptions,
        now: Millis,
        rng: &mut Rng,
    ) -> Option<u64> {
        if self.attempts >= options.max {
            self.next = Next::None;
            self.overtime += 1;
            return None;
        }
        let mut whole = options.base_ms;
        for _ in 0..self.attempts {
            whole = (whole * options.factor).min(options.cap_ms);
        }
        whole = whole.min(options.cap_ms);
        let wait_ms = (whole * (1.0 - options.jitter * rng.fraction())).max(0.0) as u64;
        self.attempts += 1;
        self.next = Next::At(now + wait_ms);
        Some(wait_ms)
    }

    /// So many attempts have failed before, also if others were answered in between.
    pub const fn resume(&mut self, attempts: u32) {
        self.attempts = attempts;
    }

    /// An attempt was answered: the count starts anew.
    pub const fn on_answered(&mut self) {
        *self = Self {
            attempts: 0,
            overtime: 0,
            next: Next::None,
        };
    }

    /// An attempt goes out.
    pub const fn on_sent(&mut self) {
        self.next = Next::None;
    }

    /// Whether the last attempt failed though it was one more than were planned.
    pub const fn in_vain(&self) -> bool {
        self.overtime > 1
    }

    /// Nothing is tried by itself any more; the count stays.
    pub const fn give_up(&mut self) {
        self.next = Next::None;
    }

    /// The way to the server is said to be open: what waits is tried at once, and, when `anew`, the
    /// count starts anew.
    pub const fn hurry(&mut self, anew: bool) {
        if anew {
            self.attempts = 0;
            self.overtime = 0;
        }
        self.next = Next::Due;
    }

    /// Time has come.
    pub fn on_timeout(&mut self, now: Millis) {
        if matches!(self.next, Next::At(deadline) if deadline <= now) {
            self.next = Next::Due;
        }
    }

    /// Whether the next attempt can be made.
    pub const fn due(&self) -> bool {
        matches!(self.next, Next::Due)
    }

    /// Whether an attempt is planned for later: until then, nothing is sent by itself.
    pub const fn waiting(&self) -> bool {
        matches!(self.next, Next::At(_))
    }

    /// When the next attempt is to be made.
    pub const fn poll_timeout(&self) -> Option<Millis> {
        match self.next {
            Next::At(deadline) => Some(deadline),
            Next::None | Next::Due => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: RetryOptions = RetryOptions {
        max: 5,
        base_ms: 1_000.0,
        factor: 2.0,
        cap_ms: 5_000.0,
        jitter: 0.0,
    };

    #[test]
    fn waits_grow_to_the_cap_and_end() {
        let (mut retry, mut rng) = (Retry::default(), Rng::new(1));
        let waits: Vec<_> = (0..7)
            .map(|_| retry.on_failure(&OPTIONS, Millis(0), &mut rng))
            .collect();
        let ms = |wait| Some(wait);
        assert_eq!(
            waits,
            [
                ms(1_000),
                ms(2_000),
                ms(4_000),
                ms(5_000),
                ms(5_000),
                None,
                None
            ]
        );
        assert!(retry.poll_timeout().is_none());
    }

    #[test]
    fn the_random_part_only_shortens() {
        let options = RetryOptions {
            jitter: 0.5,
            ..OPTIONS
        };
        let mut rng = Rng::new(3);
        for _ in 0..200 {
            let wait = Retry::default().on_failure(&options, Millis(7), &mut rng);
            assert!(wait.is_some_and(|ms| (500..=1_000).contains(&ms)));
        }
    }

    #[test]
    fn an_answer_starts_the_count_anew() {
        let (mut retry, mut rng) = (Retry::default(), Rng::new(1));
        retry.on_failure(&OPTIONS, Millis(0), &mut rng);
        retry.on_timeout(Millis(999));
        assert!(!retry.due() && retry.waiting());
        retry.on_timeout(Millis(1_000));
        assert!(retry.due());
        retry.on_answered();
        assert!(!retry.due());
        assert_eq!(retry.on_failure(&OPTIONS, Millis(0), &mut rng), Some(1_000));
    }

    #[test]
    fn coming_back_online_tries_at_once() {
        let (mut retry, mut rng) = (Retry::default(), Rng::new(1));
        for _ in 0..6 {
            retry.on_failure(&OPTIONS, Millis(0), &mut rng);
        }
        retry.hurry(true);
        assert!(retry.due());
        retry.on_sent();
        assert_eq!(retry.on_failure(&OPTIONS, Millis(0), &mut rng), Some(1_000));
    }
}
