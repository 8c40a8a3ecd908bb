//! The reading half of the low-level API: plain getters, which change nothing. What isn't one
//! number is left in the registers (see `buffers`).
#![allow(
    unreachable_pub,
    reason = "reached through the functions that wasm-bindgen makes of them"
)]

use crate::prelude::*;
use wasm_bindgen::prelude::*;

use super::convert;
use super::driver::{self, Driver};
use crate::engine::event::Status;
use crate::engine::input::{ManagerId, StoreId};
use crate::engine::schema::FieldIx;
use crate::engine::store::Store;
use crate::engine::table::{IdRef, RowId, RowIx};

/// Leaves the visible rows in their order, and what tells whether the shape of a tree may be
/// another.
#[wasm_bindgen]
pub fn order(store: u32) {
    with_store(store, |driver, store| {
        let rows = store.table().order();
        let words = [rows.as_ptr() as u32, rows.len() as u32, store.shape()];
        driver.buffers().leave(&words);
    });
}

/// Leaves the visible rows whose time lies between two moments (ms), by their start.
#[wasm_bindgen]
pub fn range(store: u32, start: f64, end: f64) {
    let Some(driver) = driver::get() else { return };
    let mut engine = driver.engine_mut();
    leave_places(driver, engine.range(StoreId(store), start, end));
}

/// Leaves the visible records whose field, one of a relation or a tree, holds the id in the
/// scratch, in their order.
#[wasm_bindgen]
pub fn referrers(store: u32, field: u32, len: u32) {
    let Some(driver) = driver::get() else { return };
    let mut buffers = driver.buffers();
    let rows = match buffers.text(len as usize) {
        Ok(id) => {
            driver
                .engine_mut()
                .referrers(StoreId(store), FieldIx(field as u16), IdRef::Text(id))
        }
        Err(_) => Vec::new(),
    };
    buffers.leave_rows(&rows);
}

/// Something else than before when what is seen of a store may be.
#[wasm_bindgen]
pub fn version(store: u32) -> u32 {
    with_store(store, |_, store| store.version() as u32).unwrap_or(0)
}

/// Leaves row and generation of the record of that id; whether there is one.
#[wasm_bindgen(js_name = findNumber)]
pub fn find_number(store: u32, id: f64) -> bool {
    with_store(store, |driver, store| {
        leave_found(driver, store.find(IdRef::Number(id)))
    })
    .unwrap_or(false)
}

/// The same for an id in the scratch.
#[wasm_bindgen(js_name = findText)]
pub fn find_text(store: u32, len: u32) -> bool {
    with_store(store, |driver, store| {
        let found = driver
            .buffers()
            .text(len as usize)
            .ok()
            .and_then(|id| store.find(IdRef::Text(id)));
        leave_found(driver, found)
    })
    .unwrap_or(false)
}

/// Packs the rows whose places stand in the scratch, with all fields. Gives whether there is such a
/// store: without one, what an earlier call left is still there.
#[wasm_bindgen]
pub fn pack(store: u32, count: u32) -> bool {
    with_store(store, |driver, store| {
        let mut buffers = driver.buffers();
        let rows = buffers.rows(count as usize);
        buffers.used();
        buffers.leave_packed(store.table(), &rows);
    })
    .is_some()
}

/// How many fields there are, declared and met in data.
#[wasm_bindgen(js_name = fieldCount)]
pub fn field_count(store: u32) -> u32 {
    with_store(store, |_, store| store.table().schema().len() as u32).unwrap_or(0)
}

/// The names of all fields as a JSON array, in the order of their places.
#[wasm_bindgen(js_name = fieldNames)]
pub fn field_names(store: u32) -> String {
    with_store(store, |_, store| {
        let fields = store.table().schema().fields().iter();
        let names: Vec<&str> = fields.map(|field| field.name.as_str()).collect();
        convert::texts(&names)
    })
    .unwrap_or_default()
}

/// Where a record stands, as bits: 1 phantom, 2 removed, 4 modified, 8 pending, 16 held back. -1:
/// there is no such record.
#[wasm_bindgen(js_name = recordState)]
pub fn record_state(store: u32, row: u32, generation: u32) -> i32 {
    with_store(store, |_, store| {
        store.state(row_id(row, generation)).map_or(-1, |state| {
            i32::from(state.phantom)
                | i32::from(state.removed) << 1
                | i32::from(state.modified) << 2
                | i32::from(state.pending) << 3
                | i32::from(store.is_held_back(row_id(row, generation))) << 4
        })
    })
    .unwrap_or(-1)
}

/// Why the server refused a record's changes.
#[wasm_bindgen(js_name = recordError)]
pub fn record_error(store: u32, row: u32, generation: u32) -> Option<String> {
    with_store(store, |_, store| {
        let error = store.sync_error(row_id(row, generation));
        error.map(str::to_owned)
    })
    .flatten()
}

/// Leaves the places of the fields that are changed in a record.
#[wasm_bindgen(js_name = modifiedFields)]
pub fn modified_fields(store: u32, row: u32, generation: u32) {
    with_store(store, |driver, store| {
        let fields = store.modifications(row_id(row, generation));
        let places = fields.iter().map(|field| u32::from(field.0));
        driver.buffers().leave_words(places);
    });
}

/// Leaves what the server has in a field, as the old value of a packed notice.
#[wasm_bindgen(js_name = baseValue)]
pub fn base_value(store: u32, row: u32, generation: u32, field: u32) {
    with_store(store, |driver, store| {
        let cell = store.base_cell(row_id(row, generation), FieldIx(field as u16));
        driver.buffers().leave_value(store.table(), cell);
    });
}

/// Leaves the records that were added (0), modified (1) or removed (2).
#[wasm_bindgen]
pub fn bag(store: u32, which: u32) {
    with_store(store, |driver, store| {
        let rows = match which {
            0 => store.added(),
            1 => store.modified(),
            _ => store.removed(),
        };
        driver.buffers().leave_rows(&rows);
    });
}

/// How many records of a store have changes that the server hasn't confirmed.
#[wasm_bindgen(js_name = unconfirmedCount)]
pub fn unconfirmed_count(store: u32) -> u32 {
    with_store(store, |_, store| store.unconfirmed_count() as u32).unwrap_or(0)
}

/// How many records the server has, as it last said; -1 when it didn't.
#[wasm_bindgen(js_name = storeTotal)]
pub fn store_total(store: u32) -> f64 {
    with_store(store, |_, store| store.total())
        .flatten()
        .unwrap_or(-1.0)
}

/// Leaves where a manager stands: bits (1 loading, 2 syncing, 4 unconfirmed changes), the status,
/// how many records wait.
#[wasm_bindgen(js_name = managerState)]
pub fn manager_state(manager: u32) {
    let Some(driver) = driver::get() else { return };
    let id = ManagerId(manager);
    let engine = driver.engine();
    let bits = engine.manager(id).map_or(0, |manager| {
        u32::from(manager.is_loading())
            | u32::from(manager.is_syncing()) << 1
            | u32::from(engine.has_changes(id)) << 2
    });
    let status = engine.status(id).unwrap_or(Status::Saved);
    let pending = engine.pending_count(id);
    driver.buffers().leave(&[bits, status as u32, pending]);
}

/// What the server last called its state, as JSON.
#[wasm_bindgen(js_name = managerRevision)]
pub fn manager_revision(manager: u32) -> Option<String> {
    let engine = driver::get()?.engine();
    let revision = engine.manager(ManagerId(manager))?.revision()?;
    Some(revision.to_json())
}

/// Leaves everything that the server hasn't confirmed, as JSON text: where and how many bytes.
/// Whether there is anything.
#[wasm_bindgen(js_name = managerChanges)]
pub fn manager_changes(manager: u32) -> bool {
    let Some(driver) = driver::get() else {
        return false;
    };
    match driver.engine().changes_json(ManagerId(manager)) {
        Some(changes) => {
            driver.buffers().leave_bytes(changes);
            true
        }
        None => false,
    }
}

pub(super) fn with_store<T>(store: u32, read: impl FnOnce(&Driver, &Store) -> T) -> Option<T> {
    let driver = driver::get()?;
    let engine = driver.engine();
    Some(read(driver, engine.store(StoreId(store))?))
}

fn leave_places(driver: &Driver, rows: &[RowIx]) {
    // Read where they are: a place is a `u32` and nothing else.
    driver
        .buffers()
        .leave(&[rows.as_ptr() as u32, rows.len() as u32]);
}

fn leave_found(driver: &Driver, found: Option<RowId>) -> bool {
    if let Some(row) = found {
        driver.buffers().leave(&[row.row.0, row.generation]);
    }
    found.is_some()
}

const fn row_id(row: u32, generation: u32) -> RowId {
    RowId {
        row: RowIx(row),
        generation,
    }
}
