//! The records that one peer receives from another.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use huddle_id::PeerId;

use super::{
    error::DecodeError,
    history::{HISTORY, History, KEEPS_MODELS, PLAIN, REORDERING},
    models::Models,
    names::Names,
    packet::{MAX_WEIGHT, Packet, RecordKind},
    received::{Known, Newest, Received, Shown},
    record::{Scratch, decode_state},
    register::decode_register,
    start::{Previous, decode_start},
    state::{Head, StateRef},
};
use crate::{
    claim::Register,
    entropy::Decoder,
    id::EntityId,
    layout::{ComponentSet, Layout},
    world::{Index, World},
};

/// The maximum number of entities that a peer has at the same time: those that it spawned, and those of
/// its level.
pub const MAX_ENTITIES: usize = 1 << 14;

/// The maximum number of entities that a peer is the first to name. A hostile peer cannot fill the
/// memory, nor take the place of other peers' entities. An entity that was despawned takes its place until
/// no packet can refer to it.
const MAX_ADDED: usize = 2 * MAX_ENTITIES;

/// What one peer has received from another.
#[derive(Debug)]
pub(crate) struct Incoming {
    layout: Arc<Layout>,
    names: Names,
    history: History,
    entities: Vec<Received>,
    newest: Option<u64>,
    /// The number of entities that the sender was the first to name.
    added: usize,
    models: Models,
    scratch: Scratch,
    packet: Packet,
}

impl Incoming {
    pub(crate) fn new(sender: PeerId, receiver: PeerId, layout: Arc<Layout>) -> Self {
        Self {
            names: Names::new(sender, receiver),
            history: History::default(),
            entities: Vec::new(),
            newest: None,
            added: 0,
            models: Models::new(&layout),
            scratch: Scratch::default(),
            packet: Packet::default(),
            layout,
        }
    }

    /// Decodes packet `seq`, and remembers its records. Afterwards, [`packet`](Self::packet) returns
    /// them.
    ///
    /// # Errors
    /// Returns an error if an honest peer cannot have sent the packet. Its records are ignored.
    pub(crate) fn receive(
        &mut self,
        world: &mut World,
        seq: u64,
        tick: u32,
        bytes: &[u8],
    ) -> Result<(), DecodeError> {
        let too_late = self
            .newest
            .is_some_and(|newest| newest > seq.saturating_add(REORDERING));
        if too_late || self.history.get(seq).is_some() {
            return Ok(());
        }
        self.newest = self.newest.max(Some(seq));
        let entities = &mut self.entities;
        self.history.advance(seq, |old, packet| {
            for record in packet.records() {
                if let Some(received) = entities.get_mut(record.index.get()) {
                    received.settle(old, record, packet.state(record));
                }
            }
        });
        self.packet.begin(seq);
        let decoded = self.decode(world, seq, tick, bytes);
        if decoded.is_err() {
            self.packet.clear();
            return decoded;
        }
        for record in self.packet.records() {
            entry(&mut self.entities, record.index).arrived(seq, record);
        }
        self.history.store(&self.packet);
        if bytes.first().is_some_and(|first| first & KEEPS_MODELS != 0) {
            self.history.store_models(seq, &self.models);
        }
        Ok(())
    }

    fn decode(
        &mut self,
        world: &mut World,
        seq: u64,
        tick: u32,
        bytes: &[u8],
    ) -> Result<(), DecodeError> {
        let (&first, bytes) = bytes.split_first().ok_or(DecodeError::TooShort)?;
        match first & !KEEPS_MODELS {
            0 | PLAIN => self.models = Models::new(&self.layout),
            age => {
                let acked = seq.checked_sub(age.into());
                let models = acked.and_then(|acked| self.history.models(acked));
                let models = models.ok_or(DecodeError::UnknownModels(acked.unwrap_or_default()))?;
                self.models.clone_from(models);
            }
        }
        let mut decoder = match first & !KEEPS_MODELS {
            PLAIN => Decoder::plain(bytes),
            _ => Decoder::new(bytes),
        };
        decode_definitions(&mut decoder, &mut self.names)?;
        let mut previous = Previous::default();
        while let Some((id, kind)) =
            decode_start(&mut decoder, &mut self.models, &self.names, &mut previous)?
        {
            if decoder.is_past_end() {
                return Err(DecodeError::TooShort);
            }
            let index = self.enter(world, id).ok_or(DecodeError::TooManyEntities)?;
            let received = self.entities.get(index.get());
            let head = match kind {
                RecordKind::State => decode_state(
                    &mut decoder,
                    &mut self.models,
                    &self.names,
                    &self.layout,
                    &mut previous,
                    id,
                    tick,
                    &Known {
                        history: &self.history,
                        received,
                        seq,
                        id,
                    },
                    &mut self.scratch,
                )?,
                RecordKind::Register | RecordKind::Hidden => {
                    let (models, names) = (&mut self.models, &self.names);
                    without_values(tick, decode_register(&mut decoder, models, names, id)?)
                }
            };
            if kind != RecordKind::State {
                self.scratch.clear();
            }
            let state = StateRef {
                head,
                numbers: &self.scratch.numbers,
                blobs: &self.scratch.blobs,
            };
            self.packet.push((id, index), kind, 0, state);
            if self.packet.weight() > MAX_WEIGHT {
                return Err(DecodeError::TooMuch);
            }
        }
        match decoder.unread() {
            _ if decoder.is_past_end() => Err(DecodeError::TooShort),
            0 => Ok(()),
            unread => Err(DecodeError::TooLong(unread)),
        }
    }

    /// Returns the place of an entity in the world. Adds the entity if it is unknown, and the sender has
    /// not added too many.
    fn enter(&mut self, world: &mut World, id: EntityId) -> Option<Index> {
        if let Some(index) = world.index(id) {
            return Some(index);
        }
        if self.added >= MAX_ADDED {
            return None;
        }
        let index = world.enter(id)?;
        entry(&mut self.entities, index).is_added = true;
        self.added += 1;
        Some(index)
    }

    /// Returns the records of a packet that was received.
    pub(crate) fn packet(&self, seq: u64) -> Option<&Packet> {
        self.history.get(seq)
    }

    /// Returns `true` if no newer state of the entity has arrived.
    pub(crate) fn is_newest(&self, index: Index, seq: u64) -> bool {
        let received = self.entities.get(index.get());
        received.is_some_and(|received| received.newest.is_some_and(|(newest, _)| newest == seq))
    }

    /// Returns what the sender has shown of an entity last.
    pub(crate) fn newest(&self, index: Index, id: EntityId) -> Option<Newest<'_>> {
        let received = self.entities.get(index.get())?;
        let newest = match received.newest? {
            (_, Shown::Hidden(register)) => return Some(Newest::Hidden(register)),
            (seq, Shown::State) => seq,
        };
        let recent = self.history.state(newest, id);
        let settled = || {
            let (seq, state) = received.settled.as_ref()?;
            (*seq == newest).then(|| state.as_ref())
        };
        recent.or_else(settled).map(Newest::State)
    }

    /// Returns `true` if no packet that is remembered contains the entity.
    pub(crate) fn is_over(&self, index: Index) -> bool {
        let newest = self.newest.unwrap_or_default();
        let last = self
            .entities
            .get(index.get())
            .and_then(|received| received.last);
        last.is_none_or(|last| last.saturating_add(HISTORY) <= newest)
    }

    /// Returns `true` if the sender has sent a record of the entity.
    pub(crate) fn has_named(&self, index: Index) -> bool {
        let received = self.entities.get(index.get());
        received.is_some_and(|received| received.last.is_some())
    }

    /// Returns `true` if the sender has sent a state of the entity, or hides it.
    pub(crate) fn has_shown(&self, index: Index) -> bool {
        let received = self.entities.get(index.get());
        received.is_some_and(|it| it.newest.is_some() || it.settled.is_some())
    }

    /// Forgets an entity that no longer exists.
    pub(crate) fn forget(&mut self, index: Index) {
        if let Some(received) = self.entities.get_mut(index.get()) {
            self.added -= usize::from(received.is_added);
            *received = Received::default();
        }
    }
}

fn without_values(tick: u32, register: Register) -> Head {
    Head {
        tick,
        ticks: 1,
        register,
        components: ComponentSet::EMPTY,
        is_restricted: false,
    }
}

fn decode_definitions(decoder: &mut Decoder<'_>, names: &mut Names) -> Result<(), DecodeError> {
    let count = decoder.raw(3);
    let first = if count > 0 { decoder.raw(16) } else { 0 };
    for number in (first as usize..).take(count as usize) {
        let bytes = [(); 16].map(|()| decoder.raw(8) as u8);
        if decoder.is_past_end() {
            return Err(DecodeError::TooShort);
        }
        if !names.define(number, PeerId::from_bytes(bytes)) {
            return Err(DecodeError::UnknownPeer);
        }
    }
    Ok(())
}

fn entry(entities: &mut Vec<Received>, index: Index) -> &mut Received {
    if entities.len() <= index.get() {
        entities.resize_with(index.get() + 1, Received::default);
    }
    &mut entities[index.get()]
}
