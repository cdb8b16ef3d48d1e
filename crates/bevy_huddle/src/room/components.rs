use std::fmt;

use bevy::prelude::*;
use huddle_mesh::{PeerId, RoomUrl, Signaling};
use huddle_session::Tick;

use crate::peer::pending::PendingPeers;

/// A joined room: on the entity that [`join_room`](crate::HuddleCommandsExt::join_room) spawns.
///
/// Despawning the entity leaves the room.
#[derive(Component, Debug, Clone, PartialEq, Eq)]
#[component(immutable)]
#[require(RoomTick, MissingLinks, PendingPeers)]
pub struct Room {
    /// Where it is.
    pub url: RoomUrl,
    /// This player's id, the same for everybody in the room.
    pub me: PeerId,
}

/// The room's tick, which is the same for everybody up to what it takes to tell each other; on the
/// room entity.
///
/// It goes on by one in each run of [`FixedMain`](bevy::app::FixedMain), before
/// [`FixedPreUpdate`], and jumps ahead if the others are ahead: see
/// [`TicksSkipped`](crate::TicksSkipped). Who begins a room begins at 0, and who joins it takes
/// over its tick.
#[derive(Component, Deref, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RoomTick(pub Tick);

/// The player longest in the room, as far as this player knows; on the room entity, always
/// current. [`HostChanged`](crate::HostChanged) tells of each change.
#[derive(Component, Deref, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[component(immutable)]
pub struct RoomHost(pub PeerId);

/// The pairs of players who are not linked with each other, the lower id first; on the room
/// entity. While somebody joins or leaves it is normal that links are missing for a moment.
#[derive(Component, Deref, Debug, Clone, PartialEq, Eq, Default)]
#[component(immutable)]
pub struct MissingLinks(pub Vec<(PeerId, PeerId)>);

/// The entities of the rooms that are joined and have not failed, in the order of joining. It is
/// there while the plugins are, which is when rooms work.
#[derive(Resource, Deref, DerefMut, Debug, Default)]
pub(crate) struct Rooms(Vec<Entity>);

/// How a room is doing; on the room entity, always current.
///
/// [`RoomStateChanged`](crate::RoomStateChanged) tells of each change.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[component(immutable)]
#[require(SignalingStatus, ToldState)]
pub enum RoomState {
    /// The first connection is under way.
    #[default]
    Joining,
    /// Connected; nobody else is here, or nobody this player can play with.
    Waiting,
    /// At least one peer is here. It stays so when the signaling server is lost, because links
    /// between players do not need it.
    Playing,
    /// Nobody is here and the signaling server cannot be reached; it is tried again by itself.
    Retrying,
    /// The room cannot be used. [`RoomFailed`](crate::RoomFailed) says why and what to do.
    Failed,
}

/// The state that [`RoomStateChanged`](crate::RoomStateChanged) reported last.
#[derive(Component, Default)]
pub(crate) struct ToldState(pub(crate) RoomState);

impl RoomState {
    /// The state's name: `joining`, `waiting`, `playing`, `retrying` or `failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            RoomState::Joining => "joining",
            RoomState::Waiting => "waiting",
            RoomState::Playing => "playing",
            RoomState::Retrying => "retrying",
            RoomState::Failed => "failed",
        }
    }

    /// The state of a room that has not failed.
    pub(crate) fn of(signaling: &Signaling, peers: usize) -> Self {
        match signaling {
            _ if peers > 0 => RoomState::Playing,
            Signaling::Connecting => RoomState::Joining,
            Signaling::Connected { .. } => RoomState::Waiting,
            Signaling::Retrying { .. } => RoomState::Retrying,
        }
    }
}

impl fmt::Display for RoomState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The connection to the signaling server, which new players need to find the room; on the room
/// entity, always current.
#[derive(Component, Deref, Debug, Clone, PartialEq, Eq)]
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
        let back = Signaling::Connected { back: true };
        let cases = [
            (&Signaling::Connecting, 0, RoomState::Joining),
            (&Signaling::Connecting, 1, RoomState::Playing),
            (&back, 0, RoomState::Waiting),
            (&back, 2, RoomState::Playing),
            (&lost, 0, RoomState::Retrying),
            (&lost, 1, RoomState::Playing),
        ];
        for (signaling, peers, state) in cases {
            assert_eq!(
                RoomState::of(signaling, peers),
                state,
                "{signaling:?}, {peers} peers"
            );
        }
    }
}
