//! The live channel from outside.

mod bad;
mod catch_up;
mod changes;
mod client;
mod faults;
mod locks;
mod presence;
mod sse;
mod tokens;
