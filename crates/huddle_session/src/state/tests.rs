//! State sent from one peer to another over simulated networks.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    kind::KindId,
    limits::{MAX_PACKET_LEN, MAX_STATE_LEN},
    packet::{
        Fate, Packets,
        lossy::Lossy,
        part::PartReceiver,
        section::{FIRST_STATE, PART},
    },
    state::OwnStates,
    tick::{Tick, TickRate},
};

const PERIOD: Duration = Duration::from_millis(20);

/// Returns a value of `len` bytes that repeats `number`, which grows with every change.
fn value(number: u32, len: usize) -> Bytes {
    let number = number.to_le_bytes();
    number.into_iter().cycle().take(len.max(4)).collect()
}

fn number_of(value: &Bytes) -> u32 {
    let number = u32::from_le_bytes(value[..4].try_into().unwrap());
    assert_eq!(
        *value,
        self::value(number, value.len()),
        "the value mixes two versions"
    );
    number
}

/// A peer that shares state, and a peer that receives it.
struct StateLink {
    own: OwnStates,
    current: Vec<Bytes>,
    sender: StateSender,
    sender_packets: Packets<StateToken>,
    credit: usize,
    /// Whether a tick may have a second packet.
    sends_two: bool,

    receiver_packets: Packets<StateToken>,
    parts: PartReceiver,
    receiver: StateReceiver,
    received: Vec<Bytes>,
    /// The number of changes of the received value, by kind.
    changes: Vec<u32>,

    forward: Lossy,
    backward: Lossy,
    now: Duration,
    tick: Tick,
    /// The last tick in which either peer sent a packet.
    last_sent: Tick,
}

impl StateLink {
    fn new(kinds: usize, [forward, backward]: [Lossy; 2]) -> Self {
        let rate = TickRate::from_hz(50.0).unwrap();
        let ids = FIRST_STATE..FIRST_STATE + kinds as u32;
        Self {
            own: OwnStates::default(),
            current: vec![Bytes::new(); kinds],
            sender: StateSender::new(kinds),
            sender_packets: Packets::new(7, rate),
            credit: usize::MAX,
            sends_two: true,
            receiver_packets: Packets::new(7, rate),
            parts: PartReceiver::new(ids),
            receiver: StateReceiver::new(kinds),
            received: vec![Bytes::new(); kinds],
            changes: vec![0; kinds],
            forward,
            backward,
            now: Duration::ZERO,
            tick: Tick(0),
            last_sent: Tick(0),
        }
    }

    fn good(kinds: usize) -> Self {
        Self::new(kinds, [Lossy::good(1), Lossy::good(2)])
    }

    fn set(&mut self, index: usize, number: u32, len: usize) {
        let value = value(number, len);
        self.own.set(KindId(index as u32), value.clone()).unwrap();
        self.current[index] = value;
    }

    fn tick(&mut self) {
        self.tick += 1;
        self.now += PERIOD;
        self.send();
        self.receive();
    }

    fn send(&mut self) {
        for (arrived, bytes) in self.backward.arrivals(self.now) {
            let tick = self.tick.into();
            self.sender_packets.receive(bytes, arrived, tick).unwrap();
        }
        for (token, fate) in self.sender_packets.fates(self.now) {
            self.sender.settle(token, fate);
        }
        let Some(mut writer) = self.sender_packets.begin(self.now, self.tick, self.credit) else {
            return;
        };
        let index_of = |kind: KindId| u16::try_from(kind.0).ok();
        self.sender.collect(&self.own, index_of, &mut writer);
        let packet = writer.finish();
        self.transmit(packet);
        if self.sends_two
            && let Some(mut writer) =
                self.sender_packets
                    .begin_extra(self.now, self.tick, self.credit)
        {
            self.sender.collect_parts(&self.own, index_of, &mut writer);
            let packet = writer.finish();
            self.transmit(packet);
        }
    }

    fn transmit(&mut self, packet: Option<Bytes>) {
        if let Some(bytes) = packet {
            assert!(bytes.len() <= self.credit.min(MAX_PACKET_LEN));
            self.forward.send(self.now, bytes);
            self.last_sent = self.tick;
        }
    }

    fn receive(&mut self) {
        for (arrived, bytes) in self.forward.arrivals(self.now) {
            let tick = self.tick.into();
            let Some(arrival) = self.receiver_packets.receive(bytes, arrived, tick).unwrap() else {
                continue;
            };
            for (mut id, mut bytes) in arrival.sections {
                let (mut seq, mut number) = (arrival.seq, None);
                if id == PART {
                    let Some(whole) = self.parts.receive(seq, bytes).unwrap() else {
                        continue;
                    };
                    (id, seq, bytes) = (whole.id, whole.seq, whole.bytes);
                    number = Some(whole.number);
                }
                let index = (id - FIRST_STATE) as usize;
                let origin = Origin { seq, number };
                if let Some(value) = self.receiver.receive(index as u16, origin, bytes) {
                    self.record(index, value);
                }
            }
        }
        self.receiver_packets.fates(self.now);
        if let Some(writer) = self.receiver_packets.begin(self.now, self.tick, usize::MAX)
            && let Some(bytes) = writer.finish()
        {
            self.backward.send(self.now, bytes);
            self.last_sent = self.tick;
        }
    }

    fn record(&mut self, index: usize, value: Bytes) {
        let number = number_of(&value);
        let received = &mut self.received[index];
        assert!(
            received.is_empty() || number_of(received) < number,
            "kind {index} received an older value"
        );
        *received = value;
        self.changes[index] += 1;
    }

    /// Runs until no packet has been sent for 200 ticks. Returns the number of ticks until the last
    /// packet, or `None` if the peers never fall silent.
    fn until_silent(&mut self) -> Option<u32> {
        let start = self.tick;
        for _ in 0..6000 {
            self.tick();
            if self.tick.since(self.last_sent) > 200 {
                return Some(self.last_sent.since(start).max(0) as u32);
            }
        }
        None
    }
}

fn any_len() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 4usize..100, 2 => 100usize..1100, 1 => 1100usize..=MAX_STATE_LEN]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn state_never_goes_back_and_converges_on_any_network(
        seed: u64,
        changes in prop::collection::vec(
            (0usize..12, prop::collection::vec((0usize..6, any_len()), 0..4)),
            1..60,
        ),
    ) {
        let mut link = StateLink::new(6, [Lossy::bad(seed), Lossy::bad(seed ^ 1)]);
        link.sends_two = seed % 4 != 0;
        let mut number = 0;
        for (ticks, values) in changes {
            for (index, len) in values {
                number += 1;
                link.set(index, number, len);
            }
            for _ in 0..ticks {
                link.tick();
            }
        }
        prop_assert!(link.until_silent().is_some());
        prop_assert_eq!(link.received, link.current);
    }
}

#[test]
fn acked_value_is_sent_once() {
    let mut link = StateLink::good(2);
    link.set(0, 1, 10);
    link.set(1, 2, 3000);
    link.until_silent().unwrap();
    assert_eq!(link.received, link.current);
    // Ten bytes and twelve blocks, in as few packets as possible.
    let stats = link.sender_packets.stats();
    assert_eq!(stats.packets_sent, 3);
    assert!(stats.bytes_sent < 3010 + 60, "{stats:?}");
    // Setting the same value again sends nothing.
    link.set(0, 1, 10);
    assert_eq!(link.until_silent(), Some(0));
}

#[test]
fn new_peer_receives_all_values() {
    let mut link = StateLink::good(3);
    for index in 0..3 {
        link.set(index, 1, 100);
    }
    link.tick();
    link.tick();
    assert_eq!(link.received, link.current);
}

#[test]
fn current_value_arrives_every_tick() {
    let mut link = StateLink::good(1);
    link.forward.delay = Duration::ZERO;
    for number in 1..200 {
        link.set(0, number, 20);
        link.tick();
        assert_eq!(link.received, link.current);
    }
}

#[test]
fn lost_value_is_replaced_by_the_current_one() {
    let mut link = StateLink::good(1);
    link.set(0, 1, 20);
    link.tick();
    link.until_silent().unwrap();
    link.forward.loss = 1.0;
    link.set(0, 2, 20);
    link.tick();
    link.forward.loss = 0.0;
    let waited = link.until_silent().unwrap();
    assert_eq!(link.received, link.current);
    // The round-trip time, its variation, and the time until an ack is sent.
    assert!(waited <= 12, "{waited} ticks");
}

#[test]
fn values_that_do_not_fit_together_take_turns() {
    let mut link = StateLink::good(4);
    link.credit = 100;
    for number in 1..=401 {
        for index in 0..4 {
            link.set(index, number, 40);
        }
        link.tick();
    }
    for changes in link.changes {
        assert!((195..=201).contains(&changes), "{changes}");
    }
}

#[test]
fn large_value_that_changes_every_tick_arrives() {
    for loss in [0.0, 0.1, 0.3] {
        let mut link = StateLink::good(1);
        link.forward.loss = loss;
        for number in 1..1000 {
            link.set(0, number, 5000);
            link.tick();
        }
        let changes = link.changes[0];
        assert!(changes >= 30, "{changes} in 20 s with a loss of {loss}");
    }
}

/// Returns how many values per second (50 ticks) arrive of a kind that changes every tick.
fn values_per_second(len: usize, round_trip: Duration, loss: f64) -> f64 {
    let mut link = StateLink::good(1);
    for network in [&mut link.forward, &mut link.backward] {
        network.delay = round_trip / 2;
        network.loss = loss;
    }
    for number in 1..=1000 {
        link.set(0, number, len);
        link.tick();
    }
    let values = f64::from(link.changes[0]) / 20.0;
    assert!(link.until_silent().is_some());
    assert_eq!(link.received, link.current);
    values
}

#[test]
fn large_values_do_not_wait_for_earlier_acks() {
    let ms = Duration::from_millis;
    for (len, round_trip, least) in [
        (1080, ms(80), 49.0),
        (1100, ms(80), 49.0),
        (2000, ms(80), 49.0),
        (3000, ms(80), 30.0),
        (5000, ms(80), 18.0),
        (8000, ms(80), 9.0),
        (MAX_STATE_LEN, ms(80), 3.0),
        (1100, ms(200), 40.0),
        (5000, ms(200), 10.0),
    ] {
        let values = values_per_second(len, round_trip, 0.0);
        assert!(
            values >= least,
            "{len} bytes, {round_trip:?}: {values} a second"
        );
    }
}

#[test]
fn large_values_arrive_despite_heavy_loss() {
    let ms = Duration::from_millis;
    for (len, loss, least) in [
        (1100, 0.05, 40.0),
        (1100, 0.3, 15.0),
        (5000, 0.05, 9.0),
        (5000, 0.3, 4.0),
        (MAX_STATE_LEN, 0.05, 2.0),
        (MAX_STATE_LEN, 0.3, 1.0),
    ] {
        let values = values_per_second(len, ms(80), loss);
        assert!(
            values >= least,
            "{len} bytes, {loss} lost: {values} a second"
        );
    }
}

#[test]
fn large_values_in_flight_are_bounded() {
    let mut link = StateLink::good(1);
    link.forward.loss = 1.0;
    link.set(0, 1, 5000);
    for number in 2..40 {
        let before = link.sender_packets.stats().packets_sent;
        link.tick();
        assert!(link.sender_packets.stats().packets_sent - before <= 2);
        link.set(0, number, 5000);
    }
    // Three values of 5000 bytes in five packets each, plus retransmissions.
    link.forward.loss = 0.0;
    link.until_silent().unwrap();
    assert_eq!(link.received, link.current);
    assert!(link.changes[0] <= 4, "{:?}", link.changes);
}

#[test]
fn large_value_is_sent_beside_many_small_ones() {
    let mut link = StateLink::good(60);
    for number in 1..500 {
        for index in 1..60 {
            link.set(index, number, 30);
        }
        link.set(0, number, 8000);
        link.tick();
    }
    let changes = &link.changes;
    assert!(changes[0] >= 5, "{changes:?}");
    assert!(
        changes[1..].iter().all(|&changes| changes >= 100),
        "{changes:?}"
    );
}

#[test]
fn small_value_replaces_a_large_one_in_flight() {
    let mut link = StateLink::good(1);
    link.set(0, 1, MAX_STATE_LEN);
    link.tick();
    link.tick();
    link.set(0, 2, 8);
    link.tick();
    link.tick();
    assert_eq!(link.received, link.current);
    link.until_silent().unwrap();
    assert_eq!(link.changes, [1]);
}

#[test]
fn value_waits_for_credit() {
    let mut link = StateLink::good(1);
    link.set(0, 1, 50);
    for credit in [0, 5, 40] {
        link.credit = credit;
        link.tick();
    }
    assert_eq!(link.sender_packets.stats().packets_sent, 0);
    link.credit = 1000;
    link.until_silent().unwrap();
    assert_eq!(link.received, link.current);
}

#[test]
fn cleared_value_is_not_sent() {
    let mut link = StateLink::good(1);
    link.set(0, 1, 50);
    link.own.clear();
    assert_eq!(link.until_silent(), Some(0));
    assert_eq!(link.changes, [0]);
    link.set(0, 2, 50);
    link.until_silent().unwrap();
    assert_eq!(link.received, link.current);
}

#[test]
fn only_the_newest_value_arrives_after_an_outage() {
    let mut link = StateLink::good(1);
    link.forward.loss = 1.0;
    for number in 1..500 {
        link.set(0, number, 50);
        link.tick();
    }
    link.forward.loss = 0.0;
    let waited = link.until_silent().unwrap();
    assert_eq!(link.received, link.current);
    assert_eq!(link.changes, [1]);
    assert!(waited < 60, "{waited} ticks");
}

#[test]
fn value_that_fits_one_packet_is_not_split() {
    let mut link = StateLink::good(2);
    for number in 1..=201 {
        link.set(0, number, 700);
        link.set(1, number, 700);
        link.tick();
    }
    for changes in link.changes {
        assert!(changes >= 98, "{changes}");
    }
}

#[test]
fn loss_of_an_old_value_does_not_resend_the_new_one() {
    let mut link = StateLink::good(1);
    for number in 1..=2 {
        link.set(0, number, 10);
        link.tick();
    }
    let (index, version) = (0, 1);
    let first = StateToken::Whole { index, version };
    link.sender.settle(first, Fate::Lost);
    link.until_silent().unwrap();
    assert_eq!(link.sender_packets.stats().packets_sent, 2);
}

#[test]
fn ack_of_an_old_value_does_not_stop_the_new_one() {
    let mut link = StateLink::good(1);
    link.set(0, 1, 10);
    link.tick();
    link.set(0, 2, 5000);
    link.until_silent().unwrap();
    assert_eq!(link.received, link.current);
    // The first value, and twenty blocks, four per packet.
    assert_eq!(link.sender_packets.stats().packets_sent, 1 + 5);
}
