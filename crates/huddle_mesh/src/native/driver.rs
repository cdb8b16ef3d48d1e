use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rustls::ClientConfig;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    certificate::Certificate,
    ice,
    inputs::{Inputs, Source},
    link::NativeLink,
    network::Network,
    shared::{Command, PeerView, Shared, lock},
    socket::Socket,
};
use crate::{
    config::{IceServer, RoomConfig},
    core::{Action, Core, CoreEvent, Entropy, Input, LinkId, TICK},
    ice_servers::IceServers,
};

/// The capacity of the input queue. When it is full, links and the socket wait, which slows down
/// their senders.
const MAX_INPUTS: usize = 1024;
/// The capacity of the socket's queue. It is smaller because the socket's messages are longer, and
/// separate so that the socket does not make links wait.
const MAX_SOCKET_INPUTS: usize = 16;
/// The maximum time to wait until the goodbyes have left this machine.
const GOODBYE: Duration = Duration::from_millis(130);
/// The time that connections then get to close.
const CLOSING: Duration = Duration::from_millis(40);

/// Passes inputs to a [`Core`] and carries out its actions.
pub(super) struct Driver {
    core: Core,
    certificate: Certificate,
    /// Its ICE servers are [all](IceServers::all) servers.
    config: RoomConfig,
    ice_servers: IceServers,
    tls: Arc<ClientConfig>,
    started: Instant,
    last_tick: Instant,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    inputs: mpsc::Receiver<(Source, Input)>,
    inputs_tx: Inputs,
    socket_inputs: mpsc::Receiver<(Source, Input)>,
    socket_inputs_tx: Inputs,
    socket: Option<Socket>,
    sockets: u64,
    links: BTreeMap<LinkId, NativeLink>,
    network: Network,
}

impl Driver {
    pub(super) fn new(
        certificate: Certificate,
        config: RoomConfig,
        tls: Arc<ClientConfig>,
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        let (inputs_tx, inputs) = mpsc::channel(MAX_INPUTS);
        let (socket_inputs_tx, socket_inputs) = mpsc::channel(MAX_SOCKET_INPUTS);
        Self {
            core: Core::new(&certificate.identity, &config, Entropy::from_system()),
            certificate,
            ice_servers: IceServers::new(config.ice_servers.clone()),
            config,
            tls,
            started: Instant::now(),
            last_tick: Instant::now(),
            shared,
            commands,
            inputs,
            inputs_tx,
            socket_inputs,
            socket_inputs_tx,
            socket: None,
            sockets: 0,
            links: BTreeMap::new(),
            network: Network::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.tick();
        'room: loop {
            // Handles received inputs first, because they may show that a seemingly silent peer
            // is alive. The code after `select!` keeps a flood of inputs from delaying the game's
            // commands.
            tokio::select! { biased;
                Some((source, input)) = self.inputs.recv() => self.input(source, input),
                Some((source, input)) = self.socket_inputs.recv() => self.input(source, input),
                command = self.commands.recv() => {
                    if !command.is_some_and(|command| self.command(command)) {
                        break;
                    }
                }
                _ = tick.tick() => {}
            }
            // Links must not starve the signaling socket either.
            if let Ok((source, input)) = self.socket_inputs.try_recv() {
                self.input(source, input);
            }
            while let Ok(command) = self.commands.try_recv() {
                if !self.command(command) {
                    break 'room;
                }
            }
            if self.last_tick.elapsed() >= TICK {
                self.tick();
            }
            self.act();
        }
        self.goodbye().await;
    }

    fn tick(&mut self) {
        self.last_tick = Instant::now();
        if self.shared.is_polled.swap(false, Ordering::Relaxed) {
            self.core.polled();
        }
        if self.network.has_changed() {
            self.core.network_changed(self.started.elapsed());
        }
        self.core.tick(self.started.elapsed());
        self.act();
        self.publish();
    }

    /// Runs a command of the game. Returns `false` if the command is to leave the room.
    fn command(&mut self, command: Command) -> bool {
        match command {
            Command::Send(peer, channel, bytes) => {
                let len = bytes.len();
                if !self.core.send(peer, channel, bytes)
                    && let Some(view) = lock(&self.shared.peers).get(&peer)
                    && let Some(queued) = &view.queued
                {
                    queued.release(channel, len);
                }
            }
            Command::Disconnect(peer) => self.core.disconnect(self.started.elapsed(), peer),
            Command::SetFrozen(is_frozen) => self.core.set_frozen(is_frozen),
            Command::SetIceServers(servers) => {
                self.ice_servers.set_from_game(servers);
                self.update_ice_servers();
            }
            Command::SetToken(token) => self.core.set_token(self.started.elapsed(), token),
            Command::ChangeSettings(change) => self.core.change_settings(change),
            Command::Leave => return false,
        }
        true
    }

    fn update_ice_servers(&mut self) {
        self.config.ice_servers = self.ice_servers.all();
        self.core.ice_servers_changed(self.started.elapsed());
    }

    fn input(&mut self, source: Source, input: Input) {
        let current = match source {
            Source::Socket(n) => self.socket.is_some() && n == self.sockets,
            Source::Link => true,
        };
        if current {
            self.core.handle(self.started.elapsed(), input);
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.core.next_action() {
            match action {
                Action::Connect { url, timeout } => {
                    self.sockets += 1;
                    let inputs = self.socket_inputs_tx.clone();
                    self.socket = Some(Socket::open(url, timeout, self.sockets, inputs));
                }
                Action::SocketSend(text) => {
                    let sent = self.socket.as_ref().map(|socket| socket.send(text));
                    if let Some(Err(end)) = sent {
                        self.socket = None;
                        self.core
                            .handle(self.started.elapsed(), Input::SocketEnded(end));
                    }
                }
                Action::SocketClose { is_leaving } => {
                    if let Some(socket) = self.socket.take()
                        && is_leaving
                    {
                        socket.leave();
                    }
                }
                Action::OpenLink { link, offer } => {
                    let opened = NativeLink::open(
                        link,
                        offer,
                        &self.config,
                        self.certificate.rtc.clone(),
                        Arc::clone(&self.tls),
                        self.inputs_tx.clone(),
                    );
                    self.links.insert(link, opened);
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
                    self.with_link(link, |link| link.send(channel, bytes));
                }
                Action::CloseLink { link } => {
                    self.links.remove(&link);
                }
                Action::UseIceServers(server) => {
                    let check = |server: &IceServer| ice::check(std::slice::from_ref(server));
                    if self.ice_servers.set_from_server(server, check) {
                        self.update_ice_servers();
                    }
                }
                Action::Emit(event) => {
                    // The game may send on a new link as soon as it receives this event.
                    if matches!(
                        event,
                        CoreEvent::Joined { .. } | CoreEvent::Replaced(_) | CoreEvent::Left { .. }
                    ) {
                        self.publish();
                    }
                    lock(&self.shared.inbox).push(event);
                }
            }
        }
    }

    fn with_link(&self, id: LinkId, act: impl FnOnce(&NativeLink)) {
        if let Some(link) = self.links.get(&id) {
            act(link);
        }
    }

    /// Publishes the connected peers and their statistics to the game.
    fn publish(&self) {
        let mut views = BTreeMap::new();
        for (peer, stats) in self.core.stats() {
            let link = self
                .core
                .active_link(peer)
                .and_then(|link| self.links.get(&link));
            let queued = link.map(|link| Arc::clone(&link.queued));
            views.insert(peer, PeerView { stats, queued });
        }
        *lock(&self.shared.peers) = views;
    }

    /// Sends goodbyes, and waits until they have left this machine.
    async fn goodbye(mut self) {
        self.core.leave();
        self.act();
        lock(&self.shared.peers).clear();
        let links = std::mem::take(&mut self.links);
        let _ = timeout(GOODBYE, async {
            while links.values().any(|link| !link.queued.is_empty()) {
                // Links still send inputs, and must not block on a full queue.
                tokio::select! {
                    Some(_) = self.inputs.recv() => {}
                    () = sleep(Duration::from_millis(5)) => {}
                }
            }
        })
        .await;
        // Each connection closes in a task of its own.
        drop(links);
        sleep(CLOSING).await;
    }
}
