//! The one timer.

use core::cell::{OnceCell, RefCell};

use wasm_bindgen::prelude::*;

use super::clock::Clock;
use crate::engine::time::Millis;
use crate::wasm::driver;

#[wasm_bindgen]
extern "C" {
    // Browsers name timers by numbers, Node by objects.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(rings: &JsValue, wait_ms: i32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// Calls when the host has had a turn.
pub(in crate::wasm) fn soon(call: impl FnOnce() + 'static) {
    set_timeout(&Closure::once_into_js(call), 0);
}

/// The longest wait that a host's timer can count. A later deadline is reached in steps.
const WAIT_MS_MAX: u64 = i32::MAX as u64;

/// Rings at the earliest deadline, or before it: an early ring does no harm, so a deadline that
/// moves away (autoSync after every keystroke) leaves the timer alone.
#[derive(Debug, Default)]
pub(in crate::wasm) struct Timer {
    armed: RefCell<Option<(Millis, JsValue)>>,
    rings: OnceCell<JsValue>,
}

impl Timer {
    /// Sees to it that the timer rings no later than at the deadline; without one, not at all.
    pub(in crate::wasm) fn arm(&self, deadline: Option<Millis>, clock: &Clock) {
        let Some(deadline) = deadline else {
            self.disarm();
            return;
        };
        let due = match &*self.armed.borrow() {
            Some((armed, _)) => *armed <= deadline,
            None => false,
        };
        if due {
            return;
        }
        let now = clock.now();
        let wait = (deadline - now).min(WAIT_MS_MAX);
        self.disarm();
        let rings = || Closure::<dyn FnMut()>::new(driver::ring).into_js_value();
        let timer = set_timeout(self.rings.get_or_init(rings), wait as i32);
        self.armed.replace(Some((now + wait, timer)));
    }

    /// Forgets a timer that has rung.
    pub(in crate::wasm) fn rung(&self) {
        self.armed.take();
    }

    fn disarm(&self) {
        if let Some((_, timer)) = self.armed.take() {
            clear_timeout(&timer);
        }
    }
}
