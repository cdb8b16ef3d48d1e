//! Control messages: the mesh's own messages on a link, for link selection, liveness and leaving.
//!
//! A control message begins with a reserved byte, and [`Room::send`](crate::Room::send) rejects
//! packets that begin with it. So packets of the game need no extra byte to distinguish them.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::{signaling_id::SignalingId, stats::StopReason};

/// The first byte of every control message.
pub(crate) const RESERVED_BYTE: u8 = 0xFF;

/// A control message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    /// The link is open on the side of the sender, which does not control the pair.
    Ready,
    /// The pair uses this link from now on. Sent by the peer that controls the pair.
    Use,
    /// Requests a [`Control::Pong`] with the same id.
    Ping(u32),
    /// Answers [`Control::Ping`].
    Pong(u32),
    /// The current signaling id of the sender.
    SignalingId(SignalingId),
    /// The sender received the offer with this ICE user name, and is already linked with the
    /// peer that sent it.
    Claim(String),
    /// The goodbye of a peer that closes the link.
    Bye(Goodbye),
    /// The private room to which a complete `?next=N` group moves.
    Group(Uuid),
    /// The reason why the sender's game is stopped, or `None` if it runs.
    Stopped(Option<StopReason>),
}

/// The reason why a peer closes a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// The sender leaves the room.
    Leaving,
    /// The sender disconnects the receiver.
    Disconnected,
}

impl Control {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(72);
        out.put_u8(RESERVED_BYTE);
        match self {
            Control::Ready => out.put_u8(0),
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

    /// Decodes a message. Returns `None` if it is malformed or comes from a different version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let [RESERVED_BYTE, kind, body @ ..] = bytes else {
            return None;
        };
        let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).ok();
        let number = |bytes: &[u8]| Some(u32::from_be_bytes(bytes.try_into().ok()?));
        Some(match kind {
            0 if body.is_empty() => Control::Ready,
            2 if body.is_empty() => Control::Use,
            3 => Control::Ping(number(body)?),
            4 => Control::Pong(number(body)?),
            5 => Control::SignalingId(SignalingId::from_bytes(body.try_into().ok()?)),
            6 if body.len() <= 256 => Control::Claim(std::str::from_utf8(body).ok()?.to_owned()),
            7 => Control::Bye(match body {
                [0] => Goodbye::Leaving,
                [1] => Goodbye::Disconnected,
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
    fn every_message_decodes_to_itself() {
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef);
        for message in [
            Control::Ready,
            Control::Use,
            Control::Ping(7),
            Control::Pong(u32::MAX),
            Control::SignalingId(SignalingId::from_bytes(id.into_bytes())),
            Control::Claim("4ZcD".into()),
            Control::Bye(Goodbye::Disconnected),
            Control::Group(id),
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
        fn any_bytes_are_decoded_or_rejected(mut bytes in proptest::collection::vec(0u8.., 1..80)) {
            bytes[0] = RESERVED_BYTE;
            if let Some(message) = Control::decode(&bytes) {
                proptest::prop_assert_eq!(&message.encode()[..], &bytes[..]);
            }
        }
    }
}
