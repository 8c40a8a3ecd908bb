//! The network: delays, losses, repetitions, garbage; drawn from the seed, or told beforehand.

use serde_json::Value;
use syncline::engine::effect::HttpRequest;
use syncline::engine::input::{AskId, Input, RequestId};

use crate::world::World;

/// One way through the network and the server, for one request.
#[derive(Clone, Debug)]
pub enum Fate {
    /// The server answers.
    Normal,
    /// The server isn't reached; the client hears of it.
    DropRequest,
    /// The server does its work, the answer is lost; the client hears that the line broke.
    DropAnswer,
    /// The server isn't reached, and nobody hears of it.
    Vanish,
    /// The server does its work, and nobody hears of it.
    VanishAnswer,
    /// The server does its work twice (the network repeated the request); the second answer is
    /// lost.
    Twice,
    /// Something else answers, with that status and body; the server isn't reached.
    Reply(u16, String),
    /// The server does its work, but what comes back is this.
    Garble(u16, String),
    /// The answer ends in the middle.
    Half,
}

#[derive(Debug)]
pub enum Parcel {
    Arrive {
        client: usize,
        request: RequestId,
        http: Box<HttpRequest>,
        fate: Fate,
    },
    Head {
        client: usize,
        request: RequestId,
        status: u16,
    },
    Chunk {
        client: usize,
        request: RequestId,
        bytes: Vec<u8>,
    },
    End {
        client: usize,
        request: RequestId,
    },
    Failed {
        client: usize,
        request: RequestId,
    },
    Answer {
        client: usize,
        ask: AskId,
        proceed: bool,
        content: Option<Vec<u8>>,
    },
}

impl World {
    pub fn post(&mut self, delay: u64, parcel: Parcel) {
        self.next_parcel += 1;
        self.parcels
            .insert((self.now + delay, self.next_parcel), parcel);
    }

    pub fn delay(&mut self) -> u64 {
        if self.chaos {
            1 + self.rng.below(self.latency * 10)
        } else {
            self.latency
        }
    }

    pub fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Arrive {
                client,
                request,
                http,
                fate,
            } => {
                self.arrive(client, request, &http, fate);
            }
            Parcel::Head {
                client,
                request,
                status,
            } => {
                self.feed(client, Input::HttpHead(request, status)).unwrap();
            }
            Parcel::Chunk {
                client,
                request,
                bytes,
            } => {
                self.feed(client, Input::HttpChunk(request, &bytes))
                    .unwrap();
            }
            Parcel::End { client, request } => {
                self.feed(client, Input::HttpEnd(request)).unwrap();
            }
            Parcel::Failed { client, request } => {
                self.feed(client, Input::HttpFailed(request, "connection lost"))
                    .unwrap();
            }
            Parcel::Answer {
                client,
                ask,
                proceed,
                content,
            } => {
                let content = content.as_deref();
                self.feed(
                    client,
                    Input::Answer {
                        ask,
                        proceed,
                        content,
                        request: None,
                    },
                )
                .unwrap();
            }
        }
    }

    pub fn arrive(&mut self, client: usize, request: RequestId, http: &HttpRequest, fate: Fate) {
        let pack = pack_of(http);
        if std::env::var_os("SYNCLINE_TRACE").is_some() {
            eprintln!(
                "{} {client} {request:?} arrives: {fate:?}",
                self.now - 1_700_000_000_000
            );
        }
        match fate {
            Fate::Normal => {
                let body = self.server.answer(&pack);
                self.reply(client, request, 200, &body, true);
            }
            Fate::Twice => {
                let body = self.server.answer(&pack);
                self.server.answer(&pack);
                self.reply(client, request, 200, &body, true);
            }
            Fate::Half => {
                let body = self.server.answer(&pack);
                let half = &body[..body.len() / 2];
                self.reply(client, request, 200, half, false);
            }
            Fate::DropRequest => {
                let delay = self.delay();
                self.post(delay, Parcel::Failed { client, request });
            }
            Fate::DropAnswer => {
                self.server.answer(&pack);
                let delay = self.delay();
                self.post(delay, Parcel::Failed { client, request });
            }
            Fate::Vanish => {}
            Fate::VanishAnswer => {
                self.server.answer(&pack);
            }
            Fate::Reply(status, body) => self.reply(client, request, status, &body, true),
            Fate::Garble(status, body) => {
                self.server.answer(&pack);
                self.reply(client, request, status, &body, true);
            }
        }
    }

    pub fn reply(
        &mut self,
        client: usize,
        request: RequestId,
        status: u16,
        body: &str,
        whole: bool,
    ) {
        let mut delay = self.delay();
        self.post(
            delay,
            Parcel::Head {
                client,
                request,
                status,
            },
        );
        let mut rest = body.as_bytes();
        while !rest.is_empty() {
            let size = if self.chaos {
                1 + self.rng.below(60) as usize
            } else {
                40
            };
            let (chunk, left) = rest.split_at(size.min(rest.len()));
            delay += u64::from(self.chaos);
            self.post(
                delay,
                Parcel::Chunk {
                    client,
                    request,
                    bytes: chunk.to_vec(),
                },
            );
            rest = left;
        }
        let end = if whole {
            Parcel::End { client, request }
        } else {
            Parcel::Failed { client, request }
        };
        self.post(delay, end);
    }

    pub fn draw_fate(&mut self) -> Fate {
        if let Some(fate) = self.fates.pop_front() {
            return fate;
        }
        if !self.chaos {
            return Fate::Normal;
        }
        match self.rng.below(20) {
            0 => Fate::DropRequest,
            1 => Fate::DropAnswer,
            2 => Fate::Vanish,
            3 => Fate::VanishAnswer,
            4 if self.server.habits.deduplicates => Fate::Twice,
            5 => Fate::Reply(500, "oops".into()),
            6 => Fate::Garble(502, "<html>bad gateway</html>".into()),
            7 => Fate::Garble(200, "<br>Warning: something".into()),
            8 => Fate::Reply(404, "not here".into()),
            9 => Fate::Reply(200, r#"{"success":false,"message":"not now"}"#.into()),
            10 => Fate::Half,
            _ => Fate::Normal,
        }
    }
}

/// The pack of a request, from its body or its query.
pub fn pack_of(http: &HttpRequest) -> Value {
    if let Some(body) = &http.body {
        return serde_json::from_slice(body).expect("a body that is JSON");
    }
    let (_, encoded) = http.url.split_once("data=").expect("a pack in the query");
    let mut bytes = Vec::new();
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: String = rest.by_ref().take(2).map(char::from).collect();
            bytes.push(u8::from_str_radix(&digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    serde_json::from_slice(&bytes).expect("a query that is JSON")
}
