//! The options of a room.

use std::{fmt, time::Duration};

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{IceServer, RoomConfig, RoomSecret, RoomUrlError};
use huddle_session::KickPolicy;

use crate::conditioner::settings::LinkConditioner;

/// The URL and options of a room to join.
///
/// A URL string converts to options. The builder methods add STUN and TURN servers:
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
#[derive(Clone, PartialEq)]
pub struct RoomOptions {
    /// It may contain a token.
    url: String,
    token: Option<String>,
    uses_server_ice: bool,
    ice_servers: Vec<IceServer>,
    relay_only: bool,
    secret: Option<RoomSecret>,
    identity: Option<String>,
    reconnect_timeout: Option<Duration>,
    pub(super) kick_policy: KickPolicy,
    pub(super) capacity: Option<u8>,
    /// The text of the room in the list of rooms, if it is listed.
    listed: Option<String>,
    pub(super) join_data: Bytes,
    pub(super) conditioner: Option<LinkConditioner>,
}

impl RoomOptions {
    /// Creates options for the room at `url`, such as `ws://localhost:3536/my-game`. Append
    /// `?next=2` to group players into pairs.
    ///
    /// The URL is checked when the room is joined. [`RoomFailed`](crate::RoomFailed) reports an
    /// invalid URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: None,
            uses_server_ice: true,
            ice_servers: Vec::new(),
            relay_only: false,
            secret: None,
            identity: None,
            reconnect_timeout: None,
            kick_policy: KickPolicy::default(),
            capacity: None,
            listed: None,
            join_data: Bytes::new(),
            conditioner: None,
        }
    }

    /// Adds a STUN or TURN server. Once the room is joined,
    /// [`set_ice_servers`](crate::HuddleCommandsExt::set_ice_servers) replaces the servers.
    #[must_use]
    pub fn ice_server(mut self, server: IceServer) -> Self {
        self.ice_servers.push(server);
        self
    }

    /// Hides this player's IP address from the other peers by sending all data through a TURN
    /// server. At least one is required, here or from the signaling server.
    #[must_use]
    pub fn relay_only(mut self) -> Self {
        self.relay_only = true;
        self
    }

    /// Ignores the TURN servers that the signaling server offers.
    ///
    /// By default, the room adds them to its own, and replaces them when the signaling server sends
    /// new ones. All links are encrypted, so a TURN server cannot read them, but it sees the
    /// addresses of the players.
    #[must_use]
    pub fn ignore_server_ice(mut self) -> Self {
        self.uses_server_ice = false;
        self
    }

    /// Sets the token for a signaling server that requires one. The game's own server issues it.
    ///
    /// [`TokenNeeded`](crate::TokenNeeded) reports that the server needs another token. The game
    /// then passes it to [`set_token`](crate::HuddleCommandsExt::set_token).
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets the room's secret. Only players with the same secret can join, even if the signaling
    /// server is hostile.
    ///
    /// Include it in the invitation link, after the `#`; see [`RoomSecret`]. Players with a
    /// different secret, or without one, stay [pending](crate::PendingPeers) with the reason
    /// [`LinkFailure::Secret`](crate::LinkFailure::Secret). Matchbox clients cannot join.
    ///
    /// ```
    /// use bevy_huddle::prelude::*;
    ///
    /// let secret = RoomSecret::random();
    /// let invitation = format!("https://play.example.org/?room=friday#secret={secret}");
    /// let options = RoomOptions::new("wss://example.org/friday").secret(secret);
    /// ```
    #[must_use]
    pub fn secret(mut self, secret: RoomSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Stores this player's identity in `slot`, so that its [`PeerId`](crate::PeerId) stays the
    /// same in later rooms and across restarts and reloads. By default, the player has a new id in
    /// each room.
    ///
    /// On native, `slot` is the path of a file that contains a private key. The file is created if
    /// it does not exist. In a browser, `slot` is a key in the storage of the page's origin, where
    /// an identity expires after a year. Only one room at a time can use an identity. If it is
    /// already in use, for example in another tab, the room gets a temporary id.
    ///
    /// A stored identity lets other players recognize this player. Use it only if your game needs
    /// it.
    #[must_use]
    pub fn keep_identity(mut self, slot: impl Into<String>) -> Self {
        self.identity = Some(slot.into());
        self
    }

    /// Sets how long after its last packet a peer leaves with the reason
    /// [`Lost`](crate::DisconnectReason::Lost), from 1 second to 2 minutes. By default, 8 seconds.
    ///
    /// Until then, the peer is [`Reconnecting`](crate::Reconnecting). Switching networks, for
    /// example from Wi-Fi to a mobile network, takes a few seconds.
    #[must_use]
    pub fn reconnect_timeout(mut self, timeout: Duration) -> Self {
        self.reconnect_timeout = Some(timeout);
        self
    }

    /// Sets who may kick players from the room. By default, no peer may. Two peers with different
    /// policies refuse each other.
    #[must_use]
    pub fn kick_policy(mut self, policy: KickPolicy) -> Self {
        self.kick_policy = policy;
        self
    }

    /// Sets the room's capacity, from 2 to 32 players including the local one. By default, there is
    /// no limit.
    ///
    /// The limit holds even if many players join at once, because a single peer assigns the slots:
    /// the host, or another peer while the host's game is not running. If no slot is free for a
    /// player, its room fails with [`JoinError::Full`](crate::JoinError::Full). Two peers with
    /// different capacities refuse each other.
    ///
    /// If this player creates a [listed](Self::listed) room, the list shows the capacity, and the
    /// signaling server refuses more players. Their rooms are not connected, with the reason
    /// [`SignalingLoss::Full`](crate::SignalingLoss::Full), until a slot is free.
    #[must_use]
    pub fn capacity(mut self, players: u8) -> Self {
        self.capacity = Some(players);
        self
    }

    /// Adds the room to the list of rooms of the signaling server, if this player creates the room.
    /// The list contains the metadata, a text of at most 256 bytes such as a title or a map.
    ///
    /// Other players load the list with `list_rooms`, which needs the feature `room_list`. The
    /// room's keeper can change the settings later; see
    /// [`RoomSettingsCommandsExt`](crate::RoomSettingsCommandsExt). Has no effect if the room exists
    /// already, or if the server is not `huddle-signaling`. Not possible with `?next=N`.
    ///
    /// ```
    /// use bevy_huddle::prelude::*;
    ///
    /// let options = RoomOptions::new("wss://play.example.org/my-game/den")
    ///     .listed("Ada's den")
    ///     .capacity(4);
    /// ```
    #[must_use]
    pub fn listed(mut self, metadata: impl Into<String>) -> Self {
        self.listed = Some(metadata.into());
        self
    }

    /// Sets the data that the other peers' admission rules receive, such as a password or a name.
    /// At most 1024 bytes; see
    /// [`admit_peers`](crate::HuddleAppExt::admit_peers).
    #[must_use]
    pub fn join_data(mut self, data: impl Into<Bytes>) -> Self {
        self.join_data = data.into();
        self
    }

    /// Adds a [`LinkConditioner`] to the room entity, to test the game on a slow and lossy network.
    ///
    /// Its values are checked when the room is joined; see [`JoinError::Conditioner`].
    ///
    /// [`JoinError::Conditioner`]: crate::JoinError::Conditioner
    #[must_use]
    pub fn conditioner(mut self, conditioner: LinkConditioner) -> Self {
        self.conditioner = Some(conditioner);
        self
    }

    pub(crate) fn into_config(self) -> Result<RoomConfig, RoomUrlError> {
        let config = RoomConfig::new(&self.url)?;
        let mut config = self
            .ice_servers
            .into_iter()
            .fold(config, RoomConfig::with_ice_server);
        config.secret = self.secret;
        config.uses_server_ice = self.uses_server_ice;
        if let Some(token) = self.token {
            config = config.with_token(token);
        }
        config.identity = self.identity;
        if let Some(metadata) = self.listed {
            config = config.listed().with_metadata(metadata);
            if let Some(players) = self.capacity {
                config = config.with_capacity(players.into());
            }
        }
        if let Some(timeout) = self.reconnect_timeout {
            config = config.with_reconnect_timeout(timeout);
        }
        Ok(if self.relay_only {
            config.relay_only()
        } else {
            config
        })
    }
}

impl fmt::Debug for RoomOptions {
    /// Omits the token, the secret and the parameters of the URL, so that they do not appear in
    /// logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("RoomOptions")
            .field("url", &url)
            .field("ice_servers", &self.ice_servers)
            .field("relay_only", &self.relay_only)
            .field("identity", &self.identity)
            .field("reconnect_timeout", &self.reconnect_timeout)
            .field("kick_policy", &self.kick_policy)
            .field("capacity", &self.capacity)
            .field("listed", &self.listed)
            .field("conditioner", &self.conditioner)
            .finish_non_exhaustive()
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

/// The id of the game, which peers compare.
#[derive(Resource, Clone, Default)]
pub(crate) struct GameId(pub(crate) String);

#[cfg(test)]
mod tests {
    use huddle_mesh::Route;

    use super::*;

    #[test]
    fn options_become_the_config_of_the_mesh() {
        let turn = IceServer::turn("turn:host:3478", "user", "secret");
        let config = RoomOptions::new("ws://host/room")
            .ice_server(turn.clone())
            .relay_only()
            .reconnect_timeout(Duration::from_secs(20))
            .into_config()
            .unwrap();
        assert_eq!(config.reconnect_timeout, Duration::from_secs(20));
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

    #[test]
    fn server_receives_the_capacity_of_listed_rooms_only() {
        let config = |options: RoomOptions| options.into_config().unwrap();
        let room = || RoomOptions::new("ws://host/room");
        let mesh = || RoomConfig::new("ws://host/room").unwrap();
        assert_eq!(config(room().capacity(4)), mesh());
        assert_eq!(
            config(room().listed("dust").capacity(4)),
            mesh().listed().with_metadata("dust").with_capacity(4)
        );
    }

    #[test]
    fn debug_output_contains_no_token() {
        let options = RoomOptions::new("ws://host/room?token=hush").token("hush");
        assert!(!format!("{options:?}").contains("hush"), "{options:?}");
        let config = options.into_config().unwrap();
        assert_eq!(config.url.to_string(), "ws://host/room");
    }

    #[test]
    fn turn_servers_of_the_signaling_server_are_used_by_default() {
        let options = RoomOptions::new("ws://host/room");
        assert!(options.clone().into_config().unwrap().uses_server_ice);
        let ignoring = options.ignore_server_ice().into_config().unwrap();
        assert!(!ignoring.uses_server_ice);
    }
}
