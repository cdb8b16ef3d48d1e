//! Typed messages.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    fmt::Debug,
    marker::PhantomData,
};

use huddle_session::{
    MAX_EVENT_LEN,
    codec::{self, EncodeError},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One of each shape that a game's messages have.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Message {
    Idle,
    Pose { at: [i16; 3], name: Option<String> },
    Many(Vec<Message>),
    Table(BTreeMap<u32, (bool, char)>),
    Nested(Box<Message>),
    Wide(u8, u128, i64, Vec<[u64; 4]>),
    Empty(Empty),
    Bytes(Vec<u8>, String, Box<str>),
    Large(Vec<Large>),
}

/// Sequences and maps of what takes no bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Empty {
    Units(Vec<()>),
    Markers(VecDeque<Marker>),
    Skipped(Vec<Skipped>),
    Phantoms(Vec<PhantomData<u8>>),
    Arrays(Vec<[(); 32]>),
    Tuples(Vec<((), Marker, [Marker; 2])>),
    Sets(HashSet<()>, BTreeSet<Marker>),
    Maps(HashMap<(), ()>, BTreeMap<Marker, Skipped>),
    Nested(Vec<Vec<Vec<()>>>),
    Options(Vec<Option<Vec<()>>>),
    Keys(HashMap<u8, Vec<Empty>>),
}

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Marker {}

/// Much in memory, nothing in bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Skipped {
    #[serde(skip)]
    cache: [u64; 8],
}

/// Much in memory, few bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Large {
    a: [u128; 4],
    b: Option<[u64; 16]>,
    #[serde(skip)]
    cache: [u64; 16],
}

/// What is decoded, encoded again, reads as the same and takes no more bytes than allowed.
pub fn decode(bytes: &[u8]) {
    check::<Message>(bytes);
    // The same bytes without a variant before them.
    check::<Vec<()>>(bytes);
    check::<HashSet<Marker>>(bytes);
    check::<Vec<Skipped>>(bytes);
    check::<(Vec<[Marker; 32]>, Vec<Vec<Skipped>>)>(bytes);
    check::<HashMap<String, Vec<Large>>>(bytes);
}

fn check<T: Serialize + DeserializeOwned + Debug + PartialEq>(bytes: &[u8]) {
    let Ok(message) = codec::decode::<T>(bytes, MAX_EVENT_LEN) else {
        return;
    };
    let again = match codec::encode(&message, MAX_EVENT_LEN) {
        Ok(again) => again,
        // Numbers can be written in more bytes than they need, and more bytes may have more
        // elements.
        Err(EncodeError::TooManyElements { elements, max }) => {
            assert!(elements - max < bytes.len());
            return;
        }
        Err(error) => panic!("what was read cannot be written: {error}"),
    };
    assert!(again.len() <= bytes.len());
    assert_eq!(
        codec::decode::<T>(&again, MAX_EVENT_LEN).as_ref(),
        Ok(&message)
    );
    if let Some(less) = again.len().checked_sub(1) {
        assert!(codec::encode(&message, less).is_err());
        assert!(codec::decode::<T>(&again, less).is_err());
    }
    assert!(codec::decode::<T>(&[&again, &[0][..]].concat(), MAX_EVENT_LEN).is_err());
}
