//! Further cases: what users of comparable engines have met, beyond the numbered scenarios.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::{NoticeKind, Origin, Status};
use syncline::engine::input::{Input, Scope};

use crate::interop::{answer, auto, changeset, column, patient, sync_meets, with_store};
use crate::network::{Fate, Parcel, pack_of};
use crate::server::Habits;
use crate::world::{Listener, World};

fn status(world: &World, client: usize) -> Status {
    let client = &world.clients[client];
    client.engine.status(client.manager).unwrap()
}

/// Two loads overlap, and the answer to the first comes last: it must not put old data over what
/// the user has edited since.
#[test]
fn further_a_stale_answer_to_a_load_does_not_cover_newer_edits() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.load(client);
    world.run(30);
    world.set(client, "events", 1, "name", "mine");
    world.load(client);
    world.settle();
    assert_eq!(world.logged(client, "loadCanceled"), 1);
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "mine"}]}})
    );
    world.check_end();
}

/// A load is on the wire while an edit is made, and its answer knows nothing of the edit: the edit
/// stays on top.
#[test]
fn further_an_edit_made_while_a_load_is_on_the_wire_stays_on_top() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    world.load(client);
    world.run(30);
    world.set(client, "events", 1, "name", "mine");
    world.remove(client, "events", 2);
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    world.run(20);
    assert_eq!(
        column(&world, client, "events", "id"),
        [json!(1), phantom.clone()]
    );
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    world.settle();
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "mine");
    assert_eq!(world.server.count("events"), 2);
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// Three fields of one record, edited in three steps, of which the server refuses one: only that
/// one's layer goes. Layers are composed by field, there is no snapshot of the whole row to put
/// back.
#[test]
fn further_taking_one_edit_back_leaves_the_others_of_the_same_record() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"onRecordError": "revert"}));
    world.set(client, "events", 1, "name", "sent, refused");
    let call = world.sync(client);
    // While that is on the wire: another field, and the same one again.
    world.set(client, "events", 1, "n", 50);
    changeset(
        &mut world,
        client,
        json!({"events": {"updated": [{"id": 1, "place": "Rome"}]}}),
    );
    let body = json!({"success": true, "events": {"rows": [
        {"id": 1, "success": false, "error": "no"}]}});
    for parcel in world.parcels.values_mut() {
        if let Parcel::Arrive { fate, .. } = parcel {
            *fate = Fate::Reply(200, body.to_string());
        }
    }
    world.settle();
    assert!(world.outcome(client, call).is_some());
    assert_eq!(world.get(client, "events", 1, "name"), "one", "taken back");
    assert_eq!(world.get(client, "events", 1, "n"), 50, "kept");
    assert_eq!(
        world.get(client, "events", 1, "place"),
        "Rome",
        "the server's"
    );
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "n": 50}]}})
    );
    world.check_end();
}

/// A row that was shown before the server knew it must not stand there twice, once under its client
/// id and once under the server's, nor be away for a moment in between.
#[test]
fn further_an_added_record_is_there_once_at_every_moment() {
    for whole in [false, true] {
        let mut world = World::calendar();
        world.server.habits = Habits {
            short_answers: !whole,
            ..Habits::default()
        };
        let client = world.loaded(auto());
        let row = world.add(client, "events", json!({"name": "new"}));
        let phantom = world.get_row(client, "events", row, "id");
        let mut named = Vec::new();
        for _ in 0..40 {
            world.run(5);
            let names = column(&world, client, "events", "name");
            named.push(names.iter().filter(|name| **name == "new").count());
        }
        assert!(named.iter().all(|&times| times == 1), "{named:?}");
        assert_eq!(world.get_row(client, "events", row, "id"), 1000);
        // The same comes again, as a push does.
        let push =
            json!({"events": {"added": [{"$PhantomId": phantom, "id": 1000, "name": "new"}]}});
        changeset(&mut world, client, push);
        assert_eq!(world.count(client, "events"), 3);
        let removed = |notice: &&syncline::engine::event::Notice| notice.kind == NoticeKind::Remove;
        assert_eq!(
            world.clients[client].notices.iter().filter(removed).count(),
            0
        );
        world.check_end();
    }
}

/// The push of one's own addition overtakes the answer to it: the record gets its id by the push,
/// and the answer finds it.
#[test]
fn further_a_push_of_ones_own_addition_may_come_before_the_answer() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    let call = world.sync(client);
    world.run(25);
    let push = json!({"events": {"added": [{"$PhantomId": phantom, "id": 1000, "name": "new"}]}});
    changeset(&mut world, client, push);
    assert_eq!(world.get_row(client, "events", row, "id"), 1000);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.count(client, "events"), 3);
    assert!(!world.is_dirty(client), "{}", world.changes(client));
    world.check_end();
}

/// A record is changed after its package was collected and before the answer marks it as saved:
/// only what was not in the package stays to be sent.
#[test]
fn further_what_changes_between_collect_and_mark_is_all_that_is_left() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "sent");
    world.set(client, "events", 1, "n", 10);
    // The package is made before listeners are asked.
    let slow = Listener::Later(50, true);
    world.clients[client].listeners.insert("beforeSync", slow);
    world.sync(client);
    world.run(25);
    world.set(client, "events", 1, "n", 11);
    world.settle();
    let first = &world.server.received[0]["events"]["updated"];
    assert_eq!(*first, json!([{"id": 1, "name": "sent", "n": 10}]));
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "n": 11}]}})
    );
    world.check_end();
}

/// The next load brings back what this client has pushed itself as if it were new: that is the same
/// record, and clean.
#[test]
fn further_ones_own_records_are_not_new_in_the_next_load() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let row = world.add(client, "events", json!({"name": "new"}));
    world.settle();
    let id = world.get_row(client, "events", row, "id");
    world.load(client);
    world.settle();
    assert_eq!(
        column(&world, client, "events", "id"),
        [json!(1), json!(2), id]
    );
    assert_eq!(world.clients[client].requests, 2, "one sync, one load");
    assert_eq!(world.changes(client), Value::Null);
    world.check_end();
}

/// A record that was removed a moment ago must not come back by a load whose answer still has it.
#[test]
fn further_a_record_removed_a_moment_ago_does_not_reappear() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.remove(client, "events", 1);
    world.load(client);
    world.settle();
    assert_eq!(column(&world, client, "events", "id"), [2]);
    assert_eq!(
        world.changes(client)["events"]["removed"],
        json!([{"id": 1}])
    );
    // Nor by one that waits for the sync that removes it.
    world.sync(client);
    world.load(client);
    world.settle();
    assert_eq!(column(&world, client, "events", "id"), [2]);
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// One record that the server will never take must not keep the others from it, and must not be
/// dropped without a word either.
#[test]
fn further_a_record_that_is_always_refused_blocks_nobody_and_is_not_dropped() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    let refusal =
        r#"{"success":false,"events":{"rows":[{"id":2,"success":false,"error":"locked"}]}}"#;
    world.fates.push_back(Fate::Reply(422, refusal.into()));
    world.set(client, "events", 2, "name", "never");
    world.settle();
    for n in 0..5_u64 {
        world.set(client, "events", 1, "n", 100 + n);
        world.settle();
        assert_eq!(world.server.row("events", 1).unwrap()["n"], 100 + n);
    }
    assert_eq!(
        world.clients[client].requests, 6,
        "the refused one is not tried each time"
    );
    assert_eq!(world.get(client, "events", 2, "name"), "never");
    let store = world.clients[client].stores["events"];
    let row = world.find(client, "events", 2).unwrap();
    let store = world.clients[client].engine.store(store).unwrap();
    assert_eq!(store.sync_error(row), Some("locked"));
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 2, "name": "never"}]}})
    );
    // A call of sync tries it again.
    let call = world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    assert_eq!(world.server.row("events", 2).unwrap()["name"], "never");
    world.check_end();
}

/// A browser that says it is online while nothing can be reached must not burn all attempts at
/// once.
#[test]
fn further_the_retry_budget_is_not_burnt_in_one_moment() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "retry": {"max": 5, "jitter": 0}}));
    world.fates = vec![Fate::DropRequest; 500].into();
    world.set(client, "events", 1, "name", "mine");
    let start = world.now;
    world.settle();
    assert_eq!(world.clients[client].requests, 6);
    assert!(world.now - start > 1_000 + 2_000 + 4_000 + 8_000 + 16_000);
    assert_eq!(status(&world, client), Status::Failed);
    // The system claims to be online again and again: one attempt each time, with the waits in
    // between.
    for _ in 0..3 {
        let before = world.clients[client].requests;
        world.feed(client, Input::Online(true)).unwrap();
        world.run(100);
        assert_eq!(world.clients[client].requests, before + 1);
    }
    world.check_end();
}

/// A load and a sync that both fail must not each start a timer of their own.
#[test]
fn further_failing_loads_and_syncs_share_one_timer() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "retry": {"jitter": 0}}));
    world.fates = vec![Fate::DropRequest; 2].into();
    world.set(client, "events", 1, "name", "mine");
    world.run(150);
    let load = world.load(client);
    world.run(100);
    assert_eq!(world.outcome(client, load), Some(Err(ErrorCode::Network)));
    assert_eq!(world.clients[client].requests, 2);
    world.settle();
    assert_eq!(world.clients[client].requests, 3, "one more: the sync");
    assert_eq!(world.server.received.len(), 1);
    assert_eq!(
        world.server.loads.len(),
        1,
        "only the load that came before all this"
    );
    world.check_end();
}

/// Laying an edit on top of new data may turn out to be impossible (its record is gone): that edit
/// is spoken of, all others stay, and the engine goes on.
#[test]
fn further_an_edit_that_cannot_be_laid_on_top_is_named_and_the_rest_goes_on() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    world.set(client, "events", 1, "name", "lost");
    world.set(client, "events", 2, "name", "kept");
    changeset(
        &mut world,
        client,
        json!({"events": {"removed": [{"id": 1}]}}),
    );
    assert_eq!(world.clients[client].warnings.len(), 1);
    assert_eq!(column(&world, client, "events", "name"), ["kept"]);
    world.settle();
    assert_eq!(world.server.row("events", 2).unwrap()["name"], "kept");
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// What a client did first reaches the server first, whatever breaks in between; no request is
/// passed over.
#[test]
fn further_the_order_of_packages_survives_failures_and_being_offline() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "retry": {"jitter": 0}}));
    for n in 0..12_u64 {
        if n % 3 == 0 {
            world.fates.push_back(Fate::DropAnswer);
        }
        if n % 4 == 1 {
            world.feed(client, Input::Online(false)).unwrap();
        }
        world.set(client, "events", 1, "n", 100 + n);
        world.run(150);
        if n % 4 == 3 {
            world.feed(client, Input::Online(true)).unwrap();
        }
    }
    world.settle();
    let sent: Vec<u64> = world
        .server
        .received
        .iter()
        .map(|pack| pack["events"]["updated"][0]["n"].as_u64().unwrap())
        .collect();
    assert!(sent.is_sorted(), "{sent:?}");
    assert_eq!(sent.last(), Some(&111));
    assert_eq!(world.server.row("events", 1).unwrap()["n"], 111);
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// Those who draw a record hear of it when the server refused it, or when it was taken back: no
/// view keeps a value that isn't so.
#[test]
fn further_a_refusal_is_told_to_those_who_show_the_record() {
    for (policy, kind, origin) in [
        ("keep", NoticeKind::State, None),
        ("revert", NoticeKind::Update, Some(Origin::Rollback)),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"onRecordError": policy}));
        world.set(client, "events", 1, "name", "mine");
        world.clients[client].notices.clear();
        let body = json!({"success": false, "events": {"rows": [
            {"id": 1, "success": false, "error": "locked"}]}});
        assert!(sync_meets(&mut world, client, 200, body).is_err());
        let mut told = world.clients[client].notices.iter();
        let found = told.any(|notice| {
            notice.kind == kind && origin.is_none_or(|origin| notice.origin == origin)
        });
        assert!(found, "{policy}: {:?}", world.clients[client].notices);
        assert_eq!(world.logged(client, "recordSyncFail"), 1);
        world.check_end();
    }
}

/// "Connected", and yet nothing goes out: how much waits, since when it is stuck and why is there
/// to be shown at any time.
#[test]
fn further_what_waits_and_what_is_stuck_can_be_seen() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "retry": {"max": 1, "jitter": 0}}));
    let look = |world: &World| {
        let it = &world.clients[client];
        (status(world, client), it.engine.pending_count(it.manager))
    };
    assert_eq!(look(&world), (Status::Saved, 0));
    world.set(client, "events", 1, "name", "mine");
    world.set(client, "events", 2, "name", "mine");
    assert_eq!(look(&world), (Status::Pending, 2));
    world.fates = vec![Fate::DropRequest; 9].into();
    world.run(110);
    assert_eq!(look(&world), (Status::Saving, 2));
    world.run(100);
    assert_eq!(look(&world), (Status::Retrying, 2));
    world.settle();
    assert_eq!(look(&world), (Status::Failed, 2));
    world.feed(client, Input::Online(false)).unwrap();
    assert_eq!(look(&world), (Status::Offline, 2));
    world.fates.clear();
    world.feed(client, Input::Online(true)).unwrap();
    world.settle();
    assert_eq!(look(&world), (Status::Saved, 0));
    let shown: Vec<_> = world.clients[client]
        .log
        .iter()
        .filter(|line| line.starts_with("status"))
        .map(String::as_str)
        .collect();
    for expected in [
        "status Retrying 2",
        "status Failed 2",
        "status Offline 2",
        "status Saved 0",
    ] {
        assert!(shown.contains(&expected), "{expected}: {shown:?}");
    }
    world.check_end();
}

/// A commit while another is under way queues, and each clears only its own changes.
#[test]
fn further_a_sync_during_a_sync_queues_and_clears_only_its_own_changes() {
    let mut world = World::calendar();
    let client = world.loaded(patient());
    world.set(client, "events", 1, "name", "first");
    let first = world.sync(client);
    world.run(25);
    world.set(client, "events", 2, "name", "second");
    let second = world.sync(client);
    // The second fails: what the first saved stays saved.
    world
        .fates
        .push_back(Fate::Reply(400, r#"{"message":"no"}"#.into()));
    world.settle();
    assert_eq!(world.outcome(client, first), Some(Ok(true)));
    assert_eq!(world.outcome(client, second), Some(Err(ErrorCode::Http)));
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 2, "name": "second"}]}})
    );
    world.check_end();
}

/// An assignment made for an event that has no id yet, in another store: it follows when the event
/// gets one, also when the two are sent in different syncs.
#[test]
fn further_a_reference_made_before_the_id_was_known_follows_it_across_stores_and_syncs() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let event = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", event, "id");
    let call = world.sync(client);
    world.run(25);
    let made = json!({"eventId": phantom, "resourceId": 1});
    let assignment = world.add(client, "assignments", made);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Ok(true)));
    let seen = world.get_row(client, "assignments", assignment, "eventId");
    world.sync(client);
    world.settle();
    let sent = &world.server.received[1]["assignments"]["added"][0]["eventId"];
    assert_eq!((&seen, sent), (&json!(1000), &json!(1000)));
    world.check_end();
}

/// More data is loaded (a branch that is opened, a further page) while something is unsaved: it
/// stays.
#[test]
fn further_loading_more_does_not_wipe_unsaved_changes() {
    let mut world = World::calendar();
    let store = json!({"id": "tasks", "parentField": "parentId",
        "fields": [{"name": "name"}, {"name": "parentId"}]});
    let client = with_store(
        &mut world,
        json!({}),
        store,
        json!([{"id": 1, "name": "root"}]),
    );
    world.set(client, "tasks", 1, "name", "mine");
    world.add(client, "tasks", json!({"name": "new", "parentId": 1}));
    let before = world.changes(client);
    let more = json!({"tasks": {"added": [{"id": 2, "parentId": 1}, {"id": 3, "parentId": 2}]}});
    changeset(&mut world, client, more);
    assert_eq!(world.count(client, "tasks"), 4);
    assert_eq!(world.changes(client), before);
    let whole =
        json!({"success": true, "tasks": [{"id": 1, "name": "root"}, {"id": 2, "parentId": 1}]});
    answer(&mut world, 200, whole);
    world.load(client);
    world.settle();
    assert_eq!(world.get(client, "tasks", 1, "name"), "mine");
    assert_eq!(world.changes(client), before);
    world.check_end();
}

/// A record is removed and put back (cut and paste), then changes of the server come: it stays.
#[test]
fn further_cut_and_paste_survives_a_change_of_the_server() {
    let mut world = World::calendar();
    let client = world.loaded(auto());
    world.remove(client, "events", 1);
    world.add(client, "events", json!({"id": 1, "name": "pasted", "n": 1}));
    changeset(
        &mut world,
        client,
        json!({"events": {"updated": [{"id": 2, "name": "zwei"}]}}),
    );
    assert_eq!(world.get(client, "events", 1, "name"), "pasted");
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "pasted");
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "pasted");
    assert_eq!(world.count(client, "events"), 2);
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// What one page leaves unsent when it is closed can be written down and put back in the next one,
/// as edits that wait.
#[test]
fn further_unsent_changes_can_be_carried_to_the_next_page() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 1, "name", "mine");
    let row = world.add(client, "events", json!({"name": "new"}));
    let phantom = world.get_row(client, "events", row, "id");
    let draft = world.changes(client);
    // What the facade makes of `applyChangeset(draft, …, clearChanges: false)`.
    let next = world.loaded(json!({}));
    for update in draft["events"]["updated"].as_array().unwrap() {
        world.set(
            next,
            "events",
            update["id"].as_u64().unwrap(),
            "name",
            update["name"].clone(),
        );
    }
    for added in draft["events"]["added"].as_array().unwrap() {
        world.add(
            next,
            "events",
            json!({"id": added["$PhantomId"], "name": added["name"]}),
        );
    }
    assert_eq!(
        world.changes(next),
        draft,
        "the same package, the same client ids"
    );
    world.sync(next);
    world.settle();
    assert_eq!(world.server.count("events"), 3);
    assert!(
        world
            .find(next, "events", phantom.as_str().unwrap())
            .is_none()
    );
    let manager = world.clients[client].manager;
    world
        .feed(client, Input::Reject(Scope::Manager(manager)))
        .unwrap();
    world.check_end();
}

/// Lets time pass, with a server that breaks down over every package that speaks of this event.
fn run_with_poison(world: &mut World, id: u64, ms: u64) {
    for _ in 0..ms / 10 {
        for parcel in world.parcels.values_mut() {
            if let Parcel::Arrive { http, fate, .. } = parcel {
                let pack = pack_of(http);
                let updated = pack["events"]["updated"].as_array();
                if updated.is_some_and(|rows| rows.iter().any(|row| row["id"] == id)) {
                    *fate = Fate::Reply(500, "null pointer".into());
                }
            }
        }
        world.run(10);
    }
}

/// A package over which the server breaks down each time: taking back what is in it opens the way
/// for everything else.
#[test]
fn further_a_package_that_breaks_the_server_can_be_taken_back() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"autoSync": true, "retry": {"max": 2, "jitter": 0}}));
    world.set(client, "events", 2, "name", "poison");
    run_with_poison(&mut world, 2, 10_000);
    assert_eq!(world.clients[client].requests, 3);
    assert_eq!(status(&world, client), Status::Failed);
    let store = world.clients[client].stores["events"];
    let row = world.find(client, "events", 2).unwrap();
    world
        .feed(client, Input::Reject(Scope::Record(store, row)))
        .unwrap();
    world.set(client, "events", 1, "name", "healthy");
    run_with_poison(&mut world, 2, 30_000);
    assert_eq!(world.server.row("events", 1).unwrap()["name"], "healthy");
    assert!(!world.is_dirty(client));
    world.check_end();
}

/// The same with an addition, of which nobody knows whether the server has it: it is looked for,
/// and then left to the app.
#[test]
fn further_a_package_that_breaks_an_idempotent_server_does_not_hold_up_the_others_for_ever() {
    for reached in [false, true] {
        let mut world = World::calendar();
        let client = world.loaded(
            json!({"autoSync": true, "idempotentSync": true, "retry": {"max": 2, "jitter": 0}}),
        );
        let breaks = |reached: bool| match reached {
            true => Fate::Garble(500, "null pointer".into()),
            false => Fate::Reply(500, "null pointer".into()),
        };
        world.fates = vec![breaks(reached); 3].into();
        let added = world.add(client, "events", json!({"name": "poison"}));
        let phantom = world.get_row(client, "events", added, "id");
        world.run(60_000);
        assert_eq!(world.clients[client].requests, 3);
        assert_eq!(status(&world, client), Status::Failed);
        assert!(world.clients[client].uncertain.is_empty());
        // One attempt more, for an edit; then the server is asked what it has.
        world.fates = vec![breaks(reached); 1].into();
        world.set(client, "events", 1, "name", "healthy");
        world.run(60_000);
        world.sync(client);
        world.settle();
        let uncertain = world.clients[client].uncertain.len();
        assert_eq!(uncertain, 1, "{:?}", world.log(client));
        // The app decides: the others go out without the addition.
        let store = world.clients[client].stores["events"];
        let added = world.find(client, "events", phantom.as_str().unwrap());
        let record = Scope::Record(store, added.expect("the addition is kept"));
        world.feed(client, Input::Reject(record)).unwrap();
        world.sync(client);
        world.settle();
        assert_eq!(world.server.row("events", 1).unwrap()["name"], "healthy");
        assert!(!world.is_dirty(client));
        world.check_end();
    }
}

/// Edits come while a server is down, until attempts are used up: nothing hammers it from then on.
#[test]
fn further_edits_made_while_a_server_is_down_do_not_hammer_it() {
    for fate in [Fate::DropRequest, Fate::Reply(503, "down".into())] {
        let mut world = World::calendar();
        let client = world.loaded(json!({"autoSync": true, "retry": {"max": 3, "jitter": 0}}));
        world.fates = vec![fate.clone(); 500].into();
        world.set(client, "events", 1, "name", "first");
        world.run(500);
        world.set(client, "events", 2, "name", "second");
        world.run(60_000);
        let requests = world.clients[client].requests;
        assert!(requests <= 6, "{fate:?}: {requests}");
        assert_eq!(status(&world, client), Status::Failed);
        world.fates.clear();
        world.sync(client);
        world.settle();
        assert!(!world.is_dirty(client));
        assert_eq!(world.server.row("events", 2).unwrap()["name"], "second");
        world.check_end();
    }
}
