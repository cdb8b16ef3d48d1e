use std::{fmt, str::FromStr};

/// The conditions of a match: its network and its faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// No loss and little jitter.
    Clean,
    /// 5 % loss and 40 ms jitter.
    Lossy,
    /// 30 % loss in bursts and 300 ms jitter.
    Bursty,
    /// Partitions, departures, kicks and freezes.
    Parting,
    /// Nearly half of the players vanish at the same time.
    Vanishing,
    /// The players compare no checksums.
    Unchecked,
    /// Players leave, vanish or fail before the first tick.
    Withdrawn,
    /// Links are missing from the start, forever or for some seconds.
    Unlinked,
    /// Machines restart, and return with the same peer id or with a new one.
    Restarting,
    /// The ticks of a player stop or slow down for a while, as in a hidden page.
    Hidden,
    /// The input delays change every few ticks.
    Adjusting,
    /// One machine runs at 55 Hz.
    Uneven,
    /// Machines freeze for 100 ms in every second.
    Hitching,
    /// 70,000 ticks, so that 16-bit numbers wrap.
    Long,
}

impl Condition {
    /// All conditions.
    pub const ALL: [Self; 14] = [
        Self::Clean,
        Self::Lossy,
        Self::Bursty,
        Self::Parting,
        Self::Vanishing,
        Self::Unchecked,
        Self::Withdrawn,
        Self::Unlinked,
        Self::Restarting,
        Self::Hidden,
        Self::Adjusting,
        Self::Uneven,
        Self::Hitching,
        Self::Long,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Lossy => "lossy",
            Self::Bursty => "bursty",
            Self::Parting => "parting",
            Self::Vanishing => "vanishing",
            Self::Unchecked => "unchecked",
            Self::Withdrawn => "withdrawn",
            Self::Unlinked => "unlinked",
            Self::Restarting => "restarting",
            Self::Hidden => "hidden",
            Self::Adjusting => "adjusting",
            Self::Uneven => "uneven",
            Self::Hitching => "hitching",
            Self::Long => "long",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error for an unknown name of a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no condition '{0}': choose from {names}", names = names())]
pub struct UnknownCondition(String);

fn names() -> String {
    Condition::ALL.map(Condition::name).join(", ")
}

impl FromStr for Condition {
    type Err = UnknownCondition;

    fn from_str(name: &str) -> Result<Self, UnknownCondition> {
        let named = Self::ALL
            .into_iter()
            .find(|condition| condition.name() == name);
        named.ok_or_else(|| UnknownCondition(name.to_owned()))
    }
}
