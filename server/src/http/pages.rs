//! The static files of the demo.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower_http::services::ServeDir;

use super::App;

/// Bundlers put a hash of the content into the names of files here, so these never change.
const HASHED: &str = "/assets/";

/// Everything that is not under `/api`.
pub(super) fn routes(directory: &Path) -> Router<Arc<App>> {
    let files = ServeDir::new(directory)
        .precompressed_br()
        .precompressed_gzip();
    Router::new().fallback_service(files).layer(from_fn(cache))
}

/// The answer to a page's address when the server has no pages.
pub(super) async fn hint() -> impl IntoResponse {
    let text = "This server has no pages (see --static); its API is under /api.\n";
    (StatusCode::NOT_FOUND, text)
}

async fn cache(request: Request, next: Next) -> Response {
    let hashed = request.uri().path().starts_with(HASHED);
    let mut response = next.run(request).await;
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        // Other files are asked for each time, and answered with 304 while they are the same.
        let value = if hashed {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    }
    response
}
