//! The session with one peer: first the handshake, then packets, events and transfers.

use std::{collections::VecDeque, time::Duration};

use bytes::{Bytes, BytesMut};
use huddle_id::PeerId;

use super::{MessageError, PacketInfo, PacketSections, SectionKind, SessionStats};
use crate::{
    clock::ClockReading,
    events::{EventReceiver, EventSender, QueueError, Undelivered},
    handshake::{Handshake, Terms},
    kind::KindId,
    limits::MAX_PACKET_LEN,
    packet::{
        Fate, Packets,
        section::{EVENT_ACK, EVENT_FRAGMENTS, INPUTS, SNAPSHOTS, TRANSFER_ACKS},
    },
    tick::{Tick, TickInstant, TickRate},
    transfer::{OfferError, TransferEvent, TransferId, TransferLimits, Transfers},
    wire::{MAX_VARINT_LEN, Reader, put_varint},
};

/// An upper bound for the length of a handshake message.
const MAX_HANDSHAKE_LEN: usize = 15_900;

/// The maximum size of the event repairs in a packet, so that they do not crowd out sections.
const REPAIR_BUDGET: usize = 600;

/// The maximum number of handshake messages sent at once: hello, answer, list.
const MAX_COPIES: usize = 3;

/// The maximum size of the inputs of a match, so that acks always fit.
const INPUTS_BUDGET: usize = 1000;

/// The session with one peer, from the opening of its link to its end.
#[derive(Debug)]
pub(super) struct PeerSession {
    pub(super) handshake: Handshake,
    /// Copies of handshake messages that were sent on the reliable lane. They are sent again on
    /// [`Lane::State`](crate::lane::Lane::State), where a lost message does not delay the ones
    /// behind it.
    copies: VecDeque<Bytes>,
    /// The tick in which the last copy was sent.
    copied_in: Option<Tick>,
    /// The part of the session that runs after the handshake; `None` before.
    pub(super) open: Option<Box<OpenSession>>,
    /// Whether [`SessionEvent::Ended`](super::SessionEvent::Ended) was reported.
    pub(super) is_over_reported: bool,
}

/// The part of a session that runs after the handshake.
#[derive(Debug)]
pub(super) struct OpenSession {
    tag: u8,
    packets: Packets<Token>,
    events_out: EventSender,
    events_in: EventReceiver,
    events_sent: u64,
    events_received: u64,
    transfers: Transfers,
    scratch: BytesMut,
    /// The payload of a section source. Reused to avoid allocations.
    section: Vec<u8>,
}

/// A section in a packet, and the token of its source.
type Token = (SectionKind, u64);

/// The decoded contents of a peer's message.
#[derive(Debug)]
pub(super) enum Received {
    /// An event of the kind with this index.
    Event(u32, Bytes),
    /// A packet that the peer sent at this tick.
    Tick(Tick),
    /// A section of one of the peer's [`PacketSections`].
    Section {
        kind: SectionKind,
        /// The sequence number of its packet.
        seq: u64,
        tick: Tick,
        payload: Bytes,
    },
}

/// The copy of a handshake message that a tick sends instead of its packet.
pub(super) enum Copied {
    Now(Bytes),
    InThisTick,
    Nothing,
}

impl PeerSession {
    pub(super) fn new(nonce: u64, now: Duration) -> Self {
        Self {
            handshake: Handshake::new(nonce, now),
            copies: VecDeque::new(),
            copied_in: None,
            open: None,
            is_over_reported: false,
        }
    }

    /// Returns a copy of a handshake message for [`Lane::State`](crate::lane::Lane::State), at most
    /// one per tick.
    pub(super) fn collect_copy(&mut self, tick: Tick, credit: usize) -> Copied {
        if self.copied_in == Some(tick) {
            return Copied::InThisTick;
        }
        match self.copies.pop_front_if(|copy| copy.len() <= credit) {
            Some(copy) => {
                self.copied_in = Some(tick);
                Copied::Now(copy)
            }
            None => Copied::Nothing,
        }
    }

    /// Returns the next message for the events lane.
    pub(super) fn collect_events(
        &mut self,
        now: Duration,
        terms: &Terms,
        clock: ClockReading,
        credit: usize,
    ) -> Option<Bytes> {
        // The handshake does not keep a message that it returns, so the longest one must fit.
        if credit > MAX_HANDSHAKE_LEN
            && let Some(message) = self.handshake.collect(now, terms, clock)
        {
            if message.len() <= MAX_PACKET_LEN && self.copies.len() < MAX_COPIES {
                self.copies.push_back(message.clone());
            }
            return Some(message);
        }
        let open = self.open.as_mut()?;
        open.events_out.collect(now, open.tag, credit)
    }
}

impl OpenSession {
    pub(super) fn new(tag: u8, rate: TickRate, limits: TransferLimits) -> Box<Self> {
        Box::new(Self {
            tag,
            packets: Packets::new(tag, rate),
            events_out: EventSender::default(),
            events_in: EventReceiver::default(),
            events_sent: 0,
            events_received: 0,
            transfers: Transfers::new(limits),
            scratch: BytesMut::with_capacity(MAX_PACKET_LEN),
            section: Vec::new(),
        })
    }

    pub(super) fn queue_event(
        &mut self,
        index: u32,
        kind: KindId,
        payload: Bytes,
        is_system: bool,
    ) -> Result<(), QueueError> {
        match is_system {
            true => self.events_out.queue_system(index, kind, payload)?,
            false => self.events_out.queue(index, kind, payload)?,
        }
        self.events_sent += 1;
        Ok(())
    }

    pub(super) fn queued_bytes(&self, kind: KindId) -> usize {
        self.events_out.queued_bytes(kind)
    }

    pub(super) fn check_event(&self, len: usize) -> Result<(), QueueError> {
        self.events_out.check(len)
    }

    /// Returns the next packet of a tick, if there is anything to send.
    pub(super) fn collect_packet(
        &mut self,
        now: Duration,
        tick: Tick,
        (peer, sections): (PeerId, &mut PacketSections<'_>),
        credit: usize,
    ) -> Option<Bytes> {
        for ((kind, token), fate) in self.packets.fates(now) {
            if let Some(source) = sections.source(kind) {
                match fate {
                    Fate::Delivered => source.delivered(peer, token),
                    Fate::Lost => source.lost(peer, token),
                }
            }
        }
        let rtt = self.packets.rtt();
        self.packets.echoes_fast = self.transfers.is_receiving();
        let mut packet = self.packets.begin(now, tick, credit)?;

        let info = PacketInfo {
            peer,
            seq: packet.seq(),
            tick,
        };
        if let Some(source) = sections.source(SectionKind::Inputs) {
            self.section.clear();
            let budget = packet.max_payload(INPUTS).min(INPUTS_BUDGET);
            if let Some(token) = source.write(info, budget, &mut self.section)
                && packet.section(INPUTS, &[&self.section])
            {
                packet.token((SectionKind::Inputs, token));
            }
        }
        if self.events_in.ack_due() && packet.max_payload(EVENT_ACK) >= MAX_VARINT_LEN {
            self.scratch.clear();
            put_varint(&mut self.scratch, self.events_in.ack());
            packet.section(EVENT_ACK, &[&self.scratch]);
        }
        self.scratch.clear();
        let budget = packet.max_payload(TRANSFER_ACKS);
        if self.transfers.ack_section(now, &mut self.scratch, budget) {
            packet.section(TRANSFER_ACKS, &[&self.scratch]);
        }
        self.scratch.clear();
        let budget = packet.max_payload(EVENT_FRAGMENTS).min(REPAIR_BUDGET);
        if self.events_out.repair(now, rtt, &mut self.scratch, budget) {
            packet.section(EVENT_FRAGMENTS, &[&self.scratch]);
        }
        if let Some(source) = sections.source(SectionKind::Snapshots) {
            self.section.clear();
            let budget = packet.max_payload(SNAPSHOTS);
            if let Some(token) = source.write(info, budget, &mut self.section)
                && packet.section(SNAPSHOTS, &[&self.section])
            {
                packet.token((SectionKind::Snapshots, token));
            }
        }
        packet.finish()
    }

    pub(super) fn collect_bulk(&mut self, now: Duration, credit: usize) -> Option<Bytes> {
        self.transfers.collect(now, self.tag, credit)
    }

    /// Decodes a tick packet.
    pub(super) fn receive_packet(
        &mut self,
        bytes: Bytes,
        arrived: Duration,
        local: TickInstant,
        out: &mut Vec<Received>,
    ) -> Result<(), MessageError> {
        let Some(arrival) = self.packets.receive(bytes, arrived, local)? else {
            return Ok(());
        };
        out.push(Received::Tick(arrival.tick));
        if let Some(rtt) = arrival.rtt {
            self.transfers.on_rtt(rtt, arrived);
        }
        let (seq, tick) = (arrival.seq, arrival.tick);
        let custom = |kind, payload| Received::Section {
            kind,
            seq,
            tick,
            payload,
        };
        for (id, section) in arrival.sections {
            match id {
                EVENT_FRAGMENTS => self.receive_fragments(section, out)?,
                EVENT_ACK => {
                    let next = Reader::new(section).varint();
                    let next = next.ok_or(MessageError::EventAck)?;
                    self.events_out.acked(next, arrived)?;
                }
                TRANSFER_ACKS => self.transfers.on_ack_section(section, arrived)?,
                INPUTS => out.push(custom(SectionKind::Inputs, section)),
                SNAPSHOTS => out.push(custom(SectionKind::Snapshots, section)),
                // Skip sections that a later version added.
                _ => {}
            }
        }
        Ok(())
    }

    /// Handles a message of the events lane that is not part of the handshake.
    pub(super) fn receive_events(
        &mut self,
        bytes: Bytes,
        out: &mut Vec<Received>,
    ) -> Result<(), MessageError> {
        match bytes.get(1) {
            Some(&tag) if tag == self.tag => self.receive_fragments(bytes.slice(2..), out),
            _ => Ok(()),
        }
    }

    fn receive_fragments(
        &mut self,
        body: Bytes,
        out: &mut Vec<Received>,
    ) -> Result<(), MessageError> {
        self.events_in.receive(body)?;
        let mut result = Ok(());
        while let Some(event) = self.events_in.pop() {
            match event {
                Ok((kind, payload)) => {
                    self.events_received += 1;
                    out.push(Received::Event(kind, payload));
                }
                Err(error) => result = Err(error.into()),
            }
        }
        result
    }

    pub(super) fn receive_bulk(&mut self, bytes: Bytes, now: Duration) -> Result<(), MessageError> {
        match bytes.get(1) {
            Some(&tag) if tag == self.tag => Ok(self.transfers.receive(bytes, now)?),
            _ => Ok(()),
        }
    }

    pub(super) fn link_replaced(&mut self) {
        self.events_out.link_replaced();
        self.transfers.link_replaced();
    }

    pub(super) fn offer(&mut self, label: &str, bytes: Bytes) -> Result<TransferId, OfferError> {
        self.transfers.offer(label, bytes)
    }

    pub(super) fn cancel(&mut self, id: TransferId) -> bool {
        self.transfers.cancel(id)
    }

    pub(super) fn poll_transfer(&mut self) -> Option<TransferEvent> {
        self.transfers.poll()
    }

    /// Ends the session. Returns the undelivered events and the results of unfinished transfers.
    pub(super) fn give_up(self) -> (Vec<Undelivered>, Vec<TransferEvent>) {
        (self.events_out.give_up(), self.transfers.give_up())
    }

    pub(super) fn rtt(&self) -> Option<Duration> {
        self.packets.rtt()
    }

    pub(super) fn stats(&self) -> SessionStats {
        let queued = self.events_out.queued();
        SessionStats {
            delivery: self.packets.stats(),
            queued_events: queued.count,
            queued_event_bytes: queued.bytes,
            events_sent: self.events_sent,
            events_received: self.events_received,
        }
    }
}
