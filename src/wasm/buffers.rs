//! Pieces of memory that both sides read: what the facade writes for a call, and what a call leaves
//! for it.

use crate::prelude::*;
use core::cell::Cell;

use crate::engine::Engine;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::event::Stale;
use crate::engine::json::{PackBuffer, pack};
use crate::engine::schema::FieldIx;
use crate::engine::table::{RowId, RowIx, Table, is_digits};
use crate::engine::value::{Cell as Value8, CellKind};

/// How many words a call can leave.
const REGISTERS: usize = 8;

/// Words of one packed notice.
const NOTICE_WORDS: usize = 5;

/// The shared pieces of memory.
pub(super) struct Buffers {
    /// Arguments: text as UTF-8, or words.
    scratch: Vec<u64>,
    /// An argument that is larger than the scratch.
    large: Vec<u64>,
    /// Results: rows as pairs of place and generation, or just places.
    rows: Vec<u32>,
    /// Packed notices, and their texts.
    notices: Vec<u64>,
    texts: Vec<u8>,
    /// Fields that changed without a notice.
    stale: Vec<Stale>,
    /// Packed rows.
    pack: PackBuffer,
    /// As many fields as any store has, counted through.
    fields: Vec<FieldIx>,
    registers: &'static [Cell<u32>; REGISTERS],
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            scratch: vec![0; SCRATCH_WORDS],
            large: Vec::new(),
            rows: Vec::new(),
            notices: Vec::new(),
            texts: Vec::new(),
            stale: Vec::new(),
            pack: PackBuffer::default(),
            fields: Vec::new(),
            registers: Box::leak(Box::default()),
        }
    }
}

/// Words of the scratch that never moves: a field's text, the places of a block of rows. Larger
/// arguments get memory of their own, which is given back when they have been used.
const SCRATCH_WORDS: usize = 8 * 1024;

// The facade reads it as it lies in memory.
const _: () = assert!(size_of::<Stale>() == 24);

impl Buffers {
    /// Makes room for so many bytes of arguments and tells where.
    pub(super) fn scratch(&mut self, bytes: usize) -> u32 {
        let words = bytes.div_ceil(8);
        if words <= SCRATCH_WORDS {
            return self.scratch.as_ptr() as u32;
        }
        self.large = vec![0; words];
        self.large.as_ptr() as u32
    }

    /// Gives back the memory of a large argument.
    pub(super) fn used(&mut self) {
        if self.large.capacity() > 0 {
            self.large = Vec::new();
        }
    }

    fn argument(&self, bytes: usize) -> &[u64] {
        let words = bytes.div_ceil(8);
        let place = if words <= SCRATCH_WORDS {
            &self.scratch
        } else {
            &self.large
        };
        place.get(..words).unwrap_or_default()
    }

    /// An argument of so many bytes.
    pub(super) fn bytes(&self, len: usize) -> &[u8] {
        let words = self.argument(len);
        // SAFETY: the words are that much initialised memory, and bytes need no alignment.
        unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), len.min(words.len() * 8)) }
    }

    /// An argument of so many bytes, which must be UTF-8.
    pub(super) fn text(&self, len: usize) -> Result<&str, SyncError> {
        core::str::from_utf8(self.bytes(len))
            .map_err(|error| SyncError::new(ErrorCode::InvalidArgument, format!("text: {error}")))
    }

    /// An argument of so many places of rows.
    pub(super) fn rows(&self, count: usize) -> Vec<RowIx> {
        let half = |word: &u64| [RowIx(*word as u32), RowIx((*word >> 32) as u32)];
        let words = self.argument(count * 4).iter();
        words.flat_map(half).take(count).collect()
    }

    /// An argument of so many rows, as pairs of place and generation.
    pub(super) fn row_ids(&self, count: usize) -> Vec<RowId> {
        let id = |word: &u64| RowId {
            row: RowIx(*word as u32),
            generation: (*word >> 32) as u32,
        };
        self.argument(count * 8).iter().map(id).collect()
    }

    /// Leaves rows for the facade, as pairs of place and generation: where and how many in the
    /// first two registers.
    pub(super) fn leave_rows(&mut self, rows: &[RowId]) {
        self.rows.clear();
        for row in rows {
            self.rows.extend_from_slice(&[row.row.0, row.generation]);
        }
        self.leave(&[self.rows.as_ptr() as u32, rows.len() as u32]);
    }

    /// Leaves words in the registers.
    pub(super) fn leave(&self, words: &[u32]) {
        for (register, word) in self.registers.iter().zip(words) {
            register.set(*word);
        }
    }

    /// Where the registers are.
    pub(super) fn registers(&self) -> u32 {
        self.registers.as_ptr() as u32
    }

    /// Leaves notices for the facade: where, how many, where their texts are and how many bytes.
    ///
    /// Little-endian, five words of 8 bytes each: kind, origin (1 byte each), field (2) and store
    /// (4); row and generation (4 each); group (4), tag of the old and of the new value (1 each), 2
    /// bytes unused; the old value; the new value. A value is a number, or offset and length (4
    /// each) in the texts. Tags: 0 absent, 1 null, 2 false, 3 true, 4 number, 5 text, 6 JSON.
    ///
    /// Then the fields that changed without a notice: where and how many, as [`Stale`] lies in
    /// memory (three words of 8 bytes: store, row and generation, field (2 of 4 bytes), the cell);
    /// and whether all texts are plain ASCII.
    pub(super) fn pack_notices(&mut self, engine: &Engine, stale: Vec<Stale>) {
        self.stale = stale;
        self.texts.clear();
        let notices = engine.notices();
        self.notices.clear();
        self.notices.resize(notices.len() * NOTICE_WORDS, 0);
        for (notice, words) in notices.iter().zip(self.notices.as_chunks_mut().0) {
            let kind = notice.kind as u64 | (notice.origin as u64) << 8;
            let what = kind | u64::from(notice.field.0) << 16 | u64::from(notice.store.0) << 32;
            let Some(store) = engine.store(notice.store) else {
                // The facade doesn't know it either.
                *words = [what, 0, 0, 0, 0];
                continue;
            };
            let (old_tag, old) = pack_value(store.table(), notice.old, &mut self.texts);
            let (new_tag, new) = pack_value(store.table(), notice.new, &mut self.texts);
            let tags = u64::from(old_tag) | u64::from(new_tag) << 8;
            *words = [
                what,
                u64::from(notice.row.row.0) | u64::from(notice.row.generation) << 32,
                u64::from(notice.group) | tags << 32,
                old,
                new,
            ];
        }
        self.leave(&[
            self.notices.as_ptr() as u32,
            (self.notices.len() / NOTICE_WORDS) as u32,
            self.texts.as_ptr() as u32,
            self.texts.len() as u32,
            self.stale.as_ptr() as u32,
            self.stale.len() as u32,
            u32::from(self.texts.is_ascii()),
        ]);
    }

    /// Packs rows for the facade, with all fields: where the words are, then place and length of
    /// the ASCII text, of the other text (in bytes), and of the pieces. The format is that of
    /// [`pack`](crate::engine::json::pack()).
    pub(super) fn leave_packed(&mut self, table: &Table, rows: &[RowIx]) {
        let known = self.fields.len();
        self.fields
            .extend((known..table.schema().len()).map(|ix| FieldIx(ix as u16)));
        let fields = self.fields.get(..table.schema().len()).unwrap_or_default();
        pack(table, rows, fields, &mut self.pack);
        self.leave(&[
            self.pack.words.as_ptr() as u32,
            self.pack.ascii.as_ptr() as u32,
            self.pack.ascii.len() as u32,
            self.pack.utf8.as_ptr() as u32,
            self.pack.utf8.len() as u32,
            self.pack.pieces.as_ptr() as u32,
            self.pack.pieces.len() as u32,
        ]);
    }

    /// Leaves one value for the facade: its tag, then a number's two halves, or place and length of
    /// its text.
    pub(super) fn leave_value(&mut self, table: &Table, cell: Value8) {
        self.texts.clear();
        let (tag, value) = pack_value(table, cell, &mut self.texts);
        let text = [self.texts.as_ptr() as u32, self.texts.len() as u32];
        let [low, high] = if cell.is_span() {
            text
        } else {
            [value as u32, (value >> 32) as u32]
        };
        self.leave(&[u32::from(tag), 0, low, high]);
    }

    /// Leaves bytes for the facade: where and how many.
    pub(super) fn leave_bytes(&mut self, bytes: Vec<u8>) {
        self.texts = bytes;
        self.leave(&[self.texts.as_ptr() as u32, self.texts.len() as u32]);
    }

    /// Leaves single words for the facade: where and how many in the first two registers.
    pub(super) fn leave_words(&mut self, words: impl Iterator<Item = u32>) {
        self.rows.clear();
        self.rows.extend(words);
        self.leave(&[self.rows.as_ptr() as u32, self.rows.len() as u32]);
    }
}

fn pack_value(table: &Table, cell: Value8, texts: &mut Vec<u8>) -> (u8, u64) {
    let tag = match cell.kind() {
        CellKind::Absent => 0,
        CellKind::Null => 1,
        CellKind::Bool => 2 + u8::from(cell == Value8::TRUE),
        CellKind::Number => 4,
        CellKind::Text => 5,
        CellKind::Json if is_digits(table.text_bytes(cell).unwrap_or_default()) => 5,
        CellKind::Json => 6,
    };
    if !cell.is_span() {
        return (tag, cell.bits());
    }
    let text = table.text_bytes(cell).unwrap_or_default();
    let at = texts.len() as u64;
    texts.extend_from_slice(text);
    (tag, at | ((text.len() as u64) << 32))
}
