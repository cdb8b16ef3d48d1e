//! How two peers agree that they can play together, before they exchange anything else.
//!
//! Each side sends a hello with its terms until the other side welcomes it. A side that receives a
//! hello compares terms, asks the game whether to admit the peer, and sends a welcome or a refusal.
//! A side is done when it has sent and received a welcome. Any message may be lost, duplicated or
//! late: hellos repeat until welcomed, every repeated hello is answered, and all messages but hellos
//! carry both nonces, so that messages of an earlier session are recognised.
//!
//! A side never gives up on a silent peer: the other game may be loading, or its page may be in the
//! background. Hellos repeat for as long as the link is open, and the first one that the peer reads
//! is answered. Only different terms or the game's own decision end a handshake for good.

mod error;
mod event;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod message;
mod refusal;
mod registry;
mod terms;
mod text;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;

pub(crate) use self::event::{Agreement, HandshakeEvent, Ticket};
pub use self::{
    error::HandshakeError,
    message::PROTOCOL_VERSION,
    refusal::Refusal,
    terms::{MAX_GAME_LEN, MAX_JOIN_DATA_LEN, Terms, TermsError},
};
use self::{
    error::MAX_RESTARTS,
    message::{Hello, MAX_REASON_LEN, Message, Opening, Route},
    refusal::FULL,
    registry::Difference,
    text::clean,
};
use crate::{capacity::Claim, clock::ClockReading, hash::Fnv64};

/// The interval between repetitions of a message until it is answered.
const REPEAT: Duration = Duration::from_millis(400);

/// The interval after [`PATIENT_ROUNDS`] without an answer: the messages wait in the queue of a
/// game that does not run, so more of them would not help.
const SLOW_REPEAT: Duration = Duration::from_secs(2);

/// The number of rounds that are sent at the faster interval.
const PATIENT_ROUNDS: u32 = 25;

/// The number of unanswered rounds after which the peer's game is taken to be busy: about 1.6 s.
const BUSY_ROUNDS: u32 = 4;

/// The number of rounds that this side waits for the list of declared messages. The games differ
/// in any case; without the list, the refusal cannot name the difference.
const COMPARE_ROUNDS: u32 = 25;

/// How often a refusal is said at least, once the other side's is heard.
const MIN_ROUNDS: u32 = 3;

/// How often a refusal is said at most.
const MAX_ROUNDS: u32 = 12;

/// The interval at which the peer may begin further sessions.
const RESTART_SPACING: Duration = Duration::from_secs(2);

/// A new nonce is believed after the old session ended only if it is heard again this much later:
/// a hello that was on its way for long is not repeated.
const RESTART_PROOF: Duration = Duration::from_millis(200);

/// One side of the handshake with one peer, over the lifetime of one session.
///
/// Time is since the room was joined. Call [`collect`](Self::collect) every tick until it has
/// nothing more, also after the end; give [`receive`](Self::receive) every message whose first byte
/// is 0x01 to 0x04; and see to what [`poll`](Self::poll) tells. Other messages mean nothing before
/// [`HandshakeEvent::Done`]: drop them, since they are sent again.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    nonce: u64,
    peer: Option<Peer>,
    stage: Stage,
    /// Rounds begun since the peer was last heard. Only rounds count, not time: while this side's
    /// own game hangs, there are none.
    unanswered: u32,
    restarts: u32,
    rival: Option<Rival>,
    next_round: Duration,
    owed: Owed,
    /// What the peer last told of the room's places, until it is taken.
    claim: Option<Claim>,
    events: VecDeque<HandshakeEvent>,
}

/// Who is at the other end.
#[derive(Debug, Clone)]
struct Peer {
    nonce: u64,
    /// When this session of the peer began.
    met: Duration,
    /// What its clock said last, and when; nothing if it speaks another version.
    clock: ClockReading,
    heard: Duration,
    has_welcomed: bool,
    has_refused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// Nobody said hello.
    Waiting,
    /// The game is asked whether to admit the peer.
    Asking,
    /// The declared messages differ; the peer's list has not arrived.
    Comparing {
        rounds: u32,
    },
    /// The peer is welcome, and has not welcomed us.
    Accepted,
    Done,
    Refused {
        refusal: Refusal,
        rounds: u32,
    },
}

/// A nonce that may have replaced the one of a session that has ended.
#[derive(Debug, Clone, Copy)]
struct Rival {
    nonce: u64,
    first_heard: Duration,
    is_told: bool,
}

/// What is to be sent now.
#[derive(Debug, Clone, Copy, Default)]
struct Owed {
    hello: bool,
    welcome: bool,
    registry: bool,
    refusal: bool,
}

impl Handshake {
    /// Begins a session. The nonce is random, and never used again.
    pub(crate) fn new(nonce: u64, now: Duration) -> Self {
        Self {
            nonce,
            peer: None,
            stage: Stage::Waiting,
            unanswered: 0,
            restarts: 0,
            rival: None,
            next_round: now,
            owed: Owed::default(),
            claim: None,
            events: VecDeque::new(),
        }
    }

    /// Whether the handshake waits for a peer whose game gives no sign of life: it loads, hangs, or
    /// its page is stopped. The handshake goes on as soon as the peer is heard.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.unanswered >= BUSY_ROUNDS && !matches!(self.stage, Stage::Done | Stage::Refused { .. })
    }

    /// What the peer has told of the room's places since this was last called.
    pub(crate) fn take_claim(&mut self) -> Option<Claim> {
        self.claim.take()
    }

    /// Says hello at once, because there is news in it.
    pub(crate) fn hello_again(&mut self) {
        self.owed.hello |= !matches!(self.stage, Stage::Done | Stage::Refused { .. });
    }

    /// Whether it ended with a refusal that the other side knows of, or has been told often enough:
    /// the link can go.
    pub(crate) fn is_over(&self) -> bool {
        let is_heard = self.peer.as_ref().is_some_and(|peer| peer.has_refused);
        let needed = if is_heard { MIN_ROUNDS } else { MAX_ROUNDS };
        matches!(self.stage, Stage::Refused { rounds, .. } if rounds >= needed)
    }

    /// What happened. Call it after everything else until it returns `None`.
    pub(crate) fn poll(&mut self) -> Option<HandshakeEvent> {
        self.events.pop_front()
    }

    /// The next message to send now, reliably if possible. `clock` is what this player's clock
    /// says.
    pub(crate) fn collect(
        &mut self,
        now: Duration,
        terms: &Terms,
        clock: ClockReading,
    ) -> Option<Bytes> {
        if now >= self.next_round {
            let interval = if self.unanswered < PATIENT_ROUNDS {
                REPEAT
            } else {
                SLOW_REPEAT
            };
            self.next_round = now.saturating_add(interval);
            self.begin_round();
        }
        if std::mem::take(&mut self.owed.hello) {
            return Some(message::hello(self.nonce, terms, clock));
        }
        let to = self.peer.as_ref()?.nonce;
        let route = Route {
            from: self.nonce,
            to,
        };
        if std::mem::take(&mut self.owed.welcome) {
            return Some(message::welcome(route));
        }
        if std::mem::take(&mut self.owed.registry) {
            return Some(message::registry(route, &terms.registry));
        }
        match &self.stage {
            Stage::Refused { refusal, .. } if std::mem::take(&mut self.owed.refusal) => {
                Some(message::refusal(route, refusal.code(), &refusal.told()))
            }
            _ => None,
        }
    }

    /// Takes a message from the peer. What belongs to another session is dropped.
    ///
    /// # Errors
    /// If the bytes are no message of the handshake; then nothing has changed.
    pub(crate) fn receive(
        &mut self,
        terms: &Terms,
        bytes: Bytes,
        now: Duration,
    ) -> Result<(), HandshakeError> {
        match message::decode(bytes)? {
            Message::Hello(hello) => {
                let verdict = judge(terms, &hello);
                self.hear(&hello.opening, hello.clock, verdict, now)?;
                let nonce = self.peer.as_ref().map(|peer| peer.nonce);
                if nonce == Some(hello.opening.nonce)
                    && let Some(offer) = hello.places
                {
                    self.claim = Some(offer.claim);
                }
                Ok(())
            }
            Message::OtherVersion(opening) => {
                let verdict =
                    Verdict::Refuse(judge_opening(terms, &opening).unwrap_or(Refusal::Version {
                        mine: PROTOCOL_VERSION,
                        theirs: opening.version,
                    }));
                self.hear(&opening, ClockReading::default(), verdict, now)
            }
            Message::Welcome(route) => {
                self.be_welcomed(route);
                Ok(())
            }
            Message::Refusal(route, code, reason) => {
                let refusal = match terms.capacity() {
                    Some(capacity) if code == FULL => Refusal::Full {
                        by_them: true,
                        capacity,
                    },
                    _ => Refusal::NotAdmitted {
                        by_them: true,
                        reason,
                    },
                };
                self.be_refused(route, refusal);
                Ok(())
            }
            Message::Registry(route, theirs) => {
                if self.is_ours(route) && matches!(self.stage, Stage::Comparing { .. }) {
                    let difference = terms.registry.difference(&theirs);
                    self.refuse(Refusal::messages(difference));
                }
                Ok(())
            }
        }
    }

    /// Answers [`HandshakeEvent::JoinRequested`]: admits the peer, or says why not. What answers an
    /// older question is ignored.
    pub(crate) fn decide(&mut self, ticket: Ticket, verdict: Result<(), String>) {
        if !self.is_asked(ticket) {
            return;
        }
        match verdict {
            Ok(()) => {
                self.stage = Stage::Accepted;
                self.owed.welcome = true;
                self.finish_if_welcome();
            }
            Err(reason) => self.refuse(Refusal::NotAdmitted {
                by_them: false,
                reason: clean(reason.as_bytes(), MAX_REASON_LEN),
            }),
        }
    }

    /// Answers [`HandshakeEvent::JoinRequested`] as well: all places are taken.
    pub(crate) fn decide_full(&mut self, ticket: Ticket, capacity: u8) {
        if self.is_asked(ticket) {
            self.refuse(Refusal::Full {
                by_them: false,
                capacity,
            });
        }
    }

    fn is_asked(&self, ticket: Ticket) -> bool {
        let peer = self.peer.as_ref();
        self.stage == Stage::Asking && peer.is_some_and(|peer| peer.nonce == ticket.0)
    }

    fn hear(
        &mut self,
        opening: &Opening,
        clock: ClockReading,
        verdict: Verdict,
        now: Duration,
    ) -> Result<(), HandshakeError> {
        if opening.nonce == self.nonce {
            return Err(HandshakeError::Echo);
        }
        self.unanswered = 0;
        let has_ended = matches!(self.stage, Stage::Done | Stage::Refused { .. });
        match &mut self.peer {
            Some(peer) if peer.nonce == opening.nonce => {
                peer.clock = clock;
                peer.heard = now;
                self.owed.welcome |= matches!(self.stage, Stage::Accepted | Stage::Done);
            }
            _ if has_ended => self.hear_rival(opening.nonce, now),
            Some(peer)
                if self.restarts >= MAX_RESTARTS
                    && now.saturating_sub(peer.met) < RESTART_SPACING =>
            {
                return Err(HandshakeError::TooManySessions);
            }
            peer => {
                self.restarts = self.restarts.saturating_add(u32::from(peer.is_some()));
                *peer = Some(Peer {
                    nonce: opening.nonce,
                    met: now,
                    clock,
                    heard: now,
                    has_welcomed: false,
                    has_refused: false,
                });
                // It may not have been there for the last one.
                self.owed = Owed {
                    hello: true,
                    ..Owed::default()
                };
                self.begin_with(verdict, Ticket(opening.nonce));
            }
        }
        Ok(())
    }

    fn begin_with(&mut self, verdict: Verdict, ticket: Ticket) {
        match verdict {
            Verdict::Ask(data) => {
                self.stage = Stage::Asking;
                self.events
                    .push_back(HandshakeEvent::JoinRequested { ticket, data });
            }
            Verdict::Compare => {
                self.stage = Stage::Comparing { rounds: 0 };
                self.owed.registry = true;
            }
            Verdict::Refuse(refusal) => self.refuse(refusal),
        }
    }

    fn hear_rival(&mut self, nonce: u64, now: Duration) {
        let rival = match &mut self.rival {
            Some(rival) if rival.nonce == nonce => rival,
            rival => rival.insert(Rival {
                nonce,
                first_heard: now,
                is_told: false,
            }),
        };
        if !rival.is_told && now.saturating_sub(rival.first_heard) >= RESTART_PROOF {
            rival.is_told = true;
            self.events.push_back(HandshakeEvent::Restarted);
        }
    }

    fn is_ours(&self, route: Route) -> bool {
        let is_theirs = self
            .peer
            .as_ref()
            .is_some_and(|peer| peer.nonce == route.from);
        is_theirs && route.to == self.nonce
    }

    fn be_welcomed(&mut self, route: Route) {
        if self.is_ours(route)
            && let Some(peer) = &mut self.peer
        {
            self.unanswered = 0;
            peer.has_welcomed = true;
            self.finish_if_welcome();
        }
    }

    fn be_refused(&mut self, route: Route, refusal: Refusal) {
        if !self.is_ours(route) {
            return;
        }
        if let Some(peer) = &mut self.peer {
            peer.has_refused = true;
        }
        // While comparing we know why, and the peer goes on telling its list.
        if !matches!(self.stage, Stage::Comparing { .. } | Stage::Refused { .. }) {
            self.refuse(refusal);
        }
    }

    fn finish_if_welcome(&mut self) {
        let Some(peer) = &self.peer else { return };
        if self.stage != Stage::Accepted || !peer.has_welcomed {
            return;
        }
        let (low, high) = (self.nonce.min(peer.nonce), self.nonce.max(peer.nonce));
        let hash = Fnv64::new()
            .write(&low.to_le_bytes())
            .write(&high.to_le_bytes())
            .finish();
        let session = (hash ^ (hash >> 32)) as u32;
        self.stage = Stage::Done;
        self.events.push_back(HandshakeEvent::Done(Agreement {
            tag: session.to_le_bytes().into_iter().fold(0, |a, b| a ^ b),
            session,
            clock: peer.clock,
            heard: peer.heard,
        }));
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.events
            .push_back(HandshakeEvent::Refused(refusal.clone()));
        self.stage = Stage::Refused { refusal, rounds: 0 };
        self.unanswered = 0;
        self.owed = Owed::default();
        self.next_round = Duration::ZERO;
    }

    fn begin_round(&mut self) {
        let is_over = self.is_over();
        self.unanswered = self.unanswered.saturating_add(1);
        match &mut self.stage {
            Stage::Done => {}
            Stage::Refused { .. } if is_over => {}
            Stage::Refused { refusal, rounds } => {
                *rounds += 1;
                self.owed.hello = true;
                self.owed.registry = matches!(refusal, Refusal::Messages { .. });
                self.owed.refusal = true;
            }
            Stage::Comparing { rounds } if *rounds >= COMPARE_ROUNDS => {
                self.refuse(Refusal::messages(Difference::default()));
            }
            Stage::Comparing { rounds } => {
                *rounds += 1;
                self.owed.hello = true;
                self.owed.registry = true;
            }
            Stage::Waiting | Stage::Asking | Stage::Accepted => {
                let is_welcome = self.peer.as_ref().is_some_and(|peer| peer.has_welcomed);
                self.owed.hello |= !is_welcome;
            }
        }
    }
}

enum Verdict {
    Ask(Bytes),
    Compare,
    Refuse(Refusal),
}

/// Both sides look at the same things in the same order, so they find the same difference.
fn judge(terms: &Terms, hello: &Hello) -> Verdict {
    if let Some(refusal) = judge_opening(terms, &hello.opening) {
        Verdict::Refuse(refusal)
    } else if hello.rate != terms.rate {
        Verdict::Refuse(Refusal::TickRate {
            mine: terms.rate,
            theirs: hello.rate,
        })
    } else if hello.policy != terms.policy {
        Verdict::Refuse(Refusal::KickPolicy {
            mine: terms.policy,
            theirs: hello.policy,
        })
    } else if hello.capacity() != terms.capacity() {
        Verdict::Refuse(Refusal::Capacity {
            mine: terms.capacity(),
            theirs: hello.capacity(),
        })
    } else if hello.kinds_hash != terms.kinds_hash {
        Verdict::Compare
    } else {
        Verdict::Ask(hello.join_data.clone())
    }
}

/// The game comes before the version: who plays something else is not helped by an update.
fn judge_opening(terms: &Terms, opening: &Opening) -> Option<Refusal> {
    (opening.game != terms.game.as_bytes()).then(|| Refusal::Game {
        mine: clean(terms.game.as_bytes(), MAX_GAME_LEN),
        theirs: clean(&opening.game, MAX_GAME_LEN),
    })
}

#[cfg(test)]
mod tests;
