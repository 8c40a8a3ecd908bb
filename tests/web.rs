//! The shell in a browser: order under re-entrancy, listeners that throw, the one timer, requests
//! that are aborted.
//!
//! The facade is played by closures that write a log; `fetch` is replaced.
#![cfg(target_arch = "wasm32")]

use std::cell::{Cell, RefCell};

use js_sys::{Array, Function, Object, Promise, Reflect, global};
use syncline::wasm::{Facade, exports, readers};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const LOAD: u32 = 1 << 6;
const LOAD_START: u32 = 1 << 1;
const HAS_CHANGES: u32 = 1 << 17;
const SYNC_START: u32 = 1 << 11;
const UPDATES: u32 = 1 << 1;

/// A `fetch` that never gets an answer.
const SILENT_SERVER: &str = "request => { requests.push(request); return new Promise(() => {}) }";

type Hook = Box<dyn FnMut(&str)>;

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    static REGISTERS: Cell<u32> = const { Cell::new(0) };
}

/// Writes a line, and lets the test do something in the middle of the callback.
fn log(line: String) {
    LOG.with_borrow_mut(|log| log.push(line.clone()));
    // Taken out meanwhile: what it does may write lines itself.
    if let Some(mut hook) = HOOK.take() {
        hook(&line);
        HOOK.with_borrow_mut(|place| {
            if place.is_none() {
                *place = Some(hook);
            }
        });
    }
}

fn taken() -> Vec<String> {
    LOG.take()
}

fn on_line(hook: impl FnMut(&str) + 'static) {
    HOOK.set(Some(Box::new(hook)));
}

fn method(facade: &Object, name: &str, function: &Function) {
    Reflect::set(facade, &name.into(), function).unwrap();
}

fn logs(facade: &Object, name: &'static str) {
    let call = Closure::<dyn Fn(JsValue, JsValue, JsValue)>::new(move |a: JsValue, b, c| {
        let words: Vec<_> = [a, b, c].iter().filter_map(JsValue::as_f64).collect();
        log(format!("{name} {words:?}"));
    });
    method(facade, name, call.into_js_value().unchecked_ref());
}

/// Starts the shell of this page once.
fn start() {
    taken();
    HOOK.set(None);
    if REGISTERS.get() != 0 {
        return;
    }
    let facade = Object::new();
    for name in ["ask", "sent", "head", "chunk", "release"] {
        logs(&facade, name);
    }
    let request = Function::new_with_args("url, init", "return new Request(url, init)");
    method(&facade, "request", &request);
    // Looked up at every call: the tests replace it.
    let fetch = Function::new_with_args("request", "return globalThis.fetch(request)");
    method(&facade, "fetch", &fetch);
    let event = Closure::<dyn Fn(JsValue, JsValue)>::new(|_, event: JsValue| {
        log(format!("event {}", event.as_f64().unwrap()));
    });
    method(&facade, "event", event.into_js_value().unchecked_ref());
    let settle =
        Closure::<dyn Fn(JsValue, JsValue, JsValue)>::new(|call: JsValue, _, error: JsValue| {
            let outcome = error.as_string().unwrap_or_else(|| "ok".into());
            log(format!("settle {} {outcome}", call.as_f64().unwrap()));
        });
    method(&facade, "settle", settle.into_js_value().unchecked_ref());
    let absorb = Closure::<dyn Fn()>::new(|| {});
    method(&facade, "absorb", absorb.into_js_value().unchecked_ref());
    let deliver = Closure::<dyn Fn()>::new(|| log("deliver".into()));
    method(&facade, "deliver", deliver.into_js_value().unchecked_ref());
    let error = Closure::<dyn Fn(JsValue) -> JsValue>::new(|code| code);
    method(&facade, "makeError", error.into_js_value().unchecked_ref());
    let report = Closure::<dyn Fn(JsValue)>::new(|_| log("report".into()));
    method(&facade, "report", report.into_js_value().unchecked_ref());
    REGISTERS.set(exports::start(facade.unchecked_into::<Facade>()));
}

fn write(text: &str) -> u32 {
    let at = exports::scratch(text.len() as u32) as usize as *mut u8;
    // SAFETY: the scratch has room for that many bytes.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), at, text.len()) };
    text.len() as u32
}

fn register(at: usize) -> u32 {
    let registers = REGISTERS.get() as usize as *const u32;
    // SAFETY: there are eight registers.
    unsafe { registers.add(at).read() }
}

struct Row {
    store: u32,
    row: u32,
    generation: u32,
}

impl Row {
    fn set(&self, value: f64) -> i32 {
        exports::set_number(self.store, self.row, self.generation, 1, value)
    }
}

/// A store with one record that the server knows.
fn row() -> Row {
    let store = exports::create_store(write(r#"{"id":"events","fields":["id","size"].map}"#)).ok();
    assert_eq!(store, None, "broken options are refused");
    taken();
    let options = r#"{"id":"events","fields":[{"name":"id"},{"name":"size","type":"number"}]}"#;
    let store = exports::create_store(write(options)).unwrap();
    exports::load_data(store, write(r#"[{"id":7,"size":1}]"#)).unwrap();
    assert!(readers::find_number(store, 7.0));
    Row {
        store,
        row: register(0),
        generation: register(1),
    }
}

fn manager(row: &Row, options: &str, listen: u32) -> u32 {
    let manager = exports::create_manager(write(options)).unwrap();
    exports::add_store(manager, row.store, -1).unwrap();
    exports::listen(manager, listen).unwrap();
    taken();
    manager
}

async fn wait(ms: i32) {
    let timer = Promise::new(&mut |resolve, _| {
        let set: Function = Reflect::get(&global(), &"setTimeout".into())
            .unwrap()
            .unchecked_into();
        set.call2(&JsValue::UNDEFINED, &resolve, &ms.into())
            .unwrap();
    });
    JsFuture::from(timer).await.unwrap();
}

/// Replaces `fetch`; gives the requests that were made.
fn replace_fetch(source: &str) -> Array {
    let requests = Array::new();
    let make = Function::new_with_args("requests", &format!("return {source}"));
    let fetch = make.call1(&JsValue::UNDEFINED, &requests).unwrap();
    Reflect::set(&global(), &"fetch".into(), &fetch).unwrap();
    requests
}

fn count(log: &[String], start: &str) -> usize {
    log.iter().filter(|line| line.starts_with(start)).count()
}

#[wasm_bindgen_test]
fn a_listener_that_sets_again_is_told_of_it_after_it_has_returned() {
    start();
    let row = row();
    exports::listen_store(row.store, UPDATES).unwrap();
    let (store, at, generation) = (row.store, row.row, row.generation);
    let mut again = true;
    on_line(move |line| {
        if line == "deliver" && std::mem::take(&mut again) {
            exports::set_number(store, at, generation, 1, 3.0);
            LOG.with_borrow_mut(|log| log.push("returns".into()));
        }
    });
    assert_eq!(row.set(2.0), 1);
    assert_eq!(taken(), ["deliver", "returns", "deliver"]);
}

#[wasm_bindgen_test]
fn a_listener_that_destroys_the_manager_ends_what_was_queued_for_it() {
    start();
    let row = row();
    exports::listen_store(row.store, UPDATES).unwrap();
    let manager = manager(&row, "{}", HAS_CHANGES);
    on_line(move |line| {
        if line == "deliver" {
            exports::destroy_manager(manager).unwrap();
        }
    });
    assert_eq!(row.set(2.0), 1);
    let log = taken();
    assert_eq!(log[0], "deliver");
    HOOK.set(None);
    assert_eq!(row.set(4.0), 1, "the store lives on");
    assert!(exports::sync(manager, 1).is_err());
}

#[wasm_bindgen_test]
fn a_listener_that_syncs_gets_its_request_after_the_events_before_it() {
    start();
    let requests = replace_fetch(SILENT_SERVER);
    let row = row();
    let manager = manager(
        &row,
        r#"{"transport":{"sync":{"url":"/sync"}}}"#,
        HAS_CHANGES | SYNC_START,
    );
    on_line(move |line| {
        if line == "event 17" {
            exports::sync(manager, 5).unwrap();
            LOG.with_borrow_mut(|log| log.push("returns".into()));
        }
    });
    assert_eq!(row.set(2.0), 1);
    HOOK.set(None);
    let log = taken();
    assert_eq!(log[..3], ["event 17", "returns", "event 11"]);
    assert_eq!(count(&log, "sent"), 1, "its promise wants the answer");
    assert_eq!(requests.length(), 0, "fetch is called when all is said");
    exports::destroy_manager(manager).unwrap();
    assert!(taken().iter().any(|line| line == "settle 5 DESTROYED"));
}

#[wasm_bindgen_test]
fn a_listener_that_throws_is_reported_and_the_next_call_works() {
    start();
    let row = row();
    exports::listen_store(row.store, UPDATES).unwrap();
    on_line(|line| {
        if line == "deliver" {
            wasm_bindgen::throw_str("from a listener");
        }
    });
    assert_eq!(row.set(2.0), 1);
    assert_eq!(taken(), ["deliver", "report"]);
    HOOK.set(None);
    assert_eq!(row.set(3.0), 1);
    assert_eq!(taken(), ["deliver"]);
}

#[wasm_bindgen_test]
async fn auto_sync_waits_for_the_last_of_several_changes() {
    start();
    let requests = replace_fetch(SILENT_SERVER);
    let row = row();
    let options = r#"{"autoSync":true,"autoSyncTimeout":60,"transport":{"sync":{"url":"/sync"}}}"#;
    let manager = manager(&row, options, 0);
    for size in 0..4 {
        row.set(f64::from(10 + size));
        wait(30).await;
        assert_eq!(requests.length(), 0, "the deadline moved away");
    }
    wait(90).await;
    assert_eq!(requests.length(), 1);
    exports::destroy_manager(manager).unwrap();
}

#[wasm_bindgen_test]
async fn an_earlier_deadline_rings_before_a_later_one() {
    start();
    let requests = replace_fetch(SILENT_SERVER);
    let slow = row();
    let quick = row();
    let url = r#""transport":{"sync":{"url":"/sync"}}"#;
    let late = manager(
        &slow,
        &format!(r#"{{"autoSync":true,"autoSyncTimeout":5000,{url}}}"#),
        0,
    );
    let soon = manager(
        &quick,
        &format!(r#"{{"autoSync":true,"autoSyncTimeout":20,{url}}}"#),
        0,
    );
    slow.set(2.0);
    quick.set(2.0);
    wait(120).await;
    assert_eq!(requests.length(), 1);
    for manager in [late, soon] {
        exports::destroy_manager(manager).unwrap();
    }
}

#[wasm_bindgen_test]
async fn destroying_a_manager_aborts_its_request_and_settles_its_call_once() {
    start();
    let requests = replace_fetch(
        "request => { requests.push(request); return new Promise((_, reject) => \
         request.signal.addEventListener('abort', () => reject(request.signal.reason))) }",
    );
    let row = row();
    let manager = manager(&row, r#"{"transport":{"load":{"url":"/load"}}}"#, 0);
    exports::load(manager, 9, -1).unwrap();
    wait(5).await;
    assert_eq!(requests.length(), 1);
    exports::destroy_manager(manager).unwrap();
    wait(20).await;
    let request: web_sys::Request = requests.get(0).unchecked_into();
    assert!(request.signal().aborted());
    assert_eq!(count(&taken(), "settle 9"), 1);
}

#[wasm_bindgen_test]
async fn a_body_is_read_piece_by_piece_and_kept_for_who_asks() {
    start();
    replace_fetch(
        "() => { const text = new TextEncoder().encode('{\"events\":{\"rows\":[{\"id\":1},{\"id\":2}]}}'); \
         return Promise.resolve(new Response(new ReadableStream({ start(c) { \
         for (const byte of text) c.enqueue(Uint8Array.of(byte)); c.close(); } }))) }",
    );
    let row = row();
    let manager = manager(
        &row,
        r#"{"transport":{"load":{"url":"/load"}}}"#,
        LOAD_START | LOAD,
    );
    exports::load(manager, 3, -1).unwrap();
    wait(60).await;
    let log = taken();
    assert!(log.contains(&"settle 3 ok".to_owned()), "{log:?}");
    assert_eq!(count(&log, "chunk"), 39, "one byte each, and all of them");
    assert_eq!(count(&log, "release"), 1);
    readers::order(row.store);
    assert_eq!(register(1), 2);
    exports::destroy_manager(manager).unwrap();
}

#[wasm_bindgen_test]
async fn what_fetch_may_do_wrong_fails_the_load_and_nothing_else() {
    start();
    let row = row();
    for wrong in [
        "() => Promise.reject(new TypeError('no network'))",
        "() => { throw new TypeError('no network') }",
        "() => Promise.resolve({ ok: true, json() {} })",
        "() => Promise.resolve(new Response(new ReadableStream({ pull(c) { c.error('broken') } })))",
        "undefined",
    ] {
        replace_fetch(wrong);
        let options = r#"{"retry":{"max":0},"transport":{"load":{"url":"/load"}}}"#;
        let manager = manager(&row, options, 0);
        exports::load(manager, 4, -1).unwrap();
        wait(20).await;
        assert_eq!(count(&taken(), "settle 4 NETWORK"), 1, "{wrong}");
        exports::destroy_manager(manager).unwrap();
    }
    readers::order(row.store);
    assert_eq!(register(1), 1, "the data is as it was");
}
