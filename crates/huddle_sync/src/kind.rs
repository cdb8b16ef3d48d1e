use std::{collections::BTreeMap, fmt};

use thiserror::Error;

/// Names a kind of message on the wire: the 32-bit FNV-1a hash of its declared name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindId(pub u32);

impl KindId {
    /// The id of a declared name; the same on every machine and in every build.
    ///
    /// ```
    /// use huddle_sync::KindId;
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

/// How messages of a kind travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Each arrives once, in order.
    Event,
    /// Only the latest counts.
    State,
}

/// The kinds of messages a game has declared.
///
/// Bytes from other players are checked against it, so nothing is kept for kinds that nobody
/// declared.
#[derive(Debug, Clone, Default)]
pub struct Kinds(BTreeMap<KindId, (String, Delivery)>);

/// Why a kind of message cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KindError {
    /// The name is empty.
    #[error("a message needs a name that is not empty, such as \"splash\"")]
    Empty,
    /// The name is in use.
    #[error("the message name \"{0}\" is already in use: give each message its own name")]
    Taken(String),
    /// Another name has the same hash.
    #[error(
        "the message names \"{0}\" and \"{1}\" have the same 32-bit hash: change one of them a little"
    )]
    Collision(String, String),
}

impl Kinds {
    /// Declares a kind of message.
    ///
    /// ```
    /// use huddle_sync::{Delivery, KindId, Kinds};
    ///
    /// let mut kinds = Kinds::default();
    /// let splash = kinds.declare("splash", Delivery::Event)?;
    /// assert_eq!(splash, KindId::of("splash"));
    /// assert!(kinds.declare("splash", Delivery::State).is_err());
    /// # Ok::<(), huddle_sync::KindError>(())
    /// ```
    ///
    /// # Errors
    /// If the name is empty, already in use, or has the same hash as another one.
    pub fn declare(&mut self, name: &str, delivery: Delivery) -> Result<KindId, KindError> {
        if name.is_empty() {
            return Err(KindError::Empty);
        }
        let id = KindId::of(name);
        match self.0.get(&id) {
            Some((other, _)) if other == name => Err(KindError::Taken(name.to_owned())),
            Some((other, _)) => Err(KindError::Collision(other.clone(), name.to_owned())),
            None => {
                self.0.insert(id, (name.to_owned(), delivery));
                Ok(id)
            }
        }
    }

    /// The declared name of a kind.
    pub fn name(&self, kind: KindId) -> Option<&str> {
        self.0.get(&kind).map(|(name, _)| name.as_str())
    }

    /// How messages of a kind travel, if it was declared.
    pub fn delivery(&self, kind: KindId) -> Option<Delivery> {
        self.0.get(&kind).map(|&(_, delivery)| delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_fnv1a() {
        // The published test vectors.
        assert_eq!(KindId::of(""), KindId(0x811c_9dc5));
        assert_eq!(KindId::of("a"), KindId(0xe40c_292c));
        assert_eq!(KindId::of("foobar"), KindId(0xbf9c_f968));
    }

    #[test]
    fn a_kind_is_known_by_name_and_delivery() {
        let mut kinds = Kinds::default();
        let pose = kinds.declare("pose", Delivery::State).unwrap();
        assert_eq!(kinds.name(pose), Some("pose"));
        assert_eq!(kinds.delivery(pose), Some(Delivery::State));
        assert_eq!(kinds.delivery(KindId::of("splash")), None);
    }

    #[test]
    fn empty_and_taken_names_are_refused() {
        let mut kinds = Kinds::default();
        assert_eq!(kinds.declare("", Delivery::Event), Err(KindError::Empty));
        kinds.declare("pose", Delivery::State).unwrap();
        assert_eq!(
            kinds.declare("pose", Delivery::Event),
            Err(KindError::Taken("pose".to_owned()))
        );
    }

    #[test]
    fn two_names_with_one_hash_are_refused() {
        // A known FNV-1a collision.
        assert_eq!(KindId::of("costarring"), KindId::of("liquid"));
        let mut kinds = Kinds::default();
        kinds.declare("costarring", Delivery::Event).unwrap();
        assert_eq!(
            kinds.declare("liquid", Delivery::Event),
            Err(KindError::Collision(
                "costarring".to_owned(),
                "liquid".to_owned()
            ))
        );
    }
}
