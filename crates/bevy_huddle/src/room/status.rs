//! The status of a room.

use std::fmt;

use bevy::prelude::*;
use huddle_mesh::Signaling;

/// The status of a room, a component of the room entity.
///
/// [`RoomStatusChanged`](crate::RoomStatusChanged) reports each change.
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
#[require(SignalingStatus, ReportedStatus)]
pub enum RoomStatus {
    /// The first connection to the signaling server is in progress.
    #[default]
    Joining,
    /// The room is connected, but no peer has joined.
    Waiting,
    /// At least one peer has joined. Losing the signaling server does not change this status,
    /// because links between peers do not need it.
    Playing,
    /// No peer has joined, and the signaling server is unreachable. The room reconnects
    /// automatically.
    Retrying,
    /// No peer has joined, and the signaling server needs another token. The room waits for
    /// [`set_token`](crate::HuddleCommandsExt::set_token); see
    /// [`TokenNeeded`](crate::TokenNeeded).
    TokenNeeded,
    /// The room cannot be used. [`RoomFailed`](crate::RoomFailed) contains the reason.
    Failed,
}

/// The status that [`RoomStatusChanged`](crate::RoomStatusChanged) reported last.
#[derive(Component, Default)]
pub(crate) struct ReportedStatus(pub(crate) RoomStatus);

impl RoomStatus {
    /// Returns the name of the status: `joining`, `waiting`, `playing`, `retrying`, `token needed`
    /// or `failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            RoomStatus::Joining => "joining",
            RoomStatus::Waiting => "waiting",
            RoomStatus::Playing => "playing",
            RoomStatus::Retrying => "retrying",
            RoomStatus::TokenNeeded => "token needed",
            RoomStatus::Failed => "failed",
        }
    }

    /// Returns the status of a room that has not failed.
    pub(crate) fn of(signaling: &Signaling, peers: usize) -> Self {
        match signaling {
            _ if peers > 0 => RoomStatus::Playing,
            Signaling::Connecting => RoomStatus::Joining,
            Signaling::Connected { .. } => RoomStatus::Waiting,
            Signaling::Retrying { .. } => RoomStatus::Retrying,
            Signaling::TokenNeeded { .. } => RoomStatus::TokenNeeded,
        }
    }
}

impl fmt::Display for RoomStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The state of the connection to the signaling server, a component of the room entity. New players
/// need the server to find the room.
#[derive(Component, Reflect, Deref, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct SignalingStatus(pub Signaling);

impl Default for SignalingStatus {
    fn default() -> Self {
        Self(Signaling::Connecting)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huddle_mesh::SignalingLoss;

    use super::*;

    #[test]
    fn peers_outweigh_signaling() {
        let lost = Signaling::Retrying {
            reason: SignalingLoss::ShuttingDown,
            retry_in: Duration::from_secs(1),
            attempt: 1,
        };
        let expired = Signaling::TokenNeeded {
            reason: "expired".to_owned(),
        };
        let back = Signaling::Connected { reconnected: true };
        let cases = [
            (&Signaling::Connecting, 0, RoomStatus::Joining),
            (&Signaling::Connecting, 1, RoomStatus::Playing),
            (&back, 0, RoomStatus::Waiting),
            (&back, 2, RoomStatus::Playing),
            (&lost, 0, RoomStatus::Retrying),
            (&expired, 0, RoomStatus::TokenNeeded),
            (&expired, 1, RoomStatus::Playing),
            (&lost, 1, RoomStatus::Playing),
        ];
        for (signaling, peers, status) in cases {
            assert_eq!(
                RoomStatus::of(signaling, peers),
                status,
                "{signaling:?}, {peers} peers"
            );
        }
    }
}
