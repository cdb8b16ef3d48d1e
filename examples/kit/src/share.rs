//! The browser's share dialog, which sends a link to another app.

use std::sync::atomic::{AtomicBool, Ordering};

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};

static FAILED: AtomicBool = AtomicBool::new(false);

/// Returns whether the browser has a share dialog. Most phones have one. A page that was loaded over
/// http from another machine has none.
pub(crate) fn is_available() -> bool {
    web_sys::window().is_some_and(|window| {
        js_sys::Reflect::has(&window.navigator(), &"share".into()).unwrap_or(false)
    })
}

/// Opens the share dialog. Browsers reject this unless it happens shortly after a key press, a click
/// or a tap.
pub(crate) fn start(title: &str, link: &str) {
    let Some(navigator) = web_sys::window()
        .map(|window| window.navigator())
        .filter(|_| is_available())
    else {
        return;
    };
    let data = web_sys::ShareData::new();
    data.set_title(title);
    data.set_url(link);
    // The call is not part of the task, which runs later.
    let dialog = navigator.share_with_data(&data);
    spawn_local(async move {
        if let Err(error) = JsFuture::from(dialog).await
            && !is_harmless(&error)
        {
            FAILED.store(true, Ordering::Relaxed);
        }
    });
}

/// Returns whether sharing has failed since the last call. It has not failed if the player cancels.
pub(crate) fn has_failed() -> bool {
    FAILED.swap(false, Ordering::Relaxed)
}

/// Returns whether the player has canceled the dialog, or an earlier dialog is still open.
fn is_harmless(error: &JsValue) -> bool {
    let name = js_sys::Reflect::get(error, &"name".into()).unwrap_or_default();
    matches!(
        name.as_string().as_deref(),
        Some("AbortError" | "InvalidStateError")
    )
}
