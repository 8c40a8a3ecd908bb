//! The data of Syncline: values, schemas, tables of cells, and JSON in and out of them.
//!
//! What runs once per record and field is here, in a crate of its own, because a crate is the unit
//! that a profile optimises: this one for speed, all that decides over it for size. The engine
//! offers these modules as its own, which is how they are named elsewhere.
#![no_std]
#![forbid(unsafe_code)]

#[macro_use]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod decimal;
pub mod error;
pub mod json;
pub mod number;
pub mod order;
#[doc(hidden)]
pub mod prelude;
pub mod rng;
pub mod schema;
pub mod table;
pub mod time;
pub mod value;
