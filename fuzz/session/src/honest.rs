//! The honest peers of all scenarios.

use std::{sync::OnceLock, time::Duration};

use huddle_session::{
    Delivery, KickPolicy, Kinds, Lane, PeerId, RoomSession, RoomSetup, Schema, TickRate,
};

/// The game id of all honest peers.
pub(crate) const GAME: &str = "fuzz";

pub(crate) fn peer_id(player: usize) -> PeerId {
    PeerId::from_u128(player as u128 + 1)
}

/// Creates the room of an honest peer.
pub(crate) fn room(player: usize) -> RoomSession {
    room_for(player, None)
}

/// Creates the room of an honest peer, with a capacity.
pub(crate) fn room_for(player: usize, capacity: Option<u8>) -> RoomSession {
    let mut kinds = Kinds::default();
    let kind = [
        ("splash", Delivery::Event),
        ("pose", Delivery::Component),
        ("tail", Delivery::Component),
    ];
    for (name, delivery) in kind {
        kinds
            .declare(name, delivery, Schema::opaque())
            .expect("a unique name");
    }
    RoomSession::new(RoomSetup {
        rate: TickRate::from_hz(20.0).expect("a valid rate"),
        policy: KickPolicy::Majority,
        capacity,
        seed: player as u64 + 100,
        ..RoomSetup::new(peer_id(player), GAME, kinds)
    })
    .expect("a valid setup")
}

/// Returns the nonce if the message is a hello of the honest peers' game.
pub(crate) fn nonce_of(message: &[u8]) -> Option<u64> {
    let nonce = message.strip_prefix(b"\x01HUDL")?.get(7..15)?;
    nonce.try_into().ok().map(u64::from_le_bytes)
}

/// Returns the hash of the kinds that honest peers declare.
pub(crate) fn kinds_hash() -> u64 {
    static HASH: OnceLock<u64> = OnceLock::new();
    *HASH.get_or_init(|| {
        let mut room = room(0);
        room.link_opened(peer_id(1), Duration::ZERO);
        let hello = room
            .collect(peer_id(1), Lane::Events, Duration::ZERO, 60_000)
            .expect("a hello");
        u64::from_le_bytes(hello[24..32].try_into().expect("8 bytes"))
    })
}
