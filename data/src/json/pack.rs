//! Rows in the packed form in which hosts read them: a block of rows in one go, two text decodings
//! for the whole block.
//!
//! # The format
//!
//! Four buffers, filled by [`pack`]:
//!
//! `words`, little-endian 64-bit words. First one that says in its low 32 bits how many rows there
//! are, in its high 32 bits how many fields. Then, row after row, `1 + fields` words:
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
//! For text and JSON text, the low 32 bits say which of the pieces it is. Texts that many rows have
//! are mostly one piece: what is made of it is made once.
//!
//! `pieces`, a word of 32 bits for each: its length in UTF-16 code units (for ASCII that is also
//! its length in bytes) above the lowest bit, which says in which blob it lies (1: `ascii`, 0:
//! `utf8`). Pieces lie in each blob in their order, without gaps: a host decodes both blobs as a
//! whole (`ascii` as `latin1` or `utf-8`, `utf8` as `utf-8`), keeps one position in each, and takes
//! the next so many code units.
//!
//! Text may begin with U+FEFF, which a `TextDecoder` swallows unless it is made with
//! `ignoreBOM: true`.
//!
//! In a date field, text is a date that nobody could read: it is packed as `null`.
//!
//! In JavaScript, over the same memory:
//!
//! ```js
//! const numbers = new Float64Array(words), halves = new Uint32Array(words);
//! const value = numbers[i];
//! if (value === value) return value; // no NaN: a number
//! const tag = halves[2 * i + 1] >>> 16, piece = halves[2 * i];
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
    /// Lengths of the texts.
    pub pieces: Vec<u32>,
    /// Text that is plain ASCII.
    pub ascii: Vec<u8>,
    /// Other text, UTF-8.
    pub utf8: Vec<u8>,
}

const TEXT_TAG: u64 = 0xFFFC << 48;

/// Texts that were met, by a mixture of their bytes: the last of each, and which piece it is.
type Met = [(Cell, u32); 64];

/// Fills the buffer with rows; what was in it is gone. Rows and fields that aren't there have
/// absent cells.
pub fn pack(table: &Table, rows: &[RowIx], fields: &[FieldIx], out: &mut PackBuffer) {
    out.pieces.clear();
    out.ascii.clear();
    out.utf8.clear();
    let mut words = core::mem::take(&mut out.words);
    words.clear();
    words.resize(1 + rows.len() * (1 + fields.len()), 0);
    let mut met: Met = [(Cell::ABSENT, 0); 64];
    if let [shape, cells @ ..] = words.as_mut_slice() {
        *shape = rows.len() as u64 | (fields.len() as u64) << 32;
        read_cells(table, rows, fields, cells);
        for cells in cells.chunks_exact_mut(1 + fields.len()) {
            for (word, field) in cells.iter_mut().skip(1).zip(fields) {
                let cell = Cell::from_bits(*word);
                if cell.is_span() {
                    *word = match cell.kind() {
                        CellKind::Text if is_date(table, *field) => Cell::NULL.bits(),
                        _ => text_word(table, cell, out, &mut met),
                    };
                }
            }
        }
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

fn text_word(table: &Table, cell: Cell, out: &mut PackBuffer, met: &mut Met) -> u64 {
    let text = table.text_bytes(cell).unwrap_or_default();
    let mut tag = cell.bits() & (0xFFFF << 48);
    if cell.kind() == CellKind::Json && is_digits(text) {
        // JavaScript's numbers don't hold it either.
        tag = TEXT_TAG;
    }
    let byte = |at: usize| usize::from(text.get(at).copied().unwrap_or(0));
    let len = text.len();
    let mixed = len + 7 * byte(0) + 31 * byte(len / 2) + 3 * byte(len.wrapping_sub(1));
    let Some(known) = met.get_mut(mixed % 64) else {
        return tag;
    };
    if known.0 != cell && table.text_bytes(known.0) != Some(text) {
        known.1 = out.pieces.len() as u32;
        let ascii = cell.span_parts().2;
        let (blob, units) = match ascii {
            true => (&mut out.ascii, len as u32),
            false => (&mut out.utf8, utf16_len(text)),
        };
        blob.extend_from_slice(text);
        out.pieces.push(units << 1 | u32::from(ascii));
    }
    known.0 = cell;
    tag | u64::from(known.1)
}

/// Every character is one UTF-16 code unit, those of four bytes are two.
fn utf16_len(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .map(|byte| u32::from((*byte as i8) >= -0x40) + u32::from(*byte >= 0xF0))
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
        let (mut in_ascii, mut in_utf8) = (0, 0);
        let pieces: Vec<String> = buffer
            .pieces
            .iter()
            .map(|piece| {
                let (blob, from) = match piece & 1 {
                    1 => (&ascii, &mut in_ascii),
                    _ => (&utf8, &mut in_utf8),
                };
                let len = (piece >> 1) as usize;
                *from += len;
                String::from_utf16(&blob[*from - len..*from]).unwrap()
            })
            .collect();
        assert_eq!((in_ascii, in_utf8), (ascii.len(), utf8.len()));
        let mut at = 1;
        let mut unpacked = Vec::new();
        for _ in 0..rows {
            let handle = buffer.words[at];
            let cells = buffer.words[at + 1..at + 1 + fields].iter().map(|word| {
                let text = || pieces[*word as u32 as usize].clone();
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
    #[test]
    fn a_text_of_many_rows_is_one_piece() {
        let mut table = Table::new(Schema::new(Field::new("id", FieldKind::Auto)), 1);
        let name = table
            .ensure_field(Field::new("name", FieldKind::Text))
            .unwrap();
        let texts = ["blue", "", "Zoë", "blew", "blue", "Zoë", "", "blue"];
        for text in texts {
            let at = table.push_row();
            let cell = table.make_cell(Value::Text(text));
            table.set_cell(at, name, cell);
        }
        let mut buffer = PackBuffer::default();
        let rows: Vec<RowIx> = (0..texts.len() as u32).map(RowIx).collect();
        pack(&table, &rows, &[name], &mut buffer);
        assert_eq!(buffer.pieces.len(), 4);
        let read: Vec<String> = unpack(&buffer)
            .into_iter()
            .map(|(.., cells)| cells.concat())
            .collect();
        assert_eq!(read, texts.map(|text| format!("\"{text}\"")));
    }
}
