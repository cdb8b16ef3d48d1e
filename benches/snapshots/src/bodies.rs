//! The bodies that the peers of a room own.

use fastrand::Rng;
use huddle_snapshot::{SnapshotSession, claim::Policy, id::EntityId};

use crate::{
    body::{Body, Codec},
    room::Room,
};

/// The bodies of all peers.
pub(crate) struct Bodies {
    codec: Codec,
    /// By owner.
    owned: Vec<Vec<Owned>>,
    rng: Rng,
}

struct Owned {
    id: EntityId,
    body: Body,
}

impl Bodies {
    pub(crate) fn new(peers: usize, seed: u64) -> Self {
        Self {
            codec: Codec::new(),
            owned: (0..peers).map(|_| Vec::new()).collect(),
            rng: Rng::with_seed(seed),
        }
    }

    /// Spawns a body of a peer. Returns its entity.
    pub(crate) fn spawn(&mut self, room: &mut Room, owner: usize) -> EntityId {
        let body = Body::new(&mut self.rng);
        let session = &mut room.peers[owner].session;
        let id = self.codec.spawn(session, Policy::Fixed, &body);
        self.owned[owner].push(Owned { id, body });
        id
    }

    /// Moves the first `count` bodies of a peer.
    pub(crate) fn step(&mut self, peer: usize, session: &mut SnapshotSession, count: usize) {
        for Owned { id, body } in self.owned[peer].iter_mut().take(count) {
            body.step(&mut self.rng);
            let result = self.codec.set(session, *id, body);
            result.expect("the peer owns the body");
        }
    }

    /// Moves `count` bodies of a peer, which are chosen at random.
    pub(crate) fn step_some(&mut self, peer: usize, session: &mut SnapshotSession, count: usize) {
        let owned = &mut self.owned[peer];
        let all = owned.len();
        for at in 0..count.min(all) {
            let chosen = self.rng.usize(at..all);
            owned.swap(at, chosen);
        }
        self.step(peer, session, count);
    }
}
