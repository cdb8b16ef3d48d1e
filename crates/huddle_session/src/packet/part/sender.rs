use bytes::{BufMut, Bytes};

use super::blocks::{BLOCK, Blocks};
use crate::{
    limits::MAX_STATE_LEN,
    packet::{Fate, PacketWriter, section},
    wire::put_varint,
};

/// More than the head of a part takes: two varints of 5 bytes, the number and the first block.
const MAX_HEAD: usize = 16;

/// A message on its way to the peer in parts, until all of them have been acked.
#[derive(Debug)]
pub(crate) struct PartSender {
    number: u16,
    whole: Bytes,
    /// Blocks to be sent. What is neither here nor in `acked` is under way.
    waiting: Blocks,
    acked: Blocks,
}

impl PartSender {
    /// Each message of an id has the number after that of the one before, and those under way
    /// together have at most [`MAX_STATE_LEN`] bytes, or the receiver drops the oldest. `whole` must
    /// not be empty, nor longer than that.
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

    /// How many blocks are to be sent.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.0.count_ones()
    }

    /// Whether the peer has all of it.
    pub(crate) fn is_done(&self) -> bool {
        Blocks::of_len(self.whole.len())
            .without(self.acked)
            .is_empty()
    }

    /// Writes the first run of blocks to be sent, as far as there is room, and says which they are.
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

        let space = writer.room(section::PART).saturating_sub(head_len);
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

    /// Takes what became of blocks of this message.
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
