//! Triggers the events of the rollback session.

use bevy::prelude::*;
use huddle_rollback::{Input, RollbackEvent};

use crate::rollback::{
    effects::clear_effects,
    game::{
        events::{
            DroppedFromMatch, MatchDesynced, MatchEnded, MatchSplit, MatchStarted, MatchWaiting,
            SeatLeft, SyncTestFailed,
        },
        inputs::Inputs,
        replacement::Replacement,
        requests::{RollbackRate, in_simulation},
        running::{MatchStatus, Running, Starting, seats_of},
        start::{fail, local_id},
        store::with_store,
    },
    hooks::run_hooks,
    rng::RollbackRng,
    schedule::RollbackStart,
    tools::sync_test::{clear_sync_test, take_difference},
};

/// Triggers the events of a step. The first tick of a match follows them.
pub(crate) fn report_events<I: Input>(world: &mut World, running: &mut Running<I>) {
    while let Some(event) = running.session.poll() {
        match event {
            RollbackEvent::Started { seed } => start(world, running, seed),
            RollbackEvent::StartFailed(error) => {
                running.starting = None;
                fail(world, error.into());
            }
            RollbackEvent::Ended { at_tick } => world.trigger(MatchEnded { at_tick }),
            RollbackEvent::SeatLeft {
                seat,
                at_tick,
                reason,
                took,
            } => {
                let owner = world.resource::<MatchStatus>().seats.get(seat.index());
                if let (Some(&owner), Some(now)) = (owner, running.now(world)) {
                    running.replacement.departed(owner, at_tick, now);
                }
                world.trigger(SeatLeft {
                    seat,
                    at_tick,
                    reason,
                    took,
                });
            }
            RollbackEvent::Split {
                side,
                of,
                is_majority,
            } => world.trigger(MatchSplit {
                side,
                players_before: of,
                is_majority,
            }),
            RollbackEvent::Dropped { by, at_tick } => {
                world.trigger(DroppedFromMatch { by, at_tick });
            }
            RollbackEvent::Mismatch(mismatch) => log::warn!(
                "the state of tick {} differs from that of {}: looking for the difference",
                mismatch.tick,
                mismatch.peer
            ),
            RollbackEvent::Desync(report) => {
                log::error!("{report}");
                world.trigger(MatchDesynced { report });
            }
            RollbackEvent::Waiting { seats, stopped } => {
                world.trigger(MatchWaiting { seats, stopped });
            }
            RollbackEvent::SyncTestFailed(mismatch) => {
                let failed = SyncTestFailed {
                    mismatch,
                    difference: take_difference(world),
                };
                log::error!("{failed}");
                world.trigger(failed);
            }
        }
    }
}

/// Sets up the world of a match.
fn start<I: Input>(world: &mut World, running: &mut Running<I>, seed: u64) {
    let Some(Starting { seats, rate }) = running.starting.take() else {
        return;
    };
    running.rate = rate;
    running.has_left = false;
    running.replacement = Replacement::default();
    world.resource_mut::<RollbackRate>().0 = rate;
    let local_seats = local_id(world, running.room)
        .map(|local_id| seats_of(&seats, local_id))
        .unwrap_or_default();
    with_store(world, |store, world| store.clear(world));
    clear_effects(world);
    run_hooks(world, |hooks| &hooks.reset);
    clear_sync_test(world);
    *world.resource_mut::<Inputs<I>>() = Inputs::default();
    *world.resource_mut::<RollbackRng>() = RollbackRng::new(seed);
    let mut status = world.resource_mut::<MatchStatus>();
    *status = MatchStatus {
        number: status.number + 1,
        seats: seats.clone(),
        local_seats: local_seats.clone(),
        ..default()
    };
    in_simulation(world, |world| {
        world.run_schedule(RollbackStart);
        run_hooks(world, |hooks| &hooks.started);
    });
    log::info!("a match with {} seats starts", seats.len());
    world.trigger(MatchStarted { seats, local_seats });
}
