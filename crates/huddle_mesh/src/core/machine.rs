//! The room's decisions as a state machine: takes inputs and returns actions.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use huddle_id::PeerId;

use super::{
    activity::Activity,
    bucket::Bucket,
    entropy::Entropy,
    identity::Identity,
    io::{Action, CoreEvent, Input},
    link::LinkId,
    settings::SettingsSync,
    signal::{KEEP_ALIVE, ServerMessage},
    signaling::{SignalingClient, SocketAction, SocketEnd},
    supervisor::Supervisor,
};
use crate::{
    channel::Channel,
    config::{IceServer, RoomConfig},
    event::{Signaling, SignalingLoss},
    settings::SettingsChange,
    stats::LinkStats,
    token::Token,
    violation::ProtocolViolation,
};

mod groups;

/// The time between two calls of [`Core::tick`] by a driver.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// The server's budget: how much it may send at once, and per second after that. Each message costs
/// one unit, plus one for each KiB. This is ten times what a newcomer in a room of 64 receives from
/// all other peers.
const FLOOD_BURST: u32 = 32_768;
const FLOOD_PER_SECOND: u32 = 4096;
/// If the local loop did not run for this time, the machine slept or the browser froze the page. The
/// connections may be dead, and the network may be another one.
const SLEPT: Duration = Duration::from_secs(5);
/// How often the server may replace its TURN servers, which replaces relayed links.
const ICE_BURST: u32 = 4;
const ICE_PER_SECOND: u32 = 1;
/// The maximum length of a quote from an invalid server message.
const MAX_QUOTE: usize = 120;

/// The logic of a room, without sockets.
#[derive(Debug)]
pub(crate) struct Core {
    signaling: SignalingClient,
    supervisor: Supervisor,
    settings: SettingsSync,
    /// Whether to use the TURN servers that the server offers.
    uses_server_ice: bool,
    /// Limits how often the server replaces its TURN servers.
    ice_messages: Bucket,
    activity: Activity,
    entropy: Entropy,
    /// The server's remaining budget.
    flow: Bucket,
    actions: VecDeque<Action>,
    last_tick: Duration,
    /// The last tick before a sleep whose end was handled.
    woke_after: Option<Duration>,
}

impl Core {
    pub(crate) fn new(identity: &Identity, config: &RoomConfig, entropy: Entropy) -> Self {
        Self {
            supervisor: Supervisor::new(identity, config),
            signaling: SignalingClient::new(config),
            settings: SettingsSync::default(),
            uses_server_ice: config.uses_server_ice,
            ice_messages: Bucket::new(ICE_BURST, ICE_PER_SECOND, Duration::ZERO),
            activity: Activity::default(),
            entropy,
            flow: Bucket::new(FLOOD_BURST, FLOOD_PER_SECOND, Duration::ZERO),
            actions: VecDeque::new(),
            last_tick: Duration::ZERO,
            woke_after: None,
        }
    }

    /// Returns the next action. After every call of another method, the driver calls this until it
    /// returns `None`.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Handles an input that happened at `now`, the time since the room was created.
    pub(crate) fn handle(&mut self, now: Duration, input: Input) {
        self.wake(now);
        match input {
            Input::SocketOpened => self.signaling.answered(),
            Input::SocketText(text) => {
                self.server_message(now, &text);
                self.judge_server(now);
            }
            Input::SocketBytes => {
                self.server_violation(now, ProtocolViolation::NotText);
                self.judge_server(now);
            }
            Input::SocketEnded(end) => self.socket_ended(now, end),
            Input::Link(link, input) => {
                self.supervisor
                    .link_input(now, link, input, &mut self.entropy, &mut self.actions);
                if self.supervisor.take_server_is_up() {
                    self.signaling.server_is_up(now, &mut self.entropy);
                }
                self.move_group(now);
            }
        }
        self.report_links(now);
    }

    /// Advances the time to `now`. The driver calls this every [`TICK`].
    pub(crate) fn tick(&mut self, now: Duration) {
        self.wake(now);
        let step = now.saturating_sub(std::mem::replace(&mut self.last_tick, now));
        self.activity.tick(step);
        self.update_stopped();
        let doubt = self
            .supervisor
            .tick(now, step, &mut self.entropy, &mut self.actions);
        if doubt {
            self.signaling.doubt();
        }
        let is_calm = self.supervisor.is_calm();
        self.signaling.set_calm(now, is_calm, &mut self.entropy);
        let (action, signaling) = self.signaling.tick(now, step, &mut self.entropy);
        self.socket_action(action);
        match signaling {
            None => {}
            Some(signaling) => match &signaling {
                Signaling::Retrying { reason, .. } => {
                    if *reason == SignalingLoss::NetworkChanged {
                        self.supervisor.close_attempts(&mut self.actions);
                    }
                    self.signaling_lost(signaling);
                }
                _ => self.emit(CoreEvent::Signaling(signaling)),
            },
        }
        self.report_links(now);
        self.update_settings(now);
    }

    /// Reports new settings of the room to the game, and sends the game's changes to the server.
    fn update_settings(&mut self, now: Duration) {
        if let Some(settings) = self.settings.take_report() {
            self.emit(CoreEvent::SettingsChanged(settings));
        }
        if self.signaling.is_open()
            && let Some(request) = self.settings.due(now)
        {
            self.actions.push_back(Action::SocketSend(request));
        }
    }

    /// Checks all connections if the local loop did not run for long. Inputs may come before the first
    /// tick after that, for example the end of the WebSocket.
    fn wake(&mut self, now: Duration) {
        let slept = now.saturating_sub(self.last_tick) >= SLEPT;
        if slept && self.woke_after.replace(self.last_tick) != Some(self.last_tick) {
            self.network_changed(now);
        }
    }

    /// Sends on the link in use. Returns `false` if there is none.
    pub(crate) fn send(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) -> bool {
        self.supervisor
            .send(peer, channel, bytes, &mut self.actions)
    }

    /// Returns the link in use to `peer`.
    pub(crate) fn active_link(&self, peer: PeerId) -> Option<LinkId> {
        self.supervisor.active_link(peer)
    }

    /// Disconnects a peer. It cannot reconnect for as long as the room exists.
    pub(crate) fn disconnect(&mut self, now: Duration, peer: PeerId) {
        self.supervisor.disconnect(now, peer, &mut self.actions);
    }

    /// Records that the game polled the room, which shows that the game runs.
    pub(crate) fn polled(&mut self) {
        self.activity.polled();
        self.update_stopped();
    }

    /// Sets whether the platform has frozen the game.
    pub(crate) fn set_frozen(&mut self, is_frozen: bool) {
        self.activity.set_frozen(is_frozen);
        self.update_stopped();
    }

    /// Reacts to a change of the machine's network, or to a report of the platform that it may have
    /// changed.
    pub(crate) fn network_changed(&mut self, now: Duration) {
        self.supervisor.check_links(now, &mut self.actions);
        self.signaling.network_changed(now);
    }

    /// Sets the token for the server, and connects if the room waits for one.
    pub(crate) fn set_token(&mut self, now: Duration, token: Option<Token>) {
        self.signaling.set_token(now, token);
    }

    /// Changes the settings of the room with the next tick, if the local peer is its keeper.
    pub(crate) fn change_settings(&mut self, change: SettingsChange) {
        self.settings.change(change);
    }

    /// Reacts to new ICE servers: replaces the links and attempts that need them.
    pub(crate) fn ice_servers_changed(&mut self, now: Duration) {
        self.supervisor.ice_servers_changed(now, &mut self.actions);
    }

    /// Checks all connections after the page became visible again. The network may have changed
    /// while the page was hidden.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn check_connections(&mut self, now: Duration) {
        self.supervisor.check_links(now, &mut self.actions);
        self.signaling.check();
    }

    fn update_stopped(&mut self) {
        let stopped = self.activity.stopped();
        self.supervisor.set_stopped(stopped, &mut self.actions);
    }

    /// Sends a goodbye to every peer. The driver closes the links once the goodbyes are sent.
    pub(crate) fn leave(&mut self) {
        self.supervisor.leave(&mut self.actions);
        let action = self.signaling.stop();
        self.socket_action(action);
    }

    /// Leaves the room until [`Core::resume`]: sends goodbyes, and closes all links and the
    /// connection to the server. A browser that keeps the page for the back button would close them
    /// anyway.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn suspend(&mut self) {
        self.supervisor.suspend(&mut self.actions);
        let action = self.signaling.suspend();
        self.socket_action(action);
    }

    /// Joins the room again after [`Core::suspend`], as the same peer.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn resume(&mut self, now: Duration) {
        self.signaling.resume(now);
    }

    /// Returns all connected peers and their link statistics, as far as the core measures them.
    pub(crate) fn stats(&self) -> impl Iterator<Item = (PeerId, LinkStats)> + '_ {
        self.supervisor.stats()
    }

    fn server_message(&mut self, now: Duration, text: &str) {
        if !self.signaling.has_socket() {
            return;
        }
        let kib = u32::try_from(text.len() / 1024).unwrap_or(u32::MAX);
        if !self.flow.take(now, kib.saturating_add(1)) {
            return self.server_violation(now, ProtocolViolation::Flood);
        }
        let message = match text.parse::<ServerMessage>() {
            Ok(message) => message,
            Err(error) => {
                let error = error.to_string();
                let plain = error.chars().filter(|c| !c.is_control());
                let quote = plain.take(MAX_QUOTE).collect();
                return self.server_violation(now, ProtocolViolation::NotMatchbox(quote));
            }
        };
        if let (ServerMessage::IdAssigned(sid), false) = (&message, self.signaling.is_open()) {
            // A server that refuses the room closes the connection instead of assigning an id.
            self.supervisor.id_assigned(*sid, &mut self.actions);
            self.settings.connected(*sid);
            let signaling = self.signaling.opened(now);
            self.emit(CoreEvent::Signaling(signaling));
        }
        if !self.signaling.is_open() {
            return self.server_violation(now, ProtocolViolation::NoId);
        }
        self.signaling
            .message_received(message == ServerMessage::KeepAlive);
        match &message {
            ServerMessage::Group(stage) => return self.group_stage_changed(now, *stage),
            ServerMessage::IceServers(servers) => {
                return self.ice_servers_offered(now, servers.clone());
            }
            ServerMessage::Room(settings) => {
                let has_peers = self.supervisor.has_peers();
                return self.settings.received(now, settings.clone(), has_peers);
            }
            ServerMessage::Session(session) => {
                self.signaling.set_place(session.resume);
                if let Some(spread) = session.spread_ms {
                    self.signaling
                        .set_spread(Duration::from_millis(spread.into()));
                }
                if session.members.is_some() {
                    self.settings.resumed();
                }
            }
            _ => {}
        }
        self.supervisor
            .server_message(now, message, &mut self.actions);
        self.move_group(now);
    }

    /// Handles the TURN servers that the server offers.
    fn ice_servers_offered(&mut self, now: Duration, servers: Result<IceServer, &'static str>) {
        if !self.uses_server_ice || !self.ice_messages.take(now, 1) {
            return;
        }
        match servers {
            Ok(server) => self.actions.push_back(Action::UseIceServers(server)),
            Err(reason) => {
                log::warn!("the TURN servers of the signaling server are ignored: {reason}");
            }
        }
    }

    fn server_violation(&mut self, now: Duration, violation: ProtocolViolation) {
        if self.signaling.has_socket() {
            self.supervisor
                .server_violation(now, violation, &mut self.actions);
        }
    }

    /// Disconnects from a server that has committed too many violations.
    fn judge_server(&mut self, now: Duration) {
        if let Some(violation) = self.supervisor.take_verdict() {
            self.socket_ended(now, SocketEnd::ProtocolViolation(violation));
        }
    }

    fn socket_ended(&mut self, now: Duration, end: SocketEnd) {
        if let SocketEnd::ProtocolViolation(_) = end {
            self.socket_action(Some(SocketAction::Close));
        }
        match self.signaling.ended(now, end, &mut self.entropy) {
            Ok(None) => {}
            Ok(Some(signaling)) => self.signaling_lost(signaling),
            Err(error) => {
                self.supervisor.signaling_lost(&mut self.actions);
                self.emit(CoreEvent::Failed(error));
            }
        }
    }

    fn signaling_lost(&mut self, signaling: Signaling) {
        if self.signaling.has_place() {
            self.supervisor.signaling_interrupted(&mut self.actions);
        } else {
            self.supervisor.signaling_lost(&mut self.actions);
        }
        let token_needed = match &signaling {
            Signaling::TokenNeeded { reason } => Some(reason.clone()),
            _ => None,
        };
        self.emit(CoreEvent::Signaling(signaling));
        if let Some(reason) = token_needed {
            self.emit(CoreEvent::TokenNeeded { reason });
        }
    }

    fn socket_action(&mut self, action: Option<SocketAction>) {
        if let Some(SocketAction::Connect { .. }) = action {
            self.flow = Bucket::new(FLOOD_BURST, FLOOD_PER_SECOND, self.last_tick);
        }
        self.actions.extend(action.map(|action| match action {
            SocketAction::Connect { url, timeout } => Action::Connect { url, timeout },
            SocketAction::KeepAlive => Action::SocketSend(KEEP_ALIVE.to_owned()),
            SocketAction::Close => Action::SocketClose { is_leaving: false },
            SocketAction::Leave => Action::SocketClose { is_leaving: true },
        }));
    }

    fn emit(&mut self, event: CoreEvent) {
        self.actions.push_back(Action::Emit(event));
    }
}
