//! Recipients who do not get an event.

use huddle_mesh::PeerId;
use huddle_session::QueueError;
use thiserror::Error;

use crate::error::MessageError;

/// Why an event does not reach every recipient.
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
///         for missed in error.missed() {
///             println!("{:?} does not get the shot: {}", missed.peer_id, missed.error);
///         }
///     }
/// }
/// # bevy::ecs::system::assert_is_system(shoot);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrySendError {
    /// These recipients do not get the event. The other ones do.
    #[error("{}", list(.0))]
    Missed(Vec<Missed>),
    /// There is no room.
    #[error("there is no room: call `commands.join_room(\"ws://host:3536/name\")` first")]
    NoRoom,
    /// No recipient gets the event.
    #[error(transparent)]
    Refused(#[from] MessageError),
}

/// A recipient who does not get an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The peer; `None` for an entity that is neither a peer nor a room.
    pub peer_id: Option<PeerId>,
    /// Why, and what to do.
    pub error: MessageError,
}

impl TrySendError {
    /// The recipients who do not get the event while the other ones do. Empty if none gets it.
    pub fn missed(&self) -> &[Missed] {
        match self {
            Self::Missed(missed) => missed,
            Self::NoRoom | Self::Refused(_) => &[],
        }
    }

    /// The peers among [`missed`](Self::missed), to send the event to them again.
    pub fn missed_peers(&self) -> impl Iterator<Item = PeerId> {
        self.missed().iter().filter_map(|missed| missed.peer_id)
    }

    /// Whether all that is wrong is that too much waits for the peers that miss the event. It can
    /// be sent to them once they have received some of it.
    pub fn is_full(&self) -> bool {
        let is_full =
            |missed: &Missed| matches!(missed.error, MessageError::Queue(QueueError::Full { .. }));
        !self.missed().is_empty() && self.missed().iter().all(is_full)
    }
}

/// The text of [`TrySendError::Missed`].
fn list(missed: &[Missed]) -> String {
    /// How many recipients the text names.
    const MAX_NAMED: usize = 3;

    let mut texts: Vec<_> = missed
        .iter()
        .take(MAX_NAMED)
        .map(|Missed { peer_id, error }| match peer_id {
            Some(peer_id) => format!("{peer_id} does not get the event: {error}"),
            None => format!("a recipient does not get the event: {error}"),
        })
        .collect();
    if let more @ 1.. = missed.len().saturating_sub(MAX_NAMED) {
        texts.push(format!("{more} more recipients do not get it"));
    }
    texts.join("; ")
}
