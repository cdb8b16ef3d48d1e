//! The level: a floor with a rim, and the cubes on it. Every player's game builds the same one.

use avian3d::prelude::*;
use bevy::prelude::*;

/// The length of a cube's edge, in meters.
pub(crate) const CUBE: f32 = 1.0;

/// Half the length of the floor's edge, in meters.
pub(crate) const HALF_FLOOR: f32 = 20.0;

/// The height of the invisible walls around the floor, in meters.
pub(crate) const WALL: f32 = 12.0;

/// A stack of cubes.
#[derive(Clone, Copy)]
enum Stack {
    /// Each layer is one cube smaller than the one below.
    Pyramid { base: usize },
    /// All layers have the same size.
    Block { size: [usize; 2], height: usize },
}

impl Stack {
    /// Returns the number of cubes along x and z in a layer, or `None` above the top.
    fn layer(self, layer: usize) -> Option<[usize; 2]> {
        match self {
            Self::Pyramid { base } => (layer < base).then(|| [base - layer; 2]),
            Self::Block { size, height } => (layer < height).then_some(size),
        }
    }

    /// Returns the centers of the cubes around a place.
    fn cubes(self, middle: Vec2) -> impl Iterator<Item = Vec3> {
        let layers = (0..).map_while(move |layer| Some((layer, self.layer(layer)?)));
        layers.flat_map(move |(layer, [columns, rows])| {
            (0..columns * rows).map(move |at| {
                let size = Vec2::new(columns as f32, rows as f32);
                let cell = Vec2::new((at % columns) as f32, (at / columns) as f32);
                let place = middle + (cell - (size - 1.0) / 2.0) * CUBE;
                Vec3::new(place.x, (layer as f32 + 0.5) * CUBE, place.y)
            })
        })
    }
}

/// Returns the centers of all cubes of the level.
pub(crate) fn cubes() -> Vec<Vec3> {
    let block = |size, height| Stack::Block { size, height };
    let corner = block([2, 2], 6);
    let stacks = [
        (Stack::Pyramid { base: 6 }, [0.0, 0.0]),
        (block([9, 1], 4), [0.0, -13.0]),
        (block([9, 1], 4), [0.0, 13.0]),
        (block([1, 9], 4), [-14.0, 0.0]),
        (block([1, 9], 4), [14.0, 0.0]),
        (corner, [-10.0, -10.0]),
        (corner, [10.0, -10.0]),
        (corner, [-10.0, 10.0]),
        (corner, [10.0, 10.0]),
        (block([3, 3], 4), [-8.0, 0.0]),
        (block([3, 3], 4), [8.0, 0.0]),
    ];
    let cubes = stacks.map(|(stack, middle)| stack.cubes(Vec2::from_array(middle)));
    cubes.into_iter().flatten().collect()
}

/// Builds the floor, the walls and the ceiling, which are not visible.
pub(crate) fn build(mut commands: Commands) {
    let side = 2.0 * HALF_FLOOR;
    let middle = Vec3::Y * WALL / 2.0;
    let room = Vec3::new(side, WALL, side);
    let directions = [Vec3::X, Vec3::Y, Vec3::Z];
    for direction in directions.into_iter().flat_map(|it| [it, -it]) {
        // Thick enough that nothing passes through it in one tick.
        let thickness = 2.0;
        let across = direction.abs();
        let size = room + 2.0 * thickness * (Vec3::ONE - across);
        let size = size * (Vec3::ONE - across) + across * thickness;
        let away = (room.dot(across) + thickness) / 2.0;
        let place = middle + direction * away;
        commands.spawn((
            RigidBody::Static,
            Collider::cuboid(size.x, size.y, size.z),
            Position(place),
            Transform::from_translation(place),
        ));
    }
}

/// Returns the nearest place in the level, or `None` if the given one is in the level.
pub(crate) fn nearest_place(place: Vec3) -> Option<Vec3> {
    let outside = Vec3::new(HALF_FLOOR, WALL, HALF_FLOOR);
    let is_inside = place.y > -CUBE / 2.0 && place.abs().cmple(outside).all();
    let margin = 1.5 * CUBE;
    let low = Vec3::new(margin - HALF_FLOOR, margin, margin - HALF_FLOOR);
    (!is_inside).then(|| place.clamp(low, outside - margin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubes_stand_on_the_floor_without_overlapping() {
        let cubes = cubes();
        assert_eq!(cubes.len(), 403);
        for (index, cube) in cubes.iter().enumerate() {
            assert!(cube.xz().abs().max_element() < HALF_FLOOR - CUBE, "{cube}");
            let mut others = cubes[..index].iter();
            let is_inside = |other: &&Vec3| (cube - **other).abs().max_element() < CUBE - 1e-3;
            assert_eq!(others.find(is_inside), None, "{cube}");
        }
    }

    #[test]
    fn place_outside_of_the_level_is_replaced_by_one_inside() {
        for outside in [
            Vec3::NEG_Y * 3.0,
            Vec3::Y * 100.0,
            Vec3::new(21.0, 1.0, -1e9),
        ] {
            let inside = nearest_place(outside).unwrap();
            assert_eq!(nearest_place(inside), None, "{outside}");
        }
        assert_eq!(nearest_place(Vec3::Y), None);
    }
}
