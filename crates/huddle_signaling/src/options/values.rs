//! The options of the program: each one is a flag, an environment variable and a key of the
//! configuration file.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use huddle_signaling::{Cluster, Config, Secret};
use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;

use super::text::{self, Network, Span};

/// The values of all options. `None` means that the option is not set.
///
/// The name of a field is its key in the configuration file. Its environment variable is `HUDDLE_`
/// and the key in capitals.
#[derive(Debug, Default, Clone, PartialEq, Eq, Parser, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// Address and port to listen on; port 0 chooses any free port
    #[arg(long, value_name = "ADDR", value_parser = text::address)]
    pub(super) bind: Option<SocketAddr>,

    /// Also serve the files of this folder by HTTP, for example the web build of a game
    #[arg(long, value_name = "DIR")]
    pub(super) serve: Option<PathBuf>,

    /// Certificate and its chain for TLS, in PEM format; loaded again when the file changes
    #[arg(long, value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert, in PEM format
    #[arg(long, value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,

    /// Address and port for GET /metrics; do not publish it
    #[arg(long, value_name = "ADDR", value_parser = text::address)]
    pub(super) metrics: Option<SocketAddr>,

    /// Duration of a shutdown, in which the clients are disconnected one after the other
    #[arg(long, value_name = "TIME")]
    pub(super) drain: Option<Span>,

    /// Time for which a client that lost its connection keeps its place in the room
    #[arg(long, value_name = "TIME")]
    pub(super) resume_timeout: Option<Span>,

    /// Maximum number of clients, in all rooms together
    #[arg(long, value_name = "N", value_parser = text::number::<usize>)]
    pub(super) max_clients: Option<usize>,

    /// Maximum number of members of one room, and the largest ?next=N
    #[arg(long, value_name = "N", value_parser = text::number::<usize>)]
    pub(super) max_room_members: Option<usize>,

    /// Maximum length of a client's message
    #[arg(long, value_name = "BYTES", value_parser = text::number::<usize>)]
    pub(super) max_message_bytes: Option<usize>,

    /// Maximum length of the queue for a client that reads slowly; a longer queue disconnects it
    #[arg(long, value_name = "BYTES", value_parser = text::number::<usize>)]
    pub(super) max_queue_bytes: Option<usize>,

    /// Maximum length of all queues together; above it, clients beyond their share are disconnected
    #[arg(long, value_name = "BYTES", value_parser = text::number::<usize>)]
    pub(super) max_total_queue_bytes: Option<usize>,

    /// Number of invalid messages after which a client is disconnected
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    pub(super) max_invalid_messages: Option<u32>,

    /// Messages read from a client per second on average; each KiB counts as one more message
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    pub(super) messages_per_second: Option<u32>,

    /// Messages a client may send at once before --messages-per-second limits it
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    pub(super) message_burst: Option<u32>,

    /// Maximum number of clients with the same address
    #[arg(long, value_name = "N", value_parser = text::number::<usize>)]
    pub(super) max_clients_per_address: Option<usize>,

    /// Maximum number of connections with the same address that are not (yet) WebSockets
    #[arg(long, value_name = "N", value_parser = text::number::<usize>)]
    pub(super) max_http_per_address: Option<usize>,

    /// Clients with the same address that may join per second on average
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    pub(super) joins_per_second: Option<u32>,

    /// Clients with the same address that may join at once before --joins-per-second limits them
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    pub(super) join_burst: Option<u32>,

    /// Network of reverse proxies; their X-Forwarded-For contains the client's address; repeatable
    #[arg(long = "trusted-proxy", value_name = "CIDR", value_delimiter = ',')]
    pub(super) trusted_proxies: Option<Vec<Network>>,

    /// Origin of pages that may connect, such as https://game.example.com; repeatable
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_delimiter = ',')]
    pub(super) allowed_origins: Option<Vec<String>>,

    /// Game that may use the server, by the URL ws://HOST/APP/ROOM; repeatable
    #[arg(long = "app", value_name = "APP", value_delimiter = ',')]
    pub(super) apps: Option<Vec<String>>,

    /// File with a secret that verifies tokens (HS256); every client then needs one; repeatable
    #[arg(long = "token-secret-file", value_name = "FILE", value_delimiter = ',')]
    pub(super) token_secret_files: Option<Vec<PathBuf>>,

    /// PEM file with a public key that verifies tokens (EdDSA); repeatable
    #[arg(
        long = "token-public-key-file",
        value_name = "FILE",
        value_delimiter = ','
    )]
    pub(super) token_public_key_files: Option<Vec<PathBuf>>,

    /// URL of a TURN server for which clients receive credentials; repeatable
    #[arg(long = "turn-url", value_name = "URL", value_delimiter = ',')]
    pub(super) turn_urls: Option<Vec<String>>,

    /// File with the secret of the TURN servers (coturn: static-auth-secret)
    #[arg(long, value_name = "FILE")]
    pub(super) turn_secret_file: Option<PathBuf>,

    /// Lifetime of TURN credentials; clients receive new ones at half of it
    #[arg(long, value_name = "TIME")]
    pub(super) turn_lifetime: Option<Span>,

    /// URL of the Redis server of a cluster, without a password; instances with the same Redis share
    /// their rooms
    #[arg(long, value_name = "URL")]
    pub(super) redis: Option<String>,

    /// File with the URL of the Redis server, which may contain a password
    #[arg(long, value_name = "FILE")]
    pub(super) redis_url_file: Option<PathBuf>,

    /// Start of all keys in Redis; instances with different ones form different clusters
    #[arg(long, value_name = "TEXT")]
    pub(super) redis_prefix: Option<String>,

    /// Address and port for the other instances of a cluster; do not publish it
    #[arg(long, value_name = "ADDR", value_parser = text::address)]
    pub(super) cluster_bind: Option<SocketAddr>,

    /// Address and port under which the other instances reach this one, if it cannot be detected
    #[arg(long, value_name = "ADDR", value_parser = text::address)]
    pub(super) cluster_address: Option<SocketAddr>,

    /// Time after which other instances take over the rooms of one that has failed
    #[arg(long, value_name = "TIME")]
    pub(super) lease: Option<Span>,

    /// Level of the log on stderr
    #[arg(long, value_name = "LEVEL")]
    pub(super) log: Option<LogLevel>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The program's default for [`Config::drain`].
pub(super) const DRAIN: Duration = Duration::from_secs(20);

pub(super) const TURN_LIFETIME: Duration = Duration::from_secs(60 * 60);

impl Options {
    /// Returns the values of the options that are not set.
    pub(crate) fn defaults() -> Self {
        let config = Config::default();
        let cluster = Cluster::new(Secret::new(""));
        let networks = config.trusted_proxies.into_iter().map(Network).collect();
        Self {
            bind: Some(config.bind),
            serve: None,
            tls_cert: None,
            tls_key: None,
            metrics: None,
            drain: Some(Span(DRAIN)),
            resume_timeout: Some(Span(config.resume_timeout)),
            max_clients: Some(config.max_clients),
            max_room_members: Some(config.max_room_members),
            max_message_bytes: Some(config.max_message_bytes),
            max_queue_bytes: Some(config.max_queue_bytes),
            max_total_queue_bytes: Some(config.max_total_queue_bytes),
            max_invalid_messages: Some(config.max_invalid_messages),
            messages_per_second: Some(config.messages_per_second),
            message_burst: Some(config.message_burst),
            max_clients_per_address: Some(config.max_clients_per_address),
            max_http_per_address: Some(config.max_http_per_address),
            joins_per_second: Some(config.joins_per_second),
            join_burst: Some(config.join_burst),
            trusted_proxies: Some(networks),
            allowed_origins: None,
            apps: None,
            token_secret_files: None,
            token_public_key_files: None,
            turn_urls: None,
            turn_secret_file: None,
            turn_lifetime: Some(Span(TURN_LIFETIME)),
            redis: None,
            redis_url_file: None,
            redis_prefix: Some(cluster.prefix),
            cluster_bind: Some(cluster.bind),
            cluster_address: None,
            lease: Some(Span(cluster.lease)),
            log: Some(LogLevel::Info),
        }
    }

    pub(crate) fn log_level(&self) -> LevelFilter {
        match self.log {
            Some(LogLevel::Off) => LevelFilter::OFF,
            Some(LogLevel::Error) => LevelFilter::ERROR,
            Some(LogLevel::Warn) => LevelFilter::WARN,
            Some(LogLevel::Info) | None => LevelFilter::INFO,
            Some(LogLevel::Debug) => LevelFilter::DEBUG,
            Some(LogLevel::Trace) => LevelFilter::TRACE,
        }
    }
}
