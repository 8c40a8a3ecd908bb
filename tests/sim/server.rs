//! A server that speaks the protocol, kept so small that it is obviously right: rows, a revision,
//! and a memory of requests.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What the server does with ids of phantoms that it meets again, and with requests.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Answers a repeated `requestId` with its first answer.
    pub deduplicates: bool,
    /// Answers only what it has to.
    pub short_answers: bool,
    /// Says in its answers that it deduplicates.
    pub says_idempotent: bool,
    /// Resolves references to phantoms of the same request.
    pub resolves_references: bool,
    /// Takes it for a fault of the client's when it names a record that isn't there.
    pub strict: bool,
    /// Removes what refers to a removed record.
    pub cascades: bool,
    /// Says in loads by which client ids records were added.
    pub tells_phantoms: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            deduplicates: true,
            short_answers: true,
            says_idempotent: false,
            resolves_references: true,
            strict: false,
            cascades: true,
            tells_phantoms: false,
        }
    }
}

/// Fields that refer to other stores: store, field, to which store.
const REFERENCES: [(&str, &str, &str); 2] = [
    ("assignments", "eventId", "events"),
    ("assignments", "resourceId", "resources"),
];

/// Stores in the order in which their additions get ids.
const STORES: [&str; 4] = ["resources", "events", "assignments", "nodes"];

/// The server.
#[derive(Debug)]
pub struct Server {
    pub habits: Habits,
    pub rows: BTreeMap<String, BTreeMap<u64, Map<String, Value>>>,
    pub revision: u64,
    /// Bodies of syncs in the order of their arrival.
    pub received: Vec<Value>,
    /// Bodies of loads.
    pub loads: Vec<Value>,
    answers: BTreeMap<u64, String>,
    /// By which client ids records were added.
    phantoms: BTreeMap<(String, u64), String>,
    next_id: u64,
}

impl Server {
    /// A server that holds these sections.
    pub fn new(habits: Habits, sections: &Value) -> Self {
        let mut server = Self {
            habits,
            rows: BTreeMap::new(),
            revision: 1,
            received: Vec::new(),
            loads: Vec::new(),
            answers: BTreeMap::new(),
            phantoms: BTreeMap::new(),
            next_id: 1000,
        };
        for (store, rows) in sections.as_object().into_iter().flatten() {
            server.rows.entry(store.clone()).or_default();
            for row in rows.as_array().into_iter().flatten() {
                let row = row.as_object().cloned().unwrap_or_default();
                let id = row["id"].as_u64().unwrap_or_default();
                server
                    .rows
                    .entry(store.clone())
                    .or_default()
                    .insert(id, row);
            }
        }
        server
    }

    /// Answers a request.
    pub fn answer(&mut self, pack: &Value) -> String {
        if pack["type"] == "load" {
            self.loads.push(pack.clone());
            return self.load(pack).to_string();
        }
        self.received.push(pack.clone());
        let request = pack["requestId"].as_u64().unwrap_or_default();
        if self.habits.deduplicates
            && let Some(answer) = self.answers.get(&request)
        {
            return answer.clone();
        }
        let answer = self.sync(pack).to_string();
        self.answers.insert(request, answer.clone());
        answer
    }

    fn load(&self, pack: &Value) -> Value {
        let mut answer =
            json!({"success": true, "requestId": pack["requestId"], "revision": self.revision});
        if self.habits.says_idempotent {
            answer["idempotent"] = json!(true);
        }
        for store in pack["stores"].as_array().into_iter().flatten() {
            let name = store.as_str().or(store["id"].as_str()).unwrap_or_default();
            let rows = self.rows.get(name).into_iter().flatten();
            let rows: Vec<_> = rows
                .map(|(id, row)| {
                    let mut row = row.clone();
                    let phantom = self.phantoms.get(&(name.to_owned(), *id));
                    if let Some(phantom) = phantom.filter(|_| self.habits.tells_phantoms) {
                        row.insert("$PhantomId".into(), phantom.as_str().into());
                    }
                    row
                })
                .collect();
            answer[name] = json!({"rows": rows, "total": rows.len()});
        }
        answer
    }

    fn sync(&mut self, pack: &Value) -> Value {
        self.revision += 1;
        let mut answer =
            json!({"success": true, "requestId": pack["requestId"], "revision": self.revision});
        let mut phantoms: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut added: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for store in STORES {
            for row in pack[store]["added"].as_array().into_iter().flatten() {
                let id = self.next_id;
                self.next_id += 1;
                let mut row = row.as_object().cloned().unwrap_or_default();
                assert!(
                    !row.contains_key("id"),
                    "an added row carries no id: {row:?}"
                );
                let phantom = row.remove("$PhantomId").unwrap_or_default();
                let phantom = phantom.as_str().unwrap_or_default().to_owned();
                phantoms.insert((store.to_owned(), phantom.clone()), id);
                self.phantoms
                    .insert((store.to_owned(), id), phantom.clone());
                name_parent(store, &mut row, &phantoms);
                self.resolve(store, &mut row, &phantoms);
                row.insert("id".into(), id.into());
                let mut back = row.clone();
                back.insert("$PhantomId".into(), phantom.into());
                if self.habits.short_answers {
                    back.retain(|name, _| name == "id" || name == "$PhantomId");
                }
                added.entry(store.into()).or_default().push(back.into());
                self.rows.entry(store.into()).or_default().insert(id, row);
            }
        }
        for store in STORES {
            let rows = added.entry(store.into()).or_default();
            for update in pack[store]["updated"].as_array().into_iter().flatten() {
                let mut update = update.as_object().cloned().unwrap_or_default();
                self.resolve(store, &mut update, &phantoms);
                name_parent(store, &mut update, &phantoms);
                let id = number(&update["id"]);
                let there = self.row(store, id).is_some();
                assert!(there || !self.habits.strict, "no {store} {update:?}");
                if let Some(row) = self.rows.entry(store.into()).or_default().get_mut(&id) {
                    update.remove("id");
                    row.append(&mut update);
                    if !self.habits.short_answers {
                        rows.push(row.clone().into());
                    }
                }
            }
        }
        for store in STORES {
            let rows = added.remove(store).unwrap_or_default();
            let mut removed = Vec::new();
            for row in pack[store]["removed"].as_array().into_iter().flatten() {
                let id = number(&row["id"]);
                self.remove(store, id);
                removed.push(json!({"id": id}));
            }
            if !rows.is_empty() {
                answer[store]["rows"] = rows.into();
            }
            if !removed.is_empty() && !self.habits.short_answers {
                answer[store]["removed"] = removed.into();
            }
        }
        answer
    }

    fn remove(&mut self, store: &str, id: u64) {
        self.rows.entry(store.into()).or_default().remove(&id);
        for (referring, field, to) in REFERENCES {
            if to == store && self.habits.cascades {
                let rows = self.rows.entry(referring.into()).or_default();
                rows.retain(|_, row| row.get(field).is_none_or(|it| number(it) != id));
            }
        }
    }

    fn resolve(
        &self,
        store: &str,
        row: &mut Map<String, Value>,
        phantoms: &BTreeMap<(String, String), u64>,
    ) {
        if !self.habits.resolves_references {
            return;
        }
        for (referring, field, to) in REFERENCES {
            if referring == store
                && let Some(Value::String(phantom)) = row.get(field)
                && let Some(id) = phantoms.get(&(to.to_owned(), phantom.clone()))
            {
                row.insert(field.into(), (*id).into());
            }
        }
    }

    /// A row.
    pub fn row(&self, store: &str, id: u64) -> Option<&Map<String, Value>> {
        self.rows.get(store)?.get(&id)
    }

    /// How many rows a store has.
    pub fn count(&self, store: &str) -> usize {
        self.rows.get(store).map_or(0, BTreeMap::len)
    }
}

/// A parent that is new names itself by its client id, and stands before its children.
fn name_parent(
    store: &str,
    row: &mut Map<String, Value>,
    phantoms: &BTreeMap<(String, String), u64>,
) {
    if let Some(Value::String(phantom)) = row.remove("$PhantomParentId") {
        let parent = phantoms.get(&(store.to_owned(), phantom));
        row.insert("parentId".into(), (*parent.expect("the parent")).into());
    }
}

fn number(id: &Value) -> u64 {
    id.as_u64()
        .or_else(|| id.as_str()?.parse().ok())
        .unwrap_or_default()
}
