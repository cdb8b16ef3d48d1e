//! What players tell each other about the room, as bytes in reliable events.
//!
//! | message | bytes |
//! |---|---|
//! | links | `00`, then the 16 bytes of each peer it has a session with |
//! | remove | `01`, then the 16 bytes of the peer who is to go |
//! | vote | `02`, then the 16 bytes of the peer who should go |

use bytes::{BufMut, Bytes, BytesMut};
use matchbox_protocol::PeerId;
use thiserror::Error;
use uuid::Uuid;

/// How many links one player can name.
pub(crate) const MAX_LINKS: usize = 64;

const LINKS: u8 = 0;
const REMOVE: u8 = 1;
const VOTE: u8 = 2;

/// What a player tells the others about the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RosterMessage {
    /// Whom they have a session with, at most [`MAX_LINKS`].
    Links(Vec<PeerId>),
    /// As the host they order that somebody goes.
    Remove(PeerId),
    /// They vote for somebody to go.
    Vote(PeerId),
}

/// Why bytes from another player are no message about the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message about the room of {len} bytes makes no sense (type {kind:#04x})")]
pub struct RosterError {
    kind: u8,
    len: usize,
}

impl RosterMessage {
    pub(crate) fn encode(&self) -> Bytes {
        let (kind, peers) = match self {
            Self::Links(peers) => (LINKS, &peers[..peers.len().min(MAX_LINKS)]),
            Self::Remove(peer) => (REMOVE, std::slice::from_ref(peer)),
            Self::Vote(peer) => (VOTE, std::slice::from_ref(peer)),
        };
        let mut out = BytesMut::with_capacity(1 + 16 * peers.len());
        out.put_u8(kind);
        for peer in peers {
            out.put_slice(peer.0.as_bytes());
        }
        out.freeze()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RosterError> {
        let error = RosterError {
            kind: bytes.first().copied().unwrap_or_default(),
            len: bytes.len(),
        };
        let (&kind, ids) = bytes.split_first().ok_or(error)?;
        let (ids, rest) = ids.as_chunks::<16>();
        let mut peers = ids.iter().map(|id| PeerId(Uuid::from_bytes(*id)));
        match (kind, ids.len()) {
            _ if !rest.is_empty() => Err(error),
            (LINKS, 0..=MAX_LINKS) => Ok(Self::Links(peers.collect())),
            (REMOVE, 1) => peers.next().map(Self::Remove).ok_or(error),
            (VOTE, 1) => peers.next().map(Self::Vote).ok_or(error),
            _ => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer() -> impl Strategy<Value = PeerId> {
        any::<u128>().prop_map(|id| PeerId(Uuid::from_u128(id)))
    }

    fn message() -> impl Strategy<Value = RosterMessage> {
        prop_oneof![
            prop::collection::vec(peer(), 0..=MAX_LINKS).prop_map(RosterMessage::Links),
            peer().prop_map(RosterMessage::Remove),
            peer().prop_map(RosterMessage::Vote),
        ]
    }

    proptest! {
        #[test]
        fn messages_come_back(message in message()) {
            prop_assert_eq!(RosterMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn random_bytes_never_panic_and_mean_one_thing(bytes in prop::collection::vec(any::<u8>(), 0..1200)) {
            if let Ok(message) = RosterMessage::decode(&bytes) {
                prop_assert_eq!(message.encode(), bytes);
            }
        }
    }

    #[test]
    fn the_bytes_are_pinned() {
        let peers = [1u128, 0x0203 << 112].map(|id| PeerId(Uuid::from_u128(id)));
        let [one, two] = peers;
        let zeros = [0; 15];
        assert_eq!(
            &RosterMessage::Links(peers.to_vec()).encode()[..],
            [&[0], &zeros[..], &[1, 2, 3], &[0; 14]].concat()
        );
        assert_eq!(
            &RosterMessage::Remove(one).encode()[..],
            [&[1], &zeros[..], &[1]].concat()
        );
        assert_eq!(
            &RosterMessage::Vote(two).encode()[..],
            [&[2, 2, 3][..], &[0; 14]].concat()
        );
    }

    #[test]
    fn too_many_links_are_refused() {
        let bytes = vec![0; 1 + 16 * (MAX_LINKS + 1)];
        assert!(RosterMessage::decode(&bytes).is_err());
        assert!(RosterMessage::decode(&[]).is_err());
        assert!(RosterMessage::decode(&[1, 2]).is_err());
    }
}
