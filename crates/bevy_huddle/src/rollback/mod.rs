//! Rollback: every peer simulates the same match from the same inputs.
//!
//! [`world`] keeps the simulated part of Bevy's `World` for several ticks and restores it.

pub mod world;
