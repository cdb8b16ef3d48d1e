use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
    time::Duration,
};

use bytes::Bytes;
use gloo_timers::callback::{Interval, Timeout};
use matchbox_protocol::PeerId;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Document, EventTarget};
use web_time::Instant;

use super::{link::WebLink, socket::Socket};
use crate::{
    Channel, LinkStats, RoomConfig, RoomError,
    core::{Action, Core, Entropy, Input, LinkId, TICK},
    inbox::Inbox,
};

/// How long a farewell may take to leave this machine.
const FAREWELL: Duration = Duration::from_millis(200);

/// Whom an input comes from, so that nothing is heard of what was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Socket(u64),
    Link(LinkId),
}

/// The way back from the browser's callbacks to the driver.
#[derive(Debug, Clone)]
pub(super) struct Inputs(Weak<RefCell<Driver>>);

impl Inputs {
    pub(super) fn send(&self, source: Source, input: Input) {
        let Some(driver) = self.0.upgrade() else {
            return;
        };
        match driver.try_borrow_mut() {
            Ok(mut driver) => driver.input(source, input),
            Err(_) => {
                // The browser called back from within one of our own calls: later, then.
                let driver = Rc::clone(&driver);
                wasm_bindgen_futures::spawn_local(async move {
                    if let Ok(mut driver) = driver.try_borrow_mut() {
                        driver.input(source, input);
                    }
                });
            }
        }
    }
}

/// Feeds a [`Core`] and carries out what it asks for.
#[derive(Debug)]
pub(super) struct Driver {
    core: Core,
    config: RoomConfig,
    document: Document,
    started: Instant,
    pub(super) inbox: Inbox,
    inputs: Inputs,
    socket: Option<Socket>,
    sockets: u64,
    links: BTreeMap<LinkId, WebLink>,
    _ticks: Interval,
    _page: [PageListener; 2],
}

impl Driver {
    pub(super) fn start(me: PeerId, config: RoomConfig) -> Result<Rc<RefCell<Self>>, RoomError> {
        let window = web_sys::window()
            .ok_or_else(|| RoomError::Startup("there is no window: is this a worker?".into()))?;
        let document = window
            .document()
            .ok_or_else(|| RoomError::Startup("there is no document".into()))?;
        let driver = Rc::new_cyclic(|weak: &Weak<RefCell<Self>>| {
            let with_driver = |act: fn(&mut Driver)| {
                let weak = weak.clone();
                move || {
                    if let Some(driver) = weak.upgrade()
                        && let Ok(mut driver) = driver.try_borrow_mut()
                    {
                        act(&mut driver);
                    }
                }
            };
            RefCell::new(Self {
                core: Core::new(me, &config, Entropy::from_system()),
                config,
                started: Instant::now(),
                inbox: Inbox::default(),
                inputs: Inputs(weak.clone()),
                socket: None,
                sockets: 0,
                links: BTreeMap::new(),
                _ticks: Interval::new(TICK.as_millis() as u32, with_driver(Self::tick)),
                _page: [
                    // The page is being closed: others shall know at once.
                    PageListener::new(&window, "pagehide", with_driver(Self::say_goodbye)),
                    PageListener::new(
                        &document,
                        "visibilitychange",
                        with_driver(Self::look_at_page),
                    ),
                ],
                document: document.clone(),
            })
        });
        if let Ok(mut driver) = driver.try_borrow_mut() {
            driver.look_at_page();
        }
        Ok(driver)
    }

    /// Says goodbye, and closes everything when that is out.
    pub(super) fn leave(driver: Rc<RefCell<Self>>) {
        if let Ok(mut driver) = driver.try_borrow_mut() {
            driver.say_goodbye();
        }
        Timeout::new(FAREWELL.as_millis() as u32, move || drop(driver)).forget();
    }

    fn say_goodbye(&mut self) {
        self.core.leave();
        self.act();
    }

    fn look_at_page(&mut self) {
        self.set_away(self.document.hidden());
    }

    pub(super) fn set_away(&mut self, away: bool) {
        self.core.set_away(away);
        self.act();
    }

    fn tick(&mut self) {
        self.core.tick(self.started.elapsed());
        self.act();
        for link in self.links.values_mut() {
            link.watch_path();
        }
    }

    fn input(&mut self, source: Source, input: Input) {
        let current = match source {
            Source::Socket(n) => self.socket.is_some() && n == self.sockets,
            Source::Link(link) => self.links.contains_key(&link),
        };
        if current {
            self.core.handle(self.started.elapsed(), input);
            self.act();
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.core.next_action() {
            match action {
                Action::Connect(url) => {
                    self.sockets += 1;
                    self.socket = Some(Socket::open(&url, self.sockets, self.inputs.clone()));
                }
                Action::SocketSend(text) => {
                    let sent = self.socket.as_ref().map(|socket| socket.send(&text));
                    if let Some(Err(end)) = sent {
                        self.socket = None;
                        self.core
                            .handle(self.started.elapsed(), Input::SocketEnded(end));
                    }
                }
                Action::SocketClose => self.socket = None,
                Action::OpenLink { link, offer } => {
                    let opened = WebLink::open(link, offer, &self.config, self.inputs.clone());
                    self.links.extend(opened.map(|opened| (link, opened)));
                }
                Action::Answer { link, sdp } => self.with_link(link, |link| link.answer(sdp)),
                Action::Candidate { link, candidate } => {
                    self.with_link(link, |link| link.candidate(&candidate));
                }
                Action::Send {
                    link,
                    channel,
                    bytes,
                } => {
                    self.with_link(link, |link| link.send(channel, &bytes));
                }
                Action::CloseLink { link } => {
                    self.links.remove(&link);
                }
                Action::Tell(told) => self.inbox.push(told),
            }
        }
    }

    fn with_link(&self, id: LinkId, act: impl FnOnce(&WebLink)) {
        if let Some(link) = self.links.get(&id) {
            act(link);
        }
    }

    pub(super) fn queued(&self, peer: PeerId, channel: Channel) -> Option<usize> {
        let link = self.core.active_link(peer)?;
        Some(self.links.get(&link)?.queued(channel))
    }

    pub(super) fn send(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) -> bool {
        let sent = self.core.send(peer, channel, bytes);
        self.act();
        sent
    }

    pub(super) fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        let (_, mut stats) = self.core.stats().find(|(id, _)| *id == peer)?;
        stats.queued = Channel::ALL.map(|channel| self.queued(peer, channel).unwrap_or(0));
        stats.packets_unread = self.inbox.dropped(peer);
        Some(stats)
    }

    pub(super) fn cut(&mut self, peer: PeerId) {
        self.core.cut(self.started.elapsed(), peer);
        self.act();
    }
}

/// Listens to the page for as long as it exists.
#[derive(Debug)]
struct PageListener {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut()>,
}

impl PageListener {
    fn new(target: &EventTarget, event: &'static str, act: impl FnMut() + 'static) -> Self {
        let closure = Closure::new(act);
        let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        Self {
            target: target.clone(),
            event,
            closure,
        }
    }
}

impl Drop for PageListener {
    fn drop(&mut self) {
        let callback = self.closure.as_ref().unchecked_ref();
        let _ = self
            .target
            .remove_event_listener_with_callback(self.event, callback);
    }
}
