//! A virtual network between sessions. It loses, delays and reorders packets, and reports acks and losses
//! like the session of a room.

use std::collections::BTreeMap;

use fastrand::Rng;
use huddle_id::PeerId;

/// The properties of all links.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditions {
    /// From 0 to 1.
    pub(super) loss: f64,
    pub(super) duplication: f64,
    /// The shortest and the longest time that a packet takes, in ticks.
    pub(super) delay: (u32, u32),
}

/// A packet that arrives.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) seq: u64,
    pub(super) tick: u32,
    pub(super) bytes: Vec<u8>,
    /// The newest packet that its sender has received, and whether it has received each of the 16 before.
    acks: Option<(u64, u16)>,
}

/// What a direction of a link reports to its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered(u64),
    Lost(u64),
}

/// One direction of a link.
#[derive(Debug, Default)]
pub(super) struct Direction {
    next: u64,
    /// The packets without an ack, and when they were sent. The bool is whether it was reported as lost.
    unacked: BTreeMap<u64, (u32, bool)>,
    flying: Vec<(u32, Packet)>,
    /// The packets that have arrived.
    received: std::collections::BTreeSet<u64>,
}

/// The time without an ack after which a packet counts as lost, in ticks.
const ACK_TIMEOUT: u32 = 40;

/// How late a packet may be.
const REORDERING: u64 = 32;

/// All links, by sender and receiver.
#[derive(Debug)]
pub(super) struct Network {
    /// The first sequence number of all links.
    first: u64,
    /// Whether the caller also sends other packets, so that sequence numbers are missing.
    has_gaps: bool,
    links: BTreeMap<(PeerId, PeerId), Direction>,
}

impl Network {
    pub(super) fn new(first: u64, has_gaps: bool) -> Self {
        Self {
            first,
            has_gaps,
            links: BTreeMap::new(),
        }
    }

    pub(super) fn is_linked(&self, a: PeerId, b: PeerId) -> bool {
        self.links.contains_key(&(a, b))
    }

    pub(super) fn open(&mut self, a: PeerId, b: PeerId) {
        for link in [(a, b), (b, a)] {
            let direction = Direction {
                next: self.first,
                ..Direction::default()
            };
            self.links.insert(link, direction);
        }
    }

    pub(super) fn close(&mut self, a: PeerId, b: PeerId) {
        self.links.remove(&(a, b));
        self.links.remove(&(b, a));
    }

    pub(super) fn links_of(&self, peer: PeerId) -> Vec<PeerId> {
        let links = self.links.keys().filter(|(from, _)| *from == peer);
        links.map(|(_, to)| *to).collect()
    }

    pub(super) fn next_seq(&self, from: PeerId, to: PeerId) -> u64 {
        self.links.get(&(from, to)).map_or(0, |link| link.next)
    }

    /// Sends a packet, which can be empty: acks travel in it, too.
    pub(super) fn send(
        &mut self,
        (from, to): (PeerId, PeerId),
        (now, tick): (u32, u32),
        bytes: Vec<u8>,
        conditions: Conditions,
        rng: &mut Rng,
    ) {
        let acks = self.links.get(&(to, from)).and_then(|back| {
            let newest = *back.received.last()?;
            let has = |n: u64| {
                newest
                    .checked_sub(n + 1)
                    .is_some_and(|seq| back.received.contains(&seq))
            };
            Some((
                newest,
                (0..16).filter(|n| has(*n)).fold(0, |bits, n| bits | 1 << n),
            ))
        });
        let Some(link) = self.links.get_mut(&(from, to)) else {
            return;
        };
        let seq = link.next;
        link.next += match rng.u32(..400) {
            _ if !self.has_gaps => 1,
            0 => rng.u64(1..5000),
            1..100 => rng.u64(2..6),
            _ => 1,
        };
        link.unacked.insert(seq, (now, false));
        let packet = Packet {
            seq,
            tick,
            bytes,
            acks,
        };
        let copies = match rng.f64() {
            chance if chance < conditions.loss => 0,
            _ if rng.f64() < conditions.duplication => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let arrives = now + rng.u32(conditions.delay.0..=conditions.delay.1);
            link.flying.push((arrives, packet.clone()));
        }
    }

    /// Returns the packets from one peer to another that arrive now.
    pub(super) fn receive(&mut self, from: PeerId, to: PeerId, now: u32) -> Vec<Packet> {
        let Some(link) = self.links.get_mut(&(from, to)) else {
            return Vec::new();
        };
        let (arrived, flying) = link.flying.drain(..).partition(|(at, _)| *at <= now);
        link.flying = flying;
        let arrived: Vec<(u32, Packet)> = arrived;
        let packets = arrived.into_iter().map(|(_, packet)| packet);
        packets
            .filter(|packet| {
                let newest = link.received.last().copied().unwrap_or_default();
                packet.seq + REORDERING >= newest && link.received.insert(packet.seq)
            })
            .collect()
    }

    /// Returns what became known about the packets from `from` to `to`, by a packet in the other direction.
    pub(super) fn fates(
        &mut self,
        from: PeerId,
        to: PeerId,
        packets: &[Packet],
        now: u32,
    ) -> Vec<Fate> {
        let Some(link) = self.links.get_mut(&(from, to)) else {
            return Vec::new();
        };
        let mut fates = Vec::new();
        for (newest, bits) in packets.iter().filter_map(|packet| packet.acks) {
            let earlier = (0..16)
                .filter(|n| bits & 1 << n != 0)
                .map(|n| newest - n - 1);
            for seq in [newest].into_iter().chain(earlier) {
                if link.unacked.remove(&seq).is_some() {
                    fates.push(Fate::Delivered(seq));
                }
            }
        }
        for (&seq, (sent, is_lost)) in &mut link.unacked {
            if !*is_lost && now - *sent > ACK_TIMEOUT {
                *is_lost = true;
                fates.push(Fate::Lost(seq));
            }
        }
        fates
    }
}
