use bevy::{ecs::system::SystemParam, prelude::*};
use huddle_mesh::PeerId;

use crate::{Peer, Room, RoomState};

/// Who is here, for games that are in one room at a time.
///
/// With several rooms, query the components of the room entities instead.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn show(huddle: Huddle) {
///     if let (Some(me), Some(state)) = (huddle.me(), huddle.state()) {
///         println!("{me} is {state} with {} others", huddle.peers().count());
///     }
/// }
/// # bevy::ecs::system::assert_is_system(show);
/// ```
#[derive(SystemParam)]
pub struct Huddle<'w, 's> {
    rooms: Query<'w, 's, (Entity, &'static RoomState, Option<&'static Room>)>,
    peers: Query<'w, 's, (Entity, &'static Peer)>,
}

impl Huddle<'_, '_> {
    /// This player's id, while in a room that has not failed.
    pub fn me(&self) -> Option<PeerId> {
        let (_, &state, room) = self.current()?;
        room.filter(|_| state != RoomState::Failed)
            .map(|room| room.me)
    }

    /// How the room is doing; `None` without a room.
    pub fn state(&self) -> Option<RoomState> {
        self.current().map(|(_, &state, _)| state)
    }

    /// The room's entity.
    pub fn room(&self) -> Option<Entity> {
        self.current().map(|(entity, ..)| entity)
    }

    /// The other players.
    pub fn peers(&self) -> impl Iterator<Item = (Entity, &Peer)> {
        self.peers.iter()
    }

    /// The entity of another player.
    pub fn peer_entity(&self, peer: PeerId) -> Option<Entity> {
        self.peers()
            .find(|(_, other)| other.id == peer)
            .map(|(entity, _)| entity)
    }

    /// The room that works, else one that has failed.
    fn current(&self) -> Option<(Entity, &RoomState, Option<&Room>)> {
        self.rooms
            .iter()
            .min_by_key(|&(_, &state, _)| state == RoomState::Failed)
    }
}
