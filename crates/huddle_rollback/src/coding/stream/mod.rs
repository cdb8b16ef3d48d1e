//! A seat's inputs on their way to one peer: [`OutStream`] at the one end, [`InStream`] at the
//! other.
//!
//! Both ends agree at which tick the stream starts. What the receiver has is known from acks of
//! packets: it has all ticks before the *base*. A packet carries ticks from the base on, coded with
//! the model that comes of all ticks before the base, and no other.
//!
//! Packets overtake each other, so the receiver may have gone on to a later base when one with an
//! earlier base comes. Then its model cannot read that packet, which is left out. That must not
//! count as received if it carried more than the one that overtook it, see [`OutStream::acked`].

mod incoming;
mod outgoing;
mod shared;
#[cfg(test)]
mod tests;

use huddle_session::Tick;

pub use self::incoming::StreamError;
pub(crate) use self::{
    incoming::InStream,
    outgoing::{Carried, OutStream},
};

use self::shared::Shared;
use super::{encoded::EncodedLog, model::Model, range_coder::Dry};

/// The most bytes of inputs that differ from the one before in what one packet carries of a seat.
/// It bounds how long reading can take.
const MAX_CHANGED_LEN: usize = 8 * 1024;

/// Memory that all streams use in turn.
#[derive(Debug)]
pub(crate) struct Scratch {
    model: Model,
    input: Vec<u8>,
    shared: Shared,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            model: Model::new(),
            input: Vec::new(),
            shared: Shared::default(),
        }
    }
}

/// The model of all ticks of a stream before one.
#[derive(Debug)]
struct Trained {
    start: Tick,
    base: Tick,
    model: Model,
}

impl Trained {
    fn starting(start: Tick) -> Self {
        Self {
            start,
            base: start,
            model: Model::new(),
        }
    }

    /// The first tick that must be kept for this to go on: the second before the base.
    fn needs_from(&self) -> Tick {
        let ticks = self.base.since(self.start).clamp(0, 2);
        Tick(self.base.0.wrapping_sub(ticks.unsigned_abs()))
    }

    /// The two inputs before a tick, the later one first; before the start they are empty. `None`
    /// if the log does not have them.
    fn before<'a>(&self, log: &'a EncodedLog, tick: Tick) -> Option<[&'a [u8]; 2]> {
        let back = |ticks: u32| match tick.since(self.start) < ticks.cast_signed() {
            true => Some(&[][..]),
            false => log.get(Tick(tick.0.wrapping_sub(ticks))),
        };
        Some([back(1)?, back(2)?])
    }

    /// Learns all ticks before `base`; says whether the log had them.
    #[must_use]
    fn train(&mut self, base: Tick, log: &EncodedLog, input: &mut Vec<u8>) -> bool {
        while base.is_after(self.base) {
            let Some((before, now)) = self.before(log, self.base).zip(log.get(self.base)) else {
                return false;
            };
            if self.model.code(&mut Dry, before, now, input).is_err() {
                return false;
            }
            self.base += 1;
        }
        true
    }
}
