//! What players say to each other before a game starts; `docs/protocol.md` has the bytes.

use bytes::Bytes;
use huddle_session::codec;
use serde::{Deserialize, Serialize};

use super::{
    error::StartMessageError,
    settings::{MAX_NAME_LEN, MAX_SETTINGS, MAX_VALUE_LEN, Settings},
};
use crate::seat::MAX_SEATS;

/// The longest message, in bytes: all settings, with the lengths of each and what is before them.
pub(super) const MAX_LEN: usize = 16 + MAX_SETTINGS * (MAX_NAME_LEN + MAX_VALUE_LEN + 4);

pub(super) type Hash = [u8; 32];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    /// Which game of the room it is about.
    pub(super) round: u32,
    pub(super) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Body {
    Hello(Hello),
    /// All settings of the sender, in the order of their names.
    Settings(Vec<(String, String)>),
}

/// How the sender stands, all of it each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The hash of its settings.
    pub(super) settings: Hash,
    /// Its part of the seed.
    pub(super) nonce: u64,
    /// Whose hello it has: a bit for each player, in the order of their ids.
    pub(super) heard: u16,
    /// From when it has everybody's.
    pub(super) ready: Option<Ready>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The hash of everything agreed on.
    pub(super) agreed: Hash,
    /// Everybody's nonces, in the order of their ids.
    pub(super) nonces: Vec<u64>,
    /// Who it knows to be ready.
    pub(super) heard: u16,
}

impl Message {
    pub(super) fn encode(&self) -> Option<Bytes> {
        codec::encode(self, MAX_LEN).ok()
    }

    /// From bytes that came from another player.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StartMessageError> {
        let message: Self = codec::decode(bytes, MAX_LEN)?;
        match &message.body {
            Body::Hello(Hello {
                ready: Some(ready), ..
            }) if ready.nonces.len() > MAX_SEATS => {
                Err(StartMessageError::TooManyNonces(ready.nonces.len()))
            }
            _ => Ok(message),
        }
    }

    pub(super) fn settings(round: u32, settings: &Settings) -> Self {
        let body = Body::Settings(settings.to_wire());
        Self { round, body }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use huddle_session::TickRate;

    fn hex(message: &Message) -> String {
        let bytes = message.encode().unwrap();
        assert_eq!(Message::decode(&bytes).as_ref(), Ok(message));
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn the_bytes_are_pinned() {
        let hello = |ready| Message {
            round: 2,
            body: Body::Hello(Hello {
                settings: [0xaa; 32],
                nonce: 700,
                heard: 3,
                ready,
            }),
        };
        let begin = format!("0200{}fbbc0203", "aa".repeat(32));
        assert_eq!(hex(&hello(None)), format!("{begin}00"));
        let ready = Ready {
            agreed: [0xbb; 32],
            nonces: vec![700, 1],
            heard: 1,
        };
        assert_eq!(
            hex(&hello(Some(ready))),
            format!("{begin}01{}02fbbc020101", "bb".repeat(32))
        );
        let body = Body::Settings(vec![("map".to_owned(), "a".to_owned())]);
        assert_eq!(hex(&Message { round: 2, body }), "020101036d61700161");
    }

    #[test]
    fn the_most_settings_fit() {
        let mut settings = Settings::new(TickRate::default(), &"i".repeat(MAX_VALUE_LEN)).unwrap();
        for n in 0..MAX_SETTINGS - 3 {
            let name = format!("{n:0>0$}", MAX_NAME_LEN);
            settings.set(name, "v".repeat(MAX_VALUE_LEN)).unwrap();
        }
        let message = Message::settings(u32::MAX, &settings);
        let bytes = message.encode().unwrap();
        assert!(bytes.len() <= MAX_LEN && MAX_LEN <= 64 * 1024);
        assert_eq!(Message::decode(&bytes), Ok(message));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = Message::decode(&bytes) {
                let again = message.encode().unwrap();
                prop_assert_eq!(Message::decode(&again), Ok(message));
            }
        }
    }
}
