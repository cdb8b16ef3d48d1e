//! The state of a peer, and of a member of the room as the signaling server sees it.

use std::time::Duration;

use huddle_id::PeerId;

use super::{bucket::Bucket, link::LinkId, liveness::Liveness};
use crate::{
    signaling_id::SignalingId,
    stats::{LinkStats, Path, StopReason},
};

/// The rate limit for changes of one peer's signaling connection. The mesh ignores changes above it.
/// Otherwise, a peer could use them to make the local peer send signals to other members.
const INTRODUCTION_BURST: u32 = 8;
const INTRODUCTIONS_PER_SECOND: u32 = 1;

/// A peer, identified by an id that stays the same across new links and new signaling ids.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// The signaling id at which the peer can be reached, if any.
    pub sid: Option<SignalingId>,
    /// The peer is a stock matchbox client. Its peer id is its signaling id, and its silence is not
    /// judged.
    pub is_matchbox_client: bool,
    /// The server reported that the peer left or lost its connection, and not that it came back.
    /// Only then does the silence of a stock client count.
    pub unlisted: bool,
    /// The game has received that the peer joined, and not yet that it left.
    pub is_connected: bool,
    /// The peer was reported to the game as reconnecting: it is silent, or its link ended and is
    /// not replaced yet.
    pub is_reconnecting: bool,
    /// The peer left, or one side disconnected the other. The mesh does not reconnect to it.
    pub goodbye: bool,
    /// The link in use.
    pub link: Option<LinkId>,
    pub liveness: Liveness,
    /// Limits how often the local peer reacts to changes of the peer's signaling connection. `None`
    /// before the first change.
    pub introductions: Option<Bucket>,
    /// The time of the last pong to this peer.
    pub last_pong: Option<Duration>,
    pub path: Path,
    pub links_opened: u32,
    /// The time that the last link took to open.
    pub opening: Duration,
    /// Why the peer's game does not run. `None` if it runs.
    pub stopped: Option<StopReason>,
    pub traffic: Traffic,
    pub violations: u64,
}

/// Traffic since the peer joined.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub packets_received: u64,
}

impl Peer {
    /// Returns whether to react to a change of the peer's signaling connection now.
    pub(crate) fn take_introduction(&mut self, now: Duration) -> bool {
        let bucket = || Bucket::new(INTRODUCTION_BURST, INTRODUCTIONS_PER_SECOND, now);
        self.introductions.get_or_insert_with(bucket).take(now, 1)
    }

    /// Returns whether the peer has a link in use and is not reconnecting.
    pub(crate) fn is_healthy(&self) -> bool {
        self.is_connected && self.link.is_some() && !self.is_reconnecting
    }

    /// Returns whether the link in use is expected to deliver packets.
    pub(crate) fn is_working(&self) -> bool {
        self.is_healthy() && !self.liveness.is_doubtful()
    }

    /// Returns whether the peer left and has not confirmed a new signaling id since.
    pub(crate) fn has_left(&self) -> bool {
        !self.is_connected && self.sid.is_none()
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

/// A member of the room, as the signaling server sees it.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// The server requested the first offer from the local peer.
    pub we_offer: bool,
    /// The member has lost its connection to the server, which keeps its place. It receives no
    /// signals.
    pub is_doubtful: bool,
    /// Signals between the member and the local peer may have been lost, so later ones may be
    /// unexpected.
    pub was_interrupted: bool,
    /// The time since which an offer of this member is due, because it was in the room before the
    /// local peer.
    pub offers_since: Option<Duration>,
    /// The member has made an offer to the local peer.
    pub has_offered: bool,
    /// Limits the member's signals. `None` before the first signal.
    pub signals: Option<Bucket>,
    /// When the server requested the first offer from the local peer.
    pub announced: Duration,
    /// The peer that the member claims to be. The claim counts once that peer confirms it on its
    /// link.
    pub linked_as: Option<PeerId>,
    /// The peer that the member is, as far as known.
    pub session: Option<PeerId>,
    /// The member is a stock matchbox client, which gets one attempt.
    pub is_matchbox_client: bool,
    /// The member does not have the room's secret. The mesh makes no further attempts.
    pub is_refused: bool,
    /// The number of offers made to the member, which numbers the attempts.
    pub attempts: u32,
    /// The number of attempts in a row that failed.
    pub failures: u32,
    pub retry_at: Duration,
    /// Limits the offers that are accepted from the member. `None` before the first offer.
    pub offers: Option<Bucket>,
    /// The id with which the last link failure was reported to the game.
    pub reported: Option<PeerId>,
}

impl Member {
    /// Continues after an interruption of the member's connection, or of the local peer's.
    pub(crate) fn resume(&mut self, now: Duration) {
        self.is_doubtful = false;
        self.was_interrupted = true;
        self.failures = 0;
        self.retry_at = now;
        self.offers_since = self.offers_since.map(|_| now);
    }
}
