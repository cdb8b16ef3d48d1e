//! The clock that plays an owner's snapshots.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{
    cadence::Cadence,
    playhead::{Playhead, sane_rate},
    transit::Transit,
};

/// The maximum relative deviation of the clock's speed.
const MAX_SLEW: f64 = 0.05;

/// The deviation of the speed for each second by which the clock is wrong.
const SLEW_PER_SECOND: f64 = 1.0;

/// The maximum delay in seconds.
const MAX_DELAY: f64 = 0.25;

/// The error in seconds from which the clock jumps forward or stops.
const MAX_ERROR: f64 = 0.25;

/// The longest interval between snapshots in seconds. A longer one is a rest. The lowest send rate
/// is 10 Hz.
const MAX_INTERVAL: f64 = 0.15;

/// The interval between snapshots in seconds that a new clock assumes.
const FIRST_INTERVAL: f64 = 0.05;

/// The clock that plays the snapshots of one owner.
///
/// Its position, in ticks of the owner, is behind the newest possible snapshot by the *delay*: the
/// jitter of the arrivals plus one send interval, together at most 250 ms. Both are measured, so the
/// clock follows any send rate. An owner that sends nothing because nothing changes leaves the delay
/// as it was.
///
/// The position never moves backwards.
///
/// | the position is | the clock |
/// |---|---|
/// | at most 250 ms from its target | runs at most 5 % slower or faster than real time |
/// | more than 250 ms behind its target | jumps forward to the target |
/// | more than 250 ms ahead of its target | stops until the target is closer |
///
/// The last two happen only if the owner's clock jumps or its game hangs, not by jitter.
#[derive(Debug, Clone)]
pub struct PlayoutClock {
    ticks_per_second: f64,
    cadence: Cadence,
    transit: Transit,
    /// The time of the last call of `advance`.
    now: Duration,
    position: f64,
}

impl PlayoutClock {
    /// Creates the clock of an owner whose first snapshot, of `tick`, arrived at `now`.
    /// `ticks_per_second` is clamped to 1 to 1000.
    pub fn new(ticks_per_second: f64, tick: u32, now: Duration) -> Self {
        let ticks_per_second = sane_rate(ticks_per_second);
        let transit = now.as_secs_f64() - f64::from(tick) / ticks_per_second;
        let mut clock = Self {
            ticks_per_second,
            cadence: Cadence::new(tick),
            transit: Transit::new(transit, now),
            now,
            position: 0.0,
        };
        clock.position = clock.target(now);
        clock
    }

    /// Handles the arrival of a snapshot of `tick`, in any order. Duplicates are ignored.
    ///
    /// Call this function for every snapshot of the owner, even if it contains no value. A
    /// [`Track`](super::Track) concludes that a value rests if it is not in a newer snapshot.
    pub fn record_arrival(&mut self, tick: u32, now: Duration) {
        let max_interval = MAX_INTERVAL * self.ticks_per_second;
        if self.cadence.insert(tick, max_interval) {
            let sent = f64::from(tick) / self.ticks_per_second;
            self.transit.push(now.as_secs_f64() - sent, now);
        }
    }

    /// Advances the position to the frame at `now`. Times before the last frame are ignored.
    pub fn advance(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.now).as_secs_f64();
        self.now = now.max(self.now);
        let target = self.target(self.now);
        let expected = self.position + passed * self.ticks_per_second;
        let error = (target - expected) / self.ticks_per_second;
        if error > MAX_ERROR {
            self.position = target;
        } else if error >= -MAX_ERROR {
            let slew = (error * SLEW_PER_SECOND).clamp(-MAX_SLEW, MAX_SLEW);
            self.position += passed * self.ticks_per_second * (1.0 + slew);
        }
    }

    /// The playhead of the current frame.
    pub fn playhead(&self) -> Playhead {
        Playhead {
            position: self.position,
            now: self.now,
            ticks_per_second: self.ticks_per_second,
            interval: self.interval() * self.ticks_per_second,
            newest: self.cadence.newest(),
            previous: self.cadence.previous(),
            delay: (self.newest_possible(self.now) - self.position).max(0.0),
            is_local: false,
        }
    }

    /// The jitter of the arrivals: 95 % of the snapshots are at most this much slower than the
    /// fastest of the last 2 seconds.
    pub fn jitter(&self) -> Duration {
        Duration::try_from_secs_f64(self.transit.jitter()).unwrap_or_default()
    }

    /// The interval between two snapshots, in seconds.
    fn interval(&self) -> f64 {
        let ticks = self.cadence.interval();
        ticks.map_or(FIRST_INTERVAL, |ticks| ticks / self.ticks_per_second)
    }

    /// Returns the tick of a snapshot that would arrive at `now` after the shortest transit.
    fn newest_possible(&self, now: Duration) -> f64 {
        (now.as_secs_f64() - self.transit.base()) * self.ticks_per_second
    }

    fn target(&self, now: Duration) -> f64 {
        let delay = (self.transit.jitter() + self.interval()).min(MAX_DELAY);
        self.newest_possible(now) - delay * self.ticks_per_second
    }
}
