//! A user who waits for edits, in groups, seen and unseen, while others change the same records and
//! the server refuses now and then: every promise settles, what was refused is gone, and in the end
//! both sides have the same.
//!
//! `SYNCLINE_SEEDS`, `SYNCLINE_SEED` and `SYNCLINE_TRACE` do what they do for `random`.

use serde_json::{Value, json};
use syncline::engine::conflict::{Resolution, Side};
use syncline::engine::input::{CallId, Input, Scope};
use syncline::engine::rng::Rng;
use syncline::engine::schema::FieldIx;
use syncline::engine::table::RowId;

use crate::network::Fate;
use crate::random::SEEDS;
use crate::seeds::each_seed;
use crate::server::Habits;
use crate::world::World;

const STRATEGIES: [&str; 4] = ["client-wins", "server-wins", "merge", "manual"];

struct Run {
    world: World,
    rng: Rng,
    calls: Vec<CallId>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x57A4E);
        let habits = Habits {
            short_answers: rng.below(2) == 0,
            ..Habits::default()
        };
        let sections = json!({
            "events": [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}, {"id": 3, "name": "three"}],
            "resources": [{"id": 1, "name": "Ann"}],
            "assignments": [{"id": 1, "eventId": 1, "resourceId": 1}, {"id": 2, "eventId": 2, "resourceId": 1}]
        });
        let mut world = World::new(seed, habits, sections);
        let strategy = STRATEGIES[rng.below(4) as usize];
        for config in [json!({"conflictResolution": strategy}), json!({})] {
            let mut config = config;
            config["autoSync"] = (rng.below(2) == 0).into();
            config["autoSyncTimeout"] = rng.below(60).into();
            config["idempotentSync"] = true.into();
            config["retry"] = json!({"base": 10, "cap": 40, "jitter": 0, "max": 3});
            let client = world.client(config);
            world.load(client);
        }
        world.settle();
        world.latency = 1 + rng.below(80);
        Self {
            world,
            rng,
            calls: Vec::new(),
        }
    }

    fn any(&mut self, client: usize, store: &str) -> Option<RowId> {
        let rows = self.world.rows(client, store);
        let at = self.rng.below(rows.len().max(1) as u64) as usize;
        rows.get(at).copied()
    }

    /// One edit, or two, or three.
    fn edit(&mut self, client: usize) {
        for _ in 0..1 + self.rng.below(3) {
            match self.rng.below(7) {
                0 => {
                    let name = format!("new{}", self.rng.below(100));
                    self.world.add(client, "events", json!({ "name": name }));
                }
                1 => {
                    if let Some(row) = self.any(client, "events") {
                        let store = self.world.clients[client].stores["events"];
                        self.world
                            .feed(client, Input::Remove(store, &[row]))
                            .unwrap();
                    }
                }
                _ => {
                    if let Some(row) = self.any(client, "events") {
                        let field = ["name", "n", "place"][self.rng.below(3) as usize];
                        let value: Value = match field {
                            "n" => self.rng.below(5).into(),
                            _ => format!("w{}", self.rng.below(5)).into(),
                        };
                        self.world.set_row(client, "events", row, field, value);
                    }
                }
            }
        }
    }

    fn act(&mut self) {
        match self.rng.below(14) {
            0 | 1 => self.edit(0),
            2..=4 => {
                let hidden = self.rng.below(3) == 0;
                let call = self.world.begin_edit(0, hidden);
                self.calls.push(call);
                self.edit(0);
                let keep = self.rng.below(5) != 0;
                self.world.feed(0, Input::EndEdit(keep)).unwrap();
            }
            5 => {
                if let Some(row) = self.any(0, "events") {
                    let (store, call) =
                        (self.world.clients[0].stores["events"], self.world.open(0));
                    self.calls.push(call);
                    self.world
                        .feed(0, Input::Settled { store, row, call })
                        .unwrap();
                }
            }
            6 | 7 => {
                self.edit(1);
                self.world.sync(1);
            }
            8 => {
                let client = self.rng.below(2) as usize;
                self.world.load(client);
            }
            9 => {
                let scope = match self.any(0, "events") {
                    Some(row) if self.rng.below(2) == 0 => {
                        Scope::Record(self.world.clients[0].stores["events"], row)
                    }
                    _ => Scope::Manager(self.world.clients[0].manager),
                };
                self.world.feed(0, Input::Reject(scope)).unwrap();
            }
            10 | 11 => {
                let fate = match self.rng.below(5) {
                    0 => Fate::DropAnswer,
                    1 => Fate::Reply(422, r#"{"success":false,"message":"no"}"#.into()),
                    _ => Fate::Normal,
                };
                self.world.fates.push_back(fate);
                self.world.sync(0);
            }
            12 => self.resolve(),
            _ => {
                let ms = self.rng.below(200);
                self.world.run(ms);
            }
        }
        for client in &self.world.clients {
            for store in client.stores.values() {
                let store = client.engine.store(*store).unwrap();
                store.check().unwrap_or_else(|wrong| panic!("{wrong}"));
            }
        }
    }

    /// Decides every conflict that was ever told; what is decided already stays.
    fn resolve(&mut self) {
        let told = self.world.clients[0].conflicts.clone();
        for (_, detail) in told {
            let number = |name: &str| detail[name].as_u64().unwrap() as u32;
            let row = RowId {
                row: syncline::engine::table::RowIx(number("row")),
                generation: number("generation"),
            };
            let fields = detail["fields"].as_array().unwrap().iter();
            let fields: Vec<FieldIx> = fields
                .map(|clash| FieldIx(clash["field"].as_u64().unwrap() as u16))
                .collect();
            let mine = self.rng.below(2) == 0;
            let how = Resolution {
                record: if mine { Side::Mine } else { Side::Theirs },
                theirs: if mine { &[] } else { &fields },
                merged: &[],
            };
            let store = syncline::engine::input::StoreId(number("store"));
            // The record may be gone.
            drop(
                self.world
                    .feed(0, Input::ResolveConflict { store, row, how }),
            );
        }
    }

    /// A load gives rows new places: open conflicts are found by their records.
    fn resolve_open(&mut self) {
        let store = self.world.clients[0].stores["events"];
        let engine = &self.world.clients[0].engine;
        let mut rows = self.world.rows(0, "events");
        rows.extend(engine.store(store).unwrap().removed());
        for row in rows {
            let how = Resolution {
                record: Side::Mine,
                theirs: &[],
                merged: &[],
            };
            self.world
                .feed(0, Input::ResolveConflict { store, row, how })
                .unwrap();
        }
    }

    fn check(&mut self) {
        self.world.fates.clear();
        for _ in 0..8 {
            self.world.settle();
            self.resolve_open();
            for client in [0, 1] {
                if self.world.is_dirty(client) {
                    self.world.sync(client);
                }
            }
        }
        self.world.settle();
        for client in [0, 1] {
            assert!(
                !self.world.is_dirty(client),
                "{client}: {}",
                self.world.changes(client)
            );
            self.world.load(client);
        }
        self.world.settle();
        for call in &self.calls {
            assert!(
                self.world.outcome(0, *call).is_some(),
                "{call:?} never settled"
            );
        }
        self.world.check_end();
        for client in [0, 1] {
            self.compare(client);
        }
    }

    fn compare(&self, client: usize) {
        let fields = ["id", "name", "n", "place"];
        let mine = self.world.rows(client, "events").into_iter().map(|row| {
            let of = |name: &&str| self.world.get_row(client, "events", row, name);
            fields.iter().map(of).collect::<Value>().to_string()
        });
        let theirs = self.world.server.rows["events"].values().map(|row| {
            let of = |name: &&str| row.get(*name).cloned().unwrap_or_default();
            fields.iter().map(of).collect::<Value>().to_string()
        });
        let (mut mine, mut theirs): (Vec<_>, Vec<_>) = (mine.collect(), theirs.collect());
        mine.sort();
        theirs.sort();
        assert_eq!(mine, theirs);
    }
}

fn run(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..20 + run.rng.below(40) {
        run.act();
    }
    run.check();
}

#[test]
fn whatever_is_waited_for_is_settled_and_both_sides_agree_in_the_end() {
    each_seed(SEEDS, run);
}

#[test]
fn seed_2130_a_removed_addition_in_conflict_does_not_hold_its_group_back() {
    run(2_130);
}

#[test]
fn seeds_9905_and_10997_a_removal_that_nobody_could_take_back_ends() {
    run(9_905);
    run(10_997);
}
