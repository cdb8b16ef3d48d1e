//! Who plays along: who is given up, who has left, and who asks whom for inputs.

use std::time::Duration;

use huddle_session::{PeerId, codec};

use super::{KEPT, Play};
use crate::{
    agreement::{AgreementEvent, Decision, Ended, LeaveReason, Logs},
    coding::Input,
    seat::{Seat, SeatSet},
    session::{
        event::RollbackEvent, links::Link, outbox::Outbox, topic::Topic, wish::MAX_WISH_LEN,
    },
};

impl<I: Input> Play<I> {
    /// Asks those for inputs who are to be asked and may be.
    pub(super) fn ask_for_inputs(&mut self, out: &mut Outbox) {
        let wanted = self
            .links
            .iter_mut()
            .filter_map(|(&peer, link)| link.step().then_some(peer));
        let wanted: Vec<_> = wanted.collect();
        for peer in wanted {
            self.wish(peer, out);
        }
    }

    /// Gives up whoever is linked and does not play along.
    pub(super) fn watch_members(&mut self, passed: Duration, now: Duration, out: &mut Outbox) {
        let missing = self.driver.missing();
        for seat in missing.iter() {
            let Some(owner) = self.seats.owner(seat) else {
                continue;
            };
            let from = self.relayed.get(&owner).copied().unwrap_or(owner);
            let is_stopped = self.waiting.is_stopped(owner) || self.waiting.is_stopped(from);
            if !is_stopped && self.links.get(&from).is_some_and(Link::is_stuck) {
                self.stats.restarts += 1;
                self.wish(from, out);
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
                self.agreement
                    .relay_failed(via, owner, now, &mut self.seats);
            }
            if !self.agreement.has_lost(owner) {
                self.agreement
                    .lost(owner, LeaveReason::Silent, now, &mut self.seats);
                self.give_up(owner);
            }
        }
        let silent: Vec<_> = self.agreement.silent().collect();
        for peer in silent {
            self.give_up(peer);
        }
        let news = |peer| self.links.get_mut(&peer).is_some_and(Link::take_news);
        for peer in self.waiting.returned(passed, news) {
            let is_exhausted = |seat| self.waiting.is_exhausted(seat);
            if !self.seats.seats_of(peer).any(is_exhausted) {
                self.waiting.forget(peer);
                self.agreement.returned(peer, now, &mut self.seats);
            }
        }
        // Who takes inputs and never says so would make this player keep them for ever. It gets more
        // once it asks for them.
        for link in self.links.values_mut() {
            if link.unacked(&self.seats) > KEPT {
                link.lost();
            }
        }
    }

    /// Waits for somebody who is silent to play along again.
    fn give_up(&mut self, peer: PeerId) {
        if self.waiting.give_up(peer)
            && let Some(link) = self.links.get_mut(&peer)
        {
            // What came before does not count.
            link.take_news();
        }
    }

    /// Does what the agreement on who plays wants.
    pub(super) fn agree(&mut self, out: &mut Outbox) {
        while let Some(event) = self.agreement.poll() {
            match event {
                AgreementEvent::Send { to, bytes } => {
                    out.messages
                        .push_back((to, Topic::Agreement.message(self.round, &bytes)));
                }
                // Who wants it says from when on in a wish.
                AgreementEvent::RelayTo { .. } => {}
                AgreementEvent::RelayFrom { via, peer, .. } => self.relay(via, peer),
                AgreementEvent::Decided(decision) => self.decided(decision, out),
                AgreementEvent::VotedOut { by, at } => {
                    out.events
                        .push_back(RollbackEvent::VotedOut { by, at_tick: at });
                }
            }
        }
    }

    /// The inputs of a player come by way of another from now on, or directly again.
    fn relay(&mut self, via: Option<PeerId>, peer: PeerId) {
        let before = match via {
            Some(via) => self.relayed.insert(peer, via),
            None => self.relayed.remove(&peer),
        };
        for by in before.into_iter().chain(via) {
            if let Some(link) = self.links.get_mut(&by) {
                link.want();
            }
        }
    }

    /// Asks a player for its inputs and those it relays, from what is known on.
    pub(in crate::session) fn wish(&mut self, from: PeerId, out: &mut Outbox) {
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
            && let Ok(body) = codec::encode(&link.ask(seats), MAX_WISH_LEN)
        {
            out.messages
                .push_back((from, Topic::Wish.message(self.round, &body)));
        }
    }

    fn decided(&mut self, decision: Decision, out: &mut Outbox) {
        // What the votes brought comes before the end.
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
        for peer in &decision.left {
            self.members.retain(|member| member != peer);
            self.links.remove(peer);
            self.relayed.remove(peer);
            self.waiting.remove(*peer);
            self.pace.forget(*peer);
            self.transit.forget(*peer);
            self.checksums.forget(*peer);
            self.inquiries.lost(*peer);
        }
        if self.members.is_empty() {
            self.driver.stop_checksums();
        }
        if let Some(side) = decision.side {
            out.events.push_back(RollbackEvent::Split {
                side: decision.members,
                of: side.before,
                is_majority: side.is_majority,
            });
        }
    }

    pub(in crate::session) fn linked(&mut self, peer: PeerId, now: Duration, out: &mut Outbox) {
        if self.members.contains(&peer) {
            self.wish(peer, out);
        }
        self.agreement.linked(peer, now, &mut self.seats);
        self.agree(out);
    }

    pub(in crate::session) fn lost(
        &mut self,
        peer: PeerId,
        reason: LeaveReason,
        now: Duration,
        out: &mut Outbox,
    ) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.lost();
        }
        self.agreement.lost(peer, reason, now, &mut self.seats);
        self.agree(out);
    }

    /// Sets whether a peer's game is stopped.
    pub(in crate::session) fn set_stopped(&mut self, peer: PeerId, is_stopped: bool) {
        if self.waiting.set_stopped(peer, is_stopped)
            && let Some(link) = self.links.get_mut(&peer)
        {
            // Its packets without inputs do not count.
            link.begin();
        }
    }

    /// Returns those of these seats whose game is stopped.
    pub(super) fn stopped_seats(&self, seats: SeatSet) -> SeatSet {
        let is_stopped = |seat: &Seat| {
            let owner = self.seats.owner(*seat);
            owner.is_some_and(|owner| self.waiting.is_stopped(owner))
        };
        seats.iter().filter(is_stopped).collect()
    }

    pub(in crate::session) fn leave(&mut self, now: Duration, out: &mut Outbox) {
        self.agreement.leave(now, &mut self.seats);
        self.agree(out);
    }

    pub(in crate::session) fn members(&self, me: PeerId) -> Vec<PeerId> {
        self.members.iter().copied().chain([me]).collect()
    }
}
