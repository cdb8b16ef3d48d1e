use std::time::Duration;

use bytes::Bytes;
use huddle_id::PeerId;

use super::SectionKind;
use crate::{
    events::Undelivered, handshake::Refusal, kind::KindId, tick::Tick, transfer::TransferEvent,
};

/// An event of a [`RoomSession`](crate::room::RoomSession). Events are reported in the order in
/// which they happened.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// A peer with a compatible game requests to join. Answer with
    /// [`RoomSession::admit`](crate::room::RoomSession::admit).
    JoinRequested {
        /// The peer.
        peer_id: PeerId,
        /// The join data of the peer's game, unchanged.
        data: Bytes,
    },
    /// The handshake with a peer is complete. The peers can now exchange messages.
    Joined {
        /// The peer.
        peer_id: PeerId,
    },
    /// A peer started a new session before the local peer noticed that the old one had
    /// ended. [`SessionEvent::Joined`] follows if the peer is admitted again.
    Left {
        /// The peer.
        peer_id: PeerId,
    },
    /// The handshake ended in a refusal, by either side. [`SessionEvent::Ended`] follows.
    Refused {
        /// The peer.
        peer_id: PeerId,
        /// The reason.
        refusal: Refusal,
    },
    /// The peer has received the refusal, or it was sent often enough. Disconnect the peer.
    Ended {
        /// The refused peer.
        peer_id: PeerId,
    },
    /// A peer sent an event.
    Event {
        /// The peer.
        peer_id: PeerId,
        /// The event's kind.
        kind: KindId,
        /// The payload, unchanged.
        payload: Bytes,
    },
    /// A packet contained a section of the peer's [`PacketSections`](crate::room::PacketSections).
    Section {
        /// The peer.
        peer_id: PeerId,
        /// The section.
        kind: SectionKind,
        /// The sequence number of the packet. A later packet has a higher one.
        seq: u64,
        /// The tick at which the peer sent the packet.
        tick: Tick,
        /// The payload, unchanged.
        payload: Bytes,
        /// The time at which the packet arrived.
        arrived: Duration,
        /// The smoothed round-trip time to the peer, once it is measured.
        rtt: Option<Duration>,
    },
    /// The session with a peer ended before the peer acknowledged these events. They are in the
    /// order in which they were queued.
    ///
    /// Some of them may have arrived if only the acks were lost.
    Undelivered {
        /// The peer.
        peer_id: PeerId,
        /// The unacknowledged events.
        events: Vec<Undelivered>,
    },
    /// A transfer from or to a peer made progress or ended.
    Transfer {
        /// The peer.
        peer_id: PeerId,
        /// The change.
        event: TransferEvent,
    },
    /// A peer reported which peers it is linked with.
    MeshChanged {
        /// The peer.
        peer_id: PeerId,
    },
    /// The room has a new host.
    HostChanged {
        /// The new host, possibly the local peer.
        host: PeerId,
    },
    /// All slots of the room are taken, so the local peer has none. Leave the room.
    Full {
        /// The room's capacity.
        capacity: u8,
    },
    /// The room's policy kicked a player. Disconnect the peer, or leave the room if it is the local
    /// peer.
    Kicked {
        /// The kicked peer, possibly the local peer.
        peer_id: PeerId,
        /// The peers that requested the kick.
        requested_by: Vec<PeerId>,
    },
    /// The room's clock jumped forward to catch up with the other peers.
    TicksSkipped {
        /// The number of skipped ticks.
        ticks: u32,
    },
}
