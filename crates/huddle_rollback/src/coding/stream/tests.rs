use huddle_session::Tick;

use super::{trained::Trained, *};
use crate::{
    coding::{encoded::EncodedLog, model::Model, range_coder::Encoder},
    seat::Seat,
};

/// Both ends of a stream, and the logs there.
struct Ends {
    out: OutStream,
    sent: EncodedLog,
    incoming: InStream,
    received: EncodedLog,
    scratch: Scratch,
}

const NEVER: Tick = Tick(1 << 30);

impl Ends {
    fn starting(start: Tick) -> Self {
        Self {
            out: OutStream::starting(start),
            sent: EncodedLog::starting(start),
            incoming: InStream::starting(start),
            received: EncodedLog::starting(start),
            scratch: Scratch::default(),
        }
    }

    fn push(&mut self, inputs: &[&[u8]]) {
        for input in inputs {
            self.sent.push(input).unwrap();
        }
    }

    fn write(&mut self, room: usize) -> (Carried, Vec<u8>) {
        let mut bytes = Vec::new();
        let carried = self
            .out
            .write((Seat(0), &self.sent), &mut self.scratch, &mut bytes, room);
        assert!(bytes.len() <= room);
        (carried, bytes)
    }

    fn receive(&mut self, (carried, bytes): &(Carried, Vec<u8>)) -> Result<(), StreamError> {
        self.receive_before(NEVER, carried.count() as u8, bytes, carried.base)
    }

    fn receive_before(
        &mut self,
        horizon: Tick,
        count: u8,
        bytes: &[u8],
        base: Tick,
    ) -> Result<(), StreamError> {
        let base = self.incoming.base(base.0 as u8);
        let log = &mut self.received;
        self.incoming
            .receive((base, count), bytes, log, horizon, &mut self.scratch)
    }

    fn acked(&mut self, (carried, _): &(Carried, Vec<u8>)) {
        self.out.acked(*carried, &self.sent, &mut self.scratch);
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
fn what_is_unacked_goes_into_every_packet() {
    let mut ends = Ends::starting(Tick(7));
    ends.push(&[b"a", b"b", b"b"]);
    let first = ends.write(100);
    assert_eq!(first.0.count(), 3);
    ends.push(&[b"c"]);
    let second = ends.write(100);
    assert_eq!(second.0.count(), 4);
    assert_eq!(ends.out.unacked(&ends.sent), 4);
    ends.receive(&second).unwrap();
    ends.assert_same();
    // What comes late or twice changes nothing.
    ends.receive(&first).unwrap();
    ends.receive(&second).unwrap();
    ends.assert_same();
    ends.acked(&second);
    assert_eq!(ends.out.unacked(&ends.sent), 0);
    ends.acked(&first);
    assert_eq!(ends.out.base(), Tick(11));
    ends.push(&[b"d"]);
    let third = ends.write(100);
    assert_eq!(third.0.base, Tick(11));
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
        let packet = ends.write(50);
        assert!((3..=6).contains(&packet.0.count()) || packets > 5);
        ends.receive(&packet).unwrap();
        ends.acked(&packet);
        packets += 1;
        assert!(packets < 10);
    }
    ends.assert_same();
    ends.push(&[&[1; 300]]);
    assert_eq!(ends.write(5).0.count(), 0);
    assert_eq!(ends.write(1100).0.count(), 1);
}

#[test]
fn an_ack_of_what_was_left_out_counts_for_nothing() {
    let mut ends = Ends::starting(Tick(0));
    let mut rng = fastrand::Rng::with_seed(9);
    let mut push = |ends: &mut Ends| ends.push(&[&rng.u64(..).to_le_bytes()]);
    for _ in 0..5 {
        push(&mut ends);
    }
    let first = ends.write(1000);
    for _ in 0..15 {
        push(&mut ends);
    }
    let long = ends.write(1000);
    ends.receive(&first).unwrap();
    ends.acked(&first);
    // Little room: less than the one before, after a later base.
    let short = ends.write(40);
    assert!(short.0.base == Tick(5) && long.0.end.is_after(short.0.end));
    ends.receive(&short).unwrap();
    ends.receive(&long).unwrap();
    assert_eq!(ends.received.next(), short.0.end);
    ends.acked(&long);
    assert_eq!(ends.out.base(), Tick(5));
    ends.acked(&short);
    assert_eq!(ends.out.base(), short.0.end);
    let rest = ends.write(1000);
    ends.receive(&rest).unwrap();
    ends.acked(&rest);
    ends.assert_same();
    assert_eq!(ends.out.base(), ends.sent.next());
}

#[test]
fn logs_may_forget_all_but_what_streams_need() {
    let mut ends = Ends::starting(Tick(100));
    for i in 0..500u32 {
        ends.push(&[&(i * 3).to_le_bytes()]);
        let packet = ends.write(100);
        if i % 7 == 0 {
            ends.receive(&packet).unwrap();
            ends.acked(&packet);
        }
        ends.sent.forget_before(ends.out.needs_from());
        ends.received.forget_before(ends.incoming.needs_from());
    }
    assert!(ends.sent.get(Tick(100)).is_none());
    let packet = ends.write(100);
    ends.receive(&packet).unwrap();
    ends.assert_same();
    // One more is too much.
    ends.push(&[b"x"]);
    ends.acked(&packet);
    let packet = ends.write(100);
    ends.received.forget_before(packet.0.base);
    assert_eq!(
        ends.receive(&packet),
        Err(StreamError::Forgotten(packet.0.base))
    );
}

#[test]
fn a_stream_can_start_where_the_log_has_long_begun() {
    let mut ends = Ends::starting(Tick(0));
    for i in 0..50u8 {
        ends.push(&[&[i, 1]]);
        ends.received.push(&[i, 1]).unwrap();
    }
    ends.out = OutStream::starting(Tick(40));
    ends.incoming = InStream::starting(Tick(40));
    ends.push(&[b"new"]);
    let packet = ends.write(100);
    assert_eq!((packet.0.base, packet.0.count()), (Tick(40), 11));
    ends.receive(&packet).unwrap();
    ends.assert_same();
}

#[test]
fn inputs_that_came_another_way_are_taken_as_come() {
    let mut ends = Ends::starting(Tick(0));
    ends.push(&[b"a", b"b", b"c"]);
    let first = ends.write(100);
    for input in [b"a", b"b", b"c", b"d"] {
        ends.received.push(input).unwrap();
    }
    ends.receive(&first).unwrap();
    assert_eq!(ends.incoming.next(), Tick(3));
    ends.acked(&first);
    ends.push(&[b"d", b"e"]);
    let second = ends.write(100);
    ends.receive(&second).unwrap();
    ends.assert_same();
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut ends = Ends::starting(Tick(0));
    ends.push(&[b"a", b"b", b"c"]);
    let (carried, bytes) = ends.write(100);
    let base = carried.base;
    let receive = |ends: &mut Ends, horizon, count, bytes: &[u8]| {
        ends.receive_before(Tick(horizon), count, bytes, base)
            .unwrap_err()
    };
    assert_eq!(
        receive(&mut ends, 2, 3, &bytes),
        StreamError::TooFarAhead {
            end: Tick(3),
            horizon: Tick(2)
        }
    );
    ends.received.push(b"x").unwrap();
    assert_eq!(
        receive(&mut ends, 500, 3, &bytes),
        StreamError::Contradiction(Tick(0))
    );
    assert_eq!(ends.received.next(), Tick(1));
    assert_eq!(ends.incoming.next(), Tick(0));
}

#[test]
fn a_base_is_found_by_its_low_bits() {
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

#[test]
fn long_inputs_that_change_are_few_in_a_packet() {
    let mut ends = Ends::starting(Tick(0));
    let inputs: Vec<_> = (0..10).map(|i| vec![i; 2000]).collect();
    for input in &inputs {
        ends.push(&[input]);
    }
    let packet = ends.write(100_000);
    assert_eq!(packet.0.count(), 4);
    ends.receive(&packet).unwrap();
    // A fifth, as if there were no such limit.
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 100_000);
    let (mut model, mut out) = (Model::new(), Vec::new());
    for tick in 0..5 {
        let before = Trained::starting(Tick(0))
            .before(&ends.sent, Tick(tick))
            .unwrap();
        let input = &inputs[tick as usize];
        model.code(&mut encoder, before, input, &mut out).unwrap();
    }
    encoder.finish();
    let refused = ends.receive_before(NEVER, 5, &bytes, Tick(0));
    assert_eq!(refused, Err(StreamError::TooLong));
    assert_eq!(ends.received.next(), Tick(4));
}

#[test]
fn what_is_coded_for_one_peer_is_the_same_for_others_and_no_other_ticks() {
    let mut ends = Ends::starting(Tick(0));
    ends.push(&[b"a", b"b", b"c"]);
    let alone = ends.write(100);
    ends.scratch = Scratch::default();
    let mut behind = OutStream::starting(Tick(0));
    let mut write = |stream: &mut OutStream, log: (Seat, &EncodedLog), room| {
        let mut bytes = vec![7];
        let carried = stream.write(log, &mut ends.scratch, &mut bytes, room);
        assert_eq!(bytes.remove(0), 7);
        (carried, bytes)
    };
    let log = (Seat(0), &ends.sent);
    for _ in 0..2 {
        assert_eq!(write(&mut behind, log, 100), alone);
    }
    // Too little room for all of it.
    let (carried, bytes) = write(&mut behind, log, alone.1.len() - 1);
    assert!(carried.end.0 < 3 && bytes.len() < alone.1.len());
    // Another seat, and another start.
    let mut other = EncodedLog::starting(Tick(0));
    for input in [b"x", b"y", b"z"] {
        other.push(input).unwrap();
    }
    let (_, bytes) = write(&mut OutStream::starting(Tick(0)), (Seat(1), &other), 100);
    assert_ne!(bytes, alone.1);
    let mut scratch = Scratch::default();
    let carried = Carried {
        end: Tick(1),
        ..alone.0
    };
    behind.acked(carried, &ends.sent, &mut scratch);
    let (from_start, bytes) = write(&mut behind, log, 100);
    let (from_one, others) = write(&mut OutStream::starting(Tick(1)), log, 100);
    assert_eq!(from_start, from_one);
    assert_ne!(bytes, others);
}
