//! What a room promises, whoever it is among.

use std::collections::{BTreeMap, BTreeSet};

use huddle_id::PeerId;
use url::Url;

use crate::{
    core::{
        Action, Core, LinkId, Told,
        candidate::{Candidate, CandidateKind},
        control::RESERVED_BYTE,
        sdp::{Description, MAX_CANDIDATES, SdpKind},
        signal::{ServerMessage, Signal},
    },
    limits::{MAX_MESSAGE_LEN, MAX_SIGNAL_LEN},
    signaling_id::SignalingId,
    violation::ViolationSource,
};

/// More links than this are never open, those to the players who may be here included.
const MAX_LINKS: usize = 512;
/// Whoever breaks the rules so often is not heard any more.
const MAX_VIOLATIONS: u64 = 64;
/// One thing that happens has no more consequences than this.
const MAX_ACTIONS: usize = 2048;

#[derive(Default)]
struct Open {
    /// The other side made the offer.
    theirs: bool,
    answered: bool,
    opened: bool,
    /// The id of the certificate that the platform lets in.
    certificate: Option<PeerId>,
    candidates: usize,
}

/// The room's doings so far, as others see them.
pub(super) struct Checks {
    me: PeerId,
    relay_only: bool,
    opened: u64,
    links: BTreeMap<LinkId, Open>,
    here: BTreeMap<PeerId, bool>,
    cut: BTreeSet<PeerId>,
    /// Peers to whom no link was reported to open.
    unlinked: BTreeSet<PeerId>,
    actions: usize,
}

impl Checks {
    pub(super) fn new(me: PeerId, relay_only: bool) -> Self {
        Self {
            me,
            relay_only,
            opened: 0,
            links: BTreeMap::new(),
            here: BTreeMap::new(),
            cut: BTreeSet::new(),
            unlinked: BTreeSet::new(),
            actions: 0,
        }
    }

    /// The platform has opened a link.
    pub(super) fn opened(&mut self, link: LinkId) {
        if let Some(open) = self.links.get_mut(&link) {
            open.opened = true;
        }
    }

    pub(super) fn disconnect(&mut self, peer: PeerId) {
        self.cut.insert(peer);
    }

    pub(super) fn is_open(&self, link: LinkId) -> bool {
        self.links.contains_key(&link)
    }

    /// The room wants something done.
    pub(super) fn action(&mut self, action: &Action) {
        self.actions += 1;
        assert!(self.actions <= MAX_ACTIONS);
        match action {
            Action::Connect(url) => assert!(Url::parse(url).is_ok()),
            Action::SocketSend(text) => self.sent(text),
            Action::SocketClose => {}
            Action::OpenLink { link, offer } => {
                assert!(self.links.len() < MAX_LINKS);
                assert_eq!(link.0, self.opened, "links are numbered and used once");
                self.opened += 1;
                let certificate = offer
                    .as_ref()
                    .map(|offer| self.canonical(SdpKind::Offer, offer));
                self.links.insert(
                    *link,
                    Open {
                        theirs: offer.is_some(),
                        certificate,
                        ..Open::default()
                    },
                );
            }
            Action::Answer { link, sdp } => {
                let certificate = self.canonical(SdpKind::Answer, sdp);
                let open = self.link(*link);
                open.certificate = Some(certificate);
                assert!(!open.theirs && !std::mem::replace(&mut open.answered, true));
            }
            Action::Candidate { link, candidate } => {
                let parsed = candidate.parse::<Candidate>().expect("a valid candidate");
                assert_eq!(parsed.to_string(), *candidate);
                let open = self.link(*link);
                open.candidates += 1;
                assert!(open.candidates <= MAX_CANDIDATES);
            }
            Action::Send { link, bytes, .. } => {
                assert!(bytes.len() <= MAX_MESSAGE_LEN);
                assert!(
                    self.link(*link).opened,
                    "nothing is sent on a link that is not open"
                );
            }
            Action::CloseLink { link } => {
                assert!(self.links.remove(link).is_some(), "a link is closed once");
            }
            Action::Tell(told) => self.told(told),
        }
    }

    /// All that was to be done is done.
    pub(super) fn settled(&mut self, core: &Core) {
        self.actions = 0;
        let stats: Vec<PeerId> = core.stats().map(|(peer, _)| peer).collect();
        assert!(
            stats.iter().eq(self.here.keys()),
            "told and counted are the same players"
        );
        for (peer, is_matchbox_client) in &self.here {
            if let Some(link) = core.active_link(*peer) {
                let open = self.links.get(&link).expect("a link that is open");
                assert!(
                    *is_matchbox_client || (open.opened && open.certificate == Some(*peer)),
                    "the link of {peer} is open to another certificate"
                );
            }
        }
    }

    fn link(&mut self, link: LinkId) -> &mut Open {
        self.links.get_mut(&link).expect("a link that is open")
    }

    /// Returns the id of the certificate in a description for the platform.
    fn canonical(&self, kind: SdpKind, sdp: &str) -> PeerId {
        let parsed = Description::parse(kind, sdp).expect("a valid description");
        assert_eq!(parsed.to_sdp(), sdp);
        assert_eq!(parsed.tag, None);
        PeerId::of_certificate(&parsed.fingerprint)
    }

    fn told(&mut self, told: &Told) {
        match told {
            Told::Signaling(_) | Told::Failed(_) => {}
            Told::ProtocolViolation { by, count, .. } => {
                assert!(count.is_power_of_two() && *count <= MAX_VIOLATIONS);
                if let ViolationSource::Peer(peer) = by {
                    assert!(self.here.contains_key(peer));
                }
            }
            Told::Joined {
                peer,
                is_matchbox_client,
                ..
            } => {
                assert!(*peer != self.me && !self.cut.contains(peer));
                assert_eq!(self.here.insert(*peer, *is_matchbox_client), None);
            }
            Told::NotLinked { peer, attempt, .. } => {
                assert!(*peer != self.me && *attempt > 0);
                self.unlinked.insert(*peer);
            }
            Told::NotLinkedOver(peer) => {
                assert!(self.unlinked.contains(peer), "what is over was reported");
            }
            Told::Left { peer, .. } => assert!(self.here.remove(peer).is_some()),
            Told::Unresponsive(peer) | Told::Recovered(peer) | Told::Replaced(peer) => {
                assert_eq!(self.here.get(peer), Some(&false));
            }
            Told::Packet { peer, bytes, .. } => {
                let is_matchbox_client = self.here.get(peer).expect("a player who is here");
                assert!(bytes.len() <= MAX_MESSAGE_LEN);
                assert!(*is_matchbox_client || bytes.first() != Some(&RESERVED_BYTE));
            }
        }
    }

    /// What goes to the server must fit it, and show no address that is to be hidden.
    fn sent(&self, text: &str) {
        assert!(text.len() <= MAX_SIGNAL_LEN);
        if !self.relay_only {
            return;
        }
        let candidates = match relayed(text) {
            Some((_, Signal::Offer(description) | Signal::Answer(description))) => {
                description.candidates
            }
            Some((_, Signal::Candidate { candidate, .. })) => vec![candidate],
            None => Vec::new(),
        };
        let is_relay = |candidate: &Candidate| candidate.kind == CandidateKind::Relay;
        assert!(candidates.iter().all(is_relay));
    }
}

/// Whom a text to the server is for, and what it says, as the receiver reads it.
pub(super) fn relayed(text: &str) -> Option<(SignalingId, Signal)> {
    if text.starts_with(r#"{"Linked":["#) {
        return None;
    }
    let text = text.replacen("receiver", "sender", 1);
    match text.parse::<ServerMessage>() {
        Ok(ServerMessage::Signal(id, Ok(signal))) => Some((id, signal)),
        Ok(ServerMessage::KeepAlive) => None,
        other => panic!("{text}: {other:?}"),
    }
}
