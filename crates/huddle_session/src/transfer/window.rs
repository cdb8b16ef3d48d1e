//! The congestion window of transfers.

use core::time::Duration;
use std::collections::VecDeque;

use super::message::MAX_CHUNK_LEN;

/// The target queueing delay.
const TARGET: Duration = Duration::from_millis(10);

/// The gain of the window, in chunks per round trip when there is no queue.
const GAIN: f64 = 1.0;

const MIN_SIZE: usize = 2 * MAX_CHUNK_LEN;
const INITIAL_SIZE: usize = 8 * MAX_CHUNK_LEN;
const MAX_SIZE: usize = 128 * 1024;

/// The number of minutes over which the base delay is the minimum.
const BASE_HISTORY: usize = 10;

/// The time over which the current delay is the minimum of the samples, with at least two samples.
/// Waiting for a frame at either peer is not a queue in the network.
const CURRENT_FILTER: Duration = Duration::from_millis(250);

/// The maximum number of samples that are kept.
const MAX_SAMPLES: usize = 16;

/// Frames up to this time delay a sample by less than the target.
const SHORT_FRAME: Duration = Duration::from_millis(20);

/// Calls within this time belong to one frame. A slow frame can contain several ticks.
const SAME_FRAME: Duration = Duration::from_millis(4);

/// The maximum time that a frame takes from a sample.
const MAX_FRAME: Duration = Duration::from_millis(250);

/// The number of transfer bytes that may be in flight to one peer.
///
/// The window yields to all other traffic. It follows the growth of the round-trip time over its
/// minimum, like LEDBAT (RFC 6817, section 2.4.2). Unlike LEDBAT, it uses round-trip times in place
/// of one-way delays, and it begins with a slow start like TCP: it doubles until the delay grows,
/// at most once per sample because samples are rare. Like LEDBAT++, it never shrinks by more than
/// half of the acked bytes, so at most to a half per round trip.
///
/// A page handles packets only between its frames, so a sample can be too long by one local frame.
/// If the frames are long, that time does not count as a queue.
#[derive(Debug)]
pub(crate) struct Window {
    size: f64,
    /// The size up to which slow start may grow before the next sample; `None` after slow start.
    slow_start_end: Option<f64>,
    /// The minimum round-trip time of each of the last minutes, the current one last.
    base: VecDeque<Duration>,
    base_minute: u64,
    /// The recent round-trip times, with the times of their arrival.
    recent: VecDeque<(Duration, Duration)>,
    last_frame: Option<Duration>,
    /// The time that recent local frames took.
    frame: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            size: INITIAL_SIZE as f64,
            slow_start_end: Some(INITIAL_SIZE as f64),
            base: VecDeque::new(),
            base_minute: 0,
            recent: VecDeque::new(),
            last_frame: None,
            frame: Duration::ZERO,
        }
    }
}

impl Window {
    /// Returns the number of bytes that may be in flight.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// Measures the local frames. Call it in each one, at least once.
    pub(crate) fn on_frame(&mut self, now: Duration) {
        let took = now.saturating_sub(*self.last_frame.get_or_insert(now));
        if took < SAME_FRAME {
            return;
        }
        self.last_frame = Some(now);
        // A single short frame does not mean that the others are short.
        self.frame = took.max(self.frame.mul_f32(0.9)).min(MAX_FRAME);
    }

    /// Returns the current round-trip time.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.recent.iter().map(|&(_, sample)| sample).min()
    }

    /// Adds a sample of the round-trip time, without the time that the peer held the acked packet.
    pub(crate) fn on_rtt(&mut self, sample: Duration, now: Duration) {
        let minute = now.as_secs() / 60;
        match self.base.back_mut() {
            Some(least) if self.base_minute == minute => *least = sample.min(*least),
            _ => {
                self.base.push_back(sample);
                self.base_minute = minute;
                if self.base.len() > BASE_HISTORY {
                    self.base.pop_front();
                }
            }
        }
        self.recent.push_back((now, sample));
        while self.recent.len() > 2
            && let Some(&(at, _)) = self.recent.front()
            && (self.recent.len() > MAX_SAMPLES || now.saturating_sub(at) > CURRENT_FILTER)
        {
            self.recent.pop_front();
        }
        if self.slow_start_end.is_some() {
            let queueing = self.queueing(sample);
            if queueing > TARGET {
                // Shrink to the size that fills the link, plus the queue up to the target.
                let excess = (queueing - TARGET).div_duration_f64(sample);
                self.size = (self.size * (1.0 - excess).max(0.25)).max(MIN_SIZE as f64);
                self.slow_start_end = None;
            } else {
                self.slow_start_end = Some(2.0 * self.size);
            }
        }
    }

    /// Returns the difference between a round-trip time and the base, without the time that may be
    /// due to a long frame.
    fn queueing(&self, rtt: Duration) -> Duration {
        let base = self.base.iter().min().copied().unwrap_or(rtt);
        let is_long = self.frame > SHORT_FRAME;
        let frame = if is_long { self.frame } else { Duration::ZERO };
        rtt.saturating_sub(base.saturating_add(frame))
    }

    /// Handles an ack of `acked` of the `in_flight` bytes.
    pub(crate) fn on_ack(&mut self, acked: usize, in_flight: usize) {
        let Some(rtt) = self.rtt() else {
            return;
        };
        let acked = acked as f64;
        let change = match self.slow_start_end {
            Some(end) => acked.min((end - self.size).max(0.0)),
            None => {
                let off_target = 1.0 - self.queueing(rtt).div_duration_f64(TARGET);
                let change = GAIN * off_target * acked * MAX_CHUNK_LEN as f64 / self.size;
                change.max(-acked / 2.0)
            }
        };
        // A window that is not used up gives no evidence for a larger one.
        let is_used = in_flight + MAX_CHUNK_LEN > self.size() / 2;
        if change < 0.0 || is_used {
            self.size = (self.size + change).clamp(MIN_SIZE as f64, MAX_SIZE as f64);
        }
    }

    /// Restarts from the minimum after a stall.
    pub(crate) fn on_stall(&mut self) {
        self.size = MIN_SIZE as f64;
        self.slow_start_end = Some(self.size);
    }

    /// Restarts from the initial size after an idle period, because earlier samples of the queue
    /// are outdated.
    pub(crate) fn on_idle(&mut self) {
        self.size = INITIAL_SIZE as f64;
        self.slow_start_end = Some(self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Acks a whole window.
    fn round(window: &mut Window) {
        let size = window.size();
        window.on_ack(size, size);
    }

    /// Returns a window that has measured the base delay and finished slow start.
    fn steady() -> Window {
        let mut window = Window::default();
        window.on_rtt(20 * MS, Duration::ZERO);
        window.slow_start_end = None;
        window
    }

    #[test]
    fn slow_start_ends_at_the_size_that_fills_the_link() {
        for (rtt, size) in [(31, 30.0 / 31.0), (60, 0.5), (1000, 0.25)] {
            let mut window = Window::default();
            window.on_rtt(20 * MS, Duration::ZERO);
            window.on_rtt(rtt * MS, Duration::ZERO);
            assert_eq!(window.size(), (INITIAL_SIZE as f64 * size) as usize);
            assert_eq!(window.slow_start_end, None);
        }
    }

    #[test]
    fn window_doubles_per_sample_up_to_the_maximum() {
        let mut window = Window::default();
        for expected in [8, 16, 32, 64, 128, 128] {
            assert_eq!(window.size(), expected * 1024);
            window.on_rtt(20 * MS, Duration::ZERO);
            round(&mut window);
            round(&mut window);
        }
    }

    #[test]
    fn window_does_not_grow_without_samples() {
        let mut window = Window::default();
        round(&mut window);
        assert_eq!(window.size(), INITIAL_SIZE);
    }

    #[test]
    fn window_grows_without_a_queue_and_stays_at_the_target() {
        let mut window = steady();
        round(&mut window);
        assert_eq!(window.size(), INITIAL_SIZE + MAX_CHUNK_LEN);
        window.on_rtt(30 * MS, 300 * MS);
        window.on_rtt(30 * MS, 400 * MS);
        round(&mut window);
        assert_eq!(window.size(), INITIAL_SIZE + MAX_CHUNK_LEN);
    }

    #[test]
    fn window_shrinks_with_the_queue_down_to_the_minimum() {
        let mut window = steady();
        for _ in 0..2 {
            window.on_rtt(50 * MS, 500 * MS);
        }
        // Twice over the target.
        round(&mut window);
        assert_eq!(window.size(), INITIAL_SIZE - 2 * MAX_CHUNK_LEN);
        for _ in 0..2 {
            window.on_rtt(900 * MS, 1000 * MS);
        }
        for expected in [3, 2, 2] {
            round(&mut window);
            assert_eq!(window.size(), expected * 1024);
        }
    }

    #[test]
    fn single_late_sample_does_not_count_as_a_queue() {
        let mut window = steady();
        window.on_rtt(200 * MS, Duration::ZERO);
        round(&mut window);
        assert!(window.size() > INITIAL_SIZE);
    }

    #[test]
    fn unused_window_does_not_grow() {
        let mut window = Window::default();
        window.on_rtt(20 * MS, Duration::ZERO);
        window.on_ack(1024, 1024);
        assert_eq!(window.size(), INITIAL_SIZE);
    }

    #[test]
    fn longer_delay_becomes_the_base_after_ten_minutes() {
        let mut window = Window::default();
        window.on_rtt(20 * MS, Duration::ZERO);
        for minute in 1..=10 {
            assert_eq!(window.queueing(70 * MS), 50 * MS);
            window.on_rtt(70 * MS, Duration::from_secs(60 * minute));
        }
        assert_eq!(window.queueing(70 * MS), Duration::ZERO);
    }

    #[test]
    fn stall_restarts_from_the_minimum() {
        let mut window = Window::default();
        window.on_stall();
        assert_eq!(window.size(), MIN_SIZE);
        window.on_rtt(20 * MS, Duration::ZERO);
        round(&mut window);
        assert_eq!(window.size(), 2 * MIN_SIZE);
    }
}
