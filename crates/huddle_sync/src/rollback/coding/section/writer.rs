use super::{HAS_CHECKSUM, HAS_RELAYED, MAX_SHORT_LEAD, MORE_FOLLOW, PARTS, SectionHead};
use crate::{
    MAX_PACKET_LEN,
    rollback::{
        Seat,
        coding::{
            encoded::EncodedLog,
            stream::{Carried, OutStream, Scratch},
        },
    },
    wire::{put_varint, varint_len},
};

/// The most bytes that the length of a stream takes, in a section that fits a packet.
const LEN_LEN: usize = varint_len(MAX_PACKET_LEN as u64);

/// A section while it is written: first all own streams in their order, then relayed ones.
pub(crate) struct SectionWriter<'a> {
    out: &'a mut Vec<u8>,
    scratch: &'a mut Scratch,
    head_at: usize,
    end: usize,
    own_left: usize,
    /// Where the coded bytes of the last stream begin, if it has any. They lack their length.
    open: Option<usize>,
    last_relayed_at: Option<usize>,
}

impl<'a> SectionWriter<'a> {
    /// Begins a section that takes at most `limit` bytes, from a sender with `own` seats. `None` if
    /// not even the empty streams of these fit.
    pub(crate) fn begin(
        out: &'a mut Vec<u8>,
        scratch: &'a mut Scratch,
        limit: usize,
        head: SectionHead,
        own: usize,
    ) -> Option<Self> {
        let head_at = out.len();
        put_head(out, head);
        let end = head_at + limit.min(MAX_PACKET_LEN);
        if out.len() + own > end {
            out.truncate(head_at);
            return None;
        }
        Some(Self {
            out,
            scratch,
            head_at,
            end,
            own_left: own,
            open: None,
            last_relayed_at: None,
        })
    }

    /// Adds the stream of the next own seat, as much of it as fits. The own seats share the room.
    pub(crate) fn own(&mut self, stream: &mut OutStream, log: &EncodedLog) -> Carried {
        debug_assert!(self.own_left > 0, "more own seats than were said");
        let others = self.own_left.saturating_sub(1);
        // Each of the others has at least its number of ticks, and makes the one before it have a
        // length.
        let space = self.space().saturating_sub((1 + LEN_LEN) * others);
        let at = self.out.len();
        let carried = self.stream(stream, log, space / (others + 1));
        if carried.is_empty() {
            self.out.push(0);
        }
        self.close(at, (!carried.is_empty()).then_some(at + 2));
        self.own_left = others;
        carried
    }

    /// Adds the stream of a seat that somebody else plays, if any of it fits.
    pub(crate) fn relayed(
        &mut self,
        seat: Seat,
        stream: &mut OutStream,
        log: &EncodedLog,
    ) -> Carried {
        self.fill_own();
        let space = self.space().saturating_sub(1);
        let at = self.out.len();
        self.out.push(seat.0);
        let carried = self.stream(stream, log, space);
        if carried.is_empty() {
            self.out.truncate(at);
            return carried;
        }
        match self.last_relayed_at {
            Some(before) => self.out[before] |= MORE_FOLLOW,
            None => self.out[self.head_at] |= HAS_RELAYED,
        }
        let moved = self.close(at, Some(at + 3));
        self.last_relayed_at = Some(at + moved);
        carried
    }

    /// Ends the section.
    pub(crate) fn finish(mut self) {
        self.fill_own();
    }

    /// Own seats that were not told have no ticks.
    fn fill_own(&mut self) {
        while self.own_left > 0 {
            self.out.push(0);
            self.close(self.out.len() - 1, None);
            self.own_left -= 1;
        }
    }

    /// How much the next stream may take, besides the length of the one before.
    fn space(&self) -> usize {
        let len = if self.open.is_some() { LEN_LEN } else { 0 };
        self.end.saturating_sub(self.out.len() + len)
    }

    /// Writes a stream without its length, or nothing.
    fn stream(&mut self, stream: &mut OutStream, log: &EncodedLog, space: usize) -> Carried {
        let at = self.out.len();
        self.out.extend([0, stream.base().0 as u8]);
        let room = space.checked_sub(2);
        let mut carried = stream.write(log, self.scratch, self.out, room.unwrap_or(0));
        if carried.is_empty() {
            carried = stream.write_parts(log, self.out, room.unwrap_or(0));
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

    /// Puts in the length of the stream before the one that begins at `next_at`. Returns by how much
    /// that has moved this one, whose coded bytes were at `coded_at`.
    fn close(&mut self, next_at: usize, coded_at: Option<usize>) -> usize {
        let mut moved = 0;
        if let Some(start) = self.open {
            let mut len = [0; LEN_LEN];
            let value = next_at - start;
            moved = varint_len(value as u64);
            put_varint(&mut &mut len[..], value as u64);
            self.out.splice(start..start, len[..moved].iter().copied());
        }
        self.open = coded_at.map(|at| at + moved);
        moved
    }
}

fn put_head(out: &mut Vec<u8>, head: SectionHead) {
    let more_lead = head.lead.checked_sub(MAX_SHORT_LEAD.into());
    let short_lead = match more_lead {
        Some(_) => MAX_SHORT_LEAD,
        None => head.lead as u8,
    };
    let flags = if head.checksum.is_some() {
        HAS_CHECKSUM
    } else {
        0
    };
    out.push(short_lead | flags);
    if let Some(more) = more_lead {
        put_varint(out, more.into());
    }
    if let Some(checksum) = head.checksum {
        out.extend((checksum.tick.0 as u16).to_le_bytes());
        out.extend(checksum.hash.to_le_bytes());
    }
}
