//! What saves share, and what loads leave alone.

use bevy::prelude::*;
use huddle_session::Tick;

use super::game::{Place, Shield, describe_rows, new_game};
use crate::rollback::world::{DespawnRollback, Rollback, SimulatedTick, rows::TableMover};

#[test]
fn saves_share_their_structure_until_it_changes() {
    let (mut world, mut store) = new_game();
    let ship = world.spawn((Place(0.0, 0.0), Rollback)).id();
    for tick in 0..5 {
        store.save(&mut world, Tick(tick));
        world.get_mut::<Place>(ship).unwrap().0 += 1.0;
    }
    assert_eq!(store.structures.len(), 1);
    world.entity_mut(ship).insert(Shield(1));
    store.save(&mut world, Tick(5));
    assert_eq!(store.structures.len(), 2);

    // The first structure is not used for others while a save needs it.
    for tick in 0..4 {
        store.release(Tick(tick));
    }
    world.entity_mut(ship).remove::<Place>();
    store.save(&mut world, Tick(6));
    assert_eq!(store.structures.len(), 3);
    store.load(&mut world, Tick(4)).unwrap();
    assert_eq!(world.get::<Place>(ship), Some(&Place(4.0, 0.0)));
    assert!(!world.entity(ship).contains::<Shield>());

    // Then its memory is used again.
    store.release(Tick(4));
    world.spawn((Place(0.0, 0.0), Rollback));
    store.save(&mut world, Tick(7));
    world.spawn((Place(0.0, 0.0), Rollback));
    store.save(&mut world, Tick(8));
    assert_eq!(store.structures.len(), 4);
}

#[derive(Resource, Default)]
struct Moves(u32);

fn count_moves(_: On<Add, TableMover>, mut moves: ResMut<Moves>) {
    moves.0 += 1;
}

/// Bullets leave a table, and new ones take their rows.
#[test]
fn load_moves_only_rows_that_are_wrong() {
    let (mut world, mut store) = new_game();
    world.init_resource::<Moves>();
    world.add_observer(count_moves);
    let bullets: Vec<Entity> = (0..100)
        .map(|number| world.spawn((Place(number as f32, 0.0), Rollback)).id())
        .collect();
    store.save(&mut world, Tick(0));
    let rows = describe_rows(&world);
    for tick in 0..4 {
        world.resource_mut::<SimulatedTick>().0 = Tick(tick);
        for bullet in 0..5 {
            let bullet = bullets[(tick * 5 + bullet) as usize];
            world.entity_mut(bullet).despawn_rollback();
        }
        for _ in 0..5 {
            world.spawn((Place(-1.0, 0.0), Rollback));
        }
        store.save(&mut world, Tick(tick + 1));
    }
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(rows, describe_rows(&world));
    // The last five bullets took the rows of the first five.
    assert_eq!(world.resource::<Moves>().0, 5);
}
