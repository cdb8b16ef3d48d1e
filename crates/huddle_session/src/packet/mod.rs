//! Tick packets: what goes to a peer without being sent again by itself, once per tick, and a second
//! time if a large section does not fit.
//!
//! [`Packets`] numbers them, acks those of the peer, tells what became of one's own, and estimates
//! what the way to the peer is like. What they carry is sections, which are none of its business.

mod base;
mod error;
mod estimate;
pub(crate) mod header;
#[cfg(test)]
pub(crate) mod lossy;
pub(crate) mod part;
mod received;
pub(crate) mod section;
mod sent;
mod stats;
#[cfg(test)]
mod tests;

use std::{time::Duration, vec};

use bytes::{Bytes, BytesMut};

pub use self::{error::PacketError, part::PartError, stats::DeliveryStats};
pub(crate) use self::{section::Sections, sent::Fate};

use self::{
    base::{OwnBase, PeerBases},
    estimate::{Jitter, RoundTrip, TickOffset},
    header::{Ack, Header},
    received::ReceivedWindow,
    section::{put_section, room, section_len},
    sent::SentWindow,
};
use crate::{
    limits::MAX_PACKET_LEN,
    tick::{Tick, TickInstant, TickRate},
    wire::Reader,
};

/// After how many ticks a packet is acked, if nothing is sent that could carry the ack.
const ACK_TICKS: u32 = 2;

/// How often the peer is told how long its packets wait here.
const ECHO_INTERVAL: Duration = Duration::from_millis(100);

/// How often while the peer steers a transfer by it.
const FAST_ECHO_INTERVAL: Duration = Duration::from_millis(30);

/// How long a packet may have waited here to be told that. Over more than that, clocks that do not
/// run alike would spoil the round trip.
const MAX_HOLD: Duration = Duration::from_secs(1);

/// The tick packets to and from one peer, for as long as a session lasts.
///
/// `T` are the caller's tokens: each stands for something that a packet carries, and comes back
/// from [`Packets::fates`] when it is known what became of that.
#[derive(Debug)]
pub(crate) struct Packets<T> {
    tag: u8,
    rate: TickRate,

    sent: SentWindow<T>,
    own_base: OwnBase,
    last_tick: Option<Tick>,
    last_echo: Option<Duration>,
    /// Whether the peer needs many samples of the round trip now.
    pub(crate) echoes_fast: bool,

    received: ReceivedWindow,
    peer_bases: PeerBases,
    /// Whether anything has been received that no packet has acked yet.
    has_news: bool,
    /// At which tick that must be acked at the latest, if it must.
    ack_due: Option<Tick>,

    round_trip: RoundTrip,
    jitter: Jitter,
    tick_offset: TickOffset,
    counts: stats::Counts,

    /// The packet being written and its tokens; kept for their memory.
    out: BytesMut,
    tokens: Vec<T>,
}

/// A packet that has arrived for the first time.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Its number, counted from 0.
    pub(crate) seq: u64,
    /// The peer's tick when it was sent.
    pub(crate) tick: Tick,
    /// A round trip that it has completed, without what a packet waited at the other end.
    pub(crate) rtt: Option<Duration>,
    /// What it carries.
    pub(crate) sections: Sections,
}

impl<T: Copy> Packets<T> {
    /// A session's packets bear its tag; those with another are stragglers of an earlier one.
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
            has_news: false,
            ack_due: None,
            round_trip: RoundTrip::default(),
            jitter: Jitter::default(),
            tick_offset: TickOffset::default(),
            counts: stats::Counts::default(),
            out: BytesMut::with_capacity(MAX_PACKET_LEN),
            tokens: Vec::new(),
        }
    }

    /// Begins the packet of a tick, which takes at most `credit` bytes. `None` if this tick or a
    /// later one has had its packet, or if not even a header fits.
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

    /// Begins a packet more than the one of a tick, as [`Self::begin`] does. `None` if the tick has
    /// not had its packet.
    pub(crate) fn begin_another(
        &mut self,
        now: Duration,
        tick: Tick,
        credit: usize,
    ) -> Option<PacketWriter<'_, T>> {
        if self.last_tick != Some(tick) {
            return None;
        }
        PacketWriter::new(self, now, tick, credit.min(MAX_PACKET_LEN))
    }

    /// Takes bytes from the peer that arrived at `arrived`, when the own clock was at `local`.
    /// `None` if they are of another session, a duplicate, or too late to count.
    ///
    /// # Errors
    /// If they are not a packet; then nothing of it counts.
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
        let Some(seq) = self.received.place(header.seq) else {
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
        self.has_news = true;
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

    /// What became of what the packets carried, as far as it is known now and was not told before.
    /// To be called at least once per tick.
    pub(crate) fn fates(&mut self, now: Duration) -> vec::Drain<'_, (T, Fate)> {
        let rtt = self.round_trip.smoothed().unwrap_or_default();
        self.sent
            .expire(now, rtt, self.round_trip.timeout(self.rate));
        self.sent.fates()
    }

    /// The smoothed round trip, once it is measured; cheaper than all of [`Self::stats`].
    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.round_trip.smoothed()
    }

    /// What is known of the way to the peer.
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

    /// A round trip is what passed from sending a packet to its ack, less what it waited in between.
    fn sample_round_trip(
        &mut self,
        acked: u64,
        hold: Option<Duration>,
        arrived: Duration,
    ) -> Option<Duration> {
        let sample = hold
            .zip(self.sent.sent_at(acked))
            // A longer wait than the time that passed cannot be true.
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
        let ack = self.received.newest().filter(|_| self.has_news);
        let hold = |arrived| Some(now.saturating_sub(arrived)).filter(|&hold| hold <= MAX_HOLD);
        Header {
            tag: self.tag,
            seq: seq as u16,
            ack: ack.map(|newest| Ack {
                seq: newest.seq as u16,
                // Half of what is known: more would cost every packet two bytes.
                bits: newest.bits as u16,
                hold: echo_due.then(|| hold(newest.arrived)).flatten(),
            }),
            base: self.own_base.to_tell(tick, seq, self.sent.newest_acked()),
        }
    }
}

/// A tick's packet while it is written. Unless it is finished, it never was.
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

    /// The longest payload that a section with this id can have now.
    pub(crate) fn room(&self, id: u32) -> usize {
        room(id, self.space())
    }

    /// Adds a section made of `pieces` if it fits; says whether it did.
    pub(crate) fn section(&mut self, id: u32, pieces: &[&[u8]]) -> bool {
        let fits = section_len(id, pieces) <= self.space();
        if fits {
            put_section(&mut self.packets.out, id, pieces);
        }
        fits
    }

    /// Notes that the packet carries what the token stands for.
    pub(crate) fn token(&mut self, token: T) {
        self.packets.tokens.push(token);
    }

    /// The packet; `None` if it carries nothing and no ack is due, and then it never was.
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
        packets.has_news = false;
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
