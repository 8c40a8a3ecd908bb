//! Changes that the app wants sent as messages while there is no connection: in order, one entry
//! per record, bounded.

use crate::engine::json::dom::{Members, Value};
use crate::prelude::*;

/// Most records that wait. At the limit, changes that the stores hold as unconfirmed edits are left
/// to the next sync; others are refused, so that nothing is lost in silence.
pub const OUTBOX_MAX: usize = 1_000;

const KINDS: [&str; 3] = ["added", "updated", "removed"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Added,
    Updated,
    Removed,
}

#[derive(Clone, Debug)]
struct Entry {
    store: String,
    id: String,
    op: Op,
    row: Members,
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub struct Outbox(Vec<Entry>);

impl Outbox {
    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many records wait.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds changes (`{ <store>: { added, updated, removed } }`). `false` when there is no room:
    /// then nothing was added.
    pub fn add(&mut self, changes: &Members) -> bool {
        let mut next = self.0.clone();
        for (store, section) in changes.list() {
            for (kind, op) in KINDS.into_iter().zip([Op::Added, Op::Updated, Op::Removed]) {
                let rows = section.get(kind).and_then(Value::as_list);
                for row in rows.unwrap_or_default() {
                    let members = match row {
                        Value::Object(members) => members.clone(),
                        id => Members::from_list(vec![("id".to_owned(), id.clone())]),
                    };
                    put(&mut next, store, op, members);
                }
            }
        }
        let fits = next.len() <= OUTBOX_MAX;
        if fits {
            self.0 = next;
        }
        fits
    }

    /// Everything that waits, as one changeset; none waits afterwards.
    pub fn take(&mut self) -> Members {
        let mut changes = Members::new();
        for entry in core::mem::take(&mut self.0) {
            let kind = match entry.op {
                Op::Added => "added",
                Op::Updated => "updated",
                Op::Removed => "removed",
            };
            let mut section = match changes.remove(&entry.store) {
                Some(Value::Object(section)) => section,
                _ => Members::new(),
            };
            let mut rows = match section.remove(kind) {
                Some(Value::List(rows)) => rows,
                _ => Vec::new(),
            };
            rows.push(Value::Object(entry.row));
            section.insert(kind, Value::List(rows));
            changes.insert(&entry.store, Value::Object(section));
        }
        changes
    }
}

fn put(entries: &mut Vec<Entry>, store: &str, op: Op, row: Members) {
    let id = |name: &str| row.get(name).and_then(Value::plain_text);
    let id = id("id").or_else(|| id("$PhantomId")).unwrap_or_default();
    let known = entries
        .iter()
        .position(|entry| !id.is_empty() && entry.store == store && entry.id == id);
    let Some(at) = known else {
        entries.push(Entry {
            store: store.to_owned(),
            id,
            op,
            row,
        });
        return;
    };
    let Some(entry) = entries.get_mut(at) else {
        return;
    };
    match (entry.op, op) {
        (Op::Added, Op::Removed) => {
            entries.remove(at);
        }
        (_, Op::Removed) => (entry.op, entry.row) = (op, row),
        (before, _) => {
            if before == Op::Removed {
                entry.op = op;
            }
            for (name, value) in row.list() {
                entry.row.insert(name, value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Members {
        let value = Value::parse(json.as_bytes()).unwrap();
        value.as_object().unwrap().clone()
    }

    #[test]
    fn changes_of_one_record_become_one() {
        let mut outbox = Outbox::default();
        for changes in [
            r#"{"events":{"updated":[{"id":1,"a":1}]}}"#,
            r#"{"events":{"added":[{"id":"p","a":1}],"updated":[{"id":2,"a":1}]}}"#,
            r#"{"events":{"updated":[{"id":1,"b":2},{"id":"p","a":2}]}}"#,
            r#"{"events":{"added":[{"id":"q"}],"removed":[2]}}"#,
            r#"{"events":{"removed":[{"id":"q"}]},"resources":{"updated":[{"id":1,"a":1}]}}"#,
        ] {
            assert!(outbox.add(&members(changes)));
        }
        assert_eq!(outbox.len(), 4);
        let all = Value::Object(outbox.take()).to_json();
        assert_eq!(
            all,
            r#"{"events":{"added":[{"a":2,"id":"p"}],"removed":[{"id":2}],"updated":[{"a":1,"b":2,"id":1}]},"resources":{"updated":[{"a":1,"id":1}]}}"#
        );
        assert!(outbox.is_empty());
    }

    #[test]
    fn at_the_limit_nothing_is_added_and_nothing_lost() {
        let mut outbox = Outbox::default();
        for id in 0..OUTBOX_MAX {
            let changes = format!(r#"{{"events":{{"updated":[{{"id":{id}}}]}}}}"#);
            assert!(outbox.add(&members(&changes)));
        }
        let two = members(r#"{"events":{"updated":[{"id":1,"a":1},{"id":5000}]}}"#);
        assert!(!outbox.add(&two));
        assert_eq!(outbox.len(), OUTBOX_MAX);
        assert!(outbox.add(&members(r#"{"events":{"updated":[{"id":1,"a":1}]}}"#)));
    }
}
