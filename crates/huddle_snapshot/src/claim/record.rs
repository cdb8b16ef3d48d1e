//! The comparison of a received register with the local one.

use std::cmp::Ordering;

use huddle_id::PeerId;

use super::register::Register;

/// What a peer does with a record, by the register of the record.
///
/// In each case, the values of the record can serve as a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// The register of the record is greater: adopt it if the [rules](super::Rules) allow it.
    Newer,
    /// The owner sent the record: take the values.
    FromOwner,
    /// The registers are equal, and the record is not from the owner: ignore the values.
    NotFromOwner,
    /// The register of the record is less: ignore the values, and answer with the local register
    /// until the sender acknowledges it.
    Older,
}

/// Compares the register of a record with the local register.
pub fn compare(record: Register, local: Register, from: PeerId) -> Comparison {
    match record.cmp(&local) {
        Ordering::Greater => Comparison::Newer,
        Ordering::Less => Comparison::Older,
        Ordering::Equal if record.owner() == Some(from) => Comparison::FromOwner,
        Ordering::Equal => Comparison::NotFromOwner,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::register::Claim, *};
    use crate::id::EntityId;

    const OWNER: PeerId = PeerId::from_u128(1);
    const OTHER: PeerId = PeerId::from_u128(2);

    #[test]
    fn greater_register_wins() {
        let entity = EntityId::spawned(OWNER, 0);
        let start = Claim::initial(entity);
        let touched = Register::Alive(start.touched(entity, OTHER));
        let start = Register::Alive(start);
        assert_eq!(compare(touched, start, OTHER), Comparison::Newer);
        assert_eq!(compare(start, touched, OWNER), Comparison::Older);
    }

    #[test]
    fn values_count_only_from_the_owner() {
        let start = Register::initial(EntityId::spawned(OWNER, 0));
        assert_eq!(compare(start, start, OWNER), Comparison::FromOwner);
        assert_eq!(compare(start, start, OTHER), Comparison::NotFromOwner);
    }

    #[test]
    fn despawned_entity_has_no_values() {
        let dead = Register::Dead;
        assert_eq!(compare(dead, dead, OWNER), Comparison::NotFromOwner);
    }
}
