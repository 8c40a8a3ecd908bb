//! Whole sequences of events, as the protocol decides them.

use serde_json::json;

use crate::network::Fate;
use crate::world::{Listener, World};

#[test]
fn a_load_goes_through_all_its_events_in_order() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    world.load(client);
    world.settle();
    assert_eq!(
        world.log(client),
        [
            "beforeLoad?",
            "loadStart",
            "beforeSend?",
            "http load",
            "beforeResponseApply?",
            "beforeLoadApply?",
            "requestDone",
            "load",
            "settle 1"
        ]
    );
    world.check_end();
}

#[test]
fn a_sync_goes_through_all_its_events_in_order() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "first");
    world.sync(client);
    world.settle();
    assert_eq!(
        world.log(client),
        [
            "hasChanges",
            "beforeSync?",
            "syncStart",
            "beforeSend?",
            "http sync",
            "beforeResponseApply?",
            "beforeSyncApply?",
            "requestDone",
            "sync",
            "noChanges",
            "settle 2"
        ]
    );
    world.check_end();
}

#[test]
fn the_status_follows_a_sync() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "first");
    world.sync(client);
    world.settle();
    let log = &world.clients[client].log;
    let status: Vec<_> = log
        .iter()
        .filter(|line| line.starts_with("status"))
        .collect();
    assert_eq!(
        status,
        ["status Pending 1", "status Saving 1", "status Saved 0"]
    );
}

#[test]
fn a_failure_is_told_in_general_then_in_particular_then_by_the_promise() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    world
        .fates
        .push_back(Fate::Reply(403, r#"{"message":"not yours"}"#.into()));
    world.load(client);
    world.settle();
    assert_eq!(
        world.log(client),
        [
            "beforeLoad?",
            "loadStart",
            "beforeSend?",
            "http load",
            "requestFail HTTP",
            "loadFail HTTP",
            "settle 1 HTTP"
        ]
    );
    let error = world.clients[client]
        .settled
        .values()
        .next()
        .unwrap()
        .as_ref()
        .unwrap_err();
    assert_eq!(
        (error.message.as_str(), error.status, error.retryable),
        ("not yours", Some(403), false)
    );
    world.check_end();
}

#[test]
fn a_veto_before_sending_cancels() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    world.clients[client]
        .listeners
        .insert("beforeLoad", Listener::Veto);
    world.load(client);
    world.settle();
    assert_eq!(
        world.log(client),
        ["beforeLoad?", "loadCanceled", "settle 1 VETOED"]
    );
    let error = world.clients[client]
        .settled
        .values()
        .next()
        .unwrap()
        .as_ref()
        .unwrap_err();
    assert!(error.cancelled());
    assert!(world.server.loads.is_empty());
    world.check_end();
}

#[test]
fn a_veto_may_come_late_and_edits_meanwhile_are_fine() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.clients[client]
        .listeners
        .insert("beforeSync", Listener::Later(500, false));
    world.set(client, "events", 1, "name", "first");
    world.sync(client);
    world.run(100);
    world.set(client, "events", 1, "n", 7);
    world.settle();
    assert_eq!(
        world.log(client),
        [
            "hasChanges",
            "beforeSync?",
            "hasChanges",
            "syncCanceled",
            "settle 2 VETOED"
        ]
    );
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "first", "n": 7}]}})
    );
    assert!(world.server.received.is_empty());
    world.check_end();
}

#[test]
fn a_veto_of_applying_leaves_the_data_as_it_is() {
    for event in ["beforeResponseApply", "beforeLoadApply"] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        world.set(client, "events", 1, "name", "first");
        world.clients[client]
            .listeners
            .insert(event, Listener::Veto);
        let call = world.load(client);
        world.settle();
        assert_eq!(
            world.outcome(client, call),
            Some(Err(syncline::engine::error::ErrorCode::Vetoed))
        );
        assert_eq!(world.get(client, "events", 1, "name"), "first");
        assert_eq!(world.logged(client, "load"), 0);
        assert_eq!(world.logged(client, "loadCanceled"), 1);
        world.check_end();
    }
}

#[test]
fn a_response_that_a_listener_replaced_is_what_is_applied() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    let other = r#"{"success":true,"events":{"rows":[{"id":9,"name":"other"}]}}"#;
    world.clients[client]
        .listeners
        .insert("beforeResponseApply", Listener::Replace(other.into()));
    world.load(client);
    world.settle();
    assert_eq!(world.get(client, "events", 9, "name"), "other");
    assert_eq!(
        (
            world.count(client, "events"),
            world.count(client, "resources")
        ),
        (1, 0)
    );
    world.check_end();
}

#[test]
fn a_pack_that_a_listener_replaced_is_what_is_sent_and_confirmed() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "first");
    world.set(client, "resources", 1, "name", "Eve");
    let pack = r#"{"type":"sync","requestId":5,"events":{"updated":[{"id":1,"name":"changed"}]}}"#;
    world.clients[client]
        .listeners
        .insert("beforeSync", Listener::Replace(pack.into()));
    world.sync(client);
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "changed");
    let left = json!({"resources": {"updated": [{"id": 1, "name": "Eve"}]}});
    assert_eq!(
        world.changes(client),
        left,
        "what was not sent is not confirmed"
    );
    world.check_end();
}

#[test]
fn nobody_is_asked_who_does_not_listen() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    let manager = world.clients[client].manager;
    world
        .feed(client, syncline::engine::input::Input::Listen(manager, 0))
        .unwrap();
    world.load(client);
    world.settle();
    assert_eq!(world.log(client), ["http load", "settle 1"]);
    world.check_end();
}

#[test]
fn calls_during_a_sync_are_one_follow_up() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "a");
    world.sync(client);
    world.run(5);
    world.set(client, "events", 1, "name", "b");
    world.sync(client);
    world.sync(client);
    world.set(client, "events", 2, "name", "c");
    world.settle();
    assert_eq!(world.server.received.len(), 2);
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "b"}, {"id": 2, "name": "c"}]}})
    );
    assert_eq!(world.logged(client, "syncDelayed"), 2);
    let order = ["settle 2", "settle 3", "settle 4", "noChanges"];
    for line in order {
        assert_eq!(world.logged(client, line), 1, "{line}");
    }
    world.check_end();
}

#[test]
fn a_sync_with_nothing_to_send_resolves_null_and_one_that_is_forced_goes_out() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let call = world.sync(client);
    assert_eq!(world.outcome(client, call), Some(Ok(false)));
    assert!(world.server.received.is_empty());
    let forced = world.loaded(json!({"forceSync": true}));
    let call = world.sync(forced);
    world.settle();
    assert_eq!(world.outcome(forced, call), Some(Ok(true)));
    assert_eq!(world.server.received.len(), 1);
    world.check_end();
}
