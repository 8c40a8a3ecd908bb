//! Additions of which nobody knows whether the server has them, and loads that add to what is
//! there.

use serde_json::json;
use syncline::engine::input::Input;

use crate::network::Fate;
use crate::world::World;

/// A client whose event and assignment may have reached a server that doesn't know repeated
/// requests again.
fn in_doubt(fate: Fate) -> (World, usize, String) {
    let mut world = World::calendar();
    world.natural_keys = true;
    world.server.habits.deduplicates = false;
    let client = world.loaded(json!({"loadApplySequence": ["assignments", "events"]}));
    let row = world.add(client, "events", json!({"name": "new", "n": 1}));
    let id = world.get_row(client, "events", row, "id");
    let phantom = id.as_str().unwrap().to_owned();
    world.add(
        client,
        "assignments",
        json!({"eventId": id, "resourceId": 2}),
    );
    world.fates.push_back(fate);
    world.sync(client);
    (world, client, phantom)
}

#[test]
fn an_addition_that_reached_the_server_is_known_by_its_natural_key() {
    let (mut world, client, _) = in_doubt(Fate::DropAnswer);
    world.settle();
    assert_eq!(world.clients[client].uncertain.len(), 0);
    assert_eq!(world.count(client, "events"), 3);
    assert_eq!(world.count(client, "assignments"), 2);
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    assert_eq!(world.server.received.len(), 1);
    world.check_end();
}

#[test]
fn edits_made_meanwhile_are_sent_as_an_update_of_what_was_found() {
    let (mut world, client, phantom) = in_doubt(Fate::DropAnswer);
    world.set(client, "events", phantom.as_str(), "name", "renamed");
    world.settle();
    world.sync(client);
    world.settle();
    let row = world.server.rows["events"].values().next_back().unwrap();
    assert_eq!(row["name"], "renamed");
    assert_eq!(world.server.count("events"), 3);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn what_was_removed_meanwhile_is_removed_from_the_server_too() {
    let (mut world, client, phantom) = in_doubt(Fate::DropAnswer);
    world.remove(client, "events", phantom.as_str());
    world.settle();
    world.sync(client);
    world.settle();
    assert_eq!(world.server.count("events"), 2);
    assert_eq!(world.server.count("assignments"), 1);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn an_addition_without_a_match_is_reported() {
    let (mut world, client, _) = in_doubt(Fate::DropRequest);
    world.settle();
    assert_eq!(world.clients[client].uncertain.len(), 2);
    assert_eq!(world.server.count("events"), 2);
    world.sync(client);
    world.settle();
    assert_eq!(world.server.count("events"), 3);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_record_that_was_there_before_is_not_taken_for_an_addition() {
    let mut world = World::calendar();
    world.natural_keys = true;
    world.server.habits.deduplicates = false;
    let client = world.loaded(json!({}));
    world.add(client, "events", json!({"name": "one"}));
    world.fates.push_back(Fate::DropRequest);
    world.sync(client);
    world.settle();
    assert_eq!(world.count(client, "events"), 3);
    assert_eq!(world.clients[client].uncertain.len(), 1);
    world.check_end();
}

#[test]
fn a_load_can_add_to_what_is_there() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "mine");
    let body = json!({"events": {"rows": [{"id": 1, "name": "theirs", "n": 9}, {"id": 7, "name": "seven"}]},
        "resources": {"rows": [{"id": 3, "name": "Cy"}]}});
    world.fates.push_back(Fate::Reply(200, body.to_string()));
    let call = world.open(client);
    let manager = world.clients[client].manager;
    let options = json!({"events": {"append": true}}).to_string();
    let input = Input::Load {
        manager,
        call: Some(call),
        options: Some(options.as_bytes()),
    };
    world.feed(client, input).unwrap();
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.count(client, "events"), 3);
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert_eq!(world.get(client, "events", 1, "n"), 9);
    assert_eq!(world.get(client, "events", 7, "name"), "seven");
    assert_eq!(world.count(client, "resources"), 1, "others are replaced");
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "mine"}]}})
    );
    world.check_end();
}

#[test]
fn references_that_hold_a_client_id_later_are_corrected_and_the_server_is_told() {
    for by_load in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"autoSync": true, "autoSyncTimeout": 10}));
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        world.settle();
        let id = world.get_row(client, "events", row, "id");
        assert_eq!(id, 1000);
        let link = json!({"id": 9, "eventId": phantom, "resourceId": 1});
        let rows = world.server.rows.get_mut("assignments").unwrap();
        rows.insert(9, link.as_object().unwrap().clone());
        if by_load {
            world.load(client);
        } else {
            let manager = world.clients[client].manager;
            let body = json!({"assignments": {"added": [link]}}).to_string();
            world
                .feed(client, Input::ApplyChangeset(manager, body.as_bytes()))
                .unwrap();
        }
        world.settle();
        assert_eq!(world.get(client, "assignments", 9, "eventId"), id);
        assert_eq!(world.server.row("assignments", 9).unwrap()["eventId"], id);
        assert_eq!(
            world.last_sync(),
            json!({"assignments": {"updated": [{"id": 9, "eventId": id}]}})
        );
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn a_late_echo_of_an_addition_patches_it_or_is_nothing() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.sync(client);
    world.settle();
    let manager = world.clients[client].manager;
    let push = |world: &mut World, row: serde_json::Value| {
        let body = json!({"events": {"rows": [row]}}).to_string();
        world
            .feed(client, Input::ApplyChangeset(manager, body.as_bytes()))
            .unwrap();
    };
    push(&mut world, json!({"$PhantomId": phantom, "n": 5}));
    assert_eq!(world.count(client, "events"), 3);
    assert_eq!(world.get(client, "events", 1000, "n"), 5);
    world.remove(client, "events", 1000);
    world.sync(client);
    world.settle();
    push(
        &mut world,
        json!({"$PhantomId": phantom, "id": 1000, "name": "new"}),
    );
    assert_eq!(world.count(client, "events"), 2, "it doesn't rise again");
    assert!(!world.is_dirty(client));
    world.check_end();
}
