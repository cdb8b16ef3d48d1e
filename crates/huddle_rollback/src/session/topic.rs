use bytes::Bytes;

/// What a message is about, which its first byte says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Start = 0,
    Agreement = 1,
    Wish = 2,
    Inquiry = 3,
}

impl Topic {
    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Start, Self::Agreement, Self::Wish, Self::Inquiry]
            .into_iter()
            .find(|topic| *topic as u8 == byte)
    }

    /// A message: the topic, the low byte of the game's number, and what there is to say.
    pub(super) fn message(self, round: u32, body: &[u8]) -> Bytes {
        [&[self as u8, round as u8], body].concat().into()
    }
}
