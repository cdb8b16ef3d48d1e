use std::{fmt, str::FromStr};

use thiserror::Error;
use uuid::Uuid;

/// The secret of a room, which players pass on in their invitations and no server sees.
///
/// All members of the room prove to each other that they know it. So neither the signaling server
/// nor anybody who guesses the room's name can join: a server can only refuse its service.
/// Clients of `matchbox_socket` cannot prove it, and cannot join.
///
/// A secret has 128 random bits. A password that a player makes up has far fewer and can be
/// guessed from a proof, so there is no way to use one.
///
/// Put it behind the `#` of a link: browsers do not send that part to a server.
///
/// ```
/// use huddle_mesh::RoomSecret;
///
/// let secret = RoomSecret::random();
/// let link = format!("https://play.example.org/#secret={secret}");
/// let (_, text) = link.split_once("#secret=").unwrap();
/// assert_eq!(text.parse(), Ok(secret));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RoomSecret([u8; 16]);

/// Why a text is not a [`RoomSecret`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a room secret has 32 hexadecimal digits, as `RoomSecret::random()` shows them; this one has {digits} characters"
)]
pub struct RoomSecretError {
    digits: usize,
}

impl RoomSecret {
    /// Returns a new secret from the system's random numbers.
    pub fn random() -> Self {
        // A version 4 UUID has 122 random bits; two of them make all 128 random.
        let (a, b) = (Uuid::new_v4().as_u128(), Uuid::new_v4().as_u128());
        Self((a ^ b.rotate_left(64)).to_be_bytes())
    }

    /// Creates a secret from its 16 bytes, which must be random.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 16 bytes of the secret.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RoomSecret {
    /// Shows the secret as 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).simple().fmt(f)
    }
}

impl FromStr for RoomSecret {
    type Err = RoomSecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = RoomSecretError {
            digits: text.chars().count(),
        };
        if text.len() != 32 {
            return Err(error);
        }
        let secret = Uuid::try_parse(text).map_err(|_| error)?;
        Ok(Self(secret.into_bytes()))
    }
}

impl fmt::Debug for RoomSecret {
    /// Hides the secret, so that it cannot end in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoomSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_survives_a_link_and_hides_from_logs() {
        let secret = RoomSecret::random();
        assert_eq!(secret.to_string().parse(), Ok(secret.clone()));
        assert!(!format!("{secret:?}").contains(&secret.to_string()));
        assert_ne!(secret, RoomSecret::random());
    }

    #[test]
    fn other_texts_are_not_secrets() {
        for text in ["", "password", &"z".repeat(32), &"0".repeat(33)] {
            assert!(text.parse::<RoomSecret>().is_err(), "{text}");
        }
    }
}
