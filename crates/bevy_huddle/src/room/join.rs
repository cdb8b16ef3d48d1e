//! Joins a room: adds the components of a room, such as its link, to the room entity.

use bevy::prelude::*;
use huddle_mesh::{IceServer, PeerId, RoomConfig, RoomError, RoomEvent, RoomUrl};
use huddle_session::{RoomSession, RoomSetup, TickRate, TickRateError};

#[cfg(feature = "testing")]
use crate::connector::Connector;
use crate::{
    conditioner::settings::LinkConditioner,
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

/// A failure to join that the next frame reports.
#[derive(Component)]
pub(crate) struct FailedJoin(pub(crate) JoinError);

/// A room whose transport does not have the id of the local peer yet. The id is derived from a
/// certificate, which browsers create asynchronously.
#[derive(Component)]
pub(crate) struct StartingRoom {
    transport: Box<dyn Transport>,
    url: RoomUrl,
    rate: TickRate,
    kinds: MessageKinds,
    conditioner: Option<LinkConditioner>,
    setup: Box<dyn FnOnce(PeerId, u64) -> RoomSetup + Send + Sync>,
}

impl StartingRoom {
    /// Replaces the STUN and TURN servers for later links. An error keeps the previous ones.
    pub(crate) fn set_ice_servers(&mut self, servers: Vec<IceServer>) -> Result<(), RoomError> {
        self.transport.set_ice_servers(servers)
    }

    /// Sets the token for the signaling server.
    pub(crate) fn set_token(&mut self, token: String) {
        self.transport.set_token(token);
    }
}

/// Joins a room and inserts its components, or [`StartingRoom`], or [`FailedJoin`].
pub(crate) fn join(mut room: EntityWorldMut, options: RoomOptions) {
    if room.get_resource::<Rooms>().is_none() {
        log::error!("rooms do not work without the plugins: add `HuddlePlugins` to the app");
    }
    match connect(options, room.world()) {
        Ok(starting) => match starting.transport.local_id() {
            Some(local_id) => enter(room, starting, local_id),
            None => drop(room.insert((RoomStatus::Joining, starting))),
        },
        Err(error) => {
            room.insert((RoomStatus::Joining, FailedJoin(error)));
        }
    }
}

/// Enters the rooms whose transport has obtained the id of the local peer.
pub(crate) fn enter_started(
    world: &mut World,
    starting: &mut QueryState<(Entity, &mut StartingRoom)>,
) {
    let mut started = Vec::new();
    for (room, mut starting) in starting.iter_mut(world) {
        // The room's link polls the events of a transport that has an id.
        if starting.transport.local_id().is_some() {
            started.push((room, None));
        } else if let Some(RoomEvent::Failed(error)) = starting.transport.poll() {
            started.push((room, Some(error)));
        }
    }
    for (room, failure) in started {
        let Ok(mut room) = world.get_entity_mut(room) else {
            continue;
        };
        let Some(starting) = room.take::<StartingRoom>() else {
            continue;
        };
        match (failure, starting.transport.local_id()) {
            (Some(error), _) => drop(room.insert(FailedJoin(error.into()))),
            (None, Some(local_id)) => enter(room, starting, local_id),
            (None, None) => drop(room.insert(starting)),
        }
    }
}

/// Inserts the components of a room whose local peer has an id.
fn enter(mut room: EntityWorldMut, starting: StartingRoom, local_id: PeerId) {
    let StartingRoom {
        mut transport,
        url,
        rate,
        kinds,
        conditioner,
        setup,
    } = starting;
    let seed = transport.seed();
    let session = match RoomSession::new(setup(local_id, seed)) {
        Ok(session) => session,
        Err(error) => {
            transport.leave();
            room.insert((RoomStatus::Joining, FailedJoin(error.into())));
            return;
        }
    };
    // Another number from the same source of chance, by Fibonacci hashing.
    let first_entity = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
    let link = RoomLink::new(
        transport,
        local_id,
        session,
        kinds,
        rate.period(),
        first_entity,
    );
    let entity = room.id();
    log::info!("joining {url} as {local_id}");
    let host = RoomHost(link.session.host());
    // Add the room before inserting the components, whose observers may despawn it.
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

/// Spawns the entity of the local peer.
fn spawn_local_peer(world: &mut World, room: Entity) {
    // Observers of the room's components may have left it.
    let Some(local_id) = world.get::<RoomLink>(room).map(RoomLink::local_id) else {
        return;
    };
    // Store the entity in the link first, because observers of its components may despawn it.
    let entity = world.spawn_empty().id();
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.local_peer = Some(entity);
    }
    let peer = Peer {
        id: local_id,
        is_matchbox_client: false,
    };
    // Insert the relationship first. Bevy completes it with a command, which would fail if an
    // observer of the other components despawned the room.
    world.entity_mut(entity).insert(PeerOf(room));
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert((peer, LocalPeer));
    }
}

/// Checks the options and opens the transport.
fn connect(options: RoomOptions, world: &World) -> Result<StartingRoom, JoinError> {
    let (policy, capacity, join_data) = (
        options.kick_policy,
        options.capacity,
        options.join_data.clone(),
    );
    let conditioner = options.conditioner;
    if let Some(conditioner) = conditioner {
        conditioner.validate()?;
    }
    let config = options.into_config()?;
    let url = config.url.clone();
    if is_joined(world, &url) {
        return Err(JoinError::AlreadyJoined { url });
    }
    let rate = tick_rate(world)?;
    let game = world.get_resource::<GameId>().cloned().unwrap_or_default();
    let kinds = world.get_resource::<MessageKinds>();
    let kinds = kinds.cloned().unwrap_or_default();
    let declared = kinds.kinds.clone();
    let limits = world.get_resource::<AcceptedTransfers>();
    let limits = limits.copied().unwrap_or_default().0;
    Ok(StartingRoom {
        transport: join_transport(config, world)?,
        url,
        rate,
        kinds,
        conditioner,
        setup: Box::new(move |local_id, seed| RoomSetup {
            local_id,
            game: game.0,
            rate,
            kinds: declared,
            policy,
            capacity,
            join_data,
            limits,
            seed,
        }),
    })
}

/// Joins with the mesh, or with the virtual network of the tests.
#[cfg_attr(not(feature = "testing"), expect(unused_variables))]
fn join_transport(config: RoomConfig, world: &World) -> Result<Box<dyn Transport>, RoomError> {
    #[cfg(feature = "testing")]
    if let Some(Connector(join)) = world.get_resource::<Connector>() {
        return Ok(join(&config));
    }
    Ok(Box::new(huddle_mesh::Room::join(config)?))
}

/// Returns whether the app is already in the room. If it joined again, it would become its own
/// peer.
fn is_joined(world: &World, url: &RoomUrl) -> bool {
    let is_starting = world
        .try_query::<&StartingRoom>()
        .is_some_and(|mut starting| starting.iter(world).any(|room| room.url == *url));
    let rooms = world.get_resource::<Rooms>();
    is_starting
        || rooms.is_some_and(|rooms| {
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
