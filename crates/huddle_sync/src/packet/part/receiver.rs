use std::ops::Range;

use bytes::Bytes;

use super::{BLOCK, Blocks, PartError};
use crate::{MAX_STATE_LEN, wire::Reader};

/// Puts the peer's large sections together, one at a time for each of a range of ids.
///
/// It holds no more than [`MAX_STATE_LEN`] bytes for each id.
#[derive(Debug)]
pub(crate) struct PartReceiver {
    first_id: u32,
    pub(super) messages: Vec<Message>,
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
pub(super) struct Message {
    /// Its newest packet, and its number.
    newest: Option<(u64, u16)>,
    /// Nothing once it is whole.
    missing: Blocks,
    /// As long as the whole. Where blocks are missing it holds anything.
    pub(super) bytes: Vec<u8>,
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
                message.bytes.clear();
                // To be resized alone, it could take twice the most that may be sent.
                message.bytes.reserve_exact(len);
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
