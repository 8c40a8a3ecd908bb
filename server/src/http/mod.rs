//! The HTTP side: routes, guards and the reading of bodies.

mod api;
mod guard;
mod pages;

pub(crate) use api::{parse, read_body};

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde::Serialize;
use syncline::protocol::ErrorCode;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::Options;
use crate::db::Database;
use crate::failure::Failure;
use crate::faults::Faults;
use crate::live::{self, Live};
use crate::stores::PROJECTS;

/// How long a browser may remember what a preflight allowed.
const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

/// The live channel over HTTP.
const LIVE_PATHS: [&str; 2] = ["/api/events", "/api/live"];

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) options: Options,
    /// Present when the server was started with `--faults`.
    pub(crate) faults: Option<Faults>,
    pub(crate) live: Arc<Live>,
    /// Becomes true when the server is told to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// All routes of the server.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut api = Router::new()
        .route("/api/health", get(api::health))
        .route("/api/load", get(api::load).post(api::load))
        .route("/api/sync", post(api::sync))
        .route("/api/events", get(live::events))
        .route("/api/live", post(live::post));
    for project in PROJECTS {
        let load = move |app, request| api::load_project(project, app, request);
        let sync = move |app, request| api::sync_project(project, app, request);
        api = api
            .route(&format!("/api/{}/load", project.name), get(load).post(load))
            .route(&format!("/api/{}/sync", project.name), post(sync));
    }
    if app.faults.is_some() {
        api = api.route("/api/_faults", get(api::faults).post(api::set_faults));
    }
    let api = api
        .route("/api", any(api::not_found))
        .route("/api/", any(api::not_found))
        .route("/api/{*rest}", any(api::not_found))
        .method_not_allowed_fallback(api::method_not_allowed)
        .layer(from_fn_with_state(app.clone(), guard::check));
    let mut router = match &app.options.static_dir {
        Some(directory) => api.merge(pages::routes(directory)),
        None => api.fallback(pages::hint),
    };
    router = router
        .route("/ws", get(live::upgrade))
        .route("/ws/{project}", get(live::upgrade))
        .layer(live::socketio_layer(&app))
        .layer(from_fn_with_state(app.clone(), guard::check_socket))
        .layer(cors(&app.options.allow_origin));
    router
        .layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static("x-content-type-options"),
            HeaderValue::from_static("nosniff"),
        ))
        .layer(from_fn(guard::trace))
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(app)
}

/// An answer in JSON that nobody may cache.
pub(crate) fn json_response(status: u16, value: &impl Serialize) -> Response {
    let text = serde_json::to_vec(value).unwrap_or_else(|_| b"{\"success\":false}".to_vec());
    json_text(status, text)
}

/// An answer of JSON text.
pub(crate) fn json_text(status: u16, text: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, headers, text.into()).into_response()
}

/// The origins that were named may do everything; pages of this machine may use the live channel.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.to_vec();
    let allowed = move |origin: &HeaderValue, parts: &Parts| {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        let path = parts.uri.path();
        let live = path.starts_with("/socket.io") || LIVE_PATHS.contains(&path);
        origins.iter().any(|named| named == origin) || (live && live::auth::is_loopback(origin))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([axum::http::Method::GET, axum::http::Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .allow_credentials(true)
        .max_age(PREFLIGHT_AGE)
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Failure::new(ErrorCode::Internal, "The server failed").into_response()
}
