//! What the players' games do between messages: they play on, send inputs and lose patience.

use std::{collections::BTreeSet, time::Duration};

use super::{
    logs::truth,
    world::{Packet, SILENT, Status, World, id},
};
use crate::{
    agreement::{LeaveReason, Logs},
    seat::Seat,
};

/// How far a player plays on without another's inputs.
const WINDOW: u32 = 8;
/// After how long a relay is of no use.
const RELAY_FAILED: u64 = 15_000 * super::MS;
/// How long a relay may take to bring what it must have.
const RELAY_LATE: u64 = 2000 * super::MS;

impl World {
    pub(super) fn tick(&mut self, n: usize) {
        if self.players[n].status != Status::Plays {
            return;
        }
        self.forget(n);
        self.produce(n);
        self.send_inputs(n);
        self.complain(n);
        let now = Duration::from_micros(self.now);
        let player = &mut self.players[n];
        player.agreement.tick(now, &mut player.logs);
        self.drain(n);
    }

    /// Only what somebody may lack is kept.
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
        let me = &mut self.players[n];
        me.waits_since.retain(|other, _| waits.contains(other));
        for other in waits {
            me.waits_since.entry(other).or_insert(now);
        }
        if is_free {
            for seat in me.seats.clone() {
                me.logs.append(seat, &truth(seat, next));
            }
            me.sent.entry((n, Seat(0))).or_insert(0);
            *me.sent.get_mut(&(n, Seat(0))).unwrap() += 1;
        }
    }

    /// The tick a player plays next.
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
            // Who is no more than silent may wait for what it is not sent.
            let reason = self.players[n].lost.get(&to);
            if reason.is_some_and(|&reason| reason != LeaveReason::Silent) {
                continue;
            }
            for seat in self.players[n].seats.clone() {
                let len = self.players[n].logs.len(seat);
                let sent = self.players[n].sent.entry((to, seat)).or_insert(0);
                packets.extend((*sent..len).map(|tick| (to, seat, tick)));
                *sent = len.max(*sent);
            }
        }
        let is_hostage = |key: &(usize, usize)| match &self.hostile {
            Some((hostile, how)) => *hostile == n && !how.relays(key.1),
            None => false,
        };
        let me = &mut self.players[n];
        for (key, seats) in &mut me.relays {
            for (&seat, next) in seats {
                let len = me.logs.len(seat).max(*next);
                if !is_hostage(key) {
                    packets.extend((*next..len).map(|tick| (key.0, seat, tick)));
                }
                *next = len;
            }
        }
        for (to, seat, tick) in packets {
            let input = self.players[n].logs.inputs[seat.index()][tick as usize].clone();
            if !self.players[n].seats.contains(&seat) {
                self.players[to].relayed += 1;
            }
            self.send(n, to, Packet::Input(seat.0, tick, input));
        }
    }

    /// The glue's own verdicts.
    fn complain(&mut self, n: usize) {
        let waits: Vec<_> = self.players[n].waits_since.clone().into_iter().collect();
        for (other, since) in waits {
            let waited = self.now - since;
            let player = &mut self.players[n];
            if let Some(&via) = player.vias.get(&other) {
                let seats = |n: usize| self.players[n].seats.clone();
                let has = |seats: Vec<Seat>| {
                    let logs = &self.players[n].logs;
                    seats.into_iter().map(|seat| logs.len(seat)).min()
                };
                let is_ahead = has(seats(via)) > has(seats(other)).map(|has| has + 2 * WINDOW);
                if (is_ahead && waited > RELAY_LATE) || waited > RELAY_FAILED {
                    let now = Duration::from_micros(self.now);
                    let player = &mut self.players[n];
                    let (via, other) = (id(via), id(other));
                    player
                        .agreement
                        .relay_failed(via, other, now, &mut player.logs);
                    self.drain(n);
                }
            } else if waited > SILENT && !player.lost.contains_key(&other) {
                self.lose(n, other, LeaveReason::Silent);
            }
        }
    }
}
