//! The encoding of registers, and of the peers that they name.

use super::{error::DecodeError, models::Models, names::Names};
use crate::{
    claim::{Claim, ClaimKind, Register},
    entropy::{Decoder, Encoder},
    id::{Creator, EntityId},
};

/// The number of the creator of placed entities. The numbers of peers follow.
const PLACED: usize = 0;

pub(super) fn number_of(names: &mut Names, creator: Creator) -> Option<usize> {
    match creator {
        Creator::Placed => Some(PLACED),
        Creator::Peer(peer) => Some(names.number(peer)? + 1),
    }
}

pub(super) fn creator_of(names: &Names, number: usize) -> Result<Creator, DecodeError> {
    match number.checked_sub(1) {
        None => Ok(Creator::Placed),
        Some(number) => names
            .peer(number)
            .map(Creator::Peer)
            .ok_or(DecodeError::UnknownPeer),
    }
}

/// The number of a name in two bytes.
pub(super) fn encode_name(encoder: &mut Encoder<'_>, models: &mut Models, number: usize) {
    for byte in (number as u16).to_be_bytes() {
        models.name.encode(encoder, byte);
    }
}

pub(super) fn decode_name(decoder: &mut Decoder<'_>, models: &mut Models) -> usize {
    let bytes = [(); 2].map(|()| models.name.decode(decoder));
    u16::from_be_bytes(bytes).into()
}

/// Encodes a register. Returns `false` if its owner has no number.
pub(super) fn encode_register(
    encoder: &mut Encoder<'_>,
    models: &mut Models,
    names: &mut Names,
    id: EntityId,
    register: Register,
) -> bool {
    let is_initial = register == Register::initial(id);
    models.is_initial.encode(encoder, is_initial);
    if is_initial {
        return true;
    }
    models.is_dead.encode(encoder, register.is_dead());
    let Register::Alive(claim) = register else {
        return true;
    };
    // A claim without an owner is the initial one.
    let Some(owner) = claim.owner().and_then(|owner| names.number(owner)) else {
        return false;
    };
    models.claim.encode(encoder, claim.kind() as u8);
    models.counter.encode_long(encoder, claim.hold());
    models.counter.encode_long(encoder, claim.touch());
    encode_name(encoder, models, owner);
    true
}

const CLAIM_KINDS: [ClaimKind; 5] = [
    ClaimKind::Spawned,
    ClaimKind::Inherited,
    ClaimKind::Released,
    ClaimKind::Given,
    ClaimKind::Held,
];

pub(super) fn decode_register(
    decoder: &mut Decoder<'_>,
    models: &mut Models,
    names: &Names,
    id: EntityId,
) -> Result<Register, DecodeError> {
    if models.is_initial.decode(decoder) {
        return Ok(Register::initial(id));
    }
    if models.is_dead.decode(decoder) {
        return Ok(Register::Dead);
    }
    let kind = usize::from(models.claim.decode(decoder));
    let kind = *CLAIM_KINDS.get(kind).ok_or(DecodeError::OutOfRange)?;
    let mut counter = || {
        models
            .counter
            .decode_long(decoder)
            .ok_or(DecodeError::OutOfRange)
    };
    let (hold, touch) = (counter()?, counter()?);
    let owner = names.peer(decode_name(decoder, models));
    let owner = owner.ok_or(DecodeError::UnknownPeer)?;
    let claim = Claim::new(id, kind, hold, touch, Some(owner));
    claim
        .map(Register::Alive)
        .map_err(|_| DecodeError::OutOfRange)
}
