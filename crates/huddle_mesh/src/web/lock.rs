//! Locks that all pages of an origin share (Web Locks API).

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Function, Promise};
use serde_json::json;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

use super::js::{self, Result};

/// A lock that is held until it is dropped. The browser releases it when the page ends.
#[derive(Debug)]
pub(super) struct Lock {
    release: Function,
    _granted: Closure<dyn FnMut(JsValue) -> JsValue>,
}

/// The answer to a request for a lock.
#[derive(Debug)]
pub(super) enum Locking {
    Held(Lock),
    /// Another page, or another room of this one, holds it.
    Taken,
    /// The browser or the page has no locks.
    Unsupported,
}

impl Lock {
    /// Requests a lock without waiting for another holder.
    pub(super) async fn request(name: &str) -> Locking {
        match Self::try_request(name).await {
            Ok(Some(lock)) => Locking::Held(lock),
            Ok(None) => Locking::Taken,
            Err(_) => Locking::Unsupported,
        }
    }

    async fn try_request(name: &str) -> Result<Option<Self>> {
        let navigator = js::get(&js_sys::global(), "navigator")?;
        let locks = js::object("navigator.locks", js::get(&navigator, "locks")?)?;
        // The browser holds the lock until the promise that the callback returns is settled.
        let (held, release) = promise();
        let (answered, answer) = promise();
        let granted = Closure::new(move |lock: JsValue| {
            let _ = answer.call1(&JsValue::NULL, &lock);
            held.clone().into()
        });
        let options = js::plain(&json!({ "ifAvailable": true }))?;
        let request = js::call(
            &locks,
            "request",
            &Array::of3(&name.into(), &options, granted.as_ref()),
        )?;
        // Settles early only if the browser refuses the request.
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

/// Returns a promise, and the function that resolves it.
fn promise() -> (Promise, Function) {
    let resolve = Rc::new(RefCell::new(JsValue::UNDEFINED));
    let promise = Promise::new(&mut |resolve_promise, _| {
        *resolve.borrow_mut() = resolve_promise.into();
    });
    let resolve = resolve.take();
    (promise, resolve.unchecked_into())
}
