//! How a packet says at which tick it was sent, in no bytes as long as there is one in each tick:
//! its *base*, which is the tick less the packet's number, is told only when it changes.

use std::collections::VecDeque;

use super::PacketError;
use crate::tick::Tick;

/// How far behind the newest packet one may be and still be taken.
const REACH: u64 = 32;

fn base_of(tick: Tick, seq: u64) -> u32 {
    tick.0.wrapping_sub(seq as u32)
}

/// The base of the packets sent.
#[derive(Debug, Default)]
pub(crate) struct OwnBase {
    base: u32,
    /// The first packet with this base.
    since: u64,
}

impl OwnBase {
    /// The base that the next packet, sent at `tick`, has to tell. One tells it for as long as no
    /// packet with this base has been acked.
    pub(crate) fn to_tell(&self, tick: Tick, seq: u64, newest_acked: Option<u64>) -> Option<u32> {
        let base = base_of(tick, seq);
        let is_known = base == self.base && newest_acked.is_some_and(|acked| acked >= self.since);
        (!is_known).then_some(base)
    }

    /// Remembers that the next packet was sent at `tick`.
    pub(crate) fn sent(&mut self, tick: Tick, seq: u64) {
        let base = base_of(tick, seq);
        if base != self.base {
            *self = Self { base, since: seq };
        }
    }
}

/// The bases that the peer has told, each with the first packet known to have it, oldest first.
#[derive(Debug, Default)]
pub(crate) struct PeerBases(VecDeque<(u64, u32)>);

impl PeerBases {
    /// The tick at which a packet was sent.
    ///
    /// # Errors
    /// If it tells no base, and no packet before it did.
    pub(crate) fn tick(&self, seq: u64, told: Option<u32>) -> Result<Tick, PacketError> {
        let base = told
            .or_else(|| self.in_force(seq))
            .ok_or(PacketError::NoTick)?;
        Ok(Tick(base.wrapping_add(seq as u32)))
    }

    /// Remembers the base that a packet told.
    pub(crate) fn insert(&mut self, seq: u64, base: u32) {
        if self.in_force(seq) == Some(base) {
            return;
        }
        let after = self.0.partition_point(|&(first, _)| first <= seq);
        self.0.insert(after, (seq, base));
        // What is in force no longer than that is in force for nothing that is still taken.
        let newest = self.0.back().map_or(seq, |&(first, _)| first);
        while self
            .0
            .get(1)
            .is_some_and(|&(next, _)| next + REACH <= newest)
        {
            self.0.pop_front();
        }
    }

    /// The base of a packet that does not tell it: that of the one told last before it.
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
        fn all_packets_that_arrive_have_their_tick(
            start: u32,
            // The ticks from one packet to the next, whether it arrives, how much later, and
            // whether acks do.
            packets in prop::collection::vec(
                (prop_oneof![5 => Just(1u32), 1 => 0u32..2, 1 => 1u32..2000], any::<bool>(), 0u64..25, any::<bool>()),
                1..200,
            ),
        ) {
            let (mut own, mut peer) = (OwnBase::default(), PeerBases::default());
            let mut tick = Tick(start);
            let mut under_way = Vec::new();
            let (mut newest_arrived, mut newest_acked) = (None, None);
            for (seq, (step, arrives, late, acks)) in (0u64..).zip(packets) {
                tick += step;
                let told = own.to_tell(tick, seq, newest_acked);
                own.sent(tick, seq);
                if arrives {
                    under_way.push((seq + late, seq, tick, told));
                }
                let (due, later) = under_way.into_iter().partition(|&(at, ..)| at <= seq);
                under_way = later;
                let due: Vec<_> = due;
                for (_, seq, tick, told) in due {
                    prop_assert_eq!(peer.tick(seq, told), Ok(tick));
                    if let Some(base) = told {
                        peer.insert(seq, base);
                    }
                    newest_arrived = newest_arrived.max(Some(seq));
                }
                if acks {
                    newest_acked = newest_arrived;
                }
                prop_assert!(peer.0.len() as u64 <= REACH + 2);
            }
        }

        #[test]
        fn hostile_bases_stay_bounded(
            told in prop::collection::vec((-32i64..3, any::<u32>()), 0..600),
        ) {
            let (mut peer, mut seen) = (PeerBases::default(), BTreeSet::new());
            for (step, base) in told {
                let newest = seen.last().copied().unwrap_or(0u64);
                let seq = newest.saturating_add_signed(step);
                // Duplicates have been sorted out before.
                if !seen.insert(seq) {
                    continue;
                }
                peer.insert(seq, base);
                prop_assert_eq!(peer.tick(seq, None), Ok(Tick(base.wrapping_add(seq as u32))));
                prop_assert!(peer.0.len() as u64 <= REACH + 2);
            }
        }
    }

    #[test]
    fn a_base_is_told_until_it_is_acked() {
        let mut own = OwnBase::default();
        for (tick, seq, acked, told) in [
            (100, 0, None, Some(100)),
            (101, 1, None, Some(100)),
            (102, 2, Some(0), None),
            (104, 3, Some(1), Some(101)),
            (105, 4, Some(2), Some(101)),
            (106, 5, Some(3), None),
        ] {
            assert_eq!(own.to_tell(Tick(tick), seq, acked), told, "packet {seq}");
            own.sent(Tick(tick), seq);
        }
    }

    #[test]
    fn a_packet_without_a_tick_is_refused() {
        let mut peer = PeerBases::default();
        assert_eq!(peer.tick(7, None), Err(PacketError::NoTick));
        peer.insert(7, 10);
        assert_eq!(peer.tick(8, None), Ok(Tick(18)));
        assert_eq!(peer.tick(6, None), Err(PacketError::NoTick));
    }
}
