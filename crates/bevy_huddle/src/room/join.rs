//! Joins a room: turns [`RoomOptions`] into a room entity with its link.

use bevy::prelude::*;
use huddle_mesh::{RoomConfig, RoomError, RoomUrl};
use huddle_session::{RoomSession, RoomSetup, TickRate, TickRateError};

#[cfg(feature = "testing")]
use crate::connector::Connector;
use crate::{
    error::JoinError,
    message::{registry::MessageKinds, transfer::AcceptedTransfers},
    peer::components::{LocalPeer, Peer, PeerOf},
    room::{
        components::{Room, RoomHost, Rooms},
        link::RoomLink,
        options::{GameId, RoomOptions},
        status::RoomStatus,
    },
    transport::Transport,
};

/// An immediate failure to join. The next frame reports it.
#[derive(Component)]
pub(crate) struct FailedJoin(pub(crate) JoinError);

/// Joins a room and inserts its components, or [`FailedJoin`].
pub(crate) fn join(mut room: EntityWorldMut, options: RoomOptions) {
    if room.get_resource::<Rooms>().is_none() {
        log::error!("a room does nothing without the plugins: add `HuddlePlugins` to the app");
    }
    let conditioner = options.conditioner;
    match connect(options, room.world()) {
        Ok((url, link)) => {
            let (entity, local_id) = (room.id(), link.local_id());
            log::info!("joining {url} as {local_id}");
            let host = RoomHost(link.session.host());
            // Before the insertion, because observers of the components may despawn the room.
            if let Some(mut rooms) = room.get_resource_mut::<Rooms>() {
                rooms.push(entity);
            }
            let joined = (RoomStatus::Joining, Room { url, local_id }, host, link);
            match conditioner {
                Some(conditioner) => room.insert((joined, conditioner)),
                None => room.insert(joined),
            };
            room.world_scope(|world| spawn_local_peer(world, entity));
        }
        Err(error) => {
            room.insert((RoomStatus::Joining, FailedJoin(error)));
        }
    }
}

/// Spawns the entity of the local peer.
fn spawn_local_peer(world: &mut World, room: Entity) {
    // Observers of the room's components may have left it.
    let Some(local_id) = world.get::<RoomLink>(room).map(RoomLink::local_id) else {
        return;
    };
    // The link has the entity before observers of its components can despawn it.
    let entity = world.spawn_empty().id();
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.local_peer = Some(entity);
    }
    let peer = Peer {
        id: local_id,
        is_matchbox_client: false,
    };
    // The relationship first: Bevy completes it with a command, which fails if an observer of the
    // other components despawns the room before.
    world.entity_mut(entity).insert(PeerOf(room));
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert((peer, LocalPeer));
    }
}

/// Opens the transport and creates the session.
fn connect(options: RoomOptions, world: &World) -> Result<(RoomUrl, RoomLink), JoinError> {
    let (kick_policy, capacity, join_data) = (
        options.kick_policy,
        options.capacity,
        options.join_data.clone(),
    );
    if let Some(conditioner) = options.conditioner {
        conditioner.validate()?;
    }
    let config = options.into_config()?;
    let url = config.url.clone();
    if is_joined(world, &url) {
        return Err(JoinError::AlreadyJoined { url });
    }
    let rate = tick_rate(world)?;
    let mut transport = join_transport(config, world)?;
    let game = world.get_resource::<GameId>().cloned().unwrap_or_default();
    let kinds = world.get_resource::<MessageKinds>();
    let kinds = kinds.cloned().unwrap_or_default();
    let limits = world.get_resource::<AcceptedTransfers>();
    let setup = RoomSetup {
        local_id: transport.local_id(),
        game: game.0,
        rate,
        kinds: kinds.kinds.clone(),
        policy: kick_policy,
        capacity,
        join_data,
        limits: limits.copied().unwrap_or_default().0,
        seed: transport.seed(),
    };
    match RoomSession::new(setup) {
        Ok(session) => {
            let link = RoomLink::new(transport, session, kinds, rate.period());
            Ok((url, link))
        }
        Err(error) => {
            transport.leave();
            Err(error.into())
        }
    }
}

/// Joins with the mesh, or with the virtual network of the tests.
#[cfg_attr(not(feature = "testing"), expect(unused_variables))]
fn join_transport(config: RoomConfig, world: &World) -> Result<Box<dyn Transport>, RoomError> {
    #[cfg(feature = "testing")]
    if let Some(Connector(join)) = world.get_resource::<Connector>() {
        return Ok(join(&config.url));
    }
    Ok(Box::new(huddle_mesh::Room::join(config)?))
}

/// Whether this game has joined the room already. It would become its own peer.
fn is_joined(world: &World, url: &RoomUrl) -> bool {
    let rooms = world.get_resource::<Rooms>();
    rooms.is_some_and(|rooms| {
        let mut joined = rooms.iter().filter_map(|&room| world.get::<Room>(room));
        joined.any(|room| room.url == *url)
    })
}

/// Returns the tick rate of the game.
fn tick_rate(world: &World) -> Result<TickRate, TickRateError> {
    match world.get_resource::<Time<Fixed>>() {
        Some(time) => TickRate::from_hz(1.0 / time.timestep().as_secs_f64()),
        None => Ok(TickRate::default()),
    }
}
