//! Servers in the wild, 9 to 14: ids, and what stands in for them.

use serde_json::{Value, json};
use syncline::engine::event::NoticeKind;

use crate::interop::{answer, auto, column, load_meets, on_the_wire, sync_meets, with_store};
use crate::network::{Fate, pack_of};
use crate::server::Habits;
use crate::world::World;

/// A tree of tasks.
fn tree() -> Value {
    json!({"id": "tasks", "parentField": "parentId",
        "fields": [{"name": "name"}, {"name": "parentId"}]})
}

#[test]
fn interop_09_a_number_and_its_text_are_the_same_id_and_go_back_as_they_came() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    let body = json!({"success": true,
        "events": {"rows": [{"id": "4037", "name": "a"}, {"id": 5, "name": "b"}]},
        "assignments": {"rows": [{"id": 1, "eventId": 4037}, {"id": 2, "eventId": "5"}]}});
    assert_eq!(load_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(world.get(client, "events", 4037, "name"), "a");
    assert_eq!(world.get(client, "events", "5", "name"), "b");
    world.set(client, "events", 4037, "name", "A");
    world.set(client, "events", "5", "name", "B");
    // The answer names them the other way round.
    let body = json!({"success": true, "events": {"rows": [
        {"id": 4037, "name": "A!"}, {"id": "5", "name": "B!"}]}});
    assert_eq!(
        world.changes(client)["events"]["updated"],
        json!([{"id": "4037", "name": "A"}, {"id": 5, "name": "B"}])
    );
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(column(&world, client, "events", "name"), ["A!", "B!"]);
    assert!(!world.is_dirty(client));
    // References follow whatever their type.
    world.remove(client, "events", "4037");
    assert_eq!(column(&world, client, "assignments", "id"), [2]);
    world.remove(client, "events", 5);
    assert_eq!(world.count(client, "assignments"), 0);
    assert_eq!(
        world.changes(client)["events"]["removed"],
        json!([{"id": "4037"}, {"id": 5}])
    );
    let body = json!({"success": true, "events": {"removed": [{"id": 4037}, {"id": "5"}]}});
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    assert!(!world.is_dirty(client) && world.clients[client].warnings.is_empty());
    world.check_end();
}

#[test]
fn interop_09_ids_are_whatever_a_server_calls_its_rows() {
    for id in [
        json!(9_007_199_254_740_991_u64),
        json!("0b9c5a6e-7a58-4b5e-a1ce-0d6a53a1f6d1"),
        json!("evt_00017"),
        json!("65f1a2b3c4d5e6f708192a3b"),
        json!("007"),
        json!("1e3"),
        json!("__proto__"),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        let body =
            json!({"success": true, "events": {"rows": [{"$PhantomId": phantom, "id": id}]}});
        assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
        assert_eq!(world.get_row(client, "events", row, "id"), id);
        world.set_row(client, "events", row, "name", "newer");
        assert_eq!(
            world.changes(client)["events"]["updated"],
            json!([{"id": id, "name": "newer"}])
        );
        assert_eq!(sync_meets(&mut world, client, 200, json!({})), Ok(true));
        world.check_end();
    }
}

/// What the server is told, as text: as a number, an id beyond 2^53 would lose digits here too.
fn changes_text(world: &World, client: usize) -> String {
    let client = &world.clients[client];
    let changes = client.engine.changes_json(client.manager);
    String::from_utf8(changes.unwrap_or_default()).unwrap()
}

#[test]
fn interop_09_numbers_that_no_double_holds_are_ids_by_their_digits() {
    const BIG: &str = "9007199254740993";
    const HUGE: &str = "-123456789012345678901234567890";
    let mut world = World::calendar();
    let client = world.client(json!({}));
    let body = format!(
        r#"{{"events":{{"rows":[{{"id":{BIG},"name":"a"}},{{"id":9007199254740992,"name":"b"}},
            {{"id":{HUGE},"name":"c"}},{{"id":"9007199254740995","name":"d"}}]}},
            "assignments":{{"rows":[{{"id":1,"eventId":{BIG}}},{{"id":2,"eventId":"{HUGE}"}},
            {{"id":3,"eventId":9007199254740995}}]}}}}"#
    );
    assert_eq!(load_meets(&mut world, client, 200, &body), Ok(true));
    assert_eq!(world.count(client, "events"), 4);
    for (id, name) in [(BIG, "A"), (HUGE, "C")] {
        assert!(world.set(client, "events", id, "name", name));
    }
    let expected = format!(
        r#"{{"events":{{"updated":[{{"id":{BIG},"name":"A"}},{{"id":{HUGE},"name":"C"}}]}}}}"#
    );
    assert_eq!(changes_text(&world, client), expected);
    let body = format!(
        r#"{{"events":{{"rows":[{{"id":{BIG},"name":"A!"}},{{"id":"{HUGE}","name":"C!"}}]}}}}"#
    );
    assert_eq!(sync_meets(&mut world, client, 200, &body), Ok(true));
    assert_eq!(
        column(&world, client, "events", "name"),
        ["A!", "b", "C!", "d"]
    );
    assert!(!world.is_dirty(client));
    for id in [BIG, HUGE, "9007199254740995"] {
        world.remove(client, "events", id);
    }
    assert_eq!(world.count(client, "assignments"), 0);
    let expected = format!(
        r#"{{"events":{{"removed":[{{"id":{BIG}}},{{"id":{HUGE}}},{{"id":"9007199254740995"}}]}}}}"#
    );
    assert_eq!(changes_text(&world, client), expected);
    assert_eq!(sync_meets(&mut world, client, 200, json!({})), Ok(true));
    // A new record may get such an id.
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.add(client, "assignments", json!({"eventId": phantom}));
    let body = format!(r#"{{"events":{{"rows":[{{"$PhantomId":{phantom},"id":{BIG}}}]}}}}"#);
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    world.set_row(client, "events", row, "name", "newer");
    let changes = changes_text(&world, client);
    assert!(
        changes.contains(&format!(r#"{{"id":{BIG},"name":"newer"}}"#)),
        "{changes}"
    );
    assert!(
        changes.contains(&format!(r#""eventId":{BIG}"#)),
        "{changes}"
    );
    world.check_end();
}

#[test]
fn interop_10_phantom_ids_never_meet_whoever_makes_them() {
    let mut world = World::calendar();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let client = world.client(json!({}));
        for store in ["events", "resources", "assignments"] {
            for _ in 0..20 {
                let row = world.add(client, store, json!({"name": "x"}));
                let id = world.get_row(client, store, row, "id");
                let id = id.as_str().expect("text").to_owned();
                let parts: Vec<usize> = id.rsplit('-').take(5).map(str::len).collect();
                assert_eq!(parts[..4], [12, 4, 4, 4], "{id}");
                assert!(seen.insert(id), "an id came twice");
            }
        }
    }
}

#[test]
fn interop_11_a_row_that_gives_an_id_may_be_short_or_whole_its_members_in_any_order() {
    for row in [
        r#"{"$PhantomId":"P","id":70}"#,
        r#"{"id":70,"$PhantomId":"P"}"#,
        r#"{"id":70,"name":"new","n":null,"created":"2026-03-01","$PhantomId":"P"}"#,
        r#"{"$PhantomId":"P","name":"NEW","id":70}"#,
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let added = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", added, "id");
        let row = row.replace("\"P\"", &phantom.to_string());
        let body = format!("{{\"events\":{{\"rows\":[{row}]}}}}");
        assert_eq!(sync_meets(&mut world, client, 200, &body), Ok(true));
        assert_eq!(world.get_row(client, "events", added, "id"), 70);
        assert_eq!(world.count(client, "events"), 3, "{row}");
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_11_an_addition_without_an_id_stays_and_the_others_are_saved() {
    for lost in [
        json!(null),
        json!({"name": "b"}),
        json!({"$PhantomId": "P"}),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(auto());
        let first = world.add(client, "events", json!({"name": "a"}));
        let second = world.add(client, "events", json!({"name": "b"}));
        let ids = [first, second].map(|row| world.get_row(client, "events", row, "id"));
        let mut rows = vec![json!({"$PhantomId": ids[0], "id": 70})];
        if let Value::Object(mut row) = lost {
            if row.contains_key("$PhantomId") {
                row.insert("$PhantomId".into(), ids[1].clone());
            }
            rows.push(row.into());
        }
        answer(
            &mut world,
            200,
            json!({"success": true, "events": {"rows": rows}}),
        );
        world.settle();
        assert_eq!(world.get_row(client, "events", first, "id"), 70);
        assert_eq!(world.get_row(client, "events", second, "id"), ids[1]);
        assert!(!world.clients[client].warnings.is_empty());
        assert_eq!(world.clients[client].requests, 1, "no loop");
        assert_eq!(
            world.changes(client),
            json!({"events": {"added": [{"$PhantomId": ids[1], "name": "b"}]}})
        );
        world.check_end();
    }
}

#[test]
fn interop_11_the_id_is_found_under_the_stores_own_name_for_it() {
    let mut world = World::calendar();
    let client = with_store(
        &mut world,
        json!({}),
        json!({"id": "tasks", "fields": [{"name": "id", "dataSource": "TaskId"}, {"name": "name"}]}),
        json!({"rows": [{"TaskId": 1, "name": "a", "id": 900}]}),
    );
    let row = world.add(client, "tasks", json!({"name": "new"}));
    let phantom = world.get_row(client, "tasks", row, "id");
    let body = json!({"tasks": {"rows": [{"$PhantomId": phantom, "id": 901, "TaskId": 2}]}});
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(column(&world, client, "tasks", "id"), [1, 2]);
    world.check_end();
}

#[test]
fn interop_12_a_new_id_takes_the_phantoms_place_in_edits_that_wait() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.run(110);
    // The event is on the wire: nothing of this is.
    world.set(client, "assignments", 1, "eventId", phantom.clone());
    let fresh = world.add(
        client,
        "assignments",
        json!({"eventId": phantom, "resourceId": 2}),
    );
    world.settle();
    assert_eq!(world.get(client, "assignments", 1, "eventId"), 1000);
    assert_eq!(world.get_row(client, "assignments", fresh, "eventId"), 1000);
    assert_eq!(world.server.received.len(), 2);
    let sent = world.last_sync();
    assert_eq!(
        sent["assignments"]["updated"],
        json!([{"id": 1, "eventId": 1000}])
    );
    assert_eq!(sent["assignments"]["added"][0]["eventId"], 1000);
    let mut told = world.clients[client].notices.iter();
    assert!(told.any(|notice| notice.kind == NoticeKind::IdChange));
    world.check_end();
}

#[test]
fn interop_12_a_new_id_takes_the_phantoms_place_as_a_parent() {
    let mut world = World::calendar();
    let client = with_store(
        &mut world,
        json!({}),
        tree(),
        json!({"rows": [{"id": 1, "name": "root"}]}),
    );
    let parent = world.add(client, "tasks", json!({"name": "parent"}));
    let phantom = world.get_row(client, "tasks", parent, "id");
    world.sync(client);
    let child = world.add(
        client,
        "tasks",
        json!({"name": "child", "parentId": phantom}),
    );
    world.set(client, "tasks", 1, "parentId", phantom.clone());
    let body = json!({"tasks": {"rows": [{"$PhantomId": phantom, "id": 50}]}});
    for parcel in world.parcels.values_mut() {
        if let crate::network::Parcel::Arrive { fate, .. } = parcel {
            *fate = Fate::Reply(200, body.to_string());
        }
    }
    world.settle();
    assert_eq!(world.get_row(client, "tasks", child, "parentId"), 50);
    let changes = world.changes(client);
    assert_eq!(
        changes["tasks"]["updated"],
        json!([{"id": 1, "parentId": 50}])
    );
    assert_eq!(changes["tasks"]["added"][0]["parentId"], 50);
    assert_eq!(changes["tasks"]["added"][0].get("$PhantomParentId"), None);
    world.check_end();
}

#[test]
fn interop_12_a_phantoms_text_that_the_server_kept_is_corrected_by_an_update() {
    let mut world = World::calendar();
    world.server.habits = Habits {
        resolves_references: false,
        short_answers: false,
        ..Habits::default()
    };
    let client = world.loaded(auto());
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.set(client, "assignments", 1, "eventId", phantom.clone());
    world.settle();
    assert_eq!(world.server.received.len(), 2);
    assert_eq!(
        world.last_sync(),
        json!({"assignments": {"updated": [{"id": 1, "eventId": 1000}]}})
    );
    assert_eq!(world.server.row("assignments", 1).unwrap()["eventId"], 1000);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_13_a_child_of_a_phantom_names_its_parent_by_one_member_alone() {
    for (config, name) in [
        (json!({}), "$PhantomParentId"),
        (
            json!({"phantomParentIdField": "parentClientId"}),
            "parentClientId",
        ),
    ] {
        let mut world = World::calendar();
        let client = with_store(&mut world, config, tree(), json!([]));
        let parent = world.add(client, "tasks", json!({"name": "parent"}));
        let phantom = world.get_row(client, "tasks", parent, "id");
        let child = world.add(
            client,
            "tasks",
            json!({"name": "child", "parentId": phantom}),
        );
        let own = world.get_row(client, "tasks", child, "id");
        world.sync(client);
        let mut expected = json!({"$PhantomId": own, "name": "child"});
        expected[name] = phantom.clone();
        let pack = pack_of(&on_the_wire(&world));
        assert_eq!(pack["tasks"]["added"][1], expected);
        let body = json!({"tasks": {"rows": [{"$PhantomId": own, "id": 51, "parentId": 50},
            {"$PhantomId": phantom, "id": 50}]}});
        for parcel in world.parcels.values_mut() {
            if let crate::network::Parcel::Arrive { fate, .. } = parcel {
                *fate = Fate::Reply(200, body.to_string());
            }
        }
        world.settle();
        assert_eq!(world.get(client, "tasks", 51, "parentId"), 50);
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_13_where_parents_have_to_be_there_first_two_syncs_do_it() {
    // What an app can do for a server that knows no references to phantoms: send the parent, then
    // the child.
    let mut world = World::calendar();
    let client = with_store(&mut world, json!({}), tree(), json!([]));
    let parent = world.add(client, "tasks", json!({"name": "parent"}));
    let phantom = world.get_row(client, "tasks", parent, "id");
    let body = json!({"tasks": {"rows": [{"$PhantomId": phantom, "id": 50}]}});
    assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
    world.add(client, "tasks", json!({"name": "child", "parentId": 50}));
    let added = &world.changes(client)["tasks"]["added"][0];
    assert_eq!(added["parentId"], 50);
    assert_eq!(added.get("$PhantomParentId"), None);
    world.check_end();
}

#[test]
fn interop_14_an_added_row_carries_no_id_unless_the_app_wants_it() {
    for reset in [true, false] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"resetIdsBeforeSync": reset}));
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        let added = world.changes(client)["events"]["added"][0].clone();
        assert_eq!(added["$PhantomId"], phantom);
        assert_eq!(added.get("id"), if reset { None } else { Some(&phantom) });
        let body = json!({"events": {"rows": [{"$PhantomId": phantom, "id": 70}]}});
        assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
        assert_eq!(world.get_row(client, "events", row, "id"), 70);
        world.check_end();
    }
}

#[test]
fn interop_14_an_id_that_the_app_chose_goes_out_when_added_rows_carry_ids() {
    for reset in [true, false] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"resetIdsBeforeSync": reset}));
        let row = world.add(client, "events", json!({"id": "draft-1", "name": "new"}));
        world.add(
            client,
            "assignments",
            json!({"eventId": "draft-1", "resourceId": 1}),
        );
        let changes = world.changes(client);
        let added = &changes["events"]["added"][0];
        let phantom = added["$PhantomId"].clone();
        assert_ne!(phantom, "draft-1");
        let (id, named) = match reset {
            true => (None, phantom.clone()),
            false => (Some("draft-1".into()), "draft-1".into()),
        };
        assert_eq!(added.get("id"), id.as_ref());
        assert_eq!(changes["assignments"]["added"][0]["eventId"], named);
        let body = json!({"events": {"rows": [{"$PhantomId": phantom, "id": 70}]},
            "assignments": {"rows": [{"$PhantomId":
                changes["assignments"]["added"][0]["$PhantomId"], "id": 71}]}});
        assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
        assert_eq!(world.get_row(client, "events", row, "id"), 70);
        assert_eq!(world.get(client, "assignments", 71, "eventId"), 70);
        world.check_end();
    }
}
