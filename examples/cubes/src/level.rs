//! The level: a floor with a rim, and the cubes on it. Every player's game builds the same one.

use avian3d::prelude::*;
use bevy::prelude::*;

/// The length of a cube's edge, in meters.
pub(crate) const CUBE: f32 = 1.0;

/// Half the length of the floor's edge, in meters.
pub(crate) const HALF_FLOOR: f32 = 20.0;

/// The height of the invisible walls around the floor, in meters.
pub(crate) const WALL: f32 = 12.0;

/// What stands on the floor.
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

/// Builds the floor and the walls.
pub(crate) fn build(mut commands: Commands) {
    let half = HALF_FLOOR;
    let side = 2.0 * half;
    commands.spawn((
        RigidBody::Static,
        Collider::cuboid(side, 2.0, side),
        Position(Vec3::new(0.0, -1.0, 0.0)),
    ));
    for direction in [Vec3::X, Vec3::NEG_X, Vec3::Z, Vec3::NEG_Z] {
        let size = Vec3::new(side, WALL, side) - direction.abs() * (side - 2.0);
        commands.spawn((
            RigidBody::Static,
            Collider::cuboid(size.x, size.y, size.z),
            Position(direction * (half + 1.0) + Vec3::Y * WALL / 2.0),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundreds_of_cubes_stand_on_the_floor_and_not_in_each_other() {
        let cubes = cubes();
        assert_eq!(cubes.len(), 403);
        for (index, cube) in cubes.iter().enumerate() {
            assert!(cube.xz().abs().max_element() < HALF_FLOOR - CUBE, "{cube}");
            let mut others = cubes[..index].iter();
            let is_inside = |other: &&Vec3| (cube - **other).abs().max_element() < CUBE - 1e-3;
            assert_eq!(others.find(is_inside), None, "{cube}");
        }
    }
}
