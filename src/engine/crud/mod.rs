//! Managers.
pub mod autosync;
pub mod calls;
pub mod dirty;
pub mod package;
pub mod retry;
pub mod revision;
pub mod status;
pub mod url;
pub mod verdict;
