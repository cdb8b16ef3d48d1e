use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
    time::Duration,
};

use bytes::Bytes;
use gloo_timers::callback::{Interval, Timeout};
use huddle_id::PeerId;
use web_sys::Document;
use web_time::Instant;

use super::{
    certificate::Certificate,
    inputs::{Inputs, Source},
    js::Exception,
    link::WebLink,
    page::{Page, PageEvent},
    rtc,
    socket::Socket,
};
use crate::{
    channel::Channel,
    config::{IceServer, RoomConfig},
    core::{Action, Core, Entropy, Input, LinkId, LinkInput, SocketEnd, TICK},
    event::{RoomError, RoomEvent},
    ice_servers::IceServers,
    inbox::Inbox,
    settings::SettingsChange,
    stats::LinkStats,
    token::Token,
};

/// The time that goodbyes get to leave this machine before the links close.
const GOODBYE: Duration = Duration::from_millis(200);
/// A game in a hidden page counts as frozen if it has not polled its room for this time, which is a
/// little shorter than the time after which a game counts as busy.
const COVERED_AFTER: Duration = Duration::from_millis(900);

/// Passes inputs to a [`Core`] and carries out its actions.
#[derive(Debug)]
pub(super) struct Driver {
    core: Core,
    certificate: Certificate,
    /// Its ICE servers are [all](IceServers::all) servers.
    config: RoomConfig,
    ice_servers: IceServers,
    started: Instant,
    /// The time of the core's last tick, since the start.
    ticked: Duration,
    /// The time at which the game last polled the room, since the start.
    polled: Duration,
    /// The browser has frozen the page.
    is_frozen: bool,
    /// The game reported that the platform has frozen it.
    is_game_frozen: bool,
    /// The last value passed to the core. It combines both flags and whether the page is hidden.
    was_frozen: bool,
    document: Document,
    inbox: Inbox,
    inputs: Inputs,
    socket: Option<Socket>,
    /// The socket that `socket` replaces. It stays open until the server answers on the new one.
    /// Otherwise, its closing would end the local peer's place in the room.
    replaced_socket: Option<Socket>,
    sockets: u64,
    links: BTreeMap<LinkId, WebLink>,
    /// Browsers throttle timers in hidden pages, so the game's calls drive the room as well.
    _ticks: Interval,
    _page: Page,
}

impl Driver {
    pub(super) fn start(
        certificate: Certificate,
        config: RoomConfig,
    ) -> Result<Rc<RefCell<Self>>, RoomError> {
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
            let page = weak.clone();
            let on_page = move |event| {
                if let Some(driver) = page.upgrade()
                    && let Ok(mut driver) = driver.try_borrow_mut()
                {
                    driver.page(event);
                }
            };
            RefCell::new(Self {
                core: Core::new(&certificate.identity, &config, Entropy::from_system()),
                certificate,
                ice_servers: IceServers::new(config.ice_servers.clone()),
                config,
                started: Instant::now(),
                ticked: Duration::ZERO,
                polled: Duration::ZERO,
                is_frozen: false,
                is_game_frozen: false,
                was_frozen: false,
                document: document.clone(),
                inbox: Inbox::default(),
                inputs: Inputs::new(receiver(weak.clone())),
                socket: None,
                replaced_socket: None,
                sockets: 0,
                links: BTreeMap::new(),
                _ticks: Interval::new(TICK.as_millis() as u32, with_driver(Self::tick_if_due)),
                _page: Page::watch(&window, &document, on_page),
            })
        });
        driver.borrow_mut().tick();
        Ok(driver)
    }

    /// Sends goodbyes, and closes everything after [`GOODBYE`].
    pub(super) fn leave(driver: Rc<RefCell<Self>>) {
        if let Ok(mut driver) = driver.try_borrow_mut() {
            driver.say_goodbye();
            // The next room has the same identity, although this one still sends goodbyes.
            driver.certificate.lock = None;
        }
        Timeout::new(GOODBYE.as_millis() as u32, move || drop(driver)).forget();
    }

    fn say_goodbye(&mut self) {
        self.core.leave();
        self.act();
    }

    fn page(&mut self, event: PageEvent) {
        match event {
            PageEvent::Left { kept: false } => self.say_goodbye(),
            // Without a goodbye, the other peers would see a kept page as a peer that hangs.
            PageEvent::Left { kept: true } => self.core.suspend(),
            PageEvent::Returned => {
                log::info!("the page is back from the browser's cache: joining the room again");
                self.polled = self.started.elapsed();
                self.core.polled();
                self.core.resume(self.polled);
            }
            PageEvent::NetworkChanged => self.core.network_changed(self.started.elapsed()),
            PageEvent::Shown | PageEvent::NetworkUpdated => {
                self.core.check_connections(self.started.elapsed());
            }
            PageEvent::Frozen => self.is_frozen = true,
            PageEvent::Resumed => {
                self.polled = self.started.elapsed();
                self.is_frozen = false;
            }
        }
        self.tick();
    }

    pub(super) fn poll(&mut self) -> Option<RoomEvent> {
        self.polled = self.started.elapsed();
        self.core.polled();
        self.update_frozen();
        self.act();
        self.tick_if_due();
        self.inbox.pop()
    }

    pub(super) fn set_frozen(&mut self, is_frozen: bool) {
        self.is_game_frozen = is_frozen;
        self.update_frozen();
        self.act();
    }

    pub(super) fn set_ice_servers(&mut self, servers: Vec<IceServer>) {
        self.ice_servers.set_from_game(servers);
        self.update_ice_servers();
        self.act();
    }

    fn update_ice_servers(&mut self) {
        self.config.ice_servers = self.ice_servers.all();
        self.core.ice_servers_changed(self.started.elapsed());
    }

    pub(super) fn set_token(&mut self, token: Option<Token>) {
        self.core.set_token(self.started.elapsed(), token);
        self.tick();
    }

    pub(super) fn change_settings(&mut self, change: SettingsChange) {
        self.core.change_settings(change);
        self.tick();
    }

    /// Updates whether the game is frozen. A game that does not run because its page is hidden
    /// counts as frozen, not as busy.
    fn update_frozen(&mut self) {
        let unpolled = self.started.elapsed().saturating_sub(self.polled);
        let is_covered = unpolled >= COVERED_AFTER && self.document.hidden();
        let is_frozen = self.is_frozen || self.is_game_frozen || is_covered;
        if is_frozen != self.was_frozen {
            self.was_frozen = is_frozen;
            self.core.set_frozen(is_frozen);
        }
    }

    fn tick_if_due(&mut self) {
        if self.started.elapsed().saturating_sub(self.ticked) >= TICK {
            self.tick();
        }
    }

    fn tick(&mut self) {
        let now = self.started.elapsed();
        self.ticked = now;
        self.update_frozen();
        self.core.tick(now);
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
            if let Input::SocketText(_) = input {
                self.replaced_socket = None;
            }
            self.core.handle(self.started.elapsed(), input);
            self.act();
            self.tick_if_due();
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.core.next_action() {
            match action {
                Action::Connect { url, .. } => {
                    self.sockets += 1;
                    self.replaced_socket = self.socket.take();
                    match Socket::open(&url, self.sockets, self.inputs.clone()) {
                        Ok(socket) => self.socket = Some(socket),
                        Err(Exception(why)) => {
                            let input = Input::SocketEnded(SocketEnd::Blocked(why));
                            self.core.handle(self.started.elapsed(), input);
                        }
                    }
                }
                Action::SocketSend(text) => {
                    let sent = self.socket.as_ref().map(|socket| socket.send(&text));
                    if let Some(Err(end)) = sent {
                        self.socket = None;
                        self.core
                            .handle(self.started.elapsed(), Input::SocketEnded(end));
                    }
                }
                // In a browser, a page cannot close a socket without notice.
                Action::SocketClose { .. } => {
                    self.socket = None;
                    self.replaced_socket = None;
                }
                Action::OpenLink { link, offer } => {
                    let (certificate, inputs) = (&self.certificate.rtc, self.inputs.clone());
                    match WebLink::open(link, offer, &self.config, certificate, inputs) {
                        Ok(opened) => drop(self.links.insert(link, opened)),
                        Err(Exception(why)) => {
                            let input = Input::Link(link, LinkInput::Closed(why));
                            self.core.handle(self.started.elapsed(), input);
                        }
                    }
                }
                Action::Answer { link, sdp } => self.with_link(link, |link| link.answer(sdp)),
                Action::Candidate { link, candidate } => {
                    self.with_link(link, |link| link.candidate(candidate));
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
                Action::UseIceServers(server) => {
                    let check = |server: &IceServer| {
                        rtc::check(&RoomConfig {
                            ice_servers: vec![server.clone()],
                            ..self.config.clone()
                        })
                    };
                    if self.ice_servers.set_from_server(server, check) {
                        self.update_ice_servers();
                    }
                }
                Action::Emit(event) => self.inbox.push(event),
            }
        }
    }

    fn with_link(&self, id: LinkId, act: impl FnOnce(&WebLink)) {
        if let Some(link) = self.links.get(&id) {
            act(link);
        }
    }

    pub(super) fn local_id(&self) -> PeerId {
        self.certificate.identity.peer_id()
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

    pub(super) fn disconnect(&mut self, peer: PeerId) {
        self.core.disconnect(self.started.elapsed(), peer);
        self.act();
    }
}

/// Returns a function that passes inputs to the driver for as long as the driver exists.
fn receiver(driver: Weak<RefCell<Driver>>) -> impl Fn(Source, Input) {
    move |source, input| {
        let Some(driver) = driver.upgrade() else {
            return;
        };
        match driver.try_borrow_mut() {
            Ok(mut driver) => driver.input(source, input),
            Err(_) => {
                // The browser called back from within a call of the driver, so this input waits.
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
