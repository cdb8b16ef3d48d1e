//! Peers that start again, and have lost the values of their entities.

use super::*;
use crate::{
    claim::{Claim, ClaimKind, OwnerGone, Register},
    link::Newest,
    world::Index,
};

impl Mesh {
    /// Replaces the session of a peer by a new one. The peer has no links.
    fn restart(&mut self, peer: usize) {
        let others: BTreeSet<_> = self.links.iter().map(|(_, other)| *other).collect();
        for other in others {
            if self.links.contains(&(peer, other)) {
                self.unlink(peer, other);
            }
        }
        self.sessions[peer] = SnapshotSession::new(id(peer), layout(), 1000);
        self.sessions[peer].set_budget_options(BudgetOptions::UNLIMITED);
    }

    /// Sends a packet that is lost or arrives, without an ack. Returns its number.
    fn send(&mut self, from: usize, to: usize, arrives: bool) -> u64 {
        self.tick += 1;
        let seq = u64::from(self.tick);
        let mut bytes = Vec::new();
        self.sessions[from].write(id(to), seq, self.tick, 900, &mut bytes);
        if arrives && !bytes.is_empty() {
            let result = self.sessions[to].receive(id(from), seq, self.tick, &bytes);
            assert_eq!(result, Ok(()));
        }
        seq
    }

    fn index(&self, peer: usize, entity: EntityId) -> Index {
        self.sessions[peer].world.index(entity).unwrap()
    }

    /// Asserts that each peer has this value of an entity, and that all agree about an owner in the room.
    fn assert_all_have(&self, entity: EntityId, x: i32) {
        assert_eq!(self.all_x(entity), vec![Some(x); self.sessions.len()]);
        let owners = self.owners(entity);
        assert_eq!(owners.len(), 1, "{owners:?}");
    }
}

/// Makes a peer adopt the register that another peer has sent to it in the name of `owner`.
fn adopt(session: &mut SnapshotSession, entity: EntityId, owner: PeerId) {
    let index = session.world.enter(entity).unwrap();
    let claim = Claim::new(entity, ClaimKind::Inherited, 1, 0, Some(owner)).unwrap();
    session.operate(index, |ownership| {
        ownership
            .receive(owner, Register::Alive(claim), Duration::ZERO)
            .1
    });
}

#[test]
fn peers_without_the_values_do_not_pass_an_entity_to_each_other() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    let entity = mesh.spawn(ADA, Policy::ByTouch, 1);
    mesh.run(5);
    mesh.restart(ADA);
    mesh.restart(BOB);
    // Cid has missed the last claim of Ada, and Bob has received it from a peer that has left.
    adopt(&mut mesh.sessions[BOB], entity, id(ADA));
    mesh.link(ADA, BOB);
    let index = mesh.index(BOB, entity);
    let link = mesh.sessions[BOB].links.get_mut(&id(ADA)).unwrap();
    link.outgoing.ask(index, None);
    let mut registers = BTreeSet::new();
    for _ in 0..60 {
        mesh.run(1);
        registers.extend(
            mesh.sessions
                .iter()
                .map(|it| it.world.find(entity).map(|entity| entity.register())),
        );
    }
    // The initial register is that of Cid.
    assert!(registers.len() <= 3, "{registers:?}");
    mesh.link(ADA, CID);
    mesh.run(10);
    mesh.link(BOB, CID);
    mesh.run(10);
    mesh.assert_all_have(entity, 1);
    assert_eq!(mesh.owners(entity), [Some(id(CID))].into());
}

#[test]
fn search_reaches_a_holder_whose_link_opens_later() {
    let mut mesh = Mesh::new(4, &[(CID, DAN)]);
    mesh.reports = false;
    let entity = mesh.spawn(DAN, Policy::ByTouch, 1);
    mesh.run(5);
    // Bob has received the last claim of Ada from a peer that has left, and Cid has missed it.
    adopt(&mut mesh.sessions[BOB], entity, id(ADA));
    mesh.link(ADA, BOB);
    let index = mesh.index(BOB, entity);
    let link = mesh.sessions[BOB].links.get_mut(&id(ADA)).unwrap();
    link.outgoing.ask(index, None);
    mesh.run(10);
    assert_eq!(mesh.sessions[ADA].owner(entity), Some(id(ADA)));
    assert_eq!(mesh.x(ADA, entity), None);
    mesh.link(ADA, CID);
    mesh.run(10);
    assert_eq!(mesh.x(ADA, entity), Some(1));
    assert_eq!(mesh.sessions[ADA].owner(entity), Some(id(CID)));
}

#[test]
fn holder_behind_a_relay_without_the_values_passes_them_on() {
    for policy in [Policy::ByTouch, Policy::OnRequest] {
        let mut mesh = Mesh::chain();
        let entity = mesh.spawn(ADA, policy, 1);
        mesh.run(5);
        mesh.restart(ADA);
        mesh.restart(BOB);
        mesh.link(BOB, CID);
        mesh.run(10);
        mesh.link(ADA, BOB);
        mesh.run(20);
        mesh.assert_all_have(entity, 1);
    }
}

#[test]
fn lost_gift_arrives_through_a_relay_that_has_lost_it_too() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    let entity = mesh.spawn(ADA, Policy::OnRequest, 1);
    mesh.run(5);
    mesh.sessions[ADA].give(entity, id(CID)).unwrap();
    mesh.run(5);
    assert_eq!(mesh.owners(entity), [Some(id(CID))].into());
    mesh.restart(CID);
    mesh.restart(BOB);
    mesh.link(BOB, CID);
    mesh.link(ADA, BOB);
    mesh.run(20);
    mesh.assert_all_have(entity, 1);
    assert_eq!(mesh.owners(entity), [Some(id(CID))].into());
}

#[test]
fn values_that_the_relay_has_not_asked_for_are_ignored() {
    let mut mesh = Mesh::chain();
    mesh.run(5);
    // Cid invents an entity of Ada, which Ada has never spawned.
    let mut fake = SnapshotSession::new(id(ADA), layout(), 500);
    let new = NewEntity {
        policy: Policy::ByTouch,
        owner_gone: OwnerGone::PassOn,
    };
    let values = [(place(), Value::Numbers(&[666, 0]))];
    let entity = fake.spawn(new, &values).unwrap();
    let hostile = &mut mesh.sessions[CID];
    let index = hostile.world.enter(entity).unwrap();
    hostile.enter(entity, &values).unwrap();
    let link = hostile.links.get_mut(&id(BOB)).unwrap();
    link.outgoing.ask(index, Some(id(ADA)));
    mesh.send(CID, BOB, true);
    let received = mesh.sessions[BOB].links[&id(CID)]
        .incoming
        .newest(mesh.index(BOB, entity), entity);
    assert!(matches!(received, Some(Newest::State(_))));
    assert_eq!(mesh.x(BOB, entity), None);
}

#[test]
fn late_ack_of_a_refused_despawn_does_not_end_the_answer() {
    let mut mesh = Mesh::new(3, &[(ADA, BOB), (BOB, CID), (ADA, CID)]);
    let entity = mesh.spawn(ADA, Policy::Fixed, 1);
    mesh.run(5);
    mesh.sessions[ADA].despawn(entity).unwrap();
    mesh.send(ADA, BOB, true);
    // Cid does not know yet that Bob relays to it.
    mesh.reports = false;
    mesh.unlink(ADA, CID);
    let index = mesh.index(CID, entity);
    let link = mesh.sessions[CID].links.get_mut(&id(BOB)).unwrap();
    link.outgoing.ask(index, None);
    mesh.send(CID, BOB, true);
    let refused = mesh.send(BOB, CID, true);
    assert_eq!(mesh.x(CID, entity), Some(1));
    mesh.reports = true;
    mesh.report();
    mesh.send(CID, BOB, true);
    mesh.sessions[BOB].delivered(id(CID), refused);
    mesh.send(BOB, CID, true);
    assert_eq!(mesh.x(CID, entity), None);
}

#[test]
fn former_relay_receives_no_values_that_the_new_owner_hides() {
    let mut mesh = Mesh::chain();
    let entity = mesh.spawn(ADA, Policy::OnRequest, 1);
    mesh.run(5);
    mesh.move_to(ADA, entity, 3);
    mesh.sessions[ADA].give(entity, id(CID)).unwrap();
    // The packet to the relay is lost, and the gift arrives over a new link.
    let lost = mesh.send(ADA, BOB, false);
    mesh.link(ADA, CID);
    mesh.send(ADA, CID, true);
    let only_ada = Visibility::Only([id(ADA)].into());
    mesh.sessions[CID].set_visibility(entity, only_ada).unwrap();
    mesh.move_to(CID, entity, 2);
    mesh.send(CID, ADA, true);
    assert_eq!(mesh.x(ADA, entity), Some(2));
    mesh.sessions[ADA].lost(id(BOB), lost);
    mesh.run(10);
    assert_eq!(mesh.all_x(entity), [Some(2), None, Some(2)]);
    let received = mesh.sessions[BOB].links[&id(ADA)]
        .incoming
        .newest(mesh.index(BOB, entity), entity);
    let is_hidden = match received {
        Some(Newest::State(state)) => state.numbers.iter().all(|number| number.value != 2),
        _ => true,
    };
    assert!(is_hidden, "the relay has received hidden values");
}
