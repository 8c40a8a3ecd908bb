//! Presence and locks.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::input::{ChannelInput, Input};

use crate::world::World;

fn two(options: Value) -> (World, usize, usize) {
    let mut world = World::new(1);
    let alice = world.live(options.clone());
    let bob = world.live(options);
    (world, alice, bob)
}

/// How many records are locked, as listeners of the channel know.
fn locked(world: &World, pane: usize) -> usize {
    let mut held = std::collections::BTreeSet::new();
    for event in &world.panes[pane].events {
        let place = event["lock"]["recordId"].to_string();
        match event["type"].as_str() {
            Some("lock") => held.insert(place),
            Some("unlock") => held.remove(&place),
            _ => continue,
        };
    }
    held.len()
}

#[test]
fn a_lock_keeps_others_from_editing_until_it_is_given_back() {
    let (mut world, alice, bob) = two(json!({}));
    let call = world.lock(alice, json!({"type": "events", "id": 1}));
    world.run(200);
    assert!(world.panes[alice].settled[&call].is_ok());
    assert_eq!((locked(&world, alice), locked(&world, bob)), (1, 1));
    let row = world.find(bob, "events", 1).unwrap();
    let refused = world.try_set(bob, row, "name", "no").unwrap_err();
    assert_eq!(refused.code, ErrorCode::Locked);
    assert!(refused.message.contains("c0"), "{}", refused.message);
    assert_eq!(world.remove(bob, row).unwrap_err().code, ErrorCode::Locked);
    let store = world.panes[bob].stores["events"];
    assert_eq!(
        world.feed(bob, Input::RemoveAll(store)).unwrap_err().code,
        ErrorCode::Locked
    );
    assert!(!world.is_dirty(bob));
    // Others can be edited, and the owner can edit his.
    world.set(bob, 2, "yes");
    world.set(alice, 1, "mine");
    world.run(1_000);
    assert_eq!(world.name(bob, 1), "mine");
    world
        .channel(alice, ChannelInput::Unlock(br#"{"type":"events","id":1}"#))
        .unwrap();
    world.run(200);
    assert_eq!(locked(&world, bob), 0);
    world.set(bob, 1, "now");
}

#[test]
fn a_lock_that_another_has_is_refused() {
    let (mut world, alice, bob) = two(json!({}));
    world.lock(alice, json!({"type": "events", "id": 1}));
    world.run(200);
    let call = world.lock(bob, json!({"type": "events", "id": 1}));
    world.run(200);
    let refused = world.panes[bob].settled[&call].clone().unwrap_err();
    assert_eq!(refused.code, ErrorCode::Locked);
}

#[test]
fn a_lock_that_was_handed_over_stays_when_the_news_of_it_comes_late() {
    let (mut world, alice, bob) = two(json!({}));
    let call = world.lock(bob, json!({"type": "events", "id": 1}));
    world.run(200);
    assert!(world.panes[bob].settled[&call].is_ok());
    let late = r#"{"type":"unlock","data":{"recordType":"events","recordId":1,"clientId":"c0","reason":"handedOver"}}"#;
    world.say(bob, late);
    world.say(alice, late);
    world.run(200);
    assert_eq!((locked(&world, alice), locked(&world, bob)), (1, 1));
    // Still his own: the server isn't told that it was given up.
    world.cut(bob, 1006);
    world.run(5_000);
    assert_eq!(locked(&world, alice), 1);
    let row = world.find(alice, "events", 1).unwrap();
    let refused = world.try_set(alice, row, "name", "no").unwrap_err();
    assert_eq!(refused.code, ErrorCode::Locked);
}

#[test]
fn a_lock_survives_a_reconnect_and_a_restart_of_the_server() {
    let (mut world, alice, bob) = two(json!({"reconnect": {"base": 100}}));
    world.lock(alice, json!({"type": "events", "id": 1}));
    world.run(200);
    world.cut(alice, 1006);
    world.run(1_000);
    assert_eq!(world.room.locks.len(), 1);
    // The server has forgotten it: it is asked for anew.
    world.restart();
    assert!(world.room.locks.is_empty());
    world.run(2_000);
    assert_eq!(world.room.locks.len(), 1);
    let row = world.find(bob, "events", 1).unwrap();
    assert_eq!(
        world.try_set(bob, row, "name", "no").unwrap_err().code,
        ErrorCode::Locked
    );
}

#[test]
fn a_lock_that_was_given_up_without_a_connection_is_given_up_with_the_next() {
    let (mut world, alice, _) = two(json!({"reconnect": {"base": 100}}));
    world.lock(alice, json!({"type": "events", "id": 1}));
    world.run(200);
    world.channel(alice, ChannelInput::Suspend).unwrap();
    world
        .channel(alice, ChannelInput::Unlock(br#"{"type":"events","id":1}"#))
        .unwrap();
    world.channel(alice, ChannelInput::Connect).unwrap();
    world.run(1_000);
    assert!(world.room.locks.is_empty());
}

#[test]
fn locks_of_others_are_believed_in_for_a_while_without_a_connection() {
    let (mut world, alice, bob) = two(json!({"grace": 10_000}));
    world.lock(alice, json!({"type": "events", "id": 1}));
    world.run(200);
    world.channel(bob, ChannelInput::Suspend).unwrap();
    world.run(9_000);
    let row = world.find(bob, "events", 1).unwrap();
    assert!(world.try_set(bob, row, "name", "no").is_err());
    world.run(2_000);
    assert!(world.try_set(bob, row, "name", "yes").is_ok());
    assert_eq!(
        world.heard(bob, "unlock")[0]["lock"]["reason"],
        "disconnected"
    );
}

#[test]
fn locks_are_renewed_while_they_are_held() {
    let (mut world, alice, _) = two(json!({"heartbeat": 60_000}));
    world.lock(alice, json!({"type": "events", "id": 1, "ttlMs": 10_000}));
    world.run(26_000);
    let renewals = world.panes[alice]
        .sent
        .iter()
        .filter(|it| it["type"] == "lock");
    assert_eq!(renewals.count(), 6);
}

#[test]
fn without_a_connection_nothing_can_be_locked() {
    let (mut world, alice, _) = two(json!({}));
    world.channel(alice, ChannelInput::Suspend).unwrap();
    let call = world.lock(alice, json!({"type": "events", "id": 1}));
    let refused = world.panes[alice].settled[&call].clone().unwrap_err();
    assert_eq!(refused.code, ErrorCode::Network);
}

#[test]
fn a_lock_whose_answer_never_comes_fails_in_time() {
    let (mut world, alice, _) = two(json!({"ackTimeout": 2_000, "heartbeat": 60_000}));
    world.mute = true;
    let call = world.lock(alice, json!({"type": "events", "id": 1}));
    world.run(1_900);
    assert!(!world.panes[alice].settled.contains_key(&call));
    world.run(200);
    let refused = world.panes[alice].settled[&call].clone().unwrap_err();
    assert_eq!(refused.code, ErrorCode::Timeout);
}

#[test]
fn a_lock_without_type_or_id_is_refused() {
    let (mut world, alice, _) = two(json!({}));
    for wish in [
        json!({}),
        json!({"type": "events"}),
        json!({"type": 7, "id": 1}),
        json!({"type": "events", "id": null}),
    ] {
        let call = world.lock(alice, wish);
        let refused = world.panes[alice].settled[&call].clone().unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidArgument);
    }
}

#[test]
fn a_lock_is_known_by_the_names_that_servers_use() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    for (name, id) in [("event", json!(1)), ("events", json!("2"))] {
        let lock = json!({"type": "lock", "data": {"type": name, "id": id, "userId": "eve", "userName": "Eve"}});
        world.say(pane, &lock.to_string());
    }
    for id in [1, 2] {
        let row = world.find(pane, "events", id).unwrap();
        let refused = world.try_set(pane, row, "name", "no").unwrap_err();
        assert!(
            refused.message.starts_with("Eve is editing"),
            "{}",
            refused.message
        );
    }
    world.say(
        pane,
        r#"{"type":"unlock","data":{"recordType":"events","recordId":1}}"#,
    );
    world.set(pane, 1, "yes");
}

#[test]
fn who_is_here_is_told_as_a_list_or_one_by_one() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    let count = |world: &World| -> usize {
        let told = world.heard(pane, "presence");
        told.last().unwrap()["peers"].as_array().unwrap().len()
    };
    world.say(pane, r#"{"type":"presence","data":[{"clientId":"a","userId":"ann","action":"viewing"},{"clientId":"c0","userId":"me"},7,null]}"#);
    assert_eq!(count(&world), 2);
    world.say(pane, r#"{"type":"presence","data":{"userId":"bob","userName":"Bob","action":"editing","recordType":"event","recordId":"1"}}"#);
    assert_eq!(count(&world), 3);
    world.say(
        pane,
        r#"{"type":"presence","data":{"userId":"bob","action":"left"}}"#,
    );
    assert_eq!(count(&world), 2);
    // One that was told alone is believed as long as it is told again.
    world.say(
        pane,
        r#"{"type":"presence","data":{"userId":"bob","action":"viewing"}}"#,
    );
    world.run(61_000);
    assert_eq!(count(&world), 2);
}

#[test]
fn what_the_user_does_is_said_again_after_a_reconnect() {
    let mut world = World::new(1);
    let pane = world.live(json!({"reconnect": {"base": 100}}));
    let doing = br#"{"action":"editing","recordType":"events","recordId":1}"#;
    world.channel(pane, ChannelInput::Presence(doing)).unwrap();
    world.cut(pane, 1006);
    world.run(1_000);
    let said: Vec<&Value> = world.panes[pane]
        .sent
        .iter()
        .filter(|it| it["type"] == "presence")
        .collect();
    assert_eq!(said.len(), 2);
    assert_eq!(said[1]["data"]["recordId"], 1);
}

#[test]
fn people_are_forgotten_when_the_connection_stays_away() {
    let mut world = World::new(1);
    let pane = world.live(json!({"grace": 5_000}));
    world.say(
        pane,
        r#"{"type":"presence","data":[{"clientId":"a","userId":"ann"}]}"#,
    );
    world.channel(pane, ChannelInput::Suspend).unwrap();
    world.run(6_000);
    let told = world.heard(pane, "presence");
    assert_eq!(told.last().unwrap()["peers"], json!([]));
}

#[test]
fn ten_thousand_people_and_locks_cost_what_they_are() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    let of = |n: u32| json!({"recordType": "events", "recordId": n, "clientId": format!("c-{n}"), "userName": "Somebody"});
    let one_by_one: Vec<String> = (0..12_000)
        .map(|n| json!({"type": "presence", "data": of(n)}).to_string())
        .collect();
    world.say(pane, &one_by_one.join("\u{1e}"));
    let told = world.heard(pane, "presence");
    assert_eq!(told.len(), 1, "however many came at once");
    // More are not kept.
    assert_eq!(told[0]["peers"].as_array().unwrap().len(), 10_000);
    let locks: Vec<_> = (0..12_000).map(of).collect();
    world.panes[pane].events.clear();
    world.say(pane, &json!({"type": "locks", "data": locks}).to_string());
    let told = world.heard(pane, "lock");
    assert_eq!(told.len(), 10_000);
    let bytes: usize = told.iter().map(|it| it.to_string().len()).sum();
    assert!(bytes < 2_000_000, "{bytes}");
    world.say(
        pane,
        &json!({"type": "lock", "data": of(20_000)}).to_string(),
    );
    assert_eq!(locked(&world, pane), 10_000, "what isn't kept isn't told");
    world.panes[pane].events.clear();
    world.say(pane, r#"{"type":"locks","data":[]}"#);
    assert_eq!(world.heard(pane, "unlock").len(), 10_000);
    world.say(pane, r#"{"type":"presence","data":[]}"#);
    world.set(pane, 1, "free again");
}

#[test]
fn two_full_lists_of_locks_are_compared_in_a_time_that_grows_with_their_length() {
    let took = |count: u32| {
        let mut world = World::new(1);
        let pane = world.live(json!({}));
        let list = |client: &str| {
            let of = |n| json!({"recordType": "events", "recordId": n, "clientId": client});
            json!({"type": "locks", "data": (0..count).map(of).collect::<Vec<_>>()}).to_string()
        };
        world.say(pane, &list("a"));
        world.panes[pane].events.clear();
        let next = list("b");
        let start = std::time::Instant::now();
        world.say(pane, &next);
        let took = start.elapsed();
        assert_eq!(world.heard(pane, "unlock").len(), count as usize);
        assert_eq!(world.heard(pane, "lock").len(), count as usize);
        took
    };
    // As many locks in eight pairs of lists as in one: the same work, whatever else the machine
    // does.
    let rounds = (0..3).map(|_| {
        let short: std::time::Duration = (0..8).map(|_| took(500)).sum();
        took(4_000).as_secs_f64() / short.as_secs_f64()
    });
    let ratio = rounds.fold(f64::INFINITY, f64::min);
    assert!(ratio < 4.0, "{ratio} times as long");
}
