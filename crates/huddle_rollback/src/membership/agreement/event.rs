//! What the agreement reports and requests.

use std::time::Duration;

use bytes::Bytes;
use huddle_session::{PeerId, Tick, codec::DecodeError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::seat::Seat;

/// Why a player left a match. If the members know different reasons, the last one in this order
/// applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LeaveReason {
    /// The link to it was lost.
    Lost,
    /// It is linked, but its inputs did not arrive for longer than the disconnect timeout.
    TimedOut,
    /// Its program was restarted, and is no longer in the match.
    Restarted,
    /// It was kicked from the room, or disconnected for protocol violations.
    Removed,
    /// It announced that it leaves.
    Left,
}

impl LeaveReason {
    /// Returns `true` if the player cannot return to the match, and does not continue it on
    /// another side.
    pub(super) fn is_final(self) -> bool {
        self >= Self::Restarted
    }
}

/// The end of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The seat.
    pub(crate) seat: Seat,
    /// The first tick without an input of its player.
    pub(crate) at: Tick,
    /// The reason.
    pub(crate) reason: LeaveReason,
}

/// One side of members that have split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Side {
    /// The number of members before, without those that left, were removed or were restarted.
    pub(crate) before: usize,
    /// The number of members on this side.
    pub(crate) now: usize,
    /// Whether this is the larger side. Of two halves, the one with the lowest id counts as larger.
    pub(crate) is_majority: bool,
}

/// A decision that members are out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The members that are newly out.
    pub(crate) left: Vec<PeerId>,
    /// Their seats.
    pub(crate) seats: Vec<Ended>,
    /// The members that continue, including the local one.
    pub(crate) members: Vec<PeerId>,
    /// Set if a member may continue the match elsewhere.
    pub(crate) side: Option<Side>,
    /// The time since the first of them was lost here.
    pub(crate) took: Duration,
}

/// What the caller of an [`Agreement`](super::Agreement) should do or report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AgreementEvent {
    /// Send a message to a peer, reliably and in order.
    Send {
        /// The receiver.
        to: PeerId,
        /// At most 64 KiB.
        bytes: Bytes,
    },
    /// Request a peer's inputs from another peer.
    RelayFrom {
        /// The relaying peer. `None` if inputs come from the peer itself again.
        via: Option<PeerId>,
        /// The peer whose inputs are needed.
        peer: PeerId,
    },
    /// Members are out.
    Decided(Decision),
    /// A peer continues without the local player.
    Dropped {
        /// The peer.
        by: PeerId,
        /// The first tick that it plays without the local player.
        at: Tick,
    },
}

/// Errors in a message about the members of a match.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AgreementError {
    /// The sender is not a member.
    #[error("{0} is not a member of this match")]
    NotAMember(PeerId),
    /// The message cannot be decoded.
    #[error("invalid membership message: {0}")]
    Malformed(#[from] DecodeError),
    /// The message refers to a member, seat or tick that cannot exist.
    #[error("impossible membership message: {0}")]
    Impossible(&'static str),
    /// The message contradicts an earlier one.
    #[error("the member contradicts its earlier message: {0}")]
    Contradiction(&'static str),
    /// The message forwards inputs of a seat that differ from the known ones. Its sender may be
    /// honest, because the seat's player may have sent different inputs. Do not disconnect it.
    #[error(
        "forwarded inputs differ from known ones: the seat's player may have sent different inputs"
    )]
    OtherInputs,
}
