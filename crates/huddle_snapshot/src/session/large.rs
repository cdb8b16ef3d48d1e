//! What the exchange of [large values](crate::content) has to know about the entities.

use huddle_id::PeerId;

use super::peer::SnapshotSession;
use crate::{content::Sources, id::EntityId};

impl SnapshotSession {
    /// Returns the linked peers that may have the large values of an entity.
    pub fn content_sources(&self, id: EntityId) -> Sources {
        let Some(entity) = self.world.find(id) else {
            return Sources::Only(None);
        };
        let source = entity.source.filter(|peer| self.links.contains_key(peer));
        if !entity.ownership.is_mine() {
            return Sources::Only(source);
        }
        let linked = self.links.keys().copied();
        let others = linked.filter(|peer| Some(*peer) != source);
        Sources::Each(source.into_iter().chain(others).collect())
    }

    /// Returns whether a peer may receive the large values of an entity from the local peer: if the local
    /// peer owns the entity and shows it, if the peer has taken it over, or if the local peer relays it.
    pub fn may_receive_contents(&self, id: EntityId, peer: PeerId) -> bool {
        let entity = self.world.find(id);
        entity.is_some_and(|entity| {
            let is_host = entity.is_hosts() && self.host == Some(peer);
            let is_owner = entity.ownership.owner() == Some(peer);
            let may_receive = match entity.ownership.is_mine() {
                true => entity.is_visible_to(peer),
                // No other peer knows who may see the entity, unless every peer may.
                false => {
                    let may_pass = is_owner && entity.may_pass_to(peer);
                    is_host || may_pass || self.relays_contents(entity, peer)
                }
            };
            entity.values.is_some() && may_receive
        })
    }

    /// Sets whether the local peer waits for large values of an entity. It does not inherit such an entity,
    /// so that a peer inherits it that has all values.
    pub fn set_incomplete(&mut self, id: EntityId, is_incomplete: bool) {
        if let Some(index) = self.world.index(id)
            && let Some(entity) = self.world.get_mut(index)
        {
            entity.is_incomplete = is_incomplete;
        }
    }
}

#[cfg(test)]
mod tests;
