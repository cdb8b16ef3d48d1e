//! One attempt to link with a peer, from the first description to the last packet.

use std::time::Duration;

use bytes::Bytes;
use huddle_id::PeerId;

use super::sdp::Description;
use crate::{channel::Channel, event::LinkFailure, signaling_id::SignalingId};

/// Names a link within a room; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub u64);

/// Packets that may arrive before the link is in use, because channels overtake each other.
const MAX_EARLY: usize = 64;

#[derive(Debug)]
pub(crate) struct Link {
    /// The signaling id that it is negotiated with.
    pub sid: SignalingId,
    pub offering: bool,
    /// The peer whose link this offer replaces.
    pub replaces: Option<PeerId>,
    pub attempt: u32,
    pub since: Duration,
    /// How long the attempt may take.
    pub timeout: Duration,
    /// What the game was told about this attempt.
    pub reported: Option<LinkFailure>,
    /// The other side is a stock client.
    pub is_matchbox_client: bool,
    /// The id of the certificate in the other side's description. DTLS proves it when the link
    /// opens.
    pub claimed: Option<PeerId>,
    /// The ICE user names of both descriptions.
    pub local_ufrag: Option<String>,
    pub remote_ufrag: Option<String>,
    /// Both sides are still reached under the signaling ids of the negotiation.
    pub is_signaled: bool,
    /// Candidates taken from the other side.
    pub candidates: usize,
    /// Packets that arrived before the link is in use.
    pub early: Vec<(Channel, Bytes)>,
    pub phase: Phase,
}

#[derive(Debug)]
pub(crate) enum Phase {
    /// Descriptions and candidates are exchanged until the channels open.
    Opening,
    /// The channels are open on this side. The link is in use once the other side is known to be
    /// open, too: until then, the `webrtc` crate loses what it receives.
    Open,
    /// The pair talks over it.
    Active(PeerId),
    /// Another link has taken over; what is still under way may arrive until then.
    Draining(PeerId, Duration),
    /// Only a farewell has to get through until then.
    Closing(Duration),
}

impl Link {
    pub(crate) fn set_remote(&mut self, description: &Description) {
        self.is_matchbox_client = description.tag.is_none();
        self.claimed = description.peer_id();
        self.remote_ufrag = Some(description.ufrag.clone());
    }

    /// Keeps a packet that arrived before the link is in use; `false` if there are too many.
    pub(crate) fn keep(&mut self, channel: Channel, bytes: Bytes) -> bool {
        // State that arrives too early is soon replaced.
        if channel.is_reliable() {
            self.early.push((channel, bytes));
        }
        self.early.len() <= MAX_EARLY
    }

    /// Returns whether this is a first offer, and the other side has not answered it here.
    pub(crate) fn is_unanswered_first(&self) -> bool {
        self.offering && self.attempt == 1 && self.remote_ufrag.is_none()
    }

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Opening | Phase::Open)
    }
}
