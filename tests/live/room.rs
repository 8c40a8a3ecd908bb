//! A server that speaks the live protocol: loads and syncs by HTTP, a room with a change log, locks.

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

#[derive(Debug)]
pub struct Room {
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
    /// Requests by client and number, with what they were answered.
    pub answers: BTreeMap<(String, u64), Value>,
    /// Who holds which record.
    pub locks: BTreeMap<(String, String), String>,
    pub removed: BTreeSet<(String, u64)>,
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
            rows,
            revision: 1,
            epoch: "e1".into(),
            log: Vec::new(),
            forgotten: 0,
            written: BTreeMap::new(),
            names: BTreeMap::new(),
            answers: BTreeMap::new(),
            locks: BTreeMap::new(),
            removed: BTreeSet::new(),
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

    fn sync(&mut self, pack: &Value, request: u64, client: &str) -> (Value, Option<Entry>) {
        let since = pack["revision"].as_u64().unwrap_or(self.revision);
        let mut data = json!({});
        let mut mapped: Vec<(String, Value)> = Vec::new();
        for store in self.rows.keys().cloned().collect::<Vec<_>>() {
            let section = &pack[&store];
            for row in section["added"].as_array().into_iter().flatten() {
                let mut row = row.as_object().unwrap().clone();
                let phantom = row.remove("$PhantomId").unwrap();
                let id = self.next_id;
                self.next_id += 1;
                row.insert("id".into(), id.into());
                self.note(&row);
                self.rows.get_mut(&store).unwrap().insert(id, row.clone());
                mapped.push((store.clone(), json!({"id": id, "$PhantomId": phantom})));
                row.insert("$PhantomId".into(), phantom);
                push(&mut data, &store, "added", row.into());
            }
            for row in section["updated"].as_array().into_iter().flatten() {
                let row = row.as_object().unwrap().clone();
                let id = number(&row["id"]);
                self.note(&row);
                if let Some(known) = self.rows.get_mut(&store).unwrap().get_mut(&id) {
                    let mut told = row.clone();
                    told.insert("id".into(), id.into());
                    known.extend(told.clone());
                    push(&mut data, &store, "updated", told.into());
                }
            }
            for row in section["removed"].as_array().into_iter().flatten() {
                let id = number(&row["id"]);
                if self.rows.get_mut(&store).unwrap().remove(&id).is_some() {
                    self.removed.insert((store.clone(), id));
                    push(&mut data, &store, "removed", json!({"id": id}));
                }
            }
        }
        let wrote = data.as_object().is_some_and(|data| !data.is_empty());
        // What others did since.
        let mut answer = json!({"success": true, "requestId": request, "idempotent": true});
        for entry in self.log.iter().filter(|entry| entry.revision > since) {
            for (store, section) in entry.data.as_object().unwrap() {
                for row in ["added", "updated"]
                    .iter()
                    .flat_map(|kind| list(&section[*kind]))
                {
                    let id = number(&row["id"]);
                    if let Some(row) = self.rows[store].get(&id) {
                        push(&mut answer, store, "rows", row.clone().into());
                    }
                }
                for row in list(&section["removed"]) {
                    push(&mut answer, store, "removed", row.clone());
                }
            }
        }
        for (store, row) in mapped {
            push(&mut answer, &store, "rows", row);
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

    fn note(&mut self, row: &Map<String, Value>) {
        if let Some(Value::String(name)) = row.get("name") {
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
