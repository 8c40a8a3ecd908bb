//! One field's cells.

use crate::prelude::*;
use crate::value::Cell;

const CHUNK_BITS: usize = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

/// The cells of one field, in chunks of a fixed size: growing never copies, and columns that grow
/// together leave no holes in memory. What was never written is absent and takes no room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    chunks: Vec<Vec<Cell>>,
}

impl Column {
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Cell {
        match self.chunks.get(row >> CHUNK_BITS) {
            Some(chunk) => chunk
                .get(row & (CHUNK - 1))
                .copied()
                .unwrap_or(Cell::ABSENT),
            None => Cell::ABSENT,
        }
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, row: usize, cell: Cell) {
        let at = row & (CHUNK - 1);
        if let Some(chunk) = self.chunks.get_mut(row >> CHUNK_BITS) {
            if chunk.len() == at && at < chunk.capacity() {
                chunk.push(cell);
                return;
            }
            if let Some(place) = chunk.get_mut(at) {
                *place = cell;
                return;
            }
        }
        self.put_slow(row, cell);
    }

    #[cold]
    #[inline(never)]
    fn put_slow(&mut self, row: usize, cell: Cell) {
        let (which, at) = (row >> CHUNK_BITS, row & (CHUNK - 1));
        if self.chunks.len() <= which {
            if cell.is_absent() {
                return;
            }
            self.chunks.resize_with(which + 1, Vec::new);
        }
        if let Some(chunk) = self.chunks.get_mut(which) {
            // The first chunk grows with its store; a later one means that there will be more.
            if which > 0 && chunk.capacity() < CHUNK {
                chunk.reserve_exact(CHUNK - chunk.len());
            }
            if chunk.len() <= at {
                chunk.resize(at, Cell::ABSENT);
                chunk.push(cell);
            }
        }
    }

    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        self.chunks.iter_mut().flatten()
    }

    pub(crate) fn bytes(&self) -> usize {
        let cells: usize = self.chunks.iter().map(Vec::capacity).sum();
        cells * size_of::<Cell>() + self.chunks.capacity() * size_of::<Vec<Cell>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_whatever_the_order_of_writing() {
        let mut column = Column::default();
        for row in [5000, 3, 0, 1023, 1024, 4, 5000] {
            column.put(row, Cell::number(row as f64));
        }
        for row in 0..6000 {
            let expected = match row {
                0 | 3 | 4 | 1023 | 1024 | 5000 => Cell::number(row as f64),
                _ => Cell::ABSENT,
            };
            assert_eq!(column.get(row), expected, "row {row}");
        }
    }
}
