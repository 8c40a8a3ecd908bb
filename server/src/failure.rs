//! What a handler gives instead of an answer.

use axum::response::{IntoResponse, Response};
use serde_json::Value;
use syncline::protocol::{ErrorCode, FailureAnswer};

use crate::http::json_response;

/// A refusal or an error, as the client will read it. Boxed: it is the rare case.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Box<FailureAnswer>);

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(FailureAnswer::new(code, message)))
    }

    /// Echoes the request's id, when it has the form of one.
    pub(crate) fn of_request(mut self, request_id: Option<&Value>) -> Self {
        let echo = request_id.filter(|id| id.is_number() || id.is_string());
        self.0.request_id = echo.cloned();
        self
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        if is_busy(&error) {
            return Self::new(ErrorCode::Busy, "The server is busy, please try again");
        }
        // The reason is for the log: it may tell more than the client should know.
        tracing::error!(%error, "database");
        Self::new(ErrorCode::Internal, "The server failed; nothing was saved")
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        json_response(self.0.code.http_status(), &self.0)
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: &str = "5";
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == SQLITE_BUSY),
        _ => false,
    }
}
