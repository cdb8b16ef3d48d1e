//! Decodes typed messages of several shapes.

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

/// Values of every shape that messages of a game have.
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

/// Sequences and maps of elements that take no bytes.
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

/// A large value in memory that takes no bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Skipped {
    #[serde(skip)]
    cache: [u64; 8],
}

/// A large value in memory that takes few bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Large {
    a: [u128; 4],
    b: Option<[u64; 16]>,
    #[serde(skip)]
    cache: [u64; 16],
}

/// Checks that every message that can be decoded round-trips and respects the maximum length.
pub fn decode(bytes: &[u8]) {
    check::<Message>(bytes);
    // The same bytes without a leading variant.
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
    let encoded = match codec::encode(&message, MAX_EVENT_LEN) {
        Ok(encoded) => encoded,
        // The input may contain numbers with more bytes than necessary, which allow more elements.
        Err(EncodeError::TooManyElements { elements, max }) => {
            assert!(elements - max < bytes.len());
            return;
        }
        Err(error) => panic!("a decoded message cannot be encoded: {error}"),
    };
    assert!(encoded.len() <= bytes.len());
    assert_eq!(
        codec::decode::<T>(&encoded, MAX_EVENT_LEN).as_ref(),
        Ok(&message)
    );
    if let Some(too_short) = encoded.len().checked_sub(1) {
        assert!(codec::encode(&message, too_short).is_err());
        assert!(codec::decode::<T>(&encoded, too_short).is_err());
    }
    assert!(codec::decode::<T>(&[&encoded, &[0][..]].concat(), MAX_EVENT_LEN).is_err());
}
