//! What clients ask for once they are connected, by whichever channel.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use syncline::protocol::{ErrorCode, PHANTOM_ID, is_id_text};
use tokio::sync::oneshot;

use super::User;
use super::frames::{Frame, store_named};
use super::locks::{Denied, Granted, Owner, TTL_MS, Wish};
use super::presence::{Action, Activity};
use crate::failure::Failure;
use crate::http::App;
use crate::load::LoadRequest;
use crate::save::{self, Outcome};
use crate::stores::value::Id;
use crate::stores::{IdKind, PROJECTS, Project, Store, all_stores};
use crate::sync::Place;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) client: String,
    pub(crate) user: User,
    /// The user comes from a signed token.
    pub(crate) verified: bool,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Now(Vec<Frame>),
    /// A lock that is waited for.
    Later(Pending),
}

/// A lock that is waited for.
#[derive(Debug)]
pub(crate) struct Pending {
    request: Value,
    store: &'static str,
    granted: oneshot::Receiver<Granted>,
}

impl Pending {
    /// Waits for the outcome.
    pub(crate) async fn frame(self) -> Frame {
        match self.granted.await {
            Ok(Ok(held)) => Frame::ack(&self.request, held.to_wire(self.store)),
            Ok(Err(denied)) => refused(&self.request, denied, self.store),
            // The waiting client's last connection is gone: nobody reads this.
            Err(_) => {
                let failure = Failure::new(ErrorCode::NotSubscribed, "The client is gone");
                Frame::refusal(&self.request, &failure, Value::Null)
            }
        }
    }
}

/// The word in `type`, or in `command`.
pub(crate) fn kind_of(message: &Map<String, Value>) -> Option<&str> {
    let kind = message.get("type").or_else(|| message.get("command"));
    kind.and_then(Value::as_str)
}

/// The room that a message names.
pub(crate) fn project_of(
    message: &Map<String, Value>,
) -> Result<Option<&'static Project>, Failure> {
    match message.get("project") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => project_named(name).map(Some),
        Some(_) => Err(bad("`project` must be a text")),
    }
}

pub(crate) fn project_named(name: &str) -> Result<&'static Project, Failure> {
    let found = PROJECTS.iter().find(|project| project.name == name);
    found.copied().ok_or_else(|| {
        let name: String = name.chars().take(100).collect();
        Failure::new(
            ErrorCode::UnknownProject,
            format!("There is no project `{name}` here"),
        )
    })
}

/// The `requestId` of a message, or null.
///
/// # Errors
/// `BAD_REQUEST_ID`, when it is no number or text of proper length.
pub(crate) fn request_of(message: &Map<String, Value>) -> Result<Value, Failure> {
    let id = message.get("requestId").cloned().unwrap_or_default();
    crate::load::request_id(Some(&id)).map(|_| id)
}

/// Carries out a request.
pub(crate) async fn perform(
    app: &Arc<App>,
    asker: &Asker,
    request: &Value,
    message: Map<String, Value>,
) -> Result<Answer, Failure> {
    let project = project_of(&message)?;
    let frame = match kind_of(&message) {
        Some("sync") => return save(app, asker, project, message).await,
        Some("load" | "requestInitialData") => load(app, asker, project, request, message).await?,
        Some("presence") => {
            set_activity(app, asker, room(app, asker, project)?, &message)?;
            Frame::ack(request, Value::Null)
        }
        Some("lock") => {
            let pending = lock(app, asker, room(app, asker, project)?, request, &message)?;
            return Ok(Answer::Later(pending));
        }
        // By post alone: other connections leave by themselves.
        Some("unsubscribe") => {
            let named = message.get("connectionId").and_then(Value::as_str);
            let mut hub = app.live.hub();
            hub.dismiss(&asker.client, named, app.live.now());
            Frame::ack(request, Value::Null)
        }
        Some(kind @ ("unlock" | "denyLock")) => {
            let (store, place) = place(room(app, asker, project)?, &message)?;
            let to = content(&message).get("to").and_then(Value::as_str);
            let done = {
                let mut hub = app.live.hub();
                let done = if kind == "unlock" {
                    let now = app.live.now();
                    hub.locks.unlock(&place, &asker.client, to, now)
                } else {
                    hub.locks.deny(&place, &asker.client, to)
                };
                hub.tell_notices();
                done
            };
            match done {
                Ok(()) => {
                    let id = place.1.to_value();
                    Frame::ack(request, json!({ "recordType": store.name, "recordId": id }))
                }
                Err(denied) => refused(request, denied, store.name),
            }
        }
        Some(kind) => {
            let kind: String = kind.chars().take(100).collect();
            let message = format!("There is no message of the type `{kind}`");
            return Err(Failure::new(ErrorCode::UnknownType, message));
        }
        None => return Err(bad("A message needs a text as its `type`")),
    };
    Ok(Answer::Now(vec![frame]))
}

/// The room that a request is about, in which the asker has to be.
fn room(
    app: &App,
    asker: &Asker,
    named: Option<&'static Project>,
) -> Result<&'static Project, Failure> {
    let hub = app.live.hub();
    let project = named.or_else(|| hub.only_room(&asker.client));
    project
        .filter(|project| hub.is_in(&asker.client, project))
        .ok_or_else(|| {
            let message = "Subscribe to the project first";
            Failure::new(ErrorCode::NotSubscribed, message)
        })
}

/// The members of a message: in `data`, or beside its type.
fn content(message: &Map<String, Value>) -> &Map<String, Value> {
    message
        .get("data")
        .and_then(Value::as_object)
        .unwrap_or(message)
}

fn set_activity(
    app: &App,
    asker: &Asker,
    project: &'static Project,
    message: &Map<String, Value>,
) -> Result<(), Failure> {
    let content = content(message);
    let name = content.get("action").and_then(Value::as_str);
    let action = name.map_or(Some(Action::Viewing), Action::from_name);
    let action = action.ok_or_else(|| bad("`action` must be viewing, editing or left"))?;
    let names_record = content
        .get("recordId")
        .or_else(|| content.get("id"))
        .is_some_and(|id| !id.is_null());
    let record = if names_record {
        let (store, place) = place(project, message)?;
        Some((store.name, place.1.to_value()))
    } else {
        None
    };
    let activity = Activity { record, action };
    let now = app.live.now();
    app.live
        .hub()
        .set_activity(&asker.client, project, activity, now);
    Ok(())
}

fn lock(
    app: &App,
    asker: &Asker,
    project: &'static Project,
    request: &Value,
    message: &Map<String, Value>,
) -> Result<Pending, Failure> {
    let (store, place) = place(project, message)?;
    let content = content(message);
    let millis = |name: &str, default: i64| match content.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => {
            let number = value.as_f64().filter(|number| *number >= 0.0);
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
            let number = number.map(|number| number as i64);
            number.ok_or_else(|| bad(format!("`{name}` must be a number of milliseconds")))
        }
    };
    let wish = Wish {
        place,
        owner: Owner {
            client: asker.client.clone(),
            user: asker.user.clone(),
        },
        timeout_ms: millis("timeoutMs", 0)?,
        ttl_ms: millis("ttlMs", TTL_MS)?,
    };
    let (reply, granted) = oneshot::channel();
    let now = app.live.now();
    let mut hub = app.live.hub();
    hub.locks.lock(wish, reply, now);
    hub.tell_notices();
    Ok(Pending {
        request: request.clone(),
        store: store.name,
        granted,
    })
}

/// The record that a message is about.
fn place(
    project: &'static Project,
    message: &Map<String, Value>,
) -> Result<(&'static Store, Place), Failure> {
    let content = content(message);
    // `type` names the record's only inside `data`: outside it is the message's.
    let inside = message.get("data").is_some_and(Value::is_object);
    let name = content.get("recordType").or_else(|| content.get("store"));
    let name = name.or_else(|| content.get("type").filter(|_| inside));
    let name = name.and_then(Value::as_str);
    let name = name.ok_or_else(|| bad("`recordType` must be the name of a store"))?;
    let store = store_named(project, name).ok_or_else(|| {
        let name: String = name.chars().take(100).collect();
        Failure::new(
            ErrorCode::UnknownStore,
            format!("There is no store `{name}` here"),
        )
    })?;
    let id = content.get("recordId").or_else(|| content.get("id"));
    let id = id.and_then(|id| Id::from_value(store.id, id));
    let id = id.ok_or_else(|| bad(format!("`recordId` must be the id of {}", store.a_noun())))?;
    Ok((store, (store.table, id)))
}

fn refused(request: &Value, denied: Denied, store: &str) -> Frame {
    let data = denied.holder.map(|held| held.to_wire(store));
    let failure = Failure::new(denied.code, denied.message);
    Frame::refusal(request, &failure, json!(data))
}

async fn load(
    app: &App,
    asker: &Asker,
    project: Option<&'static Project>,
    request: &Value,
    mut message: Map<String, Value>,
) -> Result<Frame, Failure> {
    let names = [asker.client.clone(), asker.user.id.clone()];
    if let Some(faults) = &app.faults {
        faults.wait(&names).await;
    }
    let project = project.or_else(|| app.live.hub().only_room(&asker.client));
    message.retain(|name, _| name == "stores" || name == "requestId");
    let load = LoadRequest::parse(project, &Value::Object(message))?;
    let of = load.project;
    let text = load.answer(&app.database).await?;
    let data: Value = serde_json::from_slice(&text)
        .map_err(|_| Failure::new(ErrorCode::Internal, "The server failed"))?;
    let mut body = json!({ "revision": data.get("revision"), "data": data });
    if !request.is_null() {
        body["requestId"] = request.clone();
    }
    Ok(Frame::of_room("load", of, body))
}

async fn save(
    app: &Arc<App>,
    asker: &Asker,
    project: Option<&'static Project>,
    message: Map<String, Value>,
) -> Result<Answer, Failure> {
    let request = message.get("requestId").cloned().unwrap_or_default();
    let package = package(message, &asker.client)?;
    let changes = Value::Object(package.clone());
    let user = asker.verified.then(|| asker.user.clone());
    let outcome = save::save(app, project, Value::Object(package), user).await;
    let (status, failure) = match outcome {
        Outcome::Silence | Outcome::Hang => return Ok(Answer::Now(Vec::new())),
        Outcome::Done(Ok(text)) => {
            let data = serde_json::from_str(&text).unwrap_or_default();
            return Ok(Answer::Now(vec![Frame::ack(&request, data)]));
        }
        Outcome::Done(Err(failure)) => (failure.0.code.http_status(), failure),
        Outcome::Failed(status, failure) => (status, failure),
    };
    let data = serde_json::to_value(&failure.0).unwrap_or_default();
    let mut ack = Frame::refusal(&request, &failure, data);
    ack.body.insert("status".to_owned(), status.into());
    let mut frames = vec![ack];
    if request.is_null() {
        // Who asks for no answer hears of it as the reference's clients do.
        frames.extend(conflicts(&failure, &changes));
        if failure.0.conflicts.is_empty() {
            frames.push(Frame::error(&failure, &Value::Null));
        }
    }
    Ok(Answer::Now(frames))
}

/// The package in a message: in `data`, or beside its type.
fn package(mut message: Map<String, Value>, client: &str) -> Result<Map<String, Value>, Failure> {
    let mut package = match message.remove("data") {
        Some(Value::Object(data)) => data,
        None | Some(Value::Null) => {
            let envelope = ["type", "command", "project", "timestamp"];
            message.retain(|name, _| !envelope.contains(&name.as_str()));
            std::mem::take(&mut message)
        }
        Some(_) => return Err(bad("`data` must be an object")),
    };
    for name in ["requestId", "revision", "clientId"] {
        if let Some(value) = message.remove(name) {
            package.insert(name.to_owned(), value);
        }
    }
    package.insert("type".to_owned(), "sync".into());
    package
        .entry("clientId")
        .or_insert_with(|| client.to_owned().into());
    for (name, section) in &mut package {
        let mut stores = all_stores();
        let Some(store) = stores.find(|store| store.name == *name) else {
            continue;
        };
        let updated = section.get_mut("updated").and_then(Value::as_array_mut);
        for row in updated.into_iter().flatten() {
            unwrap_changes(row);
        }
        if store.id != IdKind::Integer {
            continue;
        }
        let added = section.get_mut("added").and_then(Value::as_array_mut);
        for row in added.into_iter().flatten() {
            name_phantom(row);
        }
    }
    Ok(package)
}

/// An added row that carries its temporary id in the place of the real one, which the server gives.
fn name_phantom(row: &mut Value) {
    let Some(row) = row.as_object_mut() else {
        return;
    };
    let id = row.get("id").and_then(Value::as_str);
    let id = id.filter(|id| is_id_text(id)).map(str::to_owned);
    if let Some(id) = id.filter(|_| !row.contains_key(PHANTOM_ID)) {
        row.insert(PHANTOM_ID.to_owned(), id.into());
    }
}

/// An updated row whose fields say what they were before, as listeners of a store are told it.
fn unwrap_changes(row: &mut Value) {
    let fields = row.as_object_mut().into_iter().flatten();
    for (_, field) in fields {
        let change = field.as_object_mut().filter(|change| {
            change.len() <= 2 && change.contains_key("oldValue") && change.contains_key("value")
        });
        if let Some(value) = change.and_then(|change| change.remove("value")) {
            *field = value;
        }
    }
}

/// One message for each record that clashed.
fn conflicts(failure: &Failure, changes: &Value) -> Vec<Frame> {
    let frames = failure.0.conflicts.iter().map(|conflict| {
        let section = changes.get(&conflict.store);
        let lists = ["updated", "modified"].into_iter();
        let rows = lists.filter_map(|list| section?.get(list)?.as_array());
        let mut rows = rows.flatten();
        let same = |row: &&Value| row.get("id").is_some_and(|id| same_id(id, &conflict.id));
        let body = json!({
            "requestId": null,
            "data": {
                "recordType": conflict.store,
                "recordId": conflict.id,
                "fields": conflict.fields,
                "removed": conflict.removed,
                "serverVersion": conflict.server,
                "clientVersion": rows.find(same),
            },
        });
        Frame::new("conflict", body)
    });
    frames.collect()
}

fn same_id(left: &Value, right: &Value) -> bool {
    let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    text(left) == text(right)
}

pub(crate) fn bad(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::frames::singular;

    #[test]
    fn a_record_is_named_by_its_store_or_by_what_one_of_it_is_called() {
        for store in PROJECTS.iter().flat_map(|project| project.stores) {
            let project = PROJECTS.iter().find(|one| one.store(store.name).is_some());
            let project = project.unwrap();
            for name in [store.name, singular(store.name)] {
                assert_eq!(store_named(project, name).unwrap().name, store.name);
            }
        }
    }

    #[test]
    fn a_package_is_the_same_beside_the_type_and_in_data() {
        let flat = json!({
            "type": "sync", "requestId": 1, "revision": 4,
            "events": { "added": [{ "id": "_g1", "name": "A" }] },
        });
        let nested = json!({
            "type": "sync", "requestId": 1, "revision": 4, "timestamp": 5,
            "data": { "events": { "added": [{ "id": "_g1", "name": "A" }] } },
        });
        let of = |message: Value| package(message.as_object().unwrap().clone(), "me").unwrap();
        assert_eq!(of(flat.clone()), of(nested));
        let package = of(flat);
        assert_eq!(package["clientId"], "me");
        assert_eq!(package["events"]["added"][0][PHANTOM_ID], "_g1");
    }

    #[test]
    fn an_updated_row_may_say_what_its_fields_were_before() {
        let message = json!({
            "type": "sync",
            "data": { "events": { "updated": [
                { "id": 4, "name": { "oldValue": "A", "value": "B" }, "location": null },
            ] } },
        });
        let package = package(message.as_object().unwrap().clone(), "me").unwrap();
        let row = &package["events"]["updated"][0];
        assert_eq!(*row, json!({ "id": 4, "name": "B", "location": null }));
    }
}
