use std::{fmt, time::Duration};

use huddle_session::{PeerId, codec::DecodeError};
use thiserror::Error;

use super::settings::{SettingDifference, SettingsError};

/// The maximum number of differences in an error text. The text only counts the others.
const MAX_SHOWN: usize = 5;

/// Errors in the setup of a start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartSetupError {
    /// There are no seats, or too many.
    #[error("a match cannot have {0} seats: it has 1 to {max}", max = crate::seat::MAX_SEATS)]
    Seats(usize),
    /// The local peer has no seat.
    #[error("the local peer has no seat: create no session for a spectator")]
    NotSeated,
    /// There are too many settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The reason why a match did not start. All players that can be reached fail for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// A player left, or gave up.
    #[error("{peer} left before the match started: start again without them")]
    Left {
        /// The player.
        peer: PeerId,
    },
    /// The link to a player was lost.
    #[error("{peer} was lost before the match started: wait for them to return, or play without")]
    Lost {
        /// The player.
        peer: PeerId,
    },
    /// A player has other settings.
    #[error(
        "the game of {peer} has other settings ({}): all players need the same version of the game and the same choices",
        Differences(differences)
    )]
    Settings {
        /// The player.
        peer: PeerId,
        /// The differences, or none if that player did not send its settings.
        differences: Vec<SettingDifference>,
    },
    /// The time limit is over.
    #[error("the match did not start within {} s{}", limit.as_secs_f64(), Missing { silent, waiting })]
    Missing {
        /// The time limit of the player that gave up first.
        limit: Duration,
        /// The players from which nothing has arrived.
        silent: Vec<PeerId>,
        /// The players that did not become ready, with the players from which each of them received
        /// nothing.
        waiting: Vec<(PeerId, Vec<PeerId>)>,
    },
    /// The messages of a player contradict each other.
    #[error("{peer} contradicts their own messages: play without them")]
    Inconsistent {
        /// The player.
        peer: PeerId,
    },
    /// One of two players is dishonest about a nonce.
    #[error(
        "{about} sent another number to {by} than to the local peer, or {by} is lying: play without one of them"
    )]
    Contradiction {
        /// The player that may have sent different nonces.
        about: PeerId,
        /// The player that reports it.
        by: PeerId,
    },
}

/// Errors in a message about the start of a match.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartMessageError {
    /// They cannot be decoded.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// There are more nonces than a match can have players.
    #[error("a hello has {0} nonces, but a match has at most {max} players", max = crate::seat::MAX_SEATS)]
    TooManyNonces(usize),
    /// There are too many settings, or one is too long.
    #[error("there are too many settings, or one of them is too long")]
    ImpossibleSettings,
    /// The report of a failure contains too many players.
    #[error("the report of a failed start contains too many players")]
    ImpossibleReport,
    /// The match number or its epoch is too far from the local one.
    #[error("match number {0} or its epoch is too far ahead")]
    TooFarAhead(u32),
    /// The first tick is not 0.
    #[error("a match cannot start at tick {0}")]
    StartTick(u32),
}

struct Differences<'a>(&'a [SettingDifference]);

impl fmt::Display for Differences<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("that player did not send them");
        }
        for (n, difference) in self.0.iter().take(MAX_SHOWN).enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}{difference}")?;
        }
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

struct Missing<'a> {
    silent: &'a [PeerId],
    waiting: &'a [(PeerId, Vec<PeerId>)],
}

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for peer in self.silent {
            write!(
                f,
                "; nothing has arrived from {peer}: has their game started this match?"
            )?;
        }
        for (peer, missing) in self.waiting {
            if missing.is_empty() {
                write!(f, "; {peer} did not become ready")?;
            }
            for other in missing {
                write!(
                    f,
                    "; {peer} received nothing from {other}: is another player linked with both?"
                )?;
            }
        }
        Ok(())
    }
}
