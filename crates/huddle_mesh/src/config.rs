use std::{fmt, time::Duration};

use crate::{
    room_url::{RoomUrl, RoomUrlError},
    secret::RoomSecret,
    settings::NewRoom,
    token::Token,
};

/// The settings for joining a room.
///
/// ```
/// use huddle_mesh::{IceServer, RoomConfig};
///
/// let config = RoomConfig::new("ws://localhost:3536/my-room")?
///     .with_ice_server(IceServer::stun("stun:stun.example.org:3478"))
///     .with_ice_server(IceServer::turn("turn:turn.example.org:3478", "user", "secret"));
/// # Ok::<(), huddle_mesh::RoomUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomConfig {
    /// The URL of the room.
    pub url: RoomUrl,
    /// STUN and TURN servers.
    ///
    /// Machines in the same network need none. Across the internet, most pairs of peers can connect
    /// with a STUN server, and 15-22% need a TURN server.
    ///
    /// [`Room::set_ice_servers`](crate::Room::set_ice_servers) replaces them in a running room.
    pub ice_servers: Vec<IceServer>,
    /// Whether the room also uses the TURN servers that the signaling server offers. True by
    /// default: see [`RoomConfig::ignore_server_ice`].
    pub uses_server_ice: bool,
    /// The token for the signaling server: see [`RoomConfig::with_token`].
    pub(crate) token: Option<Token>,
    /// The settings of the room if this client creates it: see [`RoomConfig::listed`].
    pub(crate) new_room: NewRoom,
    /// The routes to other peers that links may use.
    pub route: Route,
    /// The secret of the room. Only peers that know it can join.
    pub secret: Option<RoomSecret>,
    /// The slot that stores the local peer's certificate: see [`RoomConfig::keep_identity`].
    ///
    /// By default, each room has a new certificate, so the local peer has a new id in each room.
    pub identity: Option<String>,
    /// How long a peer may be silent before it is lost: see [`RoomConfig::with_reconnect_timeout`].
    pub reconnect_timeout: Duration,
}

/// The default of [`RoomConfig::reconnect_timeout`].
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// The routes to other peers that links may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Route {
    /// Direct if possible, otherwise relayed by a TURN server.
    #[default]
    Any,
    /// Always relayed by a TURN server, so that the other players never see this player's address.
    /// Needs at least one TURN server, in [`RoomConfig::ice_servers`] or from the signaling server.
    RelayOnly,
}

/// A STUN or TURN server, with its own credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// The URLs of the server:
    ///
    /// - `stun:host:port` for a STUN server.
    /// - `turn:host:port` for a TURN server over UDP.
    /// - `turn:host:port?transport=tcp` for a TURN server over TCP.
    /// - `turns:host:port` for a TURN server over TLS.
    ///
    /// The port is optional, and an IPv6 address needs brackets. Links use UDP if they can. Add a
    /// `turns:` URL with port 443 for networks that block UDP.
    ///
    /// Some browsers also support `stuns:host:port`. [`Room::join`](crate::Room::join) rejects URLs
    /// that the platform does not support.
    ///
    /// On native platforms, the certificate of a `turns:` server must come from a public authority,
    /// or from one in the file that the environment variable `SSL_CERT_FILE` names.
    pub urls: Vec<String>,
    /// The TURN user name.
    pub username: Option<String>,
    /// The TURN password.
    pub credential: Option<String>,
}

impl RoomConfig {
    /// Creates the settings for the room at `url`, without STUN and TURN servers.
    ///
    /// # Errors
    /// Returns an error if `url` is not the URL of a room.
    pub fn new(url: &str) -> Result<Self, RoomUrlError> {
        Ok(url.parse::<RoomUrl>()?.into())
    }

    /// Adds a STUN or TURN server.
    #[must_use]
    pub fn with_ice_server(mut self, server: IceServer) -> Self {
        self.ice_servers.push(server);
        self
    }

    /// Sets the secret of the room. Only peers that know it can join.
    #[must_use]
    pub fn with_secret(mut self, secret: RoomSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Ignores the TURN servers that the signaling server offers.
    ///
    /// By default, the room adds them to its own [servers](Self::ice_servers), and replaces them
    /// when the signaling server sends new ones. Links are encrypted, so a TURN server cannot read
    /// them, but it sees the addresses of the players. Ignore the servers if you do not trust the
    /// host of the signaling server with that.
    #[must_use]
    pub fn ignore_server_ice(mut self) -> Self {
        self.uses_server_ice = false;
        self
    }

    /// Sets the token for a signaling server that requires one. The game's own server issues it.
    ///
    /// The room sends it as the parameter `token` of the URL, because browsers cannot set headers.
    /// Neither the URL's text nor logs contain it. A `?token=` in the room's URL has the same
    /// effect.
    ///
    /// [`RoomEvent::TokenNeeded`](crate::RoomEvent::TokenNeeded) reports that the server needs
    /// another token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Token::new(token);
        self
    }

    /// Adds the room to the server's list of rooms, if this client creates the room.
    ///
    /// This method, [`with_capacity`](Self::with_capacity) and
    /// [`with_metadata`](Self::with_metadata) have no effect on a room that exists already, and on
    /// other servers than `huddle-signaling`. The room's keeper can change the settings later: see
    /// [`Room::change_settings`](crate::Room::change_settings). Rooms with `?next=N` have no
    /// settings.
    #[must_use]
    pub fn listed(mut self) -> Self {
        self.new_room.is_listed = true;
        self
    }

    /// Sets the number of players at which the server considers the room full, if this client
    /// creates the room. At least 1. The server refuses more than its own maximum, usually 64.
    #[must_use]
    pub fn with_capacity(mut self, players: u16) -> Self {
        self.new_room.capacity = Some(players);
        self
    }

    /// Sets the text that the list of rooms contains for the room, if this client creates the room.
    /// At most 256 bytes. Every player can read it.
    #[must_use]
    pub fn with_metadata(mut self, metadata: impl Into<String>) -> Self {
        self.new_room.metadata = metadata.into();
        self
    }

    /// Stores the certificate of the local peer in `slot`, so that the peer keeps its id in later
    /// rooms and after a restart or reload.
    ///
    /// On native platforms, `slot` is the path of a file, which is created if it does not exist.
    /// The file contains a private key. In a browser, `slot` is a name in the storage of the
    /// page's origin, and the certificate is valid for a year.
    ///
    /// Only one room at a time can use the certificate. If it is in use, for example in a second
    /// tab, the room uses a temporary certificate.
    ///
    /// A permanent id lets others recognize the player. Keep it only if your game needs it.
    #[must_use]
    pub fn keep_identity(mut self, slot: impl Into<String>) -> Self {
        self.identity = Some(slot.into());
        self
    }

    /// Sets how long a peer may be silent before it is lost. 8 seconds by default, at least 1
    /// second, and at most 2 minutes.
    ///
    /// A silent peer is [reconnecting](crate::RoomEvent::PeerReconnecting) in the meantime. A
    /// change of its network, for example from Wi-Fi to a mobile network, takes a few seconds.
    #[must_use]
    pub fn with_reconnect_timeout(mut self, timeout: Duration) -> Self {
        self.reconnect_timeout = timeout;
        self
    }

    /// Hides this player's address from the other players. See [`Route::RelayOnly`].
    #[must_use]
    pub fn relay_only(mut self) -> Self {
        self.route = Route::RelayOnly;
        self
    }
}

impl From<RoomUrl> for RoomConfig {
    fn from(mut url: RoomUrl) -> Self {
        Self {
            token: url.take_token(),
            url,
            ice_servers: Vec::new(),
            uses_server_ice: true,
            new_room: NewRoom::default(),
            route: Route::Any,
            secret: None,
            identity: None,
            reconnect_timeout: RECONNECT_TIMEOUT,
        }
    }
}

impl IceServer {
    /// Creates a STUN server, from which a peer learns its public address.
    pub fn stun(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            username: None,
            credential: None,
        }
    }

    /// Creates a TURN server, which relays packets between peers that cannot connect directly.
    pub fn turn(
        url: impl Into<String>,
        username: impl Into<String>,
        credential: impl Into<String>,
    ) -> Self {
        Self {
            urls: vec![url.into()],
            username: Some(username.into()),
            credential: Some(credential.into()),
        }
    }

    pub(crate) fn is_turn(&self) -> bool {
        self.urls
            .iter()
            .any(|url| url.starts_with("turn:") || url.starts_with("turns:"))
    }
}

/// Parses `stun:host:3478`, or `user:secret@turn:host:3478` with a login, as the options of a program
/// contain it. [`Room::join`](crate::Room::join) checks the URL.
///
/// ```
/// use huddle_mesh::IceServer;
///
/// let server = IceServer::from("ada:secret@turn:turn.example.org:3478");
/// assert_eq!(server, IceServer::turn("turn:turn.example.org:3478", "ada", "secret"));
/// ```
impl From<&str> for IceServer {
    fn from(text: &str) -> Self {
        let text = text.trim();
        let login = text
            .split_once('@')
            .and_then(|(login, url)| Some((login.split_once(':')?, url)));
        match login {
            Some(((user, secret), url)) => Self::turn(url, user, secret),
            None => Self::stun(text),
        }
    }
}

impl fmt::Debug for IceServer {
    /// Omits the credential, so that it does not appear in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_token_and_credential() {
        let config = RoomConfig::new("ws://host/room?token=hush")
            .unwrap()
            .with_ice_server(IceServer::turn("turn:host", "ada", "hush"));
        assert_eq!(config.token, Token::new("hush"));
        assert!(!format!("{config:?}").contains("hush"));
        assert!(!format!("{:?}", config.with_token("hush2")).contains("hush"));
    }
}
