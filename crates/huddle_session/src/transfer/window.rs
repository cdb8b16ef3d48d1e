use core::time::Duration;
use std::collections::VecDeque;

use super::message::MAX_CHUNK_LEN;

/// The queueing delay that is aimed at.
const TARGET: Duration = Duration::from_millis(10);

/// How fast the window follows, in chunks per round trip at the target.
const GAIN: f64 = 1.0;

const MIN_SIZE: usize = 2 * MAX_CHUNK_LEN;
const INITIAL_SIZE: usize = 8 * MAX_CHUNK_LEN;
const MAX_SIZE: usize = 128 * 1024;

/// The base delay is the least of so many minutes.
const BASE_HISTORY: usize = 10;

/// The current delay is the least of the samples of so long, but at least of two: what waits for a
/// frame at either end is no queue in the network.
const CURRENT_FILTER: Duration = Duration::from_millis(250);

/// How many samples are kept at most.
const MAX_SAMPLES: usize = 16;

/// How many bytes of transfers may be on their way to one peer.
///
/// It yields to everything else: what counts is by how much the round trip grows over the least
/// that was seen, as in LEDBAT (RFC 6817, section 2.4.2). Other than there, round trips stand for
/// one-way delays, and it starts slowly as TCP does: it doubles until the delay shows, at most once
/// per sample, because samples are few. As in LEDBAT++ it never shrinks by more than half of what
/// is acked, so at most to a half per round trip.
#[derive(Debug)]
pub(crate) struct Window {
    size: f64,
    /// How far slow start goes until the next sample; `None` after slow start.
    slow_start_end: Option<f64>,
    /// The least round trip of each of the last minutes, the current one last.
    base: VecDeque<Duration>,
    base_minute: u64,
    /// Round trips of late, with when they came.
    recent: VecDeque<(Duration, Duration)>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            size: INITIAL_SIZE as f64,
            slow_start_end: Some(INITIAL_SIZE as f64),
            base: VecDeque::new(),
            base_minute: 0,
            recent: VecDeque::new(),
        }
    }
}

impl Window {
    /// How many bytes may be on their way.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// The round trip of late.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.recent.iter().map(|&(_, sample)| sample).min()
    }

    /// Takes a round trip, without the time that the other side waited before it answered.
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
                // What fills the way, and the queue up to the target.
                let excess = (queueing - TARGET).div_duration_f64(sample);
                self.size = (self.size * (1.0 - excess).max(0.25)).max(MIN_SIZE as f64);
                self.slow_start_end = None;
            } else {
                self.slow_start_end = Some(2.0 * self.size);
            }
        }
    }

    /// By how much a round trip is longer than the base.
    fn queueing(&self, rtt: Duration) -> Duration {
        let base = self.base.iter().min().copied().unwrap_or(rtt);
        rtt.saturating_sub(base)
    }

    /// Takes that `acked` of the `in_flight` bytes arrived.
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
        // A window that is not used says nothing about a larger one.
        let is_used = in_flight + MAX_CHUNK_LEN > self.size() / 2;
        if change < 0.0 || is_used {
            self.size = (self.size + change).clamp(MIN_SIZE as f64, MAX_SIZE as f64);
        }
    }

    /// Nothing arrives any more: begin from the least.
    pub(crate) fn on_stall(&mut self) {
        self.size = MIN_SIZE as f64;
        self.slow_start_end = Some(self.size);
    }

    /// Nothing is on its way for a while, so what was learned of the queue is old.
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

    /// One that has seen the least round trip and is over slow start.
    fn steady() -> Window {
        let mut window = Window::default();
        window.on_rtt(20 * MS, Duration::ZERO);
        window.slow_start_end = None;
        window
    }

    #[test]
    fn slow_start_ends_with_what_fills_the_way_and_the_queue_up_to_the_target() {
        for (rtt, size) in [(31, 30.0 / 31.0), (60, 0.5), (1000, 0.25)] {
            let mut window = Window::default();
            window.on_rtt(20 * MS, Duration::ZERO);
            window.on_rtt(rtt * MS, Duration::ZERO);
            assert_eq!(window.size(), (INITIAL_SIZE as f64 * size) as usize);
            assert_eq!(window.slow_start_end, None);
        }
    }

    #[test]
    fn it_doubles_per_sample_until_the_most() {
        let mut window = Window::default();
        for expected in [8, 16, 32, 64, 128, 128] {
            assert_eq!(window.size(), expected * 1024);
            window.on_rtt(20 * MS, Duration::ZERO);
            round(&mut window);
            round(&mut window);
        }
    }

    #[test]
    fn without_samples_it_stays() {
        let mut window = Window::default();
        round(&mut window);
        assert_eq!(window.size(), INITIAL_SIZE);
    }

    #[test]
    fn it_grows_by_a_chunk_per_round_trip_where_there_is_no_queue_and_stays_at_the_target() {
        let mut window = steady();
        round(&mut window);
        assert_eq!(window.size(), INITIAL_SIZE + MAX_CHUNK_LEN);
        window.on_rtt(30 * MS, 300 * MS);
        window.on_rtt(30 * MS, 400 * MS);
        round(&mut window);
        assert_eq!(window.size(), INITIAL_SIZE + MAX_CHUNK_LEN);
    }

    #[test]
    fn it_shrinks_with_the_queue_but_at_most_to_half_and_not_below_the_least() {
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
    fn one_late_sample_among_many_is_no_queue() {
        let mut window = steady();
        window.on_rtt(200 * MS, Duration::ZERO);
        round(&mut window);
        assert!(window.size() > INITIAL_SIZE);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let mut window = Window::default();
        window.on_rtt(20 * MS, Duration::ZERO);
        window.on_ack(1024, 1024);
        assert_eq!(window.size(), INITIAL_SIZE);
    }

    #[test]
    fn a_longer_way_becomes_the_base_after_ten_minutes() {
        let mut window = Window::default();
        window.on_rtt(20 * MS, Duration::ZERO);
        for minute in 1..=10 {
            assert_eq!(window.queueing(70 * MS), 50 * MS);
            window.on_rtt(70 * MS, Duration::from_secs(60 * minute));
        }
        assert_eq!(window.queueing(70 * MS), Duration::ZERO);
    }

    #[test]
    fn a_stall_begins_from_the_least() {
        let mut window = Window::default();
        window.on_stall();
        assert_eq!(window.size(), MIN_SIZE);
        window.on_rtt(20 * MS, Duration::ZERO);
        round(&mut window);
        assert_eq!(window.size(), 2 * MIN_SIZE);
    }
}
