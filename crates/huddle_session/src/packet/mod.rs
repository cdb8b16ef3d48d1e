//! Tick packets: the unreliable packets sent to a peer, at most one per tick.
//!
//! [`Packets`] numbers the packets, acks the peer's, reports the fates of the sent ones, and
//! estimates the quality of the connection. It does not interpret the sections that packets carry.

mod base;
mod error;
mod estimate;
pub(crate) mod header;
#[cfg(test)]
pub(crate) mod lossy;
mod received;
pub(crate) mod section;
mod sent;
mod stats;
#[cfg(test)]
mod tests;

use std::{time::Duration, vec};

use bytes::{Bytes, BytesMut};

pub use self::{error::PacketError, stats::DeliveryStats};
pub(crate) use self::{section::Sections, sent::Fate};

use self::{
    base::{OwnBase, PeerBases},
    estimate::{Jitter, RoundTrip, TickOffset},
    header::{Ack, Header},
    received::ReceivedWindow,
    section::{max_payload, put_section, section_len},
    sent::SentWindow,
};
use crate::{
    limits::MAX_PACKET_LEN,
    tick::{Tick, TickInstant, TickRate},
    wire::Reader,
};

/// The number of ticks after which a received packet is acked, if nothing else is sent that could
/// carry the ack.
const ACK_TICKS: u32 = 2;

/// The interval at which packets contain an echo: how long the acked packet was held here.
const ECHO_INTERVAL: Duration = Duration::from_millis(100);

/// The echo interval while the peer controls the rate of a transfer by it.
const FAST_ECHO_INTERVAL: Duration = Duration::from_millis(30);

/// The maximum hold that is echoed. Over a longer time, clock drift would distort the measured
/// round-trip time.
const MAX_HOLD: Duration = Duration::from_secs(1);

/// The tick packets exchanged with one peer during a session.
///
/// `T` is the type of the caller's tokens. A token stands for data that a packet carries.
/// [`Packets::fates`] returns it once it is known whether the data was delivered or lost.
#[derive(Debug)]
pub(crate) struct Packets<T> {
    tag: u8,
    rate: TickRate,

    sent: SentWindow<T>,
    own_base: OwnBase,
    last_tick: Option<Tick>,
    last_echo: Option<Duration>,
    /// Whether the peer currently needs frequent samples of the round-trip time.
    pub(crate) echoes_fast: bool,

    received: ReceivedWindow,
    peer_bases: PeerBases,
    /// Whether a packet was received since the last ack was sent.
    has_unacked: bool,
    /// The tick in which an ack must be sent, if one is required.
    ack_due: Option<Tick>,

    round_trip: RoundTrip,
    jitter: Jitter,
    tick_offset: TickOffset,
    counts: stats::Counts,

    /// The packet that is being written, and its tokens. Reused to avoid allocations.
    out: BytesMut,
    tokens: Vec<T>,
}

/// A packet received for the first time.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Its sequence number, counted from 0.
    pub(crate) seq: u64,
    /// The peer's tick at which it was sent.
    pub(crate) tick: Tick,
    /// The round-trip time that it measures, without the time that the peer held the acked packet.
    pub(crate) rtt: Option<Duration>,
    /// Its sections.
    pub(crate) sections: Sections,
}

impl<T: Copy> Packets<T> {
    /// Creates the state of a session. Its packets carry `tag`; packets with another tag belong to
    /// an earlier session and are dropped.
    pub(crate) fn new(tag: u8, rate: TickRate) -> Self {
        Self {
            tag,
            rate,
            sent: SentWindow::default(),
            own_base: OwnBase::default(),
            last_tick: None,
            last_echo: None,
            echoes_fast: false,
            received: ReceivedWindow::default(),
            peer_bases: PeerBases::default(),
            has_unacked: false,
            ack_due: None,
            round_trip: RoundTrip::default(),
            jitter: Jitter::default(),
            tick_offset: TickOffset::default(),
            counts: stats::Counts::default(),
            out: BytesMut::with_capacity(MAX_PACKET_LEN),
            tokens: Vec::new(),
        }
    }

    /// Begins the packet of a tick, with at most `credit` bytes. Returns `None` if this tick or a
    /// later one already has a packet, or if the header does not fit.
    pub(crate) fn begin(
        &mut self,
        now: Duration,
        tick: Tick,
        credit: usize,
    ) -> Option<PacketWriter<'_, T>> {
        if self.last_tick.is_some_and(|last| !tick.is_after(last)) {
            return None;
        }
        PacketWriter::new(self, now, tick, credit.min(MAX_PACKET_LEN))
    }

    /// Handles a packet from the peer that arrived at `arrived`, when the local clock was at
    /// `local`. Returns `None` if the packet belongs to another session, is a duplicate, or is too
    /// old.
    ///
    /// # Errors
    /// Returns an error if the packet is invalid. The call then has no effect.
    pub(crate) fn receive(
        &mut self,
        bytes: Bytes,
        arrived: Duration,
        local: TickInstant,
    ) -> Result<Option<Arrival>, PacketError> {
        if Header::tag(&bytes)? != self.tag {
            return Ok(None);
        }
        let len = bytes.len();
        if len > MAX_PACKET_LEN {
            return Err(PacketError::TooLong(len));
        }
        let mut reader = Reader::new(bytes);
        let header = Header::take(&mut reader)?;
        let sections = Sections::check(reader)?;
        let ack = match header.ack {
            Some(ack) => Some((self.sent.resolve(ack.seq)?, ack)),
            None => None,
        };
        let Some(seq) = self.received.resolve(header.seq) else {
            return Ok(None);
        };
        let tick = self.peer_bases.tick(seq, header.base)?;

        if let Some(base) = header.base {
            self.peer_bases.insert(seq, base);
        }
        let mut rtt = None;
        if let Some((acked, ack)) = ack {
            self.sent.acked(acked, ack.bits);
            rtt = self.sample_round_trip(acked, ack.hold, arrived);
        }
        let is_newest = self.received.newest().is_none_or(|newest| seq > newest.seq);
        self.received.insert(seq, arrived);
        self.jitter.sample(tick, arrived, self.rate);
        if is_newest && let Some(rtt) = self.round_trip.smoothed() {
            self.tick_offset.sample(tick, local, rtt, self.rate);
        }
        self.counts.received(len);
        self.has_unacked = true;
        if !sections.is_empty() {
            self.ack_due.get_or_insert(local.tick + ACK_TICKS);
        }
        Ok(Some(Arrival {
            seq,
            tick,
            rtt,
            sections,
        }))
    }

    /// Returns the tokens whose fate became known since the last call, with their fates. Call it at
    /// least once per tick.
    pub(crate) fn fates(&mut self, now: Duration) -> vec::Drain<'_, (T, Fate)> {
        let rtt = self.round_trip.smoothed().unwrap_or_default();
        self.sent
            .expire(now, rtt, self.round_trip.timeout(self.rate));
        self.sent.fates()
    }

    /// Returns the smoothed round-trip time, once it is measured. Cheaper than [`Self::stats`].
    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.round_trip.smoothed()
    }

    /// Returns the delivery statistics.
    pub(crate) fn stats(&self) -> DeliveryStats {
        DeliveryStats {
            rtt: self.round_trip.smoothed(),
            rtt_min: self.round_trip.min(),
            loss: self.sent.loss(),
            jitter: self.jitter.get(),
            tick_offset: self.tick_offset.get(),
            packets_sent: self.counts.packets_sent,
            packets_received: self.counts.packets_received,
            bytes_sent: self.counts.bytes_sent,
            bytes_received: self.counts.bytes_received,
        }
    }

    /// Measures the round-trip time: the time from sending a packet to its ack, minus the hold.
    fn sample_round_trip(
        &mut self,
        acked: u64,
        hold: Option<Duration>,
        arrived: Duration,
    ) -> Option<Duration> {
        let sample = hold
            .zip(self.sent.sent_at(acked))
            // A hold that is longer than the elapsed time is false.
            .and_then(|(hold, sent)| arrived.checked_sub(sent)?.checked_sub(hold));
        if let Some(rtt) = sample {
            self.round_trip.sample(arrived, rtt);
        }
        sample
    }

    fn header(&self, now: Duration, tick: Tick) -> Header {
        let seq = self.sent.next();
        let interval = match self.echoes_fast {
            true => FAST_ECHO_INTERVAL,
            false => ECHO_INTERVAL,
        };
        let echo_due = self
            .last_echo
            .is_none_or(|last| now.saturating_sub(last) >= interval);
        let ack = self.received.newest().filter(|_| self.has_unacked);
        let hold = |arrived| Some(now.saturating_sub(arrived)).filter(|&hold| hold <= MAX_HOLD);
        Header {
            tag: self.tag,
            seq: seq as u16,
            ack: ack.map(|newest| Ack {
                seq: newest.seq as u16,
                // Send half of the known bits. All of them would add two bytes to every packet.
                bits: newest.bits as u16,
                hold: echo_due.then(|| hold(newest.arrived)).flatten(),
            }),
            base: self
                .own_base
                .to_announce(tick, seq, self.sent.newest_acked()),
        }
    }
}

/// A packet that is being written. It has no effect unless it is finished.
#[derive(Debug)]
#[must_use = "a packet is sent only when it is finished"]
pub(crate) struct PacketWriter<'a, T> {
    packets: &'a mut Packets<T>,
    header: Header,
    header_len: usize,
    now: Duration,
    tick: Tick,
    max_len: usize,
}

impl<'a, T: Copy> PacketWriter<'a, T> {
    pub(super) fn new(
        packets: &'a mut Packets<T>,
        now: Duration,
        tick: Tick,
        max_len: usize,
    ) -> Option<Self> {
        let header = packets.header(now, tick);
        packets.out.clear();
        packets.tokens.clear();
        header.put(&mut packets.out);
        let header_len = packets.out.len();
        (header_len <= max_len).then_some(Self {
            packets,
            header,
            header_len,
            now,
            tick,
            max_len,
        })
    }

    /// Returns the sequence number of the packet.
    pub(crate) fn seq(&self) -> u64 {
        self.packets.sent.next()
    }

    /// Returns the maximum length of a section with this id that still fits.
    pub(crate) fn max_payload(&self, id: u32) -> usize {
        max_payload(id, self.space())
    }

    /// Adds a section made of `pieces` if it fits. Returns `true` if it did.
    pub(crate) fn section(&mut self, id: u32, pieces: &[&[u8]]) -> bool {
        let fits = section_len(id, pieces) <= self.space();
        if fits {
            put_section(&mut self.packets.out, id, pieces);
        }
        fits
    }

    /// Records that the packet carries the data that the token stands for.
    pub(crate) fn token(&mut self, token: T) {
        self.packets.tokens.push(token);
    }

    /// Finishes the packet. Returns `None`, and sends nothing, if it has no sections and no ack is
    /// due.
    pub(crate) fn finish(self) -> Option<Bytes> {
        let packets = self.packets;
        let carries = packets.out.len() > self.header_len;
        let ack_due = packets.ack_due.is_some_and(|due| !due.is_after(self.tick));
        if !carries && !ack_due {
            return None;
        }
        packets.own_base.sent(self.tick, packets.sent.next());
        packets.sent.push(self.now, carries, &mut packets.tokens);
        packets.last_tick = Some(self.tick);
        packets.has_unacked = false;
        packets.ack_due = None;
        if self.header.ack.is_some_and(|ack| ack.hold.is_some()) {
            packets.last_echo = Some(self.now);
        }
        packets.counts.sent(packets.out.len());
        Some(Bytes::copy_from_slice(&packets.out))
    }

    fn space(&self) -> usize {
        self.max_len - self.packets.out.len()
    }
}
