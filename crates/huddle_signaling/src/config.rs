use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{error::ServerError, request::MAX_NAME_BYTES};

/// The minimum length of a secret that verifies tokens: the length of its hashes.
pub(crate) const MIN_SECRET_BYTES: usize = 32;

/// The minimum lifetime of TURN credentials.
const MIN_TURN_LIFETIME: Duration = Duration::from_secs(2);

/// The address, files and limits of a [`Server`](crate::Server).
///
/// ```
/// use huddle_signaling::Config;
///
/// let config = Config {
///     bind: ([127, 0, 0, 1], 0).into(),
///     max_clients: 100,
///     ..Config::default()
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The address and port to listen on. With port 0, the system chooses a free port. Default
    /// `[::]:3536`, which is all addresses of IPv6 and IPv4.
    pub bind: SocketAddr,
    /// A folder whose files the server sends to plain HTTP requests, for example a web build of
    /// the game. Default `None`.
    pub serve: Option<PathBuf>,
    /// The maximum number of connected clients, in all rooms together. Default 10 000.
    pub max_clients: usize,
    /// The maximum number of members of one room, and the largest `?next=N`. At least 1. Default
    /// 64.
    pub max_room_members: usize,
    /// The maximum length of a client's message in bytes. At least 1024. Default 64 KiB.
    pub max_message_bytes: usize,
    /// The maximum number of bytes that the server queues for a client that reads slowly. At least
    /// twice [`max_message_bytes`](Self::max_message_bytes). The server disconnects a client whose
    /// queue is full. Default 4 MiB.
    pub max_queue_bytes: usize,
    /// The number of invalid messages after which the server disconnects a client. Default 16.
    pub max_invalid_messages: u32,
    /// The number of messages that the server reads from a client per second on average. Each KiB
    /// of a message counts as one more message. At least 1. Default 200.
    pub messages_per_second: u32,
    /// The number of messages that a client may send at once before
    /// [`messages_per_second`](Self::messages_per_second) limits it. With the default, 2048, the
    /// 64th member of a room can negotiate with all other members at full speed.
    pub message_burst: u32,
    /// The time without a message from a client after which the server pings it. Default 15 s.
    pub ping_interval: Duration,
    /// The time without a message or pong from a client after which the server disconnects it.
    /// Longer than [`ping_interval`](Self::ping_interval). Default 40 s.
    pub silence_timeout: Duration,
    /// The interval at which the server requests the links of a client in a `?next=N` queue. It
    /// requests them only from clients with extensions. Default 2 s.
    pub queue_ping_interval: Duration,
    /// The time without an answer to these requests after which the server disconnects the client,
    /// because its game is not running. Longer than
    /// [`queue_ping_interval`](Self::queue_ping_interval). Default 5 s.
    pub queue_silence_timeout: Duration,
    /// The time that the members of a full `?next=N` group have to link. After that, the server may
    /// move them to another group. Default 10 s.
    pub link_timeout: Duration,
    /// The maximum number of bytes that the server queues for all clients together. Above it, the
    /// server disconnects clients that use more than their share: this number divided by
    /// [`max_clients`](Self::max_clients), but at least one message. At least
    /// [`max_queue_bytes`](Self::max_queue_bytes). Default 256 MiB.
    pub max_total_queue_bytes: usize,
    /// The maximum number of clients with the same address. For IPv6, a /64 network counts as one
    /// address. Programs on the server's own machine are not limited while
    /// [`trusted_proxies`](Self::trusted_proxies) contains the loopback networks. At least 1.
    /// Default 64.
    pub max_clients_per_address: usize,
    /// The maximum number of connections from the same address that are not WebSockets: page loads,
    /// and clients that are about to join. A new connection replaces the one that has waited longest
    /// without sending a request. At least 1. Default 32.
    pub max_http_per_address: usize,
    /// The number of clients with the same address that may join per second on average. At least 1.
    /// Default 8.
    pub joins_per_second: u32,
    /// The number of clients with the same address that may join at once before
    /// [`joins_per_second`](Self::joins_per_second) limits them. At least 1. Default 64.
    pub join_burst: u32,
    /// The networks of reverse proxies. For a connection from one of them, the client's address is
    /// the last address in `X-Forwarded-For` that is not in these networks. The proxy must append to
    /// this header or set it; a client could forge it otherwise. Default: the loopback networks
    /// `127.0.0.0/8` and `::1/128`.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins of the pages that may connect, for example `https://game.example.com`. If there
    /// are none, every page may connect. Programs other than browsers can send any origin or none,
    /// so this does not stop them. Default: none.
    pub allowed_origins: Vec<String>,
    /// The games that may use the server. A client of the game `duel` connects to
    /// `ws://host/duel/ROOM`. If there are none, every game may use the server, and a room needs no
    /// game. Default: none.
    pub apps: Vec<String>,
    /// The keys that verify tokens. If there is one, every client needs a token. Default: none.
    pub token_keys: Vec<TokenKey>,
    /// The TURN servers that clients with extensions may use. Default `None`.
    pub turn: Option<Turn>,
    /// The time for which a client with extensions keeps its place after it loses its connection.
    /// Zero disables this. Default 10 s.
    pub resume_timeout: Duration,
    /// The duration of a shutdown, in which the server disconnects its clients one after the other.
    /// Zero disconnects all clients at once. Default zero; the program sets 20 s.
    pub drain: Duration,
    /// The address for `GET /metrics`. Do not publish it. Default `None`.
    pub metrics: Option<SocketAddr>,
    /// The certificate for TLS. Default `None`: clients connect without encryption, or through a
    /// reverse proxy with TLS.
    pub tls: Option<Tls>,
}

/// A key that verifies tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKey {
    /// A secret that the game's server and this server share, for the algorithm HS256. At least 32
    /// bytes.
    Secret(Secret),
    /// A public key in PEM format, for the algorithm EdDSA (Ed25519).
    PublicKey(String),
}

impl TokenKey {
    fn is_long_enough(&self) -> bool {
        match self {
            Self::Secret(secret) => secret.expose().len() >= MIN_SECRET_BYTES,
            Self::PublicKey(_) => true,
        }
    }
}

/// The TURN servers of the host, which accept credentials that the signaling server creates
/// (coturn: `use-auth-secret`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The URLs of the servers, for example `turn:turn.example.com:3478`.
    pub urls: Vec<String>,
    /// The secret that the TURN servers share with this server (coturn: `static-auth-secret`).
    pub secret: Secret,
    /// The lifetime of credentials. The server sends new ones at half of it. At least 2 s.
    pub lifetime: Duration,
}

/// The files of a certificate. The server loads them again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and its chain, in PEM format.
    pub certificates: PathBuf,
    /// The private key, in PEM format.
    pub key: PathBuf,
}

/// A text that must not appear in logs. Its debug output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: (Ipv6Addr::UNSPECIFIED, 3536).into(),
            serve: None,
            max_clients: 10_000,
            max_room_members: 64,
            max_message_bytes: 64 * 1024,
            max_queue_bytes: 4 * 1024 * 1024,
            max_invalid_messages: 16,
            messages_per_second: 200,
            message_burst: 2048,
            ping_interval: Duration::from_secs(15),
            silence_timeout: Duration::from_secs(40),
            queue_ping_interval: Duration::from_secs(2),
            queue_silence_timeout: Duration::from_secs(5),
            link_timeout: Duration::from_secs(10),
            max_total_queue_bytes: 256 * 1024 * 1024,
            max_clients_per_address: 64,
            max_http_per_address: 32,
            joins_per_second: 8,
            join_burst: 64,
            trusted_proxies: vec![
                Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
                Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128).into(),
            ],
            allowed_origins: Vec::new(),
            apps: Vec::new(),
            token_keys: Vec::new(),
            turn: None,
            resume_timeout: Duration::from_secs(10),
            drain: Duration::ZERO,
            metrics: None,
            tls: None,
        }
    }
}

impl Config {
    /// Checks the limits, as [`Server::bind`](crate::Server::bind) does.
    ///
    /// # Errors
    /// Returns an error that names the first invalid field and its limit.
    pub fn check(&self) -> Result<(), ServerError> {
        let turn = self.turn.as_ref();
        let rules = [
            (
                self.max_room_members >= 1,
                "max_room_members must be at least 1",
            ),
            (
                self.max_message_bytes >= 1024,
                "max_message_bytes must be at least 1024, because an offer must fit",
            ),
            (
                self.max_queue_bytes / 2 >= self.max_message_bytes,
                "max_queue_bytes must be at least twice max_message_bytes",
            ),
            (
                self.messages_per_second >= 1,
                "messages_per_second must be at least 1",
            ),
            (
                !self.ping_interval.is_zero(),
                "ping_interval must not be zero",
            ),
            (
                self.silence_timeout > self.ping_interval,
                "silence_timeout must be longer than ping_interval",
            ),
            (
                !self.queue_ping_interval.is_zero(),
                "queue_ping_interval must not be zero",
            ),
            (
                self.queue_silence_timeout > self.queue_ping_interval,
                "queue_silence_timeout must be longer than queue_ping_interval",
            ),
            (
                !self.link_timeout.is_zero(),
                "link_timeout must not be zero",
            ),
            (
                self.max_total_queue_bytes >= self.max_queue_bytes,
                "max_total_queue_bytes must be at least max_queue_bytes",
            ),
            (
                self.max_clients_per_address >= 1,
                "max_clients_per_address must be at least 1",
            ),
            (
                self.max_http_per_address >= 1,
                "max_http_per_address must be at least 1, because clients join by HTTP",
            ),
            (
                self.joins_per_second >= 1,
                "joins_per_second must be at least 1",
            ),
            (self.join_burst >= 1, "join_burst must be at least 1"),
            (
                self.allowed_origins.iter().all(|origin| is_origin(origin)),
                "allowed_origins must have the form https://game.example.com or \
                 http://localhost:8080, without a path or a slash at the end",
            ),
            (
                self.apps
                    .iter()
                    .all(|app| (1..=MAX_NAME_BYTES).contains(&app.len())),
                "apps must contain names of 1 to 128 bytes",
            ),
            (
                self.token_keys.iter().all(TokenKey::is_long_enough),
                "token_keys contains a secret with fewer than 32 bytes. Create a longer one, for \
                 example with `openssl rand -hex 32`",
            ),
            (
                turn.is_none_or(|turn| !turn.urls.is_empty()),
                "turn needs at least one URL, for example turn:turn.example.com:3478",
            ),
            (
                turn.is_none_or(|turn| turn.urls.iter().all(|url| is_turn_url(url))),
                "turn contains a URL that does not start with turn: or turns:",
            ),
            (
                turn.is_none_or(|turn| !turn.secret.expose().is_empty()),
                "turn needs the secret of the TURN servers (coturn: static-auth-secret)",
            ),
            (
                turn.is_none_or(|turn| turn.lifetime >= MIN_TURN_LIFETIME),
                "the lifetime of TURN credentials must be at least 2 s",
            ),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(ServerError::Config(rule)),
            None => Ok(()),
        }
    }
}

/// Returns whether a browser could send this origin.
fn is_origin(text: &str) -> bool {
    let is_host = |host: &str| {
        let is_other = |c: char| c.is_whitespace() || "/?#@*".contains(c);
        !host.is_empty() && !host.contains(is_other)
    };
    text.split_once("://")
        .is_some_and(|(scheme, host)| !scheme.is_empty() && is_host(host))
}

fn is_turn_url(url: &str) -> bool {
    url.starts_with("turn:") || url.starts_with("turns:")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the error of a configuration with these TURN servers.
    fn turn_error(urls: &[&str], secret: &str, lifetime: Duration) -> Option<String> {
        let config = Config {
            turn: Some(Turn {
                urls: urls.iter().map(|url| (*url).to_owned()).collect(),
                secret: Secret::new(secret),
                lifetime,
            }),
            ..Config::default()
        };
        config.check().err().map(|error| error.to_string())
    }

    #[test]
    fn invalid_turn_servers_are_rejected() {
        let hour = Duration::from_secs(3600);
        let url = "turn:turn.example.com:3478?transport=tcp";
        assert_eq!(turn_error(&[url], "secret", hour), None);
        for (urls, secret, lifetime, expected) in [
            (&[] as &[&str], "secret", hour, "at least one URL"),
            (&["stun:turn.example.com"], "secret", hour, "start with"),
            (&[url], "", hour, "secret"),
            (&[url], "secret", Duration::from_secs(1), "lifetime"),
        ] {
            let error = turn_error(urls, secret, lifetime).unwrap();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn short_token_secret_is_rejected() {
        let config = |secret: String| Config {
            token_keys: vec![TokenKey::Secret(Secret::new(secret))],
            ..Config::default()
        };
        assert!(config("x".repeat(32)).check().is_ok());
        let error = config("x".repeat(31)).check().unwrap_err().to_string();
        assert!(error.contains("32 bytes"), "{error}");
    }

    #[test]
    fn default_is_valid() {
        assert!(Config::default().check().is_ok());
    }

    #[test]
    fn queue_too_small_for_a_message_is_rejected() {
        let config = Config {
            max_queue_bytes: 64 * 1024,
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("max_queue_bytes"), "{error}");
    }

    #[test]
    fn limits_that_would_exclude_every_client_are_rejected() {
        let fields: [(&str, fn(&mut Config)); 7] = [
            ("max_total_queue_bytes", |c| c.max_total_queue_bytes = 1024),
            ("max_clients_per_address", |c| c.max_clients_per_address = 0),
            ("max_http_per_address", |c| c.max_http_per_address = 0),
            ("joins_per_second", |c| c.joins_per_second = 0),
            ("join_burst", |c| c.join_burst = 0),
            ("apps", |c| c.apps = vec![String::new()]),
            ("apps", |c| c.apps = vec!["x".repeat(129)]),
        ];
        for (field, change) in fields {
            let mut config = Config::default();
            change(&mut config);
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }

    #[test]
    fn origin_that_no_browser_sends_is_rejected() {
        let check = |origin: &str| {
            let allowed_origins = vec![origin.to_owned()];
            let config = Config {
                allowed_origins,
                ..Config::default()
            };
            config.check().map_err(|error| error.to_string())
        };
        for origin in [
            "https://game.example.com",
            "http://localhost:8080",
            "http://[::1]:8080",
            "capacitor://localhost",
        ] {
            assert_eq!(check(origin), Ok(()));
        }
        for origin in [
            "",
            "*",
            "null",
            "game.example.com",
            "https://",
            "https://game.example.com/",
            "https://game.example.com/page",
            "https://*.example.com",
        ] {
            let error = check(origin).unwrap_err();
            assert!(error.contains("allowed_origins"), "{origin}");
        }
    }

    #[test]
    fn timeout_that_is_not_longer_than_the_ping_interval_is_rejected() {
        let config = Config {
            silence_timeout: Duration::from_secs(15),
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("silence_timeout"), "{error}");
    }
}
