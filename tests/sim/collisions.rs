//! The server uses an id that the app has chosen for a record of its own: for another record, or in
//! a reference to one. What the user's references mean stays what they meant.

use serde_json::{Value, json};
use syncline::engine::table::RowId;

use crate::interop::{changeset, load_meets};
use crate::network::Fate;
use crate::server::Habits;
use crate::world::World;

/// The server's next id, which the app has chosen too.
const TAKEN: u64 = 1000;

fn id_of(world: &World, store: &str, row: RowId) -> Value {
    world.get_row(0, store, row, "id")
}

fn event_of(world: &World, row: RowId) -> Value {
    world.get_row(0, "assignments", row, "eventId")
}

/// What the server has of an assignment says that it is one of that event, by name.
fn server_links(world: &World, name: &str) -> usize {
    let rows = world.server.rows["assignments"].values();
    let named = rows.filter(|row| {
        let event = row["eventId"].as_u64();
        let event = event.and_then(|id| world.server.row("events", id));
        event.is_some_and(|event| event["name"] == name)
    });
    named.count()
}

#[test]
fn references_to_an_addition_stay_with_it_when_the_same_answer_gives_its_own_id_to_another() {
    for short_answers in [true, false] {
        let habits = Habits {
            short_answers,
            ..Habits::default()
        };
        let sections = json!({
            "events": [{"id": 1, "name": "one"}],
            "resources": [{"id": 1, "name": "Ann"}],
            "assignments": [{"id": 1, "eventId": 1, "resourceId": 1}],
        });
        let mut world = World::new(1, habits, sections);
        let client = world.loaded(json!({}));
        let first = world.add(client, "events", json!({"name": "first"}));
        let own = world.add(client, "events", json!({"id": TAKEN, "name": "own"}));
        let new = json!({"eventId": TAKEN, "resourceId": 1});
        let new = world.add(client, "assignments", new);
        let old = world.find(client, "assignments", 1).unwrap();
        world.set_row(client, "assignments", old, "eventId", TAKEN);
        world.sync(client);
        world.settle();
        assert_eq!(id_of(&world, "events", first), TAKEN);
        assert_eq!(id_of(&world, "events", own), TAKEN + 1);
        for assignment in [new, old] {
            assert_eq!(event_of(&world, assignment), TAKEN + 1);
        }
        assert_eq!(server_links(&world, "own"), 2);
        assert!(!world.is_dirty(client), "{}", world.changes(client));
        // Who removes the other one removes nothing else.
        world.remove(client, "events", TAKEN);
        assert_eq!(world.count(client, "assignments"), 2);
        world.check_end();
    }
}

#[test]
fn children_stay_with_their_parent_when_the_same_answer_gives_its_own_id_to_another() {
    let mut world = World::new(1, Habits::default(), json!({"nodes": [{"id": 1}]}));
    let client = world.client(json!({}));
    let nodes = json!({"id": "nodes", "parentField": "parentId", "fields": [{"name": "name"}]});
    world.add_store(client, nodes);
    world.load(client);
    world.settle();
    let first = world.add(client, "nodes", json!({"name": "first"}));
    let own = world.add(client, "nodes", json!({"id": TAKEN, "name": "own"}));
    let child = json!({"name": "child", "parentId": TAKEN});
    let child = world.add(client, "nodes", child);
    world.set(client, "nodes", 1, "parentId", TAKEN);
    world.sync(client);
    world.settle();
    assert_eq!(id_of(&world, "nodes", first), TAKEN);
    assert_eq!(id_of(&world, "nodes", own), TAKEN + 1);
    let parent = |row: RowId| world.get_row(client, "nodes", row, "parentId");
    assert_eq!(parent(child), TAKEN + 1);
    assert_eq!(world.get(client, "nodes", 1, "parentId"), TAKEN + 1);
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    world.check_end();
}

/// A client that has pointed assignment 1 at an unsaved event of its own; meanwhile somebody has
/// pointed it at the server's event of the same id.
fn repointed_on_both_sides(meets: impl Fn(&mut World, usize, Value, bool)) {
    for with_event in [true, false] {
        for config in [json!({}), json!({"syncDataOnLoad": {}})] {
            let mut world = World::calendar();
            let client = world.loaded(config);
            let own = world.add(client, "events", json!({"id": 7, "name": "mine"}));
            world.set(client, "assignments", 1, "eventId", 7);
            let theirs = world.server.rows.get_mut("assignments").unwrap();
            theirs.get_mut(&1).unwrap()["eventId"] = json!(7);
            let event = json!({"id": 7, "name": "theirs"});
            let events = world.server.rows.get_mut("events").unwrap();
            events.insert(7, event.as_object().unwrap().clone());
            let mut news =
                json!({"assignments": {"rows": [{"id": 1, "eventId": 7, "resourceId": 1}]}});
            if with_event {
                news["events"] = json!({"rows": [{"id": 1, "name": "one"}, event]});
            }
            meets(&mut world, client, news, with_event);
            let phantom = id_of(&world, "events", own_now(&world, own));
            assert!(phantom.is_string(), "the server uses that id: {phantom}");
            assert_eq!(world.get(client, "assignments", 1, "eventId"), phantom);
            world.sync(client);
            world.settle();
            assert_eq!(server_links(&world, "mine"), 1, "{with_event}");
            assert!(!world.is_dirty(client), "{}", world.changes(client));
            world.check_end();
        }
    }
}

/// The user's own event; a load gives it another handle.
fn own_now(world: &World, before: RowId) -> RowId {
    let store = world.clients[0].stores["events"];
    let table = world.clients[0].engine.store(store).unwrap().table();
    if table.resolve(before).is_some() {
        return before;
    }
    let rows = world.rows(0, "events").into_iter();
    let mut named = rows.filter(|row| world.get_row(0, "events", *row, "name") == "mine");
    named.next().unwrap()
}

#[test]
fn a_load_in_which_a_reference_uses_that_id_loses_no_edit_of_it() {
    repointed_on_both_sides(|world, client, news, _| {
        assert_eq!(load_meets(world, client, 200, news), Ok(true));
    });
}

#[test]
fn a_change_in_which_a_reference_uses_that_id_loses_no_edit_of_it() {
    repointed_on_both_sides(|world, client, news, _| changeset(world, client, news));
}

#[test]
fn a_removal_of_ones_own_addition_removes_nothing_that_refers_to_the_servers_record_of_that_id() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let own = world.add(client, "events", json!({"id": 7, "name": "mine"}));
    // Somebody assigns an event that isn't loaded here.
    let theirs = json!({"assignments": {"added": [{"id": 9, "eventId": 7, "resourceId": 1}]}});
    changeset(&mut world, client, theirs);
    let store = world.clients[client].stores["events"];
    let remove = syncline::engine::input::Input::Remove(store, &[own]);
    world.feed(client, remove).unwrap();
    assert_eq!(world.count(client, "assignments"), 2);
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    world.check_end();
}

#[test]
fn a_parent_of_the_apps_own_id_that_the_server_names_by_its_phantom_id_keeps_its_children() {
    for by_load in [false, true] {
        let mut world = World::new(1, Habits::default(), json!({"nodes": []}));
        let client = world.client(json!({}));
        let nodes = json!({"id": "nodes", "parentField": "parentId", "fields": [{"name": "name"}]});
        world.add_store(client, nodes);
        world.load(client);
        world.settle();
        world.add(client, "nodes", json!({"id": 7, "name": "own"}));
        let phantom = world.changes(client)["nodes"]["added"][0]["$PhantomId"].clone();
        let child = json!({"id": 60, "name": "child", "$PhantomParentId": phantom});
        if by_load {
            let loaded = json!({"nodes": {"rows": [child]}});
            assert_eq!(load_meets(&mut world, client, 200, loaded), Ok(true));
        } else {
            changeset(&mut world, client, json!({"nodes": {"added": [child]}}));
        }
        world.sync(client);
        world.settle();
        assert_eq!(world.get(client, "nodes", 60, "parentId"), TAKEN);
        world.check_end();
    }
}

#[test]
fn a_twin_that_a_load_brought_and_then_names_is_one_record_with_the_edits_of_both() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"retry": {"max": 0}}));
    let row = world.add(client, "events", json!({"name": "mine", "n": 1}));
    let phantom = id_of(&world, "events", row);
    world.fates.push_back(Fate::DropAnswer);
    world.sync(client);
    world.settle();
    let rows = |with: &Value| {
        let mut twin = json!({"id": TAKEN, "name": "mine", "n": 1});
        if !with.is_null() {
            twin["$PhantomId"] = with.clone();
        }
        json!({"events": {"rows": [twin]}})
    };
    assert_eq!(
        load_meets(&mut world, client, 200, rows(&Value::Null)),
        Ok(true)
    );
    assert_eq!(world.count(client, "events"), 2);
    world.set(client, "events", TAKEN, "name", "by its id");
    world.set(client, "events", phantom.as_str().unwrap(), "n", 5);
    assert_eq!(
        load_meets(&mut world, client, 200, rows(&phantom)),
        Ok(true)
    );
    assert_eq!(world.count(client, "events"), 1);
    assert_eq!(world.get(client, "events", TAKEN, "name"), "by its id");
    assert_eq!(world.get(client, "events", TAKEN, "n"), 5);
    world.sync(client);
    world.settle();
    assert_eq!(world.server.row("events", TAKEN).unwrap()["n"], 5);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn an_id_that_the_server_gives_in_another_form_is_written_as_the_server_does() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let own = world.add(
        client,
        "events",
        json!({"id": TAKEN.to_string(), "name": "own"}),
    );
    let link = json!({"eventId": TAKEN.to_string(), "resourceId": 1});
    let link = world.add(client, "assignments", link);
    world.sync(client);
    world.settle();
    assert_eq!(id_of(&world, "events", own), TAKEN);
    assert_eq!(event_of(&world, link), TAKEN);
    world.set_row(client, "events", own, "name", "new");
    assert_eq!(world.changes(client)["events"]["updated"][0]["id"], TAKEN);
    world.check_end();
}
