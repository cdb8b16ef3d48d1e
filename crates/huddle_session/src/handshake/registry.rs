//! The list of messages that a game declares. Peers exchange it only to name a difference.

use bytes::{BufMut, BytesMut};

use super::{
    error::HandshakeError,
    text::{clean, read_bounded},
};
use crate::{
    kind::{Delivery, Kind, Kinds, MAX_NAME_LEN},
    schema::MAX_SCHEMA_LEN,
    wire::{Reader, put_varint, varint_len},
};

/// The maximum length of an encoded list, in bytes.
pub(super) const MAX_REGISTRY_LEN: usize = 15_000;

/// The maximum length of a schema if the list does not fit with complete schemas, in bytes.
const SHORT_SCHEMA_LEN: usize = 48;

/// The messages that a game declares, sorted by name. Messages at the end that do not fit are only
/// counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Registry {
    entries: Vec<Entry>,
    left_out: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    delivery: Delivery,
    /// The hash of the complete schema.
    hash: u64,
    /// The schema, which may be shortened.
    schema: String,
}

/// The difference between two registries, from the point of view of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Difference {
    pub(super) only_mine: Vec<String>,
    pub(super) only_theirs: Vec<String>,
    /// The name, the local declaration and the other side's declaration.
    pub(super) different: Vec<(String, String, String)>,
}

impl Registry {
    pub(super) fn of(kinds: &Kinds) -> Self {
        let kinds = kinds.by_name();
        let whole = Self::with_schemas_of(&kinds, MAX_SCHEMA_LEN);
        if whole.len() <= MAX_REGISTRY_LEN {
            return whole;
        }
        let mut short = Self::with_schemas_of(&kinds, SHORT_SCHEMA_LEN);
        while short.len() > MAX_REGISTRY_LEN {
            short.entries.pop();
            short.left_out += 1;
        }
        short
    }

    fn with_schemas_of(kinds: &[&Kind], max: usize) -> Self {
        let entry = |kind: &&Kind| Entry {
            name: kind.name.clone(),
            delivery: kind.delivery,
            hash: kind.schema.hash(),
            schema: kind.schema.cut(max),
        };
        Self {
            entries: kinds.iter().map(entry).collect(),
            left_out: 0,
        }
    }

    fn len(&self) -> usize {
        let entries = self.entries.iter().map(|entry| {
            10 + entry.name.len() + varint_len(entry.schema.len() as u64) + entry.schema.len()
        });
        varint_len(self.left_out) + entries.sum::<usize>()
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        put_varint(out, self.left_out);
        for entry in &self.entries {
            out.put_u8(match entry.delivery {
                Delivery::Event => 0,
                Delivery::Component => 1,
            });
            // `Kinds::declare` rejects longer names.
            out.put_u8(entry.name.len() as u8);
            out.put_slice(entry.name.as_bytes());
            out.put_u64_le(entry.hash);
            put_varint(out, entry.schema.len() as u64);
            out.put_slice(entry.schema.as_bytes());
        }
    }

    pub(super) fn read(reader: &mut Reader) -> Result<Self, HandshakeError> {
        if reader.len() > MAX_REGISTRY_LEN {
            return Err(HandshakeError::TooLong {
                what: "the list of messages",
                len: reader.len() as u64,
                max: MAX_REGISTRY_LEN,
            });
        }
        let left_out = reader.varint().ok_or(HandshakeError::Truncated)?;
        let mut entries: Vec<Entry> = Vec::new();
        while !reader.is_empty() {
            let entry = Entry::read(reader)?;
            if entries.last().is_some_and(|last| last.name >= entry.name) {
                return Err(HandshakeError::Malformed("an unsorted list of messages"));
            }
            entries.push(entry);
        }
        Ok(Self { entries, left_out })
    }

    /// Returns whether a kind with this name would be in the list if the game declared it.
    fn covers(&self, name: &str) -> bool {
        self.left_out == 0 || self.entries.last().is_some_and(|last| name <= &*last.name)
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.name.as_str().cmp(name))
            .ok()?;
        self.entries.get(at)
    }

    fn not_in(&self, other: &Self) -> Vec<String> {
        let names = self.entries.iter().map(|entry| &entry.name);
        names
            .filter(|name| other.covers(name) && other.find(name).is_none())
            .map(|name| clean(name.as_bytes(), MAX_NAME_LEN))
            .collect()
    }

    pub(super) fn difference(&self, theirs: &Self) -> Difference {
        let different = self.entries.iter().filter_map(|mine| {
            let theirs = theirs.find(&mine.name)?;
            ((mine.delivery, mine.hash) != (theirs.delivery, theirs.hash)).then(|| {
                let name = clean(mine.name.as_bytes(), MAX_NAME_LEN);
                (name, mine.describe(), theirs.describe())
            })
        });
        Difference {
            only_mine: self.not_in(theirs),
            only_theirs: theirs.not_in(self),
            different: different.collect(),
        }
    }
}

impl Entry {
    fn read(reader: &mut Reader) -> Result<Self, HandshakeError> {
        let delivery = match reader.u8().ok_or(HandshakeError::Truncated)? {
            0 => Delivery::Event,
            1 => Delivery::Component,
            _ => return Err(HandshakeError::Malformed("an unknown kind of delivery")),
        };
        let len = reader.u8().ok_or(HandshakeError::Truncated)?;
        let name = read_text(reader, "a message name", len.into(), MAX_NAME_LEN)?;
        let hash = reader.u64().ok_or(HandshakeError::Truncated)?;
        let len = reader.varint().ok_or(HandshakeError::Truncated)?;
        let schema = read_text(reader, "a schema", len, MAX_SCHEMA_LEN)?;
        Ok(Self {
            name,
            delivery,
            hash,
            schema,
        })
    }

    fn describe(&self) -> String {
        let schema = clean(self.schema.as_bytes(), MAX_SCHEMA_LEN);
        format!("{} {schema}", self.delivery)
    }
}

fn read_text(
    reader: &mut Reader,
    what: &'static str,
    len: u64,
    max: usize,
) -> Result<String, HandshakeError> {
    let bytes = read_bounded(reader, what, len, max)?;
    String::from_utf8(bytes.into()).map_err(|_| HandshakeError::Malformed("text that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::schema::Schema;

    fn kinds(entries: &[(&str, Delivery, Schema)]) -> Kinds {
        let mut kinds = Kinds::default();
        for (name, delivery, schema) in entries {
            kinds.declare(name, *delivery, schema.clone()).unwrap();
        }
        kinds
    }

    fn encoded(registry: &Registry) -> Bytes {
        let mut out = BytesMut::new();
        registry.write(&mut out);
        out.freeze()
    }

    fn many(count: usize) -> Kinds {
        let mut kinds = Kinds::default();
        for i in 0..count {
            let name = format!("a message with a name {i:05}");
            let delivery = [Delivery::Event, Delivery::Component][i % 2];
            kinds
                .declare(
                    &name,
                    delivery,
                    Schema::of::<[(u8, String, [f32; 3]); 16]>(),
                )
                .unwrap();
        }
        kinds
    }

    #[test]
    fn every_difference_is_named() {
        use Delivery::{Component, Event};
        let mine = kinds(&[
            ("same", Event, Schema::of::<u8>()),
            ("mine", Event, Schema::of::<u8>()),
            ("delivery", Event, Schema::of::<u8>()),
            ("schema", Component, Schema::of::<u8>()),
        ]);
        let theirs = kinds(&[
            ("same", Event, Schema::of::<u8>()),
            ("theirs", Event, Schema::of::<u8>()),
            ("delivery", Component, Schema::of::<u8>()),
            ("schema", Component, Schema::of::<u16>()),
        ]);
        let text = |text: &str| text.to_owned();
        assert_eq!(
            Registry::of(&mine).difference(&Registry::of(&theirs)),
            Difference {
                only_mine: vec![text("mine")],
                only_theirs: vec![text("theirs")],
                different: vec![
                    (text("delivery"), text("event u8"), text("component u8")),
                    (text("schema"), text("component u8"), text("component u16")),
                ],
            }
        );
    }

    #[test]
    fn long_lists_are_shortened_and_cut_without_false_differences() {
        let whole = Registry::of(&many(100));
        assert_eq!(whole.left_out, 0);
        let long = Registry::of(&many(500));
        assert!(long.left_out > 0);
        assert_eq!(long.entries.len() as u64 + long.left_out, 500);
        for registry in [&whole, &long] {
            let bytes = encoded(registry);
            assert!(bytes.len() <= MAX_REGISTRY_LEN);
            assert_eq!(bytes.len(), registry.len());
            assert_eq!(
                Registry::read(&mut Reader::new(bytes)).as_ref(),
                Ok(registry)
            );
        }
        let difference = whole.difference(&long);
        assert_eq!(difference.only_mine, Vec::<String>::new());
        assert_eq!(difference.different, []);
        assert!(!difference.only_theirs.is_empty());
        assert_eq!(
            long.difference(&Registry::of(&many(501))),
            Difference::default()
        );
    }

    #[test]
    fn names_after_the_end_of_a_cut_list_are_no_difference() {
        use Delivery::Event;
        let schema = Schema::of::<u8>;
        let mine = Registry::of(&kinds(&[("a", Event, schema()), ("d", Event, schema())]));
        let mut theirs = Registry::of(&kinds(&[("b", Event, schema()), ("c", Event, schema())]));
        theirs.entries.pop();
        theirs.left_out = 1;
        let difference = mine.difference(&theirs);
        assert_eq!(difference.only_mine, ["a"]);
        assert_eq!(difference.only_theirs, ["b"]);
    }

    #[test]
    fn unsorted_or_duplicate_names_are_rejected() {
        let mut registry = Registry::of(&many(2));
        registry.entries.swap(0, 1);
        let read = |registry: &Registry| Registry::read(&mut Reader::new(encoded(registry)));
        let rejected = Err(HandshakeError::Malformed("an unsorted list of messages"));
        assert_eq!(read(&registry), rejected);
        registry.entries[1] = registry.entries[0].clone();
        assert_eq!(read(&registry), rejected);
    }

    #[test]
    fn shortened_schemas_equal_complete_ones() {
        use Delivery::Component;
        let long = Schema::of::<[(u8, String, [f32; 3]); 16]>();
        assert!(long.as_str().len() > SHORT_SCHEMA_LEN / 2);
        let few = kinds(&[("a message with a name 00001", Component, long)]);
        let difference = Registry::of(&few).difference(&Registry::of(&many(500)));
        assert_eq!(difference.different, []);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Registry::read(&mut Reader::new(bytes.into()));
        }

        #[test]
        fn differences_are_mirrored(
            mine in prop::collection::btree_map("[a-d]{1,2}", (any::<bool>(), any::<bool>()), 0..12),
            theirs in prop::collection::btree_map("[a-d]{1,2}", (any::<bool>(), any::<bool>()), 0..12),
            cut_mine in 0usize..12,
            cut_theirs in 0usize..12,
        ) {
            let registry = |map: &std::collections::BTreeMap<String, (bool, bool)>, cut: usize| {
                let mut kinds = Kinds::default();
                for (name, (event, byte)) in map {
                    let delivery = if *event { Delivery::Event } else { Delivery::Component };
                    let schema = if *byte { Schema::of::<u8>() } else { Schema::of::<u16>() };
                    kinds.declare(name, delivery, schema).unwrap();
                }
                let mut registry = Registry::of(&kinds);
                for _ in 0..cut {
                    registry.left_out += u64::from(registry.entries.pop().is_some());
                }
                registry
            };
            let mine = registry(&mine, cut_mine);
            let theirs = registry(&theirs, cut_theirs);
            let (a, b) = (mine.difference(&theirs), theirs.difference(&mine));
            prop_assert_eq!(&a.only_mine, &b.only_theirs);
            prop_assert_eq!(&a.only_theirs, &b.only_mine);
            let swapped: Vec<_> =
                b.different.into_iter().map(|(name, mine, theirs)| (name, theirs, mine)).collect();
            prop_assert_eq!(a.different, swapped);
        }
    }
}
