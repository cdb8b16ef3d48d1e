//! What must hold of inputs from a peer whatever arrives.

use bytes::Bytes;

use super::{
    MAX_INPUT_LEN, MAX_UNACKED,
    encoded::EncodedLog,
    section::{Place, SectionHead, SectionReader, SectionWriter},
    stream::{InStream, OutStream, Scratch},
};
use crate::{
    MAX_PACKET_LEN, Tick,
    rollback::{MAX_SEATS, Seat},
};

/// How far ahead of its log a peer may be here.
const AHEAD: u32 = MAX_UNACKED;

/// A receiver of two seats of a peer, who relays all others, in the middle of a game.
pub(super) struct Receiver {
    logs: Vec<EncodedLog>,
    own: [InStream; 2],
    relayed: Vec<InStream>,
    scratch: Scratch,
}

const OWN: usize = 2;
const START: Tick = Tick(1000);

impl Receiver {
    /// After some ticks that are no secret.
    pub(super) fn in_a_game() -> Self {
        let mut receiver = Self {
            logs: vec![EncodedLog::starting(START); OWN + MAX_SEATS],
            own: [START; OWN].map(InStream::starting),
            relayed: (0..MAX_SEATS).map(|_| InStream::starting(START)).collect(),
            scratch: Scratch::default(),
        };
        let mut sent = EncodedLog::starting(START);
        let mut stream = OutStream::starting(START);
        let mut scratch = Scratch::default();
        let mut out = Vec::new();
        for tick in 0..20u32 {
            let input = [&tick.to_le_bytes()[..], &[tick as u8 / 6; 3]].concat();
            sent.push(&input).expect("it is short");
            out.clear();
            let head = SectionHead {
                lead: 0,
                checksum: None,
            };
            let mut writer =
                SectionWriter::begin(&mut out, &mut scratch, MAX_PACKET_LEN, head, OWN)
                    .expect("there is room");
            let carried = writer.own(&mut stream, &sent);
            writer.finish();
            assert_eq!(receiver.receive(&out), 0);
            stream.acked(carried, &sent, &mut scratch);
        }
        assert_eq!(receiver.logs[0].next(), START + 20);
        receiver
    }

    /// Takes a section, and tells how many of its streams were refused.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        let bytes = Bytes::copy_from_slice(bytes);
        let Ok(reader) = SectionReader::new(bytes, OWN, START) else {
            return 0;
        };
        let mut refused = 0;
        for part in reader {
            let (stream, log) = match part.place {
                Place::Own(index) => (&mut self.own[index], &mut self.logs[index]),
                Place::Relayed(Seat(seat)) => {
                    let seat = usize::from(seat);
                    (&mut self.relayed[seat], &mut self.logs[OWN + seat])
                }
            };
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
