use std::time::Duration;

use fastrand::Rng;
use huddle_id::PeerId;
use huddle_snapshot::{
    SnapshotEvent, SnapshotSession,
    budget::BudgetOptions,
    claim::{Policy, RequestDecision},
    id::EntityId,
};

use crate::{
    bodies::Bodies,
    body::{Body, Codec},
    messages::Messages,
    network::Conditions,
    room::{Frame, Game, Room},
};

pub(super) const PEERS: usize = 8;

/// How peers claim the entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Touch,
    /// Two peers touch the entity in the same tick.
    TwoTouches,
    /// A peer requests the entity, and its owner gives it away immediately.
    Request,
}

/// Peers that claim the same entity, the *ball*, again and again.
pub(super) struct Contest {
    kind: Kind,
    bodies: Bodies,
    /// The number of moving bodies of each peer. If it is not 0, the ball moves, too.
    moving: usize,
    codec: Codec,
    ball: EntityId,
    body: Body,
    rng: Rng,
    /// The peers that claim the ball in their next tick.
    claimants: Vec<usize>,
    /// The time of the first claim.
    claimed: Option<Duration>,
    ids: Vec<PeerId>,
    /// The owner of the ball at each peer, and since when.
    owners: [(Option<PeerId>, Duration); PEERS],
    /// Requests, with the peer that makes them.
    requests: Messages<usize>,
}

impl Contest {
    /// Creates the entities of a room.
    pub(super) fn new(room: &mut Room, kind: Kind, moving: usize, conditions: Conditions) -> Self {
        let mut rng = Rng::with_seed(3);
        let mut bodies = Bodies::new(PEERS, 1);
        for owner in 0..PEERS {
            for _ in 0..moving {
                bodies.spawn(room, owner);
            }
        }
        let policy = match kind {
            Kind::Request => Policy::OnRequest,
            Kind::Touch | Kind::TwoTouches => Policy::ByTouch,
        };
        let (codec, body) = (Codec::new(), Body::new(&mut rng));
        let ball = codec.spawn(&mut room.peers[0].session, policy, &body);
        Self {
            kind,
            bodies,
            moving,
            codec,
            ball,
            body,
            claimants: Vec::new(),
            claimed: None,
            ids: room.peers.iter().map(|peer| peer.id).collect(),
            owners: [(None, Duration::ZERO); PEERS],
            requests: Messages::new(conditions, rng.u64(..)),
            rng,
        }
    }

    /// Creates a room with the contest.
    pub(super) fn with_room(
        kind: Kind,
        moving: usize,
        budget: BudgetOptions,
        conditions: Conditions,
        seed: u64,
    ) -> (Room, Self) {
        let mut room = Room::new(PEERS, PEERS, conditions, budget, seed);
        let contest = Self::new(&mut room, kind, moving, conditions);
        (room, contest)
    }

    /// Lets one or two random peers, none of which owns the ball, claim it in the next tick.
    pub(super) fn start_claim(&mut self) {
        let owner = self.owners[0].0;
        let mut others: Vec<_> = (0..PEERS)
            .filter(|at| Some(self.ids[*at]) != owner)
            .collect();
        self.rng.shuffle(&mut others);
        others.truncate(match self.kind {
            Kind::TwoTouches => 2,
            Kind::Touch | Kind::Request => 1,
        });
        (self.claimants, self.claimed) = (others, None);
    }

    /// Returns the time from the claim until the last peer got the owner that it has now, and whether all
    /// peers agree.
    pub(super) fn agreement(&self) -> Option<Duration> {
        let agree = self.owners.iter().all(|it| it.0 == self.owners[0].0);
        let last = self.owners.iter().map(|it| it.1).max()?;
        agree.then_some(last.saturating_sub(self.claimed?))
    }

    fn claim(&mut self, peer: usize, now: Duration, session: &mut SnapshotSession) {
        self.claimants.retain(|claimant| *claimant != peer);
        self.claimed.get_or_insert(now);
        let result = match self.kind {
            Kind::Request => session.claim(self.ball),
            Kind::Touch | Kind::TwoTouches => session.touch(self.ball),
        };
        result.expect("the entity exists");
    }
}

impl Game for Contest {
    fn run(&mut self, frame: Frame<'_>) {
        let Frame {
            peer, now, session, ..
        } = frame;
        while let Some(from) = self.requests.receive(peer, now) {
            let from = self.ids[from];
            if session.requested(self.ball, from) == RequestDecision::AskGame {
                let result = session.give(self.ball, from);
                result.expect("the owner can give the entity");
            }
        }
        if self.claimants.contains(&peer) {
            self.claim(peer, now, session);
        }
        while let Some(event) = session.poll() {
            if let SnapshotEvent::Request { owner, .. } = event {
                let owner = self.ids.iter().position(|id| *id == owner);
                let owner = owner.expect("the owner is in the room");
                self.requests.send(owner, now, peer);
            }
        }
        let owner = session.owner(self.ball);
        if owner != self.owners[peer].0 {
            self.owners[peer] = (owner, now);
        }
        self.bodies.step(peer, session, self.moving);
        if self.moving > 0 && owner == Some(self.ids[peer]) {
            self.body.step(&mut self.rng);
            let result = self.codec.set(session, self.ball, &self.body);
            result.expect("the peer owns the entity");
        }
    }
}
