use std::{fmt, time::Duration};

use huddle_session::{PeerId, codec::DecodeError};
use thiserror::Error;

use super::settings::{SettingDifference, SettingsError};

/// How many differences a text tells before it counts the rest.
const MAX_SHOWN: usize = 5;

/// Why a game cannot even try to start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartSetupError {
    /// There are no seats, or too many.
    #[error("a game cannot have {0} seats: it has 1 to {max}", max = crate::seat::MAX_SEATS)]
    Seats(usize),
    /// This player has none.
    #[error("this player has no seat: who only watches does not take part in the start")]
    NotSeated,
    /// The settings are too many.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// Why a game did not start. It never will: begin another round.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// A player was lost.
    #[error("{peer} was lost before the game started: wait for them to return, or play without")]
    Lost {
        /// Who.
        peer: PeerId,
    },
    /// A player's game has other settings. There are no differences if that player did not tell
    /// theirs.
    #[error(
        "the game of {peer} has other settings ({}): all players need the same version of the game and the same choices",
        Differences(differences)
    )]
    Settings {
        /// Who.
        peer: PeerId,
        /// In what.
        differences: Vec<SettingDifference>,
    },
    /// Not everybody was ready in time.
    #[error("the game did not start within {} s{}", limit.as_secs_f64(), Missing { silent, waiting })]
    Missing {
        /// How long it took to give up.
        limit: Duration,
        /// Who said nothing.
        silent: Vec<PeerId>,
        /// Who was there and did not get ready, and of whom they had heard nothing.
        waiting: Vec<(PeerId, Vec<PeerId>)>,
    },
    /// A player said one thing and then another.
    #[error("{peer} contradicts what they said before: play without them")]
    Inconsistent {
        /// Who.
        peer: PeerId,
    },
    /// One of two players is not honest about a nonce.
    #[error(
        "either {about} told {by} something else than this player, or {by} only says so: play without one of them"
    )]
    Contradiction {
        /// Who is said to have told different things.
        about: PeerId,
        /// Who says so.
        by: PeerId,
    },
}

/// Why bytes from another player are nothing that is said before a game starts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartMessageError {
    /// They are no message.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It has more nonces than there can be players.
    #[error("{0} nonces are more than players can be in a game")]
    TooManyNonces(usize),
    /// It has settings that no game can have.
    #[error("the settings are not such as a game can have")]
    ImpossibleSettings,
    /// Its sender does not play.
    #[error("{0} is not among those who are to play")]
    NotAPlayer(PeerId),
}

struct Differences<'a>(&'a [SettingDifference]);

impl fmt::Display for Differences<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("it did not say which");
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
            write!(f, "; {peer} said nothing: has their game begun this round?")?;
        }
        for (peer, missing) in self.waiting {
            if missing.is_empty() {
                write!(f, "; {peer} did not get ready")?;
            }
            for other in missing {
                write!(f, "; {peer} did not hear of {other}: have they a link?")?;
            }
        }
        Ok(())
    }
}
