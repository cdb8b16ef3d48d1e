//! The state that a room keeps for each peer, from the opening of its link until it is forgotten.

use std::collections::BTreeMap;

use bevy::prelude::*;
use huddle_mesh::{DisconnectReason, LinkFailure, PeerId};
use huddle_session::TransferId as LinkTransferId;

use crate::{message::transfer::TransferId, peer::transfers::PeerTransfers};

/// The number of malformed packets that are tolerated before a peer is disconnected.
const MAX_BAD_PACKETS: u32 = 64;

/// The maximum number of unlinked members that are remembered.
const MAX_UNLINKED: usize = 256;

/// The linked peers of a room, and the members that could not be linked.
#[derive(Default)]
pub(crate) struct PeerLinks {
    links: BTreeMap<PeerId, PeerLink>,
    /// The members that could not be linked, and the latest reason for each.
    unlinked: BTreeMap<PeerId, LinkFailure>,
    /// Whether links between peers may have changed since [`MissingLinks`] was updated.
    pub(crate) is_mesh_stale: bool,
}

#[derive(Default)]
struct PeerLink {
    presence: Presence,
    /// The reason why the peer is leaving, while its last events are triggered. Later reasons do
    /// not replace it.
    leaving: Option<DisconnectReason>,
    is_matchbox_client: bool,
    /// Whether either game refused the other one.
    is_refused: bool,
    /// Whether the peer was in the room before.
    rejoined: bool,
    transfers: PeerTransfers,
    rejected: u32,
    bad_packets: u32,
}

/// Whether the world has an entity for a peer.
///
/// Observers can leave the room or despawn the peer in the middle of any step. Still, exactly one
/// `PeerLeft` follows each `PeerJoined`: only code that takes the entity of a
/// [`Presence::Joined`] peer from its link triggers `PeerLeft`.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// The peer has no entity, because the handshake is not complete.
    #[default]
    Absent,
    /// The entity exists, but `PeerJoined` has not been triggered.
    Joining(Entity),
    /// `PeerJoined` has been triggered.
    Joined(Entity),
}

/// A peer whose entity was taken from its link. The caller despawns the entity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Departure {
    pub(crate) peer_id: PeerId,
    pub(crate) entity: Entity,
    pub(crate) reason: DisconnectReason,
    /// Whether `PeerJoined` was triggered. If so, `PeerLeft` has to follow.
    pub(crate) has_joined: bool,
}

impl Presence {
    fn entity(self) -> Option<Entity> {
        match self {
            Self::Absent => None,
            Self::Joining(entity) | Self::Joined(entity) => Some(entity),
        }
    }
}

impl PeerLink {
    fn take_departure(&mut self, peer_id: PeerId, reason: DisconnectReason) -> Option<Departure> {
        let presence = std::mem::take(&mut self.presence);
        Some(Departure {
            peer_id,
            entity: presence.entity()?,
            reason: self.leaving.unwrap_or(reason),
            has_joined: matches!(presence, Presence::Joined(_)),
        })
    }
}

impl PeerLinks {
    /// Adds a peer whose link opened.
    pub(crate) fn open(&mut self, peer_id: PeerId, is_matchbox_client: bool, rejoined: bool) {
        let link = PeerLink {
            is_matchbox_client,
            rejoined,
            ..default()
        };
        self.links.insert(peer_id, link);
    }

    /// Sets the entity of a peer. The entity has no components yet.
    pub(crate) fn begin_joining(&mut self, peer_id: PeerId, entity: Entity) {
        if let Some(link) = self.links.get_mut(&peer_id) {
            link.presence = Presence::Joining(entity);
            self.is_mesh_stale = true;
        }
    }

    /// Marks the entity of a peer as complete. Returns whether the peer still has this entity.
    pub(crate) fn finish_joining(&mut self, peer_id: PeerId, entity: Entity) -> bool {
        match self.links.get_mut(&peer_id) {
            Some(link) if link.presence == Presence::Joining(entity) => {
                link.presence = Presence::Joined(entity);
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
        link.rejoined = true;
        link.take_departure(peer_id, reason)
    }

    /// Forgets a peer. The caller despawns its entity, if it has one.
    pub(crate) fn forget(
        &mut self,
        peer_id: PeerId,
        reason: DisconnectReason,
    ) -> Option<Departure> {
        self.is_mesh_stale = true;
        self.links.remove(&peer_id)?.take_departure(peer_id, reason)
    }

    /// Forgets all peers. The caller despawns their entities.
    pub(crate) fn forget_all(&mut self, reason: DisconnectReason) -> Vec<Departure> {
        let links = std::mem::take(&mut self.links);
        let departures = links.into_iter();
        departures
            .filter_map(|(peer_id, mut link)| link.take_departure(peer_id, reason))
            .collect()
    }

    /// Marks a peer as refused, so that it is no longer pending.
    pub(crate) fn set_refused(&mut self, peer_id: PeerId) {
        if let Some(link) = self.links.get_mut(&peer_id) {
            link.is_refused = true;
        }
    }

    /// Sets or clears the reason why a peer could not be linked.
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

    /// Returns the members that could not be linked, with the reasons.
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
    pub(crate) fn contains(&self, peer_id: PeerId) -> bool {
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

    pub(crate) fn has_rejoined(&self, peer_id: PeerId) -> bool {
        self.links.get(&peer_id).is_some_and(|link| link.rejoined)
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
    pub(crate) fn has_too_many_bad_packets(&self, peer_id: PeerId) -> bool {
        let link = self.links.get(&peer_id);
        link.is_some_and(|link| link.bad_packets > MAX_BAD_PACKETS)
    }

    /// Counts a rejected message. Returns whether to log it: the 1st, 2nd, 4th, 8th and so on.
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
