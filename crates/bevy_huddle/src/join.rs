use bevy::prelude::*;
use huddle_mesh::{IceServer, RoomConfig, RoomError, RoomUrl, RoomUrlError};
use thiserror::Error;

use crate::{
    link::RoomLink,
    room::{Room, Rooms},
    transport::{Connector, Transport},
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
}

/// Why a room cannot be joined, or not be used any more.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JoinError {
    /// The room's address is wrong.
    #[error(transparent)]
    Url(#[from] RoomUrlError),
    /// The room, the server or this machine refuses.
    #[error(transparent)]
    Room(#[from] RoomError),
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

/// Joins a room; its entity is told what comes of it.
pub(crate) fn join(mut room: EntityWorldMut, how: JoinRoom) {
    if room.get_resource::<Rooms>().is_none() {
        log::error!("a room does nothing without the plugins: add `HuddlePlugins` to the app");
    }
    match connect(how, room.get_resource::<Connector>()) {
        Ok((url, transport)) => {
            let (entity, me) = (room.id(), transport.me());
            log::info!("joining {url} as {me}");
            room.insert((Room { url, me }, RoomLink::new(transport)));
            room.world_scope(|world| {
                if let Some(mut rooms) = world.get_resource_mut::<Rooms>() {
                    rooms.push(entity);
                }
            });
        }
        Err(error) => {
            room.insert(FailedJoin(error));
        }
    }
}

/// Joins with the mesh, unless the app has something else.
fn connect(
    how: JoinRoom,
    connector: Option<&Connector>,
) -> Result<(RoomUrl, Box<dyn Transport>), JoinError> {
    let config = how.into_config()?;
    let url = config.url.clone();
    let transport = match connector {
        Some(Connector(join)) => join(&url),
        None => Box::new(huddle_mesh::Room::join(config)?),
    };
    Ok((url, transport))
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
