//! What else has to be true: conflicts, refusals of single records, batches, answers of the other
//! type; and the flaws that the random runs found.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::NoticeKind;
use syncline::engine::input::{Input, Place};

use crate::network::Fate;
use crate::world::World;

fn auto() -> Value {
    json!({"autoSync": true, "autoSyncTimeout": 100})
}

#[test]
fn a_conflict_keeps_the_edits_and_does_not_loop() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let body = r#"{"success":false,"code":"CONFLICT","message":"newer data"}"#;
    world.fates.push_back(Fate::Reply(409, body.into()));
    world.set(client, "events", 1, "name", "mine");
    world.settle();
    assert_eq!(world.clients[client].requests, 1);
    assert_eq!(world.logged(client, "syncFail CONFLICT"), 1);
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    world.load(client);
    world.settle();
    assert_eq!(
        world.get(client, "events", 1, "name"),
        "mine",
        "laid on top of what was loaded"
    );
    world.sync(client);
    world.settle();
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn single_records_can_be_refused_in_an_answer_that_fails_as_a_whole() {
    for (policy, kept) in [("keep", true), ("revert", false)] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"autoSync": true, "onRecordError": policy}));
        let body = r#"{"success":false,"message":"some were refused","revision":99,
            "events":{"rows":[{"id":1,"success":true},{"id":2,"success":false,"error":"too long"}]}}"#;
        world.fates.push_back(Fate::Reply(422, body.into()));
        world.set(client, "events", 1, "name", "good");
        world.set(client, "events", 2, "name", "bad");
        world.settle();
        assert_eq!(world.clients[client].requests, 1);
        assert_eq!(world.logged(client, "recordSyncFail"), 1);
        assert_eq!(world.logged(client, "syncFail HTTP"), 1);
        assert_eq!(world.get(client, "events", 1, "name"), "good");
        assert_eq!(world.is_dirty(client), kept);
        let expected = if kept { "bad" } else { "two" };
        assert_eq!(world.get(client, "events", 2, "name"), expected);
        let manager = world.clients[client]
            .engine
            .manager(world.clients[client].manager)
            .unwrap();
        assert_eq!(
            manager.revision().and_then(|revision| revision.as_number()),
            Some(1.0),
            "nothing else of a failed answer counts"
        );
        let store = world.clients[client]
            .engine
            .store(world.clients[client].stores["events"])
            .unwrap();
        let row = world.find(client, "events", 2).unwrap();
        assert_eq!(store.sync_error(row), Some("too long"));
        world.check_end();
    }
}

#[test]
fn an_addition_without_an_id_in_the_answer_stays_phantom_with_a_warning() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    world
        .fates
        .push_back(Fate::Reply(200, r#"{"success":true}"#.into()));
    let row = world.add(client, "events", json!({"name": "new"}));
    world.settle();
    assert_eq!(world.clients[client].requests, 1, "no loop");
    assert_eq!(world.clients[client].warnings.len(), 1);
    let store = world.clients[client]
        .engine
        .store(world.clients[client].stores["events"])
        .unwrap();
    assert!(store.state(row).unwrap().phantom);
    assert!(world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_request_that_is_never_answered_is_given_up_and_tried_again() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"transport": {"sync": {"timeout": 5_000}}}));
    world.fates.push_back(Fate::Vanish);
    world.set(client, "events", 1, "name", "a");
    let call = world.sync(client);
    world.run(5_000);
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Timeout)));
    assert_eq!(world.logged(client, "abort"), 1);
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "a");
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn edits_in_a_batch_are_announced_and_sent_at_its_end() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let store = world.clients[client].stores["events"];
    world.feed(client, Input::BeginBatch(store)).unwrap();
    world.feed(client, Input::BeginBatch(store)).unwrap();
    world.set(client, "events", 1, "name", "a");
    world.feed(client, Input::EndBatch(store)).unwrap();
    world.set(client, "events", 2, "name", "b");
    world.run(5_000);
    assert_eq!(world.log(client), Vec::<&str>::new());
    world.feed(client, Input::EndBatch(store)).unwrap();
    assert_eq!(world.log(client), ["hasChanges"]);
    world.settle();
    assert_eq!(world.clients[client].requests, 1);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_group_of_edits_is_one_change() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.clients[client].notices.clear();
    world.feed(client, Input::BeginUpdate).unwrap();
    world.set(client, "events", 1, "name", "a");
    world.set(client, "events", 1, "n", 5);
    assert_eq!(world.log(client), Vec::<&str>::new());
    world.feed(client, Input::EndUpdate).unwrap();
    assert_eq!(world.log(client), ["hasChanges"]);
    let notices = &world.clients[client].notices;
    let groups: Vec<_> = notices
        .iter()
        .filter(|it| it.kind == NoticeKind::Update)
        .map(|it| it.group)
        .collect();
    assert!(groups.len() == 2 && groups[0] == groups[1], "{notices:?}");
    world.check_end();
}

#[test]
fn a_load_during_a_sync_waits_for_it_and_a_sync_during_a_load_too() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "a");
    world.sync(client);
    world.load(client);
    world.run(10);
    world.set(client, "events", 2, "name", "b");
    world.sync(client);
    world.settle();
    let log = world.log(client);
    let order: Vec<_> = log
        .into_iter()
        .filter(|line| line.starts_with("http") || line.starts_with("settle"))
        .collect();
    assert_eq!(
        order,
        [
            "http sync",
            "settle 2",
            "http load",
            "settle 3",
            "http sync",
            "settle 4"
        ]
    );
    assert_eq!(world.get(client, "events", 1, "name"), "a");
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn an_answer_of_the_other_type_is_taken_as_what_it_says_when_that_is_tracked() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"trackResponseType": true}));
    let body = r#"{"success":true,"type":"load","revision":5,
        "events":{"rows":[{"id":1,"name":"server"},{"id":3,"name":"three"}]}}"#;
    world.fates.push_back(Fate::Reply(200, body.into()));
    world.set(client, "events", 1, "name", "mine");
    world.sync(client);
    world.settle();
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert!(
        world.is_dirty(client),
        "the data set doesn't show the edit: it is still to be sent"
    );

    let plain = world.loaded(json!({}));
    world.fates.push_back(Fate::Reply(200, body.into()));
    world.set(plain, "events", 2, "name", "mine");
    world.sync(plain);
    world.settle();
    assert_eq!(
        world.count(plain, "events"),
        3,
        "untracked, it is a sync's answer like others"
    );
    assert_eq!(world.get(plain, "events", 2, "name"), "mine");
    assert!(!world.is_dirty(plain));
    world.check_end();
}

#[test]
fn a_repeated_package_is_followed_by_what_was_edited_meanwhile_before_the_call_settles() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"retry": {"max": 0}}));
    world.fates.push_back(Fate::DropAnswer);
    world.set(client, "events", 1, "name", "a");
    let lost = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, lost), Some(Err(ErrorCode::Network)));
    world.set(client, "events", 1, "name", "b");
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.server.received.len(), 3);
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "b");
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn an_addition_goes_where_it_is_told() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let store = world.clients[client].stores["events"];
    let input = Input::Add {
        store,
        rows: br#"[{"name":"first"}]"#,
        place: Place::Position(0),
    };
    world.feed(client, input).unwrap();
    let first = world.rows(client, "events")[0];
    assert_eq!(world.get_row(client, "events", first, "name"), "first");
}

// --- flaws that the random runs found ------------------------------------------------------------

#[test]
fn a_repetition_that_is_refused_by_a_gateway_goes_out_again_as_it_was() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"idempotentSync": true, "retry": {"jitter": 0}}));
    world
        .fates
        .extend([Fate::DropAnswer, Fate::Reply(404, "not here".into())]);
    world.add(client, "events", json!({"name": "new"}));
    world.sync(client);
    world.settle();
    assert_eq!(world.logged(client, "syncFail HTTP"), 1);
    world.sync(client);
    world.settle();
    assert_eq!(world.server.received[0], world.server.received[1]);
    assert_eq!(
        (world.server.count("events"), world.count(client, "events")),
        (3, 3)
    );
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn an_edit_back_to_the_old_value_survives_a_repetition_that_is_refused() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let conflict = r#"{"success":false,"code":"CONFLICT"}"#;
    world
        .fates
        .extend([Fate::DropAnswer, Fate::Reply(409, conflict.into())]);
    world.set(client, "events", 1, "n", 3);
    world.run(200);
    assert_eq!(world.server.row("events", 1).unwrap()["n"], 3);
    world.set(client, "events", 1, "n", 1);
    world.settle();
    assert_eq!(
        world.server.row("events", 1).unwrap()["n"],
        1,
        "what the user said last"
    );
    assert_eq!(world.get(client, "events", 1, "n"), 1);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn what_is_removed_while_it_is_in_doubt_is_spoken_of() {
    let mut world = World::calendar();
    world.server.habits.deduplicates = false;
    let client = world.loaded(auto());
    world.fates.push_back(Fate::DropAnswer);
    let row = world.add(client, "events", json!({"name": "new"}));
    world.run(200);
    let store = world.clients[client].stores["events"];
    world.feed(client, Input::Remove(store, &[row])).unwrap();
    world.settle();
    assert!(world.clients[client].doubted, "the app is told");
    assert_eq!(world.count(client, "events"), 3, "and the user sees it");
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_doubt_that_no_load_can_settle_waits_without_a_loop() {
    let mut world = World::calendar();
    world.server.habits.deduplicates = false;
    let client = world.loaded(json!({"autoSync": true, "retry": {"max": 2}}));
    world.fates.push_back(Fate::DropAnswer);
    world
        .fates
        .extend(vec![Fate::Reply(404, "not here".into()); 20]);
    world.add(client, "events", json!({"name": "new"}));
    world.settle();
    let requests = world.clients[client].requests;
    assert!(requests <= 4, "{requests}");
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Http)));
    assert_eq!(
        world.clients[client].requests,
        requests + 1,
        "a call asks once more"
    );
    assert_eq!(world.server.received.len(), 1);
    world.fates.clear();
    world.load(client);
    world.settle();
    assert_eq!(world.clients[client].uncertain.len(), 1);
    world.check_end();
}

#[test]
fn a_refused_record_does_not_hold_the_others_up() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let body =
        r#"{"success":false,"events":{"rows":[{"id":2,"success":false,"error":"too long"}]}}"#;
    world.fates.push_back(Fate::Reply(422, body.into()));
    world.set(client, "events", 1, "name", "good");
    world.set(client, "events", 2, "name", "bad");
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "good"}]}})
    );
    assert_eq!(world.clients[client].requests, 2, "and no more");
    assert!(world.is_dirty(client));
    world.set(client, "events", 2, "name", "ok");
    world.settle();
    assert_eq!(world.server.row("events", 2).unwrap()["name"], "ok");
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_suspend_holds_back_what_only_waited_for_the_request_before_it() {
    let mut world = World::calendar();
    world.latency = 2_000;
    let client = world.loaded(auto());
    let manager = world.clients[client].manager;
    world.set(client, "events", 1, "name", "a");
    world.run(500);
    world.set(client, "events", 2, "name", "b");
    // The wait of the second edit is over, the first request isn't.
    world.run(500);
    assert_eq!(world.clients[client].requests, 1);
    world.feed(client, Input::SuspendAutoSync(manager)).unwrap();
    world.run(10_000);
    assert_eq!(world.clients[client].requests, 1);
    let resume = Input::ResumeAutoSync {
        manager,
        sync: true,
    };
    world.feed(client, resume).unwrap();
    world.settle();
    assert_eq!(world.server.row("events", 2).unwrap()["name"], "b");
    world.check_end();
}
