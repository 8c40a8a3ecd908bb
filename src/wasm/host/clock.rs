//! Time and randomness.

use core::cell::Cell;

use js_sys::{Function, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use crate::engine::time::Millis;
use crate::wasm::driver;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(thread_local_v2, js_namespace = performance, js_name = timeOrigin)]
    static TIME_ORIGIN: f64;

    #[wasm_bindgen(js_name = queueMicrotask)]
    fn queue_microtask(task: &Function);

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn random_values(bytes: &Uint8Array) -> Result<JsValue, JsValue>;
}

/// How often in one turn the time is taken from the last look at the clock. A look costs more than
/// an edit of a field; a loop of edits that runs for long must see time pass all the same.
const LOOKS_SAVED_MAX: u32 = 64;

/// A clock that counts from the Unix epoch and never goes back, also when the user sets the
/// system's.
#[derive(Debug)]
pub(in crate::wasm) struct Clock {
    origin: Cell<f64>,
    last: Cell<f64>,
    /// How often the last look can be used again; ends with the turn.
    saved: Cell<u32>,
    turn_ends: Function,
}

impl Clock {
    pub(in crate::wasm) fn new() -> Self {
        Self {
            origin: Cell::new(TIME_ORIGIN.with(|origin| *origin)),
            last: Cell::new(0.0),
            saved: Cell::new(0),
            turn_ends: Closure::<dyn Fn()>::new(on_turn_end)
                .into_js_value()
                .unchecked_into(),
        }
    }

    pub(in crate::wasm) fn now(&self) -> Millis {
        let mut now = self.origin.get() + performance_now();
        let behind = self.last.get() - now;
        if behind > 0.0 {
            // Another clock took the place of the host's, as tests of apps do it: it counts on from
            // here.
            self.origin.set(self.origin.get() + behind);
            now = self.last.get();
        }
        self.last.set(now);
        Millis(now as u64)
    }

    /// The time, as it was at the last look if that was in this turn, for what happens once in it:
    /// the end of a turn costs more to be told of than a look.
    pub(in crate::wasm) fn now_for_once(&self) -> Millis {
        match self.saved.get() {
            0 => self.now(),
            _ => Millis(self.last.get() as u64),
        }
    }

    /// The same for what may happen again and again.
    #[inline]
    pub(in crate::wasm) fn now_in_turn(&self) -> Millis {
        let saved = self.saved.get();
        if saved == 0 {
            return self.look_for_turn();
        }
        self.saved.set(saved - 1);
        Millis(self.last.get() as u64)
    }

    #[cold]
    fn look_for_turn(&self) -> Millis {
        self.saved.set(LOOKS_SAVED_MAX);
        queue_microtask(&self.turn_ends);
        self.now()
    }

    /// A new turn begins.
    pub(in crate::wasm) fn turn(&self) {
        self.saved.set(0);
    }
}

fn on_turn_end() {
    if let Some(driver) = driver::get() {
        driver.clock().turn();
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
