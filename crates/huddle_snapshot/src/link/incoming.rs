//! The records that one peer receives from another.

use std::sync::Arc;

use huddle_id::PeerId;

use super::{
    error::DecodeError,
    history::{
        HISTORY, History, KEEPS_MODELS, MAX_WEIGHT, PLAIN, Packet, REORDERING, Record, RecordKind,
    },
    models::Models,
    names::Names,
    record::{Previous, Scratch, States, decode_start, decode_state},
    register::decode_register,
    state::{Head, State, StateRef},
};
use crate::{
    claim::Register,
    entropy::Decoder,
    id::EntityId,
    layout::{ComponentSet, Layout},
    world::{Index, World},
};

/// The maximum number of entities that a peer is the first to name. A hostile peer cannot fill the
/// memory, nor take the place of other peers' entities.
const MAX_ADDED: usize = 1 << 14;

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

/// What was received about an entity.
#[derive(Debug, Default)]
struct Received {
    /// The newest state in a packet that is no longer remembered.
    settled: Option<(u64, State)>,
    /// The packet with the newest state, or with a newer record that hides the entity.
    newest: Option<(u64, Shown)>,
    /// The newest packet with any record.
    last: Option<u64>,
    /// Whether the sender was the first to name the entity.
    is_added: bool,
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

    /// Decodes packet `seq`, and remembers its records. Afterwards, [`records`](Self::records) returns
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

    /// Forgets an entity that no longer exists.
    pub(crate) fn forget(&mut self, index: Index) {
        if let Some(received) = self.entities.get_mut(index.get()) {
            self.added -= usize::from(received.is_added);
            *received = Received::default();
        }
    }
}

/// What is known about an entity before packet `seq`. See [`super::history`].
struct Known<'a> {
    history: &'a History,
    received: Option<&'a Received>,
    seq: u64,
    id: EntityId,
}

impl<'a> States<'a> for Known<'a> {
    fn baseline(&self, age: u8) -> Option<StateRef<'a>> {
        let settled = self.received.and_then(|received| received.settled.as_ref());
        let state = settled.map(|(_, state)| state.as_ref());
        if age == 0 {
            return state;
        }
        let base = self.seq.checked_sub(age.into())?;
        match settled {
            Some((seq, _)) if *seq == base => state,
            _ => self.history.state(base, self.id),
        }
    }

    fn earlier(&self, age: u8, gap: u8) -> Option<StateRef<'a>> {
        if age == 0 || gap == 0 {
            return None;
        }
        let before = u64::from(age) + u64::from(gap);
        self.history.state(self.seq.checked_sub(before)?, self.id)
    }
}

fn without_values(tick: u32, register: Register) -> Head {
    Head {
        tick,
        ticks: 1,
        register,
        components: ComponentSet::EMPTY,
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

/// What the newest record with or without values says.
#[derive(Debug, Clone, Copy)]
enum Shown {
    State,
    Hidden(Register),
}

/// What a peer has shown of an entity.
#[derive(Debug)]
pub(crate) enum Newest<'a> {
    State(StateRef<'a>),
    /// The peer hides the entity, with this register.
    Hidden(Register),
}

impl Received {
    /// A packet is about to be forgotten.
    fn settle(&mut self, seq: u64, record: &Record, state: StateRef<'_>) {
        if record.kind != RecordKind::State {
            return;
        }
        match &mut self.settled {
            Some((settled, _)) if *settled >= seq => {}
            Some((settled, kept)) => {
                *settled = seq;
                kept.assign(state);
            }
            None => self.settled = Some((seq, state.into())),
        }
    }

    /// A packet with a record has arrived.
    fn arrived(&mut self, seq: u64, record: &Record) {
        self.last = self.last.max(Some(seq));
        if self.newest.is_some_and(|(newest, _)| newest > seq) {
            return;
        }
        match record.kind {
            RecordKind::State => self.newest = Some((seq, Shown::State)),
            RecordKind::Hidden => self.newest = Some((seq, Shown::Hidden(record.register()))),
            RecordKind::Register => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        claim::{OwnerGone, Policy},
        column::Field,
        layout::Shape,
        link::{Outgoing, Space},
        numbering::number,
        world::{Value, Values},
    };

    const SENDER: PeerId = PeerId::from_u128(1);
    const RECEIVER: PeerId = PeerId::from_u128(2);

    /// Returns a world with entities that have all flags of a layout with this many flags, and a link that
    /// sends them.
    fn entities_with_flags(count: u32, flags: usize) -> (World, Outgoing, Incoming) {
        let components = (0..flags).map(|n| (format!("{n:03}"), Shape::Fields(vec![Field::Flag])));
        let layout = Arc::new(Layout::new(components).unwrap());
        let mut world = World::new(SENDER);
        let mut outgoing = Outgoing::new(SENDER, RECEIVER, Arc::clone(&layout));
        let mut values = Values::default();
        for (id, _) in layout.iter() {
            values.set(&layout, id, Value::Numbers(&[0])).unwrap();
        }
        for count in 0..count {
            let number = number(Policy::Fixed, OwnerGone::Forget, count);
            let index = world.enter(EntityId::spawned(SENDER, number)).unwrap();
            world.get_mut(index).unwrap().values = Some(values.clone());
            outgoing.enqueue(index);
        }
        let incoming = Incoming::new(SENDER, RECEIVER, layout);
        (world, outgoing, incoming)
    }

    fn write(outgoing: &mut Outgoing, world: &World, seq: u64) -> Vec<u8> {
        let (wanted, most) = (1200, 1200);
        let mut bytes = Vec::new();
        assert!(outgoing.start_packet(seq));
        outgoing.write(world, seq, 0, Space { wanted, most }, &mut bytes);
        bytes
    }

    #[test]
    fn packet_with_more_than_a_peer_sends_is_refused() {
        for (count, flags) in [(5000, 0), (300, 90)] {
            let (world, mut outgoing, mut incoming) = entities_with_flags(count, flags);
            (outgoing.room, outgoing.max_weight) = (5000, usize::MAX);
            let bytes = write(&mut outgoing, &world, 1);
            assert!(bytes.len() < 600, "{}: such a packet is short", bytes.len());
            let mut world = World::new(RECEIVER);
            let result = incoming.receive(&mut world, 1, 0, &bytes);
            assert_eq!(result, Err(DecodeError::TooMuch));
            assert!(world.places() < 1000, "{}", world.places());
        }
    }

    #[test]
    fn memory_of_a_link_is_bounded_and_everything_arrives() {
        for (count, flags) in [(9000, 0), (3000, 40), (1000, 90)] {
            let (world, mut outgoing, mut incoming) = entities_with_flags(count, flags);
            let mut at_receiver = World::new(RECEIVER);
            outgoing.room = 5000;
            let mut longest = 0;
            for seq in 0..80 {
                let bytes = write(&mut outgoing, &world, seq);
                if !bytes.is_empty() {
                    incoming.receive(&mut at_receiver, seq, 0, &bytes).unwrap();
                    longest = longest.max(incoming.packet(seq).unwrap().weight());
                    outgoing.delivered(seq);
                }
                assert!(incoming.history.memory() <= 8 << 20);
                assert!(outgoing.history.memory() <= 8 << 20);
            }
            assert_eq!(at_receiver.places(), count as usize);
            assert!(longest > MAX_WEIGHT * 9 / 10, "{longest}");
        }
    }
}
