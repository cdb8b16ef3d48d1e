//! Two sessions and the packets between them, in an order that the simulation rarely has.

mod limits;
mod restarts;
mod restricted;
mod takeovers;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use fastrand::Rng;
use huddle_id::PeerId;

use super::{NewEntity, RemovalReason, SnapshotEvent, SnapshotSession};
use crate::{
    budget::BudgetOptions,
    claim::Policy,
    column::Field,
    id::EntityId,
    layout::{ComponentId, Layout, Shape},
    numbering::MAX_COUNT,
    visibility::Visibility,
    world::{Index, Value},
};

const A: PeerId = PeerId::from_u128(1);
const B: PeerId = PeerId::from_u128(2);

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

fn text() -> ComponentId {
    layout().id("text").unwrap()
}

/// Two sessions with a link.
fn pair() -> [SnapshotSession; 2] {
    let mut both = [A, B].map(|id| unlimited(id, layout()));
    link(&mut both);
    both
}

fn link([a, b]: &mut [SnapshotSession; 2]) {
    a.link_opened(b.local);
    b.link_opened(a.local);
}

fn spawn(session: &mut SnapshotSession, policy: Policy, x: i32) -> EntityId {
    let values = [(place(), Value::Numbers(&[x, 0]))];
    session.spawn(NewEntity::new(policy), &values).unwrap()
}

fn move_to(session: &mut SnapshotSession, id: EntityId, x: i32) {
    session.set(id, place(), Value::Numbers(&[x, 0])).unwrap();
}

fn x_of(session: &SnapshotSession, id: EntityId) -> Option<i32> {
    match session.get(id, place())? {
        Value::Numbers(numbers) => numbers.first().copied(),
        Value::Blob(_) => None,
    }
}

/// Writes a packet, if there is anything to send.
fn packet(from: &mut SnapshotSession, to: &SnapshotSession, seq: u64, space: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.write(to.local, seq, seq as u32, space, &mut bytes);
    assert!(bytes.len() <= space, "{} of {space} bytes", bytes.len());
    bytes
}

fn receive(to: &mut SnapshotSession, from: PeerId, seq: u64, bytes: &[u8]) {
    if !bytes.is_empty() {
        assert_eq!(to.receive(from, seq, seq as u32, bytes), Ok(()));
    }
}

/// Sends a packet that arrives, and the ack for it. Returns the length of the packet.
fn exchange(from: &mut SnapshotSession, to: &mut SnapshotSession, seq: u64, space: usize) -> usize {
    let bytes = packet(from, to, seq, space);
    receive(to, from.local, seq, &bytes);
    from.delivered(to.local, seq);
    bytes.len()
}

#[test]
fn entity_is_hidden_again_from_a_peer_that_gives_it_back() {
    let [mut a, mut b] = pair();
    let id = spawn(&mut a, Policy::ByTouch, 1);
    exchange(&mut a, &mut b, 0, 900);
    a.set_visibility(id, Visibility::Only(BTreeSet::new()))
        .unwrap();
    let hidden = packet(&mut a, &b, 1, 900);
    b.touch(id).unwrap();
    b.give(id, A).unwrap();
    exchange(&mut b, &mut a, 0, 900);
    // The ack for the first hidden record arrives after the gift.
    receive(&mut b, A, 1, &hidden);
    a.delivered(B, 1);
    exchange(&mut a, &mut b, 2, 900);
    assert_eq!(x_of(&b, id), None);
}

#[test]
fn values_that_were_lost_before_a_register_are_sent_again() {
    let [mut a, mut b] = pair();
    let id = spawn(&mut a, Policy::ByTouch, 1);
    exchange(&mut a, &mut b, 0, 900);
    b.touch(id).unwrap();
    move_to(&mut b, id, 7);
    let older = packet(&mut b, &a, 0, 900);
    a.hold(id).unwrap();
    move_to(&mut a, id, 2);
    let lost = packet(&mut a, &b, 1, 900);
    assert!(!lost.is_empty());
    // The answer contains the register only.
    receive(&mut a, B, 0, &older);
    assert!(exchange(&mut a, &mut b, 2, 900) > 0);
    // The state that `a` sent before is not of this claim.
    assert_eq!((b.owner(id), x_of(&b, id)), (Some(A), Some(7)));
    a.lost(B, 1);
    exchange(&mut a, &mut b, 3, 900);
    assert_eq!(x_of(&b, id), Some(2));
}

#[test]
fn state_that_arrives_late_is_hidden_again() {
    let [mut a, mut b] = pair();
    let id = spawn(&mut a, Policy::Fixed, 1);
    exchange(&mut a, &mut b, 0, 900);
    let nobody = Visibility::Only(BTreeSet::new());
    a.set_visibility(id, nobody.clone()).unwrap();
    let hidden = packet(&mut a, &b, 1, 900);
    a.set_visibility(id, Visibility::All).unwrap();
    let late = packet(&mut a, &b, 2, 900);
    a.lost(B, 2);
    receive(&mut b, A, 1, &hidden);
    a.delivered(B, 1);
    a.set_visibility(id, nobody).unwrap();
    let hidden = packet(&mut a, &b, 3, 900);
    receive(&mut b, A, 2, &late);
    assert_eq!(x_of(&b, id), Some(1));
    receive(&mut b, A, 3, &hidden);
    assert_eq!(x_of(&b, id), None);
}

#[test]
fn small_packets_have_room_for_the_names_of_peers() {
    for space in [48, 60, 100] {
        let mut a = unlimited(A, layout());
        let mut ids = Vec::new();
        for n in 10..20 {
            let mut creator = unlimited(PeerId::from_u128(n << 64 | n), layout());
            creator.link_opened(A);
            a.link_opened(creator.local);
            let id = spawn(&mut creator, Policy::ByTouch, 1);
            exchange(&mut creator, &mut a, 0, 900);
            a.touch(id).unwrap();
            ids.push(id);
        }
        let mut both = [a, unlimited(B, layout())];
        link(&mut both);
        let [mut a, mut b] = both;
        for seq in 0..40 {
            exchange(&mut a, &mut b, seq, space);
        }
        assert!(ids.iter().all(|id| x_of(&b, *id) == Some(1)), "{space}");
    }
}

#[test]
fn record_that_does_not_fit_does_not_delay_the_others() {
    let [mut a, mut b] = pair();
    let mut rng = Rng::with_seed(1);
    let blob: Vec<u8> = (0..400).map(|_| rng.u8(..)).collect();
    let long = NewEntity::new(Policy::Fixed);
    let long = a.spawn(long, &[(text(), Value::Blob(&blob))]).unwrap();
    a.set_importance(long, 100.0).unwrap();
    let ids: Vec<_> = (0..50).map(|x| spawn(&mut a, Policy::Fixed, x)).collect();
    for seq in 0..100 {
        exchange(&mut a, &mut b, seq, 100);
    }
    assert!(ids.iter().all(|id| x_of(&b, *id).is_some()));
    assert!(b.get(long, text()).is_none());
    for seq in 100..120 {
        exchange(&mut a, &mut b, seq, 600);
    }
    assert_eq!(b.get(long, text()), Some(Value::Blob(&blob)));
}

#[test]
fn surprising_record_does_not_exceed_the_packet() {
    let flag = || Shape::Fields(vec![Field::Flag]);
    let components = (0..128).map(|n| (format!("{n:03}"), flag()));
    let layout = Layout::new(components).unwrap();
    let all: Vec<_> = layout.iter().map(|(id, _)| id).take(87).collect();
    let mut both = [A, B].map(|id| unlimited(id, layout.clone()));
    link(&mut both);
    let [mut a, mut b] = both;
    let values: Vec<_> = all.iter().map(|id| (*id, Value::Numbers(&[1]))).collect();
    for seq in 0..240 {
        for _ in 0..30 {
            a.spawn(NewEntity::default(), &values).unwrap();
        }
        exchange(&mut a, &mut b, seq, 900);
    }
    // None of what all others have.
    let id = a.spawn(NewEntity::default(), &[]).unwrap();
    for (seq, space) in (240..).zip(104..160) {
        exchange(&mut a, &mut b, seq, space);
    }
    assert!(b.components(id).is_some());
}

#[test]
fn despawn_that_a_peer_refuses_breaks_no_later_packet() {
    let [mut a, mut b] = pair();
    a.set_host(Some(A));
    b.set_host(Some(A));
    let id = spawn(&mut a, Policy::Host, 1);
    let other = spawn(&mut b, Policy::Fixed, 0);
    let (mut to_a, mut to_b) = (0, 0);
    let mut run = |a: &mut SnapshotSession, b: &mut SnapshotSession, ticks: u64| {
        for _ in 0..ticks {
            let now = b.now + Duration::from_millis(100);
            a.advance(now);
            b.advance(now);
            move_to(b, other, (to_a % 900) as i32);
            exchange(a, b, to_b, 900);
            exchange(b, a, to_a, 900);
            (to_a, to_b) = (to_a + 1, to_b + 1);
        }
    };
    run(&mut a, &mut b, 200);
    assert_eq!(x_of(&b, id), Some(1));
    // Only `b` knows that it is the host.
    b.set_host(Some(B));
    b.despawn(id).unwrap();
    let fixed = spawn(&mut a, Policy::Fixed, 3);
    run(&mut a, &mut b, 100);
    for x in 0..100 {
        move_to(&mut a, fixed, x);
        run(&mut a, &mut b, 1);
    }
    assert_eq!(x_of(&a, id), Some(1), "`a` is the host in its own view");
    move_to(&mut a, id, 2);
    run(&mut a, &mut b, 20);
    a.set_host(Some(B));
    run(&mut a, &mut b, 20);
    assert_eq!((x_of(&a, id), x_of(&b, id)), (None, None));
    assert_eq!(b.stats().undecodable, 0);
}

#[test]
fn packets_between_snapshots_do_not_make_them_longer() {
    let len = |first: u64, stride: u64| -> usize {
        let [mut a, mut b] = pair();
        let ids: Vec<_> = (0..30).map(|x| spawn(&mut a, Policy::Fixed, x)).collect();
        let send = |n: u64| {
            ids.iter()
                .for_each(|id| move_to(&mut a, *id, (n * n % 1000) as i32));
            exchange(&mut a, &mut b, first + n * stride, 900)
        };
        (0..100).map(send).sum()
    };
    let shortest = len(0, 1);
    for (first, stride) in [(1, 2), (3, 4), (2, 4), (1, 6), (5, 8)] {
        let len = len(first, stride);
        assert!(
            len < shortest * 5 / 4,
            "{len} of {shortest} bytes: {first} {stride}"
        );
    }
}

#[test]
fn entities_keep_their_priority_when_the_tick_wraps() {
    let [mut a, mut b] = pair();
    let ids: Vec<_> = (0..60).map(|x| spawn(&mut a, Policy::Fixed, x)).collect();
    let mut send = |seq: u64, x: i32| {
        ids.iter().for_each(|id| move_to(&mut a, *id, x));
        let mut bytes = Vec::new();
        let tick = (u32::MAX - 40).wrapping_add(seq as u32);
        assert!(a.write(B, seq, tick, 40, &mut bytes));
        b.receive(A, seq, tick, &bytes).unwrap();
        a.delivered(B, seq);
    };
    (0..200).for_each(|seq| send(seq, 7 * seq as i32 % 1000));
    assert!(ids.iter().all(|id| x_of(&b, *id).is_some()));
}

#[test]
fn entities_of_a_peer_that_left_take_no_memory() {
    let mut a = unlimited(A, layout());
    for n in 0..40 {
        let mut guest = unlimited(PeerId::from_u128(100 + n), layout());
        guest.link_opened(A);
        a.link_opened(guest.local);
        for x in 0..50 {
            spawn(&mut guest, Policy::Fixed, x);
        }
        for seq in 0..4 {
            exchange(&mut guest, &mut a, seq, 900);
        }
        assert_eq!(a.entities().count(), 50);
        a.link_lost(guest.local);
        a.set_members([]);
        for _ in 0..30 {
            a.advance(a.now + Duration::from_millis(16));
        }
        assert_eq!(a.entities().count(), 0);
    }
    assert!(a.places() < 200, "{}", a.places());
}

#[test]
fn no_entity_starves_in_small_packets() {
    for (space, lost) in [(60, 0), (100, 5), (200, 3)] {
        let [mut a, mut b] = pair();
        let ids: Vec<_> = (0..300).map(|x| spawn(&mut a, Policy::Fixed, x)).collect();
        a.set_importance(ids[7], 10.0).unwrap();
        let mut rng = Rng::with_seed(space as u64);
        let mut updated = vec![0; ids.len()];
        let (mut longest, mut count) = (0, 0);
        for seq in 0..1500 {
            for id in &ids {
                move_to(&mut a, *id, rng.i32(0..1000));
            }
            let bytes = packet(&mut a, &b, seq, space);
            assert!(!bytes.is_empty());
            if lost > 0 && rng.u64(..lost) == 0 {
                a.lost(B, seq);
                continue;
            }
            receive(&mut b, A, seq, &bytes);
            a.delivered(B, seq);
            while let Some(event) = b.poll() {
                let (SnapshotEvent::Spawned { id, .. } | SnapshotEvent::Changed { id, .. }) = event
                else {
                    continue;
                };
                let at = ids.iter().position(|it| *it == id).unwrap();
                longest = longest.max(seq - updated[at]);
                updated[at] = seq;
                count += 1;
            }
        }
        let oldest = updated.iter().map(|seq| 1500 - seq).max().unwrap();
        let turn = 1500 * 300 / count;
        let longest = longest.max(oldest);
        assert!(longest < 6 * turn + 20, "{longest} of {turn}: {space}");
    }
}

#[test]
fn owner_receives_a_despawn_from_a_peer_that_sees_its_entity() {
    // `a` hides its entity from `c`, which despawns the entity.
    let [a, b, c] = [1, 2, 3].map(PeerId::from_u128);
    let mut all = [a, b, c].map(|id| unlimited(id, layout()));
    let mut seqs = [0; 3];
    let mut run = |all: &mut [SnapshotSession; 3], links: &[(usize, usize)]| {
        for _ in 0..4 {
            for &(from, to) in links {
                let mut bytes = Vec::new();
                let receiver = all[to].local;
                let seq = seqs[from];
                all[from].write(receiver, seq, 0, 900, &mut bytes);
                let sender = all[from].local;
                receive(&mut all[to], sender, seq, &bytes);
                all[from].delivered(receiver, seq);
                seqs[from] += 1;
            }
        }
    };
    let open = |all: &mut [SnapshotSession; 3], one: usize, two: usize| {
        let ids = [one, two].map(|at| all[at].local);
        all[one].link_opened(ids[1]);
        all[two].link_opened(ids[0]);
    };
    open(&mut all, 0, 2);
    let id = spawn(&mut all[0], Policy::ByTouch, 1);
    run(&mut all, &[(0, 2), (2, 0)]);
    // They lose each other. Meanwhile `c` takes the entity and despawns it.
    all[0].link_lost(c);
    all[2].link_lost(a);
    all[2].touch(id).unwrap();
    all[2].despawn(id).unwrap();
    all[0]
        .set_visibility(id, Visibility::Only(BTreeSet::from([b])))
        .unwrap();
    open(&mut all, 0, 1);
    run(&mut all, &[(0, 1), (1, 0)]);
    assert_eq!(x_of(&all[1], id), Some(1));
    // A new session of `c` knows only that the entity is dead.
    open(&mut all, 1, 2);
    all[2]
        .links
        .get_mut(&b)
        .unwrap()
        .outgoing
        .ask(all[2].world.index(id).unwrap(), None);
    run(&mut all, &[(0, 1), (1, 0), (1, 2), (2, 1)]);
    assert_eq!(x_of(&all[1], id), None);
    assert_eq!(x_of(&all[0], id), None);
}

#[test]
fn packets_that_are_late_find_their_baseline() {
    for gap in 28..=36 {
        for late in 28..=32 {
            let [mut a, mut b] = pair();
            let id = spawn(&mut a, Policy::Fixed, 1);
            let other = spawn(&mut a, Policy::Fixed, 1);
            exchange(&mut a, &mut b, 0, 900);
            let mut held = (0, Vec::new());
            let second = 10 + gap;
            for seq in 10..=second + late {
                move_to(&mut a, other, seq as i32);
                if seq == 10 || seq == second {
                    move_to(&mut a, id, seq as i32);
                }
                let bytes = packet(&mut a, &b, seq, 900);
                match seq {
                    // The ack for the first one is lost.
                    10 => receive(&mut b, A, seq, &bytes),
                    seq if seq == second => held = (seq, bytes),
                    _ => {
                        receive(&mut b, A, seq, &bytes);
                        a.delivered(B, seq);
                    }
                }
            }
            receive(&mut b, A, held.0, &held.1);
            assert_eq!(x_of(&b, id), Some(second as i32), "{gap} {late}");
        }
    }
}

#[test]
fn packets_that_are_late_find_their_earlier_state() {
    for gap in 28..=36 {
        for (late, between) in [(28, 1), (31, 5), (32, 1), (32, 20)] {
            let [mut a, mut b] = pair();
            let id = spawn(&mut a, Policy::Fixed, 1);
            let other = spawn(&mut a, Policy::Fixed, 1);
            exchange(&mut a, &mut b, 0, 900);
            let mut held = (0, Vec::new());
            let last = 10 + gap;
            for seq in 10..=last + late {
                move_to(&mut a, other, seq as i32);
                if [10, 10 + between, last].contains(&seq) {
                    move_to(&mut a, id, 3 * seq as i32);
                }
                let bytes = packet(&mut a, &b, seq, 900);
                if seq == last {
                    held = (seq, bytes);
                    continue;
                }
                receive(&mut b, A, seq, &bytes);
                a.delivered(B, seq);
            }
            receive(&mut b, A, held.0, &held.1);
            assert_eq!(x_of(&b, id), Some(3 * last as i32), "{gap} {late}");
        }
    }
}

#[test]
fn packets_that_are_too_late_change_nothing() {
    let [mut a, mut b] = pair();
    let id = spawn(&mut a, Policy::Fixed, 1);
    exchange(&mut a, &mut b, 0, 900);
    let late = spawn(&mut a, Policy::Fixed, 2);
    let bytes = packet(&mut a, &b, 1, 900);
    for seq in 2..=34 {
        move_to(&mut a, id, seq as i32);
        exchange(&mut a, &mut b, seq, 900);
    }
    assert_eq!(b.receive(A, 1, 1, &bytes), Ok(()));
    assert_eq!(x_of(&b, late), None);
}

#[test]
fn host_takes_over_the_values_when_the_first_packet_is_late() {
    let mut creator = unlimited(PeerId::from_u128(3), layout());
    let [mut a, mut b] = pair();
    creator.link_opened(A);
    a.link_opened(creator.local);
    a.set_host(Some(A));
    let id = spawn(&mut creator, Policy::Host, 1);
    exchange(&mut creator, &mut a, 0, 900);
    assert_eq!(a.owner(id), Some(A));
    let late = packet(&mut a, &b, 0, 900);
    move_to(&mut a, id, 2);
    let newest = packet(&mut a, &b, 1, 900);
    // `b` does not know a host, and then it is the host.
    receive(&mut b, A, 1, &newest);
    assert_eq!(x_of(&b, id), None);
    b.set_host(Some(B));
    receive(&mut b, A, 0, &late);
    assert_eq!((b.owner(id), x_of(&b, id)), (Some(B), Some(2)));
}

#[test]
fn peer_that_joins_again_uses_other_ids() {
    let [mut a, mut b] = pair();
    let old: Vec<_> = (0..3).map(|x| spawn(&mut a, Policy::Fixed, x)).collect();
    a.despawn(old[0]).unwrap();
    exchange(&mut a, &mut b, 0, 900);
    a.despawn(old[1]).unwrap();
    exchange(&mut a, &mut b, 1, 900);
    b.link_lost(A);
    // The session that joins again knows nothing of the earlier one.
    let mut again = SnapshotSession::new(A, layout(), 77_000);
    again.link_opened(B);
    b.link_opened(A);
    let new: Vec<_> = (0..3)
        .map(|x| spawn(&mut again, Policy::Fixed, 10 + x))
        .collect();
    exchange(&mut again, &mut b, 0, 900);
    for (id, x) in new.iter().zip(10..) {
        assert!(!old.contains(id), "{id}");
        assert_eq!(x_of(&b, *id), Some(x));
    }
}

#[test]
fn counts_wrap_around_and_skip_known_entities() {
    let mut a = SnapshotSession::new(A, layout(), MAX_COUNT - 2);
    let mut earlier = SnapshotSession::new(A, layout(), MAX_COUNT - 1);
    let known = spawn(&mut earlier, Policy::Fixed, 0);
    let dead = spawn(&mut earlier, Policy::Fixed, 0);
    a.enter(known, &[(place(), Value::Numbers(&[1, 1]))])
        .unwrap();
    a.world.bury(dead);
    let ids = [(); 3].map(|()| spawn(&mut a, Policy::Fixed, 0));
    assert_eq!(ids.map(|id| id.number), [MAX_COUNT - 2, 1, 2]);
}

#[test]
fn random_start_hardly_lengthens_packets() {
    let len = |start: u32| -> usize {
        let [_, mut b] = pair();
        let mut a = SnapshotSession::new(A, layout(), start);
        a.set_budget_options(BudgetOptions::UNLIMITED);
        a.link_opened(B);
        let policies = [Policy::Fixed, Policy::ByTouch, Policy::Fixed];
        let ids = policies.map(|policy| spawn(&mut a, policy, 1));
        let send = |seq: u64| {
            move_to(&mut a, ids[seq as usize % 3], (seq * seq % 1000) as i32);
            exchange(&mut a, &mut b, seq, 900)
        };
        (0..300).map(send).sum()
    };
    let (shortest, random) = (len(0), len(0x5a82_7999));
    assert!(random <= shortest + 300, "{random} of {shortest} bytes");
}
