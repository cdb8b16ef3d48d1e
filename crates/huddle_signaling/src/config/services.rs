//! The keys, servers and files that a host provides.

use std::{
    fmt,
    net::{Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// A key that verifies tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKey {
    /// A secret that the game's server and this server share, for the algorithm HS256. At least 32
    /// bytes.
    Secret(Secret),
    /// A public key in PEM format, for the algorithm EdDSA (Ed25519).
    PublicKey(String),
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

/// The cluster of this server: several instances that share their rooms. Each room is at one of
/// them, which the other ones find in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The URL of the Redis server, for example `redis://10.0.0.1:6379` or, with TLS,
    /// `rediss://user:password@redis.example.com`. A program that can write to it controls the
    /// cluster.
    pub redis: Secret,
    /// The address and port where the other instances connect. Do not publish it. Default
    /// `[::]:3537`.
    pub bind: SocketAddr,
    /// The address and port under which the other instances reach this one. Default `None`: the
    /// local address of connections to Redis, unless [`bind`](Self::bind) is one address.
    pub address: Option<SocketAddr>,
    /// The start of all keys in Redis. Instances with different ones form different clusters. At
    /// most 64 bytes. Default `huddle:`.
    pub prefix: String,
    /// The time after which other instances take over the rooms of one that has failed. From 1 s to
    /// 60 s. Default 5 s.
    pub lease: Duration,
}

impl Cluster {
    /// Returns the default values with a Redis server.
    pub fn new(redis: Secret) -> Self {
        Self {
            redis,
            bind: (Ipv6Addr::UNSPECIFIED, 3537).into(),
            address: None,
            prefix: "huddle:".to_owned(),
            lease: Duration::from_secs(5),
        }
    }
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
