use huddle_id::PeerId;

use super::{
    event::{RemovalReason, SnapshotEvent},
    peer::{RETURN_TIME, SnapshotSession},
};
use crate::{
    claim::{ClaimError, Reaction},
    column::Number,
    layout::ComponentSet,
    link::{DecodeError, Newest, RecordKind, StateRef},
    world::{Entity, Index, Passing, Values},
};

impl SnapshotSession {
    /// Handles what [`write`](Self::write) of a peer wrote for packet `seq` at its tick `tick`.
    ///
    /// # Errors
    /// Returns an error, and ignores everything in the packet, if no honest peer can have sent it.
    pub fn receive(
        &mut self,
        peer: PeerId,
        seq: u64,
        tick: u32,
        bytes: &[u8],
    ) -> Result<(), DecodeError> {
        let Some(link) = self.links.get_mut(&peer) else {
            return Ok(());
        };
        if let Err(error) = link.incoming.receive(&mut self.world, seq, tick, bytes) {
            self.stats.undecodable += 1;
            return Err(error);
        }
        let records = link.incoming.packet(seq).map_or(0, |packet| packet.len());
        for at in 0..records {
            self.receive_record(peer, seq, at);
        }
        Ok(())
    }

    fn receive_record(&mut self, peer: PeerId, seq: u64, at: usize) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        let record = link
            .incoming
            .packet(seq)
            .and_then(|packet| packet.records().get(at));
        let Some(record) = record else {
            return;
        };
        let (index, kind, register) = (record.index, record.kind, record.register());
        let is_newest = link.incoming.is_newest(index, seq);
        link.outgoing.receiver_has(index, register);
        let mut reaction = Reaction::Ignored;
        let host = self.host;
        let entity = self.world.get(index);
        let before = entity.and_then(|it| it.register().owner());
        let was_seen = entity.is_some_and(|it| it.values.is_some());
        let author = entity.map_or(peer, |entity| self.author(peer, entity, register));
        self.operate(index, |ownership| {
            if kind == RecordKind::State || register.is_dead() {
                ownership.know_host(host);
            }
            let (result, outcome) = ownership.receive(author, register, now);
            reaction = result;
            outcome
        });
        if matches!(reaction, Reaction::Refused(_)) {
            self.stats.refused_claims += 1;
        }
        if matches!(reaction, Reaction::Refused(ClaimError::NotHost))
            && register.is_dead()
            && let Some(link) = self.link_to_host()
        {
            // The host may know that the entity is dead, but not that it exists here.
            link.outgoing.ask_because_of_other(index, None, was_seen);
        }
        let is_unknown = self
            .world
            .get(index)
            .is_some_and(|entity| entity.values.is_none());
        if reaction == Reaction::DespawnProposed && (is_unknown || self.may_have_been_host(peer)) {
            self.operate(index, |ownership| {
                ownership.know_host(host);
                ownership.despawn().unwrap_or_default()
            });
        }
        if reaction.needs_answer()
            && let Some(link) = self.links.get_mut(&peer)
        {
            link.outgoing.answer(index, register);
            self.propose_despawn(index);
        }
        if kind == RecordKind::Hidden {
            self.notice_withheld_gift(index, peer);
        }
        let is_adopted = matches!(reaction, Reaction::Adopted { .. });
        let is_from_owner = reaction.takes_values();
        if is_adopted
            && (!is_from_owner || kind == RecordKind::Register)
            && let Some(source) = register.owner().and_then(|owner| self.source_of(owner))
            && let Some(link) = self.links.get_mut(&source)
        {
            // The owner may hide the entity, or have sent its values before. A register alone does not tell.
            let owner = register.owner();
            // A relay passes on only what every peer may see.
            let may_give = |entity: &&mut Entity| owner == Some(source) || !entity.is_restricted();
            let entity = self.world.get_mut(index).filter(may_give);
            let gift = entity.filter(|entity| entity.is_gift() && !is_from_owner);
            let taker = owner.filter(|_| gift.is_some());
            let outgoing = &mut link.outgoing;
            outgoing.ask_because_of_other(index, taker, was_seen);
            if let Some(gift) = gift {
                // The owner may have lost the values since it has received them.
                gift.touch();
            }
        }
        if is_adopted
            && register.is_dead()
            && let Some(source) = before.and_then(|owner| self.source_of(owner))
            && source != peer
            && let Some(link) = self.links.get_mut(&source)
        {
            // The owner may hide the entity from the peer that despawned it.
            link.outgoing.ask_because_of_other(index, None, was_seen);
        }
        let entity = self.world.get_mut(index);
        if let Some(entity) = entity.filter(|entity| entity.ownership.is_mine())
            && let Some(link) = self.links.get_mut(&peer)
        {
            // The peer knows the entity, from another owner or another session.
            if entity.is_visible_to(peer) {
                link.outgoing.may_see(index);
            } else {
                if kind == RecordKind::Register {
                    // The peer asks, so it may have ignored that the entity is hidden.
                    entity.touch();
                }
                link.outgoing.hide(index);
            }
        }
        if kind == RecordKind::State && register.owner().is_some_and(|owner| owner != author) {
            // The peer asks about an entity that it may have given to the owner.
            self.relay_to(peer, index);
        }
        match reaction {
            _ if kind == RecordKind::Register => {
                self.recall(index, peer, register, before);
                if reaction == Reaction::TakeValues {
                    self.answer_search(index, peer);
                }
                self.relay_to(peer, index);
            }
            _ if self.gives_up(index, register) => self.abandon(index, peer),
            // Values of the owner, or of the peer that gives the entity to the local peer.
            Reaction::TakeValues | Reaction::Adopted { .. } if is_newest => {
                let is_gift =
                    !reaction.takes_values() && self.is_gift_to_relay(index, peer, before);
                match is_gift {
                    true => self.take(index, peer, true),
                    false => self.take_newest(index, peer),
                }
                self.announce_hidden(index, Some(peer));
            }
            Reaction::TakeValues | Reaction::Adopted { .. } => {}
            _ if self.is_missing_at_relay(index, peer) => {
                self.take(index, peer, true);
                self.pass_values_on(index);
            }
            // A late record can be the first that the local peer receives as the host.
            _ => self.take_missing(index, peer),
        }
    }

    /// Tells the host that one of its entities is dead, because a peer still has it.
    fn propose_despawn(&mut self, index: Index) {
        let is_dead = |entity: &Entity| entity.is_hosts() && entity.register().is_dead();
        if self.world.get(index).is_some_and(is_dead)
            && let Some(link) = self.link_to_host()
        {
            link.outgoing.ask_because_of_other(index, None, false);
        }
    }

    fn may_have_been_host(&self, peer: PeerId) -> bool {
        let link = self.links.get(&peer);
        link.is_some_and(|link| self.now < link.opened.max(self.host_since) + RETURN_TIME)
    }

    /// Takes the values of the newest state that the owner of an entity, or its relay, has sent, if the
    /// state has the register of the entity.
    pub(super) fn take_newest(&mut self, index: Index, sender: PeerId) {
        let Some(owner) = self.world.get(index).and_then(|it| it.ownership.owner()) else {
            return;
        };
        let is_gift = owner == self.local;
        if is_gift || self.source_of(owner) == Some(sender) {
            self.take(index, sender, is_gift);
        }
    }

    /// Takes the values of the newest state that a peer has sent. With `is_gift`, the values are the last ones
    /// of an owner that gave the entity away.
    fn take(&mut self, index: Index, sender: PeerId, is_gift: bool) {
        let Some(entity) = self.world.get_mut(index) else {
            return;
        };
        let id = entity.id();
        let newest = self
            .links
            .get(&sender)
            .and_then(|link| link.incoming.newest(index, id));
        let state = match newest {
            Some(Newest::State(state)) if state.head.register == entity.register() => state,
            Some(Newest::Hidden(register)) if register == entity.register() && !is_gift => {
                entity.passing = Passing::Forbidden;
                self.remove(index, RemovalReason::Hidden);
                return self.relay(index);
            }
            _ => return,
        };
        entity.set_restricted(state.head.is_restricted);
        if state.head.is_restricted
            && !entity.ownership.is_mine()
            && let Some(owner) = entity.ownership.owner()
        {
            entity.restrict_to(owner);
        }
        // A gift of a peer that did not know the owner replaces values of the local peer.
        entity.release_all();
        let passing_before = entity.passing;
        if !is_gift {
            entity.passing = match state.head.is_restricted {
                true => Passing::Forbidden,
                false => Passing::Allowed,
            };
        }
        let has_other_passing = entity.passing != passing_before;
        let Some(values) = &mut entity.values else {
            let (values, tick) = (values_of(state), state.head.tick);
            self.appear(index, sender, values, tick);
            return self.relay(index);
        };
        let before = values.components;
        let tick = state.head.tick;
        let changed = update(&self.layout, values, state);
        let removed = before.without(values.components);
        entity.source = Some(sender);
        entity.received_from(sender);
        if !changed.is_empty() || !removed.is_empty() {
            self.events.push_back(SnapshotEvent::Changed {
                id,
                tick,
                changed,
                removed,
            });
            self.relay(index);
        } else if has_other_passing {
            self.relay(index);
        }
    }

    /// Takes the values of an entity that the local peer has taken over without having any.
    ///
    /// An entity that the local peer owns from the start has values, unless it is not spawned yet, or was in an
    /// earlier session. The host takes over those of the host.
    fn take_missing(&mut self, index: Index, from: PeerId) {
        let is_host = self.host == Some(self.local);
        let is_missing = |entity: &&Entity| {
            let is_given = entity.ownership.is_mine() && !entity.is_untouched();
            let is_hosts = is_host && entity.is_hosts();
            entity.values.is_none() && (is_given || is_hosts) && !entity.register().is_dead()
        };
        let entity = self.world.get(index).filter(is_missing);
        let link = self.links.get(&from);
        let newest = entity
            .zip(link)
            .and_then(|(entity, link)| link.incoming.newest(index, entity.id()));
        if let Some(Newest::State(state)) = newest {
            let (values, tick) = (values_of(state), state.head.tick);
            let is_restricted = state.head.is_restricted;
            if let Some(entity) = self.world.get_mut(index) {
                entity.set_restricted(is_restricted);
            }
            self.appear(index, from, values, tick);
            self.announce_hidden(index, Some(from));
        }
    }

    /// Takes the values of an entity of the host that peers have sent before the local peer became the host.
    pub(super) fn take_over(&mut self, index: Index) {
        let is_missing = |entity: &&Entity| entity.is_hosts() && entity.values.is_none();
        let Some(id) = self.world.get(index).filter(is_missing).map(Entity::id) else {
            return;
        };
        let newest = self.links.iter().filter_map(|(peer, link)| {
            let Some(Newest::State(state)) = link.incoming.newest(index, id) else {
                return None;
            };
            Some((state.head.register, *peer))
        });
        if let Some((_, peer)) = newest.max() {
            self.take_missing(index, peer);
        }
    }

    /// The game sees an entity for the first time, or again.
    fn appear(&mut self, index: Index, from: PeerId, values: Values, tick: u32) {
        let Some(entity) = self.world.get_mut(index) else {
            return;
        };
        entity.take_from(from, values);
        let id = entity.id();
        self.events.push_back(SnapshotEvent::Spawned { id, tick });
        self.notice_vacancy(index);
        let (host, now) = (self.host, self.now);
        self.operate(index, |ownership| ownership.set_host(host, now));
        if self
            .world
            .get(index)
            .is_some_and(|it| it.ownership.is_mine())
        {
            // The local peer owned it before it had the values.
            self.publish(index);
        }
    }
}

fn values_of(state: StateRef<'_>) -> Values {
    Values {
        components: state.head.components,
        numbers: state.numbers.iter().map(|number| number.value).collect(),
        blobs: state.blobs.to_vec(),
    }
}

/// Sets the values of an entity. Returns the components that have changed.
fn update(
    layout: &crate::layout::Layout,
    values: &mut Values,
    state: StateRef<'_>,
) -> ComponentSet {
    let is_same_set = values.components == state.head.components;
    let mut changed = ComponentSet::EMPTY;
    for (id, _, place) in layout.places(state.head.components) {
        let before = layout.place(values.components, id);
        if before.is_none_or(|before| !is_equal(values, state, &before, &place)) {
            changed.insert(id);
        }
    }
    if !is_same_set || !changed.is_empty() {
        values.components = state.head.components;
        values.numbers.clear();
        values
            .numbers
            .extend(state.numbers.iter().map(|number| number.value));
        values.blobs.clear();
        values.blobs.extend_from_slice(state.blobs);
    }
    changed
}

fn is_equal(
    values: &Values,
    state: StateRef<'_>,
    before: &crate::layout::Place,
    now: &crate::layout::Place,
) -> bool {
    use crate::layout::Place::{Blob, Numbers};
    match (before, now) {
        (Numbers(before), Numbers(now)) => {
            let before = values.numbers.get(before.clone()).unwrap_or_default();
            let now: &[Number] = state.numbers.get(now.clone()).unwrap_or_default();
            before.iter().eq(now.iter().map(|number| &number.value))
        }
        (Blob(before), Blob(now)) => values.blobs.get(*before) == state.blobs.get(*now),
        _ => false,
    }
}
