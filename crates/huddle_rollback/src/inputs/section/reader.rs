use huddle_session::{Tick, wire::Reader};
use thiserror::Error;

use super::head::{Checksum, SectionHead};
use crate::inputs::limits::MAX_UNACKED;

/// Errors in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SectionError {
    /// The bytes end too early, or contain a number that is too large.
    #[error("the inputs end too early, or contain a number that is too large")]
    Truncated,
    /// A seat has more ticks than a packet may contain.
    #[error("a packet has {0} ticks of a seat, but at most {MAX_UNACKED} are allowed")]
    BadCount(u8),
    /// Bytes follow the inputs.
    #[error("{0} bytes follow the inputs")]
    TrailingBytes(usize),
}

/// The part of a stream that a packet contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamPart<'a> {
    /// The index of the stream in the subscription.
    pub(crate) stream: usize,
    /// The number of ticks.
    pub(in crate::inputs) count: u8,
    /// The low 8 bits of the first tick.
    pub(in crate::inputs) base: u8,
    pub(in crate::inputs) coded: &'a [u8],
}

/// A section that has been checked for completeness. It iterates over the streams with ticks.
#[derive(Debug, Clone)]
pub(crate) struct SectionReader<'a> {
    pub(crate) head: SectionHead,
    reader: Reader<&'a [u8]>,
    streams: usize,
    next: usize,
}

impl<'a> SectionReader<'a> {
    /// Checks a section. Returns `None` for a section of another match, and if `streams` returns
    /// `None`: it is called with the number of the section's subscription, and returns how many
    /// streams the subscription has if it is the current one. The tick of a checksum is within 2^15
    /// ticks of `near`.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a section. The inputs are not checked.
    pub(crate) fn new(
        bytes: &'a [u8],
        match_number: u32,
        near: Tick,
        streams: impl FnOnce(u8) -> Option<usize>,
    ) -> Result<Option<Self>, SectionError> {
        let mut reader = Reader::new(bytes);
        if reader.u8().ok_or(SectionError::Truncated)? != match_number as u8 {
            return Ok(None);
        }
        let head = SectionHead::read(&mut reader, near);
        let (head, subscription) = head.ok_or(SectionError::Truncated)?;
        let Some(streams) = streams(subscription) else {
            return Ok(None);
        };
        let section = Self {
            head,
            reader,
            streams,
            next: 0,
        };
        let mut rest = section.clone();
        while rest.next_stream()?.is_some() {}
        match rest.reader.len() {
            0 => Ok(Some(section)),
            left => Err(SectionError::TrailingBytes(left)),
        }
    }

    /// Returns the checksum in a section of a match, which may be of any subscription.
    pub(crate) fn checksum(bytes: &[u8], match_number: u32, near: Tick) -> Option<Checksum> {
        let mut reader = Reader::new(bytes);
        let is_of_match = reader.u8()? == match_number as u8;
        let (head, _) = SectionHead::read(&mut reader, near).filter(|_| is_of_match)?;
        head.checksum
    }

    fn next_stream(&mut self) -> Result<Option<StreamPart<'a>>, SectionError> {
        while self.next < self.streams {
            let stream = self.next;
            let count = self.reader.u8().ok_or(SectionError::Truncated)?;
            self.next += 1;
            if u32::from(count) > MAX_UNACKED {
                return Err(SectionError::BadCount(count));
            }
            if count != 0 {
                let (base, coded) = self.ticks().ok_or(SectionError::Truncated)?;
                return Ok(Some(StreamPart {
                    stream,
                    count,
                    base,
                    coded,
                }));
            }
        }
        Ok(None)
    }

    /// Reads the base of a stream and its encoded ticks.
    fn ticks(&mut self) -> Option<(u8, &'a [u8])> {
        let base = self.reader.u8()?;
        let len = match self.next == self.streams {
            true => self.reader.len(),
            false => usize::try_from(self.reader.varint()?).ok()?,
        };
        Some((base, self.reader.slice(len)?))
    }
}

impl<'a> Iterator for SectionReader<'a> {
    type Item = StreamPart<'a>;

    fn next(&mut self) -> Option<StreamPart<'a>> {
        self.next_stream().ok().flatten()
    }
}
