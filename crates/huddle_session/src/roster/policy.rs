use std::fmt;

/// The policy that decides who may kick a player from the room. All players of a room must choose
/// the same policy.
///
/// Each peer enforces kicks itself by disconnecting the kicked player. No peer can be forced to do
/// so, and a modified game can stay linked to any player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KickPolicy {
    /// Nobody can be kicked. Each player can still disconnect another from itself.
    #[default]
    Disabled,
    /// The host, which is the player that has been in the room longest. Suitable for rooms that
    /// belong to the player that opened them.
    Host,
    /// More than half of the other players. Suitable for rooms of strangers. In a room of two, each
    /// player can kick the other.
    Majority,
}

impl KickPolicy {
    pub(crate) fn to_wire(self) -> u8 {
        match self {
            Self::Disabled => 0,
            Self::Host => 1,
            Self::Majority => 2,
        }
    }

    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Disabled),
            1 => Some(Self::Host),
            2 => Some(Self::Majority),
            _ => None,
        }
    }
}

impl fmt::Display for KickPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "nobody",
            Self::Host => "the host",
            Self::Majority => "the majority",
        })
    }
}
