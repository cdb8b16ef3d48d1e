//! Transfers over a simulated network that queues and loses packets and replaces links, beside a
//! game's state.

use core::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{TransferEvent, TransferFailure, TransferId, TransferLimits, Transfers};
use crate::events::pipe::Pipe;

const TICK: Duration = Duration::from_micros(16_667);
const MS: Duration = Duration::from_millis(1);

/// The overhead of a message: SCTP, DTLS, UDP and IP.
const OVERHEAD: usize = 93;

/// The length of the game's state in each tick packet.
const STATE_LEN: usize = 200;

#[derive(Debug, Clone)]
enum Item {
    Bulk(Bytes),
    Tick {
        sent: Duration,
        section: Option<Bytes>,
        /// The time at which the acked packet was sent, and for how long it was held.
        echo: Option<(Duration, Duration)>,
    },
}

struct Side {
    transfers: Transfers,
    /// The network path to the other peer.
    pipe: Pipe<Item>,
    /// The times at which the newest packet was sent and arrived.
    newest: Option<(Duration, Duration)>,
    next_echo: Duration,
    /// The interval at which round-trip times are measured.
    echo_every: Duration,
    /// The end of the last frame. Until then, nothing that arrives is handled, as in a page.
    busy_until: Duration,
    /// The queueing delays of received tick packets.
    delays: Vec<Duration>,
    events: Vec<TransferEvent>,
}

impl Side {
    fn new(seed: u64, delay: Duration) -> Self {
        Self {
            transfers: Transfers::new(TransferLimits::default()),
            pipe: Pipe::new(seed, delay),
            newest: None,
            next_echo: Duration::ZERO,
            echo_every: 2 * TICK,
            busy_until: Duration::ZERO,
            delays: Vec::new(),
            events: Vec::new(),
        }
    }

    fn send(&mut self, now: Duration) {
        let mut out = BytesMut::new();
        let is_due = self.transfers.ack_section(now, &mut out, 100);
        let section = is_due.then(|| out.freeze());
        let mut echo = None;
        if now >= self.next_echo
            && let Some((sent, arrived)) = self.newest.take()
        {
            self.next_echo = now + self.echo_every;
            echo = Some((sent, now - arrived));
        }
        let len = OVERHEAD + STATE_LEN + section.as_ref().map_or(0, Bytes::len);
        let tick = Item::Tick {
            sent: now,
            section,
            echo,
        };
        self.pipe.send_unreliable(now, len, tick);
        while let Some(message) = self.transfers.collect(now, 7, 64 * 1024) {
            assert!(message.len() <= 1100);
            let len = OVERHEAD + message.len();
            self.pipe.send_reliable(now, len, Item::Bulk(message));
        }
    }

    fn receive(&mut self, now: Duration, from: &mut Pipe<Item>) {
        while let Some((arrived, item)) = from.receive(now) {
            let arrived = arrived.max(self.busy_until);
            match item {
                Item::Bulk(bytes) => self.transfers.receive(bytes, now).unwrap(),
                Item::Tick {
                    sent,
                    section,
                    echo,
                } => {
                    self.delays.push(arrived - sent - from.delay);
                    self.newest = Some((sent, arrived));
                    if let Some((sent, hold)) = echo {
                        self.transfers.on_rtt(arrived - sent - hold, now);
                    }
                    if let Some(section) = section {
                        self.transfers.on_ack_section(section, now).unwrap();
                    }
                }
            }
        }
        self.events
            .extend(std::iter::from_fn(|| self.transfers.poll()));
    }

    /// Returns the final events of the transfers.
    fn ends(&self) -> impl Iterator<Item = &TransferEvent> {
        self.events.iter().filter(|event| {
            !matches!(
                event,
                TransferEvent::Started { .. } | TransferEvent::Progress { .. }
            )
        })
    }
}

/// Two peers. The ticks of the second fall between those of the first.
struct Pair {
    ada: Side,
    bob: Side,
    now: Duration,
}

impl Pair {
    /// Creates a pair. `rate` limits the path from the first peer to the second, in bytes per
    /// second.
    fn new(seed: u64, rate: f64, delay: Duration) -> Self {
        let mut ada = Side::new(seed, delay);
        ada.pipe.rate = Some(rate);
        Self {
            ada,
            bob: Side::new(!seed, delay),
            now: Duration::ZERO,
        }
    }

    fn tick(&mut self) {
        self.now += TICK;
        self.ada.receive(self.now, &mut self.bob.pipe);
        self.ada.send(self.now);
        let later = self.now + 9 * MS;
        self.bob.receive(later, &mut self.ada.pipe);
        self.bob.send(later);
    }

    /// One frame of the first peer that takes `ticks` ticks of the other one, and blocks all but
    /// the last of them.
    fn slow_frame(&mut self, ticks: u32) {
        let frame = self.now + TICK;
        self.ada.receive(frame, &mut self.bob.pipe);
        self.ada.send(frame);
        self.ada.busy_until = frame + TICK * (ticks - 1);
        for _ in 0..ticks {
            self.now += TICK;
            let later = self.now + 9 * MS;
            self.bob.receive(later, &mut self.ada.pipe);
            self.bob.send(later);
        }
    }

    /// Runs without transfers for two seconds, then delivers one. Returns how long it took.
    fn deliver(&mut self, len: usize) -> Duration {
        self.deliver_by(len, Self::tick)
    }

    /// Does the same, with other ticks during the transfer.
    fn deliver_by(&mut self, len: usize, tick: impl Fn(&mut Self)) -> Duration {
        for _ in 0..120 {
            self.tick();
        }
        self.bob.delays.clear();
        let bytes = noise(len, 1);
        self.ada.transfers.offer("map", bytes.clone()).unwrap();
        let start = self.now;
        while self.ada.ends().next().is_none() {
            tick(self);
            assert!(
                self.now < Duration::from_secs(120),
                "{:?}",
                self.ada.events.last()
            );
        }
        let ends: Vec<_> = self.bob.ends().collect();
        let id = TransferId::incoming(0);
        let label = "map".to_owned();
        assert_eq!(ends, [&TransferEvent::Received { id, label, bytes }]);
        self.now - start
    }
}

fn noise(len: usize, seed: u64) -> Bytes {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes.into()
}

fn quantile(delays: &mut [Duration], of: f64) -> Duration {
    delays.sort();
    delays[(delays.len() as f64 * of) as usize]
}

#[test]
fn sixteen_megabytes_take_seconds_on_a_local_link() {
    let mut pair = Pair::new(1, 125e6, MS / 2);
    let time = pair.deliver(16 * 1024 * 1024);
    assert!(time < Duration::from_secs(4), "{time:?}");
}

#[test]
fn frame_delays_do_not_count_as_congestion() {
    let mut pair = Pair::new(1, 125e6, MS / 2);
    for side in [&mut pair.ada, &mut pair.bob] {
        side.pipe.jitter = 10 * MS;
    }
    let time = pair.deliver(16 * 1024 * 1024);
    assert!(time < Duration::from_secs(7), "{time:?}");
}

/// The ack of a packet waits until the sender has drawn its frame.
#[test]
fn slow_frames_of_the_sender_do_not_count_as_congestion() {
    for (ticks, limit) in [(2, 3), (6, 6), (12, 12)] {
        let mut pair = Pair::new(1, 12.5e6, 2 * MS);
        let time = pair.deliver_by(1024 * 1024, |pair| pair.slow_frame(ticks));
        assert!(time < Duration::from_secs(limit), "{ticks}: {time:?}");
    }
}

#[test]
fn transfer_barely_delays_tick_packets_on_a_slow_link() {
    for (delay, echo_every, limit) in [
        (5 * MS, 2 * TICK, 40 * MS),
        (25 * MS, 2 * TICK, 40 * MS),
        (80 * MS, 2 * TICK, 40 * MS),
        // Slow start overshoots if round-trip times are measured rarely.
        (25 * MS, 6 * TICK, 90 * MS),
    ] {
        let mut pair = Pair::new(1, 250e3, delay);
        pair.ada.echo_every = echo_every;
        pair.bob.echo_every = echo_every;
        let time = pair.deliver(2_000_000);
        let delays = &mut pair.bob.delays;
        let (median, most) = (quantile(delays, 0.5), quantile(delays, 0.95));
        assert!(median < 20 * MS, "{median:?} with {delay:?}");
        assert!(most < limit, "{most:?} with {delay:?}");
        // State takes 18 kB/s of the 250 kB/s, and the overhead 9%.
        assert!(time < Duration::from_secs(12), "{time:?} with {delay:?}");
    }
}

#[test]
fn transfer_continues_despite_lost_tick_packets() {
    let mut pair = Pair::new(1, 1e6, 20 * MS);
    for side in [&mut pair.ada, &mut pair.bob] {
        (side.pipe.loss, side.pipe.jitter) = (0.1, 4 * MS);
    }
    let time = pair.deliver(2_000_000);
    assert!(time < Duration::from_secs(4), "{time:?}");
}

#[test]
fn progress_is_reported_regularly_and_at_the_end() {
    let mut pair = Pair::new(1, 250e3, 25 * MS);
    let time = pair.deliver(500_000);
    for side in [&pair.ada, &pair.bob] {
        let done: Vec<_> = side
            .events
            .iter()
            .filter_map(|event| match event {
                TransferEvent::Progress { done, total, .. } => Some((*done, *total)),
                _ => None,
            })
            .collect();
        assert!(done.len() as f64 <= 2.0 + time.as_secs_f64() * 20.0);
        assert!(done.len() > 10 && done.is_sorted());
        assert_eq!(done.last(), Some(&(500_000, 500_000)));
    }
}

#[test]
fn corrupt_byte_fails_the_transfer_at_both_peers() {
    let mut pair = Pair::new(1, 1e6, 5 * MS);
    pair.ada.transfers.offer("map", noise(9_000, 1)).unwrap();
    let mut is_changed = false;
    while pair.ada.ends().next().is_none() {
        pair.tick();
        pair.ada.pipe.change(|item| {
            if let Item::Bulk(bytes) = item
                && bytes.len() > 1000
                && !is_changed
            {
                let mut changed = bytes.to_vec();
                changed[500] ^= 0x20;
                *bytes = changed.into();
                is_changed = true;
            }
        });
    }
    let corrupt = |id| TransferEvent::Failed {
        id,
        reason: TransferFailure::Corrupt,
    };
    let ends: Vec<_> = pair.ada.ends().chain(pair.bob.ends()).collect();
    assert_eq!(
        ends,
        [
            &corrupt(TransferId::outgoing(0)),
            &corrupt(TransferId::incoming(0))
        ]
    );
}

#[test]
fn both_peers_can_cancel() {
    for by_sender in [true, false] {
        let mut pair = Pair::new(1, 250e3, 25 * MS);
        let outgoing = pair.ada.transfers.offer("map", noise(500_000, 1)).unwrap();
        let incoming = TransferId::incoming(outgoing.number);
        for _ in 0..30 {
            pair.tick();
        }
        assert!(if by_sender {
            pair.ada.transfers.cancel(outgoing)
        } else {
            pair.bob.transfers.cancel(incoming)
        });
        for _ in 0..60 {
            pair.tick();
        }
        let failed = |id, is_own| TransferEvent::Failed {
            id,
            reason: if is_own {
                TransferFailure::Cancelled
            } else {
                TransferFailure::CancelledByPeer
            },
        };
        let ends: Vec<_> = pair.ada.ends().chain(pair.bob.ends()).collect();
        assert_eq!(
            ends,
            [&failed(outgoing, by_sender), &failed(incoming, !by_sender)]
        );
        assert_eq!(pair.ada.transfers.collect(pair.now + MS, 7, 9999), None);
    }
}

#[test]
fn give_up_fails_unfinished_transfers() {
    let mut pair = Pair::new(1, 250e3, 25 * MS);
    let outgoing = pair.ada.transfers.offer("map", noise(500_000, 1)).unwrap();
    let incoming = pair.bob.transfers.offer("map", noise(500_000, 1)).unwrap();
    for _ in 0..30 {
        pair.tick();
    }
    let incoming = TransferId::incoming(incoming.number);
    let failed = |id| TransferEvent::Failed {
        id,
        reason: TransferFailure::Disconnected,
    };
    assert_eq!(
        pair.ada.transfers.give_up(),
        [failed(outgoing), failed(incoming)]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn transfers_arrive_complete_and_once_on_any_network(
        seed: u64,
        loss in 0.0..0.4,
        replaced_every in prop::option::of(10u32..200),
        notified in 0.0..1.0,
        lens in prop::collection::vec(prop_oneof![0usize..2000, 0usize..100_000], 1..8),
        cancelled in prop::option::of((0u64..8, 0u32..100, any::<bool>())),
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut pair = Pair::new(seed, 1e6, 20 * MS);
        for side in [&mut pair.ada, &mut pair.bob] {
            (side.pipe.loss, side.pipe.jitter) = (loss, TICK);
        }
        for (i, len) in lens.iter().enumerate() {
            pair.ada.transfers.offer(&i.to_string(), noise(*len, i as u64)).unwrap();
        }
        for tick in 0.. {
            let started = |event: &&TransferEvent| matches!(event, TransferEvent::Started { .. });
            if pair.ada.ends().count() == lens.len()
                && pair.bob.ends().count() == pair.bob.events.iter().filter(started).count()
            {
                break;
            }
            prop_assert!(tick < 60 * 120, "{:?}", pair.ada.events);
            if let Some((number, at, by_sender)) = cancelled && tick == at {
                if by_sender {
                    pair.ada.transfers.cancel(TransferId::outgoing(number));
                } else {
                    pair.bob.transfers.cancel(TransferId::incoming(number));
                }
            }
            if replaced_every.is_some_and(|ticks| rng.u32(..ticks) == 0) {
                pair.ada.pipe.lose(|item| matches!(item, Item::Bulk(_)));
                if rng.f64() < notified {
                    pair.ada.transfers.link_replaced();
                }
            }
            pair.tick();
        }
        let was_cancelled = |id: &TransferId| cancelled.is_some_and(|(number, ..)| number == id.number);
        for event in pair.ada.ends() {
            match event {
                TransferEvent::Delivered { .. } => {}
                TransferEvent::Failed { id, .. } => prop_assert!(was_cancelled(id)),
                other => prop_assert!(false, "{other:?}"),
            }
        }
        let (delivered, received) = (
            pair.ada.ends().filter(|event| matches!(event, TransferEvent::Delivered { .. })),
            pair.bob.ends().filter(|event| matches!(event, TransferEvent::Received { .. })),
        );
        prop_assert!(delivered.count() <= received.count());
        for event in pair.bob.ends() {
            match event {
                TransferEvent::Received { id, label, bytes } => {
                    prop_assert_eq!(label, &id.number.to_string());
                    prop_assert_eq!(bytes, &noise(lens[id.number as usize], id.number));
                }
                TransferEvent::Failed { id, .. } => prop_assert!(was_cancelled(id)),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn hostile_bytes_never_panic_and_events_are_bounded(
        packets in prop::collection::vec(
            (0u8..4, 0u8..3, prop::collection::vec(prop_oneof![0u8..9, any::<u8>()], 0..40)),
            0..600,
        ),
    ) {
        let mut bob = Transfers::new(TransferLimits::default());
        bob.offer("map", noise(3000, 1)).unwrap();
        for (i, (kind, tag, rest)) in packets.into_iter().enumerate() {
            let now = MS * i as u32;
            if kind == 3 {
                let _ = bob.on_ack_section(rest.into(), now);
            } else {
                let _ = bob.receive([&[0x30 + kind, tag], rest.as_slice()].concat().into(), now);
            }
            let mut out = BytesMut::new();
            bob.ack_section(now, &mut out, 30);
            prop_assert!(out.len() <= 30);
            while bob.collect(now, 7, 5000).is_some() {}
        }
        prop_assert!(std::iter::from_fn(|| bob.poll()).count() <= 260);
    }
}
