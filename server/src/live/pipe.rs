//! What lies between an outbox and its wire when faults are asked for: messages wait, come twice,
//! come late or not at all. Without faults they go through at once.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frames::{Dialect, Frame};

/// How long a message that is to come after the next one waits for it.
const HELD_MS: i64 = 300;

/// A message on its way to one client.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) frame: Arc<Frame>,
    pub(crate) dialect: Dialect,
}

/// What happens to one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mishap {
    #[default]
    None,
    /// It comes twice.
    Repeat,
    /// It comes after the one that follows.
    Reorder,
    /// It doesn't come.
    Lose,
}

/// The messages under way to one client.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// With the time at which each was put under way.
    waiting: VecDeque<(i64, Outgoing)>,
    held: Option<(i64, Outgoing)>,
}

impl Pipe {
    /// Takes a message in.
    pub(crate) fn push(&mut self, out: Outgoing, mishap: Mishap, now: i64) {
        match mishap {
            Mishap::Lose => return,
            Mishap::Reorder if self.held.is_none() => {
                self.held = Some((now + HELD_MS, out));
                return;
            }
            Mishap::Repeat => self.waiting.push_back((now, out.clone())),
            Mishap::None | Mishap::Reorder => {}
        }
        let change = matches!(out.frame.kind, "sync" | "reload");
        self.waiting.push_back((now, out));
        if change && let Some((_, held)) = self.held.take() {
            self.waiting.push_back((now, held));
        }
    }

    /// When something comes out, if each takes `latency_ms`.
    pub(crate) fn next_at(&self, latency_ms: i64) -> Option<i64> {
        let first = self.waiting.front().map(|(from, _)| *from);
        let held = self.held.as_ref().map(|(from, _)| *from);
        first
            .into_iter()
            .chain(held)
            .min()
            .map(|from| from + latency_ms)
    }

    /// What comes out.
    pub(crate) fn pop(&mut self, latency_ms: i64, now: i64) -> Option<Outgoing> {
        let is_due = |from: i64| from + latency_ms <= now;
        if self.waiting.front().is_some_and(|(from, _)| is_due(*from)) {
            return self.waiting.pop_front().map(|(_, out)| out);
        }
        let (_, held) = self.held.take_if(|(from, _)| is_due(*from))?;
        Some(held)
    }

    /// How many messages are under way.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.held.is_some())
    }
}
