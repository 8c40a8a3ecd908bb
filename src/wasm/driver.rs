//! THE loop: feed one input, drain the effects outside of any borrow, carry them out, arm the one
//! timer. Nothing else calls `Engine::handle`.
//!
//! Re-entrancy is safe by structure: every method takes `&self`, the engine is borrowed only while
//! Rust code runs that can't call JavaScript, and a call that a listener makes finds `draining`
//! set: its effects join the same queue, in order.

use crate::prelude::*;
use core::cell::{Cell, Ref, RefCell, RefMut};

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;

use super::buffers::Buffers;
use super::convert;
use super::facade::Facade;
use super::host::clock::{self, Clock};
use super::host::http::Http;
use super::host::timer::{Timer, soon};
use super::journal::Journal;
use crate::engine::Engine;
use crate::engine::effect::{Effect, HttpRequest};
use crate::engine::error::SyncError;
use crate::engine::input::{Input, Reply};
use crate::engine::time::Millis;

/// How many effects are carried out before the host gets a turn. Listeners that answer every event
/// with another change go on for ever; the page stays alive all the same.
const EFFECTS_PER_TURN_MAX: u32 = 100_000;

/// About how long an edit is that was written down.
const EDIT_WORDS: u32 = 3;

/// After how many inputs memory of dead text is looked for.
const TIDY_INTERVAL: u32 = 4096;

struct Instance(Cell<Option<&'static Driver>>);

// SAFETY: the module has one thread; nobody else ever sees it.
unsafe impl Sync for Instance {}

static DRIVER: Instance = Instance(Cell::new(None));

/// The driver of this instance, once it was started.
#[inline]
pub(super) fn get() -> Option<&'static Driver> {
    DRIVER.0.get()
}

/// Makes the one driver of this instance. `false` when there is one already.
pub(super) fn start(facade: Facade) -> bool {
    if get().is_some() {
        return false;
    }
    // Lives as long as the module: timers and requests refer to it.
    DRIVER.0.set(Some(Box::leak(Box::new(Driver {
        engine: RefCell::new(Engine::new(clock::seed())),
        buffers: RefCell::default(),
        journal: RefCell::default(),
        draining: Cell::new(false),
        untidy: Cell::new(0),
        failure: RefCell::new(None),
        facade,
        clock: Clock::new(),
        http: Http::default(),
        timer: Timer::default(),
    }))));
    true
}

/// The timer rings.
pub(super) fn ring() {
    if let Some(driver) = get() {
        driver.timer.rung();
        driver.tell(Input::Timeout);
    }
}

/// The engine and everything that carries out what it asks for.
pub(super) struct Driver {
    engine: RefCell<Engine>,
    buffers: RefCell<Buffers>,
    journal: RefCell<Journal>,
    draining: Cell<bool>,
    untidy: Cell<u32>,
    /// Why the last setter failed, which gave only a number.
    failure: RefCell<Option<SyncError>>,
    facade: Facade,
    clock: Clock,
    http: Http,
    timer: Timer,
}

impl Driver {
    /// Feeds one input of the app and carries out what follows from it.
    #[inline]
    pub(super) fn feed(&self, input: Input<'_>) -> Result<Reply, SyncError> {
        self.feed_at(input, self.clock.now_in_turn())
    }

    #[inline]
    fn feed_at(&self, input: Input<'_>, now: Millis) -> Result<Reply, SyncError> {
        self.catch_up();
        let reply = self.engine.borrow_mut().handle(input, now);
        self.settle_down();
        reply
    }

    /// Feeds an input that nobody waits for an answer to: what the host reports.
    pub(super) fn tell(&self, input: Input<'_>) {
        // The engine refuses reports about what has ended meanwhile; there is nobody to tell.
        drop(self.feed_at(input, self.clock.now()));
    }

    /// Feeds an input whose bytes stand in the scratch. The engine sees them before anything else
    /// can write there.
    pub(super) fn feed_scratch(
        &self,
        input: impl FnOnce(&Buffers) -> Result<Input<'_>, SyncError>,
    ) -> Result<Reply, SyncError> {
        self.catch_up();
        let now = self.clock.now_in_turn();
        let reply = {
            let buffers = self.buffers.borrow();
            input(&buffers).and_then(|input| self.engine.borrow_mut().handle(input, now))
        };
        self.buffers.borrow_mut().used();
        self.settle_down();
        reply
    }

    /// For reads. Must not be held across a call of JavaScript.
    pub(super) fn engine(&self) -> Ref<'_, Engine> {
        self.catch_up();
        self.engine.borrow()
    }

    /// For reads that keep an index up to date. Must not be held across a call of JavaScript.
    pub(super) fn engine_mut(&self) -> RefMut<'_, Engine> {
        self.catch_up();
        self.engine.borrow_mut()
    }

    pub(super) fn buffers(&self) -> RefMut<'_, Buffers> {
        self.buffers.borrow_mut()
    }

    /// Where the facade writes edits down.
    pub(super) fn journal(&self) -> u32 {
        self.journal.borrow().address()
    }

    /// Hands what was written down to the engine: every door does it first. Such edits have no
    /// effects but a deadline.
    #[inline]
    pub(super) fn catch_up(&self) {
        if !self.journal.borrow().is_empty() {
            self.take_journal();
        }
    }

    #[cold]
    fn take_journal(&self) {
        let now = self.clock.now_for_once();
        let (made, words) = {
            let mut journal = self.journal.borrow_mut();
            let words = journal.len();
            let edits = Input::Edits(journal.edits());
            let made = self.engine.borrow_mut().handle(edits, now);
            journal.clear();
            (made, words)
        };
        if let Err(error) = made {
            self.report(Err(self.error(&error)));
        }
        self.count(words / EDIT_WORDS);
        let deadline = self.engine.borrow().poll_timeout();
        self.timer.arm(deadline, &self.clock);
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What the shell calls.
    pub(super) const fn facade(&self) -> &Facade {
        &self.facade
    }

    /// Keeps an error until the host asks for it.
    pub(super) fn keep_error(&self, error: SyncError) {
        self.failure.replace(Some(error));
    }

    /// The error that was kept, as callers see it; `undefined` when there is none.
    pub(super) fn take_error(&self) -> JsValue {
        let failure = self.failure.take();
        failure.map_or(JsValue::UNDEFINED, |error| self.error(&error))
    }

    /// The error object that callers see.
    pub(super) fn error(&self, error: &SyncError) -> JsValue {
        let status = error.status.unwrap_or(0);
        self.facade
            .make_error(error.code.as_str(), &error.message, error.retryable, status)
            .unwrap_or_else(|thrown| thrown)
    }

    #[inline]
    fn settle_down(&self) {
        let (idle, waiting, deadline) = {
            let engine = self.engine.borrow();
            (
                engine.is_idle(),
                engine.has_notices(),
                engine.poll_timeout(),
            )
        };
        if idle && !self.draining.get() {
            self.count(1);
            self.timer.arm(deadline, &self.clock);
            return;
        }
        if waiting {
            // Before anybody's code runs: it must not read a stale value.
            self.pack_notices();
            self.report(self.facade.absorb());
        }
        self.drain();
    }

    /// Leaves the notices that wait and the fields that changed without any.
    fn pack_notices(&self) {
        let mut engine = self.engine.borrow_mut();
        let stale = engine.take_stale();
        self.buffers.borrow_mut().pack_notices(&engine, stale);
        engine.clear_notices();
    }

    /// Looks for memory of dead text every now and then.
    #[inline]
    fn count(&self, inputs: u32) {
        self.untidy.set(self.untidy.get() + inputs);
        if self.untidy.get() >= TIDY_INTERVAL {
            self.untidy.set(0);
            self.engine.borrow_mut().tidy();
        }
    }

    fn drain(&self) {
        if self.draining.replace(true) {
            return;
        }
        let mut budget = EFFECTS_PER_TURN_MAX;
        loop {
            let effect = self.engine.borrow_mut().poll_effect();
            let Some(effect) = effect else { break };
            self.dispatch(effect);
            budget -= 1;
            if budget == 0 {
                self.go_on_later();
                break;
            }
        }
        self.draining.set(false);
        self.count(1);
        let deadline = self.engine.borrow().poll_timeout();
        self.timer.arm(deadline, &self.clock);
    }

    fn go_on_later(&self) {
        let Some(driver) = get() else { return };
        soon(|| driver.drain());
    }

    fn dispatch(&self, effect: Effect) {
        let told = match effect {
            Effect::Ask {
                ask,
                manager,
                event,
                request,
                kind,
                pack,
                http,
            } => {
                let (http, body) = match http {
                    Some(http) => {
                        let body = http.body.as_deref().map(Uint8Array::from);
                        (Some(convert::http_to_json(&http)), body)
                    }
                    None => (None, None),
                };
                self.facade.ask(
                    ask.0,
                    manager.0,
                    event as u8,
                    request.0,
                    convert::kind(kind),
                    pack.map(convert::text),
                    http,
                    body,
                )
            }
            Effect::Http {
                request,
                manager,
                kind,
                http,
                keep_response,
            } => {
                let sent = if keep_response {
                    let http = convert::http_to_json(&http);
                    self.facade
                        .sent(request.0, manager.0, convert::kind(kind), &http)
                } else {
                    Ok(())
                };
                self.http.send(self, request, &http, keep_response);
                sent
            }
            Effect::Channel {
                manager,
                act,
                epoch,
                text,
            } => self
                .facade
                .channel(manager.0, act as u8, epoch, &convert::text(text)),
            Effect::Answered {
                request,
                manager,
                kind,
                body,
            } => {
                let http = convert::http_to_json(&HttpRequest::default());
                let sent = self
                    .facade
                    .sent(request.0, manager.0, convert::kind(kind), &http);
                let bytes = Uint8Array::from(body.as_slice());
                self.report(self.facade.chunk(request.0, &bytes));
                sent
            }
            Effect::Abort(request) => {
                self.http.abort(request);
                Ok(())
            }
            Effect::Release(request) => self.facade.release(request.0),
            Effect::Event(manager, event) => {
                let packed = convert::event(&event);
                self.facade.event(
                    manager.0,
                    packed.event as u8,
                    packed.kind,
                    packed.request,
                    &packed.detail,
                )
            }
            Effect::Notices => self.facade.deliver(),
            Effect::Settle {
                call,
                outcome,
                request,
            } => {
                let answered = convert::request(outcome.as_ref().map_or(request, |answer| *answer));
                let error = outcome
                    .err()
                    .map_or(JsValue::UNDEFINED, |error| self.error(&error));
                self.facade.settle(call.0, answered, error)
            }
        };
        self.report(told);
    }

    /// A callback that threw is reported, and nothing else changes.
    fn report(&self, told: Result<(), JsValue>) {
        if let Err(thrown) = told {
            // Reporting can't fail any further.
            drop(self.facade.report(thrown));
        }
    }
}
