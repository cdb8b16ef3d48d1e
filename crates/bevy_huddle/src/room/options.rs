//! Which room to join, and how.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{IceServer, RoomConfig, RoomUrlError};
use huddle_session::KickPolicy;

/// Which room to join, and how.
///
/// A text is enough for the common case; the builder adds STUN and TURN servers:
///
/// ```
/// use bevy_huddle::prelude::*;
///
/// let simple: RoomOptions = "ws://localhost:3536/my-game".into();
/// let behind_routers = RoomOptions::new("wss://example.org/my-game")
///     .ice_server(IceServer::stun("stun:stun.example.org:3478"))
///     .ice_server(IceServer::turn("turn:turn.example.org:3478", "user", "secret"));
/// let hidden = behind_routers.clone().relay_only();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomOptions {
    url: String,
    ice_servers: Vec<IceServer>,
    relay_only: bool,
    pub(super) kick_policy: KickPolicy,
    pub(super) capacity: Option<u8>,
    pub(super) join_data: Bytes,
}

impl RoomOptions {
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
            kick_policy: KickPolicy::default(),
            capacity: None,
            join_data: Bytes::new(),
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

    /// Says who may kick players from the room: nobody, unless this is called. Players meet only
    /// if they say the same.
    #[must_use]
    pub fn kick_policy(mut self, policy: KickPolicy) -> Self {
        self.kick_policy = policy;
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
    pub fn join_data(mut self, data: impl Into<Bytes>) -> Self {
        self.join_data = data.into();
        self
    }

    pub(crate) fn into_config(self) -> Result<RoomConfig, RoomUrlError> {
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

impl From<&str> for RoomOptions {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for RoomOptions {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for RoomOptions {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

/// The game's name, as its players' games compare it.
#[derive(Resource, Clone, Default)]
pub(crate) struct GameId(pub(crate) String);

#[cfg(test)]
mod tests {
    use huddle_mesh::Route;

    use super::*;

    #[test]
    fn the_builder_says_everything_to_the_mesh() {
        let turn = IceServer::turn("turn:host:3478", "user", "secret");
        let config = RoomOptions::new("ws://host/room")
            .ice_server(turn.clone())
            .relay_only()
            .into_config()
            .unwrap();
        assert_eq!(config.url.to_string(), "ws://host/room");
        assert_eq!(config.ice_servers, [turn]);
        assert_eq!(config.route, Route::RelayOnly);
        assert_eq!(
            RoomOptions::from("ws://host/room")
                .into_config()
                .unwrap()
                .route,
            Route::Any
        );
    }
}
