//! Rollback games in which one player is hostile, and the checks that honest players must pass.

#[path = "../../../crates/huddle_rollback/tests/hostile/mod.rs"]
mod hostile;

pub use hostile::*;
