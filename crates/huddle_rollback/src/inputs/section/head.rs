use huddle_session::{
    Tick,
    wire::{Reader, put_varint},
};

const MAX_SHORT_LEAD: u32 = 15;
const HAS_AHEAD: u8 = 1 << 4;
const HAS_CHECKSUM: u8 = 1 << 5;
const HAS_SUBSCRIPTION: u8 = 1 << 6;

/// The units of a clock difference in a tick.
const AHEAD_UNITS: f32 = 8.0;

/// The part of a section before the inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SectionHead {
    /// The number of ticks from the next tick that the sender simulates to the end of its inputs.
    pub(crate) lead: u32,
    /// The sender's estimate of its lead over the receiver, in ticks, at most 16.
    pub(crate) ahead: Option<f32>,
    pub(crate) checksum: Option<Checksum>,
}

/// The hash of a confirmed state of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) tick: Tick,
    pub(crate) hash: u64,
}

impl SectionHead {
    /// Appends the head of a section of a match and subscription.
    pub(super) fn write(self, match_number: u32, subscription: u8, out: &mut Vec<u8>) {
        let more_lead = self.lead.checked_sub(MAX_SHORT_LEAD);
        let mut first = self.lead.min(MAX_SHORT_LEAD) as u8;
        let flags = [
            (HAS_AHEAD, self.ahead.is_some()),
            (HAS_CHECKSUM, self.checksum.is_some()),
            (HAS_SUBSCRIPTION, subscription != 0),
        ];
        for (flag, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
            first |= flag;
        }
        out.extend([match_number as u8, first]);
        if let Some(more) = more_lead {
            put_varint(out, more.into());
        }
        if subscription != 0 {
            out.push(subscription);
        }
        if let Some(ahead) = self.ahead {
            // The cast turns NaN into 0, and clamps.
            out.push(((ahead * AHEAD_UNITS).round() as i8).cast_unsigned());
        }
        if let Some(checksum) = self.checksum {
            out.extend((checksum.tick.0 as u16).to_le_bytes());
            out.extend(checksum.hash.to_le_bytes());
        }
    }

    /// Reads a head without its match number, and the subscription. The tick of a checksum is within
    /// 2^15 ticks of `near`.
    pub(super) fn read(reader: &mut Reader<&[u8]>, near: Tick) -> Option<(Self, u8)> {
        let first = reader.u8()?;
        let has = |flag| first & flag != 0;
        let mut lead = u32::from(first) & MAX_SHORT_LEAD;
        if lead == MAX_SHORT_LEAD {
            lead = lead.checked_add(reader.varint_u32()?)?;
        }
        let subscription = match has(HAS_SUBSCRIPTION) {
            true => reader.u8()?,
            false => 0,
        };
        let ahead = match has(HAS_AHEAD) {
            true => Some(f32::from(reader.u8()?.cast_signed()) / AHEAD_UNITS),
            false => None,
        };
        let checksum = match has(HAS_CHECKSUM) {
            true => Some(Checksum::read(reader, near)?),
            false => None,
        };
        let head = Self {
            lead,
            ahead,
            checksum,
        };
        Some((head, subscription))
    }
}

impl Checksum {
    fn read(reader: &mut Reader<&[u8]>, near: Tick) -> Option<Self> {
        let ahead = reader.u16()?.wrapping_sub(near.0 as u16).cast_signed();
        Some(Self {
            tick: Tick(near.0.wrapping_add_signed(ahead.into())),
            hash: reader.u64()?,
        })
    }
}
