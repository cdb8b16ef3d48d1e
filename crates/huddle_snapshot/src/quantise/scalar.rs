//! Quantisation of a single number.

use std::{fmt, ops::RangeInclusive};

use super::range::{RangeError, SteppedRange};

/// The largest magnitude of a quantum: 2^23 - 1.
///
/// An `f32` has 24 significant bits, so rounding changes a value `x` by at most `|x| / 2^24`. For a
/// value of at most `2^23 - 1` steps, that is less than half a step. The nearest multiple of the
/// step is therefore still the one that was rounded.
const MAX_QUANTUM: i32 = (1 << 23) - 1;

/// A rule for a number: a range and a step.
///
/// A quantum is the number of steps from zero, so zero is always exact. An end of the range is exact
/// if it is a multiple of the step. A decoded value never lies outside of the range.
///
/// ```
/// use huddle_snapshot::quantise::{Scalar, within};
///
/// let rule = Scalar::new(within(640.0).step(0.05))?;
/// assert_eq!(rule.quantise(1.02), 20);
/// assert_eq!(rule.dequantise(20), 1.0);
/// assert_eq!(rule.quanta(), -12800..=12800);
/// assert_eq!(rule.to_string(), "scalar -640.0..=640.0 step 0.05");
/// # Ok::<(), huddle_snapshot::quantise::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scalar {
    range: SteppedRange,
    first: i32,
    last: i32,
}

impl Scalar {
    /// Creates a rule.
    ///
    /// # Errors
    /// Returns an error if the range is empty or contains a number that is not finite, or if the
    /// step is not positive, larger than the range, or too small. A step is too small if an end of
    /// the range is 2^23 or more steps from zero.
    pub fn new(range: SteppedRange) -> Result<Self, RangeError> {
        let SteppedRange { min, max, step } = range;
        if ![min, max, step].iter().all(|number| number.is_finite()) {
            return Err(RangeError::NotFinite(range));
        }
        if step <= 0.0 {
            return Err(RangeError::StepNotPositive(range));
        }
        if min >= max {
            return Err(RangeError::Empty(range));
        }
        let magnitude = min.abs().max(max.abs());
        if steps(magnitude, step) > f64::from(MAX_QUANTUM) {
            let min_step = f64::from(magnitude) / f64::from(MAX_QUANTUM);
            return Err(RangeError::StepTooSmall {
                range,
                min_step: (min_step as f32).next_up(),
            });
        }
        let (first, last) = (steps(min, step) as i32, steps(max, step) as i32);
        if first == last {
            return Err(RangeError::StepTooLarge(range));
        }
        Ok(Self { range, first, last })
    }

    /// Returns the quantum nearest to `value`. Values outside of the range, including infinities,
    /// are clamped to it. NaN counts as 0.
    pub fn quantise(&self, value: f32) -> i32 {
        let value = if value.is_nan() { 0.0 } else { value };
        let limits = (f64::from(self.first), f64::from(self.last));
        steps(value, self.range.step).clamp(limits.0, limits.1) as i32
    }

    /// Returns the value of a quantum. Quanta that are not in [`quanta`](Self::quanta) are clamped,
    /// so the result is always finite and in the range.
    pub fn dequantise(&self, quantum: i32) -> f32 {
        let SteppedRange { min, max, step } = self.range;
        let quantum = quantum.clamp(self.first, self.last);
        // The product is exact: both factors have at most 24 significant bits.
        let value = f64::from(quantum) * f64::from(step);
        value.clamp(min.into(), max.into()) as f32
    }

    /// The range of quanta.
    pub fn quanta(&self) -> RangeInclusive<i32> {
        self.first..=self.last
    }

    /// The range of values.
    pub fn range(&self) -> SteppedRange {
        self.range
    }
}

/// Returns the number of steps nearest to `value`. Half a step rounds away from zero.
fn steps(value: f32, step: f32) -> f64 {
    (f64::from(value) / f64::from(step)).round()
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scalar {}", self.range)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{between, within},
        *,
    };

    fn assert_round_trip(rule: &Scalar, quantum: i32) {
        let value = rule.dequantise(quantum);
        assert_eq!(rule.quantise(value), quantum, "{rule}: {value}");
        let SteppedRange { min, max, .. } = rule.range();
        assert!((min..=max).contains(&value), "{rule}: {value}");
    }

    #[test]
    fn every_quantum_survives_the_round_trip() {
        let ranges = [
            within(640.0).step(0.05),
            within(1.0).step(0.001),
            between(0.0, std::f32::consts::TAU).step(0.01),
            between(100.0, 200.0).step(0.3),
            between(-7.0, -3.0).step(0.7),
            within(1e-40).step(3e-43),
            within(f32::MAX).step(f32::MAX / 1000.0),
        ];
        for range in ranges {
            let rule = Scalar::new(range).unwrap();
            for quantum in rule.quanta() {
                assert_round_trip(&rule, quantum);
            }
        }
    }

    #[test]
    fn every_quantum_of_the_finest_rule_survives_the_round_trip() {
        let limit = MAX_QUANTUM as f32;
        for step in [1.0, 0.05, 0.1, 1.0 / 3.0] {
            let rule = Scalar::new(within(limit * step).step(step)).unwrap();
            for quantum in (rule.first..=rule.last).step_by(97) {
                assert_round_trip(&rule, quantum);
            }
            for near_end in 0..1000 {
                assert_round_trip(&rule, rule.first + near_end);
                assert_round_trip(&rule, rule.last - near_end);
            }
        }
    }

    #[test]
    fn zero_and_ends_that_are_multiples_of_the_step_are_exact() {
        let rule = Scalar::new(between(-0.3, 0.97).step(0.1)).unwrap();
        for exact in [-0.3, 0.0] {
            assert_eq!(rule.dequantise(rule.quantise(exact)), exact);
        }
        // The nearest multiple, 1.0, is outside of the range.
        assert_eq!(rule.dequantise(rule.quantise(0.97)), 0.97);
    }

    #[test]
    fn impossible_values_and_quanta_are_clamped() {
        let rule = Scalar::new(between(10.0, 20.0).step(1.0)).unwrap();
        let quanta = [f32::NAN, f32::NEG_INFINITY, -0.0, 25.0, f32::INFINITY]
            .map(|value| rule.quantise(value));
        assert_eq!(quanta, [10, 10, 10, 20, 20]);
        assert_eq!(rule.dequantise(i32::MIN), 10.0);
        assert_eq!(rule.dequantise(i32::MAX), 20.0);
        let centred = Scalar::new(within(5.0).step(1.0)).unwrap();
        assert_eq!(centred.quantise(f32::NAN), 0);
    }

    #[test]
    fn nonsense_ranges_are_errors() {
        let error = |range| Scalar::new(range).unwrap_err();
        for range in [
            within(f32::NAN).step(1.0),
            within(f32::INFINITY).step(1.0),
            within(1.0).step(f32::NAN),
        ] {
            assert!(matches!(error(range), RangeError::NotFinite(_)));
        }
        for step in [0.0, -0.0, -1.0] {
            let range = within(1.0).step(step);
            assert!(matches!(error(range), RangeError::StepNotPositive(_)));
        }
        for range in [between(1.0, 1.0), between(2.0, 1.0), within(-3.0)] {
            assert!(matches!(error(range.step(0.1)), RangeError::Empty(_)));
        }
        let large = error(between(0.0, 1.0).step(10.0));
        assert!(matches!(large, RangeError::StepTooLarge(_)));
        assert_eq!(
            error(between(1e6, 1e6 + 1.0).step(0.01)).to_string(),
            "the step of the range 1000000.0..=1000001.0 step 0.01 is too small: an f32 cannot \
             represent every multiple of it. Use a step of at least 0.11920943, or a range closer \
             to 0."
        );
    }

    #[test]
    fn schema_text_is_equal_for_equal_ranges_only() {
        let text = |range| Scalar::new(range).unwrap().to_string();
        let unsigned = between(0.0, 1.0).step(0.1);
        assert_eq!(text(between(-0.0, 1.0).step(0.1)), text(unsigned));
        assert_eq!(text(unsigned), "scalar 0.0..=1.0 step 0.1");
        let next = between(0.0, 1.0).step(0.1_f32.next_up());
        assert_ne!(text(next), text(unsigned));
    }

    proptest! {
        #[test]
        fn any_accepted_rule_is_stable(
            min in -1e7f32..1e7,
            length in 1e-3f32..1e7,
            step in 1e-3f32..1e3,
            value in any::<f32>(),
            quantum in any::<i32>(),
        ) {
            let Ok(rule) = Scalar::new(between(min, min + length).step(step)) else {
                return Ok(());
            };
            let quantum = quantum.clamp(rule.first, rule.last);
            assert_round_trip(&rule, quantum);
            assert_round_trip(&rule, rule.quantise(value));
            assert_round_trip(&rule, rule.first);
            assert_round_trip(&rule, rule.last);
        }

        #[test]
        fn value_moves_by_at_most_half_a_step(value in -640.0f32..=640.0, step in 0.01f32..1.0) {
            let rule = Scalar::new(within(640.0).step(step)).unwrap();
            let moved = (rule.dequantise(rule.quantise(value)) - value).abs();
            prop_assert!(moved <= step * 0.501 + 4e-5, "{moved}");
        }

        #[test]
        fn named_min_step_is_accepted(min in any::<f32>(), max in any::<f32>(), step in any::<f32>()) {
            let range = between(min, max);
            if let Err(RangeError::StepTooSmall { min_step, .. }) = Scalar::new(range.step(step)) {
                let better = Scalar::new(range.step(min_step));
                let is_too_small = matches!(better, Err(RangeError::StepTooSmall { .. }));
                prop_assert!(!is_too_small, "{better:?}");
            }
        }
    }
}
