//! The words of the wire: envelopes, error codes and limits that the engine and the reference
//! server share. Pure data, without IO.
//!
//! A *load* asks for stores and gets rows; a *sync* sends one package of changes and gets what the
//! client can't know by itself: new ids, values that the server filled in or normalised, changes of
//! others since the client's revision. Rows are JSON objects keyed by the wire names of fields.

use crate::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The field of an added record that carries the id which the client gave it.
pub const PHANTOM_ID: &str = "$PhantomId";

/// The field of an added or updated tree record whose parent is a phantom.
pub const PHANTOM_PARENT_ID: &str = "$PhantomParentId";

/// The largest whole number that JavaScript holds exactly: the bound of request ids and revisions.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The longest request id, client id or phantom id, in bytes: a UUID with room for a prefix.
pub const MAX_ID_BYTES: usize = 128;

/// One record, or a part of one: wire names of fields and their values.
pub type Row = Map<String, Value>;

/// Why a text or number is no request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("requestId must be a whole number from 0 to 2^53 - 1, or a text of 1 to 128 bytes")]
pub struct BadRequestId;

/// The id of one request, given by the client and echoed in the answer in the form it came in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A whole number up to [`MAX_SAFE_INTEGER`].
    Number(u64),
    /// A text of at most [`MAX_ID_BYTES`] bytes.
    Text(String),
}

impl RequestId {
    /// Reads a request id from JSON.
    ///
    /// # Errors
    /// [`BadRequestId`] when it is neither a whole number below 2^53 nor a text of proper length.
    pub fn from_value(value: &Value) -> Result<Self, BadRequestId> {
        match value {
            Value::Number(number) => match number.as_u64() {
                Some(number) if number <= MAX_SAFE_INTEGER => Ok(Self::Number(number)),
                _ => Err(BadRequestId),
            },
            Value::String(text) if is_id_text(text) => Ok(Self::Text(text.clone())),
            _ => Err(BadRequestId),
        }
    }

    /// The text under which the id is remembered: `5` and `"5"` are one id.
    #[must_use]
    pub fn key(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

/// Whether `text` may serve as a request id, client id or phantom id: not empty, at most
/// [`MAX_ID_BYTES`] bytes, no control characters.
#[must_use]
pub fn is_id_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID_BYTES && !text.chars().any(char::is_control)
}

/// What went wrong, as the word in `code` of a failed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body or the `data` parameter is not JSON, or nested deeper than 127 levels.
    BadJson,
    /// JSON, but not of the shape that the protocol asks for.
    BadRequest,
    /// `requestId` is not acceptable, see [`RequestId`].
    BadRequestId,
    /// A store is named that the server doesn't have.
    UnknownStore,
    /// The bearer token is missing or wrong.
    Unauthorized,
    /// A page of another origin tried to write.
    ForbiddenOrigin,
    /// No such path under `/api`.
    NotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed,
    /// The body didn't arrive in time.
    Timeout,
    /// The body is larger than the server accepts.
    TooLarge,
    /// Fields were changed by others since the client's revision; nothing was saved.
    Conflict,
    /// The client's revision is newer than the server's: it belongs to another database.
    RevisionAhead,
    /// The server has forgotten what was removed since the client's revision.
    RevisionForgotten,
    /// Records were refused by the rules of the server; nothing was saved.
    Validation,
    /// The request id was used before for a different package; nothing was saved.
    RequestIdReused,
    /// Another user holds the lock of a record; nothing was saved.
    Locked,
    /// The lock was asked for with a time to wait, which has passed.
    LockTimeout,
    /// The holder of the lock refuses to hand it over.
    LockDenied,
    /// The lock to be freed or denied is not one's own.
    NotLocked,
    /// A message about a room that the client isn't in.
    NotSubscribed,
    /// A message of the live channel whose `type` the server doesn't know.
    UnknownType,
    /// A room is named that the server doesn't have.
    UnknownProject,
    /// The bearer token was right once.
    TokenExpired,
    /// The client id belongs to another user.
    ClientIdTaken,
    /// A limit of the live channel is reached.
    TooMany,
    /// The database was busy for too long; nothing was saved, the same request may be repeated.
    Busy,
    /// An error of the server itself.
    Internal,
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::BadJson
            | Self::BadRequest
            | Self::BadRequestId
            | Self::UnknownProject
            | Self::UnknownStore
            | Self::UnknownType => 400,
            Self::TokenExpired | Self::Unauthorized => 401,
            Self::ForbiddenOrigin => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Timeout => 408,
            Self::ClientIdTaken
            | Self::Conflict
            | Self::NotLocked
            | Self::NotSubscribed
            | Self::RevisionAhead
            | Self::RevisionForgotten => 409,
            Self::TooLarge => 413,
            Self::Validation | Self::RequestIdReused => 422,
            Self::Locked | Self::LockDenied | Self::LockTimeout => 423,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Busy => 503,
        }
    }
}

/// The id of a removed record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Removed {
    /// A number or a text, as the store has it.
    pub id: Value,
}

/// One store's section in the answer to a sync.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreAnswer {
    /// In a success: new ids and values. In a failure: the refused records, see [`RefusedRow`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Records that are gone and that the request didn't remove itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Removed>,
}

impl StoreAnswer {
    /// Whether the section says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.removed.is_empty()
    }
}

/// The answer to a sync that was saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncAnswer {
    /// Always true.
    pub success: bool,
    /// As received; absent when the request had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The server's revision after the sync; the client sends it with the next one.
    pub revision: u64,
    /// The server answers a repeated `requestId` with the first answer: a retry is always safe.
    #[serde(default)]
    pub idempotent: bool,
    /// The sections, by wire name of the store; stores with nothing to say are absent.
    #[serde(flatten)]
    pub stores: BTreeMap<String, StoreAnswer>,
}

/// A record of a refused sync, in `rows` of its store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedRow {
    /// The record's id; absent for a phantom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// The phantom id of a refused added record.
    #[serde(
        rename = "$PhantomId",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub phantom_id: Option<String>,
    /// Always false: of a refused package nothing is saved.
    pub success: bool,
    /// The reason, in words for the user.
    pub error: String,
    /// [`ErrorCode::Validation`] or [`ErrorCode::Conflict`].
    pub code: ErrorCode,
    /// The fields at fault, when it is a matter of fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// True when the record to update doesn't exist any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// What stands against one updated record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// The wire name of the record's store.
    pub store: String,
    /// The record's id.
    pub id: Value,
    /// The fields that were sent and that others changed since the client's revision.
    pub fields: Vec<String>,
    /// The whole record as the server has it; absent when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Row>,
    /// True when the record is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// Any answer with `success: false`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureAnswer {
    /// Always false.
    pub success: bool,
    /// As received; absent when there was none or it couldn't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Value>,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, for people.
    pub message: String,
    /// The server's revision, in answers to a sync that reached the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// True says explicitly that nothing of the package was saved, also not the records that
    /// `rows` doesn't name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
    /// The records in conflict, with what the server has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// The refused records ([`RefusedRow`]) by store.
    #[serde(flatten)]
    pub stores: BTreeMap<String, StoreAnswer>,
}

impl FailureAnswer {
    /// A failure without records.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            success: false,
            request_id: None,
            code,
            message: message.into(),
            revision: None,
            rolled_back: false,
            conflicts: Vec::new(),
            stores: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn request_ids_are_numbers_or_texts_and_keep_their_form() {
        for value in [json!(5), json!("5"), json!(MAX_SAFE_INTEGER)] {
            let id = RequestId::from_value(&value).unwrap();
            assert_eq!(serde_json::to_value(&id).unwrap(), value);
        }
        assert_eq!(
            RequestId::Number(5).key(),
            RequestId::Text("5".into()).key()
        );
    }

    #[test]
    fn request_ids_beyond_javascript_numbers_and_of_other_types_are_refused() {
        let long = "x".repeat(MAX_ID_BYTES + 1);
        let bad = [
            json!(MAX_SAFE_INTEGER + 1),
            json!(-1),
            json!(1.5),
            json!(""),
            json!(long),
        ];
        for value in bad
            .into_iter()
            .chain([json!(null), json!([1]), json!("a\u{0}b")])
        {
            assert_eq!(RequestId::from_value(&value), Err(BadRequestId), "{value}");
        }
    }

    #[test]
    fn a_short_answer_is_written_without_empty_parts() {
        let answer = SyncAnswer {
            success: true,
            request_id: Some(RequestId::Number(7)),
            revision: 3,
            idempotent: true,
            stores: BTreeMap::new(),
        };
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"success":true,"requestId":7,"revision":3,"idempotent":true}"#
        );
    }

    #[test]
    fn an_error_code_reads_as_one_word_in_capitals() {
        assert_eq!(
            serde_json::to_string(&ErrorCode::UnknownStore).unwrap(),
            r#""UNKNOWN_STORE""#
        );
    }
}
