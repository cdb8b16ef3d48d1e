//! Turns cameras off while the page is hidden.

use bevy::{camera::Camera, prelude::*};

/// The cameras that are inactive only because the page is hidden.
#[derive(Resource, Debug, Default)]
pub(super) struct Covered(Vec<Entity>);

/// Deactivates the cameras while the page is hidden, and reactivates them when it is shown.
pub(super) fn cover(
    In(is_hidden): In<bool>,
    mut covered: ResMut<Covered>,
    mut cameras: Query<(Entity, &mut Camera)>,
) {
    if is_hidden {
        for (entity, mut camera) in &mut cameras {
            if camera.is_active {
                camera.is_active = false;
                covered.0.push(entity);
            }
        }
    } else if !covered.0.is_empty() {
        for entity in covered.0.drain(..) {
            if let Ok((_, mut camera)) = cameras.get_mut(entity) {
                camera.is_active = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_are_inactive_while_the_page_is_hidden() {
        let mut world = World::new();
        world.init_resource::<Covered>();
        let camera = |is_active| Camera {
            is_active,
            ..default()
        };
        let [on, off, gone] = [true, false, true].map(|on| world.spawn(camera(on)).id());
        let is_active = |world: &World, entity| world.get::<Camera>(entity).map(|c| c.is_active);

        let set_hidden = |world: &mut World, hidden| {
            world.run_system_cached_with(cover, hidden).unwrap();
        };
        for _ in 0..3 {
            set_hidden(&mut world, true);
            assert_eq!(is_active(&world, on), Some(false));
        }
        // A camera that the game adds while the page is hidden is also deactivated.
        let added = world.spawn(camera(true)).id();
        world.despawn(gone);
        set_hidden(&mut world, true);
        assert_eq!(is_active(&world, added), Some(false));

        set_hidden(&mut world, false);
        assert_eq!(is_active(&world, on), Some(true));
        assert_eq!(is_active(&world, added), Some(true));
        assert_eq!(is_active(&world, off), Some(false));

        // While the page is shown, only the game changes its cameras.
        world.get_mut::<Camera>(on).unwrap().is_active = false;
        set_hidden(&mut world, false);
        assert_eq!(is_active(&world, on), Some(false));
    }
}
