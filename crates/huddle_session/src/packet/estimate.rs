//! Estimates of the connection and of the peer's clock, made from received packets.

use std::time::Duration;

use crate::tick::{Tick, TickInstant, TickRate};

/// The minimum time for which the smallest round-trip time counts. It counts for at most twice as
/// long.
const MIN_WINDOW: Duration = Duration::from_secs(5);

/// The ack timeout before the round-trip time is measured.
const FIRST_TIMEOUT: Duration = Duration::from_millis(500);

/// The maximum ack timeout.
const MAX_TIMEOUT: Duration = Duration::from_secs(2);

/// The time that a peer may take to ack, in its ticks: it waits two ticks for data to send along
/// with the ack, and one because games read packets once per frame.
const ACK_TICKS: u32 = 3;

/// The round-trip time, smoothed as in RFC 6298.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    smoothed: Option<Smoothed>,
    /// The minimum of the current window. `min_before` is the minimum of the previous one.
    min: Option<Duration>,
    min_before: Option<Duration>,
    window_began: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Smoothed {
    rtt: Duration,
    variation: Duration,
}

impl RoundTrip {
    /// Adds a sample: the time from sending a packet to its ack, minus the time that the peer held
    /// it.
    pub(crate) fn sample(&mut self, now: Duration, rtt: Duration) {
        // RFC 6298, 2.2 and 2.3.
        self.smoothed = Some(match self.smoothed {
            None => Smoothed {
                rtt,
                variation: rtt / 2,
            },
            Some(last) => Smoothed {
                rtt: (last.rtt * 7 + rtt) / 8,
                variation: (last.variation * 3 + last.rtt.abs_diff(rtt)) / 4,
            },
        });
        if now.saturating_sub(self.window_began) >= MIN_WINDOW {
            self.min_before = self.min.take();
            self.window_began = now;
        }
        self.min = Some(self.min.map_or(rtt, |min| min.min(rtt)));
    }

    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed.map(|smoothed| smoothed.rtt)
    }

    /// Returns the minimum of the last 5 to 10 seconds.
    pub(crate) fn min(&self) -> Option<Duration> {
        self.min.into_iter().chain(self.min_before).min()
    }

    /// Returns the time after which a packet without an ack is considered lost.
    ///
    /// It is shorter than in RFC 6298, because a retransmission is small, contains newer data, and
    /// is limited to one packet per tick.
    pub(crate) fn timeout(&self, rate: TickRate) -> Duration {
        let Some(smoothed) = self.smoothed else {
            return FIRST_TIMEOUT;
        };
        let jitter = (smoothed.variation * 4).max(rate.period());
        (smoothed.rtt + jitter + rate.period() * ACK_TICKS).min(MAX_TIMEOUT)
    }
}

/// The interarrival jitter (RFC 3550, 6.4.1).
#[derive(Debug, Default)]
pub(crate) struct Jitter {
    last: Option<(Tick, Duration)>,
    seconds: f64,
}

impl Jitter {
    /// The maximum jitter of one sample. Longer pauses count as this much.
    const MAX_SECONDS: f64 = 1.0;

    pub(crate) fn sample(&mut self, tick: Tick, arrived: Duration, rate: TickRate) {
        if let Some((last_tick, last_arrived)) = self.last {
            let sent_apart = f64::from(tick.since(last_tick)) / rate.hz();
            let arrived_apart = arrived.as_secs_f64() - last_arrived.as_secs_f64();
            let uneven = (arrived_apart - sent_apart).abs().min(Self::MAX_SECONDS);
            self.seconds += (uneven - self.seconds) / 16.0;
        }
        self.last = Some((tick, arrived));
    }

    pub(crate) fn get(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// The number of ticks by which the peer's clock is ahead of the local one.
#[derive(Debug, Default)]
pub(crate) struct TickOffset(Option<f64>);

impl TickOffset {
    /// The share of a difference that one sample adds.
    const GAIN: f64 = 1.0 / 16.0;

    /// Adds a sample: a packet sent at `tick` arrived at `local`, after half of `rtt`.
    pub(crate) fn sample(&mut self, tick: Tick, local: TickInstant, rtt: Duration, rate: TickRate) {
        let one_way = rtt.as_secs_f64() / 2.0 * rate.hz();
        let sample = one_way - local.since(tick);
        self.0 = Some(match self.0 {
            // One of the clocks jumped or stopped, so smoothing does not apply.
            Some(last) if (sample - last).abs() > rate.hz() => sample,
            Some(last) => last + (sample - last) * Self::GAIN,
            None => sample,
        });
    }

    pub(crate) fn get(&self) -> Option<f64> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn rate() -> TickRate {
        TickRate::from_hz(50.0).unwrap()
    }

    #[test]
    fn round_trip_time_is_smoothed_as_in_rfc_6298() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.timeout(rate()), FIRST_TIMEOUT);
        round_trip.sample(ms(0), ms(100));
        assert_eq!(round_trip.smoothed(), Some(ms(100)));
        assert_eq!(round_trip.timeout(rate()), ms(100 + 4 * 50 + 60));
        round_trip.sample(ms(100), ms(180));
        assert_eq!(round_trip.smoothed(), Some(ms(110)));
        // The variation is now (3 * 50 + 80) / 4.
        assert_eq!(round_trip.timeout(rate()), ms(110 + 230 + 60));
    }

    #[test]
    fn timeout_is_short_for_a_steady_round_trip_time() {
        let mut round_trip = RoundTrip::default();
        for i in 0..100 {
            round_trip.sample(ms(i * 100), ms(40));
        }
        assert_eq!(round_trip.timeout(rate()), ms(40 + 20 + 60));
        for i in 100..200 {
            round_trip.sample(ms(i * 100), ms(60_000));
        }
        assert_eq!(round_trip.timeout(rate()), MAX_TIMEOUT);
    }

    #[test]
    fn minimum_round_trip_time_expires() {
        let mut round_trip = RoundTrip::default();
        round_trip.sample(ms(0), ms(20));
        for second in 1..30 {
            round_trip.sample(ms(second * 1000), ms(50));
            let min = round_trip.min().unwrap();
            match second {
                ..5 => assert_eq!(min, ms(20)),
                5..10 => {}
                _ => assert_eq!(min, ms(50)),
            }
        }
    }

    #[test]
    fn jitter_measures_uneven_arrival() {
        let mut even = Jitter::default();
        let mut uneven = Jitter::default();
        for i in 0..500u32 {
            let arrives = ms(20) * i;
            even.sample(Tick(i), arrives, rate());
            uneven.sample(Tick(i), arrives + ms(8) * (i % 2), rate());
        }
        assert_eq!(even.get().as_micros(), 0);
        assert!((7900..=8000).contains(&uneven.get().as_micros()));
    }

    #[test]
    fn skipped_ticks_do_not_count_as_jitter() {
        let mut jitter = Jitter::default();
        for i in [0, 1, 5, 6, 60, 61] {
            jitter.sample(Tick(i), ms(20) * i, rate());
        }
        assert_eq!(jitter.get().as_micros(), 0);
    }

    #[test]
    fn tick_offset_measures_the_lead_of_the_peers_clock() {
        let mut offset = TickOffset::default();
        assert_eq!(offset.get(), None);
        // The peer is 10.5 ticks ahead, and packets take 2 ticks.
        for i in 0..100 {
            let local = TickInstant {
                tick: Tick(i),
                fraction: 0.5,
            };
            offset.sample(Tick(i + 9), local, ms(80), rate());
            assert!((offset.get().unwrap() - 10.5).abs() < 1e-9);
        }
        // The clock jumps, then drifts.
        offset.sample(Tick(1100), Tick(100).into(), ms(0), rate());
        assert_eq!(offset.get(), Some(1000.0));
        offset.sample(Tick(1117), Tick(101).into(), ms(0), rate());
        assert_eq!(offset.get(), Some(1001.0));
    }

    proptest! {
        #[test]
        fn hostile_ticks_and_times_give_finite_estimates(
            samples in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u64>(), 0f64..1.0), 1..50),
        ) {
            let rate = rate();
            let (mut round_trip, mut jitter, mut offset) =
                (RoundTrip::default(), Jitter::default(), TickOffset::default());
            for (tick, local, nanos, fraction) in samples {
                let time = Duration::from_nanos(nanos);
                round_trip.sample(time, time);
                jitter.sample(Tick(tick), time, rate);
                let local = TickInstant { tick: Tick(local), fraction };
                offset.sample(Tick(tick), local, time, rate);
            }
            prop_assert!(jitter.get() <= Duration::from_secs(1));
            prop_assert!(offset.get().is_some_and(f64::is_finite));
            prop_assert!(round_trip.timeout(rate) <= MAX_TIMEOUT);
            prop_assert!(round_trip.min() <= Some(Duration::from_nanos(u64::MAX)));
        }
    }
}
