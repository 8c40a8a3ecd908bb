//! Live channels: engines, a server with rooms, connections that break, and a clock, all from one
//! seed.
//!
//! | file | what |
//! |---|---|
//! | `room` | a server: HTTP, rooms, change log, locks |
//! | `world` | panes and their users, the clock |
//! | `network` | what happens to what goes to and fro, what the server does with it |
//! | `connection` | states of the connection, on virtual time |
//! | `changes` | what changes of others do, and ones own |
//! | `messages` | messages that aren't what they should be; other servers' dialects |
//! | `people` | presence and locks |
//! | `random` | random users on bad connections, seed by seed |
//! | `random_mixed` | the same with ids of the app's choice, groups that are refused, forgetful servers |
#![cfg(not(target_arch = "wasm32"))]
#![allow(unreachable_pub, reason = "a test's modules are its own")]

mod changes;
mod connection;
mod messages;
mod network;
mod people;
mod random;
mod random_mixed;
mod room;
#[path = "../common/seeds.rs"]
mod seeds;
mod world;
