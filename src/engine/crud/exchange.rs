//! One load or sync on its way: asked about, sent, answered, judged.
//!
//! ```text
//! Vetting ──► Outfitting ──► Wire ──► Judging ──► Approving ──► (applied)
//! before…     beforeSend     HTTP     beforeResponseApply   before…Apply
//! ```
//! From every stage an exchange can end early (veto, failure, cancel, a newer load); it never goes
//! back. A stage whose question nobody listens to is passed in the same turn. [`Phase::may_become`]
//! is the table of what is legal.

use crate::engine::effect::{HttpRequest, RequestKind};
use crate::engine::input::{AskId, CallId, RequestId, StoreId};
use crate::engine::json::{ReadError, ReadErrorKind, Response, ResponseReader};
use crate::engine::time::Millis;
use crate::prelude::*;

use super::lazy::Brings;
use super::package::LoadOptions;
use super::verdict::MESSAGE_MAX;

/// A load or sync on its way.
#[derive(Debug)]
pub struct Exchange {
    /// Names this attempt.
    pub request: RequestId,
    /// Load or sync.
    pub kind: RequestKind,
    /// The `requestId` on the wire; a repeated package keeps it.
    pub wire_id: u64,
    /// Promises that settle with it.
    pub calls: Vec<CallId>,
    /// The pack, as JSON text.
    pub pack: Vec<u8>,
    /// The stores that it speaks for, in the order in which its sections are read.
    pub stores: Vec<StoreId>,
    /// Whether the host keeps the response's bytes.
    pub keep_response: bool,
    /// Where it stands.
    pub stage: Stage,
    /// What only a load or only a sync knows.
    pub detail: Detail,
}

/// What only a load or only a sync knows about its exchange.
#[derive(Debug)]
pub enum Detail {
    /// A load.
    Load {
        /// What the call asked for.
        options: Box<LoadOptions>,
        /// What will be there afterwards.
        brings: Option<Brings>,
        /// Made by the engine, to learn what became of additions.
        reconcile: bool,
        /// Merely to hear of news: the status doesn't speak of it.
        quiet: bool,
    },
    /// A sync.
    Sync {
        /// Whether the package went out before.
        repeated: bool,
    },
}

/// Where an exchange stands, with what only that stage needs.
#[derive(Debug)]
pub enum Stage {
    /// Listeners are asked whether it may go out.
    Vetting(AskId),
    /// Listeners are asked what the request shall look like.
    Outfitting(AskId, Box<HttpRequest>),
    /// The request is on the wire.
    Wire(Box<Incoming>),
    /// Listeners are asked about the response.
    Judging(AskId, Box<Received>),
    /// Listeners are asked about applying it.
    Approving(AskId, Box<Received>),
    /// Between two stages of one turn.
    Passing(Phase),
}

/// A stage's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// See [`Stage::Vetting`].
    Vetting,
    /// See [`Stage::Outfitting`].
    Outfitting,
    /// See [`Stage::Wire`].
    Wire,
    /// See [`Stage::Judging`].
    Judging,
    /// See [`Stage::Approving`].
    Approving,
}

impl Phase {
    /// Whether an exchange may go on from here to there.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Vetting, Self::Outfitting)
                | (Self::Outfitting, Self::Wire)
                | (Self::Wire, Self::Judging)
                | (Self::Judging, Self::Approving)
        )
    }
}

/// An answer that comes in.
#[derive(Debug)]
pub struct Incoming {
    /// The HTTP status, once the head has come.
    pub status: Option<u16>,
    /// When it is given up.
    pub deadline: Option<Millis>,
    reader: Option<ResponseReader>,
    broken: Option<ReadError>,
    /// How the body begins: for messages about answers that can't be read.
    head: Vec<u8>,
}

/// An answer that is complete.
#[derive(Debug)]
pub struct Received {
    /// The HTTP status.
    pub status: u16,
    /// What it holds, or why it can't be read.
    pub response: Result<Response, ReadError>,
    /// How the body begins.
    pub head: Vec<u8>,
}

impl Exchange {
    /// The name of the stage.
    pub const fn phase(&self) -> Phase {
        match self.stage {
            Stage::Vetting(_) => Phase::Vetting,
            Stage::Outfitting(..) => Phase::Outfitting,
            Stage::Wire(_) => Phase::Wire,
            Stage::Judging(..) => Phase::Judging,
            Stage::Approving(..) => Phase::Approving,
            Stage::Passing(phase) => phase,
        }
    }

    /// The question that it waits for, if any.
    pub const fn ask(&self) -> Option<AskId> {
        match &self.stage {
            Stage::Vetting(ask)
            | Stage::Outfitting(ask, _)
            | Stage::Judging(ask, _)
            | Stage::Approving(ask, _) => Some(*ask),
            Stage::Wire(_) | Stage::Passing(_) => None,
        }
    }

    /// Goes on to the next stage.
    pub fn enter(&mut self, stage: Stage) {
        let before = self.phase();
        self.stage = stage;
        debug_assert!(
            before == self.phase() || before.may_become(self.phase()),
            "an exchange went from {before:?} to {:?}",
            self.phase()
        );
    }

    /// Takes what the stage holds, to go on in the same turn.
    pub fn pass(&mut self) -> Stage {
        let phase = self.phase();
        core::mem::replace(&mut self.stage, Stage::Passing(phase))
    }

    /// When it is given up, while it is on the wire.
    pub fn poll_timeout(&self) -> Option<Millis> {
        match &self.stage {
            Stage::Wire(incoming) => incoming.deadline,
            Stage::Vetting(_)
            | Stage::Outfitting(..)
            | Stage::Judging(..)
            | Stage::Approving(..)
            | Stage::Passing(_) => None,
        }
    }

    /// Whether the request went out, so that the server may have got it.
    pub const fn sent(&self) -> bool {
        !matches!(self.phase(), Phase::Vetting | Phase::Outfitting)
    }
}

/// HTTP's "no content": a success that has nothing to say.
const NO_CONTENT: u16 = 204;

impl Incoming {
    /// Waits for an answer that `reader` can read.
    pub const fn new(reader: ResponseReader, deadline: Option<Millis>) -> Self {
        Self {
            status: None,
            deadline,
            reader: Some(reader),
            broken: None,
            head: Vec::new(),
        }
    }

    /// A piece of the body.
    pub fn on_chunk(&mut self, bytes: &[u8]) {
        let room = MESSAGE_MAX.saturating_sub(self.head.len()).min(bytes.len());
        self.head
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
        if let Some(reader) = &mut self.reader
            && let Err(error) = reader.feed(bytes)
        {
            self.broken = Some(error);
            self.reader = None;
        }
    }

    /// The body is complete.
    pub fn finish(self, status: u16) -> Received {
        let response = match (self.reader, self.broken) {
            (_, Some(error)) => Err(error),
            (Some(mut reader), None) if status == NO_CONTENT && self.head.is_empty() => {
                reader.feed(b"{}").and_then(|()| reader.finish())
            }
            (Some(reader), None) => reader.finish(),
            (None, None) => Err(ReadError {
                kind: ReadErrorKind::Empty,
                offset: 0,
            }),
        };
        Received {
            status,
            response,
            head: self.head,
        }
    }

    /// How the body begins, as far as it has come.
    pub fn head(&self) -> &[u8] {
        &self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_only_goes_forward_and_skips_nothing() {
        use Phase::{Approving, Judging, Outfitting, Vetting, Wire};
        let all = [Vetting, Outfitting, Wire, Judging, Approving];
        for (from_ix, from) in all.into_iter().enumerate() {
            for (to_ix, to) in all.into_iter().enumerate() {
                assert_eq!(from.may_become(to), to_ix == from_ix + 1);
            }
        }
    }
}
