//! Finds changes of the match's state that no tick has made.

use bevy::prelude::*;
use huddle_session::Tick;

use crate::rollback::{
    game::store::with_store,
    tools::{
        difference::StateDifference,
        dump::local_dump,
        problem::{SimulationProblem, note_problem},
    },
};

/// A tick that no match reaches, for the state at the start of a step.
const SCRATCH: Tick = Tick(u32::MAX);

/// Compares the world at the start of a step with its state at the end of the last one. `tick` is the next tick.
pub(crate) fn note_changes_outside(world: &mut World, tick: Tick) {
    let difference = with_store(world, |store, world| {
        let before = store.checksum(tick)?;
        store.save(world, SCRATCH);
        let difference = (store.checksum(SCRATCH) != Some(before))
            .then(|| StateDifference::new(&local_dump(store, tick), &local_dump(store, SCRATCH)));
        store.release(SCRATCH);
        difference
    });
    if let Some(difference) = difference {
        note_problem(
            world,
            SimulationProblem::ChangedOutside { tick, difference },
        );
    }
}
