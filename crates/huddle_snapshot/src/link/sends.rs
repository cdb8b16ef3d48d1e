/// The packets that contained a state of an entity: the last 128 packets exactly, and the newest of the
/// earlier ones.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sends {
    newest: u64,
    /// Bit `n` is set if packet `newest - n` contained a state.
    packets: u128,
    newest_earlier: Option<u64>,
}

impl Sends {
    /// Adds a packet that is newer than the others.
    pub(super) fn push(&mut self, seq: u64) {
        let by = seq.saturating_sub(self.newest);
        if self.packets != 0 {
            let kept = self
                .packets
                .unbounded_shl(u32::try_from(by).unwrap_or(u32::MAX));
            // The highest bits leave. The lowest of them is the newest packet.
            let leaving = match u32::try_from(by) {
                Ok(by @ 1..128) => self.packets >> (128 - by) << (128 - by),
                _ => self.packets,
            };
            if leaving != 0 {
                let newest = self.newest - u64::from(leaving.trailing_zeros());
                self.newest_earlier = Some(newest);
            }
            self.packets = kept;
        }
        self.packets |= 1;
        self.newest = seq;
    }

    /// Returns the oldest packet after `seq`, or an even older one if that is not known exactly.
    pub(super) fn oldest_after(&self, seq: u64) -> Option<u64> {
        if let Some(earlier) = self.newest_earlier.filter(|earlier| *earlier > seq) {
            return Some(earlier);
        }
        let after = self.newest.checked_sub(seq).filter(|after| *after > 0)?;
        let mask = u32::try_from(after).map_or(u128::MAX, |after| {
            u128::MAX.unbounded_shr(128_u32.saturating_sub(after))
        });
        let packets = self.packets & mask;
        let oldest = 127_u32.checked_sub(packets.leading_zeros())?;
        Some(self.newest - u64::from(oldest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn oldest_packet_agrees_with_a_list(
            gaps in prop::collection::vec(prop_oneof![1u64..5, 1u64..90, 100u64..400], 1..40),
            behind in 0u64..300,
        ) {
            let mut sends = Sends::default();
            let mut all = Vec::new();
            let mut seq = 3;
            for gap in gaps {
                seq += gap;
                sends.push(seq);
                all.push(seq);
            }
            let after = seq.saturating_sub(behind);
            let expected = all.iter().copied().find(|sent| *sent > after);
            let found = sends.oldest_after(after);
            match expected {
                // Within the last 128 packets it is exact.
                Some(oldest) if seq - oldest < 128 => prop_assert_eq!(found, Some(oldest)),
                Some(oldest) => prop_assert!(found.is_some_and(|found| seq - found >= 128 && found >= oldest)),
                None => prop_assert_eq!(found, None),
            }
        }
    }
}
