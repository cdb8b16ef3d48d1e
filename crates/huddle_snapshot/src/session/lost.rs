//! Entities whose owner has lost their values.
//!
//! A peer that starts again with the same id still owns the entities of its earlier session, but has no values
//! of them, and its game does not remember them. It gives each of them to a peer that has the values:
//!
//! | step | what happens |
//! |---|---|
//! | 1 | a peer that knows the owner sends it the register of the entity, for example when their link opens |
//! | 2 | the owner *searches*: it sends its register to all linked peers, once per register |
//! | 3 | each *holder*, which has the values, sends them, or hides the entity if the owner may not receive them |
//! | 4 | the owner passes the entity on to the first holder whose answer arrives |
//!
//! - **Only a holder receives the entity.** A register alone does not show that its sender has the values. Two
//!   peers without them would pass the entity to each other, and never to a holder.
//! - **The search reaches every holder that is linked with the owner.** A holder that knows an earlier owner adopts
//!   the register of step 2, and asks the new owner about the entity. The owner answers with step 2 again. The
//!   owner also asks each peer whose link opens later.
//! - **Relays.** A relay without the values passes the search on to the peers behind it. It takes the values that
//!   arrive, and sends them to the owner. It is a holder then.
//! - **If no peer has the values**, the search has no answer. No game sees the entity, and all peers
//!   [forget](super::cleanup) it.
//!
//! | entity | what the owner does |
//! |---|---|
//! | a gift | searches, and keeps it when the values arrive |
//! | goes with its owner | despawns it without a search |
//! | of the level, without an owner so far | passes it on at once, before it sends the values of the level to other peers |
//! | of the host | nothing: the host takes over the values, see [`set_host`](SnapshotSession::set_host) |

use huddle_id::PeerId;

use super::peer::SnapshotSession;
use crate::{
    claim::{OwnerGone, Register},
    world::{Entity, Index},
};

impl SnapshotSession {
    /// Handles that a peer has sent the `register` of an entity. If the local peer owned the entity in an earlier
    /// session, it searches for the values, or gives the entity up. The owner was `before` in the local view.
    ///
    /// The session remembers its own claims. A claim is an earlier one if the session has no values, or if
    /// it only has those of the level, without an owner.
    pub(super) fn recall(
        &mut self,
        index: Index,
        peer: PeerId,
        register: Register,
        before: Option<PeerId>,
    ) {
        let Some(entity) = self.world.get(index) else {
            return;
        };
        let is_mine = entity.ownership.is_mine() && entity.register() == register;
        if !is_mine || entity.is_hosts() {
            return;
        }
        let is_new_level = before.is_none() && !entity.is_gift();
        if needs_search(entity) && !is_new_level {
            self.search(index, peer);
        } else if entity.values.is_none() || is_new_level {
            self.abandon(index, peer);
        }
    }

    /// Asks all linked peers for the values of an entity. Asks only `peer` if it has asked all
    /// of them before.
    fn search(&mut self, index: Index, peer: PeerId) {
        let Some(entity) = self.world.get_mut(index) else {
            return;
        };
        let is_new = !entity.is_searched();
        entity.searched_as = Some(entity.register());
        for (linked, link) in &mut self.links {
            if is_new || *linked == peer {
                link.outgoing.ask_because_of_other(index, None, false);
            }
        }
    }

    /// Asks a peer, whose link has just opened, for all values that the local peer has lost.
    pub(super) fn search_at(&mut self, peer: PeerId) {
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        for (index, entity) in self.world.iter() {
            if needs_search(entity) {
                link.outgoing.ask_because_of_other(index, None, false);
            }
        }
    }

    /// Handles a register that the owner of an entity, or its relay, has sent again without values. The owner may
    /// have lost them.
    ///
    /// An owner that has the values ignores those that it receives.
    pub(super) fn answer_search(&mut self, index: Index, peer: PeerId) {
        let Some(entity) = self.world.get(index).filter(|it| passes_on(it)) else {
            return;
        };
        let Some(owner) = entity.ownership.owner() else {
            return;
        };
        let may_pass = owner == peer || !entity.is_restricted();
        let has_values = entity.values.is_some();
        if self.source_of(owner) != Some(peer) || !may_pass {
            return;
        }
        if !has_values {
            return self.pass_search_on(index, owner);
        }
        if let (Some(entity), Some(link)) = (self.world.get_mut(index), self.links.get_mut(&peer)) {
            // The owner may have acked the values before it lost them.
            entity.touch();
            link.outgoing.ask(index, Some(owner));
        }
    }

    /// Asks the peers to which the local peer relays the entities of an owner for the values of one of them.
    fn pass_search_on(&mut self, index: Index, owner: PeerId) {
        if let Some(entity) = self.world.get_mut(index) {
            entity.searched_as = Some(entity.register());
        }
        for link in self.links.values_mut() {
            if link.outgoing.relayed.contains(&owner) {
                link.outgoing.ask_because_of_other(index, None, false);
            }
        }
    }

    /// Returns whether the local peer owned an entity with this register in an earlier session, and has lost its
    /// values. It keeps gifts.
    pub(super) fn gives_up(&self, index: Index, register: Register) -> bool {
        let is_earlier = |entity: &Entity| {
            let is_lost = entity.ownership.is_mine() && entity.values.is_none();
            is_lost && !entity.is_hosts() && !entity.is_gift() && entity.register() == register
        };
        self.world.get(index).is_some_and(is_earlier)
    }

    /// Gives up an entity that the local peer owned in an earlier session.
    pub(super) fn abandon(&mut self, index: Index, heir: PeerId) {
        self.operate(index, |ownership| ownership.abandon(heir));
    }
}

/// Returns whether the local peer owns an entity, has lost its values, and needs them or a peer that has them.
fn needs_search(entity: &Entity) -> bool {
    entity.ownership.is_mine() && entity.values.is_none() && passes_on(entity)
}

/// Returns whether peers search for the values of an entity that its owner has lost.
fn passes_on(entity: &Entity) -> bool {
    let owner_gone = entity.ownership.rules().owner_gone();
    !entity.is_hosts() && (owner_gone == OwnerGone::PassOn || entity.is_gift())
}
