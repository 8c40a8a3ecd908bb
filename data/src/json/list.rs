//! Reads the records of one list into a table.

use super::dom;
use super::plan::{KeyIx, Plan, START, Target, Way, halves, masks};
use super::rows::Rows;
use super::scan::{
    Run, Step, Stop, Written, bad, byte, check, literal, number, run_into, string, string_after,
    text, token, unescape,
};
use super::skip::{Skipper, minify};
use super::{ReadErrorKind, SectionSpec};
use crate::number::SAFE_INTEGER;
use crate::prelude::*;
use crate::schema::date::{midnight, read_iso_wall, read_usual};
use crate::schema::kind::round;
use crate::schema::zone::ZoneCursor;
use crate::schema::{Field, FieldIx, FieldKind, Zone};
use crate::table::{RowIx, SHORT};
use crate::value::{Cell, Value, write_number};

/// Reads the records of one list.
#[derive(Debug)]
pub(super) struct ListReader {
    pub(super) rows: Rows,
    zone: Zone,
    cursor: ZoneCursor,
    groups: Vec<String>,
    plan: Plan,
    scratch: String,
    /// The record that is being read, and those whose children it is among.
    open: Vec<Open>,
}

/// A record that has begun.
#[derive(Clone, Copy, Debug)]
struct Open {
    row: RowIx,
    /// The last key that was read.
    last: KeyIx,
    /// How many warnings there were when everything before had been read.
    warnings: usize,
}

/// How far the reader of a record has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// To its end.
    Done,
    /// To its children: the list of them has been opened.
    Children,
}

impl ListReader {
    #[inline]
    pub(super) fn new(spec: &SectionSpec, zone: &Zone) -> Self {
        let mut rows = Rows::new(spec);
        rows.table.begin_read();
        let mut plan = Plan::new();
        let mut groups: Vec<String> = Vec::new();
        if spec.schema.parent.is_some() {
            plan.set("children", Target::Children);
        }
        plan.set("success", Target::Success);
        plan.set("error", Target::Error);
        for (at, field) in spec.schema.fields().iter().enumerate() {
            let Some(first) = field.path.first() else {
                continue;
            };
            let known = plan.find(first).and_then(|key| plan.get(key));
            let target = match known.map(|key| key.target) {
                Some(group @ Target::Group(_)) => group,
                _ if field.path.len() > 1 => {
                    groups.push(first.clone());
                    Target::Group(groups.len() as u16 - 1)
                }
                _ => Target::Field(FieldIx(at as u16), Way::of(&field.kind)),
            };
            plan.set(first, target);
        }
        for (name, target) in [
            (&spec.phantom_id_field, Target::PhantomId),
            (&spec.phantom_parent_id_field, Target::PhantomParentId),
        ] {
            plan.set(name, target);
        }
        Self {
            rows,
            zone: zone.clone(),
            cursor: ZoneCursor::default(),
            groups,
            plan,
            scratch: String::new(),
            open: Vec::new(),
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Begins a record, whose opening brace has been read.
    #[inline]
    pub(super) fn begin(&mut self) {
        let row = self.rows.table.push_read();
        if let Some(parent) = self.open.last() {
            self.rows.nested.push((row, parent.row));
        }
        self.open.push(Open {
            row,
            last: START,
            warnings: self.rows.warnings.len(),
        });
    }

    /// A record that is given by its id alone.
    pub(super) fn plain_id(&mut self, bytes: &[u8], at: usize) -> Step<usize> {
        let id = self.rows.table.schema().id;
        let kind = self
            .rows
            .table
            .schema()
            .field(id)
            .map(|id| Way::of(&id.kind));
        let target = (id, kind.unwrap_or(Way::Plain));
        // Whether all of it is there has to be known before there is a row.
        Skipper::default().run(bytes, &mut { at })?;
        let row = self.rows.table.push_read();
        self.value(bytes, at, row, target)
    }

    /// Goes on in the open record; `fresh` when its opening brace was the last that was read, else
    /// a member was. When there is no more text, nothing has happened.
    #[inline(never)]
    pub(super) fn record(&mut self, bytes: &[u8], at: &mut usize, fresh: bool) -> Step<Record> {
        let mark = self.rows.table.read_mark();
        let read = self.members(bytes, *at, fresh);
        match read {
            Ok((end, record)) => {
                *at = end;
                if record == Record::Done {
                    self.open.pop();
                }
                Ok(record)
            }
            Err(stop) => {
                self.rows.table.read_back_to(mark);
                if let Some(open) = self.open.last() {
                    self.rows.warnings.truncate(open.warnings);
                }
                Err(stop)
            }
        }
    }

    fn members(&mut self, bytes: &[u8], from: usize, fresh: bool) -> Step<(usize, Record)> {
        let Some(Open { row, mut last, .. }) = self.open.last().copied() else {
            return bad(from);
        };
        let mut next = self.plan.get(last).map_or(START, |key| key.next);
        let (mut at, mut comma) = (from, !fresh);
        loop {
            let place = match bytes.get(at) {
                Some(b',') if comma => token(bytes, at + 1)?.1,
                _ if comma => bytes.len(),
                _ => at,
            };
            let (target, value) = match self.plan.get(next) {
                Some(key) if key.stands_at(bytes, place) => {
                    last = next;
                    next = key.next;
                    (key.target, place + key.len)
                }
                _ => match self.member(bytes, at, comma, &mut last)? {
                    (None, end) => return Ok((end, Record::Done)),
                    (Some(target), value) => {
                        next = self.plan.get(last).map_or(START, |key| key.next);
                        (target, value)
                    }
                },
            };
            let (first_of_value, value) = token(bytes, value)?;
            at = match target {
                Target::Field(field, way) => {
                    let (cell, end) = self.cell(bytes, (first_of_value, value), field, way)?;
                    self.rows.table.put_read(row, field, cell);
                    end
                }
                Target::Children if first_of_value == b'[' => {
                    let warnings = self.rows.warnings.len();
                    if let Some(open) = self.open.last_mut() {
                        open.last = last;
                        open.warnings = warnings;
                    }
                    return Ok((value + 1, Record::Children));
                }
                _ => self.aside(bytes, value, row, target)?,
            };
            comma = true;
        }
    }

    /// What comes next in a record, blanks allowed: a member, of which it gives what becomes of it
    /// and where its value begins, or the end, of which it gives the place after it.
    #[inline(never)]
    fn member(
        &mut self,
        bytes: &[u8],
        at: usize,
        comma: bool,
        last: &mut KeyIx,
    ) -> Step<(Option<Target>, usize)> {
        let (mut first, mut at) = token(bytes, at)?;
        match first {
            b'}' => return Ok((None, at + 1)),
            b',' if comma => (first, at) = token(bytes, at + 1)?,
            _ if comma => return bad(at),
            _ => {}
        }
        if first != b'"' {
            return bad(at);
        }
        let (target, value) = self.key(bytes, at, last)?;
        Ok((Some(target), value))
    }

    /// Reads a key; gives what becomes of its member, and where the value begins.
    fn key(&mut self, bytes: &[u8], at: usize, last: &mut KeyIx) -> Step<(Target, usize)> {
        // Most likely, optional members are missing: which key follows which stays as it is.
        let mut ahead = *last;
        for _ in 0..4 {
            ahead = self.plan.get(ahead).map_or(START, |key| key.next);
            if let Some(key) = self.plan.get(ahead)
                && key.stands_at(bytes, at)
            {
                *last = ahead;
                return Ok((key.target, at + key.len));
            }
        }
        let raw = string(bytes, at + 1)?;
        let (colon, place) = token(bytes, raw.end + 1)?;
        if colon != b':' {
            return bad(place);
        }
        let mut unescaped = String::new();
        let mut name = text(bytes, at + 1, raw.end);
        if raw.escaped {
            unescape(name, &mut unescaped);
            name = &unescaped;
        }
        let key = match self.plan.find(name) {
            Some(key) => key,
            None => match self.new_field(&[name.to_owned()]) {
                Some(target) => self.plan.set(name, target),
                None => return Ok((Target::Ignored, place + 1)),
            },
        };
        self.plan.follows(key, *last);
        *last = key;
        let target = self.plan.get(key).map_or(Target::Ignored, |key| key.target);
        Ok((target, place + 1))
    }

    fn new_field(&mut self, path: &[String]) -> Option<Target> {
        let name = path.join(".");
        if self.rows.table.schema().find(&name).is_some() {
            // A field of that name is read from another member.
            self.rows.warn(|| {
                format!("the member `{name}` was left out: the field `{name}` is read from another")
            });
            return Some(Target::Ignored);
        }
        let mut field = Field::new(name, FieldKind::Auto);
        field.path = path.to_vec();
        field.declared = false;
        let Some(field) = self.rows.table.ensure_field(field) else {
            self.rows
                .warn(|| "members were left out: a store has too many fields".into());
            return None;
        };
        Some(Target::Field(field, Way::Plain))
    }

    /// Reads the value of a field into its cell, and gives the place after it.
    #[inline(never)]
    fn value(&mut self, bytes: &[u8], at: usize, row: RowIx, field: (FieldIx, Way)) -> Step<usize> {
        let first = byte(bytes, at)?;
        let (cell, end) = self.cell(bytes, (first, at), field.0, field.1)?;
        self.rows.table.put_read(row, field.0, cell);
        Ok(end)
    }

    /// Reads a field's value, given its first byte and where that stands; gives the place after it.
    #[inline(always)]
    fn cell(
        &mut self,
        bytes: &[u8],
        (first, at): (u8, usize),
        field: FieldIx,
        way: Way,
    ) -> Step<(Cell, usize)> {
        Ok(match first {
            b'"' => match way {
                Way::Plain | Way::Text => self.plain_text(bytes, at + 1)?,
                Way::Iso if let Some((wall, is_utc, end)) = read_usual(bytes, at + 1) => {
                    let ms = match is_utc {
                        true => wall as f64,
                        false => self.cursor.instant(&self.zone, wall as f64),
                    };
                    (Cell::number(ms), end)
                }
                _ => self.other_text(bytes, at + 1, field, way)?,
            },
            b'-' | b'0'..=b'9' => {
                let (value, end) = number(bytes, at)?;
                let cell = match way {
                    Way::Plain if value.abs() >= SAFE_INTEGER => {
                        return self.large_number(bytes, (at, end), value);
                    }
                    Way::Text | Way::Boolean | Way::PlainDate | Way::PatternDate => {
                        self.odd(field, Value::Number(value))?
                    }
                    Way::Integer => Cell::number(round(value)),
                    _ => Cell::number(value),
                };
                (cell, end)
            }
            b't' => {
                let end = literal(bytes, at, b"true")?;
                (self.bool(field, way, true)?, end)
            }
            b'f' => {
                let end = literal(bytes, at, b"false")?;
                (self.bool(field, way, false)?, end)
            }
            b'n' => (Cell::NULL, literal(bytes, at, b"null")?),
            _ => self.nested(bytes, at)?,
        })
    }

    fn bool(&mut self, field: FieldIx, way: Way, bool: bool) -> Step<Cell> {
        match way {
            Way::Text | Way::Number | Way::Integer => self.odd(field, Value::Bool(bool)),
            _ => Ok(Cell::bool(bool)),
        }
    }

    /// Reads text into the arena; gives its cell and the place after it.
    #[inline(always)]
    fn plain_text(&mut self, bytes: &[u8], from: usize) -> Step<(Cell, usize)> {
        let run = run_into(bytes, from, self.rows.table.room());
        // Ways that meet again would do so in memory, which takes longer than the text itself.
        if !run.whole {
            return self.text_after(bytes, from, run);
        }
        check(bytes, from, run.end, run.ascii)?;
        Ok((self.keep_room(run.end - from, run.ascii), run.end + 1))
    }

    /// Keeps the text that stands in the room.
    #[inline(always)]
    fn keep_room(&mut self, len: usize, ascii: bool) -> Cell {
        let table = &mut self.rows.table;
        match table.room().first_chunk::<SHORT>() {
            Some(chunk) if len <= SHORT => {
                let (low, high) = halves(chunk);
                let (low_mask, high_mask) = masks(len);
                table.keep_short_room(low & low_mask, high & high_mask, len, ascii)
            }
            _ => table.keep_room(len, ascii),
        }
    }

    /// The same for text that doesn't end with its first run.
    #[inline(never)]
    fn text_after(&mut self, bytes: &[u8], from: usize, run: Run) -> Step<(Cell, usize)> {
        match string_after(bytes, from, run, self.rows.table.room())? {
            Some(Written { end, len, ascii }) => Ok((self.keep_room(len, ascii), end + 1)),
            None => self.text_elsewhere(bytes, from),
        }
    }

    /// Text that the room didn't suffice for.
    #[inline(never)]
    fn text_elsewhere(&mut self, bytes: &[u8], from: usize) -> Step<(Cell, usize)> {
        let found = string(bytes, from)?;
        let raw = text(bytes, from, found.end);
        let cell = if found.escaped {
            self.scratch.clear();
            unescape(raw, &mut self.scratch);
            self.rows.table.keep_text(&self.scratch)
        } else {
            self.rows.table.keep_text(raw)
        };
        let cell = cell.ok_or(Stop::Bad(ReadErrorKind::TooLarge, from))?;
        Ok((cell, found.end + 1))
    }

    /// Text in fields that don't hold text.
    #[inline(never)]
    fn other_text(
        &mut self,
        bytes: &[u8],
        from: usize,
        field: FieldIx,
        way: Way,
    ) -> Step<(Cell, usize)> {
        let found = string(bytes, from)?;
        let raw = text(bytes, from, found.end);
        let cell = if found.escaped {
            let mut unescaped = core::mem::take(&mut self.scratch);
            unescaped.clear();
            unescape(raw, &mut unescaped);
            let cell = self.odd(field, Value::Text(&unescaped));
            self.scratch = unescaped;
            cell?
        } else if matches!(way, Way::Iso | Way::PlainDate)
            && let Some(ms) = self.date(raw, way)
        {
            Cell::number(ms)
        } else {
            self.odd(field, Value::Text(raw))?
        };
        Ok((cell, found.end + 1))
    }

    /// A value that isn't of the kind's own form.
    #[inline(never)]
    fn odd(&mut self, field: FieldIx, value: Value<'_>) -> Step<Cell> {
        Ok(self.rows.table.make_field_cell(field, value, &self.zone))
    }

    #[inline]
    fn date(&mut self, text: &str, way: Way) -> Option<f64> {
        let (wall, offset) = read_iso_wall(text.as_bytes())?;
        if way == Way::PlainDate {
            return Some(self.cursor.instant(&self.zone, midnight(wall) as f64));
        }
        Some(match offset {
            Some(offset) => (wall - offset) as f64,
            None => self.cursor.instant(&self.zone, wall as f64),
        })
    }

    #[inline(never)]
    /// A whole number that would lose digits is kept by them: it may be an id.
    #[cold]
    fn large_number(
        &mut self,
        bytes: &[u8],
        (from, end): (usize, usize),
        value: f64,
    ) -> Step<(Cell, usize)> {
        let digits = text(bytes, from, end);
        let mut rounded = Vec::new();
        write_number(value, &mut rounded);
        let whole = digits
            .bytes()
            .all(|byte| !matches!(byte, b'.' | b'e' | b'E'));
        if !whole || rounded == digits.as_bytes() {
            return Ok((Cell::number(value), end));
        }
        let cell = self.rows.table.keep_json(digits);
        let cell = cell.ok_or(Stop::Bad(ReadErrorKind::TooLarge, from))?;
        Ok((cell, end))
    }

    fn nested(&mut self, bytes: &[u8], at: usize) -> Step<(Cell, usize)> {
        let (json, end) = self.raw(bytes, at)?;
        let cell = self.rows.table.keep_json(&json);
        self.scratch = json;
        let cell = cell.ok_or(Stop::Bad(ReadErrorKind::TooLarge, at))?;
        Ok((cell, end))
    }

    /// The text of the value at `at` without blanks, in the scratch room (to be given back), and
    /// the place after it.
    fn raw(&mut self, bytes: &[u8], at: usize) -> Step<(String, usize)> {
        let mut skipper = Skipper::default();
        let mut end = at;
        skipper.run(bytes, &mut end)?;
        let raw = text(bytes, at, end);
        let mut json = core::mem::take(&mut self.scratch);
        json.clear();
        if skipper.blanks {
            minify(raw, &mut json);
        } else {
            json.push_str(raw);
        }
        Ok((json, end))
    }

    /// Members that are no field's value.
    #[inline(never)]
    fn aside(&mut self, bytes: &[u8], at: usize, row: RowIx, target: Target) -> Step<usize> {
        let (json, end) = self.raw(bytes, at)?;
        match target {
            Target::Group(which) => {
                let name = self.groups.get(usize::from(which)).cloned();
                self.group(&json, &mut name.into_iter().collect(), row)?;
            }
            Target::Children => match json.as_str() {
                // There are some, to be loaded when they are wanted.
                "true" => {
                    if let Some(leaf) = self.rows.table.schema().find("leaf") {
                        self.rows.table.put_read(row, leaf, Cell::bool(false));
                    }
                }
                "null" | "false" => {}
                _ => self
                    .rows
                    .warn(|| "`children` of a record are no list".into()),
            },
            Target::PhantomId => put_aside(&mut self.rows.phantom_ids, row, &json),
            Target::PhantomParentId => put_aside(&mut self.rows.phantom_parent_ids, row, &json),
            Target::Success | Target::Error => self.outcome(&json, row, target)?,
            Target::Field(..) | Target::Ignored => {}
        }
        self.scratch = json;
        Ok(end)
    }

    /// `success` and `error` of a record that isn't a field: what the server says of it, or a field
    /// after all.
    fn outcome(&mut self, json: &str, row: RowIx, target: Target) -> Step<()> {
        let value = dom::Value::parse(json.as_bytes()).unwrap_or_default();
        let error = match &value {
            dom::Value::Text(text) => Some(text.clone()),
            dom::Value::Object(object) => match object.get("message") {
                Some(dom::Value::Text(text)) => Some(text.clone()),
                _ => Some(json.to_owned()),
            },
            _ => None,
        };
        let (name, is_outcome) = match target {
            Target::Success => ("success", value.as_bool().is_some()),
            _ => ("error", error.is_some()),
        };
        if is_outcome && let Some(outcome) = self.rows.outcome_mut(row) {
            match target {
                Target::Success => outcome.success = value.as_bool(),
                _ => outcome.error = error,
            }
            return Ok(());
        }
        if value.is_null() {
            return Ok(());
        }
        // The keys stay as they are: the next record may say it in the usual form.
        let mut field = Field::new(name, FieldKind::Auto);
        field.declared = false;
        if let Some(field) = self.rows.table.ensure_field(field) {
            // A number needs to be followed by something.
            self.value(format!("{json} ").as_bytes(), 0, row, (field, Way::Plain))?;
        }
        Ok(())
    }

    /// Reads nested fields from a value, given as JSON text without blanks that has been checked.
    /// Goes as deep as paths of fields do.
    fn group(&mut self, json: &str, path: &mut Vec<String>, row: RowIx) -> Step<()> {
        let bytes = json.as_bytes();
        if self.field_at(path).is_some() || (bytes.first() != Some(&b'{') && json != "null") {
            self.nested_value(json, path, row)?;
        }
        if json == "null" {
            let fields = self.rows.table.schema().fields();
            let deeper = (0..fields.len() as u16).map(FieldIx).zip(fields);
            let deeper: Vec<FieldIx> = deeper
                .filter(|(_, field)| field.path.starts_with(path))
                .map(|(ix, _)| ix)
                .collect();
            for field in deeper {
                self.rows.table.put_read(row, field, Cell::NULL);
            }
        }
        if bytes.first() != Some(&b'{') {
            return Ok(());
        }
        let mut at = 1;
        while let b'"' | b',' = byte(bytes, at)? {
            at += usize::from(bytes.get(at) == Some(&b','));
            let key = string(bytes, at + 1)?;
            let mut name = String::new();
            unescape(text(bytes, at + 1, key.end), &mut name);
            let from = key.end + 2;
            at = from;
            Skipper::default().run(bytes, &mut at)?;
            let value = json.get(from..at).unwrap_or_default();
            path.push(name);
            if self.is_prefix(path) {
                self.group(value, path, row)?;
            } else {
                self.nested_value(value, path, row)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn nested_value(&mut self, json: &str, path: &[String], row: RowIx) -> Step<()> {
        let field = match self.field_at(path) {
            Some(field) => field,
            None => match self.new_field(path) {
                Some(Target::Field(field, way)) => (field, way),
                _ => return Ok(()),
            },
        };
        // A number needs to be followed by something.
        self.value(format!("{json} ").as_bytes(), 0, row, field)
            .map(drop)
    }

    fn field_at(&self, path: &[String]) -> Option<(FieldIx, Way)> {
        let fields = self.rows.table.schema().fields();
        let at = fields.iter().position(|field| field.path == path)?;
        Some((FieldIx(at as u16), Way::of(&fields.get(at)?.kind)))
    }

    fn is_prefix(&self, path: &[String]) -> bool {
        let mut fields = self.rows.table.schema().fields().iter();
        fields.any(|field| field.path.len() > path.len() && field.path.starts_with(path))
    }
}

fn put_aside(list: &mut Vec<(RowIx, Box<str>)>, row: RowIx, json: &str) {
    let value = dom::Value::parse(json.as_bytes()).unwrap_or_default();
    let Some(text) = value.plain_text() else {
        return;
    };
    // The same record may be read again after more text has come.
    if list.last().is_some_and(|(last, _)| *last == row) {
        list.pop();
    }
    list.push((row, text.into()));
}
