//! The components of replicated entities.

use std::collections::BTreeSet;

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::{
    claim::{OwnerGone, Policy},
    id::EntityId,
};

/// Marks an entity that every peer in the room sees.
///
/// Insert it together with the other components, on the peer that owns the entity. The other peers
/// then spawn an entity with all of the [registered](crate::replication::ReplicationAppExt)
/// components that it has, and follow their changes. Removing the marker, or despawning the entity,
/// despawns it on the other peers.
///
/// An entity can be replicated before a room is joined. It then enters the next room.
///
/// The entity of the [local peer](crate::LocalPeer) is always replicated: a registered component on it
/// appears on this peer's entity on the other machines.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{prelude::*, replication::*};
///
/// #[derive(Component, Clone, Default, PartialEq)]
/// struct Ball(Vec2);
///
/// fn add(app: &mut App) {
///     app.replicate_with::<Ball>("ball", |rule| {
///         rule.vec2(|ball| ball.0, |ball, at| ball.0 = at, within(640.0).step(0.05))
///     });
/// }
///
/// fn throw(mut commands: Commands) {
///     commands.spawn((Replicated, Ball(Vec2::ZERO)));
/// }
/// # bevy::ecs::system::assert_is_system(throw);
/// ```
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct Replicated;

/// The id of a replicated entity. The plugin inserts it when the entity enters a room.
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable, clone_behavior = Ignore)]
pub struct ReplicationId {
    /// The id, which is the same on every peer.
    pub id: EntityId,
    /// The room entity of the local app.
    pub room: Entity,
}

/// The peer that owns a replicated entity, and whose values the other peers see. The plugin inserts
/// and changes it. An entity of the level has none until a peer claims it.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable, clone_behavior = Ignore)]
pub struct Owner(pub PeerId);

/// Marks a replicated entity that the local peer owns. Only the owner changes the replicated
/// components of an entity. The next received value overwrites the changes of another peer.
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(clone_behavior = Ignore)]
pub struct LocallyOwned;

/// How other peers can get the ownership of an entity. Insert it together with [`Replicated`]. It
/// cannot change later. The entity has it on every peer.
///
/// | policy | another peer becomes the owner | when the owner leaves |
/// |---|---|---|
/// | `Fixed` | never | the entity leaves, too |
/// | `OnRequest` | when it [claims](crate::replication::OwnershipCommandsExt::claim) the entity and the owner agrees | a peer inherits it |
/// | `ByTouch` | immediately, when it [touches](crate::replication::OwnershipCommandsExt::touch) or [holds](crate::replication::OwnershipCommandsExt::hold) the entity | a peer inherits it |
/// | `Host` | when it becomes the host | the next host owns it |
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub enum OwnershipPolicy {
    /// The entity keeps its owner.
    #[default]
    Fixed,
    /// The owner decides about requests.
    OnRequest,
    /// The last peer that touched the entity owns it.
    ByTouch,
    /// The host owns the entity.
    Host,
}

impl From<Policy> for OwnershipPolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Fixed => Self::Fixed,
            Policy::OnRequest => Self::OnRequest,
            Policy::ByTouch => Self::ByTouch,
            Policy::Host => Self::Host,
        }
    }
}

impl OwnershipPolicy {
    pub(super) const fn policy(self) -> Policy {
        match self {
            Self::Fixed => Policy::Fixed,
            Self::OnRequest => Policy::OnRequest,
            Self::ByTouch => Policy::ByTouch,
            Self::Host => Policy::Host,
        }
    }
}

/// What happens to an entity whose owner leaves the room, if it differs from the default of its
/// [`OwnershipPolicy`]. Insert it together with [`Replicated`]. It cannot change later.
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub enum OnOwnerLeft {
    /// The entity leaves with its owner.
    Despawn,
    /// Another peer becomes the owner.
    PassOn,
}

impl From<OwnerGone> for OnOwnerLeft {
    fn from(owner_gone: OwnerGone) -> Self {
        match owner_gone {
            OwnerGone::Forget => Self::Despawn,
            OwnerGone::PassOn => Self::PassOn,
        }
    }
}

impl OnOwnerLeft {
    pub(super) const fn rule(self) -> OwnerGone {
        match self {
            Self::Despawn => OwnerGone::Forget,
            Self::PassOn => OwnerGone::PassOn,
        }
    }
}

/// The peers that see an entity. Only the owner's component counts. Without it, every peer sees the
/// entity.
///
/// The values of a hidden entity never leave the machine of its owner. A peer that guesses the id can still
/// find out that the entity exists. An entity with [`OwnershipPolicy::Host`] cannot be hidden.
///
/// The component is not replicated. A peer that becomes the owner of an entity which was hidden from some
/// peers, and has no `VisibleTo` for it, receives `Only` without peers: nobody else sees the entity until the
/// game changes that.
#[derive(Component, Reflect, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub enum VisibleTo {
    /// Every peer.
    #[default]
    All,
    /// Only these peers.
    Only(BTreeSet<PeerId>),
    /// Every peer except these.
    Except(BTreeSet<PeerId>),
}

impl VisibleTo {
    pub(super) fn visibility(&self) -> huddle_snapshot::Visibility {
        match self {
            Self::All => huddle_snapshot::Visibility::All,
            Self::Only(peers) => huddle_snapshot::Visibility::Only(peers.clone()),
            Self::Except(peers) => huddle_snapshot::Visibility::Except(peers.clone()),
        }
    }
}

/// How important the current values of an entity are to the other peers, if not everything fits into
/// the budget of their links. Only the owner's component counts. The default is 1. An entity with
/// importance 2 is sent twice as often. The range is 0.01 to 100.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct Importance(pub f32);

impl Default for Importance {
    fn default() -> Self {
        Self(1.0)
    }
}

/// Identifies an entity of the level, which every peer spawns itself, with the same number and the same
/// replicated components. Insert it together with [`Replicated`]. It cannot change later.
///
/// It needs the policy [`ByTouch`](OwnershipPolicy::ByTouch) or [`Host`](OwnershipPolicy::Host). Nobody
/// owns an entity with `ByTouch` until the first touch, and all peers see the values with which they
/// spawned it. On a peer that loads the level late, the entity takes its current values.
///
/// The number is below 2^28.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable, clone_behavior = Ignore)]
pub struct PlacedId(pub u32);

/// Marks the entity of a peer. The entity of the local peer has the component, too.
#[derive(Component, Clone, Copy, Default)]
#[component(clone_behavior = Ignore)]
pub(crate) struct PeerEntity;

/// Marks an entity that could not enter the room. [`ReplicationFailed`](super::ReplicationFailed)
/// contains the reason. The
/// plugin tries again when `Replicated` is removed and inserted.
#[derive(Component)]
pub(crate) struct NotReplicated;
