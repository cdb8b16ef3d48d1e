//! Whole rooms of sessions on a virtual network, with random operations. After some rest, all peers must
//! see the same entities.

mod hostile;
mod network;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use fastrand::Rng;
use huddle_id::PeerId;

use self::network::{Conditions, Fate, Network};
use super::{EntityError, NewEntity, RemovalReason, SnapshotEvent, SnapshotSession};
use crate::{
    budget::{BudgetOptions, SendRate},
    claim::{OwnerGone, Policy, RequestDecision},
    column::Field,
    id::EntityId,
    layout::{Component, ComponentId, Layout, Shape},
    visibility::Visibility,
    world::Value,
};

/// Packets at 10 Hz.
const TIGHT: BudgetOptions = BudgetOptions {
    max_bytes_per_second: 2500,
    min_bytes_per_second: 2500,
    max_rate: SendRate::Hz10,
    max_payload: 1000,
};

/// How the callers of the sessions behave.
#[derive(Debug, Clone)]
struct Callers {
    /// The space for snapshots in a packet, in bytes.
    space: std::ops::Range<usize>,
    first_seq: u64,
    has_gaps: bool,
    first_tick: u32,
    /// Whether the visibility of entities changes in every tick.
    is_churning: bool,
    entities: usize,
    /// Whether peers join and leave.
    come_and_go: bool,
    /// Whether peers start again with the same id.
    restart: bool,
    /// Whether some pairs of peers have no link. At rest, each of them is linked with a third peer.
    is_partial: bool,
}

impl Default for Callers {
    fn default() -> Self {
        Self {
            space: 900..901,
            first_seq: 0,
            has_gaps: false,
            first_tick: 0,
            is_churning: false,
            entities: 60,
            come_and_go: true,
            restart: false,
            is_partial: false,
        }
    }
}

fn layout() -> Layout {
    let place = Field::Vector {
        axes: 3,
        max: [4095, 4095, 1023],
    };
    let components = [
        (
            "place",
            Shape::Fields(vec![place, Field::Rotation { bits: 9 }]),
        ),
        (
            "health",
            Shape::Fields(vec![Field::Vector {
                axes: 1,
                max: [100, 0, 0],
            }]),
        ),
        ("flag", Shape::Fields(vec![Field::Flag])),
        ("name", Shape::Blob),
    ];
    let components = components.map(|(name, shape)| {
        let component = Component::new(name, shape);
        match name {
            "health" => component.with_max_hz(10.0),
            "name" => component.with_max_hz(0.5),
            _ => component,
        }
    });
    Layout::new(components).unwrap()
}

struct Peer {
    id: PeerId,
    session: SnapshotSession,
    /// The entities that were despawned here.
    dead: BTreeSet<EntityId>,
    /// The entities that the events have reported.
    shown: BTreeSet<EntityId>,
    /// The claims that have not ended.
    claims: i64,
    /// The links that the linked peers have reported.
    reports: BTreeMap<PeerId, Vec<PeerId>>,
}

struct Room {
    peers: Vec<Peer>,
    network: Network,
    conditions: Conditions,
    callers: Callers,
    budget: BudgetOptions,
    /// A peer that may send anything.
    hostile: Option<PeerId>,
    rng: Rng,
    now: u32,
    joined: u128,
    requests: Vec<(u32, PeerId, PeerId, EntityId)>,
    /// The reports of links that have not arrived: when they do, their receiver, sender and contents.
    reports: VecDeque<(u32, PeerId, PeerId, Vec<PeerId>)>,
}

impl Room {
    fn new(seed: u64, peers: usize, callers: Callers) -> Self {
        let mut rng = Rng::with_seed(seed);
        let shortest = rng.u32(0..4);
        let conditions = Conditions {
            loss: [0.0, 0.05, 0.15, 0.3][rng.usize(..4)],
            duplication: [0.0, 0.1][rng.usize(..2)],
            delay: (shortest, shortest + rng.u32(0..12)),
        };
        let mut room = Self {
            peers: Vec::new(),
            network: Network::new(callers.first_seq, callers.has_gaps),
            conditions,
            callers,
            budget: [BudgetOptions::UNLIMITED, BudgetOptions::default(), TIGHT][seed as usize % 3],
            hostile: None,
            rng,
            now: 0,
            joined: 0,
            requests: Vec::new(),
            reports: VecDeque::new(),
        };
        (0..peers).for_each(|_| room.join());
        room
    }

    fn time(&self) -> Duration {
        Duration::from_secs(1) * self.now / 60
    }

    fn join(&mut self) {
        self.joined += 1;
        // Ids that do not increase.
        let id = PeerId::from_u128(self.joined.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 0xffff_fffb);
        let mut session = SnapshotSession::new(id, layout(), self.rng.u32(..));
        session.advance(self.time());
        session.set_budget_options(self.budget);
        let peer = Peer {
            id,
            session,
            dead: BTreeSet::new(),
            shown: BTreeSet::new(),
            claims: 0,
            reports: BTreeMap::new(),
        };
        self.peers.push(peer);
        for other in 0..self.peers.len() - 1 {
            self.link(other, self.peers.len() - 1);
        }
        self.elect();
    }

    fn link(&mut self, a: usize, b: usize) {
        let (id_a, id_b) = (self.peers[a].id, self.peers[b].id);
        if !self.network.is_linked(id_a, id_b) {
            self.network.open(id_a, id_b);
            self.peers[a].session.link_opened(id_b);
            self.peers[b].session.link_opened(id_a);
        }
    }

    fn unlink(&mut self, a: usize, b: usize) {
        let (id_a, id_b) = (self.peers[a].id, self.peers[b].id);
        if self.network.is_linked(id_a, id_b) {
            self.network.close(id_a, id_b);
            for (of, gone) in [(a, id_b), (b, id_a)] {
                self.peers[of].session.link_lost(gone);
                self.peers[of].reports.remove(&gone);
            }
        }
    }

    /// Closes the link between two peers that are both linked with a third one.
    fn make_hole(&mut self) {
        let (a, b) = (
            self.rng.usize(..self.peers.len()),
            self.rng.usize(..self.peers.len()),
        );
        let ids = [a, b].map(|at| Some(self.peers[at].id));
        if a == b || ids.contains(&self.peers[a].session.host) {
            return;
        }
        self.unlink(a, b);
        if !self.is_connected() {
            self.link(a, b);
        }
        self.elect();
    }

    /// Returns whether all peers see each other, over a link or a relay.
    fn is_connected(&self) -> bool {
        let ids: Vec<_> = self.peers.iter().map(|peer| peer.id).collect();
        ids.iter()
            .all(|a| ids.iter().all(|b| a == b || self.are_near(*a, *b)))
    }

    /// Returns whether two peers have a link, or are linked with a third one.
    fn are_near(&self, a: PeerId, b: PeerId) -> bool {
        let is_linked =
            |c: &Peer| self.network.is_linked(a, c.id) && self.network.is_linked(c.id, b);
        self.network.is_linked(a, b) || self.peers.iter().any(is_linked)
    }

    /// Returns whether an entity of the first peer reaches the second one.
    fn reaches(&self, id: EntityId, owner: &Peer, peer: PeerId) -> bool {
        match self.network.is_linked(owner.id, peer) {
            true => owner.session.is_visible_to(id, peer),
            false => owner.session.can_show(id, peer),
        }
    }

    /// Sends the reports of links. They take a while.
    fn report(&mut self) {
        for from in &self.peers {
            let links = self.network.links_of(from.id);
            for to in &links {
                let at = self.now + self.rng.u32(..8);
                let at = at.max(self.reports.back().map_or(0, |(last, ..)| *last));
                self.reports.push_back((at, *to, from.id, links.clone()));
            }
        }
    }

    fn receive_reports(&mut self) {
        while let Some((_, to, from, links)) = self.reports.pop_front_if(|(at, ..)| *at <= self.now)
        {
            if !self.network.is_linked(from, to) {
                continue;
            }
            let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == to) else {
                continue;
            };
            peer.reports.insert(from, links);
            let reports = peer.reports.iter();
            let pairs = reports.flat_map(|(from, links)| links.iter().map(|to| (*from, *to)));
            peer.session.set_reported_links(pairs);
        }
    }

    fn leave(&mut self, index: usize) {
        for other in 0..self.peers.len() {
            if other != index {
                self.unlink(other, index);
            }
        }
        self.peers.remove(index);
        self.elect();
    }

    /// Replaces the session of a peer by a new one, which knows nothing.
    fn restart(&mut self, index: usize) {
        let linked = self.network.links_of(self.peers[index].id);
        let others: Vec<_> = (0..self.peers.len())
            .filter(|other| linked.contains(&self.peers[*other].id))
            .collect();
        for &other in &others {
            self.unlink(other, index);
        }
        let id = self.peers[index].id;
        let mut session = SnapshotSession::new(id, layout(), self.rng.u32(..));
        session.advance(self.time());
        session.set_budget_options(self.budget);
        self.peers[index] = Peer {
            id,
            session,
            dead: BTreeSet::new(),
            shown: BTreeSet::new(),
            claims: 0,
            reports: BTreeMap::new(),
        };
        for other in others {
            self.link(other, index);
        }
        self.elect();
    }

    /// Separates the peers into two groups, each of which considers the other one gone.
    fn split(&mut self) {
        let side: Vec<bool> = self.peers.iter().map(|_| self.rng.bool()).collect();
        for a in 0..side.len() {
            for b in 0..a {
                if side[a] != side[b] {
                    self.unlink(a, b);
                }
            }
        }
        self.elect();
    }

    fn heal(&mut self) {
        for a in 0..self.peers.len() {
            (0..a).for_each(|b| self.link(a, b));
        }
        self.elect();
    }

    /// The host of each group is the peer with the lowest id. It is linked with all others: otherwise, they
    /// would disagree about the host, or lose what a former host has done.
    fn elect(&mut self) {
        for a in 0..self.peers.len() {
            let host = self.group(self.peers[a].id).first().copied();
            let host = self.peers.iter().position(|peer| Some(peer.id) == host);
            if let Some(host) = host.filter(|host| *host != a) {
                self.link(a, host);
            }
        }
        let groups: Vec<_> = self.peers.iter().map(|it| self.group(it.id)).collect();
        for (peer, members) in self.peers.iter_mut().zip(groups) {
            peer.session.set_members(members.clone());
            peer.session.set_host(members.first().copied());
        }
        self.report();
    }

    /// Returns the peers that a peer reaches, possibly over several links.
    fn group(&self, peer: PeerId) -> BTreeSet<PeerId> {
        let mut group = BTreeSet::new();
        let mut new = vec![peer];
        while let Some(id) = new.pop() {
            if group.insert(id) {
                new.extend(self.network.links_of(id));
            }
        }
        group
    }

    fn tick(&mut self) {
        self.now += 1;
        self.receive_reports();
        let now = self.time();
        for at in 0..self.peers.len() {
            let id = self.peers[at].id;
            self.peers[at].session.advance(now);
            for other in self.network.links_of(id) {
                let packets = self.network.receive(other, id, self.now);
                let fates = self.network.fates(id, other, &packets, self.now);
                let session = &mut self.peers[at].session;
                for packet in packets.iter().filter(|packet| !packet.bytes.is_empty()) {
                    let result = session.receive(other, packet.seq, packet.tick, &packet.bytes);
                    if self.hostile == Some(other) {
                        continue;
                    }
                    assert_eq!(result, Ok(()), "packet {} at tick {}", packet.seq, self.now);
                }
                for fate in fates {
                    match fate {
                        Fate::Delivered(seq) => session.delivered(other, seq),
                        Fate::Lost(seq) => session.lost(other, seq),
                    }
                }
            }
            self.handle_events(at);
            for other in self.network.links_of(id) {
                let seq = self.network.next_seq(id, other);
                let mut bytes = Vec::new();
                let session = &mut self.peers[at].session;
                let tick = self.now.wrapping_add(self.callers.first_tick);
                let space = self.rng.usize(self.callers.space.clone());
                let has_written = session.write(other, seq, tick, space, &mut bytes);
                assert_eq!(has_written, !bytes.is_empty());
                assert!(bytes.len() <= space, "{} bytes", bytes.len());
                let link = (id, other);
                self.network.send(
                    link,
                    (self.now, tick),
                    bytes,
                    self.conditions,
                    &mut self.rng,
                );
            }
        }
        self.answer_requests();
    }

    fn handle_events(&mut self, at: usize) {
        let due = self.now + self.rng.u32(1..20);
        let peer = &mut self.peers[at];
        while let Some(event) = peer.session.poll() {
            match event {
                SnapshotEvent::Spawned { id, .. } => {
                    assert!(!peer.dead.contains(&id), "{id} came back");
                    assert!(peer.shown.insert(id), "{id} appeared twice");
                }
                SnapshotEvent::Changed {
                    id,
                    changed,
                    removed,
                    ..
                } => {
                    assert!(peer.shown.contains(&id));
                    assert!(!changed.is_empty() || !removed.is_empty());
                }
                SnapshotEvent::Removed { id, reason } => {
                    assert!(peer.shown.remove(&id), "{id} disappeared twice");
                    if reason == RemovalReason::Despawned {
                        peer.dead.insert(id);
                    }
                }
                SnapshotEvent::ClaimEnded { .. } => peer.claims -= 1,
                SnapshotEvent::Request { id, owner } => {
                    self.requests.push((due, peer.id, owner, id));
                }
                SnapshotEvent::OwnershipChanged { change, .. } => {
                    assert_ne!(change.from, change.to);
                }
            }
        }
    }

    fn answer_requests(&mut self) {
        let due: Vec<_> = self
            .requests
            .iter()
            .filter(|(at, ..)| *at <= self.now)
            .copied()
            .collect();
        self.requests.retain(|(at, ..)| *at > self.now);
        for (_, from, owner, id) in due {
            let gives = self.rng.bool();
            let peers = &mut self.peers;
            let Some(of) = peers.iter_mut().find(|peer| peer.id == owner) else {
                continue;
            };
            let is_given = match of.session.requested(id, from) {
                RequestDecision::AskGame => {
                    let can_give = may_give(&self.callers, &of.session, id);
                    gives && can_give && of.session.give(id, from).is_ok()
                }
                RequestDecision::Granted => true,
                RequestDecision::Deny => false,
            };
            if !is_given && let Some(peer) = peers.iter_mut().find(|peer| peer.id == from) {
                peer.session.denied(id, owner);
            }
        }
    }

    /// Does something random.
    fn act(&mut self) {
        let at = self.rng.usize(..self.peers.len());
        let ids: Vec<_> = self.peers.iter().map(|peer| peer.id).collect();
        let rng = &mut self.rng;
        let peer = &mut self.peers[at];
        let session = &mut peer.session;
        let known: Vec<_> = session.entities().collect();
        let mine: Vec<_> = known
            .iter()
            .copied()
            .filter(|id| session.owner(*id) == Some(peer.id))
            .collect();
        let one =
            |rng: &mut Rng, of: &[EntityId]| (!of.is_empty()).then(|| of[rng.usize(..of.len())]);
        if self.callers.is_churning
            && let Some(id) = one(rng, &mine)
        {
            let all = rng.bool();
            let others = ids.iter().copied().filter(|_| rng.bool()).collect();
            let visibility = [Visibility::Only(others), Visibility::All];
            let _ = session.set_visibility(id, visibility[usize::from(all)].clone());
        }
        // A peer that starts again has not been in the room long enough to be the host.
        let is_host = session.host == Some(peer.id);
        if self.callers.restart && !is_host && rng.u32(..150) == 0 {
            return self.restart(at);
        }
        match rng.u32(..100) {
            0..12 if known.len() < self.callers.entities => {
                let policy = [
                    Policy::Fixed,
                    Policy::OnRequest,
                    Policy::ByTouch,
                    Policy::Host,
                ][rng.usize(..4)];
                let mut new = NewEntity::new(policy);
                if rng.u32(..4) == 0 {
                    new.owner_gone = [OwnerGone::Forget, OwnerGone::PassOn][rng.usize(..2)];
                }
                let values = random_values(session.layout(), rng);
                let values: Vec<_> = values
                    .iter()
                    .map(|(id, value)| (*id, value.as_value()))
                    .collect();
                let id = session.spawn(new, &values).unwrap();
                peer.shown.insert(id);
            }
            12..72 => {
                for id in mine {
                    if rng.u32(..3) > 0 {
                        change(session, id, rng);
                    }
                }
            }
            72..76 => {
                if let Some(id) = one(rng, &mine) {
                    // The host may be another peer.
                    let _ = session.despawn(id);
                }
            }
            76..90 => {
                if let Some(id) = one(rng, &known) {
                    peer.claims += 1;
                    match rng.u32(..3) {
                        0 => session.claim(id),
                        1 => session.touch(id),
                        _ => session.hold(id),
                    }
                    .unwrap();
                }
            }
            90..94 => {
                if let Some(id) = one(rng, &mine) {
                    let to = ids[rng.usize(..ids.len())];
                    let _ = session.release(id);
                    if may_give(&self.callers, session, id) {
                        let _ = session.give(id, to);
                    }
                }
            }
            94..98 => {
                if let Some(id) = one(rng, &mine) {
                    let peers: BTreeSet<_> = ids.into_iter().filter(|_| rng.bool()).collect();
                    let visibility = match rng.u32(..3) {
                        0 => Visibility::Only(peers),
                        1 => Visibility::Except(peers),
                        _ => Visibility::All,
                    };
                    let result = session.set_visibility(id, visibility);
                    // Entities of the host cannot be hidden.
                    assert!(matches!(
                        result,
                        Ok(()) | Err(EntityError::HostVisibility(_))
                    ));
                }
            }
            98 if ids.len() < 6 && self.callers.come_and_go => self.join(),
            99 if ids.len() > 2 && self.callers.come_and_go => self.leave(at),
            _ => {}
        }
    }

    fn run(&mut self, ticks: u32) {
        (0..ticks).for_each(|_| self.tick());
    }

    /// Checks that every peer sees what the owners show it.
    fn check(&self, seed: u64) {
        for peer in &self.peers {
            if self.hostile.is_none() {
                assert_eq!(peer.session.stats().undecodable, 0, "seed {seed}");
            }
            assert_eq!(peer.claims, 0, "seed {seed}: claims without an end");
            let exists: BTreeSet<_> = peer.session.entities().collect();
            assert_eq!(
                exists, peer.shown,
                "seed {seed}: events and entities differ"
            );
        }
        let all: BTreeSet<_> = self
            .peers
            .iter()
            .flat_map(|peer| peer.session.entities())
            .collect();
        for id in all {
            let owners: BTreeSet<_> = self
                .peers
                .iter()
                .filter(|peer| peer.session.components(id).is_some())
                .map(|peer| peer.session.owner(id))
                .collect();
            let rivals: Vec<_> = self
                .peers
                .iter()
                .filter(|peer| {
                    peer.session.components(id).is_some() && peer.session.owner(id) == Some(peer.id)
                })
                .collect();
            let hides = |a: &Peer, b: &Peer| !self.reaches(id, a, b.id);
            if let [a, b] = rivals[..]
                && hides(a, b)
                && hides(b, a)
            {
                // Neither can know of the other.
                continue;
            }
            assert_eq!(owners.len(), 1, "seed {seed}: {id} has owners {owners:?}");
            let owner = owners.into_iter().next().flatten();
            let Some(owner) = self.peers.iter().find(|peer| Some(peer.id) == owner) else {
                panic!("seed {seed}: the owner of {id} has left");
            };
            let components = owner.session.components(id);
            assert!(
                components.is_some(),
                "seed {seed}: {id} is not at its owner {}",
                owner.id.short()
            );
            for peer in &self.peers {
                let is_visible = peer.id == owner.id || self.reaches(id, owner, peer.id);
                let found = peer.session.components(id);
                assert_eq!(
                    found,
                    components.filter(|_| is_visible),
                    "seed {seed}: {id} at {:?} of {:?}",
                    peer.id,
                    owner.id
                );
                for component in found.into_iter().flat_map(|set| set.iter()) {
                    assert_eq!(
                        peer.session.get(id, component),
                        owner.session.get(id, component),
                        "seed {seed}: {id} at {}",
                        peer.id.short()
                    );
                }
            }
        }
    }
}

enum Owned {
    Numbers(Vec<i32>),
    Blob(Vec<u8>),
}

impl Owned {
    fn as_value(&self) -> Value<'_> {
        match self {
            Self::Numbers(numbers) => Value::Numbers(numbers),
            Self::Blob(blob) => Value::Blob(blob),
        }
    }
}

fn random_value(layout: &Layout, id: ComponentId, rng: &mut Rng) -> Owned {
    let component = layout.get(id).unwrap();
    if component.is_blob() {
        return Owned::Blob((0..rng.usize(..20)).map(|_| rng.u8(b'a'..=b'z')).collect());
    }
    let mut numbers = Vec::new();
    for field in component.fields() {
        match *field {
            Field::Vector { axes, max } => {
                let axes = max.iter().take(axes.into());
                numbers.extend(axes.map(|max| rng.u32(..=*max) as i32));
            }
            Field::Angle { bits } => numbers.push(rng.i32(0..1 << bits)),
            Field::Flag => numbers.push(rng.i32(0..2)),
            Field::Rotation { bits } => {
                numbers.push(rng.i32(0..4));
                let middle = (1 << bits) / 2;
                numbers.extend((0..3).map(|_| middle + rng.i32(-middle / 2..middle / 2)));
            }
        }
    }
    Owned::Numbers(numbers)
}

fn random_values(layout: &Layout, rng: &mut Rng) -> Vec<(ComponentId, Owned)> {
    let ids: Vec<_> = layout
        .iter()
        .map(|(id, _)| id)
        .filter(|_| rng.bool())
        .collect();
    ids.into_iter()
        .map(|id| (id, random_value(layout, id, rng)))
        .collect()
}

/// Returns whether an entity can be given away. A relay cannot replace a link that is lost before a hidden
/// entity has arrived.
fn may_give(callers: &Callers, session: &SnapshotSession, id: EntityId) -> bool {
    !callers.is_partial || !session.is_restricted(id)
}

/// Changes one component, or adds or removes one.
fn change(session: &mut SnapshotSession, id: EntityId, rng: &mut Rng) {
    let ids: Vec<_> = session.layout().iter().map(|(id, _)| id).collect();
    let component = ids[rng.usize(..ids.len())];
    if rng.u32(..20) == 0 {
        session.remove_component(id, component).unwrap();
        return;
    }
    let value = match session.get(id, component) {
        // Usually a small movement.
        Some(Value::Numbers(numbers)) if numbers.len() > 1 && rng.u32(..8) > 0 => {
            let mut numbers = numbers.to_vec();
            numbers[0] = (numbers[0] + rng.i32(-5..40)).clamp(0, 4095);
            Owned::Numbers(numbers)
        }
        _ => random_value(session.layout(), component, rng),
    };
    session.set(id, component, value.as_value()).unwrap();
}

fn simulate(seed: u64, callers: Callers) {
    let is_partial = callers.is_partial;
    let mut room = Room::new(seed, 2 + (seed % 4) as usize, callers);
    let mut is_split = false;
    for step in 0..600 {
        for _ in 0..room.rng.u32(..4) {
            room.act();
        }
        if step % 100 == 60 && room.rng.bool() && !is_partial {
            room.split();
            is_split = true;
        }
        if step % 100 == 99 && is_split {
            room.heal();
            is_split = false;
        }
        if is_partial && room.rng.u32(..15) == 0 {
            match room.rng.u32(..5) {
                0 if !is_split => room.heal(),
                _ => room.make_hole(),
            }
        }
        room.tick();
    }
    room.heal();
    if is_partial {
        (0..10).for_each(|_| room.make_hole());
    }
    // Longer than requests and heirs take.
    room.run(700);
    room.check(seed);
}

/// Simulates rooms with the seeds from 0. `HUDDLE_SEEDS` is the factor by which there are more than usual.
fn simulate_all(count: u64, callers: impl Fn(u64) -> Callers) {
    let factor = std::env::var("HUDDLE_SEEDS").map_or(1, |it| it.parse().unwrap());
    let fails = |seed: &u64| {
        let callers = callers(*seed);
        std::panic::catch_unwind(|| simulate(*seed, callers)).is_err()
    };
    let failed: Vec<_> = (0..count * factor).filter(fails).collect();
    assert_eq!(failed, [], "these seeds failed");
}

#[test]
fn despawned_entities_take_no_memory() {
    let mut room = Room::new(3, 3, Callers::default());
    for _ in 0..4000 {
        let now = room.now;
        let peer = &mut room.peers[now as usize % 3];
        let id = peer.session.spawn(NewEntity::default(), &[]).unwrap();
        peer.shown.insert(id);
        let old = peer
            .session
            .entities()
            .filter(|id| peer.session.owner(*id) == Some(peer.id));
        if let Some(old) = old.min().filter(|_| peer.session.entities().count() > 30) {
            peer.session.despawn(old).unwrap();
        }
        room.tick();
    }
    for peer in &room.peers {
        assert!(peer.session.places() < 1000, "{}", peer.session.places());
    }
    room.run(300);
    room.check(3);
}

#[test]
fn all_peers_see_the_same_after_a_rest() {
    simulate_all(70, |_| Callers::default());
}

#[test]
fn all_peers_see_the_same_with_little_space() {
    simulate_all(30, |seed| Callers {
        space: [90..120, 60..200, 0..200][seed as usize % 3].clone(),
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_with_any_numbers_of_packets_and_ticks() {
    simulate_all(40, |seed| Callers {
        first_seq: [0, 1, 63, 1 << 40][seed as usize % 4],
        has_gaps: seed % 3 > 0,
        first_tick: [0, u32::MAX - 300, u32::MAX / 2, u32::MAX - 900][seed as usize / 4 % 4],
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_when_visibility_changes_all_the_time() {
    simulate_all(40, |seed| Callers {
        is_churning: true,
        has_gaps: seed % 4 == 0,
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_when_peers_start_again() {
    simulate_all(40, |_| Callers {
        restart: true,
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_hundreds_of_entities() {
    simulate_all(4, |_| Callers {
        entities: 400,
        space: 150..500,
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_in_a_partial_mesh() {
    simulate_all(60, |seed| Callers {
        is_partial: true,
        is_churning: seed % 5 == 4,
        space: [900..901, 90..300][usize::from(seed % 7 == 6)].clone(),
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_when_peers_of_a_partial_mesh_start_again() {
    simulate_all(30, |seed| Callers {
        is_partial: true,
        restart: true,
        space: [900..901, 90..300][usize::from(seed % 7 == 6)].clone(),
        ..Callers::default()
    });
}
