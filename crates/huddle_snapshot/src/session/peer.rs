//! The session, its links and what is due in every frame.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use huddle_id::PeerId;

use super::{
    event::{RemovalReason, SnapshotEvent},
    holders::Holders,
    link::Link,
    routes::Relays,
};
use crate::{
    budget::{BudgetOptions, DEFAULT_TICK_RATE},
    claim::{Outcome, Ownership},
    layout::Layout,
    world::{Entity, Index, Passing, World},
};

/// The time after a new link, or a new host, during which the host accepts that a peer despawned its
/// entities. The peer may have been the host, or may have received the despawn from another host.
pub(super) const RETURN_TIME: Duration = Duration::from_secs(10);

/// The replicated entities of one peer, and what it exchanges with the other peers.
#[derive(Debug)]
pub struct SnapshotSession {
    pub(super) local: PeerId,
    pub(super) layout: Arc<Layout>,
    pub(super) world: World,
    pub(super) links: BTreeMap<PeerId, Link>,
    pub(super) host: Option<PeerId>,
    /// The time at which the host changed.
    pub(super) host_since: Duration,
    /// Where the local peer starts to count its entities.
    pub(super) start: u32,
    /// The number of counts that the local peer has used, see [`spawn`](Self::spawn).
    pub(super) spawned: u32,
    /// The number of entities that the local peer has added, and that exist.
    pub(super) own: usize,
    /// The entities with a claim of the local peer that has not ended.
    pub(super) claiming: Vec<Index>,
    /// The entities that have changed, which the links do not know yet.
    pub(super) changed: Vec<Index>,
    /// The entities of which some changes are withheld because of rate limits.
    pub(super) withholding: BTreeSet<Index>,
    /// The peers in the room, including those without a link to the local peer.
    pub(super) members: BTreeSet<PeerId>,
    /// The entities whose owner is not in the room, and since when. The game sees all of them.
    pub(super) vacant: BTreeMap<Index, Duration>,
    /// The gifts to the local peer whose values other peers have and may not pass on.
    pub(super) withheld_gifts: BTreeMap<Index, Holders>,
    pub(super) relays: Relays,
    pub(super) events: VecDeque<SnapshotEvent>,
    pub(super) stats: SnapshotStats,
    pub(super) budget: BudgetOptions,
    pub(super) ticks_per_second: f64,
    /// The place that was examined last, see [`clean_up`](Self::clean_up).
    pub(super) cleaned: usize,
    /// The number of entities of which the local peer only knows who owns them.
    pub(super) unused: usize,
    /// The time of the last [`advance`](Self::advance).
    pub(super) now: Duration,
}

/// What a session has refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotStats {
    /// The number of packets that could not be decoded.
    pub undecodable: u64,
    /// The number of claims that the rules of an entity forbid.
    pub refused_claims: u64,
}

impl SnapshotSession {
    /// Creates a session of a peer without entities and links.
    ///
    /// `start` is a random number, which a peer that joins again with the same id needs. The other peers
    /// remember the entities of its earlier session, and an id is never reused. The session counts its
    /// entities from `start`, modulo 2^29. If both sessions spawn 1000 entities, the probability that they
    /// use an id twice is 1 in 268,000. In general, it is the sum of both numbers of entities, divided by
    /// 2^29.
    pub fn new(local: PeerId, layout: Layout, start: u32) -> Self {
        Self {
            local,
            layout: Arc::new(layout),
            world: World::new(local),
            links: BTreeMap::new(),
            host: None,
            host_since: Duration::ZERO,
            start,
            spawned: 0,
            own: 0,
            claiming: Vec::new(),
            changed: Vec::new(),
            withholding: BTreeSet::new(),
            members: BTreeSet::from([local]),
            vacant: BTreeMap::new(),
            withheld_gifts: BTreeMap::new(),
            relays: Relays::default(),
            events: VecDeque::new(),
            stats: SnapshotStats::default(),
            budget: BudgetOptions::default(),
            ticks_per_second: DEFAULT_TICK_RATE,
            cleaned: 0,
            unused: 0,
            now: Duration::ZERO,
        }
    }

    /// Returns the local peer.
    pub fn local(&self) -> PeerId {
        self.local
    }

    /// Returns the layout of the components.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns what was refused so far.
    pub fn stats(&self) -> SnapshotStats {
        self.stats
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.world.places()
    }

    /// Returns the next event.
    pub fn poll(&mut self) -> Option<SnapshotEvent> {
        self.events.pop_front()
    }

    /// Handles a new link to a peer. It knows nothing yet.
    pub fn link_opened(&mut self, peer: PeerId) {
        self.members.insert(peer);
        let mut link = self.new_link(peer);
        let outgoing = &mut link.outgoing;
        for (index, entity) in self.world.iter() {
            if entity.sent_values().is_some() {
                if entity.may_have_rivals() {
                    // Two owners that hide the entity from each other agree only if they announce it.
                    outgoing.may_see(index);
                }
                outgoing.enqueue(index);
            } else if self.decides(peer, entity) {
                let is_taker = entity.is_gift() || entity.is_hosts();
                outgoing.ask(index, is_taker.then_some(peer));
            }
        }
        self.links.insert(peer, link);
        self.search_at(peer);
        self.tell_host(peer);
        self.update_relays();
    }

    /// Sends the host those of its entities that another peer had spawned and the host may not have. That
    /// peer may have started again, and forgotten them.
    fn tell_host(&mut self, owner: PeerId) {
        let host = self.host.filter(|host| *host != owner);
        let source = host.and_then(|host| self.source_of(host));
        let Some(link) = source.and_then(|source| self.links.get_mut(&source)) else {
            return;
        };
        for (index, entity) in self.world.iter() {
            let is_owners = entity.ownership.owner() == Some(owner);
            if entity.is_hosts() && is_owners && entity.values.is_some() {
                link.outgoing.ask(index, host);
            }
        }
    }

    /// Handles the loss of the link to a peer. The entities of the peer stay as long as it is a
    /// [member](Self::set_members).
    pub fn link_lost(&mut self, peer: PeerId) {
        self.links.remove(&peer);
        for index in self.world.indices() {
            if let Some(entity) = self.world.get_mut(index) {
                entity.forget_importance_for(peer);
            }
            self.operate(index, |ownership| ownership.link_lost(peer));
        }
        self.update_relays();
    }

    /// Returns whether a peer would know that an entity, which exists here, was despawned or has another
    /// owner.
    pub(super) fn decides(&self, peer: PeerId, entity: &Entity) -> bool {
        let exists = entity.values.is_some();
        let is_owner = entity.ownership.owner() == Some(peer);
        let is_host = self.host == Some(peer) && entity.is_hosts();
        exists && is_owner || is_host && (exists || entity.register().is_dead())
    }

    /// Sets the peers in the room: those that are linked with the local peer, or with another member.
    /// The entities of all others are forgotten, or pass on to an heir.
    pub fn set_members(&mut self, members: impl IntoIterator<Item = PeerId>) {
        self.members = members.into_iter().chain([self.local]).collect();
        for index in self.world.indices() {
            self.notice_vacancy(index);
        }
    }

    /// Sets the host of the room.
    pub fn set_host(&mut self, host: Option<PeerId>) {
        if self.host == host {
            return;
        }
        self.host = host;
        self.host_since = self.now;
        let now = self.now;
        let source = host.and_then(|host| self.source_of(host));
        if let Some(link) = source.and_then(|source| self.links.get_mut(&source)) {
            for index in self.world.indices() {
                let entity = self.world.get_mut(index).filter(|it| it.is_hosts());
                if let Some(entity) = entity
                    && (entity.values.is_some() || entity.register().is_dead())
                {
                    // It may have no values of what it takes over, and have refused those that it has acked.
                    entity.touch();
                    link.outgoing.ask(index, host);
                }
            }
        }
        for index in self.world.indices() {
            if host == Some(self.local) {
                // The values may have arrived before the local peer knew that it is the host.
                self.take_over(index);
            }
            // A host without the values of an entity takes it over when they arrive.
            let is_known = |entity: &Entity| entity.values.is_some();
            if host != Some(self.local) || self.world.get(index).is_some_and(is_known) {
                self.operate(index, |ownership| ownership.set_host(host, now));
            }
            let is_mine = |entity: &Entity| entity.is_hosts() && entity.sent_values().is_some();
            if self.world.get(index).is_some_and(is_mine) {
                // The new host takes it over, even if it has not seen it before.
                self.publish(index);
            }
        }
    }

    /// The peer has acked packet `seq`.
    pub fn delivered(&mut self, peer: PeerId, seq: u64) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.outgoing.delivered(seq);
        }
    }

    /// Packet `seq` to the peer is probably lost. It can still be [delivered](Self::delivered).
    pub fn lost(&mut self, peer: PeerId, seq: u64) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.outgoing.lost(seq);
        }
    }

    /// Does what is due. Call this in every frame.
    pub fn advance(&mut self, now: Duration) {
        self.now = now;
        self.enqueue_changed();
        self.release_withheld();
        self.poll_claims();
        self.clean_up();
        self.poll_vacancies();
        self.poll_withheld_gifts();
    }

    pub(super) fn poll_claims(&mut self) {
        let now = self.now;
        let claiming = std::mem::take(&mut self.claiming);
        for index in claiming {
            let Some(register) = self.world.get(index).map(Entity::register) else {
                continue;
            };
            let mut links = self.links.values();
            let is_settled = links.all(|link| link.outgoing.known(index) >= Some(register));
            self.operate(index, |ownership| {
                let settled = is_settled.then(|| ownership.settled());
                let settled = settled.filter(|outcome| !outcome.ended.is_empty());
                settled.unwrap_or_else(|| ownership.poll(now))
            });
        }
    }

    /// Changes the ownership of an entity, and applies what follows.
    pub(super) fn operate(&mut self, index: Index, change: impl FnOnce(&mut Ownership) -> Outcome) {
        let Some(entity) = self.world.get_mut(index) else {
            return;
        };
        let (was_mine, before) = (entity.ownership.is_mine(), entity.register());
        if entity.values.is_none() {
            // The host owns an entity only once it has the values.
            let host = self.host.filter(|host| *host != self.local);
            entity.ownership.know_host(host);
        }
        let outcome = change(&mut entity.ownership);
        let has_changed = entity.register() != before;
        if entity.ownership.is_claiming() && !self.claiming.contains(&index) {
            self.claiming.push(index);
        }
        self.apply(index, was_mine, has_changed, outcome);
    }

    pub(super) fn apply(
        &mut self,
        index: Index,
        was_mine: bool,
        has_changed: bool,
        outcome: Outcome,
    ) {
        let Some(entity) = self.world.get_mut(index) else {
            return;
        };
        let id = entity.id();
        let is_mine = entity.ownership.is_mine();
        let owner = entity.ownership.owner();
        // Peers accept what happens to an entity of the host only from the host.
        let decides = entity.is_hosts() && self.host == Some(self.local);
        // An heir has the values.
        let taker = owner.filter(|_| entity.is_hosts() || !entity.is_inherited());
        if let Some(change) = outcome.changed {
            self.events
                .push_back(SnapshotEvent::OwnershipChanged { id, change });
        }
        for end in outcome.ended {
            self.events.push_back(SnapshotEvent::ClaimEnded { id, end });
        }
        if let Some(owner) = outcome.ask {
            self.events.push_back(SnapshotEvent::Request { id, owner });
        }
        // A relay may see what the local peer gives to another peer.
        let is_public_gift = entity.is_gift() && !entity.is_restricted();
        if was_mine && !is_mine {
            entity.stop_to_own();
            entity.release_all();
        } else if is_mine && !was_mine {
            entity.start_to_own();
            for link in self.links.values_mut() {
                if link.outgoing.known(index).is_some() {
                    link.outgoing.may_see(index);
                }
            }
        }
        if has_changed {
            // Until the owner has sent a state with the new register.
            entity.passing = Passing::Unknown;
            entity.was_inherited |= entity.is_inherited();
        }
        if outcome.despawned {
            self.world.bury(id);
            self.remove(index, RemovalReason::Despawned);
        }
        if is_mine && has_changed {
            // The other peers have to receive the values of the new owner, or its new claim.
            self.publish(index);
            if let Some(change) = outcome.changed {
                self.announce_hidden(index, change.from);
            }
        } else if (was_mine || decides) && has_changed {
            // Only the old owner passes the register on. All others receive it from the new owner.
            let source = taker.and_then(|taker| self.source_of(taker));
            for (peer, link) in &mut self.links {
                let is_taker = taker == Some(*peer) || is_public_gift && source == Some(*peer);
                let taker = taker.filter(|_| is_taker);
                link.outgoing.pass_on(index, taker, decides);
            }
        } else if has_changed {
            self.relay_register(index);
        }
        if let Some(owner) = owner.filter(|_| outcome.changed.is_some() && !is_mine) {
            if let Some(source) = self.source_of(owner) {
                self.take_newest(index, source);
            }
            self.notice_vacancy(index);
        }
    }

    /// Announces to the owner `before` that the local peer owns an entity now and hides it from that owner,
    /// which passes this on. If it is gone, only the local peer can announce that, to all.
    pub(super) fn announce_hidden(&mut self, index: Index, before: Option<PeerId>) {
        let is_hidden = |entity: &&Entity| entity.ownership.is_mine() && entity.is_restricted();
        let Some(entity) = self.world.get(index).filter(is_hidden) else {
            return;
        };
        let before = before.filter(|before| self.links.contains_key(before));
        for (peer, link) in &mut self.links {
            if before.is_none_or(|before| before == *peer) && !entity.is_visible_to(*peer) {
                link.outgoing.hide(index);
            }
        }
    }

    /// Sends the values of an entity of the local peer to all peers.
    pub(super) fn publish(&mut self, index: Index) {
        if let Some(entity) = self.world.get_mut(index) {
            entity.touch();
            if !std::mem::replace(&mut entity.is_changed, true) {
                self.changed.push(index);
            }
        }
    }

    /// Tells all links which entities have changed. An entity that changes several times in a tick is
    /// enqueued once.
    pub(super) fn enqueue_changed(&mut self) {
        for index in self.changed.drain(..) {
            if let Some(entity) = self.world.get_mut(index) {
                entity.is_changed = false;
            }
            for link in self.links.values_mut() {
                link.outgoing.enqueue(index);
            }
        }
    }

    /// The game no longer sees the entity.
    pub(super) fn remove(&mut self, index: Index, reason: RemovalReason) {
        if let Some(entity) = self.world.get_mut(index)
            && entity.values.take().is_some()
        {
            entity.release_all();
            self.own -= usize::from(std::mem::take(&mut entity.is_own));
            entity.is_incomplete = false;
            let id = entity.id();
            self.events.push_back(SnapshotEvent::Removed { id, reason });
        }
    }
}
