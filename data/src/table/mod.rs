//! The data itself: columns of cells over an arena of bytes, found by row, id or time.

use crate::prelude::*;

mod arena;
mod column;
mod differences;
mod ids;
mod interval;
mod read;

pub use arena::Arena;
pub(crate) use arena::{Mark, SHORT};
pub use differences::Difference;
pub use ids::{IdIndex, IdRef};

use crate::schema::{Field, FieldIx, Schema, Zone};
use crate::value::{Cell, CellKind, Value};
use column::Column;
use interval::{IntervalIndex, Span};

/// A row's place in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct RowIx(pub u32);

impl RowIx {
    /// As an index into columns.
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// A handle to a row: its place and the generation of what lives there. A handle to a row that was
/// freed finds nothing, also after another record has moved in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// Where.
    pub row: RowIx,
    /// Which of those who have lived there.
    pub generation: u32,
}

/// What is called for every cell that may have to be carried over, see [`Table::compact_if_worth`].
pub type Visit<'a> = &'a mut dyn FnMut(&mut Cell);

/// What is known of a row besides its cells: side by side, as they are asked for together.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Which of those who have lived there.
    generation: u32,
    /// Where it stands in the visible order, if it does.
    place: u32,
}

/// Where a row stands that isn't in the visible order.
const HIDDEN: u32 = u32::MAX - 1;
const FREE: u32 = u32::MAX;

/// Rows of cells. A row is free, hidden (findable by id, but in no order and no range) or visible.
///
/// Cells are copies: writing one doesn't release the bytes of the one before, as a caller may keep
/// it. Whoever drops the last copy of a cell says so by [`Table::release`].
#[derive(Clone, Debug)]
pub struct Table {
    schema: Schema,
    columns: Vec<Column>,
    arena: Arena,
    heads: Vec<Head>,
    free: Vec<RowIx>,
    order: Vec<RowIx>,
    ids: IdIndex,
    intervals: IntervalIndex,
    first_generation: u32,
    newest_generation: u32,
    /// Rows that are being read.
    read_rows: u32,
}

impl Table {
    /// An empty table. Its handles start with `first_generation`: give a table that replaces
    /// another the other's [`Table::next_generation`], and handles to the old one find nothing in
    /// the new one.
    #[inline]
    pub fn new(schema: Schema, first_generation: u32) -> Self {
        let columns = vec![Column::default(); schema.len()];
        Self {
            schema,
            columns,
            arena: Arena::default(),
            heads: Vec::new(),
            free: Vec::new(),
            order: Vec::new(),
            ids: IdIndex::default(),
            intervals: IntervalIndex::default(),
            first_generation,
            newest_generation: first_generation,
            read_rows: 0,
        }
    }

    /// The fields.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The field of that name, made if it isn't there: absent in every row. `None` when there are
    /// too many fields.
    pub fn ensure_field(&mut self, field: Field) -> Option<FieldIx> {
        let ix = self.schema.ensure(field)?;
        if self.columns.len() < self.schema.len() {
            self.columns.resize_with(self.schema.len(), Column::default);
        }
        Some(ix)
    }

    /// Greater than every generation handed out.
    pub fn next_generation(&self) -> u32 {
        self.newest_generation.saturating_add(1)
    }

    /// All rows live in generation `first`: for a table that was filled before it was known which
    /// handles of the one it replaces have been handed out. Nobody may hold a handle to it yet.
    #[inline]
    pub fn restart_generations(&mut self, first: u32) {
        for head in &mut self.heads {
            head.generation = first;
        }
        self.first_generation = first;
        self.newest_generation = first;
    }

    // --- rows ---------------------------------------------------------------------------------

    /// A new row: hidden, all cells absent. Freed places are used again.
    pub fn push_row(&mut self) -> RowIx {
        if let Some(row) = self.free.pop() {
            if let Some(Head { place, .. }) = self.heads.get_mut(row.ix()) {
                *place = HIDDEN;
            }
            return row;
        }
        let row = RowIx(self.heads.len() as u32);
        self.heads.push(Head {
            generation: self.first_generation,
            place: HIDDEN,
        });
        row
    }

    /// Ends a row: it leaves the order and every index, its cells are released, and handles to it
    /// find nothing. Harmless on a row that is free already. Whoever frees many visible rows hides
    /// them in one call before.
    pub fn free_row(&mut self, row: RowIx) {
        if !self.is_live(row) {
            return;
        }
        self.hide(&[row]);
        self.leave_ids(row);
        for column in &mut self.columns {
            let cell = column.get(row.ix());
            if !cell.is_absent() {
                self.arena.release(cell);
                column.put(row.ix(), Cell::ABSENT);
            }
        }
        if let Some(head) = self.heads.get_mut(row.ix()) {
            head.place = FREE;
            // A place whose generations are used up is never lived in again.
            if let Some(next) = head.generation.checked_add(1) {
                head.generation = next;
                self.newest_generation = self.newest_generation.max(next);
                self.free.push(row);
            }
        }
    }

    pub(crate) fn is_live(&self, row: RowIx) -> bool {
        self.heads
            .get(row.ix())
            .is_some_and(|head| head.place != FREE)
    }

    /// The row that the handle was made for, while it lives.
    #[inline]
    pub fn resolve(&self, id: RowId) -> Option<RowIx> {
        let head = self.heads.get(id.row.ix())?;
        (head.generation == id.generation && head.place != FREE).then_some(id.row)
    }

    /// The same while it is visible.
    #[inline]
    pub fn shown(&self, id: RowId) -> Option<RowIx> {
        let head = self.heads.get(id.row.ix())?;
        (head.generation == id.generation && head.place < HIDDEN).then_some(id.row)
    }

    /// A handle to a row.
    #[inline]
    pub fn handle(&self, row: RowIx) -> RowId {
        RowId {
            row,
            generation: self.heads.get(row.ix()).map_or(0, |head| head.generation),
        }
    }

    /// How many places of rows there are, free ones included: rows are `0..rows_len()`.
    pub fn rows_len(&self) -> usize {
        self.heads.len()
    }

    /// All rows that live, visible or hidden, by place.
    pub fn live(&self) -> impl Iterator<Item = RowIx> {
        self.heads
            .iter()
            .enumerate()
            .filter(|(_, head)| head.place != FREE)
            .map(|(row, _)| RowIx(row as u32))
    }

    // --- cells --------------------------------------------------------------------------------

    /// What the field of a row holds; absent when there is no such row or field.
    pub fn cell(&self, row: RowIx, field: FieldIx) -> Cell {
        match self.columns.get(field.ix()) {
            Some(column) => column.get(row.ix()),
            None => Cell::ABSENT,
        }
    }

    /// Reads what writing a cell will read, and gives its bits: whoever knows many writes
    /// beforehand has the processor fetch them side by side.
    #[inline(always)]
    pub fn touch(&self, row: RowIx, field: FieldIx) -> u64 {
        let column = self.columns.get(field.ix());
        column.map_or(0, |column| column.get(row.ix()).bits())
    }

    /// Writes a cell, and keeps the indexes true. Nothing happens where there is no such row or
    /// field.
    pub fn set_cell(&mut self, row: RowIx, field: FieldIx, cell: Cell) {
        if !self.is_live(row) {
            return;
        }
        if field == self.schema.id {
            self.set_id(row, cell);
        } else if let Some(column) = self.columns.get_mut(field.ix()) {
            column.put(row.ix(), cell);
        }
        if let Some((start, end)) = self.schema.interval
            && (field == start || field == end)
        {
            self.intervals.touch(row);
        }
    }

    /// Writes a cell of a row that is there, in a field that no index is about.
    #[inline(always)]
    pub fn put_cell(&mut self, row: RowIx, field: FieldIx, cell: Cell) {
        if let Some(column) = self.columns.get_mut(field.ix()) {
            column.put(row.ix(), cell);
        }
    }

    fn leave_ids(&mut self, row: RowIx) {
        if let Some(id) = row_id(&self.columns, self.schema.id, &self.arena, row) {
            self.ids.remove(id, row);
        }
    }

    fn set_id(&mut self, row: RowIx, cell: Cell) {
        self.leave_ids(row);
        let field = self.schema.id;
        if let Some(column) = self.columns.get_mut(field.ix()) {
            column.put(row.ix(), cell);
        }
        let (columns, arena) = (&self.columns, &self.arena);
        if let Some(id) = id_ref(arena, cell) {
            self.ids
                .insert(id, row, |row| row_id(columns, field, arena, row));
        }
    }

    /// Keeps a value: text is copied into the arena, short text once. Past 4 GiB of text there is
    /// no room: `null`.
    pub fn make_cell(&mut self, value: Value<'_>) -> Cell {
        match value {
            Value::Absent => Cell::ABSENT,
            Value::Null => Cell::NULL,
            Value::Bool(bool) => Cell::bool(bool),
            Value::Number(number) => Cell::number(number),
            Value::Text(text) => self.arena.keep(text).unwrap_or(Cell::NULL),
            Value::Json(text) => self
                .arena
                .keep_new(text, true, text.is_ascii())
                .unwrap_or(Cell::NULL),
        }
    }

    /// Keeps a value as the field's kind has it (see
    /// [`FieldKind::normalise`](crate::schema::FieldKind::normalise)).
    pub fn make_field_cell(&mut self, field: FieldIx, value: Value<'_>, zone: &Zone) -> Cell {
        let mut scratch = String::new();
        let value = match self.schema.field(field) {
            Some(field) => field.kind.normalise(value, zone, &mut scratch),
            None => value,
        };
        self.make_cell(value)
    }

    /// What a cell of this table holds.
    pub fn value(&self, cell: Cell) -> Value<'_> {
        match cell.kind() {
            CellKind::Absent => Value::Absent,
            CellKind::Null => Value::Null,
            CellKind::Bool => Value::Bool(cell == Cell::TRUE),
            CellKind::Number => Value::Number(cell.as_number().unwrap_or(0.0)),
            CellKind::Text => Value::Text(self.arena.get(cell).unwrap_or_default()),
            CellKind::Json => Value::Json(self.arena.get(cell).unwrap_or("null")),
        }
    }

    /// The text of a text or JSON cell of this table.
    pub fn text(&self, cell: Cell) -> Option<&str> {
        self.arena.get(cell)
    }

    /// The same as bytes of UTF-8, which is cheaper.
    pub fn text_bytes(&self, cell: Cell) -> Option<&[u8]> {
        self.arena.bytes_of(cell)
    }

    /// Whether two cells hold the same, by content.
    #[inline(never)]
    pub fn same(&self, a: Cell, b: Cell) -> bool {
        a == b || (a.is_span() && b.is_span() && self.same_in(a, self, b))
    }

    /// Whether a cell of this table holds the same as one of another table. JSON is compared by
    /// what it says: blanks and the order of members don't count.
    pub fn same_in(&self, cell: Cell, other: &Self, other_cell: Cell) -> bool {
        if !cell.is_span() {
            return cell == other_cell;
        }
        if cell.kind() != other_cell.kind() {
            return false;
        }
        let (a, b) = (self.arena.bytes_of(cell), other.arena.bytes_of(other_cell));
        if a == b {
            return true;
        }
        let (CellKind::Json, Some(a), Some(b)) = (cell.kind(), a, b) else {
            return false;
        };
        let parse = crate::json::dom::Value::parse;
        matches!((parse(a), parse(b)), (Ok(a), Ok(b)) if a == b)
    }

    /// Keeps what a cell of another table holds.
    pub fn copy_cell(&mut self, from: &Self, cell: Cell) -> Cell {
        if cell.is_span() {
            self.arena.keep_of(&from.arena, cell).unwrap_or(Cell::NULL)
        } else {
            cell
        }
    }

    /// The bytes of a cell are needed no more: nobody holds a copy of it.
    pub fn release(&mut self, cell: Cell) {
        self.arena.release(cell);
    }

    /// Copies what is alive into a new arena when more than half of the old one is dead. `roots`
    /// has to visit every cell of this table that is held outside of its columns; cells that it
    /// misses are lost.
    #[inline]
    pub fn compact_if_worth(&mut self, roots: &mut dyn FnMut(Visit<'_>)) {
        if !self.arena.worth_compacting() {
            return;
        }
        let old = core::mem::take(&mut self.arena);
        let arena = &mut self.arena;
        let mut carry = |cell: &mut Cell| {
            let Some(text) = old.get(*cell) else { return };
            let carried = match cell.kind() {
                CellKind::Json => arena.keep_new(text, true, text.is_ascii()),
                _ => arena.keep(text),
            };
            // Less is kept than there was, so that there is always room.
            *cell = carried.unwrap_or(Cell::NULL);
        };
        for column in &mut self.columns {
            column.cells_mut().for_each(&mut carry);
        }
        roots(&mut carry);
        self.arena.settle();
    }

    // --- visible order ------------------------------------------------------------------------

    /// The visible rows, in order.
    pub fn order(&self) -> &[RowIx] {
        &self.order
    }

    /// Whether the row is in the order.
    pub fn is_visible(&self, row: RowIx) -> bool {
        self.position(row).is_some()
    }

    /// Where in the order the row stands.
    #[inline]
    pub fn position(&self, row: RowIx) -> Option<usize> {
        match self.heads.get(row.ix()) {
            Some(head) if head.place < HIDDEN => Some(head.place as usize),
            _ => None,
        }
    }

    /// Puts hidden rows into the order, before the one at position `at`, or at the end. Rows that
    /// are visible already stay where they are; free ones are ignored.
    pub fn show(&mut self, rows: &[RowIx], at: Option<usize>) {
        let end = self.order.len();
        let at = at.map_or(end, |at| at.min(end));
        let mut coming: Vec<RowIx> = Vec::with_capacity(rows.len());
        for row in rows {
            // A row that is named twice comes once: its place is taken at the first time.
            if let Some(Head { place, .. }) = self.heads.get_mut(row.ix())
                && *place == HIDDEN
            {
                *place = 0;
                coming.push(*row);
                self.intervals.touch(*row);
            }
        }
        self.order.splice(at..at, coming);
        self.renumber(at);
    }

    /// Takes rows out of the order; they stay findable by id.
    pub fn hide(&mut self, rows: &[RowIx]) {
        let mut first = self.order.len();
        for row in rows {
            if let Some(at) = self.position(*row) {
                first = first.min(at);
                self.intervals.touch(*row);
            }
        }
        if first == self.order.len() {
            return;
        }
        if let [row] = rows {
            if let Some(Head { place, .. }) = self.heads.get_mut(row.ix()) {
                *place = HIDDEN;
            }
            self.order.remove(first);
        } else {
            for row in rows {
                if let Some(Head { place, .. }) = self.heads.get_mut(row.ix())
                    && *place != FREE
                {
                    *place = HIDDEN;
                }
            }
            let mut to = first;
            for at in first..self.order.len() {
                let row = self.order.get(at).copied().unwrap_or(RowIx(0));
                if let Some(Head { place, .. }) = self.heads.get_mut(row.ix())
                    && *place != HIDDEN
                {
                    *place = to as u32;
                    if let Some(slot) = self.order.get_mut(to) {
                        *slot = row;
                    }
                    to += 1;
                }
            }
            self.order.truncate(to);
            return;
        }
        self.renumber(first);
    }

    /// Replaces the order: rows that aren't in the new one become hidden, free and repeated ones
    /// are left out.
    #[inline]
    pub fn set_order(&mut self, order: Vec<RowIx>) {
        let mut changed: Vec<RowIx> = Vec::new();
        for row in core::mem::take(&mut self.order) {
            if let Some(Head { place, .. }) = self.heads.get_mut(row.ix()) {
                *place = HIDDEN;
            }
            changed.push(row);
        }
        let were_visible = changed.len();
        self.order = order;
        let heads = &mut self.heads;
        let mut at = 0;
        self.order.retain(|row| match heads.get_mut(row.ix()) {
            Some(Head { place, .. }) if *place == HIDDEN => {
                *place = at;
                at += 1;
                true
            }
            _ => false,
        });
        if were_visible == self.order.len() && changed.iter().all(|row| self.is_visible(*row)) {
            return; // The same rows: their times haven't changed.
        }
        self.intervals.reset();
    }

    fn renumber(&mut self, from: usize) {
        for (at, row) in self.order.iter().enumerate().skip(from) {
            if let Some(Head { place, .. }) = self.heads.get_mut(row.ix()) {
                *place = at as u32;
            }
        }
    }

    // --- ids ----------------------------------------------------------------------------------

    /// The row with that id: a visible one if there is one, else a hidden one.
    pub fn find_id(&self, id: IdRef<'_>) -> Option<RowIx> {
        // Nearly always there is one, and it is visible.
        let first = self.ids.find_first(id, |row| self.id_of(row))?;
        if self.is_visible(first) {
            return Some(first);
        }
        let mut hidden = None;
        for row in self.ids.find(id, |row| self.id_of(row)) {
            if self.is_visible(row) {
                return Some(row);
            }
            hidden = Some(row);
        }
        hidden
    }

    /// Whether two cells are one id: `4037` and `"4037"` are.
    pub fn same_id(&self, a: Cell, b: Cell) -> bool {
        match (self.id_ref(a), self.id_ref(b)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }
    }

    /// A number (also one kept by its digits) or text cell as an id; everything else is none.
    pub fn id_ref(&self, cell: Cell) -> Option<IdRef<'_>> {
        id_ref(&self.arena, cell)
    }

    fn id_of(&self, row: RowIx) -> Option<IdRef<'_>> {
        row_id(&self.columns, self.schema.id, &self.arena, row)
    }

    // --- time ---------------------------------------------------------------------------------

    /// The visible rows that lie, at least in part, between two instants (ms), by start: `row.start
    /// < end && row.end > start`, and where a row has no length `start <= row.start && row.start <
    /// end`. A missing end, or one before the start, is the start.
    pub fn range(&mut self, start: f64, end: f64) -> &[RowIx] {
        let Some((start_field, end_field)) = self.schema.interval else {
            return &[];
        };
        if start.is_nan() || end.is_nan() {
            return &[];
        }
        let (heads, columns) = (&self.heads, &self.columns);
        let (Some(starts), Some(ends)) =
            (columns.get(start_field.ix()), columns.get(end_field.ix()))
        else {
            return &[];
        };
        let end_of = |row: RowIx| ends.get(row.ix()).as_number();
        let span_of = |row: RowIx| {
            if heads.get(row.ix())?.place >= HIDDEN {
                return None;
            }
            let start = starts.get(row.ix()).as_number()?;
            let end = end_of(row).unwrap_or(start);
            Some(Span {
                start,
                end: if end > start { end } else { start },
            })
        };
        let at_least = |row| end_of(row).unwrap_or(f64::NEG_INFINITY);
        self.intervals
            .range((start, end), heads.len(), span_of, at_least)
    }

    /// Bytes of memory held, indexes included.
    pub fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(Column::bytes).sum();
        let rows = 2 * self.heads.capacity() + self.free.capacity() + self.order.capacity();
        columns + self.arena.bytes() + rows * 4 + self.ids.bytes() + self.intervals.bytes()
    }
}

fn id_ref(arena: &Arena, cell: Cell) -> Option<IdRef<'_>> {
    match cell.kind() {
        CellKind::Number => cell.as_number().map(IdRef::Number),
        CellKind::Text => arena.get(cell).map(IdRef::Text),
        CellKind::Json => arena
            .get(cell)
            .filter(|text| is_digits(text.as_bytes()))
            .map(IdRef::Digits),
        _ => None,
    }
}

/// Whether the text of a JSON cell is a number, kept by its digits because no `f64` holds it.
/// Elsewhere JSON cells are objects and arrays.
pub fn is_digits(json: &[u8]) -> bool {
    matches!(json.first(), Some(b'-' | b'0'..=b'9'))
}

fn row_id<'a>(
    columns: &[Column],
    field: FieldIx,
    arena: &'a Arena,
    row: RowIx,
) -> Option<IdRef<'a>> {
    id_ref(arena, columns.get(field.ix())?.get(row.ix()))
}

#[cfg(test)]
mod tests;
