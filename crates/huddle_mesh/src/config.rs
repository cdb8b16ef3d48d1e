use std::{fmt, time::Duration};

use crate::{
    room_url::{RoomUrl, RoomUrlError},
    secret::RoomSecret,
};

/// What is needed to join a room.
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
    /// Where the room is.
    pub url: RoomUrl,
    /// STUN and TURN servers. None are needed between machines of one network; across the
    /// internet a STUN server opens most pairs, and 15-22 % of real pairs need a TURN server.
    pub ice_servers: Vec<IceServer>,
    /// Which ways to another player may be used.
    pub route: Route,
    /// The secret that all members of the room have to know.
    pub secret: Option<RoomSecret>,
    /// Where the local peer's certificate is kept: see [`RoomConfig::keep_identity`]. By default,
    /// each room gets a new certificate, and so the local peer a new id.
    pub identity: Option<String>,
    /// How long a peer may be silent before it is lost: see [`RoomConfig::with_reconnect_timeout`].
    pub reconnect_timeout: Duration,
}

/// The default of [`RoomConfig::reconnect_timeout`].
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// Which ways to another player may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Route {
    /// Straight if possible, over a TURN server otherwise.
    #[default]
    Any,
    /// Only over a TURN server: other players never see this player's address. Needs at least
    /// one TURN server.
    RelayOnly,
}

/// A STUN or TURN server, with its own credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// Its addresses: `stun:host:port`, `turn:host:port`. In browsers also `stuns:host:port` and
    /// `turns:host:port`, and `?transport=tcp` after those of TURN servers. What the platform cannot use is
    /// refused when the room is joined.
    pub urls: Vec<String>,
    /// The TURN user name.
    pub username: Option<String>,
    /// The TURN password.
    pub credential: Option<String>,
}

impl RoomConfig {
    /// Joins the room at `url`, without STUN or TURN servers.
    ///
    /// # Errors
    /// Says what is wrong with the URL and how to write it.
    pub fn new(url: &str) -> Result<Self, RoomUrlError> {
        Ok(url.parse::<RoomUrl>()?.into())
    }

    /// Adds a STUN or TURN server.
    #[must_use]
    pub fn with_ice_server(mut self, server: IceServer) -> Self {
        self.ice_servers.push(server);
        self
    }

    /// Sets the secret that all members of the room have to know.
    #[must_use]
    pub fn with_secret(mut self, secret: RoomSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Keeps the certificate of the local peer at `place`, so that the peer has the same id in the
    /// next room and after a restart or reload.
    ///
    /// Natively, `place` is the path of a file, which contains a private key and is created if it
    /// does not exist. In a browser it is a name in the storage of the page's origin, where the
    /// certificate is valid for a year. One room at a time uses it: if it is in use, for example in
    /// a second tab, the room gets a new certificate that is not kept.
    ///
    /// Players can be recognized by an id that they keep. Keep it only if your game needs it.
    #[must_use]
    pub fn keep_identity(mut self, place: impl Into<String>) -> Self {
        self.identity = Some(place.into());
        self
    }

    /// Sets how long a peer may be silent before it is lost. 8 seconds by default, at least 1 second,
    /// and at most 2 minutes.
    ///
    /// A silent peer is [reconnecting](crate::RoomEvent::PeerReconnecting) in the meantime. A change
    /// of its network, for example from Wi-Fi to a mobile network, takes a few seconds.
    #[must_use]
    pub fn with_reconnect_timeout(mut self, timeout: Duration) -> Self {
        self.reconnect_timeout = timeout;
        self
    }

    /// Never shows this player's address to others; see [`Route::RelayOnly`].
    #[must_use]
    pub fn relay_only(mut self) -> Self {
        self.route = Route::RelayOnly;
        self
    }
}

impl From<RoomUrl> for RoomConfig {
    fn from(url: RoomUrl) -> Self {
        Self {
            url,
            ice_servers: Vec::new(),
            route: Route::Any,
            secret: None,
            identity: None,
            reconnect_timeout: RECONNECT_TIMEOUT,
        }
    }
}

impl IceServer {
    /// A STUN server, which tells players their public addresses.
    pub fn stun(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            username: None,
            credential: None,
        }
    }

    /// A TURN server, which relays what cannot go straight.
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

impl fmt::Debug for IceServer {
    /// Leaves the credential out, so that it cannot end in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
