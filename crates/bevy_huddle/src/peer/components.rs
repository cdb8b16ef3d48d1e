use bevy::prelude::*;
use huddle_mesh::{PeerId, StopReason};
use huddle_session::DeliveryStats;

/// Another player in a room. The entity is spawned when the link is open and both games fit, and
/// despawned when they are gone; what belongs to a player can be its components or children.
///
/// Despawning it disconnects the player, and so does removing `Peer` or [`PeerOf`].
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct Peer {
    /// Who: the same id on every player's machine, and again when they come back after being lost.
    pub id: PeerId,
    /// Whether they run a stock matchbox client. Such a peer is seen, but typed messages do not
    /// reach it, only raw bytes: [`send_raw`](crate::HuddleCommandsExt::send_raw) and
    /// [`RawReceived`](crate::RawReceived).
    pub is_matchbox_client: bool,
}

/// Marks the entity of the local peer: the player on this machine.
///
/// The entity is spawned when the id of the local peer is known, which is after the room is joined,
/// and despawned with the room. It has [`Peer`] and [`PeerOf`] like the entities of the other peers,
/// and no [`LinkStats`]. Events that this player sends to [`Recipients::All`](crate::Recipients::All)
/// arrive on it. [`PeerJoined`](crate::PeerJoined) and [`PeerLeft`](crate::PeerLeft) are about the
/// other peers only.
///
/// Despawning it leaves the room.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// /// Gives every player in the room a body, the one on this machine included.
/// fn spawn_body(added: On<Add, Peer>, local: Query<Has<LocalPeer>>, mut commands: Commands) {
///     let is_local = local.get(added.entity) == Ok(true);
///     let x = if is_local { 0.0 } else { 100.0 };
///     commands.entity(added.entity).insert(Transform::from_xyz(x, 0.0, 0.0));
/// }
/// # App::new().add_observer(spawn_body);
/// ```
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct LocalPeer;

/// The room that a peer is in.
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[relationship(relationship_target = RoomPeers)]
pub struct PeerOf(pub Entity);

/// The peers of a room, the [local peer](LocalPeer) included; on the room entity.
#[derive(Component, Reflect, Debug, Default)]
#[reflect(Component, Debug)]
#[relationship_target(relationship = PeerOf)]
pub struct RoomPeers(Vec<Entity>);

impl RoomPeers {
    /// The entities of the peers.
    pub fn entities(&self) -> &[Entity] {
        &self.0
    }
}

/// On peers that have not been heard for a second. It is taken off when they are heard again.
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct Unresponsive;

/// On peers whose game does not run, and why: it loads or hangs, or the player's page is frozen. The
/// link stays open.
///
/// A game in a hidden tab is not stopped if it plays on there. When the game runs again, it
/// receives the latest state and all events. [`PeerStopped`](crate::PeerStopped) and
/// [`PeerResumed`](crate::PeerResumed) report each change.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct Stopped(pub StopReason);

/// Whom a peer says they are linked with, in the order of the ids; on peers that have told.
/// [`MeshChanged`](crate::MeshChanged) tells of each change.
#[derive(Component, Reflect, Deref, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct LinkedWith(pub Vec<PeerId>);

/// How the link to a peer is doing; on every peer entity, refreshed each frame.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn show_ping(peers: Query<(&Peer, &LinkStats)>) {
///     for (peer, stats) in &peers {
///         if let Some(rtt) = stats.rtt {
///             println!("{}: {} ms", peer.id, rtt.as_millis());
///         }
///     }
/// }
/// # bevy::ecs::system::assert_is_system(show_ping);
/// ```
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct LinkStats {
    /// What the network measures: round trip, silence, bytes, packets, queues, path.
    #[deref]
    pub network: huddle_mesh::LinkStats,
    /// What the packets of ticks tell: loss, jitter, how far the ticks are apart.
    pub delivery: DeliveryStats,
    /// How many events the peer has not confirmed; some are the room's own, which tell peers of
    /// each other.
    pub queued_events: usize,
    /// How many bytes they take.
    pub queued_event_bytes: usize,
    /// How many events were sent to the peer.
    pub events_sent: u64,
    /// How many events came from the peer.
    pub events_received: u64,
}
