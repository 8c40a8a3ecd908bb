//! What happens to records while they are edited, sent, answered and taken back: the failure
//! scenarios of the protocol.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "store_support.rs"]
mod support;

use serde_json::{Value as Json, json};
use support::{Fixture, full, refused};
use syncline::engine::store::{ApplyOptions, Layer, STALE, Unmentioned};

fn two() -> Fixture {
    Fixture::events(
        json!([{"id": 1, "name": "one", "a": 1, "b": 1}, {"id": 2, "name": "two", "a": 2, "b": 2}]),
    )
}

fn updated(rows: Json) -> Json {
    json!({ "updated": rows })
}

#[test]
fn an_edit_made_during_a_sync_stays_and_is_sent_by_the_next_one() {
    let mut it = two();
    it.set("1", "a", json!(10));
    assert_eq!(it.send(), updated(json!([{"id": 1, "a": 10}])));
    it.set("1", "a", json!(11));
    it.set("1", "b", json!(12));
    it.answer(json!({}));
    assert_eq!(it.get("1", "a"), json!(11));
    assert!(it.store.has_changes());
    assert_eq!(it.send(), updated(json!([{"id": 1, "a": 11, "b": 12}])));
    it.answer(json!({}));
    assert!(!it.store.has_unconfirmed());
    assert_eq!(it.changes(), Json::Null);
}

#[test]
fn an_edit_back_to_the_original_during_a_sync_is_sent_once_the_first_is_confirmed() {
    let mut it = two();
    it.set("1", "a", json!(10));
    it.send();
    it.set("1", "a", json!(1));
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.has_changes());
    it.answer(json!({}));
    assert!(it.store.has_changes());
    assert_eq!(it.send(), updated(json!([{"id": 1, "a": 1}])));
}

#[test]
fn a_record_added_during_a_sync_is_not_confirmed_by_its_answer() {
    let mut it = two();
    let first = it.add(json!({"name": "first"}));
    it.send();
    let second = it.add(json!({"name": "second"}));
    it.answer(json!({"rows": [{"$PhantomId": first, "id": 10}]}));
    assert!(it.has("10"));
    assert_eq!(
        it.send(),
        json!({"added": [{"$PhantomId": second, "name": "second"}]})
    );
}

#[test]
fn an_edit_of_a_phantom_on_the_wire_is_sent_as_an_update_of_the_real_record() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new", "a": 1}));
    it.send();
    it.set(&phantom, "a", json!(5));
    assert!(it.store.has_changes());
    let applied = it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10}]}));
    assert_eq!(applied.new_ids.len(), 1);
    assert_eq!(it.get("10", "a"), json!(5));
    assert_eq!(it.send(), updated(json!([{"id": 10, "a": 5}])));
}

#[test]
fn a_phantom_removed_on_the_wire_is_removed_on_the_server_once_its_id_is_known() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    it.remove(&[&phantom]);
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.has_changes());
    it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10, "name": "new"}]}));
    assert!(!it.has("10"));
    assert_eq!(it.send(), json!({"removed": [{"id": 10}]}));
    it.answer(json!({}));
    assert_eq!(it.ids(), ["1", "2"]);
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn a_phantom_removed_on_the_wire_is_forgotten_when_the_request_is_refused() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    it.remove(&[&phantom]);
    it.thaw();
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.has_unconfirmed());
    assert_eq!(it.store.table().live().count(), 2);
}

#[test]
fn an_answer_that_comes_twice_patches_the_record_that_it_made() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    let section = json!({"rows": [{"$PhantomId": phantom, "id": 10, "name": "new"}]});
    it.answer(section.clone());
    it.answer(section.clone());
    it.remote(section);
    assert_eq!(it.ids(), ["1", "2", "10"]);
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn a_short_answer_confirms_what_it_does_not_mention() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remove(&["2"]);
    it.send();
    it.answer(json!({"rows": [{"id": 99, "name": "another user's"}]}));
    assert_eq!(it.ids(), ["1", "99"]);
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn a_full_answer_leaves_dirty_what_it_does_not_mention() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.set("2", "a", json!(5));
    it.send();
    let applied = it.answer_with(json!({"rows": [{"id": 2}]}), &full());
    assert_eq!(applied.warnings.len(), 1);
    assert_eq!(it.changes(), updated(json!([{"id": 1, "a": 5}])));
}

#[test]
fn a_removal_that_the_server_does_not_confirm_or_refuses_brings_the_record_back() {
    let mut it = Fixture::events(json!([{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}]));
    it.remove(&["1", "2", "3"]);
    assert_eq!(
        it.send(),
        json!({"removed": [{"id": 1}, {"id": 2}, {"id": 3}]})
    );
    let section =
        json!({"removed": [{"id": 1}], "rows": [{"id": 3, "success": false, "error": "in use"}]});
    let applied = it.answer_with(section, &full());
    assert_eq!(it.ids(), ["2", "3", "4"]);
    assert_eq!(applied.refused.len(), 2);
    assert!(applied.refused.iter().all(|refused| refused.reverted));
    assert_eq!(it.store.sync_error(it.id("3")), Some("in use"));
    assert_eq!(it.changes(), Json::Null);
    assert_eq!(it.store.take_aftermath().restored.len(), 2);
}

#[test]
fn a_removed_record_that_the_answer_still_has_comes_back() {
    let mut it = two();
    it.remove(&["1"]);
    it.send();
    let applied = it.answer(json!({"rows": [{"id": 1, "name": "still here"}]}));
    assert_eq!(it.get("1", "name"), json!("still here"));
    assert_eq!(applied.refused.len(), 1);
}

#[test]
fn values_that_the_server_answers_are_clean() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.send();
    it.answer(json!({"rows": [{"id": "1", "a": "5", "name": "trimmed", "extra": true}, {"id": 2, "b": 7}]}));
    assert_eq!(it.get("1", "name"), json!("trimmed"));
    assert_eq!(it.get("2", "b"), json!(7));
    assert_eq!(it.get("1", "id"), json!(1));
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.has_changes());
}

#[test]
fn a_remote_changeset_makes_nothing_dirty() {
    let mut it = two();
    it.remote(json!({"added": [{"id": 3, "name": "three"}], "updated": [{"id": 1, "a": 9}], "removed": [{"id": 2}]}));
    assert_eq!(it.ids(), ["1", "3"]);
    assert_eq!(it.get("1", "a"), json!(9));
    assert!(!it.store.has_unconfirmed());
    assert_eq!(it.changes(), Json::Null);
}

#[test]
fn a_remote_change_lies_under_unsent_edits() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remote(json!({"updated": [{"id": 1, "a": 7, "b": 8}, {"id": 2, "b": 8}]}));
    assert_eq!(it.get("1", "a"), json!(5));
    assert_eq!(it.get("1", "b"), json!(8));
    assert_eq!(it.changes(), updated(json!([{"id": 1, "a": 5}])));
    it.reject();
    assert_eq!(it.get("1", "a"), json!(7));
}

#[test]
fn a_remote_change_during_a_sync_confirms_nothing() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.send();
    it.remote(json!({"updated": [{"id": 1, "b": 8}]}));
    assert!(it.store.has_inflight());
    it.thaw();
    assert_eq!(it.changes(), updated(json!([{"id": 1, "a": 5}])));
}

#[test]
fn a_remote_removal_takes_unsent_edits_along_and_says_so() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remote(json!({"removed": [{"id": 1}, {"id": 77}]}));
    let aftermath = it.store.take_aftermath();
    assert_eq!(aftermath.lost.len(), 1);
    assert_eq!(aftermath.removed_by_server.len(), 1);
    assert!(!it.store.has_changes());
}

#[test]
fn an_addition_that_the_answer_loses_stays_a_phantom() {
    let mut it = two();
    let first = it.add(json!({"name": "first"}));
    let second = it.add(json!({"name": "second"}));
    it.send();
    let applied = it.answer(json!({"rows": [{"$PhantomId": first, "name": "first"}]}));
    assert_eq!(applied.warnings.len(), 1);
    assert_eq!(applied.warnings[0].rows.len(), 2);
    assert!(it.store.state(it.id(&second)).unwrap().phantom);
    assert_eq!(
        it.changes(),
        json!({"added": [{"$PhantomId": first, "name": "first"}, {"$PhantomId": second, "name": "second"}]})
    );
}

#[test]
fn refused_records_keep_their_edits_and_the_others_commit() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.set("2", "a", json!(6));
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    let section = json!({"rows": [
        {"id": 1, "success": false, "error": "too big"},
        {"$PhantomId": phantom, "success": false, "error": "no name"},
    ]});
    let applied = it.answer(section);
    assert_eq!(applied.refused.len(), 2);
    assert_eq!(applied.refused[0].message, "too big");
    assert!(!applied.refused[0].reverted);
    assert_eq!(it.get("1", "a"), json!(5));
    assert_eq!(it.store.sync_error(it.id("1")), Some("too big"));
    assert_eq!(it.store.sync_error(it.id(&phantom)), Some("no name"));
    assert_eq!(
        it.changes(),
        json!({"added": [{"$PhantomId": phantom, "name": "new"}], "updated": [{"id": 1, "a": 5}]})
    );
    it.send();
    it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10}]}));
    assert_eq!(it.store.sync_error(it.id("1")), None);
}

#[test]
fn refused_records_do_not_hold_up_the_others_and_go_again_once_they_are_edited() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.send();
    it.answer(json!({"rows": [{"id": 1, "success": false, "error": "too big"}]}));
    assert!(it.store.has_changes());
    assert!(!it.store.has_ready_changes());
    assert!(!it.store.freeze_ready(&mut it.out));
    it.set("2", "a", json!(6));
    assert!(it.store.freeze_ready(&mut it.out));
    assert_eq!(
        it.package(Layer::Inflight),
        updated(json!([{"id": 2, "a": 6}]))
    );
    it.answer(json!({}));
    it.set("1", "b", json!(6));
    assert!(it.store.has_ready_changes());
    it.set("1", "b", json!(1));
    assert!(it.store.freeze_ready(&mut it.out));
    assert_eq!(
        it.package(Layer::Inflight),
        updated(json!([{"id": 1, "a": 5}]))
    );
    it.checked(());
}

#[test]
fn refused_records_lose_their_edits_when_asked_to_but_not_newer_ones() {
    let mut it = two();
    it.set("1", "a", json!(5));
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    it.set("1", "b", json!(7));
    let revert = ApplyOptions {
        revert_refused: true,
        unmentioned: Unmentioned::Undecided,
        ..ApplyOptions::default()
    };
    let section = json!({"rows": [{"id": 1, "success": false, "error": "too big"}, {"$PhantomId": phantom, "success": false}]});
    let applied = it.answer_with(section, &revert);
    assert!(applied.refused.iter().all(|refused| refused.reverted));
    assert_eq!(it.get("1", "a"), json!(1));
    assert_eq!(it.store.sync_error(it.id("1")), Some("too big"));
    assert!(!it.has(&phantom));
    assert_eq!(it.changes(), updated(json!([{"id": 1, "b": 7}])));
}

#[test]
fn a_failed_answer_with_outcomes_decides_nothing_about_the_rest() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remove(&["2"]);
    it.send();
    let undecided = ApplyOptions {
        unmentioned: Unmentioned::Undecided,
        ..ApplyOptions::default()
    };
    it.answer_with(json!({"rows": [{"id": 1, "success": true}]}), &undecided);
    assert_eq!(it.changes(), json!({"removed": [{"id": 2}]}));
    assert_eq!(it.ids(), ["1"]);
}

#[test]
fn who_wins_a_field_that_both_changed_can_be_chosen() {
    for (local_wins, wanted) in [(true, 3), (false, 4)] {
        let mut it = two();
        it.set("1", "a", json!(2));
        it.send();
        it.set("1", "a", json!(3));
        it.set("1", "b", json!(9));
        let options = ApplyOptions {
            local_wins,
            ..ApplyOptions::default()
        };
        it.answer_with(json!({"rows": [{"id": 1, "a": 4, "b": 1}]}), &options);
        assert_eq!(it.get("1", "a"), json!(wanted));
        assert_eq!(
            it.get("1", "b"),
            json!(9),
            "the server hasn't changed this one"
        );
    }
}

#[test]
fn an_echo_of_what_was_sent_takes_no_newer_edit_away_even_when_the_server_wins() {
    let mut it = two();
    it.set("1", "a", json!(2));
    it.send();
    it.set("1", "a", json!(3));
    let remote = ApplyOptions {
        local_wins: false,
        ..ApplyOptions::default()
    };
    it.answer_with(json!({"rows": [{"id": 1, "a": 2}]}), &remote);
    assert_eq!(it.get("1", "a"), json!(3));
    assert!(it.store.has_changes());
}

#[test]
fn reject_restores_values_order_parents_and_removed_records() {
    let rows = json!([
        {"id": 1, "name": "root"}, {"id": 2, "name": "child", "parentId": 1}, {"id": 3, "name": "leaf", "parentId": 2},
        {"id": 4, "name": "other"}, {"id": 5, "name": "last"},
    ]);
    let mut it = Fixture::tasks(rows);
    let before = it.seen();
    it.set("2", "parentId", json!(4));
    it.set("5", "name", json!("changed"));
    it.move_to(&["5"], 0);
    it.remove(&["1"]);
    it.remove(&["4"]);
    it.add(json!({"name": "phantom", "parentId": 5}));
    assert_eq!(it.ids().len(), 2);
    it.reject();
    assert_eq!(it.seen(), before);
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.has_unconfirmed());
    let root = it.id("1").row;
    let children = it.store.children(root);
    assert_eq!(children, [it.id("2").row]);
}

#[test]
fn fields_that_nobody_listens_to_are_named_and_not_told() {
    let mut it = two();
    it.store.listen(STALE);
    it.out.clear();
    it.set("2", "a", json!(5));
    assert!(it.out.is_empty(), "what the user does is known");
    it.store.reject_all(&mut it.out);
    assert!(it.out.list().is_empty() && !it.out.is_empty());
    let stale = it.out.take_stale();
    let [stale] = stale.as_slice() else {
        panic!("{stale:?}");
    };
    assert_eq!((stale.store, stale.row), (it.store.id(), it.id("2")));
    assert_eq!(Some(stale.field), it.store.table().schema().find("a"));
    assert_eq!(stale.value.as_number(), Some(2.0));
    assert!(it.out.is_empty() && it.get("2", "a") == json!(2));
}

#[test]
fn a_reject_during_a_sync_shows_what_the_server_had_and_undoes_what_it_then_confirms() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remove(&["2"]);
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    it.set("1", "b", json!(6));
    it.reject();
    assert_eq!(it.ids(), ["1", "2"]);
    assert_eq!(it.get("1", "a"), json!(1));
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.has_changes());
    it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10}]}));
    let ids = it.ids();
    assert_eq!(ids[0], "1");
    assert_eq!(
        it.send(),
        json!({
            "added": [{"$PhantomId": ids[1], "name": "two", "a": 2, "b": 2}],
            "updated": [{"id": 1, "a": 1}],
            "removed": [{"id": 10}],
        })
    );
}

#[test]
fn a_reject_during_a_sync_that_fails_leaves_nothing() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remove(&["2"]);
    it.add(json!({"name": "new"}));
    it.send();
    it.reject();
    it.thaw();
    assert_eq!(it.ids(), ["1", "2"]);
    assert!(!it.store.has_unconfirmed());
    assert_eq!(it.store.table().live().count(), 2);
}

#[test]
fn a_thaw_puts_everything_back_in_wait() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remove(&["2"]);
    let phantom = it.add(json!({"name": "new"}));
    let sent = it.send();
    assert!(!it.store.has_changes());
    it.thaw();
    assert!(it.store.has_changes());
    assert_eq!(it.changes(), sent);
    assert_eq!(it.send(), sent, "the same phantom id too");
    assert!(it.has(&phantom));
}

#[test]
fn reverting_what_was_refused_keeps_newer_edits() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remove(&["2"]);
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    it.set("1", "b", json!(6));
    it.store.revert_inflight(&refused(), &mut it.out);
    it.checked(());
    assert_eq!(it.ids(), ["1", "2"]);
    assert!(!it.has(&phantom));
    assert_eq!(it.changes(), updated(json!([{"id": 1, "b": 6}])));
}

#[test]
fn the_servers_record_that_came_before_the_answer_becomes_the_phantoms() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new", "a": 1}));
    let handle = it.id(&phantom);
    it.send();
    it.remote(json!({"added": [{"id": 10, "name": "new", "a": 1}]}));
    it.set("10", "b", json!(3));
    it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10}]}));
    assert_eq!(it.ids(), ["1", "2", "10"]);
    assert_eq!(it.id("10"), handle);
    assert_eq!(it.changes(), updated(json!([{"id": 10, "b": 3}])));
}

#[test]
fn a_push_of_ones_own_addition_confirms_it() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    let push = json!({"updated": [{"$PhantomId": phantom, "id": 10, "name": "new"}]});
    it.remote(push);
    assert_eq!(it.ids(), ["1", "2", "10"]);
    it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10}]}));
    assert_eq!(it.ids(), ["1", "2", "10"]);
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn an_addition_whose_answer_was_lost_keeps_its_later_edits_when_it_turns_up() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new", "a": 1}));
    it.send();
    it.thaw();
    it.set(&phantom, "a", json!(2));
    it.remote(json!({"added": [{"$PhantomId": phantom, "id": 10, "name": "new", "a": 1}]}));
    assert_eq!(it.changes(), updated(json!([{"id": 10, "a": 2}])));
}

#[test]
fn hostile_rows_are_passed_over() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.send();
    let rows = json!({"rows": [
        null, 7, "x", [], {"id": null}, {"name": "no id"}, {"id": {}, "name": "odd"}, {"$PhantomId": "unknown", "id": 55},
        {"id": "__proto__", "__proto__": {"a": 1}}, {"id": 404, "success": false, "error": "?"},
    ], "removed": [null, {"id": null}, {}, {"id": 1000}]});
    let applied = it.answer(rows);
    assert_eq!(it.ids(), ["1", "2", "__proto__"]);
    assert!(applied.warnings.len() >= 4, "{:?}", applied.warnings);
    assert!(!it.store.has_unconfirmed());
}

fn subtree() -> Fixture {
    Fixture::tasks(json!([
        {"id": 1, "name": "a"}, {"id": 2, "name": "b", "parentId": 1},
        {"id": 3, "name": "c", "parentId": 2}, {"id": 4, "name": "d"},
    ]))
}

#[test]
fn a_subtree_whose_removal_is_taken_back_too_late_is_added_again_as_a_whole() {
    for (options, section) in [
        (ApplyOptions::default(), json!({})),
        (full(), json!({"removed": [{"id": 1}]})),
        (
            full(),
            json!({"removed": [{"id": 3}, {"id": 2}, {"id": 1}]}),
        ),
    ] {
        let mut it = subtree();
        // The child is dirty first: parents come first all the same.
        it.set("3", "name", json!("C"));
        it.remove(&["1"]);
        it.send();
        it.reject();
        assert_eq!(it.ids(), ["1", "2", "3", "4"]);
        let applied = it.answer_with(section, &options);
        assert!(applied.more_to_send);
        let names: Vec<Json> = it.seen().iter().map(|row| row["name"].clone()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        let package = it.send();
        let added = package["added"].as_array().unwrap();
        let names: Vec<&Json> = added.iter().map(|row| &row["name"]).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(added[1]["$PhantomParentId"], added[0]["$PhantomId"]);
        assert_eq!(added[2]["$PhantomParentId"], added[1]["$PhantomId"]);
        assert_eq!(added[0]["$PhantomId"].as_str().unwrap().len(), 36);
        assert!(package.get("updated").is_none() && package.get("removed").is_none());
        let rows: Vec<Json> = added
            .iter()
            .zip(11..)
            .map(|(row, id)| json!({"$PhantomId": row["$PhantomId"], "id": id}))
            .collect();
        it.answer(json!({ "rows": rows }));
        assert_eq!(it.ids(), ["11", "12", "13", "4"]);
        assert_eq!(it.get("13", "parentId"), json!(12));
        assert!(!it.store.has_unconfirmed());
        let key = it.store.key(it.id("12")).unwrap();
        assert_eq!(key, "2", "a record keeps its name");
    }
}

#[test]
fn a_subtree_whose_removal_was_taken_back_and_is_refused_stays_as_it_was() {
    let mut it = subtree();
    it.remove(&["1"]);
    it.send();
    it.reject();
    it.answer_with(
        json!({"removed": [{"id": 1, "success": false, "error": "no"}]}),
        &ApplyOptions::default(),
    );
    assert_eq!(it.ids(), ["1", "2", "3", "4"]);
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn what_was_put_under_a_record_that_is_new_again_names_it_by_its_client_id() {
    let mut it = subtree();
    it.remove(&["1"]);
    it.send();
    it.reject();
    it.set("4", "parentId", json!(3));
    it.answer(json!({}));
    let package = it.send();
    let third = package["added"][2]["$PhantomId"].clone();
    assert_eq!(
        package["updated"],
        json!([{"id": 4, "$PhantomParentId": third}])
    );
}

#[test]
fn added_parents_stand_before_their_children_in_a_package() {
    let mut it = subtree();
    let child = it.add(json!({"name": "child"}));
    let parent = it.add(json!({"name": "parent"}));
    let grandchild = it.add(json!({"name": "grandchild", "parentId": child}));
    it.set(&child, "parentId", json!(parent));
    let added = it.send()["added"].clone();
    let order: Vec<&str> = added
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["$PhantomId"].as_str().unwrap())
        .collect();
    assert_eq!(order, [&parent, &child, &grandchild]);
}
