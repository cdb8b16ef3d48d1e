//! Reads and changes the players' worlds.

use std::ops::{Index, IndexMut};

use bevy::prelude::*;
use huddle_mesh::PeerId;

use crate::{
    peer::components::{Peer, RoomPeers},
    room::components::{Room, Rooms},
    testing::lab::{Lab, Player},
};

/// The events that [`Lab::record`] has collected.
#[derive(Resource)]
struct Recorded<E: Send + Sync + 'static>(Vec<E>);

impl Lab {
    /// Returns a player's app.
    ///
    /// # Panics
    /// Panics if the player was killed.
    #[track_caller]
    pub fn app(&self, player: Player) -> &App {
        let app = self.slots[player.0].app.as_ref();
        app.expect("this player was killed: call `rejoin` first")
    }

    /// Returns a player's app for changes.
    ///
    /// # Panics
    /// Panics if the player was killed.
    #[track_caller]
    pub fn app_mut(&mut self, player: Player) -> &mut App {
        let app = self.slots[player.0].app.as_mut();
        app.expect("this player was killed: call `rejoin` first")
    }

    /// Runs commands in a player's world between two frames.
    #[track_caller]
    pub fn commands(&mut self, player: Player, f: impl FnOnce(&mut Commands)) {
        let world = self.app_mut(player).world_mut();
        f(&mut world.commands());
        world.flush();
    }

    /// Returns the id of a player in the room that it joined last.
    ///
    /// # Panics
    /// Panics if the player is not in a room.
    #[track_caller]
    pub fn peer_id(&self, player: Player) -> PeerId {
        self.joined(player).1.local_id
    }

    /// Returns the entity of the room that a player joined last.
    ///
    /// # Panics
    /// Panics if the player is not in a room.
    #[track_caller]
    pub fn room(&self, player: Player) -> Entity {
        self.joined(player).0
    }

    /// Returns the entity of `other` in the world of `viewer`.
    ///
    /// # Panics
    /// Panics if the players are not linked.
    #[track_caller]
    pub fn peer(&self, viewer: Player, other: Player) -> Entity {
        let peer = self.find_peer(viewer, other);
        peer.expect("the players are not linked: call `run_until` and `have_met` first")
    }

    /// Returns the entity of `other` in the world of `viewer`, if they are linked.
    pub fn find_peer(&self, viewer: Player, other: Player) -> Option<Entity> {
        let world = self.slots[viewer.0].app.as_ref()?.world();
        let other = self.newest_room(other)?.1.local_id;
        let rooms = world.get_resource::<Rooms>()?;
        let peers = rooms
            .iter()
            .filter_map(|&room| world.get::<RoomPeers>(room));
        peers
            .flat_map(|peers| peers.entities())
            .copied()
            .find(|&entity| {
                world
                    .get::<Peer>(entity)
                    .is_some_and(|peer| peer.id == other)
            })
    }

    /// Returns whether each of these players has a peer entity for each of the others.
    ///
    /// They may still see different hosts, and replicated values may not have arrived.
    pub fn have_met(&self, players: &[Player]) -> bool {
        players.iter().all(|&viewer| {
            players
                .iter()
                .all(|&other| viewer == other || self.find_peer(viewer, other).is_some())
        })
    }

    /// Returns a component that `viewer` sees on the peer entity of `other`.
    pub fn seen<C: Component>(&self, viewer: Player, other: Player) -> Option<&C> {
        let entity = self.find_peer(viewer, other)?;
        self.app(viewer).world().get::<C>(entity)
    }

    /// Records all events of this type in every player's world from now on.
    /// [`take_events`](Self::take_events) returns them.
    pub fn record<E: Event<Trigger<'static>: Default> + Clone + Send + Sync>(&mut self) {
        let recorder = |app: &mut App| {
            app.insert_resource(Recorded::<E>(Vec::new())).add_observer(
                |event: On<E>, mut recorded: ResMut<Recorded<E>>| {
                    recorded.0.push(event.event().clone());
                },
            );
        };
        self.recorders.push(recorder);
        self.slots
            .iter_mut()
            .filter_map(|slot| slot.app.as_mut())
            .for_each(recorder);
    }

    /// Returns the events [recorded](Self::record) in a player's world since the last call.
    ///
    /// # Panics
    /// Panics if events of this type are not recorded.
    #[track_caller]
    pub fn take_events<E: Event + Send + Sync>(&mut self, player: Player) -> Vec<E> {
        let recorded = self
            .app_mut(player)
            .world_mut()
            .get_resource_mut::<Recorded<E>>();
        std::mem::take(
            &mut recorded
                .expect("call `lab.record::<E>()` before these events are triggered")
                .0,
        )
    }

    #[track_caller]
    pub(super) fn joined(&self, player: Player) -> (Entity, &Room) {
        let room = self.newest_room(player);
        room.expect("this player is in no room: it was killed, has left, or failed to join")
    }

    pub(super) fn newest_room(&self, player: Player) -> Option<(Entity, &Room)> {
        let world = self.slots[player.0].app.as_ref()?.world();
        let &room = world.get_resource::<Rooms>()?.last()?;
        Some((room, world.get::<Room>(room)?))
    }

    #[track_caller]
    pub(super) fn room_url(&self, player: Player) -> String {
        self.joined(player).1.url.to_string()
    }

    /// Returns the virtual network, so that a test can inject events that a well-behaved network
    /// would not report.
    #[cfg(test)]
    pub(crate) fn virtual_network(&self) -> &crate::testing::transport::SharedNetwork {
        &self.network
    }
}

impl Index<Player> for Lab {
    type Output = App;

    #[track_caller]
    fn index(&self, player: Player) -> &App {
        self.app(player)
    }
}

impl IndexMut<Player> for Lab {
    #[track_caller]
    fn index_mut(&mut self, player: Player) -> &mut App {
        self.app_mut(player)
    }
}
