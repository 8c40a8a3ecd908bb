//! The engine: pure. No clock, no JavaScript, no IO.
#![forbid(unsafe_code)]

pub mod channel;
pub mod config;
pub mod conflict;
pub mod crud;
pub mod effect;
#[allow(
    clippy::module_inception,
    reason = "the engine itself, in the folder of its parts"
)]
pub mod engine;
pub mod event;
pub mod input;
pub mod journal;
pub mod presence;
pub mod store;

pub use crud::url::is_loopback;
pub use engine::Engine;
pub use syncline_data::{decimal, error, json, number, order, rng, schema, table, time, value};
