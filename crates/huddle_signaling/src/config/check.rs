//! The rules that a configuration must follow.

use std::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use super::{Config, MAX_NAME_BYTES, MIN_SECRET_BYTES, TokenKey};
use crate::error::ServerError;

/// The minimum lifetime of TURN credentials.
const MIN_TURN_LIFETIME: Duration = Duration::from_secs(2);

/// The times after which other instances may take over the rooms of one that has failed.
const LEASES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// The maximum length of the start of all keys in Redis.
const MAX_PREFIX_BYTES: usize = 64;

/// The maximum of the times that the server adds to the current time, where a very long one would
/// overflow.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);

impl Config {
    /// Checks the limits, as [`Server::bind`](crate::Server::bind) does.
    ///
    /// # Errors
    /// Returns an error that names the first invalid field and its limit.
    pub fn check(&self) -> Result<(), ServerError> {
        let turn = self.turn.as_ref();
        let cluster = self.cluster.as_ref();
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
                self.resume_timeout <= MAX_TIME,
                "resume_timeout must be at most 1 day",
            ),
            (self.drain <= MAX_TIME, "drain must be at most 1 day"),
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
                self.token_keys.iter().all(is_long_enough),
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
            (
                cluster.is_none_or(|cluster| is_redis_url(cluster.redis.expose())),
                "redis must be a URL such as redis://10.0.0.1:6379 or, with TLS, \
                 rediss://user:password@redis.example.com",
            ),
            (
                cluster.is_none_or(|cluster| LEASES.contains(&cluster.lease)),
                "lease must be from 1 s to 60 s",
            ),
            (
                cluster.is_none_or(|cluster| cluster.prefix.len() <= MAX_PREFIX_BYTES),
                "redis_prefix must have at most 64 bytes",
            ),
            (
                cluster
                    .and_then(|cluster| cluster.address)
                    .is_none_or(is_destination),
                "cluster_address must be the IP address and port where the other instances reach \
                 this one, for example 10.0.0.2:3537",
            ),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(ServerError::Config(rule)),
            None => Ok(()),
        }
    }
}

/// Returns whether the text could be the URL of a Redis server in a network. The Redis client
/// checks the rest.
fn is_redis_url(text: &str) -> bool {
    let rest = ["redis://", "rediss://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let host = rest.map(|rest| rest.rsplit_once('@').map_or(rest, |(_, host)| host));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', ':', '?']))
}

/// Returns whether another machine could connect to the address.
fn is_destination(address: SocketAddr) -> bool {
    !address.ip().is_unspecified() && address.port() != 0
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

fn is_long_enough(key: &TokenKey) -> bool {
    match key {
        TokenKey::Secret(secret) => secret.expose().len() >= MIN_SECRET_BYTES,
        TokenKey::PublicKey(_) => true,
    }
}

fn is_turn_url(url: &str) -> bool {
    url.starts_with("turn:") || url.starts_with("turns:")
}

#[cfg(test)]
mod tests;
