use std::{fmt, time::Duration};

/// Something that goes wrong in a game.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// When.
    pub at: Duration,
    /// What.
    pub what: Trouble,
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// Machines are switched off.
    Vanish {
        /// Whose.
        players: Vec<usize>,
        /// How long it takes until the others are told, as when a channel closes.
        noticed_after: Duration,
    },
    /// A player leaves and says so.
    Leave(usize),
    /// All others are told that a player is to go.
    Remove(usize),
    /// A player's program is restarted. The new program does not take part in the match.
    Restart {
        /// The player.
        player: usize,
        /// The time until the other players detect it.
        takes: Duration,
    },
    /// Nothing passes between these and all others for a time.
    Partition {
        /// One side.
        side: Vec<usize>,
        /// For how long.
        lasts: Duration,
    },
    /// Nothing passes between two for a time.
    Cut(usize, usize, Duration),
    /// A machine stands still for a time.
    Freeze(usize, Duration),
    /// A game is stopped for a time, as in a hidden page. Its room still answers, and the other players
    /// are notified.
    Stop(usize, Duration),
    /// A machine cannot keep up: its steps take this much longer.
    Slow(usize, f64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:.1} s: {:?}", self.at.as_secs_f64(), self.what)
    }
}
