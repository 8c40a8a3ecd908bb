//! Random users who do more than edit: records under ids of the app's choice that others refer to,
//! groups of edits that the server refuses (as a whole, a record of them, the whole package) while
//! others change the same records, records that are known by a key, a server that forgets what it
//! answered when it starts again.
//!
//! What has to be true is what `random` says, and of every group: all of it is saved, by one
//! package, or nothing of it stays.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::input::{ChannelInput, Input, Scope};
use syncline::engine::rng::Rng;
use syncline::engine::table::{IdRef, RowId};
use syncline::engine::value;

use crate::network::Weather;
use crate::room::{Habits, REFUSED};
use crate::seeds::each_seed;
use crate::world::{START, World};

/// How many seeds are run when nobody says (`SYNCLINE_SEEDS`).
const SEEDS: u64 = 1_000;

#[test]
fn random_groups_own_ids_and_forgetful_servers_converge() {
    each_seed(SEEDS, |seed| Run::new(seed).whole());
}

/// A name that a user gave to a record.
struct Edit {
    pane: usize,
    store: &'static str,
    row: RowId,
    /// The record, whatever its row: its key, or the id that it always had.
    record: String,
    name: String,
    /// The call of its group.
    group: Option<u32>,
}

struct Group {
    pane: usize,
    call: u32,
    /// What it removed: saved records by id, and all by their keys.
    removed: Vec<u64>,
    gone: Vec<String>,
}

struct Run {
    world: World,
    rng: Rng,
    edits: Vec<Edit>,
    groups: Vec<Group>,
    /// The saved records that were removed by no group, or by one that was kept; by whom doesn't
    /// matter.
    removed: Vec<u64>,
    /// The same by key, saved or not; of the group that is being made, too.
    gone: Vec<String>,
    count: u32,
    /// Every user knows that the server remembers what it answered.
    knows: bool,
    /// The group that is being made.
    making: Option<u32>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let mut rng = Rng::new(seed ^ 0x6121);
        world.jitter = rng.below(60);
        let remembers = rng.below(3) > 0;
        let keeps_ids = rng.below(2) == 0;
        world.room.habits = Habits {
            remembers,
            keeps_ids,
        };
        let key = json!(["key"]);
        world.stores = vec![
            json!({"id": "events", "naturalKey": key, "fields": [{"name": "name", "type": "string"}, {"name": "key"},
                {"name": "resourceId"}], "relations": [{"field": "resourceId", "store": "resources", "onRemove": "none"}]}),
            json!({"id": "resources", "naturalKey": key, "fields": [{"name": "name", "type": "string"}, {"name": "key"}]}),
        ];
        let mut knows = true;
        for _ in 0..2 + rng.below(3) {
            let told = remembers && rng.below(2) == 0;
            knows &= told;
            let manager = json!({"autoSyncTimeout": rng.below(300), "idempotentSync": told,
                "resetIdsBeforeSync": !keeps_ids, "retry": {"max": 30, "base": 200, "cap": 1_000}});
            let channel = json!({"sendOverChannel": rng.below(2) == 0, "forever": true, "heartbeat": 3_000, "timeout": 2_000,
                "ackTimeout": 1_500, "reconnect": {"base": 100, "cap": 1_000}, "hiddenTimeout": 2_000});
            let pane = world.pane(manager, channel);
            world.load(pane);
            if rng.below(2) == 0 {
                world.run(rng.below(300));
            }
        }
        world.run(1_000);
        let some = |rng: &mut Rng, of: u64| if rng.below(2) == 0 { rng.below(of) } else { 0 };
        world.weather = Weather {
            refuse: some(&mut rng, 300),
            drop_request: some(&mut rng, 150),
            drop_answer: some(&mut rng, 150),
            lose: some(&mut rng, 150),
            repeat: some(&mut rng, 200),
            reorder: some(&mut rng, 300),
            cut: some(&mut rng, 80),
        };
        Self {
            world,
            rng,
            edits: Vec::new(),
            groups: Vec::new(),
            removed: Vec::new(),
            gone: Vec::new(),
            count: 0,
            knows,
            making: None,
        }
    }

    fn whole(mut self) {
        for _ in 0..30 + self.rng.below(50) {
            let pane = self.rng.below(self.world.panes.len() as u64) as usize;
            self.act(pane);
            let pause = self.rng.below(200);
            self.world.run(pause);
            self.world.check_stores();
        }
        self.heal();
        self.check();
    }

    // --- what users do ---------------------------------------------------------------------------

    fn act(&mut self, pane: usize) {
        let what = self.rng.below(24);
        self.say(&format!("{pane} does {what}"));
        match what {
            0..=5 => self.edit(pane, ""),
            6..=8 => self.add(pane, ""),
            9 => drop(self.remove(pane)),
            10..=13 => self.group(pane),
            14 => self.world.cut(pane, 1006),
            15 => {
                let online = self.rng.below(2) == 0;
                self.world.feed(pane, Input::Online(online)).unwrap();
            }
            16 => {
                let input = if self.rng.below(2) == 0 {
                    ChannelInput::Suspend
                } else {
                    ChannelInput::Connect
                };
                self.world.channel(pane, input).unwrap();
            }
            17 => self.world.restart(),
            18 => self.sync(pane),
            19 if self.rng.below(3) == 0 => self.world.load(pane),
            20 => self.world.mute = self.rng.below(3) == 0,
            21 => {
                let keep = self.rng.below(5);
                self.world.room.forgotten = self.world.room.revision.saturating_sub(keep);
            }
            _ => {}
        }
    }

    fn say(&self, what: &str) {
        if std::env::var_os("SYNCLINE_TRACE").is_some() {
            eprintln!("{} {what}", self.world.now - START);
        }
    }

    fn sync(&mut self, pane: usize) {
        let manager = self.world.panes[pane].manager;
        let input = Input::Sync {
            manager,
            call: None,
        };
        self.world.feed(pane, input).unwrap();
    }

    /// A name that no other edit gives; `refused`: how it begins.
    fn name(&mut self, pane: usize, refused: &str) -> String {
        self.count += 1;
        format!("{refused}p{pane}-{}", self.count)
    }

    fn some_row(&mut self, pane: usize, store: &str) -> Option<RowId> {
        let rows = self.world.rows(pane, store);
        let at = self.rng.below(rows.len().max(1) as u64) as usize;
        rows.get(at).copied()
    }

    fn note(&mut self, pane: usize, store: &'static str, row: RowId, name: String) {
        let group = self.making;
        self.say(&format!("{pane} names {name} in {store} {row:?} {group:?}"));
        let key = self.world.text(pane, store, row, "key");
        let id = self.world.text(pane, store, row, "id");
        let record = if key.is_empty() { id } else { key };
        self.edits.push(Edit {
            pane,
            store,
            row,
            record,
            name,
            group,
        });
    }

    fn set(&mut self, pane: usize, row: RowId, field: &str, to: value::Value<'_>) {
        let store = self.world.panes[pane].stores["events"];
        let field = self.world.field(pane, "events", field);
        let input = Input::Set {
            store,
            row,
            field,
            value: to,
        };
        self.world.feed(pane, input).unwrap();
    }

    fn edit(&mut self, pane: usize, refused: &str) {
        let Some(row) = self.some_row(pane, "events") else {
            return;
        };
        if self.rng.below(4) == 0
            && let Some(resource) = self.some_row(pane, "resources")
        {
            let id = self.world.text(pane, "resources", resource, "id");
            let number = id.parse::<f64>().ok();
            let id = number.map_or(value::Value::Text(&id), value::Value::Number);
            self.set(pane, row, "resourceId", id);
            return;
        }
        let name = self.name(pane, refused);
        self.set(pane, row, "name", value::Value::Text(&name));
        self.note(pane, "events", row, name);
    }

    /// An id of the app's choice: one that others choose, too, or that the server has or will give;
    /// none, often.
    fn own_id(&mut self, pane: usize, store: &str) -> Value {
        let id = match self.rng.below(6) {
            // Where the server keeps them, they are names that users have agreed on.
            0..=3 if self.world.room.habits.keeps_ids => {
                json!(100 * (1 + pane as u64) + self.rng.below(20))
            }
            0 => json!(1 + self.rng.below(6)),
            1 => json!(1_000 + self.rng.below(30)),
            2 => json!(format!("draft-{}", self.rng.below(4))),
            3 => json!(format!("{}", 1_000 + self.rng.below(30))),
            _ => return Value::Null,
        };
        let known = match &id {
            Value::Number(id) => IdRef::Number(id.as_f64().unwrap()),
            id => IdRef::Text(id.as_str().unwrap()),
        };
        let it = &self.world.panes[pane];
        let table = it.engine.store(it.stores[store]).unwrap().table();
        match table.find_id(known) {
            Some(_) => Value::Null,
            None => id,
        }
    }

    fn add(&mut self, pane: usize, refused: &str) {
        // Nobody but the group may refer to what may never be.
        let store = if self.making.is_none() && self.rng.below(3) == 0 {
            "resources"
        } else {
            "events"
        };
        let name = self.name(pane, refused);
        let id = self.own_id(pane, store);
        let mut row = json!({"name": name, "key": format!("k-{name}")});
        if !id.is_null() {
            row["id"] = id;
        }
        let row = self.world.add_row(pane, store, row);
        self.note(pane, store, row, name);
    }

    fn remove(&mut self, pane: usize) -> Option<u64> {
        let row = self.some_row(pane, "events")?;
        let id = self.world.text(pane, "events", row, "id");
        let it = &self.world.panes[pane];
        let saved = it.engine.store(it.stores["events"]).unwrap();
        let saved = !saved.state(row).unwrap().phantom;
        let id = id.parse().ok().filter(|_| saved);
        self.say(&format!("{pane} removes {id:?} {row:?} {:?}", self.making));
        self.gone.push(self.world.text(pane, "events", row, "key"));
        self.world.remove(pane, row).unwrap();
        if self.making.is_none() {
            self.removed.extend(id);
        }
        id
    }

    fn group(&mut self, pane: usize) {
        let refused = match self.rng.below(8) {
            0 => REFUSED[0],
            1 => REFUSED[1],
            2 => REFUSED[2],
            _ => "",
        };
        let keep = self.rng.below(6) > 0;
        let steps = 1 + self.rng.below(4);
        let spoilt = self.rng.below(steps);
        let call = self.world.begin(pane);
        self.making = Some(call);
        let mut removed = Vec::new();
        let before = self.gone.len();
        for step in 0..steps {
            let how = if step == spoilt { refused } else { "" };
            match self.rng.below(6) {
                0..=2 => self.edit(pane, how),
                3 | 4 => self.add(pane, how),
                _ => removed.extend(self.remove(pane)),
            }
        }
        self.making = None;
        let gone = self.gone.split_off(before);
        self.world.feed(pane, Input::EndEdit(keep)).unwrap();
        self.groups.push(Group {
            pane,
            call,
            removed,
            gone,
        });
    }

    // --- the end ---------------------------------------------------------------------------------

    fn heal(&mut self) {
        self.world.weather = Weather::default();
        self.world.mute = false;
        for pane in 0..self.world.panes.len() {
            self.world.feed(pane, Input::Online(true)).unwrap();
            self.world.feed(pane, Input::Visible(true)).unwrap();
            self.world.channel(pane, ChannelInput::Connect).unwrap();
        }
        self.world.run(60_000);
        // What was refused together with a group waits to be sent again.
        for _ in 0..6 {
            for pane in 0..self.world.panes.len() {
                if self.world.is_dirty(pane) {
                    self.sync(pane);
                    self.world.run(20_000);
                }
            }
        }
        // A group that failed on the wire may have uncovered what another had set before, and what
        // the server doesn't want either.
        for pane in 0..self.world.panes.len() {
            if self.world.is_dirty(pane) {
                let manager = self.world.panes[pane].manager;
                let scope = Scope::Manager(manager);
                let changes = self.world.panes[pane].engine.changes_json(manager);
                let changes = String::from_utf8(changes.unwrap()).unwrap();
                assert!(changes.contains("\"no-"), "pane {pane}: {changes}");
                self.world.feed(pane, Input::Reject(scope)).unwrap();
            }
        }
        self.world.run(20_000);
    }

    /// How a group ended: saved, or not.
    fn kept(&self, pane: usize, call: u32) -> bool {
        self.world.panes[pane].settled[&call].is_ok()
    }

    fn check(&self) {
        let world = &self.world;
        world.check_stores();
        for group in &self.groups {
            let settled = &world.panes[group.pane].settled;
            assert!(settled.contains_key(&group.call), "a promise for ever");
        }
        for store in ["events", "resources"] {
            let truth = world.truth(store);
            for pane in 0..world.panes.len() {
                assert_eq!(world.state(pane), "live", "pane {pane}");
                assert!(!world.is_dirty(pane), "pane {pane} has unsaved changes");
                assert_eq!(world.seen(pane, store), truth, "{store} of pane {pane}");
            }
        }
        self.check_references();
        assert!(world.room.twins.is_empty(), "{:?}", world.room.twins);
        let mut groups = self.groups.iter();
        let remembers = world.room.habits.remembers && self.knows;
        // What a group has on the wire when it fails is undone by a package of its own.
        if remembers && groups.all(|it| self.kept(it.pane, it.call)) {
            for (name, count) in &world.room.written {
                assert_eq!(*count, 1, "{name}");
            }
        }
        self.check_edits();
        self.check_groups();
    }

    fn check_references(&self) {
        let world = &self.world;
        for (id, row) in &world.room.rows["events"] {
            let to = row.get("resourceId").cloned().unwrap_or_default();
            let known = to
                .as_u64()
                .is_some_and(|to| world.room.rows["resources"].contains_key(&to));
            assert!(to.is_null() || known, "{id} refers to {to}");
            for pane in 0..world.panes.len() {
                let at = world.find(pane, "events", *id).unwrap();
                let seen = world.text(pane, "events", at, "resourceId");
                let to = if to.is_null() {
                    String::new()
                } else {
                    to.to_string()
                };
                assert_eq!(seen, to, "resourceId of {id}, pane {pane}");
            }
        }
    }

    /// The last edit of every record that counts is saved, or somebody else's came later.
    fn check_edits(&self) {
        let world = &self.world;
        let mut last: BTreeMap<(usize, &str, RowId), &Edit> = BTreeMap::new();
        for edit in &self.edits {
            let saved = world.room.packages.contains_key(&edit.name);
            if saved || edit.group.is_none_or(|call| self.kept(edit.pane, call)) {
                last.insert((edit.pane, edit.store, edit.row), edit);
            }
        }
        for ((pane, store, row), edit) in &last {
            if !world.rows(*pane, store).contains(row) {
                continue;
            }
            let seen = world.text(*pane, store, *row, "name");
            let later = count(&seen) > count(&edit.name);
            let saved = world.room.packages.contains_key(&edit.name);
            assert!(
                saved || later || self.has_later_twin(&last, edit),
                "{} is lost: {row:?} is {seen:?}",
                edit.name
            );
        }
        // What nobody removed is there.
        for edit in last.values() {
            let id = world
                .room
                .names
                .iter()
                .find(|(_, names)| names.contains(&edit.name));
            let (true, Some((id, _))) = (edit.store == "events", id) else {
                continue;
            };
            let Some(package) = world.room.removed.get(&("events".to_owned(), *id)) else {
                continue;
            };
            // A server that saves a part of a package has removed what that says.
            let partly = world.room.parts.contains(package);
            let by_group = self
                .groups
                .iter()
                .any(|group| self.may_stand(group) && group.removed.contains(id));
            let by_anyone = self.removed.contains(id) || by_group;
            let by_key = world.room.keys.get(&("events".to_owned(), *id));
            let by_key = by_key.is_some_and(|key| self.may_be_gone(key));
            assert!(
                partly || by_anyone || by_key,
                "{} ({id}) was removed by nobody",
                edit.name
            );
        }
    }

    /// Whether what a group removed may be: it was saved, or failed because others removed one of
    /// its records, when the rest of it was on the wire.
    fn may_stand(&self, group: &Group) -> bool {
        match &self.world.panes[group.pane].settled[&group.call] {
            Ok(()) => true,
            Err(error) => error.code == ErrorCode::UnknownRecord,
        }
    }

    /// Whether a user removed the record when it had no id yet, or added it in a group that was
    /// undone.
    fn may_be_gone(&self, key: &String) -> bool {
        let groups = self.groups.iter().filter(|it| self.may_stand(it));
        let undone = self.edits.iter().any(|edit| {
            let of_group = |call| !self.kept(edit.pane, call);
            edit.group.is_some_and(of_group) && format!("k-{}", edit.name) == *key
        });
        undone || self.gone.contains(key) || groups.flat_map(|it| &it.gone).any(|it| it == key)
    }

    /// See `random`: two records may have turned out to be one.
    fn has_later_twin(&self, last: &BTreeMap<(usize, &str, RowId), &Edit>, edit: &Edit) -> bool {
        let world = &self.world;
        let rows = world.rows(edit.pane, edit.store);
        let id = world.text(edit.pane, edit.store, edit.row, "id").parse();
        let names = world.room.names.get(&id.unwrap_or_default());
        let mut gone = last
            .values()
            .filter(|other| other.pane == edit.pane && !rows.contains(&other.row));
        let known = |name: &String| names.is_some_and(|names| names.contains(name));
        gone.any(|other| count(&other.name) > count(&edit.name) && known(&other.name))
    }

    /// Groups are saved by one package, or nothing of them stays.
    fn check_groups(&self) {
        let world = &self.world;
        for group in &self.groups {
            let mine = |edit: &&Edit| edit.pane == group.pane && edit.group == Some(group.call);
            let names = self
                .edits
                .iter()
                .filter(mine)
                .map(|edit| (edit.store, &edit.name));
            let names: Vec<_> = names.collect();
            if self.kept(group.pane, group.call) {
                let mut packages = names
                    .iter()
                    .filter_map(|(_, name)| world.room.packages.get(*name));
                // Another edit of one of its records may have gone out in the place of the group's
                // own.
                let own = self.edits.iter().filter(mine);
                let own: Vec<&String> = own.map(|edit| &edit.record).collect();
                let others = |it: &&Edit| it.pane == group.pane && it.group != Some(group.call);
                let mut others = self.edits.iter().filter(others);
                let apart = others.any(|it| own.contains(&&it.record))
                    || self
                        .groups
                        .iter()
                        .any(|it| own.iter().any(|key| it.gone.contains(key)));
                if let Some(first) = packages.next().filter(|_| !apart) {
                    assert!(packages.all(|other| other == first), "{names:?} in parts");
                }
                continue;
            }
            let ended = world.panes[group.pane].settled_at[&group.call];
            for (store, name) in names {
                let stays = world.truth(store).iter().any(|(_, seen)| seen == name);
                // What was saved before it failed is the server's: it saves parts of packages, and
                // passes over what others removed.
                let before = world
                    .room
                    .written_at
                    .get(name)
                    .is_some_and(|at| *at <= ended);
                assert!(
                    !stays || before || self.may_stand(group),
                    "{name} stays of a group that was not saved"
                );
            }
        }
    }
}

/// The number in a name: grows from edit to edit.
fn count(name: &str) -> u32 {
    let digits = name.rsplit('-').next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
