//! Watches the page's life cycle (the browser hides, freezes, keeps and restores it), and changes
//! of its network.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Document, Event, EventTarget, Window};

use super::js;

/// An event of the page's life cycle or of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageEvent {
    /// The player left the page. The browser may keep the page for its back button.
    Left { kept: bool },
    /// The player returned to a page that the browser kept.
    Returned,
    /// The browser froze the page: no timer or message reaches it.
    Frozen,
    /// The browser resumed the frozen page.
    Resumed,
    /// The page is visible again.
    Shown,
    /// The machine is on another network, or is online again.
    NetworkChanged,
    /// The browser has a new estimate of the network's quality. The network may have changed.
    NetworkUpdated,
}

/// Reports the page's events for as long as this value exists.
#[derive(Debug)]
pub(super) struct Page {
    _listeners: Vec<Listener>,
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
        let connection = connection(window).map(|connection| {
            let report = report.clone();
            let mut kind = network_kind(&connection);
            Listener::new(&connection.clone(), "change", move |_| {
                let before = std::mem::replace(&mut kind, network_kind(&connection));
                report(if kind == before {
                    PageEvent::NetworkUpdated
                } else {
                    PageEvent::NetworkChanged
                });
            })
        });
        Self {
            _listeners: Vec::from([
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
                on(document, "visibilitychange", |event| {
                    is_visible(event).then_some(PageEvent::Shown)
                }),
                on(window, "online", |_| Some(PageEvent::NetworkChanged)),
            ])
            .into_iter()
            .chain(connection)
            .collect(),
        }
    }
}

/// Returns whether the browser keeps the page, or has kept it.
fn is_persisted(event: &Event) -> bool {
    js::get(event, "persisted").is_ok_and(|kept| kept.is_truthy())
}

/// Returns whether the document that changed is visible now.
fn is_visible(event: &Event) -> bool {
    js::get(event, "target")
        .and_then(|document| js::get(&document, "hidden"))
        .is_ok_and(|hidden| hidden.is_falsy())
}

/// Returns the browser's description of the network. Firefox and Safari have none.
fn connection(window: &Window) -> Option<EventTarget> {
    let navigator = js::get(window, "navigator").ok()?;
    js::get(&navigator, "connection").ok()?.dyn_into().ok()
}

/// Returns the kind of network, such as `wifi` or `cellular`. Only browsers on mobile devices
/// report it.
fn network_kind(connection: &EventTarget) -> Option<String> {
    js::get(connection, "type").ok()?.as_string()
}

/// An event listener that is removed when dropped.
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
