//! Panes with live channels, their server and the network between them, under one virtual clock.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use syncline::engine::Engine;
use syncline::engine::config::parse;
use syncline::engine::effect::{Act, Effect, HttpRequest};
use syncline::engine::error::SyncError;
use syncline::engine::event::{Event, EventKind, Notice, Origin};
use syncline::engine::input::{
    CallId, ChannelInput, Input, ManagerId, Place, Reply, RequestId, StoreId,
};
use syncline::engine::rng::Rng;
use syncline::engine::table::{IdRef, RowId};
use syncline::engine::time::Millis;
use syncline::engine::value;

use crate::room::{Entry, Room, lock};

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
    pub conn: Option<u32>,
    calls: u32,
    /// Until when the last message on its way arrives: to the pane, to the server.
    busy: [u64; 2],
}

enum Parcel {
    Http(usize, RequestId, Value, bool),
    Answer(usize, RequestId, String),
    Failed(usize, RequestId),
    Opened(usize, u32, Value),
    ToServer(usize, u32, Value),
    ToPane(usize, u32, Vec<u8>),
    Down(usize, u32, u32),
}

/// What the network does, in so many of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub refuse: u64,
    pub drop_request: u64,
    pub drop_answer: u64,
    pub lose: u64,
    pub repeat: u64,
    pub reorder: u64,
    pub cut: u64,
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
    /// The server's clients by connection; whether they are in the room.
    pub conns: BTreeMap<(usize, u32), String>,
    seed: u64,
    parcels: BTreeMap<(u64, u64), Parcel>,
    next_parcel: u64,
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
            conns: BTreeMap::new(),
            seed,
            parcels: BTreeMap::new(),
            next_parcel: 0,
        }
    }

    // --- panes --------------------------------------------------------------------------------------------------

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
        for name in ["events", "resources"] {
            let config = json!({"id": name, "fields": [{"name": "name", "type": "string"}, {"name": "n", "type": "number"}]});
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

    // --- records ------------------------------------------------------------------------------------------------

    pub fn find(&self, at: usize, store: &str, id: u64) -> Option<RowId> {
        let pane = &self.panes[at];
        pane.engine
            .store(pane.stores[store])
            .unwrap()
            .find(IdRef::Number(id as f64))
    }

    pub fn try_set(
        &mut self,
        at: usize,
        row: RowId,
        field: &str,
        value: &str,
    ) -> Result<Reply, SyncError> {
        let store = self.panes[at].stores["events"];
        let Ok(Reply::Field(field)) = self.feed(at, Input::EnsureField(store, field)) else {
            panic!("no field")
        };
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
        let store = self.panes[at].stores["events"];
        let rows = json!([{"name": name}]).to_string();
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

    // --- the host -----------------------------------------------------------------------------------------------

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

    fn on_http(&mut self, at: usize, request: RequestId, http: &HttpRequest) {
        self.panes[at].requests += 1;
        let pack = match &http.body {
            Some(body) => serde_json::from_slice(body).unwrap(),
            None => json!({"type": "load"}),
        };
        let delay = self.delay();
        if self.dead || self.chance(self.weather.drop_request) {
            self.post(delay, Parcel::Failed(at, request));
        } else {
            let lost = self.chance(self.weather.drop_answer);
            self.post(delay, Parcel::Http(at, request, pack, lost));
        }
    }

    fn on_act(&mut self, at: usize, act: Act, epoch: u32, text: &[u8]) {
        let value: Value = serde_json::from_slice(text).unwrap_or_default();
        match act {
            Act::Open => {
                self.panes[at].opens += 1;
                self.panes[at].conn = Some(epoch);
                let delay = self.delay();
                self.panes[at].busy = [0; 2];
                let refused = self.dead || self.chance(self.weather.refuse);
                self.post(
                    delay,
                    if refused {
                        Parcel::Down(at, epoch, 1006)
                    } else {
                        Parcel::Opened(at, epoch, value)
                    },
                );
            }
            Act::Send => {
                assert_eq!(
                    self.panes[at].conn,
                    Some(epoch),
                    "sent without a connection"
                );
                self.panes[at].sent.push(value.clone());
                self.post_in_order(at, 1, Parcel::ToServer(at, epoch, value));
            }
            Act::Close => {
                self.panes[at].closes += 1;
                self.panes[at].conn = None;
                self.leave(at, epoch);
            }
            Act::Token => {}
            Act::Tell => self.panes[at].events.push(value),
        }
    }

    // --- the network --------------------------------------------------------------------------------------------

    fn chance(&mut self, of_thousand: u64) -> bool {
        of_thousand > 0 && self.rng.below(1_000) < of_thousand
    }

    fn delay(&mut self) -> u64 {
        self.latency + self.rng.below(self.jitter + 1)
    }

    fn post(&mut self, delay: u64, parcel: Parcel) {
        self.next_parcel += 1;
        self.parcels
            .insert((self.now + delay, self.next_parcel), parcel);
    }

    /// Messages of one connection don't overtake each other.
    fn post_in_order(&mut self, at: usize, way: usize, parcel: Parcel) {
        let arrival = (self.now + self.delay()).max(self.panes[at].busy[way]);
        self.panes[at].busy[way] = arrival;
        self.post(arrival - self.now, parcel);
    }

    /// The server sends a message.
    pub fn send(&mut self, at: usize, epoch: u32, message: &Value) {
        if self.mute {
            return;
        }
        let text = message.to_string().into_bytes();
        let is_change = message["type"] == "sync";
        if is_change && self.chance(self.weather.lose) {
            return;
        }
        if is_change && self.chance(self.weather.repeat) {
            self.post_in_order(at, 0, Parcel::ToPane(at, epoch, text.clone()));
        }
        if is_change && self.chance(self.weather.reorder) {
            let delay = self.delay() + self.rng.below(400);
            self.post(delay, Parcel::ToPane(at, epoch, text));
            return;
        }
        self.post_in_order(at, 0, Parcel::ToPane(at, epoch, text));
    }

    /// Tells everybody in the room.
    pub fn publish(&mut self, message: &Value) {
        for (at, epoch) in self.conns.keys().copied().collect::<Vec<_>>() {
            self.send(at, epoch, message);
        }
    }

    /// Somebody else changes something.
    pub fn others(&mut self, pack: Value) {
        let entry = self.room.change("other", pack);
        let told = self.room.told(&entry);
        self.publish(&told);
    }

    fn leave(&mut self, at: usize, epoch: u32) {
        self.conns.remove(&(at, epoch));
        self.parcels.retain(|_, parcel| match parcel {
            Parcel::ToPane(pane, of, _) | Parcel::Opened(pane, of, _) => {
                (*pane, *of) != (at, epoch)
            }
            _ => true,
        });
    }

    /// A connection breaks.
    pub fn cut(&mut self, at: usize, code: u32) {
        if let Some(epoch) = self.panes[at].conn {
            self.leave(at, epoch);
            self.parcels.retain(|_, parcel| {
                !matches!(parcel, Parcel::ToServer(pane, of, _) if (*pane, *of) == (at, epoch))
            });
            self.post(1, Parcel::Down(at, epoch, code));
        }
    }

    /// The server restarts: connections and locks are gone.
    pub fn restart(&mut self) {
        self.room.locks.clear();
        for at in 0..self.panes.len() {
            self.cut(at, 1012);
        }
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Http(at, request, pack, lost) => {
                let (answer, entry) = self.room.answer(&pack);
                self.tell_entry(entry);
                let delay = self.delay();
                self.post(
                    delay,
                    if lost {
                        Parcel::Failed(at, request)
                    } else {
                        Parcel::Answer(at, request, answer.to_string())
                    },
                );
            }
            Parcel::Answer(at, request, body) => {
                self.feed(at, Input::HttpHead(request, 200)).unwrap();
                self.feed(at, Input::HttpChunk(request, body.as_bytes()))
                    .unwrap();
                self.feed(at, Input::HttpEnd(request)).unwrap();
            }
            Parcel::Failed(at, request) => {
                self.feed(at, Input::HttpFailed(request, "connection lost"))
                    .unwrap();
            }
            Parcel::Opened(at, epoch, about) => {
                if self.panes[at].conn != Some(epoch) {
                    return;
                }
                self.channel(at, ChannelInput::Open(epoch, b"")).unwrap();
                if self.mute || self.panes[at].conn != Some(epoch) {
                    return;
                }
                let client = about["clientId"].as_str().unwrap_or_default().to_owned();
                self.send(at, epoch, &self.room.hello(&client));
                self.conns.insert((at, epoch), client);
                self.welcome(at, epoch, &about);
            }
            Parcel::ToServer(at, epoch, message) => {
                if self.conns.contains_key(&(at, epoch)) {
                    self.serve(at, epoch, &message);
                    if self.chance(self.weather.cut) {
                        self.cut(at, 1006);
                    }
                }
            }
            Parcel::ToPane(at, epoch, text) => {
                if self.panes[at].conn == Some(epoch) {
                    self.channel(at, ChannelInput::Frames(epoch, &text))
                        .unwrap();
                }
            }
            Parcel::Down(at, epoch, code) => {
                if self.panes[at].conn == Some(epoch) {
                    self.panes[at].conn = None;
                    self.channel(at, ChannelInput::Down(epoch, code, "gone"))
                        .unwrap();
                }
            }
        }
    }

    fn tell_entry(&mut self, entry: Option<Entry>) {
        if let Some(entry) = entry {
            let told = self.room.told(&entry);
            self.publish(&told);
        }
    }

    fn welcome(&mut self, at: usize, epoch: u32, about: &Value) {
        for message in self
            .room
            .subscribe(about["since"].as_u64(), about["epoch"].as_str())
        {
            self.send(at, epoch, &message);
        }
    }

    fn serve(&mut self, at: usize, epoch: u32, message: &Value) {
        let client = self.conns[&(at, epoch)].clone();
        let request = &message["requestId"];
        match message["type"].as_str().unwrap_or_default() {
            "subscribe" => self.welcome(at, epoch, message),
            "ping" => {
                let pong = json!({"type": "pong", "revisions": {"calendar": self.room.revision}});
                self.send(at, epoch, &pong);
            }
            "sync" => {
                let mut pack = message.clone();
                if let Some(data) = message["data"].as_object() {
                    pack.as_object_mut().unwrap().extend(data.clone());
                }
                pack["clientId"] = client.into();
                let (answer, entry) = self.room.answer(&pack);
                let success = answer["success"].clone();
                let ack = json!({"type": "ack", "requestId": request, "success": success, "status": 200, "data": answer});
                let told = entry.map(|entry| self.room.told(&entry));
                if self.rng.below(2) == 0 {
                    self.send(at, epoch, &ack);
                    told.iter().for_each(|told| self.publish(told));
                } else {
                    told.iter().for_each(|told| self.publish(told));
                    self.send(at, epoch, &ack);
                }
            }
            "lock" => {
                let (store, id) = place(&message["data"]);
                let holder = self.room.locks.get(&(store.clone(), id.clone())).cloned();
                let mine = holder.as_ref().is_none_or(|holder| *holder == client);
                let data = lock(&store, &id, holder.as_deref().unwrap_or(&client));
                let mut ack =
                    json!({"type": "ack", "requestId": request, "success": mine, "data": data});
                if !mine {
                    ack["code"] = "LOCKED".into();
                    ack["message"] = "held by another".into();
                }
                self.send(at, epoch, &ack);
                if mine {
                    self.room.locks.insert((store, id), client);
                    self.publish(&json!({"type": "lock", "data": data}));
                }
            }
            "unlock" => {
                let (store, id) = place(&message["data"]);
                self.room.locks.remove(&(store.clone(), id.clone()));
                let mut data = lock(&store, &id, &client);
                data["reason"] = "released".into();
                self.send(
                    at,
                    epoch,
                    &json!({"type": "ack", "requestId": request, "success": true}),
                );
                self.publish(&json!({"type": "unlock", "data": data}));
            }
            _ => {}
        }
    }

    // --- time ---------------------------------------------------------------------------------------------------

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
        for pane in &self.panes {
            for store in pane.stores.values() {
                pane.engine.store(*store).unwrap().check().unwrap();
            }
        }
    }
}

fn place(data: &Value) -> (String, String) {
    let id = &data["id"];
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    (data["type"].as_str().unwrap_or_default().to_owned(), id)
}
