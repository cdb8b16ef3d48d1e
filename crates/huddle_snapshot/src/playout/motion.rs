//! How values move between samples.

#[cfg(test)]
mod tests;

use std::{array, marker::PhantomData};

/// How a value moves between samples.
pub trait Motion {
    /// The value of a sample.
    type Value: Clone + PartialEq;

    /// Returns the value at the part `t`, from 0 to 1, of the way between two samples. `span` is
    /// the time between them in seconds.
    fn between(&self, from: &Self::Value, to: &Self::Value, t: f32, span: f32) -> Self::Value;

    /// Returns the expected value `ahead` seconds after the newest sample `to`. The sample before
    /// it, `from`, was `span` seconds earlier. The default is `to`: values are not extrapolated.
    fn beyond(&self, from: &Self::Value, to: &Self::Value, span: f32, ahead: f32) -> Self::Value {
        let _ = (from, span, ahead);
        to.clone()
    }

    /// Returns `at`, moved by the part `part`, from 0 to 1, of the way between `from` and `to`.
    /// This function removes the difference between two curves gradually: `to` was shown where the
    /// new curve has `from`. If the values have no differences, blend `at` with `to`, as the
    /// default does.
    fn shift(
        &self,
        at: &Self::Value,
        from: &Self::Value,
        to: &Self::Value,
        part: f32,
    ) -> Self::Value {
        let _ = from;
        self.between(at, to, part, 0.0)
    }
}

/// Straight lines between vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Linear<const N: usize>;

/// A vector with its velocity, for [`Hermite`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moving<const N: usize> {
    /// The vector.
    pub value: [f32; N],
    /// Its change per second.
    pub velocity: [f32; N],
}

/// Curves through vectors that follow their velocities. They suit low send rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hermite<const N: usize>;

/// The shorter arc between rotations, which are quaternions `[x, y, z, w]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nlerp;

/// A function `f(from, to, t)` that interpolates between values, with `t` from 0 to 1. The values
/// are not extrapolated.
///
/// ```
/// use huddle_snapshot::playout::{Custom, Motion};
///
/// let stepped = Custom::new(|from: &u32, to: &u32, t| if t < 0.5 { *from } else { *to });
/// assert_eq!(stepped.between(&1, &2, 0.7, 0.1), 2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Custom<V, F> {
    interpolate: F,
    value: PhantomData<fn(V)>,
}

impl<V, F: Fn(&V, &V, f32) -> V> Custom<V, F> {
    /// Creates a motion from a function.
    pub fn new(interpolate: F) -> Self {
        Self {
            interpolate,
            value: PhantomData,
        }
    }
}

impl<V: Clone + PartialEq, F: Fn(&V, &V, f32) -> V> Motion for Custom<V, F> {
    type Value = V;

    fn between(&self, from: &V, to: &V, t: f32, _: f32) -> V {
        (self.interpolate)(from, to, t)
    }
}

impl<const N: usize> Motion for Linear<N> {
    type Value = [f32; N];

    fn between(&self, from: &[f32; N], to: &[f32; N], t: f32, _: f32) -> [f32; N] {
        moved(from, from, to, t)
    }

    fn beyond(&self, from: &[f32; N], to: &[f32; N], span: f32, ahead: f32) -> [f32; N] {
        moved(to, from, to, ahead / span)
    }

    fn shift(&self, at: &[f32; N], from: &[f32; N], to: &[f32; N], part: f32) -> [f32; N] {
        moved(at, from, to, part)
    }
}

impl<const N: usize> Motion for Hermite<N> {
    type Value = Moving<N>;

    fn between(&self, from: &Moving<N>, to: &Moving<N>, t: f32, span: f32) -> Moving<N> {
        let rest = 1.0 - t;
        // The weights of the end, and of both velocities.
        let end = t * t * (3.0 - 2.0 * t);
        let leave = t * rest * rest * span;
        let arrive = -t * t * rest * span;
        Moving {
            value: array::from_fn(|axis| {
                from.value[axis]
                    + (to.value[axis] - from.value[axis]) * end
                    + from.velocity[axis] * leave
                    + to.velocity[axis] * arrive
            }),
            velocity: moved(&from.velocity, &from.velocity, &to.velocity, t),
        }
    }

    fn beyond(&self, _: &Moving<N>, to: &Moving<N>, _: f32, ahead: f32) -> Moving<N> {
        Moving {
            value: array::from_fn(|axis| to.value[axis] + to.velocity[axis] * ahead),
            velocity: to.velocity,
        }
    }

    fn shift(&self, at: &Moving<N>, from: &Moving<N>, to: &Moving<N>, part: f32) -> Moving<N> {
        Moving {
            value: moved(&at.value, &from.value, &to.value, part),
            velocity: at.velocity,
        }
    }
}

impl Motion for Nlerp {
    type Value = [f32; 4];

    fn between(&self, from: &[f32; 4], to: &[f32; 4], t: f32, _: f32) -> [f32; 4] {
        nlerp(*from, *to, t)
    }

    fn beyond(&self, from: &[f32; 4], to: &[f32; 4], span: f32, ahead: f32) -> [f32; 4] {
        nlerp(*from, *to, 1.0 + ahead / span)
    }

    fn shift(&self, at: &[f32; 4], from: &[f32; 4], to: &[f32; 4], part: f32) -> [f32; 4] {
        let [x, y, z, w] = *from;
        let difference = product(*to, [-x, -y, -z, w]);
        product(nlerp([0.0, 0.0, 0.0, 1.0], difference, part), *at)
    }
}

/// Returns `at`, moved by a part of the way between `from` and `to`.
fn moved<const N: usize>(at: &[f32; N], from: &[f32; N], to: &[f32; N], part: f32) -> [f32; N] {
    array::from_fn(|axis| at[axis] + (to[axis] - from[axis]) * part)
}

/// Returns the normalised linear interpolation of two quaternions along the shorter arc.
fn nlerp(from: [f32; 4], to: [f32; 4], t: f32) -> [f32; 4] {
    let dot = |a: &[f32; 4], b: &[f32; 4]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
    // A quaternion and its negative are the same rotation.
    let near = match dot(&from, &to) < 0.0 {
        true => to.map(|component| -component),
        false => to,
    };
    let between = moved(&from, &from, &near, t);
    let length = dot(&between, &between).sqrt();
    match length > f32::EPSILON {
        true => between.map(|component| component / length),
        false => to,
    }
}

/// Returns the rotation `b` followed by the rotation `a`.
fn product(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    let ([ax, ay, az, aw], [bx, by, bz, bw]) = (a, b);
    [
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    ]
}
