//! Native tests of the engine's parts together.
#![cfg(not(target_arch = "wasm32"))]

mod json_reader;
mod tidy;
