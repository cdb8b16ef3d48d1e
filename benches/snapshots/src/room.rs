//! A room of peers on a virtual network.

use std::time::Duration;

use fastrand::Rng;
use huddle_id::PeerId;
use huddle_snapshot::{SnapshotSession, budget::BudgetOptions};

use crate::{
    body::Codec,
    cost::{Call, Costs},
    network::{Conditions, Fate, Network},
    time::TICK,
};

/// The space for snapshots in a packet, in bytes.
const SPACE: usize = 1000;

/// A peer of a room.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) session: SnapshotSession,
    pub(crate) costs: Costs,
    /// The time between the start of a tick and this peer's tick.
    phase: Duration,
    /// The packets with snapshots that were received.
    pub(crate) received: u64,
}

/// A room in which every peer is linked with every other one.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) peers: Vec<Peer>,
    pub(crate) network: Network,
    pub(crate) tick: u32,
    budget: BudgetOptions,
    rng: Rng,
    packet: Vec<u8>,
}

/// The game of all peers.
pub(crate) trait Game {
    /// Runs a tick of a peer, after it has received packets and before it sends any.
    fn run(&mut self, frame: Frame<'_>);
}

/// A tick of a peer.
pub(crate) struct Frame<'a> {
    pub(crate) peer: usize,
    pub(crate) now: Duration,
    pub(crate) session: &'a mut SnapshotSession,
}

impl Room {
    /// Creates a room of peers without entities. At most `most` peers fit.
    pub(crate) fn new(
        peers: usize,
        most: usize,
        conditions: Conditions,
        budget: BudgetOptions,
        seed: u64,
    ) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut room = Self {
            peers: Vec::new(),
            network: Network::new(conditions, most, rng.u64(..)),
            tick: 0,
            budget,
            rng,
            packet: Vec::new(),
        };
        for _ in 0..peers {
            room.join();
        }
        room
    }

    /// Adds a peer, and links it with every other one.
    pub(crate) fn join(&mut self) {
        let new = self.peers.len();
        let id = PeerId::from_u128(self.rng.u128(..));
        let mut session = SnapshotSession::new(id, Codec::layout(), self.rng.u32(..));
        session.set_budget_options(self.budget);
        session.advance(TICK * self.tick);
        self.peers.push(Peer {
            id,
            session,
            costs: Costs::default(),
            phase: TICK.mul_f64(self.rng.f64()),
            received: 0,
        });
        let (all, joined) = self.peers.split_at_mut(new);
        let joined = &mut joined[0];
        for (at, peer) in all.iter_mut().enumerate() {
            self.network.open(at, new);
            peer.session.link_opened(id);
            joined.session.link_opened(peer.id);
        }
        let ids: Vec<_> = self.peers.iter().map(|peer| peer.id).collect();
        for peer in &mut self.peers {
            peer.session.set_host(ids.first().copied());
        }
    }

    /// Returns the time at which a peer has a tick.
    pub(crate) fn time_of(&self, peer: usize, tick: u32) -> Duration {
        TICK * tick + self.peers[peer].phase
    }

    /// Runs a tick of every peer, in the order of their phases.
    pub(crate) fn run_tick(&mut self, game: &mut impl Game) {
        self.tick += 1;
        let mut order: Vec<_> = (0..self.peers.len()).collect();
        order.sort_by_key(|&at| self.peers[at].phase);
        for at in order {
            let now = self.time_of(at, self.tick);
            self.receive(at, now);
            let peer = &mut self.peers[at];
            let session = &mut peer.session;
            peer.costs.measure(Call::Advance, || session.advance(now));
            let frame = Frame {
                peer: at,
                now,
                session,
            };
            peer.costs.measure(Call::Game, || game.run(frame));
            self.send(at, now);
            self.peers[at].costs.end_frame();
        }
    }

    fn receive(&mut self, at: usize, now: Duration) {
        for other in 0..self.peers.len() {
            if !self.network.is_open(other, at) {
                continue;
            }
            let packets = self.network.receive(other, at, now);
            let fates = self.network.fates(at, other);
            let round_trip = self.network.round_trip(at, other);
            let from = self.peers[other].id;
            let peer = &mut self.peers[at];
            let session = &mut peer.session;
            for packet in packets.iter().filter(|packet| !packet.contents.is_empty()) {
                peer.received += 1;
                let result = peer.costs.measure(Call::Receive, || {
                    session.receive(from, packet.seq, packet.tick, &packet.contents)
                });
                result.expect("an honest peer sent the packet");
            }
            peer.costs.measure(Call::Delivered, || {
                for fate in fates {
                    match fate {
                        Fate::Delivered(seq) => session.delivered(from, seq),
                        Fate::Lost(seq) => session.lost(from, seq),
                    }
                }
            });
            if let Some(round_trip) = round_trip {
                session.observe_round_trip(from, round_trip, now);
            }
        }
    }

    fn send(&mut self, at: usize, now: Duration) {
        for other in 0..self.peers.len() {
            if !self.network.is_open(at, other) {
                continue;
            }
            let seq = self.network.next_seq(at, other);
            let to = self.peers[other].id;
            self.packet.clear();
            let (tick, packet) = (self.tick, &mut self.packet);
            let peer = &mut self.peers[at];
            let session = &mut peer.session;
            peer.costs.measure(Call::Write, || {
                session.write(to, seq, tick, SPACE, packet);
            });
            self.network.send((at, other), now, tick, packet);
        }
    }
}
