//! The browser's clipboard, which is asynchronous.

use std::sync::atomic::{AtomicU8, Ordering};

use wasm_bindgen_futures::{JsFuture, spawn_local};

static OUTCOME: AtomicU8 = AtomicU8::new(NONE);
const NONE: u8 = 0;
const COPIED: u8 = 1;
const REFUSED: u8 = 2;

/// Starts copying a string. Browsers reject this unless it happens shortly after a key press or a
/// click.
pub(crate) fn start(text: String) {
    let Some(navigator) = web_sys::window().map(|window| window.navigator()) else {
        return;
    };
    // A page that was loaded over http from another machine has no clipboard.
    if !js_sys::Reflect::has(&navigator, &"clipboard".into()).unwrap_or(false) {
        OUTCOME.store(REFUSED, Ordering::Relaxed);
        return;
    }
    spawn_local(async move {
        let done = JsFuture::from(navigator.clipboard().write_text(&text)).await;
        OUTCOME.store(
            if done.is_ok() { COPIED } else { REFUSED },
            Ordering::Relaxed,
        );
    });
}

/// Returns whether the text was copied, once the browser has reported it.
pub(crate) fn outcome() -> Option<bool> {
    match OUTCOME.swap(NONE, Ordering::Relaxed) {
        COPIED => Some(true),
        REFUSED => Some(false),
        _ => None,
    }
}
