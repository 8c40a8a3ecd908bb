//! Deterministic simulation: engines, a server, a network and a clock, all from one seed.
//!
//! | file | what |
//! |---|---|
//! | `server` | a server that speaks the protocol |
//! | `world` | clients, network, clock; the host's loop |
//! | `order` | whole sequences of events, as the protocol decides them |
//! | `scenarios` | the failure scenarios of the protocol, by number |
//! | `bad_input` | answers that aren't what they should be, calls that can't be right |
//! | `random` | random users on a hostile network, seed by seed |
#![cfg(not(target_arch = "wasm32"))]

#![allow(unreachable_pub, reason = "a test's modules are its own")]

mod bad_input;
mod order;
mod random;
mod scenarios;
mod server;
mod world;
