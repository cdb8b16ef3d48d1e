//! The worlds. Both libraries play them with the same systems.

use std::array;

use bevy::{ecs::schedule::ScheduleLabel, prelude::*};
use serde::{Serialize, Serializer};

use crate::library::{Entities, Game, Registry};

/// The components of bevy_ggrs's benchmarks.
#[derive(Component, Clone, Copy, PartialEq, Serialize)]
struct Foo(i32);

#[derive(Component, Clone, Copy, PartialEq, Serialize)]
struct Bar(i32);

#[derive(Component, Clone, Copy, PartialEq, Serialize)]
struct Baz(i32);

fn increment_foos(mut foos: Query<&mut Foo>) {
    for mut number in &mut foos {
        number.0 += 1;
    }
}

fn decrement_bars(mut bars: Query<&mut Bar>) {
    for mut number in &mut bars {
        number.0 -= 1;
    }
}

fn increment_bazs(mut bazs: Query<&mut Baz>) {
    for mut number in &mut bazs {
        number.0 += 1;
    }
}

/// `foo_1000` of bevy_ggrs's benchmarks.
pub(crate) struct Foos;

impl Game for Foos {
    fn register(registry: &mut impl Registry) {
        registry.copied::<Foo>();
    }

    fn add_systems<E: Entities>(app: &mut App, schedule: impl ScheduleLabel) {
        app.add_systems(schedule, increment_foos);
    }

    fn spawn<E: Entities>(commands: &mut Commands) {
        for number in 0..1000 {
            commands.spawn((Foo(number), E::Marker::default()));
        }
    }
}

/// `foo_bar_baz_1000` of bevy_ggrs's benchmarks.
pub(crate) struct Disjoint;

impl Game for Disjoint {
    fn register(registry: &mut impl Registry) {
        registry.copied::<Foo>();
        registry.copied::<Bar>();
        registry.copied::<Baz>();
    }

    fn add_systems<E: Entities>(app: &mut App, schedule: impl ScheduleLabel) {
        app.add_systems(schedule.intern(), increment_foos);
        app.add_systems(schedule.intern(), decrement_bars);
        app.add_systems(schedule.intern(), increment_bazs);
    }

    fn spawn<E: Entities>(commands: &mut Commands) {
        for number in 0..1000 {
            commands.spawn((Foo(number), E::Marker::default()));
            commands.spawn((Bar(number), E::Marker::default()));
            commands.spawn((Baz(number), E::Marker::default()));
        }
    }
}

#[derive(Component, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Place([f32; 3]);

#[derive(Component, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Speed([f32; 3]);

/// Ticks since the entity was spawned.
#[derive(Component, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Age(u32);

fn fly(mut movers: Query<(&mut Place, &mut Speed)>) {
    for (mut place, mut speed) in &mut movers {
        for axis in 0..3 {
            place.0[axis] += speed.0[axis];
        }
        speed.0[1] -= 0.01;
    }
}

fn grow_older(mut ages: Query<&mut Age>) {
    for mut age in &mut ages {
        age.0 += 1;
    }
}

fn mover(number: u16) -> (Place, Speed, Age) {
    let number = f32::from(number);
    (Place([number, 0.0, 1.0]), Speed([0.5, number, 0.0]), Age(0))
}

/// A number of entities with three components that change in every tick.
pub(crate) struct Movers<const COUNT: u16>;

impl<const COUNT: u16> Game for Movers<COUNT> {
    fn register(registry: &mut impl Registry) {
        registry.copied::<Place>();
        registry.copied::<Speed>();
        registry.copied::<Age>();
    }

    fn add_systems<E: Entities>(app: &mut App, schedule: impl ScheduleLabel) {
        app.add_systems(schedule, (fly, grow_older));
    }

    fn spawn<E: Entities>(commands: &mut Commands) {
        for number in 0..COUNT {
            commands.spawn((mover(number), E::Marker::default()));
        }
    }
}

/// 100 parents with 9 children each.
pub(crate) struct Hierarchy;

impl Game for Hierarchy {
    fn register(registry: &mut impl Registry) {
        registry.copied::<Age>();
        registry.parents();
    }

    fn add_systems<E: Entities>(app: &mut App, schedule: impl ScheduleLabel) {
        app.add_systems(schedule, grow_older);
    }

    fn spawn<E: Entities>(commands: &mut Commands) {
        for _ in 0..100 {
            let parent = commands.spawn((Age(0), E::Marker::default())).id();
            for _ in 0..9 {
                commands.spawn((Age(0), ChildOf(parent), E::Marker::default()));
            }
        }
    }
}

/// 1 KiB.
#[derive(Component, Clone, Copy, PartialEq)]
struct Large([u64; 128]);

impl Serialize for Large {
    // `serde` has no implementation for arrays of this length.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0[..].serialize(serializer)
    }
}

fn change_large(mut all: Query<&mut Large>) {
    for mut large in &mut all {
        large.0[7] += 1;
    }
}

/// 1000 entities with a component of 1 KiB.
pub(crate) struct LargeComponents;

impl Game for LargeComponents {
    fn register(registry: &mut impl Registry) {
        registry.copied::<Large>();
    }

    fn add_systems<E: Entities>(app: &mut App, schedule: impl ScheduleLabel) {
        app.add_systems(schedule, change_large);
    }

    fn spawn<E: Entities>(commands: &mut Commands) {
        for number in 0..1000 {
            commands.spawn((
                Large(array::from_fn(|index| number + index as u64)),
                E::Marker::default(),
            ));
        }
    }
}

/// The number of ticks for which an entity of [`Churn`] lives.
const LIFETIME: u32 = 20;

fn replace_old<E: Entities, const PER_TICK: u16>(
    ages: Query<(Entity, &Age)>,
    mut commands: Commands,
) {
    for (entity, age) in &ages {
        if age.0 >= LIFETIME {
            E::despawn(&mut commands.entity(entity));
        }
    }
    for number in 0..PER_TICK {
        commands.spawn((mover(number), E::Marker::default()));
    }
}

/// In each tick, the oldest twentieth of the entities is replaced by new ones.
pub(crate) struct Churn<const PER_TICK: u16>;

impl<const PER_TICK: u16> Game for Churn<PER_TICK> {
    fn register(registry: &mut impl Registry) {
        Movers::<0>::register(registry);
    }

    fn add_systems<E: Entities>(app: &mut App, schedule: impl ScheduleLabel) {
        app.add_systems(
            schedule,
            (fly, grow_older, replace_old::<E, PER_TICK>).chain(),
        );
    }

    fn spawn<E: Entities>(commands: &mut Commands) {
        for age in (0..LIFETIME).rev() {
            for number in 0..PER_TICK {
                let (place, speed, _) = mover(number);
                commands.spawn((place, speed, Age(age), E::Marker::default()));
            }
        }
    }
}

/// `Clone` is derived, as in most games, so copying a value allocates.
#[derive(Component, Clone, PartialEq, Serialize)]
struct Path(Vec<u32>);

/// A tick that is simulated again gets other values, like after a wrong prediction.
fn follow_path(mut paths: Query<&mut Path>, mut simulations: Local<u32>) {
    *simulations += 1;
    for mut path in &mut paths {
        path.0[3] = *simulations;
    }
}

/// 1000 entities with a list of 16 numbers on the heap.
pub(crate) struct Heap<const CHANGES: bool>;

impl<const CHANGES: bool> Game for Heap<CHANGES> {
    fn register(registry: &mut impl Registry) {
        registry.cloned::<Path>();
        registry.copied::<Age>();
    }

    fn add_systems<E: Entities>(app: &mut App, schedule: impl ScheduleLabel) {
        app.add_systems(schedule.intern(), grow_older);
        if CHANGES {
            app.add_systems(schedule.intern(), follow_path);
        }
    }

    fn spawn<E: Entities>(commands: &mut Commands) {
        for number in 0..1000 {
            let path = (number..number + 16).collect();
            commands.spawn((Path(path), Age(0), E::Marker::default()));
        }
    }
}
