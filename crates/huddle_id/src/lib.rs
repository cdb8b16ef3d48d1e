//! The id of a peer.
//!
//! `huddle_mesh` connects peers and `huddle_session` exchanges data with them. Neither crate
//! imports the other; this crate holds the one type that both need.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The bit that distinguishes the kinds of ids: the first bit of the first byte.
const SIGNALING_BIT: u8 = 0x80;

/// Identifies a peer for as long as it stays in a room.
///
/// The id survives new links, and new connections to the signaling server. It is the beginning of
/// the fingerprint of the peer's DTLS certificate: a link to the id only opens to the owner of the
/// certificate's private key. No member of the room and no server can take it. The exceptions are
/// clients of `matchbox_socket`: see [`PeerKind::Signaling`].
///
/// ```
/// use huddle_id::{PeerId, PeerKind};
///
/// let id = PeerId::of_certificate(&[0x5a; 32]);
/// assert_eq!(id.kind(), PeerKind::Certificate);
/// assert_eq!(id.to_string(), "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a");
/// assert_eq!(id.short().to_string(), "5a5a-5a5a-5a5a");
/// assert_ne!(id, PeerId::of_signaling(*id.as_bytes()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId(Uuid);

/// The kind of a [`PeerId`]. Ids of different kinds are never equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerKind {
    /// The fingerprint of the peer's certificate. The link proves it.
    Certificate,
    /// The id that the signaling server assigned. Nothing proves it: the server decides who has
    /// it. It belongs to a client of `matchbox_socket`, or to a peer that has not shown its
    /// certificate yet.
    Signaling,
}

impl PeerId {
    /// Returns the id of the peer whose certificate has this SHA-256 fingerprint: the first 16
    /// bytes, without the bit for the [kind](Self::kind).
    pub fn of_certificate(fingerprint: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&fingerprint[..16]);
        bytes[0] &= !SIGNALING_BIT;
        Self::from_bytes(bytes)
    }

    /// Returns the id of a peer that has only the id that the signaling server assigned.
    pub const fn of_signaling(mut bytes: [u8; 16]) -> Self {
        bytes[0] |= SIGNALING_BIT;
        Self::from_bytes(bytes)
    }

    /// Returns a new random id of the kind [`PeerKind::Certificate`], for tests.
    pub fn random() -> Self {
        let mut bytes = Uuid::new_v4().into_bytes();
        bytes[0] &= !SIGNALING_BIT;
        Self::from_bytes(bytes)
    }

    /// Creates an id from its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Creates an id from a number, most significant byte first. Ids order like their numbers.
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }

    /// Returns the id as a number.
    pub const fn as_u128(&self) -> u128 {
        self.0.as_u128()
    }

    /// Returns the 16 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the kind of the id.
    pub const fn kind(&self) -> PeerKind {
        if self.0.as_bytes()[0] & SIGNALING_BIT == 0 {
            PeerKind::Certificate
        } else {
            PeerKind::Signaling
        }
    }

    /// Returns the short form of the id, which players can read to each other: its first 12 digits.
    ///
    /// If both players see the same two ids, no server is between them. An attacker who wants a
    /// certificate with a given short form has to create 2^47 of them while the players join. For
    /// an identity that a player keeps for long, compare the long form, which the id displays.
    pub const fn short(&self) -> ShortPeerId {
        ShortPeerId(*self)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The short form of a [`PeerId`], as three groups of four hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortPeerId(PeerId);

impl fmt::Display for ShortPeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, ..] = *self.0.as_bytes();
        write!(f, "{a:02x}{b:02x}-{c:02x}{d:02x}-{e:02x}{g:02x}")
    }
}

/// Compiles the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_different_kinds_are_never_equal() {
        for first in [0x00, 0x7f, 0x80, 0xff] {
            let certificate = PeerId::of_certificate(&[first; 32]);
            let signaling = PeerId::of_signaling([first; 16]);
            assert_eq!(certificate.kind(), PeerKind::Certificate);
            assert_eq!(signaling.kind(), PeerKind::Signaling);
            assert_ne!(certificate, signaling);
        }
    }

    #[test]
    fn short_form_is_a_prefix_of_the_long_form() {
        let id = PeerId::random();
        let digits = |text: String| text.replace('-', "");
        assert!(digits(id.to_string()).starts_with(&digits(id.short().to_string())));
    }
}
