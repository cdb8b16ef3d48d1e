//! The range and step of a scalar, and what is wrong with them.

use std::fmt;

use thiserror::Error;

/// A range of values, whose ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    min: f32,
    max: f32,
}

/// A range of values with the step between two neighbouring values.
///
/// The numbers are checked when a rule is created, see [`Scalar::new`](super::Scalar::new).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteppedRange {
    pub(super) min: f32,
    pub(super) max: f32,
    pub(super) step: f32,
}

/// Returns the range from `-limit` to `limit`.
///
/// ```
/// use huddle_snapshot::quantise::{between, within};
///
/// assert_eq!(within(640.0), between(-640.0, 640.0));
/// ```
pub fn within(limit: f32) -> Range {
    between(-limit, limit)
}

/// Returns the range from `min` to `max`.
pub fn between(min: f32, max: f32) -> Range {
    // Adding zero turns -0.0 into 0.0, so that equal ranges have equal schema texts.
    Range {
        min: min + 0.0,
        max: max + 0.0,
    }
}

impl Range {
    /// Sets the step. The encodable values are the multiples of `step`, so a value moves by at most
    /// half a step.
    pub fn step(self, step: f32) -> SteppedRange {
        SteppedRange {
            min: self.min,
            max: self.max,
            step,
        }
    }
}

impl fmt::Display for SteppedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max, step } = self;
        write!(f, "{min:?}..={max:?} step {step:?}")
    }
}

/// The error for a range that cannot be quantised.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum RangeError {
    /// An end of the range or the step is infinite or not a number.
    #[error("the range {0} contains a number that is not finite. Use finite numbers.")]
    NotFinite(SteppedRange),
    /// The minimum is not less than the maximum.
    #[error("the range {0} is empty. Its minimum must be less than its maximum.")]
    Empty(SteppedRange),
    /// The step is zero or negative.
    #[error("the step of the range {0} is not positive. Use a step greater than 0.")]
    StepNotPositive(SteppedRange),
    /// All values of the range round to the same multiple of the step.
    #[error(
        "the step of the range {0} is so large that the range has only one value. \
         Use a smaller step."
    )]
    StepTooLarge(SteppedRange),
    /// An `f32` cannot represent every multiple of the step in the range.
    #[error(
        "the step of the range {range} is too small: an f32 cannot represent every multiple of it. \
         Use a step of at least {min_step:?}, or a range closer to 0."
    )]
    StepTooSmall {
        /// The range.
        range: SteppedRange,
        /// A step that is large enough.
        min_step: f32,
    },
}
