//! The barrier before a match: all players agree on everything that affects the simulation, and no
//! player starts before all are ready.
//!
//! Each player repeats its complete state in a *hello* until all are ready: the hash of its settings,
//! a random nonce, the hellos that it has, and finally that it is ready. Hellos may therefore be lost,
//! duplicated and late. A player without a link to another receives that player's hellos through
//! those that have them.
//!
//! ```text
//!            all hellos have arrived,       all ends are known, and
//!            the settings are equal         the running match is over     all are ready
//!   hello ─────────────────────────▶ end ─────────────────────────▶ ready ─────────────▶ started
//!     │  ▲                            │                               │
//!     │  └── a greater match id ──────┴───────────────────────────────┘
//!     ▼
//!   failed: a player left, was lost, has other settings, or the time is over
//! ```
//!
//! - **Match ids.** A player answers a message of an earlier attempt with the current id. A message of a
//!   later attempt raises the local id. All players therefore start under the same id, whatever
//!   matches they played before.
//! - **Rematch.** The players of a running match continue until each has proposed a tick at which it
//!   can end. The match ends at the latest of these ticks. A player is ready once it has confirmed that
//!   tick. When the next match starts, no player therefore needs inputs of the previous match.
//! - **Failure.** A player that gives up sends its reason to the other players. They give up for the
//!   same reason, and forward it.

mod ends;
mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod match_id;
mod message;
mod player;
mod ready;
mod receive;
mod relay;
mod settings;
#[cfg(test)]
mod tests;
mod withdrawal;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use huddle_session::PeerId;

pub use self::{
    error::{StartError, StartMessageError, StartSetupError},
    settings::{SettingDifference, SettingsError},
};
pub(crate) use self::{match_id::MatchId, settings::Settings};

use self::{
    message::{Body, Hash, Message, Running},
    player::{Player, REPEAT},
    withdrawal::Withdrawal,
};
use crate::seat::MAX_SEATS;

/// The minimum interval between two answers to a player.
const ANSWER_AGAIN: Duration = Duration::from_millis(100);

/// The time in which a player must send settings that differ.
const SETTINGS_WAIT: Duration = Duration::from_secs(2);

/// The options of a start.
#[derive(Debug, Clone)]
pub(crate) struct StartSetup {
    pub(crate) local_id: PeerId,
    /// The lowest match id that the local peer accepts.
    pub(crate) id: MatchId,
    /// The player of each seat, the same on all peers.
    pub(crate) seats: Vec<PeerId>,
    /// The settings that must be the same for all players.
    pub(crate) settings: Settings,
    /// The local peer's part of the seed: a random number that no other player can guess.
    pub(crate) nonce: u64,
    /// The time limit for the start.
    pub(crate) limit: Duration,
    /// Whether the local peer still plays the previous match.
    pub(crate) is_playing: bool,
}

impl StartSetup {
    /// The default time limit.
    pub(crate) const LIMIT: Duration = Duration::from_secs(10);
}

/// The result of a successful start, which is the same for all players.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Started {
    pub(crate) id: MatchId,
    /// A random number to which every player contributes. The last player to contribute could choose
    /// it, so the number is neither secret nor fair.
    pub(crate) seed: u64,
}

/// The local peer's part of the start of a match.
///
/// Report messages ([`receive`](Self::receive)), lost players ([`lost`](Self::lost)) and the time
/// ([`advance`](Self::advance)). Send the messages that [`collect`](Self::collect) returns over reliable
/// channels. There is an [`outcome`](Self::outcome) at the time limit at the latest. Keep the value after
/// that, because other players may need an answer.
///
/// A player that loses all links at the last moment may fail while the other players start. They then
/// lose this player in the match.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    local_id: PeerId,
    id: MatchId,
    /// The greatest id that another player has sent, which is a lower bound for the next attempt.
    seen: MatchId,
    settings: Settings,
    settings_hash: Hash,
    nonce: u64,
    limit: Duration,
    began: Duration,
    now: Duration,
    /// All players in the order of their ids, including the local peer.
    players: Vec<PeerId>,
    others: BTreeMap<PeerId, Player>,
    running: Running,
    /// Whether the running match is confirmed up to its end.
    has_finished: bool,
    outcome: Option<Result<Started, StartError>>,
    /// The time of the outcome.
    ended: Option<Duration>,
}

impl Start {
    /// Starts an attempt.
    ///
    /// # Errors
    /// Returns an error if there are no seats, more than [`MAX_SEATS`], none for the local peer, or too
    /// many settings.
    pub(crate) fn new(setup: StartSetup, now: Duration) -> Result<Self, StartSetupError> {
        let StartSetup {
            local_id,
            id,
            seats,
            mut settings,
            nonce,
            limit,
            is_playing,
        } = setup;
        if !(1..=MAX_SEATS).contains(&seats.len()) {
            return Err(StartSetupError::Seats(seats.len()));
        }
        if !seats.contains(&local_id) {
            return Err(StartSetupError::NotSeated);
        }
        settings.set_seats(&seats)?;
        let mut players = seats;
        players.sort_unstable();
        players.dedup();
        let others = players.iter().filter(|&&peer| peer != local_id);
        let mut start = Self {
            local_id,
            id,
            seen: id,
            settings_hash: settings.hash(),
            settings,
            nonce,
            limit,
            began: now,
            now,
            others: others.map(|&peer| (peer, Player::default())).collect(),
            players,
            running: match is_playing {
                true => Running::Playing,
                false => Running::No,
            },
            has_finished: !is_playing,
            outcome: None,
            ended: None,
        };
        start.start_if_ready();
        Ok(start)
    }

    pub(crate) fn id(&self) -> MatchId {
        self.id
    }

    pub(crate) fn has_player(&self, peer: PeerId) -> bool {
        self.others.contains_key(&peer)
    }

    /// Returns when the attempt began.
    pub(crate) fn began(&self) -> Duration {
        self.began
    }

    /// Returns the lowest id of the next attempt.
    pub(crate) fn next_id(&self) -> MatchId {
        let next = match self.outcome {
            Some(Ok(_)) => self.id.next_match(),
            _ => self.id.next_epoch(),
        };
        next.max(self.seen)
    }

    /// Returns the outcome, or `None` while the attempt continues.
    pub(crate) fn outcome(&self) -> Option<Result<Started, &StartError>> {
        Some(self.outcome.as_ref()?.as_ref().copied())
    }

    /// Returns the players that are not known to be ready.
    pub(crate) fn waiting_for(&self) -> impl Iterator<Item = PeerId> {
        let others = self.others.iter();
        others
            .filter(|(_, other)| other.ready().is_none())
            .map(|(&peer, _)| peer)
    }

    /// Reports a link to a player.
    pub(crate) fn linked(&mut self, peer: PeerId) {
        if let Some(other) = self.others.get_mut(&peer) {
            other.is_linked = true;
            // An earlier withdrawal was lost if there was no link.
            other.owes_withdrawal |= matches!(self.outcome, Some(Err(_)));
        }
    }

    /// Returns the players that are not known to be linked, because no message has arrived from them
    /// directly.
    pub(crate) fn unlinked(&self) -> impl Iterator<Item = PeerId> {
        let others = self.others.iter();
        others
            .filter(|(_, other)| !other.is_linked)
            .map(|(&peer, _)| peer)
    }

    /// Takes a player that was ready and has left since then.
    pub(crate) fn pop_departed(&mut self) -> Option<PeerId> {
        let mut others = self.others.iter_mut();
        let (&peer, other) = others.find(|(_, other)| other.has_departed)?;
        other.has_departed = false;
        Some(peer)
    }

    /// Advances the time.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.now = now;
        if self.outcome.is_some() {
            return;
        }
        let since = |since: Duration| now.saturating_sub(since);
        let is_over = |(_, other): &(_, &Player)| {
            let differs = other.differs;
            differs.is_some_and(|at| since(at) >= SETTINGS_WAIT)
        };
        if let Some((&peer, _)) = self.others.iter().find(is_over) {
            let differences = Vec::new();
            self.fail(StartError::Settings { peer, differences });
        }
        if since(self.began) >= self.limit {
            self.fail(self.missing());
        }
    }

    /// Reports that the link to a player was lost, or that the player was removed. The attempt fails.
    pub(crate) fn lost(&mut self, peer: PeerId) {
        if self.others.contains_key(&peer) {
            self.fail(StartError::Lost { peer });
        }
    }

    /// Withdraws the local peer. The attempt fails.
    pub(crate) fn withdraw(&mut self) {
        let peer = self.local_id;
        self.fail(StartError::Left { peer });
    }

    /// Returns the next message to send, and its receiver.
    pub(crate) fn collect(&mut self) -> Option<(PeerId, Bytes)> {
        if let Some((&peer, other)) = self.others.iter_mut().find(|(_, o)| o.owes_settings) {
            (other.owes_settings, other.sent_settings) = (false, true);
            let message = Message::settings(self.id, &self.settings);
            return Some((peer, message.encode()?));
        }
        if let Some((&peer, other)) = self.others.iter_mut().find(|(_, o)| o.owes_withdrawal) {
            other.owes_withdrawal = false;
            let error = self.outcome.as_ref()?.as_ref().err()?;
            let body = Body::Withdraw(Withdrawal::new(error, &self.players));
            return Some((peer, Message { id: self.id, body }.encode()?));
        }
        let (now, id) = (self.now, self.next_id());
        if let Some((&peer, other)) = self.others.iter_mut().find(|(_, o)| o.owes_outdated) {
            other.owes_outdated = false;
            let body = Body::Outdated;
            return Some((peer, Message { id, body }.encode()?));
        }
        let repeat = match self.outcome {
            None => now.saturating_add(REPEAT),
            Some(Ok(_)) => Duration::MAX,
            // No player may start with one that gave up.
            Some(Err(_)) => return None,
        };
        let is_due = |other: &Player| now >= other.next_hello;
        let Some((&peer, other)) = self.others.iter_mut().find(|(_, other)| is_due(other)) else {
            return self.relay();
        };
        other.last_sent = Some(now);
        other.next_hello = repeat;
        let (id, body) = (self.id, Body::Hello(self.hello()));
        Some((peer, Message { id, body }.encode()?))
    }

    /// Schedules a hello to every player for now.
    fn send_hellos(&mut self) {
        for other in self.others.values_mut() {
            other.next_hello = self.now;
        }
    }

    fn fail(&mut self, error: StartError) {
        if self.outcome.is_some() {
            return;
        }
        self.outcome = Some(Err(error));
        self.ended = Some(self.now);
        for other in self.others.values_mut() {
            other.owes_withdrawal = true;
        }
    }

    fn missing(&self) -> StartError {
        let of = |wanted: &dyn Fn(&Player) -> bool| {
            let others = self.others.iter();
            let peers = others.filter(|(_, other)| wanted(other));
            peers.map(|(&peer, _)| peer).collect::<Vec<_>>()
        };
        let mut waiting = of(&|other| other.hello().is_some() && other.ready().is_none());
        if self.ready().is_none() {
            waiting.push(self.local_id);
            waiting.sort_unstable();
        }
        let lacking = |peer: PeerId| {
            let received = match self.others.get(&peer) {
                Some(other) => other.hello().map_or(0, |hello| hello.received),
                None => self.hello().received,
            };
            let players = self.players.iter().copied();
            let is_lacking = |&of: &PeerId| of != peer && received & self.bit(of) == 0;
            (peer, players.filter(is_lacking).collect())
        };
        StartError::Missing {
            limit: self.limit,
            silent: of(&|other| other.hello().is_none()),
            waiting: waiting.into_iter().map(lacking).collect(),
        }
    }

    fn bits(&self, of: impl Fn(&Player) -> bool) -> u16 {
        let others = self.others.iter().filter(|(_, other)| of(other));
        others.fold(0, |bits, (&peer, _)| bits | self.bit(peer))
    }

    fn bit(&self, peer: PeerId) -> u16 {
        let index = self.players.iter().position(|&player| player == peer);
        index.map_or(0, |index| 1 << index)
    }
}
