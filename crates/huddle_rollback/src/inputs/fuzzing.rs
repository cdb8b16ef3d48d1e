//! Invariants of the input decoders for arbitrary data.

use huddle_session::{MAX_PACKET_LEN, Tick};

use super::{
    encoded::EncodedLog,
    limits::{MAX_INPUT_LEN, MAX_UNACKED},
    section::{SectionHead, SectionReader, write_section},
    stream::{InStream, OutStream},
};
use crate::seat::{MAX_SEATS, Seat};

/// The maximum lead of a peer over its log, in ticks.
const AHEAD: u32 = MAX_UNACKED;

/// The match and the subscription that the receiver accepts.
pub(super) const SECTION: (u32, u8) = (0, 0);

const START: Tick = Tick(1000);

/// The number of ticks of the first seat that the receiver has, and the number of those that it acked.
const KNOWN: u32 = 20;
const ACKED: u32 = 12;

/// A receiver of all seats from one peer, in the middle of a match.
pub(super) struct Receiver {
    logs: Vec<EncodedLog>,
    streams: Vec<InStream>,
}

impl Receiver {
    /// Creates a receiver that has received some ticks.
    pub(super) fn in_a_match() -> Self {
        let mut receiver = Self {
            logs: vec![EncodedLog::starting(START); MAX_SEATS],
            streams: (0..MAX_SEATS).map(|_| InStream::starting(START)).collect(),
        };
        let mut sent = EncodedLog::starting(START);
        let streams = (0..MAX_SEATS as u8).map(|seat| (Seat(seat), OutStream::starting(START)));
        let mut streams: Vec<_> = streams.collect();
        let mut ends = [START; MAX_SEATS];
        let mut out = Vec::new();
        for tick in 0..KNOWN {
            let input = [&tick.to_le_bytes()[..], &[tick as u8 / 6; 3]].concat();
            sent.push(&input).expect("it is short");
            out.clear();
            let head = SectionHead {
                lead: 0,
                ahead: None,
                checksum: None,
            };
            let log = |seat: Seat| (seat == Seat(0)).then_some(&sent);
            let streams_from = (&streams[..], 0);
            let is_written = write_section(
                &mut out,
                MAX_PACKET_LEN,
                SECTION,
                head,
                streams_from,
                log,
                &mut ends,
            );
            assert!(is_written && receiver.receive(&out) == 0);
            // The last ticks stay unacked, so that later packets may contradict them.
            if tick < ACKED {
                streams[0].1.acked(ends[0]);
            }
        }
        assert_eq!(receiver.logs[0].next(), START + KNOWN);
        receiver
    }

    /// Receives a section. Returns the number of rejected streams.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        let (match_number, subscription) = SECTION;
        let streams = |number| (number == subscription).then_some(MAX_SEATS);
        let Ok(Some(reader)) = SectionReader::new(bytes, match_number, START, streams) else {
            return 0;
        };
        let mut refused = 0;
        for part in reader {
            let (stream, log) = (&mut self.streams[part.stream], &mut self.logs[part.stream]);
            let before = log.next();
            let horizon = before + AHEAD;
            let received = stream.receive(&part, log, horizon);
            assert!(received.is_ok() || log.next() == before);
            assert!(!before.is_after(log.next()) && !log.next().is_after(horizon));
            refused += usize::from(received.is_err());
            let mut tick = before;
            while log.next().is_after(tick) {
                assert!(
                    log.get(tick)
                        .is_some_and(|input| input.len() <= MAX_INPUT_LEN)
                );
                tick += 1;
            }
            log.forget_before(Tick(log.next().0 - 2 * MAX_UNACKED));
        }
        refused
    }
}

/// Receives consecutive sections. Two bytes with the length precede each section.
pub fn input_sections(bytes: &[u8]) {
    let mut receiver = Receiver::in_a_match();
    let mut rest = bytes;
    while let [low, high, more @ ..] = rest {
        let len = usize::from(u16::from_le_bytes([*low, *high])) % (MAX_PACKET_LEN + 1);
        let (section, more) = more.split_at(len.min(more.len()));
        receiver.receive(section);
        rest = more;
    }
}
