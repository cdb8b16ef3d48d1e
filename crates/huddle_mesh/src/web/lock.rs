//! Locks shared by all pages of an origin (Web Locks API).

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Function, Promise};
use serde_json::json;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

use super::js::{self, Result};

/// A lock, held until it is dropped. The browser also releases it when the page closes.
#[derive(Debug)]
pub(super) struct Lock {
    release: Function,
    _granted: Closure<dyn FnMut(JsValue) -> JsValue>,
}

/// The result of a request for a lock.
#[derive(Debug)]
pub(super) enum Locking {
    /// The request succeeded.
    Held(Lock),
    /// Another page, or another room of this page, holds the lock.
    Taken,
    /// The browser does not support locks, or not on this page.
    Unsupported,
}

impl Lock {
    /// Requests a lock. Does not wait until another holder releases it.
    pub(super) async fn request(name: &str) -> Locking {
        match Self::try_request(name).await {
            Ok(Some(lock)) => Locking::Held(lock),
            Ok(None) => Locking::Taken,
            Err(_) => Locking::Unsupported,
        }
    }

    async fn try_request(name: &str) -> Result<Option<Self>> {
        let navigator = js::get(&js_sys::global(), "navigator")?;
        let locks = js::expect_object("navigator.locks", js::get(&navigator, "locks")?)?;
        // The browser holds the lock until the promise that the callback returns is settled.
        let (held, release) = promise();
        let (answered, answer) = promise();
        let granted = Closure::new(move |lock: JsValue| {
            let _ = answer.call1(&JsValue::NULL, &lock);
            held.clone().into()
        });
        let options = js::from_json(&json!({ "ifAvailable": true }))?;
        let request = js::call(
            &locks,
            "request",
            &Array::of3(&name.into(), &options, granted.as_ref()),
        )?;
        // `request` settles before `answered` only if the browser rejects the request.
        let either = Promise::race(&Array::of2(&answered, &request));
        let lock = JsFuture::from(either).await?;
        Ok(lock.is_object().then_some(Self {
            release,
            _granted: granted,
        }))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.release.call0(&JsValue::NULL);
    }
}

/// Returns a promise and the function that resolves it.
fn promise() -> (Promise, Function) {
    let resolve = Rc::new(RefCell::new(JsValue::UNDEFINED));
    let promise = Promise::new(&mut |resolve_promise, _| {
        *resolve.borrow_mut() = resolve_promise.into();
    });
    let resolve = resolve.take();
    (promise, resolve.unchecked_into())
}
