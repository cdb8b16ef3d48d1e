//! Peers that send anything they like to a session, and the checks that the session must pass.

pub mod codec;
pub mod handshake;
mod honest;
pub mod said;
pub mod session;
