//! Sections too large for one packet, cut into blocks of which each packet carries some.
//!
//! A section of id 3 holds part of one:
//!
//! | field | bytes |
//! |---|---|
//! | id of the large section | varint |
//! | number of the message, which of those with this id it is (modulo 65536) | 2, little-endian |
//! | length of the whole, from 1 to [`MAX_STATE_LEN`] | varint |
//! | first block | 1 |
//! | that block and those after it; all are 256 bytes, but for the last of the whole | the rest |

use std::ops::Range;

use bytes::{BufMut, Bytes};
use thiserror::Error;

use super::{Fate, PacketWriter, section};
use crate::{
    MAX_STATE_LEN,
    wire::{Reader, put_varint},
};

/// What is sent, lost and acked as one.
pub(crate) const BLOCK: usize = 256;

/// More than the head of a part takes: two varints of 5 bytes, the number and the first block.
const MAX_HEAD: usize = 16;

// Blocks are bits of a `u64`.
const _: () = assert!(MAX_STATE_LEN.div_ceil(BLOCK) <= 64);

/// Why part of a large section makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PartError {
    /// It ends too early.
    #[error("it ends too early")]
    Truncated,
    /// The whole is empty, or longer than allowed.
    #[error("the whole has {0} bytes, and 1 to {MAX_STATE_LEN} may be sent in parts")]
    Length(u64),
    /// The whole has another length than an earlier part said.
    #[error("the whole has {is} bytes, and {was} by an earlier part")]
    LengthChanged {
        /// What it says.
        is: usize,
        /// What was said before.
        was: usize,
    },
    /// What it holds is not a run of the whole's blocks.
    #[error("{len} bytes from block {first} on are no run of blocks of {whole} bytes")]
    Blocks {
        /// The first block.
        first: u8,
        /// How many bytes it holds.
        len: usize,
        /// The length of the whole.
        whole: usize,
    },
}

/// A set of blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Blocks(u64);

impl Blocks {
    /// All blocks of so many bytes.
    fn of_len(len: usize) -> Self {
        Self::run(0..len.div_ceil(BLOCK))
    }

    fn run(run: Range<usize>) -> Self {
        Self(run.fold(0, |bits, block| bits | 1 << block))
    }

    fn contains(self, block: usize) -> bool {
        block < 64 && self.0 & (1 << block) != 0
    }

    fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

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
    /// Only one message may be under way for an id, and each has the number after that of the one
    /// before. `whole` must not be empty, nor longer than [`MAX_STATE_LEN`].
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

    /// Whether there is anything to be sent.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
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

/// Puts the peer's large sections together, one at a time for each of a range of ids.
///
/// It holds no more than [`MAX_STATE_LEN`] bytes for each id.
#[derive(Debug)]
pub(crate) struct PartReceiver {
    first_id: u32,
    messages: Vec<Message>,
}

/// A large section, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) id: u32,
    /// The newest packet that held part of it.
    pub(crate) seq: u64,
    pub(crate) bytes: Bytes,
}

/// The newest message of an id.
#[derive(Debug, Default)]
struct Message {
    /// Its newest packet, and its number.
    newest: Option<(u64, u16)>,
    /// Nothing once it is whole.
    missing: Blocks,
    /// As long as the whole. Where blocks are missing it holds anything.
    bytes: Vec<u8>,
}

impl PartReceiver {
    /// Takes parts of sections with these ids; others are skipped.
    pub(crate) fn new(ids: Range<u32>) -> Self {
        Self {
            first_id: ids.start,
            messages: ids.map(|_| Message::default()).collect(),
        }
    }

    /// Takes a section of id [`section::PART`] from packet `seq`, and yields the large section if
    /// that makes it whole. Of an id, messages older than the newest are ignored.
    ///
    /// # Errors
    /// If it makes no sense; then nothing has changed.
    pub(crate) fn receive(&mut self, seq: u64, part: Bytes) -> Result<Option<Whole>, PartError> {
        let mut reader = Reader::new(part);
        let part = Part::read(&mut reader).ok_or(PartError::Truncated)?;
        let len = part.len()?;
        let (blocks, start, bytes) = part.blocks(len, reader.rest())?;

        let message = part
            .id
            .checked_sub(self.first_id)
            .and_then(|index| self.messages.get_mut(index as usize));
        let Some(message) = message else {
            return Ok(None);
        };
        match &mut message.newest {
            Some((newest, number)) if *number == part.number => {
                if message.missing.is_empty() {
                    return Ok(None);
                }
                let was = message.bytes.len();
                if was != len {
                    return Err(PartError::LengthChanged { is: len, was });
                }
                *newest = seq.max(*newest);
            }
            Some((newest, _)) if seq <= *newest => return Ok(None),
            _ => {
                message.newest = Some((seq, part.number));
                message.missing = Blocks::of_len(len);
                message.bytes.resize(len, 0);
            }
        }
        if let Some(place) = message.bytes.get_mut(start..start + bytes.len()) {
            place.copy_from_slice(&bytes);
        }
        message.missing = message.missing.without(blocks);
        if !message.missing.is_empty() {
            return Ok(None);
        }
        Ok(Some(Whole {
            id: part.id,
            seq: message.newest.map_or(seq, |(newest, _)| newest),
            bytes: std::mem::take(&mut message.bytes).into(),
        }))
    }
}

/// The head of a part.
struct Part {
    id: u32,
    number: u16,
    len: u64,
    first: u8,
}

impl Part {
    fn read(reader: &mut Reader) -> Option<Self> {
        Some(Self {
            id: reader.varint_u32()?,
            number: reader.u16()?,
            len: reader.varint()?,
            first: reader.u8()?,
        })
    }

    fn len(&self) -> Result<usize, PartError> {
        usize::try_from(self.len)
            .ok()
            .filter(|len| (1..=MAX_STATE_LEN).contains(len))
            .ok_or(PartError::Length(self.len))
    }

    /// Which blocks `bytes` are, and where in the whole they begin.
    fn blocks(&self, whole: usize, bytes: Bytes) -> Result<(Blocks, usize, Bytes), PartError> {
        let first = usize::from(self.first);
        let (start, end) = (first * BLOCK, first * BLOCK + bytes.len());
        let ends_with_block = end == whole || (end < whole && bytes.len() % BLOCK == 0);
        if bytes.is_empty() || !ends_with_block {
            return Err(PartError::Blocks {
                first: self.first,
                len: bytes.len(),
                whole,
            });
        }
        Ok((Blocks::run(first..end.div_ceil(BLOCK)), start, bytes))
    }
}
