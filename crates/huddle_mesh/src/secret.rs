use std::{fmt, str::FromStr};

use thiserror::Error;
use uuid::Uuid;

/// The secret of a room. Players share it in their invitations, and servers never see it.
///
/// Each pair of peers proves to each other that both know the secret before they link. So neither
/// the signaling server nor a player who guesses the room name can join. The server can only deny
/// service. Clients of `matchbox_socket` cannot prove that they know a secret, so they cannot join.
///
/// A secret has 128 random bits. A password chosen by a player has far fewer, and an attacker could
/// guess it from a proof. This type therefore does not accept passwords.
///
/// Put the secret behind the `#` of a link, because browsers do not send that part to the server.
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

/// The error for a text that is not a [`RoomSecret`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a room secret has 32 hexadecimal digits, as `RoomSecret::random()` shows them; this one has {digits} characters"
)]
pub struct RoomSecretError {
    digits: usize,
}

impl RoomSecret {
    /// Generates a secret with the operating system's random number generator.
    pub fn random() -> Self {
        // A version 4 UUID has only 122 random bits. Combining two makes all 128 bits random.
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
    /// Writes the secret as 32 hexadecimal digits.
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
    /// Omits the secret, so that it does not appear in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoomSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_parsed_from_a_link_and_hidden_in_logs() {
        let secret = RoomSecret::random();
        assert_eq!(secret.to_string().parse(), Ok(secret.clone()));
        assert!(!format!("{secret:?}").contains(&secret.to_string()));
        assert_ne!(secret, RoomSecret::random());
    }

    #[test]
    fn malformed_secrets_are_rejected() {
        for text in ["", "password", &"z".repeat(32), &"0".repeat(33)] {
            assert!(text.parse::<RoomSecret>().is_err(), "{text}");
        }
    }
}
