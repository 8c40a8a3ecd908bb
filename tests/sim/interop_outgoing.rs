//! Servers in the wild, 15 to 18: what goes out to them, and how it compares with what comes back.

use serde_json::{Value, json};
use syncline::engine::Engine;
use syncline::engine::config::parse;
use syncline::engine::effect::{Effect, HttpRequest};
use syncline::engine::event::EventKind;
use syncline::engine::input::{Input, Reply};
use syncline::engine::schema::Zone;
use syncline::engine::time::Millis;

use crate::interop::{column, header, sync_meets, with_store};
use crate::world::World;

/// Two hours before UTC's clocks, always.
fn in_zone(world: &mut World, client: usize) {
    let zone = Zone {
        transitions: vec![(f64::NEG_INFINITY, 7_200_000.0)],
    };
    world.feed(client, Input::SetZone(zone)).unwrap();
}

fn tasks(all: Option<bool>) -> Value {
    let mut store = json!({"id": "tasks", "fields": [
        {"name": "name", "dataSource": "Title"},
        {"name": "x", "dataSource": "pos.x"}, {"name": "y", "dataSource": "pos.y"},
        {"name": "computed", "persist": false}, {"name": "version", "alwaysWrite": true},
        {"name": "note"}]});
    if let Some(all) = all {
        store["writeAllFields"] = all.into();
    }
    store
}

#[test]
fn interop_15_an_update_carries_what_changed_or_everything_as_each_store_wants() {
    let short = json!({"id": 1, "Title": "b", "version": 3});
    let whole = json!({"id": 1, "Title": "b", "version": 3, "pos": {"x": 1, "y": 2}, "note": null});
    for (manager, store, expected) in [
        (false, None, &short),
        (true, None, &whole),
        (true, Some(false), &short),
        (false, Some(true), &whole),
    ] {
        let mut world = World::calendar();
        let client = with_store(
            &mut world,
            json!({"writeAllFields": manager}),
            tasks(store),
            json!([{"id": 1, "Title": "a", "pos": {"x": 1, "y": 2}, "computed": 5, "version": 3,
                "note": null}]),
        );
        world.set(client, "tasks", 1, "name", "b");
        world.set(client, "tasks", 1, "computed", 6);
        assert_eq!(world.changes(client)["tasks"]["updated"], json!([expected]));
        assert_eq!(sync_meets(&mut world, client, 200, json!({})), Ok(true));
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_15_an_addition_carries_what_was_set_and_nothing_that_is_computed() {
    let mut world = World::calendar();
    let client = with_store(&mut world, json!({}), tasks(None), json!([]));
    let new = json!({"Title": "a", "pos": {"y": 4}, "computed": 5});
    let row = world.add(client, "tasks", new);
    let phantom = world.get_row(client, "tasks", row, "id");
    assert_eq!(
        world.changes(client)["tasks"]["added"],
        json!([{"$PhantomId": phantom, "Title": "a", "pos": {"y": 4}, "version": null}])
    );
    world.check_end();
}

#[test]
fn interop_15_what_is_only_computed_is_never_sent() {
    let mut world = World::calendar();
    let client = with_store(
        &mut world,
        crate::interop::auto(),
        tasks(None),
        json!([{"id": 1, "computed": 5}]),
    );
    world.set(client, "tasks", 1, "computed", 6);
    world.settle();
    assert_eq!(world.clients[client].requests, 0);
    assert_eq!(world.get(client, "tasks", 1, "computed"), 6);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_16_a_date_goes_out_in_its_fields_format() {
    for (format, written) in [
        (None, "2026-03-01T10:00:00+02:00"),
        (Some("utc"), "2026-03-01T08:00:00.000Z"),
        (Some("YYYY-MM-DD HH:mm:ss"), "2026-03-01 10:00:00"),
        (Some("date"), "2026-03-01"),
        (Some("YYYY-MM-DD"), "2026-03-01"),
        (Some("DD.MM.YYYY"), "01.03.2026"),
    ] {
        let mut world = World::calendar();
        let mut store = json!({"id": "tasks", "fields": [{"name": "start", "type": "date"}]});
        if let Some(format) = format {
            store["fields"][0]["format"] = format.into();
        }
        let client = with_store(&mut world, json!({}), store, json!([{"id": 1}]));
        in_zone(&mut world, client);
        let start = 1_772_352_000_000_u64; // 2026-03-01T08:00Z
        world.set(client, "tasks", 1, "start", start);
        assert_eq!(
            world.changes(client)["tasks"]["updated"],
            json!([{"id": 1, "start": written}])
        );
        // The same in the answer is no change, and reads as the same instant (or day).
        let body = json!({"tasks": {"rows": [{"id": 1, "start": written}]}});
        assert_eq!(sync_meets(&mut world, client, 200, body), Ok(true));
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

#[test]
fn interop_16_a_plain_date_never_shifts_whatever_stands_behind_it() {
    for text in [
        "2026-03-01",
        "2026-03-01T00:00:00Z",
        "2026-03-01T23:59:59.999Z",
        "2026-03-01T00:00:00-11:00",
        "2026-03-01 22:30:00+14:00",
    ] {
        let mut world = World::calendar();
        let store = json!({"id": "tasks", "fields": [
            {"name": "day", "type": "date", "format": "date"}, {"name": "n"}]});
        let client = world.client(json!({}));
        in_zone(&mut world, client);
        world.add_store(client, store);
        let body = json!({"tasks": [{"id": 1, "day": text}]});
        assert_eq!(
            crate::interop::load_meets(&mut world, client, 200, body),
            Ok(true)
        );
        let midnight = 1_772_323_200_000_u64 - 7_200_000;
        assert_eq!(world.get(client, "tasks", 1, "day"), midnight, "{text}");
        world.set(client, "tasks", 1, "day", midnight + 86_400_000);
        assert_eq!(
            world.changes(client)["tasks"]["updated"],
            json!([{"id": 1, "day": "2026-03-02"}])
        );
    }
}

#[test]
fn interop_16_dates_are_read_however_they_are_written() {
    let noon = 1_772_359_200_000_u64; // 2026-03-01T10:00Z, 12:00 on the clocks of the zone
    for (text, ms) in [
        ("2026-03-01T10:00:00Z", noon),
        ("2026-03-01 10:00:00Z", noon),
        ("2026-03-01T12:00:00+02:00", noon),
        ("2026-03-01T12:00:00+0200", noon),
        ("2026-03-01T12:00:00", noon),
        ("2026-03-01 12:00:00", noon),
        ("2026-03-01T12:00", noon),
        ("2026-03-01T12:00:00.5", noon + 500),
        ("2026-03-01T12:00:00.500", noon + 500),
        ("2026-03-01T12:00:00.500000", noon + 500),
        ("2026-03-01", noon - 12 * 3_600_000),
    ] {
        let mut world = World::calendar();
        let client = world.client(json!({}));
        in_zone(&mut world, client);
        let fields = json!([{"name": "start", "type": "date"}]);
        world.add_store(client, json!({"id": "tasks", "fields": fields}));
        let body = json!({"tasks": [{"id": 1, "start": text}]});
        assert_eq!(
            crate::interop::load_meets(&mut world, client, 200, body),
            Ok(true)
        );
        assert_eq!(world.get(client, "tasks", 1, "start"), ms, "{text}");
        assert!(!world.is_dirty(client));
    }
}

#[test]
fn interop_16_null_and_nonsense_are_no_dates_and_come_to_no_harm() {
    let mut world = World::calendar();
    let fields = json!([{"name": "start", "type": "date"}, {"name": "n"}]);
    let client = with_store(
        &mut world,
        json!({"writeAllFields": true}),
        json!({"id": "tasks", "fields": fields, "interval": ["start", "start"]}),
        json!([{"id": 1, "start": null}, {"id": 2, "start": "soon"}, {"id": 3, "start": ""},
            {"id": 4, "start": "2026-13-45T99:00:00Z"}, {"id": 5, "start": true}]),
    );
    assert_eq!(world.count(client, "tasks"), 5);
    assert!(!world.is_dirty(client));
    // What the server holds goes back to it as it came, where it has to.
    world.set(client, "tasks", 2, "n", 1);
    assert_eq!(
        world.changes(client)["tasks"]["updated"],
        json!([{"id": 2, "start": "soon", "n": 1}])
    );
    world.check_end();
}

fn kinds() -> Value {
    json!({"id": "tasks", "fields": [
        {"name": "text", "type": "string"}, {"name": "number", "type": "number"},
        {"name": "whole", "type": "integer"}, {"name": "flag", "type": "boolean"},
        {"name": "start", "type": "date", "format": "utc"}, {"name": "list", "type": "array"}]})
}

#[test]
fn interop_17_a_whole_row_that_is_echoed_as_servers_do_makes_nothing_dirty() {
    for echo in [
        json!({"text": "b", "number": 1.5, "whole": 2, "flag": true, "list": [1]}),
        json!({"text": " b ", "number": "1.5", "whole": "2", "flag": 1, "list": null}),
        json!({"text": null, "number": 2, "whole": 2.2, "flag": "1", "list": [ 1 ]}),
        json!({"flag": "true", "start": "2026-03-01 08:00:00.000000Z", "whole": null}),
    ] {
        let mut world = World::calendar();
        let client = with_store(
            &mut world,
            crate::interop::auto(),
            kinds(),
            json!([{"id": 1, "text": "a", "number": 1.5, "whole": 2, "flag": false,
                "start": "2026-03-01T08:00:00Z", "list": [1]}]),
        );
        world.set(client, "tasks", 1, "text", "b");
        world.set(client, "tasks", 1, "flag", true);
        let mut row = echo.clone();
        row["id"] = "1".into();
        crate::interop::answer(
            &mut world,
            200,
            json!({"success": true, "tasks": {"rows": [row]}}),
        );
        world.settle();
        assert!(!world.is_dirty(client), "{echo}");
        assert_eq!(world.clients[client].requests, 1, "{echo}");
        if let Some(text) = echo.get("text") {
            assert_eq!(world.get(client, "tasks", 1, "text"), *text);
        }
        assert_eq!(column(&world, client, "tasks", "flag"), [true]);
        world.check_end();
    }
}

#[test]
fn interop_17_the_same_value_in_another_dress_is_no_edit() {
    let mut world = World::calendar();
    let client = with_store(
        &mut world,
        json!({}),
        kinds(),
        json!([{"id": 1, "text": 5, "number": "1.50", "whole": "2", "flag": "1",
            "start": "2026-03-01T08:00:00+00:00"}]),
    );
    for (field, value) in [
        ("text", json!("5")),
        ("number", json!(1.5)),
        ("whole", json!(2)),
        ("flag", json!(true)),
        ("flag", json!(1)),
        ("start", json!("2026-03-01T09:00:00+01:00")),
    ] {
        assert!(
            !world.set(client, "tasks", 1, field, value.clone()),
            "{field} {value}"
        );
    }
    assert_eq!(world.changes(client), Value::Null);
    world.check_end();
}

#[test]
fn interop_18_a_request_can_be_given_a_fresh_token_each_time_it_goes_out() {
    // How hosts ask functions for headers and parameters: the engine waits with every request, a
    // repetition too.
    let mut engine = Engine::new(1);
    let config = br#"{"transport":{"sync":{"url":"/sync","headers":{"X-Fixed":"f"}}},
        "retry":{"jitter":0},"forceSync":true}"#;
    let mut now = Millis(0);
    let created = engine.handle(Input::CreateManager(parse(config).unwrap()), now);
    let Ok(Reply::Manager(manager)) = created else {
        panic!("no manager")
    };
    let mask = EventKind::BeforeSend.bit();
    engine.handle(Input::Listen(manager, mask), now).unwrap();
    engine
        .handle(
            Input::Sync {
                manager,
                call: None,
            },
            now,
        )
        .unwrap();
    let mut sent: Vec<HttpRequest> = Vec::new();
    while sent.len() < 3 {
        match engine.poll_effect() {
            Some(Effect::Ask {
                ask,
                http: Some(mut http),
                ..
            }) => {
                http.headers
                    .push(("X-Token".into(), format!("t{}", sent.len())));
                let answer = Input::Answer {
                    ask,
                    proceed: true,
                    content: None,
                    request: Some(http),
                };
                engine.handle(answer, now).unwrap();
            }
            Some(Effect::Http { request, http, .. }) => {
                sent.push(*http);
                engine
                    .handle(Input::HttpFailed(request, "gone"), now)
                    .unwrap();
            }
            Some(_) => {}
            None => {
                now = engine.poll_timeout().expect("another attempt");
                engine.handle(Input::Timeout, now).unwrap();
            }
        }
    }
    let tokens: Vec<_> = sent
        .iter()
        .map(|http| header(http, "X-Token").unwrap())
        .collect();
    assert_eq!(tokens, ["t0", "t1", "t2"]);
    assert!(sent.iter().all(|http| header(http, "X-Fixed") == Some("f")));
    assert!(
        sent.iter().all(|http| http.body == sent[0].body),
        "the same package each time"
    );
}
