//! The time of the simulation.

use std::time::Duration;

/// The time between two ticks.
pub(crate) const TICK: Duration = Duration::from_nanos(16_666_667);

/// The number of ticks per second.
pub(crate) const HZ: u32 = 60;
