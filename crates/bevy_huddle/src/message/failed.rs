//! Messages that were not sent, or not taken.

use bevy::prelude::*;
use huddle_mesh::PeerId;

use crate::{
    error::{MessageError, RejectReason},
    message::transfer::TransferId,
};

/// A message was not sent: once for each message and each recipient who does not get it.
///
/// The log has one line per peer and cause. What observers of this event send in vain is reported
/// with the next frame.
#[derive(Event, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct SendFailed {
    /// The message's declared name, or the name of its type if it was never declared; `"transfer"` of
    /// what [`send_transfer`](crate::HuddleCommandsExt::send_transfer) sends, and `"raw bytes"` of
    /// [`send_raw`](crate::HuddleCommandsExt::send_raw).
    pub message: &'static str,
    /// To whom; `None` if it concerns everybody.
    pub peer_id: Option<PeerId>,
    /// The id that [`send_transfer`](crate::HuddleCommandsExt::send_transfer) returned, if it was a
    /// transfer.
    pub transfer: Option<TransferId>,
    /// Why, and what to do.
    pub error: MessageError,
}

/// Something that a peer sent did not reach the game. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct MessageRejected {
    /// The peer entity.
    pub entity: Entity,
    /// From whom.
    pub peer_id: PeerId,
    /// Why.
    pub reason: RejectReason,
}
