//! The tick of a packet, encoded in zero bytes as long as every tick has a packet.
//!
//! The *base* of a packet is its tick minus its sequence number. A packet contains its base only
//! after the base changed, until the peer has acknowledged it.

use std::collections::VecDeque;

use super::PacketError;
use crate::tick::Tick;

/// The maximum number of packets by which an accepted packet may be older than the newest one.
const REACH: u64 = 32;

fn base_of(tick: Tick, seq: u64) -> u32 {
    tick.0.wrapping_sub(seq as u32)
}

/// The base of the sent packets.
#[derive(Debug, Default)]
pub(crate) struct OwnBase {
    base: u32,
    /// The first packet with this base.
    since: u64,
}

impl OwnBase {
    /// Returns the base that the next packet, sent at `tick`, has to contain. Packets contain their
    /// base until the peer has acknowledged one with this base.
    pub(crate) fn to_announce(
        &self,
        tick: Tick,
        seq: u64,
        newest_acked: Option<u64>,
    ) -> Option<u32> {
        let base = base_of(tick, seq);
        let is_known = base == self.base && newest_acked.is_some_and(|acked| acked >= self.since);
        (!is_known).then_some(base)
    }

    /// Records that the next packet is sent at `tick`.
    pub(crate) fn sent(&mut self, tick: Tick, seq: u64) {
        let base = base_of(tick, seq);
        if base != self.base {
            *self = Self { base, since: seq };
        }
    }
}

/// The bases received from the peer, each with the packet that contained it, in the order of the
/// packets.
#[derive(Debug, Default)]
pub(crate) struct PeerBases(VecDeque<(u64, u32)>);

impl PeerBases {
    /// Returns the tick at which a packet was sent.
    ///
    /// # Errors
    /// Returns an error if neither the packet nor an earlier one contained a base.
    pub(crate) fn tick(&self, seq: u64, announced: Option<u32>) -> Result<Tick, PacketError> {
        let base = announced
            .or_else(|| self.in_force(seq))
            .ok_or(PacketError::NoTick)?;
        Ok(Tick(base.wrapping_add(seq as u32)))
    }

    /// Stores the base that a packet contained.
    pub(crate) fn insert(&mut self, seq: u64, base: u32) {
        // Even if the base in force is the same: a late packet may change the one before.
        let after = self.0.partition_point(|&(first, _)| first <= seq);
        self.0.insert(after, (seq, base));
        // Drop the bases that no acceptable packet can have.
        let newest = self.0.back().map_or(seq, |&(first, _)| first);
        while self
            .0
            .get(1)
            .is_some_and(|&(next, _)| next + REACH <= newest)
        {
            self.0.pop_front();
        }
    }

    /// Returns the base of a packet that does not contain one: the base of the latest packet before
    /// it that did.
    fn in_force(&self, seq: u64) -> Option<u32> {
        let before = self.0.partition_point(|&(first, _)| first <= seq);
        let &(_, base) = self.0.get(before.checked_sub(1)?)?;
        Some(base)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_received_packet_has_its_tick(
            start: u32,
            // For each packet: the ticks since the previous one, whether it arrives, by how many
            // packets it is delayed, and whether acks arrive.
            packets in prop::collection::vec(
                (prop_oneof![5 => Just(1u32), 1 => 0u32..2, 1 => 1u32..2000], any::<bool>(), 0u64..25, any::<bool>()),
                1..200,
            ),
        ) {
            let (mut sent_base, mut peer_bases) = (OwnBase::default(), PeerBases::default());
            let mut tick = Tick(start);
            let mut in_flight = Vec::new();
            let (mut newest_arrived, mut newest_acked) = (None, None);
            for (seq, (step, arrives, late, acks)) in (0u64..).zip(packets) {
                tick += step;
                let announced = sent_base.to_announce(tick, seq, newest_acked);
                sent_base.sent(tick, seq);
                if arrives {
                    in_flight.push((seq + late, seq, tick, announced));
                }
                let (due, later) = in_flight.into_iter().partition(|&(at, ..)| at <= seq);
                in_flight = later;
                let due: Vec<_> = due;
                for (_, seq, tick, announced) in due {
                    prop_assert_eq!(peer_bases.tick(seq, announced), Ok(tick));
                    if let Some(base) = announced {
                        peer_bases.insert(seq, base);
                    }
                    newest_arrived = newest_arrived.max(Some(seq));
                }
                if acks {
                    newest_acked = newest_arrived;
                }
                prop_assert!(peer_bases.0.len() as u64 <= REACH + 2);
            }
        }

        #[test]
        fn hostile_bases_stay_bounded(
            announced in prop::collection::vec((-32i64..3, any::<u32>()), 0..600),
        ) {
            let (mut peer_bases, mut seen) = (PeerBases::default(), BTreeSet::new());
            for (step, base) in announced {
                let newest = seen.last().copied().unwrap_or(0u64);
                let seq = newest.saturating_add_signed(step);
                // The caller drops duplicates.
                if !seen.insert(seq) {
                    continue;
                }
                peer_bases.insert(seq, base);
                prop_assert_eq!(peer_bases.tick(seq, None), Ok(Tick(base.wrapping_add(seq as u32))));
                prop_assert!(peer_bases.0.len() as u64 <= REACH + 2);
            }
        }
    }

    #[test]
    fn base_is_sent_until_it_is_acked() {
        let mut sent_base = OwnBase::default();
        for (tick, seq, acked, announced) in [
            (100, 0, None, Some(100)),
            (101, 1, None, Some(100)),
            (102, 2, Some(0), None),
            (104, 3, Some(1), Some(101)),
            (105, 4, Some(2), Some(101)),
            (106, 5, Some(3), None),
        ] {
            assert_eq!(
                sent_base.to_announce(Tick(tick), seq, acked),
                announced,
                "packet {seq}"
            );
            sent_base.sent(Tick(tick), seq);
        }
    }

    #[test]
    fn packet_without_known_base_is_rejected() {
        let mut peer_bases = PeerBases::default();
        assert_eq!(peer_bases.tick(7, None), Err(PacketError::NoTick));
        peer_bases.insert(7, 10);
        assert_eq!(peer_bases.tick(8, None), Ok(Tick(18)));
        assert_eq!(peer_bases.tick(6, None), Err(PacketError::NoTick));
    }

    #[test]
    fn late_packet_with_another_base_changes_only_the_packets_before_the_next_base() {
        let mut peer_bases = PeerBases::default();
        peer_bases.insert(0, 1);
        peer_bases.insert(7, 1);
        peer_bases.insert(5, 2);
        assert_eq!(peer_bases.tick(6, None), Ok(Tick(8)));
        assert_eq!(peer_bases.tick(8, None), Ok(Tick(9)));
    }
}
