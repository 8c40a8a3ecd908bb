//! What the standard prelude has beyond `core`: the module of the npm package is built without the
//! standard library.

pub use alloc::borrow::ToOwned;
pub use alloc::boxed::Box;
pub use alloc::string::{String, ToString};
pub use alloc::vec::Vec;
