//! bevy_ggrs 0.22.
//!
//! The operations with one tick are those of its `benches/bench.rs`.

use bevy::{
    ecs::{
        component::Mutable,
        schedule::{ScheduleLabel, SingleThreadedExecutor},
        system::RunSystemOnce,
    },
    prelude::*,
};
use bevy_ggrs::{
    AdvanceWorld, ConfirmedFrameCount, LoadWorld, RollbackFrameCount, SaveWorld, SnapshotPlugin,
    prelude::{Rollback, RollbackApp, RollbackDespawnCommandExtension},
};
use serde::Serialize;

use crate::library::{Entities, Game, Operation, Registry, Subject, WINDOW};

struct GgrsEntities;

impl Entities for GgrsEntities {
    type Marker = Rollback;

    fn despawn(entity: &mut EntityCommands) {
        entity.despawn_rollback();
    }
}

struct GgrsRegistry<'a>(&'a mut App);

impl Registry for GgrsRegistry<'_> {
    fn copied<T>(&mut self)
    where
        T: Component<Mutability = Mutable> + Copy + PartialEq + Serialize,
    {
        self.0.rollback_component_with_copy::<T>();
    }

    fn cloned<T>(&mut self)
    where
        T: Component<Mutability = Mutable> + Clone + PartialEq + Serialize,
    {
        self.0.rollback_component_with_clone::<T>();
    }
}

/// `SINGLE`: whether its schedules run on one thread. In its own benchmarks, Bevy's default executor
/// runs them on several threads.
pub(crate) struct Ggrs<const SINGLE: bool> {
    app: App,
    operation: Operation,
    frame: i32,
}

impl<const SINGLE: bool> Ggrs<SINGLE> {
    fn schedule(&mut self, schedule: impl ScheduleLabel) {
        self.app.world_mut().run_schedule(schedule);
    }

    fn set_frame(&mut self, frame: i32) {
        self.app.insert_resource(RollbackFrameCount(frame));
    }

    fn set_executor(app: &mut App, schedule: impl ScheduleLabel) {
        app.edit_schedule(schedule, |schedule| {
            schedule.set_executor(SingleThreadedExecutor::new());
        });
    }

    fn roll_back(&mut self) {
        let frame = self.frame;
        self.app.insert_resource(ConfirmedFrameCount(frame));
        self.set_frame(frame);
        self.schedule(LoadWorld);
        for ahead in 1..=WINDOW.cast_signed() {
            self.set_frame(frame + ahead);
            self.schedule(AdvanceWorld);
            self.schedule(SaveWorld);
        }
        // `App::update` does this in each frame.
        self.app.world_mut().clear_trackers();
        self.frame += 1;
    }
}

impl<const SINGLE: bool> Subject for Ggrs<SINGLE> {
    fn new<G: Game>(operation: Operation) -> Self {
        let mut app = App::new();
        app.add_plugins((MinimalPlugins, SnapshotPlugin));
        if SINGLE {
            Self::set_executor(&mut app, LoadWorld);
            Self::set_executor(&mut app, SaveWorld);
        }
        if SINGLE || operation == Operation::Rollback {
            // `GgrsPlugin` does this for the ticks.
            Self::set_executor(&mut app, AdvanceWorld);
        }
        G::add_systems::<GgrsEntities>(&mut app, AdvanceWorld);
        G::register(&mut GgrsRegistry(&mut app));
        app.update();
        let spawned = app
            .world_mut()
            .run_system_once(|mut commands: Commands| G::spawn::<GgrsEntities>(&mut commands));
        spawned.expect("the system has no parameters that can be missing");
        app.world_mut().run_schedule(SaveWorld);
        Self {
            app,
            operation,
            frame: 0,
        }
    }

    fn run(&mut self) {
        match self.operation {
            Operation::AdvanceAndLoad => {
                self.schedule(AdvanceWorld);
                self.set_frame(0);
                self.schedule(LoadWorld);
            }
            Operation::AdvanceAndSave => {
                self.schedule(AdvanceWorld);
                self.schedule(SaveWorld);
            }
            Operation::Rollback => self.roll_back(),
        }
    }
}
