//! Rooms in which some peers have no link to each other.

mod lost;

use std::{collections::BTreeSet, time::Duration};

use huddle_id::PeerId;

use super::super::{NewEntity, RemovalReason, SnapshotEvent, SnapshotSession};
use crate::{
    budget::BudgetOptions,
    claim::{Policy, RequestDecision},
    column::Field,
    id::EntityId,
    layout::{ComponentId, Layout, Shape},
    visibility::Visibility,
    world::Value,
};

/// The numbers of the peers in a [`Mesh`]. Ada and Cid have no link at first.
const ADA: usize = 0;
const BOB: usize = 1;
const CID: usize = 2;
const DAN: usize = 3;

fn id(peer: usize) -> PeerId {
    // The relay with the lowest id is neither the first peer nor the last.
    PeerId::from_u128([7, 2, 5, 3][peer])
}

fn layout() -> Layout {
    let place = Field::Vector {
        axes: 2,
        max: [1023, 1023, 0],
    };
    Layout::new([("place".to_owned(), Shape::Fields(vec![place]))]).unwrap()
}

fn place() -> ComponentId {
    layout().id("place").unwrap()
}

/// Peers whose packets all arrive, one tick later.
struct Mesh {
    sessions: Vec<SnapshotSession>,
    links: BTreeSet<(usize, usize)>,
    tick: u32,
    /// Whether the peers report their links.
    reports: bool,
}

impl Mesh {
    fn new(peers: usize, links: &[(usize, usize)]) -> Self {
        let sessions = (0..peers).map(|peer| {
            let mut session = SnapshotSession::new(id(peer), layout(), 0);
            session.set_budget_options(BudgetOptions::UNLIMITED);
            session
        });
        let mut mesh = Self {
            sessions: sessions.collect(),
            links: BTreeSet::new(),
            tick: 0,
            reports: true,
        };
        for &(a, b) in links {
            mesh.link(a, b);
        }
        mesh
    }

    /// Ada and Cid are both linked with Bob.
    fn chain() -> Self {
        Self::new(3, &[(ADA, BOB), (BOB, CID)])
    }

    fn link(&mut self, a: usize, b: usize) {
        self.links.extend([(a, b), (b, a)]);
        self.sessions[a].link_opened(id(b));
        self.sessions[b].link_opened(id(a));
        self.report();
    }

    fn unlink(&mut self, a: usize, b: usize) {
        self.links.retain(|link| ![(a, b), (b, a)].contains(link));
        self.sessions[a].link_lost(id(b));
        self.sessions[b].link_lost(id(a));
        self.report();
    }

    /// Every peer reports its links to the peers that it is linked with.
    fn report(&mut self) {
        let linked: BTreeSet<_> = self.links.iter().map(|(peer, _)| id(*peer)).collect();
        for (at, session) in self.sessions.iter_mut().enumerate() {
            let reports = self
                .links
                .iter()
                .filter(|(from, _)| self.reports && self.links.contains(&(at, *from)));
            session.set_members(linked.clone());
            session.set_reported_links(reports.map(|(from, to)| (id(*from), id(*to))));
        }
    }

    fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.tick += 1;
            let seq = u64::from(self.tick);
            for session in &mut self.sessions {
                session.advance(Duration::from_millis(16) * self.tick);
            }
            let mut packets = Vec::new();
            for &(from, to) in &self.links {
                let mut bytes = Vec::new();
                self.sessions[from].write(id(to), seq, self.tick, 900, &mut bytes);
                packets.push((from, to, bytes));
            }
            for (from, to, bytes) in packets {
                if !bytes.is_empty() {
                    let result = self.sessions[to].receive(id(from), seq, self.tick, &bytes);
                    assert_eq!(result, Ok(()));
                }
                self.sessions[from].delivered(id(to), seq);
            }
        }
    }

    fn spawn(&mut self, peer: usize, policy: Policy, x: i32) -> EntityId {
        let values = [(place(), Value::Numbers(&[x, 0]))];
        self.sessions[peer]
            .spawn(NewEntity::new(policy), &values)
            .unwrap()
    }

    fn move_to(&mut self, peer: usize, entity: EntityId, x: i32) {
        self.sessions[peer]
            .set(entity, place(), Value::Numbers(&[x, 0]))
            .unwrap();
    }

    fn x(&self, peer: usize, entity: EntityId) -> Option<i32> {
        match self.sessions[peer].get(entity, place())? {
            Value::Numbers(numbers) => numbers.first().copied(),
            Value::Blob(_) => None,
        }
    }

    /// Returns the value of an entity at each peer.
    fn all_x(&self, entity: EntityId) -> Vec<Option<i32>> {
        (0..self.sessions.len())
            .map(|peer| self.x(peer, entity))
            .collect()
    }

    fn owners(&self, entity: EntityId) -> BTreeSet<Option<PeerId>> {
        let owners = self.sessions.iter().map(|session| session.owner(entity));
        owners.collect()
    }

    fn events(&mut self, peer: usize) -> Vec<SnapshotEvent> {
        std::iter::from_fn(|| self.sessions[peer].poll()).collect()
    }
}

#[test]
fn values_reach_a_peer_without_a_link_to_the_owner() {
    let mut mesh = Mesh::chain();
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(4);
    assert_eq!(mesh.x(CID, entity), Some(1));
    for x in 2..20 {
        mesh.move_to(ADA, entity, x);
        mesh.run(1);
    }
    mesh.run(3);
    assert_eq!(mesh.all_x(entity), [Some(19); 3]);
    assert_eq!(mesh.owners(entity), BTreeSet::from([Some(id(ADA))]));
    assert_eq!(mesh.sessions[CID].source_of(id(ADA)), Some(id(BOB)));
    assert_eq!(mesh.sessions[CID].source_of(id(BOB)), Some(id(BOB)));
}

#[test]
fn late_joiner_receives_entities_through_a_relay() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB)]);
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    let dead = mesh.spawn(ADA, Policy::Fixed, 2);
    mesh.run(4);
    mesh.sessions[ADA].despawn(dead).unwrap();
    mesh.run(2);
    mesh.link(BOB, CID);
    mesh.run(4);
    assert_eq!(mesh.x(CID, entity), Some(1));
    assert_eq!(mesh.x(CID, dead), None);
}

#[test]
fn values_that_arrive_before_the_report_of_the_relay_are_sent_again() {
    let mut mesh = Mesh::chain();
    // Bob knows the reports of all, and Cid does not know Bob's.
    mesh.sessions[CID].set_reported_links([]);
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(5);
    assert_eq!(mesh.x(CID, entity), None);
    mesh.report();
    mesh.run(4);
    assert_eq!(mesh.x(CID, entity), Some(1));
}

#[test]
fn touch_reaches_the_owner_through_a_relay() {
    let mut mesh = Mesh::chain();
    let entity = mesh.spawn(ADA, Policy::ByTouch, 1);
    mesh.run(4);
    mesh.sessions[CID].touch(entity).unwrap();
    mesh.move_to(CID, entity, 5);
    mesh.run(5);
    assert_eq!(mesh.owners(entity), BTreeSet::from([Some(id(CID))]));
    assert_eq!(mesh.all_x(entity), [Some(5); 3]);
    // The two ends claim it at the same time, and agree.
    mesh.sessions[ADA].hold(entity).unwrap();
    mesh.sessions[CID].hold(entity).unwrap();
    mesh.move_to(ADA, entity, 6);
    mesh.move_to(CID, entity, 7);
    mesh.run(8);
    assert_eq!(mesh.owners(entity).len(), 1);
    assert_eq!(mesh.all_x(entity), [mesh.x(BOB, entity); 3]);
}

#[test]
fn gift_reaches_a_peer_through_a_relay() {
    let mut mesh = Mesh::chain();
    let entity = mesh.spawn(ADA, Policy::OnRequest, 1);
    mesh.run(4);
    mesh.sessions[CID].claim(entity).unwrap();
    let request = SnapshotEvent::Request {
        id: entity,
        owner: id(ADA),
    };
    assert!(mesh.events(CID).contains(&request));
    let decision = mesh.sessions[ADA].requested(entity, id(CID));
    assert_eq!(decision, RequestDecision::AskGame);
    // The values of the same tick travel with the gift.
    mesh.move_to(ADA, entity, 2);
    mesh.sessions[ADA].give(entity, id(CID)).unwrap();
    mesh.run(5);
    assert_eq!(mesh.owners(entity), BTreeSet::from([Some(id(CID))]));
    assert_eq!(mesh.all_x(entity), [Some(2); 3]);
    let granted = |event: &SnapshotEvent| matches!(event, SnapshotEvent::ClaimEnded { .. });
    assert_eq!(mesh.events(CID).iter().filter(|it| granted(it)).count(), 1);
}

#[test]
fn gift_that_was_lost_with_the_link_reaches_its_owner_through_a_relay() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    mesh.run(4);
    let entity = mesh.spawn(ADA, Policy::OnRequest, 1);
    mesh.sessions[ADA].give(entity, id(CID)).unwrap();
    mesh.unlink(ADA, CID);
    mesh.run(8);
    assert_eq!(mesh.owners(entity), BTreeSet::from([Some(id(CID))]));
    assert_eq!(mesh.all_x(entity), [Some(1); 3]);
}

#[test]
fn despawns_travel_through_a_relay() {
    for policy in [
        Policy::Fixed,
        Policy::OnRequest,
        Policy::ByTouch,
        Policy::Host,
    ] {
        let mut mesh = Mesh::chain();
        for session in &mut mesh.sessions {
            session.set_host(Some(id(ADA)));
        }
        let entity = mesh.spawn(ADA, policy, 1);
        mesh.run(4);
        assert_eq!(mesh.x(CID, entity), Some(1), "{policy:?}");
        mesh.sessions[ADA].despawn(entity).unwrap();
        mesh.run(5);
        assert_eq!(mesh.all_x(entity), [None; 3], "{policy:?}");
        let removed = SnapshotEvent::Removed {
            id: entity,
            reason: RemovalReason::Despawned,
        };
        assert_eq!(mesh.events(CID).last(), Some(&removed), "{policy:?}");
    }
}

#[test]
fn entities_with_restricted_visibility_are_never_relayed() {
    let mut mesh = Mesh::chain();
    let bob_and_cid = Visibility::Only(BTreeSet::from([id(BOB), id(CID)]));
    let entity = mesh.spawn(ADA, Policy::ByTouch, 1);
    mesh.sessions[ADA]
        .set_visibility(entity, bob_and_cid.clone())
        .unwrap();
    mesh.run(5);
    assert_eq!(mesh.all_x(entity), [Some(1), Some(1), None]);
    assert_eq!(mesh.sessions[CID].owner(entity), None, "not even the id");
    for x in 2..5 {
        mesh.sessions[ADA]
            .set_visibility(entity, Visibility::All)
            .unwrap();
        mesh.run(5);
        assert_eq!(mesh.x(CID, entity), Some(x - 1), "shown to all");
        mesh.sessions[ADA]
            .set_visibility(entity, bob_and_cid.clone())
            .unwrap();
        mesh.move_to(ADA, entity, x);
        mesh.run(5);
        assert_eq!(mesh.all_x(entity), [Some(x), Some(x), None], "restricted");
    }
}

#[test]
fn entity_that_is_hidden_from_the_relay_disappears_behind_it() {
    let mut mesh = Mesh::chain();
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(5);
    let not_bob = Visibility::Except(BTreeSet::from([id(BOB)]));
    mesh.sessions[ADA].set_visibility(entity, not_bob).unwrap();
    mesh.run(5);
    assert_eq!(mesh.all_x(entity), [Some(1), None, None]);
}

#[test]
fn entity_that_was_hidden_while_its_peer_lost_the_link_disappears() {
    // Bob, the relay, may not know the entity.
    for knows_it in [false, true] {
        let mut mesh = Mesh::new(3, &[(ADA, CID), (BOB, CID)]);
        if knows_it {
            mesh.link(ADA, BOB);
        }
        let entity = mesh.spawn(ADA, Policy::Fixed, 1);
        mesh.run(4);
        assert_eq!(mesh.x(CID, entity), Some(1));
        if !knows_it {
            mesh.link(ADA, BOB);
        }
        mesh.unlink(ADA, CID);
        let nobody = Visibility::Only(BTreeSet::new());
        mesh.sessions[ADA].set_visibility(entity, nobody).unwrap();
        mesh.run(8);
        assert_eq!(mesh.all_x(entity), [Some(1), None, None], "{knows_it}");
    }
}

#[test]
fn restricted_entity_disappears_when_a_relay_replaces_the_link() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    let only_cid = Visibility::Only(BTreeSet::from([id(CID)]));
    mesh.sessions[ADA].set_visibility(entity, only_cid).unwrap();
    mesh.run(4);
    assert_eq!(mesh.x(CID, entity), Some(1));
    mesh.unlink(ADA, CID);
    mesh.run(5);
    assert_eq!(mesh.x(CID, entity), None);
    assert_eq!(
        mesh.sessions[BOB].owner(entity),
        None,
        "Cid keeps the secret"
    );
    mesh.link(ADA, CID);
    mesh.run(4);
    assert_eq!(mesh.x(CID, entity), Some(1));
}

#[test]
fn owner_takes_over_from_the_relay_when_the_link_opens() {
    let mut mesh = Mesh::chain();
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(4);
    mesh.move_to(ADA, entity, 2);
    mesh.run(1);
    // Bob has the value, and his packet is late.
    let mut late = Vec::new();
    mesh.tick += 1;
    let (seq, tick) = (u64::from(mesh.tick), mesh.tick);
    mesh.sessions[BOB].write(id(CID), seq, tick, 900, &mut late);
    assert!(!late.is_empty());
    mesh.link(ADA, CID);
    mesh.move_to(ADA, entity, 3);
    mesh.run(1);
    assert_eq!(mesh.x(CID, entity), Some(3));
    mesh.sessions[CID]
        .receive(id(BOB), seq, tick, &late)
        .unwrap();
    assert_eq!(mesh.x(CID, entity), Some(3), "no jump back");
    assert_eq!(mesh.sessions[CID].source_of(id(ADA)), Some(id(ADA)));
}

#[test]
fn relay_starts_when_a_link_is_lost_and_stops_when_it_is_back() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(4);
    let mut expected = 1;
    for _ in 0..3 {
        mesh.unlink(ADA, CID);
        mesh.events(CID);
        for _ in 0..5 {
            expected += 1;
            mesh.move_to(ADA, entity, expected);
            mesh.run(4);
            assert_eq!(mesh.x(CID, entity), Some(expected));
        }
        mesh.link(ADA, CID);
        expected += 1;
        mesh.move_to(ADA, entity, expected);
        mesh.run(2);
        assert_eq!(mesh.x(CID, entity), Some(expected));
        let is_change = |event: &SnapshotEvent| matches!(event, SnapshotEvent::Changed { .. });
        assert!(
            mesh.events(CID).iter().all(is_change),
            "it never disappears"
        );
        // Bob no longer sends what Cid has from Ada.
        mesh.run(4);
        mesh.move_to(ADA, entity, expected);
        mesh.run(1);
        let backlog = mesh.sessions[BOB].link_stats(id(CID)).unwrap().backlog;
        assert_eq!(backlog, 0);
    }
}

#[test]
fn next_lowest_peer_relays_when_the_relay_leaves() {
    let mut mesh = Mesh::new(
        4,
        &[(ADA, BOB), (BOB, CID), (ADA, DAN), (DAN, CID), (BOB, DAN)],
    );
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(5);
    assert_eq!(mesh.sessions[CID].source_of(id(ADA)), Some(id(BOB)));
    assert_eq!(mesh.all_x(entity), [Some(1); 4]);
    for peer in [ADA, CID, DAN] {
        mesh.unlink(BOB, peer);
    }
    assert_eq!(mesh.sessions[CID].source_of(id(ADA)), Some(id(DAN)));
    mesh.move_to(ADA, entity, 2);
    mesh.run(5);
    assert_eq!(mesh.x(CID, entity), Some(2));
    mesh.sessions[ADA].despawn(entity).unwrap();
    mesh.run(5);
    assert_eq!(mesh.x(CID, entity), None);
}

#[test]
fn despawn_while_there_is_no_relay_arrives_with_the_next_one() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(4);
    mesh.reports = false;
    mesh.unlink(ADA, CID);
    mesh.sessions[ADA].despawn(entity).unwrap();
    mesh.run(5);
    assert_eq!(mesh.all_x(entity), [None, None, Some(1)]);
    mesh.reports = true;
    mesh.report();
    mesh.run(5);
    assert_eq!(mesh.x(CID, entity), None);
}

#[test]
fn heir_is_visible_through_a_relay() {
    let mut mesh = Mesh::new(4, &[(ADA, BOB), (BOB, CID), (ADA, DAN), (BOB, DAN)]);
    // Cid and Dan have no link, either.
    let entities: Vec<_> = (0..8)
        .map(|x| mesh.spawn(ADA, Policy::ByTouch, x))
        .collect();
    mesh.run(5);
    for peer in [BOB, DAN] {
        mesh.unlink(ADA, peer);
    }
    mesh.run(100);
    for entity in entities {
        let owners: BTreeSet<_> = [BOB, CID, DAN]
            .map(|peer| mesh.sessions[peer].owner(entity))
            .into();
        assert_eq!(owners.len(), 1, "{entity}");
        assert!(!owners.contains(&Some(id(ADA))));
        assert!(
            [BOB, CID, DAN]
                .iter()
                .all(|peer| mesh.x(*peer, entity).is_some())
        );
    }
}

#[test]
fn full_mesh_has_no_relays() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(4);
    for session in &mesh.sessions {
        assert!(!session.relays.is_relay);
    }
    mesh.move_to(ADA, entity, 2);
    mesh.run(1);
    let mut bytes = Vec::new();
    assert!(!mesh.sessions[BOB].write(id(CID), 900, 900, 900, &mut bytes));
}

#[test]
fn values_of_a_peer_that_is_not_the_relay_are_ignored() {
    let mut mesh = Mesh::new(
        4,
        &[(ADA, BOB), (BOB, CID), (ADA, DAN), (DAN, CID), (BOB, DAN)],
    );
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(5);
    // Dan relays, although Bob has a lower id, and claims another value.
    let relayed = BTreeSet::from([id(ADA)]);
    let link = mesh.sessions[DAN].links.get_mut(&id(CID)).unwrap();
    link.outgoing.relayed = relayed;
    forge(&mut mesh.sessions[DAN], entity, 666);
    mesh.run(4);
    assert_eq!(mesh.x(CID, entity), Some(1));
    assert_eq!(mesh.owners(entity), BTreeSet::from([Some(id(ADA))]));
}

#[test]
fn reports_of_a_hostile_peer_do_not_replace_a_link() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(5);
    let link = mesh.sessions[BOB].links.get_mut(&id(CID)).unwrap();
    link.outgoing.relayed = BTreeSet::from([id(ADA)]);
    mesh.sessions[BOB].relays.is_relay = true;
    forge(&mut mesh.sessions[BOB], entity, 666);
    // Bob also reports links to Cid itself, and to peers that do not exist.
    let peers = (0..2000).map(PeerId::from_u128).chain([id(ADA), id(CID)]);
    mesh.sessions[CID].set_reported_links(peers.map(|to| (id(BOB), to)));
    mesh.run(4);
    assert_eq!(mesh.x(CID, entity), Some(1));
    assert_eq!(mesh.sessions[CID].source_of(id(ADA)), Some(id(ADA)));
    assert_eq!(mesh.sessions[CID].source_of(id(CID)), None);
}

/// Changes an entity of another peer, and relays the change.
fn forge(session: &mut SnapshotSession, entity: EntityId, x: i32) {
    let index = session.world.index(entity).unwrap();
    let layout = layout();
    let values = session.world.get_mut(index).unwrap().values.as_mut();
    values
        .unwrap()
        .set(&layout, place(), Value::Numbers(&[x, 0]));
    session.relays.is_relay = true;
    session.relay(index);
}

#[test]
fn separated_heirs_of_a_hidden_entity_agree_on_the_owner() {
    let heirs = [ADA, BOB, CID];
    let all: &[_] = &[(ADA, BOB), (BOB, CID), (ADA, CID)];
    for (links, holder) in [
        (all, None),
        (all, Some(CID)),
        (&all[..2], None),
        (&all[..2], Some(CID)),
    ] {
        let mut mesh = Mesh::new(4, &heirs.map(|heir| (heir, DAN)));
        let entity = mesh.spawn(DAN, Policy::ByTouch, 1);
        let all_heirs = Visibility::Only(heirs.map(id).into());
        mesh.sessions[DAN]
            .set_visibility(entity, all_heirs)
            .unwrap();
        mesh.run(5);
        for heir in heirs {
            mesh.unlink(heir, DAN);
        }
        mesh.run(1);
        for heir in heirs {
            assert_eq!(mesh.sessions[heir].owner(entity), Some(id(heir)));
        }
        if let Some(holder) = holder {
            mesh.sessions[holder].hold(entity).unwrap();
        }
        for &(a, b) in links {
            mesh.link(a, b);
        }
        mesh.run(20);
        let owner = mesh.sessions[ADA].owner(entity);
        for heir in heirs {
            assert_eq!(mesh.sessions[heir].owner(entity), owner);
            let is_owner = owner == Some(id(heir));
            assert_eq!(mesh.x(heir, entity), is_owner.then_some(1));
        }
        assert!(holder.is_none_or(|holder| owner == Some(id(holder))));
    }
}
