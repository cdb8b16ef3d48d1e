use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{codec::EncodeError, kind::KindId, limits::MAX_STATE_LEN};

/// This player's own state: the latest value of each kind.
///
/// One of them serves all peers. It knows when a value was changed, not who has been told.
#[derive(Debug, Default)]
pub struct OwnStates {
    last_version: u64,
    values: BTreeMap<KindId, Value>,
}

#[derive(Debug)]
pub(super) struct Value {
    /// Every change gets a higher one, counted from 1.
    pub(super) version: u64,
    pub(super) payload: Bytes,
}

impl OwnStates {
    /// Sets the value of a kind. What is equal to the current value changes nothing.
    ///
    /// # Errors
    /// If the payload is longer than [`MAX_STATE_LEN`].
    pub fn set(&mut self, kind: KindId, payload: Bytes) -> Result<(), EncodeError> {
        if payload.len() > MAX_STATE_LEN {
            return Err(EncodeError::TooLong {
                len: payload.len(),
                max: MAX_STATE_LEN,
            });
        }
        let current = self.values.get(&kind);
        if current.is_none_or(|value| value.payload != payload) {
            self.last_version += 1;
            let version = self.last_version;
            self.values.insert(kind, Value { version, payload });
        }
        Ok(())
    }

    /// Forgets all values: peers keep what they have, and new ones are told nothing.
    pub fn clear(&mut self) {
        self.values.clear();
    }

    pub(super) fn get(&self, kind: KindId) -> Option<&Value> {
        self.values.get(&kind)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (KindId, &Value)> {
        self.values.iter().map(|(&kind, value)| (kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSE: KindId = KindId::of("pose");

    fn version(own: &OwnStates) -> Option<u64> {
        own.iter().next().map(|(_, value)| value.version)
    }

    #[test]
    fn only_a_change_is_a_new_version() {
        let mut own = OwnStates::default();
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(version(&own), Some(1));
        own.set(POSE, Bytes::from_static(b"b")).unwrap();
        assert_eq!(version(&own), Some(2));
    }

    #[test]
    fn versions_go_on_after_clearing() {
        let mut own = OwnStates::default();
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        own.clear();
        assert_eq!(version(&own), None);
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(version(&own), Some(2));
    }

    #[test]
    fn a_value_that_is_too_long_is_refused_and_the_old_one_stays() {
        let mut own = OwnStates::default();
        own.set(POSE, vec![1; MAX_STATE_LEN].into()).unwrap();
        assert_eq!(
            own.set(POSE, vec![2; MAX_STATE_LEN + 1].into()),
            Err(EncodeError::TooLong {
                len: MAX_STATE_LEN + 1,
                max: MAX_STATE_LEN
            })
        );
        assert_eq!(own.iter().next().unwrap().1.payload[0], 1);
    }
}
