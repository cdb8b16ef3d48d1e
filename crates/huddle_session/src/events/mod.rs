//! Reliable events: each arrives once and in order, whatever happens to the links.
//!
//! The events lane is reliable only while one link lives, so events are cut into numbered
//! fragments, kept until they are acked end to end, and sent again over whatever lane works:
//! in tick packets where the lane is late, or on the lane itself when the link is replaced.

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
