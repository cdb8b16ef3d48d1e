//! Who is in the room, as seen from one player: who is linked with whom, who is host, and whom the
//! room's rules kick.

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

/// For how long after joining everybody who is met is taken to have been there before.
const NEWCOMER: Duration = Duration::from_secs(5);

/// How long before it was first heard of a player may have joined: links take time.
const SLACK: Duration = Duration::from_secs(10);

/// For how long a wish to kick somebody holds.
const WISH_LIFETIME: Duration = Duration::from_secs(60);

/// How many players one member may request to kick at a time.
const MAX_WISHES: usize = 16;

/// How many players are remembered that others told of.
const MAX_HEARD_OF: usize = 1024;

/// The room, as one player sees it. Ticks are the room's: [`RoomClock::tick`](crate::clock::RoomClock::tick).
///
/// **Members** are this player and the peers it is linked with. Everybody reports their links, so
/// that a mesh with holes can be seen: [`missing`](Self::missing).
///
/// The **host** is the member longest in the room; of two who joined in the same tick, the lower id.
/// Members say themselves when they joined. Who was there before this player is believed; who came
/// later can have joined at most 10 seconds before it was first heard of. So a newcomer
/// cannot pass for the host with those who saw it come; who comes after it cannot know better.
/// Members of a mesh with holes may see different hosts.
///
/// **Kicking** follows the room's [`KickPolicy`]. A wish to kick somebody holds for 60 seconds,
/// or until who had it leaves; a player who was kicked and comes back within that time
/// is kicked again. Every member counts for itself.
#[derive(Debug, Clone)]
pub(crate) struct Roster {
    local_id: PeerId,
    joined: u32,
    policy: KickPolicy,
    rate: TickRate,
    members: BTreeMap<PeerId, Member>,
    /// When players were first heard of, from others or by meeting them.
    heard_of: BTreeMap<PeerId, u32>,
    /// Who wants whom kicked, since when.
    wishes: BTreeMap<(PeerId, PeerId), u32>,
    /// Kicked and still linked, so that it is said once.
    kicked: BTreeSet<PeerId>,
    events: VecDeque<RosterEvent>,
}

/// A peer this player is linked with.
#[derive(Debug, Clone)]
struct Member {
    first_heard_of: u32,
    joined: u32,
    /// `None` before its first report.
    links: Option<BTreeSet<PeerId>>,
}

/// What the roster tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RosterEvent {
    /// To be sent to all peers as an event.
    Send(RosterMessage),
    /// A player is to be kicked; if it is this one, it should leave. `by` are the members who
    /// wanted it, in the order of their ids.
    Kick {
        /// Whom.
        peer: PeerId,
        /// Who wanted it.
        by: Vec<PeerId>,
    },
}

/// Why a player cannot be kicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KickError {
    /// In this room nobody kicks others.
    #[error(
        "nobody can kick players from this room: choose KickPolicy::Host or Majority, or disconnect the player"
    )]
    Nobody,
    /// Only the host may.
    #[error("only the host can kick players from this room, and that is {host}: ask them")]
    NotHost {
        /// Who is host.
        host: PeerId,
    },
    /// The player is not there.
    #[error("there is no player {0} in this room")]
    NotAMember(PeerId),
    /// A player cannot kick themselves.
    #[error("a player cannot kick themselves: leave the room")]
    Yourself,
    /// Too many at once.
    #[error("more than {MAX_WISHES} kicks are under way: wait a minute")]
    TooMany,
}

impl Roster {
    /// A room without peers. `joined` is when this player joined, on the room's clock.
    pub(crate) fn new(local_id: PeerId, joined: u32, policy: KickPolicy, rate: TickRate) -> Self {
        Self {
            local_id,
            joined,
            policy,
            rate,
            members: BTreeMap::new(),
            heard_of: BTreeMap::new(),
            wishes: BTreeMap::new(),
            kicked: BTreeSet::new(),
            events: VecDeque::new(),
        }
    }

    /// When this player joined turns out otherwise: its clock adopted the room's.
    pub(crate) fn set_joined(&mut self, joined: u32) {
        if self.joined != joined {
            self.joined = joined;
            self.report();
        }
    }

    /// A peer is linked from now on and says that it joined at `claim`.
    pub(crate) fn meet(&mut self, peer: PeerId, claim: u32, tick: u32) {
        if peer == self.local_id {
            return;
        }
        self.hear_of(peer, tick);
        let first_heard_of = self.heard_of.get(&peer).copied().unwrap_or(tick);
        let member = Member {
            first_heard_of,
            joined: self.believable(claim, first_heard_of),
            links: None,
        };
        self.members.insert(peer, member);
        self.kicked.remove(&peer);
        self.report();
        self.count(tick);
    }

    /// A peer is no longer linked.
    pub(crate) fn part(&mut self, peer: PeerId, tick: u32) {
        if self.members.remove(&peer).is_some() {
            self.wishes.retain(|(by, _), _| *by != peer);
            self.kicked.remove(&peer);
            self.report();
            self.count(tick);
        }
    }

    /// Takes what a peer tells. Nothing is taken from who is not a member.
    pub(crate) fn receive(&mut self, from: PeerId, message: RosterMessage, tick: u32) {
        let Some(first_heard_of) = self.members.get(&from).map(|m| m.first_heard_of) else {
            return;
        };
        match message {
            RosterMessage::Links { joined, peers } => {
                let mut links: BTreeSet<_> = peers.into_iter().take(MAX_LINKS).collect();
                links.remove(&from);
                for &peer in &links {
                    self.hear_of(peer, tick);
                }
                let member = Member {
                    first_heard_of,
                    joined: self.believable(joined, first_heard_of),
                    links: Some(links),
                };
                self.members.insert(from, member);
            }
            // Beyond the limit it is dropped: nobody honest gets there.
            RosterMessage::Kick(peer) => drop(self.wish(from, peer, tick)),
            // They concern the room, whose places are not the roster's.
            RosterMessage::Places(_) => {}
        }
        self.count(tick);
    }

    /// Wants a player kicked: an order if this player is host, a vote among equals.
    ///
    /// # Errors
    /// If the room's policy does not allow it, or the player is not there.
    pub(crate) fn request_kick(&mut self, peer: PeerId, tick: u32) -> Result<(), KickError> {
        if peer == self.local_id {
            return Err(KickError::Yourself);
        }
        if !self.members.contains_key(&peer) {
            return Err(KickError::NotAMember(peer));
        }
        match self.policy {
            KickPolicy::Nobody => return Err(KickError::Nobody),
            KickPolicy::Host if self.host() != self.local_id => {
                return Err(KickError::NotHost { host: self.host() });
            }
            KickPolicy::Host | KickPolicy::Majority => {}
        }
        self.wish(self.local_id, peer, tick)?;
        self.events
            .push_back(RosterEvent::Send(RosterMessage::Kick(peer)));
        self.count(tick);
        Ok(())
    }

    /// What happened. Call it after everything else until it returns `None`.
    pub(crate) fn poll(&mut self) -> Option<RosterEvent> {
        self.events.pop_front()
    }

    /// The member longest in the room.
    pub(crate) fn host(&self) -> PeerId {
        let others = self.members.iter().map(|(&id, member)| (member.joined, id));
        let oldest = others.chain([(self.joined, self.local_id)]).min();
        oldest.map_or(self.local_id, |(_, id)| id)
    }

    /// When a member joined, as far as it is believed.
    #[cfg(test)]
    pub(crate) fn joined(&self, peer: PeerId) -> Option<u32> {
        if peer == self.local_id {
            return Some(self.joined);
        }
        self.members.get(&peer).map(|member| member.joined)
    }

    /// Who a member says it is linked with, in the order of their ids; empty before its first
    /// report.
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

    /// Whether any member reports a link to a player.
    pub(crate) fn is_reported(&self, player: PeerId) -> bool {
        let mut links = self.members.values().filter_map(|it| it.links.as_ref());
        links.any(|links| links.contains(&player))
    }

    /// The links the mesh lacks: pairs of members one of whom does not report the other, and this
    /// player with those that only others are linked with. The lower id comes first; in order. While
    /// somebody joins or leaves it is normal that links are missing for a moment.
    pub(crate) fn missing(&self) -> Vec<(PeerId, PeerId)> {
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
        // Only the latest report counts.
        self.events
            .retain(|event| !matches!(event, RosterEvent::Send(RosterMessage::Links { .. })));
        let peers = self.members.keys().take(MAX_LINKS).copied().collect();
        let joined = self.joined;
        self.events
            .push_back(RosterEvent::Send(RosterMessage::Links { joined, peers }));
    }

    fn hear_of(&mut self, peer: PeerId, tick: u32) {
        if self.heard_of.len() < MAX_HEARD_OF {
            self.heard_of.entry(peer).or_insert(tick);
        }
    }

    fn believable(&self, claim: u32, first_heard_of: u32) -> u32 {
        if first_heard_of.saturating_sub(self.joined) <= self.rate.ticks_in(NEWCOMER) {
            claim
        } else {
            claim.max(first_heard_of.saturating_sub(self.rate.ticks_in(SLACK)))
        }
    }

    fn wish(&mut self, by: PeerId, peer: PeerId, tick: u32) -> Result<(), KickError> {
        self.expire(tick);
        let theirs = self.wishes.keys().filter(|(other, _)| *other == by).count();
        if theirs >= MAX_WISHES && !self.wishes.contains_key(&(by, peer)) {
            return Err(KickError::TooMany);
        }
        if by != peer {
            self.wishes.insert((by, peer), tick);
        }
        Ok(())
    }

    fn expire(&mut self, tick: u32) {
        let lifetime = self.rate.ticks_in(WISH_LIFETIME);
        self.wishes
            .retain(|_, since| tick.saturating_sub(*since) <= lifetime);
    }

    /// Sees who is to be kicked now.
    fn count(&mut self, tick: u32) {
        self.expire(tick);
        let targets: BTreeSet<_> = self.wishes.keys().map(|&(_, peer)| peer).collect();
        for peer in targets {
            let is_here = peer == self.local_id || self.members.contains_key(&peer);
            let by = self.kicked_by(peer);
            if is_here && !by.is_empty() && self.kicked.insert(peer) {
                self.events.push_back(RosterEvent::Kick { peer, by });
            }
        }
    }

    /// Whose requests kick a player by the room's policy; empty if they do not suffice.
    fn kicked_by(&self, peer: PeerId) -> Vec<PeerId> {
        let wishes = self.wishes.keys().filter(|&&(_, other)| other == peer);
        let by = wishes.map(|&(by, _)| by);
        match self.policy {
            KickPolicy::Nobody => Vec::new(),
            KickPolicy::Host => by.filter(|&by| by == self.host()).collect(),
            KickPolicy::Majority => {
                let by: Vec<_> = by.collect();
                // As many as this player has peers: it counts, the one in question does not.
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
