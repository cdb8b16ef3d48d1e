//! Contents under changes, slow and reordered records, lost links and handovers.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

const PEERS: [PeerId; 3] = [ADA, BOB, EVE];
const KEYS: u32 = 6;

/// A reliable message.
#[derive(Debug, Clone)]
enum Message {
    Request(ContentKey),
    Content(ContentKey, Bytes),
}

/// What a test does in a step.
#[derive(Debug, Clone)]
enum Step {
    /// The owner of a value changes it.
    Change(u32, u8),
    /// Another peer becomes the owner of a value.
    Give(u32, usize),
    /// The record of a value arrives at a peer.
    Record(u32, usize),
    /// Some messages of a link arrive.
    Deliver(usize, usize, usize),
    /// A link is lost and opened again.
    Relink(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let peer = || 0..PEERS.len();
    let step = prop_oneof![
        3 => (0..KEYS, any::<u8>()).prop_map(|(key, value)| Step::Change(key, value)),
        1 => (0..KEYS, peer()).prop_map(|(key, peer)| Step::Give(key, peer)),
        4 => (0..KEYS, peer()).prop_map(|(key, peer)| Step::Record(key, peer)),
        6 => (peer(), peer(), 1..4_usize).prop_map(|(a, b, n)| Step::Deliver(a, b, n)),
        1 => (peer(), peer()).prop_map(|(a, b)| Step::Relink(a, b)),
    ];
    prop::collection::vec(step, 1..200)
}

fn others(peer: PeerId) -> Vec<PeerId> {
    PEERS.into_iter().filter(|other| *other != peer).collect()
}

struct Room {
    peers: [Contents; 3],
    queues: BTreeMap<(usize, usize), VecDeque<Message>>,
    /// The owner of each value, its content and its digest in the record.
    values: Vec<(usize, Bytes, Digest)>,
    now: Duration,
}

impl Room {
    fn new() -> Self {
        let mut room = Self {
            peers: Default::default(),
            queues: BTreeMap::new(),
            values: Vec::new(),
            now: Duration::ZERO,
        };
        for number in 0..KEYS {
            let owner = number as usize % PEERS.len();
            let content = Bytes::from(vec![number as u8; 3000]);
            let digest = room.peers[owner].set(key(number), &content);
            room.values.push((owner, content, digest));
        }
        room
    }

    fn step(&mut self, step: Step) {
        self.now += ms(17);
        match step {
            Step::Change(number, value) => {
                let (owner, content, digest) = &mut self.values[number as usize];
                *content = Bytes::from(vec![value; 3000 + usize::from(value)]);
                *digest = self.peers[*owner].set(key(number), content);
            }
            Step::Give(number, to) => {
                // The new owner receives the record with the ownership, and encodes what it has.
                self.record(number, to);
                let (owner, content, digest) = &mut self.values[number as usize];
                if let Some(here) = self.peers[to].get(key(number)).cloned() {
                    *owner = to;
                    *digest = self.peers[to].set(key(number), &here);
                    if *digest == Digest::of(&here) {
                        *content = here;
                    }
                }
            }
            Step::Record(number, to) => self.record(number, to),
            Step::Deliver(from, to, count) => {
                for _ in 0..count {
                    self.deliver(from, to);
                }
            }
            Step::Relink(a, b) => {
                self.queues.remove(&(a, b));
                self.queues.remove(&(b, a));
                self.peers[a].link_lost(PEERS[b]);
                self.peers[b].link_lost(PEERS[a]);
            }
        }
        self.poll();
    }

    fn record(&mut self, number: u32, to: usize) {
        let (owner, _, digest) = self.values[number as usize];
        if owner != to {
            self.peers[to].expect(key(number), digest);
        }
    }

    fn poll(&mut self) {
        for (at, local) in PEERS.into_iter().enumerate() {
            let owner_of = |entity: EntityId| self.values[entity.number as usize].0;
            let requests = self.peers[at].requests(self.now, |entity| match owner_of(entity) {
                owner if owner == at => Sources::Each(others(local)),
                owner => Sources::Only(Some(PEERS[owner])),
            });
            for (to, key) in requests {
                let to = PEERS.iter().position(|peer| *peer == to).unwrap();
                self.queues
                    .entry((at, to))
                    .or_default()
                    .push_back(Message::Request(key));
            }
            while let Some(key) = self.peers[at].take_abandoned() {
                // The record gets the digest of the older content.
                let here = self.peers[at].get(key).cloned().unwrap();
                let digest = self.peers[at].set(key, &here);
                self.values[key.entity.number as usize] = (at, here, digest);
            }
            for peer in PEERS {
                assert!(self.peers[at].wants.open_requests(peer) <= WINDOW);
            }
        }
        for from in 0..PEERS.len() {
            for (to, peer) in PEERS.iter().enumerate() {
                let queue = self.queues.entry((from, to)).or_default();
                let queued = queue.iter().map(|message| match message {
                    Message::Content(_, content) => content.len(),
                    Message::Request(_) => 0,
                });
                let pace = Pace {
                    now: self.now,
                    queued: queued.sum(),
                    bytes_per_second: 500_000,
                };
                if let Some((key, content)) = self.peers[from].answer(*peer, pace, |_| true) {
                    queue.push_back(Message::Content(key, content));
                }
            }
        }
    }

    fn deliver(&mut self, from: usize, to: usize) {
        match self.queues.entry((from, to)).or_default().pop_front() {
            Some(Message::Request(key)) => self.peers[to].receive_request(PEERS[from], key),
            Some(Message::Content(key, content)) => {
                let received = self.peers[to].receive(PEERS[from], key, &content, self.now);
                received.unwrap();
            }
            None => {}
        }
    }

    /// Lets everything arrive.
    fn settle(&mut self) {
        for _ in 0..2000 {
            for number in 0..KEYS {
                for to in 0..PEERS.len() {
                    self.record(number, to);
                }
            }
            for from in 0..PEERS.len() {
                for to in 0..PEERS.len() {
                    self.deliver(from, to);
                }
            }
            self.now += ms(17);
            self.poll();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_peer_has_the_newest_content_at_rest(steps in steps()) {
        let mut room = Room::new();
        for step in steps {
            room.step(step);
        }
        room.settle();
        for (number, (_, _, digest)) in room.values.iter().enumerate() {
            for peer in &room.peers {
                let content = peer.get(key(number as u32)).map(|content| Digest::of(content));
                prop_assert_eq!(content, Some(*digest), "value {}", number);
            }
        }
        for peer in &room.peers {
            prop_assert!(peer.wants.is_empty());
            prop_assert!(peer.waiting_peers().is_empty());
        }
    }
}

#[test]
fn value_that_changes_in_every_step_still_arrives() {
    let mut room = Room::new();
    let mut seen = BTreeSet::new();
    for step in 0..300_u32 {
        room.step(Step::Change(0, step as u8));
        if step % 3 == 0 {
            room.record(0, 1);
        }
        for (from, to) in [(0, 1), (1, 0)] {
            room.step(Step::Deliver(from, to, 1));
        }
        seen.extend(room.peers[1].get(key(0)).cloned());
    }
    assert!(seen.len() > 20, "{} values arrived", seen.len());
}
