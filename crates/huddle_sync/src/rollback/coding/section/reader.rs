use bytes::Bytes;
use thiserror::Error;

use super::{
    Checksum, HAS_CHECKSUM, HAS_RELAYED, MAX_SHORT_LEAD, MORE_FOLLOW, PARTS, RESERVED, SectionHead,
};
use crate::{
    Tick,
    rollback::{
        MAX_SEATS, MAX_UNACKED, Seat,
        coding::{
            encoded::EncodedLog,
            stream::{InStream, Scratch, StreamError},
        },
    },
    wire::Reader,
};

/// Why bytes are not the inputs they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SectionError {
    /// The bytes end too early, or say a number that makes no sense.
    #[error("the inputs end too early, or say a number that makes no sense")]
    Truncated,
    /// Bits that mean nothing in this version.
    #[error(
        "the inputs have flags that mean nothing ({0:#04x}); does the other side run the same version of bevy_huddle?"
    )]
    UnknownFlags(u8),
    /// More ticks than may be unacked, or none where there must be some.
    #[error("a seat cannot have {0} ticks of inputs in a packet")]
    BadCount(u8),
    /// A seat that is relayed twice.
    #[error("seat {0} is relayed twice in one packet")]
    SeatTwice(Seat),
    /// Bytes are left over.
    #[error("{0} bytes are left over after the inputs")]
    LeftOver(usize),
}

/// Whose stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// One of the sender's own seats, by their agreed order.
    Own(usize),
    /// A seat that somebody else plays.
    Relayed(Seat),
}

/// What a packet carries of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamPart {
    pub(crate) place: Place,
    count: u8,
    base: u8,
    pub(super) coded: Bytes,
}

impl StreamPart {
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
            PARTS => stream.receive_parts(base, &self.coded, log, horizon),
            count => stream.receive((base, count.into()), &self.coded, log, horizon, scratch),
        }
    }
}

/// A section that has been found to be whole. It yields the streams that have something.
#[derive(Debug, Clone)]
pub(crate) struct SectionReader {
    pub(crate) head: SectionHead,
    reader: Reader,
    own: usize,
    next_own: usize,
    /// Whether a relayed stream follows the own.
    relayed: bool,
    seats: u16,
}

impl SectionReader {
    /// Checks what came from a sender with `own` seats. The tick of a checksum is taken to be within
    /// 2^15 ticks of `near`.
    ///
    /// # Errors
    /// If the bytes are no section; inputs that cannot be are found later.
    pub(crate) fn new(bytes: Bytes, own: usize, near: Tick) -> Result<Self, SectionError> {
        let mut reader = Reader::new(bytes);
        let (head, relayed) = take_head(&mut reader, near)?;
        let section = Self {
            head,
            reader,
            own,
            next_own: 0,
            relayed,
            seats: 0,
        };
        let mut rest = section.clone();
        while rest.next_stream()?.is_some() {}
        match rest.reader.len() {
            0 => Ok(section),
            left => Err(SectionError::LeftOver(left)),
        }
    }

    fn next_stream(&mut self) -> Result<Option<StreamPart>, SectionError> {
        while self.next_own < self.own {
            let place = Place::Own(self.next_own);
            let count = self.reader.u8().ok_or(SectionError::Truncated)?;
            self.next_own += 1;
            if count != 0 {
                return self.stream(place, count).map(Some);
            }
        }
        if !self.relayed {
            return Ok(None);
        }
        let seat = self.reader.u8().ok_or(SectionError::Truncated)?;
        self.relayed = seat & MORE_FOLLOW != 0;
        let seat = Seat(seat & !MORE_FOLLOW);
        if seat.index() >= MAX_SEATS {
            return Err(SectionError::UnknownFlags(seat.0));
        }
        if self.seats >> seat.0 & 1 == 1 {
            return Err(SectionError::SeatTwice(seat));
        }
        self.seats |= 1 << seat.0;
        let count = self.reader.u8().ok_or(SectionError::Truncated)?;
        self.stream(Place::Relayed(seat), count).map(Some)
    }

    fn stream(&mut self, place: Place, count: u8) -> Result<StreamPart, SectionError> {
        if !(1..=MAX_UNACKED).contains(&count.into()) && count != PARTS {
            return Err(SectionError::BadCount(count));
        }
        let base = self.reader.u8().ok_or(SectionError::Truncated)?;
        let is_last = self.next_own == self.own && !self.relayed;
        let len = match is_last {
            true => self.reader.len() as u64,
            false => self.reader.varint().ok_or(SectionError::Truncated)?,
        };
        let coded = usize::try_from(len)
            .ok()
            .and_then(|len| self.reader.slice(len))
            .ok_or(SectionError::Truncated)?;
        Ok(StreamPart {
            place,
            count,
            base,
            coded,
        })
    }
}

impl Iterator for SectionReader {
    type Item = StreamPart;

    fn next(&mut self) -> Option<StreamPart> {
        self.next_stream().ok().flatten()
    }
}

fn take_head(reader: &mut Reader, near: Tick) -> Result<(SectionHead, bool), SectionError> {
    let first = reader.u8().ok_or(SectionError::Truncated)?;
    if first & RESERVED != 0 {
        return Err(SectionError::UnknownFlags(first & RESERVED));
    }
    let more_lead = match first & MAX_SHORT_LEAD {
        MAX_SHORT_LEAD => reader.varint_u32().ok_or(SectionError::Truncated)?,
        _ => 0,
    };
    let lead = u32::from(first & MAX_SHORT_LEAD)
        .checked_add(more_lead)
        .ok_or(SectionError::Truncated)?;
    let checksum = match first & HAS_CHECKSUM {
        0 => None,
        _ => Some(take_checksum(reader, near).ok_or(SectionError::Truncated)?),
    };
    Ok((SectionHead { lead, checksum }, first & HAS_RELAYED != 0))
}

fn take_checksum(reader: &mut Reader, near: Tick) -> Option<Checksum> {
    let ahead = reader.u16()?.wrapping_sub(near.0 as u16).cast_signed();
    Some(Checksum {
        tick: Tick(near.0.wrapping_add_signed(ahead.into())),
        hash: reader.u64()?,
    })
}
