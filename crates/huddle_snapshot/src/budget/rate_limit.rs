//! Limits how often a component is sent.

use std::time::Duration;

/// A limit on how often a component of an entity is sent.
///
/// The limit decides only when a change is *eligible* for packets. It never affects acks: a change
/// that must wait stays pending, and the links send it when it becomes eligible. The last change before
/// a rest therefore always arrives.
///
/// Time is divided into periods, and a component is eligible if it was not sent in the current
/// period yet. Averaged over time, the limit is exact even if it does not divide the send rate.
/// Entities have different phases, so that they do not all become eligible at once.
///
/// ```
/// use std::time::Duration;
/// use huddle_snapshot::budget::RateLimit;
///
/// let limit = RateLimit::hz(10.0);
/// let at = Duration::from_millis;
/// assert!(limit.is_eligible(None, at(20), 0));
/// assert!(!limit.is_eligible(Some(at(20)), at(80), 0));
/// assert!(limit.is_eligible(Some(at(20)), at(110), 0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    millihertz: u32,
}

impl RateLimit {
    /// Creates a limit in times per second. It is clamped to 0.1 to 1000. NaN counts as 1000.
    pub fn hz(hz: f32) -> Self {
        let hz = if hz.is_nan() { 1000.0 } else { hz };
        Self {
            millihertz: (hz.clamp(0.1, 1000.0) * 1000.0).round() as u32,
        }
    }

    /// The limit in times per second.
    pub fn as_hz(self) -> f32 {
        self.millihertz as f32 / 1000.0
    }

    /// Returns `true` if a change of a component is eligible at `now`. `last_sent` is the time when the
    /// last change became eligible. `phase` is any number that differs between entities, such as a
    /// counter.
    pub fn is_eligible(self, last_sent: Option<Duration>, now: Duration, phase: u32) -> bool {
        let Some(last_sent) = last_sent else {
            return true;
        };
        self.period(last_sent, phase) != self.period(now, phase)
    }

    /// Returns the number of the period at a time.
    fn period(self, at: Duration, phase: u32) -> f64 {
        // Multiples of the golden ratio spread consecutive phases evenly.
        let phase = phase.wrapping_mul(0x9e37_79b9);
        let shift = f64::from(phase) / (f64::from(u32::MAX) + 1.0);
        let hz = f64::from(self.millihertz) / 1000.0;
        (at.as_secs_f64() * hz + shift).floor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_nanos(16_666_667);

    #[test]
    fn limit_holds_on_average_and_entities_are_spread() {
        for hz in [1.0, 7.0, 10.0, 15.0, 25.0] {
            let limit = RateLimit::hz(hz);
            let mut last = [None; 60];
            let mut sent = 0;
            let mut most = 0;
            for tick in 0..600 {
                let mut at_once = 0;
                for (phase, last) in (0..).zip(&mut last) {
                    // The link sends at 20 Hz.
                    if tick % 3 == 0 && limit.is_eligible(*last, TICK * tick, phase) {
                        *last = Some(TICK * tick);
                        at_once += 1;
                    }
                }
                sent += at_once;
                most = most.max(if tick > 0 { at_once } else { 0 });
            }
            let average = f64::from(sent) / 60.0 / 10.0;
            let expected = f64::from(hz.min(20.0));
            assert!((average - expected).abs() < 0.2, "{average} Hz at {hz} Hz");
            let fair = 60.0 * expected / 20.0;
            assert!(f64::from(most) < fair * 1.2 + 3.0, "{most} at {hz} Hz");
        }
    }

    #[test]
    fn limits_are_exact_to_a_thousandth() {
        for hz in [0.1, 7.125, 10.0, 59.94, 1000.0] {
            assert_eq!(RateLimit::hz(hz).as_hz(), hz);
        }
    }

    #[test]
    fn nonsense_limits_are_clamped() {
        let second = Duration::from_secs(1);
        for hz in [f32::NAN, f32::INFINITY] {
            assert!(RateLimit::hz(hz).is_eligible(Some(second), second + TICK, 1));
        }
        for hz in [-1.0, 0.0, f32::NEG_INFINITY] {
            let limit = RateLimit::hz(hz);
            assert!(!limit.is_eligible(Some(second), second * 2, 0));
            assert!(limit.is_eligible(Some(second), second * 12, 0));
        }
    }
}
