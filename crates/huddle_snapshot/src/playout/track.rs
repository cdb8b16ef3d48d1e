//! A received value and what to show of it.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{
    cadence::Cadence,
    motion::Motion,
    playhead::Playhead,
    samples::{Continuation, Samples},
};

/// The maximum time after the newest sample for which a value is extrapolated.
const MAX_EXTRAPOLATION: Duration = Duration::from_millis(250);

/// The time after its last change within which a value is shown exactly as received.
const CONVERGENCE: Duration = Duration::from_millis(300);

/// The time within which a visual offset disappears.
const DECAY: Duration = Duration::from_millis(150);

/// The time within which a visual offset disappears if a new owner's position is far from the
/// previous one.
const MAX_DECAY: Duration = Duration::from_millis(300);

/// The maximum delay of a value behind its owner's newest snapshot.
const MAX_DELAY: Duration = Duration::from_millis(250);

/// The longest interval between samples. A longer one is a rest.
const MAX_INTERVAL: Duration = MAX_DELAY;

/// The maximum relative deviation of a track's speed from that of its owner's clock.
const MAX_SLEW: f64 = 0.05;

/// The received samples of one value and what to show of them.
///
/// - **Between samples**, the value moves as its [`Motion`] says.
/// - **After a rest**, a new movement takes one interval, not the time since the last sample. The
///   value rested if an intermediate snapshot does not contain it.
/// - **After the newest sample**, the value is extrapolated for one interval, and then returns to
///   the newest sample within 250 ms. It is not extrapolated if a newer snapshot does not contain
///   it, or if it rested before the newest sample, because its velocity is then unknown.
/// - **At rest**, the shown value equals the newest sample exactly, 300 ms after its arrival at the
///   latest.
/// - A value that comes less often than its owner's snapshots, because of a rate limit or a short
///   budget, is shown with an additional delay.
/// - **A value of the local peer** is shown between the last two ticks. A tick without a sample is one
///   without a change, so the value is neither delayed nor extrapolated.
/// - Samples may be late, reordered or duplicated. If a sample changes the value that is currently
///   shown, the difference decays over 150 ms. The same happens when another peer becomes the
///   owner: see [`hand_over`](Self::hand_over).
#[derive(Debug, Clone)]
pub struct Track<M: Motion> {
    motion: M,
    samples: Samples<M::Value>,
    cadence: Cadence,
    /// The additional delay behind the owner's clock, in ticks.
    lag: f64,
    /// When the newest sample arrived. `None` for the first one.
    arrived: Option<Duration>,
    offset: Option<Offset<M::Value>>,
    last: Option<Shown<M::Value>>,
    /// Whether the next playhead is that of a new owner.
    has_new_playhead: bool,
    /// Whether the next sample is the first of a new owner.
    has_new_samples: bool,
    /// Whether the newest sample was shown, and will be until another one arrives.
    is_at_rest: bool,
}

/// The difference between what is shown and the curve through the samples.
#[derive(Debug, Clone)]
struct Offset<V> {
    /// The value of the curve at `since`.
    curve: V,
    /// The value that was shown instead.
    shown: V,
    since: Duration,
    /// The time in which the difference decays.
    decay: Duration,
}

/// What was shown last.
#[derive(Debug, Clone)]
struct Shown<V> {
    value: V,
    position: f64,
    continuation: Continuation,
    now: Duration,
}

impl<M: Motion> Track<M> {
    /// Creates a track with its first sample. It is shown immediately.
    pub fn new(motion: M, tick: u32, value: M::Value) -> Self {
        Self {
            motion,
            samples: Samples::new(tick, value),
            cadence: Cadence::new(tick),
            lag: 0.0,
            arrived: None,
            offset: None,
            last: None,
            has_new_playhead: false,
            has_new_samples: false,
            is_at_rest: false,
        }
    }

    /// Adds the value in a snapshot of `tick`. `playhead` is that of the owner's clock, after
    /// [`record_arrival`](super::PlayoutClock::record_arrival) of the same snapshot.
    pub fn push(&mut self, tick: u32, value: M::Value, playhead: &Playhead) {
        self.catch_up(playhead.position - self.lag, playhead.now);
        let interval = self.interval(playhead);
        if std::mem::take(&mut self.has_new_samples) {
            let span = |before: u32| span(before, tick, interval, None, playhead);
            self.samples.insert_first(tick, value, span);
        } else {
            let span = |before: u32| span(before, tick, interval, playhead.previous, playhead);
            if !self.samples.insert(tick, value, span) {
                return;
            }
        }
        self.is_at_rest = false;
        if self.samples.newest().tick == tick {
            self.arrived = Some(playhead.now);
        }
        let max_interval = playhead.ticks_in(MAX_INTERVAL);
        self.cadence.insert(tick, max_interval);
        let continuation = self.continuation(playhead);
        if let Some(last) = &self.last
            && !self.has_new_playhead
        {
            let position = last.position;
            self.keep_shown(position, continuation, playhead);
        }
    }

    /// Returns the value to show in the frame of `playhead`.
    pub fn show(&mut self, playhead: &Playhead) -> M::Value {
        let last = self.last.as_ref().map_or(playhead.now, |last| last.now);
        let passed = playhead.ticks_in(playhead.now.saturating_sub(last));
        self.adjust_lag(playhead, passed);
        let position = playhead.position - self.lag;
        let continuation = self.continuation(playhead);
        let passed = match self.catch_up(position, playhead.now) {
            true => 0.0,
            false => passed,
        };
        if std::mem::take(&mut self.has_new_playhead) {
            self.keep_shown(position - passed, continuation, playhead);
        } else if let Some(last) = &self.last {
            // The value may turn out to rest while it is extrapolated.
            let is_rest = |continuation| continuation == Continuation::Rest;
            if is_rest(last.continuation) != is_rest(continuation) {
                let position = last.position;
                self.keep_shown(position, continuation, playhead);
            }
        }
        let value = self.with_offset(self.curve(position, continuation, playhead), playhead.now);
        self.is_at_rest = self.rests(position, continuation, playhead.now);
        self.last = Some(Shown {
            value: value.clone(),
            position,
            continuation,
            now: playhead.now,
        });
        let kept = playhead.ticks_in(MAX_DELAY);
        self.samples.forget_before(position - kept);
        value
    }

    /// Prepares the track for the samples and the playhead of another owner.
    ///
    /// The samples of the previous owner remain up to the tick of the new owner's first sample,
    /// because all owners count the room's ticks. The difference between what is shown and the new
    /// owner's position decays over 150 ms, or longer if the new position is more than 150 ms
    /// earlier or later, so that the value does not move backwards.
    ///
    /// The local peer can be the previous or the next owner: see [`Playhead::local`].
    pub fn hand_over(&mut self) {
        self.has_new_playhead = true;
        self.has_new_samples = true;
    }

    /// Returns `true` if [`show`](Self::show) has returned the newest sample, and will until the next
    /// [`push`](Self::push) or [`hand_over`](Self::hand_over). The caller can skip it until then.
    pub fn is_at_rest(&self) -> bool {
        self.is_at_rest && !self.has_new_playhead
    }

    /// The newest received value.
    pub fn newest(&self) -> &M::Value {
        &self.samples.newest().value
    }

    /// Returns whether the newest sample is shown from this position on.
    fn rests(&self, position: f64, continuation: Continuation, now: Duration) -> bool {
        let ahead = position - f64::from(self.samples.newest().tick);
        let has_ended = match continuation {
            Continuation::Rest => ahead >= 0.0,
            Continuation::Extrapolate { limit, .. } => ahead >= limit,
        };
        let offset = self.offset.as_ref();
        has_ended && offset.is_none_or(|offset| now.saturating_sub(offset.since) >= offset.decay)
    }

    /// At rest, the caller may have skipped frames, which showed the same. Returns whether it is at rest.
    fn catch_up(&mut self, position: f64, now: Duration) -> bool {
        if let Some(last) = self.last.as_mut().filter(|_| self.is_at_rest) {
            last.position = position;
            last.now = now;
        }
        self.is_at_rest
    }

    /// Returns the typical interval between samples, at least that between snapshots, in ticks.
    /// The local peer reads its values in every tick, however rarely they change.
    fn interval(&self, playhead: &Playhead) -> f64 {
        if playhead.is_local {
            return playhead.interval;
        }
        let own = self.cadence.interval().unwrap_or(0.0);
        own.max(playhead.interval).max(1.0)
    }

    fn continuation(&self, playhead: &Playhead) -> Continuation {
        let interval = self.interval(playhead);
        let newer = f64::from(playhead.newest) - f64::from(self.samples.newest().tick);
        let delay = playhead.delay + self.lag;
        let limit = playhead.ticks_in(CONVERGENCE) - delay;
        let limit = limit.min(playhead.ticks_in(MAX_EXTRAPOLATION));
        if newer >= interval || limit <= 0.0 {
            return Continuation::Rest;
        }
        let grace = interval.min(limit / 2.0);
        Continuation::Extrapolate { grace, limit }
    }

    /// Moves the additional delay towards its target. It also slows down the value by at most 5 %.
    /// Values of the local peer have none.
    fn adjust_lag(&mut self, playhead: &Playhead, passed: f64) {
        if playhead.is_local {
            self.lag = 0.0;
            return;
        }
        let max = playhead.ticks_in(MAX_DELAY) - playhead.delay;
        let target = self.interval(playhead) - playhead.interval;
        let target = target.clamp(0.0, max.max(0.0));
        let step = passed * MAX_SLEW;
        self.lag += (target - self.lag).clamp(-step, step);
    }

    fn curve(&self, position: f64, continuation: Continuation, playhead: &Playhead) -> M::Value {
        let rate = playhead.ticks_per_second;
        self.samples.at(position, continuation, &self.motion, rate)
    }

    /// Sets the offset so that the last shown value stays as it was, although the curve now has
    /// another value at `position`.
    fn keep_shown(&mut self, position: f64, continuation: Continuation, playhead: &Playhead) {
        let curve = self.curve(position, continuation, playhead);
        let Some(last) = &mut self.last else {
            return;
        };
        let shift = (position - last.position).abs() / playhead.ticks_per_second;
        let decay = Duration::try_from_secs_f64(shift).unwrap_or_default();
        last.position = position;
        last.continuation = continuation;
        let (shown, since) = (last.value.clone(), last.now);
        if self.with_offset(curve.clone(), since) != shown {
            // A value that rests is exact in time.
            let end = self
                .arrived
                .map(|arrived| arrived.saturating_add(CONVERGENCE));
            let left = end.map_or(MAX_DECAY, |end| end.saturating_sub(since));
            self.offset = Some(Offset {
                curve,
                shown,
                since,
                decay: decay.clamp(DECAY, MAX_DECAY).min(left),
            });
        }
    }

    /// Adds what remains of the offset to a value of the curve.
    fn with_offset(&self, curve: M::Value, now: Duration) -> M::Value {
        match &self.offset {
            Some(offset) => offset.apply(&self.motion, curve, now),
            None => curve,
        }
    }
}

impl<V> Offset<V> {
    fn apply<M: Motion<Value = V>>(&self, motion: &M, curve: V, now: Duration) -> V {
        let passed = now.saturating_sub(self.since).as_secs_f64() / self.decay.as_secs_f64();
        match passed < 1.0 {
            true => motion.shift(&curve, &self.curve, &self.shown, (1.0 - passed) as f32),
            false => curve,
        }
    }
}

/// Returns the number of ticks in which a value moves from its sample of tick `before` to that of
/// `tick`. It may have rested first. `interval` is the typical one of the value. `previous` is the
/// tick of the snapshot before.
fn span(before: u32, tick: u32, interval: f64, previous: Option<u32>, playhead: &Playhead) -> f64 {
    let gap = f64::from(tick) - f64::from(before);
    if gap <= interval * 1.5 {
        return gap;
    }
    match previous {
        // The value rested until this snapshot at least.
        Some(previous) if before < previous && previous < tick => {
            let since = f64::from(tick) - f64::from(previous);
            since.max(interval).min(gap)
        }
        // The snapshots between were lost.
        _ if gap <= playhead.ticks_in(MAX_INTERVAL) => gap,
        // There were none.
        _ => interval,
    }
}
