//! How a random life ends: what has to be true once the network is well again.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline::engine::input::Input;

use super::{REFERENCE, Run, STORES};

impl Run {
    pub(super) fn heal(&mut self) {
        self.world.chaos = false;
        self.world.fates.clear();
        for user in 0..self.users.len() {
            self.world.feed(user, Input::Online(true)).unwrap();
        }
        self.world.settle();
        for _ in 0..8 {
            for user in 0..self.users.len() {
                if self.world.is_dirty(user) {
                    self.world.sync(user);
                }
            }
            self.world.settle();
        }
    }

    pub(super) fn check(&mut self) {
        for user in 0..self.users.len() {
            assert!(
                !self.world.is_dirty(user),
                "user {user}: {}",
                self.world.changes(user)
            );
        }
        self.check_server();
        for user in 0..self.users.len() {
            let was: Vec<_> = STORES.iter().map(|store| self.seen(user, store)).collect();
            self.world.load(user);
            self.world.settle();
            for (store, was) in STORES.iter().zip(was) {
                let truth = self.truth(store);
                assert_eq!(
                    self.seen(user, store),
                    truth,
                    "user {user} sees other {store}"
                );
                // Before that, what others did is missing.
                let mine = |rows: &[String]| -> Vec<String> {
                    let tag = format!("\"u{user}t");
                    rows.iter()
                        .filter(|row| row.contains(&tag))
                        .cloned()
                        .collect()
                };
                assert_eq!(mine(&was), mine(&truth), "user {user} saw other {store}");
            }
        }
        self.world.check_end();
    }

    fn check_server(&self) {
        for (at, store) in STORES.iter().enumerate() {
            let mut there = BTreeMap::new();
            for row in self.world.server.rows[*store].values() {
                let tag = row["tag"].as_str().unwrap().to_owned();
                let (field, target) = REFERENCE[at];
                let to = row.get(field).filter(|id| !id.is_null()).map(|id| {
                    let found = id.as_u64().and_then(|id| self.world.server.row(target, id));
                    let found = found.unwrap_or_else(|| panic!("{tag} refers to nothing: {row:?}"));
                    found["tag"].as_str().unwrap().to_owned()
                });
                let name = row["name"].as_str().unwrap().to_owned();
                let before = there.insert(tag.clone(), (name, to));
                assert!(before.is_none(), "{tag} is on the server twice");
            }
            let all = self.users.iter().flat_map(|user| user[at].clone());
            let wanted: BTreeMap<_, _> = all.map(|(tag, it)| (tag, (it.name, it.to))).collect();
            assert_eq!(there, wanted, "{store}");
        }
    }

    fn seen(&self, user: usize, store: &str) -> Vec<String> {
        let rows = self.world.rows(user, store).into_iter();
        let fields = ["id", "tag", "name", "eventId", "parentId"];
        let mut seen: Vec<String> = rows
            .map(|row| {
                let of = |name: &&str| self.world.get_row(user, store, row, name);
                fields.iter().map(of).collect::<Value>().to_string()
            })
            .collect();
        seen.sort();
        seen
    }

    fn truth(&self, store: &str) -> Vec<String> {
        let fields = ["id", "tag", "name", "eventId", "parentId"];
        let rows = self.world.server.rows[store].values();
        let mut truth: Vec<String> = rows
            .map(|row| {
                let of = |name: &&str| row.get(*name).cloned().unwrap_or_default();
                fields.iter().map(of).collect::<Value>().to_string()
            })
            .collect();
        truth.sort();
        truth
    }
}
