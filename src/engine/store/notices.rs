//! Notices on their way to listeners.

use super::Store;
use crate::engine::event::{Notice, NoticeKind, Origin, Stale};
use crate::engine::input::StoreId;
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Cell;
use crate::prelude::*;

/// Where stores put their notices. Each store asks its own mask first: nothing is computed for
/// nobody.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    list: Vec<Notice>,
    stale: Vec<Stale>,
    group: u32,
}

/// Room for so many notices is kept.
const ROOM_MAX: usize = 4096;

impl Notices {
    /// Notices from here on belong to one call or one applied answer.
    pub fn next_group(&mut self) {
        self.group = self.group.wrapping_add(1);
    }

    /// The number of the current group.
    pub const fn group(&self) -> u32 {
        self.group
    }

    /// What waits for listeners.
    pub fn list(&self) -> &[Notice] {
        &self.list
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.stale.is_empty()
    }

    /// Hands out what waits.
    pub fn take(&mut self) -> Vec<Notice> {
        core::mem::take(&mut self.list)
    }

    /// Hands out the fields that changed and that nobody listens to, see [`STALE`].
    pub fn take_stale(&mut self) -> Vec<Stale> {
        core::mem::take(&mut self.stale)
    }

    /// There will be so many fields that changed, if nobody listens.
    pub(super) fn expect_stale(&mut self, count: usize) {
        self.stale.reserve(count);
    }

    /// Takes out what waits of a store.
    pub(super) fn outdate(&mut self, store: StoreId) -> Vec<Notice> {
        self.stale.retain(|stale| stale.store != store);
        let list = core::mem::take(&mut self.list).into_iter();
        let (of_store, others) = list.partition(|notice| notice.store == store);
        self.list = others;
        of_store
    }

    /// Forgets what waits; keeps room for more.
    pub fn clear(&mut self) {
        self.list.clear();
        self.list.shrink_to(ROOM_MAX);
        self.stale.clear();
    }
}

/// The bit of a mask for hosts that cache records: where nobody listens to updates that the user
/// didn't make, the fields are listed by themselves. A hundred thousand notices would cost more
/// than what they are about.
pub const STALE: u32 = 1 << 31;

/// By how much the bits of a mask are shifted that are about what the user didn't do.
pub const FOREIGN_SHIFT: u32 = 16;

impl Store {
    /// Which notices somebody listens to: bits of [`NoticeKind`] for those of [`Origin::Local`],
    /// and the same bits shifted by [`FOREIGN_SHIFT`] for those of all other origins.
    pub fn listen(&mut self, mask: u32) {
        self.mask = mask;
    }

    /// Whether a notice is to be made. Batches hold back only what the user does: a host that
    /// caches records has to hear of everything else at once.
    #[inline]
    pub(super) fn hears(&self, kind: NoticeKind, origin: Origin) -> bool {
        match origin {
            Origin::Local => self.mask & (1 << kind as u32) != 0 && self.batch == 0,
            _ => self.mask & (1 << (kind as u32 + FOREIGN_SHIFT)) != 0,
        }
    }

    /// A notice about a record as a whole.
    #[inline]
    pub(super) fn tell(&self, kind: NoticeKind, origin: Origin, row: RowIx, out: &mut Notices) {
        if self.hears(kind, origin) {
            let id = self.table.schema().id;
            // Who never read the record has nothing but this to name it by.
            let old = match kind {
                NoticeKind::Remove => self.table.cell(row, id),
                _ => Cell::ABSENT,
            };
            let handle = self.table.handle(row);
            self.push(kind, origin, id, handle, (old, Cell::ABSENT), out);
        }
    }

    /// A notice about one field.
    #[inline]
    pub(super) fn tell_field(
        &self,
        kind: NoticeKind,
        origin: Origin,
        at: (RowIx, FieldIx),
        change: (Cell, Cell),
        out: &mut Notices,
    ) {
        if self.hears(kind, origin) {
            self.push(kind, origin, at.1, self.table.handle(at.0), change, out);
        } else if self.mask & STALE != 0 && origin != Origin::Local && kind == NoticeKind::Update {
            out.stale.push(Stale {
                store: self.id,
                row: self.table.handle(at.0),
                field: at.1,
                value: change.1,
            });
        }
    }

    /// Everything may be different.
    pub(super) fn tell_refresh(&self, origin: Origin, out: &mut Notices) {
        self.tell(NoticeKind::Refresh, origin, RowIx(0), out);
    }

    fn push(
        &self,
        kind: NoticeKind,
        origin: Origin,
        field: FieldIx,
        row: RowId,
        (old, new): (Cell, Cell),
        out: &mut Notices,
    ) {
        out.list.push(Notice {
            kind,
            origin,
            field,
            store: self.id,
            row,
            group: out.group,
            old,
            new,
        });
    }

    /// Holds notices of what the user does back until the matching [`Store::end_batch`]; nests.
    /// Tracking goes on.
    pub fn begin_batch(&mut self) {
        if self.batch == 0 {
            self.batch_start = self.version;
        }
        self.batch = self.batch.saturating_add(1);
    }

    /// Ends a batch: the outermost one says `Refresh`, if anything happened. An end without a begin
    /// does nothing.
    pub fn end_batch(&mut self, out: &mut Notices) {
        if self.batch == 0 {
            return;
        }
        self.batch -= 1;
        if self.batch == 0 && self.batch_start != self.version {
            self.tell_refresh(Origin::Local, out);
        }
    }
}
