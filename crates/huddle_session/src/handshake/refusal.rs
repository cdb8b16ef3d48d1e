use std::fmt;

use thiserror::Error;

use super::registry::Difference;
use crate::{roster::KickPolicy, tick::TickRate};

/// How many names a text tells before it counts the rest.
const MAX_NAMES: usize = 5;

/// What stands for [`Refusal::Full`] on the wire.
pub(super) const FULL: u8 = 8;

/// Why two players cannot play together. Its text is fit to be shown to players; what the other
/// player's game supplied is bounded and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// They play different games.
    #[error(
        "the other player's game is \"{theirs}\", this one is \"{mine}\": join a room of this game"
    )]
    Game {
        /// This player's game.
        mine: String,
        /// The other's.
        theirs: String,
    },
    /// Their games were built with versions of bevy_huddle that do not understand each other.
    #[error(
        "the other player's game speaks version {theirs} of the protocol, this one version {mine}: {} needs to be updated",
        older(mine, theirs)
    )]
    Version {
        /// This player's protocol version.
        mine: u16,
        /// The other's.
        theirs: u16,
    },
    /// Their games tick at different rates.
    #[error(
        "the other player's game ticks at {theirs}, this one at {mine}: both need the same version of the game"
    )]
    TickRate {
        /// This player's rate.
        mine: TickRate,
        /// The other's.
        theirs: TickRate,
    },
    /// Their rooms have different rules.
    #[error(
        "in the other player's game {theirs} can kick players, in this one {mine}: both need the same rules"
    )]
    KickPolicy {
        /// This player's policy.
        mine: KickPolicy,
        /// The other's.
        theirs: KickPolicy,
    },
    /// Their rooms have different capacities.
    #[error(
        "in the other player's game {}, in this one {}: both need the same capacity",
        players(*theirs), players(*mine)
    )]
    Capacity {
        /// How many can play in this player's room; `None` for any number.
        mine: Option<u8>,
        /// How many can play in the other's.
        theirs: Option<u8>,
    },
    /// The other player's game ended the connection before this one could play with it.
    #[error("the other player's game disconnected from this one")]
    Disconnected,
    /// All places are taken.
    #[error("the room is full: {capacity} of {capacity} play already")]
    Full {
        /// Whether this player got no place, rather than the other.
        by_them: bool,
        /// How many can play.
        capacity: u8,
    },
    /// Their games declare different messages. All lists are empty if the difference lies beyond
    /// what fits into the exchange, or the other side did not tell.
    #[error("{}", Messages { only_mine, only_theirs, different })]
    Messages {
        /// Names that only this player's game declares.
        only_mine: Vec<String>,
        /// Names that only the other's declares.
        only_theirs: Vec<String>,
        /// What both declare, but not alike: the name, then this player's delivery and schema, then
        /// the other's.
        different: Vec<(String, String, String)>,
    },
    /// One of the two did not admit the other.
    #[error("{}: {reason}", if *by_them { "the other player's game refused" } else { "this game refused the other player" })]
    NotAdmitted {
        /// Whether this player was not admitted, rather than the other.
        by_them: bool,
        /// Why.
        reason: String,
    },
}

impl Refusal {
    /// What stands for it on the wire.
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

    /// What the other side is told.
    pub(super) fn told(&self) -> String {
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
        "this one"
    } else {
        "the other"
    }
}

/// The text of [`Refusal::Messages`].
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
            "not alike are",
            self.different,
            |(name, mine, theirs)| format!("\"{name}\" ({mine} here, {theirs} there)"),
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
    fn texts_say_what_differs() {
        let refusal = Refusal::Messages {
            only_mine: (1..=7).map(|i| format!("m{i}")).collect(),
            only_theirs: vec![],
            different: vec![("pose".into(), "state u8".into(), "event u8".into())],
        };
        assert_eq!(
            refusal.to_string(),
            "the two games declare different messages; only this one has \"m1\", \"m2\", \"m3\", \
             \"m4\", \"m5\" and 2 more; not alike are \"pose\" (state u8 here, event u8 there): \
             both need the same version of the game"
        );
        assert_eq!(
            Refusal::Version { mine: 1, theirs: 2 }.to_string(),
            "the other player's game speaks version 2 of the protocol, this one version 1: \
             this one needs to be updated"
        );
    }
}
