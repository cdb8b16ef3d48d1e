//! Calls into the browser whose exceptions are values.
//!
//! A call that throws past Rust ends its function without dropping anything: the room would stay
//! borrowed and silently dead. The WebRTC objects are used through this module only, because
//! extensions replace them with objects of their own.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// What the browser threw, in its own words.
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

/// Makes an object of a global class.
pub(super) fn construct(class: &str, argument: &JsValue) -> Result<JsValue> {
    let found = get(&js_sys::global(), class)?;
    let Some(constructor) = found.dyn_ref::<Function>() else {
        return Err(Exception(format!("{class} is not defined")));
    };
    object(
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

/// Calls a method that returns a promise, and waits for it.
pub(super) async fn settle(target: &JsValue, method: &str, arguments: &Array) -> Result<JsValue> {
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

/// The value, if it is an object: what replaces a class may return anything.
pub(super) fn object(name: &str, value: JsValue) -> Result<JsValue> {
    if value.is_object() {
        Ok(value)
    } else {
        Err(Exception(format!("{name} made no object")))
    }
}

/// A plain object.
pub(super) fn plain(value: &serde_json::Value) -> Result<JsValue> {
    Ok(js_sys::JSON::parse(&value.to_string())?)
}
