//! One direction of a link.

use std::{collections::VecDeque, time::Duration};

use huddle_snapshot::budget::PACKET_OVERHEAD;

use super::{
    acks::{Ack, Arrived},
    round_trip::RoundTrip,
};
use crate::time::TICK;

/// The contents of a packet that has only an ack: the header of the session.
const ACK_LEN: usize = 9;

/// An ack waits so long for other contents.
const ACK_WAIT: Duration = Duration::from_millis(32);

/// The number of packets by which a newer ack must be ahead before a packet counts as lost.
const REORDER_THRESHOLD: u64 = 3;

/// The number of packets that an ack covers before the newest one.
const REACH: u64 = 16;

/// A packet that arrives.
#[derive(Debug)]
pub(crate) struct Packet {
    arrives: Duration,
    pub(crate) seq: u64,
    pub(crate) tick: u32,
    pub(crate) contents: Vec<u8>,
    pub(super) ack: Option<Ack>,
}

/// What has become known about a packet. A lost one can still be delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Delivered(u64),
    Lost(u64),
}

/// What a direction has sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    /// The packets with snapshots.
    pub(crate) packets: u64,
    /// Their bytes, with the overhead of each packet.
    pub(crate) bytes: u64,
    /// The bytes of the packets that have only an ack, which do not count towards a budget.
    pub(crate) ack_bytes: u64,
}

/// A packet whose fate is not known.
#[derive(Debug)]
struct Sent {
    seq: u64,
    at: Duration,
    is_lost: bool,
}

#[derive(Debug, Default)]
pub(super) struct Direction {
    next: u64,
    sent: VecDeque<Sent>,
    newest_acked: Option<u64>,
    round_trip: RoundTrip,
    fates: Vec<Fate>,
    traffic: Traffic,
    flying: Vec<Packet>,
    arrived: Arrived,
    /// The arrival of the oldest packet without an ack.
    owes_ack: Option<Duration>,
}

impl Direction {
    pub(super) fn next_seq(&self) -> u64 {
        self.next
    }

    pub(super) fn send(
        &mut self,
        now: Duration,
        arrives: Option<Duration>,
        tick: u32,
        contents: &[u8],
        ack: Option<Ack>,
    ) {
        let seq = self.next;
        self.next += 1;
        if contents.is_empty() {
            self.traffic.ack_bytes += (ACK_LEN + PACKET_OVERHEAD) as u64;
        } else {
            self.traffic.packets += 1;
            self.traffic.bytes += (contents.len() + PACKET_OVERHEAD) as u64;
        }
        self.sent.push_back(Sent {
            seq,
            at: now,
            is_lost: false,
        });
        if let Some(arrives) = arrives {
            self.flying.push(Packet {
                arrives,
                seq,
                tick,
                contents: contents.to_vec(),
                ack,
            });
        }
    }

    pub(super) fn receive(&mut self, now: Duration) -> Vec<Packet> {
        let flying = std::mem::take(&mut self.flying);
        let (mut packets, flying): (Vec<_>, Vec<_>) =
            flying.into_iter().partition(|packet| packet.arrives <= now);
        self.flying = flying;
        packets.sort_by_key(|packet| packet.arrives);
        packets.retain(|packet| self.arrived.push(packet.seq, now));
        if packets.iter().any(|packet| !packet.contents.is_empty()) {
            self.owes_ack.get_or_insert(now);
        }
        packets
    }

    /// Returns whether an ack of received packets has waited long enough.
    pub(super) fn owes_ack(&self, now: Duration) -> bool {
        self.owes_ack.is_some_and(|since| now >= since + ACK_WAIT)
    }

    pub(super) fn take_ack(&mut self, now: Duration) -> Option<Ack> {
        self.owes_ack = None;
        self.arrived.ack(now)
    }

    pub(super) fn acked(&mut self, now: Duration, ack: Ack) {
        let Ack { newest, bits, hold } = ack;
        let is_new = self.newest_acked.is_none_or(|acked| newest > acked);
        let is_acked = |seq: u64| {
            let behind = newest.checked_sub(seq);
            behind.is_some_and(|behind| {
                behind == 0 || behind <= REACH && bits >> (behind - 1) & 1 == 1
            })
        };
        let (fates, round_trip) = (&mut self.fates, &mut self.round_trip);
        self.sent.retain(|sent| {
            if !is_acked(sent.seq) {
                return true;
            }
            if is_new && sent.seq == newest {
                round_trip.sample((now - sent.at).saturating_sub(hold));
            }
            fates.push(Fate::Delivered(sent.seq));
            false
        });
        self.newest_acked = self.newest_acked.max(Some(newest));
    }

    /// Notices lost packets, and forgets those that cannot be acked any more.
    pub(super) fn expire(&mut self, now: Duration) {
        let timeout = self.round_trip.timeout();
        let rtt = self.round_trip.smoothed().unwrap_or_default();
        let newest = self.newest_acked.unwrap_or_default();
        for sent in self.sent.iter_mut().filter(|sent| !sent.is_lost) {
            let (age, behind) = (now - sent.at, newest.saturating_sub(sent.seq));
            let is_overtaken = behind >= REORDER_THRESHOLD && age >= rtt + rtt / 8;
            if behind > REACH || is_overtaken || age >= timeout {
                sent.is_lost = true;
                self.fates.push(Fate::Lost(sent.seq));
            }
        }
        let is_over = |sent: &Sent| sent.is_lost && now > sent.at + TICK * 256;
        while self.sent.front().is_some_and(is_over) {
            self.sent.pop_front();
        }
    }

    pub(super) fn take_fates(&mut self) -> Vec<Fate> {
        std::mem::take(&mut self.fates)
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.smoothed()
    }

    pub(super) fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }
}
