//! Edits that a host wrote down and hands over together.

use serde_json::{Value, json};
use syncline::engine::error::ErrorCode;
use syncline::engine::input::{Input, Reply, StoreId};
use syncline::engine::journal::{Edits, NUMBER};
use syncline::engine::rng::Rng;
use syncline::engine::schema::FieldIx;
use syncline::engine::table::RowId;

use crate::network::Fate;
use crate::world::World;

/// The memory of a host.
#[derive(Default)]
struct Journal(Vec<u64>);

impl Journal {
    fn write(&mut self, store: StoreId, row: RowId, field: FieldIx, value: &Value) {
        let text = value.as_str().unwrap_or_default();
        let length = value.as_str().map_or(NUMBER, str::len);
        self.0.push(u64::from(store.0) | u64::from(row.row.0) << 32);
        let place = u64::from(row.generation) | u64::from(field.0) << 32;
        self.0.push(place | (length as u64) << 48);
        if let Some(number) = value.as_f64() {
            self.0.push(number.to_bits());
        }
        for word in text.as_bytes().chunks(8) {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            self.0.push(u64::from_le_bytes(bytes));
        }
    }

    fn hand_over(&mut self, world: &mut World, client: usize) -> Result<Reply, ErrorCode> {
        let words = core::mem::take(&mut self.0);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let made = world.feed(client, Input::Edits(Edits::new(&words, &bytes)));
        made.map_err(|error| error.code)
    }
}

fn field(world: &mut World, client: usize, store: StoreId, name: &str) -> FieldIx {
    match world.feed(client, Input::EnsureField(store, name)) {
        Ok(Reply::Field(field)) => field,
        other => panic!("no field: {other:?}"),
    }
}

#[test]
fn edits_handed_over_together_do_what_each_would_do_by_itself() {
    let mut world = World::calendar();
    let config = json!({"autoSync": true, "autoSyncTimeout": 500});
    let (together, alone) = (world.loaded(config.clone()), world.loaded(config));
    let values = [
        json!("a"),
        json!("b"),
        json!("a longer text"),
        json!(1),
        json!(2),
        json!(""),
    ];
    let mut rng = Rng::new(7);
    let mut journal = Journal::default();
    for round in 0..200 {
        for _ in 0..=rng.below(6) {
            let id = 1 + rng.below(2);
            let name = ["name", "n", "new"][rng.below(3) as usize];
            let value = &values[rng.below(values.len() as u64) as usize];
            let store = world.clients[together].stores["events"];
            let row = world.find(together, "events", id).unwrap();
            let at = field(&mut world, together, store, name);
            journal.write(store, row, at, value);
            world.set(alone, "events", id, name, value.clone());
        }
        journal.hand_over(&mut world, together).unwrap();
        assert_eq!(
            world.changes(together),
            world.changes(alone),
            "round {round}"
        );
        for id in 1..=2 {
            for name in ["name", "n", "new"] {
                let seen = world.get(together, "events", id, name);
                assert_eq!(seen, world.get(alone, "events", id, name), "round {round}");
            }
        }
        for client in [together, alone] {
            match round % 20 {
                5 => world.reject_all(client),
                // Some of it goes onto the wire, and is refused.
                11 => {
                    let refusal = r#"{"success":false}"#;
                    world.fates.push_back(Fate::Reply(400, refusal.into()));
                    world.sync(client);
                }
                _ => {}
            }
        }
    }
    for client in [together, alone] {
        world.reject_all(client);
    }
    world.settle();
    world.check_end();
}

#[test]
fn an_edit_that_fails_leaves_those_beside_it_alone() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    let store = world.clients[client].stores["events"];
    let [first, second] = [1, 2].map(|id| world.find(client, "events", id).unwrap());
    let name = field(&mut world, client, store, "name");
    world.remove(client, "events", 1);
    let mut journal = Journal::default();
    journal.write(store, first, name, &json!("gone"));
    journal.write(StoreId(99), second, name, &json!("elsewhere"));
    journal.write(store, second, name, &json!("kept"));
    let made = journal.hand_over(&mut world, client);
    assert_eq!(made.unwrap_err(), ErrorCode::UnknownRecord);
    assert_eq!(world.get(client, "events", 2, "name"), "kept");
    journal.write(store, second, name, &json!("a text that breaks off"));
    journal.0.pop();
    let made = journal.hand_over(&mut world, client);
    assert!(matches!(made, Ok(Reply::Changed(false))), "{made:?}");
    assert_eq!(world.get(client, "events", 2, "name"), "kept");
    world.check_end();
}
