//! A peer that becomes the owner of an entity before it has the values.

use super::*;

const C: PeerId = PeerId::from_u128(3);
const D: PeerId = PeerId::from_u128(4);

fn open(x: &mut SnapshotSession, y: &mut SnapshotSession) {
    x.link_opened(y.local);
    y.link_opened(x.local);
}

#[test]
fn next_host_publishes_the_values_that_it_takes_over() {
    let [mut a, mut b, mut c, mut d] = [A, B, C, D].map(|id| unlimited(id, layout()));
    open(&mut a, &mut c);
    a.set_host(Some(A));
    c.set_host(Some(A));
    let id = spawn(&mut a, Policy::Host, 1);
    exchange(&mut a, &mut c, 0, 900);
    open(&mut b, &mut c);
    open(&mut b, &mut d);
    exchange(&mut b, &mut d, 0, 900);
    c.link_lost(A);
    for session in [&mut b, &mut c, &mut d] {
        session.set_host(Some(B));
    }
    exchange(&mut c, &mut b, 0, 900);
    assert_eq!((b.owner(id), x_of(&b, id)), (Some(B), Some(1)));
    exchange(&mut b, &mut d, 1, 900);
    exchange(&mut b, &mut c, 0, 900);
    for session in [&c, &d] {
        assert_eq!((session.owner(id), x_of(session, id)), (Some(B), Some(1)));
    }
}

#[test]
fn new_owner_publishes_a_gift_whose_values_come_after_the_register() {
    let [mut a, mut b, mut c, mut d] = [A, B, C, D].map(|id| unlimited(id, layout()));
    open(&mut a, &mut b);
    open(&mut a, &mut c);
    open(&mut b, &mut c);
    open(&mut b, &mut d);
    let id = spawn(&mut a, Policy::OnRequest, 1);
    exchange(&mut a, &mut c, 0, 900);
    a.give(id, B).unwrap();
    let state = packet(&mut a, &b, 0, 900);
    // The third peer learns of the gift, and loses its values.
    exchange(&mut a, &mut c, 1, 900);
    let index = c.world.index(id).unwrap();
    let entity = c.world.get_mut(index).unwrap();
    entity.values = None;
    exchange(&mut c, &mut b, 0, 900);
    assert_eq!((b.owner(id), x_of(&b, id)), (Some(B), None));
    exchange(&mut b, &mut d, 0, 900);
    receive(&mut b, A, 0, &state);
    assert_eq!((b.owner(id), x_of(&b, id)), (Some(B), Some(1)));
    exchange(&mut b, &mut d, 1, 900);
    assert_eq!((d.owner(id), x_of(&d, id)), (Some(B), Some(1)));
}

#[test]
fn host_takes_over_the_entities_of_its_earlier_session() {
    let [mut a, mut b] = pair();
    b.set_host(Some(B));
    // `a` spawns an entity of the host, which leaves the room before it takes the entity over.
    let id = spawn(&mut a, Policy::Host, 1);
    b.set_host(None);
    exchange(&mut a, &mut b, 0, 900);
    assert_eq!((b.owner(id), x_of(&b, id)), (Some(A), Some(1)));
    b.link_lost(A);
    let mut again = SnapshotSession::new(A, layout(), 77_000);
    again.set_budget_options(BudgetOptions::UNLIMITED);
    open(&mut again, &mut b);
    for session in [&mut again, &mut b] {
        session.set_host(Some(A));
    }
    exchange(&mut b, &mut again, 0, 900);
    assert_eq!((again.owner(id), x_of(&again, id)), (Some(A), Some(1)));
    move_to(&mut again, id, 2);
    exchange(&mut again, &mut b, 0, 900);
    assert_eq!(x_of(&b, id), Some(2));
}

#[test]
fn host_takes_over_values_that_it_has_received_before_its_election() {
    let [mut a, mut b, mut c] = [A, B, C].map(|id| unlimited(id, layout()));
    open(&mut a, &mut c);
    open(&mut b, &mut c);
    a.set_host(Some(A));
    c.set_host(Some(A));
    let id = spawn(&mut a, Policy::Host, 1);
    exchange(&mut a, &mut c, 0, 900);
    c.link_lost(A);
    c.set_host(Some(B));
    exchange(&mut c, &mut b, 0, 900);
    assert_eq!(x_of(&b, id), None);
    b.set_host(Some(B));
    assert_eq!((b.owner(id), x_of(&b, id)), (Some(B), Some(1)));
    exchange(&mut b, &mut c, 0, 900);
    assert_eq!((c.owner(id), x_of(&c, id)), (Some(B), Some(1)));
}
