use huddle_session::Tick;

use crate::{
    inputs::{OutStream, SectionHead, write_section},
    seat::Seat,
    session::seats::SeatTable,
};

/// The maximum number of unacked packets.
const PACKETS: usize = 256;

/// The sender's side of a subscription.
#[derive(Debug)]
pub(super) struct Sending {
    match_number: u32,
    number: u8,
    streams: Vec<(Seat, OutStream)>,
    /// The number of packets written.
    packets: u32,
    /// The tick after the last one of each stream, for each of the last [`PACKETS`] packets.
    ends: Vec<Tick>,
    /// The tick of the checksum in each of these packets.
    checksums: Vec<Option<Tick>>,
}

impl Sending {
    pub(super) fn new(
        match_number: u32,
        number: u8,
        streams: impl IntoIterator<Item = (Seat, Tick)>,
    ) -> Self {
        let streams = streams.into_iter();
        let streams: Vec<_> = streams
            .map(|(seat, start)| (seat, OutStream::starting(start)))
            .collect();
        Self {
            match_number,
            number,
            packets: 0,
            ends: vec![Tick(0); PACKETS * streams.len()],
            checksums: vec![None; PACKETS],
            streams,
        }
    }

    pub(super) fn packets(&self) -> u32 {
        self.packets
    }

    /// Returns the maximum number of unacked ticks of a stream.
    pub(super) fn unacked(&self, seats: &SeatTable) -> u32 {
        let streams = self.streams.iter();
        let unacked = streams.filter_map(|(seat, stream)| Some(stream.unacked(seats.log(*seat)?)));
        unacked.max().unwrap_or(0)
    }

    /// Appends the section of a packet. Returns a token for [`delivered`](Self::delivered), or `None`
    /// if `space` is too small.
    pub(super) fn write(
        &mut self,
        head: SectionHead,
        seats: &SeatTable,
        space: usize,
        out: &mut Vec<u8>,
    ) -> Option<u32> {
        let packet = self.packets as usize % PACKETS;
        let count = self.streams.len();
        let ends = self.ends.get_mut(packet * count..(packet + 1) * count)?;
        let section = (self.match_number, self.number);
        let first = self.packets as usize % count.max(1);
        let streams = (&self.streams[..], first);
        if !write_section(
            out,
            space,
            section,
            head,
            streams,
            |seat| seats.log(seat),
            ends,
        ) {
            return None;
        }
        self.checksums[packet] = head.checksum.map(|checksum| checksum.tick);
        let token = self.token(self.packets);
        self.packets = self.packets.wrapping_add(1);
        Some(token)
    }

    /// Returns the token of a packet: the low byte of the match number, the subscription number, and
    /// the low 16 bits of the packet number. Acks for another match or subscription are ignored.
    fn token(&self, packet: u32) -> u32 {
        (self.match_number & 0xff) << 24 | u32::from(self.number) << 16 | packet & 0xffff
    }

    /// Handles the delivery of the packet with this token. Returns the tick of its checksum.
    pub(super) fn delivered(&mut self, token: u32) -> Option<Tick> {
        let age = self.packets.wrapping_sub(token) & 0xffff;
        let packet = self.packets.wrapping_sub(age);
        if token != self.token(packet) || age == 0 || age as usize > PACKETS {
            return None;
        }
        let packet = packet as usize % PACKETS;
        let count = self.streams.len();
        let ends = self.ends.get(packet * count..(packet + 1) * count)?;
        for ((_, stream), &end) in self.streams.iter_mut().zip(ends) {
            stream.acked(end);
        }
        self.checksums[packet]
    }
}
