use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;

use super::{
    blocks::{BLOCK, Blocks},
    error::PartError,
};
use crate::{limits::MAX_STATE_LEN, wire::Reader};

/// Reassembles the peer's large sections, several at a time for each id.
///
/// It stores at most [`MAX_STATE_LEN`] bytes per id. An honest sender never has more in flight;
/// otherwise the oldest messages are dropped.
#[derive(Debug)]
pub(crate) struct PartReceiver {
    first_id: u32,
    pub(super) ids: Vec<Messages>,
}

/// A reassembled large section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) id: u32,
    /// Its number among the messages of its id, counted from 0.
    pub(crate) number: u64,
    /// The newest packet that contained a part of it.
    pub(crate) seq: u64,
    pub(crate) bytes: Bytes,
}

/// The messages of one id.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The newest message of which a part arrived.
    newest: Option<u64>,
    /// The newest complete message. Older ones are ignored.
    whole: Option<u64>,
    /// The incomplete messages, oldest first. All are newer than the last complete one.
    pub(super) partial: VecDeque<Partial>,
}

/// An incomplete message.
#[derive(Debug)]
pub(super) struct Partial {
    number: u64,
    /// The newest packet that contained a part of it.
    seq: u64,
    missing: Blocks,
    /// A buffer of the full length. The contents of missing blocks are unspecified.
    pub(super) bytes: Vec<u8>,
}

impl PartReceiver {
    /// Creates a receiver for sections with these ids. It skips other ids.
    pub(crate) fn new(ids: Range<u32>) -> Self {
        Self {
            first_id: ids.start,
            ids: ids.map(|_| Messages::default()).collect(),
        }
    }

    /// Handles a section of id [`section::PART`](crate::packet::section::PART) from packet `seq`.
    /// Returns the large section if it is now complete. Messages older than a complete one with the
    /// same id are ignored.
    ///
    /// # Errors
    /// Returns an error if the part is invalid. The call then has no effect.
    pub(crate) fn receive(&mut self, seq: u64, part: Bytes) -> Result<Option<Whole>, PartError> {
        let mut reader = Reader::new(part);
        let part = Part::read(&mut reader).ok_or(PartError::Truncated)?;
        let len = part.len()?;
        let (blocks, start, bytes) = part.blocks(len, reader.rest())?;

        let messages = part
            .id
            .checked_sub(self.first_id)
            .and_then(|index| self.ids.get_mut(index as usize));
        let Some(messages) = messages else {
            return Ok(None);
        };
        let Some(number) = messages.resolve(part.number) else {
            return Ok(None);
        };
        let Some(index) = messages.open(number, len, seq)? else {
            return Ok(None);
        };
        let Some(message) = messages.partial.get_mut(index) else {
            return Ok(None);
        };
        message.seq = seq.max(message.seq);
        if let Some(target) = message.bytes.get_mut(start..start + bytes.len()) {
            target.copy_from_slice(&bytes);
        }
        message.missing = message.missing.without(blocks);
        if !message.missing.is_empty() {
            return Ok(None);
        }
        messages.whole = Some(number);
        // The messages before it are older.
        let done = messages.partial.drain(..=index).next_back();
        Ok(done.map(|message| Whole {
            id: part.id,
            number,
            seq: message.seq,
            bytes: message.bytes.into(),
        }))
    }
}

impl Messages {
    /// Returns the full number of a message, the one nearest to the newest. Returns `None` if the
    /// message is obsolete.
    fn resolve(&self, number: u16) -> Option<u64> {
        let Some(newest) = self.newest else {
            return Some(number.into());
        };
        let ahead = number.wrapping_sub(newest as u16).cast_signed();
        let number = newest.checked_add_signed(ahead.into())?;
        self.whole
            .is_none_or(|whole| number > whole)
            .then_some(number)
    }

    /// Finds a message of `len` bytes or creates it, and returns its index. Returns `None` if it is
    /// too old to be stored.
    fn open(&mut self, number: u64, len: usize, seq: u64) -> Result<Option<usize>, PartError> {
        let index = self.partial.partition_point(|other| other.number < number);
        if let Some(known) = self.partial.get(index)
            && known.number == number
        {
            let was = known.bytes.len();
            return match was == len {
                true => Ok(Some(index)),
                false => Err(PartError::LengthChanged { is: len, was }),
            };
        }
        let newer: usize = self.partial.range(index..).map(Partial::len).sum();
        if newer + len > MAX_STATE_LEN {
            return Ok(None);
        }
        let mut older: usize = self.partial.range(..index).map(Partial::len).sum();
        let mut dropped = 0;
        while newer + len + older > MAX_STATE_LEN
            && let Some(oldest) = self.partial.pop_front()
        {
            older -= oldest.len();
            dropped += 1;
        }
        self.newest = self.newest.max(Some(number));
        let message = Partial {
            number,
            seq,
            missing: Blocks::of_len(len),
            bytes: vec![0; len],
        };
        self.partial.insert(index - dropped, message);
        Ok(Some(index - dropped))
    }
}

impl Partial {
    fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The header of a part.
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

    /// Returns the blocks that `bytes` contains, and their offset in the whole section.
    fn blocks(&self, whole: usize, bytes: Bytes) -> Result<(Blocks, usize, Bytes), PartError> {
        let first = usize::from(self.first);
        let (start, end) = (first * BLOCK, first * BLOCK + bytes.len());
        let ends_with_block = end == whole || (end < whole && bytes.len().is_multiple_of(BLOCK));
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
