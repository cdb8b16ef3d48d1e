//! Both ends of all streams of a link on a network that loses, delays, reorders and doubles.

use fastrand::Rng;
use huddle_session::Tick;
use proptest::prelude::*;

use super::{
    MAX_INPUT_LEN,
    encoded::EncodedLog,
    fuzzing::{Receiver, input_sections},
    section::{SectionHead, SectionReader, SectionWriter},
    stream::{Carried, InStream, OutStream, Scratch},
};
use crate::seat::{MAX_SEATS, Seat};

/// One seat's stream, and its logs at both ends.
struct Stream {
    start: Tick,
    out: OutStream,
    sent: EncodedLog,
    incoming: InStream,
    received: EncodedLog,
    /// All that was ever sent.
    all: Vec<Vec<u8>>,
    kind: usize,
}

/// A packet or an ack of one under way.
enum Message {
    Section(Vec<u8>, Vec<(usize, Carried)>),
    Ack(Vec<(usize, Carried)>),
}

struct Link {
    rng: Rng,
    streams: Vec<Stream>,
    number: u8,
    under_way: Vec<(u32, Message)>,
    loss: f64,
    jitter: u32,
    scratch: Scratch,
    scratch_there: Scratch,
}

impl Link {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let number = rng.u8(0..3);
        let streams = (0..rng.usize(1..5))
            .map(|_| {
                let start = Tick(if rng.bool() { 0 } else { rng.u32(..1 << 20) });
                Stream {
                    start,
                    out: OutStream::starting(start),
                    sent: EncodedLog::starting(start),
                    incoming: InStream::starting(start),
                    received: EncodedLog::starting(start),
                    all: Vec::new(),
                    kind: rng.usize(0..6),
                }
            })
            .collect();
        Self {
            streams,
            number,
            under_way: Vec::new(),
            loss: rng.f64() * 0.6,
            jitter: rng.u32(1..25),
            scratch: Scratch::default(),
            scratch_there: Scratch::default(),
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
            self.under_way.push((arrives, message()));
        }
    }

    /// A tick at the sender: inputs, and a packet with as much room as there happens to be.
    fn step(&mut self, now: u32, plays: bool) {
        for stream in &mut self.streams {
            if plays && stream.out.unacked(&stream.sent) < 120 {
                let input = next_input(&mut self.rng, stream.kind, &stream.all);
                stream.sent.push(&input).unwrap();
                stream.all.push(input);
            }
            stream.sent.forget_before(stream.out.needs_from());
        }
        let limit = match self.rng.u32(0..10) {
            0 => self.rng.usize(0..60),
            1..4 => self.rng.usize(0..700),
            _ => 1100,
        };
        let head = SectionHead {
            round: 1,
            lead: now,
            ahead: None,
            checksum: None,
        };
        let mut bytes = Vec::new();
        let mut carried = Vec::new();
        let set = (self.number, self.streams.len());
        if let Some(mut writer) =
            SectionWriter::begin(&mut bytes, &mut self.scratch, limit, head, set)
        {
            for (i, stream) in self.streams.iter_mut().enumerate() {
                carried.push((
                    i,
                    writer.stream(&mut stream.out, (Seat(i as u8), &stream.sent)),
                ));
            }
            writer.finish();
            assert!(bytes.len() <= limit);
            self.send(now, || Message::Section(bytes.clone(), carried.clone()));
        }
        self.arrive(now);
    }

    fn arrive(&mut self, now: u32) {
        let (mut arrived, under_way): (Vec<_>, _) =
            self.under_way.drain(..).partition(|&(at, _)| at <= now);
        self.under_way = under_way;
        self.rng.shuffle(&mut arrived);
        for (_, message) in arrived {
            match message {
                Message::Section(bytes, carried) => {
                    self.receive(now, bytes);
                    self.send(now, || Message::Ack(carried.clone()));
                }
                Message::Ack(carried) => {
                    for (i, carried) in carried {
                        let stream = &mut self.streams[i];
                        stream.out.acked(carried, &stream.sent, &mut self.scratch);
                    }
                }
            }
        }
    }

    fn receive(&mut self, now: u32, bytes: Vec<u8>) {
        let set = |number| (number == self.number).then_some(self.streams.len());
        let reader = SectionReader::new(&bytes, 1, Tick(0), set);
        let reader = reader.unwrap().unwrap();
        assert!(reader.head.lead <= now);
        for part in reader {
            let stream = &mut self.streams[part.stream];
            let horizon = stream.received.next() + 128;
            part.take(
                &mut stream.incoming,
                &mut stream.received,
                horizon,
                &mut self.scratch_there,
            )
            .unwrap();
            let log = &stream.received;
            let mut tick = log.first();
            while log.next().is_after(tick) {
                let index = tick.since(stream.start) as usize;
                assert_eq!(log.get(tick), Some(&stream.all[index][..]));
                tick += 1;
            }
            assert_eq!(log.next(), stream.incoming.next());
            stream.received.forget_before(stream.incoming.needs_from());
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
fn all_inputs_arrive_whatever_the_network_does() {
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
        for stream in &link.streams {
            assert_eq!(
                stream.received.next(),
                stream.start + stream.all.len() as u32
            );
            assert_eq!(stream.out.unacked(&stream.sent), 0);
            assert!(stream.all.len() >= 10);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..300)) {
        input_sections(&bytes);
    }

    #[test]
    fn made_up_ticks_do_no_harm(
        ticks in prop::collection::vec(
            (1u8..=129, 240u8..255, prop::collection::vec(any::<u8>(), 0..60)),
            1..20,
        ),
    ) {
        let mut receiver = Receiver::in_a_game();
        for (count, base, coded) in ticks {
            // The lead, the first seat, and nothing of the others.
            let head = [2, count, base, coded.len() as u8];
            receiver.receive(&[&head[..], &coded, &[0; MAX_SEATS - 1]].concat());
        }
    }
}

#[test]
fn ticks_that_cannot_be_are_refused() {
    let mut refused = 0;
    for byte in 0..=255 {
        let mut receiver = Receiver::in_a_game();
        // From tick 1015 on, where 1020 is the next.
        let seat = [2, 7, 247, 2, byte, byte];
        refused += receiver.receive(&[&seat[..], &[0; MAX_SEATS - 1]].concat());
    }
    assert!(refused > 250, "{refused}");
}
