//! Random lives of a store, against a naive model: whole records as maps, and changes as the
//! difference between two of them.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "store_support.rs"]
mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use support::{Fixture, full};
use syncline::engine::input::Place;
use syncline::engine::store::{ApplyOptions, Layer};

/// Values without nulls.
type Record = BTreeMap<&'static str, Json>;
type Records = BTreeMap<String, Record>;

const FIELDS: [&str; 3] = ["name", "a", "b"];

#[derive(Clone, Debug)]
enum Change {
    Add(Record),
    Update(BTreeMap<&'static str, Json>),
    Remove,
}

#[derive(Clone, Debug, Default)]
struct Model {
    base: Records,
    sent: BTreeMap<String, Change>,
    seen: Records,
    /// Records that aren't seen but that the server or the wire has, as they were last seen.
    hidden: Records,
}

fn put(record: &mut Record, field: &'static str, value: &Json) {
    if value.is_null() {
        record.remove(field);
    } else {
        record.insert(field, value.clone());
    }
}

fn value_of(record: &Record, field: &str) -> Json {
    record.get(field).cloned().unwrap_or(Json::Null)
}

/// What has to be said to get from one record to the other; `null` for what goes.
fn difference(from: &Record, to: &Record) -> BTreeMap<&'static str, Json> {
    let fields = FIELDS.iter().copied();
    fields
        .filter(|field| from.get(field) != to.get(field))
        .map(|field| (field, value_of(to, field)))
        .collect()
}

impl Model {
    /// What lies under the user's layer.
    fn under(&self) -> Records {
        let mut under = self.base.clone();
        for (id, change) in &self.sent {
            match change {
                Change::Add(record) => {
                    under.insert(id.clone(), record.clone());
                }
                Change::Update(fields) => {
                    if let Some(record) = under.get_mut(id) {
                        fields
                            .iter()
                            .for_each(|(field, value)| put(record, field, value));
                    }
                }
                Change::Remove => {
                    under.remove(id);
                }
            }
        }
        under
    }

    /// The changes that lead from one set of records to the other.
    fn changes(from: &Records, to: &Records) -> BTreeMap<String, Change> {
        let mut changes = BTreeMap::new();
        for (id, record) in to {
            match from.get(id) {
                None => {
                    changes.insert(id.clone(), Change::Add(record.clone()));
                }
                Some(old) => {
                    let fields = difference(old, record);
                    if !fields.is_empty() {
                        changes.insert(id.clone(), Change::Update(fields));
                    }
                }
            }
        }
        for id in from.keys().filter(|id| !to.contains_key(*id)) {
            changes.insert(id.clone(), Change::Remove);
        }
        changes
    }

    /// Changes in the form of a package.
    fn package(changes: &BTreeMap<String, Change>) -> Json {
        let mut lists: BTreeMap<&str, BTreeMap<String, Json>> = BTreeMap::new();
        for (id, change) in changes {
            let mut item = Map::new();
            let (list, key, fields) = match change {
                Change::Add(record) => ("added", "$PhantomId", record.clone()),
                Change::Update(fields) => ("updated", "id", fields.clone()),
                Change::Remove => ("removed", "id", BTreeMap::new()),
            };
            item.insert(key.into(), json!(id));
            item.extend(
                fields
                    .into_iter()
                    .map(|(field, value)| (field.to_owned(), value)),
            );
            lists
                .entry(list)
                .or_default()
                .insert(id.clone(), Json::Object(item));
        }
        json!(lists)
    }

    fn add(&mut self, id: &str, record: Record) {
        self.seen.insert(id.to_owned(), record);
        self.hidden.remove(id);
    }

    fn remove(&mut self, id: &str) {
        if let Some(record) = self.seen.remove(id)
            && (self.base.contains_key(id) || self.sent.contains_key(id))
        {
            self.hidden.insert(id.to_owned(), record);
        }
    }

    /// The server's values of a record that is in base lie under what the user said.
    fn patch(&mut self, id: &str, fields: &[(&'static str, Json)]) {
        let under = self.under();
        let before = self.base.get(id).cloned();
        for (field, value) in fields {
            let said_by_wire =
                matches!(self.sent.get(id), Some(Change::Update(sent)) if sent.contains_key(field));
            if let Some(base) = self.base.get_mut(id) {
                put(base, field, value);
            }
            let lies_under = under
                .get(id)
                .or(before.as_ref())
                .cloned()
                .unwrap_or_default();
            for records in [&mut self.seen, &mut self.hidden] {
                if let Some(record) = records.get_mut(id)
                    && !said_by_wire
                    && record.get(field) == lies_under.get(field)
                {
                    put(record, field, value);
                }
            }
        }
    }

    fn rename(&mut self, old: &str, new: &str) {
        for records in [&mut self.base, &mut self.seen, &mut self.hidden] {
            if let Some(record) = records.remove(old) {
                records.insert(new.to_owned(), record);
            }
        }
        if let Some(change) = self.sent.remove(old) {
            self.sent.insert(new.to_owned(), change);
        }
    }

    fn confirm(&mut self, id: &str) {
        match self.sent.remove(id) {
            Some(Change::Add(record)) => {
                self.base.insert(id.to_owned(), record);
            }
            Some(Change::Update(fields)) => {
                if let Some(record) = self.base.get_mut(id) {
                    fields
                        .iter()
                        .for_each(|(field, value)| put(record, field, value));
                }
            }
            Some(Change::Remove) => {
                self.base.remove(id);
                self.hidden.remove(id);
            }
            None => {}
        }
    }

    /// What was sent of one record waits again.
    fn thaw(&mut self, id: &str) {
        if let Some(Change::Add(_)) = self.sent.remove(id) {
            self.hidden.remove(id);
        }
    }

    /// Whether the next package would say anything, given that the one on the wire is not undone by
    /// it.
    fn has_changes(&self) -> bool {
        let under = self.under();
        for (id, record) in &self.seen {
            match (under.get(id), self.base.get(id)) {
                (None, None) => return true,
                (None, Some(base)) if !difference(base, record).is_empty() => return true,
                (Some(below), base) => {
                    let fields = difference(below, record);
                    let wired = |field: &str| matches!(self.sent.get(id), Some(Change::Update(sent)) if sent.contains_key(field));
                    if fields.iter().any(|(field, value)| {
                        !(wired(field) && base.is_some_and(|base| value_of(base, field) == *value))
                    }) {
                        return true;
                    }
                }
                _ => {}
            }
        }
        self.base.keys().any(|id| {
            !self.seen.contains_key(id) && !matches!(self.sent.get(id), Some(Change::Remove))
        })
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(usize, usize, Json),
    Add(Json),
    Remove(usize),
    /// Adds a removed record again.
    Restore(usize, Json),
    Freeze,
    Thaw,
    Reject,
    RejectOne(usize),
    Accept,
    /// Every sent record gets one of: confirmed, mentioned, answered with a value, lost.
    Answer(Vec<usize>, Json),
    Full(Vec<usize>),
    Patch(usize, usize, Json),
    RemoteAdd(Json),
    RemoteRemove(usize),
    Load(Json),
}

fn value() -> impl Strategy<Value = Json> {
    prop_oneof![Just(Json::Null), (0..4i32).prop_map(|n| json!(n)),]
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..8usize;
    prop_oneof![
        6 => (at.clone(), 1..3usize, value()).prop_map(|(at, field, value)| Step::Set(at, field, value)),
        2 => value().prop_map(Step::Add),
        2 => at.clone().prop_map(Step::Remove),
        2 => (at.clone(), value()).prop_map(|(at, value)| Step::Restore(at, value)),
        4 => Just(Step::Freeze),
        1 => Just(Step::Thaw),
        1 => Just(Step::Reject),
        1 => at.clone().prop_map(Step::RejectOne),
        1 => Just(Step::Accept),
        3 => (prop::collection::vec(0..4usize, 8), value()).prop_map(|(how, value)| Step::Answer(how, value)),
        1 => prop::collection::vec(0..2usize, 8).prop_map(Step::Full),
        2 => (at.clone(), 1..3usize, value()).prop_map(|(at, field, value)| Step::Patch(at, field, value)),
        1 => value().prop_map(Step::RemoteAdd),
        1 => at.prop_map(Step::RemoteRemove),
        1 => value().prop_map(Step::Load),
    ]
}

/// What becomes of the model once the answer has been applied.
type Then = Box<dyn FnOnce(&mut Model)>;

struct World {
    it: Fixture,
    model: Model,
    next_id: u32,
}

impl World {
    fn new() -> Self {
        let rows = json!([{"id": "r1", "a": 1}, {"id": "r2", "b": 2}, {"id": "r3", "name": "x"}]);
        let mut base = Records::new();
        base.insert("r1".into(), Record::from([("a", json!(1))]));
        base.insert("r2".into(), Record::from([("b", json!(2))]));
        base.insert("r3".into(), Record::from([("name", json!("x"))]));
        Self {
            it: Fixture::events(rows),
            model: Model {
                seen: base.clone(),
                base,
                ..Model::default()
            },
            next_id: 10,
        }
    }

    fn pick(records: &Records, at: usize) -> Option<String> {
        records.keys().nth(at % records.len().max(1)).cloned()
    }

    fn fresh_id(&mut self) -> String {
        self.next_id += 1;
        format!("s{}", self.next_id)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Set(at, field, value) => {
                if let Some(id) = Self::pick(&self.model.seen, at) {
                    self.it.set(&id, FIELDS[field], value.clone());
                    put(self.model.seen.get_mut(&id).unwrap(), FIELDS[field], &value);
                }
            }
            Step::Add(value) => {
                let id = self.it.add(json!({"name": "new", "a": value}));
                let mut record = Record::from([("name", json!("new"))]);
                put(&mut record, "a", &value);
                self.model.add(&id, record);
            }
            Step::Remove(at) => {
                if let Some(id) = Self::pick(&self.model.seen, at) {
                    self.it.remove(&[&id]);
                    self.model.remove(&id);
                }
            }
            Step::Restore(at, value) => {
                if let Some(id) = Self::pick(&self.model.hidden, at) {
                    self.it
                        .try_add(json!([{"id": id, "b": value}]), Place::End)
                        .unwrap();
                    let mut record = self.model.hidden[&id].clone();
                    put(&mut record, "b", &value);
                    self.model.add(&id, record);
                }
            }
            Step::Freeze => {
                self.it.send();
                if self.model.sent.is_empty() {
                    self.model.sent = Model::changes(&self.model.base, &self.model.seen);
                }
            }
            Step::Thaw => {
                self.it.thaw();
                for id in self.sent_ids() {
                    self.model.thaw(&id);
                }
            }
            Step::Reject => {
                self.it.reject();
                self.model.seen = self.model.base.clone();
                self.after_reject();
            }
            Step::RejectOne(at) => {
                if let Some(id) = Self::pick(&self.model.seen, at) {
                    let handle = self.it.id(&id);
                    self.it.store.reject(handle, &mut self.it.out).unwrap();
                    self.it.checked(());
                    match self.model.base.get(&id) {
                        Some(base) => {
                            self.model.seen.insert(id, base.clone());
                        }
                        None => {
                            self.model.seen.remove(&id);
                            if let Some(Change::Add(record)) = self.model.sent.get(&id) {
                                self.model.hidden.insert(id, record.clone());
                            }
                        }
                    }
                }
            }
            Step::Accept => {
                self.it.accept();
                self.model.sent.clear();
                self.model.hidden.clear();
                self.model.base = self.model.seen.clone();
            }
            Step::Answer(how, value) => self.answer(&how, &value),
            Step::Full(how) => self.full(&how),
            Step::Patch(at, field, value) => {
                if let Some(id) = Self::pick(&self.model.base, at) {
                    self.it
                        .remote(json!({"updated": [{"id": id, FIELDS[field]: value}]}));
                    self.model.patch(&id, &[(FIELDS[field], value)]);
                }
            }
            Step::RemoteAdd(value) => {
                let id = self.fresh_id();
                self.it.remote(json!({"added": [{"id": id, "a": value}]}));
                let mut record = Record::new();
                put(&mut record, "a", &value);
                self.model.base.insert(id.clone(), record.clone());
                self.model.seen.insert(id, record);
            }
            Step::RemoteRemove(at) => {
                if let Some(id) = Self::pick(&self.model.base, at) {
                    self.it.remote(json!({"removed": [{"id": id}]}));
                    self.remote_remove(&id);
                }
            }
            Step::Load(value) => self.load(&value),
        }
    }

    /// Phantoms on the wire that were taken back can be added again, as they were sent.
    fn after_reject(&mut self) {
        for (id, change) in &self.model.sent {
            if let (Change::Add(record), false) = (change, self.model.seen.contains_key(id)) {
                self.model.hidden.insert(id.clone(), record.clone());
            }
        }
        let (base, sent) = (&self.model.base, &self.model.sent);
        self.model
            .hidden
            .retain(|id, _| matches!(sent.get(id), Some(Change::Add(_))) && !base.contains_key(id));
    }

    fn remote_remove(&mut self, id: &str) {
        if matches!(self.model.sent.get(id), Some(Change::Remove)) {
            // Confirms the removal; what the user added again since is a new record.
            self.model.confirm(id);
            return;
        }
        self.model.sent.remove(id);
        self.model.base.remove(id);
        self.model.seen.remove(id);
        self.model.hidden.remove(id);
    }

    /// Records whose removal was taken back too late are new, under client ids.
    fn follow_reborn(&mut self) {
        for change in self.it.store.take_aftermath().reborn {
            self.model.rename(&change.old.text(), &change.new.text());
        }
    }

    fn sent_ids(&self) -> Vec<String> {
        self.model.sent.keys().cloned().collect()
    }

    fn answer(&mut self, how: &[usize], value: &Json) {
        let mut rows = Vec::new();
        let mut after: Vec<Then> = Vec::new();
        for (at, id) in self.sent_ids().into_iter().enumerate() {
            let how = how[at % how.len()];
            let change = self.model.sent[&id].clone();
            match (change, how) {
                (Change::Add(_), 0) => after.push(Box::new(move |model| model.thaw(&id))),
                (Change::Add(_), _) => {
                    let new = self.fresh_id();
                    let mut row = json!({"$PhantomId": id, "id": new});
                    if how == 2 {
                        row["b"] = value.clone();
                    }
                    rows.push(row);
                    let value = (how == 2).then(|| value.clone());
                    after.push(Box::new(move |model| {
                        model.rename(&id, &new);
                        model.confirm(&new);
                        if let Some(value) = value {
                            model.patch(&new, &[("b", value)]);
                        }
                    }));
                }
                (Change::Update(_), 2) => {
                    rows.push(json!({"id": id, "b": value}));
                    let value = value.clone();
                    after.push(Box::new(move |model| {
                        model.confirm(&id);
                        model.patch(&id, &[("b", value)]);
                    }));
                }
                _ => after.push(Box::new(move |model| model.confirm(&id))),
            }
        }
        self.it
            .answer_with(json!({"rows": rows}), &ApplyOptions::default());
        after.into_iter().for_each(|change| change(&mut self.model));
    }

    /// Only mentioned records are confirmed.
    fn full(&mut self, how: &[usize]) {
        let (mut rows, mut removed) = (Vec::new(), Vec::new());
        for (at, id) in self.sent_ids().into_iter().enumerate() {
            let mentioned = how[at % how.len()] == 1;
            match (self.model.sent[&id].clone(), mentioned) {
                (Change::Update(_), true) => {
                    rows.push(json!({"id": id}));
                    self.model.confirm(&id);
                }
                (Change::Remove, true) => {
                    removed.push(json!({"id": id}));
                    self.model.confirm(&id);
                }
                (Change::Remove, false) => {
                    self.model.sent.remove(&id);
                    if let Some(record) = self.model.hidden.remove(&id) {
                        self.model.seen.insert(id, record);
                    }
                }
                (_, _) => self.model.thaw(&id),
            }
        }
        self.it
            .answer_with(json!({"rows": rows, "removed": removed}), &full());
    }

    /// The server has the same records, with one value changed, and without the first.
    fn load(&mut self, value: &Json) {
        let mut base = self.model.base.clone();
        if base.len() > 3 {
            base.pop_first();
        }
        for record in base.values_mut() {
            put(record, "b", value);
        }
        let rows: Vec<Json> = base
            .iter()
            .map(|(id, record)| {
                let mut row = json!({"id": id});
                record
                    .iter()
                    .for_each(|(field, value)| row[*field] = value.clone());
                row
            })
            .collect();
        self.it.load(json!(rows));
        let gone: Vec<String> = self
            .model
            .base
            .keys()
            .filter(|id| !base.contains_key(*id))
            .cloned()
            .collect();
        gone.iter().for_each(|id| self.remote_remove(id));
        for id in base.keys() {
            self.model.patch(id, &[("b", value.clone())]);
        }
    }

    fn compare(&self) {
        let mut seen = BTreeMap::new();
        for mut row in self.it.seen() {
            let id = row["id"].as_str().unwrap().to_owned();
            row.as_object_mut().unwrap().remove("id");
            seen.insert(id, row);
        }
        assert_eq!(json!(seen), json!(self.model.seen), "what is seen");
        let unconfirmed = Model::changes(&self.model.base, &self.model.seen);
        assert_eq!(
            by_id(self.it.changes()),
            Model::package(&unconfirmed),
            "what isn't confirmed"
        );
        let inflight = by_id(self.it.package(Layer::Inflight));
        assert_eq!(
            inflight,
            Model::package(&self.model.sent),
            "what is on the wire"
        );
        assert_eq!(
            self.it.store.has_changes(),
            self.model.has_changes(),
            "whether there is more to send"
        );
        assert_eq!(
            self.it.store.has_inflight(),
            !self.model.sent.is_empty(),
            "whether something is on the wire"
        );
    }
}

/// A package whose lists are maps by id; added records say nothing of nulls.
fn by_id(package: Json) -> Json {
    let mut lists = json!({});
    for (name, list) in package.as_object().into_iter().flatten() {
        for item in list.as_array().unwrap() {
            let key = if name == "added" { "$PhantomId" } else { "id" };
            let mut item = item.clone();
            if name == "added" {
                item.as_object_mut()
                    .unwrap()
                    .retain(|_, value| !value.is_null());
            }
            lists[name][item[key].as_str().unwrap()] = item.clone();
        }
    }
    lists
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
    fn a_store_lives_as_the_naive_model_does(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        let _told = Told(format!("{steps:?}"));
        for step in steps {
            world.step(step);
            world.follow_reborn();
            world.compare();
        }
    }
}
