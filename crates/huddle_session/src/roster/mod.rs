//! The roster of a room as seen by the local peer: the members and their links, the host, and the
//! kicks that the room's policy requires.

mod message;
mod policy;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use huddle_id::PeerId;
use thiserror::Error;

pub(crate) use self::message::{MAX_LINKS, RosterMessage};
pub use self::policy::KickPolicy;
use crate::tick::TickRate;

/// The time after joining during which every new peer counts as one that was there before.
const NEWCOMER_PERIOD: Duration = Duration::from_secs(5);

/// The maximum time between a player's join and its first mention, because links take time to open.
const JOIN_SLACK: Duration = Duration::from_secs(10);

/// The time for which a kick request holds.
const KICK_REQUEST_LIFETIME: Duration = Duration::from_secs(60);

/// The maximum number of pending kick requests per member.
const MAX_KICK_REQUESTS: usize = 16;

/// The maximum number of players whose first mention is remembered.
const MAX_FIRST_SEEN: usize = 1024;

/// The room as seen by the local peer. All ticks are the room's:
/// [`RoomClock::tick`](crate::clock::RoomClock::tick).
///
/// The **members** are the local peer and the peers it is linked with. Every member reports its
/// links, so that holes in the mesh can be detected: [`missing_links`](Self::missing_links).
///
/// The **host** is the member that has been in the room longest. If two joined in the same tick, it
/// is the one with the lower id. Members report when they joined. The report is believed if the
/// member was there before the local peer. A later member can have joined at most 10 seconds before
/// it was first mentioned. A newcomer therefore cannot claim to be the host before members that saw
/// it join, but later newcomers cannot detect the lie. Members of a mesh with holes may see
/// different hosts.
///
/// **Kicking** follows the room's [`KickPolicy`]. A kick request holds for 60 seconds, or until the
/// member that made it leaves. A kicked player that comes back within that time is kicked again.
/// Every member evaluates the requests for itself.
#[derive(Debug, Clone)]
pub(crate) struct Roster {
    local_id: PeerId,
    joined: u32,
    policy: KickPolicy,
    rate: TickRate,
    members: BTreeMap<PeerId, Member>,
    /// The ticks at which players were first mentioned: by another member, or by connecting.
    first_seen: BTreeMap<PeerId, u32>,
    /// The kick requests (from, target), with the ticks at which they were made.
    kick_requests: BTreeMap<(PeerId, PeerId), u32>,
    /// The kicked players that are still linked. Prevents reporting a kick twice.
    kicked: BTreeSet<PeerId>,
    events: VecDeque<RosterEvent>,
}

/// A peer that the local peer is linked with.
#[derive(Debug, Clone)]
struct Member {
    first_seen: u32,
    joined: u32,
    /// `None` before its first report.
    links: Option<BTreeSet<PeerId>>,
}

/// An event of the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RosterEvent {
    /// Send this message to all peers as an event.
    Send(RosterMessage),
    /// The policy kicks a player. If it is the local peer, it should leave.
    Kick {
        /// The kicked player.
        peer: PeerId,
        /// The members that requested the kick, in the order of their ids.
        requested_by: Vec<PeerId>,
    },
}

/// Errors of a kick request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KickError {
    /// The room's policy does not allow kicking.
    #[error(
        "the policy of this room does not allow kicking: choose `KickPolicy::Host` or `KickPolicy::Majority`, or disconnect the player"
    )]
    Disabled,
    /// Only the host can kick players.
    #[error("only the host can kick players from this room: ask {host}")]
    NotHost {
        /// The host.
        host: PeerId,
    },
    /// The player is not in the room.
    #[error("there is no player {0} in this room")]
    NotAMember(PeerId),
    /// The local peer cannot kick itself.
    #[error("the local player cannot kick itself: leave the room instead")]
    Yourself,
    /// Too many kick requests are pending.
    #[error("{MAX_KICK_REQUESTS} kick requests are already pending: wait a minute")]
    TooMany,
}

impl Roster {
    /// Creates a roster without peers. `joined` is the tick at which the local peer joined.
    pub(crate) fn new(local_id: PeerId, joined: u32, policy: KickPolicy, rate: TickRate) -> Self {
        Self {
            local_id,
            joined,
            policy,
            rate,
            members: BTreeMap::new(),
            first_seen: BTreeMap::new(),
            kick_requests: BTreeMap::new(),
            kicked: BTreeSet::new(),
            events: VecDeque::new(),
        }
    }

    /// Changes the join tick of the local peer after its clock adopted the room's.
    pub(crate) fn set_joined(&mut self, joined: u32) {
        if self.joined != joined {
            self.joined = joined;
            self.report();
        }
    }

    /// Adds a peer that is now linked and claims to have joined at `claim`.
    pub(crate) fn add_peer(&mut self, peer: PeerId, claim: u32, tick: u32) {
        if peer == self.local_id {
            return;
        }
        self.record_first_seen(peer, tick);
        let first_seen = self.first_seen.get(&peer).copied().unwrap_or(tick);
        let member = Member {
            first_seen,
            joined: self.plausible_join_tick(claim, first_seen),
            links: None,
        };
        self.members.insert(peer, member);
        self.kicked.remove(&peer);
        self.report();
        self.evaluate_kick_requests(tick);
    }

    /// Removes a peer that is no longer linked.
    pub(crate) fn remove_peer(&mut self, peer: PeerId, tick: u32) {
        if self.members.remove(&peer).is_some() {
            self.kick_requests.retain(|(by, _), _| *by != peer);
            self.kicked.remove(&peer);
            self.report();
            self.evaluate_kick_requests(tick);
        }
    }

    /// Handles a message from a peer. Messages from peers that are not members are ignored.
    pub(crate) fn receive(&mut self, from: PeerId, message: RosterMessage, tick: u32) {
        let Some(first_seen) = self.members.get(&from).map(|m| m.first_seen) else {
            return;
        };
        match message {
            RosterMessage::Links { joined, peers } => {
                let mut links: BTreeSet<_> = peers.into_iter().take(MAX_LINKS).collect();
                links.remove(&from);
                for &peer in &links {
                    self.record_first_seen(peer, tick);
                }
                let member = Member {
                    first_seen,
                    joined: self.plausible_join_tick(joined, first_seen),
                    links: Some(links),
                };
                self.members.insert(from, member);
            }
            // Requests beyond the limit are dropped. Honest peers never reach it.
            RosterMessage::Kick(peer) => drop(self.add_kick_request(from, peer, tick)),
            // The room handles slots itself.
            RosterMessage::Slots(_) => {}
        }
        self.evaluate_kick_requests(tick);
    }

    /// Requests to kick a player: an order if the local peer is the host, a vote under
    /// [`KickPolicy::Majority`].
    ///
    /// # Errors
    /// Returns an error if the room's policy does not allow it, or the player is not in the room.
    pub(crate) fn request_kick(&mut self, peer: PeerId, tick: u32) -> Result<(), KickError> {
        if peer == self.local_id {
            return Err(KickError::Yourself);
        }
        if !self.members.contains_key(&peer) {
            return Err(KickError::NotAMember(peer));
        }
        match self.policy {
            KickPolicy::Disabled => return Err(KickError::Disabled),
            KickPolicy::Host if self.host() != self.local_id => {
                return Err(KickError::NotHost { host: self.host() });
            }
            KickPolicy::Host | KickPolicy::Majority => {}
        }
        self.add_kick_request(self.local_id, peer, tick)?;
        self.events
            .push_back(RosterEvent::Send(RosterMessage::Kick(peer)));
        self.evaluate_kick_requests(tick);
        Ok(())
    }

    /// Returns the next event. Call it after every other method, until it returns `None`.
    pub(crate) fn poll(&mut self) -> Option<RosterEvent> {
        self.events.pop_front()
    }

    /// Returns the host.
    pub(crate) fn host(&self) -> PeerId {
        let others = self.members.iter().map(|(&id, member)| (member.joined, id));
        let oldest = others.chain([(self.joined, self.local_id)]).min();
        oldest.map_or(self.local_id, |(_, id)| id)
    }

    /// Returns the tick at which a member joined, as far as the claim is believed.
    #[cfg(test)]
    pub(crate) fn joined(&self, peer: PeerId) -> Option<u32> {
        if peer == self.local_id {
            return Some(self.joined);
        }
        self.members.get(&peer).map(|member| member.joined)
    }

    /// Returns the peers that a member reports a link to, in the order of their ids. The list is
    /// empty before the first report.
    pub(crate) fn links_of(&self, peer: PeerId) -> Vec<PeerId> {
        if peer == self.local_id {
            return self.members.keys().copied().collect();
        }
        let links = self
            .members
            .get(&peer)
            .and_then(|member| member.links.as_ref());
        links.into_iter().flatten().copied().collect()
    }

    /// Returns `true` if any member reports a link to a player.
    pub(crate) fn is_reported(&self, player: PeerId) -> bool {
        let mut links = self.members.values().filter_map(|it| it.links.as_ref());
        links.any(|links| links.contains(&player))
    }

    /// Returns the missing links of the mesh, in order, with the lower id first. A link
    /// is missing if one of two members does not report the other, or if a player is linked with
    /// other members but not with the local peer. Links are briefly missing whenever a player joins
    /// or leaves.
    pub(crate) fn missing_links(&self) -> Vec<(PeerId, PeerId)> {
        let mut missing = BTreeSet::new();
        for (&a, member) in &self.members {
            let Some(links) = &member.links else { continue };
            for &b in self.members.keys().chain([&self.local_id]) {
                if a != b && !links.contains(&b) {
                    missing.insert((a.min(b), a.max(b)));
                }
            }
            for &b in links {
                if b != self.local_id && !self.members.contains_key(&b) {
                    missing.insert((self.local_id.min(b), self.local_id.max(b)));
                }
            }
        }
        missing.into_iter().collect()
    }

    fn report(&mut self) {
        // Only the latest report matters.
        self.events
            .retain(|event| !matches!(event, RosterEvent::Send(RosterMessage::Links { .. })));
        let peers = self.members.keys().take(MAX_LINKS).copied().collect();
        let joined = self.joined;
        self.events
            .push_back(RosterEvent::Send(RosterMessage::Links { joined, peers }));
    }

    fn record_first_seen(&mut self, peer: PeerId, tick: u32) {
        if self.first_seen.len() < MAX_FIRST_SEEN {
            self.first_seen.entry(peer).or_insert(tick);
        }
    }

    fn plausible_join_tick(&self, claim: u32, first_seen: u32) -> u32 {
        if first_seen.saturating_sub(self.joined) <= self.rate.ticks_in(NEWCOMER_PERIOD) {
            claim
        } else {
            claim.max(first_seen.saturating_sub(self.rate.ticks_in(JOIN_SLACK)))
        }
    }

    fn add_kick_request(&mut self, by: PeerId, peer: PeerId, tick: u32) -> Result<(), KickError> {
        self.expire(tick);
        let pending = self
            .kick_requests
            .keys()
            .filter(|(other, _)| *other == by)
            .count();
        if pending >= MAX_KICK_REQUESTS && !self.kick_requests.contains_key(&(by, peer)) {
            return Err(KickError::TooMany);
        }
        if by != peer {
            self.kick_requests.insert((by, peer), tick);
        }
        Ok(())
    }

    fn expire(&mut self, tick: u32) {
        let lifetime = self.rate.ticks_in(KICK_REQUEST_LIFETIME);
        self.kick_requests
            .retain(|_, since| tick.saturating_sub(*since) <= lifetime);
    }

    /// Evaluates the kick requests and reports the players to kick.
    fn evaluate_kick_requests(&mut self, tick: u32) {
        self.expire(tick);
        let targets: BTreeSet<_> = self.kick_requests.keys().map(|&(_, peer)| peer).collect();
        for peer in targets {
            let is_member = peer == self.local_id || self.members.contains_key(&peer);
            let requested_by = self.kicked_by(peer);
            if is_member && !requested_by.is_empty() && self.kicked.insert(peer) {
                self.events
                    .push_back(RosterEvent::Kick { peer, requested_by });
            }
        }
    }

    /// Returns the members whose requests kick a player under the room's policy. The list is empty
    /// if the requests do not suffice.
    fn kicked_by(&self, peer: PeerId) -> Vec<PeerId> {
        let kick_requests = self
            .kick_requests
            .keys()
            .filter(|&&(_, other)| other == peer);
        let by = kick_requests.map(|&(by, _)| by);
        match self.policy {
            KickPolicy::Disabled => Vec::new(),
            KickPolicy::Host => by.filter(|&by| by == self.host()).collect(),
            KickPolicy::Majority => {
                let by: Vec<_> = by.collect();
                // The electorate is as large as the number of the local peer's links: it includes
                // the local peer and excludes the target.
                if by.len() * 2 > self.members.len() {
                    by
                } else {
                    Vec::new()
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
