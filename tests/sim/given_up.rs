//! Groups of edits that are taken back while they are made: everything is as it was before, whatever else waits or is on the wire.

use serde_json::json;
use syncline::engine::input::Input;

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
