//! The parts of a match, and the time since each began.

use bevy::prelude::*;
use serde::Serialize;

/// The length of the countdown, in ticks: three steps.
pub(super) const COUNTDOWN: u32 = 3 * COUNTDOWN_STEP;
pub(super) const COUNTDOWN_STEP: u32 = 45;

/// The part of a match.
#[derive(States, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum Phase {
    /// The fighters stand still. Three, two, one.
    #[default]
    Countdown,
    /// Until one fighter is left.
    Fight,
    /// A short pause after each round.
    RoundOver,
    /// A player has won enough rounds, or has no opponents any more.
    MatchOver,
}

/// The number of ticks since the phase began.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PhaseClock(pub(super) u32);

impl PhaseClock {
    /// Returns the number that a countdown shows: 3, 2 or 1.
    pub(crate) fn countdown(&self) -> u32 {
        (COUNTDOWN.saturating_sub(self.0)).div_ceil(COUNTDOWN_STEP)
    }

    /// Returns the number of ticks since the phase began.
    pub(crate) fn ticks(&self) -> u32 {
        self.0
    }
}

/// Counts the ticks of the phase. A new phase starts at 0.
pub(super) fn advance_clock(next: Res<NextState<Phase>>, mut clock: ResMut<PhaseClock>) {
    match *next {
        NextState::Unchanged => clock.0 += 1,
        _ => clock.0 = 0,
    }
}
