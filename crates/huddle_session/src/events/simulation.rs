//! Events over a simulated network with loss, reordering, duplication and replaced links.

use core::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{EventError, EventReceiver, EventSender, QueueError, pipe::Pipe};
use crate::{kind::KindId, limits::MAX_EVENT_LEN};

const SPLASH: KindId = KindId::of("splash");
const SYSTEM: KindId = KindId::of("huddle/system");
/// The index of the first system event. Those of the game are lower.
const FIRST_SYSTEM: u32 = 1000;
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
    /// The average number of ticks between two replacements of the link; `None` for no
    /// replacements.
    replaced_every: Option<u32>,
    /// The probability that the sender is notified of a replacement.
    notified: f64,
    /// The maximum credit of the lane per tick.
    credit: usize,
}

impl Network {
    /// Sends events from one peer to the other as fast as the queue accepts them. Returns how long
    /// it took.
    ///
    /// Panics if an event is missing, duplicated or out of order among the events of the game, or
    /// among the system events that the sender inserts now and then.
    fn deliver(&self, payloads: &[Bytes]) -> Duration {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut forward = Pipe::new(rng.u64(..), Duration::from_millis(40));
        let mut backward = Pipe::new(rng.u64(..), Duration::from_millis(40));
        (forward.loss, backward.loss) = (self.loss, self.loss);
        (forward.jitter, backward.jitter) = (TICK, TICK);
        let rtt = Some(Duration::from_millis(90));

        let (mut ada, mut bob) = (EventSender::default(), EventReceiver::default());
        let mut waiting = payloads.iter().enumerate().peekable();
        let mut expected = payloads.iter().enumerate();
        let (mut system_sent, mut system_received) = (FIRST_SYSTEM, FIRST_SYSTEM);
        let mut now = Duration::ZERO;
        loop {
            now += TICK;
            assert!(
                now < Duration::from_secs(300),
                "{} events are missing",
                expected.len()
            );

            while let Some((i, payload)) = waiting.peek() {
                match ada.queue(*i as u32, SPLASH, Bytes::clone(payload)) {
                    Ok(()) => waiting.next(),
                    Err(QueueError::Full { .. }) => break,
                    Err(error) => panic!("{error}"),
                };
            }
            if rng.u8(..8) == 0 && waiting.peek().is_some() {
                let payload = vec![1; rng.usize(..2000)];
                let queued = ada.queue_system(system_sent, SYSTEM, payload.into());
                system_sent += u32::from(queued.is_ok());
            }
            if self
                .replaced_every
                .is_some_and(|ticks| rng.u32(..ticks) == 0)
            {
                forward.lose(|item| matches!(item, Item::Lane(_)));
                if rng.f64() < self.notified {
                    ada.link_replaced();
                }
            }
            let mut credit = rng.usize(..=self.credit);
            while let Some(message) = ada.collect(now, 7, credit) {
                credit -= message.len();
                assert_eq!(message[..2], [0x10, 7]);
                let body = message.slice(2..);
                forward.send_reliable(now, message.len(), Item::Lane(body));
            }
            let mut section = BytesMut::new();
            if ada.repair(now, rtt, &mut section, 1050) {
                forward.send_unreliable(now, section.len(), Item::Repair(section.freeze()));
            }
            while let Some((_, item)) = backward.receive(now) {
                let Item::Ack(next) = item else {
                    panic!("{item:?}")
                };
                ada.acked(next, now).unwrap();
            }

            let mut check = |event: Result<(u32, Bytes), EventError>| {
                let (kind, payload) = event.unwrap();
                if kind >= FIRST_SYSTEM {
                    assert_eq!(kind, system_received);
                    system_received += 1;
                    return;
                }
                let (i, sent) = expected
                    .next()
                    .expect("received more events than were sent");
                assert_eq!((kind as usize, &payload), (i, sent));
            };
            // Occasionally, the receiving peer skips a frame.
            if rng.u8(..10) > 0 {
                while let Some((_, item)) = forward.receive(now) {
                    let (Item::Lane(body) | Item::Repair(body)) = item else {
                        panic!("{item:?}")
                    };
                    bob.receive(body).unwrap();
                    while rng.u8(..4) > 0
                        && let Some(event) = bob.pop()
                    {
                        check(event);
                    }
                }
                while let Some(event) = bob.pop() {
                    check(event);
                }
                if bob.ack_due() {
                    backward.send_unreliable(now, 100, Item::Ack(bob.ack()));
                }
            }
            if ada.queued().count == 0 && waiting.peek().is_none() {
                assert_eq!(expected.len(), 0, "an event was acked but not delivered");
                assert_eq!(system_received, system_sent);
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
    fn events_arrive_exactly_once_and_in_order_on_any_network(
        seed: u64,
        loss in 0.0..0.4,
        replaced_every in prop::option::of(5u32..200),
        notified in 0.0..1.0,
        credit in prop_oneof![1200usize..5000, Just(100_000)],
        payloads in payloads(),
    ) {
        Network { seed, loss, replaced_every, notified, credit }.deliver(&payloads);
    }
}

/// Returns enough events to fill the queue of 512 KiB twice.
fn twice_the_queue() -> Vec<Bytes> {
    (0..600).map(|i| vec![i as u8; 2000].into()).collect()
}

#[test]
fn full_queue_drains_over_a_good_network() {
    let network = Network {
        seed: 1,
        loss: 0.0,
        replaced_every: None,
        notified: 1.0,
        credit: 100_000,
    };
    // 64 KiB in flight, about 110 ms until an ack arrives.
    let time = network.deliver(&twice_the_queue());
    assert!(time < Duration::from_secs(4), "{time:?}");
}

#[test]
fn full_queue_drains_although_links_are_replaced_ten_times_a_second() {
    let network = Network {
        seed: 2,
        loss: 0.2,
        replaced_every: Some(6),
        notified: 1.0,
        credit: 100_000,
    };
    let time = network.deliver(&twice_the_queue());
    assert!(time < Duration::from_secs(60), "{time:?}");
}

#[test]
fn small_events_arrive_quickly_over_a_broken_lane() {
    let network = Network {
        seed: 3,
        loss: 0.0,
        replaced_every: Some(1),
        notified: 0.5,
        credit: 100_000,
    };
    let hello = [Bytes::from_static(b"hello")];
    let time = network.deliver(&hello);
    assert!(time < Duration::from_millis(450), "{time:?}");
}
