use bevy::{prelude::*, time::TimeUpdateStrategy};
use huddle_mesh::PeerId;
use serde::{Deserialize, Serialize};

use crate::{join::open, prelude::*};

use super::hub::Hub;

/// An event that tests send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Splash(pub(super) u32);

/// An event of any size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Blob(pub(super) Vec<u8>);

/// State that tests share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Pose(pub(super) i32);

/// An app in one room; each frame runs one tick.
pub(super) struct Player {
    pub(super) app: App,
    pub(super) me: PeerId,
    pub(super) room: Entity,
}

/// All events of a type that were observed.
#[derive(Resource)]
struct Seen<E: Send + Sync + 'static>(Vec<E>);

/// An app with the plugins and the messages of these tests, in no room.
pub(super) fn offline_app() -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins))
        .insert_resource(TimeUpdateStrategy::FixedTimesteps(1))
        .add_peer_event::<Splash>("splash")
        .add_peer_event::<Blob>("blob")
        .add_peer_state::<Pose>("pose");
    record::<PeerJoined>(&mut app);
    record::<PeerLeft>(&mut app);
    record::<PeerSuspected>(&mut app);
    record::<PeerRecovered>(&mut app);
    record::<RoomStateChanged>(&mut app);
    record::<SignalingChanged>(&mut app);
    record::<RoomFailed>(&mut app);
    record::<SendFailed>(&mut app);
    record::<MessageRejected>(&mut app);
    record::<FromPeer<Splash>>(&mut app);
    record::<FromPeer<Blob>>(&mut app);
    app
}

fn record<E: Event<Trigger<'static>: Default> + Clone>(app: &mut App) {
    app.insert_resource(Seen::<E>(Vec::new()));
    app.add_observer(|event: On<E>, mut seen: ResMut<Seen<E>>| seen.0.push(event.event().clone()));
}

/// What was observed in an app since it was last asked.
pub(super) fn seen<E: Event + Clone>(app: &mut App) -> Vec<E> {
    std::mem::take(&mut app.world_mut().resource_mut::<Seen<E>>().0)
}

impl Player {
    /// A player who has joined; what comes of it is seen in the next frame.
    pub(super) fn join(hub: &Hub) -> Self {
        let mut player = Self {
            app: offline_app(),
            me: PeerId(uuid::Uuid::nil()),
            room: Entity::PLACEHOLDER,
        };
        player.join_again(hub);
        player
    }

    /// Joins with the same app.
    pub(super) fn join_again(&mut self, hub: &Hub) {
        let room = self.app.world_mut().spawn(RoomState::Joining);
        self.room = room.id();
        let url = "ws://memory/room".parse().expect("a room's address");
        open(room, url, Box::new(hub.join()));
        self.me = self.get::<Room>(self.room).expect("a room").me;
    }

    /// Players who have all met.
    pub(super) fn join_all<const N: usize>(hub: &Hub) -> [Self; N] {
        let mut players = std::array::from_fn(|_| Self::join(hub));
        frames(&mut players, 1);
        players
    }

    /// Runs commands.
    pub(super) fn command(&mut self, f: impl FnOnce(&mut Commands)) {
        f(&mut self.app.world_mut().commands());
        self.app.world_mut().flush();
    }

    /// What was observed since it was last asked.
    pub(super) fn seen<E: Event + Clone>(&mut self) -> Vec<E> {
        seen(&mut self.app)
    }

    pub(super) fn get<C: Component>(&self, entity: Entity) -> Option<&C> {
        self.app.world().get::<C>(entity)
    }

    pub(super) fn state(&self) -> RoomState {
        *self.get::<RoomState>(self.room).expect("a room")
    }

    /// The entity of another player.
    pub(super) fn peer(&mut self, id: PeerId) -> Option<Entity> {
        let mut peers = self.app.world_mut().query::<(Entity, &Peer)>();
        let found = peers.iter(self.app.world()).find(|(_, peer)| peer.id == id);
        found.map(|(entity, _)| entity)
    }

    /// The latest pose of another player.
    pub(super) fn pose_of(&mut self, id: PeerId) -> Option<i32> {
        let entity = self.peer(id)?;
        self.get::<Shared<Pose>>(entity).map(|pose| pose.0.0)
    }

    /// The splashes observed since it was last asked, with who sent them.
    pub(super) fn splashes(&mut self) -> Vec<(PeerId, u32)> {
        let splashes = self.seen::<FromPeer<Splash>>();
        splashes
            .iter()
            .map(|splash| (splash.peer, splash.message.0))
            .collect()
    }
}

/// Runs frames of all players in turn.
pub(super) fn frames(players: &mut [Player], count: usize) {
    for _ in 0..count {
        for player in &mut *players {
            player.app.update();
        }
    }
}
