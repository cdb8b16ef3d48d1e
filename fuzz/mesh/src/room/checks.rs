//! Checks of the actions and events of a room. They must hold for any members and server.

use std::collections::{BTreeMap, BTreeSet};

use huddle_id::PeerId;
use url::Url;

use crate::{
    core::{
        Action, Core, CoreEvent, LinkId,
        candidate::{Candidate, CandidateKind},
        control::RESERVED_BYTE,
        sdp::{Description, MAX_CANDIDATES, SdpKind},
        signal::{ServerMessage, Signal},
    },
    limits::{MAX_MESSAGE_LEN, MAX_METADATA_LEN, MAX_SIGNAL_LEN},
    settings::RoomSettings,
    signaling_id::SignalingId,
    violation::ViolationSource,
};

/// The maximum number of links at the same time.
const MAX_LINKS: usize = 512;
/// The number of protocol violations after which the room ignores a source.
const MAX_VIOLATIONS: u64 = 64;
/// The maximum number of actions after one input.
const MAX_ACTIONS: usize = 2048;

/// A link that the room has not closed.
#[derive(Default)]
struct Link {
    /// Whether the remote peer made the offer.
    is_incoming: bool,
    is_answered: bool,
    is_open: bool,
    /// The id of the certificate that the platform accepts.
    certificate: Option<PeerId>,
    candidates: usize,
}

/// The state of a room, derived from its actions.
pub(super) struct Checks {
    local_id: PeerId,
    relay_only: bool,
    /// The number of links that the room has created.
    created_links: u64,
    links: BTreeMap<LinkId, Link>,
    /// The peers in the room, and whether each is a matchbox client.
    joined: BTreeMap<PeerId, bool>,
    disconnected: BTreeSet<PeerId>,
    reconnecting: BTreeSet<PeerId>,
    /// The peers for which the room reported a link failure.
    link_failures: BTreeSet<PeerId>,
    /// The settings that the room reported last.
    settings: Option<RoomSettings>,
    actions: usize,
}

impl Checks {
    pub(super) fn new(local_id: PeerId, relay_only: bool) -> Self {
        Self {
            local_id,
            relay_only,
            created_links: 0,
            links: BTreeMap::new(),
            joined: BTreeMap::new(),
            disconnected: BTreeSet::new(),
            reconnecting: BTreeSet::new(),
            link_failures: BTreeSet::new(),
            settings: None,
            actions: 0,
        }
    }

    /// Records that the platform opened a link.
    pub(super) fn opened(&mut self, link: LinkId) {
        if let Some(link) = self.links.get_mut(&link) {
            link.is_open = true;
        }
    }

    /// Records that the game disconnects a peer.
    pub(super) fn disconnect(&mut self, peer: PeerId) {
        self.disconnected.insert(peer);
    }

    /// Returns whether the room uses this link.
    pub(super) fn has_link(&self, link: LinkId) -> bool {
        self.links.contains_key(&link)
    }

    /// Checks an action of the room.
    pub(super) fn action(&mut self, action: &Action) {
        self.actions += 1;
        assert!(self.actions <= MAX_ACTIONS);
        match action {
            Action::Connect { url, .. } => assert!(Url::parse(url).is_ok()),
            Action::SocketSend(text) => self.check_signal(text),
            Action::SocketClose { .. } | Action::UseIceServers(_) => {}
            Action::OpenLink { link, offer } => {
                assert!(self.links.len() < MAX_LINKS);
                assert_eq!(link.0, self.created_links, "link ids must be consecutive");
                self.created_links += 1;
                let certificate = offer
                    .as_ref()
                    .map(|offer| self.check_canonical(SdpKind::Offer, offer));
                self.links.insert(
                    *link,
                    Link {
                        is_incoming: offer.is_some(),
                        certificate,
                        ..Link::default()
                    },
                );
            }
            Action::Answer { link, sdp } => {
                let certificate = self.check_canonical(SdpKind::Answer, sdp);
                let link = self.link(*link);
                link.certificate = Some(certificate);
                assert!(!link.is_incoming && !std::mem::replace(&mut link.is_answered, true));
            }
            Action::Candidate { link, candidate } => {
                let parsed = candidate.parse::<Candidate>().expect("a valid candidate");
                assert_eq!(parsed.to_string(), *candidate);
                let link = self.link(*link);
                link.candidates += 1;
                assert!(link.candidates <= MAX_CANDIDATES);
            }
            Action::Send { link, bytes, .. } => {
                assert!(bytes.len() <= MAX_MESSAGE_LEN);
                assert!(self.link(*link).is_open, "sent on a link that is not open");
            }
            Action::CloseLink { link } => {
                assert!(self.links.remove(link).is_some(), "closed a link twice");
            }
            Action::Emit(event) => self.event(event),
        }
    }

    /// Checks the state of the room after all actions of an input.
    pub(super) fn settled(&mut self, core: &Core) {
        self.actions = 0;
        let stats: Vec<PeerId> = core.stats().map(|(peer, _)| peer).collect();
        assert!(
            stats.iter().eq(self.joined.keys()),
            "the room has statistics for other peers than it reported"
        );
        for (peer, is_matchbox_client) in &self.joined {
            let active = core.active_link(*peer);
            assert!(
                active.is_some() || *is_matchbox_client || self.reconnecting.contains(peer),
                "{peer} has no link and is not reconnecting"
            );
            if let Some(link) = active {
                let link = self.links.get(&link).expect("a link in use");
                assert!(
                    *is_matchbox_client || (link.is_open && link.certificate == Some(*peer)),
                    "the link of {peer} is open to another certificate"
                );
            }
        }
    }

    fn link(&mut self, link: LinkId) -> &mut Link {
        self.links.get_mut(&link).expect("a link in use")
    }

    /// Checks a description for the platform, and returns the id of its certificate.
    fn check_canonical(&self, kind: SdpKind, sdp: &str) -> PeerId {
        let parsed = Description::parse(kind, sdp).expect("a valid description");
        assert_eq!(parsed.to_sdp(), sdp);
        assert_eq!(parsed.tag, None);
        PeerId::of_certificate(&parsed.fingerprint)
    }

    /// Checks an event of the room.
    fn event(&mut self, event: &CoreEvent) {
        match event {
            CoreEvent::Signaling(_) | CoreEvent::TokenNeeded { .. } | CoreEvent::Failed(_) => {}
            CoreEvent::SettingsChanged(settings) => {
                assert!(settings.metadata.len() <= MAX_METADATA_LEN);
                assert_ne!(self.settings.as_ref(), Some(settings), "reported twice");
                self.settings = Some(settings.clone());
            }
            CoreEvent::ProtocolViolation { source, count, .. } => {
                assert!(count.is_power_of_two() && *count <= MAX_VIOLATIONS);
                if let ViolationSource::Peer(peer) = source {
                    assert!(self.joined.contains_key(peer));
                }
            }
            CoreEvent::Joined {
                peer,
                is_matchbox_client,
                ..
            } => {
                assert!(*peer != self.local_id && !self.disconnected.contains(peer));
                assert_eq!(self.joined.insert(*peer, *is_matchbox_client), None);
            }
            CoreEvent::LinkFailed { peer, attempt, .. } => {
                assert!(*peer != self.local_id && *attempt > 0);
                self.link_failures.insert(*peer);
            }
            CoreEvent::LinkFailureResolved(peer) => {
                assert!(
                    self.link_failures.contains(peer),
                    "the end of an unreported link failure"
                );
            }
            CoreEvent::Left { peer, .. } => {
                assert!(self.joined.remove(peer).is_some());
                self.reconnecting.remove(peer);
            }
            CoreEvent::Replaced(peer) => assert_eq!(self.joined.get(peer), Some(&false)),
            CoreEvent::Reconnecting(peer) => {
                assert_eq!(self.joined.get(peer), Some(&false));
                assert!(self.reconnecting.insert(*peer), "reported twice");
            }
            CoreEvent::Reconnected(peer) => {
                assert_eq!(self.joined.get(peer), Some(&false));
                assert!(self.reconnecting.remove(peer), "reported twice");
            }
            CoreEvent::Packet { peer, bytes, .. } => {
                let is_matchbox_client = self.joined.get(peer).expect("a peer in the room");
                assert!(bytes.len() <= MAX_MESSAGE_LEN);
                assert!(*is_matchbox_client || bytes.first() != Some(&RESERVED_BYTE));
            }
        }
    }

    /// Checks the length of a message to the server, and that it contains only relay candidates if
    /// the room uses only relays.
    fn check_signal(&self, text: &str) {
        assert!(text.len() <= MAX_SIGNAL_LEN);
        if !self.relay_only {
            return;
        }
        let candidates = match relayed(text) {
            Some((_, Signal::Offer(description) | Signal::Answer(description))) => {
                description.candidates
            }
            Some((_, Signal::Candidate { candidate, .. })) => vec![candidate],
            Some((_, Signal::Linked(_))) => Vec::new(),
            None => Vec::new(),
        };
        let is_relay = |candidate: &Candidate| candidate.kind == CandidateKind::Relay;
        assert!(candidates.iter().all(is_relay));
    }
}

/// Returns the receiver of a message to the server, and the signal that it contains.
pub(super) fn relayed(text: &str) -> Option<(SignalingId, Signal)> {
    if text.starts_with(r#"{"Linked":["#) || text.starts_with(r#"{"Room":{"#) {
        return None;
    }
    let text = text.replacen("receiver", "sender", 1);
    match text.parse::<ServerMessage>() {
        Ok(ServerMessage::Signal(id, Ok(signal))) => Some((id, signal)),
        Ok(ServerMessage::KeepAlive) => None,
        other => panic!("{text}: {other:?}"),
    }
}
