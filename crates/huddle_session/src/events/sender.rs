//! Sends events to one peer.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::fragment::{EventError, MAX_FRAGMENT_LEN, fragment_wire_len, put_fragment};
use crate::{
    kind::KindId,
    limits::{MAX_EVENT_LEN, MAX_PACKET_LEN},
    wire::{put_varint, varint_len},
};

/// The first byte of a message of event fragments.
pub(crate) const EVENT_FRAGMENTS: u8 = 0x10;

/// The maximum size of one peer's queue, in bytes. Each event counts [`EVENT_OVERHEAD`] more.
const MAX_QUEUED: usize = 512 * 1024;

/// The part of the queue that only system events can use. The game cannot fill it.
const SYSTEM_RESERVE: usize = 256 * 1024;

/// The cost of an event in addition to its payload, which also bounds the number of empty events.
const EVENT_OVERHEAD: usize = 32;

/// The maximum number of fragments beyond the last ack, and of bytes in them.
const MAX_IN_FLIGHT: u64 = 128;
const MAX_IN_FLIGHT_BYTES: usize = 64 * 1024;

/// The time that an ack may take in addition to the network: frames on both sides, and jitter.
const ACK_MARGIN: Duration = Duration::from_millis(50);

/// The minimum and the maximum time until a fragment is sent again.
const MIN_REPAIR_DELAY: Duration = Duration::from_millis(100);
const MAX_REPAIR_DELAY: Duration = Duration::from_secs(1);

/// The round-trip time assumed until one is measured.
const ASSUMED_RTT: Duration = Duration::from_millis(150);

/// Errors that occur while an event is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QueueError {
    /// The kind is not declared, or is declared as state.
    #[error("kind {0} is not declared as an event: declare it before joining the room")]
    NotAnEvent(KindId),
    /// The event is too long.
    #[error(
        "an event of {len} bytes exceeds the maximum of {max}: split it, or send it as a transfer"
    )]
    TooLong {
        /// The length of the event.
        len: usize,
        /// The maximum length.
        max: usize,
    },
    /// The queue is full.
    #[error(
        "the event queue of this peer is full ({queued} bytes): send fewer or smaller events, or replicate a component if only the newest value matters"
    )]
    Full {
        /// The number of queued bytes.
        queued: usize,
    },
}

/// An event that the peer did not acknowledge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The event's kind.
    pub kind: KindId,
    /// The event's payload.
    pub payload: Bytes,
}

/// A number of items and their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// Sends events to one peer, and keeps them until they are acked.
#[derive(Debug, Default)]
pub(crate) struct EventSender {
    /// The fragments that are not acked. The front has the number `acked`.
    fragments: VecDeque<Fragment>,
    /// The events whose last fragment is not acked.
    events: VecDeque<Event>,
    acked: u64,
    /// The number of the first fragment that was never sent.
    unsent: u64,
    /// The number of the fragment that the lane sends next. It is lower than `unsent` after a link
    /// was replaced.
    next: u64,
    /// The number after the last fragment of the last system event.
    system_end: u64,
    queued_bytes: usize,
    in_flight_bytes: usize,
    /// The time at which the lane last proved to deliver.
    progress: Duration,
    rtt: Option<Duration>,
}

#[derive(Debug)]
struct Event {
    kind: KindId,
    payload: Bytes,
    /// The number after its last fragment.
    end: u64,
}

#[derive(Debug)]
struct Fragment {
    /// The event's kind, in its first fragment.
    kind: Option<u32>,
    data: Bytes,
    is_last: bool,
    /// The time at which it was first sent or last repaired. Replacing the link does not reset it,
    /// so that repairs are sent even if links are replaced constantly.
    sent: Duration,
    repairs: u32,
}

impl Fragment {
    fn len(&self) -> usize {
        self.kind.map_or(0, |kind| varint_len(kind.into())) + self.data.len()
    }

    fn put(&self, out: &mut BytesMut) {
        put_fragment(out, self.kind, &self.data, self.is_last);
    }
}

impl EventSender {
    /// Appends an event to the queue. `kind_index` identifies its kind on the wire.
    ///
    /// # Errors
    /// Returns an error if the event is longer than [`MAX_EVENT_LEN`] or the queue is full.
    pub(crate) fn queue(
        &mut self,
        kind_index: u32,
        kind: KindId,
        payload: Bytes,
    ) -> Result<(), QueueError> {
        self.check(payload.len())?;
        self.queued_bytes += payload.len() + EVENT_OVERHEAD;
        self.fragments.extend(split(kind_index, payload.clone()));
        self.events.push_back(Event {
            kind,
            payload,
            end: self.acked + self.fragments.len() as u64,
        });
        Ok(())
    }

    /// Inserts a system event before all events of the game that were not sent, and after earlier
    /// system events.
    ///
    /// # Errors
    /// Returns an error if the event is longer than [`MAX_EVENT_LEN`] or the queue is full.
    pub(crate) fn queue_system(
        &mut self,
        kind_index: u32,
        kind: KindId,
        payload: Bytes,
    ) -> Result<(), QueueError> {
        self.check_limit(payload.len(), MAX_QUEUED + SYSTEM_RESERVE)?;
        self.queued_bytes += payload.len() + EVENT_OVERHEAD;
        let begin = self.next_event_start(self.unsent.max(self.system_end));
        let later = self.fragments.split_off((begin - self.acked) as usize);
        let kept = self.fragments.len();
        self.fragments.extend(split(kind_index, payload.clone()));
        let inserted = (self.fragments.len() - kept) as u64;
        self.fragments.extend(later);

        let place = self.events.partition_point(|event| event.end <= begin);
        for event in self.events.range_mut(place..) {
            event.end += inserted;
        }
        let end = begin + inserted;
        self.events.insert(place, Event { kind, payload, end });
        self.system_end = end;
        Ok(())
    }

    /// Returns the number of the first fragment from `number` on that starts an event.
    fn next_event_start(&self, number: u64) -> u64 {
        let fragments = self.fragments.range((number - self.acked) as usize..);
        let rest = fragments.take_while(|fragment| fragment.kind.is_none());
        number + rest.count() as u64
    }

    /// Checks whether an event of `len` bytes could be queued now.
    pub(crate) fn check(&self, len: usize) -> Result<(), QueueError> {
        self.check_limit(len, MAX_QUEUED)
    }

    fn check_limit(&self, len: usize, max_queued: usize) -> Result<(), QueueError> {
        if len > MAX_EVENT_LEN {
            return Err(QueueError::TooLong {
                len,
                max: MAX_EVENT_LEN,
            });
        }
        if self.queued_bytes + len + EVENT_OVERHEAD > max_queued {
            return Err(QueueError::Full {
                queued: self.queued_bytes,
            });
        }
        Ok(())
    }

    /// Returns the next message for the events lane, with at most `credit` bytes, if there is
    /// anything to send. Small events share a message. Call it until it returns `None`.
    pub(crate) fn collect(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
        let budget = credit.min(MAX_PACKET_LEN);
        let mut out = BytesMut::new();
        while let Some(fragment) = self.fragments.get_mut((self.next - self.acked) as usize) {
            let len = fragment.len();
            let is_new = self.next == self.unsent;
            if is_new
                && (self.unsent - self.acked >= MAX_IN_FLIGHT
                    || self.in_flight_bytes + len > MAX_IN_FLIGHT_BYTES)
            {
                break;
            }
            let head = if out.is_empty() {
                2 + varint_len(self.next)
            } else {
                0
            };
            if out.len() + head + fragment_wire_len(len) > budget {
                break;
            }
            if out.is_empty() {
                out.put_slice(&[EVENT_FRAGMENTS, tag]);
                put_varint(&mut out, self.next);
            }
            fragment.put(&mut out);
            self.next += 1;
            if is_new {
                fragment.sent = now;
                self.unsent = self.next;
                self.in_flight_bytes += len;
            }
        }
        (!out.is_empty()).then(|| out.freeze())
    }

    /// Writes the oldest fragments whose ack is late, at most `budget` bytes, for the repair
    /// section of a tick packet. Returns `true` if it wrote anything.
    ///
    /// A fragment is late if neither it nor the lane has made progress for 1.5 round-trip times
    /// plus [`ACK_MARGIN`]. This delay doubles with each repair, up to [`MAX_REPAIR_DELAY`].
    pub(crate) fn repair(
        &mut self,
        now: Duration,
        rtt: Option<Duration>,
        out: &mut BytesMut,
        budget: usize,
    ) -> bool {
        self.rtt = rtt;
        let progress = self.progress;
        let delay = (rtt.unwrap_or(ASSUMED_RTT).saturating_mul(3) / 2)
            .saturating_add(ACK_MARGIN)
            .max(MIN_REPAIR_DELAY);
        let is_late = |fragment: &Fragment| {
            let backoff = delay
                .saturating_mul(1 << fragment.repairs.min(4))
                .min(MAX_REPAIR_DELAY.max(delay));
            now.saturating_sub(fragment.sent.max(progress)) >= backoff
        };

        let in_flight = (self.unsent - self.acked) as usize;
        let Some(first) = self.fragments.range(..in_flight).position(is_late) else {
            return false;
        };
        let number = self.acked + first as u64;
        let mut left = budget.saturating_sub(varint_len(number));
        let mut has_written = false;
        for fragment in self.fragments.range_mut(first..in_flight) {
            let len = fragment_wire_len(fragment.len());
            if len > left || !is_late(fragment) {
                break;
            }
            if !has_written {
                put_varint(out, number);
                has_written = true;
            }
            fragment.put(out);
            fragment.sent = now;
            fragment.repairs += 1;
            left -= len;
        }
        has_written
    }

    /// Handles an ack: the peer has received all fragments before `next`.
    ///
    /// # Errors
    /// Returns an error if the ack covers fragments that were never sent. It is then ignored.
    pub(crate) fn acked(&mut self, next: u64, now: Duration) -> Result<(), EventError> {
        if next > self.unsent {
            return Err(EventError::AckOfUnsent {
                acked: next,
                sent: self.unsent,
            });
        }
        let answer_time = self.rtt.unwrap_or(ASSUMED_RTT) / 2;
        while self.acked < next
            && let Some(fragment) = self.fragments.pop_front()
        {
            self.acked += 1;
            self.in_flight_bytes -= fragment.len();
            // An ack that arrives too early to be caused by a repair is for a fragment that the
            // lane delivered. The lane is slow, but it works.
            if fragment.repairs == 0 || now.saturating_sub(fragment.sent) < answer_time {
                self.progress = now;
            }
        }
        self.next = self.next.max(self.acked);
        while let Some(event) = self.events.front()
            && event.end <= self.acked
        {
            self.queued_bytes -= event.payload.len() + EVENT_OVERHEAD;
            self.events.pop_front();
        }
        Ok(())
    }

    /// Handles the replacement of the link. Unacked fragments may be lost, so [`Self::collect`]
    /// sends them again.
    pub(crate) fn link_replaced(&mut self) {
        self.next = self.acked;
    }

    /// Returns the number of unacknowledged events, and their bytes including overhead.
    pub(crate) fn queued(&self) -> Amount {
        Amount {
            count: self.events.len(),
            bytes: self.queued_bytes,
        }
    }

    /// Returns the bytes of the events of a kind that are not acked.
    pub(crate) fn queued_bytes(&self, kind: KindId) -> usize {
        let of_kind = self.events.iter().filter(|event| event.kind == kind);
        of_kind.map(|event| event.payload.len()).sum()
    }

    /// Returns the number of fragments in flight, and the bytes in them.
    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> Amount {
        Amount {
            count: (self.unsent - self.acked) as usize,
            bytes: self.in_flight_bytes,
        }
    }

    /// Ends the session. Returns the events that are not fully acked, in order.
    pub(crate) fn give_up(self) -> Vec<Undelivered> {
        self.events
            .into_iter()
            .map(|Event { kind, payload, .. }| Undelivered { kind, payload })
            .collect()
    }
}

/// Splits an event into fragments.
fn split(kind_index: u32, mut rest: Bytes) -> Vec<Fragment> {
    let mut kind = Some(kind_index);
    let mut fragments = Vec::new();
    loop {
        let room = MAX_FRAGMENT_LEN - kind.map_or(0, |kind| varint_len(kind.into()));
        let data = rest.split_to(room.min(rest.len()));
        let is_last = rest.is_empty();
        fragments.push(Fragment {
            kind: kind.take(),
            data,
            is_last,
            sent: Duration::ZERO,
            repairs: 0,
        });
        if is_last {
            return fragments;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventReceiver;

    const SPLASH: KindId = KindId::of("splash");
    const MS: Duration = Duration::from_millis(1);

    fn ada(lens: &[usize]) -> EventSender {
        let mut ada = EventSender::default();
        for (i, &len) in lens.iter().enumerate() {
            ada.queue(3, SPLASH, vec![i as u8; len].into()).unwrap();
        }
        ada
    }

    fn collect_all(ada: &mut EventSender, now: Duration) -> Vec<Bytes> {
        std::iter::from_fn(|| ada.collect(now, 0x55, usize::MAX)).collect()
    }

    #[test]
    fn encoding_matches_golden_bytes() {
        let mut ada = EventSender::default();
        ada.queue(3, SPLASH, Bytes::from_static(b"hi")).unwrap();
        ada.queue(200, SPLASH, Bytes::new()).unwrap();
        let message = ada.collect(MS, 0xAB, 1100).unwrap();
        // Type, tag, first number. Then 3 bytes, a last fragment: kind 3, "hi". Then kind 200.
        assert_eq!(message.as_ref(), b"\x10\xab\x00\x07\x03hi\x05\xc8\x01");

        ada.acked(1, 2 * MS).unwrap();
        let mut out = BytesMut::new();
        assert!(ada.repair(500 * MS, Some(20 * MS), &mut out, 1000));
        assert_eq!(out.as_ref(), b"\x01\x05\xc8\x01");

        // Two fragments of one event: 512 bytes including the kind, not the last; then the rest.
        let mut ada = EventSender::default();
        ada.queue(1, SPLASH, vec![0xEE; 513].into()).unwrap();
        let message = ada.collect(MS, 0xAB, 1100).unwrap();
        assert_eq!(message[..6], [0x10, 0xAB, 0x00, 0x80, 0x08, 0x01]);
        assert_eq!(message[2 + 1 + 2 + 512..], [0x05, 0xEE, 0xEE]);
    }

    #[test]
    fn messages_stay_within_the_credit_and_combine_small_events() {
        let mut ada = ada(&[10, 20, 5000, 30]);
        assert_eq!(ada.collect(MS, 0, 10), None);
        assert_eq!(ada.collect(MS, 0, 20).unwrap().len(), 3 + 12);
        let messages = collect_all(&mut ada, MS);
        assert!(messages.iter().all(|m| m.len() <= MAX_PACKET_LEN));
        // The first message has the 20 bytes and two fragments of 512, the others two fragments
        // each.
        assert_eq!(messages.len(), 1 + 4);
    }

    #[test]
    fn fragments_in_flight_are_bounded() {
        for lens in [vec![10; 300], vec![50_000; 3]] {
            let mut ada = ada(&lens);
            collect_all(&mut ada, MS);
            let in_flight = ada.in_flight();
            assert!(in_flight.count <= 128 && in_flight.bytes <= 64 * 1024);
            assert!(in_flight.count == 128 || in_flight.bytes > 64 * 1024 - MAX_FRAGMENT_LEN);
            ada.acked(in_flight.count as u64, MS).unwrap();
            assert_eq!(ada.in_flight(), Amount::default());
            assert!(!collect_all(&mut ada, MS).is_empty());
        }
    }

    #[test]
    fn queue_is_bounded_even_for_empty_events() {
        let mut ada = EventSender::default();
        let full = (0..100_000).find_map(|_| ada.queue(0, SPLASH, Bytes::new()).err());
        assert_eq!(full, Some(QueueError::Full { queued: MAX_QUEUED }));
        assert_eq!(
            ada.queue(0, SPLASH, vec![0; MAX_EVENT_LEN + 1].into()),
            Err(QueueError::TooLong {
                len: MAX_EVENT_LEN + 1,
                max: MAX_EVENT_LEN
            })
        );
        collect_all(&mut ada, MS);
        assert!(ada.queue(0, SPLASH, Bytes::new()).is_err());
        ada.acked(1, MS).unwrap();
        assert_eq!(ada.queue(0, SPLASH, Bytes::new()), Ok(()));
    }

    /// Returns the first bytes of the events that a receiver gets from all messages.
    fn received(messages: impl IntoIterator<Item = Bytes>) -> Vec<u8> {
        let mut bob = EventReceiver::default();
        for message in messages {
            bob.receive(message.slice(2..)).unwrap();
        }
        let events = std::iter::from_fn(|| bob.pop());
        events.map(|event| event.unwrap().1[0]).collect()
    }

    #[test]
    fn system_events_overtake_unsent_events_of_the_game() {
        let system = |ada: &mut EventSender, byte, len| {
            ada.queue_system(0, SPLASH, vec![byte; len].into()).unwrap();
        };
        // Event 1 is sent in part when the first system events are queued.
        let mut ada = ada(&[100, 3000, 100, 100]);
        let mut messages = vec![ada.collect(MS, 0, 1100).unwrap()];
        system(&mut ada, 90, 2000);
        system(&mut ada, 91, 10);
        messages.push(ada.collect(MS, 0, 1100).unwrap());
        system(&mut ada, 92, 10);
        messages.extend(collect_all(&mut ada, MS));
        assert_eq!(received(messages), [0, 1, 90, 91, 92, 2, 3]);
        assert_eq!(ada.queued().count, 7);
        let fragments = ada.in_flight().count as u64;
        ada.acked(fragments, MS).unwrap();
        assert_eq!(ada.queued(), Amount::default());
        system(&mut ada, 93, 10);
        ada.queue(3, SPLASH, Bytes::from_static(b"x")).unwrap();
        system(&mut ada, 94, 10);
        assert_eq!(ada.queued().count, 3);
        let kinds = ada.give_up().into_iter().map(|event| event.payload[0]);
        assert_eq!(kinds.collect::<Vec<_>>(), [93, 94, b'x']);
    }

    #[test]
    fn system_event_waits_for_the_rest_of_an_acked_part() {
        let mut ada = ada(&[3000, 10]);
        let first = ada.collect(MS, 0, 1100).unwrap();
        let sent = ada.in_flight().count as u64;
        ada.acked(sent, MS).unwrap();
        ada.queue_system(0, SPLASH, Bytes::from_static(b"s"))
            .unwrap();
        let messages = collect_all(&mut ada, MS);
        assert_eq!(
            received(std::iter::once(first).chain(messages)),
            [0, b's', 1]
        );
    }

    #[test]
    fn full_queue_accepts_system_events_up_to_a_limit() {
        let mut ada = EventSender::default();
        while ada.queue(0, SPLASH, vec![0; 1000].into()).is_ok() {}
        let system = || vec![0; 1000].into();
        let accepted = (0..1000).take_while(|_| ada.queue_system(0, SPLASH, system()).is_ok());
        let accepted = accepted.count() * (1000 + EVENT_OVERHEAD);
        assert!((SYSTEM_RESERVE - 2000..SYSTEM_RESERVE + 2000).contains(&accepted));
        assert!(ada.queue(0, SPLASH, Bytes::new()).is_err());
    }

    #[test]
    fn ack_of_unsent_fragments_is_an_error_and_old_ack_is_ignored() {
        let mut ada = ada(&[1, 1, 1]);
        ada.collect(MS, 0, 6 + 2).unwrap();
        assert_eq!(
            ada.acked(3, MS),
            Err(EventError::AckOfUnsent { acked: 3, sent: 1 })
        );
        assert!(ada.acked(u64::MAX, MS).is_err());
        ada.acked(1, MS).unwrap();
        ada.acked(0, MS).unwrap();
        assert_eq!(ada.queued().count, 2);
        assert_eq!(collect_all(&mut ada, MS).len(), 1);
    }

    #[test]
    fn repair_delay_doubles_up_to_a_second() {
        let mut ada = ada(&[10]);
        collect_all(&mut ada, Duration::ZERO);
        let mut at = Vec::new();
        for now in 0..4000 {
            if ada.repair(now * MS, Some(60 * MS), &mut BytesMut::new(), 1000) {
                at.push(now);
            }
        }
        // 1.5 * 60 + 50, then doubled each time up to the maximum.
        assert_eq!(at, [140, 420, 980, 1980, 2980, 3980]);
    }

    #[test]
    fn slow_lane_is_not_repaired() {
        let mut ada = ada(&[10; 100]);
        collect_all(&mut ada, Duration::ZERO);
        for number in 1..100 {
            let now = number as u32 * 90 * MS;
            let mut out = BytesMut::new();
            assert!(!ada.repair(now, Some(20 * MS), &mut out, 1000), "{number}");
            ada.acked(number, now).unwrap();
        }
    }

    #[test]
    fn unneeded_repair_does_not_cause_more() {
        let rtt = Some(20 * MS);
        let mut ada = ada(&[10; 100]);
        collect_all(&mut ada, Duration::ZERO);
        assert!(ada.repair(100 * MS, rtt, &mut BytesMut::new(), 100));
        // The ack arrives too early to be caused by the repair.
        ada.acked(4, 105 * MS).unwrap();
        assert!(!ada.repair(150 * MS, rtt, &mut BytesMut::new(), 100));
        assert!(ada.repair(205 * MS, rtt, &mut BytesMut::new(), 100));
    }

    #[test]
    fn repairs_continue_without_pause_on_a_broken_lane() {
        let rtt = Some(40 * MS);
        let mut ada = ada(&[500; 40]);
        collect_all(&mut ada, Duration::ZERO);
        let mut bob = EventReceiver::default();
        let mut acks = VecDeque::new();
        let mut now = Duration::ZERO;
        while ada.queued().count > 0 {
            now += 16 * MS;
            let mut out = BytesMut::new();
            if ada.repair(now, rtt, &mut out, 1050) {
                assert!(out.len() <= 1050);
                bob.receive(out.freeze()).unwrap();
                while bob.pop().is_some() {}
                acks.push_back((now + 40 * MS, bob.ack()));
            }
            while let Some((_, ack)) = acks.pop_front_if(|(at, _)| *at <= now) {
                ada.acked(ack, now).unwrap();
            }
        }
        // Two fragments per packet.
        assert!(now < (100 + 20 * 16 + 2 * 56) * MS, "{now:?}");
    }

    #[test]
    fn repair_that_does_not_fit_writes_nothing() {
        let mut ada = ada(&[400]);
        collect_all(&mut ada, Duration::ZERO);
        let mut out = BytesMut::new();
        assert!(!ada.repair(500 * MS, None, &mut out, 300));
        assert!(out.is_empty());
        assert!(ada.repair(500 * MS, None, &mut out, 404));
        assert_eq!(out.len(), 404);
    }

    #[test]
    fn new_link_receives_unacked_fragments_first() {
        let mut ada = ada(&[10, 600, 20]);
        assert!(!collect_all(&mut ada, MS).is_empty());
        ada.acked(1, MS).unwrap();
        let in_flight = ada.in_flight();
        assert_eq!(collect_all(&mut ada, MS), Vec::<Bytes>::new());

        ada.link_replaced();
        assert_eq!(ada.in_flight(), in_flight);
        ada.queue(3, SPLASH, Bytes::from_static(b"more")).unwrap();
        let mut bob = EventReceiver::default();
        bob.receive(Bytes::from_static(b"\x00\x03\x03")).unwrap();
        for message in collect_all(&mut ada, MS) {
            bob.receive(message.slice(2..)).unwrap();
        }
        let lens: Vec<_> = std::iter::from_fn(|| bob.pop())
            .map(|event| event.unwrap().1.len())
            .collect();
        assert_eq!(lens, [0, 600, 20, 4]);
        assert_eq!(ada.in_flight().count, in_flight.count + 1);
    }

    #[test]
    fn give_up_returns_unacked_events_in_order() {
        let mut ada = ada(&[1, 1000, 2]);
        collect_all(&mut ada, MS);
        // All of the first event, and a part of the second.
        ada.acked(2, MS).unwrap();
        let lens: Vec<_> = ada
            .give_up()
            .iter()
            .map(|undelivered| (undelivered.kind, undelivered.payload.len()))
            .collect();
        assert_eq!(lens, [(SPLASH, 1000), (SPLASH, 2)]);
    }
}
