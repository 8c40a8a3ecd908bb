//! The fate of edits that somebody waits for: promises per edit, groups, edits that aren't seen
//! yet.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::input::{CallId, Input, Scope};

use crate::network::Fate;
use crate::world::World;

impl World {
    /// What `make` does is one call's.
    pub fn edit(&mut self, client: usize, hidden: bool, make: impl FnOnce(&mut Self)) -> CallId {
        let call = self.begin_edit(client, hidden);
        make(self);
        self.feed(client, Input::EndEdit(true)).unwrap();
        call
    }

    pub fn begin_edit(&mut self, client: usize, hidden: bool) -> CallId {
        let call = self.open(client);
        let scope = Scope::Manager(self.clients[client].manager);
        self.feed(
            client,
            Input::BeginEdit {
                scope,
                call,
                hidden,
            },
        )
        .unwrap();
        call
    }

    /// Sets fields of an event as one edit.
    pub fn update(&mut self, client: usize, id: u64, fields: &Value) -> CallId {
        self.edit(client, false, |world| world.set_all(client, id, fields))
    }

    /// The same, not to be seen before it is confirmed.
    pub fn update_unseen(&mut self, client: usize, id: u64, fields: &Value) -> CallId {
        self.edit(client, true, |world| world.set_all(client, id, fields))
    }

    fn set_all(&mut self, client: usize, id: u64, fields: &Value) {
        for (name, value) in fields.as_object().unwrap() {
            self.set(client, "events", id, name, value.clone());
        }
    }

    pub fn settled(&mut self, client: usize, store: &str, id: u64) -> CallId {
        let row = self.find(client, store, id).expect("a record to wait for");
        let (store, call) = (self.clients[client].stores[store], self.open(client));
        self.feed(client, Input::Settled { store, row, call })
            .unwrap();
        call
    }

    pub fn push(&mut self, client: usize, changes: &Value) {
        let manager = self.clients[client].manager;
        let text = changes.to_string();
        self.feed(client, Input::ApplyChangeset(manager, text.as_bytes()))
            .unwrap();
    }
}

fn refuse() -> Fate {
    let body = r#"{"success":false,"message":"no"}"#;
    Fate::Reply(422, body.to_owned())
}

const OK: Option<Result<bool, ErrorCode>> = Some(Ok(false));

fn manual(world: &mut World) -> usize {
    world.loaded(json!({}))
}

#[test]
fn a_promise_per_edit_resolves_when_all_so_far_is_confirmed() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let clean = world.settled(client, "events", 1);
    assert_eq!(world.outcome(client, clean), OK, "nothing to wait for");
    world.set(client, "events", 1, "name", "a");
    let first = world.settled(client, "events", 1);
    world.sync(client);
    world.set(client, "events", 1, "name", "b");
    let second = world.settled(client, "events", 1);
    world.settle();
    assert_eq!(world.outcome(client, first), OK);
    assert_eq!(world.outcome(client, second), None, "b isn't sent");
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, second), OK);
    world.check_end();
}

#[test]
fn a_promise_per_edit_rejects_with_the_reason_and_takes_nothing_back() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    world.set(client, "events", 1, "name", "a");
    let whole = world.settled(client, "events", 1);
    world.fates.push_back(refuse());
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, whole), Some(Err(ErrorCode::Http)));
    assert_eq!(world.get(client, "events", 1, "name"), "a");
    let again = world.settled(client, "events", 1);
    let body =
        json!({"success": true, "events": {"rows": [{"id": 1, "success": false, "error": "odd"}]}});
    world.fates.push_back(Fate::Reply(200, body.to_string()));
    world.sync(client);
    world.settle();
    let error = world.clients[client].settled[&again].clone().unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::Refused, "odd")
    );
    world.reject_all(client);
    world.check_end();
}

#[test]
fn a_promise_survives_unknown_outcomes_and_settles_once_whatever_ends_it() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"idempotentSync": true,
        "retry": {"base": 10, "cap": 10, "jitter": 0, "max": 5}}));
    world.fates.push_back(Fate::DropAnswer);
    world.set(client, "events", 1, "name", "a");
    let lost = world.settled(client, "events", 1);
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, lost), OK);

    world.set(client, "events", 1, "name", "b");
    let taken_back = world.settled(client, "events", 1);
    world.reject_all(client);
    assert_eq!(
        world.outcome(client, taken_back),
        Some(Err(ErrorCode::Cancelled))
    );

    world.set(client, "events", 1, "name", "c");
    let accepted = world.settled(client, "events", 1);
    let manager = world.clients[client].manager;
    world
        .feed(client, Input::Accept(Scope::Manager(manager)))
        .unwrap();
    assert_eq!(world.outcome(client, accepted), OK);

    world.set(client, "events", 1, "name", "d");
    let back = world.settled(client, "events", 1);
    world.set(client, "events", 1, "name", "c");
    assert_eq!(
        world.outcome(client, back),
        OK,
        "edited back: nothing waits"
    );

    world.set(client, "events", 2, "name", "e");
    let gone = world.settled(client, "events", 2);
    world.push(client, &json!({"events": {"removed": [{"id": 2}]}}));
    assert_eq!(
        world.outcome(client, gone),
        Some(Err(ErrorCode::UnknownRecord))
    );

    world.remove(client, "events", 1);
    let row = world.clients[client]
        .engine
        .store(world.clients[client].stores["events"]);
    let row = row.unwrap().removed()[0];
    let (store, removal) = (world.clients[client].stores["events"], world.open(client));
    let call = removal;
    world
        .feed(client, Input::Settled { store, row, call })
        .unwrap();
    world.sync(client);
    world.settle();
    assert_eq!(
        world.outcome(client, removal),
        OK,
        "the removal is confirmed"
    );

    let added = world.add(client, "events", json!({"name": "new"}));
    let call = world.open(client);
    let row = added;
    world
        .feed(client, Input::Settled { store, row, call })
        .unwrap();
    world.feed(client, Input::DestroyManager(manager)).unwrap();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Destroyed)));
    world.check_end();
}

#[test]
fn a_veto_rejects_the_promise_of_what_was_to_go_out() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    world.clients[client]
        .listeners
        .insert("beforeSync", crate::world::Listener::Veto);
    world.set(client, "events", 1, "name", "a");
    let call = world.settled(client, "events", 1);
    let update = world.update(client, 2, &json!({"name": "b"}));
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Vetoed)));
    assert_eq!(world.outcome(client, update), Some(Err(ErrorCode::Vetoed)));
    assert_eq!(world.get(client, "events", 1, "name"), "a", "a plain edit");
    assert_eq!(world.get(client, "events", 2, "name"), "two", "an update");
    world.check_end();
}

#[test]
fn a_refused_update_takes_back_its_own_fields_alone() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    world.set(client, "events", 1, "n", 7);
    let first = world.update(client, 1, &json!({"name": "a"}));
    world.fates.push_back(refuse());
    world.sync(client);
    let second = world.update(client, 1, &json!({"name": "b"}));
    let third = world.update(client, 1, &json!({"place": "here"}));
    world.push(
        client,
        &json!({"events": {"updated": [{"id": 1, "name": "theirs", "room": 5}]}}),
    );
    world.settle();
    assert_eq!(world.outcome(client, first), Some(Err(ErrorCode::Http)));
    for (field, value) in [
        ("name", json!("b")),
        ("place", json!("here")),
        ("room", json!(5)),
        ("n", json!(7)),
    ] {
        assert_eq!(world.get(client, "events", 1, field), value, "{field}");
    }
    assert_eq!(world.outcome(client, second), None);
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, second), OK);
    assert_eq!(world.outcome(client, third), OK);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn three_updates_of_one_record_in_one_refused_package_leave_what_was_there() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    world.set(client, "events", 1, "name", "plain");
    let calls = [
        world.update(client, 1, &json!({"name": "a", "n": 5})),
        world.update(client, 1, &json!({"name": "b"})),
        world.update(client, 1, &json!({"n": 6})),
    ];
    world.fates.push_back(refuse());
    world.sync(client);
    world.push(
        client,
        &json!({"events": {"updated": [{"id": 1, "n": 100}]}}),
    );
    world.settle();
    for call in calls {
        assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Http)));
    }
    assert_eq!(world.get(client, "events", 1, "name"), "plain");
    assert_eq!(
        world.get(client, "events", 1, "n"),
        100,
        "what the server has"
    );
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "plain"}]}})
    );
    world.sync(client);
    world.settle();
    world.check_end();
}

#[test]
fn a_plain_edit_on_top_of_an_update_stays_when_that_is_refused() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let update = world.update(client, 1, &json!({"name": "a", "n": 5}));
    world.set(client, "events", 1, "name", "mine");
    world.fates.push_back(refuse());
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, update), Some(Err(ErrorCode::Http)));
    assert_eq!(world.get(client, "events", 1, "name"), "mine");
    assert_eq!(world.get(client, "events", 1, "n"), 1);
    world.sync(client);
    world.settle();
    world.check_end();
}

#[test]
fn an_update_of_a_record_that_was_never_sent_goes_back_to_what_it_had() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let row = world.add(client, "events", json!({"name": "new", "n": 1}));
    let call = world.edit(client, false, |world| {
        world.set_row(client, "events", row, "name", "a");
        world.set_row(client, "events", row, "place", "here");
    });
    world.fates.push_back(refuse());
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Http)));
    assert_eq!(world.get_row(client, "events", row, "name"), "new");
    assert_eq!(world.get_row(client, "events", row, "place"), Value::Null);
    world.sync(client);
    world.settle();
    assert_eq!(world.server.rows["events"].len(), 3);
    world.check_end();
}

#[test]
fn a_group_goes_back_together_when_one_of_its_records_is_refused() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    world.set(client, "events", 2, "n", 9);
    let mut added = None;
    let group = world.edit(client, false, |world| {
        world.set(client, "events", 1, "name", "a");
        world.remove(client, "events", 2);
        added = Some(world.add(client, "events", json!({"name": "new"})));
        world.set(client, "resources", 1, "name", "Anna");
    });
    assert_eq!(world.count(client, "assignments"), 1);
    let body = json!({"success": false, "rolledBack": true, "message": "no",
        "resources": {"rows": [{"id": 1, "success": false, "error": "no"}]}});
    world.fates.push_back(Fate::Reply(422, body.to_string()));
    world.sync(client);
    world.run(40);
    assert_eq!(world.outcome(client, group), Some(Err(ErrorCode::Refused)));
    assert_eq!(world.get(client, "events", 1, "name"), "one");
    assert_eq!(world.get(client, "resources", 1, "name"), "Ann");
    assert_eq!(world.get(client, "events", 2, "n"), 9);
    assert_eq!(world.count(client, "events"), 2);
    world.settle();
    assert_eq!(world.server.rows["events"].len(), 2);
    world.sync(client);
    world.settle();
    assert_eq!(world.get(client, "events", 2, "n"), 9);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn edits_that_are_called_off_while_they_are_made_leave_nothing() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    world.set(client, "events", 1, "name", "plain");
    let call = world.begin_edit(client, false);
    world.set(client, "events", 1, "name", "a");
    world.set(client, "events", 1, "n", 77);
    world.remove(client, "events", 1);
    world.add(client, "events", json!({"name": "new"}));
    assert_eq!(world.count(client, "assignments"), 0);
    world.feed(client, Input::EndEdit(false)).unwrap();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Cancelled)));
    assert_eq!(world.get(client, "events", 1, "name"), "plain");
    assert_eq!(world.get(client, "events", 1, "n"), 1);
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.count(client, "assignments"), 1);
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "plain"}]}})
    );
    world.reject_all(client);
    world.check_end();
}

#[test]
fn additions_that_were_removed_in_edits_that_are_called_off_are_there_again() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let row = world.add(client, "events", json!({"name": "made before", "n": 1}));
    let id = world.get_row(client, "events", row, "id");
    let link = world.add(
        client,
        "assignments",
        json!({"eventId": id, "resourceId": 1}),
    );
    let before = world.changes(client);
    let waiting = world.edit(client, false, |world| {
        world.set_row(client, "events", row, "n", 2);
    });
    world.begin_edit(client, false);
    world.set_row(client, "events", row, "name", "renamed");
    let store = world.clients[client].stores["events"];
    world.feed(client, Input::Remove(store, &[row])).unwrap();
    let inner = world.add(client, "events", json!({"name": "made inside"}));
    world.feed(client, Input::Remove(store, &[inner])).unwrap();
    assert_eq!(world.count(client, "events"), 2);
    assert_eq!(world.count(client, "assignments"), 1);
    assert_eq!(world.changes(client), Value::Null);
    world.sync(client);
    world.settle();
    world.feed(client, Input::EndEdit(false)).unwrap();
    assert_eq!(world.get_row(client, "events", row, "name"), "made before");
    assert_eq!(world.get_row(client, "events", row, "n"), 2);
    assert!(!world.rows(client, "events").contains(&inner));
    let mut after = before;
    after["events"]["added"][0]["n"] = 2.into();
    assert_eq!(world.changes(client), after);
    assert!(world.rows(client, "assignments").contains(&link));
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, waiting), OK);
    assert_eq!(world.server.rows["events"].len(), 3);
    world.check_end();
}

#[test]
fn additions_that_are_removed_in_edits_that_stay_are_gone_and_never_sent() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let row = world.add(client, "events", json!({"name": "made before"}));
    let store = world.clients[client].stores["events"];
    let waiting = world.edit(client, false, |world| {
        world.set_row(client, "events", row, "n", 2);
    });
    let call = world.edit(client, false, |world| {
        world.feed(client, Input::Remove(store, &[row])).unwrap();
    });
    assert_eq!(
        world.outcome(client, call),
        OK,
        "there is nothing to confirm"
    );
    assert_eq!(world.outcome(client, waiting), OK);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn an_unseen_edit_is_sent_and_seen_only_when_it_is_confirmed() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let call = world.update_unseen(client, 1, &json!({"name": "a"}));
    assert_eq!(world.get(client, "events", 1, "name"), "one");
    assert!(world.is_dirty(client));
    world.push(
        client,
        &json!({"events": {"updated": [{"id": 1, "name": "theirs"}]}}),
    );
    assert_eq!(world.get(client, "events", 1, "name"), "theirs");
    world.sync(client);
    assert_eq!(world.get(client, "events", 1, "name"), "theirs");
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "a"}]}})
    );
    assert_eq!(world.get(client, "events", 1, "name"), "a");
    assert_eq!(world.outcome(client, call), OK);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn a_refused_unseen_edit_is_gone_with_an_error() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let call = world.update_unseen(client, 1, &json!({"name": "a"}));
    world.fates.push_back(refuse());
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Http)));
    assert_eq!(world.get(client, "events", 1, "name"), "one");
    assert_eq!(world.changes(client), Value::Null);
    world.check_end();
}

#[test]
fn several_unseen_edits_in_a_row_are_seen_one_by_one() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let first = world.update_unseen(client, 1, &json!({"name": "a"}));
    world.sync(client);
    let second = world.update_unseen(client, 1, &json!({"name": "b", "n": 5}));
    let third = world.update_unseen(client, 1, &json!({"name": "c"}));
    world.settle();
    assert_eq!(world.outcome(client, first), OK);
    assert_eq!(world.get(client, "events", 1, "name"), "a");
    world.sync(client);
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "c", "n": 5}]}})
    );
    assert_eq!(world.outcome(client, second), OK);
    assert_eq!(world.outcome(client, third), OK);
    assert_eq!(world.get(client, "events", 1, "name"), "c");
    world.check_end();
}

#[test]
fn seen_and_unseen_edits_of_one_field_keep_their_order() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    world.set(client, "events", 1, "name", "seen");
    let unseen = world.update_unseen(client, 1, &json!({"name": "unseen"}));
    assert_eq!(world.get(client, "events", 1, "name"), "seen");
    world.fates.push_back(refuse());
    world.sync(client);
    world.settle();
    assert_eq!(
        world.last_sync()["events"]["updated"][0]["name"],
        Value::Null,
        "the server was not reached"
    );
    assert_eq!(world.outcome(client, unseen), Some(Err(ErrorCode::Http)));
    assert_eq!(world.get(client, "events", 1, "name"), "seen");
    let unseen = world.update_unseen(client, 1, &json!({"name": "unseen"}));
    world.set(client, "events", 1, "name", "newest");
    world.sync(client);
    world.settle();
    assert_eq!(
        world.last_sync(),
        json!({"events": {"updated": [{"id": 1, "name": "newest"}]}})
    );
    assert_eq!(world.outcome(client, unseen), OK);
    assert_eq!(world.get(client, "events", 1, "name"), "newest");
    world.check_end();
}

#[test]
fn unseen_additions_and_removals_come_and_go_with_their_confirmation() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let mut row = None;
    let added = world.edit(client, true, |world| {
        row = Some(world.add(client, "events", json!({"name": "new"})));
    });
    let removed = world.edit(client, true, |world| {
        let row = world.find(client, "events", 1).unwrap();
        let store = world.clients[client].stores["events"];
        world.feed(client, Input::Remove(store, &[row])).unwrap();
    });
    assert_eq!(world.count(client, "events"), 2);
    world.fates.push_back(refuse());
    world.sync(client);
    world.settle();
    assert_eq!(world.outcome(client, added), Some(Err(ErrorCode::Http)));
    assert_eq!(world.outcome(client, removed), Some(Err(ErrorCode::Http)));
    assert_eq!(world.changes(client), Value::Null);
    assert_eq!(world.count(client, "events"), 2);

    let both = world.edit(client, true, |world| {
        world.add(client, "events", json!({"name": "new"}));
        let row = world.find(client, "events", 1).unwrap();
        let store = world.clients[client].stores["events"];
        world.feed(client, Input::Remove(store, &[row])).unwrap();
    });
    assert_eq!(world.count(client, "events"), 2);
    world.sync(client);
    assert_eq!(world.count(client, "assignments"), 1);
    world.settle();
    assert_eq!(world.outcome(client, both), OK);
    assert_eq!(world.count(client, "events"), 2);
    assert!(world.find(client, "events", 1).is_none());
    assert_eq!(
        world.count(client, "assignments"),
        0,
        "the server's cascade"
    );
    assert_eq!(world.server.rows["events"].len(), 2);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn unseen_edits_survive_a_load_and_are_gone_when_taken_back() {
    let mut world = World::calendar();
    let client = manual(&mut world);
    let call = world.update_unseen(client, 1, &json!({"name": "a"}));
    world.load(client);
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "one");
    assert_eq!(
        world.changes(client),
        json!({"events": {"updated": [{"id": 1, "name": "a"}]}})
    );
    world.reject_all(client);
    assert_eq!(world.outcome(client, call), Some(Err(ErrorCode::Cancelled)));
    assert_eq!(world.changes(client), Value::Null);
    let sent = world.update_unseen(client, 1, &json!({"name": "b"}));
    world.sync(client);
    world.reject_all(client);
    assert_eq!(world.outcome(client, sent), Some(Err(ErrorCode::Cancelled)));
    world.settle();
    world.sync(client);
    world.settle();
    assert_eq!(world.get(client, "events", 1, "name"), "one");
    assert_eq!(
        world.server.rows["events"].values().next().unwrap()["name"],
        "one"
    );
    world.check_end();
}
