//! Rounds and the score.

use bevy::prelude::*;
use bevy_huddle::rollback::*;
use serde::Serialize;

use super::{
    cue::Cue,
    fighter::Fighter,
    phase::{COUNTDOWN, COUNTDOWN_STEP, Phase, PhaseClock},
    platform::Platform,
};
use crate::pad::Pad;

/// The maximum number of seats of a match.
pub(crate) const MAX_SEATS: usize = 4;

/// The number of won rounds with which a player wins the match.
pub(crate) const WINS: u8 = 3;

/// The time between two rounds, in ticks.
const PAUSE: u32 = 110;

/// The maximum number of rounds. Without it, players that do not move would draw forever.
const MAX_ROUNDS: u32 = 10;

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

impl Score {
    /// Returns the seat that has won the most rounds, if it is the only one.
    fn leader(&self) -> Option<Seat> {
        let most = self.wins.iter().max()?;
        let mut leaders = (0..)
            .map(Seat)
            .zip(&self.wins)
            .filter(|(_, wins)| *wins == most);
        let (leader, _) = leaders.next()?;
        leaders.next().is_none().then_some(leader)
    }
}

pub(super) fn prepare_round(mut platform: ResMut<Platform>, mut clock: ResMut<PhaseClock>) {
    *platform = Platform::default();
    clock.0 = 0;
}

/// Spawns a fighter for each player, on a circle. The places turn from round to round.
pub(super) fn spawn_fighters(
    status: Res<MatchStatus>,
    score: Res<Score>,
    inputs: Res<Inputs<Pad>>,
    old: Query<Entity, With<Fighter>>,
    mut commands: Commands,
) {
    for entity in &old {
        commands.entity(entity).despawn_rollback();
    }
    let count = status.seats.len().min(MAX_SEATS);
    let step = std::f32::consts::TAU / count.max(1) as f32;
    for index in 0..count {
        let seat = Seat(index as u8);
        if !inputs.is_disconnected(seat) {
            let turn = step * (index as f32 + score.round as f32) + std::f32::consts::PI;
            let direction = Vec2::new(ops::cos(turn), ops::sin(turn));
            commands.spawn(Fighter::new(seat, direction * Platform::FULL * 0.6));
        }
    }
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
    if is_won {
        next.set(Phase::MatchOver);
        cues.write(Cue::MatchOver { winner });
    } else if score.round + 1 >= MAX_ROUNDS {
        score.winner = score.leader();
        let winner = score.winner;
        next.set(Phase::MatchOver);
        cues.write(Cue::MatchOver { winner });
    } else {
        next.set(Phase::RoundOver);
        cues.write(Cue::RoundOver { winner });
    }
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
