//! The send rates of a link, and in which ticks it sends.

/// How often a link sends, in packets per second. The default is the highest rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SendRate {
    /// 10 Hz.
    Hz10,
    /// 15 Hz.
    Hz15,
    /// 20 Hz.
    Hz20,
    /// 30 Hz.
    Hz30,
    /// 60 Hz.
    #[default]
    Hz60,
}

impl SendRate {
    /// All rates, the highest first.
    pub const ALL: [Self; 5] = [Self::Hz60, Self::Hz30, Self::Hz20, Self::Hz15, Self::Hz10];

    /// The rate in packets per second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz60 => 60,
            Self::Hz30 => 30,
            Self::Hz20 => 20,
            Self::Hz15 => 15,
            Self::Hz10 => 10,
        }
    }

    /// Returns `true` if a link sends in a tick. `slot` is the number of the link: links with
    /// consecutive slots send in different ticks, as far as the rate permits.
    ///
    /// If the simulation has fewer ticks per second than the rate, the link sends in every tick. If
    /// the rate does not divide the ticks per second, the intervals differ by one tick.
    ///
    /// ```
    /// use huddle_snapshot::budget::SendRate;
    ///
    /// let sends = |slot| move |tick: &u32| SendRate::Hz15.sends_in(*tick, 60.0, slot);
    /// assert!((0..12).filter(sends(0)).eq([0, 4, 8]));
    /// assert!((0..12).filter(sends(1)).eq([3, 7, 11]));
    /// ```
    pub fn sends_in(self, tick: u32, ticks_per_second: f64, slot: u32) -> bool {
        // The position in the current interval is less than one tick.
        let (_, position) = self.interval(tick, ticks_per_second, slot);
        position < self.millihertz()
    }

    /// Returns the number of the interval that contains a tick, and the position in the interval. Links
    /// send in the first tick of each interval.
    pub(super) fn interval(self, tick: u32, ticks_per_second: f64, slot: u32) -> (u64, u64) {
        // Integers, so that the pattern is the same at every tick. The product is less than 2^33 times
        // 60,000, so it cannot overflow.
        let ticks_per_1000_seconds = ((ticks_per_second * 1000.0).round() as u64).max(1);
        let product = (u64::from(tick) + u64::from(slot)) * self.millihertz();
        (
            product / ticks_per_1000_seconds,
            product % ticks_per_1000_seconds,
        )
    }

    fn millihertz(self) -> u64 {
        u64::from(self.hz()) * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate_is_reached_on_average() {
        for ticks_per_second in [60.0, 64.0, 59.94, 120.0, 128.0] {
            for rate in SendRate::ALL {
                let ticks = (ticks_per_second * 100.0) as u32;
                let sent = (0..ticks)
                    .filter(|&tick| rate.sends_in(tick, ticks_per_second, 3))
                    .count();
                let expected = f64::from(rate.hz()).min(ticks_per_second) * 100.0;
                assert!(
                    (sent as f64 - expected).abs() <= 7.0,
                    "{rate:?} at {ticks_per_second}: {sent}"
                );
            }
        }
    }

    #[test]
    fn slow_simulation_sends_in_every_tick() {
        assert!((0..100).all(|tick| SendRate::Hz60.sends_in(tick, 20.0, 1)));
        assert!((0..100).all(|tick| SendRate::Hz10.sends_in(tick, f64::NAN, 1)));
    }

    #[test]
    fn links_share_the_ticks_evenly() {
        for (rate, most) in [
            (SendRate::Hz60, 8),
            (SendRate::Hz30, 4),
            (SendRate::Hz20, 3),
            (SendRate::Hz15, 2),
            (SendRate::Hz10, 2),
        ] {
            let loads = (0..600).map(|tick| {
                let sends = |slot: &u32| rate.sends_in(tick, 60.0, *slot);
                (0..8).filter(sends).count()
            });
            assert_eq!(loads.max(), Some(most), "{rate:?}");
        }
    }
}
