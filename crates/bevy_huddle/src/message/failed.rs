//! The events for messages that were not sent, and for received data that was rejected.

use bevy::prelude::*;
use huddle_mesh::PeerId;

use crate::{
    error::{MessageError, RejectReason},
    message::transfer::TransferId,
};

/// A message was not sent. Triggered once for each message and each recipient that does not receive
/// it.
///
/// The log contains one line per peer and cause. If an observer of this event sends a message and
/// that fails too, the failure is reported in the next frame.
#[derive(Event, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct SendFailed {
    /// The message's declared name, or the name of its type if it was never declared.
    /// It is `"transfer"` for [`send_transfer`](crate::HuddleCommandsExt::send_transfer), `"raw
    /// bytes"` for [`send_raw`](crate::HuddleCommandsExt::send_raw), and `"kick request"` for
    /// [`kick_peer`](crate::HuddleCommandsExt::kick_peer).
    pub message: &'static str,
    /// The recipient, or `None` if the failure concerns every recipient.
    pub peer_id: Option<PeerId>,
    /// The id that [`send_transfer`](crate::HuddleCommandsExt::send_transfer) returned, if it was a
    /// transfer.
    pub transfer: Option<TransferId>,
    /// The reason. Its `Display` text describes what to do.
    pub error: MessageError,
}

/// Data from a peer was rejected and did not reach the game. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct MessageRejected {
    /// The peer entity.
    pub entity: Entity,
    /// The sender.
    pub peer_id: PeerId,
    /// The reason.
    pub reason: RejectReason,
}
