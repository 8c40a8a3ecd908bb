//! Servers in the wild, 1 to 8: what answers look like.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;

use crate::interop::{
    answer, changeset, column, header, last_error, load_meets, on_the_wire, patient, revision,
    sync_meets, with_store,
};
use crate::network::{Fate, Parcel, pack_of};
use crate::world::World;

const HTML: &str = "<!doctype html><title>Sorry</title>";
const WARNING: &str = "<br />\nWarning: undefined index in sync.php\n{\"success\":true}";

#[test]
fn interop_01_an_answer_that_is_no_json_fails_a_sync_and_keeps_the_changes() {
    for (status, body, code) in [
        (200, HTML, ErrorCode::BadResponse),
        (200, WARNING, ErrorCode::BadResponse),
        (200, "", ErrorCode::BadResponse),
        (404, HTML, ErrorCode::Http),
        (500, HTML, ErrorCode::Http),
        (502, WARNING, ErrorCode::Http),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(patient());
        world.set(client, "events", 1, "name", "mine");
        assert_eq!(sync_meets(&mut world, client, status, body), Err(code));
        let error = last_error(&world, client);
        assert_eq!(error.status, Some(status));
        let word = body.split(['<', '>']).find(|part| part.len() > 4);
        if let Some(word) = word {
            assert!(error.message.contains(word.trim()), "{error}");
        }
        assert_eq!(
            world.changes(client),
            json!({"events": {"updated": [{"id": 1, "name": "mine"}]}})
        );
        let call = world.sync(client);
        world.settle();
        assert_eq!(world.outcome(client, call), Some(Ok(true)));
        assert_eq!(world.server.row("events", 1).unwrap()["name"], "mine");
        world.check_end();
    }
}

#[test]
fn interop_01_an_answer_that_is_no_json_fails_a_load_and_leaves_the_data() {
    for body in [HTML, WARNING, ""] {
        let mut world = World::calendar();
        let client = world.loaded(patient());
        let outcome = load_meets(&mut world, client, 200, body);
        assert_eq!(outcome, Err(ErrorCode::BadResponse));
        assert_eq!(world.logged(client, "loadFail BAD_RESPONSE"), 1);
        assert_eq!(world.count(client, "events"), 2);
        world.check_end();
    }
}

#[test]
fn interop_01_json_is_known_by_its_content_whatever_stands_before_it() {
    // No input tells the engine of a content type: there is nothing else that it could judge by.
    for before in ["", "\u{feff}", " \r\n\t"] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let body = format!(
            "{before}{}",
            r#"{"success":true,"events":{"rows":[{"id":7}]}}"#
        );
        assert_eq!(load_meets(&mut world, client, 200, body), Ok(true));
        assert_eq!(column(&world, client, "events", "id"), [7]);
        world.check_end();
    }
}

#[test]
fn interop_02_no_content_is_a_success_that_has_nothing_to_say() {
    let mut world = World::calendar();
    let client = world.loaded(patient());
    world.set(client, "events", 1, "name", "edited");
    world.remove(client, "events", 2);
    assert_eq!(sync_meets(&mut world, client, 204, ""), Ok(true));
    assert!(!world.is_dirty(client));
    assert_eq!(world.get(client, "events", 1, "name"), "edited");
    // Of an addition it doesn't say the id.
    world.add(client, "events", json!({"name": "new"}));
    assert_eq!(sync_meets(&mut world, client, 204, ""), Ok(true));
    assert!(world.is_dirty(client));
    assert_eq!(world.clients[client].warnings.len(), 1);
    // A load without stores leaves them as they are.
    assert_eq!(load_meets(&mut world, client, 204, ""), Ok(true));
    assert_eq!(world.count(client, "events"), 2);
    world.check_end();
}

#[test]
fn interop_01_an_empty_answer_is_no_answer_and_the_error_says_so() {
    for body in ["", " \r\n"] {
        let mut world = World::calendar();
        let client = world.loaded(patient());
        world.set(client, "events", 1, "name", "edited");
        let outcome = sync_meets(&mut world, client, 200, body);
        assert_eq!(outcome, Err(ErrorCode::BadResponse));
        assert!(last_error(&world, client).message.contains("is empty"));
        assert!(world.is_dirty(client));
        let outcome = load_meets(&mut world, client, 200, body);
        assert_eq!(outcome, Err(ErrorCode::BadResponse));
        assert_eq!(world.get(client, "events", 1, "name"), "edited");
    }
}

#[test]
fn interop_02_a_2xx_that_does_not_say_otherwise_is_a_success_and_nothing_else_is() {
    let fails = |code| Err(code);
    for (status, body, outcome) in [
        (200, json!({}), Ok(true)),
        (201, json!({"events": {"rows": []}}), Ok(true)),
        (200, json!({"success": null}), Ok(true)),
        (200, json!({"success": 1}), Ok(true)),
        (200, json!({"success": "true"}), Ok(true)),
        (200, json!({"success": false}), fails(ErrorCode::Refused)),
        (200, json!({"success": 0}), fails(ErrorCode::Refused)),
        (200, json!({"success": "false"}), fails(ErrorCode::Refused)),
        (400, json!({"success": true}), fails(ErrorCode::Http)),
        (403, json!({}), fails(ErrorCode::Http)),
        (304, json!({}), fails(ErrorCode::Http)),
        (500, json!({"success": true}), fails(ErrorCode::Http)),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(patient());
        world.set(client, "events", 1, "name", "mine");
        let met = sync_meets(&mut world, client, status, &body);
        assert_eq!(met, outcome, "{status} {body}");
        assert_eq!(world.is_dirty(client), outcome.is_err(), "{status} {body}");
        world.check_end();
    }
}

#[test]
fn interop_02_success_can_be_made_a_duty() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"skipSuccessProperty": false}));
    world.set(client, "events", 1, "name", "mine");
    let met = sync_meets(&mut world, client, 200, json!({}));
    assert_eq!(met, Err(ErrorCode::Refused));
    let met = sync_meets(&mut world, client, 200, json!({"success": true}));
    assert_eq!(met, Ok(true));
    world.check_end();
}

#[test]
fn interop_03_nothing_of_a_failed_answer_is_applied() {
    for status in [200, 400, 409, 500] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"retry": {"max": 0}, "idempotentSync": true}));
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        let body = json!({"success": false, "revision": 99, "idempotent": true, "events": {
            "rows": [{"$PhantomId": phantom, "id": 77}, {"id": 2, "name": "changed"}],
            "removed": [{"id": 1}]}});
        assert!(sync_meets(&mut world, client, status, body).is_err());
        assert_eq!(world.get_row(client, "events", row, "id"), phantom);
        assert_eq!(world.get(client, "events", 2, "name"), "two");
        assert_eq!(world.count(client, "events"), 3);
        assert_eq!(revision(&world, client).as_deref(), Some("1"));
        let call = world.sync(client);
        world.settle();
        assert_eq!(world.outcome(client, call), Some(Ok(true)));
        let received = world.server.received.last().unwrap();
        assert_eq!(received["events"]["added"][0]["$PhantomId"], phantom);
        assert_eq!(received["revision"], 1);
        assert_eq!(world.server.count("events"), 3);
        world.check_end();
    }
}

#[test]
fn interop_03_a_failed_load_answer_leaves_the_data() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let body = json!({"success": false, "revision": 99, "events": {"rows": []}});
    let met = load_meets(&mut world, client, 200, body);
    assert_eq!(met, Err(ErrorCode::Refused));
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(revision(&world, client).as_deref(), Some("1"));
    world.check_end();
}

#[test]
fn interop_04_the_servers_words_reach_the_app_wherever_they_stand() {
    for (body, words) in [
        (
            json!({"message": "m", "error": "e", "detail": "d"}).to_string(),
            "m",
        ),
        (json!({"error": "e", "code": 17}).to_string(), "e"),
        (json!({"detail": "d", "code": "E_17"}).to_string(), "d"),
        (
            json!({"message": {"name": ["too long", "odd"], "start": ["late"]}}).to_string(),
            "name: too long, odd; start: late",
        ),
        (
            json!({"errors": {"name": ["too long"]}}).to_string(),
            "name: too long",
        ),
        ("no such calendar".to_owned(), "no such calendar"),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        world.set(client, "events", 1, "name", "mine");
        let met = sync_meets(&mut world, client, 400, &body);
        assert_eq!(met, Err(ErrorCode::Http), "{body}");
        assert_eq!(last_error(&world, client).message, words);
        world.check_end();
    }
}

#[test]
fn interop_04_a_conflict_is_known_by_status_or_code() {
    for (status, body, expected) in [
        (409, json!({}), ErrorCode::Conflict),
        (
            409,
            json!({"success": false, "code": 17}),
            ErrorCode::Conflict,
        ),
        (
            200,
            json!({"success": false, "code": 409}),
            ErrorCode::Conflict,
        ),
        (
            200,
            json!({"success": false, "code": "409"}),
            ErrorCode::Conflict,
        ),
        (
            400,
            json!({"success": false, "code": "CONFLICT"}),
            ErrorCode::Conflict,
        ),
        (
            200,
            json!({"success": false, "code": "STALE"}),
            ErrorCode::Refused,
        ),
        (422, json!({"success": false, "code": 1}), ErrorCode::Http),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        world.set(client, "events", 1, "name", "mine");
        let met = sync_meets(&mut world, client, status, &body);
        assert_eq!(met, Err(expected), "{status} {body}");
        assert!(world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_05_request_ids_are_whole_positive_and_never_used_twice() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"forceSync": true}));
    let other = world.loaded(json!({"forceSync": true}));
    for _ in 0..50 {
        for client in [client, other] {
            world.load(client);
            world.settle();
            world.sync(client);
            world.settle();
        }
    }
    let server = &world.server;
    let packs = server.loads.iter().chain(&server.received);
    let ids: Vec<u64> = packs
        .map(|pack| pack["requestId"].as_u64().unwrap())
        .collect();
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert!(ids.len() > 200 && distinct.len() == ids.len());
    assert!(ids.iter().all(|id| (1..1 << 53).contains(id)));
}

#[test]
fn interop_05_an_odd_request_id_in_the_answer_is_a_warning_at_most() {
    for odd in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let bodies = if odd {
            vec![
                json!({"requestId": 5}),
                json!({"requestId": "abc"}),
                json!({"requestId": [1]}),
            ]
        } else {
            vec![json!({"requestId": null}), json!({})]
        };
        for (at, body) in bodies.iter().enumerate() {
            world.set(client, "events", 1, "n", at as u64 + 100);
            assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
            assert!(!world.is_dirty(client));
        }
        let warnings = world.clients[client].warnings.len();
        assert_eq!(warnings, if odd { bodies.len() } else { 0 });
        world.check_end();
    }
}

#[test]
fn interop_05_the_same_request_id_as_text_is_the_same() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "mine");
    let call = world.sync(client);
    let id = pack_of(&on_the_wire(&world))["requestId"].to_string();
    for parcel in world.parcels.values_mut() {
        if let Parcel::Arrive { fate, .. } = parcel {
            *fate = Fate::Reply(200, json!({"success": true, "requestId": id}).to_string());
        }
    }
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.clients[client].warnings, Vec::<String>::new());
    world.check_end();
}

#[test]
fn interop_06_every_request_says_what_it_is_and_what_it_wants_back() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    world.load(client);
    let load = on_the_wire(&world);
    assert_eq!(load.method, "GET");
    assert_eq!(header(&load, "accept"), Some("application/json"));
    let pack = pack_of(&load);
    assert_eq!(pack["type"], "load");
    assert_eq!(
        pack["stores"],
        json!(["events", "resources", "assignments"])
    );
    assert!(pack["requestId"].is_u64());
    world.settle();
    world.set(client, "events", 1, "name", "mine");
    world.sync(client);
    let sync = on_the_wire(&world);
    assert_eq!(sync.method, "POST");
    assert_eq!(header(&sync, "accept"), Some("application/json"));
    assert_eq!(header(&sync, "content-type"), Some("application/json"));
    assert_eq!(pack_of(&sync)["type"], "sync");
    assert!(pack_of(&sync)["requestId"].is_u64());
    world.settle();
    world.check_end();
}

#[test]
fn interop_06_a_server_that_loses_the_package_is_found_out_by_the_ids_that_are_missing() {
    // It failed to parse the body, and says that all went well.
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.add(client, "events", json!({"name": "new"}));
    let met = sync_meets(&mut world, client, 200, json!({"success": true}));
    assert_eq!(met, Ok(true));
    assert_eq!(world.clients[client].warnings.len(), 1);
    assert!(world.is_dirty(client), "the addition is still to be sent");
    world.check_end();
}

#[test]
fn interop_07_whatever_a_section_looks_like_what_was_sent_is_confirmed() {
    for section in [
        None,
        Some(json!({})),
        Some(json!([])),
        Some(json!({"rows": []})),
        Some(json!({"rows": null})),
        Some(json!(null)),
        Some(json!({"removed": []})),
        Some(json!({"removed": [{"id": 2}]})),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        world.set(client, "events", 1, "name", "mine");
        let mut body = json!({"success": true, "debug": {"ms": 5}, "project": {"rows": [1]},
            "tasks": {"rows": [{"id": 1}]}});
        if let Some(section) = &section {
            body["events"] = section.clone();
        }
        let met = sync_meets(&mut world, client, 200, body);
        assert_eq!(met, Ok(true), "{section:?}");
        assert_eq!(world.get(client, "events", 1, "name"), "mine");
        assert!(!world.is_dirty(client), "{section:?}");
        let gone = section.is_some_and(|section| section["removed"][0]["id"] == 2);
        assert_eq!(world.count(client, "events"), if gone { 1 } else { 2 });
        world.check_end();
    }
}

#[test]
fn interop_07_added_and_updated_in_an_answer_are_rows_like_others_and_nothing_is_sent_for_them() {
    let mut world = World::calendar();
    let client = world.loaded(crate::interop::auto());
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    answer(
        &mut world,
        200,
        json!({"success": true, "events": {
            "added": [{"$PhantomId": phantom, "id": 70}],
            "updated": [{"id": 1, "name": "eins"}]}}),
    );
    world.settle();
    assert_eq!(column(&world, client, "events", "id"), [1, 2, 70]);
    assert_eq!(world.get(client, "events", 1, "name"), "eins");
    assert!(!world.is_dirty(client));
    assert_eq!(world.clients[client].requests, 1);
    world.check_end();
}

#[test]
fn interop_07_sections_of_a_load_that_have_no_rows_change_only_what_they_name() {
    for (section, left) in [
        (json!({}), vec![1, 2]),
        (json!({"removed": [{"id": 2}]}), vec![1]),
        (json!({"updated": [{"id": 2, "n": 5}]}), vec![1, 2]),
        (json!({"rows": []}), vec![]),
        (json!([]), vec![]),
        (json!([{"id": 8}]), vec![8]),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let body = json!({"success": true, "events": section});
        assert_eq!(load_meets(&mut world, client, 200, body), Ok(true));
        assert_eq!(column(&world, client, "events", "id"), left, "{section}");
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_08_a_store_that_a_load_answer_leaves_out_stays_as_it_is() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let body = json!({"success": true, "events": {"rows": [{"id": 9}]}});
    assert_eq!(load_meets(&mut world, client, 200, body), Ok(true));
    assert_eq!(column(&world, client, "events", "id"), [9]);
    assert_eq!(column(&world, client, "resources", "id"), [1, 2]);
    assert_eq!(world.count(client, "assignments"), 1);
    world.check_end();
}

#[test]
fn interop_08_method_parameter_name_url_and_what_is_asked_of_a_store_are_the_apps() {
    let mut world = World::calendar();
    let client = world.client(json!({"transport": {
        "load": {"url": "/api?tenant=3", "method": "POST", "params": {"lang": "de"}},
        "sync": {"url": "/api?tenant=3", "method": "PUT"}}}));
    let manager = world.clients[client].manager;
    let options = br#"{"request":{"params":{"page":2}},"events":{"from":"2026-03-01"}}"#;
    let load = syncline::engine::input::Input::Load {
        manager,
        call: None,
        options: Some(options),
    };
    world.feed(client, load).unwrap();
    let sent = on_the_wire(&world);
    assert_eq!(sent.method, "POST");
    assert_eq!(sent.url, "/api?tenant=3&lang=de&page=2");
    assert_eq!(header(&sent, "content-type"), Some("application/json"));
    let stores = &pack_of(&sent)["stores"];
    assert_eq!(stores[0], json!({"from": "2026-03-01", "id": "events"}));
    assert_eq!(stores[1], "resources");
    world.settle();
    world.set(client, "events", 1, "name", "mine");
    world.sync(client);
    let sent = on_the_wire(&world);
    assert_eq!(
        (sent.method.as_str(), sent.url.as_str()),
        ("PUT", "/api?tenant=3")
    );
    world.settle();

    let named = world.client(json!({"transport": {"load": {"paramName": "q"}}}));
    world.load(named);
    assert!(on_the_wire(&world).url.starts_with("/load?q=%7B%22type%22"));
    world.parcels.clear();
}

#[test]
fn interop_08_a_changeset_for_stores_that_are_not_here_is_passed_over() {
    let mut world = World::calendar();
    let client = with_store(
        &mut world,
        json!({}),
        json!({"id": "tasks", "fields": []}),
        json!({"rows": [{"id": 1}]}),
    );
    changeset(
        &mut world,
        client,
        json!({"nowhere": {"added": [{"id": 1}]}, "tasks": {}}),
    );
    assert_eq!(world.count(client, "tasks"), 1);
    assert_eq!(world.changes(client), Value::Null);
}
