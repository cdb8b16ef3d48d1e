//! What there is: players, their relations, and what will happen.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bevy::platform::time::Instant;
use huddle_mesh::{PeerId, RoomEvent, StopReason};

use crate::testing::{
    conditions::Conditions,
    network::{
        flight::Flight,
        relation::{LinkId, Pair, Relation},
        wire::Link,
    },
};

/// Between two looks at who is silent.
pub(super) const BEAT: Duration = Duration::from_millis(50);

/// Until it is tried again to link two players.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Everything between the players.
pub(crate) struct Network {
    pub(super) epoch: Instant,
    pub(super) now: Duration,
    pub(super) rng: fastrand::Rng,
    pub(super) conditions: Conditions,
    /// By sender and receiver.
    pub(super) special: BTreeMap<(PeerId, PeerId), Conditions>,
    pub(super) walls: BTreeSet<Pair>,
    pub(super) server: bool,
    pub(super) members: BTreeMap<PeerId, Member>,
    pub(super) relations: BTreeMap<Pair, Relation>,
    pub(super) agenda: BTreeMap<(Duration, u64), Step>,
    pub(super) planned: u64,
    pub(super) beats: u64,
}

pub(super) struct Member {
    pub(super) room: String,
    pub(super) inbox: VecDeque<RoomEvent>,
    /// When the game last asked for news.
    pub(super) polled: Duration,
    /// Why the game does not run, as the others were told.
    pub(super) stopped: Option<StopReason>,
}

/// What happens at a point in time.
pub(super) enum Step {
    /// Silence is looked at, and pings go out.
    Beat,
    /// A pair may be linked.
    Connect(Pair),
    /// One side of a link is ready.
    Open(LinkId, usize),
    /// Something leaves, for the first time or again.
    Leave(Flight),
    Arrive(Flight),
    /// The network has taken a state packet of this length from this side.
    Taken(LinkId, usize, usize),
    /// A link that was replaced is over.
    Retire(LinkId),
    /// One side notices that the other has closed the link.
    Broken(LinkId, usize),
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        let mut network = Self {
            epoch: Instant::now(),
            now: Duration::ZERO,
            rng: fastrand::Rng::with_seed(seed),
            conditions: Conditions::default(),
            special: BTreeMap::new(),
            walls: BTreeSet::new(),
            server: true,
            members: BTreeMap::new(),
            relations: BTreeMap::new(),
            agenda: BTreeMap::new(),
            planned: 0,
            beats: 0,
        };
        network.plan(BEAT, Step::Beat);
        network
    }

    #[cfg(test)]
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// A point in time as systems see it.
    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.epoch + at
    }

    /// The time now, as systems see it.
    pub(crate) fn clock(&self) -> Instant {
        self.instant(self.now)
    }

    /// A number of the seed's.
    pub(crate) fn random(&mut self) -> u64 {
        self.rng.u64(..)
    }

    pub(super) fn plan(&mut self, after: Duration, step: Step) {
        self.planned += 1;
        self.agenda.insert((self.now + after, self.planned), step);
    }

    pub(super) fn conditions(&self, from: PeerId, to: PeerId) -> Conditions {
        *self.special.get(&(from, to)).unwrap_or(&self.conditions)
    }

    pub(super) fn report(&mut self, player: PeerId, event: RoomEvent) {
        if let Some(member) = self.members.get_mut(&player) {
            member.inbox.push_back(event);
        }
    }

    pub(super) fn pairs_of(&self, member: PeerId) -> Vec<Pair> {
        self.relations
            .keys()
            .copied()
            .filter(|pair| pair.has(member))
            .collect()
    }

    pub(super) fn is_open(&self, local_id: PeerId, peer: PeerId) -> bool {
        let pair = Pair::of(local_id, peer);
        self.relations
            .get(&pair)
            .is_some_and(|relation| relation.ends[pair.side(local_id)].open)
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.relations
            .get_mut(&id.pair)?
            .links
            .get_mut(&id.generation)
    }

    pub(super) fn is_lost(&mut self, pair: Pair, from: usize) -> bool {
        let conditions = self.conditions(pair.member(from), pair.member(1 - from));
        self.rng.f64() < conditions.loss
    }

    pub(super) fn delay(&mut self, pair: Pair, from: usize) -> Duration {
        let conditions = self.conditions(pair.member(from), pair.member(1 - from));
        conditions.delay(self.rng.f64())
    }
}
