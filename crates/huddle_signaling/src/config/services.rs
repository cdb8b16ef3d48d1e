//! The keys, servers and files that a host provides.

use std::{fmt, path::PathBuf, time::Duration};

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
