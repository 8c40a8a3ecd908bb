//! Random lives of a tree whose records also refer to another store: invariants hold after every
//! step, and a reject brings values, parents and order back.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "store_support.rs"]
mod support;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::{Fixture, refused};
use syncline::engine::input::Place;
use syncline::engine::schema::FieldIx;
use syncline::engine::store::{ApplyOptions, Id, Unmentioned};
use syncline::engine::table::{IdRef, RowId};
use syncline::engine::value::Value;

#[derive(Clone, Debug)]
enum Step {
    Reparent(usize, usize),
    Refer(usize, usize),
    Name(usize, u8),
    AddUnder(usize, usize),
    Remove(usize),
    Move(usize, u32),
    RejectOne(usize),
    AcceptOne(usize),
    Freeze,
    Thaw,
    RevertInflight,
    Answer(u8, bool, bool),
    RemoteRemove(usize),
    RemoteAdd(usize, usize),
    RemoteReparent(usize, usize),
    Cascade(usize, bool),
    UndoCascade(usize),
    SettleCascade(usize),
    UndoReferences(usize),
    Rewrite(usize, usize),
    Load(bool),
    Tidy,
    RejectAll,
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..12usize;
    let refer = 0..4usize;
    prop_oneof![
        4 => (at.clone(), at.clone()).prop_map(|(a, b)| Step::Reparent(a, b)),
        3 => (at.clone(), refer.clone()).prop_map(|(a, b)| Step::Refer(a, b)),
        2 => (at.clone(), any::<u8>()).prop_map(|(a, b)| Step::Name(a, b)),
        4 => (at.clone(), refer.clone()).prop_map(|(a, b)| Step::AddUnder(a, b)),
        3 => at.clone().prop_map(Step::Remove),
        2 => (at.clone(), 0..12u32).prop_map(|(a, b)| Step::Move(a, b)),
        1 => at.clone().prop_map(Step::RejectOne),
        1 => at.clone().prop_map(Step::AcceptOne),
        4 => Just(Step::Freeze),
        1 => Just(Step::Thaw),
        1 => Just(Step::RevertInflight),
        4 => (any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(a, b, c)| Step::Answer(a, b, c)),
        1 => at.clone().prop_map(Step::RemoteRemove),
        1 => (at.clone(), refer.clone()).prop_map(|(a, b)| Step::RemoteAdd(a, b)),
        1 => (at.clone(), at).prop_map(|(a, b)| Step::RemoteReparent(a, b)),
        2 => (refer.clone(), any::<bool>()).prop_map(|(a, b)| Step::Cascade(a, b)),
        1 => refer.clone().prop_map(Step::UndoCascade),
        1 => refer.clone().prop_map(Step::SettleCascade),
        1 => refer.clone().prop_map(Step::UndoReferences),
        2 => (refer.clone(), refer).prop_map(|(a, b)| Step::Rewrite(a, b)),
        1 => any::<bool>().prop_map(Step::Load),
        1 => Just(Step::Tidy),
        1 => Just(Step::RejectAll),
    ]
}

struct World {
    it: Fixture,
    field: FieldIx,
    next_id: u32,
}

const REFERRED: [&str; 4] = ["e0", "e1", "e2", "e3"];

fn referred(at: usize) -> Vec<Id> {
    vec![Id::Text(REFERRED[at].into())]
}

impl World {
    fn new(on_remove: &str, send: bool) -> Self {
        let mut it = Fixture::new(json!({
            "id": "tasks", "parentField": "parentId", "fields": [{"name": "name", "type": "string"}],
            "relations": [{"field": "eventId", "store": "events", "onRemove": on_remove, "sendCascade": send}],
        }));
        it.load(json!([
            {"id": "t1", "eventId": "e0", "children": [{"id": "t2", "eventId": "e1"}, {"id": "t3", "children": [{"id": "t4"}]}]},
            {"id": "t5", "eventId": "e0"}, {"id": "t6"},
        ]));
        let field = it.store.relations().next().unwrap().0;
        // Indexes are built at the first question, and have to stay true from there on.
        it.store.referrers(field, IdRef::Text("e0"));
        Self {
            it,
            field,
            next_id: 100,
        }
    }

    fn pick(&self, at: usize) -> Option<RowId> {
        let order = self.it.store.table().order();
        let row = order.get(at % order.len().max(1))?;
        Some(self.it.store.table().handle(*row))
    }

    fn id_at(&self, at: usize) -> Json {
        let ids = self.it.ids();
        ids.get(at % ids.len().max(1))
            .map_or(Json::Null, |id| json!(id))
    }

    fn step(&mut self, step: &Step) {
        let Self { it, field, .. } = self;
        let field = *field;
        match *step {
            Step::Cascade(at, by_server) => {
                it.store
                    .cascade(field, &referred(at), by_server, &mut it.out);
            }
            Step::UndoCascade(at) => {
                it.store.undo_cascade(field, &referred(at), &mut it.out);
            }
            Step::SettleCascade(at) => {
                it.store.settle_cascade(field, &referred(at), &mut it.out);
            }
            Step::UndoReferences(at) => {
                it.store.undo_references(field, &referred(at), &mut it.out);
            }
            Step::Rewrite(from, to) => {
                let new = Value::Text(REFERRED[to]);
                it.store
                    .rewrite_reference(field, IdRef::Text(REFERRED[from]), new, &mut it.out);
            }
            Step::Freeze => {
                it.send();
            }
            Step::Thaw => it.thaw(),
            Step::RevertInflight => it.store.revert_inflight(&refused(), &mut it.out),
            Step::Tidy => {
                it.notices();
                it.store.tidy();
            }
            Step::RejectAll => it.reject(),
            Step::Load(keep) => {
                let rows = json!([{"id": "t1", "eventId": "e2"}, {"id": "t6", "parentId": "t1"}, {"id": "t9"}]);
                it.load_keeping(rows, keep);
            }
            Step::Answer(how, short, revert) => self.answer(how, short, revert),
            _ => self.step_on_record(step),
        }
        self.it.checked(());
    }

    fn step_on_record(&mut self, step: &Step) {
        let parent_of = |at: usize| self.id_at(at);
        match *step {
            Step::Reparent(at, to) => {
                let parent = if to == 0 { Json::Null } else { parent_of(to) };
                if let Some(row) = self.pick(at) {
                    let _ = self.it.try_set(row, "parentId", parent);
                }
            }
            Step::Refer(at, to) => {
                if let Some(row) = self.pick(at) {
                    self.it
                        .try_set(row, "eventId", json!(REFERRED[to]))
                        .unwrap();
                }
            }
            Step::Name(at, name) => {
                if let Some(row) = self.pick(at) {
                    self.it
                        .try_set(
                            row,
                            "name",
                            json!(format!("a name that is not short {name}")),
                        )
                        .unwrap();
                }
            }
            Step::AddUnder(at, to) => {
                let rows = json!([{"parentId": parent_of(at), "eventId": REFERRED[to], "children": [{"name": "c"}]}]);
                self.it.try_add(rows, Place::Position(at as u32)).unwrap();
            }
            Step::Remove(at) => {
                if let Some(row) = self.pick(at) {
                    self.it.store.remove(&[row], &mut self.it.out).unwrap();
                }
            }
            Step::Move(at, to) => {
                if let Some(row) = self.pick(at) {
                    self.it
                        .store
                        .move_rows(&[row], to, &mut self.it.out)
                        .unwrap();
                }
            }
            Step::RejectOne(at) => {
                if let Some(row) = self.pick(at) {
                    self.it.store.reject(row, &mut self.it.out).unwrap();
                }
            }
            Step::AcceptOne(at) => {
                if let Some(row) = self.pick(at) {
                    self.it.store.accept(row, &mut self.it.out).unwrap();
                }
            }
            Step::RemoteRemove(at) => {
                let id = parent_of(at);
                self.it.remote(json!({"removed": [{"id": id}]}));
            }
            Step::RemoteAdd(at, to) => {
                self.next_id += 1;
                let row = json!({"id": format!("n{}", self.next_id), "parentId": self.id_at(at), "eventId": REFERRED[to]});
                self.it.remote(json!({"added": [row]}));
            }
            Step::RemoteReparent(at, to) => {
                let row = json!({"id": parent_of(at), "parentId": parent_of(to)});
                self.it.remote(json!({"updated": [row]}));
            }
            _ => {}
        }
    }

    /// Every added record gets an id, is refused or is left out; the others are confirmed, refused
    /// or left out.
    fn answer(&mut self, how: u8, short: bool, revert: bool) {
        let sent = self.it.package(syncline::engine::store::Layer::Inflight);
        let mut rows = Vec::new();
        for (list, key) in [
            ("added", "$PhantomId"),
            ("updated", "id"),
            ("removed", "id"),
        ] {
            for (at, item) in sent[list].as_array().into_iter().flatten().enumerate() {
                let mut row = json!({key: item[key]});
                match (usize::from(how) + at) % 3 {
                    0 => {
                        row["success"] = json!(false);
                        row["error"] = json!("no");
                    }
                    1 if list == "added" => {
                        self.next_id += 1;
                        row["id"] = json!(format!("n{}", self.next_id));
                        row["parentId"] = item["$PhantomParentId"].clone();
                    }
                    1 => row["success"] = json!(true),
                    _ => continue,
                }
                rows.push(row);
            }
        }
        let options = ApplyOptions {
            unmentioned: if short {
                Unmentioned::Confirmed
            } else {
                Unmentioned::Missing
            },
            local_wins: how.is_multiple_of(2),
            revert_refused: revert,
        };
        self.it.answer_with(json!({"rows": rows}), &options);
        assert!(
            !self.it.store.has_inflight(),
            "an answer leaves nothing on the wire"
        );
    }
}

/// Prints the steps on one line when they fail; the last line printed is the shortest life that
/// does.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FAILS: {}", self.0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(512), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_whatever_happens(
        steps in prop::collection::vec(step(), 1..40),
        on_remove in prop::sample::select(vec!["cascade", "setNull", "none"]),
        send in any::<bool>(),
    ) {
        let mut world = World::new(on_remove, send);
        let _told = Told(format!("{on_remove} {send} {steps:?}"));
        for step in &steps {
            world.step(step);
        }
        // With nothing on the wire, what is taken back leaves nothing.
        world.it.thaw();
        world.it.reject();
        assert!(!world.it.store.has_unconfirmed());
        assert_eq!(world.it.changes(), Json::Null);
    }

    #[test]
    fn a_reject_brings_everything_back(steps in prop::collection::vec(step(), 1..30)) {
        let mut world = World::new("cascade", true);
        let before = world.it.seen();
        let _told = Told(format!("{steps:?}"));
        for step in &steps {
            let by_user = matches!(
                step,
                Step::Reparent(..) | Step::Refer(..) | Step::Name(..) | Step::AddUnder(..) | Step::Remove(_)
                    | Step::Move(..) | Step::RejectOne(_) | Step::Freeze | Step::Thaw | Step::Tidy
                    | Step::Cascade(_, false) | Step::UndoCascade(_) | Step::UndoReferences(_)
            );
            if by_user {
                world.step(step);
            }
        }
        world.it.reject();
        assert_eq!(world.it.seen(), before);
        world.it.thaw();
        assert_eq!(world.it.seen(), before);
        assert!(!world.it.store.has_unconfirmed());
    }
}
