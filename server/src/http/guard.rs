//! Who may do what: the bearer token, and the origin of writes.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use syncline::protocol::ErrorCode;

use super::{App, LIVE_PATHS};
use crate::failure::Failure;
use crate::live::{Greeting, auth};

/// Lets a request pass that has the token and comes from a page that may write; notes what the
/// token says.
pub(super) async fn check(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let live = LIVE_PATHS.contains(&path);
    let open = path == "/api/health";
    let headers = request.headers();
    if !open {
        // A stream of events can't be asked for with a header.
        let greeting = Greeting::of_query(request.uri());
        let token = match live {
            true => greeting.token(headers),
            false => auth::bearer(headers),
        };
        match auth::check(&app.options, token) {
            Ok(claims) => _ = request.extensions_mut().insert(claims),
            Err(failure) => {
                let mut response = failure.into_response();
                let bearer = HeaderValue::from_static("Bearer");
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, bearer);
                return response;
            }
        }
    }
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let allowed = &app.options.allow_origin;
    if (live || !reads) && !auth::is_allowed_origin(request.headers(), allowed, live) {
        let message = "Pages of this origin may not write here";
        return Failure::new(ErrorCode::ForbiddenOrigin, message).into_response();
    }
    next.run(request).await
}

/// Lets only pages of allowed origins speak Socket.IO.
pub(super) async fn check_socket(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let socket = request.uri().path().starts_with("/socket.io");
    if socket && !auth::is_allowed_origin(request.headers(), &app.options.allow_origin, true) {
        let message = "Pages of this origin may not connect here";
        return Failure::new(ErrorCode::ForbiddenOrigin, message).into_response();
    }
    next.run(request).await
}

/// One line per request, for `RUST_LOG=debug`.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let start = Instant::now();
    let response = next.run(request).await;
    let millis = start.elapsed().as_millis();
    tracing::debug!(%method, path, status = response.status().as_u16(), millis, "request");
    response
}
