//! The players' matches: simulated ticks, inputs and timeouts.

use std::{collections::BTreeSet, time::Duration};

use super::{
    logs::truth,
    world::{Packet, Status, TIMEOUT, World, id, player},
};
use crate::{
    membership::agreement::{LeaveReason, Logs},
    seat::Seat,
};

/// The prediction window.
const WINDOW: u32 = 8;
/// The time after which a relay has failed.
const RELAY_FAILED: u64 = 15_000 * super::MS;
/// The time that a relay has to deliver inputs that it must have.
const RELAY_LATE: u64 = 2000 * super::MS;

impl World {
    pub(super) fn tick(&mut self, n: usize) {
        if self.players[n].status != Status::Plays || self.players[n].hangs_until > self.now {
            return;
        }
        self.forget(n);
        self.produce(n);
        self.send_inputs(n);
        self.watch(n);
        let now = Duration::from_micros(self.now);
        let player = &mut self.players[n];
        player.agreement.tick(now, &mut player.logs, |_| false);
        self.drain(n);
    }

    /// Releases inputs that no member lacks.
    fn forget(&mut self, n: usize) {
        for seat in (0..16).map(Seat) {
            let members = self.players[n].members.iter();
            let least = members
                .map(|&other| self.players[other].logs.len(seat))
                .min();
            let first = &mut self.players[n].logs.first[seat.index()];
            *first = (*first).max(least.unwrap_or(0));
        }
    }

    fn produce(&mut self, n: usize) {
        let next = self.next(n);
        let mut waits = BTreeSet::new();
        for other in (0..self.players.len()).filter(|&other| other != n) {
            for &seat in &self.players[other].seats {
                let has = self.players[n].logs.len(seat);
                if !self.players[n].ends.contains_key(&seat) && has + WINDOW <= next {
                    waits.insert(other);
                }
            }
        }
        let (now, is_free) = (self.now, waits.is_empty());
        let local = &mut self.players[n];
        local.waits_since.retain(|other, _| waits.contains(other));
        for other in waits {
            local.waits_since.entry(other).or_insert(now);
        }
        if is_free {
            for seat in local.seats.clone() {
                local.logs.append(seat, &truth(seat, next));
            }
            local.sent.entry((n, Seat(0))).or_insert(0);
            *local.sent.get_mut(&(n, Seat(0))).unwrap() += 1;
        }
    }

    /// Returns the tick that a player simulates next.
    pub(super) fn next(&self, n: usize) -> u32 {
        self.players[n]
            .sent
            .get(&(n, Seat(0)))
            .copied()
            .unwrap_or(0)
    }

    fn send_inputs(&mut self, n: usize) {
        let mut packets = Vec::new();
        for to in (0..self.players.len()).filter(|&to| to != n) {
            // A member that timed out may wait for these inputs.
            let reason = self.players[n].lost.get(&to);
            if reason.is_some_and(|&reason| reason != LeaveReason::TimedOut) {
                continue;
            }
            for seat in self.players[n].seats.clone() {
                let len = self.players[n].logs.len(seat);
                let sent = self.players[n].sent.entry((to, seat)).or_insert(0);
                packets.extend((*sent..len).map(|tick| (to, seat, tick)));
                *sent = len.max(*sent);
            }
        }
        let relays = match &self.hostile {
            Some((hostile, how)) => *hostile != n || how.relays(),
            None => true,
        };
        let local = &mut self.players[n];
        for (&to, seats) in &mut local.relays {
            for (&seat, next) in seats {
                let len = local.logs.len(seat).max(*next);
                if relays {
                    packets.extend((*next..len).map(|tick| (to, seat, tick)));
                }
                *next = len;
            }
        }
        for (to, seat, tick) in packets {
            let input = self.players[n].logs.inputs[seat.index()][tick as usize].clone();
            self.send(n, to, Packet::Input(seat.0, tick, input));
        }
    }

    /// Detects members and relays that do not take part, and members that do again.
    fn watch(&mut self, n: usize) {
        let now = Duration::from_micros(self.now);
        let waits: Vec<_> = self.players[n].waits_since.clone().into_iter().collect();
        for (other, since) in waits {
            let waited = self.now - since;
            let player = &mut self.players[n];
            if let Some(&via) = player.relayed_by.get(&other) {
                let seats = |n: usize| self.players[n].seats.clone();
                let has = |seats: Vec<Seat>| {
                    let logs = &self.players[n].logs;
                    seats.into_iter().map(|seat| logs.len(seat)).min()
                };
                let is_ahead = has(seats(via)) > has(seats(other)).map(|has| has + 2 * WINDOW);
                if (is_ahead && waited > RELAY_LATE) || waited > RELAY_FAILED {
                    let agreement = &mut self.players[n].agreement;
                    agreement.relay_failed(id(via), id(other), now);
                }
            } else if waited > TIMEOUT && !player.lost.contains_key(&other) {
                self.lose(n, other, LeaveReason::TimedOut);
            }
        }
        let timed_out: Vec<_> = self.players[n].agreement.timed_out().collect();
        for peer in timed_out {
            let is_spectator = self.players[player(peer)].seats.is_empty();
            let local = &mut self.players[n];
            // A spectator sends no inputs. Its messages show that it takes part.
            if !is_spectator {
                local.timed_out.insert(player(peer));
            } else if local.sent_since_loss.remove(&player(peer)) {
                local.agreement.returned(peer);
            }
        }
    }

    /// Requests the inputs that a player should relay.
    pub(super) fn request_relays(&mut self, n: usize, via: usize) {
        let relayed_by = self.players[n].relayed_by.iter();
        let members = relayed_by.filter(|(_, other)| **other == via);
        let seats = members.flat_map(|(&member, _)| self.players[member].seats.clone());
        let seats = seats.map(|seat| (seat.0, self.players[n].logs.len(seat)));
        let request = Packet::Request(seats.collect());
        self.send(n, via, request);
    }
}
