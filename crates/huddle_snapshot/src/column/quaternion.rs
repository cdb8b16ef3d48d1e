//! Quaternions of integers, so that all peers compute the same.

/// The fixed-point 1.
const ONE: i64 = 1 << 20;

/// 1/√2, the highest value of a component that is not the largest.
const MAX_SMALL: i64 = 741_455;

/// 1/√3. Vector parts with components up to this have a rotation.
const MAX_VECTOR: i64 = 605_396;

/// A unit quaternion: x, y, z and w.
pub(super) type Quaternion = [i64; 4];

/// The vector part of a quaternion.
pub(super) type Vector = [i64; 3];

/// The smallest three components: the index of the largest, and the others from 0 to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SmallestThree {
    pub(super) largest: usize,
    pub(super) small: [i32; 3],
    pub(super) max: i32,
}

impl SmallestThree {
    pub(super) fn to_quaternion(self) -> Quaternion {
        let max = i64::from(self.max);
        let mut all = [0; 4];
        let mut rest = ONE * ONE;
        for (i, n) in self.small.into_iter().enumerate() {
            let n = i64::from(n).clamp(0, max);
            let n = (2 * n - max) * MAX_SMALL / max;
            all[axis(i, self.largest)] = n;
            rest -= n * n;
        }
        all[self.largest & 3] = root(rest);
        all
    }

    /// Returns the components of a quaternion other than that of the index.
    pub(super) fn of(q: Quaternion, largest: usize, max: i32) -> Self {
        let sign = sign(q, largest);
        let small = std::array::from_fn(|i| {
            let n = sign * q[axis(i, largest)] + MAX_SMALL;
            let rounded = (n * i64::from(max) + MAX_SMALL) / (2 * MAX_SMALL);
            rounded.clamp(0, max.into()) as i32
        });
        Self {
            largest,
            small,
            max,
        }
    }
}

/// Returns in how many steps of a component a fixed-point number is.
pub(super) fn steps(n: u64, max: i32) -> u64 {
    n * u64::from(max.unsigned_abs()) / (2 * MAX_SMALL.unsigned_abs())
}

/// Returns the axis of one of the smallest three.
pub(super) fn axis(index: usize, largest: usize) -> usize {
    (index + usize::from(index >= largest)) & 3
}

/// Returns the sign of a component: 1 or -1.
pub(super) fn sign(q: Quaternion, axis: usize) -> i64 {
    if q[axis & 3] < 0 { -1 } else { 1 }
}

/// Returns the axes, that of the largest absolute value first.
pub(super) fn axes_by_size(q: Quaternion) -> [usize; 4] {
    let mut axes = [0, 1, 2, 3];
    axes.sort_by_key(|axis| -q[*axis].abs());
    axes
}

/// Returns the rotation by `b`, followed by that by `a`.
pub(super) fn multiply(a: Quaternion, b: Quaternion) -> Quaternion {
    let [ax, ay, az, aw] = a;
    let [bx, by, bz, bw] = b;
    let product = [
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by + ay * bw + az * bx - ax * bz,
        aw * bz + az * bw + ax * by - ay * bx,
        aw * bw - ax * bx - ay * by - az * bz,
    ];
    product.map(|n| n >> ONE.ilog2())
}

/// Returns how a rotation changes with another rotation of that vector part, if the other rotation
/// is small.
pub(super) fn derivative([x, y, z]: Vector, of: Quaternion) -> Quaternion {
    multiply([x, y, z, 0], of)
}

/// Returns the rotation with a vector part, and with a positive w.
pub(super) fn from_vector(vector: Vector) -> Quaternion {
    let [x, y, z] = vector.map(|n| n.clamp(-MAX_VECTOR, MAX_VECTOR));
    [x, y, z, root(ONE * ONE - x * x - y * y - z * z)]
}

/// Returns the vector part of the shorter rotation between two rotations.
pub(super) fn vector_between(from: Quaternion, to: Quaternion) -> Vector {
    let [x, y, z, w] = from;
    let [x, y, z, w] = multiply(to, [-x, -y, -z, w]);
    if w < 0 { [-x, -y, -z] } else { [x, y, z] }
}

/// Returns the sum of the absolute values.
pub(super) fn size(vector: Vector) -> u64 {
    vector.iter().map(|n| n.unsigned_abs()).sum()
}

fn root(n: i64) -> i64 {
    n.max(0).cast_unsigned().isqrt().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn_about_z(degrees: f64) -> Quaternion {
        let half = (degrees / 2.0).to_radians();
        let one = ONE as f64;
        [0, 0, (half.sin() * one) as i64, (half.cos() * one) as i64]
    }

    #[test]
    fn smallest_three_of_a_quaternion_are_those_it_was_made_of() {
        for largest in 0..4 {
            for small in [
                [0, 255, 255],
                [1, 200, 300],
                [255, 256, 257],
                [250, 470, 200],
            ] {
                let numbers = SmallestThree {
                    largest,
                    small,
                    max: 511,
                };
                let q = numbers.to_quaternion();
                assert_eq!(SmallestThree::of(q, largest, 511), numbers);
                assert_eq!(SmallestThree::of(q.map(|n| -n), largest, 511), numbers);
            }
        }
    }

    #[test]
    fn turns_about_one_axis_add_up() {
        let turned = multiply(turn_about_z(20.0), turn_about_z(30.0));
        let expected = turn_about_z(50.0);
        assert!(turned.iter().zip(expected).all(|(a, b)| (a - b).abs() < 4));
        let [x, y, z] = vector_between(turn_about_z(30.0), turned);
        assert_eq!((x, y), (0, 0));
        assert!((z - turn_about_z(20.0)[2]).abs() < 8);
    }

    #[test]
    fn opposite_quaternions_are_the_same_rotation() {
        let (from, to) = (turn_about_z(30.0), turn_about_z(50.0));
        let vector = vector_between(from, to);
        let opposite = vector_between(from, to.map(|n| -n));
        assert!(vector.iter().zip(opposite).all(|(a, b)| (a - b).abs() < 4));
    }

    #[test]
    fn too_long_vector_parts_have_a_rotation() {
        let q = from_vector([i64::MAX, i64::MIN, 0]);
        let squares: i64 = q.iter().map(|n| n * n).sum();
        assert!((squares - ONE * ONE).abs() < 4 * ONE);
    }
}
