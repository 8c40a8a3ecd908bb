//! Answers that aren't what they should be, calls that can't be right: each has one defined
//! outcome, and nothing is lost.

use serde_json::{Value, json};
use syncline::engine::Engine;
use syncline::engine::config::parse;
use syncline::engine::error::ErrorCode;
use syncline::engine::input::{
    AskId, CallId, Input, ManagerId, Place, Reply, RequestId, Scope, StoreId,
};
use syncline::engine::time::Millis;
use syncline::engine::value;

use crate::network::Fate;
use crate::world::World;

fn code(world: &mut World, client: usize, input: Input<'_>) -> ErrorCode {
    world.feed(client, input).expect_err("an error").code
}

#[test]
fn answers_that_cannot_be_read_fail_a_load_and_leave_the_data() {
    let deep = format!("{{\"events\":{{\"rows\":[{}", "[".repeat(200_000));
    for (body, expected) in [
        ("<!doctype html><title>Login</title>", "Login"),
        ("", "is empty"),
        (
            r#"{"success":true,"events":{"rows":[{"id":7,"name":"ha"#,
            "can't be read",
        ),
        ("[1,2,3]", "can't be read"),
        ("{\"success\":true} trailing", "can't be read"),
        (deep.as_str(), "can't be read"),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        world.set(client, "events", 1, "name", "mine");
        world.fates.push_back(Fate::Reply(200, body.into()));
        let call = world.load(client);
        world.settle();
        assert_eq!(
            world.outcome(client, call),
            Some(Err(ErrorCode::BadResponse)),
            "{body:.40}"
        );
        let error = world.clients[client].settled[&call].as_ref().unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert_eq!(world.count(client, "events"), 2);
        assert_eq!(world.get(client, "events", 1, "name"), "mine");
        assert_eq!(world.logged(client, "loadFail BAD_RESPONSE"), 1);
        world.check_end();
    }
}

#[test]
fn odd_rows_are_passed_over_with_a_warning() {
    let mut world = World::calendar();
    let client = world.client(json!({}));
    let body = r#"{"success":true,"unknown":{"rows":[{"id":1}]},"events":{"rows":[
        1, null, "x", [], {"id":1,"name":"first"}, {"id":1,"name":"again"}, {"id":null,"name":"nameless"},
        {"id":2,"name":"two","__proto__":{"polluted":true},"constructor":1}, {"id":"3","start":"nonsense"}]}}"#;
    world.fates.push_back(Fate::Reply(200, body.into()));
    let call = world.load(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.count(client, "events"), 4);
    assert_eq!(world.get(client, "events", 1, "name"), "again");
    assert_eq!(
        world.get(client, "events", 2, "__proto__"),
        json!({"polluted": true})
    );
    assert!(!world.clients[client].warnings.is_empty());
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn an_answer_in_pieces_is_applied_at_its_end_and_a_broken_piece_forgets_those_before() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let manager = world.clients[client].manager;
    let body =
        "{\"success\":true,\"events\":{\"rows\":[{\"id\":7,\"name\":\"Überfahrt\"},{\"id\":8}]}}";
    for cut in 1..body.len() {
        let (first, rest) = body.as_bytes().split_at(cut);
        world
            .feed(client, Input::ApplyPiece(manager, first))
            .unwrap();
        world
            .feed(client, Input::ApplyResponse(manager, rest))
            .unwrap();
        assert_eq!(world.count(client, "events"), 2);
        assert_eq!(world.get(client, "events", 7, "name"), "Überfahrt");
    }
    world
        .feed(
            client,
            Input::ApplyPiece(manager, b"{\"events\":[{\"id\":9}"),
        )
        .unwrap();
    assert_eq!(world.count(client, "events"), 2);
    let broken = Input::ApplyPiece(manager, b"nonsense");
    assert_eq!(code(&mut world, client, broken), ErrorCode::BadResponse);
    world
        .feed(client, Input::ApplyResponse(manager, body.as_bytes()))
        .unwrap();
    assert_eq!(world.count(client, "events"), 2);
    world.check_end();
}

#[test]
fn ten_megabytes_of_nesting_are_refused_quickly() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let manager = world.clients[client].manager;
    for open in ["[", "{\"a\":"] {
        let body = format!(
            "{{\"events\":{{\"rows\":[{{\"id\":1,\"x\":{}",
            open.repeat(2_000_000)
        );
        let input = Input::ApplyResponse(manager, body.as_bytes());
        assert_eq!(code(&mut world, client, input), ErrorCode::BadResponse);
    }
    assert_eq!(world.count(client, "events"), 2);
    world.check_end();
}

#[test]
fn what_is_answered_after_a_destroy_or_by_a_stranger_finds_nobody() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "a");
    world.sync(client);
    world.run(25);
    let manager = world.clients[client].manager;
    world.feed(client, Input::DestroyManager(manager)).unwrap();
    for request in [RequestId(0), RequestId(2), RequestId(77)] {
        world.feed(client, Input::HttpHead(request, 200)).unwrap();
        world
            .feed(client, Input::HttpChunk(request, b"{}"))
            .unwrap();
        world.feed(client, Input::HttpEnd(request)).unwrap();
        world.feed(client, Input::HttpFailed(request, "x")).unwrap();
    }
    let ask = AskId(9);
    world
        .feed(
            client,
            Input::Answer {
                ask,
                proceed: true,
                content: None,
                request: None,
            },
        )
        .unwrap();
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "a");
    world.check_end();
}

#[test]
fn everything_of_a_destroyed_manager_or_store_is_an_error() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let manager = world.clients[client].manager;
    let store = world.clients[client].stores["events"];
    let row = world.find(client, "events", 1).unwrap();
    world.feed(client, Input::DestroyStore(store)).unwrap();
    world.clients[client].stores.remove("events");
    let field = syncline::engine::schema::FieldIx(1);
    let set = Input::Set {
        store,
        row,
        field,
        value: value::Value::Null,
    };
    assert_eq!(code(&mut world, client, set), ErrorCode::Destroyed);
    let add = Input::Add {
        store,
        rows: b"[]",
        place: Place::End,
    };
    for input in [
        add,
        Input::DestroyStore(store),
        Input::EnsureField(store, "x"),
        Input::Remove(store, &[row]),
        Input::RemoveAll(store),
        Input::Move(store, &[row], 0),
        Input::LoadData(store, b"[]"),
        Input::BeginBatch(store),
        Input::EndBatch(store),
        Input::Accept(Scope::Store(store)),
        Input::Reject(Scope::Record(store, row)),
        Input::ListenStore(store, 1),
        Input::AddStore(manager, store, None),
        Input::AddStore(manager, StoreId(900), None),
    ] {
        assert_eq!(code(&mut world, client, input), ErrorCode::Destroyed);
    }
    world.load(client);
    world.settle();
    assert_eq!(world.count(client, "resources"), 2, "the others go on");
    world.feed(client, Input::DestroyManager(manager)).unwrap();
    for id in [manager, ManagerId(900)] {
        for input in [
            Input::Load {
                manager: id,
                call: Some(CallId(50)),
                options: None,
            },
            Input::Sync {
                manager: id,
                call: None,
            },
            Input::Listen(id, 1),
            Input::DestroyManager(id),
            Input::Configure(id, Box::default()),
            Input::Cancel(id, Some(CallId(1))),
            Input::ApplyResponse(id, b"{}"),
            Input::ApplyChangeset(id, b"{}"),
            Input::SuspendAutoSync(id),
            Input::ResumeAutoSync {
                manager: id,
                sync: true,
            },
            Input::Accept(Scope::Manager(id)),
        ] {
            assert_eq!(code(&mut world, client, input), ErrorCode::Destroyed);
        }
    }
    world.check_end();
}

#[test]
fn calls_that_make_no_sense_are_refused_and_change_nothing() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let manager = world.clients[client].manager;
    let events = world.clients[client].stores["events"];
    let resources = world.clients[client].stores["resources"];
    let foreign = world.find(client, "resources", 1).unwrap();
    let bad = ErrorCode::InvalidArgument;
    for (input, expected) in [
        (
            Input::Add {
                store: events,
                rows: b"{\"a\":",
                place: Place::End,
            },
            bad,
        ),
        (
            Input::Add {
                store: events,
                rows: b"[{\"id\":5},7]",
                place: Place::End,
            },
            bad,
        ),
        (
            Input::Add {
                store: events,
                rows: b"[{\"id\":1}]",
                place: Place::End,
            },
            ErrorCode::DuplicateId,
        ),
        (Input::LoadData(events, b"<html>"), bad),
        (Input::Remove(events, &[foreign]), ErrorCode::ForeignRecord),
        (Input::AddStore(manager, resources, None), bad),
        (
            Input::Load {
                manager,
                call: None,
                options: Some(b"[]"),
            },
            bad,
        ),
        (Input::Cancel(manager, Some(CallId(99))), bad),
        (
            Input::RemoveStore(manager, StoreId(77)),
            ErrorCode::UnknownStore,
        ),
        (
            Input::ApplyResponse(manager, b"{\"success\":false,\"message\":\"no\"}"),
            ErrorCode::Refused,
        ),
        (
            Input::ApplyResponse(manager, b"nonsense"),
            ErrorCode::BadResponse,
        ),
        (
            Input::ApplyChangeset(manager, b"[]"),
            ErrorCode::BadResponse,
        ),
    ] {
        assert_eq!(code(&mut world, client, input), expected);
    }
    assert_eq!(world.count(client, "events"), 2);
    assert!(!world.is_dirty(client));
    assert_eq!(world.log(client), Vec::<&str>::new());
    let first = world.load(client);
    let again = Input::Sync {
        manager,
        call: Some(first),
    };
    assert_eq!(
        code(&mut world, client, again),
        bad,
        "a number of a call that waits"
    );
    world.settle();
    world.check_end();
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let mut engine = Engine::new(1);
    for config in [
        json!({"autoSyncTimeout": -1}),
        json!({"transport": {"sync": {"timeout": -1}}}),
        json!({"transport": {"load": {"url": "http://:80"}}}),
    ] {
        let config = parse(config.to_string().as_bytes()).unwrap();
        let error = engine
            .handle(Input::CreateManager(Box::new(config)), Millis(0))
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidConfig);
    }
    for config in [
        json!({"id": ""}),
        json!({"id": "a", "fields": [{"name": "d"}, {"name": "d"}]}),
    ] {
        let config = parse(config.to_string().as_bytes()).unwrap();
        let error = engine
            .handle(Input::CreateStore(Box::new(config)), Millis(0))
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidConfig);
    }
    let manager = parse(b"{}").unwrap();
    let Ok(Reply::Manager(manager)) = engine.handle(Input::CreateManager(manager), Millis(0))
    else {
        panic!("no manager")
    };
    for (name, expected) in [
        ("a", None),
        ("a", Some(ErrorCode::InvalidConfig)),
        ("type", Some(ErrorCode::InvalidConfig)),
    ] {
        let config = parse(json!({"id": name}).to_string().as_bytes()).unwrap();
        let Ok(Reply::Store(store)) = engine.handle(Input::CreateStore(config), Millis(0)) else {
            panic!("no store")
        };
        let reply = engine.handle(Input::AddStore(manager, store, None), Millis(0));
        assert_eq!(reply.err().map(|error| error.code), expected, "{name}");
    }
    assert_eq!(engine.poll_timeout(), None);
}

#[test]
fn a_sequence_that_names_an_unknown_store_is_a_warning() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"syncApplySequence": ["assignments", "nonsense"]}));
    assert_eq!(world.clients[client].warnings.len(), 1);
    assert!(world.clients[client].warnings[0].contains("nonsense"));
}

#[test]
fn without_a_url_a_request_fails_and_nothing_is_lost() {
    let mut world = World::calendar();
    let client = world.client(json!({"transport": {"load": {"url": null}, "sync": {"url": null}}}));
    let call = world.load(client);
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::NoUrl)));
    world.add(client, "events", json!({"name": "new"}));
    let call = world.sync(client);
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::NoUrl)));
    assert!(world.is_dirty(client));
    world.settle();
    world.check_end();
}

#[test]
fn an_answer_to_another_request_is_a_warning() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let body = r#"{"success":true,"requestId":12345,"revision":{"odd":true}}"#;
    world.fates.push_back(Fate::Garble(200, body.into()));
    world.set(client, "events", 1, "name", "a");
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.clients[client].warnings.len(), 1);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn whatever_bytes_come_nothing_panics() {
    let mut rng = syncline::engine::rng::Rng::new(9);
    let whole = json!({"success": true, "requestId": 1, "revision": 2, "type": "load",
        "events": {"rows": [{"id": 1, "name": "a", "$PhantomId": "x", "children": [{"id": 5}]}],
            "removed": [{"id": 2}], "added": [{"id": 3}], "updated": [{"id": 1, "n": 1e300}]},
        "assignments": [{"id": 1, "eventId": "x"}]})
    .to_string();
    for _ in 0..300 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(3) {
                0 => bytes[at] = rng.below(256) as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, br#"{}[]",:0"#[rng.below(8) as usize]),
            }
        }
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        world.set(client, "events", 1, "name", "mine");
        let manager = world.clients[client].manager;
        drop(world.feed(client, Input::ApplyResponse(manager, &bytes)));
        drop(world.feed(client, Input::ApplyChangeset(manager, &bytes)));
        drop(world.feed(
            client,
            Input::Load {
                manager,
                call: None,
                options: Some(&bytes),
            },
        ));
        let store = world.clients[client].stores["events"];
        drop(world.feed(
            client,
            Input::Add {
                store,
                rows: &bytes,
                place: Place::End,
            },
        ));
        drop(world.feed(client, Input::LoadData(store, &bytes)));
        world.settle();
        assert!(world.changes(client) == Value::Null || world.is_dirty(client));
        world.check_end();
    }
}
