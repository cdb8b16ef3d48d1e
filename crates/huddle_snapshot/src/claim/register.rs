//! The register: who owns an entity, and whether it still exists.

use huddle_id::PeerId;

use crate::id::{Creator, EntityId};

/// How the owner of a claim got the entity. At the same [hold](Claim::hold), a later variant wins.
///
/// An owner's own decision beats an inheritance, because the peer that inherits is wrong about the
/// owner being gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// The owner spawned the entity, or is the first owner of a placed entity.
    Spawned,
    /// The previous owner was gone, or is no longer the host.
    Inherited,
    /// The owner let go of a hold. It stays the owner until another peer touches the entity.
    Released,
    /// The previous owner gave the entity away.
    Given,
    /// The owner holds the entity. Touches cannot take it.
    Held,
}

/// A statement about who owns an entity. The greater of two claims wins.
///
/// Claims order by hold, kind, touch, rank and owner, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    // The derived order is the order of the protocol: do not reorder the fields.
    hold: u64,
    kind: ClaimKind,
    touch: u64,
    /// The [rank](EntityId::rank) of the owner, or 0.
    rank: u64,
    owner: Option<PeerId>,
}

/// The ownership and the existence of an entity, as one peer knows them.
///
/// The greater of two registers wins. `Dead` is greater than every claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Register {
    // The derived order is the order of the protocol: do not reorder the variants.
    /// The entity exists, and this is the winning claim.
    Alive(Claim),
    /// The entity was despawned. Who owned it does not matter any more, so all peers that know of
    /// the despawn have equal registers.
    Dead,
}

/// A claim that no peer can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaim {
    /// A claim of the kind [`Spawned`](ClaimKind::Spawned) has hold 0, and no other claim has.
    #[error("a claim has hold {hold} and kind {kind:?}; exactly the kind Spawned must have hold 0")]
    Hold {
        /// The hold of the claim.
        hold: u64,
        /// The kind of the claim.
        kind: ClaimKind,
    },
    /// A hold that was touched.
    #[error(
        "a claim of the kind Held has touch {0}, but touches cannot take a held entity; send touch 0"
    )]
    TouchedHold(u64),
    /// A claim without an owner that is not the first claim of a placed entity.
    #[error("a claim has no owner; only the first claim of a placed entity may have none")]
    NoOwner,
    /// The first claim of a spawned entity names another owner than its creator.
    #[error("the first claim of {entity} names {owner} as the owner; it must name the creator")]
    NotCreator {
        /// The entity.
        entity: EntityId,
        /// The owner in the claim.
        owner: PeerId,
    },
}

impl Claim {
    /// Creates a claim from its parts, for example from a decoded record.
    ///
    /// # Errors
    ///
    /// Returns an error if no peer can make this claim for the entity.
    pub fn new(
        entity: EntityId,
        kind: ClaimKind,
        hold: u64,
        touch: u64,
        owner: Option<PeerId>,
    ) -> Result<Self, InvalidClaim> {
        if (kind == ClaimKind::Spawned) != (hold == 0) {
            return Err(InvalidClaim::Hold { hold, kind });
        }
        if kind == ClaimKind::Held && touch > 0 {
            return Err(InvalidClaim::TouchedHold(touch));
        }
        let is_first = kind == ClaimKind::Spawned && touch == 0;
        match (owner, entity.creator) {
            (None, Creator::Placed) if is_first => {}
            (None, _) => return Err(InvalidClaim::NoOwner),
            (Some(owner), Creator::Peer(creator)) if is_first && owner != creator => {
                return Err(InvalidClaim::NotCreator { entity, owner });
            }
            (Some(_), _) => {}
        }
        Ok(Self::unchecked(entity, kind, hold, touch, owner))
    }

    pub(super) fn unchecked(
        entity: EntityId,
        kind: ClaimKind,
        hold: u64,
        touch: u64,
        owner: Option<PeerId>,
    ) -> Self {
        Self {
            hold,
            kind,
            touch,
            rank: owner.map_or(0, |owner| entity.rank(owner)),
            owner,
        }
    }

    /// Returns the claim that every peer knows without receiving it. The creator owns a spawned
    /// entity, and nobody owns a placed entity.
    pub fn initial(entity: EntityId) -> Self {
        let owner = match entity.creator {
            Creator::Placed => None,
            Creator::Peer(creator) => Some(creator),
        };
        Self::unchecked(entity, ClaimKind::Spawned, 0, 0, owner)
    }

    /// Returns the claim of the first owner of a placed entity. It raises no counter, so that it
    /// loses against every claim of a room that has played for a while.
    pub(super) fn first(entity: EntityId, owner: PeerId) -> Self {
        Self::unchecked(entity, ClaimKind::Spawned, 0, 0, Some(owner))
    }

    /// Returns the claim of a peer that touches the entity.
    pub(super) fn touched(&self, entity: EntityId, owner: PeerId) -> Self {
        let touch = self.touch.saturating_add(1);
        Self::unchecked(entity, self.kind, self.hold, touch, Some(owner))
    }

    /// Returns the claim that raises the hold and has a new owner. Its kind is not
    /// [`Spawned`](ClaimKind::Spawned).
    pub(super) fn raised(&self, entity: EntityId, kind: ClaimKind, owner: PeerId) -> Self {
        let hold = self.hold.saturating_add(1);
        Self::unchecked(entity, kind, hold, 0, Some(owner))
    }

    /// Returns how the owner got the entity, apart from touches.
    pub const fn kind(&self) -> ClaimKind {
        self.kind
    }

    /// Returns the number of claims that touches could not win: holds, releases, gifts and
    /// inheritances.
    pub const fn hold(&self) -> u64 {
        self.hold
    }

    /// Returns the number of touches since the hold was raised.
    pub const fn touch(&self) -> u64 {
        self.touch
    }

    /// Returns the owner. Only a placed entity that no peer has claimed has none.
    pub const fn owner(&self) -> Option<PeerId> {
        self.owner
    }

    /// Returns `true` if touches cannot take the entity.
    pub const fn is_held(&self) -> bool {
        matches!(self.kind, ClaimKind::Held)
    }
}

impl Register {
    /// Returns the register that every peer knows without receiving it. See [`Claim::initial`].
    pub fn initial(entity: EntityId) -> Self {
        Self::Alive(Claim::initial(entity))
    }

    /// Combines the knowledge of two peers. The result does not depend on the order of joins, nor on
    /// how often a register is joined.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }

    /// Returns `true` if the entity was despawned.
    pub const fn is_dead(&self) -> bool {
        matches!(self, Self::Dead)
    }

    /// Returns the winning claim, unless the entity was despawned.
    pub const fn claim(&self) -> Option<Claim> {
        match self {
            Self::Alive(claim) => Some(*claim),
            Self::Dead => None,
        }
    }

    /// Returns the owner of the winning claim.
    pub const fn owner(&self) -> Option<PeerId> {
        match self {
            Self::Alive(claim) => claim.owner,
            Self::Dead => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u128) -> PeerId {
        PeerId::from_u128(n)
    }

    fn entity() -> EntityId {
        EntityId::spawned(peer(1), 3)
    }

    #[test]
    fn spawned_entity_starts_with_its_creator() {
        let claim = Claim::initial(entity());
        assert_eq!(claim.owner(), Some(peer(1)));
        assert_eq!((claim.hold(), claim.touch()), (0, 0));
        assert!(!claim.is_held());
    }

    #[test]
    fn placed_entity_starts_without_an_owner() {
        assert_eq!(Register::initial(EntityId::placed(3)).owner(), None);
    }

    #[test]
    fn first_owner_of_a_placed_entity_loses_to_every_counted_claim() {
        let placed = EntityId::placed(3);
        let nobody = Claim::initial(placed);
        let touched = nobody.touched(placed, peer(2));
        for other in 3..30 {
            let first = Claim::first(placed, peer(other));
            assert!(first > nobody);
            assert!(first < touched);
        }
    }

    #[test]
    fn hold_beats_any_number_of_touches() {
        let mut touched = Claim::initial(entity());
        for _ in 0..100 {
            touched = touched.touched(entity(), peer(2));
        }
        let held = Claim::initial(entity()).raised(entity(), ClaimKind::Held, peer(3));
        assert!(held > touched);
        assert!(held.raised(entity(), ClaimKind::Released, peer(3)) > held);
    }

    #[test]
    fn raised_hold_starts_without_touches() {
        let touched = Claim::initial(entity()).touched(entity(), peer(2));
        let given = touched.raised(entity(), ClaimKind::Given, peer(3));
        assert_eq!((given.hold(), given.touch()), (1, 0));
    }

    #[test]
    fn decision_of_the_owner_beats_an_inheritance() {
        let start = Claim::initial(entity());
        let inherited = start.raised(entity(), ClaimKind::Inherited, peer(2));
        for kind in [ClaimKind::Released, ClaimKind::Given, ClaimKind::Held] {
            assert!(start.raised(entity(), kind, peer(3)) > inherited);
        }
    }

    #[test]
    fn rank_settles_equal_claims() {
        let start = Claim::initial(entity());
        for (a, b) in [(2, 3), (4, 9), (7, 5)] {
            let (a, b) = (peer(a), peer(b));
            let a_wins = start.touched(entity(), a) > start.touched(entity(), b);
            assert_eq!(a_wins, entity().rank(a) > entity().rank(b));
        }
    }

    #[test]
    fn despawn_beats_every_claim() {
        let dead = Register::Dead;
        let claim = Claim::new(entity(), ClaimKind::Held, u64::MAX, 0, Some(peer(2)));
        let alive = Register::Alive(claim.unwrap());
        assert_eq!(alive.join(dead), dead);
        assert_eq!(dead.join(alive), dead);
    }

    #[test]
    fn impossible_claims_are_rejected() {
        use ClaimKind::*;
        let placed = EntityId::placed(1);
        let owner = Some(peer(2));
        let new = Claim::new;
        let hold = |hold, kind| InvalidClaim::Hold { hold, kind };
        assert_eq!(new(placed, Spawned, 1, 0, owner), Err(hold(1, Spawned)));
        assert_eq!(new(placed, Given, 0, 0, owner), Err(hold(0, Given)));
        let touched = InvalidClaim::TouchedHold(1);
        assert_eq!(new(placed, Held, 1, 1, owner), Err(touched));
        for (kind, hold, touch) in [(Spawned, 0, 1), (Given, 1, 0), (Held, 1, 0)] {
            let claim = new(placed, kind, hold, touch, None);
            assert_eq!(claim, Err(InvalidClaim::NoOwner));
        }
        let unowned = new(entity(), Spawned, 0, 0, None);
        assert_eq!(unowned, Err(InvalidClaim::NoOwner));
        let not_creator = InvalidClaim::NotCreator {
            entity: entity(),
            owner: peer(2),
        };
        assert_eq!(new(entity(), Spawned, 0, 0, owner), Err(not_creator));
    }

    #[test]
    fn all_possible_claims_can_be_rebuilt_from_their_parts() {
        let placed = EntityId::placed(1);
        let first = Claim::first(placed, peer(2));
        let touched = first.touched(placed, peer(3));
        let given = touched.raised(placed, ClaimKind::Given, peer(4));
        let held = given.raised(placed, ClaimKind::Held, peer(4));
        for claim in [Claim::initial(placed), first, touched, given, held] {
            let (kind, hold, touch) = (claim.kind(), claim.hold(), claim.touch());
            let rebuilt = Claim::new(placed, kind, hold, touch, claim.owner());
            assert_eq!(rebuilt, Ok(claim));
        }
    }
}
