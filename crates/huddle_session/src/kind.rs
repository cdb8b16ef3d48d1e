//! The declared kinds of messages.

use std::{collections::BTreeMap, fmt};

use thiserror::Error;

use crate::{hash::Fnv64, schema::Schema};

/// The maximum length of a kind's name, in bytes.
pub const MAX_NAME_LEN: usize = 64;

/// The id of a kind of message: the 32-bit FNV-1a hash of its declared name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindId(pub u32);

impl KindId {
    /// Returns the id of a name. It is the same on every machine and in every build.
    ///
    /// ```
    /// use huddle_session::KindId;
    ///
    /// const SPLASH: KindId = KindId::of("splash");
    /// assert_ne!(SPLASH, KindId::of("pose"));
    /// ```
    pub const fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut hash: u32 = 0x811c_9dc5;
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
            i += 1;
        }
        Self(hash)
    }
}

impl fmt::Display for KindId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The delivery of the messages of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Every message arrives exactly once, and in order among all events of the game.
    Event,
    /// A component of replicated entities. The session compares it with that of the peers; its values
    /// travel in the [snapshot section](crate::SectionKind::Snapshots).
    Component,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "event",
            Self::Component => "component",
        })
    }
}

/// The kinds of messages that a game has declared.
///
/// The session rejects messages of undeclared kinds, so that another peer cannot make it store
/// them.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    by_id: BTreeMap<KindId, Kind>,
    /// Sorted by name, like the other lists.
    events: Vec<KindId>,
    components: Vec<KindId>,
}

/// A declared kind of message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) delivery: Delivery,
    pub(crate) schema: Schema,
}

/// The reason why a kind of message cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KindError {
    /// The name is empty.
    #[error("the message name is empty: give the message a name, such as \"splash\"")]
    Empty,
    /// The name is too long.
    #[error("the message name \"{0}\" is longer than {MAX_NAME_LEN} bytes: give it a shorter one")]
    TooLong(String),
    /// Another kind has the same name.
    #[error("the message name \"{0}\" is already in use: give each message its own name")]
    Duplicate(String),
    /// The name has the same hash as another one.
    #[error("the message names \"{0}\" and \"{1}\" have the same 32-bit hash: rename one of them")]
    Collision(String, String),
}

impl Kinds {
    /// Declares a kind of message and returns its id.
    ///
    /// ```
    /// use huddle_session::{Delivery, KindId, Kinds, Schema};
    ///
    /// let mut kinds = Kinds::default();
    /// let splash = kinds.declare("splash", Delivery::Event, Schema::of::<[f32; 2]>())?;
    /// assert_eq!(splash, KindId::of("splash"));
    /// assert!(kinds.declare("splash", Delivery::Component, Schema::of::<u8>()).is_err());
    /// # Ok::<(), huddle_session::KindError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name is empty, longer than [`MAX_NAME_LEN`] or already in use, or if
    /// it has the same hash as another name.
    pub fn declare(
        &mut self,
        name: &str,
        delivery: Delivery,
        schema: Schema,
    ) -> Result<KindId, KindError> {
        if name.is_empty() {
            return Err(KindError::Empty);
        }
        if name.len() > MAX_NAME_LEN {
            return Err(KindError::TooLong(name.to_owned()));
        }
        let id = KindId::of(name);
        match self.by_id.get(&id) {
            Some(other) if other.name == name => Err(KindError::Duplicate(name.to_owned())),
            Some(other) => Err(KindError::Collision(other.name.clone(), name.to_owned())),
            None => {
                let order = self.order(delivery);
                let at = order.partition_point(|&other| self.name(other) < Some(name));
                match delivery {
                    Delivery::Event => self.events.insert(at, id),
                    Delivery::Component => self.components.insert(at, id),
                }
                let name = name.to_owned();
                self.by_id.insert(
                    id,
                    Kind {
                        name,
                        delivery,
                        schema,
                    },
                );
                Ok(id)
            }
        }
    }

    /// Returns the declared name of a kind, if it was declared.
    pub fn name(&self, kind: KindId) -> Option<&str> {
        self.by_id.get(&kind).map(|kind| kind.name.as_str())
    }

    /// Returns `true` if a kind belongs to the system: its name starts with `huddle/`. Its events are
    /// sent before queued events of the game.
    pub(crate) fn is_system(&self, kind: KindId) -> bool {
        self.name(kind)
            .is_some_and(|name| name.starts_with("huddle/"))
    }

    /// Returns how messages of a kind are delivered, if it was declared.
    pub fn delivery(&self, kind: KindId) -> Option<Delivery> {
        self.by_id.get(&kind).map(|kind| kind.delivery)
    }

    /// Returns the schema of a kind's messages, if it was declared.
    pub fn schema(&self, kind: KindId) -> Option<&Schema> {
        self.by_id.get(&kind).map(|kind| &kind.schema)
    }

    /// Returns the index of a kind among the kinds with the same delivery, sorted by name. It is a
    /// small number that is the same on every peer that declares the same kinds.
    pub fn index(&self, kind: KindId) -> Option<usize> {
        let Kind { name, delivery, .. } = self.by_id.get(&kind)?;
        let order = self.order(*delivery);
        order
            .binary_search_by(|&other| self.name(other).cmp(&Some(name)))
            .ok()
    }

    /// Returns the kind at an [`index`](Self::index).
    pub fn at(&self, delivery: Delivery, index: usize) -> Option<KindId> {
        self.order(delivery).get(index).copied()
    }

    /// Returns the number of kinds with this delivery.
    pub fn count(&self, delivery: Delivery) -> usize {
        self.order(delivery).len()
    }

    /// Returns a hash of all names, deliveries and schemas. It is the same in every build that
    /// declares the same kinds, in any order.
    pub fn hash(&self) -> u64 {
        let hash = self.by_name().into_iter().fold(Fnv64::new(), |hash, kind| {
            hash.write_text(&kind.name)
                .write_text(&kind.delivery.to_string())
                .write_text(kind.schema.as_str())
        });
        hash.finish()
    }

    /// Returns all kinds, sorted by name.
    pub(crate) fn by_name(&self) -> Vec<&Kind> {
        let mut kinds: Vec<_> = self.by_id.values().collect();
        kinds.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        kinds
    }

    fn order(&self, delivery: Delivery) -> &[KindId] {
        match delivery {
            Delivery::Event => &self.events,
            Delivery::Component => &self.components,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_fnv1a() {
        // The published test vectors.
        assert_eq!(KindId::of(""), KindId(0x811c_9dc5));
        assert_eq!(KindId::of("a"), KindId(0xe40c_292c));
        assert_eq!(KindId::of("foobar"), KindId(0xbf9c_f968));
    }

    fn opaque() -> Schema {
        Schema::opaque()
    }

    #[test]
    fn declared_kind_has_name_delivery_and_schema() {
        let mut kinds = Kinds::default();
        let pose = kinds
            .declare("pose", Delivery::Component, Schema::of::<[f32; 2]>())
            .unwrap();
        assert_eq!(kinds.name(pose), Some("pose"));
        assert_eq!(kinds.delivery(pose), Some(Delivery::Component));
        assert_eq!(kinds.schema(pose), Some(&Schema::of::<[f32; 2]>()));
        assert_eq!(kinds.delivery(KindId::of("splash")), None);
        assert_eq!(kinds.index(KindId::of("splash")), None);
    }

    #[test]
    fn invalid_names_are_rejected() {
        let mut kinds = Kinds::default();
        let mut declare = |name: &str| kinds.declare(name, Delivery::Event, opaque());
        assert_eq!(declare(""), Err(KindError::Empty));
        let long = "x".repeat(MAX_NAME_LEN + 1);
        assert_eq!(declare(&long), Err(KindError::TooLong(long.clone())));
        assert!(declare(&long[1..]).is_ok());
        declare("pose").unwrap();
        assert_eq!(
            declare("pose"),
            Err(KindError::Duplicate("pose".to_owned()))
        );
    }

    #[test]
    fn names_with_the_same_hash_are_rejected() {
        // A known FNV-1a collision.
        assert_eq!(KindId::of("costarring"), KindId::of("liquid"));
        let mut kinds = Kinds::default();
        kinds
            .declare("costarring", Delivery::Event, opaque())
            .unwrap();
        assert_eq!(
            kinds.declare("liquid", Delivery::Event, opaque()),
            Err(KindError::Collision(
                "costarring".to_owned(),
                "liquid".to_owned()
            ))
        );
    }

    #[test]
    fn hash_is_stable_and_covers_name_delivery_and_schema() {
        let hash = |name: &str, delivery, schema| {
            let mut kinds = Kinds::default();
            kinds.declare(name, delivery, schema).unwrap();
            kinds.hash()
        };
        let pose = hash("pose", Delivery::Component, Schema::of::<[f32; 2]>());
        assert_eq!(Kinds::default().hash(), 0xcbf2_9ce4_8422_2325);
        assert_eq!(pose, 0xa8c0_297a_fd3e_1246);
        assert_ne!(
            pose,
            hash("prose", Delivery::Component, Schema::of::<[f32; 2]>())
        );
        assert_ne!(
            pose,
            hash("pose", Delivery::Event, Schema::of::<[f32; 2]>())
        );
        assert_ne!(
            pose,
            hash("pose", Delivery::Component, Schema::of::<[f32; 3]>())
        );
    }

    proptest! {
        #[test]
        fn indices_are_consecutive_and_independent_of_the_order(
            mut names in prop::collection::btree_set("[a-z]{1,4}", 1..30)
                .prop_map(|names| names.into_iter().collect::<Vec<_>>())
                .prop_shuffle(),
        ) {
            let delivery = |name: &str| if name < "m" { Delivery::Event } else { Delivery::Component };
            let declare = |names: &[String]| {
                let mut kinds = Kinds::default();
                for name in names {
                    kinds.declare(name, delivery(name), opaque()).unwrap();
                }
                kinds
            };
            let mine = declare(&names);
            names.sort();
            let theirs = declare(&names);
            prop_assert_eq!(mine.hash(), theirs.hash());
            let mut next = [0, 0];
            for name in &names {
                let (kind, delivery) = (KindId::of(name), delivery(name));
                let next = &mut next[usize::from(delivery == Delivery::Component)];
                prop_assert_eq!(mine.index(kind), Some(*next));
                prop_assert_eq!(theirs.index(kind), Some(*next));
                prop_assert_eq!(mine.at(delivery, *next), Some(kind));
                *next += 1;
            }
            prop_assert_eq!(mine.at(Delivery::Event, next[0]), None);
            prop_assert_eq!(mine.at(Delivery::Component, next[1]), None);
        }
    }
}
