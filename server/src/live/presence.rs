//! Who is in a room, and what they look at or edit. In memory; one entry per client, however many
//! connections it has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::User;

/// How many entries a list has at most: it goes to everyone in the room.
pub(crate) const MAX_LISTED: usize = 100;

/// The shortest time between two lists.
const INTERVAL_MS: i64 = 100;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Editing,
    Viewing,
    Left,
}

impl Action {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "editing" => Some(Self::Editing),
            "viewing" => Some(Self::Viewing),
            "left" => Some(Self::Left),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Editing => "editing",
            Self::Viewing => "viewing",
            Self::Left => "left",
        }
    }
}

/// What a client is busy with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Activity {
    /// The store and the id of the record, when it is about one.
    pub(crate) record: Option<(&'static str, Value)>,
    pub(crate) action: Action,
}

#[derive(Debug)]
struct Entry {
    user: User,
    activity: Activity,
    since: i64,
}

/// The people of one room.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    entries: BTreeMap<String, Entry>,
    changed: bool,
    next_list_at: i64,
}

impl Presence {
    /// Notes what a client does; `None` when it only has to be there.
    pub(crate) fn set(&mut self, client: &str, user: &User, activity: Option<Activity>, now: i64) {
        let Some(entry) = self.entries.get_mut(client) else {
            let entry = Entry {
                user: user.clone(),
                activity: activity.unwrap_or(Activity {
                    record: None,
                    action: Action::Viewing,
                }),
                since: now,
            };
            self.entries.insert(client.to_owned(), entry);
            self.changed = true;
            return;
        };
        if entry.user != *user {
            entry.user = user.clone();
            self.changed = true;
        }
        if let Some(activity) = activity.filter(|activity| *activity != entry.activity) {
            entry.activity = activity;
            entry.since = now;
            self.changed = true;
        }
    }

    /// A client is gone.
    pub(crate) fn remove(&mut self, client: &str) {
        self.changed |= self.entries.remove(client).is_some();
    }

    /// Has the list told again, to somebody who is new.
    pub(crate) fn repeat(&mut self) {
        self.changed = true;
    }

    /// The list and the number of those who are there, when it is due. In a large room lists are
    /// rarer: each goes to everybody.
    pub(crate) fn due(&mut self, now: i64) -> Option<(Value, usize)> {
        if !self.changed || now < self.next_list_at {
            return None;
        }
        self.changed = false;
        let members = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        self.next_list_at = now + INTERVAL_MS.max(members);
        Some(self.list())
    }

    fn list(&self) -> (Value, usize) {
        let here = |entry: &(&String, &Entry)| entry.1.activity.action != Action::Left;
        let mut entries: Vec<_> = self.entries.iter().filter(here).collect();
        let total = entries.len();
        // Editors first, then who came last.
        entries.sort_by_key(|(_, entry)| (entry.activity.action, -entry.since));
        entries.truncate(MAX_LISTED);
        let list = entries.iter().map(|(client, entry)| {
            let record = entry.activity.record.as_ref();
            json!({
                "clientId": client,
                "userId": entry.user.id,
                "userName": entry.user.name,
                "color": entry.user.color,
                "recordType": record.map(|(store, _)| store),
                "recordId": record.map(|(_, id)| id),
                "action": entry.activity.action.name(),
                "since": entry.since,
            })
        });
        (list.collect(), total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> User {
        User::new(id.to_owned(), None, None).unwrap()
    }

    fn editing(id: i64) -> Option<Activity> {
        Some(Activity {
            record: Some(("events", json!(id))),
            action: Action::Editing,
        })
    }

    #[test]
    fn changes_are_gathered_into_one_list_and_nothing_new_is_not_told() {
        let mut presence = Presence::default();
        presence.set("a", &user("a"), None, 0);
        assert_eq!(presence.due(0).unwrap().1, 1);
        presence.set("b", &user("b"), None, 10);
        presence.set("b", &user("b"), editing(4), 20);
        assert!(presence.due(99).is_none());
        let (list, total) = presence.due(100).unwrap();
        assert_eq!(total, 2);
        assert_eq!(
            (&list[0]["clientId"], &list[0]["recordId"]),
            (&json!("b"), &json!(4))
        );
        presence.set("b", &user("b"), editing(4), 300);
        assert!(presence.due(300).is_none());
    }

    #[test]
    fn the_list_is_bounded_and_says_how_many_there_are() {
        let mut presence = Presence::default();
        for n in 0..250 {
            presence.set(&format!("c{n}"), &user("u"), None, n);
        }
        presence.set("c7", &user("u"), editing(1), 300);
        let left = Activity {
            record: None,
            action: Action::Left,
        };
        presence.set("c8", &user("u"), Some(left), 300);
        let (list, total) = presence.due(1000).unwrap();
        assert_eq!(total, 249);
        assert_eq!(list.as_array().unwrap().len(), MAX_LISTED);
        assert_eq!(list[0]["clientId"], "c7");
        presence.repeat();
        assert!(presence.due(1249).is_none());
        assert!(presence.due(1250).is_some());
    }
}
