//! Draws the frames of a hidden page from a timer in a web worker.
//!
//! Bevy runs a frame whenever the browser calls its [`requestAnimationFrame`][raf] callback. The
//! browser does not do so while the page is hidden, and throttles the timers of the page. It does
//! not throttle the timers of workers. This module replaces the function with one that uses such a
//! timer while the page is hidden.
//!
//! [raf]: https://developer.mozilla.org/en-US/docs/Web/API/Window/requestAnimationFrame

use std::{cell::RefCell, rc::Rc};

use bevy::prelude::*;
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Blob, Document, Url, Window, Worker};

use crate::background::cameras::{Covered, cover};

/// The time between two frames of a hidden page, in milliseconds.
const INTERVAL_MS: f64 = 1000.0 / 60.0;

/// Waits for the requested time, and then answers. The page requests a tick only for its next
/// frame, so ticks never accumulate while a frame takes longer than the interval.
const WORKER: &str = "onmessage = ({ data }) => setTimeout(postMessage, data, null);";

pub(super) fn build(app: &mut App) {
    if let Err(error) = replace_animation_frames() {
        log::warn!(
            "the game stops while its page is hidden: the browser refused a worker ({}). \
             Does the page's Content-Security-Policy allow `worker-src blob:`?",
            error_text(&error)
        );
        return;
    }
    app.init_resource::<Covered>()
        .add_systems(First, is_hidden.pipe(cover));
}

fn is_hidden() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.is_some_and(|document| document.hidden())
}

/// The callbacks that wait for the next frame of the page.
struct Frames {
    window: Window,
    document: Document,
    worker: Worker,
    /// The browser's own `requestAnimationFrame`.
    native: Function,
    /// Calls [`Frames::run`].
    run: Option<Function>,
    waiting: Vec<(u32, Function)>,
    last_id: u32,
    /// Whether the worker has not answered yet.
    is_worker_asked: bool,
    /// The time of the last frame, in milliseconds.
    last_frame: f64,
}

impl Frames {
    fn request(&mut self, callback: Function) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.waiting.push((self.last_id, callback));
        if self.waiting.len() == 1 {
            self.schedule();
        }
        self.last_id
    }

    /// Requests the next frame, if a callback waits for it.
    fn schedule(&mut self) {
        let Some(run) = self.run.as_ref().filter(|_| !self.waiting.is_empty()) else {
            return;
        };
        let result = if !self.document.hidden() {
            self.native.call1(&self.window, run).map(drop)
        } else if self.is_worker_asked {
            Ok(())
        } else {
            self.is_worker_asked = true;
            let wait = (self.last_frame + INTERVAL_MS - self.now()).clamp(0.0, INTERVAL_MS);
            self.worker.post_message(&wait.into())
        };
        if let Err(error) = result {
            log::error!("cannot request a frame: {}", error_text(&error));
        }
    }

    fn now(&self) -> f64 {
        let performance = self.window.performance();
        performance.map_or(0.0, |performance| performance.now())
    }

    /// Runs the callbacks of a frame.
    fn run(frames: &RefCell<Self>) {
        let (now, callbacks) = {
            let mut frames = frames.borrow_mut();
            frames.last_frame = frames.now();
            (frames.last_frame, std::mem::take(&mut frames.waiting))
        };
        for (_, callback) in callbacks {
            // The callback may request the next frame, so nothing is borrowed here.
            if let Err(error) = callback.call1(&JsValue::UNDEFINED, &now.into()) {
                report_error(&error);
            }
        }
    }
}

/// Reports an exception to the page like an uncaught one.
fn report_error(error: &JsValue) {
    let global = js_sys::global();
    let function = Reflect::get(&global, &"reportError".into());
    if let Some(function) = function.ok().and_then(|f| f.dyn_into::<Function>().ok()) {
        let _ = function.call1(&global, error);
    }
}

/// Replaces the page's `requestAnimationFrame` and `cancelAnimationFrame`.
fn replace_animation_frames() -> Result<(), JsValue> {
    let window = web_sys::window().ok_or("there is no window")?;
    let document = window.document().ok_or("there is no document")?;
    let frames = Rc::new(RefCell::new(Frames {
        native: Reflect::get(&window, &"requestAnimationFrame".into())?.dyn_into()?,
        worker: worker()?,
        window: window.clone(),
        document: document.clone(),
        run: None,
        waiting: Vec::new(),
        last_id: 0,
        is_worker_asked: false,
        last_frame: 0.0,
    }));

    let run = Closure::<dyn Fn()>::new({
        let frames = Rc::clone(&frames);
        move || Frames::run(&frames)
    });
    frames.borrow_mut().run = Some(run.as_ref().unchecked_ref::<Function>().clone());

    let ticked = Closure::<dyn Fn()>::new({
        let frames = Rc::clone(&frames);
        move || {
            frames.borrow_mut().is_worker_asked = false;
            Frames::run(&frames);
        }
    });
    let worker = frames.borrow().worker.clone();
    worker.set_onmessage(Some(ticked.as_ref().unchecked_ref()));

    let request = Closure::<dyn Fn(Function) -> u32>::new({
        let frames = Rc::clone(&frames);
        move |callback| frames.borrow_mut().request(callback)
    });
    let cancel = Closure::<dyn Fn(u32)>::new({
        let frames = Rc::clone(&frames);
        move |id| {
            frames
                .borrow_mut()
                .waiting
                .retain(|(other, _)| *other != id)
        }
    });
    Reflect::set(&window, &"requestAnimationFrame".into(), request.as_ref())?;
    Reflect::set(&window, &"cancelAnimationFrame".into(), cancel.as_ref())?;

    // The frame that was requested before the page was hidden or shown never comes.
    let changed = Closure::<dyn Fn()>::new(move || frames.borrow_mut().schedule());
    let listener = changed.as_ref().unchecked_ref();
    document.add_event_listener_with_callback("visibilitychange", listener)?;

    // The page uses them until it is closed.
    for closure in [run, ticked, changed] {
        closure.forget();
    }
    request.forget();
    cancel.forget();
    Ok(())
}

fn worker() -> Result<Worker, JsValue> {
    let script = Array::of1(&WORKER.into());
    // The URL is not revoked, because a browser may load the script later.
    let url = Url::create_object_url_with_blob(&Blob::new_with_str_sequence(&script)?)?;
    Worker::new(&url)
}

fn error_text(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{error:?}"),
    }
}
