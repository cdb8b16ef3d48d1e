use huddle_session::{Tick, wire::Reader};
use thiserror::Error;

use super::head::{
    AHEAD_UNITS, Checksum, HAS_AHEAD, HAS_CHECKSUM, HAS_SET, MAX_SHORT_LEAD, PARTS, ROUND,
    SectionHead,
};
use crate::coding::{
    MAX_UNACKED,
    encoded::EncodedLog,
    stream::{InStream, Scratch, StreamError},
};

/// Why bytes are not the inputs they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SectionError {
    /// The bytes end too early, or say a number that makes no sense.
    #[error("the inputs end too early, or say a number that makes no sense")]
    Truncated,
    /// More ticks than may be unacked, or none where there must be some.
    #[error("a seat cannot have {0} ticks of inputs in a packet")]
    BadCount(u8),
    /// Bytes are left over.
    #[error("{0} bytes are left over after the inputs")]
    LeftOver(usize),
}

/// What a packet carries of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamPart<'a> {
    /// Which of the set.
    pub(crate) stream: usize,
    count: u8,
    base: u8,
    pub(super) coded: &'a [u8],
}

impl StreamPart<'_> {
    /// Hands it to the stream it belongs to, which appends what is new to the log. None of it may be
    /// at `horizon` or later.
    ///
    /// # Errors
    /// If it cannot be; then the log is as before.
    pub(crate) fn take(
        &self,
        stream: &mut InStream,
        log: &mut EncodedLog,
        horizon: Tick,
        scratch: &mut Scratch,
    ) -> Result<(), StreamError> {
        let base = stream.base(self.base);
        match self.count {
            PARTS => stream.receive_parts(base, self.coded, log, horizon),
            count => stream.receive((base, count), self.coded, log, horizon, scratch),
        }
    }
}

/// A section that has been found to be whole. It yields the streams that have something.
#[derive(Debug, Clone)]
pub(crate) struct SectionReader<'a> {
    pub(crate) head: SectionHead,
    reader: Reader<&'a [u8]>,
    streams: usize,
    next: usize,
}

impl<'a> SectionReader<'a> {
    /// Checks what came from a sender. `set` says how many streams the set of a number has; `None`
    /// if that is not what is wanted now, and then the section is none either, as it is if it is of
    /// another round. The tick of a checksum is taken to be within 2^15 ticks of `near`.
    ///
    /// # Errors
    /// If the bytes are no section; inputs that cannot be are found later.
    pub(crate) fn new(
        bytes: &'a [u8],
        round: u32,
        near: Tick,
        set: impl FnOnce(u8) -> Option<usize>,
    ) -> Result<Option<Self>, SectionError> {
        let mut reader = Reader::new(bytes);
        let (head, number) = take_head(&mut reader, near)?;
        let Some(streams) = set(number).filter(|_| head.round == round & 1) else {
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
            left => Err(SectionError::LeftOver(left)),
        }
    }

    fn next_stream(&mut self) -> Result<Option<StreamPart<'a>>, SectionError> {
        while self.next < self.streams {
            let stream = self.next;
            let count = self.reader.u8().ok_or(SectionError::Truncated)?;
            self.next += 1;
            if count != 0 {
                return self.stream(stream, count).map(Some);
            }
        }
        Ok(None)
    }

    fn stream(&mut self, stream: usize, count: u8) -> Result<StreamPart<'a>, SectionError> {
        if !(1..=MAX_UNACKED).contains(&count.into()) && count != PARTS {
            return Err(SectionError::BadCount(count));
        }
        let base = self.reader.u8().ok_or(SectionError::Truncated)?;
        let len = match self.next == self.streams {
            true => self.reader.len() as u64,
            false => self.reader.varint().ok_or(SectionError::Truncated)?,
        };
        let coded = usize::try_from(len)
            .ok()
            .and_then(|len| self.reader.slice(len))
            .ok_or(SectionError::Truncated)?;
        Ok(StreamPart {
            stream,
            count,
            base,
            coded,
        })
    }
}

impl<'a> Iterator for SectionReader<'a> {
    type Item = StreamPart<'a>;

    fn next(&mut self) -> Option<StreamPart<'a>> {
        self.next_stream().ok().flatten()
    }
}

/// The head, and the number of the set.
fn take_head(reader: &mut Reader<&[u8]>, near: Tick) -> Result<(SectionHead, u8), SectionError> {
    let first = reader.u8().ok_or(SectionError::Truncated)?;
    let has = |flag| first & flag != 0;
    let more_lead = match first & MAX_SHORT_LEAD {
        MAX_SHORT_LEAD => reader.varint_u32().ok_or(SectionError::Truncated)?,
        _ => 0,
    };
    let lead = u32::from(first & MAX_SHORT_LEAD)
        .checked_add(more_lead)
        .ok_or(SectionError::Truncated)?;
    let number = match has(HAS_SET) {
        true => reader.u8().ok_or(SectionError::Truncated)?,
        false => 0,
    };
    let ahead = match has(HAS_AHEAD) {
        true => Some(reader.u8().ok_or(SectionError::Truncated)?),
        false => None,
    };
    let checksum = match has(HAS_CHECKSUM) {
        true => Some(take_checksum(reader, near).ok_or(SectionError::Truncated)?),
        false => None,
    };
    let head = SectionHead {
        round: has(ROUND).into(),
        lead,
        ahead: ahead.map(|ahead| f32::from(ahead.cast_signed()) / AHEAD_UNITS),
        checksum,
    };
    Ok((head, number))
}

fn take_checksum(reader: &mut Reader<&[u8]>, near: Tick) -> Option<Checksum> {
    let ahead = reader.u16()?.wrapping_sub(near.0 as u16).cast_signed();
    Some(Checksum {
        tick: Tick(near.0.wrapping_add_signed(ahead.into())),
        hash: reader.u64()?,
    })
}
