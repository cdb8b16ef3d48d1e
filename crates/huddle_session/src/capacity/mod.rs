//! The slots of a room with a capacity.
//!
//! Every peer keeps a list of members, which is never longer than the capacity of the room, and
//! plays only with the members of its list. Therefore a peer never plays with more peers than the
//! capacity allows, whatever the network does. One member, the *host* of the list, assigns slots.
//! The other members adopt its list.
//!
//! | peer | behavior |
//! |---|---|
//! | without a slot | waits for a list that contains it, or founds one |
//! | with a slot | welcomes the members of its list, and no other peer |
//! | host of the list | adds peers that request a slot while there are slots, and refuses the rest |
//!
//! 1. **Founding.** Among peers without a slot, one that has waited alone founds a list. If there
//!    is none, the peer with the lowest id does, once no new peer has appeared for [`QUIET`].
//! 2. **Versions.** Each change of a list increases its version. A member adopts newer lists from
//!    its host, and from the other members once its host is lost. A peer that is missing from a
//!    newer list has lost its slot and requests one again.
//! 3. **Succession.** When the host is lost or its game has stopped, the first running member after
//!    it becomes the host. The host is considered lost only if no other member is linked with it
//!    either.
//! 4. **Merging.** After a partition, two lists may meet. If the members of both fit, the host with
//!    the lower id adds the members of the other list, and the other host adopts the result.
//!    Otherwise the two lists stay separate.

mod list;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use huddle_id::PeerId;

use self::list::MAX_SEEN_VERSION;
pub use self::list::MAX_SLOTS;
pub(crate) use self::list::{Claim, MAX_LIST_LEN, SlotList};

/// The time without a new peer after which the local peer founds a list, so that peers that join
/// at the same time get into the same list.
const QUIET: Duration = Duration::from_millis(700);

/// Replaces [`QUIET`] while a linked peer has not sent a hello, because its first hello may have
/// been lost.
const QUIET_WITHOUT_HELLO: Duration = Duration::from_millis(2500);

/// The time that a peer has to be alone before it founds a list as soon as another peer joins.
const FOUNDING_DELAY: Duration = Duration::from_secs(3);

/// The time that a successor waits for the lists of the other members, one of which may be newer.
const SUCCESSION_DELAY: Duration = Duration::from_millis(500);

/// The time that the host waits before it refuses a peer because all slots are taken. A member
/// that restarts its game may otherwise be refused because of its own former slot.
const REFUSAL_DELAY: Duration = Duration::from_secs(1);

/// Replaces [`REFUSAL_DELAY`] while a member is silent, because that member may be lost. The mesh
/// takes eight seconds to find out.
const REFUSAL_DELAY_IF_SILENT: Duration = Duration::from_secs(9);

/// The low bits of a version. A successor rounds the version up to a multiple of 65536, so that its
/// version is higher than any that its predecessor may have sent.
const VERSION_STEP_MASK: u64 = 0xffff;

/// The slots of a room, from the point of view of the local peer.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    local_id: PeerId,
    capacity: u8,
    /// The current list; without members while the local peer has no slot.
    list: SlotList,
    /// Whether the local peer founds a list without waiting: it was alone for [`FOUNDING_DELAY`]
    /// before a
    /// link opened, or was the last member of its list.
    has_waited: bool,
    alone_since: Option<Duration>,
    linked: BTreeMap<PeerId, Linked>,
    /// The last time at which a link opened or a peer sent its first hello.
    last_change: Duration,
    /// The number of peers that the game has admitted.
    arrivals: u64,
    host_lost: Option<Duration>,
    /// Whether the other peers need the list.
    is_stale: bool,
}

/// A linked peer.
#[derive(Debug, Clone, Default)]
struct Linked {
    /// The last claim of the peer; `None` before its first hello.
    claim: Option<Claim>,
    /// The position of the peer in the order in which the game admitted peers.
    admitted: Option<u64>,
    has_joined: bool,
    is_stopped: bool,
    is_silent: bool,
    /// The time at which the peer first requested a slot while all slots were taken.
    full: Option<Duration>,
}

/// The decision about a peer that the game admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The peer has a slot.
    Welcome,
    /// The peer waits for a slot, or the local peer has none yet.
    Wait,
    /// All slots are taken.
    Full,
}

impl Linked {
    fn has_no_slot(&self) -> bool {
        let claim = self.claim.as_ref();
        claim.is_some_and(|claim| claim.list.members.is_empty())
    }
}

impl Slots {
    pub(crate) fn new(local_id: PeerId, capacity: u8) -> Self {
        Self {
            local_id,
            capacity,
            list: SlotList {
                version: 0,
                host: local_id,
                members: Vec::new(),
            },
            has_waited: false,
            alone_since: Some(Duration::ZERO),
            linked: BTreeMap::new(),
            last_change: Duration::ZERO,
            arrivals: 0,
            host_lost: None,
            is_stale: false,
        }
    }

    /// Returns the claim to send in hellos.
    pub(crate) fn claim(&self) -> Claim {
        Claim {
            has_waited: self.has_waited,
            list: self.list.clone(),
        }
    }

    pub(crate) fn list(&self) -> &SlotList {
        &self.list
    }

    pub(crate) fn capacity(&self) -> u8 {
        self.capacity
    }

    fn len_limit(&self) -> usize {
        self.capacity.into()
    }

    /// Returns whether the list has changed since the previous call.
    pub(crate) fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.is_stale)
    }

    pub(crate) fn link_opened(&mut self, peer: PeerId, now: Duration) {
        if let Some(since) = self.alone_since.take() {
            self.has_waited |= now.saturating_sub(since) >= FOUNDING_DELAY;
        }
        self.linked.insert(peer, Linked::default());
        self.last_change = now;
    }

    pub(crate) fn link_lost(&mut self, peer: PeerId, now: Duration) {
        self.linked.remove(&peer);
        if self.linked.is_empty() {
            self.alone_since.get_or_insert(now);
        }
    }

    /// Resets a peer whose handshake restarts.
    pub(crate) fn restarted(&mut self, peer: PeerId) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            *linked = Linked {
                is_stopped: linked.is_stopped,
                ..Linked::default()
            };
        }
    }

    /// Records that the game admits a peer. The peer still needs a slot.
    pub(crate) fn admit(&mut self, peer: PeerId) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            self.arrivals += 1;
            linked.admitted.get_or_insert(self.arrivals);
        }
    }

    /// Records that the session with a peer is open.
    pub(crate) fn joined(&mut self, peer: PeerId) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.has_joined = true;
        }
    }

    /// Records that the session with a peer is closed.
    pub(crate) fn session_closed(&mut self, peer: PeerId) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.has_joined = false;
        }
    }

    /// Sets whether a peer's game has stopped.
    pub(crate) fn set_stopped(&mut self, peer: PeerId, is_stopped: bool) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.is_stopped = is_stopped;
        }
    }

    /// Sets whether a peer has been silent for so long that it may be lost.
    pub(crate) fn set_silent(&mut self, peer: PeerId, is_silent: bool) {
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.is_silent = is_silent;
        }
    }

    /// Handles the claim in a peer's hello.
    pub(crate) fn receive_claim(&mut self, peer: PeerId, claim: Claim, now: Duration) {
        let Some(linked) = self.linked.get_mut(&peer) else {
            return;
        };
        match &linked.claim {
            None => self.last_change = now,
            // Hellos may arrive out of order.
            Some(known) if known.list.version > claim.list.version => return,
            Some(_) => {}
        }
        let list = claim.list.clone();
        linked.claim = Some(claim);
        self.consider(peer, list);
    }

    /// Handles the list of a peer that has joined.
    pub(crate) fn receive(&mut self, peer: PeerId, list: SlotList) {
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

    /// Decides about a peer that the game admits.
    pub(crate) fn verdict(&mut self, peer: PeerId, now: Duration) -> Verdict {
        if self.list.has(peer) {
            return Verdict::Welcome;
        }
        let is_full = self.is_host() && self.list.members.len() >= self.len_limit();
        // A member without a link keeps its slot while another peer reports a link to it.
        let may_be_lost = |&member: &PeerId| {
            let linked = self.linked.get(&member);
            member != self.local_id && linked.is_none_or(|linked| linked.is_silent)
        };
        let delay = if self.list.members.iter().any(may_be_lost) {
            REFUSAL_DELAY_IF_SILENT
        } else {
            REFUSAL_DELAY
        };
        let Some(linked) = self.linked.get_mut(&peer) else {
            return Verdict::Wait;
        };
        if !is_full || !linked.has_no_slot() {
            linked.full = None;
            return Verdict::Wait;
        }
        let since = *linked.full.get_or_insert(now);
        if now.saturating_sub(since) >= delay {
            Verdict::Full
        } else {
            Verdict::Wait
        }
    }

    /// Returns the peers that have joined but are not in the list.
    pub(crate) fn outsiders(&self) -> Vec<PeerId> {
        let joined = self.linked.iter().filter(|(_, linked)| linked.has_joined);
        let peers = joined.map(|(&peer, _)| peer);
        peers.filter(|&peer| !self.list.has(peer)).collect()
    }

    /// Founds, updates or takes over the list if it is time to. `is_reported` returns whether a
    /// joined peer reports a link to the given peer.
    pub(crate) fn step(&mut self, now: Duration, is_reported: impl Fn(PeerId) -> bool) {
        if self.list.members.is_empty() {
            self.found(now, &is_reported);
        } else if self.is_host() {
            self.assign_slots(&is_reported);
        } else {
            self.watch_host(now, &is_reported);
        }
    }

    fn is_host(&self) -> bool {
        self.list.has(self.local_id) && self.list.host == self.local_id
    }

    /// Founds a list if the local peer is the one to do so.
    fn found(&mut self, now: Duration, is_reported: &impl Fn(PeerId) -> bool) {
        let mut candidates = self.linked.iter().filter_map(|(&peer, linked)| {
            let claim = linked.claim.as_ref()?;
            let is_ready = linked.admitted.is_some() && !linked.is_stopped;
            is_ready.then_some((claim, peer))
        });
        let local_rank = (!self.has_waited, self.local_id);
        let mut is_alone = true;
        let is_first = candidates.all(|(claim, peer)| {
            is_alone = false;
            claim.list.members.is_empty() && local_rank < (!claim.has_waited, peer)
        });
        let has_sent_hello = |linked: &Linked| linked.claim.is_some() || linked.is_stopped;
        let quiet = if self.has_waited {
            Duration::ZERO
        } else if self.linked.values().all(has_sent_hello) {
            QUIET
        } else {
            QUIET_WITHOUT_HELLO
        };
        let is_quiet = now.saturating_sub(self.last_change) >= quiet;
        if is_first && !is_alone && is_quiet {
            self.set(vec![self.local_id], self.local_id, self.list.version + 1);
            self.assign_slots(is_reported);
        }
    }

    /// Updates the list as its host: removes members that are lost, and adds peers that request a
    /// slot.
    fn assign_slots(&mut self, is_reported: &impl Fn(PeerId) -> bool) {
        let keeps_slot = |&member: &PeerId| match self.linked.get(&member) {
            _ if member == self.local_id => true,
            Some(linked) if linked.has_joined => true,
            // A member that has taken a slot in another list gives up this one.
            Some(linked) => match &linked.claim {
                Some(claim) => claim.list.members.is_empty() || claim.list.has(self.local_id),
                None => true,
            },
            None => is_reported(member),
        };
        let mut members: Vec<_> = self
            .list
            .members
            .iter()
            .copied()
            .filter(keeps_slot)
            .collect();
        let mut version = self.list.version;
        let mut candidates: Vec<_> = self
            .linked
            .iter()
            .filter_map(|(&peer, linked)| Some((linked.admitted?, peer, linked.claim.as_ref()?)))
            .filter(|(_, peer, claim)| {
                !members.contains(peer) && claim.list.version <= MAX_SEEN_VERSION
            })
            .collect();
        candidates.sort_unstable_by_key(|&(arrival, ..)| arrival);
        for (_, peer, claim) in candidates {
            let group: &[PeerId] = match &*claim.list.members {
                [] => &[peer],
                members if claim.list.host == peer && self.local_id < peer => members,
                _ => continue,
            };
            let new: Vec<_> = group
                .iter()
                .filter(|member| !members.contains(member))
                .collect();
            let are_linked = new.iter().all(|member| self.linked.contains_key(member));
            if are_linked && members.len() + new.len() <= self.len_limit() {
                members.extend(new);
                version = version.max(claim.list.version);
            }
        }
        if members.len() == 1 {
            // No other member is left, so the next peer that joins does not have to adopt this
            // list.
            self.has_waited = true;
            return self.set(Vec::new(), self.local_id, version + 1);
        }
        let is_same = members.len() == self.list.members.len()
            && members.iter().all(|&member| self.list.has(member));
        if !is_same {
            self.set(members, self.local_id, version + 1);
        }
    }

    /// Becomes the host, as a member, if the host is lost and the local peer is its successor.
    fn watch_host(&mut self, now: Duration, is_reported: &impl Fn(PeerId) -> bool) {
        let runs = |member: PeerId| match self.linked.get(&member) {
            Some(linked) => !linked.is_stopped,
            None => is_reported(member),
        };
        let is_present = |member: PeerId| self.linked.contains_key(&member) || is_reported(member);
        if runs(self.list.host) {
            self.host_lost = None;
            return;
        }
        if !self
            .list
            .members
            .iter()
            .any(|&member| member != self.local_id && is_present(member))
        {
            self.has_waited = true;
            return self.set(Vec::new(), self.local_id, self.list.version + 1);
        }
        let ahead = self
            .list
            .members
            .iter()
            .take_while(|&&member| member != self.local_id);
        let is_next = ahead.copied().all(|member| !runs(member));
        match self.host_lost {
            None => {
                // Another member may have a newer list, or need this one.
                self.host_lost = Some(now);
                self.is_stale = true;
                let claims = self.linked.iter();
                let claims: Vec<_> = claims
                    .filter_map(|(&peer, linked)| Some((peer, linked.claim.as_ref()?.list.clone())))
                    .collect();
                for (peer, list) in claims {
                    self.consider(peer, list);
                }
            }
            Some(since) if is_next && now.saturating_sub(since) >= SUCCESSION_DELAY => {
                let version = (self.list.version | VERSION_STEP_MASK) + 1;
                self.set(self.list.members.clone(), self.local_id, version);
                self.assign_slots(is_reported);
            }
            Some(_) => {}
        }
    }

    /// Adopts the list of a peer if it takes precedence over the current one.
    fn consider(&mut self, from: PeerId, list: SlotList) {
        if !list.is_valid(self.len_limit()) {
            return;
        }
        let mine = &self.list;
        let is_newer = list.version > mine.version;
        let is_from_host = list.host == from && list.has(from);
        if mine.members.is_empty() {
            if is_newer && list.has(self.local_id) && list.has(from) {
                self.adopt(list);
            }
            return;
        }
        if self.is_host() {
            let is_from_lower_id = is_from_host && from < self.local_id;
            let has_all_members = mine.members.iter().all(|&member| list.has(member));
            let is_from_successor = is_newer && mine.has(list.host) && list.host != self.local_id;
            let is_in_use = self.linked.values().any(|linked| linked.has_joined);
            let takes_precedence = is_from_successor || is_from_lower_id && is_newer;
            if list.has(self.local_id) && takes_precedence && has_all_members {
                self.adopt(list);
            } else if is_from_successor && !is_in_use {
                self.lose_slot(list.version);
            } else if is_from_lower_id && !is_in_use {
                // Two peers have founded a list at the same time.
                self.lose_slot(self.list.version + 1);
                self.consider(from, list);
            }
        } else if is_newer && (from == mine.host || self.host_lost.is_some() && mine.has(list.host))
        {
            if list.has(self.local_id) {
                self.adopt(list);
            } else {
                self.lose_slot(list.version);
            }
        }
    }

    fn adopt(&mut self, list: SlotList) {
        self.list = list;
        self.host_lost = None;
        self.is_stale = true;
    }

    fn lose_slot(&mut self, version: u64) {
        self.set(Vec::new(), self.local_id, version);
    }

    fn set(&mut self, members: Vec<PeerId>, host: PeerId, version: u64) {
        self.adopt(SlotList {
            version,
            host,
            members,
        });
    }
}
