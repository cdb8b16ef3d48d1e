use std::{collections::BTreeMap, time::Duration};

use huddle_session::PeerId;

use super::message::{Hello, Ready};

/// The interval between repeated hellos.
pub(super) const REPEAT: Duration = Duration::from_millis(500);

/// The time in which the first hello may arrive over its own link and be confirmed by its receiver.
/// Later hellos are relayed at once.
const RELAY_AFTER: Duration = Duration::from_millis(300);

/// When to relay a player's hello to another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relay {
    pub(super) due: Duration,
    pub(super) has_sent: bool,
}

impl Relay {
    pub(super) fn after(now: Duration) -> Self {
        Self {
            due: now.saturating_add(RELAY_AFTER),
            has_sent: false,
        }
    }
}

/// The state of another player, as far as the local peer knows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Player {
    hello: Option<Hello>,
    /// Whether the hello came from the player itself.
    is_first_hand: bool,
    /// Whether any message came from the player itself.
    pub(super) is_linked: bool,
    /// Whether the player was ready and has left since then.
    pub(super) has_departed: bool,
    /// The number of times that the player sent another nonce for the same attempt.
    pub(super) restarts: u8,
    /// The time at which its settings were found to differ.
    pub(super) differs: Option<Duration>,
    /// The time of the next hello.
    pub(super) next_hello: Duration,
    /// The time of the last hello or answer.
    pub(super) last_sent: Option<Duration>,
    pub(super) owes_settings: bool,
    pub(super) sent_settings: bool,
    pub(super) owes_withdrawal: bool,
    pub(super) owes_outdated: bool,
    /// When to relay the hello of each other player that this one lacks.
    pub(super) relays: BTreeMap<PeerId, Relay>,
}

/// The relation of a hello to earlier hellos of the same player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is consistent with earlier hellos.
    Consistent,
    /// It contradicts an earlier hello of the attempt.
    Contradiction,
    /// The player has begun another attempt under the same id.
    Restart,
}

impl Player {
    pub(super) fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    pub(super) fn ready(&self) -> Option<&Ready> {
        self.hello.as_ref()?.ready.as_ref()
    }

    /// Handles a hello, which may be older than the last one.
    pub(super) fn receive(&mut self, hello: Hello, is_first_hand: bool) -> Change {
        let Some(known) = &mut self.hello else {
            (self.hello, self.is_first_hand) = (Some(hello), is_first_hand);
            return Change::Consistent;
        };
        let change = known.merge(&hello);
        match (change, is_first_hand, self.is_first_hand) {
            (Change::Consistent, ..) => self.is_first_hand |= is_first_hand,
            // The relay may have changed it.
            (_, false, _) => return Change::Consistent,
            (_, true, false) => {
                (self.hello, self.is_first_hand) = (Some(hello), true);
                return Change::Consistent;
            }
            (_, true, true) => {}
        }
        change
    }

    /// Resets the state for another attempt.
    pub(super) fn reset(&mut self, now: Duration) {
        *self = Self {
            is_linked: self.is_linked,
            restarts: self.restarts,
            next_hello: now,
            ..Self::default()
        };
    }

    /// Schedules a hello at a time, unless one is due earlier.
    pub(super) fn schedule_hello(&mut self, at: Duration) {
        self.next_hello = self.next_hello.min(at);
    }
}

impl Hello {
    /// Adds the contents of another hello of the same player.
    fn merge(&mut self, other: &Self) -> Change {
        if self.nonce != other.nonce {
            return Change::Restart;
        }
        let is_same = self.settings == other.settings && self.start == other.start;
        let (earlier, later) = match self.running <= other.running {
            true => (self.running, other.running),
            false => (other.running, self.running),
        };
        // The only transition is from a running match to its end.
        let is_step = earlier == later || !earlier.is_settled();
        let is_ready_same = match (&self.ready, &other.ready) {
            (Some(a), Some(b)) => a.agreed == b.agreed && a.nonces == b.nonces,
            _ => true,
        };
        if !is_same || !is_step || !is_ready_same {
            return Change::Contradiction;
        }
        self.running = later;
        self.received |= other.received;
        self.ends |= other.ends;
        match (&mut self.ready, &other.ready) {
            (Some(mine), Some(theirs)) => mine.received |= theirs.received,
            (mine @ None, theirs) => mine.clone_from(theirs),
            (Some(_), None) => {}
        }
        Change::Consistent
    }
}
