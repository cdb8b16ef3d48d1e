mod hosts;
mod operations;
mod properties;
mod registers;
mod room;

use std::time::Duration;

use huddle_id::PeerId;

use super::*;
use crate::id::EntityId;

const MS: Duration = Duration::from_millis(1);
const START: Duration = Duration::from_secs(10);

/// The creator of [`entity`].
const A: PeerId = PeerId::from_u128(1);
const B: PeerId = PeerId::from_u128(2);
const C: PeerId = PeerId::from_u128(3);

fn entity() -> EntityId {
    EntityId::spawned(A, 0)
}

fn ownership(local: PeerId, policy: Policy) -> Ownership {
    Ownership::new(local, Rules::new(entity(), policy))
}

/// Returns how the claims of an outcome ended.
fn ends(outcome: &Outcome) -> Vec<ClaimEnd> {
    outcome.ended.iter().map(|ended| ended.end).collect()
}

fn refused(refusal: Refusal) -> Vec<ClaimEnd> {
    vec![ClaimEnd::Refused(refusal)]
}

/// Delivers the register of one peer to another.
fn deliver(from: &Ownership, to: &mut Ownership, now: Duration) -> (Reaction, Outcome) {
    to.receive(from.local, from.register(), now)
}
