//! Asking the server for news, an interval after its last answer of that kind.
//!
//! An interval that ends while something runs, or while there are changes (`skipWhileDirty`), is
//! passed over; one that ends while the page is hidden or the browser offline is made up for when
//! that is over.

use super::backlog::Backlog;
use super::context::Context;
use super::load::NextLoad;
use super::manager::Manager;
use crate::engine::config::PollingOptions;
use crate::engine::effect::RequestKind;
use crate::engine::time::Millis;

/// Where the interval stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Polling {
    next: Option<Millis>,
    due: bool,
}

impl Polling {
    /// The interval begins; none does when polling is off.
    pub(super) fn begin(&mut self, options: &PollingOptions, now: Millis) {
        self.due = false;
        self.next = (options.interval_ms > 0).then(|| now + options.interval_ms);
    }

    /// Time has come.
    pub(super) fn on_timeout(&mut self, now: Millis) {
        if self.next.is_some_and(|at| at <= now) {
            self.next = None;
            self.due = true;
        }
    }

    /// When the interval ends.
    pub(super) const fn poll_timeout(&self) -> Option<Millis> {
        self.next
    }
}

impl Manager {
    /// The server has answered: its news are known.
    pub(super) fn note_news(&mut self, kind: RequestKind, now: Millis) {
        if self.options.polling.by_sync == (kind == RequestKind::Sync) {
            self.polling.begin(&self.options.polling, now);
        }
    }

    /// An interval that ended while something runs is passed over.
    pub(super) fn pass_over_poll(&mut self, now: Millis) {
        if self.polling.due && (self.exchange.is_some() || self.candidate.is_some()) {
            self.polling.begin(&self.options.polling, now);
        }
    }

    /// Nothing else is to be done: asks for news, if it is time. Says whether it began to.
    pub(super) fn poll_news(&mut self, cx: &mut Context) -> bool {
        let options = self.options.polling;
        if !self.polling.due
            || !self.reaches(cx.online)
            || (options.pause_when_hidden && !cx.visible)
        {
            return false;
        }
        self.polling.begin(&options, cx.now);
        let busy = self.retry.waiting() || self.auto.suspended() || self.batches > 0;
        let unclear = !matches!(self.backlog, Backlog::Clear | Backlog::Held(_));
        if busy || unclear || (options.skip_while_dirty && self.has_changes(&cx.stores)) {
            return false;
        }
        if options.by_sync {
            self.begin_sync(true, cx);
        } else {
            self.begin_load(NextLoad::quiet(), cx);
        }
        true
    }
}
