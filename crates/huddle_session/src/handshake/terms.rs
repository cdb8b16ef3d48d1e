use bytes::Bytes;
use thiserror::Error;

use super::registry::Registry;
use crate::{capacity::Claim, kind::Kinds, roster::KickPolicy, tick::TickRate};

/// The longest id of a game, in bytes.
pub const MAX_GAME_LEN: usize = 64;

/// The longest join data, in bytes.
pub const MAX_JOIN_DATA_LEN: usize = 1024;

/// What this player's game has and wants; a peer's must be the same, except for the join
/// data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub(super) game: String,
    pub(super) rate: TickRate,
    pub(super) kinds_hash: u64,
    pub(super) registry: Registry,
    pub(super) policy: KickPolicy,
    pub(super) join_data: Bytes,
    /// In a room with a capacity.
    pub(super) places: Option<Offer>,
}

/// How many can play, and who does so far as this player knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) capacity: u8,
    pub(super) claim: Claim,
}

/// Why [`Terms`] cannot be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TermsError {
    /// The game's id is too long.
    #[error("a game id of {0} bytes is longer than the {MAX_GAME_LEN} that fit: shorten it")]
    GameTooLong(usize),
    /// The join data is too long.
    #[error(
        "{0} bytes of join data are more than the {MAX_JOIN_DATA_LEN} that fit: send a token or a hash instead"
    )]
    JoinDataTooLong(usize),
}

impl Terms {
    /// Terms to offer to peers: the game's id and, if it has any, version, such as `"my-game/2"`;
    /// what it declared; and what its players say to be admitted, such as a password or a name.
    ///
    /// # Errors
    /// If the id or the join data is too long.
    pub fn new(
        game: &str,
        rate: TickRate,
        kinds: &Kinds,
        policy: KickPolicy,
        join_data: Bytes,
    ) -> Result<Self, TermsError> {
        if game.len() > MAX_GAME_LEN {
            return Err(TermsError::GameTooLong(game.len()));
        }
        if join_data.len() > MAX_JOIN_DATA_LEN {
            return Err(TermsError::JoinDataTooLong(join_data.len()));
        }
        Ok(Self {
            game: game.to_owned(),
            rate,
            kinds_hash: kinds.hash(),
            registry: Registry::of(kinds),
            policy,
            join_data,
            places: None,
        })
    }

    /// Tells of the places of a room with a capacity.
    pub(crate) fn set_places(&mut self, capacity: u8, claim: Claim) {
        self.places = Some(Offer { capacity, claim });
    }

    pub(super) fn capacity(&self) -> Option<u8> {
        Some(self.places.as_ref()?.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_refused() {
        let terms = |game: usize, join_data: usize| {
            Terms::new(
                &"g".repeat(game),
                TickRate::claimed(60_000),
                &Kinds::default(),
                KickPolicy::Nobody,
                vec![0; join_data].into(),
            )
        };
        assert!(terms(MAX_GAME_LEN, MAX_JOIN_DATA_LEN).is_ok());
        assert_eq!(terms(MAX_GAME_LEN + 1, 0), Err(TermsError::GameTooLong(65)));
        assert_eq!(
            terms(0, MAX_JOIN_DATA_LEN + 1),
            Err(TermsError::JoinDataTooLong(1025))
        );
    }
}
