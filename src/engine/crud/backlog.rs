//! What the last package left behind when nobody knows what became of it.
//!
//! ```text
//!            unknown outcome, safe to repeat             answered
//! Clear ───────────────────────────────────────► Held ───────────► Clear
//!   │                                              │ nothing added, failures to the last attempt
//!   │  unknown outcome,                            ▼              all found, or none left
//!   └────────────────────────────────────────► Doubtful ── reloaded ─┬───────────────────────► Clear
//!      repeating could add twice                                     └─ some remain ► Reported ► Clear (by a call of sync)
//! ```

use crate::engine::input::StoreId;
use crate::engine::json::dom::Value;
use crate::prelude::*;

/// What has to be cleared up before new packages go out by themselves.
#[derive(Debug, Default)]
pub enum Backlog {
    /// Nothing.
    #[default]
    Clear,
    /// The same request goes out again.
    Held(Held),
    /// A load has to tell what became of the package, and of these additions; nothing is sent
    /// before.
    Doubtful(Vec<Addition>),
    /// The app was told that these may be on the server already. They are sent when it calls
    /// `sync`.
    Reported(Vec<Addition>),
}

/// A request that waits to be sent again, byte for byte.
#[derive(Debug)]
pub struct Held {
    /// Its `requestId`.
    pub wire_id: u64,
    /// Its package.
    pub pack: Vec<u8>,
    /// The stores that it speaks for.
    pub stores: Vec<StoreId>,
}

/// An added record, by the client id that its package gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Addition {
    /// Of which store.
    pub store: StoreId,
    /// Its client id.
    pub phantom: String,
    /// The user removed it while it was on the wire.
    pub removed: bool,
}

/// The records that a package adds: in sections named `names`, by the member that carries the
/// client id.
pub fn additions(pack: &[u8], names: &[(StoreId, String, String)]) -> Vec<Addition> {
    let Ok(pack) = Value::parse(pack) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (store, name, phantom_field) in names {
        let added = pack
            .get(name)
            .and_then(|section| section.get("added"))
            .and_then(Value::as_list);
        for row in added.into_iter().flatten() {
            let phantom = row.get(phantom_field).and_then(Value::plain_text);
            found.push(Addition {
                store: *store,
                phantom: phantom.unwrap_or_default(),
                removed: false,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_are_read_from_the_package_itself() {
        let names = [(StoreId(3), "events".to_owned(), "$PhantomId".to_owned())];
        let pack = br#"{"type":"sync","events":{"added":[{"$PhantomId":"a"},{"name":"x"}]},"other":{"added":[1]}}"#;
        let found = additions(pack, &names);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0],
            Addition {
                store: StoreId(3),
                phantom: "a".into(),
                removed: false
            }
        );
        assert_eq!(
            additions(br#"{"events":{"updated":[{"id":1}]}}"#, &names),
            []
        );
        assert_eq!(additions(b"not json", &names), []);
    }
}
