//! The state of the network: players, connections and scheduled tasks.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bevy::platform::time::Instant;
use huddle_mesh::{PeerId, RoomEvent, StopReason};

use crate::testing::{
    conditions::Conditions,
    network::{
        connection::{Connection, LinkId, Pair},
        link::Link,
        transmission::Transmission,
    },
};

/// The interval between checks for silent peers.
pub(super) const LIVENESS_INTERVAL: Duration = Duration::from_millis(50);

/// The time after which the network tries again to link two players.
pub(super) const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The virtual network between the players.
pub(crate) struct Network {
    pub(super) epoch: Instant,
    pub(super) now: Duration,
    pub(super) rng: fastrand::Rng,
    pub(super) conditions: Conditions,
    /// Conditions that differ from `conditions`, by sender and receiver.
    pub(super) link_conditions: BTreeMap<(PeerId, PeerId), Conditions>,
    /// The pairs between which no packet passes.
    pub(super) blocked: BTreeSet<Pair>,
    pub(super) is_server_running: bool,
    pub(super) members: BTreeMap<PeerId, Member>,
    pub(super) connections: BTreeMap<Pair, Connection>,
    /// Tasks by time. Tasks with the same time run in the order in which they were scheduled.
    pub(super) tasks: BTreeMap<(Duration, u64), Task>,
    /// The number of tasks scheduled so far.
    pub(super) scheduled: u64,
    pub(super) liveness_checks: u64,
    pub(super) last_killed: Option<PeerId>,
    /// The id of the next player that joins, instead of a random one.
    pub(super) kept_id: Option<PeerId>,
}

/// A player in a room.
pub(super) struct Member {
    pub(super) room: String,
    /// Silence after which a peer is lost.
    pub(super) reconnect_timeout: Duration,
    pub(super) inbox: VecDeque<RoomEvent>,
    /// The time at which the game last polled its transport.
    pub(super) last_poll: Duration,
    /// The reason why the game is not running, as last reported to the other players.
    pub(super) stopped: Option<StopReason>,
}

/// An action that is scheduled for a point in time.
pub(super) enum Task {
    /// Reports silent peers and sends pings.
    CheckLiveness,
    /// Tries to link a pair.
    Connect(Pair),
    /// Opens one side of a link.
    Open(LinkId, usize),
    /// Sends a transmission, for the first time or again.
    Depart(Transmission),
    Arrive(Transmission),
    /// Removes a state packet of this length from the send queue of this side.
    Dequeue(LinkId, usize, usize),
    /// Closes a link that was replaced.
    RemoveLink(LinkId),
    /// Makes this side notice that the other one has closed the link.
    DetectClosedLink(Pair, usize),
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        let mut network = Self {
            epoch: Instant::now(),
            now: Duration::ZERO,
            rng: fastrand::Rng::with_seed(seed),
            conditions: Conditions::default(),
            link_conditions: BTreeMap::new(),
            blocked: BTreeSet::new(),
            is_server_running: true,
            members: BTreeMap::new(),
            connections: BTreeMap::new(),
            tasks: BTreeMap::new(),
            scheduled: 0,
            liveness_checks: 0,
            last_killed: None,
            kept_id: None,
        };
        network.schedule(LIVENESS_INTERVAL, Task::CheckLiveness);
        network
    }

    #[cfg(test)]
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// Converts a time of the virtual clock to an instant.
    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.epoch + at
    }

    /// Returns the current time of the virtual clock as an instant.
    pub(crate) fn clock(&self) -> Instant {
        self.instant(self.now)
    }

    /// Returns a random number.
    pub(crate) fn random(&mut self) -> u64 {
        self.rng.u64(..)
    }

    pub(super) fn schedule(&mut self, after: Duration, task: Task) {
        self.scheduled += 1;
        self.tasks.insert((self.now + after, self.scheduled), task);
    }

    pub(super) fn conditions(&self, from: PeerId, to: PeerId) -> Conditions {
        *self
            .link_conditions
            .get(&(from, to))
            .unwrap_or(&self.conditions)
    }

    pub(super) fn report(&mut self, player: PeerId, event: RoomEvent) {
        if let Some(member) = self.members.get_mut(&player) {
            member.inbox.push_back(event);
        }
    }

    pub(super) fn pairs_of(&self, member: PeerId) -> Vec<Pair> {
        self.connections
            .keys()
            .copied()
            .filter(|pair| pair.contains(member))
            .collect()
    }

    pub(super) fn is_open(&self, local_id: PeerId, peer_id: PeerId) -> bool {
        let pair = Pair::of(local_id, peer_id);
        self.connections
            .get(&pair)
            .is_some_and(|connection| connection.endpoints[pair.side(local_id)].open)
    }

    pub(super) fn is_linked(&self, local_id: PeerId, peer_id: PeerId) -> bool {
        let connection = self.connections.get(&Pair::of(local_id, peer_id));
        self.is_open(local_id, peer_id) && connection.is_some_and(Connection::has_link)
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.connections
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
