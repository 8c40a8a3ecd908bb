//! Random users on a hostile network. What has to be true whatever happens:
//!
//! 1. Every promise settles exactly once (checked at every effect, and at the end).
//! 2. When the network is well again and everybody has synced, the server has every edit of every
//!    user, and everything that was added exactly once.
//! 3. Everybody who loads then sees what the server has.
//! 4. The number of requests is bounded by what users did and the network broke; nothing goes on by
//!    itself.
//!
//! `SYNCLINE_SEEDS` and `SYNCLINE_SEED` say which seeds are run, and with `SYNCLINE_TRACE`
//! everything that happens is printed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline::engine::input::{Input, Scope};
use syncline::engine::rng::Rng;
use syncline::engine::table::{IdRef, RowId};

use crate::network::Fate;
use crate::seeds::each_seed;
use crate::server::Habits;
use crate::world::World;

/// Clients edit rows of their own, so that what they last said must be what the server has.
const ROWS_EACH: u64 = 4;

/// How many seeds are run when nobody says.
pub const SEEDS: u64 = 2_000;

/// What a user has done, as the user remembers it.
#[derive(Default)]
struct Memory {
    /// By tag (the record's name in the user's mind, a field that never changes): the fields as
    /// last seen.
    events: BTreeMap<String, Value>,
    /// Tags of events by tag of assignment.
    assignments: BTreeMap<String, (String, u64)>,
    edits: usize,
    tags: u64,
}

struct Run {
    world: World,
    users: Vec<Memory>,
    rng: Rng,
    calls: usize,
}

#[test]
fn whatever_the_network_does_no_edit_is_lost_and_none_is_made_twice() {
    each_seed(SEEDS, run);
}

fn run(seed: u64) {
    let mut run = Run::new(seed);
    let steps = 20 + run.rng.below(60);
    for _ in 0..steps {
        let user = run.rng.below(run.users.len() as u64) as usize;
        run.act(user);
    }
    run.heal();
    run.check();
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5EED);
        let mut policies = Rng::new(seed ^ 0x0FF1CE);
        let clients = 1 + rng.below(3);
        let short_answers = rng.below(2) == 0;
        let habits = Habits {
            deduplicates: rng.below(3) > 0,
            short_answers,
            says_idempotent: false,
            // A server that does not, and does not show it either, can't be helped.
            resolves_references: short_answers || rng.below(3) > 0,
            ..Habits::default()
        };
        let events: Vec<Value> = (1..=clients * ROWS_EACH)
            .map(|id| json!({"id": id, "tag": format!("base{id}"), "name": "base", "n": 0}))
            .collect();
        let sections = json!({
            "events": events,
            "resources": [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}],
            "assignments": []
        });
        let mut world = World::new(seed, habits, sections);
        // A server that doesn't see what belongs together can't take it along.
        world.send_cascade = !habits.resolves_references || rng.below(2) == 0;
        let mut users = Vec::new();
        for client in 0..clients as usize {
            let full = habits.short_answers || rng.below(2) == 0;
            let mut config = json!({
                "autoSync": rng.below(2) == 0,
                "autoSyncTimeout": rng.below(400),
                "idempotentSync": habits.deduplicates,
                "supportShortSyncResponse": full,
                "retry": {"max": rng.below(5)},
                "transport": {"sync": {"timeout": 4_000}, "load": {"timeout": 4_000}}
            });
            if policies.below(3) == 0 {
                config["phasedSync"] = json!(policies.below(2) == 0);
                config["maxSyncBytes"] = json!([0, 150, 400][policies.below(3) as usize]);
            }
            if policies.below(3) == 0 {
                config["syncDataOnLoad"] = json!({});
            }
            world.client(config);
            world.load(client);
            world.settle();
            let mut memory = Memory::default();
            for at in 0..ROWS_EACH {
                let id = client as u64 * ROWS_EACH + at + 1;
                memory
                    .events
                    .insert(format!("base{id}"), json!({"name": "base", "n": 0}));
            }
            users.push(memory);
        }
        world.chaos = true;
        Self {
            world,
            users,
            rng,
            calls: 0,
        }
    }

    fn act(&mut self, user: usize) {
        match self.rng.below(24) {
            0..=7 => self.edit(user),
            8..=10 => self.add_event(user),
            11 | 12 => self.add_assignment(user),
            13 | 14 => self.remove_event(user),
            // What is in doubt would be sent by a call of sync: the app looks first.
            15 | 16 if self.world.clients[user].uncertain.is_empty() => {
                self.world.sync(user);
                self.calls += 1;
            }
            17 => {
                self.world.load(user);
                self.calls += 1;
            }
            18 => {
                let online = self.rng.below(2) == 0;
                self.world.feed(user, Input::Online(online)).unwrap();
            }
            19 => drop(self.world.feed(user, Input::Visible(true))),
            20 => self.cancel(user),
            _ => {
                let ms = self.rng.below(3_000);
                self.world.run(ms);
            }
        }
        if self.rng.below(3) == 0 {
            let ms = self.rng.below(200);
            self.world.run(ms);
        }
    }

    /// The row of a tag, as the client has it.
    fn row(&self, user: usize, store: &str, tag: &str) -> RowId {
        let rows = self.world.rows(user, store);
        let mut found = rows
            .into_iter()
            .filter(|row| self.world.get_row(user, store, *row, "tag") == tag);
        let row = found
            .next()
            .unwrap_or_else(|| panic!("user {user} misses {tag} in {store}"));
        // While an addition is in doubt, the server's row may be there too; the older one is the
        // server's.
        found.next_back().unwrap_or(row)
    }

    fn pick(&mut self, user: usize) -> Option<String> {
        let count = self.users[user].events.len() as u64;
        let at = self.rng.below(count) as usize;
        self.users[user].events.keys().nth(at).cloned()
    }

    fn edit(&mut self, user: usize) {
        let Some(tag) = self.pick(user) else { return };
        let row = self.row(user, "events", &tag);
        let (field, value) = if self.rng.below(2) == 0 {
            ("name", json!(format!("name{}", self.rng.below(5))))
        } else {
            ("n", json!(self.rng.below(5)))
        };
        self.world
            .set_row(user, "events", row, field, value.clone());
        self.users[user].events.get_mut(&tag).unwrap()[field] = value;
        self.users[user].edits += 1;
    }

    fn tag(&mut self, user: usize) -> String {
        self.users[user].tags += 1;
        self.users[user].edits += 1;
        format!("u{user}t{}", self.users[user].tags)
    }

    fn add_event(&mut self, user: usize) {
        let tag = self.tag(user);
        let n = self.rng.below(5);
        let mut row = json!({"tag": tag, "name": "new", "n": n});
        // Ids of the app's choice, which others choose too, and which the server has or will give.
        let own = match self.rng.below(8) {
            0 => json!(1 + self.rng.below(60)),
            1 => json!(1_000 + self.rng.below(60)),
            2 => json!(format!("draft-{}", self.rng.below(5))),
            _ => Value::Null,
        };
        let id = match &own {
            Value::Number(id) => Some(IdRef::Number(id.as_u64().unwrap() as f64)),
            Value::String(id) => Some(IdRef::Text(id)),
            _ => None,
        };
        let client = &self.world.clients[user];
        let table = client
            .engine
            .store(client.stores["events"])
            .unwrap()
            .table();
        if id.is_some_and(|id| table.find_id(id).is_none()) {
            row["id"] = own;
        }
        self.world.add(user, "events", row);
        self.users[user]
            .events
            .insert(tag, json!({"name": "new", "n": n}));
    }

    fn add_assignment(&mut self, user: usize) {
        let Some(event) = self.pick(user) else { return };
        let row = self.row(user, "events", &event);
        let id = self.world.get_row(user, "events", row, "id");
        let resource = 1 + self.rng.below(2);
        let tag = self.tag(user);
        let row = json!({"tag": tag, "eventId": id, "resourceId": resource});
        self.world.add(user, "assignments", row);
        self.users[user].assignments.insert(tag, (event, resource));
    }

    fn remove_event(&mut self, user: usize) {
        let Some(tag) = self.pick(user) else { return };
        let rows = self.world.rows(user, "events").into_iter();
        let rows: Vec<RowId> = rows
            .filter(|row| self.world.get_row(user, "events", *row, "tag") == tag)
            .collect();
        let store = self.world.clients[user].stores["events"];
        self.world.feed(user, Input::Remove(store, &rows)).unwrap();
        self.users[user].events.remove(&tag);
        self.users[user]
            .assignments
            .retain(|_, (event, _)| *event != tag);
        self.users[user].edits += 1;
    }

    fn cancel(&mut self, user: usize) {
        let client = &self.world.clients[user];
        let open: Vec<_> = client.open_calls();
        if let Some(&call) = open.first() {
            let manager = client.manager;
            self.world
                .feed(user, Input::Cancel(manager, Some(call)))
                .unwrap();
        }
    }

    /// As an app does that knows its records by more than their ids: what is in doubt and turns out
    /// to be on the server is dropped here in favour of the server's.
    fn resolve_doubts(&mut self, user: usize) -> usize {
        let doubts = core::mem::take(&mut self.world.clients[user].uncertain);
        let mut resolved = 0;
        for (store_id, phantom) in doubts {
            let client = &self.world.clients[user];
            let (store, _) = client
                .stores
                .iter()
                .find(|(_, id)| **id == store_id)
                .unwrap();
            let store = store.clone();
            // Not by its id: the server may have a record of the id that the user chose.
            let doubtful = self.world.rows(user, &store).into_iter().find(|&row| {
                let store = client.engine.store(store_id).unwrap();
                let is_phantom = store.state(row).is_ok_and(|state| state.phantom);
                is_phantom && store.key(row).unwrap() == phantom
            });
            let known = || self.world.find(user, &store, phantom.as_str());
            let Some(row) = doubtful.or_else(known) else {
                continue;
            };
            let tag = self.world.get_row(user, &store, row, "tag");
            let others: Vec<RowId> = self
                .world
                .rows(user, &store)
                .into_iter()
                .filter(|other| {
                    *other != row && self.world.get_row(user, &store, *other, "tag") == tag
                })
                .collect();
            if let Some(&server) = others.first() {
                self.merge(user, &store, row, server);
                resolved += 1;
            }
        }
        resolved
    }

    /// What was removed while it was in doubt may have turned up again, in plain sight: the user
    /// removes it once more.
    fn remove_again(&mut self, user: usize) {
        for store in ["assignments", "events"] {
            for row in self.world.rows(user, store) {
                let tag = self.world.get_row(user, store, row, "tag");
                let tag = tag.as_str().unwrap_or_default();
                let memory = &self.users[user];
                let wanted =
                    memory.events.contains_key(tag) || memory.assignments.contains_key(tag);
                let living = self.world.rows(user, store).contains(&row);
                if tag.starts_with(&format!("u{user}t")) && !wanted && living {
                    let id = self.world.clients[user].stores[store];
                    self.world.feed(user, Input::Remove(id, &[row])).unwrap();
                    self.users[user].edits += 1;
                }
            }
        }
    }

    /// Takes what the doubtful record says over to the server's, and drops it.
    fn merge(&mut self, user: usize, store: &str, doubtful: RowId, server: RowId) {
        let id = self.world.get_row(user, store, server, "id");
        if store == "events" {
            for field in ["name", "n"] {
                let value = self.world.get_row(user, store, doubtful, field);
                self.world.set_row(user, store, server, field, value);
            }
            let old = self.world.get_row(user, store, doubtful, "id");
            for row in self.world.rows(user, "assignments") {
                if self.world.get_row(user, "assignments", row, "eventId") == old {
                    self.world
                        .set_row(user, "assignments", row, "eventId", id.clone());
                }
            }
        } else {
            let value = self.world.get_row(user, store, doubtful, "eventId");
            self.world.set_row(user, store, server, "eventId", value);
        }
        let store = self.world.clients[user].stores[store];
        self.world
            .feed(user, Input::Reject(Scope::Record(store, doubtful)))
            .unwrap();
        self.users[user].edits += 4;
    }

    /// The network is well again; users sync until nothing is left.
    fn heal(&mut self) {
        self.world.chaos = false;
        self.world.fates.clear();
        for user in 0..self.users.len() {
            self.world.feed(user, Input::Online(true)).unwrap();
        }
        self.world.settle();
        for _ in 0..10 {
            for user in 0..self.users.len() {
                if core::mem::take(&mut self.world.clients[user].doubted) {
                    self.world.load(user);
                    self.world.settle();
                    self.calls += 1 + self.resolve_doubts(user);
                    self.remove_again(user);
                }
                if self.world.is_dirty(user) {
                    self.world.sync(user);
                    self.calls += 1;
                }
            }
            self.world.settle();
        }
    }

    fn check(&mut self) {
        let seen: usize = self
            .world
            .clients
            .iter()
            .map(|client| client.requests)
            .sum();
        self.world.run(3_600_000);
        let later: usize = self
            .world
            .clients
            .iter()
            .map(|client| client.requests)
            .sum();
        assert_eq!(seen, later, "something goes on by itself");
        let edits: usize = self.users.iter().map(|user| user.edits).sum();
        let bound = (edits + self.calls + self.users.len() + 10) * 8;
        assert!(
            seen <= bound,
            "{seen} requests for {edits} edits and {} calls",
            self.calls
        );
        for user in 0..self.users.len() {
            assert!(
                !self.world.is_dirty(user),
                "user {user}: {}",
                self.world.changes(user)
            );
            self.world.load(user);
        }
        self.world.settle();
        self.world.check_end();
        self.check_server();
        for user in 0..self.users.len() {
            self.check_view(user);
        }
    }

    fn check_server(&self) {
        let server = &self.world.server;
        let mut tags: BTreeMap<String, &serde_json::Map<String, Value>> = BTreeMap::new();
        for row in server.rows["events"].values() {
            let tag = row["tag"].as_str().unwrap().to_owned();
            assert!(
                tags.insert(tag.clone(), row).is_none(),
                "{tag} is on the server twice"
            );
        }
        let known: usize = self.users.iter().map(|user| user.events.len()).sum();
        for user in &self.users {
            for (tag, fields) in &user.events {
                let row = tags
                    .get(tag)
                    .unwrap_or_else(|| panic!("{tag} isn't on the server"));
                for (field, value) in fields.as_object().unwrap() {
                    assert_eq!(row.get(field), Some(value), "{field} of {tag}: {row:?}");
                }
            }
        }
        assert_eq!(
            tags.len(),
            known,
            "the server has events that nobody wanted"
        );
        let mut links = BTreeMap::new();
        for row in server.rows["assignments"].values() {
            let tag = row["tag"].as_str().unwrap().to_owned();
            let event = row["eventId"]
                .as_u64()
                .and_then(|id| server.row("events", id));
            let event = event.unwrap_or_else(|| panic!("{tag} refers to nothing: {row:?}"));
            let link = (
                event["tag"].as_str().unwrap().to_owned(),
                row["resourceId"].as_u64().unwrap(),
            );
            assert!(
                links.insert(tag.clone(), link).is_none(),
                "{tag} is on the server twice"
            );
        }
        let wanted: BTreeMap<_, _> = self
            .users
            .iter()
            .flat_map(|it| it.assignments.clone())
            .collect();
        assert_eq!(links, wanted);
    }

    fn check_view(&self, user: usize) {
        for (store, rows) in &self.world.server.rows {
            let mut mine: Vec<Value> = Vec::new();
            for row in self.world.rows(user, store) {
                let fields = ["id", "tag", "name", "n", "eventId", "resourceId"];
                let of = |name: &str| self.world.get_row(user, store, row, name);
                mine.push(fields.iter().map(|name| of(name)).collect());
            }
            let theirs: Vec<Value> = rows
                .values()
                .map(|row| {
                    let of = |name: &str| row.get(name).cloned().unwrap_or_default();
                    ["id", "tag", "name", "n", "eventId", "resourceId"]
                        .iter()
                        .map(|it| of(it))
                        .collect()
                })
                .collect();
            let sort = |mut rows: Vec<Value>| {
                rows.sort_by_key(ToString::to_string);
                rows
            };
            assert_eq!(sort(mine), sort(theirs), "user {user} sees other {store}");
        }
    }
}

/// Everything that a host sees in a run, in words.
fn transcript(seed: u64) -> String {
    let mut run = Run::new(seed);
    for _ in 0..40 {
        let user = run.rng.below(run.users.len() as u64) as usize;
        run.act(user);
    }
    run.heal();
    run.world.transcript.join("\n")
}

#[test]
fn the_same_seed_gives_the_same_effects_byte_for_byte() {
    for seed in 0..20 {
        let (first, second) = (transcript(seed), transcript(seed));
        assert!(first.len() > 1_000);
        assert!(first == second, "seed {seed}");
    }
}

#[test]
fn a_sync_is_not_sent_twice_when_the_network_repeats_it() {
    let mut world = World::calendar();
    let client = world.loaded(json!({"idempotentSync": true}));
    world.fates.push_back(Fate::Twice);
    world.add(client, "events", json!({"name": "new"}));
    world.sync(client);
    world.settle();
    assert_eq!(world.server.count("events"), 3);
    assert_eq!(world.count(client, "events"), 3);
    world.check_end();
}

#[test]
fn seed_33774_the_server_gives_an_addition_the_id_that_the_app_chose_for_another() {
    run(33_774);
}
