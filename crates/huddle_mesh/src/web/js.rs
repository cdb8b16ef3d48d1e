//! Calls to JavaScript that return exceptions as errors.
//!
//! An exception that passes through a Rust function does not drop its variables. The room would
//! stay borrowed and stop without an error. All calls to WebRTC objects go through this module,
//! because browser extensions replace these objects with their own, which may throw anywhere.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The message of an exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exception(pub(super) String);

pub(super) type Result<T> = std::result::Result<T, Exception>;

impl From<JsValue> for Exception {
    fn from(thrown: JsValue) -> Self {
        Self(match thrown.dyn_ref::<js_sys::Error>() {
            Some(error) => String::from(error.message()),
            None => thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")),
        })
    }
}

/// Creates an instance of a global class.
pub(super) fn construct(class: &str, argument: &JsValue) -> Result<JsValue> {
    let found = get(&js_sys::global(), class)?;
    let Some(constructor) = found.dyn_ref::<Function>() else {
        return Err(Exception(format!("{class} is not defined")));
    };
    expect_object(
        class,
        Reflect::construct(constructor, &Array::of1(argument))?,
    )
}

/// Calls a method.
pub(super) fn call(target: &JsValue, method: &str, arguments: &Array) -> Result<JsValue> {
    let found = get(target, method)?;
    let Some(function) = found.dyn_ref::<Function>() else {
        return Err(Exception(format!("{method} is not a function")));
    };
    Ok(function.apply(target, arguments)?)
}

/// Calls a method that returns a promise, and waits for the promise.
pub(super) async fn call_async(
    target: &JsValue,
    method: &str,
    arguments: &Array,
) -> Result<JsValue> {
    let promised = call(target, method, arguments)?;
    Ok(JsFuture::from(Promise::resolve(&promised)).await?)
}

/// Reads a property.
pub(super) fn get(target: &JsValue, property: &str) -> Result<JsValue> {
    Ok(Reflect::get(target, &property.into())?)
}

/// Sets a property.
pub(super) fn set(target: &JsValue, property: &str, value: &JsValue) -> Result<()> {
    Reflect::set(target, &property.into(), value)?;
    Ok(())
}

/// Returns the value if it is an object. A class replaced by an extension may return any value.
pub(super) fn expect_object(name: &str, value: JsValue) -> Result<JsValue> {
    if value.is_object() {
        Ok(value)
    } else {
        Err(Exception(format!("{name} returned no object")))
    }
}

/// Converts a JSON value to a JavaScript value.
pub(super) fn from_json(value: &serde_json::Value) -> Result<JsValue> {
    Ok(js_sys::JSON::parse(&value.to_string())?)
}
