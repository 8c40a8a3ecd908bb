//! Reading many rows at once: into a table that nobody else looks at yet.

use super::{FieldIx, Head, Mark, RowIx, Table, row_id};
use crate::prelude::*;
use crate::value::Cell;

impl Table {
    /// Room to remember what repeats, for as long as rows are read.
    pub(crate) fn begin_read(&mut self) {
        self.arena.begin_load();
    }

    /// How much text there is, to go back to when a row has to be read again.
    #[inline]
    pub(crate) fn read_mark(&self) -> Mark {
        self.arena.mark()
    }

    /// Forgets text that was kept since the mark. Cells that refer to it must be written anew.
    pub(crate) fn read_back_to(&mut self, mark: Mark) {
        self.arena.back_to(mark);
    }

    /// Room to write text into, for [`Table::keep_room`].
    #[inline(always)]
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.arena.room()
    }

    /// Keeps the text of so many bytes that has been written into the room.
    #[inline(always)]
    pub(crate) fn keep_room(&mut self, len: usize, ascii: bool) -> Cell {
        self.arena.keep_room(len, false, ascii)
    }

    /// The same for short text, which is kept once; also given as two words, padded with zeros.
    #[inline(always)]
    pub(crate) fn keep_short_room(&mut self, low: u64, high: u64, len: usize, ascii: bool) -> Cell {
        if let Some(cell) = self.arena.known(low, high, len) {
            return cell;
        }
        let cell = self.arena.keep_room(len, false, ascii);
        self.arena.know(low, high, cell);
        cell
    }

    /// Keeps text.
    pub(crate) fn keep_text(&mut self, text: &str) -> Option<Cell> {
        self.arena.keep(text)
    }

    /// Keeps JSON text.
    pub(crate) fn keep_json(&mut self, text: &str) -> Option<Cell> {
        self.arena.keep_new(text, true, text.is_ascii())
    }

    /// A new row that is being read: all cells absent, in no index until [`Table::end_read`].
    #[inline]
    pub(crate) fn push_read(&mut self) -> RowIx {
        let row = RowIx(self.read_rows);
        self.read_rows += 1;
        row
    }

    /// Writes a cell of a row that is being read: no index is kept until [`Table::end_read`].
    #[inline(always)]
    pub(crate) fn put_read(&mut self, row: RowIx, field: FieldIx, cell: Cell) {
        if let Some(column) = self.columns.get_mut(field.ix()) {
            column.put(row.ix(), cell);
        }
    }

    /// All rows are there: makes them visible in the order in which they were pushed, and finds
    /// them by id. Of rows with the same id, the last is found; gives the others.
    pub(crate) fn end_read(&mut self) -> Vec<RowIx> {
        self.arena.end_load();
        let rows = core::mem::take(&mut self.read_rows);
        let generation = self.first_generation;
        self.heads = (0..rows).map(|place| Head { generation, place }).collect();
        self.order = (0..rows).map(RowIx).collect();
        let (columns, field, arena) = (&self.columns, self.schema.id, &self.arena);
        let id_of = |row| row_id(columns, field, arena, row);
        self.ids.fill(&self.order, id_of)
    }
}
