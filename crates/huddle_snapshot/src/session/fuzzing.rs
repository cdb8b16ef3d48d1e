//! Two honest peers and a hostile one, for arbitrary data.

use std::collections::BTreeSet;

use huddle_id::PeerId;

use super::{NewEntity, SnapshotSession};
use crate::{
    budget::BudgetOptions,
    claim::{OwnerGone, Policy},
    column::Field,
    id::EntityId,
    layout::{Layout, Shape},
    visibility::Visibility,
    world::Value,
};

/// The two honest peers, then the hostile one.
const PEERS: [PeerId; 3] = [
    PeerId::from_u128(0x51),
    PeerId::from_u128(0x52),
    PeerId::from_u128(0x50),
];
const HOSTILE: usize = 2;

/// The space for snapshots in a packet, in bytes.
const SPACE: usize = 1000;

/// The maximum number of entities that a link adds to the world of its receiver.
const MAX_ADDED: usize = 1 << 14;

/// The maximum number of entities that a peer spawns, so that inputs run quickly.
const MAX_SPAWNED: usize = 40;

/// The number of packets by which a packet may be late.
const REORDERING: u64 = 32;

/// A packet without an ack counts as lost after this many ticks.
const ACK_TIMEOUT: u32 = 12;

/// Runs operations of the peers, with packets that are lost or late, and packets of the hostile peer that
/// are modified or arbitrary.
pub fn snapshot_session(bytes: &[u8]) {
    let mut room = Room::new();
    let mut input = Input(bytes);
    while let Some(byte) = input.byte() {
        room.act(byte, &mut input);
        room.check();
    }
    for _ in 0..80 {
        room.tick(&mut Input(&[]));
    }
    room.check();
}

/// The rest of the input.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// Returns the next byte, or 0 after the end.
    fn next(&mut self) -> u8 {
        self.byte().unwrap_or_default()
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let at = usize::from(self.next());
        (!of.is_empty()).then(|| of[at % of.len()])
    }
}

/// A packet that has not arrived.
struct Flight {
    seq: u64,
    tick: u32,
    due: u32,
    bytes: Vec<u8>,
    is_ack_lost: bool,
}

/// What one peer sends to another.
#[derive(Default)]
struct Direction {
    next: u64,
    flights: Vec<Flight>,
    /// The packets that have arrived.
    received: BTreeSet<u64>,
    /// The packets without an ack, and when they were sent.
    unacked: Vec<(u64, u32)>,
}

struct Room {
    sessions: [SnapshotSession; 3],
    /// By sender, then by receiver.
    links: [[Direction; 3]; 3],
    now: u32,
    /// The number of links that were opened.
    opened: usize,
}

fn layout() -> Layout {
    let place = vec![
        Field::Vector {
            axes: 3,
            max: [4095, 4095, 255],
        },
        Field::Rotation { bits: 9 },
    ];
    let aim = vec![Field::Angle { bits: 8 }, Field::Flag];
    let components = [
        ("aim", Shape::Fields(aim)),
        ("name", Shape::Blob),
        ("place", Shape::Fields(place)),
    ];
    let components = components.map(|(name, shape)| (name.to_owned(), shape));
    Layout::new(components).expect("the layout is valid")
}

impl Room {
    fn new() -> Self {
        let mut room = Self {
            sessions: PEERS.map(|peer| SnapshotSession::new(peer, layout(), 0)),
            links: Default::default(),
            now: 0,
            opened: 0,
        };
        // One peer sends whatever fits into a packet.
        room.sessions[0].set_budget_options(BudgetOptions::UNLIMITED);
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            room.link(a, b);
        }
        room.set_members();
        room
    }

    fn link(&mut self, a: usize, b: usize) {
        self.opened += 1;
        for (from, to) in [(a, b), (b, a)] {
            self.links[from][to] = Direction::default();
            self.sessions[from].link_opened(PEERS[to]);
        }
    }

    /// Replaces the link between two peers by a new one.
    fn relink(&mut self, a: usize, b: usize) {
        for (of, other) in [(a, b), (b, a)] {
            self.sessions[of].link_lost(PEERS[other]);
        }
        self.link(a, b);
    }

    fn set_members(&mut self) {
        for session in &mut self.sessions {
            session.set_members(PEERS);
        }
    }

    fn act(&mut self, byte: u8, input: &mut Input<'_>) {
        let at = usize::from(byte >> 4) % 3;
        let session = &mut self.sessions[at];
        let known: Vec<_> = session.entities().collect();
        let is_mine = |id: &EntityId| session.owner(*id) == Some(PEERS[at]);
        let mine: Vec<_> = known.iter().copied().filter(is_mine).collect();
        match byte & 15 {
            0 | 1 => self.spawn(at, input),
            2..5 => {
                for id in mine {
                    change(session, id, input);
                }
            }
            5 => {
                if let Some(id) = input.pick(&mine) {
                    let _ = session.despawn(id);
                }
            }
            6 | 7 => {
                if let Some(id) = input.pick(&known) {
                    let _ = match input.next() % 3 {
                        0 => session.claim(id),
                        1 => session.touch(id),
                        _ => session.hold(id),
                    };
                }
            }
            8 => {
                if let Some(id) = input.pick(&mine) {
                    let to = PEERS[usize::from(input.next()) % 3];
                    let _ = session.release(id);
                    let _ = session.give(id, to);
                }
            }
            9 => {
                if let Some(id) = input.pick(&mine) {
                    let bits = input.next();
                    let peers = PEERS.iter().enumerate();
                    let peers = peers.filter(|(at, _)| bits >> at & 1 == 1);
                    let peers = peers.map(|(_, peer)| *peer).collect();
                    let visibility = match bits >> 6 {
                        0 | 1 => Visibility::Except(peers),
                        2 => Visibility::Only(peers),
                        _ => Visibility::All,
                    };
                    let _ = session.set_visibility(id, visibility);
                }
            }
            10 => self.send_arbitrary(at, input),
            11 => self.send_modified(at, input),
            12 => match input.next() {
                bits @ 0..8 => {
                    // The hostile peer comes and goes in the views of the others.
                    let members = PEERS.iter().enumerate();
                    let members = members.filter(|(at, _)| *at != HOSTILE || bits & 1 == 1);
                    session.set_members(members.map(|(_, peer)| *peer));
                }
                8 => self.relink(at, (at + 1) % 3),
                9..40 => {
                    // Peers lie about their links.
                    let bits = usize::from(input.next());
                    let pairs = (0..9).filter(|at| bits >> at & 1 == 1);
                    let pairs = pairs.map(|at| (PEERS[at / 3], PEERS[at % 3]));
                    session.set_reported_links(pairs);
                }
                40..56 => {
                    let other = (at + 1) % 3;
                    self.sessions[at].link_lost(PEERS[other]);
                    self.sessions[other].link_lost(PEERS[at]);
                }
                bits => {
                    let host = PEERS.get(usize::from(bits) % 4).copied();
                    if at == HOSTILE {
                        session.set_host(host);
                    } else {
                        // The honest peers agree.
                        let honest = &mut self.sessions[..HOSTILE];
                        honest.iter_mut().for_each(|session| session.set_host(host));
                    }
                }
            },
            13 => self.tick(input),
            _ => self.run(input),
        }
    }

    fn spawn(&mut self, at: usize, input: &mut Input<'_>) {
        let session = &mut self.sessions[at];
        if session.spawned as usize >= MAX_SPAWNED {
            return;
        }
        let bits = input.next();
        let policy = [
            Policy::Fixed,
            Policy::OnRequest,
            Policy::ByTouch,
            Policy::Host,
        ][usize::from(bits & 3)];
        let mut new = NewEntity::new(policy);
        if bits & 4 != 0 {
            new.owner_gone = OwnerGone::PassOn;
        }
        let id = if bits & 8 == 0 {
            session.spawn(new, &[])
        } else {
            session.place(policy, u32::from(bits >> 4), &[])
        };
        let id = id.expect("an entity without values fits");
        change(session, id, input);
    }

    /// The hostile peer sends bytes of the input.
    fn send_arbitrary(&mut self, to: usize, input: &mut Input<'_>) {
        let link = &mut self.links[HOSTILE][to % HOSTILE];
        let jump = u64::from(input.next());
        // Only a small part of the jumps is far.
        link.next += if jump < 250 { jump % 4 } else { jump << 7 };
        let age = u64::from(input.next()) % 64;
        let len = usize::from(input.next()) * 4;
        let bytes = input.take(len);
        let seq = link.next.saturating_sub(age);
        let _ = self.sessions[to % HOSTILE].receive(PEERS[HOSTILE], seq, self.now, bytes);
    }

    /// The hostile peer sends what an honest peer would send, with some bytes replaced.
    fn send_modified(&mut self, to: usize, input: &mut Input<'_>) {
        let to = to % HOSTILE;
        let link = &mut self.links[HOSTILE][to];
        let seq = link.next;
        link.next += 1;
        let mut bytes = Vec::new();
        self.sessions[HOSTILE].write(PEERS[to], seq, self.now, SPACE, &mut bytes);
        for _ in 0..input.next() % 4 {
            let (at, value) = (usize::from(input.next()), input.next());
            match bytes.get_mut(at) {
                Some(byte) => *byte = value,
                None => bytes.push(value),
            }
        }
        let ack = self.sessions[to].receive(PEERS[HOSTILE], seq, self.now, &bytes);
        if ack.is_ok() {
            self.sessions[HOSTILE].delivered(PEERS[to], seq);
        }
    }

    /// Runs up to 64 ticks in which each peer changes its first entity. Some bytes decide about all of them.
    fn run(&mut self, input: &mut Input<'_>) {
        let (ticks, mut random) = (input.next() % 64, u32::from(input.next()));
        for _ in 0..ticks {
            let mut bytes = [0; 24];
            for byte in &mut bytes {
                random = random.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
                *byte = (random >> 24) as u8;
            }
            let (changes, fates) = bytes.split_at(18);
            for (at, session) in self.sessions.iter_mut().enumerate() {
                let is_mine = |id: &EntityId| session.owner(*id) == Some(PEERS[at]);
                let first = session.entities().find(is_mine);
                if let Some(id) = first {
                    change(session, id, &mut Input(&changes[6 * at..]));
                }
            }
            self.tick(&mut Input(fates));
        }
    }

    /// Every peer receives what is due, and sends a packet to every other peer.
    fn tick(&mut self, input: &mut Input<'_>) {
        self.now += 1;
        for at in 0..3 {
            self.sessions[at].advance(std::time::Duration::from_millis(16) * self.now);
            while self.sessions[at].poll().is_some() {}
        }
        for from in 0..3 {
            for to in (0..3).filter(|to| *to != from) {
                self.deliver(from, to);
                self.expire(from, to);
                self.send(from, to, input.next());
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, fate: u8) {
        let link = &mut self.links[from][to];
        let seq = link.next;
        link.next += 1;
        let mut bytes = Vec::new();
        let has_written = self.sessions[from].write(PEERS[to], seq, self.now, SPACE, &mut bytes);
        assert!(has_written != bytes.is_empty() && bytes.len() <= SPACE);
        if !has_written {
            return;
        }
        link.unacked.push((seq, self.now));
        let is_lost = fate & 7 == 1;
        if !is_lost {
            let delay = match fate >> 5 {
                delay @ 0..6 => delay,
                far => 5 * far,
            };
            link.flights.push(Flight {
                seq,
                tick: self.now,
                due: self.now + u32::from(delay),
                bytes,
                is_ack_lost: fate & 24 == 8,
            });
        }
    }

    fn deliver(&mut self, from: usize, to: usize) {
        let (now, link) = (self.now, &mut self.links[from][to]);
        for flight in link.flights.extract_if(.., |flight| flight.due <= now) {
            let newest = link.received.last().copied().unwrap_or_default();
            if flight.seq + REORDERING < newest {
                continue;
            }
            let result =
                self.sessions[to].receive(PEERS[from], flight.seq, flight.tick, &flight.bytes);
            if from != HOSTILE && to != HOSTILE {
                assert_eq!(result, Ok(()), "packet {} of an honest peer", flight.seq);
            }
            link.received.insert(flight.seq);
            if !flight.is_ack_lost {
                self.sessions[from].delivered(PEERS[to], flight.seq);
                link.unacked.retain(|(seq, _)| *seq != flight.seq);
            }
        }
    }

    /// Reports the packets that are probably lost.
    fn expire(&mut self, from: usize, to: usize) {
        let (now, link) = (self.now, &mut self.links[from][to]);
        let is_over = |(_, sent): &mut (u64, u32)| *sent + ACK_TIMEOUT < now;
        for (seq, _) in link.unacked.extract_if(.., is_over) {
            self.sessions[from].lost(PEERS[to], seq);
        }
    }

    /// Checks that the memory of the honest peers is bounded.
    fn check(&self) {
        for session in &self.sessions[..HOSTILE] {
            let places = session.world.places();
            let bound = 3 * MAX_SPAWNED + self.opened * MAX_ADDED;
            assert!(places <= bound, "{places} entities");
            for peer in PEERS {
                let report = session.link_stats(peer);
                assert!(report.is_none_or(|report| report.backlog <= places));
            }
        }
    }
}

/// Sets some values of an entity of the peer.
fn change(session: &mut SnapshotSession, id: EntityId, input: &mut Input<'_>) {
    let bits = input.next();
    let ids = ["aim", "name", "place"].map(|name| session.layout().id(name));
    let [Some(aim), Some(name), Some(place)] = ids else {
        return;
    };
    let mut number = |max: i32| i32::from(input.next()) * max / 255;
    if bits & 1 != 0 {
        let values = [number(255), number(1)];
        let _ = session.set(id, aim, Value::Numbers(&values));
    }
    if bits & 2 != 0 {
        let values = [4095, 4095, 255, 3, 511, 511, 511].map(number);
        let _ = session.set(id, place, Value::Numbers(&values));
    }
    if bits & 4 != 0 {
        let len = usize::from(bits >> 4);
        let _ = session.set(id, name, Value::Blob(input.take(len)));
    }
    if bits & 8 != 0 {
        let _ = session.remove_component(id, [aim, name, place][usize::from(bits >> 6) % 3]);
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    #[test]
    fn random_inputs_keep_the_invariants() {
        let seeds = std::env::var("HUDDLE_SEEDS").ok();
        let seeds = seeds.and_then(|seeds| seeds.parse().ok()).unwrap_or(200);
        for seed in 0..seeds {
            let mut rng = Rng::with_seed(seed);
            let len = rng.usize(..1000);
            let bytes: Vec<_> = (0..len).map(|_| rng.u8(..)).collect();
            println!("seed {seed}");
            snapshot_session(&bytes);
        }
    }
}
