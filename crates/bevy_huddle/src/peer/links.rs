//! The state that a room keeps for each peer, from the opening of its link until it is forgotten.

use std::collections::BTreeMap;

use bevy::prelude::*;
use huddle_mesh::{DisconnectReason, LinkFailure, PeerId};
use huddle_session::TransferId as LinkTransferId;

use crate::{message::transfer::TransferId, peer::transfers::PeerTransfers};

/// The number of malformed packets that are tolerated before a peer is disconnected.
const MAX_BAD_PACKETS: u32 = 64;

/// The number of peers without a link that are remembered.
const MAX_UNLINKED: usize = 256;

/// The peers of a room, and the members to which no link opens.
#[derive(Default)]
pub(crate) struct PeerLinks {
    links: BTreeMap<PeerId, PeerLink>,
    /// The reasons why no link opens, by the known id of the member.
    unlinked: BTreeMap<PeerId, LinkFailure>,
    /// Whether links between peers may have changed since [`MissingLinks`] was set.
    pub(crate) is_mesh_stale: bool,
}

#[derive(Default)]
struct PeerLink {
    presence: Presence,
    /// The reason why the peer leaves, while its last events are triggered. The first one counts.
    leaving: Option<DisconnectReason>,
    is_matchbox_client: bool,
    /// Whether one of the two games refused the other.
    is_refused: bool,
    /// Whether the peer was in the room before.
    returning: bool,
    transfers: PeerTransfers,
    rejected: u32,
    bad_packets: u32,
}

/// Whether the world has an entity for a peer.
///
/// Observers can leave the room or despawn the peer in the middle of any step. `PeerLeft` follows
/// exactly once after each `PeerJoined`, because only [`Presence::Here`] leads to it, and the code
/// that takes the entity from the link reports it.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// Before the handshake is done.
    #[default]
    Absent,
    /// The entity gets its components; `PeerJoined` comes next.
    Arriving(Entity),
    /// `PeerJoined` was triggered.
    Here(Entity),
}

/// A peer whose entity was taken from its link, so that it is despawned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Departure {
    pub(crate) peer_id: PeerId,
    pub(crate) entity: Entity,
    pub(crate) reason: DisconnectReason,
    /// Whether `PeerJoined` was triggered, so that `PeerLeft` has to be.
    pub(crate) has_joined: bool,
}

impl Presence {
    fn entity(self) -> Option<Entity> {
        match self {
            Self::Absent => None,
            Self::Arriving(entity) | Self::Here(entity) => Some(entity),
        }
    }
}

impl PeerLink {
    fn depart(&mut self, peer_id: PeerId, reason: DisconnectReason) -> Option<Departure> {
        let presence = std::mem::take(&mut self.presence);
        Some(Departure {
            peer_id,
            entity: presence.entity()?,
            reason: self.leaving.unwrap_or(reason),
            has_joined: matches!(presence, Presence::Here(_)),
        })
    }
}

impl PeerLinks {
    /// Adds a peer whose link opened.
    pub(crate) fn open(&mut self, peer_id: PeerId, is_matchbox_client: bool, returning: bool) {
        let link = PeerLink {
            is_matchbox_client,
            returning,
            ..default()
        };
        self.links.insert(peer_id, link);
    }

    /// Sets the entity of a peer, which has no components yet.
    pub(crate) fn arrive(&mut self, peer_id: PeerId, entity: Entity) {
        if let Some(link) = self.links.get_mut(&peer_id) {
            link.presence = Presence::Arriving(entity);
            self.is_mesh_stale = true;
        }
    }

    /// Marks the entity of a peer as complete. Returns whether the peer still has this entity.
    pub(crate) fn settle(&mut self, peer_id: PeerId, entity: Entity) -> bool {
        match self.links.get_mut(&peer_id) {
            Some(link) if link.presence == Presence::Arriving(entity) => {
                link.presence = Presence::Here(entity);
                true
            }
            _ => false,
        }
    }

    /// Marks a peer as leaving. It is removed after its last events.
    pub(crate) fn set_leaving(&mut self, peer_id: PeerId, reason: DisconnectReason) {
        if let Some(link) = self.links.get_mut(&peer_id) {
            link.leaving.get_or_insert(reason);
        }
    }

    /// Returns the next leaving peer.
    pub(crate) fn next_leaving(&self) -> Option<(PeerId, DisconnectReason)> {
        let mut links = self.links.iter();
        links.find_map(|(&peer_id, link)| Some((peer_id, link.leaving?)))
    }

    /// Takes the entity from a peer that starts a new session on the same link.
    pub(crate) fn take_entity(
        &mut self,
        peer_id: PeerId,
        reason: DisconnectReason,
    ) -> Option<Departure> {
        self.is_mesh_stale = true;
        let link = self.links.get_mut(&peer_id)?;
        link.transfers.clear();
        link.returning = true;
        link.depart(peer_id, reason)
    }

    /// Forgets a peer. The caller despawns its entity, if it has one.
    pub(crate) fn forget(
        &mut self,
        peer_id: PeerId,
        reason: DisconnectReason,
    ) -> Option<Departure> {
        self.is_mesh_stale = true;
        self.links.remove(&peer_id)?.depart(peer_id, reason)
    }

    /// Forgets all peers. The caller despawns their entities.
    pub(crate) fn forget_all(&mut self, reason: DisconnectReason) -> Vec<Departure> {
        let links = std::mem::take(&mut self.links);
        let departures = links.into_iter();
        departures
            .filter_map(|(peer_id, mut link)| link.depart(peer_id, reason))
            .collect()
    }

    /// Marks a peer as refused, so that it is not pending any more.
    pub(crate) fn set_refused(&mut self, peer_id: PeerId) {
        if let Some(link) = self.links.get_mut(&peer_id) {
            link.is_refused = true;
        }
    }

    /// Sets the reason why no link to a peer opens, or clears it.
    pub(crate) fn set_unlinked(&mut self, peer_id: PeerId, reason: Option<LinkFailure>) {
        match reason {
            None => drop(self.unlinked.remove(&peer_id)),
            Some(reason) if self.unlinked.len() < MAX_UNLINKED => {
                self.unlinked.insert(peer_id, reason);
            }
            Some(reason) => {
                if let Some(known) = self.unlinked.get_mut(&peer_id) {
                    *known = reason;
                }
            }
        }
    }

    /// Returns the members to which no link opens, and the reasons.
    pub(crate) fn unlinked(&self) -> impl Iterator<Item = (PeerId, &LinkFailure)> {
        self.unlinked
            .iter()
            .map(|(&peer_id, reason)| (peer_id, reason))
    }

    /// Returns whether the peer is linked, has not joined and was not refused.
    pub(crate) fn is_pending(&self, peer_id: PeerId) -> bool {
        self.pending().any(|pending| pending == peer_id)
    }

    /// Returns whether any peer in the room has not joined yet.
    pub(crate) fn has_pending(&self) -> bool {
        !self.unlinked.is_empty() || self.pending().next().is_some()
    }

    /// Returns the linked peers that have not joined and were not refused.
    pub(crate) fn pending(&self) -> impl Iterator<Item = PeerId> {
        let pending = self.links.iter().filter(|(_, link)| {
            link.presence == Presence::Absent && !link.is_matchbox_client && !link.is_refused
        });
        pending.map(|(&peer_id, _)| peer_id)
    }

    /// Returns whether there is a link to a peer, with or without an entity.
    pub(crate) fn knows(&self, peer_id: PeerId) -> bool {
        self.links.contains_key(&peer_id)
    }

    /// Returns every peer with a link.
    pub(crate) fn linked(&self) -> impl Iterator<Item = PeerId> {
        self.links.keys().copied()
    }

    /// Returns every peer with a link and a session.
    pub(crate) fn in_session(&self) -> impl Iterator<Item = PeerId> {
        let links = self
            .links
            .iter()
            .filter(|(_, link)| !link.is_matchbox_client);
        links.map(|(&peer_id, _)| peer_id)
    }

    pub(crate) fn entity(&self, peer_id: PeerId) -> Option<Entity> {
        self.links.get(&peer_id)?.presence.entity()
    }

    /// Returns the peer that has this entity.
    pub(crate) fn find(&self, entity: Entity) -> Option<PeerId> {
        let mut links = self.links.iter();
        let (&peer_id, _) = links.find(|(_, link)| link.presence.entity() == Some(entity))?;
        Some(peer_id)
    }

    pub(crate) fn is_matchbox_client(&self, peer_id: PeerId) -> bool {
        self.links
            .get(&peer_id)
            .is_some_and(|link| link.is_matchbox_client)
    }

    pub(crate) fn is_returning(&self, peer_id: PeerId) -> bool {
        self.links.get(&peer_id).is_some_and(|link| link.returning)
    }

    /// Returns the peers that have an entity.
    pub(crate) fn present(&self) -> impl Iterator<Item = PeerId> {
        let links = self.links.iter();
        links
            .filter(|(_, link)| link.presence != Presence::Absent)
            .map(|(&peer_id, _)| peer_id)
    }

    pub(crate) fn count(&self) -> usize {
        self.present().count()
    }

    pub(crate) fn count_bad_packet(&mut self, peer_id: PeerId) {
        if let Some(link) = self.links.get_mut(&peer_id) {
            link.bad_packets += 1;
        }
    }

    /// Returns whether a peer has sent more than [`MAX_BAD_PACKETS`] malformed packets.
    pub(crate) fn misbehaves(&self, peer_id: PeerId) -> bool {
        let link = self.links.get(&peer_id);
        link.is_some_and(|link| link.bad_packets > MAX_BAD_PACKETS)
    }

    /// Counts a rejection. Returns whether to log it, which is true for powers of two.
    pub(crate) fn count_rejected(&mut self, peer_id: PeerId) -> bool {
        self.links.get_mut(&peer_id).is_some_and(|link| {
            link.rejected = link.rejected.saturating_add(1);
            link.rejected.is_power_of_two()
        })
    }

    /// Returns the unfinished transfers from and to a peer.
    pub(crate) fn transfers_mut(&mut self, peer_id: PeerId) -> Option<&mut PeerTransfers> {
        self.links.get_mut(&peer_id).map(|link| &mut link.transfers)
    }

    /// Returns the link ids of a transfer, one per recipient.
    pub(crate) fn find_transfer(
        &self,
        id: TransferId,
    ) -> impl Iterator<Item = (PeerId, LinkTransferId)> {
        let links = self.links.iter();
        links.filter_map(move |(&peer_id, link)| Some((peer_id, link.transfers.find(id)?)))
    }
}
