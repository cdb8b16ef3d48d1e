//! The components of peer entities.

use std::time::Duration;

use bevy::prelude::*;
use huddle_mesh::{PeerId, StopReason};
use huddle_session::DeliveryStats;
use huddle_snapshot::LinkReport;

/// A peer in a room. The plugin spawns the entity of another peer when the two games are linked and
/// compatible, and despawns it when the peer leaves. A game can add components and children.
///
/// Despawning the entity disconnects the peer. So does removing `Peer` or [`PeerOf`].
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct Peer {
    /// The peer's id. It is the same on every machine, and does not change when the peer
    /// reconnects.
    pub id: PeerId,
    /// Whether the peer runs a stock matchbox client. Such a peer cannot exchange typed messages,
    /// only raw bytes: [`send_raw`](crate::HuddleCommandsExt::send_raw) and
    /// [`RawReceived`](crate::RawReceived).
    pub is_matchbox_client: bool,
}

/// Marks the entity of the local peer: the player on this machine.
///
/// The plugin spawns the entity as soon as the room has the id of the local peer, and despawns it
/// with the room. It has [`Peer`] and [`PeerOf`] like the entities of the other
/// peers, and no [`LinkStats`]. Events that this player sends to
/// [`Recipients::All`](crate::Recipients::All) are triggered on it.
/// [`PeerJoined`](crate::PeerJoined) and [`PeerLeft`](crate::PeerLeft) are about the other peers
/// only.
///
/// Despawning it leaves the room.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// /// Gives every player in the room a body, including the local player.
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

/// The peers of a room, including the [local peer](LocalPeer). A component of the room entity.
#[derive(Component, Reflect, Debug, Default)]
#[reflect(Component, Debug)]
#[relationship_target(relationship = PeerOf)]
pub struct RoomPeers(Vec<Entity>);

impl RoomPeers {
    /// Returns the entities of the peers.
    pub fn entities(&self) -> &[Entity] {
        &self.0
    }
}

/// Marks a peer from which nothing was received for one second, or whose link ended. The other side
/// may have changed its network. Removed when the peer sends data again or has a new link.
///
/// The peer leaves if it is still reconnecting after
/// [`RoomOptions::reconnect_timeout`](crate::RoomOptions::reconnect_timeout). Events and transfers to
/// it wait until then.
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct Reconnecting;

/// Marks a peer whose game is not running, with the reason: the game is loading or has hung, or its
/// page is frozen. The link stays open.
///
/// A game that keeps running in a hidden tab is not stopped. When the game runs again, it
/// receives the latest state and all events. [`PeerStopped`](crate::PeerStopped) and
/// [`PeerResumed`](crate::PeerResumed) report each change.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct Stopped(pub StopReason);

/// The peers that this peer is linked with, sorted by id, as reported by the peer. Absent until the
/// first report. [`MeshChanged`](crate::MeshChanged) reports each change.
#[derive(Component, Reflect, Deref, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct LinkedWith(pub Vec<PeerId>);

/// Statistics about the link to a peer, updated each frame. The entity of the local peer has
/// none.
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
    /// Network statistics: round-trip time, silence, bytes, packets, queues and path.
    #[deref]
    pub network: huddle_mesh::LinkStats,
    /// Tick packet statistics: loss, jitter and the difference between the ticks.
    pub delivery: DeliveryStats,
    /// The number of events that the peer has not acknowledged, including internal events of the
    /// room.
    pub queued_events: usize,
    /// The size in bytes of the events that the peer has not acknowledged.
    pub queued_event_bytes: usize,
    /// The number of events sent to the peer.
    pub events_sent: u64,
    /// The number of events received from the peer.
    pub events_received: u64,
    /// What the local peer sends of its replicated entities.
    pub replication: ReplicationStats,
}

/// Statistics about the replicated entities that the local peer sends to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReplicationStats {
    /// The budget in bytes per second, including 93 bytes for each packet. It shrinks while packets wait
    /// in a queue of the connection.
    pub budget: f64,
    /// The bytes that were sent, including 93 bytes for each packet with replicated entities.
    pub bytes_sent: u64,
    /// The highest rate at which packets are sent, in packets per second.
    pub send_rate: u32,
    /// The time for which packets wait in a queue of the connection.
    pub queueing_delay: Duration,
    /// The number of entities of which the peer may not know everything.
    pub backlog: usize,
    /// The age of the oldest value that the peer may not have.
    pub staleness: Duration,
}

impl From<LinkReport> for ReplicationStats {
    fn from(report: LinkReport) -> Self {
        Self {
            budget: report.bytes_per_second,
            bytes_sent: report.bytes_sent,
            send_rate: report.send_rate.hz(),
            queueing_delay: report.queueing_delay,
            backlog: report.backlog,
            staleness: report.staleness,
        }
    }
}
