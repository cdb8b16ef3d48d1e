//! Whether and with how many players this machine plays.

use bevy::prelude::*;
use bevy_huddle::rollback::MatchStatus;

use crate::{lobby::Entrant, simulation::Phase};

/// Returns whether the local player is in a match that is not over.
pub(crate) fn is_playing(status: &MatchStatus, phase: &State<Phase>) -> bool {
    status.is_running() && *phase.get() != Phase::MatchOver
}

/// Returns the number of players at this machine: those in the match, or else in the lobby. It can change in the lobby
/// after the host has assigned the seats.
pub(crate) fn local_players(status: &MatchStatus, entrant: &Entrant) -> usize {
    match status.local_seats.len() {
        0 => usize::from(entrant.players()),
        seats => seats,
    }
}
