//! The transfer of a seat's inputs to one peer: [`OutStream`] at the sender, [`InStream`] at the
//! receiver.
//!
//! The *base* is the first tick that the receiver has not acked. A packet carries ticks from the
//! base on, each encoded relative to the two ticks before it ([`delta`](super::delta)). The
//! receiver has those of the base, because it acked them. Ticks before the start of the stream count
//! as empty inputs, so a stream does not depend on earlier data.
//!
//! A receiver accepts every packet, including packets that a newer one has overtaken. An ack therefore
//! means that the receiver has all ticks of the packet.

use huddle_session::Tick;
use thiserror::Error;

use super::{
    bits::{BitReader, BitWriter},
    delta::{self, Before, Delta},
    encoded::{EncodedLog, InputTooLong},
    limits::{MAX_INPUT_LEN, MAX_UNACKED},
    section::StreamPart,
};

/// Errors in the inputs of a seat in a packet. An honest peer never sends such inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StreamError {
    /// The peer cannot be that far ahead.
    #[error("the inputs up to tick {end} are too far ahead: tick {horizon} cannot have begun yet")]
    TooFarAhead {
        /// The tick after the last input.
        end: Tick,
        /// The first tick that is not accepted.
        horizon: Tick,
    },
    /// The inputs before these are not known.
    #[error("the inputs from tick {0} on do not continue those that were received")]
    Gap(Tick),
    /// The input of a tick differs from the one that was received first.
    #[error("the input of tick {0} differs from the one that was received first")]
    Contradiction(Tick),
    /// An input is too long.
    #[error("the input of tick {tick} has {len} bytes, but at most {MAX_INPUT_LEN} are allowed")]
    InputTooLong {
        /// The tick of the input.
        tick: Tick,
        /// The length of the input.
        len: usize,
    },
    /// Bytes follow the last input.
    #[error("{0} bytes follow the inputs of a seat")]
    TrailingBytes(usize),
}

/// The sender's end of a stream.
#[derive(Debug)]
pub(crate) struct OutStream {
    start: Tick,
    base: Tick,
}

impl OutStream {
    pub(crate) fn starting(start: Tick) -> Self {
        Self { start, base: start }
    }

    /// Returns the first tick that the receiver has not acked.
    pub(crate) fn base(&self) -> Tick {
        self.base
    }

    /// Returns the number of ticks in the log that the receiver has not acked.
    pub(crate) fn unacked(&self, log: &EncodedLog) -> u32 {
        log.next().since(self.base).max(0).unsigned_abs()
    }

    /// Reports that the receiver has acked a packet with the ticks before `end`.
    pub(crate) fn acked(&mut self, end: Tick) {
        if end.is_after(self.base) {
            self.base = end;
        }
    }

    /// Returns the end of the unacked ticks that fit into `room` bytes, and how many bytes they
    /// take.
    pub(super) fn fit(&self, log: &EncodedLog, room: usize) -> (Tick, usize) {
        let (mut end, mut len, mut bits) = (self.base, 0, 0);
        while end.since(self.base) < MAX_UNACKED.cast_signed()
            && let Some(delta) = self.delta(log, end)
        {
            bits += delta.bits();
            // Zeros at the end are not sent.
            if !delta.is_zero() {
                let with_delta = usize::div_ceil(bits, 8);
                if with_delta > room {
                    break;
                }
                len = with_delta;
            }
            end += 1;
        }
        (end, len)
    }

    /// Appends the ticks before `end`, which take `len` bytes ([`fit`](Self::fit)).
    pub(super) fn write(&self, log: &EncodedLog, end: Tick, len: usize, out: &mut Vec<u8>) {
        let at = out.len();
        let mut bits = BitWriter::new(out);
        let mut tick = self.base;
        while end.is_after(tick)
            && let Some(delta) = self.delta(log, tick)
        {
            delta.write(&mut bits);
            tick += 1;
        }
        out.truncate(at + len);
    }

    fn delta<'a>(&self, log: &'a EncodedLog, tick: Tick) -> Option<Delta<'a>> {
        Some(Delta::new(log.get(tick)?, before(log, self.start, tick)?))
    }
}

/// The receiver's end of a stream.
#[derive(Debug)]
pub(crate) struct InStream {
    start: Tick,
    next: Tick,
}

impl InStream {
    /// Creates a stream that starts at `start`. The log must contain all ticks before.
    pub(crate) fn starting(start: Tick) -> Self {
        Self { start, next: start }
    }

    /// Returns the first tick that has not arrived in this stream.
    pub(crate) fn next(&self) -> Tick {
        self.next
    }

    /// Resolves the low 8 bits of a base. The sender's base is at most 255 ticks before
    /// [`next`](Self::next).
    fn base(&self, low: u8) -> Tick {
        let behind = (self.next.0 as u8).wrapping_sub(low);
        Tick(self.next.0.wrapping_sub(behind.into()))
    }

    /// Receives a packet's part of this stream, and appends new inputs to the log. All ticks must be
    /// before `horizon`.
    ///
    /// # Errors
    /// Returns an error if the part is invalid. The log is then unchanged.
    pub(crate) fn receive(
        &mut self,
        part: &StreamPart<'_>,
        log: &mut EncodedLog,
        horizon: Tick,
    ) -> Result<(), StreamError> {
        let base = self.base(part.base);
        if self.start.is_after(base) {
            return Err(StreamError::Gap(base));
        }
        let end = base + u32::from(part.count);
        if !end.is_after(self.next) {
            return Ok(());
        }
        if end.is_after(horizon) {
            return Err(StreamError::TooFarAhead { end, horizon });
        }
        let known = log.next();
        // The inputs may have arrived by another way.
        if end.is_after(known) {
            self.read(base, end, part.coded, log)
                .inspect_err(|_| log.truncate(known))?;
        }
        self.next = end;
        Ok(())
    }

    fn read(
        &self,
        mut tick: Tick,
        end: Tick,
        coded: &[u8],
        log: &mut EncodedLog,
    ) -> Result<(), StreamError> {
        let mut bits = BitReader::new(coded);
        let mut space = [0; MAX_INPUT_LEN];
        while end.is_after(tick) {
            let too_long = |len| StreamError::InputTooLong { tick, len };
            let before = before(log, self.start, tick).ok_or(StreamError::Gap(tick))?;
            let input = delta::read(&mut bits, before, &mut space).map_err(too_long)?;
            match log.get(tick) {
                Some(known) if known == input => {}
                Some(_) => return Err(StreamError::Contradiction(tick)),
                None if tick == log.next() => {
                    log.push(input).map_err(|InputTooLong(len)| too_long(len))?
                }
                None => return Err(StreamError::Gap(tick)),
            }
            tick += 1;
        }
        match bits.rest() {
            (0, _) => Ok(()),
            (left, _) => Err(StreamError::TrailingBytes(left)),
        }
    }
}

/// Returns the two inputs before a tick of a stream, if the log contains them.
fn before(log: &EncodedLog, start: Tick, tick: Tick) -> Option<Before<'_>> {
    let back = |ticks: u32| match tick.since(start) < ticks.cast_signed() {
        true => Some(&[][..]),
        false => log.get(Tick(tick.0.wrapping_sub(ticks))),
    };
    Some(Before {
        last: back(1)?,
        earlier: back(2)?,
    })
}

#[cfg(test)]
mod tests;
