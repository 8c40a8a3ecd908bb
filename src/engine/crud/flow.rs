//! How an exchange goes from stage to stage: questions to listeners, the wire, the answer.

use super::context::Context;
use super::exchange::{Detail, Exchange, Incoming, Phase, Received, Stage};
use super::manager::Manager;
use super::package;
use super::verdict::{Verdict, judge, judge_unreadable};
use crate::engine::effect::{Effect, HttpRequest, RequestKind};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::{Event, EventKind};
use crate::engine::input::{AskId, CallId, StoreId};
use crate::engine::json::dom::{Members, Value};
use crate::engine::json::{ReadError, Response, ResponseReader, SectionSpec};
use crate::engine::schema::Zone;
use crate::engine::table::RowId;
use crate::prelude::*;

/// Events whose listeners can ask for the response.
const WITH_RESPONSE: [EventKind; 9] = [
    EventKind::BeforeResponseApply,
    EventKind::BeforeLoadApply,
    EventKind::BeforeSyncApply,
    EventKind::RequestDone,
    EventKind::Load,
    EventKind::Sync,
    EventKind::RequestFail,
    EventKind::LoadFail,
    EventKind::SyncFail,
];

/// What listeners answered.
#[derive(Debug)]
pub struct Answer<'a> {
    /// False when somebody vetoed.
    pub proceed: bool,
    /// Another pack or response, as JSON text.
    pub content: Option<&'a [u8]>,
    /// Another request.
    pub request: Option<Box<HttpRequest>>,
}

impl Manager {
    // --- going out -------------------------------------------------------------------------------

    /// A new exchange: first, listeners are asked whether it may go out.
    pub(super) fn vet(&mut self, mut exchange: Exchange, cx: &mut Context) {
        let event = match exchange.kind {
            RequestKind::Load => EventKind::BeforeLoad,
            RequestKind::Sync => EventKind::BeforeSync,
        };
        if !self.hears(event) {
            self.on_vetted(exchange, cx);
            return;
        }
        let ask = cx.ids.ask();
        exchange.enter(Stage::Vetting(ask));
        self.ask(ask, event, &exchange, cx);
        match exchange.kind {
            RequestKind::Load => self.candidate = Some(exchange),
            RequestKind::Sync => self.exchange = Some(exchange),
        }
        self.report(cx);
    }

    /// It may go out: listeners are told, and may change the request.
    fn on_vetted(&mut self, mut exchange: Exchange, cx: &mut Context) {
        exchange.enter(Stage::Passing(Phase::Outfitting));
        self.supersede(cx);
        self.check_sequences(cx);
        self.tell(Event::Start(exchange.kind, exchange.request), cx);
        let none = Members::new();
        let (endpoint, url, params) = match &exchange.detail {
            Detail::Load { options, .. } => {
                (&self.options.load, options.url.as_deref(), &options.params)
            }
            Detail::Sync { .. } => (&self.options.sync, None, &none),
        };
        let http = package::request(endpoint, url, &exchange.pack, params).unwrap_or_default();
        if self.hears(EventKind::BeforeSend) {
            let ask = cx.ids.ask();
            exchange.enter(Stage::Outfitting(ask, Box::new(http)));
            self.ask(ask, EventKind::BeforeSend, &exchange, cx);
            self.exchange = Some(exchange);
            self.report(cx);
        } else {
            self.on_outfitted(exchange, Box::new(http), cx);
        }
    }

    /// The request is complete: it goes out.
    fn on_outfitted(&mut self, mut exchange: Exchange, http: Box<HttpRequest>, cx: &mut Context) {
        let over_channel = self.goes_over_channel(&exchange);
        if http.url.is_empty() && !over_channel {
            let message = match exchange.kind {
                RequestKind::Load => "no URL for loads is configured (loadUrl)",
                RequestKind::Sync => "no URL for syncs is configured (syncUrl)",
            };
            let error = SyncError::new(ErrorCode::NoUrl, message);
            self.fail(exchange, Verdict::Refused(error), None, cx);
            return;
        }
        exchange.keep_response =
            !exchange.calls.is_empty() || WITH_RESPONSE.iter().any(|&event| self.hears(event));
        let timeout_ms = match exchange.kind {
            RequestKind::Load => self.options.load.timeout_ms,
            RequestKind::Sync => self.options.sync.timeout_ms,
        };
        let reader =
            ResponseReader::new(self.specs(&exchange.stores, &cx.stores), (*cx.zone).clone());
        let incoming = Incoming::new(reader, timeout_ms.map(|ms| cx.now + ms));
        exchange.enter(Stage::Wire(Box::new(incoming)));
        if over_channel {
            self.hand_to_channel(&exchange);
        } else {
            cx.push(Effect::Http {
                request: exchange.request,
                manager: self.id,
                kind: exchange.kind,
                http,
                keep_response: exchange.keep_response,
            });
        }
        self.exchange = Some(exchange);
        self.report(cx);
    }

    // --- coming in -------------------------------------------------------------------------------

    /// The status line of the answer.
    pub fn on_http_head(&mut self, status: u16) {
        if let Some(Exchange {
            stage: Stage::Wire(incoming),
            ..
        }) = &mut self.exchange
        {
            incoming.status = Some(status);
        }
    }

    /// A piece of the answer's body.
    pub fn on_http_chunk(&mut self, bytes: &[u8]) {
        if let Some(Exchange {
            stage: Stage::Wire(incoming),
            ..
        }) = &mut self.exchange
        {
            incoming.on_chunk(bytes);
        }
    }

    /// The answer is complete.
    pub fn on_http_end(&mut self, cx: &mut Context) {
        let Some((mut exchange, incoming)) = self.take_wire() else {
            return;
        };
        match incoming.status {
            Some(status) => {
                let received = Box::new(incoming.finish(status));
                exchange.pass();
                self.on_received(exchange, received, cx);
            }
            None => {
                let error = SyncError::new(ErrorCode::Network, "an answer without a status");
                self.fail(exchange, Verdict::Unknown(error), None, cx);
            }
        }
        self.pump(cx);
    }

    /// There will be no whole answer.
    pub fn on_http_failed(&mut self, why: &str, cx: &mut Context) {
        let Some((exchange, incoming)) = self.take_wire() else {
            return;
        };
        let verdict = match incoming.status {
            Some(status) if !(200..300).contains(&status) => {
                judge_unreadable(status, why, incoming.head(), &self.options.conflict_codes)
            }
            Some(_) | None => Verdict::Unknown(SyncError::new(ErrorCode::Network, why)),
        };
        self.fail(exchange, verdict, None, cx);
        self.pump(cx);
    }

    /// The host could not make the request.
    pub fn on_http_unsent(&mut self, why: &str, cx: &mut Context) {
        if let Some((exchange, _)) = self.take_wire() {
            self.fail_unsent(exchange, why, cx);
            self.pump(cx);
        }
    }

    /// Nothing went out. What became of a request that had gone out before is as unknown as it was.
    fn fail_unsent(&mut self, exchange: Exchange, why: &str, cx: &mut Context) {
        let error = SyncError::new(ErrorCode::InvalidConfig, why);
        let verdict = match exchange.detail {
            Detail::Sync { repeated: true } => Verdict::Unknown(error),
            _ => Verdict::Refused(error),
        };
        self.fail(exchange, verdict, None, cx);
    }

    /// The answer did not come in time.
    pub(super) fn on_request_timeout(&mut self, cx: &mut Context) {
        let Some((exchange, _)) = self.take_wire() else {
            return;
        };
        cx.push(Effect::Abort(exchange.request));
        let error = SyncError::new(ErrorCode::Timeout, "no answer within the configured time");
        self.fail(exchange, Verdict::Unknown(error), None, cx);
    }

    /// An answer is there: what does it say? What will be applied, also for some of the records
    /// only, goes on to the listeners.
    fn on_received(&mut self, exchange: Exchange, received: Box<Received>, cx: &mut Context) {
        let partly = exchange.kind == RequestKind::Sync;
        match self.judge(&received) {
            Verdict::Success => self.ask_about_response(exchange, received, cx),
            Verdict::Partial(_) if partly => self.ask_about_response(exchange, received, cx),
            verdict => self.fail(exchange, verdict, received.response.ok(), cx),
        }
    }

    fn ask_about_response(
        &mut self,
        mut exchange: Exchange,
        received: Box<Received>,
        cx: &mut Context,
    ) {
        exchange.enter(Stage::Passing(Phase::Judging));
        if self.hears(EventKind::BeforeResponseApply) {
            let ask = cx.ids.ask();
            exchange.enter(Stage::Judging(ask, received));
            self.ask(ask, EventKind::BeforeResponseApply, &exchange, cx);
            self.exchange = Some(exchange);
        } else {
            self.ask_about_applying(exchange, received, cx);
        }
    }

    fn ask_about_applying(
        &mut self,
        mut exchange: Exchange,
        received: Box<Received>,
        cx: &mut Context,
    ) {
        exchange.enter(Stage::Passing(Phase::Approving));
        let event = match exchange.kind {
            RequestKind::Load => EventKind::BeforeLoadApply,
            RequestKind::Sync => EventKind::BeforeSyncApply,
        };
        if self.hears(event) {
            let ask = cx.ids.ask();
            exchange.enter(Stage::Approving(ask, received));
            self.ask(ask, event, &exchange, cx);
            self.exchange = Some(exchange);
        } else {
            self.apply(exchange, *received, cx);
        }
    }

    fn apply(&mut self, exchange: Exchange, received: Received, cx: &mut Context) {
        if let verdict @ Verdict::Partial(_) = self.judge(&received) {
            self.fail(exchange, verdict, received.response.ok(), cx);
            return;
        }
        match received.response {
            Ok(response) => match exchange.kind {
                RequestKind::Load
                    if let Some(error) =
                        Self::refused_rows(&exchange.stores, &response, &cx.stores) =>
                {
                    self.fail(exchange, Verdict::Refused(error), Some(response), cx);
                }
                RequestKind::Load => self.finish_load(exchange, response, cx),
                RequestKind::Sync => self.finish_sync(exchange, response, cx),
            },
            Err(error) => {
                let verdict = judge_unreadable(
                    received.status,
                    &error.to_string(),
                    &received.head,
                    &self.options.conflict_codes,
                );
                self.fail(exchange, verdict, None, cx);
            }
        }
    }

    // --- questions -------------------------------------------------------------------------------

    /// Listeners have answered.
    pub fn on_answer(&mut self, ask: AskId, answer: Answer<'_>, cx: &mut Context) {
        if self.on_checked(ask) {
            self.pump(cx);
            return;
        }
        let waits = |slot: &Option<Exchange>| slot.as_ref().is_some_and(|it| it.ask() == Some(ask));
        let taken = if waits(&self.candidate) {
            self.candidate.take()
        } else if waits(&self.exchange) {
            self.exchange.take()
        } else {
            None
        };
        let Some(mut exchange) = taken else { return };
        match exchange.pass() {
            Stage::Vetting(_) if answer.proceed => {
                self.take_pack(&mut exchange, answer.content, cx);
                self.on_vetted(exchange, cx);
            }
            Stage::Outfitting(..) if !answer.proceed && answer.content.is_some() => {
                let why = String::from_utf8_lossy(answer.content.unwrap_or_default());
                self.fail_unsent(exchange, &why, cx);
            }
            Stage::Outfitting(_, http) => {
                self.on_outfitted(exchange, answer.request.unwrap_or(http), cx);
            }
            Stage::Judging(_, received) if answer.proceed => {
                match self.reread(&exchange, received, answer.content, cx) {
                    Ok(received) => self.ask_about_applying(exchange, received, cx),
                    Err((verdict, response)) => self.fail(exchange, verdict, response, cx),
                }
            }
            Stage::Approving(_, received) if answer.proceed => {
                match self.reread(&exchange, received, answer.content, cx) {
                    Ok(received) => self.apply(exchange, *received, cx),
                    Err((verdict, response)) => self.fail(exchange, verdict, response, cx),
                }
            }
            Stage::Vetting(_) | Stage::Judging(..) | Stage::Approving(..) => {
                let error = SyncError::new(ErrorCode::Vetoed, "a listener said no");
                self.cancel(exchange, error, cx);
            }
            Stage::Wire(_) | Stage::Passing(_) => {}
        }
        self.pump(cx);
    }

    fn ask(&self, ask: AskId, event: EventKind, exchange: &Exchange, cx: &mut Context) {
        let with_pack = !exchange.sent();
        let http = match &exchange.stage {
            Stage::Outfitting(_, http) => Some(http.clone()),
            Stage::Vetting(_)
            | Stage::Wire(_)
            | Stage::Judging(..)
            | Stage::Approving(..)
            | Stage::Passing(_) => None,
        };
        cx.push(Effect::Ask {
            ask,
            manager: self.id,
            event,
            request: exchange.request,
            kind: exchange.kind,
            pack: with_pack.then(|| exchange.pack.clone()),
            http,
        });
    }

    /// A listener changed the pack. That of a repeated request can't be changed: it has to be the
    /// same, byte for byte.
    fn take_pack(&mut self, exchange: &mut Exchange, content: Option<&[u8]>, cx: &mut Context) {
        let Some(content) = content else { return };
        if matches!(exchange.detail, Detail::Sync { repeated: true }) {
            return;
        }
        let parsed = Value::parse(content).ok();
        let Some(pack) = parsed.as_ref().and_then(Value::as_object) else {
            let message = "a listener made a pack that is no JSON object; the original was sent";
            self.warn(message.to_owned(), Vec::new(), cx);
            return;
        };
        if exchange.kind == RequestKind::Sync {
            // What is not sent can't be confirmed by the answer.
            for &id in &exchange.stores {
                if let Some(store) = cx.stores.get_mut(id)
                    && !pack.contains(store.name())
                {
                    store.thaw(None, &mut cx.notices);
                }
            }
        }
        exchange.pack = content.to_vec();
    }

    /// A listener changed the response: it is read and judged anew.
    #[allow(
        clippy::type_complexity,
        reason = "two ways to fail, used in two places next to each other"
    )]
    fn reread(
        &self,
        exchange: &Exchange,
        received: Box<Received>,
        content: Option<&[u8]>,
        cx: &Context,
    ) -> Result<Box<Received>, (Verdict, Option<Response>)> {
        let Some(content) = content else {
            return Ok(received);
        };
        let response = read(self.specs(&exchange.stores, &cx.stores), content, &cx.zone);
        let head = content
            .iter()
            .copied()
            .take(super::verdict::MESSAGE_MAX)
            .collect();
        let received = Box::new(Received {
            status: received.status,
            response,
            head,
        });
        match self.judge(&received) {
            Verdict::Success | Verdict::Partial(_) => Ok(received),
            verdict => Err((verdict, received.response.ok())),
        }
    }

    // --- ends ------------------------------------------------------------------------------------

    /// The call's exchange ends as cancelled; or the call stops waiting for one. Without a call,
    /// what runs ends.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when nothing is done for that call.
    pub fn on_cancel(&mut self, call: Option<CallId>, cx: &mut Context) -> Result<(), SyncError> {
        let error = SyncError::new(ErrorCode::Cancelled, "the request was cancelled");
        let Some(call) = call else {
            if let Some(exchange) = self.exchange.take() {
                self.cancel(exchange, error, cx);
            }
            self.pump(cx);
            return Ok(());
        };
        let of = |slot: &Option<Exchange>| slot.as_ref().is_some_and(|it| it.calls.contains(&call));
        let slot = if of(&self.candidate) {
            &mut self.candidate
        } else if of(&self.exchange) {
            &mut self.exchange
        } else {
            self.stop_waiting(call, error, cx)?;
            return Ok(());
        };
        if let Some(exchange) = slot
            && exchange.calls.len() > 1
        {
            // Others wait for it too.
            exchange.calls.retain(|&other| other != call);
            self.settle(&[call], &Err(error), None, cx);
        } else if let Some(exchange) = slot.take() {
            self.cancel(exchange, error, cx);
        }
        self.pump(cx);
        Ok(())
    }

    fn stop_waiting(
        &mut self,
        call: CallId,
        error: SyncError,
        cx: &mut Context,
    ) -> Result<(), SyncError> {
        if self
            .next_load
            .as_ref()
            .is_some_and(|next| next.call == Some(call))
        {
            self.next_load = None;
        } else if self.lazy.stop_waiting(call) {
            // Nobody else asked for just that.
        } else if let Some(at) = self.waiting.iter().position(|&other| other == call) {
            self.waiting.remove(at);
        } else {
            let message = format!("nothing is being done for call {}", call.0);
            return Err(SyncError::new(ErrorCode::InvalidArgument, message));
        }
        self.settle(&[call], &Err(error), None, cx);
        Ok(())
    }

    /// An exchange is taken back: by a veto, by the app, by a newer load.
    pub(super) fn cancel(&mut self, exchange: Exchange, error: SyncError, cx: &mut Context) {
        if matches!(exchange.stage, Stage::Wire(_)) {
            cx.push(Effect::Abort(exchange.request));
        }
        let request = exchange.sent().then_some(exchange.request);
        if exchange.kind == RequestKind::Sync {
            self.on_sync_taken_back(&exchange, &error, cx);
        } else {
            self.on_load_taken_back(&exchange, &error, cx);
        }
        self.tell(Event::Canceled(exchange.kind, exchange.pack.clone()), cx);
        self.after_other(cx);
        self.settle(&exchange.calls, &Err(error), request, cx);
        self.release(&exchange, cx);
    }

    /// An exchange failed.
    fn fail(
        &mut self,
        exchange: Exchange,
        verdict: Verdict,
        response: Option<Response>,
        cx: &mut Context,
    ) {
        self.live.failed |= matches!(verdict, Verdict::Unknown(_));
        match exchange.kind {
            RequestKind::Load => self.fail_load(exchange, verdict, cx),
            RequestKind::Sync => self.fail_sync(exchange, verdict, response, cx),
        }
    }

    /// `requestFail`, then `loadFail` or `syncFail`.
    pub(super) fn tell_failure(
        &self,
        exchange: &Exchange,
        error: &SyncError,
        retry_in: Option<u64>,
        cx: &mut Context,
    ) {
        let specific = match exchange.kind {
            RequestKind::Load => EventKind::LoadFail,
            RequestKind::Sync => EventKind::SyncFail,
        };
        for event in [EventKind::RequestFail, specific] {
            let request = Some(exchange.request);
            let error = error.clone();
            self.tell(
                Event::Fail {
                    event,
                    kind: exchange.kind,
                    request,
                    error,
                    retry_in,
                },
                cx,
            );
        }
    }

    /// Sends a warning.
    pub(super) fn warn(&self, message: String, records: Vec<(StoreId, RowId)>, cx: &mut Context) {
        self.tell(
            Event::Warning {
                event: EventKind::SyncWarning,
                message,
                records,
            },
            cx,
        );
    }

    // --- helpers ---------------------------------------------------------------------------------

    fn take_wire(&mut self) -> Option<(Exchange, Box<Incoming>)> {
        let mut exchange = self.exchange.take()?;
        match exchange.pass() {
            Stage::Wire(incoming) => Some((exchange, incoming)),
            stage => {
                exchange.stage = stage;
                self.exchange = Some(exchange);
                None
            }
        }
    }

    fn judge(&self, received: &Received) -> Verdict {
        match &received.response {
            Ok(response) => judge(
                received.status,
                &response.envelope,
                names_outcomes(response),
                self.options.skip_success_property,
                &self.options.conflict_codes,
            ),
            Err(error) => judge_unreadable(
                received.status,
                &error.to_string(),
                &received.head,
                &self.options.conflict_codes,
            ),
        }
    }
}

/// Whether the answer says of single records whether they were accepted.
fn names_outcomes(response: &Response) -> bool {
    response.sections.iter().any(|section| {
        [
            &section.rows,
            &section.removed,
            &section.added,
            &section.updated,
        ]
        .into_iter()
        .flatten()
        .any(|rows| {
            rows.outcomes
                .iter()
                .any(|(_, outcome)| outcome.success.is_some())
        })
    })
}

/// Reads a response that is there as a whole.
pub(super) fn read(
    specs: Vec<SectionSpec>,
    bytes: &[u8],
    zone: &Zone,
) -> Result<Response, ReadError> {
    let mut reader = ResponseReader::new(specs, zone.clone());
    reader.feed(bytes)?;
    reader.finish()
}
