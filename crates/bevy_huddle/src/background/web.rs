//! Runs the game from a timer in a web worker, because browsers throttle the timers of hidden
//! pages.

use bevy::prelude::*;
use bevy_web_keepalive::WebKeepalivePlugin;
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, Url, Worker};

use crate::background::cameras::{Covered, cover};

pub(super) fn build(app: &mut App) {
    // `WebKeepalivePlugin` does not handle a page whose Content-Security-Policy forbids workers.
    if let Err(error) = start_and_stop_worker() {
        log::warn!(
            "the game stops while its page is hidden: the browser refused a worker ({}). \
             Does the page's Content-Security-Policy allow `worker-src blob:`?",
            error_text(&error)
        );
        return;
    }
    app.init_resource::<Covered>()
        .add_plugins(WebKeepalivePlugin::default())
        .add_systems(First, is_hidden.pipe(cover));
}

fn start_and_stop_worker() -> Result<(), JsValue> {
    let script = Array::of1(&"".into());
    let url = Url::create_object_url_with_blob(&Blob::new_with_str_sequence(&script)?)?;
    let worker = Worker::new(&url);
    Url::revoke_object_url(&url)?;
    worker?.terminate();
    Ok(())
}

fn is_hidden() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.is_some_and(|document| document.hidden())
}

fn error_text(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{error:?}"),
    }
}
