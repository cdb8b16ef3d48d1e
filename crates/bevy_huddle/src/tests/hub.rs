use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bevy::platform::time::Instant;
use bytes::Bytes;
use huddle_mesh::{
    Channel, LeaveReason, LinkStats, MAX_MESSAGE_LEN, PeerId, RoomEvent, SendError, Signaling,
};
use uuid::Uuid;

use crate::transport::Transport;

/// A room in memory: everything arrives at once and in order, unless a test rearranges it.
#[derive(Clone, Default)]
pub(super) struct Hub(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    joined: u128,
    members: BTreeMap<PeerId, Member>,
    links: BTreeSet<(PeerId, PeerId)>,
    left: BTreeSet<PeerId>,
}

/// One player's end.
pub(super) struct Member {
    /// What `poll` hands out next.
    pub(super) inbox: VecDeque<RoomEvent>,
    /// What each channel takes.
    pub(super) credit: [usize; 3],
    /// What `stats` says of every peer.
    pub(super) stats: LinkStats,
}

pub(super) struct Seat {
    hub: Hub,
    me: PeerId,
}

impl Hub {
    /// Joins; everybody is linked at once.
    pub(super) fn join(&self) -> Seat {
        let mut state = self.lock();
        state.joined += 1;
        let me = PeerId(Uuid::from_u128(state.joined));
        let member = Member {
            inbox: VecDeque::from([RoomEvent::Signaling(Signaling::Connected { back: false })]),
            credit: Channel::ALL.map(Channel::send_limit),
            stats: LinkStats::default(),
        };
        let others: Vec<_> = state.members.keys().copied().collect();
        state.members.insert(me, member);
        for other in others {
            state.link(me, other);
        }
        Seat {
            hub: self.clone(),
            me,
        }
    }

    /// Makes something happen to a player.
    pub(super) fn push(&self, player: PeerId, event: RoomEvent) {
        self.member(player, |member| member.inbox.push_back(event));
    }

    /// Looks at or changes a player's end.
    pub(super) fn member<R>(&self, player: PeerId, f: impl FnOnce(&mut Member) -> R) -> R {
        f(self.lock().members.get_mut(&player).expect("a member"))
    }

    /// Whether somebody is still connected to the room.
    pub(super) fn has(&self, player: PeerId) -> bool {
        self.lock().members.contains_key(&player)
    }

    /// Whether somebody left without waiting.
    pub(super) fn has_left(&self, player: PeerId) -> bool {
        self.lock().left.contains(&player)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A packet that seems to come from a peer.
pub(super) fn packet(peer: PeerId, channel: Channel, bytes: impl Into<Bytes>) -> RoomEvent {
    RoomEvent::Packet {
        peer,
        channel,
        bytes: bytes.into(),
        arrived: Instant::now(),
    }
}

impl State {
    fn link(&mut self, a: PeerId, b: PeerId) {
        self.links.insert((a.min(b), a.max(b)));
        for (me, peer) in [(a, b), (b, a)] {
            let event = RoomEvent::PeerJoined {
                peer,
                returning: false,
                foreign: false,
            };
            self.push(me, event);
        }
    }

    /// Ends a link; each side is told its own reason.
    fn unlink(&mut self, me: PeerId, mine: LeaveReason, peer: PeerId, theirs: LeaveReason) {
        if self.links.remove(&(me.min(peer), me.max(peer))) {
            self.push(me, RoomEvent::PeerLeft { peer, reason: mine });
            let event = RoomEvent::PeerLeft {
                peer: me,
                reason: theirs,
            };
            self.push(peer, event);
        }
    }

    fn push(&mut self, player: PeerId, event: RoomEvent) {
        if let Some(member) = self.members.get_mut(&player) {
            member.inbox.push_back(event);
        }
    }

    fn is_linked(&self, a: PeerId, b: PeerId) -> bool {
        self.links.contains(&(a.min(b), a.max(b)))
    }
}

impl Transport for Seat {
    fn me(&self) -> PeerId {
        self.me
    }

    fn poll(&mut self) -> Option<RoomEvent> {
        self.hub.member(self.me, |member| member.inbox.pop_front())
    }

    fn credit(&self, peer: PeerId, channel: Channel) -> usize {
        let state = self.hub.lock();
        match state.members.get(&self.me) {
            Some(member) if state.is_linked(self.me, peer) => member.credit[channel.index()],
            _ => 0,
        }
    }

    fn send(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError> {
        if bytes.len() > MAX_MESSAGE_LEN {
            return Err(SendError::TooLarge(bytes.len()));
        }
        if bytes.first() == Some(&0xff) {
            return Err(SendError::ReservedByte);
        }
        if !self.hub.lock().is_linked(self.me, peer) {
            return Err(SendError::NoLink);
        }
        if bytes.len() > self.credit(peer, channel) {
            return Err(SendError::Full(channel));
        }
        self.hub.push(peer, packet(self.me, channel, bytes));
        Ok(())
    }

    fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        let state = self.hub.lock();
        let member = state.members.get(&self.me)?;
        state.is_linked(self.me, peer).then_some(member.stats)
    }

    fn cut(&mut self, peer: PeerId) {
        let mut state = self.hub.lock();
        state.unlink(self.me, LeaveReason::Cut, peer, LeaveReason::CutByPeer);
    }

    fn leave(self: Box<Self>) {
        self.hub.lock().left.insert(self.me);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.members.remove(&self.me);
        let others: Vec<_> = state.members.keys().copied().collect();
        for other in others {
            state.unlink(self.me, LeaveReason::Left, other, LeaveReason::Left);
        }
    }
}
