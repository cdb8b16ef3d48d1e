use std::{fmt, time::Duration};

/// A fault of a match, and when it happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The time at which it happens.
    pub at: Duration,
    /// The fault.
    pub what: Trouble,
}

/// The kinds of faults. Players are numbered from 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// Machines are switched off.
    Vanish {
        /// The players.
        players: Vec<usize>,
        /// The time after which the other players lose their links to them.
        noticed_after: Duration,
    },
    /// A player leaves the match, announces it, and switches the machine off.
    Leave(usize),
    /// A player leaves the match, announces it, and stays in the room.
    Withdraw(usize),
    /// All other players are notified that a player was kicked.
    Remove(usize),
    /// A player's program is restarted. The new program does not know the match.
    Restart {
        /// The player.
        player: usize,
        /// The time until the new program starts. Without
        /// [`set_restart`](crate::Simulation::set_restart) it does not start, and the other players
        /// detect the restart after this time.
        takes: Duration,
    },
    /// A machine that was not in the room from the start joins the room.
    Join(usize),
    /// A link between two players is missing for a while.
    Unlinked(usize, usize, Duration),
    /// No packet passes between one side and all other players for a while.
    Partition {
        /// The players of one side.
        side: Vec<usize>,
        /// The duration.
        lasts: Duration,
    },
    /// No packet passes between two players for a while.
    Cut(usize, usize, Duration),
    /// A machine freezes for a while.
    Freeze(usize, Duration),
    /// A game is stopped for a while, as in a hidden page. Its room still answers, and the other players
    /// are notified.
    Stop(usize, Duration),
    /// A game hangs for a while, and its room does not answer. The machine still answers pings.
    Hang(usize, Duration),
    /// Each tick of a player takes longer by this factor, from now on.
    Slow(usize, f64),
    /// A machine freezes at regular intervals, from now on.
    Hitch {
        /// The player.
        player: usize,
        /// The duration of each freeze.
        lasts: Duration,
        /// The time from one freeze to the next.
        every: Duration,
        /// Whether the machine then runs the missed ticks at once.
        catches_up: bool,
    },
    /// The input delay of a player changes at this interval in ticks, from now on.
    Adjust(usize, u32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:.1} s: {:?}", self.at.as_secs_f64(), self.what)
    }
}
