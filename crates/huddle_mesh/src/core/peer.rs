//! What is kept of a player, and of a signaling id.

use std::time::Duration;

use huddle_id::PeerId;

use super::{bucket::Bucket, link::LinkId, liveness::Liveness};
use crate::{
    signaling_id::SignalingId,
    stats::{LinkStats, Path, StopReason},
};

/// A player, known by an id that survives new links and new signaling ids.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// Where they can be reached over signaling, if they can.
    pub sid: Option<SignalingId>,
    /// A stock client: its id is its signaling id, and it gets no verdict of ours.
    pub is_matchbox_client: bool,
    /// The server reported that the peer left, and no other signaling id of it is known. A stock
    /// client is silent as it likes before that.
    pub unlisted: bool,
    /// Whether the game sees them.
    pub here: bool,
    /// The game was told that the peer is reconnecting: it is silent, or its link ended and is not
    /// replaced yet.
    pub is_reconnecting: bool,
    /// They left, were cut or cut us: nothing is done to get them back.
    pub farewell: bool,
    /// The link in use.
    pub link: Option<LinkId>,
    pub liveness: Liveness,
    /// How often its signaling id may change with an answer from us; `None` before the first.
    pub introductions: Option<Bucket>,
    /// When a ping of theirs was last answered.
    pub last_pong: Option<Duration>,
    pub path: Path,
    pub links_opened: u32,
    /// How long the last link took to open.
    pub opening: Duration,
    /// Why their game does not run, if it does not.
    pub stopped: Option<StopReason>,
    pub traffic: Traffic,
    pub violations: u64,
}

/// Counted since the player joined.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub packets_received: u64,
}

impl Peer {
    /// Whether the link in use does its work.
    pub(crate) fn is_healthy(&self) -> bool {
        self.here && self.link.is_some() && !self.is_reconnecting
    }

    /// Whether packets can be expected to arrive on the link in use.
    pub(crate) fn is_working(&self) -> bool {
        self.is_healthy() && !self.liveness.is_doubtful()
    }

    /// Whether they left, and are met again under a signaling id that they have not confirmed yet.
    pub(crate) fn is_apart(&self) -> bool {
        !self.here && self.sid.is_none()
    }

    pub(crate) fn stats(&self) -> LinkStats {
        LinkStats {
            rtt: self.liveness.rtt(),
            rtt_min: self.liveness.rtt_min(),
            silence: self.liveness.silence(),
            bytes_sent: self.traffic.bytes_sent,
            bytes_received: self.traffic.bytes_received,
            packets_sent: self.traffic.packets_sent,
            packets_received: self.traffic.packets_received,
            packets_unread: 0,
            queued: [0; 3],
            path: self.path,
            links: self.links_opened,
            stopped: self.stopped,
        }
    }
}

/// Somebody in the room, as the signaling server sees it.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// The server asked us to make the first offer.
    pub we_offer: bool,
    /// It was in the room before this player, so it should make an offer; since when that is due.
    pub offers_since: Option<Duration>,
    /// It has made us an offer.
    pub has_offered: bool,
    /// How much more it may signal; `None` before the first.
    pub signals: Option<Bucket>,
    /// When the server asked us to make the first offer.
    pub announced: Duration,
    /// Which player it says it is. It counts once that peer confirms it on its link.
    pub linked_as: Option<PeerId>,
    /// Which player it is, as far as is known.
    pub session: Option<PeerId>,
    /// A stock client, which gets one attempt.
    pub is_matchbox_client: bool,
    /// It does not know the room's secret. No link is tried again.
    pub is_refused: bool,
    /// Numbers the offers made to it.
    pub attempts: u32,
    /// Attempts in a row that failed.
    pub failures: u32,
    pub retry_at: Duration,
    /// How many more of its offers are taken; `None` before the first.
    pub offers: Option<Bucket>,
    /// The id under which the game was last told that no link opens.
    pub reported: Option<PeerId>,
}
