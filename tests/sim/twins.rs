//! A record that is there twice: an addition whose answer was lost, and what a load has brought of
//! it. Once its id is known it is one record, as the latest edits of either say.

use serde_json::{Map, Value, json};
use syncline::engine::input::Input;
use syncline::engine::table::RowId;

use crate::network::Fate;
use crate::server::Habits;
use crate::world::World;

/// The id that the server gives the record.
const GIVEN: u64 = 1000;

/// A tree with a record below node 1 that is there twice; gives the addition.
fn twice() -> (World, RowId) {
    let sections = json!({"nodes": [{"id": 1}, {"id": 2}]});
    let mut world = World::new(1, Habits::default(), sections);
    let client = world.client(json!({"idempotentSync": true, "retry": {"max": 0}}));
    let nodes = json!({"id": "nodes", "parentField": "parentId", "fields": [{"name": "name"}]});
    world.add_store(client, nodes);
    world.load(client);
    world.settle();
    let added = world.add(client, "nodes", json!({"name": "new", "parentId": 1}));
    let id = world.get_row(client, "nodes", added, "id");
    world.fates.push_back(Fate::DropAnswer);
    world.sync(client);
    world.settle();
    world.load(client);
    world.settle();
    assert_eq!(world.count(client, "nodes"), 4);
    let added = world.find(client, "nodes", id.as_str().unwrap()).unwrap();
    (world, added)
}

/// The request is repeated, so that the two become one; gives the server's, if it has one.
fn united(world: &mut World) -> Option<Map<String, Value>> {
    world.sync(0);
    world.settle();
    world.sync(0);
    world.settle();
    assert!(!world.is_dirty(0), "{}", world.changes(0));
    let here = world.find(0, "nodes", GIVEN).is_some();
    let there = world.server.row("nodes", GIVEN).cloned();
    assert_eq!(here, there.is_some());
    world.check_end();
    there
}

#[test]
fn a_record_stays_when_the_one_of_two_that_was_moved_away_is_not_below_the_removed_parent() {
    // The addition moves away, what the load brought stands where it stood.
    let (mut world, added) = twice();
    world.set_row(0, "nodes", added, "parentId", 2);
    world.remove(0, "nodes", 1);
    let server = united(&mut world).unwrap();
    assert_eq!(server["parentId"], 2);
    assert_eq!(world.get(0, "nodes", GIVEN, "parentId"), 2);
    assert!(world.server.row("nodes", 1).is_none());

    // The other one moves away.
    let (mut world, _) = twice();
    world.set(0, "nodes", GIVEN, "parentId", 2);
    world.set(0, "nodes", GIVEN, "name", "moved");
    world.remove(0, "nodes", 1);
    assert_eq!(world.count(0, "nodes"), 2);
    let server = united(&mut world).unwrap();
    assert_eq!(
        (&server["parentId"], &server["name"]),
        (&json!(2), &json!("moved"))
    );
    assert_eq!(world.get(0, "nodes", GIVEN, "parentId"), 2);
    assert_eq!(world.count(0, "nodes"), 2);
}

#[test]
fn a_record_goes_with_the_parent_that_the_latest_move_of_either_says() {
    for addition_last in [false, true] {
        let (mut world, added) = twice();
        let new = world.add(0, "nodes", json!({"name": "the third"}));
        let id = world.get_row(0, "nodes", new, "id");
        let found = world.find(0, "nodes", GIVEN).unwrap();
        let [earlier, later] = if addition_last {
            [found, added]
        } else {
            [added, found]
        };
        world.set_row(0, "nodes", earlier, "parentId", 2);
        world.set_row(0, "nodes", later, "parentId", id);
        let store = world.clients[0].stores["nodes"];
        world.feed(0, Input::Remove(store, &[new])).unwrap();
        assert_eq!(united(&mut world), None);
        assert_eq!(world.count(0, "nodes"), 2);
    }
}

#[test]
fn an_edit_of_one_of_two_that_is_given_up_leaves_the_order_of_the_others_as_it_was() {
    let (mut world, added) = twice();
    world.set_row(0, "nodes", added, "name", "first");
    world.set(0, "nodes", GIVEN, "name", "second");
    world.begin_edit(0, false);
    world.set_row(0, "nodes", added, "name", "given up");
    world.feed(0, Input::EndEdit(false)).unwrap();
    let server = united(&mut world).unwrap();
    assert_eq!(server["name"], "second");
    assert_eq!(world.get(0, "nodes", GIVEN, "name"), "second");
}

#[test]
fn setting_one_of_two_to_what_it_shows_is_no_edit() {
    let (mut world, added) = twice();
    world.set_row(0, "nodes", added, "name", "mine");
    assert!(!world.set(0, "nodes", GIVEN, "name", "new"));
    let server = united(&mut world).unwrap();
    assert_eq!(server["name"], "mine");
}
