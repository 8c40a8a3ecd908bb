//! Options, parsed once into valid types. Names on the JSON side are those that users of a CrudManager know.

mod manager;
mod store;

pub use manager::{ManagerConfig, ManagerPatch, RetryConfig, TransportConfig, UrlConfig};
pub use store::{FieldConfig, OnRemove, Relation, StoreConfig};
