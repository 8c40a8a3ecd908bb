//! What the browser, a worker or Node does for the engine.

pub(super) mod clock;
pub(super) mod http;
pub(super) mod page;
pub(super) mod timer;
