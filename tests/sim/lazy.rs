//! Parts of the data, loaded when they are wanted.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::input::{CallId, Input};

use crate::network::Fate;
use crate::world::World;

const DAY: u64 = 86_400_000;

fn days(from: u64, to: u64) -> Value {
    json!({"startDate": from * DAY, "endDate": to * DAY})
}

fn want(world: &mut World, client: usize, wanted: Value) -> CallId {
    let call = world.open(client);
    let manager = world.clients[client].manager;
    let wanted = wanted.to_string();
    let input = Input::LoadMissing {
        manager,
        call: Some(call),
        wanted: wanted.as_bytes(),
    };
    world.feed(client, input).unwrap();
    call
}

/// A client that asks for no more than what is wanted, with an answer for its next requests.
fn lazy(options: Value) -> (World, usize) {
    let mut world = World::calendar();
    let client = world.client(json!({"lazyLoad": options}));
    (world, client)
}

fn answers(world: &mut World, rows: Value) {
    let answer = json!({"events": {"data": {"rows": rows}}});
    world.fates.push_back(Fate::Reply(200, answer.to_string()));
}

/// What the requests so far asked for. The fates above keep them from the server, which notes only
/// those that it answers itself.
fn asked(world: &World) -> Vec<(Value, Value)> {
    let of = |pack: &Value| (pack["startDate"].clone(), pack["endDate"].clone());
    world.server.loads.iter().map(of).collect()
}

#[test]
fn only_what_is_missing_is_asked_for_and_once() {
    let (mut world, client) = lazy(json!({"buffer": 0}));
    let first = want(&mut world, client, days(10, 20));
    let same = want(&mut world, client, days(12, 18));
    let more = want(&mut world, client, days(15, 30));
    world.settle();
    let again = want(&mut world, client, days(10, 30));
    world.settle();
    let date = |day: u32| json!(format!("1970-01-{day:02}T00:00:00Z"));
    let text = |(from, to): &(Value, Value)| format!("{from} {to}").replace("+00:00", "Z");
    let wanted = [(date(11), date(21)), (date(21), date(31))];
    let found: Vec<_> = asked(&world).iter().map(text).collect();
    assert_eq!(found, wanted.iter().map(text).collect::<Vec<_>>());
    assert_eq!(world.outcome(client, first), Some(Ok(true)));
    assert_eq!(
        world.outcome(client, same),
        Some(Ok(false)),
        "it came with the first"
    );
    assert_eq!(world.outcome(client, more), Some(Ok(true)));
    assert_eq!(world.outcome(client, again), Some(Ok(false)), "it is there");
    world.check_end();
}

#[test]
fn rows_come_on_top_of_what_is_there_and_edits_stay() {
    let (mut world, client) = lazy(json!({"buffer": 0}));
    answers(&mut world, json!([{"id": 1, "name": "one", "n": 1}]));
    want(&mut world, client, days(1, 2));
    world.settle();
    world.set(client, "events", 1, "name", "mine");
    let new = world.add(client, "events", json!({"name": "new"}));
    answers(
        &mut world,
        json!([{"id": 1, "name": "theirs", "n": 5}, {"id": 2, "name": "two"}]),
    );
    want(&mut world, client, days(2, 3));
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert_eq!(world.get(client, "events", 1, "n"), 5);
    assert_eq!(world.get_row(client, "events", new, "name"), "new");
    assert_eq!(
        world.count(client, "events"),
        3,
        "nothing stands there twice"
    );
    world.check_end();
}

#[test]
fn what_lies_beside_is_asked_for_too() {
    let (mut world, client) = lazy(json!({}));
    want(&mut world, client, days(10, 20));
    world.settle();
    let (from, to) = &asked(&world)[0];
    assert!(from.as_str().unwrap().starts_with("1970-01-01"), "{from}");
    assert!(to.as_str().unwrap().starts_with("1970-01-31"), "{to}");
    want(&mut world, client, days(1, 29));
    world.settle();
    assert_eq!(asked(&world).len(), 1);
}

#[test]
fn interop_27_rows_are_asked_for_by_chunks_until_there_are_no_more() {
    let (mut world, client) = lazy(json!({"chunkSize": 2, "store": "resources"}));
    let answer = |rows: Value| Fate::Reply(200, json!({"resources": {"rows": rows}}).to_string());
    world.fates.push_back(answer(json!([{"id": 1}, {"id": 2}])));
    world.fates.push_back(answer(json!([{"id": 3}])));
    want(&mut world, client, json!({"startIndex": 0, "count": 1}));
    want(&mut world, client, json!({"startIndex": 3, "count": 1}));
    world.settle();
    let end = want(&mut world, client, json!({"startIndex": 4, "count": 100}));
    world.settle();
    assert_eq!(
        world.outcome(client, end),
        Some(Ok(false)),
        "a chunk that isn't full is the last"
    );
    assert_eq!(world.clients[client].requests, 2);
    assert_eq!(world.count(client, "resources"), 3);
    let pack = world.server.loads.len();
    assert_eq!(pack, 0);
    // Where a total says more, an empty chunk is no end.
    let (mut world, client) = lazy(json!({"chunkSize": 2}));
    let empty = json!({"resources": {"rows": [], "total": 9}}).to_string();
    world.fates.push_back(Fate::Reply(200, empty));
    want(&mut world, client, json!({"startIndex": 0, "count": 2}));
    let more = want(&mut world, client, json!({"startIndex": 2, "count": 2}));
    world.settle();
    assert_eq!(world.outcome(client, more), Some(Ok(true)));
    assert_eq!(world.server.loads[0]["startIndex"], 2);
    assert_eq!(world.server.loads[0]["count"], 2);
    world.check_end();
}

#[test]
fn children_of_a_record_are_asked_for_once() {
    let (mut world, client) = lazy(json!({}));
    for _ in 0..2 {
        want(&mut world, client, json!({"parentId": 7}));
        world.settle();
    }
    assert_eq!(world.server.loads.len(), 1);
    assert_eq!(world.server.loads[0]["parentId"], 7);
}

#[test]
fn a_load_brings_what_was_wanted_last_and_keeps_what_is_edited() {
    let (mut world, client) = lazy(json!({"buffer": 0, "chunkSize": 50}));
    want(&mut world, client, days(1, 2));
    world.settle();
    answers(&mut world, json!([{"id": 11, "name": "then"}]));
    want(&mut world, client, days(50, 60));
    world.settle();
    world.set(client, "events", 1, "name", "mine");
    answers(&mut world, json!([{"id": 11, "name": "now"}]));
    world.load(client);
    world.settle();
    assert_eq!(world.get(client, "events", 11, "name"), "now");
    assert_eq!(
        world.get(client, "events", 1, "name"),
        "mine",
        "an edit isn't lost"
    );
    assert!(
        world.find(client, "events", 2).is_none(),
        "what isn't edited is what the load says"
    );
    let again = want(&mut world, client, days(40, 50));
    world.settle();
    assert_eq!(world.outcome(client, again), Some(Ok(true)));
    world.check_end();
}

#[test]
fn the_first_load_is_of_the_first_chunk() {
    let (mut world, client) = lazy(json!({"chunkSize": 50}));
    world.load(client);
    world.settle();
    let pack = &world.server.loads[0];
    assert_eq!(
        (&pack["startIndex"], &pack["count"]),
        (&json!(0), &json!(50))
    );
    assert_eq!(world.count(client, "events"), 2);
    world.check_end();
}

#[test]
fn a_load_of_everything_does_not_take_away_what_somebody_waits_for() {
    let (mut world, client) = lazy(json!({"buffer": 0}));
    let call = want(&mut world, client, days(10, 20));
    world.run(1);
    let load = world.load(client);
    let other = want(&mut world, client, days(50, 60));
    world.settle();
    assert_eq!(world.outcome(client, load), Some(Ok(true)));
    assert_eq!(world.outcome(client, other), Some(Ok(true)));
    assert!(
        matches!(world.outcome(client, call), Some(Ok(_))),
        "{:?}",
        world.outcome(client, call)
    );
    world.check_end();
}

#[test]
fn a_part_that_fails_is_asked_for_again_when_it_is_wanted_again() {
    let (mut world, client) = lazy(json!({"buffer": 0}));
    world.fates.push_back(Fate::Reply(500, "oops".into()));
    let failed = want(&mut world, client, days(10, 20));
    world.settle();
    assert_eq!(world.outcome(client, failed), Some(Err(ErrorCode::Http)));
    let again = want(&mut world, client, days(10, 20));
    world.settle();
    assert_eq!(world.outcome(client, again), Some(Ok(true)));
    let manager = world.clients[client].manager;
    let cancelled = want(&mut world, client, days(30, 40));
    world
        .feed(client, Input::Cancel(manager, Some(cancelled)))
        .unwrap();
    let waiting = want(&mut world, client, days(60, 70));
    let second = want(&mut world, client, days(80, 90));
    world
        .feed(client, Input::Cancel(manager, Some(second)))
        .unwrap();
    world.settle();
    assert_eq!(
        world.outcome(client, cancelled),
        Some(Err(ErrorCode::Cancelled))
    );
    assert_eq!(
        world.outcome(client, second),
        Some(Err(ErrorCode::Cancelled))
    );
    assert_eq!(world.outcome(client, waiting), Some(Ok(true)));
    world.check_end();
}

#[test]
fn what_is_no_part_is_refused() {
    let (mut world, client) = lazy(json!({}));
    let manager = world.clients[client].manager;
    for bad in [
        "{}",
        "7",
        "{",
        r#"{"startDate":5,"endDate":5}"#,
        r#"{"startIndex":-1,"count":5}"#,
        r#"{"startIndex":0,"count":0}"#,
    ] {
        let input = Input::LoadMissing {
            manager,
            call: None,
            wanted: bad.as_bytes(),
        };
        let error = world.feed(client, input).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{bad}");
    }
    assert_eq!(world.clients[client].requests, 0);
}

#[test]
fn a_part_does_not_say_that_the_other_parts_are_of_its_revision() {
    let (mut world, client) = lazy(json!({"buffer": 0}));
    world.server.revision = 5;
    want(&mut world, client, days(1, 2));
    world.settle();
    world.server.revision = 9;
    want(&mut world, client, days(2, 3));
    world.settle();
    let revision = |world: &World| {
        let client = &world.clients[client];
        client
            .engine
            .manager(client.manager)
            .unwrap()
            .revision()
            .unwrap()
            .to_json()
    };
    assert_eq!(revision(&world), "5");
    world.load(client);
    world.settle();
    assert_eq!(revision(&world), "9");
}
