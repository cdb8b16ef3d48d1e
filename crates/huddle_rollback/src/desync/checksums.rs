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
    newest: Option<Tick>,
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
        self.newest = Some(tick);
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
        self.newest.is_none_or(|newest| tick.is_after(newest))
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 16])
    }

    fn checksums() -> Checksums {
        Checksums::new([peer(1), peer(2)])
    }

    fn mismatch(n: u8, tick: u32, mine: u64, theirs: u64) -> Mismatch {
        Mismatch {
            peer: peer(n),
            tick: Tick(tick),
            mine,
            theirs,
        }
    }

    #[test]
    fn tick_is_compared_once_with_each_peer_in_any_order_of_arrival() {
        let mut checksums = checksums();
        assert_eq!(checksums.receive(peer(1), Tick(10), 7), None);
        assert_eq!(checksums.add(Tick(10), 7), []);
        assert_eq!(checksums.compared(), 1);
        assert!(checksums.awaits(Tick(10)));
        assert_eq!(checksums.add(Tick(20), 8), []);
        for _ in 0..2 {
            assert_eq!(checksums.receive(peer(2), Tick(10), 7), None);
            assert_eq!(checksums.compared(), 2);
        }
        assert!(!checksums.awaits(Tick(10)) && checksums.awaits(Tick(20)));
        // A wrong copy of what was compared already does not count.
        assert_eq!(checksums.receive(peer(2), Tick(10), 9), None);
        assert_eq!(checksums.receive(peer(2), Tick(20), 8), None);
        assert_eq!(checksums.receive(peer(1), Tick(20), 8), None);
        assert_eq!(checksums.compared(), 4);
        assert!(!checksums.awaits(Tick(20)));
    }

    #[test]
    fn first_difference_is_found_although_a_later_checksum_arrives_first() {
        let mut checksums = checksums();
        for tick in [10, 20, 30] {
            checksums.add(Tick(tick), u64::from(tick));
        }
        assert_eq!(checksums.receive(peer(1), Tick(30), 99), None);
        assert_eq!(checksums.receive(peer(1), Tick(10), 10), None);
        let found = checksums.receive(peer(1), Tick(20), 98);
        assert_eq!(found, Some(mismatch(1, 20, 20, 98)));
    }

    #[test]
    fn mismatch_is_found_once_and_ends_the_comparison() {
        let mut checksums = checksums();
        for n in [1, 2] {
            checksums.receive(peer(n), Tick(30), 99);
        }
        assert_eq!(checksums.add(Tick(30), 30).len(), 2);
        assert!(!checksums.is_comparing());
        assert_eq!(checksums.add(Tick(40), 40), []);
        assert_eq!(checksums.receive(peer(1), Tick(40), 99), None);
        assert!(!checksums.awaits(Tick(40)));
        // The peer still has to learn that its state differs.
        let sent = checksums.next_to_send(peer(1), 0);
        assert_eq!(sent, Some((Tick(30), 30)));
    }

    #[test]
    fn silent_peer_costs_bounded_memory() {
        let mut checksums = checksums();
        for tick in 1..=1000 {
            checksums.add(Tick(tick), 0);
            checksums.receive(peer(1), Tick(tick), 0);
        }
        assert_eq!(checksums.compared(), 1000);
        assert_eq!(checksums.peers[&peer(2)].local.len(), KEPT);
        assert_eq!(checksums.peers[&peer(2)].unacked.len(), KEPT);
        // Too late to be compared.
        assert_eq!(checksums.receive(peer(2), Tick(800), 5), None);
        checksums.forget(peer(2));
        assert!(!checksums.awaits(Tick(1000)));
    }

    #[test]
    fn gap_that_is_never_filled_delays_the_comparison_but_does_not_end_it() {
        let mut checksums = Checksums::new([peer(1)]);
        for tick in 0..=KEPT as u32 {
            checksums.add(Tick(tick), 0);
            if tick > 0 {
                checksums.receive(peer(1), Tick(tick), 0);
            }
        }
        assert_eq!(checksums.compared(), KEPT as u64);
    }

    #[test]
    fn lost_checksum_is_sent_again_although_newer_ones_keep_coming() {
        for (every, round_trip) in (2..=20).flat_map(|every| (1..=16).map(move |rtt| (every, rtt)))
        {
            let mut checksums = Checksums::new([peer(1)]);
            let mut acks = VecDeque::new();
            let mut sent_first = 0;
            for frame in 0..8 * SEND_EVERY + 2 * every {
                if frame.is_multiple_of(every) {
                    checksums.add(Tick(1 + frame / every), 0);
                }
                match checksums.next_to_send(peer(1), frame) {
                    // The packet is lost.
                    Some((Tick(1), _)) => sent_first += 1,
                    Some((tick, _)) => acks.push_back((frame + round_trip, tick)),
                    None => {}
                }
                while let Some((_, tick)) = acks.pop_front_if(|(at, _)| *at <= frame) {
                    checksums.acked(peer(1), tick);
                }
            }
            assert!(
                sent_first >= 3,
                "every {every}, round trip {round_trip}: {sent_first}"
            );
        }
    }

    #[test]
    fn all_checksums_are_sent_until_they_are_acked() {
        let mut checksums = checksums();
        let mut frame = 0;
        let mut sent = |checksums: &mut Checksums, frames: u32| {
            let before = frame;
            frame += frames;
            let sent = (before..frame).filter_map(|frame| checksums.next_to_send(peer(1), frame));
            sent.map(|(tick, _)| tick.0).collect::<Vec<_>>()
        };
        assert_eq!(sent(&mut checksums, 16), []);
        checksums.add(Tick(10), 1);
        assert_eq!(sent(&mut checksums, 16), [10, 10]);
        checksums.add(Tick(20), 2);
        checksums.add(Tick(15), 3);
        assert_eq!(sent(&mut checksums, 16), [10, 20, 10, 20]);
        checksums.acked(peer(1), Tick(10));
        // A checksum that was never sent cannot be acked.
        checksums.acked(peer(1), Tick(30));
        assert_eq!(sent(&mut checksums, 16), [20, 20]);
        checksums.add(Tick(30), 4);
        checksums.acked(peer(1), Tick(20));
        assert_eq!(sent(&mut checksums, 8), [30]);
        checksums.acked(peer(1), Tick(30));
        assert_eq!(sent(&mut checksums, 16), []);
        assert_eq!(checksums.next_to_send(peer(9), 0), None);
    }

    proptest! {
        /// Packets are lost, and arrive late and twice. All checksums are compared nevertheless, including the last
        /// one, and the first difference is found.
        #[test]
        fn every_checksum_is_compared_over_a_bad_link(
            fates in prop::collection::vec(0u8..8, 1..400),
            differs_from in 1u32..60,
            every in 1u32..12,
        ) {
            let mut sides = [Checksums::new([peer(1)]), Checksums::new([peer(0)])];
            let hash = |side: usize, tick: u32| u64::from(side == 1 && tick >= differs_from);
            let mut found = [None; 2];
            let mut count = 0;
            let mut on_its_way = [vec![], vec![]];
            // After the fates come frames without loss, and without new checksums.
            let frames = fates.len() as u32;
            for frame in 0..frames + 400 {
                let fate = fates.get(frame as usize).copied().unwrap_or(7);
                if frame < frames && frame.is_multiple_of(every) {
                    count += 1;
                    for (me, side) in sides.iter_mut().enumerate() {
                        found[me] = found[me].or(side.add(Tick(count), hash(me, count)).pop());
                    }
                }
                for me in 0..2 {
                    let other = peer(1 - me as u8);
                    let sent = sides[me].next_to_send(other, frame);
                    on_its_way[me].extend(sent.filter(|_| fate > 1));
                    let arrived = match fate {
                        2 => on_its_way[me].first().copied(),
                        3 | 4 => on_its_way[me].pop(),
                        5.. if !on_its_way[me].is_empty() => Some(on_its_way[me].remove(0)),
                        _ => None,
                    };
                    let Some((tick, hash)) = arrived else { continue };
                    found[1 - me] = found[1 - me].or(sides[1 - me].receive(peer(me as u8), tick, hash));
                    if fate != 4 {
                        sides[me].acked(other, tick);
                    }
                }
            }
            prop_assume!(count < KEPT as u32);
            let first = (differs_from <= count).then_some(Tick(differs_from));
            for (me, side) in sides.iter().enumerate() {
                prop_assert_eq!(found[me].map(|mismatch| mismatch.tick), first);
                prop_assert_eq!(side.compared(), u64::from(count.min(differs_from)));
            }
        }
    }
}
