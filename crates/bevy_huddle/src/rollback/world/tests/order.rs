//! Iteration in the order of ids.

use bevy::prelude::*;
use huddle_session::Tick;

use super::game::{Bag, Place, Shield, new_game};
use crate::rollback::world::{DespawnRollback, InOrder, Rollback, RollbackId};

#[derive(Resource, Default)]
struct Seen(Vec<u64>);

fn read(ships: InOrder<(&RollbackId, &Place), Without<Bag>>, mut seen: ResMut<Seen>) {
    seen.0 = ships.iter().map(|(id, _)| id.get()).collect();
}

fn write(mut ships: InOrder<(&RollbackId, &mut Place), Without<Bag>>, mut seen: ResMut<Seen>) {
    seen.0.clear();
    for (id, mut place) in ships.iter_mut() {
        place.0 = id.get() as f32;
        seen.0.push(id.get());
    }
}

fn check(world: &mut World, expected: &[u64]) {
    world.run_system_cached(read).unwrap();
    assert_eq!(world.resource::<Seen>().0, expected);
    world.run_system_cached(write).unwrap();
    assert_eq!(world.resource::<Seen>().0, expected);
}

#[test]
fn entities_come_in_the_order_of_their_ids() {
    let (mut world, mut store) = new_game();
    world.init_resource::<Seen>();
    let ships: Vec<_> = (0..5)
        .map(|_| world.spawn((Place(0.0, 0.0), Rollback)).id())
        .collect();
    check(&mut world, &[0, 1, 2, 3, 4]);
    // Other archetypes and filters.
    world.entity_mut(ships[0]).insert(Shield(1));
    world.entity_mut(ships[3]).insert(Bag(Vec::new()));
    check(&mut world, &[0, 1, 2, 4]);
    store.save(&mut world, Tick(0));
    world.entity_mut(ships[1]).despawn_rollback();
    world.entity_mut(ships[0]).despawn();
    world.spawn((Place(0.0, 0.0), Rollback));
    check(&mut world, &[2, 4, 5]);
    store.load(&mut world, Tick(0)).unwrap();
    check(&mut world, &[0, 1, 2, 4]);
}
