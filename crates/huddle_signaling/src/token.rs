//! Tokens: signed permissions to join rooms, in the format JWT.

use std::{
    fmt,
    num::NonZeroUsize,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::config::{MIN_SECRET_BYTES, Secret};

/// The maximum length of a token. The server does not parse longer ones.
pub(crate) const MAX_TOKEN_BYTES: usize = 2048;

/// The maximum length of a text in a token. The server keeps some of them in memory.
const MAX_CLAIM_BYTES: usize = 128;

/// The permission of a player to join rooms until a certain time.
///
/// A game's own server creates a token for each player that it lets in, and the player's game
/// passes it to the signaling server as `?token=TOKEN`. The signaling server only needs a
/// [`TokenKey`](crate::TokenKey) to verify it.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use huddle_signaling::{Claims, Secret, SigningKey};
///
/// # fn main() -> Result<(), huddle_signaling::TokenError> {
/// let key = SigningKey::from_secret(&Secret::new("a secret of at least 32 random bytes"))?;
/// let token = Claims::new(SystemTime::now() + Duration::from_secs(3600))
///     .for_app("duel")
///     .for_room("lobby")
///     .for_one_client()
///     .sign(&key)?;
/// let url = format!("wss://signaling.example.com/lobby?token={token}");
/// # assert!(url.len() < 400);
/// # Ok(())
/// # }
/// ```
///
/// Any JWT library can create the same tokens: with the algorithm HS256 or EdDSA (Ed25519), the
/// required claim `exp`, and the optional claims `app`, `room` or `room_prefix`, `nbf`, `capacity`
/// and `jti`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room_prefix: Option<String>,
    #[serde(deserialize_with = "numeric_date")]
    exp: u64,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_numeric_date"
    )]
    nbf: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capacity: Option<NonZeroUsize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

impl Claims {
    /// Allows a client to join every room until `expiry`.
    pub fn new(expiry: SystemTime) -> Self {
        Self {
            app: None,
            room: None,
            room_prefix: None,
            exp: seconds(expiry),
            nbf: None,
            capacity: None,
            jti: None,
        }
    }

    /// Allows only the rooms of one game. Its clients never meet those of other games, even in
    /// rooms with the same name.
    #[must_use]
    pub fn for_app(mut self, app: impl Into<String>) -> Self {
        self.app = Some(app.into());
        self
    }

    /// Allows only the room with this name.
    #[must_use]
    pub fn for_room(mut self, room: impl Into<String>) -> Self {
        (self.room, self.room_prefix) = (Some(room.into()), None);
        self
    }

    /// Allows only the rooms whose names start with `prefix`.
    #[must_use]
    pub fn for_room_prefix(mut self, prefix: impl Into<String>) -> Self {
        (self.room, self.room_prefix) = (None, Some(prefix.into()));
        self
    }

    /// Allows nothing before `start`.
    #[must_use]
    pub fn valid_from(mut self, start: SystemTime) -> Self {
        self.nbf = Some(seconds(start));
        self
    }

    /// Allows only rooms that have fewer members, and groups of at most this size.
    #[must_use]
    pub fn with_capacity(mut self, capacity: NonZeroUsize) -> Self {
        self.capacity = Some(capacity);
        self
    }

    /// Allows only one client at a time. The server refuses another one while the first one is
    /// connected or keeps its place.
    #[must_use]
    pub fn for_one_client(mut self) -> Self {
        self.jti = Some(Uuid::new_v4().simple().to_string());
        self
    }

    /// Creates the token.
    ///
    /// # Errors
    /// Returns an error if a name is longer than 128 bytes.
    pub fn sign(&self, key: &SigningKey) -> Result<String, TokenError> {
        if !self.is_well_formed() {
            return Err(TokenError::LongName);
        }
        let token = encode(&Header::new(key.algorithm), self, &key.key);
        token.map_err(|_| TokenError::PrivateKey)
    }

    /// Returns whether the texts are short, and at most one claim names rooms.
    pub(crate) fn is_well_formed(&self) -> bool {
        let texts = [&self.app, &self.room, &self.room_prefix, &self.jti];
        let is_short = |text: &&Option<String>| {
            let text = text.as_ref();
            text.is_none_or(|text| text.len() <= MAX_CLAIM_BYTES)
        };
        texts.iter().all(is_short) && (self.room.is_none() || self.room_prefix.is_none())
    }

    pub(crate) fn app(&self) -> Option<&str> {
        self.app.as_deref().filter(|app| !app.is_empty())
    }

    /// Returns whether the token is for the room with this name.
    pub(crate) fn allows_room(&self, name: &str) -> bool {
        self.room.as_ref().is_none_or(|room| room == name)
            && self
                .room_prefix
                .as_ref()
                .is_none_or(|prefix| name.starts_with(prefix))
    }

    pub(crate) fn capacity(&self) -> Option<NonZeroUsize> {
        self.capacity
    }

    /// Returns the id of the token, if only one client at a time may use it.
    pub(crate) fn id(&self) -> Option<&str> {
        self.jti.as_deref()
    }

    /// Returns whether the token has expired, if the clocks differ by at most `leeway`.
    pub(crate) fn has_expired(&self, now: SystemTime, leeway: Duration) -> bool {
        seconds(now) >= self.exp.saturating_add(leeway.as_secs())
    }

    /// Returns whether the token will be valid later, if the clocks differ by at most `leeway`.
    pub(crate) fn is_early(&self, now: SystemTime, leeway: Duration) -> bool {
        let now = seconds(now).saturating_add(leeway.as_secs());
        self.nbf.is_some_and(|start| start > now)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Parses a time in seconds, which may have a fraction.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    // The conversion saturates.
    f64::deserialize(deserializer).map(|seconds| seconds as u64)
}

fn optional_numeric_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    numeric_date(deserializer).map(Some)
}

/// The key that signs tokens. Keep it on the game's own server. Its debug output hides it.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    /// Uses a secret that the signaling server shares, as
    /// [`TokenKey::Secret`](crate::TokenKey::Secret).
    ///
    /// # Errors
    /// Returns an error if the secret is too short.
    pub fn from_secret(secret: &Secret) -> Result<Self, TokenError> {
        let secret = secret.expose().as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(TokenError::ShortSecret);
        }
        Ok(Self {
            algorithm: Algorithm::HS256,
            key: EncodingKey::from_secret(secret),
        })
    }

    /// Uses an Ed25519 private key in PEM format. The signaling server has its public key, as
    /// [`TokenKey::PublicKey`](crate::TokenKey::PublicKey).
    ///
    /// # Errors
    /// Returns an error if the text is no such key.
    pub fn from_pem(pem: &Secret) -> Result<Self, TokenError> {
        let key = EncodingKey::from_ed_pem(pem.expose().as_bytes());
        let signing_key = Self {
            algorithm: Algorithm::EdDSA,
            key: key.map_err(|_| TokenError::PrivateKey)?,
        };
        // Only the first signature shows whether the key is complete.
        Claims::new(UNIX_EPOCH).sign(&signing_key)?;
        Ok(signing_key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?}, ..)", self.algorithm)
    }
}

/// The reason why a token cannot be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The secret is too short.
    #[error(
        "the secret has fewer than {MIN_SECRET_BYTES} bytes. Create one, for example with \
         `openssl rand -hex 32`"
    )]
    ShortSecret,
    /// The private key is invalid.
    #[error(
        "the key is not an Ed25519 private key in PEM format. Create one, for example with \
         `openssl genpkey -algorithm ed25519`"
    )]
    PrivateKey,
    /// A name is too long.
    #[error("a name is too long. Use at most {MAX_CLAIM_BYTES} bytes")]
    LongName,
}
