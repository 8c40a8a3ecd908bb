//! The failure scenarios that users of such engines have described; numbered as in the protocol's
//! notes.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::{NoticeKind, Status};
use syncline::engine::input::{Input, Scope};

use crate::network::Fate;
use crate::server::Habits;
use crate::world::{Listener, World};

fn auto() -> Value {
    json!({"autoSync": true, "autoSyncTimeout": 100})
}

fn status(world: &World, client: usize) -> Status {
    let client = &world.clients[client];
    client.engine.status(client.manager).unwrap()
}

#[test]
fn scenario_01_an_edit_during_a_sync_stays_and_goes_out_once() {
    for field in ["name", "n"] {
        let mut world = World::calendar();
        let client = world.loaded(auto());
        world.set(client, "events", 1, "name", "sent");
        world.run(110);
        assert!(
            world.clients[client]
                .engine
                .manager(world.clients[client].manager)
                .unwrap()
                .is_syncing()
        );
        let newer = if field == "name" {
            json!("newer")
        } else {
            json!(77)
        };
        world.set(client, "events", 1, field, newer.clone());
        world.run(60);
        assert_eq!(world.get(client, "events", 1, field), newer);
        assert!(world.is_dirty(client));
        assert_eq!(
            world.changes(client)["events"]["updated"],
            json!([{"id": 1, field: newer}])
        );
        world.settle();
        assert_eq!(world.server.received.len(), 2);
        assert_eq!(
            world.last_sync(),
            json!({"events": {"updated": [{"id": 1, field: newer}]}})
        );
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn scenario_02_an_addition_during_a_sync_is_not_confirmed_by_its_answer() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    // While listeners are still being asked, and while the request is on the wire.
    world.clients[client]
        .listeners
        .insert("beforeSync", Listener::Later(50, true));
    world.add(client, "events", json!({"name": "first"}));
    world.sync(client);
    world.run(25);
    let second = world.add(client, "events", json!({"name": "second"}));
    world.run(35);
    let third = world.add(client, "events", json!({"name": "third"}));
    world.settle();
    assert_eq!(world.server.count("events"), 3);
    let added = world.changes(client)["events"]["added"].clone();
    let names: Vec<_> = added
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].clone())
        .collect();
    assert_eq!(names, ["second", "third"]);
    world.clients[client].listeners.clear();
    world.sync(client);
    world.settle();
    assert_eq!(world.server.count("events"), 5);
    for row in [second, third] {
        assert!(world.get_row(client, "events", row, "id").is_u64());
    }
    world.check_end();
}

#[test]
fn scenario_03_an_edit_of_a_phantom_in_flight_is_an_update_afterwards() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let row = world.add(client, "events", json!({"name": "new"}));
    world.run(110);
    world.set_row(client, "events", row, "name", "newer");
    world.settle();
    let id = world.get_row(client, "events", row, "id");
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": id, "name": "newer"}]}})
    );
    assert_eq!(world.server.count("events"), 3);
    assert_eq!(
        world.server.row("events", id.as_u64().unwrap()).unwrap()["name"],
        "newer"
    );
    world.check_end();
}

#[test]
fn scenario_04_a_phantom_removed_in_flight_is_removed_on_the_server() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let row = world.add(client, "events", json!({"name": "new"}));
    world.run(110);
    let store = world.clients[client].stores["events"];
    world.feed(client, Input::Remove(store, &[row])).unwrap();
    world.settle();
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.server.count("events"), 2);
    assert_eq!(
        world.last_sync(),
        json!({"events": {"removed": [{"id": 1000}]}})
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn scenario_05_a_second_answer_for_a_phantom_patches() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.sync(client);
    world.settle();
    let manager = world.clients[client].manager;
    let id = world.get_row(client, "events", row, "id");
    let push = json!({"events": {"added": [{"$PhantomId": phantom, "id": id, "name": "pushed"}]}});
    for _ in 0..2 {
        world
            .feed(
                client,
                Input::ApplyChangeset(manager, push.to_string().as_bytes()),
            )
            .unwrap();
    }
    assert_eq!(world.count(client, "events"), 3);
    assert_eq!(world.get_row(client, "events", row, "name"), "pushed");
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn scenario_06_a_change_during_an_auto_sync_is_saved_without_further_ado() {
    let mut world = World::calendar();
    world.latency = 2_000;
    let client = world.loaded(auto());
    world.set(client, "events", 1, "name", "a");
    world.run(500);
    world.set(client, "events", 2, "name", "b");
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "a");
    assert_eq!(world.server.row("events", 2).unwrap()["name"], "b");
    assert_eq!(world.clients[client].requests, 2);
    world.check_end();
}

#[test]
fn scenario_07_a_minimal_answer_confirms_everything() {
    for body in [
        "{}",
        r#"{"success":true}"#,
        r#"{"requestId":1,"success":true}"#,
    ] {
        let mut world = World::calendar();
        let client = world.loaded(auto());
        world.fates.push_back(Fate::Garble(200, body.into()));
        world.set(client, "events", 1, "name", "a");
        world.remove(client, "events", 2);
        world.settle();
        assert!(!world.is_dirty(client));
        assert_eq!(world.clients[client].requests, 1);
        world.check_end();
    }
}

#[test]
fn scenario_08_an_answer_about_other_rows_confirms_too_and_loops_not() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let body =
        r#"{"success":true,"events":{"rows":[{"id":2,"name":"zwei"},{"id":50,"name":"x"}]}}"#;
    world.fates.push_back(Fate::Garble(200, body.into()));
    world.set(client, "events", 1, "name", "a");
    world.settle();
    assert!(!world.is_dirty(client));
    assert_eq!(world.clients[client].requests, 1);
    assert_eq!(world.get(client, "events", 1, "name"), "a");
    assert_eq!(world.get(client, "events", 2, "name"), "zwei");
    assert_eq!(world.get(client, "events", 50, "name"), "x");
    world.check_end();
}

#[test]
fn scenario_09_a_404_is_tried_once_and_a_500_a_bounded_number_of_times() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "retry": {"max": 4, "jitter": 0}}));
    world
        .fates
        .extend(vec![Fate::Reply(404, "no such page".into()); 50]);
    world.set(client, "events", 1, "name", "a");
    world.settle();
    assert_eq!(world.clients[client].requests, 1);
    assert_eq!(world.logged(client, "syncFail HTTP"), 1);
    assert_eq!(status(&world, client), Status::Failed);
    world.fates = vec![Fate::Reply(500, "oops".into()); 50].into();
    world.set(client, "events", 1, "name", "b");
    let start = world.now;
    world.settle();
    assert_eq!(
        world.clients[client].requests,
        1 + 5,
        "one attempt and four retries"
    );
    assert_eq!(world.logged(client, "syncFail HTTP again"), 4);
    assert_eq!(world.logged(client, "syncFail HTTP"), 2);
    assert!(world.now - start >= 1_000 + 2_000 + 4_000 + 8_000);
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "b"}]}})
    );
    world.fates.clear();
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "b");
    world.check_end();
}

#[test]
fn scenario_10_a_refused_removal_brings_the_record_back() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.remove(client, "events", 1);
    world.remove(client, "events", 2);
    let body = r#"{"success":true,"events":{"removed":[{"id":1}],
        "rows":[{"id":2,"success":false,"error":"locked"}]}}"#;
    world.fates.push_back(Fate::Reply(200, body.into()));
    world.sync(client);
    world.settle();
    assert_eq!(world.count(client, "events"), 1);
    assert_eq!(world.get(client, "events", 2, "name"), "two");
    assert_eq!(world.logged(client, "recordSyncFail"), 1);
    assert!(!world.is_dirty(client));

    let full = world.loaded(json!({"supportShortSyncResponse": false}));
    world.remove(full, "events", 1);
    world.remove(full, "events", 2);
    let body = r#"{"success":true,"events":{"removed":[{"id":1}]}}"#;
    world.fates.push_back(Fate::Reply(200, body.into()));
    world.sync(full);
    world.settle();
    assert_eq!(world.get(full, "events", 2, "name"), "two");
    assert_eq!(world.logged(full, "recordSyncFail"), 1);
    world.check_end();
}

#[test]
fn scenario_11_a_vetoed_auto_sync_keeps_its_changes_and_waits_for_the_next_edit() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    world.clients[client]
        .listeners
        .insert("beforeSync", Listener::Veto);
    world.set(client, "events", 1, "name", "a");
    world.settle();
    assert_eq!(
        world.log(client),
        ["hasChanges", "beforeSync?", "syncCanceled"]
    );
    assert!(world.is_dirty(client));
    world.clients[client].listeners.clear();
    world.set(client, "events", 2, "name", "b");
    world.settle();
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn scenario_12_success_false_under_auto_sync_is_an_event_and_nothing_else() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    world.fates.push_back(Fate::Reply(
        200,
        r#"{"success":false,"message":"no"}"#.into(),
    ));
    world.set(client, "events", 1, "name", "a");
    world.settle();
    assert_eq!(world.logged(client, "syncFail REFUSED"), 1);
    assert_eq!(world.clients[client].requests, 1);
    assert!(world.is_dirty(client));
    world.check_end();
}

#[test]
fn scenario_13_destroy_in_the_middle_settles_and_another_manager_goes_on() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "a");
    let sync = world.sync(client);
    let load = world.load(client);
    world.run(25);
    let manager = world.clients[client].manager;
    world.feed(client, Input::DestroyManager(manager)).unwrap();
    assert_eq!(world.outcome(client, sync), Some(Err(ErrorCode::Destroyed)));
    assert_eq!(world.outcome(client, load), Some(Err(ErrorCode::Destroyed)));
    world.settle();
    let again = world
        .feed(
            client,
            Input::Sync {
                manager,
                call: None,
            },
        )
        .unwrap_err();
    assert_eq!(again.code, ErrorCode::Destroyed);
    assert_eq!(
        world.get(client, "events", 1, "name"),
        "a",
        "the store lives on"
    );
    world.check_end();
}

#[test]
fn scenario_13_an_answer_that_cannot_be_applied_rejects_and_the_next_sync_works() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"retry": {"max": 0}}));
    world.fates.push_back(Fate::Reply(
        200,
        r#"{"success":true,"events":{"rows":[{"id":"#.into(),
    ));
    world.set(client, "events", 1, "name", "a");
    let broken = world.sync(client);
    world.settle();
    assert_eq!(
        world.outcome(client, broken),
        Some(Err(ErrorCode::BadResponse))
    );
    assert!(world.is_dirty(client));
    let next = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, next), Some(Ok(true)));
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn scenario_14_the_newer_load_wins_even_if_the_older_answer_comes_late() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    let first = world.load(client);
    world.run(30);
    let old = world.server.rows.clone();
    world.server.rows.get_mut("events").unwrap().remove(&2);
    let second = world.load(client);
    assert_eq!(
        world.outcome(client, first),
        Some(Err(ErrorCode::Cancelled))
    );
    assert_eq!(world.logged(client, "loadCanceled"), 1);
    assert_eq!(world.logged(client, "abort"), 1);
    world.settle();
    assert_eq!(world.outcome(client, second), Some(Ok(true)));
    assert_eq!(world.count(client, "events"), 1);
    assert_eq!(old["events"].len(), 2);
    assert_eq!(world.logged(client, "loadFail CANCELLED"), 0);
    world.check_end();
}

#[test]
fn scenario_14_a_newer_load_that_is_vetoed_leaves_the_older_one_alone() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    let first = world.load(client);
    world.run(30);
    world.clients[client]
        .listeners
        .insert("beforeLoad", Listener::Later(5, false));
    let second = world.load(client);
    world.settle();
    assert_eq!(world.outcome(client, first), Some(Ok(true)));
    assert_eq!(world.outcome(client, second), Some(Err(ErrorCode::Vetoed)));
    assert_eq!(world.count(client, "events"), 2);
    world.check_end();
}

#[test]
fn scenario_15_a_first_load_makes_nothing_dirty() {
    let mut world = World::calendar();
    let rows = world.server.rows.get_mut("events").unwrap();
    rows.insert(
        3,
        json!({"id": "3", "name": 7, "n": "12", "extra": {"a": [1]}})
            .as_object()
            .cloned()
            .unwrap(),
    );
    rows.insert(
        4,
        json!({"id": 4, "n": "nonsense"})
            .as_object()
            .cloned()
            .unwrap(),
    );
    let client = world.client(json!({"autoSync": true, "autoLoad": true}));
    world.settle();
    assert_eq!(world.count(client, "events"), 4);
    assert_eq!(world.get(client, "events", 3, "n"), 12);
    assert!(!world.is_dirty(client));
    assert_eq!(world.changes(client), Value::Null);
    assert_eq!(world.clients[client].requests, 1);
    assert_eq!(world.logged(client, "hasChanges"), 0);
    world.check_end();
}

#[test]
fn scenario_16_values_of_the_server_are_not_sent_back() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let body = r#"{"success":true,"events":{"rows":[{"id":2,"name":"renamed","n":9}]}}"#;
    world.fates.push_back(Fate::Garble(200, body.into()));
    world.set(client, "events", 1, "name", "a");
    world.settle();
    assert_eq!(world.get(client, "events", 2, "name"), "renamed");
    assert!(!world.is_dirty(client));
    world.set(client, "events", 1, "name", "b");
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "b"}]}})
    );
    world.check_end();
}

#[test]
fn scenario_17_a_changeset_of_the_server_sends_nothing() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let manager = world.clients[client].manager;
    let changes = json!({
        "events": {"added": [{"id": 9, "name": "nine"}], "updated": [{"id": 1, "name": "eins"}],
            "removed": [{"id": 2}]},
        "unknown": {"added": [{"id": 1}]}
    });
    let before = world.local_notices(client);
    world
        .feed(
            client,
            Input::ApplyChangeset(manager, changes.to_string().as_bytes()),
        )
        .unwrap();
    world.settle();
    assert!(!world.is_dirty(client));
    assert_eq!(world.clients[client].requests, 0);
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.get(client, "events", 1, "name"), "eins");
    assert_eq!(
        (
            world.count(client, "resources"),
            world.count(client, "assignments")
        ),
        (2, 1)
    );
    assert_eq!(world.local_notices(client), before);
    assert_eq!(world.log(client), Vec::<&str>::new());
    world.check_end();
}

#[test]
fn scenario_18_a_change_of_the_server_keeps_local_edits() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "mine");
    let manager = world.clients[client].manager;
    let changes = json!({"events": {"updated": [{"id": 1, "n": 50}, {"id": 2, "name": "zwei"}]}});
    world
        .feed(
            client,
            Input::ApplyChangeset(manager, changes.to_string().as_bytes()),
        )
        .unwrap();
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert_eq!(world.get(client, "events", 1, "n"), 50);
    let left = json!({"events": {"updated": [{"id": 1, "name": "mine"}]}});
    assert_eq!(world.changes(client), left);
    world.check_end();
}

#[test]
fn scenario_19_a_reference_to_a_phantom_gets_its_id_and_is_clean() {
    for resolves in [true, false] {
        let mut world = World::calendar();
        world.server.habits = Habits {
            resolves_references: resolves,
            ..Habits::default()
        };
        let client = world.loaded(auto());
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        world.set(client, "assignments", 1, "eventId", phantom.clone());
        let fresh = world.add(
            client,
            "assignments",
            json!({"eventId": phantom, "resourceId": 2}),
        );
        world.settle();
        let id = world.get_row(client, "events", row, "id");
        assert!(id.is_u64());
        assert_eq!(world.get(client, "assignments", 1, "eventId"), id);
        assert_eq!(world.get_row(client, "assignments", fresh, "eventId"), id);
        assert!(!world.is_dirty(client), "{}", world.changes(client));
        let notices = &world.clients[client].notices;
        assert!(
            notices
                .iter()
                .any(|notice| notice.kind == NoticeKind::IdChange)
        );
        if resolves {
            assert_eq!(world.clients[client].requests, 1);
            assert_eq!(world.server.row("assignments", 1).unwrap()["eventId"], id);
        }
        world.check_end();
    }
}

#[test]
fn scenario_19_references_that_the_server_kept_as_text_are_corrected() {
    for loads_between in [false, true] {
        let mut world = World::calendar();
        world.server.habits = Habits {
            resolves_references: false,
            short_answers: false,
            ..Habits::default()
        };
        let client = world.loaded(json!({"autoSync": true, "idempotentSync": true}));
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        world.set(client, "assignments", 1, "eventId", phantom.clone());
        world.add(
            client,
            "assignments",
            json!({"eventId": phantom, "resourceId": 2}),
        );
        if loads_between {
            world.fates.push_back(Fate::DropRequest);
            world.run(150);
            world.load(client);
        }
        world.settle();
        assert!(
            world
                .find(client, "events", phantom.as_str().unwrap())
                .is_none()
        );
        assert_eq!(world.get(client, "assignments", 1, "eventId"), 1000);
        assert_eq!(world.get(client, "assignments", 1001, "eventId"), 1000);
        let correction = json!({"assignments":
            {"updated": [{"id": 1, "eventId": 1000}, {"id": 1001, "eventId": 1000}]}});
        let mut sent = world.last_sync();
        let rows = sent["assignments"]["updated"].as_array_mut().unwrap();
        rows.sort_by_key(|row| row["id"].as_u64());
        assert_eq!(sent, correction);
        assert_eq!(
            world.server.row("assignments", 1001).unwrap()["eventId"],
            1000
        );
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn scenario_20_a_mapped_id_field_gets_the_id_never_the_phantom() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    world.add_store(
        client,
        json!({"id": "tasks", "idField": "id", "phantomIdField": "$Client",
        "fields": [{"name": "id", "dataSource": "Id"}, {"name": "name", "dataSource": "Name"}]}),
    );
    let row = world.add(client, "tasks", json!({"Name": "new"}));
    let phantom = world.get_row(client, "tasks", row, "id");
    let body = json!({"success": true,
        "tasks": {"rows": [{"Name": "new", "$Client": phantom, "Id": "T-7"}]}});
    world.fates.push_back(Fate::Garble(200, body.to_string()));
    world.sync(client);
    world.settle();
    let sent = &world.server.received[0]["tasks"]["added"];
    assert_eq!(*sent, json!([{"$Client": phantom, "Name": "new"}]));
    assert_eq!(world.get_row(client, "tasks", row, "id"), "T-7");
    assert!(!world.is_dirty(client));
    world.set(client, "tasks", "T-7", "name", "newer");
    let left = json!({"tasks": {"updated": [{"Id": "T-7", "Name": "newer"}]}});
    assert_eq!(world.changes(client), left);
    world.check_end();
}

#[test]
fn scenario_21_a_revert_is_complete() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let look = |world: &World| -> Vec<Value> {
        ["events", "resources", "assignments"]
            .iter()
            .flat_map(|store| {
                world.rows(client, store).into_iter().map(move |row| {
                    json!([
                        store,
                        world.get_row(client, store, row, "id"),
                        world.get_row(client, store, row, "name"),
                        world.get_row(client, store, row, "eventId")
                    ])
                })
            })
            .collect()
    };
    let before = look(&world);
    let new = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", new, "id");
    world.set(client, "assignments", 1, "eventId", phantom.clone());
    world.add(
        client,
        "assignments",
        json!({"eventId": phantom, "resourceId": 1}),
    );
    world.set(client, "events", 2, "name", "zwei");
    let moved = world.find(client, "events", 2).unwrap();
    let store = world.clients[client].stores["events"];
    world.feed(client, Input::Move(store, &[moved], 0)).unwrap();
    world.remove(client, "events", 1);
    world.remove(client, "resources", 1);
    assert_ne!(look(&world), before);
    world.reject_all(client);
    assert_eq!(look(&world), before);
    assert_eq!(world.changes(client), Value::Null);
    assert_eq!(world.logged(client, "noChanges"), 1);
    world.settle();
    assert_eq!(world.clients[client].requests, 0);
    world.check_end();
}

#[test]
fn scenario_21_cascades_go_out_with_their_cause_and_come_back_with_it() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.remove(client, "events", 1);
    assert_eq!(
        world.count(client, "assignments"),
        0,
        "the assignment went along"
    );
    let removal = json!({"events": {"removed": [{"id": 1}]}});
    assert_eq!(
        world.changes(client),
        removal,
        "the server does that by itself"
    );
    let store = world.clients[client].stores["events"];
    world
        .feed(client, Input::Reject(Scope::Store(store)))
        .unwrap();
    assert_eq!(world.count(client, "assignments"), 1);
    assert!(!world.is_dirty(client));
    world.remove(client, "events", 1);
    world.sync(client);
    world.settle();
    assert_eq!(world.last_sync(), removal);
    assert_eq!(
        (
            world.server.count("assignments"),
            world.count(client, "assignments")
        ),
        (0, 0)
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn scenario_22_only_the_callers_own_resume_lets_syncs_go() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let manager = world.clients[client].manager;
    world.feed(client, Input::SuspendAutoSync(manager)).unwrap();
    world.set(client, "events", 1, "name", "a");
    // As an editor does, around its own work.
    world.feed(client, Input::SuspendAutoSync(manager)).unwrap();
    world.set(client, "events", 1, "name", "b");
    world
        .feed(
            client,
            Input::ResumeAutoSync {
                manager,
                sync: true,
            },
        )
        .unwrap();
    world.run(10_000);
    assert_eq!(world.clients[client].requests, 0);
    world
        .feed(
            client,
            Input::ResumeAutoSync {
                manager,
                sync: true,
            },
        )
        .unwrap();
    world.settle();
    assert_eq!(world.clients[client].requests, 1);
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "b");
    world.check_end();
}

#[test]
fn scenario_23_signals_are_truthful() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "a");
    world.set(client, "events", 1, "name", "a");
    world.set(client, "events", 2, "name", "b");
    assert_eq!(world.log(client), ["hasChanges", "hasChanges"]);
    world.set(client, "events", 1, "name", "one");
    assert_eq!(world.log(client).last(), Some(&"hasChanges"), "still dirty");
    world.set(client, "events", 2, "name", "two");
    assert_eq!(world.log(client).last(), Some(&"noChanges"));
    world.clients[client].log.clear();
    world.set(client, "events", 1, "name", "c");
    world.clients[client].log.clear();
    // Neither a start nor a failure nor a repetition of a sync says anything about changes.
    world.fates.push_back(Fate::DropRequest);
    world.sync(client);
    world.run(100);
    assert!(
        !world
            .log(client)
            .iter()
            .any(|line| line.ends_with("Changes"))
    );
    world.settle();
    let signals: Vec<_> = world
        .log(client)
        .into_iter()
        .filter(|line| line.ends_with("Changes"))
        .collect();
    assert_eq!(signals, ["noChanges"]);
    world.check_end();
}

#[test]
fn scenario_24_a_lost_answer_is_asked_for_again_with_the_same_request() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "idempotentSync": true}));
    world.fates.push_back(Fate::DropAnswer);
    let row = world.add(client, "events", json!({"name": "new"}));
    world.run(200);
    world.set(client, "events", 1, "name", "meanwhile");
    world.settle();
    let received = &world.server.received;
    assert_eq!(received[0], received[1], "the same, byte for byte");
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "meanwhile"}]}})
    );
    assert_eq!(received.len(), 3);
    assert_eq!(world.server.count("events"), 3);
    assert!(world.get_row(client, "events", row, "id").is_u64());
    world.check_end();
}

#[test]
fn scenario_24_where_a_repetition_could_add_twice_a_load_tells() {
    let mut world = World::calendar();
    world.server.habits.deduplicates = false;
    let client = world.loaded(auto());
    world.fates.push_back(Fate::DropAnswer);
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.settle();
    assert_eq!(
        world.server.received.len(),
        1,
        "the addition is not sent again by itself"
    );
    assert_eq!(world.clients[client].uncertain.len(), 1);
    assert_eq!(
        world.count(client, "events"),
        4,
        "the server's record, and the one in doubt"
    );
    assert_eq!(status(&world, client), Status::Failed);
    world.set(client, "events", 1, "name", "a");
    world.settle();
    assert_eq!(world.server.received.len(), 1, "nor with another edit");
    // The app sees that it is the same, and drops its own.
    let doubtful = world
        .find(client, "events", phantom.as_str().unwrap())
        .unwrap();
    let store = world.clients[client].stores["events"];
    world
        .feed(client, Input::Reject(Scope::Record(store, doubtful)))
        .unwrap();
    world.sync(client);
    world.settle();
    assert_eq!(world.server.count("events"), 3);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn scenario_24_a_server_that_says_so_is_known_to_be_idempotent() {
    let mut world = World::calendar();
    world.server.habits.says_idempotent = true;
    let client = world.loaded(auto());
    world.fates.push_back(Fate::DropAnswer);
    world.add(client, "events", json!({"name": "new"}));
    world.settle();
    assert_eq!(world.server.received.len(), 2);
    assert_eq!(world.server.count("events"), 3);
    assert!(world.clients[client].uncertain.is_empty());
    world.check_end();
}

#[test]
fn scenario_25_this_machine_is_reached_without_a_network() {
    let mut world = World::calendar();
    let mut options = auto();
    options["transport"] = json!({"sync": {"url": "http://localhost:3000/sync"}});
    let client = world.loaded(options);
    world.feed(client, Input::Online(false)).unwrap();
    world.set(client, "events", 1, "name", "offline");
    world.settle();
    assert_eq!(status(&world, client), Status::Saved);
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "offline");
    world.check_end();
}

#[test]
fn scenario_25_the_backlog_goes_out_when_the_way_is_open_again() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    world.feed(client, Input::Online(false)).unwrap();
    world.set(client, "events", 1, "name", "offline");
    let call = world.sync(client);
    world.run(600_000);
    assert_eq!(world.clients[client].requests, 0, "no attempt is burnt");
    assert_eq!(status(&world, client), Status::Offline);
    assert_eq!(world.outcome(client, call), None);
    world.feed(client, Input::Online(true)).unwrap();
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "offline");

    world.fates.extend(vec![Fate::DropRequest; 3]);
    world.set(client, "events", 1, "name", "retried");
    world.run(300);
    assert_eq!(status(&world, client), Status::Retrying);
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "retried");
    assert_eq!(status(&world, client), Status::Saved);

    world.fates.push_back(Fate::DropRequest);
    world.set(client, "events", 1, "name", "seen");
    world.run(150);
    let requests = world.clients[client].requests;
    world.feed(client, Input::Visible(true)).unwrap();
    assert_eq!(world.clients[client].requests, requests + 1, "at once");
    world.settle();
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn scenario_04_what_a_cascade_took_in_flight_is_removed_on_the_server() {
    for loads_between in [false, true] {
        let mut world = World::calendar();
        world.server.habits.resolves_references = false;
        world.server.habits.short_answers = false;
        world.send_cascade = true;
        let client = world.loaded(json!({"autoSync": true, "idempotentSync": true}));
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        world.add(
            client,
            "assignments",
            json!({"eventId": phantom, "resourceId": 2}),
        );
        if loads_between {
            world.fates.push_back(Fate::DropRequest);
            world.run(150);
            world.load(client);
            world.run(100);
        } else {
            world.run(110);
        }
        world.remove(client, "events", phantom.as_str().unwrap());
        assert_eq!(world.count(client, "assignments"), 1);
        world.settle();
        assert_eq!(world.server.count("events"), 2);
        assert_eq!(world.server.count("assignments"), 1);
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}
