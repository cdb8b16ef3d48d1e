use std::collections::BTreeMap;

use huddle_id::PeerId;

use super::values::Values;
use crate::{
    claim::{ClaimKind, Ownership, Policy, Register},
    id::EntityId,
    numbering::rules_of,
    visibility::Visibility,
};

/// An entity, as the local peer knows it.
#[derive(Debug)]
pub(crate) struct Entity {
    id: EntityId,
    pub(crate) ownership: Ownership,
    /// `None` while the game does not see the entity: nothing has arrived, it is dead, its owner
    /// hides it, or its owner has left.
    pub(crate) values: Option<Values>,
    /// Increases with each change that the other peers have to receive.
    version: u64,
    visibility: Visibility,
    importance: f32,
    /// The importance for peers for which it differs.
    importance_for: BTreeMap<PeerId, f32>,
}

impl Entity {
    pub(super) fn new(id: EntityId, local: PeerId, is_dead: bool) -> Self {
        let ownership = match is_dead {
            true => Ownership::despawned(local, rules_of(id)),
            false => Ownership::new(local, rules_of(id)),
        };
        Self {
            id,
            ownership,
            values: None,
            version: 1,
            visibility: Visibility::default(),
            importance: 1.0,
            importance_for: BTreeMap::new(),
        }
    }

    pub(crate) fn id(&self) -> EntityId {
        self.id
    }

    /// Returns whether the host of the room decides about the entity.
    pub(crate) fn is_hosts(&self) -> bool {
        self.ownership.rules().policy() == Policy::Host
    }

    /// Returns whether another peer gave the entity to its owner, which may not know it yet.
    pub(crate) fn is_gift(&self) -> bool {
        let claim = self.register().claim();
        claim.is_some_and(|claim| claim.kind() == ClaimKind::Given && claim.touch() == 0)
    }

    /// Returns whether nothing is known about the entity but its id.
    pub(crate) fn is_untouched(&self) -> bool {
        self.values.is_none() && self.register() == Register::initial(self.id)
    }

    pub(crate) fn register(&self) -> Register {
        self.ownership.register()
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Returns the values that the local peer sends, if it owns the entity.
    pub(crate) fn sent_values(&self) -> Option<&Values> {
        self.values.as_ref().filter(|_| self.ownership.is_mine())
    }

    /// The other peers have to receive a change.
    pub(crate) fn touch(&mut self) {
        self.version += 1;
    }

    /// Returns how important it is that a peer has the current values.
    pub(crate) fn importance(&self, peer: PeerId) -> f32 {
        let for_peer = self.importance_for.get(&peer).copied();
        for_peer.unwrap_or(self.importance)
    }

    /// Sets the importance for all peers, which replaces that for single ones.
    pub(crate) fn set_importance(&mut self, importance: f32) {
        self.importance = importance;
        self.importance_for.clear();
    }

    pub(crate) fn set_importance_for(&mut self, peer: PeerId, importance: f32) {
        self.importance_for.insert(peer, importance);
    }

    pub(crate) fn forget_importance_for(&mut self, peer: PeerId) {
        self.importance_for.remove(&peer);
    }

    /// Returns whether a peer receives the entity from its owner.
    pub(crate) fn is_visible_to(&self, peer: PeerId) -> bool {
        self.visibility.includes(peer)
    }

    pub(crate) fn show_to_all(&mut self) {
        self.visibility = Visibility::All;
    }

    pub(crate) fn set_visibility(&mut self, visibility: Visibility) {
        self.visibility = visibility;
        self.touch();
    }
}
