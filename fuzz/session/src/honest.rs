//! What honest players are.

use std::{sync::OnceLock, time::Duration};

use huddle_session::{
    Delivery, KickPolicy, Kinds, Lane, OwnStates, PeerId, RoomSession, RoomSetup, Schema, TickRate,
};

/// The game of all honest players.
pub(crate) const GAME: &str = "fuzz";

pub(crate) fn peer_id(player: usize) -> PeerId {
    PeerId::from_u128(player as u128 + 1)
}

/// An honest player's room.
pub(crate) fn room(player: usize) -> RoomSession {
    room_for(player, None)
}

/// An honest player's room, for so many.
pub(crate) fn room_for(player: usize, capacity: Option<u8>) -> RoomSession {
    let mut kinds = Kinds::default();
    let kind = [
        ("splash", Delivery::Event),
        ("pose", Delivery::State),
        ("tail", Delivery::State),
    ];
    for (name, delivery) in kind {
        kinds
            .declare(name, delivery, Schema::opaque())
            .expect("a name of its own");
    }
    RoomSession::new(RoomSetup {
        rate: TickRate::from_hz(20.0).expect("a rate"),
        policy: KickPolicy::Majority,
        capacity,
        seed: player as u64 + 100,
        ..RoomSetup::new(peer_id(player), GAME, kinds)
    })
    .expect("a setup that is right")
}

/// Of a hello that is of the right game.
pub(crate) fn nonce_of(message: &[u8]) -> Option<u64> {
    let nonce = message.strip_prefix(b"\x01HUDL")?.get(7..15)?;
    nonce.try_into().ok().map(u64::from_le_bytes)
}

/// The hash of what honest players declare.
pub(crate) fn kinds_hash() -> u64 {
    static HASH: OnceLock<u64> = OnceLock::new();
    *HASH.get_or_init(|| {
        let mut room = room(0);
        room.link_opened(peer_id(1), Duration::ZERO);
        let hello = room
            .collect(
                peer_id(1),
                Lane::Events,
                Duration::ZERO,
                &OwnStates::default(),
                60_000,
            )
            .expect("a hello");
        u64::from_le_bytes(hello[24..32].try_into().expect("8 bytes"))
    })
}
