use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::*;
use crate::codec::{decode, encode};

fn refusal(value: &impl Serialize) -> EncodeError {
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
fn as_many_levels_are_sent_as_are_taken() {
    // A struct and an option each.
    let nodes = MAX_DEPTH as usize / 2;
    let longest = list(nodes);
    let bytes = encode(&longest, 1000).unwrap();
    assert_eq!(decode(&bytes, 1000), Ok(longest));
    assert_eq!(
        refusal(&list(nodes + 1)),
        EncodeError::TooDeep {
            at: text("next.next.next.next.next.next.next.next…")
        }
    );
    assert_eq!(
        decode::<Node>(&[&[1].repeat(nodes)[..], &[0]].concat(), 1000).ok(),
        None
    );
}

/// A type that contains itself without end.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_some(&Endless)
    }
}

#[test]
fn a_value_without_end_is_refused_and_overflows_no_stack() {
    assert_eq!(refusal(&Endless), EncodeError::TooDeep { at: text("") });
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
fn fields_that_are_left_out_are_named() {
    let (id, owner) = (1, None);
    let item = || Item { id, owner };
    let left_out = |field: &str| EncodeError::FieldLeftOut { field: text(field) };
    assert_eq!(refusal(&item()), left_out("owner"));
    assert_eq!(
        refusal(&Action::Take { item: item() }),
        left_out("Take.item.owner")
    );
    let note = String::new();
    assert_eq!(refusal(&Action::Drop { note }), left_out("Drop.note"));
    assert_eq!(
        refusal(&Action::Both(1, (item(), 2))),
        left_out("Both[1][0].owner")
    );
    assert_eq!(refusal(&Action::One(item())), left_out("One.owner"));
    let kept = Item { id, owner: Some(2) };
    assert_eq!(
        refusal(&vec![kept, item()]),
        left_out("[1].owner"),
        "after one that is whole"
    );
    assert_eq!(
        refusal(&BTreeMap::from([("a", item())])),
        left_out("[0].owner")
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

struct Liar(Option<usize>);

impl Serialize for Liar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.0)?;
        seq.serialize_element(&1)?;
        seq.end()
    }
}

#[test]
fn lengths_must_be_known_and_true() {
    let rest = HashMap::new();
    assert_eq!(
        refusal(&Flat { id: 1, rest }),
        EncodeError::NoLength { at: text("") }
    );
    assert_eq!(
        refusal(&(1, Liar(None))),
        EncodeError::NoLength { at: text("[1]") }
    );
    for claimed in [0, 2] {
        let at = text("[0]");
        let expected = EncodeError::WrongLength {
            at,
            claimed,
            written: 1,
        };
        assert_eq!(refusal(&(Liar(Some(claimed)), 1)), expected);
    }
    assert!(encode(&Liar(Some(1)), 9).is_ok());
}

struct Unwilling;

impl Serialize for Unwilling {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(Error::custom("not today"))
    }
}

#[test]
fn what_a_type_says_is_passed_on_with_the_place() {
    let error = refusal(&BTreeMap::from([(1, (2, Unwilling))]));
    assert!(
        error.to_string().contains("in `[0][1]`") && error.to_string().contains("not today"),
        "{error}"
    );
}

#[test]
fn texts_name_what_to_do() {
    let field = text("item.owner");
    assert_eq!(
        EncodeError::FieldLeftOut { field }.to_string(),
        "the field `item.owner` is left out, and then the message cannot be read: remove \
         `#[serde(skip_serializing_if)]` from it"
    );
    let at = text("next.next");
    let deep = EncodeError::TooDeep { at }.to_string();
    assert!(deep.contains("deeper than 128 levels in `next.next`: "));
    let at = text("");
    let deep = EncodeError::TooDeep { at }.to_string();
    assert!(deep.contains("deeper than 128 levels: "));
}
