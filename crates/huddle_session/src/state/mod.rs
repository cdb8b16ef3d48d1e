//! State: values where only the newest one matters. Nothing is queued. The sender always sends the
//! current value, and stops once the peer has it.

mod own;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use own::OwnStates;
pub(crate) use receiver::{Origin, StateReceiver};
pub(crate) use sender::{StateSender, StateToken};
