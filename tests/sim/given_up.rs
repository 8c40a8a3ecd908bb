//! Groups of edits that are taken back, while they are made or because the server refused them:
//! everything is as it was before, whatever else waits or is on the wire.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::input::{CallId, Input};
use syncline::engine::table::RowId;

use crate::network::Fate;
use crate::world::World;

fn give_up(world: &mut World, client: usize, edits: impl FnOnce(&mut World)) {
    world.begin_edit(client, false);
    edits(world);
    world.feed(client, Input::EndEdit(false)).unwrap();
    world.settle();
}

#[test]
fn an_unsaved_record_that_was_pointed_at_an_addition_of_the_group_stays() {
    for on_the_wire in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let link = json!({"eventId": 2, "resourceId": 2});
        let link = world.add(client, "assignments", link);
        if on_the_wire {
            world.sync(client);
            world.run(25);
        }
        give_up(&mut world, client, |world| {
            let event = world.add(client, "events", json!({"name": "new"}));
            let id = world.get_row(client, "events", event, "id");
            world.set_row(client, "assignments", link, "eventId", id);
        });
        assert_eq!(world.count(client, "events"), 2);
        assert_eq!(world.get_row(client, "assignments", link, "eventId"), 2);
        world.sync(client);
        world.settle();
        assert_eq!(world.server.count("assignments"), 2);
        assert!(!world.is_dirty(client), "{}", world.changes(client));
        world.check_end();
    }
}

#[test]
fn an_edit_from_before_the_group_comes_back_when_the_group_had_set_the_servers_value() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "mine");
    give_up(&mut world, client, |world| {
        world.set(client, "events", 1, "name", "one");
    });
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    world.sync(client);
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "mine");
    world.check_end();
}

#[test]
fn an_edit_on_the_wire_that_the_group_only_repeated_is_not_undone_with_it() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"idempotentSync": true}));
    world.set(client, "events", 1, "name", "mine");
    world.fates.push_back(Fate::DropAnswer);
    world.sync(client);
    world.run(25);
    world.begin_edit(client, false);
    world.set(client, "events", 1, "name", "other");
    world.set(client, "events", 1, "name", "mine");
    world.feed(client, Input::EndEdit(false)).unwrap();
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "mine");
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_saved_node_that_moves_under_a_new_one_goes_out_behind_it() {
    let sections = json!({"nodes": [{"id": 1, "name": "a"}]});
    let mut world = World::new(1, crate::server::Habits::default(), sections);
    let client = world.client(json!({"maxSyncBytes": 150}));
    let nodes = json!({"id": "nodes", "parentField": "parentId", "fields": [{"name": "name"}]});
    world.add_store(client, nodes);
    world.load(client);
    world.settle();
    world.set(
        client,
        "nodes",
        1,
        "name",
        "moved, with a name that fills a package on its own, and some more",
    );
    let row = world.add(
        client,
        "nodes",
        json!({"name": "the new parent, which fills another package"}),
    );
    let id = world.get_row(client, "nodes", row, "id");
    world.set(client, "nodes", 1, "parentId", id);
    world.sync(client);
    world.settle();
    assert_eq!(world.server.received.len(), 2);
    assert_eq!(world.server.row("nodes", 1).unwrap()["parentId"], 1000);
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// Two records that the server has never heard of, one of which refers to the other, and a group
/// that removes them and changes what the server has.
struct Unsent {
    event: RowId,
    link: RowId,
    /// Who waits for the event since before the group.
    waiting: CallId,
    group: CallId,
    /// What was to be sent before the group.
    before: Value,
}

fn remove_unsent(world: &mut World, client: usize) -> Unsent {
    let event = world.add(client, "events", json!({"name": "made before", "n": 1}));
    let id = world.get_row(client, "events", event, "id");
    let link = json!({"eventId": id, "resourceId": 1});
    let link = world.add(client, "assignments", link);
    let waiting = world.edit(client, false, |world| {
        world.set_row(client, "events", event, "n", 2);
    });
    let before = world.changes(client);
    let store = world.clients[client].stores["events"];
    let group = world.edit(client, false, |world| {
        world.set_row(client, "events", event, "name", "renamed");
        world.feed(client, Input::Remove(store, &[event])).unwrap();
        world.set(client, "events", 1, "name", "a");
    });
    Unsent {
        event,
        link,
        waiting,
        group,
        before,
    }
}

fn refusal() -> Fate {
    Fate::Reply(422, r#"{"success":false,"message":"no"}"#.to_owned())
}

const WAITS: Option<Result<bool, ErrorCode>> = None;
const SAVED: Option<Result<bool, ErrorCode>> = Some(Ok(false));

#[test]
fn a_refused_group_brings_back_what_was_never_sent_and_what_referred_to_it() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let it = remove_unsent(&mut world, client);
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.count(client, "assignments"), 1);
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "a"}]}}),
        "the server needn't know of what it never heard of"
    );
    world.fates.push_back(refusal());
    world.sync(client);
    world.settle();
    assert_eq!(
        world.outcome(client, it.group),
        Some(Err(ErrorCode::Http)),
        "refused"
    );
    assert_eq!(world.outcome(client, it.waiting), WAITS);
    let name = world.get_row(client, "events", it.event, "name");
    assert_eq!(name, "made before");
    assert!(world.rows(client, "assignments").contains(&it.link));
    assert_eq!(world.changes(client), it.before);
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, it.waiting), SAVED);
    assert_eq!(world.server.rows["events"].len(), 3);
    assert_eq!(world.server.rows["assignments"].len(), 2);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn what_a_confirmed_group_removed_unsent_is_gone_for_good() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let it = remove_unsent(&mut world, client);
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, it.group), SAVED);
    assert_eq!(world.outcome(client, it.waiting), SAVED);
    let store = world.clients[client].stores["events"];
    let store = world.clients[client].engine.store(store).unwrap();
    assert!(store.table().resolve(it.event).is_none(), "no leftovers");
    assert!(!world.is_dirty(client));
    assert_eq!(world.server.rows["events"].len(), 2);
    world.check_end();
}

#[test]
fn what_a_refused_group_removed_comes_back_after_a_load_and_not_after_a_revert() {
    for reverts in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let it = remove_unsent(&mut world, client);
        if reverts {
            world.reject_all(client);
            assert_eq!(
                world.outcome(client, it.group),
                Some(Err(ErrorCode::Cancelled))
            );
            assert!(!world.is_dirty(client));
            world.sync(client);
        } else {
            world.load(client);
            world.settle();
            assert_eq!(world.outcome(client, it.group), WAITS);
            assert_eq!(world.count(client, "events"), 2);
            world.fates.push_back(refusal());
            world.sync(client);
        }
        world.settle();
        let left = if reverts { 2 } else { 3 };
        assert_eq!(world.count(client, "events"), left);
        assert_eq!(world.count(client, "assignments"), left - 1);
        world.sync(client);
        world.settle();
        assert_eq!(world.server.rows["events"].len(), left);
        world.check_end();
    }
}

#[test]
fn an_addition_that_is_refused_while_a_group_waits_that_removed_it_comes_back_with_the_group() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let event = world.add(client, "events", json!({"name": "made before"}));
    world.fates.push_back(refusal());
    world.sync(client);
    world.run(25);
    let store = world.clients[client].stores["events"];
    let group = world.edit(client, false, |world| {
        world.feed(client, Input::Remove(store, &[event])).unwrap();
        world.set(client, "events", 1, "name", "a");
    });
    world.settle();
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.outcome(client, group), WAITS);
    world.fates.push_back(refusal());
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, group), Some(Err(ErrorCode::Http)));
    let name = world.get_row(client, "events", event, "name");
    assert_eq!(name, "made before");
    world.sync(client);
    world.settle();
    assert_eq!(world.server.rows["events"].len(), 3);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_record_that_two_groups_hold_comes_back_with_the_one_that_removed_it() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let store = world.clients[client].stores["events"];
    let event = world.add(client, "events", json!({"name": "made before"}));
    let first = world.edit(client, false, |world| {
        world.set_row(client, "events", event, "name", "first");
        world.set(client, "events", 1, "name", "a");
    });
    let second = world.edit(client, false, |world| {
        world.feed(client, Input::Remove(store, &[event])).unwrap();
        world.set(client, "events", 2, "name", "b");
    });
    let body =
        json!({"success": true, "events": {"rows": [{"id": 2, "success": false, "error": "no"}]}});
    world.fates.push_back(Fate::Reply(200, body.to_string()));
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, second), Some(Err(ErrorCode::Refused)));
    assert_eq!(world.outcome(client, first), WAITS, "its record is back");
    let name = world.get_row(client, "events", event, "name");
    assert_eq!(name, "first");
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, first), SAVED);
    assert_eq!(world.server.rows["events"].len(), 3);
    world.check_end();
}

/// A group that fails while it is on the wire: another user removes one of its records.
fn fail_on_the_wire(world: &mut World, client: usize, group: CallId) {
    world.run(5);
    world.push(client, &json!({"events": {"removed": [{"id": 2}]}}));
    assert_eq!(
        world.outcome(client, group),
        Some(Err(ErrorCode::UnknownRecord))
    );
}

#[test]
fn what_was_typed_before_and_after_a_group_survives_that_it_fails_on_the_wire() {
    for after in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        world.set(client, "events", 1, "name", "before");
        let group = world.edit(client, false, |world| {
            world.set(client, "events", 1, "name", "group");
            world.set(client, "events", 1, "n", 7);
            world.set(client, "events", 2, "name", "group");
        });
        if after {
            world.set(client, "events", 1, "name", "after");
        }
        world.sync(client);
        fail_on_the_wire(&mut world, client, group);
        let kept = if after { "after" } else { "before" };
        assert_eq!(world.get(client, "events", 1, "name"), kept);
        assert_eq!(world.get(client, "events", 1, "n"), 1);
        world.settle();
        world.sync(client);
        world.settle();
        assert_eq!(world.get(client, "events", 1, "name"), kept);
        assert_eq!(world.server.row("events", 1).unwrap()["name"], kept);
        assert_eq!(world.server.row("events", 1).unwrap()["n"], 1);
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn an_addition_on_the_wire_is_as_before_a_group_that_fails() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let event = world.add(client, "events", json!({"name": "before"}));
    let group = world.edit(client, false, |world| {
        world.set_row(client, "events", event, "name", "group");
        world.set_row(client, "events", event, "n", 7);
        world.set(client, "events", 2, "name", "group");
    });
    world.sync(client);
    fail_on_the_wire(&mut world, client, group);
    assert_eq!(world.get_row(client, "events", event, "name"), "before");
    assert_eq!(world.get_row(client, "events", event, "n"), Value::Null);
    world.settle();
    world.sync(client);
    world.settle();
    let id = world.get_row(client, "events", event, "id");
    let row = world.server.row("events", id.as_u64().unwrap()).unwrap();
    assert_eq!((&row["name"], &row["n"]), (&json!("before"), &Value::Null));
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn what_is_typed_while_a_group_is_on_the_wire_survives_its_refusal() {
    let of_record =
        json!({"success": true, "events": {"rows": [{"id": 1, "success": false, "error": "no"}]}});
    for refused in [refusal(), Fate::Reply(200, of_record.to_string())] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let group = world.edit(client, false, |world| {
            world.set(client, "events", 1, "name", "group");
            world.set(client, "events", 1, "n", 7);
        });
        world.fates.push_back(refused);
        world.sync(client);
        world.run(5);
        world.set(client, "events", 1, "name", "typed");
        world.settle();
        assert!(matches!(world.outcome(client, group), Some(Err(_))));
        assert_eq!(world.get(client, "events", 1, "name"), "typed");
        assert_eq!(world.get(client, "events", 1, "n"), 1);
        world.sync(client);
        world.settle();
        assert_eq!(world.server.row("events", 1).unwrap()["name"], "typed");
        assert_eq!(world.server.row("events", 1).unwrap()["n"], 1);
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn what_one_group_added_and_another_removed_stays_away_when_both_fail() {
    for sent in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let store = world.clients[client].stores["events"];
        let mut event = None;
        let first = world.edit(client, false, |world| {
            event = Some(world.add(client, "events", json!({"name": "new"})));
            world.set(client, "events", 1, "name", "a");
        });
        if sent {
            world.sync(client);
            world.run(5);
        }
        let second = world.edit(client, false, |world| {
            let rows = [event.unwrap()];
            world.feed(client, Input::Remove(store, &rows)).unwrap();
            world.set(client, "events", 2, "name", "b");
        });
        let removed = json!({"events": {"removed": [{"id": 1}, {"id": 2}]}});
        world.push(client, &removed);
        for group in [first, second] {
            let outcome = world.outcome(client, group);
            assert_eq!(outcome, Some(Err(ErrorCode::UnknownRecord)));
        }
        world.settle();
        world.sync(client);
        world.settle();
        assert_eq!(world.count(client, "events"), 0);
        assert!(!world.is_dirty(client), "{}", world.changes(client));
        world.check_end();
    }
}

#[test]
fn what_is_typed_while_a_refused_edit_was_on_the_wire_goes_out_by_itself() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "autoSyncTimeout": 10}));
    let of_record =
        json!({"success": true, "events": {"rows": [{"id": 1, "success": false, "error": "no"}]}});
    world
        .fates
        .push_back(Fate::Reply(200, of_record.to_string()));
    world.set(client, "events", 1, "name", "refused");
    world.run(15);
    world.set(client, "events", 1, "name", "typed since");
    world.settle();
    assert_eq!(
        world.server.row("events", 1).unwrap()["name"],
        "typed since"
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn what_a_group_keeps_back_gives_way_to_a_record_of_its_id() {
    for sends_ids in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"resetIdsBeforeSync": !sends_ids}));
        let mine = world.add(client, "events", json!({"id": 77, "name": "mine"}));
        let store = world.clients[client].stores["events"];
        let group = world.edit(client, false, |world| {
            world.feed(client, Input::Remove(store, &[mine])).unwrap();
            world.set(client, "events", 1, "name", "a");
        });
        world.push(
            client,
            &json!({"events": {"added": [{"id": 77, "name": "theirs"}]}}),
        );
        assert_eq!(world.get(client, "events", 77, "name"), "theirs");
        world.fates.push_back(refusal());
        world.sync(client);
        world.settle();
        assert_eq!(world.outcome(client, group), Some(Err(ErrorCode::Http)));
        assert_eq!(world.get(client, "events", 77, "name"), "theirs");
        assert_eq!(world.get_row(client, "events", mine, "name"), "mine");
        assert_ne!(world.get_row(client, "events", mine, "id"), 77);
        world.check_end();
    }
}

#[test]
fn what_a_load_finds_of_a_group_whose_answer_was_lost_is_confirmed() {
    let mut world = World::calendar();
    world.natural_keys = true;
    let client = world.loaded(json!({}));
    let mut event = None;
    let group = world.edit(client, false, |world| {
        event = Some(world.add(client, "events", json!({"name": "new", "n": 1})));
        world.set_row(client, "events", event.unwrap(), "n", 2);
    });
    // The sync, the load that looks what became of it, the next sync.
    world
        .fates
        .extend([Fate::DropAnswer, Fate::Normal, refusal()]);
    world.sync(client);
    world.run(5);
    let second = world.edit(client, false, |world| {
        world.set_row(client, "events", event.unwrap(), "n", 3);
    });
    world.settle();
    assert_eq!(world.outcome(client, group), SAVED, "the server has it");
    assert!(matches!(world.outcome(client, second), Some(Err(_))));
    assert_eq!(world.get(client, "events", 1000, "n"), 2);
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    world.check_end();
}

#[test]
fn what_was_on_the_wire_and_refused_is_under_a_group_that_is_refused_later() {
    for adds in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let row = if adds {
            world.add(client, "events", json!({"name": "typed"}))
        } else {
            world.set(client, "events", 1, "name", "typed");
            world.find(client, "events", 1).unwrap()
        };
        world.fates.extend([refusal(), refusal()]);
        world.sync(client);
        world.run(5);
        let group = world.edit(client, false, |world| {
            world.set_row(client, "events", row, "name", "group");
            world.set_row(client, "events", row, "n", 7);
        });
        world.settle();
        assert_eq!(world.outcome(client, group), WAITS);
        assert_eq!(world.get_row(client, "events", row, "name"), "group");
        world.sync(client);
        world.settle();
        assert_eq!(world.outcome(client, group), Some(Err(ErrorCode::Http)));
        assert_eq!(world.get_row(client, "events", row, "name"), "typed");
        world.sync(client);
        world.settle();
        let id = world.get_row(client, "events", row, "id");
        let saved = world.server.row("events", id.as_u64().unwrap()).unwrap();
        assert_eq!(saved["name"], "typed");
        assert_ne!(saved.get("n"), Some(&json!(7)));
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}
