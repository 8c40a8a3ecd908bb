//! Conflicts on their way to the app, and its decisions on their way back.

use super::context::Context;
use super::manager::Manager;
use super::{fate, relations};
use crate::engine::conflict::{Resolution, Side};
use crate::engine::error::SyncError;
use crate::engine::event::{Event, EventKind};
use crate::engine::input::StoreId;
use crate::engine::json::write::{self, Object};
use crate::engine::store::{Conflict, Store};
use crate::engine::table::RowId;
use crate::engine::value::Cell;
use crate::prelude::*;

impl Manager {
    /// How the conflicts of a store are decided that doesn't say so itself.
    pub(super) fn teach(&self, store: StoreId, cx: &mut Context) {
        if let Some(store) = cx.stores.get_mut(store) {
            store.set_strategy(self.options.conflict_resolution);
        }
    }

    /// Tells of conflicts that were found or decided.
    pub(super) fn tell_conflicts(&self, cx: &mut Context) {
        for &id in &self.stores {
            let Some(store) = cx.stores.get_mut(id).filter(|store| store.has_conflicts()) else {
                continue;
            };
            let conflicts = store.take_conflicts();
            if !self.hears(EventKind::Conflict) && !self.hears(EventKind::ConflictResolved) {
                continue;
            }
            let mut events = Vec::new();
            if let Some(store) = cx.stores.get(id) {
                for conflict in &conflicts {
                    let detail = detail(store, conflict);
                    if conflict.found {
                        events.push((EventKind::Conflict, detail.clone()));
                    }
                    if conflict.resolved {
                        events.push((EventKind::ConflictResolved, detail));
                    }
                }
            }
            for (event, detail) in events {
                self.tell(Event::Conflict { event, detail }, cx);
            }
        }
    }

    /// The app decides an open conflict.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownRecord`](crate::engine::error::ErrorCode::UnknownRecord) when the record
    /// is gone.
    pub fn resolve_conflict(
        &mut self,
        id: StoreId,
        row: RowId,
        how: Resolution<'_>,
        cx: &mut Context,
    ) -> Result<bool, SyncError> {
        let store = &mut cx.stores.expect(id)?.store;
        let resolved =
            store.resolve_conflict(row, how.record, how.theirs, how.merged, &mut cx.notices)?;
        if resolved {
            relations::follow(cx, id);
            fate::gather(&self.stores, cx);
            self.on_edit(false, cx);
        }
        Ok(resolved)
    }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Mine => "mine",
        Side::Theirs => "theirs",
        Side::Merged => "merged",
    }
}

/// A conflict as JSON text: fields by their number, values as the wire of records has them (dates
/// in ms).
fn detail(store: &Store, conflict: &Conflict) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    let numbers = [
        ("id", conflict.id),
        ("store", store.id().0),
        ("row", conflict.row.row.0),
        ("generation", conflict.row.generation),
    ];
    for (name, number) in numbers {
        write::number(f64::from(number), object.member(name));
    }
    let words = [
        ("kind", conflict.kind.name()),
        ("strategy", conflict.strategy.name()),
        ("from", side(conflict.from)),
    ];
    for (name, word) in words {
        write::string(word, object.member(name));
    }
    if let Some(record) = &conflict.record {
        write::value(record.as_value(), object.member("record"));
    }
    let list = object.member("fields");
    list.push(b'[');
    for (at, clash) in conflict.fields.iter().enumerate() {
        if at > 0 {
            list.push(b',');
        }
        let mut field = Object::begin(list);
        write::number(f64::from(clash.field.0), field.member("field"));
        let mut cell = |name: &str, cell: Cell| {
            write::value(store.table().value(cell), field.member(name));
        };
        cell("base", clash.base);
        cell("mine", clash.mine);
        cell("theirs", clash.theirs);
        write::string(side(clash.from), field.member("from"));
        field.end();
    }
    list.push(b']');
    object.end();
    out
}
