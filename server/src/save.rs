//! Carries out a sync, whichever way it came: by HTTP or over the live channel.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline::protocol::ErrorCode;

use crate::failure::Failure;
use crate::faults::Fault;
use crate::http::App;
use crate::live::User;
use crate::stores::Project;
use crate::sync::{self, Package, Place, Sender};

/// What became of a sync.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The answer as text, or why there is none.
    Done(Result<String, Failure>),
    /// A planned failure with this status.
    Failed(u16, Failure),
    /// The answer gets lost, as planned.
    Silence,
    /// Nothing was done, and there is no answer, as planned.
    Hang,
}

/// The failure of a load or sync that was asked for.
pub(crate) fn planned_failure(status: u16) -> Failure {
    let message = format!("This failure with status {status} was asked for");
    Failure::new(ErrorCode::Internal, message)
}

/// Waits until the server stops.
pub(crate) async fn hang(app: &App) {
    let mut stopping = app.stopping.clone();
    _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Saves a package. `user` is who sent it, when a token says so; else the user counts as whom its
/// client is connected.
pub(crate) async fn save(
    app: &Arc<App>,
    project: Option<&'static Project>,
    package: Value,
    user: Option<User>,
) -> Outcome {
    let request = package.get("requestId").cloned();
    let names = names_of(app, &package, user.as_ref());
    if let Some(faults) = &app.faults {
        faults.wait(&names).await;
        match faults.take(&names, true) {
            None => {}
            Some(Fault::Hang) => return Outcome::Hang,
            Some(Fault::Fail(status)) => {
                let failure = planned_failure(status);
                return Outcome::Failed(status, failure.of_request(request.as_ref()));
            }
            Some(Fault::Refuse(message)) => {
                let failure = crate::faults::refuse_all(&package, &message);
                return Outcome::Done(Err(failure.of_request(request.as_ref())));
            }
        }
    }
    let worker = app.clone();
    let clash = app
        .faults
        .as_ref()
        .is_some_and(|faults| faults.take_conflict(&names));
    // In a task of its own: a client that goes away doesn't stop a sync half-way.
    let work = tokio::spawn(async move {
        if clash {
            change_before(&worker, project, &package).await;
        }
        carry_out(&worker, project, package, user, true).await
    });
    let failed = match work.await {
        Ok(Ok(_))
            if app
                .faults
                .as_ref()
                .is_some_and(|faults| faults.take_drop(&names)) =>
        {
            return Outcome::Silence;
        }
        Ok(Ok(text)) => return Outcome::Done(Ok(text)),
        Ok(Err(failure)) => failure,
        Err(error) => {
            tracing::error!(%error, "sync");
            Failure::new(ErrorCode::Internal, "The server failed; nothing was saved")
        }
    };
    Outcome::Done(Err(failed.of_request(request.as_ref())))
}

/// `locks`: whether records that others hold are out of reach.
async fn carry_out(
    app: &App,
    project: Option<&'static Project>,
    body: Value,
    user: Option<User>,
    locks: bool,
) -> Result<String, Failure> {
    let package = Package::parse(project, body)?;
    let client = package.client.as_str();
    let verified = user.as_ref();
    let connected = app.live.hub().user_of(client).cloned();
    let shown = verified.or(connected.as_ref()).map_or(
        Value::Null,
        |user| json!({ "userId": user.id, "userName": user.name }),
    );
    let holder = |place: &Place| {
        let other = || app.live.hub().other_holder(place, client, verified);
        locks.then(other).flatten()
    };
    let sender = Sender {
        user: &shown,
        holder: &holder,
        now: app.live.now(),
    };
    let answer = sync::run(&app.database, &package, sender).await?;
    app.live.saved();
    Ok(answer)
}

/// Under which names faults may be planned for the sender.
pub(crate) fn names_of(app: &App, package: &Value, user: Option<&User>) -> Vec<String> {
    let client = match package.get("clientId") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let known = app.live.hub().user_of(&client).map(|user| user.id.clone());
    let user = user.map(|user| user.id.clone()).or(known);
    [client].into_iter().chain(user).collect()
}

/// Does what a planned conflict needs: somebody else changes what the package is about to change,
/// also what its sender has locked, as a program without locks would.
async fn change_before(app: &App, project: Option<&'static Project>, package: &Value) {
    let Ok(parsed) = Package::parse(project, package.clone()) else {
        return;
    };
    let mut sections = json!({ "clientId": "somebody-else" });
    for section in &parsed.sections {
        let rows: Vec<Value> = section
            .updated
            .iter()
            .filter_map(|row| {
                let changed = |(name, value): (&String, &Value)| {
                    let field = section.store.field(name)?;
                    Some((name.clone(), field.another(value)?))
                };
                let mut other: serde_json::Map<_, _> = row.iter().filter_map(changed).collect();
                if other.is_empty() {
                    return None;
                }
                other.insert("id".to_owned(), row.get("id")?.clone());
                Some(Value::Object(other))
            })
            .collect();
        if !rows.is_empty() {
            sections[section.store.name] = json!({ "updated": rows });
        }
    }
    let user = User::new(
        "somebody-else".to_owned(),
        Some("Somebody else".to_owned()),
        None,
    );
    if let Err(failure) = carry_out(app, Some(parsed.project), sections, user, false).await {
        tracing::warn!(message = failure.0.message, "the planned conflict");
    }
}
