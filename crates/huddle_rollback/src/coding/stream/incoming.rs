use huddle_session::Tick;
use thiserror::Error;

use super::trained::{MAX_CHANGED_LEN, Scratch, Trained};
use crate::coding::{
    encoded::{EncodedLog, InputTooLong},
    model::BadLength,
    oversize::PartsReceived,
    range_coder::Decoder,
};

/// Why what a packet carries of a seat's inputs is refused. A peer that plays by the rules never
/// sends such a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StreamError {
    /// Ticks further ahead than the peer can be.
    #[error(
        "inputs up to tick {end} are too far ahead, for those of tick {horizon} are not due yet"
    )]
    TooFarAhead {
        /// The tick after the last.
        end: Tick,
        /// The tick after the last that may be.
        horizon: Tick,
    },
    /// Ticks that begin after what is known.
    #[error("inputs begin at tick {base}, but those from tick {next} on are missing")]
    Gap {
        /// The first tick that came.
        base: Tick,
        /// The first tick that is missing.
        next: Tick,
    },
    /// A known input is another now.
    #[error("the input of tick {0} is not the one that was received before")]
    Contradiction(Tick),
    /// An input of a length that none has.
    #[error("the input of tick {tick} has {len} bytes, which is more than one may have")]
    InputTooLong {
        /// The tick.
        tick: Tick,
        /// What it would have.
        len: usize,
    },
    /// More to read than a packet may have.
    #[error("inputs of more than {MAX_CHANGED_LEN} bytes at once")]
    TooLong,
    /// Parts that do not make an input.
    #[error("the parts of the input of tick {0} do not fit together")]
    BadParts(Tick),
    /// The log lacks inputs that this needs.
    #[error("the inputs before tick {0} are forgotten, but needed to read what follows")]
    Forgotten(Tick),
}

/// The inputs of one seat from one peer.
#[derive(Debug)]
pub(crate) struct InStream {
    trained: Trained,
    /// The tick after the last that has come.
    next: Tick,
    parts: Option<(Tick, PartsReceived)>,
}

impl InStream {
    /// A stream whose first tick is `start`. The log must have all ticks before that.
    pub(crate) fn starting(start: Tick) -> Self {
        Self {
            trained: Trained::starting(start),
            next: start,
            parts: None,
        }
    }

    /// The tick after the last that has come.
    pub(crate) fn next(&self) -> Tick {
        self.next
    }

    /// The first tick that the log must keep for this stream.
    pub(crate) fn needs_from(&self) -> Tick {
        self.trained.needs_from()
    }

    /// The base with these low 8 bits: the peer knows of no more ticks than have come, so it is the
    /// last such one that is not after them.
    pub(in crate::coding) fn base(&self, low: u8) -> Tick {
        let behind = (self.next.0 as u8).wrapping_sub(low);
        Tick(self.next.0.wrapping_sub(behind.into()))
    }

    /// Whether `end` is new to this stream, and whether to the log. The stream then counts it as
    /// come.
    fn is_news(
        &mut self,
        base: Tick,
        end: Tick,
        log: &EncodedLog,
        horizon: Tick,
    ) -> Result<bool, StreamError> {
        if !end.is_after(self.next) || self.trained.base.is_after(base) {
            return Ok(false);
        }
        if end.is_after(horizon) {
            return Err(StreamError::TooFarAhead { end, horizon });
        }
        let next = log.next();
        if base.is_after(self.next) || base.is_after(next) {
            let next = if self.next.is_after(next) {
                next
            } else {
                self.next
            };
            return Err(StreamError::Gap { base, next });
        }
        if !end.is_after(next) {
            self.next = end;
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes `count` coded ticks from `base` on, and appends to the log those that are new. None may
    /// be at `horizon` or later.
    ///
    /// # Errors
    /// If they cannot be; then the log is as before.
    pub(in crate::coding) fn receive(
        &mut self,
        (base, count): (Tick, u8),
        coded: &[u8],
        log: &mut EncodedLog,
        horizon: Tick,
        scratch: &mut Scratch,
    ) -> Result<(), StreamError> {
        let end = base + u32::from(count);
        if !self.is_news(base, end, log, horizon)? {
            // What came by another way is learned too, before it is forgotten.
            if end == self.next {
                let _ = self.trained.train(base, log, &mut scratch.input);
            }
            return Ok(());
        }
        if !self.trained.train(base, log, &mut scratch.input) {
            return Err(StreamError::Forgotten(base));
        }
        scratch.model.copy_from(&self.trained.model);
        let known = log.next();
        if let Err(error) = self.read((base, end), coded, log, scratch) {
            log.truncate(known);
            return Err(error);
        }
        self.next = end;
        Ok(())
    }

    fn read(
        &self,
        (mut tick, end): (Tick, Tick),
        coded: &[u8],
        log: &mut EncodedLog,
        scratch: &mut Scratch,
    ) -> Result<(), StreamError> {
        let Scratch { model, input, .. } = scratch;
        let mut decoder = Decoder::new(coded);
        let mut changed_len = 0;
        while end.is_after(tick) {
            let before = self.trained.before(log, tick);
            let before = before.ok_or(StreamError::Forgotten(tick))?;
            model
                .code(&mut decoder, before, &[], input)
                .map_err(|BadLength(len)| StreamError::InputTooLong { tick, len })?;
            if input != before[0] {
                changed_len += input.len();
            }
            if changed_len > MAX_CHANGED_LEN {
                return Err(StreamError::TooLong);
            }
            match log.get(tick) {
                Some(known) if known != input => return Err(StreamError::Contradiction(tick)),
                Some(_) => {}
                None if tick == log.next() => append(log, tick, input)?,
                None => return Err(StreamError::Forgotten(tick)),
            }
            tick += 1;
        }
        Ok(())
    }

    /// Takes parts of the input of `tick`, which is too large for one packet, and appends it to the
    /// log once it is whole.
    ///
    /// # Errors
    /// If they cannot be; then the parts until now are forgotten.
    pub(in crate::coding) fn receive_parts(
        &mut self,
        tick: Tick,
        run: &[u8],
        log: &mut EncodedLog,
        horizon: Tick,
    ) -> Result<(), StreamError> {
        let end = tick + 1;
        if !self.is_news(tick, end, log, horizon)? {
            return Ok(());
        }
        let mut parts = match self.parts.take() {
            Some((of, parts)) if of == tick => parts,
            _ => PartsReceived::default(),
        };
        let whole = parts
            .receive(run)
            .map_err(|_| StreamError::BadParts(tick))?;
        if let Some(input) = whole {
            append(log, tick, input)?;
            self.next = end;
        } else {
            self.parts = Some((tick, parts));
        }
        Ok(())
    }
}

fn append(log: &mut EncodedLog, tick: Tick, input: &[u8]) -> Result<(), StreamError> {
    log.push(input)
        .map_err(|InputTooLong(len)| StreamError::InputTooLong { tick, len })
}
