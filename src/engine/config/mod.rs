//! Options, parsed once into valid types. Names on the JSON side are those that users of a CrudManager know.

mod manager;
mod options;
mod store;

use serde::de::DeserializeOwned;

use super::error::{ErrorCode, SyncError};

pub use manager::{ManagerConfig, ManagerPatch, RetryConfig, TransportConfig, UrlConfig};
pub use options::{
    DELAY_MAX_MS, Endpoint, ManagerOptions, OnRecordError, REQUEST_TIMEOUT_MS, RETRIES_MAX,
    RetryOptions,
};
pub use store::{FieldConfig, OnRemove, Relation, StoreConfig};

/// Reads options from JSON text, as hosts that hold a string do.
///
/// # Errors
/// [`ErrorCode::InvalidConfig`], with the place and what is wrong there.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, SyncError> {
    serde_json::from_slice(json)
        .map_err(|error| SyncError::new(ErrorCode::InvalidConfig, error.to_string()))
}
