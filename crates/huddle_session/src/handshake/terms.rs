//! The terms that two peers compare.

use bytes::Bytes;
use thiserror::Error;

use super::registry::Registry;
use crate::{capacity::Claim, kind::Kinds, roster::KickPolicy, tick::TickRate};

/// The maximum length of a game id, in bytes.
pub const MAX_GAME_LEN: usize = 64;

/// The maximum length of join data, in bytes.
pub const MAX_JOIN_DATA_LEN: usize = 1024;

/// The properties of the local game that two peers compare in the handshake. Apart from the join
/// data, they must be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub(super) game: String,
    pub(super) rate: TickRate,
    pub(super) kinds_hash: u64,
    pub(super) registry: Registry,
    pub(super) policy: KickPolicy,
    pub(super) join_data: Bytes,
    /// The slots of a room with a capacity.
    pub(super) slots: Option<Offer>,
}

/// The capacity of a room, and the slots in it as the local peer sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) capacity: u8,
    pub(super) claim: Claim,
}

/// The reason why [`Terms`] are invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TermsError {
    /// The game's id is too long.
    #[error("the game id is {0} bytes long, but the maximum is {MAX_GAME_LEN}: shorten it")]
    GameTooLong(usize),
    /// The join data is too long.
    #[error(
        "the join data is {0} bytes long, but the maximum is {MAX_JOIN_DATA_LEN}: send a token or a hash instead"
    )]
    JoinDataTooLong(usize),
}

impl Terms {
    /// Creates the terms of a game.
    ///
    /// `game` is the id of the game and, optionally, its version, such as `"my-game/2"`. `kinds`
    /// are the messages that it declares. The other peers decide by `join_data` whether to admit
    /// this player; it may contain a password or a name.
    ///
    /// # Errors
    /// Returns an error if the id or the join data is too long.
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
            slots: None,
        })
    }

    /// Adds the slots of a room with a capacity.
    pub(crate) fn set_slots(&mut self, capacity: u8, claim: Claim) {
        self.slots = Some(Offer { capacity, claim });
    }

    pub(super) fn capacity(&self) -> Option<u8> {
        Some(self.slots.as_ref()?.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ids_and_join_data_are_rejected() {
        let terms = |game: usize, join_data: usize| {
            Terms::new(
                &"g".repeat(game),
                TickRate::claimed(60_000),
                &Kinds::default(),
                KickPolicy::Disabled,
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
