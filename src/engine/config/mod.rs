//! Options, parsed once into valid types. Names on the JSON side are those that users of a
//! CrudManager know.

mod channel;
mod manager;
mod options;
mod read;
mod store;

use super::error::{ErrorCode, SyncError};
use super::json::dom::{Members, Value};
use crate::prelude::*;

pub use channel::{ChannelConfig, ChannelOptions, INTERVAL_MIN_MS};
pub use manager::{
    DifferencesConfig, LazyConfig, ManagerConfig, PollingConfig, RetryConfig, TransportConfig,
    UrlConfig,
};
pub(super) use options::check_url;
pub use options::{
    DELAY_MAX_MS, Endpoint, ManagerOptions, OnConflict, OnRecordError, PollingOptions,
    REQUEST_TIMEOUT_MS, RETRIES_MAX, RetryOptions,
};
pub use read::Reader;
pub use store::{FieldConfig, OnRemove, Relation, StoreConfig};

/// Options that are read from a JSON object.
pub trait Options: Sized {
    /// Takes the members that it knows; the reader remembers the first that is wrong.
    fn read(from: &mut Reader) -> Self;
}

impl<T: Options> Options for Box<T> {
    fn read(from: &mut Reader) -> Self {
        Self::new(T::read(from))
    }
}

/// Reads options from JSON text, as hosts that hold a string do. Names that aren't known are passed
/// over.
///
/// # Errors
/// [`ErrorCode::InvalidConfig`], with the place and what is wrong there.
pub fn parse<T: Options>(json: &[u8]) -> Result<T, SyncError> {
    let mut reader = Reader::new(members(json)?, String::new());
    let options = T::read(&mut reader);
    reader.end()?;
    Ok(options)
}

fn members(json: &[u8]) -> Result<Members, SyncError> {
    let message = match Value::parse(json) {
        Ok(Value::Object(members)) => return Ok(members),
        Ok(_) => "the options must be an object".to_owned(),
        Err(error) => format!(
            "the text of the options {} (at byte {})",
            error.kind.as_str(),
            error.offset
        ),
    };
    Err(SyncError::new(ErrorCode::InvalidConfig, message))
}
