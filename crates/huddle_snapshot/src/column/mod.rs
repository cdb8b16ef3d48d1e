//! The coding of an entity's state relative to a baseline that both sides have.
//!
//! A *layout* is the list of an entity's [`Field`]s. A *state* has one [`Number`] or more per field.
//! [`encode`] and [`decode`] code a state as one record:
//!
//! 1. a bit: whether any number differs from the baseline,
//! 2. for each field, a bit: whether it differs,
//! 3. for each number of a field that differs: the number minus its prediction.
//!
//! # Prediction
//! A prediction continues how the number changed before. Both sides know two such changes: the
//! change that led to the baseline, from that state's own baseline, and the *recent change* from an
//! [earlier](Baseline::earlier) state. The recent change is closer to the present but less precise,
//! as it spans fewer ticks. [`Models`] learn what share of both continues.
//!
//! # Contexts
//! The probabilities of a number depend on how large it is expected to be. This follows from how far
//! the last prediction missed, from the changes, and from the numbers before it in the record.
//!
//! # Loss
//! A record depends on nothing but the baseline, the earlier state and the models. A sender that uses
//! only those that the receiver has acked can lose any packet.

mod coder;
mod error;
mod expectation;
mod field;
mod field_record;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod models;
mod quaternion;
mod record;
mod rotation;
mod state;
#[cfg(test)]
mod tests;
mod vector;
mod weight;

pub use self::{
    error::RecordError,
    field::Field,
    models::{MAX_RECORD_CONTEXT, Models},
    record::{decode, encode},
    state::{Baseline, Earlier, Number},
};
