//! The recent samples of a value.

use std::collections::VecDeque;

use super::motion::Motion;

/// The maximum number of samples. At 60 Hz, they cover half a second.
const MAX_SAMPLES: usize = 32;

/// A received value.
#[derive(Debug, Clone)]
pub(super) struct Sample<V> {
    pub(super) tick: u32,
    /// The number of ticks in which the value moved here from the previous sample. If this is less
    /// than the time between the two, the value rested before.
    pub(super) span: f64,
    pub(super) value: V,
}

impl<V> Sample<V> {
    /// Returns whether the value rested between the sample before and this one.
    fn is_after_rest(&self, before: &Self) -> bool {
        self.span < f64::from(self.tick) - f64::from(before.tick)
    }
}

/// How a value continues after its newest sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Continuation {
    /// It keeps the newest value.
    Rest,
    /// It moves on for `grace` ticks, and returns to the newest value within `limit` ticks.
    Extrapolate { grace: f64, limit: f64 },
}

/// The recent samples of a value in the order of their ticks. There is at least one.
#[derive(Debug, Clone)]
pub(super) struct Samples<V> {
    newest: Sample<V>,
    /// The samples before the newest one.
    older: VecDeque<Sample<V>>,
}

impl<V: Clone + PartialEq> Samples<V> {
    pub(super) fn new(tick: u32, value: V) -> Self {
        Self {
            newest: Sample {
                tick,
                span: 1.0,
                value,
            },
            older: VecDeque::new(),
        }
    }

    pub(super) fn newest(&self) -> &Sample<V> {
        &self.newest
    }

    /// Inserts a sample. `span` returns its [span](Sample::span), which is positive, from the tick
    /// of the sample before. A second value for the newest tick replaces the first one. Returns `false` if
    /// the sample is older than all others or a duplicate.
    pub(super) fn insert(&mut self, tick: u32, value: V, span: impl Fn(u32) -> f64) -> bool {
        if tick > self.newest.tick {
            let span = span(self.newest.tick);
            let newest = Sample { tick, span, value };
            let before = std::mem::replace(&mut self.newest, newest);
            self.older.push_back(before);
            if self.older.len() >= MAX_SAMPLES {
                self.older.pop_front();
            }
            return true;
        }
        if tick == self.newest.tick && self.newest.value != value {
            self.newest.value = value;
            return true;
        }
        let at = self.older.partition_point(|other| other.tick < tick);
        let next = self.older.get_mut(at).unwrap_or(&mut self.newest);
        if next.tick == tick || at == 0 {
            return false;
        }
        next.span = next.span.min(f64::from(next.tick - tick));
        let Some(before) = self.older.get(at - 1) else {
            return false;
        };
        let span = span(before.tick);
        self.older.insert(at, Sample { tick, span, value });
        if self.older.len() >= MAX_SAMPLES {
            self.older.pop_front();
        }
        true
    }

    /// Inserts the first sample of a new owner, and removes the samples from its tick on.
    pub(super) fn insert_first(&mut self, tick: u32, value: V, span: impl Fn(u32) -> f64) {
        while self.newest.tick >= tick {
            match self.older.pop_back() {
                Some(before) => self.newest = before,
                None => {
                    *self = Self::new(tick, value);
                    return;
                }
            }
        }
        self.insert(tick, value, span);
    }

    /// Removes samples that positions from `position` on do not need.
    pub(super) fn forget_before(&mut self, position: f64) {
        // The last one gives the direction in which the newest one continues.
        while self.older.len() > 1
            && self
                .older
                .get(1)
                .is_some_and(|s| f64::from(s.tick) < position)
        {
            self.older.pop_front();
        }
    }

    /// Returns the value at a position in ticks.
    pub(super) fn at<M: Motion<Value = V>>(
        &self,
        position: f64,
        continuation: Continuation,
        motion: &M,
        ticks_per_second: f64,
    ) -> V {
        let seconds = |ticks: f64| (ticks / ticks_per_second) as f32;
        let next = self
            .older
            .partition_point(|s| f64::from(s.tick) <= position);
        let newest = &self.newest;
        let from = next.checked_sub(1).and_then(|index| self.older.get(index));
        let ahead = position - f64::from(newest.tick);
        if ahead < 0.0 {
            let to = self.older.get(next).unwrap_or(newest);
            let left = (f64::from(to.tick) - position) / to.span;
            return match from {
                None => to.value.clone(),
                Some(from) if left >= 1.0 => from.value.clone(),
                Some(from) => {
                    let t = (1.0 - left) as f32;
                    motion.between(&from.value, &to.value, t, seconds(to.span))
                }
            };
        }
        match (from, continuation) {
            (Some(from), Continuation::Extrapolate { grace, limit })
                if ahead < limit && !newest.is_after_rest(from) =>
            {
                let ahead = seconds(extrapolated(ahead, grace, limit));
                motion.beyond(&from.value, &newest.value, seconds(newest.span), ahead)
            }
            _ => newest.value.clone(),
        }
    }
}

/// Returns how far to extrapolate, `ahead` ticks after the newest sample: fully for the first
/// `grace` ticks, then along a smooth curve back to zero at `limit`. A late snapshot is therefore
/// bridged, and a value whose owner falls silent arrives at what was sent last.
fn extrapolated(ahead: f64, grace: f64, limit: f64) -> f64 {
    if ahead <= grace {
        return ahead;
    }
    let length = limit - grace;
    let t = (ahead - grace) / length;
    // A cubic with the slope 1 at the start and 0 at the end.
    grace * (1.0 - t * t * (3.0 - 2.0 * t)) + length * t * (1.0 - t) * (1.0 - t)
}

#[cfg(test)]
mod tests {
    use super::{super::motion::Linear, *};

    const CONTINUATION: Continuation = Continuation::Extrapolate {
        grace: 3.0,
        limit: 15.0,
    };

    /// Samples whose value is their tick.
    fn samples(ticks: &[u32]) -> Samples<[f32; 1]> {
        let mut samples = Samples::new(ticks[0], [ticks[0] as f32]);
        for &tick in &ticks[1..] {
            samples.insert(tick, [tick as f32], |before| f64::from(tick - before));
        }
        samples
    }

    fn at(samples: &Samples<[f32; 1]>, position: f64) -> f32 {
        samples.at(position, CONTINUATION, &Linear, 60.0)[0]
    }

    #[test]
    fn order_and_duplicates_of_samples_do_not_matter() {
        let reordered = samples(&[10, 19, 13, 13, 22, 16, 19, 4]);
        let ordered = samples(&[10, 13, 16, 19, 22]);
        for tenth in 80..400 {
            let position = f64::from(tenth) * 0.1;
            assert_eq!(at(&reordered, position), at(&ordered, position));
        }
        assert_eq!(at(&ordered, 9.0), 10.0);
        assert_eq!(at(&ordered, 14.5), 14.5);
    }

    #[test]
    fn second_value_of_the_newest_tick_replaces_the_first_one() {
        let mut samples = samples(&[10, 13]);
        let span = |_| 3.0;
        assert!(samples.insert(13, [20.0], span));
        assert!(!samples.insert(13, [20.0], span));
        assert!(!samples.insert(10, [5.0], span));
        assert_eq!((at(&samples, 10.0), at(&samples, 13.0)), (10.0, 20.0));
    }

    #[test]
    fn extrapolation_continues_first_and_returns_smoothly() {
        let samples = samples(&[10, 13]);
        assert!((at(&samples, 15.0) - 15.0).abs() < 1e-4);
        let mut last = at(&samples, 16.0);
        for tenth in 161..400 {
            let next = at(&samples, f64::from(tenth) * 0.1);
            assert!((next - last).abs() < 0.101, "{last} {next}");
            assert!((13.0..18.5).contains(&next), "{next}");
            last = next;
        }
        assert_eq!(at(&samples, 28.0), 13.0);
        let rest = samples.at(14.0, Continuation::Rest, &Linear, 60.0);
        assert_eq!(rest, [13.0]);
    }

    #[test]
    fn first_sample_of_a_new_owner_replaces_those_from_its_tick_on() {
        let gap = |tick: u32| move |before| f64::from(tick - before);
        let mut samples = samples(&[10, 13, 16, 19]);
        samples.insert_first(15, [0.0], gap(15));
        assert_eq!(samples.newest().value, [0.0]);
        assert_eq!((at(&samples, 13.0), at(&samples, 14.0)), (13.0, 6.5));
        samples.insert_first(3, [-5.0], gap(3));
        assert_eq!(samples.newest().tick, 3);
        assert_eq!((at(&samples, 13.0), samples.older.len()), (-5.0, 0));
    }

    #[test]
    fn number_of_samples_is_bounded() {
        let mut all = samples(&(0..1000).collect::<Vec<_>>());
        assert_eq!(all.older.len(), MAX_SAMPLES - 1);
        all.forget_before(990.0);
        assert_eq!(all.older.len(), 10);
        assert_eq!(at(&all, 990.5), 990.5);
        all.forget_before(5000.0);
        assert_eq!(all.older.len(), 1);
    }
}
