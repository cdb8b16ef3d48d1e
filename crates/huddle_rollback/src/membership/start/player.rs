use std::{collections::BTreeMap, time::Duration};

use huddle_session::PeerId;

use super::message::{Hello, Ready};

/// The interval between repeated hellos.
pub(super) const REPEAT: Duration = Duration::from_millis(500);

/// How long the first hello has time to arrive over its own link, and its receiver to say so. Later
/// ones are relayed at once.
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

/// What is known of another player.
#[derive(Debug, Clone, Default)]
pub(super) struct Player {
    hello: Option<Hello>,
    /// Whether the hello came from the player itself.
    is_first_hand: bool,
    /// Whether any message came from the player itself.
    pub(super) is_linked: bool,
    /// The player was ready and has left since.
    pub(super) has_departed: bool,
    /// How often the player sent another nonce for the same attempt.
    pub(super) restarts: u8,
    /// When its settings were found to be different.
    pub(super) differs: Option<Duration>,
    /// When to send the next hello.
    pub(super) say_again: Duration,
    /// When the last message was sent.
    pub(super) said: Option<Duration>,
    pub(super) owes_settings: bool,
    pub(super) sent_settings: bool,
    pub(super) owes_withdrawal: bool,
    pub(super) owes_outdated: bool,
    /// When to relay the hello of each other player that this one lacks.
    pub(super) relays: BTreeMap<PeerId, Relay>,
}

/// What a hello changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It fits everything before.
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

    /// Takes a hello, which may be older than the last one.
    pub(super) fn take(&mut self, hello: Hello, is_first_hand: bool) -> Change {
        let Some(known) = &mut self.hello else {
            (self.hello, self.is_first_hand) = (Some(hello), is_first_hand);
            return Change::Consistent;
        };
        let change = known.merge(&hello);
        match (change, is_first_hand, self.is_first_hand) {
            (Change::Consistent, ..) => self.is_first_hand |= is_first_hand,
            // The player that relayed it may have lied.
            (_, false, _) => return Change::Consistent,
            (_, true, false) => {
                (self.hello, self.is_first_hand) = (Some(hello), true);
                return Change::Consistent;
            }
            (_, true, true) => {}
        }
        change
    }

    /// Forgets the attempt, because another one begins.
    pub(super) fn begin_again(&mut self, now: Duration) {
        *self = Self {
            is_linked: self.is_linked,
            restarts: self.restarts,
            say_again: now,
            ..Self::default()
        };
    }

    /// Sends a hello soon, but not too often.
    pub(super) fn say_soon(&mut self, soonest: Duration) {
        self.say_again = self.say_again.min(soonest);
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
        self.heard |= other.heard;
        self.ends |= other.ends;
        match (&mut self.ready, &other.ready) {
            (Some(mine), Some(theirs)) => mine.heard |= theirs.heard,
            (mine @ None, theirs) => mine.clone_from(theirs),
            (Some(_), None) => {}
        }
        Change::Consistent
    }
}
