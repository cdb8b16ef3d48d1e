//! The members of a running match: timeouts, departures and relays.

use std::time::Duration;

use huddle_session::{PeerId, Tick, codec};

use super::{KEPT, RunningMatch};
use crate::{
    inputs::Input,
    membership::agreement::{AgreementEvent, Decision, Ended, LeaveReason, Logs},
    seat::{Seat, SeatSet},
    session::{
        event::RollbackEvent, input_request::MAX_INPUT_REQUEST_LEN, links::Link, outbox::Outbox,
        topic::Topic,
    },
};

impl<I: Input> RunningMatch<I> {
    /// Sends the input requests that are due.
    pub(super) fn send_input_requests(&mut self, out: &mut Outbox) {
        let wanted = self
            .links
            .iter_mut()
            .filter_map(|(&peer, link)| link.step().then_some(peer));
        let wanted: Vec<_> = wanted.collect();
        for peer in wanted {
            self.request_inputs(peer, out);
        }
    }

    /// Detects members that have timed out, and members that take part again.
    pub(super) fn watch_members(&mut self, passed: Duration, now: Duration, out: &mut Outbox) {
        let missing = self.missing();
        for seat in missing.iter() {
            let Some(owner) = self.seats.owner(seat) else {
                continue;
            };
            let from = self.relayed.get(&owner).copied().unwrap_or(owner);
            let is_stopped = self.waiting.is_stopped(owner) || self.waiting.is_stopped(from);
            if !is_stopped && self.links.get(&from).is_some_and(Link::is_stuck) {
                self.stats.restarts += 1;
                self.request_inputs(from, out);
            }
        }
        for (i, _) in self.seats.owners().enumerate() {
            let seat = Seat(i as u8);
            if self.seats.next(seat) != Tick(0) {
                self.waiting.first_input(seat);
            }
        }
        let is_deciding = self.agreement.is_deciding();
        self.waiting.pass(missing, passed, is_deciding);
        for seat in missing.iter() {
            let Some(owner) = self.seats.owner(seat) else {
                continue;
            };
            if !self.waiting.is_exhausted(seat) {
                continue;
            }
            if let Some(&via) = self.relayed.get(&owner) {
                self.agreement.relay_failed(via, owner, now);
            }
            if !self.agreement.has_lost(owner) {
                self.agreement.lost(owner, LeaveReason::TimedOut);
                self.give_up(owner);
            }
        }
        let timed_out: Vec<_> = self.agreement.timed_out().collect();
        for peer in timed_out {
            self.give_up(peer);
        }
        let news = |peer| self.links.get_mut(&peer).is_some_and(Link::take_news);
        for peer in self.waiting.returned(passed, news) {
            let is_exhausted = |seat| self.waiting.is_exhausted(seat);
            if !self.seats.seats_of(peer).any(is_exhausted) {
                self.waiting.forget(peer);
                self.agreement.returned(peer);
            }
        }
        // The local peer would keep inputs forever for a peer that never acks them. Such a peer
        // receives no more until it sends an input request.
        for link in self.links.values_mut() {
            if link.unacked(&self.seats) > KEPT {
                link.lost();
            }
        }
    }

    /// Starts to observe whether a member that has timed out takes part again.
    fn give_up(&mut self, peer: PeerId) {
        if self.waiting.give_up(peer)
            && let Some(link) = self.links.get_mut(&peer)
        {
            // Inputs that arrived before the timeout do not count.
            link.take_news();
        }
    }

    /// Updates the agreement and handles its events.
    pub(super) fn agree(&mut self, now: Duration, out: &mut Outbox) {
        let is_blocked = |peer| out.has_waiting(peer);
        self.agreement.tick(now, &mut self.seats, is_blocked);
        self.handle_agreement(out);
    }

    fn handle_agreement(&mut self, out: &mut Outbox) {
        while let Some(event) = self.agreement.poll() {
            match event {
                AgreementEvent::Send { to, bytes } => {
                    out.send(to, Topic::Agreement, self.id, &bytes);
                }
                AgreementEvent::RelayFrom { via, peer } => self.relay(via, peer),
                AgreementEvent::Decided(decision) => self.decided(decision, out),
                AgreementEvent::Dropped { by, at } => {
                    out.events
                        .push_back(RollbackEvent::Dropped { by, at_tick: at });
                }
            }
        }
    }

    /// Sets the relay for a player's inputs, or `None` if the player sends them directly.
    fn relay(&mut self, via: Option<PeerId>, peer: PeerId) {
        let before = match via {
            Some(via) => self.relayed.insert(peer, via),
            None => self.relayed.remove(&peer),
        };
        for by in before.into_iter().chain(via) {
            if let Some(link) = self.links.get_mut(&by) {
                link.request_more();
            }
        }
    }

    /// Requests a player's own inputs and those that it relays, starting after the known ones.
    pub(in crate::session) fn request_inputs(&mut self, from: PeerId, out: &mut Outbox) {
        let relayed = self
            .relayed
            .iter()
            .filter(|(_, via)| **via == from)
            .map(|(peer, _)| *peer);
        let seats: Vec<_> = std::iter::once(from)
            .chain(relayed)
            .flat_map(|peer| self.seats.seats_of(peer))
            .map(|seat| (seat, self.seats.next(seat)))
            .collect();
        if let Some(link) = self.links.get_mut(&from)
            && let Ok(body) = codec::encode(&link.request(seats), MAX_INPUT_REQUEST_LEN)
        {
            out.send(from, Topic::InputRequest, self.id, &body);
        }
    }

    fn decided(&mut self, decision: Decision, out: &mut Outbox) {
        // The driver needs the inputs behind the votes before the end of the seat.
        self.feed();
        for &Ended { seat, at, reason } in &decision.seats {
            self.driver.finish(seat, at);
            self.roster.end(seat, at);
            out.events.push_back(RollbackEvent::SeatLeft {
                seat,
                at_tick: at,
                reason,
                took: decision.took,
            });
        }
        self.departed.extend(&decision.left);
        for peer in &decision.left {
            self.members.retain(|member| member != peer);
            self.links.remove(peer);
            self.relayed.remove(peer);
            self.waiting.remove(*peer);
            self.pace.forget(*peer);
            self.transit.forget(*peer);
            self.desync.forget(*peer);
        }
        if let Some(side) = decision.side {
            out.events.push_back(RollbackEvent::Split {
                side: decision.members,
                of: side.before,
                is_majority: side.is_majority,
            });
        }
    }

    pub(in crate::session) fn linked(&mut self, peer: PeerId, out: &mut Outbox) {
        self.request_inputs(peer, out);
        self.agreement.linked(peer);
        self.handle_agreement(out);
    }

    pub(in crate::session) fn lost(&mut self, peer: PeerId, reason: LeaveReason) {
        if reason == LeaveReason::Restarted {
            // The new program has no part in this match.
            self.links.remove(&peer);
        } else if let Some(link) = self.links.get_mut(&peer) {
            link.lost();
        }
        self.agreement.lost(peer, reason);
    }

    /// Sets whether a peer's game is stopped.
    pub(in crate::session) fn set_stopped(&mut self, peer: PeerId, is_stopped: bool) {
        if self.waiting.set_stopped(peer, is_stopped)
            && let Some(link) = self.links.get_mut(&peer)
        {
            // Packets without inputs do not count while a game is stopped.
            link.begin();
        }
    }

    /// Returns the subset of `seats` whose players' games are stopped.
    pub(super) fn stopped_seats(&self, seats: SeatSet) -> SeatSet {
        let is_stopped = |seat: &Seat| {
            let owner = self.seats.owner(*seat);
            owner.is_some_and(|owner| self.waiting.is_stopped(owner))
        };
        seats.iter().filter(is_stopped).collect()
    }

    /// Leaves the match, and sends the last local inputs to the other players.
    pub(in crate::session) fn leave(&mut self, now: Duration, out: &mut Outbox) {
        self.agreement.leave(now, &mut self.seats);
        self.handle_agreement(out);
    }

    pub(in crate::session) fn members(&self, local_id: PeerId) -> Vec<PeerId> {
        self.members.iter().copied().chain([local_id]).collect()
    }
}
