//! Splits large sections into parts.

use bytes::{BufMut, Bytes};

use super::blocks::{BLOCK, Blocks};
use crate::{
    limits::MAX_STATE_LEN,
    packet::{Fate, PacketWriter, section},
    wire::put_varint,
};

/// An upper bound for the length of a part's header: two varints of 5 bytes, the number and the
/// first block.
const MAX_HEAD: usize = 16;

/// A message that is sent to the peer in parts, until all parts are acked.
#[derive(Debug)]
pub(crate) struct PartSender {
    number: u16,
    whole: Bytes,
    /// The blocks to send. Blocks that are neither here nor in `acked` are in flight.
    waiting: Blocks,
    acked: Blocks,
}

impl PartSender {
    /// Creates a sender for `whole`, which must be neither empty nor longer than [`MAX_STATE_LEN`].
    ///
    /// The messages of an id have consecutive numbers. Together, those in flight have at most
    /// [`MAX_STATE_LEN`] bytes; otherwise the receiver drops the oldest.
    pub(crate) fn new(number: u16, whole: Bytes) -> Self {
        debug_assert!((1..=MAX_STATE_LEN).contains(&whole.len()));
        let waiting = Blocks::of_len(whole.len());
        Self {
            number,
            whole,
            waiting,
            acked: Blocks::default(),
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    pub(crate) fn len(&self) -> usize {
        self.whole.len()
    }

    /// Returns the number of blocks that wait to be sent.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.0.count_ones()
    }

    /// Returns `true` if the peer has acked all blocks.
    pub(crate) fn is_done(&self) -> bool {
        Blocks::of_len(self.whole.len())
            .without(self.acked)
            .is_empty()
    }

    /// Writes the first run of blocks that wait to be sent, as far as it fits. Returns the written
    /// blocks.
    pub(crate) fn write<T: Copy>(
        &mut self,
        id: u32,
        writer: &mut PacketWriter<'_, T>,
    ) -> Option<Blocks> {
        let first = self.waiting.0.trailing_zeros() as usize;
        let mut head = [0; MAX_HEAD];
        let mut rest = &mut head[..];
        put_varint(&mut rest, id.into());
        rest.put_u16_le(self.number);
        put_varint(&mut rest, self.whole.len() as u64);
        rest.put_u8(first as u8);
        let head_len = MAX_HEAD - rest.len();

        let space = writer.max_payload(section::PART).saturating_sub(head_len);
        let start = first * BLOCK;
        let ends = |block: usize| self.whole.len().min((block + 1) * BLOCK);
        let end = (first..64)
            .take_while(|&block| self.waiting.contains(block) && ends(block) - start <= space)
            .last()
            .map(|last| last + 1)?;
        let bytes = self.whole.get(start..ends(end - 1))?;
        let blocks = Blocks::run(first..end);
        writer
            .section(section::PART, &[&head[..head_len], bytes])
            .then(|| {
                self.waiting = self.waiting.without(blocks);
                blocks
            })
    }

    /// Handles the fate of blocks of this message.
    pub(crate) fn settle(&mut self, blocks: Blocks, fate: Fate) {
        match fate {
            Fate::Delivered => {
                self.acked = self.acked.with(blocks);
                self.waiting = self.waiting.without(blocks);
            }
            Fate::Lost => self.waiting = self.waiting.with(blocks.without(self.acked)),
        }
    }
}
