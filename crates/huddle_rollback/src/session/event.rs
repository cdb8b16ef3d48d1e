use std::time::Duration;

use huddle_session::{PeerId, Tick};

use crate::{
    desync::{DesyncReport, Mismatch},
    membership::{agreement::LeaveReason, start::StartError},
    seat::{Seat, SeatSet},
    timeline::SyncMismatch,
};

/// An event of a [`RollbackSession`](crate::session::RollbackSession).
#[derive(Debug, Clone, PartialEq)]
pub enum RollbackEvent {
    /// All players are ready, and the countdown to tick 0 begins. It takes 0.4 s, and up to a second
    /// more if another player is behind, so that all players start together. After a
    /// [rematch](crate::session::RollbackSession::rematch), the saved states of the previous match
    /// are no longer needed.
    Started {
        /// A random number that is the same for all players.
        seed: u64,
    },
    /// The match cannot start. All players that can be reached fail for the same reason. If this
    /// match was a rematch, the running match continues.
    StartFailed(StartError),
    /// The match has ended at the same tick for all players, because of a
    /// [rematch](crate::session::RollbackSession::rematch). The state before that tick is final once
    /// the game has executed the requests of this step. [`Started`](Self::Started) follows when the
    /// match has ended for every player.
    Ended {
        /// The first tick that is not part of the match.
        at_tick: Tick,
    },
    /// A player has left a seat. Starting at a tick that is the same for all players, the seat is
    /// [`Disconnected`](crate::timeline::InputStatus::Disconnected). If that tick was already
    /// simulated, it is resimulated.
    SeatLeft {
        /// The seat.
        seat: Seat,
        /// The first tick without the player.
        at_tick: Tick,
        /// The reason.
        reason: LeaveReason,
        /// The time from the first sign of the departure until all players agreed on it.
        took: Duration,
    },
    /// The players have split into sides that cannot reach each other. The local peer's side
    /// continues.
    Split {
        /// The players on this side, including the local peer.
        side: Vec<PeerId>,
        /// The number of players before the split.
        of: usize,
        /// Whether this side has more than half of the players, or half of them including the one with
        /// the lowest id.
        is_majority: bool,
    },
    /// Another player has dropped the local peer, and continues without it. The local peer may
    /// continue alone.
    Dropped {
        /// The other player.
        by: PeerId,
        /// The first tick that the other player simulates without the local peer.
        at_tick: Tick,
    },
    /// The state of another peer differs from the local one. A [`Desync`](Self::Desync) with the
    /// difference follows within 10 seconds.
    Mismatch(Mismatch),
    /// The difference between the local state and that of another peer. The session compares nothing
    /// more with that peer.
    Desync(Box<DesyncReport>),
    /// The seats for which the match waits have changed, or the reasons have.
    Waiting {
        /// The seats whose inputs are missing. Empty if the match continues.
        seats: SeatSet,
        /// The subset of `seats` whose players' games are stopped
        /// ([`RollbackSession::set_stopped`]). The inputs of the other seats are late.
        ///
        /// [`RollbackSession::set_stopped`]: crate::session::RollbackSession::set_stopped
        stopped: SeatSet,
    },
    /// The sync test has found that the game is not deterministic. The test ends with this event.
    SyncTestFailed(SyncMismatch),
}
