//! Checks the systems of the simulation when Bevy builds their schedule.

use std::{any::TypeId, iter};

use bevy::{
    ecs::{
        query::Access,
        schedule::{
            AmbiguousSystemConflictsWarning, ApplyDeferred, ConflictingSystems,
            FlattenedDependencies, NodeId, ScheduleBuildError, ScheduleBuildPass,
            ScheduleBuildWarning, ScheduleGraph, SystemKey, SystemSetKey, graph::DiGraph,
        },
        system::System,
    },
    platform::hash::FixedHasher,
    prelude::*,
};
use indexmap::IndexSet;

use crate::rollback::{
    game::store::with_store,
    tools::{
        access::{local_data, unregistered_resources},
        problem::{SimulationProblem, note_problem},
    },
};

/// Finds systems that use data which differs between the players, and systems with commands that have no order.
///
/// Also finds systems that change resources which a rollback does not restore. Bevy itself finds systems without an
/// order that access the same data.
#[derive(Debug)]
pub(crate) struct BuildChecks {
    /// Whether the systems run again in a rollback.
    pub(crate) is_resimulated: bool,
}

impl ScheduleBuildPass for BuildChecks {
    type EdgeOptions = ();

    fn add_dependency(&mut self, _: NodeId, _: NodeId, _: Option<&()>) {}

    fn collapse_set(
        &mut self,
        _: SystemSetKey,
        _: &IndexSet<SystemKey, FixedHasher>,
        _: &DiGraph<NodeId>,
    ) -> impl Iterator<Item = (NodeId, NodeId)> {
        iter::empty()
    }

    fn build(
        &mut self,
        world: &mut World,
        graph: &mut ScheduleGraph,
        dependencies: FlattenedDependencies<'_>,
    ) -> Result<(), ScheduleBuildError> {
        self.check_access(world, graph);
        refuse_unordered_commands(graph, dependencies)
    }
}

impl BuildChecks {
    fn check_access(&self, world: &mut World, graph: &mut ScheduleGraph) {
        let keys: Vec<_> = graph.systems.iter().map(|(key, ..)| key).collect();
        for key in keys {
            let Some(system) = graph.systems.get_mut(key) else {
                continue;
            };
            // The access of a system is private to Bevy. It is the same if a system is initialized again, but that
            // forgets when the system ran last.
            let last_run = system.get_last_run();
            let access = system.initialize(world);
            system.set_last_run(last_run);
            let name = system.name().to_string();
            self.note(world, name, access.combined_access());
        }
    }

    fn note(&self, world: &mut World, system: String, access: &Access) {
        for (data, instead) in local_data(world, access) {
            let system = system.clone();
            let problem = SimulationProblem::LocalData {
                system,
                data,
                instead,
            };
            note_problem(world, problem);
        }
        if !self.is_resimulated {
            return;
        }
        let resources = with_store(world, |store, world| {
            unregistered_resources(world, access, |id| store.is_registered(id))
        });
        for resource in resources {
            let system = system.clone();
            note_problem(
                world,
                SimulationProblem::UnregisteredResource { system, resource },
            );
        }
    }
}

/// Returns an error if two systems with commands have no order: entities get their `RollbackId` in the order of the
/// commands that spawn them.
fn refuse_unordered_commands(
    graph: &ScheduleGraph,
    mut dependencies: FlattenedDependencies<'_>,
) -> Result<(), ScheduleBuildError> {
    let analysis = dependencies
        .analyze()
        .map_err(ScheduleBuildError::FlatDependencySort)?;
    let has_commands = |key: SystemKey| {
        graph.systems.get(key).is_some_and(|system| {
            let is_sync_point = system.system_type() == TypeId::of::<ApplyDeferred>();
            system.has_deferred()
                && !is_sync_point
                && !graph.ambiguous_with_all.contains(&NodeId::System(key))
        })
    };
    let pairs = analysis.disconnected().iter().copied();
    let pairs: Vec<_> = pairs
        .filter(|&(a, b)| has_commands(a) && has_commands(b))
        .map(|(a, b)| (a.min(b), a.max(b)))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    for &(a, b) in &pairs {
        let [a, b] = [a, b].map(|key| graph.get_node_name(&NodeId::System(key)));
        log::error!(
            "the systems `{a}` and `{b}` of the simulation use commands and have no order, so the entities that they \
             spawn have no order either: add `.chain()`, `.before()` or `.after()`"
        );
    }
    let pairs = pairs.into_iter().map(|(a, b)| (a, b, Box::default()));
    let conflicts = ConflictingSystems(pairs.collect());
    let warning = ScheduleBuildWarning::Ambiguity(AmbiguousSystemConflictsWarning(conflicts));
    Err(ScheduleBuildError::Elevated(warning))
}
