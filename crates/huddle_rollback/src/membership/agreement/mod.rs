//! Agreement on which members have left a running match, and at which tick their inputs end.
//!
//! [`Agreement`] is a state machine without a clock or sockets. Each member of the match runs one.
//! The caller reports lost and new links, received messages and the time. The agreement returns
//! messages to send, relays to use, and decisions.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | *statement* | all that a member states about the membership; a newer version replaces an older one |
//! | *loss* | an entry of a statement: the author does not receive anything from this member, or removed it |
//! | *vote* | an entry of a statement: these members are out, and the author knows their inputs until these ticks |
//! | *remaining member* | a member that is not in the set that is voted on |
//! | *confirmation* | an entry of a statement: the author has the votes of all remaining members for exactly this set |
//! | *reached member* | the local member, the members it has not lost, the members those have not lost, and so on |
//!
//! # Protocol
//!
//! 1. Each member sends its statement to all members it is linked with. Members forward it to
//!    members that the author does not reach.
//! 2. A loss can be withdrawn. While a reached member has not lost a member, that member stays in
//!    the match, and its inputs are relayed. One bad link drops no member.
//! 3. A member votes for a set when every member it reaches has lost all of the set. From then on
//!    it accepts inputs of the set only from votes. A vote is never withdrawn: each set that a
//!    member votes for contains the one before. A vote's entry for a seat does not change until
//!    the end of the seat is decided. A member that has withdrawn a loss only recently joins the
//!    votes that the loss caused.
//! 4. A member confirms when all remaining members vote for the same set, and it has the inputs
//!    behind these votes.
//! 5. The set is *decided* when all remaining members confirm the same votes. Each seat ends at
//!    the latest tick that one of these votes knows.
//!
//! Reports of messages and links only store data. The agreement draws and sends conclusions once per
//! tick, so a flood of messages costs as little as one message.
//!
//! # Proof: members that continue together decide the same
//!
//! Let one member decide set A and another set B, and let neither be in the set of the other.
//!
//! 1. Both remain by both sets, so both voted for both. The sets of one voter form a chain, so the
//!    two sets are nested. Let A be within B.
//! 2. If A equals B, both confirmed the same votes, so they decided the same ends.
//! 3. Otherwise the member that decided A did so before it voted for B, because a decision takes
//!    votes for the latest set only. Its vote for B therefore contains the decided ends of A.
//! 4. No other vote for B contains later ends for A. Its author voted for A, and its entries have
//!    not changed since, or were decided. So the maximum over the votes for B is the decision of A.
//!
//! The time at which a voter is lost does not matter. If all remaining members have confirmed its
//! vote, the vote counts. Otherwise the next set contains the voter, and its votes are ignored.
//!
//! # Dishonest members
//!
//! A member that does not vote in time, or that other members have received different votes from,
//! is lost to the members it delays. In the worst case the members split into sides, and each side
//! is notified. A member is never represented by another one while it is linked. A loss that one
//! member claims drops no member, because all reached members must agree. A linked member that has
//! timed out may itself wait for inputs that it is about to receive through another member, so a
//! loss by timeout does not count during its first second (*grace period*).
//!
//! Statements are not signed. A dishonest member can therefore misquote another member to members
//! that are not linked with it. If it sends different statements or votes to each member while a
//! member leaves or times out, it can make honest members wait for each other until they split,
//! although all of them are linked. It can do no more: honest members that continue together
//! decide the same, and no member waits forever.
//!
//! Inputs are not signed either. A member that sends different inputs of its own seat to each
//! member makes their matches differ. Forwarded inputs then contradict known ones, which is
//! reported as [`AgreementError::OtherInputs`]. It drops no member, because it does not show which
//! member is dishonest.

mod consensus;
mod event;
mod failed_relay;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod gossip;
mod graph;
mod late;
mod logs;
mod losses;
mod members;
mod message;
mod peer;
mod progress;
mod receive;
mod relay;
mod seats;
#[cfg(test)]
mod simulation;
mod suffix;
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
    failed_relay::FailedRelay,
    members::{Members, MembersError, Number, Set},
    message::{Known, Message, Statement},
    peer::Peer,
    progress::{End, Progress},
};
use crate::seat::Seat;

/// The local member's part in the agreement on which members have left.
#[derive(Debug)]
pub(crate) struct Agreement {
    local: Number,
    members: Members,
    limit: Duration,
    /// The local member's statement.
    own: Statement,
    /// The version of `own` that has its number.
    numbered: Statement,
    /// By number. The local member's entry only has the inputs of dropped members.
    peers: Vec<Peer>,
    /// The entries of the local vote.
    known: BTreeMap<Seat, Known>,
    /// How each seat ends by the votes that were confirmed last.
    confirmed: BTreeMap<Seat, End>,
    /// How each seat has ended.
    ends: BTreeMap<Seat, End>,
    decided: Set,
    /// Whether another side has the majority, or would have it.
    is_minority: bool,
    /// Whether anything happened since conclusions were last drawn and sent.
    has_news: bool,
    progress: Progress,
    /// The relays that do not deliver: the relaying member, and the member whose inputs are
    /// missing.
    failed_relays: BTreeMap<(Number, Number), FailedRelay>,
    events: VecDeque<AgreementEvent>,
}

impl Agreement {
    /// Creates the part of `local` in a match that starts with these members, in any order. All
    /// members count as linked until [`Self::lost`]. `limit` is the time that members have to
    /// vote.
    ///
    /// # Errors
    /// Returns an error if no match can have these members.
    pub(crate) fn new(
        local: PeerId,
        members: Vec<Member>,
        limit: Duration,
    ) -> Result<Self, MembersError> {
        let members = Members::new(members)?;
        let local = members.number(local).ok_or(MembersError::WithoutLocal)?;
        let peer = |_| Peer {
            has_link: true,
            ..Peer::default()
        };
        let peers = members.all().iter().map(peer).collect();
        Ok(Self {
            local,
            members,
            limit,
            own: Statement::default(),
            numbered: Statement::default(),
            peers,
            known: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            ends: BTreeMap::new(),
            decided: Set::default(),
            is_minority: false,
            has_news: false,
            progress: Progress::default(),
            failed_relays: BTreeMap::new(),
            events: VecDeque::new(),
        })
    }

    /// Reports that a member does not relay the inputs of another one, although it must have them:
    /// it has continued to play, or too much time has passed. The agreement tries another relay.
    /// Call it repeatedly until the inputs arrive.
    pub(crate) fn relay_failed(&mut self, via: PeerId, peer: PeerId, now: Duration) {
        if let (Some(via), Some(peer)) = (self.other(via), self.other(peer)) {
            self.record_failed_relay(via, peer, now);
            self.has_news = true;
        }
    }

    /// Handles a message. Call it in the order in which a link delivers messages.
    ///
    /// # Errors
    /// Returns an error if the message is invalid. It is then ignored, with one exception:
    /// forwarded inputs that differ from known ones are accepted, because the seat's player may
    /// have sent either of the two.
    pub(crate) fn receive(
        &mut self,
        from: PeerId,
        bytes: &[u8],
        now: Duration,
        logs: &mut impl Logs,
    ) -> Result<(), AgreementError> {
        let number = self.other(from).ok_or(AgreementError::NotAMember(from))?;
        if self.peer(number).has_restarted {
            // It does not know this match.
            return Ok(());
        }
        if self.voted().has(number) {
            if self.is_minority
                && let Ok(Message::Dropped { ends }) = Message::decode(bytes, &self.members)
            {
                self.store_dropped(number, &ends)?;
            }
            return Ok(());
        }
        let message = Message::decode(bytes, &self.members)?;
        let differs = message.differs(logs);
        if differs && message.is_own_input(number, &self.members) {
            return Err(AgreementError::Contradiction("other inputs of its own"));
        }
        self.store(number, message, now, logs)?;
        self.has_news = true;
        match differs {
            true => Err(AgreementError::OtherInputs),
            false => Ok(()),
        }
    }

    /// Draws all conclusions and sends them. Call it once per tick. `is_blocked` returns `true` for
    /// members that cannot be sent anything now.
    pub(crate) fn tick(
        &mut self,
        now: Duration,
        logs: &mut impl Logs,
        is_blocked: impl Fn(PeerId) -> bool,
    ) {
        if !self.has_news && self.is_settled() {
            return;
        }
        if !self.own.leaves {
            self.check_relays(now);
            self.check_voters(now);
        }
        self.conclude(now, logs);
        self.has_news = self.gossip(is_blocked);
    }

    /// Leaves the match, and sends the last inputs of the local player to all linked members. Send the
    /// events that [`Self::poll`] returns before you close the links.
    pub(crate) fn leave(&mut self, now: Duration, logs: &mut impl Logs) {
        self.own.leaves = true;
        for seat in self.members.seats(self.local).to_vec() {
            self.add_known(seat, 0, LeaveReason::Left, logs);
        }
        self.conclude(now, logs);
        self.gossip(|_| false);
    }

    /// Returns the next event, in order.
    pub(crate) fn poll(&mut self) -> Option<AgreementEvent> {
        self.events.pop_front()
    }

    /// Returns the number of inputs that are kept for other members, plus the events that were not
    /// polled.
    pub(crate) fn kept(&self) -> usize {
        let suffixes = self.peers.iter().flat_map(|peer| {
            peer.suffixes
                .values()
                .chain(peer.forwarded_suffixes.values())
        });
        let inputs: u32 = suffixes.map(|suffix| suffix.end() - suffix.start()).sum();
        inputs as usize + self.events.len()
    }

    fn conclude(&mut self, now: Duration, logs: &mut impl Logs) {
        if self.own.leaves {
            self.own.relay_requests.clear();
        } else {
            loop {
                let before = self.own.clone();
                self.update_losses(now, logs);
                self.vote(now, logs);
                self.confirm(now);
                self.decide(now, logs);
                if self.own == before {
                    break;
                }
            }
            self.choose_relays(now);
        }
        if self.own != self.numbered {
            self.own.version += 1;
            self.numbered = self.own.clone();
        }
    }

    /// Returns `true` if only an event can change anything: all members that are not out by
    /// decision are linked, state only which members are out, and have the local statement.
    fn is_settled(&self) -> bool {
        let decided = self.decided;
        let has_news = |statement: &Statement| {
            let mut lost = statement.lost.iter();
            statement.leaves
                || lost.any(|loss| !decided.has(loss.member))
                || !statement.relay_requests.is_empty()
                || statement.voted() != decided
        };
        let is_settled = |number: Number| {
            let peer = self.peer(number);
            let has_own = peer.sent.versions[usize::from(self.local)] == Some(self.own.version);
            let is_linked = peer.has_link && peer.lost.is_none();
            number == self.local || is_linked && has_own && !has_news(&peer.direct)
        };
        !has_news(&self.own)
            && self.failed_relays.is_empty()
            && self.members.all().without(decided).iter().all(is_settled)
    }

    /// Returns a member's newest statement, as far as it is known.
    fn statement(&self, of: Number) -> &Statement {
        match of == self.local {
            true => &self.own,
            false => self.peer(of).statement(self.local),
        }
    }

    /// Returns `true` if a member takes part, as far as the local member knows.
    fn holds(&self, number: Number) -> bool {
        number != self.local
            && !self.voted().has(number)
            && self.peer(number).loss(self.local).is_none()
    }

    /// Returns the members that the local member votes to drop.
    fn voted(&self) -> Set {
        self.own.voted()
    }

    fn other(&self, peer: PeerId) -> Option<Number> {
        self.members
            .number(peer)
            .filter(|&number| number != self.local)
    }

    fn peer(&self, number: Number) -> &Peer {
        &self.peers[usize::from(number)]
    }

    fn peer_mut(&mut self, number: Number) -> &mut Peer {
        &mut self.peers[usize::from(number)]
    }
}
