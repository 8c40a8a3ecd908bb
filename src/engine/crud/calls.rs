//! The ledger of calls whose promises the host holds. Every call that is entered leaves it exactly
//! once, settled.

use crate::prelude::*;
use alloc::collections::VecDeque;

use crate::engine::effect::Effect;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::{CallId, ManagerId, RequestId};

/// Most calls of one engine that can wait at a time: more than any app makes, a bound for one that
/// calls in a loop. The call beyond it is refused with [`ErrorCode::Limit`]; nothing else changes.
pub const CALLS_MAX: usize = 10_000;

/// Calls that wait to be settled.
#[derive(Debug, Default)]
pub struct Calls {
    /// Ordered by call.
    open: Vec<(CallId, ManagerId)>,
}

impl Calls {
    /// Enters a call.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when that number waits already, [`ErrorCode::Limit`] at
    /// [`CALLS_MAX`].
    pub fn open(&mut self, call: CallId, manager: ManagerId) -> Result<(), SyncError> {
        let Err(place) = self.place(call) else {
            let message = format!("call {} is waiting already", call.0);
            return Err(SyncError::new(ErrorCode::InvalidArgument, message));
        };
        if self.open.len() >= CALLS_MAX {
            let message = format!("more than {CALLS_MAX} calls are waiting");
            return Err(SyncError::new(ErrorCode::Limit, message));
        }
        self.open.insert(place, (call, manager));
        Ok(())
    }

    /// Settles a call. One that isn't open was settled before: nothing happens.
    pub fn settle(
        &mut self,
        call: CallId,
        outcome: Result<Option<RequestId>, SyncError>,
        request: Option<RequestId>,
        effects: &mut VecDeque<Effect>,
    ) {
        if let Ok(place) = self.place(call) {
            self.open.remove(place);
            effects.push_back(Effect::Settle {
                call,
                outcome,
                request,
            });
        }
    }

    /// Settles every call of a manager that ends.
    pub fn settle_all(
        &mut self,
        manager: ManagerId,
        error: &SyncError,
        effects: &mut VecDeque<Effect>,
    ) {
        let calls: Vec<CallId> = self
            .open
            .iter()
            .filter(|(_, of)| *of == manager)
            .map(|(call, _)| *call)
            .collect();
        for call in calls {
            self.settle(call, Err(error.clone()), None, effects);
        }
    }

    fn place(&self, call: CallId) -> Result<usize, usize> {
        self.open.binary_search_by_key(&call.0, |(open, _)| open.0)
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_settles_once_whoever_tries() {
        let (mut calls, mut effects) = (Calls::default(), VecDeque::new());
        let manager = ManagerId(0);
        calls.open(CallId(1), manager).unwrap();
        calls.open(CallId(2), manager).unwrap();
        assert_eq!(
            calls.open(CallId(1), manager).unwrap_err().code,
            ErrorCode::InvalidArgument
        );
        calls.settle(CallId(1), Ok(None), None, &mut effects);
        calls.settle(CallId(1), Ok(None), None, &mut effects);
        calls.settle_all(
            manager,
            &SyncError::new(ErrorCode::Destroyed, "gone"),
            &mut effects,
        );
        assert_eq!(effects.len(), 2);
        assert_eq!(calls.waiting(), 0);
    }
}
