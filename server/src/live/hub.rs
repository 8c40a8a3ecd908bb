//! Who is connected, in which rooms, and what they have to hear: plain state, without IO.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use syncline::protocol::ErrorCode;
use tokio::sync::{Notify, mpsc};

use super::User;
use super::frames::{Close, Dialect, Frame};
use super::locks::{Held, Locks, Notice};
use super::pipe::Outgoing;
use super::presence::{Activity, Presence};
use crate::failure::Failure;
use crate::stores::value::Id;
use crate::stores::{PROJECTS, Project};
use crate::sync::Place;

/// How many messages may wait for one client.
pub(crate) const OUTBOX_FRAMES: usize = 512;

/// What waits for one connection. It is bounded: the connection of a client that doesn't read ends.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    frames: mpsc::Sender<Outgoing>,
    closing: Arc<Closing>,
}

/// Tells a connection to end, from wherever that is found out; the first reason counts.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    why: OnceLock<End>,
    told: Notify,
}

/// How a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With a goodbye that says why.
    Close(Close),
    /// Cut, as a broken network would.
    Cut,
}

impl Closing {
    pub(crate) fn end(&self, end: End) {
        _ = self.why.set(end);
        self.told.notify_one();
    }

    /// Waits until the connection has to end.
    pub(crate) async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.why.get() {
                return end.clone();
            }
            self.told.notified().await;
        }
    }
}

impl Outbox {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Outgoing>, Arc<Closing>) {
        let (frames, receiver) = mpsc::channel(OUTBOX_FRAMES);
        let closing = Arc::new(Closing::default());
        let outbox = Self {
            frames,
            closing: closing.clone(),
        };
        (outbox, receiver, closing)
    }

    pub(crate) fn send(&self, frame: Arc<Frame>, dialect: Dialect) {
        let out = Outgoing { frame, dialect };
        if let Err(mpsc::error::TrySendError::Full(_)) = self.frames.try_send(out) {
            let reason = format!("Too slow: {OUTBOX_FRAMES} messages wait");
            let close = Close::new(Close::SLOW, reason);
            self.closing.end(End::Close(close));
        }
    }

    pub(crate) fn end(&self, end: End) {
        self.closing.end(end);
    }
}

/// How a connection takes part in a room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscription {
    pub(crate) dialect: Dialect,
    /// One's own changes come back.
    pub(crate) echo: bool,
    /// One is shown to others, and told who is here.
    pub(crate) presence: bool,
    /// What was saved by then is known by other means.
    pub(crate) from: i64,
}

#[derive(Debug)]
struct Member {
    client: String,
    outbox: Outbox,
}

#[derive(Debug)]
struct Client {
    user: User,
    /// The user comes from a signed token.
    verified: bool,
    connections: usize,
    subscriptions: usize,
}

#[derive(Debug)]
struct Room {
    project: &'static Project,
    /// The last change here, 0 when the log knows of none.
    revision: i64,
    members: HashMap<u64, Subscription>,
    clients: HashMap<String, Here>,
    presence: Presence,
}

/// The connections of one client in one room.
#[derive(Debug, Default)]
struct Here {
    connections: usize,
    /// Those that take part in presence.
    shown: usize,
}

/// All connections and rooms.
#[derive(Debug)]
pub(crate) struct Hub {
    next_id: u64,
    max_clients: usize,
    /// Every change up to here was handed out.
    revision: i64,
    members: HashMap<u64, Member>,
    clients: HashMap<String, Client>,
    rooms: Vec<Room>,
    pub(crate) locks: Locks,
    /// Why nobody is let in any more.
    closed: Option<Close>,
}

impl Hub {
    pub(crate) fn new(revision: i64, max_clients: usize) -> Self {
        let room = |project| Room {
            project,
            revision: 0,
            members: HashMap::new(),
            clients: HashMap::new(),
            presence: Presence::default(),
        };
        Self {
            next_id: 1,
            max_clients,
            revision,
            members: HashMap::new(),
            clients: HashMap::new(),
            rooms: PROJECTS.iter().copied().map(room).collect(),
            locks: Locks::default(),
            closed: None,
        }
    }

    /// Every change up to this revision was handed out.
    pub(crate) fn revision(&self) -> i64 {
        self.revision
    }

    /// Sets a room's last revision, from the log.
    pub(crate) fn set_room_revision(&mut self, project: &Project, revision: i64) {
        if let Some(room) = self.room(project) {
            room.revision = revision;
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.members.len() >= self.max_clients
    }

    /// Takes in a connection of a client.
    ///
    /// # Errors
    /// `TOO_MANY` connections; `CLIENT_ID_TAKEN` when the client's name belongs to another user.
    pub(crate) fn connect(
        &mut self,
        client: &str,
        user: &User,
        verified: bool,
        outbox: Outbox,
    ) -> Result<u64, Failure> {
        if self.is_full() {
            return Err(full());
        }
        if let Some(close) = &self.closed {
            outbox.end(End::Close(close.clone()));
        }
        self.claim(client, user, verified)?;
        let entry = self.clients.entry(client.to_owned());
        let entry = entry.or_insert_with(|| Client {
            user: user.clone(),
            verified,
            connections: 0,
            subscriptions: 0,
        });
        entry.connections += 1;
        entry.user = user.clone();
        entry.verified |= verified;
        let id = self.next_id;
        self.next_id += 1;
        let client = client.to_owned();
        self.members.insert(id, Member { client, outbox });
        Ok(id)
    }

    /// Whether a user may speak as this client.
    ///
    /// # Errors
    /// `CLIENT_ID_TAKEN`, when it is another user's.
    pub(crate) fn claim(&self, client: &str, user: &User, verified: bool) -> Result<(), Failure> {
        let other = self
            .clients
            .get(client)
            .is_some_and(|known| (known.verified || verified) && known.user.id != user.id);
        if other || (verified && self.locks.owned_by_other(client, user)) {
            let message = "This client id belongs to another user";
            return Err(Failure::new(ErrorCode::ClientIdTaken, message));
        }
        Ok(())
    }

    /// Another name or colour of an unverified user.
    pub(crate) fn rename(&mut self, id: u64, user: &User) {
        let Some(member) = self.members.get(&id) else {
            return;
        };
        if let Some(client) = self.clients.get_mut(&member.client) {
            client.user = user.clone();
        }
    }

    /// The user that a client is connected as.
    pub(crate) fn user_of(&self, client: &str) -> Option<&User> {
        self.clients.get(client).map(|client| &client.user)
    }

    /// Puts a connection into a room; gives the revision from which on it hears everything. That is
    /// `from` or later: what was saved may be told only in a moment.
    pub(crate) fn subscribe(
        &mut self,
        id: u64,
        project: &Project,
        mut how: Subscription,
        now: i64,
    ) -> i64 {
        let revision = self.revision.max(how.from);
        how.from = revision;
        self.leave(id, project, None, now);
        let Some(member) = self.members.get(&id) else {
            return revision;
        };
        let name = member.client.clone();
        let Some(client) = self.clients.get_mut(&name) else {
            return revision;
        };
        client.subscriptions += 1;
        let user = client.user.clone();
        self.locks.client_back(&name);
        if let Some(room) = self.room(project) {
            room.members.insert(id, how);
            let here = room.clients.entry(name.clone()).or_default();
            here.connections += 1;
            here.shown += usize::from(how.presence);
            if how.presence {
                room.presence.set(&name, &user, None, now);
                room.presence.repeat();
            } else if here.shown == 0 {
                room.presence.remove(&name);
            }
        }
        revision
    }

    /// Takes a connection out of a room.
    pub(crate) fn unsubscribe(&mut self, id: u64, project: &Project, goodbye: bool, now: i64) {
        self.leave(id, project, Some(goodbye), now);
        self.tell_notices();
    }

    /// `end` says whether the client leaves for good; without it, it comes back at once.
    fn leave(&mut self, id: u64, project: &Project, end: Option<bool>, now: i64) {
        let Some(name) = self.members.get(&id).map(|member| member.client.clone()) else {
            return;
        };
        let Some(room) = self.room(project) else {
            return;
        };
        let Some(how) = room.members.remove(&id) else {
            return;
        };
        if let Some(here) = room.clients.get_mut(&name) {
            here.connections -= 1;
            here.shown -= usize::from(how.presence);
            if here.shown == 0 && end.is_some() {
                room.presence.remove(&name);
            }
            if here.connections == 0 {
                room.clients.remove(&name);
            }
        }
        if let Some(client) = self.clients.get_mut(&name) {
            client.subscriptions -= 1;
            if let Some(goodbye) = end.filter(|_| client.subscriptions == 0) {
                self.locks.client_gone(&name, goodbye, now);
            }
        }
    }

    /// Forgets a connection.
    pub(crate) fn disconnect(&mut self, id: u64, goodbye: bool, now: i64) {
        for project in PROJECTS {
            self.leave(id, project, Some(goodbye), now);
        }
        if let Some(member) = self.members.remove(&id)
            && let Some(client) = self.clients.get_mut(&member.client)
        {
            client.connections -= 1;
            if client.connections == 0 {
                self.clients.remove(&member.client);
            }
        }
        self.tell_notices();
    }

    /// A client says goodbye by another way than its connections: all of them end, or the one
    /// named.
    pub(crate) fn dismiss(&mut self, client: &str, named: Option<&str>, now: i64) {
        let meant = |(id, member): (&u64, &Member)| {
            let same = named.is_none_or(|named| named == connection_name(*id));
            (same && member.client == client).then_some(*id)
        };
        let ids: Vec<u64> = self.members.iter().filter_map(meant).collect();
        for id in ids {
            if let Some(member) = self.members.get(&id) {
                let close = Close::new(Close::GOODBYE, "Goodbye");
                member.outbox.end(End::Close(close));
            }
            self.disconnect(id, true, now);
        }
        // The end of the stream may have come before the goodbye.
        if !self.clients.contains_key(client) {
            self.locks.client_gone(client, true, now);
            self.tell_notices();
        }
    }

    /// Whether a client hears what happens in a room.
    pub(crate) fn is_in(&self, client: &str, project: &Project) -> bool {
        let mut rooms = self.rooms.iter();
        rooms.any(|room| room.project.name == project.name && room.clients.contains_key(client))
    }

    /// The only room that a client is in, if there is one.
    pub(crate) fn only_room(&self, client: &str) -> Option<&'static Project> {
        let mut rooms = self.rooms.iter();
        let mut next = || rooms.find(|room| room.clients.contains_key(client));
        let first = next()?;
        next().is_none().then_some(first.project)
    }

    /// Notes what a client does in a room.
    pub(crate) fn set_activity(
        &mut self,
        client: &str,
        project: &Project,
        activity: Activity,
        now: i64,
    ) {
        let Some(user) = self.user_of(client).cloned() else {
            return;
        };
        if let Some(room) = self.room(project)
            && room.clients.get(client).is_some_and(|here| here.shown > 0)
        {
            room.presence.set(client, &user, Some(activity), now);
        }
    }

    /// The last revisions of the rooms that a connection is in.
    pub(crate) fn revisions(&self, id: u64) -> Value {
        let rooms = self.rooms.iter();
        let mine = rooms.filter(|room| room.members.contains_key(&id));
        mine.map(|room| (room.project.name.to_owned(), json!(room.revision)))
            .collect()
    }

    /// The locks of a room as they go over the wire.
    pub(crate) fn locks_of(&self, project: &Project) -> Value {
        let of_room = |held: Held| Some(held.to_wire(store_of_table(project, held.place.0)?));
        self.locks.all().filter_map(of_room).collect()
    }

    /// The name of the other user who holds a record. A user whom a token names is told apart by
    /// that alone: client ids are no secret.
    pub(crate) fn other_holder(
        &self,
        place: &Place,
        client: &str,
        verified: Option<&User>,
    ) -> Option<String> {
        let owner = self.locks.holder(place)?;
        let own = match verified.or_else(|| self.user_of(client)) {
            Some(user) if user.id == owner.user.id => true,
            _ => verified.is_none() && owner.client == client,
        };
        (!own).then(|| owner.user.name.clone())
    }

    /// Hands a change to everyone in its room.
    pub(crate) fn publish(&mut self, frame: Arc<Frame>, revision: i64, now: i64) {
        self.revision = self.revision.max(revision);
        let Some(project) = frame.project else { return };
        for place in removed_places(project, &frame) {
            self.locks.removed(&place, now);
        }
        let sender = frame.client().map(str::to_owned);
        let members = &self.members;
        let room = self.rooms.iter_mut();
        if let Some(room) = room
            .into_iter()
            .find(|room| room.project.name == project.name)
        {
            room.revision = revision;
            for (id, how) in &room.members {
                let Some(member) = members.get(id) else {
                    continue;
                };
                let own = sender.as_deref() == Some(member.client.as_str());
                if revision > how.from && (how.echo || !own) {
                    member.outbox.send(frame.clone(), how.dialect);
                }
            }
        }
        self.tell_notices();
    }

    /// Looks at what is due.
    pub(crate) fn tick(&mut self, now: i64) {
        self.locks.tick(now);
        self.tell_notices();
        for room in &mut self.rooms {
            let Some((list, total)) = room.presence.due(now) else {
                continue;
            };
            let body = json!({ "data": list, "total": total });
            let frame = Arc::new(Frame::of_room("presence", room.project, body));
            for (id, how) in room.members.iter().filter(|(_, how)| how.presence) {
                if let Some(member) = self.members.get(id) {
                    member.outbox.send(frame.clone(), how.dialect);
                }
            }
        }
    }

    /// Tells everybody concerned what happened to locks.
    pub(crate) fn tell_notices(&mut self) {
        for notice in self.locks.notices() {
            let table = match &notice {
                Notice::Locked(held) => held.place.0,
                Notice::Unlocked(place, ..) | Notice::Requested { place, .. } => place.0,
            };
            for room in &self.rooms {
                let Some(store) = store_of_table(room.project, table) else {
                    continue;
                };
                let (frame, only) = notice_frame(&notice, room.project, store);
                let frame = Arc::new(frame);
                for (id, how) in &room.members {
                    let Some(member) = self.members.get(id) else {
                        continue;
                    };
                    if only.is_none_or(|only| only == member.client) {
                        member.outbox.send(frame.clone(), how.dialect);
                    }
                }
            }
        }
    }

    /// Ends the connections of a client or user, or of everybody.
    pub(crate) fn cut(&self, who: Option<&str>) {
        for member in self.members.values() {
            let user = self.user_of(&member.client);
            let meant = |who: &str| member.client == who || user.is_some_and(|user| user.id == who);
            if who.is_none_or(meant) {
                member.outbox.end(End::Cut);
            }
        }
    }

    /// Ends all connections, and those to come.
    pub(crate) fn close_all(&mut self, close: &Close) {
        self.closed = Some(close.clone());
        for member in self.members.values() {
            member.outbox.end(End::Close(close.clone()));
        }
    }

    fn room(&mut self, project: &Project) -> Option<&mut Room> {
        let mut rooms = self.rooms.iter_mut();
        rooms.find(|room| room.project.name == project.name)
    }
}

pub(crate) fn full() -> Failure {
    Failure::new(ErrorCode::TooMany, "Too many clients are connected")
}

/// What a connection is called.
pub(crate) fn connection_name(id: u64) -> String {
    format!("k{id}")
}

/// The name that a table has in a room.
fn store_of_table(project: &Project, table: &str) -> Option<&'static str> {
    let store = project.stores.iter().find(|store| store.table == table)?;
    Some(store.name)
}

/// The message about a lock, and whom alone it concerns.
fn notice_frame<'n>(
    notice: &'n Notice,
    project: &'static Project,
    store: &str,
) -> (Frame, Option<&'n str>) {
    match notice {
        Notice::Locked(held) => {
            let body = json!({ "data": held.to_wire(store) });
            (Frame::of_room("lock", project, body), None)
        }
        Notice::Unlocked(place, owner, reason) => {
            let body = json!({ "data": {
                "recordType": store,
                "recordId": place.1.to_value(),
                "clientId": owner.client,
                "reason": reason,
            } });
            (Frame::of_room("unlock", project, body), None)
        }
        Notice::Requested { place, holder, by } => {
            let body = json!({ "data": {
                "recordType": store,
                "recordId": place.1.to_value(),
                "clientId": by.client,
                "userId": by.user.id,
                "userName": by.user.name,
            } });
            let frame = Frame::of_room("lockRequested", project, body);
            (frame, Some(holder.client.as_str()))
        }
    }
}

/// The records that a change removed.
fn removed_places(project: &'static Project, frame: &Frame) -> Vec<Place> {
    let data = frame.body.get("data");
    let places = project.stores.iter().flat_map(|store| {
        let section = data.and_then(|data| data.get(store.name));
        let removed = section.and_then(|section| section.get("removed")?.as_array());
        let ids = removed
            .into_iter()
            .flatten()
            .filter_map(|row| row.get("id"));
        ids.filter_map(|id| Some((store.table, Id::from_value(store.id, id)?)))
    });
    places.collect()
}
