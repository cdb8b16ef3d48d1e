use bytes::Bytes;

use crate::membership::start::MatchId;

/// The topic of a message: its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Start = 0,
    Agreement = 1,
    InputRequest = 2,
    StateDump = 3,
}

impl Topic {
    /// Returns the topic with a number.
    pub(super) fn of(byte: u8) -> Option<Self> {
        [
            Self::Start,
            Self::Agreement,
            Self::InputRequest,
            Self::StateDump,
        ]
        .into_iter()
        .find(|topic| *topic as u8 == byte)
    }

    /// Returns whether a message has this topic.
    pub(super) fn is_of(self, message: &[u8]) -> bool {
        message.first() == Some(&(self as u8))
    }

    /// Encodes a message: the topic, the low bytes of the match number and the epoch, and the body. The
    /// bodies of start messages contain the complete match id.
    pub(super) fn message(self, id: MatchId, body: &[u8]) -> Bytes {
        let tag = id.tag();
        let tag = match self {
            Self::Start => &[],
            _ => &tag[..],
        };
        [&[self as u8], tag, body].concat().into()
    }
}
