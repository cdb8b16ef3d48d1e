//! The position of a clock in a frame.

use std::time::Duration;

/// The position in an owner's ticks that a frame shows, and what [`Track`](super::Track) needs to
/// know about the owner's snapshots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Playhead {
    pub(super) position: f64,
    pub(super) now: Duration,
    pub(super) ticks_per_second: f64,
    /// The interval between two snapshots of the owner, in ticks.
    pub(super) interval: f64,
    /// The tick of the owner's newest snapshot.
    pub(super) newest: u32,
    /// The tick of the snapshot received before the newest, in the order of ticks.
    pub(super) previous: Option<u32>,
    /// The number of ticks by which the position is behind the newest possible one.
    pub(super) delay: f64,
    /// Whether the local peer owns the values. A tick without a sample is then one without a change.
    pub(super) is_local: bool,
}

impl Playhead {
    /// Returns the playhead for values that the local peer owns. The position lies between the
    /// previous tick and `tick`, which was simulated last, so it is one tick behind. `fraction` is
    /// the part of a tick that has passed since, from 0 to 1.
    pub fn local(tick: u32, fraction: f32, ticks_per_second: f64, now: Duration) -> Self {
        let fraction = f64::from(fraction);
        let fraction = if fraction.is_nan() { 1.0 } else { fraction };
        Self {
            position: f64::from(tick) - 1.0 + fraction.clamp(0.0, 1.0),
            now,
            ticks_per_second: sane_rate(ticks_per_second),
            interval: 1.0,
            newest: tick,
            previous: tick.checked_sub(1),
            delay: 1.0,
            is_local: true,
        }
    }

    /// The position in ticks.
    pub fn position(&self) -> f64 {
        self.position
    }

    /// The time by which the position is behind the newest possible one.
    pub fn delay(&self) -> Duration {
        let seconds = self.delay / self.ticks_per_second;
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    pub(super) fn ticks_in(&self, time: Duration) -> f64 {
        time.as_secs_f64() * self.ticks_per_second
    }
}

/// Clamps a number of ticks per second to 1 to 1000. NaN becomes 60.
pub(super) fn sane_rate(ticks_per_second: f64) -> f64 {
    match ticks_per_second.is_nan() {
        true => 60.0,
        false => ticks_per_second.clamp(1.0, 1000.0),
    }
}
