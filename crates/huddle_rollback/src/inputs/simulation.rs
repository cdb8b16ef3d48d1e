//! Both ends of all streams of a link, on a network that loses, delays, reorders and duplicates.

use fastrand::Rng;
use huddle_session::Tick;
use proptest::prelude::*;

use super::{
    encoded::EncodedLog,
    fuzzing::{Receiver, input_sections},
    limits::{MAX_INPUT_LEN, MAX_UNACKED},
    section::{SectionHead, SectionReader, write_section},
    stream::{InStream, OutStream},
};
use crate::seat::{MAX_SEATS, Seat};

const MATCH: u32 = 3;

/// Both ends of a seat's stream.
struct Stream {
    start: Tick,
    sent: EncodedLog,
    incoming: InStream,
    received: EncodedLog,
    /// All inputs since the start.
    all: Vec<Vec<u8>>,
    kind: usize,
}

/// A packet in flight, or its ack. It has the end of each stream's ticks.
enum Message {
    Section(Vec<u8>, Vec<Tick>),
    Ack(Vec<Tick>),
}

struct Link {
    rng: Rng,
    outgoing: Vec<(Seat, OutStream)>,
    streams: Vec<Stream>,
    subscription: u8,
    in_flight: Vec<(u32, Message)>,
    loss: f64,
    jitter: u32,
    packets: usize,
}

impl Link {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let subscription = rng.u8(0..3);
        let streams: Vec<_> = (0..rng.usize(1..5))
            .map(|_| {
                let start = Tick(if rng.bool() { 0 } else { rng.u32(..1 << 20) });
                Stream {
                    start,
                    sent: EncodedLog::starting(start),
                    incoming: InStream::starting(start),
                    received: EncodedLog::starting(start),
                    all: Vec::new(),
                    kind: rng.usize(0..6),
                }
            })
            .collect();
        let outgoing = streams
            .iter()
            .map(|stream| OutStream::starting(stream.start));
        Self {
            outgoing: (0..).map(Seat).zip(outgoing).collect(),
            streams,
            subscription,
            in_flight: Vec::new(),
            loss: rng.f64() * 0.6,
            jitter: rng.u32(1..25),
            packets: 0,
            rng,
        }
    }

    fn send(&mut self, now: u32, message: impl Fn() -> Message) {
        let copies = match self.rng.f64() {
            x if x < self.loss => 0,
            x if x < 0.9 => 1,
            _ => 2,
        };
        for _ in 0..copies {
            let arrives = now + 1 + self.rng.u32(0..self.jitter);
            self.in_flight.push((arrives, message()));
        }
    }

    /// Runs a tick of the sender: adds inputs, and sends a packet with a random amount of space.
    fn step(&mut self, now: u32, plays: bool) {
        for ((_, out), stream) in self.outgoing.iter().zip(&mut self.streams) {
            if plays && out.unacked(&stream.sent) < 120 {
                let input = next_input(&mut self.rng, stream.kind, &stream.all);
                stream.sent.push(&input).unwrap();
                stream.all.push(input);
            }
            let needed = out.base().since(stream.start).min(2) as u32;
            stream
                .sent
                .forget_before(Tick(out.base().0.wrapping_sub(needed)));
        }
        let limit = match self.rng.u32(0..10) {
            0 => self.rng.usize(0..60),
            1..4 => self.rng.usize(0..700),
            _ => 1100,
        };
        let head = SectionHead {
            lead: now,
            ahead: None,
            checksum: None,
        };
        let mut bytes = Vec::new();
        let mut ends = vec![Tick(0); self.streams.len()];
        self.packets += 1;
        let first = self.packets % self.streams.len();
        let (section, streams) = ((MATCH, self.subscription), (&self.outgoing[..], first));
        let log = |seat: Seat| Some(&self.streams[seat.index()].sent);
        if write_section(&mut bytes, limit, section, head, streams, log, &mut ends) {
            assert!(bytes.len() <= limit);
            self.send(now, || Message::Section(bytes.clone(), ends.clone()));
        }
        self.arrive(now);
    }

    fn arrive(&mut self, now: u32) {
        let (mut arrived, in_flight): (Vec<_>, _) =
            self.in_flight.drain(..).partition(|&(at, _)| at <= now);
        self.in_flight = in_flight;
        self.rng.shuffle(&mut arrived);
        for (_, message) in arrived {
            match message {
                Message::Section(bytes, ends) => {
                    self.receive(now, &bytes, &ends);
                    self.send(now, || Message::Ack(ends.clone()));
                }
                Message::Ack(ends) => {
                    for ((_, stream), end) in self.outgoing.iter_mut().zip(ends) {
                        stream.acked(end);
                    }
                }
            }
        }
    }

    fn receive(&mut self, now: u32, bytes: &[u8], ends: &[Tick]) {
        let streams = |number| (number == self.subscription).then_some(self.streams.len());
        let reader = SectionReader::new(bytes, MATCH, Tick(0), streams);
        let reader = reader.unwrap().unwrap();
        assert!(reader.head.lead <= now);
        for part in reader {
            let stream = &mut self.streams[part.stream];
            let horizon = stream.received.next() + MAX_UNACKED;
            let received = stream
                .incoming
                .receive(&part, &mut stream.received, horizon);
            received.unwrap();
        }
        for (stream, end) in self.streams.iter_mut().zip(ends) {
            let log = &mut stream.received;
            assert!(
                !end.is_after(log.next()),
                "an ack means that all has arrived"
            );
            assert_eq!(log.next(), stream.incoming.next());
            let mut tick = log.first();
            while log.next().is_after(tick) {
                let index = tick.since(stream.start) as usize;
                assert_eq!(log.get(tick), Some(&stream.all[index][..]));
                tick += 1;
            }
            let kept = log.next().since(stream.start).min(2 * MAX_UNACKED as i32) as u32;
            log.forget_before(Tick(log.next().0.wrapping_sub(kept)));
        }
    }
}

fn next_input(rng: &mut Rng, kind: usize, all: &[Vec<u8>]) -> Vec<u8> {
    let mut input = all.last().cloned().unwrap_or_default();
    match kind {
        0 => input.resize(4, 1),
        1 => {
            input.resize(2, 0);
            if rng.u8(0..10) == 0 {
                input[0] ^= 1 << rng.u8(0..8);
            }
        }
        2 => input = (all.len() as u32 * 311).to_le_bytes().to_vec(),
        3 => input = (0..rng.usize(0..9)).map(|_| rng.u8(..)).collect(),
        4 if rng.u8(0..40) == 0 => {
            input = (0..rng.usize(0..=MAX_INPUT_LEN))
                .map(|_| rng.u8(..))
                .collect();
        }
        _ if rng.u8(0..30) == 0 => input = vec![rng.u8(..); rng.usize(0..400)],
        _ => {}
    }
    input
}

#[test]
fn all_inputs_arrive_over_a_bad_network() {
    let seeds = match std::env::var("HUDDLE_SEED") {
        Ok(seed) => {
            let seed = seed.parse().unwrap();
            seed..seed + 1
        }
        Err(_) => 0..15,
    };
    for seed in seeds {
        println!("HUDDLE_SEED={seed}");
        let mut link = Link::new(seed);
        let ticks = link.rng.u32(100..500);
        for now in 0..ticks {
            link.step(now, true);
        }
        link.loss = 0.0;
        for now in ticks..ticks + 1500 {
            link.step(now, false);
        }
        for ((_, out), stream) in link.outgoing.iter().zip(&link.streams) {
            assert_eq!(
                stream.received.next(),
                stream.start + stream.all.len() as u32
            );
            assert_eq!(out.unacked(&stream.sent), 0);
            assert!(stream.all.len() >= 10);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_keep_known_inputs(bytes in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..300)) {
        input_sections(&bytes);
    }

    #[test]
    fn invented_ticks_keep_known_inputs(
        ticks in prop::collection::vec(
            (1u8..=129, 240u8..255, prop::collection::vec(any::<u8>(), 0..60)),
            1..20,
        ),
    ) {
        let mut receiver = Receiver::in_a_match();
        for (count, base, coded) in ticks {
            // The match, the lead, ticks of the first seat, and no ticks of the other seats.
            let head = [0, 2, count, base, coded.len() as u8];
            receiver.receive(&[&head[..], &coded, &[0; MAX_SEATS - 1]].concat());
        }
    }
}

#[test]
fn ticks_that_contradict_known_ones_are_rejected() {
    let mut refused = 0;
    for byte in 0..=255 {
        let mut receiver = Receiver::in_a_match();
        // From tick 1015 on; the receiver has all ticks before 1020.
        let seat = [0, 2, 7, 247, 2, byte, byte];
        refused += receiver.receive(&[&seat[..], &[0; MAX_SEATS - 1]].concat());
    }
    assert!(refused > 250, "{refused}");
}
