//! Effects of the simulation: what triggers sounds, particles and camera shake.

use bevy_huddle::rollback::Seat;

/// Something to see, hear and feel. It happens once, however often its tick is simulated again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    /// A step of the countdown: 3, 2, 1, and 0 for the start.
    Count(u32),
    /// A fighter dashes.
    Dash {
        /// Its seat.
        seat: Seat,
    },
    /// A fighter punches.
    Punch {
        /// Its seat.
        seat: Seat,
    },
    /// A fighter was hit.
    Hit {
        /// The seat of the fighter that hit it.
        by: Seat,
        /// The seat of the fighter that was hit.
        to: Seat,
    },
    /// A fighter has left the platform.
    RingOut {
        /// Its seat.
        seat: Seat,
    },
    /// A round is over.
    RoundOver {
        /// The winner, if a fighter was left.
        winner: Option<Seat>,
    },
    /// The match is over.
    MatchOver {
        /// The winner.
        winner: Option<Seat>,
    },
}
