//! Hostile peers for fuzzing `huddle_session`, and the invariants that a session must keep.

pub mod codec;
pub mod handshake;
mod honest;
pub mod message;
pub mod session;
