//! Events over a network that loses, reorders and duplicates, and links that are replaced.

use core::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{EventReceiver, EventSender, QueueError, pipe::Pipe};
use crate::{kind::KindId, limits::MAX_EVENT_LEN};

const SPLASH: KindId = KindId::of("splash");
const TICK: Duration = Duration::from_micros(16_667);

#[derive(Debug, Clone)]
enum Item {
    Lane(Bytes),
    Repair(Bytes),
    Ack(u64),
}

struct Network {
    seed: u64,
    loss: f64,
    /// A link is replaced once in so many ticks.
    replaced_every: Option<u32>,
    /// How likely the sender learns of it, of 1.
    told: f64,
    /// How much the lane takes per tick at most.
    credit: usize,
}

impl Network {
    /// Sends events from one to the other as fast as they are taken, and returns how long it took;
    /// panics if one is missing, comes twice or too early.
    fn deliver(&self, payloads: &[Bytes]) -> Duration {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut there = Pipe::new(rng.u64(..), Duration::from_millis(40));
        let mut back = Pipe::new(rng.u64(..), Duration::from_millis(40));
        (there.loss, back.loss) = (self.loss, self.loss);
        (there.jitter, back.jitter) = (TICK, TICK);
        let rtt = Some(Duration::from_millis(90));

        let (mut ada, mut bob) = (EventSender::default(), EventReceiver::default());
        let mut waiting = payloads.iter().enumerate().peekable();
        let mut expected = payloads.iter().enumerate();
        let mut now = Duration::ZERO;
        loop {
            now += TICK;
            assert!(
                now < Duration::from_secs(300),
                "{} are missing",
                expected.len()
            );

            while let Some((i, payload)) = waiting.peek() {
                match ada.queue(*i as u32, SPLASH, Bytes::clone(payload)) {
                    Ok(()) => waiting.next(),
                    Err(QueueError::Full { .. }) => break,
                    Err(error) => panic!("{error}"),
                };
            }
            if self
                .replaced_every
                .is_some_and(|ticks| rng.u32(..ticks) == 0)
            {
                there.lose(|item| matches!(item, Item::Lane(_)));
                if rng.f64() < self.told {
                    ada.link_replaced();
                }
            }
            let mut credit = rng.usize(..=self.credit);
            while let Some(message) = ada.collect(now, 7, credit) {
                credit -= message.len();
                assert_eq!(message[..2], [0x10, 7]);
                let body = message.slice(2..);
                there.send_reliable(now, message.len(), Item::Lane(body));
            }
            let mut section = BytesMut::new();
            if ada.repair(now, rtt, &mut section, 1050) {
                there.send_unreliable(now, section.len(), Item::Repair(section.freeze()));
            }
            while let Some((_, item)) = back.receive(now) {
                let Item::Ack(next) = item else {
                    panic!("{item:?}")
                };
                ada.acked(next, now).unwrap();
            }

            // Now and then the other side does not look for a while.
            if rng.u8(..10) > 0 {
                while let Some((_, item)) = there.receive(now) {
                    let (Item::Lane(body) | Item::Repair(body)) = item else {
                        panic!("{item:?}")
                    };
                    bob.receive(body).unwrap();
                    while rng.u8(..4) > 0
                        && let Some(event) = bob.pop()
                    {
                        let (kind, payload) = event.unwrap();
                        let (i, sent) = expected.next().expect("no more events than were sent");
                        assert_eq!((kind as usize, &payload), (i, sent));
                    }
                }
                while let Some(event) = bob.pop() {
                    let (kind, payload) = event.unwrap();
                    let (i, sent) = expected.next().expect("no more events than were sent");
                    assert_eq!((kind as usize, &payload), (i, sent));
                }
                if bob.ack_due() {
                    back.send_unreliable(now, 100, Item::Ack(bob.ack()));
                }
            }
            if ada.queued().count == 0 && waiting.peek().is_none() {
                assert_eq!(expected.len(), 0, "acked, but not delivered");
                return now;
            }
        }
    }
}

fn payloads() -> impl Strategy<Value = Vec<Bytes>> {
    let len = prop_oneof![
        20 => 0usize..40,
        4 => 0usize..3000,
        1 => MAX_EVENT_LEN - 5..=MAX_EVENT_LEN,
    ];
    prop::collection::vec(len, 1..200).prop_map(|lens| {
        let fill = |(i, len)| vec![i as u8; len].into();
        lens.into_iter().enumerate().map(fill).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn events_arrive_once_and_in_order_whatever_the_network_does(
        seed: u64,
        loss in 0.0..0.4,
        replaced_every in prop::option::of(5u32..200),
        told in 0.0..1.0,
        credit in prop_oneof![1200usize..5000, Just(100_000)],
        payloads in payloads(),
    ) {
        Network { seed, loss, replaced_every, told, credit }.deliver(&payloads);
    }
}

/// Enough to fill the queue of 512 KiB twice over.
fn a_lot() -> Vec<Bytes> {
    (0..600).map(|i| vec![i as u8; 2000].into()).collect()
}

#[test]
fn a_full_queue_empties_over_a_good_network() {
    let network = Network {
        seed: 1,
        loss: 0.0,
        replaced_every: None,
        told: 1.0,
        credit: 100_000,
    };
    // 64 KiB in flight, about 110 ms until acks are seen.
    let time = network.deliver(&a_lot());
    assert!(time < Duration::from_secs(4), "{time:?}");
}

#[test]
fn a_full_queue_empties_where_links_are_replaced_ten_times_a_second() {
    let network = Network {
        seed: 2,
        loss: 0.2,
        replaced_every: Some(6),
        told: 1.0,
        credit: 100_000,
    };
    let time = network.deliver(&a_lot());
    assert!(time < Duration::from_secs(60), "{time:?}");
}

#[test]
fn a_lane_that_swallows_everything_delays_small_events_by_little() {
    let network = Network {
        seed: 3,
        loss: 0.0,
        replaced_every: Some(1),
        told: 0.5,
        credit: 100_000,
    };
    let hello = [Bytes::from_static(b"hello")];
    let time = network.deliver(&hello);
    assert!(time < Duration::from_millis(450), "{time:?}");
}
