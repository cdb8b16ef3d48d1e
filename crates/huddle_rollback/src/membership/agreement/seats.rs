//! The player of each seat at each tick.

use huddle_session::{PeerId, Tick};
use thiserror::Error;

use crate::seat::{MAX_SEATS, Seat};

/// The player of each seat at each tick.
///
/// All seats are empty at first. Players [fill](Self::fill) them at tick 0 when a match starts. A
/// seat [ends](Self::end) when its player has left, and can be filled again at a tick that all
/// players agree on.
///
/// ```
/// use huddle_rollback::{FillError, Seat, Seats};
/// use huddle_session::{PeerId, Tick};
///
/// # fn filled(ada: PeerId, bob: PeerId) -> Result<(), FillError> {
/// let mut seats = Seats::default();
/// seats.fill(Seat(0), ada, Tick(0))?;
/// seats.end(Seat(0), Tick(100));
/// seats.fill(Seat(0), bob, Tick(120))?;
/// assert_eq!(seats.seat_at(Seat(0), Tick(99)), Some(ada));
/// assert_eq!(seats.seat_at(Seat(0), Tick(100)), None);
/// assert_eq!(seats.seat_at(Seat(0), Tick(120)), Some(bob));
/// # Ok(())
/// # }
/// # filled(PeerId::from_u128(1), PeerId::from_u128(2)).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
pub struct Seats([Vec<Span>; MAX_SEATS]);

/// A peer plays a seat from one tick to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    peer: PeerId,
    from: Tick,
    until: Option<Tick>,
}

/// Errors that occur when a seat is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FillError {
    /// The seat does not exist.
    #[error("there is no seat {0}: seats are numbered from 0 to 15")]
    NoSeat(Seat),
    /// A player has the seat at that tick or later.
    #[error(
        "seat {seat} is played by {by} at tick {at} or later: fill it after that player's last tick"
    )]
    Taken {
        /// The seat.
        seat: Seat,
        /// Its player.
        by: PeerId,
        /// The tick at which it should have been filled.
        at: Tick,
    },
}

impl Seats {
    /// Returns the player of a seat at a tick.
    pub fn seat_at(&self, seat: Seat, tick: Tick) -> Option<PeerId> {
        let spans = self.0.get(seat.index())?;
        let span = spans.iter().rfind(|span| !span.from.is_after(tick))?;
        let is_over = span.until.is_some_and(|until| !until.is_after(tick));
        (!is_over).then_some(span.peer)
    }

    /// Gives an empty seat to a peer, starting at a tick.
    ///
    /// # Errors
    /// Returns an error if a player has the seat at that tick or later.
    pub fn fill(&mut self, seat: Seat, peer: PeerId, from: Tick) -> Result<(), FillError> {
        let spans = self
            .0
            .get_mut(seat.index())
            .ok_or(FillError::NoSeat(seat))?;
        if let Some(last) = spans.last()
            && last.until.is_none_or(|until| until.is_after(from))
        {
            return Err(FillError::Taken {
                seat,
                by: last.peer,
                at: from,
            });
        }
        spans.push(Span {
            peer,
            from,
            until: None,
        });
        Ok(())
    }

    /// Ends a seat: its player does not have it from tick `at` on. A seat that has ended or is empty
    /// does not change.
    pub fn end(&mut self, seat: Seat, at: Tick) {
        if let Some(last) = self
            .0
            .get_mut(seat.index())
            .and_then(|spans| spans.last_mut())
        {
            last.until.get_or_insert(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use huddle_session::PeerId;

    #[test]
    fn empty_seat_can_be_filled_at_a_tick() {
        let (ada, bob) = (PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16]));
        let mut seats = Seats::default();
        seats.fill(Seat(0), ada, Tick(0)).unwrap();
        seats.fill(Seat(5), bob, Tick(0)).unwrap();
        assert_eq!(seats.seat_at(Seat(0), Tick(0)), Some(ada));
        assert_eq!(seats.seat_at(Seat(1), Tick(0)), None);
        assert_eq!(seats.seat_at(Seat(200), Tick(0)), None);
        seats.end(Seat(0), Tick(100));
        seats.end(Seat(0), Tick(200));
        assert_eq!(seats.seat_at(Seat(0), Tick(99)), Some(ada));
        assert_eq!(seats.seat_at(Seat(0), Tick(100)), None);

        let taken = |seat, by, at| Err(FillError::Taken { seat, by, at });
        assert_eq!(
            seats.fill(Seat(0), bob, Tick(99)),
            taken(Seat(0), ada, Tick(99))
        );
        assert_eq!(
            seats.fill(Seat(5), ada, Tick(99)),
            taken(Seat(5), bob, Tick(99))
        );
        assert_eq!(
            seats.fill(Seat(16), ada, Tick(9)),
            Err(FillError::NoSeat(Seat(16)))
        );
        seats.fill(Seat(0), bob, Tick(120)).unwrap();
        assert_eq!(seats.seat_at(Seat(0), Tick(119)), None);
        assert_eq!(seats.seat_at(Seat(0), Tick(120)), Some(bob));
        assert_eq!(seats.seat_at(Seat(0), Tick(99)), Some(ada));
        // A seat that never had a player.
        seats.fill(Seat(1), ada, Tick(7)).unwrap();
        assert_eq!(seats.seat_at(Seat(1), Tick(6)), None);
        assert_eq!(seats.seat_at(Seat(1), Tick(1000)), Some(ada));
    }
}
