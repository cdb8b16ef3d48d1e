use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;

use super::{
    blocks::{BLOCK, Blocks},
    error::PartError,
};
use crate::{limits::MAX_STATE_LEN, wire::Reader};

/// Puts the peer's large sections together, several at a time for each of a range of ids.
///
/// It holds no more than [`MAX_STATE_LEN`] bytes for each id. An honest sender has no more under
/// way; of any other the oldest messages are dropped.
#[derive(Debug)]
pub(crate) struct PartReceiver {
    first_id: u32,
    pub(super) ids: Vec<Messages>,
}

/// A large section, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) id: u32,
    /// Which of the messages of its id it is, counted from 0.
    pub(crate) number: u64,
    /// The newest packet that held part of it.
    pub(crate) seq: u64,
    pub(crate) bytes: Bytes,
}

/// The messages of an id.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The newest of which a part arrived.
    newest: Option<u64>,
    /// The newest that was whole. Older ones do not matter any more.
    whole: Option<u64>,
    /// Those of which parts are missing, oldest first; none is older than the last whole one.
    pub(super) partial: VecDeque<Partial>,
}

/// A message of which parts are missing.
#[derive(Debug)]
pub(super) struct Partial {
    number: u64,
    /// The newest packet that held part of it.
    seq: u64,
    missing: Blocks,
    /// As long as the whole. Where blocks are missing it holds anything.
    pub(super) bytes: Vec<u8>,
}

impl PartReceiver {
    /// Takes parts of sections with these ids; others are skipped.
    pub(crate) fn new(ids: Range<u32>) -> Self {
        Self {
            first_id: ids.start,
            ids: ids.map(|_| Messages::default()).collect(),
        }
    }

    /// Takes a section of id [`section::PART`] from packet `seq`, and yields the large section if
    /// that makes it whole. Of an id, messages older than one that was whole are ignored.
    ///
    /// # Errors
    /// If it makes no sense; then nothing has changed.
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
        let Some(number) = messages.place(part.number) else {
            return Ok(None);
        };
        let Some(index) = messages.open(number, len, seq)? else {
            return Ok(None);
        };
        let Some(message) = messages.partial.get_mut(index) else {
            return Ok(None);
        };
        message.seq = seq.max(message.seq);
        if let Some(place) = message.bytes.get_mut(start..start + bytes.len()) {
            place.copy_from_slice(&bytes);
        }
        message.missing = message.missing.without(blocks);
        if !message.missing.is_empty() {
            return Ok(None);
        }
        messages.whole = Some(number);
        // Those before it are older.
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
    /// The full number of a message: the one nearest to the newest. `None` if it does not matter
    /// any more.
    fn place(&self, number: u16) -> Option<u64> {
        let Some(newest) = self.newest else {
            return Some(number.into());
        };
        let ahead = number.wrapping_sub(newest as u16).cast_signed();
        let number = newest.checked_add_signed(ahead.into())?;
        self.whole
            .is_none_or(|whole| number > whole)
            .then_some(number)
    }

    /// Finds a message of so many bytes, or begins it. `None` if there is no room for one as old.
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
