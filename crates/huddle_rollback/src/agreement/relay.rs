//! Whose inputs come by way of whom, where two members have no link.

use std::{collections::BTreeMap, time::Duration};

use huddle_session::Tick;

use super::{
    Agreement, AgreementEvent, LeaveReason, Logs,
    members::{Number, Set},
    message::{Ask, Loss},
    progress::GRACE,
    relays::Failed,
};
use crate::seat::Seat;

impl Agreement {
    pub(super) fn relay_has_failed(&mut self, via: Number, peer: Number, now: Duration) {
        if self.own.asks.iter().any(|a| a.via == via && a.peer == peer) {
            let new = Failed {
                since: now,
                last: now,
            };
            self.relays.failed.entry((via, peer)).or_insert(new).last = now;
        }
    }

    /// Who claims to reach somebody whose inputs it never brings does not play along, if there is
    /// no other way. The nearer it claims to be, the sooner: who is nearer to the cause finds out
    /// first.
    pub(super) fn judge_relays(&mut self, now: Duration) {
        let elsewhere = self.component(GRACE, now).without(Set::of(self.me));
        let failed = std::mem::take(&mut self.relays.failed);
        for ((via, peer), way) in failed {
            let asks = self.own.asks.iter().filter(|ask| ask.peer == peer);
            let distance = self.distances(peer, elsewhere)[usize::from(via)];
            let is_wanted = asks.clone().next().is_some() && self.holds(via);
            let is_over = now.saturating_sub(way.last) >= GRACE;
            let (true, false, Some(distance)) = (is_wanted, is_over, distance) else {
                continue;
            };
            let is_asked = asks.clone().any(|ask| ask.via == via);
            if is_asked && now.saturating_sub(way.since) >= self.limit * distance.into() {
                self.peer_mut(via).lose(LeaveReason::Silent);
            } else {
                self.relays.failed.insert((via, peer), way);
            }
        }
    }

    /// Asks for the inputs of those who are lost here and not for others.
    pub(super) fn choose_relays(&mut self, now: Duration, logs: &impl Logs) {
        let component = self.component(GRACE, now);
        let elsewhere = component.without(Set::of(self.me));
        let mut asks = Vec::new();
        let is_wanted = |&p: &Number| self.own.lost(p).is_some() && !self.is_excused(p, now);
        for peer in elsewhere.iter().filter(is_wanted) {
            let distances = self.distances(peer, elsewhere);
            let is_way = |via: Number| {
                let asks_me = |ask: &Ask| ask.peer == peer && ask.via == self.me;
                self.holds(via)
                    && distances[usize::from(via)].is_some()
                    // Two who ask each other get nothing.
                    && !(via < self.me && self.peer(via).direct.asks.iter().any(asks_me))
            };
            let has_failed = |via: Number| self.relays.failed.contains_key(&(via, peer));
            let rank = |&via: &Number| (has_failed(via), distances[usize::from(via)]);
            let best = elsewhere.iter().filter(|&via| is_way(via)).min_by_key(rank);
            let current = self.own.asks.iter().find(|ask| ask.peer == peer);
            let current = current.filter(|ask| is_way(ask.via));
            // The nearest, so that nobody asks in a circle.
            let keeps = |via| best.is_none_or(|best| rank(&via) <= rank(&best));
            if let Some(ask) = current.filter(|ask| keeps(ask.via)) {
                asks.push(ask.clone());
            } else if let Some(via) = best {
                let seats = self.members.seats(peer).iter();
                let from = seats.map(|&seat| logs.next(seat).0).collect();
                asks.push(Ask { peer, via, from });
            }
        }
        let old = std::mem::replace(&mut self.own.asks, asks);
        for ask in &old {
            if !self.own.asks.iter().any(|new| new.peer == ask.peer) {
                self.events.push_back(AgreementEvent::RelayFrom {
                    via: None,
                    peer: self.members.peer(ask.peer),
                    from: Vec::new(),
                });
            }
        }
        for ask in self.own.asks.iter().filter(|ask| !old.contains(ask)) {
            self.events.push_back(AgreementEvent::RelayFrom {
                via: Some(self.members.peer(ask.via)),
                peer: self.members.peer(ask.peer),
                from: self.starts(ask.peer, &ask.from),
            });
        }
    }

    /// Whether a member that is silent here waits for another itself, and has had little time to
    /// get that one's inputs. Who relays could make its inputs up.
    fn is_excused(&self, peer: Number, now: Duration) -> bool {
        let is_silent = |loss: &Loss| loss.reason == LeaveReason::Silent;
        self.word(peer).lost.iter().any(is_silent) && self.is_rash(self.me, peer, GRACE / 2, now)
    }

    /// Passes on what is asked for.
    pub(super) fn serve_relays(&mut self) {
        let mut served = BTreeMap::new();
        let others = self.members.all().without(Set::of(self.me));
        for to in others
            .without(self.voted())
            .iter()
            .filter(|&to| self.holds(to))
        {
            let asks = self.peer(to).direct.asks.iter();
            for ask in asks.filter(|ask| ask.via == self.me && !self.voted().has(ask.peer)) {
                served.insert((to, ask.peer), ask.from.clone());
            }
        }
        let old = std::mem::replace(&mut self.relays.served, served);
        let ended = old
            .iter()
            .filter(|(key, _)| !self.relays.served.contains_key(key));
        let ended = ended.map(|(&key, _)| (key, Vec::new()));
        let begun = self.relays.served.iter();
        let begun = begun.filter(|&(key, from)| old.get(key) != Some(from));
        let begun = begun.map(|(&key, from)| (key, self.starts(key.1, from)));
        let changes: Vec<_> = ended.chain(begun).collect();
        for ((to, peer), from) in changes {
            self.events.push_back(AgreementEvent::RelayTo {
                to: self.members.peer(to),
                peer: self.members.peer(peer),
                from,
            });
        }
    }

    fn starts(&self, peer: Number, from: &[u32]) -> Vec<(Seat, Tick)> {
        let seats = self.members.seats(peer).iter();
        seats
            .zip(from)
            .map(|(&seat, &from)| (seat, Tick(from)))
            .collect()
    }
}
