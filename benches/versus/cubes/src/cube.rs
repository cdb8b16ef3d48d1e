//! The quantised state of a cube, as in Gaffer's challenge.

use rapier3d::math::{Isometry, Real};

/// The number of cubes in a frame. The first is the player's.
pub(crate) const CUBES: usize = 901;

/// Position units per metre.
const PER_METRE: Real = 512.0;
/// The highest value of a smallest-three component, which has 9 bits.
const MAX_COMPONENT: Real = 511.0;

/// The state of a cube.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cube {
    /// The index of the largest component of the rotation, in the order x, y, z, w.
    pub(crate) largest: i32,
    /// The other components, from 0 to 511.
    pub(crate) rotation: [i32; 3],
    /// The position. The last component is the height.
    pub(crate) position: [i32; 3],
    /// Whether the cube touches the player's cube, maybe through other cubes: 0 or 1.
    pub(crate) interacting: i32,
}

/// All cubes at one time.
pub(crate) type Frame = Vec<Cube>;

impl Cube {
    pub(crate) fn new(place: &Isometry<Real>, is_interacting: bool) -> Self {
        let q = place.rotation.coords;
        let q = [q.x, q.y, q.z, q.w];
        let mut largest = 0;
        for i in 1..4 {
            if q[i].abs() > q[largest].abs() {
                largest = i;
            }
        }
        let mut rotation = [0; 3];
        let others = (0..4).filter(|i| *i != largest);
        for (to, i) in rotation.iter_mut().zip(others) {
            let component = q[i] * q[largest].signum();
            let share = (component * std::f32::consts::SQRT_2 + 1.0) / 2.0;
            *to = (share * MAX_COMPONENT + 0.5)
                .floor()
                .clamp(0.0, MAX_COMPONENT) as i32;
        }
        // The physics has y up, the challenge z.
        let at = place.translation;
        let position = [at.x, at.z, at.y].map(|metres| (metres * PER_METRE + 0.5).floor() as i32);
        Self {
            largest: largest as i32,
            rotation,
            position,
            interacting: is_interacting.into(),
        }
    }

    /// Returns the numbers in the order of the challenge's file.
    pub(crate) fn numbers(&self) -> [i32; 8] {
        let ([a, b, c], [x, y, z]) = (self.rotation, self.position);
        [self.largest, a, b, c, x, y, z, self.interacting]
    }

    pub(crate) fn from_numbers([largest, a, b, c, x, y, z, interacting]: [i32; 8]) -> Self {
        Self {
            largest,
            rotation: [a, b, c],
            position: [x, y, z],
            interacting,
        }
    }
}
