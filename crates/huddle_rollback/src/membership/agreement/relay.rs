//! Relays: another member forwards the inputs of a member without a link.

use std::time::Duration;

use super::{
    Agreement, AgreementEvent, LeaveReason,
    failed_relay::FailedRelay,
    members::{Number, Set},
    message::{Loss, RelayRequest},
    progress::GRACE,
};

impl Agreement {
    pub(super) fn record_failed_relay(&mut self, via: Number, member: Number, now: Duration) {
        let request = RelayRequest { member, via };
        if self.own.relay_requests.contains(&request) {
            let new = FailedRelay {
                since: now,
                last: now,
            };
            let failed = self.failed_relays.entry((via, member));
            failed.or_insert(new).last = now;
        }
    }

    /// Gives up members that claim to reach another member, but never deliver its inputs, if there
    /// is no other relay. Members that claim to be nearer are given up sooner, because the members
    /// that are nearer to the cause detect it first.
    pub(super) fn check_relays(&mut self, now: Duration) {
        if self.failed_relays.is_empty() {
            return;
        }
        let elsewhere = self.component(GRACE, now).without(Set::of(self.local));
        for ((via, member), relay) in std::mem::take(&mut self.failed_relays) {
            let mut requests = self.own.relay_requests.iter();
            let request = requests.find(|request| request.member == member);
            let distance = self.distances(member, elsewhere)[usize::from(via)];
            let is_over = now.saturating_sub(relay.last) >= GRACE;
            let (Some(request), true, false, Some(distance)) =
                (request, self.holds(via), is_over, distance)
            else {
                continue;
            };
            let limit = self.limit * distance.into();
            if request.via == via && now.saturating_sub(relay.since) >= limit {
                self.peer_mut(via).lose(LeaveReason::TimedOut);
            } else {
                self.failed_relays.insert((via, member), relay);
            }
        }
    }

    /// Chooses relays for the members that are lost here, but not for all members.
    pub(super) fn choose_relays(&mut self, now: Duration) {
        let mut requests = Vec::new();
        if !self.own.lost.is_empty() {
            let elsewhere = self.component(GRACE, now).without(Set::of(self.local));
            let is_needed = |&n: &Number| self.own.loss(n).is_some() && !self.is_excused(n, now);
            requests = elsewhere
                .iter()
                .filter(is_needed)
                .filter_map(|member| self.choose_relay(member, elsewhere))
                .collect();
        }
        let old = std::mem::replace(&mut self.own.relay_requests, requests);
        let new = &self.own.relay_requests;
        let ended = old
            .iter()
            .filter(|old| !new.iter().any(|new| new.member == old.member));
        let ended = ended.map(|request| (request.member, None));
        let begun = new.iter().filter(|new| !old.contains(new));
        let begun = begun.map(|request| (request.member, Some(request.via)));
        for (member, via) in ended.chain(begun) {
            self.events.push_back(AgreementEvent::RelayFrom {
                via: via.map(|via| self.members.peer(via)),
                peer: self.members.peer(member),
            });
        }
    }

    /// Chooses the relay for a member's inputs: one that has not failed, and of these the nearest,
    /// so that no two members request the inputs from each other.
    fn choose_relay(&self, member: Number, elsewhere: Set) -> Option<RelayRequest> {
        let distances = self.distances(member, elsewhere);
        let waits_for_local = RelayRequest {
            member,
            via: self.local,
        };
        let is_possible = |&via: &Number| {
            let requests = &self.peer(via).direct.relay_requests;
            self.holds(via)
                && distances[usize::from(via)].is_some()
                // Of two members that request the inputs from each other, one stops.
                && !(via < self.local && requests.contains(&waits_for_local))
        };
        let rank = |via: Number| {
            let has_failed = self.failed_relays.contains_key(&(via, member));
            (has_failed, distances[usize::from(via)])
        };
        let best = elsewhere
            .iter()
            .filter(is_possible)
            .min_by_key(|&via| rank(via))?;
        let mut requests = self.own.relay_requests.iter();
        let current = requests
            .find(|request| request.member == member)
            .map(|request| request.via)
            .filter(|via| is_possible(via) && rank(*via) <= rank(best));
        Some(RelayRequest {
            member,
            via: current.unwrap_or(best),
        })
    }

    /// Returns `true` if a member that timed out here waits for another member itself, and has had
    /// little time to receive that one's inputs. A relay could forge its inputs.
    fn is_excused(&self, member: Number, now: Duration) -> bool {
        let has_timed_out = |loss: &Loss| loss.reason == LeaveReason::TimedOut;
        let mut lost = self.statement(member).lost.iter();
        lost.any(has_timed_out) && self.is_in_grace(self.local, member, GRACE / 2, now)
    }
}
