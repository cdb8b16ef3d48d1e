use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::*;
use crate::codec::{decode, encode};

fn encode_error(value: &impl Serialize) -> EncodeError {
    encode(value, 1000).unwrap_err()
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Node {
    next: Option<Box<Node>>,
}

fn list(nodes: usize) -> Node {
    (1..nodes).fold(Node { next: None }, |next, _| Node {
        next: Some(Box::new(next)),
    })
}

#[test]
fn sender_and_receiver_accept_the_same_depth() {
    // Each node takes two levels: a struct and an option.
    let nodes = MAX_DEPTH as usize / 2;
    let longest = list(nodes);
    let bytes = encode(&longest, 1000).unwrap();
    assert_eq!(decode(&bytes, 1000), Ok(longest));
    assert_eq!(
        encode_error(&list(nodes + 1)),
        EncodeError::TooDeep {
            at: text("next.next.next.next.next.next.next.next…")
        }
    );
    assert_eq!(
        decode::<Node>(&[&[1].repeat(nodes)[..], &[0]].concat(), 1000).ok(),
        None
    );
}

/// A value that contains itself endlessly.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_some(&Endless)
    }
}

#[test]
fn endless_values_are_rejected_without_stack_overflow() {
    assert_eq!(
        encode_error(&Endless),
        EncodeError::TooDeep { at: text("") }
    );
}

#[derive(Serialize)]
struct Item {
    id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<u8>,
}

#[derive(Serialize)]
enum Action {
    Take {
        item: Item,
    },
    Drop {
        #[serde(skip_serializing_if = "String::is_empty")]
        note: String,
    },
    Both(u8, (Item, u8)),
    One(Item),
}

#[test]
fn skipped_fields_are_named() {
    let (id, owner) = (1, None);
    let item = || Item { id, owner };
    let skipped = |field: &str| EncodeError::SkippedField { field: text(field) };
    assert_eq!(encode_error(&item()), skipped("owner"));
    assert_eq!(
        encode_error(&Action::Take { item: item() }),
        skipped("Take.item.owner")
    );
    let note = String::new();
    assert_eq!(encode_error(&Action::Drop { note }), skipped("Drop.note"));
    assert_eq!(
        encode_error(&Action::Both(1, (item(), 2))),
        skipped("Both[1][0].owner")
    );
    assert_eq!(encode_error(&Action::One(item())), skipped("One.owner"));
    let kept = Item { id, owner: Some(2) };
    assert_eq!(
        encode_error(&vec![kept, item()]),
        skipped("[1].owner"),
        "after an item without skipped fields"
    );
    assert_eq!(
        encode_error(&BTreeMap::from([("a", item())])),
        skipped("[0].owner")
    );
    let kept = Item { id, owner: Some(2) };
    assert_eq!(&encode(&kept, 9).unwrap()[..], [1, 1, 2]);
}

#[derive(Serialize)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: HashMap<String, u8>,
}

/// A sequence of one element that claims another length.
struct FalseLength(Option<usize>);

impl Serialize for FalseLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.0)?;
        seq.serialize_element(&1)?;
        seq.end()
    }
}

#[test]
fn missing_and_false_lengths_are_rejected() {
    let rest = HashMap::new();
    assert_eq!(
        encode_error(&Flat { id: 1, rest }),
        EncodeError::NoLength { at: text("") }
    );
    assert_eq!(
        encode_error(&(1, FalseLength(None))),
        EncodeError::NoLength { at: text("[1]") }
    );
    for claimed in [0, 2] {
        let at = text("[0]");
        let expected = EncodeError::WrongLength {
            at,
            claimed,
            written: 1,
        };
        assert_eq!(encode_error(&(FalseLength(Some(claimed)), 1)), expected);
    }
    assert!(encode(&FalseLength(Some(1)), 9).is_ok());
}

struct Failing;

impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(Error::custom("not today"))
    }
}

#[test]
fn errors_of_a_type_are_returned_with_the_path() {
    let error = encode_error(&BTreeMap::from([(1, (2, Failing))]));
    assert!(
        error.to_string().contains("in `[0][1]`") && error.to_string().contains("not today"),
        "{error}"
    );
}

#[test]
fn error_texts_name_a_fix() {
    let field = text("item.owner");
    assert_eq!(
        EncodeError::SkippedField { field }.to_string(),
        "the field `item.owner` was skipped, so the receiver cannot decode the message: remove \
         `#[serde(skip_serializing_if)]` from the field"
    );
    let at = text("next.next");
    let deep = EncodeError::TooDeep { at }.to_string();
    assert!(deep.contains("deeper than 128 levels in `next.next`: "));
    let at = text("");
    let deep = EncodeError::TooDeep { at }.to_string();
    assert!(deep.contains("deeper than 128 levels: "));
}
