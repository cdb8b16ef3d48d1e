//! The records that one peer sends to another.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use huddle_id::PeerId;

use super::{
    history::{HISTORY, History, KEEPS_MODELS, MAX_AGE, PLAIN},
    incoming::MAX_ENTITIES,
    models::Models,
    names::Names,
    packet::{MAX_WEIGHT, Packet, RecordPlace},
    record::Scratch,
    sent::Sent,
    space::{Choice, Coding, Space, Written},
};
use crate::{
    budget::TickClock,
    claim::Register,
    layout::Layout,
    world::{Index, World},
};

/// A packet is only begun if there is this much space, in bytes.
const SHORTEST: usize = 8;

/// What one peer sends to another.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(super) receiver: PeerId,
    /// The owners whose entities the local peer relays to the receiver.
    pub(crate) relayed: BTreeSet<PeerId>,
    pub(super) layout: Arc<Layout>,
    pub(super) names: Names,
    pub(super) history: History,
    pub(super) entities: Vec<Sent>,
    /// The entities of which the receiver may not know everything.
    pub(super) queue: Vec<Index>,
    /// The number of entities about which the local peer has asked without seeing them.
    asked_unseen: usize,
    /// The newest packet. It may have nothing to send.
    newest: Option<u64>,
    /// The newest packet that was written.
    written: Option<u64>,
    /// The packets that were written and whose fate is not known.
    in_flight: BTreeSet<u64>,
    newest_acked_models: Option<u64>,
    /// The number of records that a packet of the usual size has room for.
    pub(super) room: usize,
    /// An entity whose record did not fit behind others. It is alone in the next packet.
    pub(super) alone: Option<Index>,
    /// The weight that a packet has at most.
    pub(super) max_weight: usize,
    pub(super) models: Models,
    /// The models before the last record.
    pub(super) undo: Models,
    pub(super) scratch: Scratch,
    pub(super) chosen: Vec<Choice>,
    pub(super) packet: Packet,
    pub(super) clock: TickClock,
}

impl Outgoing {
    pub(crate) fn new(sender: PeerId, receiver: PeerId, layout: Arc<Layout>) -> Self {
        Self {
            receiver,
            relayed: BTreeSet::new(),
            names: Names::new(sender, receiver),
            history: History::default(),
            entities: Vec::new(),
            queue: Vec::new(),
            asked_unseen: 0,
            newest: None,
            written: None,
            in_flight: BTreeSet::new(),
            newest_acked_models: None,
            room: 32,
            alone: None,
            max_weight: MAX_WEIGHT,
            models: Models::new(&layout),
            undo: Models::new(&layout),
            scratch: Scratch::default(),
            chosen: Vec::new(),
            packet: Packet::default(),
            clock: TickClock::default(),
            layout,
        }
    }

    /// Considers an entity in the next packets.
    pub(crate) fn enqueue(&mut self, index: Index) {
        let sent = entry(&mut self.entities, index);
        sent.behind_since.get_or_insert(self.clock.now());
        if !sent.is_queued {
            sent.is_queued = true;
            self.queue.push(index);
        }
    }

    /// Records that the receiver has this register.
    pub(crate) fn receiver_has(&mut self, index: Index, register: Register) {
        let sent = entry(&mut self.entities, index);
        sent.known = sent.known.max(Some(register));
        sent.is_dead_there |= register.is_dead();
    }

    /// Sends the register of an entity, because the receiver has this older one.
    pub(crate) fn answer(&mut self, index: Index, older: Register) {
        let sent = entry(&mut self.entities, index);
        sent.owes_register = true;
        // It may have refused a register that it has acked, or will ack.
        sent.refused_until = self.newest;
        sent.known = Some(older);
        sent.register_sent = Some(older);
        self.enqueue(index);
    }

    /// Records that the receiver may see an entity, which another peer has shown to it.
    pub(crate) fn may_see(&mut self, index: Index) {
        let sent = entry(&mut self.entities, index);
        sent.is_shown = true;
        sent.shown_after = self.newest;
    }

    /// Hides an entity from the receiver, to which another peer may have shown it.
    pub(crate) fn hide(&mut self, index: Index) {
        self.may_see(index);
        self.enqueue(index);
    }

    /// Sends the register of an entity of the receiver. The receiver answers if it has a newer one.
    ///
    /// A new owner `taker` may not know that it owns the entity. The receiver, which is the new owner or its
    /// relay, receives the values, too.
    pub(crate) fn ask(&mut self, index: Index, taker: Option<PeerId>) {
        let sent = entry(&mut self.entities, index);
        if taker.is_some() {
            sent.owes_values_to = taker;
        }
        sent.owes_register = true;
        // It may have refused what it has acked, or will ack, because it had another view of the host or its
        // relays.
        sent.refused_until = self.newest;
        sent.known = None;
        sent.register_sent = None;
        self.enqueue(index);
    }

    /// [Asks](Self::ask) about an entity because of what another peer has sent. `is_seen` is whether the
    /// local peer sees it.
    ///
    /// The receiver tolerates a limited number of entities that only the local peer names, and the other peer
    /// can invent any number. The local peer therefore asks about a limited number of those that it does not
    /// see.
    pub(crate) fn ask_because_of_other(
        &mut self,
        index: Index,
        taker: Option<PeerId>,
        is_seen: bool,
    ) {
        let sent = entry(&mut self.entities, index);
        if !is_seen && !sent.is_asked_unseen {
            if self.asked_unseen >= MAX_ENTITIES {
                return;
            }
            self.asked_unseen += 1;
            sent.is_asked_unseen = true;
        }
        self.ask(index, taker);
    }

    /// Sends the register of an entity that the local peer no longer owns, if the receiver may have seen
    /// the entity. If the receiver is the new owner `taker`, or its relay, it receives the values, too.
    pub(crate) fn pass_on(&mut self, index: Index, taker: Option<PeerId>, is_hosts: bool) {
        let sent = entry(&mut self.entities, index);
        if sent.is_shown || sent.known.is_some() || taker.is_some() || is_hosts {
            sent.owes_register = true;
            if taker.is_some() {
                // The register never arrives without the values.
                sent.owes_values_to = taker;
                sent.sent = sent.acked;
            }
            self.enqueue(index);
        }
    }

    /// Returns the newest register that the receiver is known to have.
    pub(crate) fn known(&self, index: Index) -> Option<Register> {
        self.entities.get(index.get())?.known
    }

    /// Returns `true` if the receiver knows that the entity is dead, or has received nothing about it, and no
    /// packet that can still be acked contains it.
    pub(crate) fn is_over(&self, index: Index) -> bool {
        let is_done = |sent: &Sent| {
            let knows = sent.known == Some(Register::Dead);
            let is_unknown = sent.known.is_none() && !sent.is_shown;
            knows || is_unknown
        };
        self.is_idle(index) && self.entities.get(index.get()).is_none_or(is_done)
    }

    /// Returns `true` if nothing about the entity waits, and no packet that can still be acked contains it.
    pub(crate) fn is_idle(&self, index: Index) -> bool {
        self.entities.get(index.get()).is_none_or(|sent| {
            let is_forgotten = sent
                .sent_in
                .is_none_or(|seq| Some(seq + HISTORY) <= self.newest);
            !sent.is_queued && is_forgotten
        })
    }

    /// Returns whether any entity waits for a record.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Returns `true` if the receiver may not know everything about the entity.
    pub(crate) fn is_behind(&self, index: Index) -> bool {
        self.entities.get(index.get()).is_some_and(Sent::is_behind)
    }

    /// Returns the number of entities of which the receiver may not know everything, and the age of the
    /// oldest value that it may not have.
    pub(crate) fn backlog(&self) -> (usize, Duration) {
        let waiting = self
            .queue
            .iter()
            .filter_map(|index| self.entities.get(index.get()));
        let packets = self
            .in_flight
            .iter()
            .filter_map(|&seq| Some((seq, self.history.get(seq)?)));
        let records = packets.flat_map(|(seq, packet)| {
            let records = packet.records().iter();
            records.map(move |record| (seq, record))
        });
        let under_way = records.filter_map(|(seq, record)| {
            let sent = self.entities.get(record.index.get())?;
            (sent.sent_in == Some(seq) && !sent.is_queued && sent.is_behind()).then_some(sent)
        });
        let behind = waiting.chain(under_way);
        let now = self.clock.now();
        let ages = behind.map(|sent| now.saturating_sub(sent.behind_since.unwrap_or(now)));
        ages.fold((0, Duration::ZERO), |(count, oldest), age| {
            (count + 1, oldest.max(age))
        })
    }

    /// Handles that a tick of the local peer has started. Returns the time, which passes with the ticks.
    pub(crate) fn start_tick(&mut self, tick: u32) -> Duration {
        self.clock.start_tick(tick);
        self.clock.now()
    }

    pub(crate) fn set_tick_rate(&mut self, ticks_per_second: f64) {
        self.clock.set_tick_rate(ticks_per_second);
    }

    /// Forgets an entity that no longer exists.
    pub(crate) fn forget(&mut self, index: Index) {
        if let Some(sent) = self.entities.get_mut(index.get()) {
            if sent.is_queued {
                self.queue.retain(|queued| *queued != index);
            }
            self.asked_unseen -= usize::from(sent.is_asked_unseen);
            *sent = Sent::default();
        }
    }

    /// The receiver has acked packet `seq`.
    pub(crate) fn delivered(&mut self, seq: u64) {
        self.in_flight.remove(&seq);
        let Some(packet) = self.history.get(seq) else {
            return;
        };
        self.names.acked(packet.names);
        for (at, record) in (0..).zip(packet.records()) {
            let Some(sent) = self.entities.get_mut(record.index.get()) else {
                continue;
            };
            let time = self.clock.at(record.tick());
            let place = RecordPlace { seq, at };
            sent.delivered(place, time, record, packet.state(record));
        }
        if self.history.models(seq).is_some() {
            self.newest_acked_models = self.newest_acked_models.max(Some(seq));
        }
    }

    /// Packet `seq` is probably lost. It can still be delivered.
    pub(crate) fn lost(&mut self, seq: u64) {
        self.in_flight.remove(&seq);
        let Some(packet) = self.history.get(seq) else {
            return;
        };
        for record in packet.records() {
            resend(&mut self.entities, &mut self.queue, seq, record.index);
        }
    }

    /// Handles that the local peer sends packet `seq`, with records or without. Returns `false` if the
    /// packet is not newer than the one before, and cannot have records.
    #[must_use]
    pub(crate) fn start_packet(&mut self, seq: u64) -> bool {
        if self.newest > Some(seq) || self.written == Some(seq) {
            return false;
        }
        self.newest = Some(seq);
        let (entities, queue) = (&mut self.entities, &mut self.queue);
        let in_flight = &mut self.in_flight;
        self.history.advance(seq, |old, packet| {
            in_flight.remove(&old);
            // Without an ack for so long, the packet counts as lost.
            for record in packet.records() {
                resend(entities, queue, old, record.index);
            }
        });
        true
    }

    /// Writes packet `seq`, which was started, to `out`. Returns `false`, and writes nothing, if there is
    /// nothing to send.
    pub(crate) fn write(
        &mut self,
        world: &World,
        seq: u64,
        tick: u32,
        space: Space,
        out: &mut Vec<u8>,
    ) -> bool {
        self.names.set_space(space.most);
        self.choose(world);
        self.name_peers(world);
        if self.chosen.is_empty() || space.most < SHORTEST {
            return false;
        }
        // The first byte names the models.
        let records = Space {
            wanted: space.wanted.saturating_sub(1),
            most: space.most - 1,
        };
        let start = out.len();
        let mut coding = Coding::Quick;
        let written = loop {
            out.truncate(start);
            self.start_models(seq, coding, out);
            self.packet.begin(seq);
            match self.write_records(world, seq, tick, records, coding, out) {
                Written::Records(_)
                    if coding == Coding::Quick && out.len() - start > space.most =>
                {
                    coding = Coding::Exact;
                }
                Written::Records(written) => break written,
                Written::NeedsPlain(choice) => {
                    self.chosen = vec![choice];
                    coding = Coding::Plain;
                }
            }
        };
        if written == 0 {
            out.truncate(start);
            return false;
        }
        for record in self.packet.records() {
            if let Some(sent) = self.entities.get_mut(record.index.get()) {
                sent.sent(seq, record);
            }
        }
        self.history.store(&self.packet);
        self.written = Some(seq);
        self.in_flight.insert(seq);
        if coding != Coding::Plain && self.history.keeps_models(seq) {
            self.history.store_models(seq, &self.models);
        }
        true
    }

    /// Starts with the models of an acked packet, which the first byte names.
    fn start_models(&mut self, seq: u64, coding: Coding, out: &mut Vec<u8>) {
        let acked = self
            .newest_acked_models
            .filter(|acked| seq - acked <= MAX_AGE);
        let models = acked.and_then(|acked| Some((acked, self.history.models(acked)?)));
        let keeps = match self.history.keeps_models(seq) {
            true => KEEPS_MODELS,
            false => 0,
        };
        match models {
            _ if coding == Coding::Plain => {
                out.push(PLAIN);
                self.models = Models::new(&self.layout);
            }
            Some((acked, models)) => {
                out.push((seq - acked) as u8 | keeps);
                self.models.clone_from(models);
            }
            None => {
                out.push(keeps);
                self.models = Models::new(&self.layout);
            }
        }
    }
}

/// Returns what is known about an entity, and makes room for it.
pub(super) fn entry(entities: &mut Vec<Sent>, index: Index) -> &mut Sent {
    if entities.len() <= index.get() {
        entities.resize_with(index.get() + 1, Sent::default);
    }
    &mut entities[index.get()]
}

/// Handles the loss of a packet with a record of this entity.
fn resend(entities: &mut [Sent], queue: &mut Vec<Index>, seq: u64, index: Index) {
    let Some(sent) = entities.get_mut(index.get()) else {
        return;
    };
    // A later packet contains the same or more.
    let (is_version_lost, is_register_lost) =
        (sent.version_in == Some(seq), sent.sent_in == Some(seq));
    if is_version_lost {
        sent.sent = sent.acked;
    }
    if is_register_lost {
        sent.register_sent = sent.known;
    }
    if (is_version_lost || is_register_lost) && !sent.is_queued {
        sent.is_queued = true;
        queue.push(index);
    }
}
