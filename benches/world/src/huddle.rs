//! The store of this project.

use bevy::{
    ecs::{component::Mutable, schedule::SingleThreadedExecutor, system::RunSystemOnce},
    prelude::*,
};
use bevy_huddle::{
    Tick,
    rollback::world::{DespawnRollback, Rollback, SimulatedTick, WorldStore},
};
use serde::Serialize;

use crate::library::{Advance, Entities, Game, Operation, Registry, Subject, WINDOW};

pub(crate) struct HuddleEntities;

impl Entities for HuddleEntities {
    type Marker = Rollback;

    fn despawn(entity: &mut EntityCommands) {
        entity.despawn_rollback();
    }
}

impl Registry for WorldStore {
    fn copied<T>(&mut self)
    where
        T: Component<Mutability = Mutable> + Copy + PartialEq + Serialize,
    {
        self.component::<T>();
    }

    fn cloned<T>(&mut self)
    where
        T: Component<Mutability = Mutable> + Clone + PartialEq + Serialize,
    {
        self.component::<T>();
    }
}

pub(crate) struct Huddle {
    app: App,
    store: WorldStore,
    operation: Operation,
    tick: Tick,
}

impl Huddle {
    pub(crate) fn advance(&mut self, tick: Tick) {
        let world = self.app.world_mut();
        world.resource_mut::<SimulatedTick>().0 = tick;
        world.run_schedule(Advance);
    }

    /// Loads a state, and simulates a number of ticks from there.
    pub(crate) fn roll_back(&mut self, from: Tick, ticks: u32) {
        self.load(from);
        for tick in (0..ticks).map(|ahead| from + ahead) {
            self.advance(tick);
            self.store.save(self.app.world_mut(), tick + 1);
        }
    }

    /// Forgets a state, after which no rollback goes behind the next one.
    pub(crate) fn confirm(&mut self, tick: Tick) {
        self.store.release(tick);
        self.store.confirm(self.app.world_mut(), tick + 1);
        // `App::update` does this in each frame.
        self.app.world_mut().clear_trackers();
    }

    fn load(&mut self, tick: Tick) {
        let loaded = self.store.load(self.app.world_mut(), tick);
        loaded.expect("the tick is saved");
    }
}

impl Subject for Huddle {
    fn new<G: Game>(operation: Operation) -> Self {
        let mut app = App::new();
        app.add_plugins(MinimalPlugins);
        let mut store = WorldStore::new(app.world_mut());
        G::register(&mut store);
        app.init_schedule(Advance);
        app.edit_schedule(Advance, |schedule| {
            // `RollbackPlugin` does the same.
            schedule.set_executor(SingleThreadedExecutor::new());
        });
        G::add_systems::<HuddleEntities>(&mut app, Advance);
        app.update();
        let spawned = app
            .world_mut()
            .run_system_once(|mut commands: Commands| G::spawn::<HuddleEntities>(&mut commands));
        spawned.expect("the system has no parameters that can be missing");
        store.save(app.world_mut(), Tick(0));
        Self {
            app,
            store,
            operation,
            tick: Tick(0),
        }
    }

    fn run(&mut self) {
        match self.operation {
            Operation::AdvanceAndLoad => {
                self.advance(self.tick);
                self.load(self.tick);
            }
            Operation::AdvanceAndSave => {
                self.advance(self.tick);
                self.store.save(self.app.world_mut(), self.tick);
            }
            Operation::Rollback => {
                self.roll_back(self.tick, WINDOW);
                self.confirm(self.tick);
                self.tick += 1;
            }
        }
    }
}
