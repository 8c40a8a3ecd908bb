//! Plays a transcript's steps on an engine.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use syncline::engine::Engine;
use syncline::engine::config::parse;
use syncline::engine::conflict::{Resolution, Side};
use syncline::engine::effect::{Effect, HttpRequest};
use syncline::engine::error::SyncError;
use syncline::engine::input::{
    AskId, CallId, Input, ManagerId, Place, Reply, RequestId, Scope, StoreId,
};
use syncline::engine::schema::Zone;
use syncline::engine::table::{IdRef, RowId};
use syncline::engine::time::Millis;
use syncline::engine::value;

use crate::names::Names;
use crate::render;

pub struct Client {
    engine: Engine,
    manager: ManagerId,
    stores: BTreeMap<String, StoreId>,
    names: Names,
    now: Millis,
    calls: u32,
    requests: Vec<RequestId>,
    /// The manager's options.
    config: Value,
    asks: Vec<(AskId, Option<Box<HttpRequest>>)>,
}

impl Client {
    pub fn new(config: &Value) -> Self {
        let mut engine = Engine::new(1);
        let now = Millis(0);
        if let Some(hours) = config["zone"].as_f64() {
            let zone = Zone {
                transitions: vec![(f64::NEG_INFINITY, hours * 3_600_000.0)],
            };
            engine.handle(Input::SetZone(zone), now).unwrap();
        }
        let mut manager = json!({"transport": {"load": {"url": "/load"}, "sync": {"url": "/sync"}},
            "retry": {"jitter": 0}});
        for (name, value) in config["manager"].as_object().into_iter().flatten() {
            manager[name] = value.clone();
        }
        let options = manager.clone();
        let manager = Input::CreateManager(parse(manager.to_string().as_bytes()).unwrap());
        let Ok(Reply::Manager(manager)) = engine.handle(manager, now) else {
            panic!("no manager")
        };
        let mut client = Self {
            engine,
            manager,
            stores: BTreeMap::new(),
            names: Names::default(),
            now,
            calls: 0,
            requests: Vec::new(),
            config: options,
            asks: Vec::new(),
        };
        let asked = render::ASKED.iter().filter(|(name, _)| {
            let listen = config["listen"].as_array();
            !listen.is_some_and(|listen| listen.iter().any(|event| event == name))
        });
        let silent = asked.fold(0, |mask, (_, kind)| mask | kind.bit());
        client.feed(Input::Listen(manager, !silent)).unwrap();
        for store in config["stores"].as_array().expect("stores") {
            client.add_store(store);
        }
        client
    }

    fn add_store(&mut self, config: &Value) {
        let name = config["id"].as_str().unwrap().to_owned();
        let config = Input::CreateStore(parse(config.to_string().as_bytes()).unwrap());
        let Ok(Reply::Store(store)) = self.feed(config) else {
            panic!("no store")
        };
        self.feed(Input::ListenStore(store, u32::MAX)).unwrap();
        let manager = self.manager;
        self.feed(Input::AddStore(manager, store, None)).unwrap();
        self.stores.insert(name, store);
    }

    /// A step begins.
    pub fn begin(&mut self, at: u64) {
        assert!(at >= self.now.0, "steps go forward");
        if let Some(due) = self.engine.poll_timeout() {
            assert!(at <= due.0, "the timer wanted a step at {} ms", due.0);
        }
        self.now = Millis(at);
    }

    fn feed(&mut self, input: Input<'_>) -> Result<Reply, SyncError> {
        self.engine.handle(input, self.now)
    }

    /// Something that the app, its user or the browser does.
    pub fn input(&mut self, input: &Value) -> Result<(), SyncError> {
        let input = self.names.unname(input);
        let (what, with) = input.as_object().unwrap().iter().next().unwrap();
        let manager = self.manager;
        match what.as_str() {
            "timer" => {
                let due = self.engine.poll_timeout();
                assert_eq!(due, Some(self.now), "no timer is due");
                self.feed(Input::Timeout)?;
            }
            "load" => {
                let call = self.open();
                let options = with.as_object().filter(|options| !options.is_empty());
                let options = options.map(|_| with.to_string());
                let options = options.as_ref().map(String::as_bytes);
                self.feed(Input::Load {
                    manager,
                    call,
                    options,
                })?;
            }
            "loadMissing" => {
                let (call, wanted) = (self.open(), with.to_string());
                self.feed(Input::LoadMissing {
                    manager,
                    call,
                    wanted: wanted.as_bytes(),
                })?;
            }
            "sync" => {
                let call = self.open();
                self.feed(Input::Sync { manager, call })?;
            }
            "set" => self.set(with)?,
            "update" => {
                let call = self.open().unwrap();
                self.feed(Input::BeginEdit {
                    scope: Scope::Manager(manager),
                    call,
                    hidden: with["optimistic"] == false,
                })?;
                self.set(with)?;
                self.feed(Input::EndEdit(true))?;
            }
            "settled" => {
                let (store, call) = (self.store(with), self.open().unwrap());
                let row = self.row(store, &with["id"]);
                self.feed(Input::Settled { store, row, call })?;
            }
            "resolve" => {
                let store = self.store(with);
                let row = self.row(store, &with["id"]);
                let schema = self.engine.store(store).unwrap().table().schema();
                let named = with["theirs"].as_array().unwrap().iter();
                let theirs: Vec<_> = named
                    .map(|name| schema.find(name.as_str().unwrap()).unwrap())
                    .collect();
                let how = Resolution {
                    record: Side::Mine,
                    theirs: &theirs,
                    merged: &[],
                };
                self.feed(Input::ResolveConflict { store, row, how })?;
            }
            "add" => {
                let (store, rows) = (self.store(with), with["rows"].to_string());
                self.feed(Input::Add {
                    store,
                    rows: rows.as_bytes(),
                    place: Place::End,
                })?;
            }
            "remove" => {
                let store = self.store(with);
                let ids = with["ids"].as_array().unwrap();
                let rows: Vec<_> = ids.iter().map(|id| self.row(store, id)).collect();
                self.feed(Input::Remove(store, &rows))?;
            }
            "judge" => {
                let store = self.store(with);
                let row = self.row(store, &with["id"]);
                let valid = with["valid"].as_bool().unwrap();
                self.feed(Input::SetValid(store, row, valid))?;
            }
            "cancel" => {
                let call = CallId(with.as_u64().unwrap() as u32);
                self.feed(Input::Cancel(manager, Some(call)))?;
            }
            "accept" => self
                .feed(Input::Accept(Scope::Manager(manager)))
                .map(drop)?,
            "reject" => self
                .feed(Input::Reject(Scope::Manager(manager)))
                .map(drop)?,
            "suspendAutoSync" => self.feed(Input::SuspendAutoSync(manager)).map(drop)?,
            "resumeAutoSync" => {
                let sync = with["sync"].as_bool().unwrap_or(true);
                self.feed(Input::ResumeAutoSync { manager, sync })?;
            }
            "configure" => {
                for (name, value) in with.as_object().unwrap() {
                    self.config[name] = value.clone();
                }
                let config = parse(self.config.to_string().as_bytes())?;
                self.feed(Input::Configure(manager, config))?;
            }
            "setRevision" => {
                let text = with.to_string();
                self.feed(Input::SetRevision(manager, text.as_bytes()))?;
            }
            "online" => self
                .feed(Input::Online(with.as_bool().unwrap()))
                .map(drop)?,
            "visible" => self
                .feed(Input::Visible(with.as_bool().unwrap()))
                .map(drop)?,
            "applyChangeset" => {
                let text = with.to_string();
                self.feed(Input::ApplyChangeset(manager, text.as_bytes()))?;
            }
            "applyResponse" => {
                let text = with.to_string();
                self.feed(Input::ApplyResponse(manager, text.as_bytes()))?;
            }
            "destroy" => self.feed(Input::DestroyManager(manager)).map(drop)?,
            other => panic!("an unknown input: {other}"),
        }
        Ok(())
    }

    /// Every call of load and sync has a promise; they are numbered.
    fn open(&mut self) -> Option<CallId> {
        self.calls += 1;
        Some(CallId(self.calls))
    }

    fn store(&self, with: &Value) -> StoreId {
        self.stores[with["store"].as_str().expect("the name of a store")]
    }

    fn row(&self, store: StoreId, id: &Value) -> RowId {
        let store = self.engine.store(store).unwrap();
        let id = match id {
            Value::Number(id) => IdRef::Number(id.as_f64().unwrap()),
            id => IdRef::Text(id.as_str().expect("an id")),
        };
        store.find(id).expect("a record with that id")
    }

    fn set(&mut self, with: &Value) -> Result<(), SyncError> {
        let store = self.store(with);
        let row = self.row(store, &with["id"]);
        self.feed(Input::BeginUpdate)?;
        let mut made = Ok(Reply::Done);
        for (name, value) in with["fields"].as_object().expect("fields") {
            let Ok(Reply::Field(field)) = self.feed(Input::EnsureField(store, name)) else {
                panic!("no field {name}")
            };
            let value = match value {
                Value::Number(number) => value::Value::Number(number.as_f64().unwrap()),
                Value::String(text) => value::Value::Text(text),
                Value::Bool(flag) => value::Value::Bool(*flag),
                _ => value::Value::Null,
            };
            made = made.and(self.feed(Input::Set {
                store,
                row,
                field,
                value,
            }));
        }
        self.feed(Input::EndUpdate)?;
        made.map(drop)
    }

    /// The server answers a request, or listeners a question.
    pub fn answer(&mut self, answer: &Value) -> Result<(), SyncError> {
        if let Some(number) = answer["ask"].as_u64() {
            return self.answer_ask(number as usize, answer);
        }
        let number = answer["to"].as_u64().expect("which request it answers") as usize;
        let request = self.requests[number - 1];
        if let Some(why) = answer["failed"].as_str() {
            return self.feed(Input::HttpFailed(request, why)).map(drop);
        }
        let status = answer["status"].as_u64().unwrap_or(200) as u16;
        let body = match answer.get("body") {
            Some(Value::String(text)) => text.clone(),
            Some(body) => self.names.unname(body).to_string(),
            None => String::new(),
        };
        self.feed(Input::HttpHead(request, status))?;
        for piece in body.as_bytes().chunks(50) {
            self.feed(Input::HttpChunk(request, piece))?;
        }
        self.feed(Input::HttpEnd(request)).map(drop)
    }

    fn answer_ask(&mut self, number: usize, answer: &Value) -> Result<(), SyncError> {
        let (ask, http) = self.asks[number - 1].clone();
        let content = ["pack", "response"]
            .iter()
            .find_map(|name| answer.get(name));
        let content = content.map(|content| self.names.unname(content).to_string());
        let request = answer["headers"].as_object().map(|headers| {
            let mut http = http.expect("a question about a request");
            for (name, value) in headers {
                let value = value.as_str().unwrap().to_owned();
                http.headers.push((name.clone(), value));
            }
            http
        });
        let input = Input::Answer {
            ask,
            proceed: answer["proceed"].as_bool().unwrap_or(true),
            content: content.as_ref().map(String::as_bytes),
            request,
        };
        self.feed(input).map(drop)
    }

    /// What follows from the step.
    pub fn effects(&mut self) -> Vec<Value> {
        let mut shown = Vec::new();
        while let Some(effect) = self.engine.poll_effect() {
            let effect = self.show(effect);
            shown.extend(effect.map(|effect| self.names.name(&effect)));
        }
        shown
    }

    fn show(&mut self, effect: Effect) -> Option<Value> {
        Some(match effect {
            Effect::Ask {
                ask,
                event,
                pack,
                http,
                ..
            } => {
                let name = render::event_name(event);
                let mut shown = json!({"ask": self.asks.len() + 1, "event": name});
                if let Some(pack) = pack {
                    shown["pack"] = render::json_of(&pack);
                }
                self.asks.push((ask, http));
                shown
            }
            Effect::Http {
                request,
                kind,
                http,
                ..
            } => {
                self.requests.push(request);
                let mut shown = Map::new();
                shown.insert("send".into(), self.requests.len().into());
                shown.append(&mut render::http(&http));
                assert!(["load", "sync"].contains(&render::kind(kind)));
                shown.into()
            }
            Effect::Abort(request) => {
                let number = self.requests.iter().position(|sent| *sent == request);
                json!({"abort": number.unwrap() + 1})
            }
            Effect::Release(_) | Effect::Channel { .. } | Effect::Answered { .. } => return None,
            Effect::Event(_, event) => render::event(&self.engine, &event),
            Effect::Notices => {
                let notices = self.engine.notices().iter();
                let mut lines: Vec<_> = notices
                    .filter_map(|notice| render::notice(&self.engine, notice))
                    .collect();
                lines.dedup();
                self.engine.clear_notices();
                if lines.is_empty() {
                    return None;
                }
                json!({ "records": lines })
            }
            Effect::Settle { call, outcome, .. } => match outcome {
                Ok(Some(_)) => json!({"settle": call.0, "with": "response"}),
                Ok(None) => json!({"settle": call.0, "with": null}),
                Err(error) => json!({"settle": call.0, "rejected": error.code.as_str()}),
            },
        })
    }

    /// In how many ms the engine wants to be called again.
    pub fn timer(&self) -> Option<u64> {
        self.engine.poll_timeout().map(|due| due - self.now)
    }

    /// What somebody sees who looks.
    pub fn look(&mut self, look: &Value) -> Value {
        let mut seen = Map::new();
        for what in look.as_array().expect("what to look at") {
            let what = what.as_str().unwrap();
            let shown = match what {
                "changes" => {
                    let changes = self.engine.changes_json(self.manager);
                    changes.map_or(Value::Null, |bytes| render::json_of(&bytes))
                }
                "status" => {
                    let status = self.engine.status(self.manager).unwrap();
                    render::status(status).into()
                }
                store => self.records(self.stores[store]),
            };
            seen.insert(what.into(), shown);
        }
        self.names.name(&seen.into())
    }

    fn records(&self, store: StoreId) -> Value {
        let table = self.engine.store(store).unwrap().table();
        let rows = table.order().iter().map(|&row| {
            let fields = table.schema().fields().iter().enumerate();
            let members = fields.filter_map(|(ix, field)| {
                let cell = table.cell(row, syncline::engine::schema::FieldIx(ix as u16));
                (!cell.is_absent()).then(|| (field.name.clone(), render::cell(table, cell)))
            });
            Value::Object(members.collect())
        });
        rows.collect()
    }

    /// What has to be true at every transcript's end.
    pub fn check_end(&self) {
        assert_eq!(self.engine.waiting_calls(), 0, "a promise hasn't settled");
        for store in self.stores.values() {
            self.engine.store(*store).unwrap().check().unwrap();
        }
    }
}
