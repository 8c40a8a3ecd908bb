//! Loads: what waits to be loaded, how a load begins and ends.

use super::answer;
use super::context::Context;
use super::exchange::{Detail, Exchange, Phase, Stage};
use super::lazy::Brings;
use super::manager::Manager;
use super::package::{self, LoadOptions};
use super::verdict::Verdict;
use crate::engine::effect::RequestKind;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{Event, EventKind};
use crate::engine::input::CallId;
use crate::engine::json::Response;
use crate::prelude::*;

/// A load that has not begun.
#[derive(Debug, Default)]
pub(super) struct NextLoad {
    /// The promise that settles with it.
    pub(super) call: Option<CallId>,
    options: LoadOptions,
    reconcile: bool,
    /// Merely to hear of news: the status doesn't speak of it.
    quiet: bool,
}

impl NextLoad {
    /// One with these options that nobody waits for.
    pub(super) fn of(options: LoadOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// One that looks for news.
    pub(super) fn quiet() -> Self {
        Self {
            quiet: true,
            ..Self::default()
        }
    }

    /// One that the engine makes to learn what became of additions.
    pub(super) fn reconcile() -> Self {
        Self {
            reconcile: true,
            ..Self::default()
        }
    }
}

impl Manager {
    /// Somebody wants all data. A load that waits or runs gives way.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when the options make no sense;
    /// [`Calls::open`](super::calls::Calls::open)'s.
    pub fn load(
        &mut self,
        call: Option<CallId>,
        options: Option<&[u8]>,
        cx: &mut Context,
    ) -> Result<(), SyncError> {
        let options = options.map_or_else(|| Ok(LoadOptions::default()), LoadOptions::parse);
        let options =
            options.map_err(|message| SyncError::new(ErrorCode::InvalidArgument, message))?;
        if let Some(call) = call {
            cx.calls.open(call, self.id)?;
        }
        // What was to come by itself is there, and would only end this one.
        self.auto_load = None;
        let next = NextLoad {
            call,
            options,
            ..NextLoad::default()
        };
        if let Some(older) = self.next_load.replace(next) {
            let pack = self.load_pack(cx.rng.request_id(), &older.options, cx);
            self.tell(Event::Canceled(RequestKind::Load, pack), cx);
            self.settle(older.call.as_slice(), &Err(superseded()), None, cx);
        }
        self.pump(cx);
        Ok(())
    }

    /// A load begins. One that listeners are still being asked about gives way at once; one on the
    /// wire when this one may go out.
    pub(super) fn begin_load(&mut self, mut next: NextLoad, cx: &mut Context) {
        if let Some(mut older) = self.candidate.take() {
            self.postpone_wishes(&mut older);
            self.cancel(older, superseded(), cx);
        }
        if next.reconcile {
            self.hurry = false;
            self.asked |= self.auto.due();
            self.auto.on_sent();
            self.retry.on_sent();
        }
        let brings = self.whole(&mut next.options, &cx.zone);
        let calls = next.call.into_iter().collect();
        self.send_load(next, calls, brings, cx);
    }

    pub(super) fn send_load(
        &mut self,
        next: NextLoad,
        calls: Vec<CallId>,
        brings: Option<Brings>,
        cx: &mut Context,
    ) {
        let wire_id = cx.rng.request_id();
        let exchange = Exchange {
            request: cx.ids.request(),
            kind: RequestKind::Load,
            wire_id,
            calls,
            pack: self.load_pack(wire_id, &next.options, cx),
            stores: self.stores.clone(),
            keep_response: false,
            stage: Stage::Passing(Phase::Vetting),
            detail: Detail::Load {
                options: Box::new(next.options),
                brings,
                reconcile: next.reconcile,
                quiet: next.quiet,
            },
        };
        self.vet(exchange, cx);
    }

    fn load_pack(&self, wire_id: u64, options: &LoadOptions, cx: &Context) -> Vec<u8> {
        let names: Vec<&str> = self
            .stores
            .iter()
            .filter_map(|&id| Some(cx.stores.get(id)?.name()))
            .collect();
        package::load_pack(wire_id, &names, options, &self.options.request_data)
    }

    /// A newer load may go out: the one that runs gives way. (While a sync runs, no load comes so
    /// far.)
    pub(super) fn supersede(&mut self, cx: &mut Context) {
        if let Some(mut older) = self.exchange.take() {
            self.postpone_wishes(&mut older);
            self.cancel(older, superseded(), cx);
        }
    }

    /// A load that the engine made to learn what the server has was taken back. When that was a
    /// listener's will, it isn't made again before the next sync; when a newer load took its place,
    /// that one tells as much.
    pub(super) fn on_load_taken_back(
        &mut self,
        exchange: &Exchange,
        error: &SyncError,
        cx: &mut Context,
    ) {
        self.lazy.stop_running();
        let reconciles = matches!(
            exchange.detail,
            Detail::Load {
                reconcile: true,
                ..
            }
        );
        if reconciles && error.code == ErrorCode::Vetoed {
            self.reject_waiting(error, cx);
        }
    }

    /// A load was answered, and nobody objected.
    pub(super) fn finish_load(
        &mut self,
        exchange: Exchange,
        mut response: Response,
        cx: &mut Context,
    ) {
        let oddities = answer::oddities(&mut response, &exchange);
        let mut is_part = false;
        if let Detail::Load {
            brings: Some(brings),
            ..
        } = &exchange.detail
        {
            is_part = !self.note_brought(brings, &response, &exchange, cx);
        }
        self.note_removed(&cx.stores);
        let as_sync = self.options.track_response_type && answer::is_of_type(&response, "sync");
        let outcome = if as_sync {
            self.apply_changes(&exchange.stores, &mut response, None, cx)
        } else {
            let Detail::Load { options, .. } = &exchange.detail else {
                return;
            };
            self.apply_rows(&exchange.stores, &mut response, options, cx)
        };
        if !is_part || self.revision.value().is_none() {
            // Of the other parts, it would say too much.
            self.note_success(&response);
        }
        self.land(None, &response, is_part);
        self.note_news(RequestKind::Load, cx.now);
        self.status.on_success();
        if outcome.more_to_send {
            self.auto.on_edit(cx.now);
        }
        for event in [EventKind::RequestDone, EventKind::Load] {
            self.tell(Event::Done(event, RequestKind::Load, exchange.request), cx);
        }
        self.tell_outcome(oddities, outcome, cx);
        self.resolve_doubts(None, cx);
        self.after_other(cx);
        self.settle(
            &exchange.calls,
            &Ok(Some(exchange.request)),
            Some(exchange.request),
            cx,
        );
        self.release(&exchange, cx);
    }

    /// A load failed: nothing of its answer is applied.
    pub(super) fn fail_load(&mut self, exchange: Exchange, verdict: Verdict, cx: &mut Context) {
        let (Verdict::Unknown(error) | Verdict::Refused(error) | Verdict::Partial(error)) = verdict
        else {
            return;
        };
        self.lazy.stop_running();
        let mut retry_in = None;
        if matches!(
            exchange.detail,
            Detail::Load {
                reconcile: true,
                ..
            }
        ) {
            if error.retryable {
                retry_in = self
                    .retry
                    .on_failure(&self.options.retry, cx.now, &mut cx.rng);
            }
            self.status.on_failure(error.clone());
            self.tell_failure(&exchange, &error, retry_in, cx);
            // The next call, edit or sign of life makes it again.
            self.reject_waiting(&error, cx);
        } else {
            self.status.on_failure(error.clone());
            self.tell_failure(&exchange, &error, None, cx);
        }
        self.after_other(cx);
        let request = exchange.sent().then_some(exchange.request);
        self.settle(&exchange.calls, &Err(error), request, cx);
        self.release(&exchange, cx);
    }
}

fn superseded() -> SyncError {
    SyncError::new(ErrorCode::Cancelled, "a newer load took its place")
}
