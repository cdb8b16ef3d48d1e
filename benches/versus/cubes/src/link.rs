//! The sender and the receiver, and which packets are lost between them.

use std::time::{Duration, Instant};

use stats_alloc::Region;

use crate::{
    allocator::ALLOCATOR,
    cube::Frame,
    ours, rival,
    session::{FrameCost, Sessions},
};

/// The age of the newest frame that the sender knows to have arrived.
const DISTANCE: usize = 6;
const FRAMES_PER_SECOND: f64 = 60.0;
/// The times of sessions are the shortest of so many runs, for each frame.
const RUNS: usize = 5;
/// The number of states that each side keeps.
const KEPT: usize = 64;

/// A link over which the frames of a trace are sent.
pub(crate) struct Link<'a> {
    frames: &'a [Frame],
    /// Whether the packet of each frame is lost. Both sides have the first frames from the start.
    lost: Vec<bool>,
}

/// What a run of our coder measured.
pub(crate) struct Measured {
    pub(crate) kbits: f64,
    /// The times for a frame: mean and 99th percentile.
    pub(crate) encode: String,
    pub(crate) decode: String,
    pub(crate) allocations: usize,
}

/// What a run of two sessions measured.
pub(crate) struct MeasuredSessions {
    pub(crate) kbits: f64,
    /// The packets per frame.
    pub(crate) packets: f64,
    /// The times for a frame: mean and 99th percentile.
    pub(crate) set: String,
    pub(crate) write: String,
    pub(crate) receive: String,
}

impl<'a> Link<'a> {
    pub(crate) fn new(frames: &'a [Frame], loss_percent: u8) -> Self {
        let mut rng = fastrand::Rng::with_seed(7);
        let lost = (0..frames.len()).map(|t| rng.u8(..100) < loss_percent && t >= DISTANCE);
        Self {
            frames,
            lost: lost.collect(),
        }
    }

    /// Returns the newest frame before `time` that arrived.
    fn arrived_before(&self, time: usize) -> Option<usize> {
        (0..time).rev().find(|t| !self.lost[*t])
    }

    /// Returns the newest frame that the sender knows to have arrived when it encodes one.
    fn baseline(&self, time: usize) -> usize {
        self.arrived_before(time - DISTANCE + 1).unwrap_or(0)
    }

    fn kbits(&self, bytes: usize) -> f64 {
        let seconds = (self.frames.len() - DISTANCE) as f64 / FRAMES_PER_SECOND;
        bytes as f64 * 8.0 / 1000.0 / seconds
    }

    /// Sends the trace with our coder.
    pub(crate) fn run_ours(&self, has_earlier: bool) -> Measured {
        let start = |time: usize| ours::Known::start(time, &self.frames[time.min(DISTANCE)]);
        let mut sent: Vec<_> = (0..KEPT).map(start).collect();
        let mut received = sent.clone();
        let (mut encode, mut decode) = (Vec::new(), Vec::new());
        let (mut total, mut allocations) = (0, 0);
        let mut bytes = Vec::with_capacity(1 << 16);
        for (time, frame) in self.frames.iter().enumerate().skip(DISTANCE) {
            let base = self.baseline(time);
            let earlier = self.arrived_before(base).filter(|_| has_earlier);
            let earlier = earlier.map(|time| time % KEPT);
            let numbers: Vec<_> = frame.iter().map(ours::numbers).collect();

            let mut known = sent[time % KEPT].clone();
            bytes.clear();
            let region = Region::new(ALLOCATOR);
            let clock = Instant::now();
            let earlier_sent = earlier.map(|i| &sent[i]);
            sent[base % KEPT].encode(earlier_sent, time, &numbers, &mut bytes, &mut known);
            let elapsed = clock.elapsed();
            allocations += region.change().allocations;
            encode.push(elapsed);
            sent[time % KEPT] = known;
            total += bytes.len();
            if self.lost[time] {
                continue;
            }

            let mut known = received[time % KEPT].clone();
            let region = Region::new(ALLOCATOR);
            let clock = Instant::now();
            let earlier_received = earlier.map(|i| &received[i]);
            received[base % KEPT].decode(earlier_received, time, &bytes, &mut known);
            let elapsed = clock.elapsed();
            allocations += region.change().allocations;
            decode.push(elapsed);
            assert!(known.cubes().eq(frame.iter().copied()), "frame {time}");
            received[time % KEPT] = known;
        }
        Measured {
            kbits: self.kbits(total),
            encode: describe(encode),
            decode: describe(decode),
            allocations,
        }
    }

    /// Sends the trace over a link of two sessions, which lose each packet independently.
    pub(crate) fn run_sessions(&self, loss_percent: u8) -> MeasuredSessions {
        let mut costs = self.session_costs(loss_percent);
        for _ in 1..RUNS {
            for (cost, again) in costs.iter_mut().zip(self.session_costs(loss_percent)) {
                cost.shorten(again);
            }
        }
        let packets: usize = costs.iter().map(|cost| cost.packets).sum();
        MeasuredSessions {
            kbits: self.kbits(costs.iter().map(|cost| cost.bytes).sum()),
            packets: packets as f64 / costs.len() as f64,
            set: describe(costs.iter().map(|cost| cost.set).collect()),
            write: describe(costs.iter().map(|cost| cost.write).collect()),
            receive: describe(costs.iter().map(|cost| cost.receive).collect()),
        }
    }

    fn session_costs(&self, loss_percent: u8) -> Vec<FrameCost> {
        let start = &self.frames[0];
        let mut sessions = Sessions::new(start, loss_percent);
        while !sessions.has_arrived(start) {
            sessions.send(start, DISTANCE);
        }
        // The sender receives the acks.
        for _ in 0..DISTANCE {
            sessions.send(start, DISTANCE);
        }
        for frame in &self.frames[..DISTANCE] {
            sessions.send(frame, DISTANCE);
        }
        let mut costs = Vec::new();
        for (time, frame) in self.frames.iter().enumerate().skip(DISTANCE) {
            costs.push(sessions.send(frame, DISTANCE));
            let arrives = loss_percent > 0 || sessions.has_arrived(frame);
            assert!(arrives, "frame {time}");
        }
        let last = &self.frames[self.frames.len() - 1];
        for _ in 0..100 {
            sessions.send(last, DISTANCE);
        }
        assert!(sessions.has_arrived(last), "the last frame is incomplete");
        costs
    }

    /// Sends the trace with the rival's coder. Returns the kbit/s.
    pub(crate) fn run_rival(&self) -> f64 {
        let start = |time: usize| rival::Known::start(time, self.frames[time].clone());
        let mut known: Vec<_> = (0..DISTANCE).map(start).collect();
        let mut total = 0;
        for (time, frame) in self.frames.iter().enumerate().skip(DISTANCE) {
            let base = &known[self.baseline(time)];
            let (bytes, sent) = base.encode(time, frame);
            total += bytes.len();
            let received = base.decode(time, &bytes);
            assert!(received.cubes() == frame, "frame {time}");
            known.push(sent);
        }
        self.kbits(total)
    }
}

/// Returns the mean and the 99th percentile in microseconds.
fn describe(mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let mean = all.iter().sum::<Duration>() / all.len() as u32;
    let p99 = all[all.len() * 99 / 100];
    format!("{}/{}", mean.as_micros(), p99.as_micros())
}
