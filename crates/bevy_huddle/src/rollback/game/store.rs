//! The app's world store.

use bevy::prelude::*;

use crate::rollback::world::WorldStore;

/// The app's world store. It is taken out while it changes the world.
#[derive(Resource, Default)]
struct Store(Option<Box<WorldStore>>);

/// Calls a function with the world store, which is created first if necessary.
pub(crate) fn with_store<T>(
    world: &mut World,
    call: impl FnOnce(&mut WorldStore, &mut World) -> T,
) -> T {
    let store = world.get_resource_or_init::<Store>().0.take();
    let mut store = store.unwrap_or_else(|| Box::new(WorldStore::new(world)));
    let result = call(&mut store, world);
    world.get_resource_or_init::<Store>().0 = Some(store);
    result
}
