//! What happens to a manager from outside, and what may start next.

use super::backlog::Backlog;
use super::context::Context;
use super::exchange::Exchange;
use super::fate;
use super::load::NextLoad;
use super::manager::Manager;
use super::url::is_loopback;
use crate::engine::effect::RequestKind;
use crate::engine::store::Store;

impl Manager {
    /// Time has come.
    pub fn on_timeout(&mut self, cx: &mut Context) {
        if self
            .exchange
            .as_ref()
            .and_then(Exchange::poll_timeout)
            .is_some_and(|at| at <= cx.now)
        {
            self.on_request_timeout(cx);
        }
        if self.auto_load.is_some_and(|at| at <= cx.now) {
            self.auto_load = None;
            self.next_load.get_or_insert_with(NextLoad::default);
        }
        self.auto.on_timeout(cx.now);
        self.retry.on_timeout(cx.now);
        self.polling.on_timeout(cx.now);
        self.pass_over_poll(cx.now);
        self.pump(cx);
    }

    /// The way to the server is said to be open: what waits for it is tried at once.
    pub fn on_reachable(&mut self, anew: bool, cx: &mut Context) {
        if self.retry.waiting() || !matches!(self.backlog, Backlog::Clear | Backlog::Reported(_)) {
            self.retry.hurry(anew);
        }
        self.pump(cx);
        self.report(cx);
    }

    /// The browser went offline.
    pub fn on_offline(&mut self, cx: &mut Context) {
        self.report(cx);
    }

    /// A batch of one of its stores began.
    pub const fn on_batch_begin(&mut self) {
        self.batches += 1;
    }

    /// A batch of one of its stores ended.
    pub fn on_batch_end(&mut self, cx: &mut Context) {
        self.batches = self.batches.saturating_sub(1);
        if self.batches == 0 && self.touched {
            self.after_edit(cx);
        }
        self.pump(cx);
    }

    /// The user changed something in one of its stores. `grouped`: more of the same call is to
    /// come.
    #[inline]
    pub fn on_edit(&mut self, grouped: bool, cx: &mut Context) {
        if grouped || self.batches > 0 {
            self.touched = true;
        } else {
            self.after_edit(cx);
        }
    }

    /// A group of edits is complete.
    pub fn on_group_end(&mut self, cx: &mut Context) {
        if self.touched && self.batches == 0 {
            self.after_edit(cx);
        }
    }

    fn after_edit(&mut self, cx: &mut Context) {
        self.touched = false;
        self.gather(cx);
        self.tell_conflicts(cx);
        let dirty = self.has_changes(&cx.stores);
        if dirty {
            self.auto.on_edit(cx.now);
        } else {
            self.forget_failure();
        }
        if let Some(event) = self.dirty.on_edit(dirty) {
            self.tell(event, cx);
        }
        self.report(cx);
    }

    /// After anything but an edit: listeners are told when that made the manager clean or dirty.
    pub(super) fn after_other(&mut self, cx: &mut Context) {
        self.gather(cx);
        let dirty = self.has_changes(&cx.stores);
        if let Some(event) = self.dirty.on_other(dirty) {
            self.tell(event, cx);
        }
        self.tell_conflicts(cx);
        self.report(cx);
        fate::tell(cx);
    }

    /// Something changed in its stores because of another manager's.
    pub fn on_disturbed(&mut self, cx: &mut Context) {
        if self.any(&cx.stores, Store::has_ready_changes) {
            self.on_edit(false, cx);
        } else {
            self.after_other(cx);
        }
    }

    /// After accept and reject.
    pub fn on_changes_settled(&mut self, cx: &mut Context) {
        if !self.has_changes(&cx.stores) {
            self.auto.on_sent();
            self.forget_failure();
        }
        self.after_other(cx);
        self.pump(cx);
    }

    /// Nothing is left that could be saved: a sync that failed for what was there means nothing any
    /// more.
    pub(super) fn forget_failure(&mut self) {
        if matches!(self.backlog, Backlog::Clear | Backlog::Reported(_)) {
            self.backlog = Backlog::Clear;
            self.retry.on_answered();
            self.status.on_success();
        }
    }

    /// Starts what can start. The one place where exchanges begin.
    pub(super) fn pump(&mut self, cx: &mut Context) {
        loop {
            let loading_or_idle = !self.runs(RequestKind::Sync);
            if loading_or_idle && let Some(next) = self.next_load.take() {
                self.begin_load(next, cx);
            } else if self.candidate.is_some() || self.exchange.is_some() || self.checking.is_some()
            {
                return;
            } else if self.wants_reload(cx.online) {
                self.begin_load(NextLoad::reconcile(), cx);
            } else if self.wants_sync(cx.online) {
                if self.asks_validity(cx) {
                    return;
                }
                self.begin_sync(false, cx);
            } else if !self.begin_wish(cx) && !self.poll_news(cx) {
                return;
            }
        }
    }

    /// Whether a load is to tell what the server has before anything else is sent.
    fn wants_reload(&self, online: bool) -> bool {
        matches!(self.backlog, Backlog::Doubtful(_)) && self.wants_contact(online)
    }

    fn wants_sync(&self, online: bool) -> bool {
        !matches!(self.backlog, Backlog::Doubtful(_)) && self.wants_contact(online)
    }

    fn wants_contact(&self, online: bool) -> bool {
        let called = self.asked && (self.hurry || !self.retry.waiting());
        let auto = self.auto.due()
            && self.batches == 0
            && !self.retry.waiting()
            && !matches!(self.backlog, Backlog::Reported(_));
        let again = self.retry.due() && !self.auto.suspended();
        let rest = self.again || self.rest_waits && matches!(self.backlog, Backlog::Clear);
        let rest = rest && !self.retry.waiting();
        (called || auto || again || rest) && self.reaches(online)
    }

    /// Whether syncs can get out: without a network, to this machine alone.
    pub(super) fn reaches(&self, online: bool) -> bool {
        online || self.options.sync.url.as_deref().is_some_and(is_loopback)
    }

    pub(super) fn runs(&self, kind: RequestKind) -> bool {
        self.exchange
            .as_ref()
            .is_some_and(|exchange| exchange.kind == kind)
    }
}
