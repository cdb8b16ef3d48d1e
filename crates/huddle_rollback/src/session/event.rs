use std::time::Duration;

use huddle_session::{PeerId, Tick};

use crate::{
    desync::{DesyncReport, Mismatch},
    membership::{agreement::LeaveReason, start::StartError},
    seat::{Seat, SeatSet},
    timeline::SyncMismatch,
};

/// What a [`RollbackSession`](crate::session::RollbackSession) reports.
#[derive(Debug, Clone, PartialEq)]
pub enum RollbackEvent {
    /// All players are ready. Tick 0 follows after a countdown of 0.4 s, or up to a second later if
    /// other players learn later that all are ready, so that all start together. After a
    /// [rematch](crate::session::RollbackSession::rematch) the saved states of the match before are
    /// no longer needed.
    Started {
        /// A random number that all players share.
        seed: u64,
    },
    /// The match does not start. All players that can be reached fail for the same reason. A match
    /// that was to end before it goes on.
    StartFailed(StartError),
    /// The match has ended because of a [rematch](crate::session::RollbackSession::rematch), at the
    /// same tick for all players. The state before that tick is final after the requests of this
    /// step. [`Started`](Self::Started) follows when every player has got here.
    Ended {
        /// The first tick that is not simulated.
        at_tick: Tick,
    },
    /// Nobody plays a seat any more from a tick on, which is the same for all players. The tick may
    /// have been simulated already; then it is simulated again, with the seat
    /// [`Disconnected`](crate::timeline::InputStatus::Disconnected).
    SeatLeft {
        /// Which.
        seat: Seat,
        /// The first tick without them.
        at_tick: Tick,
        /// Why.
        reason: LeaveReason,
        /// How long it took from the first sign of it until all had agreed.
        took: Duration,
    },
    /// The players have been split into sides that do not see each other, and this player's side
    /// plays on.
    Split {
        /// Who is on this side, this player included.
        side: Vec<PeerId>,
        /// How many players there were before.
        of: usize,
        /// Whether this is the side that counts: more than half, or with half of them the one with
        /// the lowest id.
        is_majority: bool,
    },
    /// Another player has dropped this player and continues without it. This player may continue
    /// alone.
    Dropped {
        /// The other player.
        by: PeerId,
        /// The first tick that the other player simulates without this player.
        at_tick: Tick,
    },
    /// The state of another peer differs from the local one. A [`Desync`](Self::Desync) with the difference follows
    /// within 10 seconds.
    Mismatch(Mismatch),
    /// The difference between the states of two peers. Nothing more is compared with that peer.
    Desync(Box<DesyncReport>),
    /// The match waits for other seats than before, for other reasons, or no longer.
    Waiting {
        /// The seats whose inputs are missing. It is empty when the match continues.
        seats: SeatSet,
        /// Those of the seats whose game is stopped ([`RollbackSession::set_stopped`]). The inputs of
        /// the other seats are late.
        ///
        /// [`RollbackSession::set_stopped`]: crate::session::RollbackSession::set_stopped
        stopped: SeatSet,
    },
    /// The sync test found that the game is not deterministic. It ends with this event.
    SyncTestFailed(SyncMismatch),
}
