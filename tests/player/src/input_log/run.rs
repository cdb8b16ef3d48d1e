//! Simulates the input log.

use std::time::Duration;

use bevy::{
    ecs::schedule::{ScheduleLabel, SingleThreadedExecutor},
    prelude::*,
};
use bevy_huddle::{
    Tick,
    rollback::{
        RollbackIds, RollbackRng,
        world::{DumpRow, SimulatedTick, WorldStore},
    },
};
use web_time::Instant;

use super::{
    components::{Pad, Pads, Pose, SHIPS, Totals, register},
    systems,
};

/// The number of ticks for which a bot holds the same.
const HOLD: u32 = 8;

/// The longest rollback, in ticks.
const MAX_ROLLBACK: u32 = 8;

/// The number of rollbacks that are measured.
const MEASURED: usize = 100;

/// The maximum number of values of a state.
const MAX_VALUES: usize = 2000;

#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
struct SimulateTick;

/// A world in which the inputs of the log are simulated.
pub(super) struct Run {
    world: World,
    store: WorldStore,
    schedule: Schedule,
    /// The tick that is simulated next. Its state is saved.
    pub(super) tick: u32,
    /// Chooses the ticks at which predictions were wrong, if any are.
    mispredictions: Option<RollbackRng>,
    pub(super) rollbacks: u32,
    /// The checksum of the state after each tick.
    pub(super) checksums: Vec<u64>,
}

impl Run {
    /// Prepares the world. The same number of `mispredictions` gives the same rollbacks, and 0 gives none.
    pub(super) fn new(mispredictions: u64) -> Self {
        let mut world = World::new();
        world.init_resource::<Pads>();
        world.init_resource::<Totals>();
        world.init_resource::<RollbackRng>();
        let mut store = WorldStore::new(&mut world);
        register(&mut store);
        let mut schedule = Schedule::new(SimulateTick);
        schedule.set_executor(SingleThreadedExecutor::new());
        systems::add(&mut schedule);
        systems::spawn_ships(&mut world);
        store.save(&mut world, Tick(0));
        Self {
            world,
            store,
            schedule,
            tick: 0,
            mispredictions: (mispredictions > 0)
                .then(|| RollbackRng::default().fork(mispredictions)),
            rollbacks: 0,
            checksums: Vec::new(),
        }
    }

    /// Simulates a tick with its inputs, after rolling back wrong predictions.
    pub(super) fn step(&mut self) {
        let rng = self.mispredictions.as_mut();
        let depth = rng.and_then(|rng| {
            let is_wrong = rng.below(8) == 0;
            is_wrong.then(|| 1 + rng.below(MAX_ROLLBACK))
        });
        if let Some(depth) = depth {
            self.rollbacks += 1;
            let (start, end) = (self.tick, self.tick + depth);
            self.simulate_until(end, |_| pads(start.saturating_sub(1)));
            self.load(start);
            self.release(start + 1..=end);
        }
        self.simulate_until(self.tick + 1, pads);
        self.release(self.tick - 1..=self.tick - 1);
        let tick = Tick(self.tick);
        self.store.confirm(&mut self.world, tick);
        self.checksums
            .push(self.store.checksum(tick).unwrap_or_default());
    }

    /// Measures the time to load a state, and to simulate and save eight ticks after it. Returns the median and
    /// the maximum.
    pub(super) fn measure_rollbacks(&mut self) -> (Duration, Duration) {
        let mut times = Vec::new();
        for _ in 0..MEASURED {
            let (start, end) = (self.tick, self.tick + MAX_ROLLBACK);
            self.simulate_until(end, |_| pads(start.saturating_sub(1)));
            let began = Instant::now();
            self.load(start);
            self.simulate_until(end, pads);
            times.push(began.elapsed());
            self.release(start..=end - 1);
            self.store.confirm(&mut self.world, Tick(end));
        }
        times.sort_unstable();
        (times[MEASURED / 2], times[MEASURED - 1])
    }

    /// Returns the values of the newest state.
    pub(super) fn values(&mut self) -> Vec<DumpRow> {
        self.store.dump(Tick(self.tick), MAX_VALUES)
    }

    /// Returns the numbers of bodies, of archetypes with bodies so far, and of bodies that were fired.
    pub(super) fn counts(&mut self) -> (usize, usize, u32) {
        let bodies = self.world.resource::<RollbackIds>().iter().count();
        let pose = self.world.register_component::<Pose>();
        let archetypes = self.world.archetypes().iter();
        let archetypes = archetypes.filter(|archetype| archetype.contains(pose));
        let spawned = self.world.resource::<Totals>().spawned;
        (bodies, archetypes.count(), spawned)
    }

    /// Simulates ticks, and saves the state after each of them.
    fn simulate_until(&mut self, end: u32, pads: impl Fn(u32) -> [Pad; SHIPS]) {
        while self.tick < end {
            let mut inputs = self.world.resource_mut::<Pads>();
            inputs.before = inputs.now;
            inputs.now = pads(self.tick);
            self.world.resource_mut::<SimulatedTick>().0 = Tick(self.tick);
            self.schedule.run(&mut self.world);
            self.tick += 1;
            self.store.save(&mut self.world, Tick(self.tick));
        }
    }

    fn load(&mut self, tick: u32) {
        if let Err(error) = self.store.load(&mut self.world, Tick(tick)) {
            error!("the state of tick {tick} cannot be loaded: {error}");
        }
        self.tick = tick;
    }

    fn release(&mut self, ticks: std::ops::RangeInclusive<u32>) {
        for tick in ticks {
            self.store.release(Tick(tick));
        }
    }
}

/// Returns the inputs of a tick: the log.
fn pads(tick: u32) -> [Pad; SHIPS] {
    let mut rng = RollbackRng::default().fork(u64::from(tick / HOLD));
    [(); SHIPS].map(|()| Pad {
        x: rng.below(3) as i8 - 1,
        y: rng.below(3) as i8 - 1,
        fire: rng.below(2) == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKS: u32 = 1000;

    fn run(mispredictions: u64) -> Run {
        let mut run = Run::new(mispredictions);
        while run.tick < TICKS {
            run.step();
        }
        run
    }

    #[test]
    fn log_has_many_archetypes_spawns_and_despawns() {
        let (bodies, archetypes, spawned) = run(0).counts();
        assert!(archetypes >= 100, "{archetypes} archetypes");
        assert!(bodies >= 10 && spawned >= 100, "{bodies} of {spawned}");
    }

    #[test]
    fn rollbacks_do_not_change_the_states() {
        let straight = run(0);
        let rolled_back = run(1);
        assert!(rolled_back.rollbacks > 50);
        assert!(straight.checksums == rolled_back.checksums);
    }

    #[test]
    fn each_input_changes_the_states() {
        let mut run = Run::new(0);
        run.simulate_until(10, pads);
        let changed = |tick: u32| {
            let mut pads = pads(tick);
            pads[1].x = if tick == 5 { pads[1].x + 1 } else { pads[1].x };
            pads
        };
        let mut other = Run::new(0);
        other.simulate_until(10, changed);
        let checksums = [run, other].map(|mut run| run.store.checksum(Tick(10)));
        assert_ne!(checksums[0], checksums[1]);
    }
}
