//! What must hold of inputs from a peer whatever arrives.

use huddle_session::{MAX_PACKET_LEN, Tick};

use super::{
    MAX_INPUT_LEN, MAX_UNACKED,
    encoded::EncodedLog,
    section::{SectionHead, SectionReader, SectionWriter},
    stream::{InStream, OutStream, Scratch},
};
use crate::seat::{MAX_SEATS, Seat};

/// How far ahead of its log a peer may be here.
const AHEAD: u32 = MAX_UNACKED;

/// The number of the set that the receiver wants.
const SET: u8 = 0;

const START: Tick = Tick(1000);

/// How many ticks of the first seat the receiver has, and how many of them the sender knows of.
const KNOWN: u32 = 20;
const ACKED: u32 = 12;

/// A receiver of all seats by one peer, in the middle of a game.
pub(super) struct Receiver {
    logs: Vec<EncodedLog>,
    streams: Vec<InStream>,
    scratch: Scratch,
}

impl Receiver {
    /// After some ticks that are no secret.
    pub(super) fn in_a_game() -> Self {
        let mut receiver = Self {
            logs: vec![EncodedLog::starting(START); MAX_SEATS],
            streams: (0..MAX_SEATS).map(|_| InStream::starting(START)).collect(),
            scratch: Scratch::default(),
        };
        let mut sent = EncodedLog::starting(START);
        let mut stream = OutStream::starting(START);
        let mut scratch = Scratch::default();
        let mut out = Vec::new();
        for tick in 0..KNOWN {
            let input = [&tick.to_le_bytes()[..], &[tick as u8 / 6; 3]].concat();
            sent.push(&input).expect("it is short");
            out.clear();
            let head = SectionHead {
                round: 0,
                lead: 0,
                ahead: None,
                checksum: None,
            };
            let mut writer = SectionWriter::begin(
                &mut out,
                &mut scratch,
                MAX_PACKET_LEN,
                head,
                (SET, MAX_SEATS),
            )
            .expect("there is room");
            let carried = writer.stream(&mut stream, (Seat(0), &sent));
            writer.finish();
            assert_eq!(receiver.receive(&out), 0);
            // The last ones stay unacked, so that what comes may contradict them.
            if tick < ACKED {
                stream.acked(carried, &sent, &mut scratch);
            }
        }
        assert_eq!(receiver.logs[0].next(), START + KNOWN);
        receiver
    }

    /// Takes a section, and tells how many of its streams were refused.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        let set = |number| (number == SET).then_some(MAX_SEATS);
        let Ok(Some(reader)) = SectionReader::new(bytes, 0, START, set) else {
            return 0;
        };
        let mut refused = 0;
        for part in reader {
            let (stream, log) = (&mut self.streams[part.stream], &mut self.logs[part.stream]);
            let before = log.next();
            let horizon = before + AHEAD;
            let taken = part.take(stream, log, horizon, &mut self.scratch);
            assert!(taken.is_ok() || log.next() == before);
            assert!(!before.is_after(log.next()) && !log.next().is_after(horizon));
            refused += usize::from(taken.is_err());
            let mut tick = before;
            while log.next().is_after(tick) {
                assert!(
                    log.get(tick)
                        .is_some_and(|input| input.len() <= MAX_INPUT_LEN)
                );
                tick += 1;
            }
            log.forget_before(stream.needs_from());
            assert!(log.next().since(log.first()).unsigned_abs() <= 4 * MAX_UNACKED);
        }
        refused
    }
}

/// Sections in a row, each after its length in two bytes.
pub fn input_sections(bytes: &[u8]) {
    let mut receiver = Receiver::in_a_game();
    let mut rest = bytes;
    while let [low, high, more @ ..] = rest {
        let len = usize::from(u16::from_le_bytes([*low, *high])) % (MAX_PACKET_LEN + 1);
        let (section, more) = more.split_at(len.min(more.len()));
        receiver.receive(section);
        rest = more;
    }
}
