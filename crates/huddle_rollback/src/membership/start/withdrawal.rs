use std::time::Duration;

use huddle_session::PeerId;
use serde::{Deserialize, Serialize};

use super::error::{StartError, StartMessageError};
use crate::seat::MAX_SEATS;

/// The reason for which a player withdraws. It refers to players by their index in the order of the ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Withdrawal {
    /// A player, usually the sender, left.
    Left(u8),
    /// A player's link was lost.
    Lost(u8),
    /// A player has other settings than the sender.
    Settings(u8),
    /// The time limit is over.
    Missing {
        /// The time limit in milliseconds.
        limit: u32,
        /// A bit for each player from which no hello has arrived.
        silent: u16,
        /// Each player that was not ready, with a bit for each player from which it had no hello.
        waiting: Vec<(u8, u16)>,
    },
    /// The sender found a contradiction in a player's messages. The receiver cannot verify this, so the
    /// message does not contain the player.
    Dishonest,
}

impl Withdrawal {
    pub(super) fn check(&self) -> Result<(), StartMessageError> {
        match self {
            Self::Missing { waiting, .. } if waiting.len() > MAX_SEATS => {
                Err(StartMessageError::ImpossibleReport)
            }
            _ => Ok(()),
        }
    }

    /// Creates the report of a failure for the other players.
    pub(super) fn new(error: &StartError, players: &[PeerId]) -> Self {
        let index = |peer: &PeerId| {
            let place = players.iter().position(|player| player == peer);
            place.unwrap_or_default() as u8
        };
        let bits = |peers: &[PeerId]| peers.iter().fold(0, |bits, peer| bits | 1 << index(peer));
        match error {
            StartError::Left { peer } => Self::Left(index(peer)),
            StartError::Lost { peer } => Self::Lost(index(peer)),
            StartError::Settings { peer, .. } => Self::Settings(index(peer)),
            StartError::Missing {
                limit,
                silent,
                waiting,
            } => Self::Missing {
                limit: u32::try_from(limit.as_millis()).unwrap_or(u32::MAX),
                silent: bits(silent),
                waiting: waiting
                    .iter()
                    .map(|(peer, missing)| (index(peer), bits(missing)))
                    .collect(),
            },
            StartError::Inconsistent { .. } | StartError::Contradiction { .. } => Self::Dishonest,
        }
    }

    /// Returns the report of a failure that another player found.
    pub(super) fn error(self, from: PeerId, players: &[PeerId]) -> StartError {
        let peer = |index: u8| players.get(usize::from(index)).copied().unwrap_or(from);
        let peers = |bits: u16| {
            let players = players.iter().enumerate();
            players
                .filter(|(i, _)| bits >> i & 1 == 1)
                .map(|(_, &peer)| peer)
                .collect()
        };
        match self {
            Self::Left(index) => StartError::Left { peer: peer(index) },
            Self::Lost(index) => StartError::Lost { peer: peer(index) },
            Self::Settings(index) => StartError::Settings {
                peer: peer(index),
                differences: Vec::new(),
            },
            Self::Missing {
                limit,
                silent,
                waiting,
            } => StartError::Missing {
                limit: Duration::from_millis(limit.into()),
                silent: peers(silent),
                waiting: waiting
                    .into_iter()
                    .map(|(index, missing)| (peer(index), peers(missing)))
                    .collect(),
            },
            Self::Dishonest => StartError::Left { peer: from },
        }
    }
}
