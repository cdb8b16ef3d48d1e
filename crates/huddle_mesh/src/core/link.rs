//! A link to a peer, from the first session description to the last packet.

use std::time::Duration;

use bytes::Bytes;
use huddle_id::PeerId;

use super::sdp::Description;
use crate::{channel::Channel, event::LinkFailure, signaling_id::SignalingId};

/// The id of a link within a room. Ids are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub u64);

/// The maximum number of packets that may arrive before the link is in use. A few do, because
/// packets on one channel can overtake those on another.
const MAX_EARLY_PACKETS: usize = 64;

#[derive(Debug)]
pub(crate) struct Link {
    /// The signaling id of the other peer during the negotiation.
    pub sid: SignalingId,
    /// Whether the local peer sent the offer.
    pub offering: bool,
    /// The peer whose link this offer replaces.
    pub replaces: Option<PeerId>,
    /// The number of the attempt, as in the [tag](super::sdp::Tag) of the descriptions.
    pub attempt: u32,
    /// When the attempt began.
    pub since: Duration,
    /// The time that the attempt may take.
    pub timeout: Duration,
    /// The failure that was reported to the game for this attempt.
    pub reported: Option<LinkFailure>,
    /// Whether the other peer is a matchbox client.
    pub is_matchbox_client: bool,
    /// The peer id from the certificate in the other peer's description. DTLS proves it when the
    /// link opens.
    pub claimed: Option<PeerId>,
    /// The ICE user name of the local description.
    pub local_ufrag: Option<String>,
    /// The ICE user name of the remote description.
    pub remote_ufrag: Option<String>,
    /// Whether both peers still have the signaling ids of the negotiation.
    pub is_signaled: bool,
    /// When to make a new offer, because a signal of this attempt may have been lost.
    pub renew_at: Option<Duration>,
    /// The link was opened with ICE servers that the game has replaced since.
    pub has_old_servers: bool,
    /// The number of candidates accepted from the other peer.
    pub candidates: usize,
    /// Whether the local peer has sent an address at which it may be reached.
    pub has_local_address: bool,
    /// Whether the other peer has sent such an address.
    pub has_remote_address: bool,
    /// Whether the platform has tried all pairs of addresses without success.
    pub has_no_path: bool,
    /// Packets that arrived before the link was in use.
    pub early: Vec<(Channel, Bytes)>,
    pub phase: Phase,
}

#[derive(Debug)]
pub(crate) enum Phase {
    /// The peers exchange descriptions and candidates until the channels open.
    Opening,
    /// The channels are open on this side. The link cannot be used until they are open on the other
    /// side too, because the `webrtc` crate loses packets that arrive before.
    Open,
    /// The link is in use.
    Active(PeerId),
    /// Another link has replaced this one. It stays open until the given time for packets that are
    /// still on the way.
    Draining(PeerId, Duration),
    /// The link stays open until the given time, only to deliver a goodbye.
    Closing(Duration),
}

impl Link {
    pub(crate) fn set_remote(&mut self, description: &Description) {
        self.is_matchbox_client = description.tag.is_none();
        self.claimed = description.peer_id();
        self.remote_ufrag = Some(description.ufrag.clone());
        self.has_remote_address |= description.has_address();
    }

    /// Stores a packet that arrived before the link was in use. Returns `false` if there are too
    /// many.
    pub(crate) fn keep(&mut self, channel: Channel, bytes: Bytes) -> bool {
        // Drop early state: newer state soon replaces it.
        if channel.is_reliable() {
            self.early.push((channel, bytes));
        }
        self.early.len() <= MAX_EARLY_PACKETS
    }

    /// Returns whether this is a first offer, and the other side has not answered it here.
    pub(crate) fn is_unanswered_first(&self) -> bool {
        self.offering && self.attempt == 1 && self.remote_ufrag.is_none()
    }

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Opening | Phase::Open)
    }
}
