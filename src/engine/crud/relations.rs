//! What happens in one store and concerns others: ids that become real, records that go or come
//! back.

use super::context::{Context, Stores};
use crate::engine::input::StoreId;
use crate::engine::json::Section;
use crate::engine::schema::FieldIx;
use crate::engine::store::{Aftermath, Id, Named, Store, Which};
use crate::prelude::*;

/// Longest chain of stores that one removal runs through. Far beyond any real model (event,
/// assignment, note …); every step removes or changes records, so that chains end by themselves,
/// and the bound only keeps a flaw from hanging a page.
pub const CASCADE_STEPS_MAX: usize = 10_000;

/// What following brought to light.
#[derive(Debug, Default)]
pub struct Followed {
    /// References were corrected to what the server has yet to learn.
    pub more_to_send: bool,
    /// Records with edits that waited and that the server took away: store and id.
    pub lost: Vec<(String, Id)>,
}

/// Carries what happened in `origin` to the stores that refer to it, and on from there: also to
/// those of other managers.
pub fn follow(cx: &mut Context, origin: StoreId) -> Followed {
    let mut followed = Followed::default();
    let mut waiting = vec![origin];
    for _ in 0..CASCADE_STEPS_MAX {
        let Some(source) = waiting.pop() else { break };
        let Some(store) = cx.stores.get_mut(source) else {
            continue;
        };
        if !store.has_aftermath() {
            continue;
        }
        let mut aftermath = store.take_aftermath();
        let name = store.name().to_owned();
        let given = core::mem::take(&mut aftermath.given);
        if !given.is_empty() {
            correct_store(cx, source, &Which::Given(given));
        }
        if aftermath.is_settled() {
            continue;
        }
        for target in cx.stores.ids() {
            if tell(cx, target, source, &aftermath, &mut followed) {
                cx.stores.disturb(target, source);
                waiting.push(target);
            }
        }
        followed
            .lost
            .extend(aftermath.lost.into_iter().map(|id| (name.clone(), id)));
    }
    followed
}

/// Rows that the server sends for a store refer to others by ids: unsaved records that go by such
/// an id here, because the app chose it, are others, and get new ones.
pub fn give_way(id: StoreId, section: &Section, named: &mut Named, cx: &mut Context) {
    let Some(store) = cx.stores.get(id) else {
        return;
    };
    let mut going = Vec::new();
    for (field, target) in targets(store, &cx.stores, Store::has_aliases) {
        let rows = [&section.rows, &section.added, &section.updated];
        for rows in rows.into_iter().flatten() {
            going.push((target.id(), store.own_ids_in(rows, field, target)));
        }
    }
    for (id, ids) in going.iter().filter(|(_, ids)| !ids.is_empty()) {
        if let Some(store) = cx.stores.get_mut(*id) {
            store.yield_ids(ids, named, &mut cx.notices);
        }
        follow(cx, *id);
    }
}

/// Corrects references in which the server names records by client ids that they had. `all`: in
/// whole stores, otherwise in what the last answer wrote. Says whether there is something to send
/// for it.
pub fn correct(cx: &mut Context, stores: &[StoreId], all: bool) -> bool {
    let which = if all { Which::All } else { Which::Echoed };
    let mut corrected = false;
    for &id in stores {
        corrected |= correct_store(cx, id, &which);
    }
    corrected
}

fn correct_store(cx: &mut Context, id: StoreId, which: &Which) -> bool {
    let Some(store) = cx.stores.get(id) else {
        return false;
    };
    let mut found = Vec::new();
    for (field, target) in targets(store, &cx.stores, Store::has_known_phantoms) {
        found.push((field, store.outdated_references(field, Some(target), which)));
    }
    if let Some(field) = store.parent_field() {
        found.push((field, store.outdated_references(field, None, which)));
    }
    let mut corrected = false;
    if let Some(store) = cx.stores.get_mut(id) {
        for (field, references) in found {
            corrected |= !references.is_empty();
            store.correct_references(field, &references, &mut cx.notices);
        }
    }
    corrected
}

/// The stores that a store's fields refer to, where they are of interest.
pub fn targets<'a>(
    store: &Store,
    stores: &'a Stores,
    interesting: fn(&Store) -> bool,
) -> Vec<(FieldIx, &'a Store)> {
    let mut targets = Vec::new();
    for (field, relation) in store.relations() {
        let target = stores.referred(store.id(), &relation.store);
        let target = target.and_then(|id| stores.get(id));
        targets.extend(target.filter(|it| interesting(it)).map(|it| (field, it)));
    }
    targets
}

/// The same stores, but each behind those that it refers to. In a circle, the given order decides.
pub fn referenced_first(order: Vec<StoreId>, stores: &Stores) -> Vec<StoreId> {
    let refers = |from: StoreId, to: StoreId| {
        let (Some(store), Some(target)) = (stores.get(from), stores.get(to)) else {
            return false;
        };
        from != to
            && store
                .relations()
                .any(|(_, relation)| relation.store == target.name())
    };
    let mut rest = order;
    let mut sorted = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let free = rest
            .iter()
            .position(|&id| rest.iter().all(|&other| !refers(id, other)));
        sorted.push(rest.remove(free.unwrap_or(0)));
    }
    sorted
}

/// Tells one store what happened in another (`source`). Says whether it refers to that at all.
fn tell(
    cx: &mut Context,
    target: StoreId,
    source: StoreId,
    aftermath: &Aftermath,
    followed: &mut Followed,
) -> bool {
    let Some(store) = cx.stores.get(target) else {
        return false;
    };
    let fields: Vec<FieldIx> = store
        .relations()
        .filter(|(_, relation)| cx.stores.referred(target, &relation.store) == Some(source))
        .map(|(field, _)| field)
        .collect();
    let Some(store) = cx.stores.get_mut(target).filter(|_| !fields.is_empty()) else {
        return false;
    };
    for &field in &fields {
        let before = store.pending_count();
        store.rewrite_references(field, &aftermath.id_changes, &mut cx.notices);
        followed.more_to_send |= store.pending_count() > before;
        store.follow_reborn(field, &aftermath.reborn, &mut cx.notices);
        store.undo_references(field, &aftermath.undone, &mut cx.notices);
        store.undo_cascade(field, &aftermath.restored, &mut cx.notices);
        store.cascade(field, &aftermath.removed, false, &mut cx.notices);
        store.cascade(field, &aftermath.removed_by_server, true, &mut cx.notices);
        store.settle_cascade(field, &aftermath.confirmed, &mut cx.notices);
    }
    store.name_reborn(&mut cx.rng, &mut cx.notices);
    true
}
