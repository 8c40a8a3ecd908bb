//! Removals that are taken back when it is too late: what the server has removed comes back as a
//! whole.

use serde_json::{Value, json};
use syncline::engine::input::{Input, Scope};

use crate::network::Fate;
use crate::world::World;

/// A world in which the event 1 was removed, the removal is on the wire, and was taken back.
fn taken_back(
    send_cascade: bool,
    config: Value,
    how: impl Fn(&mut World, usize),
) -> (World, usize) {
    let mut world = World::calendar();
    world.send_cascade = send_cascade;
    let client = world.loaded(config);
    world.remove(client, "events", 1);
    world.sync(client);
    assert_eq!(world.count(client, "assignments"), 0);
    how(&mut world, client);
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.count(client, "assignments"), 1);
    (world, client)
}

fn reject(world: &mut World, client: usize) {
    world.reject_all(client);
}

fn reject_record(world: &mut World, client: usize) {
    let store = world.clients[client].stores["events"];
    let engine = &world.clients[client].engine;
    let row = engine.store(store).unwrap().removed()[0];
    world
        .feed(client, Input::Reject(Scope::Record(store, row)))
        .unwrap();
}

/// The server has the event and its assignment again, and the client nothing to send.
fn check_whole(world: &World, client: usize) {
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.server.count("events"), 2);
    assert_eq!(world.server.count("assignments"), 1);
    let link = world.server.rows["assignments"].values().next().unwrap();
    let event = world
        .server
        .row("events", link["eventId"].as_u64().unwrap());
    assert_eq!(event.unwrap()["name"], "one");
    let row = world.rows(client, "assignments")[0];
    assert_eq!(
        world.get_row(client, "assignments", row, "eventId"),
        link["eventId"]
    );
    world.check_end();
}

#[test]
fn an_event_comes_back_with_its_assignments() {
    for send_cascade in [false, true] {
        for how in [reject, reject_record] {
            let (mut world, client) = taken_back(send_cascade, json!({}), how);
            world.settle();
            assert!(world.is_dirty(client));
            world.sync(client);
            world.settle();
            let pack = world.last_sync();
            let event = &pack["events"]["added"][0];
            let link = &pack["assignments"]["added"][0];
            assert_eq!(link["eventId"], event["$PhantomId"]);
            assert_eq!(event["$PhantomId"].as_str().unwrap().len(), 36);
            for store in ["events", "assignments"] {
                assert!(pack[store].get("updated").is_none(), "{pack}");
                assert!(pack[store].get("removed").is_none(), "{pack}");
            }
            check_whole(&world, client);
        }
    }
}

#[test]
fn auto_sync_sends_what_was_taken_back_too_late() {
    let config = json!({"autoSync": true, "autoSyncTimeout": 10});
    for send_cascade in [false, true] {
        let (mut world, client) = taken_back(send_cascade, config.clone(), reject);
        world.settle();
        check_whole(&world, client);
        assert_eq!(world.clients[client].requests, 2);
    }
}

#[test]
fn cascades_that_the_server_reports_come_back_too() {
    for sections in [
        json!({"assignments": {"removed": [{"id": 1}]}}),
        json!({"assignments": {"removed": [{"id": 1}]}, "events": {"removed": [{"id": 1}]}}),
    ] {
        for sequence in [
            json!(["events", "assignments"]),
            json!(["assignments", "events"]),
        ] {
            let mut world = World::calendar();
            let client = world.loaded(json!({"syncApplySequence": sequence}));
            let body = sections.to_string();
            world.fates.push_back(Fate::Garble(200, body));
            world.remove(client, "events", 1);
            world.sync(client);
            world.reject_all(client);
            world.settle();
            assert_eq!(world.count(client, "assignments"), 1);
            world.sync(client);
            world.settle();
            check_whole(&world, client);
        }
    }
}

#[test]
fn edits_made_after_the_removal_was_taken_back_are_part_of_what_is_added_again() {
    let (mut world, client) = taken_back(false, json!({}), reject);
    world.set(client, "events", 1, "n", 7);
    world.set(client, "assignments", 1, "resourceId", 2);
    world.settle();
    world.sync(client);
    world.settle();
    let pack = world.last_sync();
    assert_eq!(pack["events"]["added"][0]["n"], 7);
    assert_eq!(pack["assignments"]["added"][0]["resourceId"], 2);
    check_whole(&world, client);
}

#[test]
fn an_assignment_that_was_given_another_event_meanwhile_is_added_again_for_that() {
    let (mut world, client) = taken_back(false, json!({}), reject);
    world.set(client, "assignments", 1, "eventId", 2);
    world.settle();
    world.sync(client);
    world.settle();
    let pack = world.last_sync();
    assert_eq!(pack["assignments"]["added"][0]["eventId"], 2);
    assert!(!world.is_dirty(client));
    assert_eq!(world.server.count("assignments"), 1);
    world.check_end();
}

#[test]
fn what_is_removed_on_its_own_after_that_is_not_removed_twice() {
    let (mut world, client) = taken_back(false, json!({}), reject);
    world.remove(client, "assignments", 1);
    world.settle();
    world.sync(client);
    world.settle();
    assert!(world.last_sync().get("assignments").is_none());
    assert_eq!(world.server.count("events"), 2);
    assert_eq!(world.server.count("assignments"), 0);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_removal_by_the_users_own_hand_outlives_the_cascade_that_came_before_it() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    // The server doesn't know that the assignment is the second event's: its removal is sent.
    world.set(client, "assignments", 1, "eventId", 2);
    world.remove(client, "events", 2);
    let body = r#"{"success":false,"message":"no"}"#;
    world.fates.push_back(Fate::Reply(200, body.into()));
    world.sync(client);
    world.reject_all(client);
    world.remove(client, "assignments", 1);
    world.settle();
    world.sync(client);
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"assignments": {"removed": [{"id": 1}]}})
    );
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.server.count("assignments"), 0);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_removal_taken_back_and_refused_leaves_everything_as_it_was() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let body = r#"{"success":false,"message":"no"}"#;
    world.fates.push_back(Fate::Reply(200, body.into()));
    world.remove(client, "events", 1);
    world.sync(client);
    world.reject_all(client);
    world.settle();
    assert!(!world.is_dirty(client));
    assert_eq!(world.count(client, "assignments"), 1);
    assert!(world.find(client, "events", 1).is_some());
    world.check_end();
}

#[test]
fn auto_sync_undoes_edits_that_were_taken_back_on_the_wire() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "autoSyncTimeout": 10}));
    world.set(client, "events", 1, "name", "other");
    world.add(client, "events", json!({"name": "new"}));
    world.run(15);
    assert_eq!(world.clients[client].requests, 1);
    world.reject_all(client);
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "one");
    assert_eq!(world.server.count("events"), 2);
    assert!(!world.is_dirty(client));
    assert_eq!(world.clients[client].requests, 2);
    world.check_end();
}

#[test]
fn what_refers_to_an_addition_that_was_taken_back_goes_with_it_also_when_a_load_had_shown_it() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"idempotentSync": true, "retry": {"base": 60_000}}));
    world.add(client, "events", json!({"name": "new"}));
    world.fates.push_back(Fate::DropAnswer);
    world.sync(client);
    world.run(100);
    world.load(client);
    world.run(200);
    world.reject_all(client);
    let link = json!({"eventId": 1000, "resourceId": 1});
    world.add(client, "assignments", link);
    world.sync(client);
    world.settle();
    world.sync(client);
    world.settle();
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    assert!(world.find(client, "events", 1000).is_none());
    assert_eq!(world.count(client, "assignments"), 1);
    assert_eq!(world.server.count("events"), 2);
    assert_eq!(world.server.count("assignments"), 1);
    let sent = |pack: &Value| pack["assignments"].get("added").is_some();
    assert!(!world.server.received.iter().any(sent));
    world.check_end();
}

#[test]
fn a_record_that_is_added_again_while_its_removal_is_in_doubt_survives_a_load_without_it() {
    for config in [json!({}), json!({"syncDataOnLoad": {}})] {
        let mut config = config;
        config["idempotentSync"] = json!(true);
        let mut world = World::calendar();
        let client = world.loaded(config);
        world.remove(client, "events", 2);
        world.fates.push_back(Fate::DropAnswer);
        world.sync(client);
        world.run(25);
        let row = json!({"id": 2, "name": "back"});
        world.add(client, "events", row);
        world.load(client);
        world.settle();
        assert_eq!(world.count(client, "events"), 2);
        world.sync(client);
        world.settle();
        let names = world.server.rows["events"].values();
        assert_eq!(names.filter(|row| row["name"] == "back").count(), 1);
        assert!(!world.is_dirty(client), "{}", world.changes(client));
        world.check_end();
    }
}

#[test]
fn a_record_that_is_added_again_by_the_client_id_that_it_had_is_the_same_one() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.sync(client);
    world.settle();
    let again = json!([{"id": phantom, "name": "again"}]).to_string();
    let store = world.clients[client].stores["events"];
    let place = syncline::engine::input::Place::End;
    let rows = again.as_bytes();
    let refused = world.feed(client, Input::Add { store, rows, place });
    assert!(refused.is_err(), "it is here");
    world.feed(client, Input::Remove(store, &[row])).unwrap();
    world
        .feed(client, Input::Add { store, rows, place })
        .unwrap();
    assert_eq!(world.get(client, "events", 1000, "name"), "again");
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1000, "name": "again"}]}})
    );
    // Once its removal is confirmed, a new one is meant, and no server takes it for the old one.
    world.remove(client, "events", 1000);
    world.sync(client);
    world.settle();
    world
        .feed(client, Input::Add { store, rows, place })
        .unwrap();
    assert_ne!(
        world.changes(client)["events"]["added"][0]["$PhantomId"],
        phantom
    );
    world.sync(client);
    world.settle();
    assert_eq!(world.server.count("events"), 3);
    world.check_end();
}
