//! Panes with live channels and their users, under one virtual clock.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use syncline::engine::Engine;
use syncline::engine::config::parse;
use syncline::engine::effect::Effect;
use syncline::engine::error::SyncError;
use syncline::engine::event::{Event, EventKind, Notice, Origin};
use syncline::engine::input::{
    CallId, ChannelInput, Input, ManagerId, Place, Reply, Scope, StoreId,
};
use syncline::engine::rng::Rng;
use syncline::engine::schema::FieldIx;
use syncline::engine::table::{IdRef, RowId};
use syncline::engine::time::Millis;
use syncline::engine::value;

use crate::network::{Parcel, Weather};
use crate::room::Room;

pub const START: u64 = 1_700_000_000_000;

/// A page with a manager and a channel.
pub struct Pane {
    pub engine: Engine,
    pub manager: ManagerId,
    pub stores: BTreeMap<String, StoreId>,
    /// What the channel's listeners heard.
    pub events: Vec<Value>,
    /// What was sent.
    pub sent: Vec<Value>,
    pub requests: u32,
    pub opens: u32,
    pub closes: u32,
    pub notices: Vec<Notice>,
    pub warnings: Vec<String>,
    pub settled: BTreeMap<u32, Result<(), SyncError>>,
    /// The server's revision at the time.
    pub settled_at: BTreeMap<u32, u64>,
    pub conn: Option<u32>,
    calls: u32,
    /// Until when the last message on its way arrives: to the pane, to the server.
    pub busy: [u64; 2],
}

pub struct World {
    pub now: u64,
    pub rng: Rng,
    pub room: Room,
    pub panes: Vec<Pane>,
    pub weather: Weather,
    pub latency: u64,
    pub jitter: u64,
    /// The server accepts connections and says nothing.
    pub mute: bool,
    /// The server can't be reached.
    pub dead: bool,
    /// The stores of panes.
    pub stores: Vec<Value>,
    /// The server's clients by connection; whether they are in the room.
    pub conns: BTreeMap<(usize, u32), String>,
    pub parcels: BTreeMap<(u64, u64), Parcel>,
    pub next_parcel: u64,
    seed: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let rows = json!({
            "events": [{"id": 1, "name": "one", "n": 1}, {"id": 2, "name": "two", "n": 2}, {"id": 3, "name": "three", "n": 3}],
            "resources": [{"id": 1, "name": "Ann"}],
        });
        Self {
            now: START,
            rng: Rng::new(seed),
            room: Room::new(&rows),
            panes: Vec::new(),
            weather: Weather::default(),
            latency: 20,
            jitter: 0,
            mute: false,
            dead: false,
            stores: vec![fields("events"), fields("resources")],
            conns: BTreeMap::new(),
            seed,
            parcels: BTreeMap::new(),
            next_parcel: 0,
        }
    }

    // --- panes -----------------------------------------------------------------------------------

    /// A pane that hasn't loaded.
    pub fn pane(&mut self, manager: Value, channel: Value) -> usize {
        let mut full = json!({"transport": {"load": {"url": "/load"}, "sync": {"url": "/sync"}}, "autoSync": true});
        full.as_object_mut()
            .unwrap()
            .extend(manager.as_object().unwrap().clone());
        let at = self.panes.len();
        let mut engine = Engine::new(self.seed * 100 + at as u64);
        let now = Millis(self.now);
        let config = parse(full.to_string().as_bytes()).unwrap();
        let Ok(Reply::Manager(manager)) =
            engine.handle(Input::CreateManager(Box::new(config)), now)
        else {
            panic!("no manager")
        };
        let mask = EventKind::SyncWarning.bit() | EventKind::SyncFail.bit();
        engine.handle(Input::Listen(manager, mask), now).unwrap();
        let mut stores = BTreeMap::new();
        for config in &self.stores {
            let name = config["id"].as_str().unwrap();
            let config = parse(config.to_string().as_bytes()).unwrap();
            let reply = engine.handle(Input::CreateStore(Box::new(config)), now);
            let Ok(Reply::Store(store)) = reply else {
                panic!("no store")
            };
            engine
                .handle(Input::ListenStore(store, u32::MAX), now)
                .unwrap();
            engine
                .handle(Input::AddStore(manager, store, None), now)
                .unwrap();
            stores.insert(name.to_owned(), store);
        }
        self.panes.push(Pane {
            engine,
            manager,
            stores,
            events: Vec::new(),
            sent: Vec::new(),
            requests: 0,
            opens: 0,
            closes: 0,
            notices: Vec::new(),
            warnings: Vec::new(),
            settled: BTreeMap::new(),
            settled_at: BTreeMap::new(),
            conn: None,
            calls: 0,
            busy: [0; 2],
        });
        let mut options = json!({"clientId": format!("c{at}"), "project": "calendar"});
        options
            .as_object_mut()
            .unwrap()
            .extend(channel.as_object().unwrap().clone());
        let config = parse(options.to_string().as_bytes()).unwrap();
        self.feed(at, Input::CreateChannel(manager, Box::new(config)))
            .unwrap();
        at
    }

    /// A pane that is loaded and live.
    pub fn live(&mut self, channel: Value) -> usize {
        let at = self.pane(json!({}), channel);
        self.load(at);
        self.run(1_000);
        assert_eq!(self.state(at), "live");
        self.panes[at].events.clear();
        self.panes[at].requests = 0;
        at
    }

    pub fn load(&mut self, at: usize) {
        let manager = self.panes[at].manager;
        self.feed(
            at,
            Input::Load {
                manager,
                call: None,
                options: None,
            },
        )
        .unwrap();
    }

    pub fn feed(&mut self, at: usize, input: Input<'_>) -> Result<Reply, SyncError> {
        let reply = self.panes[at].engine.handle(input, Millis(self.now));
        self.drain(at);
        reply
    }

    pub fn channel(&mut self, at: usize, input: ChannelInput<'_>) -> Result<(), SyncError> {
        let manager = self.panes[at].manager;
        self.feed(at, Input::Channel(manager, input)).map(drop)
    }

    /// A message from the server, by the present connection.
    pub fn say(&mut self, at: usize, message: &str) {
        let conn = self.panes[at].conn.expect("a connection");
        self.channel(at, ChannelInput::Frames(conn, message.as_bytes()))
            .unwrap();
    }

    pub fn state(&self, at: usize) -> &'static str {
        let pane = &self.panes[at];
        pane.engine
            .channel(pane.manager)
            .unwrap()
            .link()
            .phase()
            .as_str()
    }

    pub fn heard(&self, at: usize, event: &str) -> Vec<&Value> {
        self.panes[at]
            .events
            .iter()
            .filter(|it| it["type"] == event)
            .collect()
    }

    /// What is edited up to `EndEdit` is one call's.
    pub fn begin(&mut self, at: usize) -> u32 {
        self.panes[at].calls += 1;
        let call = self.panes[at].calls;
        let begin = Input::BeginEdit {
            scope: Scope::Manager(self.panes[at].manager),
            call: CallId(call),
            hidden: false,
        };
        self.feed(at, begin).unwrap();
        call
    }

    pub fn lock(&mut self, at: usize, wish: Value) -> u32 {
        self.panes[at].calls += 1;
        let call = self.panes[at].calls;
        self.channel(
            at,
            ChannelInput::Lock(CallId(call), wish.to_string().as_bytes()),
        )
        .unwrap();
        call
    }

    // --- records ---------------------------------------------------------------------------------

    pub fn find(&self, at: usize, store: &str, id: u64) -> Option<RowId> {
        let pane = &self.panes[at];
        pane.engine
            .store(pane.stores[store])
            .unwrap()
            .find(IdRef::Number(id as f64))
    }

    pub fn field(&mut self, at: usize, store: &str, name: &str) -> FieldIx {
        let store = self.panes[at].stores[store];
        let Ok(Reply::Field(field)) = self.feed(at, Input::EnsureField(store, name)) else {
            panic!("no field")
        };
        field
    }

    pub fn try_set(
        &mut self,
        at: usize,
        row: RowId,
        field: &str,
        value: &str,
    ) -> Result<Reply, SyncError> {
        let store = self.panes[at].stores["events"];
        let field = self.field(at, "events", field);
        let value = value::Value::Text(value);
        self.feed(
            at,
            Input::Set {
                store,
                row,
                field,
                value,
            },
        )
    }

    pub fn set(&mut self, at: usize, id: u64, name: &str) {
        let row = self.find(at, "events", id).expect("a record");
        self.try_set(at, row, "name", name).unwrap();
    }

    pub fn add(&mut self, at: usize, name: &str) -> RowId {
        self.add_row(at, "events", json!({"name": name}))
    }

    pub fn add_row(&mut self, at: usize, store: &str, row: Value) -> RowId {
        let store = self.panes[at].stores[store];
        let rows = json!([row]).to_string();
        let input = Input::Add {
            store,
            rows: rows.as_bytes(),
            place: Place::End,
        };
        let Ok(Reply::Rows(rows)) = self.feed(at, input) else {
            panic!("nothing added")
        };
        rows[0]
    }

    pub fn remove(&mut self, at: usize, row: RowId) -> Result<Reply, SyncError> {
        let store = self.panes[at].stores["events"];
        self.feed(at, Input::Remove(store, &[row]))
    }

    pub fn rows(&self, at: usize, store: &str) -> Vec<RowId> {
        let pane = &self.panes[at];
        let table = pane.engine.store(pane.stores[store]).unwrap().table();
        table.order().iter().map(|&row| table.handle(row)).collect()
    }

    pub fn text(&self, at: usize, store: &str, row: RowId, field: &str) -> String {
        let pane = &self.panes[at];
        let table = pane.engine.store(pane.stores[store]).unwrap().table();
        let Some(field) = table.schema().find(field) else {
            return String::new();
        };
        match table.value(table.cell(table.resolve(row).unwrap(), field)) {
            value::Value::Text(text) => text.to_owned(),
            value::Value::Number(number) => number.to_string(),
            _ => String::new(),
        }
    }

    pub fn name(&self, at: usize, id: u64) -> String {
        let row = self.find(at, "events", id).expect("a record");
        self.text(at, "events", row, "name")
    }

    /// Id and name of all records of a store.
    pub fn seen(&self, at: usize, store: &str) -> BTreeSet<(String, String)> {
        let rows = self.rows(at, store).into_iter();
        rows.map(|row| {
            (
                self.text(at, store, row, "id"),
                self.text(at, store, row, "name"),
            )
        })
        .collect()
    }

    /// What the server has of a store.
    pub fn truth(&self, store: &str) -> BTreeSet<(String, String)> {
        let name = |row: &serde_json::Map<String, Value>| row["name"].as_str().unwrap().to_owned();
        let rows = self.room.rows[store].iter();
        rows.map(|(id, row)| (id.to_string(), name(row))).collect()
    }

    pub fn is_dirty(&self, at: usize) -> bool {
        self.panes[at].engine.has_changes(self.panes[at].manager)
    }

    /// How many notices there were of what the user did.
    pub fn echoes(&self, at: usize) -> usize {
        self.panes[at]
            .notices
            .iter()
            .filter(|it| it.origin == Origin::Local)
            .count()
    }

    // --- the host --------------------------------------------------------------------------------

    fn drain(&mut self, at: usize) {
        while let Some(effect) = self.panes[at].engine.poll_effect() {
            if std::env::var_os("SYNCLINE_TRACE").is_some() {
                self.trace(at, &effect);
            }
            match effect {
                Effect::Http { request, http, .. } => self.on_http(at, request, &http),
                Effect::Abort(request) => self.parcels.retain(|_, parcel| match parcel {
                    Parcel::Answer(pane, of, _) | Parcel::Failed(pane, of) => {
                        (*pane, *of) != (at, request)
                    }
                    _ => true,
                }),
                Effect::Notices => {
                    let notices = self.panes[at].engine.take_notices();
                    self.panes[at].notices.extend(notices);
                }
                Effect::Settle { call, outcome, .. } => {
                    let outcome = outcome.map(drop);
                    self.panes[at].settled_at.insert(call.0, self.room.revision);
                    let before = self.panes[at].settled.insert(call.0, outcome);
                    assert!(before.is_none(), "a call that settles twice");
                }
                Effect::Channel {
                    act, epoch, text, ..
                } => self.on_act(at, act, epoch, &text),
                Effect::Event(_, Event::Warning { message, .. }) => {
                    self.panes[at].warnings.push(message);
                }
                _ => {}
            }
        }
    }

    fn trace(&self, at: usize, effect: &Effect) {
        let now = self.now - START;
        match effect {
            Effect::Channel {
                act, epoch, text, ..
            } => {
                eprintln!(
                    "{now} {at} {act:?} {epoch} {}",
                    String::from_utf8_lossy(text)
                );
            }
            Effect::Http { request, http, .. } => {
                let body = http.body.as_deref().unwrap_or_default();
                eprintln!(
                    "{now} {at} {request:?} {} {}",
                    http.url,
                    String::from_utf8_lossy(body)
                );
            }
            Effect::Notices => {}
            other => eprintln!("{now} {at} {other:?}"),
        }
    }

    // --- time ------------------------------------------------------------------------------------

    pub fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(at) = self.next_moment().filter(|at| *at <= end) {
            self.now = at;
            self.step();
        }
        self.now = end;
    }

    fn next_moment(&self) -> Option<u64> {
        let parcel = self.parcels.keys().next().map(|(at, _)| *at);
        let timers = self
            .panes
            .iter()
            .filter_map(|it| Some(it.engine.poll_timeout()?.0));
        parcel
            .into_iter()
            .chain(timers)
            .min()
            .map(|at| at.max(self.now))
    }

    fn step(&mut self) {
        for at in 0..self.panes.len() {
            let due =
                |pane: &Pane, now: u64| pane.engine.poll_timeout().is_some_and(|at| at.0 <= now);
            if due(&self.panes[at], self.now) {
                self.feed(at, Input::Timeout).unwrap();
                assert!(
                    !due(&self.panes[at], self.now),
                    "a deadline that doesn't pass"
                );
            }
        }
        if let Some(entry) = self.parcels.first_entry()
            && entry.key().0 <= self.now
        {
            let parcel = entry.remove();
            self.deliver(parcel);
        }
    }

    /// The invariants of the stores.
    pub fn check_stores(&self) {
        for (at, pane) in self.panes.iter().enumerate() {
            for (name, store) in &pane.stores {
                let checked = pane.engine.store(*store).unwrap().check();
                checked.unwrap_or_else(|what| panic!("{name} of pane {at}: {what}"));
            }
        }
    }
}

fn fields(name: &str) -> Value {
    json!({"id": name, "fields": [{"name": "name", "type": "string"}, {"name": "n", "type": "number"}]})
}
