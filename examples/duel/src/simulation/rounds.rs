//! Rounds, score, and the platform that shrinks.

use bevy::prelude::*;
use bevy_huddle::rollback::*;
use serde::Serialize;

use super::fighter::Fighter;
use crate::Pad;

/// The maximum number of seats of a match.
pub(crate) const MAX_SEATS: usize = 4;

/// The number of won rounds with which a player wins the match.
pub(crate) const WINS: u8 = 3;

/// The length of the countdown, in ticks: three steps.
const COUNTDOWN: u32 = 3 * COUNTDOWN_STEP;
const COUNTDOWN_STEP: u32 = 45;
/// The time between two rounds, in ticks.
const PAUSE: u32 = 110;
/// The tick of a round in which the platform begins to shrink.
const SHRINK_AFTER: u32 = 10 * 60;
/// How much the platform shrinks per tick.
const SHRINK: f32 = 0.12;

/// The part of a match.
#[derive(States, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum Phase {
    /// The fighters stand still. Three, two, one.
    #[default]
    Countdown,
    /// Until one fighter is left.
    Fight,
    /// The winner of the round can enjoy it.
    RoundOver,
    /// A player has won enough rounds, or has no opponents any more.
    MatchOver,
}

/// The number of ticks since the phase began.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PhaseClock(u32);

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

/// The rounds that each player has won.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Score {
    /// The number of won rounds of each seat.
    pub(crate) wins: [u8; MAX_SEATS],
    /// The number of rounds before this one.
    pub(crate) round: u32,
    /// The winner of the last round or the match. `None` if nobody was left.
    pub(crate) winner: Option<Seat>,
}

/// The platform, a disc around the origin.
#[derive(Resource, Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Platform {
    /// The radius in world units.
    pub(crate) radius: f32,
}

impl Platform {
    /// The radius at the start of a round.
    pub(crate) const FULL: f32 = 250.0;
}

impl Default for Platform {
    fn default() -> Self {
        let radius = Self::FULL;
        Self { radius }
    }
}

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

pub(super) fn prepare_round(mut platform: ResMut<Platform>, mut clock: ResMut<PhaseClock>) {
    *platform = Platform::default();
    clock.0 = 0;
}

pub(super) fn count_down(
    clock: Res<PhaseClock>,
    mut next: ResMut<NextState<Phase>>,
    mut cues: EffectWriter<Cue>,
) {
    if clock.0.is_multiple_of(COUNTDOWN_STEP) {
        cues.write(Cue::Count(clock.countdown()));
    }
    if clock.0 >= COUNTDOWN {
        next.set(Phase::Fight);
    }
}

pub(super) fn shrink_platform(clock: Res<PhaseClock>, mut platform: ResMut<Platform>) {
    if clock.0 > SHRINK_AFTER {
        platform.radius = (platform.radius - SHRINK).max(0.0);
    }
}

/// Ends the round when at most one fighter stands.
pub(super) fn judge(
    fighters: Query<&Fighter>,
    mut score: ResMut<Score>,
    mut next: ResMut<NextState<Phase>>,
    mut cues: EffectWriter<Cue>,
) {
    if !matches!(*next, NextState::Unchanged) {
        return;
    }
    let mut standing = fighters.iter().filter(|fighter| fighter.stands());
    let (winner, other) = (standing.next(), standing.next());
    if other.is_some() {
        return;
    }
    let winner = winner.map(|fighter| fighter.seat);
    score.winner = winner;
    if let Some(wins) = winner.and_then(|seat| score.wins.get_mut(seat.index())) {
        *wins += 1;
    }
    let is_won = score.wins.iter().any(|&wins| wins >= WINS);
    next.set(if is_won {
        Phase::MatchOver
    } else {
        Phase::RoundOver
    });
    cues.write(if is_won {
        Cue::MatchOver { winner }
    } else {
        Cue::RoundOver { winner }
    });
}

pub(super) fn pause(
    clock: Res<PhaseClock>,
    mut score: ResMut<Score>,
    mut next: ResMut<NextState<Phase>>,
) {
    if clock.0 >= PAUSE {
        score.round += 1;
        next.set(Phase::Countdown);
    }
}

/// Ends the match when all players but one have left it.
pub(super) fn end_without_opponents(
    status: Res<MatchStatus>,
    pads: Res<Inputs<Pad>>,
    mut score: ResMut<Score>,
    mut next: ResMut<NextState<Phase>>,
    mut cues: EffectWriter<Cue>,
) {
    let seats = (0..).map(Seat).take(status.seats.len());
    let mut present = seats.filter(|&seat| !pads.is_disconnected(seat));
    let (winner, other) = (present.next(), present.next());
    if other.is_none() {
        score.winner = winner;
        next.set(Phase::MatchOver);
        cues.write(Cue::MatchOver { winner });
    }
}

/// Counts the ticks of the phase. A new phase starts at 0.
pub(super) fn advance_clock(next: Res<NextState<Phase>>, mut clock: ResMut<PhaseClock>) {
    match *next {
        NextState::Unchanged => clock.0 += 1,
        _ => clock.0 = 0,
    }
}
