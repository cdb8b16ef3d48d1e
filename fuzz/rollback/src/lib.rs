//! Rollback matches with one hostile player, and checks of the honest players.

#[path = "../../../crates/huddle_rollback/tests/hostile/mod.rs"]
mod hostile;

pub use hostile::*;
