//! Everything that can happen to the engine: the one door in.

use super::config::{ChannelConfig, ManagerConfig, StoreConfig};
use super::conflict::Resolution;
use super::effect::HttpRequest;
use super::journal::Edits;
use super::schema::{FieldIx, Zone};
use super::table::RowId;
use super::value::Value;
use crate::prelude::*;

/// A store of this engine. Never used again after its store is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub u32);

/// A CrudManager of this engine. Never used again after it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManagerId(pub u32);

/// One HTTP exchange. Never used again, so that late answers find nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// A question to listeners that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u32);

/// A call whose promise the host holds; the engine settles it exactly once. The host chooses the
/// number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// What accept and reject are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One record.
    Record(StoreId, RowId),
    /// All records of a store.
    Store(StoreId),
    /// All stores of a manager.
    Manager(ManagerId),
}

/// Where added records go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// At the end.
    #[default]
    End,
    /// Before the record that stands at this position among the visible ones.
    Position(u32),
}

/// What happens to a channel. Texts are JSON.
#[derive(Clone, Copy, Debug)]
pub enum ChannelInput<'a> {
    /// The app wants a connection.
    Connect,
    /// The app wants none for now.
    Suspend,
    /// The browser has frozen the page.
    Freeze,
    /// The way to the server may be open again.
    Ready,
    /// The connection of that epoch is open; with the token to show, if there is one.
    Open(u32, &'a [u8]),
    /// Messages came over it, with [`SEPARATOR`](super::channel::SEPARATOR) between them.
    Frames(u32, &'a [u8]),
    /// It is gone, with a close code (1006 when there was none) and the reason.
    Down(u32, u32, &'a str),
    /// The host has a fresh token.
    Token(&'a [u8]),
    /// The app sends changes: `{ <storeId>: { added?, updated?, removed? } }`. They wait where
    /// there is no connection.
    Change(&'a [u8]),
    /// The app sends a message of its own, as it stands.
    Message(&'a [u8]),
    /// What the user does: `{ action, recordType?, recordId? }`.
    Presence(&'a [u8]),
    /// The user wants a record for himself: `{ type, id, timeoutMs?, ttlMs? }`. Settles with
    /// `null`, or an error.
    Lock(CallId, &'a [u8]),
    /// The user gives it back, or hands it over: `{ type, id, to? }`.
    Unlock(&'a [u8]),
    /// The user won't hand it over: `{ type, id, to? }`.
    Deny(&'a [u8]),
}

/// One thing that happened. Borrowed data is copied by the engine where it must last.
#[derive(Debug)]
pub enum Input<'a> {
    /// The deadline that `poll_timeout` gave has come. Early and spurious ones are harmless.
    Timeout,

    // --- stores ----------------------------------------------------------------------------------
    /// Make a store. Replies [`Reply::Store`].
    CreateStore(Box<StoreConfig>),
    /// Forget a store and its data.
    DestroyStore(StoreId),
    /// Find a field by name, or make one for data that the schema doesn't know. Replies
    /// [`Reply::Field`].
    EnsureField(StoreId, &'a str),
    /// The user sets one field of a record. Replies [`Reply::Changed`].
    Set {
        /// Of which store.
        store: StoreId,
        /// Which record.
        row: RowId,
        /// Which field.
        field: FieldIx,
        /// Its new value. Text set into a date field is read as a date.
        value: Value<'a>,
    },
    /// The user has set fields, one after the other, as by [`Input::Set`]. Nobody hears of it
    /// before all are set. Those that fail do nothing; the first error is the answer. Else replies
    /// [`Reply::Changed`].
    Edits(Edits<'a>),
    /// The user adds records, given as the JSON text of an array of objects (nested `children` in
    /// trees). Replies [`Reply::Rows`].
    Add {
        /// To which store.
        store: StoreId,
        /// JSON text: an array of objects.
        rows: &'a [u8],
        /// Where among the visible ones.
        place: Place,
    },
    /// The user removes records. Unknown ones are refused as a whole. Replies [`Reply::Rows`]: all
    /// that went, descendants and cascades in the same store included.
    Remove(StoreId, &'a [RowId]),
    /// The user removes every record.
    RemoveAll(StoreId),
    /// The user moves records to a position (counted without them).
    Move(StoreId, &'a [RowId], u32),
    /// The app supplies confirmed data, which takes the place of what is there (JSON text: an array
    /// of objects, or a load section).
    LoadData(StoreId, &'a [u8]),
    /// Hold notices back until the matching [`Input::EndBatch`]; nests. Tracking goes on.
    BeginBatch(StoreId),
    /// End a batch: one `refresh` notice for the outermost.
    EndBatch(StoreId),
    /// Collect the changes of one call into one notice; nests. Used for `record.set({...})`.
    BeginUpdate,
    /// See [`Input::BeginUpdate`].
    EndUpdate,
    /// The edits up to the matching [`Input::EndEdit`] are one call's: its promise settles when the
    /// server has confirmed all of them, and rejects when it refuses one; then they are taken back,
    /// all of them and nothing else. Groups like [`Input::BeginUpdate`]. Doesn't nest.
    BeginEdit {
        /// In which stores. Of a record or store under a manager: in all of the manager's.
        scope: Scope,
        /// The promise.
        call: CallId,
        /// Whether the edits are to be seen only when the server has confirmed them.
        hidden: bool,
    },
    /// See [`Input::BeginEdit`]. `false` takes the edits back and settles the promise as cancelled.
    EndEdit(bool),
    /// A call waits for what is unconfirmed of a record; settles at once where nothing is.
    Settled {
        /// Of which store.
        store: StoreId,
        /// Which record, removed ones included.
        row: RowId,
        /// The promise.
        call: CallId,
    },
    /// Whether the user's edits in a store are tracked, to be sent; else they are taken for what
    /// the server has.
    Track(StoreId, bool),
    /// Whether a record may be sent; one that may not is kept back, with what depends on it, until
    /// it may or is taken back.
    SetValid(StoreId, RowId, bool),
    /// The app decides an open conflict. Replies [`Reply::Changed`]: whether there was one.
    ResolveConflict {
        /// Of which store.
        store: StoreId,
        /// In which record.
        row: RowId,
        /// What it decides.
        how: Resolution<'a>,
    },
    /// Declare what is changed locally to be confirmed.
    Accept(Scope),
    /// Take local changes back (also what a request on the wire holds: its answer then finds
    /// nothing to confirm but ids).
    Reject(Scope),

    // --- managers --------------------------------------------------------------------------------
    /// Make a manager. Replies [`Reply::Manager`].
    CreateManager(Box<ManagerConfig>),
    /// End a manager: requests are aborted, calls settle as cancelled. Its stores live on.
    DestroyManager(ManagerId),
    /// Put a store under a manager, at a position of the load order (or last).
    AddStore(ManagerId, StoreId, Option<u32>),
    /// Take a store out.
    RemoveStore(ManagerId, StoreId),
    /// New options for a living manager, all of them: what isn't given has its default again.
    Configure(ManagerId, Box<ManagerConfig>),
    /// What the server calls its state, as JSON text: it goes out with the next sync.
    SetRevision(ManagerId, &'a [u8]),
    /// Which events somebody listens to: bits of [`EventKind`](super::event::EventKind).
    Listen(ManagerId, u64),
    /// Which notices somebody listens to: bits of [`NoticeKind`](super::event::NoticeKind).
    ListenStore(StoreId, u32),
    /// Load all stores; `options` is the JSON text of the call's options, if any.
    Load {
        /// Which manager.
        manager: ManagerId,
        /// The promise to settle; none for loads that nobody waits for.
        call: Option<CallId>,
        /// `{ request?: { params? }, <storeId>?: { append?, ...params } }` as JSON text.
        options: Option<&'a [u8]>,
    },
    /// Load a part of the data, if it isn't there: JSON text of `startDate` and `endDate` (ms since
    /// the epoch), `startIndex` and `count`, or `parentId`. The call settles with `null` when there
    /// was nothing to load.
    LoadMissing {
        /// Which manager.
        manager: ManagerId,
        /// The promise to settle, if any.
        call: Option<CallId>,
        /// Which part.
        wanted: &'a [u8],
    },
    /// Send what has changed.
    Sync {
        /// Which manager.
        manager: ManagerId,
        /// The promise to settle; none for syncs that nobody waits for.
        call: Option<CallId>,
    },
    /// End the request of that call, as cancelled; without a call, the one that runs.
    Cancel(ManagerId, Option<CallId>),
    /// Apply an answer that came by another way (JSON text), as `loadCrudManagerData` does: a sync
    /// answer when its `type` says `sync`, else a load answer. Nobody is asked; an answer that
    /// can't be applied is an error.
    ApplyResponse(ManagerId, &'a [u8]),
    /// A piece of an answer that is too large to be held as a whole; its last piece comes as
    /// [`Input::ApplyResponse`]. Read at once; nothing is applied before the end. A broken piece is
    /// refused, and those before it are forgotten.
    ApplyPiece(ManagerId, &'a [u8]),
    /// Apply changes that came from the server by another way:
    /// `{ <storeId>: { added?, updated?, removed? } }` as JSON text. They write the base layer:
    /// nothing becomes dirty.
    ApplyChangeset(ManagerId, &'a [u8]),
    /// The same for a single store, managed or not; of the JSON text, only its section counts.
    ApplyStoreChangeset(StoreId, &'a [u8]),
    /// No autoSync until as many resumes have come.
    SuspendAutoSync(ManagerId),
    /// Undo one suspend; the last one schedules a sync when `sync` is true and there is something
    /// to send.
    ResumeAutoSync {
        /// Which manager.
        manager: ManagerId,
        /// Whether to schedule a sync.
        sync: bool,
    },

    // --- channels --------------------------------------------------------------------------------
    /// Give a manager a channel, in the place of one that it has.
    CreateChannel(ManagerId, Box<ChannelConfig>),
    /// End a manager's channel.
    DestroyChannel(ManagerId),
    /// Something happens to a manager's channel.
    Channel(ManagerId, ChannelInput<'a>),

    // --- from the host ---------------------------------------------------------------------------
    /// Listeners have answered a question.
    Answer {
        /// Which question.
        ask: AskId,
        /// `false` when somebody vetoed.
        proceed: bool,
        /// What takes the place of the pack or response that was shown (JSON text), when a listener
        /// changed it. Of a request that isn't to proceed: why it could not be made.
        content: Option<&'a [u8]>,
        /// What takes the place of the request that was shown, when it changed.
        request: Option<Box<HttpRequest>>,
    },
    /// The status line has come.
    HttpHead(RequestId, u16),
    /// A piece of the body.
    HttpChunk(RequestId, &'a [u8]),
    /// The body is complete.
    HttpEnd(RequestId),
    /// No (whole) answer: refused, broken off. What the server did with the request is unknown.
    HttpFailed(RequestId, &'a str),
    /// The request could not be made of what it consists of: nothing was sent.
    HttpUnsent(RequestId, &'a str),
    /// The browser says that it is online, or not.
    Online(bool),
    /// The page became visible, or hidden.
    Visible(bool),
    /// The zone that text without an offset is in, and that dates are written in.
    SetZone(Zone),
}

/// What an input gives back at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Nothing to say.
    Done,
    /// A store was made.
    Store(StoreId),
    /// A manager was made.
    Manager(ManagerId),
    /// A field was found or made.
    Field(FieldIx),
    /// Whether anything is different from before.
    Changed(bool),
    /// Records that came or went.
    Rows(Vec<RowId>),
}
