//! Who has a place in a room with a capacity.
//!
//! Every player keeps a list of at most as many members as the room has places, and plays only with
//! the members of its list. So a player never plays with more than the capacity, whatever happens
//! on the network. One member, the *host* of the list, gives places; the others take its list over.
//!
//! | a player | does |
//! |---|---|
//! | without a place | waits for a list that contains it, or founds one |
//! | with a place | welcomes the members of its list, and nobody else |
//! | that is the host | adds players who ask, while there are places, and refuses the rest |
//!
//! 1. **Founding.** Of several players without places, the one that has waited alone founds a list,
//!    or else the one with the lowest id, once it has heard nothing new for [`QUIET`].
//! 2. **Versions.** Each change of a list has a higher version. A member takes over newer lists
//!    from its host, and from the other members once its host is lost. A player that a newer list
//!    lacks has lost its place, and asks again.
//! 3. **Succession.** When the host is gone or does not run, the first member after it that runs
//!    becomes the host. A host is gone only if no other member is linked with it either.
//! 4. **Merging.** Two lists meet after a partition. The host with the lower id adds the members of
//!    the other list if all of them fit, and the other host hands over. Otherwise both go on apart.

mod list;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use huddle_id::PeerId;

pub use self::list::MAX_PLACES;
use self::list::MAX_SEEN_VERSION;
pub(crate) use self::list::{Claim, MAX_LIST_LEN, PlaceList};

/// How long a founder has to have heard nothing new, so that those who come at the same time are
/// in the same list.
const QUIET: Duration = Duration::from_millis(700);

/// The same while a linked peer has not said anything: its first hello may have been lost.
const PATIENCE: Duration = Duration::from_millis(2500);

/// How long a player has to be alone to found a list as soon as somebody comes.
const WAITED: Duration = Duration::from_secs(3);

/// How long a successor waits for the lists of the other members, of which one may be newer.
const GRACE: Duration = Duration::from_millis(500);

/// How long the host waits before it refuses a player because all places are taken: a member that
/// was just closed and comes back would otherwise be refused for its own old place.
const FULL: Duration = Duration::from_secs(1);

/// The same while a member is silent, which may be lost.
const FULL_IN_DOUBT: Duration = Duration::from_secs(4);

/// A successor's version is higher than any that its predecessor may have told others.
const SUCCESSION: u64 = 0xffff;

/// The places of a room, as one player sees them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    local_id: PeerId,
    capacity: u8,
    /// Without members while this player has no place.
    list: PlaceList,
    /// Whether this player was alone for long before it met anybody.
    has_waited: bool,
    alone_since: Option<Duration>,
    linked: BTreeMap<PeerId, Linked>,
    /// When something was last heard of a player for the first time.
    last_news: Duration,
    arrivals: u64,
    host_lost: Option<Duration>,
    /// Whether the list is to be told to the other players.
    is_stale: bool,
}

/// A peer to which there is a link.
#[derive(Debug, Clone, Default)]
struct Linked {
    /// What it claims; nothing before its first hello.
    claim: Option<Claim>,
    /// When the game admitted it, as a number that grows.
    admitted: Option<u64>,
    has_joined: bool,
    is_stopped: bool,
    is_silent: bool,
    /// Since when it asks for a place and there is none.
    full: Option<Duration>,
}

/// What is to become of a peer that the game admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has a place.
    Welcome,
    /// It has to wait for a place, or for this player to get one.
    Wait,
    /// There is no place for it.
    Full,
}

impl Linked {
    fn has_no_place(&self) -> bool {
        let claim = self.claim.as_ref();
        claim.is_some_and(|claim| claim.list.members.is_empty())
    }
}

impl Places {
    pub(crate) fn new(local_id: PeerId, capacity: u8) -> Self {
        Self {
            local_id,
            capacity,
            list: PlaceList {
                version: 0,
                host: local_id,
                members: Vec::new(),
            },
            has_waited: false,
            alone_since: Some(Duration::ZERO),
            linked: BTreeMap::new(),
            last_news: Duration::ZERO,
            arrivals: 0,
            host_lost: None,
            is_stale: false,
        }
    }

    /// What this player's hellos tell.
    pub(crate) fn claim(&self) -> Claim {
        Claim {
            has_waited: self.has_waited,
            list: self.list.clone(),
        }
    }

    pub(crate) fn list(&self) -> &PlaceList {
        &self.list
    }

    pub(crate) fn capacity(&self) -> u8 {
        self.capacity
    }

    fn len_limit(&self) -> usize {
        self.capacity.into()
    }

    /// Whether the list has changed since this was last asked.
    pub(crate) fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.is_stale)
    }

    pub(crate) fn link_opened(&mut self, peer: PeerId, now: Duration) {
        if let Some(since) = self.alone_since.take() {
            self.has_waited |= now.saturating_sub(since) >= WAITED;
        }
        self.linked.insert(peer, Linked::default());
        self.last_news = now;
    }

    pub(crate) fn link_lost(&mut self, peer: PeerId, now: Duration) {
        self.linked.remove(&peer);
        if self.linked.is_empty() {
            self.alone_since.get_or_insert(now);
        }
    }

    /// The handshake with a peer starts again.
    pub(crate) fn restarted(&mut self, peer: PeerId) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            *linked = Linked {
                is_stopped: linked.is_stopped,
                ..Linked::default()
            };
        }
    }

    /// The game admits a peer, if there is a place.
    pub(crate) fn admit(&mut self, peer: PeerId) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            self.arrivals += 1;
            linked.admitted.get_or_insert(self.arrivals);
        }
    }

    pub(crate) fn joined(&mut self, peer: PeerId) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.has_joined = true;
        }
    }

    /// The session with a peer is closed.
    pub(crate) fn session_closed(&mut self, peer: PeerId) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.has_joined = false;
        }
    }

    /// Whether a peer's game runs.
    pub(crate) fn set_stopped(&mut self, peer: PeerId, is_stopped: bool) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.is_stopped = is_stopped;
        }
    }

    /// Whether nothing has come from a peer for so long that it may be lost.
    pub(crate) fn set_silent(&mut self, peer: PeerId, is_silent: bool) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.is_silent = is_silent;
        }
    }

    /// Takes what a peer claims in a hello.
    pub(crate) fn receive_claim(&mut self, peer: PeerId, claim: Claim, now: Duration) {
        let Some(linked) = self.linked.get_mut(&peer) else {
            return;
        };
        match &linked.claim {
            None => self.last_news = now,
            // Hellos overtake each other.
            Some(known) if known.list.version > claim.list.version => return,
            Some(_) => {}
        }
        let list = claim.list.clone();
        linked.claim = Some(claim);
        self.consider(peer, list);
    }

    /// Takes the list of a peer that has joined.
    pub(crate) fn receive(&mut self, peer: PeerId, list: PlaceList) {
        let Some(linked) = self.linked.get_mut(&peer) else {
            return;
        };
        let has_waited = linked.claim.as_ref().is_some_and(|claim| claim.has_waited);
        linked.claim = Some(Claim {
            has_waited,
            list: list.clone(),
        });
        self.consider(peer, list);
    }

    /// What is to become of a peer that the game admits.
    pub(crate) fn verdict(&mut self, peer: PeerId, now: Duration) -> Verdict {
        if self.list.has(peer) {
            return Verdict::Welcome;
        }
        let is_full = self.is_host() && self.list.members.len() >= self.len_limit();
        // One that is not linked any more is a member until nobody reports it.
        let may_be_lost = |&member: &PeerId| {
            let linked = self.linked.get(&member);
            member != self.local_id && linked.is_none_or(|linked| linked.is_silent)
        };
        let patience = if self.list.members.iter().any(may_be_lost) {
            FULL_IN_DOUBT
        } else {
            FULL
        };
        let Some(linked) = self.linked.get_mut(&peer) else {
            return Verdict::Wait;
        };
        if !is_full || !linked.has_no_place() {
            linked.full = None;
            return Verdict::Wait;
        }
        let since = *linked.full.get_or_insert(now);
        if now.saturating_sub(since) >= patience {
            Verdict::Full
        } else {
            Verdict::Wait
        }
    }

    /// The peers that have joined and are not in the list.
    pub(crate) fn outsiders(&self) -> Vec<PeerId> {
        let joined = self.linked.iter().filter(|(_, linked)| linked.has_joined);
        let peers = joined.map(|(&peer, _)| peer);
        peers.filter(|&peer| !self.list.has(peer)).collect()
    }

    /// Does what is due. `is_reported` says whether a peer that has joined reports a link to a
    /// player.
    pub(crate) fn step(&mut self, now: Duration, is_reported: impl Fn(PeerId) -> bool) {
        if self.list.members.is_empty() {
            self.found(now, &is_reported);
        } else if self.is_host() {
            self.manage(&is_reported);
        } else {
            self.watch_host(now, &is_reported);
        }
    }

    fn is_host(&self) -> bool {
        self.list.has(self.local_id) && self.list.host == self.local_id
    }

    fn found(&mut self, now: Duration, is_reported: &impl Fn(PeerId) -> bool) {
        let mut asking = self.linked.iter().filter_map(|(&peer, linked)| {
            let claim = linked.claim.as_ref()?;
            let is_here = linked.admitted.is_some() && !linked.is_stopped;
            is_here.then_some((claim, peer))
        });
        let mine = (!self.has_waited, self.local_id);
        let mut is_alone = true;
        let is_first = asking.all(|(claim, peer)| {
            is_alone = false;
            claim.list.members.is_empty() && mine < (!claim.has_waited, peer)
        });
        let is_heard = |linked: &Linked| linked.claim.is_some() || linked.is_stopped;
        let quiet = if self.has_waited {
            Duration::ZERO
        } else if self.linked.values().all(is_heard) {
            QUIET
        } else {
            PATIENCE
        };
        let is_quiet = now.saturating_sub(self.last_news) >= quiet;
        if is_first && !is_alone && is_quiet {
            self.set(vec![self.local_id], self.local_id, self.list.version + 1);
            self.manage(is_reported);
        }
    }

    /// As the host: who has a place now.
    fn manage(&mut self, is_reported: &impl Fn(PeerId) -> bool) {
        let keeps = |&member: &PeerId| match self.linked.get(&member) {
            _ if member == self.local_id => true,
            Some(linked) if linked.has_joined => true,
            // Whoever has taken a place elsewhere does not need this one.
            Some(linked) => match &linked.claim {
                Some(claim) => claim.list.members.is_empty() || claim.list.has(self.local_id),
                None => true,
            },
            None => is_reported(member),
        };
        let mut members: Vec<_> = self.list.members.iter().copied().filter(keeps).collect();
        let mut version = self.list.version;
        let mut asking: Vec<_> = self
            .linked
            .iter()
            .filter_map(|(&peer, linked)| Some((linked.admitted?, peer, linked.claim.as_ref()?)))
            .filter(|(_, peer, claim)| {
                !members.contains(peer) && claim.list.version <= MAX_SEEN_VERSION
            })
            .collect();
        asking.sort_unstable_by_key(|&(arrival, ..)| arrival);
        for (_, peer, claim) in asking {
            let group: &[PeerId] = match &*claim.list.members {
                [] => &[peer],
                others if claim.list.host == peer && self.local_id < peer => others,
                _ => continue,
            };
            let new: Vec<_> = group.iter().filter(|it| !members.contains(it)).collect();
            let are_linked = new.iter().all(|it| self.linked.contains_key(it));
            if are_linked && members.len() + new.len() <= self.len_limit() {
                members.extend(new);
                version = version.max(claim.list.version);
            }
        }
        if members.len() == 1 {
            // Nobody else is left, so the next who comes need not follow this list.
            self.has_waited = true;
            return self.set(Vec::new(), self.local_id, version + 1);
        }
        let is_same = members.len() == self.list.members.len()
            && members.iter().all(|&member| self.list.has(member));
        if !is_same {
            self.set(members, self.local_id, version + 1);
        }
    }

    /// As a member: whether this player has to become the host.
    fn watch_host(&mut self, now: Duration, is_reported: &impl Fn(PeerId) -> bool) {
        let runs = |member: PeerId| match self.linked.get(&member) {
            Some(linked) => !linked.is_stopped,
            None => is_reported(member),
        };
        let is_here = |member: PeerId| self.linked.contains_key(&member) || is_reported(member);
        if runs(self.list.host) {
            self.host_lost = None;
            return;
        }
        if !self
            .list
            .members
            .iter()
            .any(|&it| it != self.local_id && is_here(it))
        {
            self.has_waited = true;
            return self.set(Vec::new(), self.local_id, self.list.version + 1);
        }
        let ahead = self
            .list
            .members
            .iter()
            .take_while(|&&it| it != self.local_id);
        let is_next = ahead.copied().all(|it| !runs(it));
        match self.host_lost {
            None => {
                // Another member may have a newer list, or need this one.
                self.host_lost = Some(now);
                self.is_stale = true;
                let claims = self.linked.iter();
                let claims: Vec<_> = claims
                    .filter_map(|(&peer, it)| Some((peer, it.claim.as_ref()?.list.clone())))
                    .collect();
                for (peer, list) in claims {
                    self.consider(peer, list);
                }
            }
            Some(since) if is_next && now.saturating_sub(since) >= GRACE => {
                let version = (self.list.version | SUCCESSION) + 1;
                self.set(self.list.members.clone(), self.local_id, version);
                self.manage(is_reported);
            }
            Some(_) => {}
        }
    }

    /// Whether another list is to be taken over.
    fn consider(&mut self, from: PeerId, list: PlaceList) {
        if !list.is_valid(self.len_limit()) {
            return;
        }
        let mine = &self.list;
        let is_newer = list.version > mine.version;
        let is_from_host = list.host == from && list.has(from);
        if mine.members.is_empty() {
            if is_newer && list.has(self.local_id) && list.has(from) {
                self.take(list);
            }
            return;
        }
        if self.is_host() {
            let is_below = is_from_host && from < self.local_id;
            let is_whole = mine.members.iter().all(|&member| list.has(member));
            let is_successor = is_newer && mine.has(list.host) && list.host != self.local_id;
            let is_played = self.linked.values().any(|linked| linked.has_joined);
            if list.has(self.local_id) && (is_successor || is_below && is_newer) && is_whole {
                self.take(list);
            } else if is_successor && !is_played {
                self.lose(list.version);
            } else if is_below && !is_played {
                // Two have founded at the same time.
                self.lose(self.list.version + 1);
                self.consider(from, list);
            }
        } else if is_newer && (from == mine.host || self.host_lost.is_some() && mine.has(list.host))
        {
            if list.has(self.local_id) {
                self.take(list);
            } else {
                self.lose(list.version);
            }
        }
    }

    fn take(&mut self, list: PlaceList) {
        self.list = list;
        self.host_lost = None;
        self.is_stale = true;
    }

    fn lose(&mut self, version: u64) {
        self.set(Vec::new(), self.local_id, version);
    }

    fn set(&mut self, members: Vec<PeerId>, host: PeerId, version: u64) {
        self.take(PlaceList {
            version,
            host,
            members,
        });
    }
}
