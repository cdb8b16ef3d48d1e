//! Votes, confirmations and decisions.

use std::time::Duration;

use huddle_session::Tick;

use super::{
    Agreement, AgreementEvent, Decision, Ended, LeaveReason, Logs,
    event::Side,
    members::{Number, Set},
    message::{Confirmation, Known, Vote},
    progress::{End, GRACE, Outcome},
    tail::{MAX_TAIL, MAX_TAIL_LEN, Tail},
};
use crate::seat::Seat;

impl Agreement {
    /// Votes as long as there is reason to.
    pub(super) fn vote(&mut self, now: Duration, logs: &mut impl Logs) {
        while let Some(set) = self.finding(now).or_else(|| self.invitation(now)) {
            self.cast(set, now, logs);
        }
    }

    /// Who is reached by nobody, if everybody who is reached says so.
    fn finding(&self, now: Duration) -> Option<Set> {
        let component = self.component(GRACE, now);
        let set = self.members.all().without(component);
        let is_lost = |by| set.iter().all(|peer| self.says_lost(by, peer));
        (set != self.voted() && component.iter().all(is_lost)).then_some(set)
    }

    /// Whether it is too early to believe a member who says that another is lost. Who is linked and
    /// silent may itself wait for inputs that it is about to get by another way.
    pub(super) fn is_rash(&self, by: Number, peer: Number, grace: Duration, now: Duration) -> bool {
        let loss = self.word(by).lost(peer);
        let since = self.peer(by).lost_since[usize::from(peer)].unwrap_or(now);
        loss.is_some_and(|loss| loss.reason == LeaveReason::Silent)
            && !self.word(by).voted().has(peer)
            // What a vote decides lets some go on, who get as much time again.
            && now.saturating_sub(since.max(self.progress.voted)) < grace
    }

    /// Whether a vote is under way. Until it is over, whoever has not got all inputs waits.
    pub(crate) fn is_deciding(&self) -> bool {
        self.voted() != self.decided
    }

    /// What somebody else votes for: it cannot take it back, so who gave it reason to must follow.
    fn invitation(&self, now: Duration) -> Option<Set> {
        let component = self.component(GRACE, now);
        component.iter().find_map(|by| {
            let set = self.word(by).voted().with(self.voted());
            // Those who are to be out do not vouch for who says so.
            let stay = self.reached(component.without(set), GRACE, now);
            let allows = |by| set.iter().all(|peer| self.has_lost_lately(by, peer, now));
            // What others who are not linked told the voter may not be known here.
            let mut linked = stay.iter().filter(|&by| self.holds(by));
            let voters = stay
                .iter()
                .filter(|&by| set.is_within(self.word(by).voted()));
            let is_to_follow = set != self.voted()
                && stay.has(self.me)
                && stay.has(by)
                && allows(self.me)
                && (linked.all(allows) || 2 * voters.count() > stay.len());
            is_to_follow.then_some(set)
        })
    }

    fn has_lost_lately(&self, by: Number, peer: Number, now: Duration) -> bool {
        let last = self.peer(by).last_lost[usize::from(peer)];
        self.says_lost(by, peer) && !self.is_rash(by, peer, GRACE / 2, now)
            || last.is_some_and(|last| now.saturating_sub(last) < self.limit)
    }

    fn cast(&mut self, set: Set, now: Duration, logs: &mut impl Logs) {
        for peer in set.without(self.voted()).iter() {
            let reason = self.peer(peer).loss(self.me);
            let reason = reason.map_or(LeaveReason::Link, |(reason, _)| reason);
            for (place, &seat) in self.members.seats(peer).to_vec().iter().enumerate() {
                logs.freeze(seat);
                // What everybody has need not be handed on.
                let stay = self.members.all().without(set).without(Set::of(self.me));
                let have = stay.iter().map(|member| {
                    let loss = self.word(member).lost(peer);
                    loss.and_then(|loss| loss.have.get(place).copied())
                        .unwrap_or(0)
                });
                let floor = have.min().unwrap_or(u32::MAX);
                self.know(seat, floor, reason, logs);
            }
            self.peer_mut(peer).suspected.get_or_insert(now);
        }
        let known = self.members.seats_of(set);
        let known = known
            .filter_map(|(_, seat)| self.known.get(&seat).copied())
            .collect();
        self.own.vote = Some(Vote { set, known });
        self.progress.voted = now;
        self.progress.outcome.clear();
    }

    /// Takes down what the log says of a seat, to be handed on from a tick.
    pub(super) fn know(&mut self, seat: Seat, floor: u32, reason: LeaveReason, logs: &impl Logs) {
        let next = logs.next(seat).0;
        let earliest = logs
            .first(seat)
            .0
            .max(floor)
            .max(next.saturating_sub(MAX_TAIL as u32));
        let mut first = next;
        let mut room = MAX_TAIL_LEN;
        while first > earliest
            && let Some(input) = logs.input(seat, Tick(first - 1))
            && let Some(rest) = room.checked_sub(input.len())
        {
            (first, room) = (first - 1, rest);
        }
        let mut tail = Tail::starting(first);
        for tick in first..next {
            tail.push(logs.input(seat, Tick(tick)).unwrap_or_default());
        }
        let known = Known {
            next,
            reason,
            first,
            digest: tail.digest(first, next).unwrap_or_default(),
        };
        self.known.insert(seat, known);
        let me = self.me;
        self.peer_mut(me).tails.insert(seat, tail);
    }

    /// Says which votes are there, once all are.
    pub(super) fn confirm(&mut self, now: Duration) {
        let set = self.voted();
        let stay = self.members.all().without(set);
        let is_done = self.own.confirmation.as_ref().is_some_and(|c| c.set == set);
        if set.is_empty() || is_done || stay.iter().any(|by| self.word(by).voted() != set) {
            return;
        }
        let liars = self.liars();
        if !liars.is_empty() {
            return self.give_up(liars);
        }
        let Ok(outcome) = self.outcome() else {
            return;
        };
        let votes = stay.iter().filter_map(|by| self.word(by).vote.as_ref());
        let votes = votes.map(Vote::digest).collect();
        self.own.confirmation = Some(Confirmation { set, votes });
        for outcome in &outcome {
            let Outcome { next, reason, .. } = *outcome;
            self.confirmed.insert(outcome.seat, End { next, reason });
        }
        self.progress.confirmed = now;
        self.progress.outcome = outcome;
    }

    /// Who claims to know more of a seat than all could when it was confirmed.
    fn liars(&self) -> Set {
        let set = self.voted();
        let is_liar = |by: &Number| {
            let known = self.word(*by).vote.iter().flat_map(|vote| &vote.known);
            self.members
                .seats_of(set)
                .zip(known)
                .any(|((_, seat), known)| {
                    self.confirmed
                        .get(&seat)
                        .is_some_and(|end| known.next > end.next || known.reason > end.reason)
                })
        };
        self.members
            .all()
            .without(set)
            .iter()
            .filter(is_liar)
            .collect()
    }

    /// What all votes come to; or whose inputs are missing for that.
    fn outcome(&self) -> Result<Vec<Outcome>, Set> {
        let set = self.voted();
        let stay = self.members.all().without(set);
        let mut missing = Set::default();
        let mut outcomes = Vec::new();
        for (place, (_, seat)) in self.members.seats_of(set).enumerate() {
            let of = |by| self.word(by).vote.as_ref().and_then(|v| v.known.get(place));
            let mut known: Vec<_> = stay.iter().filter_map(|by| Some((by, *of(by)?))).collect();
            let Some(reason) = known.iter().map(|(_, known)| known.reason).max() else {
                continue;
            };
            // Who knows less first: what only one claims to know is taken where nobody else can tell.
            known.sort_by_key(|(by, known)| (known.next, *by));
            let next = known.last().map_or(0, |(_, known)| known.next);
            let mut have = self.known.get(&seat).map_or(0, |known| known.next);
            let mut inputs = Vec::new();
            let mut lacking = Set::default();
            for (by, known) in known {
                if known.next <= have {
                    continue;
                }
                let tail = self.peer(by).tail(seat, &known);
                let tail = tail.filter(|_| known.first <= have);
                match tail {
                    Some(tail) => {
                        let rest = (have..known.next).filter_map(|tick| tail.get(tick));
                        inputs.extend(rest.map(<[u8]>::to_vec));
                        have = known.next;
                    }
                    None => lacking = lacking.with(Set::of(by)),
                }
            }
            if have < next {
                missing = missing.with(lacking);
            }
            outcomes.push(Outcome {
                seat,
                next,
                reason,
                inputs,
            });
        }
        match missing.is_empty() {
            true => Ok(outcomes),
            false => Err(missing),
        }
    }

    /// Decides once all confirm the same votes.
    pub(super) fn decide(&mut self, now: Duration, logs: &mut impl Logs) {
        let set = self.voted();
        let stay = self.members.all().without(set);
        let own = self.own.confirmation.as_ref().filter(|own| own.set == set);
        if set == self.decided
            || own.is_none()
            || stay
                .iter()
                .any(|by| self.word(by).confirmation.as_ref() != own)
        {
            return;
        }
        let left = set.without(self.decided);
        let mut seats = Vec::new();
        for outcome in std::mem::take(&mut self.progress.outcome) {
            let Outcome {
                seat,
                next,
                reason,
                inputs,
            } = outcome;
            for input in &inputs {
                logs.append(seat, input);
            }
            if self.ends.insert(seat, End { next, reason }).is_none() {
                let at = Tick(next);
                seats.push(Ended { seat, at, reason });
            }
            let floor = self.known.get(&seat).map_or(0, |known| known.first);
            self.know(seat, floor, reason, logs);
        }
        let since = left
            .iter()
            .filter_map(|peer| self.peer(peer).suspected)
            .min();
        let side = self.side(left);
        let peers = |set: Set| set.iter().map(|n| self.members.peer(n)).collect();
        let decision = Decision {
            left: peers(left),
            seats,
            members: peers(stay),
            side,
            took: now.saturating_sub(since.unwrap_or(now)),
        };
        self.decided = set;
        self.is_minority |= decision.side.is_some_and(|side| !side.is_majority);
        self.events.push_back(AgreementEvent::Decided(decision));
    }

    fn side(&self, left: Set) -> Option<Side> {
        let is_willing = |&peer: &Number| {
            let seat = self.members.seats(peer).first();
            let reason = match seat.and_then(|seat| self.ends.get(seat)) {
                Some(end) => Some(end.reason),
                None => self.peer(peer).loss(self.me).map(|(reason, _)| reason),
            };
            reason.is_some_and(|reason| reason >= LeaveReason::Removed)
        };
        let gone: Set = left.iter().filter(is_willing).collect();
        let before = self.members.all().without(self.decided).without(gone);
        let stay = before.without(left);
        let (all, now) = (before.len(), stay.len());
        let has_lowest = before.iter().next().is_some_and(|lowest| stay.has(lowest));
        (gone != left).then_some(Side {
            before: all,
            now,
            is_majority: 2 * now > all || (2 * now == all && has_lowest),
        })
    }

    /// Gives up who does not vote or confirm in time.
    pub(super) fn judge_voters(&mut self, now: Duration) {
        let set = self.voted();
        if set == self.decided {
            return;
        }
        let stay = self.members.all().without(set).without(Set::of(self.me));
        let own = self.own.confirmation.as_ref().filter(|own| own.set == set);
        let (late, over) = match own {
            None => {
                let took = now.saturating_sub(self.progress.voted);
                let voted = |by: &Number| self.word(*by).voted();
                let is_behind = |by: &Number| !set.is_within(voted(by));
                let mut late: Set = stay.iter().filter(is_behind).collect();
                let mut limit = self.limit;
                if late.is_empty() {
                    late = stay.iter().filter(|by| voted(by) != set).collect();
                    // Why they went on may yet be heard.
                    limit = 2 * self.limit;
                }
                if late.is_empty() {
                    late = self.outcome().err().unwrap_or_default();
                    limit = self.limit;
                }
                (late, took.checked_sub(limit))
            }
            Some(own) => {
                let theirs = |by: &Number| self.word(*by).confirmation.as_ref();
                let is_late = |by: &Number| theirs(by).is_none_or(|c| c.set != set);
                let late: Set = stay.iter().filter(is_late).collect();
                if late.is_empty() {
                    let blamed = stay.iter().filter_map(|by| self.to_blame(by, own));
                    return self.give_up(blamed.collect());
                }
                let took = now.saturating_sub(self.progress.confirmed);
                // Whom they wait for in turn is found out first.
                (late, took.checked_sub(2 * self.limit))
            }
        };
        let Some(over) = over else {
            return;
        };
        self.give_up(late);
        // Who claims to be linked with one who is late should have passed on what it says, or have
        // given it up as well.
        if over >= self.limit {
            let vouches = |by: &Number| late.iter().any(|peer| !self.says_lost(*by, peer));
            let vouching = stay.without(late).iter().filter(vouches).collect();
            self.give_up(vouching);
        }
    }

    pub(super) fn give_up(&mut self, peers: Set) {
        for peer in peers.iter() {
            if self.holds(peer) {
                let peer = self.peer_mut(peer);
                peer.lose(LeaveReason::Silent);
                peer.is_late = true;
            }
        }
    }

    /// Who is not to be trusted if a member has seen other votes than this one: the voter they
    /// differ about, or the member itself if that is no single other one.
    fn to_blame(&self, by: Number, own: &Confirmation) -> Option<Number> {
        let theirs = self.word(by).confirmation.as_ref()?;
        let stay = self.members.all().without(own.set);
        let pairs = stay.iter().zip(own.votes.iter().zip(&theirs.votes));
        let differ: Vec<_> = pairs.filter(|(_, (a, b))| a != b).map(|(n, _)| n).collect();
        match differ[..] {
            [] => None,
            [voter] if voter != self.me => Some(voter),
            _ => Some(by),
        }
    }
}
