use std::{
    fmt,
    ops::{Add, AddAssign},
    time::Duration,
};

use thiserror::Error;

/// A step of the room's clock. Ticks wrap around after [`u32::MAX`], which takes more than two
/// years at 60 Hz.
///
/// `Tick` does not implement `Ord`, because an order that wraps around is not transitive and sorted
/// collections would misbehave. Use [`Tick::since`] or [`Tick::is_after`] instead.
///
/// ```
/// use huddle_session::Tick;
///
/// let last = Tick(u32::MAX);
/// assert_eq!(last + 2, Tick(1));
/// assert_eq!((last + 2).since(last), 2);
/// assert!(Tick(1).is_after(last));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Tick(pub u32);

impl Tick {
    /// Returns the number of ticks from `earlier` to this tick; negative if this tick comes first.
    /// The result is correct if the two are less than 2^31 ticks apart.
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// Returns `true` if this tick comes after `other`.
    pub const fn is_after(self, other: Self) -> bool {
        self.since(other) > 0
    }
}

impl Add<u32> for Tick {
    type Output = Self;

    fn add(self, ticks: u32) -> Self {
        Self(self.0.wrapping_add(ticks))
    }
}

impl AddAssign<u32> for Tick {
    fn add_assign(&mut self, ticks: u32) {
        *self = *self + ticks;
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A point in time on the tick clock, possibly between two ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TickInstant {
    /// The reference tick, usually the one that began last.
    pub tick: Tick,
    /// The time since the start of [`tick`](Self::tick), in ticks. It is between 0 and 1 within
    /// that tick.
    pub fraction: f64,
}

impl TickInstant {
    /// Returns the time since the start of `tick`, in ticks; negative if `tick` starts later.
    pub fn since(self, tick: Tick) -> f64 {
        f64::from(self.tick.since(tick)) + self.fraction
    }
}

impl From<Tick> for TickInstant {
    fn from(tick: Tick) -> Self {
        Self {
            tick,
            fraction: 0.0,
        }
    }
}

/// A number of ticks per second, with a resolution of 0.001 Hz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TickRate {
    millihertz: u32,
}

/// The error for a number that is out of range for a tick rate.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("a tick rate of {0} Hz is not supported: choose a rate from 1 to 1000 Hz, such as 60")]
pub struct TickRateError(f64);

impl TickRate {
    const RANGE: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;

    /// Creates a rate from ticks per second.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use huddle_session::TickRate;
    ///
    /// assert_eq!(TickRate::from_hz(50.0)?.period(), Duration::from_millis(20));
    /// assert!(TickRate::from_hz(0.0).is_err());
    /// # Ok::<(), huddle_session::TickRateError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if `hz` is not between 1 and 1000.
    pub fn from_hz(hz: f64) -> Result<Self, TickRateError> {
        // The cast saturates and turns NaN into 0. Both are out of range.
        let millihertz = (hz * 1000.0).round() as u32;
        Self::from_millihertz(millihertz).map_err(|_| TickRateError(hz))
    }

    /// Creates a rate from ticks per 1000 seconds.
    ///
    /// # Errors
    /// Returns an error if `millihertz` is not between 1000 and 1,000,000.
    pub fn from_millihertz(millihertz: u32) -> Result<Self, TickRateError> {
        if Self::RANGE.contains(&millihertz) {
            Ok(Self { millihertz })
        } else {
            Err(TickRateError(f64::from(millihertz) / 1000.0))
        }
    }

    /// Creates a rate that a peer claims, which can be any number. Use it only to compare and to
    /// display.
    pub(crate) const fn claimed(millihertz: u32) -> Self {
        Self { millihertz }
    }

    /// Returns the number of whole ticks in a duration.
    pub fn ticks_in(self, time: Duration) -> u32 {
        let ticks = time.as_micros().saturating_mul(u128::from(self.millihertz)) / 1_000_000_000;
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    /// Returns the rate in ticks per second.
    pub fn hz(self) -> f64 {
        f64::from(self.millihertz) / 1000.0
    }

    /// Returns the rate in ticks per 1000 seconds.
    pub const fn millihertz(self) -> u32 {
        self.millihertz
    }

    /// Returns the duration of one tick, rounded down to a nanosecond.
    pub const fn period(self) -> Duration {
        Duration::from_nanos(1_000_000_000_000 / self.millihertz as u64)
    }
}

impl Default for TickRate {
    /// 60 ticks per second.
    fn default() -> Self {
        Self { millihertz: 60_000 }
    }
}

impl fmt::Display for TickRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.hz())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn since_returns_the_added_ticks(start: u32, ticks in 0u32..1 << 31) {
            let (start, end) = (Tick(start), Tick(start) + ticks);
            prop_assert_eq!(end.since(start), ticks as i32);
            prop_assert_eq!(start.since(end), -(ticks as i32));
            prop_assert_eq!(end.is_after(start), ticks > 0);
        }

        #[test]
        fn from_hz_accepts_exactly_the_supported_range(hz: f64) {
            match TickRate::from_hz(hz) {
                Ok(rate) => {
                    prop_assert!((rate.hz() - hz).abs() <= 0.0005);
                    let seconds = rate.period().as_secs_f64() * rate.hz();
                    prop_assert!((seconds - 1.0).abs() < 1e-5);
                }
                Err(_) => prop_assert!(!(1.0..=1000.0).contains(&hz)),
            }
        }
    }

    #[test]
    fn rate_error_contains_the_rejected_number() {
        for hz in [0.0, -60.0, 0.9, 1000.1, f64::NAN, f64::INFINITY] {
            let error = TickRate::from_hz(hz).unwrap_err().to_string();
            assert!(error.contains(&hz.to_string()), "{error}");
        }
        assert!(TickRate::from_millihertz(999).is_err());
        assert_eq!(TickRate::from_hz(59.94).unwrap().millihertz(), 59_940);
        assert_eq!(
            TickRate::from_hz(60.0).unwrap().period(),
            Duration::from_nanos(16_666_666)
        );
    }

    #[test]
    fn ticks_in_counts_whole_ticks() {
        let rate = TickRate::default();
        assert_eq!(rate.ticks_in(Duration::from_millis(999)), 59);
        assert_eq!(rate.ticks_in(Duration::from_secs(1)), 60);
        assert_eq!(
            TickRate::claimed(u32::MAX).ticks_in(Duration::MAX),
            u32::MAX
        );
        assert_eq!(TickRate::claimed(62_500).to_string(), "62.5 Hz");
    }

    #[test]
    fn instant_includes_its_fraction() {
        let moment = TickInstant {
            tick: Tick(1),
            fraction: 0.25,
        };
        assert_eq!(moment.since(Tick(u32::MAX)), 2.25);
        assert_eq!(TickInstant::from(Tick(5)).since(Tick(6)), -1.0);
    }
}
