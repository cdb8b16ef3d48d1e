use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{lossy::Lossy, *};

const MS: Duration = Duration::from_millis(1);
const TAG: u8 = 0xab;

fn rate() -> TickRate {
    TickRate::from_hz(50.0).unwrap()
}

/// Packets whose tokens are their sequence numbers.
type Numbered = Packets<u64>;

fn packets() -> Numbered {
    Packets::new(TAG, rate())
}

/// Returns the packet of a tick with these sections. A tick lasts 20 ms.
fn packet(packets: &mut Numbered, tick: u32, sections: &[(u32, &[u8])]) -> Option<Bytes> {
    let seq = packets.sent.next();
    let mut writer = packets.begin(20 * MS * tick, Tick(tick), usize::MAX)?;
    for (id, bytes) in sections {
        assert!(writer.section(*id, &[bytes]));
    }
    writer.token(seq);
    writer.finish()
}

fn receive(packets: &mut Numbered, bytes: &Bytes, tick: u32) -> Option<Arrival> {
    let local = Tick(tick).into();
    packets
        .receive(bytes.clone(), 20 * MS * tick, local)
        .unwrap()
}

/// Two peers whose clocks are 1000.5 ticks apart, connected by a simulated network.
struct Pair {
    ends: [Numbered; 2],
    networks: [Lossy; 2],
    /// The packets sent by each peer: their tick, their length and whether they carry a payload.
    sent: [Vec<(Tick, usize, bool)>; 2],
    /// The packets of each peer that have arrived.
    arrived: [BTreeSet<u64>; 2],
    fates: [Vec<(u64, Fate)>; 2],
    now: Duration,
}

impl Pair {
    fn new(networks: [Lossy; 2]) -> Self {
        Self {
            ends: [packets(), packets()],
            networks,
            sent: Default::default(),
            arrived: Default::default(),
            fates: Default::default(),
            now: Duration::ZERO,
        }
    }

    fn clock(end: usize, at: Duration) -> TickInstant {
        let ticks = at.as_nanos() as f64 / 20e6 + 1000.5 * end as f64;
        TickInstant {
            tick: Tick(ticks as u32),
            fraction: ticks.fract(),
        }
    }

    /// Advances by ten milliseconds, in which one of the peers has a tick. `carries` returns the
    /// payload that a peer sends in a tick.
    fn step(&mut self, mut carries: impl FnMut(usize, Tick) -> Option<Vec<u8>>) {
        for end in 0..2 {
            for (arrived, bytes) in self.networks[1 - end].arrivals(self.now) {
                let local = Self::clock(end, arrived);
                if let Some(arrival) = self.ends[end].receive(bytes, arrived, local).unwrap() {
                    assert!(self.arrived[1 - end].insert(arrival.seq));
                    let (tick, ..) = self.sent[1 - end][arrival.seq as usize];
                    assert_eq!(arrival.tick, tick);
                }
            }
            let fates = self.ends[end].fates(self.now);
            self.fates[end].extend(fates);

            let tick = Self::clock(end, self.now).tick;
            let seq = self.ends[end].sent.next();
            let Some(mut writer) = self.ends[end].begin(self.now, tick, usize::MAX) else {
                continue;
            };
            let payload = carries(end, tick);
            if let Some(payload) = &payload {
                assert!(writer.section(section::SNAPSHOTS, &[payload]));
                writer.token(seq);
            }
            if let Some(bytes) = writer.finish() {
                self.sent[end].push((tick, bytes.len(), payload.is_some()));
                self.networks[end].send(self.now, bytes);
            }
        }
        self.now += 10 * MS;
    }
}

#[test]
fn packet_encoding_matches_golden_bytes() {
    let (mut ada, mut bob) = (packets(), packets());
    let first = packet(&mut ada, 1000, &[(5, b"pose"), (1, &[7])]).unwrap();
    #[rustfmt::skip]
    assert_eq!(
        first[..],
        [
            0x28, TAG, 0, 0, // flags, tag, sequence number
            0xe8, 0x07, // base 1000
            5, 4, b'p', b'o', b's', b'e', // replicated entities
            1, 1, 7, // an event ack
        ]
    );
    let arrival = receive(&mut bob, &first, 5).unwrap();
    assert_eq!((arrival.seq, arrival.tick), (0, Tick(1000)));
    let sections: Vec<_> = arrival.sections.collect();
    assert_eq!(sections[0], (5, Bytes::from_static(b"pose")));
    assert_eq!(sections[1], (1, Bytes::from_static(&[7])));

    let answer = packet(&mut bob, 7, &[]).unwrap();
    #[rustfmt::skip]
    assert_eq!(
        answer[..],
        [
            0x2d, TAG, 0, 0, // flags, tag, sequence number
            0, 0, // ack of the first
            0x90, 0x03, // held for 400 units of 100 microseconds
            7, // base 7
        ]
    );
    receive(&mut ada, &answer, 1004).unwrap();
    assert_eq!(
        ada.fates(Duration::ZERO).collect::<Vec<_>>(),
        [(0, Fate::Delivered)]
    );
    let second = packet(&mut ada, 1001, &[(5, &[])]).unwrap();
    #[rustfmt::skip]
    assert_eq!(
        second[..],
        [
            0x25, TAG, 1, 0, // flags, tag, sequence number; the base is known
            0, 0, 0, // ack of the answer, not held at all
            5, 0, // an empty section
        ]
    );
    let third = packet(&mut ada, 1002, &[(5, &[])]).unwrap();
    assert_eq!(third[..], [0x20, TAG, 2, 0, 5, 0], "nothing new to ack");
}

#[test]
fn header_takes_six_bytes_when_both_peers_send_every_tick() {
    let mut pair = Pair::new([Lossy::good(1), Lossy::good(2)]);
    for _ in 0..2000 {
        pair.step(|_, _| Some(vec![7; 10]));
    }
    for sent in pair.sent {
        assert!(sent.len() >= 1000);
        let headers: Vec<_> = sent.iter().skip(10).map(|(_, len, _)| len - 12).collect();
        let of_six = headers.iter().filter(|&&len| len == 6).count();
        // Every fifth packet has an echo, which takes one or two more bytes.
        assert!(of_six * 5 >= headers.len() * 4, "{headers:?}");
        assert!(headers.iter().all(|len| (6..=8).contains(len)));
    }
}

#[test]
fn one_way_stream_is_acked_every_second_tick() {
    let mut pair = Pair::new([Lossy::good(1), Lossy::good(2)]);
    for _ in 0..1000 {
        pair.step(|end, _| (end == 0).then(|| vec![7]));
    }
    assert_eq!(pair.sent[0].len(), 500);
    let acks = pair.sent[1].len();
    assert!((240..=250).contains(&acks), "{acks}");
    assert!(pair.fates[0].len() > 490);
    assert!(
        pair.fates[0]
            .iter()
            .all(|&(_, fate)| fate == Fate::Delivered)
    );
    assert_eq!(pair.ends.map(|end| end.stats().loss), [0.0, 0.0]);
}

#[test]
fn overtaken_packet_does_not_change_the_tick_offset() {
    let (mut ada, mut bob) = (packets(), packets());
    let hello = packet(&mut bob, 1, &[(5, &[])]).unwrap();
    receive(&mut ada, &hello, 1).unwrap();
    let [late, newest] = [5, 6].map(|tick| packet(&mut ada, tick, &[(5, &[])]).unwrap());
    receive(&mut bob, &newest, 5).unwrap();
    // Only the late packet has an echo, so it measures the round-trip time.
    receive(&mut bob, &late, 5).unwrap();
    assert_eq!(bob.stats().rtt, Some(Duration::ZERO));
    assert_eq!(bob.stats().tick_offset, None);
    let next = packet(&mut ada, 7, &[(5, &[])]).unwrap();
    receive(&mut bob, &next, 6).unwrap();
    assert_eq!(bob.stats().tick_offset, Some(1.0));
}

#[test]
fn acks_are_not_acked() {
    let mut pair = Pair::new([Lossy::good(1), Lossy::good(2)]);
    for i in 0..1000 {
        pair.step(|end, _| (end == 0 && i < 2).then(|| vec![7]));
    }
    assert_eq!([pair.sent[0].len(), pair.sent[1].len()], [1, 1]);
    assert_eq!(pair.fates[0], [(0, Fate::Delivered)]);
    let loss = pair.ends.map(|end| end.stats().loss);
    assert_eq!(loss, [0.0, 0.0], "an ack is not acked");
}

#[test]
fn estimates_match_the_network() {
    let mut pair = Pair::new([Lossy::good(1), Lossy::good(2)]);
    for network in &mut pair.networks {
        (network.delay, network.jitter_ms, network.loss) = (40 * MS, 10, 0.1);
    }
    for _ in 0..4000 {
        pair.step(|_, _| Some(vec![7]));
    }
    for (end, ahead) in [(0, 1000.5), (1, -1000.5)] {
        let stats = pair.ends[end].stats();
        let rtt = stats.rtt.unwrap();
        assert!(rtt.abs_diff(90 * MS) < 8 * MS, "{stats:?}");
        assert!((80 * MS..84 * MS).contains(&stats.rtt_min.unwrap()));
        assert!((stats.loss - 0.1).abs() < 0.07, "{stats:?}");
        assert!((2 * MS..6 * MS).contains(&stats.jitter), "{stats:?}");
        let offset = stats.tick_offset.unwrap();
        // A packet can leave up to half a tick after its tick began.
        assert!((offset - ahead).abs() < 1.0, "{stats:?}");
        assert_eq!(stats.packets_sent, pair.sent[end].len() as u64);
        assert_eq!(stats.packets_received, pair.arrived[1 - end].len() as u64);
        let bytes: u64 = pair.sent[end].iter().map(|(_, len, _)| *len as u64).sum();
        assert_eq!(stats.bytes_sent, bytes);
    }
}

#[test]
fn each_tick_has_one_packet_and_ticks_never_decrease() {
    let mut ada = packets();
    assert!(packet(&mut ada, 5, &[]).is_none(), "nothing to send");
    assert!(packet(&mut ada, 5, &[(5, &[])]).is_some());
    for tick in [5, 4, 0, 5u32.wrapping_add(1 << 31)] {
        assert!(ada.begin(MS, Tick(tick), 1000).is_none(), "tick {tick}");
    }
    assert!(packet(&mut ada, 6, &[(5, &[])]).is_some());
}

#[test]
fn dropping_an_unfinished_packet_has_no_effect() {
    let (mut ada, mut bob) = (packets(), packets());
    let mut writer = ada.begin(MS, Tick(1), 1000).unwrap();
    assert!(writer.section(5, &[b"lost"]));
    writer.token(99);
    drop(writer);
    let bytes = packet(&mut ada, 1, &[(17, b"kept")]).unwrap();
    let arrival = receive(&mut bob, &bytes, 1).unwrap();
    assert_eq!(arrival.seq, 0);
    assert_eq!(arrival.sections.count(), 1);
    let fates: Vec<_> = ada.fates(Duration::from_secs(9)).collect();
    assert_eq!(fates, [(0, Fate::Lost)]);
}

#[test]
fn packets_of_other_sessions_and_duplicates_are_ignored() {
    let (mut ada, mut bob) = (packets(), packets());
    let bytes = packet(&mut ada, 1, &[(5, b"pose")]).unwrap();
    let mut straggler = Packets::<u64>::new(TAG + 1, rate());
    assert!(receive(&mut straggler, &bytes, 1).is_none());
    assert!(receive(&mut bob, &bytes, 1).is_some());
    assert!(receive(&mut bob, &bytes, 1).is_none());
    assert_eq!(bob.stats().packets_received, 1);
    assert_eq!(straggler.stats().packets_received, 0);
}

#[test]
fn invalid_packet_is_an_error_and_has_no_effect() {
    let (mut ada, mut bob) = (packets(), packets());
    let from_bob = packet(&mut bob, 1, &[(5, b"pose")]).unwrap();
    receive(&mut ada, &from_bob, 1).unwrap();
    let whole = packet(&mut ada, 1, &[(5, b"pose")]).unwrap();

    let mut error = |bytes: Bytes| {
        bob.receive(bytes, 20 * MS, Tick(1).into())
            .map(|_| ())
            .unwrap_err()
    };
    let cut = whole.slice(..whole.len() - 1);
    assert_eq!(error(cut), PacketError::SectionTooLong(5));
    let long = [&whole[..], &[4, 0xcc, 0x08], &[0; 1100]].concat();
    assert_eq!(error(long.into()), PacketError::TooLong(whole.len() + 1103));
    // The packet acks packet 1, but only packet 0 was sent.
    let mut bytes = whole.to_vec();
    bytes[4] = 1;
    assert_eq!(error(bytes.into()), PacketError::AckOfUnsent(1));
    assert_eq!(
        error(Bytes::from_static(&[0x20, TAG, 0, 0])),
        PacketError::NoTick
    );

    assert_eq!(bob.fates(MS).count(), 0);
    assert_eq!(bob.stats().packets_received, 0);
    assert!(receive(&mut bob, &whole, 1).is_some());
    assert_eq!(bob.fates(MS).next(), Some((0, Fate::Delivered)));
}

#[test]
fn ack_waits_two_ticks_for_other_data() {
    let (mut ada, mut bob) = (packets(), packets());
    let bytes = packet(&mut ada, 1, &[(5, b"pose")]).unwrap();
    receive(&mut bob, &bytes, 10).unwrap();
    assert!(packet(&mut bob, 10, &[]).is_none());
    assert!(packet(&mut bob, 11, &[]).is_none());
    let ack = packet(&mut bob, 12, &[]).unwrap();
    assert!(packet(&mut bob, 13, &[]).is_none());
    // A packet that only acks is not acked, unless another packet is sent anyway.
    receive(&mut ada, &ack, 20).unwrap();
    assert!(packet(&mut ada, 30, &[]).is_none());
    let next = packet(&mut ada, 31, &[(5, b"pose")]).unwrap();
    assert_eq!(next[0] & 1, 1, "the packet has an ack");
}

#[test]
fn packet_held_too_long_is_not_echoed() {
    for (ticks, has_echo) in [(50, true), (51, false)] {
        let (mut ada, mut bob) = (packets(), packets());
        let bytes = packet(&mut ada, 1, &[(5, b"pose")]).unwrap();
        receive(&mut bob, &bytes, 1).unwrap();
        let answer = packet(&mut bob, 1 + ticks, &[]).unwrap();
        assert_eq!(answer[0] & 4 != 0, has_echo);
        receive(&mut ada, &answer, 1 + ticks).unwrap();
        let rtt = has_echo.then_some(Duration::ZERO);
        assert_eq!(ada.stats().rtt, rtt);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn reported_fates_are_correct_on_any_network(seed: u64) {
        let mut pair = Pair::new([Lossy::bad(seed), Lossy::bad(seed ^ 1)]);
        let mut rng = fastrand::Rng::with_seed(seed);
        let (activity, active_steps) = ([rng.f64(), rng.f64()], 500);
        for step in 0..active_steps + 400 {
            pair.step(|end, _| {
                (step < active_steps && rng.f64() < activity[end]).then(|| vec![7; rng.usize(0..900)])
            });
        }
        for end in 0..2 {
            let ticks: BTreeSet<_> = pair.sent[end].iter().map(|(tick, ..)| tick.0).collect();
            prop_assert_eq!(ticks.len(), pair.sent[end].len(), "one packet per tick");

            let mut known = BTreeSet::new();
            for &(seq, fate) in &pair.fates[end] {
                known.insert(seq);
                prop_assert!(fate == Fate::Lost || pair.arrived[end].contains(&seq));
            }
            let carrying = pair.sent[end].iter().filter(|(.., carries)| *carries).count();
            prop_assert_eq!(known.len(), carrying, "every packet has a fate");
            let last = pair.sent[end].iter().map(|(tick, ..)| tick.0).max();
            let end_of_activity = Pair::clock(end, 10 * MS * (active_steps + 50)).tick.0;
            prop_assert!(last <= Some(end_of_activity), "falls silent");
        }
    }

    #[test]
    fn packets_stay_within_credit_and_maximum_length(
        ticks in prop::collection::vec(
            (0usize..1500, prop::collection::vec((0u32..300, 0usize..1200), 0..6), any::<bool>()),
            1..60,
        ),
    ) {
        let (mut ada, mut bob) = (packets(), packets());
        for (tick, (credit, sections, answers)) in (1000u32..).zip(ticks) {
            let now = 20 * MS * tick;
            let Some(mut writer) = ada.begin(now, Tick(tick), credit) else {
                prop_assert!(credit < 20);
                continue;
            };
            let mut expected = Vec::new();
            for (id, len) in sections {
                let max_payload = writer.max_payload(id);
                let bytes = vec![id as u8; len];
                let fits = writer.section(id, &[&bytes]);
                // Without space, even an empty section may not fit.
                prop_assert!(fits == (len <= max_payload) || max_payload == 0);
                if fits {
                    expected.push((id, Bytes::from(bytes)));
                }
            }
            let Some(bytes) = writer.finish() else {
                prop_assert!(expected.is_empty());
                continue;
            };
            prop_assert!(bytes.len() <= credit.min(MAX_PACKET_LEN));
            let arrival = receive(&mut bob, &bytes, tick).unwrap();
            prop_assert_eq!(arrival.sections.collect::<Vec<_>>(), expected);
            if answers && let Some(answer) = packet(&mut bob, tick, &[(5, b"pose")]) {
                receive(&mut ada, &answer, tick);
            }
        }
    }

    #[test]
    fn hostile_packets_cannot_ack_unsent_packets(
        attacks in prop::collection::vec(
            (
                0u8..16,
                prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..40),
                any::<bool>(),
            ),
            1..300,
        ),
    ) {
        let mut ada = packets();
        for (tick, (flags, bytes, activity)) in (1u32..).zip(attacks) {
            if activity {
                packet(&mut ada, tick, &[(5, b"pose")]);
            }
            let attack = [&[0x20 | flags, TAG][..], &bytes].concat();
            let _ = ada.receive(attack.into(), MS, Tick(tick).into());
            let sent = ada.sent.next();
            for (seq, _) in ada.fates(20 * MS * tick) {
                prop_assert!(seq < sent);
            }
            let stats = ada.stats();
            prop_assert!((0.0..=1.0).contains(&stats.loss));
            prop_assert!(stats.tick_offset.is_none_or(f64::is_finite));
        }
    }
}
