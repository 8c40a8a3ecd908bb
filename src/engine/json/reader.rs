//! Reads responses piece by piece.
//!
//! Text is taken in units: a key of the envelope, a bracket, a whole record. A unit that the text
//! ends in is read again from its start when there is more, but not before the text has doubled
//! since the last attempt: so that also one large record in tiny pieces is read in time that is
//! linear in its size.

use super::machine::{Frame, Machine};
use super::rows::Rows;
use super::{ReadError, ReadErrorKind, Response, SectionSpec};
use crate::engine::schema::Zone;
use crate::prelude::*;

/// So much text is checked and read at a time: what has been checked should still be in the
/// processor's cache.
const PIECE: usize = 1 << 16;
/// At least so much text is added to a unit that was cut off.
const MORE: usize = 1 << 12;

/// Reads one response as its bytes arrive, in pieces of any size.
#[derive(Debug)]
pub struct ResponseReader {
    machine: Machine,
    /// Text that no whole unit could be made of.
    rest: String,
    /// How long that was when it was last tried.
    tried: usize,
    /// The first bytes of a character that was cut off.
    cut: Vec<u8>,
    failed: Option<ReadError>,
}

impl ResponseReader {
    /// A reader for the sections of these stores; text without an offset in date fields is wall
    /// time in the zone.
    pub fn new(specs: Vec<SectionSpec>, zone: Zone) -> Self {
        Self::with_root(specs, zone, Frame::Start)
    }

    fn with_root(specs: Vec<SectionSpec>, zone: Zone, root: Frame) -> Self {
        Self {
            machine: Machine::new(specs, zone, root),
            rest: String::new(),
            tried: 0,
            cut: Vec::new(),
            failed: None,
        }
    }

    /// Takes the next piece. After an error every further piece gives the same error.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let fed = bytes
            .chunks(PIECE)
            .try_for_each(|piece| self.feed_piece(piece));
        if let Err(error) = &fed {
            self.failed = Some(error.clone());
        }
        fed
    }

    fn feed_piece(&mut self, mut bytes: &[u8]) -> Result<(), ReadError> {
        while !self.cut.is_empty() {
            let Some((byte, after)) = bytes.split_first() else {
                return Ok(());
            };
            self.cut.push(*byte);
            bytes = after;
            let cut = core::mem::take(&mut self.cut);
            match str::from_utf8(&cut) {
                Ok(character) => self.feed_text(character)?,
                Err(error) if error.error_len().is_none() => self.cut = cut,
                Err(_) => return Err(self.error_at(ReadErrorKind::Encoding, self.rest.len())),
            }
        }
        match str::from_utf8(bytes) {
            Ok(text) => self.feed_text(text),
            Err(error) => {
                let (text, cut) = bytes
                    .split_at_checked(error.valid_up_to())
                    .unwrap_or_default();
                self.feed_text(str::from_utf8(text).unwrap_or_default())?;
                if error.error_len().is_some() {
                    return Err(self.error_at(ReadErrorKind::Encoding, self.rest.len()));
                }
                self.cut = cut.to_vec();
                Ok(())
            }
        }
    }

    fn feed_text(&mut self, mut text: &str) -> Result<(), ReadError> {
        while !self.rest.is_empty() && !text.is_empty() {
            let mut len = text.len().min(self.rest.len().max(MORE));
            while !text.is_char_boundary(len) {
                len += 1;
            }
            let (more, after) = text.split_at_checked(len).unwrap_or((text, ""));
            let before = self.rest.len();
            self.rest.push_str(more);
            if self.rest.len() < self.tried * 2 {
                text = after;
                continue;
            }
            let rest = core::mem::take(&mut self.rest);
            let used = self.machine.run(&rest)?;
            self.rest = rest;
            if used >= before {
                text = text.get(used - before..).unwrap_or_default();
                self.rest.clear();
                self.tried = 0;
            } else {
                self.rest.drain(..used);
                self.tried = self.rest.len();
                text = after;
            }
        }
        if self.rest.is_empty() && !text.is_empty() {
            let used = self.machine.run(text)?;
            self.rest.push_str(text.get(used..).unwrap_or_default());
            self.tried = self.rest.len();
        }
        Ok(())
    }

    /// Nothing more comes.
    pub fn finish(self) -> Result<Response, ReadError> {
        self.end().map(Machine::finish)
    }

    fn end(mut self) -> Result<Machine, ReadError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let rest = core::mem::take(&mut self.rest);
        let used = self.machine.run(&rest)?;
        let left = rest.get(used..).unwrap_or_default();
        if !self.cut.is_empty() {
            return Err(self.error_at(ReadErrorKind::Encoding, left.len()));
        }
        match self.machine.frames.as_slice() {
            [Frame::End] => Ok(self.machine),
            [Frame::Start | Frame::StartRows] if is_blank(left) => {
                Err(self.error_at(ReadErrorKind::Empty, 0))
            }
            _ => Err(self.error_at(ReadErrorKind::Incomplete, left.len())),
        }
    }

    fn error_at(&self, kind: ReadErrorKind, at: usize) -> ReadError {
        ReadError {
            kind,
            offset: self.machine.passed + at as u64,
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .bytes()
        .all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
}

pub(super) fn read_rows(bytes: &[u8], spec: &SectionSpec, zone: &Zone) -> Result<Rows, ReadError> {
    let mut reader = ResponseReader::with_root(vec![spec.clone()], zone.clone(), Frame::StartRows);
    reader.feed(bytes)?;
    let mut response = reader.end()?.finish();
    let section = response.sections.pop().unwrap_or_default();
    let mut rows = section.rows.unwrap_or_else(|| Rows::new(spec));
    rows.warnings.append(&mut response.warnings);
    Ok(rows)
}
