//! The low-level API that the facade uses. Stores, managers, fields and rows go by number; text
//! comes through the scratch; what doesn't fit into one number is left in the registers. Calls that
//! can fail throw the facade's error object, but for the setters of fields, which say so by -1
//! (`takeError` then tells why): results that can throw cost an array per call.
#![allow(
    unreachable_pub,
    reason = "reached through the functions that wasm-bindgen makes of them"
)]

use crate::prelude::*;

use wasm_bindgen::prelude::*;

use super::convert;
use super::driver::{self, Driver};
use super::facade::Facade;
use super::host::page;
use super::readers::with_store;
use crate::engine::config::{ChannelConfig, ManagerConfig, StoreConfig};
use crate::engine::conflict::{Resolution, Side};
use crate::engine::error::SyncError;
use crate::engine::input::{
    AskId, CallId, ChannelInput, Input, ManagerId, Place, Reply, Scope, StoreId,
};
use crate::engine::schema::{FieldIx, Zone};
use crate::engine::table::{RowId, RowIx};
use crate::engine::value::Value;

type Thrown<T> = Result<T, JsValue>;

// --- start ---------------------------------------------------------------------------------------

/// Starts the engine of this instance, once. Gives the address of the registers.
#[wasm_bindgen]
pub fn start(facade: Facade) -> u32 {
    if driver::start(facade) {
        page::watch();
    }
    driver::get().map_or(0, |driver| driver.buffers().registers())
}

/// Makes room for so many bytes of arguments and tells where.
#[wasm_bindgen]
pub fn scratch(bytes: u32) -> u32 {
    driver::get().map_or(0, |driver| driver.buffers().scratch(bytes as usize))
}

/// Where edits can be written down, see `journal`.
#[wasm_bindgen]
pub fn journal() -> u32 {
    driver::get().map_or(0, Driver::journal)
}

/// Hands what was written down to the engine. Every other call does so too.
#[wasm_bindgen(js_name = catchUp)]
pub fn catch_up() {
    if let Some(driver) = driver::get() {
        driver.catch_up();
    }
}

/// Why the last setter gave -1.
#[wasm_bindgen(js_name = takeError)]
pub fn take_error() -> JsValue {
    driver::get().map_or(JsValue::UNDEFINED, Driver::take_error)
}

/// Sets the zone from pairs of moment (ms) and offset (ms).
#[wasm_bindgen(js_name = setZone)]
pub fn set_zone(pairs: &[f64]) -> Thrown<()> {
    let transitions = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1]));
    let zone = Zone {
        transitions: transitions.collect(),
    };
    done(Input::SetZone(zone))
}

// --- stores --------------------------------------------------------------------------------------

/// Makes a store from its options (JSON text in the scratch).
#[wasm_bindgen(js_name = createStore)]
pub fn create_store(len: u32) -> Thrown<u32> {
    let config: StoreConfig = config(len)?;
    match feed(Input::CreateStore(Box::new(config)))? {
        Reply::Store(store) => Ok(store.0),
        _ => Ok(u32::MAX),
    }
}

/// Forgets a store.
#[wasm_bindgen(js_name = destroyStore)]
pub fn destroy_store(store: u32) -> Thrown<()> {
    done(Input::DestroyStore(StoreId(store)))
}

/// Finds or makes the field whose name stands in the scratch.
#[wasm_bindgen(js_name = ensureField)]
pub fn ensure_field(store: u32, len: u32) -> Thrown<u32> {
    let driver = started()?;
    let reply = driver.feed_scratch(|buffers| {
        let name = buffers.text(len as usize)?;
        Ok(Input::EnsureField(StoreId(store), name))
    });
    match throw(driver, reply)? {
        Reply::Field(field) => Ok(u32::from(field.0)),
        _ => Ok(u32::MAX),
    }
}

/// Sets a number (a date: ms since the epoch). 1: something changed; 0: nothing; -1: see
/// `takeError`.
#[wasm_bindgen(js_name = setNumber)]
pub fn set_number(store: u32, row: u32, generation: u32, field: u32, value: f64) -> i32 {
    set(store, row, generation, field, Value::Number(value))
}

/// Sets a boolean.
#[wasm_bindgen(js_name = setBool)]
pub fn set_bool(store: u32, row: u32, generation: u32, field: u32, value: bool) -> i32 {
    set(store, row, generation, field, Value::Bool(value))
}

/// Sets `null`.
#[wasm_bindgen(js_name = setNull)]
pub fn set_null(store: u32, row: u32, generation: u32, field: u32) -> i32 {
    set(store, row, generation, field, Value::Null)
}

/// Sets the text in the scratch.
#[wasm_bindgen(js_name = setText)]
pub fn set_text(store: u32, row: u32, generation: u32, field: u32, len: u32) -> i32 {
    set_scratch(store, row, generation, field, len, |text| Value::Text(text))
}

/// Sets the JSON text in the scratch (of an object or array).
#[wasm_bindgen(js_name = setJson)]
pub fn set_json(store: u32, row: u32, generation: u32, field: u32, len: u32) -> i32 {
    set_scratch(store, row, generation, field, len, |text| Value::Json(text))
}

/// Adds records from the JSON text in the scratch, before a position or (-1) at the end. Leaves the
/// new rows.
#[wasm_bindgen]
pub fn add(store: u32, len: u32, position: i32) -> Thrown<()> {
    let driver = started()?;
    let place = u32::try_from(position).map_or(Place::End, Place::Position);
    let reply = driver.feed_scratch(|buffers| {
        Ok(Input::Add {
            store: StoreId(store),
            rows: buffers.bytes(len as usize),
            place,
        })
    });
    leave_rows(driver, reply)
}

/// Removes the records named in the scratch. Leaves all rows that went.
#[wasm_bindgen]
pub fn remove(store: u32, count: u32) -> Thrown<()> {
    let driver = started()?;
    let rows = take_rows(driver, count);
    let reply = driver.feed(Input::Remove(StoreId(store), &rows));
    leave_rows(driver, reply)
}

/// Removes every record.
#[wasm_bindgen(js_name = removeAll)]
pub fn remove_all(store: u32) -> Thrown<()> {
    done(Input::RemoveAll(StoreId(store)))
}

/// Moves the records named in the scratch to a position, counted without them.
#[wasm_bindgen(js_name = moveRows)]
pub fn move_rows(store: u32, count: u32, position: u32) -> Thrown<()> {
    let driver = started()?;
    let rows = take_rows(driver, count);
    throw(
        driver,
        driver.feed(Input::Move(StoreId(store), &rows, position)),
    )
    .map(drop)
}

/// Replaces what is there by the confirmed data in the scratch (JSON text).
#[wasm_bindgen(js_name = loadData)]
pub fn load_data(store: u32, len: u32) -> Thrown<()> {
    with_bytes(len, |bytes| Input::LoadData(StoreId(store), bytes))
}

/// Holds notices back.
#[wasm_bindgen(js_name = beginBatch)]
pub fn begin_batch(store: u32) -> Thrown<()> {
    done(Input::BeginBatch(StoreId(store)))
}

/// Ends a batch.
#[wasm_bindgen(js_name = endBatch)]
pub fn end_batch(store: u32) -> Thrown<()> {
    done(Input::EndBatch(StoreId(store)))
}

/// Gathers the changes that follow into one.
#[wasm_bindgen(js_name = beginUpdate)]
pub fn begin_update() -> Thrown<()> {
    done(Input::BeginUpdate)
}

/// Ends the gathering.
#[wasm_bindgen(js_name = endUpdate)]
pub fn end_update() -> Thrown<()> {
    done(Input::EndUpdate)
}

/// The edits up to `endEdit` are a call's: in the stores of a manager, or in one store.
#[wasm_bindgen(js_name = beginEdit)]
pub fn begin_edit(managed: bool, home: u32, call: u32, hidden: bool) -> Thrown<()> {
    let scope = if managed {
        Scope::Manager(ManagerId(home))
    } else {
        Scope::Store(StoreId(home))
    };
    done(Input::BeginEdit {
        scope,
        call: CallId(call),
        hidden,
    })
}

/// Whether the edits in a store are tracked.
#[wasm_bindgen]
pub fn track(store: u32, tracked: bool) -> Thrown<()> {
    done(Input::Track(StoreId(store), tracked))
}

/// Whether a record may be sent.
#[wasm_bindgen(js_name = setValid)]
pub fn set_valid(store: u32, row: u32, generation: u32, valid: bool) -> Thrown<()> {
    done(Input::SetValid(
        StoreId(store),
        row_id(row, generation),
        valid,
    ))
}

/// Decides an open conflict. The scratch has pairs of a field's number and who has it: the server
/// (1), or the app, which has just set it (2). `mine`: a record that one side removed is the
/// user's.
#[wasm_bindgen(js_name = resolveConflict)]
pub fn resolve_conflict(store: u32, conflict: u32, mine: bool, count: u32) -> Thrown<bool> {
    let pairs = take_rows(started()?, count);
    let row = with_store(store, |_, store| store.record_of_conflict(conflict));
    let Some(row) = row.flatten() else {
        return Ok(false);
    };
    let of = |side: u32| -> Vec<FieldIx> {
        let chosen = pairs.iter().filter(|pair| pair.generation == side);
        chosen.map(|pair| FieldIx(pair.row.0 as u16)).collect()
    };
    let how = Resolution {
        record: if mine { Side::Mine } else { Side::Theirs },
        theirs: &of(1),
        merged: &of(2),
    };
    let reply = feed(Input::ResolveConflict {
        store: StoreId(store),
        row,
        how,
    })?;
    Ok(reply == Reply::Changed(true))
}

/// Ends them; `false` takes them back.
#[wasm_bindgen(js_name = endEdit)]
pub fn end_edit(keep: bool) -> Thrown<()> {
    done(Input::EndEdit(keep))
}

/// A call waits for what is unconfirmed of a record.
#[wasm_bindgen]
pub fn settled(store: u32, row: u32, generation: u32, call: u32) -> Thrown<()> {
    done(Input::Settled {
        store: StoreId(store),
        row: row_id(row, generation),
        call: CallId(call),
    })
}

/// Confirms (`true`) or takes back what is changed in one record.
#[wasm_bindgen(js_name = settleRecord)]
pub fn settle_record(store: u32, row: u32, generation: u32, accept: bool) -> Thrown<()> {
    settle(
        Scope::Record(StoreId(store), row_id(row, generation)),
        accept,
    )
}

/// Confirms or takes back what is changed in a store.
#[wasm_bindgen(js_name = settleStore)]
pub fn settle_store(store: u32, accept: bool) -> Thrown<()> {
    settle(Scope::Store(StoreId(store)), accept)
}

/// Confirms or takes back what is changed in all stores of a manager.
#[wasm_bindgen(js_name = settleManager)]
pub fn settle_manager(manager: u32, accept: bool) -> Thrown<()> {
    settle(Scope::Manager(ManagerId(manager)), accept)
}

/// Which notices somebody listens to.
#[wasm_bindgen(js_name = listenStore)]
pub fn listen_store(store: u32, kinds: u32) -> Thrown<()> {
    done(Input::ListenStore(StoreId(store), kinds))
}

// --- managers ------------------------------------------------------------------------------------

/// Makes a manager from its options (JSON text in the scratch).
#[wasm_bindgen(js_name = createManager)]
pub fn create_manager(len: u32) -> Thrown<u32> {
    let config: ManagerConfig = config(len)?;
    match feed(Input::CreateManager(Box::new(config)))? {
        Reply::Manager(manager) => Ok(manager.0),
        _ => Ok(u32::MAX),
    }
}

/// Ends a manager.
#[wasm_bindgen(js_name = destroyManager)]
pub fn destroy_manager(manager: u32) -> Thrown<()> {
    done(Input::DestroyManager(ManagerId(manager)))
}

/// Puts a store under a manager, at a position of the load order or (-1) last.
#[wasm_bindgen(js_name = addStore)]
pub fn add_store(manager: u32, store: u32, position: i32) -> Thrown<()> {
    let position = u32::try_from(position).ok();
    done(Input::AddStore(
        ManagerId(manager),
        StoreId(store),
        position,
    ))
}

/// Takes a store out.
#[wasm_bindgen(js_name = removeStore)]
pub fn remove_store(manager: u32, store: u32) -> Thrown<()> {
    done(Input::RemoveStore(ManagerId(manager), StoreId(store)))
}

/// New options for a living manager, all of them (JSON text in the scratch).
#[wasm_bindgen]
pub fn configure(manager: u32, len: u32) -> Thrown<()> {
    let config: ManagerConfig = config(len)?;
    done(Input::Configure(ManagerId(manager), Box::new(config)))
}

/// What the server calls its state (JSON text in the scratch).
#[wasm_bindgen(js_name = setRevision)]
pub fn set_revision(manager: u32, len: u32) -> Thrown<()> {
    with_bytes(len, |value| Input::SetRevision(ManagerId(manager), value))
}

/// Which events somebody listens to.
#[wasm_bindgen]
pub fn listen(manager: u32, kinds: u32) -> Thrown<()> {
    done(Input::Listen(ManagerId(manager), u64::from(kinds)))
}

/// Loads. `call` is the promise to settle, -1 for none; options stand in the scratch, -1 for none.
#[wasm_bindgen]
pub fn load(manager: u32, call: i32, len: i32) -> Thrown<()> {
    let driver = started()?;
    let reply = driver.feed_scratch(|buffers| {
        Ok(Input::Load {
            manager: ManagerId(manager),
            call: u32::try_from(call).ok().map(CallId),
            options: usize::try_from(len).ok().map(|len| buffers.bytes(len)),
        })
    });
    throw(driver, reply).map(drop)
}

/// Loads a part of the data, if it isn't there (JSON text in the scratch). `call` is the promise to
/// settle, -1 for none.
#[wasm_bindgen(js_name = loadMissing)]
pub fn load_missing(manager: u32, call: i32, len: u32) -> Thrown<()> {
    with_bytes(len, |wanted| Input::LoadMissing {
        manager: ManagerId(manager),
        call: u32::try_from(call).ok().map(CallId),
        wanted,
    })
}

/// Sends what has changed. `call` is the promise to settle, -1 for none.
#[wasm_bindgen]
pub fn sync(manager: u32, call: i32) -> Thrown<()> {
    done(Input::Sync {
        manager: ManagerId(manager),
        call: u32::try_from(call).ok().map(CallId),
    })
}

/// Ends the request of a call; for -1, the one that runs.
#[wasm_bindgen]
pub fn cancel(manager: u32, call: i32) -> Thrown<()> {
    let call = u32::try_from(call).ok().map(CallId);
    done(Input::Cancel(ManagerId(manager), call))
}

/// Applies a load or sync answer that came by another way (JSON text in the scratch).
#[wasm_bindgen(js_name = applyResponse)]
pub fn apply_response(manager: u32, len: u32) -> Thrown<()> {
    with_bytes(len, |bytes| Input::ApplyResponse(ManagerId(manager), bytes))
}

/// Reads a piece of an answer that is too large for the scratch; its last piece goes to
/// `applyResponse`.
#[wasm_bindgen(js_name = applyPiece)]
pub fn apply_piece(manager: u32, len: u32) -> Thrown<()> {
    with_bytes(len, |bytes| Input::ApplyPiece(ManagerId(manager), bytes))
}

/// Applies changes of the server that came by another way (JSON text in the scratch).
#[wasm_bindgen(js_name = applyChangeset)]
pub fn apply_changeset(manager: u32, len: u32) -> Thrown<()> {
    with_bytes(len, |bytes| {
        Input::ApplyChangeset(ManagerId(manager), bytes)
    })
}

/// The same for a single store.
#[wasm_bindgen(js_name = applyStoreChangeset)]
pub fn apply_store_changeset(store: u32, len: u32) -> Thrown<()> {
    with_bytes(len, |bytes| {
        Input::ApplyStoreChangeset(StoreId(store), bytes)
    })
}

/// No autoSync until as many resumes have come.
#[wasm_bindgen(js_name = suspendAutoSync)]
pub fn suspend_auto_sync(manager: u32) -> Thrown<()> {
    done(Input::SuspendAutoSync(ManagerId(manager)))
}

/// Undoes one suspend.
#[wasm_bindgen(js_name = resumeAutoSync)]
pub fn resume_auto_sync(manager: u32, sync: bool) -> Thrown<()> {
    done(Input::ResumeAutoSync {
        manager: ManagerId(manager),
        sync,
    })
}

/// Answers a question. `content` and `request` take the place of what was shown.
#[wasm_bindgen]
pub fn answer(
    ask: u32,
    proceed: bool,
    content: Option<String>,
    request: Option<String>,
    body: Option<Vec<u8>>,
) -> Thrown<()> {
    let request = request.and_then(|text| convert::http_from_json(&text, body));
    done(Input::Answer {
        ask: AskId(ask),
        proceed,
        content: content.as_deref().map(str::as_bytes),
        request: request.map(Box::new),
    })
}

// --- channels ------------------------------------------------------------------------------------

/// Gives a manager a channel with these options (JSON text in the scratch), or, with -1, ends the
/// one that it has.
#[wasm_bindgen(js_name = createChannel)]
pub fn create_channel(manager: u32, len: i32) -> Thrown<()> {
    let manager = ManagerId(manager);
    match u32::try_from(len) {
        Ok(len) => {
            let config: ChannelConfig = config(len)?;
            done(Input::CreateChannel(manager, Box::new(config)))
        }
        Err(_) => done(Input::DestroyChannel(manager)),
    }
}

/// Something happens to a manager's channel; the text or messages stand in the scratch. `number` is
/// a connection or a call.
#[wasm_bindgen(js_name = feedChannel)]
pub fn feed_channel(manager: u32, what: u8, number: u32, code: u32, len: u32) -> Thrown<()> {
    let driver = started()?;
    let reply = driver.feed_scratch(|buffers| {
        let bytes = buffers.bytes(len as usize);
        let input = match what {
            0 => ChannelInput::Connect,
            1 => ChannelInput::Suspend,
            2 => ChannelInput::Freeze,
            3 => ChannelInput::Ready,
            4 => ChannelInput::Open(number, bytes),
            5 => ChannelInput::Frames(number, bytes),
            6 => ChannelInput::Down(number, code, buffers.text(len as usize)?),
            7 => ChannelInput::Token(bytes),
            8 => ChannelInput::Change(bytes),
            9 => ChannelInput::Message(bytes),
            10 => ChannelInput::Presence(bytes),
            11 => ChannelInput::Lock(CallId(number), bytes),
            12 => ChannelInput::Unlock(bytes),
            _ => ChannelInput::Deny(bytes),
        };
        Ok(Input::Channel(ManagerId(manager), input))
    });
    throw(driver, reply).map(drop)
}

// --- helpers -------------------------------------------------------------------------------------

fn started() -> Thrown<&'static Driver> {
    driver::get().ok_or_else(|| JsValue::from_str("the engine was not started"))
}

fn throw<T>(driver: &Driver, result: Result<T, SyncError>) -> Thrown<T> {
    result.map_err(|error| driver.error(&error))
}

fn feed(input: Input<'_>) -> Thrown<Reply> {
    let driver = started()?;
    throw(driver, driver.feed(input))
}

fn done(input: Input<'_>) -> Thrown<()> {
    feed(input).map(drop)
}

fn settle(scope: Scope, accept: bool) -> Thrown<()> {
    done(if accept {
        Input::Accept(scope)
    } else {
        Input::Reject(scope)
    })
}

fn with_bytes(len: u32, input: impl FnOnce(&[u8]) -> Input<'_>) -> Thrown<()> {
    let driver = started()?;
    let reply = driver.feed_scratch(|buffers| Ok(input(buffers.bytes(len as usize))));
    throw(driver, reply).map(drop)
}

fn take_rows(driver: &Driver, count: u32) -> Vec<RowId> {
    let mut buffers = driver.buffers();
    let rows = buffers.row_ids(count as usize);
    buffers.used();
    rows
}

fn leave_rows(driver: &Driver, reply: Result<Reply, SyncError>) -> Thrown<()> {
    match throw(driver, reply)? {
        Reply::Rows(rows) => driver.buffers().leave_rows(&rows),
        _ => driver.buffers().leave_rows(&[]),
    }
    Ok(())
}

fn config<T: crate::engine::config::Options>(len: u32) -> Thrown<T> {
    let driver = started()?;
    let parsed = crate::engine::config::parse(driver.buffers().bytes(len as usize));
    driver.buffers().used();
    throw(driver, parsed)
}

const fn row_id(row: u32, generation: u32) -> RowId {
    RowId {
        row: RowIx(row),
        generation,
    }
}

#[inline]
fn set(store: u32, row: u32, generation: u32, field: u32, value: Value<'_>) -> i32 {
    let Some(driver) = driver::get() else {
        return 0;
    };
    changed(driver.feed(Input::Set {
        store: StoreId(store),
        row: row_id(row, generation),
        field: FieldIx(field as u16),
        value,
    }))
}

fn set_scratch(
    store: u32,
    row: u32,
    generation: u32,
    field: u32,
    len: u32,
    value: impl FnOnce(&str) -> Value<'_>,
) -> i32 {
    let Some(driver) = driver::get() else {
        return 0;
    };
    changed(driver.feed_scratch(|buffers| {
        Ok(Input::Set {
            store: StoreId(store),
            row: row_id(row, generation),
            field: FieldIx(field as u16),
            value: value(buffers.text(len as usize)?),
        })
    }))
}

#[inline]
fn changed(reply: Result<Reply, SyncError>) -> i32 {
    match reply {
        Ok(Reply::Changed(changed)) => i32::from(changed),
        Ok(_) => 0,
        Err(error) => {
            if let Some(driver) = driver::get() {
                driver.keep_error(error);
            }
            -1
        }
    }
}
