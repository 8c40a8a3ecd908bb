//! The fate of edits that somebody holds a promise of: what stores decided about single stakes
//! becomes one word per call; what was refused is taken back in every store at once, and alone.

use super::context::Context;
use super::manager::Manager;
use super::relations;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::{CallId, ManagerId, StoreId};
use crate::engine::store::{Fate, Store};
use crate::prelude::*;

/// The manager of calls about stores that have none.
pub const NO_MANAGER: ManagerId = ManagerId(u32::MAX);

/// Calls with edits at stake.
#[derive(Debug, Default)]
pub struct Edits {
    /// Ordered by call: how many stakes are undecided.
    open: Vec<(CallId, u32)>,
    /// What is decided and not yet told.
    decided: Vec<(CallId, Result<(), SyncError>)>,
    /// The call whose edits are being made, and where.
    making: Option<(CallId, Vec<StoreId>)>,
}

impl Edits {
    fn place(&self, call: CallId) -> Result<usize, usize> {
        self.open.binary_search_by_key(&call.0, |(open, _)| open.0)
    }

    /// Enters a call with so many stakes; without any, there is nothing to wait for.
    pub fn enter(&mut self, call: CallId, stakes: u32) {
        if stakes == 0 {
            self.decided.push((call, Ok(())));
        } else if let Err(place) = self.place(call) {
            self.open.insert(place, (call, stakes));
        }
    }

    /// Whether calls have anything at stake or wait to be told.
    pub fn is_idle(&self) -> bool {
        self.open.is_empty() && self.decided.is_empty()
    }

    /// The edits from here on are those of a call.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] while another call's are being made.
    pub fn begin(&mut self, call: CallId, stores: Vec<StoreId>) -> Result<(), SyncError> {
        if self.making.is_some() {
            let message = "edits of another call are being made";
            return Err(SyncError::new(ErrorCode::InvalidArgument, message));
        }
        self.making = Some((call, stores));
        Ok(())
    }

    /// The call's edits are made. None when there was no call.
    pub fn end(&mut self) -> Option<(CallId, Vec<StoreId>)> {
        self.making.take()
    }

    /// Whether a call's edits are being made.
    pub const fn is_making(&self) -> bool {
        self.making.is_some()
    }

    /// One stake is decided. Gives whether the call failed by it, and whether it had others.
    fn on_fate(&mut self, fate: &Fate) -> Option<bool> {
        let place = self.place(fate.call).ok()?;
        let left = &mut self.open[place].1;
        if fate.outcome.is_ok() {
            *left -= 1;
            if *left == 0 {
                self.open.remove(place);
                self.decided.push((fate.call, Ok(())));
            }
            return None;
        }
        let others = *left > 1;
        self.open.remove(place);
        self.decided.push((fate.call, fate.outcome.clone()));
        Some(others)
    }
}

/// Takes in what stores have decided, and takes refused edits back. Nothing is told yet.
pub fn gather(stores: &[StoreId], cx: &mut Context) {
    if cx.edits.is_making() {
        return;
    }
    // What is taken back can decide more.
    loop {
        let mut fates: Vec<(StoreId, Fate)> = Vec::new();
        for &id in stores {
            if let Some(store) = cx.stores.get_mut(id)
                && store.has_fates()
            {
                fates.extend(store.take_fates().into_iter().map(|fate| (id, fate)));
            }
        }
        if fates.is_empty() {
            return;
        }
        for (id, fate) in fates {
            if let Some(others) = cx.edits.on_fate(&fate) {
                let keeps = |id: &StoreId| cx.stores.get(*id).is_some_and(Store::keeps_unsent);
                let others = others || stores.iter().any(keeps);
                let of = [id];
                let concerned = if others { stores } else { &of };
                roll_back(&fate, others, concerned, cx);
                for &id in concerned {
                    relations::follow(cx, id);
                }
            } else if cx.edits.place(fate.call).is_err() {
                end_kept(fate.call, stores, cx);
            }
        }
    }
}

fn roll_back(fate: &Fate, others: bool, stores: &[StoreId], cx: &mut Context) {
    for &id in stores {
        if let Some(store) = cx.stores.get_mut(id) {
            let only = (!others).then_some(fate.row);
            store.roll_back(fate.call, only, &mut cx.notices);
        }
    }
}

/// Settles the promises of what is decided.
pub fn tell(cx: &mut Context) {
    for (call, outcome) in core::mem::take(&mut cx.edits.decided) {
        cx.settle(call, outcome.map(|()| None), None);
    }
}

fn end_kept(call: CallId, stores: &[StoreId], cx: &mut Context) {
    for &id in stores {
        if let Some(store) = cx.stores.get_mut(id)
            && store.keeps_unsent()
        {
            store.end_kept(call);
        }
    }
}

/// The edits of a call are made; or (`keep` is false) they are taken back.
pub fn end_edit(call: CallId, stores: &[StoreId], keep: bool, cx: &mut Context) {
    if keep {
        let mut stakes = 0;
        for &id in stores {
            stakes += cx.stores.get_mut(id).map_or(0, |it| it.end_edit());
        }
        cx.edits.enter(call, stakes as u32);
        return;
    }
    // References are as they were before records go that they may have been set to.
    for &id in stores {
        if let Some(store) = cx.stores.get_mut(id) {
            store.give_up_edit(call, &mut cx.notices);
        }
    }
    for &id in stores {
        relations::follow(cx, id);
    }
    let error = SyncError::new(ErrorCode::Cancelled, "the edits were taken back");
    cx.edits.decided.push((call, Err(error)));
}

/// The same as [`gather`] for stores that have no manager.
pub fn gather_lone(cx: &mut Context) {
    for id in cx.stores.ids() {
        let entry = cx.stores.entry(id);
        if entry.is_some_and(|entry| entry.manager.is_none() && entry.store.has_fates()) {
            gather(&[id], cx);
        }
    }
}

impl Manager {
    /// Takes in what its stores have decided about edits that somebody waits for.
    pub fn gather(&self, cx: &mut Context) {
        if !cx.edits.open.is_empty() {
            gather(&self.stores, cx);
        }
    }
}
