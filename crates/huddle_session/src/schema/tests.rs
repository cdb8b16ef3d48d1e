use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU8,
    time::Duration,
};

use proptest::prelude::*;
use serde::{Deserialize, Deserializer, de};

use super::*;

fn text<T: DeserializeOwned>() -> String {
    Schema::of::<T>().as_str().to_owned()
}

macro_rules! types {
    ($($item:item)*) => {
        $(#[derive(Deserialize)] #[allow(dead_code)] $item)*
    };
}

types! {
    struct Pose { x: f32, y: f32 }
    struct Splash(u32);
    struct Unit;
    struct Wrapped { inner: Splash, pose: Box<Pose> }
    enum Move { Idle, Run(f32), Jump(f32, bool), Hit { by: u8, at: Pose } }
    struct Nested { first: Option<Move>, all: Vec<Move>, by_name: BTreeMap<String, Move> }
    struct Node { value: u8, next: Option<Box<Node>>, more: Vec<Node> }
    enum List { Cons(u8, Box<List>), Nil }
    struct Endless { inner: Box<Endless> }
    struct Grove(Vec<Grove>);
    enum Expr { Add(Box<Expr>, Box<Expr>), Call { args: Vec<Term> }, Leaf }
    enum Term { Expr(Box<Expr>), Number(i64) }
}

#[test]
fn plain_types_have_their_fields_as_text() {
    assert_eq!(text::<Pose>(), "{x: f32, y: f32}");
    assert_eq!(text::<Splash>(), "u32");
    assert_eq!(text::<Unit>(), "()");
    assert_eq!(text::<()>(), "()");
    assert_eq!(text::<(bool, char, String)>(), "(bool, char, str)");
    assert_eq!(
        text::<(i8, i16, i32, i64, i128)>(),
        "(i8, i16, i32, i64, i128)"
    );
    assert_eq!(
        text::<(u8, u16, u32, u64, u128)>(),
        "(u8, u16, u32, u64, u128)"
    );
    assert_eq!(text::<HashMap<u8, (f64,)>>(), "map<u8, (f64)>");
    assert_eq!(text::<Duration>(), "{secs: u64, nanos: u32}");
}

#[test]
fn platform_and_rust_names_do_not_change_the_schema() {
    assert_eq!(text::<usize>(), text::<u64>());
    assert_eq!(text::<isize>(), text::<i64>());
    assert_eq!(text::<Wrapped>(), "{inner: u32, pose: {x: f32, y: f32}}");
}

#[test]
fn arrays_and_uniform_tuples_have_the_same_schema() {
    assert_eq!(text::<[f32; 3]>(), "[f32; 3]");
    assert_eq!(text::<(f32, f32, f32)>(), "[f32; 3]");
    assert_eq!(text::<[[u8; 2]; 4]>(), "[[u8; 2]; 4]");
    assert_eq!(text::<[u8; 0]>(), "()");
    assert_eq!(text::<[Move; 2]>(), format!("[{}; 2]", text::<Move>()));
}

#[test]
fn all_variants_of_nested_enums_are_found() {
    let moves = "enum{Idle, Run(f32), Jump(f32, bool), Hit{by: u8, at: {x: f32, y: f32}}}";
    assert_eq!(text::<Move>(), moves);
    assert_eq!(
        text::<Nested>(),
        format!("{{first: option<{moves}>, all: [{moves}], by_name: map<str, {moves}>}}")
    );
    assert_eq!(text::<Result<u8, String>>(), "enum{Ok(u8), Err(str)}");
}

#[test]
fn recursive_types_refer_to_the_outer_type() {
    assert_eq!(text::<Node>(), "{value: u8, next: option<^2>, more: [^2]}");
    assert_eq!(text::<List>(), "enum{Cons(u8, ^1), Nil}");
    assert_eq!(text::<Endless>(), "{inner: ^1}");
    assert_eq!(text::<Grove>(), "[^1]");
    assert_eq!(
        text::<Expr>(),
        "enum{Add(^1, opaque), Call{args: [enum{Expr(^3), Number(i64)}]}, Leaf}"
    );
}

types! {
    #[serde(try_from = "u32")]
    struct Even(u32);
    #[serde(try_from = "(u8, u8)")]
    struct Range(u8, u8);
    struct Checked { one: NonZeroU8, even: Even, range: Range, after: bool }
    #[serde(try_from = "u8")]
    struct Never;
    struct Hidden { before: u8, never: Never, after: f32 }
    struct Shielded { maybe: Option<Never>, list: Vec<Never>, choice: Choice, after: f32 }
    enum Choice { Bad(Never), Good }
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

impl TryFrom<(u8, u8)> for Range {
    type Error = &'static str;

    fn try_from((low, high): (u8, u8)) -> Result<Self, Self::Error> {
        if low < high {
            Ok(Self(low, high))
        } else {
            Err("empty")
        }
    }
}

impl TryFrom<u8> for Never {
    type Error = &'static str;

    fn try_from(_: u8) -> Result<Self, Self::Error> {
        Err("never")
    }
}

#[test]
fn types_that_validate_their_values_are_explored() {
    assert_eq!(
        text::<Checked>(),
        "{one: u8, even: u32, range: [u8; 2], after: bool}"
    );
}

#[test]
fn types_that_reject_all_values_hide_only_the_parts_after_them() {
    assert_eq!(text::<Never>(), "u8");
    assert_eq!(text::<Hidden>(), "{before: u8, never: u8, after: opaque}");
    assert_eq!(
        text::<Shielded>(),
        "{maybe: option<u8>, list: [u8], choice: enum{Bad(u8), Good}, after: f32}"
    );
}

types! {
    #[serde(untagged)]
    enum Untagged { Number(u8), Text(String) }
    struct WithUntagged { before: u8, any: Option<Untagged>, after: u8 }
    struct Flat { id: u8, #[serde(flatten)] pose: Pose }
    struct Aliased { #[serde(alias = "ex")] x: f32, y: u8 }
    enum AliasedEnum { #[serde(alias = "Start")] Begin(u8), End }
    struct Renamed { #[serde(rename = "a: u8, b")] a: u8, #[serde(rename = "é")] b: u8 }
    struct Skipping { #[serde(skip)] cache: u32, #[serde(default)] kept: u8 }
}

#[test]
fn self_describing_types_are_opaque() {
    assert_eq!(text::<Untagged>(), "opaque");
    assert_eq!(
        text::<WithUntagged>(),
        "{before: u8, any: option<opaque>, after: u8}"
    );
    assert_eq!(text::<Flat>(), "map<opaque, opaque>");
}

#[test]
fn enums_with_variant_aliases_have_no_variant_names() {
    assert_eq!(text::<AliasedEnum>(), "enum{0(u8), 1}");
}

types! {
    struct Plain { x: f32, y: u8, z: Option<Pose> }
    struct AliasedFirst { #[serde(alias = "ex", alias = "z9")] x: f32, y: u8, z: Option<Pose> }
    struct AliasedLast { x: f32, y: u8, #[serde(alias = "aa")] z: Option<Pose> }
    struct AliasedAll {
        #[serde(alias = "a")] x: f32,
        #[serde(rename = "y", alias = "why", alias = "b")] other: u8,
        #[serde(alias = "c")] z: Option<Pose>,
    }
    enum PlainVariant { Idle, At { x: NonZeroU8, y: Vec<u8> } }
    enum AliasedVariant { Idle, At { #[serde(alias = "ex")] x: NonZeroU8, #[serde(alias = "a")] y: Vec<u8> } }
    struct Holding { list: Vec<AliasedVariant>, one: Option<AliasedFirst> }
    struct HoldingPlain { list: Vec<PlainVariant>, one: Option<Plain> }
}

#[test]
fn field_aliases_do_not_change_the_schema() {
    assert_eq!(text::<Aliased>(), "{x: f32, y: u8}");
    let plain = text::<Plain>();
    assert_eq!(text::<AliasedFirst>(), plain);
    assert_eq!(text::<AliasedLast>(), plain);
    assert_eq!(text::<AliasedAll>(), plain);
    assert_eq!(text::<AliasedVariant>(), text::<PlainVariant>());
    assert_eq!(text::<Holding>(), text::<HoldingPlain>());
}

#[test]
fn unusual_names_are_quoted_and_skipped_fields_are_absent() {
    assert_eq!(text::<Renamed>(), "{\"a: u8, b\": u8, \"\\u{e9}\": u8}");
    assert_eq!(text::<Skipping>(), "{kept: u8}");
}

/// A pair that is encoded as a sequence.
struct SequencePair;

impl<'de> Deserialize<'de> for SequencePair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = SequencePair;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<SequencePair, A::Error> {
                match (seq.next_element::<u8>()?, seq.next_element::<String>()?) {
                    (Some(_), Some(_)) => Ok(SequencePair),
                    _ => Err(de::Error::custom("not a pair")),
                }
            }
        }
        deserializer.deserialize_seq(Visitor)
    }
}

#[test]
fn elements_of_different_types_are_opaque() {
    assert_eq!(text::<(SequencePair, u8)>(), "([opaque], u8)");
}

#[derive(Debug)]
struct Big;

impl<'de> Deserialize<'de> for Big {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Big;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Big, A::Error> {
                while seq.next_element::<u8>()?.is_some() {}
                Ok(Big)
            }
        }
        deserializer.deserialize_tuple(usize::MAX, Visitor)
    }
}

#[test]
fn exploring_an_endless_tuple_ends() {
    assert_eq!(text::<Big>(), format!("[u8; {}]", usize::MAX));
}

/// A type with `N` levels of nested types.
struct Deep<const N: usize>;

macro_rules! deep {
    ($($n:literal)*) => {
        $(impl<'de> Deserialize<'de> for Deep<$n> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                type Next = Deep<{ $n - 1 }>;
                <(Next, Next, Option<Next>)>::deserialize(deserializer).map(|_| Self)
            }
        })*
    };
}

deep!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);

impl<'de> Deserialize<'de> for Deep<0> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(|_| Self)
    }
}

#[test]
fn schemas_of_millions_of_parts_end_with_a_hash() {
    let schema = Schema::of::<Deep<16>>();
    assert_eq!(schema.as_str().len(), MAX_SCHEMA_LEN);
    assert_eq!(schema, Schema::of::<Deep<16>>());
    let (_, hash) = schema.as_str().split_at(MAX_SCHEMA_LEN - 19);
    assert!(hash.starts_with("..#"), "{hash}");
    assert_ne!(schema, Schema::of::<Deep<15>>());
}

#[test]
fn shortened_texts_differ_if_the_complete_texts_differ() {
    let cut = |last: &str| Schema(format!("{}{last}", "x".repeat(600))).cut(MAX_SCHEMA_LEN);
    assert_eq!(cut("a").len(), MAX_SCHEMA_LEN);
    assert_ne!(cut("a"), cut("b"));
    let fits = "x".repeat(MAX_SCHEMA_LEN);
    assert_eq!(Schema(fits.clone()).cut(MAX_SCHEMA_LEN), fits);
}

thread_local! {
    /// The decisions of [`Wild`] types, and the index of the last one. They repeat at the end.
    static CHOICES: std::cell::RefCell<(Vec<u8>, usize)> = const { std::cell::RefCell::new((Vec::new(), 0)) };
}

fn choose() -> u8 {
    CHOICES.with_borrow_mut(|(choices, at)| {
        *at += 1;
        choices[*at % choices.len()]
    })
}

/// A type that requests any values in any order and violates all conventions.
struct Wild;

impl<'de> Deserialize<'de> for Wild {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match choose() % 16 {
            0 => deserializer.deserialize_u8(Wild),
            1 => deserializer.deserialize_string(Wild),
            2 => deserializer.deserialize_bytes(Wild),
            3 => deserializer.deserialize_option(Wild),
            4 => deserializer.deserialize_seq(Wild),
            5 => deserializer.deserialize_map(Wild),
            6 => deserializer.deserialize_tuple(choose().into(), Wild),
            7 => deserializer.deserialize_struct("", &["a", "b", "a"], Wild),
            8 => deserializer.deserialize_enum("", &[], Wild),
            9 => deserializer.deserialize_enum("", &["a", "b", "c"], Wild),
            10 => deserializer.deserialize_newtype_struct("", Wild),
            11 => deserializer.deserialize_any(Wild),
            12 => deserializer.deserialize_identifier(Wild),
            13 => <(Option<u8>, Move, u8)>::deserialize(deserializer).map(|_| Wild),
            14 => Err(de::Error::custom("no")),
            _ => Ok(Wild),
        }
    }
}

impl<'de> de::Visitor<'de> for Wild {
    type Value = Wild;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Wild, E> {
        if value == u64::from(choose() % 4) {
            Ok(Wild)
        } else {
            Err(E::custom("no"))
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Wild, E> {
        if value.len() < usize::from(choose()) {
            Ok(Wild)
        } else {
            Err(E::custom("no"))
        }
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Wild, E> {
        Ok(Wild)
    }

    fn visit_none<E: de::Error>(self) -> Result<Wild, E> {
        Ok(Wild)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Wild, D::Error> {
        Wild::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Wild, D::Error> {
        <[u16; 2]>::deserialize(deserializer).map(|_| Wild)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Wild, A::Error> {
        for _ in 0..choose() % 8 {
            match choose() % 3 {
                0 => seq.next_element::<Wild>()?.is_some(),
                1 => seq.next_element::<u8>()?.is_some(),
                _ => seq.next_element::<List>().is_ok(),
            };
        }
        Ok(Wild)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Wild, A::Error> {
        for _ in 0..choose() % 8 {
            match choose() % 3 {
                0 => map.next_key::<Wild>()?.is_some(),
                1 => map.next_value::<Wild>().is_ok(),
                _ => map.next_entry::<u8, Move>()?.is_some(),
            };
        }
        Ok(Wild)
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, access: A) -> Result<Wild, A::Error> {
        use de::VariantAccess;
        let (tag, variant) = match choose() % 3 {
            0 => access.variant::<u32>()?,
            1 => return Ok(Wild),
            _ => access
                .variant::<String>()
                .map(|(_, variant)| (9, variant))?,
        };
        match (tag + u32::from(choose())) % 4 {
            0 => variant.unit_variant().map(|()| Wild),
            1 => variant.newtype_variant::<Wild>(),
            2 => variant.tuple_variant(choose().into(), Wild),
            _ => variant.struct_variant(&["x", "y"], Wild),
        }
    }
}

proptest! {
    #[test]
    fn exploring_any_type_ends_without_panic(choices in prop::collection::vec(any::<u8>(), 1..60)) {
        CHOICES.set((choices, 0));
        let schema = Schema::of::<(Wild, u8, Wild, Vec<Wild>)>();
        prop_assert!(schema.as_str().len() <= MAX_SCHEMA_LEN);
        prop_assert!(schema.as_str().is_ascii());
    }
}
