use std::collections::{BTreeMap, VecDeque};

use huddle_session::{PeerId, Tick};

/// The maximum number of checksums kept for each peer, per direction.
const KEPT: usize = 128;

/// A checksum is sent in one of this many packets, or more often while several are not acked.
const SEND_EVERY: u32 = 8;

/// A tick at which the state of another peer differs from the local one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mismatch {
    /// The other peer.
    pub peer: PeerId,
    /// The first compared tick at which the checksums differ.
    pub tick: Tick,
    /// The local checksum.
    pub mine: u64,
    /// The checksum of the other peer.
    pub theirs: u64,
}

/// Compares the checksums of confirmed states with those of the other peers, tick by tick.
///
/// Each checksum is sent to each peer until the peer acks it. So every checksum is compared once with every peer,
/// unless 128 newer ones arrive first.
#[derive(Debug)]
pub(super) struct Checksums {
    /// The newest local checksum.
    newest: Option<(Tick, u64)>,
    peers: BTreeMap<PeerId, Peer>,
    compared: u64,
}

#[derive(Debug, Default)]
struct Peer {
    /// Local checksums that were not compared with the peer's yet, oldest first.
    local: VecDeque<(Tick, u64)>,
    /// The peer's checksums that were not compared yet, oldest first.
    received: VecDeque<(Tick, u64)>,
    /// Local checksums that the peer has not acked, oldest first.
    unacked: VecDeque<(Tick, u64)>,
    round: Option<Round>,
    /// Whether the peer's state differs. Then nothing more is compared.
    differs: bool,
}

/// A pass through the unacked checksums, which sends each of them once.
///
/// Newer checksums wait for the next round. Otherwise a lost checksum might never be sent again, because newer ones
/// take every packet.
#[derive(Debug, Clone, Copy)]
struct Round {
    last_sent: Tick,
    /// The newest checksum at the start of the round.
    end: Tick,
}

impl Round {
    /// Returns `true` if the round has not sent the checksum of this tick yet.
    fn awaits(self, tick: Tick) -> bool {
        tick.is_after(self.last_sent) && !tick.is_after(self.end)
    }
}

/// Appends an item, and drops the oldest one if there are too many.
fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == KEPT {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl Checksums {
    pub(super) fn new(peers: impl IntoIterator<Item = PeerId>) -> Self {
        let peers = peers.into_iter().map(|peer| (peer, Peer::default()));
        Self {
            newest: None,
            peers: peers.collect(),
            compared: 0,
        }
    }

    /// Adds the local checksum of a confirmed tick. Ticks must increase; others are ignored.
    pub(super) fn add(&mut self, tick: Tick, checksum: u64) -> Vec<Mismatch> {
        if !self.is_ahead(tick) {
            return Vec::new();
        }
        self.newest = Some((tick, checksum));
        let mut mismatches = Vec::new();
        for (&id, peer) in &mut self.peers {
            if !peer.differs {
                push(&mut peer.unacked, (tick, checksum));
                push(&mut peer.local, (tick, checksum));
                mismatches.extend(peer.compare(id, &mut self.compared));
            }
        }
        mismatches
    }

    /// Receives a peer's checksum. One that was compared already, or that cannot be compared any more, is ignored.
    pub(super) fn receive(&mut self, id: PeerId, tick: Tick, checksum: u64) -> Option<Mismatch> {
        let is_ahead = self.is_ahead(tick);
        let peer = self.peers.get_mut(&id)?;
        let is_open = match peer.local.front() {
            Some(&(oldest, _)) => !oldest.is_after(tick),
            None => is_ahead,
        };
        if peer.differs || !is_open || peer.received.len() == KEPT {
            return None;
        }
        let mut received = peer.received.iter();
        let at = received.position(|&(other, _)| !tick.is_after(other));
        let at = at.unwrap_or(peer.received.len());
        if peer
            .received
            .get(at)
            .is_none_or(|&(other, _)| other != tick)
        {
            peer.received.insert(at, (tick, checksum));
        }
        peer.compare(id, &mut self.compared)
    }

    /// Returns the checksum that the next packet to a peer carries, if any. The packets are counted by `frame`.
    pub(super) fn next_to_send(&mut self, peer: PeerId, frame: u32) -> Option<(Tick, u64)> {
        let peer = self.peers.get_mut(&peer)?;
        let every = SEND_EVERY.checked_div(peer.unacked.len() as u32)?.max(1);
        if !frame.is_multiple_of(every) {
            return None;
        }
        let &(newest, _) = peer.unacked.back()?;
        let mut unacked = peer.unacked.iter();
        let round = peer
            .round
            .filter(|round| unacked.clone().any(|(tick, _)| round.awaits(*tick)));
        let &next = unacked.find(|(tick, _)| round.is_none_or(|round| round.awaits(*tick)))?;
        peer.round = Some(Round {
            last_sent: next.0,
            end: round.map_or(newest, |round| round.end),
        });
        Some(next)
    }

    /// A peer has received the local checksum of a tick.
    pub(super) fn acked(&mut self, peer: PeerId, tick: Tick) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.unacked.retain(|&(unacked, _)| unacked != tick);
        }
    }

    /// Removes a peer that has left the match.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    /// Returns `true` if the tick is after all local checksums.
    pub(super) fn is_ahead(&self, tick: Tick) -> bool {
        self.newest.is_none_or(|(newest, _)| tick.is_after(newest))
    }

    /// Returns `true` if the local checksum of a tick was not compared with some peer yet.
    pub(super) fn awaits(&self, tick: Tick) -> bool {
        let mut oldest = self.peers.values().filter_map(|peer| peer.local.front());
        oldest.any(|(oldest, _)| !oldest.is_after(tick))
    }

    /// Returns `true` if a peer's checksum of a tick was not compared yet.
    pub(super) fn has_received(&self, peer: PeerId, tick: Tick) -> bool {
        let received = self.peers.get(&peer).map(|peer| &peer.received);
        received.is_some_and(|received| received.iter().any(|&(other, _)| other == tick))
    }

    /// Returns `true` if there is a peer whose state does not differ from the local one as far as is known.
    pub(super) fn is_comparing(&self) -> bool {
        self.peers.values().any(|peer| !peer.differs)
    }

    /// Returns the number of checksums that were compared.
    pub(super) fn compared(&self) -> u64 {
        self.compared
    }

    /// Returns the newest local checksum.
    pub(super) fn newest(&self) -> Option<(Tick, u64)> {
        self.newest
    }
}

impl Peer {
    /// Compares the checksums that are available, in the order of their ticks, so that both peers find the same first
    /// difference.
    fn compare(&mut self, id: PeerId, compared: &mut u64) -> Option<Mismatch> {
        while let Some(&(tick, mine)) = self.local.front() {
            let is_before = |&mut (other, _): &mut (Tick, u64)| tick.is_after(other);
            while self.received.pop_front_if(is_before).is_some() {}
            let &(other, theirs) = self.received.front()?;
            if other != tick {
                // The peer's checksum of this tick is on its way, unless the peer had to drop it.
                if self.received.len() < KEPT {
                    return None;
                }
                self.local.pop_front();
                continue;
            }
            self.local.pop_front();
            self.received.pop_front();
            *compared += 1;
            if mine != theirs {
                self.differs = true;
                self.local.clear();
                self.received.clear();
                return Some(Mismatch {
                    peer: id,
                    tick,
                    mine,
                    theirs,
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
