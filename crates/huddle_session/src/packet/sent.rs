//! The window of sent packets.

use std::{collections::VecDeque, time::Duration, vec};

use super::PacketError;

/// The number of packets that are remembered: more than four seconds at 60 Hz.
const WINDOW: usize = 256;

/// The number of packets by which the newest acked packet must be ahead before a packet is
/// considered lost rather than reordered (RFC 9002, 6.1.1).
const REORDER_THRESHOLD: u64 = 3;

/// The number of packets that an ack covers before the newest one.
const REACH: u64 = 16;

/// The fate of a packet that carried data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The peer has received the packet. This can follow `Lost` if the packet or its ack was only
    /// late.
    Delivered,
    /// The packet is probably lost. The caller resends its data, unless newer data replaces it.
    Lost,
}

/// The most recently sent packets, with their send times and the tokens of the data that they
/// carried.
///
/// Each token is reported at most once as delivered, and before that at most once as lost. At least
/// one of the two is guaranteed, as long as [`SentWindow::expire`] is called.
#[derive(Debug)]
pub(crate) struct SentWindow<T> {
    packets: VecDeque<Sent<T>>,
    next: u64,
    newest_acked: Option<u64>,
    /// No packet before this one is in flight.
    in_flight_from: u64,
    fates: Vec<(T, Fate)>,
    tally: Tally,
}

/// The remembered packets that must be acked: how many have a fate, and how many of them are lost.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    settled: u16,
    lost: u16,
}

#[derive(Debug)]
struct Sent<T> {
    at: Duration,
    /// Whether the peer has to ack the packet.
    ack_eliciting: bool,
    fate: Option<Fate>,
    tokens: Vec<T>,
}

impl<T> Default for SentWindow<T> {
    fn default() -> Self {
        Self {
            packets: VecDeque::with_capacity(WINDOW),
            next: 0,
            newest_acked: None,
            in_flight_from: 0,
            fates: Vec::new(),
            tally: Tally::default(),
        }
    }
}

impl<T: Copy> SentWindow<T> {
    /// Returns the sequence number of the next packet, counted from 0.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn newest_acked(&self) -> Option<u64> {
        self.newest_acked
    }

    /// Returns the time at which a recent packet was sent.
    pub(crate) fn sent_at(&self, seq: u64) -> Option<Duration> {
        let index = self.index(seq)?;
        self.packets.get(index).map(|packet| packet.at)
    }

    /// Records the next packet and takes the tokens of the data that it carries. `ack_eliciting`
    /// states whether the peer has to ack it.
    pub(crate) fn push(&mut self, at: Duration, ack_eliciting: bool, tokens: &mut Vec<T>) {
        let mut own = Vec::new();
        if self.packets.len() == WINDOW
            && let Some(mut oldest) = self.packets.pop_front()
        {
            oldest.mark_lost(&mut self.tally, &mut self.fates);
            oldest.set_fate(None, &mut self.tally);
            own = oldest.tokens;
            own.clear();
        }
        std::mem::swap(tokens, &mut own);
        self.packets.push_back(Sent {
            at,
            ack_eliciting,
            fate: None,
            tokens: own,
        });
        self.next += 1;
    }

    /// Returns the full sequence number of an acked packet.
    ///
    /// # Errors
    /// Returns an error if no such packet was sent.
    pub(crate) fn resolve(&self, ack: u16) -> Result<u64, PacketError> {
        let last = self
            .next
            .checked_sub(1)
            .ok_or(PacketError::AckOfUnsent(ack))?;
        let behind = (last as u16).wrapping_sub(ack).cast_signed();
        u64::try_from(behind)
            .ok()
            .and_then(|behind| last.checked_sub(behind))
            .ok_or(PacketError::AckOfUnsent(ack))
    }

    /// Handles an ack of packet `seq`, and of the earlier packets whose bits are set.
    pub(crate) fn acked(&mut self, seq: u64, bits: u16) {
        self.newest_acked = self.newest_acked.max(Some(seq));
        self.mark_delivered(seq);
        for i in (0..16).filter(|i| bits & (1 << i) != 0) {
            if let Some(seq) = seq.checked_sub(i + 1) {
                self.mark_delivered(seq);
            }
        }
    }

    /// Marks packets as lost that are too far behind the newest acked one to be merely reordered,
    /// or whose ack timeout has passed.
    pub(crate) fn expire(&mut self, now: Duration, rtt: Duration, timeout: Duration) {
        // RFC 9002, 6.1.2: an eighth more than the round-trip time tolerates reordering.
        let reorder_time = rtt + rtt / 8;
        let first = self.first();
        let mut from = None;
        for seq in self.in_flight_from.max(first)..self.next {
            let Some(packet) = self.packets.get_mut((seq - first) as usize) else {
                break;
            };
            if packet.fate.is_some() {
                continue;
            }
            let age = now.saturating_sub(packet.at);
            let packets_behind = self
                .newest_acked
                .map_or(0, |acked| acked.saturating_sub(seq));
            if packets_behind > REACH
                || (packets_behind >= REORDER_THRESHOLD && age >= reorder_time)
                || age >= timeout
            {
                packet.mark_lost(&mut self.tally, &mut self.fates);
            } else {
                from.get_or_insert(seq);
            }
        }
        self.in_flight_from = from.unwrap_or(self.next);
    }

    /// Returns the fates that became known since the last call.
    pub(crate) fn fates(&mut self) -> vec::Drain<'_, (T, Fate)> {
        self.fates.drain(..)
    }

    /// Returns the share of lost packets among the remembered ones that had to be acked.
    pub(crate) fn loss(&self) -> f32 {
        let Tally { settled, lost } = self.tally;
        f32::from(lost) / f32::from(settled.max(1))
    }

    fn first(&self) -> u64 {
        self.next - self.packets.len() as u64
    }

    fn index(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.first())?).ok()
    }

    fn mark_delivered(&mut self, seq: u64) {
        let Some(packet) = self
            .index(seq)
            .and_then(|index| self.packets.get_mut(index))
        else {
            return;
        };
        packet.set_fate(Some(Fate::Delivered), &mut self.tally);
        let fates = packet
            .tokens
            .drain(..)
            .map(|token| (token, Fate::Delivered));
        self.fates.extend(fates);
    }
}

impl<T: Copy> Sent<T> {
    fn set_fate(&mut self, fate: Option<Fate>, tally: &mut Tally) {
        let before = std::mem::replace(&mut self.fate, fate);
        if self.ack_eliciting {
            tally.settled = tally.settled + u16::from(fate.is_some()) - u16::from(before.is_some());
            let lost = Some(Fate::Lost);
            tally.lost = tally.lost + u16::from(fate == lost) - u16::from(before == lost);
        }
    }

    /// The tokens are kept in case the packet was only late.
    fn mark_lost(&mut self, tally: &mut Tally, fates: &mut Vec<(T, Fate)>) {
        if self.fate.is_none() {
            self.set_fate(Some(Fate::Lost), tally);
            fates.extend(self.tokens.iter().map(|&token| (token, Fate::Lost)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RTT: Duration = Duration::from_millis(80);
    const TIMEOUT: Duration = Duration::from_millis(200);

    /// Sends one packet every 10 ms, with its sequence number as token.
    fn sent(count: u32) -> SentWindow<u64> {
        let mut window = SentWindow::default();
        for i in 0..count {
            window.push(10 * MS * i, true, &mut vec![u64::from(i)]);
        }
        window
    }

    fn fates(window: &mut SentWindow<u64>, now: Duration) -> Vec<(u64, Fate)> {
        window.expire(now, RTT, TIMEOUT);
        window.fates().collect()
    }

    fn lost(seqs: impl IntoIterator<Item = u64>) -> Vec<(u64, Fate)> {
        seqs.into_iter().map(|seq| (seq, Fate::Lost)).collect()
    }

    #[test]
    fn ack_delivers_the_packet_and_those_of_its_bits() {
        let mut window = sent(40);
        window.acked(37, 0b101);
        let delivered = [37, 36, 34].map(|seq| (seq, Fate::Delivered));
        assert_eq!(window.fates().collect::<Vec<_>>(), delivered);
        window.acked(37, 0b101);
        assert_eq!(window.fates().next(), None, "reported only once");
    }

    #[test]
    fn overtaken_packet_is_lost_after_the_reorder_time() {
        let mut window = sent(5);
        window.acked(3, 0);
        window.fates();
        assert_eq!(fates(&mut window, 89 * MS), []);
        assert_eq!(fates(&mut window, 90 * MS), lost([0]));
        assert_eq!(
            fates(&mut window, 199 * MS),
            [],
            "too few newer packets were acked"
        );
    }

    #[test]
    fn packet_beyond_the_reach_of_acks_is_lost_immediately() {
        let mut window = sent(40);
        window.acked(35, 0);
        window.fates();
        assert_eq!(fates(&mut window, Duration::ZERO), lost(0..19));
    }

    #[test]
    fn packet_lost_by_timeout_can_still_be_delivered() {
        let mut window = sent(3);
        assert_eq!(fates(&mut window, 210 * MS), lost([0, 1]));
        assert_eq!(window.loss(), 1.0);
        window.acked(1, 0);
        assert_eq!(fates(&mut window, 210 * MS), [(1, Fate::Delivered)]);
        assert_eq!(window.loss(), 0.5);
        assert_eq!(fates(&mut window, 220 * MS), lost([2]));
    }

    #[test]
    fn forgotten_packet_is_reported_as_lost() {
        let mut window = sent(WINDOW as u32 + 2);
        assert_eq!(window.fates().collect::<Vec<_>>(), lost([0, 1]));
        window.acked(1, u16::MAX);
        assert_eq!(window.fates().next(), None);
        assert_eq!(
            (window.sent_at(1), window.sent_at(2)),
            (None, Some(20 * MS))
        );
    }

    #[test]
    fn loss_counts_only_packets_that_must_be_acked() {
        let mut window = SentWindow::<u64>::default();
        assert_eq!(window.loss(), 0.0);
        for i in 0..8 {
            window.push(Duration::ZERO, i % 2 == 0, &mut vec![]);
        }
        window.acked(4, 0b1010);
        window.expire(TIMEOUT, RTT, TIMEOUT);
        assert_eq!(window.loss(), 0.25);
    }

    #[test]
    fn ack_of_an_unsent_packet_is_rejected() {
        let unsent = |window: &SentWindow<u64>, ack| {
            assert_eq!(window.resolve(ack), Err(PacketError::AckOfUnsent(ack)));
        };
        let mut window = sent(0);
        unsent(&window, 0);
        window.push(MS, true, &mut vec![]);
        assert_eq!(window.resolve(0), Ok(0));
        for ack in [1, 2, 0x7fff, 0x8000, 0xffff] {
            unsent(&window, ack);
        }
        let window = sent(70_000);
        let last = 69_999u64;
        assert_eq!(window.resolve(last as u16), Ok(last));
        assert_eq!(window.resolve((last - 0x7fff) as u16), Ok(last - 0x7fff));
        unsent(&window, (last + 1) as u16);
        unsent(&window, (last + 0x8000) as u16);
    }

    proptest! {
        #[test]
        fn every_token_gets_a_fate_and_the_tally_is_correct(
            steps in prop::collection::vec((0u8..4, 0u64..60, any::<u16>()), 1..400),
        ) {
            let mut window = SentWindow::default();
            let mut now = Duration::ZERO;
            let mut all = Vec::new();
            for (what, behind, bits) in steps {
                now += MS * 7;
                match what {
                    0 | 1 => window.push(now, bits % 8 != 0, &mut vec![window.next()]),
                    2 if window.next() > 0 => {
                        let seq = (window.next() - 1).saturating_sub(behind);
                        prop_assert_eq!(window.resolve(seq as u16), Ok(seq));
                        window.acked(seq, bits);
                    }
                    _ => all.extend(fates(&mut window, now)),
                }
                let fates = window.packets.iter().filter(|packet| packet.ack_eliciting);
                let fates: Vec<_> = fates.filter_map(|packet| packet.fate).collect();
                let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count();
                let counted = Tally { settled: fates.len() as u16, lost: lost as u16 };
                prop_assert_eq!(&window.tally, &counted);
            }
            all.extend(fates(&mut window, now + TIMEOUT));
            let mut by_token = BTreeMap::<u64, Vec<Fate>>::new();
            for (token, fate) in all {
                by_token.entry(token).or_default().push(fate);
            }
            prop_assert_eq!(by_token.len() as u64, window.next());
            for fates in by_token.values() {
                prop_assert!(matches!(
                    fates[..],
                    [Fate::Lost] | [Fate::Delivered] | [Fate::Lost, Fate::Delivered]
                ));
            }
        }
    }
}
