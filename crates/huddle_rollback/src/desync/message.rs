//! What two players ask and tell each other of their games; `docs/protocol.md` has the bytes.

use bytes::Bytes;
use huddle_session::{MAX_EVENT_LEN, codec};
use serde::{Deserialize, Serialize};

use super::{
    error::InquiryError,
    witness::{MAX_ENTITIES, MAX_NAME_LEN, MAX_TYPES, MAX_VALUE_LEN, MAX_VALUES},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    Ask(Ask),
    Tell {
        /// Of the question that it answers.
        number: u32,
        answer: Answer,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ask {
    /// Which question of the sender this is.
    pub(super) number: u32,
    pub(super) tick: u32,
    pub(super) question: Question,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Question {
    /// Which types are there?
    Types,
    /// Which entities have this type?
    Entities(String),
    /// What are the values of this type of these entities?
    Values(String, Vec<u64>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It is not known any more, or was asked too often.
    Nothing,
    /// Names with hashes, and whether there are more.
    Types(Vec<(String, u64)>, bool),
    /// Ids with 32 bits of hashes, and whether there are more.
    Entities(Vec<(u64, u32)>, bool),
    /// Values in the order of the question, and whether some are longer.
    Values(Vec<Option<Vec<u8>>>, bool),
}

impl Message {
    /// `None` cannot happen: within its limits every message fits.
    pub(super) fn encode(&self) -> Option<Bytes> {
        codec::encode(self, MAX_EVENT_LEN).ok()
    }

    /// From bytes that came from another player.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, InquiryError> {
        let message: Self = codec::decode(bytes, MAX_EVENT_LEN)?;
        let fits = match &message {
            Self::Ask(ask) => match &ask.question {
                Question::Types => true,
                Question::Entities(name) => name.len() <= MAX_NAME_LEN,
                Question::Values(name, ids) => {
                    name.len() <= MAX_NAME_LEN && ids.len() <= MAX_VALUES
                }
            },
            Self::Tell { answer, .. } => match answer {
                Answer::Nothing => true,
                Answer::Types(types, _) => {
                    types.len() <= MAX_TYPES
                        && types.iter().all(|(name, _)| name.len() <= MAX_NAME_LEN)
                }
                Answer::Entities(entities, _) => entities.len() <= MAX_ENTITIES,
                Answer::Values(values, _) => {
                    let fits = |value: &Vec<u8>| value.len() <= MAX_VALUE_LEN;
                    values.len() <= MAX_VALUES && values.iter().flatten().all(fits)
                }
            },
        };
        fits.then_some(message).ok_or(InquiryError::TooMuch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(question: Question) -> Message {
        Message::Ask(Ask {
            number: 1,
            tick: 700,
            question,
        })
    }

    fn tell(answer: Answer) -> Message {
        Message::Tell { number: 1, answer }
    }

    #[test]
    fn the_bytes_are_pinned() {
        let pose = || "pose".to_owned();
        for (message, expected) in [
            (ask(Question::Types), "0001fbbc0200"),
            (ask(Question::Entities(pose())), "0001fbbc020104706f7365"),
            (
                ask(Question::Values(pose(), vec![7, 8])),
                "0001fbbc020204706f7365020708",
            ),
            (tell(Answer::Nothing), "010100"),
            (
                tell(Answer::Types(vec![(pose(), 9)], false)),
                "0101010104706f73650900",
            ),
            (tell(Answer::Entities(vec![(7, 9)], true)), "01010201070901"),
            (
                tell(Answer::Values(vec![Some(vec![5]), None], false)),
                "01010302010105 0000",
            ),
        ] {
            let bytes = message.encode().unwrap();
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(hex, expected.replace(' ', ""));
            assert_eq!(Message::decode(&bytes), Ok(message));
        }
    }

    #[test]
    fn the_longest_fit_and_what_is_more_is_refused() {
        let name = |len| "n".repeat(len);
        let max = u64::MAX;
        let types = |count, len| tell(Answer::Types(vec![(name(len), max); count], true));
        let entities = |count| tell(Answer::Entities(vec![(max, u32::MAX); count], true));
        let values = |count, len| tell(Answer::Values(vec![Some(vec![1; len]); count], true));
        let asked = |count, len| ask(Question::Values(name(len), vec![max; count]));
        for (fits, too_much) in [
            (types(64, 128), types(64, 129)),
            (types(64, 128), types(65, 1)),
            (entities(4096), entities(4097)),
            (values(16, 1024), values(16, 1025)),
            (values(16, 1024), values(17, 1)),
            (asked(16, 128), asked(17, 1)),
            (asked(16, 128), asked(1, 129)),
            (
                ask(Question::Entities(name(128))),
                ask(Question::Entities(name(129))),
            ),
        ] {
            assert_eq!(Message::decode(&fits.encode().unwrap()), Ok(fits));
            let refused = Message::decode(&too_much.encode().unwrap());
            assert_eq!(refused, Err(InquiryError::TooMuch));
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(Message::decode(&message.encode().unwrap()), Ok(message));
            }
        }
    }
}
