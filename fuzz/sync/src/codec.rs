//! Typed messages.

use std::collections::BTreeMap;

use huddle_sync::{MAX_EVENT_LEN, codec};
use serde::{Deserialize, Serialize};

/// One of each shape that a game's messages have.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Message {
    Idle,
    Pose { at: [i16; 3], name: Option<String> },
    Many(Vec<Message>),
    Table(BTreeMap<u32, (bool, char)>),
    Nested(Box<Message>),
    Wide(u8, u128, i64, Vec<[u64; 4]>),
}

/// What is decoded, encoded again, reads as the same and takes no more bytes than allowed.
pub fn decode(bytes: &[u8]) {
    let Ok(message) = codec::decode::<Message>(bytes, MAX_EVENT_LEN) else {
        return;
    };
    let again = codec::encode(&message, MAX_EVENT_LEN).expect("what was read fits");
    assert_eq!(
        codec::decode::<Message>(&again, MAX_EVENT_LEN).as_ref(),
        Ok(&message)
    );
    assert!(codec::encode(&message, again.len() - 1).is_err());
    assert!(codec::decode::<Message>(&again, again.len() - 1).is_err());
    assert!(codec::decode::<Message>(&[&again, &[0][..]].concat(), MAX_EVENT_LEN).is_err());
}
