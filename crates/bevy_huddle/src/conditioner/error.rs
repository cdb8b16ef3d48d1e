use std::time::Duration;

use thiserror::Error;

/// The reason why a [`LinkConditioner`](crate::LinkConditioner) is invalid.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LinkConditionerError {
    /// The lag is too long.
    #[error("the link conditioner has a lag of {lag:?}: set {max:?} or less")]
    Lag {
        /// The lag.
        lag: Duration,
        /// The maximum lag.
        max: Duration,
    },
    /// The jitter is too long.
    #[error("the link conditioner has a jitter of {jitter:?}: set {max:?} or less")]
    Jitter {
        /// The jitter.
        jitter: Duration,
        /// The maximum jitter.
        max: Duration,
    },
    /// The loss is not a fraction from 0 to 1.
    #[error(
        "the link conditioner has a loss of {0}: set a fraction from 0.0 to 1.0, such as 0.05 for 5%"
    )]
    Loss(f32),
    /// A query parameter is not a number.
    #[error("{name}={value} is not a number: write {expected}")]
    NotANumber {
        /// The name of the parameter.
        name: &'static str,
        /// Its value.
        value: String,
        /// The expected form of the value.
        expected: &'static str,
    },
    /// A query parameter is too small or too large.
    #[error("{name}={value} is out of range: write {expected}")]
    OutOfRange {
        /// The name of the parameter.
        name: &'static str,
        /// Its value.
        value: String,
        /// The expected form of the value.
        expected: &'static str,
    },
}
