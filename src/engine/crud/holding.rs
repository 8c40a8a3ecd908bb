//! What is kept back from packages: records that the app calls invalid, and what can't go without
//! them.

use super::context::Context;
use super::manager::Manager;
use crate::engine::effect::{Effect, RequestKind};
use crate::engine::event::EventKind;
use crate::engine::input::{AskId, CallId, RequestId};
use crate::prelude::*;

impl Manager {
    /// Asks the app which records are invalid, where somebody knows. Gives whether the answer is
    /// still to come.
    pub(super) fn asks_validity(&mut self, cx: &mut Context) -> bool {
        if core::mem::take(&mut self.checked) || !self.hears(EventKind::Invalid) {
            return false;
        }
        let ask = cx.ids.ask();
        self.checking = Some(ask);
        cx.push(Effect::Ask {
            ask,
            manager: self.id,
            event: EventKind::Invalid,
            request: RequestId(0),
            kind: RequestKind::Sync,
            pack: None,
            http: None,
        });
        true
    }

    /// The app has said which records are invalid.
    pub(super) fn on_checked(&mut self, ask: AskId) -> bool {
        let checked = self.checking == Some(ask);
        if checked {
            self.checking = None;
            self.checked = true;
        }
        checked
    }

    /// Finds what can't go without what is kept back: records that refer to an addition, the rest
    /// of a group.
    pub fn hold_dependents(&self, cx: &mut Context) {
        let mut any = false;
        for &id in &self.stores {
            if let Some(store) = cx.stores.get_mut(id) {
                any |= store.release_dependents();
            }
        }
        while any {
            any = false;
            let mut calls: Vec<CallId> = Vec::new();
            for &id in &self.stores {
                let Some(store) = cx.stores.get_mut(id) else {
                    continue;
                };
                calls.extend(store.held_calls());
                let ids = store.held_additions();
                let name = store.name().to_owned();
                if ids.is_empty() {
                    continue;
                }
                if let Some(parent) = store.parent_field() {
                    any |= store.hold_referrers(parent, &ids);
                }
                for &other in &self.stores {
                    if let Some(store) = cx.stores.get_mut(other) {
                        let relations = store.relations();
                        let to = relations.filter(|(_, relation)| relation.store == name);
                        let fields: Vec<_> = to.map(|(field, _)| field).collect();
                        for field in fields {
                            any |= store.hold_referrers(field, &ids);
                        }
                    }
                }
            }
            for &id in &self.stores {
                if let (Some(store), false) = (cx.stores.get_mut(id), calls.is_empty()) {
                    any |= store.hold_calls(&calls);
                }
            }
        }
    }
}
