//! An owner that sends a value over a network to a display, for tests.

use std::time::Duration;

use super::{Linear, PlayoutClock, Track};

pub(super) const TICKS_PER_SECOND: f64 = 60.0;

/// The tick of the owner's clock at the start of a simulation.
pub(super) const FIRST_TICK: u32 = 5000;

/// The shortest transit time of a snapshot in seconds.
pub(super) const TRANSIT: f64 = 0.04;

/// The setup of a simulation.
pub(super) struct Simulation<'a> {
    /// The value at a number of ticks after the start.
    pub(super) value: &'a dyn Fn(f64) -> f32,
    /// The interval between snapshots in ticks, at a number of ticks after the start.
    pub(super) interval: &'a dyn Fn(u32) -> u32,
    /// Whether snapshots leave even if the value did not change.
    pub(super) sends_empty: bool,
    /// The maximum additional transit time in seconds. Snapshots can overtake each other.
    pub(super) jitter: f64,
    /// The part of the snapshots that are lost.
    pub(super) loss: f64,
    /// The frames per second of the display.
    pub(super) display: f64,
    /// Whether the display skips values at rest.
    pub(super) skips_rest: bool,
    pub(super) seed: u64,
}

/// What a display shows in a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// The time since the start in seconds.
    pub(super) at: f64,
    pub(super) shown: f32,
    /// The newest received value.
    pub(super) raw: f32,
    /// The position of the playout clock in ticks after the start.
    pub(super) position: f64,
    /// The delay of the playout clock in seconds.
    pub(super) delay: f64,
    /// Whether the next frames can be skipped.
    pub(super) is_at_rest: bool,
}

impl Default for Simulation<'_> {
    fn default() -> Self {
        Self {
            value: &|tick| tick as f32,
            interval: &|_| 3,
            sends_empty: true,
            jitter: 0.0,
            loss: 0.0,
            display: 60.0,
            skips_rest: true,
            seed: 1,
        }
    }
}

impl Simulation<'_> {
    /// Returns the packets: arrival time, ticks after the start, and the value if it changed.
    fn packets(&self, seconds: f64) -> Vec<(f64, u32, Option<f32>)> {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut packets = Vec::new();
        let (mut next, mut sent, mut repeats) = (0, f32::NAN, 0);
        for tick in 0..(seconds * TICKS_PER_SECOND) as u32 {
            if tick < next {
                continue;
            }
            next = tick + (self.interval)(tick);
            let value = (self.value)(f64::from(tick));
            // A changed value is repeated as long as its ack is outstanding.
            repeats = if value == sent { repeats - 1 } else { 2 };
            let changed = (value != sent || (repeats > 0 && self.loss > 0.0)).then_some(value);
            sent = value;
            if (changed.is_some() || self.sends_empty) && rng.f64() >= self.loss {
                let transit = TRANSIT + rng.f64() * self.jitter;
                packets.push((f64::from(tick) / TICKS_PER_SECOND + transit, tick, changed));
            }
        }
        packets.sort_by(|a, b| a.0.total_cmp(&b.0));
        packets
    }

    /// Returns the frames from the first snapshot on.
    pub(super) fn run(&self, seconds: f64) -> Vec<Frame> {
        let packets = self.packets(seconds);
        let mut packets = packets.iter().peekable();
        let mut player: Option<(PlayoutClock, Track<Linear<1>>)> = None;
        let mut frames = Vec::new();
        for frame in 0..(seconds * self.display) as u32 {
            let at = f64::from(frame) / self.display;
            // The time starts anywhere.
            let now = Duration::from_secs_f64(100.0 + at);
            while let Some((_, tick, value)) = packets.next_if(|(arrival, ..)| *arrival <= at) {
                let tick = FIRST_TICK + tick;
                match (&mut player, value) {
                    (None, Some(value)) => {
                        let clock = PlayoutClock::new(TICKS_PER_SECOND, tick, now);
                        player = Some((clock, Track::new(Linear, tick, [*value])));
                    }
                    (Some((clock, track)), value) => {
                        clock.record_arrival(tick, now);
                        if let Some(value) = value {
                            track.push(tick, [*value], &clock.playhead());
                        }
                    }
                    _ => {}
                }
            }
            if let Some((clock, track)) = &mut player {
                clock.advance(now);
                let playhead = clock.playhead();
                let shown = match self.skips_rest && track.is_at_rest() {
                    true => *track.newest(),
                    false => track.show(&playhead),
                };
                frames.push(Frame {
                    at,
                    shown: shown[0],
                    raw: track.newest()[0],
                    position: playhead.position() - f64::from(FIRST_TICK),
                    delay: playhead.delay().as_secs_f64(),
                    is_at_rest: track.is_at_rest(),
                });
            }
        }
        frames
    }
}

/// Returns the smallest and the largest change of the shown value per tick of real time, in the
/// frames of a period.
pub(super) fn speeds(frames: &[Frame], period: std::ops::Range<f64>) -> (f64, f64) {
    let pairs = frames
        .windows(2)
        .filter(|pair| period.contains(&pair[0].at));
    let speeds = pairs.map(|pair| {
        let moved = f64::from(pair[1].shown - pair[0].shown);
        moved / ((pair[1].at - pair[0].at) * TICKS_PER_SECOND)
    });
    speeds.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), speed| {
        (min.min(speed), max.max(speed))
    })
}
