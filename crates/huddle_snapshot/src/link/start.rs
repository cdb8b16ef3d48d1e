//! The encoding of the start of a record: its entity and its kind.

use super::{
    error::DecodeError,
    models::Models,
    names::Names,
    packet::RecordKind,
    register::{creator_of, decode_name, encode_name, number_of},
};
use crate::{
    entropy::{Decoder, Encoder, NumberContext},
    id::EntityId,
    numbering::group,
};

/// What the records of a packet are encoded relative to: the records before them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Previous {
    id: Option<EntityId>,
    /// The age of the last baseline, see [`Baseline::age`](super::baseline::Baseline::age).
    pub(super) age: u8,
    /// The gap of the last earlier state, see [`EarlierState::gap`](super::baseline::EarlierState::gap).
    pub(super) gap: u8,
}

impl Default for Previous {
    fn default() -> Self {
        Self {
            id: None,
            age: 0,
            gap: 1,
        }
    }
}

/// Encodes the id and the kind of a record.
pub(super) fn encode_start(
    encoder: &mut Encoder<'_>,
    models: &mut Models,
    names: &mut Names,
    previous: &mut Previous,
    id: EntityId,
    kind: RecordKind,
) -> bool {
    let Some(creator) = number_of(names, id.creator) else {
        return false;
    };
    models.more.encode(encoder, true);
    let last = previous.id.filter(|last| is_counted_alike(*last, id));
    models.is_counted_alike.encode(encoder, last.is_some());
    if let Some(last) = last {
        // Ids ascend.
        let skipped = id.number.wrapping_sub(last.number.wrapping_add(1));
        let context = NumberContext::default();
        models
            .skipped
            .encode(encoder, context, skipped.cast_signed());
    } else {
        encode_name(encoder, models, creator);
        for (model, byte) in models.number.iter_mut().zip(id.number.to_be_bytes()) {
            model.encode(encoder, byte);
        }
    }
    models.is_state.encode(encoder, kind == RecordKind::State);
    if kind != RecordKind::State {
        models.is_hidden.encode(encoder, kind == RecordKind::Hidden);
    }
    previous.id = Some(id);
    true
}

/// Decodes the id and the kind of the next record. Returns `None` if there is none.
pub(super) fn decode_start(
    decoder: &mut Decoder<'_>,
    models: &mut Models,
    names: &Names,
    previous: &mut Previous,
) -> Result<Option<(EntityId, RecordKind)>, DecodeError> {
    if !models.more.decode(decoder) {
        return Ok(None);
    }
    let id = if models.is_counted_alike.decode(decoder) {
        let last = previous.id.ok_or(DecodeError::Order)?;
        let from = last.number.checked_add(1).ok_or(DecodeError::Order)?;
        let context = NumberContext::default();
        let skipped = models.skipped.decode(decoder, context).cast_unsigned();
        let number = from.checked_add(skipped).ok_or(DecodeError::Order)?;
        EntityId { number, ..last }
    } else {
        let creator = creator_of(names, decode_name(decoder, models))?;
        let bytes = models.number.each_mut().map(|it| it.decode(decoder));
        let number = u32::from_be_bytes(bytes);
        EntityId { creator, number }
    };
    if previous.id.is_some_and(|last| last >= id) {
        return Err(DecodeError::Order);
    }
    previous.id = Some(id);
    let kind = if models.is_state.decode(decoder) {
        RecordKind::State
    } else if models.is_hidden.decode(decoder) {
        RecordKind::Hidden
    } else {
        RecordKind::Register
    };
    Ok(Some((id, kind)))
}

/// Returns whether one creator has counted both entities, and they have the same rules. Their numbers are
/// close to each other then.
fn is_counted_alike(a: EntityId, b: EntityId) -> bool {
    a.creator == b.creator && group(a.number) == group(b.number)
}
