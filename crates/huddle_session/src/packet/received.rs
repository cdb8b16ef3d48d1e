//! The window of received packets.

use std::time::Duration;

/// The maximum number of packets by which an accepted packet may be older than the newest one. It
/// is twice the reach of an ack, because late data is useful even if it was retransmitted.
const REACH: u64 = 32;

/// The received packets: the newest one, and which of the 32 before it were received.
#[derive(Debug, Default)]
pub(crate) struct ReceivedWindow(Option<Received>);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    /// The sequence number of the newest packet.
    pub(crate) seq: u64,
    /// The arrival time of the newest packet.
    pub(crate) arrived: Duration,
    /// Bit `i` is set if packet `seq - 1 - i` was received, or would come before the first packet.
    pub(crate) bits: u32,
}

impl ReceivedWindow {
    /// Returns the full sequence number of a new packet. Returns `None` if the packet is a
    /// duplicate or too old.
    pub(crate) fn resolve(&self, seq: u16) -> Option<u64> {
        let Some(newest) = self.0 else {
            // Numbers begin at 0, so the upper half of the range is invalid.
            return (seq < 1 << 15).then_some(seq.into());
        };
        let ahead = seq.wrapping_sub(newest.seq as u16).cast_signed();
        let behind = u64::from(ahead.unsigned_abs());
        if ahead > 0 {
            return Some(newest.seq + behind);
        }
        let is_new = (1..=REACH).contains(&behind) && newest.bits & (1 << (behind - 1)) == 0;
        is_new.then(|| newest.seq.checked_sub(behind)).flatten()
    }

    /// Records a packet that [`Self::resolve`] reported as new.
    pub(crate) fn insert(&mut self, seq: u64, arrived: Duration) {
        let Some(newest) = &mut self.0 else {
            let bits = match u32::try_from(seq) {
                Ok(missing @ ..32) => u32::MAX << missing,
                _ => 0,
            };
            self.0 = Some(Received { seq, arrived, bits });
            return;
        };
        if let Some(behind) = newest.seq.checked_sub(seq) {
            if (1..=REACH).contains(&behind) {
                newest.bits |= 1 << (behind - 1);
            }
            return;
        }
        newest.bits = match seq - newest.seq {
            ahead @ ..=REACH => (((u64::from(newest.bits) << 1) | 1) << (ahead - 1)) as u32,
            _ => 0,
        };
        (newest.seq, newest.arrived) = (seq, arrived);
    }

    pub(crate) fn newest(&self) -> Option<Received> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn take(window: &mut ReceivedWindow, seq: u64) -> bool {
        match window.resolve(seq as u16) {
            Some(placed) => {
                assert_eq!(placed, seq);
                window.insert(seq, Duration::ZERO);
                true
            }
            None => false,
        }
    }

    proptest! {
        #[test]
        fn window_agrees_with_a_set_of_received_packets(
            start in 0u64..200_000,
            steps in prop::collection::vec(prop_oneof![4 => -40i64..40, 1 => -900i64..900], 1..200),
        ) {
            let mut window = ReceivedWindow::default();
            let mut model = BTreeSet::new();
            // Walk up to the start so that sequence numbers exceed 16 bits.
            let mut seq = 0;
            while seq < start {
                take(&mut window, seq);
                model.insert(seq);
                seq += 20_000;
            }
            for step in steps {
                seq = seq.saturating_add_signed(step);
                let newest = model.last().copied();
                let is_new = newest.is_none_or(|newest| seq + REACH >= newest) && !model.contains(&seq);
                prop_assert_eq!(take(&mut window, seq), is_new);
                if is_new {
                    model.insert(seq);
                }

                let received = window.newest().unwrap();
                prop_assert_eq!(Some(&received.seq), model.last());
                for i in 0..32 {
                    let expected = received
                        .seq
                        .checked_sub(1 + i)
                        .is_none_or(|seq| model.contains(&seq));
                    prop_assert_eq!(received.bits & (1 << i) != 0, expected);
                }
            }
        }
    }

    #[test]
    fn packets_before_the_first_one_count_as_received() {
        let mut window = ReceivedWindow::default();
        assert!(take(&mut window, 0));
        assert_eq!(window.newest().unwrap().bits, u32::MAX);
        let mut late = ReceivedWindow::default();
        assert!(take(&mut late, 2));
        assert_eq!(late.newest().unwrap().bits, !0b11);
        assert_eq!(
            late.resolve(0xffff),
            None,
            "no packet precedes the first one"
        );
    }

    #[test]
    fn first_packet_from_far_ahead_is_rejected() {
        let window = ReceivedWindow::default();
        assert_eq!(window.resolve(0x7fff), Some(0x7fff));
        assert_eq!(window.resolve(0x8000), None);
    }

    #[test]
    fn late_packet_does_not_change_the_newest_arrival() {
        let mut window = ReceivedWindow::default();
        let at = Duration::from_millis;
        for (seq, arrived) in [(0, 1), (5, 2), (3, 9)] {
            window.insert(seq, at(arrived));
        }
        assert_eq!(window.newest().unwrap().arrived, at(2));
    }
}
