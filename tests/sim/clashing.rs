//! Others are quicker, again and again.

use serde_json::json;
use syncline::engine::error::ErrorCode;

use crate::network::Fate;
use crate::policies::refused;
use crate::world::World;

/// The server refuses so many syncs in a row; the loads between them are answered.
fn refuses(world: &mut World, times: usize) {
    for _ in 0..times {
        world.fates.push_back(refused(json!("CONFLICT")));
        world.fates.push_back(Fate::Normal);
    }
}

#[test]
fn edits_that_win_go_out_in_the_end_however_often_they_clash() {
    for auto_sync in [true, false] {
        let mut world = World::calendar();
        let client = world.loaded(
            json!({"conflictResolution": "client-wins", "autoSync": auto_sync,
            "maxConflictRetries": 3, "retry": {"base": 1_000, "jitter": 0}}),
        );
        refuses(&mut world, 7);
        world.set(client, "events", 1, "name", "mine");
        if auto_sync {
            world.run(100);
        } else {
            let call = world.sync(client);
            world.run(400);
            assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Conflict)));
        }
        world.run(400);
        assert_eq!(
            world.server.received.len(),
            0,
            "the server is asked, and refuses"
        );
        assert_eq!(world.clients[client].requests, 7, "four syncs, three loads");
        assert_eq!(world.logged(client, "syncFail CONFLICT again"), 4);
        // One wait each: 1, 2 and 4 seconds.
        world.run(1_000);
        assert_eq!(world.clients[client].requests, 9);
        world.run(2_000);
        assert_eq!(world.clients[client].requests, 11);
        world.settle();
        assert_eq!(world.server.row("events", 1).unwrap()["name"], "mine");
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn a_clash_without_end_is_given_up_after_as_many_waits_as_retries_have() {
    let mut world = World::calendar();
    let client = world.loaded(
        json!({"conflictResolution": "client-wins", "autoSync": true,
        "maxConflictRetries": 2, "retry": {"max": 4}}),
    );
    refuses(&mut world, 100);
    world.set(client, "events", 1, "name", "mine");
    world.settle();
    let requests = world.clients[client].requests;
    assert_eq!(requests, 2 * (1 + 2 + 4) - 1);
    assert!(world.is_dirty(client));
    world.fates.clear();
    world.set(client, "events", 1, "n", 9);
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "mine");
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn edits_that_are_taken_back_between_two_clashes_are_not_sent() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"conflictResolution": "client-wins", "autoSync": true}));
    refuses(&mut world, 5);
    world.set(client, "events", 1, "name", "mine");
    world.run(600);
    world.reject_all(client);
    world.fates.clear();
    world.settle();
    assert_eq!(world.server.received.len(), 0);
    assert_eq!(world.get(client, "events", 1, "name"), "one");
    world.check_end();
}
