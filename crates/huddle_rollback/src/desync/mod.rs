//! Whether the games of all players are the same, and if not, in what they differ.

mod answering;
mod asking;
mod checksums;
mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod inquiry;
mod message;
mod report;
#[cfg(test)]
mod tests;
mod witness;

pub use self::{
    checksums::Mismatch,
    error::InquiryError,
    report::{DesyncReport, EntityDifference, TypeDifference},
    witness::Witness,
};
pub(crate) use self::{
    checksums::{Checksums, Comparison},
    inquiry::Inquiries,
};
