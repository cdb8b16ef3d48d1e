//! The ids of the players.

use huddle_session::PeerId;

pub(super) fn peer_id(player: usize) -> PeerId {
    PeerId::from_u128(player as u128 + 1)
}

pub(super) fn player_of(peer: PeerId) -> usize {
    peer.as_u128() as usize - 1
}
