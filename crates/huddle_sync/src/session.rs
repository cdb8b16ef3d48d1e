use std::collections::VecDeque;

use bytes::Bytes;
use thiserror::Error;

use crate::{
    Delivery, KindId, Kinds, MAX_EVENT_LEN, MAX_PACKET_LEN, OwnStates, PacketError,
    packet::{self, EventPacketBuilder, Packet},
    state::{StateReceiver, StateSender},
};

/// How much may wait for one peer, in bytes; each event counts [`EVENT_OVERHEAD`] more.
const MAX_QUEUED: usize = 512 * 1024;

/// What an event costs beside its payload, so that empty ones are bounded too.
const EVENT_OVERHEAD: usize = 32;

/// The typed messages between this player and one peer.
///
/// Bytes in, messages out, and the other way round; it does no I/O and knows no clock.
///
/// ```
/// use bytes::Bytes;
/// use huddle_sync::{Delivery, Kinds, OwnStates, PeerSession, Received, Schema};
///
/// let mut kinds = Kinds::default();
/// let splash = kinds.declare("splash", Delivery::Event, Schema::of::<Vec<u8>>())?;
/// let pose = kinds.declare("pose", Delivery::State, Schema::of::<Vec<u8>>())?;
///
/// let mut ada = PeerSession::default();
/// ada.queue_event(splash, Bytes::from_static(b"big")).unwrap();
/// let mut states = OwnStates::default();
/// states.set(pose, Bytes::from_static(b"left")).unwrap();
///
/// let mut bob = PeerSession::default();
/// let packet = ada.collect_events(10_000).unwrap();
/// assert_eq!(
///     bob.receive(&kinds, packet),
///     Ok(vec![Received::Event { kind: splash, payload: Bytes::from_static(b"big") }])
/// );
/// let packet = ada.collect_state(&states, 0, 10_000).unwrap();
/// assert_eq!(
///     bob.receive(&kinds, packet),
///     Ok(vec![Received::State { kind: pose, payload: Bytes::from_static(b"left") }])
/// );
/// # Ok::<(), huddle_sync::KindError>(())
/// ```
#[derive(Debug, Default)]
pub struct PeerSession {
    events: VecDeque<(KindId, Bytes)>,
    queued: usize,
    sender: StateSender,
    receiver: StateReceiver,
}

/// A message from the peer; its payload is as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// An event.
    Event {
        /// Its kind, which is declared as an event.
        kind: KindId,
        /// Its bytes.
        payload: Bytes,
    },
    /// A value newer than all of its kind before.
    State {
        /// Its kind, which is declared as state.
        kind: KindId,
        /// Its bytes.
        payload: Bytes,
    },
    /// A message of a kind that is not declared, or declared to travel in another way.
    Unknown(KindId),
}

/// Why an event cannot be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QueueError {
    /// The event is too long.
    #[error("an event of {len} bytes is longer than the {max} that fit: split it")]
    TooLong {
        /// What it takes.
        len: usize,
        /// What fits.
        max: usize,
    },
    /// Too much is waiting already.
    #[error(
        "{queued} bytes of events wait for this peer already: send fewer or smaller ones; for what only counts when it is new, share state instead"
    )]
    Full {
        /// How many bytes wait.
        queued: usize,
    },
}

impl PeerSession {
    /// Puts an event behind those that wait.
    ///
    /// # Errors
    /// If it is longer than [`MAX_EVENT_LEN`], or too much is waiting already.
    pub fn queue_event(&mut self, kind: KindId, payload: Bytes) -> Result<(), QueueError> {
        if payload.len() > MAX_EVENT_LEN {
            return Err(QueueError::TooLong {
                len: payload.len(),
                max: MAX_EVENT_LEN,
            });
        }
        let cost = payload.len() + EVENT_OVERHEAD;
        if self.queued + cost > MAX_QUEUED {
            return Err(QueueError::Full {
                queued: self.queued,
            });
        }
        self.queued += cost;
        self.events.push_back((kind, payload));
        Ok(())
    }

    /// The next packet of events that takes at most `credit` bytes, if any event waits and fits.
    /// Small events share a packet; call it until it returns `None`.
    pub fn collect_events(&mut self, credit: usize) -> Option<Bytes> {
        let mut packet = EventPacketBuilder::new();
        let mut is_first = true;
        while let Some((kind, payload)) = self.events.front() {
            let len = packet.len_with(payload);
            if len > credit || (!is_first && len > MAX_PACKET_LEN) {
                break;
            }
            packet.push(*kind, payload);
            is_first = false;
            self.queued -= payload.len() + EVENT_OVERHEAD;
            self.events.pop_front();
        }
        packet.finish()
    }

    /// This tick's packet of state: what changed in the last ticks, and what has not been
    /// refreshed for long. A peer that is new is due everything. What does not fit into `credit`
    /// or [`MAX_PACKET_LEN`] is due first next time.
    pub fn collect_state(&mut self, own: &OwnStates, tick: u64, credit: usize) -> Option<Bytes> {
        self.sender.collect(own, tick, credit.min(MAX_PACKET_LEN))
    }

    /// Takes a packet from the peer apart. State that is not newer than what came before is left
    /// out.
    ///
    /// # Errors
    /// If the bytes are not a packet; then none of it counts.
    pub fn receive(&mut self, kinds: &Kinds, bytes: Bytes) -> Result<Vec<Received>, PacketError> {
        Ok(match packet::decode(bytes)? {
            Packet::State(entries) => entries
                .into_iter()
                .filter_map(|entry| match kinds.delivery(entry.kind) {
                    Some(Delivery::State) => self
                        .receiver
                        .accept(entry.kind, entry.version)
                        .then_some(Received::State {
                            kind: entry.kind,
                            payload: entry.payload,
                        }),
                    _ => Some(Received::Unknown(entry.kind)),
                })
                .collect(),
            Packet::Events(entries) => entries
                .into_iter()
                .map(|entry| match kinds.delivery(entry.kind) {
                    Some(Delivery::Event) => Received::Event {
                        kind: entry.kind,
                        payload: entry.payload,
                    },
                    _ => Received::Unknown(entry.kind),
                })
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> (Kinds, KindId, KindId) {
        let mut kinds = Kinds::default();
        let splash = kinds
            .declare("splash", Delivery::Event, crate::Schema::opaque())
            .unwrap();
        let pose = kinds
            .declare("pose", Delivery::State, crate::Schema::opaque())
            .unwrap();
        (kinds, splash, pose)
    }

    proptest! {
        #[test]
        fn events_arrive_once_and_in_order_whatever_the_credit(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 1..30),
            credits in prop::collection::vec(0usize..5000, 1..200),
        ) {
            let (kinds, splash, _) = kinds();
            let (mut ada, mut bob) = (PeerSession::default(), PeerSession::default());
            for payload in &payloads {
                ada.queue_event(splash, payload.clone().into()).unwrap();
            }
            let mut arrived: Vec<Vec<u8>> = Vec::new();
            for credit in credits.into_iter().chain(std::iter::repeat_n(10_000, 40)) {
                let Some(packet) = ada.collect_events(credit) else { continue };
                prop_assert!(packet.len() <= credit);
                for message in bob.receive(&kinds, packet).unwrap() {
                    match message {
                        Received::Event { kind, payload } if kind == splash => arrived.push(payload.into()),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
            prop_assert_eq!(arrived, payloads);
            prop_assert_eq!(ada.queued, 0);
        }

        #[test]
        fn state_never_goes_backwards_whatever_the_network_does(
            deliveries in prop::collection::vec(any::<prop::sample::Index>(), 1..100),
        ) {
            let (kinds, _, pose) = kinds();
            let (mut ada, mut bob) = (PeerSession::default(), PeerSession::default());
            let mut own = OwnStates::default();
            let packets: Vec<_> = (0..50u8)
                .map(|tick| {
                    own.set(pose, vec![tick].into()).unwrap();
                    ada.collect_state(&own, u64::from(tick), 1000).unwrap()
                })
                .collect();
            let mut newest = None;
            for index in deliveries {
                for message in bob.receive(&kinds, index.get(&packets).clone()).unwrap() {
                    let Received::State { payload, .. } = message else { panic!("{message:?}") };
                    prop_assert!(newest < Some(payload[0]));
                    newest = Some(payload[0]);
                }
            }
            prop_assert!(newest.is_some());
        }

        #[test]
        fn random_bytes_never_panic(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
            let (kinds, ..) = kinds();
            let mut bob = PeerSession::default();
            for packet in packets {
                let _ = bob.receive(&kinds, packet.into());
            }
        }
    }

    #[test]
    fn small_events_share_a_packet_and_large_ones_travel_alone() {
        let (_, splash, _) = kinds();
        let mut ada = PeerSession::default();
        for len in [10, 20, 8000, 30] {
            ada.queue_event(splash, vec![0; len].into()).unwrap();
        }
        let packets: Vec<_> = std::iter::from_fn(|| ada.collect_events(100_000)).collect();
        let lens: Vec<_> = packets.iter().map(Bytes::len).collect();
        assert_eq!(lens, [1 + 15 + 25, 1 + 8006, 1 + 35]);
    }

    #[test]
    fn kinds_that_are_not_declared_or_travel_otherwise_are_named_and_not_remembered() {
        let (kinds, splash, pose) = kinds();
        let stranger = KindId::of("stranger");
        let mut mallory = PeerSession::default();
        let mut own = OwnStates::default();
        own.set(stranger, Bytes::new()).unwrap();
        own.set(splash, Bytes::new()).unwrap();
        mallory.queue_event(pose, Bytes::new()).unwrap();

        let mut bob = PeerSession::default();
        let state = mallory.collect_state(&own, 0, 1000).unwrap();
        let mut unknown = bob.receive(&kinds, state).unwrap();
        unknown.sort_by_key(|message| format!("{message:?}"));
        let mut expected = vec![Received::Unknown(stranger), Received::Unknown(splash)];
        expected.sort_by_key(|message| format!("{message:?}"));
        assert_eq!(unknown, expected);
        let events = mallory.collect_events(1000).unwrap();
        assert_eq!(
            bob.receive(&kinds, events),
            Ok(vec![Received::Unknown(pose)])
        );
        assert!(
            format!("{:?}", bob.receiver).ends_with("({})"),
            "{:?}",
            bob.receiver
        );
    }

    #[test]
    fn the_queue_is_bounded_even_for_empty_events() {
        let (_, splash, _) = kinds();
        let mut ada = PeerSession::default();
        let full = (0..100_000).find_map(|_| ada.queue_event(splash, Bytes::new()).err());
        assert_eq!(full, Some(QueueError::Full { queued: MAX_QUEUED }));
        assert_eq!(
            ada.queue_event(splash, vec![0; MAX_EVENT_LEN + 1].into()),
            Err(QueueError::TooLong {
                len: MAX_EVENT_LEN + 1,
                max: MAX_EVENT_LEN
            })
        );
        while ada.collect_events(10_000).is_some() {}
        assert_eq!(ada.queue_event(splash, Bytes::new()), Ok(()));
    }
}
