//! Quantisation of rotations: the *smallest three* components of a quaternion.

#[cfg(test)]
mod tests;

use std::{f64::consts::SQRT_2, fmt, ops::RangeInclusive};

use thiserror::Error;

/// The supported numbers of bits for each component.
const BITS: RangeInclusive<u32> = 4..=16;

/// The squared lengths of quaternions that count as rotations: lengths from 0.5 to 2.
const SQUARED_LENGTHS: RangeInclusive<f64> = 0.25..=4.0;

/// A rule for a rotation, given as a quaternion `[x, y, z, w]`.
///
/// The largest component follows from the other three, which lie between `-1/√2` and `1/√2` and are
/// sent with the same number of bits each. `q` and `-q`, which are the same rotation, have the same
/// quanta.
///
/// | bits | average error | largest error |
/// |---|---|---|
/// | 8 | 0.35° | 1.0° |
/// | 10 | 0.09° | 0.25° |
/// | 12 | 0.02° | 0.06° |
///
/// ```
/// use huddle_snapshot::quantise::Rotation;
///
/// let rule = Rotation::new(10)?;
/// let half_turn = [0.0, 1.0, 0.0, 0.0];
/// assert_eq!(rule.dequantise(rule.quantise(half_turn)), half_turn);
/// assert_eq!(rule.to_string(), "rotation 10 bits");
/// # Ok::<(), huddle_snapshot::quantise::RotationError>(())
/// ```
///
/// # Ties
/// If two components are almost equal, rounding can change which one is the largest, and the
/// receiver would then compute other quanta than the sender. Only *canonical* quanta are used, for
/// which this cannot happen. Let the unit be `1/(√2 m)`, where `m` is the limit of a quantum, so
/// that the squared length is the integer `2m²`. Then the square of the largest component, `L`, is
/// an integer as well: `2m²` minus the squares of the quanta. Quanta are canonical if, for each
/// quantum `k`, either
///
/// - `L >= k² + margin`, where the margin keeps both components apart after rounding to `f32`, or
/// - `L = k²`, so that both components round to the same `f32`, and the largest component has the
///   lower index, which breaks the tie.
///
/// [`quantise`](Self::quantise) makes its result canonical in integers: it swaps the components of
/// an exact tie, and otherwise moves the largest quantum one step towards zero until the condition
/// holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    bits: u32,
    /// The largest magnitude of a quantum.
    limit: i32,
    /// The minimum difference between the squares of the largest component and another one.
    margin: i64,
}

/// A quantised rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RotationQuanta {
    /// The index of the largest component, from 0 for `x` to 3 for `w`.
    pub largest: u8,
    /// The other components in the order `x`, `y`, `z`, `w`.
    pub others: [i32; 3],
}

/// The error for a number of bits that is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a rotation cannot have {0} bits per component. Use 4 to 16; 10 are enough for most games."
)]
pub struct RotationError(pub u32);

impl RotationQuanta {
    /// The rotation that changes nothing.
    pub const IDENTITY: Self = Self {
        largest: 3,
        others: [0; 3],
    };

    /// Returns the index in the quaternion of the component `others[other]`.
    fn axis(&self, other: usize) -> usize {
        other + usize::from(other >= usize::from(self.largest))
    }
}

impl Rotation {
    /// Creates a rule with the number of bits for each of three components, from 4 to 16.
    ///
    /// # Errors
    /// Returns an error if the number of bits is not supported.
    pub fn new(bits: u32) -> Result<Self, RotationError> {
        if !BITS.contains(&bits) {
            return Err(RotationError(bits));
        }
        let limit = (1 << (bits - 1)) - 1;
        let squared = i64::from(limit) * i64::from(limit);
        // A difference `d` of the squares is a difference of at least `d / (2 √2 m²)` between the
        // components, as neither exceeds `m` by much. With `d > m² / 2^20` it is at least
        // 3.3e-7, more than 5 times the distance of neighbouring `f32` values below 1.
        Ok(Self {
            bits,
            limit,
            margin: 1 + (squared >> 20),
        })
    }

    /// Returns quanta for a quaternion `[x, y, z, w]`. The quaternion is normalised first. If it is
    /// no rotation, because its length is not a number or not between 0.5 and 2, the result is the
    /// identity.
    pub fn quantise(&self, quaternion: [f32; 4]) -> RotationQuanta {
        let Some(unit) = normalised(quaternion) else {
            return RotationQuanta::IDENTITY;
        };
        let mut largest = 0;
        for axis in 1..4 {
            if unit[axis].abs() > unit[largest].abs() {
                largest = axis;
            }
        }
        let scale = self.scale() * unit[largest].signum();
        let mut quanta = RotationQuanta {
            largest: largest as u8,
            others: [0; 3],
        };
        quanta.others = std::array::from_fn(|other| {
            let quantum = (unit[quanta.axis(other)] * scale).round() as i32;
            quantum.clamp(-self.limit, self.limit)
        });
        self.make_canonical(quanta)
    }

    /// Returns the quaternion `[x, y, z, w]` of quanta, whose length is 1 and whose largest
    /// component is positive. Quanta that are not canonical, which only a faulty peer sends, count
    /// as [`canonical`](Self::canonical) ones.
    pub fn dequantise(&self, quanta: RotationQuanta) -> [f32; 4] {
        self.decode(self.canonical(quanta))
    }

    /// Returns `quanta` if they are canonical, otherwise canonical quanta of a similar rotation.
    /// A receiver that stores quanta of other peers should pass them through this function.
    pub fn canonical(&self, quanta: RotationQuanta) -> RotationQuanta {
        let possible = RotationQuanta {
            largest: quanta.largest.min(3),
            others: quanta
                .others
                .map(|quantum| quantum.clamp(-self.limit, self.limit)),
        };
        match self.violation(&possible) {
            None => possible,
            Some(_) => self.quantise(self.decode(possible)),
        }
    }

    /// The number of bits for each of three components.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The range of each quantum in [`RotationQuanta::others`].
    pub fn quanta(&self) -> RangeInclusive<i32> {
        -self.limit..=self.limit
    }

    /// The number of units in 1.
    fn scale(&self) -> f64 {
        SQRT_2 * f64::from(self.limit)
    }

    fn decode(&self, quanta: RotationQuanta) -> [f32; 4] {
        let largest = self.largest_squared(&quanta).max(0) as f64;
        // In an exact tie, the square root is exact, and both components are equal.
        let mut quaternion = [(largest.sqrt() / self.scale()) as f32; 4];
        for (other, quantum) in quanta.others.into_iter().enumerate() {
            quaternion[quanta.axis(other)] = (f64::from(quantum) / self.scale()) as f32;
        }
        quaternion
    }

    /// Returns the square of the largest component in units, negative if the others are too large.
    fn largest_squared(&self, quanta: &RotationQuanta) -> i64 {
        let squares: i64 = quanta.others.into_iter().map(square).sum();
        2 * square(self.limit) - squares
    }

    /// Returns the index in `others` of the first quantum that violates the canonical condition.
    fn violation(&self, quanta: &RotationQuanta) -> Option<usize> {
        let largest = self.largest_squared(quanta);
        (0..3).find(|&other| {
            let square = square(quanta.others[other]);
            let is_smaller = largest >= square + self.margin;
            let is_tie = largest == square && quanta.axis(other) > usize::from(quanta.largest);
            !is_smaller && !is_tie
        })
    }

    /// Ends, because each round either reduces the sum of the magnitudes of the quanta, or keeps it
    /// and reduces the index of the largest component.
    fn make_canonical(&self, mut quanta: RotationQuanta) -> RotationQuanta {
        while let Some(violating) = self.violation(&quanta) {
            let largest = self.largest_squared(&quanta);
            if largest == square(quanta.others[violating])
                && quanta.axis(violating) < usize::from(quanta.largest)
            {
                quanta = swapped(quanta, violating);
            } else if let Some(quantum) = quanta.others.iter_mut().max_by_key(|k| k.abs()) {
                *quantum -= quantum.signum();
            }
        }
        quanta
    }
}

/// Returns the same rotation, where the largest component and `others[other]`, which has the same
/// magnitude, have exchanged their roles.
fn swapped(quanta: RotationQuanta, other: usize) -> RotationQuanta {
    let tied = quanta.others[other];
    let mut components = [tied.abs(); 4];
    for (other, quantum) in quanta.others.into_iter().enumerate() {
        components[quanta.axis(other)] = quantum;
    }
    let mut swapped = RotationQuanta {
        largest: quanta.axis(other) as u8,
        others: [0; 3],
    };
    swapped.others = std::array::from_fn(|other| components[swapped.axis(other)] * tied.signum());
    swapped
}

fn square(quantum: i32) -> i64 {
    i64::from(quantum) * i64::from(quantum)
}

fn normalised(quaternion: [f32; 4]) -> Option<[f64; 4]> {
    let components = quaternion.map(f64::from);
    let [x, y, z, w] = components;
    let squared = x * x + y * y + z * z + w * w;
    let length = squared.sqrt();
    SQUARED_LENGTHS
        .contains(&squared)
        .then(|| components.map(|component| component / length))
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rotation {} bits", self.bits)
    }
}
