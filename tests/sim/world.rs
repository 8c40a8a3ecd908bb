//! Clients, a server and a network under one virtual clock. Everything follows from the seed.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use syncline::engine::Engine;
use syncline::engine::config::parse;
use syncline::engine::error::{ErrorCode, SyncError};
use syncline::engine::event::{EventKind, Notice, Origin};
use syncline::engine::input::{CallId, Input, ManagerId, Place, Reply, RequestId, Scope, StoreId};
use syncline::engine::rng::Rng;
use syncline::engine::table::{IdRef, RowId};
use syncline::engine::time::Millis;
use syncline::engine::value;

use crate::network::{Fate, Parcel};
use crate::server::{Habits, Server};

/// What a listener of a before… event does.
#[derive(Clone, Debug)]
pub enum Listener {
    Proceed,
    Veto,
    /// Answers after so many ms.
    Later(u64, bool),
    /// Answers at once, with something in the place of what it was shown.
    Replace(String),
}

/// One page.
pub struct Client {
    pub engine: Engine,
    pub manager: ManagerId,
    pub stores: BTreeMap<String, StoreId>,
    /// What happened, in words.
    pub log: Vec<String>,
    pub warnings: Vec<String>,
    /// Conflicts that were found or decided, as their events told.
    pub conflicts: Vec<(EventKind, Value)>,
    /// Records in doubt: store and client id.
    pub uncertain: Vec<(StoreId, String)>,
    /// Whether anything ever was in doubt.
    pub doubted: bool,
    pub notices: Vec<Notice>,
    pub settled: BTreeMap<CallId, Result<Option<RequestId>, SyncError>>,
    pub listeners: BTreeMap<&'static str, Listener>,
    pub requests: usize,
    pub opened: u32,
    pub released: Vec<RequestId>,
    pub kept: Vec<RequestId>,
}

impl Client {
    /// Calls that have not settled.
    pub fn open_calls(&self) -> Vec<CallId> {
        let calls = (1..=self.opened).map(CallId);
        calls
            .filter(|call| !self.settled.contains_key(call))
            .collect()
    }
}

pub struct World {
    pub now: u64,
    pub rng: Rng,
    pub server: Server,
    pub clients: Vec<Client>,
    /// Fates of the next requests; `Normal` when there are none.
    pub fates: VecDeque<Fate>,
    /// Whether fates are drawn when none are set.
    pub chaos: bool,
    /// How long a way takes, in ms.
    pub latency: u64,
    /// Whether clients send removals that a cascade made.
    pub send_cascade: bool,
    /// Whether clients know events by their names, and assignments by what they refer to.
    pub natural_keys: bool,
    /// Every effect, in words.
    pub transcript: Vec<String>,
    pub parcels: BTreeMap<(u64, u64), Parcel>,
    pub next_parcel: u64,
    seed: u64,
}

/// Every event but the question for validity, which apps without rules are never asked.
pub const ALL: u64 = !EventKind::Invalid.bit();

impl World {
    pub fn new(seed: u64, habits: Habits, sections: Value) -> Self {
        Self {
            now: 1_700_000_000_000,
            rng: Rng::new(seed),
            server: Server::new(habits, &sections),
            clients: Vec::new(),
            fates: VecDeque::new(),
            chaos: false,
            latency: 20,
            send_cascade: false,
            natural_keys: false,
            transcript: Vec::new(),
            parcels: BTreeMap::new(),
            next_parcel: 0,
            seed,
        }
    }

    /// A world with a calendar: two events, two resources, one assignment.
    pub fn calendar() -> Self {
        Self::new(
            1,
            Habits::default(),
            json!({
                "events": [{"id": 1, "name": "one", "n": 1}, {"id": 2, "name": "two", "n": 2}],
                "resources": [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}],
                "assignments": [{"id": 1, "eventId": 1, "resourceId": 1}],
            }),
        )
    }

    /// A client with the three stores of a calendar.
    pub fn client(&mut self, config: Value) -> usize {
        let at = self.clients.len();
        let mut full = json!({"transport": {"load": {"url": "/load"}, "sync": {"url": "/sync"}}});
        merge(&mut full, config);
        let mut engine = Engine::new(self.seed * 100 + at as u64);
        let now = Millis(self.now);
        let config = parse(full.to_string().as_bytes()).unwrap();
        let reply = engine.handle(Input::CreateManager(Box::new(config)), now);
        let Ok(Reply::Manager(manager)) = reply else {
            panic!("no manager: {reply:?}")
        };
        let mut client = Client {
            engine,
            manager,
            stores: BTreeMap::new(),
            log: Vec::new(),
            warnings: Vec::new(),
            conflicts: Vec::new(),
            uncertain: Vec::new(),
            doubted: false,
            notices: Vec::new(),
            settled: BTreeMap::new(),
            listeners: BTreeMap::new(),
            requests: 0,
            opened: 0,
            released: Vec::new(),
            kept: Vec::new(),
        };
        client
            .engine
            .handle(Input::Listen(manager, ALL), now)
            .unwrap();
        self.clients.push(client);
        self.add_store(
            at,
            json!({"id": "events", "naturalKey": self.natural_key(&["name"]), "fields": [
            {"name": "name", "type": "string"}, {"name": "n", "type": "number"}]}),
        );
        let resources = json!({"id": "resources", "naturalKey": self.natural_key(&["name"]), "fields": [{"name": "name"}]});
        self.add_store(at, resources);
        self.add_store(
            at,
            json!({"id": "assignments", "naturalKey": self.natural_key(&["eventId", "resourceId"]), "fields": [
            {"name": "eventId"}, {"name": "resourceId"}],
            "relations": [{"field": "eventId", "store": "events", "sendCascade": self.send_cascade},
                {"field": "resourceId", "store": "resources"}]}),
        );
        at
    }

    fn natural_key(&self, fields: &[&str]) -> Value {
        json!(if self.natural_keys { fields } else { &[] })
    }

    /// A loaded client with an empty log.
    pub fn loaded(&mut self, config: Value) -> usize {
        let client = self.client(config);
        self.load(client);
        self.settle();
        self.clients[client].log.clear();
        self.clients[client].requests = 0;
        client
    }

    pub fn add_store(&mut self, client: usize, config: Value) -> StoreId {
        let name = config["id"].as_str().unwrap().to_owned();
        let config = parse(config.to_string().as_bytes()).unwrap();
        let reply = self.feed(client, Input::CreateStore(Box::new(config)));
        let Ok(Reply::Store(store)) = reply else {
            panic!("no store: {reply:?}")
        };
        let manager = self.clients[client].manager;
        self.feed(client, Input::ListenStore(store, u32::MAX))
            .unwrap();
        self.feed(client, Input::AddStore(manager, store, None))
            .unwrap();
        self.clients[client].stores.insert(name, store);
        store
    }

    // --- what users do ---------------------------------------------------------------------------

    pub fn feed(&mut self, client: usize, input: Input<'_>) -> Result<Reply, SyncError> {
        let reply = self.clients[client].engine.handle(input, Millis(self.now));
        self.drain(client);
        reply
    }

    pub fn load(&mut self, client: usize) -> CallId {
        let call = self.open(client);
        let manager = self.clients[client].manager;
        self.feed(
            client,
            Input::Load {
                manager,
                call: Some(call),
                options: None,
            },
        )
        .unwrap();
        call
    }

    pub fn sync(&mut self, client: usize) -> CallId {
        let call = self.open(client);
        let manager = self.clients[client].manager;
        self.feed(
            client,
            Input::Sync {
                manager,
                call: Some(call),
            },
        )
        .unwrap();
        call
    }

    pub fn open(&mut self, client: usize) -> CallId {
        self.clients[client].opened += 1;
        CallId(self.clients[client].opened)
    }

    pub fn find(&self, client: usize, store: &str, id: impl Into<Id>) -> Option<RowId> {
        let client = &self.clients[client];
        client
            .engine
            .store(client.stores[store])?
            .find(id.into().as_ref())
    }

    pub fn set(
        &mut self,
        client: usize,
        store: &str,
        id: impl Into<Id>,
        field: &str,
        value: impl Into<Value>,
    ) -> bool {
        let row = self.find(client, store, id).expect("a record to set");
        self.set_row(client, store, row, field, value)
    }

    pub fn set_row(
        &mut self,
        client: usize,
        store: &str,
        row: RowId,
        field: &str,
        value: impl Into<Value>,
    ) -> bool {
        let store = self.clients[client].stores[store];
        let reply = self.feed(client, Input::EnsureField(store, field));
        let Ok(Reply::Field(field)) = reply else {
            panic!("no field: {reply:?}")
        };
        let value = value.into();
        let value = match &value {
            Value::Number(number) => value::Value::Number(number.as_f64().unwrap()),
            Value::String(text) => value::Value::Text(text),
            Value::Bool(flag) => value::Value::Bool(*flag),
            _ => value::Value::Null,
        };
        let reply = self.feed(
            client,
            Input::Set {
                store,
                row,
                field,
                value,
            },
        );
        matches!(reply.unwrap(), Reply::Changed(true))
    }

    pub fn add(&mut self, client: usize, store: &str, row: Value) -> RowId {
        let store = self.clients[client].stores[store];
        let rows = json!([row]).to_string();
        let input = Input::Add {
            store,
            rows: rows.as_bytes(),
            place: Place::End,
        };
        let Ok(Reply::Rows(rows)) = self.feed(client, input) else {
            panic!("nothing added")
        };
        rows[0]
    }

    pub fn remove(&mut self, client: usize, store: &str, id: impl Into<Id>) {
        let row = self.find(client, store, id).expect("a record to remove");
        let store = self.clients[client].stores[store];
        self.feed(client, Input::Remove(store, &[row])).unwrap();
    }

    pub fn reject_all(&mut self, client: usize) {
        let manager = self.clients[client].manager;
        self.feed(client, Input::Reject(Scope::Manager(manager)))
            .unwrap();
    }

    // --- what they see ---------------------------------------------------------------------------

    /// A field as the app sees it.
    pub fn get(&self, client: usize, store: &str, id: impl Into<Id>, field: &str) -> Value {
        let row = self.find(client, store, id).expect("a record to read");
        self.get_row(client, store, row, field)
    }

    pub fn get_row(&self, client: usize, store: &str, row: RowId, field: &str) -> Value {
        let client = &self.clients[client];
        let store = client.engine.store(client.stores[store]).unwrap();
        let table = store.table();
        let Some(field) = table.schema().find(field) else {
            return Value::Null;
        };
        let row = table.resolve(row).expect("a living record");
        match table.value(table.cell(row, field)) {
            value::Value::Absent | value::Value::Null => Value::Null,
            value::Value::Bool(flag) => flag.into(),
            value::Value::Number(number) if number.fract() == 0.0 => (number as i64).into(),
            value::Value::Number(number) => number.into(),
            value::Value::Text(text) => text.into(),
            value::Value::Json(text) => serde_json::from_str(text).unwrap(),
        }
    }

    pub fn rows(&self, client: usize, store: &str) -> Vec<RowId> {
        let client = &self.clients[client];
        let table = client.engine.store(client.stores[store]).unwrap().table();
        table.order().iter().map(|&row| table.handle(row)).collect()
    }

    pub fn count(&self, client: usize, store: &str) -> usize {
        self.rows(client, store).len()
    }

    pub fn changes(&self, client: usize) -> Value {
        let client = &self.clients[client];
        client
            .engine
            .changes_json(client.manager)
            .map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap())
    }

    pub fn is_dirty(&self, client: usize) -> bool {
        let client = &self.clients[client];
        client.engine.has_changes(client.manager)
    }

    pub fn outcome(&self, client: usize, call: CallId) -> Option<Result<bool, ErrorCode>> {
        let settled = self.clients[client].settled.get(&call)?;
        Some(
            settled
                .as_ref()
                .map(Option::is_some)
                .map_err(|error| error.code),
        )
    }

    /// The log without what is only about the status.
    pub fn log(&self, client: usize) -> Vec<&str> {
        let log = self.clients[client].log.iter().map(String::as_str);
        log.filter(|line| !line.starts_with("status")).collect()
    }

    pub fn logged(&self, client: usize, line: &str) -> usize {
        self.clients[client]
            .log
            .iter()
            .filter(|logged| logged.as_str() == line)
            .count()
    }

    /// The last sync that the server received, without its numbers.
    pub fn last_sync(&self) -> Value {
        let mut pack = self.server.received.last().cloned().unwrap_or_default();
        if let Some(pack) = pack.as_object_mut() {
            pack.retain(|name, _| !["type", "requestId", "revision"].contains(&name.as_str()));
        }
        pack
    }

    // --- time ------------------------------------------------------------------------------------

    /// Lets so much time pass.
    pub fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(at) = self.next_moment().filter(|at| *at <= end) {
            self.step(at);
        }
        self.now = end;
    }

    /// Lets time pass until nothing is left to happen.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            match self.next_moment() {
                Some(at) => self.step(at),
                None => return,
            }
        }
        panic!("seed {}: it never comes to rest", self.seed);
    }

    pub fn next_moment(&self) -> Option<u64> {
        let parcel = self.parcels.keys().next().map(|(at, _)| *at);
        let timers = self
            .clients
            .iter()
            .filter_map(|it| it.engine.poll_timeout())
            .map(|at| at.0);
        parcel
            .into_iter()
            .chain(timers)
            .min()
            .map(|at| at.max(self.now))
    }

    pub fn step(&mut self, at: u64) {
        self.now = at;
        for client in 0..self.clients.len() {
            if self.clients[client]
                .engine
                .poll_timeout()
                .is_some_and(|due| due.0 <= at)
            {
                self.feed(client, Input::Timeout).unwrap();
                let again = self.clients[client].engine.poll_timeout();
                assert!(
                    again.is_none_or(|due| due.0 > at),
                    "a deadline that doesn't pass"
                );
            }
        }
        if let Some(entry) = self.parcels.first_entry()
            && entry.key().0 <= at
        {
            let parcel = entry.remove();
            self.deliver(parcel);
        }
    }

    /// What has to be true at the end of every run.
    pub fn check_end(&self) {
        for (at, client) in self.clients.iter().enumerate() {
            assert_eq!(
                client.engine.waiting_calls(),
                0,
                "client {at}: calls never settled"
            );
            assert_eq!(client.settled.len(), client.opened as usize);
            assert_eq!(
                client.kept.len(),
                client.released.len(),
                "client {at}: kept for ever"
            );
            for store in client.stores.values() {
                if let Some(store) = client.engine.store(*store) {
                    store
                        .check()
                        .unwrap_or_else(|wrong| panic!("client {at}: {wrong}"));
                }
            }
        }
    }

    /// How many notices of local edits there were; for oracles about echoes.
    pub fn local_notices(&self, client: usize) -> usize {
        self.clients[client]
            .notices
            .iter()
            .filter(|it| it.origin == Origin::Local)
            .count()
    }
}

/// An id in a test.
pub enum Id {
    Number(u64),
    Text(String),
}

impl Id {
    pub fn as_ref(&self) -> IdRef<'_> {
        match self {
            Self::Number(id) => IdRef::Number(*id as f64),
            Self::Text(id) => IdRef::Text(id),
        }
    }
}

impl From<u64> for Id {
    fn from(id: u64) -> Self {
        Self::Number(id)
    }
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        Self::Text(id.to_owned())
    }
}

fn merge(base: &mut Value, with: Value) {
    match (base, with) {
        (Value::Object(base), Value::Object(with)) => {
            for (name, value) in with {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, with) => *base = with,
    }
}
