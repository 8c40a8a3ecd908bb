//! Random users who use everything at once: ids of their choice (numbers, texts, texts of numbers)
//! for records of every store, trees whose branches move and go, references that change, batches,
//! groups that are given up, removals that are taken back by adding; loads that tell client ids,
//! loads by differences, packages in parts, a network that loses requests and answers.
//!
//! What has to be true is what `random` says: no edit is lost, none is made twice, everybody sees
//! what the server has. Every user edits records of his own, so that what he last said must be what
//! the server has.
//!
//! `SYNCLINE_SEEDS`, `SYNCLINE_SEED` and `SYNCLINE_TRACE` do what they do for `random`.

#[path = "mixed_end.rs"]
mod end;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline::engine::input::{Input, Place, Scope};
use syncline::engine::rng::Rng;
use syncline::engine::table::RowId;

use crate::seeds::each_seed;
use crate::server::Habits;
use crate::world::World;

/// How many seeds are run when nobody says.
const SEEDS: u64 = 1_000;

const STORES: [&str; 3] = ["events", "assignments", "nodes"];

/// The field that refers to another record, and of which store.
const REFERENCE: [(&str, &str); 3] = [("", ""), ("eventId", "events"), ("parentId", "nodes")];

/// A record as its user remembers it: by a tag that never changes.
#[derive(Clone, Default)]
struct Memory {
    name: String,
    /// The tag of the record that it refers to.
    to: Option<String>,
}

type Memories = BTreeMap<String, Memory>;

struct Run {
    world: World,
    rng: Rng,
    /// By user, by store.
    users: Vec<[Memories; 3]>,
    tags: u32,
}

#[test]
fn whatever_users_do_at_once_no_edit_is_lost_and_none_is_made_twice() {
    each_seed(SEEDS, |seed| Run::new(seed).whole());
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x3A11);
        let short_answers = rng.below(2) == 0;
        let habits = Habits {
            short_answers,
            says_idempotent: rng.below(2) == 0,
            tells_phantoms: rng.below(2) == 0,
            ..Habits::default()
        };
        let sections = json!({"events": [], "resources": [], "assignments": [], "nodes": []});
        let mut world = World::new(seed, habits, sections);
        world.send_cascade = rng.below(2) == 0;
        world.server.habits.cascades = !world.send_cascade;
        let mut users = Vec::new();
        for client in 0..1 + rng.below(2) as usize {
            let full = short_answers || rng.below(2) == 0;
            let mut config = json!({
                "autoSync": rng.below(2) == 0,
                "autoSyncTimeout": rng.below(300),
                "idempotentSync": true,
                "supportShortSyncResponse": full,
                "retry": {"max": rng.below(5)},
                "transport": {"sync": {"timeout": 4_000}, "load": {"timeout": 4_000}}
            });
            if rng.below(3) == 0 {
                config["phasedSync"] = json!(rng.below(2) == 0);
                config["maxSyncBytes"] = json!([0, 150, 400][rng.below(3) as usize]);
            }
            if rng.below(3) == 0 {
                config["syncDataOnLoad"] = json!({});
            }
            if rng.below(3) == 0 {
                config["syncApplySequence"] =
                    json!(["assignments", "nodes", "events", "resources"]);
                config["loadApplySequence"] = config["syncApplySequence"].clone();
            }
            world.client(config);
            let nodes =
                json!({"id": "nodes", "parentField": "parentId", "fields": [{"name": "name"}]});
            world.add_store(client, nodes);
            world.load(client);
            world.settle();
            users.push(Default::default());
        }
        world.chaos = true;
        Self {
            world,
            rng,
            users,
            tags: 0,
        }
    }

    fn whole(mut self) {
        for _ in 0..30 + self.rng.below(60) {
            let user = self.rng.below(self.users.len() as u64) as usize;
            self.act(user);
            if self.rng.below(3) == 0 {
                let ms = self.rng.below(300);
                self.world.run(ms);
            }
        }
        self.heal();
        // Where a repeated request was refused, an app has to look: that is what `random` is about.
        if !self.world.clients.iter().any(|client| client.doubted) {
            self.check();
        }
    }

    // --- what users do ---------------------------------------------------------------------------

    fn act(&mut self, user: usize) {
        let at = self.rng.below(3) as usize;
        match self.rng.below(22) {
            0..=4 => self.add(user, at),
            5..=8 => self.rename(user, at),
            9 | 10 => self.repoint(user),
            11 => self.remove(user, at),
            12 => self.add_again(user),
            13 => self.give_up(user, at),
            14 => self.reject_addition(user),
            15 => self.batch(user, at),
            16 | 17 => drop(self.world.sync(user)),
            18 => drop(self.world.load(user)),
            19 => {
                let online = self.rng.below(2) == 0;
                self.world.feed(user, Input::Online(online)).unwrap();
            }
            20 => self.cancel(user),
            _ => {
                let ms = self.rng.below(3_000);
                self.world.run(ms);
            }
        }
    }

    fn trace(&self, user: usize, what: &str) {
        if std::env::var_os("SYNCLINE_TRACE").is_some() {
            eprintln!("{} {user} DOES {what}", self.world.now - 1_700_000_000_000);
        }
    }

    /// The records of a tag: two while an addition whose answer was lost is there beside what a
    /// load has brought of it.
    fn rows(&self, user: usize, store: &str, tag: &str) -> Vec<RowId> {
        let rows = self.world.rows(user, store).into_iter();
        rows.filter(|row| self.world.get_row(user, store, *row, "tag") == tag)
            .collect()
    }

    /// One of them.
    fn row(&mut self, user: usize, store: &str, tag: &str) -> RowId {
        let rows = self.rows(user, store, tag);
        assert!(!rows.is_empty(), "user {user} misses {tag} in {store}");
        rows[self.rng.below(rows.len() as u64) as usize]
    }

    fn id(&mut self, user: usize, store: &str, tag: &str) -> Value {
        let row = self.row(user, store, tag);
        self.world.get_row(user, store, row, "id")
    }

    fn pick(&mut self, user: usize, at: usize) -> Option<String> {
        let memories = &self.users[user][at];
        let place = self.rng.below(memories.len().max(1) as u64) as usize;
        memories.keys().nth(place).cloned()
    }

    fn store_of(&self, user: usize, store: &str) -> syncline::engine::input::StoreId {
        self.world.clients[user].stores[store]
    }

    fn new_tag(&mut self, user: usize) -> String {
        self.tags += 1;
        format!("u{user}t{}", self.tags)
    }

    /// An id of the app's choice, which is free here, and which the server has given, or will give.
    fn own_id(&mut self, user: usize, store: &str) -> Option<Value> {
        let number = 1_000 + self.rng.below(40);
        let own = match self.rng.below(6) {
            0 => json!(number),
            1 => json!(number.to_string()),
            2 => json!(format!("draft-{}", self.rng.below(4))),
            _ => return None,
        };
        let client = &self.world.clients[user];
        let table = client.engine.store(client.stores[store]).unwrap().table();
        let text = own.as_str().map_or_else(|| own.to_string(), str::to_owned);
        let free = table
            .find_id(syncline::engine::table::IdRef::Text(&text))
            .is_none();
        free.then_some(own)
    }

    fn add(&mut self, user: usize, at: usize) {
        let (store, (field, target)) = (STORES[at], REFERENCE[at]);
        let to_at = STORES.iter().position(|it| *it == target);
        let to = to_at.and_then(|at| self.pick(user, at));
        if at == 1 && to.is_none() {
            return;
        }
        let tag = self.new_tag(user);
        let mut row = json!({"tag": tag, "name": "new"});
        if at == 1 {
            row["resourceId"] = Value::Null;
        }
        let to = to.filter(|_| at == 1 || self.rng.below(2) == 0);
        if let Some(to) = &to {
            row[field] = self.id(user, target, to);
        }
        if let Some(own) = self.own_id(user, store) {
            row["id"] = own;
        }
        self.trace(user, &format!("add {store} {row}"));
        self.world.add(user, store, row);
        let name = "new".to_owned();
        self.users[user][at].insert(tag, Memory { name, to });
    }

    fn rename(&mut self, user: usize, at: usize) {
        let Some(tag) = self.pick(user, at) else {
            return;
        };
        let row = self.row(user, STORES[at], &tag);
        let name = format!("name{}", self.rng.below(5));
        let is = self.world.get_row(user, STORES[at], row, "id");
        self.trace(user, &format!("rename {tag} {is} {name}"));
        let changed = self
            .world
            .set_row(user, STORES[at], row, "name", name.as_str());
        // Of two, one may show that already: setting it to what it shows says nothing.
        if changed {
            let other = self.stands(user, at, &tag, row, "name");
            let name = other.map_or(name, |other| other.as_str().unwrap().to_owned());
            self.users[user][at].get_mut(&tag).unwrap().name = name;
        }
    }

    /// Another event for an assignment, another parent for a node.
    fn repoint(&mut self, user: usize) {
        let at = 1 + self.rng.below(2) as usize;
        let (store, (field, target)) = (STORES[at], REFERENCE[at]);
        let to_at = STORES.iter().position(|it| *it == target).unwrap();
        let (Some(tag), Some(to)) = (self.pick(user, at), self.pick(user, to_at)) else {
            return;
        };
        if at == 2 && self.is_below(user, &to, &tag) {
            return;
        }
        let row = self.row(user, store, &tag);
        let id = self.id(user, target, &to);
        if at == 2 && self.is_seen_below(user, &id, row) {
            return;
        }
        let is = self.world.get_row(user, store, row, "id");
        self.trace(user, &format!("point {tag} {is} to {to} {id}"));
        if self.world.set_row(user, store, row, field, id) {
            let other = self.stands(user, at, &tag, row, field);
            let to = other.map_or(Some(to), |id| self.tag_of(user, target, &id));
            self.users[user][at].get_mut(&tag).unwrap().to = to;
        }
    }

    /// Of two, one has been set back to what the server has, so that it says nothing: what the
    /// other says stands.
    fn stands(&self, user: usize, at: usize, tag: &str, row: RowId, field: &str) -> Option<Value> {
        let rows = self.rows(user, STORES[at], tag);
        let other = rows.iter().find(|other| **other != row)?;
        let mut server = self.world.server.rows[STORES[at]].values();
        let server = server.find(|row| row["tag"] == tag)?;
        let is = self.world.get_row(user, STORES[at], row, field);
        let back = server.get(field).unwrap_or(&Value::Null) == &is;
        back.then(|| self.world.get_row(user, STORES[at], *other, field))
    }

    fn tag_of(&self, user: usize, store: &str, id: &Value) -> Option<String> {
        let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let row = self.world.find(user, store, text.as_str())?;
        let tag = self.world.get_row(user, store, row, "tag");
        Some(tag.as_str()?.to_owned())
    }

    /// Whether the node of an id is this row, or is seen below it: of two, one may still stand
    /// where it stood.
    fn is_seen_below(&self, user: usize, id: &Value, above: RowId) -> bool {
        let mut id = id.clone();
        while !id.is_null() {
            let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            let Some(row) = self.world.find(user, "nodes", text.as_str()) else {
                return false;
            };
            if row == above {
                return true;
            }
            id = self.world.get_row(user, "nodes", row, "parentId");
        }
        false
    }

    /// Whether a node is another one, or lies below it.
    fn is_below(&self, user: usize, tag: &str, above: &str) -> bool {
        let mut at = Some(tag.to_owned());
        while let Some(tag) = at {
            if tag == above {
                return true;
            }
            at = self.users[user][2][&tag].to.clone();
        }
        false
    }

    fn remove(&mut self, user: usize, at: usize) {
        let Some(tag) = self.pick(user, at) else {
            return;
        };
        let rows = self.rows(user, STORES[at], &tag);
        let store = self.store_of(user, STORES[at]);
        let count = rows.len();
        self.trace(user, &format!("remove {tag} ({count})"));
        let (before, going) = (self.all_rows(user), self.seen_with(user, at, &rows));
        self.world.feed(user, Input::Remove(store, &rows)).unwrap();
        self.forget(user, at, &tag);
        self.forget_seen(user, &before, &going);
    }

    /// What refers to a record that goes does too.
    fn forget(&mut self, user: usize, at: usize, tag: &str) {
        if at == 2 {
            let below: Vec<String> = self.users[user][2].keys().cloned().collect();
            let below: Vec<String> = below
                .into_iter()
                .filter(|it| self.is_below(user, it, tag))
                .collect();
            self.users[user][2].retain(|it, _| !below.contains(it));
            return;
        }
        self.users[user][at].remove(tag);
        if at == 0 {
            self.users[user][1].retain(|_, it| it.to.as_deref() != Some(tag));
        }
    }

    /// What goes with these rows as the user sees it: what refers to them, and so on.
    fn seen_with(&self, user: usize, at: usize, rows: &[RowId]) -> Vec<(usize, RowId)> {
        let mut going: Vec<(usize, RowId)> = rows.iter().map(|row| (at, *row)).collect();
        let mut next = 0;
        while let Some(&(at, row)) = going.get(next) {
            next += 1;
            let id = self.world.get_row(user, STORES[at], row, "id");
            for (from, (field, target)) in REFERENCE.iter().enumerate() {
                if *target != STORES[at] {
                    continue;
                }
                for other in self.world.rows(user, STORES[from]) {
                    let refers = self.world.get_row(user, STORES[from], other, field) == id;
                    if refers && !going.contains(&(from, other)) {
                        going.push((from, other));
                    }
                }
            }
        }
        going
    }

    /// Exactly these rows have gone. Of two, one may have, and with it what referred to it.
    fn forget_seen(&mut self, user: usize, before: &[(usize, RowId)], going: &[(usize, RowId)]) {
        let stays: Vec<_> = before.iter().filter(|it| !going.contains(it)).collect();
        assert_eq!(self.all_rows(user).iter().collect::<Vec<_>>(), stays);
        for (at, store) in STORES.iter().enumerate() {
            let tags: Vec<String> = self.users[user][at].keys().cloned().collect();
            for tag in tags {
                if self.rows(user, store, &tag).is_empty() {
                    self.users[user][at].remove(&tag);
                }
            }
        }
    }

    fn all_rows(&self, user: usize) -> Vec<(usize, RowId)> {
        let of = |at: usize| self.world.rows(user, STORES[at]).into_iter();
        (0..STORES.len())
            .flat_map(|at| of(at).map(move |row| (at, row)))
            .collect()
    }

    /// A record is removed and added again, by its id, at once or later.
    fn add_again(&mut self, user: usize) {
        let Some(tag) = self.pick(user, 0) else {
            return;
        };
        let used = self.users[user][1]
            .values()
            .any(|it| it.to.as_deref() == Some(&tag));
        let rows = self.rows(user, "events", &tag);
        if used || rows.len() != 1 {
            return;
        }
        let id = self.world.get_row(user, "events", rows[0], "id");
        let store = self.store_of(user, "events");
        self.trace(user, &format!("remove {tag} {id} and add it again"));
        self.world.feed(user, Input::Remove(store, &rows)).unwrap();
        let ms = [0, 30, 400][self.rng.below(3) as usize];
        self.world.run(ms);
        let memory = self.users[user][0].remove(&tag).unwrap();
        let known = self
            .world
            .find(user, "events", id.to_string().trim_matches('"'));
        if known.is_some() || !self.rows(user, "events", &tag).is_empty() {
            // Another one came by that id, or a load brought it once more: it stays removed.
            let rows = self.rows(user, "events", &tag);
            self.world.feed(user, Input::Remove(store, &rows)).unwrap();
            return;
        }
        let row = json!({"id": id, "tag": tag, "name": memory.name});
        let rows = json!([row]).to_string();
        let (rows, place) = (rows.as_bytes(), Place::End);
        self.world
            .feed(user, Input::Add { store, rows, place })
            .unwrap();
        self.users[user][0].insert(tag, memory);
    }

    /// A group of edits that is taken back while it is made.
    fn give_up(&mut self, user: usize, at: usize) {
        let before = self.users[user].clone();
        self.world.begin_edit(user, false);
        for _ in 0..1 + self.rng.below(3) {
            match self.rng.below(3) {
                0 => self.rename(user, at),
                1 => self.repoint(user),
                _ => self.add(user, at),
            }
        }
        self.trace(user, "gives up");
        self.world.feed(user, Input::EndEdit(false)).unwrap();
        self.users[user] = before;
    }

    /// An addition that nothing refers to is taken back, wherever it is.
    fn reject_addition(&mut self, user: usize) {
        let Some(tag) = self.pick(user, 1) else {
            return;
        };
        let rows = self.rows(user, "assignments", &tag);
        let store = self.store_of(user, "assignments");
        let state = self.world.clients[user]
            .engine
            .store(store)
            .unwrap()
            .state(rows[0]);
        if rows.len() == 1 && state.is_ok_and(|state| state.phantom) {
            self.trace(user, &format!("takes the addition of {tag} back"));
            let scope = Scope::Record(store, rows[0]);
            self.world.feed(user, Input::Reject(scope)).unwrap();
            self.users[user][1].remove(&tag);
        }
    }

    fn batch(&mut self, user: usize, at: usize) {
        let store = self.store_of(user, STORES[at]);
        self.world.feed(user, Input::BeginBatch(store)).unwrap();
        for _ in 0..1 + self.rng.below(4) {
            match self.rng.below(3) {
                0 => self.rename(user, at),
                1 => self.remove(user, at),
                _ => self.add(user, at),
            }
        }
        self.world.feed(user, Input::EndBatch(store)).unwrap();
    }

    fn cancel(&mut self, user: usize) {
        let client = &self.world.clients[user];
        if let Some(&call) = client.open_calls().first() {
            let manager = client.manager;
            self.world
                .feed(user, Input::Cancel(manager, Some(call)))
                .unwrap();
        }
    }
}
