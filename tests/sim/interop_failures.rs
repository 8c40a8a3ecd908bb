//! Servers in the wild, 19 to 25: what goes wrong with them.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::Status;
use syncline::engine::input::{CallId, Input, Scope};

use crate::interop::{answer, auto, changeset, column, patient, revision, sync_meets, with_store};
use crate::network::Fate;
use crate::server::Habits;
use crate::world::World;

fn status(world: &World, client: usize) -> Status {
    let client = &world.clients[client];
    client.engine.status(client.manager).unwrap()
}

/// A server that makes a second row of what it gets a second time.
fn forgetful() -> World {
    let mut world = World::calendar();
    world.server.habits = Habits {
        deduplicates: false,
        ..Habits::default()
    };
    world
}

#[test]
fn interop_19_a_package_that_adds_nothing_is_sent_again_by_itself() {
    for fate in [
        Fate::DropRequest,
        Fate::DropAnswer,
        Fate::VanishAnswer,
        Fate::Half,
        Fate::Garble(503, "busy".into()),
        Fate::Garble(200, "<br>Warning".into()),
    ] {
        let mut world = forgetful();
        let client = world.loaded(auto());
        world.fates.push_back(fate.clone());
        world.set(client, "events", 1, "name", "mine");
        world.remove(client, "events", 2);
        world.settle();
        assert_eq!(world.clients[client].requests, 2, "{fate:?}");
        assert_eq!(world.server.row("events", 1).unwrap()["name"], "mine");
        assert!(world.server.row("events", 2).is_none());
        if let [first, second] = &world.server.received[..] {
            assert_eq!(first, second, "byte for byte");
        }
        assert!(!world.is_dirty(client) && !world.clients[client].doubted);
        world.check_end();
    }
}

#[test]
fn interop_19_an_addition_is_not_sent_twice_to_a_server_that_would_add_it_twice() {
    for (fate, rows) in [
        (Fate::DropAnswer, 3),
        (Fate::VanishAnswer, 3),
        (Fate::Garble(500, "oops".into()), 3),
        (Fate::DropRequest, 2),
    ] {
        let mut world = forgetful();
        let client = world.loaded(auto());
        world.fates.push_back(fate.clone());
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        world.settle();
        assert_eq!(world.server.count("events"), rows, "{fate:?}");
        assert!(world.clients[client].doubted, "the app is told");
        assert_eq!(status(&world, client), Status::Failed);
        let name = world.get(client, "events", phantom.as_str().unwrap(), "name");
        assert_eq!(name, "new", "not lost");
        assert_eq!(
            world.server.loads.len(),
            2,
            "a load has told what the server has"
        );
        world.set(client, "events", 1, "name", "another edit");
        world.settle();
        assert_eq!(world.server.count("events"), rows, "{fate:?}");
        // The user decides: here, that it is to be sent.
        world.sync(client);
        world.settle();
        assert_eq!(world.server.count("events"), rows + 1);
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_19_the_app_can_drop_an_addition_in_doubt_that_the_server_has() {
    let mut world = forgetful();
    let client = world.loaded(auto());
    world.fates.push_back(Fate::DropAnswer);
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.settle();
    assert_eq!(
        world.count(client, "events"),
        4,
        "the server's, and the one in doubt"
    );
    let doubtful = world.find(client, "events", phantom.as_str().unwrap());
    let store = world.clients[client].stores["events"];
    let drop = Input::Reject(Scope::Record(store, doubtful.unwrap()));
    world.feed(client, drop).unwrap();
    world.settle();
    assert_eq!(
        column(&world, client, "events", "name"),
        ["one", "two", "new"]
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_19_a_server_that_knows_repeated_requests_gets_them() {
    for (config, says) in [(json!({"idempotentSync": true}), false), (json!({}), true)] {
        let mut world = World::calendar();
        world.server.habits.says_idempotent = says;
        let client = world.loaded(config);
        world.fates.push_back(Fate::DropAnswer);
        let row = world.add(client, "events", json!({"name": "new"}));
        world.sync(client);
        world.settle();
        assert_eq!(world.server.received.len(), 2);
        assert_eq!(world.server.received[0], world.server.received[1]);
        assert_eq!(world.server.count("events"), 3);
        assert_eq!(world.get_row(client, "events", row, "id"), 1000);
        assert!(!world.clients[client].doubted);
        world.check_end();
    }
}

#[test]
fn interop_19_an_addition_in_doubt_is_known_by_its_natural_key() {
    for (fate, found) in [(Fate::DropAnswer, true), (Fate::DropRequest, false)] {
        let mut world = forgetful();
        world.natural_keys = true;
        let client = world.loaded(auto());
        world.fates.push_back(fate);
        world.add(client, "events", json!({"name": "new", "n": 3}));
        world.settle();
        assert_eq!(world.clients[client].doubted, !found);
        assert_eq!(world.count(client, "events"), 3, "never a second row");
        world.sync(client);
        world.settle();
        assert_eq!(world.server.count("events"), 3);
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_20_a_conflict_keeps_the_edits_until_the_app_has_loaded_and_sends_them_on_top() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    // Another user was faster, and the failure itself raises the revision.
    let other = world.server.rows.get_mut("events").unwrap();
    other.get_mut(&1).unwrap().insert("n".into(), json!(50));
    world.server.revision = 7;
    answer(&mut world, 409, json!({"success": false, "revision": 7}));
    world.set(client, "events", 1, "name", "mine");
    world.settle();
    assert_eq!(world.clients[client].requests, 1, "no loop");
    assert_eq!(revision(&world, client).as_deref(), Some("1"));
    world.load(client);
    world.settle();
    assert_eq!(revision(&world, client).as_deref(), Some("7"));
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert_eq!(world.get(client, "events", 1, "n"), 50);
    world.sync(client);
    world.settle();
    assert_eq!(world.server.received.last().unwrap()["revision"], 7);
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "mine"}]}})
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_20_a_server_that_always_says_conflict_is_asked_once_per_edit() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    world.fates = vec![Fate::Reply(409, "{}".into()); 100].into();
    for edit in 0..5 {
        world.set(client, "events", 1, "n", edit + 100);
        world.settle();
    }
    assert_eq!(world.clients[client].requests, 5);
    assert!(world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_21_the_revision_is_what_the_last_success_said() {
    let mut world = World::calendar();
    let client = world.client(json!({"forceSync": true}));
    for (body, known) in [
        (json!({"success": true}), None),
        (json!({"success": true, "revision": 500}), Some("500")),
        (json!({"success": true, "revision": 3}), Some("3")),
        (json!({"success": true}), Some("3")),
        (json!({"success": true, "revision": null}), Some("3")),
        (
            json!({"success": true, "revision": "2026-03-01T08:00"}),
            Some("\"2026-03-01T08:00\""),
        ),
        (
            json!({"success": false, "revision": 9}),
            Some("\"2026-03-01T08:00\""),
        ),
    ] {
        let before = revision(&world, client);
        answer(&mut world, 200, &body);
        world.sync(client);
        let pack = crate::network::pack_of(&crate::interop::on_the_wire(&world));
        let sent = pack.get("revision").map(Value::to_string);
        assert_eq!(sent, before, "omitted while it is unknown");
        world.settle();
        assert_eq!(revision(&world, client).as_deref(), known, "{body}");
    }
    world.check_end();
}

fn referring(on_remove: &str, send: bool) -> Value {
    json!({"id": "notes", "fields": [{"name": "eventId"}, {"name": "text"}],
        "relations": [{"field": "eventId", "store": "events", "onRemove": on_remove,
            "sendCascade": send}]})
}

#[test]
fn interop_22_what_a_removal_takes_along_is_said_by_the_relation() {
    let event = json!({"events": {"removed": [{"id": 1}]}});
    let with_note = json!({"events": {"removed": [{"id": 1}]}, "notes": {"removed": [{"id": 10}]}});
    let set_null = json!({"events": {"removed": [{"id": 1}]},
        "notes": {"updated": [{"id": 10, "eventId": null}]}});
    for (on_remove, send, left, sent) in [
        ("cascade", false, vec![json!(2)], &event),
        ("cascade", true, vec![json!(2)], &with_note),
        ("setNull", false, vec![json!(null), json!(2)], &event),
        ("setNull", true, vec![json!(null), json!(2)], &set_null),
        ("none", false, vec![json!(1), json!(2)], &event),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        world.add_store(client, referring(on_remove, send));
        let rows =
            json!({"success": true, "notes": [{"id": 10, "eventId": 1}, {"id": 11, "eventId": 2}]});
        assert_eq!(
            crate::interop::load_meets(&mut world, client, 200, rows),
            Ok(true)
        );
        world.remove(client, "events", 1);
        assert_eq!(
            column(&world, client, "notes", "eventId"),
            left,
            "{on_remove}"
        );
        assert_eq!(&world.changes(client), sent, "{on_remove} {send}");
        world.reject_all(client);
        assert_eq!(column(&world, client, "notes", "eventId"), [1, 2]);
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_22_a_removal_by_the_server_takes_the_same_along_and_sends_nothing() {
    for (on_remove, left) in [
        ("cascade", vec![json!(2)]),
        ("setNull", vec![json!(null), json!(2)]),
        ("none", vec![json!(1), json!(2)]),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(auto());
        world.add_store(client, referring(on_remove, false));
        let rows =
            json!({"success": true, "notes": [{"id": 10, "eventId": 1}, {"id": 11, "eventId": 2}]});
        assert_eq!(
            crate::interop::load_meets(&mut world, client, 200, rows),
            Ok(true)
        );
        let requests = world.clients[client].requests;
        changeset(
            &mut world,
            client,
            json!({"events": {"removed": [{"id": 1}]}}),
        );
        world.settle();
        assert_eq!(
            column(&world, client, "notes", "eventId"),
            left,
            "{on_remove}"
        );
        assert!(
            !world.is_dirty(client),
            "{on_remove}: {}",
            world.changes(client)
        );
        assert_eq!(world.clients[client].requests, requests);
        world.check_end();
    }
}

#[test]
fn interop_23_removed_ids_that_nobody_knows_are_a_warning() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.remove(client, "events", 2);
    let body = json!({"events": {"removed": [{"id": 2}, {"id": 900}, 901, null]}});
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    let warnings = &world.clients[client].warnings;
    assert!(
        warnings
            .iter()
            .any(|text| text.contains("900") && text.contains("901"))
    );
    assert_eq!(column(&world, client, "events", "id"), [1]);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_23_removed_ids_that_an_answer_leaves_out_are_confirmed_or_come_back() {
    for (short, left) in [(true, vec![]), (false, vec![2])] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"supportShortSyncResponse": short}));
        world.remove(client, "events", 1);
        world.remove(client, "events", 2);
        let body = json!({"events": {"removed": [{"id": 1}]}});
        assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
        assert_eq!(column(&world, client, "events", "id"), left);
        assert_eq!(world.logged(client, "recordSyncFail"), left.len());
        world.check_end();
    }
}

#[test]
fn interop_23_an_update_of_a_row_that_has_vanished_ends_as_the_server_says() {
    for (status, body, code, requests) in [
        (200, json!({"success": true}), None, 1),
        (
            200,
            json!({"success": false, "code": "GONE"}),
            Some(ErrorCode::Refused),
            1,
        ),
        (
            404,
            json!({"message": "no such event"}),
            Some(ErrorCode::Http),
            1,
        ),
        (
            500,
            json!({"message": "null pointer"}),
            Some(ErrorCode::Http),
            4,
        ),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"retry": {"max": 3}}));
        world.set(client, "events", 1, "name", "mine");
        world.fates = vec![Fate::Reply(status, body.to_string()); 9].into();
        let call = world.sync(client);
        world.settle();
        let outcome = world.outcome(client, call).unwrap();
        assert_eq!(outcome.err(), code, "{status}");
        assert_eq!(
            world.clients[client].requests, requests,
            "{status}: no loop"
        );
        assert_eq!(world.is_dirty(client), code.is_some(), "{status}");
        world.check_end();
    }
}

#[test]
fn interop_23_a_vanished_row_and_the_edits_in_it_go_with_the_next_load_and_a_warning() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "mine");
    world.server.rows.get_mut("events").unwrap().remove(&1);
    world.load(client);
    world.settle();
    assert_eq!(column(&world, client, "events", "id"), [2]);
    assert_eq!(world.clients[client].warnings.len(), 1);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_24_a_server_that_is_down_is_tried_with_growing_waits_and_gets_everything_in_order() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "retry": {"jitter": 0}}));
    world.fates = vec![Fate::DropRequest; 4].into();
    world.set(client, "events", 1, "name", "a");
    world.run(150);
    world.set(client, "events", 1, "name", "b");
    world.add(client, "events", json!({"name": "later"}));
    let start = world.now;
    while world.clients[client].requests < 5 {
        world.run(100);
    }
    assert!(world.now - start >= 1_000 + 2_000 + 4_000 + 8_000 - 200);
    world.settle();
    let names: Vec<_> = world
        .server
        .received
        .iter()
        .map(|pack| pack["events"]["updated"][0]["name"].clone())
        .collect();
    assert_eq!(
        names,
        ["a", "b"],
        "the first package as it was, then the rest"
    );
    assert_eq!(world.server.count("events"), 3);
    assert!(!world.is_dirty(client));
    assert_eq!(status(&world, client), Status::Saved);
    world.check_end();
}

#[test]
fn interop_24_waits_of_many_clients_are_spread() {
    let mut world = World::calendar();
    let clients: Vec<_> = (0..20).map(|_| world.loaded(json!({}))).collect();
    world.fates = vec![Fate::DropRequest; 20].into();
    let start = world.now;
    for &client in &clients {
        world.set(client, "events", 1, "n", 5);
        world.sync(client);
    }
    world.run(100);
    let mut moments: Vec<_> = clients
        .iter()
        .map(|&client| world.clients[client].engine.poll_timeout().unwrap().0 - start)
        .collect();
    moments.sort_unstable();
    moments.dedup();
    assert!(moments.len() > 15, "{moments:?}");
    assert!(
        moments.iter().all(|ms| (500..=1_100).contains(ms)),
        "{moments:?}"
    );
    world.settle();
    world.check_end();
}

#[test]
fn interop_24_a_server_that_dies_after_its_answer_began_has_said_nothing() {
    let mut world = World::calendar();
    let client = world.loaded(patient());
    world.set(client, "events", 1, "name", "mine");
    world.fates.push_back(Fate::Half);
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Network)));
    assert!(world.is_dirty(client));
    world.sync(client);
    world.settle();
    assert_eq!(world.server.received[0], world.server.received[1]);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_25_one_sync_is_on_the_wire_and_all_calls_meanwhile_share_the_next() {
    let mut world = World::calendar();
    world.latency = 1_000;
    let client = world.loaded(auto());
    world.set(client, "events", 1, "name", "a");
    let first = world.sync(client);
    world.run(10);
    let mut later: Vec<CallId> = Vec::new();
    for edit in 0..5_u64 {
        world.set(client, "events", 1, "n", edit + 100);
        later.push(world.sync(client));
        world.run(10);
        assert_eq!(world.clients[client].requests, 1);
    }
    assert_eq!(world.logged(client, "syncDelayed"), 5);
    world.settle();
    assert_eq!(world.clients[client].requests, 2);
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "n": 104}]}})
    );
    later.push(first);
    for call in later {
        assert_eq!(world.outcome(client, call), Some(Ok(true)));
    }
    world.check_end();
}

#[test]
fn interop_25_a_package_says_one_thing_of_each_record() {
    let mut world = World::calendar();
    let client = with_store(
        &mut world,
        json!({}),
        json!({"id": "tasks", "fields": [{"name": "name"}]}),
        json!([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]),
    );
    world.set(client, "tasks", 1, "name", "c");
    world.remove(client, "tasks", 1);
    let row = world.add(client, "tasks", json!({"name": "new"}));
    let kept = world.add(client, "tasks", json!({"name": "kept"}));
    world.set_row(client, "tasks", kept, "name", "edited");
    let store = world.clients[client].stores["tasks"];
    world.feed(client, Input::Remove(store, &[row])).unwrap();
    let phantom = world.get_row(client, "tasks", kept, "id");
    assert_eq!(
        world.changes(client),
        json!({"tasks": {"added": [{"$PhantomId": phantom, "name": "edited"}],
            "removed": [{"id": 1}]}})
    );
    world.feed(client, Input::Remove(store, &[kept])).unwrap();
    assert_eq!(
        world.changes(client),
        json!({"tasks": {"removed": [{"id": 1}]}})
    );
    // The same id added again: it was there before, so it is an update.
    world.add(client, "tasks", json!({"id": 1, "name": "again"}));
    assert_eq!(
        world.changes(client),
        json!({"tasks": {"updated": [{"id": 1, "name": "again"}]}})
    );
    world.check_end();
}
