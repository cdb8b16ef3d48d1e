//! Desync detection and diagnosis.
//!
//! Peers exchange checksums of confirmed states. When two peers have different checksums of a tick, each of them sends
//! the other a [`StateDump`] of that tick, compares the two dumps locally, and reports the difference. The
//! [`DesyncDetector`] runs this; the game makes the dumps when a session requests them.

mod checksums;
mod detector;
mod dump;
mod fields;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use self::detector::{DesyncDetector, DesyncEvent};
pub use self::{
    checksums::Mismatch,
    dump::{StateDump, StateDumpError},
    fields::FieldDifference,
    report::{DesyncReport, EntityDifference, TypeDifference},
};
