//! The barrier before tick 0: all players agree on everything that a game is simulated by, and none
//! begins before all have.
//!
//! Everybody tells everybody the hash of their settings and a random nonce, again and again, and,
//! once they have it of all, that they are ready. Each message is all that there is to say, so
//! messages may be lost or doubled, and may come late. Whoever has started still answers those who
//! do not know that yet.

mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod message;
mod settings;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use huddle_session::PeerId;

pub(crate) use self::settings::Settings;
pub use self::{
    error::{StartError, StartMessageError, StartSetupError},
    settings::{SettingDifference, SettingsError},
};

use self::message::{Body, Hash, Hello, Message, Ready};
use crate::seat::MAX_SEATS;

/// After how long everything is said again.
const REPEAT: Duration = Duration::from_millis(500);

/// How soon a player is answered again who does not know what was said.
const ANSWER_AGAIN: Duration = Duration::from_millis(100);

/// For how long a player whose settings differ has time to tell them.
const SETTINGS_WAIT: Duration = Duration::from_secs(2);

/// What a game is to start with.
#[derive(Debug, Clone)]
pub(crate) struct StartSetup {
    /// This player.
    pub me: PeerId,
    /// Which game of the room this is. All players must count alike; what is said about another
    /// round is ignored.
    pub round: u32,
    /// Who plays each seat, in the order of the seats. It must be the same for all.
    pub seats: Vec<PeerId>,
    /// What must be the same for all.
    pub settings: Settings,
    /// This player's part of the seed: a random number that nobody can guess.
    pub nonce: u64,
    /// After how long to give up.
    pub limit: Duration,
}

impl StartSetup {
    /// After how long to give up, in most games.
    pub(crate) const LIMIT: Duration = Duration::from_secs(10);
}

/// What all players have agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Started {
    /// A random number, the same for all, to which everybody contributed. Whoever is the last to
    /// contribute could have chosen it, so it is no secret and no fair die for stakes.
    pub seed: u64,
}

/// A player's side of the start of a game.
///
/// Tell it what arrives ([`receive`](Self::receive)), who is [`lost`](Self::lost) and how time
/// passes ([`advance`](Self::advance)); send what [`collect`](Self::collect) has, reliably; and ask
/// for the [`outcome`](Self::outcome). It comes within the limit. Keep it, and go on, until inputs
/// of everybody have arrived, or for a few seconds if it failed: others may need an answer yet.
///
/// Whoever is cut off at the very last moment may fail while others start; to those it is a player
/// who was lost in the game.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    me: PeerId,
    round: u32,
    settings: Settings,
    settings_hash: Hash,
    nonce: u64,
    limit: Duration,
    began: Duration,
    now: Duration,
    /// All players in the order of their ids, this one included.
    players: Vec<PeerId>,
    others: BTreeMap<PeerId, Other>,
    outcome: Option<Result<Started, StartError>>,
}

#[derive(Debug, Clone, Default)]
struct Other {
    hello: Option<(Hash, u64)>,
    heard: u16,
    ready: Option<Ready>,
    /// Since when its settings are known to be others.
    differs: Option<Duration>,
    /// When to say again how this player stands.
    say_again: Duration,
    said: Option<Duration>,
    owes_settings: bool,
    told_settings: bool,
}

impl Start {
    /// Begins.
    ///
    /// # Errors
    /// If there are no seats, more than [`MAX_SEATS`], none for this player, or too many settings.
    pub(crate) fn new(setup: StartSetup, now: Duration) -> Result<Self, StartSetupError> {
        let StartSetup {
            me,
            round,
            seats,
            mut settings,
            nonce,
            limit,
        } = setup;
        if !(1..=MAX_SEATS).contains(&seats.len()) {
            return Err(StartSetupError::Seats(seats.len()));
        }
        if !seats.contains(&me) {
            return Err(StartSetupError::NotSeated);
        }
        settings.set_seats(&seats)?;
        let mut players = seats;
        players.sort_unstable();
        players.dedup();
        let others = players.iter().filter(|&&peer| peer != me);
        let mut start = Self {
            me,
            round,
            settings_hash: settings.hash(),
            settings,
            nonce,
            limit,
            began: now,
            now,
            others: others.map(|&peer| (peer, Other::default())).collect(),
            players,
            outcome: None,
        };
        start.judge();
        Ok(start)
    }

    /// How it ended, once it has.
    pub(crate) fn outcome(&self) -> Option<Result<Started, &StartError>> {
        Some(self.outcome.as_ref()?.as_ref().copied())
    }

    /// Who is not known to be ready yet.
    pub(crate) fn waiting_for(&self) -> impl Iterator<Item = PeerId> {
        let others = self.others.iter();
        others
            .filter(|(_, other)| other.ready.is_none())
            .map(|(&peer, _)| peer)
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.now = now;
        if self.outcome.is_some() {
            return;
        }
        let since = |since: Duration| now.saturating_sub(since);
        let untold =
            |(_, other): &(_, &Other)| other.differs.is_some_and(|at| since(at) >= SETTINGS_WAIT);
        if let Some((&peer, _)) = self.others.iter().find(untold) {
            let differences = Vec::new();
            self.fail(StartError::Settings { peer, differences });
        }
        if since(self.began) >= self.limit {
            let missing = self.missing();
            self.fail(missing);
        }
    }

    /// A player was lost. If the game has not started, it does not.
    pub(crate) fn lost(&mut self, peer: PeerId) {
        if self.others.contains_key(&peer) {
            self.fail(StartError::Lost { peer });
        }
    }

    /// The next message to send now, and to whom.
    pub(crate) fn collect(&mut self) -> Option<(PeerId, Bytes)> {
        if let Some((&peer, other)) = self.others.iter_mut().find(|(_, o)| o.owes_settings) {
            (other.owes_settings, other.told_settings) = (false, true);
            let message = Message::settings(self.round, &self.settings);
            return Some((peer, message.encode()?));
        }
        let now = self.now;
        let repeat = match self.outcome {
            None => now.saturating_add(REPEAT),
            Some(Ok(_)) => Duration::MAX,
            // Nobody is to start with a player who will not.
            Some(Err(_)) => return None,
        };
        let is_due = |other: &Other| now >= other.say_again;
        let (&peer, other) = self.others.iter_mut().find(|(_, other)| is_due(other))?;
        other.said = Some(now);
        other.say_again = repeat;
        let (round, body) = (self.round, Body::Hello(self.hello()));
        Some((peer, Message { round, body }.encode()?))
    }

    /// Takes a message from another player. What is about another round is ignored.
    ///
    /// # Errors
    /// If the bytes are no message, or not from one of the players; then nothing has changed.
    pub(crate) fn receive(&mut self, from: PeerId, bytes: &[u8]) -> Result<(), StartMessageError> {
        if !self.others.contains_key(&from) {
            return Err(StartMessageError::NotAPlayer(from));
        }
        let message = Message::decode(bytes)?;
        if message.round != self.round {
            return Ok(());
        }
        match message.body {
            Body::Hello(hello) => self.hear(from, hello),
            Body::Settings(entries) => {
                let theirs =
                    Settings::from_wire(entries).ok_or(StartMessageError::ImpossibleSettings)?;
                self.compare(from, &theirs);
            }
        }
        Ok(())
    }

    fn hear(&mut self, from: PeerId, hello: Hello) {
        let (me, is_ready) = (self.bit(self.me), self.has_all());
        let Some(other) = self.others.get_mut(&from) else {
            return;
        };
        let said = (hello.settings, hello.nonce);
        let is_same = *other.hello.get_or_insert(said) == said;
        other.heard |= hello.heard;
        let mut is_consistent = is_same;
        let mut knows_me_ready = false;
        if let Some(mut ready) = hello.ready {
            knows_me_ready = ready.heard & me != 0;
            ready.heard = 0;
            is_consistent &= other.ready.get_or_insert_with(|| ready.clone()) == &ready;
        }
        // Whoever does not know yet how this player stands, is told.
        if hello.heard & me == 0 || is_ready && !knows_me_ready {
            let soonest = other
                .said
                .map_or(self.now, |at| at.saturating_add(ANSWER_AGAIN));
            other.say_again = other.say_again.min(soonest);
        }
        if hello.settings != self.settings_hash {
            self.differ(from);
        }
        if !is_consistent {
            self.fail(StartError::Inconsistent { peer: from });
        }
        if !is_ready && self.has_all() {
            self.say_now();
        }
        self.judge();
    }

    /// A player's settings are others: it is told this player's, and has some time to tell its own.
    fn differ(&mut self, peer: PeerId) {
        if let Some(other) = self.others.get_mut(&peer) {
            other.owes_settings = !other.told_settings;
            other.differs.get_or_insert(self.now);
        }
    }

    fn compare(&mut self, from: PeerId, theirs: &Settings) {
        let differences = self.settings.differences(theirs);
        if !differences.is_empty() {
            self.differ(from);
            let peer = from;
            self.fail(StartError::Settings { peer, differences });
        }
    }

    /// Whether everybody's hello is here and their settings are the same.
    fn has_all(&self) -> bool {
        let mine = self.settings_hash;
        let mut others = self.others.values();
        others.all(|other| other.hello.is_some_and(|(settings, _)| settings == mine))
    }

    /// Starts if all are ready for the same.
    fn judge(&mut self) {
        let Some(mine) = self.ready().filter(|_| self.outcome.is_none()) else {
            return;
        };
        let mut is_complete = true;
        let mut contradiction = None;
        for (&by, other) in &self.others {
            match &other.ready {
                None => is_complete = false,
                Some(theirs) if theirs.agreed != mine.agreed || theirs.nonces != mine.nonces => {
                    contradiction = Some((by, theirs.nonces.clone()));
                }
                Some(_) => {}
            }
        }
        if let Some((by, nonces)) = contradiction {
            self.fail(self.contradiction(by, &nonces, &mine.nonces));
        } else if is_complete {
            let seed = u64::from_le_bytes(std::array::from_fn(|i| mine.agreed[i]));
            self.outcome = Some(Ok(Started { seed }));
        }
    }

    /// Who is to blame if `by` says that these are the nonces.
    fn contradiction(&self, by: PeerId, theirs: &[u64], mine: &[u64]) -> StartError {
        let mut said = self.players.iter().zip(theirs.iter().zip(mine));
        match said.find(|(_, (theirs, mine))| theirs != mine) {
            Some((&about, _)) if about != by && about != self.me => {
                StartError::Contradiction { about, by }
            }
            // It contradicts itself, or this player, or its own hash.
            _ => StartError::Inconsistent { peer: by },
        }
    }

    fn hello(&self) -> Hello {
        let heard = |other: &Other| other.hello.is_some();
        Hello {
            settings: self.settings_hash,
            nonce: self.nonce,
            heard: self.bits(heard),
            ready: self.ready(),
        }
    }

    /// What this player is ready for, once it has heard all.
    fn ready(&self) -> Option<Ready> {
        if !self.has_all() {
            return None;
        }
        let nonce = |peer| match self.others.get(peer) {
            Some(other) => other.hello.map(|(_, nonce)| nonce),
            None => Some(self.nonce),
        };
        let nonces: Vec<u64> = self.players.iter().map(nonce).collect::<Option<_>>()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"huddle/start");
        hasher.update(&self.round.to_le_bytes());
        hasher.update(&self.settings_hash);
        for (peer, nonce) in self.players.iter().zip(&nonces) {
            hasher.update(peer.as_bytes());
            hasher.update(&nonce.to_le_bytes());
        }
        Some(Ready {
            agreed: hasher.finalize().into(),
            nonces,
            heard: self.bits(|other| other.ready.is_some()),
        })
    }

    fn say_now(&mut self) {
        for other in self.others.values_mut() {
            other.say_again = self.now;
        }
    }

    fn fail(&mut self, error: StartError) {
        self.outcome.get_or_insert(Err(error));
    }

    fn missing(&self) -> StartError {
        let of = |wanted: &dyn Fn(&Other) -> bool| {
            let others = self.others.iter();
            let peers = others.filter(|(_, other)| wanted(other));
            peers.map(|(&peer, _)| peer).collect::<Vec<_>>()
        };
        let waiting = of(&|other| other.hello.is_some() && other.ready.is_none());
        let unheard = |peer: PeerId| {
            let heard = self.others.get(&peer).map_or(0, |other| other.heard);
            let players = self.players.iter().copied();
            let is_unheard = |&of: &PeerId| of != peer && heard & self.bit(of) == 0;
            (peer, players.filter(is_unheard).collect())
        };
        StartError::Missing {
            limit: self.limit,
            silent: of(&|other| other.hello.is_none()),
            waiting: waiting.into_iter().map(unheard).collect(),
        }
    }

    fn bits(&self, of: impl Fn(&Other) -> bool) -> u16 {
        let others = self.others.iter().filter(|(_, other)| of(other));
        others.fold(0, |bits, (&peer, _)| bits | self.bit(peer))
    }

    fn bit(&self, peer: PeerId) -> u16 {
        let place = self.players.iter().position(|&player| player == peer);
        place.map_or(0, |place| 1 << place)
    }
}
