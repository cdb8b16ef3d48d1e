use std::collections::VecDeque;

use huddle_session::Tick;
use thiserror::Error;

use super::limits::MAX_INPUT_LEN;

/// The error for an encoded input that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the encoded input has {0} bytes, but at most {MAX_INPUT_LEN} are allowed: send large data as events or transfers"
)]
pub struct InputTooLong(pub(crate) usize);

/// The encoded inputs of a seat, from the first tick that is still stored to the last known one.
///
/// All inputs are in one buffer. The log stops allocating memory once this buffer has the size that a match
/// needs.
#[derive(Debug, Clone)]
pub(crate) struct EncodedLog {
    /// The first stored tick.
    first: Tick,
    /// The inputs in order. The first `forgotten` bytes belong to ticks that are no longer stored.
    bytes: Vec<u8>,
    forgotten: usize,
    spans: VecDeque<Span>,
    /// The number of bytes that were removed from `bytes` since the start.
    removed: u64,
}

/// The bytes of an input.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The position, counted from the start of the log.
    at: u64,
    len: usize,
}

impl EncodedLog {
    /// Creates a log that starts at a tick.
    pub(crate) fn starting(start: Tick) -> Self {
        Self {
            first: start,
            bytes: Vec::new(),
            forgotten: 0,
            spans: VecDeque::new(),
            removed: 0,
        }
    }

    /// Returns the first stored tick, or [`next`](Self::next) if the log is empty.
    pub(crate) fn first(&self) -> Tick {
        self.first
    }

    /// Returns the tick after the last.
    pub(crate) fn next(&self) -> Tick {
        self.first + self.spans.len() as u32
    }

    /// Returns the input of a tick if it is stored.
    pub(crate) fn get(&self, tick: Tick) -> Option<&[u8]> {
        let index = usize::try_from(tick.since(self.first)).ok()?;
        let span = self.spans.get(index)?;
        let at = (span.at - self.removed) as usize;
        self.bytes.get(at..at + span.len)
    }

    /// Appends the input of the next tick.
    ///
    /// # Errors
    /// Returns an error if the input has more than [`MAX_INPUT_LEN`] bytes.
    pub(crate) fn push(&mut self, input: &[u8]) -> Result<(), InputTooLong> {
        if input.len() > MAX_INPUT_LEN {
            return Err(InputTooLong(input.len()));
        }
        // This moves at most as many bytes as were forgotten, so its cost per input is constant.
        if self.forgotten > self.bytes.len() / 2 {
            self.bytes.drain(..self.forgotten);
            self.removed += self.forgotten as u64;
            self.forgotten = 0;
        }
        self.spans.push_back(Span {
            at: self.removed + self.bytes.len() as u64,
            len: input.len(),
        });
        self.bytes.extend_from_slice(input);
        Ok(())
    }

    /// Forgets all ticks before `tick`.
    pub(crate) fn forget_before(&mut self, tick: Tick) {
        while tick.is_after(self.first)
            && let Some(span) = self.spans.pop_front()
        {
            self.forgotten += span.len;
            self.first += 1;
        }
    }

    /// Removes `tick` and all ticks after it.
    pub(super) fn truncate(&mut self, tick: Tick) {
        while self.next().is_after(tick)
            && let Some(span) = self.spans.pop_back()
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
        fn a_log_contains_what_was_pushed_and_not_forgotten(
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
                prop_assert_eq!(log.get(Tick(start.0.wrapping_sub(1))), None);
            }
        }
    }

    #[test]
    fn inputs_of_one_size_need_no_more_memory_after_a_while() {
        let mut log = EncodedLog::starting(Tick(0));
        let step = |log: &mut EncodedLog| {
            log.push(&[7; 5]).unwrap();
            log.forget_before(Tick(log.next().0.saturating_sub(40)));
        };
        for _ in 0..200 {
            step(&mut log);
        }
        let capacities = (log.bytes.capacity(), log.spans.capacity());
        for _ in 0..10_000 {
            step(&mut log);
        }
        assert_eq!((log.bytes.capacity(), log.spans.capacity()), capacities);
        assert!(log.bytes.capacity() < 1000);
    }

    #[test]
    fn inputs_that_are_too_long_are_rejected() {
        let mut log = EncodedLog::starting(Tick(0));
        assert!(log.push(&[0; MAX_INPUT_LEN]).is_ok());
        let error = log.push(&[0; MAX_INPUT_LEN + 1]).unwrap_err();
        assert!(error.to_string().contains("513 bytes"), "{error}");
        assert_eq!(log.next(), Tick(1));
    }
}
