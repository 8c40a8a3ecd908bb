//! Errors that callers and listeners see.

use crate::prelude::*;
use core::fmt;
use core::ops::{Deref, DerefMut};

/// What class of mistake or fault a [`SyncError`] is. Hosts show it as the string that
/// [`ErrorCode::as_str`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A read or a command names a store, manager or request that has been destroyed.
    Destroyed,
    /// An id that another record of the same store has already.
    DuplicateId,
    /// An argument of the wrong kind or out of range.
    InvalidArgument,
    /// An option that can't be used as given.
    InvalidConfig,
    /// The record belongs to another store.
    ForeignRecord,
    /// No URL is configured for the request.
    NoUrl,
    /// A named limit was reached.
    Limit,
    /// The field isn't there and can't be made.
    UnknownField,
    /// The record was removed, or there never was one.
    UnknownRecord,
    /// No store of that name.
    UnknownStore,
    /// A listener said no.
    Vetoed,
    /// A newer request, a cancel or a destroy took its place.
    Cancelled,
    /// The server could not be reached, or the connection broke.
    Network,
    /// No answer within the configured time.
    Timeout,
    /// The answer can't be read (not JSON, half of it, rows that are no objects).
    BadResponse,
    /// An HTTP status outside of 200 to 299.
    Http,
    /// The server answered `success: false`.
    Refused,
    /// The server refused because its data is newer.
    Conflict,
    /// Somebody else has locked the record.
    Locked,
}

impl ErrorCode {
    /// The code as hosts spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Destroyed => "DESTROYED",
            Self::DuplicateId => "DUPLICATE_ID",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::InvalidConfig => "INVALID_CONFIG",
            Self::ForeignRecord => "FOREIGN_RECORD",
            Self::NoUrl => "NO_URL",
            Self::Limit => "LIMIT",
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::UnknownRecord => "UNKNOWN_RECORD",
            Self::UnknownStore => "UNKNOWN_STORE",
            Self::Vetoed => "VETOED",
            Self::Cancelled => "CANCELLED",
            Self::Network => "NETWORK",
            Self::Timeout => "TIMEOUT",
            Self::BadResponse => "BAD_RESPONSE",
            Self::Http => "HTTP",
            Self::Refused => "REFUSED",
            Self::Conflict => "CONFLICT",
            Self::Locked => "LOCKED",
        }
    }
}

/// The one error type of the engine: a code to decide by, a sentence to read. One word wide, for
/// nearly every call hands one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncError(Box<Fault>);

/// What a [`SyncError`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What class it is.
    pub code: ErrorCode,
    /// What happened, in a sentence for developers; the server's own words where it gave any.
    pub message: String,
    /// Whether the same request may succeed when it is sent again.
    pub retryable: bool,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
}

impl Deref for SyncError {
    type Target = Fault;

    fn deref(&self) -> &Fault {
        &self.0
    }
}

impl DerefMut for SyncError {
    fn deref_mut(&mut self) -> &mut Fault {
        &mut self.0
    }
}

impl SyncError {
    /// An error that sending again doesn't mend.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let retryable = matches!(code, ErrorCode::Network | ErrorCode::Timeout);
        Self(Box::new(Fault {
            code,
            message: message.into(),
            retryable,
            status: None,
        }))
    }

    /// The same with the HTTP status that came with it; 5xx are worth another try.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self.retryable |= status >= 500;
        self
    }

    /// Whether the request ended because somebody took it back, rather than failed.
    pub fn cancelled(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::Cancelled | ErrorCode::Vetoed | ErrorCode::Destroyed
        )
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl core::error::Error for SyncError {}
