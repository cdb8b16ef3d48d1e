//! Mistakes in a game that let its players' simulations differ.

use std::collections::BTreeSet;

use bevy::prelude::*;
use huddle_session::Tick;
use thiserror::Error;

use crate::rollback::{tools::difference::StateDifference, world::RollbackId};

/// A mistake in the game that lets the players' simulations differ, sooner or later. The log contains it as well,
/// and each one is reported once.
///
/// [`LocalData`](Self::LocalData) and [`UnregisteredResource`](Self::UnregisteredResource) are found in every match,
/// if Bevy's `debug` feature is enabled. The others are found by the
/// [sync test](crate::rollback::RollbackPlugin::sync_test).
#[derive(Event, Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SimulationProblem {
    /// A system of the simulation uses something that differs between the players.
    #[error(
        "the system `{system}` of the simulation uses `{data}`, which differs between the players: {instead}"
    )]
    LocalData {
        /// The name of the system. It needs Bevy's `debug` feature.
        system: String,
        /// The component or resource.
        data: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// A system of the simulation can change a resource that is not registered.
    #[error(
        "the system `{system}` of the simulation changes `{resource}`, but a rollback does not restore it, because it is \
         not registered: add `.rollback_resource::<{resource}>()`, or change it outside of `RollbackUpdate`"
    )]
    UnregisteredResource {
        /// The name of the system.
        system: String,
        /// The name of the resource.
        resource: String,
    },
    /// The simulation has changed a component that is not registered.
    #[error(
        "the simulation has changed `{component}` of entity {} in tick {tick}, but a rollback does not restore it, \
         because it is not registered: add `.rollback_component::<{component}>()`, or change it outside of \
         `RollbackUpdate`",
        entity.get()
    )]
    UnregisteredComponent {
        /// The name of the component. It needs Bevy's `debug` feature.
        component: String,
        /// The first entity.
        entity: RollbackId,
        /// The tick whose simulation changed it.
        tick: Tick,
    },
    /// Something outside of the simulation has changed the state of the match: it has spawned or despawned an entity
    /// with `Rollback`, or changed a registered component or resource.
    #[error(
        "something outside of `RollbackUpdate` has changed the state of the match before tick {tick}, so the players' \
         states differ. Let a system of `RollbackUpdate` do it. From the end of the last step to the next one:\n{difference}"
    )]
    ChangedOutside {
        /// The tick that is simulated next.
        tick: Tick,
        /// What has changed: from the end of the last step to the start of the next one.
        difference: StateDifference,
    },
}

impl SimulationProblem {
    /// Returns a text that is the same for the same mistake.
    fn key(&self) -> String {
        match self {
            Self::LocalData { system, data, .. } => format!("{system} uses {data}"),
            Self::UnregisteredResource { resource, .. } => format!("{resource} is changed"),
            Self::UnregisteredComponent { component, .. } => format!("{component} is changed"),
            Self::ChangedOutside { difference, .. } => difference.type_names(),
        }
    }
}

/// The mistakes that were found.
#[derive(Resource, Debug, Default)]
struct Problems {
    /// What was found in this step.
    new: Vec<SimulationProblem>,
    known: BTreeSet<String>,
}

/// The maximum number of mistakes that are reported.
const MAX_KNOWN: usize = 64;

/// Notes a mistake. [`report_problems`] reports it, unless the same one was reported before.
pub(super) fn note_problem(world: &mut World, problem: SimulationProblem) {
    let mut problems = world.get_resource_or_init::<Problems>();
    if problems.known.len() < MAX_KNOWN && problems.known.insert(problem.key()) {
        problems.new.push(problem);
    }
}

/// Triggers the new mistakes, after a step.
pub(crate) fn report_problems(world: &mut World) {
    let Some(mut problems) = world.get_resource_mut::<Problems>() else {
        return;
    };
    for problem in std::mem::take(&mut problems.new) {
        log::error!("{problem}");
        world.trigger(problem);
    }
}
