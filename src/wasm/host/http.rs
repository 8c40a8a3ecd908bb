//! Requests: sent with `fetch`, answered chunk by chunk, aborted when nobody waits any more.

use crate::prelude::*;
use core::cell::RefCell;

use js_sys::{JSON, JsString, Object, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestInit};

use crate::engine::effect::HttpRequest;
use crate::engine::input::{Input, RequestId};
use crate::wasm::driver::Driver;

/// How much of a body is copied into the module's memory at once. Memory never shrinks again, so the copy stays small
/// however large the pieces are that the network delivers.
const COPY_BYTES: u32 = 128 * 1024;

/// The requests that are on their way.
#[derive(Debug, Default)]
pub(in crate::wasm) struct Http {
    running: RefCell<Vec<(RequestId, AbortController)>>,
}

impl Http {
    /// Sends; what becomes of it is told to the driver.
    pub(in crate::wasm) fn send(
        &self,
        driver: &'static Driver,
        request: RequestId,
        http: &HttpRequest,
        keep_response: bool,
    ) {
        let prepared = AbortController::new().and_then(|abort| {
            let raw = prepare(driver, http, &abort)?;
            Ok((abort, raw))
        });
        let (abort, raw) = match prepared {
            Ok(prepared) => prepared,
            Err(thrown) => {
                // Not from here: the effects that were polled before must be carried out first.
                let words = words(&thrown);
                spawn_local(async move { driver.tell(Input::HttpUnsent(request, &words)) });
                return;
            }
        };
        self.running.borrow_mut().push((request, abort));
        spawn_local(async move {
            let outcome = exchange(driver, request, &raw, keep_response).await;
            if !driver.http().finish(request) {
                return;
            }
            match outcome {
                Ok(()) => driver.tell(Input::HttpEnd(request)),
                Err(thrown) => driver.tell(Input::HttpFailed(request, &words(&thrown))),
            }
        });
    }

    /// Stops a request; its rest is not told any more.
    pub(in crate::wasm) fn abort(&self, request: RequestId) {
        let abort = self.take(request);
        if let Some(abort) = abort {
            abort.abort();
        }
    }

    fn is_running(&self, request: RequestId) -> bool {
        self.running.borrow().iter().any(|(id, _)| *id == request)
    }

    fn finish(&self, request: RequestId) -> bool {
        self.take(request).is_some()
    }

    fn take(&self, request: RequestId) -> Option<AbortController> {
        let mut running = self.running.borrow_mut();
        let at = running.iter().position(|(id, _)| *id == request)?;
        Some(running.swap_remove(at).1)
    }
}

fn prepare(
    driver: &Driver,
    http: &HttpRequest,
    abort: &AbortController,
) -> Result<JsValue, JsValue> {
    let options: Object = match &http.fetch_options {
        Some(text) => JSON::parse(text)?
            .dyn_into()
            .unwrap_or_else(|_| Object::new()),
        None => Object::new(),
    };
    let init: RequestInit = options.unchecked_into();
    init.set_method(&http.method);
    init.set_signal(Some(&abort.signal()));
    let headers = Headers::new()?;
    for (name, value) in &http.headers {
        headers.set(name, value)?;
    }
    init.set_headers(&headers);
    if let Some(body) = &http.body {
        init.set_body(&Uint8Array::from(body.as_slice()));
    }
    driver.facade().request(&http.url, &init)
}

async fn exchange(
    driver: &'static Driver,
    request: RequestId,
    raw: &JsValue,
    keep_response: bool,
) -> Result<(), JsValue> {
    let answer = JsFuture::from(driver.facade().fetch(raw)?).await?;
    if !driver.http().is_running(request) {
        return Ok(());
    }
    let response: web_sys::Response = answer
        .dyn_into()
        .map_err(|_| JsValue::from_str("fetch gave something that is no Response"))?;
    driver.head(request, &response);
    driver.tell(Input::HttpHead(request, response.status()));
    let Some(body) = response.body() else {
        return Ok(());
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let (done_name, value_name) = (JsValue::from_str("done"), JsValue::from_str("value"));
    let mut copy = Vec::new();
    while driver.http().is_running(request) {
        let piece = JsFuture::from(reader.read()).await?;
        if Reflect::get(&piece, &done_name)?.is_truthy() {
            break;
        }
        let bytes: Uint8Array = Reflect::get(&piece, &value_name)?
            .dyn_into()
            .map_err(|_| JsValue::from_str("the body holds something other than bytes"))?;
        if keep_response {
            driver.chunk(request, &bytes);
        }
        feed(driver, request, &bytes, &mut copy);
    }
    Ok(())
}

fn feed(driver: &'static Driver, request: RequestId, bytes: &Uint8Array, copy: &mut Vec<u8>) {
    let mut from = 0;
    while from < bytes.length() && driver.http().is_running(request) {
        let to = bytes.length().min(from.saturating_add(COPY_BYTES));
        copy.resize((to - from) as usize, 0);
        bytes.subarray(from, to).copy_to(copy);
        driver.tell(Input::HttpChunk(request, copy));
        from = to;
    }
}

/// What an exception says.
fn words(thrown: &JsValue) -> String {
    let message = thrown
        .is_object()
        .then(|| Reflect::get(thrown, &"message".into()).ok())
        .flatten()
        .and_then(|message| message.as_string());
    match message.or_else(|| thrown.as_string()) {
        Some(message) => message,
        None => thrown
            .dyn_ref::<JsString>()
            .map_or_else(|| "the request failed".to_owned(), String::from),
    }
}
