//! The lower bound: plain lists of components that are copied as a whole.

use bevy::{
    ecs::{component::Mutable, schedule::SingleThreadedExecutor, system::RunSystemOnce},
    prelude::*,
};
use serde::Serialize;

use crate::library::{Advance, Entities, Game, Operation, Registry, Subject, WINDOW};

#[derive(Component, Default)]
struct Marker;

struct NoLibrary;

impl Entities for NoLibrary {
    type Marker = Marker;

    fn despawn(entity: &mut EntityCommands) {
        entity.despawn();
    }
}

/// A list of components with a copy for each saved tick.
trait Column {
    fn fill(&mut self, world: &mut World);
    fn save(&mut self, slot: usize);
    fn load(&mut self, slot: usize);
}

struct Values<T> {
    current: Vec<T>,
    slots: Vec<Vec<T>>,
}

impl<T: Component + Clone> Column for Values<T> {
    fn fill(&mut self, world: &mut World) {
        self.current = world.query::<&T>().iter(world).cloned().collect();
        self.slots = vec![self.current.clone(); WINDOW as usize + 1];
    }

    fn save(&mut self, slot: usize) {
        self.slots[slot].clone_from(&self.current);
    }

    fn load(&mut self, slot: usize) {
        self.current.clone_from(&self.slots[slot]);
    }
}

#[derive(Default)]
struct Columns(Vec<Box<dyn Column>>);

impl Columns {
    fn add<T: Component + Clone>(&mut self) {
        let (current, slots) = (Vec::new(), Vec::new());
        self.0.push(Box::new(Values::<T> { current, slots }));
    }

    fn save(&mut self, tick: u32) {
        for column in &mut self.0 {
            column.save(slot(tick));
        }
    }

    fn load(&mut self, tick: u32) {
        for column in &mut self.0 {
            column.load(slot(tick));
        }
    }
}

fn slot(tick: u32) -> usize {
    (tick % (WINDOW + 1)) as usize
}

impl Registry for Columns {
    fn copied<T>(&mut self)
    where
        T: Component<Mutability = Mutable> + Copy + PartialEq + Serialize,
    {
        self.add::<T>();
    }

    fn cloned<T>(&mut self)
    where
        T: Component<Mutability = Mutable> + Clone + PartialEq + Serialize,
    {
        self.add::<T>();
    }

    fn parents(&mut self) {
        self.add::<ChildOf>();
    }
}

/// Runs the simulation, copies the lists, or both.
pub(crate) struct BareCopy<const SIMULATE: bool, const COPY: bool> {
    app: App,
    columns: Columns,
    operation: Operation,
    tick: u32,
}

impl<const SIMULATE: bool, const COPY: bool> BareCopy<SIMULATE, COPY> {
    fn advance(&mut self) {
        if SIMULATE {
            self.app.world_mut().run_schedule(Advance);
        }
    }

    fn save(&mut self, tick: u32) {
        if COPY {
            self.columns.save(tick);
        }
    }

    fn load(&mut self, tick: u32) {
        if COPY {
            self.columns.load(tick);
        }
    }
}

impl<const SIMULATE: bool, const COPY: bool> Subject for BareCopy<SIMULATE, COPY> {
    fn new<G: Game>(operation: Operation) -> Self {
        let mut app = App::new();
        app.add_plugins(MinimalPlugins);
        app.init_schedule(Advance);
        app.edit_schedule(Advance, |schedule| {
            schedule.set_executor(SingleThreadedExecutor::new());
        });
        G::add_systems::<NoLibrary>(&mut app, Advance);
        app.update();
        let spawned = app
            .world_mut()
            .run_system_once(|mut commands: Commands| G::spawn::<NoLibrary>(&mut commands));
        spawned.expect("the system has no parameters that can be missing");
        let mut columns = Columns::default();
        G::register(&mut columns);
        for column in &mut columns.0 {
            column.fill(app.world_mut());
        }
        Self {
            app,
            columns,
            operation,
            tick: 0,
        }
    }

    fn run(&mut self) {
        match self.operation {
            Operation::AdvanceAndLoad => {
                self.advance();
                self.load(0);
            }
            Operation::AdvanceAndSave => {
                self.advance();
                self.save(0);
            }
            Operation::Rollback => {
                self.load(self.tick);
                for ahead in 1..=WINDOW {
                    self.advance();
                    self.save(self.tick + ahead);
                }
                self.app.world_mut().clear_trackers();
                self.tick += 1;
            }
        }
    }
}
