//! Reads responses.

use serde_json::{Map, Value as Json};

use super::rows::{Rows, warn};
use super::{ReadError, ReadErrorKind, Response, Section, SectionSpec};
use crate::engine::schema::{Field, FieldIx, FieldKind, Zone};
use crate::engine::table::RowIx;
use crate::engine::value::{Cell, Value};

/// Reads one response as its bytes arrive, in pieces of any size.
#[derive(Debug)]
pub struct ResponseReader {
    specs: Vec<SectionSpec>,
    zone: Zone,
    bytes: Vec<u8>,
}

impl ResponseReader {
    /// A reader for the sections of these stores; text without an offset in date fields is wall time in the zone.
    pub fn new(specs: Vec<SectionSpec>, zone: Zone) -> Self {
        Self {
            specs,
            zone,
            bytes: Vec::new(),
        }
    }

    /// Takes the next piece.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Nothing more comes.
    pub fn finish(self) -> Result<Response, ReadError> {
        let Json::Object(mut envelope) = parse(&self.bytes)? else {
            return Err(error(ReadErrorKind::NotJson));
        };
        let mut warnings = Vec::new();
        let mut sections = Vec::new();
        for spec in &self.specs {
            let mut section = Section::default();
            match envelope.remove(&spec.name) {
                Some(Json::Array(list)) => {
                    section.present = true;
                    section.rows = Some(list_rows(list, spec, &self.zone, &mut warnings));
                }
                Some(Json::Object(object)) => {
                    section.present = true;
                    read_section(object, spec, &self.zone, &mut section, &mut warnings);
                }
                _ => {}
            }
            sections.push(section);
        }
        Ok(Response {
            envelope,
            sections,
            warnings,
        })
    }
}

pub(super) fn read_rows(bytes: &[u8], spec: &SectionSpec, zone: &Zone) -> Result<Rows, ReadError> {
    let mut section = Section::default();
    let mut warnings = Vec::new();
    match parse(bytes)? {
        Json::Array(list) => section.rows = Some(list_rows(list, spec, zone, &mut warnings)),
        Json::Object(object) => read_section(object, spec, zone, &mut section, &mut warnings),
        _ => return Err(error(ReadErrorKind::NotJson)),
    }
    let mut rows = section.rows.unwrap_or_else(|| Rows::new(spec));
    rows.warnings.append(&mut warnings);
    Ok(rows)
}

fn parse(bytes: &[u8]) -> Result<Json, ReadError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|_| error(ReadErrorKind::Syntax))
}

fn error(kind: ReadErrorKind) -> ReadError {
    ReadError { kind, offset: 0 }
}

fn read_section(
    object: Map<String, Json>,
    spec: &SectionSpec,
    zone: &Zone,
    section: &mut Section,
    warnings: &mut Vec<String>,
) {
    for (key, value) in object {
        match (key.as_str(), value) {
            ("rows" | "data", Json::Array(list)) => {
                section.rows = Some(list_rows(list, spec, zone, warnings));
            }
            ("data", Json::Object(object)) => read_section(object, spec, zone, section, warnings),
            ("removed", Json::Array(list)) => {
                section.removed = Some(list_rows(list, spec, zone, warnings));
            }
            ("added", Json::Array(list)) => {
                section.added = Some(list_rows(list, spec, zone, warnings));
            }
            ("updated" | "modified", Json::Array(list)) => {
                section.updated = Some(list_rows(list, spec, zone, warnings));
            }
            ("total", total) => section.total = total.as_f64(),
            _ => {}
        }
    }
}

fn list_rows(list: Vec<Json>, spec: &SectionSpec, zone: &Zone, warnings: &mut Vec<String>) -> Rows {
    let mut rows = Rows::new(spec);
    for item in list {
        match item {
            Json::Object(object) => {
                read_row(object, spec, zone, &mut rows);
            }
            _ => warn(warnings, || {
                format!("a row of `{}` is no object", spec.name)
            }),
        }
    }
    rows.finish();
    rows
}

fn read_row(object: Map<String, Json>, spec: &SectionSpec, zone: &Zone, rows: &mut Rows) -> RowIx {
    let row = rows.table.push_row();
    for (key, value) in object {
        if key == spec.phantom_id_field {
            let text: Box<str> = value.as_str().unwrap_or_default().into();
            rows.phantom_ids.push((row, text));
        } else if key == "children" && spec.schema.parent.is_some() {
            for child in value.as_array().into_iter().flatten() {
                if let Json::Object(child) = child {
                    let child = read_row(child.clone(), spec, zone, rows);
                    rows.nested.push((child, row));
                }
            }
        } else {
            read_member(&mut vec![key], value, zone, rows, row);
        }
    }
    row
}

fn read_member(path: &mut Vec<String>, value: Json, zone: &Zone, rows: &mut Rows, row: RowIx) {
    let fields = rows.table.schema().fields();
    if let Json::Object(object) = &value
        && fields
            .iter()
            .any(|f| f.path.len() > path.len() && f.path.starts_with(path))
    {
        for (key, value) in object.clone() {
            path.push(key);
            read_member(path, value, zone, rows, row);
            path.pop();
        }
        return;
    }
    let found = fields.iter().position(|f| f.path == *path);
    let field = match found {
        Some(at) => FieldIx(at as u16),
        None => {
            let mut field = Field::new(path.join("."), FieldKind::Auto);
            field.path = path.clone();
            field.declared = false;
            match rows.table.ensure_field(field) {
                Some(field) => field,
                None => return rows.warn(|| "there are too many fields".into()),
            }
        }
    };
    let text = value.to_string();
    let cell: Cell = match &value {
        Json::Null => Cell::NULL,
        Json::Bool(bool) => rows.table.make_field_cell(field, Value::Bool(*bool), zone),
        Json::Number(number) => {
            let number = number.as_f64().unwrap_or(0.0);
            rows.table
                .make_field_cell(field, Value::Number(number), zone)
        }
        Json::String(text) => rows.table.make_field_cell(field, Value::Text(text), zone),
        _ => rows.table.make_field_cell(field, Value::Json(&text), zone),
    };
    rows.table.put_read(row, field, cell);
}
