//! Options that decide by themselves what goes out, and when: polling, portions, conflicts, data
//! taken over by its differences.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::{NoticeKind, Origin};
use syncline::engine::input::Input;

use crate::network::Fate;
use crate::server::Habits;
use crate::world::World;

fn polling(mode: &str) -> Value {
    json!({"polling": {"interval": 5_000, "mode": mode}})
}

/// A loaded client; a world with polling never comes to rest.
fn polled(world: &mut World, config: Value) -> usize {
    let client = world.client(config);
    world.load(client);
    world.run(100);
    world.clients[client].log.clear();
    world.clients[client].requests = 0;
    client
}

#[test]
fn polling_loads_an_interval_after_the_last_load() {
    let mut world = World::calendar();
    let client = world.client(polling("load"));
    world.load(client);
    world.run(4_000);
    assert_eq!(world.server.loads.len(), 1);
    world.run(21_500);
    // The first one was answered at 40 ms, each further one 40 ms after it went out.
    assert_eq!(world.server.loads.len(), 6);
    let manager = world.clients[client].manager;
    let other = json!({"polling": {"interval": 0}}).to_string();
    let patch = syncline::engine::config::parse(other.as_bytes()).unwrap();
    world
        .feed(client, Input::Configure(manager, patch))
        .unwrap();
    world.settle();
    assert_eq!(world.server.loads.len(), 6, "it was switched off");
    world.check_end();
}

#[test]
fn polling_by_sync_sends_packages_without_changes_and_brings_what_the_server_says() {
    let mut world = World::calendar();
    let client = polled(&mut world, polling("sync"));
    let news = json!({"events": {"rows": [{"id": 1, "name": "news"}]}, "revision": 9});
    world.fates.push_back(Fate::Reply(200, news.to_string()));
    world.run(5_100);
    assert_eq!(world.get(client, "events", 1, "name"), "news");
    assert!(!world.is_dirty(client));
    world.run(5_100);
    assert_eq!(world.server.received.len(), 1);
    assert_eq!(world.last_sync(), json!({}));
    assert_eq!(world.server.received[0]["revision"], 9);
}

#[test]
fn the_status_does_not_speak_of_who_merely_asks_for_news() {
    for mode in ["load", "sync"] {
        let mut world = World::calendar();
        let client = polled(&mut world, polling(mode));
        world.run(16_000);
        let status = |world: &World| -> Vec<String> {
            let lines = world.clients[client].log.iter();
            lines
                .filter(|line| line.starts_with("status"))
                .cloned()
                .collect()
        };
        assert!(world.clients[client].requests >= 3, "{mode}: it asked");
        assert_eq!(status(&world), Vec::<String>::new(), "{mode}");
        world.set(client, "events", 1, "name", "mine");
        world.sync(client);
        world.run(1_000);
        let told = ["status Pending 1", "status Saving 1", "status Saved 0"];
        assert_eq!(status(&world), told, "{mode}");
        world.load(client);
        world.run(1_000);
        assert!(
            status(&world).contains(&"status Loading 0".to_owned()),
            "{mode}"
        );
    }
}

#[test]
fn without_a_call_what_runs_is_cancelled() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true}));
    let manager = world.clients[client].manager;
    world.feed(client, Input::Cancel(manager, None)).unwrap();
    world.set(client, "events", 1, "name", "mine");
    world.fates.push_back(Fate::Vanish);
    world.run(500);
    world.feed(client, Input::Cancel(manager, None)).unwrap();
    assert_eq!(
        world.logged(client, "syncCanceled"),
        1,
        "{:?}",
        world.log(client)
    );
    assert!(world.is_dirty(client));
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    world.check_end();
}

#[test]
fn polling_leaves_edits_alone_and_comes_back_when_they_are_saved() {
    let mut world = World::calendar();
    let client = polled(&mut world, polling("load"));
    world.set(client, "events", 1, "name", "mine");
    world.run(20_000);
    assert_eq!(
        world.server.loads.len(),
        1,
        "no load while there is something to save"
    );
    world.sync(client);
    world.run(6_000);
    assert_eq!(world.server.loads.len(), 2);
    let mut world = World::calendar();
    let mut config = polling("load");
    config["polling"]["skipWhileDirty"] = json!(false);
    let client = polled(&mut world, config);
    world.set(client, "events", 1, "name", "mine");
    world.run(6_000);
    assert_eq!(world.server.loads.len(), 2);
    assert_eq!(
        world.get(client, "events", 1, "name"),
        "mine",
        "edits lie on top"
    );
    assert!(world.is_dirty(client));
}

#[test]
fn polling_rests_while_the_page_is_hidden_or_offline_and_makes_up_for_it_once() {
    for (gone, back) in [
        (Input::Visible as fn(bool) -> Input<'static>, "hidden"),
        (Input::Online as fn(bool) -> Input<'static>, "offline"),
    ] {
        let mut world = World::calendar();
        let client = polled(&mut world, polling("load"));
        world.feed(client, gone(false)).unwrap();
        world.run(60_000);
        assert_eq!(world.server.loads.len(), 1, "{back}");
        world.feed(client, gone(true)).unwrap();
        world.run(1_000);
        assert_eq!(world.server.loads.len(), 2, "{back}: at once, and once");
        world.run(5_000);
        assert_eq!(world.server.loads.len(), 3, "{back}");
    }
    let mut world = World::calendar();
    let mut config = polling("load");
    config["polling"]["pauseWhenHidden"] = json!(false);
    let client = polled(&mut world, config);
    world.feed(client, Input::Visible(false)).unwrap();
    world.run(11_000);
    assert_eq!(world.server.loads.len(), 3);
}

#[test]
fn a_poll_that_fails_is_told_and_the_next_one_comes_in_its_time() {
    let mut world = World::calendar();
    let client = polled(&mut world, polling("load"));
    world.fates.push_back(Fate::Reply(500, "oops".into()));
    world.run(5_100);
    assert_eq!(
        world.logged(client, "loadFail HTTP"),
        1,
        "{:?}",
        world.log(client)
    );
    world.run(5_100);
    assert_eq!(world.clients[client].requests, 2);
    assert_eq!(world.logged(client, "load"), 1);
}

pub fn refused(code: Value) -> Fate {
    let answer = json!({"success": false, "message": "newer", "code": code});
    Fate::Reply(200, answer.to_string())
}

#[test]
fn interop_20_a_conflict_reloads_lays_the_edits_on_top_and_sends_them_again() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"onConflict": "reload"}));
    world.set(client, "events", 1, "name", "mine");
    world.set(client, "events", 2, "n", 7);
    world.fates.push_back(refused(json!(409)));
    let row = world
        .server
        .rows
        .get_mut("events")
        .unwrap()
        .get_mut(&1)
        .unwrap();
    row.insert("n".into(), json!(99));
    let call = world.sync(client);
    world.settle();
    assert_eq!(
        world.outcome(client, call),
        Some(Ok(true)),
        "the call waited for it"
    );
    let row = world.server.row("events", 1).unwrap();
    assert_eq!((&row["name"], &row["n"]), (&json!("mine"), &json!(99)));
    assert_eq!(world.get(client, "events", 1, "n"), 99);
    assert_eq!(
        world.logged(client, "syncFail CONFLICT again"),
        1,
        "{:?}",
        world.log(client)
    );
    assert_eq!(world.server.loads.len(), 2);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn conflicts_without_end_are_told_after_so_many_reloads_and_nothing_loops() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"onConflict": "reload", "autoSync": true}));
    let codes = json!({"onConflict": "reload", "maxConflictRetries": 2, "conflictCodes": ["STALE"], "retry": {"max": 0}});
    let other = world.loaded(codes);
    for at in 0..5 {
        let fate = [refused(json!("stale")), Fate::Normal];
        world.fates.push_back(fate[at % 2].clone());
    }
    world.set(other, "events", 1, "name", "mine");
    let call = world.sync(other);
    world.settle();
    assert_eq!(world.outcome(other, call), Some(Err(ErrorCode::Conflict)));
    assert_eq!(world.clients[other].requests, 5, "three syncs, two loads");
    assert_eq!(world.get(other, "events", 1, "name"), "mine");
    assert!(world.is_dirty(other));
    // What isn't called a conflict isn't one.
    world.fates.push_back(refused(json!("stale")));
    world.set(client, "events", 1, "name", "mine");
    world.settle();
    assert_eq!(world.logged(client, "syncFail REFUSED"), 1);
    world.check_end();
}

#[test]
fn a_conflict_can_take_back_what_was_sent_and_load() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"onConflict": "revert", "autoSync": true}));
    world.fates.push_back(refused(json!("CONFLICT")));
    world.set(client, "events", 1, "name", "mine");
    world.run(110);
    world.set(client, "events", 2, "name", "later");
    let row = world
        .server
        .rows
        .get_mut("events")
        .unwrap()
        .get_mut(&1)
        .unwrap();
    row.insert("name".into(), json!("theirs"));
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "theirs");
    assert_eq!(
        world.server.row("events", 2).unwrap()["name"],
        "later",
        "edits made since go on"
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// A server that takes references as they come.
fn naive() -> World {
    let mut world = World::calendar();
    world.server.habits = Habits {
        resolves_references: false,
        ..Habits::default()
    };
    world
}

fn add_team(world: &mut World, client: usize) {
    let event = world.add(client, "events", json!({"name": "new"}));
    let event = world.get_row(client, "events", event, "id");
    let resource = world.add(client, "resources", json!({"name": "Cid"}));
    let resource = world.get_row(client, "resources", resource, "id");
    world.add(
        client,
        "assignments",
        json!({"eventId": event, "resourceId": resource}),
    );
    world.set(client, "assignments", 1, "eventId", event);
}

#[test]
fn interop_13_phases_send_what_is_referred_to_first() {
    for config in [
        json!({"phasedSync": true}),
        json!({"phasedSync": true, "autoSync": true}),
    ] {
        let mut world = naive();
        let client = world.loaded(config.clone());
        add_team(&mut world, client);
        let call = (config.get("autoSync").is_none()).then(|| world.sync(client));
        world.settle();
        let [first, second] = &world.server.received[..] else {
            panic!("two packages: {:?}", world.server.received)
        };
        assert!(first.get("assignments").is_none(), "{first}");
        assert_eq!(second["assignments"]["added"][0]["eventId"], 1001);
        assert_eq!(second["assignments"]["added"][0]["resourceId"], 1000);
        assert_eq!(second["assignments"]["updated"][0]["eventId"], 1001);
        assert!(second.get("events").is_none());
        assert!(!world.is_dirty(client));
        if let Some(call) = call {
            assert_eq!(world.outcome(client, call), Some(Ok(true)));
        }
        world.check_end();
    }
}

#[test]
fn interop_13_phases_send_parents_before_their_children() {
    let mut world = World::new(1, Habits::default(), json!({"nodes": []}));
    let client = world.client(json!({"phasedSync": true}));
    world.add_store(
        client,
        json!({"id": "nodes", "parentField": "parentId",
        "fields": [{"name": "name"}, {"name": "parentId"}]}),
    );
    let root = world.add(client, "nodes", json!({"name": "root"}));
    let root = world.get_row(client, "nodes", root, "id");
    let child = world.add(client, "nodes", json!({"name": "child", "parentId": root}));
    let child = world.get_row(client, "nodes", child, "id");
    world.add(
        client,
        "nodes",
        json!({"name": "grandchild", "parentId": child}),
    );
    world.sync(client);
    world.settle();
    let names: Vec<_> = world
        .server
        .received
        .iter()
        .map(|pack| &pack["nodes"]["added"][0]["name"])
        .collect();
    assert_eq!(names, ["root", "child", "grandchild"]);
    assert!(
        world
            .server
            .received
            .iter()
            .all(|pack| pack["nodes"]["added"][0].get("$PhantomParentId").is_none())
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_circle_of_new_records_is_sent_as_a_whole() {
    let mut world = naive();
    let client = world.client(json!({"phasedSync": true}));
    world.add_store(
        client,
        json!({"id": "nodes", "fields": [{"name": "to"}],
        "relations": [{"field": "to", "store": "nodes", "onRemove": "none"}]}),
    );
    let one = world.add(client, "nodes", json!({}));
    let two = world.add(client, "nodes", json!({}));
    let (one_id, two_id) = (
        world.get_row(client, "nodes", one, "id"),
        world.get_row(client, "nodes", two, "id"),
    );
    world.set_row(client, "nodes", one, "to", two_id);
    world.set_row(client, "nodes", two, "to", one_id);
    world.sync(client);
    world.settle();
    assert_eq!(
        world.server.received[0]["nodes"]["added"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_18_a_package_is_split_for_a_server_that_bears_no_large_ones() {
    let mut world = naive();
    let client = world.loaded(json!({"maxSyncBytes": 400}));
    for n in 0..20 {
        world.add(
            client,
            "events",
            json!({"name": format!("event {n}"), "n": n}),
        );
    }
    add_team(&mut world, client);
    world.remove(client, "events", 2);
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert!(world.server.received.len() > 4);
    for pack in &world.server.received {
        let bytes = pack.to_string().len();
        assert!(bytes <= 400, "{bytes}");
    }
    let last = world.server.received.last().unwrap();
    assert_eq!(
        last["events"]["removed"],
        json!([{"id": 2}]),
        "removals come last"
    );
    assert!(!world.is_dirty(client));
    assert_eq!(world.server.count("events"), 22);
    world.check_end();
}

#[test]
fn a_record_larger_than_a_package_may_be_goes_alone() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"maxSyncBytes": 200}));
    world.set(client, "events", 1, "name", "x".repeat(500));
    world.set(client, "events", 2, "name", "short");
    world.sync(client);
    world.settle();
    assert_eq!(world.server.received.len(), 2);
    assert_eq!(world.server.received[1]["events"]["updated"][0]["id"], 2);
    assert!(!world.is_dirty(client));
}

#[test]
fn a_portion_of_unknown_outcome_is_made_up_for_and_the_rest_follows() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"maxSyncBytes": 160, "idempotentSync": true}));
    for (id, name) in [(1, "a"), (2, "b")] {
        world.set(client, "events", id, "name", name.repeat(60));
    }
    world.add(client, "events", json!({"name": "c".repeat(60)}));
    world.fates.push_back(Fate::Normal);
    world.fates.push_back(Fate::DropAnswer);
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Network)));
    assert!(!world.is_dirty(client), "{:?}", world.changes(client));
    assert_eq!(world.server.count("events"), 3);
    world.check_end();
}

#[test]
fn a_portion_that_is_refused_ends_the_sync_and_nothing_is_lost() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"maxSyncBytes": 160}));
    for (id, name) in [(1, "a"), (2, "b")] {
        world.set(client, "events", id, "name", name.repeat(60));
    }
    world.fates.push_back(Fate::Normal);
    world.fates.push_back(Fate::Reply(413, "too large".into()));
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Http)));
    assert_eq!(world.clients[client].requests, 2);
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 2, "name": "b".repeat(60)}]}})
    );
    world.check_end();
}

fn kinds(world: &mut World, client: usize) -> Vec<NoticeKind> {
    let notices = core::mem::take(&mut world.clients[client].notices);
    notices
        .into_iter()
        .filter(|it| it.origin != Origin::Local)
        .map(|it| it.kind)
        .collect()
}

#[test]
fn a_load_by_differences_keeps_handles_and_tells_what_is_different() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"syncDataOnLoad": {}}));
    world.set(client, "events", 2, "n", 20);
    let (one, two) = (
        world.find(client, "events", 1).unwrap(),
        world.find(client, "events", 2).unwrap(),
    );
    kinds(&mut world, client);
    let events = world.server.rows.get_mut("events").unwrap();
    events
        .get_mut(&1)
        .unwrap()
        .insert("name".into(), json!("theirs"));
    events.insert(
        3,
        json!({"id": 3, "name": "three"})
            .as_object()
            .unwrap()
            .clone(),
    );
    world.server.rows.get_mut("resources").unwrap().remove(&2);
    world.load(client);
    world.settle();
    assert_eq!(
        world.get_row(client, "events", one, "name"),
        "theirs",
        "the handle still finds it"
    );
    assert_eq!(
        world.get_row(client, "events", two, "n"),
        20,
        "edits lie on top"
    );
    assert_eq!(world.count(client, "events"), 3);
    assert_eq!(world.count(client, "resources"), 1);
    let mut told = kinds(&mut world, client);
    told.retain(|kind| *kind != NoticeKind::State);
    assert_eq!(
        told,
        [NoticeKind::Update, NoticeKind::Add, NoticeKind::Remove]
    );
    world.sync(client);
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 2, "n": 20}]}})
    );
    world.load(client);
    world.settle();
    assert!(
        kinds(&mut world, client)
            .iter()
            .all(|kind| *kind == NoticeKind::State),
        "nothing is different"
    );
    world.check_end();
}

#[test]
fn differences_beyond_a_threshold_are_one_refresh() {
    for threshold in [json!({"threshold": 2}), json!({"percent": 50})] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"syncDataOnLoad": threshold}));
        kinds(&mut world, client);
        let events = world.server.rows.get_mut("events").unwrap();
        for id in 3..6 {
            events.insert(
                id,
                json!({"id": id, "name": "more"})
                    .as_object()
                    .unwrap()
                    .clone(),
            );
        }
        world.load(client);
        world.settle();
        assert_eq!(kinds(&mut world, client), [NoticeKind::Refresh]);
        assert_eq!(world.count(client, "events"), 5);
    }
}

#[test]
fn missing_values_stay_or_go_and_the_order_is_that_of_the_data() {
    for (drops, expected) in [(false, json!(1)), (true, Value::Null)] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"syncDataOnLoad": {"dropMissingValues": drops}}));
        let answer =
            json!({"events": {"rows": [{"id": 2, "name": "two"}, {"id": 1, "name": "one"}]}});
        world.fates.push_back(Fate::Reply(200, answer.to_string()));
        world.load(client);
        world.settle();
        assert_eq!(world.get(client, "events", 1, "n"), expected);
        let ids: Vec<_> = world
            .rows(client, "events")
            .into_iter()
            .map(|row| world.get_row(client, "events", row, "id"))
            .collect();
        assert_eq!(ids, [2, 1]);
        world.check_end();
    }
}

#[test]
fn an_edit_of_a_record_that_a_load_by_differences_lacks_is_told() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"syncDataOnLoad": {}}));
    world.set(client, "events", 2, "name", "mine");
    world.server.rows.get_mut("events").unwrap().remove(&2);
    world.load(client);
    world.settle();
    assert_eq!(world.count(client, "events"), 1);
    assert!(!world.is_dirty(client));
    assert_eq!(
        world.clients[client].warnings.len(),
        1,
        "{:?}",
        world.clients[client].warnings
    );
    world.check_end();
}

#[test]
fn changes_of_the_server_reach_a_single_store() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true}));
    let store = world.clients[client].stores["events"];
    let changes = json!({"events": {"updated": [{"id": 1, "name": "pushed"}], "removed": [2]},
        "resources": {"removed": [1]}});
    world
        .feed(
            client,
            Input::ApplyStoreChangeset(
                store,
                json!({"events": changes["events"]}).to_string().as_bytes(),
            ),
        )
        .unwrap();
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "pushed");
    assert_eq!(world.count(client, "events"), 1);
    assert_eq!(world.count(client, "resources"), 2);
    assert_eq!(world.clients[client].requests, 0);
    let bad = world.feed(client, Input::ApplyStoreChangeset(store, b"{"));
    assert_eq!(bad.unwrap_err().code, ErrorCode::BadResponse);
}

#[test]
fn a_page_takes_the_place_of_the_one_before_but_for_what_is_edited() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"loadData": {"page": 1, "pageSize": 2}}));
    assert_eq!(world.server.loads[0]["page"], 1);
    world.set(client, "events", 1, "name", "mine");
    let manager = world.clients[client].manager;
    let urls = json!({"load": {"url": "/load"}, "sync": {"url": "/sync"}});
    let patch = json!({"transport": urls, "loadData": {"page": 2, "pageSize": 2}}).to_string();
    let patch = syncline::engine::config::parse(patch.as_bytes()).unwrap();
    world
        .feed(client, Input::Configure(manager, patch))
        .unwrap();
    let page = json!({"events": {"rows": [{"id": 3, "name": "three"}], "total": 3}});
    world.fates.push_back(Fate::Reply(200, page.to_string()));
    world.load(client);
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert_eq!(world.get(client, "events", 3, "name"), "three");
    assert!(world.find(client, "events", 2).is_none());
    let store = world.clients[client].stores["events"];
    let store = world.clients[client].engine.store(store).unwrap();
    assert_eq!(store.total(), Some(3.0));
    world.sync(client);
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "mine");
    world.check_end();
}

#[test]
fn a_portion_that_fails_again_and_again_does_not_loop_nor_does_it_hurry_the_rest() {
    for idempotent in [true, false] {
        let mut world = World::calendar();
        world.server.habits.deduplicates = idempotent;
        let client = world.loaded(json!({"maxSyncBytes": 160, "idempotentSync": idempotent,
            "retry": {"max": 1}}));
        for (id, name) in [(1, "a"), (2, "b")] {
            world.set(client, "events", id, "name", name.repeat(60));
        }
        world.add(client, "events", json!({"name": "c".repeat(60)}));
        world.fates.push_back(Fate::DropAnswer);
        for _ in 0..20 {
            world.fates.push_back(Fate::Reply(500, "oops".into()));
        }
        world.sync(client);
        world.settle();
        assert!(
            world.clients[client].requests <= 4,
            "{:?}",
            world.log(client)
        );
        assert!(world.is_dirty(client));
        world.fates.clear();
        world.set(client, "events", 1, "n", 5);
        world.sync(client);
        world.settle();
        world.sync(client);
        world.settle();
        assert!(!world.is_dirty(client), "{:?}", world.changes(client));
        assert_eq!(world.server.count("events"), 3);
        world.check_end();
    }
}

#[test]
fn additions_in_doubt_are_not_sent_with_the_rest_of_a_package() {
    let mut world = World::calendar();
    world.server.habits.deduplicates = false;
    let client = world.loaded(json!({"maxSyncBytes": 160}));
    world.add(client, "events", json!({"name": "c".repeat(60)}));
    world.set(client, "events", 1, "name", "a".repeat(60));
    world.fates.push_back(Fate::Normal);
    world.fates.push_back(Fate::DropAnswer);
    world.add(client, "events", json!({"name": "d".repeat(60)}));
    world.sync(client);
    world.settle();
    let added = |pack: &&Value| pack["events"]["added"].is_array();
    let sent = world.server.received.iter().filter(added).count();
    assert_eq!(sent, 2, "each addition once: {:?}", world.server.received);
    assert!(world.server.count("events") <= 4);
    world.check_end();
}
