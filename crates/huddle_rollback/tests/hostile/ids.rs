//! The ids of the players.

use huddle_session::{PacketInfo, PeerId, Tick};

pub(super) fn peer_id(player: usize) -> PeerId {
    PeerId::from_u128(player as u128 + 1)
}

/// Returns a packet to a player. A rollback session depends on neither its number nor its tick.
pub(super) fn packet_to(player: usize) -> PacketInfo {
    PacketInfo {
        peer: peer_id(player),
        seq: 0,
        tick: Tick(0),
    }
}

pub(super) fn player_of(peer: PeerId) -> usize {
    peer.as_u128() as usize - 1
}
