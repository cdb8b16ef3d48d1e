//! The handshake, which two peers complete before they exchange anything else.
//!
//! 1. Each side sends a hello with its terms until the other side welcomes it.
//! 2. A side that receives a hello compares the terms, lets the game decide whether to admit the peer, and
//!    sends a welcome or a refusal.
//! 3. A side is done when it has sent and received a welcome.
//!
//! A *round* is one repetition of the messages that the peer has not answered.
//!
//! Any message may be lost, duplicated or delayed. Each side resends its hello until it receives a
//! welcome, and answers every repeated hello. All messages except hellos contain the nonces of both
//! sides, so that a side recognizes messages of an earlier session.
//!
//! A side never gives up on a silent peer, because the other game may be loading or its page may be
//! in the background. It resends its hello for as long as the link is open, and the peer answers
//! the first one that it reads. Only different terms or a decision by either game end a handshake
//! permanently.

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

/// The interval between two rounds.
const REPEAT: Duration = Duration::from_millis(400);

/// The interval between two rounds after [`FAST_ROUNDS`] without an answer. The peer's game is not
/// running, and the messages wait in its queue, so sending more of them would not help.
const SLOW_REPEAT: Duration = Duration::from_secs(2);

/// The number of unanswered rounds after which the interval grows to [`SLOW_REPEAT`].
const FAST_ROUNDS: u32 = 25;

/// The number of unanswered rounds after which the peer's game counts as busy: about 1.6 s.
const BUSY_ROUNDS: u32 = 4;

/// The number of rounds that this side waits for the peer's list of declared messages before it
/// refuses. Without the list, the refusal cannot name the difference.
const COMPARE_ROUNDS: u32 = 25;

/// The number of times that a refusal is sent if the other side has refused as well.
const MIN_REFUSALS: u32 = 3;

/// The number of times that a refusal is sent otherwise.
const MAX_REFUSALS: u32 = 12;

/// The minimum interval between the peer's sessions after [`MAX_RESTARTS`].
const RESTART_SPACING: Duration = Duration::from_secs(2);

/// The minimum time between two hellos with the same new nonce before the peer counts as restarted.
/// A single delayed hello of an old session therefore does not restart the handshake.
const RESTART_CONFIRMATION: Duration = Duration::from_millis(200);

/// The local side of the handshake with one peer, for one session.
///
/// All times are relative to the moment when the local peer joined the room. The caller has to:
///
/// - call [`collect`](Self::collect) every tick until it returns `None`, even after the handshake
///   has ended;
/// - pass every message whose first byte is 0x01 to 0x04 to [`receive`](Self::receive);
/// - handle the events that [`poll`](Self::poll) returns;
/// - drop all other messages until [`HandshakeEvent::Done`]. The peer sends them again.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    nonce: u64,
    peer: Option<Peer>,
    stage: Stage,
    /// The number of rounds since the last message from the peer. Counts rounds instead of time,
    /// because there are no rounds while the local game hangs.
    unanswered: u32,
    restarts: u32,
    new_session: Option<NewSession>,
    next_round: Duration,
    pending: Pending,
    /// The last claim that the peer sent, until the caller takes it.
    claim: Option<Claim>,
    events: VecDeque<HandshakeEvent>,
}

/// The other side of the handshake.
#[derive(Debug, Clone)]
struct Peer {
    nonce: u64,
    /// The time at which the first hello of this session arrived.
    first_hello_at: Duration,
    /// The peer's latest clock reading. The default if the peer uses another protocol version.
    clock: ClockReading,
    clock_received_at: Duration,
    has_welcomed: bool,
    has_refused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// No hello has arrived.
    Waiting,
    /// The game decides whether to admit the peer.
    Asking,
    /// The declared messages differ, and the peer's list has not arrived.
    Comparing {
        rounds: u32,
    },
    /// The local peer has welcomed the other side, which has not answered with a welcome yet.
    Accepted,
    Done,
    Refused {
        refusal: Refusal,
        rounds: u32,
    },
}

/// A session that the peer may have started after the current one ended.
#[derive(Debug, Clone, Copy)]
struct NewSession {
    nonce: u64,
    first_hello_at: Duration,
    is_reported: bool,
}

/// The messages to send now.
#[derive(Debug, Clone, Copy, Default)]
struct Pending {
    hello: bool,
    welcome: bool,
    registry: bool,
    refusal: bool,
}

impl Handshake {
    /// Starts a handshake. `nonce` has to be random; never reuse one.
    pub(crate) fn new(nonce: u64, now: Duration) -> Self {
        Self {
            nonce,
            peer: None,
            stage: Stage::Waiting,
            unanswered: 0,
            restarts: 0,
            new_session: None,
            next_round: now,
            pending: Pending::default(),
            claim: None,
            events: VecDeque::new(),
        }
    }

    /// Returns whether the handshake waits for a peer that has stopped answering: its game is
    /// loading or has hung, or its page is frozen. The handshake continues with the peer's next
    /// message.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.unanswered >= BUSY_ROUNDS && !matches!(self.stage, Stage::Done | Stage::Refused { .. })
    }

    /// Returns the last claim that the peer has sent since the previous call.
    pub(crate) fn take_claim(&mut self) -> Option<Claim> {
        self.claim.take()
    }

    /// Sends another hello immediately, because its content has changed.
    pub(crate) fn resend_hello(&mut self) {
        self.pending.hello |= !matches!(self.stage, Stage::Done | Stage::Refused { .. });
    }

    /// Returns whether the handshake ended with a refusal and the refusal was sent often enough.
    /// The caller can then close the link.
    pub(crate) fn is_over(&self) -> bool {
        let has_refused = self.peer.as_ref().is_some_and(|peer| peer.has_refused);
        let needed = if has_refused {
            MIN_REFUSALS
        } else {
            MAX_REFUSALS
        };
        matches!(self.stage, Stage::Refused { rounds, .. } if rounds >= needed)
    }

    /// Returns the next event. Call it after every other method until it returns `None`.
    pub(crate) fn poll(&mut self) -> Option<HandshakeEvent> {
        self.events.pop_front()
    }

    /// Returns the next message to send, on a reliable channel if possible. `clock` is the reading
    /// of the local clock.
    pub(crate) fn collect(
        &mut self,
        now: Duration,
        terms: &Terms,
        clock: ClockReading,
    ) -> Option<Bytes> {
        if now >= self.next_round {
            let interval = if self.unanswered < FAST_ROUNDS {
                REPEAT
            } else {
                SLOW_REPEAT
            };
            self.next_round = now.saturating_add(interval);
            self.begin_round();
        }
        if std::mem::take(&mut self.pending.hello) {
            return Some(message::hello(self.nonce, terms, clock));
        }
        let to = self.peer.as_ref()?.nonce;
        let route = Route {
            from: self.nonce,
            to,
        };
        if std::mem::take(&mut self.pending.welcome) {
            return Some(message::welcome(route));
        }
        if std::mem::take(&mut self.pending.registry) {
            return Some(message::registry(route, &terms.registry));
        }
        match &self.stage {
            Stage::Refused { refusal, .. } if std::mem::take(&mut self.pending.refusal) => {
                let reason = refusal.wire_reason();
                Some(message::refusal(route, refusal.code(), &reason))
            }
            _ => None,
        }
    }

    /// Handles a message from the peer. Drops messages that belong to another session.
    ///
    /// # Errors
    /// Returns an error if the message is invalid. The call then has no effect.
    pub(crate) fn receive(
        &mut self,
        terms: &Terms,
        bytes: Bytes,
        now: Duration,
    ) -> Result<(), HandshakeError> {
        match message::decode(bytes)? {
            Message::Hello(hello) => {
                let verdict = compare(terms, &hello);
                self.handle_hello(&hello.opening, hello.clock, verdict, now)?;
                let nonce = self.peer.as_ref().map(|peer| peer.nonce);
                if nonce == Some(hello.opening.nonce)
                    && let Some(offer) = hello.slots
                {
                    self.claim = Some(offer.claim);
                }
                Ok(())
            }
            Message::OtherVersion(opening) => {
                let refusal = compare_opening(terms, &opening).unwrap_or(Refusal::Version {
                    mine: PROTOCOL_VERSION,
                    theirs: opening.version,
                });
                let verdict = Verdict::Refuse(refusal);
                self.handle_hello(&opening, ClockReading::default(), verdict, now)
            }
            Message::Welcome(route) => {
                self.handle_welcome(route);
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
                self.handle_refusal(route, refusal);
                Ok(())
            }
            Message::Registry(route, theirs) => {
                if self.is_current(route) && matches!(self.stage, Stage::Comparing { .. }) {
                    let difference = terms.registry.difference(&theirs);
                    self.refuse(Refusal::messages(difference));
                }
                Ok(())
            }
        }
    }

    /// Answers [`HandshakeEvent::JoinRequested`]: admits the peer, or refuses it with a reason.
    /// Ignores answers to an earlier request.
    pub(crate) fn decide(&mut self, ticket: Ticket, verdict: Result<(), String>) {
        if !self.awaits(ticket) {
            return;
        }
        match verdict {
            Ok(()) => {
                self.stage = Stage::Accepted;
                self.pending.welcome = true;
                self.finish_if_welcomed();
            }
            Err(reason) => self.refuse(Refusal::NotAdmitted {
                by_them: false,
                reason: clean(reason.as_bytes(), MAX_REASON_LEN),
            }),
        }
    }

    /// Answers [`HandshakeEvent::JoinRequested`] with a refusal because all slots are taken.
    pub(crate) fn decide_full(&mut self, ticket: Ticket, capacity: u8) {
        if self.awaits(ticket) {
            self.refuse(Refusal::Full {
                by_them: false,
                capacity,
            });
        }
    }

    fn awaits(&self, ticket: Ticket) -> bool {
        let peer = self.peer.as_ref();
        self.stage == Stage::Asking && peer.is_some_and(|peer| peer.nonce == ticket.0)
    }

    fn handle_hello(
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
                peer.clock_received_at = now;
                self.pending.welcome |= matches!(self.stage, Stage::Accepted | Stage::Done);
            }
            _ if has_ended => self.handle_new_session(opening.nonce, now),
            Some(peer)
                if self.restarts >= MAX_RESTARTS
                    && now.saturating_sub(peer.first_hello_at) < RESTART_SPACING =>
            {
                return Err(HandshakeError::TooManySessions);
            }
            peer => {
                self.restarts = self.restarts.saturating_add(u32::from(peer.is_some()));
                *peer = Some(Peer {
                    nonce: opening.nonce,
                    first_hello_at: now,
                    clock,
                    clock_received_at: now,
                    has_welcomed: false,
                    has_refused: false,
                });
                // The peer's new session may have missed the last hello.
                self.pending = Pending {
                    hello: true,
                    ..Pending::default()
                };
                self.apply(verdict, Ticket(opening.nonce));
            }
        }
        Ok(())
    }

    fn apply(&mut self, verdict: Verdict, ticket: Ticket) {
        match verdict {
            Verdict::Ask(data) => {
                self.stage = Stage::Asking;
                self.events
                    .push_back(HandshakeEvent::JoinRequested { ticket, data });
            }
            Verdict::Compare => {
                self.stage = Stage::Comparing { rounds: 0 };
                self.pending.registry = true;
            }
            Verdict::Refuse(refusal) => self.refuse(refusal),
        }
    }

    fn handle_new_session(&mut self, nonce: u64, now: Duration) {
        let session = match &mut self.new_session {
            Some(session) if session.nonce == nonce => session,
            session => session.insert(NewSession {
                nonce,
                first_hello_at: now,
                is_reported: false,
            }),
        };
        if !session.is_reported
            && now.saturating_sub(session.first_hello_at) >= RESTART_CONFIRMATION
        {
            session.is_reported = true;
            self.events.push_back(HandshakeEvent::Restarted);
        }
    }

    fn is_current(&self, route: Route) -> bool {
        let is_theirs = self
            .peer
            .as_ref()
            .is_some_and(|peer| peer.nonce == route.from);
        is_theirs && route.to == self.nonce
    }

    fn handle_welcome(&mut self, route: Route) {
        if self.is_current(route)
            && let Some(peer) = &mut self.peer
        {
            self.unanswered = 0;
            peer.has_welcomed = true;
            self.finish_if_welcomed();
        }
    }

    fn handle_refusal(&mut self, route: Route, refusal: Refusal) {
        if !self.is_current(route) {
            return;
        }
        if let Some(peer) = &mut self.peer {
            peer.has_refused = true;
        }
        // While comparing, this side already has a reason to refuse, and waits for the peer's list.
        if !matches!(self.stage, Stage::Comparing { .. } | Stage::Refused { .. }) {
            self.refuse(refusal);
        }
    }

    fn finish_if_welcomed(&mut self) {
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
            clock_received_at: peer.clock_received_at,
        }));
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.events
            .push_back(HandshakeEvent::Refused(refusal.clone()));
        self.stage = Stage::Refused { refusal, rounds: 0 };
        self.unanswered = 0;
        self.pending = Pending::default();
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
                self.pending.hello = true;
                self.pending.registry = matches!(refusal, Refusal::Messages { .. });
                self.pending.refusal = true;
            }
            Stage::Comparing { rounds } if *rounds >= COMPARE_ROUNDS => {
                self.refuse(Refusal::messages(Difference::default()));
            }
            Stage::Comparing { rounds } => {
                *rounds += 1;
                self.pending.hello = true;
                self.pending.registry = true;
            }
            Stage::Waiting | Stage::Asking | Stage::Accepted => {
                let is_welcomed = self.peer.as_ref().is_some_and(|peer| peer.has_welcomed);
                self.pending.hello |= !is_welcomed;
            }
        }
    }
}

enum Verdict {
    Ask(Bytes),
    Compare,
    Refuse(Refusal),
}

/// Compares the terms of both sides. Both sides compare the same properties in the same order, so
/// they find the same difference.
fn compare(terms: &Terms, hello: &Hello) -> Verdict {
    if let Some(refusal) = compare_opening(terms, &hello.opening) {
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

/// Compares the game ids. Callers do this before they compare protocol versions, because an update
/// does not help a player of another game.
fn compare_opening(terms: &Terms, opening: &Opening) -> Option<Refusal> {
    (opening.game != terms.game.as_bytes()).then(|| Refusal::Game {
        mine: clean(terms.game.as_bytes(), MAX_GAME_LEN),
        theirs: clean(&opening.game, MAX_GAME_LEN),
    })
}

#[cfg(test)]
mod tests;
