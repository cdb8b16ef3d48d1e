use proptest::prelude::*;

use super::*;

fn id(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Peers that are all linked and receive each other's messages immediately.
struct Room {
    now: Duration,
    peers: BTreeMap<PeerId, Slots>,
}

impl Room {
    fn new(capacity: u8, peers: &[u8]) -> Self {
        let mut room = Self {
            now: Duration::ZERO,
            peers: BTreeMap::new(),
        };
        for &peer in peers {
            room.add(peer, capacity);
        }
        room
    }

    fn add(&mut self, peer: u8, capacity: u8) {
        let local = id(peer);
        let others: Vec<_> = self.peers.keys().copied().collect();
        let mut slots = Slots::new(local, capacity);
        slots.alone_since = Some(self.now);
        self.peers.insert(local, slots);
        for other in others {
            self.link(local, other);
        }
    }

    fn link(&mut self, a: PeerId, b: PeerId) {
        for (one, other) in [(a, b), (b, a)] {
            let now = self.now;
            let claim = self.peers[&other].claim();
            let slots = self.peers.get_mut(&one).unwrap();
            slots.link_opened(other, now);
            slots.receive_claim(other, claim, now);
            slots.admit(other);
        }
    }

    fn unlink(&mut self, a: PeerId, b: PeerId) {
        for (one, other) in [(a, b), (b, a)] {
            let now = self.now;
            if let Some(slots) = self.peers.get_mut(&one) {
                slots.link_lost(other, now);
            }
        }
    }

    fn leave(&mut self, peer: u8) {
        self.peers.remove(&id(peer));
        let left: Vec<_> = self.peers.keys().copied().collect();
        for other in left {
            self.unlink(other, id(peer));
        }
    }

    fn are_linked(&self, a: PeerId, b: PeerId) -> bool {
        self.peers
            .get(&a)
            .is_some_and(|slots| slots.linked.contains_key(&b))
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += 50 * MS;
            let ids: Vec<_> = self.peers.keys().copied().collect();
            for &local in &ids {
                let reported: Vec<_> = self
                    .peers
                    .keys()
                    .filter(|&&other| self.are_linked(local, other))
                    .flat_map(|other| self.peers[other].linked.keys().copied())
                    .collect();
                let now = self.now;
                let slots = self.peers.get_mut(&local).unwrap();
                slots.step(now, |peer| reported.contains(&peer));
                for outsider in slots.outsiders() {
                    slots.restarted(outsider);
                    slots.admit(outsider);
                }
                if !slots.take_stale() {
                    continue;
                }
                let claim = slots.claim();
                for &other in &ids {
                    if self.are_linked(other, local) {
                        let now = self.now;
                        let slots = self.peers.get_mut(&other).unwrap();
                        slots.receive_claim(local, claim.clone(), now);
                    }
                }
            }
            self.join();
        }
    }

    /// Opens the sessions between peers that welcome each other.
    fn join(&mut self) {
        let welcomes: Vec<_> = self
            .peers
            .iter()
            .flat_map(|(&local, slots)| slots.linked.keys().map(move |&peer| (local, peer)))
            .filter(|(local, peer)| {
                let is_in = |a: &PeerId, b: &PeerId| {
                    self.peers.get(a).is_some_and(|slots| slots.list.has(*b))
                };
                is_in(local, peer) && is_in(peer, local)
            })
            .collect();
        for (local, peer) in welcomes {
            self.peers.get_mut(&local).unwrap().joined(peer);
        }
    }

    fn members(&self, peer: u8) -> Vec<PeerId> {
        let mut members = self.peers[&id(peer)].list.members.clone();
        members.sort_unstable();
        members
    }
}

fn ids(peers: &[u8]) -> Vec<PeerId> {
    peers.iter().map(|&peer| id(peer)).collect()
}

#[test]
fn lowest_id_founds_after_a_quiet_period() {
    let mut room = Room::new(4, &[3, 1, 2]);
    room.run(QUIET - 100 * MS);
    assert_eq!(room.members(1), []);
    room.run(SECOND);
    for peer in [1, 2, 3] {
        assert_eq!(room.members(peer), ids(&[1, 2, 3]));
        assert_eq!(room.peers[&id(peer)].list.host, id(1));
    }
}

#[test]
fn peer_that_has_waited_founds_at_once() {
    let mut room = Room::new(4, &[9]);
    room.run(5 * SECOND);
    room.add(1, 4);
    room.run(100 * MS);
    assert_eq!(room.members(1), ids(&[1, 9]));
    assert_eq!(room.peers[&id(1)].list.host, id(9));
}

#[test]
fn only_the_host_refuses_peers_when_all_slots_are_taken() {
    let mut room = Room::new(2, &[1, 2]);
    room.run(2 * SECOND);
    room.add(3, 2);
    room.run(SECOND);
    let mut verdict = |peer, after| {
        let now = room.now + after;
        room.peers.get_mut(&id(peer)).unwrap().verdict(id(3), now)
    };
    assert_eq!(verdict(1, Duration::ZERO), Verdict::Wait);
    assert_eq!(verdict(1, REFUSAL_DELAY), Verdict::Full);
    assert_eq!(verdict(2, REFUSAL_DELAY), Verdict::Wait);
    assert_eq!(room.members(3), []);
    room.leave(2);
    room.run(SECOND);
    assert_eq!(room.members(3), ids(&[1, 3]));
}

#[test]
fn next_member_becomes_host_when_the_host_leaves_or_stops() {
    for stops in [true, false] {
        let mut room = Room::new(4, &[1, 2, 3]);
        room.run(2 * SECOND);
        if stops {
            for peer in [2, 3] {
                let slots = room.peers.get_mut(&id(peer)).unwrap();
                slots.set_stopped(id(1), true);
            }
        } else {
            room.leave(1);
        }
        room.run(SECOND);
        assert_eq!(room.peers[&id(3)].list.host, id(2));
        assert_eq!(room.members(3).contains(&id(1)), stops);
    }
}

#[test]
fn host_stays_host_while_one_member_is_linked_with_it() {
    let mut room = Room::new(4, &[1, 2, 3]);
    room.run(2 * SECOND);
    room.unlink(id(1), id(2));
    room.run(3 * SECOND);
    for peer in [1, 2, 3] {
        assert_eq!(room.members(peer), ids(&[1, 2, 3]));
        assert_eq!(room.peers[&id(peer)].list.host, id(1));
    }
}

#[test]
fn two_lists_merge_if_all_members_fit() {
    for (capacity, is_one) in [(4, true), (3, false)] {
        let mut room = Room::new(capacity, &[1, 2]);
        room.run(2 * SECOND);
        let mut other = Room::new(capacity, &[3, 4]);
        other.run(2 * SECOND);
        room.peers.append(&mut other.peers);
        for (a, b) in [(1, 3), (1, 4), (2, 3), (2, 4)] {
            room.link(id(a), id(b));
        }
        room.run(2 * SECOND);
        let expected = if is_one {
            ids(&[1, 2, 3, 4])
        } else {
            ids(&[1, 2])
        };
        assert_eq!(room.members(1), expected, "capacity {capacity}");
        let expected = if is_one {
            ids(&[1, 2, 3, 4])
        } else {
            ids(&[3, 4])
        };
        assert_eq!(room.members(4), expected, "capacity {capacity}");
    }
}

#[test]
fn members_other_than_the_host_cannot_take_slots_away() {
    let mut room = Room::new(4, &[1, 2, 3]);
    room.run(2 * SECOND);
    let forged = SlotList {
        version: 1_000_000,
        host: id(3),
        members: ids(&[2, 3]),
    };
    for peer in [1, 2] {
        let slots = room.peers.get_mut(&id(peer)).unwrap();
        slots.receive(id(3), forged.clone());
    }
    for peer in [1, 2] {
        assert_eq!(room.members(peer), ids(&[1, 2, 3]));
    }
}

#[test]
fn invalid_lists_are_detected() {
    let capacity = 2;
    let list = |members: &[u8], host, version| SlotList {
        version,
        host: id(host),
        members: ids(members),
    };
    assert!(list(&[1, 2], 2, 5).is_valid(capacity));
    assert!(list(&[], 1, 0).is_valid(capacity));
    for invalid in [
        list(&[1, 1], 1, 5),
        list(&[1, 2, 3], 1, 5),
        list(&[1, 2], 3, 5),
        list(&[1, 2], 1, u64::MAX),
    ] {
        assert!(!invalid.is_valid(capacity), "{invalid:?}");
    }
}

/// A message from a peer, or a change of its state.
#[derive(Debug, Clone)]
enum Step {
    Hello(u8, bool, u64, u8, Vec<u8>),
    Slots(u8, u64, u8, Vec<u8>),
    Open(u8),
    Lost(u8),
    Admit(u8),
    Joined(u8),
    Stopped(u8, bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let version = || {
        prop_oneof![
            0..20u64,
            any::<u64>(),
            (0..4u64).prop_map(|n| (1 << 47) - 2 + n)
        ]
    };
    let members = || prop::collection::vec(1u8..8, 0..6);
    let peer = || 2u8..8;
    prop_oneof![
        (peer(), any::<bool>(), version(), 1u8..8, members())
            .prop_map(|(a, b, c, d, e)| Step::Hello(a, b, c, d, e)),
        (peer(), version(), 1u8..8, members()).prop_map(|(a, b, c, d)| Step::Slots(a, b, c, d)),
        peer().prop_map(Step::Open),
        peer().prop_map(Step::Lost),
        peer().prop_map(Step::Admit),
        peer().prop_map(Step::Joined),
        (peer(), any::<bool>()).prop_map(|(a, b)| Step::Stopped(a, b)),
        (0..4000u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn capacity_holds_for_any_messages(
        capacity in 2u8..5,
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut slots = Slots::new(id(1), capacity);
        let mut now = Duration::ZERO;
        let list = |version, host, members: &[u8]| SlotList {
            version,
            host: id(host),
            members: ids(members),
        };
        for step in steps {
            let before = slots.list.version;
            match step {
                Step::Hello(peer, has_waited, version, host, members) => {
                    let list = list(version, host, &members);
                    // Decoding rejects invalid lists.
                    if list.is_valid(capacity.into()) {
                        slots.receive_claim(id(peer), Claim { has_waited, list }, now);
                    }
                }
                Step::Slots(peer, version, host, members) => {
                    slots.receive(id(peer), list(version, host, &members));
                }
                Step::Open(peer) => slots.link_opened(id(peer), now),
                Step::Lost(peer) => slots.link_lost(id(peer), now),
                Step::Admit(peer) => slots.admit(id(peer)),
                Step::Joined(peer) => slots.joined(id(peer)),
                Step::Stopped(peer, is_stopped) => slots.set_stopped(id(peer), is_stopped),
                Step::Wait(time) => now += Duration::from_millis(time),
            }
            slots.step(now, |peer| peer == id(4));
            prop_assert!(slots.list.is_valid(capacity.into()), "{:?}", slots.list);
            prop_assert!(slots.list.members.is_empty() || slots.list.has(id(1)));
            prop_assert!(slots.list.version >= before);
            for peer in 2..8 {
                let is_welcome = slots.verdict(id(peer), now) == Verdict::Welcome;
                prop_assert_eq!(is_welcome, slots.list.has(id(peer)));
            }
        }
    }
}
