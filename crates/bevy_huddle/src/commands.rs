//! The networking commands.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{Channel, DisconnectReason, IceServer, PeerId};

use crate::{
    error::MessageError,
    message::{recipients::Recipients, registry::PeerMessage, transfer::TransferId},
    peer::events::KickFailed,
    receive::apply::peers::{disconnect, remove_peers},
    room::{
        components::Rooms,
        events::SetIceServersFailed,
        extension::extend,
        join::{StartingRoom, join},
        link::RoomLink,
        options::RoomOptions,
        status::RoomStatus,
    },
    send::{
        failures::{report, trigger_failure},
        queue::{send_event, send_raw, send_transfer},
    },
};

/// Adds networking commands to [`Commands`].
///
/// The commands return no errors. [`RoomFailed`](crate::RoomFailed),
/// [`SendFailed`](crate::SendFailed), [`KickFailed`], [`SetIceServersFailed`] and the log report
/// failures.
pub trait HuddleCommandsExt {
    /// Joins a room. Returns the [`EntityCommands`] of the new room entity.
    ///
    /// The plugin connects in the background, and retries automatically unless the room
    /// [fails](crate::RoomFailed). On native, the id of the local peer is available as soon as the
    /// command has run. In a browser, it becomes available within the next frames.
    fn join_room(&mut self, room: impl Into<RoomOptions>) -> EntityCommands<'_>;

    /// Leaves a room. Despawns its peers, then its entity.
    ///
    /// Messages that were sent immediately before this command may not arrive.
    fn leave_room(&mut self, room: Entity);

    /// Leaves all rooms.
    fn leave_rooms(&mut self);

    /// Replaces the STUN and TURN servers of a room. Call it before the credentials of a TURN server
    /// expire, with new ones.
    ///
    /// All links that open from now on use the new servers. Links that use a TURN server are
    /// replaced in the background, without an interruption. [`SetIceServersFailed`] reports servers
    /// that cannot be used, and the room then keeps its previous ones. Does nothing if the room was
    /// left or has failed.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use bevy_huddle::prelude::*;
    ///
    /// fn renew(rooms: Query<Entity, With<Room>>, mut commands: Commands) {
    ///     for room in &rooms {
    ///         let turn = IceServer::turn("turn:play.example.org:3478", "user", "new secret");
    ///         commands.set_ice_servers(room, [turn]);
    ///     }
    /// }
    /// # bevy::ecs::system::assert_is_system(renew);
    /// ```
    fn set_ice_servers(&mut self, room: Entity, servers: impl IntoIterator<Item = IceServer>);

    /// Sets the token of a room for the signaling server, usually after
    /// [`TokenNeeded`](crate::TokenNeeded). The room then connects immediately. If it is connected,
    /// its next connection uses the token. Does nothing if the room was left or has failed.
    ///
    /// The game requests the token from its own server, which knows whether the player may join:
    ///
    /// ```
    /// use bevy::{
    ///     prelude::*,
    ///     tasks::{IoTaskPool, Task, futures::check_ready},
    /// };
    /// use bevy_huddle::prelude::*;
    ///
    /// #[derive(Component)]
    /// struct TokenRequest(Task<String>);
    ///
    /// /// Requests a token from the game's server.
    /// async fn request_token() -> String {
    ///     // Use an HTTP client here.
    /// #   String::new()
    /// }
    ///
    /// fn on_token_needed(needed: On<TokenNeeded>, mut commands: Commands) {
    ///     let request = IoTaskPool::get().spawn(request_token());
    ///     commands.entity(needed.entity).insert(TokenRequest(request));
    /// }
    ///
    /// fn receive_token(mut rooms: Query<(Entity, &mut TokenRequest)>, mut commands: Commands) {
    ///     for (room, mut request) in &mut rooms {
    ///         if let Some(token) = check_ready(&mut request.0) {
    ///             commands.set_token(room, token);
    ///             commands.entity(room).remove::<TokenRequest>();
    ///         }
    ///     }
    /// }
    /// # App::new().add_observer(on_token_needed).add_systems(Update, receive_token);
    /// ```
    fn set_token(&mut self, room: Entity, token: impl Into<String>);

    /// Sends an event to every other peer. Declare its type with
    /// [`add_peer_event`](crate::HuddleAppExt::add_peer_event).
    fn broadcast<T: PeerMessage>(&mut self, message: T);

    /// Sends an event to one or more recipients. Declare its type with
    /// [`add_peer_event`](crate::HuddleAppExt::add_peer_event).
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use bevy_huddle::prelude::*;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Welcome;
    ///
    /// fn on_joined(joined: On<PeerJoined>, mut commands: Commands) {
    ///     commands.send_to(joined.peer_id, Welcome);
    /// }
    /// # App::new().add_observer(on_joined);
    /// ```
    fn send_to<T: PeerMessage>(&mut self, recipients: impl Into<Recipients>, message: T);

    /// Closes the link to a peer, so that neither player receives anything from the other.
    ///
    /// The peer stays connected to the other peers in the room. To remove a player from the whole
    /// room, use [`kick_peer`](Self::kick_peer).
    fn disconnect_peer(&mut self, peer_id: PeerId);

    /// Requests to kick a player from the room.
    ///
    /// The [`RoomOptions::kick_policy`] of the room decides whether the request is an order or a
    /// vote. [`KickFailed`] reports a request that is not allowed. Without a room,
    /// [`SendFailed`](crate::SendFailed) reports the request.
    fn kick_peer(&mut self, peer_id: PeerId);

    /// Sends a large block of bytes in the background, such as a map, a picture or a replay.
    ///
    /// A complete transfer triggers [`TransferReceived`](crate::TransferReceived) on the
    /// recipient's machine and [`TransferDelivered`](crate::TransferDelivered) on this one. Both
    /// contain the label, which has at most 128 bytes. The local peer is never a recipient.
    /// [`AcceptedTransfers`](crate::AcceptedTransfers) limits the length that a recipient accepts.
    ///
    /// Returns the id that the events of this transfer contain. The id is valid immediately. If the
    /// transfer cannot be offered to a recipient, [`SendFailed`](crate::SendFailed) reports that
    /// with the same id.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use bevy_huddle::{TransferId, prelude::*};
    ///
    /// #[derive(Resource)]
    /// struct Upload(TransferId);
    ///
    /// fn send_map(mut commands: Commands) {
    ///     let id = commands.send_transfer(Recipients::Others, "map", vec![7; 300_000]);
    ///     commands.insert_resource(Upload(id));
    /// }
    ///
    /// fn on_escape(upload: Res<Upload>, mut commands: Commands) {
    ///     commands.cancel_transfer(upload.0);
    /// }
    /// # bevy::ecs::system::assert_is_system(send_map);
    /// # bevy::ecs::system::assert_is_system(on_escape);
    /// ```
    fn send_transfer(
        &mut self,
        recipients: impl Into<Recipients>,
        label: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> TransferId;

    /// Cancels an incoming or outgoing transfer, even if no peer has accepted it yet. A transfer to
    /// several peers is cancelled for each of them.
    ///
    /// [`TransferFailed`](crate::TransferFailed) is triggered here, and on the other machine if the
    /// transfer had started there. Does nothing if the id is unknown or the transfer has ended.
    fn cancel_transfer(&mut self, id: TransferId);

    /// Sends bytes unchanged to a [matchbox client](crate::Peer::is_matchbox_client) over one of
    /// the link's channels.
    ///
    /// [`Channel::State`] is unreliable and unordered. The other channels are reliable and ordered.
    /// The length is limited to 16 000 bytes, and the first byte must not be 0xFF.
    /// [`RawReceived`](crate::RawReceived) contains the bytes that the client sends.
    fn send_raw(&mut self, peer_id: PeerId, channel: Channel, bytes: impl Into<Bytes>);
}

impl HuddleCommandsExt for Commands<'_, '_> {
    fn join_room(&mut self, room: impl Into<RoomOptions>) -> EntityCommands<'_> {
        let options = room.into();
        let mut room = self.spawn_empty();
        room.queue(move |entity: EntityWorldMut| join(entity, options));
        room
    }

    fn leave_room(&mut self, room: Entity) {
        self.queue(move |world: &mut World| leave(world, room));
    }

    fn leave_rooms(&mut self) {
        self.queue(|world: &mut World| {
            let rooms: Vec<_> = world
                .query_filtered::<Entity, With<RoomStatus>>()
                .iter(world)
                .collect();
            for room in rooms {
                leave(world, room);
            }
        });
    }

    fn set_ice_servers(&mut self, room: Entity, servers: impl IntoIterator<Item = IceServer>) {
        let servers = servers.into_iter().collect();
        self.queue(move |world: &mut World| set_ice_servers(world, room, servers));
    }

    fn set_token(&mut self, room: Entity, token: impl Into<String>) {
        let token = token.into();
        self.queue(move |world: &mut World| set_token(world, room, token));
    }

    fn broadcast<T: PeerMessage>(&mut self, message: T) {
        self.send_to(Recipients::Others, message);
    }

    fn send_to<T: PeerMessage>(&mut self, recipients: impl Into<Recipients>, message: T) {
        let to = recipients.into();
        self.queue(move |world: &mut World| send_event(world, &to, &message));
    }

    fn disconnect_peer(&mut self, peer_id: PeerId) {
        self.queue(move |world: &mut World| {
            for room in rooms(world) {
                disconnect(world, room, peer_id, DisconnectReason::DisconnectedLocally);
            }
        });
    }

    fn kick_peer(&mut self, peer_id: PeerId) {
        self.queue(move |world: &mut World| kick(world, peer_id));
    }

    fn send_transfer(
        &mut self,
        recipients: impl Into<Recipients>,
        label: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> TransferId {
        let id = TransferId::next();
        let (to, label, bytes) = (recipients.into(), label.into(), bytes.into());
        self.queue(move |world: &mut World| send_transfer(world, id, &to, &label, &bytes));
        id
    }

    fn cancel_transfer(&mut self, id: TransferId) {
        self.queue(move |world: &mut World| {
            let mut was_unfinished = false;
            for room in rooms(world) {
                if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                    was_unfinished |= link.cancel_transfer(id);
                }
            }
            if !was_unfinished {
                log::debug!("{id} is unknown or has ended, so there is nothing to cancel");
            }
        });
    }

    fn send_raw(&mut self, peer_id: PeerId, channel: Channel, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.queue(move |world: &mut World| {
            let rooms = rooms(world);
            send_raw(world, &rooms, peer_id, channel, bytes);
        });
    }
}

/// Returns the rooms that have not failed.
fn rooms(world: &World) -> Vec<Entity> {
    let rooms = world.get_resource::<Rooms>().map(|rooms| rooms.to_vec());
    rooms.unwrap_or_default()
}

/// Requests to kick a peer from its room, or from the first room if it is in none.
fn kick(world: &mut World, peer_id: PeerId) {
    let rooms = rooms(world);
    let is_in = |room: &Entity| {
        let link = world.get::<RoomLink>(*room);
        link.is_some_and(|link| link.peers.entity(peer_id).is_some())
    };
    let Some(room) = rooms.iter().copied().find(is_in).or(rooms.first().copied()) else {
        return report(
            world,
            "kick request",
            Some(peer_id),
            None,
            MessageError::NoRoom,
        );
    };
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if let Err(error) = link.session.request_kick(peer_id) {
        log::warn!("{peer_id} cannot be kicked: {error}");
        let failed = KickFailed {
            entity: room,
            peer_id,
            error,
        };
        trigger_failure(world, failed);
    }
}

/// Replaces the ICE servers of a room, even if its local peer has no id yet.
fn set_ice_servers(world: &mut World, room: Entity, servers: Vec<IceServer>) {
    let result = if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.set_ice_servers(servers)
    } else if let Some(mut starting) = world.get_mut::<StartingRoom>(room) {
        starting.set_ice_servers(servers)
    } else {
        return log::debug!("{room} is not a room in use, so its ICE servers do not matter");
    };
    if let Err(error) = result {
        log::warn!("the room keeps its STUN and TURN servers: {error}");
        let failed = SetIceServersFailed {
            entity: room,
            error,
        };
        trigger_failure(world, failed);
    }
}

/// Sets the token of a room, even if its local peer has no id yet.
fn set_token(world: &mut World, room: Entity, token: String) {
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.set_token(token);
    } else if let Some(mut starting) = world.get_mut::<StartingRoom>(room) {
        starting.set_token(token);
    } else {
        log::debug!("{room} is not a room in use, so it needs no token");
    }
}

fn leave(world: &mut World, room: Entity) {
    if world.get::<RoomStatus>(room).is_none() {
        return log::debug!("{room} is not a room, so there is nothing to leave");
    }
    extend(world, |extension, world| (extension.leaving)(world, room));
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        // Send before the peers are removed, because afterwards there is no recipient.
        link.send_events();
    }
    remove_peers(world, room, DisconnectReason::DisconnectedLocally);
    if let Ok(room) = world.get_entity_mut(room) {
        room.despawn();
    }
}
