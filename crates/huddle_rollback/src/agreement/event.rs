//! What agreement finds and wants.

use std::time::Duration;

use bytes::Bytes;
use huddle_session::{PeerId, Tick, codec::DecodeError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::seat::Seat;

/// Why somebody is lost. Where members know different reasons, the last in this order holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LeaveReason {
    /// There is no link.
    Link,
    /// It is linked and does not play along.
    Silent,
    /// The room's rules removed it.
    Removed,
    /// It said that it leaves.
    Left,
}

/// From which tick on a seat is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Which.
    pub(crate) seat: Seat,
    /// The first tick without an input of its player.
    pub(crate) at: Tick,
    /// Why.
    pub(crate) reason: LeaveReason,
}

/// The members fell apart, and this is one side of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Side {
    /// How many there were, without those that left on purpose or were removed.
    pub(crate) before: usize,
    /// How many are on this side.
    pub(crate) now: usize,
    /// Whether no other side can have as many; of two halves the one with the lowest id counts.
    pub(crate) is_majority: bool,
}

/// Some members are out, for everybody who goes on here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Who is out that was not before.
    pub(crate) left: Vec<PeerId>,
    /// Their seats.
    pub(crate) seats: Vec<Ended>,
    /// Who goes on, this player included.
    pub(crate) members: Vec<PeerId>,
    /// If anybody was lost against their will.
    pub(crate) side: Option<Side>,
    /// How long it took since the first of them was lost here.
    pub(crate) took: Duration,
}

/// What the owner of an [`Agreement`](super::Agreement) is to do or know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AgreementEvent {
    /// To be sent to a peer, reliably and in order.
    Send {
        /// To whom.
        to: PeerId,
        /// At most 64 KiB.
        bytes: Bytes,
    },
    /// From now on another peer's inputs are passed on, or no longer.
    RelayTo {
        /// To whom.
        to: PeerId,
        /// Whose inputs.
        peer: PeerId,
        /// Its seats and the ticks from which on; none if it ends.
        from: Vec<(Seat, Tick)>,
    },
    /// From now on a peer's inputs are expected by way of another.
    RelayFrom {
        /// By whose way; `None` if it ends.
        via: Option<PeerId>,
        /// Whose inputs.
        peer: PeerId,
        /// Its seats and the ticks from which on; none if it ends.
        from: Vec<(Seat, Tick)>,
    },
    /// Members are out.
    Decided(Decision),
    /// A peer goes on without this player.
    VotedOut {
        /// Who says so.
        by: PeerId,
        /// From which tick on it plays without this player.
        at: Tick,
    },
}

/// Why a message of a peer counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AgreementError {
    /// It is from somebody who plays no part in this game.
    #[error("{0} is no member of this game")]
    NotAMember(PeerId),
    /// It is none.
    #[error("it is no message about the game's members: {0}")]
    Malformed(#[from] DecodeError),
    /// It names a member, seat or tick that cannot be.
    #[error("it says what cannot be: {0}")]
    Impossible(&'static str),
    /// It takes back what cannot be taken back.
    #[error("it contradicts what the same member said before: {0}")]
    Contradiction(&'static str),
    /// It passes on other inputs of somebody than are known here. Its sender may be honest: either of
    /// the two may have been told otherwise by the seat's player. Cut nobody off for it.
    #[error(
        "it passes on other inputs of a seat than are known here: its player may have told lies"
    )]
    OtherInputs,
}
