//! What the worlds and the measurements need of a library.

use bevy::{
    ecs::{component::Mutable, schedule::ScheduleLabel},
    prelude::*,
};
use serde::Serialize;

/// The number of ticks that a rollback simulates again.
pub(crate) const WINDOW: u32 = 8;

/// Simulates a tick in worlds that bevy_ggrs does not control.
#[derive(ScheduleLabel, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Advance;

/// A measured operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Simulates a tick and loads the first state.
    AdvanceAndLoad,
    /// Simulates a tick and saves it in place of the first state.
    AdvanceAndSave,
    /// Loads the oldest state, then simulates and saves [`WINDOW`] ticks. The next rollback starts a
    /// tick later.
    Rollback,
}

/// How a library marks and despawns the entities that take part in rollbacks.
pub(crate) trait Entities: 'static {
    type Marker: Component + Default;

    /// Despawns an entity in a way that a rollback can undo.
    fn despawn(entity: &mut EntityCommands);
}

/// Registers the components of a world.
pub(crate) trait Registry {
    /// Registers plain data.
    fn copied<T>(&mut self)
    where
        T: Component<Mutability = Mutable> + Copy + PartialEq + Serialize;

    /// Registers data on the heap.
    fn cloned<T>(&mut self)
    where
        T: Component<Mutability = Mutable> + Clone + PartialEq + Serialize;

    /// Registers the relationship that both libraries always save.
    fn parents(&mut self) {}
}

/// A world that is measured.
pub(crate) trait Game: 'static {
    fn register(registry: &mut impl Registry);
    fn add_systems<E: Entities>(app: &mut App, schedule: impl ScheduleLabel);
    fn spawn<E: Entities>(commands: &mut Commands);
}

/// A world together with what saves it.
pub(crate) trait Subject {
    fn new<G: Game>(operation: Operation) -> Self;
    fn run(&mut self);
}
