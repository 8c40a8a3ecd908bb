//! What listeners see: one variant per public event of a manager, and packed notices of stores.

use super::effect::RequestKind;
use super::error::SyncError;
use super::input::{RequestId, StoreId};
use super::schema::FieldIx;
use super::table::RowId;
use super::value::Cell;
use crate::prelude::*;

/// A manager's events. As a number, its bit in [`Input::Listen`](super::input::Input::Listen).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// A load is about to be sent. Can be vetoed; the pack can be changed.
    BeforeLoad,
    /// A load was not vetoed.
    LoadStart,
    /// A request is about to go out; it can be changed. Can't be vetoed.
    BeforeSend,
    /// An answer is about to be applied. Can be vetoed; it can be changed.
    BeforeResponseApply,
    /// A load answer is about to be applied. Can be vetoed; it can be changed.
    BeforeLoadApply,
    /// A request has been answered and applied.
    RequestDone,
    /// A load has been applied.
    Load,
    /// A request has failed.
    RequestFail,
    /// A load has failed.
    LoadFail,
    /// A load was vetoed, or a newer one took its place.
    LoadCanceled,
    /// A sync is about to be sent. Can be vetoed; the pack can be changed.
    BeforeSync,
    /// A sync was not vetoed.
    SyncStart,
    /// A sync answer is about to be applied. Can be vetoed; it can be changed.
    BeforeSyncApply,
    /// A sync has been applied.
    Sync,
    /// A sync has failed.
    SyncFail,
    /// A sync was vetoed.
    SyncCanceled,
    /// A sync was asked for while one runs.
    SyncDelayed,
    /// Something is there to be sent.
    HasChanges,
    /// Nothing is left to be sent.
    NoChanges,
    /// The sync status changed.
    Status,
    /// The server refused one record.
    RecordSyncFail,
    /// An answer was odd; nothing was lost.
    SyncWarning,
    /// What became of some additions is unknown, and sending them again isn't safe.
    SyncUncertain,
    /// A listener threw.
    Exception,
    /// Which records are invalid? Asked before a package is made.
    Invalid,
    /// The server's news clash with the user's edits.
    Conflict,
    /// It is decided who has what.
    ConflictResolved,
}

impl EventKind {
    /// Its bit in a mask of listeners.
    pub const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// Where a manager stands, for a status pill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Nothing to send, nothing on the wire.
    #[default]
    Saved,
    /// A load is on the wire.
    Loading,
    /// Changes wait (for autoSync, or for a call of `sync`).
    Pending,
    /// Changes are on the wire.
    Saving,
    /// Changes are kept until the server can be reached again; the next attempt is scheduled.
    Retrying,
    /// The browser is offline.
    Offline,
    /// The server refused, or retries are used up: somebody has to act.
    Failed,
}

/// One event of a manager.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `loadStart`, `syncStart`.
    Start(RequestKind, RequestId),
    /// `requestDone`, `load`, `sync` (which one it is: the kind).
    Done(EventKind, RequestKind, RequestId),
    /// `requestFail`, `loadFail`, `syncFail`.
    Fail {
        /// Which of the three.
        event: EventKind,
        /// Load or sync.
        kind: RequestKind,
        /// Which request, if one was made.
        request: Option<RequestId>,
        /// Why.
        error: SyncError,
        /// In how many ms it will be tried again; `None`: not by itself.
        retry_in: Option<u64>,
    },
    /// `loadCanceled`, `syncCanceled`, with the pack as JSON text.
    Canceled(RequestKind, Vec<u8>),
    /// `syncDelayed`.
    SyncDelayed,
    /// `hasChanges`.
    HasChanges,
    /// `noChanges`.
    NoChanges,
    /// `status`.
    Status {
        /// Where it stands.
        status: Status,
        /// How many records have changes that the server hasn't confirmed.
        pending: u32,
        /// Why it failed, or what is being retried.
        error: Option<SyncError>,
    },
    /// `recordSyncFail`.
    RecordSyncFail {
        /// Of which store.
        store: StoreId,
        /// Which record.
        row: RowId,
        /// The server's words.
        message: String,
        /// Whether its changes were taken back.
        reverted: bool,
    },
    /// `conflict`, `conflictResolved`.
    Conflict {
        /// Which of the two.
        event: EventKind,
        /// The conflict as JSON text:
        /// `{ id, store, row, generation, record, kind, strategy, from, fields: [{ field, base, mine, theirs, from }] }`.
        detail: Vec<u8>,
    },
    /// `syncWarning`, `syncUncertain`.
    Warning {
        /// Which of the two.
        event: EventKind,
        /// What is odd, in a sentence.
        message: String,
        /// The records that it is about.
        records: Vec<(StoreId, RowId)>,
    },
}

impl Event {
    /// Which event it is.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Start(RequestKind::Load, _) => EventKind::LoadStart,
            Self::Start(RequestKind::Sync, _) => EventKind::SyncStart,
            Self::Done(event, ..)
            | Self::Fail { event, .. }
            | Self::Conflict { event, .. }
            | Self::Warning { event, .. } => *event,
            Self::Canceled(RequestKind::Load, _) => EventKind::LoadCanceled,
            Self::Canceled(RequestKind::Sync, _) => EventKind::SyncCanceled,
            Self::SyncDelayed => EventKind::SyncDelayed,
            Self::HasChanges => EventKind::HasChanges,
            Self::NoChanges => EventKind::NoChanges,
            Self::Status { .. } => EventKind::Status,
            Self::RecordSyncFail { .. } => EventKind::RecordSyncFail,
        }
    }
}

/// Why a record changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Origin {
    /// The user, through a record or store.
    Local,
    /// The server, in an answer or a changeset.
    Remote,
    /// A local change was taken back.
    Rollback,
    /// The base moved under local changes.
    Rebase,
    /// A load.
    Load,
}

/// What a notice says. As a number, its bit in
/// [`Input::ListenStore`](super::input::Input::ListenStore).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NoticeKind {
    /// A record appeared.
    Add,
    /// A record's field has another value.
    Update,
    /// A record went.
    Remove,
    /// Records changed places.
    Move,
    /// Everything may be different: a data set, a batch.
    Refresh,
    /// A record's id changed.
    IdChange,
    /// A record's sync state changed (dirty, in flight, refused), its data not.
    State,
}

impl NoticeKind {
    /// Its bit in a mask of listeners.
    pub const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// A field that changed and that nobody listens to, for hosts that cache records. Fixed in size
/// too.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Stale {
    /// Of which store.
    pub store: StoreId,
    /// Which record.
    pub row: RowId,
    /// Which field.
    pub field: FieldIx,
    /// What it holds.
    pub value: Cell,
}

/// One notice of a store. Fixed in size, so that a host can read many at once from memory.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// Why.
    pub origin: Origin,
    /// Which field (`Update`, `IdChange`).
    pub field: FieldIx,
    /// Of which store.
    pub store: StoreId,
    /// Which record; meaningless for `Refresh`.
    pub row: RowId,
    /// Groups notices of one call or one applied answer; grows.
    pub group: u32,
    /// The value before (`Update`, `IdChange`), or the id of the record that went (`Remove`). Its
    /// span stays readable until the notices are taken.
    pub old: Cell,
    /// The value after.
    pub new: Cell,
}
