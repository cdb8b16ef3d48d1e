//! The ownership of entities: claims that every peer decides alike, without a server and without
//! agreement.
//!
//! # The register
//!
//! Each peer keeps a [`Register`] per entity, and sends it with the records of the entity. When a
//! peer receives a register, it keeps the greater one. Registers order lexicographically:
//!
//! | field | raised by | meaning |
//! |---|---|---|
//! | dead | a despawn | the entity does not exist, and the other fields do not matter |
//! | hold | a hold, a release, a gift, an inheritance | counts the claims that beat every touch |
//! | kind | | which of these raised the hold ([`ClaimKind`]) |
//! | touch | a touch | counts the touches since the hold was raised |
//! | rank | | [the hash](crate::id::EntityId::rank) of entity and owner, which settles ties fairly |
//! | owner | | settles equal hashes |
//!
//! **Peers that have received the same registers agree.** The order is total, so the greater of two
//! registers is a join: commutative, associative and idempotent. The order of arrival, duplicates
//! and partitions do not matter. A peer resends its register to each peer until that peer
//! acknowledges it. After the last claim, all connected peers therefore get the greatest register.
//!
//! **A despawned entity never comes back**, because the dead register is greater than every claim. A
//! peer that leaves does not despawn its entities. The other peers *forget* them: they drop the
//! register, and start from the [initial one](Register::initial) when they receive the entity again.
//!
//! # Holds and releases
//!
//! A hold must be stronger than every touch, and a release must undo it without a step back in the
//! order. The kind of the claim achieves both:
//!
//! 1. A hold raises the hold and sets the kind [`Held`](ClaimKind::Held). It beats every touch of a
//!    peer that has not received it, because hold comes before touch.
//! 2. A claim of the kind `Held` with a touch is [invalid](InvalidClaim::TouchedHold). A peer that
//!    has received the hold therefore cannot take the entity by touch.
//! 3. A release raises the hold again and sets the kind [`Released`](ClaimKind::Released). From
//!    there, touches count up from zero.
//! 4. The kind comes directly after the hold in the order. It settles claims of different kinds that
//!    raise the same register at the same time.
//!
//! A release keeps the owner. The owner moves a thrown entity until another peer touches it, and
//! sends it to players that join later.
//!
//! # Entities without an owner
//!
//! A spawned entity always has an owner. A placed entity starts without one. It cannot start with the
//! host, because the initial register must be the same on every peer, and a peer that joins has not
//! received the host yet. The first owner raises no counter ([`Cause::First`]). A player who starts
//! the game alone and then joins a room therefore takes no entity that a peer of the room has
//! touched, held or inherited.
//!
//! # Trust
//!
//! Registers are not signed, and a peer cannot prove that it has inherited an entity, or that the
//! owner gave the entity to it. Whether the owner was gone has different answers in the two halves of
//! a partition. A peer that refused registers for this reason would never agree with the other half.
//! Therefore:
//!
//! | entity | what a hostile member of the room can do |
//! |---|---|
//! | [`Fixed`](Policy::Fixed) and [forgotten](OwnerGone::Forget) (the default) | nothing |
//! | [`Host`](Policy::Host) | nothing, unless it is the host |
//! | all others | claim, give away and despawn it |
//!
//! - **Hidden entities.** A peer can claim an entity that its owner hides from it, because it can guess the
//!   id. It becomes the owner without the values: a peer passes values on only to a new owner that could see
//!   them. The previous owner does not outbid the claim. Two honest owners that hide the entity from each
//!   other, for example after a partition, would outbid each other forever.
//! - **Forwarded registers.** A peer can answer with the register of another peer, and it has to,
//!   because the owner may have left. A hostile peer gains nothing from a register in another name: it
//!   can claim the entity in its own name. If the forged owner is in the room, it owns the entity and
//!   can give it away or let a peer take it. If it is not, an [heir](crate::heir) inherits the entity.
//! - **Senders.** The caller passes the authentic sender of each register. For a relayed record, the
//!   caller passes the owner for which the relay sends it, and thereby trusts the relay.
//! - **Counters.** A hostile peer cannot exhaust the counters and keep an entity for good. See
//!   [`MAX_JUMP`].
//! - **Repetition.** A hostile peer can claim an entity again and again. The caller limits the rate,
//!   and disconnects peers with many [illegal](RefusalCounters::illegal) registers.
//! - **Change of the host.** Each peer accepts claims and despawns of the peer that *it* regards as
//!   the host. A despawn of a former host reaches the new host as a
//!   [proposal](Reaction::DespawnProposed), because the new host cannot verify that the sender was the
//!   host of another half of a partition. If the new host declines, the entity stays despawned on the
//!   peers that have accepted the despawn.
//!
//! # The decisions of one peer
//!
//! An [`Ownership`] contains the register of one entity and the claim of the local peer that is
//! under way. Every claim ends in exactly one [`ClaimEnd`].

mod jump;
mod operations;
mod outcome;
mod ownership;
mod policy;
mod receive;
mod record;
mod register;
#[cfg(test)]
mod tests;

pub use self::{
    jump::{MAX_JUMP, is_too_far, step},
    operations::{REQUEST_TIMEOUT, SETTLE_TIME},
    outcome::{
        Cause, ClaimEnd, ClaimEnded, Operation, Outcome, OwnerError, OwnershipChanged, Reaction,
        Refusal, RequestDecision,
    },
    ownership::{Ownership, RefusalCounters, TOUCH_COOLDOWN},
    policy::{ClaimError, OwnerGone, Policy, Rules},
    record::{Comparison, compare},
    register::{Claim, ClaimKind, InvalidClaim, Register},
};
