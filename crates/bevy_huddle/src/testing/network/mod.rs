//! A signaling server and the links between players, on a virtual clock.
//!
//! It knows no Bevy. What happens is on an agenda, and time goes from one step to the next; the
//! same seed and the same calls give the same run.

mod liveness;
mod relation;
mod travel;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bevy::platform::time::Instant;
use bytes::Bytes;
use huddle_mesh::{
    Channel, LeaveReason, LinkStats, MAX_MESSAGE_LEN, PeerId, RoomEvent, SendError, Signaling,
    SignalingLoss, StopReason,
};

use crate::testing::conditions::Conditions;
use relation::{LinkId, Pair, Relation};
use travel::Flight;
use wire::Cargo;

/// Between two looks at who is silent.
const BEAT: Duration = Duration::from_millis(50);

/// Until it is tried again to link two players.
const RETRY: Duration = Duration::from_secs(1);

/// Everything between the players.
pub(crate) struct Network {
    epoch: Instant,
    now: Duration,
    rng: fastrand::Rng,
    conditions: Conditions,
    /// By sender and receiver.
    special: BTreeMap<(PeerId, PeerId), Conditions>,
    walls: BTreeSet<Pair>,
    server: bool,
    members: BTreeMap<PeerId, Member>,
    relations: BTreeMap<Pair, Relation>,
    agenda: BTreeMap<(Duration, u64), Step>,
    planned: u64,
    beats: u64,
}

struct Member {
    room: String,
    inbox: VecDeque<RoomEvent>,
    /// When the game last asked for news.
    polled: Duration,
    /// Why the game does not run, as the others were told.
    stopped: Option<StopReason>,
}

/// What happens at a point in time.
enum Step {
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
    fn now(&self) -> Duration {
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

    /// Lets time pass up to a point.
    pub(crate) fn advance(&mut self, to: Duration) {
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= to
        {
            let ((at, _), step) = entry.remove_entry();
            self.now = self.now.max(at);
            self.take(step);
        }
        self.now = self.now.max(to);
    }

    fn plan(&mut self, after: Duration, step: Step) {
        self.planned += 1;
        self.agenda.insert((self.now + after, self.planned), step);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Beat => self.beat(),
            Step::Connect(pair) => self.connect(pair),
            Step::Open(link, side) => self.open(link, side),
            Step::Leave(flight) => self.depart(flight),
            Step::Arrive(flight) => self.arrive(flight),
            Step::Taken(link, side, len) => {
                if let Some(link) = self.link_mut(link) {
                    link.ways[side].dequeue(Channel::State, len);
                }
            }
            Step::Retire(id) => {
                if let Some(relation) = self.relations.get_mut(&id.pair) {
                    relation.links.remove(&id.generation);
                }
            }
            Step::Broken(link, side) => {
                if self.link_mut(link).is_some() {
                    self.give_up(link.pair, side);
                }
            }
        }
    }

    pub(crate) fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
        self.special.clear();
    }

    pub(crate) fn set_one_way(&mut self, from: PeerId, to: PeerId, conditions: Conditions) {
        self.special.insert((from, to), conditions);
    }

    fn conditions(&self, from: PeerId, to: PeerId) -> Conditions {
        *self.special.get(&(from, to)).unwrap_or(&self.conditions)
    }

    /// Lets nothing pass between two players.
    pub(crate) fn block(&mut self, a: PeerId, b: PeerId) {
        self.walls.insert(Pair::of(a, b));
    }

    pub(crate) fn unblock_all(&mut self) {
        self.walls.clear();
    }

    /// Starts or stops the signaling server.
    pub(crate) fn set_server(&mut self, runs: bool) {
        if std::mem::replace(&mut self.server, runs) != runs {
            let signaling = self.signaling(true);
            for member in self.members.values_mut() {
                member
                    .inbox
                    .push_back(RoomEvent::Signaling(signaling.clone()));
            }
        }
    }

    fn signaling(&self, back: bool) -> Signaling {
        if self.server {
            Signaling::Connected { back }
        } else {
            Signaling::Retrying {
                reason: SignalingLoss::Closed("stopped".to_owned()),
                retry_in: RETRY,
                attempt: 1,
            }
        }
    }

    /// A new player in a room; links to the others are made from now on.
    pub(crate) fn join(&mut self, room: &str) -> PeerId {
        let me = PeerId::from_u128(self.rng.u128(..));
        let others: Vec<_> = self
            .members
            .iter()
            .filter(|(_, member)| member.room == room)
            .map(|(&other, _)| other)
            .collect();
        let member = Member {
            room: room.to_owned(),
            inbox: [RoomEvent::Signaling(self.signaling(false))].into(),
            polled: self.now,
            stopped: None,
        };
        self.members.insert(me, member);
        for other in others {
            let pair = Pair::of(me, other);
            self.relations.insert(pair, Relation::default());
            self.plan(Duration::ZERO, Step::Connect(pair));
        }
        me
    }

    /// Leaves and says so to everybody; the farewell comes behind what was sent before.
    pub(crate) fn leave(&mut self, me: PeerId) {
        if self.members.remove(&me).is_none() {
            return;
        }
        for pair in self.pairs_of(me) {
            self.part(pair, pair.side(me), LeaveReason::Left);
        }
    }

    /// Stops a player without a word.
    pub(crate) fn kill(&mut self, me: PeerId) {
        self.members.remove(&me);
        for pair in self.pairs_of(me) {
            if let Some(relation) = self.relations.get_mut(&pair) {
                relation.close(pair.side(me));
            }
        }
    }

    /// Whether somebody is still connected to the room.
    #[cfg(test)]
    pub(crate) fn has(&self, player: PeerId) -> bool {
        self.members.contains_key(&player)
    }

    pub(crate) fn cut(&mut self, me: PeerId, peer: PeerId) {
        let pair = Pair::of(me, peer);
        if self.is_open(me, peer) {
            self.part(pair, pair.side(me), LeaveReason::CutByPeer);
            self.tell(
                me,
                RoomEvent::PeerLeft {
                    peer,
                    reason: LeaveReason::Cut,
                },
            );
        }
    }

    pub(crate) fn poll(&mut self, me: PeerId) -> Option<RoomEvent> {
        self.advance(self.now);
        let member = self.members.get_mut(&me)?;
        member.polled = self.now;
        self.set_stopped(me, None);
        self.members.get_mut(&me)?.inbox.pop_front()
    }

    pub(crate) fn credit(&self, me: PeerId, peer: PeerId, channel: Channel) -> usize {
        if !self.is_open(me, peer) {
            return 0;
        }
        let queued = self.queued(me, peer)[channel.index()];
        channel.send_limit().saturating_sub(queued)
    }

    pub(crate) fn send(
        &mut self,
        me: PeerId,
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
    ) -> Result<(), SendError> {
        if bytes.len() > MAX_MESSAGE_LEN {
            return Err(SendError::TooLarge(bytes.len()));
        }
        if bytes.first() == Some(&0xff) {
            return Err(SendError::ReservedByte);
        }
        let pair = Pair::of(me, peer);
        let side = pair.side(me);
        let credit = self.credit(me, peer, channel);
        let Some(relation) = self
            .relations
            .get_mut(&pair)
            .filter(|relation| relation.ends[side].open)
        else {
            return Err(SendError::NoLink);
        };
        if bytes.len() > credit {
            return Err(SendError::Full(channel));
        }
        let stats = &mut relation.ends[side].stats;
        stats.bytes_sent += bytes.len() as u64;
        stats.packets_sent += 1;
        let link = relation.current_link(pair);
        self.launch(link, side, Cargo::Packet(channel, bytes));
        Ok(())
    }

    pub(crate) fn stats(&self, me: PeerId, peer: PeerId) -> Option<LinkStats> {
        let pair = Pair::of(me, peer);
        let end = &self.relations.get(&pair)?.ends[pair.side(me)];
        end.open.then(|| LinkStats {
            silence: self.now.saturating_sub(end.heard),
            queued: self.queued(me, peer),
            ..end.stats
        })
    }

    /// Lets something happen to a player that no honest network would do.
    #[cfg(test)]
    pub(crate) fn inject(&mut self, player: PeerId, event: RoomEvent) {
        self.tell(player, event);
    }

    fn queued(&self, me: PeerId, peer: PeerId) -> [usize; 3] {
        let pair = Pair::of(me, peer);
        self.relations
            .get(&pair)
            .and_then(|relation| relation.links.get(&relation.generation))
            .map_or([0; 3], |link| link.ways[pair.side(me)].queued)
    }

    fn tell(&mut self, player: PeerId, event: RoomEvent) {
        if let Some(member) = self.members.get_mut(&player) {
            member.inbox.push_back(event);
        }
    }

    fn pairs_of(&self, member: PeerId) -> Vec<Pair> {
        self.relations
            .keys()
            .copied()
            .filter(|pair| pair.has(member))
            .collect()
    }
}
