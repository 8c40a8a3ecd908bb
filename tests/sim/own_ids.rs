//! Records that the app adds under ids of its choice: what the server is told in their place, and
//! what happens when it has records of the same ids.

use serde_json::{Value, json};
use syncline::engine::config::parse;
use syncline::engine::input::{Input, ManagerId, Reply, StoreId};
use syncline::engine::rng::is_uuid;
use syncline::engine::table::RowId;

use crate::interop::{answer, auto, changeset, column, load_meets, sync_meets};
use crate::network::Fate;
use crate::server::Habits;
use crate::world::World;

/// What the server is told in place of the id of an added record.
fn phantom_id(world: &World, client: usize, store: &str) -> Value {
    let changes = world.changes(client);
    let phantom = changes[store]["added"][0]["$PhantomId"].clone();
    assert!(phantom.as_str().is_some_and(is_uuid), "{phantom}");
    phantom
}

fn id_of(world: &World, client: usize, row: RowId) -> Value {
    world.get_row(client, "events", row, "id")
}

#[test]
fn an_id_of_the_apps_choice_is_kept_until_the_server_has_given_one() {
    for own in [json!(7), json!("my-id"), json!(-1), json!(1.5)] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let row = world.add(client, "events", json!({"id": own, "name": "new"}));
        let assigned = json!({"eventId": own, "resourceId": 2});
        let assignment = world.add(client, "assignments", assigned);
        if own.is_u64() || own.is_string() {
            assert_eq!(id_of(&world, client, row), own);
        }
        let phantom = phantom_id(&world, client, "events");
        let added = world.changes(client)["assignments"]["added"][0].clone();
        assert_eq!(added["eventId"], phantom, "{own}");
        world.sync(client);
        world.settle();
        assert_eq!(
            world.last_sync()["events"]["added"][0]["$PhantomId"],
            phantom
        );
        let id = id_of(&world, client, row);
        assert!(id.as_u64().is_some_and(|id| id >= 1000), "{id}");
        assert_eq!(
            world.get_row(client, "assignments", assignment, "eventId"),
            id
        );
        assert!(!world.is_dirty(client), "{own}: {}", world.changes(client));
        assert_eq!(world.clients[client].warnings, [""; 0]);
        world.check_end();
    }
}

#[test]
fn a_uuid_of_the_apps_choice_goes_out_as_it_is() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let own = "0b9c5a6e-7a58-4b5e-a1ce-0d6a53a1f6d1";
    world.add(client, "events", json!({"id": own, "name": "new"}));
    assert_eq!(phantom_id(&world, client, "events"), own);
}

#[test]
fn the_phantom_id_of_a_record_stays_when_the_app_gives_it_another_id() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = phantom_id(&world, client, "events");
    assert!(world.set_row(client, "events", row, "id", 7));
    assert_eq!(phantom_id(&world, client, "events"), phantom);
    assert!(world.set_row(client, "events", row, "id", "seven"));
    assert_eq!(phantom_id(&world, client, "events"), phantom);
    world.sync(client);
    world.settle();
    assert!(!world.is_dirty(client));
    assert_eq!(world.clients[client].warnings, [""; 0]);
    world.check_end();
}

#[test]
fn a_reference_that_the_app_sets_by_the_old_id_finds_the_record_under_its_new_one() {
    for own in [json!(7), json!("my-id"), Value::Null] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let mut given = json!({"name": "new"});
        if !own.is_null() {
            given["id"] = own;
        }
        let row = world.add(client, "events", given);
        let old = id_of(&world, client, row);
        world.sync(client);
        world.settle();
        let id = id_of(&world, client, row);
        assert_ne!(id, old);
        world.set(client, "assignments", 1, "eventId", old.clone());
        assert_eq!(world.get(client, "assignments", 1, "eventId"), id);
        let added = json!({"eventId": old, "resourceId": 2});
        let added = world.add(client, "assignments", added);
        assert_eq!(world.get_row(client, "assignments", added, "eventId"), id);
        let changes = world.changes(client);
        assert_eq!(changes["assignments"]["updated"][0]["eventId"], id);
        assert_eq!(changes["assignments"]["added"][0]["eventId"], id);
        world.sync(client);
        world.settle();
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn a_parent_is_named_by_its_phantom_id_and_found_by_the_id_it_had() {
    let mut world = World::new(1, Habits::default(), json!({"nodes": []}));
    let client = with_nodes(&mut world, json!({}));
    world.load(client);
    world.settle();
    let parent = world.add(client, "nodes", json!({"id": 7, "name": "parent"}));
    let child = world.add(client, "nodes", json!({"parentId": 7, "name": "child"}));
    let added = world.changes(client)["nodes"]["added"].clone();
    assert_eq!(added[1]["$PhantomParentId"], added[0]["$PhantomId"]);
    assert_eq!(added[1].get("parentId"), None);
    let body = json!({"nodes": {"rows": [
        {"$PhantomId": added[0]["$PhantomId"], "id": 50},
        {"$PhantomId": added[1]["$PhantomId"], "id": 51}]}});
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(world.get_row(client, "nodes", parent, "id"), 50);
    assert_eq!(world.get_row(client, "nodes", child, "parentId"), 50);
    assert!(!world.is_dirty(client));
    let late = world.add(client, "nodes", json!({"parentId": 7, "name": "late"}));
    assert_eq!(world.get_row(client, "nodes", late, "parentId"), 50);
    world.check_end();
}

fn with_nodes(world: &mut World, config: Value) -> usize {
    let client = world.client(config);
    world.add_store(
        client,
        json!({"id": "nodes", "parentField": "parentId",
            "fields": [{"name": "name"}, {"name": "parentId"}]}),
    );
    client
}

#[test]
fn a_parent_that_the_server_names_by_its_phantom_id_is_found() {
    let mut world = World::new(1, Habits::default(), json!({"nodes": []}));
    let client = with_nodes(&mut world, json!({}));
    world.load(client);
    world.settle();
    let parent = world.add(client, "nodes", json!({"name": "parent"}));
    let phantom = world.get_row(client, "nodes", parent, "id");
    // Somebody else's child of a record that is unsaved here.
    let theirs = json!({"nodes": {"added": [
        {"id": 60, "name": "a", "$PhantomParentId": phantom}]}});
    changeset(&mut world, client, theirs);
    assert_eq!(world.get(client, "nodes", 60, "parentId"), phantom);
    // The answer names children before their parents, by the phantom ids of both.
    let child = world.add(client, "nodes", json!({"name": "b", "parentId": phantom}));
    let child_phantom = world.get_row(client, "nodes", child, "id");
    let body = json!({"nodes": {"rows": [
        {"$PhantomId": child_phantom, "id": 51, "$PhantomParentId": phantom},
        {"$PhantomId": phantom, "id": 50},
        {"id": 61, "name": "c", "$PhantomParentId": phantom}]}});
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    for id in [51, 60, 61] {
        assert_eq!(world.get(client, "nodes", id, "parentId"), 50, "{id}");
    }
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    // Long after that, and in a load.
    let late = json!({"nodes": {"updated": [
        {"id": 62, "name": "d", "$PhantomParentId": phantom}]}});
    changeset(&mut world, client, late);
    assert_eq!(world.get(client, "nodes", 62, "parentId"), 50);
    let body = json!({"nodes": {"rows": [
        {"id": 71, "$PhantomParentId": "p-2"}, {"id": 70, "$PhantomId": "p-2"},
        {"id": 72, "parentId": 71, "$PhantomParentId": "p-2"},
        {"id": 73, "$PhantomParentId": "nobody"}]}});
    assert_eq!(load_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(
        column(&world, client, "nodes", "parentId"),
        [json!(70), Value::Null, json!(71), Value::Null]
    );
    assert_eq!(world.clients[client].warnings.len(), 1);
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// A second manager of the page, with a store of notes that refer to the events of the first.
fn with_notes(world: &mut World, client: usize, config: Value) -> (ManagerId, StoreId) {
    let config = parse(config.to_string().as_bytes()).unwrap();
    let Ok(Reply::Manager(manager)) = world.feed(client, Input::CreateManager(Box::new(config)))
    else {
        panic!("no manager")
    };
    let config = json!({"id": "notes", "fields": [{"name": "text"}, {"name": "eventId"}],
        "relations": [{"field": "eventId", "store": "events", "sendCascade": true}]});
    let config = parse(config.to_string().as_bytes()).unwrap();
    let Ok(Reply::Store(store)) = world.feed(client, Input::CreateStore(Box::new(config))) else {
        panic!("no store")
    };
    world
        .feed(client, Input::AddStore(manager, store, None))
        .unwrap();
    world.clients[client].stores.insert("notes".into(), store);
    (manager, store)
}

#[test]
fn references_of_a_store_under_another_manager_follow() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let config = json!({"transport": {"sync": {"url": "/notes"}}, "autoSync": true});
    let (manager, _) = with_notes(&mut world, client, config);
    let changeset = br#"{"notes":{"added":[{"id":1,"text":"x","eventId":1}]}}"#;
    world
        .feed(client, Input::ApplyChangeset(manager, changeset))
        .unwrap();
    let event = world.add(client, "events", json!({"id": 7, "name": "new"}));
    let note = world.add(client, "notes", json!({"text": "y", "eventId": 7}));
    let phantom = phantom_id(&world, client, "events");
    let notes = |world: &World| -> Value {
        let changes = world.clients[client].engine.changes_json(manager);
        changes.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap())
    };
    assert_eq!(notes(&world)["notes"]["added"][0]["eventId"], phantom);
    // The notes wait for the answer to the events.
    world.feed(client, Input::SuspendAutoSync(manager)).unwrap();
    world.sync(client);
    world.settle();
    let id = id_of(&world, client, event);
    assert!(id.as_u64().is_some_and(|id| id >= 1000), "{id}");
    assert_eq!(world.get_row(client, "notes", note, "eventId"), id);
    assert_eq!(notes(&world)["notes"]["added"][0]["eventId"], id);
    // What refers to a removed event goes, and its own manager knows that there is something to
    // send.
    world.set_row(client, "notes", note, "text", "z");
    world.remove(client, "events", 1);
    assert_eq!(world.count(client, "notes"), 1);
    assert_eq!(notes(&world)["notes"]["removed"], json!([{"id": 1}]));
    assert!(world.clients[client].engine.has_changes(manager));
    world.check_end();
}

#[test]
fn a_store_of_the_same_name_under_another_manager_is_none_of_its_business() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let (manager, _) = with_notes(&mut world, client, json!({}));
    let config = parse(br#"{"id":"events","fields":[{"name":"name"}]}"#).unwrap();
    let Ok(Reply::Store(events)) = world.feed(client, Input::CreateStore(Box::new(config))) else {
        panic!("no store")
    };
    world
        .feed(client, Input::AddStore(manager, events, None))
        .unwrap();
    let changeset = br#"{"events":{"added":[{"id":1}]},"notes":{"added":[{"id":1,"eventId":1}]}}"#;
    world
        .feed(client, Input::ApplyChangeset(manager, changeset))
        .unwrap();
    // Event 1 of the first manager is another than event 1 of the second.
    world.remove(client, "events", 1);
    assert_eq!(world.count(client, "notes"), 1);
    world.clients[client].stores.insert("events".into(), events);
    world.remove(client, "events", 1);
    assert_eq!(world.count(client, "notes"), 0);
    world.check_end();
}

/// A client with an unsaved event and an assignment to it, both under ids of the app's choice.
fn with_own(world: &mut World, config: Value) -> (usize, RowId, RowId) {
    let client = world.loaded(config);
    let event = world.add(client, "events", json!({"id": 7, "name": "mine"}));
    let assignment = world.add(
        client,
        "assignments",
        json!({"id": 70, "eventId": 7, "resourceId": 1}),
    );
    (client, event, assignment)
}

/// The server's event 7 and the app's own are two, and so are those that refer to them.
fn are_two(world: &World, client: usize, phantom: &Value) {
    assert_eq!(world.get(client, "events", 7, "name"), "theirs");
    let own = world
        .find(client, "events", phantom.as_str().unwrap())
        .expect("the added one");
    assert_eq!(world.get_row(client, "events", own, "name"), "mine");
    assert_eq!(world.get(client, "assignments", 9, "eventId"), 7);
    assert_eq!(world.get(client, "assignments", 70, "eventId"), *phantom);
    let changes = world.changes(client);
    assert_eq!(changes["events"].get("updated"), None);
    assert_eq!(changes["events"]["added"][0]["$PhantomId"], *phantom);
    assert_eq!(changes["assignments"]["added"][0]["eventId"], *phantom);
    assert_eq!(changes["assignments"].get("updated"), None);
    let warnings = &world.clients[client].warnings;
    assert!(
        warnings
            .iter()
            .any(|it| it.contains("another record of id 7")),
        "{warnings:?}"
    );
}

#[test]
fn a_load_that_brings_a_record_of_that_id_leaves_the_addition_beside_it() {
    let mut world = World::calendar();
    let (client, ..) = with_own(&mut world, json!({}));
    let phantom = phantom_id(&world, client, "events");
    let body = json!({
        "events": {"rows": [{"id": 1, "name": "one"}, {"id": 7, "name": "theirs"}]},
        "assignments": {"rows": [{"id": 9, "eventId": 7, "resourceId": 1}]}});
    assert_eq!(load_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(
        column(&world, client, "events", "name"),
        ["one", "theirs", "mine"]
    );
    are_two(&world, client, &phantom);
    // The record keeps the name by which the app's views know it.
    let own = world
        .find(client, "events", phantom.as_str().unwrap())
        .unwrap();
    let store = world.clients[client].stores["events"];
    let store = world.clients[client].engine.store(store).unwrap();
    assert_eq!(store.key(own).unwrap(), "7");
    let saved = json!({"events": {"rows": [{"$PhantomId": phantom, "id": 80}]},
        "assignments": {"rows": [{"$PhantomId":
            world.changes(client)["assignments"]["added"][0]["$PhantomId"], "id": 81}]}});
    assert_eq!(sync_meets(&mut world, client, 200, saved), Ok(true));
    assert_eq!(world.get(client, "assignments", 81, "eventId"), 80);
    assert_eq!(world.get(client, "assignments", 9, "eventId"), 7);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_change_of_the_servers_that_brings_a_record_of_that_id_leaves_the_addition_beside_it() {
    for by_answer in [false, true] {
        let mut world = World::calendar();
        let (client, event, _) = with_own(&mut world, json!({}));
        let phantom = phantom_id(&world, client, "events");
        let theirs = json!({
            "events": {"rows": [{"id": 7, "name": "theirs"}]},
            "assignments": {"rows": [{"id": 9, "eventId": 7, "resourceId": 1}]}});
        if by_answer {
            // What was sent gets no ids, and waits again.
            let _ = sync_meets(&mut world, client, 200, theirs);
        } else {
            changeset(&mut world, client, theirs);
        }
        assert_eq!(id_of(&world, client, event), phantom);
        are_two(&world, client, &phantom);
        changeset(
            &mut world,
            client,
            json!({"events": {"removed": [{"id": 7}]}}),
        );
        assert_eq!(world.get_row(client, "events", event, "name"), "mine");
        world.check_end();
    }
}

#[test]
fn the_server_may_give_a_record_the_id_that_another_unsaved_one_has_here() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let seven = world.add(client, "events", json!({"id": 7, "name": "seven"}));
    let eight = world.add(client, "events", json!({"id": 8, "name": "eight"}));
    let added = world.changes(client)["events"]["added"].clone();
    let body = json!({"events": {"rows": [
        {"$PhantomId": added[0]["$PhantomId"], "id": 8},
        {"$PhantomId": added[1]["$PhantomId"], "id": 7}]}});
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(id_of(&world, client, seven), 8);
    assert_eq!(id_of(&world, client, eight), 7);
    assert_eq!(world.count(client, "events"), 4);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_phantom_id_of_somebody_elses_is_none_of_ours() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let own = world.add(client, "events", json!({"id": "draft-1", "name": "mine"}));
    let theirs = json!({"events": {"rows": [{"$PhantomId": "draft-1", "id": 90, "name": "x"}]}});
    changeset(&mut world, client, theirs);
    assert_eq!(id_of(&world, client, own), "draft-1");
    assert_eq!(world.get(client, "events", 90, "name"), "x");
    assert_eq!(world.changes(client)["events"]["added"][0]["name"], "mine");
    world.check_end();
}

#[test]
fn an_addition_whose_answer_was_lost_is_found_by_its_phantom_id() {
    for knows in [true, false] {
        let habits = Habits {
            deduplicates: false,
            ..Habits::default()
        };
        let mut world = World::new(
            1,
            habits,
            json!({"events": [], "resources": [], "assignments": []}),
        );
        let client = world.loaded(auto());
        let row = world.add(client, "events", json!({"id": 7, "name": "mine"}));
        let phantom = phantom_id(&world, client, "events");
        world.fates.push_back(Fate::DropRequest);
        let mut loaded = json!({"id": 500, "name": "mine"});
        if knows {
            loaded["$PhantomId"] = phantom;
        }
        answer(&mut world, 200, json!({"events": {"rows": [loaded]}}));
        world.sync(client);
        world.run(5_000);
        let _ = row;
        let ids = column(&world, client, "events", "id");
        if knows {
            assert_eq!(ids, [500]);
            assert!(!world.is_dirty(client));
        } else {
            assert_eq!(ids, [json!(500), json!(7)]);
            let uncertain = &world.clients[client].uncertain;
            assert_eq!(uncertain.len(), 1, "{uncertain:?}");
        }
    }
}

#[test]
fn a_server_that_keeps_the_ids_it_is_sent_knows_the_record_by_them() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"resetIdsBeforeSync": false}));
    let row = world.add(client, "events", json!({"id": "mine-1", "name": "mine"}));
    let added = world.changes(client)["events"]["added"][0].clone();
    assert_eq!(added["id"], "mine-1");
    let body = json!({"events": {"rows": [{"id": "mine-1", "name": "mine, kept"}]}});
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(id_of(&world, client, row), "mine-1");
    assert_eq!(world.get_row(client, "events", row, "name"), "mine, kept");
    assert_eq!(world.count(client, "events"), 3);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_store_that_nobody_manages_says_the_same_of_its_records() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    let config = parse(
        json!({"id": "lone", "fields": [{"name": "name"}]})
            .to_string()
            .as_bytes(),
    );
    let Ok(Reply::Store(store)) = world.feed(client, Input::CreateStore(Box::new(config.unwrap())))
    else {
        panic!("no store")
    };
    let rows = br#"[{"id":7,"name":"x"}]"#;
    let place = syncline::engine::input::Place::End;
    world
        .feed(client, Input::Add { store, rows, place })
        .unwrap();
    let changes = world.clients[client]
        .engine
        .store_changes_json(store)
        .unwrap();
    let changes: Value = serde_json::from_slice(&changes).unwrap();
    assert!(
        changes["added"][0]["$PhantomId"]
            .as_str()
            .is_some_and(is_uuid)
    );
}

#[test]
fn an_addition_in_doubt_is_found_by_its_key_under_the_very_id_that_the_app_chose() {
    for store in ["events", "resources"] {
        let mut world = World::calendar();
        world.natural_keys = true;
        let client = world.loaded(json!({}));
        world.add(client, store, json!({"id": 1000, "name": "new"}));
        world.fates.push_back(Fate::DropAnswer);
        world.sync(client);
        world.settle();
        assert_eq!(world.count(client, store), 3, "{store}");
        assert_eq!(world.get(client, store, 1000, "name"), "new");
        assert!(!world.is_dirty(client), "{}", world.changes(client));
        world.check_end();
    }
}
