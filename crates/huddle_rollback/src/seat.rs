use std::fmt;

use serde::{Deserialize, Serialize};

/// A player slot of a match. Seats are numbered from 0, in the same way on all peers. A peer can have
/// several seats.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seat(pub u8);

/// The maximum number of seats in a match.
pub const MAX_SEATS: usize = 16;

impl Seat {
    /// Returns the index of the seat in a list of all seats.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of seats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SeatSet(u16);

impl SeatSet {
    /// Returns `true` if the set contains no seats.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns `true` if the set contains a seat.
    pub const fn contains(self, seat: Seat) -> bool {
        seat.index() < MAX_SEATS && self.0 & (1 << seat.0) != 0
    }

    /// Returns the set with an additional seat. Seats from [`MAX_SEATS`] on are ignored.
    #[must_use]
    pub const fn with(self, seat: Seat) -> Self {
        match seat.index() < MAX_SEATS {
            true => Self(self.0 | 1 << seat.0),
            false => self,
        }
    }

    /// Iterates over the seats in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Seat> {
        (0..MAX_SEATS as u8)
            .map(Seat)
            .filter(move |&seat| self.contains(seat))
    }
}

impl FromIterator<Seat> for SeatSet {
    fn from_iter<T: IntoIterator<Item = Seat>>(seats: T) -> Self {
        seats.into_iter().fold(Self::default(), Self::with)
    }
}
