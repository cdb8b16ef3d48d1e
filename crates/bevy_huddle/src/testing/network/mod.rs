//! A signaling server and the links between players, on a virtual clock.
//!
//! It knows no Bevy. What happens is on an agenda, and time goes from one step to the next; the
//! same seed and the same calls give the same run.

mod agenda;
mod flight;
mod game;
mod liveness;
mod meeting;
mod relation;
mod state;
mod travel;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use state::Network;
