//! What happens in one store and concerns others: ids that become real, records that go or come back.

use super::context::Context;
use crate::engine::input::StoreId;
use crate::engine::schema::FieldIx;
use crate::engine::store::Aftermath;

/// Longest chain of stores that one removal runs through. Far beyond any real model (event, assignment, note …); every step
/// removes or changes records, so that chains end by themselves, and the bound only keeps a flaw from hanging a page.
pub const CASCADE_STEPS_MAX: usize = 10_000;

/// Carries what happened in `origin` to the stores that refer to it, and on from there. `stores` are those that know each other.
/// Gives the stores that changed.
pub fn follow(cx: &mut Context<'_>, origin: StoreId, stores: &[StoreId]) -> Vec<StoreId> {
    let mut changed = Vec::new();
    let mut waiting = vec![origin];
    for _ in 0..CASCADE_STEPS_MAX {
        let Some(source) = waiting.pop() else { break };
        let Some(store) = cx.stores.get_mut(source) else { continue };
        let aftermath = store.take_aftermath();
        if aftermath.is_empty() {
            continue;
        }
        let name = store.name().to_owned();
        for &target in stores {
            if tell(cx, target, &name, &aftermath) {
                waiting.push(target);
                if !changed.contains(&target) {
                    changed.push(target);
                }
            }
        }
    }
    changed
}

/// Tells one store what happened in the store called `name`. Says whether it refers to that store at all.
fn tell(cx: &mut Context<'_>, target: StoreId, name: &str, aftermath: &Aftermath) -> bool {
    let Some(store) = cx.stores.get_mut(target) else { return false };
    let fields: Vec<FieldIx> = store
        .relations()
        .filter(|(_, relation)| relation.store == name)
        .map(|(field, _)| field)
        .collect();
    for &field in &fields {
        for change in &aftermath.id_changes {
            store.rewrite_reference(field, change.old.as_ref(), change.new.as_value(), cx.notices);
        }
        store.undo_cascade(field, &aftermath.restored, cx.notices);
        store.cascade(field, &aftermath.removed, false, cx.notices);
        store.cascade(field, &aftermath.removed_by_server, true, cx.notices);
    }
    !fields.is_empty()
}
