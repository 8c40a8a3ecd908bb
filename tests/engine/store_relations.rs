//! What records are to each other: trees, and references between stores.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "store_support.rs"]
mod support;

use serde_json::{Value as Json, json};
use support::{Fixture, code};
use syncline::engine::error::ErrorCode;
use syncline::engine::input::Place;
use syncline::engine::schema::FieldIx;
use syncline::engine::store::{Aftermath, Id, Layer, PackageOptions};
use syncline::engine::table::IdRef;
use syncline::engine::value::Value;

// --- trees
// -----------------------------------------------------------------------------------------

#[test]
fn trees_come_flat_in_any_order_or_nested() {
    for rows in [
        json!([{"id": 3, "parentId": 2}, {"id": 2, "parentId": "1"}, {"id": 4, "parentId": 1}, {"id": 1}]),
        json!([{"id": 1, "children": [{"id": 2, "children": [{"id": 3}]}, {"id": 4, "children": null}]}]),
    ] {
        let mut it = Fixture::tasks(rows);
        let root = it.id("1").row;
        let children: Vec<_> = it.store.children(root);
        assert_eq!(children, [it.id("2").row, it.id("4").row]);
        assert_eq!(it.store.parent(it.id("3").row), Some(it.id("2").row));
        assert_eq!(it.store.roots(), [root]);
        assert!(!it.store.has_unconfirmed());
    }
}

#[test]
fn a_record_can_not_become_its_own_ancestor() {
    let mut it =
        Fixture::tasks(json!([{"id": 1}, {"id": 2, "parentId": 1}, {"id": 3, "parentId": 2}]));
    let one = it.id("1");
    for parent in [json!(1), json!("1"), json!(3), json!(2)] {
        assert_eq!(
            code(it.try_set(one, "parentId", parent)),
            Some(ErrorCode::InvalidArgument)
        );
    }
    assert_eq!(
        code(it.try_set(one, "parentId", json!({}))),
        Some(ErrorCode::InvalidArgument)
    );
    assert!(it.set("3", "parentId", json!(1)));
    assert!(it.set("1", "parentId", json!("elsewhere")));
    let circle = json!([{"id": "a", "parentId": "b"}, {"id": "b", "parentId": "a"}]);
    assert_eq!(
        code(it.try_add(circle, Place::End)),
        Some(ErrorCode::InvalidArgument)
    );
    let through = json!([{"id": "elsewhere", "parentId": 1}]);
    assert_eq!(
        code(it.try_add(through, Place::End)),
        Some(ErrorCode::InvalidArgument)
    );
}

#[test]
fn circles_that_a_server_sends_hang_nothing() {
    let mut it = Fixture::tasks(
        json!([{"id": 1, "parentId": 2}, {"id": 2, "parentId": 1}, {"id": 3, "parentId": 3}, {"id": 4}]),
    );
    assert!(it.set("4", "parentId", json!(1)));
    it.add(json!({"id": 5, "parentId": 3}));
    let one = it.id("1");
    assert_eq!(
        code(it.try_set(one, "parentId", json!(4))),
        Some(ErrorCode::InvalidArgument)
    );
    assert_eq!(it.remove(&["1"]), 3);
    assert_eq!(it.remove(&["3"]), 2);
}

#[test]
fn removing_a_parent_takes_its_descendants_along_and_lists_them_when_asked_to() {
    let rows = json!([{"id": 1, "children": [{"id": 2, "children": [{"id": 3}]}]}, {"id": 4}]);
    let mut it = Fixture::tasks(rows);
    assert_eq!(it.remove(&["1"]), 3);
    assert_eq!(it.ids(), ["4"]);
    assert_eq!(
        it.changes(),
        json!({"removed": [{"id": 1}, {"id": 2}, {"id": 3}]})
    );
    let options = PackageOptions {
        include_children_in_remove_request: false,
        ..PackageOptions::default()
    };
    assert_eq!(
        it.package_with(Layer::Unconfirmed, &options),
        json!({"removed": [{"id": 1}]})
    );
    it.reject();
    assert_eq!(it.ids(), ["1", "2", "3", "4"]);
}

#[test]
fn the_child_of_a_phantom_names_its_parent_by_the_phantom_field_until_the_id_is_known() {
    let mut it = Fixture::tasks(json!([{"id": 1}, {"id": 2}]));
    let added = it
        .try_add(
            json!([{"name": "p", "children": [{"name": "c"}]}]),
            Place::End,
        )
        .unwrap();
    let keys: Vec<String> = added
        .iter()
        .map(|&row| it.store.key(row).unwrap().into_owned())
        .collect();
    it.set("2", "parentId", json!(keys[0]));
    let sent = it.send();
    assert_eq!(
        sent,
        json!({
            "added": [{"$PhantomId": keys[0], "name": "p"}, {"$PhantomId": keys[1], "$PhantomParentId": keys[0], "name": "c"}],
            "updated": [{"id": 2, "$PhantomParentId": keys[0]}],
        })
    );
    it.answer(
        json!({"rows": [{"$PhantomId": keys[1], "id": 11}, {"$PhantomId": keys[0], "id": 10}]}),
    );
    assert_eq!(it.get("11", "parentId"), json!(10));
    assert_eq!(it.get("2", "parentId"), json!(10));
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn dropping_a_phantom_parent_drops_its_phantom_children_and_frees_real_ones() {
    let mut it = Fixture::tasks(json!([{"id": 1}, {"id": 2, "parentId": 1}]));
    let parent = it.add(json!({"name": "p"}));
    it.add(json!({"name": "c", "parentId": parent}));
    it.set("2", "parentId", json!(parent));
    let handle = it.id(&parent);
    it.store.reject(handle, &mut it.out).unwrap();
    it.checked(());
    assert_eq!(it.ids(), ["1", "2"]);
    assert_eq!(it.get("2", "parentId"), json!(1));
    assert!(!it.store.has_unconfirmed());
}

// --- references
// ------------------------------------------------------------------------------------

fn assignments(relation: Json, rows: Json) -> Fixture {
    let mut it = Fixture::with_id(
        2,
        json!({"id": "assignments", "relations": [relation], "fields": [{"name": "eventId"}]}),
    );
    it.load(rows);
    it
}

fn event_field(it: &Fixture) -> FieldIx {
    it.store.relations().next().unwrap().0
}

fn id(text: &str) -> Vec<Id> {
    vec![Id::Text(text.into())]
}

#[test]
fn who_refers_to_a_record_is_found_also_after_edits() {
    let relation = json!({"field": "eventId", "store": "events"});
    let mut it = assignments(
        relation,
        json!([{"id": 1, "eventId": 7}, {"id": 2, "eventId": "7"}, {"id": 3, "eventId": 8}]),
    );
    let field = event_field(&it);
    assert_eq!(
        it.store.referrers(field, IdRef::Number(7.0)),
        [it.id("1"), it.id("2")]
    );
    it.set("2", "eventId", json!(8));
    it.remove(&["3"]);
    let new = it.add(json!({"eventId": "8"}));
    it.remote(json!({"added": [{"id": 9, "eventId": 8}], "removed": [{"id": 1}]}));
    assert_eq!(
        it.store.referrers(field, IdRef::Text("8")),
        [it.id("2"), it.id(&new), it.id("9")]
    );
    assert!(it.store.referrers(field, IdRef::Text("7")).is_empty());
    it.reject();
    assert_eq!(
        it.store.referrers(field, IdRef::Text("8")),
        [it.id("3"), it.id("9")]
    );
}

#[test]
fn a_cascade_is_not_sent_unless_asked_for_and_is_undone_with_its_cause() {
    for (send, wanted) in [(false, Json::Null), (true, json!({"removed": [{"id": 1}]}))] {
        let relation = json!({"field": "eventId", "store": "events", "sendCascade": send});
        let mut it = assignments(
            relation,
            json!([{"id": 1, "eventId": 7}, {"id": 2, "eventId": 8}]),
        );
        let field = event_field(&it);
        let gone = it.store.cascade(field, &id("7"), false, &mut it.out);
        it.checked(());
        assert_eq!(gone.len(), 1);
        assert_eq!(it.ids(), ["2"]);
        assert_eq!(it.changes(), wanted);
        assert_eq!(it.store.has_changes(), send);
        assert_eq!(it.store.freeze(&mut it.out), send);
        assert_eq!(it.package(Layer::Inflight), wanted);
        it.store.undo_cascade(field, &id("7"), &mut it.out);
        it.thaw();
        assert_eq!(it.ids(), ["1", "2"]);
        assert!(!it.store.has_unconfirmed());
    }
}

#[test]
fn a_reference_that_is_nulled_by_a_cascade_comes_back_with_its_cause() {
    let relation = json!({"field": "eventId", "store": "events", "onRemove": "setNull"});
    let mut it = assignments(
        relation,
        json!([{"id": 1, "eventId": 7}, {"id": 2, "eventId": 8}]),
    );
    let field = event_field(&it);
    it.store.cascade(field, &id("7"), false, &mut it.out);
    it.checked(());
    assert_eq!(it.get("1", "eventId"), Json::Null);
    assert_eq!(it.changes(), Json::Null);
    it.store.undo_cascade(field, &id("7"), &mut it.out);
    it.checked(());
    assert_eq!(it.get("1", "eventId"), json!(7));
    it.store.cascade(field, &id("7"), false, &mut it.out);
    it.set("1", "name", json!("sent with nothing else"));
    assert_eq!(
        it.send(),
        json!({"updated": [{"id": 1, "name": "sent with nothing else"}]})
    );
    it.answer(json!({}));
    it.store.settle_cascade(field, &id("7"), &mut it.out);
    it.checked(());
    it.reject();
    assert_eq!(
        it.get("1", "eventId"),
        Json::Null,
        "the server has done the same"
    );
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn a_cascade_waits_until_its_cause_is_decided() {
    let relation = json!({"field": "eventId", "store": "events"});
    for refused in [false, true] {
        let mut events = Fixture::events(json!([{"id": 7}]));
        let mut it = assignments(
            relation.clone(),
            json!([{"id": 1, "eventId": 7}, {"id": 2, "eventId": 8}]),
        );
        let field = event_field(&it);
        events.remove(&["7"]);
        let removed = events.store.take_aftermath().removed;
        it.store.cascade(field, &removed, false, &mut it.out);
        events.send();
        it.send();
        it.answer(json!({}));
        assert!(!it.has("1"));
        events.answer(json!({"rows": [{"id": 7, "success": !refused}]}));
        let aftermath = events.store.take_aftermath();
        it.store
            .settle_cascade(field, &aftermath.confirmed, &mut it.out);
        it.store
            .undo_cascade(field, &aftermath.restored, &mut it.out);
        it.checked(());
        assert_eq!(it.has("1"), refused);
        it.reject();
        assert_eq!(it.has("1"), refused);
        assert_eq!(it.store.table().live().count(), 1 + usize::from(refused));
    }
}

#[test]
fn descendants_come_back_with_a_parent_whose_removal_is_refused() {
    let mut it = Fixture::tasks(json!([{"id": 1, "children": [{"id": 2}, {"id": 3}]}, {"id": 4}]));
    it.set("3", "name", json!("edited before"));
    it.remove(&["1", "4"]);
    it.send();
    it.answer(json!({"rows": [{"id": 1, "success": false, "error": "in use"}]}));
    assert_eq!(it.ids(), ["1", "2", "3"]);
    assert_eq!(
        it.changes(),
        json!({"updated": [{"id": 3, "name": "edited before"}]})
    );
}

#[test]
fn what_the_server_removed_cascades_in_base() {
    for (on_remove, ids) in [
        ("cascade", vec!["2"]),
        ("setNull", vec!["1", "2"]),
        ("none", vec!["1", "2"]),
    ] {
        let relation = json!({"field": "eventId", "store": "events", "onRemove": on_remove});
        let mut it = assignments(
            relation,
            json!([{"id": 1, "eventId": 7}, {"id": 2, "eventId": 8}]),
        );
        let field = event_field(&it);
        it.store.cascade(field, &id("7"), true, &mut it.out);
        it.checked(());
        it.reject();
        assert_eq!(it.ids(), ids);
        assert!(!it.store.has_unconfirmed());
    }
}

#[test]
fn a_phantom_id_is_rewritten_in_every_layer() {
    let relation = json!({"field": "eventId", "store": "events"});
    let mut it = assignments(
        relation,
        json!([{"id": 1, "eventId": "P"}, {"id": 2, "eventId": 8}, {"id": 3, "eventId": "P"}, {"id": 4, "eventId": 8}]),
    );
    let field = event_field(&it);
    let new = it.add(json!({"eventId": "P"}));
    it.set("2", "eventId", json!("P"));
    it.send();
    it.set("2", "eventId", json!(9));
    it.set("3", "eventId", json!(9));
    it.set("4", "eventId", json!("P"));
    it.store
        .rewrite_reference(field, IdRef::Text("P"), Value::Number(70.0), &mut it.out);
    it.checked(());
    assert_eq!(it.get("1", "eventId"), json!(70));
    assert_eq!(it.get(&new, "eventId"), json!(70));
    assert_eq!(it.get("4", "eventId"), json!(70));
    assert_eq!(
        it.package(Layer::Inflight),
        json!({"added": [{"$PhantomId": new, "eventId": 70}], "updated": [{"id": 2, "eventId": 70}]})
    );
    it.thaw();
    it.reject();
    assert_eq!(it.get("3", "eventId"), json!(70));
    assert_eq!(it.get("2", "eventId"), json!(8));
}

#[test]
fn a_reference_that_was_sent_as_a_phantoms_is_clean_once_both_are_answered() {
    let relation = json!({"field": "eventId", "store": "events"});
    let mut it = assignments(relation, json!([{"id": 1, "eventId": 8}]));
    let field = event_field(&it);
    it.set("1", "eventId", json!("P"));
    it.send();
    it.answer(json!({}));
    it.store
        .rewrite_reference(field, IdRef::Text("P"), Value::Number(70.0), &mut it.out);
    it.checked(());
    assert_eq!(it.get("1", "eventId"), json!(70));
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn a_phantoms_text_that_the_server_kept_is_corrected_by_an_update() {
    let relation = json!({"field": "eventId", "store": "events"});
    let mut it = assignments(relation, json!([]));
    let field = event_field(&it);
    let new = it.add(json!({"eventId": "P"}));
    it.send();
    // Ids are followed before what the rows say is applied.
    it.store
        .rewrite_reference(field, IdRef::Text("P"), Value::Number(70.0), &mut it.out);
    it.answer(json!({"rows": [{"$PhantomId": new, "id": 5, "eventId": "P"}]}));
    assert_eq!(it.get("5", "eventId"), json!("P"));
    let row = it.store.table().find_id(IdRef::Number(5.0)).unwrap();
    it.store
        .correct_references(field, &[(row, Id::Number(70.0))], &mut it.out);
    it.checked(());
    assert_eq!(it.get("5", "eventId"), json!(70));
    assert_eq!(it.send(), json!({"updated": [{"id": 5, "eventId": 70}]}));
    it.answer(json!({"rows": [{"id": 5, "eventId": "70"}]}));
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn an_operation_says_what_other_stores_have_to_follow() {
    let rows = json!([{"id": 1, "name": "one", "a": 1}, {"id": 2, "name": "two", "a": 2}]);
    let mut it = Fixture::events(rows);
    assert!(!it.store.has_aftermath());
    let phantom = it.add(json!({"name": "new"}));
    it.remove(&["1"]);
    it.send();
    it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10}]}));
    it.remote(json!({"removed": [{"id": 2}]}));
    let dropped = it.add(json!({"name": "dropped"}));
    it.reject();
    let aftermath = it.store.take_aftermath();
    assert_eq!(aftermath.id_changes.len(), 1);
    assert_eq!(aftermath.id_changes[0].new, Id::Number(10.0));
    assert_eq!(aftermath.removed, [Id::Number(1.0)]);
    assert_eq!(aftermath.removed_by_server, [Id::Number(2.0)]);
    assert_eq!(aftermath.undone, id(&dropped));
    assert_eq!(it.store.take_aftermath(), Aftermath::default());
}
