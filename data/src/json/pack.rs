//! Rows in the packed form in which hosts read them: a block of rows in one go, two text decodings
//! for the whole block.
//!
//! # The format
//!
//! Three buffers, filled by [`pack`] and read from start to end:
//!
//! `words`, little-endian 64-bit words. Two words of header:
//! 1. low 32 bits: how many rows; high 32 bits: how many fields.
//! 2. low 32 bits: length of `ascii` in bytes; high 32 bits: length of the text in `utf8` in UTF-16
//!    code units, once decoded.
//!
//! Then, row after row, `1 + fields` words:
//! - the row's handle: low 32 bits its place, high 32 bits its generation;
//! - one word per field, in the order in which the fields were asked for. Its upper 16 bits say
//!   what it is:
//!
//! | upper 16 bits | value |
//! |---|---|
//! | below `0xFFF9` | the whole word is a number (an `f64`) |
//! | `0xFFF9` | `null` |
//! | `0xFFFA` | absent (`undefined`) |
//! | `0xFFFB` | a boolean: the lowest bit |
//! | `0xFFFC` | text |
//! | `0xFFFD` | the JSON text of an object or array |
//!
//! For text and JSON text, bit 32 says in which blob it lies (1: `ascii`, 0: `utf8`), and the low
//! 32 bits are its length in UTF-16 code units (for ASCII that is also its length in bytes). Texts
//! lie in each blob in the order of their words, without gaps: a host decodes both blobs as a whole
//! (`ascii` as `latin1` or `utf-8`, `utf8` as `utf-8`), keeps one position in each, and takes the
//! next so many code units.
//!
//! Text may begin with U+FEFF, which a `TextDecoder` swallows unless it is made with `ignoreBOM: true`.
//!
//! In a date field, text is a date that nobody could read: it is packed as `null`.
//!
//! In JavaScript, over the same memory:
//!
//! ```js
//! const numbers = new Float64Array(words), halves = new Uint32Array(words);
//! const value = numbers[i];
//! if (value === value) return value; // no NaN: a number
//! const tag = halves[2 * i + 1] >>> 16, isAscii = halves[2 * i + 1] & 1, length = halves[2 * i];
//! ```

use crate::prelude::*;
use crate::schema::{FieldIx, FieldKind};
use crate::table::{RowIx, Table, is_digits};
use crate::value::{Cell, CellKind};

/// The buffers of packed rows; kept and filled again by hosts.
#[derive(Clone, Debug, Default)]
pub struct PackBuffer {
    /// Header and cells.
    pub words: Vec<u64>,
    /// Text that is plain ASCII.
    pub ascii: Vec<u8>,
    /// Other text, UTF-8.
    pub utf8: Vec<u8>,
}

const IN_ASCII: u64 = 1 << 32;
const TEXT_TAG: u64 = 0xFFFC << 48;

/// Fills the buffer with rows; what was in it is gone. Rows and fields that aren't there have
/// absent cells.
pub fn pack(table: &Table, rows: &[RowIx], fields: &[FieldIx], out: &mut PackBuffer) {
    out.ascii.clear();
    out.utf8.clear();
    let mut words = core::mem::take(&mut out.words);
    words.clear();
    words.resize(2 + rows.len() * (1 + fields.len()), 0);
    let mut units = 0u64;
    if let [shape, lengths, cells @ ..] = words.as_mut_slice() {
        *shape = rows.len() as u64 | (fields.len() as u64) << 32;
        read_cells(table, rows, fields, cells);
        for cells in cells.chunks_exact_mut(1 + fields.len()) {
            for (word, field) in cells.iter_mut().skip(1).zip(fields) {
                let cell = Cell::from_bits(*word);
                if cell.is_span() {
                    *word = match cell.kind() {
                        CellKind::Text if is_date(table, *field) => Cell::NULL.bits(),
                        _ => text_word(table, cell, out, &mut units),
                    };
                }
            }
        }
        *lengths = out.ascii.len() as u64 | units << 32;
    }
    out.words = words;
}

/// Puts the cells of rows where their words will be. Rows lie far apart, so that most of the time
/// goes by with waiting for memory: column by column, and text by text, it is waited for together.
fn read_cells(table: &Table, rows: &[RowIx], fields: &[FieldIx], words: &mut [u64]) {
    let width = 1 + fields.len();
    for (row, words) in rows.iter().zip(words.chunks_exact_mut(width)) {
        let handle = table.handle(*row);
        if let Some(word) = words.first_mut() {
            *word = u64::from(handle.row.0) | u64::from(handle.generation) << 32;
        }
    }
    for (at, field) in (1..).zip(fields) {
        for (row, words) in rows.iter().zip(words.chunks_exact_mut(width)) {
            if let Some(word) = words.get_mut(at) {
                *word = table.cell(*row, *field).bits();
            }
        }
    }
    let mut seen = 0;
    for words in words.chunks_exact(width) {
        for word in words.iter().skip(1) {
            let text = table.text_bytes(Cell::from_bits(*word));
            seen ^= text.and_then(<[u8]>::first).copied().unwrap_or(0);
        }
    }
    core::hint::black_box(seen);
}

fn is_date(table: &Table, field: FieldIx) -> bool {
    let field = table.schema().field(field);
    field.is_some_and(|field| matches!(field.kind, FieldKind::Date(_)))
}

fn text_word(table: &Table, cell: Cell, out: &mut PackBuffer, units: &mut u64) -> u64 {
    let text = table.text_bytes(cell).unwrap_or_default();
    let mut tag = cell.bits() & (0xFFFF << 48);
    if cell.kind() == CellKind::Json && is_digits(text) {
        // JavaScript's numbers don't hold it either.
        tag = TEXT_TAG;
    }
    if cell.span_parts().2 {
        out.ascii.extend_from_slice(text);
        return tag | IN_ASCII | text.len() as u64;
    }
    out.utf8.extend_from_slice(text);
    let len = utf16_len(text);
    *units += len;
    tag | len
}

/// Every character is one UTF-16 code unit, those of four bytes are two.
fn utf16_len(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .map(|byte| u64::from((*byte as i8) >= -0x40) + u64::from(*byte >= 0xF0))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{DateFormat, Field, Schema};
    use crate::value::Value;

    /// Reads a buffer as its description says, texts as `"…"`, JSON as it is.
    fn unpack(buffer: &PackBuffer) -> Vec<(u32, u32, Vec<String>)> {
        let (rows, fields) = (buffer.words[0] as u32, (buffer.words[0] >> 32) as usize);
        let ascii: Vec<u16> = buffer.ascii.iter().map(|byte| u16::from(*byte)).collect();
        let utf8: Vec<u16> = str::from_utf8(&buffer.utf8)
            .unwrap()
            .encode_utf16()
            .collect();
        assert_eq!(
            buffer.words[1],
            ascii.len() as u64 | (utf8.len() as u64) << 32
        );
        let (mut at, mut in_ascii, mut in_utf8) = (2, 0, 0);
        let mut unpacked = Vec::new();
        for _ in 0..rows {
            let handle = buffer.words[at];
            let cells = buffer.words[at + 1..at + 1 + fields].iter().map(|word| {
                let len = *word as u32 as usize;
                let (blob, from) = match word >> 32 & 1 {
                    1 => (&ascii, &mut in_ascii),
                    _ => (&utf8, &mut in_utf8),
                };
                let mut text = || {
                    *from += len;
                    String::from_utf16(&blob[*from - len..*from]).unwrap()
                };
                match word >> 48 {
                    0xFFF9 => "null".into(),
                    0xFFFA => "absent".into(),
                    0xFFFB => (word & 1 == 1).to_string(),
                    0xFFFC => format!("\"{}\"", text()),
                    0xFFFD => text(),
                    _ => f64::from_bits(*word).to_string(),
                }
            });
            unpacked.push((handle as u32, (handle >> 32) as u32, cells.collect()));
            at += 1 + fields;
        }
        assert_eq!(at, buffer.words.len());
        assert_eq!((in_ascii, in_utf8), (ascii.len(), utf8.len()));
        unpacked
    }

    #[test]
    fn a_block_of_rows_reads_back_as_the_description_says() {
        let mut table = Table::new(Schema::new(Field::new("id", FieldKind::Auto)), 7);
        let name = table
            .ensure_field(Field::new("name", FieldKind::Text))
            .unwrap();
        let date = FieldKind::Date(DateFormat::IsoUtc);
        let date = table.ensure_field(Field::new("date", date)).unwrap();
        let values = [
            [
                Value::Number(1.5),
                Value::Text("plain"),
                Value::Number(-3.0),
            ],
            [
                Value::Bool(true),
                Value::Text("Zoë 😀 ok"),
                Value::Text("nonsense"),
            ],
            [Value::Null, Value::Text(""), Value::Absent],
            [
                Value::Json("-9007199254740993"),
                Value::Text("日本"),
                Value::Json("{\"é\":1}"),
            ],
        ];
        for row in values {
            let at = table.push_row();
            for (field, value) in [FieldIx(0), name, date].into_iter().zip(row) {
                let cell = table.make_cell(value);
                table.set_cell(at, field, cell);
            }
        }
        let mut buffer = PackBuffer::default();
        let rows: Vec<RowIx> = [1, 0, 2, 3, 9].map(RowIx).into();
        pack(
            &table,
            &rows,
            &[FieldIx(0), name, date, FieldIx(50)],
            &mut buffer,
        );
        let row = |row: u32, generation: u32, cells: [&str; 4]| {
            (row, generation, cells.map(String::from).to_vec())
        };
        let expected = [
            row(1, 7, ["true", "\"Zoë 😀 ok\"", "null", "absent"]),
            row(0, 7, ["1.5", "\"plain\"", "-3", "absent"]),
            row(2, 7, ["null", "\"\"", "absent", "absent"]),
            row(
                3,
                7,
                ["\"-9007199254740993\"", "\"日本\"", "{\"é\":1}", "absent"],
            ),
            row(9, 0, ["absent", "absent", "absent", "absent"]),
        ];
        assert_eq!(unpack(&buffer), expected);
    }
}
