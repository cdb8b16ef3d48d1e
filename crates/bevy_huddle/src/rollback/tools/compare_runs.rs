//! Plays a match twice, in two apps, and compares the states.

use std::fmt;

use bevy::{app::PluginsState, prelude::*, time::TimeUpdateStrategy};
use huddle_session::Tick;
use thiserror::Error;

use crate::rollback::{
    game::{requests::RollbackRate, running::MatchStatus, store::with_store},
    tools::{difference::StateDifference, dump::local_dump},
};

/// Why two runs of a match are not the same.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CompareRunsError {
    /// The states differ.
    #[error(
        "the game is not deterministic: two runs with the same inputs differ before tick {tick}. The simulation uses \
         something that differs between two games, such as the order of a `HashMap`, an `Entity`, a random number or \
         the time. From the first run to the second one:\n{difference}"
    )]
    Different {
        /// The first tick before which the states differ.
        tick: Tick,
        /// What differs, from the first run to the second one.
        difference: StateDifference,
    },
    /// No match has started, or it has ended.
    #[error(
        "no match runs after {frames} frames: call `commands.start_local_match` in a system of `Startup`, and do not \
         end the match"
    )]
    NoMatch {
        /// The number of frames.
        frames: u32,
    },
}

// A test that calls `unwrap` shows this text.
impl fmt::Debug for CompareRunsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The number of frames in which a match must start. It is counted down in about 0.4 s.
const START_FRAMES: u32 = 300;

/// Plays a match of this many ticks twice, and compares the states after every tick. Use it in a test.
///
/// `build` returns the app of your game, and the app starts a match in [`Startup`]. Both matches have the same seed.
/// The inputs must be the same as well, so let the app have no window, and let the system that reads the input
/// depend on the tick alone, or on a recorded file. The second app has other [`Entity`] ids.
///
/// This finds what the [sync test](crate::rollback::RollbackPlugin::sync_test) cannot find in one app, such as a
/// dependency on the order of a `HashMap` that lives as long as the app.
///
/// # Errors
/// Returns what differs, or that no match has started.
///
/// # Example
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{prelude::*, rollback::*};
/// # #[derive(Resource, Clone, Default, PartialEq, serde::Serialize)]
/// # struct Age(u32);
/// # fn simulate(mut age: ResMut<Age>) { age.0 += 1; }
///
/// fn game() -> App {
///     let mut app = App::new();
///     app.add_plugins((MinimalPlugins, HuddlePlugins))
///         .add_plugins(RollbackPlugin::new(press_buttons).sync_test(8))
///         .rollback_resource::<Age>()
///         .add_systems(RollbackUpdate, simulate)
///         .add_systems(Startup, |mut commands: Commands| commands.start_local_match(2));
///     app
/// }
///
/// fn press_buttons(seat: In<Seat>, status: Res<MatchStatus>) -> u8 {
///     (status.tick.0 / 16) as u8 + seat.0.0
/// }
///
/// // In a `#[test]`:
/// compare_runs(game, 300).unwrap();
/// ```
pub fn compare_runs(build: impl Fn() -> App, ticks: u32) -> Result<(), CompareRunsError> {
    let mut first = Run::new(build());
    let mut second = build();
    use_up_entities(second.world_mut());
    let mut second = Run::new(second);
    let mut frames = 0;
    loop {
        let tick = first.frame();
        second.frame();
        frames += 1;
        if !first.is_running() {
            if frames < START_FRAMES {
                continue;
            }
            return Err(CompareRunsError::NoMatch { frames });
        }
        if let Some(difference) = first.difference(&mut second) {
            return Err(CompareRunsError::Different { tick, difference });
        }
        if tick.0 >= ticks {
            return Ok(());
        }
    }
}

/// Spawns entities, so that those of the match get other ids than in an app without them.
fn use_up_entities(world: &mut World) {
    let entities: Vec<_> = (0..100).map(|_| world.spawn_empty().id()).collect();
    // Bevy uses the ids of despawned entities again, in another order.
    for entity in entities.into_iter().step_by(3) {
        world.despawn(entity);
    }
}

/// An app that runs a tick per frame.
struct Run(App);

/// The tick under which the present state is saved for a moment. No match reaches it.
const SCRATCH: Tick = Tick(u32::MAX);

impl Run {
    fn new(mut app: App) -> Self {
        while app.plugins_state() == PluginsState::Adding {
            #[cfg(not(target_arch = "wasm32"))]
            bevy::tasks::tick_global_task_pools_on_main_thread();
        }
        app.finish();
        app.cleanup();
        Self(app)
    }

    /// Runs a frame that is as long as a tick. Returns the next tick.
    fn frame(&mut self) -> Tick {
        let rate = self.0.world().get_resource::<RollbackRate>();
        let period = rate.copied().unwrap_or_default().0.period();
        self.0
            .insert_resource(TimeUpdateStrategy::ManualDuration(period));
        self.0.update();
        let status = self.0.world().get_resource::<MatchStatus>();
        status.map_or(Tick(0), |status| status.tick)
    }

    fn is_running(&self) -> bool {
        let status = self.0.world().get_resource::<MatchStatus>();
        status.is_some_and(MatchStatus::is_running)
    }

    /// Compares the present states.
    fn difference(&mut self, other: &mut Self) -> Option<StateDifference> {
        let checksums = [&mut *self, &mut *other].map(|run| {
            with_store(run.0.world_mut(), |store, world| {
                store.save(world, SCRATCH);
                store.checksum(SCRATCH)
            })
        });
        let difference = (checksums[0] != checksums[1]).then(|| {
            let [first, second] = [&mut *self, &mut *other]
                .map(|run| with_store(run.0.world_mut(), |store, _| local_dump(store, SCRATCH)));
            StateDifference::new(&first, &second)
        });
        for run in [self, other] {
            with_store(run.0.world_mut(), |store, _| store.release(SCRATCH));
        }
        difference
    }
}
