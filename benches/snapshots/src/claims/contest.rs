use std::time::Duration;

use fastrand::Rng;
use huddle_id::PeerId;
use huddle_snapshot::{
    SnapshotEvent, SnapshotSession,
    budget::BudgetOptions,
    claim::{Policy, RequestDecision},
};

use super::ball::{Ball, PEERS};
use crate::{
    bodies::Bodies,
    body::{Body, Codec},
    messages::Messages,
    network::Conditions,
    room::{Frame, Game, Room},
};

/// How peers claim a ball.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Touch,
    /// Two peers touch the ball in the same tick.
    TwoTouches,
    /// A peer requests the ball, and its owner gives it away immediately.
    Request,
}

/// A room whose peers claim the balls in it.
pub(super) struct Contest {
    kind: Kind,
    bodies: Bodies,
    /// The number of moving bodies of each peer. If it is not 0, the balls move, too.
    moving: usize,
    codec: Codec,
    balls: Vec<Ball>,
    ids: Vec<PeerId>,
    /// Requests, with the ball and the peer that makes them.
    requests: Messages<(usize, usize)>,
    rng: Rng,
}

impl Contest {
    /// Creates a room with so many balls.
    pub(super) fn new(
        kind: Kind,
        balls: usize,
        moving: usize,
        budget: BudgetOptions,
        conditions: Conditions,
        seed: u64,
    ) -> (Room, Self) {
        let mut rng = Rng::with_seed(seed);
        let mut room = Room::new(PEERS, PEERS, conditions, budget, rng.u64(..));
        let mut bodies = Bodies::new(PEERS, rng.u64(..));
        for owner in 0..PEERS {
            for _ in 0..moving {
                bodies.spawn(&mut room, owner);
            }
        }
        let policy = match kind {
            Kind::Request => Policy::OnRequest,
            Kind::Touch | Kind::TwoTouches => Policy::ByTouch,
        };
        let codec = Codec::new();
        let balls = (0..balls).map(|number| {
            let body = Body::new(&mut rng);
            let owner = &mut room.peers[number % PEERS].session;
            Ball::new(codec.spawn(owner, policy, &body), body)
        });
        let contest = Self {
            kind,
            bodies,
            moving,
            balls: balls.collect(),
            codec,
            ids: room.peers.iter().map(|peer| peer.id).collect(),
            requests: Messages::new(conditions, rng.u64(..)),
            rng,
        };
        (room, contest)
    }

    /// Lets one or two random peers, none of which owns a ball, claim it in the next tick.
    pub(super) fn start_claim(&mut self, ball: usize) {
        let ball = &mut self.balls[ball];
        let owner = ball.owner();
        let mut others: Vec<_> = (0..PEERS)
            .filter(|at| Some(self.ids[*at]) != owner)
            .collect();
        self.rng.shuffle(&mut others);
        others.truncate(match self.kind {
            Kind::TwoTouches => 2,
            Kind::Touch | Kind::Request => 1,
        });
        ball.start_claim(others);
    }

    /// Returns the time from the last claim of a ball until all peers agreed.
    pub(super) fn agreement(&self, ball: usize) -> Option<Duration> {
        self.balls[ball].agreement()
    }

    fn claim(&mut self, peer: usize, now: Duration, session: &mut SnapshotSession) {
        for ball in self.balls.iter_mut() {
            if ball.is_due(peer, now) {
                let result = match self.kind {
                    Kind::Request => session.claim(ball.id),
                    Kind::Touch | Kind::TwoTouches => session.touch(ball.id),
                };
                result.expect("the entity exists");
            }
        }
    }

    /// Gives balls to the peers that have requested them.
    fn answer(&mut self, peer: usize, now: Duration, session: &mut SnapshotSession) {
        while let Some((ball, from)) = self.requests.receive(peer, now) {
            let (ball, from) = (self.balls[ball].id, self.ids[from]);
            if session.requested(ball, from) == RequestDecision::AskGame {
                let result = session.give(ball, from);
                result.expect("the owner can give the entity");
            }
        }
    }

    fn send_requests(&mut self, peer: usize, now: Duration, session: &mut SnapshotSession) {
        while let Some(event) = session.poll() {
            if let SnapshotEvent::Request { id, owner } = event
                && let Some(ball) = self.balls.iter().position(|ball| ball.id == id)
                && let Some(owner) = self.ids.iter().position(|id| *id == owner)
            {
                self.requests.send(owner, now, (ball, peer));
            }
        }
    }
}

impl Game for Contest {
    fn run(&mut self, frame: Frame<'_>) {
        let Frame { peer, now, session } = frame;
        self.answer(peer, now, session);
        self.claim(peer, now, session);
        self.send_requests(peer, now, session);
        self.bodies.step(peer, session, self.moving);
        for ball in &mut self.balls {
            let owner = session.owner(ball.id);
            ball.observe(peer, owner, now);
            if self.moving > 0 && owner == Some(self.ids[peer]) {
                ball.body.step(&mut self.rng);
                let result = self.codec.set(session, ball.id, &ball.body);
                result.expect("the peer owns the entity");
            }
        }
    }
}
