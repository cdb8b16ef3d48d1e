use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn peer(n: u128) -> PeerId {
    PeerId(Uuid::from_u128(n))
}

fn key(name: &str, next: usize) -> RoomKey {
    RoomKey {
        name: name.into(),
        next: NonZeroUsize::new(next),
    }
}

/// Joins and says who heard of it.
fn join(registry: &mut Registry, n: u128, key: RoomKey) -> Vec<PeerId> {
    let [assigned, announced] = registry.join(peer(n), key).unwrap();
    assert_eq!(assigned.event, PeerEvent::IdAssigned(peer(n)));
    assert_eq!(assigned.to, [peer(n)]);
    assert_eq!(announced.event, PeerEvent::NewPeer(peer(n)));
    announced.to
}

/// Leaves and says who heard of it.
fn leave(registry: &mut Registry, n: u128) -> Vec<PeerId> {
    let left = registry.leave(peer(n)).unwrap();
    assert_eq!(left.event, PeerEvent::PeerLeft(peer(n)));
    left.to
}

fn hear_each_other(registry: &Registry, a: PeerId, b: PeerId) -> bool {
    let data = serde_json::value::to_raw_value("hi").unwrap();
    let delivery = registry.route(a, b, Payload(&data));
    if let Some(delivery) = &delivery {
        let (sender, data) = (a, Payload(&data));
        assert_eq!(delivery.event, PeerEvent::Signal { sender, data });
        assert_eq!(delivery.to, [b]);
    }
    delivery.is_some()
}

#[test]
fn members_hear_of_a_newcomer_and_of_its_leaving() {
    let mut registry = Registry::new(100, 64);
    assert_eq!(join(&mut registry, 1, key("a", 0)), []);
    assert_eq!(join(&mut registry, 2, key("a", 0)), [peer(1)]);
    assert_eq!(join(&mut registry, 3, key("a", 0)), [peer(1), peer(2)]);
    assert_eq!(leave(&mut registry, 2), [peer(1), peer(3)]);
    assert_eq!(leave(&mut registry, 1), [peer(3)]);
    assert_eq!(leave(&mut registry, 3), []);
    assert_eq!(registry.leave(peer(3)), None);
    assert_eq!((registry.rooms(), registry.peers()), (0, 0));
}

#[test]
fn signals_stay_in_the_room() {
    let mut registry = Registry::new(100, 64);
    join(&mut registry, 1, key("a", 0));
    join(&mut registry, 2, key("a", 0));
    join(&mut registry, 3, key("b", 0));
    assert!(hear_each_other(&registry, peer(1), peer(2)));
    assert!(!hear_each_other(&registry, peer(1), peer(3)));
    assert!(!hear_each_other(&registry, peer(1), peer(9)));
    leave(&mut registry, 2);
    assert!(!hear_each_other(&registry, peer(1), peer(2)));
    assert!(!hear_each_other(&registry, peer(2), peer(1)));
}

#[test]
fn a_waiting_member_that_leaves_frees_its_place() {
    let mut registry = Registry::new(100, 64);
    join(&mut registry, 1, key("a", 2));
    assert_eq!(leave(&mut registry, 1), []);
    assert_eq!(join(&mut registry, 2, key("a", 2)), []);
    assert_eq!(join(&mut registry, 3, key("a", 2)), [peer(2)]);
    assert_eq!(join(&mut registry, 4, key("a", 2)), []);
    assert_eq!(leave(&mut registry, 3), [peer(2)]);
    // A sealed group does not take anybody in, the waiting one does.
    assert_eq!(join(&mut registry, 5, key("a", 2)), [peer(4)]);
    // The last member of a sealed group has nobody left to tell.
    assert_eq!(leave(&mut registry, 2), []);
}

#[test]
fn groups_of_one_are_always_alone() {
    let mut registry = Registry::new(100, 64);
    assert_eq!(join(&mut registry, 1, key("a", 1)), []);
    assert_eq!(join(&mut registry, 2, key("a", 1)), []);
    assert_eq!(registry.rooms(), 2);
}

#[test]
fn a_full_room_or_server_takes_nobody_until_somebody_leaves() {
    let mut registry = Registry::new(3, 2);
    join(&mut registry, 1, key("a", 0));
    join(&mut registry, 2, key("a", 0));
    let refused = registry.join(peer(3), key("a", 0));
    assert_eq!(refused.unwrap_err(), Full::Room);
    join(&mut registry, 3, key("b", 0));
    let refused = registry.join(peer(4), key("c", 0));
    assert_eq!(refused.unwrap_err(), Full::Server);
    assert_eq!((registry.rooms(), registry.peers()), (2, 3));
    leave(&mut registry, 1);
    assert_eq!(join(&mut registry, 4, key("a", 0)), [peer(2)]);
}

#[derive(Debug, Clone)]
enum Step {
    Join {
        name: usize,
        next: usize,
    },
    /// Whoever is at this index, modulo the number of peers there are.
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let join = (0..3_usize, 0..5_usize).prop_map(|(name, next)| Step::Join { name, next });
    let leave = any::<usize>().prop_map(Step::Leave);
    prop::collection::vec(prop_oneof![3 => join, 2 => leave], 1..100)
}

/// What the peers were told, and the promises checked against it.
#[derive(Default)]
struct World {
    present: Vec<PeerId>,
    keys: HashMap<PeerId, RoomKey>,
    /// Pairs announced, the earlier member first.
    announced: HashSet<(PeerId, PeerId)>,
    sealed: HashSet<PeerId>,
}

const MAX_MEMBERS: usize = 4;

impl World {
    fn mates(&self, peer: PeerId) -> HashSet<PeerId> {
        let known = |&other: &PeerId| {
            self.announced.contains(&(other, peer)) || self.announced.contains(&(peer, other))
        };
        self.present.iter().copied().filter(known).collect()
    }

    fn join(&mut self, registry: &mut Registry, peer: PeerId, key: RoomKey) {
        let same_room = |world: &Self| {
            let same = |other: &&PeerId| world.keys.get(other) == Some(&key);
            world.present.iter().filter(same).count()
        };
        let Ok([assigned, announced]) = registry.join(peer, key.clone()) else {
            assert_eq!(key.next, None, "a group is never full for a newcomer");
            assert_eq!(same_room(self), MAX_MEMBERS, "refused too early");
            return;
        };
        assert_eq!(assigned.event, PeerEvent::IdAssigned(peer));
        assert_eq!(assigned.to, [peer]);
        assert_eq!(announced.event, PeerEvent::NewPeer(peer));
        assert!(announced.to.len() < MAX_MEMBERS, "let in too many");
        for &member in &announced.to {
            assert_eq!(self.keys[&member], key, "heard of another room");
            assert!(!self.sealed.contains(&member), "a sealed group grew");
            assert!(self.announced.insert((member, peer)), "announced twice");
        }
        self.present.push(peer);
        self.keys.insert(peer, key.clone());
        match key.next {
            None => assert_eq!(announced.to.len(), same_room(self) - 1),
            Some(size) if announced.to.len() + 1 == size.get() => {
                self.sealed.insert(peer);
                self.sealed.extend(announced.to);
            }
            Some(_) => {}
        }
    }

    fn leave(&mut self, registry: &mut Registry, index: usize) {
        if self.present.is_empty() {
            return;
        }
        let peer = self.present.swap_remove(index % self.present.len());
        let left = registry.leave(peer).unwrap();
        assert_eq!(left.event, PeerEvent::PeerLeft(peer));
        let told: HashSet<_> = left.to.iter().copied().collect();
        assert_eq!(told.len(), left.to.len(), "told twice");
        assert_eq!(told, self.mates(peer));
    }

    fn check(&self, registry: &Registry) {
        assert_eq!(registry.peers(), self.present.len());
        let mut waiting = HashMap::<&RoomKey, usize>::new();
        for &peer in &self.present {
            let mates = self.mates(peer);
            for &other in &self.present {
                let together = other == peer || mates.contains(&other);
                assert_eq!(hear_each_other(registry, peer, other), together);
            }
            let key = &self.keys[&peer];
            if key.next.is_some() && !self.sealed.contains(&peer) {
                *waiting.entry(key).or_default() += 1;
            }
        }
        for (key, count) in waiting {
            let size = key.next.unwrap().get();
            assert!(count < size, "{count} wait for a group of {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn promises_hold_whoever_comes_and_goes(steps in steps()) {
        let mut registry = Registry::new(usize::MAX, MAX_MEMBERS);
        let mut world = World::default();
        for (n, step) in (0..).zip(steps) {
            match step {
                Step::Join { name, next } => {
                    world.join(&mut registry, peer(n), key(["a", "b", "c"][name], next));
                }
                Step::Leave(index) => world.leave(&mut registry, index),
            }
            world.check(&registry);
        }
        while !world.present.is_empty() {
            world.leave(&mut registry, 0);
        }
        prop_assert_eq!((registry.rooms(), registry.peers()), (0, 0));
        prop_assert!(registry.open.is_empty() && registry.groups.is_empty());
    }
}
