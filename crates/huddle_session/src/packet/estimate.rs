//! What arriving packets tell about the way to the peer and its clock.

use std::time::Duration;

use crate::tick::{Tick, TickInstant, TickRate};

/// How long the smallest round trip counts at least; at most it does twice as long.
const MIN_WINDOW: Duration = Duration::from_secs(5);

/// How long a packet waits for its ack where the round trip is not known yet.
const FIRST_TIMEOUT: Duration = Duration::from_millis(500);

/// The longest a packet waits for its ack.
const MAX_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a peer may take to ack, in its ticks: two that it waits for something to send with the
/// ack, and one because games see packets once per frame.
const ACK_TICKS: u32 = 3;

/// The time to the peer and back, smoothed as in RFC 6298.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    smoothed: Option<Smoothed>,
    /// The smallest of this window and of the one before it.
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
    /// Takes a sample: the time from sending a packet to its ack, less what it waited there.
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

    /// The smallest of the last 5 to 10 seconds.
    pub(crate) fn min(&self) -> Option<Duration> {
        self.min.into_iter().chain(self.min_before).min()
    }

    /// After how long without an ack a packet is taken to be lost. It is shorter than RFC 6298 has
    /// it, since what is sent again is small, newer than what was lost, and one packet per tick at
    /// most.
    pub(crate) fn timeout(&self, rate: TickRate) -> Duration {
        let Some(smoothed) = self.smoothed else {
            return FIRST_TIMEOUT;
        };
        let jitter = (smoothed.variation * 4).max(rate.period());
        (smoothed.rtt + jitter + rate.period() * ACK_TICKS).min(MAX_TIMEOUT)
    }
}

/// How unevenly packets arrive (RFC 3550, 6.4.1).
#[derive(Debug, Default)]
pub(crate) struct Jitter {
    last: Option<(Tick, Duration)>,
    seconds: f64,
}

impl Jitter {
    /// A pause this long is no jitter; it counts as this much.
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

/// How many ticks the peer's clock is ahead of the own one.
#[derive(Debug, Default)]
pub(crate) struct TickOffset(Option<f64>);

impl TickOffset {
    /// How much of a difference is taken over at once.
    const GAIN: f64 = 1.0 / 16.0;

    /// Takes a sample: a packet sent at `tick` arrived at `local`, half of `rtt` later.
    pub(crate) fn sample(&mut self, tick: Tick, local: TickInstant, rtt: Duration, rate: TickRate) {
        let under_way = rtt.as_secs_f64() / 2.0 * rate.hz();
        let sample = under_way - local.since(tick);
        self.0 = Some(match self.0 {
            // One clock has been set, or has stood still: there is nothing to smooth.
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
    fn round_trips_are_smoothed_as_in_rfc_6298() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.timeout(rate()), FIRST_TIMEOUT);
        round_trip.sample(ms(0), ms(100));
        assert_eq!(round_trip.smoothed(), Some(ms(100)));
        assert_eq!(round_trip.timeout(rate()), ms(100 + 4 * 50 + 60));
        round_trip.sample(ms(100), ms(180));
        assert_eq!(round_trip.smoothed(), Some(ms(110)));
        // The variation is (3 * 50 + 80) / 4 now.
        assert_eq!(round_trip.timeout(rate()), ms(110 + 230 + 60));
    }

    #[test]
    fn a_steady_round_trip_is_waited_for_little_longer() {
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
    fn the_smallest_round_trip_is_forgotten_after_a_while() {
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
    fn jitter_is_how_unevenly_packets_arrive() {
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
    fn ticks_without_a_packet_are_no_jitter() {
        let mut jitter = Jitter::default();
        for i in [0, 1, 5, 6, 60, 61] {
            jitter.sample(Tick(i), ms(20) * i, rate());
        }
        assert_eq!(jitter.get().as_micros(), 0);
    }

    #[test]
    fn the_offset_is_what_the_peers_clock_is_ahead() {
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
        // It jumps, then drifts.
        offset.sample(Tick(1100), Tick(100).into(), ms(0), rate());
        assert_eq!(offset.get(), Some(1000.0));
        offset.sample(Tick(1117), Tick(101).into(), ms(0), rate());
        assert_eq!(offset.get(), Some(1001.0));
    }

    proptest! {
        #[test]
        fn hostile_ticks_and_times_give_numbers(
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
