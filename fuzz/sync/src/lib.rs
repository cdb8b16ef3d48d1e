//! Players who say whatever they like to huddle_sync, and what must hold all the same.

pub mod codec;
pub mod handshake;
pub mod said;
pub mod session;
