//! Who has left a running game, and at which tick their inputs end: the same for all who go on.
//!
//! [`Agreement`] is a state machine without clock or links. Each member of the game has one and
//! tells it which links die and return, what messages bring and how time passes; it says what to
//! send and what is decided.
//!
//! # How members agree
//! Each member makes a *statement*, numbered anew whenever it changes. It goes to all it is linked
//! with, who pass it on to those its author does not reach. It says:
//! - whom the author has **lost**. That can be taken back. As long as anybody who is reached has a
//!   member, it stays, and its inputs are relayed: one bad link ejects nobody.
//! - for which set of members the author **votes** to be out. It votes once everybody it reaches has
//!   lost all of the set, and from then on takes no inputs of these from elsewhere. A vote says
//!   until which tick the author knows the inputs of each seat, and is never taken back: each set
//!   that a member votes for contains the one before. What a vote knows of a seat stays the same
//!   until that seat's end is decided. Who gave others reason to vote for a set by a loss that it
//!   took back only just now follows them.
//! - that the author has seen the votes of all who stay for exactly the set, and which
//!   (**confirmation**), with all inputs behind them.
//!
//! When all who stay confirm the same votes for a set, it is **decided**: each seat ends at the
//! latest tick that any of these votes knows of.
//!
//! # Why nobody decides otherwise
//! Say one member decides set A, another B, and neither is in the other's set. Both stay by both
//! sets, so both voted for both, and since the sets of one voter form a chain, the two sets are
//! nested; say A is within B. If they are equal, both confirmed the same votes, so their outcome
//! is the same. Otherwise who decided A did so before it voted for B (afterwards it no longer
//! would), so its vote for B knows the ends of A. No other vote for B knows more: its author voted
//! for A, and what it knows has stayed the same or was decided; so the largest is what A decided.
//! It does not matter when a voter dies: its vote counts if all who stay by that set confirm it,
//! and otherwise the next set contains it and its votes are ignored. Nor do messages that come
//! late: a decision takes votes and confirmations of one set only, which is the one voted for last.
//!
//! # When somebody does not play along
//! Who does not vote in time, or has seen other votes than the rest, is lost to those it keeps
//! waiting; in the worst case the members fall apart into sides, each of which knows that it is
//! one. What a member says of another counts only where that one is not linked, so nobody can
//! speak for a member that is. A loss that one member claims ejects nobody, because all who are
//! reached must agree. Who is linked and silent may itself wait for inputs that it is about to get
//! by another way, so for a second its silence counts for nothing.
//!
//! Statements are not signed. So a member that lies can speak for another to those not linked with
//! that one. And one that says or votes otherwise to each, while somebody is leaving or silent, can
//! have honest members wait for each other until they part, although all of them are linked. That is
//! all: honest members never decide differently and go on together, and nobody waits for ever.
//!
//! Inputs are not signed either. A member that sends other inputs of its own seat to each makes
//! games differ; what others hand on then contradicts what is known here, which is reported as
//! [`AgreementError::OtherInputs`] and ejects nobody, as it does not tell who lied.

mod consensus;
mod event;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod gossip;
mod graph;
mod logs;
mod members;
mod message;
mod peer;
mod progress;
mod receive;
mod relay;
mod relays;
mod seats;
#[cfg(test)]
mod simulation;
mod tail;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use huddle_session::PeerId;

pub use self::{
    event::{AgreementError, LeaveReason},
    seats::{FillError, Seats},
};
pub(crate) use self::{
    event::{AgreementEvent, Decision, Ended},
    logs::Logs,
    members::Member,
};

use self::{
    members::{Members, MembersError, Number, Set},
    message::{Known, Loss, Message, Statement},
    peer::{Peer, Told},
    progress::{End, GRACE, Progress},
    relays::Relays,
};
use crate::seat::Seat;

/// One member's part in agreeing who has left.
#[derive(Debug)]
pub(crate) struct Agreement {
    me: Number,
    members: Members,
    limit: Duration,
    own: Statement,
    /// The own statement as it was said last.
    said: Statement,
    /// By number. At the own place only what is known of the inputs of those who are out.
    peers: Vec<Peer>,
    /// What the own vote says of each seat.
    known: BTreeMap<Seat, Known>,
    /// How each seat ends by the votes that were confirmed last.
    confirmed: BTreeMap<Seat, End>,
    /// How each seat has ended.
    ends: BTreeMap<Seat, End>,
    decided: Set,
    /// The side that counts, if there is one, is another.
    is_minority: bool,
    /// Something has happened since the others were told what follows from all before.
    has_news: bool,
    progress: Progress,
    relays: Relays,
    events: VecDeque<AgreementEvent>,
}

impl Agreement {
    /// The part of `me` in a game that begins with these members, given in any order. All are taken
    /// to be linked until [`lost`](Self::lost) says otherwise. `limit` is how long others may take
    /// to vote; 3 seconds are good.
    ///
    /// # Errors
    /// If these cannot be the members of a game.
    pub(crate) fn new(
        me: PeerId,
        members: Vec<Member>,
        limit: Duration,
    ) -> Result<Self, MembersError> {
        let members = Members::new(members)?;
        let me = members.number(me).ok_or(MembersError::WithoutMe)?;
        let peer = |_| Peer {
            has_link: true,
            ..Peer::default()
        };
        let peers = members.all().iter().map(peer).collect();
        Ok(Self {
            me,
            members,
            limit,
            own: Statement::default(),
            said: Statement::default(),
            peers,
            known: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            ends: BTreeMap::new(),
            decided: Set::default(),
            is_minority: false,
            has_news: false,
            progress: Progress::default(),
            relays: Relays::default(),
            events: VecDeque::new(),
        })
    }

    /// A member is lost: its link is dead, it is silent, or it was removed.
    pub(crate) fn lost(
        &mut self,
        peer: PeerId,
        reason: LeaveReason,
        now: Duration,
        logs: &mut impl Logs,
    ) {
        let Some(number) = self.other(peer) else {
            return;
        };
        let peer = self.peer_mut(number);
        peer.lose(reason);
        if reason == LeaveReason::Link {
            peer.has_link = false;
            peer.told = Told::default();
        }
        self.conclude(now, logs);
    }

    /// There is a link to a member again. Whoever is lost for another reason stays lost.
    pub(crate) fn linked(&mut self, peer: PeerId, now: Duration, logs: &mut impl Logs) {
        let Some(number) = self.other(peer) else {
            return;
        };
        let peer = self.peer_mut(number);
        peer.has_link = true;
        peer.told = Told::default();
        if !peer.is_final && peer.lost == Some(LeaveReason::Link) {
            peer.lost = None;
        }
        self.conclude(now, logs);
    }

    /// A member that was silent plays along again.
    pub(crate) fn returned(&mut self, peer: PeerId, now: Duration, logs: &mut impl Logs) {
        let Some(number) = self.other(peer) else {
            return;
        };
        let peer = self.peer_mut(number);
        if !peer.is_final && peer.lost == Some(LeaveReason::Silent) {
            peer.lost = (!peer.has_link).then_some(LeaveReason::Link);
            peer.is_late = false;
        }
        self.conclude(now, logs);
    }

    /// Who is lost for nothing but silence, if nobody else is and no vote is under way.
    pub(crate) fn silent(&self) -> impl Iterator<Item = PeerId> {
        let is_silent =
            |loss: &Loss| loss.reason == LeaveReason::Silent && self.peer(loss.peer).has_link;
        let is_all = !self.is_deciding() && self.own.lost.iter().all(is_silent);
        let silent = self.own.lost.iter().filter(move |_| is_all);
        silent.map(|loss| self.members.peer(loss.peer))
    }

    /// A member that was to pass on another's inputs does not, although it must have them: it has
    /// played on since, or too long has passed. Another way is tried. To be told again and again
    /// until it does.
    pub(crate) fn relay_failed(
        &mut self,
        via: PeerId,
        peer: PeerId,
        now: Duration,
        logs: &mut impl Logs,
    ) {
        if let (Some(via), Some(peer)) = (self.other(via), self.other(peer)) {
            self.relay_has_failed(via, peer, now);
            self.conclude(now, logs);
        }
    }

    /// Whether a member was found to be lost here; others may say so of one that was not.
    pub(crate) fn has_lost(&self, peer: PeerId) -> bool {
        self.other(peer)
            .is_some_and(|number| self.peer(number).lost.is_some())
    }

    /// Takes a message. To be called in the order in which a link brings them.
    ///
    /// # Errors
    /// If it is none, or says what cannot be; then it counts for nothing. The one exception are
    /// inputs that another passes on and that are not those known here: either may have been told
    /// otherwise by the seat's player, so they count, and the difference is reported.
    pub(crate) fn receive(
        &mut self,
        from: PeerId,
        bytes: &[u8],
        now: Duration,
        logs: &mut impl Logs,
    ) -> Result<(), AgreementError> {
        let number = self.other(from).ok_or(AgreementError::NotAMember(from))?;
        let mut differs = false;
        if !self.voted().has(number) {
            let message = Message::decode(bytes, &self.members)?;
            differs = message.differs(logs);
            if differs && message.is_own_input(number, &self.members) {
                return Err(AgreementError::Contradiction("other inputs of its own"));
            }
            self.take(number, message, logs)?;
        } else if self.is_minority
            && let Ok(Message::Out { ends }) = Message::decode(bytes, &self.members)
        {
            self.take_out(number, &ends)?;
        }
        self.conclude(now, logs);
        match differs {
            true => Err(AgreementError::OtherInputs),
            false => Ok(()),
        }
    }

    /// Goes on, and tells the others. To be called often, such as once per tick.
    pub(crate) fn tick(&mut self, now: Duration, logs: &mut impl Logs) {
        if !self.has_news && self.is_settled() {
            return;
        }
        if !self.own.leaves {
            self.judge_relays(now);
            self.judge_voters(now);
        }
        self.refresh(now, logs);
    }

    /// Leaves the game: all who are linked get the last inputs of this player. Send what
    /// [`poll`](Self::poll) gives before the links are closed.
    pub(crate) fn leave(&mut self, now: Duration, logs: &mut impl Logs) {
        self.own.leaves = true;
        for seat in self.members.seats(self.me).to_vec() {
            self.know(seat, 0, LeaveReason::Left, logs);
        }
        self.refresh(now, logs);
    }

    /// What happened or is to be done, in order.
    pub(crate) fn poll(&mut self) -> Option<AgreementEvent> {
        self.events.pop_front()
    }

    /// How many inputs are kept for others, and how many events nobody has asked for.
    pub(crate) fn kept(&self) -> usize {
        let tails = self
            .peers
            .iter()
            .flat_map(|peer| peer.tails.values().chain(peer.heard_tails.values()));
        let inputs: u32 = tails.map(|tail| tail.end() - tail.start()).sum();
        inputs as usize + self.events.len()
    }

    /// Draws all conclusions, and tells them.
    fn refresh(&mut self, now: Duration, logs: &mut impl Logs) {
        self.conclude(now, logs);
        self.gossip();
        self.has_news = false;
    }

    /// What follows is told in the next tick, however much happens until then.
    fn conclude(&mut self, now: Duration, logs: &mut impl Logs) {
        self.has_news = true;
        if self.own.leaves {
            self.own.asks.clear();
        } else {
            loop {
                let before = self.own.clone();
                self.note_losses(now, logs);
                self.vote(now, logs);
                self.confirm(now);
                self.decide(now, logs);
                if self.own == before {
                    break;
                }
            }
            self.choose_relays(now, logs);
            self.serve_relays();
        }
        if self.own != self.said {
            self.own.version += 1;
            self.said = self.own.clone();
        }
    }

    /// Whether only an event can bring something to say or to decide: all who are not out by
    /// decision are linked, have nothing to say but who is out, and know this player's word.
    fn is_settled(&self) -> bool {
        let decided = self.decided;
        let has_news = |word: &Statement| {
            let others = word.lost.iter().any(|loss| !decided.has(loss.peer));
            word.leaves || others || !word.asks.is_empty() || word.voted() != decided
        };
        let is_settled = |number: Number| {
            let peer = self.peer(number);
            let is_told = peer.told.versions[usize::from(self.me)] == Some(self.own.version);
            let is_linked = peer.has_link && peer.lost.is_none();
            number == self.me || is_linked && is_told && !has_news(&peer.direct)
        };
        !has_news(&self.own)
            && !self.relays.is_at_work()
            && self.members.all().without(decided).iter().all(is_settled)
    }

    fn note_losses(&mut self, now: Duration, logs: &impl Logs) {
        let me = self.me;
        let mut lost = Vec::new();
        for number in self.members.all().without(Set::of(me)).iter() {
            let Some((reason, is_echo)) = self.peer(number).loss(me) else {
                if !self.voted().has(number) {
                    self.peer_mut(number).suspected = None;
                }
                continue;
            };
            self.peer_mut(number).suspected.get_or_insert(now);
            let have = match self.own.lost(number) {
                Some(loss) => loss.have.clone(),
                None => {
                    let seats = self.members.seats(number).iter();
                    seats.map(|&seat| logs.next(seat).0).collect()
                }
            };
            lost.push(Loss {
                peer: number,
                reason,
                is_echo,
                have,
            });
        }
        self.own.lost = lost;
        for by in self.members.all().iter() {
            for peer in self.members.all().iter() {
                let says_lost = self.says_lost(by, peer);
                let since = &mut self.peer_mut(by).lost_since[usize::from(peer)];
                *since = says_lost.then(|| since.unwrap_or(now));
                if says_lost && !self.is_rash(by, peer, GRACE / 2, now) {
                    self.peer_mut(by).last_lost[usize::from(peer)] = Some(now);
                }
            }
        }
    }

    /// The newest that a member said, as far as is known.
    fn word(&self, of: Number) -> &Statement {
        match of == self.me {
            true => &self.own,
            false => self.peer(of).word(self.me),
        }
    }

    /// Whether a member plays along, seen from here.
    fn holds(&self, number: Number) -> bool {
        number != self.me && !self.voted().has(number) && self.peer(number).loss(self.me).is_none()
    }

    /// Who is out as far as this member is concerned.
    fn voted(&self) -> Set {
        self.own.voted()
    }

    fn other(&self, peer: PeerId) -> Option<Number> {
        self.members
            .number(peer)
            .filter(|&number| number != self.me)
    }

    fn peer(&self, number: Number) -> &Peer {
        &self.peers[usize::from(number)]
    }

    fn peer_mut(&mut self, number: Number) -> &mut Peer {
        &mut self.peers[usize::from(number)]
    }
}
