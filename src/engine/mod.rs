//! The engine: pure. No clock, no JavaScript, no IO.
#![forbid(unsafe_code)]

pub mod channel;
pub mod config;
pub mod crud;
pub mod decimal;
pub mod effect;
#[allow(
    clippy::module_inception,
    reason = "the engine itself, in the folder of its parts"
)]
pub mod engine;
pub mod error;
pub mod event;
pub mod input;
pub mod json;
pub mod number;
pub mod order;
pub mod presence;
pub mod rng;
pub mod schema;
pub mod store;
pub mod table;
pub mod time;
pub mod value;

pub use engine::Engine;
