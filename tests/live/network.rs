//! The network between panes and their server: delays, losses, repetitions, connections that break;
//! what the server hears and says.

use serde_json::{Value, json};
use syncline::engine::effect::{Act, HttpRequest};
use syncline::engine::input::{ChannelInput, Input, RequestId};

use crate::room::{Entry, lock};
use crate::world::{START, World};

pub enum Parcel {
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
impl World {
    pub fn on_http(&mut self, at: usize, request: RequestId, http: &HttpRequest) {
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

    pub fn on_act(&mut self, at: usize, act: Act, epoch: u32, text: &[u8]) {
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
        if std::env::var_os("SYNCLINE_TRACE").is_some() {
            eprintln!("{} server tells {message}", self.now - START);
        }
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
        self.room.restart();
        for at in 0..self.panes.len() {
            self.cut(at, 1012);
        }
    }

    pub fn deliver(&mut self, parcel: Parcel) {
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
                    if std::env::var_os("SYNCLINE_TRACE").is_some() {
                        let text = String::from_utf8_lossy(&text);
                        eprintln!("{} {at} hears {text}", self.now - START);
                    }
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
}

fn place(data: &Value) -> (String, String) {
    let id = &data["id"];
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    (data["type"].as_str().unwrap_or_default().to_owned(), id)
}
