//! What the TypeScript facade offers to the shell: one object, given once at start.

use crate::prelude::*;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The facade's callbacks. Each can throw without harm: the driver reports it and goes on.
    #[derive(Debug)]
    pub type Facade;

    /// Read the notices that were packed, so that no stale value is seen. Runs no listeners.
    #[wasm_bindgen(method, catch)]
    pub(super) fn absorb(this: &Facade) -> Result<(), JsValue>;

    /// Tell the listeners of stores what was absorbed.
    #[wasm_bindgen(method, catch)]
    pub(super) fn deliver(this: &Facade) -> Result<(), JsValue>;

    /// Ask the listeners of a before… event; answer by the export `answer`, at once or later.
    #[wasm_bindgen(method, catch)]
    #[allow(clippy::too_many_arguments)]
    pub(super) fn ask(
        this: &Facade,
        ask: u32,
        manager: u32,
        event: u8,
        request: u32,
        kind: u8,
        pack: Option<String>,
        http: Option<String>,
        body: Option<Uint8Array>,
    ) -> Result<(), JsValue>;

    /// Tell the listeners of a manager. `detail` is JSON text.
    #[wasm_bindgen(method, catch)]
    pub(super) fn event(
        this: &Facade,
        manager: u32,
        event: u8,
        kind: u8,
        request: i32,
        detail: &str,
    ) -> Result<(), JsValue>;

    /// Settle a promise. With an error it rejects, else it resolves with the request's response, or
    /// `null` when `request` is -1.
    #[wasm_bindgen(method, catch)]
    pub(super) fn settle(
        this: &Facade,
        call: u32,
        request: i32,
        error: JsValue,
    ) -> Result<(), JsValue>;

    /// A request goes out whose answer somebody can ask for, until `release`.
    #[wasm_bindgen(method, catch)]
    pub(super) fn sent(
        this: &Facade,
        request: u32,
        manager: u32,
        kind: u8,
        http: &str,
    ) -> Result<(), JsValue>;

    /// A piece of an answer that somebody can ask for. Those of requests come from `host/http.js`.
    #[wasm_bindgen(method, catch)]
    pub(super) fn chunk(this: &Facade, request: u32, bytes: &Uint8Array) -> Result<(), JsValue>;

    /// Nobody can ask for the answer any more.
    #[wasm_bindgen(method, catch)]
    pub(super) fn release(this: &Facade, request: u32) -> Result<(), JsValue>;

    /// Do something for a manager's channel: see `Act`. `text` is JSON.
    #[wasm_bindgen(method, catch)]
    pub(super) fn channel(
        this: &Facade,
        manager: u32,
        act: u8,
        epoch: u32,
        text: &str,
    ) -> Result<(), JsValue>;

    /// Make the error object that callers see.
    #[wasm_bindgen(method, catch, js_name = makeError)]
    pub(super) fn make_error(
        this: &Facade,
        code: &str,
        message: &str,
        retryable: bool,
        status: u16,
    ) -> Result<JsValue, JsValue>;

    /// One of the callbacks threw.
    #[wasm_bindgen(method, catch)]
    pub(super) fn report(this: &Facade, thrown: JsValue) -> Result<(), JsValue>;
}
