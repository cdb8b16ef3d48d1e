//! The records of a packet, as both ends keep them.

use std::ops::Range;

use bytes::Bytes;

use super::state::{Head, StateRef};
use crate::{claim::Register, column::Number, id::EntityId, world::Index};

/// The maximum weight of the records of a packet. Predictable values take far less than a bit, so that the
/// length of a packet does not limit them. Both ends keep the values of 64 packets, which take at
/// most 8 MiB.
pub(crate) const MAX_WEIGHT: usize = 1 << 17;

/// The weight of a record without values. Weights are at least the bytes of memory that a record takes.
pub(crate) const RECORD_WEIGHT: usize = 192;

/// The weight of a number.
const NUMBER_WEIGHT: usize = 12;

/// The weight of a blob without its bytes.
const BLOB_WEIGHT: usize = 80;

/// Returns the weight of a record with these values.
pub(super) fn weight(numbers: usize, blobs: &[Bytes]) -> usize {
    let blobs: usize = blobs.iter().map(|blob| BLOB_WEIGHT + blob.len()).sum();
    RECORD_WEIGHT + NUMBER_WEIGHT * numbers + blobs
}

/// What a record does to the entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// The entity has this state.
    State,
    /// The entity has this register. The record contains no values.
    Register,
    /// The receiver no longer sees the entity.
    Hidden,
}

/// A record of a packet that was sent or received.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: EntityId,
    pub(crate) index: Index,
    pub(crate) kind: RecordKind,
    /// The sender's version of the entity. 0 on the receiving side.
    pub(crate) version: u64,
    head: Head,
    numbers: Range<u32>,
    blobs: Range<u32>,
}

impl Record {
    pub(crate) fn register(&self) -> Register {
        self.head.register
    }

    /// Returns the sender's tick.
    pub(super) fn tick(&self) -> u32 {
        self.head.tick
    }
}

/// Where a record of a packet in the [history](super::history) is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RecordPlace {
    pub(super) seq: u64,
    /// Its index among the records of the packet.
    pub(super) at: u32,
}

/// The records of a packet, sorted by their ids.
#[derive(Debug, Default)]
pub(crate) struct Packet {
    pub(super) seq: Option<u64>,
    /// The number of peers whose ids the receiver has once it has the packet.
    pub(super) names: usize,
    weight: usize,
    records: Vec<Record>,
    numbers: Vec<Number>,
    blobs: Vec<Bytes>,
}

impl Packet {
    /// Empties the packet for a new sequence number.
    pub(crate) fn begin(&mut self, seq: u64) {
        self.clear();
        self.seq = Some(seq);
    }

    /// Becomes equal to another packet, and reuses the memory unless it is far too large.
    pub(crate) fn assign(&mut self, other: &Self) {
        self.seq = other.seq;
        self.names = other.names;
        self.weight = other.weight;
        replace(&mut self.records, &other.records);
        replace(&mut self.numbers, &other.numbers);
        replace(&mut self.blobs, &other.blobs);
        // The lists can be long at different times.
        if self.memory() > MAX_WEIGHT {
            self.records.shrink_to_fit();
            self.numbers.shrink_to_fit();
            self.blobs.shrink_to_fit();
        }
    }

    /// Empties the packet, and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.seq = None;
        self.weight = 0;
        self.records.clear();
        self.numbers.clear();
        self.blobs.clear();
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Removes the last record.
    pub(super) fn pop(&mut self) {
        if let Some(record) = self.records.pop() {
            let state = self.state(&record);
            self.weight -= weight(state.numbers.len(), state.blobs);
            self.numbers.truncate(record.numbers.start as usize);
            self.blobs.truncate(record.blobs.start as usize);
        }
    }

    /// Returns the sum of the [weights](weight) of the records.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Adds a record. Records arrive in the order of their ids.
    pub(crate) fn push(
        &mut self,
        (id, index): (EntityId, Index),
        kind: RecordKind,
        version: u64,
        state: StateRef<'_>,
    ) {
        let numbers = self.numbers.len() as u32;
        let blobs = self.blobs.len() as u32;
        self.weight += weight(state.numbers.len(), state.blobs);
        self.numbers.extend_from_slice(state.numbers);
        self.blobs.extend_from_slice(state.blobs);
        self.records.push(Record {
            id,
            index,
            kind,
            version,
            head: state.head,
            numbers: numbers..self.numbers.len() as u32,
            blobs: blobs..self.blobs.len() as u32,
        });
    }

    /// Returns the state in a record of this packet.
    pub(crate) fn state(&self, record: &Record) -> StateRef<'_> {
        let numbers = record.numbers.start as usize..record.numbers.end as usize;
        let blobs = record.blobs.start as usize..record.blobs.end as usize;
        StateRef {
            head: record.head,
            numbers: self.numbers.get(numbers).unwrap_or_default(),
            blobs: self.blobs.get(blobs).unwrap_or_default(),
        }
    }

    /// Returns the number of bytes that the packet takes.
    pub(super) fn memory(&self) -> usize {
        let blobs = self.blobs.iter().map(|blob| blob.len() + 48);
        self.records.capacity() * size_of::<Record>()
            + self.numbers.capacity() * size_of::<Number>()
            + self.blobs.capacity() * size_of::<Bytes>()
            + blobs.sum::<usize>()
    }

    /// Returns the state of an entity, if the packet contains one.
    pub(super) fn state_of(&self, id: EntityId) -> Option<StateRef<'_>> {
        let at = self.records.binary_search_by_key(&id, |it| it.id).ok()?;
        let record = self.records.get(at)?;
        (record.kind == RecordKind::State).then(|| self.state(record))
    }
}

/// Replaces the contents of a list. Packets of similar lengths reuse its memory, and a list that was long
/// once does not keep the memory forever.
fn replace<T: Clone>(list: &mut Vec<T>, by: &[T]) {
    list.clear();
    if list.capacity() > 64 + 4 * by.len() {
        *list = Vec::new();
    }
    list.reserve_exact(by.len());
    list.extend_from_slice(by);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::MAX_ENTITY_LEN;

    #[test]
    fn copies_reuse_memory_but_do_not_keep_far_too_much() {
        let mut list = vec![0; 1000];
        let memory = (list.as_ptr(), list.capacity());
        replace(&mut list, &[1; 300]);
        assert_eq!(list, [1; 300]);
        assert_eq!((list.as_ptr(), list.capacity()), memory);
        replace(&mut list, &[2; 100]);
        assert_eq!(list, [2; 100]);
        assert_eq!(list.capacity(), 100);
    }

    #[test]
    fn weights_are_at_least_the_memory() {
        assert!(size_of::<Record>() <= RECORD_WEIGHT);
        assert!(size_of::<Number>() <= NUMBER_WEIGHT);
        // A blob has a counter of its references, and its memory has a head.
        assert!(size_of::<Bytes>() + 48 <= BLOB_WEIGHT);
        assert!(weight(MAX_ENTITY_LEN / 8, &[]) < MAX_WEIGHT / 50);
    }
    #[test]
    fn packets_with_long_lists_of_different_kinds_do_not_add_up() {
        use crate::{claim::Register, layout::ComponentSet};
        let creator = huddle_id::PeerId::from_u128(1);
        let push = |packet: &mut Packet, number: u32, numbers: usize| {
            let id = EntityId::spawned(creator, number);
            let mut world = crate::world::World::new(creator);
            let index = world.enter(id).unwrap();
            let head = Head {
                tick: 0,
                ticks: 1,
                register: Register::initial(id),
                components: ComponentSet::EMPTY,
                is_restricted: false,
            };
            let numbers = vec![Number::default(); numbers];
            let (numbers, blobs) = (&numbers[..], &[][..]);
            let state = StateRef {
                head,
                numbers,
                blobs,
            };
            packet.push((id, index), RecordKind::State, 0, state);
        };
        let mut long = Packet::default();
        push(&mut long, 0, 10_000);
        let mut many = Packet::default();
        (0..400).for_each(|number| push(&mut many, number, 7));
        let mut kept = Packet::default();
        for packet in [&long, &many, &long, &many] {
            assert!(packet.weight() <= MAX_WEIGHT);
            kept.assign(packet);
            assert!(kept.memory() <= MAX_WEIGHT, "{}", kept.memory());
        }
        assert_eq!(kept.len(), 400);
    }
}
