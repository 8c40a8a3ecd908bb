//! The engine: pure. No clock, no JavaScript, no IO.
#![forbid(unsafe_code)]

pub mod config;
pub mod effect;
pub mod error;
pub mod event;
pub mod input;
pub mod json;
pub mod number;
pub mod rng;
pub mod schema;
pub mod store;
pub mod table;
pub mod time;
pub mod value;
