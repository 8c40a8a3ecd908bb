//! Requests: `http.js` carries them out, and tells here what becomes of them.

use crate::prelude::*;
use core::cell::OnceCell;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::engine::effect::HttpRequest;
use crate::engine::input::{Input, RequestId};
use crate::wasm::driver::{self, Driver};
use crate::wasm::{Facade, convert};

#[wasm_bindgen(module = "/src/wasm/host/http.js")]
extern "C" {
    fn send(
        facade: &Facade,
        tell: &JsValue,
        request: u32,
        http: &str,
        body: Option<Uint8Array>,
        keep: bool,
    );

    fn abort(request: u32);
}

/// The one callback of all requests.
#[derive(Debug, Default)]
pub(in crate::wasm) struct Http {
    tell: OnceCell<JsValue>,
}

impl Http {
    /// Sends; what becomes of it is told to the driver.
    pub(in crate::wasm) fn send(
        &self,
        driver: &Driver,
        request: RequestId,
        http: &HttpRequest,
        keep_response: bool,
    ) {
        let tell = self.tell.get_or_init(|| {
            Closure::<dyn FnMut(u32, u32, u16, JsValue)>::new(told).into_js_value()
        });
        let body = http.body.as_deref().map(Uint8Array::from);
        let http = convert::http_to_json(http);
        send(driver.facade(), tell, request.0, &http, body, keep_response);
    }

    /// Stops a request; its rest is not told any more.
    pub(in crate::wasm) fn abort(&self, request: RequestId) {
        abort(request.0);
    }
}

/// The steps are those at the top of `http.js`.
fn told(step: u32, request: u32, status: u16, value: JsValue) {
    let Some(driver) = driver::get() else { return };
    let request = RequestId(request);
    let words = value.as_string().unwrap_or_default();
    let bytes: Vec<u8>;
    driver.tell(match step {
        0 => Input::HttpUnsent(request, &words),
        1 => Input::HttpHead(request, status),
        2 => {
            bytes = Uint8Array::from(value).to_vec();
            Input::HttpChunk(request, &bytes)
        }
        3 => Input::HttpEnd(request),
        _ => Input::HttpFailed(request, &words),
    });
}
