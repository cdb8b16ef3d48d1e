use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::{join::MAX_LISTED, *};
use crate::message::{Event, Extension, Payload, Stage};

mod games;
mod group_names;

fn peer(n: u128) -> PeerId {
    PeerId(Uuid::from_u128(n))
}

fn key(name: &str, next: usize) -> RoomKey {
    RoomKey {
        app: String::new(),
        name: name.into(),
        next: NonZeroUsize::new(next),
    }
}

/// Returns the request of a stock client.
fn stock(key: RoomKey) -> JoinRequest {
    JoinRequest {
        key,
        has_extensions: false,
        group: None,
        resume: None,
        settings: SettingsChange::default(),
        access: Access::default(),
    }
}

fn registry(max_peers: usize, max_members: usize) -> Registry {
    let timing = Timing {
        request_interval: Duration::from_secs(2),
        silence_timeout: Duration::from_secs(5),
        link_timeout: Duration::from_secs(10),
    };
    let limits = Limits {
        max_peers,
        max_members,
        timing,
        resume_timeout: Duration::ZERO,
    };
    Registry::new(limits, GroupIds::new(&[]))
}

/// Returns the receivers of `event`, which occurs at most once.
fn receivers(deliveries: &[Delivery<'static>], event: PeerEvent<Payload<'static>>) -> Vec<PeerId> {
    let event = Event::from(event);
    let mut found = deliveries.iter().filter(|delivery| delivery.event == event);
    let to = found.next().map(|delivery| delivery.to.clone());
    assert_eq!(found.next(), None, "the event occurs twice");
    to.unwrap_or_default()
}

/// Joins a stock client, and returns the receivers of its `NewPeer`.
fn join(registry: &mut Registry, n: u128, key: RoomKey) -> Vec<PeerId> {
    let (_, deliveries) = registry.join(peer(n), stock(key)).unwrap();
    let assigned = PeerEvent::IdAssigned(peer(n));
    assert_eq!(deliveries[0], Delivery::new(assigned, vec![peer(n)]));
    assert!(deliveries.len() <= 2, "{deliveries:?}");
    receivers(&deliveries, PeerEvent::NewPeer(peer(n)))
}

/// Removes a peer, and returns the receivers of its `PeerLeft`.
fn leave(registry: &mut Registry, n: u128) -> Vec<PeerId> {
    let deliveries = registry.leave(peer(n));
    assert!(deliveries.len() <= 1, "{deliveries:?}");
    receivers(&deliveries, PeerEvent::PeerLeft(peer(n)))
}

/// Returns whether a signal from `a` reaches `b`.
fn is_relayed(registry: &mut Registry, a: PeerId, b: PeerId) -> bool {
    registry.record_signal(a, b)
}

#[test]
fn members_receive_joins_and_leaves() {
    let mut registry = registry(100, 64);
    assert_eq!(join(&mut registry, 1, key("a", 0)), []);
    assert_eq!(join(&mut registry, 2, key("a", 0)), [peer(1)]);
    assert_eq!(join(&mut registry, 3, key("a", 0)), [peer(1), peer(2)]);
    assert_eq!(leave(&mut registry, 2), [peer(1), peer(3)]);
    assert_eq!(leave(&mut registry, 1), [peer(3)]);
    assert_eq!(leave(&mut registry, 3), []);
    assert_eq!(registry.leave(peer(3)), []);
    assert_eq!((registry.rooms(), registry.peers()), (0, 0));
}

#[test]
fn signals_stay_in_the_room() {
    let mut registry = registry(100, 64);
    join(&mut registry, 1, key("a", 0));
    join(&mut registry, 2, key("a", 0));
    join(&mut registry, 3, key("b", 0));
    assert!(is_relayed(&mut registry, peer(1), peer(2)));
    assert!(!is_relayed(&mut registry, peer(1), peer(3)));
    assert!(!is_relayed(&mut registry, peer(1), peer(9)));
    leave(&mut registry, 2);
    assert!(!is_relayed(&mut registry, peer(1), peer(2)));
    assert!(!is_relayed(&mut registry, peer(2), peer(1)));
}

#[test]
fn waiting_member_that_leaves_frees_its_place() {
    let mut registry = registry(100, 64);
    join(&mut registry, 1, key("a", 2));
    assert_eq!(leave(&mut registry, 1), []);
    assert_eq!(join(&mut registry, 2, key("a", 2)), []);
    assert_eq!(join(&mut registry, 3, key("a", 2)), [peer(2)]);
    assert_eq!(join(&mut registry, 4, key("a", 2)), []);
    assert_eq!(leave(&mut registry, 3), [peer(2)]);
    // A newcomer joins the waiting group, not the sealed one.
    assert_eq!(join(&mut registry, 5, key("a", 2)), [peer(4)]);
    // The last member of a sealed group has no other members.
    assert_eq!(leave(&mut registry, 2), []);
}

#[test]
fn groups_of_one_have_one_member() {
    let mut registry = registry(100, 64);
    assert_eq!(join(&mut registry, 1, key("a", 1)), []);
    assert_eq!(join(&mut registry, 2, key("a", 1)), []);
    assert_eq!(registry.rooms(), 2);
}

#[test]
fn full_room_or_server_refuses_peers_until_a_peer_leaves() {
    let mut registry = registry(3, 2);
    join(&mut registry, 1, key("a", 0));
    join(&mut registry, 2, key("a", 0));
    let refused = registry.join(peer(3), stock(key("a", 0)));
    assert_eq!(refused.unwrap_err(), JoinError::RoomFull { max: 2 });
    join(&mut registry, 3, key("b", 0));
    let refused = registry.join(peer(4), stock(key("c", 0)));
    assert_eq!(refused.unwrap_err(), JoinError::ServerFull);
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
    /// The peer at this index, modulo the number of peers.
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let join = (0..3_usize, 0..5_usize).prop_map(|(name, next)| Step::Join { name, next });
    let leave = any::<usize>().prop_map(Step::Leave);
    prop::collection::vec(prop_oneof![3 => join, 2 => leave], 1..100)
}

/// The messages that the peers received, and the checks on them.
#[derive(Default)]
struct World {
    present: Vec<PeerId>,
    keys: HashMap<PeerId, RoomKey>,
    /// The announced pairs, with the earlier member first.
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
        let Ok((_, deliveries)) = registry.join(peer, stock(key.clone())) else {
            assert_eq!(key.next, None, "a group is never full for a newcomer");
            assert_eq!(same_room(self), MAX_MEMBERS, "refused although not full");
            return;
        };
        let assigned = PeerEvent::IdAssigned(peer);
        assert_eq!(deliveries[0], Delivery::new(assigned, vec![peer]));
        assert!(deliveries.len() <= 2, "{deliveries:?}");
        let announced = receivers(&deliveries, PeerEvent::NewPeer(peer));
        assert!(
            announced.len() < MAX_MEMBERS,
            "the room has too many members"
        );
        for &member in &announced {
            assert_eq!(self.keys[&member], key, "announced to another room");
            assert!(!self.sealed.contains(&member), "a sealed group grew");
            assert!(self.announced.insert((member, peer)), "announced twice");
        }
        self.present.push(peer);
        self.keys.insert(peer, key.clone());
        match key.next {
            None => assert_eq!(announced.len(), same_room(self) - 1),
            Some(size) if announced.len() + 1 == size.get() => {
                self.sealed.insert(peer);
                self.sealed.extend(announced);
            }
            Some(_) => {}
        }
    }

    fn leave(&mut self, registry: &mut Registry, index: usize) {
        if self.present.is_empty() {
            return;
        }
        let peer = self.present.swap_remove(index % self.present.len());
        let deliveries = registry.leave(peer);
        assert!(deliveries.len() <= 1, "{deliveries:?}");
        let receivers = receivers(&deliveries, PeerEvent::PeerLeft(peer));
        let unique: HashSet<_> = receivers.iter().copied().collect();
        assert_eq!(unique.len(), receivers.len(), "`PeerLeft` sent twice");
        assert_eq!(unique, self.mates(peer));
    }

    fn check(&self, registry: &mut Registry) {
        assert_eq!(registry.peers(), self.present.len());
        let mut waiting = HashMap::<&RoomKey, usize>::new();
        for &peer in &self.present {
            let mates = self.mates(peer);
            for &other in &self.present {
                let together = other == peer || mates.contains(&other);
                assert_eq!(is_relayed(registry, peer, other), together);
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
    fn invariants_hold_for_any_joins_and_leaves(steps in steps()) {
        let mut registry = registry(usize::MAX, MAX_MEMBERS);
        let mut world = World::default();
        for (n, step) in (0..).zip(steps) {
            match step {
                Step::Join { name, next } => {
                    world.join(&mut registry, peer(n), key(["a", "b", "c"][name], next));
                }
                Step::Leave(index) => world.leave(&mut registry, index),
            }
            world.check(&mut registry);
        }
        while !world.present.is_empty() {
            world.leave(&mut registry, 0);
        }
        prop_assert_eq!((registry.rooms(), registry.peers()), (0, 0));
        prop_assert!(registry.names.is_empty() && registry.queue_of.is_empty());
    }
}

/// Returns the request of a client with extensions.
fn extended(key: RoomKey, group: Option<Uuid>) -> JoinRequest {
    JoinRequest {
        key,
        has_extensions: true,
        group,
        resume: None,
        settings: SettingsChange::default(),
        access: Access::default(),
    }
}

#[test]
fn newcomer_with_extensions_receives_the_member_list() {
    let mut registry = registry(100, 64);
    let lobby = || key("a", 0);
    let listed = |deliveries: Vec<Delivery<'static>>| {
        deliveries
            .into_iter()
            .find_map(|delivery| match delivery.event {
                Event::Extension(Extension::Members(members)) => Some((members, delivery.to)),
                _ => None,
            })
    };
    let (_, alone) = registry.join(peer(1), extended(lobby(), None)).unwrap();
    assert_eq!(listed(alone), None);
    let (_, stock) = registry.join(peer(2), stock(lobby())).unwrap();
    assert_eq!(listed(stock), None);
    let (_, third) = registry.join(peer(3), extended(lobby(), None)).unwrap();
    assert_eq!(listed(third), Some((vec![peer(1), peer(2)], vec![peer(3)])));
    for n in 4..=60 {
        let (_, joined) = registry.join(peer(n), extended(lobby(), None)).unwrap();
        let (members, _) = listed(joined).unwrap();
        assert!(members.len() <= MAX_LISTED);
    }
}

/// Returns the id of a group that became linked.
fn linked_as(deliveries: &[Delivery<'static>]) -> Option<Uuid> {
    deliveries
        .iter()
        .find_map(|delivery| match &delivery.event {
            Event::Extension(Extension::Group(Stage::Linked(id))) => Some(*id),
            _ => None,
        })
}

/// Joins and links two clients with extensions.
fn linked_pair(registry: &mut Registry) -> Uuid {
    for n in [1, 2] {
        registry.join(peer(n), extended(key("a", 2), None)).unwrap();
    }
    assert_eq!(linked_as(&registry.set_links(peer(1), &[peer(2)])), None);
    let linked = registry.set_links(peer(2), &[peer(1)]);
    linked_as(&linked).unwrap()
}

#[test]
fn linked_group_becomes_a_room_named_by_its_id() {
    let mut registry = registry(100, 64);
    let id = linked_pair(&mut registry);
    assert_eq!((registry.rooms(), registry.peers()), (1, 2));
    assert!(is_relayed(&mut registry, peer(1), peer(2)));

    // Player 1 loses its WebSocket and returns while the next pair meets.
    assert_eq!(leave(&mut registry, 1), [peer(2)]);
    assert_eq!(join(&mut registry, 3, key("a", 2)), []);
    let name = id.simple().to_string();
    assert_eq!(join(&mut registry, 4, key(&name, 0)), [peer(2)]);
    assert_eq!(join(&mut registry, 5, key("a", 2)), [peer(3)]);
}

#[test]
fn player_that_missed_the_final_stage_returns_to_its_linked_group() {
    let mut registry = registry(100, 64);
    let id = linked_pair(&mut registry);
    leave(&mut registry, 1);
    let back = extended(key("a", 2), Some(id));
    let (_, deliveries) = registry.join(peer(3), back).unwrap();
    assert_eq!(linked_as(&deliveries), Some(id));
    assert_eq!(
        receivers(&deliveries, PeerEvent::NewPeer(peer(3))),
        [peer(2)]
    );
}

#[test]
fn unknown_group_id_is_ignored() {
    let mut registry = registry(100, 64);
    let lost = extended(key("a", 2), Some(Uuid::from_u128(9)));
    let (_, deliveries) = registry.join(peer(1), lost).unwrap();
    assert_eq!(linked_as(&deliveries), None);
    let (_, deliveries) = registry.join(peer(2), stock(key("a", 2))).unwrap();
    assert_eq!(
        receivers(&deliveries, PeerEvent::NewPeer(peer(2))),
        [peer(1)]
    );
}
