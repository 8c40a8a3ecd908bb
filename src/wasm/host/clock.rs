//! Time and randomness.

use core::cell::Cell;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::engine::time::Millis;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(thread_local_v2, js_namespace = performance, js_name = timeOrigin)]
    static TIME_ORIGIN: f64;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn random_values(bytes: &Uint8Array) -> Result<JsValue, JsValue>;
}

/// A clock that counts from the Unix epoch and never goes back, also when the user sets the system's.
#[derive(Debug)]
pub(in crate::wasm) struct Clock {
    origin: f64,
    last: Cell<f64>,
}

impl Clock {
    pub(in crate::wasm) fn new() -> Self {
        Self {
            origin: TIME_ORIGIN.with(|origin| *origin),
            last: Cell::new(0.0),
        }
    }

    pub(in crate::wasm) fn now(&self) -> Millis {
        let now = (self.origin + performance_now()).max(self.last.get());
        self.last.set(now);
        Millis(now as u64)
    }
}

/// A seed that no other page has.
pub(in crate::wasm) fn seed() -> u64 {
    let bytes = Uint8Array::new_with_length(8);
    if random_values(&bytes).is_err() {
        return performance_now().to_bits() ^ TIME_ORIGIN.with(|origin| origin.to_bits());
    }
    let mut seed = [0; 8];
    bytes.copy_to(&mut seed);
    u64::from_le_bytes(seed)
}
