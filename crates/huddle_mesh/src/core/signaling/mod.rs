//! The client side of the signaling connection, as a state machine. It decides when to connect,
//! when a connection is dead, how long to wait before the next attempt, and which errors are final.

mod client;
mod end;
mod request;
mod waits;

#[cfg(test)]
mod tests;

pub(crate) use client::{SignalingClient, SocketAction};
pub(crate) use end::SocketEnd;
#[cfg(any(test, not(target_arch = "wasm32")))]
pub(crate) use end::close_code;
