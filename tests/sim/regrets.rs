//! A user who takes things back at any time, and a server that takes its time: both have the same
//! in the end, and no package speaks of a record that the server doesn't have.
//!
//! `SYNCLINE_SEEDS`, `SYNCLINE_SEED` and `SYNCLINE_TRACE` do what they do for `random`.

use serde_json::{Value, json};
use syncline::engine::input::{Input, Scope};
use syncline::engine::rng::Rng;
use syncline::engine::table::RowId;

use crate::network::Fate;
use crate::random::SEEDS;
use crate::seeds::each_seed;
use crate::server::Habits;
use crate::world::World;

const STORES: [&str; 3] = ["events", "assignments", "nodes"];

struct Run {
    world: World,
    rng: Rng,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0xBAC4);
        let send_cascade = rng.below(2) == 0;
        let habits = Habits {
            short_answers: rng.below(2) == 0,
            strict: true,
            cascades: !send_cascade,
            ..Habits::default()
        };
        let sections = json!({
            "events": [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}, {"id": 3, "name": "three"}],
            "resources": [{"id": 1, "name": "Ann"}],
            "assignments": [{"id": 1, "eventId": 1, "resourceId": 1}, {"id": 2, "eventId": 2, "resourceId": 1}],
            "nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": "b", "parentId": 1}, {"id": 3, "name": "c", "parentId": 2}]
        });
        let mut world = World::new(seed, habits, sections);
        world.send_cascade = send_cascade;
        let short = habits.short_answers || rng.below(2) == 0;
        world.client(json!({
            "autoSync": rng.below(2) == 0,
            "autoSyncTimeout": rng.below(60),
            "idempotentSync": true,
            "supportShortSyncResponse": short,
            "retry": {"base": 10, "cap": 40, "jitter": 0, "max": 3},
        }));
        world.add_store(
            0,
            json!({"id": "nodes", "parentField": "parentId", "fields": [{"name": "name"}]}),
        );
        world.load(0);
        world.settle();
        world.latency = 1 + rng.below(80);
        Self { world, rng }
    }

    fn any(&mut self, store: &str) -> Option<RowId> {
        let rows = self.world.rows(0, store);
        let at = self.rng.below(rows.len().max(1) as u64) as usize;
        rows.get(at).copied()
    }

    fn id(&self, store: &str, row: Option<RowId>) -> Value {
        row.map_or(Value::Null, |row| self.world.get_row(0, store, row, "id"))
    }

    fn act(&mut self) {
        let store = STORES[self.rng.below(3) as usize];
        let handle = self.world.clients[0].stores[store];
        let what = self.rng.below(16);
        if std::env::var_os("SYNCLINE_TRACE").is_some() {
            let at = self.world.now - 1_700_000_000_000;
            eprintln!("{at} does {what} in {store}");
        }
        match what {
            0 | 1 => {
                let name = format!("w{}", self.rng.below(100));
                self.world.add(0, "events", json!({ "name": name }));
            }
            2 => {
                let parent = self.any("nodes");
                let parent = self.id("nodes", parent);
                let row = json!({"name": "node", "parentId": parent});
                self.world.add(0, "nodes", row);
            }
            3 => {
                if let Some(event) = self.any("events") {
                    let id = self.id("events", Some(event));
                    let row = json!({"eventId": id, "resourceId": 1});
                    self.world.add(0, "assignments", row);
                }
            }
            4..=6 => {
                if let Some(row) = self.any(store) {
                    let name = format!("w{}", self.rng.below(5));
                    self.world.set_row(0, store, row, "name", name);
                }
            }
            7 => self.repoint(),
            8 | 9 => {
                if let Some(row) = self.any(store) {
                    self.world.feed(0, Input::Remove(handle, &[row])).unwrap();
                }
            }
            // Who takes back what a cascade did, but not its cause, has a reference to nothing.
            10 | 11 if store == "assignments" => {
                let scope = Scope::Manager(self.world.clients[0].manager);
                self.world.feed(0, Input::Reject(scope)).unwrap();
            }
            10 => {
                let removed = self.world.clients[0]
                    .engine
                    .store(handle)
                    .unwrap()
                    .removed();
                let row = removed.first().copied().or_else(|| self.any(store));
                if let Some(row) = row {
                    let scope = Scope::Record(handle, row);
                    self.world.feed(0, Input::Reject(scope)).unwrap();
                }
            }
            11 => {
                let scope = match self.rng.below(3) {
                    0 => Scope::Store(handle),
                    _ => Scope::Manager(self.world.clients[0].manager),
                };
                self.world.feed(0, Input::Reject(scope)).unwrap();
            }
            12 | 13 => {
                let fate = match self.rng.below(6) {
                    0 => Fate::DropAnswer,
                    1 => Fate::Reply(422, r#"{"success":false,"message":"no"}"#.into()),
                    _ => Fate::Normal,
                };
                self.world.fates.push_back(fate);
                self.world.sync(0);
            }
            _ => {
                let ms = self.rng.below(200);
                self.world.run(ms);
            }
        }
    }

    /// Gives an assignment another event, or a node another parent.
    fn repoint(&mut self) {
        let (store, to, field) = match self.rng.below(2) {
            0 => ("assignments", "events", "eventId"),
            _ => ("nodes", "nodes", "parentId"),
        };
        let (Some(row), Some(target)) = (self.any(store), self.any(to)) else {
            return;
        };
        let id = self.id(to, Some(target));
        let client = &self.world.clients[0];
        let handle = client.stores[store];
        let schema = client.engine.store(handle).unwrap().table().schema();
        let field = schema.find(field).unwrap();
        let text = id.as_str().unwrap_or_default();
        let value = match &id {
            Value::Number(number) => {
                syncline::engine::value::Value::Number(number.as_f64().unwrap())
            }
            _ => syncline::engine::value::Value::Text(text),
        };
        // A circle of parents is refused.
        drop(self.world.feed(
            0,
            Input::Set {
                store: handle,
                row,
                field,
                value,
            },
        ));
    }

    fn check(&mut self) {
        self.world.fates.clear();
        for _ in 0..6 {
            self.world.settle();
            if self.world.is_dirty(0) {
                self.world.sync(0);
            }
        }
        assert!(!self.world.is_dirty(0), "{}", self.world.changes(0));
        self.compare("after the last sync");
        self.world.load(0);
        self.world.settle();
        self.compare("after a load");
        self.world.check_end();
    }

    fn compare(&self, when: &str) {
        let fields = ["id", "name", "eventId", "resourceId", "parentId"];
        for store in STORES {
            let mine = self.world.rows(0, store).into_iter().map(|row| {
                let of = |name: &&str| self.world.get_row(0, store, row, name);
                fields.iter().map(of).collect::<Value>().to_string()
            });
            let theirs = self.world.server.rows[store].values().map(|row| {
                let of = |name: &&str| row.get(*name).cloned().unwrap_or_default();
                fields.iter().map(of).collect::<Value>().to_string()
            });
            let (mut mine, mut theirs): (Vec<_>, Vec<_>) = (mine.collect(), theirs.collect());
            mine.sort();
            theirs.sort();
            assert_eq!(mine, theirs, "{store} {when}");
        }
    }
}

fn run(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..20 + run.rng.below(50) {
        run.act();
    }
    run.check();
}

#[test]
fn whatever_is_taken_back_client_and_server_agree_in_the_end() {
    each_seed(SEEDS, run);
}
