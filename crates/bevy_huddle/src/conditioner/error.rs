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
        /// The longest lag.
        max: Duration,
    },
    /// The jitter is too long.
    #[error("the link conditioner has a jitter of {jitter:?}: set {max:?} or less")]
    Jitter {
        /// The jitter.
        jitter: Duration,
        /// The longest jitter.
        max: Duration,
    },
    /// The loss is not a fraction.
    #[error(
        "the link conditioner has a loss of {0}: set a fraction from 0.0 to 1.0, such as 0.05 for 5 %"
    )]
    Loss(f32),
    /// A parameter of a query is not a number.
    #[error("{name}={value} is not a number: write {expected}")]
    NotANumber {
        /// The name of the parameter.
        name: &'static str,
        /// Its value.
        value: String,
        /// The expected form of the value.
        expected: &'static str,
    },
    /// A parameter of a query is too small or too large.
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
