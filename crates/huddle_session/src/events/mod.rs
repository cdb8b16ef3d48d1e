//! Reliable events. Each arrives exactly once and in order, even when links are replaced.
//!
//! The events lane is reliable only while one link exists. Events are therefore split into numbered
//! fragments, which are kept until the peer acks them. A fragment that is not acked in time is sent
//! again: as a *repair* in a tick packet if the lane is late, or on the lane itself after the link
//! was replaced.

mod fragment;
#[cfg(test)]
pub(crate) mod pipe;
mod receiver;
mod sender;
#[cfg(test)]
mod simulation;

pub use fragment::EventError;
#[cfg(fuzzing)]
pub(crate) use fragment::{decode, put_fragment};
pub(crate) use receiver::EventReceiver;
pub(crate) use sender::EventSender;
pub use sender::{QueueError, Undelivered};
