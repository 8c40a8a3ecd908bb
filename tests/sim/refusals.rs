//! Records that the server refuses: they wait, the others go on, nothing loops.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::NoticeKind;
use syncline::engine::table::IdRef;

use crate::network::Fate;
use crate::world::World;

/// The answer of a server that does all of a package or nothing.
fn rolled_back(status: u16, rows: Value) -> Fate {
    let code = if status == 409 {
        "CONFLICT"
    } else {
        "VALIDATION"
    };
    let body = json!({"success": false, "code": code, "message": "refused", "rolledBack": true,
        "revision": 99, "events": {"rows": rows}});
    Fate::Reply(status, body.to_string())
}

fn bad(id: u64) -> Value {
    json!({"id": id, "success": false, "error": "no", "code": "VALIDATION"})
}

#[test]
fn the_others_go_out_at_once_without_the_refused_one() {
    for (status, code) in [(422, "HTTP"), (409, "CONFLICT")] {
        for auto in [true, false] {
            let mut world = World::calendar();
            let client = world.loaded(json!({"autoSync": auto, "autoSyncTimeout": 10}));
            world.fates.push_back(rolled_back(status, json!([bad(2)])));
            world.set(client, "events", 1, "name", "good");
            world.set(client, "events", 2, "name", "bad");
            let call = (!auto).then(|| world.sync(client));
            world.settle();
            assert_eq!(world.clients[client].requests, 2, "{status} {auto}");
            assert_eq!(world.logged(client, &format!("syncFail {code}")), 1);
            assert_eq!(world.logged(client, "recordSyncFail"), 1);
            if let Some(call) = call {
                assert!(matches!(world.outcome(client, call), Some(Err(_))));
            }
            assert_eq!(
                world.last_sync(),
                json!({"events": {"updated": [{"id": 1, "name": "good"}]}})
            );
            assert_eq!(world.get(client, "events", 2, "name"), "bad");
            assert!(world.is_dirty(client));
            world.check_end();
        }
    }
}

#[test]
fn a_call_of_sync_sends_the_refused_ones_too_and_never_loops() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "autoSyncTimeout": 10}));
    world.fates.push_back(rolled_back(422, json!([bad(2)])));
    world.set(client, "events", 2, "name", "bad");
    world.settle();
    assert_eq!(world.clients[client].requests, 1);
    for round in 2..5 {
        world.fates.push_back(rolled_back(422, json!([bad(2)])));
        let call = world.sync(client);
        world.settle();
        assert_eq!(world.clients[client].requests, round);
        assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Http)));
        assert_eq!(
            world.last_sync(),
            Value::default(),
            "the server itself was not reached"
        );
    }
    // Another record goes without it.
    world.set(client, "events", 1, "name", "good");
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "good"}]}})
    );
    world.sync(client);
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 2, "name": "bad"}]}})
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn each_round_leaves_out_what_the_last_one_refused() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let phantom = world.add(client, "events", json!({"name": "new"}));
    let id = world.get_row(client, "events", phantom, "id");
    world.set(client, "events", 1, "name", "worse");
    world.set(client, "events", 2, "name", "bad");
    world.fates.push_back(rolled_back(422, json!([bad(2)])));
    world.fates.push_back(rolled_back(422, json!([bad(1)])));
    world.fates.push_back(rolled_back(
        422,
        json!([{"$PhantomId": id, "success": false, "error": "no name"}]),
    ));
    world.sync(client);
    world.settle();
    assert_eq!(world.clients[client].requests, 3, "nothing is left to try");
    assert_eq!(world.logged(client, "recordSyncFail"), 3);
    assert_eq!(world.server.count("events"), 2);
    world.sync(client);
    world.settle();
    assert!(!world.is_dirty(client));
    assert_eq!(world.server.count("events"), 3);
    world.check_end();
}

#[test]
fn what_a_rolled_back_answer_says_beside_its_refusals_is_not_believed() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let rows = json!([
        {"id": 1, "success": true, "name": "theirs"},
        {"id": 77, "name": "unknown"},
        bad(2),
    ]);
    world.fates.push_back(rolled_back(422, rows));
    world.fates.push_back(Fate::Reply(404, String::new()));
    world.set(client, "events", 1, "name", "mine");
    world.set(client, "events", 2, "name", "bad");
    world.sync(client);
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert!(world.find(client, "events", 77).is_none());
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "mine"}, {"id": 2, "name": "bad"}]}})
    );
    world.check_end();
}

#[test]
fn a_conflict_that_names_nobody_keeps_all_edits_and_waits_for_the_next_one() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "autoSyncTimeout": 10}));
    let body = json!({"success": false, "code": "CONFLICT", "conflicts": [
        {"store": "events", "id": 1, "fields": ["name"], "server": {"id": 1, "name": "theirs"}}]});
    world.fates.push_back(Fate::Reply(409, body.to_string()));
    world.set(client, "events", 1, "name", "mine");
    world.settle();
    assert_eq!(world.clients[client].requests, 1);
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    world.set(client, "events", 2, "name", "other");
    world.settle();
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_removal_of_a_record_that_nobody_read_names_its_id() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "mine");
    let store = world.clients[client].stores["events"];
    let body = json!({"events": {"removed": [{"id": 2}]}}).to_string();
    world.fates.push_back(Fate::Garble(200, body));
    world.sync(client);
    // The host reads notices before anything else can change their texts.
    world.settle();
    let engine = &world.clients[client].engine;
    let table = engine.store(store).unwrap().table();
    let notices = world.clients[client].notices.iter();
    let gone: Vec<_> = notices
        .filter(|it| it.store == store && it.kind == NoticeKind::Remove)
        .collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(table.id_ref(gone[0].old), Some(IdRef::Number(2.0)));
}
