use std::fmt;

/// Who may kick a player from the room. All players of a room must have chosen the same.
///
/// Kicking is something each player's game does for itself: it cuts the link. So nobody can be
/// forced to go along, and a game that was tampered with can stay linked to whom it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KickPolicy {
    /// Nobody. Each player can still cut their own link to another.
    #[default]
    Nobody,
    /// The host, who is the player longest in the room. For rooms that belong to who opened them.
    Host,
    /// More than half of the other players. For rooms of strangers. Of two players each can kick
    /// the other.
    Majority,
}

impl KickPolicy {
    pub(crate) fn to_wire(self) -> u8 {
        match self {
            Self::Nobody => 0,
            Self::Host => 1,
            Self::Majority => 2,
        }
    }

    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Nobody),
            1 => Some(Self::Host),
            2 => Some(Self::Majority),
            _ => None,
        }
    }
}

impl fmt::Display for KickPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "nobody",
            Self::Host => "the host",
            Self::Majority => "the majority",
        })
    }
}
