//! The mesh's own messages on a link: introductions, liveness and farewells.
//!
//! They begin with a byte that no message of the layers above may begin with, so that telling
//! them apart costs the game's packets nothing.

use bytes::{BufMut, Bytes, BytesMut};
use huddle_id::PeerId;
use uuid::Uuid;

use crate::{signaling_id::SignalingId, stats::StopReason};

/// The first byte of every control message.
pub(crate) const RESERVED_BYTE: u8 = 0xFF;
/// Raised when the meaning of the messages changes.
pub(crate) const VERSION: u8 = 1;

/// A control message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    /// Introduces a peer, first on every link.
    Hello(Hello),
    /// Shows that the sender of [`Control::Hello`] is who they say.
    Proof([u8; 32]),
    /// From now on this is the link the pair talks over.
    Use,
    /// Asks for a sign of life.
    Ping(u32),
    /// Answers [`Control::Ping`].
    Pong(u32),
    /// The signaling id under which the sender can be reached now.
    SignalingId(SignalingId),
    /// "The offer with this ICE user name reached me": we are linked already.
    Claim(String),
    /// The sender is leaving.
    Bye(Farewell),
    /// The private room in which a complete `?next=N` group goes on.
    Group(Uuid),
    /// Why the sender's game does not run; `None` if it runs.
    Stopped(Option<StopReason>),
}

/// How a peer introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    pub session: PeerId,
    pub nonce: [u8; 16],
    /// This peer's half of the pair's secret, should a new one be needed.
    pub share: [u8; 32],
    pub knows: Knows,
}

/// What a peer knows of a secret shared with the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Knows {
    Nothing,
    /// Has one, and no proof yet that the other has it too.
    Unconfirmed,
    Established,
}

/// Why a peer leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    Leaving,
    CutOff,
}

impl Control {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(72);
        out.put_u8(RESERVED_BYTE);
        match self {
            Control::Hello(hello) => {
                out.put_slice(&[0, VERSION]);
                out.put_slice(hello.session.as_bytes());
                out.put_slice(&hello.nonce);
                out.put_slice(&hello.share);
                out.put_u8(hello.knows as u8);
            }
            Control::Proof(mac) => {
                out.put_u8(1);
                out.put_slice(mac);
            }
            Control::Use => out.put_u8(2),
            Control::Ping(id) => {
                out.put_u8(3);
                out.put_u32(*id);
            }
            Control::Pong(id) => {
                out.put_u8(4);
                out.put_u32(*id);
            }
            Control::SignalingId(id) => {
                out.put_u8(5);
                out.put_slice(id.as_bytes());
            }
            Control::Claim(ufrag) => {
                out.put_u8(6);
                out.put_slice(ufrag.as_bytes());
            }
            Control::Bye(why) => out.put_slice(&[7, *why as u8]),
            Control::Group(room) => {
                out.put_u8(8);
                out.put_slice(room.as_bytes());
            }
            Control::Stopped(reason) => out.put_slice(&[
                9,
                match reason {
                    None => 0,
                    Some(StopReason::Busy) => 1,
                    Some(StopReason::Frozen) => 2,
                },
            ]),
        }
        out.freeze()
    }

    /// Reads a message; `None` if it is not one, or not one of this version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let [RESERVED_BYTE, kind, body @ ..] = bytes else {
            return None;
        };
        let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).ok();
        let number = |bytes: &[u8]| Some(u32::from_be_bytes(bytes.try_into().ok()?));
        Some(match kind {
            0 => {
                let (&[version], rest) = body.split_first_chunk()?;
                if version != VERSION {
                    return None;
                }
                let (session, rest) = rest.split_first_chunk::<16>()?;
                let (nonce, rest) = rest.split_first_chunk()?;
                let (share, rest) = rest.split_first_chunk()?;
                let knows = match rest {
                    [0] => Knows::Nothing,
                    [1] => Knows::Unconfirmed,
                    [2] => Knows::Established,
                    _ => return None,
                };
                Control::Hello(Hello {
                    session: PeerId::from_bytes(*session),
                    nonce: *nonce,
                    share: *share,
                    knows,
                })
            }
            1 => Control::Proof(body.try_into().ok()?),
            2 if body.is_empty() => Control::Use,
            3 => Control::Ping(number(body)?),
            4 => Control::Pong(number(body)?),
            5 => Control::SignalingId(SignalingId::from_bytes(body.try_into().ok()?)),
            6 if body.len() <= 256 => Control::Claim(std::str::from_utf8(body).ok()?.to_owned()),
            7 => Control::Bye(match body {
                [0] => Farewell::Leaving,
                [1] => Farewell::CutOff,
                _ => return None,
            }),
            8 => Control::Group(uuid(body)?),
            9 => Control::Stopped(match body {
                [0] => None,
                [1] => Some(StopReason::Busy),
                [2] => Some(StopReason::Frozen),
                _ => return None,
            }),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_survives_the_wire() {
        let id = PeerId::from_u128(0x0123_4567_89ab_cdef);
        for message in [
            Control::Hello(Hello {
                session: id,
                nonce: [1; 16],
                share: [2; 32],
                knows: Knows::Unconfirmed,
            }),
            Control::Proof([3; 32]),
            Control::Use,
            Control::Ping(7),
            Control::Pong(u32::MAX),
            Control::SignalingId(SignalingId::of_matchbox_peer(id)),
            Control::Claim("4ZcD".into()),
            Control::Bye(Farewell::CutOff),
            Control::Group(Uuid::from_bytes(*id.as_bytes())),
            Control::Stopped(None),
            Control::Stopped(Some(StopReason::Busy)),
            Control::Stopped(Some(StopReason::Frozen)),
        ] {
            let bytes = message.encode();
            assert_eq!(bytes[0], RESERVED_BYTE);
            assert_eq!(Control::decode(&bytes), Some(message.clone()));
            assert_eq!(
                Control::decode(&[&bytes[..], &[0; 300]].concat()),
                None,
                "{message:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(0u8.., 1..80)) {
            bytes[0] = RESERVED_BYTE;
            if let Some(message) = Control::decode(&bytes) {
                proptest::prop_assert_eq!(&message.encode()[..], &bytes[..]);
            }
        }
    }
}
