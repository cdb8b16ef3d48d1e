//! State from one peer to another, over networks of all sorts.

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

/// What a value is made of: a number that grows, and as many more bytes as it takes.
fn value(number: u32, len: usize) -> Bytes {
    let number = number.to_le_bytes();
    number.into_iter().cycle().take(len.max(4)).collect()
}

fn number_of(value: &Bytes) -> u32 {
    let number = u32::from_le_bytes(value[..4].try_into().unwrap());
    assert_eq!(*value, self::value(number, value.len()), "pieced together");
    number
}

/// One who shares and one who looks on.
struct Sharing {
    own: OwnStates,
    current: Vec<Bytes>,
    sender: StateSender,
    sharer: Packets<StateToken>,
    credit: usize,
    /// Whether a tick may have a second packet.
    sends_two: bool,

    watcher: Packets<StateToken>,
    parts: PartReceiver,
    receiver: StateReceiver,
    seen: Vec<Bytes>,
    /// How often each kind was seen to change.
    changes: Vec<u32>,

    there: Lossy,
    back: Lossy,
    now: Duration,
    tick: Tick,
    /// The last tick in which anything was sent, either way.
    last_talk: Tick,
}

impl Sharing {
    fn new(kinds: usize, [there, back]: [Lossy; 2]) -> Self {
        let rate = TickRate::from_hz(50.0).unwrap();
        let ids = FIRST_STATE..FIRST_STATE + kinds as u32;
        Self {
            own: OwnStates::default(),
            current: vec![Bytes::new(); kinds],
            sender: StateSender::new(kinds),
            sharer: Packets::new(7, rate),
            credit: usize::MAX,
            sends_two: true,
            watcher: Packets::new(7, rate),
            parts: PartReceiver::new(ids),
            receiver: StateReceiver::new(kinds),
            seen: vec![Bytes::new(); kinds],
            changes: vec![0; kinds],
            there,
            back,
            now: Duration::ZERO,
            tick: Tick(0),
            last_talk: Tick(0),
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
        self.look();
    }

    fn send(&mut self) {
        for (arrived, bytes) in self.back.arrivals(self.now) {
            let tick = self.tick.into();
            self.sharer.receive(bytes, arrived, tick).unwrap();
        }
        for (token, fate) in self.sharer.fates(self.now) {
            self.sender.settle(token, fate);
        }
        let Some(mut writer) = self.sharer.begin(self.now, self.tick, self.credit) else {
            return;
        };
        let index_of = |kind: KindId| u16::try_from(kind.0).ok();
        self.sender.collect(&self.own, index_of, &mut writer);
        let packet = writer.finish();
        self.post(packet);
        if self.sends_two
            && let Some(mut writer) = self.sharer.begin_another(self.now, self.tick, self.credit)
        {
            self.sender.collect_parts(&self.own, index_of, &mut writer);
            let packet = writer.finish();
            self.post(packet);
        }
    }

    fn post(&mut self, packet: Option<Bytes>) {
        if let Some(bytes) = packet {
            assert!(bytes.len() <= self.credit.min(MAX_PACKET_LEN));
            self.there.send(self.now, bytes);
            self.last_talk = self.tick;
        }
    }

    fn look(&mut self) {
        for (arrived, bytes) in self.there.arrivals(self.now) {
            let tick = self.tick.into();
            let Some(arrival) = self.watcher.receive(bytes, arrived, tick).unwrap() else {
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
                    self.see(index, value);
                }
            }
        }
        self.watcher.fates(self.now);
        if let Some(writer) = self.watcher.begin(self.now, self.tick, usize::MAX)
            && let Some(bytes) = writer.finish()
        {
            self.back.send(self.now, bytes);
            self.last_talk = self.tick;
        }
    }

    fn see(&mut self, index: usize, value: Bytes) {
        let number = number_of(&value);
        let seen = &mut self.seen[index];
        assert!(
            seen.is_empty() || number_of(seen) < number,
            "kind {index} went back"
        );
        *seen = value;
        self.changes[index] += 1;
    }

    /// Goes on until nothing has been sent for two seconds, and says for how many ticks it was.
    fn until_silent(&mut self) -> Option<u32> {
        let start = self.tick;
        for _ in 0..6000 {
            self.tick();
            if self.tick.since(self.last_talk) > 200 {
                return Some(self.last_talk.since(start).max(0) as u32);
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
    fn on_any_network_state_never_goes_back_and_arrives_in_the_end(
        seed: u64,
        changes in prop::collection::vec(
            (0usize..12, prop::collection::vec((0usize..6, any_len()), 0..4)),
            1..60,
        ),
    ) {
        let mut sharing = Sharing::new(6, [Lossy::bad(seed), Lossy::bad(seed ^ 1)]);
        sharing.sends_two = seed % 4 != 0;
        let mut number = 0;
        for (ticks, values) in changes {
            for (index, len) in values {
                number += 1;
                sharing.set(index, number, len);
            }
            for _ in 0..ticks {
                sharing.tick();
            }
        }
        prop_assert!(sharing.until_silent().is_some());
        prop_assert_eq!(sharing.seen, sharing.current);
    }
}

#[test]
fn a_value_is_sent_once_if_its_ack_comes() {
    let mut sharing = Sharing::good(2);
    sharing.set(0, 1, 10);
    sharing.set(1, 2, 3000);
    sharing.until_silent().unwrap();
    assert_eq!(sharing.seen, sharing.current);
    // Ten bytes and twelve blocks, in as many packets as they need.
    let stats = sharing.sharer.stats();
    assert_eq!(stats.packets_sent, 3);
    assert!(stats.bytes_sent < 3010 + 60, "{stats:?}");
    // Setting what is set is nothing to tell.
    sharing.set(0, 1, 10);
    assert_eq!(sharing.until_silent(), Some(0));
}

#[test]
fn a_new_peer_gets_all_values_at_once() {
    let mut sharing = Sharing::good(3);
    for index in 0..3 {
        sharing.set(index, 1, 100);
    }
    sharing.tick();
    sharing.tick();
    assert_eq!(sharing.seen, sharing.current);
}

#[test]
fn what_changes_every_tick_arrives_every_tick_and_only_as_it_is_now() {
    let mut sharing = Sharing::good(1);
    sharing.there.delay = Duration::ZERO;
    for number in 1..200 {
        sharing.set(0, number, 20);
        sharing.tick();
        assert_eq!(sharing.seen, sharing.current);
    }
}

#[test]
fn a_lost_value_is_sent_again_as_it_is_by_then() {
    let mut sharing = Sharing::good(1);
    sharing.set(0, 1, 20);
    sharing.tick();
    sharing.until_silent().unwrap();
    sharing.there.loss = 1.0;
    sharing.set(0, 2, 20);
    sharing.tick();
    sharing.there.loss = 0.0;
    let waited = sharing.until_silent().unwrap();
    assert_eq!(sharing.seen, sharing.current);
    // The round trip, its variation, and the time acks take.
    assert!(waited <= 12, "{waited} ticks");
}

#[test]
fn values_that_do_not_fit_together_take_turns() {
    let mut sharing = Sharing::good(4);
    sharing.credit = 100;
    for number in 1..=401 {
        for index in 0..4 {
            sharing.set(index, number, 40);
        }
        sharing.tick();
    }
    for changes in sharing.changes {
        assert!((195..=201).contains(&changes), "{changes}");
    }
}

#[test]
fn a_large_value_that_changes_every_tick_still_arrives() {
    for loss in [0.0, 0.1, 0.3] {
        let mut sharing = Sharing::good(1);
        sharing.there.loss = loss;
        for number in 1..1000 {
            sharing.set(0, number, 5000);
            sharing.tick();
        }
        let changes = sharing.changes[0];
        assert!(changes >= 30, "{changes} in 20 s with a loss of {loss}");
    }
}

/// How many values of a kind that changes in every tick arrive in a second of 50 ticks.
fn values_per_second(len: usize, round_trip: Duration, loss: f64) -> f64 {
    let mut sharing = Sharing::good(1);
    for way in [&mut sharing.there, &mut sharing.back] {
        way.delay = round_trip / 2;
        way.loss = loss;
    }
    for number in 1..=1000 {
        sharing.set(0, number, len);
        sharing.tick();
    }
    let values = f64::from(sharing.changes[0]) / 20.0;
    assert!(sharing.until_silent().is_some());
    assert_eq!(sharing.seen, sharing.current);
    values
}

#[test]
fn the_next_large_value_does_not_wait_for_the_ack_of_the_last() {
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
fn large_values_go_on_arriving_where_much_is_lost() {
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
fn large_values_under_way_and_their_packets_are_bounded() {
    let mut sharing = Sharing::good(1);
    sharing.there.loss = 1.0;
    sharing.set(0, 1, 5000);
    for number in 2..40 {
        let before = sharing.sharer.stats().packets_sent;
        sharing.tick();
        assert!(sharing.sharer.stats().packets_sent - before <= 2);
        sharing.set(0, number, 5000);
    }
    // Three of 5000 bytes, in five packets each, and what counts as lost goes again.
    sharing.there.loss = 0.0;
    sharing.until_silent().unwrap();
    assert_eq!(sharing.seen, sharing.current);
    assert!(sharing.changes[0] <= 4, "{:?}", sharing.changes);
}

#[test]
fn a_large_value_among_many_small_ones_gets_its_turn() {
    let mut sharing = Sharing::good(60);
    for number in 1..500 {
        for index in 1..60 {
            sharing.set(index, number, 30);
        }
        sharing.set(0, number, 8000);
        sharing.tick();
    }
    let changes = &sharing.changes;
    assert!(changes[0] >= 5, "{changes:?}");
    assert!(
        changes[1..].iter().all(|&changes| changes >= 100),
        "{changes:?}"
    );
}

#[test]
fn a_small_value_overtakes_a_large_one_under_way() {
    let mut sharing = Sharing::good(1);
    sharing.set(0, 1, MAX_STATE_LEN);
    sharing.tick();
    sharing.tick();
    sharing.set(0, 2, 8);
    sharing.tick();
    sharing.tick();
    assert_eq!(sharing.seen, sharing.current);
    sharing.until_silent().unwrap();
    assert_eq!(sharing.changes, [1]);
}

#[test]
fn without_credit_nothing_is_sent_and_nothing_is_lost() {
    let mut sharing = Sharing::good(1);
    sharing.set(0, 1, 50);
    for credit in [0, 5, 40] {
        sharing.credit = credit;
        sharing.tick();
    }
    assert_eq!(sharing.sharer.stats().packets_sent, 0);
    sharing.credit = 1000;
    sharing.until_silent().unwrap();
    assert_eq!(sharing.seen, sharing.current);
}

#[test]
fn what_was_cleared_is_not_sent() {
    let mut sharing = Sharing::good(1);
    sharing.set(0, 1, 50);
    sharing.own.clear();
    assert_eq!(sharing.until_silent(), Some(0));
    assert_eq!(sharing.changes, [0]);
    sharing.set(0, 2, 50);
    sharing.until_silent().unwrap();
    assert_eq!(sharing.seen, sharing.current);
}

#[test]
fn after_an_outage_only_the_newest_value_arrives() {
    let mut sharing = Sharing::good(1);
    sharing.there.loss = 1.0;
    for number in 1..500 {
        sharing.set(0, number, 50);
        sharing.tick();
    }
    sharing.there.loss = 0.0;
    let waited = sharing.until_silent().unwrap();
    assert_eq!(sharing.seen, sharing.current);
    assert_eq!(sharing.changes, [1]);
    assert!(waited < 60, "{waited} ticks");
}

#[test]
fn values_that_fit_alone_go_whole_even_if_they_do_not_fit_together() {
    let mut sharing = Sharing::good(2);
    for number in 1..=201 {
        sharing.set(0, number, 700);
        sharing.set(1, number, 700);
        sharing.tick();
    }
    for changes in sharing.changes {
        assert!(changes >= 98, "{changes}");
    }
}

#[test]
fn an_old_value_that_was_lost_is_no_reason_to_send_the_new_one_again() {
    let mut sharing = Sharing::good(1);
    for number in 1..=2 {
        sharing.set(0, number, 10);
        sharing.tick();
    }
    let (index, version) = (0, 1);
    let first = StateToken::Whole { index, version };
    sharing.sender.settle(first, Fate::Lost);
    sharing.until_silent().unwrap();
    assert_eq!(sharing.sharer.stats().packets_sent, 2);
}

#[test]
fn an_ack_of_an_old_value_does_not_stop_the_new_one_under_way() {
    let mut sharing = Sharing::good(1);
    sharing.set(0, 1, 10);
    sharing.tick();
    sharing.set(0, 2, 5000);
    sharing.until_silent().unwrap();
    assert_eq!(sharing.seen, sharing.current);
    // The first value, and twenty blocks of which each packet has four.
    assert_eq!(sharing.sharer.stats().packets_sent, 1 + 5);
}
