//! The model of a stream, trained on the ticks that both ends have.

use huddle_session::Tick;

use super::shared::Shared;
use crate::coding::{encoded::EncodedLog, model::Model, range_coder::Dry};

/// The most bytes of inputs that differ from the one before in what one packet carries of a seat.
/// It bounds how long reading can take.
pub(super) const MAX_CHANGED_LEN: usize = 8 * 1024;

/// Memory that all streams use in turn.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(super) model: Model,
    pub(super) input: Vec<u8>,
    pub(super) shared: Shared,
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
pub(super) struct Trained {
    pub(super) start: Tick,
    pub(super) base: Tick,
    pub(super) model: Model,
}

impl Trained {
    pub(super) fn starting(start: Tick) -> Self {
        Self {
            start,
            base: start,
            model: Model::new(),
        }
    }

    /// The first tick that must be kept for this to go on: the second before the base.
    pub(super) fn needs_from(&self) -> Tick {
        let ticks = self.base.since(self.start).clamp(0, 2);
        Tick(self.base.0.wrapping_sub(ticks.unsigned_abs()))
    }

    /// The two inputs before a tick, the later one first; before the start they are empty. `None`
    /// if the log does not have them.
    pub(super) fn before<'a>(&self, log: &'a EncodedLog, tick: Tick) -> Option<[&'a [u8]; 2]> {
        let back = |ticks: u32| match tick.since(self.start) < ticks.cast_signed() {
            true => Some(&[][..]),
            false => log.get(Tick(tick.0.wrapping_sub(ticks))),
        };
        Some([back(1)?, back(2)?])
    }

    /// Learns all ticks before `base`; says whether the log had them.
    #[must_use]
    pub(super) fn train(&mut self, base: Tick, log: &EncodedLog, input: &mut Vec<u8>) -> bool {
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
