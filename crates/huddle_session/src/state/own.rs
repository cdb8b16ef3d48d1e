use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{codec::EncodeError, kind::KindId, limits::MAX_STATE_LEN};

/// The local peer's state: the current value of each kind.
///
/// One instance serves all peers. It records when a value changed, but not which peers have
/// received it.
#[derive(Debug, Default)]
pub struct OwnStates {
    last_version: u64,
    values: BTreeMap<KindId, Value>,
}

#[derive(Debug)]
pub(super) struct Value {
    /// The version of the value. Every change gets a higher one, starting at 1.
    pub(super) version: u64,
    pub(super) payload: Bytes,
}

impl OwnStates {
    /// Sets the value of a kind. Setting the current value again has no effect.
    ///
    /// # Errors
    /// Returns an error if the payload is longer than [`MAX_STATE_LEN`].
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

    /// Removes all values. Peers keep the values they have, and new peers receive none.
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
    fn only_changes_increase_the_version() {
        let mut own = OwnStates::default();
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(version(&own), Some(1));
        own.set(POSE, Bytes::from_static(b"b")).unwrap();
        assert_eq!(version(&own), Some(2));
    }

    #[test]
    fn versions_continue_after_clear() {
        let mut own = OwnStates::default();
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        own.clear();
        assert_eq!(version(&own), None);
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(version(&own), Some(2));
    }

    #[test]
    fn too_long_value_is_rejected_and_the_old_one_kept() {
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
