//! Who may do what: the bearer token, and the origin of writes.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use syncline::protocol::ErrorCode;

use super::App;
use crate::failure::Failure;

/// Lets a request pass that has the token and comes from a page that may write.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let open = request.uri().path() == "/api/health";
    if let Some(token) = app.options.token.as_deref().filter(|_| !open)
        && !has_token(&request, token)
    {
        let message = "This server asks for a bearer token";
        let mut response = Failure::new(ErrorCode::Unauthorized, message).into_response();
        let bearer = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, bearer);
        return response;
    }
    let writes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if writes && !may_write(&request, &app.options.allow_origin) {
        let message = "Pages of this origin may not write here";
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

fn has_token(request: &Request, token: &str) -> bool {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)
        .map_or(&b""[..], |v| v.as_bytes());
    let (scheme, given) = value.split_at(value.len().min("Bearer ".len()));
    scheme.eq_ignore_ascii_case(b"Bearer ") && same_bytes(given.trim_ascii(), token.as_bytes())
}

/// Compares in a time that depends on the length alone, so that a token can't be guessed bytewise.
fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    let difference = left
        .iter()
        .zip(right)
        .fold(0, |sum, (left, right)| sum | (left ^ right));
    left.len() == right.len() && difference == 0
}

/// A browser names the page's origin on every POST; other programs name none.
fn may_write(request: &Request, allowed: &[String]) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let own = origin
        .split_once("://")
        .is_some_and(|(_, of_page)| host.is_some_and(|host| host.eq_ignore_ascii_case(of_page)));
    own || allowed
        .iter()
        .any(|other| other.eq_ignore_ascii_case(origin))
}
