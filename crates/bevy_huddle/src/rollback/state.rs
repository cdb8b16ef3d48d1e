//! Bevy states that belong to the simulation.

use bevy::{
    ecs::schedule::{InternedScheduleLabel, ScheduleLabel},
    prelude::*,
    state::state::{FreelyMutableState, State},
};
use serde::Serialize;

use crate::rollback::{
    game::store::with_store,
    hooks::MatchHooks,
    schedule::prepare,
    world::{DespawnRollback, RollbackId},
};

/// The state of the match between two ticks.
///
/// [`State`] and [`NextState`] are set from it, because neither can be saved.
#[derive(Resource, Clone, PartialEq, Serialize)]
struct MatchState<S: FreelyMutableState> {
    state: S,
    /// The state that the next tick begins with, and whether it is entered again if it is the same.
    next: Option<(S, bool)>,
}

impl<S: FreelyMutableState + Default> Default for MatchState<S> {
    fn default() -> Self {
        Self {
            state: S::default(),
            next: None,
        }
    }
}

/// The schedules of states that are set up for simulations.
#[derive(Resource, Default)]
struct StateSchedules(Vec<InternedScheduleLabel>);

/// Whether the log has warned of a state that was set outside of the simulation.
#[derive(Resource, Default)]
struct OutsideWarned(bool);

/// Registers a state.
pub(crate) fn register<S: FreelyMutableState + Default + Serialize>(world: &mut World) {
    if world.contains_resource::<MatchState<S>>() {
        return;
    }
    world.init_resource::<MatchState<S>>();
    world.init_resource::<State<S>>();
    world.init_resource::<NextState<S>>();
    world.init_resource::<StateSchedules>();
    world.init_resource::<OutsideWarned>();
    with_store(world, |store, _| {
        store.resource::<MatchState<S>>();
    });
    let mut hooks = world.get_resource_or_init::<MatchHooks>();
    hooks.reset.push(|world| {
        world.insert_resource(MatchState::<S>::default());
        show(world, S::default());
    });
    hooks.started.push(|world| {
        run(world, OnEnter(S::default()));
        end_tick::<S>(world);
    });
    hooks.begin_tick.push(begin_tick::<S>);
    hooks.end_tick.push(end_tick::<S>);
}

/// Sets the state that the tick begins with, as Bevy does once per frame.
fn begin_tick<S: FreelyMutableState>(world: &mut World) {
    let requested = std::mem::take(&mut *world.resource_mut::<NextState<S>>());
    if !matches!(requested, NextState::Unchanged)
        && !std::mem::replace(&mut world.resource_mut::<OutsideWarned>().0, true)
    {
        log::warn!(
            "a state was set outside of the simulation, which has no effect: set `NextState<{}>` in `RollbackUpdate`",
            std::any::type_name::<S>()
        );
    }
    let mut saved = world.resource_mut::<MatchState<S>>();
    let exited = saved.state.clone();
    let Some((entered, is_repeated)) = saved.next.take() else {
        return show(world, exited);
    };
    saved.state = entered.clone();
    show(world, entered.clone());
    if entered == exited && !is_repeated {
        return;
    }
    run(world, OnExit(exited.clone()));
    despawn(world, |scope: &DespawnOnExit<S>| scope.0 == exited);
    let transition = OnTransition {
        exited,
        entered: entered.clone(),
    };
    run(world, transition);
    // Before the systems of the new state, which may spawn entities with this scope.
    despawn(world, |scope: &DespawnOnEnter<S>| scope.0 == entered);
    run(world, OnEnter(entered.clone()));
}

/// Keeps the state that a system has asked for.
fn end_tick<S: FreelyMutableState>(world: &mut World) {
    // Bevy's own transitions, which run once per frame, find nothing to do.
    let next = match std::mem::take(&mut *world.resource_mut::<NextState<S>>()) {
        NextState::Unchanged => return,
        NextState::Pending(next) => (next, true),
        NextState::PendingIfNeq(next) => (next, false),
    };
    world.resource_mut::<MatchState<S>>().next = Some(next);
}

/// Lets systems see a state.
fn show<S: FreelyMutableState>(world: &mut World, state: S) {
    if world.resource::<State<S>>().get() != &state {
        world.insert_resource(State::new(state));
    }
}

/// Runs a schedule of a state, if the game has added systems to it.
fn run(world: &mut World, label: impl ScheduleLabel) {
    let label = label.intern();
    let is_new = !world.resource::<StateSchedules>().0.contains(&label);
    let ran = world.try_schedule_scope(label, |world, schedule| {
        if is_new {
            prepare(schedule);
        }
        schedule.run(world);
    });
    if is_new && ran.is_ok() {
        world.resource_mut::<StateSchedules>().0.push(label);
    }
}

/// Despawns the rollback entities whose scope ends.
fn despawn<C: Component>(world: &mut World, has_ended: impl Fn(&C) -> bool) {
    let mut scoped = world.query::<(&RollbackId, Entity, &C)>();
    let scoped = scoped.iter(world).filter(|(.., scope)| has_ended(scope));
    let mut scoped: Vec<_> = scoped.map(|(&id, entity, _)| (id, entity)).collect();
    scoped.sort_unstable();
    for (_, entity) in scoped {
        world.commands().entity(entity).despawn_rollback();
    }
    world.flush();
}
