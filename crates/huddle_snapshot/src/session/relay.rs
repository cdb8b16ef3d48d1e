//! Relays: how the values of an entity reach a peer that has no link to the owner.
//!
//! The values of an owner come from its *source*: from the owner itself if there is a link, otherwise
//! from its *relay*, the peer with the lowest id that is linked with both. The peers report their links
//! to each other, so that both ends of a link know whether one of them is a relay for the other.
//!
//! | step | what happens |
//! |---|---|
//! | the relay starts | it sends the entities of the owner that every peer may see, as it has received them |
//! | the owner changes an entity | the relay sends the state, with the owner's register and its own tick |
//! | a claim or a despawn reaches the relay | it passes the register on, in both directions |
//! | the owner restricts who sees an entity | the relay hides the entity |
//! | the source of an owner changes | the receiver asks the new relay about the entities that it has |
//! | the link to the owner opens | the receiver ignores the relay from then on, and the relay stops |
//!
//! A relay cannot know who may see an entity, so a state contains whether every peer may. Others are
//! never relayed: a peer that loses its link to the owner no longer sees them.
//!
//! There is no relay between peers that are not linked with a common one. Entities of the host need a link
//! between the host and every peer: a relay refuses what a former host has done, and does not pass it on.
//!
//! A receiver trusts a relay like the owner. A peer that reports a link to an owner can therefore change
//! the entities of the owner at the peers without such a link, and at no others.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use huddle_id::PeerId;

use super::{event::RemovalReason, link::Link, peer::SnapshotSession};
use crate::{
    claim::Register,
    id::{Creator, EntityId},
    link::Newest,
    world::{Entity, Index, Passing},
};

impl SnapshotSession {
    /// Sets which links the other peers report, each as the peer that reports it, and the peer at its
    /// other end. Reports of peers without a link to the local peer do not count.
    ///
    /// Call this after [`set_members`](Self::set_members), whenever a report changes. If a peer has no
    /// link to the local peer, a peer that is linked with both relays its entities.
    pub fn set_reported_links(&mut self, links: impl IntoIterator<Item = (PeerId, PeerId)>) {
        self.relays.reports.clear();
        for (peer, linked) in links {
            let of_peer = self.relays.reports.entry(peer).or_default();
            of_peer.insert(linked);
        }
        self.update_relays();
    }

    /// Returns the peer that sends the entities of an owner to the local peer: the owner itself if
    /// there is a link, or its relay. Returns `None` if there is neither.
    pub fn source_of(&self, owner: PeerId) -> Option<PeerId> {
        match self.links.contains_key(&owner) {
            true => Some(owner),
            false => self.relays.get(owner),
        }
    }

    /// Returns the link over which the local peer reaches the host, possibly through a relay.
    pub(super) fn link_to_host(&mut self) -> Option<&mut Link> {
        let source = self.source_of(self.host?)?;
        self.links.get_mut(&source)
    }

    /// Returns whether an entity of the local peer reaches another peer: over a link if the peer may see it,
    /// or through a relay if every peer may.
    pub(super) fn can_show(&self, id: EntityId, peer: PeerId) -> bool {
        let entity = self.world.find(id);
        entity.is_some_and(|entity| match self.source_of(peer) {
            Some(source) if source == peer => entity.is_visible_to(peer),
            Some(_) => !entity.is_restricted(),
            None => false,
        })
    }

    /// Handles that a link, or a report of links, has changed.
    pub(super) fn update_relays(&mut self) {
        let links = &self.links;
        self.relays
            .reports
            .retain(|peer, _| links.contains_key(peer));
        let sources = self.sources();
        let before = std::mem::replace(&mut self.relays.sources, sources);
        self.relays.is_relay = false;
        for receiver in self.links.keys().copied().collect::<Vec<_>>() {
            let owners = self.relayed_to(receiver);
            self.relays.is_relay |= !owners.is_empty();
            self.start_relaying(receiver, owners);
        }
        let gone = before.keys().copied();
        let gone: Vec<_> = gone.filter(|it| self.source_of(*it).is_none()).collect();
        let now = self.relays.sources.iter();
        let new = now.filter(|(owner, relay)| before.get(owner) != Some(relay));
        let new: BTreeMap<_, _> = new.map(|(owner, relay)| (*owner, *relay)).collect();
        if !gone.is_empty() {
            self.forget_owners(&gone);
        }
        if !new.is_empty() {
            self.follow_relays(&new);
        }
    }

    /// Handles that the local peer no longer reaches some peers.
    fn forget_owners(&mut self, gone: &[PeerId]) {
        let concerns = |it: &Entity| it.ownership.is_claiming() || it.is_hosts();
        for index in self.world.indices() {
            if self.world.get(index).is_some_and(concerns) {
                for owner in gone {
                    self.operate(index, |ownership| ownership.link_lost(*owner));
                }
            }
        }
    }

    /// Returns the relay of each peer without a link: the lowest one that reports a link to it.
    fn sources(&self) -> BTreeMap<PeerId, PeerId> {
        let mut sources = BTreeMap::new();
        for (&relay, links) in &self.relays.reports {
            for &owner in links {
                if owner != self.local && !self.links.contains_key(&owner) {
                    sources.entry(owner).or_insert(relay);
                }
            }
        }
        sources
    }

    /// Returns the owners whose entities the local peer relays to a peer.
    fn relayed_to(&self, receiver: PeerId) -> BTreeSet<PeerId> {
        let Some(links) = self.relays.reports.get(&receiver) else {
            return BTreeSet::new();
        };
        let owners = self.links.keys().copied();
        let owners = owners.filter(|owner| *owner != receiver && !links.contains(owner));
        let is_mine = |owner: &PeerId| {
            let lower = links.range(..self.local);
            !lower
                .into_iter()
                .any(|relay| self.relays.is_linked(*relay, *owner))
        };
        owners.filter(is_mine).collect()
    }

    /// Sends everything of the owners that the local peer has not relayed to a peer before.
    fn start_relaying(&mut self, receiver: PeerId, owners: BTreeSet<PeerId>) {
        let Some(link) = self.links.get_mut(&receiver) else {
            return;
        };
        let before = std::mem::replace(&mut link.outgoing.relayed, owners.clone());
        if owners.is_subset(&before) {
            return;
        }
        for index in self.world.indices() {
            let owner = self.world.get(index).and_then(|it| it.ownership.owner());
            if owner.is_some_and(|owner| owners.contains(&owner) && !before.contains(&owner)) {
                self.relay_to(receiver, index);
            } else {
                self.relay_register_to(receiver, index);
            }
        }
    }

    /// Sends an entity to a peer to which the local peer relays it, or hides it if the peer may see it.
    pub(super) fn relay_to(&mut self, receiver: PeerId, index: Index) {
        if !self.relays.is_relay {
            return;
        }
        let (Some(entity), Some(link)) = (self.world.get_mut(index), self.links.get_mut(&receiver))
        else {
            return;
        };
        let owner = entity.ownership.owner();
        let Some(owner) = owner.filter(|owner| link.outgoing.relayed.contains(owner)) else {
            return;
        };
        entity.touch();
        if !link.incoming.has_named(index) {
            return link.outgoing.enqueue(index);
        }
        link.outgoing.hide(index);
        if entity.passing == Passing::Unknown
            && let Some(link) = self.links.get_mut(&owner)
        {
            // The owner may hide it from the local peer, too.
            link.outgoing.ask(index, None);
        }
    }

    /// Handles that relays send the entities of some owners from now on.
    fn follow_relays(&mut self, new: &BTreeMap<PeerId, PeerId>) {
        let relays: BTreeSet<_> = new.values().copied().collect();
        let host = self.host.and_then(|host| Some((host, *new.get(&host)?)));
        for index in self.world.indices() {
            let Some(entity) = self.world.get(index) else {
                continue;
            };
            let owner = entity.ownership.owner();
            let relay = owner.and_then(|owner| new.get(&owner).copied());
            let exists = entity.values.is_some();
            if relay.is_some() && exists && entity.passing == Passing::Forbidden {
                // Only the owner may show it. The relay does not learn that it exists.
                self.remove(index, RemovalReason::Hidden);
                continue;
            }
            let is_gift = relay.is_some() && exists && entity.is_gift() && !entity.is_restricted();
            let of_host = host.filter(|(host, _)| self.decides(*host, entity));
            let asked = relay.filter(|_| exists).or(of_host.map(|(_, relay)| relay));
            if is_gift && let Some(entity) = self.world.get_mut(index) {
                // The owner may not have received the values before the link was lost.
                entity.touch();
            }
            for relay in &relays {
                // It may have been despawned or hidden. Or the local peer has ignored what the relay sent
                // before.
                if let Some(link) = self.links.get_mut(relay)
                    && (asked == Some(*relay) || !exists && link.incoming.has_named(index))
                {
                    let taker = owner.filter(|_| is_gift && asked == Some(*relay));
                    link.outgoing.ask(index, taker);
                }
            }
        }
    }

    /// Returns the peer in whose name another one has sent a register: the owner, if the other one is
    /// its relay.
    pub(super) fn author(&self, sender: PeerId, entity: &Entity, register: Register) -> PeerId {
        if self.relays.sources.is_empty() {
            return sender;
        }
        let author = match (register, entity.id().creator) {
            (Register::Alive(claim), _) => claim.owner(),
            (Register::Dead, _) if entity.is_hosts() => self.host,
            (Register::Dead, Creator::Peer(creator)) => Some(creator),
            (Register::Dead, Creator::Placed) => None,
        };
        let is_relayed = |author: &PeerId| self.relays.get(*author) == Some(sender);
        author.filter(is_relayed).unwrap_or(sender)
    }

    /// Returns whether the local peer relays an entity of another peer, or a gift, to a peer.
    pub(super) fn relays_contents(&self, entity: &Entity, peer: PeerId) -> bool {
        let owner = entity.ownership.owner();
        let (Some(owner), Some(link)) = (owner, self.links.get(&peer)) else {
            return false;
        };
        let relayed = &link.outgoing.relayed;
        let is_relayed = entity.passing == Passing::Allowed && relayed.contains(&owner);
        // A relay does not know the owner before a gift.
        let is_given = owner == peer && entity.is_gift() && !relayed.is_empty();
        !entity.is_restricted() && (is_relayed || is_given)
    }

    /// Sends an entity of another peer, which has changed, to the peers without a link to its owner.
    pub(super) fn relay(&mut self, index: Index) {
        if !self.relays.is_relay {
            return;
        }
        let Some(entity) = self.world.get_mut(index) else {
            return;
        };
        if let Some(owner) = entity.ownership.owner() {
            entity.touch();
            for link in self.links.values_mut() {
                if link.outgoing.relayed.contains(&owner) {
                    link.outgoing.enqueue(index);
                }
            }
        }
    }

    /// Passes the register of an entity of another peer, which has changed, on to the peers for which the
    /// local peer is a relay.
    pub(super) fn relay_register(&mut self, index: Index) {
        if !self.relays.is_relay {
            return;
        }
        let Some(entity) = self.world.get_mut(index) else {
            return;
        };
        let (register, has_values) = (entity.register(), entity.values.is_some());
        // A new owner may have ignored the values when it had another source.
        entity.touch();
        let owner = register.owner();
        for (peer, link) in &mut self.links {
            let is_newer = link.outgoing.known(index) < Some(register);
            if is_newer && !link.outgoing.relayed.is_empty() {
                let taker = owner.filter(|owner| owner == peer);
                // A new owner has to receive the values with the register.
                if taker.is_none() || has_values {
                    link.outgoing.pass_on(index, taker, false);
                }
            }
        }
    }

    /// Passes a register on to a peer that has sent an older one before the local peer relayed to it.
    fn relay_register_to(&mut self, receiver: PeerId, index: Index) {
        if let Some(entity) = self.world.get(index).filter(|it| !it.ownership.is_mine())
            && let Some(link) = self.links.get_mut(&receiver)
            && let Some(known) = link.outgoing.known(index)
            && known < entity.register()
        {
            link.outgoing.pass_on(index, None, false);
        }
    }

    /// Returns whether another peer than the owner has sent the values of an entity, which the local peer does
    /// not have and relays to the owner: those of a gift, or those that the owner [searches](super::lost) for.
    pub(super) fn is_missing_at_relay(&self, index: Index, sender: PeerId) -> bool {
        let (Some(link), Some(entity)) = (self.links.get(&sender), self.world.get(index)) else {
            return false;
        };
        let owner = entity.ownership.owner();
        let to_owner = owner.and_then(|owner| self.links.get(&owner));
        let is_relay = to_owner.is_some_and(|link| !link.outgoing.relayed.is_empty());
        let is_missing = entity.values.is_none() && entity.passing == Passing::Unknown;
        let is_public = match link.incoming.newest(index, entity.id()) {
            Some(Newest::State(state)) => !state.head.is_restricted,
            _ => false,
        };
        let is_asked = entity.is_gift() || entity.is_searched();
        is_relay && is_missing && is_public && is_asked
    }

    /// Sends the values of an entity to its owner, which does not have them.
    pub(super) fn pass_values_on(&mut self, index: Index) {
        if let Some(entity) = self.world.get_mut(index).filter(|it| it.values.is_some())
            && let Some(owner) = entity.ownership.owner()
            && let Some(link) = self.links.get_mut(&owner)
        {
            entity.touch();
            link.outgoing.pass_on(index, Some(owner), false);
        }
    }

    /// Returns whether a peer has given its entity to a peer to which the local peer relays. The relay passes
    /// the last values on.
    pub(super) fn is_gift_to_relay(
        &self,
        index: Index,
        giver: PeerId,
        owner_before: Option<PeerId>,
    ) -> bool {
        self.relays.is_relay
            && owner_before.is_some_and(|owner| self.source_of(owner) == Some(giver))
            && self.world.get(index).is_some_and(Entity::is_gift)
    }
}
