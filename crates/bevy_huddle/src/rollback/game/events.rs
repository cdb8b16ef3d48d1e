//! The events of matches.

use std::{fmt, time::Duration};

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_rollback::{
    DesyncReport, LeaveReason, Seat, SeatSet, SetupError, StartError, SyncMismatch,
};
use huddle_session::{Tick, TickRateError};
use thiserror::Error;

use crate::rollback::tools::difference::StateDifference;

/// A match starts: all players are ready. It is triggered after the systems of
/// [`RollbackStart`](crate::rollback::RollbackStart) have set up the world, and before the first tick.
#[derive(Event, Debug, Clone, PartialEq)]
pub struct MatchStarted {
    /// The player of each seat.
    pub seats: Vec<PeerId>,
    /// The seats of the local player.
    pub local_seats: Vec<Seat>,
}

/// A match cannot start. A match that was running continues.
#[derive(Event, Debug, Clone, PartialEq)]
pub struct MatchStartFailed {
    /// The reason. Its `Display` text can be shown to players.
    pub error: MatchStartError,
}

/// The reason why a match cannot start.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MatchStartError {
    /// The options of the match are invalid: see
    /// [`RollbackPlugin::configure`](crate::rollback::RollbackPlugin::configure), and the seats and rules of the
    /// host.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A player is missing, has left, or has other settings.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The local player is not the host of the room.
    #[error(
        "only the host of the room can start a match: call `start_match` on the machine of {host}"
    )]
    NotHost {
        /// The host.
        host: PeerId,
    },
    /// The local player is in no room.
    #[error("a match of several players needs a room: join one first, or call `start_local_match`")]
    NoRoom,
    /// The match cannot have the rate of [`Time<Fixed>`].
    #[error(transparent)]
    Rate(#[from] TickRateError),
}

/// A match has ended: at the same tick for all players, because the next one starts, or for the local player
/// alone, because it has left the match or the room.
#[derive(Event, Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchEnded {
    /// The first tick that is not part of the match.
    pub at_tick: Tick,
}

/// The match waits for the inputs of other seats than before, or continues.
#[derive(Event, Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchWaiting {
    /// The seats whose inputs are missing. It is empty when the match continues.
    pub seats: SeatSet,
    /// Those of the seats whose game has stopped, for example because its page is hidden.
    pub stopped: SeatSet,
}

/// A player has left the match. Its seat is
/// [disconnected](huddle_rollback::InputStatus::Disconnected) from the same tick on for all players.
#[derive(Event, Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatLeft {
    /// The seat.
    pub seat: Seat,
    /// The first tick without the player.
    pub at_tick: Tick,
    /// The reason.
    pub reason: LeaveReason,
    /// The time from the first sign of it until all players had agreed.
    pub took: Duration,
}

/// The players were split into sides without links between them. The local player's side continues.
#[derive(Event, Debug, Clone, PartialEq, Eq)]
pub struct MatchSplit {
    /// The players of this side, including the local one.
    pub side: Vec<PeerId>,
    /// The number of players before the split.
    pub players_before: usize,
    /// Whether this side has more than half of the players. Of two halves, the one with the lowest peer
    /// id counts as the majority.
    pub is_majority: bool,
}

/// Another player has dropped the local player and continues without it.
#[derive(Event, Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedFromMatch {
    /// The other player.
    pub by: PeerId,
    /// The first tick that the other player simulates without the local player.
    pub at_tick: Tick,
}

/// The world of another player differs from the local one. The report names what differs.
#[derive(Event, Debug, Clone, PartialEq)]
pub struct MatchDesynced {
    /// The difference.
    pub report: Box<DesyncReport>,
}

/// The sync test found that the game is not deterministic: a tick that was simulated twice led to two
/// different states.
///
/// Its `Display` text names what differs. [`SimulationProblem`](crate::rollback::SimulationProblem) often names
/// the cause.
#[derive(Event, Debug, Clone, PartialEq, Eq)]
pub struct SyncTestFailed {
    /// The tick, and the two checksums.
    pub mismatch: SyncMismatch,
    /// What differs: from the state of the first simulation to that of a later one.
    pub difference: StateDifference,
}

impl fmt::Display for SyncTestFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the game is not deterministic: the state before tick {} differs when it is simulated again. The \
             simulation uses something that a rollback does not restore, such as a `Local` or an unregistered \
             component or resource, or it depends on the order of entities in a query. From the first simulation to \
             the next one:\n{}",
            self.mismatch.tick, self.difference
        )
    }
}
