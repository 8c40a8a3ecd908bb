//! Where in a response the reader is, and what it makes of the next unit. All of it is `#[inline]`,
//! as what runs once per call is: so it is compiled in the crate that calls it, for size, and not
//! in this one, for speed.

use super::dom::{Members, Value};
use super::list::{ListReader, Record};
use super::rows::warn;
use super::scan::{Step, Stop, bad, string, text, token, unescape};
use super::skip::Skipper;
use super::{
    ENVELOPE_MEMBER_MAX, ReadError, ReadErrorKind, Response, Section, SectionSpec, TREE_DEPTH_MAX,
};
use crate::prelude::*;
use crate::schema::Zone;
use crate::value::read_number;

/// What some servers begin with.
pub(super) const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Which list of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rows,
    Removed,
    Added,
    Updated,
}

/// What may come in an object or list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    ItemOrEnd,
    Item,
    CommaOrEnd,
}

/// What to do with a value that is passed over.
#[derive(Clone, Debug)]
pub(super) enum Keep {
    Nothing,
    Member(String, String),
    Total(usize, String),
}

/// Something that has begun and not ended.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// Nothing was read of a response.
    Start,
    /// Nothing was read of rows.
    StartRows,
    /// Everything was read.
    End,
    Envelope(Expect),
    Section(usize, Expect),
    List(usize, Kind, Expect),
    /// A record that was cut off, or waits for its children; whether it has just begun.
    Record(bool),
    Skip(Skipper, Keep),
}

/// Reads units, and knows where it is.
#[derive(Debug)]
pub(super) struct Machine {
    specs: Vec<SectionSpec>,
    zone: Zone,
    pub(super) response: Response,
    /// What goes into its envelope at the end.
    envelope: Vec<(String, Value)>,
    pub(super) frames: Vec<Frame>,
    /// The list that is being read.
    list: Option<Box<ListReader>>,
    /// Bytes read before the text at hand.
    pub(super) passed: u64,
}

/// What stands next in an object.
enum Member {
    End,
    Comma,
    /// Its key, and the first byte of its value, which stands at the place.
    Key(String, u8),
}

impl Machine {
    #[inline]
    pub(super) fn new(specs: Vec<SectionSpec>, zone: Zone, root: Frame) -> Self {
        Self {
            response: Response {
                envelope: Members::new(),
                sections: specs.iter().map(|_| Section::default()).collect(),
                warnings: Vec::new(),
                quiet: false,
            },
            envelope: Vec::new(),
            specs,
            zone,
            frames: vec![root],
            list: None,
            passed: 0,
        }
    }

    /// What was read.
    #[inline]
    pub(super) fn finish(mut self) -> Response {
        self.response.envelope = Members::from_list(self.envelope);
        self.response
    }

    /// Reads as many units as there are, and gives how much of the text they were.
    #[inline]
    pub(super) fn run(&mut self, bytes: &[u8]) -> Result<usize, ReadError> {
        let mut at = 0;
        loop {
            match self.step(bytes, &mut at) {
                Ok(()) => {}
                Err(Stop::More) => break,
                Err(Stop::Bad(kind, place)) => {
                    return Err(ReadError {
                        kind: kind_at(kind, bytes.get(place..).unwrap_or_default()),
                        offset: self.passed + place as u64,
                    });
                }
            }
        }
        self.passed += at as u64;
        Ok(at)
    }

    #[inline]
    fn step(&mut self, bytes: &[u8], at: &mut usize) -> Step<()> {
        match self.frames.last_mut() {
            Some(Frame::Start | Frame::StartRows) => self.start(bytes, at),
            Some(Frame::Envelope(expect)) => {
                let member = member(bytes, at, expect)?;
                self.envelope_member(member, at);
                Ok(())
            }
            Some(Frame::Section(section, expect)) => {
                let section = *section;
                let member = member(bytes, at, expect)?;
                self.section_member(section, member, at)
            }
            Some(Frame::List(..)) => self.list_items(bytes, at),
            Some(Frame::Record(fresh)) => {
                let fresh = *fresh;
                self.leave();
                self.record(bytes, at, fresh)
            }
            Some(Frame::Skip(..)) => self.skip(bytes, at),
            Some(Frame::End) | None => {
                let (_, place) = token(bytes, *at)?;
                Err(Stop::Bad(ReadErrorKind::Trailing, place))
            }
        }
    }

    #[inline]
    fn leave(&mut self) {
        self.frames.pop();
    }

    #[inline]
    fn enter(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    #[inline]
    fn start(&mut self, bytes: &[u8], at: &mut usize) -> Step<()> {
        let mut from = *at;
        if self.passed == 0 && from == 0 {
            if bytes.starts_with(&BYTE_ORDER_MARK) {
                from = BYTE_ORDER_MARK.len();
            } else if BYTE_ORDER_MARK.starts_with(bytes) {
                return Err(Stop::More);
            }
        }
        let (first, place) = token(bytes, from)?;
        let is_response = matches!(self.frames.last(), Some(Frame::Start));
        self.frames = vec![Frame::End];
        match first {
            b'{' if is_response => self.enter(Frame::Envelope(Expect::ItemOrEnd)),
            b'{' | b'[' if !is_response => self.open_section(0, first),
            _ => return Err(Stop::Bad(ReadErrorKind::NotJson, place)),
        }
        *at = place + 1;
        Ok(())
    }

    #[inline]
    fn envelope_member(&mut self, member: Member, at: &mut usize) {
        let Member::Key(key, first) = member else {
            self.end_if(&member);
            return;
        };
        match self.specs.iter().position(|spec| spec.name == key) {
            Some(section) if matches!(first, b'{' | b'[') => {
                if let Some(section) = self.response.sections.get_mut(section) {
                    *section = Section::default();
                }
                self.open_section(section, first);
                *at += 1;
            }
            Some(_) => {
                if first != b'n' {
                    self.warn(|| {
                        format!("the section `{key}` was left out: it is no object and no array")
                    });
                }
                self.pass_over(Keep::Nothing);
            }
            None => self.pass_over(Keep::Member(key, String::new())),
        }
    }

    /// Opens a section, whose bracket is the next that is read.
    #[inline]
    fn open_section(&mut self, at: usize, bracket: u8) {
        if let Some(section) = self.response.sections.get_mut(at) {
            section.present = true;
        }
        if bracket == b'[' {
            self.open_list(at, Kind::Rows);
        } else {
            self.enter(Frame::Section(at, Expect::ItemOrEnd));
        }
    }

    #[inline]
    fn section_member(&mut self, section: usize, member: Member, at: &mut usize) -> Step<()> {
        let Member::Key(key, first) = member else {
            self.end_if(&member);
            return Ok(());
        };
        let kind = match key.as_str() {
            "rows" | "data" => Some(Kind::Rows),
            "removed" => Some(Kind::Removed),
            "added" => Some(Kind::Added),
            "updated" | "modified" => Some(Kind::Updated),
            _ => None,
        };
        match (kind, first) {
            (Some(kind), b'[') => {
                self.open_list(section, kind);
                *at += 1;
            }
            (Some(Kind::Rows), b'{') if key == "data" => {
                if self.frames.len() > TREE_DEPTH_MAX {
                    return Err(Stop::Bad(ReadErrorKind::TooDeep, *at));
                }
                self.enter(Frame::Section(section, Expect::ItemOrEnd));
                *at += 1;
            }
            (Some(_), _) => {
                if first != b'n' {
                    let name = self.name(section);
                    self.warn(|| {
                        format!("`{key}` of the section `{name}` was left out: it is no list")
                    });
                }
                self.pass_over(Keep::Nothing);
            }
            (None, _) if key == "total" => self.pass_over(Keep::Total(section, String::new())),
            (None, _) => self.pass_over(Keep::Nothing),
        }
        Ok(())
    }

    #[inline]
    fn end_if(&mut self, member: &Member) {
        if matches!(member, Member::End) {
            self.leave();
        }
    }

    #[inline]
    fn pass_over(&mut self, keep: Keep) {
        self.enter(Frame::Skip(Skipper::default(), keep));
    }

    #[inline]
    fn skip(&mut self, bytes: &[u8], at: &mut usize) -> Step<()> {
        let Some(Frame::Skip(skipper, keep)) = self.frames.last_mut() else {
            return bad(*at);
        };
        let from = *at;
        let read = skipper.run(bytes, at);
        let mut too_large = None;
        if let Keep::Member(_, kept) | Keep::Total(_, kept) = keep {
            let part = text(bytes, from, *at);
            if kept.len() + part.len() <= ENVELOPE_MEMBER_MAX {
                kept.push_str(part);
            } else if let Keep::Member(key, _) = core::mem::replace(keep, Keep::Nothing) {
                too_large = Some(key);
            }
        }
        if let Some(key) = too_large {
            self.warn(|| format!("the member `{key}` was left out: it is too large"));
        }
        read?;
        match self.frames.pop() {
            Some(Frame::Skip(_, Keep::Member(key, json))) => match Value::parse(json.as_bytes()) {
                Ok(value) => self.envelope.push((key, value)),
                // A number beyond all doubles.
                Err(_) => self.warn(|| format!("the member `{key}` was left out: it is no JSON")),
            },
            Some(Frame::Skip(_, Keep::Total(section, json))) => {
                let total = read_number(json.trim().trim_matches('"'));
                if let Some(section) = self.response.sections.get_mut(section) {
                    section.total = total;
                }
            }
            _ => {}
        }
        Ok(())
    }

    #[inline]
    fn open_list(&mut self, section: usize, kind: Kind) {
        if let Some(spec) = self.specs.get(section) {
            self.list = Some(Box::new(ListReader::new(spec, &self.zone)));
        }
        self.frames
            .push(Frame::List(section, kind, Expect::ItemOrEnd));
    }

    /// Reads items of the innermost list, until it ends, something else has to be read first, or
    /// there is no more text.
    #[inline]
    fn list_items(&mut self, bytes: &[u8], at: &mut usize) -> Step<()> {
        loop {
            let Some(Frame::List(section, kind, expect)) = self.frames.last_mut() else {
                return Ok(());
            };
            let (section, kind) = (*section, *kind);
            let (first, place) = token(bytes, *at)?;
            match (*expect, first) {
                (Expect::CommaOrEnd, b',') => {
                    *expect = Expect::Item;
                    *at = place + 1;
                }
                (Expect::CommaOrEnd | Expect::ItemOrEnd, b']') => {
                    *at = place + 1;
                    self.leave();
                    self.end_list(section, kind);
                    return Ok(());
                }
                (Expect::Item | Expect::ItemOrEnd, b'{') => {
                    *expect = Expect::CommaOrEnd;
                    *at = place + 1;
                    if let Some(list) = &mut self.list {
                        list.begin();
                    }
                    self.record(bytes, at, true)?;
                }
                (Expect::Item | Expect::ItemOrEnd, _) => {
                    if kind == Kind::Removed
                        && matches!(first, b'"' | b'-' | b'0'..=b'9')
                        && let Some(list) = &mut self.list
                    {
                        *at = list.plain_id(bytes, place)?;
                        *expect = Expect::CommaOrEnd;
                        continue;
                    }
                    *expect = Expect::CommaOrEnd;
                    *at = place;
                    let name = self.name(section);
                    self.warn(|| format!("a record of `{name}` was left out: it is no object"));
                    self.pass_over(Keep::Nothing);
                    return Ok(());
                }
                (Expect::CommaOrEnd, _) => return bad(place),
            }
        }
    }

    /// Goes on in the open record of the innermost list.
    #[inline]
    fn record(&mut self, bytes: &[u8], at: &mut usize, fresh: bool) -> Step<()> {
        let Some(list) = &mut self.list else {
            return bad(*at);
        };
        match list.record(bytes, at, fresh) {
            Ok(Record::Done) => Ok(()),
            Ok(Record::Children) => {
                if list.depth() > TREE_DEPTH_MAX {
                    return Err(Stop::Bad(ReadErrorKind::TooDeep, *at));
                }
                if let Some(Frame::List(section, kind, _)) = self.frames.last() {
                    let children = Frame::List(*section, *kind, Expect::ItemOrEnd);
                    self.frames.extend([Frame::Record(false), children]);
                }
                Ok(())
            }
            Err(stop) => {
                self.enter(Frame::Record(fresh));
                Err(stop)
            }
        }
    }

    #[inline]
    fn end_list(&mut self, section: usize, kind: Kind) {
        let is_nested = self.list.as_ref().is_some_and(|list| list.depth() > 0);
        if is_nested {
            return;
        }
        let Some(list) = self.list.take() else {
            return;
        };
        let mut rows = list.rows;
        rows.finish();
        let name = self.name(section);
        for warning in rows.warnings.drain(..) {
            warn(&mut self.response.warnings, || {
                format!("`{name}`: {warning}")
            });
        }
        if let Some(section) = self.response.sections.get_mut(section) {
            *match kind {
                Kind::Rows => &mut section.rows,
                Kind::Removed => &mut section.removed,
                Kind::Added => &mut section.added,
                Kind::Updated => &mut section.updated,
            } = Some(rows);
        }
    }

    #[inline]
    fn name(&self, section: usize) -> String {
        let spec = self.specs.get(section);
        spec.map_or_else(String::new, |spec| spec.name.clone())
    }

    fn warn(&mut self, warning: impl FnOnce() -> String) {
        warn(&mut self.response.warnings, warning);
    }
}

/// Bytes that stand where no JSON can are called broken JSON only if they are text at all.
#[inline]
fn kind_at(kind: ReadErrorKind, bytes: &[u8]) -> ReadErrorKind {
    let first = bytes.get(..4).unwrap_or(bytes);
    match (kind, str::from_utf8(first)) {
        (ReadErrorKind::Syntax, Err(error)) if error.valid_up_to() == 0 => ReadErrorKind::Encoding,
        _ => kind,
    }
}

/// Reads what stands next in an object. At a key, the place is then that of the value.
#[inline]
fn member(bytes: &[u8], at: &mut usize, expect: &mut Expect) -> Step<Member> {
    let (first, place) = token(bytes, *at)?;
    match (*expect, first) {
        (Expect::CommaOrEnd, b',') => {
            *expect = Expect::Item;
            *at = place + 1;
            Ok(Member::Comma)
        }
        (Expect::CommaOrEnd | Expect::ItemOrEnd, b'}') => {
            *at = place + 1;
            Ok(Member::End)
        }
        (Expect::Item | Expect::ItemOrEnd, b'"') => {
            let raw = string(bytes, place + 1)?;
            let (colon, colon_place) = token(bytes, raw.end + 1)?;
            if colon != b':' {
                return bad(colon_place);
            }
            let (first, value) = token(bytes, colon_place + 1)?;
            let mut key = String::new();
            unescape(text(bytes, place + 1, raw.end), &mut key);
            *expect = Expect::CommaOrEnd;
            *at = value;
            Ok(Member::Key(key, first))
        }
        _ => bad(place),
    }
}
