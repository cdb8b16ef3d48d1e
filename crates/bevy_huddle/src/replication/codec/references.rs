//! The references to entities in front of the bytes of a value: their number, then each as a byte and
//! its id.

use bytes::{Buf, BufMut};
use huddle_mesh::PeerId;
use huddle_session::codec::{DecodeError, EncodeError};
use huddle_snapshot::{
    Value,
    id::{Creator, EntityId},
};

const NONE: u8 = 0;
const PLACED: u8 = 1;
const SPAWNED: u8 = 2;

/// Writes references and the bytes of a value. A reference to an entity without an id is `None`.
///
/// # Errors
/// Returns an error if the result is longer than `max`, or there are more than 255 references.
pub(super) fn put_references(
    ids: impl ExactSizeIterator<Item = Option<EntityId>>,
    bytes: &[u8],
    max: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let count = ids.len();
    out.put_u8(count.min(255) as u8);
    for id in ids {
        match id.map(|id| (id.creator, id.number)) {
            None => out.put_u8(NONE),
            Some((Creator::Placed, number)) => {
                out.put_u8(PLACED);
                out.put_u32_le(number);
            }
            Some((Creator::Peer(peer_id), number)) => {
                out.put_u8(SPAWNED);
                out.put_slice(peer_id.as_bytes());
                out.put_u32_le(number);
            }
        }
    }
    out.put_slice(bytes);
    match out.len() {
        len if len <= max && count <= 255 => Ok(()),
        len => Err(EncodeError::TooLong { len, max }),
    }
}

/// Reads references, and returns the bytes behind them.
pub(super) fn take_references(
    mut wire: &[u8],
    mut on_reference: impl FnMut(Option<EntityId>),
) -> Result<&[u8], DecodeError> {
    let count = wire.try_get_u8().map_err(|_| truncated())?;
    for _ in 0..count {
        on_reference(take_reference(&mut wire)?);
    }
    Ok(wire)
}

/// Returns the ids in a received value.
pub(crate) fn references_in(value: Value<'_>) -> Vec<EntityId> {
    let mut ids = Vec::new();
    if let Value::Blob(wire) = value {
        // A value that is not valid is reported when it is decoded.
        let _ = take_references(wire, |id| ids.extend(id));
    }
    ids
}

fn take_reference(wire: &mut &[u8]) -> Result<Option<EntityId>, DecodeError> {
    match wire.try_get_u8().map_err(|_| truncated())? {
        NONE => Ok(None),
        PLACED => {
            let number = wire.try_get_u32_le().map_err(|_| truncated())?;
            Ok(Some(EntityId::placed(number)))
        }
        SPAWNED => {
            let mut peer_id = [0; 16];
            wire.try_copy_to_slice(&mut peer_id)
                .map_err(|_| truncated())?;
            let number = wire.try_get_u32_le().map_err(|_| truncated())?;
            let peer_id = PeerId::from_bytes(peer_id);
            Ok(Some(EntityId::spawned(peer_id, number)))
        }
        kind => Err(DecodeError::Malformed(format!(
            "a reference of the unknown kind {kind}"
        ))),
    }
}

fn truncated() -> DecodeError {
    DecodeError::Malformed("the references to entities are incomplete".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn references() -> impl Strategy<Value = Vec<Option<EntityId>>> {
        let id = prop_oneof![
            Just(None),
            any::<u32>().prop_map(|number| Some(EntityId::placed(number))),
            any::<(u128, u32)>().prop_map(|(peer, number)| {
                Some(EntityId::spawned(PeerId::from_u128(peer), number))
            }),
        ];
        prop::collection::vec(id, 0..30)
    }

    proptest! {
        #[test]
        fn references_round_trip(ids in references(), bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut wire = Vec::new();
            put_references(ids.iter().copied(), &bytes, 1000, &mut wire).unwrap();
            let mut read = Vec::new();
            let rest = take_references(&wire, |id| read.push(id)).unwrap();
            prop_assert_eq!(rest, &bytes[..]);
            prop_assert_eq!(read, ids);
        }

        #[test]
        fn arbitrary_bytes_are_read_without_panic(wire in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut count = 0;
            let _ = take_references(&wire, |_| count += 1);
            prop_assert!(count <= wire.len());
        }
    }

    #[test]
    fn too_many_references_are_an_error() {
        let ids = vec![None; 256];
        assert!(put_references(ids.into_iter(), &[], 16_384, &mut Vec::new()).is_err());
    }

    #[test]
    fn references_match_golden_bytes() {
        let ids = [None, Some(EntityId::placed(7))];
        let mut wire = Vec::new();
        put_references(ids.into_iter(), &[9], 100, &mut wire).unwrap();
        assert_eq!(wire, [2, 0, 1, 7, 0, 0, 0, 9]);
    }
}
