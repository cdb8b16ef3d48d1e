use huddle_session::Tick;

use super::*;

/// Both ends of a stream, and their logs.
struct Ends {
    out: OutStream,
    sent: EncodedLog,
    incoming: InStream,
    received: EncodedLog,
}

/// Ticks in a packet.
#[derive(Clone)]
struct Packet {
    base: Tick,
    end: Tick,
    coded: Vec<u8>,
}

const FAR: Tick = Tick(1 << 30);

impl Ends {
    fn starting(start: Tick) -> Self {
        Self {
            out: OutStream::starting(start),
            sent: EncodedLog::starting(start),
            incoming: InStream::starting(start),
            received: EncodedLog::starting(start),
        }
    }

    fn push(&mut self, inputs: &[&[u8]]) {
        for input in inputs {
            self.sent.push(input).unwrap();
        }
    }

    fn send(&self, room: usize) -> Packet {
        let (end, len) = self.out.fit(&self.sent, room);
        let mut coded = vec![7];
        self.out.write(&self.sent, end, len, &mut coded);
        assert_eq!(coded.remove(0), 7);
        assert!(coded.len() == len && len <= room);
        let base = self.out.base();
        Packet { base, end, coded }
    }

    fn receive(&mut self, packet: &Packet) -> Result<(), StreamError> {
        self.receive_before(FAR, packet)
    }

    fn receive_before(&mut self, horizon: Tick, packet: &Packet) -> Result<(), StreamError> {
        let part = StreamPart {
            stream: 0,
            count: packet.end.since(packet.base) as u8,
            base: packet.base.0 as u8,
            coded: &packet.coded,
        };
        self.incoming.receive(&part, &mut self.received, horizon)
    }

    fn assert_same(&self) {
        assert_eq!(self.received.next(), self.sent.next());
        let mut tick = self.received.first();
        if self.sent.first().is_after(tick) {
            tick = self.sent.first();
        }
        while self.received.next().is_after(tick) {
            assert_eq!(self.received.get(tick), self.sent.get(tick));
            tick += 1;
        }
    }
}

#[test]
fn every_packet_contains_all_unacked_ticks() {
    let mut ends = Ends::starting(Tick(7));
    ends.push(&[b"a", b"b", b"b"]);
    let first = ends.send(100);
    assert_eq!(first.end, Tick(10));
    ends.push(&[b"c"]);
    let second = ends.send(100);
    assert_eq!(second.end, Tick(11));
    assert_eq!(ends.out.unacked(&ends.sent), 4);
    ends.receive(&second).unwrap();
    ends.assert_same();
    // Late and duplicated packets change nothing.
    ends.receive(&first).unwrap();
    ends.receive(&second).unwrap();
    ends.assert_same();
    ends.out.acked(second.end);
    assert_eq!(ends.out.unacked(&ends.sent), 0);
    ends.out.acked(first.end);
    assert_eq!(ends.out.base(), Tick(11));
    ends.push(&[b"d"]);
    let third = ends.send(100);
    assert_eq!(third.base, Tick(11));
    ends.receive(&third).unwrap();
    ends.assert_same();
}

#[test]
fn the_longest_prefix_that_fits_is_sent() {
    let mut ends = Ends::starting(Tick(0));
    let mut rng = fastrand::Rng::with_seed(4);
    let inputs: Vec<[u8; 8]> = (0..40).map(|_| rng.u64(..).to_le_bytes()).collect();
    for input in &inputs {
        ends.push(&[input]);
    }
    let mut packets = 0;
    while ends.out.unacked(&ends.sent) > 0 {
        let packet = ends.send(50);
        assert!((3..=6).contains(&packet.end.since(packet.base)) || packets > 5);
        ends.receive(&packet).unwrap();
        ends.out.acked(packet.end);
        packets += 1;
        assert!(packets < 10);
    }
    ends.assert_same();
    ends.push(&[&[1; 300]]);
    assert_eq!(ends.send(5).end, Tick(40));
    assert_eq!(ends.send(1100).end, Tick(41));
}

#[test]
fn the_longest_inputs_fit_into_a_packet() {
    let mut ends = Ends::starting(Tick(0));
    let mut rng = fastrand::Rng::with_seed(5);
    for _ in 0..2 {
        let input: Vec<u8> = (0..MAX_INPUT_LEN).map(|_| rng.u8(..)).collect();
        ends.push(&[&input]);
    }
    let packet = ends.send(2 * MAX_INPUT_LEN + 4);
    ends.receive(&packet).unwrap();
    ends.assert_same();
}

#[test]
fn acks_of_overtaken_packets_count() {
    let mut ends = Ends::starting(Tick(0));
    let mut rng = fastrand::Rng::with_seed(9);
    let mut push = |ends: &mut Ends, count| {
        for _ in 0..count {
            ends.push(&[&rng.u64(..).to_le_bytes()]);
        }
    };
    push(&mut ends, 5);
    let first = ends.send(1000);
    push(&mut ends, 15);
    let long = ends.send(1000);
    ends.receive(&first).unwrap();
    ends.out.acked(first.end);
    // With little space, a packet carries less than the one before, from a later base.
    let short = ends.send(40);
    assert!(short.base == Tick(5) && long.end.is_after(short.end));
    ends.receive(&short).unwrap();
    ends.receive(&long).unwrap();
    ends.assert_same();
    ends.out.acked(long.end);
    assert_eq!(ends.out.unacked(&ends.sent), 0);
}

#[test]
fn a_stream_needs_two_inputs_before_its_base() {
    let mut ends = Ends::starting(Tick(100));
    for i in 0..500u32 {
        ends.push(&[&(i * 3).to_le_bytes()]);
        let packet = ends.send(100);
        if i % 7 == 0 {
            ends.receive(&packet).unwrap();
            ends.out.acked(packet.end);
        }
        let needed = Tick(ends.out.base().0 - 2);
        ends.sent.forget_before(needed);
        ends.received.forget_before(needed);
    }
    assert!(ends.sent.get(Tick(100)).is_none());
    let packet = ends.send(100);
    ends.receive(&packet).unwrap();
    ends.assert_same();
    // With one input less, the receiver detects the gap.
    ends.push(&[b"x"]);
    ends.out.acked(packet.end);
    let packet = ends.send(100);
    ends.received.forget_before(Tick(packet.base.0 - 1));
    assert_eq!(ends.receive(&packet), Err(StreamError::Gap(packet.base)));
}

#[test]
fn a_stream_can_start_in_the_middle_of_a_log() {
    let mut ends = Ends::starting(Tick(0));
    for i in 0..50u8 {
        ends.push(&[&[i, 1]]);
    }
    // The inputs before arrived by another way, and may be wrong.
    for _ in 0..40 {
        ends.received.push(b"other").unwrap();
    }
    ends.out = OutStream::starting(Tick(40));
    ends.incoming = InStream::starting(Tick(40));
    ends.push(&[b"new"]);
    let packet = ends.send(100);
    assert_eq!((packet.base, packet.end), (Tick(40), Tick(51)));
    ends.receive(&packet).unwrap();
    assert_eq!(ends.received.next(), Tick(51));
    for tick in (40..51).map(Tick) {
        assert_eq!(ends.received.get(tick), ends.sent.get(tick));
    }
}

#[test]
fn inputs_that_arrived_by_another_way_count_as_received() {
    let mut ends = Ends::starting(Tick(0));
    ends.push(&[b"a", b"b", b"c"]);
    let first = ends.send(100);
    for input in [b"a", b"b", b"c", b"d"] {
        ends.received.push(input).unwrap();
    }
    ends.receive(&first).unwrap();
    assert_eq!(ends.incoming.next(), Tick(3));
    ends.out.acked(first.end);
    ends.push(&[b"d", b"e"]);
    let second = ends.send(100);
    ends.receive(&second).unwrap();
    ends.assert_same();
}

#[test]
fn a_stream_far_behind_its_log_catches_up() {
    let mut ends = Ends::starting(Tick(0));
    for i in 0..1000u32 {
        let input = (i * i).to_le_bytes();
        ends.push(&[&input]);
        ends.received.push(&input).unwrap();
    }
    ends.received.forget_before(Tick(1000 - 2 * MAX_UNACKED));
    while ends.out.unacked(&ends.sent) > 0 {
        let packet = ends.send(1000);
        ends.receive(&packet).unwrap();
        ends.out.acked(packet.end);
    }
    ends.push(&[b"new"]);
    let packet = ends.send(1000);
    ends.receive(&packet).unwrap();
    ends.assert_same();
}

#[test]
fn invalid_ticks_are_rejected_without_effect() {
    let mut ends = Ends::starting(Tick(0));
    ends.push(&[b"a", b"b", b"c"]);
    let packet = ends.send(100);
    let with = |coded: &[u8]| Packet {
        coded: coded.to_vec(),
        ..packet.clone()
    };
    let (end, horizon) = (Tick(3), Tick(2));
    let far = ends.receive_before(horizon, &packet);
    assert_eq!(far, Err(StreamError::TooFarAhead { end, horizon }));
    // The first tick has 1023 bytes.
    let too_long = ends.receive(&with(&[0xff, 0x7f]));
    let (tick, len) = (Tick(0), 1023);
    assert_eq!(too_long, Err(StreamError::InputTooLong { tick, len }));
    let trailing = ends.receive(&with(&[&packet.coded[..], &[0, 0]].concat()));
    assert_eq!(trailing, Err(StreamError::TrailingBytes(1)));
    assert_eq!(ends.received.next(), Tick(0));
    ends.received.push(b"x").unwrap();
    let other = ends.receive(&packet);
    assert_eq!(other, Err(StreamError::Contradiction(Tick(0))));
    assert_eq!(ends.received.next(), Tick(1));
    assert_eq!(ends.incoming.next(), Tick(0));
    let before_start = Packet {
        base: Tick(u32::MAX),
        ..packet.clone()
    };
    let gap = ends.receive(&before_start);
    assert_eq!(gap, Err(StreamError::Gap(Tick(u32::MAX))));
}

#[test]
fn a_base_is_resolved_from_its_low_bits() {
    for (next, low, base) in [
        (1000, 232, 1000),
        (1000, 231, 999),
        (1000, 233, 745),
        (256, 0, 256),
        (3, 2, 2),
        (3, 4, u32::MAX - 251),
    ] {
        assert_eq!(InStream::starting(Tick(next)).base(low), Tick(base));
    }
}
