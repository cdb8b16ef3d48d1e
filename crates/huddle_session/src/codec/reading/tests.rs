use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque},
    fmt::Debug,
    marker::PhantomData,
};

use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::*;
use crate::codec::{DecodeError, EncodeError, decode, encode};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf(Option<i64>),
    Node(Box<Tree>),
    Many(Vec<Tree>),
    Named {
        of: BTreeMap<String, Tree>,
        at: (u8, [char; 2]),
    },
    Marks(Vec<Marker>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Marker {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Particle {
    #[serde(skip)]
    cache: [u64; 8],
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Id<T> {
    number: u8,
    of: PhantomData<T>,
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        3 => any::<Option<i64>>().prop_map(Tree::Leaf),
        1 => (0usize..300).prop_map(|len| Tree::Marks(vec![Marker {}; len])),
    ];
    leaf.prop_recursive(8, 64, 4, |tree| {
        let named = prop::collection::btree_map(".{0,3}", tree.clone(), 0..4);
        prop_oneof![
            tree.clone().prop_map(|tree| Tree::Node(tree.into())),
            prop::collection::vec(tree, 0..4).prop_map(Tree::Many),
            (named, any::<(u8, [char; 2])>()).prop_map(|(of, at)| Tree::Named { of, at }),
        ]
    })
}

proptest! {
    #[test]
    fn values_round_trip(tree in tree()) {
        match encode(&tree, 10_000) {
            Ok(bytes) => prop_assert_eq!(decode(&bytes, 10_000), Ok(tree)),
            Err(error) => prop_assert!(matches!(error, EncodeError::TooManyElements { .. }), "{}", error),
        }
    }
}

#[test]
fn deeply_nested_bytes_are_rejected_without_stack_overflow() {
    for kind in [&[1][..], &[2, 1]] {
        let bytes = kind.repeat(30_000);
        let Err(DecodeError::Malformed(why)) = decode::<Tree>(&bytes, bytes.len()) else {
            panic!("the nested bytes were accepted");
        };
        assert!(why.contains("deeper than 128"), "{why}");
    }
}

#[test]
fn maximum_depth_is_accepted() {
    let nodes = |count: usize| {
        let mut bytes = vec![1; count];
        // `Leaf(None)`, which takes two levels: an enum and an option.
        bytes.extend([0, 0]);
        decode::<Tree>(&bytes, 1000).is_ok()
    };
    assert!(nodes(MAX_DEPTH as usize - 2));
    assert!(!nodes(MAX_DEPTH as usize - 1));
}

/// Encodes the length of a sequence as a varint of 9 bytes.
fn claimed_len(len: u64) -> Vec<u8> {
    [&[0xfd][..], &len.to_le_bytes()].concat()
}

fn assert_rejected<T: DeserializeOwned + Debug>(bytes: &[u8]) {
    let error = decode::<T>(bytes, 65_536).unwrap_err();
    let DecodeError::Malformed(why) = &error else {
        panic!("{error}");
    };
    assert!(why.contains("more elements than its bytes"), "{why}");
}

/// The elements take no bytes, so that only the claimed length bounds their number.
#[test]
fn false_lengths_of_elements_without_bytes_are_rejected() {
    for len in [300, 1 << 20, u64::MAX] {
        let bytes = claimed_len(len);
        assert_rejected::<Vec<()>>(&bytes);
        assert_rejected::<Vec<Marker>>(&bytes);
        assert_rejected::<Vec<Particle>>(&bytes);
        assert_rejected::<Vec<PhantomData<u8>>>(&bytes);
        assert_rejected::<Vec<[(); 3]>>(&bytes);
        assert_rejected::<Vec<((), Marker, Particle)>>(&bytes);
        assert_rejected::<VecDeque<()>>(&bytes);
        assert_rejected::<LinkedList<()>>(&bytes);
        assert_rejected::<HashSet<()>>(&bytes);
        assert_rejected::<BTreeSet<()>>(&bytes);
        assert_rejected::<HashMap<(), Marker>>(&bytes);
        assert_rejected::<BTreeMap<[(); 0], ()>>(&bytes);
        assert_rejected::<(Vec<Vec<()>>, u8)>(&bytes);
        assert_rejected::<Option<Vec<()>>>(&[&[1], &bytes[..]].concat());
        assert_rejected::<Result<Vec<()>, ()>>(&[&[0], &bytes[..]].concat());
        assert_rejected::<Tree>(&[&[4], &bytes[..]].concat());
    }
}

/// The elements take bytes, which run out only after memory was allocated for the claimed length.
#[test]
fn false_lengths_of_elements_with_bytes_are_rejected_before_allocation() {
    for len in [300, 1 << 20, u64::MAX] {
        let bytes = claimed_len(len);
        assert_rejected::<Vec<u8>>(&bytes);
        assert_rejected::<Vec<[u64; 32]>>(&bytes);
        assert_rejected::<HashMap<String, Vec<u8>>>(&bytes);
    }
    assert!(decode::<String>(&claimed_len(1 << 19), 65_536).is_err());
}

#[test]
fn bound_applies_to_all_sequences_of_a_message_together() {
    // 100 sequences of 200 elements.
    let bytes = [&[100][..], &[200; 100]].concat();
    assert_rejected::<Vec<Vec<()>>>(&bytes);
    assert_rejected::<Vec<HashSet<()>>>(&bytes);
    assert_eq!(
        decode::<Vec<Vec<()>>>(&[3, 1, 2, 0], 4),
        Ok(vec![vec![()], vec![(), ()], vec![]])
    );
}

#[test]
fn sender_and_receiver_apply_the_same_bound() {
    // The length takes 3 bytes.
    let max = 3 + MAX_ELEMENTS_BEYOND_BYTES;
    let longest = vec![Marker {}; max];
    let bytes = encode(&longest, 100).unwrap();
    assert_eq!(decode(&bytes, 100), Ok(longest));

    let elements = max + 1;
    assert_eq!(
        encode(&vec![Marker {}; elements], 100),
        Err(EncodeError::TooManyElements { elements, max })
    );
    let bytes = [&[251][..], &(elements as u16).to_le_bytes()].concat();
    assert_rejected::<Vec<Marker>>(&bytes);
}

#[test]
fn empty_fields_of_elements_with_bytes_do_not_count() {
    let ids = vec![
        Id::<Tree> {
            number: 1,
            of: PhantomData
        };
        5000
    ];
    let bytes = encode(&ids, 10_000).unwrap();
    assert_eq!(decode(&bytes, 10_000), Ok(ids));
}
