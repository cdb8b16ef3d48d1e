//! Votes, confirmations and decisions.

use std::time::Duration;

use huddle_session::Tick;

use super::{
    Agreement, AgreementEvent, Decision, Ended, LeaveReason, Logs,
    event::Side,
    members::{Number, Set},
    message::{Confirmation, Known, Vote},
    progress::{End, GRACE, Outcome},
    suffix::{InputSuffix, MAX_SUFFIX, MAX_SUFFIX_LEN},
};
use crate::seat::Seat;

impl Agreement {
    /// Votes as long as there is a reason for it.
    pub(super) fn vote(&mut self, now: Duration, logs: &mut impl Logs) {
        while let Some(set) = self.finding(now).or_else(|| self.invitation(now)) {
            self.cast_vote(set, now, logs);
        }
    }

    /// Returns the members that no reached member reaches, if all reached members state so.
    fn finding(&self, now: Duration) -> Option<Set> {
        let component = self.component(GRACE, now);
        let set = self.members.all().without(component);
        let has_lost = |by| set.is_within(self.lost_by(by));
        (set != self.voted() && component.iter().all(has_lost)).then_some(set)
    }

    /// Returns `true` if a member's loss of another member does not count yet. A member that has
    /// timed out may itself wait for inputs that it is about to receive through another member.
    pub(super) fn is_in_grace(
        &self,
        by: Number,
        member: Number,
        grace: Duration,
        now: Duration,
    ) -> bool {
        let statement = self.statement(by);
        let loss = statement.loss(member);
        let since = self.peer(by).lost_since[usize::from(member)].unwrap_or(now);
        loss.is_some_and(|loss| loss.reason == LeaveReason::TimedOut)
            && !statement.voted().has(member)
            // A decision restarts the grace period for members that waited for it.
            && now.saturating_sub(since.max(self.progress.voted)) < grace
    }

    /// Returns `true` during a vote. Members that lack inputs wait until it is over.
    pub(crate) fn is_deciding(&self) -> bool {
        self.voted() != self.decided
    }

    /// Returns the set of another member's vote, if the local member has to join. Votes cannot be
    /// withdrawn, so the members whose losses caused a vote have to join it.
    fn invitation(&self, now: Duration) -> Option<Set> {
        let component = self.component(GRACE, now);
        component.iter().find_map(|by| {
            let set = self.statement(by).voted().with(self.voted());
            if set == self.voted() || set.has(self.local) {
                return None;
            }
            // Statements of the set's members do not support the voter.
            let stay = self.reached(component.without(set), GRACE, now);
            let allows = |by| set.iter().all(|peer| self.has_lost_lately(by, peer, now));
            // The local member may not know the statements of members it has no link to.
            let mut linked = stay.iter().filter(|&by| self.holds(by));
            let voters = stay
                .iter()
                .filter(|&by| set.is_within(self.statement(by).voted()));
            let must_join = stay.has(by)
                && allows(self.local)
                && (linked.all(allows) || 2 * voters.count() > stay.len());
            must_join.then_some(set)
        })
    }

    /// Returns `true` if a member states that it has lost another one, or did so recently.
    fn has_lost_lately(&self, by: Number, peer: Number, now: Duration) -> bool {
        let last = self.peer(by).last_lost[usize::from(peer)];
        self.lost_by(by).has(peer) && !self.is_in_grace(by, peer, GRACE / 2, now)
            || last.is_some_and(|last| now.saturating_sub(last) < self.limit)
    }

    /// Casts a vote for a set, and freezes the logs of its seats.
    fn cast_vote(&mut self, set: Set, now: Duration, logs: &mut impl Logs) {
        for peer in set.without(self.voted()).iter() {
            let reason = self.peer(peer).loss(self.local);
            let reason = reason.map_or(LeaveReason::Lost, |(reason, _)| reason);
            for (index, &seat) in self.members.seats(peer).to_vec().iter().enumerate() {
                logs.freeze(seat);
                // The vote does not include inputs that all remaining members have.
                let stay = self.members.all().without(set).without(Set::of(self.local));
                let have = stay.iter().map(|member| {
                    let loss = self.statement(member).loss(peer);
                    loss.and_then(|loss| loss.have.get(index).copied())
                        .unwrap_or(0)
                });
                let floor = have.min().unwrap_or(u32::MAX);
                self.add_known(seat, floor, reason, logs);
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

    /// Adds the known inputs of a seat to the local vote, starting at tick `floor`.
    pub(super) fn add_known(
        &mut self,
        seat: Seat,
        floor: u32,
        reason: LeaveReason,
        logs: &impl Logs,
    ) {
        let next = logs.next(seat).0;
        let earliest = logs
            .first(seat)
            .0
            .max(floor)
            .max(next.saturating_sub(MAX_SUFFIX as u32));
        let mut first = next;
        let mut room = MAX_SUFFIX_LEN;
        while first > earliest
            && let Some(input) = logs.input(seat, Tick(first - 1))
            && let Some(rest) = room.checked_sub(input.len())
        {
            (first, room) = (first - 1, rest);
        }
        let mut suffix = InputSuffix::starting(first);
        for tick in first..next {
            suffix.push(logs.input(seat, Tick(tick)).unwrap_or_default());
        }
        let known = Known {
            next,
            reason,
            first,
            digest: suffix.digest(first, next).unwrap_or_default(),
        };
        self.known.insert(seat, known);
        let local = self.local;
        self.peer_mut(local).suffixes.insert(seat, suffix);
    }

    /// Confirms the votes once all of them and their inputs have arrived.
    pub(super) fn confirm(&mut self, now: Duration) {
        let set = self.voted();
        let stay = self.members.all().without(set);
        let is_done = self.own.confirmation.as_ref().is_some_and(|c| c.set == set);
        if set.is_empty() || is_done || stay.iter().any(|by| self.statement(by).voted() != set) {
            return;
        }
        let liars = self.liars();
        if !liars.is_empty() {
            return self.give_up(liars);
        }
        let Ok(outcome) = self.outcome() else {
            return;
        };
        let votes = stay
            .iter()
            .filter_map(|by| self.statement(by).vote.as_ref());
        let votes = votes.map(Vote::digest).collect();
        self.own.confirmation = Some(Confirmation { set, votes });
        for outcome in &outcome {
            let Outcome { next, reason, .. } = *outcome;
            self.confirmed.insert(outcome.seat, End { next, reason });
        }
        self.progress.confirmed = now;
        self.progress.outcome = outcome;
    }

    /// Returns the members that claim to know more inputs of a seat than were confirmed before.
    fn liars(&self) -> Set {
        let set = self.voted();
        let is_liar = |by: &Number| {
            let known = self.statement(*by).vote.iter().flat_map(|vote| &vote.known);
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

    /// Returns the result of all votes, or the members whose inputs are missing.
    pub(super) fn outcome(&self) -> Result<Vec<Outcome>, Set> {
        let set = self.voted();
        let stay = self.members.all().without(set);
        let mut missing = Set::default();
        let mut outcomes = Vec::new();
        for (place, (_, seat)) in self.members.seats_of(set).enumerate() {
            let of = |by| {
                self.statement(by)
                    .vote
                    .as_ref()
                    .and_then(|v| v.known.get(place))
            };
            let mut known: Vec<_> = stay.iter().filter_map(|by| Some((by, *of(by)?))).collect();
            let Some(reason) = known.iter().map(|(_, known)| known.reason).max() else {
                continue;
            };
            // Shorter suffixes first, so that inputs that only one member claims to know are taken
            // from it only where no other member has them.
            known.sort_by_key(|(by, known)| (known.next, *by));
            let next = known.last().map_or(0, |(_, known)| known.next);
            let mut have = self.known.get(&seat).map_or(0, |known| known.next);
            let mut inputs = Vec::new();
            let mut lacking = Set::default();
            for (by, known) in known {
                if known.next <= have {
                    continue;
                }
                let suffix = self.peer(by).suffix(seat, &known);
                match suffix.filter(|_| known.first <= have) {
                    Some(suffix) => {
                        let rest = (have..known.next).filter_map(|tick| suffix.get(tick));
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

    /// Decides once all remaining members confirm the same votes.
    pub(super) fn decide(&mut self, now: Duration, logs: &mut impl Logs) {
        let set = self.voted();
        let stay = self.members.all().without(set);
        let own = self.own.confirmation.as_ref().filter(|own| own.set == set);
        if set == self.decided
            || own.is_none()
            || stay
                .iter()
                .any(|by| self.statement(by).confirmation.as_ref() != own)
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
            self.add_known(seat, floor, reason, logs);
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
        if stay == Set::of(self.local) {
            self.forget_inputs();
        }
        self.is_minority |= decision.side.is_some_and(|side| !side.is_majority);
        self.events.push_back(AgreementEvent::Decided(decision));
    }

    /// Releases the inputs behind all votes, because a single member never votes.
    fn forget_inputs(&mut self) {
        self.known.clear();
        for peer in &mut self.peers {
            peer.suffixes.clear();
            peer.forwarded_suffixes.clear();
            peer.sent.inputs.clear();
        }
    }

    fn side(&self, left: Set) -> Option<Side> {
        let is_gone = |&peer: &Number| {
            let seat = self.members.seats(peer).first();
            let reason = match seat.and_then(|seat| self.ends.get(seat)) {
                Some(end) => Some(end.reason),
                None => self.peer(peer).loss(self.local).map(|(reason, _)| reason),
            };
            reason.is_some_and(LeaveReason::is_final)
        };
        let gone: Set = left.iter().filter(is_gone).collect();
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
}
