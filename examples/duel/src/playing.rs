//! Whether and with how many players this machine plays.

use bevy::prelude::*;
use bevy_huddle::rollback::MatchStatus;

use crate::simulation::Phase;

/// Returns whether the local player is in a match that is not over.
pub(crate) fn is_playing(status: &MatchStatus, phase: &State<Phase>) -> bool {
    status.is_running() && *phase.get() != Phase::MatchOver
}

/// Returns the number of players at this machine: those in the match, or else those in the lobby. The lobby can change
/// after the host has assigned the seats.
pub(crate) fn local_players(status: &MatchStatus, in_lobby: u8) -> usize {
    match status.local_seats.len() {
        0 => in_lobby.into(),
        seats => seats,
    }
}
