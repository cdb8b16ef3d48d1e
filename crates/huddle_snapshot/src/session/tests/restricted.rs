//! Entities that their owner hides from some peers, and that another peer takes over.

use super::*;
use crate::{
    claim::{ClaimKind, Ownership, Rules},
    numbering::rules_of,
};

const C: PeerId = PeerId::from_u128(3);

fn only(peers: &[PeerId]) -> Visibility {
    Visibility::Only(peers.iter().copied().collect())
}

/// Sessions that are all linked, and the number of the next packet.
struct Room {
    sessions: Vec<SnapshotSession>,
    seq: u64,
}

impl Room {
    fn new() -> Self {
        let mut sessions: Vec<_> = [A, B, C].map(|id| unlimited(id, layout())).into();
        for session in &mut sessions {
            for other in [A, B, C] {
                if other != session.local {
                    session.link_opened(other);
                }
            }
        }
        Self { sessions, seq: 0 }
    }

    fn at(&mut self, id: PeerId) -> &mut SnapshotSession {
        self.sessions.iter_mut().find(|it| it.local == id).unwrap()
    }

    /// Sends a packet, which arrives.
    fn send(&mut self, sender: PeerId, receiver: PeerId) {
        let (seq, mut bytes) = (self.seq, Vec::new());
        let session = self.at(sender);
        if session.write(receiver, seq, seq as u32, 900, &mut bytes) {
            session.delivered(receiver, seq);
            receive(self.at(receiver), sender, seq, &bytes);
        }
        self.seq += 1;
    }

    /// Exchanges packets until everything has arrived. Asserts that a peer never sees an entity.
    fn run(&mut self, hidden: EntityId, from: &[PeerId]) {
        for _ in 0..8 {
            for (sender, receiver) in [(A, B), (A, C), (B, A), (B, C), (C, A), (C, B)] {
                let has = |id| self.sessions.iter().any(|it| it.local == id);
                if !has(sender) || !has(receiver) {
                    continue;
                }
                self.send(sender, receiver);
                if from.contains(&receiver) {
                    assert_eq!(x_of(self.at(receiver), hidden), None, "{receiver}");
                }
            }
        }
    }
}

#[test]
fn new_owner_of_a_restricted_entity_hides_it_until_it_sets_the_visibility() {
    for kind in [ClaimKind::Spawned, ClaimKind::Held, ClaimKind::Given] {
        let mut room = Room::new();
        let id = spawn(room.at(A), Policy::ByTouch, 1);
        room.at(A).set_visibility(id, only(&[B])).unwrap();
        room.run(id, &[C]);
        assert!(room.at(B).is_restricted(id));
        match kind {
            ClaimKind::Given => room.at(A).give(id, B).unwrap(),
            ClaimKind::Held => room.at(B).hold(id).unwrap(),
            _ => room.at(B).touch(id).unwrap(),
        }
        room.run(id, &[C]);
        assert_eq!(room.at(B).owner(id), Some(B), "{kind:?}");
        assert_eq!(room.at(A).owner(id), Some(B), "{kind:?}");
        assert_eq!(x_of(room.at(A), id), None, "{kind:?}");
        room.at(B).set_visibility(id, Visibility::All).unwrap();
        room.run(id, &[]);
        for peer in [A, C] {
            assert_eq!(x_of(room.at(peer), id), Some(1), "{kind:?}");
            assert!(!room.at(peer).is_restricted(id));
        }
    }
}

#[test]
fn gift_before_the_recipient_sees_the_entity_is_restricted() {
    let mut room = Room::new();
    let id = spawn(room.at(A), Policy::OnRequest, 1);
    room.at(A).set_visibility(id, only(&[B])).unwrap();
    room.at(A).give(id, B).unwrap();
    room.run(id, &[C]);
    assert_eq!(
        (room.at(B).owner(id), x_of(room.at(B), id)),
        (Some(B), Some(1))
    );
}

#[test]
fn heir_of_a_restricted_entity_hides_it_and_every_peer_agrees_on_the_owner() {
    let mut room = Room::new();
    let id = spawn(room.at(A), Policy::OnRequest, 1);
    room.at(A).set_visibility(id, only(&[B, C])).unwrap();
    room.run(id, &[]);
    room.sessions.remove(0);
    for (peer, other) in [(B, C), (C, B)] {
        room.at(peer).link_lost(A);
        room.at(peer).set_members([other]);
    }
    for _ in 0..200 {
        for peer in [B, C] {
            let now = room.at(peer).now + Duration::from_millis(16);
            room.at(peer).advance(now);
        }
        room.run(id, &[]);
    }
    let owner = room.at(B).owner(id).unwrap();
    assert_eq!(room.at(C).owner(id), Some(owner));
    assert_ne!(owner, A);
    let seen = [B, C].map(|peer| x_of(room.at(peer), id));
    assert_eq!(seen, [B, C].map(|peer| (peer == owner).then_some(1)));
}

#[test]
fn setting_before_the_takeover_counts() {
    let mut room = Room::new();
    let id = spawn(room.at(A), Policy::ByTouch, 1);
    room.at(A).set_visibility(id, only(&[B])).unwrap();
    room.run(id, &[C]);
    room.at(B).set_visibility(id, only(&[A])).unwrap();
    room.at(B).touch(id).unwrap();
    room.run(id, &[C]);
    assert_eq!(x_of(room.at(A), id), Some(1));
    assert!(room.at(A).is_restricted(id));
}

#[test]
fn new_owner_hides_an_entity_from_a_peer_that_knows_it_from_the_old_owner() {
    let mut room = Room::new();
    let id = spawn(room.at(A), Policy::ByTouch, 1);
    room.run(id, &[]);
    room.at(B).touch(id).unwrap();
    // The other peer asks the new owner, which has not answered when it hides the entity.
    for (sender, receiver) in [(B, A), (A, C), (C, B)] {
        room.send(sender, receiver);
    }
    room.at(B).set_visibility(id, only(&[A])).unwrap();
    room.run(id, &[]);
    assert_eq!([A, C].map(|peer| x_of(room.at(peer), id)), [Some(1), None]);
}

#[test]
fn gift_of_an_entity_that_is_shown_to_all_in_the_same_tick_stays_visible() {
    let mut room = Room::new();
    let id = spawn(room.at(A), Policy::OnRequest, 1);
    room.at(A).set_visibility(id, only(&[B])).unwrap();
    room.run(id, &[C]);
    room.at(A).set_visibility(id, Visibility::All).unwrap();
    room.at(A).give(id, B).unwrap();
    room.run(id, &[]);
    assert_eq!(room.at(C).owner(id), Some(B));
    assert_eq!([A, C].map(|peer| x_of(room.at(peer), id)), [Some(1); 2]);
}

/// Claims an entity by its id alone.
fn claim_by_id(session: &mut SnapshotSession, id: EntityId, kind: ClaimKind) -> Index {
    let index = session.world.enter(id).unwrap();
    let local = session.local;
    if let Some(entity) = session.world.get_mut(index) {
        // The hostile peer does not care about the policy.
        let rules = Rules::with_owner_gone(id, Policy::ByTouch, rules_of(id).owner_gone());
        entity.ownership = Ownership::new(local, rules);
    }
    session.operate(index, |ownership| {
        let outcome = match kind {
            ClaimKind::Spawned => ownership.touch(Duration::ZERO),
            ClaimKind::Inherited => ownership.inherit(Duration::ZERO),
            _ => ownership.hold(Duration::ZERO),
        };
        match kind {
            ClaimKind::Given => ownership.give(local).unwrap(),
            ClaimKind::Released => ownership.release().unwrap(),
            _ => outcome,
        }
    });
    index
}

/// Keeps a claim of a hostile peer, which does not pass it on to a peer that has the values.
fn keep(session: &mut SnapshotSession, index: Index) {
    let local = session.local;
    let entity = session.world.get_mut(index).unwrap();
    let mut of_other = Ownership::new(PeerId::from_u128(99), entity.ownership.rules());
    let register = entity.register();
    let _ = of_other.receive(local, register, Duration::ZERO);
    assert_eq!(of_other.register(), register);
    entity.ownership = of_other;
}

#[test]
fn peer_that_claims_a_hidden_entity_by_its_id_receives_no_values() {
    use ClaimKind::{Given, Held, Inherited, Released, Spawned};
    for (policy, kinds) in [
        (
            Policy::ByTouch,
            &[Spawned, Held, Released, Given, Inherited][..],
        ),
        (Policy::OnRequest, &[Given, Inherited]),
    ] {
        for (kind, victim) in kinds.iter().flat_map(|kind| [(*kind, A), (*kind, B)]) {
            let mut room = Room::new();
            let id = spawn(room.at(A), policy, 1);
            room.at(A).set_visibility(id, only(&[B])).unwrap();
            room.run(id, &[C]);
            let index = claim_by_id(room.at(C), id, kind);
            keep(room.at(C), index);
            let link = room.at(C).links.get_mut(&victim).unwrap();
            link.outgoing.ask(index, None);
            room.run(id, &[C]);
            let owner = room.at(victim).owner(id);
            assert_eq!(owner, Some(C), "{policy:?} {kind:?} {victim}");
            // The victim meets the owner again.
            room.at(victim).link_lost(C);
            room.at(victim).link_opened(C);
            room.at(C).link_lost(victim);
            room.at(C).link_opened(victim);
            room.run(id, &[C]);
            // The owner searches for the values.
            for peer in [A, B, victim] {
                let link = room.at(C).links.get_mut(&peer).unwrap();
                link.outgoing.ask(index, None);
                room.run(id, &[C]);
            }
            assert_eq!(room.at(victim).owner(id), Some(C));
        }
    }
}

#[test]
fn peer_that_names_an_accomplice_as_the_owner_gains_nothing() {
    let mut room = Room::new();
    let id = spawn(room.at(A), Policy::OnRequest, 1);
    room.at(A).set_visibility(id, only(&[B])).unwrap();
    room.run(id, &[C]);
    // A fourth peer sends the claim of C.
    const D: PeerId = PeerId::from_u128(4);
    let mut accomplice = unlimited(D, layout());
    for peer in [A, B] {
        room.at(peer).link_opened(D);
        accomplice.link_opened(peer);
    }
    let index = claim_by_id(&mut accomplice, id, ClaimKind::Held);
    accomplice.operate(index, |ownership| ownership.give(C).unwrap());
    for peer in [A, B] {
        let link = accomplice.links.get_mut(&peer).unwrap();
        link.outgoing.ask(index, None);
        exchange(&mut accomplice, room.at(peer), 0, 900);
    }
    room.run(id, &[C]);
    assert_eq!([A, B].map(|it| room.at(it).owner(id)), [Some(C); 2]);
}

#[test]
fn gift_whose_giver_leaves_belongs_to_a_peer_that_has_the_values() {
    let mut room = Room::new();
    let id = spawn(room.at(A), Policy::OnRequest, 1);
    room.at(A).set_visibility(id, only(&[B, C])).unwrap();
    room.send(A, C);
    // C learns of the gift, and B does not receive it.
    room.at(A).give(id, B).unwrap();
    room.send(A, C);
    room.sessions.remove(0);
    for (peer, other) in [(B, C), (C, B)] {
        room.at(peer).link_lost(A);
        room.at(peer).set_members([other]);
    }
    for _ in 0..200 {
        for peer in [B, C] {
            let now = room.at(peer).now + Duration::from_millis(16);
            room.at(peer).advance(now);
        }
        room.run(id, &[B]);
    }
    assert_eq!([B, C].map(|peer| room.at(peer).owner(id)), [Some(C); 2]);
    assert_eq!(x_of(room.at(C), id), Some(1));
}
