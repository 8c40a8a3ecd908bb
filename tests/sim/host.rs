//! The host's half of the loop: carries effects out, and checks each on its way.

use serde_json::Value;
use syncline::engine::effect::{Effect, RequestKind};
use syncline::engine::event::{Event, EventKind};
use syncline::engine::input::{AskId, Input, ManagerId};
use syncline::engine::store;
use syncline::engine::time::Millis;

use crate::network::{Parcel, pack_of};
use crate::world::{Listener, World};

impl World {
    pub fn drain(&mut self, at: usize) {
        while let Some(effect) = self.clients[at].engine.poll_effect() {
            self.transcript
                .push(format!("{} {at} {effect:?}", self.now));
            if std::env::var_os("SYNCLINE_TRACE").is_some() {
                self.trace(at, &effect);
            }
            match effect {
                Effect::Ask {
                    ask, event, pack, ..
                } => self.on_ask(at, ask, event, pack),
                Effect::Http {
                    request,
                    kind,
                    http,
                    keep_response,
                    ..
                } => {
                    let client = &mut self.clients[at];
                    client.requests += 1;
                    client.log.push(format!("http {}", name_of(kind)));
                    if keep_response {
                        client.kept.push(request);
                    }
                    let fate = self.draw_fate();
                    let delay = self.delay();
                    self.post(
                        delay,
                        Parcel::Arrive {
                            client: at,
                            request,
                            http,
                            fate,
                        },
                    );
                }
                Effect::Abort(request) => {
                    self.clients[at].log.push("abort".into());
                    // What is still on its way arrives only at a server that knows repeated
                    // requests again: no client could keep another one from doing late what was
                    // done again long ago.
                    let late = self.server.habits.deduplicates;
                    self.parcels.retain(|_, parcel| match parcel {
                        Parcel::Head {
                            client,
                            request: of,
                            ..
                        }
                        | Parcel::Chunk {
                            client,
                            request: of,
                            ..
                        }
                        | Parcel::End {
                            client,
                            request: of,
                        }
                        | Parcel::Failed {
                            client,
                            request: of,
                        } => *client != at || *of != request,
                        Parcel::Arrive {
                            client,
                            request: of,
                            ..
                        } => late || *client != at || *of != request,
                        Parcel::Answer { .. } => true,
                    });
                }
                Effect::Release(request) => {
                    let client = &mut self.clients[at];
                    assert!(client.kept.contains(&request), "released what isn't kept");
                    assert!(!client.released.contains(&request), "released twice");
                    client.released.push(request);
                }
                Effect::Event(manager, event) => self.on_event(at, manager, event),
                Effect::Notices => {
                    let taken = self.clients[at].engine.take_notices();
                    assert!(!taken.is_empty(), "told of notices that aren't there");
                    self.clients[at].notices.extend(taken);
                }
                Effect::Channel { .. } | Effect::Answered { .. } => {
                    panic!("nobody has a channel here")
                }
                Effect::Settle { call, outcome, .. } => {
                    let client = &mut self.clients[at];
                    assert!(call.0 <= client.opened, "an unknown call settles");
                    client.log.push(match &outcome {
                        Ok(Some(_)) => format!("settle {}", call.0),
                        Ok(None) => format!("settle {} null", call.0),
                        Err(error) => format!("settle {} {}", call.0, error.code.as_str()),
                    });
                    let before = client.settled.insert(call, outcome);
                    assert!(before.is_none(), "a call settles twice");
                }
            }
        }
    }

    /// Prints what happens, for a look at a failing seed.
    pub fn trace(&self, at: usize, effect: &Effect) {
        let now = self.now - 1_700_000_000_000;
        match effect {
            Effect::Http { request, http, .. } => {
                eprintln!("{now} {at} {request:?} {}", pack_of(http))
            }
            Effect::Notices => {}
            effect => eprintln!("{now} {at} {:.200}", format!("{effect:?}")),
        }
    }

    pub fn on_ask(&mut self, at: usize, ask: AskId, event: EventKind, pack: Option<Vec<u8>>) {
        let name = event_name(event);
        self.clients[at].log.push(format!("{name}?"));
        if let Some(pack) = pack {
            let _: Value = serde_json::from_slice(&pack).expect("a pack that is JSON");
        }
        let listener = self.clients[at]
            .listeners
            .get(name)
            .cloned()
            .unwrap_or(Listener::Proceed);
        let answer = |proceed, content| Parcel::Answer {
            client: at,
            ask,
            proceed,
            content,
        };
        match listener {
            Listener::Proceed if self.chaos && self.rng.below(4) == 0 => {
                let delay = self.delay();
                self.post(delay, answer(true, None));
            }
            Listener::Proceed => self.answer(at, ask, true, None),
            Listener::Veto => self.answer(at, ask, false, None),
            Listener::Later(ms, proceed) => self.post(ms, answer(proceed, None)),
            Listener::Replace(content) => self.answer(at, ask, true, Some(content.as_bytes())),
        }
    }

    /// As a listener does that answers at once: from within the drain.
    pub fn answer(&mut self, at: usize, ask: AskId, proceed: bool, content: Option<&[u8]>) {
        let input = Input::Answer {
            ask,
            proceed,
            content,
            request: None,
        };
        self.clients[at]
            .engine
            .handle(input, Millis(self.now))
            .unwrap();
    }

    pub fn on_event(&mut self, at: usize, manager: ManagerId, event: Event) {
        let client = &mut self.clients[at];
        assert_eq!(manager, client.manager);
        let name = event_name(event.kind());
        client.log.push(match &event {
            Event::Fail {
                error, retry_in, ..
            } => {
                let retry = if retry_in.is_some() { " again" } else { "" };
                format!("{name} {}{retry}", error.code.as_str())
            }
            Event::Status {
                status, pending, ..
            } => format!("status {status:?} {pending}"),
            _ => name.to_owned(),
        });
        match event {
            Event::Warning {
                event: EventKind::SyncUncertain,
                records,
                ..
            } => {
                client.doubted = true;
                for (id, row) in records {
                    let table = client.engine.store(id).unwrap().table();
                    let cell = table.cell(table.resolve(row).unwrap(), table.schema().id);
                    let name = table.id_ref(cell).map(store::Id::from).unwrap();
                    client.uncertain.push((id, name.text()));
                }
            }
            Event::Warning { message, .. } => client.warnings.push(message),
            Event::Conflict { event, detail } => {
                let detail = serde_json::from_slice(&detail).expect("a conflict that is JSON");
                client.conflicts.push((event, detail));
            }
            _ => {}
        }
    }
}

fn name_of(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Load => "load",
        RequestKind::Sync => "sync",
    }
}

pub fn event_name(event: EventKind) -> &'static str {
    match event {
        EventKind::BeforeLoad => "beforeLoad",
        EventKind::LoadStart => "loadStart",
        EventKind::BeforeSend => "beforeSend",
        EventKind::BeforeResponseApply => "beforeResponseApply",
        EventKind::BeforeLoadApply => "beforeLoadApply",
        EventKind::RequestDone => "requestDone",
        EventKind::Load => "load",
        EventKind::RequestFail => "requestFail",
        EventKind::LoadFail => "loadFail",
        EventKind::LoadCanceled => "loadCanceled",
        EventKind::BeforeSync => "beforeSync",
        EventKind::SyncStart => "syncStart",
        EventKind::BeforeSyncApply => "beforeSyncApply",
        EventKind::Sync => "sync",
        EventKind::SyncFail => "syncFail",
        EventKind::SyncCanceled => "syncCanceled",
        EventKind::SyncDelayed => "syncDelayed",
        EventKind::HasChanges => "hasChanges",
        EventKind::NoChanges => "noChanges",
        EventKind::Status => "status",
        EventKind::RecordSyncFail => "recordSyncFail",
        EventKind::SyncWarning => "syncWarning",
        EventKind::SyncUncertain => "syncUncertain",
        EventKind::Exception => "exception",
        EventKind::Invalid => "invalid",
        EventKind::Conflict => "conflict",
        EventKind::ConflictResolved => "conflictResolved",
    }
}
