use huddle_session::Tick;

use super::{
    shared::Coded,
    trained::{MAX_CHANGED_LEN, Scratch, Trained},
};
use crate::{
    coding::{MAX_UNACKED, encoded::EncodedLog, oversize::PartsSent, range_coder::Encoder},
    seat::Seat,
};

/// The inputs of one seat towards one peer.
#[derive(Debug)]
pub(crate) struct OutStream {
    trained: Trained,
    /// The tick after the last that any packet has carried.
    reach: Tick,
    /// Acks of packets with an earlier base than this count for nothing.
    trusted_from: Tick,
    parts: PartsSent,
}

/// What a packet carries of a stream: to be handed to [`OutStream::acked`] when it is acked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) base: Tick,
    /// The tick after the last that it has whole.
    pub(crate) end: Tick,
    /// Which parts of the base's input it has, if that is too large for one packet.
    pub(crate) parts: u16,
}

impl Carried {
    /// How many ticks it has whole.
    pub(crate) fn count(self) -> u32 {
        self.end.since(self.base).unsigned_abs()
    }

    /// What the same packet would carry if nothing of the stream fitted.
    pub(in crate::coding) fn none(self) -> Self {
        Self {
            end: self.base,
            parts: 0,
            ..self
        }
    }

    /// Whether an ack of it would say anything.
    pub(crate) fn is_empty(self) -> bool {
        self.count() == 0 && self.parts == 0
    }
}

impl OutStream {
    /// A stream whose first tick is `start`.
    pub(crate) fn starting(start: Tick) -> Self {
        Self {
            trained: Trained::starting(start),
            reach: start,
            trusted_from: start,
            parts: PartsSent::default(),
        }
    }

    /// The first tick that the peer is not known to have.
    pub(crate) fn base(&self) -> Tick {
        self.trained.base
    }

    /// The first tick that the log must keep for this stream.
    pub(crate) fn needs_from(&self) -> Tick {
        self.trained.needs_from()
    }

    /// How many ticks of the log the peer is not known to have.
    pub(crate) fn unacked(&self, log: &EncodedLog) -> u32 {
        log.next().since(self.base()).max(0).unsigned_abs()
    }

    /// Appends as many unacked ticks as fit into `room` bytes, in their order. The log is the seat's;
    /// there is one of each seat with the same scratch.
    pub(in crate::coding) fn write(
        &mut self,
        (seat, log): (Seat, &EncodedLog),
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
        room: usize,
    ) -> Carried {
        let base = self.base();
        let end = base + self.unacked(log).min(MAX_UNACKED);
        let all = Coded {
            seat,
            start: self.trained.start,
            base,
            end,
        };
        let shared = scratch.shared.get(all);
        let end = match shared.filter(|bytes| bytes.len() <= room) {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                end
            }
            None => self.code(all, log, scratch, out, room),
        };
        if self.reach.is_after(end) {
            self.trusted_from = base;
        } else {
            self.reach = end;
        }
        Carried {
            base,
            end,
            parts: 0,
        }
    }

    /// Appends as many of these ticks as fit; returns the one after the last.
    fn code(
        &self,
        all: Coded,
        log: &EncodedLog,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
        room: usize,
    ) -> Tick {
        let at = out.len();
        let mut end = all.base;
        scratch.model.copy_from(&self.trained.model);
        let mut encoder = Encoder::new(out, room);
        let mut changed_len = 0;
        while all.end.is_after(end)
            && let Some((before, input)) = self.trained.before(log, end).zip(log.get(end))
        {
            let mark = encoder.mark();
            if input != before[0] {
                changed_len += input.len();
            }
            let coded = scratch
                .model
                .code(&mut encoder, before, input, &mut scratch.input);
            if coded.is_err() || !encoder.fits() || changed_len > MAX_CHANGED_LEN {
                encoder.go_back(mark);
                break;
            }
            end += 1;
        }
        encoder.finish();
        if end == all.end && end != all.base {
            scratch.shared.put(all, &out[at..]);
        }
        end
    }

    /// Appends as many parts of the base's input as fit into `room` bytes: for when it does not fit
    /// as a whole.
    pub(in crate::coding) fn write_parts(
        &mut self,
        log: &EncodedLog,
        out: &mut Vec<u8>,
        room: usize,
    ) -> Carried {
        let base = self.base();
        let parts = match log.get(base) {
            Some(input) => self.parts.write(input, out, room),
            None => 0,
        };
        Carried {
            base,
            end: base,
            parts,
        }
    }

    /// Takes the ack of a packet: the base moves on to what it carried, but never back. The log must
    /// have it.
    ///
    /// An ack does not always say that the ticks were taken: the receiver leaves them out if a
    /// packet with a later base has overtaken this one. That is no harm if the later one carried as
    /// much. If some later one with another base carried less, for lack of room, nobody knows; then
    /// the ack counts for nothing.
    pub(crate) fn acked(&mut self, carried: Carried, log: &EncodedLog, scratch: &mut Scratch) {
        let base = self.base();
        if carried.parts != 0 && carried.base == base {
            let input_len = log.get(base).map_or(0, <[u8]>::len);
            if self.parts.acked(carried.parts, input_len) {
                self.move_to(base + 1, log, scratch);
            }
        }
        if !self.trusted_from.is_after(carried.base) && !carried.end.is_after(self.reach) {
            self.move_to(carried.end, log, scratch);
        }
    }

    fn move_to(&mut self, base: Tick, log: &EncodedLog, scratch: &mut Scratch) {
        if base.is_after(self.base()) {
            // Who waits too long with an ack of inputs that are forgotten gets no more of them.
            let _ = self.trained.train(base, log, &mut scratch.input);
            self.parts = PartsSent::default();
        }
        if base.is_after(self.reach) {
            self.reach = base;
        }
    }
}
