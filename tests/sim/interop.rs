//! What the tests about servers in the wild share. Each of those tests carries the number of a
//! habit that real servers have, and shows what becomes of the client's data when it meets such a
//! server.

use serde_json::{Value, json};
use syncline::engine::effect::HttpRequest;
use syncline::engine::error::{ErrorCode, SyncError};
use syncline::engine::input::{CallId, Input};

use crate::network::{Fate, Parcel};
use crate::world::World;

pub fn auto() -> Value {
    json!({"autoSync": true, "autoSyncTimeout": 100})
}

/// No retries, so that a failure is the last thing that happens.
pub fn patient() -> Value {
    json!({"retry": {"max": 0}})
}

/// The next request is answered by this; the server isn't reached.
pub fn answer(world: &mut World, status: u16, body: impl ToString) {
    world.fates.push_back(Fate::Reply(status, body.to_string()));
}

/// Syncs, meets that answer, and gives the outcome.
pub fn sync_meets(
    world: &mut World,
    client: usize,
    status: u16,
    body: impl ToString,
) -> Result<bool, ErrorCode> {
    answer(world, status, body);
    let call = world.sync(client);
    world.settle();
    world
        .outcome(client, call)
        .expect("a call that has settled")
}

/// Loads, meets that answer, and gives the outcome.
pub fn load_meets(
    world: &mut World,
    client: usize,
    status: u16,
    body: impl ToString,
) -> Result<bool, ErrorCode> {
    answer(world, status, body);
    let call = world.load(client);
    world.settle();
    world
        .outcome(client, call)
        .expect("a call that has settled")
}

/// Why a call was rejected.
pub fn error(world: &World, client: usize, call: CallId) -> SyncError {
    match &world.clients[client].settled[&call] {
        Err(error) => error.clone(),
        Ok(_) => panic!("it didn't fail"),
    }
}

/// Why the last call was rejected.
pub fn last_error(world: &World, client: usize) -> SyncError {
    error(world, client, CallId(world.clients[client].opened))
}

/// The request that is on its way to the server.
pub fn on_the_wire(world: &World) -> HttpRequest {
    let arriving = world.parcels.values().find_map(|parcel| match parcel {
        Parcel::Arrive { http, .. } => Some((**http).clone()),
        _ => None,
    });
    arriving.expect("a request on its way")
}

pub fn header<'a>(http: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut headers = http.headers.iter();
    headers
        .find(|(given, _)| given.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

pub fn revision(world: &World, client: usize) -> Option<String> {
    let client = &world.clients[client];
    let manager = client.engine.manager(client.manager).unwrap();
    manager.revision().map(|revision| revision.to_json())
}

pub fn changeset(world: &mut World, client: usize, changes: Value) {
    let manager = world.clients[client].manager;
    world
        .feed(
            client,
            Input::ApplyChangeset(manager, changes.to_string().as_bytes()),
        )
        .unwrap();
}

/// A client with one more store, which has been loaded with these rows.
pub fn with_store(world: &mut World, config: Value, store: Value, rows: Value) -> usize {
    let client = world.client(config);
    let name = store["id"].as_str().unwrap().to_owned();
    world.add_store(client, store);
    let mut body = json!({"success": true});
    body[&name] = rows;
    assert_eq!(load_meets(world, client, 200, body), Ok(true));
    world.clients[client].log.clear();
    world.clients[client].warnings.clear();
    world.clients[client].requests = 0;
    client
}

/// A field of every record of a store, in order.
pub fn column(world: &World, client: usize, store: &str, field: &str) -> Vec<Value> {
    let rows = world.rows(client, store).into_iter();
    rows.map(|row| world.get_row(client, store, row, field))
        .collect()
}
