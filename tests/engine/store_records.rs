//! What users do with records: edits, ids, places, loads, packages, notices.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "store_support.rs"]
mod support;

use serde_json::{Value as Json, json};
use support::{Fixture, code};
use syncline::engine::error::ErrorCode;
use syncline::engine::event::{NoticeKind, Origin};
use syncline::engine::input::{Place, StoreId};
use syncline::engine::schema::FieldIx;
use syncline::engine::store::{Id, Layer, PackageOptions, Store};
use syncline::engine::table::IdRef;
use syncline::engine::value::Value;

fn two() -> Fixture {
    Fixture::events(json!([{"id": 1, "name": "one", "a": 1}, {"id": 2, "name": "two", "a": 2}]))
}

// --- edits
// -----------------------------------------------------------------------------------------

#[test]
fn setting_the_value_that_is_there_changes_nothing() {
    let mut it = two();
    assert!(!it.set("1", "a", json!("1")), "text that holds the number");
    assert!(!it.set("1", "name", json!("one")));
    assert!(!it.set("1", "b", Json::Null), "what isn't there is null");
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn an_edit_back_to_the_original_leaves_the_record_clean() {
    let mut it = two();
    assert!(it.set("1", "name", json!("x")));
    assert!(it.set("1", "b", json!(3)));
    assert_eq!(it.store.pending_count(), 1);
    assert!(it.set("1", "name", json!("one")));
    assert!(it.set("1", "b", Json::Null));
    assert_eq!(it.store.pending_count(), 0);
    assert!(!it.store.state(it.id("1")).unwrap().modified);
}

#[test]
fn an_added_record_that_is_removed_leaves_nothing() {
    let mut it = two();
    let id = it.add(json!({"name": "new"}));
    let handle = it.id(&id);
    it.set(&id, "a", json!(4));
    it.remove(&[&id]);
    assert_eq!(it.changes(), Json::Null);
    assert_eq!(
        code(it.try_set(handle, "a", json!(1))),
        Some(ErrorCode::UnknownRecord)
    );
    it.add(json!({"name": "moves into the freed place"}));
    assert_eq!(
        code(it.try_set(handle, "a", json!(1))),
        Some(ErrorCode::UnknownRecord)
    );
}

#[test]
fn an_added_record_that_is_edited_is_only_added() {
    let mut it = two();
    let id = it.add(json!({"name": "new"}));
    it.set(&id, "name", json!("newer"));
    assert_eq!(
        it.changes(),
        json!({"added": [{"$PhantomId": id, "name": "newer"}]})
    );
    assert!(it.store.modifications(it.id(&id)).is_empty());
}

#[test]
fn a_removed_record_that_is_added_again_is_as_it_was() {
    let mut it = two();
    it.remove(&["1"]);
    assert_eq!(it.changes(), json!({"removed": [{"id": 1}]}));
    it.try_add(json!([{"id": "1", "name": "one"}]), Place::End)
        .unwrap();
    assert_eq!(it.changes(), Json::Null);
    assert_eq!(it.ids(), ["1", "2"]);
    it.remove(&["1"]);
    it.try_add(json!([{"id": 1, "name": "other"}]), Place::End)
        .unwrap();
    assert_eq!(
        it.changes(),
        json!({"updated": [{"id": 1, "name": "other"}]})
    );
}

#[test]
fn an_edited_record_that_is_removed_is_only_removed() {
    let mut it = two();
    it.set("1", "a", json!(9));
    it.remove(&["1"]);
    assert_eq!(it.changes(), json!({"removed": [{"id": 1}]}));
}

#[test]
fn adding_is_all_or_nothing() {
    let mut it = two();
    for rows in [
        json!([{"name": "fine"}, {"id": "2"}]),
        json!([{"name": "fine"}, {"id": true}]),
        json!([{"name": "fine"}, {"id": ""}]),
        json!([{"name": "fine"}, {"id": [1]}]),
    ] {
        let before = it.seen();
        assert!(it.try_add(rows, Place::End).is_err());
        assert_eq!(it.seen(), before);
        assert!(!it.store.has_unconfirmed());
    }
    assert_eq!(
        code(it.try_add(json!([{"id": 2}]), Place::End)),
        Some(ErrorCode::DuplicateId)
    );
}

#[test]
fn removing_is_all_or_nothing() {
    let mut it = two();
    let (one, two) = (it.id("1"), it.id("2"));
    it.remove(&["1"]);
    assert_eq!(
        code(it.store.remove(&[two, one], &mut it.out)),
        Some(ErrorCode::UnknownRecord)
    );
    assert_eq!(it.ids(), ["2"]);
}

#[test]
fn records_of_other_stores_and_fields_that_are_not_there_are_told_apart() {
    let mut it = two();
    let mut other = Fixture::with_id(2, json!({"id": "other"}));
    other.load(json!([{"id": 1}]));
    let foreign = other.id("1");
    assert_eq!(
        code(it.try_set(foreign, "a", json!(1))),
        Some(ErrorCode::ForeignRecord)
    );
    let one = it.id("1");
    let set = it.store.set(one, FieldIx(900), Value::Null, &mut it.out);
    assert_eq!(code(set), Some(ErrorCode::UnknownField));
}

#[test]
fn removed_and_loaded_records_are_unknown_by_their_old_handles() {
    let mut it = two();
    let one = it.id("1");
    it.add(json!({"name": "x"}));
    it.load(json!([{"id": 1}]));
    assert_eq!(
        code(it.try_set(one, "a", json!(1))),
        Some(ErrorCode::UnknownRecord)
    );
    assert!(it.store.resolve(it.id("1")).is_ok());
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for config in [
        json!({"id": ""}),
        json!({"id": "x", "fields": [{"name": "a"}, {"name": "a"}]}),
        json!({"id": "x", "fields": [{"name": ""}]}),
        json!({"id": "x", "fields": [{"name": "a", "type": "date", "format": ""}, {"name": "a"}]}),
        json!({"id": "x", "parentField": "id"}),
    ] {
        let config: syncline::engine::config::StoreConfig =
            syncline::engine::config::parse(config.to_string().as_bytes()).unwrap();
        assert_eq!(
            code(Store::new(StoreId(1), config)),
            Some(ErrorCode::InvalidConfig)
        );
    }
}

// --- ids
// -------------------------------------------------------------------------------------------

#[test]
fn a_number_and_its_text_are_one_id_and_the_form_received_goes_back() {
    let mut it = Fixture::events(json!([{"id": "4037", "a": 1}, {"id": 4038, "a": 1}]));
    assert_eq!(it.store.find(IdRef::Number(4037.0)), Some(it.id("4037")));
    it.set("4037", "a", json!(2));
    it.set("4038", "a", json!(2));
    assert_eq!(
        it.send(),
        json!({"updated": [{"id": "4037", "a": 2}, {"id": 4038, "a": 2}]})
    );
    it.answer(json!({"rows": [{"id": 4037, "b": 1}], "removed": [{"id": "4038"}]}));
    assert_eq!(it.ids(), ["4037"]);
}

#[test]
fn an_id_can_be_set_only_while_nobody_else_knows_it() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new"}));
    it.set(&phantom, "id", json!("mine"));
    assert_eq!(
        it.changes(),
        json!({"added": [{"$PhantomId": phantom, "name": "new"}]})
    );
    assert_eq!(it.store.key(it.id("mine")).unwrap(), phantom);
    let mine = it.id("mine");
    assert_eq!(
        code(it.try_set(mine, "id", json!(2))),
        Some(ErrorCode::DuplicateId)
    );
    assert_eq!(
        code(it.try_set(mine, "id", Json::Null)),
        Some(ErrorCode::InvalidArgument)
    );
    it.send();
    assert_eq!(
        code(it.try_set(mine, "id", json!("other"))),
        Some(ErrorCode::InvalidArgument)
    );
    let one = it.id("1");
    assert_eq!(
        code(it.try_set(one, "id", json!(7))),
        Some(ErrorCode::InvalidArgument)
    );
}

#[test]
fn the_key_stays_when_a_phantom_gets_its_id_and_across_loads() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new"}));
    it.send();
    it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10}]}));
    assert_eq!(it.store.key(it.id("10")).unwrap(), phantom);
    it.load(json!([{"id": 10, "name": "new"}, {"id": 1}]));
    assert_eq!(it.store.key(it.id("10")).unwrap(), phantom);
    assert_eq!(it.store.key(it.id("1")).unwrap(), "1");
    it.load(json!([{"id": 10}, {"id": phantom}]));
    assert_eq!(it.store.key(it.id("10")).unwrap(), phantom);
    assert_ne!(
        it.store.key(it.id(&phantom)).unwrap(),
        phantom,
        "keys are unique"
    );
}

#[test]
fn a_client_id_that_the_server_accepts_confirms_the_record() {
    const MINE: &str = "0b9c5a6e-7a58-4b5e-a1ce-0d6a53a1f6d1";
    let mut it = two();
    it.add(json!({"id": MINE, "name": "new"}));
    assert_eq!(
        it.send(),
        json!({"added": [{"$PhantomId": MINE, "name": "new"}]})
    );
    it.answer(json!({"rows": [{"id": MINE}]}));
    assert!(!it.store.has_unconfirmed());
    assert!(!it.store.state(it.id(MINE)).unwrap().phantom);
}

#[test]
fn a_mapped_id_field_and_a_phantom_field_of_the_stores_own_work() {
    let mut it = Fixture::new(json!({
        "id": "events", "phantomIdField": "ref", "fields": [{"name": "id", "dataSource": "Id"}, {"name": "name"}],
    }));
    it.load(json!([{"Id": 1, "name": "one"}]));
    it.set("1", "name", json!("x"));
    it.remove(&["1"]);
    let id = it.add(json!({"name": "new"}));
    assert_eq!(
        it.changes(),
        json!({"added": [{"ref": id, "name": "new"}], "removed": [{"Id": 1}]})
    );
}

// --- places
// ----------------------------------------------------------------------------------------

#[test]
fn records_are_added_and_moved_where_they_are_asked_to() {
    let mut it = Fixture::events(json!([{"id": 1}, {"id": 2}, {"id": 3}]));
    it.try_add(json!([{"id": "x"}, {"id": "y"}]), Place::Position(1))
        .unwrap();
    it.try_add(json!([{"id": "z"}]), Place::Position(99))
        .unwrap();
    assert_eq!(it.ids(), ["1", "x", "y", "2", "3", "z"]);
    it.move_to(&["3", "1"], 1);
    assert_eq!(it.ids(), ["x", "3", "1", "y", "2", "z"]);
    it.move_to(&["x"], 99);
    assert_eq!(it.ids(), ["3", "1", "y", "2", "z", "x"]);
    it.reject();
    assert_eq!(it.ids(), ["1", "2", "3"]);
}

#[test]
fn a_move_alone_is_not_sent_but_can_be_taken_back() {
    let mut it = two();
    it.move_to(&["2"], 0);
    assert!(!it.store.has_changes());
    assert_eq!(it.ids(), ["2", "1"]);
    it.reject();
    assert_eq!(it.ids(), ["1", "2"]);
}

#[test]
fn single_removed_records_come_back_to_their_places() {
    let rows: Vec<Json> = (0..8).map(|id| json!({"id": id})).collect();
    let mut it = Fixture::events(json!(rows));
    let handles: Vec<_> = ["0", "3", "4", "7"].iter().map(|id| it.id(id)).collect();
    it.remove(&["3", "7", "0"]);
    it.remove(&["4"]);
    for handle in [handles[2], handles[0], handles[3], handles[1]] {
        it.store.reject(handle, &mut it.out).unwrap();
        it.checked(());
    }
    assert_eq!(it.ids(), ["0", "1", "2", "3", "4", "5", "6", "7"]);
}

// --- loads
// -----------------------------------------------------------------------------------------

#[test]
fn a_load_keeps_what_waits_and_reports_what_it_can_not_keep() {
    let mut it = Fixture::events(
        json!([{"id": 1, "a": 1, "b": 1}, {"id": 2, "a": 2}, {"id": 3}, {"id": 4}]),
    );
    it.set("1", "a", json!(10));
    it.set("2", "a", json!(20));
    it.set("4", "a", json!(40));
    it.remove(&["3"]);
    let phantom = it.add(json!({"name": "new"}));
    let loaded = it.load(json!([{"id": 3}, {"id": 2, "a": 20}, {"id": 1, "a": 5, "b": 6}]));
    assert_eq!(it.ids(), ["2", "1", phantom.as_str()]);
    assert_eq!(it.get("1", "a"), json!(10));
    assert_eq!(it.get("1", "b"), json!(6));
    assert_eq!(loaded.gone, [Id::Number(4.0)]);
    assert_eq!(
        it.changes(),
        json!({"updated": [{"id": 1, "a": 10}], "removed": [{"id": 3}], "added": [{"$PhantomId": phantom, "name": "new"}]})
    );
    it.reject();
    assert_eq!(it.ids(), ["3", "2", "1"]);
    assert_eq!(it.get("1", "a"), json!(5));
}

#[test]
fn a_load_leaves_what_is_on_the_wire_there() {
    let mut it = Fixture::events(json!([{"id": 1, "a": 1}, {"id": 2}]));
    it.set("1", "a", json!(10));
    it.remove(&["2"]);
    let phantom = it.add(json!({"name": "new"}));
    let sent = it.send();
    it.set("1", "a", json!(11));
    it.load(json!([{"id": 1, "a": 2}, {"id": 2}]));
    assert_eq!(it.package(Layer::Inflight), sent);
    assert_eq!(it.get("1", "a"), json!(11));
    it.answer(json!({"rows": [{"$PhantomId": phantom, "id": 10}]}));
    assert_eq!(it.ids(), ["1", "10"]);
    assert_eq!(it.changes(), json!({"updated": [{"id": 1, "a": 11}]}));
}

#[test]
fn a_load_can_drop_what_waits() {
    let mut it = two();
    it.set("1", "a", json!(10));
    it.add(json!({"name": "new"}));
    let loaded = it.load_keeping(json!([{"id": 1, "a": 5}]), false);
    assert_eq!(loaded.gone.len(), 2);
    assert_eq!(it.ids(), ["1"]);
    assert!(!it.store.has_unconfirmed());
}

#[test]
fn a_load_that_brings_a_phantom_gives_it_its_id() {
    let mut it = two();
    let phantom = it.add(json!({"name": "new", "a": 1}));
    it.send();
    it.thaw();
    it.set(&phantom, "a", json!(2));
    it.load(json!([{"id": 10, "$PhantomId": phantom, "name": "new", "a": 1}]));
    assert_eq!(it.ids(), ["10"]);
    assert_eq!(it.store.key(it.id("10")).unwrap(), phantom);
    assert_eq!(it.changes(), json!({"updated": [{"id": 10, "a": 2}]}));
    assert_eq!(it.store.take_aftermath().id_changes.len(), 1);
}

#[test]
fn defaults_and_missing_ids_of_loaded_records_make_nothing_dirty() {
    let mut it = Fixture::new(json!({
        "id": "events", "fields": [{"name": "name", "defaultValue": "unnamed"}, {"name": "tags", "type": "array", "defaultValue": []}],
    }));
    let loaded = it.load(json!([{"id": 1}, {"name": "x"}, {"id": null}, {"id": 2, "name": null}]));
    assert_eq!(loaded.without_id, 2);
    assert_eq!(it.get("1", "name"), json!("unnamed"));
    assert_eq!(it.get("2", "name"), Json::Null);
    assert_eq!(it.get("1", "tags"), json!([]));
    assert_eq!(it.store.table().order().len(), 4);
    assert!(!it.store.has_unconfirmed());
    let id = it.add(json!({}));
    assert_eq!(
        it.changes(),
        json!({"added": [{"$PhantomId": id, "name": "unnamed", "tags": []}]})
    );
}

#[test]
fn fields_keep_their_places_across_loads_whatever_is_met_first() {
    let mut it = Fixture::events(json!([{"id": 1}]));
    let early = it.rows(&json!([{"id": 1, "met": "in data", "late": 1}]));
    let late = it.store.ensure_field("late").unwrap();
    let loaded = it.store.load(early, true, &mut it.rng, &mut it.out);
    it.checked(loaded);
    assert_eq!(it.store.table().schema().find("late"), Some(late));
    assert_eq!(it.get("1", "late"), json!(1));
    assert_eq!(it.get("1", "met"), json!("in data"));
}

// --- packages
// --------------------------------------------------------------------------------------

#[test]
fn fields_that_are_never_sent_make_nothing_dirty_and_some_go_along_always() {
    let mut it = Fixture::new(json!({
        "id": "events", "fields": [
            {"name": "name"}, {"name": "open", "persist": false}, {"name": "version", "alwaysWrite": true},
            {"name": "x", "dataSource": "meta.pos.x"}, {"name": "y", "dataSource": "meta.pos.y"},
        ],
    }));
    it.load(json!([{"id": 1, "name": "n", "version": 3, "meta": {"pos": {"x": 1, "y": 2}}}]));
    it.set("1", "open", json!(true));
    assert!(!it.store.has_changes());
    assert!(it.store.state(it.id("1")).unwrap().modified);
    assert_eq!(it.changes(), Json::Null);
    it.set("1", "x", json!(5));
    it.set("1", "y", json!(6));
    assert_eq!(
        it.changes(),
        json!({"updated": [{"id": 1, "version": 3, "meta": {"pos": {"x": 5, "y": 6}}}]})
    );
    let all = PackageOptions {
        write_all_fields: true,
        ..PackageOptions::default()
    };
    it.store.freeze(&mut it.out);
    assert_eq!(
        it.package_with(Layer::Inflight, &all),
        json!({"updated": [{"id": 1, "name": "n", "version": 3, "meta": {"pos": {"x": 5, "y": 6}}}]})
    );
    it.answer(json!({}));
    assert!(
        !it.store.state(it.id("1")).unwrap().modified,
        "sending commits what isn't sent too"
    );
}

#[test]
fn an_added_record_carries_its_client_id_as_id_only_when_asked_to() {
    let mut it = two();
    let id = it.add(json!({"name": "new"}));
    let keep = PackageOptions {
        reset_ids_before_sync: false,
        phantom_id_field: "tmp".into(),
        ..PackageOptions::default()
    };
    assert_eq!(
        it.package_with(Layer::Unconfirmed, &keep),
        json!({"added": [{"tmp": id, "id": id, "name": "new"}]})
    );
}

#[test]
fn a_whole_row_echoed_in_another_form_leaves_the_record_clean() {
    let mut it = Fixture::new(json!({
        "id": "events", "fields": [
            {"name": "done", "type": "boolean"}, {"name": "n", "type": "integer"}, {"name": "start", "type": "date"},
            {"name": "tags", "type": "array"}, {"name": "note", "type": "string"},
        ],
    }));
    it.load(
        json!([{"id": 1, "done": false, "n": 1, "start": "2026-03-01T09:00:00Z", "tags": ["a"]}]),
    );
    it.set("1", "done", json!(true));
    it.set("1", "tags", json!(["a", "b"]));
    it.send();
    it.answer(json!({"rows": [{"id": "1", "done": "1", "n": "1", "start": "2026-03-01 10:00:00+01:00", "tags": ["a", "b"], "note": null}]}));
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.has_unconfirmed());
    assert_eq!(it.get("1", "done"), json!(true));
}

// --- accept
// ----------------------------------------------------------------------------------------

#[test]
fn accepting_declares_everything_confirmed() {
    let mut it = two();
    it.set("1", "a", json!(5));
    it.remove(&["2"]);
    let id = it.add(json!({"name": "new"}));
    it.move_to(&[&id], 0);
    it.accept();
    assert_eq!(it.changes(), Json::Null);
    assert!(!it.store.state(it.id(&id)).unwrap().phantom);
    it.reject();
    assert_eq!(it.ids(), [id.as_str(), "1"]);
    assert_eq!(it.get("1", "a"), json!(5));
    let mut it = two();
    it.set("1", "a", json!(5));
    it.set("2", "a", json!(6));
    let one = it.id("1");
    it.store.accept(one, &mut it.out).unwrap();
    it.checked(());
    assert_eq!(it.changes(), json!({"updated": [{"id": 2, "a": 6}]}));
}

#[test]
fn an_answer_after_an_accept_still_gives_the_phantom_its_id() {
    let mut it = two();
    let id = it.add(json!({"name": "new"}));
    it.send();
    it.accept();
    it.answer(json!({"rows": [{"$PhantomId": id, "id": 10}]}));
    assert_eq!(it.ids(), ["1", "2", "10"]);
    assert!(!it.store.has_unconfirmed());
}

// --- notices
// ---------------------------------------------------------------------------------------

fn told(it: &mut Fixture) -> Vec<(NoticeKind, Origin)> {
    it.notices()
        .iter()
        .map(|notice| (notice.kind, notice.origin))
        .collect()
}

#[test]
fn each_change_is_told_once_with_its_origin_and_values() {
    let mut it = two();
    assert_eq!(told(&mut it), [(NoticeKind::Refresh, Origin::Load)]);
    it.set("1", "a", json!(5));
    let notices = it.notices();
    assert_eq!(notices.len(), 1);
    assert_eq!(
        (notices[0].old.as_number(), notices[0].new.as_number()),
        (Some(1.0), Some(5.0))
    );
    it.set("1", "a", json!(5));
    assert!(it.notices().is_empty());
    let id = it.add(json!({"name": "new"}));
    assert_eq!(told(&mut it), [(NoticeKind::Add, Origin::Local)]);
    it.send();
    it.notices();
    it.answer(
        json!({"rows": [{"$PhantomId": id, "id": 10, "name": "newer"}, {"id": 1, "a": 5, "b": 1}]}),
    );
    let remote = |kind| (kind, Origin::Remote);
    assert_eq!(
        told(&mut it),
        [
            remote(NoticeKind::IdChange),
            remote(NoticeKind::State),
            remote(NoticeKind::Update),
            remote(NoticeKind::State),
            remote(NoticeKind::Update),
        ]
    );
    it.remove(&["2"]);
    assert_eq!(told(&mut it), [(NoticeKind::Remove, Origin::Local)]);
    it.reject();
    assert_eq!(told(&mut it), [(NoticeKind::Add, Origin::Rollback)]);
}

#[test]
fn nothing_is_told_to_nobody_and_batches_tell_once() {
    let mut it = two();
    it.notices();
    it.store.begin_batch();
    it.store.begin_batch();
    it.set("1", "a", json!(5));
    it.add(json!({"name": "new"}));
    it.store.end_batch(&mut it.out);
    assert!(it.notices().is_empty());
    assert!(it.store.has_changes(), "tracking goes on");
    it.store.end_batch(&mut it.out);
    assert_eq!(told(&mut it), [(NoticeKind::Refresh, Origin::Local)]);
    it.store.begin_batch();
    it.store.end_batch(&mut it.out);
    it.store.end_batch(&mut it.out);
    assert!(it.notices().is_empty(), "nothing happened");
    it.store.listen(0);
    it.set("1", "a", json!(6));
    it.reject();
    assert!(it.notices().is_empty());
}

// --- size
// ------------------------------------------------------------------------------------------

#[test]
fn ten_thousand_edits_and_removals_are_taken_back_in_linear_time() {
    let rows: Vec<Json> = (0..20_000).map(|id| json!({"id": id, "a": 0})).collect();
    let mut it = Fixture::events(json!(rows));
    let before = it.ids();
    let handles: Vec<_> = (0..20_000)
        .map(|id| it.store.find(IdRef::Number(f64::from(id))).unwrap())
        .collect();
    let field = it.store.ensure_field("a").unwrap();
    for handle in &handles[..10_000] {
        it.store
            .set(*handle, field, Value::Number(1.0), &mut it.out)
            .unwrap();
    }
    it.store
        .remove(&handles[5_000..15_000], &mut it.out)
        .unwrap();
    let added: Vec<Json> = (0..5_000).map(|n| json!({"a": n})).collect();
    it.try_add(json!(added), Place::Position(3)).unwrap();
    assert_eq!(it.store.pending_count(), 20_000);
    it.reject();
    assert_eq!(it.ids(), before);
}
