//! The locks: who edits which record, who waits for it, and until when. In memory; a lock belongs
//! to a client, not to a connection. Time comes in as a number, so that tests own it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use syncline::protocol::ErrorCode;
use tokio::sync::oneshot;

use super::User;
use crate::sync::Place;

/// How many locks one client may hold.
pub(crate) const LOCKS_PER_CLIENT: usize = 100;

/// How many locks there may be.
pub(crate) const MAX_LOCKS: usize = 10_000;

/// How many clients may wait for one lock.
pub(crate) const MAX_WAITING: usize = 16;

/// How long a client may wait for a lock.
pub(crate) const MAX_WAIT_MS: i64 = 60_000;

/// How long a lock stands without being renewed, unless the client says otherwise.
pub(crate) const TTL_MS: i64 = 5 * 60_000;

/// The longest that a lock stands without being renewed.
pub(crate) const MAX_TTL_MS: i64 = 60 * 60_000;

/// How long a lock stands after its owner's last connection broke.
pub(crate) const GRACE_MS: i64 = 15_000;

/// Who holds or wants a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) client: String,
    pub(crate) user: User,
}

/// What becomes of the wish for a lock.
pub(crate) type Granted = Result<Held, Denied>;

/// A lock as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) place: Place,
    pub(crate) owner: Owner,
    pub(crate) expires_at: i64,
}

/// Why a lock isn't given.
#[derive(Debug, Clone)]
pub(crate) struct Denied {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    pub(crate) holder: Option<Box<Held>>,
}

/// What others have to be told.
#[derive(Debug)]
pub(crate) enum Notice {
    Locked(Held),
    Unlocked(Place, Owner, &'static str),
    /// Somebody waits for what the owner holds.
    Requested {
        place: Place,
        holder: Owner,
        by: Owner,
    },
}

#[derive(Debug)]
struct Lock {
    owner: Owner,
    expires_at: i64,
    ttl_ms: i64,
    /// Set while the owner has no connection.
    gone_at: Option<i64>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    owner: Owner,
    ttl_ms: i64,
    until: i64,
    reply: oneshot::Sender<Granted>,
}

/// A wish for a lock.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) place: Place,
    pub(crate) owner: Owner,
    /// How long to wait for it; 0 not at all.
    pub(crate) timeout_ms: i64,
    pub(crate) ttl_ms: i64,
}

/// All locks of the server.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    locks: BTreeMap<Place, Lock>,
    /// Waiting to be told.
    notices: Vec<Notice>,
}

impl Locks {
    /// What happened since the last call.
    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Who holds a record.
    pub(crate) fn holder(&self, place: &Place) -> Option<&Owner> {
        self.locks.get(place).map(|lock| &lock.owner)
    }

    /// All locks.
    pub(crate) fn all(&self) -> impl Iterator<Item = Held> {
        self.locks.iter().map(|(place, lock)| lock.held(place))
    }

    /// Asks for a lock. The reply comes at once, or when it is freed, denied or no longer waited
    /// for.
    pub(crate) fn lock(&mut self, wish: Wish, reply: oneshot::Sender<Granted>, now: i64) {
        let Wish {
            place,
            owner,
            timeout_ms,
            ttl_ms,
        } = wish;
        let ttl_ms = ttl_ms.clamp(1000, MAX_TTL_MS);
        let may_have_more = self.may_have_more(&owner.client);
        let Some(lock) = self.locks.get_mut(&place) else {
            if !may_have_more || self.locks.len() >= MAX_LOCKS {
                _ = reply.send(Err(too_many("Too many records are locked")));
                return;
            }
            let granted = self.grant(place, owner, ttl_ms, now);
            _ = reply.send(Ok(granted));
            return;
        };
        if lock.owner.client == owner.client {
            lock.expires_at = now + ttl_ms;
            lock.ttl_ms = ttl_ms;
            let held = lock.held(&place);
            self.notices.push(Notice::Locked(held.clone()));
            _ = reply.send(Ok(held));
            return;
        }
        if timeout_ms <= 0 {
            _ = reply.send(Err(lock.denied(&place, ErrorCode::Locked)));
            return;
        }
        if !may_have_more {
            _ = reply.send(Err(too_many("Too many records are locked")));
            return;
        }
        lock.waiting.retain(|other| !other.reply.is_closed());
        if lock.waiting.len() >= MAX_WAITING {
            _ = reply.send(Err(too_many("Too many wait for this record")));
            return;
        }
        self.notices.push(Notice::Requested {
            place: place.clone(),
            holder: lock.owner.clone(),
            by: owner.clone(),
        });
        lock.waiting.push_back(Waiting {
            owner,
            ttl_ms,
            until: now + timeout_ms.min(MAX_WAIT_MS),
            reply,
        });
    }

    /// Frees a lock, for the next in line or for the client named.
    pub(crate) fn unlock(
        &mut self,
        place: &Place,
        client: &str,
        to: Option<&str>,
        now: i64,
    ) -> Result<(), Denied> {
        self.own(place, client)?;
        self.free(place, "released", to, now);
        Ok(())
    }

    /// Refuses those who wait for a lock, or the one named.
    pub(crate) fn deny(
        &mut self,
        place: &Place,
        client: &str,
        to: Option<&str>,
    ) -> Result<(), Denied> {
        let lock = self.own(place, client)?;
        let meant = |waiting: &Waiting| to.is_none_or(|to| waiting.owner.client == to);
        let (denied, others): (VecDeque<_>, _) = lock.waiting.drain(..).partition(meant);
        lock.waiting = others;
        let answer = lock.denied(place, ErrorCode::LockDenied);
        for waiting in denied {
            _ = waiting.reply.send(Err(answer.clone()));
        }
        Ok(())
    }

    /// A client's last connection is gone: with a goodbye its locks are freed, else they wait for
    /// it to come back.
    pub(crate) fn client_gone(&mut self, client: &str, goodbye: bool, now: i64) {
        for lock in self.locks.values_mut() {
            lock.waiting
                .retain(|waiting| waiting.owner.client != client);
            if lock.owner.client == client {
                lock.gone_at = Some(now);
            }
        }
        if goodbye {
            for place in self.places(|lock| lock.owner.client == client) {
                self.free(&place, "gone", None, now);
            }
        }
    }

    /// A client is here again: its locks stand.
    pub(crate) fn client_back(&mut self, client: &str) {
        let mine = |lock: &&mut Lock| lock.owner.client == client;
        for lock in self.locks.values_mut().filter(mine) {
            lock.gone_at = None;
        }
    }

    /// Whether another user owns a lock under this client id.
    pub(crate) fn owned_by_other(&self, client: &str, user: &User) -> bool {
        let other = |lock: &Lock| lock.owner.client == client && lock.owner.user.id != user.id;
        self.locks.values().any(other)
    }

    /// Records are gone: so are their locks.
    pub(crate) fn removed(&mut self, place: &Place, now: i64) {
        if self.locks.contains_key(place) {
            self.free(place, "removed", None, now);
        }
    }

    /// Frees what has expired, and ends waits.
    pub(crate) fn tick(&mut self, now: i64) {
        for place in self.places(|lock| lock.expires_at <= now) {
            self.free(&place, "expired", None, now);
        }
        let gone = |lock: &Lock| lock.gone_at.is_some_and(|at| at + GRACE_MS <= now);
        for place in self.places(gone) {
            self.free(&place, "gone", None, now);
        }
        for (place, lock) in &mut self.locks {
            let (over, waiting): (VecDeque<_>, _) =
                lock.waiting.drain(..).partition(|one| one.until <= now);
            lock.waiting = waiting;
            for one in over {
                _ = one
                    .reply
                    .send(Err(lock.denied(place, ErrorCode::LockTimeout)));
            }
        }
    }

    fn may_have_more(&self, client: &str) -> bool {
        let mine = |lock: &&Lock| lock.owner.client == client;
        self.locks.values().filter(mine).count() < LOCKS_PER_CLIENT
    }

    fn places(&self, wanted: impl Fn(&Lock) -> bool) -> Vec<Place> {
        let found = self.locks.iter().filter(|(_, lock)| wanted(lock));
        found.map(|(place, _)| place.clone()).collect()
    }

    fn own(&mut self, place: &Place, client: &str) -> Result<&mut Lock, Denied> {
        let lock = self.locks.get_mut(place);
        lock.filter(|lock| lock.owner.client == client)
            .ok_or_else(|| Denied {
                code: ErrorCode::NotLocked,
                message: "This lock is not yours".to_owned(),
                holder: None,
            })
    }

    fn grant(&mut self, place: Place, owner: Owner, ttl_ms: i64, now: i64) -> Held {
        let lock = Lock {
            owner,
            expires_at: now + ttl_ms,
            ttl_ms,
            gone_at: None,
            waiting: VecDeque::new(),
        };
        let held = lock.held(&place);
        self.notices.push(Notice::Locked(held.clone()));
        self.locks.insert(place, lock);
        held
    }

    /// Frees a lock and gives it to the next who still waits.
    fn free(&mut self, place: &Place, reason: &'static str, to: Option<&str>, now: i64) {
        let Some(mut lock) = self.locks.remove(place) else {
            return;
        };
        let mut waiting = std::mem::take(&mut lock.waiting);
        waiting.retain(|one| !one.reply.is_closed() && one.until > now);
        if reason == "removed" {
            let answer = Denied {
                code: ErrorCode::NotLocked,
                message: "The record is gone".to_owned(),
                holder: None,
            };
            for one in waiting.drain(..) {
                _ = one.reply.send(Err(answer.clone()));
            }
        }
        // Who has got as many as one may in the meantime gets no more by waiting.
        let (mut waiting, full): (VecDeque<_>, VecDeque<_>) = waiting
            .into_iter()
            .partition(|one| self.may_have_more(&one.owner.client));
        for one in full {
            _ = one.reply.send(Err(too_many("Too many records are locked")));
        }
        let named = to.and_then(|to| waiting.iter().position(|one| one.owner.client == to));
        let next = waiting.remove(named.unwrap_or(0));
        let released = next.is_some() && reason == "released";
        let reason = if released { "handedOver" } else { reason };
        let notice = Notice::Unlocked(place.clone(), lock.owner, reason);
        self.notices.push(notice);
        let Some(next) = next else { return };
        let held = self.grant(place.clone(), next.owner, next.ttl_ms, now);
        // The new holder hears who else wants it.
        for one in &waiting {
            self.notices.push(Notice::Requested {
                place: place.clone(),
                holder: held.owner.clone(),
                by: one.owner.clone(),
            });
        }
        if let Some(lock) = self.locks.get_mut(place) {
            lock.waiting = waiting;
        }
        _ = next.reply.send(Ok(held));
    }
}

impl Lock {
    fn held(&self, place: &Place) -> Held {
        Held {
            place: place.clone(),
            owner: self.owner.clone(),
            expires_at: self.expires_at,
        }
    }

    fn denied(&self, place: &Place, code: ErrorCode) -> Denied {
        Denied {
            code,
            message: format!("{} is editing this record", self.owner.user.name),
            holder: Some(Box::new(self.held(place))),
        }
    }
}

impl Held {
    /// The lock as it goes over the wire, under a store's name.
    pub(crate) fn to_wire(&self, store: &str) -> Value {
        let user = &self.owner.user;
        json!({
            "recordType": store,
            "recordId": self.place.1.to_value(),
            "clientId": self.owner.client,
            "userId": user.id,
            "userName": user.name,
            "color": user.color,
            "expiresAt": self.expires_at,
        })
    }
}

fn too_many(message: &str) -> Denied {
    Denied {
        code: ErrorCode::TooMany,
        message: message.to_owned(),
        holder: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::value::Id;

    fn place(id: i64) -> Place {
        ("events", Id::Integer(id))
    }

    fn owner(name: &str) -> Owner {
        let user = User::new(name.to_owned(), None, None).unwrap();
        Owner {
            client: format!("client-{name}"),
            user,
        }
    }

    fn ask(
        locks: &mut Locks,
        name: &str,
        id: i64,
        timeout_ms: i64,
        now: i64,
    ) -> oneshot::Receiver<Granted> {
        let (reply, answer) = oneshot::channel();
        let wish = Wish {
            place: place(id),
            owner: owner(name),
            timeout_ms,
            ttl_ms: TTL_MS,
        };
        locks.lock(wish, reply, now);
        answer
    }

    fn now_holds(locks: &Locks, id: i64) -> Option<&str> {
        locks.holder(&place(id)).map(|owner| owner.user.id.as_str())
    }

    fn code(answer: &mut oneshot::Receiver<Granted>) -> Option<ErrorCode> {
        match answer.try_recv() {
            Ok(Err(denied)) => Some(denied.code),
            _ => None,
        }
    }

    #[test]
    fn a_lock_is_refused_to_others_until_it_is_freed() {
        let mut locks = Locks::default();
        assert!(ask(&mut locks, "a", 1, 0, 0).try_recv().unwrap().is_ok());
        assert_eq!(
            code(&mut ask(&mut locks, "b", 1, 0, 0)),
            Some(ErrorCode::Locked)
        );
        let theirs = locks.unlock(&place(1), "client-b", None, 0).unwrap_err();
        assert_eq!(theirs.code, ErrorCode::NotLocked);
        locks.unlock(&place(1), "client-a", None, 0).unwrap();
        assert!(ask(&mut locks, "b", 1, 0, 0).try_recv().unwrap().is_ok());
    }

    #[test]
    fn who_waits_gets_the_lock_in_turn_or_when_named() {
        let mut locks = Locks::default();
        ask(&mut locks, "a", 1, 0, 0).try_recv().unwrap().unwrap();
        let mut b = ask(&mut locks, "b", 1, 5000, 0);
        let mut c = ask(&mut locks, "c", 1, 5000, 0);
        assert!(b.try_recv().is_err());
        locks
            .unlock(&place(1), "client-a", Some("client-c"), 10)
            .unwrap();
        assert_eq!(now_holds(&locks, 1), Some("c"));
        assert!(c.try_recv().unwrap().is_ok());
        locks.unlock(&place(1), "client-c", None, 20).unwrap();
        assert!(b.try_recv().unwrap().is_ok());
        assert_eq!(now_holds(&locks, 1), Some("b"));
    }

    #[test]
    fn a_wait_ends_by_time_or_by_refusal() {
        let mut locks = Locks::default();
        ask(&mut locks, "a", 1, 0, 0).try_recv().unwrap().unwrap();
        let mut b = ask(&mut locks, "b", 1, 1000, 0);
        let mut c = ask(&mut locks, "c", 1, 5000, 0);
        locks.tick(999);
        assert!(b.try_recv().is_err());
        locks.tick(1000);
        assert_eq!(code(&mut b), Some(ErrorCode::LockTimeout));
        locks.deny(&place(1), "client-a", None).unwrap();
        assert_eq!(code(&mut c), Some(ErrorCode::LockDenied));
    }

    #[test]
    fn a_lock_survives_a_reconnect_within_its_grace_only() {
        let mut locks = Locks::default();
        ask(&mut locks, "a", 1, 0, 0).try_recv().unwrap().unwrap();
        locks.client_gone("client-a", false, 0);
        locks.tick(GRACE_MS - 1);
        locks.client_back("client-a");
        locks.tick(GRACE_MS * 2);
        assert_eq!(now_holds(&locks, 1), Some("a"));
        locks.client_gone("client-a", false, 40_000);
        locks.tick(40_000 + GRACE_MS);
        assert_eq!(now_holds(&locks, 1), None);
    }

    #[test]
    fn a_goodbye_frees_at_once_and_the_time_to_live_in_the_end() {
        let mut locks = Locks::default();
        ask(&mut locks, "a", 1, 0, 0).try_recv().unwrap().unwrap();
        locks.client_gone("client-a", true, 0);
        assert_eq!(now_holds(&locks, 1), None);
        ask(&mut locks, "a", 2, 0, 0).try_recv().unwrap().unwrap();
        locks.tick(TTL_MS - 1);
        ask(&mut locks, "a", 2, 0, TTL_MS - 1)
            .try_recv()
            .unwrap()
            .unwrap();
        locks.tick(TTL_MS + 1);
        assert_eq!(now_holds(&locks, 2), Some("a"));
        locks.tick(TTL_MS * 2);
        assert_eq!(now_holds(&locks, 2), None);
    }

    #[test]
    fn there_are_no_more_locks_and_waits_than_the_limits_allow() {
        let mut locks = Locks::default();
        for id in 0..i64::try_from(LOCKS_PER_CLIENT).unwrap() {
            assert!(ask(&mut locks, "a", id, 0, 0).try_recv().unwrap().is_ok());
        }
        assert_eq!(
            code(&mut ask(&mut locks, "a", 1000, 0, 0)),
            Some(ErrorCode::TooMany)
        );
        let kept: Vec<_> = (0..MAX_WAITING)
            .map(|n| ask(&mut locks, &format!("w{n}"), 1, 1000, 0))
            .collect();
        assert_eq!(
            code(&mut ask(&mut locks, "late", 1, 1000, 0)),
            Some(ErrorCode::TooMany)
        );
        drop(kept);
    }

    #[test]
    fn who_holds_as_many_as_one_may_gets_no_more_by_waiting() {
        let mut locks = Locks::default();
        ask(&mut locks, "b", 1000, 0, 0)
            .try_recv()
            .unwrap()
            .unwrap();
        let mut early = ask(&mut locks, "a", 1000, 5000, 0);
        let mut next = ask(&mut locks, "c", 1000, 5000, 0);
        for id in 0..i64::try_from(LOCKS_PER_CLIENT).unwrap() {
            assert!(ask(&mut locks, "a", id, 0, 0).try_recv().unwrap().is_ok());
        }
        assert_eq!(
            code(&mut ask(&mut locks, "a", 1000, 5000, 0)),
            Some(ErrorCode::TooMany)
        );
        locks
            .unlock(&place(1000), "client-b", Some("client-a"), 0)
            .unwrap();
        assert_eq!(code(&mut early), Some(ErrorCode::TooMany));
        assert!(next.try_recv().unwrap().is_ok());
        assert_eq!(now_holds(&locks, 1000), Some("c"));
    }
}
