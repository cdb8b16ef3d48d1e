//! Executes the requests of the rollback session on the world.

use bevy::prelude::*;
use huddle_rollback::{Input, Request, RollbackSession};
use huddle_session::{Tick, TickRate};

use crate::rollback::{
    effects::{begin_effects, confirm_effects},
    game::{inputs::Inputs, store::with_store},
    hooks::run_hooks,
    schedule::RollbackUpdate,
    tools::{
        state_dump,
        sync_test::{Watch, note_changes_outside, shuffle_entities, trace_checksum},
    },
    world::{InSimulation, SimulatedTick},
};

/// Executes all requests of a step.
pub(crate) fn execute_requests<I: Input>(
    world: &mut World,
    session: &mut RollbackSession<I>,
    is_sync_test: bool,
) {
    if is_sync_test {
        note_changes_outside(world, session.tick());
    }
    while let Some(request) = session.request() {
        match request {
            Request::Save { tick, .. } => with_store(world, |store, world| {
                store.save(world, tick);
            }),
            Request::Load { tick } => {
                with_store(world, |store, world| {
                    if let Err(error) = store.load(world, tick) {
                        log::error!("the state of tick {tick} cannot be loaded: {error}");
                    }
                });
                if is_sync_test {
                    shuffle_entities(world);
                }
            }
            Request::Advance(frame) => {
                world.resource_mut::<Inputs<I>>().advance(frame.inputs);
                let watch = is_sync_test.then(|| Watch::begin(world));
                simulate(world, frame.tick);
                if let Some(watch) = watch {
                    watch.finish(world, frame.tick);
                }
            }
            Request::Confirmed { tick, .. } => confirm_effects(world, tick),
            Request::Checksum { tick } => {
                let checksum = with_store(world, |store, _| store.checksum(tick));
                // The session requests checksums of saved states only.
                let checksum = checksum.unwrap_or_default();
                if is_sync_test {
                    trace_checksum(world, tick, checksum);
                }
                session.checksum(tick, checksum);
            }
            Request::Inspect { tick } => {
                let dump = with_store(world, |store, _| state_dump(store, tick));
                session.inspected(tick, dump);
            }
            Request::Release { tick } => {
                with_store(world, |store, _| store.release(tick));
            }
        }
    }
    let confirmed = session.confirmed();
    let final_until = match is_sync_test {
        true => Tick(confirmed.0.saturating_sub(MAX_SYNC_TEST)),
        false => confirmed,
    };
    with_store(world, |store, world| store.confirm(world, final_until));
}

/// The longest rollback of a sync test, in ticks. It also rolls back confirmed ticks.
const MAX_SYNC_TEST: u32 = 64;

/// The rate of the ticks of the match.
#[derive(Resource, Debug, Clone, Copy, Default)]
pub(crate) struct RollbackRate(pub(crate) TickRate);

/// Runs a part of the simulation, in which entities may get [`Rollback`](crate::rollback::Rollback).
pub(crate) fn in_simulation(world: &mut World, run: impl FnOnce(&mut World)) {
    world.resource_mut::<InSimulation>().0 = true;
    run(world);
    world.resource_mut::<InSimulation>().0 = false;
}

/// Simulates a tick.
fn simulate(world: &mut World, tick: Tick) {
    world.resource_mut::<SimulatedTick>().0 = tick;
    begin_effects(world, tick);
    let period = world.resource::<RollbackRate>().0.period();
    // The time depends on the tick alone, so it needs no rollback.
    let mut time = Time::<()>::default();
    time.advance_to(period * tick.0);
    time.advance_by(period);
    *world.resource_mut::<Time>() = time;
    in_simulation(world, |world| {
        run_hooks(world, |hooks| &hooks.begin_tick);
        world.run_schedule(RollbackUpdate);
        run_hooks(world, |hooks| &hooks.end_tick);
    });
}
