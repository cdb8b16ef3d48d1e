/// A quantised value of a component, which consists of one to four numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::len_without_is_empty)]
pub enum Field {
    /// One to three numbers that tend to change together: a scalar or a vector.
    Vector {
        /// The number of axes, from 1 to 3.
        axes: u8,
        /// The highest value of each axis, below 2^31. The lowest is 0.
        max: [u32; 3],
    },
    /// A number that wraps around: the lowest value follows the highest.
    Angle {
        /// The number of bits, from 1 to 31.
        bits: u8,
    },
    /// 0 or 1.
    Flag,
    /// A unit quaternion as *smallest three*.
    ///
    /// The first number is the index of the component with the largest absolute value, in the order
    /// x, y, z, w. The other three components follow in this order, all multiplied by the sign of the
    /// largest.
    Rotation {
        /// The number of bits of a component, from 2 to 16. 0 stands for -1/√2, and the highest
        /// value for 1/√2.
        bits: u8,
    },
}

impl Field {
    /// Returns the number of numbers.
    pub fn len(&self) -> usize {
        match *self {
            Self::Vector { axes, .. } => usize::from(axes.clamp(1, 3)),
            Self::Angle { .. } | Self::Flag => 1,
            Self::Rotation { .. } => 4,
        }
    }

    /// Returns the highest value of a number. The lowest is 0.
    pub fn max(&self, index: usize) -> i32 {
        match *self {
            Self::Vector { max, .. } => {
                let max = max.get(index).copied().unwrap_or(0);
                i32::try_from(max).unwrap_or(i32::MAX)
            }
            Self::Angle { bits } => i32::MAX >> (31 - bits.clamp(1, 31)),
            Self::Flag => 1,
            Self::Rotation { .. } if index == 0 => 3,
            Self::Rotation { bits } => (1 << bits.clamp(2, 16)) - 1,
        }
    }
}
