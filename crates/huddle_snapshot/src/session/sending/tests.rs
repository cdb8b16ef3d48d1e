mod rate_limits;
mod sizes;
mod spaces;

use std::{collections::VecDeque, time::Instant};

use fastrand::Rng;

use super::*;
use crate::{
    budget::{PACKET_OVERHEAD, SendRate},
    column::Field,
    id::EntityId,
    layout::{ComponentId, Layout, Shape},
    session::{NewEntity, SnapshotEvent},
    world::Value,
};

const A: PeerId = PeerId::from_u128(1);
const B: PeerId = PeerId::from_u128(2);
const C: PeerId = PeerId::from_u128(3);

const TICK: Duration = Duration::from_nanos(16_666_667);

fn layout() -> Layout {
    let place = Field::Vector {
        axes: 2,
        max: [(1 << 20) - 1, 1023, 0],
    };
    let components = [("place", Shape::Fields(vec![place])), ("text", Shape::Blob)];
    Layout::new(components.map(|(name, shape)| (name.to_owned(), shape))).unwrap()
}

fn component(name: &str) -> ComponentId {
    layout().id(name).unwrap()
}

fn options(bytes_per_second: u32) -> BudgetOptions {
    BudgetOptions {
        max_bytes_per_second: bytes_per_second,
        min_bytes_per_second: bytes_per_second,
        ..BudgetOptions::default()
    }
}

/// A sender and a receiver, and the packets between them.
struct Pair {
    a: SnapshotSession,
    b: SnapshotSession,
    tick: u32,
    /// The space for snapshots in a packet, in bytes.
    space: usize,
    /// The time that a packet takes, and the same time for its ack, in ticks.
    delay: u32,
    /// From 0 to 1.
    loss: f64,
    rng: Rng,
    /// The packets on their way, and whether they were received.
    flying: VecDeque<(u32, u64, Vec<u8>)>,
    acks: VecDeque<(u32, u64, bool)>,
    /// The ticks and the lengths of the packets.
    sent: Vec<(u32, usize)>,
}

impl Pair {
    fn new(options: BudgetOptions) -> Self {
        Self::with_layout(layout(), options)
    }

    fn with_layout(layout: Layout, options: BudgetOptions) -> Self {
        let [mut a, mut b] = [A, B].map(|id| SnapshotSession::new(id, layout.clone(), 0));
        a.set_budget_options(options);
        a.link_opened(B);
        b.link_opened(A);
        Self {
            a,
            b,
            tick: 0,
            space: 1000,
            delay: 3,
            loss: 0.0,
            rng: Rng::with_seed(1),
            flying: VecDeque::new(),
            acks: VecDeque::new(),
            sent: Vec::new(),
        }
    }

    fn spawn(&mut self, count: i32) -> Vec<EntityId> {
        let spawn = |x| {
            let values = [(component("place"), Value::Numbers(&[x % 1000, 0]))];
            self.a.spawn(NewEntity::default(), &values).unwrap()
        };
        (0..count).map(spawn).collect()
    }

    fn move_to(&mut self, id: EntityId, x: i32) {
        let value = Value::Numbers(&[x, 7]);
        self.a.set(id, component("place"), value).unwrap();
    }

    fn move_all(&mut self, ids: &[EntityId]) {
        for id in ids {
            let x = self.rng.i32(0..1 << 20);
            self.move_to(*id, x);
        }
    }

    /// Runs a tick. Returns the entities that have new values at the receiver.
    fn tick(&mut self) -> Vec<EntityId> {
        self.tick += 1;
        let (tick, seq) = (self.tick, u64::from(self.tick));
        for session in [&mut self.a, &mut self.b] {
            session.advance(TICK * tick);
        }
        while let Some((_, seq, is_received)) = self.acks.pop_front_if(|(due, ..)| *due <= tick) {
            match is_received {
                true => self.a.delivered(B, seq),
                false => self.a.lost(B, seq),
            }
        }
        while let Some((_, seq, bytes)) = self.flying.pop_front_if(|(due, ..)| *due <= tick) {
            self.b.receive(A, seq, seq as u32, &bytes).unwrap();
        }
        let mut bytes = Vec::new();
        if self.a.write(B, seq, tick, self.space, &mut bytes) {
            assert!(bytes.len() <= self.space);
            self.sent.push((tick, bytes.len()));
            let is_received = self.rng.f64() >= self.loss;
            if is_received {
                self.flying.push_back((tick + self.delay, seq, bytes));
            }
            self.acks
                .push_back((tick + 2 * self.delay, seq, is_received));
        }
        let events = std::iter::from_fn(|| self.b.poll());
        let changed = events.filter_map(|event| match event {
            SnapshotEvent::Spawned { id, .. } | SnapshotEvent::Changed { id, .. } => Some(id),
            _ => None,
        });
        changed.collect()
    }

    fn run(&mut self, ticks: u32) {
        (0..ticks).for_each(|_| drop(self.tick()));
    }

    fn report(&self) -> LinkReport {
        self.a.link_stats(B).unwrap()
    }

    fn bytes_sent(&self) -> usize {
        self.sent.iter().map(|(_, len)| len + PACKET_OVERHEAD).sum()
    }
}

#[test]
fn idle_link_examines_no_entity() {
    let mut pair = Pair::new(BudgetOptions::UNLIMITED);
    let ids = pair.spawn(3000);
    assert_eq!(pair.report().backlog, 3000);
    pair.run(200);
    assert_eq!(pair.b.entities().count(), 3000);
    let report = pair.report();
    assert_eq!((report.backlog, report.staleness), (0, Duration::ZERO));
    pair.sent.clear();
    pair.run(100);
    assert_eq!(pair.sent.len(), 0);
    // Of all entities, the link examines the one that changes.
    pair.move_to(ids[7], 5);
    assert_eq!(pair.report().backlog, 1);
    pair.run(20);
    assert_eq!(pair.sent.len(), 1);
}

#[test]
#[ignore = "measures the time of an idle link"]
fn time_of_an_idle_link() {
    for count in [10, 100, 1000, 10_000] {
        let mut pair = Pair::new(BudgetOptions::UNLIMITED);
        pair.spawn(count);
        pair.run(500);
        let (start, mut out) = (Instant::now(), Vec::new());
        for seq in 1000..11_000 {
            assert!(!pair.a.write(B, seq, seq as u32, 1000, &mut out));
        }
        let nanos = start.elapsed().as_nanos() / 10_000;
        println!("{count} entities: {nanos} ns for each tick of a link");
    }
}

#[test]
fn spawn_on_an_idle_link_leaves_at_once() {
    for rest in 60..72 {
        let mut pair = Pair::new(options(2_500));
        pair.spawn(1);
        pair.run(rest);
        assert!(pair.report().send_rate < SendRate::Hz20);
        pair.sent.clear();
        pair.spawn(1);
        pair.tick();
        assert_eq!(pair.sent.len(), 1, "after {rest} ticks");
    }
}

#[test]
fn busy_link_keeps_its_budget() {
    for bytes_per_second in [2_000, 5_000, 16_000] {
        let mut pair = Pair::new(options(bytes_per_second));
        let ids = pair.spawn(200);
        for _ in 0..600 {
            pair.move_all(&ids);
            pair.tick();
        }
        let sent = pair.bytes_sent() as f64 / 10.0;
        let expected = f64::from(bytes_per_second);
        assert!((sent / expected - 1.0).abs() < 0.08, "{sent} of {expected}");
        let lens = pair.sent.iter().map(|(_, len)| *len);
        assert!(lens.clone().min() >= Some(50), "{:?}", lens.min());
    }
}

#[test]
fn no_entity_starves_under_a_tight_budget() {
    for (bytes_per_second, loss) in [(2_000, 0.0), (4_000, 0.2), (3_000, 0.3)] {
        let mut pair = Pair::new(options(bytes_per_second));
        pair.loss = loss;
        let ids = pair.spawn(200);
        pair.a.set_importance(ids[9], 20.0).unwrap();
        let mut updated = vec![0; ids.len()];
        let (mut longest, mut count) = (0, 0);
        let ticks = 6000;
        for tick in 1..=ticks {
            pair.move_all(&ids);
            for id in pair.tick() {
                let at = ids.iter().position(|it| *it == id).unwrap();
                longest = longest.max(tick - updated[at]);
                updated[at] = tick;
                count += 1;
            }
        }
        longest = longest.max(ticks - updated.iter().min().unwrap());
        // Each turn can be lost, several times in a row.
        let turns = if loss > 0.0 { 14 } else { 5 };
        let turn = ticks * 200 / count;
        assert!(longest < turns * turn, "{longest} of {turn} ticks");
    }
}

/// Returns how often the peer receives values of the first half of the entities, relative to the second
/// half, if all of them change all the time.
fn ratio_of_updates(peer: PeerId, importances: [(PeerId, [f32; 2]); 2]) -> f64 {
    let mut pair = Pair::new(options(3_000));
    let ids = pair.spawn(400);
    for (of, [first, second]) in importances {
        // The receiver takes the place of either peer.
        let of = if of == peer { B } else { C };
        for (at, id) in ids.iter().enumerate() {
            let importance = if at < 200 { first } else { second };
            pair.a.set_importance_for(*id, of, importance).unwrap();
        }
    }
    let mut counts = [0_u32; 2];
    for tick in 0..4000 {
        pair.move_all(&ids);
        for id in pair.tick().into_iter().filter(|_| tick > 300) {
            counts[usize::from(ids[200..].contains(&id))] += 1;
        }
    }
    f64::from(counts[0]) / f64::from(counts[1])
}

#[test]
fn staleness_follows_the_importance_for_each_peer() {
    let importances = [(B, [2.0, 1.0]), (C, [1.0, 4.0])];
    let to_b = ratio_of_updates(B, importances);
    assert!((1.7..2.2).contains(&to_b), "{to_b}");
    let to_c = 1.0 / ratio_of_updates(C, importances);
    assert!((3.4..4.4).contains(&to_c), "{to_c}");
}

#[test]
fn long_record_does_not_wait_for_savings() {
    let mut pair = Pair::new(options(2_000));
    let ids = pair.spawn(100);
    let blob: Vec<u8> = (0..500).map(|_| pair.rng.u8(..)).collect();
    let values = [(component("text"), Value::Blob(&blob))];
    let long = pair.a.spawn(NewEntity::default(), &values).unwrap();
    for _ in 0..600 {
        pair.move_all(&ids);
        pair.tick();
    }
    let expected = Some(Value::Blob(&blob[..]));
    assert_eq!(pair.b.get(long, component("text")), expected);
    let sent = pair.bytes_sent() as f64 / 10.0;
    assert!(sent < 2_200.0, "{sent} bytes per second");
}

#[test]
fn report_shows_what_the_peer_does_not_have() {
    let mut pair = Pair::new(BudgetOptions::default());
    let ids = pair.spawn(10);
    pair.run(30);
    assert_eq!(pair.report().backlog, 0);
    pair.move_all(&ids[..4]);
    assert_eq!(pair.report().backlog, 4);
    // Until the ack arrives, the peer may not have them.
    pair.run(5);
    let report = pair.report();
    assert_eq!(report.backlog, 4);
    assert!(
        (TICK * 4..TICK * 7).contains(&report.staleness),
        "{report:?}"
    );
    pair.run(5);
    assert_eq!(pair.report().backlog, 0);
    assert_eq!(pair.report().staleness, Duration::ZERO);
    // An entity that changes all the time is as old as its last ack.
    for x in 0..60 {
        pair.move_to(ids[0], x);
        pair.tick();
    }
    let report = pair.report();
    assert_eq!(report.backlog, 1);
    assert!(
        (TICK * 4..TICK * 9).contains(&report.staleness),
        "{report:?}"
    );
    // Nothing arrives.
    pair.loss = 1.0;
    pair.move_to(ids[0], 99);
    pair.run(120);
    let report = pair.report();
    assert!(report.staleness > TICK * 115, "{report:?}");
    assert_eq!(pair.a.link_stats(C), None);
}

#[test]
fn rising_round_trip_times_lower_the_send_rate() {
    let mut pair = Pair::new(BudgetOptions::default());
    let before = pair.report();
    assert_eq!(before.bytes_per_second, 16_000.0);
    for n in 0..40 {
        let millis = if n < 8 { 30 } else { 300 };
        let round_trip = Duration::from_millis(millis);
        pair.a
            .observe_round_trip(B, round_trip, Duration::from_millis(100) * n);
    }
    let report = pair.report();
    assert_eq!(report.queueing_delay, Duration::from_millis(270));
    assert!(report.bytes_per_second < 6_000.0, "{report:?}");
    assert!(report.send_rate < before.send_rate);
}

#[test]
fn links_send_in_different_ticks_at_any_tick_rate() {
    for ticks_per_second in [60.0, 30.0, 128.0] {
        let mut a = SnapshotSession::new(A, layout(), 0);
        a.set_tick_rate(ticks_per_second);
        a.set_tick_rate(f64::NAN);
        a.set_budget_options(options(2_500));
        let peers: Vec<_> = (2..8).map(PeerId::from_u128).collect();
        // A link that closes leaves its slot to the next one.
        for round in 0..3 {
            peers.iter().for_each(|peer| a.link_opened(*peer));
            if round < 2 {
                peers.iter().for_each(|peer| a.link_lost(*peer));
            }
        }
        let values = [(component("place"), Value::Numbers(&[1, 1]))];
        let id = a.spawn(NewEntity::default(), &values).unwrap();
        let (mut most, mut sent) = (0, 0);
        let ticks = ticks_per_second as u32 * 10;
        for tick in 0..ticks {
            a.advance(Duration::from_secs_f64(f64::from(tick) / ticks_per_second));
            let value = Value::Numbers(&[(tick % 1000) as i32, 0]);
            a.set(id, component("place"), value).unwrap();
            let mut out = Vec::new();
            let mut write = |peer| a.write(peer, tick.into(), tick, 1000, &mut out);
            let count = peers.iter().filter(|peer| write(**peer)).count();
            if tick > 30 {
                most = most.max(count);
            }
            sent += count;
        }
        let rate = sent as f64 / 60.0;
        assert!(
            (9.5..10.6).contains(&rate),
            "{rate} Hz of {ticks_per_second}"
        );
        assert!(most <= 3, "{most} at {ticks_per_second}");
    }
}

#[test]
fn other_packets_take_their_share_of_the_budget() {
    let mut pair = Pair::new(options(6_000));
    let ids = pair.spawn(200);
    for _ in 0..600 {
        pair.move_all(&ids);
        pair.a.record_packet(B, 0);
        pair.tick();
    }
    // 93 bytes in each tick are almost everything.
    assert!(pair.bytes_sent() < 12_000, "{}", pair.bytes_sent());
}

#[test]
fn late_joiner_receives_5000_entities_within_the_budget() {
    let mut pair = Pair::new(BudgetOptions::default());
    pair.loss = 0.1;
    let ids = pair.spawn(5000);
    pair.move_all(&ids);
    let ticks = (1..1200).find(|_| {
        pair.tick();
        pair.report().backlog == 0
    });
    assert!(ticks.is_some_and(|ticks| ticks < 600), "{ticks:?}");
    assert_eq!(pair.b.entities().count(), 5000);
    let seconds = f64::from(ticks.unwrap_or_default()) / 60.0;
    let sent = pair.bytes_sent() as f64 / seconds;
    assert!(sent < 16_000.0 * 1.05, "{sent} bytes per second");
}
