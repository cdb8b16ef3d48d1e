//! The header of a tick packet.
//!
//! | field | bytes | present |
//! |---|---|---|
//! | `0x20` plus flags | 1 | always |
//! | session tag | 1 | always |
//! | sequence number, its low 16 bits | 2, little-endian | always |
//! | ack | 2, little-endian | flag 1 |
//! | ack bits | 2, little-endian | flag 2 |
//! | hold of the acked packet, in 100 microseconds | varint | flag 4 |
//! | base: tick minus sequence number | varint | flag 8 |

use std::time::Duration;

use bytes::{BufMut, BytesMut};

use super::PacketError;
use crate::wire::{Reader, put_varint};

/// The high four bits of a tick packet's first byte. The low four bits are flags.
const TICK_PACKET: u8 = 0x20;

const ACK: u8 = 1;
const ACK_BITS: u8 = 2;
const ECHO: u8 = 4;
const BASE: u8 = 8;

/// The unit in which holds are sent.
const HOLD_UNIT_MICROS: u64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) tag: u8,
    pub(crate) seq: u16,
    pub(crate) ack: Option<Ack>,
    pub(crate) base: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) seq: u16,
    /// Bit `i` is set if packet `seq - 1 - i` was received, or would come before the first packet.
    pub(crate) bits: u16,
    /// The time between the arrival of the acked packet and the sending of this one.
    pub(crate) hold: Option<Duration>,
}

impl Header {
    pub(crate) fn put(&self, out: &mut BytesMut) {
        let mut flags = 0;
        if let Some(ack) = self.ack {
            flags |= ACK;
            if ack.bits != u16::MAX {
                flags |= ACK_BITS;
            }
            if ack.hold.is_some() {
                flags |= ECHO;
            }
        }
        if self.base.is_some() {
            flags |= BASE;
        }
        out.put_u8(TICK_PACKET | flags);
        out.put_u8(self.tag);
        out.put_u16_le(self.seq);
        if let Some(ack) = self.ack {
            out.put_u16_le(ack.seq);
            if ack.bits != u16::MAX {
                out.put_u16_le(ack.bits);
            }
            if let Some(hold) = ack.hold {
                let units = hold.as_micros() / u128::from(HOLD_UNIT_MICROS);
                put_varint(out, u32::try_from(units).unwrap_or(u32::MAX).into());
            }
        }
        if let Some(base) = self.base {
            put_varint(out, base.into());
        }
    }

    /// Returns the session tag, without decoding the rest of the header.
    pub(crate) fn tag(bytes: &[u8]) -> Result<u8, PacketError> {
        match *bytes {
            [first, ..] if first & 0xf0 != TICK_PACKET => Err(PacketError::NotATickPacket(first)),
            [_, tag, ..] => Ok(tag),
            _ => Err(PacketError::BrokenHeader),
        }
    }

    pub(crate) fn take(reader: &mut Reader) -> Result<Self, PacketError> {
        let first = reader.u8().ok_or(PacketError::BrokenHeader)?;
        if first & 0xf0 != TICK_PACKET {
            return Err(PacketError::NotATickPacket(first));
        }
        let flags = first & 0x0f;
        if flags & ACK == 0 && flags & (ACK_BITS | ECHO) != 0 {
            return Err(PacketError::FlagsWithoutAck(flags));
        }
        Self::take_fields(reader, flags).ok_or(PacketError::BrokenHeader)
    }

    fn take_fields(reader: &mut Reader, flags: u8) -> Option<Self> {
        let (tag, seq) = (reader.u8()?, reader.u16()?);
        let ack = if flags & ACK != 0 {
            let seq = reader.u16()?;
            let bits = if flags & ACK_BITS != 0 {
                reader.u16()?
            } else {
                u16::MAX
            };
            let hold = if flags & ECHO != 0 {
                let units = u64::from(reader.varint_u32()?);
                Some(Duration::from_micros(units * HOLD_UNIT_MICROS))
            } else {
                None
            };
            Some(Ack { seq, bits, hold })
        } else {
            None
        };
        let base = if flags & BASE != 0 {
            Some(reader.varint_u32()?)
        } else {
            None
        };
        Some(Self {
            tag,
            seq,
            ack,
            base,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn encoded(header: &Header) -> Bytes {
        let mut out = BytesMut::new();
        header.put(&mut out);
        out.freeze()
    }

    fn decoded(bytes: Bytes) -> Result<Header, PacketError> {
        let mut reader = Reader::new(bytes);
        let header = Header::take(&mut reader)?;
        assert!(reader.is_empty());
        Ok(header)
    }

    fn header() -> impl Strategy<Value = Header> {
        let hold = prop::option::of(any::<u32>())
            .prop_map(|units| units.map(|units| Duration::from_micros(u64::from(units) * 100)));
        let bits = prop_oneof![Just(u16::MAX), any::<u16>()];
        let ack = (any::<u16>(), bits, hold).prop_map(|(seq, bits, hold)| Ack { seq, bits, hold });
        (
            any::<u8>(),
            any::<u16>(),
            prop::option::of(ack),
            any::<Option<u32>>(),
        )
            .prop_map(|(tag, seq, ack, base)| Header {
                tag,
                seq,
                ack,
                base,
            })
    }

    proptest! {
        #[test]
        fn headers_round_trip(header in header()) {
            let bytes = encoded(&header);
            prop_assert_eq!(Header::tag(&bytes), Ok(header.tag));
            prop_assert_eq!(decoded(bytes), Ok(header));
        }

        #[test]
        fn truncated_header_is_rejected(header in header(), cut in any::<prop::sample::Index>()) {
            let bytes = encoded(&header);
            let short = bytes.slice(..cut.index(bytes.len()));
            prop_assert_eq!(decoded(short), Err(PacketError::BrokenHeader));
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Header::tag(&bytes);
            let _ = Header::take(&mut Reader::new(bytes.into()));
        }
    }

    #[test]
    fn header_encoding_matches_golden_bytes() {
        let mut header = Header {
            tag: 0xab,
            seq: 0x0102,
            ack: None,
            base: None,
        };
        assert_eq!(encoded(&header)[..], [0x20, 0xab, 0x02, 0x01]);

        header.ack = Some(Ack {
            seq: 0x0304,
            bits: u16::MAX,
            hold: None,
        });
        assert_eq!(encoded(&header)[..], [0x21, 0xab, 0x02, 0x01, 0x04, 0x03]);

        header.ack = Some(Ack {
            seq: 0x0304,
            bits: 0xfffb,
            hold: Some(Duration::from_micros(30_050)),
        });
        header.base = Some(1000);
        #[rustfmt::skip]
        assert_eq!(
            encoded(&header)[..],
            [
                0x2f, 0xab, 0x02, 0x01, // flags, tag, sequence number
                0x04, 0x03, 0xfb, 0xff, // ack, ack bits
                0xac, 0x02, // held for 300 units of 100 microseconds
                0xe8, 0x07, // base 1000
            ]
        );
    }

    #[test]
    fn invalid_headers_are_rejected_with_their_reason() {
        let error = |bytes: &'static [u8]| decoded(Bytes::from_static(bytes)).unwrap_err();
        assert_eq!(error(&[]), PacketError::BrokenHeader);
        assert_eq!(error(&[0x77, 1, 2]), PacketError::NotATickPacket(0x77));
        assert_eq!(error(&[0x22, 0, 0, 0]), PacketError::FlagsWithoutAck(2));
        assert_eq!(error(&[0x24, 0, 0, 0]), PacketError::FlagsWithoutAck(4));
        // A base of 33 bits.
        assert_eq!(
            error(&[0x28, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f]),
            PacketError::BrokenHeader
        );
        assert_eq!(Header::tag(&[0x20]), Err(PacketError::BrokenHeader));
        assert_eq!(Header::tag(&[0x30]), Err(PacketError::NotATickPacket(0x30)));
    }

    #[test]
    fn hold_saturates_at_the_maximum() {
        let header = Header {
            tag: 0,
            seq: 0,
            ack: Some(Ack {
                seq: 0,
                bits: u16::MAX,
                hold: Some(Duration::MAX),
            }),
            base: None,
        };
        let ack = decoded(encoded(&header)).unwrap().ack.unwrap();
        assert_eq!(
            ack.hold,
            Some(Duration::from_micros(u64::from(u32::MAX) * 100))
        );
    }
}
