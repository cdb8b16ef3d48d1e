//! The messages before a match starts; `docs/protocol.md` specifies the bytes.

use bytes::Bytes;
use huddle_session::codec;
use serde::{Deserialize, Serialize};

use super::{
    error::StartMessageError,
    match_id::MatchId,
    settings::{MAX_NAME_LEN, MAX_SETTINGS, MAX_VALUE_LEN, Settings},
    withdrawal::Withdrawal,
};
use crate::seat::MAX_SEATS;

/// The maximum length of a message in bytes: all settings, their lengths and the header.
pub(super) const MAX_LEN: usize = 16 + MAX_SETTINGS * (MAX_NAME_LEN + MAX_VALUE_LEN + 4);

pub(super) type Hash = [u8; 32];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    /// The attempt of the sender; in [`Body::Outdated`] the lowest one that it accepts.
    pub(super) id: MatchId,
    pub(super) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Body {
    Hello(Hello),
    /// All settings of the sender, in the order of their names.
    Settings(Vec<(String, String)>),
    /// The sender no longer takes part in the attempt.
    Withdraw(Withdrawal),
    /// The receiver's attempt is over, or its match has started without the receiver.
    Outdated,
    /// A hello of a third player. `of` is that player's index in the order of the ids.
    Relayed {
        of: u8,
        hello: Hello,
    },
}

/// The complete state of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The hash of the settings.
    pub(super) settings: Hash,
    /// The player's part of the seed.
    pub(super) nonce: u64,
    /// The first tick of the match.
    pub(super) start: u32,
    pub(super) running: Running,
    /// The players whose hello the sender has received: a bit for each player in the order of the ids.
    pub(super) received: u16,
    /// The players whose running match is known to end.
    pub(super) ends: u16,
    /// Present when the player is ready.
    pub(super) ready: Option<Ready>,
}

/// Whether a player still takes part in the previous match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Running {
    No,
    Playing,
    /// The running match ends at this tick or later, and has these members among the players.
    Until {
        tick: u32,
        members: u16,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The hash of everything that the players agree on.
    pub(super) agreed: Hash,
    /// The nonces of all players in the order of the ids.
    pub(super) nonces: Vec<u64>,
    /// The players that the sender knows to be ready.
    pub(super) received: u16,
}

impl Message {
    pub(super) fn encode(&self) -> Option<Bytes> {
        codec::encode(self, MAX_LEN).ok()
    }

    /// Decodes a message from another peer.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StartMessageError> {
        let message: Self = codec::decode(bytes, MAX_LEN)?;
        match &message.body {
            Body::Hello(hello) | Body::Relayed { hello, .. } => hello.check()?,
            Body::Withdraw(withdrawal) => withdrawal.check()?,
            Body::Settings(_) | Body::Outdated => {}
        }
        Ok(message)
    }

    pub(super) fn settings(id: MatchId, settings: &Settings) -> Self {
        let body = Body::Settings(settings.to_wire());
        Self { id, body }
    }
}

impl Hello {
    fn check(&self) -> Result<(), StartMessageError> {
        if let Some(ready) = &self.ready
            && ready.nonces.len() > MAX_SEATS
        {
            return Err(StartMessageError::TooManyNonces(ready.nonces.len()));
        }
        // Other ticks are reserved for players that join a running match.
        match self.start {
            0 => Ok(()),
            start => Err(StartMessageError::StartTick(start)),
        }
    }
}

impl Running {
    /// Returns whether the end is known, or no match is running.
    pub(super) fn is_settled(self) -> bool {
        self != Self::Playing
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use huddle_session::TickRate;

    const ID: MatchId = MatchId {
        number: 2,
        epoch: 1,
    };

    fn hex(body: Body) -> String {
        let message = Message { id: ID, body };
        let bytes = message.encode().unwrap();
        assert_eq!(Message::decode(&bytes).as_ref(), Ok(&message));
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    fn hello(ready: Option<Ready>, running: Running) -> Hello {
        Hello {
            settings: [0xaa; 32],
            nonce: 700,
            start: 0,
            running,
            received: 3,
            ends: 1,
            ready,
        }
    }

    #[test]
    fn messages_match_golden_bytes() {
        let head = format!("{}fbbc0200", "aa".repeat(32));
        assert_eq!(
            hex(Body::Hello(hello(None, Running::No))),
            format!("020100{head}00030100")
        );
        assert_eq!(
            hex(Body::Hello(hello(None, Running::Playing))),
            format!("020100{head}01030100")
        );
        let until = Running::Until {
            tick: 700,
            members: 3,
        };
        let ready = Ready {
            agreed: [0xbb; 32],
            nonces: vec![700, 1],
            received: 1,
        };
        let hello = hello(Some(ready), until);
        let rest = format!("{head}02fbbc0203030101{}02fbbc020101", "bb".repeat(32));
        assert_eq!(hex(Body::Hello(hello.clone())), format!("020100{rest}"));
        assert_eq!(
            hex(Body::Relayed { of: 1, hello }),
            format!("02010401{rest}")
        );
        let body = Body::Settings(vec![("map".to_owned(), "a".to_owned())]);
        assert_eq!(hex(body), "02010101036d61700161");
        assert_eq!(hex(Body::Outdated), "020103");
        for (withdrawal, bytes) in [
            (Withdrawal::Left(1), "0001"),
            (Withdrawal::Lost(1), "0101"),
            (Withdrawal::Settings(1), "0201"),
            (
                Withdrawal::Missing {
                    limit: Duration::from_secs(10).as_millis() as u32,
                    silent: 4,
                    waiting: vec![(1, 4)],
                },
                "03fb102704010104",
            ),
            (Withdrawal::Dishonest, "04"),
        ] {
            assert_eq!(hex(Body::Withdraw(withdrawal)), format!("020102{bytes}"));
        }
    }

    #[test]
    fn maximum_settings_fit_into_a_message() {
        let mut settings = Settings::new(TickRate::default(), &"i".repeat(MAX_VALUE_LEN)).unwrap();
        for n in 0..MAX_SETTINGS - 3 {
            let name = format!("{n:0>0$}", MAX_NAME_LEN);
            settings.set(name, "v".repeat(MAX_VALUE_LEN)).unwrap();
        }
        let last = MatchId {
            number: u32::MAX,
            epoch: u32::MAX,
        };
        let message = Message::settings(last, &settings);
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
