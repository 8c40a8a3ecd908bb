//! A server that speaks the live protocol: loads and syncs by HTTP, a room with a change log,
//! locks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// One entry of the change log.
#[derive(Clone, Debug)]
pub struct Entry {
    pub revision: u64,
    pub client: Value,
    pub request: Value,
    pub data: Value,
}

/// What servers do differently.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// It gives a repeated request its first answer, also after a restart, and says so.
    pub remembers: bool,
    /// It takes the ids that added rows bring, where they are free.
    pub keeps_ids: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            remembers: true,
            keeps_ids: false,
        }
    }
}

/// Names that begin so are refused: the record, and nothing of the package is saved; the package,
/// without a word about records; the record alone, the rest is saved.
pub const REFUSED: [&str; 3] = ["no-record", "no-package", "no-part"];

#[derive(Debug)]
pub struct Room {
    pub habits: Habits,
    pub rows: BTreeMap<String, BTreeMap<u64, Map<String, Value>>>,
    pub revision: u64,
    pub epoch: String,
    pub log: Vec<Entry>,
    /// What was before is told by answers to syncs and loads, not to those who subscribe.
    pub forgotten: u64,
    /// How often each name was written.
    pub written: BTreeMap<String, u32>,
    /// The names that each record had.
    pub names: BTreeMap<u64, Vec<String>>,
    /// By which package each name was written first, and what revision there was before.
    pub packages: BTreeMap<String, (String, u64)>,
    pub written_at: BTreeMap<String, u64>,
    /// The keys of records that were added.
    pub keys: BTreeMap<(String, u64), String>,
    /// Records that were added though there was one of their key.
    pub twins: Vec<Map<String, Value>>,
    /// The packages of which a part was refused, and the rest saved.
    pub parts: BTreeSet<(String, u64)>,
    /// The ids that phantoms got.
    phantoms: BTreeMap<String, u64>,
    /// Requests by client and number, with what they were answered.
    pub answers: BTreeMap<(String, u64), Value>,
    /// Who holds which record.
    pub locks: BTreeMap<(String, String), String>,
    /// What was removed, and by which package.
    pub removed: BTreeMap<(String, u64), (String, u64)>,
    /// The next syncs that are refused by a conflict.
    pub conflicts: u32,
    next_id: u64,
}

impl Room {
    pub fn new(sections: &Value) -> Self {
        let mut rows = BTreeMap::new();
        for (store, list) in sections.as_object().unwrap() {
            let list = list.as_array().unwrap().iter();
            let list = list.map(|row| {
                (
                    row["id"].as_u64().unwrap(),
                    row.as_object().unwrap().clone(),
                )
            });
            rows.insert(store.clone(), list.collect());
        }
        Self {
            habits: Habits::default(),
            rows,
            revision: 1,
            epoch: "e1".into(),
            log: Vec::new(),
            forgotten: 0,
            written: BTreeMap::new(),
            names: BTreeMap::new(),
            packages: BTreeMap::new(),
            written_at: BTreeMap::new(),
            keys: BTreeMap::new(),
            twins: Vec::new(),
            parts: BTreeSet::new(),
            phantoms: BTreeMap::new(),
            answers: BTreeMap::new(),
            locks: BTreeMap::new(),
            removed: BTreeMap::new(),
            conflicts: 0,
            next_id: 1_000,
        }
    }

    /// Answers a load or a sync; gives the change that is to be told, if there is one.
    pub fn answer(&mut self, pack: &Value) -> (Value, Option<Entry>) {
        if pack["type"] == "load" {
            return (self.load(), None);
        }
        let request = pack["requestId"].as_u64().unwrap();
        let client = pack["clientId"].as_str().unwrap_or_default().to_owned();
        if let Some(answer) = self.answers.get(&(client.clone(), request)) {
            return (answer.clone(), None);
        }
        if self.conflicts > 0 {
            self.conflicts -= 1;
            let answer =
                json!({"success": false, "code": "CONFLICT", "message": "changed by another"});
            return (answer, None);
        }
        let (answer, entry) = self.sync(pack, request, &client);
        self.answers.insert((client, request), answer.clone());
        (answer, entry)
    }

    pub fn load(&self) -> Value {
        let mut answer = json!({"success": true, "revision": self.revision});
        for (store, rows) in &self.rows {
            answer[store] = json!({"rows": rows.values().collect::<Vec<_>>()});
        }
        answer
    }

    /// The server starts again.
    pub fn restart(&mut self) {
        self.locks.clear();
        if !self.habits.remembers {
            self.answers.clear();
        }
    }

    fn sync(&mut self, pack: &Value, request: u64, client: &str) -> (Value, Option<Entry>) {
        let refused = self.refused(pack);
        if let Some(answer) = refused.iter().find_map(|it| it.whole.clone()) {
            return (answer, None);
        }
        let since = pack["revision"].as_u64().unwrap_or(self.revision);
        let mut data = json!({});
        let mut mapped: Vec<(String, Value)> = Vec::new();
        let stores: Vec<String> = self.rows.keys().cloned().collect();
        let saves = |row: &Value| refused.iter().all(|it| it.row != *row);
        for store in &stores {
            for row in list(&pack[store]["added"]).filter(|row| saves(row)) {
                let phantom = row["$PhantomId"].as_str().unwrap().to_owned();
                let id = self.give_id(store, &row["id"]);
                self.phantoms.insert(phantom.clone(), id);
                // Taken, so that the next one gets another.
                let none = Map::new();
                self.rows.get_mut(store).unwrap().insert(id, none);
                mapped.push((store.clone(), json!({"id": id, "$PhantomId": phantom})));
            }
        }
        for store in &stores {
            let section = &pack[store];
            for row in list(&section["added"]).filter(|row| saves(row)) {
                let mut row = self.resolved(row);
                let phantom = row.remove("$PhantomId").unwrap();
                let id = self.phantoms[phantom.as_str().unwrap()];
                row.insert("id".into(), id.into());
                self.note(&row, client, request);
                let key = row.get("key").filter(|key| key.is_string());
                let mut others = self.rows[store].values();
                if others.any(|it| key.is_some() && it.get("key") == key) {
                    self.twins.push(row.clone());
                }
                if let Some(key) = key.and_then(Value::as_str) {
                    self.keys.insert((store.clone(), id), key.to_owned());
                }
                self.rows.get_mut(store).unwrap().insert(id, row.clone());
                row.insert("$PhantomId".into(), phantom);
                push(&mut data, store, "added", row.into());
            }
            for row in list(&section["updated"]).filter(|row| saves(row)) {
                let row = self.resolved(row);
                let id = number(&row["id"]);
                self.note(&row, client, request);
                if let Some(known) = self.rows.get_mut(store).unwrap().get_mut(&id) {
                    let mut told = row.clone();
                    told.insert("id".into(), id.into());
                    known.extend(told.clone());
                    push(&mut data, store, "updated", told.into());
                }
            }
            for row in list(&section["removed"]) {
                let id = number(&row["id"]);
                if self.rows.get_mut(store).unwrap().remove(&id).is_some() {
                    let package = (client.to_owned(), request);
                    self.removed.insert((store.clone(), id), package);
                    push(&mut data, store, "removed", json!({"id": id}));
                }
            }
        }
        if !refused.is_empty() {
            self.parts.insert((client.to_owned(), request));
        }
        for it in &refused {
            mapped.push((it.store.clone(), it.outcome.clone()));
        }
        let wrote = data.as_object().is_some_and(|data| !data.is_empty());
        // What others did since.
        let mut answer =
            json!({"success": true, "requestId": request, "idempotent": self.habits.remembers});
        for entry in self.log.iter().filter(|entry| entry.revision > since) {
            for (store, section) in entry.data.as_object().unwrap() {
                for row in ["added", "updated"]
                    .iter()
                    .flat_map(|kind| list(&section[*kind]))
                {
                    let id = number(&row["id"]);
                    if let Some(row) = self.rows[store].get(&id) {
                        // A row that refuses says nothing else.
                        if refused.iter().any(|it| it.is(store, id)) {
                            push(&mut answer, store, "updated", row.clone().into());
                        } else {
                            join(&mut answer, store, row.clone().into());
                        }
                    }
                }
                for row in list(&section["removed"]) {
                    push(&mut answer, store, "removed", row.clone());
                }
            }
        }
        for (store, row) in mapped {
            join(&mut answer, &store, row);
        }
        if wrote {
            self.revision += 1;
        }
        answer["revision"] = self.revision.into();
        let entry = wrote.then(|| Entry {
            revision: self.revision,
            client: client.into(),
            request: request.into(),
            data,
        });
        self.log.extend(entry.clone());
        (answer, entry)
    }

    /// The rows of a package that are refused.
    fn refused(&self, pack: &Value) -> Vec<Refused> {
        let mut all = Vec::new();
        for store in self.rows.keys() {
            let section = &pack[store];
            for row in list(&section["added"]).chain(list(&section["updated"])) {
                let name = row["name"].as_str().unwrap_or_default();
                let Some(how) = REFUSED.iter().position(|it| name.starts_with(it)) else {
                    continue;
                };
                let names = if row["$PhantomId"].is_string() {
                    "$PhantomId"
                } else {
                    "id"
                };
                let outcome = json!({names: row[names], "success": false, "error": "no such name"});
                let mut whole =
                    json!({"success": false, "message": "no", "requestId": pack["requestId"]});
                if how == 0 {
                    whole["rolledBack"] = true.into();
                    push(&mut whole, store, "rows", outcome.clone());
                }
                all.push(Refused {
                    store: store.clone(),
                    row: row.clone(),
                    outcome,
                    whole: (how < 2).then_some(whole),
                });
            }
        }
        all
    }

    fn give_id(&mut self, store: &str, wished: &Value) -> u64 {
        let wished = wished.as_u64().filter(|_| self.habits.keeps_ids);
        let free = |id: &u64| {
            !self.rows[store].contains_key(id)
                && !self.removed.contains_key(&(store.to_owned(), *id))
        };
        if let Some(id) = wished.filter(free) {
            return id;
        }
        while !free(&self.next_id) {
            self.next_id += 1;
        }
        self.next_id
    }

    /// A row whose references name records by the server's ids.
    fn resolved(&self, row: &Value) -> Map<String, Value> {
        let mut row = row.as_object().unwrap().clone();
        let known = row.get("resourceId").and_then(Value::as_str);
        if let Some(id) = known.and_then(|phantom| self.phantoms.get(phantom)) {
            row.insert("resourceId".into(), (*id).into());
        }
        row
    }

    fn note(&mut self, row: &Map<String, Value>, client: &str, request: u64) {
        if let Some(Value::String(name)) = row.get("name") {
            let package = (client.to_owned(), request);
            self.packages.entry(name.clone()).or_insert(package);
            let revision = self.revision;
            self.written_at.entry(name.clone()).or_insert(revision);
            let names = self.names.entry(number(&row["id"])).or_default();
            names.push(name.clone());
            *self.written.entry(name.clone()).or_default() += 1;
        }
    }

    /// Somebody else's change, by no request.
    pub fn change(&mut self, client: &str, pack: Value) -> Entry {
        let mut pack = pack;
        let request = 1 << 40 | self.revision;
        pack["revision"] = self.revision.into();
        self.sync(&pack, request, client).1.expect("a change")
    }

    /// A change as it is told.
    pub fn told(&self, entry: &Entry) -> Value {
        json!({"type": "sync", "project": "calendar", "revision": entry.revision, "previous": entry.revision - 1,
            "clientId": entry.client, "requestId": entry.request, "userId": entry.client, "data": entry.data})
    }

    /// What a client hears when it subscribes.
    pub fn subscribe(&self, since: Option<u64>, epoch: Option<&str>) -> Vec<Value> {
        let (revision, epoch_here) = (self.revision, self.epoch.as_str());
        let first = self
            .log
            .first()
            .map_or(revision, |entry| entry.revision - 1);
        let known = since.is_none_or(|since| {
            epoch.is_none_or(|epoch| epoch == epoch_here) && (first..=revision).contains(&since)
        });
        let missed = self
            .log
            .iter()
            .filter(|it| since.is_some_and(|since| it.revision > since));
        let missed: Vec<Value> = missed.map(|entry| self.told(entry)).collect();
        let locks: Vec<Value> = self
            .locks
            .iter()
            .map(|((store, id), client)| lock(store, id, client))
            .collect();
        let catch_up = if known {
            json!(missed.len())
        } else {
            Value::Null
        };
        let mut out = vec![
            json!({"type": "subscribed", "project": "calendar", "epoch": epoch_here,
            "revision": revision, "catchUp": catch_up, "locks": locks}),
        ];
        if known {
            out.extend(missed);
        } else {
            out.push(json!({"type": "reload", "reason": "forgotten", "revision": revision}));
        }
        out.push(json!({"type": "live", "project": "calendar", "revision": revision}));
        out
    }

    pub fn hello(&self, client: &str) -> Value {
        json!({"type": "hello", "protocol": 1, "clientId": client, "epoch": self.epoch, "revision": self.revision,
            "expiresAt": null, "heartbeatMs": 25_000})
    }
}

/// A row that is refused.
struct Refused {
    store: String,
    row: Value,
    outcome: Value,
    /// The answer, when nothing of the package is saved.
    whole: Option<Value>,
}

impl Refused {
    fn is(&self, store: &str, id: u64) -> bool {
        self.store == store && self.row["$PhantomId"].is_null() && number(&self.row["id"]) == id
    }
}

pub fn lock(store: &str, id: &str, client: &str) -> Value {
    let id: Value = id.parse::<u64>().map_or(id.into(), Value::from);
    json!({"recordType": store, "recordId": id, "clientId": client, "userId": client, "userName": client})
}

fn push(data: &mut Value, store: &str, kind: &str, row: Value) {
    let place = &mut data[store][kind];
    match place {
        Value::Array(rows) => rows.push(row),
        _ => *place = json!([row]),
    }
}

/// Puts a row into an answer: one per record.
fn join(answer: &mut Value, store: &str, row: Value) {
    let rows = answer[store]["rows"].as_array_mut().into_iter().flatten();
    let mut same = rows.filter(|it| !it["id"].is_null() && it["id"] == row["id"]);
    match (same.next().and_then(Value::as_object_mut), row) {
        (Some(known), Value::Object(row)) => known.extend(row),
        (_, row) => push(answer, store, "rows", row),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .or_else(|| value["id"].as_u64())
        .unwrap_or_default()
}
