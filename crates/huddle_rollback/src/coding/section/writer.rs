use huddle_session::{
    MAX_PACKET_LEN,
    wire::{put_varint, varint_len},
};

use super::head::{
    AHEAD_UNITS, HAS_AHEAD, HAS_CHECKSUM, HAS_SET, MAX_SHORT_LEAD, PARTS, ROUND, SectionHead,
};
use crate::{
    coding::{
        encoded::EncodedLog,
        stream::{Carried, OutStream, Scratch},
    },
    seat::Seat,
};

/// The most bytes that the length of a stream takes, in a section that fits a packet.
const LEN_LEN: usize = varint_len(MAX_PACKET_LEN as u64);

/// A section while it is written: all streams of the set in their order.
pub(crate) struct SectionWriter<'a> {
    out: &'a mut Vec<u8>,
    scratch: &'a mut Scratch,
    end: usize,
    /// How many streams are still to come.
    left: usize,
    /// Where the coded bytes of the last stream begin, if it has any. They lack their length.
    open: Option<usize>,
}

impl<'a> SectionWriter<'a> {
    /// Begins a section of set `number` with so many `streams`, which takes at most `limit` bytes.
    /// `None` if not even the empty streams fit.
    pub(crate) fn begin(
        out: &'a mut Vec<u8>,
        scratch: &'a mut Scratch,
        limit: usize,
        head: SectionHead,
        (number, streams): (u8, usize),
    ) -> Option<Self> {
        let head_at = out.len();
        put_head(out, head, number);
        let end = head_at + limit.min(MAX_PACKET_LEN);
        if out.len() + streams > end {
            out.truncate(head_at);
            return None;
        }
        Some(Self {
            out,
            scratch,
            end,
            left: streams,
            open: None,
        })
    }

    /// Adds the next stream, of this seat and its log, as much of it as fits. All share the room.
    pub(crate) fn stream(&mut self, stream: &mut OutStream, log: (Seat, &EncodedLog)) -> Carried {
        debug_assert!(self.left > 0, "more streams than were said");
        let others = self.left.saturating_sub(1);
        // A stream that has anything takes at least two bytes, so each of the others has as many
        // left: one for its number of ticks, one for the length of the stream before.
        let space = self.space() / (others + 1);
        let at = self.out.len();
        let carried = self.put(stream, log, space);
        if carried.is_empty() {
            self.out.push(0);
        }
        self.close(at, (!carried.is_empty()).then_some(at + 2));
        self.left = others;
        carried
    }

    /// Ends the section.
    pub(crate) fn finish(mut self) {
        // Streams that were not told have no ticks.
        while self.left > 0 {
            self.out.push(0);
            self.close(self.out.len() - 1, None);
            self.left -= 1;
        }
    }

    /// How much the next stream may take, besides the length of the one before.
    fn space(&self) -> usize {
        let len = if self.open.is_some() { LEN_LEN } else { 0 };
        self.end.saturating_sub(self.out.len() + len)
    }

    /// Writes a stream without its length, or nothing.
    fn put(&mut self, stream: &mut OutStream, log: (Seat, &EncodedLog), space: usize) -> Carried {
        let at = self.out.len();
        self.out.extend([0, stream.base().0 as u8]);
        let room = space.checked_sub(2);
        let mut carried = stream.write(log, self.scratch, self.out, room.unwrap_or(0));
        if carried.is_empty() {
            carried = stream.write_parts(log.1, self.out, room.unwrap_or(0));
        }
        if carried.is_empty() || room.is_none() {
            self.out.truncate(at);
            return carried.none();
        }
        self.out[at] = match carried.parts {
            0 => carried.count() as u8,
            _ => PARTS,
        };
        carried
    }

    /// Puts in the length of the stream before the one that begins at `next_at`, whose coded bytes
    /// are at `coded_at` until then.
    fn close(&mut self, next_at: usize, coded_at: Option<usize>) {
        let mut moved = 0;
        if let Some(start) = self.open {
            let mut len = [0; LEN_LEN];
            let value = next_at - start;
            moved = varint_len(value as u64);
            put_varint(&mut &mut len[..], value as u64);
            self.out.splice(start..start, len[..moved].iter().copied());
        }
        self.open = coded_at.map(|at| at + moved);
    }
}

fn put_head(out: &mut Vec<u8>, head: SectionHead, number: u8) {
    let more_lead = head.lead.checked_sub(MAX_SHORT_LEAD.into());
    let mut first = match more_lead {
        Some(_) => MAX_SHORT_LEAD,
        None => head.lead as u8,
    };
    let flags = [
        (HAS_AHEAD, head.ahead.is_some()),
        (HAS_CHECKSUM, head.checksum.is_some()),
        (HAS_SET, number != 0),
        (ROUND, head.round & 1 == 1),
    ];
    for (flag, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
        first |= flag;
    }
    out.push(first);
    if let Some(more) = more_lead {
        put_varint(out, more.into());
    }
    if number != 0 {
        out.push(number);
    }
    if let Some(ahead) = head.ahead {
        // What is no number becomes 0, and what is too large the largest.
        out.push(((ahead * AHEAD_UNITS).round() as i8).cast_unsigned());
    }
    if let Some(checksum) = head.checksum {
        out.extend((checksum.tick.0 as u16).to_le_bytes());
        out.extend(checksum.hash.to_le_bytes());
    }
}
