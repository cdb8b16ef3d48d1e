//! Peers that break the rules. The encoder of each is honest, but its session is not.

mod reconnects;

use std::{sync::Arc, time::Duration};

use huddle_id::PeerId;

use super::{NewEntity, SnapshotEvent, SnapshotSession, link::Link};
use crate::{
    budget::{BudgetOptions, LinkBudget},
    claim::{OwnerGone, Policy},
    column::Field,
    id::EntityId,
    layout::{ComponentId, Layout, Shape},
    link::DecodeError,
    numbering::{MAX_COUNT, number},
    world::Value,
};

const HONEST: PeerId = PeerId::from_u128(1);
const OTHER: PeerId = PeerId::from_u128(2);
const HOSTILE: PeerId = PeerId::from_u128(3);

fn layout() -> Layout {
    let place = Field::Vector {
        axes: 2,
        max: [1023, 1023, 0],
    };
    let components = [("place", Shape::Fields(vec![place])), ("text", Shape::Blob)];
    Layout::new(components.map(|(name, shape)| (name.to_owned(), shape))).unwrap()
}

/// Returns a session whose links send whatever fits into a packet.
fn unlimited(local: PeerId, layout: Layout) -> SnapshotSession {
    let mut session = SnapshotSession::new(local, layout, 0);
    session.set_budget_options(BudgetOptions::UNLIMITED);
    session
}

fn place() -> ComponentId {
    layout().id("place").unwrap()
}

fn spawn(session: &mut SnapshotSession, policy: Policy, x: i32) -> EntityId {
    let values = [(place(), Value::Numbers(&[x, 0]))];
    session.spawn(NewEntity::new(policy), &values).unwrap()
}

/// Returns a session that decides as `claimed`, while it sends packets as the hostile peer.
fn impersonate(claimed: PeerId, victim: PeerId) -> SnapshotSession {
    let mut session = unlimited(claimed, layout());
    let layout = Arc::clone(&session.layout);
    let budget = LinkBudget::new(BudgetOptions::UNLIMITED, 60.0, 0);
    let link = Link::new(HOSTILE, victim, &layout, budget, Duration::ZERO);
    session.links.insert(victim, link);
    session
}

/// Sends everything from the hostile peer. Returns the number of the next packet.
fn attack(hostile: &mut SnapshotSession, victim: &mut SnapshotSession, mut seq: u64) -> u64 {
    while hostile.link_stats(victim.local).unwrap().backlog > 0 {
        let mut bytes = Vec::new();
        if hostile.write(victim.local, seq, 0, 1100, &mut bytes) {
            victim.receive(HOSTILE, seq, 0, &bytes).unwrap();
        }
        hostile.delivered(victim.local, seq);
        seq += 1;
    }
    seq
}

fn advance(session: &mut SnapshotSession, frames: u32) {
    for _ in 0..frames {
        session.advance(session.now + Duration::from_millis(16));
    }
}

#[test]
fn peer_cannot_spawn_entities_of_the_local_peer() {
    for policy in [
        Policy::Fixed,
        Policy::OnRequest,
        Policy::ByTouch,
        Policy::Host,
    ] {
        let mut honest = unlimited(HONEST, layout());
        honest.link_opened(HOSTILE);
        let mut hostile = impersonate(HONEST, HONEST);
        spawn(&mut hostile, policy, 666);
        attack(&mut hostile, &mut honest, 0);
        assert_eq!(honest.entities().count(), 0, "{policy:?}");
        let id = spawn(&mut honest, policy, 5);
        let expected = Some(Value::Numbers(&[5, 0]));
        assert_eq!(honest.get(id, place()), expected, "{policy:?}");
        assert_eq!(honest.owner(id), Some(HONEST), "{policy:?}");
    }
}

#[test]
fn peer_cannot_kill_or_take_entities_that_are_not_spawned_yet() {
    for is_killed in [false, true] {
        let mut honest = unlimited(HONEST, layout());
        honest.link_opened(HOSTILE);
        // The hostile peer claims that it has received the entity, and touches it.
        let mut fake = unlimited(HONEST, layout());
        let mut hostile = unlimited(HOSTILE, layout());
        fake.link_opened(HOSTILE);
        hostile.link_opened(HONEST);
        let mut bytes = Vec::new();
        let taken = spawn(&mut fake, Policy::ByTouch, 666);
        fake.write(HOSTILE, 0, 0, 900, &mut bytes);
        hostile.receive(HONEST, 0, 0, &bytes).unwrap();
        hostile.touch(taken).unwrap();
        if is_killed {
            hostile.despawn(taken).unwrap();
        }
        attack(&mut hostile, &mut honest, 0);
        let id = spawn(&mut honest, Policy::ByTouch, 5);
        assert_eq!(honest.get(id, place()), Some(Value::Numbers(&[5, 0])));
        assert_eq!(honest.owner(id), Some(HONEST));
    }
}

#[test]
fn sequence_numbers_at_the_end_do_not_overflow() {
    let mut honest = unlimited(HONEST, layout());
    honest.link_opened(HOSTILE);
    let mut hostile = impersonate(HOSTILE, HONEST);
    let mut seqs = [
        u64::MAX - 40,
        u64::MAX - 1,
        u64::MAX,
        u64::MAX,
        0,
        u64::MAX - 3,
    ]
    .into_iter();
    spawn(&mut hostile, Policy::Fixed, 1);
    let mut bytes = Vec::new();
    assert!(hostile.write(HONEST, 1, 0, 900, &mut bytes));
    seqs.by_ref().for_each(|seq| {
        let _ = honest.receive(HOSTILE, seq, u32::MAX, &bytes);
        advance(&mut honest, 3);
    });
}

#[test]
fn longer_entities_than_the_local_peer_can_spawn_are_refused() {
    let components = (0..4).map(|n| (n.to_string(), Shape::Blob));
    let layout = Layout::new(components).unwrap();
    let mut honest = unlimited(HONEST, layout.clone());
    honest.link_opened(HOSTILE);
    let mut hostile = unlimited(HOSTILE, layout.clone());
    hostile.link_opened(HONEST);
    let id = hostile.spawn(NewEntity::default(), &[]).unwrap();
    let index = hostile.world.index(id).unwrap();
    let entity = hostile.world.get_mut(index).unwrap();
    let values = entity.values.as_mut().unwrap();
    for (id, _) in layout.iter() {
        values.set(&layout, id, Value::Blob(&[7; 500]));
    }
    let mut bytes = Vec::new();
    assert!(hostile.write(HONEST, 1, 0, 5000, &mut bytes));
    let result = honest.receive(HOSTILE, 1, 0, &bytes);
    assert_eq!(result, Err(DecodeError::OutOfRange));
}

#[test]
fn entities_without_values_do_not_wait_for_an_heir() {
    let mut honest = unlimited(HONEST, layout());
    honest.link_opened(HOSTILE);
    // Only the creator itself could send the values of these entities.
    let mut hostile = impersonate(OTHER, HONEST);
    for x in 0..2000 {
        spawn(&mut hostile, Policy::ByTouch, x % 1000);
    }
    attack(&mut hostile, &mut honest, 0);
    honest.set_members([HOSTILE]);
    advance(&mut honest, 2);
    assert_eq!(honest.vacant.len(), 0);
}

#[test]
fn changes_of_absent_owners_are_remembered_once() {
    let mut honest = unlimited(HONEST, layout());
    honest.link_opened(HOSTILE);
    let mut hostile = impersonate(HOSTILE, HONEST);
    let id = spawn(&mut hostile, Policy::ByTouch, 1);
    let mut seq = attack(&mut hostile, &mut honest, 0);
    let index = hostile.world.index(id).unwrap();
    for n in 0..200 {
        let absent = PeerId::from_u128(1000 + n);
        hostile.operate(index, |ownership| ownership.give(absent).unwrap());
        seq = attack(&mut hostile, &mut honest, seq);
        // Takes it back.
        hostile.hold(id).unwrap();
        seq = attack(&mut hostile, &mut honest, seq);
    }
    assert!(honest.vacant.len() <= 1, "{}", honest.vacant.len());
}

#[test]
fn invented_entities_take_no_memory_after_the_link() {
    let mut honest = unlimited(HONEST, layout());
    for _ in 0..10 {
        honest.link_opened(HOSTILE);
        let mut hostile = impersonate(OTHER, HONEST);
        hostile.spawned = (honest.places() * 7) as u32;
        for x in 0..1000 {
            spawn(&mut hostile, Policy::ByTouch, x);
        }
        attack(&mut hostile, &mut honest, 0);
        honest.link_lost(HOSTILE);
        honest.set_members([]);
        advance(&mut honest, 60);
    }
    assert!(honest.places() <= 2500, "{}", honest.places());
}

#[test]
fn records_about_entities_of_a_third_peer_change_nothing() {
    let mut honest = unlimited(HONEST, layout());
    let mut other = unlimited(OTHER, layout());
    other.link_opened(HONEST);
    honest.link_opened(OTHER);
    honest.link_opened(HOSTILE);
    let id = spawn(&mut other, Policy::Fixed, 5);
    let mut bytes = Vec::new();
    other.write(HONEST, 0, 0, 900, &mut bytes);
    honest.receive(OTHER, 0, 0, &bytes).unwrap();
    let mut hostile = impersonate(OTHER, HONEST);
    assert_eq!(spawn(&mut hostile, Policy::Fixed, 666), id);
    let next = spawn(&mut hostile, Policy::Fixed, 667);
    let seq = attack(&mut hostile, &mut honest, 0);
    hostile.despawn(id).unwrap();
    hostile.despawn(next).unwrap();
    attack(&mut hostile, &mut honest, seq);
    assert_eq!(honest.get(id, place()), Some(Value::Numbers(&[5, 0])));
    // The next entity is not dead, either.
    assert_eq!(spawn(&mut other, Policy::Fixed, 6), next);
    bytes.clear();
    other.write(HONEST, 1, 0, 900, &mut bytes);
    honest.receive(OTHER, 1, 0, &bytes).unwrap();
    assert_eq!(honest.get(next, place()), Some(Value::Numbers(&[6, 0])));
    let number = |count| number(Policy::Fixed, OwnerGone::Forget, count);
    assert_eq!((id.number, next.number), (number(0), number(1)));
    let events = std::iter::from_fn(|| honest.poll());
    let is_spawn = |event: &SnapshotEvent| matches!(event, SnapshotEvent::Spawned { .. });
    assert!(events.into_iter().all(|event| is_spawn(&event)));
}

#[test]
fn peer_invents_a_limited_number_of_entities() {
    let mut honest = unlimited(HONEST, layout());
    honest.link_opened(HOSTILE);
    let mut hostile = impersonate(OTHER, HONEST);
    for x in 0..40_000 {
        // It ignores the limit of an honest peer.
        hostile.own = 0;
        spawn(&mut hostile, Policy::Fixed, x % 1000);
    }
    let mut results = Vec::new();
    for seq in 0..400 {
        let mut bytes = Vec::new();
        if hostile.write(HONEST, seq, 0, 1100, &mut bytes) {
            results.push(honest.receive(HOSTILE, seq, 0, &bytes));
        }
        if results.last() == Some(&Ok(())) {
            hostile.delivered(HONEST, seq);
        }
    }
    assert_eq!(results.last(), Some(&Err(DecodeError::TooManyEntities)));
    assert!(honest.places() <= 1 << 15, "{}", honest.places());
    // Other peers still can.
    let mut other = unlimited(OTHER, layout());
    other.link_opened(HONEST);
    honest.link_opened(OTHER);
    let id = spawn(&mut other, Policy::ByTouch, 5);
    let mut bytes = Vec::new();
    other.write(HONEST, 0, 0, 900, &mut bytes);
    assert_eq!(honest.receive(OTHER, 0, 0, &bytes), Ok(()));
    assert_eq!(honest.get(id, place()), Some(Value::Numbers(&[5, 0])));
}

#[test]
fn entities_that_were_despawned_before_their_spawn_cost_no_time() {
    let mut honest = unlimited(HONEST, layout());
    honest.link_opened(HOSTILE);
    // The limit for dead entities makes one range of almost all numbers.
    let counts = (0..20_000).map(|n| n * (MAX_COUNT / 20_000));
    for count in counts {
        let number = number(Policy::ByTouch, OwnerGone::PassOn, count);
        honest.world.bury(EntityId::spawned(HONEST, number));
    }
    let id = spawn(&mut honest, Policy::ByTouch, 5);
    assert_eq!(honest.owner(id), Some(HONEST));
    assert!(honest.spawned > MAX_COUNT / 2, "{}", honest.spawned);
}
