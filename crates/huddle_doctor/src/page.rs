//! The code of the page. The page's own script owns the elements, and sets an object
//! `huddleDoctor` before it starts this code:
//!
//! - `options`: an object with the texts `server`, `ice` and `platform`
//! - `step(text)`: shows the progress
//! - `show(json)`: shows the result, an array of two objects with a `text` and a `report`: with
//!   shortened addresses, and with full ones

use std::{cell::RefCell, rc::Rc};

use gloo_timers::callback::Interval;
use huddle_doctor::{Addresses, Check, CheckOptions, Report};
use huddle_mesh::IceServer;
use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

const POLL_MS: u32 = 20;

/// Starts the check. It runs in a timer, because a page must not block.
pub(crate) fn run() {
    let page = property(&js_sys::global(), "huddleDoctor");
    let options = property(&page, "options");
    let text = |name| property(&options, name).as_string().unwrap_or_default();
    let server = text("server");
    let check = Check::start(CheckOptions {
        server: Some(server).filter(|server| !server.is_empty()),
        ice_servers: text("ice")
            .split(',')
            .filter(|server| !server.trim().is_empty())
            .map(IceServer::from)
            .collect(),
    })
    .on_platform(text("platform"));

    let running: Rc<RefCell<Option<Interval>>> = Rc::default();
    let mut check = Some(check);
    let interval = Interval::new(POLL_MS, {
        let running = Rc::clone(&running);
        move || {
            let Some(current) = &mut check else {
                return;
            };
            for step in current.poll() {
                call(&page, "step", &step);
            }
            if current.is_done() {
                call(&page, "show", &result(current));
                check = None;
                // Dropping the timer here would drop this closure while it runs.
                let running = Rc::clone(&running);
                gloo_timers::callback::Timeout::new(0, move || drop(running.take())).forget();
            }
        }
    });
    running.replace(Some(interval));
}

fn result(check: &Check) -> String {
    let parts: Vec<_> = [Addresses::Shortened, Addresses::Full]
        .into_iter()
        .map(|addresses| Report::new(check.findings(), addresses))
        .map(|report| serde_json::json!({ "text": report.to_string(), "report": report }))
        .collect();
    serde_json::Value::from(parts).to_string()
}

fn property(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Calls a function of the page. An exception in it is an error of the page, which its console
/// shows.
fn call(page: &JsValue, name: &str, text: &str) {
    if let Some(function) = property(page, name).dyn_ref::<Function>() {
        let _ = function.call1(page, &text.into());
    }
}
