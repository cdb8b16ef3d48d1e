use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use huddle_id::PeerId;

use super::{
    values::{Value, Values},
    withheld::Withheld,
};
use crate::{
    claim::{ClaimKind, Ownership, Policy, Register},
    id::EntityId,
    layout::{ComponentId, Layout},
    numbering::rules_of,
    visibility::Visibility,
};

/// Whether a peer that is not the owner may pass the values of an entity on, see [`Entity::passing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// The owner has sent no state since the register changed.
    Unknown,
    /// The owner shows the entity to every peer.
    Allowed,
    /// The owner hides the entity from some peers.
    Forbidden,
}

/// An entity, as the local peer knows it.
#[derive(Debug)]
pub(crate) struct Entity {
    id: EntityId,
    pub(crate) ownership: Ownership,
    /// `None` while the game does not see the entity: nothing has arrived, it is dead, its owner
    /// hides it, or its owner has left.
    pub(crate) values: Option<Values>,
    /// Whether the local peer has added the entity, and it exists.
    pub(crate) is_own: bool,
    /// The register with which the local peer has asked other peers for the values, which the owner has lost.
    pub(crate) searched_as: Option<Register>,
    /// The peer whose values these are. `None` if they are the local peer's own.
    pub(crate) source: Option<PeerId>,
    /// The peer that has sent the values, unless the local peer has owned the entity since then.
    received_from: Option<PeerId>,
    /// Whether the caller waits for the contents of large values. The local peer does not inherit such an
    /// entity.
    pub(crate) is_incomplete: bool,
    /// Whether an heir has taken the entity over, as far as the local peer knows.
    pub(crate) was_inherited: bool,
    /// Whether the local peer may relay an entity of another peer.
    pub(crate) passing: Passing,
    /// Increases with each change that the other peers have to receive.
    version: u64,
    /// Whether the session will tell all links about a change.
    pub(crate) is_changed: bool,
    /// Since when the local peer only knows who owns the entity.
    pub(crate) unused_since: Option<Duration>,
    withheld: Withheld,
    visibility: Visibility,
    /// Whether the owner hides the entity from some peers.
    is_restricted: bool,
    /// Whether the local peer hides the entity only because its previous owner did.
    is_hidden_by_default: bool,
    /// The peers that saw the entity when the local peer stopped to own it.
    visible_before: Option<Visibility>,
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
            is_own: false,
            searched_as: None,
            source: None,
            received_from: None,
            is_incomplete: false,
            was_inherited: false,
            passing: Passing::Unknown,
            version: 1,
            is_changed: false,
            unused_since: None,
            withheld: Withheld::default(),
            visibility: Visibility::default(),
            is_restricted: false,
            is_hidden_by_default: false,
            visible_before: None,
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

    /// Returns whether the owner took the entity over because the one before was gone.
    pub(crate) fn is_inherited(&self) -> bool {
        let claim = self.register().claim();
        claim.is_some_and(|claim| claim.kind() == ClaimKind::Inherited && claim.touch() == 0)
    }

    /// Returns whether a peer without a link to the owner may have claimed the entity without the owner's
    /// knowledge: an heir in another half of a partition, or a peer that has loaded the same level.
    pub(crate) fn may_have_rivals(&self) -> bool {
        self.was_inherited || self.id.is_placed()
    }

    /// Returns whether the local peer has asked other peers for the values, which the owner has lost.
    pub(crate) fn is_searched(&self) -> bool {
        self.searched_as == Some(self.register())
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
        self.known_values().filter(|_| self.ownership.is_mine())
    }

    /// Returns the values without those changes that are withheld because of rate limits.
    pub(crate) fn known_values(&self) -> Option<&Values> {
        let values = self.values.as_ref()?;
        Some(self.withheld.sent().unwrap_or(values))
    }

    /// Starts to own values, all of which the other peers receive.
    pub(crate) fn start(&mut self, layout: &Layout, values: Values, now: Duration) {
        self.withheld.start(layout, values.components, now);
        self.values = Some(values);
    }

    /// Handles that a component is about to change. Returns whether the other peers have to receive the
    /// change now. If not, [`release`](Self::release) returns it later.
    pub(crate) fn change(
        &mut self,
        layout: &Layout,
        change: (ComponentId, Value<'_>),
        when: (Duration, u32),
    ) -> bool {
        let values = self.values.as_ref();
        values.is_none_or(|values| self.withheld.change(layout, values, change, when))
    }

    /// Handles that a component was removed.
    pub(crate) fn component_removed(&mut self, layout: &Layout, id: ComponentId) {
        self.withheld.remove(layout, id);
    }

    /// Returns whether changes are withheld because of rate limits.
    pub(crate) fn is_withholding(&self) -> bool {
        self.withheld.sent().is_some()
    }

    /// Releases the changes whose time has come. Returns whether there are any.
    pub(crate) fn release(&mut self, layout: &Layout, when: (Duration, u32)) -> bool {
        let values = self.values.as_ref();
        values.is_some_and(|values| self.withheld.release(layout, values, when))
    }

    /// Releases all changes, which the next owner receives.
    pub(crate) fn release_all(&mut self) {
        if self.withheld.release_all() {
            self.touch();
        }
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

    /// Returns whether the owner hides the entity from some peers. No other peer may pass it on.
    pub(crate) fn is_restricted(&self) -> bool {
        self.is_restricted
    }

    /// Takes the setting of the owner. The local peer hides what another peer gives to it.
    pub(crate) fn set_restricted(&mut self, is_restricted: bool) {
        self.is_restricted = is_restricted;
        if self.ownership.is_mine() {
            if !is_restricted && self.is_hidden_by_default {
                // The previous owner showed it to all when it gave it away.
                self.visibility = Visibility::All;
                self.is_hidden_by_default = false;
            }
            self.start_to_own();
        }
    }

    /// Handles that the local peer becomes the owner. Nobody knows who could see a restricted entity, so it
    /// is hidden from all others until the game decides.
    pub(crate) fn start_to_own(&mut self) {
        self.received_from = None;
        if self.is_restricted && self.visibility == Visibility::All {
            self.visibility = Visibility::Only(BTreeSet::new());
            self.is_hidden_by_default = true;
        }
        self.is_restricted = self.visibility != Visibility::All;
    }

    /// Handles that the local peer is no longer the owner, which decides who sees the entity.
    pub(crate) fn stop_to_own(&mut self) {
        self.visible_before = Some(std::mem::take(&mut self.visibility));
        self.is_hidden_by_default = false;
    }

    /// Takes the values of another peer.
    pub(crate) fn take_from(&mut self, sender: PeerId, values: Values) {
        self.source = Some(sender);
        self.values = Some(values);
        self.received_from(sender);
    }

    /// Handles that all values are those that another peer has sent.
    pub(crate) fn received_from(&mut self, sender: PeerId) {
        self.received_from = Some(sender).filter(|_| !self.ownership.is_mine());
    }

    /// Returns whether a new owner may receive the values from the local peer, which does not own the entity.
    ///
    /// A peer can claim an entity that is hidden from it: it only has to guess the id.
    pub(crate) fn may_pass_values_to(&self, peer: PeerId) -> bool {
        match self.received_from {
            // The peer may have started again, and lost what it has sent.
            Some(sender) => !self.is_restricted || sender == peer,
            None => self.may_pass_to(peer),
        }
    }

    /// Returns whether a new owner may receive everything from the local peer, which does not own the entity:
    /// if the local peer showed it when it was the owner, or if no owner is known to have restricted it.
    ///
    /// This is stricter than [`may_pass_values_to`](Self::may_pass_values_to): the large values can be those of
    /// an earlier owner.
    pub(crate) fn may_pass_to(&self, peer: PeerId) -> bool {
        match &self.visible_before {
            Some(before) => before.includes(peer),
            None => !self.is_restricted,
        }
    }

    /// Handles that a later owner hides the entity from some peers. Nobody else may receive its values from
    /// the local peer.
    pub(crate) fn restrict_to(&mut self, owner: PeerId) {
        if let Some(before) = &mut self.visible_before {
            let owner = before.includes(owner).then_some(owner);
            *before = Visibility::Only(owner.into_iter().collect());
        }
    }

    /// Returns whether the local peer shows the entity to a peer to which it relays the entities of these
    /// owners. Returns `None` if it does not decide about that.
    pub(crate) fn shows_to(&self, peer: PeerId, relayed: &BTreeSet<PeerId>) -> Option<bool> {
        if self.ownership.is_mine() {
            return self.values.is_some().then(|| self.is_visible_to(peer));
        }
        if relayed.is_empty() || !relayed.contains(&self.ownership.owner()?) {
            return None;
        }
        match self.passing {
            Passing::Unknown => None,
            Passing::Allowed => self.values.is_some().then_some(true),
            Passing::Forbidden => Some(false),
        }
    }

    pub(crate) fn set_visibility(&mut self, visibility: Visibility) {
        if self.ownership.is_mine() {
            self.is_restricted = visibility != Visibility::All;
        }
        self.visibility = visibility;
        self.is_hidden_by_default = false;
        self.version += 1;
    }
}
