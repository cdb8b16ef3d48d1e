use std::{ops::Range, time::Duration};

use super::{draw::Draw, weather::Weather};

/// One direction of a link. It decides the fates of packets.
#[derive(Debug)]
pub(super) struct Path {
    seed: Draw,
    pub(super) weather: Weather,
    /// The duration of a step in nanoseconds.
    step: u64,
    /// The time of the first step.
    began: Duration,
    /// The step of the last packet, and the number of packets in that step.
    last: (u64, u64),
    /// Whether each step so far was in a burst.
    bursts: Vec<bool>,
    cuts: Vec<Range<Duration>>,
    /// The time at which the queue of the bottleneck is empty.
    free_at: Duration,
}

/// The fate of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// The delay, or `None` if the packet is lost.
    pub(super) delay: Option<Duration>,
    /// The delay of a second copy.
    pub(super) copy: Option<Duration>,
}

/// The purpose of a random number.
#[derive(Clone, Copy)]
enum Purpose {
    Loss,
    Delay,
    Duplication,
    CopyDelay,
    Burst,
    Attempt,
    AttemptDelay,
}

impl Path {
    pub(super) const fn new(seed: Draw, weather: Weather, step: u64) -> Self {
        Self {
            seed,
            weather,
            step,
            began: Duration::ZERO,
            last: (0, 0),
            bursts: Vec::new(),
            cuts: Vec::new(),
            free_at: Duration::ZERO,
        }
    }

    const fn draw(&self, purpose: Purpose) -> Draw {
        self.seed.at(purpose as u64)
    }

    /// Counts steps from now on, as on a new path.
    pub(super) fn restart(&mut self, now: Duration, weather: Weather) {
        self.weather = weather;
        self.began = now;
        self.last = (0, 0);
        self.bursts.clear();
    }

    fn step_at(&self, time: Duration) -> u64 {
        let since = time.saturating_sub(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) / self.step
    }

    /// Returns the fate of the next packet. It depends only on the seed, the weather, the step, and the
    /// number of packets before it in the same step.
    pub(super) fn next_fate(&mut self, now: Duration) -> Fate {
        let step = self.step_at(now);
        let place = if self.last.0 == step { self.last.1 } else { 0 };
        self.last = (step, place + 1);
        self.fate(now, step, place)
    }

    fn fate(&mut self, now: Duration, step: u64, place: u64) -> Fate {
        let draw = |path: &Self, purpose| path.draw(purpose).at(step).at(place);
        let loss = self.loss_at(step);
        if draw(self, Purpose::Loss).happens(loss) || self.is_cut(now) {
            return Fate {
                delay: None,
                copy: None,
            };
        }
        let duplication = self.weather.duplication;
        let copies = duplication > 0.0 && draw(self, Purpose::Duplication).happens(duplication);
        Fate {
            delay: Some(self.delay(draw(self, Purpose::Delay))),
            copy: copies.then(|| self.delay(draw(self, Purpose::CopyDelay))),
        }
    }

    /// Returns the delay of one attempt to deliver a reliable message, or `None` if it is lost.
    pub(super) fn attempt(
        &mut self,
        now: Duration,
        lane: u64,
        number: u64,
        tries: u64,
    ) -> Option<Duration> {
        let draw = |path: &Self, purpose| path.draw(purpose).at(lane).at(number).at(tries);
        let loss = self.loss_at(self.step_at(now));
        let is_lost = draw(self, Purpose::Attempt).happens(loss) || self.is_cut(now);
        (!is_lost).then(|| self.delay(draw(self, Purpose::AttemptDelay)))
    }

    fn delay(&self, draw: Draw) -> Duration {
        let Weather { delay, jitter, .. } = self.weather;
        if jitter.is_zero() {
            delay
        } else {
            delay + jitter.mul_f64(draw.unit())
        }
    }

    fn loss_at(&mut self, step: u64) -> f64 {
        let Some(burst) = self.weather.burst else {
            return self.weather.loss;
        };
        let seed = self.draw(Purpose::Burst);
        while self.bursts.len() as u64 <= step {
            let draw = seed.at(self.bursts.len() as u64);
            self.bursts.push(match self.bursts.last() {
                Some(true) => !draw.happens(burst.ends),
                Some(false) | None => draw.happens(burst.begins),
            });
        }
        if self.bursts[step as usize] {
            burst.loss
        } else {
            self.weather.loss
        }
    }

    /// Returns the time at which a packet of `len` bytes leaves the queue, or `None` if the queue is full.
    pub(super) fn leaves(&mut self, now: Duration, len: usize) -> Option<Duration> {
        let Some(bandwidth) = self.weather.bandwidth else {
            return Some(now);
        };
        if bandwidth.rate == 0 {
            return None;
        }
        let seconds = |bytes: u64| bytes as f64 / bandwidth.rate as f64;
        let waits = self.free_at.saturating_sub(now).as_secs_f64();
        if waits + seconds(len as u64) > seconds(bandwidth.queue) {
            return None;
        }
        self.free_at = self.free_at.max(now) + Duration::from_secs_f64(seconds(len as u64));
        Some(self.free_at)
    }

    pub(super) fn cut(&mut self, time: Range<Duration>) {
        self.cuts.push(time);
    }

    /// Ends every cut.
    pub(super) fn heal(&mut self, now: Duration) {
        for cut in &mut self.cuts {
            cut.end = cut.end.min(now);
        }
    }

    pub(super) fn is_cut(&self, now: Duration) -> bool {
        self.cuts.iter().any(|cut| cut.contains(&now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::weather::{Bandwidth, Burst};

    const STEP: Duration = Duration::from_millis(16);

    fn path(weather: Weather) -> Path {
        Path::new(Draw::seeded(1), weather, STEP.as_nanos() as u64)
    }

    fn bursty() -> Weather {
        Weather {
            loss: 0.1,
            burst: Some(Burst {
                begins: 0.02,
                ends: 0.1,
                loss: 0.8,
            }),
            jitter: STEP,
            duplication: 0.1,
            ..Weather::from_rtt(STEP)
        }
    }

    proptest! {
        #[test]
        fn fate_depends_only_on_the_step(
            sent in proptest::collection::vec((0u32..500, 1u64..4), 1..50),
            step in 0u32..500,
        ) {
            let alone = path(bursty()).next_fate(STEP * step);
            let mut path = path(bursty());
            for (other, packets) in sent {
                if other != step {
                    for _ in 0..packets {
                        path.next_fate(STEP * other);
                    }
                }
                path.attempt(STEP * other, 1, 0, 0);
            }
            prop_assert_eq!(path.next_fate(STEP * step), alone);
        }
    }

    #[test]
    fn loss_and_delay_match_the_weather() {
        let weather = Weather {
            loss: 0.15,
            jitter: Duration::from_millis(20),
            duplication: 0.05,
            ..Weather::from_rtt(Duration::from_millis(200))
        };
        let mut path = path(weather);
        let fates: Vec<_> = (0..20_000).map(|n| path.next_fate(STEP * n)).collect();
        let (delays, copies): (Vec<_>, Vec<_>) = fates
            .iter()
            .filter_map(|fate| Some((fate.delay?, fate.copy)))
            .unzip();
        let rate = |n: usize, of: usize| n as f64 / of as f64;
        assert!((rate(delays.len(), fates.len()) - 0.85).abs() < 0.01);
        let twice = copies.iter().flatten().count();
        assert!((rate(twice, copies.len()) - 0.05).abs() < 0.01);
        let mut pairs = delays.iter().zip(&copies);
        assert!(pairs.all(|(delay, copy)| copy.as_ref() != Some(delay)));
        let range = Duration::from_millis(100)..=Duration::from_millis(120);
        assert!(delays.iter().all(|delay| range.contains(delay)));
        let mean = delays.iter().sum::<Duration>() / delays.len() as u32;
        assert!(mean.abs_diff(Duration::from_millis(110)) < Duration::from_micros(200));
    }

    #[test]
    fn packets_of_one_step_have_different_fates() {
        let mut path = path(Weather {
            loss: 0.5,
            ..Weather::default()
        });
        let alike = (0..1000).filter(|n| path.next_fate(STEP * *n) == path.next_fate(STEP * *n));
        assert!((400..600).contains(&alike.count()));
    }

    #[test]
    fn bursts_match_the_weather() {
        let mut path = path(bursty());
        path.loss_at(49_999);
        let states = path.bursts.clone();
        let burst = states.iter().filter(|burst| **burst).count() as f64 / 50_000.0;
        // The share of time that a Markov chain with these rates spends in its second state.
        assert!((burst - 0.02 / 0.12).abs() < 0.02, "{burst}");
        let ends = states.windows(2).filter(|pair| pair[0] && !pair[1]).count();
        assert!((700..970).contains(&ends), "{ends}");
        let lost = (0..50_000).filter(|n| path.next_fate(STEP * *n).delay.is_none());
        let loss = lost.count() as f64 / 50_000.0;
        assert!((loss - (0.8 * burst + 0.1 * (1.0 - burst))).abs() < 0.01);
    }

    #[test]
    fn bottleneck_delays_packets_and_drops_those_that_do_not_fit() {
        let mut path = path(Weather {
            bandwidth: Some(Bandwidth {
                rate: 1000,
                queue: 250,
            }),
            ..Weather::default()
        });
        let ms = Duration::from_millis;
        assert_eq!(path.leaves(ms(0), 100), Some(ms(100)));
        assert_eq!(path.leaves(ms(0), 100), Some(ms(200)));
        assert_eq!(path.leaves(ms(0), 100), None);
        assert_eq!(path.leaves(ms(60), 100), Some(ms(300)));
        assert_eq!(path.leaves(ms(400), 100), Some(ms(500)));
    }

    #[test]
    fn cut_ends_at_its_time_or_when_it_is_healed() {
        let mut path = path(Weather::default());
        path.cut(STEP * 2..STEP * 4);
        path.cut(STEP * 8..Duration::MAX);
        let lost = |path: &mut Path| -> Vec<u32> {
            (0..12)
                .filter(|n| path.next_fate(STEP * *n).delay.is_none())
                .collect()
        };
        assert_eq!(lost(&mut path), [2, 3, 8, 9, 10, 11]);
        path.heal(STEP * 10);
        assert_eq!(lost(&mut path), [2, 3, 8, 9]);
    }
}
