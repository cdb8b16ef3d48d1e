//! A simulated room in which peers claim one entity, on a network that loses, delays, reorders and
//! duplicates, with partitions and a hostile peer.

use fastrand::Rng;

use super::*;
use crate::heir::{Succession, Vacancy};

/// An honest peer.
pub(super) struct Peer {
    pub(super) ownership: Ownership,
    /// The number of claims that the peer started, and that ended.
    pub(super) started: usize,
    pub(super) ended: usize,
    /// The owner that is gone, and since when.
    gone: Option<(Option<PeerId>, Duration)>,
}

#[derive(Clone, Copy)]
enum Message {
    Register(Register),
    /// Requests and denials arrive exactly once, or their link is lost.
    Request,
    Denial,
}

struct Packet {
    arrives: Duration,
    from: usize,
    to: usize,
    message: Message,
}

pub(super) struct Room {
    pub(super) rng: Rng,
    pub(super) rules: Rules,
    pub(super) now: Duration,
    pub(super) peers: Vec<Peer>,
    /// The partition of each peer. The last element belongs to the hostile peer.
    partitions: Vec<u8>,
    in_flight: Vec<Packet>,
    loss: f64,
    pub(super) has_hostile: bool,
    /// Whether an honest peer has despawned the entity.
    pub(super) was_despawned: bool,
}

pub(super) fn id(index: usize) -> PeerId {
    PeerId::from_u128(index as u128 + 1)
}

impl Room {
    pub(super) fn new(seed: u64, has_hostile: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(2..6);
        let number = rng.u32(..);
        let entity = match rng.bool() {
            true => EntityId::placed(number),
            false => EntityId::spawned(id(rng.usize(0..count)), number),
        };
        let policies = [
            Policy::Fixed,
            Policy::OnRequest,
            Policy::ByTouch,
            Policy::ByTouch,
            Policy::Host,
        ];
        let policy = policies[rng.usize(0..policies.len())];
        let owner_gone = match rng.bool() {
            true => OwnerGone::PassOn,
            false => OwnerGone::Forget,
        };
        let rules = Rules::with_owner_gone(entity, policy, owner_gone);
        let peer = |index| Peer {
            ownership: Ownership::new(id(index), rules),
            started: 0,
            ended: 0,
            gone: None,
        };
        Self {
            peers: (0..count).map(peer).collect(),
            partitions: vec![0; count + 1],
            in_flight: Vec::new(),
            loss: rng.f64() * 0.6,
            now: START,
            rng,
            rules,
            has_hostile,
            was_despawned: false,
        }
    }

    /// The index of the hostile peer.
    fn hostile(&self) -> usize {
        self.peers.len()
    }

    fn are_linked(&self, a: usize, b: usize) -> bool {
        a != b && self.partitions[a] == self.partitions[b]
    }

    /// Returns the peers in the partition of a peer, including the peer.
    fn members(&self, index: usize) -> Vec<usize> {
        let partition = self.partitions[index];
        let count = self.peers.len() + usize::from(self.has_hostile);
        (0..count)
            .filter(|&peer| self.partitions[peer] == partition)
            .collect()
    }

    fn host(&self, index: usize) -> Option<PeerId> {
        self.members(index).first().copied().map(id)
    }

    pub(super) fn step(&mut self, plays: bool) {
        self.now += self.rng.u32(1..120) * MS;
        if plays && self.rng.u8(0..15) == 0 {
            for partition in &mut self.partitions {
                *partition = self.rng.u8(0..2);
            }
        }
        for index in 0..self.peers.len() {
            let was_dead = self.peers[index].ownership.register().is_dead();
            if self.rng.u8(0..3) == 0 {
                let host = self.host(index);
                let outcome = self.peers[index].ownership.set_host(host, self.now);
                self.handle(index, outcome);
            }
            self.lose_owner(index);
            if plays && self.rng.u8(0..4) == 0 {
                self.play(index);
            }
            let members = self.members(index);
            let peer = &mut self.peers[index];
            let now = self.now;
            let outcome = peer.ownership.poll(now);
            self.handle(index, outcome);
            let register = self.peers[index].ownership.register();
            let is_acked = |&other: &usize| {
                let other = self.peers.get(other);
                other.is_none_or(|other| other.ownership.register() >= register)
            };
            if members.iter().all(is_acked) {
                let outcome = self.peers[index].ownership.settled();
                self.handle(index, outcome);
            }
            self.send_registers(index);
            let is_dead = self.peers[index].ownership.register().is_dead();
            assert!(is_dead || !was_dead, "a despawned entity came back");
        }
        if plays && self.has_hostile {
            self.attack();
        }
        self.arrive();
    }

    /// The owner sends records. Other peers pass registers on now and then, as answers do.
    fn send_registers(&mut self, index: usize) {
        let register = self.peers[index].ownership.register();
        let is_owner = register.owner() == Some(id(index));
        if is_owner || self.rng.u8(0..3) == 0 {
            for to in self.members(index) {
                self.send(index, to, Message::Register(register));
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        if !self.are_linked(from, to) {
            return;
        }
        let copies = match (message, self.rng.f64()) {
            (Message::Register(_), x) if x < self.loss => 0,
            (Message::Register(_), x) if x > 0.9 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let arrives = self.now + self.rng.u32(1..400) * MS;
            self.in_flight.push(Packet {
                arrives,
                from,
                to,
                message,
            });
        }
    }

    fn arrive(&mut self) {
        let now = self.now;
        let (arrived, in_flight) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|packet: &Packet| packet.arrives <= now);
        self.in_flight = in_flight;
        let mut arrived: Vec<_> = arrived;
        self.rng.shuffle(&mut arrived);
        for Packet {
            from, to, message, ..
        } in arrived
        {
            if to == self.hostile() || !self.are_linked(from, to) {
                continue;
            }
            match message {
                Message::Register(register) => self.receive(from, to, register),
                Message::Request => self.decide(from, to),
                Message::Denial => {
                    let outcome = self.peers[to].ownership.denied(id(from));
                    self.handle(to, outcome);
                }
            }
        }
    }

    fn receive(&mut self, from: usize, to: usize, register: Register) {
        let ownership = &mut self.peers[to].ownership;
        let before = ownership.register();
        let (reaction, outcome) = ownership.receive(id(from), register, self.now);
        assert!(ownership.register() >= before);
        if let Reaction::Refused(_) = reaction {
            assert_eq!(ownership.register(), before);
            assert_eq!(outcome, Outcome::default());
        }
        let answer = ownership.answer(register);
        self.handle(to, outcome);
        if reaction.needs_answer() {
            self.send(to, from, Message::Register(answer));
        }
        if reaction == Reaction::DespawnProposed && from != self.hostile() {
            self.was_despawned = true;
            let outcome = self.peers[to].ownership.despawn().unwrap();
            self.handle(to, outcome);
        }
    }

    fn decide(&mut self, from: usize, to: usize) {
        let ownership = &mut self.peers[to].ownership;
        match ownership.requested(id(from)) {
            RequestDecision::AskGame if self.rng.bool() => {
                let outcome = ownership.give(id(from)).unwrap();
                self.handle(to, outcome);
            }
            RequestDecision::AskGame | RequestDecision::Deny => {
                self.send(to, from, Message::Denial);
            }
            RequestDecision::Granted => {}
        }
    }

    fn handle(&mut self, index: usize, outcome: Outcome) {
        assert!(outcome.ended.len() <= 2);
        self.peers[index].ended += outcome.ended.len();
        if let Some(owner) = outcome.ask {
            match self
                .members(index)
                .into_iter()
                .find(|&peer| id(peer) == owner)
            {
                Some(owner) => self.send(index, owner, Message::Request),
                None => {
                    let outcome = self.peers[index].ownership.link_lost(owner);
                    self.handle(index, outcome);
                }
            }
        }
    }

    /// Notices that the owner is gone, and inherits or forgets the entity.
    fn lose_owner(&mut self, index: usize) {
        let members: Vec<_> = self.members(index).into_iter().map(id).collect();
        let (now, host) = (self.now, self.host(index));
        let peer = &mut self.peers[index];
        let owner = peer.ownership.owner();
        if owner.is_some_and(|owner| members.contains(&owner)) {
            peer.gone = None;
            return;
        }
        let since = match peer.gone {
            Some((gone, since)) if gone == owner => since,
            _ => now,
        };
        peer.gone = Some((owner, since));
        let vacancy = Vacancy {
            rules: self.rules,
            owner,
            since,
        };
        match vacancy.succession(id(index), host, members, now) {
            Succession::Inherit => {
                let outcome = peer.ownership.inherit(now);
                self.handle(index, outcome);
            }
            Succession::Forget if !peer.ownership.register().is_dead() => {
                let new = Ownership::new(id(index), self.rules);
                let outcome = std::mem::replace(&mut peer.ownership, new).forget();
                self.handle(index, outcome);
            }
            _ => {}
        }
    }

    /// Performs a random operation.
    fn play(&mut self, index: usize) {
        let other = id(self.rng.usize(0..self.peers.len()));
        let peer = &mut self.peers[index];
        let now = self.now;
        let outcome = match self.rng.u8(0..40) {
            0 => match peer.ownership.despawn() {
                Ok(outcome) => {
                    self.was_despawned = true;
                    outcome
                }
                Err(_) => Outcome::default(),
            },
            1..8 => peer.ownership.give(other).unwrap_or_default(),
            8..16 => peer.ownership.release().unwrap_or_default(),
            operation => {
                peer.started += 1;
                match operation {
                    16..22 => peer.ownership.hold(now),
                    22..30 => peer.ownership.claim(now),
                    _ => peer.ownership.touch(now),
                }
            }
        };
        self.handle(index, outcome);
    }

    /// The hostile peer sends a random register that is valid on its own.
    fn attack(&mut self) {
        let hostile = self.hostile();
        let to = self.rng.usize(0..self.peers.len());
        let Register::Alive(claim) = self.peers[to].ownership.register() else {
            return;
        };
        let jumps = [0, 0, 1, 2, MAX_JUMP, MAX_JUMP, MAX_JUMP + 1, u64::MAX];
        let mut jump = || jumps[self.rng.usize(0..jumps.len())];
        let hold = claim.hold().saturating_add(jump());
        let touch = jump();
        let kinds = [
            ClaimKind::Spawned,
            ClaimKind::Inherited,
            ClaimKind::Released,
            ClaimKind::Given,
            ClaimKind::Held,
        ];
        let kind = kinds[self.rng.usize(0..kinds.len())];
        // Itself, an honest peer, or a peer that is not in the room.
        let owner = id(self.rng.usize(0..hostile + 3));
        if let Ok(claim) = Claim::new(self.rules.entity(), kind, hold, touch, Some(owner)) {
            let register = match self.rng.u8(0..200) {
                0 => Register::Dead,
                _ => Register::Alive(claim),
            };
            self.send(hostile, to, Message::Register(register));
        }
    }

    /// Ends the partitions, the loss, the attack and the game, and waits.
    pub(super) fn heal(&mut self) {
        self.partitions.fill(0);
        self.partitions[self.peers.len()] = 1;
        self.has_hostile = false;
        self.loss = 0.0;
        // Enough for all timeouts, all heirs and many steps of a jump.
        for _ in 0..1500 {
            self.step(false);
            if self.has_converged() && self.in_flight.is_empty() {
                break;
            }
        }
    }

    /// Returns `true` if all registers are equal and no claim is under way.
    pub(super) fn has_converged(&self) -> bool {
        let first = self.peers[0].ownership.register();
        self.peers
            .iter()
            .all(|peer| peer.ownership.register() == first && !peer.ownership.is_claiming())
    }
}

impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}", self.rules)?;
        for peer in &self.peers {
            writeln!(f, "{:?}", peer.ownership)?;
        }
        Ok(())
    }
}
