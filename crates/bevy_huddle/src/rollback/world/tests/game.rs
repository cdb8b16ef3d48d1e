//! A simulation that changes everything a simulation can change, at random.

use bevy::prelude::*;
use fastrand::Rng;
use huddle_session::Tick;
use serde::{Serialize, Serializer};

use crate::rollback::world::{
    DespawnRollback, Rollback, RollbackId, RollbackIds, SimulatedTick, WorldStore,
};

/// Plain data in a table.
#[derive(Component, Clone, Copy, PartialEq, Serialize, Debug)]
pub(super) struct Place(pub(super) f32, pub(super) f32);

/// Data on the heap.
#[derive(Component, Clone, PartialEq, Serialize, Debug)]
pub(super) struct Bag(pub(super) Vec<f32>);

#[derive(Component, Clone, PartialEq, Serialize, Debug)]
#[component(storage = "SparseSet")]
pub(super) struct Shield(pub(super) u8);

#[derive(Component, Clone, PartialEq, Serialize, Debug)]
#[component(storage = "SparseSet")]
pub(super) struct Frozen;

#[derive(Component, Clone, PartialEq, Serialize, Debug)]
#[component(immutable)]
pub(super) struct Team(pub(super) u8);

/// A reference to another entity.
#[derive(Component, Clone, PartialEq, Serialize, Debug)]
pub(super) struct Target {
    #[entities]
    #[serde(serialize_with = "entity_bits")]
    pub(super) entity: Entity,
}

fn entity_bits<S: Serializer>(entity: &Entity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(entity.to_bits())
}

/// Saved without being compared.
#[derive(Component, Clone, Debug)]
pub(super) struct Secret(pub(super) u64);

/// Requires a component that the simulation may remove.
#[derive(Component, Clone, PartialEq, Serialize, Debug)]
#[require(Place(1.0, 1.0))]
pub(super) struct Engine;

/// A relationship that does not despawn its sources.
#[derive(Component, Clone, PartialEq, Debug)]
#[relationship(relationship_target = AimedAtBy)]
pub(super) struct AimsAt(pub(super) Entity);

#[derive(Component, Debug)]
#[relationship_target(relationship = AimsAt)]
pub(super) struct AimedAtBy(Vec<Entity>);

#[derive(Resource, Clone, PartialEq, Serialize, Debug)]
pub(super) struct Score(pub(super) Vec<u64>);

/// Not registered, like a sprite.
#[derive(Component, Debug)]
pub(super) struct Sprite;

/// Another plugin's way to disable entities. It makes all queries visit entities one by one.
#[derive(Component)]
#[component(storage = "SparseSet")]
struct Paused;

pub(super) fn new_game() -> (World, WorldStore) {
    prepare(World::new())
}

/// A game in which no query can visit whole tables.
pub(super) fn new_game_without_dense_queries() -> (World, WorldStore) {
    let mut world = World::new();
    world.register_disabling_component::<Paused>();
    prepare(world)
}

fn prepare(mut world: World) -> (World, WorldStore) {
    let mut store = WorldStore::new(&mut world);
    store
        .component::<Place>()
        .component::<Bag>()
        .component::<Shield>()
        .component::<Frozen>()
        .component::<Team>()
        .component::<Target>()
        .component::<Engine>()
        .component_unchecked::<Secret>()
        .relationship::<AimsAt>(&mut world)
        .resource::<Score>();
    (world, store)
}

/// Simulates one tick. The result depends only on the state, the tick and the input.
pub(super) fn simulate(world: &mut World, tick: Tick, input: u64) {
    world.resource_mut::<SimulatedTick>().0 = tick;
    let mut rng = Rng::with_seed(input ^ (u64::from(tick.0) << 32));
    for _ in 0..rng.u32(0..6) {
        change(world, &mut rng);
    }
    // Usual ticks only change values.
    for entity in living(world) {
        if let Some(mut place) = world.get_mut::<Place>(entity) {
            place.0 += place.1;
        }
    }
}

/// Returns the living rollback entities in the order of their ids.
pub(super) fn living(world: &World) -> Vec<Entity> {
    let ids = world.resource::<RollbackIds>();
    ids.iter().map(|(_, entity)| entity).collect()
}

fn change(world: &mut World, rng: &mut Rng) {
    let living = living(world);
    let Some(entity) = rng.choice(&living).copied() else {
        spawn(world, rng);
        return;
    };
    match rng.u32(0..16) {
        0..3 => spawn(world, rng),
        3 => world.entity_mut(entity).despawn_rollback(),
        4 => _ = world.despawn(entity),
        5 | 6 => insert(world, entity, rng),
        7 => remove(world, entity, rng),
        8 | 9 => reparent(world, entity, rng.choice(&living).copied()),
        10 => _ = world.entity_mut(entity).remove::<ChildOf>(),
        11 => aim(world, entity, rng.choice(&living).copied()),
        12 => score(world, rng),
        13 => shuffle_children(world, entity, rng),
        _ => mutate(world, entity, rng),
    }
}

fn number(rng: &mut Rng) -> f32 {
    match rng.u32(0..8) {
        0 => 0.0,
        1 => -0.0,
        _ => rng.f32(),
    }
}

fn spawn(world: &mut World, rng: &mut Rng) {
    let entity = world
        .spawn((Rollback, Place(number(rng), number(rng))))
        .id();
    for _ in 0..rng.u32(0..4) {
        insert(world, entity, rng);
    }
}

fn insert(world: &mut World, entity: Entity, rng: &mut Rng) {
    let target = rng.choice(&living(world)).copied().unwrap_or(entity);
    let mut entity = world.entity_mut(entity);
    match rng.u32(0..8) {
        0 => entity.insert(Bag((0..rng.u32(0..4)).map(|_| number(rng)).collect())),
        1 => entity.insert(Shield(rng.u8(0..3))),
        2 => entity.insert(Team(rng.u8(0..3))),
        3 => entity.insert(Secret(rng.u64(0..9))),
        4 => entity.insert(Engine),
        5 => entity.insert(Frozen),
        6 => entity.insert(Place(number(rng), number(rng))),
        _ => entity.insert(Target { entity: target }),
    };
}

fn remove(world: &mut World, entity: Entity, rng: &mut Rng) {
    let mut entity = world.entity_mut(entity);
    match rng.u32(0..9) {
        0 => entity.remove::<Bag>(),
        1 => entity.remove::<Shield>(),
        2 => entity.remove::<Team>(),
        3 => entity.remove::<Secret>(),
        4 => entity.remove::<Engine>(),
        5 => entity.remove::<Place>(),
        6 => entity.remove::<AimsAt>(),
        7 => entity.remove::<Frozen>(),
        _ => entity.remove::<Target>(),
    };
}

fn reparent(world: &mut World, child: Entity, parent: Option<Entity>) {
    let Some(parent) = parent else { return };
    let mut ancestor = Some(parent);
    while let Some(entity) = ancestor {
        if entity == child {
            return;
        }
        ancestor = world.get::<ChildOf>(entity).map(ChildOf::parent);
    }
    world.entity_mut(child).insert(ChildOf(parent));
}

fn aim(world: &mut World, entity: Entity, at: Option<Entity>) {
    if let Some(at) = at.filter(|at| *at != entity) {
        world.entity_mut(entity).insert(AimsAt(at));
    }
}

fn score(world: &mut World, rng: &mut Rng) {
    if rng.u32(0..3) == 0 {
        world.remove_resource::<Score>();
    } else {
        world
            .get_resource_or_insert_with(|| Score(Vec::new()))
            .0
            .push(rng.u64(..));
    }
}

fn shuffle_children(world: &mut World, entity: Entity, rng: &mut Rng) {
    if let Some(mut children) = world.get_mut::<Children>(entity) {
        let (a, b) = (rng.usize(0..children.len()), rng.usize(0..children.len()));
        children.swap(a, b);
    }
}

fn mutate(world: &mut World, entity: Entity, rng: &mut Rng) {
    let (a, b) = (number(rng), number(rng));
    if let Some(mut place) = world.get_mut::<Place>(entity) {
        *place = Place(a, b);
    }
    if let Some(mut bag) = world.get_mut::<Bag>(entity) {
        if rng.bool() {
            bag.0.push(a);
        } else {
            bag.0.pop();
        }
    }
    if let Some(mut shield) = world.get_mut::<Shield>(entity) {
        shield.0 = rng.u8(0..3);
    }
    if let Some(mut secret) = world.get_mut::<Secret>(entity) {
        secret.0 = rng.u64(0..9);
    }
}

/// Everything that the simulation can see, with entities replaced by their ids.
pub(super) fn describe(world: &World) -> Vec<String> {
    let ids = world.resource::<RollbackIds>();
    let name = |entity: Entity| {
        let id = world.get::<RollbackId>(entity).copied();
        id.filter(|&id| ids.entity(id) == Some(entity))
            .map(RollbackId::get)
    };
    let mut lines = vec![format!(
        "next {} {:?}",
        ids.next(),
        world.get_resource::<Score>()
    )];
    for (id, entity) in ids.iter() {
        let entity = world.entity(entity);
        let bits = |values: &[f32]| {
            values
                .iter()
                .map(|value| value.to_bits())
                .collect::<Vec<_>>()
        };
        lines.push(format!(
            "{}: {:?} {:?} {:?} {:?} {:?} {:?} {:?} target {:?} aims {:?} by {:?} parent {:?} children {:?}",
            id.get(),
            entity.get::<Place>().map(|place| bits(&[place.0, place.1])),
            entity.get::<Bag>().map(|bag| bits(&bag.0)),
            entity.get::<Shield>(),
            entity.get::<Frozen>(),
            entity.get::<Team>(),
            entity.get::<Engine>(),
            entity.get::<Secret>(),
            entity.get::<Target>().map(|target| name(target.entity)),
            entity.get::<AimsAt>().map(|aims| name(aims.0)),
            entity.get::<AimedAtBy>().map(|by| by.0.iter().map(|&by| name(by)).collect::<Vec<_>>()),
            entity.get::<ChildOf>().map(|parent| name(parent.parent())),
            entity.get::<Children>().map(|list| list.iter().map(name).collect::<Vec<_>>()),
        ));
    }
    lines
}

/// The ids in each table and archetype, in the order of the rows. Archetypes are identified by their
/// components, because other archetypes exist in a world that has rolled back.
pub(super) fn describe_rows(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    let ids = world.resource::<RollbackIds>();
    for archetype in world.archetypes().iter() {
        let rows: Vec<_> = archetype
            .entities()
            .iter()
            .filter_map(|row| {
                let id = *world.get::<RollbackId>(row.id())?;
                (ids.entity(id) == Some(row.id())).then_some((id.get(), row.table_row().index()))
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        let mut components: Vec<_> = archetype
            .iter_components()
            .filter_map(|id| Some(world.components().get_name(id)?.to_string()))
            .collect();
        components.sort_unstable();
        lines.push(format!("{components:?}: {rows:?}"));
    }
    lines.sort_unstable();
    lines
}
