//! The commands that claim entities and give them away.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::{EntityError, SnapshotSession, id::EntityId};

use crate::{
    receive::apply::trigger::trigger,
    replication::{
        components::ReplicationId,
        events::{ReplicationError, ReplicationFailed},
    },
    room::link::RoomLink,
};

/// Adds commands about the ownership of a replicated entity to [`EntityCommands`].
///
/// A claim ends with exactly one [`ClaimEnded`](crate::replication::ClaimEnded). An invalid
/// command triggers [`ReplicationFailed`] and changes nothing.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{prelude::*, replication::*};
///
/// #[derive(Component)]
/// struct Crate;
///
/// fn grab(crates: Query<Entity, (With<Crate>, Without<LocallyOwned>)>, mut commands: Commands) {
///     if let Some(entity) = crates.iter().next() {
///         commands.entity(entity).hold();
///     }
/// }
///
/// fn on_ended(ended: On<ClaimEnded>) {
///     match ended.end {
///         ClaimEnd::Granted => println!("it is mine"),
///         ClaimEnd::Refused(reason) => println!("{reason}"),
///         ClaimEnd::Overruled(_) => println!("another player was faster"),
///     }
/// }
/// # App::new().add_observer(on_ended);
/// # bevy::ecs::system::assert_is_system(grab);
/// ```
pub trait OwnershipCommandsExt {
    /// Claims the entity in the way that its
    /// [`OwnershipPolicy`](crate::replication::OwnershipPolicy) provides: a request to the owner, or a
    /// touch.
    fn claim(&mut self) -> &mut Self;

    /// Claims the entity because one of the local peer's entities touches it. Call it in each tick of a
    /// contact: it does nothing if the local peer owns the entity.
    fn touch(&mut self) -> &mut Self;

    /// Takes the entity and locks it against touches until [`release`](Self::release).
    fn hold(&mut self) -> &mut Self;

    /// Ends a [`hold`](Self::hold). The local peer stays the owner until another peer touches the
    /// entity.
    fn release(&mut self) -> &mut Self;

    /// Transfers an entity that the local peer owns to another peer.
    fn give(&mut self, peer_id: PeerId) -> &mut Self;
}

impl OwnershipCommandsExt for EntityCommands<'_> {
    fn claim(&mut self) -> &mut Self {
        operate(self, |session, id| session.claim(id))
    }

    fn touch(&mut self) -> &mut Self {
        operate(self, |session, id| match session.owner(id) {
            Some(owner) if owner == session.local() => Ok(()),
            _ => session.touch(id),
        })
    }

    fn hold(&mut self) -> &mut Self {
        operate(self, |session, id| session.hold(id))
    }

    fn release(&mut self) -> &mut Self {
        operate(self, |session, id| session.release(id))
    }

    fn give(&mut self, peer_id: PeerId) -> &mut Self {
        operate(self, move |session, id| session.give(id, peer_id))
    }
}

fn operate<'a, 'w>(
    commands: &'a mut EntityCommands<'w>,
    operation: impl FnOnce(&mut SnapshotSession, EntityId) -> Result<(), EntityError> + Send + 'static,
) -> &'a mut EntityCommands<'w> {
    let entity = commands.id();
    commands.commands().queue(move |world: &mut World| {
        let error = match world.get::<ReplicationId>(entity).copied() {
            None => ReplicationError::NotReplicated,
            Some(ReplicationId { id, room }) => {
                let Some(mut link) = world.get_mut::<RoomLink>(room) else {
                    return;
                };
                match operation(&mut link.snapshots, id) {
                    Ok(()) => return,
                    Err(error) => error.into(),
                }
            }
        };
        log::warn!("a command about {entity} has no effect: {error}");
        trigger(world, ReplicationFailed { entity, error });
    });
    commands
}
