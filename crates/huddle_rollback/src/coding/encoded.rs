use std::collections::VecDeque;

use huddle_session::Tick;
use thiserror::Error;

use super::MAX_INPUT_LEN;

/// An encoded input that no seat can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "an encoded input of {0} bytes is longer than the {MAX_INPUT_LEN} that one may have: encode less, or send it as an event"
)]
pub struct InputTooLong(pub(super) usize);

/// One seat's inputs as bytes, from the first tick that is still kept to the last that is known.
///
/// All are in one buffer, so each is one slice, and once that has grown to what a game needs,
/// nothing is allocated any more.
#[derive(Debug, Clone)]
pub(crate) struct EncodedLog {
    /// The first tick there ever was.
    start: Tick,
    /// The first tick that is kept.
    first: Tick,
    /// The inputs one after another; the first `forgotten` bytes are of ticks no longer kept.
    bytes: Vec<u8>,
    forgotten: usize,
    lens: VecDeque<Span>,
    /// How many bytes have been moved out of `bytes` since the start.
    moved: u64,
}

/// Where an input begins, counted from the start of the log, and how long it is.
#[derive(Debug, Clone, Copy)]
struct Span {
    at: u64,
    len: usize,
}

impl EncodedLog {
    /// A log whose first input will be that of `start`.
    pub(crate) fn starting(start: Tick) -> Self {
        Self {
            start,
            first: start,
            bytes: Vec::new(),
            forgotten: 0,
            lens: VecDeque::new(),
            moved: 0,
        }
    }

    /// The first tick that is kept; [`Self::next`] if none is.
    pub(crate) fn first(&self) -> Tick {
        self.first
    }

    /// The tick after the last.
    pub(crate) fn next(&self) -> Tick {
        self.first + self.lens.len() as u32
    }

    /// The input of a tick, if it is kept. That of the tick before the very first is empty.
    pub(crate) fn get(&self, tick: Tick) -> Option<&[u8]> {
        if tick + 1 == self.start {
            return Some(&[]);
        }
        let index = usize::try_from(tick.since(self.first)).ok()?;
        let span = self.lens.get(index)?;
        let at = (span.at - self.moved) as usize;
        self.bytes.get(at..at + span.len)
    }

    /// Appends the input of the next tick.
    ///
    /// # Errors
    /// If it has more than [`MAX_INPUT_LEN`] bytes.
    pub(crate) fn push(&mut self, input: &[u8]) -> Result<(), InputTooLong> {
        if input.len() > MAX_INPUT_LEN {
            return Err(InputTooLong(input.len()));
        }
        // At least as many bytes have been forgotten as are moved, so this is cheap on average.
        if self.forgotten > self.bytes.len() / 2 {
            self.bytes.drain(..self.forgotten);
            self.moved += self.forgotten as u64;
            self.forgotten = 0;
        }
        self.lens.push_back(Span {
            at: self.moved + self.bytes.len() as u64,
            len: input.len(),
        });
        self.bytes.extend_from_slice(input);
        Ok(())
    }

    /// Lets go of all ticks before `tick`.
    pub(crate) fn forget_before(&mut self, tick: Tick) {
        while tick.is_after(self.first)
            && let Some(span) = self.lens.pop_front()
        {
            self.forgotten += span.len;
            self.first += 1;
        }
    }

    /// Takes back `tick` and all after it.
    pub(super) fn truncate(&mut self, tick: Tick) {
        while self.next().is_after(tick)
            && let Some(span) = self.lens.pop_back()
        {
            self.bytes.truncate(self.bytes.len() - span.len);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_log_is_what_was_pushed_less_what_was_forgotten(
            start: u32,
            steps in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..20), 0..4u32, 0..3u32),
                0..200,
            ),
        ) {
            let start = Tick(start);
            let mut log = EncodedLog::starting(start);
            let mut all: Vec<Vec<u8>> = Vec::new();
            let mut first = 0;
            for (input, forget, take_back) in steps {
                log.push(&input).unwrap();
                all.push(input);
                log.forget_before(start + first + forget);
                first = (first + forget).min(all.len() as u32);
                let kept = all.len().saturating_sub(take_back as usize).max(first as usize);
                log.truncate(start + kept as u32);
                all.truncate(kept);

                prop_assert_eq!(log.first(), start + first);
                prop_assert_eq!(log.next(), start + all.len() as u32);
                for (i, input) in (0..).zip(&all) {
                    let kept = (i >= first).then_some(&input[..]);
                    prop_assert_eq!(log.get(start + i), kept);
                }
                prop_assert_eq!(log.get(log.next()), None);
                prop_assert_eq!(log.get(Tick(start.0.wrapping_sub(1))), Some(&[][..]));
                prop_assert_eq!(log.get(Tick(start.0.wrapping_sub(2))), None);
            }
        }
    }

    #[test]
    fn inputs_of_one_size_need_no_more_memory_once_warm() {
        let mut log = EncodedLog::starting(Tick(0));
        let step = |log: &mut EncodedLog| {
            log.push(&[7; 5]).unwrap();
            log.forget_before(Tick(log.next().0.saturating_sub(40)));
        };
        for _ in 0..200 {
            step(&mut log);
        }
        let capacities = (log.bytes.capacity(), log.lens.capacity());
        for _ in 0..10_000 {
            step(&mut log);
        }
        assert_eq!((log.bytes.capacity(), log.lens.capacity()), capacities);
        assert!(log.bytes.capacity() < 1000);
    }

    #[test]
    fn an_input_that_is_too_long_is_refused() {
        let mut log = EncodedLog::starting(Tick(0));
        assert!(log.push(&[0; MAX_INPUT_LEN]).is_ok());
        let error = log.push(&[0; MAX_INPUT_LEN + 1]).unwrap_err();
        assert!(error.to_string().contains("4097"), "{error}");
        assert_eq!(log.next(), Tick(1));
    }
}
