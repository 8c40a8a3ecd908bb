//! States of the connection, on virtual time: every way of the table, attempts, heartbeat, hidden
//! pages, clocks that jump.

use std::collections::BTreeSet;

use serde_json::json;
use syncline::engine::channel::state::Phase;
use syncline::engine::input::{ChannelInput, Input};
use syncline::engine::rng::Rng;
use syncline::engine::time::Millis;

use crate::world::{START, World};

fn options() -> serde_json::Value {
    json!({"reconnect": {"base": 1_000, "jitter": 0}})
}

fn ways(world: &World, at: usize) -> Vec<String> {
    let states = world.heard(at, "state").into_iter();
    states
        .map(|it| it["state"].as_str().unwrap().to_owned())
        .collect()
}

fn legal(from: Phase) -> &'static [Phase] {
    use Phase::*;
    match from {
        Idle => &[Connecting, Suspended],
        Connecting => &[Authenticating, CatchingUp, Live, Waiting, Suspended, Closed],
        Authenticating => &[CatchingUp, Live, Waiting, Suspended, Closed],
        CatchingUp => &[Live, Waiting, Suspended, Closed],
        Live => &[CatchingUp, Waiting, Suspended, Closed],
        Waiting => &[Connecting, Suspended],
        Suspended => &[Connecting, Idle],
        Closed => &[Connecting, Suspended],
    }
}

#[test]
fn the_table_of_ways_is_what_the_design_says() {
    for from in Phase::ALL {
        for to in Phase::ALL {
            assert_eq!(
                from.may_become(to),
                legal(from).contains(&to),
                "{from:?} {to:?}"
            );
        }
    }
}

/// One thing that can happen to a connection.
fn happen(world: &mut World, pane: usize, what: u64) {
    match what {
        0 => world.channel(pane, ChannelInput::Connect).unwrap(),
        1 => world.channel(pane, ChannelInput::Suspend).unwrap(),
        2 => drop(world.feed(pane, Input::Online(false))),
        3 => drop(world.feed(pane, Input::Online(true))),
        4 => drop(world.feed(pane, Input::Visible(false))),
        5 => drop(world.feed(pane, Input::Visible(true))),
        6 => world.cut(pane, 1006),
        7 => world.cut(pane, 4403),
        8 => world.mute = !world.mute,
        9 => world.dead = !world.dead,
        10 => world.others(json!({"events": {"updated": [{"id": 1, "n": 5}]}})),
        11 => world.weather.lose = 1_000 - world.weather.lose,
        12 => world.room.forgotten = world.room.revision,
        13 => {
            // A server may have nothing to catch up with.
            let live = json!({"type": "live", "revision": world.room.revision}).to_string();
            if let Some(conn) = world.panes[pane].conn {
                let message = ChannelInput::Frames(conn, live.as_bytes());
                world.channel(pane, message).unwrap();
            }
        }
        _ => {}
    }
}

#[test]
fn every_way_of_the_table_is_gone_and_no_other() {
    let mut gone = BTreeSet::new();
    let kinds = [
        json!({}),
        json!({"handshake": false}),
        json!({"handshake": false, "requestInitialData": true}),
        json!({"autoConnect": false}),
    ];
    for seed in 0..600 {
        let mut world = World::new(seed);
        let mut rng = Rng::new(seed);
        let mut options = kinds[seed as usize % kinds.len()].clone();
        options["reconnect"] = json!({"base": 50, "cap": 200, "jitter": 0});
        options["heartbeat"] = json!(500);
        options["timeout"] = json!(200);
        options["hiddenTimeout"] = json!(300);
        world.mute = rng.below(4) == 0;
        let pane = world.pane(json!({}), options);
        world.load(pane);
        for _ in 0..20 {
            let what = rng.below(17);
            happen(&mut world, pane, what);
            let pause = [0, 5, 25, 400, 2_000][rng.below(5) as usize];
            world.run(pause);
        }
        for told in world.heard(pane, "state") {
            let name = |name: &str| told[name].as_str().unwrap().to_owned();
            gone.insert((name("oldState"), name("state")));
        }
    }
    let ways = Phase::ALL.iter().flat_map(|&from| {
        let name = |phase: Phase| phase.as_str().to_owned();
        legal(from).iter().map(move |&to| (name(from), name(to)))
    });
    let ways: BTreeSet<_> = ways.collect();
    let never: Vec<_> = ways.difference(&gone).collect();
    assert!(never.is_empty(), "never gone: {never:?}");
    let odd: Vec<_> = gone.difference(&ways).collect();
    assert!(odd.is_empty(), "gone against the table: {odd:?}");
}

#[test]
fn a_connection_greets_catches_up_and_is_live() {
    let mut world = World::new(1);
    let pane = world.pane(json!({}), options());
    world.run(1_000);
    assert_eq!(
        ways(&world, pane),
        ["connecting", "authenticating", "catchingUp", "live"]
    );
    assert_eq!(world.heard(pane, "connected").len(), 1);
    assert_eq!(world.heard(pane, "connected")[0]["reconnected"], false);
}

#[test]
fn attempts_wait_longer_each_time_and_end_as_lost() {
    let mut world = World::new(1);
    world.dead = true;
    let pane = world.pane(json!({}), options());
    world.run(600_000);
    let delays: Vec<u64> = world
        .heard(pane, "reconnecting")
        .into_iter()
        .map(|it| it["delay"].as_u64().unwrap())
        .collect();
    assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 16_000]);
    assert_eq!(world.heard(pane, "connectionLost").len(), 1);
    assert_eq!((world.state(pane), world.panes[pane].opens), ("waiting", 6));
    // Nothing more is tried, and no timer is left.
    assert_eq!(world.panes[pane].engine.poll_timeout(), None);
    // A sign of life starts anew.
    world.dead = false;
    world.feed(pane, Input::Visible(true)).unwrap();
    world.run(1_000);
    assert_eq!(world.state(pane), "live");
}

#[test]
fn attempts_without_end_never_lose_the_connection() {
    let mut world = World::new(1);
    world.dead = true;
    let pane = world.pane(
        json!({}),
        json!({"forever": true, "reconnect": {"cap": 5_000, "jitter": 0}}),
    );
    world.run(3_600_000);
    assert!(world.panes[pane].opens > 600);
    assert!(world.heard(pane, "connectionLost").is_empty());
}

#[test]
fn the_random_part_of_a_wait_is_all_of_it() {
    let mut delays = Vec::new();
    for seed in 0..40 {
        let mut world = World::new(seed);
        world.dead = true;
        let pane = world.pane(json!({}), json!({"reconnect": {"max": 1, "base": 1_000}}));
        world.run(10_000);
        delays.push(
            world.heard(pane, "reconnecting")[0]["delay"]
                .as_u64()
                .unwrap(),
        );
    }
    delays.sort_unstable();
    assert!(
        delays[0] < 150 && delays[39] > 850 && delays[39] <= 1_000,
        "{delays:?}"
    );
}

#[test]
fn attempts_count_anew_only_after_a_connection_has_stayed_up() {
    let mut world = World::new(1);
    let pane =
        world.live(json!({"reconnect": {"base": 100, "jitter": 0, "max": 3}, "stable": 5_000}));
    world.cut(pane, 1006);
    world.run(300);
    world.cut(pane, 1006);
    world.run(300);
    let attempts = |world: &World| -> Vec<u64> {
        let heard = world.heard(pane, "reconnecting").into_iter();
        heard.map(|it| it["attempt"].as_u64().unwrap()).collect()
    };
    assert_eq!(attempts(&world), [1, 2]);
    world.run(6_000);
    world.cut(pane, 1006);
    world.run(300);
    assert_eq!(attempts(&world), [1, 2, 1]);
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let mut world = World::new(1);
    world.mute = true;
    let pane = world.pane(json!({}), options());
    world.run(300_000);
    assert_eq!(world.heard(pane, "connectionLost").len(), 1);
    assert_eq!(world.panes[pane].closes, 6);
}

#[test]
fn a_server_that_falls_silent_is_probed_and_then_given_up() {
    let mut world = World::new(1);
    let pane = world.live(json!({"heartbeat": 5_000, "timeout": 2_000}));
    world.run(11_000);
    assert!(
        world.panes[pane]
            .sent
            .iter()
            .filter(|it| it["type"] == "ping")
            .count()
            >= 2
    );
    assert_eq!(world.state(pane), "live");
    world.mute = true;
    world.run(7_500);
    let told = world.heard(pane, "disconnected");
    assert_eq!(told[0]["code"], 4408);
    world.mute = false;
    world.run(40_000);
    assert_eq!(world.state(pane), "live");
}

#[test]
fn offline_closes_the_connection_and_online_opens_it_without_an_attempt() {
    let mut world = World::new(1);
    let pane = world.live(options());
    world.feed(pane, Input::Online(false)).unwrap();
    assert_eq!(
        (world.state(pane), world.panes[pane].closes),
        ("suspended", 1)
    );
    world.run(600_000);
    assert!(world.heard(pane, "reconnecting").is_empty());
    world.feed(pane, Input::Online(true)).unwrap();
    world.run(1_000);
    assert_eq!(world.state(pane), "live");
    assert_eq!(world.heard(pane, "connected")[0]["reconnected"], true);
}

#[test]
fn a_page_that_is_hidden_for_long_lets_go_and_comes_back() {
    let mut world = World::new(1);
    let pane = world.live(json!({"hiddenTimeout": 60_000}));
    world.feed(pane, Input::Visible(false)).unwrap();
    world.run(59_000);
    assert_eq!(world.state(pane), "live");
    world.run(2_000);
    assert_eq!(world.state(pane), "suspended");
    world.others(json!({"events": {"updated": [{"id": 1, "name": "missed"}]}}));
    world.feed(pane, Input::Visible(true)).unwrap();
    world.run(1_000);
    assert_eq!(
        (world.state(pane), world.name(pane, 1).as_str()),
        ("live", "missed")
    );
}

#[test]
fn a_tab_that_was_frozen_for_a_day_catches_up() {
    let mut world = World::new(1);
    let pane = world.live(options());
    world.channel(pane, ChannelInput::Freeze).unwrap();
    assert_eq!(world.state(pane), "suspended");
    for n in 0..50 {
        world.others(json!({"events": {"updated": [{"id": 1, "name": format!("v{n}")}]}}));
    }
    world.now += 86_400_000;
    world.feed(pane, Input::Visible(true)).unwrap();
    world.run(1_000);
    assert_eq!(
        (world.state(pane), world.name(pane, 1).as_str()),
        ("live", "v49")
    );
    assert_eq!(world.panes[pane].requests, 0);
}

#[test]
fn a_clock_that_jumps_an_hour_has_the_server_asked_before_it_is_given_up() {
    let mut world = World::new(1);
    let pane = world.live(json!({"heartbeat": 5_000, "timeout": 2_000}));
    // A probe is out when the clock jumps.
    world.run(4_100);
    while world.panes[pane]
        .sent
        .last()
        .is_none_or(|it| it["type"] != "ping")
    {
        world.run(10);
    }
    world.now += 3_600_000;
    world.run(10_000);
    assert_eq!(world.state(pane), "live");
    assert!(world.heard(pane, "disconnected").is_empty());
}

#[test]
fn a_clock_that_is_set_back_stops_nothing() {
    let mut world = World::new(1);
    let pane = world.live(options());
    let manager = world.panes[pane].manager;
    let reply = world.panes[pane].engine.handle(
        Input::Channel(manager, ChannelInput::Ready),
        Millis(START - 3_600_000),
    );
    assert!(reply.is_ok());
    world.others(json!({"events": {"updated": [{"id": 1, "name": "new"}]}}));
    world.run(100);
    assert_eq!(world.name(pane, 1), "new");
}

#[test]
fn a_token_that_expires_is_renewed_once_and_then_it_is_over() {
    let mut world = World::new(1);
    let pane = world.live(options());
    world.cut(pane, 4401);
    world.run(1_000);
    // At once, without a wait.
    assert_eq!(world.state(pane), "live");
    assert!(world.heard(pane, "reconnecting").is_empty());
    world.mute = true;
    world.cut(pane, 4401);
    world.run(100);
    world.cut(pane, 4401);
    world.run(100);
    assert_eq!(world.state(pane), "closed");
    assert_eq!(world.heard(pane, "error")[0]["code"], "UNAUTHORIZED");
    // Only the app can try again.
    world.mute = false;
    world.feed(pane, Input::Visible(true)).unwrap();
    world.run(60_000);
    assert_eq!(world.state(pane), "closed");
    world.channel(pane, ChannelInput::Connect).unwrap();
    world.run(1_000);
    assert_eq!(world.state(pane), "live");
}

#[test]
fn what_the_server_forbids_is_not_tried_again() {
    let mut world = World::new(1);
    let pane = world.live(options());
    world.cut(pane, 4403);
    world.run(60_000);
    assert_eq!(world.state(pane), "closed");
    assert_eq!(world.heard(pane, "disconnected")[0]["willReconnect"], false);
}

#[test]
fn reports_about_connections_that_are_gone_are_dropped() {
    let mut world = World::new(1);
    let pane = world.live(options());
    let old = world.panes[pane].conn.unwrap();
    world.cut(pane, 1006);
    world.run(2_000);
    assert_eq!(world.state(pane), "live");
    let change = br#"{"type":"sync","data":{"events":{"updated":[{"id":1,"name":"ghost"}]}}}"#;
    world
        .channel(pane, ChannelInput::Frames(old, change))
        .unwrap();
    world
        .channel(pane, ChannelInput::Down(old, 1006, ""))
        .unwrap();
    world.channel(pane, ChannelInput::Open(old, b"")).unwrap();
    assert_eq!(
        (world.state(pane), world.name(pane, 1).as_str()),
        ("live", "one")
    );
}

#[test]
fn suspend_and_resume_are_the_apps() {
    let mut world = World::new(1);
    let pane = world.live(options());
    world.channel(pane, ChannelInput::Suspend).unwrap();
    world.feed(pane, Input::Visible(true)).unwrap();
    world.feed(pane, Input::Online(true)).unwrap();
    world.run(60_000);
    assert_eq!(world.state(pane), "suspended");
    world.others(json!({"events": {"removed": [{"id": 2}]}}));
    world.channel(pane, ChannelInput::Connect).unwrap();
    world.run(1_000);
    assert_eq!(
        (world.state(pane), world.find(pane, "events", 2)),
        ("live", None)
    );
}

#[test]
fn a_channel_that_is_destroyed_leaves_no_timer_and_no_connection() {
    let mut world = World::new(1);
    let pane = world.live(options());
    let call = world.lock(pane, json!({"type": "events", "id": 1}));
    let manager = world.panes[pane].manager;
    world.feed(pane, Input::DestroyChannel(manager)).unwrap();
    assert_eq!(world.panes[pane].closes, 1);
    assert_eq!(world.panes[pane].engine.poll_timeout(), None);
    assert!(world.panes[pane].settled[&call].is_err());
    assert!(world.channel(pane, ChannelInput::Connect).is_err());
    world.run(60_000);
    assert_eq!(world.panes[pane].opens, 1);
}

#[test]
fn a_manager_that_is_destroyed_takes_its_channel_along() {
    let mut world = World::new(1);
    let pane = world.live(options());
    let manager = world.panes[pane].manager;
    world.feed(pane, Input::DestroyManager(manager)).unwrap();
    assert_eq!(world.panes[pane].closes, 1);
    assert_eq!(world.panes[pane].engine.poll_timeout(), None);
}

#[test]
fn polling_takes_over_when_the_connection_is_lost_and_gives_back() {
    let mut world = World::new(1);
    let options = json!({"reconnect": {"base": 100, "max": 2}, "poll": 3_000, "timeout": 1_000});
    let pane = world.live(options);
    world.mute = true;
    world.cut(pane, 1006);
    world.run(5_000);
    assert_eq!(world.heard(pane, "connectionLost").len(), 1);
    world.others(json!({"events": {"updated": [{"id": 1, "name": "polled"}]}}));
    world.run(10_000);
    assert_eq!(world.name(pane, 1), "polled");
    let requests = world.panes[pane].requests;
    assert!(requests >= 2);
    world.mute = false;
    world.run(5_000);
    assert_eq!(world.state(pane), "live");
    let requests = world.panes[pane].requests;
    world.run(30_000);
    assert_eq!(world.panes[pane].requests, requests);
}

#[test]
fn without_a_connection_polls_are_the_channel() {
    let mut world = World::new(1);
    let pane = world.pane(
        json!({}),
        json!({"polls": true, "handshake": false, "poll": 2_000, "pollBySync": true}),
    );
    world.load(pane);
    // The host of a channel that polls is open at once; the server hears nothing of it.
    world.mute = true;
    world.run(1_000);
    assert_eq!(world.state(pane), "live");
    world.others(json!({"events": {"updated": [{"id": 1, "name": "polled"}]}}));
    world.run(3_000);
    assert_eq!(world.name(pane, 1), "polled");
    world.dead = true;
    world.run(3_000);
    assert_eq!(world.heard(pane, "disconnected").len(), 1);
    world.dead = false;
    world.run(60_000);
    assert_eq!(world.state(pane), "live");
    // The server doesn't know what is new since the revision of the poll: everything is loaded.
    world.room.conflicts = 1;
    let other = json!({"events": {"updated": [{"id": 1, "name": "loaded"}]}});
    world.room.change("other", other);
    world.panes[pane].requests = 0;
    world.run(2_500);
    assert_eq!(world.name(pane, 1), "loaded");
    assert!(world.panes[pane].requests >= 2);
}
