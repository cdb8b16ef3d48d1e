use std::time::Duration;

use bytes::Bytes;

use super::{
    Packets,
    header::Header,
    section::{put_section, room, section_len},
};
use crate::tick::Tick;

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
