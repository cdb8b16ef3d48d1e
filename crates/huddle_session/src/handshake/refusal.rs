//! The reasons why two peers cannot play together.

use std::fmt;

use thiserror::Error;

use super::registry::Difference;
use crate::{roster::KickPolicy, tick::TickRate};

/// The maximum number of names that an error text lists. It contains only the number of further
/// names.
const MAX_NAMES: usize = 5;

/// The wire code of [`Refusal::Full`].
pub(super) const FULL: u8 = 8;

/// The reason why two players cannot play together.
///
/// The text is suitable for players. Parts of it that come from the other player's game are bounded
/// and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// They play different games.
    #[error(
        "the other player's game is \"{theirs}\", this one is \"{mine}\": join a room of this game"
    )]
    Game {
        /// The id of the local game.
        mine: String,
        /// The id of the other player's game.
        theirs: String,
    },
    /// Their games use incompatible versions of bevy_huddle.
    #[error(
        "the other player's game uses protocol version {theirs}, this one uses version {mine}: update {}",
        older(mine, theirs)
    )]
    Version {
        /// The local protocol version.
        mine: u16,
        /// The other player's protocol version.
        theirs: u16,
    },
    /// Their games tick at different rates.
    #[error(
        "the other player's game ticks at {theirs}, this one at {mine}: both need the same version of the game"
    )]
    TickRate {
        /// The tick rate of the local game.
        mine: TickRate,
        /// The tick rate of the other player's game.
        theirs: TickRate,
    },
    /// Their rooms have different kick policies.
    #[error(
        "{theirs} can kick players in the other player's game, {mine} in this one: both need the same kick policy"
    )]
    KickPolicy {
        /// The kick policy of the local game.
        mine: KickPolicy,
        /// The kick policy of the other player's game.
        theirs: KickPolicy,
    },
    /// Their rooms have different capacities.
    #[error(
        "{} in the other player's game, {} in this one: both need the same capacity",
        players(*theirs), players(*mine)
    )]
    Capacity {
        /// The capacity of the local room; `None` if it is unlimited.
        mine: Option<u8>,
        /// The capacity of the other player's room; `None` if it is unlimited.
        theirs: Option<u8>,
    },
    /// The other player's game closed the connection before the two could play together.
    #[error("the other player's game disconnected from this one")]
    Disconnected,
    /// All slots are taken.
    #[error("the room is full: {capacity} of {capacity} players are in it")]
    Full {
        /// Whether the other player's game refused this player, not the other way around.
        by_them: bool,
        /// The number of players that the room has slots for.
        capacity: u8,
    },
    /// Their games declare different messages. All lists are empty if the games differ only in
    /// messages that did not fit into the exchange, or if the other side did not send its list.
    #[error("{}", Messages { only_mine, only_theirs, different })]
    Messages {
        /// Names that only the local game declares.
        only_mine: Vec<String>,
        /// Names that only the other player's game declares.
        only_theirs: Vec<String>,
        /// Messages that both games declare with a different delivery or schema: the name, the
        /// local delivery and schema, and the other game's delivery and schema.
        different: Vec<(String, String, String)>,
    },
    /// One of the two games did not admit the other player.
    #[error("{}: {reason}", if *by_them { "the other player's game refused" } else { "this game refused the other player" })]
    NotAdmitted {
        /// Whether the other player's game refused this player, not the other way around.
        by_them: bool,
        /// The reason that the refusing game gave.
        reason: String,
    },
}

impl Refusal {
    /// Returns the wire code of the refusal.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Game { .. } => 1,
            Self::Version { .. } => 2,
            Self::TickRate { .. } => 3,
            Self::KickPolicy { .. } => 4,
            Self::Messages { .. } => 5,
            Self::NotAdmitted { .. } => 6,
            Self::Full { .. } => FULL,
            Self::Capacity { .. } => 9,
            Self::Disconnected => 10,
        }
    }

    /// Returns the reason to send to the other side.
    pub(super) fn wire_reason(&self) -> String {
        match self {
            Self::NotAdmitted { reason, .. } => reason.clone(),
            other => other.to_string(),
        }
    }

    pub(super) fn messages(difference: Difference) -> Self {
        Self::Messages {
            only_mine: difference.only_mine,
            only_theirs: difference.only_theirs,
            different: difference.different,
        }
    }
}

fn players(capacity: Option<u8>) -> String {
    match capacity {
        Some(capacity) => format!("{capacity} can play"),
        None => "any number can play".to_owned(),
    }
}

fn older(mine: &u16, theirs: &u16) -> &'static str {
    if mine < theirs {
        "this game"
    } else {
        "the other player's game"
    }
}

/// Displays [`Refusal::Messages`].
struct Messages<'a> {
    only_mine: &'a [String],
    only_theirs: &'a [String],
    different: &'a [(String, String, String)],
}

impl fmt::Display for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two games declare different messages")?;
        write_list(f, "only this one has", self.only_mine, |name| {
            format!("\"{name}\"")
        })?;
        write_list(f, "only the other has", self.only_theirs, |name| {
            format!("\"{name}\"")
        })?;
        write_list(
            f,
            "they differ in",
            self.different,
            |(name, mine, theirs)| {
                format!("\"{name}\" ({mine} in this game, {theirs} in the other)")
            },
        )?;
        f.write_str(": both need the same version of the game")
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    items: &[T],
    text: impl Fn(&T) -> String,
) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    write!(f, "; {what} ")?;
    for (i, item) in items.iter().take(MAX_NAMES).enumerate() {
        let separator = if i > 0 { ", " } else { "" };
        write!(f, "{separator}{}", text(item))?;
    }
    match items.len().saturating_sub(MAX_NAMES) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_differences() {
        let refusal = Refusal::Messages {
            only_mine: (1..=7).map(|i| format!("m{i}")).collect(),
            only_theirs: vec![],
            different: vec![("pose".into(), "component u8".into(), "event u8".into())],
        };
        assert_eq!(
            refusal.to_string(),
            "the two games declare different messages; only this one has \"m1\", \"m2\", \"m3\", \
             \"m4\", \"m5\" and 2 more; they differ in \"pose\" (component u8 in this game, event u8 \
             in the other): both need the same version of the game"
        );
        assert_eq!(
            Refusal::Version { mine: 1, theirs: 2 }.to_string(),
            "the other player's game uses protocol version 2, this one uses version 1: \
             update this game"
        );
    }
}
