//! Syncline: a client-side sync engine for calendar and task-board user interfaces.

pub mod engine;
pub mod protocol;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
