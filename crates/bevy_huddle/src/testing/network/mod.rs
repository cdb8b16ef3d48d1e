//! A signaling server and the links between players, on a virtual clock.
//!
//! This is a discrete-event simulation without Bevy. The clock jumps from one scheduled task to the
//! next. The same seed and the same calls produce the same run.

mod connection;
mod delivery;
mod game;
mod link;
mod linking;
mod liveness;
mod state;
mod tasks;
mod transmission;

#[cfg(test)]
mod tests;

pub(crate) use state::Network;
