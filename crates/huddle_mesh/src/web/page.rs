//! What happens to the page: the browser hides, freezes, keeps and brings it back.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Document, Event, EventTarget, Window};

use super::js;

/// A step in the page's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageEvent {
    /// The player goes elsewhere. The browser may keep the page for its back button.
    Left { kept: bool },
    /// The player is back on a page that was kept.
    Returned,
    /// The browser stops the page: no timer or message reaches it.
    Frozen,
    /// The page runs again.
    Resumed,
}

/// Reports what happens to the page for as long as it exists.
#[derive(Debug)]
pub(super) struct Page {
    _listeners: [Listener; 4],
}

impl Page {
    pub(super) fn watch(
        window: &Window,
        document: &Document,
        report: impl Fn(PageEvent) + Clone + 'static,
    ) -> Self {
        let on = |target: &EventTarget, name, means: fn(&Event) -> Option<PageEvent>| {
            let report = report.clone();
            Listener::new(target, name, move |event| {
                if let Some(event) = means(&event) {
                    report(event);
                }
            })
        };
        Self {
            _listeners: [
                on(window, "pagehide", |event| {
                    Some(PageEvent::Left {
                        kept: is_persisted(event),
                    })
                }),
                on(window, "pageshow", |event| {
                    is_persisted(event).then_some(PageEvent::Returned)
                }),
                on(document, "freeze", |_| Some(PageEvent::Frozen)),
                on(document, "resume", |_| Some(PageEvent::Resumed)),
            ],
        }
    }
}

/// Whether the browser keeps, or has kept, the page.
fn is_persisted(event: &Event) -> bool {
    js::get(event, "persisted").is_ok_and(|kept| kept.is_truthy())
}

/// Listens until it is dropped.
#[derive(Debug)]
struct Listener {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    fn new(target: &EventTarget, event: &'static str, act: impl FnMut(Event) + 'static) -> Self {
        let closure = Closure::new(act);
        let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        Self {
            target: target.clone(),
            event,
            closure,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.closure.as_ref().unchecked_ref();
        let _ = self
            .target
            .remove_event_listener_with_callback(self.event, callback);
    }
}
