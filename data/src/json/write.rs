//! JSON text into bytes.

use super::scan::copy_run;
use crate::prelude::*;
use crate::schema::{Field, FieldIx, FieldKind, Zone};
use crate::table::{RowIx, Table};
use crate::value::{Cell, CellKind, Value, write_number};

/// Appends text as a JSON string, quotes included.
pub fn string(text: &str, out: &mut Vec<u8>) {
    string_bytes(text.as_bytes(), out);
}

/// The same for text that is known to be UTF-8.
fn string_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 16);
    out.push(b'"');
    let mut at = 0;
    loop {
        at = copy_run(bytes, at, out);
        let Some(byte) = bytes.get(at) else {
            break;
        };
        at += 1;
        let short = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            _ => {
                let hex = |digit: u8| digit + if digit < 10 { b'0' } else { b'a' - 10 };
                out.extend_from_slice(b"\\u00");
                out.push(hex(byte >> 4));
                out.push(hex(byte & 15));
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}

/// Appends a number as JavaScript prints it; NaN and the infinities as `null`.
pub fn number(number: f64, out: &mut Vec<u8>) {
    write_number(number, out);
}

/// Appends a value; what is absent as `null`.
pub fn value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Absent | Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::Text(text) => string(text, out),
        Value::Json(json) => out.extend_from_slice(json.as_bytes()),
    }
}

/// Appends a cell as its field is written: dates in the field's format. A number that is no date of
/// JavaScript's stays a number.
pub fn field(table: &Table, cell: Cell, field: &Field, zone: &Zone, out: &mut Vec<u8>) {
    if let (FieldKind::Date(format), Some(ms)) = (&field.kind, cell.as_number()) {
        let start = out.len();
        out.push(b'"');
        let text_start = out.len();
        if format.write(ms, zone, out) {
            escape_tail(text_start, out);
            out.push(b'"');
            return;
        }
        out.truncate(start);
    }
    match table.text_bytes(cell) {
        Some(text) if cell.kind() == CellKind::Text => string_bytes(text, out),
        _ => value(table.value(cell), out),
    }
}

/// Appends a record as an object: its id, then fields as they are written. `heads` has by field the
/// quoted name and the colon.
pub fn record(
    table: &Table,
    row: RowIx,
    fields: &[(FieldIx, Cell)],
    heads: &[Vec<u8>],
    zone: &Zone,
    out: &mut Vec<u8>,
) {
    let schema = table.schema();
    let mut between = b'{';
    for (ix, cell) in [(schema.id, table.cell(row, schema.id))]
        .iter()
        .chain(fields)
    {
        if let (Some(head), Some(of)) = (heads.get(ix.ix()), schema.field(*ix)) {
            out.push(between);
            out.extend_from_slice(head);
            field(table, *cell, of, zone, out);
            between = b',';
        }
    }
    out.push(b'}');
}

/// A pattern's literal text may hold what JSON escapes.
fn escape_tail(from: usize, out: &mut Vec<u8>) {
    let tail = out.get(from..).unwrap_or_default();
    if !tail
        .iter()
        .any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))
    {
        return;
    }
    let text = String::from_utf8_lossy(tail).into_owned();
    out.truncate(from.saturating_sub(1));
    string(&text, out);
    out.pop();
}

/// Writes one JSON object, member by member. Fields with dotted paths that begin alike share nested
/// objects, wherever they come.
///
/// ```
/// use syncline_data::json::write::Object;
///
/// let mut out = Vec::new();
/// let mut object = Object::begin(&mut out);
/// object.member("id").extend_from_slice(b"7");
/// object.path(&["meta".into(), "x".into()]).extend_from_slice(b"1");
/// object.member("name").extend_from_slice(b"null");
/// object.path(&["meta".into(), "y".into()]).extend_from_slice(b"2");
/// object.end();
/// assert_eq!(out, br#"{"id":7,"name":null,"meta":{"x":1,"y":2}}"#);
/// ```
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
    nested: Vec<(Vec<String>, Vec<u8>)>,
}

impl<'a> Object<'a> {
    /// Begins an object.
    pub fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self {
            out,
            first: true,
            nested: Vec::new(),
        }
    }

    /// Whether nothing has been written into it.
    pub fn is_empty(&self) -> bool {
        self.first && self.nested.is_empty()
    }

    /// Where to write the value of a member, which must be done before the next.
    pub fn member(&mut self, name: &str) -> &mut Vec<u8> {
        if !core::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        string(name, self.out);
        self.out.push(b':');
        self.out
    }

    /// The same for a member whose head (quoted name and colon) has been written before.
    #[inline(never)]
    pub fn headed(&mut self, head: &[u8]) -> &mut Vec<u8> {
        if !core::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        for byte in head {
            self.out.push(*byte);
        }
        self.out
    }

    /// Where to write the value of a nested member. Members that stand deeper are written at the
    /// end of the object.
    pub fn path(&mut self, path: &[String]) -> &mut Vec<u8> {
        if let [name] = path {
            return self.member(name);
        }
        let at = self.nested.len();
        self.nested.push((path.to_vec(), Vec::new()));
        match self.nested.get_mut(at) {
            Some((_, value)) => value,
            None => self.out,
        }
    }

    /// Writes a field of a record.
    pub fn field(&mut self, table: &Table, cell: Cell, of: &Field, zone: &Zone) {
        field(table, cell, of, zone, self.path(of.sent_path()));
    }

    /// Ends the object.
    pub fn end(self) {
        let Self {
            out,
            mut first,
            nested,
        } = self;
        let entries: Vec<(&[String], &[u8])> = nested
            .iter()
            .map(|(path, value)| (path.as_slice(), value.as_slice()))
            .collect();
        write_nested(&entries, &mut first, out);
        out.push(b'}');
    }
}

/// Members grouped by the first name of their paths. Goes as deep as the longest path of the app's
/// configuration.
fn write_nested(entries: &[(&[String], &[u8])], first: &mut bool, out: &mut Vec<u8>) {
    for (at, (path, value)) in entries.iter().enumerate() {
        let Some((name, rest)) = path.split_first() else {
            continue;
        };
        let earlier = entries.get(..at).unwrap_or_default();
        if earlier.iter().any(|(path, _)| path.first() == Some(name)) {
            continue;
        }
        if !core::mem::take(first) {
            out.push(b',');
        }
        string(name, out);
        out.push(b':');
        if rest.is_empty() {
            out.extend_from_slice(value);
            continue;
        }
        let group: Vec<(&[String], &[u8])> = entries
            .iter()
            .filter(|(path, _)| path.first() == Some(name))
            .filter_map(|(path, value)| Some((path.get(1..)?, *value)))
            .collect();
        out.push(b'{');
        write_nested(&group, &mut true, out);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{DateFormat, Schema};

    #[test]
    fn text_is_escaped_so_that_it_reads_back() {
        let mut all = String::new();
        all.extend((0..0x300).filter_map(char::from_u32));
        all.push_str("\u{2028}\u{2029}😀\u{10FFFF}");
        let mut out = Vec::new();
        string(&all, &mut out);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), all);
        out.clear();
        string("a\"b\\c\n\u{1}", &mut out);
        assert_eq!(out, br#""a\"b\\c\n\u0001""#);
    }

    #[test]
    fn a_field_is_written_in_its_format_and_nonsense_as_it_came() {
        let mut when = Field::new("when", FieldKind::Date(DateFormat::DateOnly));
        let mut table = Table::new(Schema::new(Field::new("id", FieldKind::Auto)), 1);
        let nonsense = table.make_cell(Value::Text("0000-00-00"));
        let json = table.make_cell(Value::Json("[1,2]"));
        let write = |cell: Cell, when: &Field| {
            let mut out = Vec::new();
            field(&table, cell, when, &Zone::default(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write(Cell::number(0.0), &when), "\"1970-01-01\"");
        assert_eq!(write(Cell::number(1e300), &when), "1e+300");
        assert_eq!(write(nonsense, &when), "\"0000-00-00\"");
        assert_eq!(write(json, &when), "[1,2]");
        assert_eq!(write(Cell::ABSENT, &when), "null");
        let odd = DateFormat::parse_config(Some("YYYY\"MM\\DD")).unwrap();
        when.kind = FieldKind::Date(odd);
        assert_eq!(write(Cell::number(0.0), &when), r#""1970\"01\\01""#);
    }

    #[test]
    fn dotted_fields_that_begin_alike_share_one_object() {
        let path = |text: &str| -> Vec<String> { text.split('.').map(Into::into).collect() };
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        assert!(object.is_empty());
        for (at, name) in ["a.b.c", "id", "a.d", "e.f", "a.b.g"]
            .into_iter()
            .enumerate()
        {
            number(at as f64, object.path(&path(name)));
        }
        object.end();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            r#"{"id":1,"a":{"b":{"c":0,"g":4},"d":2},"e":{"f":3}}"#
        );
    }
}
