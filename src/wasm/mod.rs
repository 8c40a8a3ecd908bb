//! The shell: brings the engine to a JavaScript host. No rules, no decisions.
//!
//! `exports` and `host` turn what happens into inputs, `driver` feeds them and carries out the
//! effects, `facade` is what the TypeScript side must offer, `buffers` and `journal` are the pieces
//! of memory that both sides read.

mod buffers;
mod convert;
mod driver;
pub mod exports;
mod facade;
mod host;
mod journal;
#[cfg(feature = "module")]
mod module;
pub mod readers;

pub use facade::Facade;
