//! Reads responses piece by piece.
//!
//! Text is taken in units: a key of the envelope, a bracket, a whole record. A unit that the text
//! ends in is read again from its start when there is more, but not before the text has doubled
//! since the last attempt: so that also one large record in tiny pieces is read in time that is
//! linear in its size.

use super::machine::{BYTE_ORDER_MARK, Frame, Machine};
use super::rows::Rows;
use super::{ReadError, ReadErrorKind, Response, SectionSpec};
use crate::prelude::*;
use crate::schema::Zone;

/// At least so much text is added to a unit that was cut off.
const MORE: usize = 1 << 12;

/// Reads one response as its bytes arrive, in pieces of any size.
#[derive(Debug)]
pub struct ResponseReader {
    machine: Machine,
    /// Text that no whole unit could be made of.
    rest: Vec<u8>,
    /// How long that was when it was last tried.
    tried: usize,
    failed: Option<ReadError>,
}

impl ResponseReader {
    /// A reader for the sections of these stores; text without an offset in date fields is wall
    /// time in the zone.
    #[inline]
    pub fn new(specs: Vec<SectionSpec>, zone: Zone) -> Self {
        Self::with_root(specs, zone, Frame::Start)
    }

    #[inline]
    fn with_root(specs: Vec<SectionSpec>, zone: Zone, root: Frame) -> Self {
        Self {
            machine: Machine::new(specs, zone, root),
            rest: Vec::new(),
            tried: 0,
            failed: None,
        }
    }

    /// Takes the next piece. After an error every further piece gives the same error.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let fed = self.feed_bytes(bytes);
        if let Err(error) = &fed {
            self.failed = Some(error.clone());
        }
        fed
    }

    #[inline]
    fn feed_bytes(&mut self, mut bytes: &[u8]) -> Result<(), ReadError> {
        while !self.rest.is_empty() && !bytes.is_empty() {
            let len = self.rest.len().max(MORE);
            let (more, after) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
            let before = self.rest.len();
            self.rest.extend_from_slice(more);
            if self.rest.len() < self.tried * 2 {
                bytes = after;
                continue;
            }
            let rest = core::mem::take(&mut self.rest);
            let used = self.machine.run(&rest)?;
            self.rest = rest;
            if used >= before {
                bytes = bytes.get(used - before..).unwrap_or_default();
                self.rest.clear();
                self.tried = 0;
            } else {
                self.rest.drain(..used);
                self.tried = self.rest.len();
                bytes = after;
            }
        }
        if self.rest.is_empty() && !bytes.is_empty() {
            let used = self.machine.run(bytes)?;
            self.rest
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
            self.tried = self.rest.len();
        }
        Ok(())
    }

    /// Nothing more comes.
    #[inline]
    pub fn finish(self) -> Result<Response, ReadError> {
        self.end().map(Machine::finish)
    }

    #[inline]
    fn end(mut self) -> Result<Machine, ReadError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let rest = core::mem::take(&mut self.rest);
        let used = self.machine.run(&rest)?;
        let left = rest.get(used..).unwrap_or_default();
        if let Err(error) = str::from_utf8(left) {
            return Err(self.error_at(ReadErrorKind::Encoding, error.valid_up_to()));
        }
        match self.machine.frames.as_slice() {
            [Frame::End] => Ok(self.machine),
            [Frame::Start | Frame::StartRows] if is_blank(left) => {
                Err(self.error_at(ReadErrorKind::Empty, 0))
            }
            _ => Err(self.error_at(ReadErrorKind::Incomplete, left.len())),
        }
    }

    #[inline]
    fn error_at(&self, kind: ReadErrorKind, at: usize) -> ReadError {
        ReadError {
            kind,
            offset: self.machine.passed + at as u64,
        }
    }
}

#[inline]
fn is_blank(bytes: &[u8]) -> bool {
    bytes
        .strip_prefix(&BYTE_ORDER_MARK)
        .unwrap_or(bytes)
        .iter()
        .all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
}

#[inline]
pub(super) fn read_rows(bytes: &[u8], spec: &SectionSpec, zone: &Zone) -> Result<Rows, ReadError> {
    let mut reader = ResponseReader::with_root(vec![spec.clone()], zone.clone(), Frame::StartRows);
    reader.feed(bytes)?;
    let mut response = reader.end()?.finish();
    let section = response.sections.pop().unwrap_or_default();
    let mut rows = section.rows.unwrap_or_else(|| Rows::new(spec));
    rows.warnings.append(&mut response.warnings);
    Ok(rows)
}
