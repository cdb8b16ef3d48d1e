use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    num::NonZeroU8,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serializer};

use super::*;

fn schema_error<T: Serialize + DeserializeOwned>() -> String {
    Schema::checked::<T>().unwrap_err().to_string()
}

fn assert_accepted<T: Serialize + DeserializeOwned>() {
    let name = std::any::type_name::<T>();
    assert_eq!(Schema::checked::<T>(), Ok(Schema::of::<T>()), "{name}");
}

macro_rules! types {
    ($($item:item)*) => {
        $(#[derive(Serialize, Deserialize)] #[allow(dead_code)] $item)*
    };
}

types! {
    #[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
    enum Move { Idle, Run(u8), Jump(u8, bool), Hit { by: u8, at: [u8; 2] } }
    struct Empty {}
    struct Node { value: u8, next: Option<Box<Node>>, more: Vec<Node> }
    struct Skipping { #[serde(skip)] cache: u32, #[serde(default)] kept: u8 }
    struct Renamed { #[serde(rename = "a")] x: u8, #[serde(alias = "z")] y: u8 }
    #[serde(transparent)]
    struct Transparent { inner: Vec<Move> }
    #[serde(try_from = "u32", into = "u32")]
    #[derive(Clone)]
    struct Even(u32);
    struct Whole {
        one: NonZeroU8,
        even: Even,
        moves: HashMap<String, Vec<Option<Move>>>,
        set: HashSet<Move>,
        empty: Vec<Empty>,
        nothing: (),
        time: (Duration, SystemTime),
        addr: SocketAddr,
        wide: (u128, i128, f64, char),
        result: Result<Option<u8>, String>,
    }
}

impl TryFrom<u32> for Even {
    type Error = &'static str;

    fn try_from(value: u32) -> Result<Self, Self::Error> {
        if value.is_multiple_of(2) {
            Ok(Self(value))
        } else {
            Err("odd")
        }
    }
}

impl From<Even> for u32 {
    fn from(even: Even) -> Self {
        even.0
    }
}

#[test]
fn types_that_round_trip_are_accepted() {
    assert_accepted::<Move>();
    assert_accepted::<Empty>();
    assert_accepted::<Node>();
    assert_accepted::<Skipping>();
    assert_accepted::<Renamed>();
    assert_accepted::<Transparent>();
    assert_accepted::<Whole>();
    assert_accepted::<BTreeMap<u8, Whole>>();
    assert_accepted::<Vec<()>>();
    assert_accepted::<std::path::PathBuf>();
    assert_accepted::<[u8; 32]>();
}

types! {
    #[serde(untagged)]
    enum Untagged { Number(u8), Text(String) }
    #[serde(tag = "kind")]
    enum Tagged { Number { value: u8 }, Nothing }
    #[serde(tag = "kind", content = "data")]
    enum Adjacent { Idle, Run(f32), Hit { by: u8 } }
    struct Flat { id: u8, #[serde(flatten)] rest: Skipping }
    struct Holds<T> { before: u8, all: Vec<(u8, Option<T>)> }
    enum Either<T> { No, Yes { value: T }, Pair(u8, T) }
}

#[test]
fn self_describing_types_are_named_with_their_path() {
    assert!(schema_error::<Tagged>().starts_with("the type has `#[serde(tag = \"..\")]`"));
    assert!(
        schema_error::<Holds<Tagged>>()
            .starts_with("the type of `all[..][1]` has `#[serde(tag = \"..\")]`")
    );
    assert!(schema_error::<Adjacent>().starts_with("the type has `#[serde(tag = \"..\")]`"));
    assert!(
        schema_error::<Either<Adjacent>>()
            .starts_with("the type of `Yes.value` has `#[serde(tag = \"..\")]`")
    );
    assert!(schema_error::<Flat>().starts_with("the type has a field with `#[serde(flatten)]`"));
    assert!(
        schema_error::<Either<Flat>>()
            .starts_with("the type of `Yes.value` has a field with `#[serde(flatten)]`")
    );
    assert!(
        schema_error::<HashMap<u8, Flat>>()
            .starts_with("the type of `[value]` has a field with `#[serde(flatten)]`")
    );
    let untagged = schema_error::<Holds<Untagged>>();
    assert!(
        untagged.starts_with("the type of `all[..][1]` expects any value")
            && untagged.contains("`#[serde(untagged)]`"),
        "{untagged}"
    );
    let any = schema_error::<Option<de::IgnoredAny>>();
    assert!(any.starts_with("the type expects anything at all"), "{any}");
}

mod de {
    /// Skips a value of any type, and writes nothing.
    #[derive(serde::Deserialize)]
    pub(super) struct IgnoredAny(serde::de::IgnoredAny);

    impl serde::Serialize for IgnoredAny {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_unit()
        }
    }
}

fn is_zero(n: &u8) -> bool {
    *n == 0
}

types! {
    struct IfNone { id: u8, #[serde(default, skip_serializing_if = "Option::is_none")] owner: Option<u8> }
    struct IfEmpty { #[serde(default, skip_serializing_if = "Vec::is_empty")] list: Vec<u8>, after: u8 }
    struct IfBlank { one: NonZeroU8, #[serde(default, skip_serializing_if = "String::is_empty")] name: String }
    struct IfZero { #[serde(default, skip_serializing_if = "is_zero")] count: u8 }
    enum InVariant { A, B, C { #[serde(default, skip_serializing_if = "Option::is_none")] owner: Option<u8> } }
}

#[test]
fn skipped_fields_are_named_with_their_path() {
    let skipped = |field: &str| {
        format!(
            "the field `{field}` was skipped, so the receiver cannot decode the message: remove \
             `#[serde(skip_serializing_if)]` from the field"
        )
    };
    assert_eq!(schema_error::<IfNone>(), skipped("owner"));
    assert_eq!(schema_error::<IfEmpty>(), skipped("list"));
    assert_eq!(schema_error::<IfBlank>(), skipped("name"));
    assert_eq!(schema_error::<IfZero>(), skipped("count"));
    assert_eq!(schema_error::<InVariant>(), skipped("C.owner"));
    assert_eq!(schema_error::<Holds<IfNone>>(), skipped("all[0][1].owner"));
    assert_eq!(
        schema_error::<Vec<Vec<Option<IfEmpty>>>>(),
        skipped("[0][0].list")
    );
    assert_eq!(
        schema_error::<Either<InVariant>>(),
        skipped("Yes.value.C.owner")
    );
}

types! {
    struct OnlyRead { id: u8, #[serde(skip_serializing)] extra: u8 }
    struct OnlyWritten { id: u8, #[serde(skip_deserializing)] extra: u8 }
    struct Wide { #[serde(serialize_with = "as_text")] number: u32, after: bool }
}

fn as_text<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

#[test]
fn types_with_mismatched_implementations_are_rejected() {
    for error in [
        schema_error::<OnlyRead>(),
        schema_error::<OnlyWritten>(),
        schema_error::<Wide>(),
    ] {
        assert!(
            error.starts_with("its `Deserialize` implementation cannot read what"),
            "{error}"
        );
    }
}

/// A map that does not write its length.
#[derive(Deserialize)]
struct Streamed(BTreeMap<u8, u8>);

impl Serialize for Streamed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(key, _)| **key > 0))
    }
}

#[test]
fn sequences_without_a_length_are_rejected() {
    assert!(
        schema_error::<(u8, Streamed)>()
            .starts_with("a sequence or map in `[1]` does not provide its length")
    );
}
