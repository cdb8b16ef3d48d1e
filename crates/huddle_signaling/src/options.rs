//! The options of the program: each one is a flag, an environment variable and a key of the
//! configuration file.

mod layers;
mod secrets;
mod text;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use huddle_signaling::{Config, Tls};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;

pub(crate) use layers::{
    Error, describe, from_environment, from_file, merge, print, unknown_variables,
};
use text::{Network, Span};

/// The values of all options. `None` means that the option is not set.
///
/// The name of a field is its key in the configuration file. Its environment variable is `HUDDLE_`
/// and the key in capitals.
#[derive(Debug, Default, Clone, PartialEq, Eq, Parser, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// Address and port to listen on; port 0 chooses any free port
    #[arg(long, value_name = "ADDR", value_parser = text::address)]
    pub(crate) bind: Option<SocketAddr>,

    /// Also serve the files of this folder by HTTP, for example the web build of a game
    #[arg(long, value_name = "DIR")]
    serve: Option<PathBuf>,

    /// Certificate and its chain for TLS, in PEM format; loaded again when the file changes
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert, in PEM format
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Address and port for GET /metrics; do not publish it
    #[arg(long, value_name = "ADDR", value_parser = text::address)]
    metrics: Option<SocketAddr>,

    /// Duration of a shutdown, in which the clients are disconnected one after the other
    #[arg(long, value_name = "TIME")]
    drain: Option<Span>,

    /// Time for which a client keeps its place after its connection was lost
    #[arg(long, value_name = "TIME")]
    resume_timeout: Option<Span>,

    /// Maximum number of connected clients, in all rooms together
    #[arg(long, value_name = "N", value_parser = text::number::<usize>)]
    max_clients: Option<usize>,

    /// Maximum number of members of one room, and the largest ?next=N
    #[arg(long, value_name = "N", value_parser = text::number::<usize>)]
    max_room_members: Option<usize>,

    /// Maximum length of a client's message
    #[arg(long, value_name = "BYTES", value_parser = text::number::<usize>)]
    max_message_bytes: Option<usize>,

    /// Maximum length of the queue for a client that reads slowly; a longer queue disconnects it
    #[arg(long, value_name = "BYTES", value_parser = text::number::<usize>)]
    max_queue_bytes: Option<usize>,

    /// Maximum length of all queues together; more disconnects the clients with the longest ones
    #[arg(long, value_name = "BYTES", value_parser = text::number::<usize>)]
    max_total_queue_bytes: Option<usize>,

    /// Number of invalid messages after which a client is disconnected
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    max_invalid_messages: Option<u32>,

    /// Messages read from a client per second on average; each KiB counts as one more message
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    messages_per_second: Option<u32>,

    /// Messages a client may send at once before --messages-per-second limits it
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    message_burst: Option<u32>,

    /// Maximum number of clients with the same address
    #[arg(long, value_name = "N", value_parser = text::number::<usize>)]
    max_clients_per_address: Option<usize>,

    /// Maximum number of connections with the same address that are not (yet) WebSockets
    #[arg(long, value_name = "N", value_parser = text::number::<usize>)]
    max_http_per_address: Option<usize>,

    /// Clients with the same address that may join per second on average
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    joins_per_second: Option<u32>,

    /// Clients with the same address that may join at once before --joins-per-second limits them
    #[arg(long, value_name = "N", value_parser = text::number::<u32>)]
    join_burst: Option<u32>,

    /// Network of reverse proxies, whose X-Forwarded-For names the client; repeatable
    #[arg(long = "trusted-proxy", value_name = "CIDR", value_delimiter = ',')]
    trusted_proxies: Option<Vec<Network>>,

    /// Origin of pages that may connect, such as https://game.example.com; repeatable
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_delimiter = ',')]
    allowed_origins: Option<Vec<String>>,

    /// Game that may use the server, by the URL ws://HOST/APP/ROOM; repeatable
    #[arg(long = "app", value_name = "APP", value_delimiter = ',')]
    apps: Option<Vec<String>>,

    /// File with a secret that verifies tokens (HS256); every client then needs one; repeatable
    #[arg(long = "token-secret-file", value_name = "FILE", value_delimiter = ',')]
    token_secret_files: Option<Vec<PathBuf>>,

    /// PEM file with a public key that verifies tokens (EdDSA); repeatable
    #[arg(
        long = "token-public-key-file",
        value_name = "FILE",
        value_delimiter = ','
    )]
    token_public_key_files: Option<Vec<PathBuf>>,

    /// URL of a TURN server for which clients receive credentials; repeatable
    #[arg(long = "turn-url", value_name = "URL", value_delimiter = ',')]
    turn_urls: Option<Vec<String>>,

    /// File with the secret of the TURN servers (coturn: static-auth-secret)
    #[arg(long, value_name = "FILE")]
    turn_secret_file: Option<PathBuf>,

    /// Lifetime of TURN credentials; clients receive new ones at half of it
    #[arg(long, value_name = "TIME")]
    turn_lifetime: Option<Span>,

    /// Level of the log on stderr
    #[arg(long, value_name = "LEVEL")]
    log: Option<LogLevel>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The program's default for [`Config::drain`].
const DRAIN: Duration = Duration::from_secs(20);

const TURN_LIFETIME: Duration = Duration::from_secs(60 * 60);

impl Options {
    /// Returns the values of the options that are not set.
    pub(crate) fn defaults() -> Self {
        let config = Config::default();
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

    /// Returns the configuration, with the contents of the secret files.
    pub(crate) fn config(self) -> Result<Config, Error> {
        let default = Config::default();
        let token_keys = self.token_keys()?;
        let turn = self.turn()?;
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(certificates), Some(key)) => Some(Tls { certificates, key }),
            (None, None) => None,
            (Some(_), None) => return Err(Error::Incomplete("tls_cert", "tls_key")),
            (None, Some(_)) => return Err(Error::Incomplete("tls_key", "tls_cert")),
        };
        let trusted_proxies = self
            .trusted_proxies
            .map(|networks| networks.into_iter().map(IpNet::from).collect());
        let duration = |span: Option<Span>, default| span.map_or(default, |Span(time)| time);
        Ok(Config {
            bind: self.bind.unwrap_or(default.bind),
            serve: self.serve,
            tls,
            metrics: self.metrics,
            drain: duration(self.drain, DRAIN),
            resume_timeout: duration(self.resume_timeout, default.resume_timeout),
            max_clients: self.max_clients.unwrap_or(default.max_clients),
            max_room_members: self.max_room_members.unwrap_or(default.max_room_members),
            max_message_bytes: self.max_message_bytes.unwrap_or(default.max_message_bytes),
            max_queue_bytes: self.max_queue_bytes.unwrap_or(default.max_queue_bytes),
            max_total_queue_bytes: self
                .max_total_queue_bytes
                .unwrap_or(default.max_total_queue_bytes),
            max_invalid_messages: self
                .max_invalid_messages
                .unwrap_or(default.max_invalid_messages),
            messages_per_second: self
                .messages_per_second
                .unwrap_or(default.messages_per_second),
            message_burst: self.message_burst.unwrap_or(default.message_burst),
            max_clients_per_address: self
                .max_clients_per_address
                .unwrap_or(default.max_clients_per_address),
            max_http_per_address: self
                .max_http_per_address
                .unwrap_or(default.max_http_per_address),
            joins_per_second: self.joins_per_second.unwrap_or(default.joins_per_second),
            join_burst: self.join_burst.unwrap_or(default.join_burst),
            trusted_proxies: trusted_proxies.unwrap_or(default.trusted_proxies),
            allowed_origins: self.allowed_origins.unwrap_or_default(),
            apps: self.apps.unwrap_or_default(),
            token_keys,
            turn,
            ..Config::default()
        })
    }
}
