//! State: values of which only the newest counts. Nothing of it waits anywhere: what is sent is
//! always the current value, and when the peer has that, nothing is sent.

mod own;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use own::OwnStates;
pub(crate) use receiver::{Origin, StateReceiver};
pub(crate) use sender::{StateSender, StateToken};
