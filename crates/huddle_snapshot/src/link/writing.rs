//! Which records a packet contains, and their encoding.

use super::{
    history::History,
    models::Models,
    names::Names,
    outgoing::{Outgoing, entry},
    packet::{MAX_WEIGHT, Packet, RECORD_WEIGHT, RecordKind},
    record::{Scratch, Values, encode_state},
    register::encode_register,
    sent::Sent,
    space::{Choice, Coding, Space, Written, heaviest, likely_len, longest_plain},
    start::{Previous, encode_start},
    state::{Head, StateRef},
};
use crate::{
    budget::{keep_most_important, priority},
    claim::Register,
    entropy::Encoder,
    id::Creator,
    layout::{ComponentSet, Layout},
    world::{Entity, Index, World},
};

/// The space for the end of a packet, in bytes.
const END: usize = 4;

/// How much more important it is that the receiver sees an entity appear or disappear than that it
/// sees an entity change.
const EXISTENCE: f32 = 4.0;

/// How much more important it is that the receiver knows the owner of an entity that it sees. Until then,
/// two peers can change the entity.
const OWNERSHIP: f32 = 64.0;

impl Outgoing {
    /// Collects the entities that need a record, and removes the others from the queue.
    pub(super) fn choose(&mut self, world: &World) {
        self.chosen.clear();
        let (entities, chosen, receiver) = (&mut self.entities, &mut self.chosen, self.receiver);
        let (now, relayed) = (self.clock.now(), &self.relayed);
        self.queue.retain(|&index| {
            let sent = entry(entities, index);
            let kind = world
                .get(index)
                .and_then(|entity| sent.due_kind(entity, receiver, relayed));
            let (Some(entity), Some(kind)) = (world.get(index), kind) else {
                sent.is_queued = false;
                sent.due = None;
                if !sent.is_behind() {
                    sent.behind_since = None;
                }
                return false;
            };
            let waited = now.saturating_sub(*sent.due.get_or_insert(now));
            let is_new = kind != RecordKind::State || sent.base.is_none();
            let factor = match is_new {
                _ if sent.has_earlier_claim(entity.register()) => OWNERSHIP,
                true => EXISTENCE,
                false => 1.0,
            };
            let importance = entity.importance(receiver) * factor;
            chosen.push(Choice {
                index,
                kind,
                priority: priority(waited, importance),
            });
            true
        });
        keep_most_important(&mut self.chosen, self.room, |choice| choice.priority);
        let alone = self.alone.take();
        if let Some(choice) = self
            .chosen
            .iter()
            .find(|choice| Some(choice.index) == alone)
        {
            self.chosen = vec![*choice];
        }
        let id = |choice: &Choice| world.get(choice.index).map(Entity::id);
        self.chosen.sort_unstable_by_key(id);
    }

    /// Gives numbers to the peers that the chosen records name, and drops the records for which there
    /// are too many.
    pub(super) fn name_peers(&mut self, world: &World) {
        let (names, entities) = (&mut self.names, &mut self.entities);
        let now = self.clock.now();
        self.chosen.retain(|choice| {
            let Some(entity) = world.get(choice.index) else {
                return false;
            };
            let creator = match entity.id().creator {
                Creator::Placed => None,
                Creator::Peer(peer) => Some(peer),
            };
            let mut peers = creator.into_iter().chain(entity.register().owner());
            let is_named = peers.all(|peer| names.number(peer).is_some());
            if !is_named {
                // It must not take the place of the others in the next packet, too.
                entry(entities, choice.index).due = Some(now);
            }
            is_named
        });
    }

    /// Encodes the chosen records until the packet is full.
    pub(super) fn write_records(
        &mut self,
        world: &World,
        seq: u64,
        tick: u32,
        space: Space,
        coding: Coding,
        out: &mut Vec<u8>,
    ) -> Written {
        let now = self.clock.now();
        let mut encoder = match coding {
            Coding::Quick | Coding::Exact => Encoder::new(out),
            Coding::Plain => Encoder::plain(out),
        };
        encode_definitions(&mut encoder, &self.names);
        self.packet.names = self.names.defined();
        let mut previous = Previous::default();
        let mut is_full = false;
        let mut longest_so_far = 0;
        for choice in &self.chosen {
            let Some(entity) = world.get(choice.index) else {
                continue;
            };
            if self.packet.weight() + heaviest(entity) > self.max_weight {
                is_full = true;
                break;
            }
            let sent = entry(&mut self.entities, choice.index);
            let before = (encoder.checkpoint(), previous);
            let start = encoder.len();
            let left = space.most.saturating_sub(start + END);
            // Copying the models is expensive, so it happens only near the end of the packet.
            let can_undo = match coding {
                Coding::Quick => left < likely_len(entity, longest_so_far),
                Coding::Exact | Coding::Plain => true,
            };
            if can_undo {
                self.undo.clone_from(&self.models);
            }
            let record = (choice.index, choice.kind);
            let is_written = write_record(
                &mut encoder,
                &mut self.models,
                &mut self.names,
                &self.layout,
                &mut previous,
                (seq, tick),
                record,
                entity,
                sent,
                &self.history,
                &mut self.scratch,
                &mut self.packet,
            );
            if !is_written {
                // Cannot happen: the peers have numbers, and the values agree with the layout.
                debug_assert!(false, "{} cannot be encoded", entity.id());
                return Written::Records(0);
            }
            let len = encoder.len() - start;
            longest_so_far = longest_so_far.max(len);
            if can_undo && encoder.len() + END > space.most {
                self.packet.pop();
                encoder.restore(before.0);
                previous = before.1;
                std::mem::swap(&mut self.models, &mut self.undo);
                if self.packet.len() > 0 {
                    self.alone = Some(choice.index).filter(|_| len > space.most / 2);
                    is_full = true;
                    break;
                }
                if coding != Coding::Plain && longest_plain(entity) <= space.most {
                    return Written::NeedsPlain(*choice);
                }
                // It fits into a longer packet only, and must not delay the others until then.
                sent.due = Some(now);
                continue;
            }
            if encoder.len() + END > space.wanted {
                is_full = true;
                break;
            }
        }
        self.models.more.encode(&mut encoder, false);
        encoder.finish();
        let written = self.packet.len();
        self.room = match is_full {
            // A little less, so that the next packet has room for what is most important.
            true if written < self.chosen.len() => (written - written / 16).max(1),
            true => self.room,
            false => (self.room + self.room / 8 + 1).min(MAX_WEIGHT / RECORD_WEIGHT),
        };
        Written::Records(written)
    }
}

fn encode_definitions(encoder: &mut Encoder<'_>, names: &Names) {
    let (first, peers) = names.definitions();
    encoder.raw(peers.len() as u32, 3);
    if !peers.is_empty() {
        encoder.raw(first as u32, 16);
    }
    for peer in peers {
        for byte in peer.as_bytes() {
            encoder.raw((*byte).into(), 8);
        }
    }
}

fn write_record(
    encoder: &mut Encoder<'_>,
    models: &mut Models,
    names: &mut Names,
    layout: &Layout,
    previous: &mut Previous,
    (seq, tick): (u64, u32),
    (index, kind): (Index, RecordKind),
    entity: &Entity,
    sent: &Sent,
    history: &History,
    scratch: &mut Scratch,
    packet: &mut Packet,
) -> bool {
    let id = entity.id();
    if !encode_start(encoder, models, names, previous, id, kind) {
        return false;
    }
    scratch.clear();
    let head = match (kind, entity.known_values()) {
        (RecordKind::State, Some(values)) => {
            let values = Values {
                tick,
                register: entity.register(),
                components: values.components,
                is_restricted: entity.is_restricted(),
                numbers: &values.numbers,
                blobs: &values.blobs,
            };
            let base = sent.baseline(seq, history);
            encode_state(
                encoder, models, names, layout, previous, id, base, values, scratch,
            )
        }
        _ => {
            let known = sent.known.unwrap_or(Register::initial(id));
            let register = match kind {
                RecordKind::Register => entity.ownership.answer(known),
                RecordKind::State | RecordKind::Hidden => entity.register(),
            };
            let head = Head {
                tick,
                ticks: 1,
                register,
                components: ComponentSet::EMPTY,
                is_restricted: false,
            };
            encode_register(encoder, models, names, id, register).then_some(head)
        }
    };
    let Some(head) = head else {
        return false;
    };
    let state = StateRef {
        head,
        numbers: &scratch.numbers,
        blobs: &scratch.blobs,
    };
    // A register does not bring the receiver up to date.
    let version = match kind {
        RecordKind::State | RecordKind::Hidden => entity.version(),
        RecordKind::Register => 0,
    };
    packet.push((id, index), kind, version, state);
    true
}
