use std::collections::{BTreeMap, VecDeque};

use huddle_session::{PeerId, Tick};

/// How many checksums are kept, of this player's and of each peer's.
const KEPT: usize = 16;

/// A tick at which the game of another player is not the same as this one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mismatch {
    /// Whose.
    pub peer: PeerId,
    /// The first tick that was compared and is different.
    pub tick: Tick,
    /// This player's checksum.
    pub mine: u64,
    /// The peer's.
    pub theirs: u64,
}

/// What comparing checksums told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    /// All peers have the same checksum as this player, at this tick or a later one.
    Agreed {
        /// The tick.
        tick: Tick,
    },
    /// A peer has another one. It is told once, and no more of that peer is compared.
    Mismatch(Mismatch),
}

/// Compares checksums of confirmed ticks with those of all peers.
///
/// A peer is told the newest that it has not confirmed to have ([`pending`](Self::pending)), so
/// some may never be compared; those of two players who differ stay different. The last 16 are
/// kept for peers who are slower.
#[derive(Debug, Clone)]
pub(crate) struct Checksums {
    own: VecDeque<(Tick, u64)>,
    peers: BTreeMap<PeerId, Peer>,
    /// What all have agreed on, and whether that has been told.
    agreed: Option<Tick>,
    is_told: bool,
    mismatches: VecDeque<Mismatch>,
}

#[derive(Debug, Clone, Default)]
struct Peer {
    /// Up to this tick nothing needs to be compared any more.
    done: Option<Tick>,
    /// What it sent before this player came to that tick.
    early: VecDeque<(Tick, u64)>,
    /// The newest of this player's that it has.
    acked: Option<Tick>,
    differs: bool,
}

fn is_after(tick: Tick, other: Option<Tick>) -> bool {
    other.is_none_or(|other| tick.is_after(other))
}

impl Checksums {
    /// Nothing compared yet with these peers.
    pub(crate) fn new(peers: impl IntoIterator<Item = PeerId>) -> Self {
        Self {
            own: VecDeque::with_capacity(KEPT),
            peers: peers
                .into_iter()
                .map(|peer| (peer, Peer::default()))
                .collect(),
            agreed: None,
            is_told: true,
            mismatches: VecDeque::new(),
        }
    }

    /// Adds this player's checksum of a confirmed tick. It must be later than the one before, or it
    /// is ignored.
    pub(crate) fn add(&mut self, tick: Tick, checksum: u64) {
        if !is_after(tick, self.newest()) {
            return;
        }
        if self.own.len() == KEPT {
            self.own.pop_front();
        }
        self.own.push_back((tick, checksum));
        for (&id, peer) in &mut self.peers {
            let at_tick = peer.early.iter().find(|&&(early, _)| early == tick);
            let theirs = at_tick.map(|&(_, theirs)| theirs);
            peer.early.retain(|&(early, _)| early.is_after(tick));
            if let Some(theirs) = theirs {
                self.mismatches
                    .extend(peer.compare(id, tick, checksum, theirs));
            }
        }
        self.agree();
    }

    /// Takes a peer's checksum. What was compared already, or cannot be any more, is ignored.
    pub(crate) fn receive(&mut self, peer: PeerId, tick: Tick, checksum: u64) {
        let newest = self.newest();
        let Some(state) = self.peers.get_mut(&peer) else {
            return;
        };
        if state.differs || !is_after(tick, state.done) {
            return;
        }
        if is_after(tick, newest) {
            if state.early.iter().any(|&(early, _)| early == tick) {
                return;
            }
            if state.early.len() == KEPT {
                state.early.pop_front();
            }
            state.early.push_back((tick, checksum));
        } else if let Some(&(_, mine)) = self.own.iter().find(|&&(own, _)| own == tick) {
            self.mismatches
                .extend(state.compare(peer, tick, mine, checksum));
            self.agree();
        }
    }

    /// The next thing that comparing told.
    pub(crate) fn poll(&mut self) -> Option<Comparison> {
        if let Some(mismatch) = self.mismatches.pop_front() {
            return Some(Comparison::Mismatch(mismatch));
        }
        let tick = self.agreed.filter(|_| !self.is_told)?;
        self.is_told = true;
        Some(Comparison::Agreed { tick })
    }

    /// The first tick with a checksum that some peer has not been compared with: its state should
    /// be kept, and all after it that have one, in case it is to be looked into. At most the
    /// last 16.
    pub(crate) fn keep_from(&self) -> Option<Tick> {
        if self.peers.is_empty() {
            return None;
        }
        let mut own = self.own.iter().map(|&(tick, _)| tick);
        own.find(|&tick| is_after(tick, self.agreed))
    }

    /// The checksum to send to a peer: the newest, if the peer does not have it.
    pub(crate) fn pending(&self, peer: PeerId) -> Option<(Tick, u64)> {
        let peer = self.peers.get(&peer)?;
        let newest = self.own.back().copied();
        newest.filter(|&(tick, _)| is_after(tick, peer.acked))
    }

    /// A peer has this player's checksum of a tick.
    pub(crate) fn acked(&mut self, peer: PeerId, tick: Tick) {
        let is_own = self.newest().is_some_and(|newest| !tick.is_after(newest));
        if let Some(peer) = self.peers.get_mut(&peer)
            && is_own
            && is_after(tick, peer.acked)
        {
            peer.acked = Some(tick);
        }
    }

    /// Forgets a peer that left.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.mismatches.retain(|mismatch| mismatch.peer != peer);
        self.agree();
    }

    fn newest(&self) -> Option<Tick> {
        self.own.back().map(|&(tick, _)| tick)
    }

    /// Finds out what all have agreed on.
    fn agree(&mut self) {
        let mut all = self.peers.values().map(|peer| peer.done);
        let earlier = |a: Option<Tick>, b: Option<Tick>| {
            let (a, b) = (a?, b?);
            Some(if a.is_after(b) { b } else { a })
        };
        let Some(first) = all.next() else {
            return;
        };
        if let Some(tick) = all.fold(first, earlier)
            && is_after(tick, self.agreed)
        {
            (self.agreed, self.is_told) = (Some(tick), false);
        }
    }
}

impl Peer {
    fn compare(&mut self, peer: PeerId, tick: Tick, mine: u64, theirs: u64) -> Option<Mismatch> {
        if mine == theirs {
            self.done = Some(tick);
            return None;
        }
        self.differs = true;
        self.early.clear();
        Some(Mismatch {
            peer,
            tick,
            mine,
            theirs,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use proptest::prelude::*;

    use super::*;

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 16])
    }

    fn checksums() -> Checksums {
        Checksums::new([peer(1), peer(2)])
    }

    fn told(checksums: &mut Checksums) -> Vec<Comparison> {
        iter::from_fn(|| checksums.poll()).collect()
    }

    fn agreed(tick: u32) -> Comparison {
        Comparison::Agreed { tick: Tick(tick) }
    }

    fn mismatch(n: u8, tick: u32, mine: u64, theirs: u64) -> Comparison {
        Comparison::Mismatch(Mismatch {
            peer: peer(n),
            tick: Tick(tick),
            mine,
            theirs,
        })
    }

    #[test]
    fn a_tick_is_agreed_on_when_all_have_it_whoever_is_first() {
        let mut checksums = checksums();
        assert_eq!(checksums.keep_from(), None);
        checksums.receive(peer(1), Tick(10), 7);
        checksums.add(Tick(10), 7);
        assert_eq!(told(&mut checksums), []);
        assert_eq!(checksums.keep_from(), Some(Tick(10)));
        checksums.add(Tick(20), 8);
        checksums.receive(peer(2), Tick(10), 7);
        checksums.receive(peer(2), Tick(10), 7);
        assert_eq!(told(&mut checksums), [agreed(10)]);
        assert_eq!(checksums.keep_from(), Some(Tick(20)));
        checksums.receive(peer(2), Tick(20), 8);
        checksums.receive(peer(1), Tick(20), 8);
        assert_eq!(told(&mut checksums), [agreed(20)]);
        assert_eq!(checksums.keep_from(), None);
    }

    #[test]
    fn a_later_agreement_covers_what_was_skipped() {
        let mut checksums = checksums();
        for tick in [10, 20, 30] {
            checksums.add(Tick(tick), u64::from(tick));
        }
        checksums.receive(peer(1), Tick(30), 30);
        checksums.receive(peer(2), Tick(20), 20);
        assert_eq!(told(&mut checksums), [agreed(20)]);
        assert_eq!(checksums.keep_from(), Some(Tick(30)));
    }

    #[test]
    fn a_mismatch_is_told_once() {
        let mut checksums = checksums();
        for n in [1, 2] {
            checksums.receive(peer(n), Tick(30), 99);
        }
        for tick in [10, 20, 30, 40] {
            checksums.add(Tick(tick), u64::from(tick));
        }
        let first = [mismatch(1, 30, 30, 99), mismatch(2, 30, 30, 99)];
        assert_eq!(told(&mut checksums), first);
        checksums.receive(peer(1), Tick(40), 99);
        assert_eq!(told(&mut checksums), []);
    }

    #[test]
    fn what_a_player_who_differs_needs_is_kept_within_bounds() {
        let mut checksums = checksums();
        for tick in 1..=40 {
            checksums.add(Tick(tick), 0);
            checksums.receive(peer(1), Tick(tick), 0);
        }
        assert_eq!(checksums.keep_from(), Some(Tick(25)));
        // Too late to be compared.
        checksums.receive(peer(2), Tick(24), 5);
        assert_eq!(told(&mut checksums), []);
        checksums.forget(peer(2));
        assert_eq!(told(&mut checksums), [agreed(40)]);
        checksums.forget(peer(1));
        assert_eq!(checksums.keep_from(), None);
    }

    #[test]
    fn the_newest_is_sent_until_it_is_acked() {
        let mut checksums = checksums();
        assert_eq!(checksums.pending(peer(1)), None);
        checksums.add(Tick(10), 1);
        checksums.add(Tick(20), 2);
        checksums.add(Tick(15), 3);
        assert_eq!(checksums.pending(peer(1)), Some((Tick(20), 2)));
        checksums.acked(peer(1), Tick(10));
        assert_eq!(checksums.pending(peer(1)), Some((Tick(20), 2)));
        // It cannot have what is not there yet.
        checksums.acked(peer(1), Tick(30));
        assert_eq!(checksums.pending(peer(1)), Some((Tick(20), 2)));
        checksums.acked(peer(1), Tick(20));
        checksums.acked(peer(1), Tick(10));
        assert_eq!(checksums.pending(peer(1)), None);
        assert_eq!(checksums.pending(peer(2)), Some((Tick(20), 2)));
        checksums.add(Tick(30), 4);
        assert_eq!(checksums.pending(peer(1)), Some((Tick(30), 4)));
        assert_eq!(checksums.pending(peer(9)), None);
    }

    proptest! {
        /// Whatever order things come in: players whose games are the same never differ, and one
        /// whose game changes at a tick is found, at the first tick that could be compared.
        #[test]
        fn what_differs_is_found_and_nothing_else(
            order in prop::collection::vec((any::<bool>(), 1u32..200), 1..200),
            differs_from in 1u32..300,
        ) {
            let theirs = |tick: u32| u64::from(tick) + u64::from(tick >= differs_from);
            let mut checksums = Checksums::new([peer(1)]);
            let mut own = 0;
            let mut arrived = Vec::new();
            let mut compared = Vec::new();
            for (is_own, tick) in order {
                if is_own {
                    own += 1;
                    checksums.add(Tick(own), u64::from(own));
                } else if tick < own + 15 {
                    checksums.receive(peer(1), Tick(tick), theirs(tick));
                    arrived.push(tick);
                }
                compared.extend(told(&mut checksums));
                prop_assert!(checksums.own.len() <= KEPT);
                prop_assert!(checksums.peers[&peer(1)].early.len() <= KEPT);
            }
            let found = compared.iter().any(|told| matches!(told, Comparison::Mismatch(_)));
            for comparison in compared {
                match comparison {
                    Comparison::Agreed { tick } => prop_assert!(tick.0 < differs_from),
                    Comparison::Mismatch(mismatch) => {
                        prop_assert!(mismatch.tick.0 >= differs_from);
                        prop_assert_eq!(mismatch.mine + 1, mismatch.theirs);
                        prop_assert!(arrived.contains(&mismatch.tick.0));
                    }
                }
            }
            let was_due = arrived.iter().any(|&tick| tick >= differs_from && tick + 15 > own && tick <= own);
            prop_assert!(found || !was_due);
        }
    }
}
