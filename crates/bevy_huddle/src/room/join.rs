use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{IceServer, PeerId, RoomConfig, RoomError, RoomUrl, RoomUrlError};
use huddle_session::{RemovalPolicy, RoomSession, RoomSetup, SetupError, TickRate, TickRateError};
use thiserror::Error;

use crate::{
    app::GameId,
    message::{registry::MessageKinds, transfer::AcceptedTransfers},
    room::{
        components::{Room, RoomHost, RoomState, Rooms},
        link::RoomLink,
    },
    transport::Connector,
};

/// Which room to join, and how.
///
/// A text is enough for the common case; the builder adds STUN and TURN servers:
///
/// ```
/// use bevy_huddle::prelude::*;
///
/// let simple: JoinRoom = "ws://localhost:3536/my-game".into();
/// let behind_routers = JoinRoom::new("wss://example.org/my-game")
///     .ice_server(IceServer::stun("stun:stun.example.org:3478"))
///     .ice_server(IceServer::turn("turn:turn.example.org:3478", "user", "secret"));
/// let hidden = behind_routers.clone().relay_only();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRoom {
    url: String,
    ice_servers: Vec<IceServer>,
    relay_only: bool,
    removal: RemovalPolicy,
    capacity: Option<u8>,
    admission: Bytes,
}

/// Why a room cannot be joined, or not be used any more.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum JoinError {
    /// The room's address is wrong.
    #[error(transparent)]
    Url(#[from] RoomUrlError),
    /// The room, the server or this machine refuses.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The game says something of itself that peers cannot be told.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The game's tick rate is out of range.
    #[error(transparent)]
    TickRate(#[from] TickRateError),
    /// This game is in the room already.
    #[error(
        "this game is in the room {url} already: leave it first, or use the room entity that `join_room` returned"
    )]
    AlreadyJoined {
        /// The room's address.
        url: RoomUrl,
    },
    /// All places of the room are taken: see [`JoinRoom::capacity`].
    #[error(
        "the room is full: {capacity} of {capacity} play already; try again later, or join another room"
    )]
    Full {
        /// How many can play.
        capacity: u8,
    },
    /// This player was removed from the room, by its [`RemovalPolicy`].
    #[error("this player was removed from the room by {}", names(by))]
    Removed {
        /// Who wanted it.
        by: Vec<PeerId>,
    },
}

/// A join that failed at once; reported when the next frame's events are.
#[derive(Component)]
pub(crate) struct FailedJoin(pub(crate) JoinError);

impl JoinRoom {
    /// The room at `url`, such as `ws://localhost:3536/my-game`; `?next=2` after it groups players
    /// by two.
    ///
    /// The address is checked when the room is joined: [`RoomFailed`](crate::RoomFailed) says what
    /// is wrong with it.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ice_servers: Vec::new(),
            relay_only: false,
            removal: RemovalPolicy::default(),
            capacity: None,
            admission: Bytes::new(),
        }
    }

    /// Adds a STUN or TURN server.
    #[must_use]
    pub fn ice_server(mut self, server: IceServer) -> Self {
        self.ice_servers.push(server);
        self
    }

    /// Never shows this player's address to others: everything goes over a TURN server, of which
    /// at least one is needed.
    #[must_use]
    pub fn relay_only(mut self) -> Self {
        self.relay_only = true;
        self
    }

    /// Says who may remove players from the room: nobody, unless this is called. Players meet only
    /// if they say the same.
    #[must_use]
    pub fn removal(mut self, policy: RemovalPolicy) -> Self {
        self.removal = policy;
        self
    }

    /// Sets how many players can play in the room, this one included: from 2 to 32. Without this,
    /// there is no limit.
    ///
    /// The limit holds however many players join at once, because one player gives the places: the
    /// host, or another one while the host's game does not run. A player who gets no place sees
    /// [`RoomFailed`](crate::RoomFailed) with [`JoinError::Full`]. Players meet only if their
    /// capacities are the same.
    #[must_use]
    pub fn capacity(mut self, players: u8) -> Self {
        self.capacity = Some(players);
        self
    }

    /// What this player says to be let in, at most 1024 bytes, such as a password or a name: see
    /// [`admit_peers`](crate::HuddleAppExt::admit_peers).
    #[must_use]
    pub fn admission(mut self, data: impl Into<Bytes>) -> Self {
        self.admission = data.into();
        self
    }

    fn into_config(self) -> Result<RoomConfig, RoomUrlError> {
        let config = RoomConfig::new(&self.url)?;
        let config = self
            .ice_servers
            .into_iter()
            .fold(config, RoomConfig::with_ice_server);
        Ok(if self.relay_only {
            config.relay_only()
        } else {
            config
        })
    }
}

impl From<&str> for JoinRoom {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for JoinRoom {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for JoinRoom {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

fn names(peers: &[PeerId]) -> String {
    let names: Vec<_> = peers.iter().map(PeerId::to_string).collect();
    names.join(", ")
}

/// Joins a room; its entity is told what comes of it.
pub(crate) fn join(mut room: EntityWorldMut, how: JoinRoom) {
    if room.get_resource::<Rooms>().is_none() {
        log::error!("a room does nothing without the plugins: add `HuddlePlugins` to the app");
    }
    match connect(how, room.world()) {
        Ok((url, link)) => {
            let (entity, me) = (room.id(), link.me());
            log::info!("joining {url} as {me}");
            let host = RoomHost(link.session.host());
            // First, because observers of the components may despawn the room.
            if let Some(mut rooms) = room.get_resource_mut::<Rooms>() {
                rooms.push(entity);
            }
            room.insert((RoomState::Joining, Room { url, me }, host, link));
        }
        Err(error) => {
            room.insert((RoomState::Joining, FailedJoin(error)));
        }
    }
}

/// Joins with the mesh, unless the app has something else.
fn connect(how: JoinRoom, world: &World) -> Result<(RoomUrl, RoomLink), JoinError> {
    let (removal, capacity, admission) = (how.removal, how.capacity, how.admission.clone());
    let config = how.into_config()?;
    let url = config.url.clone();
    if is_joined(world, &url) {
        return Err(JoinError::AlreadyJoined { url });
    }
    let rate = tick_rate(world)?;
    let mut transport = match world.get_resource::<Connector>() {
        Some(Connector(join)) => join(&url),
        None => Box::new(huddle_mesh::Room::join(config)?),
    };
    let game = world.get_resource::<GameId>().cloned().unwrap_or_default();
    let kinds = world.get_resource::<MessageKinds>();
    let kinds = kinds.cloned().unwrap_or_default();
    let limits = world.get_resource::<AcceptedTransfers>();
    let setup = RoomSetup {
        me: transport.me(),
        game: game.0,
        rate,
        kinds: kinds.kinds.clone(),
        policy: removal,
        capacity,
        admission,
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

/// Whether this game is in a room. A second time it would be its own peer.
fn is_joined(world: &World, url: &RoomUrl) -> bool {
    let rooms = world.get_resource::<Rooms>();
    rooms.is_some_and(|rooms| {
        let mut joined = rooms.iter().filter_map(|&room| world.get::<Room>(room));
        joined.any(|room| room.url == *url)
    })
}

/// How many ticks the game runs per second.
fn tick_rate(world: &World) -> Result<TickRate, TickRateError> {
    match world.get_resource::<Time<Fixed>>() {
        Some(time) => TickRate::from_hz(1.0 / time.timestep().as_secs_f64()),
        None => Ok(TickRate::default()),
    }
}

#[cfg(test)]
mod tests {
    use huddle_mesh::Route;

    use super::*;

    #[test]
    fn the_builder_says_everything_to_the_mesh() {
        let turn = IceServer::turn("turn:host:3478", "user", "secret");
        let config = JoinRoom::new("ws://host/room")
            .ice_server(turn.clone())
            .relay_only()
            .into_config()
            .unwrap();
        assert_eq!(config.url.to_string(), "ws://host/room");
        assert_eq!(config.ice_servers, [turn]);
        assert_eq!(config.route, Route::RelayOnly);
        assert_eq!(
            JoinRoom::from("ws://host/room")
                .into_config()
                .unwrap()
                .route,
            Route::Any
        );
    }
}
