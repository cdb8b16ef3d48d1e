//! A peer that starts again with the same id, and knows nothing of its earlier session.

use super::*;
use crate::{
    claim::{Cause, Claim, ClaimKind, OwnerGone, Register},
    numbering::number,
};

/// Opens a link between a peer and the next session of another one.
fn restart(b: &mut SnapshotSession) -> SnapshotSession {
    let mut again = SnapshotSession::new(A, layout(), 77_000);
    again.set_budget_options(BudgetOptions::UNLIMITED);
    b.link_lost(A);
    again.link_opened(B);
    b.link_opened(A);
    again
}

/// Exchanges packets in both directions.
fn meet(a: &mut SnapshotSession, b: &mut SnapshotSession) {
    for seq in 0..6 {
        exchange(a, b, seq, 900);
        exchange(b, a, seq, 900);
    }
}

fn events(session: &mut SnapshotSession) -> Vec<SnapshotEvent> {
    std::iter::from_fn(|| session.poll()).collect()
}

#[test]
fn entities_that_leave_with_their_owner_are_gone() {
    for policy in [Policy::Fixed, Policy::OnRequest, Policy::ByTouch] {
        let [mut a, mut b] = pair();
        let new = NewEntity {
            policy,
            owner_gone: OwnerGone::Forget,
        };
        let id = a.spawn(new, &[(place(), Value::Numbers(&[1, 0]))]).unwrap();
        meet(&mut a, &mut b);
        assert_eq!(x_of(&b, id), Some(1));
        events(&mut b);
        let mut again = restart(&mut b);
        let new = spawn(&mut again, policy, 2);
        meet(&mut again, &mut b);
        assert_eq!(x_of(&b, id), None, "{policy:?}");
        assert_eq!(x_of(&b, new), Some(2), "{policy:?}");
        let reason = RemovalReason::Despawned;
        assert!(events(&mut b).contains(&SnapshotEvent::Removed { id, reason }));
        assert_eq!(x_of(&again, id), None);
    }
}

#[test]
fn entities_that_pass_on_belong_to_a_peer_that_has_them() {
    for policy in [Policy::OnRequest, Policy::ByTouch] {
        let [mut a, mut b] = pair();
        let own = spawn(&mut a, policy, 1);
        let taken = spawn(&mut b, Policy::ByTouch, 2);
        let held = spawn(&mut b, Policy::ByTouch, 3);
        meet(&mut a, &mut b);
        a.touch(taken).unwrap();
        a.hold(held).unwrap();
        for seq in 6..12 {
            exchange(&mut a, &mut b, seq, 900);
            exchange(&mut b, &mut a, seq, 900);
        }
        let ids = [own, taken, held];
        assert!(ids.iter().all(|id| b.owner(*id) == Some(A)));
        events(&mut b);
        let mut again = restart(&mut b);
        meet(&mut again, &mut b);
        let causes: Vec<_> = events(&mut b)
            .into_iter()
            .filter_map(|event| match event {
                SnapshotEvent::OwnershipChanged { change, .. } => Some(change.cause),
                _ => None,
            })
            .collect();
        assert_eq!(causes, [Cause::Inherited; 3], "{policy:?}");
        for (id, x) in ids.into_iter().zip(1..) {
            for session in [&again, &b] {
                assert_eq!((session.owner(id), x_of(session, id)), (Some(B), Some(x)));
            }
        }
    }
}

#[test]
fn level_that_is_loaded_again_has_the_values_of_the_room() {
    let values = [(place(), Value::Numbers(&[1, 0]))];
    for is_loaded_first in [true, false] {
        let [mut a, mut b] = pair();
        let id = a.place(Policy::ByTouch, 4, &values).unwrap();
        b.place(Policy::ByTouch, 4, &values).unwrap();
        a.touch(id).unwrap();
        move_to(&mut a, id, 9);
        meet(&mut a, &mut b);
        assert_eq!((b.owner(id), x_of(&b, id)), (Some(A), Some(9)));
        let mut again = restart(&mut b);
        if is_loaded_first {
            again.place(Policy::ByTouch, 4, &values).unwrap();
        }
        meet(&mut again, &mut b);
        if !is_loaded_first {
            again.place(Policy::ByTouch, 4, &values).unwrap();
        }
        for seq in 6..9 {
            exchange(&mut again, &mut b, seq, 900);
            exchange(&mut b, &mut again, seq, 900);
        }
        for session in [&again, &b] {
            assert_eq!((session.owner(id), x_of(session, id)), (Some(B), Some(9)));
        }
    }
}

#[test]
fn entities_that_a_peer_invents_do_not_use_up_the_ids() {
    let [mut a, mut b] = pair();
    let mut fake = SnapshotSession::new(A, layout(), 0);
    fake.set_budget_options(BudgetOptions::UNLIMITED);
    b.link_lost(A);
    fake.link_opened(B);
    b.link_opened(A);
    for x in 0..50 {
        spawn(&mut fake, Policy::Fixed, x);
    }
    meet(&mut fake, &mut b);
    // `b` asks about entities that `a` has not spawned yet.
    b.link_lost(A);
    b.link_opened(A);
    meet(&mut a, &mut b);
    assert_eq!(b.entities().count(), 0);
    for _ in 0..300 {
        a.advance(a.now + Duration::from_millis(16));
    }
    let id = spawn(&mut a, Policy::Fixed, 7);
    assert_eq!((a.owner(id), x_of(&a, id)), (Some(A), Some(7)));
}

#[test]
fn peers_do_not_give_an_invented_entity_to_each_other() {
    let [mut a, mut b] = pair();
    // A third peer has sent `a` that `b` has inherited it.
    let number = number(Policy::ByTouch, OwnerGone::PassOn, 5);
    let id = EntityId::spawned(PeerId::from_u128(77), number);
    let index = a.world.enter(id).unwrap();
    let claim = Claim::new(id, ClaimKind::Inherited, 1, 0, Some(B)).unwrap();
    a.operate(index, |ownership| {
        ownership
            .receive(B, Register::Alive(claim), Duration::ZERO)
            .1
    });
    a.links.get_mut(&B).unwrap().outgoing.ask(index, None);
    let mut registers = Vec::new();
    for seq in 0..60 {
        exchange(&mut a, &mut b, seq, 900);
        exchange(&mut b, &mut a, seq, 900);
        registers.push(a.world.find(id).map(|entity| entity.register()));
    }
    registers.dedup();
    assert_eq!(registers.len(), 1, "{registers:?}");
    assert_eq!(a.owner(id), b.owner(id));
    assert_eq!(a.link_stats(B).unwrap().backlog, 0);
    assert_eq!(b.link_stats(A).unwrap().backlog, 0);
}

#[test]
fn level_that_was_not_loaded_belongs_to_the_peer_that_has_it() {
    let values = [(place(), Value::Numbers(&[1, 0]))];
    let [mut a, mut b] = pair();
    let id = a.place(Policy::OnRequest, 4, &values).unwrap();
    b.place(Policy::OnRequest, 4, &values).unwrap();
    a.claim(id).unwrap();
    move_to(&mut a, id, 9);
    meet(&mut a, &mut b);
    assert_eq!((b.owner(id), x_of(&b, id)), (Some(A), Some(9)));
    // The next session of `a` never loads the level. A peer that has missed the claim of `a` sends an earlier
    // owner first.
    let mut again = restart(&mut b);
    let index = again.world.enter(id).unwrap();
    let claim = Claim::new(id, ClaimKind::Spawned, 0, 0, Some(PeerId::from_u128(0)));
    again.operate(index, |ownership| {
        let register = Register::Alive(claim.unwrap());
        ownership.receive(B, register, Duration::ZERO).1
    });
    meet(&mut again, &mut b);
    for session in [&again, &b] {
        assert_eq!((session.owner(id), x_of(session, id)), (Some(B), Some(9)));
    }
    move_to(&mut b, id, 10);
    for seq in 6..9 {
        exchange(&mut b, &mut again, seq, 900);
    }
    assert_eq!(x_of(&again, id), Some(10));
}
