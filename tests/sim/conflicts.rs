//! Conflicts: found wherever the server's news meet the user's edits, decided by a strategy or by
//! the app, and never in silence.

use serde_json::{Value, json};
use syncline::engine::conflict::{Resolution, Side};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::EventKind;
use syncline::engine::input::{Input, Scope};
use syncline::engine::schema::FieldIx;

use crate::network::Fate;
use crate::world::World;

/// A loaded client whose event 1 has the edit `name: mine`.
fn edited(config: Value) -> (World, usize) {
    let mut world = World::calendar();
    let client = world.loaded(config);
    world.set(client, "events", 1, "name", "mine");
    world.clients[client].log.clear();
    (world, client)
}

fn with(strategy: &str) -> Value {
    json!({ "conflictResolution": strategy })
}

fn theirs() -> Value {
    json!({"events": {"updated": [{"id": 1, "name": "theirs", "n": 5}]}})
}

impl World {
    /// The last conflict that was told: its event, kind, strategy, and who has each field.
    fn conflict(&self, client: usize) -> (EventKind, Value) {
        let (event, detail) = self.clients[client].conflicts.last().expect("a conflict");
        let id = self.clients[client].stores["events"];
        let schema = self.clients[client]
            .engine
            .store(id)
            .unwrap()
            .table()
            .schema();
        let fields = detail["fields"].as_array().unwrap().iter().map(|clash| {
            let field = clash["field"].as_u64().unwrap() as usize;
            let name = schema.fields()[field].name.clone();
            json!([
                name,
                clash["base"],
                clash["mine"],
                clash["theirs"],
                clash["from"]
            ])
        });
        let fields: Value = fields.collect();
        (*event, json!([detail["kind"], detail["strategy"], fields]))
    }

    fn resolve(&mut self, client: usize, id: u64, record: Side, theirs: &[&str]) -> bool {
        let store = self.clients[client].stores["events"];
        let row = self.find(client, "events", id);
        let engine = &self.clients[client].engine;
        let row = row.unwrap_or_else(|| engine.store(store).unwrap().removed()[0]);
        let schema = engine.store(store).unwrap().table().schema();
        let theirs: Vec<FieldIx> = theirs
            .iter()
            .map(|name| schema.find(name).unwrap())
            .collect();
        let how = Resolution {
            record,
            theirs: &theirs,
            merged: &[],
        };
        let reply = self.feed(client, Input::ResolveConflict { store, row, how });
        reply.unwrap() == syncline::engine::input::Reply::Changed(true)
    }
}

fn end(world: &mut World, client: usize) {
    world.sync(client);
    world.settle();
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    world.check_end();
}

#[test]
fn the_user_wins_unless_told_otherwise_and_it_is_said() {
    for config in [json!({}), with("client-wins")] {
        let (mut world, client) = edited(config);
        world.push(client, &theirs());
        assert_eq!(world.get(client, "events", 1, "name"), "mine");
        assert_eq!(world.get(client, "events", 1, "n"), 5);
        assert_eq!(world.logged(client, "conflict"), 1);
        let fields = json!([["name", "one", "mine", "theirs", "mine"]]);
        assert_eq!(
            world.conflict(client),
            (
                EventKind::ConflictResolved,
                json!(["update", "client-wins", fields])
            )
        );
        end(&mut world, client);
    }
}

#[test]
fn the_server_wins_field_by_field_and_whoever_waits_is_told() {
    let (mut world, client) = edited(with("server-wins"));
    world.set(client, "events", 1, "place", "here");
    let waits = world.settled(client, "events", 1);
    world.push(client, &theirs());
    assert_eq!(world.get(client, "events", 1, "name"), "theirs");
    assert_eq!(world.get(client, "events", 1, "place"), "here");
    assert_eq!(world.outcome(client, waits), Some(Err(ErrorCode::Conflict)));
    let fields = json!([["name", "one", "mine", "theirs", "theirs"]]);
    assert_eq!(
        world.conflict(client),
        (
            EventKind::ConflictResolved,
            json!(["update", "server-wins", fields])
        )
    );
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "place": "here"}]}})
    );
    end(&mut world, client);
}

#[test]
fn what_does_not_clash_is_no_conflict() {
    for strategy in ["server-wins", "client-wins", "merge", "manual"] {
        let (mut world, client) = edited(with(strategy));
        world.push(
            client,
            &json!({"events": {"updated": [{"id": 1, "n": 9, "name": "one"}]}}),
        );
        world.push(
            client,
            &json!({"events": {"updated": [{"id": 1, "name": "mine"}]}}),
        );
        assert_eq!(world.clients[client].conflicts, []);
        assert_eq!(world.get(client, "events", 1, "n"), 9);
        assert!(!world.is_dirty(client), "both say the same");
        world.check_end();
    }
}

#[test]
fn a_merge_takes_the_newer_of_what_clashes() {
    let mut world = World::calendar();
    let client = world.client(with("merge"));
    world.add_store(
        client,
        json!({"id": "nodes", "modifiedField": "changed", "fields": [{"name": "name"}, {"name": "changed", "type": "date"}]}),
    );
    world.push(
        client,
        &json!({"nodes": {"added": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}}),
    );
    world.set(client, "nodes", 1, "name", "mine");
    world.set(client, "nodes", 2, "name", "mine");
    let (before, after) = (world.now - 1_000, world.now + 1_000);
    world.push(client, &json!({"nodes": {"updated": [
        {"id": 1, "name": "theirs", "changed": before}, {"id": 2, "name": "theirs", "changed": after}]}}));
    assert_eq!(world.get(client, "nodes", 1, "name"), "mine");
    assert_eq!(world.get(client, "nodes", 2, "name"), "theirs");
    assert_eq!(world.logged(client, "conflictResolved"), 2);
}

#[test]
fn by_hand_the_record_keeps_both_and_is_held_back_until_it_is_resolved() {
    let (mut world, client) =
        edited(json!({"conflictResolution": "manual", "autoSync": true, "autoSyncTimeout": 10}));
    world.set(client, "events", 2, "name", "other");
    world.push(client, &theirs());
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 2, "name": "other"}]}})
    );
    assert!(world.is_dirty(client));
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    let fields = json!([["name", "one", "mine", "theirs", "theirs"]]);
    assert_eq!(
        world.conflict(client),
        (EventKind::Conflict, json!(["update", "manual", fields]))
    );
    world.push(
        client,
        &json!({"events": {"updated": [{"id": 1, "name": "again"}]}}),
    );
    let fields = json!([["name", "one", "mine", "again", "theirs"]]);
    assert_eq!(world.conflict(client).1[2], fields);
    let before = world.clients[client].requests;
    world.sync(client);
    world.settle();
    assert_eq!(world.clients[client].requests, before, "nothing to send");
    assert!(world.resolve(client, 1, Side::Mine, &[]));
    assert!(!world.resolve(client, 1, Side::Mine, &[]), "once");
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "mine"}]}})
    );
    assert_eq!(world.logged(client, "conflictResolved"), 1);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn by_hand_the_servers_fields_can_be_taken_one_by_one() {
    let (mut world, client) = edited(with("manual"));
    world.set(client, "events", 1, "n", 7);
    world.push(client, &theirs());
    assert!(world.resolve(client, 1, Side::Mine, &["name"]));
    assert_eq!(world.get(client, "events", 1, "name"), "theirs");
    assert_eq!(world.get(client, "events", 1, "n"), 7);
    let fields = json!([
        ["name", "one", "mine", "theirs", "theirs"],
        ["n", 1, 7, 5, "mine"]
    ]);
    assert_eq!(
        world.conflict(client),
        (
            EventKind::ConflictResolved,
            json!(["update", "manual", fields])
        )
    );
    end(&mut world, client);
}

#[test]
fn an_open_conflict_ends_when_its_edits_do() {
    for way in 0..4 {
        let (mut world, client) = edited(with("manual"));
        world.push(client, &theirs());
        let manager = world.clients[client].manager;
        match way {
            0 => world.reject_all(client),
            1 => {
                world.set(client, "events", 1, "name", "theirs");
            }
            2 => {
                let scope = Scope::Manager(manager);
                world.feed(client, Input::Accept(scope)).unwrap();
            }
            _ => {
                world.push(
                    client,
                    &json!({"events": {"updated": [{"id": 1, "name": "mine"}]}}),
                );
            }
        }
        assert_eq!(world.logged(client, "conflictResolved"), 1, "{way}");
        assert!(!world.is_dirty(client), "{way}");
        assert!(!world.resolve(client, 1, Side::Mine, &[]));
        world.check_end();
    }
}

#[test]
fn an_open_conflict_survives_a_load() {
    let (mut world, client) = edited(with("manual"));
    world.push(client, &theirs());
    world.load(client);
    world.settle();
    world.sync(client);
    world.settle();
    assert!(world.is_dirty(client), "still held back");
    assert!(world.resolve(client, 1, Side::Mine, &["name"]));
    // The stub server never had `theirs`.
    assert_eq!(world.get(client, "events", 1, "name"), "one");
    end(&mut world, client);
}

#[test]
fn a_load_finds_conflicts_too() {
    let mut world = World::calendar();
    let (one, two) = (world.loaded(with("manual")), world.loaded(json!({})));
    world.set(one, "events", 1, "name", "mine");
    world.set(two, "events", 1, "name", "theirs");
    world.sync(two);
    world.settle();
    world.load(one);
    world.settle();
    let fields = json!([["name", "one", "mine", "theirs", "theirs"]]);
    assert_eq!(
        world.conflict(one),
        (EventKind::Conflict, json!(["update", "manual", fields]))
    );
    assert!(world.resolve(one, 1, Side::Mine, &[]));
    end(&mut world, one);
    assert_eq!(
        world.server.rows["events"].values().next().unwrap()["name"],
        "mine"
    );
}

#[test]
fn the_answer_to_ones_own_edit_is_no_conflict() {
    let (mut world, client) = edited(with("manual"));
    let body = json!({"success": true, "events": {"rows": [{"id": 1, "name": "MINE", "n": 6}]}});
    world.fates.push_back(Fate::Garble(200, body.to_string()));
    world.sync(client);
    world.set(client, "events", 1, "name", "newer");
    world.set(client, "events", 1, "n", 7);
    world.settle();
    let fields = json!([["n", 1, 7, 6, "theirs"]]);
    assert_eq!(
        world.conflict(client),
        (EventKind::Conflict, json!(["update", "manual", fields])),
        "n wasn't sent: somebody else has changed it"
    );
    assert_eq!(world.get(client, "events", 1, "name"), "newer");
    assert!(world.resolve(client, 1, Side::Mine, &[]));
    end(&mut world, client);
}

#[test]
fn what_is_on_the_wire_clashes_too() {
    for (strategy, at_last) in [("client-wins", "mine"), ("server-wins", "theirs")] {
        let (mut world, client) = edited(with(strategy));
        world.sync(client);
        world.push(client, &theirs());
        assert_eq!(
            world.get(client, "events", 1, "name"),
            at_last,
            "{strategy}"
        );
        assert_eq!(world.logged(client, "conflictResolved"), 1);
        world.settle();
        end(&mut world, client);
        let server = world.server.rows["events"].values().next().unwrap()["name"].clone();
        assert_eq!(server, at_last, "both sides agree");
    }
}

#[test]
fn a_record_that_the_server_removed_goes_or_comes_again_as_the_strategy_says() {
    for (strategy, stays) in [
        (None, false),
        (Some("server-wins"), false),
        (Some("client-wins"), true),
        (Some("merge"), true),
    ] {
        let config = strategy.map_or_else(|| json!({}), with);
        let mut world = World::calendar();
        let (client, other) = (world.loaded(config), world.loaded(json!({})));
        world.set(client, "events", 1, "name", "mine");
        world.remove(other, "events", 1);
        world.sync(other);
        world.settle();
        world.push(client, &json!({"events": {"removed": [{"id": 1}]}}));
        assert_eq!(world.count(client, "events"), if stays { 2 } else { 1 });
        let (event, told) = world.conflict(client);
        assert_eq!(event, EventKind::ConflictResolved);
        assert_eq!(told[0], "remoteRemove");
        world.sync(client);
        world.settle();
        let names: Vec<_> = world.server.rows["events"]
            .values()
            .map(|row| row["name"].clone())
            .collect();
        assert_eq!(names.contains(&json!("mine")), stays, "{strategy:?}");
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn by_hand_a_removed_record_is_kept_until_it_is_resolved() {
    for (record, left) in [(Side::Mine, 2), (Side::Theirs, 1)] {
        let mut world = World::calendar();
        let (client, other) = (world.loaded(with("manual")), world.loaded(json!({})));
        let row = world.find(client, "events", 1).unwrap();
        world.set(client, "events", 1, "name", "mine");
        world.remove(other, "events", 1);
        world.sync(other);
        world.settle();
        world.push(client, &json!({"events": {"removed": [{"id": 1}]}}));
        assert_eq!(world.count(client, "events"), 2);
        assert_eq!(world.conflict(client).0, EventKind::Conflict);
        world.sync(client);
        world.settle();
        assert!(world.is_dirty(client), "held back");
        let store = world.clients[client].stores["events"];
        let how = Resolution {
            record,
            theirs: &[],
            merged: &[],
        };
        world
            .feed(client, Input::ResolveConflict { store, row, how })
            .unwrap();
        assert_eq!(world.count(client, "events"), left);
        world.sync(client);
        world.settle();
        assert_eq!(world.server.rows["events"].len(), left);
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn a_removal_of_what_the_server_has_changed_is_a_conflict() {
    for (strategy, removed) in [
        ("client-wins", true),
        ("server-wins", false),
        ("merge", false),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(with(strategy));
        world.remove(client, "events", 1);
        world.push(client, &theirs());
        let (event, told) = world.conflict(client);
        assert_eq!(
            (event, &told[0]),
            (EventKind::ConflictResolved, &json!("localRemove"))
        );
        assert_eq!(world.find(client, "events", 1).is_none(), removed);
        if !removed {
            assert_eq!(world.get(client, "events", 1, "name"), "theirs");
            assert_eq!(
                world.count(client, "assignments"),
                1,
                "what went along is back"
            );
        }
        end(&mut world, client);
    }
    for side in [Side::Mine, Side::Theirs] {
        let mut world = World::calendar();
        let client = world.loaded(with("manual"));
        world.remove(client, "events", 1);
        world.push(client, &theirs());
        world.sync(client);
        world.settle();
        assert!(world.is_dirty(client), "held back");
        assert!(world.resolve(client, 1, side, &[]));
        let back = world.find(client, "events", 1).is_some();
        assert_eq!(back, side == Side::Theirs);
        end(&mut world, client);
    }
}

#[test]
fn an_unseen_edit_clashes_like_any_other() {
    let mut world = World::calendar();
    let client = world.loaded(with("server-wins"));
    let call = world.update_unseen(client, 1, &json!({"name": "mine"}));
    world.push(client, &theirs());
    assert_eq!(world.get(client, "events", 1, "name"), "theirs");
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Conflict)));
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_store_can_have_its_own_strategy() {
    let mut world = World::calendar();
    let client = world.client(with("manual"));
    world.add_store(
        client,
        json!({"id": "nodes", "conflictResolution": "server-wins", "fields": [{"name": "name"}]}),
    );
    world.push(
        client,
        &json!({"nodes": {"added": [{"id": 1, "name": "a"}]}}),
    );
    world.set(client, "nodes", 1, "name", "mine");
    world.push(
        client,
        &json!({"nodes": {"updated": [{"id": 1, "name": "theirs"}]}}),
    );
    assert_eq!(world.get(client, "nodes", 1, "name"), "theirs");
    let wrong = syncline::engine::config::parse::<syncline::engine::config::StoreConfig>(
        br#"{"id":"x","conflictResolution":"mine"}"#,
    );
    assert_eq!(wrong.unwrap_err().code, ErrorCode::InvalidConfig);
}

/// The answer of a server that refuses as a whole and says what it has.
fn refused(conflicts: &Value) -> Fate {
    let body = json!({"success": false, "code": "CONFLICT", "message": "somebody was faster", "revision": 9,
        "rolledBack": true, "conflicts": conflicts,
        "events": {"rows": [{"id": 1, "success": false, "error": "changed", "code": "CONFLICT"}]}});
    Fate::Reply(409, body.to_string())
}

#[test]
fn a_409_is_answered_by_a_load_that_finds_the_conflicts_and_by_another_sync() {
    for (strategy, name) in [("client-wins", "mine"), ("server-wins", "theirs")] {
        let mut world = World::calendar();
        let (client, other) = (world.loaded(with(strategy)), world.loaded(json!({})));
        world.set(other, "events", 1, "name", "theirs");
        world.sync(other);
        world.settle();
        let update = world.update(client, 1, &json!({"name": "mine"}));
        world.set(client, "events", 1, "n", 8);
        world.fates.push_back(refused(&json!([])));
        let call = world.sync(client);
        world.settle();
        assert_eq!(world.outcome(client, call), Some(Ok(true)), "{strategy}");
        assert_eq!(world.logged(client, "http load"), 1);
        assert_eq!(world.logged(client, "http sync"), 2);
        let won = world.outcome(client, update) == Some(Ok(false));
        assert_eq!(won, strategy == "client-wins");
        assert_eq!(world.get(client, "events", 1, "name"), name);
        let row = world.server.rows["events"].values().next().unwrap();
        assert_eq!((&row["name"], &row["n"]), (&json!(name), &json!(8)));
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn a_409_without_a_way_to_load_is_answered_by_what_it_says_and_it_never_loops() {
    let mut world = World::calendar();
    let client = world.loaded(
        json!({"conflictResolution": "manual", "maxConflictRetries": 2, "retry": {"max": 0}}),
    );
    let manager = world.clients[client].manager;
    let patch = syncline::engine::config::parse(
        br#"{"conflictResolution":"manual","maxConflictRetries":2,"retry":{"max":0},"transport":{"sync":{"url":"/sync"}}}"#,
    );
    world
        .feed(client, Input::Configure(manager, Box::new(patch.unwrap())))
        .unwrap();
    world.set(client, "events", 1, "name", "mine");
    world.set(client, "events", 2, "name", "other");
    let server = json!([{"store": "events", "id": 1, "fields": ["name"],
        "server": {"id": 1, "name": "theirs", "n": 6}}]);
    world.fates.push_back(refused(&server));
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 2, "name": "other"}]}}),
        "what is in conflict stays here"
    );
    assert_eq!(world.conflict(client).0, EventKind::Conflict);
    assert_eq!(world.get(client, "events", 1, "n"), 6);
    assert!(world.resolve(client, 1, Side::Mine, &[]));
    for _ in 0..5 {
        world.fates.push_back(refused(&server));
    }
    let before = world.clients[client].requests;
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Conflict)));
    assert_eq!(world.clients[client].requests - before, 3, "bounded");
    world.fates.clear();
    world.reject_all(client);
    world.check_end();
}

#[test]
fn a_strategy_that_is_set_later_counts_from_then_on() {
    let (mut world, client) = edited(json!({}));
    let manager = world.clients[client].manager;
    let refusal = Fate::Reply(409, json!({"success": false}).to_string());
    world.fates.push_back(refusal.clone());
    let call = world.sync(client);
    world.settle();
    assert_eq!(
        world.outcome(client, call),
        Some(Err(ErrorCode::Conflict)),
        "without one, the app has to do something"
    );
    let config = json!({"conflictResolution": "server-wins",
        "transport": {"load": {"url": "/load"}, "sync": {"url": "/sync"}}});
    let patch = syncline::engine::config::parse(config.to_string().as_bytes());
    let configure = Input::Configure(manager, Box::new(patch.unwrap()));
    world.feed(client, configure).unwrap();
    let theirs = world.server.rows.get_mut("events").unwrap();
    let theirs = theirs.get_mut(&1).unwrap();
    theirs.insert("name".into(), json!("theirs"));
    world.fates.push_back(refusal);
    let call = world.sync(client);
    world.settle();
    assert_eq!(
        world.outcome(client, call),
        Some(Ok(false)),
        "nothing is left"
    );
    assert_eq!(world.get(client, "events", 1, "name"), "theirs");
    end(&mut world, client);
}
