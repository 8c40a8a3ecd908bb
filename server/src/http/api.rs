//! The handlers under `/api`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use syncline::protocol::ErrorCode;

use super::{App, json_response, json_text};
use crate::failure::Failure;
use crate::faults::{Fault, FaultChange};
use crate::live::auth::Claims;
use crate::load::LoadRequest;
use crate::save::{Outcome, hang, names_of, planned_failure, save};
use crate::serve::drop_connection;
use crate::stores::Project;

/// How long the whole body of a request may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);

/// How much of a too large body is read to its end, as a multiple of the limit: a client that is
/// still sending reads the answer only then.
const DRAIN_FACTOR: usize = 4;

pub(super) async fn health(State(app): State<Arc<App>>) -> Result<Response, Failure> {
    let mut tx = app.database.read().await?;
    let revision = crate::db::revision(&mut tx).await?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(json_response(
        200,
        &json!({ "success": true, "revision": revision, "version": version }),
    ))
}

pub(super) async fn load(State(app): State<Arc<App>>, request: Request) -> Response {
    load_from(&app, None, request).await
}

pub(super) async fn load_project(
    project: &'static Project,
    State(app): State<Arc<App>>,
    request: Request,
) -> Response {
    load_from(&app, Some(project), request).await
}

pub(super) async fn sync(State(app): State<Arc<App>>, request: Request) -> Response {
    sync_from(app, None, request).await
}

pub(super) async fn sync_project(
    project: &'static Project,
    State(app): State<Arc<App>>,
    request: Request,
) -> Response {
    sync_from(app, Some(project), request).await
}

pub(super) async fn faults(State(app): State<Arc<App>>) -> Response {
    json_response(200, &app.faults.as_ref().map(|faults| faults.plans()))
}

pub(super) async fn set_faults(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Failure> {
    let body = parse(&read_body(&app, request).await?)?;
    let change: FaultChange = serde_json::from_value(body)
        .map_err(|error| Failure::new(ErrorCode::BadRequest, error.to_string()))?;
    if change.drop_sockets {
        app.live.hub().cut(change.client.as_deref());
    }
    Ok(json_response(
        200,
        &app.faults.as_ref().map(|faults| faults.set(change)),
    ))
}

pub(super) async fn not_found(uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(200).collect();
    Failure::new(ErrorCode::NotFound, format!("There is nothing at {path}"))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Failure {
    let message = format!("{method} is not possible at {}", uri.path());
    Failure::new(ErrorCode::MethodNotAllowed, message)
}

async fn load_from(
    app: &Arc<App>,
    project: Option<&'static Project>,
    request: Request,
) -> Response {
    let package = match load_package(app, request).await {
        Ok(package) => package,
        Err(failure) => return failure.into_response(),
    };
    if let Some(response) = fault(app, &package).await {
        return response;
    }
    let answer = async {
        LoadRequest::parse(project, &package)?
            .answer(&app.database)
            .await
    };
    match answer.await {
        Ok(text) => json_text(200, text),
        Err(failure) => failure.of_request(package.get("requestId")).into_response(),
    }
}

async fn sync_from(app: Arc<App>, project: Option<&'static Project>, request: Request) -> Response {
    let claims = request.extensions().get::<Claims>().cloned();
    let body = match read_body(&app, request).await.and_then(|body| parse(&body)) {
        Ok(body) => body,
        Err(failure) => return failure.into_response(),
    };
    let user = claims.and_then(|claims| claims.user);
    match save(&app, project, body, user).await {
        Outcome::Done(Ok(text)) => json_text(200, text),
        Outcome::Done(Err(failure)) => failure.into_response(),
        Outcome::Failed(status, failure) => json_response(status, &failure.0),
        Outcome::Silence => drop_connection(),
        Outcome::Hang => {
            hang(&app).await;
            drop_connection()
        }
    }
}

/// The package of a load: the body of a POST, or the query parameter `data`; nothing at all asks
/// for everything.
async fn load_package(app: &App, request: Request) -> Result<Value, Failure> {
    let uri = request.uri().clone();
    if *request.method() == Method::POST {
        let body = read_body(app, request).await?;
        if !body.trim_ascii().is_empty() {
            return parse(&body);
        }
    }
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(&uri) else {
        return Err(Failure::new(
            ErrorCode::BadRequest,
            "The query of the address is broken",
        ));
    };
    match query.iter().find(|(name, _)| name == "data") {
        Some((_, text)) => parse(text.as_bytes()),
        None => Ok(json!({})),
    }
}

/// Parses JSON; beyond 127 levels of nesting it is refused, not followed.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Failure> {
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| Failure::new(ErrorCode::BadJson, format!("This is no JSON: {error}")))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(Failure::new(
        ErrorCode::BadRequest,
        "The package must be a JSON object",
    ))
}

pub(crate) async fn read_body(app: &App, request: Request) -> Result<Vec<u8>, Failure> {
    let limit = app.options.body_limit;
    let (parts, body) = request.into_parts();
    let reading = async {
        let mut body = body;
        let mut bytes = Vec::new();
        let mut large = declared_length(&parts.headers).is_some_and(|length| length > limit);
        while !large {
            let data = match body.frame().await {
                None => return Ok(bytes),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(_)) => {
                    return Err(Failure::new(ErrorCode::BadRequest, "The body broke off"));
                }
            };
            large = bytes.len() + data.len() > limit;
            bytes.extend_from_slice(&data);
        }
        drain(body, limit).await;
        let message = format!("The body is larger than {limit} bytes");
        Err(Failure::new(ErrorCode::TooLarge, message))
    };
    match tokio::time::timeout(BODY_TIME, reading).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(
            ErrorCode::Timeout,
            "The body took too long to arrive",
        )),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn drain(mut body: Body, limit: usize) {
    let mut left = limit.saturating_mul(DRAIN_FACTOR);
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, |data| data.len());
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// Carries out the fault that is planned for this load, if any.
async fn fault(app: &App, package: &Value) -> Option<Response> {
    let faults = app.faults.as_ref()?;
    let names = names_of(app, package, None);
    faults.wait(&names).await;
    match faults.take(&names, false)? {
        Fault::Hang => {
            hang(app).await;
            Some(drop_connection())
        }
        Fault::Fail(status) => {
            let failure = planned_failure(status);
            Some(json_response(status, &failure.0))
        }
        // Loads aren't refused.
        Fault::Refuse(_) => None,
    }
}
