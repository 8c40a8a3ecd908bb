//! Syncline: a client-side sync engine for calendar and task-board user interfaces.
//!
//! This crate has two layers. [`engine`] is pure: no clock, no JavaScript, no IO. It holds the
//! data, tracks changes and speaks the load/sync protocol by taking inputs and giving out effects.
//! The shell (only in WebAssembly builds) turns what happens in a page into inputs and carries
//! effects out; it decides nothing.
//!
//! # The run loop
//!
//! There is one door in, [`Engine::handle`](engine::Engine::handle), one door out,
//! [`Engine::poll_effect`](engine::Engine::poll_effect), and one timer,
//! [`Engine::poll_timeout`](engine::Engine::poll_timeout).
//!
//! **The invariant: every `handle` is followed by `poll_effect` until `None`, outside of any borrow
//! of the engine; then the one timer is armed for `poll_timeout`.** mutate → drain → arm → mutate →
//! …
//!
//! While effects are carried out, listeners run, and they may call back in. That is normal: their
//! inputs append to the same queue, the drain goes on, and the order of everything stays one. What
//! comes late (an answer to a request that was given up, a second answer to a question) finds
//! nobody and is dropped. `handle` returns an error only for what its caller did wrong; then
//! nothing has changed. What servers and networks do wrong becomes events.
//!
//! A whole host, with a server that fits into a `match`:
//!
//! ```
//! use syncline::engine::{Engine, config, effect::Effect, error::SyncError, event::EventKind};
//! use syncline::engine::input::{CallId, Input, Reply};
//! use syncline::engine::{table::IdRef, time::Millis, value::Value};
//!
//! /// The host's half of the loop: carries out what waits, until nothing does.
//! fn drain(engine: &mut Engine, now: Millis, log: &mut Vec<String>) -> Result<(), SyncError> {
//!     while let Some(effect) = engine.poll_effect() {
//!         match effect {
//!             // A before… event: answer at once, or later when a listener gave a Promise.
//!             Effect::Ask { ask, event, .. } => {
//!                 log.push(format!("{event:?}?"));
//!                 let answer = Input::Answer { ask, proceed: true, content: None, request: None };
//!                 engine.handle(answer, now)?;
//!             }
//!             // Send the request; the answer may come in any number of pieces.
//!             Effect::Http { request, http, .. } => {
//!                 log.push(format!("{} {}", http.method, http.url.split('?').next().unwrap_or("")));
//!                 let answer: &[u8] = match http.body {
//!                     None => br#"{"success":true,"revision":1,
//!                         "events":{"rows":[{"id":1,"name":"Stand-up","duration":0.25}]}}"#,
//!                     Some(_) => br#"{"success":true,"revision":2}"#,
//!                 };
//!                 engine.handle(Input::HttpHead(request, 200), now)?;
//!                 for piece in answer.chunks(32) {
//!                     engine.handle(Input::HttpChunk(request, piece), now)?;
//!                 }
//!                 engine.handle(Input::HttpEnd(request), now)?;
//!             }
//!             Effect::Settle { call, outcome, .. } => {
//!                 log.push(format!("call {} {}", call.0, if outcome.is_ok() { "done" } else { "failed" }));
//!             }
//!             Effect::Event(_, event) => log.push(format!("{:?}", event.kind())),
//!             // Changes of records, packed: read them, tell the listeners.
//!             Effect::Notices => drop(engine.take_notices()),
//!             // Nothing runs that could be aborted, and there is no live channel.
//!             Effect::Abort(_) | Effect::Release(_) => {}
//!             Effect::Channel { .. } | Effect::Answered { .. } => {}
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut engine = Engine::new(42);
//! let mut log = Vec::new();
//! let mut now = Millis(1_000);
//!
//! let options = br#"{"autoSync": true,
//!     "transport": {"load": {"url": "/load"}, "sync": {"url": "/sync"}}}"#;
//! let Reply::Manager(manager) =
//!     engine.handle(Input::CreateManager(Box::new(config::parse(options)?)), now)?
//! else { unreachable!() };
//! let options = br#"{"id": "events", "fields": [{"name": "name", "type": "string"}]}"#;
//! let Reply::Store(store) = engine.handle(Input::CreateStore(Box::new(config::parse(options)?)), now)?
//! else { unreachable!() };
//! engine.handle(Input::AddStore(manager, store, None), now)?;
//! let listening = EventKind::BeforeLoad.bit() | EventKind::Load.bit() | EventKind::Sync.bit();
//! engine.handle(Input::Listen(manager, listening), now)?;
//!
//! engine.handle(Input::Load { manager, call: Some(CallId(1)), options: None }, now)?;
//! drain(&mut engine, now, &mut log)?;
//!
//! // The user renames an event. autoSync waits a moment for more …
//! let events = engine.store(store).ok_or("no store")?;
//! let row = events.find(IdRef::Number(1.0)).ok_or("no event")?;
//! let field = events.table().schema().find("name").ok_or("no field")?;
//! engine.handle(Input::Set { store, row, field, value: Value::Text("Daily") }, now)?;
//! drain(&mut engine, now, &mut log)?;
//! assert_eq!(
//!     engine.changes_json(manager).as_deref(),
//!     Some(br#"{"events":{"updated":[{"id":1,"name":"Daily"}]}}"#.as_slice())
//! );
//!
//! // … until the one timer fires.
//! while let Some(deadline) = engine.poll_timeout() {
//!     now = deadline;
//!     engine.handle(Input::Timeout, now)?;
//!     drain(&mut engine, now, &mut log)?;
//! }
//! assert_eq!(engine.changes_json(manager), None);
//! assert_eq!(
//!     log,
//!     ["BeforeLoad?", "GET /load", "Load", "call 1 done", "POST /sync", "Sync"]
//! );
//! # Ok(())
//! # }
//! ```
//!
//! # Glossary
//!
//! One word per idea, here, in the code and in the documentation.
//!
//! | word | what it means |
//! |---|---|
//! | store | a named set of records |
//! | record, field | a row of a store, a column of it |
//! | change | what a record is beyond what the server confirmed |
//! | package | what one sync sends; a pack is what any request carries |
//! | revision | the server's counter |
//! | phantom | a record without a server id; it has a client id meanwhile |
//! | base, inflight, pending | the three layers of a record: confirmed by the server, frozen into the request on the wire, typed since |
//! | manager | what loads and syncs a set of stores |
//! | exchange | one load or sync on its way |
//! | held, doubt | a request whose outcome is unknown goes out again as it was (held), or a load has to tell what became of it (doubt) |
//! | conflict | a base write to a field that is being edited |
//! | channel, outbox, peer | the live connection, what waits for it, another user |
//! | settle | resolve or reject a promise; every call settles exactly once |
//! | input, effect | what happens to the engine, what it wants done |
//! | notice | what a store says of a record that changed, packed |
//! | host | what feeds inputs and carries out effects |
#![cfg_attr(all(feature = "module", target_arch = "wasm32"), no_std)]

#[macro_use]
extern crate alloc;

pub mod engine;
use syncline_data::prelude;
#[cfg(not(target_arch = "wasm32"))]
pub mod protocol;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
