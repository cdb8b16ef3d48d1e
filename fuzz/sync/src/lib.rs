//! Players who say whatever they like to huddle_sync, and what must hold all the same.

pub mod codec;
pub mod handshake;
#[path = "../../../crates/huddle_sync/tests/hostile/mod.rs"]
pub mod rollback;
pub mod said;
pub mod session;
