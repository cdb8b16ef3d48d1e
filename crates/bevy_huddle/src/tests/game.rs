use std::time::Duration;

use bevy::{prelude::*, time::TimeUpdateStrategy};
use huddle_mesh::{PeerId, RoomEvent};
use serde::{Deserialize, Serialize};

use crate::{
    prelude::*,
    replication::ReplicationAppExt,
    testing::{Conditions, Lab, Player},
};

/// An event that the tests send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Splash(pub(super) u32);

/// An event of any size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Blob(pub(super) Vec<u8>);

/// A component that the tests replicate.
#[derive(Component, Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Pose(pub(super) i32);

/// Declares the messages of these tests and sets the tick rate to the frame rate of the lab.
pub(super) fn game(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(60.0));
    app.add_peer_event::<Splash>("splash")
        .add_peer_event::<Blob>("blob")
        .replicate::<Pose>("pose");
}

/// Returns an app outside the lab and without a room. Each frame runs one tick.
pub(super) fn offline_app() -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins))
        .insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    game(&mut app);
    app
}

/// Returns a lab that records all events.
pub(super) fn lab() -> Lab {
    let mut lab = Lab::new(1);
    lab.record::<PeerJoined>();
    lab.record::<PeerLeft>();
    lab.record::<PeerReconnecting>();
    lab.record::<PeerReconnected>();
    lab.record::<LinkFailed>();
    lab.record::<PeerRefused>();
    lab.record::<PeerKicked>();
    lab.record::<KickFailed>();
    lab.record::<HostChanged>();
    lab.record::<MeshChanged>();
    lab.record::<TicksSkipped>();
    lab.record::<TransferStarted>();
    lab.record::<TransferProgress>();
    lab.record::<TransferReceived>();
    lab.record::<TransferDelivered>();
    lab.record::<TransferFailed>();
    lab.record::<RoomStatusChanged>();
    lab.record::<SignalingChanged>();
    lab.record::<RoomFailed>();
    lab.record::<SendFailed>();
    lab.record::<MessageRejected>();
    lab.record::<SignalRejected>();
    lab.record::<FromPeer<Splash>>();
    lab.record::<FromPeer<Blob>>();
    lab.record::<Undelivered<Splash>>();
    lab
}

/// Returns players who have met on a perfect network.
pub(super) fn meet<const N: usize>() -> (Lab, [Player; N]) {
    let mut lab = lab();
    let players = std::array::from_fn(|_| lab.player(game));
    lab.run_until(|lab| lab.have_met(&players));
    (lab, players)
}

/// Returns the conditions of a network with latency, jitter and loss.
pub(super) fn bad_network() -> Conditions {
    Conditions {
        latency: Duration::from_millis(60),
        jitter: Duration::from_millis(40),
        loss: 0.1,
        duplicate: 0.05,
        reorder: 0.05,
        bandwidth: None,
    }
}

pub(super) trait LabExt {
    /// Runs long enough for all messages in flight to arrive.
    fn settle(&mut self);
    /// Returns a component in a player's world.
    fn get<C: Component>(&self, player: Player, entity: Entity) -> Option<&C>;
    fn status(&self, player: Player) -> RoomStatus;
    /// Returns the splashes received since the last call, with their senders.
    fn splashes(&mut self, player: Player) -> Vec<(PeerId, u32)>;
    /// Sets the pose of a player.
    fn pose(&mut self, player: Player, pose: i32);
    fn pose_of(&self, viewer: Player, other: Player) -> Option<i32>;
    /// Reports to a player an event that a well-behaved network would not report.
    fn inject(&self, player: Player, event: RoomEvent);
}

impl LabExt for Lab {
    fn settle(&mut self) {
        self.run_for(Duration::from_millis(200));
    }

    fn get<C: Component>(&self, player: Player, entity: Entity) -> Option<&C> {
        self[player].world().get::<C>(entity)
    }

    fn status(&self, player: Player) -> RoomStatus {
        *self
            .get::<RoomStatus>(player, self.room(player))
            .expect("the room has a status")
    }

    fn splashes(&mut self, player: Player) -> Vec<(PeerId, u32)> {
        let splashes = self.take_events::<FromPeer<Splash>>(player);
        splashes
            .iter()
            .map(|splash| (splash.peer_id, splash.message.0))
            .collect()
    }

    fn pose(&mut self, player: Player, pose: i32) {
        self.commands(player, |commands| set_pose(commands, pose));
    }

    fn pose_of(&self, viewer: Player, other: Player) -> Option<i32> {
        self.seen::<Pose>(viewer, other).map(|pose| pose.0)
    }

    fn inject(&self, player: Player, event: RoomEvent) {
        let local_id = self.peer_id(player);
        self.virtual_network().lock().inject(local_id, event);
    }
}

/// Sets the pose of the local player in every room.
pub(super) fn set_pose(commands: &mut Commands, pose: i32) {
    commands.queue(move |world: &mut World| {
        let mut local = world.query_filtered::<Entity, With<LocalPeer>>();
        let local: Vec<_> = local.iter(world).collect();
        for peer in local {
            if let Ok(mut peer) = world.get_entity_mut(peer) {
                peer.insert(Pose(pose));
            }
        }
    });
}
