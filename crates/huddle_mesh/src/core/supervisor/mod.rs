//! Decides which links to open, use, replace and give up.
//!
//! A pair of peers needs one link. The server chooses the peer that makes the first offer. The peer
//! with the lower peer id, the *controller*, makes the later offers, and decides which of several
//! links is used. So both peers always agree, and a new link is open before the old one closes. A
//! peer with new ICE servers also makes an offer, to replace a relayed link.

mod admission;
mod endings;
mod grouping;
mod interruption;
mod links;
mod members;
mod negotiation;
mod peers;
mod signaling_ids;
mod violations;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_id::PeerId;
use uuid::Uuid;

use crate::core::{
    Action, CoreEvent, Entropy, LinkInput,
    bucket::Bucket,
    candidate::{Candidate, CandidateKind},
    control::{Control, Goodbye, RESERVED_BYTE},
    grouping::Grouping,
    identity::{self, Identity, SecretProof, is_controller},
    link::{Link, LinkId, Phase},
    liveness::{Liveness, Verdict},
    peer::{Member, Peer},
    sdp::{Description, MAX_CANDIDATES, SdpKind, Tag},
    signal::{self, ServerMessage, Signal},
};
use crate::{
    channel::Channel,
    config::{RoomConfig, Route},
    event::{DisconnectReason, LinkFailure},
    limits::MAX_MESSAGE_LEN,
    secret::RoomSecret,
    signaling_id::SignalingId,
    stats::{LinkStats, Path, StopReason},
    violation::{ProtocolViolation, ViolationSource},
};

/// The time within which a link must be in use: for the first attempt with a peer, for the second,
/// and for all further ones. The times grow so that a slow server, relay or machine succeeds in one
/// of the attempts.
const ATTEMPT_TIMEOUTS: [Duration; 3] = [
    Duration::from_secs(10),
    Duration::from_secs(15),
    Duration::from_secs(20),
];
/// The longest time of an attempt. The peer that answers an offer waits this long.
pub(crate) const LONGEST_ATTEMPT: Duration = ATTEMPT_TIMEOUTS[2];
/// A new attempt with a peer may take this multiple of the time that its last link took to open.
const OPENING_MARGIN: u32 = 3;
/// After these times, the mesh reports an offer without an answer, and an answer without an open
/// link. The attempt continues.
const REPORT_NO_ANSWER: Duration = Duration::from_secs(3);
const REPORT_NO_PATH: Duration = ATTEMPT_TIMEOUTS[0];
/// The wait after a failed attempt. Each further failure doubles it, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// The limits of [`RoomConfig::reconnect_timeout`].
const SHORTEST_RECONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const LONGEST_RECONNECT_TIMEOUT: Duration = Duration::from_secs(120);
/// An attempt that takes longer may fail because it has old ICE servers.
const STALLED: Duration = Duration::from_secs(2);
/// The maximum number of failed attempts in a row to replace a relayed link that still works.
const MAX_RENEWALS: u32 = 3;
/// The silence after which a stock client is lost if the server no longer lists it.
const MATCHBOX_CLIENT_TIMEOUT: Duration = Duration::from_secs(3);
/// While a peer is reconnecting, the mesh repeats a first offer that is unanswered for this time.
const REPEAT_OFFER: Duration = Duration::from_secs(2);
/// A replaced link stays open for this time, so that packets in flight on it can arrive.
const DRAIN: Duration = Duration::from_secs(1);
/// A link that is being closed stays open for this time, so that its goodbye can arrive.
const GOODBYE: Duration = Duration::from_millis(200);
/// The rate limit of the offers of one member. The mesh ignores offers above it. A page that wakes
/// up reads all offers made to it at once, and only the last one is still valid.
const OFFER_BURST: u32 = 12;
const OFFERS_PER_SECOND: u32 = 10;
/// The rate limit of first offers to members. Offers above it wait, and the longest-waiting one
/// goes first. So a member that joins and leaves repeatedly costs no more than this.
const FIRST_OFFER_BURST: u32 = 16;
const FIRST_OFFERS_PER_SECOND: u32 = 4;
/// The rate limit of first answers to members. The mesh does not answer offers above it. A newcomer
/// gets an offer from every member at once.
const FIRST_ANSWER_BURST: u32 = MAX_PENDING as u32;
const FIRST_ANSWERS_PER_SECOND: u32 = 8;
/// A linked peer that connects to the server again has this time to announce its new signaling id.
/// After that, it gets an offer that it does not need.
const SIGNALING_ID_GRACE: Duration = Duration::from_millis(300);
/// The maximum number of signaling ids of earlier connections to remember.
const MAX_FORMER_SIDS: usize = 16;
/// The minimum time between pongs to one peer, so that a peer cannot use pings to cause a flood.
const PONG_SPACING: Duration = Duration::from_millis(20);
const MAX_MEMBERS: usize = 256;
/// The maximum number of remembered peers, including lost ones.
const MAX_PEERS: usize = 1024;
/// The maximum number of connected peers. A larger mesh would not work anyway.
const MAX_CONNECTED: usize = 128;
/// The number of candidates of a link that only relays may use. They come last, and a machine with
/// many addresses has many other candidates.
const RESERVED_FOR_RELAYS: usize = 16;
/// The maximum number of attempts in progress.
const MAX_PENDING: usize = 64;

type Actions = VecDeque<Action>;

/// All links of a room.
#[derive(Debug)]
pub(crate) struct Supervisor {
    local_id: PeerId,
    /// The fingerprint of the local peer's certificate.
    fingerprint: [u8; 32],
    secret: Option<RoomSecret>,
    /// Proves that the local peer has the secret.
    proof: Option<SecretProof>,
    relay_only: bool,
    /// The silence after which a peer is lost.
    reconnect_timeout: Duration,
    /// Why the local game does not run. `None` if it runs.
    stopped: Option<StopReason>,
    local_sid: Option<SignalingId>,
    /// The signaling id of a lost connection, if the server may keep its place.
    interrupted: Option<SignalingId>,
    /// During the interruption, a peer has shown that the server still runs.
    server_is_up: bool,
    /// The signaling ids of earlier connections, the latest first.
    former_sids: VecDeque<SignalingId>,
    members: BTreeMap<SignalingId, Member>,
    peers: BTreeMap<PeerId, Peer>,
    links: BTreeMap<LinkId, Link>,
    next_link: u64,
    disconnected: BTreeSet<PeerId>,
    /// The signaling ids that disconnected peers had.
    disconnected_members: BTreeSet<SignalingId>,
    /// The violations of each member since the server connected.
    violations: BTreeMap<SignalingId, u64>,
    server_violations: u64,
    /// The violation because of which the room must disconnect from the server.
    verdict: Option<ProtocolViolation>,
    first_offers: Bucket,
    /// A first offer is waiting, so a new member does not get its offer immediately.
    has_waiting_offers: bool,
    first_answers: Bucket,
    grouping: Grouping,
    /// The room that the members of the group have chosen.
    group_room: Option<Uuid>,
}

impl Supervisor {
    pub(crate) fn new(identity: &Identity, config: &RoomConfig) -> Self {
        let Identity { fingerprint } = *identity;
        let secret = config.secret.clone();
        Self {
            local_id: identity.peer_id(),
            fingerprint,
            proof: secret
                .as_ref()
                .map(|secret| identity::prove(secret, &fingerprint)),
            secret,
            relay_only: config.route == Route::RelayOnly,
            reconnect_timeout: config
                .reconnect_timeout
                .clamp(SHORTEST_RECONNECT_TIMEOUT, LONGEST_RECONNECT_TIMEOUT),
            stopped: None,
            local_sid: None,
            interrupted: None,
            server_is_up: false,
            former_sids: VecDeque::new(),
            members: BTreeMap::new(),
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            next_link: 0,
            disconnected: BTreeSet::new(),
            disconnected_members: BTreeSet::new(),
            violations: BTreeMap::new(),
            server_violations: 0,
            verdict: None,
            first_offers: Bucket::new(FIRST_OFFER_BURST, FIRST_OFFERS_PER_SECOND, Duration::ZERO),
            has_waiting_offers: false,
            first_answers: Bucket::new(
                FIRST_ANSWER_BURST,
                FIRST_ANSWERS_PER_SECOND,
                Duration::ZERO,
            ),
            grouping: Grouping::new(config.url.group_size()),
            group_room: None,
        }
    }

    pub(crate) fn stats(&self) -> impl Iterator<Item = (PeerId, LinkStats)> + '_ {
        self.peers
            .iter()
            .filter(|(_, peer)| peer.is_connected)
            .map(|(id, peer)| (*id, peer.stats()))
    }

    pub(crate) fn active_link(&self, peer: PeerId) -> Option<LinkId> {
        self.peers.get(&peer).filter(|peer| peer.is_connected)?.link
    }

    /// Returns the room that the members of a complete group have chosen, once.
    pub(crate) fn take_group_room(&mut self) -> Option<Uuid> {
        self.group_room.take()
    }

    pub(crate) fn send(
        &mut self,
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
        actions: &mut Actions,
    ) -> bool {
        let Some(link) = self.active_link(peer) else {
            return false;
        };
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.traffic.packets_sent += 1;
            peer.traffic.bytes_sent += bytes.len() as u64;
        }
        actions.push_back(Action::Send {
            link,
            channel,
            bytes,
        });
        true
    }

    pub(crate) fn disconnect(&mut self, now: Duration, id: PeerId, actions: &mut Actions) {
        self.end(
            now,
            id,
            Goodbye::Disconnected,
            DisconnectReason::DisconnectedLocally,
            actions,
        );
    }

    /// Disconnects a peer for as long as the room exists.
    fn end(
        &mut self,
        now: Duration,
        id: PeerId,
        goodbye: Goodbye,
        reason: DisconnectReason,
        actions: &mut Actions,
    ) {
        // Uses the signaling id of the link. The id that the peer claims may belong to another
        // member.
        let sid = self.active_link(id).and_then(|link| self.links.get(&link));
        let sid = sid.map(|link| link.sid);
        if self.disconnected.len() < MAX_PEERS {
            self.disconnected.insert(id);
            self.disconnected_members.extend(sid);
        }
        self.close_pending(
            |link| {
                let peer_id = link.claimed.unwrap_or(link.sid.peer_id());
                peer_id == id || Some(link.sid) == sid
            },
            actions,
        );
        self.dismiss(now, id, goodbye, reason, actions);
    }

    /// Reports to the other peers whether the local game runs.
    pub(crate) fn set_stopped(&mut self, stopped: Option<StopReason>, actions: &mut Actions) {
        if std::mem::replace(&mut self.stopped, stopped) == stopped {
            return;
        }
        for (_, peer) in self
            .connected()
            .filter(|(_, peer)| !peer.is_matchbox_client)
        {
            if let Some(link) = peer.link {
                control(actions, link, Channel::Events, &Control::Stopped(stopped));
            }
        }
    }

    /// Leaves until new links are opened. Every peer is lost, and can return.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn suspend(&mut self, actions: &mut Actions) {
        self.leave(actions);
        let connected: Vec<_> = self.connected().map(|(id, _)| id).collect();
        for id in connected {
            self.peer_left(id, DisconnectReason::Lost, actions);
        }
        let links: Vec<_> = self.links.keys().copied().collect();
        for id in links {
            self.close(id, actions);
        }
        self.signaling_lost(actions);
    }

    pub(crate) fn leave(&mut self, actions: &mut Actions) {
        for peer in self
            .peers
            .values()
            .filter(|peer| peer.is_connected && !peer.is_matchbox_client)
        {
            if let Some(link) = peer.link {
                control(
                    actions,
                    link,
                    Channel::Events,
                    &Control::Bye(Goodbye::Leaving),
                );
            }
        }
    }
}

/// Removes the tag, which is for the mesh and not for the platform's WebRTC.
fn untagged(mut description: Description) -> Description {
    description.tag = None;
    description
}

fn control(actions: &mut Actions, link: LinkId, channel: Channel, message: &Control) {
    actions.push_back(Action::Send {
        link,
        channel,
        bytes: message.encode(),
    });
}

fn ping(now: Duration, peer: &mut Peer, actions: &mut Actions) {
    if let Some(link) = peer.link {
        let id = peer.liveness.ping(now);
        control(actions, link, Channel::State, &Control::Ping(id));
    }
}

/// Reports once that a peer is reconnecting. A stock client never reconnects.
fn set_reconnecting(id: PeerId, peer: &mut Peer, actions: &mut Actions) {
    if peer.is_connected
        && !peer.is_matchbox_client
        && !std::mem::replace(&mut peer.is_reconnecting, true)
    {
        actions.push_back(Action::Emit(CoreEvent::Reconnecting(id)));
    }
}

/// Reports once that a peer has a working link again.
fn set_reconnected(id: PeerId, peer: &mut Peer, actions: &mut Actions) {
    if peer.link.is_some() && std::mem::take(&mut peer.is_reconnecting) && peer.is_connected {
        actions.push_back(Action::Emit(CoreEvent::Reconnected(id)));
    }
}

/// Starts a probe of a peer that has probably left: it has little time to answer.
fn probe(now: Duration, peer: &mut Peer, actions: &mut Actions) {
    if peer.is_connected && !peer.is_matchbox_client {
        peer.liveness.probe();
        ping(now, peer, actions);
    }
}
