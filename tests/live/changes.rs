//! What changes of others do, and one's own that come back.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::{NoticeKind, Origin};
use syncline::engine::input::{ChannelInput, Input};

use crate::world::World;

fn update(id: u64, name: &str) -> Value {
    json!({"events": {"updated": [{"id": id, "name": name}]}})
}

#[test]
fn changes_of_others_come_without_a_request_and_make_nothing_dirty() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    let notices = world.panes[pane].notices.len();
    world.others(json!({"events": {"added": [{"$PhantomId": "p", "name": "four"}], "updated": [{"id": 1, "name": "ONE"}],
        "removed": [{"id": 2}]}, "resources": {"updated": [{"id": 1, "name": "Anne"}]}}));
    world.run(100);
    assert_eq!(world.seen(pane, "events"), world.truth("events"));
    assert_eq!(world.seen(pane, "resources"), world.truth("resources"));
    assert!(!world.is_dirty(pane) && world.panes[pane].requests == 0 && world.echoes(pane) == 0);
    let new = &world.panes[pane].notices[notices..];
    assert!(new.iter().all(|it| it.origin == Origin::Remote));
    let told = world.heard(pane, "remoteChange");
    assert_eq!(
        (told.len(), &told[0]["stores"]),
        (1, &json!(["events", "resources"]))
    );
    assert_eq!(
        (&told[0]["revision"], &told[0]["userId"]),
        (&json!(2), &json!("other"))
    );
}

#[test]
fn edits_that_wait_stay_on_top_and_are_sent() {
    let mut world = World::new(1);
    let manager = json!({"autoSync": false});
    let pane = world.pane(manager, json!({}));
    world.load(pane);
    world.run(1_000);
    world.set(pane, 1, "mine");
    world.others(json!({"events": {"updated": [{"id": 1, "name": "theirs", "n": 7}]}}));
    world.run(100);
    assert_eq!(world.name(pane, 1), "mine");
    let row = world.find(pane, "events", 1).unwrap();
    assert_eq!(world.text(pane, "events", row, "n"), "7");
    assert!(world.is_dirty(pane));
}

#[test]
fn ones_own_change_is_recognised_before_and_after_its_answer() {
    for over_channel in [false, true] {
        let mut world = World::new(1);
        let pane = world.live(json!({"sendOverChannel": over_channel}));
        world.set(pane, 1, "mine");
        world.add(pane, "new");
        world.run(2_000);
        assert_eq!(world.seen(pane, "events"), world.truth("events"));
        assert_eq!(world.rows(pane, "events").len(), 4);
        assert!(world.heard(pane, "remoteChange").is_empty());
        assert!(
            world.panes[pane].warnings.is_empty(),
            "{:?}",
            world.panes[pane].warnings
        );
        assert_eq!(world.room.written["mine"], 1);
        assert_eq!(world.panes[pane].requests, u32::from(!over_channel));
    }
}

#[test]
fn a_change_that_the_answer_overtakes_is_not_undone_by_it() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.set(pane, 1, "mine");
    world.run(110);
    // The package is on its way or answered; somebody else is faster than the answer.
    while !world.room.written.contains_key("mine") {
        world.run(1);
    }
    world.others(update(1, "theirs"));
    world.run(1_000);
    assert_eq!(world.name(pane, 1), "theirs");
    assert_eq!(world.seen(pane, "events"), world.truth("events"));
}

#[test]
fn what_was_missed_comes_with_the_reconnect() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.cut(pane, 1006);
    for n in 0..5 {
        world.others(update(1, &format!("v{n}")));
    }
    world.run(5_000);
    assert_eq!(world.name(pane, 1), "v4");
    assert_eq!(world.panes[pane].requests, 0);
}

#[test]
fn a_server_that_has_forgotten_what_was_missed_has_everything_loaded() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.cut(pane, 1006);
    world.others(update(1, "v"));
    world.room.forgotten = world.room.revision;
    world.set(pane, 2, "mine");
    world.run(5_000);
    assert_eq!(
        (world.name(pane, 1).as_str(), world.name(pane, 2).as_str()),
        ("v", "mine")
    );
    assert_eq!(world.seen(pane, "events"), world.truth("events"));
}

#[test]
fn another_database_has_everything_loaded() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.others(update(1, "v"));
    world.run(100);
    world.room.epoch = "e2".into();
    world.room.revision = 1;
    world.room.log.clear();
    world.room.rows.get_mut("events").unwrap().remove(&3);
    world.restart();
    world.run(10_000);
    assert_eq!(world.seen(pane, "events"), world.truth("events"));
    world.others(update(2, "after"));
    world.run(100);
    assert_eq!(world.name(pane, 2), "after");
}

#[test]
fn a_change_that_was_lost_shows_as_a_gap_and_is_asked_for() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.weather.lose = 1_000;
    world.others(update(1, "lost"));
    world.weather.lose = 0;
    world.others(update(2, "seen"));
    world.run(1_000);
    assert_eq!(
        (world.name(pane, 1).as_str(), world.name(pane, 2).as_str()),
        ("lost", "seen")
    );
}

#[test]
fn a_last_change_that_was_lost_is_found_by_the_heartbeat() {
    let mut world = World::new(1);
    let pane = world.live(json!({"heartbeat": 5_000}));
    world.weather.lose = 1_000;
    world.others(update(1, "lost"));
    world.weather.lose = 0;
    world.run(6_000);
    assert_eq!(world.name(pane, 1), "lost");
}

#[test]
fn changes_that_come_twice_or_in_another_order_are_applied_once_and_in_order() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    let entries: Vec<Value> = (0..3)
        .map(|n| {
            let entry = world.room.change("other", update(1, &format!("v{n}")));
            world.room.told(&entry)
        })
        .collect();
    for at in [1, 2, 0, 1, 0, 2] {
        world.say(pane, &entries[at].to_string());
    }
    assert_eq!(world.name(pane, 1), "v2");
    let updates = world.panes[pane].notices.iter();
    assert_eq!(
        updates.filter(|it| it.kind == NoticeKind::Update).count(),
        3
    );
}

#[test]
fn a_burst_of_a_thousand_changes_is_one_notification() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    let conn = world.panes[pane].conn.unwrap();
    let burst: Vec<String> = (0..1_000)
        .map(|n| {
            let entry = world
                .room
                .change("other", update(1 + n % 3, &format!("v{n}")));
            world.room.told(&entry).to_string()
        })
        .collect();
    let before = world.panes[pane].notices.len();
    world
        .channel(
            pane,
            ChannelInput::Frames(conn, burst.join("\u{1e}").as_bytes()),
        )
        .unwrap();
    let notices = &world.panes[pane].notices[before..];
    assert!(notices.iter().all(|it| it.group == notices[0].group));
    assert_eq!(world.heard(pane, "remoteChange").len(), 1);
    assert_eq!(world.heard(pane, "remoteChange")[0]["count"], 1_000);
    assert_eq!(world.seen(pane, "events"), world.truth("events"));
}

#[test]
fn a_sync_whose_ack_never_comes_goes_by_http_and_is_made_once() {
    let mut world = World::new(1);
    let manager = json!({"idempotentSync": true, "retry": {"base": 100, "jitter": 0}});
    let pane = world.pane(
        manager,
        json!({"sendOverChannel": true, "ackTimeout": 1_000, "forever": true}),
    );
    world.load(pane);
    world.run(1_000);
    world.add(pane, "new");
    world.run(115);
    // The server has it; the connection is gone before it can say so, and doesn't come back.
    while !world.room.written.contains_key("new") {
        world.run(1);
    }
    world.mute = true;
    world.cut(pane, 1006);
    world.run(5_000);
    assert!(!world.is_dirty(pane));
    assert_eq!(
        (world.room.written["new"], world.room.rows["events"].len()),
        (1, 4)
    );
    assert!(world.panes[pane].requests >= 2, "a load and a sync");
}

#[test]
fn edits_made_without_a_connection_go_by_http() {
    let mut world = World::new(1);
    let pane = world.live(json!({"sendOverChannel": true}));
    world.channel(pane, ChannelInput::Suspend).unwrap();
    world.set(pane, 1, "mine");
    world.run(1_000);
    assert_eq!(
        (world.panes[pane].requests, world.truth("events").len()),
        (1, 3)
    );
    assert!(!world.is_dirty(pane));
    world.channel(pane, ChannelInput::Connect).unwrap();
    world.run(1_000);
    world.set(pane, 1, "again");
    world.run(1_000);
    assert_eq!(world.panes[pane].requests, 1);
}

#[test]
fn a_sync_over_the_channel_that_is_refused_fails_as_by_http() {
    let mut world = World::new(1);
    let pane = world.live(json!({"sendOverChannel": true}));
    world.room.conflicts = 1;
    let manager = world.panes[pane].manager;
    world.set(pane, 1, "mine");
    let call = syncline::engine::input::CallId(900);
    world
        .feed(
            pane,
            Input::Sync {
                manager,
                call: Some(call),
            },
        )
        .unwrap();
    world.run(500);
    let outcome = world.panes[pane].settled[&900].clone();
    assert_eq!(outcome.unwrap_err().code, ErrorCode::Conflict);
    assert_eq!(world.name(pane, 1), "mine");
}

#[test]
fn messages_with_changes_wait_for_a_connection_one_entry_per_record() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.channel(pane, ChannelInput::Suspend).unwrap();
    for name in ["a", "b", "c"] {
        let changes = update(1, name).to_string();
        world
            .channel(pane, ChannelInput::Change(changes.as_bytes()))
            .unwrap();
    }
    world.channel(pane, ChannelInput::Connect).unwrap();
    world.run(1_000);
    assert_eq!(world.room.rows["events"][&1]["name"], "c");
    assert_eq!(world.room.written.get("a"), None);
    assert_eq!(world.name(pane, 1), "c");
    assert!(!world.is_dirty(pane));
}

#[test]
fn a_full_outbox_leaves_edits_to_the_sync_and_refuses_what_is_none() {
    let mut world = World::new(1);
    let pane = world.live(json!({}));
    world.feed(pane, Input::Online(false)).unwrap();
    for id in 0..1_000 {
        let changes = update(10_000 + id, "x").to_string();
        world
            .channel(pane, ChannelInput::Change(changes.as_bytes()))
            .unwrap();
    }
    let strange = update(99_999, "x").to_string();
    let refused = world.channel(pane, ChannelInput::Change(strange.as_bytes()));
    assert_eq!(refused.unwrap_err().code, ErrorCode::Limit);
    world.set(pane, 1, "mine");
    let mine = update(1, "mine").to_string();
    world
        .channel(pane, ChannelInput::Change(mine.as_bytes()))
        .unwrap();
    world.feed(pane, Input::Online(true)).unwrap();
    world.run(2_000);
    assert_eq!(world.room.rows["events"][&1]["name"], "mine");
}
