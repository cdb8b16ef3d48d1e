//! Rooms on a virtual clock: several [`Core`]s, a virtual server and virtual links.

mod chaos;
mod groups;
mod hostile;
mod hostile_server;
mod ice_servers;
mod identity;
mod matchbox_client;
mod network_change;
mod pacing;
mod places;
mod reconnecting;
mod resuming;
mod room_settings;
mod scenarios;
mod suspension;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_id::PeerId;
use matchbox_protocol::{JsonPeerEvent, JsonPeerRequest, PeerEvent, PeerRequest};

use self::{
    places::Places,
    room_settings::{ServerRooms, split_settings},
};
use super::{
    Action, Core, CoreEvent, Entropy, Identity, Input, LinkId, LinkInput, SocketEnd,
    sdp::{Description, SdpKind, Setup},
    signal::KEEP_ALIVE,
};
use crate::{
    channel::Channel,
    config::{IceServer, RoomConfig},
    event::{DisconnectReason, LinkFailure},
    signaling_id::SignalingId,
    stats::Path,
    violation::{ProtocolViolation, ViolationSource},
};

const STEP: Duration = Duration::from_millis(10);
const LATENCY: Duration = Duration::from_millis(20);
/// When a link finds the addresses of its own machine, counted from its description.
const CANDIDATES: [Duration; 4] = [
    STEP,
    Duration::from_millis(30),
    Duration::from_millis(400),
    Duration::from_secs(4),
];

type End = (usize, LinkId);
/// A pending input: the node, the number of its WebSocket, and the input.
type Due = (usize, u64, Input);

struct Node {
    core: Core,
    id: PeerId,
    identity: Identity,
    sid: Option<SignalingId>,
    room: String,
    /// The token with which the node last connected.
    token: String,
    events: Vec<(Duration, CoreEvent)>,
    /// The number of links that the node has started to open.
    opened: usize,
    /// The candidates of other nodes that the node accepted.
    candidates: Vec<String>,
    /// The links that the node last reported to a server that forms groups.
    reported: Vec<SignalingId>,
    /// The TURN servers that the node used because the server offered them.
    server_ice: Vec<IceServer>,
    /// The number of the current WebSocket. Inputs of earlier ones are dropped.
    socket: u64,
    /// The node neither runs nor receives anything.
    frozen: bool,
    /// The node's game does not poll its room.
    hangs: bool,
    /// The inputs that the node receives when it wakes up.
    queued: VecDeque<Due>,
    /// The process has ended.
    is_killed: bool,
}

struct Simulation {
    now: Duration,
    nodes: Vec<Node>,
    due: BTreeMap<Duration, VecDeque<Due>>,
    server_up: bool,
    /// The time until the server announces newcomers.
    announcement_delay: Duration,
    /// The server sends newcomers the list of members, like `huddle-signaling`.
    lists_members: bool,
    /// The server answers keep-alives, like `huddle-signaling`.
    echoes: bool,
    /// WebSockets that deliver nothing in either direction, without being closed.
    dead_sockets: BTreeSet<(usize, u64)>,
    /// Nodes without a network.
    offline: BTreeSet<usize>,
    /// The signaling ids of dead WebSockets, and until when the server lists them.
    ghosts: BTreeMap<SignalingId, Duration>,
    /// The time until the server notices that a dead WebSocket was replaced.
    ghost_lifetime: Duration,
    /// The places of members, on a server that keeps them.
    places: Option<Places>,
    /// The rooms, on a server that has settings for them.
    rooms: Option<ServerRooms>,
    /// The latency of a signal from one member to another.
    signal_latency: Duration,
    /// The server replaces the fingerprints of all certificates with this one.
    rewritten_fingerprint: Option<[u8; 32]>,
    next_id: u128,
    /// Nodes that have no address at which they can be reached.
    without_address: BTreeSet<usize>,
    /// Pairs of nodes whose packets are dropped.
    cut: BTreeSet<(usize, usize)>,
    /// The ends of links whose outgoing packets are dropped.
    broken: BTreeSet<End>,
    descriptions: BTreeMap<String, End>,
    /// The certificate fingerprint that each end expects of the other end.
    expected: BTreeMap<End, [u8; 32]>,
    /// Ends that cannot reach each other yet. They try until they are closed.
    checking: Vec<(End, End)>,
    other_end: BTreeMap<End, End>,
    open: BTreeSet<End>,
    /// The network path that links report.
    path: Path,
    url: &'static str,
    /// The stage of the group that a server which forms groups reports to newcomers.
    stage: Option<&'static str>,
    /// Every node follows the protocol, so a reported violation is a bug.
    is_honest: bool,
}

impl Simulation {
    fn new(nodes: usize) -> Self {
        Self::at("ws://server/room", nodes)
    }

    fn at(url: &'static str, nodes: usize) -> Self {
        let mut simulation = Self {
            now: Duration::ZERO,
            nodes: Vec::new(),
            due: BTreeMap::new(),
            server_up: true,
            announcement_delay: LATENCY,
            lists_members: true,
            echoes: true,
            dead_sockets: BTreeSet::new(),
            offline: BTreeSet::new(),
            ghosts: BTreeMap::new(),
            ghost_lifetime: seconds(5),
            places: None,
            rooms: None,
            signal_latency: LATENCY,
            rewritten_fingerprint: None,
            next_id: 1000,
            without_address: BTreeSet::new(),
            cut: BTreeSet::new(),
            broken: BTreeSet::new(),
            descriptions: BTreeMap::new(),
            expected: BTreeMap::new(),
            checking: Vec::new(),
            other_end: BTreeMap::new(),
            open: BTreeSet::new(),
            path: Path::Direct,
            url,
            stage: None,
            is_honest: true,
        };
        for _ in 0..nodes {
            simulation.join();
        }
        simulation
    }

    fn join(&mut self) -> usize {
        self.join_with(RoomConfig::new(self.url).unwrap())
    }

    fn join_with(&mut self, config: RoomConfig) -> usize {
        let n = self.nodes.len();
        let mut entropy = Entropy::seeded(n as u64);
        let identity = Identity {
            fingerprint: entropy.bytes(),
        };
        let core = Core::new(&identity, &config, entropy);
        self.nodes.push(Node {
            core,
            id: identity.peer_id(),
            identity,
            sid: None,
            room: String::new(),
            token: String::new(),
            events: Vec::new(),
            opened: 0,
            candidates: Vec::new(),
            reported: Vec::new(),
            server_ice: Vec::new(),
            socket: 0,
            frozen: false,
            hangs: false,
            queued: VecDeque::new(),
            is_killed: false,
        });
        n
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            self.end_places();
            for (a, b) in std::mem::take(&mut self.checking) {
                self.pair(a, b);
            }
            while let Some(mut entry) = self.due.first_entry()
                && *entry.key() <= self.now
            {
                let Some(due) = entry.get_mut().pop_front() else {
                    entry.remove();
                    continue;
                };
                let node = &mut self.nodes[due.0];
                if node.frozen || !node.queued.is_empty() {
                    node.queued.push_back(due);
                } else {
                    self.handle(due);
                }
            }
            for node in 0..self.nodes.len() {
                while !self.nodes[node].frozen
                    && let Some(due) = self.nodes[node].queued.pop_front()
                {
                    self.handle(due);
                }
                let due = self.now.as_millis().is_multiple_of(super::TICK.as_millis());
                if due && !self.nodes[node].frozen && !self.nodes[node].is_killed {
                    if !self.nodes[node].hangs {
                        self.nodes[node].core.polled();
                    }
                    self.nodes[node].core.tick(self.now);
                    self.act(node);
                }
            }
        }
    }

    fn after(&mut self, wait: Duration, node: usize, input: Input) {
        let socket = self.nodes[node].socket;
        self.due
            .entry(self.now + wait)
            .or_default()
            .push_back((node, socket, input));
    }

    fn handle(&mut self, (node, socket, input): Due) {
        let is_outdated = match input {
            Input::Link(..) => false,
            _ => socket != self.nodes[node].socket || self.dead_sockets.contains(&(node, socket)),
        };
        if !is_outdated && !self.nodes[node].is_killed && self.arrives(node, &input) {
            self.nodes[node].core.handle(self.now, input);
            self.act(node);
        }
    }

    fn act(&mut self, node: usize) {
        while let Some(action) = self.nodes[node].core.next_action() {
            match action {
                Action::UseIceServers(server) => {
                    self.nodes[node].server_ice.push(server);
                    self.change_ice_servers(node);
                }
                Action::Emit(event) => {
                    let now = self.now;
                    if self.is_honest && matches!(event, CoreEvent::ProtocolViolation { .. }) {
                        panic!("{now:?}: {node} reports {event:?}");
                    }
                    self.nodes[node].events.push((now, event));
                }
                Action::Connect { url, .. } => {
                    self.nodes[node].socket += 1;
                    self.connect(node, url);
                }
                Action::SocketSend(text) => self.serve(node, &text),
                Action::SocketClose { is_leaving } => {
                    self.nodes[node].socket += 1;
                    if is_leaving {
                        self.leave_place(node);
                    }
                    self.end_socket(node);
                }
                Action::OpenLink { link, offer } => {
                    self.nodes[node].opened += 1;
                    self.open_link((node, link), offer);
                }
                Action::Answer { link, sdp } => {
                    let answer = Description::parse(SdpKind::Answer, &sdp).unwrap();
                    self.expected.insert((node, link), answer.fingerprint);
                    if let Some(other) = self.descriptions.get(&answer.ufrag) {
                        self.pair((node, link), *other);
                    }
                }
                Action::Candidate { candidate, .. } => {
                    self.nodes[node].candidates.push(candidate);
                }
                Action::Send {
                    link,
                    channel,
                    bytes,
                } => self.deliver((node, link), channel, bytes),
                Action::CloseLink { link } => {
                    let end = (node, link);
                    self.checking.retain(|(a, b)| *a != end && *b != end);
                    if let Some(other) = self.other_end.remove(&(node, link)) {
                        self.other_end.remove(&other);
                        if self.passes((node, link), other) {
                            self.after(
                                LATENCY,
                                other.0,
                                Input::Link(other.1, LinkInput::Closed("closed".into())),
                            );
                        }
                    }
                }
            }
        }
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    fn passes(&self, from: End, to: End) -> bool {
        !self.is_cut(from.0, to.0) && !self.broken.contains(&from)
    }

    /// Drops all later packets of `node` to `peer` on the link in use.
    fn break_link(&mut self, node: usize, peer: usize) {
        let link = self.nodes[node].core.active_link(self.nodes[peer].id);
        self.broken.insert((node, link.unwrap()));
    }

    fn connect(&mut self, node: usize, url: String) {
        self.end_socket(node);
        if !self.server_up || self.offline.contains(&node) {
            let end = SocketEnd::Unreachable("refused".into());
            return self.after(LATENCY, node, Input::SocketEnded(end));
        }
        let (url, token) = url.split_once("&token=").unwrap_or((&url, ""));
        self.nodes[node].token = token.to_owned();
        let (url, settings) = split_settings(url);
        let url = match self.resume(node, &url) {
            None => return,
            Some(url) => url,
        };
        if !self.enter_room(node, &url, &settings) {
            return;
        }
        self.next_id += 1;
        let sid = SignalingId::from_u128(self.next_id);
        self.nodes[node].sid = Some(sid);
        self.nodes[node].room = url;
        self.send_event(node, PeerEvent::IdAssigned(sid.into()));
        self.issue_place(node, None);
        if let Some(stage) = self.stage {
            self.stage(node, stage);
        }
        let mates = self.room_mates(node).into_iter();
        let now = self.now;
        self.ghosts.retain(|_, until| *until > now);
        let mates = mates.filter_map(|other| self.nodes[other].sid);
        let mates = mates.chain(self.ghosts.keys().copied());
        let doubtful = self.doubtful_members(node);
        let mates: Vec<_> = mates.chain(doubtful.iter().copied()).collect();
        if self.lists_members && !mates.is_empty() {
            let mates: Vec<_> = mates.iter().map(|sid| format!("\"{sid}\"")).collect();
            let text = format!("{{\"Members\":[{}]}}", mates.join(","));
            self.after(LATENCY, node, Input::SocketText(text));
        }
        self.report_doubtful(node, &doubtful);
        self.entered_room(node);
        for other in self.room_mates(node) {
            let event: JsonPeerEvent = PeerEvent::NewPeer(sid.into());
            self.after(
                self.announcement_delay,
                other,
                Input::SocketText(event.to_string()),
            );
        }
    }

    fn room_mates(&self, node: usize) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|other| *other != node && self.nodes[*other].sid.is_some())
            .filter(|other| self.nodes[*other].room == self.nodes[node].room)
            .collect()
    }

    fn send_event(&mut self, node: usize, event: JsonPeerEvent) {
        self.after(LATENCY, node, Input::SocketText(event.to_string()));
    }

    fn serve(&mut self, node: usize, text: &str) {
        let socket = self.nodes[node].socket;
        if self.dead_sockets.contains(&(node, socket)) {
            return;
        }
        if self.echoes && text == KEEP_ALIVE && self.nodes[node].sid.is_some() {
            self.after(LATENCY * 2, node, Input::SocketText(text.to_owned()));
        }
        let Some(sender) = self.nodes[node].sid else {
            return;
        };
        if self.stage.is_some() && self.takes_report(node, text) || self.takes_change(node, text) {
            return;
        }
        if let PeerRequest::Signal { receiver, data } = text.parse::<JsonPeerRequest>().unwrap() {
            let to = self
                .room_mates(node)
                .into_iter()
                .find(|n| self.nodes[*n].sid == Some(receiver.into()));
            if let Some(to) = to {
                let event: JsonPeerEvent = PeerEvent::Signal {
                    sender: sender.into(),
                    data,
                };
                let mut text = event.to_string();
                if let Some(fingerprint) = self.rewritten_fingerprint {
                    text = rewrite_fingerprint(&text, &fingerprint);
                }
                self.after(self.signal_latency, to, Input::SocketText(text));
            }
        }
    }

    /// Ends the node's previous WebSocket. If it was dead, the server notices later.
    fn end_socket(&mut self, node: usize) {
        let socket = self.nodes[node].socket - 1;
        if !self.dead_sockets.contains(&(node, socket)) {
            return self.disconnect(node);
        }
        if self.lose_place_unnoticed(node) {
            return;
        }
        if let Some(sid) = self.nodes[node].sid.take() {
            self.ghosts.insert(sid, self.now + self.ghost_lifetime);
            let event: JsonPeerEvent = PeerEvent::PeerLeft(sid.into());
            for other in self.room_mates(node).into_iter().chain([node]) {
                let input = Input::SocketText(event.to_string());
                self.after(self.ghost_lifetime + LATENCY, other, input);
            }
        }
    }

    /// Removes the node's network. All links and the WebSocket stop working.
    fn lose_network(&mut self, node: usize) {
        self.offline.insert(node);
        self.dead_sockets.insert((node, self.nodes[node].socket));
        let ends: Vec<_> = self.other_end.iter().map(|(a, b)| (*a, *b)).collect();
        for (from, to) in ends {
            if from.0 == node || to.0 == node {
                self.broken.insert(from);
            }
        }
        self.checking.retain(|(a, b)| a.0 != node && b.0 != node);
        self.descriptions.retain(|_, end| end.0 != node);
    }

    /// Gives the node another network, and reports the change to it.
    fn change_network(&mut self, node: usize) {
        self.offline.remove(&node);
        let now = self.now;
        self.nodes[node].core.network_changed(now);
        self.act(node);
    }

    /// Ends the link in use between two nodes, as if by an error in the library. The `noticing`
    /// nodes receive its end.
    fn end_link(&mut self, a: usize, b: usize, noticing: &[usize]) {
        for (node, peer) in [(a, b), (b, a)] {
            let link = self.nodes[node].core.active_link(self.nodes[peer].id);
            let link = link.unwrap();
            self.broken.insert((node, link));
            if noticing.contains(&node) {
                let end = LinkInput::Closed("an error".into());
                self.after(Duration::ZERO, node, Input::Link(link, end));
            }
        }
    }

    fn disconnect(&mut self, node: usize) {
        if self.lose_place(node) {
            return;
        }
        if let Some(sid) = self.nodes[node].sid.take() {
            for other in self.room_mates(node) {
                self.send_event(other, PeerEvent::PeerLeft(sid.into()));
            }
            self.left_room(node, sid);
        }
    }

    fn kill_server(&mut self) {
        self.server_up = false;
        self.forget_places();
        if let Some(rooms) = &mut self.rooms {
            rooms.clear();
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].sid.take().is_some() {
                let end = SocketEnd::Closed(None, "reset".into());
                self.after(LATENCY, node, Input::SocketEnded(end));
            }
        }
    }

    /// Ends the node's process without a goodbye.
    fn kill(&mut self, node: usize) {
        self.nodes[node].is_killed = true;
        self.disconnect(node);
    }

    fn describe(&mut self, end: End, setup: Setup) {
        self.next_id += 1;
        let ufrag = format!("u{}", self.next_id);
        self.descriptions.insert(ufrag.clone(), end);
        let description = Description {
            ufrag,
            pwd: "0123456789012345678901".into(),
            fingerprint: self.nodes[end.0].identity.fingerprint,
            setup,
            mid: "0".into(),
            sctp_port: 5000,
            max_message_size: 65_536,
            candidates: Vec::new(),
            tag: None,
        };
        self.after(
            STEP,
            end.0,
            Input::Link(end.1, LinkInput::Described(description.to_sdp())),
        );
        for wait in CANDIDATES {
            let candidate = if self.without_address.contains(&end.0) {
                "candidate:1 1 tcp 5 10.0.0.1 9 typ host tcptype active"
            } else {
                "candidate:1 1 udp 5 10.0.0.1 9 typ host"
            };
            let input = LinkInput::Candidate(candidate.to_owned());
            self.after(STEP + wait, end.0, Input::Link(end.1, input));
        }
    }

    fn open_link(&mut self, end: End, offer: Option<String>) {
        if let Some(sdp) = &offer {
            let offer = Description::parse(SdpKind::Offer, sdp).unwrap();
            self.expected.insert(end, offer.fingerprint);
        }
        self.describe(
            end,
            if offer.is_some() {
                Setup::Active
            } else {
                Setup::ActPass
            },
        );
    }

    fn pair(&mut self, a: End, b: End) {
        if self.is_cut(a.0, b.0) {
            return self.checking.push((a, b));
        }
        // DTLS rejects a certificate that does not have the described fingerprint.
        let fingerprint = |end: End| self.nodes[end.0].identity.fingerprint;
        if self.expected.get(&a) != Some(&fingerprint(b))
            || self.expected.get(&b) != Some(&fingerprint(a))
        {
            return;
        }
        self.other_end.insert(a, b);
        self.other_end.insert(b, a);
        for ((node, link), wait) in [(a, LATENCY), (b, LATENCY * 3)] {
            self.after(wait, node, Input::Link(link, LinkInput::Opened));
            let path = Input::Link(link, LinkInput::Path(self.path));
            self.after(wait + LATENCY * 10, node, path);
        }
    }

    /// Returns whether an input arrives. Like the `webrtc` crate, a link loses packets that arrive
    /// before its own side is open.
    fn arrives(&mut self, node: usize, input: &Input) -> bool {
        match input {
            Input::Link(link, LinkInput::Opened) => {
                self.open.insert((node, *link));
                true
            }
            Input::Link(link, LinkInput::Message(..)) => self.open.contains(&(node, *link)),
            _ => true,
        }
    }

    fn deliver(&mut self, from: End, channel: Channel, bytes: Bytes) {
        let Some(to) = self.other_end.get(&from).copied() else {
            return;
        };
        if self.passes(from, to) {
            self.after(
                LATENCY,
                to.0,
                Input::Link(to.1, LinkInput::Message(channel, bytes)),
            );
        }
    }

    /// Returns the times of the node's events that match.
    fn when(&self, node: usize, matches: impl Fn(&CoreEvent) -> bool) -> Vec<Duration> {
        let events = self.nodes[node].events.iter();
        events
            .filter(|(_, event)| matches(event))
            .map(|(at, _)| *at)
            .collect()
    }

    fn joins(&self, node: usize, peer: usize) -> Vec<Duration> {
        let id = self.nodes[peer].id;
        self.when(
            node,
            |event| matches!(event, CoreEvent::Joined { peer, .. } if *peer == id),
        )
    }

    fn leaves(&self, node: usize, peer: usize) -> Vec<(Duration, DisconnectReason)> {
        let id = self.nodes[peer].id;
        let events = self.nodes[node].events.iter();
        events
            .filter_map(|(at, event)| match event {
                CoreEvent::Left { peer, reason } if *peer == id => Some((*at, *reason)),
                _ => None,
            })
            .collect()
    }

    /// Returns when `node` reported `peer` as reconnecting, and as reconnected.
    fn reconnections(&self, node: usize, peer: usize) -> (Vec<Duration>, Vec<Duration>) {
        let id = self.nodes[peer].id;
        (
            self.when(node, |event| *event == CoreEvent::Reconnecting(id)),
            self.when(node, |event| *event == CoreEvent::Reconnected(id)),
        )
    }

    fn links(&self, node: usize, peer: usize) -> Option<u32> {
        let id = self.nodes[peer].id;
        self.nodes[node]
            .core
            .stats()
            .find(|(peer, _)| *peer == id)
            .map(|(_, stats)| stats.links)
    }

    /// Returns the violations that `node` reported.
    fn violations(&self, node: usize) -> Vec<(ViolationSource, ProtocolViolation, u64)> {
        let events = self.nodes[node].events.iter();
        events
            .filter_map(|(_, event)| match event {
                CoreEvent::ProtocolViolation {
                    source,
                    violation,
                    count,
                } => Some((*source, violation.clone(), *count)),
                _ => None,
            })
            .collect()
    }

    /// Returns the link failures that `node` reported.
    fn link_failures(&self, node: usize) -> Vec<(PeerId, LinkFailure, u32)> {
        let events = self.nodes[node].events.iter();
        events
            .filter_map(|(_, event)| match event {
                CoreEvent::LinkFailed {
                    peer,
                    reason,
                    attempt,
                } => Some((*peer, reason.clone(), *attempt)),
                _ => None,
            })
            .collect()
    }

    fn assert_all_joined_once(&self) {
        for a in 0..self.nodes.len() {
            for b in (0..self.nodes.len()).filter(|b| *b != a) {
                assert_eq!(self.joins(a, b).len(), 1, "{a} saw {b} join");
                assert!(self.leaves(a, b).is_empty(), "{a} saw {b} leave");
            }
        }
    }
}

/// Replaces the fingerprint in a session description.
fn rewrite_fingerprint(text: &str, fingerprint: &[u8; 32]) -> String {
    const BEFORE: &str = "a=fingerprint:sha-256 ";
    const LEN: usize = 32 * 3 - 1;
    let Some(at) = text.find(BEFORE).map(|at| at + BEFORE.len()) else {
        return text.to_owned();
    };
    let hex: Vec<_> = fingerprint
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    [&text[..at], &hex.join(":"), &text[at + LEN..]].concat()
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
