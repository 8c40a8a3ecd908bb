//! Deterministic simulation: engines, a server, a network and a clock, all from one seed.
//!
//! | file | what |
//! |---|---|
//! | `server` | a server that speaks the protocol |
//! | `world` | clients and their users, clock |
//! | `network` | what happens to requests and answers on their way |
//! | `host` | the host's half of the loop |
//! | `order` | whole sequences of events, as the protocol decides them |
//! | `scenarios` | the failure scenarios of the protocol, by number |
//! | `rebirth` | removals that are taken back too late |
//! | `regrets` | random users who take things back, seed by seed |
//! | `reconciling` | additions in doubt, loads that add |
//! | `refusals` | records that the server refuses |
//! | `conflicts` | where the news of the server meet edits |
//! | `waiting` | random users who wait for what they edit, seed by seed |
//! | `fates` | promises per edit, groups, edits that are not seen yet |
//! | `given_up` | groups of edits that are taken back while they are made |
//! | `further` | further cases that users of comparable engines have met |
//! | `interop…` | what servers in the wild do, by number: answers, ids, what goes out, failures, shapes of data |
//! | `behaviour` | what else has to be true |
//! | `policies` | polling, conflicts, portions, data taken over by its differences |
//! | `lazy` | parts of the data, loaded when they are wanted |
//! | `bad_input` | answers that aren't what they should be, calls that can't be right |
//! | `own_ids` | records that the app adds under ids of its choice |
//! | `clashing` | others are quicker, again and again |
//! | `collisions` | the server uses ids that the app has chosen |
//! | `twins` | records that are there twice for a while |
//! | `mixed`, `mixed_end` | random users who use everything at once, seed by seed |
//! | `random` | random users on a hostile network, seed by seed |
#![cfg(not(target_arch = "wasm32"))]
#![allow(unreachable_pub, reason = "a test's modules are its own")]

mod bad_input;
mod behaviour;
mod clashing;
mod collisions;
mod conflicts;
mod fates;
mod further;
mod given_up;
mod host;
mod interop;
mod interop_answers;
mod interop_failures;
mod interop_ids;
mod interop_outgoing;
mod interop_shapes;
mod journal;
mod lazy;
mod mixed;
mod network;
mod order;
mod own_ids;
mod policies;
mod random;
mod rebirth;
mod reconciling;
mod refusals;
mod regrets;
mod scenarios;
#[path = "../common/seeds.rs"]
mod seeds;
mod server;
mod twins;
mod waiting;
mod world;
