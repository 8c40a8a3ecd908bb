//! Messages that aren't what they should be, and those of other servers.

use serde_json::json;
use syncline::engine::channel::FRAME_BYTES_MAX;
use syncline::engine::input::ChannelInput;

use crate::world::World;

/// A server that neither greets nor counts.
fn plain() -> serde_json::Value {
    json!({"handshake": false, "reconnect": {"jitter": 0}})
}

#[test]
fn what_is_no_json_is_told_and_changes_nothing() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    for text in [
        "",
        "hello",
        "<html>",
        "[1,2]",
        "7",
        "{\"type\":\"sync\"",
        "{\"type\":\"sync\",\"data\":{\"events\":{\"updated\":[{\"id\":1,}]}}}",
    ] {
        world.panes[pane].events.clear();
        world.say(pane, text);
        assert_eq!(world.heard(pane, "error").len(), 1, "{text}");
    }
    assert_eq!(
        (world.state(pane), world.name(pane, 1).as_str()),
        ("live", "one")
    );
}

#[test]
fn half_of_a_change_that_can_be_read_is_not_applied() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    let broken = r#"{"type":"sync","revision":2,"previous":1,"data":{"events":{"updated":[{"id":1,"name":"new"},{"id":2,"name":"\ud8"}]}}}"#;
    world.say(pane, broken);
    assert_eq!(
        (
            world.name(pane, 1).as_str(),
            world.heard(pane, "error").len()
        ),
        ("one", 1)
    );
}

#[test]
fn messages_of_unknown_types_are_the_apps() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.say(pane, r#"{"type":"weather","data":{"sun":true}}"#);
    world.say(pane, r#"{"no":"type"}"#);
    world.say(pane, r#"{"type":7}"#);
    let told = world.heard(pane, "message");
    assert_eq!((told.len(), &told[0]["data"]), (3, &json!({"sun": true})));
    assert_eq!(world.state(pane), "live");
}

#[test]
fn changes_of_unknown_stores_are_told_and_passed_over() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.say(pane, r#"{"type":"sync","revision":2,"previous":1,"data":{"planets":{"added":[{"id":1}]},"events":{"removed":[{"id":2}]}}}"#);
    assert_eq!(world.rows(pane, "events").len(), 2);
    let warned = &world.panes[pane].warnings;
    assert!(warned.iter().any(|it| it.contains("planets")), "{warned:?}");
}

#[test]
fn a_message_of_fifty_megabytes_is_loaded_instead() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    let mut large = br#"{"type":"sync","data":{"events":{"updated":[{"id":1,"name":""#.to_vec();
    large.resize(FRAME_BYTES_MAX + 1, b'x');
    large.extend_from_slice(br#""}]}}}"#);
    let conn = world.panes[pane].conn.unwrap();
    world
        .channel(pane, ChannelInput::Frames(conn, &large))
        .unwrap();
    world.run(1_000);
    assert_eq!(
        (
            world.panes[pane].requests,
            world.heard(pane, "error")[0]["code"].as_str()
        ),
        (1, Some("LIMIT"))
    );
    assert_eq!(world.name(pane, 1), "one");
    world.say(pane, r#"{"type":"tooLarge"}"#);
    assert_eq!(world.heard(pane, "error").len(), 2);
}

#[test]
fn a_revision_from_the_past_is_known_and_one_far_ahead_is_asked_about() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.others(json!({"events": {"updated": [{"id": 1, "name": "new"}]}}));
    world.run(100);
    world.say(pane, r#"{"type":"sync","revision":1,"previous":0,"data":{"events":{"updated":[{"id":1,"name":"old"}]}}}"#);
    world.say(pane, r#"{"type":"sync","revision":9007199254740991,"previous":9007199254740990,"data":{"events":{"updated":[{"id":1,"name":"future"}]}}}"#);
    world.run(2_000);
    assert_eq!(
        (world.state(pane), world.name(pane, 1).as_str()),
        ("live", "new")
    );
    world.others(json!({"events": {"updated": [{"id": 1, "name": "newer"}]}}));
    world.run(2_000);
    assert_eq!(world.name(pane, 1), "newer");
}

/// A change of the second record, as the room says it after that.
fn others_change_two(world: &mut World, name: &str) {
    world.others(json!({"events": {"updated": [{"id": 2, "name": name}]}}));
    world.run(2_000);
}

#[test]
fn a_revision_far_ahead_with_the_right_one_before_it_is_not_believed() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.say(pane, r#"{"type":"sync","revision":9007199254740991,"previous":1,"data":{"events":{"updated":[{"id":1,"name":"future"}]}}}"#);
    world.run(2_000);
    assert_eq!(world.state(pane), "live");
    assert_eq!(world.name(pane, 1), "one", "the server knows of nothing");
    others_change_two(&mut world, "new");
    assert_eq!(world.name(pane, 2), "new");
    assert_eq!(world.panes[pane].requests, 0, "nothing had to be loaded");
}

#[test]
fn a_server_whose_log_has_holes_is_loaded_from_and_not_asked_for_ever() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    for round in 1..4 {
        world.room.revision = round * 1_000_000;
        others_change_two(&mut world, &format!("round {round}"));
        assert_eq!(world.name(pane, 2), format!("round {round}"));
        assert_eq!(world.state(pane), "live");
    }
    let sent = world.panes[pane].sent.iter();
    let asked = sent.filter(|it| it["type"] == "subscribe").count();
    assert!(asked <= 12, "{asked}");
    assert!(world.panes[pane].requests <= 3);
}

#[test]
fn a_change_that_was_wrong_about_its_revision_hides_none_that_follow() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    others_change_two(&mut world, "first");
    world.say(pane, r#"{"type":"sync","revision":900,"previous":2,"data":{"events":{"updated":[{"id":1,"name":"future"}]}}}"#);
    for name in ["second", "third"] {
        others_change_two(&mut world, name);
        assert_eq!(world.name(pane, 2), name);
        assert_eq!(world.state(pane), "live");
    }
    world.cut(pane, 1006);
    world.run(5_000);
    others_change_two(&mut world, "fourth");
    assert_eq!(world.name(pane, 2), "fourth");
}

#[test]
fn hostile_members_and_markup_are_data() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.say(pane, r#"{"__proto__":{"type":"reload"},"type":"sync","revision":2,"previous":1,"data":{"__proto__":{"added":[]},
        "events":{"updated":[{"id":1,"__proto__":{"x":1},"name":"<img src=x onerror=alert(1)>"},null,7,[]]}}}"#);
    assert_eq!(world.name(pane, 1), "<img src=x onerror=alert(1)>");
}

#[test]
fn acks_that_nobody_waits_for_are_dropped() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    for text in [
        r#"{"type":"ack"}"#,
        r#"{"type":"ack","requestId":5,"data":{"success":true}}"#,
        r#"{"type":"ack","requestId":"x"}"#,
    ] {
        world.say(pane, text);
    }
    assert_eq!(world.state(pane), "live");
}

#[test]
fn errors_of_the_server_are_told() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.say(
        pane,
        r#"{"type":"error","data":{"code":"X","message":"no"}}"#,
    );
    world.say(pane, r#"{"type":"error","data":"plain"}"#);
    world.say(pane, r#"{"type":"error"}"#);
    let told: Vec<_> = world
        .heard(pane, "error")
        .into_iter()
        .map(|it| (it["code"].clone(), it["message"].clone()))
        .collect();
    assert_eq!(told[0], (json!("X"), json!("no")));
    assert_eq!(told[1].1, json!("plain"));
    assert_eq!(told.len(), 3);
}

// --- other servers -------------------------------------------------------------------------------

#[test]
fn a_server_without_a_greeting_is_believed_at_once() {
    let mut world = World::new(1);
    world.mute = true;
    let pane = world.pane(json!({}), plain());
    world.load(pane);
    world.run(500);
    assert_eq!(world.state(pane), "live");
    for text in [
        r#"{"type":"sync","data":{"events":{"added":[{"id":9,"name":"nine"}],"updated":[{"id":1,"name":"ONE"}],"removed":[{"id":2}]}},"timestamp":5}"#,
        r#"{"command":"sync","data":{"events":{"updated":[{"id":9,"name":"NINE"}]}}}"#,
        r#"{"type":"sync","resources":{"updated":[{"id":1,"name":"Anne"}]}}"#,
        r#"{"type":"eventUpdated","event":{"id":3,"name":"THREE"},"userId":7}"#,
        r#"{"type":"eventCreated","event":{"id":10,"name":"ten"}}"#,
        r#"{"type":"eventDeleted","eventId":9}"#,
    ] {
        world.say(pane, text);
    }
    let seen: Vec<String> = world
        .seen(pane, "events")
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(seen, ["ONE", "ten", "THREE"]);
    assert_eq!(
        world.seen(pane, "resources").into_iter().next().unwrap().1,
        "Anne"
    );
    assert!(!world.is_dirty(pane));
    // It answers no probes, and isn't given up for that.
    world.run(120_000);
    assert_eq!(world.state(pane), "live");
}

#[test]
fn after_a_reconnect_to_a_server_that_does_not_count_everything_is_loaded() {
    let mut world = World::new(1);
    world.mute = true;
    let pane = world.pane(json!({}), plain());
    world.load(pane);
    world.run(500);
    let requests = world.panes[pane].requests;
    world.room.change(
        "other",
        json!({"events": {"updated": [{"id": 1, "name": "missed"}]}}),
    );
    world.cut(pane, 1006);
    world.run(5_000);
    assert_eq!(
        (world.panes[pane].requests, world.name(pane, 1).as_str()),
        (requests + 1, "missed")
    );
}

#[test]
fn initial_data_is_asked_for_and_may_come_unasked() {
    let mut world = World::new(1);
    world.mute = true;
    let pane = world.pane(
        json!({}),
        json!({"handshake": false, "requestInitialData": true}),
    );
    world.run(200);
    assert_eq!(
        (world.state(pane), &world.panes[pane].sent[0]["type"]),
        ("catchingUp", &json!("requestInitialData"))
    );
    world.say(
        pane,
        r#"{"type":"load","data":{"events":{"rows":[{"id":1,"name":"a"}]}}}"#,
    );
    assert_eq!(
        (world.state(pane), world.name(pane, 1).as_str()),
        ("live", "a")
    );
    world.add(pane, "mine");
    world.say(
        pane,
        r#"{"type":"load","data":{"events":{"rows":[{"id":2,"name":"b"}]}}}"#,
    );
    let seen: Vec<String> = world
        .seen(pane, "events")
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(seen.len(), 2);
    assert!(seen.contains(&"b".to_owned()) && seen.contains(&"mine".to_owned()));
}

#[test]
fn initial_data_that_never_comes_is_loaded() {
    let mut world = World::new(1);
    world.mute = true;
    let pane = world.pane(
        json!({}),
        json!({"handshake": false, "requestInitialData": true, "timeout": 2_000}),
    );
    world.run(5_000);
    assert_eq!(
        (world.state(pane), world.name(pane, 1).as_str()),
        ("live", "one")
    );
}

#[test]
fn a_conflict_that_the_server_tells_lays_its_version_under_the_edits() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.set(pane, 1, "mine");
    world.say(pane, r#"{"type":"conflict","data":{"recordType":"event","recordId":1,"serverVersion":{"id":1,"name":"theirs","n":9},"clientVersion":{"id":1}}}"#);
    let row = world.find(pane, "events", 1).unwrap();
    assert_eq!(
        (
            world.name(pane, 1).as_str(),
            world.text(pane, "events", row, "n").as_str()
        ),
        ("mine", "9")
    );
    assert_eq!(world.heard(pane, "conflict").len(), 1);
}

#[test]
fn a_server_may_ask_for_everything_to_be_loaded() {
    let mut world = World::new(1);
    world.mute = true;
    let pane = world.pane(json!({}), plain());
    world.load(pane);
    world.run(500);
    world.room.change(
        "other",
        json!({"events": {"updated": [{"id": 1, "name": "new"}]}}),
    );
    world.say(pane, r#"{"type":"reload"}"#);
    world.run(500);
    assert_eq!(world.name(pane, 1), "new");
}

#[test]
fn messages_are_wrapped_as_the_server_wants_them() {
    let mut world = World::new(1);
    world.mute = true;
    let pane = world.pane(
        json!({}),
        json!({"handshake": false, "command": true, "sendOverChannel": true}),
    );
    world.load(pane);
    world.run(500);
    world.set(pane, 1, "mine");
    world.run(500);
    let sent = world.panes[pane].sent.last().unwrap();
    assert_eq!(sent["command"], "sync");
    assert_eq!(sent["data"]["events"]["updated"][0]["name"], "mine");
    assert_eq!(sent["data"]["clientId"], "c0");
    // The server's answer has no other name than the request's.
    let answer =
        json!({"command": "response", "requestId": sent["requestId"], "data": {"success": true}});
    world.say(pane, &answer.to_string());
    assert!(!world.is_dirty(pane));
}
