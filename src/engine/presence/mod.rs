//! Who is here, what they do, and which records they hold. Pure: told by messages and time.
//!
//! Peers and locks are the server's word; without a connection they are believed in for a while
//! only. One's own locks are remembered over a reconnect and asked for anew where the server has
//! forgotten them.

use crate::engine::json::dom::{Members, Value};
use crate::engine::order::order;
use crate::engine::time::Millis;
use crate::prelude::*;

/// Most peers, and most locks, that are kept: far more than can be shown. A list that is longer is
/// cut.
pub const ENTRIES_MAX: usize = 10_000;

/// What somebody does, or holds.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As the server told it.
    pub members: Members,
    /// Whose it is.
    pub client: String,
    /// The store, as the server names it; empty when it is about no record.
    pub store: String,
    /// The record's id as text.
    pub record: String,
    /// When it ends unless it is renewed.
    until: Option<Millis>,
}

/// A lock of this client.
#[derive(Clone, Debug)]
pub struct Held {
    /// The store.
    pub store: String,
    /// The record's id, as it was given.
    pub id: Value,
    /// How long it stands without being renewed, in ms, when that was said.
    pub ttl_ms: Option<u64>,
    /// When it is to be renewed.
    renew: Option<Millis>,
}

/// How long a lock stands without being renewed when nobody said, in ms.
pub const LOCK_TTL_MS: u64 = 300_000;

/// How long what was told of one peer alone is believed, in ms, when its heartbeat doesn't come
/// again.
pub const PEER_TTL_MS: u64 = 60_000;

/// The people of a room and their locks.
#[derive(Debug, Default)]
pub struct Presence {
    /// This client.
    pub me: String,
    peers: Vec<Entry>,
    locks: Vec<Entry>,
    mine: Vec<Held>,
    /// When everything is forgotten that only a connection can confirm.
    forget: Option<Millis>,
}

/// What listeners are to be told.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// The list of peers is another one.
    Peers,
    /// A lock was taken; or is free, and why. The lock as a JSON object.
    Lock(bool, Vec<u8>),
}

impl Presence {
    /// Nobody but this client.
    pub fn of(me: String) -> Self {
        Self {
            me,
            ..Self::default()
        }
    }

    /// Everybody who is here, as a JSON array.
    pub fn write_peers(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, entry) in self.peers.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            entry.members.write(out);
        }
        out.push(b']');
    }

    /// Whether others hold locks.
    pub fn has_foreign_locks(&self) -> bool {
        self.locks.iter().any(|lock| lock.client != self.me)
    }

    /// The lock that somebody else has on a record.
    pub fn foreign_lock(&self, store: &str, record: &str) -> Option<&Entry> {
        self.locks.iter().find(|lock| {
            lock.record == record && lock.client != self.me && is_store(&lock.store, store)
        })
    }

    /// One's own locks.
    pub fn mine(&self) -> &[Held] {
        &self.mine
    }

    // --- peers -----------------------------------------------------------------------------------

    /// The server told who is here: all of them, or news of one.
    pub fn on_peers(&mut self, data: &Value, now: Millis) -> Option<News> {
        match data {
            Value::List(all) => {
                self.peers.clear();
                for one in all {
                    if let Some(mut entry) = Entry::read(one, now)
                        && self.peers.len() < ENTRIES_MAX
                    {
                        if entry.members.get("expires").is_none() {
                            entry.until = None;
                        }
                        self.peers.push(entry);
                    }
                }
            }
            one => {
                let mut entry = Entry::read(one, now)?;
                self.peers.retain(|peer| peer.client != entry.client);
                let left = entry.members.get("action").and_then(Value::as_text) == Some("left");
                if !left && self.peers.len() < ENTRIES_MAX {
                    entry.until.get_or_insert(now + PEER_TTL_MS);
                    self.peers.push(entry);
                }
            }
        }
        Some(News::Peers)
    }

    // --- locks -----------------------------------------------------------------------------------

    /// The server told all locks. Gives those of this client that it has forgotten.
    pub fn on_locks(&mut self, data: &Value, now: Millis, news: &mut Vec<News>) -> Vec<Held> {
        let before = core::mem::take(&mut self.locks);
        for one in data.as_list().unwrap_or_default() {
            if let Some(entry) = Entry::read(one, now)
                && !entry.record.is_empty()
                && self.locks.len() < ENTRIES_MAX
            {
                self.locks.push(entry);
            }
        }
        let (was, is) = (ByRecord::of(&before), ByRecord::of(&self.locks));
        for old in &before {
            if !is.find(&old.record, &|lock| lock.is_like(old)) {
                news.push(News::Lock(false, old.text("gone")));
            }
        }
        for new in &self.locks {
            if !was.find(&new.record, &|lock| lock.is_like(new)) {
                news.push(News::Lock(true, new.text("")));
            }
        }
        let me = &self.me;
        let known = |held: &Held| {
            let id = held.id.plain_text().unwrap_or_default();
            is.find(&id, &|lock| {
                lock.client == *me && is_store(&lock.store, &held.store)
            })
        };
        self.mine
            .iter()
            .filter(|held| !known(held))
            .cloned()
            .collect()
    }

    /// Somebody has taken a lock.
    pub fn on_lock(&mut self, data: &Value, now: Millis) -> Option<News> {
        let entry = Entry::read(data, now).filter(|entry| !entry.record.is_empty())?;
        let known = self.locks.iter().any(|lock| lock.is_like(&entry));
        self.locks.retain(|lock| !lock.is_at(&entry));
        if entry.client != self.me {
            self.forget_mine(&entry.store, &entry.record);
        }
        if self.locks.len() >= ENTRIES_MAX {
            return None;
        }
        let told = entry.text("");
        self.locks.push(entry);
        (!known).then_some(News::Lock(true, told))
    }

    /// A lock is free.
    pub fn on_unlock(&mut self, data: &Value, now: Millis) -> Option<News> {
        let entry = Entry::read(data, now)?;
        let at = self.locks.iter().position(|lock| lock.is_at(&entry))?;
        // The next one's lock may be known before the news that the last one has given it back.
        let whose = data.get("clientId").and_then(Value::plain_text);
        if whose.is_some_and(|client| client != self.locks[at].client) {
            return None;
        }
        let gone = self.locks.remove(at);
        if gone.client == self.me {
            self.forget_mine(&entry.store, &entry.record);
        }
        let reason = entry.members.get("reason").and_then(Value::as_text);
        Some(News::Lock(false, gone.text(reason.unwrap_or("released"))))
    }

    /// This client has a lock.
    pub fn hold(&mut self, store: &str, id: &Value, ttl_ms: Option<u64>, now: Millis) {
        self.forget_mine(store, &id.plain_text().unwrap_or_default());
        let renew = Some(now + ttl_ms.unwrap_or(LOCK_TTL_MS) / 2);
        self.mine.push(Held {
            renew,
            ..Held::new(store, id, ttl_ms)
        });
    }

    /// This client gives a lock up; whether it had it.
    pub fn release(&mut self, store: &str, record: &str) -> bool {
        let before = self.mine.len();
        self.forget_mine(store, record);
        self.mine.len() < before
    }

    fn forget_mine(&mut self, store: &str, record: &str) {
        self.mine.retain(|held| {
            held.id.plain_text().as_deref() != Some(record)
                || !(is_store(&held.store, store) || is_store(store, &held.store))
        });
    }

    // --- time ------------------------------------------------------------------------------------

    /// The connection is gone: what is known is believed for so long.
    pub fn on_down(&mut self, until: Millis) {
        if !(self.peers.is_empty() && self.locks.is_empty()) {
            self.forget.get_or_insert(until);
        }
    }

    /// The connection is there again.
    pub const fn on_up(&mut self) {
        self.forget = None;
    }

    /// When something ends.
    pub fn poll_timeout(&self, live: bool) -> Option<Millis> {
        let ends = self
            .peers
            .iter()
            .chain(&self.locks)
            .filter_map(|it| it.until);
        let renewals = self.mine.iter().filter(|_| live).filter_map(|it| it.renew);
        ends.chain(renewals).chain(self.forget).min()
    }

    /// Time has come: what is over goes. Gives the locks to be renewed.
    pub fn on_timeout(&mut self, live: bool, now: Millis, news: &mut Vec<News>) -> Vec<Held> {
        let forget = self.forget.is_some_and(|at| at <= now);
        if forget {
            self.forget = None;
        }
        let over = |it: &Entry| forget || it.until.is_some_and(|at| at <= now);
        let peers = self.peers.len();
        self.peers.retain(|peer| !over(peer));
        if self.peers.len() < peers {
            news.push(News::Peers);
        }
        let (gone, kept) = core::mem::take(&mut self.locks)
            .into_iter()
            .partition::<Vec<_>, _>(over);
        self.locks = kept;
        for lock in gone {
            let reason = if forget { "disconnected" } else { "expired" };
            news.push(News::Lock(false, lock.text(reason)));
        }
        let mut renew = Vec::new();
        for held in self.mine.iter_mut().filter(|_| live) {
            if held.renew.is_some_and(|at| at <= now) {
                held.renew = Some(now + held.ttl_ms.unwrap_or(LOCK_TTL_MS) / 2);
                renew.push(held.clone());
            }
        }
        renew
    }
}

/// Locks in the order of their records: full lists are compared with each other.
struct ByRecord<'a>(Vec<&'a Entry>);

impl<'a> ByRecord<'a> {
    fn of(locks: &'a [Entry]) -> Self {
        let places = order(locks.len(), &mut |a, b| locks[a].record < locks[b].record);
        Self(places.into_iter().map(|at| &locks[at]).collect())
    }

    fn find(&self, record: &str, is: &dyn Fn(&Entry) -> bool) -> bool {
        let first = self.0.partition_point(|lock| lock.record.as_str() < record);
        let rest = self.0[first..].iter();
        let mut same = rest.take_while(|lock| lock.record == record);
        same.any(|lock| is(lock))
    }
}

impl Held {
    /// A lock that is wished for.
    pub fn new(store: &str, id: &Value, ttl_ms: Option<u64>) -> Self {
        Self {
            store: store.to_owned(),
            id: id.clone(),
            ttl_ms,
            renew: None,
        }
    }
}

impl Entry {
    fn read(data: &Value, now: Millis) -> Option<Self> {
        let members = data.as_object()?;
        let text = |names: &[&str]| {
            let found = names
                .iter()
                .find_map(|name| members.get(name)?.plain_text());
            found.unwrap_or_default()
        };
        let owner = data.get("owner").and_then(Value::as_object);
        let client = match owner.and_then(|owner| owner.get("clientId")?.plain_text()) {
            Some(client) => client,
            None => text(&["clientId", "userId"]),
        };
        let ms = members.get("expires").and_then(Value::as_number);
        Some(Self {
            client,
            store: text(&["recordType", "type", "store"]),
            record: text(&["recordId", "id"]),
            until: ms.filter(|ms| *ms >= 0.0).map(|ms| now + ms as u64),
            members: members.clone(),
        })
    }

    fn is_at(&self, other: &Self) -> bool {
        self.record == other.record
            && (is_store(&self.store, &other.store) || is_store(&other.store, &self.store))
    }

    fn is_like(&self, other: &Self) -> bool {
        self.client == other.client && self.is_at(other)
    }

    /// Who it is, for sentences.
    pub fn name(&self) -> String {
        let name = |name: &str| self.members.get(name)?.plain_text();
        name("userName")
            .or_else(|| name("userId"))
            .unwrap_or_else(|| self.client.clone())
    }

    fn text(&self, reason: &str) -> Vec<u8> {
        let mut members = self.members.clone();
        if !reason.is_empty() {
            members.insert("reason", Value::Text(reason.to_owned()));
        }
        let mut out = Vec::new();
        members.write(&mut out);
        out
    }
}

/// Whether a name that a message uses is that of a store: `event` and `events` are both `events`.
pub fn is_store(named: &str, store: &str) -> bool {
    named == store || store.strip_suffix('s') == Some(named)
}
