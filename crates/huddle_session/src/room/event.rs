use std::time::Duration;

use bytes::Bytes;
use huddle_id::PeerId;

use crate::{events::Undelivered, handshake::Refusal, kind::KindId, transfer::TransferEvent};

/// What a [`RoomSession`](crate::room::RoomSession) reports, in the order in which it happened.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// A peer whose game fits asks to be let in: answer with
    /// [`RoomSession::admit`](crate::room::RoomSession::admit).
    JoinRequested {
        /// Who.
        peer_id: PeerId,
        /// What their game says for them, as it came.
        data: Bytes,
    },
    /// The handshake with a peer is done: from now on messages come and go.
    Joined {
        /// Who.
        peer_id: PeerId,
    },
    /// A peer began anew without this side noticing that they were gone: they are gone, and
    /// [`SessionEvent::Joined`] follows if they are let in again.
    Left {
        /// Who.
        peer_id: PeerId,
    },
    /// There will be no session with a peer. [`SessionEvent::Over`] follows.
    Refused {
        /// Who.
        peer_id: PeerId,
        /// Why.
        refusal: Refusal,
    },
    /// A refusal is known at the other end, or has been told often enough: cut the link.
    Over {
        /// Who was refused.
        peer_id: PeerId,
    },
    /// An event from a peer.
    Event {
        /// From whom.
        peer_id: PeerId,
        /// Its kind, which is declared as an event.
        kind: KindId,
        /// Its bytes, as they came.
        payload: Bytes,
    },
    /// A peer's state, newer than all of its kind before.
    State {
        /// From whom.
        peer_id: PeerId,
        /// Its kind, which is declared as state.
        kind: KindId,
        /// Its bytes, as they came.
        payload: Bytes,
    },
    /// What a peer's [`SectionSource`](crate::room::SectionSource) said in a packet.
    Section {
        /// From whom.
        peer_id: PeerId,
        /// The number of the packet: a later packet has a higher one.
        packet: u64,
        /// Its bytes, as they came.
        payload: Bytes,
        /// When the packet arrived.
        arrived: Duration,
        /// The smoothed round trip to the peer, once it is measured.
        rtt: Option<Duration>,
    },
    /// What a peer who was given up has not confirmed, in the order in which it was queued.
    ///
    /// The last of it may have arrived, if only the confirmation was lost.
    Undelivered {
        /// Who.
        peer_id: PeerId,
        /// The events.
        events: Vec<Undelivered>,
    },
    /// A transfer from or to a peer made progress or ended.
    Transfer {
        /// With whom.
        peer_id: PeerId,
        /// What happened.
        event: TransferEvent,
    },
    /// A peer told whom they are linked with.
    MeshChanged {
        /// Who.
        peer_id: PeerId,
    },
    /// Somebody else is the host of the room now.
    HostChanged {
        /// Who; maybe this player.
        host: PeerId,
    },
    /// All places of the room are taken, so this player has none: leave it.
    Full {
        /// How many can play.
        capacity: u8,
    },
    /// By the room's policy a player is to go: cut them off, or leave if it is this one.
    Kicked {
        /// Who; maybe this player.
        peer_id: PeerId,
        /// Who wanted it.
        by: Vec<PeerId>,
    },
    /// The room's clock jumped ahead, since the others were.
    TicksSkipped {
        /// How many ticks were left out.
        ticks: u32,
    },
}
