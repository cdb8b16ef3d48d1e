use std::{collections::VecDeque, time::Duration, vec};

use super::PacketError;

/// How many packets are remembered: more than four seconds at 60 Hz.
const WINDOW: usize = 256;

/// How many packets later the newest acked one must be before one counts as lost and not as
/// overtaken (RFC 9002, 6.1.1).
const OVERTAKEN: u64 = 3;

/// How far back an ack reaches.
const REACH: u64 = 16;

/// What became of a packet that carried something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The peer has it. This may come after `Lost`, when the packet or its ack was only late.
    Delivered,
    /// It seems to be lost: what still matters is to be sent again.
    Lost,
}

/// The packets sent last: when, and what each carried, as tokens of the caller's.
///
/// Each token comes back at most once as delivered, and before that at most once as lost. One of
/// the two comes for sure, as long as [`SentWindow::expire`] is called.
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

/// Of the packets remembered that have to be acked, how many have a fate, and how many were lost.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    known: u16,
    lost: u16,
}

#[derive(Debug)]
struct Sent<T> {
    at: Duration,
    /// Whether the peer has to ack it.
    counts: bool,
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
    /// The number of the next packet, counted from 0.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn newest_acked(&self) -> Option<u64> {
        self.newest_acked
    }

    /// When a packet was sent, if that was not long ago.
    pub(crate) fn sent_at(&self, seq: u64) -> Option<Duration> {
        let index = self.index(seq)?;
        self.packets.get(index).map(|packet| packet.at)
    }

    /// Remembers the next packet and takes the tokens of what it carries. `counts` says whether the
    /// peer has to ack it.
    pub(crate) fn push(&mut self, at: Duration, counts: bool, tokens: &mut Vec<T>) {
        let mut own = Vec::new();
        if self.packets.len() == WINDOW
            && let Some(mut oldest) = self.packets.pop_front()
        {
            oldest.lose(&mut self.tally, &mut self.fates);
            oldest.set_fate(None, &mut self.tally);
            own = oldest.tokens;
            own.clear();
        }
        std::mem::swap(tokens, &mut own);
        self.packets.push_back(Sent {
            at,
            counts,
            fate: None,
            tokens: own,
        });
        self.next += 1;
    }

    /// The full number of an acked packet.
    ///
    /// # Errors
    /// If no such packet was sent.
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

    /// Takes an ack of packet `seq`, and of those before it whose bits are set.
    pub(crate) fn acked(&mut self, seq: u64, bits: u16) {
        self.newest_acked = self.newest_acked.max(Some(seq));
        self.deliver(seq);
        for i in (0..16).filter(|i| bits & (1 << i) != 0) {
            if let Some(seq) = seq.checked_sub(i + 1) {
                self.deliver(seq);
            }
        }
    }

    /// Gives up packets that no ack can be expected for any more: the newest acked one is so far
    /// ahead that they cannot have been overtaken, or their time is over.
    pub(crate) fn expire(&mut self, now: Duration, rtt: Duration, timeout: Duration) {
        // RFC 9002, 6.1.2: an eighth more than the round trip leaves time to be overtaken in.
        let overtaken_for = rtt + rtt / 8;
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
            let overtaken_by = self
                .newest_acked
                .map_or(0, |acked| acked.saturating_sub(seq));
            if overtaken_by > REACH
                || (overtaken_by >= OVERTAKEN && age >= overtaken_for)
                || age >= timeout
            {
                packet.lose(&mut self.tally, &mut self.fates);
            } else {
                from.get_or_insert(seq);
            }
        }
        self.in_flight_from = from.unwrap_or(self.next);
    }

    /// What became of what was sent, since this was called last.
    pub(crate) fn fates(&mut self) -> vec::Drain<'_, (T, Fate)> {
        self.fates.drain(..)
    }

    /// Which share of the packets that had to be acked were lost, of those remembered.
    pub(crate) fn loss(&self) -> f32 {
        let Tally { known, lost } = self.tally;
        f32::from(lost) / f32::from(known.max(1))
    }

    fn first(&self) -> u64 {
        self.next - self.packets.len() as u64
    }

    fn index(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.first())?).ok()
    }

    fn deliver(&mut self, seq: u64) {
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
        if self.counts {
            tally.known = tally.known + u16::from(fate.is_some()) - u16::from(before.is_some());
            let lost = Some(Fate::Lost);
            tally.lost = tally.lost + u16::from(fate == lost) - u16::from(before == lost);
        }
    }

    /// Tokens stay, in case the packet turns out to have been late only.
    fn lose(&mut self, tally: &mut Tally, fates: &mut Vec<(T, Fate)>) {
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

    /// One packet each 10 ms, each with its own number as token.
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
    fn an_ack_delivers_the_packet_and_those_of_its_bits() {
        let mut window = sent(40);
        window.acked(37, 0b101);
        let delivered = [37, 36, 34].map(|seq| (seq, Fate::Delivered));
        assert_eq!(window.fates().collect::<Vec<_>>(), delivered);
        window.acked(37, 0b101);
        assert_eq!(window.fates().next(), None, "once only");
    }

    #[test]
    fn what_was_overtaken_is_lost_after_a_margin() {
        let mut window = sent(5);
        window.acked(3, 0);
        window.fates();
        assert_eq!(fates(&mut window, 89 * MS), []);
        assert_eq!(fates(&mut window, 90 * MS), lost([0]));
        assert_eq!(fates(&mut window, 199 * MS), [], "too few were newer");
    }

    #[test]
    fn what_no_ack_reaches_is_lost_at_once() {
        let mut window = sent(40);
        window.acked(35, 0);
        window.fates();
        assert_eq!(fates(&mut window, Duration::ZERO), lost(0..19));
    }

    #[test]
    fn what_is_not_acked_in_time_is_lost_and_may_still_be_delivered() {
        let mut window = sent(3);
        assert_eq!(fates(&mut window, 210 * MS), lost([0, 1]));
        assert_eq!(window.loss(), 1.0);
        window.acked(1, 0);
        assert_eq!(fates(&mut window, 210 * MS), [(1, Fate::Delivered)]);
        assert_eq!(window.loss(), 0.5);
        assert_eq!(fates(&mut window, 220 * MS), lost([2]));
    }

    #[test]
    fn what_is_forgotten_is_lost_first() {
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
    fn loss_counts_only_what_has_to_be_acked() {
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
    fn nothing_is_acked_that_was_not_sent() {
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
        fn every_token_has_a_fate_in_the_end_and_all_are_tallied(
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
                let fates = window.packets.iter().filter(|packet| packet.counts);
                let fates: Vec<_> = fates.filter_map(|packet| packet.fate).collect();
                let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count();
                let counted = Tally { known: fates.len() as u16, lost: lost as u16 };
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
