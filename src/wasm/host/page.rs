//! What the page tells: online or not, visible or not. Where there is no page (Node, some workers),
//! nothing is told.

use js_sys::{Function, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use crate::engine::input::Input;
use crate::engine::is_loopback;
use crate::wasm::driver;

/// Listens from now on, as long as the module lives, and tells how things stand. A page that this
/// machine serves can reach its server without a network: it isn't told that there is none.
pub(in crate::wasm) fn watch() {
    let global: JsValue = js_sys::global().into();
    listen(&global, "online", || tell(&Input::Online(true)));
    let origin = member(&member(&global, "location"), "origin").as_string();
    if !origin.is_some_and(|origin| is_loopback(&origin)) {
        listen(&global, "offline", || tell(&Input::Online(false)));
        if member(&member(&global, "navigator"), "onLine") == JsValue::FALSE {
            tell(&Input::Online(false));
        }
    }
    let document = member(&global, "document");
    if document.is_object() {
        let page = document.clone();
        listen(&document, "visibilitychange", move || {
            let hidden = member(&page, "visibilityState") == JsValue::from_str("hidden");
            tell(&Input::Visible(!hidden));
        });
    }
}

fn tell(input: &Input<'_>) {
    let input = match input {
        Input::Online(online) => Input::Online(*online),
        Input::Visible(visible) => Input::Visible(*visible),
        _ => return,
    };
    if let Some(driver) = driver::get() {
        driver.tell(input);
    }
}

fn listen(target: &JsValue, event: &str, told: impl FnMut() + 'static) {
    let Ok(add) = member(target, "addEventListener").dyn_into::<Function>() else {
        return;
    };
    let told = Closure::<dyn FnMut()>::new(told).into_js_value();
    // A host that refuses the listener is one that never tells.
    drop(add.call2(target, &event.into(), &told));
}

fn member(target: &JsValue, name: &str) -> JsValue {
    if target.is_undefined() || target.is_null() {
        return JsValue::UNDEFINED;
    }
    Reflect::get(target, &name.into()).unwrap_or(JsValue::UNDEFINED)
}
