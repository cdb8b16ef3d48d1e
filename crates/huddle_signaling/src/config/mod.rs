use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

mod check;
mod services;

pub use services::{Cluster, Secret, Tls, TokenKey, Turn};

/// The maximum length of the name of a room or game. The server keeps the names of all rooms in
/// memory.
pub(crate) const MAX_NAME_BYTES: usize = 128;

/// The minimum length of a secret that verifies tokens: the length of its hashes.
pub(crate) const MIN_SECRET_BYTES: usize = 32;

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
    /// The maximum number of clients, in all rooms together. A client that lost its connection counts
    /// while its place is kept. Default 10 000.
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
    /// The maximum number of clients with the same address. A client that lost its connection counts
    /// while the server keeps its place. For IPv6, a /64 network counts as one address. Programs on the server's own machine are not limited while
    /// [`trusted_proxies`](Self::trusted_proxies) contains the loopback networks. At least 1.
    /// Default 64.
    pub max_clients_per_address: usize,
    /// The maximum number of connections from the same address that are not WebSockets: page loads,
    /// and clients that are about to join. A new connection replaces the one that has waited longest
    /// without sending a request. At least 1. Default 64, so that all clients of an address can connect
    /// at once.
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
    /// Zero disables this. At most one day. Default 10 s.
    pub resume_timeout: Duration,
    /// The duration of a shutdown, in which the server disconnects its clients one after the other.
    /// Zero disconnects all clients at once. At most one day. Default zero; the program sets 20 s.
    pub drain: Duration,
    /// The address for `GET /metrics`. Do not publish it. Default `None`.
    pub metrics: Option<SocketAddr>,
    /// The certificate for TLS. Default `None`: clients connect without encryption, or through a
    /// reverse proxy with TLS.
    pub tls: Option<Tls>,
    /// The cluster of instances that share their rooms. Default `None`: the server is the only
    /// instance.
    pub cluster: Option<Cluster>,
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
            max_http_per_address: 64,
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
            cluster: None,
        }
    }
}
