//! Random users on bad connections: everybody ends up with the server's data, no edit is lost, none
//! is made twice, nothing echoes.

use std::collections::BTreeMap;

use serde_json::json;
use syncline::engine::input::{ChannelInput, Input};
use syncline::engine::rng::Rng;
use syncline::engine::table::RowId;

use crate::network::Weather;
use crate::seeds::each_seed;
use crate::world::World;

/// How many seeds are run when nobody says (`SYNCLINE_SEEDS`).
const SEEDS: u64 = 1_000;

#[test]
fn random_users_converge() {
    each_seed(SEEDS, |seed| Run::new(seed).whole());
}

struct Run {
    world: World,
    /// Drawn apart from the world's, so that a change of the network doesn't change the users.
    rng: Rng,
    /// The last name that each user gave to each record.
    last: BTreeMap<(usize, RowId), String>,
    names: u32,
    edits: usize,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let mut rng = Rng::new(seed ^ 0xC0FFEE);
        world.jitter = rng.below(60);
        for _ in 0..3 + rng.below(2) {
            let send_over = rng.below(2) == 0;
            let delay = rng.below(300);
            let manager = json!({"autoSyncTimeout": delay, "idempotentSync": true,
                "retry": {"max": 30, "base": 200, "cap": 1_000}});
            let channel = json!({"sendOverChannel": send_over, "forever": true, "heartbeat": 3_000, "timeout": 2_000,
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
            refuse: some(&mut rng, 400),
            drop_request: some(&mut rng, 200),
            drop_answer: some(&mut rng, 200),
            lose: some(&mut rng, 200),
            repeat: some(&mut rng, 200),
            reorder: some(&mut rng, 300),
            cut: some(&mut rng, 100),
        };
        Self {
            world,
            rng,
            last: BTreeMap::new(),
            names: 0,
            edits: 0,
        }
    }

    fn whole(mut self) {
        for _ in 0..30 + self.rng.below(60) {
            let pane = self.rng.below(self.world.panes.len() as u64) as usize;
            self.act(pane);
            let pause = self.rng.below(200);
            self.world.run(pause);
        }
        self.heal();
        self.check();
    }

    fn name(&mut self, pane: usize) -> String {
        self.names += 1;
        self.edits += 1;
        format!("p{pane}-{}", self.names)
    }

    fn some_row(&mut self, pane: usize) -> Option<RowId> {
        let rows = self.world.rows(pane, "events");
        let at = self.rng.below(rows.len().max(1) as u64) as usize;
        rows.get(at).copied()
    }

    fn act(&mut self, pane: usize) {
        match self.rng.below(24) {
            0..=8 => {
                let Some(row) = self.some_row(pane) else {
                    return;
                };
                let name = self.name(pane);
                self.world.try_set(pane, row, "name", &name).unwrap();
                self.last.insert((pane, row), name);
            }
            9..=11 => {
                let name = self.name(pane);
                let row = self.world.add(pane, &name);
                self.last.insert((pane, row), name);
            }
            12 => {
                if let Some(row) = self.some_row(pane) {
                    self.last.remove(&(pane, row));
                    self.world.remove(pane, row).unwrap();
                }
            }
            13 => self.world.cut(pane, 1006),
            14 => {
                let online = self.rng.below(2) == 0;
                self.world.feed(pane, Input::Online(online)).unwrap();
            }
            15 => {
                let visible = self.rng.below(2) == 0;
                self.world.feed(pane, Input::Visible(visible)).unwrap();
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
            18 => {
                let manager = self.world.panes[pane].manager;
                self.world
                    .feed(
                        pane,
                        Input::Sync {
                            manager,
                            call: None,
                        },
                    )
                    .unwrap();
            }
            19 if self.rng.below(3) == 0 => self.world.load(pane),
            20 => self.world.mute = self.rng.below(3) == 0,
            21 => {
                // The log is short: who was away for long has to load.
                let keep = self.rng.below(5);
                self.world.room.forgotten = self.world.room.revision.saturating_sub(keep);
            }
            _ => {}
        }
    }

    fn heal(&mut self) {
        self.world.weather = Weather::default();
        self.world.mute = false;
        for pane in 0..self.world.panes.len() {
            self.world.feed(pane, Input::Online(true)).unwrap();
            self.world.feed(pane, Input::Visible(true)).unwrap();
            self.world.channel(pane, ChannelInput::Connect).unwrap();
        }
        self.world.run(120_000);
    }

    fn check(&self) {
        let world = &self.world;
        world.check_stores();
        let truth = world.truth("events");
        for pane in 0..world.panes.len() {
            assert_eq!(world.state(pane), "live", "pane {pane}");
            assert!(!world.is_dirty(pane), "pane {pane} has unsaved changes");
            assert_eq!(world.seen(pane, "events"), truth, "pane {pane}");
        }
        for (name, count) in &world.room.written {
            assert!(
                *count == 1 || !name.starts_with('p'),
                "{name} was written {count} times"
            );
        }
        for ((pane, row), name) in &self.last {
            if !world.rows(*pane, "events").contains(row) {
                continue;
            }
            // Two records may have turned out to be one, and the user may have changed the other
            // one later.
            let seen = world.text(*pane, "events", *row, "name");
            let later = seen.starts_with(&format!("p{pane}-")) && count(&seen) > count(name);
            let saved = world.room.written.contains_key(name);
            assert!(
                saved || later || self.has_later_twin(*pane, *row, name),
                "{name} of pane {pane} is lost: {row:?} is {seen:?}"
            );
        }
    }

    /// Whether a record turned out to be the same as another one (an addition whose answer was
    /// lost, and what a load brought of it) that the same user changed later: of two edits of one
    /// record, the later one stands.
    fn has_later_twin(&self, pane: usize, row: RowId, name: &str) -> bool {
        let world = &self.world;
        let rows = world.rows(pane, "events");
        let id = world.text(pane, "events", row, "id").parse();
        let names = world.room.names.get(&id.unwrap_or_default());
        let gone = self.last.iter();
        let mut gone = gone.filter(|((of, other), _)| *of == pane && !rows.contains(other));
        let known = |name: &String| names.is_some_and(|names| names.contains(name));
        gone.any(|(_, other)| count(other) > count(name) && known(other))
    }
}

#[test]
fn seed_16614_an_addition_that_is_loaded_before_its_answer_is_edited_twice() {
    Run::new(16_614).whole();
}

#[test]
fn seed_3765_an_addition_that_others_change_before_its_answer_is_one_record() {
    Run::new(3_765).whole();
}

#[test]
fn seed_2179_a_first_answer_that_is_older_than_a_load_undoes_nothing() {
    Run::new(2_179).whole();
}

#[test]
fn seed_595_ones_own_change_that_comes_twice_undoes_nothing() {
    Run::new(595).whole();
}

/// The number in a name: grows from edit to edit.
fn count(name: &str) -> u32 {
    name.rsplit('-')
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}
