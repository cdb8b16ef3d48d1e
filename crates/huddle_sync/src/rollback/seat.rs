use std::fmt;

use serde::{Deserialize, Serialize};

/// A player's place in a game, numbered from 0, on all machines alike. Several seats can be played
/// on one machine.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seat(pub u8);

/// The most seats a game can have.
pub const MAX_SEATS: usize = 16;

impl Seat {
    /// Its place in a list of all seats.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
