use std::time::Duration;

use fastrand::Rng;

use super::{
    acks::Ack,
    conditions::Conditions,
    direction::{Direction, Fate, Packet, Traffic},
};

/// All links, in both directions.
#[derive(Debug)]
pub(crate) struct Network {
    conditions: Conditions,
    peers: usize,
    directions: Vec<Option<Direction>>,
    rng: Rng,
}

impl Network {
    /// Creates a network for at most so many peers, without links.
    pub(crate) fn new(conditions: Conditions, peers: usize, seed: u64) -> Self {
        Self {
            conditions,
            peers,
            directions: (0..peers * peers).map(|_| None).collect(),
            rng: Rng::with_seed(seed),
        }
    }

    /// Opens a link.
    pub(crate) fn open(&mut self, a: usize, b: usize) {
        for (from, to) in [(a, b), (b, a)] {
            self.directions[from * self.peers + to] = Some(Direction::default());
        }
    }

    pub(crate) fn is_open(&self, from: usize, to: usize) -> bool {
        self.directions[from * self.peers + to].is_some()
    }

    fn direction(&mut self, from: usize, to: usize) -> &mut Direction {
        let direction = &mut self.directions[from * self.peers + to];
        direction.as_mut().expect("the link is open")
    }

    /// Returns the number of the next packet.
    pub(crate) fn next_seq(&mut self, from: usize, to: usize) -> u64 {
        self.direction(from, to).next_seq()
    }

    /// Sends a packet. One without contents is sent only if the sender owes an ack.
    pub(crate) fn send(
        &mut self,
        (from, to): (usize, usize),
        now: Duration,
        tick: u32,
        contents: &[u8],
    ) {
        let back = self.direction(to, from);
        if contents.is_empty() && !back.owes_ack(now) {
            return;
        }
        let ack: Option<Ack> = back.take_ack(now);
        let delay = self.conditions.delay(&mut self.rng);
        let arrives = delay.map(|delay| now + delay);
        let direction = self.direction(from, to);
        direction.send(now, arrives, tick, contents, ack);
    }

    /// Returns the packets that arrive at one peer from another.
    pub(crate) fn receive(&mut self, from: usize, to: usize, now: Duration) -> Vec<Packet> {
        let packets = self.direction(from, to).receive(now);
        let back = self.direction(to, from);
        for ack in packets.iter().filter_map(|packet| packet.ack) {
            back.acked(now, ack);
        }
        back.expire(now);
        packets
    }

    /// Returns what has become known about the packets of one peer to another.
    pub(crate) fn fates(&mut self, from: usize, to: usize) -> Vec<Fate> {
        self.direction(from, to).take_fates()
    }

    /// Returns the smoothed round-trip time that one peer has measured to another.
    pub(crate) fn round_trip(&mut self, from: usize, to: usize) -> Option<Duration> {
        self.direction(from, to).round_trip()
    }

    /// Returns the traffic of every direction of every link since the last call.
    pub(crate) fn take_traffic(&mut self) -> Vec<((usize, usize), Traffic)> {
        let peers = self.peers;
        let directions = self.directions.iter_mut().enumerate();
        let open = directions.filter_map(|(at, it)| Some((at, it.as_mut()?)));
        open.map(|(at, it)| ((at / peers, at % peers), it.take_traffic()))
            .collect()
    }
}
