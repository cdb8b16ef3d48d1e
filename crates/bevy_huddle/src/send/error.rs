//! The errors of [`PeerSender`](crate::PeerSender).

use huddle_mesh::PeerId;
use huddle_session::QueueError;
use thiserror::Error;

use crate::error::MessageError;

/// The reason why an event was not queued for every recipient.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{PeerSender, prelude::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Shot;
///
/// fn shoot(mut sender: PeerSender) {
///     if let Err(error) = sender.try_send(Recipients::Others, &Shot) {
///         for recipient in error.skipped() {
///             println!("{:?} does not get the shot: {}", recipient.peer_id, recipient.error);
///         }
///     }
/// }
/// # bevy::ecs::system::assert_is_system(shoot);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrySendError {
    /// These recipients do not receive the event. The other recipients do.
    #[error("{}", list(.0))]
    Skipped(Vec<SkippedRecipient>),
    /// There is no room.
    #[error("there is no room: call `commands.join_room(\"ws://host:3536/name\")` first")]
    NoRoom,
    /// No recipient receives the event.
    #[error(transparent)]
    Refused(#[from] MessageError),
}

/// A recipient that does not receive an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedRecipient {
    /// The peer; `None` for an entity that is neither a peer nor a room.
    pub peer_id: Option<PeerId>,
    /// The reason. Its `Display` text describes what to do.
    pub error: MessageError,
}

impl TrySendError {
    /// Returns the recipients that do not receive the event, even if other recipients do. Empty for
    /// [`NoRoom`](Self::NoRoom) and [`Refused`](Self::Refused), where no recipient receives it.
    pub fn skipped(&self) -> &[SkippedRecipient] {
        match self {
            Self::Skipped(skipped) => skipped,
            Self::NoRoom | Self::Refused(_) => &[],
        }
    }

    /// Returns the peers among [`skipped`](Self::skipped), for sending the event to them again.
    pub fn skipped_peers(&self) -> impl Iterator<Item = PeerId> {
        self.skipped()
            .iter()
            .filter_map(|recipient| recipient.peer_id)
    }

    /// Returns whether full send queues are the only cause. The event can be sent again once the
    /// peers have received part of what is queued for them.
    pub fn is_full(&self) -> bool {
        let is_full = |recipient: &SkippedRecipient| {
            matches!(
                recipient.error,
                MessageError::Queue(QueueError::Full { .. })
            )
        };
        !self.skipped().is_empty() && self.skipped().iter().all(is_full)
    }
}

/// The text of [`TrySendError::Skipped`].
fn list(skipped: &[SkippedRecipient]) -> String {
    /// The maximum number of recipients that the text names.
    const MAX_NAMED: usize = 3;

    let mut texts: Vec<_> = skipped
        .iter()
        .take(MAX_NAMED)
        .map(|SkippedRecipient { peer_id, error }| match peer_id {
            Some(peer_id) => format!("{peer_id} did not receive the event: {error}"),
            None => format!("a recipient did not receive the event: {error}"),
        })
        .collect();
    if let more @ 1.. = skipped.len().saturating_sub(MAX_NAMED) {
        texts.push(format!("{more} more recipients do not get it"));
    }
    texts.join("; ")
}
